"""A funnel plot: every team at its number of observations, between the limits that chance sets there. No order, no rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from idp_analytics.charts.chart import Chart, drawn
from idp_analytics.charts.palette import OWN, QUIET, WARNING
from idp_analytics.charts.wording import count, duration, interval, is_share, named, period, quantity

OTHERS = "another team"
APART = "apart from the others"

MANY = 150
"""From so many marks on those that lie close to one another are drawn as one."""

_GRID = 16
"""Of so many columns and rows are the cells in which marks count as close."""

_ROW = {
    "role": pl.String,  # limit | point
    "series": pl.String,
    "name": pl.String,
    "n": pl.Int64, "value": pl.Float64, "low_95": pl.Float64, "high_95": pl.Float64, "low_998": pl.Float64,
    "high_998": pl.Float64, "centre": pl.Float64, "shown": pl.String, "limits": pl.String, "verdict": pl.String,
}  # fmt: skip

Mark = Mapping[str, Any]
"""Where a team lies, or several together (:func:`marks`)."""

_LIMITS = ("low_95", "high_95", "low_998", "high_998")


def chart(
    rows: pl.DataFrame,
    title: str,
    noun: str,
    names: Mapping[str, str],
    own: str = "",
    dots: Sequence[Mark] | None = None,
) -> Chart:
    """Teams and limits of one metric in one period.

    ``rows``: rows of the study ``comparison`` of one metric and period: ``limit`` rows and ``team`` rows, or for one
    team's page its own ``team`` row and the others as ``dot`` rows, or as ``dots``, which are :func:`marks` of those. ``noun``: what n counts, several of them.
    ``names``: team id to the name shown, in the tooltip only. ``own``: the team to point out; empty: none. The solid line
    is all teams together, the dashed lines the 95 % limits, the dotted ones the 99.8 % limits; a diamond is a team apart
    from the others. Of more than :data:`MANY` that are not apart, those close to one another are one mark.
    """
    unit = rows["unit"][0]
    cut = {role: part for (role,), part in rows.partition_by("role", as_dict=True, maintain_order=True).items()}
    limits = sorted(cut["limit"].to_dicts(), key=lambda row: row["n"])
    compared = (row for row in cut.get("team", rows.clear()).to_dicts() if row["low_998"] is not None)
    teams = sorted(compared, key=lambda row: row["entity_id"])
    if dots is None:
        dots = marks(cut["dot"]) if own and "dot" in cut else ()
    crowd: Sequence[Mark] = ()
    if len(teams) > MANY and not own:
        close = pl.col("role") == "team", pl.col("low_998").is_not_null(), pl.col("verdict") != APART
        crowd = marks(rows.filter(*close))
    most = max(row["value"] for row in (*teams, *dots))
    factor, axis = _axis(most, unit)
    # A limit far above every team would press all that there is to see to the floor of the chart; it leaves the picture.
    roof = 1.25 * max(most, limits[0]["centre"], min(row["high_95"] for row in limits))
    label = named(names.get(own, own)) or "a team"
    label = f"{label} (this team)" if label in (OTHERS, APART) else label
    drawn_rows = [
        *({"role": "limit", "n": row["n"], "centre": factor * row["centre"],
           **{name: factor * row[name] if row[name] <= roof else None for name in _LIMITS}} for row in limits),
        *({"role": "point", "series": OTHERS, "n": row["n"], "value": factor * row["value"],
           "shown": quantity(row["value"], unit), **_many(row)} for row in dots),
        *({"role": "point", "series": "a team", "n": row["n"], "value": factor * row["value"],
           "shown": quantity(row["value"], unit), **_many(row)} for row in crowd),
        *(_team(row, unit, factor, label if own else "", names) for row in teams if not crowd or row["verdict"] == APART),
    ]  # fmt: skip
    series = {OTHERS: QUIET, label: OWN, APART: WARNING} if own else {"a team": OWN, APART: WARNING}
    used = [name for name in series if any(row.get("series") == name for row in drawn_rows)]
    shapes = {APART: "diamond"}
    return drawn(
        "funnel", {"teams": pl.DataFrame(drawn_rows, schema=_ROW)}, f"{title}, {period(rows['period'][0])}",
        _described(teams, limits, title, unit, names, own), axis=axis, format="~%" if is_share(unit) else ",~r", noun=f"{noun} (n)",
        series=used, colours=[series[name] for name in used], shapes=[shapes.get(name, "circle") for name in used],
    )  # fmt: skip


def _team(row: dict[str, Any], unit: str, factor: float, own: str, names: Mapping[str, str]) -> dict[str, Any]:
    apart = row["verdict"] == APART
    return {
        "role": "point", "series": APART if apart else own or "a team", "name": named(names.get(row["entity_id"], row["entity_id"])),
        "n": row["n"], "value": factor * row["value"], "shown": quantity(row["value"], unit),
        "limits": interval(row["low_998"], row["high_998"], unit, row["centre"]), "verdict": row["verdict"],
    }  # fmt: skip


def marks(rows: pl.DataFrame) -> list[Mark]:
    """Rows with ``n``, ``value`` and of how many ``teams`` each is, by ``n``: one per team, or of more than :data:`MANY` one per cell of a grid in which
    any lie, where they are on average."""
    rows = rows.sort("n", "value")
    if rows.height <= MANY:
        return [
            {"n": n, "value": value, "teams": 1}
            for n, value in zip(rows["n"].to_list(), rows["value"].to_list(), strict=True)
        ]

    def cell(place: pl.Expr) -> pl.Expr:
        low, high = place.min(), place.max()
        return pl.when(high > low).then(((place - low) / (high - low) * _GRID).floor().clip(0, _GRID - 1)).otherwise(0)

    told = rows.group_by(cell(pl.col("n").log()).alias("x"), cell(pl.col("value")).alias("y"), maintain_order=True)
    means = pl.col("n").mean().round().cast(pl.Int64), pl.col("value").mean()
    return [*told.agg(*means, pl.len().alias("teams")).sort("n", "value").drop("x", "y").iter_rows(named=True)]


def _many(row: Mark) -> dict[str, str]:
    """What a mark is called that stands for several teams."""
    return {"name": f"{row['teams']:,} teams, on average"} if row["teams"] > 1 else {}


def _axis(most: float, unit: str) -> tuple[float, str]:
    if unit != "hours":
        return 1.0, unit
    factor, word = duration(most)
    return factor, {"min": "minutes", "h": "hours"}.get(word, word)


def _described(
    teams: list[dict[str, Any]], limits: list[dict[str, Any]], title: str, unit: str, names: Mapping[str, str], own: str
) -> str:
    """How many teams, all of them together, and who is apart, in order of name."""
    when, centre = period(limits[0]["period"]), quantity(limits[0]["centre"], unit)
    if own:
        row = teams[0]
        bounds = interval(row["low_998"], row["high_998"], unit, row["centre"])
        return (
            f"{title} in {when}: {quantity(row['value'], unit)} at n = {row['n']:,}; all teams together {centre}; 99.8 % limits "
            f"at this n {bounds}: {row['verdict']}."
        )
    apart = sorted(named(names.get(r["entity_id"], r["entity_id"])) for r in teams if r["verdict"] == APART)
    told = (
        f"apart from the others: {', '.join(apart[:12])}{', …' if len(apart) > 12 else ''}"
        if apart
        else "none is apart from the others"
    )
    return f"{title} of {count(len(teams), 'team')} in {when}, all together {centre}: {told}."


def drawing() -> dict[str, Any]:
    """The template, built and validated by Altair."""
    import altair as alt

    x = alt.X(
        "n:Q",
        title="{noun}",
        scale=alt.Scale(type="log", nice=False, padding=8),
        axis=alt.Axis(format="~s", tickCount=5, grid=False),
    )

    def y(column: str) -> Any:
        return alt.Y(
            f"{column}:Q", title="{axis}", axis=alt.Axis(format="{format}", tickCount=5), scale=alt.Scale(zero=True)
        )

    def line(column: str, dash: list[int]) -> Any:
        return (
            alt.Chart()
            .transform_filter(f"datum.role == 'limit' && isValid(datum.{column})")
            .mark_line(color=QUIET, strokeWidth=1.5, strokeDash=dash)
            .encode(x=x, y=y(column))
        )

    legend = alt.Legend(title=None, orient="top", labelLimit=260)
    points = (
        alt.Chart()
        .transform_filter("datum.role == 'point'")
        .mark_point(size=70, filled=True, opacity=0.85)
        .encode(
            x=x,
            y=y("value"),
            color=alt.Color("series:N", scale=alt.Scale(domain=["{series}"], range=["{colours}"]), legend=legend),
            shape=alt.Shape("series:N", scale=alt.Scale(domain=["{series}"], range=["{shapes}"]), legend=legend),
            size=alt.condition(f"datum.series == '{OTHERS}'", alt.value(25), alt.value(80)),
            tooltip=[
                alt.Tooltip("name:N", title="team"), alt.Tooltip("shown:N", title="value"), alt.Tooltip("n:Q"),
                alt.Tooltip("limits:N", title="99.8 % limits"), alt.Tooltip("verdict:N", title="is"),
            ],
        )
    )  # fmt: skip
    spec: dict[str, Any] = (
        alt.layer(
            line("centre", [1, 0]), line("low_95", [6, 3]), line("high_95", [6, 3]), line("low_998", [2, 3]),
            line("high_998", [2, 3]), points, data=alt.NamedData("teams"),
        )
        .properties(height=260)
        .to_dict()
    )  # fmt: skip
    return spec
