from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result
from company_building import CLIMBER, SCRIPT, TEAMS, TURNED, Notebooks, at_once, company, forbidden, write_notebooks
from folder_building import folder

from idp_analytics.cli import cli
from idp_analytics.errors import ReportError
from idp_analytics.organisation import Organisation, load
from idp_analytics.paths import slug
from idp_analytics.publish import run, staging
from idp_analytics.publish.commands import published
from idp_analytics.publish.engine import KERNEL_DIED, TIMEOUT, Failure, Job, Outcome, make
from idp_analytics.publish.notebook import blank
from idp_analytics.publish.run import RunResult, publish
from idp_analytics.publish.workers import WORKER_DIED
from idp_analytics.report.mart import Mart


class Hrefs(HTMLParser):
    """Where a page's links lead."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("href", "src")]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(result: RunResult) -> dict[str, Any]:
    return json.loads((result.folder / "run.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def inside(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


# --- what a run makes --------------------------------------------------------------------------------------------------


def test_a_run_makes_a_whole_set(organisation: Organisation, notebooks: Notebooks, tmp_path: Path) -> None:
    result = publish(organisation, tmp_path / "reports", notebooks=notebooks(), engine=at_once())
    assert (result.failed, result.reused, result.period) == ((), False, "2026-06")
    assert result.folder == tmp_path / "reports" / "acme" / "2026-06"
    assert result.seconds is not None
    assert set(result.seconds) == {"organisation", *(f"teams/{slug(team)}" for team in TEAMS)}
    files = set(inside(result.folder.resolve()))
    assert {"index.html", "organisation.html", "organisation.ipynb", "answers.csv", "answers.parquet"} <= files
    assert {"run.json", "manifest.json", "mart/meta.json", "teams/payments.html", "teams/payments.ipynb"} <= files
    assert staging.differences(result.folder) == []
    answers = pl.read_parquet(result.folder / "answers.parquet")
    assert answers.filter(period="2026-06", scope="team", entity_id="payments").height > 0
    reports = told(result)["reports"]
    assert (reports[0]["scope"], reports[0]["entity_id"]) == ("org", "org")
    assert {r["entity_id"]: r["name"] for r in reports[1:]} == TEAMS
    assert told(result)["key"] == result.key


def test_every_link_of_every_page_leads_to_a_file_of_the_set(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path
) -> None:
    result = publish(organisation, tmp_path, notebooks=notebooks(), engine=at_once("payments"))
    for page in [result.folder.parent / "index.html", *sorted(result.folder.rglob("*.html"))]:
        for href in Hrefs(page).found:
            target = Path(os.path.normpath(page.parent / href.partition("#")[0])) if href[0] != "#" else page
            assert target.is_file(), (page.name, href)
            assert target.is_relative_to(tmp_path / "acme")


def test_an_engine_is_given_every_report_and_how_many_at_a_time(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path
) -> None:
    seen: list[tuple[int, float, set[str]]] = []

    def engine(jobs: Sequence[Job], workers: int) -> Iterator[Outcome]:
        seen.append((workers, jobs[0].seconds, {job.parameters.get("team", "") for job in jobs}))
        return at_once()(jobs, workers)

    publish(organisation, tmp_path, notebooks=notebooks(), engine=engine, workers=3, seconds=7, teams=["quiet"])
    publish(organisation, tmp_path, notebooks=notebooks(), engine=engine)
    assert seen == [(3, 7, {"", "quiet"}), (os.cpu_count(), 600, {"", *TEAMS})]


def test_where_somebody_watches_there_is_a_progress_bar(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    publish(organisation, tmp_path, notebooks=notebooks(), engine=at_once())
    assert "Reports: 100%" in sys.stderr.getvalue()  # type: ignore[attr-defined]


# --- one failure alone -------------------------------------------------------------------------------------------------


def test_a_failed_team_is_shown_and_never_stops_the_others(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path
) -> None:
    result = publish(organisation, tmp_path, notebooks=notebooks(), engine=at_once(SCRIPT, "quiet"))
    assert result.failed == (SCRIPT, "Quiet")
    files = inside(result.folder.resolve())
    assert f"teams/{slug(SCRIPT)}.failed.ipynb" in files
    assert f"teams/{slug(SCRIPT)}.ipynb" not in files
    assert {"teams/payments.ipynb", f"teams/{slug(CLIMBER)}.html", f"teams/{slug(SCRIPT)}.html"} <= set(files)
    index = result.index.read_text(encoding="utf-8")
    assert "2 reports could not be finished" in index
    assert "without data in" not in index  # of a failed report that is not said as well
    assert "ValueError in “How often?”: no quiet today" in index
    assert "2 failed" in (result.folder.parent / "index.html").read_text(encoding="utf-8")
    kept = json.loads((result.folder / f"teams/{slug(SCRIPT)}.failed.ipynb").read_text(encoding="utf-8"))
    assert [o["evalue"] for c in kept["cells"] for o in c.get("outputs", [])] == [f"no {SCRIPT} today"]


@pytest.mark.parametrize(("error", "deaths", "retries", "tries"), [
    (KERNEL_DIED, 1, 1, 2), (TIMEOUT, 2, 2, 3), (WORKER_DIED, 2, 1, 2), (KERNEL_DIED, 9, 0, 1), ("ValueError", 1, 5, 1),
])  # fmt: skip
def test_a_report_that_was_ended_from_outside_is_made_again_so_many_times(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path, error: str, deaths: int, retries: int, tries: int
) -> None:
    asked: list[str] = []

    def dying(jobs: Sequence[Job], workers: int) -> Iterator[Outcome]:
        for job in jobs:
            asked.append(job.name)
            if job.name == "teams/quiet" and asked.count(job.name) <= deaths:
                yield make(job, lambda _: (blank(), Failure(error, "gone")))
            else:
                yield from at_once()([job], workers)

    result = publish(organisation, tmp_path, notebooks=notebooks(), engine=dying, retries=retries)
    assert asked.count("teams/quiet") == tries
    assert len(asked) == len(TEAMS) + tries
    assert result.failed == (() if tries > deaths else ("Quiet",))
    kept = [name for name in inside(result.folder) if name.startswith("teams/quiet") and name.endswith(".ipynb")]
    assert len(kept) == 1  # of the last try


def test_a_report_of_which_nothing_is_left_has_a_page_and_its_notebook(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path
) -> None:
    def gone(jobs: Sequence[Job], workers: int) -> Iterator[Outcome]:
        for job in jobs:
            if job.name == "teams/quiet":
                yield Outcome(job.name, Failure(WORKER_DIED, "gone"), 0.0)
            else:
                yield from at_once()([job], workers)

    result = publish(organisation, tmp_path, notebooks=notebooks(), engine=gone)
    assert result.failed == ("Quiet",)
    page = (result.folder / "teams/quiet.html").read_text(encoding="utf-8")
    assert "This report could not be finished" in page
    assert "WorkerDied" in page
    kept = json.loads((result.folder / "teams/quiet.failed.ipynb").read_text(encoding="utf-8"))
    assert "print('of', team)" in [cell["source"] for cell in kept["cells"]]
    assert [o["ename"] for cell in kept["cells"] for o in cell.get("outputs", ())] == ["WorkerDied"]
    assert kept["metadata"]["papermill"]["parameters"]["team"] == "quiet"


@pytest.mark.parametrize("file", ["organisation.html", "mart/meta.json"])
def test_a_notebook_that_writes_over_what_is_anothers_publishes_nothing(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path, file: str
) -> None:
    before = publish(organisation, tmp_path, notebooks=notebooks(name="before"), engine=at_once()).key

    def writing(jobs: Sequence[Job], workers: int) -> Iterator[Outcome]:
        yield from at_once()(jobs, workers)
        (jobs[0].folder / "teams" / "own.csv").write_text("a notebook's own")
        (jobs[0].folder / file).write_text("spoilt")

    with pytest.raises(ReportError, match=f"^{file}: changed since made for this run. Nothing was published"):
        publish(organisation, tmp_path, notebooks=notebooks("print('other')"), engine=writing)
    assert told(publish(organisation, tmp_path, notebooks=tmp_path / "before", engine=forbidden))["key"] == before


def test_every_report_failed_is_still_a_set(organisation: Organisation, notebooks: Notebooks, tmp_path: Path) -> None:
    result = publish(organisation, tmp_path, notebooks=notebooks(), engine=at_once("", *TEAMS))
    assert len(result.failed) == len(TEAMS) + 1
    assert staging.differences(result.folder) == []


# --- again -------------------------------------------------------------------------------------------------------------


def test_an_older_run_of_the_same_inputs_becomes_the_newest_again(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path
) -> None:
    first = publish(organisation, tmp_path, notebooks=notebooks(), engine=at_once())
    second = publish(organisation, tmp_path, notebooks=notebooks(org="1", name="other"), engine=at_once())
    assert first.key != second.key
    assert first.folder.resolve().name == second.key
    again = publish(organisation, tmp_path, notebooks=notebooks(), engine=forbidden)
    assert again.reused
    assert again.folder.resolve().name == first.key == again.key


def test_the_page_of_all_periods_lists_the_newest_first(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path
) -> None:
    for period, teams in (("2026-05", ()), ("2026-06", ()), ("2026-06", ("payments", SCRIPT)), ("2026-Q2", ())):
        publish(organisation, tmp_path, period, teams, notebooks=notebooks(), engine=at_once())
    periods = (tmp_path / "acme" / "index.html").read_text(encoding="utf-8")
    (tmp_path / "acme" / "elsewhere").symlink_to(tmp_path, target_is_directory=True)  # not a set, so not listed
    publish(organisation, tmp_path, "2026-05", notebooks=notebooks(), engine=forbidden)
    assert (tmp_path / "acme" / "index.html").read_text(encoding="utf-8") == periods
    told = ["June 2026</a>", "June 2026, &lt;script&gt;alert(1)&lt;/script&gt;, Payments only", "May 2026", "Q2 2026"]
    places = [periods.index(text) for text in told]
    assert places == sorted(places)
    assert "<script>alert" not in periods


def test_weeks_are_computed_where_a_week_is_asked_for(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path
) -> None:
    result = publish(organisation, tmp_path, "2026-W22", notebooks=notebooks(), engine=at_once())
    assert result.folder.name == "2026-W22"
    assert "week 22 of 2026" in result.index.read_text(encoding="utf-8")


# --- hostile names -----------------------------------------------------------------------------------------------------


def test_nothing_is_written_outside_the_folder_whatever_names_say(notebooks: Notebooks, tmp_path: Path) -> None:
    names = {CLIMBER: "up", "/etc/y": "root", "..": "parent", "con\x00": "null", "a/../../b": "between", TURNED: TURNED}
    deep = tmp_path / "a" / "b" / "c" / "d"
    before = inside(tmp_path)
    result = publish(company(names), deep, notebooks=notebooks(), engine=at_once("..", TURNED))
    new = set(inside(tmp_path)) - set(before) - {"a", "a/b", "a/b/c", "notebooks", "a/b/c/d"}
    assert all(name.startswith(("a/b/c/d/acme", "notebooks/")) for name in new)
    pages = [path.name for path in (result.folder / "teams").iterdir() if path.suffix == ".html"]
    assert len(pages) == len(names)
    assert all(name.removesuffix(".html").replace("-", "").isalnum() and name.isascii() for name in pages)
    assert result.failed == ("parent", "PayslaP")


def test_characters_that_turn_text_around_are_shown_nowhere(notebooks: Notebooks, tmp_path: Path) -> None:
    result = publish(company({TURNED: TURNED}), tmp_path, notebooks=notebooks(), engine=at_once(TURNED))
    for page in [result.folder.parent / "index.html", *result.folder.rglob("*.html")]:
        text = page.read_text(encoding="utf-8")
        assert "\u202e" not in text
    assert "PayslaP" in result.index.read_text(encoding="utf-8")


def test_a_team_called_org_has_a_report_of_its_own(notebooks: Notebooks, tmp_path: Path) -> None:
    result = publish(company({"org": "Orgelbau", "b": "B"}), tmp_path, notebooks=notebooks(), engine=at_once("org"))
    assert [(r["scope"], r["name"], r["page"]) for r in told(result)["reports"]] == [
        ("org", "Acme & Sons", "organisation.html"),
        ("team", "B", "teams/b.html"),
        ("team", "Orgelbau", "teams/org.html"),
    ]
    assert result.failed == ("Orgelbau",)
    assert "<h1>Acme &amp; Sons</h1>" in result.index.read_text(encoding="utf-8")


def test_two_teams_and_one_of_both_names_are_published_apart(notebooks: Notebooks, tmp_path: Path) -> None:
    made = company({"a": "A", "b": "B", "a b": "AB"})
    for teams in (["b", "a"], ["a", "b", "a"], ["a b"]):
        publish(made, tmp_path, teams=teams, notebooks=notebooks(), engine=at_once())
    assert len(staging.published(tmp_path / "acme")) == 2


# --- what was asked for ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('"team": {', '"taem": {'), r"team: no such parameter\. Did you mean 'taem'"),
        (
            ('"type": "str", "required"', '"type": "int", "required"'),
            "team = 'a team': must be a whole number, not str",
        ),
        (('["parameters"]', '["parameter"]'), "0 cells are tagged 'parameters'"),
    ],
)
def test_a_notebook_that_cannot_be_given_its_parameters_stops_the_run_before_it_starts(
    organisation: Organisation, tmp_path: Path, change: tuple[str, str], says: str
) -> None:
    made = write_notebooks(tmp_path / "notebooks")
    text = (made / "team.ipynb").read_text(encoding="utf-8")
    assert change[0] in text
    (made / "team.ipynb").write_text(text.replace(*change), encoding="utf-8")
    with pytest.raises(ReportError, match=says):
        publish(organisation, tmp_path / "reports", notebooks=made, engine=forbidden)
    assert not (tmp_path / "reports").exists()


def test_a_notebook_that_is_not_there_stops_the_run_before_it_starts(
    organisation: Organisation, tmp_path: Path
) -> None:
    with pytest.raises(ReportError, match=r"team\.ipynb: there is no such notebook\. The reports are made from"):
        publish(organisation, tmp_path / "reports", notebooks=tmp_path, engine=forbidden)
    assert not (tmp_path / "reports").exists()


def test_what_can_be_told_before_is_told_before_anything_is_loaded_or_computed(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("it was begun")

    with pytest.raises(ReportError, match="'march' is not a period"):
        publish(never, tmp_path / "reports", period="march", notebooks=notebooks())
    with pytest.raises(ReportError, match="there is no such notebook"):
        publish(never, tmp_path / "reports", notebooks=tmp_path)
    monkeypatch.setattr(Mart, "of", never)
    with pytest.raises(
        ReportError, match=r"There is no team 'paymnts'\. Did you mean 'payments'\? There is no team 'xy'\. Known: "
    ):
        publish(organisation, tmp_path / "reports", teams=["paymnts", "payments", "xy"], notebooks=notebooks())
    with pytest.raises(ReportError, match="No team is named"):
        publish(organisation, tmp_path / "reports", teams=[""], notebooks=notebooks())
    assert not (tmp_path / "reports").exists()


# --- as a command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def idp(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """``idp report`` on a small data folder, by an engine without kernels; reports of ``failing`` fail."""
    data = tmp_path / "data"
    data.mkdir()
    folder(data)

    def command(*arguments: str, failing: Sequence[str] = ()) -> Result:
        monkeypatch.setattr(run, "publish", partial(publish, engine=at_once(*failing)))
        told = ["report", "--data", str(data), "--reports", str(tmp_path / "reports"), *arguments]
        return CliRunner().invoke(cli, told)

    return command


def test_the_last_line_is_the_path_of_the_index_page(idp: Any, tmp_path: Path) -> None:
    result = idp()
    assert result.exit_code == 0, result.output
    index = Path(result.stdout.splitlines()[-1])
    assert index.is_file()
    assert index.is_relative_to(tmp_path / "reports")


def test_a_failed_report_is_exit_code_4_and_the_rest_is_published(idp: Any) -> None:
    result = idp(failing=["pay"])
    assert result.exit_code == 4
    assert "1 report(s) failed: Payments" in result.stderr
    assert Path(result.stdout.splitlines()[-1]).is_file()
    again = idp()  # and is made again the next time
    assert again.exit_code == 0
    assert "had been made before and were taken as they are" in again.stderr


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_where_somebody_watches_it_says_what_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO]
) -> None:
    monkeypatch.setattr(run, "publish", lambda *_, **__: "published")
    monkeypatch.setattr(sys, "stderr", stream())
    asked: Any = {
        "data": tmp_path,
        "git": (),
        "period": "",
        "teams": (),
        "reports": tmp_path,
        "workers": None,
        "gate": "fast",
    }
    assert published(**asked) == "published"  # type: ignore[comparison-overlap]
    words = "Reading the data and computing the numbers, of which all reports are made.\n"
    assert sys.stderr.getvalue() == (words if stream is Terminal else "")  # type: ignore[attr-defined]


def test_a_run_that_finds_nothing_to_do_says_so(idp: Any) -> None:
    first, again = idp(), idp()
    assert "no report was made" not in first.stderr
    assert (again.exit_code, again.stdout) == (0, first.stdout)
    assert "Nothing has changed since this was published; it stands, and no report was made." in again.stderr


def test_a_run_ended_with_ctrl_c_says_how_to_go_on(idp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(Mart, "of", interrupted)
    result = idp()
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == "idp: interrupted. Run it again: nothing is lost, and a run goes on.\n"


def test_a_run_that_is_told_to_end_leaves_no_temporary_folder_and_frees_the_reports(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys, tempfile, time\nfrom pathlib import Path\nfrom idp_analytics.publish import run, staging\n"
        "from idp_analytics.publish.commands import published\nroot = Path(sys.argv[1])\n\n\n"
        "def publish(*_, **__):\n    with tempfile.TemporaryDirectory(dir=root), staging.locked(root / 'acme'):\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n        time.sleep(60)\n\n\nrun.publish = publish\n"
        "published(data=root, git=(), period='', teams=(), reports=root, workers=1, gate='fast')\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, timeout=50)
    assert ended.returncode == -signal.SIGTERM
    assert [path.name for path in tmp_path.iterdir()] == ["acme"]
    assert sorted((tmp_path / "acme" / ".lease").iterdir())[-1].read_bytes().endswith(b"\nfree\n")


def test_another_run_at_work_is_exit_code_75(idp: Any, tmp_path: Path) -> None:
    root = Path(idp().stdout.splitlines()[-1]).parent.parent
    with staging.locked(root):
        result = idp()
    assert result.exit_code == 75
    assert "another run is publishing there" in result.stderr
    assert str(root) in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--team", "pya"), "There is no team 'pya'. Did you mean 'pay'?"),
        (("--period", "2026-3"), "'2026-3' is not a period"),
        (("--period", "2020-01"), "There are no answers for 2020-01"),
    ],
)
def test_what_is_not_there_is_exit_code_2_before_anything_starts(
    idp: Any, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    result = idp(*arguments)
    assert result.exit_code == 2
    assert says in result.stderr
    (kept,) = (tmp_path / "reports").rglob("*")
    assert kept.name.startswith(".failed-"), "nothing but what the doctor tells of it"


# --- what was published before -----------------------------------------------------------------------------------------


def test_a_run_compares_itself_with_the_earlier_period_published_last(tmp_path: Path) -> None:
    bill = "cost_id,period_start,period_end,team_id,amount,currency,basis\n" + "".join(
        f"k{m},2026-0{m}-01T00:00:00Z,2026-0{m}-02T00:00:00Z,pay,{m}0,EUR,effective\n" for m in (2, 3)
    )
    late = bill + "k9,2026-02-09T00:00:00Z,2026-02-10T00:00:00Z,pay,1.25,EUR,effective\n"
    books = write_notebooks(tmp_path / "books")

    def made(costs: str, period: str) -> RunResult:
        settings = "[organisation]\nas_of = 2026-04-01T00:00:00Z\n"
        data = load(folder(tmp_path, settings, costs=costs))
        return publish(data, tmp_path / "reports", period=period, notebooks=books, engine=at_once())

    def restated(result: RunResult) -> list[tuple[Any, ...]]:
        frame = pl.read_parquet(result.folder / "mart" / "cost_restatement.parquet")
        return frame.filter(scope="org", every="1mo").select("period", "difference", "kind").rows()

    first = made(bill, "2026-02")
    assert "restates" not in told(first)
    assert restated(first) == []
    same, again = made(bill, "2026-03"), made(bill, "2026-03")
    assert told(same)["restates"].items() >= {"period": "2026-02", "run": first.key}.items()
    assert (again.key, again.reused, restated(same)) == (same.key, True, [])
    changed = made(late, "2026-03")
    assert changed.key != same.key
    assert restated(changed) == [("2026-02", Decimal("1.25"), "added")]
    reasons = pl.read_parquet(changed.folder / "mart" / "cost_restatement_reasons.parquet").filter(
        scope="org", every="1mo"
    )
    assert reasons.select("period", "reason", "amount").rows() == [("2026-02", "late lines", Decimal("1.25"))]
