"""Which of a metric's cells, entities × periods, each row counts in, by number: what is added up is numbers, and texts are made once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from idp_analytics.metrics.observed import ENTITY

Numbers = npt.NDArray[np.signedinteger[Any]]
Found = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Block:
    """The cells of one scope and one length: which lines (entities) and columns (periods) of all cells. Inside it they are numbered with one line and one
    column more, where rows are that belong to no entity or no period, so that none has to be left out before it is counted."""

    scope: str
    every: str
    lines: slice
    columns: slice

    @property
    def shape(self) -> tuple[int, int]:
        """How many entities, how many periods."""
        return self.lines.stop - self.lines.start, self.columns.stop - self.columns.start

    @property
    def size(self) -> int:
        """How many numbers there are."""
        lines, columns = self.shape
        return (lines + 1) * (columns + 1)

    def table(self, values: Found) -> Found:
        """What was found for each number (one thing or several), as entities × periods, without what is in no cell."""
        lines, columns = self.shape
        return values.reshape(lines + 1, columns + 1, *values.shape[1:])[:-1, :-1]


class Cells:
    """``entities`` (``scope``, ``entity_id``) × ``periods`` (``every``, ``period_start``, ``period_end``, …), each once; :attr:`frame` has a row for each, in order of
    scope, entity, length and time. Arrays over all of them are entities × periods, and as columns one after the other."""

    def __init__(self, entities: pl.DataFrame, periods: pl.DataFrame) -> None:
        self.entities, self.periods = entities.sort("scope", "entity_id"), periods.sort("every", "period_start")
        self.shape = self.entities.height, self.periods.height
        self._lines, self._columns = _stretches(self.entities["scope"]), _stretches(self.periods["every"])
        self._starts, self._ends = (
            self.periods[name].to_physical().to_numpy() for name in ("period_start", "period_end")
        )

    def frame(self) -> pl.DataFrame:
        """One row per cell."""
        return self.entities.join(self.periods, how="cross", maintain_order="left_right")

    def of(self, rows: pl.DataFrame) -> Iterator[tuple[Block, Numbers]]:
        """Per scope and length the number, inside its block, of the cell each of ``rows`` (``service_id``, ``team_id``, ``day``) counts in."""
        day, columns = self._days(rows)
        # Every day there may be is looked at once.
        single = {every: column[day] for every, column in columns.items()}
        for scope, lines in self._lines.items():
            line = self._line(rows, scope)
            for every, column in single.items():
                block = Block(scope, every, lines, self._columns[every])
                yield block, line * np.int32(block.shape[1] + 1) + column

    def added(self, rows: pl.DataFrame, values: npt.NDArray[np.int64]) -> Iterator[tuple[Block, npt.NDArray[np.int64]]]:
        """Per scope and length ``values`` (rows × several, whole numbers) of ``rows`` added up: entities × periods × several, exactly."""
        day, columns = self._days(rows)
        # Days that are in the same period of every length are one stretch, and the periods are sums of stretches: rows are looked at once for all of them.
        told = np.column_stack(list(columns.values())) if columns else np.zeros((0, 0), np.int32)
        begins = np.flatnonzero(np.append(True, (told[1:] != told[:-1]).any(axis=1))) if len(told) else np.zeros(0, int)
        stretch = np.repeat(np.arange(len(begins)), np.diff(np.append(begins, len(told)))).astype(np.int32)[day]
        found: npt.NDArray[np.int64] | None = None
        for scope in sorted(self._lines, key=lambda scope: scope == "org"):
            lines = self._lines[scope]
            many = lines.stop - lines.start + 1
            if scope == "org" and found is not None:  # all there is, whosever it is
                whole = found.sum(axis=0)[None]
                found = np.concatenate([whole, np.zeros_like(whole)])
            else:
                cell = self._line(rows, scope) * np.int32(len(begins)) + stretch
                found = _sums_of(cell, many * len(begins), values).reshape(many, len(begins), values.shape[1])
            for every, of_day in columns.items():
                block = Block(scope, every, lines, self._columns[every])
                summed = np.zeros((block.shape[0], block.shape[1] + 1, values.shape[1]), np.int64)
                for at, column in enumerate(of_day[begins]):
                    summed[:, column] += found[:-1, at]
                yield block, summed[:, :-1]

    def _days(self, rows: pl.DataFrame) -> tuple[Numbers, dict[str, Numbers]]:
        """The place of each row's day among all days from the first to the last, and per length the column of each of those."""
        days = rows["day"].to_physical().to_numpy()
        first, last = (int(days.min()), int(days.max())) if len(days) else (0, -1)
        known = np.arange(first, last + 1)
        return days - np.int32(first), {every: self._column(known, every) for every in self._columns}

    def _column(self, days: Numbers, every: str) -> Numbers:
        """The column of each of ``days`` (since 1970) among the periods of a length; one more: none."""
        starts, ends = (told[self._columns[every]] for told in (self._starts, self._ends))
        place = np.searchsorted(starts, days, side="right") - 1
        return np.where((place >= 0) & (days < ends[place]), place, len(starts)).astype(np.int32)

    def _line(self, rows: pl.DataFrame, scope: str) -> Numbers:
        """The line of each of ``rows`` among the entities of a scope; one more: none."""
        if scope == "org":
            return np.zeros(rows.height, np.int32)
        whose = rows.select(entity_id=ENTITY[scope]).to_series()
        dtype = whose.dtype if isinstance(whose.dtype, pl.Categorical) else pl.Categorical(pl.Categories.random())
        # Held both at once, so that a text has the same number in both; null has one of its own, and so has what is nobody's we know.
        entities = self.entities["entity_id"][self._lines[scope]].cast(dtype)
        number = whose.cast(dtype).to_physical()
        known = entities.to_physical().to_numpy()
        most: int = number.max() or 0  # type: ignore[assignment]
        nobody = max(most, int(known.max())) + 1
        line = np.full(nobody + 1, len(known), np.int32)
        line[known] = np.arange(len(known))
        found: Numbers = line[number.fill_null(nobody).to_numpy()]
        return found


def everyone(known: pl.DataFrame, rows: pl.DataFrame, scopes: Sequence[str]) -> pl.DataFrame:
    """``scope``, ``entity_id`` of all that are ``known`` and of all ``rows`` (``service_id``, ``team_id``) are of, each once."""
    found = []
    for scope in scopes:
        whose = rows.head(1) if scope == "org" else rows
        some = whose.select(entity_id=ENTITY[scope]).to_series().unique().drop_nulls().cast(pl.String)
        found.append(some.to_frame().select(pl.lit(scope).alias("scope"), "entity_id"))
    return pl.concat([known, *found]).unique()


def sums(cell: Numbers, size: int, values: Numbers | None = None) -> npt.NDArray[np.int64]:
    """``values``, whole numbers, added up per number of ``size`` (None: how many rows there are), exactly up to 2^53."""
    return np.bincount(cell, values, size).astype(np.int64)


def _sums_of(cell: Numbers, size: int, values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Several ``values`` of each row added up per number at once: a matrix with a one for each row, times the values."""
    many = len(cell)
    ones = sparse.csc_array((np.ones(many, np.int64), cell, np.arange(many + 1, dtype=np.int32)), shape=(size, many))
    found: npt.NDArray[np.int64] = ones @ values
    return found


def _stretches(column: pl.Series) -> dict[str, slice]:
    """Where in a sorted column each text begins and ends."""
    found, begin = {}, 0
    for many, text in column.rle().struct.unnest().iter_rows():
        found[text] = slice(begin, begin + many)
        begin += many
    return found
