"""Answers of services: most of a large company's, which no page shows; encoded once by whoever computes them and only copied from there on."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import polars as pl

from idp_analytics.paths import written

_ROWS_PER_GROUP = 65_536
"""So many rows of a file are read to find those of one service, which stand together."""


@dataclass(frozen=True)
class ServiceAnswers:
    """The answers of services (:data:`idp_analytics.answers.COLUMNS`) as a Parquet file without a name, mapped, which is gone with the last process
    that looks at it. The same answers are the same bytes, whichever process encoded them."""

    file: mmap.mmap

    @classmethod
    def of(cls, answers: pl.DataFrame) -> ServiceAnswers:
        """Encoded here."""
        return cls._filled(partial(_encode, answers))

    @classmethod
    def fetched(cls, path: Path) -> ServiceAnswers:
        """What another process has left (:func:`leave`); the file loses its name."""
        with path.open("rb") as file:
            made = cls(_mapped(file))
        path.unlink()
        return made

    def write(self, path: Path) -> None:
        """Copy the file to ``path``. Raises ``OSError`` where the system refuses."""
        written(path, lambda file: file.write(self.file))

    @classmethod
    def _filled(cls, fill: Callable[[IO[bytes]], object]) -> ServiceAnswers:
        with tempfile.TemporaryFile(prefix="idp-") as file:
            fill(file)
            file.flush()
            return cls(_mapped(file))

    @classmethod
    def _copied(cls, data: bytes) -> ServiceAnswers:
        return cls._filled(lambda file: file.write(data))

    def __reduce__(self) -> tuple[Callable[[bytes], ServiceAnswers], tuple[bytes]]:
        """A copy, for a process that cannot be told of an open file."""
        return self._copied, (self.file[:],)


def leave(answers: pl.DataFrame, path: Path) -> None:
    """Encode answers of services for another process; texts may be Categoricals."""
    written(path, partial(_encode, answers))


def _encode(answers: pl.DataFrame, file: IO[bytes]) -> None:
    # In one chunk: where pages of a file end would else follow from how a frame was put together. Texts are made of Categoricals group by group.
    answers.rechunk().lazy().cast({pl.Categorical: pl.String}).sink_parquet(file, row_group_size=_ROWS_PER_GROUP)


def _mapped(file: IO[bytes]) -> mmap.mmap:
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
