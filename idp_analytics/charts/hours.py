"""Pages by the hour they come at, each against how many such hours somebody was on call: a bar and an interval each."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.charts.chart import Chart, drawn
from idp_analytics.charts.palette import OWN, QUIET
from idp_analytics.charts.wording import count, interval, named, period, quantity, significant

_STEP = 30
"""Height of a bar's row, in pixels."""

CALLED = {
    "working": "working time", "evening": "evening", "night": "night", "weekend": "weekend", "holiday": "holiday",
}  # fmt: skip
"""Class of hours → what it is called, in the order drawn."""

UNIT = "pages per shift"

_ROW = {
    "label": pl.String,
    "kind": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "shown": pl.String,
    "interval": pl.String,
    "n": pl.Int64,
    "hours": pl.String,
}

KINDS = ("working time", "out of hours")


def chart(rows: pl.DataFrame, name: str) -> Chart:
    """One bar per class of hours: pages per as many hours of that class as a shift has.

    ``rows``: rows of the study ``page_load`` of one entity and period, at least one class with hours on call. A class
    without such hours (no holiday) has no line. Hours of which no page is known keep theirs: the interval says how many
    there may be.
    """
    found = {row["hour_class"]: row for row in rows.to_dicts() if row["hours"]}
    drawn_rows = [_row(found[name], word) for name, word in CALLED.items() if name in found]
    whole, shift = found["all"], next(iter(found.values()))["shift_hours"]
    said = "; ".join(f"{row['label']}: {row['shown']} (interval {row['interval']})" for row in drawn_rows)
    return drawn(
        "hours", {"hours": pl.DataFrame(drawn_rows, schema=_ROW)}, f"Pages by hour, {period(whole['period'])}",
        f"{named(name)}, {count(whole['n'], 'page')} in all, per {significant(shift)} hours on call: {said}.",
        height=_STEP * len(drawn_rows), labels=[row["label"] for row in drawn_rows],
        axis=f"pages per {significant(shift)} such hours on call",
    )  # fmt: skip


def _row(row: dict[str, Any], word: str) -> dict[str, Any]:
    return {
        "label": f"{word}, n {row['n']:,}",
        "kind": KINDS[row["hour_class"] != "working"],
        "value": row["value"],
        "low": row["low"],
        "high": row["high"],
        "shown": quantity(row["value"], UNIT),
        "interval": interval(row["low"], row["high"], UNIT, row["value"] or row["high"]),
        "n": row["n"],
        "hours": f"{row['hours']:,.0f}",
    }


def drawing() -> dict[str, Any]:
    """The template, built and validated by Altair."""
    import altair as alt

    base = alt.Chart().encode(
        y=alt.Y("label:N", title=None, scale=alt.Scale(domain=["{labels}"]), axis=alt.Axis(labelLimit=190, grid=False)),
        tooltip=[
            alt.Tooltip("label:N", title="hours"), alt.Tooltip("shown:N", title="value"), alt.Tooltip("interval:N"),
            alt.Tooltip("n:Q", title="pages"), alt.Tooltip("hours:N", title="hours on call"),
        ],
    )  # fmt: skip
    value, low = (
        alt.X(f"{c}:Q", title="{axis}", axis=alt.Axis(tickCount=5), scale=alt.Scale(zero=True))
        for c in ("value", "low")
    )
    colour = alt.Color(
        "kind:N", scale=alt.Scale(domain=list(KINDS), range=[QUIET, OWN]), legend=alt.Legend(title=None, orient="top")
    )
    spec: dict[str, Any] = (
        alt.layer(
            base.mark_bar(height=14, opacity=0.45).encode(x=value, color=colour),
            base.mark_rule(strokeWidth=2).encode(x=low, x2="high:Q", color=colour),
            data=alt.NamedData("hours"),
        )
        .properties(height=_STEP)
        .to_dict()
    )
    return spec
