"""What chance alone allows one unit of many: exact limits around a common centre, wider the fewer observations."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, norm, poisson

Array = npt.NDArray[np.float64]

WINSORISED = 0.1
"""The share of z-scores at either end that is pulled in before dispersion is measured (Spiegelhalter 2005)."""
_END = float(norm.isf(WINSORISED))
_LEFT = 1 - 2 * WINSORISED - 2 * _END * float(norm.pdf(_END)) + 2 * WINSORISED * _END**2


def share_limits(
    centre: npt.ArrayLike, n: npt.ArrayLike, level: float, dispersion: npt.ArrayLike = 1.0
) -> tuple[Array, Array]:
    """Between which shares of ``n`` trials a unit lies with a chance of at least ``level``, if its share is ``centre``.

    Exact binomial quantiles (Spiegelhalter 2005), both ends allowed; a ``dispersion`` above 1 moves each end away from
    the centre by its square root. Elementwise, within 0 and 1; nan where ``n`` is 0.
    """
    centre, n, dispersion = np.broadcast_arrays(*(np.asarray(v, float) for v in (centre, n, dispersion)))
    tail = (1 - level) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        low, high = binom.ppf(tail, n, centre) / n, binom.isf(tail, n, centre) / n
    low, high = _wider(centre, low, high, dispersion)
    return np.maximum(low, 0), np.minimum(high, 1)


def rate_limits(
    centre: npt.ArrayLike, exposure: npt.ArrayLike, level: float, dispersion: npt.ArrayLike = 1.0
) -> tuple[Array, Array]:
    """The same for events per unit of exposure: exact Poisson quantiles. Not below 0; nan where there is no exposure.

    Published funnels often draw Garwood's interval around the expected count instead
    (:func:`rates.exact_poisson` of the expected count over itself gives it). It is smooth, but it asks another
    question: with 2 expected it would call a unit with none unusual, which chance alone does once in seven.
    """
    centre, exposure, dispersion = np.broadcast_arrays(*(np.asarray(v, float) for v in (centre, exposure, dispersion)))
    tail = (1 - level) / 2
    exposure = np.where(exposure > 0, exposure, np.nan)
    low, high = (poisson.ppf(tail, centre * exposure), poisson.isf(tail, centre * exposure))
    low, high = _wider(centre, low / exposure, high / exposure, dispersion)
    return np.maximum(low, 0), high


def normal_limits(
    centre: npt.ArrayLike, error: npt.ArrayLike, level: float, dispersion: npt.ArrayLike = 1.0
) -> tuple[Array, Array]:
    """The same for a number with a standard error (for times: of the logarithm)."""
    centre, error, dispersion = (np.asarray(v, float) for v in (centre, error, dispersion))
    reach = float(norm.isf((1 - level) / 2)) * error * np.sqrt(np.maximum(dispersion, 1))
    return centre - reach, centre + reach


def dispersion(z: npt.ArrayLike) -> float:
    """How much further units stray from the centre than chance: the mean of squared z-scores, winsorised (Spiegelhalter
    2005), at least 1. Units differ in more than chance nearly always; limits that ignore it call half of them unusual.

    Pulling in the ends takes from chance itself, so the mean is divided by what it leaves of a normal score's square.
    """
    scores = np.asarray(z, float)
    scores = scores[~np.isnan(scores)]
    if not scores.size:
        return 1.0
    low, high = np.quantile(scores, [WINSORISED, 1 - WINSORISED])
    return max(1.0, float(np.mean(np.clip(scores, low, high) ** 2)) / _LEFT)


def variance_between(dispersion: float, errors: npt.ArrayLike) -> float:
    """The variance between units that a :func:`dispersion` above 1 tells of, by moments (DerSimonian & Laird 1986 on
    winsorised scores, as Spiegelhalter 2005 advises); 0 where chance alone explains it.

    Added to each unit's own variance it widens all limits by the same amount. Multiplied instead, limits of units with
    few observations would grow beyond all reason.
    """
    weights = 1 / np.asarray(errors, float) ** 2
    excess = len(weights) * dispersion - (len(weights) - 1)
    return max(0.0, excess / float(weights.sum() - (weights**2).sum() / weights.sum())) if dispersion > 1 else 0.0


def _wider(centre: Array, low: Array, high: Array, dispersion: npt.ArrayLike) -> tuple[Array, Array]:
    factor = np.sqrt(np.maximum(np.asarray(dispersion, float), 1))
    return centre - factor * (centre - low), centre + factor * (high - centre)
