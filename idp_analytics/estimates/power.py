"""What could have been seen: minimum detectable effects, so that *nothing found* is told from *nothing there*.

An effect is detectable when a comparison like this one would find it ``power`` of the times (four in five) at a two-sided ``level``. statsmodels'
``samplesize_proportions_2indep_onetail`` is not used: it is one-sided and halves alpha by itself, so that an alpha halved before is halved twice.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import t as student

POWER = 0.8
"""How often an effect that is there should be found (Cohen 1988)."""


def from_error(error: float, df: float = np.inf, level: float = 0.95, power: float = POWER) -> float:
    """The smallest effect that an estimate with standard ``error`` finds (Bloom 1995): error × (t at the level + t at the power).

    In the unit of the error; nan where the error or the degrees of freedom are none. This is how an event study, or any slope, is told to be weak.
    """
    if not (error >= 0 and df > 0):
        return np.nan
    return float(error * (student.isf((1 - level) / 2, df) + student.isf(1 - power, df)))


def two_groups(n1: float, n0: float, spread: float = 1.0, level: float = 0.95, power: float = POWER) -> float:
    """The smallest difference of means of ``n1`` and ``n0`` independent units that is found, each with standard deviation ``spread`` (Cohen 1988;
    the exact noncentral t by statsmodels). nan below two units in a group."""
    from statsmodels.stats.power import TTestIndPower

    if min(n1, n0) < 2:
        return np.nan
    return float(spread * TTestIndPower().solve_power(None, n1, 1 - level, power, n0 / n1))


def units_needed(difference: float, spread: float = 1.0, level: float = 0.95, power: float = POWER) -> float:
    """Units in each of two groups of one size for that ``difference`` to be found; :class:`ValueError` for none."""
    from statsmodels.stats.power import TTestIndPower

    if not difference:
        raise ValueError("no number of units finds a difference of 0")
    return float(TTestIndPower().solve_power(abs(difference) / spread, None, 1 - level, power, 1.0))
