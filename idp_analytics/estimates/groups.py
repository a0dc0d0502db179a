"""Rows told apart by number: which group each is in, and the rows of every group side by side, without a list for each.

What is to be said of a text is said once: each column is read once into small whole numbers, and all else is done by these.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

Numbers = npt.NDArray[np.signedinteger[Any]]
Values = npt.NDArray[np.float64]

_FEW = 2**16  # places are looked at without asking whether they are many
_MOST = 2**62  # what a number made of several must stay below
_DENSE = 4  # so many times as many places as rows are looked at rather than the rows sorted


def numbered(frame: pl.DataFrame, by: Sequence[str]) -> tuple[pl.DataFrame, Numbers]:
    """The different rows of the columns ``by``, sorted (nulls last), and of each row of ``frame`` the place of its own among them."""
    found, many = reduce(_both, (_codes(frame[name]) for name in by))
    found, first = _numbers(found, many)
    order = frame.select(pl.col(by).gather(first)).with_row_index("_place").sort(*by, nulls_last=True)
    place = np.empty(len(first), np.int64)
    place[order["_place"].to_numpy()] = np.arange(len(first))
    return order.drop("_place"), place[found]


def together(numbers: Numbers, values: Values, many: int) -> tuple[Numbers, Values, Numbers]:
    """The places of all rows, those of group 0 first and so on to group ``many`` − 1, inside a group from the least value on; their values; and where each
    group begins, with where the last one ends."""
    order = None
    if (values[1:] < values[:-1]).any():
        order = pl.Series(values).arg_sort().to_numpy()
        numbers, values = numbers[order], values[order]
    # A matrix with one value in each column, which column after column becomes one line after line: each row is looked at once, and what came first stays first.
    ends = np.arange(len(values) + 1, dtype=np.int32)
    lines = sparse.csc_array((values, numbers.astype(np.int32), ends), shape=(many, len(values))).tocsr()
    return lines.indices if order is None else order[lines.indices], lines.data, lines.indptr


def sizes(numbers: Numbers, many: int) -> tuple[Numbers, Numbers]:
    """How many rows each of ``many`` groups has, and at which place it begins where those of a group stand together."""
    size = np.bincount(numbers, minlength=many).astype(np.int64)
    return size, np.cumsum(size) - size


def _codes(column: pl.Series) -> tuple[Numbers, int]:
    """Each row's value by number, 0 for null, and below what all numbers are."""
    if column.dtype == pl.String:
        column = column.cast(pl.Categorical(pl.Categories.random()))
    elif not column.dtype.is_integer() and not isinstance(column.dtype, pl.Date | pl.Enum | pl.Categorical):
        column = column.rank("dense")
    told = column.to_physical().cast(pl.Int64)
    least, most = told.min(), told.max()
    if least is None:
        return np.zeros(len(told), np.int64), 1
    assert isinstance(least, int) and isinstance(most, int)
    if most - least > _MOST:  # numbers so far apart that their difference is none of 64 bits
        return _codes(column.rank("dense"))
    return (told - (least - 1)).fill_null(0).to_numpy(), most - least + 2


def _both(left: tuple[Numbers, int], right: tuple[Numbers, int]) -> tuple[Numbers, int]:
    """Two columns of numbers as one that tells apart what either does."""
    (one, many), (other, more) = left, right
    if many * more >= _MOST:  # of each no more numbers than rows
        (one, first), (other, second) = _numbers(one, many), _numbers(other, more)
        many, more = len(first), len(second)
    return one * more + other, many * more


def _numbers(found: Numbers, many: int) -> tuple[Numbers, Numbers]:
    """The same numbers without those in between that no row has, and of each one row that has it."""
    if many > _DENSE * len(found) + _FEW:
        _, first, places = np.unique(found, return_index=True, return_inverse=True)
        return places.astype(np.int64), first.astype(np.int64)
    row = np.full(many, -1, np.int64)
    row[found] = np.arange(len(found))
    there = row >= 0
    return (np.cumsum(there) - 1)[found], row[there]
