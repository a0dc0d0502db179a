"""Limits for shares and rates that stray further than chance alone: Laney's p′ and u′ charts.

Arrays as in :mod:`process_behaviour`: the last axis is time, nan where nothing is known or the point sets no limits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, norm, poisson

from idp_analytics.estimates.process_behaviour import D2, mean, moving_ranges

Array = npt.NDArray[np.float64]

TAIL = float(norm.sf(3))
"""What a normal value does beyond three standard deviations on one side; the tail of the exact limits."""


def share_baseline(k: npt.ArrayLike, n: npt.ArrayLike) -> tuple[Array, Array]:
    """Centre and dispersion σz of ``k`` of ``n`` over the baseline points of each series (Laney 2002).

    The centre is all hits ÷ all trials; σz is how much further the points stray from one to the next than binomial
    chance (1: just as much), from moving ranges. σz is nan where the centre is 0 or 1: nothing varies.
    """
    k, n = _both_known(k, n)
    centre = _ratio(k, n)
    return centre, _dispersion(k, n, centre, centre * (1 - centre))


def rate_baseline(count: npt.ArrayLike, exposure: npt.ArrayLike) -> tuple[Array, Array]:
    """The same for events per unit of exposure, against Poisson chance (Laney 2002).

    With the same exposure throughout, the limits made of this are exactly those of
    :func:`process_behaviour.natural_limits` of the rates.
    """
    count, exposure = _both_known(count, exposure)
    centre = _ratio(count, exposure)
    return centre, _dispersion(count, exposure, centre, centre)


def share_limits(centre: npt.ArrayLike, dispersion: npt.ArrayLike, n: npt.ArrayLike) -> tuple[Array, Array]:
    """p′ limits at ``n`` trials: centre ± 3 σz standard errors, within 0 and 1. ``dispersion`` 1 gives the p chart."""
    centre, dispersion, n = np.broadcast_arrays(*(np.asarray(v, float) for v in (centre, dispersion, n)))
    lower, upper = _limits(centre, dispersion, centre * (1 - centre), n)
    return np.maximum(lower, 0), np.minimum(upper, 1)


def rate_limits(centre: npt.ArrayLike, dispersion: npt.ArrayLike, exposure: npt.ArrayLike) -> tuple[Array, Array]:
    """u′ limits at an exposure: centre ± 3 σz standard errors, not below 0. ``dispersion`` 1 gives the u chart."""
    centre, dispersion, exposure = np.broadcast_arrays(*(np.asarray(v, float) for v in (centre, dispersion, exposure)))
    lower, upper = _limits(centre, dispersion, centre, exposure)
    return np.maximum(lower, 0), upper


def with_chance(lower: Array, upper: Array, centre: npt.ArrayLike, n: npt.ArrayLike) -> tuple[Array, Array]:
    """p′ limits made no narrower than exact binomial ones with the tails of three standard deviations.

    Few trials make shares jump: one failure of two deployments is 50 %, and no sign of anything. The normal limits do
    not know that, the exact ones do.
    """
    n = np.asarray(n, float)
    centre = np.broadcast_to(np.asarray(centre, float), n.shape)
    some = (n > 0) & ~np.isnan(lower)
    # Few pairs are distinct in practice, but finding them costs more than asking for all.
    low, high = (np.full(n.shape, np.nan) for _ in range(2))
    low[some] = binom.ppf(TAIL, n[some], centre[some]) / n[some]
    high[some] = binom.ppf(1 - TAIL, n[some], centre[some]) / n[some]
    return np.fmin(lower, low), np.fmax(upper, high)


def with_poisson_chance(
    lower: Array, upper: Array, centre: npt.ArrayLike, exposure: npt.ArrayLike
) -> tuple[Array, Array]:
    """u′ limits made no narrower than exact Poisson ones with the tails of three standard deviations.

    Where a week expects two events, five are nothing unusual, and a baseline that happened to be calm (σz below 1) says
    nothing against it.
    """
    exposure = np.asarray(exposure, float)
    expected = np.broadcast_to(np.asarray(centre, float), exposure.shape) * exposure
    some = (exposure > 0) & ~np.isnan(lower)
    low, high = (np.full(exposure.shape, np.nan) for _ in range(2))
    low[some] = poisson.ppf(TAIL, expected[some]) / exposure[some]
    high[some] = poisson.ppf(1 - TAIL, expected[some]) / exposure[some]
    return np.fmin(lower, low), np.fmax(upper, high)


def _both_known(k: npt.ArrayLike, n: npt.ArrayLike) -> tuple[Array, Array]:
    k, n = np.asarray(k, float), np.asarray(n, float)
    known = ~np.isnan(k) & (n > 0)
    return np.where(known, k, np.nan), np.where(known, n, np.nan)


def _ratio(k: Array, n: Array) -> Array:
    total = np.nansum(n, axis=-1)
    return np.where(total > 0, np.nansum(k, axis=-1) / np.where(total > 0, total, 1), np.nan)


def _dispersion(k: Array, n: Array, centre: Array, variance: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (k / n - centre[..., None]) / np.sqrt(variance[..., None] / n)
    return np.where(variance > 0, mean(moving_ranges(z)) / D2, np.nan)


def _limits(centre: Array, dispersion: Array, variance: Array, n: Array) -> tuple[Array, Array]:
    with np.errstate(invalid="ignore", divide="ignore"):
        reach = 3 * dispersion * np.sqrt(np.maximum(variance, 0) / n)
    reach = np.where(n > 0, reach, np.nan)
    return centre - reach, centre + reach
