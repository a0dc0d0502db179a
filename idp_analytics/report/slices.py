"""Rows of small frames, without a query: a page asks for some in hundreds of places, and a query takes several times as long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

SMALL = 256
"""Up to so many rows, looking at them one by one is quicker."""


def where(frame: pl.DataFrame, **equal: Any) -> pl.DataFrame:
    """The rows in which each column named holds the value given: ``frame.filter(**equal)``. What is null equals nothing."""
    wanted = tuple(equal.values())
    if None in wanted:
        return frame.clear()
    if frame.height > SMALL:
        return frame.filter(**equal)
    columns = [frame.get_column(name).to_list() for name in equal]
    if len(columns) == 1:
        return at(frame, [place for place, value in enumerate(columns[0]) if value == wanted[0]])
    return at(frame, [place for place, values in enumerate(zip(*columns, strict=True)) if values == wanted])


def having(frame: pl.DataFrame, *names: str) -> pl.DataFrame:
    """The rows in which none of the columns named is null: ``frame.drop_nulls(names)``."""
    for name in names:
        frame = _parted(frame, name, is_null=False)
    return frame


def lacking(frame: pl.DataFrame, *names: str) -> pl.DataFrame:
    """The rows in which each of the columns named is null."""
    for name in names:
        frame = _parted(frame, name, is_null=True)
    return frame


def _parted(frame: pl.DataFrame, name: str, is_null: bool) -> pl.DataFrame:
    column = frame.get_column(name)
    nulls = column.null_count()
    if nulls in (0, frame.height):
        return frame if frame.height == 0 or (nulls > 0) is is_null else frame.clear()
    if frame.height > SMALL:
        return frame.filter(column.is_null() if is_null else column.is_not_null())
    return at(frame, [place for place, value in enumerate(column.to_list()) if (value is None) is is_null])


def at(frame: pl.DataFrame, places: Sequence[int]) -> pl.DataFrame:
    """The rows at these places, in this order."""
    if not places:
        return frame.clear()
    if list(places) == list(range(places[0], places[0] + len(places))):
        return frame.slice(places[0], len(places))
    return frame[list(places)]
