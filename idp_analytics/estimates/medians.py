"""Medians and other quantiles with distribution-free intervals, all groups in one pass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import binom


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
    known = pl.col(x).cast(pl.Float64).drop_nulls().drop_nans().sort()
    groups = frame.lazy().group_by(*by).agg(known.alias("_sorted")).sort(*by, nulls_last=True).collect()
    size = groups["_sorted"].list.len().cast(pl.Int64)
    # Few sizes are distinct, so the binomial is asked once for each.
    sizes, which = np.unique(size.to_numpy(), return_inverse=True)
    lower, upper, _ = order_statistic_ranks(sizes, p, level)
    return groups.select(
        *by,
        size.alias("n"),
        _type_7(size, p).alias("value"),
        _ranked(lower[which]).alias("low"),
        _ranked(upper[which]).alias("high"),
    )


def _ranked(ranks: npt.NDArray[np.int64]) -> pl.Expr:
    """The value at each group's rank; null for rank 0."""
    rank = pl.lit(pl.Series(ranks, dtype=pl.Int64))
    return pl.col("_sorted").list.get(pl.when(rank > 0).then(rank - 1), null_on_oob=True)


def _type_7(size: pl.Series, p: float) -> pl.Expr:
    """The ``p`` quantile of each sorted list, linear between the two values around its place."""
    place = (size.to_numpy() - 1).clip(0) * p
    before = np.floor(place)
    left, right = _ranked(before.astype(np.int64) + 1), _ranked(np.ceil(place).astype(np.int64) + 1)
    return left + pl.lit(pl.Series(place - before)) * (right - left)
