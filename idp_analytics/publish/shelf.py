"""Frames that several processes look at, held once: in files without a name, mapped into the memory of each.

What lies there is gone with the last process that has it open, however that one ends. Nothing is copied when a frame is taken from a file, except what
Polars holds in another way than Arrow writes it (Enums, Booleans).
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import polars as pl


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
    table = pa.ipc.open_file(pa.BufferReader(pa.py_buffer(held))).read_all()
    frame = pl.from_arrow(table, rechunk=False)
    assert isinstance(frame, pl.DataFrame)
    return frame
