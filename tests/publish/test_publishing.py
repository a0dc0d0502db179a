"""A run of reports: whole or not at all, one failure alone, hostile names harmless, the same bytes again."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from published_sample import execute

from idp_analytics.errors import ReportError
from idp_analytics.organisation import Organisation
from idp_analytics.paths import resource, slug
from idp_analytics.publish import staging, workers
from idp_analytics.publish.engine import Job, Outcome, make
from idp_analytics.publish.lease import BusyError, Lease
from idp_analytics.publish.page import Page
from idp_analytics.publish.run import RunResult, publish

Notebooks = Callable[..., Path]
SCRIPT, CLIMBER = "<script>alert(1)</script>", "../../etc/x"


def here(jobs: Sequence[Job], _: int) -> Iterable[Outcome]:
    return (make(job, execute) for job in jobs)


def told(result: RunResult) -> dict[str, Any]:
    return json.loads((result.folder / "run.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def files(folder: Path) -> dict[str, bytes]:
    found = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.name != ".name")
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in found}


# --- one failure alone -------------------------------------------------------------------------------------------------


def test_a_failed_team_keeps_its_notebook_with_the_error_and_stops_nobody(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path
) -> None:
    folder = notebooks(team="if team == 'quiet':\n    raise ValueError('no <b>idea</b>')\nprint('of', team)")
    result = publish(organisation, tmp_path / "reports", workers=2, notebooks=folder)
    assert result.failed == ("Quiet",)
    reports = {r["entity_id"]: r for r in told(result)["reports"]}
    assert {entity for entity, r in reports.items() if r["failure"]} == {"quiet"}
    assert reports["quiet"]["failure"] == "ValueError in “How often?”: no <b>idea</b>"
    kept = json.loads((result.folder / reports["quiet"]["notebook"]).read_text(encoding="utf-8"))
    assert reports["quiet"]["notebook"].endswith(".failed.ipynb")
    assert any(o["output_type"] == "error" for c in kept["cells"] for o in c.get("outputs", []))
    page = (result.folder / reports["quiet"]["page"]).read_text(encoding="utf-8")
    assert "This report could not be finished" in page
    assert "no &lt;b&gt;idea&lt;/b&gt;" in page
    assert "1 report could not be finished" in result.index.read_text(encoding="utf-8")
    for entity in ("org", "payments", SCRIPT, CLIMBER):
        assert (result.folder / reports[entity]["page"]).is_file()
        assert not reports[entity]["notebook"].endswith(".failed.ipynb")

    mended = publish(organisation, tmp_path / "reports", workers=1, notebooks=notebooks(), engine=here)
    assert mended.failed == ()
    assert "could not be finished" not in mended.index.read_text(encoding="utf-8")


def test_of_a_run_with_a_failure_only_what_failed_is_made_again(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path
) -> None:
    calls: list[int] = []

    def failing_once(jobs: Sequence[Job], workers: int) -> Iterable[Outcome]:
        calls.append(len(jobs))
        for job in jobs:
            if len(calls) == 1 and job.name == "teams/quiet":
                yield make(job, broken)
            else:
                yield make(job, execute)

    def broken(job: Job) -> Any:
        raise RuntimeError("for once")

    folder = notebooks()
    first, second, third = (publish(organisation, tmp_path, notebooks=folder, engine=failing_once) for _ in range(3))
    assert (first.failed, second.failed, second.reused) == (("Quiet",), (), False)
    assert third.reused
    assert (calls, second.found) == ([5, 1], 4)
    assert staging.differences(second.folder) == []
    assert len({first.key, second.key, third.key}) == 1


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "KernelDied"),
        ("import time\ntime.sleep(60)", "TimeLimit"),
        ("raise SystemExit(0)", "SystemExit"),
    ],
)
def test_a_kernel_that_dies_hangs_or_leaves_is_that_reports_failure(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path, code: str, says: str
) -> None:
    result = publish(
        organisation, tmp_path / "r", teams=["quiet"], notebooks=notebooks(team=code), seconds=6, workers=2, retries=0
    )
    assert result.failed == ("Quiet",)
    failure = {r["entity_id"]: r["failure"] for r in told(result)["reports"]}
    assert failure["org"] is None
    assert failure["quiet"].startswith(says)


# --- whole or not at all -----------------------------------------------------------------------------------------------


def test_what_stops_a_run_leaves_the_published_set_as_it_was(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path
) -> None:
    before = publish(organisation, tmp_path, notebooks=notebooks(), engine=here)
    seen = files(before.folder)

    def stopped(jobs: Sequence[Job], _: int) -> Iterable[Outcome]:
        yield make(jobs[0], execute)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish(organisation, tmp_path, notebooks=notebooks(team="print('new', team)", name="new"), engine=stopped)
    assert files(before.folder) == seen
    resumed = publish(organisation, tmp_path, notebooks=notebooks(team="print('new', team)", name="new"), engine=here)
    assert resumed.found == 1
    assert len(resumed.seconds or ()) == 4
    assert list((tmp_path / "acme").glob(".partial-*")) == []
    assert staging.differences(before.folder) == []
    at_once = publish(organisation, tmp_path / "other", notebooks=tmp_path / "new", engine=here)
    assert files(resumed.folder) == files(at_once.folder) != seen


def test_killed_at_any_moment_the_set_is_whole_and_the_next_run_finishes(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path
) -> None:
    """The steps of publication are cut short one after the other, by a process that is simply gone."""
    first = publish(organisation, tmp_path, notebooks=notebooks(), engine=here)
    root = first.folder.parent
    seen = files(first.folder)
    steps = ("write_manifest", "_force", "point", "prune")
    for number, step in enumerate(steps):
        pid = os.fork()
        if pid == 0:  # pragma: no cover - the child is killed before it could tell
            staged, lease = root / f".partial-{number:x}", Lease(root)
            staged.mkdir()
            (staged / "index.html").write_text(f"run {number}", encoding="utf-8")
            setattr(staging, step, lambda *_: os.kill(os.getpid(), 9))
            staging.commit(staged, root, f"{number:x}", first.period, lease)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        assert os.WTERMSIG(status) == 9, step
        now = files(first.folder)
        assert now == seen or now["index.html"] == f"run {number}".encode(), step
        assert staging.differences(first.folder) == []
    with staging.locked(root) as lease, staging.stage(root, "abc", lease) as fresh:
        assert list(fresh.iterdir()) == []
        assert [p for p in root.glob(".partial-*") if p != fresh] == []


def test_of_two_runs_at_once_one_refuses_by_name(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path
) -> None:
    def meanwhile(jobs: Sequence[Job], workers: int) -> Iterable[Outcome]:
        with pytest.raises(BusyError, match="acme: another run is publishing there") as busy:
            publish(organisation, tmp_path, notebooks=folder, engine=here)
        assert busy.value.exit_code == 75
        return here(jobs, workers)

    folder = notebooks()
    assert publish(organisation, tmp_path, notebooks=folder, engine=meanwhile).failed == ()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_full_or_read_only_disk_is_said_and_nothing_published_is_touched(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    before = publish(organisation, tmp_path, notebooks=notebooks(), engine=here)
    seen = files(before.folder)

    def full(self: Path, *_: Any, **__: Any) -> int:
        raise OSError(number, os.strerror(number), str(self))

    def engine(jobs: Sequence[Job], workers: int) -> Iterable[Outcome]:
        monkeypatch.setattr(Path, "write_text", full)
        return here(jobs, workers)

    with pytest.raises(ReportError, match=r"cannot be written: .*What was published before is untouched"):
        publish(organisation, tmp_path, notebooks=notebooks(team="print(1)", name="other"), engine=engine)
    monkeypatch.undo()
    assert files(before.folder) == seen


def test_something_else_in_the_place_of_a_set_is_not_overwritten(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path
) -> None:
    (tmp_path / "acme" / "2026-06").mkdir(parents=True)
    (tmp_path / "acme" / "2026-06" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ReportError, match="is in the way: it is not a link this command made"):
        publish(organisation, tmp_path, notebooks=notebooks(), engine=here)
    assert (tmp_path / "acme" / "2026-06" / "mine.txt").read_text(encoding="utf-8") == "mine"


def test_old_runs_go_but_three(organisation: Organisation, notebooks: Notebooks, tmp_path: Path) -> None:
    for number in range(5):
        result = publish(
            organisation, tmp_path, notebooks=notebooks(team=f"print({number})", name=f"n{number}"), engine=here
        )
    assert len(list((tmp_path / "acme" / ".runs").iterdir())) == staging.KEPT_RUNS
    assert result.index.is_file()
    again = publish(organisation, tmp_path, notebooks=tmp_path / "n4", engine=here, keep=1)
    assert again.reused
    assert [run.name for run in (tmp_path / "acme" / ".runs").iterdir()] == [again.key]


# --- what was asked for ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"teams": ["paymnts"]}, r"There is no team 'paymnts'\. Did you mean 'payments'\?"),
        ({"teams": [" "]}, "No team is named"),
        ({"period": "2026-13"}, "'2026-13' is not a period"),
        ({"period": "2031-01"}, r"There are no answers for 2031-01\. Known: 2026-04 to 2026-06"),
    ],
)
def test_what_is_not_there_is_an_error_before_anything_starts(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path, asked: dict[str, Any], says: str
) -> None:
    with pytest.raises(ReportError, match=says):
        publish(organisation, tmp_path / "reports", notebooks=notebooks(), engine=here, **asked)
    assert not (tmp_path / "reports").exists()


def test_a_notebook_that_does_not_take_what_it_is_given_stops_the_run(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path
) -> None:
    folder = notebooks()
    path = folder / "team.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace('"team": {', '"taem": {'), encoding="utf-8")
    with pytest.raises(ReportError, match=r"team: no such parameter\. Did you mean 'taem'"):
        publish(organisation, tmp_path / "reports", notebooks=folder, engine=here)
    path.unlink()
    with pytest.raises(ReportError, match=r"team\.ipynb: there is no such notebook"):
        publish(organisation, tmp_path / "reports", notebooks=folder, engine=here)


def test_some_teams_only_stand_beside_the_whole(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path
) -> None:
    folder = notebooks()
    whole = publish(organisation, tmp_path, notebooks=folder, engine=here)
    some = publish(organisation, tmp_path, notebooks=folder, engine=here, teams=["payments"])
    assert some.folder != whole.folder
    assert len(told(some)["reports"]) == 2
    assert len(told(whole)["reports"]) == 5
    periods = (tmp_path / "acme" / "index.html").read_text(encoding="utf-8")
    assert "June 2026, Payments only" in periods
    assert staging.published(tmp_path / "acme") == ["2026-06", "2026-06-payments"]


# --- hostile names, equal bytes ----------------------------------------------------------------------------------------


def test_hostile_names_are_words_on_the_page_and_slugs_on_the_disk(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path
) -> None:
    result = publish(organisation, tmp_path / "reports", notebooks=notebooks(), engine=here)
    assert {p.name for p in tmp_path.iterdir()} == {"reports", "notebooks"}
    names = {p.name for p in (result.folder / "teams").iterdir()}
    assert f"{slug(SCRIPT)}.html" in names
    assert f"{slug(CLIMBER)}.html" in names
    for page in result.folder.rglob("*.html"):
        html = page.read_text(encoding="utf-8")
        assert "<script>alert" not in html, page.name
        assert "alert(1)</script>" not in html, page.name
        assert re.search(r"default-src (?:'|&#39;)none", html)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in result.index.read_text(encoding="utf-8")


def test_the_same_inputs_give_the_same_bytes(organisation: Organisation, notebooks: Notebooks, tmp_path: Path) -> None:
    folder = notebooks()
    one, two = (publish(organisation, tmp_path / name, notebooks=folder, engine=here) for name in ("one", "two"))
    assert files(one.folder) == files(two.folder)
    assert (tmp_path / "one" / "acme" / "index.html").read_bytes() == (
        tmp_path / "two" / "acme" / "index.html"
    ).read_bytes()


@pytest.mark.parametrize("name", ["organisation", "teams/identity"])
def test_forks_and_stock_kernels_give_the_same_page_and_notebook(
    published: RunResult, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "set"
    (folder / "teams").mkdir(parents=True)
    (folder / "mart").symlink_to(published.folder / "mart")
    team = {"team": "identity", "mart": "../mart"} if name.startswith("teams") else {"mart": "mart"}
    notebook = resource("notebooks") / ("team.ipynb" if name.startswith("teams") else "org.ipynb")
    job = Job(name, notebook, {"period": published.period, **team}, folder, Page("A report"))
    made = {}
    for engine in ("fork", "stock"):
        (outcome,) = workers.engine(engine)([job], 1)
        assert outcome.failure is None
        made[engine] = [(folder / f"{name}.{kind}").read_bytes() for kind in ("ipynb", "html")]
    assert made["fork"] == made["stock"]


def test_nbconvert_gives_the_same_template_by_name(published: RunResult, tmp_path: Path) -> None:
    source = published.folder / "teams" / "identity.ipynb"
    command = [sys.executable, "-m", "nbconvert", "--to", "idp", "--output-dir", str(tmp_path), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    html = (tmp_path / "identity.html").read_text(encoding="utf-8")
    assert "idp-chart" in html
    assert not re.search(r"(?:src|href)=.?(?:[a-z]+:)?//", html)
