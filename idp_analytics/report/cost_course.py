"""Where the cost is going: a forecast that says how often it was right before, and the days that were unusual."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from idp_analytics.charts import Chart, trend
from idp_analytics.charts.wording import count, interval, named, period, quantity
from idp_analytics.metrics import by_name
from idp_analytics.metrics.cost_anomalies import DISCOVERY, SETTLING
from idp_analytics.metrics.cost_forecast import LEAST
from idp_analytics.periods import label
from idp_analytics.report import cells
from idp_analytics.report.section import Section, Table
from idp_analytics.report.view import SHOWN, View, team_names

METRIC = "showback_cost"
QUESTION = "Where is the cost going?"


def cost_course(view: View) -> Section:
    """The months so far with the next three, per currency, and what was unusual in the period."""
    metric = by_name(METRIC)
    found = view.mart.studies["cost_forecast"].filter(
        pl.col("scope") == view.scope, pl.col("entity_id") == view.entity_id
    )
    unusual = view.study("cost_anomalies")
    if found.is_empty():
        return Section(QUESTION, "There is no complete month of cost yet.", metrics=(metric,))
    currencies = _largest_first(found)
    ahead = {c: found.filter(currency=c, kind="forecast").to_dicts() for c in currencies}
    answer = [*(_forecast(ahead[c], c, found) for c in currencies), _told(unusual, view)]
    tables = [_ahead(ahead, view), _unusual(unusual, view)]
    return Section(
        QUESTION, " ".join(answer), chart=_chart(found, currencies[0]) if ahead[currencies[0]] else None,
        tables=tuple(t for t in tables if t.frame.height), cautions=tuple(_cautions(ahead)), metrics=(metric,),
    )  # fmt: skip


def _largest_first(found: pl.DataFrame) -> list[str]:
    sums = found.filter(kind="seen").group_by("currency").agg(pl.col("value").sum())
    order: list[str] = sums.sort("value", "currency", descending=[True, False])["currency"].to_list()
    return order


def _forecast(rows: list[dict[str, Any]], currency: str, found: pl.DataFrame) -> str:
    if not rows:
        months = int(found.filter(currency=currency)["months"].to_list()[0])
        return f"{named(currency)}: too early to forecast, with {months} of at least {LEAST} complete months."
    next_month = rows[0]
    unit = named(currency)
    bounds = interval(next_month["low"], next_month["high"], unit, next_month["value"])
    better = (
        f", the last month again by {quantity(next_month['naive_error'], unit)}"
        if next_month["way"] != "last month again"
        else ""
    )
    return (
        f"If things go on as they did, {period(label(next_month['month'], '1mo'))} costs about {quantity(next_month['value'], unit)} "
        f"({next_month['level']:.0%} prediction interval {bounds}), by the {next_month['way']}; tried on the past, that was off by "
        f"{quantity(next_month['error'], unit)} on average{better}."
    ).replace("80%", "80 %")


def _told(unusual: pl.DataFrame, view: View) -> str:
    when = period(view.period.label)
    if unusual.is_empty():
        return f"No day of {when} stands out."
    row = unusual.sort("beyond", descending=True).row(0, named=True)
    where = (
        f" for {team_names(view.mart, [row['team_id']])[row['team_id']]}"
        if view.scope == "org" and row["team_id"]
        else ""
    )
    return (
        f"{count(unusual.height, 'unusual episode')} began in {when}; the largest on {row['day'].day} {row['day']:%B}{where}: "
        f"{quantity(row['beyond'], named(row['currency']))} beyond what was usual, most of it {named(row['component'] or 'without a component')}."
    )


def _ahead(ahead: dict[str, list[dict[str, Any]]], view: View) -> Table:
    return cells.table(
        f"Forecast of the cost of {view.name}",
        (
            {
                "Month": label(row["month"], "1mo"),
                "Forecast": quantity(row["value"], named(currency)),
                f"{row['level']:.0%} prediction interval".replace("%", " %"): interval(row["low"], row["high"], named(currency), row["value"]),
                "By": row["way"],
                "Mean error before": quantity(row["error"], named(currency)),
                "Of the last month again": quantity(row["naive_error"], named(currency)),
                "In its interval before": f"{row['hits']} of {row['judged']}",
                "95 % interval of that": interval(row["covered_low"], row["covered_high"], "share", None) if row["judged"] else "",
            }
            for currency, rows in ahead.items()
            for row in rows
        ),
        left=("By",),
    )  # fmt: skip


def _unusual(unusual: pl.DataFrame, view: View) -> Table:
    names = team_names(view.mart, unusual["team_id"].drop_nulls().unique().sort().to_list())
    return cells.table(
        f"Unusual cost that began in {period(view.period.label)}",
        (
            {
                "From": f"{row['day']}",
                "To": f"{row['last_day']}",
                "Team": names.get(row["team_id"], "no owner"),
                "Days (n)": f"{row['unusual_days']:,}",
                "Cost": quantity(row["amount"], named(row["currency"])),
                "Usual": quantity(row["expected"], named(row["currency"])),
                "Beyond": quantity(row["beyond"], named(row["currency"])),
                "Most of it": named(row["component"] or ""),
                "Days judged (n)": f"{row['days']:,}",
            }
            for row in unusual.to_dicts()
        ),
        left=("To", "Team", "Most of it"),
    )


def _chart(found: pl.DataFrame, currency: str) -> Chart:
    """The months so far as points, the forecast hollow with its interval."""
    rows = found.filter(currency=currency).sort("month").tail(SHOWN["1mo"] + 3)
    is_ahead = pl.col("kind") == "forecast"
    drawn = rows.select(
        pl.Series("period", [label(month, "1mo") for month in rows["month"]]),
        pl.col("month").alias("period_start"), pl.lit("1mo").alias("every"), is_ahead.alias("is_partial"), "value",
        pl.when(is_ahead).then("low").otherwise("value").alias("low"), pl.when(is_ahead).then("high").otherwise("value").alias("high"),
        pl.col("months").alias("n"), pl.when(is_ahead).then(pl.lit("forecast")).otherwise(pl.lit("seen")).alias("verdict"),
    )  # fmt: skip
    return trend.chart(drawn, f"Cost so far and forecast, {named(currency)}", named(currency))


def _cautions(ahead: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    for currency, rows in ahead.items():
        if rows and rows[0]["judged"] and rows[0]["covered_high"] < rows[0]["level"]:
            yield (
                f"{named(currency)}: of {rows[0]['judged']} months forecast so before, {rows[0]['hits']} lay in their interval, fewer than "
                "it says: it is too narrow to rely on."
            )
    yield (
        f"A forecast knows nothing of what is planned. Unusual days are named at a false discovery rate of {DISCOVERY:.0%}".replace(
            "%", " %"
        )
        + f", usage of a day or less only; the last {SETTLING} days are not judged, because bills are still coming in."
    )
