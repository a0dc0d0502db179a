"""How many of so many have come how far: one cell per row and column, its colour the share that surely has, in words what is possible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from idp_analytics.charts.chart import Chart, drawn
from idp_analytics.charts.palette import OWN
from idp_analytics.charts.wording import clean, named

_STEP = 34
"""Height of a row, in pixels."""

_ROW = {
    "label": pl.String,
    "column": pl.String,
    "share": pl.Float64,
    "text": pl.String,
    "shown": pl.String,
    "mark": pl.String,
    "n": pl.Int64,
}

SURELY, POSSIBLY = "surely", "possibly"


def chart(rows: Sequence[dict[str, Any]], title: str, name: str, noun: str) -> Chart:
    """Rows and columns in the order in which they come, at least one.

    ``rows``: each with ``label``, ``column`` (``|`` breaks the line), ``surely`` and ``possibly`` (of ``n`` ``noun``), and ``mark``, which
    draws a line round the cell: :data:`SURELY` a whole one, :data:`POSSIBLY` a broken one, null none.
    """
    cells = [
        {
            "label": f"{clean(row['label'])}, n {row['n']:,}", "column": clean(row["column"]), "share": row["surely"] / row["n"], "text": _between(row),
            "shown": f"{_between(row)} of {row['n']:,} {noun}", "mark": row["mark"] or "", "n": row["n"],
        }
        for row in rows
    ]  # fmt: skip
    labels = list(dict.fromkeys(str(cell["label"]) for cell in cells))
    said = "; ".join(
        f"{label}: "
        + ", ".join(f"{cell['column'].replace('|', ' ')} {cell['text']}" for cell in cells if cell["label"] == label)
        for label in labels
    )
    return drawn(
        "heatmap", {"cells": pl.DataFrame(cells, schema=_ROW)}, title, f"{named(name)}, {noun} that have come so far: {said}.",
        height=_STEP * len(labels), labels=labels, columns=list(dict.fromkeys(str(cell["column"]) for cell in cells)),
    )  # fmt: skip


def _between(row: dict[str, Any]) -> str:
    surely, possibly = row["surely"], row["possibly"]
    return f"{surely:,}" if surely == possibly else f"{surely:,}–{possibly:,}"


def drawing() -> dict[str, Any]:
    """The template, built and validated by Altair."""
    import altair as alt

    base = alt.Chart().encode(
        x=alt.X(
            "column:N", title=None, scale=alt.Scale(domain=["{columns}"], paddingInner=0.04),
            axis=alt.Axis(
                orient="top", labelAngle=0, labelExpr="width < 230 ? split(datum.label, '|')[0] : split(datum.label, '|')", labelOverlap=False, ticks=False, domain=False,
                labelFontSize=alt.ExprRef("width < 280 && width >= 230 ? 8.5 : 10.5"),  # on a phone names would touch; on a small one only numbers stand there
                labelPadding=16,  # the first of two lines stands on it, the second hangs below
            ),
        ),
        y=alt.Y(
            "label:N", title=None, scale=alt.Scale(domain=["{labels}"], paddingInner=0.1),
            axis=alt.Axis(labelLimit=170, grid=False, ticks=False, domain=False),
        ),
        tooltip=[alt.Tooltip("label:N", title="what"), alt.Tooltip("column:N", title="how far"), alt.Tooltip("shown:N", title="how many")],
    )  # fmt: skip
    # Never so dark that the page's own ink cannot be read on it, on white or on near-black.
    depth = alt.Opacity("share:Q", scale=alt.Scale(domain=[0, 1], range=[0.05, 0.55]), legend=None)

    def framed(mark: str, dash: list[int]) -> Any:
        frame = base.transform_filter(f"datum.mark == '{mark}'")
        return frame.mark_rect(filled=False, stroke=OWN, strokeWidth=2.5, strokeDash=dash)

    spec: dict[str, Any] = (
        alt.layer(
            base.mark_rect(color=OWN).encode(opacity=depth),
            framed(SURELY, [1, 0]),
            framed(POSSIBLY, [4, 3]),
            base.mark_text(fontSize=12).encode(text="text:N"),
            data=alt.NamedData("cells"),
        )
        .properties(height=_STEP)
        .to_dict()
    )
    return spec
