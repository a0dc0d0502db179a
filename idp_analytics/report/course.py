"""The course of one metric: is a week a signal or noise, and does the number move over the months?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from idp_analytics.charts import process
from idp_analytics.charts.wording import count, duration, interval, is_share, period, quantity, significant
from idp_analytics.metrics import by_name
from idp_analytics.periods import parse
from idp_analytics.report import cells
from idp_analytics.report.section import Section
from idp_analytics.report.view import View

WEEKS = 53
"""How many weeks a chart goes back at most: a year."""


def course(view: View, name: str) -> Section:
    """The section on the course of the metric called ``name``; raises :class:`ReportError` for one that does not exist."""
    metric = by_name(name)
    of_metric = pl.col("metric") == name, pl.col("period_start") < view.period.end
    rows = view.asked(
        "process_behaviour",
        ("course", name, view.period),
        lambda found: found.filter(*of_metric).sort("entity_id", "period_start"),
    )
    told = rows.to_dicts()
    shown = told[-WEEKS:]
    drawable = any(row["value"] is not None for row in shown)
    return Section(
        question="Is this a signal or noise?",
        answer=" ".join((_signals(view, told), *_trend(view, name))),
        chart=process.chart(rows.tail(WEEKS), metric.title) if drawable else None,
        tables=(
            cells.table(f"{metric.title} of {view.name} by week", map(_cells, shown), left=("Signal", "Phase since")),
        )
        if drawable
        else (),
        cautions=tuple(_cautions(shown)),
        trace=view.trace(name) if drawable and not metric.about_people else "",
        metrics=(metric,),
    )


def _signals(view: View, rows: list[dict[str, Any]]) -> str:
    """What the weeks that begin in the period say."""
    when = period(view.period.label)
    judged = [row for row in rows if row["value"] is not None and not row["is_partial"] and row["outlier"] is None]
    now = [row for row in judged if row["period_start"] >= view.period.start]
    if not now:
        return f"No complete week with a value begins in {when}, so nothing can be said of its weeks."
    chance = now[-1]["false_alarm_probability"]
    if chance is None:
        return f"{count(len(now), 'complete week')} in {when}, but no limits to judge them by yet."
    outside = [row for row in now if row["signal"] in ("above the limits", "below the limits")]
    in_run = [row for row in now if row["signal"] == "long run"]
    weeks = count(len(now), "complete week")
    parts = []
    if outside:
        told = " and ".join(
            f"{count(n, 'lies', 'lie')} {side}"
            for side in ("above the limits", "below the limits")
            if (n := sum(row["signal"] == side for row in outside))
        )
        parts.append(told)
    if in_run:
        parts.append(f"{count(len(in_run), 'belongs', 'belong')} to a long run on one side of the median")
    head = (
        f"Of {weeks} in {when}, {' and '.join(parts)}: a signal; ask what changed."
        if parts
        else f"Of {weeks} in {when}, none is a signal: what differs from week to week is what this process does by itself."
    )
    points = now[-1]["points"]
    return (
        f"{head} In {count(points, 'week')} in which nothing changes, at least one would look like a signal with a "
        f"probability of {100 * chance:.0f} %."
    )


def _trend(view: View, name: str) -> Iterator[str]:
    """The sentence on the slope; none where the months reach past the report's period."""
    row = next(iter(view.by_metric("trend").get(name, ())), None)
    if row is None:
        return
    if parse(row["last_period"]).end > view.period.end:
        return
    span = f"{period(row['first_period'])} to {period(row['last_period'])}"
    months = count(row["n"], "month")
    if row["slope"] is None:
        yield f"No trend can be given: {months} with a value from {span}, 8 are needed."
        return
    p = "p < 0.001" if row["p"] < 0.001 else f"p = {significant(row['p'])}"
    bounds = (
        f"{100 * row['level']:g} % interval {_per_month(row['low'], row, bare=True)} to {_per_month(row['high'], row)}"
    )
    yield (
        f"Over {months} from {span} it moved by {_per_month(row['slope'], row)} a month ({bounds}; Mann–Kendall {p}): "
        f"{row['verdict']}."
    )


def _per_month(value: float, row: dict[str, Any], bare: bool = False) -> str:
    """A slope in the unit a reader knows the metric by, with its sign; the largest of slope and bounds sets the scale."""
    most = max(abs(row[name]) for name in ("slope", "low", "high"))
    unit = row["unit"]
    if is_share(unit):
        factor, word = 100.0, "points"
    elif unit == "hours":
        factor, word = duration(most)
    else:
        factor, word = 1.0, unit
    shown = significant(abs(value) * factor, most * factor)
    zero = not float(shown.replace(",", ""))
    return f"{'' if zero else '−' if value < 0 else '+'}{shown}{'' if bare else f' {word}'}"


def _cautions(rows: list[dict[str, Any]]) -> Iterator[str]:
    if not rows:
        return
    last = rows[-1]
    if last["caution"]:
        yield f"{last['caution'][0].upper()}{last['caution'][1:]}."
    if last["runs"]:
        yield f"The weeks of this phase as a whole show: {last['runs']} (Anhøj's rules); its level seems to have moved."
    for row in rows:
        if row["outlier"] is not None:
            yield f"{period(row['period'])[0].upper()}{period(row['period'])[1:]} is left out: {row['outlier']}."


def _cells(row: dict[str, Any]) -> dict[str, str]:
    unit = row["unit"]
    return {
        "Week": cells.period(row),
        "Value": quantity(row["value"], unit),
        "Interval": interval(row["low"], row["high"], unit, row["value"]),
        "n": f"{row['n']:,}",
        "Centre": quantity(row["centre"], unit),
        "Natural process limits": interval(row["lower"], row["upper"], unit, row["centre"]),
        "Signal": row["signal"] or ("left out" if row["outlier"] is not None else ""),
        "Phase since": row["phase_cause"] or "",
    }
