"""A process behaviour chart: every week beside the limits of what the process does by itself; signals have their own shape."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.charts.chart import Chart, drawn
from idp_analytics.charts.palette import OWN, QUIET, WARNING
from idp_analytics.charts.trend import EVERY
from idp_analytics.charts.wording import count, duration, interval, is_share, period, quantity

USUAL = "within the limits"
NO_LIMITS = "no limits to judge by"
UNJUDGED = "partial or left out"

SHAPES: dict[str, tuple[str, str]] = {
    USUAL: ("circle", OWN),
    NO_LIMITS: ("circle", QUIET),
    "long run": ("diamond", WARNING),
    "above the limits": ("triangle-up", WARNING),
    "below the limits": ("triangle-down", WARNING),
}
"""What a judged point may be, its shape and its colour: no signal is told by colour alone. Points not judged are hollow."""


def chart(weeks: pl.DataFrame, title: str) -> Chart:
    """Value, centre and natural process limits by week of one entity and one metric.

    ``weeks``: rows of the study ``process_behaviour``, one entity and metric, at least one with a value. Circles are weeks
    within the limits, triangles weeks above or below, diamonds weeks of an unusually long run, hollow circles weeks that
    are partial or were left out. The grey line is the centre, the band the limits; a dashed upright line begins a phase.
    """
    found = sorted(weeks.to_dicts(), key=lambda week: week["period_start"])
    unit = found[0]["unit"]
    factor, axis = _axis(found, unit)
    rows = [_row(row, before, unit, factor) for row, before in zip(found, [None, *found[:-1]], strict=True)]
    kinds = [kind for kind in SHAPES if any(row["kind"] == kind and row["value"] is not None for row in rows)]
    return drawn(
        "process", {"weeks": rows}, f"{title} by {EVERY[found[0]['every']]}", _described(found, rows, title),
        axis=axis, format="~%" if is_share(unit) else ",~r", kinds=kinds,
        shapes=[SHAPES[kind][0] for kind in kinds], colours=[SHAPES[kind][1] for kind in kinds],
    )  # fmt: skip


def _axis(weeks: list[dict[str, Any]], unit: str) -> tuple[float, str]:
    if unit != "hours":
        return 1.0, unit
    known = (week[name] for week in weeks for name in ("value", "upper") if week[name] is not None)
    factor, word = duration(max(known, default=0.0))
    return factor, {"min": "minutes", "h": "hours"}.get(word, word)


def _row(row: dict[str, Any], before: dict[str, Any] | None, unit: str, factor: float) -> dict[str, Any]:
    scaled = {c: None if row[c] is None else factor * row[c] for c in ("value", "centre", "lower", "upper")}
    if row["is_partial"] or row["outlier"] is not None:
        kind = UNJUDGED
    else:
        kind = row["signal"] or (USUAL if row["lower"] is not None else NO_LIMITS)
    return {
        "period": row["period"], **scaled, "kind": kind, "phase": row["phase"], "cause": row["phase_cause"],
        "starts": before is not None and row["phase"] != before["phase"], "shown": quantity(row["value"], unit),
        "limits": interval(row["lower"], row["upper"], unit, row["centre"]), "n": row["n"],
        "why": row["outlier"] or ("partial week" if row["is_partial"] else ""),
    }  # fmt: skip


def _described(found: list[dict[str, Any]], rows: list[dict[str, Any]], title: str) -> str:
    """Span, limits now, and which weeks stand out, for a reader who cannot see the chart."""
    first, last, unit = found[0], found[-1], found[0]["unit"]
    span = period(first["period"]) if first is last else f"{period(first['period'])} to {period(last['period'])}"
    parts = []
    if last["lower"] is not None:
        parts.append(
            f"centre {quantity(last['centre'], unit)}, natural process limits "
            f"{interval(last['lower'], last['upper'], unit, last['centre'])} in the last week"
        )
    for kind in ("above the limits", "below the limits", "long run"):
        weeks = [row["period"] for row in rows if row["kind"] == kind]
        if weeks:
            shown = " and ".join(period(week) for week in (weeks if len(weeks) < 3 else (weeks[0], weeks[-1])))
            parts.append(f"{count(len(weeks), 'week')} {kind} ({shown if len(weeks) < 3 else 'between ' + shown})")
    if not any(row["kind"] in ("above the limits", "below the limits", "long run") for row in rows):
        parts.append("no signal")
    parts += [f"a phase begins in {period(row['period'])}: {row['cause']}" for row in rows if row["starts"]]
    return f"{title} by week, {span}: {'; '.join(parts)}."


def drawing() -> dict[str, Any]:
    """The template, built and validated by Altair."""
    import altair as alt

    x = alt.X(
        "period:O", title=None, sort="ascending", scale=alt.Scale(type="band"),
        axis=alt.Axis(labelAngle=0, labelOverlap="greedy", grid=False),
    )  # fmt: skip
    value, lower, centre, upper = (
        alt.Y(f"{c}:Q", title="{axis}", axis=alt.Axis(format="{format}", tickCount=5), scale=alt.Scale(zero=True))
        for c in ("value", "lower", "centre", "upper")
    )
    tooltip = [
        alt.Tooltip("period:N", title="week"), alt.Tooltip("shown:N", title="value"), alt.Tooltip("limits:N", title="limits"),
        alt.Tooltip("n:Q", title="n"), alt.Tooltip("kind:N", title="is"), alt.Tooltip("why:N", title="because"),
        alt.Tooltip("cause:N", title="phase since"),
    ]  # fmt: skip
    legend = alt.Legend(title=None, orient="top", columns=3, labelLimit=180)
    shape = alt.Shape("kind:N", scale=alt.Scale(domain=["{kinds}"], range=["{shapes}"]), legend=legend)
    colour = alt.Color("kind:N", scale=alt.Scale(domain=["{kinds}"], range=["{colours}"]), legend=legend)

    def where(test: str) -> Any:
        return alt.Chart().transform_filter(test).encode(x=x)

    limits, dots = "isValid(datum.lower)", "isValid(datum.value)"
    hollow = f"datum.kind == '{UNJUDGED}'"
    edge = {"color": QUIET, "strokeWidth": 1.5, "strokeDash": [5, 3], "interpolate": "step"}
    spec: dict[str, Any] = (
        alt.layer(
            where(limits).mark_area(color=QUIET, opacity=0.1, interpolate="step").encode(y=lower, y2="upper:Q", detail="phase:N"),
            where(limits).mark_line(**edge).encode(y=lower, detail="phase:N"),
            where(limits).mark_line(**edge).encode(y=upper, detail="phase:N"),
            where(limits).mark_line(color=QUIET, strokeWidth=1.5).encode(y=centre, detail="phase:N"),
            where("datum.starts").mark_rule(color=QUIET, strokeDash=[2, 2], strokeWidth=1.5).encode(
                y=alt.value(0), y2=alt.value("height"), tooltip=tooltip
            ),
            where("datum.starts").mark_text(color=QUIET, align="left", dx=4, dy=6, limit=160, fontSize=11).encode(
                y=alt.value(0), text="cause:N"
            ),
            where(dots).mark_line(color=OWN, strokeWidth=1, opacity=0.5).encode(y=value),
            where(f"{dots} && !({hollow})").mark_point(size=55, filled=True, opacity=1).encode(
                y=value, color=colour, shape=shape, tooltip=tooltip
            ),
            where(f"{dots} && {hollow}").mark_point(size=55, filled=False, strokeWidth=2, opacity=1, color=OWN).encode(
                y=value, tooltip=tooltip
            ),
            data=alt.NamedData("weeks"),
        )
        .properties(height=240)
        .to_dict()
    )  # fmt: skip
    return spec
