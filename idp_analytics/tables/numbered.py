"""Columns of text by number: the different texts, and of each row the place of its own. What is to be said of a text is said once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import TypeVar

import polars as pl

from idp_analytics.tables.declare import Table
from idp_analytics.tables.side_by_side import pieces, side_by_side

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)

_NUMBERS = ((pl.UInt8, 2**8), (pl.UInt16, 2**16), (pl.UInt32, 2**32))


def enum(numbers: pl.Series, words: pl.Series) -> pl.Series:
    """The column whose row ``i`` holds the text ``words[numbers[i]]`` (null: where the number or the text is) as an Enum.

    ``words`` may hold one text several times.
    """
    return first_enum([(numbers, words)])


def first_enum(told: Sequence[tuple[pl.Series, pl.Series]]) -> pl.Series:
    """Of several such columns, each of numbers and words, the first text of each row; the name is that of the first words."""
    name, height = told[0][1].name, told[0][0].len()
    known = pl.concat([words.drop_nulls().alias(name) for _, words in told]).unique(maintain_order=True)
    dtype = pl.Enum(known)
    if known.is_empty():
        return pl.Series(name, [None], dtype).new_from_index(0, height)
    codes = [(numbers, _places(words, known)) for numbers, words in told]
    if len(codes) == 1 and codes[0][1] is None:
        return codes[0][0].rechunk().cast(_dtype(known)).cat.to(dtype).alias(name)
    nothing = pl.Series([known.len()], dtype=_dtype(known))  # null, as long as nulls would have to be looked for

    def of(rows: slice) -> pl.Series:
        columns = (_coded(places, numbers[rows], nothing) for numbers, places in codes)
        found = reduce(lambda first, second: first.zip_with(first != nothing[0], second), columns)
        return found.set(found == nothing[0], None).cat.to(dtype)

    return _joined(name, of, height)


def _places(words: pl.Series, known: pl.Series) -> pl.Series | None:
    """Where each of ``words`` is in ``known``, if not where it is in ``words``."""
    if words.len() == known.len() and words.equals(known):
        return None
    return pl.DataFrame({"word": words}).join(
        known.to_frame("word").with_row_index("place"), on="word", how="left", maintain_order="left"
    )["place"]  # fmt: skip


def _coded(places: pl.Series | None, numbers: pl.Series, nothing: pl.Series) -> pl.Series:
    """Of each of ``numbers`` its place, or itself; ``nothing`` where there is none."""
    if places is None:
        return numbers.cast(nothing.dtype).fill_null(nothing[0])
    places = pl.concat([places.cast(nothing.dtype).fill_null(nothing[0]), nothing])
    if places.len() <= numbers.upper_bound().item():
        return places.gather(numbers.fill_null(places.len() - 1))
    return places.gather(numbers).fill_null(nothing[0])


def _joined(name: str, of: Callable[[slice], pl.Series], height: int) -> pl.Series:
    """The column of ``height`` rows that ``of`` makes piece by piece."""
    made = side_by_side([partial(of, rows) for rows in pieces(height)])
    return (made[0].rechunk() if len(made) == 1 else pl.concat(made, rechunk=True)).alias(name)


def _dtype(words: pl.Series) -> type[pl.DataType]:
    """The smallest numbers that are enough for the places of ``words``."""
    return next(dtype for dtype, most in _NUMBERS if words.len() < most)


def at(values: pl.Series, numbers: pl.Series) -> pl.Series:
    """Of each of ``numbers`` the value at that place; null: none."""
    if not values.count():
        return pl.Series(values.name, [None], values.dtype).new_from_index(0, numbers.len())
    # In pieces: as places numbers take four times the memory.
    return _joined(values.name, lambda rows: values.gather(numbers[rows]), numbers.len())


def numbered(column: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The number of each row's text (null: none), and the texts these numbers are the places of. Not every one of them need occur."""
    if isinstance(column.dtype, pl.Enum):
        return column.to_physical(), column.dtype.categories.alias(column.name)
    if not isinstance(column.dtype, pl.Categorical):
        column = column.cast(pl.String).cast(pl.Categorical(pl.Categories.random()))
    assert isinstance(column.dtype, pl.Categorical)
    return column.to_physical(), column.dtype.categories.to_series().alias(column.name)


_OFTEN = 8
"""So many times must the texts of a column come on average for it to be held by number."""


def whole(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """``frame`` of ``table``, which is used up, with each column in one piece; joins would put them together anew each time. Of ``table.repeats``
    those whose texts do come again and again are then Enums. Column by column, so that no table is held twice."""
    columns = []
    for name in frame.columns:
        column = frame.drop_in_place(name)
        columns.append((_by_number(column) if name in table.repeats else column).rechunk())
    return pl.DataFrame(columns)


def _by_number(column: pl.Series) -> pl.Series:
    """The column as an Enum of the texts that occur, in the order in which they do; as text where they do not come again and again."""
    numbers, words = numbered(column)
    if isinstance(column.dtype, pl.Enum):
        found = numbers.drop_nulls().unique(maintain_order=True)
        places = pl.Series([None], dtype=pl.UInt32).new_from_index(0, words.len())
        numbers = at(places.scatter(found, pl.int_range(found.len(), dtype=pl.UInt32, eager=True)), numbers)
        words = words.gather(found)
    if words.len() * _OFTEN <= column.len():
        return enum(numbers, words)
    return column.cast(pl.String)


def together(table: Table, frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """``frames`` of ``table`` (at least one), one after the other; of ``table.repeats`` what some hold by number is an Enum of the texts of all."""
    coded = [name for name in table.repeats if any(isinstance(frame.schema[name], pl.Enum) for frame in frames)]
    if len(frames) == 1 or not coded:
        return pl.concat(frames)
    rest = pl.concat([frame.drop(coded) for frame in frames])
    return rest.with_columns(_after([frame[name] for frame in frames]) for name in coded).select(frames[0].columns)


def _after(columns: Sequence[pl.Series]) -> pl.Series:
    """The columns one after the other, as one Enum."""
    told = [numbered(column) for column in columns]
    known = pl.concat([words.drop_nulls() for _, words in told]).unique(maintain_order=True)
    nothing = pl.Series([known.len()], dtype=_dtype(known))
    found = pl.concat([_coded(_places(words, known), numbers, nothing) for numbers, words in told], rechunk=True)
    return found.set(found == nothing[0], None).cat.to(pl.Enum(known)).alias(columns[0].name)


def as_text(frame: Frame) -> Frame:
    """The frame with what is held by number as text."""
    return frame.with_columns(pl.col(pl.Enum).cast(pl.String))


def used(column: pl.Series) -> pl.Series:
    """The different texts that occur in a column of text."""
    return column.unique().drop_nulls().cast(pl.String)


def once(texts: pl.Series, tell: Callable[[str | None], str | None]) -> pl.Series:
    """What ``tell`` says of each text (null: of none), asked once of each different one."""
    different = texts.unique()
    told = pl.Series([tell(text) for text in different], dtype=pl.String)
    return texts.replace_strict(different, told, return_dtype=pl.String)


def by_word(column: pl.Series, read: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """What ``read`` makes of each text of an Enum, for every row; of any other column, what it makes of the column as text."""
    if not isinstance(column.dtype, pl.Enum):
        return read(column.cast(pl.String))
    return at(read(column.dtype.categories.alias(column.name)), column.to_physical())


def renamed(column: pl.Series, read: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """The same, of an Enum as an Enum of the texts that ``read`` makes."""
    if not isinstance(column.dtype, pl.Enum):
        return read(column.cast(pl.String))
    words = column.dtype.categories.alias(column.name)
    made = read(words)
    return column if made.equals(words) else enum(column.to_physical(), made)


def first_known(columns: Sequence[pl.Series]) -> pl.Series:
    """Of each row the first text there is; an Enum where all ``columns`` (at least one) are."""
    if len(columns) == 1:
        return columns[0]
    if all(isinstance(column.dtype, pl.Enum) for column in columns):
        return first_enum([numbered(column) for column in columns])
    return pl.select(pl.coalesce(column.cast(pl.String) for column in columns)).to_series().alias(columns[0].name)
