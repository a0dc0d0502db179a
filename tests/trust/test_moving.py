"""Files that are written to or go while they are read, clocks that are put back or jump, and two commands at once."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from folder_building import DEPLOYMENTS, folder

from idp_analytics import collect as collecting
from idp_analytics import data_folder, sources
from idp_analytics.assess import importing
from idp_analytics.collect import collect
from idp_analytics.errors import SourceError
from idp_analytics.organisation import load
from idp_analytics.publish import staging
from idp_analytics.publish.lease import BusyError, holder
from idp_analytics.settings import read
from idp_analytics.sources import tabular

FAR, EARLY = datetime(2099, 1, 1, tzinfo=UTC), datetime(2001, 1, 1, tzinfo=UTC)
MOVED = r"was written to while it was read \(.*Nothing of it is used; run this again once the export is whole"


def entities(root: Path, *names: str, at: datetime = datetime(2026, 3, 1, tzinfo=UTC)) -> Path:
    path = root / "entities.json"
    told = [{"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": name}, "spec": {"owner": "pay"}} for name in names]  # fmt: skip
    path.write_text(json.dumps(told))
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = folder(tmp_path)
    settings = root / "settings.toml"
    settings.write_text(settings.read_text() + '[[source]]\nkind = "backstage"\npaths = ["entities.json"]\n')
    entities(root, "shop")
    return root


def before(step: Callable[..., Any], happens: Callable[[], object]) -> Callable[..., Any]:
    """``step``, just before whose first call something happens."""
    waiting = [happens]

    def stepped(*given: Any, **more: Any) -> Any:
        while waiting:
            waiting.pop()()
        return step(*given, **more)

    return stepped


def grown(path: Path, text: str) -> Callable[[], object]:
    return lambda: path.write_text(path.read_text() + text)


# --- files that move ---------------------------------------------------------------------------------------------------


def test_an_export_that_grows_between_reading_and_hashing_is_not_used(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = grown(data / "deployments.csv", "d4,shop,production,success,2026-03-21T10:00:00Z\n")
    monkeypatch.setattr(tabular, "sha256", before(tabular.sha256, more))
    with pytest.raises(SourceError, match=rf"^deployments\.csv: {MOVED}"):
        load(data)
    assert load(data).tables["deployments"].height == DEPLOYMENTS.count("\n")


def test_an_export_read_by_half_is_said_to_move_and_not_to_be_broken(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = data / "entities.json"
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    reading = sources.native.read

    def read_then_written(*given: Any, **more: Any) -> Any:
        try:
            return reading(*given, **more)
        finally:
            path.write_text(whole)

    monkeypatch.setattr(sources.native, "read", read_then_written)
    with pytest.raises(SourceError, match=rf"^entities\.json: {MOVED}"):
        load(data)


def test_an_export_that_goes_between_listing_and_reading_is_named(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "read", before(sources.read, (data / "deployments.csv").unlink))
    with pytest.raises(SourceError, match=r"^deployments\.csv: is gone since it was listed"):
        load(data)


def test_a_snapshot_is_of_what_was_read(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "content", before(collecting.content, grown(data / "entities.json", " ")))
    with pytest.raises(SourceError, match=rf"^entities\.json: {MOVED}"):
        collect(read(data, sources.check))
    assert not list((data / "snapshots").rglob("*.gz"))
    (kept,) = collect(read(data, sources.check))
    assert gzip.decompress(kept.snapshot.read_bytes()) == (data / "entities.json").read_bytes()


# --- clocks ------------------------------------------------------------------------------------------------------------


def made(root: Path, key: str, clock: datetime, name: str = "2026-06") -> Path:
    root.mkdir(exist_ok=True)
    with staging.locked(root) as lease, staging.stage(root, key, lease) as staged:
        (staged / "run.json").write_text(key)
        run = staging.commit(staged, root, key, name, lease)
        at = clock.timestamp()
        os.utime(run, (at, at))
        return run


@pytest.mark.parametrize("later", [EARLY, datetime(2026, 3, 1, tzinfo=UTC), FAR], ids=["back", "same", "on"])
def test_the_newest_run_is_the_last_published_whatever_the_clock_says(later: datetime, tmp_path: Path) -> None:
    first = made(tmp_path, "abc", datetime(2026, 3, 1, tzinfo=UTC))
    second = made(tmp_path, "abc", later)
    assert staging.finished(tmp_path, "abc") == second
    for key in ("d1", "d2", "d3"):
        made(tmp_path, key, later)
    assert not first.exists()
    assert {run.name for run in staging.runs(tmp_path)} == {"d1", "d2", "d3"}
    with staging.locked(tmp_path) as lease:
        staging.point(tmp_path, "2026-06", tmp_path / ".runs" / "d1", lease)
    made(tmp_path, "d4", later)
    assert {run.name for run in staging.runs(tmp_path)} == {"d1", "d3", "d4"}


def test_snapshots_of_a_clock_that_jumped_lose_and_double_nothing(data: Path) -> None:
    settings = read(data, sources.check)
    for number, at in enumerate((FAR, EARLY, datetime(2026, 3, 1, tzinfo=UTC))):
        entities(data, "shop", f"s{number}", at=at)
        assert [kept.new for kept in collect(settings)] == [True]
        assert [kept.new for kept in collect(settings)] == [False]
    assert len(list((data / "snapshots").rglob("*.gz"))) == 3
    assert {"s0", "s1", "s2"} <= set(load(data).tables["services"]["name"])


# --- two at once -------------------------------------------------------------------------------------------------------


def test_two_commands_that_write_to_one_data_folder_do_so_in_turn(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_folder, "_WAIT", 0.01)
    settings = read(data, sources.check)
    with FileLock(data / data_folder.LOCK):
        for write in (lambda: collect(settings), lambda: importing.bring_in([], settings, {})):
            with pytest.raises(data_folder.BusyError, match=r"another command is writing to it\. Nothing was written"):
                write()
        assert load(data).tables["services"].height
    assert collect(settings)


def test_a_run_that_is_refused_is_told_who_works_there(tmp_path: Path) -> None:
    with (
        staging.locked(tmp_path),
        pytest.raises(BusyError, match=rf"publishing there \(process {os.getpid()} on .+\)\. Nothing was changed"),
        staging.locked(tmp_path),
    ):
        pass
    assert holder(tmp_path) == ""
    assert holder(tmp_path / "none") == ""


def test_where_nothing_can_be_locked_nothing_is_written(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(*_: object, **__: object) -> None:
        raise NotImplementedError("FileSystem does not appear to support flock")

    monkeypatch.setattr(FileLock, "acquire", without)
    with pytest.raises(SourceError, match="without locks"):
        collect(read(data, sources.check))


def test_files_of_a_source_that_lies_in_folders_are_watched_too(data: Path) -> None:
    (data / "bills").mkdir()
    (data / "bills" / "a.csv").write_text("a")
    with (
        pytest.raises(SourceError, match=rf"^bills/a\.csv: {MOVED}"),
        sources.unchanged(sources.state([data / "bills"]), data),
    ):
        (data / "bills" / "a.csv").write_text("ab")
