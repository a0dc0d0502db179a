"""One number under several rules: a point and an interval each, in a fixed order, so that one sees whether the rule decides."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.charts.chart import Chart, drawn
from idp_analytics.charts.palette import OWN, QUIET
from idp_analytics.charts.wording import NOTHING, clean, duration, interval, is_share, named, period, quantity

_STEP = 30
"""Height of a rule, in pixels."""

KINDS = ("our rule", "another rule", "no link rule")
"""What a point is; its colour and shape say so."""

_ROW = {
    "label": pl.String,
    "kind": pl.String,
    "value": pl.Float64,
    "from": pl.Float64,
    "to": pl.Float64,
    "open": pl.Boolean,
    "shown": pl.String,
    "interval": pl.String,
    "n": pl.Int64,
    "note": pl.String,
}


def chart(rules: pl.DataFrame, title: str, unit: str, name: str) -> Chart:
    """The values under each rule, from top to bottom in the order of ``position``.

    ``rules``: rows of one entity, period and metric of the study ``link_sensitivity``, at least one with a value. A rule
    without a value keeps its line, which says why in its tooltip.
    """
    ordered = rules.sort("position").to_dicts()
    longest = max((row["value"] or 0 for row in ordered), default=1)
    factor, word = duration(longest) if unit == "hours" else (1.0, unit)
    rows = [_row(row, unit, factor) for row in ordered]
    said = "; ".join(
        f"{row['label']}: {row['shown']}" + (f" (interval {row['interval']})" if row["interval"] != NOTHING else "")
        for row in rows
        if row["value"] is not None
    )
    without = [row["label"] for row in rows if row["value"] is None]
    return drawn(
        "rules", {"rules": pl.DataFrame(rows, schema=_ROW)},
        f"{title} under each link rule, {period(ordered[0]['period'])}",
        f"{named(name)}: {said}{'; without a value: ' + ', '.join(without) if without else ''}.",
        height=_STEP * len(rows), labels=[row["label"] for row in rows],
        axis="" if is_share(unit) else {"min": "minutes", "h": "hours"}.get(word, word),
        format="~%" if is_share(unit) else ",~r",
    )  # fmt: skip


def _row(row: dict[str, Any], unit: str, factor: float) -> dict[str, Any]:
    value, low, high = (None if row[c] is None else factor * row[c] for c in ("value", "low", "high"))
    shown = low is not None and value is not None
    return {
        "label": f"{clean(row['rule']).partition(':')[0]}, n {row['n']:,}",
        "kind": KINDS[0] if row["is_ours"] else KINDS[1] if row["is_judged"] else KINDS[2],
        "value": value,
        "from": low if shown else None,
        "to": high if shown else None,
        "open": shown and high is None,
        "shown": quantity(row["value"], unit) if value is not None else "no value",
        "interval": interval(row["low"], row["high"], unit, row["value"]),
        "n": row["n"],
        "note": row["note"] or "",
    }


def drawing() -> dict[str, Any]:
    """The template, built and validated by Altair."""
    import altair as alt

    def where(test: str) -> Any:
        return (
            alt.Chart()
            .transform_filter(test)
            .encode(
                y=alt.Y("label:N", title=None, scale=alt.Scale(domain=["{labels}"]), axis=alt.Axis(labelLimit=190, grid=False)),
                tooltip=[
                    alt.Tooltip("label:N", title="rule"), alt.Tooltip("shown:N", title="value"), alt.Tooltip("interval:N"),
                    alt.Tooltip("n:Q"), alt.Tooltip("note:N"),
                ],
            )
        )  # fmt: skip

    colour = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=list(KINDS), range=[OWN, QUIET, QUIET]),
        legend=alt.Legend(title=None, orient="top", columns=2),
    )
    shape = alt.Shape(
        "kind:N", scale=alt.Scale(domain=list(KINDS), range=["diamond", "circle", "cross"]),
        legend=alt.Legend(title=None, orient="top", columns=2),
    )  # fmt: skip
    value, low = (
        alt.X(f"{c}:Q", title="{axis}", axis=alt.Axis(format="{format}", tickCount=5), scale=alt.Scale(zero=True))
        for c in ("value", "from")
    )
    spec: dict[str, Any] = (
        alt.layer(
            where("isValid(datum.from) && isValid(datum.to)").mark_rule(strokeWidth=3, opacity=0.6).encode(
                x=low, x2="to:Q", color=colour
            ),
            where("datum.open").mark_rule(strokeWidth=3, opacity=0.6, strokeDash=[4, 3]).encode(
                x=low, x2=alt.value("width"), color=colour
            ),
            where("isValid(datum.value)").mark_point(size=90, filled=True, opacity=1).encode(
                x=value, color=colour, shape=shape
            ),
            data=alt.NamedData("rules"),
        )
        .properties(height=_STEP)
        .to_dict()
    )  # fmt: skip
    return spec
