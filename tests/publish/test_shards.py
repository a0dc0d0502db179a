"""Shares of a run: every report is in one of them, nothing is published before all are made, and whoever is last publishes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from company_building import TEAMS, Notebooks, at_once, forbidden
from filelock import FileLock

from idp_analytics.cli import cli
from idp_analytics.errors import ReportError
from idp_analytics.organisation import Organisation
from idp_analytics.publish import shards, staging
from idp_analytics.publish.engine import Job, Outcome
from idp_analytics.publish.lease import BusyError
from idp_analytics.publish.run import publish
from idp_analytics.publish.shards import Shard


@pytest.mark.parametrize(("text", "shard"), [("0/1", (0, 1)), (" 3/4 ", (3, 4)), ("0/2000", (0, 2000))])
def test_a_share_is_written_as_number_and_of_how_many(text: str, shard: tuple[int, int]) -> None:
    assert Shard.parse(text) == shard


@pytest.mark.parametrize("text", ["4/4", "0/0", "-1/4", "1", "1/", "a/b", "1/2/3", "١/٤"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(ReportError, match="Shares of four are 0/4"):
        Shard.parse(text)


def test_every_report_is_in_one_share_whatever_python_hashes() -> None:
    entities = ["", *(f"team-{number}" for number in range(400))]
    for of in (1, 2, 7):
        shares = [[entity for entity in entities if Shard(number, of).has(entity)] for number in range(of)]
        assert sorted(entity for share in shares for entity in share) == sorted(entities)
        assert max(map(len, shares)) < 1.5 * len(entities) / of
    assert [Shard(0, 2).has(entity) for entity in ("", "payments", "quiet")] == [False, True, False]


def test_a_failure_in_a_share_is_made_again_by_the_run_that_publishes(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path
) -> None:
    def asked(failing: Sequence[str], names: list[str]) -> Any:
        def engine(jobs: Sequence[Job], workers: int) -> Iterator[Outcome]:
            names.extend(job.name for job in jobs)
            return at_once(*failing)(jobs, workers)

        return engine

    folder, first, second = notebooks(), [], []
    one = publish(organisation, tmp_path, notebooks=folder, engine=asked(["quiet"], first), shard=Shard(1, 2))
    assert (one.published, one.failed, one.folder.exists()) == (False, ("Quiet",), False)
    two = publish(organisation, tmp_path, notebooks=folder, engine=asked([], second), shard=Shard(0, 2))
    assert (two.published, two.failed) == (True, ())
    assert sorted(first + second).count("teams/quiet") == 2
    assert len(first) + len(second) == len(TEAMS) + 2
    assert two.found == len(TEAMS)
    assert staging.differences(two.folder) == []
    assert publish(organisation, tmp_path, notebooks=folder, engine=forbidden, shard=Shard(0, 2)).reused


def test_a_whole_run_takes_what_shares_have_made(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path
) -> None:
    folder = notebooks()
    share = publish(organisation, tmp_path, notebooks=folder, engine=at_once(), shard=Shard(0, 2))
    whole = publish(organisation, tmp_path, notebooks=folder, engine=at_once())
    assert (whole.published, whole.found) == (True, len(share.seconds or ()))
    assert list((tmp_path / "acme").glob(".shard-*")) == []


def test_two_that_make_one_share_or_publish_at_once(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path
) -> None:
    folder = notebooks()

    def meanwhile(jobs: Sequence[Job], workers: int) -> Iterator[Outcome]:
        with pytest.raises(BusyError, match="another process is making this share"):
            publish(organisation, tmp_path, notebooks=folder, engine=forbidden, shard=Shard(0, 1))
        return at_once()(jobs, workers)

    with staging.locked(tmp_path / "acme"):  # another that was last, too, is publishing
        share = publish(organisation, tmp_path, notebooks=folder, engine=meanwhile, shard=Shard(0, 1))
    assert not share.published
    assert publish(organisation, tmp_path, notebooks=folder, engine=at_once(), shard=Shard(0, 1)).published


def test_shares_that_nobody_publishes_go_in_the_end(tmp_path: Path) -> None:
    for key in ("mine", "old", "new", "busy"):
        with shards.held(tmp_path, key, Shard(0, 2)) as folder:
            shards.finish(folder)
        if key in ("old", "busy"):
            os.utime(folder, (0, 0))
    with FileLock(tmp_path / ".shard-busy-0-of-2.lock"):
        shards.clear(tmp_path, "mine")
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {".shard-new-0-of-2", ".shard-busy-0-of-2"}
    assert not any(path.name.startswith((".shard-mine", ".shard-old")) for path in tmp_path.iterdir())


def test_the_command_takes_a_share_by_number() -> None:
    result = CliRunner().invoke(cli, ["report", "--shard", "4/4"])
    assert result.exit_code == ReportError.exit_code
    assert "'4/4' is no share of a run" in result.stderr
