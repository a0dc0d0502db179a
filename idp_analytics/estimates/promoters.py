"""Net promoter score: promoters less detractors, and how sure it is with few answers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

Array = npt.NDArray[np.float64]
Interval = tuple[Array, Array, Array]

DETRACTORS, PASSIVES, PROMOTERS = (0, 6), (7, 8), (9, 10)
"""The answers of 0 to 10 that each of the three gives (Reichheld 2003)."""

TREND_N = 30
"""Fewer answers than this are not compared with those before: at 20 the interval is wider than sixty points."""


def score(promoters: npt.ArrayLike, detractors: npt.ArrayLike, n: npt.ArrayLike, level: float = 0.95) -> Interval:
    """100 · (promoters − detractors) ÷ ``n`` with the adjusted Wald interval, elementwise (Rocks 2016).

    The interval is that of three more answers, ¾ of them promoters and ¾ detractors: the plain one holds the truth in 77 to
    92 of 100 cases at team sizes. Score, low, high, each −100 to 100; nan where ``n`` is 0.
    """
    p, d, n = (np.asarray(v, float) for v in (promoters, detractors, n))
    centre, error = _adjusted(p, d, n)
    half = norm.isf((1 - level) / 2) * error
    with np.errstate(invalid="ignore", divide="ignore"):
        plain = np.where(n > 0, 100 * (p - d) / n, np.nan)
    known = np.where(n > 0, 1.0, np.nan)
    return plain, known * np.maximum(centre - half, -100.0), known * np.minimum(centre + half, 100.0)


def difference(
    promoters: npt.ArrayLike, detractors: npt.ArrayLike, n: npt.ArrayLike,
    promoters_before: npt.ArrayLike, detractors_before: npt.ArrayLike, n_before: npt.ArrayLike, level: float = 0.95,
) -> Interval:  # fmt: skip
    """Score now less score before, with the interval of the two adjusted estimates' difference, elementwise (Rocks 2016).

    Difference, low, high, in points; nan where either ``n`` is below :data:`TREND_N`.
    """
    now = [np.asarray(v, float) for v in (promoters, detractors, n)]
    then = [np.asarray(v, float) for v in (promoters_before, detractors_before, n_before)]
    (centre, error), (centre_before, error_before) = _adjusted(*now), _adjusted(*then)
    half = norm.isf((1 - level) / 2) * np.hypot(error, error_before)
    with np.errstate(invalid="ignore", divide="ignore"):
        plain = 100 * ((now[0] - now[1]) / now[2] - (then[0] - then[1]) / then[2])
    enough = np.where((now[2] >= TREND_N) & (then[2] >= TREND_N), 1.0, np.nan)
    between = centre - centre_before
    return enough * plain, enough * np.maximum(between - half, -200.0), enough * np.minimum(between + half, 200.0)


def _adjusted(promoters: Array, detractors: Array, n: Array) -> tuple[Array, Array]:
    p, d, m = promoters + 0.75, detractors + 0.75, n + 3
    centre = (p - d) / m
    return 100 * centre, 100 * np.sqrt(((p + d) / m - centre**2) / m)
