"""Is now different from before: differences and ratios with intervals, and the verdict they allow."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

from idp_analytics.estimates.shares import wilson

Array = npt.NDArray[np.float64]
Interval = tuple[Array, Array, Array]


def newcombe_difference(
    k1: npt.ArrayLike, n1: npt.ArrayLike, k0: npt.ArrayLike, n0: npt.ArrayLike, level: float = 0.95
) -> Interval:
    """Share now less share before, with Newcombe's hybrid score interval (Newcombe 1998b, method 10), elementwise.

    difference, low, high, each −1 to 1; nan where either n is 0.
    """
    k1, n1, k0, n0 = (np.asarray(v, float) for v in (k1, n1, k0, n0))
    with np.errstate(invalid="ignore", divide="ignore"):
        p1, p0 = k1 / n1, k0 / n0
    low1, high1 = wilson(k1, n1, level)
    low0, high0 = wilson(k0, n0, level)
    difference = p1 - p0
    low = difference - np.sqrt((p1 - low1) ** 2 + (high0 - p0) ** 2)
    high = difference + np.sqrt((high1 - p1) ** 2 + (p0 - low0) ** 2)
    return difference, low, high


def rate_ratio(
    count1: npt.ArrayLike,
    exposure1: npt.ArrayLike,
    count0: npt.ArrayLike,
    exposure0: npt.ArrayLike,
    level: float = 0.95,
) -> Interval:
    """Rate now over rate before with the exact conditional interval, elementwise (Clopper–Pearson on the share of all
    events that fall into the first; Przyborowski & Wilenski 1940, R ``poisson.test``).

    ratio, low, high; high is inf where nothing happened before; nan where nothing happened in either.
    """
    k1, e1, k0, e0 = (np.asarray(v, float) for v in (count1, exposure1, count0, exposure0))
    tail = (1 - level) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = (k1 / e1) / (k0 / e0)
        low_share = np.where(k1 == 0, 0.0, beta.ppf(tail, k1, k0 + 1))
        high_share = np.where(k0 == 0, 1.0, beta.ppf(1 - tail, k1 + 1, k0))
        low = low_share / (1 - low_share) * e0 / e1
        high = high_share / (1 - high_share) * e0 / e1
    defined = (k1 + k0 > 0) & (e1 > 0) & (e0 > 0)
    return tuple(np.where(defined, v, np.nan) for v in (ratio, low, high))  # type: ignore[return-value]


def ratio_from_intervals(
    value1: npt.ArrayLike, low1: npt.ArrayLike, high1: npt.ArrayLike,
    value0: npt.ArrayLike, low0: npt.ArrayLike, high0: npt.ArrayLike,
) -> Interval:  # fmt: skip
    """Value now over value before from their two intervals alone: MOVER on the log scale (Zou & Donner 2008).

    For positive quantities such as medians of durations. ratio, low, high, elementwise; an end that rests on a missing
    bound is unbounded (0 or inf); nan where a value is missing or not positive.
    """
    v1, l1, h1, v0, l0, h0 = (np.asarray(v, float) for v in (value1, low1, high1, value0, low0, high0))
    usable = (v1 > 0) & (v0 > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = np.log(v1) - np.log(v0)
        down1, up1 = _reach(v1, l1), _reach(h1, v1)
        down0, up0 = _reach(v0, l0), _reach(h0, v0)
        low = np.exp(centre - np.sqrt(down1**2 + up0**2))
        high = np.exp(centre + np.sqrt(up1**2 + down0**2))
    return tuple(np.where(usable, v, np.nan) for v in (np.exp(centre), low, high))  # type: ignore[return-value]


def _reach(upper: Array, lower: Array) -> Array:
    """log(upper / lower), infinite where the bound is missing or zero."""
    reach = np.log(upper) - np.log(lower)
    return np.where(np.isfinite(reach), reach, np.inf)


def verdict(
    change_low: npt.ArrayLike, change_high: npt.ArrayLike, no_change: npt.ArrayLike, better: npt.ArrayLike
) -> npt.NDArray[np.str_]:
    """What a change's interval allows to be said, elementwise.

    ``no_change`` is 0 for differences and 1 for ratios; ``better`` is "higher", "lower" or "" (neither). The interval
    wholly on one side: improved or worsened; it holds ``no_change``: no detectable change; nan or no better side: not
    identified.
    """
    low, high = np.asarray(change_low, float), np.asarray(change_high, float)
    better = np.asarray(better, dtype=str)
    up, down = low > no_change, high < no_change
    good = np.where(better == "higher", up, down)
    return np.select(
        [np.isnan(low) | np.isnan(high) | (better == ""), ~up & ~down, good],
        ["not identified", "no detectable change", "improved"],
        "worsened",
    )
