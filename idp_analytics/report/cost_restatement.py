"""What has become of amounts already published: old, new, difference, and what kind of change it is."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import polars as pl

from idp_analytics.charts.wording import count, money, period
from idp_analytics.metrics.cost_restatement import KINDS
from idp_analytics.metrics.cost_restatement_reasons import REASONS
from idp_analytics.report import cells
from idp_analytics.report.section import Section, Table
from idp_analytics.report.slices import where
from idp_analytics.report.view import View

QUESTION = "Have amounts changed that were published before?"


def cost_restatement(view: View) -> Section:
    """The amounts of this entity that are not what the report published before said, oldest first."""
    told = view.mart.meta.get("restates")
    if told is None:
        return Section(
            QUESTION,
            "No report of an earlier period was published beside this one, so there is nothing to compare with.",
        )
    before = period(told["period"])
    rows = where(view.own("cost_restatement"), every=view.period.every)
    if rows.is_empty():
        return Section(QUESTION, f"No: every amount is to the last digit what the report of {before} said.")
    reasons = where(view.own("cost_restatement_reasons"), every=view.period.every)
    tables = (_table(rows, view), *([_bridge(rows, reasons, view)] if reasons.height else []))
    return Section(
        QUESTION,
        " ".join(_answer(rows, reasons, before)),
        tables=tables,
        cautions=tuple(_cautions(rows)),
        trace=view.trace("showback_cost"),
    )


def _answer(rows: pl.DataFrame, reasons: pl.DataFrame, before: str) -> Iterator[str]:
    for currency in rows["currency"].unique(maintain_order=True):
        here = where(rows, currency=currency)
        moved = sum(here["difference"].to_list(), Decimal(0))
        yield (
            f"Since the report of {before}, {count(here.height, 'amount')} in {currency} changed, by {money(moved, currency)} together: "
            f"{', '.join(_by_reason(where(reasons, currency=currency)) if reasons.height else _by_kind(here))}."
        )


def _by_reason(reasons: pl.DataFrame) -> Iterator[str]:
    for reason in REASONS:
        some = where(reasons, reason=reason)["amount"].to_list()
        if some:
            yield f"{reason} {money(sum(some, Decimal(0)), '')}"


def _by_kind(rows: pl.DataFrame) -> Iterator[str]:
    for kind in KINDS:
        some = where(rows, kind=kind)["difference"].to_list()
        if some:
            yield f"{kind} {money(sum(some, Decimal(0)), '')} ({len(some):,})"


def _table(rows: pl.DataFrame, view: View) -> Table:
    return cells.table(
        f"Cost of {view.name} restated",
        (
            {
                "Period": row["period"],
                "Published": money(row["was"], row["currency"]),
                "Now": money(row["now"], row["currency"]),
                "Difference": money(row["difference"], row["currency"]),
                "Lines then": "–" if row["lines_were"] is None else f"{row['lines_were']:,}",
                "Lines now": "–" if row["lines_are"] is None else f"{row['lines_are']:,}",
                "Kind": row["kind"],
                "Which means": KINDS[row["kind"]],
            }
            for row in rows.to_dicts()
        ),
        left=("Kind", "Which means"),
    )


def _bridge(rows: pl.DataFrame, reasons: pl.DataFrame, view: View) -> Table:
    """From what was published to what is now, amount by amount."""
    ends = {(row["period"], row["currency"]): row for row in rows.iter_rows(named=True)}
    return cells.table(
        f"Why, {view.name}",
        (
            {
                "Period": row["period"],
                "Published": money(ends[row["period"], row["currency"]]["was"], row["currency"]),
                "Reason": row["reason"],
                "Difference": money(row["amount"], row["currency"]),
                "Now": money(ends[row["period"], row["currency"]]["now"], row["currency"]),
                "Lines (n)": f"{row['lines']:,}",
                "Which means": REASONS[row["reason"]],
            }
            for row in reasons.iter_rows(named=True)
            if (row["period"], row["currency"]) in ends
        ),
        left=("Reason", "Which means"),
    )


def _cautions(rows: pl.DataFrame) -> Iterator[str]:
    if rows["rules_changed"].any():
        yield "The settings have changed since: rules of sharing, mappings or the cost basis may be why."
    if rows["code_changed"].any():
        yield "The kit has changed since: see the changelog for what counts differently."
