"""Medians and other quantiles with distribution-free intervals, all groups in one pass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import binom

from idp_analytics.estimates import groups


def order_statistic_ranks(
    n: npt.ArrayLike, p: float = 0.5, level: float = 0.95
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Which two of ``n`` sorted values bound the ``p`` quantile with at least ``level`` confidence, elementwise.

    Lower rank, upper rank (counted from 1) and the coverage reached, from the binomial identity (Conover 1999;
    Hahn & Meeker 1991): the innermost ranks with at most half of 1 − ``level`` in each tail. Ties only make the
    coverage larger. 0, 0, nan where no two values do (for the median at 95 %: n ≤ 5).
    """
    n = np.asarray(n, dtype=np.int64)
    tail = (1 - level) / 2
    guess = binom.ppf(tail, n, p).astype(np.int64)
    # ppf gives the least g with cdf(g) >= tail; where it is equal, one rank further in still leaves no more outside.
    lower = np.where(binom.cdf(guess, n, p) <= tail, guess + 1, guess)
    upper = binom.ppf(1 - tail, n, p).astype(np.int64) + 1
    exists = (lower >= 1) & (upper <= n)
    coverage = binom.cdf(upper - 1, n, p) - binom.cdf(lower - 1, n, p)
    return np.where(exists, lower, 0), np.where(exists, upper, 0), np.where(exists, coverage, np.nan)


def grouped(
    frame: pl.DataFrame | pl.LazyFrame, by: Sequence[str], x: str, p: float = 0.5, level: float = 0.95
) -> pl.DataFrame:
    """The ``p`` quantile of ``x`` per group with its order-statistic interval, one row per group, sorted by ``by``.

    Columns: ``by``, ``n`` (Int64, the values that are neither null nor nan), ``value`` (linear between neighbours,
    Hyndman & Fan 1996 type 7: for a median of an even n the mean of the two middle ones), ``low``, ``high`` (two of the
    values; null where n is too small for an interval). A group without a value keeps its row: n = 0, the rest null.
    """
    rows = frame.lazy().select(*by, pl.col(x).cast(pl.Float64).alias("_x")).collect()
    whose, numbers = groups.numbered(rows, by)
    return pl.concat([whose, of_groups(numbers, rows["_x"], whose.height, p, level)], how="horizontal")


def of_groups(numbers: groups.Numbers, x: pl.Series, many: int, p: float = 0.5, level: float = 0.95) -> pl.DataFrame:
    """The same of groups by number: row ``i`` of ``many`` is that of the values ``x`` (Float64 n) whose group is ``i``. Columns: ``n``, ``value``,
    ``low``, ``high``."""
    values = x.fill_null(np.nan).to_numpy()
    known = ~np.isnan(values)
    if not known.all():
        numbers, values = numbers[known], values[known]
    _, values, ends = groups.together(numbers, values, many)
    values, start, size = np.append(values, np.nan), ends[:-1], np.diff(ends).astype(np.int64)
    # Few sizes are distinct, so the binomial is asked once for each.
    different, which = np.unique(size, return_inverse=True)
    lower, upper, _ = order_statistic_ranks(different, p, level)

    def ranked(ranks: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """The value at each group's rank, counted from 1; nan where there is none."""
        return values[np.where((ranks > 0) & (size > 0), start + ranks - 1, -1)]

    place = (size - 1).clip(0) * p
    before = np.floor(place)
    left, right = ranked(before.astype(np.int64) + 1), ranked(np.ceil(place).astype(np.int64) + 1)
    found = {
        "value": left + (place - before) * (right - left),
        "low": ranked(lower[which]),
        "high": ranked(upper[which]),
    }
    return pl.DataFrame({"n": size, **found}).with_columns(pl.col(*found).fill_nan(None))
