"""Days unlike the weeks before them: robust expectation and spread of many daily series at once, and few false alarms.

Arrays: one row per series, the last axis is days without gaps; nan where nothing is known.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from idp_analytics.estimates import multiplicity

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

WEEK = 7
LEVEL = 4 * WEEK
"""Days before a day whose median is its level."""
SPREAD = 8 * WEEK
"""Days before a day whose deviations tell the weekday's part and the spread."""
HISTORY = LEVEL + SPREAD
"""Known days a series needs before its first day can be tested."""

_NORMAL = 1.4826  # median absolute deviation → standard deviation of a normal distribution
_FREEDOM = 14.0
_LEAST = 0.01
_CANDIDATE = 0.01
"""From which p on days in a row are taken as one."""


class Unusual(NamedTuple):
    """Per series and day: what was ``expected``, the two-sided ``p`` of how far off the day is (nan: not tested), ``alarm``."""

    expected: Array
    p: Array
    alarm: Flags


def unusual(values: npt.ArrayLike, false_discoveries: float = 0.05) -> Unusual:
    """The days unlike those before them.

    A series that never falls to 0 is looked at by its logarithm: costs vary in proportion. Level: the median of the 28 days
    before. What a day deviates from it is the weekday's part (the median of the same weekday's deviations in the 8 weeks before)
    and the rest; spread: 1.4826 × the median of the absolute rests of the 8 weeks before (Hampel 1974), but at least 1 % of the
    level, so that a flat subscription is not alarmed by cents. p: Student's t with 14 degrees of freedom for rest ÷ spread,
    which simulation shows to be about right or cautious where it decides.

    ``alarm``: days in a row to one side with p ≤ 0.01 are one run; over all runs and all other days of all series Benjamini &
    Hochberg 1995, so that of the runs alarmed a share of at most ``false_discoveries`` is expected to be chance. Days alone
    would let one long change excuse many a false alarm.
    """
    y = np.asarray(values, float)
    known = np.isfinite(y)
    in_proportion = np.all(np.where(known, y, 1.0) > 0, axis=1, keepdims=True)
    z = np.where(in_proportion, np.log(np.where(in_proportion & known, y, 1.0)), y)
    z = np.where(known, z, np.nan)
    level = _before(z, LEVEL)
    deviation = z - level
    weekday = np.full_like(y, np.nan)
    for lag in range(WEEK):
        weekday[:, lag::WEEK] = _before(deviation[:, lag::WEEK], SPREAD // WEEK)
    rest = deviation - weekday
    least = np.where(in_proportion, _LEAST, _LEAST * np.abs(level))
    spread = np.maximum(_NORMAL * _before(np.abs(rest), SPREAD), least)
    enough = np.cumsum(known, axis=1) > HISTORY
    far = np.abs(rest) / np.where(spread > 0, spread, np.nan)
    p = np.where(enough, 2 * student.sf(far, _FREEDOM), np.nan)
    tested = np.isfinite(p)
    expected = level + weekday
    expected = np.where(in_proportion, np.exp(np.where(in_proportion, expected, 0.0)), expected)
    return Unusual(np.where(tested, expected, np.nan), p, _alarmed(p, rest > 0, false_discoveries))


def _alarmed(p: Array, above: Flags, false_discoveries: float) -> Flags:
    """The days of the runs that are alarmed. A run counts once, with its least p times its days, whatever else is alarmed."""
    tested = np.isfinite(p)
    alarm = np.zeros(p.shape, bool)
    if not tested.any():
        return alarm
    candidate = tested & (np.where(tested, p, 1.0) <= _CANDIDATE)
    goes_on = np.zeros(p.shape, bool)
    goes_on[:, 1:] = candidate[:, 1:] & candidate[:, :-1] & (above[:, 1:] == above[:, :-1])
    run = np.cumsum(candidate & ~goes_on) - 1  # row by row: a run never reaches into the next series
    runs = run[candidate.ravel()]
    least = np.full(int(runs.max()) + 1 if runs.size else 0, np.inf)
    np.minimum.at(least, runs, p[candidate])
    of_runs = np.minimum(least * np.bincount(runs, minlength=len(least)), 1.0) if runs.size else least
    adjusted = multiplicity.adjusted(np.concatenate([of_runs, p[tested & ~candidate]]))
    alarm[candidate] = (adjusted[: len(least)] <= false_discoveries)[runs]
    return alarm


def _before(values: Array, window: int) -> Array:
    """The median of the ``window`` values before each, at least half of them known."""
    series, steps = values.shape
    if not steps:
        return values.copy()
    padded = np.concatenate([np.full((series, window), np.nan), values[:, :-1]], axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, window, axis=1)
    many = np.isfinite(windows).sum(axis=-1)
    enough = many * 2 >= window
    # What is not known comes last, so that the median lies at the middle of those before. numpy.nanmedian says the same in five times the time.
    ordered, known = np.sort(windows[enough], axis=-1), many[enough]
    rows = np.arange(len(known))
    found = np.full(values.shape, np.nan)
    found[enough] = (ordered[rows, (known - 1) // 2] + ordered[rows, known // 2]) / 2
    return found
