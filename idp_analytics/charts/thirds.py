"""Three parts of a whole over time, the unknown one of its own: what is so, what nobody knows, what is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from idp_analytics.charts.chart import Chart, drawn
from idp_analytics.charts.palette import OWN, QUIET, WARNING
from idp_analytics.charts.wording import count, interval, named, period, quantity

_ROW = {
    "period": pl.String,
    "kind": pl.String,
    "order": pl.Int64,
    "n": pl.Int64,
    "shown": pl.String,
    "interval": pl.String,
}


def chart(rows: Sequence[dict[str, Any]], kinds: tuple[str, str, str], title: str, name: str, noun: str) -> Chart:
    """One bar per period, of as many ``noun`` as there were, in three parts.

    ``rows``, oldest first, at least one: ``period``, ``n`` (all three), ``k`` (the first kind), ``unknown`` (the second),
    ``low``, ``high`` (of k ÷ n; null: none). ``kinds``: what the three are called, in that order. The unknown part stands between
    the others, so that either end of the bar shows what is surely so.
    """
    drawn_rows = [
        {
            "period": row["period"], "kind": kind, "order": order, "n": n,
            "shown": f"{n:,} of {row['n']:,}, {quantity(n / row['n'] if row['n'] else None, 'share')}",
            "interval": interval(row["low"], row["high"], "share") if order == 0 else "",
        }
        for row in rows
        for order, (kind, n) in enumerate(
            zip(kinds, (row["k"], row["unknown"], row["n"] - row["k"] - row["unknown"]), strict=True)
        )
    ]  # fmt: skip
    last = rows[-1]
    rest = last["n"] - last["k"] - last["unknown"]
    said = (
        f"{named(name)}, {period(last['period'])}: of {count(last['n'], noun)} {last['k']:,} {kinds[0]} (interval of the share "
        f"{interval(last['low'], last['high'], 'share')}), {last['unknown']:,} {kinds[1]}, {rest:,} {kinds[2]}"
    )
    first = rows[0]
    if len(rows) > 1:
        said += f"; {period(first['period'])}: {first['k']:,} of {first['n']:,} {kinds[0]}"
    return drawn(
        "thirds", {"thirds": pl.DataFrame(drawn_rows, schema=_ROW)}, title, f"{said}.",
        kinds=list(kinds), labels=[str(row["period"]) for row in rows], axis=f"{noun}s",
    )  # fmt: skip


def drawing() -> dict[str, Any]:
    """The template, built and validated by Altair."""
    import altair as alt

    spec: dict[str, Any] = (
        alt.Chart(alt.NamedData("thirds"))
        .mark_bar()
        .encode(
            x=alt.X("period:N", title=None, scale=alt.Scale(domain=["{labels}"]), axis=alt.Axis(labelAngle=0, labelOverlap="greedy")),
            y=alt.Y("n:Q", title="{axis}", stack="zero", axis=alt.Axis(tickMinStep=1, tickCount=5)),
            order=alt.Order("order:Q"),
            color=alt.Color(
                "kind:N", scale=alt.Scale(domain=["{kinds}"], range=[OWN, QUIET, WARNING]), legend=alt.Legend(title=None, orient="top")
            ),
            tooltip=[
                alt.Tooltip("period:N"), alt.Tooltip("kind:N", title="what"), alt.Tooltip("shown:N", title="n"),
                alt.Tooltip("interval:N", title="interval"),
            ],
        )
        .properties(height=220)
        .to_dict()
    )  # fmt: skip
    return spec
