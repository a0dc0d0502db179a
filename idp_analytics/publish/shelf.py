"""Frames that several processes look at, held once: in files without a name, mapped into the memory of each.

What lies there is gone with the last process that has it open, however that one ends. Nothing is copied when a frame is taken from a file, except what
Polars holds in another way than Arrow writes it (Enums, Booleans).
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import pyarrow


def put(frames: Mapping[str, pl.DataFrame]) -> dict[str, int]:
    """Write each frame to a file of its own that nobody else can open; name → the number of the open file. Raises ``OSError`` where there is no room;
    then none is left."""
    files: dict[str, int] = {}
    try:
        for name, frame in frames.items():
            with tempfile.TemporaryFile(prefix="idp-") as file:
                _write(frame, file)
                file.flush()
                files[name] = os.dup(file.fileno())
    except BaseException:
        drop(files)
        raise
    return files


class FullError(Exception):
    """There is no room for what is to be put there."""


@contextmanager
def blank(count: int) -> Iterator[list[int]]:
    """So many open files without a name, to be written to by whoever has them under the same numbers; closed at the end. Raises ``OSError`` where
    none can be made."""
    numbers: list[int] = []
    try:
        for _ in range(count):
            with tempfile.TemporaryFile(prefix="idp-") as file:
                numbers.append(os.dup(file.fileno()))
        yield numbers
    finally:
        for number in numbers:
            os.close(number)


def write(frames: Mapping[str, pl.DataFrame], files: Mapping[str, int]) -> None:
    """Write each frame to the open file of its name, in place of what is there. Raises :class:`FullError` where there is no room."""
    for name, frame in frames.items():
        emptied(files[name])
        with _room(), os.fdopen(os.dup(files[name]), "wb") as file:
            _write(frame, file)


def emptied(number: int) -> None:
    """Nothing is in the file any more, and what is written next is its beginning. Raises :class:`FullError` where that cannot be."""
    with _room():
        os.ftruncate(number, 0)
        os.lseek(number, 0, os.SEEK_SET)


@dataclass(frozen=True)
class Piece:
    """A frame that is a part of an open file: its bytes from ``start`` on."""

    number: int
    start: int
    size: int


def added(frames: Mapping[str, pl.DataFrame], number: int) -> dict[str, Piece]:
    """Write frames to an open file, after what is there; where each is. Raises :class:`FullError` where there is no room."""
    import pyarrow.ipc

    pieces = {}
    with _room(), os.fdopen(os.dup(number), "wb") as file:
        for name, frame in frames.items():
            start = file.seek(-(-file.tell() // _PAGE) * _PAGE)
            table = frame.to_arrow(compat_level=pl.CompatLevel.newest())
            with pyarrow.ipc.new_stream(file, table.schema) as writer:
                writer.write_table(table)
            pieces[name] = Piece(number, start, file.tell() - start)
    return pieces


def piece(one: Piece) -> pl.DataFrame:
    """That frame, each chunk where it is."""
    import pyarrow as pa
    import pyarrow.ipc

    held = mmap.mmap(one.number, one.size, access=mmap.ACCESS_READ, offset=one.start)
    return _frame(pa.ipc.open_stream(pa.BufferReader(pa.py_buffer(held))).read_all())


_PAGE = mmap.ALLOCATIONGRANULARITY


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FullError(str(error)) from error


def drop(files: Mapping[str, int]) -> None:
    """Close the files; what is mapped stays as long as it is in use."""
    for number in files.values():
        os.close(number)


def taken(files: Mapping[str, int]) -> dict[str, pl.DataFrame]:
    """The frames of open files, each chunk where it was."""
    return {name: _mapped(number) for name, number in files.items()}


def leave(frame: pl.DataFrame, path: Path) -> None:
    """Write a frame for another process."""
    with path.open("wb") as file:
        _write(frame.rechunk(), file)


@dataclass(frozen=True)
class Exchange:
    """What several processes leave for each other in ``folder``, which is theirs alone (:class:`idp_analytics.metrics.Exchange`)."""

    folder: Path

    @property
    def name(self) -> str:
        """What no other exchange of this system is called while there is this one."""
        return str(self.folder)

    def leave(self, name: str, frame: pl.DataFrame) -> None:
        """Write a frame where all can map it, at once whole; where there is no room, nobody gets it."""
        path = self.folder / f"{name}.{os.getpid()}"
        try:
            leave(frame, path)
            path.replace(self.folder / name)
        except OSError:
            path.unlink(missing_ok=True)

    def left(self, name: str) -> pl.DataFrame | None:
        """The frame of this name, mapped; None while nobody has left it."""
        try:
            with (self.folder / name).open("rb") as file:
                return _mapped(file.fileno())
        except FileNotFoundError:
            return None


def fetched(path: Path) -> pl.DataFrame:
    """The frame that another process has left, mapped; the file loses its name."""
    with path.open("rb") as file:
        frame = _mapped(file.fileno())
    path.unlink()
    return frame


def _write(frame: pl.DataFrame, file: IO[bytes]) -> None:
    """Each column as it lies in memory, a chunk staying one, so that nothing need be copied here or to put it together again; Polars would first lay out a
    chunk a second time."""
    import pyarrow.ipc

    table = frame.to_arrow(compat_level=pl.CompatLevel.newest())
    with pyarrow.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def _mapped(number: int) -> pl.DataFrame:
    import pyarrow as pa
    import pyarrow.ipc

    held = mmap.mmap(number, 0, access=mmap.ACCESS_READ)
    return _frame(pa.ipc.open_file(pa.BufferReader(pa.py_buffer(held))).read_all())


def _frame(table: pyarrow.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table, rechunk=False)
    assert isinstance(frame, pl.DataFrame)
    return frame
