"""From what was invoiced to what was used: the bridge between billed and effective cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

import polars as pl

from idp_analytics.answers import Verdict
from idp_analytics.charts import waterfall
from idp_analytics.charts.wording import NOTHING, count, money, named, period
from idp_analytics.metrics import by_name
from idp_analytics.metrics.cost_bridge import BETWEEN, BILLED, EFFECTIVE, STEPS
from idp_analytics.report import cells
from idp_analytics.report.cost_change import in_cents, signed
from idp_analytics.report.section import Section, Table
from idp_analytics.report.slices import having, lacking, where
from idp_analytics.report.view import View

METRIC = "showback_cost"
STUDY = "cost_bridge"
QUESTION = "What was invoiced, and what was used?"

MEANING: Mapping[str, str] = {
    BILLED: "as invoiced",
    "purchases": "bought for later use; counts where it is used",
    "amortisation": "used in this period of what was bought before",
    "unused commitment": "paid for this period and not used",
    "other": "adjustments, corrections, blended prices",
    EFFECTIVE: "as used",
}


def bridge(view: View) -> Section:
    """Billed to effective cost per currency, over the providers of which both are known; the others by name, with the reason."""
    metric = by_name(METRIC)
    rows = view.study(STUDY)
    if rows.is_empty():
        return Section(QUESTION, view.unless_week(False, f"No cost in {period(view.period.label)}."), metrics=(metric,))
    known = lacking(rows, "absence")
    sums = known.group_by("currency", "step").agg(pl.col("amount", "n").sum())
    order = (
        where(known, step=BILLED)
        .group_by("currency")
        .agg(pl.col("n").sum())
        .sort("n", "currency", descending=[True, False])
    )
    currencies = order["currency"].to_list()
    when = period(view.period.label)
    steps = {c: _cents(where(sums, currency=c)) for c in currencies}
    counts = {c: dict(where(sums, currency=c).select("step", "n").iter_rows()) for c in currencies}
    absent = list(_absences(having(rows, "absence")))
    drawn = [(step, steps[currencies[0]][step]) for step in BETWEEN if steps[currencies[0]][step]] if currencies else []
    return Section(
        QUESTION,
        " ".join([*(_sentence(steps[c], counts[c], c, when) for c in currencies), *(absent if not currencies else [])]),
        chart=waterfall.chart(("billed", steps[currencies[0]][BILLED]), drawn, "effective", f"Billed to effective, {when}", currencies[0])
        if drawn else None,
        tables=tuple(_table(steps[c], counts[c], c, when) for c in currencies),
        cautions=tuple(absent if currencies else []),
        trace=view.trace(METRIC),
        verdict=None if currencies else Verdict.NOT_MEASURED,
        metrics=(metric,),
    )  # fmt: skip


def _cents(sums: pl.DataFrame) -> dict[str, Decimal]:
    exact = dict(sums.select("step", "amount").iter_rows())
    ends = exact[BILLED], exact[EFFECTIVE]
    between = in_cents({step: exact[step] for step in BETWEEN}, *ends)
    return {BILLED: round(ends[0], 2), **between, EFFECTIVE: round(ends[1], 2)}


def _sentence(steps: Mapping[str, Decimal], counts: Mapping[str, int], currency: str, when: str) -> str:
    between = [f"{step} {signed(steps[step])} ({count(counts[step], 'charge')})" for step in BETWEEN if counts[step]]
    if not between:
        return f"{money(steps[BILLED], currency)} was billed for {when}, and as much used: no charge differs."
    return (
        f"{money(steps[BILLED], currency)} was billed for {when} and {money(steps[EFFECTIVE], currency)} used: "
        f"{', '.join(between)}."
    )


def _table(steps: Mapping[str, Decimal], counts: Mapping[str, int], currency: str, when: str) -> Table:
    return cells.table(
        f"Billed to effective cost, {when}, {named(currency)}",
        (
            {
                "Step": step,
                "Amount": signed(steps[step]) if step in BETWEEN else money(steps[step], ""),
                "Charges (n)": f"{counts[step]:,}" if counts[step] else NOTHING,
                "What it is": MEANING[step],
            }
            for step in STEPS
            if counts[step] or step not in BETWEEN
        ),
        left=("What it is",),
    )


def _absences(rows: pl.DataFrame) -> Iterator[str]:
    for (currency, provider, absence), part in rows.group_by("currency", "provider", "absence", maintain_order=True):
        known = dict(part.select("step", "amount").iter_rows())
        amounts = ", ".join(
            f"{basis} {money(known[basis], '')}" for basis in (BILLED, EFFECTIVE) if known[basis] is not None
        )
        yield f"Not measured for {named(str(provider or 'a provider that is not told'))} ({named(str(currency))}; {amounts}): {absence}."
