"""The parts of a whole, each a bar with its interval: stages of a lead time, classes of deployments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from idp_analytics.charts.chart import Chart, drawn
from idp_analytics.charts.palette import OWN, QUIET
from idp_analytics.charts.wording import NOTHING, interval, named, quantity

_STEP = 30
"""Height of a bar's row, in pixels."""

KINDS = ("known", "not told")

_ROW = {
    "label": pl.String,
    "kind": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "shown": pl.String,
    "interval": pl.String,
    "n": pl.Int64,
}


def chart(rows: Sequence[dict[str, Any]], title: str, name: str, unit: str, kinds: tuple[str, str] = KINDS) -> Chart:
    """One bar per part, in the order given.

    ``rows``: each with ``label``, ``share`` (0–1), ``low``, ``high`` (null: no interval), ``n``, and ``quiet``, true
    for what is drawn as the second of ``kinds``. ``unit``: of what the shares are.
    """
    drawn_rows = [
        {
            **{key: row[key] for key in ("low", "high", "n")},
            "value": row["share"],
            "label": f"{row['label']}, n {row['n']:,}",
            "kind": kinds[row["quiet"]],
            "shown": quantity(row["share"], unit),
            "interval": interval(row["low"], row["high"], unit, row["share"]),
        }
        for row in rows
    ]
    said = "; ".join(
        f"{row['label']}: {row['shown']}" + (f" (interval {row['interval']})" if row["interval"] != NOTHING else "")
        for row in drawn_rows
    )
    return drawn(
        "parts", {"parts": pl.DataFrame(drawn_rows, schema=_ROW)}, title, f"{named(name)}, {unit}: {said}.",
        height=_STEP * len(drawn_rows), labels=[str(row["label"]) for row in drawn_rows], kinds=list(kinds), axis=unit,
    )  # fmt: skip


def drawing() -> dict[str, Any]:
    """The template, built and validated by Altair."""
    import altair as alt

    base = alt.Chart().encode(
        y=alt.Y("label:N", title=None, scale=alt.Scale(domain=["{labels}"]), axis=alt.Axis(labelLimit=190, grid=False)),
        tooltip=[
            alt.Tooltip("label:N", title="part"), alt.Tooltip("shown:N", title="share"), alt.Tooltip("interval:N"),
            alt.Tooltip("n:Q", title="n"),
        ],
    )  # fmt: skip
    value, low = (
        alt.X(
            f"{c}:Q",
            title="{axis}",
            axis=alt.Axis(tickCount=5, format="%"),
            scale=alt.Scale(domainMin=0, domainMax=1),
        )
        for c in ("value", "low")
    )
    colour = alt.Color(
        "kind:N", scale=alt.Scale(domain=["{kinds}"], range=[OWN, QUIET]), legend=alt.Legend(title=None, orient="top")
    )
    spec: dict[str, Any] = (
        alt.layer(
            base.mark_bar(height=14, opacity=0.45).encode(x=value, color=colour),
            base.mark_rule(strokeWidth=2).encode(x=low, x2="high:Q", color=colour),
            data=alt.NamedData("parts"),
        )
        .properties(height=_STEP)
        .to_dict()
    )
    return spec
