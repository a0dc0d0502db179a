"""What may be said: never more than the method allows."""

from __future__ import annotations

import math
from typing import NamedTuple

from idp_analytics.answers import Verdict
from idp_analytics.metrics.impact.columns import Method, State
from idp_analytics.metrics.impact.finding import Amounts, Finding

ALLOWS = {
    Method.GROUP_TIME: "improved, worsened or no change, against units that had not taken it up",
    Method.SYNTHETIC: "improved, worsened or no change, where placebos leave an interval: from nineteen donors on at 95 %",
    Method.INTERRUPTED: "a change, and not why: not identified",
    Method.PROCESS_BEHAVIOUR: "a change, and not why: not identified",
    Method.NONE: "nothing",
}
"""The most that each method allows to be said."""

NOTHING_TELLS_WHY = "It changed, and nothing here tells why: there is nothing to compare it with."


ELSEWHERE = "Months, or units, of which what speaks against it does not hold."


class Said(NamedTuple):
    """The verdict, a sentence on how it came about (empty: the numbers say it), and what would change our mind."""

    verdict: Verdict
    because: str
    would_change: str


def said(
    found: Finding,
    sign: int,
    smallest: float | None,
    state: State,
    is_forbidden: bool,
    number: Amounts,
    level: float,
    p_adjusted: float = math.nan,
) -> Said:
    """The verdict on ``found``; ``sign``: +1 where up is hoped for. ``smallest``: the effect that matters, None for exploratory metrics, which need
    ``p_adjusted`` to be small as well. ``number``: how amounts are told.

    Nothing found is *no detectable change* only where an effect that matters would have been; a change for certain, but by less than matters or
    perhaps by less, is no improvement. Where one series is all there is, nothing is said to be improved.
    """
    if found.method is Method.NONE or math.isnan(found.effect):
        return Said(Verdict.INSUFFICIENT_DATA, "", _needed(state))
    if found.method in (Method.PROCESS_BEHAVIOUR, Method.INTERRUPTED):
        if found.is_signal:
            return Said(
                Verdict.NOT_IDENTIFIED,
                NOTHING_TELLS_WHY,
                "Units that take it up later, or never, to compare with: three, known for two months before.",
            )
        return _nothing_found(found, smallest, number, is_forbidden)
    good, bad = (found.low > 0, found.high < 0) if sign > 0 else (found.high < 0, found.low > 0)
    if smallest is None and not p_adjusted <= 1 - level:
        good = bad = False
    if not good and not bad:
        return _nothing_found(found, smallest, number, is_forbidden)
    if is_forbidden:
        return Said(Verdict.NOT_IDENTIFIED, "", ELSEWHERE)
    apart = (
        ""
        if math.isnan(found.robust_to) or math.isinf(found.robust_to)
        else f" by {found.robust_to:.2g} times the largest monthly step seen before, or more, each month"
    )
    contrary = f"Both having gone apart anyhow{apart}; or units that take it up from now on not moving alike."
    if bad:
        return Said(Verdict.WORSENED, "", contrary)
    size = sign * found.effect
    most = sign * (found.high if sign > 0 else found.low)
    if smallest is not None and most < smallest:
        return Said(
            Verdict.NO_DETECTABLE_CHANGE,
            f"It moved as hoped, but for certain by less than {number(smallest)}, which is what matters.",
            contrary,
        )
    if smallest is not None and size < smallest:
        return Said(
            Verdict.INSUFFICIENT_DATA, f"It moved as hoped, but perhaps by less than {number(smallest)}, which is what matters.", _more(found, smallest, number)
        )  # fmt: skip
    return Said(Verdict.IMPROVED, "", contrary)


def _nothing_found(found: Finding, smallest: float | None, number: Amounts, is_forbidden: bool) -> Said:
    seen = number(found.detectable) if not math.isnan(found.detectable) else ""
    if smallest is not None and not found.detectable <= smallest:
        weak = (
            f"Nothing is seen, but an effect of less than {seen} would not be seen four times in five, and {number(smallest)} is what matters."
            if seen
            else ""
        )
        return Said(Verdict.INSUFFICIENT_DATA, weak, _more(found, smallest, number))
    if is_forbidden:  # two that cancel each other look like none
        return Said(Verdict.NOT_IDENTIFIED, "", ELSEWHERE)
    would = (
        f"An effect of less than {seen} is not seen four times in five: only more units or months would show it."
        if seen
        else "More units or months."
    )
    return Said(Verdict.NO_DETECTABLE_CHANGE, "", would)


def _more(found: Finding, smallest: float, number: Amounts) -> str:
    """How many times as much would have to be known: what is detectable falls with the root of it."""
    if math.isnan(found.detectable) or not smallest > 0:
        return "More units or months."
    times = max((found.detectable / smallest) ** 2, 1.0)
    much = (
        "a little more"
        if times < 1.2
        else f"about {times:.1f} times as much"
        if times < 10
        else f"about {times:.0f} times as much"
    )
    return f"To see {number(smallest)} four times in five, {much} would have to be known, in units or months."


def _needed(state: State) -> str:
    if state is State.PLANNED:
        return "Somebody taking it up: three units that do, three that do not yet, and two months before of each."
    return "Three units that took it up and three that had not, each known for two months before and one after; or twelve weeks before and four after of one."
