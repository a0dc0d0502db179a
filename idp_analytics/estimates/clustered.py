"""Two totals compared where observations come in clusters: whole clusters are drawn again, never single observations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import norm
from scipy.stats import t as student

from idp_analytics.estimates.changes import newcombe_difference, rate_ratio, share_ratio

Array = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

DRAWS = 2000
_TOGETHER = 500
"""Groups worked out at once: bounds the memory, changes nothing else."""

_SUMS = ("x1", "n1", "x0", "n0")
_NUMBERS = ("value", "low", "high")
_ALIKE = "_alike"

_AT_ONCE = 1 << 20
"""Clusters drawn at once: bounds the memory."""

_EXACT = 2**24
"""Below it whole numbers are exact as floats of 32 bits, which are added up twice as fast."""

_FEW = 32
"""Places from which on sorting is quicker than finding them."""


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
    # Many groups hold the same clusters (a year back from this month and from the last): each is drawn once.
    told = [pl.col(name).cast(pl.List(pl.String)).list.join(",") for name in _SUMS]
    alike = pl.concat_str(pl.col(ratio).cast(pl.String), *told, separator=";")
    lists = lists.with_columns(alike.cast(pl.Categorical(pl.Categories.random())).to_physical().alias(_ALIKE))
    different = lists.select(_ALIKE, ratio, "clusters", *_SUMS).unique(_ALIKE, keep="first", maintain_order=True)
    judged = _told(different.sort("clusters", maintain_order=True), ratio, seed, level, draws, of_shares)
    return (
        lists.with_columns(pl.col(name).list.sum() for name in _SUMS)
        .join(judged, on=_ALIKE, how="left", maintain_order="left")
        .drop(ratio, _ALIKE)
        .sort(*by, nulls_last=True)
    )


@dataclass(frozen=True)
class _Times:
    """How often each of ``size`` clusters is drawn, in each of ``draws``. Clusters are drawn one by one: the multinomial law of their numbers, taken
    cluster after cluster, takes twenty times as long where there are thousands."""

    size: int
    seed: int
    draws: int

    def of(self, values: Array) -> Array:
        """The sum of the clusters drawn, of each row of ``values`` (one column per cluster) in each draw (columns)."""
        rng = np.random.default_rng([self.seed, self.size])
        # Whole numbers add up exactly in any order as long as all sums fit, so that neither threads nor the smaller floats can change a byte.
        exact = np.float32 if np.abs(values).max(initial=0) * self.size < _EXACT else np.float64
        told: npt.NDArray[Any] = values.astype(exact)
        found = np.empty((len(values), self.draws))
        step = max(1, _AT_ONCE // self.size)
        for start in range(0, self.draws, step):
            some = min(step, self.draws - start)
            drawn = rng.integers(0, self.size, (some, self.size)) + self.size * np.arange(some)[:, None]
            often = np.bincount(drawn.ravel(), minlength=some * self.size).reshape(some, self.size)
            times: npt.NDArray[Any] = often.astype(exact)
            found[:, start : start + some] = told @ times.T
        return found


def _told(lists: pl.DataFrame, ratio: str, seed: int, level: float, draws: int, of_shares: bool) -> pl.DataFrame:
    """Value, low and high of each of ``lists``, which are sorted by size; null: not finite."""
    kinds, whole = lists[ratio].to_numpy(), [lists[name].list.sum().to_numpy().astype(float) for name in _SUMS]
    lowest, highest = _drawn(lists, kinds, seed, level, draws)
    told = np.empty((len(_NUMBERS), lists.height))
    for is_ratio in np.unique(kinds):
        of_kind = kinds == is_ratio
        x1, n1, x0, n0 = sums = [one[of_kind] for one in whole]
        value = _effect(sums, is_ratio)
        low, high = np.fmin(lowest[of_kind], value), np.fmax(highest[of_kind], value)
        # Of a ratio x may be more than n, of which no share is made.
        capped1, capped0 = np.minimum(x1, n1), np.minimum(x0, n0)
        if not is_ratio:
            alone = newcombe_difference(capped1, n1, capped0, n0, level)
        else:
            alone = share_ratio(capped1, n1, capped0, n0, level) if of_shares else rate_ratio(x1, n1, x0, n0, level)
        known = np.isfinite(value)
        low = np.where(known, np.fmin(low, alone[1]), low)
        high = np.where(known, np.fmax(high, alone[2]), high)
        told[:, of_kind] = value, low, high
    told = np.where(np.isfinite(told), told, np.nan) + 0.0  # so that no zero has a sign
    numbers = (pl.Series(name, one).fill_nan(None) for name, one in zip(_NUMBERS, told, strict=True))
    return pl.DataFrame([lists[_ALIKE], *numbers])


def _drawn(lists: pl.DataFrame, kinds: Booleans, seed: int, level: float, draws: int) -> Array:
    """The lowest and the highest effect drawn of each of ``lists``, which are sorted by size."""
    size_of = lists["clusters"].to_numpy()
    begins = np.cumsum(size_of) - size_of
    clusters = [lists[name].explode(empty_as_null=True).to_numpy() for name in _SUMS]
    ends = np.empty((2, lists.height))
    for size, first, many in zip(*np.unique(size_of, return_index=True, return_counts=True), strict=True):
        times, tail = _Times(int(size), seed, draws), _tail(level, int(size))
        for start in range(first, first + many, _TOGETHER):
            some = slice(start, min(start + _TOGETHER, first + many))
            inside = slice(begins[start], begins[start] + (some.stop - start) * size)
            # All four sums of all groups at once: what is drawn is gone through once.
            values = np.concatenate([one[inside] for one in clusters]).reshape(-1, size).astype(float)
            sums = np.split(times.of(values), len(_SUMS))
            for is_ratio in np.unique(kinds[some]):
                of_kind = kinds[some] == is_ratio
                chosen = sums if of_kind.all() else [one[of_kind] for one in sums]
                ends[:, some][:, of_kind] = _quantiles(_effect(chosen, is_ratio), tail)
    return ends


@cache
def _tail(level: float, size: int) -> float:
    """The part to cut off at each end so that few clusters are not too sure of themselves: percentiles of draws are those of a normal with √((m − 1) ÷ m) of the
    spread, where Student's t with m − 1 degrees of freedom would be right (expanded percentiles, Hesterberg 2015)."""
    if size < 2:
        return 0.0
    return float(norm.cdf(-math.sqrt(size / (size - 1)) * student.isf((1 - level) / 2, size - 1)))


def _effect(sums: Sequence[Array], is_ratio: bool) -> Array:
    x1, n1, x0, n0 = sums
    with np.errstate(invalid="ignore", divide="ignore"):
        one, other = x1 / n1, x0 / n0
        return one / other if is_ratio else one - other


def _quantiles(found: Array, tail: float) -> tuple[Array, Array]:
    """Lowest and highest of what is drawn, a draw that says nothing left out; an endless ratio stays endless."""
    told = (~np.isnan(found)).sum(axis=1)
    last = np.maximum(told - 1, 0)
    lowest, highest = np.floor(tail * last).astype(int), np.ceil((1 - tail) * last).astype(int)
    rows = np.arange(len(found))
    # Only the two places asked for need be in order; nan comes last.
    places = np.unique(np.concatenate([lowest, highest]))
    ordered = np.partition(found, places, axis=1) if len(places) <= _FEW else np.sort(found, axis=1)
    return ordered[rows, np.minimum(lowest, last)], ordered[rows, np.minimum(highest, last)]
