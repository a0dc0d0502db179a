"""By when something happened first, in one way or another: cumulative incidence of ways that compete, with interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from idp_analytics.charts.chart import Chart, drawn, thinned
from idp_analytics.charts.palette import OWN, QUIET, WARNING
from idp_analytics.charts.wording import count, interval, quantity

UNIT = "share of services"

_ROW = {
    "way": pl.String, "day": pl.Int64, "share": pl.Float64, "low": pl.Float64, "high": pl.Float64, "at_risk": pl.Int64,
    "shown": pl.String, "interval": pl.String,
}  # fmt: skip


def chart(curves: pl.DataFrame, names: Mapping[str, str], title: str, axis: str, noun: str) -> Chart:
    """One curve per way. ``curves``: ``adoption``, ``k``, ``day``, ``at_risk``, ``share``, ``low``, ``high`` (steps of the study
    ``adoption_incidence``; rows without a share are not drawn).

    ``names``: way → what it is called, in the order of the legend, three at most; ``axis``, ``noun``: what days and shares are. The
    curves add up to the share to which it happened at all. A band is the interval; a curve ends with the last thing that happened.
    """
    told = thinned(curves.drop_nulls("share"), "adoption").sort("adoption", "day").to_dicts()
    sizes = {row["adoption"]: row["k"] for row in told}
    called = {way: f"{name}, {sizes[way]:,}" for way, name in names.items() if way in sizes}
    rows = [
        {
            "way": called[row["adoption"]], **{name: row[name] for name in ("day", "share", "low", "high", "at_risk")},
            "shown": quantity(row["share"], UNIT), "interval": interval(row["low"], row["high"], UNIT, row["share"]),
        }
        for row in told if row["adoption"] in called
    ]  # fmt: skip
    ends = {row["adoption"]: row for row in told}
    said = "; ".join(
        f"{name}: {quantity(ends[way]['share'], UNIT)} (interval {interval(ends[way]['low'], ends[way]['high'], UNIT, ends[way]['share'])}) "
        f"after {count(ends[way]['day'], 'day')}"
        for way, name in called.items()
    )  # fmt: skip
    return drawn(
        "incidence", {"curves": pl.DataFrame(rows, schema=_ROW)}, title, f"{said[:1].upper()}{said[1:]}.",
        kinds=list(called.values()), colours=[OWN, QUIET, WARNING][: len(called)], axis=axis, noun=noun,
    )  # fmt: skip


def drawing() -> dict[str, Any]:
    """The template, built and validated by Altair."""
    import altair as alt

    legend = alt.Legend(
        title=None, orient="top", labelLimit=260, symbolType="stroke", symbolOpacity=1, symbolStrokeWidth=2, columns=1
    )
    base = alt.Chart().encode(
        x=alt.X("day:Q", title="{axis}", axis=alt.Axis(tickMinStep=1, tickCount=6, grid=False)),
        color=alt.Color("way:N", scale=alt.Scale(domain=["{kinds}"], range=["{colours}"]), legend=legend),
        tooltip=[
            alt.Tooltip("way:N", title="joined"), alt.Tooltip("day:Q", title="day"), alt.Tooltip("shown:N", title="{noun}"),
            alt.Tooltip("interval:N"), alt.Tooltip("at_risk:Q", title="not joined until then"),
        ],
    )  # fmt: skip
    share, low = (
        alt.Y(f"{c}:Q", title="{noun}", axis=alt.Axis(format="~%", tickCount=5), scale=alt.Scale(domainMin=0))
        for c in ("share", "low")
    )
    dash = alt.StrokeDash("way:N", scale=alt.Scale(domain=["{kinds}"], range=[[1, 0], [6, 3], [2, 2]]), legend=legend)
    spec: dict[str, Any] = (
        alt.layer(
            base.mark_area(interpolate="step-after", opacity=0.12).encode(y=low, y2="high:Q"),
            base.mark_line(interpolate="step-after", strokeWidth=2).encode(y=share, strokeDash=dash),
            base.mark_point(size=30, filled=True, opacity=1).encode(y=share),
            data=alt.NamedData("curves"),
        )
        .properties(height=240)
        .to_dict()
    )
    return spec
