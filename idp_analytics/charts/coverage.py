"""From when to when each source speaks: what the numbers rest on, and where an export is known to be incomplete."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl

from idp_analytics.charts.chart import Chart, drawn
from idp_analytics.charts.palette import OWN, WARNING
from idp_analytics.charts.wording import count, named, quantity

_STEP = 22
"""Height of a row, in pixels."""

STATES = ("complete export", "incomplete export")

_ROW = {
    "label": pl.String,
    "from": pl.String,
    "to": pl.String,
    "last": pl.String,
    "state": pl.String,
    "rows": pl.Int64,
    "usable": pl.String,
}


def chart(spans: pl.DataFrame) -> Chart:
    """One bar per table and source, from its first to its last fact.

    ``spans``: ``table``, ``source``, ``first_on``, ``last_on`` (dates; rows without are left out), ``rows``,
    ``usable_share`` (null: nothing asked), ``truncated``; at least one row with dates.
    """
    found = (
        spans.filter(pl.col("first_on").is_not_null() & pl.col("last_on").is_not_null())
        .sort("table", "source")
        .to_dicts()
    )
    rows = [
        {
            "label": f"{row['table']} ({named(row['source'])})",
            "from": row["first_on"].isoformat(), "to": (row["last_on"] + timedelta(days=1)).isoformat(),
            "last": row["last_on"].isoformat(), "state": STATES[bool(row["truncated"])], "rows": row["rows"],
            "usable": quantity(row["usable_share"], "share"),
        }
        for row in found
    ]  # fmt: skip
    first: date = min(row["first_on"] for row in found)
    last: date = max(row["last_on"] for row in found)
    cut = sum(bool(row["truncated"]) for row in found)
    return drawn(
        "coverage", {"spans": pl.DataFrame(rows, schema=_ROW)}, "What the data cover",
        f"{count(len(found), 'kind')} of facts between {first} and {last}, "
        f"{count(sum(row['rows'] for row in found), 'row')} in all; "
        + (f"{count(cut, 'export')} known to be incomplete." if cut else "no export known to be incomplete."),
        height=_STEP * len({row["label"] for row in rows}),
    )  # fmt: skip


def drawing() -> dict[str, Any]:
    """The template, built and validated by Altair."""
    import altair as alt

    spec: dict[str, Any] = (
        alt.Chart(alt.NamedData("spans"))
        .mark_bar(height=12)
        .encode(
            x=alt.X("from:T", title=None, scale=alt.Scale(type="utc"), axis=alt.Axis(labelOverlap="greedy")),
            x2="to:T",
            y=alt.Y("label:N", title=None, sort=None, axis=alt.Axis(labelLimit=170, labelExpr="datum.label")),  # one line: rows are low
            color=alt.Color(
                "state:N", scale=alt.Scale(domain=list(STATES), range=[OWN, WARNING]), legend=alt.Legend(title=None, orient="top")
            ),
            tooltip=[
                alt.Tooltip("label:N", title="facts"), alt.Tooltip("from:N", title="first"), alt.Tooltip("last:N"),
                alt.Tooltip("rows:Q"), alt.Tooltip("usable:N"), alt.Tooltip("state:N"),
            ],
        )
        .properties(height=_STEP)
        .to_dict()
    )  # fmt: skip
    return spec
