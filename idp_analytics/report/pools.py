"""How cost that nobody owns alone is shared: each pool with its rule, and what another method would make of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import polars as pl

from idp_analytics.charts.wording import NOTHING, count, money, named, period, quantity
from idp_analytics.metrics import by_name
from idp_analytics.report import cells
from idp_analytics.report.section import Section, Table
from idp_analytics.report.slices import having, lacking, where
from idp_analytics.report.view import View, team_names

METRIC = "showback_cost"
METHODS = "allocation_methods"
"""The study that has each team's cost by every method."""

QUESTION = "How is shared cost shared, and is that fair?"


def sharing(view: View) -> Section:
    """The pools of the period with their rules, and each team's cost under other methods of sharing."""
    metric = by_name(METRIC)
    rows = view.study("pools")
    if rows.is_empty():
        return Section(
            QUESTION,
            view.unless_week(
                False, f"No pool held any cost in {period(view.period.label)}: cost is shared only by rules ([[pool]])."
            ),
            metrics=(metric,),
        )
    methods = where(view.mart.studies[METHODS], every=view.period.every, period=view.period.label)
    tables = (_pools(rows, view), *_methods(methods, view))
    return Section(
        QUESTION, " ".join(_answer(rows, methods, view)), tables=tuple(tables), cautions=tuple(_cautions(rows)),
        trace=view.trace(METRIC), metrics=(metric,),
    )  # fmt: skip


def _answer(rows: pl.DataFrame, methods: pl.DataFrame, view: View) -> Iterator[str]:
    paid = lacking(rows, "reason")
    for currency in rows["currency"].unique(maintain_order=True):
        here = where(paid, currency=currency)
        amount = sum(here["amount"].to_list(), Decimal(0))
        who = "its share of" if view.scope == "team" else "shared out to teams from"
        yield f"{money(amount, currency)} is {who} {count(here['pool'].n_unique(), 'pool')} in {period(view.period.label)}."
    whose_row = pl.col("entity_id") == view.entity_id if view.scope == "team" else pl.lit(True)
    settled = ~pl.col("method").is_in(["even", "not shared"])
    others = methods.filter(settled, pl.col("scope") == "team", whose_row)
    spread = (
        others.group_by("scope", "entity_id", "currency")
        .agg(pl.col("amount").max().alias("most"), pl.col("amount").min().alias("least"))
        .with_columns((pl.col("most") - pl.col("least")).alias("spread"))
        .drop_nulls("spread")
        .sort("spread", "entity_id", descending=[True, False])
        .to_dicts()
    )
    row: dict[str, Any] = spread[0] if spread else {"most": Decimal(0), "least": Decimal(0)}
    moved = round(row["most"], 2) - round(row["least"], 2)  # of the amounts as they are shown
    if others["method"].n_unique() > 1 and moved:
        whose = "this team" if view.scope == "team" else "a team"
        yield (
            f"Which method settles pools that use one another moves {whose} by at most {money(moved, row['currency'])} "
            f"(between {money(row['least'], row['currency'])} and {money(row['most'], row['currency'])})."
        )
    elif others["method"].n_unique() > 1:
        yield "Which method settles pools that use one another moves no team by a cent."


def _pools(rows: pl.DataFrame, view: View) -> Table:
    own = "Paid by teams" if view.scope == "org" else "Share of this team"
    return cells.table(
        f"Pools of shared cost, {period(view.period.label)}",
        (
            {
                "Pool": named(row["title"]),
                "Held": money(row["pooled"], row["currency"]),
                "Charges (n)": f"{row['charges']:,}",
                own: money(row["amount"], row["currency"]),
                "Of the pool": NOTHING if row["ratio"] is None else quantity(row["ratio"], "share"),
                "Unallocated because": row["reason"] or "",
                "Shared": named(row["rule"]),
            }
            for row in rows.to_dicts()
        ),
        left=("Unallocated because", "Shared"),
    )


def _methods(methods: pl.DataFrame, view: View) -> Iterator[Table]:
    if methods.is_empty():
        return
    rows = where(methods, entity_id=view.entity_id) if view.scope == "team" else methods
    used = where(methods, is_used=True)["method"].unique().to_list()
    names = team_names(view.mart, where(rows, scope="team")["entity_id"].unique().to_list())
    order = rows["method"].unique(maintain_order=True).to_list()
    for currency in rows["currency"].unique(maintain_order=True).sort():
        told: dict[tuple[bool, str], dict[str, Any]] = {}
        for row in where(rows, currency=currency).iter_rows(named=True):
            who = names.get(row["entity_id"], "") if row["scope"] == "team" else "Unallocated"
            told.setdefault((row["scope"] == "org", who), {})[row["method"]] = row["amount"]
        yield cells.of_teams(
            f"The same cost by other methods of sharing, {named(currency)}",
            (
                (
                    math.inf if is_rest else float(max(amounts.values()) - min(amounts.values())),
                    {"Team" if view.scope == "org" else "Who": who}
                    | {f"{m}{' (used)' if m in used else ''}".capitalize(): money(amounts.get(m), "") for m in order},
                )
                for (is_rest, who), amounts in sorted(told.items())
            ),
            "for which the method matters most",
            f"{METHODS}.csv",
        )


def _cautions(rows: pl.DataFrame) -> Iterator[str]:
    kept = [row for row in having(rows, "reason", "amount").to_dicts() if row["amount"]]
    for row in sorted(kept, key=lambda row: (row["title"], row["currency"])):
        yield f"{money(row['amount'], row['currency'])} of {named(row['title'])} stays unallocated: {row['reason']}."
