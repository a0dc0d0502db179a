"""Signal or noise: natural process limits and runs of many series at once.

Every function takes an array whose last axis is time, oldest first, nan where nothing is known; the axes before it are
series. A gap is passed over: a point is compared with the last known one before it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

Array = npt.NDArray[np.float64]

D2 = 1.128
"""Mean range of two normal values, in standard deviations (Wheeler & Chambers 1992; 2/√π, rounded as tables do)."""
WIDTH = 3 / D2
"""Natural process limits lie this many mean moving ranges from the centre: 2.66."""
RANGE_LIMIT = 3.267
"""The limit of a moving range, in mean moving ranges."""

BASELINE = 24
"""Points that set the limits of a phase; later ones are judged by them and change nothing."""
FEWEST = 12
"""Points below which nothing is called a signal: with 6 baseline points one stable series in four raises an alarm within
12 further ones, with 12 one in six, with 24 one in eleven."""


class Limits(NamedTuple):
    """Limits per series: ``centre``, ``lower``, ``upper``, ``mean_range``, ``range_limit``; nan where not known."""

    centre: Array
    lower: Array
    upper: Array
    mean_range: Array
    range_limit: Array


class Runs(NamedTuple):
    """Runs per series: how many ``useful`` points, the ``longest`` run and its limit, ``crossings`` and their limit.

    ``lengths``: per point, how long the run is that it belongs to; 0 for points on the median and unknown ones.
    """

    useful: npt.NDArray[np.int64]
    longest: npt.NDArray[np.int64]
    longest_limit: npt.NDArray[np.int64]
    crossings: npt.NDArray[np.int64]
    crossings_limit: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]

    @property
    def is_long(self) -> npt.NDArray[np.bool_]:
        """Per point: it belongs to a run longer than the limit."""
        long: npt.NDArray[np.bool_] = self.lengths > self.longest_limit[..., None]
        return long

    @property
    def is_rarely_crossed(self) -> npt.NDArray[np.bool_]:
        """Per series: it crosses its median less often than the limit."""
        rare: npt.NDArray[np.bool_] = self.crossings < self.crossings_limit
        return rare


def first_known(values: npt.ArrayLike, count: int = BASELINE) -> npt.NDArray[np.bool_]:
    """Which points are among the first ``count`` known ones of their series."""
    known = ~np.isnan(np.asarray(values, float))
    first: npt.NDArray[np.bool_] = known & (known.cumsum(axis=-1) <= count)
    return first


def moving_ranges(values: npt.ArrayLike) -> Array:
    """How far each known point lies from the known one before it; nan for the first, and where nothing is known."""
    values = np.asarray(values, float)
    return np.abs(values - _before(values))


def natural_limits(baseline: npt.ArrayLike) -> Limits:
    """Natural process limits of individual values (XmR; Shewhart 1931, Wheeler & Chambers 1992) from baseline points.

    Centre: the mean; limits: 2.66 mean moving ranges (3/1.128) to either side; a moving range is unusual above 3.267 of
    them. The limits are what the series does from one point to the next, so a slow drift does not widen them. nan with
    fewer than two points, and no limits (centre only) where the baseline does not vary: nothing then tells how far a
    point may stray.
    """
    baseline = np.asarray(baseline, float)
    centre, spread = mean(baseline), mean(moving_ranges(baseline))
    spread = np.where(spread > 1e-9 * np.abs(centre), spread, np.nan)
    return Limits(centre, centre - WIDTH * spread, centre + WIDTH * spread, spread, RANGE_LIMIT * spread)


def runs(values: npt.ArrayLike) -> Runs:
    """Anhøj's two rules about the median of each series (Anhøj & Olesen 2014): valid for any length, needing no sigma.

    Points on the median do not count. Unusual: a run on one side longer than log2(n) + 3, rounded; or fewer crossings of
    the median than the 5 % point of a binomial of n − 1 and one half. Where half the points and more are the lowest (or the
    highest) there is, the median is that and all others lie on one side of it: no point is useful then.
    """
    values = np.asarray(values, float)
    shape = values.shape
    rows = values.reshape(-1, shape[-1])
    with np.errstate(invalid="ignore"):
        side = np.sign(rows - _median(rows)[:, None])
    side = np.where(side == 0, np.nan, side)
    has_both = np.asarray((side > 0).any(axis=1) & (side < 0).any(axis=1))
    side = np.where(has_both[:, None], side, np.nan)
    is_useful = ~np.isnan(side)
    useful = is_useful.sum(axis=1)
    crosses = side * _before(side) < 0
    crossings = crosses.sum(axis=1)
    # Every crossing begins a run; numbering the runs of all series through, one count gives all lengths.
    run = crosses.cumsum(axis=1) + np.arange(len(rows))[:, None] * (shape[-1] + 1)
    counts = np.bincount(run[is_useful], minlength=int(run.max(initial=0)) + 1)
    lengths = np.where(is_useful, counts[run], 0)
    with np.errstate(divide="ignore"):
        longest_limit = np.where(useful > 0, np.round(np.log2(useful) + 3), 0).astype(np.int64)
    fewest = np.where(useful > 1, binom.ppf(0.05, np.maximum(useful - 1, 1), 0.5), 0).astype(np.int64)
    lead = shape[:-1]
    return Runs(
        useful.reshape(lead), lengths.max(axis=1, initial=0).reshape(lead), longest_limit.reshape(lead),
        crossings.reshape(lead), fewest.reshape(lead), lengths.reshape(shape),
    )  # fmt: skip


def autocorrelation(values: npt.ArrayLike) -> Array:
    """Lag-1 autocorrelation of each series, −1 to 1; nan where it does not vary.

    Above 0.3 neighbouring points resemble each other so much that limits made from their differences are too narrow.
    """
    values = np.asarray(values, float)
    centre = mean(values)[..., None]
    off = values - centre
    off = np.where(np.abs(off) > 1e-9 * np.abs(centre), off, 0.0 * off)  # a mean is rounded; that is no variation
    with np.errstate(invalid="ignore", divide="ignore"):
        total = np.nansum(off**2, axis=-1)
        return np.where(total > 0, np.nansum(off * _before(off), axis=-1) / total, np.nan)


def mean(values: Array) -> Array:
    """Mean of what is known along the last axis; nan where nothing is."""
    known = (~np.isnan(values)).sum(axis=-1)
    return np.where(known > 0, np.nansum(values, axis=-1) / np.maximum(known, 1), np.nan)


def _before(values: Array) -> Array:
    """At each point the last known value before it."""
    place = np.where(np.isnan(values), -1, np.arange(values.shape[-1]))
    last = np.maximum.accumulate(place, axis=-1)
    last = np.concatenate([np.full((*last.shape[:-1], 1), -1), last[..., :-1]], axis=-1)
    return np.where(last >= 0, np.take_along_axis(values, np.maximum(last, 0), axis=-1), np.nan)


def _median(rows: Array) -> Array:
    """Median of what is known in each row; nan where nothing is."""
    known = (~np.isnan(rows)).sum(axis=1)
    ordered = np.sort(rows, axis=1)  # nan last
    lower, upper = (np.maximum(k, 0)[:, None] for k in ((known - 1) // 2, known // 2))
    return (
        np.take_along_axis(ordered, lower, 1) + np.take_along_axis(ordered, np.minimum(upper, rows.shape[1] - 1), 1)
    )[:, 0] / 2
