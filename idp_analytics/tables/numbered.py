"""Columns of text by number: the different texts, and of each row the place of its own. What is to be said of a text is said once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl
import pyarrow.compute as pc

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
    if known.is_empty():
        return pl.Series(name, [None], pl.Enum(known)).new_from_index(0, height)
    dtype = _dtype(known)
    columns = []
    for numbers, words in told:
        if words.len() == known.len() and words.equals(known):
            columns.append(numbers.cast(dtype))
        else:
            place = pl.DataFrame({"word": words}).join(
                known.to_frame("word").with_row_index("place"), on="word", how="left", maintain_order="left"
            )["place"]  # fmt: skip
            columns.append(at(place.cast(dtype), numbers))
    found = columns[0] if len(columns) == 1 else pl.select(pl.coalesce(columns)).to_series()
    return found.rechunk().cat.to(pl.Enum(known)).alias(name)


def _dtype(words: pl.Series) -> type[pl.DataType]:
    """The smallest numbers that are enough for the places of ``words``."""
    return next(dtype for dtype, most in _NUMBERS if words.len() < most)


def at(values: pl.Series, numbers: pl.Series) -> pl.Series:
    """Of each of ``numbers`` the value at that place; null: none."""
    if not values.count():
        return pl.Series(values.name, [None], values.dtype).new_from_index(0, numbers.len())
    if not (values.dtype.is_integer() or values.dtype == pl.Boolean):
        return values.gather(numbers)
    # A third of what gather takes: small numbers need not be made large ones first.
    return pl.Series(values.name, pl.from_arrow(pc.take(values.to_arrow(), numbers.to_arrow())))


def numbered(column: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The number of each row's text (null: none), and the texts these numbers are the places of. Not every one of them need occur."""
    if isinstance(column.dtype, pl.Enum):
        return column.to_physical(), column.dtype.categories.alias(column.name)
    if not isinstance(column.dtype, pl.Categorical):
        column = column.cast(pl.String).cast(pl.Categorical(pl.Categories.random()))
    assert isinstance(column.dtype, pl.Categorical)
    return column.to_physical(), column.dtype.categories.to_series().alias(column.name)


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
