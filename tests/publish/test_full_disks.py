"""Disks that are full, read-only or cannot do what publishing needs: the published set stays whole, and a message says what to do."""

from __future__ import annotations

import errno
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path

import fault_building
import pytest
from company_building import write_notebooks
from fault_building import FULL, READ_ONLY, Fault, Run, Told, tree

from idp_analytics.organisation import Organisation
from idp_analytics.publish import staging
from idp_analytics.report.mart import Mart


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with fault_building.children() as run:
        yield run


def _done(told: Told | None) -> Told:
    assert told is not None
    assert told.code == 0, told.said
    return told


@pytest.fixture(scope="module")
def mart_file(organisation: Organisation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mart") / "mart.pickle"
    path.write_bytes(pickle.dumps(Mart.of(organisation, ("1mo", "1q"))))
    return path


@pytest.fixture(scope="module")
def first(run: Run, mart_file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A folder with one published set, and how many operations wrote it."""
    root = tmp_path_factory.mktemp("published")
    notebooks = write_notebooks(tmp_path_factory.mktemp("notebooks"))
    told = _done(run(fault_building.published, mart_file, notebooks, root))
    return root, told.operations


@pytest.fixture
def reports(first: tuple[Path, int], tmp_path: Path) -> Path:
    return Path(shutil.copytree(first[0], tmp_path / "reports", symlinks=True))


@pytest.mark.parametrize(
    "shares", [2, pytest.param(25, marks=pytest.mark.slow)], ids=["at two operations", "at twenty-five"]
)
def test_a_disk_that_is_full_at_any_operation_of_publishing_leaves_the_set_whole(
    shares: int, run: Run, mart_file: Path, first: tuple[Path, int], reports: Path, tmp_path: Path
) -> None:
    other, set_ = write_notebooks(tmp_path / "other", team="print('other')"), reports / "acme" / "2026-06"
    before = tree(set_)
    for share in range(shares):
        at = 1 + share * (first[1] - 2) // shares
        told = run(fault_building.published, mart_file, other, reports, Fault(at, FULL))
        assert told is not None
        assert staging.differences(set_) == []
        assert (told.code, "cannot be written: No space left on device" in told.said) == (2, True), (at, told)
        assert tree(set_) == before, at
        assert list((reports / "acme").glob(".partial-*")) == []
    _done(run(fault_building.published, mart_file, other, reports))
    assert staging.differences(set_) == []
    assert tree(set_) != before


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(1, READ_ONLY), "cannot be written: Read-only file system"),
        (Fault(1, errno.EPERM, ("os.symlink",)), "has no symbolic links"),
        (Fault(1, errno.EOPNOTSUPP, ("os.symlink",)), "has no symbolic links"),
        (Fault(1, errno.EXDEV, ("os.rename",)), "cannot be written: Invalid cross-device link"),
        (Fault(1, errno.EIO, ("os.fsync",)), "cannot be written: Input/output error"),
    ],
)
def test_a_file_system_that_cannot_is_said_and_the_set_stays(
    fault: Fault, said: str, run: Run, mart_file: Path, reports: Path, tmp_path: Path
) -> None:
    other, set_ = write_notebooks(tmp_path / "other", team="print('other')"), reports / "acme" / "2026-06"
    before = tree(set_)
    told = run(fault_building.published, mart_file, other, reports, fault)
    assert told is not None
    assert (told.code, said in told.said, "published before is untouched" in told.said) == (2, True, True), told
    assert tree(set_) == before
    if "links" in said:
        assert told.operations == 1, "said before anything is made"


def test_on_a_real_disk_with_less_and_less_room_the_set_stays_whole(
    run: Run, mart_file: Path, first: tuple[Path, int], tmp_path: Path
) -> None:
    """Nobody makes the error up: the disk has room for so many bytes, then for all, then may only be read."""
    other = write_notebooks(tmp_path / "other", team="print('other')")
    with fault_building.disk(tmp_path / "disk") as disk:
        reports = Path(shutil.copytree(first[0], disk.path / "reports", symlinks=True))
        set_ = reports / "acme" / "2026-06"
        before = tree(set_)
        for room in (0, 1 << 14, 1 << 17):
            disk.room(room)
            told = run(fault_building.published, mart_file, other, reports)
            assert told is not None
            assert (told.code, "cannot be written: No space left on device" in told.said) == (2, True), (room, told)
            assert staging.differences(set_) == []
            assert tree(set_) == before
            assert list((reports / "acme").glob(".partial-*")) == []
        disk.room(1 << 26)
        _done(run(fault_building.published, mart_file, other, reports))
        assert staging.differences(set_) == []
        after = tree(set_)
        assert after != before
        disk.read_only()
        told = run(fault_building.published, mart_file, write_notebooks(tmp_path / "third", team="print(3)"), reports)
        assert told is not None
        assert (told.code, "cannot be written: Read-only file system" in told.said) == (2, True), told
        assert tree(set_) == after
