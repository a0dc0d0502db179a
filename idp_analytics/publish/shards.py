"""A run on several machines that share a folder: each makes its share of the reports, and whichever is done last publishes.

::

    <root>/.shard-<key>-<number>-of-<n>/     the reports of a share, with a journal beside them
    <root>/.shard-<key>-<number>-of-<n>.done     all of them are tried

Which team is in which share depends on nothing but its id, so machines need not talk. One that is killed is started again, as
whoever started it does, and goes on; the run that publishes makes what is still missing.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from idp_analytics.errors import ReportError
from idp_analytics.publish.lease import BusyError
from idp_analytics.publish.staging import JOURNAL

OLD = 7 * 86_400
"""Seconds after which shares of other keys are removed: nobody will publish them."""

_DONE, _LOCK = ".done", ".lock"
_WRITTEN = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")


class Shard(NamedTuple):
    """One share of a run: its ``number``, from 0, ``of`` how many."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """``0/4`` is the first of four; raises :class:`ReportError` for what is no share."""
        match = _WRITTEN.fullmatch(text.strip())
        shard = cls(int(match[1]), int(match[2])) if match else cls(1, 0)
        if shard.number >= shard.of:
            raise ReportError(f"{text!r} is no share of a run. Shares of four are 0/4, 1/4, 2/4 and 3/4.")
        return shard

    def has(self, entity: str) -> bool:
        """Whether the report of that team (by id) belongs to it."""
        return int.from_bytes(hashlib.sha256(entity.encode()).digest()) % self.of == self.number

    def folder(self, root: Path, key: str) -> Path:
        """Where its reports lie."""
        return root / f".shard-{key}-{self.number}-of-{self.of}"


@contextmanager
def held(root: Path, key: str, shard: Shard) -> Iterator[Path]:
    """The folder of a share for one process, which stays. Raises :class:`BusyError` at once if another holds it."""
    folder = shard.folder(root, key)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(_beside(folder, _LOCK))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BusyError(f"{folder}: another process is making this share of the run. Nothing was changed.") from None
    try:
        yield folder
    finally:
        lock.release()


def finish(folder: Path) -> None:
    """Say that all reports of a share have been tried."""
    _beside(folder, _DONE).touch()


def complete(root: Path, key: str, of: int) -> bool:
    """Whether all shares of a run are done."""
    return all(_beside(Shard(number, of).folder(root, key), _DONE).is_file() for number in range(of))


def folders(root: Path, key: str) -> list[Path]:
    """The shares of a run that were begun."""
    return sorted(path for path in root.glob(f".shard-{key}-*") if path.is_dir())


def clear(root: Path, key: str) -> None:
    """Remove the shares of a run that is published, and those of others that nobody has touched for long."""
    for folder in root.glob(".shard-*"):
        is_old = folder.is_dir() and time.time() - folder.stat().st_mtime > OLD
        if folder.is_dir() and (is_old or folder.name.startswith(f".shard-{key}-")):
            lock = FileLock(_beside(folder, _LOCK))
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            shutil.rmtree(folder, ignore_errors=True)
            for ending in (JOURNAL, _DONE, _LOCK):
                _beside(folder, ending).unlink(missing_ok=True)
            lock.release()


def _beside(folder: Path, ending: str) -> Path:
    return folder.with_name(folder.name + ending)
