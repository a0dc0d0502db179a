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
    with np.errstate(invalid="ignore", divide="ignore"):
        low = np.where(count == 0, 0.0, chi2.ppf(tail, 2 * count) / 2) / exposure
        high = chi2.isf(tail, 2 * count + 2) / 2 / exposure
    return np.where(exposure > 0, low, np.nan), np.where(exposure > 0, high, np.nan)
