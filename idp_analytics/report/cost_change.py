"""Why the cost is not what it was the period before: effects that add up, and the items that moved most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import polars as pl

from idp_analytics.charts import Chart, waterfall
from idp_analytics.charts.wording import money, named, period
from idp_analytics.metrics import by_name
from idp_analytics.metrics.allocation.apportion import round_preserving_sum
from idp_analytics.metrics.cost_effects import EFFECTS
from idp_analytics.report import cells
from idp_analytics.report.section import Section, Table
from idp_analytics.report.slices import having, lacking, where
from idp_analytics.report.view import View, team_names

METRIC = "showback_cost"
STUDY = "cost_variance"
QUESTION = "Why did the cost change?"

WORDS: Mapping[str, tuple[str, str]] = {
    "usage": ("usage", "used more or less of the same, at the price it had"),
    "price": ("price", "paid another price for as much as before"),
    "joint": ("price × usage", "what a changed price made of changed usage; neither did it alone"),
    "new": ("new", "not charged for the period before"),
    "gone": ("gone", "no longer charged for"),
    "ownership": ("changed hands", "moved between teams, at what it cost before"),
    "pool": ("size of pools", "pools of shared cost grew or shrank, at the same share of them"),
    "share": ("share of pools", "another share of the pools"),
    "cost only": ("tax and credits", "tell no quantity: tax, credits, corrections, fees"),
}
"""Effect → its name on a page, and what it means."""

_CENT = Decimal("0.01")


def change(view: View) -> Section:
    """The change against the period before, by effect; of the organisation the whole bill, and every team's change beside it."""
    metric = by_name(METRIC)
    rows = view.study(STUDY)
    when, earlier = period(view.period.label), period(view.before)
    if rows.is_empty():
        return Section(
            QUESTION,
            view.unless_week(False, f"There is no cost of {earlier} to compare {when} with, or none of either."),
            metrics=(metric,),
        )
    wholes = lacking(rows, "driver")
    currencies = _currencies(wholes)
    steps = {currency: _steps(where(wholes, currency=currency)) for currency in currencies}
    tables = [
        _effects(where(wholes, currency=c), steps[c], c, f"{when} against {earlier}, {view.name}") for c in currencies
    ]
    tables += [_drivers(having(where(rows, currency=c), "driver"), c) for c in currencies]
    tables += _teams(view) if view.scope == "org" else ()
    partial = bool(wholes["is_partial"].any())
    return Section(
        QUESTION,
        " ".join(said(view)),
        chart=_chart(where(wholes, currency=currencies[0]), steps[currencies[0]], currencies[0], when, earlier),
        tables=tuple(table for table in tables if table.height),
        cautions=(f"Only a part of {when} or {earlier} is known: most of the change is that.",) if partial else (),
        trace=view.trace(METRIC),
        metrics=(metric,),
    )


def said(view: View) -> list[str]:
    """A sentence per currency: the cost, the change, and what made it; none where there is nothing to compare."""
    wholes = lacking(view.study(STUDY), "driver")
    when, earlier = period(view.period.label), period(view.before)
    return [
        _sentence(one, _steps(one), currency, when, earlier)
        for currency in _currencies(wholes)
        for one in [where(wholes, currency=currency)]
    ]


def _currencies(wholes: pl.DataFrame) -> list[str]:
    """Those there is a cost in, the one of most lines first."""
    lines: Counter[str] = Counter()
    for currency, n in zip(wholes["currency"].to_list(), wholes["lines"].to_list(), strict=True):
        lines[currency] += n or 0
    return sorted(lines, key=lambda currency: -lines[currency])


def _steps(wholes: pl.DataFrame) -> dict[str, Decimal]:
    steps = dict(zip(wholes["effect"].to_list(), wholes["amount"].to_list(), strict=True))
    return in_cents(steps, wholes["before"][0], wholes["after"][0])


def in_cents(steps: Mapping[str, Decimal], before: Decimal, after: Decimal) -> dict[str, Decimal]:
    """``steps`` from ``before`` to ``after`` to the cent, so that they add up to the difference of the two as they are shown."""
    exact = dict(steps)
    largest = max(exact, key=lambda step: abs(exact[step]))
    exact[largest] += round(after, 2) - round(before, 2) - (after - before)
    return dict(zip(exact, round_preserving_sum(list(exact.values())), strict=True))


def _sentence(wholes: pl.DataFrame, steps: Mapping[str, Decimal], currency: str, when: str, earlier: str) -> str:
    before, after = (round(wholes[name][0], 2) for name in ("before", "after"))
    moved = after - before
    if not moved and not any(steps.values()):
        return f"{money(after, currency)} in {when}, to the cent what it was in {earlier}."
    told = sorted((e for e in EFFECTS if steps.get(e)), key=lambda e: -abs(steps[e]))
    parts = ", ".join(f"{WORDS[effect][0]} {signed(steps[effect])}" for effect in told)
    how = f"{money(abs(moved), currency)} {'more' if moved > 0 else 'less'} than" if moved else "the same as"
    return f"{money(after, currency)} in {when}, {how} in {earlier} ({money(before, currency)}): {parts}."


def signed(amount: Decimal) -> str:
    """``+12.30``, ``−4.00``, ``0.00``."""
    return f"+{money(amount, '')}" if amount > 0 else money(amount, "")


def _effects(wholes: pl.DataFrame, steps: Mapping[str, Decimal], currency: str, caption: str) -> Table:
    lines = dict(zip(wholes["effect"].to_list(), wholes["lines"].to_list(), strict=True))
    before, after = (round(wholes[name][0], 2) for name in ("before", "after"))
    ends = [("before", before), *((WORDS[e][0], steps[e]) for e in EFFECTS if steps.get(e)), ("after", after)]
    told = dict(WORDS.values())
    counts = {WORDS[effect][0]: n for effect, n in lines.items()}
    return cells.table(
        f"{caption}, {named(currency)}",
        (
            {
                "Step": name,
                "Amount": signed(amount) if name in told else money(amount, ""),
                "Lines (n)": f"{counts[name]:,}" if name in counts else "",
                "What it is": told.get(name, ""),
            }
            for name, amount in ends
        ),
        left=("What it is",),
    )


def _drivers(rows: pl.DataFrame, currency: str) -> Table:
    return cells.table(
        f"What moved most, {named(currency)}",
        (
            {
                "What": item(row),
                "Step": WORDS[row["effect"]][0],
                "Amount": signed(row["amount"]),
                "Before": money(row["before"], ""),
                "After": money(row["after"], ""),
            }
            for row in sorted(rows.to_dicts(), key=lambda row: row["driver"])
            if abs(row["amount"]) >= _CENT
        ),
        left=("Step",),
    )


def item(row: Mapping[str, Any]) -> str:
    """What a line is for, in words: component and price list position, then the service, tag, account or pool."""
    what = [row["component"] or ""]
    if row["sku"] and row["sku"] != row["component"]:
        what.append(f"({row['sku']})")
    kind, _, whose = row["thing"].partition(":")
    place = whose if kind == "service" else f"{kind} {whose}" if whose else "no service, tag or account"
    return named(" ".join(filter(None, [*what, f"– {place}" if row["component"] else place])))


def _teams(view: View) -> Iterator[Table]:
    """Every team's change, in order of name: a team is compared with its own past only."""
    found = view.mart.studies[STUDY].filter(
        pl.col("scope") == "team", pl.col("every") == view.period.every, pl.col("period") == view.period.label,
        pl.col("driver").is_null(),
    )  # fmt: skip
    names = team_names(view.mart, found["entity_id"].unique().sort().to_list())
    for currency in found["currency"].unique().sort():
        here = where(found, currency=currency)
        told = []
        for team, name in sorted(names.items(), key=lambda pair: (pair[1], pair[0])):
            rows = where(here, entity_id=team)
            if rows.height:
                moved = abs(float(rows["after"][0] - rows["before"][0]))
                told.append((moved, _team(name, rows, _steps(rows))))
        yield cells.of_teams(f"The same by team, {named(currency)}", told, "whose cost changed most", f"{STUDY}.csv")


def _team(name: str, rows: pl.DataFrame, steps: Mapping[str, Decimal]) -> dict[str, str]:
    shown: Sequence[str] = [e for e in EFFECTS if e in steps]
    return {
        "Team": name,
        "Before": money(rows["before"][0], ""),
        **{WORDS[e][0].capitalize(): signed(steps[e]) if steps[e] else "" for e in shown},
        "After": money(rows["after"][0], ""),
    }


def _chart(wholes: pl.DataFrame, steps: Mapping[str, Decimal], currency: str, when: str, earlier: str) -> Chart | None:
    told = [(WORDS[e][0], steps[e]) for e in EFFECTS if steps.get(e)]
    if not told:
        return None
    first = round(wholes["before"][0], 2)
    return waterfall.chart((earlier, first), told, when, f"From {earlier} to {when}", currency)
