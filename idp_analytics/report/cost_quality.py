"""How good the bill is: who is told to own it and how, what is odd in it, how late it comes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import polars as pl

from idp_analytics.charts.wording import NOTHING, clean, count, money, named, period, quantity
from idp_analytics.metrics import by_name
from idp_analytics.metrics.bill_quality import MEASURES, OWNER
from idp_analytics.report import cells
from idp_analytics.report.section import Section, Table
from idp_analytics.report.slices import lacking, where
from idp_analytics.report.view import View

METRIC = "showback_cost"
STUDY = "bill_quality"
QUESTION = "How good is the bill?"

MEANING: Mapping[str, str] = {
    "allocated, gross": "of the lines above zero, what a team pays",
    "allocated, net": "of the whole bill, credits taken off",
    OWNER["tag"]: "a tag names a team we know",
    OWNER["service"]: "no owner tag; the owner of the service named",
    OWNER["account"]: "neither; the team the account is mapped to",
    OWNER["unknown"]: "the tag names nobody we know: add a team or an alias",
    OWNER["empty"]: "the tag is there and empty: fill it where the resource is declared",
    OWNER["nothing"]: "no tag, no service with an owner, no mapped account",
    "unused commitment": "paid for and not used",
    "corrections": "mend a month already invoiced; sums without signs",
    "billed later": "charged for in one month, invoiced in another; sums without signs",
    "refunds": "usage below zero; sums without signs",
    "credits": "sums without signs",
    "no quantity": "usage that does not say how much, so price and use cannot be told apart",
    "decimals lost": "effective amounts are whole while billed ones are not: do not use the effective basis",
}
"""Measure → what it is, or what would help."""

_TOLD = 40
"""The most sentences of files that are shown."""


def quality(view: View) -> Section:
    """The measures of the bill in the period and the one before, what stays unallocated and why, and what each file said."""
    metric = by_name(METRIC)
    rows = view.study(STUDY)
    if rows.is_empty():
        return Section(QUESTION, view.unless_week(False, f"No cost in {period(view.period.label)}."), metrics=(metric,))
    order = (
        where(rows, measure="allocated, gross").sort("of", "currency", descending=[True, False])["currency"].to_list()
    )
    before = view.mart.studies[STUDY].filter(pl.col("every") == view.period.every, pl.col("period") == view.before)
    tables = [_measures(where(rows, currency=c), where(before, currency=c), c, view) for c in order]
    tables += [_unallocated(where(rows, currency=c), c, view) for c in order]
    tables.append(_files(view))
    return Section(
        QUESTION,
        " ".join(_sentence(where(rows, currency=c), c, view) for c in order),
        tables=tuple(table for table in tables if table.height),
        cautions=tuple(_cautions(rows)),
        trace=view.trace(METRIC),
        metrics=(metric,),
    )


def _sentence(rows: pl.DataFrame, currency: str, view: View) -> str:
    told = {row["measure"]: row for row in lacking(rows, "detail").iter_rows(named=True)}
    gross = told["allocated, gross"]
    head = (
        f"{named(currency)}, {period(view.period.label)}: {_share(gross)} of {money(gross['whole'], currency)} above zero is "
        f"allocated"
    )
    net = told["allocated, net"]
    if net["whole"] != gross["whole"]:
        head += f" (net {money(net['amount'], '')} of {money(net['whole'], '')})"
    return f"{head}. {_owners(told)}".strip()


def _owners(told: Mapping[str, Mapping[str, Any]]) -> str:
    """How owners are told, of what could be tagged, in one sentence; every way by itself is in the table."""
    found = {kind: told[name] for kind, name in OWNER.items() if name in told and told[name]["n"]}
    whole = next((row["whole"] for row in found.values()), Decimal(0))
    if whole <= 0:
        return ""
    ways = [
        f"{what} ({_share(found[kind])})"
        for kind, what in (("tag", "a tag"), ("service", "the service"), ("account", "the account"))
        if kind in found
    ]
    known = f"the owner is told by {', by '.join(ways)}" if ways else "no owner is told"
    lost = sum((found[kind]["amount"] for kind in ("unknown", "empty", "nothing") if kind in found), Decimal(0))
    rest = f"; of {quantity(float(lost / whole), 'share')} no owner is known" if lost else ""
    return f"Of what could be tagged, {known}{rest}."


def _share(row: Mapping[str, Any]) -> str:
    return NOTHING if row["share"] is None else quantity(row["share"], "share")


def _measures(rows: pl.DataFrame, before: pl.DataFrame, currency: str, view: View) -> Table:
    earlier = {(r["measure"], r["detail"]): r for r in before.iter_rows(named=True)}
    told = rows.filter(~pl.col("measure").str.starts_with("unallocated"), pl.col("measure") != "lag")
    shown, empty = told.filter(pl.col("n") > 0), where(told, n=0)["measure"].to_list()
    nothing = f"; none: {', '.join(m for m in MEASURES if m in empty)}" if empty else ""
    return cells.table(
        f"The bill in {named(currency)}, {period(view.period.label)}{nothing}",
        (
            {
                "Measure": f"{row['measure']}{', ' + named(row['detail']) if row['detail'] else ''}",
                "Share": _share(row),
                "The period before": _share(earlier.get((row["measure"], row["detail"]), {"share": None})),
                "Amount": money(row["amount"], ""),
                "Of": money(row["whole"], ""),
                "Charges (n)": f"{row['n']:,} of {row['of']:,}",
                "What it is": MEANING[row["measure"]],
            }
            for row in shown.sort(pl.col("measure").cast(pl.Enum(MEASURES)), "detail").iter_rows(named=True)
        ),
        left=("What it is",),
    )


def _unallocated(rows: pl.DataFrame, currency: str, view: View) -> Table:
    gross = where(rows, measure="unallocated, gross")
    net = {row["detail"]: row for row in where(rows, measure="unallocated, net").iter_rows(named=True)}
    by_reason = {row["detail"]: row for row in gross.iter_rows(named=True)}
    nothing = {"amount": Decimal(0), "share": None}
    return cells.table(
        f"Unallocated in {named(currency)}, {period(view.period.label)}",
        (
            {
                "Reason": reason,
                "Above zero": money(by_reason.get(reason, nothing)["amount"], ""),
                "Share of it": _share(by_reason.get(reason, nothing)),
                "Net": money(net[reason]["amount"], ""),
                "Lines (n)": f"{net[reason]['n']:,}",
            }
            for reason in sorted(net)
        ),
    )


def _files(view: View) -> Table:
    """What the sources said of their own files of bills."""
    found = view.mart.loads.filter(pl.col("table") == "costs").sort("path")
    told = [(row["path"], sentence) for row in found.iter_rows(named=True) for sentence in row["warnings"] or ()]
    return cells.table(
        "What was found in the files, before anything was added up",
        ({"File": named(path), "Found": clean(sentence)} for path, sentence in told[:_TOLD]),
        left=("Found",),
        left_out=max(0, len(told) - _TOLD),
    )


def _cautions(rows: pl.DataFrame) -> Iterator[str]:
    for row in where(rows, measure="decimals lost").iter_rows(named=True):
        yield (
            f"{named(row['detail'] or 'A provider')}: {row['n']:,} of {count(row['of'], 'effective amount')} are whole while the "
            f"billed ones are not ({money(row['amount'], row['currency'])} against {money(row['whole'], row['currency'])} billed): "
            "what rests on the effective basis is wrong."
        )
    for row in rows.filter(pl.col("measure") == "lag", pl.col("days") >= 1).iter_rows(named=True):
        days = round(row["days"])
        yield (
            f"{named(row['detail'] or 'A provider')} ({row['currency']}): the last day charged for ended {count(days, 'day')} before "
            "the bill was taken; what came later is missing."
        )
