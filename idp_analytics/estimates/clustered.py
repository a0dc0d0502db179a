"""Two totals compared where observations come in clusters: whole clusters are drawn again, never single observations."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import norm
from scipy.stats import t as student

from idp_analytics.estimates.changes import newcombe_difference, rate_ratio, share_ratio

Array = npt.NDArray[np.float64]

DRAWS = 2000
_TOGETHER = 500
"""Groups worked out at once: bounds the memory, changes nothing else."""

_SUMS = ("x1", "n1", "x0", "n0")


def clustered_comparison(
    frame: pl.DataFrame, by: Sequence[str], cluster: str, ratio: str, seed: int, level: float = 0.95, draws: int = DRAWS, of_shares: bool = False,
) -> pl.DataFrame:  # fmt: skip
    """x1 ÷ n1 against x0 ÷ n0 per group of ``by``: the difference, or their ratio where the boolean ``ratio`` is true.

    ``frame``: one row per group and cluster with the whole numbers ``x1``, ``n1``, ``x0``, ``n0``. Clusters are drawn with replacement
    (Field & Welsh 2007), the same ``seed`` for groups of the same size, and ``low`` and ``high`` are percentiles of what the draws say,
    taken further out the fewer clusters there are (Hesterberg 2015).
    A difference of shares is given at least Newcombe's interval (1998), a ratio the exact one of two counts, or with ``of_shares`` that of two
    shares (Donner & Zou 2012): few clusters that are all alike draw no spread, which is not certainty. One row per group, sorted: ``by``, ``clusters`` (Int64), the four sums, ``value``, ``low``, ``high`` (null: nothing on
    one side, or a ratio to nothing).
    """
    lists = (
        frame.sort(*by, cluster, nulls_last=True)
        .group_by(*by, ratio, maintain_order=True)
        .agg(pl.len().cast(pl.Int64).alias("clusters"), *(pl.col(name).cast(pl.Int64) for name in _SUMS))
    )
    parts = [
        _drawn(lists.filter(clusters=size).slice(start, _TOGETHER), size, ratio, seed, level, draws, of_shares)
        for size in lists["clusters"].unique().sort().to_list()
        for start in range(0, lists.filter(clusters=size).height, _TOGETHER)
    ]
    empty = lists.with_columns(
        *(pl.col(name).list.sum() for name in _SUMS), *(pl.lit(None, pl.Float64).alias(n) for n in ("value", "low", "high"))
    ).clear()  # fmt: skip
    return pl.concat([empty, *parts]).drop(ratio).sort(*by, nulls_last=True)


def _drawn(lists: pl.DataFrame, size: int, ratio: str, seed: int, level: float, draws: int, of_shares: bool) -> pl.DataFrame:  # fmt: skip
    rng = np.random.default_rng([seed, size])
    # Whole numbers below 2⁵³ add up exactly in any order, so that threads cannot change a byte.
    times = rng.multinomial(size, np.full(size, 1 / size), draws).astype(float)
    held = {name: np.stack(lists[name].to_list()).astype(float) for name in _SUMS}
    is_ratio = lists[ratio].to_numpy()[:, None]
    found = _effect({name: values @ times.T for name, values in held.items()}, is_ratio)
    whole = {name: values.sum(axis=1, keepdims=True) for name, values in held.items()}
    value = _effect(whole, is_ratio)[:, 0]
    low, high = _quantiles(found, _tail(level, size))
    low, high = np.fmin(low, value), np.fmax(high, value)
    share = ~is_ratio[:, 0]
    x1, n1, x0, n0 = (whole[name][:, 0] for name in _SUMS)
    # Of a ratio x may be more than n, of which no share is made.
    capped1, capped0 = np.minimum(x1, n1), np.minimum(x0, n0)
    of_counts = share_ratio(capped1, n1, capped0, n0, level) if of_shares else rate_ratio(x1, n1, x0, n0, level)
    alone = newcombe_difference(capped1, n1, capped0, n0, level), of_counts
    alone_low, alone_high = (np.where(share, alone[0][end], alone[1][end]) for end in (1, 2))
    known = np.isfinite(value)
    low = np.where(known, np.fmin(low, alone_low), low)
    high = np.where(known, np.fmax(high, alone_high), high)
    return lists.with_columns(
        *(pl.col(name).list.sum() for name in _SUMS),
        *(pl.Series(n, np.where(np.isfinite(v), v, np.nan)).fill_nan(None) for n, v in (("value", value), ("low", low), ("high", high))),
    )  # fmt: skip


def _tail(level: float, size: int) -> float:
    """The part to cut off at each end so that few clusters are not too sure of themselves: percentiles of draws are those of a normal with √((m − 1) ÷ m) of the
    spread, where Student's t with m − 1 degrees of freedom would be right (expanded percentiles, Hesterberg 2015)."""
    if size < 2:
        return 0.0
    return float(norm.cdf(-math.sqrt(size / (size - 1)) * student.isf((1 - level) / 2, size - 1)))


def _effect(sums: dict[str, Array], is_ratio: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        one, other = sums["x1"] / sums["n1"], sums["x0"] / sums["n0"]
        found: Array = np.where(is_ratio, one / other, one - other)
    return found


def _quantiles(found: Array, tail: float) -> tuple[Array, Array]:
    """Lowest and highest of what is drawn, a draw that says nothing left out; an endless ratio stays endless."""
    ordered = np.sort(found, axis=1)  # nan last
    told = (~np.isnan(found)).sum(axis=1)
    last = np.maximum(told - 1, 0)
    rows = np.arange(len(found))
    low, high = (
        ordered[rows, np.clip(at, 0, last)]
        for at in (np.floor(tail * last).astype(int), np.ceil((1 - tail) * last).astype(int))
    )
    return low, high
