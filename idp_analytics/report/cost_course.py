"""Where the cost is going, and which days were not like the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import polars as pl

from idp_analytics.answers import Verdict
from idp_analytics.charts import Chart, forecast
from idp_analytics.charts.forecast import rounded
from idp_analytics.charts.wording import NOTHING, count, money, named, period, quantity
from idp_analytics.estimates.forecasts import FEWEST
from idp_analytics.metrics import by_name
from idp_analytics.metrics.cost_anomalies import FALSE_DISCOVERIES, SETTLING
from idp_analytics.periods import SHOWN, parse
from idp_analytics.report import cells, words
from idp_analytics.report.section import Section, Table
from idp_analytics.report.slices import having, lacking, where
from idp_analytics.report.view import View, team_names

METRIC = "showback_cost"
AHEAD, UNUSUAL = "Where is the cost going?", "Which days were not like the others?"
_MOST = 30
"""The most anomalies a table has."""


# --- forecast ----------------------------------------------------------------------------------------------------------


def ahead(view: View) -> Section:
    """The next three months, seen from the latest complete one, with an interval and how such intervals did in the past."""
    metric = by_name(METRIC)
    found = view.own("cost_forecast")
    if found.is_empty():
        return Section(AHEAD, "No cost of a complete month is known, so nothing is forecast.", metrics=(metric,))
    origin = parse(found["period"][0])
    if origin.end != view.period.end:
        return Section(
            AHEAD,
            f"A forecast is made from the latest complete month only, {period(origin.label)}: see the report of that month.",
            metrics=(metric,),
        )
    known = having(found, "value")
    order = [c for c in _currencies(view, origin.label) if c in found["currency"].to_list()]
    told = [c for c in order if where(known, currency=c).height]
    short = [c for c in order if c not in told]
    sentences = [_next(where(known, currency=c).to_dicts()) for c in told]
    sentences += [_too_short(where(found, currency=c).row(0, named=True)) for c in short]
    return Section(
        AHEAD,
        " ".join(sentences),
        chart=_chart(view, where(known, currency=told[0]), told[0]) if told else None,
        tables=tuple(_months(where(known, currency=c).to_dicts(), c) for c in told),
        cautions=(
            *_coverage(view),
            "It knows the past only: no plan, no price that is announced, no team that will change.",
        ),
        trace=view.trace(METRIC),
        verdict=None if told else Verdict.INSUFFICIENT_DATA,
        metrics=(metric,),
    )


WAYS: Mapping[str, str] = {
    "naive": "day for day as in the last month",
    "seasonal naive": "day for day as a year before",
    "theta": "smoothed, with a trend (theta)",
}
"""Method → how it goes on."""


def _next(rows: list[dict[str, Any]]) -> str:
    first, last = rows[0], rows[-1]
    currency = first["currency"]
    trials = f"{count(first['trials'], 'trial')} on the past"
    why = (
        f"off by {rounded(first['error'], currency)} a day in {trials}, where {WAYS[first['baseline']]} was off by "
        f"{rounded(first['baseline_error'], '')}"
        if first["method"] == "theta"
        else f"nothing was nearer in {trials}, off by {rounded(first['error'], currency)} a day"
    )
    return (
        f"Expected for {period(first['target'])} {rounded(first['value'], currency)} ({_bounds(first)}), for "
        f"{period(last['target'], first['target'])} {rounded(last['value'], '')} ({_bounds(last)}): {WAYS[first['method']]}, {why}."
    )


def _bounds(row: Mapping[str, Any]) -> str:
    if row["low"] is None:
        return "too few trials for an interval"
    return f"{words.level(row)} {rounded(row['low'], '')} to {rounded(row['high'], '')}"


def _too_short(row: Mapping[str, Any]) -> str:
    return f"{named(row['currency'])}: not enough history, {count(row['n'], 'complete month')}; {FEWEST} are needed for a forecast."


def _coverage(view: View) -> Iterator[str]:
    """How often intervals made in the past held what came, over all teams: one team alone has too few."""
    rows = view.mart.studies["cost_forecast"].unique(["scope", "entity_id", "currency"])
    shown = rows if view.scope == "org" else where(rows, scope=view.scope, entity_id=view.entity_id)
    hits, tests = int(shown["hits"].sum()), int(shown["tests"].sum())
    level = quantity(rows["level"][0], "share")
    whose = " of the organisation and its teams" if view.scope == "org" else " of this team"
    if tests:
        yield f"Intervals made the same way in the past{whose} held the cost that came {hits:,} of {tests:,} times; {level} should."


def _months(rows: list[dict[str, Any]], currency: str) -> Table:
    return cells.table(
        f"The next months, {named(currency)}",
        (
            {
                "Month": row["target"],
                "Cost": rounded(row["value"], ""),
                words.level(row).capitalize(): _bounds(row).removeprefix(f"{words.level(row)} "),
                "Method": WAYS[row["method"]],
                "Complete months (n)": f"{row['n']:,}",
                "Intervals that held": f"{row['hits']:,} of {row['tests']:,}" if row["tests"] else NOTHING,
            }
            for row in rows
        ),
        left=("Method",),
    )


def _chart(view: View, rows: pl.DataFrame, currency: str) -> Chart:
    costs = view.mart.answers.filter(
        pl.col("metric") == METRIC, pl.col("scope") == view.scope, pl.col("entity_id") == view.entity_id,
        pl.col("every") == "1mo", pl.col("currency") == currency, pl.col("detail").is_null(), ~pl.col("is_partial"),
        pl.col("amount").is_not_null(), pl.col("period_start") < rows["target_start"].min(),
    ).sort("period_start").tail(SHOWN["1mo"])  # fmt: skip
    drawn = having(rows, "low").select("target", "value", "low", "high").rows()
    return forecast.chart(costs.select("period", "amount").rows(), drawn, f"Cost of {view.name}", currency)


def _currencies(view: View, month: str) -> list[str]:
    rows = view.mart.answers.filter(
        pl.col("metric") == METRIC, pl.col("scope") == view.scope, pl.col("entity_id") == view.entity_id,
        pl.col("period") == month, pl.col("detail").is_null(), pl.col("currency").is_not_null(),
    )  # fmt: skip
    told: list[str] = rows.sort("n", "currency", descending=[True, False])["currency"].to_list()
    found = view.own("cost_forecast")
    return [*told, *sorted(set(found["currency"]) - set(told))]


# --- anomalies ---------------------------------------------------------------------------------------------------------


def unusual(view: View) -> Section:
    """The anomalies that began in the period, in money, with the line that drove each; of the organisation those of every team."""
    metric = by_name(METRIC)
    rows = view.study("cost_anomalies")
    wholes = lacking(rows, "first_on")
    when = period(view.period.label)
    if wholes.is_empty():
        return Section(UNUSUAL, view.unless_week(False, f"No cost in {when}."), metrics=(metric,))
    tested = int(wholes["tested"].max())  # type: ignore[arg-type]
    found = _everybody(view) if view.scope == "org" else having(rows, "first_on")
    return Section(
        UNUSUAL,
        " ".join(_told(found, tested, view)) if tested else f"Not measured: no day of {when} has {_needs()}.",
        tables=(_anomalies(found, view),) if found.height else (),
        cautions=tuple(_seen(wholes, tested)),
        trace=view.trace(METRIC),
        verdict=None if tested else Verdict.NOT_MEASURED,
        metrics=(metric,),
    )


def _everybody(view: View) -> pl.DataFrame:
    return view.mart.studies["cost_anomalies"].filter(
        pl.col("every") == view.period.every, pl.col("period") == view.period.label, pl.col("first_on").is_not_null()
    )


def _needs() -> str:
    return "charges by the day and twelve weeks of them before it"


def _told(found: pl.DataFrame, tested: int, view: View) -> Iterator[str]:
    when = period(view.period.label)
    if found.is_empty():
        whose = ", for the organisation or a team" if view.scope == "org" else ""
        yield f"No day of {when} stands out{whose}: {count(tested, 'day')} tested."
        return
    largest = found.sort(pl.col("beyond").abs(), descending=True).row(0, named=True)
    yield f"{count(found.height, 'anomaly', 'anomalies')} began in {when}."
    whose = f" of {_owner(largest, view)}" if view.scope == "org" else ""
    yield (
        f"The largest{whose}: {_days(largest)} cost {money(largest['amount'], largest['currency'])}, "
        f"{rounded(abs(largest['beyond']), '')} {'more' if largest['beyond'] > 0 else 'less'} than expected; "
        f"{_line(largest)} is furthest from its own weeks before."
    )


def _seen(wholes: pl.DataFrame, tested: int) -> Iterator[str]:
    """How much of the cost can show anomalies at all, and how false alarms are held down."""
    for row in wholes.sort("currency").iter_rows(named=True):
        if not row["daily"]:
            yield f"{named(row['currency'])}: nothing is charged by the day, so nothing can be seen."
        elif share := _share(row["daily"], row["amount"]):
            yield f"{named(row['currency'])}: looked at are charges by the day, {share} of what is owned; shares of pools are not."
    if tested:
        chance = quantity(FALSE_DISCOVERIES, "share")
        yield (
            f"Of the anomalies of a whole run, at most {chance} are expected to be chance (Benjamini & Hochberg). The last {SETTLING} days "
            "before the as-of time are left out: their charges still come in."
        )


def _share(part: Decimal, whole: Decimal) -> str:
    return quantity(float(part / whole), "share") if whole > 0 and 0 <= part <= whole else ""


def _anomalies(found: pl.DataFrame, view: View) -> Table:
    ordered = found.sort("first_on", "scope", "entity_id", "currency").to_dicts()
    owned = view.scope == "org"
    return cells.table(
        f"Anomalies that began in {period(view.period.label)}",
        (
            {
                "Days": _days(row),
                **({"Whose": _owner(row, view)} if owned else {}),
                "Cost": money(row["amount"], row["currency"]),
                "Expected": rounded(row["expected"], ""),
                "Beyond it": f"{'+' if row['beyond'] > 0 else ''}{rounded(row['beyond'], '')}",
                "Line furthest off": _line(row),
                "By": f"{'+' if row['line_beyond'] > 0 else ''}{rounded(row['line_beyond'], '')}",
            }
            for row in ordered[:_MOST]
        ),
        left=("Whose", "Line furthest off"),
        left_out=max(0, len(ordered) - _MOST),
    )


def _owner(row: Mapping[str, Any], view: View) -> str:
    if row["scope"] == "org":
        return "the whole organisation"
    return team_names(view.mart, [row["entity_id"]])[row["entity_id"]]


def _days(row: Mapping[str, Any]) -> str:
    first, last = row["first_on"], row["last_on"]
    if first == last:
        return f"{first:%-d %B}"
    return f"{first:%-d} to {last:%-d %B}" if first.month == last.month else f"{first:%-d %B} to {last:%-d %B}"


def _line(row: Mapping[str, Any]) -> str:
    sku = f" ({row['sku']})" if row["sku"] and row["sku"] != row["component"] else ""
    return named(
        f"{row['component'] or 'no component told'}{sku}{' – ' + row['service_id'] if row['service_id'] else ''}"
    )
