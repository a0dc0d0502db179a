"""Whole levels beside each other, row by row: bands for what is possible, a point for what is likeliest, one lane for each who says so, or when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from idp_analytics.charts.chart import Chart, drawn
from idp_analytics.charts.palette import OWN, QUIET, WARNING
from idp_analytics.charts.wording import clean, count, named

LEVELS = 4
_STEP = 20
"""Height of a lane, in pixels."""
HALF = 0.28
"""How far a band reaches beyond its levels, so that one of a single level can be seen."""

_BAR = "M-0.25,-1.1H0.25V1.1H-0.25Z"
KINDS = {
    "seen": (OWN, "circle"),
    "without stress": (OWN, "cross"),
    "held by stress": (WARNING, _BAR),
    "said": (QUIET, "diamond"),
    "now": (OWN, "circle"),
    "quarters before": (QUIET, "circle"),
}
"""What a mark is → its colour and shape; each is told apart by either alone."""

_ROW = {
    "label": pl.String,
    "lane": pl.String,
    "kind": pl.String,
    "value": pl.Float64,
    "from": pl.Float64,
    "to": pl.Float64,
    "shown": pl.String,
    "note": pl.String,
}


def chart(rows: Sequence[dict[str, Any]], title: str, name: str) -> Chart:
    """Lanes of one row together, rows and lanes in the order in which they come, at least one.

    ``rows``: each with ``label``, ``lane``, ``kind`` (of :data:`KINDS`), ``value``, ``low``, ``high`` (null: none), ``n`` (people; null: none), and
    ``note``, which stands in the lane where there is nothing to draw (null: none).
    """
    lanes = list(dict.fromkeys(row["lane"] for row in rows))
    labels = list(dict.fromkeys(clean(row["label"]) for row in rows))
    marks = [
        {
            "label": clean(row["label"]), "lane": row["lane"], "kind": row["kind"], "value": row["value"],
            "from": None if row["low"] is None else row["low"] - HALF, "to": None if row["high"] is None else row["high"] + HALF,
            "shown": _shown(row), "note": row["note"] or "",
        }
        for row in rows
    ]  # fmt: skip
    said = "; ".join(
        f"{label}: " + ", ".join(_told(mark) for mark in marks if mark["label"] == label) for label in labels
    )
    kinds = [kind for kind in KINDS if any(row["kind"] == kind for row in rows)]
    return drawn(
        "dumbbell", {"marks": pl.DataFrame(marks, schema=_ROW)}, title, f"{named(name)}, by level from 1 to {LEVELS}. {said}.",
        height=_STEP * len(lanes) * len(labels), labels=labels, lanes=lanes, kinds=kinds,
        colours=[KINDS[kind][0] for kind in kinds], shapes=[KINDS[kind][1] for kind in kinds],
    )  # fmt: skip


def _told(mark: dict[str, Any]) -> str:
    what = mark["kind"] if mark["kind"] in ("without stress", "held by stress") else mark["lane"]
    join = ": " if what[:1].isdigit() else " "  # a day and a level are two numbers
    return f"{what}{join}{mark['note'] or mark['shown']}" if what != "held by stress" else what


def _shown(row: dict[str, Any]) -> str:
    value, low, high = row["value"], row["low"], row["high"]
    if low is None or low == high:
        told = f"{value:g}" if value is not None else ""
    else:
        told = f"{low} to {high}" if value is None else f"{value:g} ({low} to {high})"
    return told if row["n"] is None else f"{told}, {count(row['n'], 'person', 'people')}"


def drawing() -> dict[str, Any]:
    """The template, built and validated by Altair."""
    import altair as alt

    base = alt.Chart().encode(
        y=alt.Y("label:N", title=None, scale=alt.Scale(domain=["{labels}"], paddingInner=0.25), axis=alt.Axis(labelLimit=150, grid=False)),
        yOffset=alt.YOffset("lane:N", scale=alt.Scale(domain=["{lanes}"])),
        tooltip=[
            alt.Tooltip("label:N", title="aspect"), alt.Tooltip("lane:N", title="by or at"), alt.Tooltip("kind:N", title="what"),
            alt.Tooltip("shown:N", title="level"),
        ],
    )  # fmt: skip
    value, low = (
        alt.X(
            f"{c}:Q", title="level", scale=alt.Scale(domain=[0.6, LEVELS + 0.4], nice=False, zero=False),
            axis=alt.Axis(values=list(range(1, LEVELS + 1)), format="d", grid=True),
        )
        for c in ("value", "from")
    )  # fmt: skip
    legend = alt.Legend(title=None, orient="top")
    colour = alt.Color("kind:N", scale=alt.Scale(domain=["{kinds}"], range=["{colours}"]), legend=legend)
    shape = alt.Shape("kind:N", scale=alt.Scale(domain=["{kinds}"], range=["{shapes}"]), legend=legend)
    spec: dict[str, Any] = (
        alt.layer(
            base.transform_filter("isValid(datum.from)").mark_bar(height=11, opacity=0.3, cornerRadius=3).encode(
                x=low, x2="to:Q", color=colour
            ),
            base.transform_filter("isValid(datum.value)").mark_point(size=95, filled=True, opacity=1).encode(
                x=value, color=colour, shape=shape
            ),
            base.transform_filter("datum.note != ''").mark_text(align="left", fontSize=11, dx=6).encode(
                x=alt.datum(0.6), text="note:N"
            ),
            data=alt.NamedData("marks"),
        )
        .properties(height=_STEP)
        .to_dict()
    )  # fmt: skip
    return spec
