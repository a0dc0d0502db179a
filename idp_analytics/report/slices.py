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


def at(frame: pl.DataFrame, places: Sequence[int]) -> pl.DataFrame:
    """The rows at these places, in this order."""
    if not places:
        return frame.clear()
    if list(places) == list(range(places[0], places[0] + len(places))):
        return frame.slice(places[0], len(places))
    return frame[list(places)]
