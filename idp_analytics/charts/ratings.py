"""Answers to several questions, each a bar that stands across one line: favourable answers to its right, the others to its left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from idp_analytics.charts.chart import Chart, drawn
from idp_analytics.charts.palette import OWN, QUIET
from idp_analytics.charts.wording import clean, interval, named, quantity

_STEP = 30
"""Height of a question, in pixels."""

KINDS = ("not favourable", "favourable")

_ROW = {
    "label": pl.String,
    "kind": pl.String,
    "from": pl.Float64,
    "to": pl.Float64,
    "strength": pl.Float64,
    "answer": pl.String,
    "shown": pl.String,
    "interval": pl.String,
    "n": pl.Int64,
}


def chart(rows: Sequence[dict[str, Any]], title: str, name: str) -> Chart:
    """One bar per question, in the order given, at least one.

    ``rows``: each with ``label``, ``n``, ``share``, ``low``, ``high`` (of favourable answers), and ``parts``: (answer in words, share of n, is
    favourable), from the lowest answer to the highest. The further from the line, the stronger the colour.
    """
    drawn_rows = [piece for row in rows for piece in _pieces(row)]
    said = "; ".join(
        f"{row['label']} {quantity(row['share'], 'share')} favourable (interval {interval(row['low'], row['high'], 'share')}, n {row['n']:,})"
        for row in rows
    )
    return drawn(
        "ratings", {"ratings": pl.DataFrame(drawn_rows, schema=_ROW)}, title, f"{named(name)}: {said}.",
        height=_STEP * len(rows), labels=[_label(row) for row in rows],
    )  # fmt: skip


def _label(row: dict[str, Any]) -> str:
    return f"{clean(row['label'])}, n {row['n']:,}"


def _pieces(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of one bar, laid out from the line between what is favourable and what is not."""
    left = [part for part in row["parts"] if not part[2]]
    at = -sum(part[1] for part in left)
    count = {False: len(left), True: len(row["parts"]) - len(left)}
    pieces = []
    for number, (answer, share, good) in enumerate(row["parts"]):
        place = number - len(left) + 1 if good else len(left) - number  # 1 is next to the line
        pieces.append({
            "label": _label(row), "kind": KINDS[good], "from": at, "to": at + share,
            "strength": 0.35 + 0.55 * place / count[good], "answer": clean(answer), "shown": quantity(share, "share"),
            "interval": f"favourable: {quantity(row['share'], 'share')}, {interval(row['low'], row['high'], 'share')}", "n": row["n"],
        })  # fmt: skip
        at += share
    return pieces


def drawing() -> dict[str, Any]:
    """The template, built and validated by Altair."""
    import altair as alt

    base = alt.Chart(alt.NamedData("ratings")).encode(
        y=alt.Y("label:N", title=None, scale=alt.Scale(domain=["{labels}"]), axis=alt.Axis(labelLimit=190, grid=False)),
    )
    spec: dict[str, Any] = (
        alt.layer(
            base.mark_bar(height=16).encode(
                x=alt.X(
                    "from:Q", title="share of answers", scale=alt.Scale(domain=[-1, 1]),
                    axis=alt.Axis(tickCount=5, labelExpr="format(abs(datum.value), '.0%')"),
                ),
                x2="to:Q",
                color=alt.Color(
                    "kind:N", scale=alt.Scale(domain=list(KINDS), range=[QUIET, OWN]), legend=alt.Legend(title=None, orient="top")
                ),
                opacity=alt.Opacity("strength:Q", scale=None, legend=None),
                tooltip=[
                    alt.Tooltip("label:N", title="question"), alt.Tooltip("answer:N"), alt.Tooltip("shown:N", title="share"),
                    alt.Tooltip("interval:N"), alt.Tooltip("n:Q", title="n"),
                ],
            ),
            alt.Chart(alt.NamedData("ratings")).mark_rule(color=QUIET, strokeWidth=1).encode(x=alt.datum(0)),
        )
        .properties(height=_STEP)
        .to_dict()
    )  # fmt: skip
    return spec
