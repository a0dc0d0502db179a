"""Writing to a data folder: one command at a time, each file whole or not at all, and what a killed command left is cleared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from idp_analytics.errors import IdpError, SourceError
from idp_analytics.paths import UNFINISHED, write_whole
from idp_analytics.sources import SNAPSHOTS

LOCK = ".lock"
"""The file in a data folder that is held by the command that writes to it."""

_WAIT = 10.0
"""Seconds for which a folder is waited for that another command writes to."""


class BusyError(IdpError):
    """Another command is writing to the data folder; nothing was written. The exit code is sysexits' EX_TEMPFAIL."""

    exit_code = 75


@contextmanager
def held(root: Path) -> Iterator[None]:
    """Hold a data folder for one command that writes to it; reading needs no hold. Raises :class:`BusyError` where another holds it
    for longer than ten seconds, :class:`SourceError` for a folder that may not be written to."""
    lock = FileLock(root / LOCK)
    try:
        lock.acquire(timeout=_WAIT)
    except Timeout:
        raise BusyError(
            f"{root}: another command is writing to it. Nothing was written; try again in a moment."
        ) from None
    except NotImplementedError:
        raise SourceError(
            f"{root}: lies on a file system without locks, so that two commands could write at once. Copy the data folder to another."
        ) from None
    except OSError as error:
        raise SourceError(
            f"{root}: cannot be written: {error.strerror}. Give a data folder that may be written to; reading needs no such right."
        ) from None
    try:
        for folder, pattern in ((root, UNFINISHED), (root / SNAPSHOTS, f"**/{UNFINISHED}")):
            for left in folder.glob(pattern):
                left.unlink(missing_ok=True)
        yield
    finally:
        lock.release()


def write(target: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file of a data folder (:func:`paths.write_whole`), its folder too where there is none. Raises :class:`SourceError`, with what
    was there as it was."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, data, mode)
    except OSError as error:
        raise SourceError(
            f"{target}: cannot be written: {error.strerror}. What stood in it before is untouched; see that there is room and that the folder "
            "may be written to, then run this again."
        ) from None
