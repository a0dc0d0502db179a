"""Would they pay? What the platform costs each developer, what they say they would pay, and what teams get beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, localcontext
from typing import Any

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.charts.wording import NOTHING, interval, money, named, period, quantity
from idp_analytics.metrics import by_name
from idp_analytics.metrics.unit_costs import DEPLOYMENT, DEVELOPER
from idp_analytics.report import cells, stated_price
from idp_analytics.report.section import Section, Table
from idp_analytics.report.slices import where
from idp_analytics.report.view import View, team_names

COST = "showback_cost"
_MONTHS = {"1mo": 1, "1q": 3}
QUESTION = "Would they pay for the platform?"
GETS = ("deployment_frequency", "change_lead_time", "change_fail_rate", "failed_deployment_recovery_time")
"""What stands beside the cost of each team: DORA's numbers of the same period."""


def worth(view: View) -> Section:
    """The platform's cost (its pools, and what its own team owns) per active developer, what people say they would pay, and each team's
    cost beside what it gets."""
    units = view.study("unit_costs")
    if units.is_empty():
        stated = stated_price.stated(view, None, None)
        return Section(
            QUESTION, " ".join([view.unless_week(False, f"No cost in {period(view.period.label)}."), *stated.said]), tables=stated.tables,
            cautions=stated.cautions, metrics=(by_name(COST),),
        )  # fmt: skip
    currencies = _currencies(units)
    tables = [_beside(view, currency) for currency in currencies]
    stated = stated_price.stated(view, _each_month(view, currencies[0], units), currencies[0])
    return Section(
        QUESTION, " ".join([*said(view), *stated.said]), stated.chart, tables=(*stated.tables, *(table for table in tables if table.height)),
        cautions=(*stated.cautions, *_cautions(view, currencies if stated.said else ())), trace=view.trace(COST), metrics=tuple(by_name(name) for name in (COST, *GETS)),
    )  # fmt: skip


def said(view: View) -> list[str]:
    """What the platform cost in each currency, what that is per active developer, and from how many saved hours on it pays."""
    units = view.study("unit_costs")
    costs = {currency: cost for currency in _currencies(units) if (cost := _platform(view, currency))}
    by_developers: dict[int | None, list[str]] = {}
    for currency in costs:
        by_developers.setdefault(_developers(units, currency), []).append(currency)
    return [
        sentence
        for n, currencies in by_developers.items()
        for sentence in _said(view, {currency: costs[currency] for currency in currencies}, n)
    ]


def _currencies(units: pl.DataFrame) -> list[str]:
    """Those there is a cost in, the one of most lines first."""
    lines = units.group_by("currency").agg(pl.col("lines").first())
    return lines.sort("lines", "currency", descending=[True, False])["currency"].to_list()


def _said(view: View, costs: Mapping[str, Decimal], n: int | None) -> Iterator[str]:
    owner = view.mart.meta.get("platform_team")
    own = f" and what {named(team_names(view.mart, [owner])[owner])} owns" if owner else ""
    said = f"The platform (its pools of shared cost{own}) cost {_amounts(costs)} in {period(view.period.label)}"
    if not n:
        yield f"{said}; how many developers were active is not known or withheld."
        return
    each = {currency: cost / n for currency, cost in costs.items()}
    yield f"{said}: {_amounts(each)} per active developer ({n:,})."
    hour = view.mart.meta.get("developer_hour")
    if hour and hour[1] in each:
        hours = float(each[hour[1]] / Decimal(hour[0]))
        what = "it" if len(each) == 1 else f"the part in {named(hour[1])}"
        yield (
            f"At {money(Decimal(hour[0]), hour[1])} an hour (settings), {what} pays once each of them saves more than "
            f"{quantity(hours, 'hours')} in that time."
        )


def _amounts(costs: Mapping[str, Decimal]) -> str:
    return " and ".join(money(cost, currency) for currency, cost in costs.items())


def _developers(units: pl.DataFrame, currency: str) -> int | None:
    """How many developers were active; None where that is not known or withheld."""
    rows = where(units, currency=currency, per=DEVELOPER).to_dicts()
    return rows[0]["n"] if rows else None


def _each_month(view: View, currency: str, units: pl.DataFrame) -> Decimal | None:
    """What the platform cost per active developer and month of the period; None where that is not known."""
    cost, n = _platform(view, currency), _developers(units, currency)
    return cost / n / _MONTHS[view.period.every] if cost and n and view.period.every in _MONTHS else None


def _platform(view: View, currency: str) -> Decimal:
    """Pools as teams pay them, and what the platform's own team owns directly."""
    pools = view.study("pools").filter("is_platform", pl.col("currency") == currency, pl.col("reason").is_null())
    paid = sum(pools["amount"].to_list(), Decimal(0))
    owner = view.mart.meta.get("platform_team")
    if not owner:
        return paid
    here = (
        (pl.col("entity_id") == owner)
        & (pl.col("every") == view.period.every)
        & (pl.col("period") == view.period.label)
    )
    all_of_it = view.mart.answers.filter(
        here,
        pl.col("metric") == COST,
        pl.col("scope") == "team",
        pl.col("currency") == currency,
        pl.col("detail").is_null(),
    )["amount"].drop_nulls()
    shares = view.mart.studies["pools"].filter(here, pl.col("currency") == currency)["amount"].to_list()
    with localcontext() as context:
        context.prec = 76
        return paid + sum(all_of_it.to_list(), Decimal(0)) - sum(shares, Decimal(0))


def _beside(view: View, currency: str) -> Table:
    here = (pl.col("every") == view.period.every) & (pl.col("period") == view.period.label)
    units = view.mart.studies["unit_costs"].filter(here, pl.col("currency") == currency)
    answers = view.mart.answers.filter(here, pl.col("metric").is_in(list(GETS)), pl.col("detail").is_null())
    found = {
        (row["entity_id"], row["metric"]): row
        for row in answers.filter(pl.col("scope").is_in(["team", "org"])).to_dicts()
    }
    costs = {(row["entity_id"], row["per"]): row for row in units.to_dicts()}
    teams = sorted({entity for entity, _ in costs if entity != ORG})
    names = team_names(view.mart, teams)
    order = [*sorted(teams, key=lambda team: names[team]), ORG]
    return cells.of_teams(
        f"What teams pay and what they get, {named(currency)}, {period(view.period.label)}",
        (
            (
                costs[team, DEPLOYMENT]["amount"] or 0,
                {
                    "Team": named(view.mart.meta["title"]) if team == ORG else names[team],
                    "Cost": money(costs[team, DEPLOYMENT]["amount"], ""),
                    "Per active developer": _unit(costs.get((team, DEVELOPER))),
                    **{by_name(name).title: _got(found.get((team, name))) for name in GETS},
                },
            )
            for team in order
            if (team, DEPLOYMENT) in costs
        ),
        "with the highest cost",
        "answers.csv",
    )


def _unit(row: dict[str, Any] | None) -> str:
    return NOTHING if row is None or row["value"] is None else f"{money(row['value'], '')} ({row['n']:,})"


def _got(row: dict[str, Any] | None) -> str:
    if row is None or row["value"] is None:
        return NOTHING
    return f"{quantity(row['value'], row['unit'])} ({interval(row['low'], row['high'], row['unit'], row['value'])}; n {row['n']:,})"


def _cautions(view: View, currencies: Sequence[str]) -> Iterator[str]:
    if len(currencies) > 1:
        others = ", ".join(map(named, currencies[1:]))
        yield f"The cost that stands beside stated prices is that in {named(currencies[0])}; what was billed in {others} comes on top."
    yield (
        "What teams get stands beside what they pay; nothing here says that one is because of the other. The order is that of names, "
        "and teams build different things."
    )
    if not view.mart.meta.get("developer_hour"):
        yield "Say developer_hour and currency under [showback] to see from how many hours saved on the platform pays."
