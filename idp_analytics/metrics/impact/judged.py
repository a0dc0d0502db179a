"""Studies ``impact``, ``impact_course`` and ``impact_weeks``: every entry of the ledger, judged by its metric, and by a few that were not named."""

from __future__ import annotations

import math
import weakref
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from idp_analytics.answers import ORG, Estimator, Metric, Verdict
from idp_analytics.estimates import multiplicity
from idp_analytics.metrics.catalogue import CATALOGUE, by_name
from idp_analytics.metrics.compute import compute
from idp_analytics.metrics.impact import estimated, guards, ladder, verdict
from idp_analytics.metrics.impact.columns import (
    AFTER,
    BEFORE,
    BETWEEN,
    BOTH,
    CELL_COLUMNS,
    COLUMNS,
    COMPARED,
    COURSE_COLUMNS,
    EXPLORATORY,
    NEITHER,
    NOT_COUNTED,
    NOT_TAKEN_UP,
    PRIMARY,
    TOOK_UP,
    WEEKS_COLUMNS,
    Method,
    State,
)
from idp_analytics.metrics.impact.finding import Counted, Finding, amounts
from idp_analytics.metrics.impact.ledger import Entry, entries
from idp_analytics.metrics.impact.panel import Panel, panel
from idp_analytics.metrics.impact.stand_ins import stand_ins
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings

EXPLORED = ("deployment_frequency", "change_lead_time", "change_fail_rate", "deployment_rework_rate")
"""Metrics looked at beside the one that was named, where units can be compared: what else moved is a hint for the next entry, and no result."""
MONTHS, WEEKS = "1mo", "1w"

_Studies = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]
_kept: dict[int, tuple[Settings, datetime, _Studies]] = {}


class Looked(NamedTuple):
    """One metric of one entry: what was found, and what else reached its units then."""

    entry: Entry
    metric: Metric | None
    role: str
    found: Finding
    overlapping: list[guards.Overlap]


def impact(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """One row per intervention and metric (:data:`COLUMNS`): the one it is judged by, and :data:`EXPLORED` where units can be compared.

    Observations, units and periods are those of the answers (:func:`compute`); the method is the first rung of :mod:`ladder` that holds; what speaks
    against a number is told by :mod:`guards`; what may be said, by :mod:`verdict`. Effects of medians are estimated as factors and told in the metric's unit at the level that would
    be expected. A metric there is none of, that is told of people or is money, is *not measured*.
    """
    return _all(tables, settings, as_of)[0]


def impact_course(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """One row per intervention, metric and month from taking up, a year before and after (:data:`COURSE_COLUMNS`), where units are compared.

    Before: against the mean of the other months before; who is in it changes over the months (``units``)."""
    return _all(tables, settings, as_of)[1]


def impact_weeks(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """One row per intervention and week, where nobody is compared with (:data:`WEEKS_COLUMNS`): what was seen, the level as it was and is, and what there was to expect."""
    return _all(tables, settings, as_of)[2]


def impact_cells(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """One row per intervention, metric, unit and period that :func:`impact` looked at (:data:`CELL_COLUMNS`): what its numbers are made of."""
    return _all(tables, settings, as_of)[3]


def _all(tables: Tables, settings: Settings, as_of: datetime) -> _Studies:
    """The studies rest on the same estimates, kept as long as the tables are."""
    ledger = tables["interventions"]
    kept = _kept.get(id(ledger))
    if kept is not None and kept[:2] == (settings, as_of):
        return kept[2]
    made = _judged(tables, settings, as_of)
    if kept is None:
        weakref.finalize(ledger, _kept.pop, id(ledger), None)
    _kept[id(ledger)] = settings, as_of, made
    return made


def _judged(tables: Tables, settings: Settings, as_of: datetime) -> _Studies:
    known = entries(tables, settings, as_of)
    names = {metric.name for metric in CATALOGUE}
    looked: list[Looked] = []
    for kind in sorted({entry.kind for entry in known}):
        mine = [entry for entry in known if entry.kind == kind]
        wanted = {
            entry.metric for entry in mine if entry.metric in names and _can_be_judged(by_name(entry.metric), kind)
        }
        explored = [name for name in EXPLORED if kind in by_name(name).scopes]
        asked = tuple(by_name(name) for name in sorted({*wanted, *explored}))
        months = compute(tables, settings, as_of, asked, (kind,), (MONTHS,))
        for entry in mine:
            if entry.metric not in wanted:
                metric = by_name(entry.metric) if entry.metric in names else None
                looked.append(Looked(entry, metric, PRIMARY, Finding(Method.NONE, _why_not(metric, entry)), []))
                continue
            looked += of_entry(entry, known, months, explored, tables, settings, as_of)
    return rows(looked, settings), _courses(looked), _weeks(looked), _cells(looked)


def _can_be_judged(metric: Metric, kind: str) -> bool:
    return kind in metric.scopes and not metric.about_people and metric.estimator is not Estimator.TOTAL


def _why_not(metric: Metric | None, entry: Entry) -> str:
    if metric is None:
        return f"There is no metric {entry.metric!r}."
    if metric.about_people:
        return "This metric is told of groups of people only."
    if metric.estimator is Estimator.TOTAL:
        return "This metric is a sum of money, of which no effect is estimated."
    return f"This metric means nothing for a single {entry.kind}."


def of_entry(
    entry: Entry, known: Sequence[Entry], months: pl.DataFrame, explored: Sequence[str], tables: Tables, settings: Settings, as_of: datetime
) -> list[Looked]:  # fmt: skip
    """The metric that ``entry`` is judged by and those of ``explored``; ``known``: all entries, ``months``: their monthly answers at the units' scope."""
    units = sorted(entry.adopted)
    level = settings.rules.level
    made = []
    for name in (entry.metric, *(other for other in explored if other != entry.metric)):
        metric = by_name(name)
        is_primary = name == entry.metric
        sign = entry.sign if is_primary else 1 if metric.better == "higher" else -1
        by_month = panel(months, metric, units, MONTHS)
        when = by_month.taken_up(entry.adopted)
        rung = ladder.comparison(by_month, when)
        looked_at, wider = by_month, None
        if rung is None and is_primary and any(entry.adopted.values()):
            others = stand_ins(entry, months["entity_id"], tables, settings, as_of)
            wider = panel(months, metric, [*units, *others], MONTHS)
            rung = ladder.comparison(wider, wider.taken_up(entry.adopted), is_named=False)
            by_month, when = wider, wider.taken_up(entry.adopted)
        asked = entry.id in settings.synthetic_controls and is_primary and wider is not None
        mixture = estimated.by_synthetic(by_month, when, sign, level) if asked and rung is None else None
        if rung is not None:
            found = estimated.by_comparison(by_month, when, rung, sign, level)
        elif mixture is not None:
            found = mixture
        elif not is_primary:
            continue
        elif entry.state is State.PLANNED or not any(entry.adopted.values()):
            found = Finding(Method.NONE, "Nobody has taken it up yet.")
        else:
            weeks = compute(tables, settings, as_of, (metric,), (entry.kind,), (WEEKS,))
            looked_at = panel(weeks, metric, units, WEEKS)
            counts = _events(looked_at) if metric.estimator is Estimator.RATE else None
            found = estimated.alone(looked_at, looked_at.taken_up(entry.adopted), sign, level, counts, True)
        first = looked_at.starts[0] if looked_at.starts else None
        made.append(
            Looked(
                entry,
                metric,
                PRIMARY if is_primary else EXPLORATORY,
                found,
                guards.overlaps(entry, known, settings, first, looked_at.end, found.compared > 0, tables["ownership"]),
            )
        )
    return made


def _events(weeks: Panel) -> tuple[np.ndarray, np.ndarray]:
    """Events and days in which they were counted, per unit and week."""
    return weeks.n.astype(float), np.where(np.isnan(weeks.values), 0.0, 7.0)


def rows(looked: Sequence[Looked], settings: Settings) -> pl.DataFrame:
    """The rows of :func:`impact` that tell what was looked at."""
    chances = np.array([one.found.p if one.role == EXPLORATORY else np.nan for one in looked])
    adjusted = multiplicity.adjusted(chances)
    told = [_row(one, float(p), settings) for one, p in zip(looked, adjusted, strict=True)]
    return pl.DataFrame(told, schema=COLUMNS, orient="row").sort("intervention_id", pl.col("role") != PRIMARY, "metric")


def _row(one: Looked, p_adjusted: float, settings: Settings) -> dict[str, Any]:
    entry, metric, found, level = one.entry, one.metric, one.found, settings.rules.level
    is_primary = one.role == PRIMARY
    sign = entry.sign if is_primary or metric is None else 1 if metric.better == "higher" else -1
    smallest = entry.smallest if is_primary else None
    number = amounts(metric.unit if metric else "")
    speaking = list(guards.seen(entry, found, one.overlapping, level, number, sign))
    told = verdict.said(found, sign, smallest, entry.state, any(g.forbids for g in speaking), number, level, p_adjusted)
    if metric is None or not _can_be_judged(metric, entry.kind):
        told = verdict.Said(Verdict.NOT_MEASURED, "", "An entry that names a metric which is measured for such units.")
    cautions = [told.because, *(g.says for g in speaking)]
    if not is_primary:
        cautions.append("Not named beforehand: a hint for the next entry, and no result.")
    return {
        "scope": "org", "entity_id": ORG, "intervention_id": entry.id, "component": entry.component, "hypothesis": entry.hypothesis,
        "metric": metric.name if metric else entry.metric, "role": one.role, "direction": "up" if sign > 0 else "down", "smallest_effect": smallest,
        "unit": metric.unit if metric else None, "state": entry.state.value, "registered_at": entry.registered_at, "review_on": entry.review_on,
        "method": found.method.value, "why": found.why, "adopted": found.adopted, "compared": found.compared,
        "periods_before": found.periods_before, "periods_after": found.periods_after,
        "effect": _told(found.effect), "low": _told(found.low), "high": _told(found.high), "level": level, "n": found.n, "missing": found.missing,
        "p": _told(found.p), "p_adjusted": _told(p_adjusted), "detectable": _told(found.detectable), "pretrend_p": _told(found.pretrend_p),
        "pretrend_detectable": _told(found.pretrend_detectable), "placebo_p": _told(found.placebo_p), "robust_to": _told(found.robust_to),
        "expected_by_chance": _told(found.expected), "overlaps": ",".join(sorted({o.name for o in one.overlapping})) or None,
        "verdict": told.verdict.value, "caution": " ".join(filter(None, cautions)) or None, "would_change": told.would_change,
    }  # fmt: skip


def _courses(looked: Sequence[Looked]) -> pl.DataFrame:
    rows = [
        ("org", ORG, one.entry.id, one.metric.name if one.metric else one.entry.metric, event, *map(_told, ends), units)
        for one in looked
        for event, *ends, units in one.found.course
    ]
    return pl.DataFrame(rows, schema=COURSE_COLUMNS, orient="row").sort("intervention_id", "metric", "event_period")


def _weeks(looked: Sequence[Looked]) -> pl.DataFrame:
    rows = [
        ("org", ORG, one.entry.id, one.metric.name if one.metric else one.entry.metric,
         week.start, week.side, _told(week.value), week.n, *map(_told, week[4:]))
        for one in looked
        for week in one.found.weeks
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=WEEKS_COLUMNS, orient="row").sort("intervention_id", "metric", "period_start")


def _cells(looked: Sequence[Looked]) -> pl.DataFrame:
    parts = [_cells_of(one, one.metric, one.found.counted) for one in looked if one.metric and one.found.counted]
    empty = pl.DataFrame(schema=CELL_COLUMNS)
    return pl.concat([empty, *parts]).sort(
        "intervention_id", pl.col("role") != PRIMARY, "metric", "unit_id", "period_start"
    )


def _cells_of(one: Looked, metric: Metric, made_of: Counted) -> pl.DataFrame:
    months = made_of.panel
    known = ~np.isnan(months.values)
    unit, period = np.nonzero(made_of.looked & (known | (months.n > 0) | (months.missing > 0)))
    when, size = made_of.when[unit], len(months.starts)
    counts = made_of.cells[unit, period]
    later = np.select([period < when, period == when], [BEFORE, BETWEEN], AFTER)
    side = np.where(~counts, NOT_COUNTED, np.where(when >= size, NOT_TAKEN_UP, later))
    took, compared = made_of.took[unit], made_of.compared[unit]
    stands = np.select([took & compared, took, compared], [BOTH, TOOK_UP, COMPARED], NEITHER)
    values = months.values[unit, period]
    frame = pl.DataFrame(
        {
            "unit_id": pl.Series(months.units, dtype=pl.String).gather(unit), "period_start": pl.Series(months.starts, dtype=pl.Date).gather(period),
            "unit_is": stands, "side": side, "value": np.exp(values) if months.is_ratio else values,
            "n": months.n[unit, period], "missing": months.missing[unit, period],
        }
    )  # fmt: skip
    every = WEEKS if one.found.compared == 0 else MONTHS
    given = {
        "intervention_id": one.entry.id, "metric": metric.name, "role": one.role, "every": every,
        "unit_kind": one.entry.kind, "unit": metric.unit,
    }  # fmt: skip
    return frame.with_columns(pl.col("value").fill_nan(None), *(pl.lit(text).alias(name) for name, text in given.items())).select(
        pl.col(name).cast(dtype) for name, dtype in CELL_COLUMNS.items()
    )  # fmt: skip


def _told(value: float) -> float | None:
    """To what the last bits of a sum, which depend on the number of threads, do not reach."""
    return float(f"{value:.9g}") if math.isfinite(value) else None
