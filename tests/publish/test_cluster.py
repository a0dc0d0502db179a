"""Reports made by a real cluster: the same to the byte as by one machine, also where a worker is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from cluster_building import Started
from company_building import TEAMS, write_notebooks

from idp_analytics.cli import cli
from idp_analytics.errors import ReportError
from idp_analytics.organisation import Organisation
from idp_analytics.paths import slug
from idp_analytics.publish import cluster as clusters
from idp_analytics.publish.cluster import Cluster
from idp_analytics.publish.engine import Job
from idp_analytics.publish.page import Page
from idp_analytics.publish.run import publish
from idp_analytics.publish.workers import FORKS, engine


def job(tmp_path: Path, name: str = "teams/a") -> Job:
    folder = tmp_path / "set"
    (folder / "mart").mkdir(parents=True, exist_ok=True)
    notebook = write_notebooks(tmp_path / "notebooks") / "team.ipynb"
    return Job(name, notebook, {"mart": "../mart", "period": "2026-06", "team": "a"}, folder, Page("A"))


def files(folder: Path) -> dict[str, bytes]:
    found = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.name != ".name")
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in found}


# --- without a cluster -------------------------------------------------------------------------------------------------


def test_reports_are_shared_out_in_tasks_small_enough_to_end_together(tmp_path: Path) -> None:
    jobs = [job(tmp_path, f"teams/{number}") for number in range(230)]
    for threads, largest in ((1, 50), (2, 29), (100, 1)):
        parts = list(clusters._parts(jobs, threads))
        assert [j.name for part in parts for j in part] == [j.name for j in jobs]
        assert max(map(len, parts)) == largest
    assert all(j.folder.is_absolute() and j.notebook.is_absolute() for part in parts for j in part)


@pytest.mark.parametrize(("name", "says"), [("polars", "another polars"), ("idp-analytics", "another idp-analytics")])
def test_a_worker_that_might_make_other_pages_makes_none(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(ReportError, match=f"{says} than this machine.* Install the same on all"):
        clusters.make([job(tmp_path)], "", 1, {**clusters.identity(), name: "0.0.1"})


def test_a_worker_that_does_not_see_the_folder_says_so(tmp_path: Path) -> None:
    wanted = job(tmp_path)
    (wanted.folder / "mart").rmdir()
    wanted.folder.rmdir()
    with pytest.raises(
        ReportError, match=r"set: a worker of the cluster does not see it\. .*same path on all machines"
    ):
        clusters.make([wanted], "", 1, clusters.identity())


def test_where_nobody_listens_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "PATIENCE", 0.3)
    with pytest.raises(ReportError, match=r"tcp://127\.0\.0\.1:9: no Dask scheduler answers there"):
        list(Cluster("tcp://127.0.0.1:9")([job(tmp_path)], 1))


def test_nothing_is_loaded_for_a_cluster_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "PATIENCE", 0.3)
    asked = ["report", "--data", str(tmp_path / "none"), "--reports", str(tmp_path), "--cluster", "tcp://127.0.0.1:9"]
    result = CliRunner().invoke(cli, asked)
    assert result.exit_code == ReportError.exit_code
    assert "tcp://127.0.0.1:9: no Dask scheduler answers there" in result.stderr


def test_without_dask_what_to_install_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ReportError, match=r"pip install 'idp-analytics\[dask\]'"):
        list(Cluster("tcp://127.0.0.1:9")([job(tmp_path)], 1))


def test_a_share_and_a_cluster_are_two_ways_of_one_thing() -> None:
    result = CliRunner().invoke(cli, ["report", "--shard", "0/2", "--cluster", "tcp://127.0.0.1:9"])
    assert result.exit_code == 2
    assert "Give --shard or --cluster" in result.output


def test_nobody_who_does_not_ask_for_it_imports_dask() -> None:
    asked = (
        "import sys, idp_analytics.publish.run, idp_analytics.publish.cluster; sys.exit('distributed' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


# --- with one ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(not FORKS, reason="kills a worker by its number")
def test_made_by_a_cluster_of_which_a_worker_is_killed_pages_are_the_same_to_the_byte(
    organisation: Organisation, cluster: Callable[[int], Started], tmp_path: Path
) -> None:
    dying = tmp_path / "dying"
    notebooks = write_notebooks(
        tmp_path / "notebooks",
        "import os, pathlib, signal, time\n"
        f"if team == 'quiet' and (dying := pathlib.Path({str(dying)!r})).exists():\n"
        "    parent = lambda process: int(pathlib.Path(f'/proc/{process}/stat').read_text().rpartition(') ')[2].split()[1])\n"
        "    worker = parent(os.getppid())\n"
        "    dying.rename(dying.with_name('died')).write_text(str(worker))\n"
        "    os.kill(worker, signal.SIGKILL)\n"
        "    time.sleep(60)\n"
        "print('of', team, len(list(pathlib.Path(mart).iterdir())) > 3)",
    )
    alone = publish(organisation, tmp_path / "alone", notebooks=notebooks, engine=engine(), workers=1)
    assert alone.failed == ()
    address, workers = cluster(2)
    dying.touch()
    together = publish(organisation, tmp_path / "together", notebooks=notebooks, engine=Cluster(address))
    assert together.failed == ()
    assert set(together.seconds or ()) == {"organisation", *(f"teams/{slug(team)}" for team in TEAMS)}
    died = int((tmp_path / "died").read_text())
    assert [(worker.pid, worker.poll()) for worker in workers if worker.poll() is not None] == [(died, -signal.SIGKILL)]
    assert files(together.folder) == files(alone.folder)
    assert b"of quiet True" in files(together.folder)["teams/quiet.ipynb"]
    assert list((tmp_path / "together" / "acme").glob(".partial-*")) == []


@pytest.mark.slow
def test_a_report_that_fails_on_a_cluster_fails_alone(
    organisation: Organisation, cluster: Callable[[int], Started], tmp_path: Path
) -> None:
    notebooks = write_notebooks(tmp_path / "notebooks", "print(1 / (team != 'quiet'))")
    address, _ = cluster(1)
    result = publish(organisation, tmp_path / "reports", notebooks=notebooks, engine=Cluster(address, "stock"))
    assert result.failed == ("Quiet",)
    assert b"ZeroDivisionError" in (result.folder / "teams" / "quiet.html").read_bytes()
    assert (result.folder / "teams" / "quiet.failed.ipynb").is_file()
