"""Folders of runs that were killed are taken away by the next, and no others."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from idp_analytics.publish import private_folder
from idp_analytics.publish.private_folder import HELD, clear, made

HOLDING = "from idp_analytics.publish.private_folder import made\nwith made() as folder:\n    print(folder, flush=True); input()"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, of this test alone."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def holder(temporary: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another process with a folder in use."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING], env={**os.environ, "TMPDIR": str(temporary)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:  # fmt: skip
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def test_a_folder_is_ours_alone_and_gone_afterwards(temporary: Path) -> None:
    with made() as folder:
        assert folder.parent == temporary
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "part").write_text("kept")
    assert list(temporary.iterdir()) == []


def test_what_one_that_was_killed_has_left_the_next_takes_away(holder: tuple[subprocess.Popen[str], Path]) -> None:
    process, folder = holder
    (folder / "tables").mkdir()
    (folder / "tables" / "large.arrow").write_bytes(bytes(1000))
    with made():
        assert folder.is_dir()  # in use
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    assert folder.is_dir()
    with made() as own:
        assert not folder.exists()
        assert own.is_dir()


def test_what_a_fork_of_the_killed_one_still_uses_is_left(temporary: Path) -> None:
    folder = left(temporary / "idp-used")
    file = os.open(folder / HELD, os.O_RDWR)
    fcntl.flock(file, fcntl.LOCK_EX)  # as a fork has it from its parent
    clear()
    assert folder.is_dir()
    os.close(file)
    clear()
    assert not folder.exists()


def left(folder: Path, mode: int = 0o700, held: str = HELD, held_mode: int = 0o600) -> Path:
    folder.mkdir()
    folder.chmod(mode)
    (folder / held).touch()
    (folder / held).chmod(held_mode)
    return folder


def test_what_is_not_as_we_leave_it_is_left(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = left(temporary / "elsewhere")
    kept = [
        elsewhere, left(temporary / "idp-begun", held=f"{HELD}.begun"), left(temporary / "idp-other", held="notes.txt"),
        left(temporary / "idp-open", mode=0o755), left(temporary / "idp-shared", held_mode=0o660),
    ]  # fmt: skip
    (temporary / "idp-link").symlink_to(elsewhere)
    (temporary / "idp-file").touch()
    pointing = left(temporary / "idp-pointing", held="x")
    (pointing / HELD).symlink_to(elsewhere / HELD)
    clear()
    assert all(folder.is_dir() for folder in (*kept, pointing))
    assert (temporary / "idp-link").is_symlink()
    assert (temporary / "idp-file").is_file()
    monkeypatch.setattr(private_folder.os, "geteuid", lambda: os.getuid() + 1)
    ours = left(temporary / "idp-ours")
    clear()
    assert ours.is_dir()  # of another user


def test_links_in_it_are_not_followed(temporary: Path) -> None:
    kept = temporary / "mart"
    kept.mkdir()
    (kept / "answers.parquet").touch()
    (left(temporary / "idp-gone") / "mart").symlink_to(kept, target_is_directory=True)
    clear()
    assert not (temporary / "idp-gone").exists()
    assert (kept / "answers.parquet").is_file()
