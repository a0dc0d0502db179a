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
    """Which two of ``n`` sorted values bound the ``p`` quantile with at least ``level`` confidence.

    Lower rank, upper rank (counted from 1) and the coverage reached, from the binomial identity (Conover 1999;
    Hahn & Meeker 1991): the innermost ranks with at most half of 1 − ``level`` in each tail. 0, 0, nan where no two
    values do (for the median at 95 %: n ≤ 5).
    """
    n = np.asarray(n, dtype=np.int64)
    tail = (1 - level) / 2
    guess = binom.ppf(tail, n, p).astype(np.int64)
    # ppf gives the least g with cdf(g) >= tail; ranks must leave strictly no more than the tail outside.
    lower = np.where(binom.cdf(guess, n, p) <= tail, guess + 1, guess)
    upper = binom.ppf(1 - tail, n, p).astype(np.int64) + 1
    exists = (lower >= 1) & (upper <= n)
    coverage = binom.cdf(upper - 1, n, p) - binom.cdf(lower - 1, n, p)
    return np.where(exists, lower, 0), np.where(exists, upper, 0), np.where(exists, coverage, np.nan)


def grouped(frame: pl.DataFrame, by: Sequence[str], x: str, p: float = 0.5, level: float = 0.95) -> pl.DataFrame:
    """The ``p`` quantile of ``x`` per group with its order-statistic interval.

    ``by`` columns, ``n`` (values that are known), ``value`` (linear between neighbours, Hyndman & Fan type 7: the mean
    of the two middle ones for a median of an even n), ``low``, ``high`` (null where n is too small for an interval).
    """
    groups = (
        frame.filter(pl.col(x).is_not_null())
        .group_by(by)
        .agg(
            pl.len().cast(pl.Int64).alias("n"),
            pl.col(x).quantile(p, interpolation="linear").alias("value"),
            pl.col(x).sort().alias("_sorted"),
        )
    )
    lower, upper, _ = order_statistic_ranks(groups["n"].to_numpy(), p, level)
    ranks = pl.DataFrame({"_lower": lower, "_upper": upper}, schema={"_lower": pl.Int64, "_upper": pl.Int64})
    rank = {"low": pl.col("_lower"), "high": pl.col("_upper")}
    return groups.hstack(ranks).select(
        *by,
        "n",
        "value",
        *(
            pl.when(r > 0).then(pl.col("_sorted").list.get(r - 1, null_on_oob=True)).alias(name)
            for name, r in rank.items()
        ),
    )
