"""How often a series in which nothing changes shows a signal all the same.

Simulated by :func:`simulated`, whose result for :data:`POINTS` stands here; a slow test runs it again.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from idp_analytics.estimates.process_behaviour import FEWEST, first_known, natural_limits, runs

Array = npt.NDArray[np.float64]

SEED = 20_260_701
REPETITIONS = 20_000

POINTS = (12, 14, 16, 18, 20, 22, 24, 26, 30, 36, 44, 52, 65, 78, 104, 130, 156, 208, 260)
"""Lengths of a phase that were simulated."""

ALARMS = (
    0.035,
    0.051,
    0.043,
    0.051,
    0.065,
    0.073,
    0.080,
    0.085,
    0.120,
    0.161,
    0.208,
    0.240,
    0.293,
    0.337,
    0.392,
    0.450,
    0.485,
    0.541,
    0.588,
)
"""The share of stable series of so many points in which at least one signal is seen."""


def probability(points: npt.ArrayLike) -> Array:
    """The chance that a phase of so many points, in which nothing changes, shows at least one signal.

    A signal is a point outside natural process limits set by the first 24 points (all, while there are fewer), a run
    longer than its limit or fewer crossings than theirs. For independent normal points; linear between the lengths
    simulated, that of the longest beyond. nan below 12 points, where nothing is called a signal. Skewed points raise
    more alarms, points that resemble their neighbours many more.
    """
    points = np.asarray(points, float)
    return np.where(points >= FEWEST, np.interp(points, POINTS, ALARMS), np.nan)


def simulated(points: int, repetitions: int = REPETITIONS, seed: int = SEED) -> float:
    """The share of ``repetitions`` series of ``points`` independent standard normal values that show a signal."""
    values = np.random.default_rng(seed).standard_normal((repetitions, points))
    limits = natural_limits(np.where(first_known(values), values, np.nan))
    outside = (values < limits.lower[:, None]) | (values > limits.upper[:, None])
    found = runs(values)
    return float((outside.any(axis=1) | found.is_long.any(axis=1) | found.is_rarely_crossed).mean())
