"""What could be seen of a change by the day to look, before it begins: the minimum detectable effect with the data there are, and what more would be needed.

It is judged before it happens: in the last months there are, as many as are planned, half of the units are taken to have taken something up that does nothing
(placebo in time), once for each of many halves, by the very estimator that will judge it; how sure that is says what could be seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date

import numpy as np

from idp_analytics.charts.wording import count, quantity, size
from idp_analytics.estimates import interrupted, power
from idp_analytics.estimates.group_time import group_time
from idp_analytics.interventions.registering import Registration
from idp_analytics.metrics import compute
from idp_analytics.metrics.impact.estimated import FIRST, SLOPE_WEEKS
from idp_analytics.metrics.impact.ladder import (
    AFTER_LONG,
    AFTER_WEEKS,
    BEFORE_WEEKS,
    FEWEST_ADOPTED,
    FEWEST_BEFORE,
    FEWEST_COMPARED,
)
from idp_analytics.metrics.impact.panel import Panel, panel, together
from idp_analytics.metrics.observed import day_of
from idp_analytics.organisation import Organisation

HALVES, SEED = 20, 20261127
"""So many halves are drawn, always the same ones."""


@dataclass(frozen=True)
class Foreseen:
    """``compared``: the smallest difference that is seen four times in five where half of the units take it up and half do not yet; ``alone``: where all do at
    once; ``now``: where the metric is; ``needed``: units in each half for the smallest that matters; ``longer``: whole months after it that would do with the units there are. In the metric's
    unit; nan: cannot be told. ``units``: known well enough of those registered; ``after``: whole months from taking up to the day to look."""

    units: int
    registered: int
    months: int
    after: int
    compared: float
    alone: float
    needed: float
    longer: float
    now: float

    def told(self) -> dict[str, str]:
        """What is known of it, as text."""
        return {name: f"{value:g}" for name, value in asdict(self).items() if math.isfinite(value)}


def foreseen(made: Registration, organisation: Organisation) -> Foreseen:
    """What could be seen of ``made`` by its day to look. Months of which too little is known are no evidence that nothing would be seen: then it is nan."""
    settings, draft = organisation.settings, made.draft
    level = settings.rules.level
    months = _panel(made, organisation, "1mo")
    begins = draft.adopted_on or day_of(draft.at, settings.time_zone)
    after = _whole_months(begins, draft.review_on)
    sign = 1 if made.direction == "up" else -1
    known = int((np.isfinite(months.values).sum(axis=1) > FEWEST_BEFORE).sum())
    now = _now(months)
    matters = _inside(made.smallest_effect, now, sign, months.is_ratio)
    compared = _by_comparison(months, after, level)
    needed = longer = math.nan
    if compared > matters:
        # What is seen falls with the root of how many there are.
        needed = known / 2 * (compared / matters) ** 2
        lengths = range(after + 1, len(months.starts) - FEWEST_BEFORE - FIRST + 1)
        longer = next((float(n) for n in lengths if _by_comparison(months, n, level) <= matters), math.nan)
    return Foreseen(
        known, len(draft.units), len(months.starts), after, _outside(compared, now, sign, months.is_ratio),
        _outside(_alone(made, organisation, begins, level), now, sign, months.is_ratio), needed, longer, now,
    )  # fmt: skip


def said(made: Registration, found: Foreseen) -> Iterator[str]:
    """The same in sentences."""
    unit, matters = made.metric.unit, made.smallest_effect
    if made.direction == "down" and matters >= found.now:
        yield f"It is at {quantity(found.now, unit)} and cannot fall by {size(matters, unit)}: name a smaller effect."
        return
    noun = made.unit_kind
    day = f"{made.draft.review_on.day} {made.draft.review_on:%B %Y}"
    basis = f"By the {count(found.months, 'month')} of data there are, {found.units:,} of {count(found.registered, noun)} known"
    if found.after < 1:
        yield f"No whole month lies between taking it up and {day}, so units could not be compared: choose a later day."
    elif found.units < FEWEST_ADOPTED + FEWEST_COMPARED or math.isnan(found.compared):
        yield (
            f"{basis}: too little to compare units. At least {FEWEST_ADOPTED} {noun}s that take it up and {FEWEST_COMPARED} that do not yet are needed, each known for "
            f"{FEWEST_BEFORE} months before."
        )
    else:
        head = (
            f"{basis}: if half of them take it up and half do not yet, a difference of {size(found.compared, unit)} or more would be seen four times in five by "
            f"{day}"
        )
        if found.compared <= matters:
            yield f"{head}; the {size(matters, unit)} that matter would be seen."
        else:
            yield f"{head}. The {size(matters, unit)} that matter are less: they would look like nothing. {_more(found, noun)}"
    if not math.isnan(found.alone):
        yield (
            f"If all take it up at once, nobody is left to compare with: before and after would show {size(found.alone, unit)} or more, and nothing would tell why. "
            "Let some take it up later."
        )


def _more(found: Foreseen, noun: str) -> str:
    ways = []
    if math.isfinite(found.needed):
        ways.append(f"about {math.ceil(found.needed):,} {noun}s in each half")
    if math.isfinite(found.longer):
        ways.append(f"{count(int(found.longer), 'whole month')} after instead of {found.after:,}")
    if not ways:
        return "Choose a larger effect, more units, or a metric that is seen more often."
    return f"{' or '.join(ways)[:1].upper()}{' or '.join(ways)[1:]} would do."


# --- numbers -----------------------------------------------------------------------------------------------------------


def _panel(made: Registration, organisation: Organisation, every: str) -> Panel:
    answers = compute(
        organisation.lazy, organisation.settings, organisation.as_of, (made.metric,), (made.unit_kind,), (every,)
    )
    return panel(answers, made.metric, sorted(made.draft.units), every)


def _whole_months(begins: date, ends: date) -> int:
    """Whole calendar months between the one in which it begins, which is half before and half after, and the day to look."""
    return max(0, (ends.year - begins.year) * 12 + ends.month - begins.month - 1)


def _by_comparison(months: Panel, after: int, level: float) -> float:
    """The smallest difference between two halves of the units that is seen with so many months after; nan: too few are known, or none."""
    size_ = len(months.starts)
    after = min(after, size_ - FEWEST_BEFORE - FIRST)
    if after < 1:
        return math.nan
    at = size_ - after - FIRST
    known = np.isfinite(months.values)
    there = (known[:, :at].sum(axis=1) >= FEWEST_BEFORE) & known[:, at + FIRST :].any(axis=1)
    n = int(there.sum())
    if n < FEWEST_ADOPTED + FEWEST_COMPARED:
        return math.nan
    halves = np.random.default_rng([SEED, n])
    found = []
    for _ in range(HALVES):
        when = np.full(n, size_)
        when[halves.permutation(n)[: n // 2]] = at
        one = group_time(months.values[there], when, months.weights[there], "before", "not yet", is_few=True)
        found.append(one.simple(FIRST, level))
    known_ = [one for one in found if one.error > 0]
    if not known_:
        return math.nan
    error = math.sqrt(sum(one.error**2 for one in known_) / len(known_))
    return power.from_error(error, float(np.median([one.df for one in known_])), level)


def _alone(made: Registration, organisation: Organisation, begins: date, level: float) -> float:
    """The smallest step that one series of all units shows, by week."""
    weeks = _panel(made, organisation, "1w")
    after = (made.draft.review_on - begins).days // 7
    series, _ = together(weeks, np.ones(len(weeks.units), dtype=bool))
    there = series[np.isfinite(series)]
    if len(there) < BEFORE_WEEKS or after < AFTER_WEEKS:
        return math.nan
    has_slope = min(len(there), after) >= SLOPE_WEEKS
    return power.from_error(*interrupted.foreseen(series, after, after >= AFTER_LONG, has_slope, level), level)


def _now(months: Panel) -> float:
    """Where the metric is, by weight: of medians the mean of them, not of their logarithms."""
    known = np.isfinite(months.values)
    values = months.values[known]
    total = float(months.weights[known].sum())
    seen = np.exp(values) if months.is_ratio else values
    return float((months.weights[known] * seen).sum()) / total if total > 0 else math.nan


def _inside(effect: float, now: float, sign: int, is_ratio: bool) -> float:
    """An effect in the metric's unit as it is estimated: of medians on the log scale. inf: more than there is to lose."""
    if not is_ratio:
        return effect
    factor = 1 + sign * effect / now
    return abs(math.log(factor)) if factor > 0 else math.inf


def _outside(effect: float, now: float, sign: int, is_ratio: bool) -> float:
    """The same back in the metric's unit."""
    return abs(now * math.expm1(sign * effect)) if is_ratio else effect
