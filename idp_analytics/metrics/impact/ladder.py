"""Which method the data allow, and why: the first rung that holds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from idp_analytics.metrics.impact.columns import Method
from idp_analytics.metrics.impact.panel import Panel

Periods = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

FEWEST_ADOPTED, FEWEST_COMPARED = 3, 3
"""Units that took it up, and others, below which they are not compared: with fewer, fewer than twenty ways of giving out the dates are left."""
FEWEST_BEFORE = 2
"""Months before, known of a unit, for it to be compared."""
FEWEST_IN_COHORT = 5
"""Cohorts of fewer are put together with the others; none of them is told apart."""
MANY = 20
"""From so many units of each kind on errors need no randomisation beside them."""
BEFORE_WEEKS, AFTER_WEEKS, AFTER_LONG = 12, 4, 12
"""Weeks needed before, after (process behaviour), and after for an interrupted time series."""


class Rung(NamedTuple):
    """The method and one sentence why it is that one."""

    method: Method
    why: str


def by_comparison(months: Panel, when: Periods) -> tuple[Flags, Flags]:
    """Which units took it up and are known before and after; and which they can be compared with: not yet, or never."""
    size = len(months.starts)
    known, span = ~np.isnan(months.values), np.arange(size)
    before = (known & (span < when[:, None])).sum(axis=1)
    after = (known & (span > when[:, None])).sum(axis=1)
    adopted = (when >= 1) & (when < size) & (before >= FEWEST_BEFORE) & (after >= 1)
    first = int(when[adopted].min()) if adopted.any() else size
    late = known & (span > first) & (span < when[:, None])
    compared = (before >= FEWEST_BEFORE) & late.any(axis=1)
    return adopted, compared


def comparison(months: Panel, when: Periods, is_named: bool = True) -> Rung | None:
    """Group-time effects, where enough units took it up and enough had not by then; else None. ``is_named``: the ledger names those that had not."""
    adopted, compared = by_comparison(months, when)
    a, c = int(adopted.sum()), int((compared & ~adopted).sum())
    waiting = int((compared & adopted).sum())
    if a < FEWEST_ADOPTED or c + waiting < FEWEST_COMPARED:
        return None
    _, sizes = np.unique(when[adopted], return_counts=True)
    dates = len(sizes)
    later = f" and, until they did, {waiting} that took it up later" if waiting else ""
    large = int((sizes >= FEWEST_IN_COHORT).sum())
    pooled = ""
    if large < dates:
        which = f"only {large} of {dates} months have" if large else "no month has"
        pooled = f"; {which} {FEWEST_IN_COHORT} who took it up, so that all are put together"
    supposed = (
        ""
        if is_named
        else "; the ledger names too few that had not, so all others that are not known to have it stand in for them"
    )
    few = "; they are few, so dates are given out anew as well" if min(a, c + waiting) < MANY else ""
    return Rung(
        Method.GROUP_TIME,
        f"{a} units took it up in {dates} different month{'s' if dates > 1 else ''} and are compared with {c} that had not taken it up{later}{supposed}{pooled}{few}.",
    )


DONORS, DONOR_MONTHS, FEW_ADOPTED = 10, 12, 3
"""A synthetic control needs so many donors and months before, and is of so many units at most; and somebody who asks for it."""


def synthetic(donors: int, months_before: int, units: int, months: int) -> Rung | None:
    """Synthetic control, for which was asked, where there is enough for it; else None."""
    if not 1 <= units <= FEW_ADOPTED or months != 1 or donors < DONORS or months_before < DONOR_MONTHS:
        return None
    who = "One unit" if units == 1 else f"{units} units"
    return Rung(
        Method.SYNTHETIC,
        f"It was asked for: {who.lower()} took it up, and {donors} that did not are known in all {months_before} months before.",
    )


def alone(weeks_before: int, weeks_after: int, units: int, months: int) -> Rung:
    """What one series allows, of units that took it up in one of ``months`` different months; there is nothing to compare it with."""
    who = "One unit" if units == 1 else f"{units} units"
    nobody = "there are too few others to compare with"
    if not units:
        return Rung(Method.NONE, "No unit is known both before it took it up and after.")
    if months > 1:
        return Rung(
            Method.NONE, f"{who} took it up in {months} different months, so they are not one series, and {nobody}."
        )
    if weeks_before >= BEFORE_WEEKS and weeks_after >= AFTER_LONG:
        return Rung(
            Method.INTERRUPTED,
            f"{who} took it up, with {weeks_before} weeks before and {weeks_after} after, and {nobody}: the series before says what to expect.",
        )
    if weeks_before >= BEFORE_WEEKS and weeks_after >= AFTER_WEEKS:
        return Rung(
            Method.PROCESS_BEHAVIOUR,
            f"{who} took it up, with {weeks_before} weeks before and {weeks_after} after, and {nobody}: limits are frozen as they were before.",
        )
    return Rung(
        Method.NONE,
        f"{who} took it up, with {weeks_before} weeks before and {weeks_after} after; {BEFORE_WEEKS} and {AFTER_WEEKS} are needed, and {nobody}.",
    )
