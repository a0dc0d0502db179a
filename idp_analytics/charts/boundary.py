"""The boundary map: what is done, by how much harm it can do and what stands before it; the area of a disc is how often."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.charts.chart import Chart, drawn
from idp_analytics.charts.palette import OWN, QUIET, WARNING
from idp_analytics.charts.wording import count, named, period

KINDS = ("waits though safe", "danger unchecked", "not classified", "all else")
"""What a cell is about, each a colour and a shape: none is told by colour alone."""

COLUMNS = {
    "none": "no gate", "automatic": "automatic gate", "human": "person decides", "unknown": "gate not known", "hatch": "escape hatch",
}  # fmt: skip
ROWS = ("dangerous", "sensitive", "safe", "unclassified")

_STEP = 96
"""Height of a row, in pixels."""
_DESCRIBED = 4
_BREAK = "|"
"""Where a label goes on in the next line: a line feed would be cleaned away, as in any text that is shown."""

_CELL = {
    "risk": pl.String, "gate": pl.String, "kind": pl.String, "n": pl.Int64, "label": pl.String, "note": pl.String, "lines": pl.String, "operations": pl.String,
}  # fmt: skip


def chart(rows: pl.DataFrame, name: str) -> Chart:
    """One disc per risk and gate; beneath it how often, and what that means: hours waited, or how many unchecked.

    ``rows``: rows of the study ``boundary`` of one entity and period, at least one. Escape hatches are a column of their own.
    """
    hatch = pl.col("route") == "escape hatch"
    by_use = pl.col("n").sort_by("n", descending=True)
    cells = (
        rows.filter(pl.col("n") > 0)
        .with_columns(pl.when(hatch).then(pl.lit("hatch")).otherwise("gate").alias("gate"))
        .group_by("risk", "gate")
        .agg(
            pl.col("n", "exposed", "hours").sum(),
            (pl.col("title").sort_by("n", descending=True) + ", " + by_use.cast(pl.String)).alias("operations"),
        )
        .sort(pl.col("risk").cast(pl.Enum(ROWS)), pl.col("gate").cast(pl.Enum(list(COLUMNS))))
    )
    drawn_rows = [_cell(row) for row in cells.to_dicts()]
    columns = [
        word for key, word in COLUMNS.items() if key in set(cells["gate"]) or key in ("none", "automatic", "human")
    ]
    risks = [risk for risk in ROWS if risk in set(cells["risk"]) or risk != "unclassified"]
    said = "; ".join(
        f"{row['risk']}, {row['gate']}: {count(row['n'], 'use')}" + (f", {row['note']}" if row["note"] else "")
        for row in drawn_rows
    )
    when = period(rows["period"][0])
    return drawn(
        "boundary", {"cells": pl.DataFrame(drawn_rows, schema=_CELL)}, f"What stands before what we do, {when}",
        f"{named(name)}, {when}: {said}.", height=_STEP * len(risks), risks=risks, gates=columns,
    )  # fmt: skip


def _cell(row: dict[str, Any]) -> dict[str, Any]:
    unchecked, hours = row["exposed"], row["hours"]
    kind, note = KINDS[3], ""
    if row["risk"] == "unclassified":
        kind, note = KINDS[2], "risk not said"
    elif row["risk"] == "dangerous" and unchecked:
        kind, note = KINDS[1], f"{unchecked:,} unchecked"
    elif row["risk"] == "safe" and row["gate"] == "human":
        kind, note = KINDS[0], f"{hours:,.{0 if hours >= 10 else 1}f} h waited"
    shown = row["operations"][:_DESCRIBED]
    more = len(row["operations"]) - len(shown)
    return {
        "risk": row["risk"], "gate": COLUMNS[row["gate"]], "kind": kind, "n": row["n"], "label": f"{row['n']:,}", "note": note,
        "lines": _two_lines(note),
        "operations": "; ".join(named(text) for text in shown) + (f"; {more} more" if more else ""),
    }  # fmt: skip


def _two_lines(note: str) -> str:
    """The note broken before the words that say what is counted, so that neighbours do not touch on a phone."""
    first, _, rest = note.rpartition(" ") if note[:1].isdigit() else note.partition(" ")
    return f"{first}{_BREAK}{rest}" if rest else note


def drawing() -> dict[str, Any]:
    """The template, built and validated by Altair."""
    import altair as alt

    legend = alt.Legend(title=None, orient="top", columns=2, symbolSize=120, symbolOpacity=1, labelLimit=260)
    domain = list(KINDS)
    x = alt.X(
        "gate:N", title=None, scale=alt.Scale(domain=["{gates}"]),
        axis=alt.Axis(orient="top", labelAngle=0, labelFontSize=alt.ExprRef("width < 210 ? 9 : 11.5"), labelLimit=110, labelOverlap=False, labelPadding=18, labelExpr="split(datum.label, ' ')", grid=False, domain=False, ticks=False),
    )  # fmt: skip
    y = alt.Y(
        "risk:N", title=None, scale=alt.Scale(domain=["{risks}"]),
        axis=alt.Axis(labelLimit=110, grid=True, tickBand="extent", domain=False, ticks=False),
    )  # fmt: skip
    base = alt.Chart().encode(
        x=x, y=y,
        tooltip=[
            alt.Tooltip("risk:N"), alt.Tooltip("gate:N", title="before it"), alt.Tooltip("n:Q", title="uses"),
            alt.Tooltip("note:N", title="worth a question"), alt.Tooltip("operations:N", title="most often"),
        ],
    )  # fmt: skip
    spec: dict[str, Any] = (
        alt.layer(
            base.mark_point(filled=True, opacity=0.55, strokeWidth=1.5, yOffset=-8).encode(
                size=alt.Size("n:Q", scale=alt.Scale(type="linear", rangeMin=30, rangeMax=2600, domainMin=0), legend=None),
                color=alt.Color("kind:N", scale=alt.Scale(domain=domain, range=[OWN, WARNING, QUIET, QUIET]), legend=legend),
                shape=alt.Shape("kind:N", scale=alt.Scale(domain=domain, range=["square", "diamond", "triangle-up", "circle"]), legend=legend),
            ),
            base.mark_text(fontWeight="bold", yOffset=-8).encode(text="label:N"),
            base.mark_text(yOffset=28, fontSize=11, lineBreak=_BREAK, lineHeight=13).encode(text="lines:N"),
            data=alt.NamedData("cells"),
        )
        .properties(height=_STEP)
        .to_dict()
    )  # fmt: skip
    return spec
