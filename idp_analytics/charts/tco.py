"""What a tool costs by and by with what leaving would add, and which line of the estimate weighs most (a tornado)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from idp_analytics.charts.chart import Chart, drawn
from idp_analytics.charts.palette import OWN, QUIET, WARNING
from idp_analytics.charts.wording import NOTHING, count, money, named

SHOWN = 3
"""How many options a drawing tells apart by colour, dash and shape."""

ENDS = ("line at its low", "line at its high")

_APART = 0.05
"""How far beside the year, in years, the exit costs of options stand, so that none hides another's."""

_SAID = 4
"""How many lines the description tells; the table has all."""

_STEP = 30
"""Height of a line's row, in pixels."""

_YEAR = {
    "series": pl.String,
    "position": pl.Int64,
    "year": pl.Int64,
    "beside": pl.Float64,
    "cumulative": pl.Float64,
    "if_left": pl.Float64,
    "paid": pl.String,
    "leaving": pl.String,
    "in_all": pl.String,
}

_LINE = {
    "label": pl.String,
    "end": pl.String,
    "base": pl.Float64,
    "value": pl.Float64,
    "is_first": pl.Boolean,  # one row carries the rule that stands for all
    "shown": pl.String,
    "stated": pl.String,
}


def cumulative(years: pl.DataFrame, title: str) -> Chart:
    """All that was paid by the end of each year, a line per option, and dashed upwards what leaving then would add.

    ``years``: rows of the study ``tco_years`` of one decision; the :data:`SHOWN` cheapest options are drawn. Cash as it is
    paid, not discounted.
    """
    rows = years.filter(pl.col("position") < SHOWN).sort("position", "year").to_dicts()
    currency = named(rows[0]["currency"])
    options = _called(rows)
    middle = (len(options) - 1) / 2
    drawn_rows = [
        {
            "series": options[row["position"]],
            "position": row["position"],
            "year": row["year"],
            "beside": row["year"] + _APART * (row["position"] - middle),
            "cumulative": float(row["cumulative"]),
            "if_left": None if row["if_left"] is None else float(row["if_left"]),
            "paid": money(row["cumulative"], currency),
            "leaving": money(row["leaving"], currency),
            "in_all": money(row["if_left"], currency),
        }
        for row in rows
    ]
    last = {row["position"]: row for row in rows}
    said = "; ".join(
        f"{options[n]}: {money(row['cumulative'], currency)} after {count(row['year'], 'year')}, "
        f"{money(row['if_left'], currency)} once it is left then"
        for n, row in last.items()
    )
    return drawn(
        "cumulative", {"years": pl.DataFrame(drawn_rows, schema=_YEAR)}, title, f"Paid by and by: {said}.", axis=currency,
        series=list(options.values()),
    )  # fmt: skip


def tornado(lines: Sequence[dict[str, Any]], base: Any, title: str, axis: str, currency: str, most: int = 12) -> Chart:
    """One bar per line from ``base`` to the number with that line alone at its low and at its high, the widest first.

    ``lines``: each with ``label``, ``at_low``, ``at_high`` (Decimal: the number then), ``low``, ``high`` (text: what the line
    is then); at least one, ``most`` are drawn. ``axis`` says what the number is.
    """
    widest = sorted(lines, key=lambda line: (-abs(line["at_high"] - line["at_low"]), line["label"]))[:most]
    rows = [
        {
            "label": line["label"], "end": ENDS[n], "base": float(base), "value": float(line[f"at_{end}"]),
            "is_first": line is widest[0] and not n, "shown": money(line[f"at_{end}"], currency), "stated": line[end],
        }
        for line in widest
        for n, end in enumerate(("low", "high"))
    ]  # fmt: skip
    said = "; ".join(
        f"{line['label']}: {money(line['at_low'], '')} at {line['low']}, {money(line['at_high'], '')} at {line['high']}"
        for line in widest[:_SAID]
    )
    if len(widest) > _SAID:
        said += f"; {count(len(widest) - _SAID, 'line')} with less"
    return drawn(
        "tornado", {"lines": pl.DataFrame(rows, schema=_LINE)}, title, f"{title}. {axis}: {money(base, '')} as stated; {said}.",
        height=_STEP * len(widest), labels=[line["label"] for line in widest], axis=axis,
    )  # fmt: skip


def _called(rows: Sequence[dict[str, Any]]) -> dict[int, str]:
    """Position → the option's title, with its id where two have the same."""
    titles = {row["position"]: named(row["title"]) for row in rows}
    ids = {row["position"]: named(row["option"]) for row in rows}
    shared = [title for title in titles.values() if list(titles.values()).count(title) > 1]
    return {n: f"{title} ({ids[n]})" if title in shared else title or NOTHING for n, title in titles.items()}


def cumulative_drawing() -> dict[str, Any]:
    """The template, built and validated by Altair."""
    import altair as alt

    legend = alt.Legend(title=None, orient="top", columns=1, labelLimit=260, symbolOpacity=1)

    def by_series(channel: Any, values: list[Any]) -> Any:
        return channel("series:N", scale=alt.Scale(domain=["{series}"], range=values), legend=legend)

    # Dashes go by position and have no legend: in that of the points they would tear the outlines.
    dashes = alt.Scale(domain=list(range(SHOWN)), range=[[1, 0], [6, 3], [2, 2]])
    dash = alt.StrokeDash("position:N", scale=dashes, legend=None)
    colour = by_series(alt.Color, [OWN, WARNING, QUIET])
    years = alt.Axis(format="d", tickMinStep=1, grid=False)
    year, beside = (
        alt.X(f"{c}:Q", title="end of year (0: up front)", axis=years, scale=alt.Scale(nice=False, padding=14))
        for c in ("year", "beside")
    )
    paid, left = (
        alt.Y(f"{c}:Q", title="{axis}", axis=alt.Axis(format=",~r", tickCount=5), scale=alt.Scale(zero=True, nice=True))
        for c in ("cumulative", "if_left")
    )
    tooltip = [
        alt.Tooltip("series:N", title="option"), alt.Tooltip("year:Q", title="end of year"),
        alt.Tooltip("paid:N", title="paid until then"), alt.Tooltip("leaving:N", title="leaving would cost"),
        alt.Tooltip("in_all:N", title="in all"),
    ]  # fmt: skip
    base = alt.Chart().encode(color=colour, tooltip=tooltip)
    leaving = base.transform_filter("isValid(datum.if_left)")
    spec: dict[str, Any] = (
        alt.layer(
            leaving.mark_rule(strokeWidth=2, strokeDash=[3, 2]).encode(x=beside, y=paid, y2="if_left:Q"),
            leaving.mark_tick(orient="horizontal", size=14, thickness=2).encode(x=beside, y=left),
            base.transform_calculate(line="datum.series")
            .mark_line(strokeWidth=2)
            .encode(x=year, y=paid, strokeDash=dash),
            base.mark_point(size=60, filled=True, opacity=1).encode(
                x=year, y=paid, shape=by_series(alt.Shape, ["circle", "square", "diamond"])
            ),
            data=alt.NamedData("years"),
        )
        .properties(height=260)
        .to_dict()
    )
    return spec


def tornado_drawing() -> dict[str, Any]:
    """The template, built and validated by Altair."""
    import altair as alt

    legend = alt.Legend(title=None, orient="top", columns=1)
    colour = alt.Color("end:N", scale=alt.Scale(domain=list(ENDS), range=[OWN, WARNING]), legend=legend)
    shape = alt.Shape("end:N", scale=alt.Scale(domain=list(ENDS), range=["circle", "diamond"]), legend=legend)
    value, base_value = (
        alt.X(f"{c}:Q", title="{axis}", axis=alt.Axis(format=",~r", tickCount=5), scale=alt.Scale(zero=True))
        for c in ("value", "base")
    )
    base = alt.Chart().encode(
        y=alt.Y("label:N", title=None, scale=alt.Scale(domain=["{labels}"]), axis=alt.Axis(labelLimit=200, grid=False)),
        tooltip=[
            alt.Tooltip("label:N", title="line"), alt.Tooltip("end:N", title="alone"), alt.Tooltip("stated:N", title="then it is"),
            alt.Tooltip("shown:N", title="and this is"),
        ],
    )  # fmt: skip
    once = alt.Chart().transform_filter("datum.is_first")
    spec: dict[str, Any] = (
        alt.layer(
            base.mark_bar(height=14, opacity=0.45).encode(x=base_value, x2="value:Q", color=colour),
            base.mark_point(size=70, filled=True, opacity=1).encode(x=value, color=colour, shape=shape),
            once.mark_rule(color=QUIET, strokeWidth=1.5).encode(x=base_value),
            once.mark_rule(color=QUIET, strokeWidth=1.5, strokeDash=[5, 3]).encode(x=alt.datum(0)),
            data=alt.NamedData("lines"),
        )
        .properties(height=_STEP)
        .to_dict()
    )
    return spec
