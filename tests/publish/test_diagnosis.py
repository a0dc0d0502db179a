"""What ``idp doctor --reports`` says of runs that failed, were interrupted, are at work, or were changed since; and what a log is told."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from company_building import TEAMS, Notebooks, at_once
from folder_building import folder

from idp_analytics import events
from idp_analytics.cli import cli
from idp_analytics.errors import GateError
from idp_analytics.organisation import Organisation
from idp_analytics.publish import diagnosis, engine, lease, shards
from idp_analytics.publish.engine import Failure, Job, Outcome
from idp_analytics.publish.run import publish
from idp_analytics.publish.shards import Shard


def said(reports: Path) -> str:
    result = CliRunner().invoke(cli, ["doctor", "--reports", str(reports)])
    assert result.exit_code == 0, result.output
    return result.output


def test_nothing_is_said_of_what_went_well(organisation: Organisation, notebooks: Notebooks, tmp_path: Path) -> None:
    publish(organisation, tmp_path, notebooks=notebooks(), engine=at_once())
    assert said(tmp_path) == "All runs that were begun are published, and whole.\n"
    assert "no such folder" in said(tmp_path / "none")


def test_a_run_that_could_not_begin_is_remembered_until_one_succeeds(tmp_path: Path) -> None:
    data, reports = tmp_path / "acme", tmp_path / "reports"
    data.mkdir()
    folder(data, deployments="deployment_id,service_id,finished_at\nd1,shop,soon\n")
    ran = CliRunner().invoke(cli, ["report", "--data", str(data), "--reports", str(reports)])
    assert ran.exit_code == GateError.exit_code
    told = said(reports)
    assert told.startswith(f"The last run of {data}, 20")
    assert "failed with exit code 3: Nothing to report on" in told
    assert "run the same command again" in told
    with pytest.raises(lease.BusyError), diagnosis.remembered(reports, str(data)):
        raise lease.BusyError("another")
    assert said(reports) == told, "another run at work is no failure"
    with diagnosis.remembered(reports, "another"):
        pass
    assert said(reports) == told, "what another company publishes is another matter"
    with pytest.raises(ZeroDivisionError), diagnosis.remembered(reports, str(data)):
        raise ZeroDivisionError("password")
    assert "exit code 1: ZeroDivisionError, which is a fault of the kit" in said(reports)
    assert "password" not in said(reports), "only messages of ours are kept"
    with diagnosis.remembered(reports, str(data)):
        pass
    assert [path.name for path in reports.iterdir()] == []


def test_why_reports_failed_and_whether_another_try_helps(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path
) -> None:
    ended = {"teams/payments": engine.KERNEL_DIED, "teams/quiet": engine.TIMEOUT}

    def some(jobs: Sequence[Job], workers: int) -> Iterable[Outcome]:
        for made in at_once("<script>alert(1)</script>")(jobs, workers):
            failure = (
                Failure(ended[made.name], "ended from outside", "How often?", 3) if made.name in ended else made.failure
            )
            yield Outcome(made.name, failure, made.seconds, made.files)

    result = publish(organisation, tmp_path, notebooks=notebooks(), engine=some, retries=0)
    assert len(result.failed) == 3
    told = said(tmp_path)
    assert "2026-06: the report of Payments failed with KernelDied in “How often?”: ended from outside. Its process was ended from outside, mostly for want of memory" in told  # fmt: skip
    assert (
        "the report of Quiet failed with TimeLimit in “How often?”: ended from outside. It may go well with fewer reports at a time"
        in told
    )
    assert (
        "failed with ValueError in “How often?”: no <script>alert(1)</script> today. It would fail again: open " in told
    )
    notebook = told.split("It would fail again: open ")[1].split(", where")[0]
    assert notebook.endswith(".failed.ipynb")
    assert Path(notebook).is_file()


def test_a_run_that_was_interrupted_and_one_at_work(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path
) -> None:
    root = tmp_path / "acme"

    def killed(jobs: Sequence[Job], workers: int) -> Iterable[Outcome]:
        yield from at_once()(jobs[:2], workers)
        assert f"a run is at work there (process {os.getpid()} on " in said(tmp_path)
        assert "interrupted" not in said(tmp_path)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish(organisation, tmp_path, notebooks=notebooks(), engine=killed)
    told = {"host": "build-3", "process": 7, "machine": lease._machine(), "started": "never"}
    (root / lease.FOLDER / f"{lease.newest(root / lease.FOLDER) + 1:012}").write_text(json.dumps(told) + "\n...")
    assert (
        f"{root}: a run was interrupted (process 7 on build-3); 2 of its reports are whole and kept. "
        "Run the same command again: it makes the rest."
    ) in said(tmp_path)
    assert publish(organisation, tmp_path, notebooks=notebooks(), engine=at_once()).found == 2
    assert "interrupted" not in said(tmp_path)


def test_shares_that_wait_and_sets_that_were_changed(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path
) -> None:
    publish(organisation, tmp_path / "new", notebooks=notebooks(), engine=at_once(), shard=Shard(0, 2))
    assert "share 0/2 of a run is done and waits for the others" in said(tmp_path / "new"), (
        "nothing is published there yet"
    )
    publish(organisation, tmp_path, notebooks=notebooks(), engine=at_once())
    page = tmp_path / "acme" / "2026-06" / "index.html"
    page.write_text(page.read_text() + "!")
    other = notebooks(team="print(2)", name="other")
    one = publish(organisation, tmp_path, notebooks=other, engine=at_once(), shard=Shard(0, 2))
    with shards.held(tmp_path / "acme", one.key, Shard(1, 2)):
        pass
    told = said(tmp_path)
    assert "share 0/2 of a run is done and waits for the others" in told
    assert "share 1/2 of a run is begun and not done" in told
    assert "2026-06 is not as it was published (index.html: was changed). Take it back from a backup" in told


def test_a_run_tells_what_it_made_and_names_nobody(
    organisation: Organisation,
    notebooks: Notebooks,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging.getLogger("idp_analytics"), "handlers", [])
    events.listen("json", "info")
    result = publish(organisation, tmp_path, notebooks=notebooks(), engine=at_once("payments"), retries=0)
    publish(organisation, tmp_path, notebooks=notebooks(), engine=at_once(), period="2026-05")
    text = capsys.readouterr().err
    told = [json.loads(line) for line in text.splitlines()]
    begun, *reports, published = told[: 2 + len(TEAMS) + 1]
    assert (begun["event"], begun["run"], begun["period"], begun["reports"]) == ("run begun", result.key, "2026-06", 5)
    assert [one["event"] for one in reports].count("report made") == 4
    (failed,) = (one for one in reports if one["event"] == "report failed")
    assert (failed["level"], failed["report"], failed["error"], failed["cell"]) == (
        "warning",
        "teams/payments",
        "ValueError",
        3,
    )
    assert (published["event"], published["made"], published["failed"], published["found"]) == (
        "run published",
        5,
        1,
        0,
    )
    assert published["seconds"] > 0
    assert all(set(one) >= {"time", "level", "event", "run"} for one in told)
    assert "today" not in text, "messages may hold what the data say"
