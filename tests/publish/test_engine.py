from __future__ import annotations

import errno
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from company_building import SCRIPT, TURNED, chart, executed, notebook
from nbformat.v4 import new_output

from idp_analytics.errors import ReportError
from idp_analytics.paths import PACKAGE
from idp_analytics.publish import engine, exporter, stock
from idp_analytics.publish import notebook as notebooks
from idp_analytics.publish.engine import KERNEL_DIED, TIMEOUT, Failure, Job, make, plain, visible
from idp_analytics.publish.page import Link, Page
from idp_analytics.publish.stock import run

DECLARED = {"team": {"type": "str", "required": True}, "weeks": {"type": "int"}}
Written = Callable[..., Job]


@pytest.fixture
def job(tmp_path: Path) -> Written:
    """Writes a notebook of the cells given and the job to run it."""

    def write(*cells: str, team: str = "payments", seconds: float = 60, **given: Any) -> Job:
        path = tmp_path / "team.ipynb"
        told = notebook(["# How is it going?", "team = ''\nweeks = 4", "## How often?", *cells], DECLARED)
        path.write_text(json.dumps(told), encoding="utf-8")
        folder = tmp_path / "set"
        (folder / "teams").mkdir(parents=True, exist_ok=True)
        page = Page("Payments", downloads=(Link("This report's notebook", "a.ipynb"), Link("CSV", "answers.csv")))
        return Job("teams/a", path, {"team": team, **given}, folder, page, seconds)

    return write


def outputs(told: nbformat.NotebookNode) -> str:
    return "".join(o.get("text", "") for cell in told.cells for o in cell.get("outputs", []))


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


# --- one report, made --------------------------------------------------------------------------------------------------


def test_a_report_is_a_page_and_the_notebook_that_made_it(job: Written) -> None:
    made = job()
    outcome = make(made, lambda _: (executed(new_output("stream", name="stdout", text="of payments")), None))
    assert (outcome.name, outcome.failure) == ("teams/a", None)
    assert outcome.seconds > 0
    assert names(made.folder) == {"teams/a.html", "teams/a.ipynb"}
    assert "of payments" in (made.folder / "teams/a.html").read_text(encoding="utf-8")
    nbformat.validate(nbformat.read(made.folder / "teams/a.ipynb", as_version=4))


def test_a_failed_report_keeps_its_notebook_and_says_so(job: Written) -> None:
    made = job()
    failure = Failure("ValueError", f"no {SCRIPT}", "How often?", 3)
    outcome = make(made, lambda _: (executed(new_output("error", ename="ValueError", evalue="no")), failure))
    assert outcome.failure == failure
    assert names(made.folder) == {"teams/a.html", "teams/a.failed.ipynb"}
    page = (made.folder / "teams/a.html").read_text(encoding="utf-8")
    assert "This report could not be finished" in page
    assert 'href="a.failed.ipynb"' in page
    assert SCRIPT not in page


def test_what_no_browser_opens_is_not_published(job: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MOST_SHOWN", 20_000)

    def long(_: Job) -> tuple[Any, None]:
        cells = ("one = 1", "2", "3")
        notebook = notebooks.blank()
        notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
        for cell, size in zip(notebook.cells, (10, 30_000, 15_000), strict=True):
            cell.outputs = [nbformat.v4.new_output("stream", text="x" * size)]
        return notebook, None

    written = job("1")
    outcome = make(written, long)
    assert outcome.failure == Failure("TooMuchShownError", engine.copiousness(), "", 2)
    kept = notebooks.read(written.folder / f"{written.name}.failed.ipynb")
    assert [[o.get("text", o.get("ename")) for o in cell.outputs] for cell in kept.cells] == [
        ["x" * 10],
        ["TooMuchShownError"],
        ["x" * 15_000],
    ]
    assert (written.folder / f"{written.name}.html").stat().st_size < 50_000


def test_an_engine_that_raises_is_that_reports_failure(job: Written) -> None:
    def execute(_: Job) -> Any:
        raise RuntimeError("\x1b[31mno\x1b[0m kernel")

    outcome = make(job(), execute)
    assert outcome.failure == Failure("RuntimeError", "no kernel")
    assert outcome.failure.sentence == "RuntimeError: no kernel"


def test_what_cannot_be_rendered_still_gets_a_page(job: Written) -> None:
    made = job()
    broken = executed(new_output("display_data", {"application/vnd.vegalite.v5+json": {"a": float("nan")}}))
    outcome = make(made, lambda _: (broken, None))
    assert outcome.failure is not None
    assert outcome.failure.error == "ValueError"
    page = (made.folder / "teams/a.html").read_text(encoding="utf-8")
    assert "This report could not be finished" in page
    assert (made.folder / "teams/a.failed.ipynb").is_file()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_full_disk_stops_the_run_and_is_no_reports_fault(job: Written, number: int) -> None:
    def execute(_: Job) -> Any:
        raise OSError(number, "no")

    with pytest.raises(OSError, match="no"):
        make(job(), execute)


def test_a_missing_file_is_a_reports_own_fault(job: Written) -> None:
    outcome = make(replace(job(), notebook=Path("none.ipynb")))
    assert outcome.failure is not None
    assert outcome.failure.error == "FileNotFoundError"


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (Failure("E", "m", "Q?", 3), "E in “Q?”: m"),
        (Failure("E", "m", "", 3), "E in cell 3: m"),
        (Failure("E", "m"), "E: m"),
        (Failure("E", ""), "E"),
        (Failure("E", "", "Q?"), "E in “Q?”"),
    ],
)
def test_a_failure_in_one_line(failure: Failure, sentence: str) -> None:
    assert failure.sentence == sentence


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\x1b[0;31mred\x1b[0m", "red"),
        (f"{TURNED}\x07\x00", "PayslaP"),
        ("  two\n\tlines ", "  two\n\tlines "),
        ("عربي", "عربي"),
    ],
)
def test_text_is_shown_not_obeyed(text: str, seen: str) -> None:
    assert visible(text) == seen
    assert plain(text) == seen.strip()


def test_an_errors_text_ends() -> None:
    assert plain("x" * 3_000) == "x" * 2_000 + " …"
    assert plain("x" * 2_000) == "x" * 2_000


# --- run by papermill, in a kernel -------------------------------------------------------------------------------------

LOOKS = """
import os, sys
print(team, weeks, os.path.basename(os.getcwd()))
print(sorted(n for n in os.environ if 'TOKEN' in n or 'KEY' in n), os.environ['PYTHONHASHSEED'], sys.executable)
import idp_analytics
print(idp_analytics.__file__)
"""


def test_a_notebook_runs_where_its_page_will_lie_and_sees_no_secrets(
    job: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    monkeypatch.setenv("IDP_PEOPLE_KEY", "secret")
    name = f"{SCRIPT} \"'\\ {TURNED}\n"
    told, failure = run(job(LOOKS, f"assert team == {name!r}", team=name, weeks=12))
    assert failure is None
    text = outputs(told)
    assert " 12 teams\n" in text
    assert f"[] 0 {sys.executable}\n{PACKAGE / '__init__.py'}" in text
    (given,) = [cell for cell in told.cells if cell.id == "injected-parameters"]
    assert TURNED not in given.source
    assert given.metadata.tags == ["injected-parameters"]
    assert told.metadata.papermill == {"parameters": {"team": name, "weeks": 12}}


def test_run_twice_the_notebook_has_the_same_bytes_and_no_paths(job: Written, tmp_path: Path) -> None:
    made = job(
        "print({'a', 'b', 'c', team})",
        "import os\nfrom idp_analytics.report import open_report",
        "open_report(mart=os.path.abspath('../mart'), team=team)",
        "print('never')",
    )
    (one, failure), (two, _) = run(made), run(made)
    assert failure is not None
    assert (failure.error, failure.heading, failure.cell) == ("ReportError", "How often?", 7)
    assert failure.message.startswith("mart: no meta.json in this folder")
    assert notebooks.text(one) == notebooks.text(two)
    text = notebooks.text(one)
    for path in (str(tmp_path), str(PACKAGE.parent), sys.prefix, "/tmp"):
        assert path not in text
    assert "never" not in outputs(one)
    assert [c.metadata.papermill for c in one.cells if c.cell_type == "code" and "papermill" in c.metadata][-2:] == [
        {"status": "failed", "exception": True}, {"status": "pending", "exception": False},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "seconds", "error", "message"),
    [
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", 60, KERNEL_DIED, "signal 9 (often: out of memory)"),
        ("import os\nos._exit(3)", 60, KERNEL_DIED, "the kernel ended by itself: exit code 3"),
        ("import subprocess, time\nsubprocess.Popen(['sleep', '60'])\ntime.sleep(60)", 10, TIMEOUT, "longer than 10 s"),
        ("raise SystemExit(0)", 60, "SystemExit", "0"),
    ],
    ids=["killed", "exits", "late", "ends"],
)
def test_a_kernel_that_ends_is_a_failure_at_its_cell(
    job: Written, code: str, seconds: float, error: str, message: str
) -> None:
    told, failure = run(job("print('before')", "# The end\n\n## Why?", code, "print('after')", seconds=seconds))
    assert failure is not None
    assert failure.error == error
    assert message in failure.message
    assert (failure.heading, failure.cell) == ("Why?", 7)
    assert outputs(told) == "before\n"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process cannot limit the memory of another")
def test_a_kernel_has_no_more_memory_than_it_may(job: Written) -> None:
    wanting = replace(job("print('before')", "kept = bytearray(1 << 32)", "print('after')"), memory=1 << 30)
    told, failure = run(wanting)
    assert failure is not None
    assert (failure.error, failure.cell) == ("MemoryError", 6)
    assert outputs(told) == "before\n"


def test_a_kernel_that_cannot_start_is_a_failure(job: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    _, failure = run(job("1"))
    assert failure is not None
    assert failure.error == KERNEL_DIED


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("/usr/lib/x.py:3", "lib/x.py:3"),
        ("File \x1b[32m/usr/lib/x.py\x1b[39m", "File \x1b[32mlib/x.py\x1b[39m"),
        ("'~/code/a.py'", "'a.py'"),
        ("/home/usr/lib, ./usr/lib", "/home/usr/lib, ./usr/lib"),
        ("/usr/local/lib and /usr", "lib and /usr"),
    ],
)
def test_only_whole_paths_of_the_machine_are_left_out(monkeypatch: pytest.MonkeyPatch, text: str, told: str) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/home/me"))
    assert engine._local((Path("/usr"), Path("/usr/local"), Path("/home/me/code"))).sub("", text) == told


def test_a_kernel_that_says_nothing_is_told_apart() -> None:
    class Kernel:
        provisioner = None

    assert stock._death(Kernel(), RuntimeError("silence")) == "the kernel did not start or answer (silence)"


@pytest.mark.parametrize("given", [{"wekks": 12}, {"weeks": "12"}])
def test_a_mistyped_parameter_stops_before_a_kernel_starts(
    job: Written, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]
) -> None:
    monkeypatch.setattr(stock, "_register", lambda: pytest.fail("a kernel was about to start"))
    with pytest.raises(ReportError, match=r"team\.ipynb: 1 problem"):
        run(job("1", **given))


def test_the_stock_engine_of_papermill_gives_the_same_page(job: Written, tmp_path: Path) -> None:
    import papermill

    show = f"display({{'application/vnd.vegalite.v5+json': {chart(SCRIPT)!r}, 'text/plain': team}}, raw=True)"
    made = job("from IPython.display import display", show, "print('of', team)", team=SCRIPT)
    ours, failure = run(made)
    assert failure is None
    out = tmp_path / "stock.ipynb"
    papermill.execute_notebook(
        str(made.notebook),
        str(out),
        dict(made.parameters),
        kernel_name="python3",
        language="python",
        progress_bar=False,
    )
    (tmp_path / "vega.js").write_text("vegaEmbed = 0;")
    pages = {exporter.render(told, made.page, tmp_path / "vega.js") for told in (ours, notebooks.read(out))}
    assert len(pages) == 1
