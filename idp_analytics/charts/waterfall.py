"""From one amount to another, step by step: a bridge whose steps add up."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import polars as pl

from idp_analytics.charts.chart import Chart, drawn
from idp_analytics.charts.palette import OWN, QUIET, WARNING
from idp_analytics.charts.wording import money, named

_STEP = 26
"""Height of a bar's row, in pixels."""

KINDS = {"amount": QUIET, "more": WARNING, "less": OWN}
"""What a bar is, and its colour."""

_ROW = {
    "label": pl.String,
    "kind": pl.String,
    "start": pl.Float64,
    "end": pl.Float64,
    "shown": pl.String,
}


def chart(
    first: tuple[str, Decimal], steps: Sequence[tuple[str, Decimal]], last: str, title: str, currency: str
) -> Chart:
    """A bar for ``first`` (label, amount), one hanging from it per step, and one for what they come to, called ``last``."""
    reached = first[1]
    rows: list[dict[str, Any]] = [_bar(first[0], "amount", Decimal(0), reached, currency)]
    for label, amount in steps:
        rows.append(_bar(label, "more" if amount > 0 else "less", reached, reached + amount, currency))
        reached += amount
    rows.append(_bar(last, "amount", Decimal(0), reached, currency))
    used = [kind for kind in KINDS if any(row["kind"] == kind for row in rows)]
    said = "; ".join(f"{row['label']} {row['shown']}" for row in rows)
    return drawn(
        "waterfall", {"steps": pl.DataFrame(rows, schema=_ROW)}, f"{title}, {named(currency)}",
        f"{title} in {named(currency)}: {said}.", height=_STEP * len(rows), labels=[str(row["label"]) for row in rows],
        kinds=used, colours=[KINDS[kind] for kind in used], axis=named(currency),
    )  # fmt: skip


def _bar(label: str, kind: str, start: Decimal, end: Decimal, currency: str) -> dict[str, Any]:
    shown = money(end if kind == "amount" else end - start, currency)
    return {"label": named(label), "kind": kind, "start": float(start), "end": float(end), "shown": shown}


def drawing() -> dict[str, Any]:
    """The template, built and validated by Altair."""
    import altair as alt

    spec: dict[str, Any] = (
        alt.Chart(alt.NamedData("steps"))
        .mark_bar(height=15)
        .encode(
            y=alt.Y(
                "label:N", title=None, scale=alt.Scale(domain=["{labels}"]), axis=alt.Axis(labelLimit=230, grid=False)
            ),
            x=alt.X("start:Q", title="{axis}", axis=alt.Axis(format=",~r", tickCount=5)),
            x2="end:Q",
            color=alt.Color(
                "kind:N", scale=alt.Scale(domain=["{kinds}"], range=["{colours}"]),
                legend=alt.Legend(title=None, orient="top"),
            ),
            tooltip=[alt.Tooltip("label:N", title="step"), alt.Tooltip("shown:N", title="amount")],
        )
        .properties(height=_STEP)
        .to_dict()
    )  # fmt: skip
    return spec
