"""Intervals for a share: k of n."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

Array = npt.NDArray[np.float64]


def wilson(k: npt.ArrayLike, n: npt.ArrayLike, level: float = 0.95) -> tuple[Array, Array]:
    """Wilson's score interval for ``k`` of ``n``, elementwise (Wilson 1927; Newcombe 1998, method 3).

    Two float arrays, low and high, each 0–1; nan where ``n`` is 0 or ``k`` is not between 0 and ``n``.
    """
    from statsmodels.stats.proportion import proportion_confint

    k, n = np.asarray(k, float), np.asarray(n, float)
    with np.errstate(invalid="ignore", divide="ignore"):
        low, high = proportion_confint(k, n, alpha=1 - level, method="wilson")
    # Rounding can put an end a hair inside 0 or 1; at k = 0 and k = n the ends are exact.
    return _ends(k, n, np.where(k == 0, 0.0, low), np.where(k == n, 1.0, high))


def wilson_finite(
    k: npt.ArrayLike, n: npt.ArrayLike, population: npt.ArrayLike, level: float = 0.95
) -> tuple[Array, Array]:
    """Wilson's interval for the share of all ``population`` people of whom ``n`` were asked, elementwise.

    As :func:`wilson` on n(N − 1) ÷ (N − n) answers (finite population correction, Cochran 1977, section 2.6): for *what do
    these people say now*, never for whether it changes. Where everybody answered there is nothing to guess: both ends are the
    share. A ``population`` that is nan or smaller than ``n`` corrects nothing.
    """
    k, n, whole = (np.asarray(v, float) for v in (k, n, population))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = k / n
        size = np.where(whole > n, n * (whole - 1) / (whole - n), n)
        low, high = wilson(share * size, size, level)
    everybody = whole == n
    # Rounding of share · size can leave 0 or all by a hair.
    low, high = np.where(k == 0, 0.0, low), np.where(k == n, 1.0, high)
    return _ends(k, n, np.where(everybody, share, low), np.where(everybody, share, high))


def finite(n: npt.ArrayLike, population: npt.ArrayLike) -> Array:
    """What a standard error of ``n`` of ``population`` is multiplied by, √(1 − n ÷ N), elementwise: finite population correction (Cochran 1977,
    section 2.6), for *what do these people say now*. 0 where everybody was asked; 1 where ``population`` is nan or smaller than ``n``.
    """
    n, whole = np.asarray(n, float), np.asarray(population, float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole >= n, np.sqrt(np.clip(1 - n / whole, 0, 1)), 1.0)


def worst_case(k: npt.ArrayLike, n: npt.ArrayLike, population: npt.ArrayLike) -> tuple[Array, Array]:
    """Between which shares of ``population`` the truth lies whatever those who did not answer would say (Manski 1989), elementwise.

    ``k`` of ``n`` said yes: k ÷ N if all others say no, (k + N − n) ÷ N if all say yes. Two float arrays, 0–1; nan where
    ``population`` is smaller than ``n`` or nan.
    """
    k, n, whole = (np.asarray(v, float) for v in (k, n, population))
    with np.errstate(invalid="ignore", divide="ignore"):
        known = np.where((whole >= n) & (n > 0) & (k >= 0) & (k <= n), 1.0, np.nan)
        return known * k / whole, known * (k + whole - n) / whole


def jeffreys(k: npt.ArrayLike, n: npt.ArrayLike, level: float = 0.95) -> tuple[Array, Array]:
    """Jeffreys' equal-tailed interval for ``k`` of ``n``, elementwise (Brown, Cai & DasGupta 2001, section 3.1.3).

    As they advise, low is 0 when k = 0 and high is 1 when k = n; the other end stays the equal-tailed one. Two float
    arrays, each 0–1; nan where ``n`` is 0 or ``k`` is not between 0 and ``n``.
    """
    k, n = np.asarray(k, float), np.asarray(n, float)
    tail = (1 - level) / 2
    hits, misses = k + 0.5, n - k + 0.5
    low, high = beta.ppf(tail, hits, misses), beta.isf(tail, hits, misses)
    return _ends(k, n, np.where(k == 0, 0.0, low), np.where(k == n, 1.0, high))


def design_effect(
    k: npt.ArrayLike, n: npt.ArrayLike, squares_k: npt.ArrayLike, products: npt.ArrayLike, squares_n: npt.ArrayLike,
    clusters: npt.ArrayLike,
) -> Array:  # fmt: skip
    """How many observations of a share stand for one independent one, where they come in clusters, elementwise.

    ``squares_k``, ``products``, ``squares_n``: the sums over clusters of k², k·n and n². The variance of the share as a
    ratio over clusters (Cochran 1977, section 11.7) ÷ its variance if all were independent (Kish 1965); at least 1, and 1
    where there are fewer than two clusters, or none or all are hits.
    """
    k, n, kk, kn, nn, m = (np.asarray(v, float) for v in (k, n, squares_k, products, squares_n, clusters))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = k / n
        clustered = (kk - 2 * share * kn + share**2 * nn) / n**2 * m / (m - 1)
        effect = clustered / (share * (1 - share) / (n - 1))
    return np.where((m > 1) & (k > 0) & (k < n), np.maximum(effect, 1.0), 1.0)


def upper_bound(k: npt.ArrayLike, n: npt.ArrayLike, level: float = 0.95) -> Array:
    """The share that is surely not exceeded, one-sided and exact, elementwise (Clopper & Pearson 1934).

    For what was never seen: 0 of n means *at most* 1 − (1 − level)^(1/n), which the rule of three puts at 3/n
    (Hanley & Lippman-Hand 1983). The upper end of the two-sided exact interval at 95 % is this at ``level`` 0.975.
    Float array, 0–1; nan where ``n`` is 0 or ``k`` is not between 0 and ``n``.
    """
    k, n = np.asarray(k, float), np.asarray(n, float)
    bound = np.where(k == n, 1.0, beta.isf(1 - level, k + 1, n - k))
    return _ends(k, n, bound, bound)[1]


def _ends(k: Array, n: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """``low`` and ``high`` where k of n is a share at all, elsewhere nan."""
    is_share = (n > 0) & (k >= 0) & (k <= n)
    return np.where(is_share, low, np.nan), np.where(is_share, high, np.nan)
