"""What the cost was for: by service, component, environment, provider and golden path, each adding up to the whole."""

from __future__ import annotations

from decimal import Decimal

import polars as pl

from idp_analytics.charts.wording import NOTHING, money, named, period, quantity
from idp_analytics.metrics import by_name
from idp_analytics.metrics.allocation.apportion import round_preserving_sum
from idp_analytics.report import cells
from idp_analytics.report.section import Section, Table
from idp_analytics.report.slices import where
from idp_analytics.report.view import View

METRIC = "showback_cost"
QUESTION = "What was it spent on?"
SHOWN = 8
"""How many values of a dimension have a row of their own."""

UNTOLD = {
    "service": "no service told", "component": "no component told", "environment": "no environment told",
    "provider": "no provider told", "golden path": "no service told",
}  # fmt: skip


def spending(view: View) -> Section:
    """The cost of the period by what it was spent on; the parts of every table add up to the cent that is shown as the whole."""
    metric = by_name(METRIC)
    rows = view.study("cost_views")
    if rows.is_empty():
        return Section(QUESTION, f"No cost in {period(view.period.label)}.", metrics=(metric,))
    currencies = (
        rows.group_by("currency")
        .agg(pl.col("lines").sum())
        .sort("lines", "currency", descending=[True, False])["currency"]
        .to_list()
    )
    dimensions = rows["dimension"].unique(maintain_order=True).to_list()
    own = rows.filter(~pl.col("is_shared"))
    tables = [
        _table(where(rows, currency=c, dimension=d), d, c, view)
        for c in currencies
        for d in dimensions
        if where(own, currency=c, dimension=d)["value"].drop_nulls().n_unique() > 1
    ]
    answer = " ".join(_sentence(where(rows, currency=c), c) for c in currencies)
    return Section(QUESTION, answer, tables=tuple(tables), trace=view.trace(METRIC), metrics=(metric,))


def _sentence(rows: pl.DataFrame, currency: str) -> str:
    """The largest component and service, of the whole."""
    parts = []
    for dimension in ("component", "service"):
        of_its_own = pl.col("value").is_not_null() & ~pl.col("is_shared")
        here = rows.filter(pl.col("dimension") == dimension, of_its_own).sort("amount", descending=True)
        whole = sum(where(rows, dimension=dimension)["amount"].to_list(), Decimal(0))
        if here.height and whole > 0:
            value, amount = here.row(0, named=True)["value"], here.row(0, named=True)["amount"]
            parts.append(f"{dimension} {named(value)}{_of(amount, whole)}")
    return (
        f"Most of it, in {named(currency)}: {' and '.join(parts)}."
        if parts
        else f"{named(currency)}: nothing is told of what it was for."
    )


def _table(rows: pl.DataFrame, dimension: str, currency: str, view: View) -> Table:
    ordered = rows.sort("amount", descending=True, maintain_order=True).to_dicts()
    shown, rest = ordered[:SHOWN], ordered[SHOWN:]
    if len(rest) == 1:
        shown, rest = ordered, []
    parts = [
        (UNTOLD[dimension] if row["value"] is None else named(row["value"]), row["amount"], row["lines"])
        for row in shown
    ]
    if rest:
        parts.append(
            (f"{len(rest)} others", sum((row["amount"] for row in rest), Decimal(0)), sum(row["lines"] for row in rest))
        )
    whole = sum((amount for _, amount, _ in parts), Decimal(0))
    cents = round_preserving_sum([amount for _, amount, _ in parts])
    lines = [*zip(parts, cents, strict=True), (("all", whole, sum(n for _, _, n in parts)), whole)]
    return cells.table(
        f"Cost of {view.name} by {dimension}, {period(view.period.label)}",
        (
            {
                dimension.capitalize(): name,
                "Amount": money(cent, currency),
                "Share": _of(amount, whole).strip(" ()") or NOTHING,
                "Lines (n)": f"{n:,}",
            }
            for (name, amount, n), cent in lines
        ),
    )


def _of(part: Decimal, whole: Decimal) -> str:
    """`` (12.3 %)``, or nothing where credits make a share meaningless."""
    return f" ({quantity(float(part / whole), 'share')})" if whole > 0 and 0 <= part <= whole else ""
