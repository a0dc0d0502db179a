"""Cost by month and what may come: what was is a line, what may come a band that says how little is known."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import polars as pl

from idp_analytics.charts.chart import Chart, drawn
from idp_analytics.charts.palette import OWN, WARNING
from idp_analytics.charts.wording import money, named, period

KINDS = {"known": OWN, "forecast": WARNING}

_ROW = {
    "period": pl.String,
    "kind": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "shown": pl.String,
    "interval": pl.String,
}


def chart(
    known: Sequence[tuple[str, Decimal]], ahead: Sequence[tuple[str, float, float, float]], title: str, currency: str
) -> Chart:
    """``known``: month and cost, oldest first; ``ahead``: month, value, low, high."""
    rows: list[dict[str, Any]] = [
        {
            "period": month,
            "kind": "known",
            "value": float(amount),
            "shown": money(amount, currency),
            "interval": "exact",
        }
        for month, amount in known
    ]
    rows += [
        {
            "period": month, "kind": "forecast", "value": value, "low": low, "high": high, "shown": rounded(value, currency),
            "interval": f"{rounded(low, '')} to {rounded(high, '')}",
        }
        for month, value, low, high in ahead
    ]  # fmt: skip
    said = "; ".join(f"{period(row['period'])} {row['shown']}, {row['interval']}" for row in rows[len(known) :])
    last = f"{period(known[-1][0])} {money(known[-1][1], currency)}" if known else "nothing known"
    return drawn(
        "forecast", {"months": pl.DataFrame(rows, schema=_ROW)}, f"{title} by month, {named(currency)}",
        f"{title} in {named(currency)}: {last}; then {said}.", axis=named(currency),
        kinds=list(KINDS), colours=list(KINDS.values()),
    )  # fmt: skip


def rounded(value: float, currency: str) -> str:
    """An estimate as money: whole units from 100 on, since its cents mean nothing."""
    if abs(value) < 100:
        return money(Decimal(repr(round(value, 2))), currency)
    return money(Decimal(round(value)), currency).removesuffix(".00")


def drawing() -> dict[str, Any]:
    """The template, built and validated by Altair."""
    import altair as alt

    base = alt.Chart().encode(
        x=alt.X(
            "period:O", title=None, sort="ascending", axis=alt.Axis(labelAngle=0, labelOverlap="greedy", grid=False)
        ),
        color=alt.Color(
            "kind:N", scale=alt.Scale(domain=["{kinds}"], range=["{colours}"]),
            legend=alt.Legend(title=None, orient="top"),
        ),
        tooltip=[
            alt.Tooltip("period:N"), alt.Tooltip("kind:N"), alt.Tooltip("shown:N", title="cost"), alt.Tooltip("interval:N")
        ],
    )  # fmt: skip
    value, low = (
        alt.Y(f"{name}:Q", title="{axis}", axis=alt.Axis(format=",~r", tickCount=5), scale=alt.Scale(zero=True))
        for name in ("value", "low")
    )
    spec: dict[str, Any] = (
        alt.layer(
            base.transform_filter("datum.kind == 'known'").mark_line(point=True).encode(y=value),
            base.transform_filter("datum.kind == 'forecast'").mark_rule(strokeWidth=3, opacity=0.5).encode(y=low, y2="high:Q"),
            base.transform_filter("datum.kind == 'forecast'").mark_point(filled=True, size=60).encode(y=value),
            data=alt.NamedData("months"),
        )
        .properties(height=200)
        .to_dict()
    )  # fmt: skip
    return spec
