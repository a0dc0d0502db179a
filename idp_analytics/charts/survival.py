"""How many are there, or still there, after so many days: Kaplan–Meier curves with their interval and how many are still followed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from idp_analytics.charts.chart import Chart, drawn, thinned
from idp_analytics.charts.palette import OWN, QUIET
from idp_analytics.charts.wording import count, interval, quantity

UNIT = "share of newcomers"


TITLE = "Newcomers there, by days since their first"
SINCE = "days since the first day at work"
LABELS = 16
"""So many numbers of people followed fit side by side, on a phone too."""


def chart(
    curves: pl.DataFrame, names: Mapping[str, str], title: str = TITLE, axis: str = SINCE, noun: str = "share there"
) -> Chart:
    """The curves of one group. ``curves``: ``metric``, ``n``, ``day``, ``at_risk``, ``share``, ``low``, ``high`` of one metric or
    two, as the study ``newcomers`` has them where nothing is withheld.

    ``names``: metric → what its curve is called, in the order of the legend; ``axis``, ``noun``: what days and shares are.
    The share takes a step on each day something happened; the band is the interval; the number beside a step is how many
    were followed until then and to whom it had not happened. A curve ends where too few are followed to be shown.
    The numbers stand where there is room for them: side by side they would cover one another.
    """
    sizes = dict(zip(curves["metric"].to_list(), curves["n"].to_list(), strict=True))
    called = {metric: f"{name}, n {sizes[metric]:,}" for metric, name in names.items() if metric in sizes}
    told = sorted(thinned(curves, "metric").to_dicts(), key=lambda row: (row["metric"], row["day"]))
    room = max((row["day"] for row in told), default=0) / LABELS
    labelled: dict[str, int] = {}
    for row in told:
        row["beside"] = ""
        if row["day"] - labelled.get(row["metric"], 0) >= max(room, 1):
            row["beside"], labelled[row["metric"]] = f"{row['at_risk']:,}", row["day"]
    rows = [
        {
            "series": called[row["metric"]], "day": row["day"], "share": row["share"], "low": row["low"], "high": row["high"],
            "at_risk": row["at_risk"], "beside": row["beside"], "shown": quantity(row["share"], UNIT),
            "interval": interval(row["low"], row["high"], UNIT, row["share"]),
        }
        for row in told
    ]  # fmt: skip
    said = "; ".join(_said(name, [row for row in told if row["metric"] == metric]) for metric, name in called.items())
    return drawn(
        "survival", {"curves": rows}, title, f"{said[:1].upper()}{said[1:]}.",
        series=list(called.values()), colours=[OWN, QUIET][: len(called)], axis=axis, noun=noun,
    )  # fmt: skip


def _said(name: str, rows: list[dict[str, Any]]) -> str:
    last = rows[-1]
    share = quantity(last["share"], UNIT)
    if last["low"] is not None or last["high"] is not None:
        share += f" (interval {interval(last['low'], last['high'], UNIT, last['share'])})"
    return f"{name}: {share} after {count(last['day'], 'day')}, where the curve ends"


def drawing() -> dict[str, Any]:
    """The template, built and validated by Altair."""
    import altair as alt

    domain = alt.Scale(domain=["{series}"], range=["{colours}"])
    legend = alt.Legend(
        title=None, orient="top", labelLimit=260, symbolType="stroke", symbolOpacity=1, symbolStrokeWidth=2, columns=1
    )
    day = alt.X("day:Q", title="{axis}", axis=alt.Axis(tickMinStep=1, tickCount=6, grid=False))
    base = alt.Chart().encode(
        x=day,
        color=alt.Color("series:N", scale=domain, legend=legend),
        tooltip=[
            alt.Tooltip("series:N", title="of"), alt.Tooltip("day:Q", title="day"), alt.Tooltip("shown:N", title="{noun}"),
            alt.Tooltip("interval:N"), alt.Tooltip("at_risk:Q", title="followed until then"),
        ],
    )  # fmt: skip
    share, low = (
        alt.Y(f"{c}:Q", title="{noun}", axis=alt.Axis(format="~%", tickCount=5), scale=alt.Scale(domain=[0, 1]))
        for c in ("share", "low")
    )
    dash = alt.StrokeDash("series:N", scale=alt.Scale(domain=["{series}"], range=[[1, 0], [6, 3]]), legend=legend)
    spec: dict[str, Any] = (
        alt.layer(
            base.mark_area(interpolate="step-after", opacity=0.15).encode(y=low, y2="high:Q"),
            base.mark_line(interpolate="step-after", strokeWidth=2).encode(y=share, strokeDash=dash),
            base.mark_point(size=40, filled=True, opacity=1).encode(y=share),
            # Words in the colour of the page: that of a curve does not stand out enough for reading.
            alt.Chart()
            .mark_text(
                align="left", baseline="top", dx=5, dy=alt.ExprRef("datum.share < 0.06 ? -4 : 4")
            )  # not on the days below
            .encode(x=day, y=share, text="beside:N", detail="series:N"),
            data=alt.NamedData("curves"),
        )
        .properties(height=240)
        .to_dict()
    )
    return spec
