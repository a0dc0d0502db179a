"""How far a comparison of units over time leans on their going alike: what could have been seen of it, and how much of the contrary it stands."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def largest_step_before(events: npt.ArrayLike, effects: npt.ArrayLike) -> float:
    """The largest change between neighbouring periods before taking up, of an event study; nan below two of them."""
    when, found = np.asarray(events), np.asarray(effects, float)
    before = when < 0
    steps = np.abs(np.diff(found[before]))[np.diff(when[before]) == 1]
    steps = steps[~np.isnan(steps)]
    return float(steps.max()) if len(steps) else np.nan


def robust_to(low: float, high: float, step: float, periods: npt.ArrayLike) -> float:
    """How large departures from going alike would have to be after, in the largest one seen before, for the interval to hold 0.

    Rambachan and Roth's (2023) bound by relative magnitudes in its plainest form: from one period to the next the departure grows by at most M
    times ``step`` (:func:`largest_step_before`), so the effect ``periods`` (0: that of taking up) later is off by at most M × step × (periods + 1),
    and the mean over them by the mean of that. Told is the M at which the end of the interval next to 0 reaches it. This widens the
    interval by the bound and takes ``step`` as known: it is neither their conditional nor their hybrid interval, and chance in ``step``
    makes M smaller. 0 where the interval holds 0 already, inf where nothing moved before; nan where an end or the step is not known.
    """
    late = np.asarray(periods, float)
    if not len(late) or np.isnan(step) or np.isnan(low) or np.isnan(high):
        return np.nan
    nearest = max(low, -high, 0.0)
    bound = step * float(np.mean(late + 1))
    if nearest == 0:
        return 0.0
    return nearest / bound if bound > 0 else np.inf
