"""Rows as readers of documents give them → one row per key, and columns.

A row may stand for several, so that hundreds of thousands of answers to a survey are never rows of their own in Python: with
what they have in common told once (:meth:`Document.rows`), or as the columns of all (:meth:`Document.columns`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import chain, groupby, repeat
from itertools import count as counted
from math import prod
from operator import itemgetter
from typing import Any

import polars as pl

from idp_analytics.sources.system import Row
from idp_analytics.sources.tabular import ROW
from idp_analytics.tables import LINEAGE
from idp_analytics.tables.declare import Column, Kind, Table

_SEVERAL, _COLUMNS, _NEWEST = "_several", "_columns", "_newest"
_LINEAGE = frozenset(column.name for column in LINEAGE)
_TYPES: Mapping[Kind, type] = {Kind.NUMBER: float, Kind.BOOLEAN: bool}
"""Kinds of column whose values stay what they are; all others become text."""
_NO_TEXTS = pl.Series([[]], dtype=pl.List(pl.String))


def count(row: Row) -> int:
    """How many rows of the table it stands for."""
    return row[_COLUMNS].height if _COLUMNS in row else len(row.get(_SEVERAL, (row,)))


def one_by_one(rows: Iterable[Row]) -> Iterator[Row]:
    """Each row of the table by itself."""
    for row in rows:
        if _SEVERAL in row:
            shared = {name: value for name, value in row.items() if name != _SEVERAL}
            yield from ({**shared, **one} for one in row[_SEVERAL])
        else:
            yield row


def in_order(rows: list[Row]) -> list[Row]:
    """Rows that are columns of one file as one, in the order of its documents; others, which tell of the file, stay what they are."""
    columns = [row for row in rows if _COLUMNS in row]
    if len(columns) < 2:
        return rows
    frames = [row[_COLUMNS] for row in columns]
    # Of a column whose first piece is empty Polars writes no row at all as JSON.
    whole = pl.concat(frames, how="diagonal_relaxed", rechunk=not all(one.height for one in frames))
    # Pieces of a file come one after the other and are not sorted again.
    whole = whole if whole[ROW].is_sorted() else whole.sort(ROW, maintain_order=True)
    return [*(row for row in rows if _COLUMNS not in row), {**columns[0], _COLUMNS: whole}]


# --- one row per key --------------------------------------------------------------------------------------------------


def newest(table: Table, rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """The rows that stay, and those that do not because a newer one has the same key."""
    if any(_COLUMNS in row for row in rows):
        return _newest_by_columns(table, rows)
    if _all_differ(table, rows):
        return rows, []
    rows = list(one_by_one(rows))
    best: dict[tuple[str, ...], int] = {}
    for place, (key, row) in enumerate(zip(_keys(table.key, rows), rows, strict=True)):
        before = best.get(key)
        if before is None or (row["_newest"] or "") >= (rows[before]["_newest"] or ""):
            best[key] = place
    stay = set(best.values())
    return (
        [row for place, row in enumerate(rows) if place in stay],
        [row for place, row in enumerate(rows) if place not in stay],
    )


def _all_differ(table: Table, rows: list[Row]) -> bool:
    """No key comes twice. Of rows that stand for several it is enough that they differ in what is shared, and each within itself."""
    several = [row[_SEVERAL] for row in rows if _SEVERAL in row]
    inside = set(chain.from_iterable(some[0] for some in several if some))
    shared = _keys([name for name in table.key if name not in inside], rows)
    if len(set(shared)) < len(rows):
        return False
    own = [name for name in table.key if name in inside]
    each = list(chain.from_iterable(several))
    of = chain.from_iterable(repeat(place, len(some)) for place, some in enumerate(several))
    return not own or len(set(zip(of, _keys(own, each), strict=True))) == len(each)


def _keys(names: Sequence[str], rows: Sequence[Row]) -> list[tuple[str, ...]]:
    return list(zip(*([str(row.get(name)) for row in rows] for name in names), strict=True))


def _newest_by_columns(table: Table, rows: list[Row]) -> tuple[list[Row], list[Row]]:
    whole = list(_in_columns(table, rows))
    keys = [_keys_of(table, row[_COLUMNS]) for row in whole]
    told = keys[0] if len(keys) == 1 else pl.concat([key.cast(pl.String) for key in keys])
    if _are_different(told, table.key):
        return whole, []
    last = (
        # As text: an Enum is sorted by the numbers of its words.
        told.select(*table.key, pl.col(_NEWEST).cast(pl.String).fill_null("")).with_row_index("at")
        .sort(_NEWEST, maintain_order=True).unique(table.key, keep="last")["at"]
    )  # fmt: skip
    is_last = pl.int_range(told.height, dtype=pl.UInt32, eager=True).is_in(last.implode())
    stay, again, begin = [], [], 0
    for row in whole:
        frame, these = row[_COLUMNS], is_last.slice(begin, count(row))
        begin += count(row)
        stay.append({**row, _COLUMNS: frame.filter(these).rechunk()})
        again.append({**row, _COLUMNS: frame.filter(~these).rechunk()})
    return stay, again


def _in_columns(table: Table, rows: list[Row]) -> Iterator[Row]:
    """Each row that is not columns yet as columns, with those beside it that are of the same file."""
    for (file, by_columns), some in groupby(rows, lambda row: (row["_document"].file.shown, _COLUMNS in row)):
        del file
        if by_columns:
            yield from some
        else:
            each = list(one_by_one(some))
            newest_of = pl.Series(_NEWEST, [row[_NEWEST] for row in each], dtype=pl.String)
            yield each[0]["_document"].columns(frame(table, each).with_columns(newest_of))


def _keys_of(table: Table, columns: pl.DataFrame) -> pl.DataFrame:
    names = (*table.key, _NEWEST)
    if all(name in columns.columns for name in names):
        return columns.select(names)
    return columns.select(
        pl.col(name) if name in columns.columns else pl.lit(None, pl.String).alias(name) for name in names
    )


def _are_different(frame: pl.DataFrame, names: Sequence[str]) -> bool:
    """No row is like another one. Of texts that have numbers (Enum) the numbers are put together into one, which is faster."""
    types = [frame[name].dtype for name in names]
    sizes = [len(one.categories) if isinstance(one, pl.Enum) else 0 for one in types]
    if 0 < prod(sizes) < 1 << 63 and not any(frame[name].null_count() for name in names):
        number = pl.lit(0, pl.UInt64)
        for name, size in zip(names, sizes, strict=True):
            number = number * size + pl.col(name).to_physical()
        return frame.select(number).to_series().n_unique() == frame.height
    return (frame[names[0]].n_unique() if len(names) == 1 else frame.select(names).n_unique()) == frame.height


# --- rows → frame -----------------------------------------------------------------------------------------------------


def frame(table: Table, rows: Sequence[Row]) -> pl.DataFrame:
    """The table's columns that any row has, and ``_row``; values as text, numbers, truth values or lists of text."""
    if any(_COLUMNS in row for row in rows):
        whole: pl.DataFrame = pl.concat(
            [row[_COLUMNS] for row in _in_columns(table, list(rows))], how="diagonal_relaxed"
        )
        return whole.select(ROW, *(column.name for column in table.columns if column.name in whole.columns))
    numbers = pl.Series(ROW, [row["_document"].number for row in rows], dtype=pl.Int64)
    columns = [numbers, *_columns(table, rows)]
    if any(_SEVERAL in row for row in rows):
        columns = _spread(table, columns, [row.get(_SEVERAL, ({},)) for row in rows])
    return pl.DataFrame(columns)


def _spread(table: Table, shared: list[pl.Series], several: list[Sequence[Row]]) -> list[pl.Series]:
    """The shared columns as often as each is meant, and the columns each row has by itself, of which many are the same."""
    each = list(chain.from_iterable(several))
    different = {id(one): one for one in each}
    places = {key: place for place, key in enumerate(different)}
    own = pl.DataFrame(_columns(table, list(different.values())))[[places[id(one)] for one in each]]
    row = pl.DataFrame({"row": pl.int_range(len(several), eager=True), "times": list(map(len, several))})
    at = row.select(pl.col("row").repeat_by("times").list.explode(empty_as_null=False)).to_series()
    order = {column.name: place for place, column in enumerate(table.columns)}
    return sorted([*pl.DataFrame(shared)[at], *own], key=lambda series: order.get(series.name, -1))


def _columns(table: Table, rows: Sequence[Row]) -> list[pl.Series]:
    given: set[str] = set().union(*rows)
    return [_series(column, rows) for column in table.columns if column.name in given and column.name not in _LINEAGE]


def _series(column: Column, rows: Sequence[Row]) -> pl.Series:
    try:
        return series(column, list(map(itemgetter(column.name), rows)))
    except KeyError:
        return series(column, [row.get(column.name) for row in rows])


def series(column: Column, values: list[Any]) -> pl.Series:
    """A column of these values: as text, numbers, truth values or lists of text."""
    if column.kind is Kind.TEXTS:
        return _texts(column.name, values)
    if column.kind in _TYPES:
        if set(map(type, values)) <= {_TYPES[column.kind], type(None)}:
            return pl.Series(column.name, values, dtype=column.dtype)
    else:
        with suppress(TypeError):
            # As nearly always: all are text. Not asked first, because that takes as long again.
            return pl.Series(column.name, values, dtype=pl.String)
    plain = [value if value is None or type(value) is str else _plain(value) for value in values]
    return pl.Series(column.name, plain, dtype=pl.String)


def _texts(name: str, values: list[Any]) -> pl.Series:
    """Lists of text, from all texts put together by the list they are of, where Polars makes a series of each list."""
    if set(map(type, values)) <= {list, type(None)}:
        with suppress(TypeError, pl.exceptions.PolarsError):
            full = [value for value in values if value]
            texts = pl.Series(name, list(chain.from_iterable(full)), dtype=pl.String)
            of = pl.Series(
                "of",
                list(chain.from_iterable(repeat(place, len(value)) for place, value in enumerate(full))),
                dtype=pl.UInt32,
            )
            lists = pl.DataFrame([of.set_sorted(), texts]).group_by("of", maintain_order=True).agg(name)[name]
            place, empty = counted(), len(full)
            places = pl.Series(
                [None if value is None else next(place) if value else empty for value in values], dtype=pl.UInt32
            )
            return lists.append(_NO_TEXTS).gather(places)
    return pl.Series(name, values, dtype=pl.List(pl.String))


def _plain(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping | list):
        return None
    return value.isoformat() if isinstance(value, datetime) else str(value)
