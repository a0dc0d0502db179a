"""Intervals for a rate: events per unit of exposure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

Array = npt.NDArray[np.float64]


def exact_poisson(count: npt.ArrayLike, exposure: npt.ArrayLike, level: float = 0.95) -> tuple[Array, Array]:
    """Exact interval for ``count`` events in ``exposure``, per unit of exposure, elementwise (Garwood 1936).

    Two float arrays, low and high; low is 0 when nothing was seen; nan where there is no exposure.
    """
    count, exposure = np.asarray(count, float), np.asarray(exposure, float)
    tail = (1 - level) / 2
    # The same counts come again and again, and a quantile takes long.
    counts, where = np.unique(count, return_inverse=True)
    where = where.reshape(count.shape)
    with np.errstate(invalid="ignore", divide="ignore"):
        low = np.where(counts == 0, 0.0, chi2.ppf(tail, 2 * counts) / 2)[where] / exposure
        high = (chi2.isf(tail, 2 * counts + 2) / 2)[where] / exposure
    return np.where(exposure > 0, low, np.nan), np.where(exposure > 0, high, np.nan)


def weighted_poisson(
    total: npt.ArrayLike, squares: npt.ArrayLike, largest: npt.ArrayLike, square: npt.ArrayLike, exposure: npt.ArrayLike,
    level: float = 0.95,
) -> tuple[Array, Array]:  # fmt: skip
    """Interval for a sum of weights of independent events, per unit of exposure, elementwise: the gamma interval of
    Fay & Feuer (1997), which for equal weights is the exact Poisson one.

    ``total``: the sum of the weights of what was seen; ``squares``: the sum of their squares; ``largest`` and ``square``:
    the weight one more event might have, and its square. Fay & Feuer take the largest weight there is; where weights are
    themselves drawn, give at least the typical one of a larger group, since the largest of few is too small (Tiwari, Clegg
    & Zou 2006 take the mean). Two float arrays, low and high; low is 0 when nothing was seen; nan where there is no
    exposure.
    """
    y, v, w, w2, e = (np.asarray(a, float) for a in (total, squares, largest, square, exposure))
    tail = (1 - level) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        low = np.where(y == 0, 0.0, v / (2 * y) * chi2.ppf(tail, 2 * y**2 / v)) / e
        high = (v + w2) / (2 * (y + w)) * chi2.isf(tail, 2 * (y + w) ** 2 / (v + w2)) / e
    return np.where(e > 0, low, np.nan), np.where(e > 0, high, np.nan)
