"""An effect by time from taking something up: what lay before, which should be nothing, and what came since, each with its interval."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.charts.chart import Chart, drawn
from idp_analytics.charts.palette import OWN, QUIET
from idp_analytics.charts.wording import count, duration, effect, is_share, named, size

BEFORE, SINCE = "before it was taken up", "since"
KINDS = {BEFORE: QUIET, SINCE: OWN}

TOLD = 4
"""So many periods from taking up are told one by one: what is new wears off, and one number would hide that."""

FEWEST = 5
"""Units below which a period is not drawn beside others that have as many: those of few units say little and spread wide."""

_ROW = {
    "at": pl.Int64,
    "kind": pl.String,
    "value": pl.Float64,
    "from": pl.Float64,
    "to": pl.Float64,
    "units": pl.Int64,
    "shown": pl.String,
}
_MARKS = {"value": pl.Float64, "nothing": pl.Float64, "taken_up": pl.Float64}
"""The three straight lines: the smallest effect that would matter, no effect, and taking up, which lies before the first period since."""


def chart(course: pl.DataFrame, title: str, unit: str, every: str, smallest: float | None = None) -> Chart:
    """A point per period from taking up. ``course``: ``event_period`` (0: the one in which it was taken up), ``effect``, ``low``, ``high`` (in the
    metric's ``unit``; null: no bound), ``units``; at least one row with an effect.

    ``every``: what a period is called (month, week). ``smallest``: the smallest effect that would matter, with its sign; drawn dotted. Periods of fewer than
    :data:`FEWEST` units, whose intervals would press all others flat, are left out where others are left, and the description says how many.
    """
    known = course.drop_nulls("effect").sort("event_period").to_dicts()
    rows = [row for row in known if row["units"] >= FEWEST] or known
    factor, axis = _axis(rows, unit)
    marks = {"value": None if smallest is None else factor * smallest, "nothing": 0.0, "taken_up": -0.5}
    below = [f"{named(every)}s from taking it up"]
    if smallest is not None:
        below.append(f"dotted: the smallest effect that would matter, {size(smallest, unit)}")
    return drawn(
        "event study", {"course": pl.DataFrame([_row(row, unit, factor) for row in rows], schema=_ROW), "marks": pl.DataFrame([marks], schema=_MARKS)},
        title, _described(rows, title, unit, every, len(known) - len(rows)), below=below, axis=axis, kinds=list(KINDS), colours=list(KINDS.values()),
    )  # fmt: skip


def _axis(rows: list[dict[str, Any]], unit: str) -> tuple[float, str]:
    """What to multiply effects with, and the axis title: shares in points, durations in the unit that suits the largest."""
    if is_share(unit):
        return 100.0, "points"
    if unit != "hours":
        return 1.0, named(unit)
    factor, word = duration(max(abs(row["effect"]) for row in rows))
    return factor, {"min": "minutes", "h": "hours"}.get(word, word)


def _row(row: dict[str, Any], unit: str, factor: float) -> dict[str, Any]:
    value, low, high = (None if row[name] is None else factor * row[name] for name in ("effect", "low", "high"))
    return {
        "at": row["event_period"], "kind": BEFORE if row["event_period"] < 0 else SINCE, "value": value, "from": low, "to": high,
        "units": row["units"], "shown": effect(row["effect"], row["low"], row["high"], unit),
    }  # fmt: skip


def _described(rows: list[dict[str, Any]], title: str, unit: str, every: str, left_out: int) -> str:
    """The sentence a reader who cannot see the chart gets: whether anything lay before, and the first periods since one by one."""
    before = [row for row in rows if row["event_period"] < 0]
    since = [row for row in rows if row["event_period"] >= 0]
    apart = sum(_is_apart(row) for row in before)
    told = [f"before, the intervals of {apart:,} of {count(len(before), every)} leave zero out"] if before else []
    told += [f"{every} {row['event_period']}: {effect(row['effect'], row['low'], row['high'], unit)}" for row in since[:TOLD]]  # fmt: skip
    if len(since) > TOLD:
        last = since[-1]
        told.append(f"{every} {last['event_period']}, the last: {effect(last['effect'], last['low'], last['high'], unit)}")  # fmt: skip
    if left_out:
        told.append(f"not drawn: {count(left_out, every)} with fewer than {FEWEST} units")
    return f"{title} by {every} from taking it up: {'; '.join(told)}."


def _is_apart(row: dict[str, Any]) -> bool:
    low, high = row["low"], row["high"]
    return (low is not None and low > 0) or (high is not None and high < 0)


def drawing() -> dict[str, Any]:
    """The template, built and validated by Altair."""
    import altair as alt

    along = alt.Axis(tickMinStep=1, format="d", grid=False, labelOverlap="greedy")
    x, taken_up = (
        alt.X(f"{name}:Q", title=["{below}"], axis=along, scale=alt.Scale(padding=14, nice=False))
        for name in ("at", "taken_up")
    )
    value, low, nothing = (
        alt.Y(f"{name}:Q", title="{axis}", axis=alt.Axis(format=",~r", tickCount=5), scale=alt.Scale(zero=True))
        for name in ("value", "from", "nothing")
    )
    legend = alt.Legend(title=None, orient="top")
    colour = alt.Color("kind:N", scale=alt.Scale(domain=["{kinds}"], range=["{colours}"]), legend=legend)
    shape = alt.Shape("kind:N", scale=alt.Scale(domain=["{kinds}"], range=["diamond", "circle"]), legend=legend)
    base = alt.Chart(alt.NamedData("course")).encode(
        x=x,
        tooltip=[
            alt.Tooltip("at:Q", title="from taking it up"), alt.Tooltip("kind:N", title="when"), alt.Tooltip("shown:N", title="difference"),
            alt.Tooltip("units:Q", title="units"),
        ],
    )  # fmt: skip
    line = alt.Chart(alt.NamedData("marks"))
    spec: dict[str, Any] = (
        alt.layer(
            line.mark_rule(color=QUIET, strokeWidth=1.5).encode(y=nothing),
            line.mark_rule(color=QUIET, strokeWidth=1.5, strokeDash=[5, 3]).encode(x=taken_up),
            line.transform_filter("isValid(datum.value)").mark_rule(color=OWN, strokeWidth=1.5, strokeDash=[2, 4]).encode(y=value),
            base.transform_filter("isValid(datum.from) && isValid(datum.to)").mark_rule(strokeWidth=2, opacity=0.7).encode(
                y=low, y2="to:Q", color=colour
            ),
            base.mark_point(size=70, filled=True, opacity=1).encode(y=value, color=colour, shape=shape),
        )
        .properties(height=240)
        .to_dict()
    )  # fmt: skip
    return spec
