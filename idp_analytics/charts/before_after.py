"""One series before and after a change: what was seen week by week, the level as it was and is, and what there was to expect without it."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.charts.chart import Chart, drawn
from idp_analytics.charts.palette import OWN, QUIET
from idp_analytics.charts.wording import count, duration, interval, is_share, period, quantity
from idp_analytics.periods import label

BEFORE, SINCE = "before it was taken up", "since"
KINDS = {BEFORE: QUIET, SINCE: OWN}
LIMITS, EXPECTED = "natural process limits, frozen as they were before", "its interval"
"""What the grey band may be: of single weeks, or of the level to expect without the change."""
AFTER = "after"

_LINES = ("value", "fitted", "without", "low", "high")
_ROW = {
    "period": pl.String,
    "kind": pl.String,
    "side": pl.String,
    **dict.fromkeys(_LINES, pl.Float64),
    "taken_up": pl.Boolean,
    "shown": pl.String,
    "expected": pl.String,
    "n": pl.Int64,
}


def chart(weeks: pl.DataFrame, title: str, unit: str, band: str) -> Chart:
    """``weeks``: ``period_start``, ``side`` (before, while it was taken up, after), ``value``, ``n``, ``fitted``, ``without``, ``low``, ``high`` of one metric (study
    ``impact_weeks``), at least one with a value. A point per week; the line is the level as it was and is, dashed what there was to expect without the change; the grey
    ``band`` is its interval (:data:`EXPECTED`) or the limits (:data:`LIMITS`). An upright line where it was taken up.
    """
    found = weeks.sort("period_start").to_dicts()
    factor, axis = _axis(weeks, unit)
    first = next((at for at, row in enumerate(found) if row["side"] != "before"), None)
    rows = [_row(row, unit, factor, at == first) for at, row in enumerate(found)]
    return drawn(
        "before and after", {"weeks": pl.DataFrame(rows, schema=_ROW)}, f"{title} by week", _described(found, title, unit, band),
        axis=axis, format="~%" if is_share(unit) else ",~r", below=[f"dashed: the level to expect without it; grey: {band}"],
        kinds=list(KINDS), colours=list(KINDS.values()),
    )  # fmt: skip


def _axis(weeks: pl.DataFrame, unit: str) -> tuple[float, str]:
    if unit != "hours":
        return 1.0, unit
    factor, word = duration(weeks.select(pl.max_horizontal(pl.col("value", "fitted").max(), 0.0)).item())
    return factor, {"min": "minutes", "h": "hours"}.get(word, word)


def _row(row: dict[str, Any], unit: str, factor: float, is_first: bool) -> dict[str, Any]:
    scaled = {name: None if row[name] is None else factor * row[name] for name in _LINES}
    expected = row["without"] if row["without"] is not None else row["fitted"]
    return {
        "period": label(row["period_start"], "1w"), "kind": BEFORE if row["side"] == "before" else SINCE, "side": row["side"], **scaled,
        "taken_up": is_first, "shown": quantity(row["value"], unit), "n": row["n"],
        "expected": "" if row["low"] is None else f"{quantity(expected, unit)}, {interval(row['low'], row['high'], unit, expected)}",
    }  # fmt: skip


def _described(found: list[dict[str, Any]], title: str, unit: str, band: str) -> str:
    """For a reader who cannot see the chart: how many weeks, the level before and after, and the last week's expected one."""
    seen = [row for row in found if row["value"] is not None]
    since = [row for row in found if row["side"] == AFTER and row["value"] is not None]
    first = next((row for row in found if row["side"] != "before"), None)
    before = next((row["fitted"] for row in reversed(found) if row["side"] == "before" and row["fitted"] is not None), None)  # fmt: skip
    told = [f"{count(len(seen), 'week')} with a value, {period(label(seen[0]['period_start'], '1w'))} to {period(label(seen[-1]['period_start'], '1w'))}"]  # fmt: skip
    if first is not None:
        told.append(f"taken up in {period(label(first['period_start'], '1w'))}")
    if before is not None:
        told.append(f"the level just before: {quantity(before, unit)}")
    if since:
        last = since[-1]
        if band == LIMITS:
            told.append(f"of {count(len(since), 'week')} after, {_outside(since):,} outside of the limits")
        if last["fitted"] is not None and last["without"] is not None:
            told.append(
                f"in the last week the level is {quantity(last['fitted'], unit)}, and {quantity(last['without'], unit)} "
                f"({interval(last['low'], last['high'], unit, last['without'])}) without it"
            )
    return f"{title} by week: {'; '.join(told)}."


def _outside(rows: list[dict[str, Any]]) -> int:
    return sum(row["low"] is not None and not row["low"] <= row["value"] <= row["high"] for row in rows)


def drawing() -> dict[str, Any]:
    """The template, built and validated by Altair."""
    import altair as alt

    x = alt.X(
        "period:O", title=["{below}"], sort="ascending", scale=alt.Scale(type="band"),
        axis=alt.Axis(labelAngle=0, labelOverlap="greedy", grid=False),
    )  # fmt: skip
    value, fitted, without, low = (
        alt.Y(f"{name}:Q", title="{axis}", axis=alt.Axis(format="{format}", tickCount=5), scale=alt.Scale(zero=True))
        for name in ("value", "fitted", "without", "low")
    )
    colour = alt.Color(
        "kind:N", scale=alt.Scale(domain=["{kinds}"], range=["{colours}"]), legend=alt.Legend(title=None, orient="top")
    )
    shape = alt.Shape("kind:N", scale=alt.Scale(domain=["{kinds}"], range=["diamond", "circle"]), legend=alt.Legend(title=None, orient="top"))  # fmt: skip
    tooltip = [
        alt.Tooltip("period:N", title="week"), alt.Tooltip("kind:N", title="when"), alt.Tooltip("shown:N", title="value"),
        alt.Tooltip("expected:N", title="to expect"), alt.Tooltip("n:Q", title="n"),
    ]  # fmt: skip

    def where(test: str) -> Any:
        return alt.Chart().transform_filter(test).encode(x=x)

    spec: dict[str, Any] = (
        alt.layer(
            where("isValid(datum.low)").mark_area(color=QUIET, opacity=0.18, interpolate="linear").encode(y=low, y2="high:Q"),
            where("datum.taken_up").mark_rule(color=QUIET, strokeWidth=1.5, strokeDash=[2, 2]).encode(
                y=alt.value(0), y2=alt.value("height")
            ),
            where("isValid(datum.fitted)").mark_line(strokeWidth=2.5).encode(y=fitted, detail="side:N", color=colour),
            where("isValid(datum.without)").mark_line(color=QUIET, strokeWidth=2, strokeDash=[6, 4]).encode(y=without),
            where("isValid(datum.value)").mark_point(size=45, filled=True, opacity=0.9).encode(
                y=value, color=colour, shape=shape, tooltip=tooltip
            ),
            data=alt.NamedData("weeks"),
        )
        .properties(height=240)
        .to_dict()
    )  # fmt: skip
    return spec
