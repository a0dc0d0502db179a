"""Which of a metric's cells, entities × periods, each row counts in, by number: what is added up is numbers, and texts are made once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from idp_analytics.estimates import groups
from idp_analytics.metrics.observed import ENTITY

Numbers = groups.Numbers


@dataclass(frozen=True)
class Block:
    """The cells of one scope and one length: which lines (entities) and columns (periods) of all cells."""

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
        """How many cells."""
        lines, columns = self.shape
        return lines * columns


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
        """Per scope and length the number, inside its block, of the cell each of ``rows`` (``service_id``, ``team_id``, ``day``) counts in; −1: none."""
        days = rows["day"].to_physical().to_numpy()
        first, last = (int(days.min()), int(days.max())) if len(days) else (0, -1)
        # Every day there may be is looked at once.
        known = np.arange(first, last + 1)
        columns = {every: self._column(known, every)[days - first] for every in self._columns}
        for scope, lines in self._lines.items():
            line = self._line(rows, scope)
            for every, column in columns.items():
                block = Block(scope, every, lines, self._columns[every])
                yield block, np.where((line >= 0) & (column >= 0), line * block.shape[1] + column, -1)

    def _column(self, days: Numbers, every: str) -> Numbers:
        """The column of each of ``days`` (since 1970) among the periods of a length; −1: none."""
        starts, ends = (told[self._columns[every]] for told in (self._starts, self._ends))
        place = np.searchsorted(starts, days, side="right") - 1
        return np.where((place >= 0) & (days < ends[place]), place, -1)

    def _line(self, rows: pl.DataFrame, scope: str) -> Numbers:
        """The line of each of ``rows`` among the entities of a scope; −1: none."""
        if scope == "org":
            return np.zeros(rows.height, np.int64)
        whose = rows.select(entity_id=ENTITY[scope]).to_series()
        dtype = whose.dtype if isinstance(whose.dtype, pl.Categorical) else pl.Categorical(pl.Categories.random())
        # Held both at once, so that a text has the same number in both; null has that of none, and so has what is nobody's we know.
        entities = self.entities["entity_id"][self._lines[scope]].cast(dtype)
        number = whose.cast(dtype).to_physical().cast(pl.Int64)
        known = entities.to_physical().to_numpy()
        most: int = number.max() or 0  # type: ignore[assignment]
        line: Numbers = np.full(max(most, int(known.max())) + 2, -1, np.int64)
        line[known] = np.arange(len(known))
        found: Numbers = line[number.fill_null(-1).to_numpy()]
        return found


def everyone(known: pl.DataFrame, rows: pl.DataFrame, scopes: Sequence[str]) -> pl.DataFrame:
    """``scope``, ``entity_id`` of all that are ``known`` and of all ``rows`` (``service_id``, ``team_id``) are of, each once."""
    found = []
    for scope in scopes:
        whose = rows.head(1) if scope == "org" else rows
        some = whose.select(entity_id=ENTITY[scope]).to_series().unique().drop_nulls().cast(pl.String)
        found.append(some.to_frame().select(pl.lit(scope).alias("scope"), "entity_id"))
    return pl.concat([known, *found]).unique()


def sums(cell: Numbers, size: int, values: Numbers | None = None) -> Numbers:
    """``values``, whole numbers, added up per cell of ``size`` (None: how many rows there are), exactly up to 2^53; −1 is none."""
    # What is in none goes into one more, which is left out.
    there = np.where(cell >= 0, cell, size)
    return np.bincount(there, values, size + 1)[:-1].astype(np.int64)


def _stretches(column: pl.Series) -> dict[str, slice]:
    """Where in a sorted column each text begins and ends."""
    found, begin = {}, 0
    for many, text in column.rle().struct.unnest().iter_rows():
        found[text] = slice(begin, begin + many)
        begin += many
    return found
