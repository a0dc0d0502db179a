"""Intervals for a share: k of n."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import beta
from statsmodels.stats.proportion import proportion_confint

Array = npt.NDArray[np.float64]


def wilson(k: npt.ArrayLike, n: npt.ArrayLike, level: float = 0.95) -> tuple[Array, Array]:
    """Wilson's score interval for ``k`` of ``n``, elementwise (Wilson 1927; Newcombe 1998, method 3).

    Two float arrays, low and high, each 0–1; nan where ``n`` is 0.
    """
    k, n = np.asarray(k, float), np.asarray(n, float)
    with np.errstate(invalid="ignore", divide="ignore"):
        low, high = proportion_confint(k, n, alpha=1 - level, method="wilson")
    # Rounding can put an end a hair inside 0 or 1; at k = 0 and k = n the ends are exact.
    low = np.where(k == 0, 0.0, low)
    high = np.where(k == n, 1.0, high)
    return np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)


def jeffreys(k: npt.ArrayLike, n: npt.ArrayLike, level: float = 0.95) -> tuple[Array, Array]:
    """Jeffreys' equal-tailed interval for ``k`` of ``n``, elementwise (Brown, Cai & DasGupta 2001).

    As they advise, low is 0 when k = 0 and high is 1 when k = n. nan where ``n`` is 0.
    """
    k, n = np.asarray(k, float), np.asarray(n, float)
    tail = (1 - level) / 2
    low = np.where(k == 0, 0.0, beta.ppf(tail, k + 0.5, n - k + 0.5))
    high = np.where(k == n, 1.0, beta.ppf(1 - tail, k + 0.5, n - k + 0.5))
    return np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)
