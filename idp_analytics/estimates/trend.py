"""Does a series rise or fall: Sen's slope, Mann and Kendall's test, Pettitt's change point; many series at once.

Arrays as in :mod:`process_behaviour`: the last axis is time in equal steps, nan where nothing is known.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, rankdata

from idp_analytics.estimates.process_behaviour import autocorrelation

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

FEWEST = 8
"""Points below which neither slope nor test is given."""

_AT_ONCE = 4_000_000
"""Pairs of points held in memory at a time."""


class Trend(NamedTuple):
    """Per series: Sen's ``slope`` per step with ``low`` and ``high``; Mann and Kendall's ``score`` S, ``z``, two-sided
    ``p``; Kendall's ``tau``; ``n`` points; ``autocorrelation`` of what the line leaves. All but n nan below 8 points."""

    slope: Array
    low: Array
    high: Array
    score: Array
    z: Array
    p: Array
    tau: Array
    n: Counts
    autocorrelation: Array


class Step(NamedTuple):
    """Per series: Pettitt's ``statistic`` K, its approximate ``p``, and ``after`` how many known points it changed."""

    statistic: Array
    p: Array
    after: Counts


def trend(values: npt.ArrayLike, level: float = 0.95) -> Trend:
    """Sen's slope (Sen 1968) and Mann–Kendall's test (Mann 1945, Kendall 1975) of each series.

    The slope is the median of the slopes between all pairs of known points; its interval is two of those slopes, by
    the normal approximation with ties (as ``scipy.stats.theilslopes``). z has Kendall's correction for ties and
    continuity. Tau is S ÷ √(pairs × pairs not tied) (tau b; time has no ties). Both suppose points that do not depend
    on one another: with an autocorrelation above 0.3 p is too small and the interval too narrow.
    """
    values = np.asarray(values, float)
    lead, points = values.shape[:-1], values.shape[-1]
    rows = values.reshape(-1, points)
    chunk = max(1, _AT_ONCE // max(1, points * (points - 1) // 2))
    parts = [_trend(rows[i : i + chunk], level) for i in range(0, max(len(rows), 1), chunk)]
    return Trend(*(np.concatenate(column).reshape(lead) for column in zip(*parts, strict=True)))


def pettitt(values: npt.ArrayLike) -> Step:
    """The one point after which the level of each series changed most, by ranks (Pettitt 1979).

    p is Pettitt's approximation, 2 exp(−6K² ÷ (n³ + n²)), at most 1. It supposes independent points, and one change:
    a steady slope is found as a change too. nan below 8 points.
    """
    values = np.asarray(values, float)
    lead, points = values.shape[:-1], values.shape[-1]
    rows = values.reshape(-1, points)
    known = ~np.isnan(rows)
    n, nth = known.sum(axis=1), known.cumsum(axis=1)
    ranks = np.where(known, rankdata(rows, axis=1, nan_policy="omit"), 0.0)
    scores = np.where(known, np.abs(2 * ranks.cumsum(axis=1) - nth * (n[:, None] + 1)), -1.0)
    statistic = scores.max(axis=1, initial=0.0)
    after = np.take_along_axis(nth, scores.argmax(axis=1)[:, None], 1)[:, 0] if points else n
    enough = n >= FEWEST
    size = np.where(enough, n, 1).astype(float)
    p = np.minimum(1.0, 2 * np.exp(-6 * statistic**2 / (size**3 + size**2)))
    blank = np.where(enough, 1.0, np.nan)
    return Step((statistic * blank).reshape(lead), (p * blank).reshape(lead), np.where(enough, after, 0).reshape(lead))


def _trend(rows: Array, level: float) -> Trend:
    n = (~np.isnan(rows)).sum(axis=1)
    first, second = np.triu_indices(rows.shape[1], 1)
    rises = rows[:, second] - rows[:, first]
    score = np.nansum(np.sign(rises), axis=1)
    slopes = np.sort(rises / (second - first), axis=1)  # nan last
    pairs = n * (n - 1) // 2
    variance = _variance(rows, n)
    sigma = np.sqrt(np.maximum(variance, 0))
    blank = np.where(n >= FEWEST, 1.0, np.nan)

    reach = float(norm.isf((1 - level) / 2)) * sigma
    upper = np.minimum(np.round((pairs + reach) / 2).astype(np.int64), pairs - 1)
    lower = np.maximum(np.round((pairs - reach) / 2).astype(np.int64) - 1, 0)
    slope = (_ranked(slopes, (pairs - 1) // 2) + _ranked(slopes, pairs // 2)) / 2
    varies = sigma > 0
    z = np.where(varies, (score - np.sign(score)) / np.where(varies, sigma, 1), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        tau = score / np.sqrt(pairs * np.sum(rises != 0, axis=1, where=~np.isnan(rises)))
    left = rows - slope[:, None] * np.arange(rows.shape[1])
    return Trend(
        slope * blank, _ranked(slopes, lower) * blank, _ranked(slopes, upper) * blank, score * blank, z * blank,
        2 * norm.sf(np.abs(z)) * blank, tau * blank, n, autocorrelation(left) * blank,
    )  # fmt: skip


def _variance(rows: Array, n: Counts) -> Array:
    """Variance of S where nothing changes, less what ties take away."""
    ordered = np.sort(rows, axis=1)
    number = np.arange(rows.shape[1])
    # A tie group's size is seen at its last member: the distance to where the group began.
    new = np.ones_like(ordered, dtype=bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    start = np.maximum.accumulate(np.where(new, number, 0), axis=1)
    last = np.concatenate([new[:, 1:], np.ones((len(rows), 1), bool)], axis=1) & ~np.isnan(ordered)
    size = np.where(last, number - start + 1, 0).astype(float)
    ties = (size * (size - 1) * (2 * size + 5)).sum(axis=1)
    variance: Array = (n * (n - 1.0) * (2 * n + 5) - ties) / 18
    return variance


def _ranked(ordered: Array, rank: Counts) -> Array:
    if not ordered.shape[1]:
        return np.full(len(ordered), np.nan)
    return np.take_along_axis(ordered, np.clip(rank, 0, ordered.shape[1] - 1)[:, None], 1)[:, 0]
