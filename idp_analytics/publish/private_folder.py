"""A folder of a run's own among the temporary files, gone with the run; the next takes away what one that was killed has left.

Whoever makes one holds a lock on a file in it as long as it lives, which the system lets go of however it ends. A folder is taken away only where
that file is there, folder and file are ours and nobody holds the lock: what is being made has no such file yet, and of two that clear at once
one has the lock.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: nothing is held, so nothing is ever taken away
    fcntl = None  # type: ignore[assignment]

PREFIX = "idp-"
HELD = ".held"
"""The file in each that its maker holds the lock of."""


@contextmanager
def made() -> Iterator[Path]:
    """A new folder that only we may read. Raises ``OSError`` where there is no room for it."""
    clear()
    file = None
    try:
        with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as name:
            file = _held(Path(name))
            yield Path(name)
    finally:
        if file is not None:
            os.close(file)


def clear() -> None:
    """Take away the folders of those who are gone."""
    with suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            if entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False):
                with suppress(OSError):
                    _clear(Path(entry.path))


def _held(folder: Path) -> int | None:
    """The open file whose lock says that ``folder`` is in use; it gets its name once it is locked. None where the system has no locks."""
    if fcntl is None:
        return None
    begun = folder / f"{HELD}.begun"
    file = os.open(begun, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return None
    begun.rename(folder / HELD)
    return file


def _clear(folder: Path) -> None:
    """Remove ``folder`` if it is ours and its maker is gone. Raises ``OSError`` where it is not."""
    if fcntl is None:
        return
    if not _is_ours(os.lstat(folder), stat.S_ISDIR):
        return
    file = os.open(folder / HELD, os.O_RDWR | os.O_NOFOLLOW)
    try:
        if _is_ours(os.fstat(file), stat.S_ISREG):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(file), os.lstat(folder / HELD)):  # another may have cleared it meanwhile
                shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(file)


def _is_ours(found: os.stat_result, is_kind: Callable[[int], bool]) -> bool:
    return is_kind(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
