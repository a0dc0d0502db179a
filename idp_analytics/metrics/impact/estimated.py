"""The rungs of the ladder climbed: from a panel to a :class:`Finding`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from idp_analytics.estimates import (
    adoption_effects,
    interrupted,
    parallel_trends,
    power,
    process_behaviour,
    randomisation,
    regression_to_mean,
)
from idp_analytics.estimates.group_time import Effect, GroupTime, group_time
from idp_analytics.estimates.synthetic_control import synthetic_control
from idp_analytics.metrics.impact import ladder
from idp_analytics.metrics.impact.columns import AFTER, BEFORE, BETWEEN, Method
from idp_analytics.metrics.impact.finding import Counted, Finding, Scale, Week, expected_level
from idp_analytics.metrics.impact.panel import Panel, together

Array = npt.NDArray[np.float64]
Periods = npt.NDArray[np.int64]
Drawing = Callable[[], tuple[Array, ...]]
"""The lines drawn with one series, by week: fitted, without the change, low, high; worked out where they are wanted."""

FIRST = 1
"""Effects count from the month after taking up: that month itself is half before and half after."""
AROUND = 12
"""Months before and after taking up in the course."""
SLOPE_WEEKS = 26
"""Weeks needed before and after for the trend of one series to change too: of fewer, a change of slope and a step are hardly told apart, and neither would be seen."""


def by_comparison(months: Panel, when: Periods, rung: ladder.Rung, sign: int, level: float) -> Finding:
    """Group-time effects (:mod:`estimates.group_time`): base all months before, compared with units that had not yet, errors for few units."""
    adopted, compared = ladder.by_comparison(months, when)
    used = adopted | compared
    y, m, dates = months.values[used], months.weights[used], when[used]
    # Units that took it up but are not known on both sides compare until then; afterwards they say nothing.
    y = np.where(
        compared[used][:, None] & ~adopted[used][:, None] & (np.arange(y.shape[1]) >= dates[:, None]), np.nan, y
    )
    found = group_time(y, np.where(adopted[used], dates, np.maximum(dates, 0)), m, "before", "not yet", is_few=True)
    whole = found.simple(FIRST, level)
    cells = np.where(_since(found) >= FIRST, found.precision, 0.0)
    scale = expected_level(y, cells, whole.effect, months.is_ratio)
    events, effects = found.dynamic(level)
    mine, theirs = int((cells.sum(axis=1) > 0).sum()), int(compared.sum())
    is_few = min(mine, theirs) < ladder.MANY
    dealt = randomisation.placebo(y, dates, m, FIRST).p if is_few else math.nan
    drift = adoption_effects.drift_before(
        np.nan_to_num(y), np.where(np.isnan(y), 0.0, m), np.minimum(dates, y.shape[1]), level
    )
    reach = float(student.isf((1 - level) / 2, max(len(y) - 1, 1)))
    error = (drift.high - drift.slope) / reach if reach > 0 else math.nan
    after = np.unique(_since(found)[cells > 0])
    step = parallel_trends.largest_step_before(events, np.array([one.effect for one in effects]))
    before, later = _sides(found, cells)
    inside = [(int(e), one) for e, one in zip(events, effects, strict=True) if abs(e) <= AROUND]
    near = dict(inside).get(-1)
    counted = (found.precision > 0) | ((~np.isnan(y)) & (dates[:, None] > np.arange(y.shape[1])))
    cells_of, took = np.zeros_like(months.n, dtype=bool), np.zeros_like(used)
    cells_of[used], took[used] = counted, cells.sum(axis=1) > 0
    behind = Counted(months, np.repeat(used[:, None], y.shape[1], axis=1), cells_of, when, took, compared)
    return Finding(
        rung.method, rung.why, mine, theirs, before, later, scale(whole.effect), scale(whole.low), scale(whole.high),
        int(months.n[used][counted].sum()), int(months.missing[used].sum()), whole.p,
        scale.detectable(power.from_error(whole.error, whole.df, level), sign),
        _two_sided(drift.slope, error, len(y) - 1), scale.detectable(power.from_error(error, len(y) - 1, level), sign),
        scale(drift.low), scale(drift.high), dealt, is_few, parallel_trends.robust_to(whole.low, whole.high, step, after),
        _returning(found, cells, scale, sign), scale(near.effect) if near is not None and _is_sure(near) else math.nan,
        expected_level=scale.expected if months.is_ratio else math.nan,
        course=tuple((e, scale(o.effect), scale(o.low), scale(o.high), o.units) for e, o in inside if math.isfinite(o.low)),
        counted=behind,
    )  # fmt: skip


def by_synthetic(months: Panel, when: Periods, sign: int, level: float) -> Finding | None:
    """A synthetic control (:mod:`estimates.synthetic_control`) of the few units that took it up in one month; None where there is not enough for it.

    Only months after that of taking up count, and only donors known in every month. Interval and p by placebos; nothing else is told of it.
    """
    size = len(months.starts)
    mine = (when >= 1) & (when < size)
    dates = np.unique(when[mine])
    if not len(dates):
        return None
    values, weight = together(months, mine)
    used = ~np.isnan(values) & (np.arange(size) != dates[0])
    donors = (when >= size) & ~np.isnan(months.values[:, used]).any(axis=1)
    before = int((used & (np.arange(size) < dates[0])).sum())
    rung = ladder.synthetic(int(donors.sum()), before, int(mine.sum()), len(dates))
    if rung is None or before == int(used.sum()):
        return None
    found = synthetic_control(values[used], months.values[donors][:, used], before)
    low, high = found.interval(level)
    after = used & (np.arange(size) > dates[0])
    scale = expected_level(values[after], weight[after], found.effect, months.is_ratio)
    seen = mine | donors
    cells = seen[:, None] & used
    return Finding(
        rung.method, rung.why, int(mine.sum()), int(donors.sum()), before, int(after.sum()), scale(found.effect), scale(low), scale(high),
        int(months.n[seen][:, used].sum()), int(months.missing[seen][:, used].sum()), detectable=scale.detectable((high - low) / 2, sign),
        placebo_p=found.p, is_few=True, counted=Counted(months, cells, cells, when, mine, donors),
    )  # fmt: skip


def alone(
    weeks: Panel, when: Periods, sign: int, level: float, counts: tuple[Array, Array] | None, is_drawn: bool = False
) -> Finding:
    """One series of the units that took it up, by week; ``counts``: of a rate the events and the time they are counted in, else None. ``is_drawn``: with its weeks."""
    size, span = len(weeks.starts), np.arange(len(weeks.starts))
    known = ~np.isnan(weeks.values)
    inside = (when >= 1) & (when < size)
    mine = inside & (known & (span < when[:, None])).any(axis=1) & (known & (span > when[:, None])).any(axis=1)
    months = len({(weeks.starts[at].year, weeks.starts[at].month) for at in when[mine]})
    began = int(np.min(when[mine])) if mine.any() else 0
    over = int(np.max(when[mine])) + 1 if mine.any() else 0
    seen, weight = together(weeks, mine)
    # Weeks in which some had and some had not are neither.
    values = seen.copy()
    values[began:over] = np.nan
    there = ~np.isnan(values)
    before, after = int(there[:began].sum()), int(there[over:].sum())
    rung = ladder.alone(before, after, int(mine.sum()), months)
    told = Finding(
        rung.method, rung.why, int(mine.sum()), 0, before, after,
        n=int(weeks.n[mine][:, there].sum()), missing=int(weeks.missing[mine][:, there].sum()),
        counted=Counted(weeks, mine[:, None] & there, mine[:, None] & there, when, mine, np.zeros_like(mine)),
    )  # fmt: skip
    if rung.method is Method.INTERRUPTED:
        summed = None if counts is None else (counts[0][mine].sum(axis=0), counts[1][mine].sum(axis=0))
        found, lines = _interrupted(told, weeks, values, weight, began, sign, level, summed)
    elif rung.method is Method.PROCESS_BEHAVIOUR:
        found, lines = _charted(told, weeks, values, weight, (began, over), sign, level)
    else:
        return told
    if not is_drawn:
        return found
    sides = np.where(span < began, BEFORE, np.where(span < over, BETWEEN, AFTER))
    observed = np.exp(seen) if weeks.is_ratio else seen
    drawn = zip(
        weeks.starts, sides.tolist(), observed.tolist(), weeks.n[mine].sum(axis=0).tolist(), *(line.tolist() for line in lines()), strict=True
    )  # fmt: skip
    return replace(found, weeks=tuple(Week(*one) for one in drawn))


def _interrupted(
    told: Finding, weeks: Panel, values: Array, weight: Array, began: int, sign: int, level: float, counts: tuple[Array, Array] | None
) -> tuple[Finding, Drawing]:  # fmt: skip
    """Segmented regression; drawn are the lines fitted, and that to expect without the change with its interval."""
    has_slope = min(told.periods_before, told.periods_after) >= SLOPE_WEEKS
    is_long = len(weeks.starts) >= 52 * interrupted.SEASONS / 12
    month = np.array([start.month for start in weeks.starts]) if is_long else None
    events = None if counts is None else np.where(np.isnan(values), np.nan, counts[0])
    # Of no events on one side there is no ratio; their rates differ all the same.
    if events is not None and counts is not None and np.nansum(events[:began]) > 0 and np.nansum(events[began:]) > 0:
        found = interrupted.counts(events, counts[1], began, has_slope, month, level=level, is_alike=True)
        rate = float(np.nansum(events[began:])) / float(counts[1][began:][~np.isnan(events[began:])].sum())
        scale = Scale(True, rate / found.effect)
        ends = [math.log(v) for v in (found.effect, found.low, found.high)]
    else:
        found = interrupted.means(values, began, weight, has_slope, month, level)
        ends = [found.effect, found.low, found.high]
        scale = expected_level(values[began:], np.where(np.isnan(values), 0.0, weight)[began:], ends[0], weeks.is_ratio)
    size = power.from_error(found.error, found.df, level)
    lines = found.lines

    def drawn() -> tuple[Array, ...]:
        assert lines is not None, "neighbours may resemble each other in what is fitted here"
        course = lines.course(level)
        return tuple(np.exp(line) for line in course) if weeks.is_ratio else course

    return _with(told, scale, ends, found.p, size, sign, ends[1] > 0 or ends[2] < 0, found.resembling), drawn


def _charted(
    told: Finding, weeks: Panel, values: Array, weight: Array, taken: tuple[int, int], sign: int, level: float
) -> tuple[Finding, Drawing]:
    """XmR with limits frozen as they were before, wider as far as neighbours resemble each other; the effect is the mean after less the mean before.

    ``taken``: the place at which it began to be taken up, and that from which all had it. Drawn are the limits, and the mean after.
    """
    began, over = taken
    limits = process_behaviour.natural_limits(values[:began])
    resembling = float(process_behaviour.autocorrelation(values[:began]))
    later = values[began:]
    found = interrupted.means(values, began, weight, has_slope=False, level=level, has_trend=False)
    # Differences of neighbours are as small as they resemble each other (their variance 2 (1 - r)).
    wider = 1 / math.sqrt(1 - min(max(np.nan_to_num(resembling), 0.0), 0.9))
    reach = wider * (limits.upper - limits.centre)
    with np.errstate(invalid="ignore"):
        outside = bool((abs(later - limits.centre) > reach).any())
    runs = process_behaviour.runs(values)
    scale = expected_level(later, np.where(np.isnan(later), 0.0, weight[began:]), found.effect, weeks.is_ratio)
    is_long = bool(runs.is_long[began:].any()) and int(runs.useful) >= process_behaviour.FEWEST
    # A signal of one week alone says that something happened, not that it stayed.
    stayed = (found.low > 0 or found.high < 0) and (outside or is_long)
    ends = [found.effect, found.low, found.high]
    size = power.from_error(found.error, found.df, level)

    def drawn() -> tuple[Array, ...]:
        centre, is_after = float(limits.centre), np.arange(len(values)) >= over
        fitted = np.where(is_after, centre + found.effect, np.where(np.arange(len(values)) < began, centre, np.nan))
        flat = [np.full(len(values), v) for v in (centre, centre - float(reach), centre + float(reach))]
        lines = (fitted, np.where(is_after, flat[0], np.nan), *flat[1:])
        return (
            tuple(np.exp(line) for line in lines) if weeks.is_ratio else (*lines[:2], np.maximum(lines[2], 0), lines[3])
        )

    return _with(told, scale, ends, math.nan, size, sign, stayed, resembling), drawn


def _with(
    told: Finding, scale: Scale, ends: list[float], p: float, size: float, sign: int, is_signal: bool, resembling: float
) -> Finding:
    effect, low, high = (scale(v) for v in ends)
    return Finding(
        told.method, told.why, told.adopted, 0, told.periods_before, told.periods_after, effect, low, high, told.n, told.missing, p,
        scale.detectable(size, sign), is_signal=is_signal, resembling=resembling,
        counted=told.counted,
    )  # fmt: skip


def _since(found: GroupTime) -> Periods:
    return np.arange(found.values.shape[1])[None, :] - found.adopted[:, None]


def _sides(found: GroupTime, cells: Array) -> tuple[int, int]:
    """Months before and after of the unit in the middle, of those whose effect counts."""
    there, since = ~np.isnan(found.values), _since(found)
    mine = cells.sum(axis=1) > 0
    if not mine.any():
        return 0, 0
    before, after = ((there & (since < 0)).sum(axis=1)[mine], (cells > 0).sum(axis=1)[mine])
    return int(np.median(before)), int(np.median(after))


def _returning(found: GroupTime, cells: Array, scale: Scale, sign: int) -> float:
    """What regression to the mean lets expect, in the metric's unit; nan where units that took it up were not the worse ones before.

    Looked at are the months before of those who took it up, and of the others those before the middle one in which it was taken up.
    """
    size = found.values.shape[1]
    mine = cells.sum(axis=1) > 0
    if not mine.any():
        return math.nan
    ends = np.where(mine, found.adopted, np.minimum(found.adopted, int(np.median(found.adopted[mine]))))
    before = np.where(np.arange(size) < ends[:, None], found.values, np.nan)
    shares = np.where(mine, cells.sum(axis=1), np.where(np.isnan(before), 0.0, found.weights).sum(axis=1))
    expected = regression_to_mean.expected_change(before, found.weights, mine, shares).expected
    return scale(expected) if expected * sign > 0 else math.nan


def _two_sided(value: float, error: float, df: float) -> float:
    if not error > 0:
        return math.nan
    return float(2 * student.sf(abs(value) / error, df))


def _is_sure(one: Effect) -> bool:
    return bool(one.low > 0 or one.high < 0)
