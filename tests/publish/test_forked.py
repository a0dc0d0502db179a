"""Reports in forks: isolated from one another, failing alone, and the same as from a kernel of their own."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from click.testing import CliRunner
from company_building import SCRIPT, chart, notebook
from run_building import Deadly

from idp_analytics.cli import cli
from idp_analytics.publish import notebook as notebooks
from idp_analytics.publish import stock, workers
from idp_analytics.publish.engine import KERNEL_DIED, TIMEOUT, UNTOLD, Failure, Job, Outcome, copiousness
from idp_analytics.publish.forked import forked
from idp_analytics.publish.page import Page
from idp_analytics.publish.workers import WORKER_DIED

DECLARED = {"team": {"type": "str", "required": True}}

SAYS = f"""
import os, sys, time, warnings
from IPython.display import HTML, clear_output, display, update_display
print('of', team, end=' ')
print('to stderr', file=sys.stderr)
print('and on')
display({{'application/vnd.vegalite.v5+json': {chart(SCRIPT)!r}, 'text/plain': team}}, raw=True)
display(HTML('<b>one</b>'), display_id='one')
os.system('echo from below')
time.sleep(1)  # a kernel reads that beside its cells, and else it could be told of the next one
"""

OUTPUTS = [
    SAYS,
    "update_display(HTML('<b>two</b>'), display_id='one')",
    "print('gone')\nclear_output()\nprint('first')\nclear_output(wait=True)\nprint('stays')",
    "import polars as pl\npl.DataFrame({'a': [1.5, None], 'team': [team, 'b']})",
    "import datetime, numpy\nshown = {'text/plain': 'one', 'application/json': {'n': numpy.int64(3), 'x': numpy.float64(0.1), 'on': (1, 2)}}\ndisplay(shown, raw=True)",
    "import asyncio\nawait asyncio.sleep(0)\n'awaited'",
    "# nothing but a comment",
    "",
    "%%capture kept\nprint('kept')",
    "kept.stdout, _, In[-1]",
    "!echo shell",
    "try:\n    input('who? ')\nexcept Exception as error:\n    print(type(error).__name__, error)",
    "'quiet'",
    "def louder(lines):\n    return [line.replace('quiet', 'loud') for line in lines]\nget_ipython().input_transformers_post.append(louder)",
    "'quiet'",
    "get_ipython().input_transformers_post.clear()",
    "'quiet'",
    "(1, 2);",
    "def deep(n):\n    return 1 / n if n == 0 else deep(n - 1)\ndeep(2)",
    "print('never')",
]

SEEN = (
    "import builtins, json, os, sys\nprint(os.path.basename(os.getcwd()), sum([1, 2]), json.loads('1'), len(sys.path) > 1, "
    "sorted(n for n in os.environ if n in ('LEFT', 'GITHUB_TOKEN')), 'left' in globals(), sys.flags.hash_randomization)"
)

CASES: dict[str, tuple[list[str], dict[str, Any]]] = {
    "says": (OUTPUTS, {}),
    "cannot show": (["class A:\n    def _repr_html_(self):\n        raise ValueError('no picture')\n    def __repr__(self):\n        return 'A'\nA()", "print('never')"], {}),
    "changes everything": (
        ["import builtins, os, sys\nleft = 1\nbuiltins.sum = None\nos.environ['LEFT'] = '1'\nos.chdir('/')\n"
         "sys.path.clear()\nsys.modules['json'] = None\nimport polars as pl\npl.DataFrame.height = 7"], {},
    ),
    "sees nothing of it": ([SEEN, "import polars as pl\npl.DataFrame({'a': [1]}).height"], {}),
    "cannot tell": (["print('before')", "get_ipython().InteractiveTB.structured_traceback = None", "1 / 0", "print('never')"], {}),
    "killed": (["print('before')", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "print('after')"], {}),
    "exits": (["print('before')", "import os\nos._exit(3)", "print('after')"], {}),
    "leaves": (["print('before')", "exit()", "print('after')"], {}),
    "ends": (["print('before')", "raise SystemExit(0)", "print('after')"], {}),
    "hangs": (
        ["print('before')", "import subprocess, time\np = subprocess.Popen(['sleep', '300'])\nprint(p.pid, flush=True)\ntime.sleep(300)"],
        {"seconds": 6.0},
    ),
    "leaves a process behind": (["import subprocess\np = subprocess.Popen(['sleep', '300'])\nprint(p.pid)"], {}),
    "leaves a thread behind": (["import threading, time\nthreading.Thread(target=time.sleep, args=(300,)).start()"], {}),
    "wants too much": (["print('before')", "kept = bytearray(1 << 32)"], {"memory": 1 << 30}),
    "wants too much in polars": (
        ["print('before')", "import polars as pl\npl.select(pl.repeat(1.0, 1 << 29)).sum()"], {"memory": 1 << 30},
    ),
    "says too much": (["print('before')", "print('x' * 100_000_000)", "print('after')"], {}),
    "says too much below": (["print('before')", "import os\nos.system('head -c 200000000 /dev/zero')", "print('after')"], {}),
    "hides that it says too much": (["print('before')", "try:\n    print('x' * 100_000_000, flush=True)\nexcept Exception:\n    pass"], {}),
    "empties stdout": (["import os\nos.system('echo a line that is long')", "os.system('echo b > /dev/stdout; echo c')", "os.system('echo d')", "print('e')"], {}),
    "writes too much": (["print('before')", "import os\nopen('large', 'wb').truncate(1 << 31)", "print('after')"], {"memory": 1 << 30}),
    "closes stdout": (["import sys\nsys.stdout.close()", "print('nobody hears')"], {}),
    "closes everything": (["import os\nos.closerange(3, 1024)", "print('after')"], {}),
    "forks": (["import os\nchild = os.fork()", "print('once')"], {}),
    "shows what no notebook holds": (["from IPython.display import display\ndisplay({'text/plain': {1, 2}}, raw=True)", "print('never')"], {}),
    "raises what it may": (["1 / 0", "print('on')"], {}),
    "page dies once": (["print('before')", "with open('ran', 'a') as file:\n    file.write('once\\n')"], {"title": Deadly("Payments", 1)}),
    "page dies always": (["print('before')"], {"title": Deadly("Payments", 9)}),
    "no such parameter": (["1"], {"parameters": {"team": "a", "taem": "b"}}),
    "no such team": (["from idp_analytics.report import open_report\nopen_report('DATA', team=team)"], {}),
}  # fmt: skip


@dataclass
class Made:
    """What came of every case."""

    folder: Path
    outcomes: dict[str, Outcome]
    jobs: dict[str, Job]

    def kept(self, case: str) -> nbformat.NotebookNode:
        failed = self.outcomes[case].failure is not None
        return notebooks.read(self.folder / f"teams/{case}{'.failed' if failed else ''}.ipynb")

    def said(self, case: str) -> list[str]:
        return [o["text"] for cell in self.kept(case).cells for o in cell.get("outputs", []) if "text" in o]

    def error(self, case: str) -> tuple[str, str]:
        failure = self.outcomes[case].failure
        assert failure is not None
        return failure.error, failure.message


def job(folder: Path, case: str, cells: list[str], more: dict[str, Any]) -> Job:
    path = folder / f"{case}.ipynb"
    told = notebook(["# How is it going?", "team = ''", "## How often?", *cells], DECLARED)
    if case == "raises what it may":
        told["cells"][3]["metadata"]["tags"] = ["raises-exception"]
    path.write_text(json.dumps(told), encoding="utf-8")
    (folder / "set" / "teams").mkdir(parents=True, exist_ok=True)
    given = more.get("parameters", {"team": "payments"})
    return Job(
        f"teams/{case}",
        path,
        given,
        folder / "set",
        Page(more.get("title", "Payments")),
        more.get("seconds", 120.0),
        memory=more.get("memory", 2 << 30),
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("forked")
    jobs = {case: job(folder, case, cells, more) for case, (cells, more) in CASES.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITHUB_TOKEN", "secret")
        patch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]))
        outcomes = {outcome.name.removeprefix("teams/"): outcome for outcome in forked(tuple(jobs.values()), 2)}
    assert set(outcomes) == set(CASES)
    return Made(folder / "set", outcomes, jobs)


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.is_file() and "State:\tZ" not in status.read_text()


# --- the same as a kernel ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "failed"),
    [
        ("says", ("ZeroDivisionError", "division by zero", 23)),
        ("cannot show", ("ValueError", "no picture", 5)),
    ],
)
def test_every_kind_of_output_is_that_of_a_stock_kernel(made: Made, case: str, failed: tuple[str, str, int]) -> None:
    theirs, failure = stock.run(made.jobs[case])
    ours = made.kept(case)
    for one, two in zip(ours.cells, theirs.cells, strict=True):
        assert one == two, one.source
    assert ours.metadata == theirs.metadata
    assert made.outcomes[case].failure == failure
    assert failure is not None
    assert (failure.error, failure.message, failure.cell) == failed


def test_what_no_notebook_can_hold_stops_its_report_alone(made: Made) -> None:
    error, message = made.error("shows what no notebook holds")
    assert error == "TypeError"
    assert message == "Object of type set is not JSON serializable"
    assert "Object of type set" in (made.folder / "teams/shows what no notebook holds.html").read_text(encoding="utf-8")


# --- nothing reaches the next ------------------------------------------------------------------------------------------


def test_what_one_report_changes_no_other_sees(made: Made) -> None:
    assert made.outcomes["changes everything"].failure is None
    assert made.said("sees nothing of it") == ["teams 3 1 True [] False 0\n"]


@pytest.mark.parametrize("case", ["leaves a process behind", "hangs"])
def test_no_process_outlives_its_report(made: Made, case: str) -> None:
    pid = int(made.said(case)[-1].splitlines()[-1])
    assert not alive(pid)


def test_a_copy_of_itself_that_a_cell_makes_makes_no_second_report(made: Made) -> None:
    assert made.outcomes["forks"].failure is None
    assert made.said("forks") == ["once\n"]


def test_a_thread_left_behind_keeps_nobody_waiting(made: Made) -> None:
    assert made.outcomes["leaves a thread behind"].failure is None
    assert made.outcomes["leaves a thread behind"].seconds < 200


# --- failing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "error", "message"),
    [
        ("killed", KERNEL_DIED, "the kernel ended by itself: signal 9 (often: out of memory)"),
        ("exits", KERNEL_DIED, "the kernel ended by itself: exit code 3"),
        ("leaves", KERNEL_DIED, "the kernel ended by itself: exit code 0"),
        ("hangs", TIMEOUT, "took longer than 6 s and was stopped"),
        ("ends", "SystemExit", "0"),
        ("wants too much", "MemoryError", ""),
        ("says too much", "TooMuchShownError", copiousness()),
        ("says too much below", "TooMuchShownError", copiousness()),
        ("hides that it says too much", "TooMuchShownError", copiousness()),
        ("writes too much", "OSError", "[Errno 27] File too large"),
    ],
)
def test_a_report_that_ends_is_a_failure_at_its_cell(made: Made, case: str, error: str, message: str) -> None:
    assert made.error(case) == (error, message)
    failure = made.outcomes[case].failure
    assert failure is not None
    assert (failure.heading, failure.cell) == ("How often?", 6)
    assert made.said(case)[0].startswith("before\n")
    assert "after\n" not in made.said(case)
    page = (made.folder / f"teams/{case}.html").read_text(encoding="utf-8")
    assert "This report could not be finished" in page
    nbformat.validate(made.kept(case))
    assert [cell.metadata.papermill.status for cell in made.kept(case).cells][4:7] == (
        ["completed", "failed", "pending"] if len(CASES[case][0]) > 2 else ["completed", "failed"]
    )


def test_memory_that_polars_asks_for_is_limited_too(made: Made) -> None:
    assert made.outcomes["wants too much in polars"].failure is not None
    assert made.said("wants too much in polars") == ["before\n"]


def test_a_stream_that_a_cell_closes_is_closed(made: Made) -> None:
    assert made.error("closes stdout") == ("ValueError", "I/O operation on closed file")


def test_a_report_that_nobody_can_hear_any_more_is_failed(made: Made) -> None:
    assert made.outcomes["closes everything"].failure is not None


def test_an_exception_that_a_cell_is_tagged_to_raise_stops_nothing(made: Made) -> None:
    failure = made.outcomes["raises what it may"].failure
    assert failure is not None  # the page would show it as an answer
    assert failure.error == "ZeroDivisionError"
    assert made.said("raises what it may") == ["on\n"]


def test_a_cell_may_begin_what_is_written_below_anew(made: Made) -> None:
    assert made.outcomes["empties stdout"].failure is None
    assert made.said("empties stdout") == ["a line that is long\n", "b\nc\n", "d\n", "e\n"]


def test_a_cell_that_raised_is_a_failure_also_where_no_error_is_shown(made: Made) -> None:
    told = Failure(UNTOLD, "TypeError: 'NoneType' object is not callable", "How often?", 7)
    assert made.outcomes["cannot tell"].failure == told
    assert stock.run(made.jobs["cannot tell"])[1] == told
    assert "This report could not be finished" in (made.folder / "teams/cannot tell.html").read_text(encoding="utf-8")


def test_parameters_are_checked_before_anything_runs(made: Made) -> None:
    error, message = made.error("no such parameter")
    assert error == "ReportError"
    assert "taem: no such parameter" in message


def test_a_page_whose_process_dies_is_made_once_more_and_then_failed(made: Made) -> None:
    assert made.outcomes["page dies once"].failure is None
    assert made.said("page dies once") == ["before\n"]
    assert "Payments</h1>" in (made.folder / "teams/page dies once.html").read_text(encoding="utf-8")
    assert made.error("page dies always") == (WORKER_DIED, "the process that makes its page died twice")


def test_where_a_page_dies_its_cells_do_not_run_again(made: Made) -> None:
    assert (made.folder / "teams" / "ran").read_text() == "once\n"


def test_a_zygote_that_is_killed_is_replaced_and_its_reports_are_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kills = "import os, pathlib, signal\nhere = pathlib.Path('../../begun')\nif TWICEnot here.exists():\n    here.touch()\n    os.kill(os.getppid(), 9)"
    jobs = (
        job(tmp_path, "unlucky", [kills.replace("TWICE", "")], {}),
        job(tmp_path, "killer", [kills.replace("TWICE", "True or ")], {}),
        job(tmp_path, "other", ["print('on')"], {}),
    )
    outcomes = {o.name.removeprefix("teams/"): o.failure for o in forked(jobs, 1)}
    assert outcomes == {
        "unlucky": None, "killer": Failure(WORKER_DIED, "the process that ran it died twice"), "other": None,
    }  # fmt: skip


def test_who_kills_the_zygote_takes_nobody_with_it(tmp_path: Path) -> None:
    kills = "import os, pathlib, time\nwhile not pathlib.Path('../../begun').exists():\n    time.sleep(0.01)\nos.kill(os.getppid(), 9)"
    waits = "import pathlib, time\nbegun = pathlib.Path('../../begun')\nif not begun.exists():\n    begun.touch()\n    time.sleep(60)"
    jobs = (job(tmp_path, "killer", [kills], {}), job(tmp_path, "other", [waits], {}))
    outcomes = {o.name.removeprefix("teams/"): o.failure for o in forked(jobs, 2)}
    assert outcomes == {"killer": Failure(WORKER_DIED, "the process that ran it died twice"), "other": None}


# --- which engine ------------------------------------------------------------------------------------------------------


def test_where_nothing_can_be_forked_kernels_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert workers.engine() is workers.engine("fork") is forked
    assert workers.engine("stock") is workers.papermill
    monkeypatch.setattr(workers, "FORKS", False)
    assert workers.engine() is workers.engine("stock") is workers.papermill
    with pytest.raises(workers.ReportError, match="cannot fork"):
        workers.engine("fork")


def test_the_command_takes_the_engine_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def chosen(name: str) -> object:
        asked.append(name)
        raise workers.ReportError("enough")

    monkeypatch.setattr(workers, "engine", chosen)
    assert CliRunner().invoke(cli, ["report", "--engine", "stock"]).exit_code == 2
    assert CliRunner().invoke(cli, ["report", "--engine", "spoon"]).exit_code == 2
    assert asked == ["stock"]
