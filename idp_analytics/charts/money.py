"""Money by period, each part a layer of the bar; what nobody is known to own is always one of the parts."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.charts.chart import Chart, drawn
from idp_analytics.charts.palette import OWN, QUIET, WARNING
from idp_analytics.charts.trend import EVERY
from idp_analytics.charts.wording import money, named, period

PARTS = {"allocated": OWN, "unallocated": WARNING}
"""The parts of a bill, from the axis up, and their colours."""

_ROW = {
    "period": pl.String,
    "part": pl.String,
    "state": pl.String,  # complete | partial | none
    "amount": pl.Float64,
    "shown": pl.String,
    "n": pl.Int64,
}


def chart(answers: pl.DataFrame, title: str) -> Chart:
    """Amounts per period in one currency, stacked by part.

    ``answers``: money rows of :data:`idp_analytics.answers.COLUMNS` of one entity, one currency and one period length,
    ``detail`` null (drawn as allocated: the entity's own cost) or one of :data:`PARTS`; at least one row. Paler bars are
    partial periods; a grey column is a period in which nothing is known, which is not zero.
    """
    told = ({**answer, "detail": answer["detail"] or "allocated"} for answer in answers.to_dicts())
    ordered = sorted(told, key=lambda answer: (answer["period_start"], answer["detail"]))
    currency = named(ordered[0]["currency"] or "")
    rows = [
        {
            "period": a["period"], "part": a["detail"], "n": a["n"],
            "state": "none" if a["amount"] is None else "partial" if a["is_partial"] else "complete",
            "amount": None if a["amount"] is None else float(a["amount"]), "shown": money(a["amount"], currency),
        }
        for a in ordered
    ]  # fmt: skip
    known = {row["period"] for row in rows if row["state"] != "none"}
    gaps = {
        row["period"]: row for row in reversed(rows) if row["period"] not in known
    }  # one column each, the first part's
    shown = [row for row in rows if row["state"] != "none" or row is gaps.get(row["period"])]
    used = [part for part in PARTS if any(row["part"] == part for row in shown)]
    return drawn(
        "money", {"answers": pl.DataFrame(shown, schema=_ROW)},
        f"{title} by {EVERY[ordered[0]['every']]}, {currency}", _described(ordered, title, currency), axis=currency,
        parts=used, colours=[PARTS[part] for part in used],
    )  # fmt: skip


def _described(rows: list[dict[str, Any]], title: str, currency: str) -> str:
    first, last = rows[0]["period"], rows[-1]["period"]
    span = period(first) if first == last else f"{period(first)} to {period(last)}"
    parts = [
        f"{row['detail']} {money(row['amount'], currency)}"
        for row in rows
        if row["period"] == last and row["amount"] is not None
    ]
    known = {row["period"] for row in rows if row["amount"] is not None}
    total = {row["period"] for row in rows}
    gaps = (
        f"; nothing known in {len(total - known)} of {len(total)} {EVERY[rows[0]['every']]}s" if total - known else ""
    )
    return f"{title} in {currency}, {span}: {', '.join(parts) or 'nothing known'} in {period(last)}{gaps}."


def drawing() -> dict[str, Any]:
    """The template, built and validated by Altair."""
    import altair as alt

    base = alt.Chart().encode(
        x=alt.X(
            "period:O", title=None, sort="ascending", scale=alt.Scale(type="band", paddingInner=0.2, paddingOuter=0.1),
            axis=alt.Axis(labelAngle=0, labelOverlap="greedy", grid=False),
        ),
        tooltip=[
            alt.Tooltip("period:N"), alt.Tooltip("part:N"), alt.Tooltip("shown:N", title="amount"),
            alt.Tooltip("n:Q", title="lines"), alt.Tooltip("state:N"),
        ],
    )  # fmt: skip
    spec: dict[str, Any] = (
        alt.layer(
            base.transform_filter("datum.state == 'none'").mark_rect(color=QUIET, opacity=0.18).encode(
                y=alt.value(0), y2=alt.value("height")
            ),
            base.transform_filter("datum.state != 'none'").mark_bar().encode(
                y=alt.Y("amount:Q", stack="zero", title="{axis}", axis=alt.Axis(format=",~r", tickCount=5)),
                color=alt.Color(
                    "part:N", scale=alt.Scale(domain=["{parts}"], range=["{colours}"]),
                    legend=alt.Legend(title=None, orient="top"),
                ),
                order=alt.Order("part:O"),
                opacity=alt.condition("datum.state == 'partial'", alt.value(0.5), alt.value(1.0)),
            ),
            data=alt.NamedData("answers"),
        )
        .properties(height=220)
        .to_dict()
    )  # fmt: skip
    return spec
