"""What the cost was for: by service, component, environment, provider and golden path, each adding up to the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from idp_analytics.charts.wording import NOTHING, money, named, period, quantity
from idp_analytics.metrics import by_name
from idp_analytics.metrics.allocation.apportion import round_preserving_sum
from idp_analytics.report import cells
from idp_analytics.report.section import Section, Table
from idp_analytics.report.view import View

Row = Mapping[str, Any]

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
    rows = view.study("cost_views").to_dicts()
    if not rows:
        return Section(QUESTION, view.unless_week(False, f"No cost in {period(view.period.label)}."), metrics=(metric,))
    lines: Counter[str] = Counter()
    parts: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        lines[row["currency"]] += row["lines"]
        parts.setdefault((row["currency"], row["dimension"]), []).append(row)
    currencies = sorted(lines, key=lambda currency: (-lines[currency], currency))
    dimensions = dict.fromkeys(row["dimension"] for row in rows)
    tables = [
        _table(parts[c, d], d, c, view)
        for c in currencies
        for d in dimensions
        if len({row["value"] for row in _of_its_own(parts.get((c, d), []))}) > 1
    ]
    answer = " ".join(_sentence({d: parts.get((c, d), []) for d in dimensions}, c) for c in currencies)
    return Section(QUESTION, answer, tables=tuple(tables), trace=view.trace(METRIC), metrics=(metric,))


def _of_its_own(rows: Sequence[Row]) -> list[Row]:
    """Those of which is told what they were for, and that are no share of a pool."""
    return [row for row in rows if row["value"] is not None and not row["is_shared"]]


def _sentence(parts: Mapping[str, Sequence[Row]], currency: str) -> str:
    """The largest component and service, of the whole; ``parts`` by dimension."""
    told = []
    for dimension in ("component", "service"):
        here = parts.get(dimension, ())
        largest = max(_of_its_own(here), key=lambda row: row["amount"], default=None)
        whole = sum((row["amount"] for row in here), Decimal(0))
        if largest and whole > 0:
            told.append(f"{dimension} {named(largest['value'])}{_of(largest['amount'], whole)}")
    return (
        f"Most of it, in {named(currency)}: {' and '.join(told)}."
        if told
        else f"{named(currency)}: nothing is told of what it was for."
    )


def _table(rows: Sequence[Row], dimension: str, currency: str, view: View) -> Table:
    ordered = sorted(rows, key=lambda row: row["amount"], reverse=True)
    shown, rest = ordered[:SHOWN], ordered[SHOWN:]
    if len(rest) == 1:
        shown, rest = ordered, []
    parts = [
        (UNTOLD[dimension] if row["value"] is None else named(row["value"]), row["amount"], row["lines"])
        for row in shown
    ]
    if rest:
        parts.append(
            (
                f"{len(rest):,} others",
                sum((row["amount"] for row in rest), Decimal(0)),
                sum(row["lines"] for row in rest),
            )
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
