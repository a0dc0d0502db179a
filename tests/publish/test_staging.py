from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from idp_analytics.errors import ReportError
from idp_analytics.publish import staging
from idp_analytics.publish.lease import BusyError

NAME = "2026-06"


def made(root: Path, key: str, text: str, name: str = NAME) -> Path:
    """Publish a set of three files that all say ``text``."""
    with staging.locked(root) as lease, staging.stage(root, key, lease) as folder:
        (folder / "teams").mkdir()
        for file in ("index.html", "run.json", "teams/a.html"):
            (folder / file).write_text(text, encoding="utf-8")
        return staging.commit(folder, root, key, name, lease)


def seen(root: Path, name: str = NAME) -> set[str]:
    """What a reader of ``name`` finds in its files; an error if a file is missing or not as published."""
    folder = (root / name).resolve()
    assert staging.differences(folder) == []
    return {(folder / file).read_text(encoding="utf-8") for file in ("index.html", "run.json", "teams/a.html")}


def left(root: Path) -> set[str]:
    return {path.name for path in root.iterdir()} - {".lease", ".runs", NAME}


# --- one run at a time -------------------------------------------------------------------------------------------------


def test_a_second_run_is_refused_by_name(tmp_path: Path) -> None:
    root = tmp_path / "acme"
    with (
        staging.locked(root),
        pytest.raises(BusyError, match="another run is publishing there") as caught,
        staging.locked(root),
    ):
        pass
    assert str(root) in str(caught.value)
    assert caught.value.exit_code == 75
    with staging.locked(root):  # and once the first is over, the next may
        pass


def test_the_lock_is_let_go_when_a_run_fails(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), staging.locked(tmp_path):
            raise ZeroDivisionError


@pytest.mark.parametrize("number", sorted(staging.UNWRITABLE))
def test_a_disk_that_cannot_be_written_is_said(tmp_path: Path, number: int) -> None:
    told = pytest.raises(ReportError, match=r"cannot be written: .*untouched; make room")
    with told as caught, staging.writable(tmp_path):
        raise OSError(number, os.strerror(number), str(tmp_path / "page.html"))
    assert str(tmp_path / "page.html") in str(caught.value)
    assert os.strerror(number) in str(caught.value)


def test_a_disk_error_without_a_file_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=str(tmp_path)), staging.writable(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_other_errors_of_the_system_are_not_hidden(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), staging.writable(tmp_path):
        (tmp_path / "none").read_text()


def test_reports_cannot_go_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file")
    for root in (tmp_path / "reports", tmp_path / "reports" / "acme"):
        with pytest.raises(ReportError, match="cannot be written"), staging.locked(root):
            pass


# --- made aside --------------------------------------------------------------------------------------------------------


def test_a_stage_is_gone_afterwards_unless_it_was_interrupted(tmp_path: Path) -> None:
    def write() -> None:
        with staging.locked(tmp_path) as lease, staging.stage(tmp_path, "abc", lease) as folder:
            assert list(folder.iterdir()) == []
            (folder / "a.html").write_text("half")
            folder.with_name(folder.name + staging.JOURNAL).write_text("")
            raise error

    for number, (error, kept) in enumerate(
        ((ValueError(), False), (OSError(errno.ENOSPC, "full"), False), (KeyboardInterrupt(), True)), 1
    ):
        with pytest.raises(type(error)):
            write()
        assert left(tmp_path) == ({f".partial-abc-{number}", f".partial-abc-{number}.journal"} if kept else set())
    with staging.locked(tmp_path) as lease, staging.stage(tmp_path, "abc", lease) as folder:
        assert [path.name for path in folder.iterdir()] == ["a.html"]
        assert left(tmp_path) == {".partial-abc-4", ".partial-abc-4.journal"}  # no other's any more
    assert left(tmp_path) == set()


def test_what_other_runs_left_is_cleared(tmp_path: Path) -> None:
    for name in (".partial-abc", ".partial-abc2-17", ".partial-of-somebody-else"):
        (tmp_path / name).mkdir()
    for name in (".partial-abc.journal", ".index-17.html", ".index-of-mine.html", ".lock"):
        (tmp_path / name).write_text("half")
    (tmp_path / ".link-17").symlink_to("nothing")
    with staging.locked(tmp_path) as lease, staging.stage(tmp_path, "def", lease):
        pass
    assert left(tmp_path) == {".partial-of-somebody-else", ".index-of-mine.html", ".lock"}


# --- whole or not at all -----------------------------------------------------------------------------------------------


class KilledError(BaseException):
    """What ends a run wherever it is."""


STEPS: tuple[tuple[Any, str], ...] = (
    (staging, "write_manifest"),
    (os, "fsync"),
    (Path, "mkdir"),
    (Path, "rename"),
    (os, "utime"),
    (Path, "unlink"),
    (Path, "symlink_to"),
    (Path, "replace"),
)
"""Every call by which a finished run becomes what readers see."""


def breaking(call: Callable[..., Any], after: bool) -> Callable[..., Any]:
    """``call`` that ends the run: before it does anything, or once it has."""

    def broken(*args: Any, **options: Any) -> Any:
        if after:
            call(*args, **options)
        raise KilledError

    return broken


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("owner", "call"), STEPS, ids=[call for _, call in STEPS])
def test_whatever_step_a_run_ends_at_readers_see_one_set_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, call: str, after: bool
) -> None:
    made(tmp_path, "aaa", "old")
    with (
        monkeypatch.context() as patch,
        pytest.raises(KilledError),
        staging.locked(tmp_path) as lease,
        staging.stage(tmp_path, "bbb", lease) as folder,
    ):
        (folder / "teams").mkdir()
        for file in ("index.html", "run.json", "teams/a.html"):
            (folder / file).write_text("new", encoding="utf-8")
        patch.setattr(owner, call, breaking(getattr(owner, call), after))
        staging.commit(folder, tmp_path, "bbb", NAME, lease)
    assert seen(tmp_path) == ({"new"} if (call, after) == ("replace", True) else {"old"})
    made(tmp_path, "ccc", "next")  # and nothing is in the way of the next run
    assert seen(tmp_path) == {"next"}
    assert left(tmp_path) == set()


PUBLISHER = """
import sys
from pathlib import Path
from test_staging import made
for number in range(int(sys.argv[2]), 10_000):
    made(Path(sys.argv[1]), f"{number:04x}", f"set {number} " + "x" * 20_000)
    print(number, flush=True)
"""


def test_a_reader_never_sees_half_a_run_however_often_runs_are_killed(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])}
    reads, number = 0, 0
    for life in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", PUBLISHER, str(tmp_path), str(number)], env=environment,
            stdout=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            number = int(process.stdout.readline()) + 1
            end = time.monotonic() + 0.15 + 0.03 * life
            while time.monotonic() < end:
                folder = os.open(tmp_path / NAME, os.O_RDONLY)  # what a reader has opened stays that set
                texts = set()
                for file in ("index.html", "run.json", "teams/a.html"):
                    try:
                        with os.fdopen(os.open(file, os.O_RDONLY, dir_fd=folder)) as text:
                            texts.add(text.read())
                    except FileNotFoundError:  # so old by now that it was removed; never half of it under its name
                        texts.clear()
                        break
                os.close(folder)
                assert len(texts) <= 1
                reads += bool(texts)
            process.send_signal(signal.SIGKILL)
            number += sum(1 for _ in process.stdout) + 1
        assert len(seen(tmp_path)) == 1
    made(tmp_path, "fffff", "last")
    assert seen(tmp_path) == {"last"}
    assert left(tmp_path) == set()
    assert reads > 10


def test_a_run_of_the_same_key_stands_beside_the_first(tmp_path: Path) -> None:
    first, second, third = (made(tmp_path, "abc", text) for text in ("1", "2", "3"))
    assert [run.name for run in (first, second, third)] == ["abc", "abc.2", "abc.3"]
    assert seen(tmp_path) == {"3"}
    for age, run in enumerate((third, second, first)):
        os.utime(run, (1e9 - age, 1e9 - age))
    assert staging.finished(tmp_path, "abc") == third
    with staging.locked(tmp_path) as lease:
        staging.point(tmp_path, NAME, first, lease)
    assert seen(tmp_path) == {"1"}
    assert staging.finished(tmp_path, "abc") == first
    assert staging.finished(tmp_path, "ab") is None


def test_nothing_is_finished_where_nothing_was_begun(tmp_path: Path) -> None:
    assert staging.finished(tmp_path / "none", "abc") is None


# --- what is kept ------------------------------------------------------------------------------------------------------


def test_only_the_newest_runs_of_a_name_are_kept(tmp_path: Path) -> None:
    made(tmp_path, "e", "of another name", "2026-05")
    for key in "abcd":
        made(tmp_path, key, key)
    assert sorted(run.name for run in (tmp_path / ".runs").iterdir()) == ["b", "c", "d", "e"]
    assert staging.published(tmp_path) == ["2026-05", NAME]


def test_an_old_run_that_readers_still_open_is_kept(tmp_path: Path) -> None:
    first = made(tmp_path, "a", "a")
    (tmp_path / "kept").symlink_to(first, target_is_directory=True)
    for key in "bcde":
        made(tmp_path, key, key)
    assert seen(tmp_path, "kept") == {"a"}


def test_a_run_removed_by_half_is_never_taken_for_a_finished_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in "abc":
        made(tmp_path, key, key)

    def half(folder: Path, ignore_errors: bool = False) -> None:
        (folder / "run.json").unlink(missing_ok=True)

    with monkeypatch.context() as patch:  # the process ends while the old run is being removed
        patch.setattr(staging.shutil, "rmtree", half)
        made(tmp_path, "d", "d")
    assert staging.finished(tmp_path, "a") is None
    made(tmp_path, "e", "e")
    assert left(tmp_path) == set()


def test_a_folder_somebody_put_in_the_way_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "mine.txt").write_text("mine")
    with pytest.raises(ReportError, match="is in the way: it is not a link this command made"):
        made(tmp_path, "abc", "new")
    assert (tmp_path / NAME / "mine.txt").read_text() == "mine"


def test_the_manifest_tells_what_is_not_as_it_was(tmp_path: Path) -> None:
    run = made(tmp_path, "abc", "text")
    (run / "index.html").write_text("other")
    (run / "run.json").unlink()
    (run / "more.html").write_text("")
    assert staging.differences(run) == [
        "run.json: is missing",
        "more.html: is not in the manifest",
        "index.html: was changed",
    ]
