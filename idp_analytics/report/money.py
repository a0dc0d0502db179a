"""What was used and what it cost, to the cent, with what nobody is known to own always beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, localcontext
from typing import Any

import polars as pl

from idp_analytics.answers import Verdict
from idp_analytics.charts import Chart
from idp_analytics.charts import money as drawing
from idp_analytics.charts.wording import NOTHING, count, difference, money, named, period, quantity
from idp_analytics.metrics import by_name
from idp_analytics.report import cells, words
from idp_analytics.report.section import Card, Section, Table
from idp_analytics.report.slices import having, lacking, where
from idp_analytics.report.view import View

METRIC = "showback_cost"
ALLOCATED, UNALLOCATED = "allocated", "unallocated"
DIRECT = f"{ALLOCATED}: direct"

REMEDIES: Mapping[str, str] = {
    "tax": "Tax falls on the account; share it by a rule everybody agreed to, or leave it here.",
    "credit": "A credit falls on the account, not on what was used.",
    "unused commitment": "Commitments bought and not used; whoever buys them owns them.",
    "empty tag": "The owner tag is there but empty: fill it where the resource is declared.",
    "unknown owner": "The tag names a team the catalogue does not have: add the team, or an alias for it.",
    "no owner": "No tag, and no service whose owner is known that day: tag the resource or map its account.",
    "zero weights": "A pool was to be shared by something no team had that month: share it by something else, or evenly.",
    "negative weights": "What the pool is shared by was below zero for a team, so that no share of it makes sense: look at that source.",
    "rule residual": "The fixed shares of a pool do not come to 100 percent: what is left is nobody's until a rule says whose.",
    "closed loop": "Pools that only use one another: leave a part of one to teams.",
}
"""Why a charge is unallocated → what would help."""

_DIGITS = 76  # a sum of Decimal(38, 24) is exact with as many; Python's default of 28 would round


def showback(view: View) -> Section:
    """Cost of a team (or of the organisation, allocated and unallocated) by currency; nothing is added across currencies."""
    metric = by_name(METRIC)
    rows = view.rows(METRIC)
    now = where(rows, period=view.period.label)
    row = view.row(metric)
    if row["verdict"] == Verdict.NOT_MEASURED:
        bills = where(view.rows(METRIC, "org"), period=view.period.label)
        proof = [_bill(bills, c, view, "The organisation's bill") for c in currencies_of(bills)]
        said = " ".join([words.answer(metric, row), *proof])
        return Section(metric.question, said, verdict=Verdict.NOT_MEASURED, metrics=(metric,))
    currencies = currencies_of(now)
    unowned: list[str] = []
    if view.scope == "org":
        sentences = [_bill(now, c, view) for c in currencies]
    else:
        whole = where(view.rows(METRIC, "org"), period=view.period.label)
        others = [c for c in currencies_of(whole) if c not in currencies]
        sentences = [] if currencies else [f"No cost in {period(view.period.label)}."]
        sentences += [_share_of_bill(now, whole, c, view) for c in currencies]
        sentences += [_bill(whole, c, view, "The organisation's bill") for c in others]
        unowned = [money(rest, c) for c in currencies if (rest := _amount(whole, c, UNALLOCATED))]
    basis = f"Amounts are on the {view.mart.meta['rules']['cost_basis']} basis."
    chart, told = _chart(rows, currencies, metric.title, view.scope)
    return Section(
        question=metric.question,
        answer=" ".join([*(sentences or [f"No cost in {period(view.period.label)}."]), basis]),
        chart=chart,
        tables=(_by_period(rows, view),),
        cautions=(*words.cautions(row), *_unowned(unowned), *told, *view.truncated(metric)),
        trace=view.trace(METRIC),
        metrics=(metric,),
    )


def unallocated(view: View) -> Section:
    """The organisation's charges without a known owner, by reason, with what would help."""
    metric = by_name(METRIC)
    question = "Which cost has no known owner, and why?"
    rows = view.rows(METRIC, "org")
    now = where(rows, period=view.period.label)
    currencies = currencies_of(now)
    if not currencies:
        row = view.row(metric, "org")
        return Section(question, words.answer(metric, row), verdict=Verdict(row["verdict"]), metrics=(metric,))
    reasons = [
        row for row in now.sort("amount", descending=True, nulls_last=True).to_dicts()
        if (row["detail"] or "").startswith(f"{UNALLOCATED}: ") and row["amount"] is not None and row["n"]
    ]  # fmt: skip
    reasons.sort(key=lambda row: currencies.index(row["currency"]))  # largest first within a currency
    sentences = []
    for currency in currencies:
        bill, rest = _amount(now, currency, None), _amount(now, currency, UNALLOCATED)
        parts = [f"{_reason(r)} {money(r['amount'], currency)}" for r in reasons if r["currency"] == currency]
        sentences.append(
            f"In {period(view.period.label)}, {money(rest, currency)} of {money(bill, currency)}{_in_brackets(_percent(rest, bill))} has no "
            f"known owner{': ' + ', '.join(parts) if parts else ''}."
        )
    chart, told = _chart(where(rows, detail=UNALLOCATED), currencies, "Unallocated cost", "org")
    return Section(
        question, " ".join(sentences), chart, (_by_reason(reasons, now),) if reasons else (),
        (*told, *view.truncated(metric)), view.trace(METRIC), metrics=(metric,),
    )  # fmt: skip


def cards(view: View) -> Iterator[Card]:
    """One card per currency."""
    metric = by_name(METRIC)
    for row in lacking(where(view.rows(METRIC), period=view.period.label), "detail").to_dicts():
        if row["amount"] is None:
            continue
        earlier = period(view.before, view.period.label)
        note = f"{_change(row)} against {earlier}" if row["change"] is not None else ""
        yield Card(
            metric.title, money(row["amount"], row["currency"]), "exact total", count(row["n"], "line"), None, note,
            metric.question, metric.question,
        )  # fmt: skip


def currencies_of(rows: pl.DataFrame) -> list[str]:
    """The currencies with a known amount, the one with most charges first."""
    told = lacking(having(rows, "amount", "currency"), "detail")
    charges: Counter[str] = Counter()
    for currency, n in told.select("currency", "n").iter_rows():
        charges[currency] += n or 0
    return sorted(charges, key=lambda currency: (-charges[currency], currency))


# --- sentences ---------------------------------------------------------------------------------------------------------


def _bill(now: pl.DataFrame, currency: str, view: View, whose: str = "The bill") -> str:
    bill, owned, rest = (_amount(now, currency, part) for part in (None, ALLOCATED, UNALLOCATED))
    off = _less(bill, owned, rest)
    return (
        f"{whose} of {period(view.period.label)} is {money(bill, currency)}: {money(owned, currency)} allocated to teams"
        f"{_directly(owned, _shared(now, currency), currency)} and {money(rest, currency)} unallocated{_in_brackets(_percent(rest, bill))}. Allocated + unallocated = bill; difference {_exact(off)}."
    )


def _share_of_bill(now: pl.DataFrame, whole: pl.DataFrame, currency: str, view: View) -> str:
    own = _amount(now, currency, None)
    bill, owned, rest = (_amount(whole, currency, part) for part in (None, ALLOCATED, UNALLOCATED))
    share = _percent(own, bill)
    lines = int(where(now, currency=currency)["n"].sum())
    shared = sum(_pooled(view, currency)["amount"].to_list(), Decimal(0))
    return (
        f"{money(own, currency)} in {period(view.period.label)} from {count(lines, 'line')}{_of_its_own(own, shared, currency)}; "
        f"the organisation's bill is {money(bill, currency)}{', of which this is ' + share if share else ''}. "
        f"Of that bill {money(owned, currency)} are allocated to teams and {money(rest, currency)} unallocated; difference {_exact(_less(bill, owned, rest))}."
    )


def _directly(owned: Decimal, shared: Decimal | None, currency: str) -> str:
    if shared is None:
        return ""
    return f" ({money(_less(owned, shared), currency)} directly, {money(shared, currency)} shared by rule)"


def _of_its_own(own: Decimal, shared: Decimal, currency: str) -> str:
    return (
        f", {money(_less(own, shared), currency)} its own and {money(shared, currency)} its shares of pools"
        if shared
        else ""
    )


def _unowned(amounts: list[str]) -> Iterator[str]:
    if amounts:
        yield f"{' and '.join(amounts)} of the organisation's bill has no known owner and may hold cost of this team."


def _percent(part: Decimal, whole: Decimal) -> str:
    """``2.4 %``, or nothing where a share would make no sense: credits can make either negative."""
    return quantity(float(part / whole), "share") if whole > 0 and 0 <= part <= whole else ""


def _in_brackets(text: str) -> str:
    return f" ({text})" if text else ""


# --- amounts, tables, chart ----------------------------------------------------------------------------------------------


def _amount(rows: pl.DataFrame, currency: str, detail: str | None) -> Decimal:
    """The exact amount of one part; a part that never occurs is a measured zero of a bill that is known."""
    told = zip(*(rows.get_column(name).to_list() for name in ("currency", "detail", "amount")), strict=True)
    amounts = (amount for of, part, amount in told if of == currency and part == detail and amount is not None)
    return next(amounts, Decimal(0))


def _shared(now: pl.DataFrame, currency: str) -> Decimal | None:
    """What teams pay through pools; None where there are none."""
    found = where(now, currency=currency)
    told = zip(found["detail"].to_list(), found["amount"].to_list(), strict=True)
    shared = [amount for part, amount in told if part and part.startswith(f"{ALLOCATED}: ") and part != DIRECT]
    return sum((amount for amount in shared if amount is not None), Decimal(0)) if shared else None


def _pooled(view: View, currency: str) -> pl.DataFrame:
    return lacking(where(view.study("pools"), currency=currency), "reason")


def _less(whole: Decimal, *parts: Decimal) -> Decimal:
    with localcontext() as context:
        context.prec = _DIGITS
        return whole - sum(parts, Decimal(0))


def _exact(amount: Decimal) -> str:
    """``0.00``, or every digit there is: a difference is not to be rounded away."""
    if amount == round(amount, 2):
        return money(amount, "")
    return f"{'−' if amount < 0 else ''}{f'{amount.copy_abs():f}'.rstrip('0')}"  # abs() would round


def _by_period(rows: pl.DataFrame, view: View) -> Table:
    totals = having(lacking(rows, "detail"), "currency").to_dicts()
    found = []
    for row in totals:
        cell = {
            "Period": cells.period(row),
            "Amount": money(row["amount"], row["currency"]),
            "Lines": f"{row['n']:,}",
            "Against the period before": _change(row),
        }
        if view.scope == "org":
            here = where(rows, period=row["period"])
            parts = {part: _amount(here, row["currency"], part) for part in (ALLOCATED, UNALLOCATED)}
            is_known = row["amount"] is not None
            cell |= {
                part.capitalize(): money(amount, row["currency"]) if is_known else NOTHING
                for part, amount in parts.items()
            }
            cell["Difference"] = _exact(_less(row["amount"], *parts.values())) if is_known else NOTHING
        found.append(cell)
    return cells.table(f"Cost of {view.name}", found)


def _by_reason(reasons: Iterable[Mapping[str, Any]], now: pl.DataFrame) -> Table:
    return cells.table(
        "Unallocated cost by reason",
        (
            {
                "Reason": _reason(row),
                "Amount": money(row["amount"], row["currency"]),
                "Of the bill": _percent(row["amount"], _amount(now, row["currency"], None)) or NOTHING,
                "Lines": f"{row['n']:,}",
                "What would help": REMEDIES.get(_reason(row), ""),
            }
            for row in reasons
        ),
        left=("What would help",),
    )


def _change(row: Mapping[str, Any]) -> str:
    return difference(row["change"], None, None, row["unit"])


def _reason(row: Mapping[str, Any]) -> str:
    return str(row["detail"]).removeprefix(f"{UNALLOCATED}: ")


def _chart(rows: pl.DataFrame, currencies: list[str], title: str, scope: str) -> tuple[Chart | None, tuple[str, ...]]:
    """One currency's bars, and what to say of the others."""
    drawn = currencies[:1] or currencies_of(rows)[:1]
    parts = pl.col("detail").is_in(drawing.PARTS) if scope == "org" else pl.col("detail").is_null()
    chosen = rows.filter(parts, pl.col("currency") == drawn[0]) if drawn else rows.clear()
    if chosen["amount"].is_null().all():
        return None, ()
    others = [named(c) for c in currencies[1:]]
    told = (f"The chart shows {named(drawn[0])} only; {', '.join(others)} cannot be added to it and is in the table.",)
    return drawing.chart(chosen, title), told if others else ()
