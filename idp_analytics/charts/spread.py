"""How far each of several things has spread by month, of all that it could reach, and the fitted curve where it is identified."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl

from idp_analytics.charts.chart import Chart, drawn
from idp_analytics.charts.palette import OWN, QUIET, WARNING
from idp_analytics.charts.wording import named, quantity

UNIT = "share of services"
MOST = 6
"""Lines that can still be told apart."""

_COLOURS = (OWN, WARNING, QUIET, OWN, WARNING, QUIET)
_DASHES = ([1, 0], [6, 3], [2, 2], [2, 2], [1, 0], [6, 3])

_ROW = {
    "month": pl.String, "path": pl.String, "share": pl.Float64, "curve": pl.Float64, "shown": pl.String, "fitted": pl.String,
}  # fmt: skip


def chart(points: Sequence[dict[str, Any]], title: str) -> Chart:
    """One line per path. ``points``, months in order: ``title`` (of the path), ``month`` (its first day), ``adopted``, ``eligible`` (above
    0), ``curve`` (null: none), ``is_identified``. At most :data:`MOST` paths. The ceiling is all that are eligible."""
    paths = list(dict.fromkeys(row["title"] for row in points))
    names = {path: named(path) for path in paths}
    rows = [
        {
            "month": _month(row["month"]), "path": names[row["title"]], "share": row["adopted"] / row["eligible"],
            "curve": row["curve"] / row["eligible"] if row["curve"] is not None and row["is_identified"] else None,
            "shown": f"{row['adopted']:,} of {row['eligible']:,}, {quantity(row['adopted'] / row['eligible'], UNIT)}",
            "fitted": f"{row['curve']:.1f}" if row["curve"] is not None and row["is_identified"] else "not identified",
        }
        for row in points
    ]  # fmt: skip
    last = {row["path"]: row for row in rows}
    said = "; ".join(f"{path}: {row['shown']} by the end of {row['month']}" for path, row in last.items())
    return drawn(
        "spread", {"points": pl.DataFrame(rows, schema=_ROW)}, title, f"{said}.",
        series=[names[path] for path in paths], colours=list(_COLOURS[: len(paths)]), labels=sorted({row["month"] for row in rows}),
    )  # fmt: skip


def _month(day: date) -> str:
    return f"{day:%Y-%m}"


def drawing() -> dict[str, Any]:
    """The template, built and validated by Altair."""
    import altair as alt

    legend = alt.Legend(
        title=None, orient="top", labelLimit=220, symbolType="stroke", symbolOpacity=1, symbolStrokeWidth=2, columns=1
    )
    base = alt.Chart(alt.NamedData("points")).encode(
        x=alt.X("month:O", title=None, scale=alt.Scale(domain=["{labels}"]), axis=alt.Axis(labelAngle=0, labelOverlap="greedy", grid=False)),
        color=alt.Color("path:N", scale=alt.Scale(domain=["{series}"], range=["{colours}"]), legend=legend),
        tooltip=[
            alt.Tooltip("path:N"), alt.Tooltip("month:O"), alt.Tooltip("shown:N", title="on it by the end"), alt.Tooltip("fitted:N", title="by the curve"),
        ],
    )  # fmt: skip
    share, curve = (
        alt.Y(
            f"{c}:Q",
            title="share of eligible services",
            axis=alt.Axis(format="~%", tickCount=5),
            scale=alt.Scale(domain=[0, 1]),
        )
        for c in ("share", "curve")
    )
    dash = alt.StrokeDash("path:N", scale=alt.Scale(domain=["{series}"], range=list(_DASHES)), legend=legend)
    ceiling = alt.Chart(alt.NamedData("points")).mark_rule(color=QUIET, strokeDash=[1, 3]).encode(y=alt.datum(1))
    spec: dict[str, Any] = (
        alt.layer(
            ceiling,
            base.transform_filter("isValid(datum.curve)").mark_line(strokeWidth=1, opacity=0.5).encode(y=curve),
            base.mark_line(interpolate="step-after", strokeWidth=2).encode(y=share, strokeDash=dash),
            base.mark_point(size=20, filled=True, opacity=1).encode(y=share),
        )
        .properties(height=240)
        .to_dict()
    )  # fmt: skip
    return spec
