"""One entity beside the organisation: a point and an interval each, metric by metric, in the order given; never a ranking."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.charts.chart import Chart, drawn
from idp_analytics.charts.palette import OWN, QUIET
from idp_analytics.charts.trend import WHOLE
from idp_analytics.charts.wording import interval, named, period, quantity

_STEP = 24
"""Height of a point's row, in pixels; each metric has two."""

_ROW = {
    "label": pl.String,
    "series": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "shown": pl.String,
    "interval": pl.String,
    "n": pl.Int64,
}


def chart(answers: pl.DataFrame, titles: dict[str, str], name: str) -> Chart:
    """Shares of one team and of the organisation in one period, side by side, so that both intervals can be seen.

    ``answers``: rows of :data:`idp_analytics.answers.COLUMNS` at org scope and of one team, metrics whose unit is a share,
    one period, at least one row. ``titles``: metric to what it is called, in the order to draw. A value that is not known
    is not drawn; the line says so.
    """
    own = named(name) or "this team"
    whole = WHOLE if own != WHOLE else f"{WHOLE} (all teams)"
    order = {metric: number for number, metric in enumerate(titles)}
    found = sorted(answers.to_dicts(), key=lambda a: (order[a["metric"]], a["scope"] == "org"))
    rows = [
        {
            "label": titles[a["metric"]], "series": whole if a["scope"] == "org" else own,
            "value": a["value"], "low": a["low"], "high": a["high"], "n": a["n"],
            "shown": quantity(a["value"], a["unit"]), "interval": interval(a["low"], a["high"], a["unit"], a["value"]),
        }
        for a in found
    ]  # fmt: skip
    said = "; ".join(
        f"{row['label']} {row['shown'] if row['value'] is not None else 'without a value'} "
        f"({'organisation' if row['series'] == whole else 'team'}, interval {row['interval']})"
        for row in rows
    )
    return drawn(
        "strip", {"answers": pl.DataFrame(rows, schema=_ROW)}, f"Beside the organisation, {period(found[0]['period'])}",
        f"{said}.", height=2 * _STEP * len({row["label"] for row in rows}), own=own, whole=whole, labels=[titles[m] for m in titles if m in {a["metric"] for a in found}],
    )  # fmt: skip


def drawing() -> dict[str, Any]:
    """The template, built and validated by Altair."""
    import altair as alt

    base = alt.Chart().encode(
        y=alt.Y("label:N", title=None, scale=alt.Scale(domain=["{labels}"]), axis=alt.Axis(labelLimit=170, grid=False)),
        yOffset=alt.YOffset("series:N", sort=["{own}", "{whole}"]),
        color=alt.Color(
            "series:N", scale=alt.Scale(domain=["{own}", "{whole}"], range=[OWN, QUIET]),
            legend=alt.Legend(title=None, orient="top", labelLimit=260),
        ),
        tooltip=[
            alt.Tooltip("label:N", title="metric"), alt.Tooltip("series:N", title="of"), alt.Tooltip("shown:N", title="value"),
            alt.Tooltip("interval:N"), alt.Tooltip("n:Q", title="n"),
        ],
    )  # fmt: skip
    low, value = (
        alt.X(f"{c}:Q", title=None, axis=alt.Axis(format="~%", tickCount=5), scale=alt.Scale(zero=True))
        for c in ("low", "value")
    )
    spec: dict[str, Any] = (
        alt.layer(
            base.transform_filter("isValid(datum.low) && isValid(datum.high)").mark_rule(strokeWidth=3, opacity=0.6).encode(
                x=low, x2="high:Q"
            ),
            base.transform_filter("isValid(datum.value)").mark_point(size=80, filled=True, opacity=1).encode(x=value),
            data=alt.NamedData("answers"),
        )
        .properties(height=2 * _STEP)
        .to_dict()
    )  # fmt: skip
    return spec
