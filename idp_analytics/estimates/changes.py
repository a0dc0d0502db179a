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
    """Share now (``k1`` of ``n1``) less share before, with Newcombe's hybrid score interval (1998b, method 10).

    Elementwise difference, low, high, each −1 to 1; nan where either n is 0.
    """
    k1, n1, k0, n0 = (np.asarray(v, float) for v in (k1, n1, k0, n0))
    with np.errstate(invalid="ignore", divide="ignore"):
        p1, p0 = k1 / n1, k0 / n0
    low1, high1 = wilson(k1, n1, level)
    low0, high0 = wilson(k0, n0, level)
    difference = np.where(np.isnan(low1 + low0), np.nan, p1 - p0)
    low = difference - np.hypot(p1 - low1, high0 - p0)
    high = difference + np.hypot(high1 - p1, p0 - low0)
    return difference, low, high


def share_ratio(
    k1: npt.ArrayLike, n1: npt.ArrayLike, k0: npt.ArrayLike, n0: npt.ArrayLike, level: float = 0.95
) -> Interval:
    """Share now (``k1`` of ``n1``) over share before, by MOVER for ratios (Donner & Zou 2012) from two Wilson intervals, elementwise.

    ratio, low, high, each 0 or more; all nan where either n is 0, ratio inf where nothing was a hit before, and high inf where the share before may be 0.
    """
    k1, n1, k0, n0 = (np.asarray(v, float) for v in (k1, n1, k0, n0))
    (l1, u1), (l0, u0) = wilson(k1, n1, level), wilson(k0, n0, level)
    with np.errstate(invalid="ignore", divide="ignore"):
        p1, p0 = k1 / n1, k0 / n0
        product = p1 * p0
        # Rounding may leave what is none a little below 0.
        down = np.sqrt(np.maximum(product**2 - l1 * u0 * (2 * p1 - l1) * (2 * p0 - u0), 0))
        up = np.sqrt(np.maximum(product**2 - u1 * l0 * (2 * p1 - u1) * (2 * p0 - l0), 0))
        low = (product - down) / (u0 * (2 * p0 - u0))
        high = np.where(l0 > 0, (product + up) / (l0 * (2 * p0 - l0)), np.inf)
        ratio = p1 / p0
    known = np.where(np.isnan(l1 + l0), np.nan, 1.0)
    return ratio * known, low * known, high * known


def rate_ratio(
    count1: npt.ArrayLike,
    exposure1: npt.ArrayLike,
    count0: npt.ArrayLike,
    exposure0: npt.ArrayLike,
    level: float = 0.95,
) -> Interval:
    """Rate now over rate before with the exact conditional interval, elementwise (Clopper–Pearson on the share of all
    events that fall into the first; Przyborowski & Wilenski 1940, R ``poisson.test``).

    ratio, low, high; ratio and high are inf where nothing happened before; all nan where nothing happened in either
    or there is no exposure.
    """
    k1, e1, k0, e0 = (np.asarray(v, float) for v in (count1, exposure1, count0, exposure0))
    tail = (1 - level) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = (k1 / e1) / (k0 / e0)
        # The least share of all events that may belong to now, and to before: one is the other with sides exchanged.
        now = np.where(k1 == 0, 0.0, beta.ppf(tail, k1, k0 + 1))
        before = np.where(k0 == 0, 0.0, beta.ppf(tail, k0, k1 + 1))
        low = now / (1 - now) * e0 / e1
        high = (1 - before) / before * e0 / e1
    is_ratio = np.where((k1 + k0 > 0) & (e1 > 0) & (e0 > 0), 1.0, np.nan)
    return ratio * is_ratio, low * is_ratio, high * is_ratio


def ratio_from_intervals(
    value1: npt.ArrayLike, low1: npt.ArrayLike, high1: npt.ArrayLike,
    value0: npt.ArrayLike, low0: npt.ArrayLike, high0: npt.ArrayLike,
) -> Interval:  # fmt: skip
    """Value now over value before from their two intervals alone, elementwise: MOVER on the log scale (Zou & Donner
    2008), for positive quantities such as medians of durations.

    ratio, low, high. An upper bound that is nan beside a known lower one means *no upper end*, as a survival median
    has it: the end of the ratio that rests on it is then unbounded too, 0 or inf. So is an end that rests on a lower
    bound of 0. The interval is nan where a lower bound is missing: there is no interval to start from. All nan where a
    value is missing or not positive.
    """
    v1, l1, h1, v0, l0, h0 = (np.asarray(v, float) for v in (value1, low1, high1, value0, low0, high0))
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where((v1 > 0) & (v0 > 0), v1 / v0, np.nan)
        down1, up1 = np.log(v1 / l1), np.log(_upper(h1) / v1)
        down0, up0 = np.log(v0 / l0), np.log(_upper(h0) / v0)
        low = ratio * np.exp(-np.hypot(down1, up0))
        high = ratio * np.exp(np.hypot(up1, down0))
    has_interval = np.where((l1 >= 0) & (l0 >= 0), 1.0, np.nan)
    return ratio, low * has_interval, high * has_interval


def difference_from_intervals(
    value1: npt.ArrayLike, low1: npt.ArrayLike, high1: npt.ArrayLike,
    value0: npt.ArrayLike, low0: npt.ArrayLike, high0: npt.ArrayLike,
) -> Interval:  # fmt: skip
    """Value now less value before from their two intervals alone, elementwise: MOVER (Zou & Donner 2008), of which
    Newcombe's hybrid score interval is the case of two Wilson intervals.

    difference, low, high; each nan where a number it rests on is missing.
    """
    v1, l1, h1, v0, l0, h0 = (np.asarray(v, float) for v in (value1, low1, high1, value0, low0, high0))
    difference = v1 - v0
    return difference, difference - np.hypot(v1 - l1, h0 - v0), difference + np.hypot(h1 - v1, v0 - l0)


def verdict(
    change_low: npt.ArrayLike, change_high: npt.ArrayLike, no_change: npt.ArrayLike, better: npt.ArrayLike | None
) -> npt.NDArray[np.str_]:
    """What a change's interval allows to be said, elementwise.

    ``no_change`` is 0 for differences and 1 for ratios; ``better`` is "higher" or "lower", anything else (``None``,
    "") neither. The interval wholly on one side of ``no_change``: improved or worsened; holding or touching it: no
    detectable change; an end missing, or neither side better: not identified.
    """
    found: npt.NDArray[np.str_] = np.array(ALLOWED)[allowed(change_low, change_high, no_change, better)]
    return found


ALLOWED = ("not identified", "no detectable change", "improved", "worsened")
"""What :func:`verdict` may say."""


def allowed(
    change_low: npt.ArrayLike, change_high: npt.ArrayLike, no_change: npt.ArrayLike, better: npt.ArrayLike | None
) -> npt.NDArray[np.int64]:
    """:func:`verdict` by number: which of :data:`ALLOWED` it is, elementwise."""
    low, high = np.asarray(change_low, float), np.asarray(change_high, float)
    better = np.asarray(better, dtype=str)
    has_side = (better == "higher") | (better == "lower")
    up, down = low > no_change, high < no_change
    good = np.where(better == "higher", up, down)
    return np.select([np.isnan(low) | np.isnan(high) | ~has_side, ~up & ~down, good], [0, 1, 2], 3)


def _upper(high: Array) -> Array:
    return np.where(np.isnan(high), np.inf, high)
