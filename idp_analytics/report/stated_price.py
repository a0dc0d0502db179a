"""What people say they would pay, beside what the platform really costs: for the organisation, from closed waves only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from idp_analytics.answers import Verdict
from idp_analytics.charts import Chart, parts
from idp_analytics.charts.wording import NOTHING, interval, money, named, quantity
from idp_analytics.metrics.survey_price import MEAN, PRICE, RANGE, SHARE
from idp_analytics.report import cells, words
from idp_analytics.report.section import Table
from idp_analytics.report.slices import having, lacking, where
from idp_analytics.report.view import View

_KINDS = ("at or above what it costs", "below what it costs")


@dataclass(frozen=True)
class Stated:
    """What there is to say: sentences, a drawing, tables and cautions; all empty where no price was asked."""

    said: tuple[str, ...] = ()
    chart: Chart | None = None
    tables: tuple[Table, ...] = ()
    cautions: tuple[str, ...] = ()


def stated(view: View, costs: Decimal | None, currency: str | None) -> Stated:
    """The last wave that closed by the end of the period. ``costs``: what the platform really costs per developer and month, in
    ``currency``; None where that is not known. Beside prices in another currency it does not stand."""
    found = view.mart.studies["survey_price"].filter(
        pl.lit(view.scope == "org"), pl.col("closed_on") <= view.period.end
    )
    last = found.sort("closed_on", "survey_id").tail(1)
    rows = found.join(last.select("survey_id", "wave"), on=["survey_id", "wave"], maintain_order="left")
    if rows.is_empty():
        return Stated()
    asked_in = rows["currency"][0]
    real = costs if asked_in is None or asked_in == currency else None
    prices, points = (rows.filter(pl.col("measure").is_in(list(names))) for names in ((PRICE,), (MEAN, *RANGE)))
    shown = having(prices, "value").to_dicts()
    return Stated(
        tuple(_said(rows, shown, real, asked_in or currency)),
        _drawn(view, shown, real, asked_in) if real is not None and shown else None,
        tuple(table for table in (_asked(prices, asked_in), _worth(points, asked_in)) if table.height),
        tuple(_cautions(view, prices, points)),
    )


def _said(rows: pl.DataFrame, shown: list[dict[str, Any]], real: Decimal | None, currency: str | None) -> Iterator[str]:
    first = rows.row(0, named=True)
    if not shown:
        yield f"What was answered about prices in the wave {named(first['wave'])} is withheld: too few people saw each price."
        return
    told = ", ".join(
        f"{quantity(row['value'], SHARE)} at {_money(row['price'], row['currency'])} ({'' if at else words.level(row) + ' '}"
        f"{interval(row['low'], row['high'], SHARE, row['value'])}; {row['k']:,} of {row['n']:,})"
        for at, row in enumerate(shown)
    )
    yield (
        f"In the wave {named(first['wave'])}, closed {_day(first['closed_on'])}, each was shown one price per developer and month, drawn at random. "
        f"Sure that their team would keep the platform and pay that from its own budget: {told}."
    )
    if real is not None:
        yield _at_cost(shown, real, currency)
    for row in where(rows, measure=MEAN).drop_nulls("value").to_dicts():
        yield (
            f"On average they say it is worth at least {_money(row['value'], row['currency'])} per developer and month "
            f"({_money(row['low'], '')} to {_money(row['high'], '')})."
        )


def _at_cost(shown: list[dict[str, Any]], real: Decimal, currency: str | None) -> str:
    """Who would keep it at the real cost: at most as many as at the next price below, at least as many as at the next above."""
    cost = money(real, currency)
    below = [row for row in shown if Decimal(str(row["price"])) <= real]
    above = [row for row in shown if Decimal(str(row["price"])) >= real]
    head = f"It really costs {cost} per developer and month"
    if below and above and below[-1]["price"] == above[0]["price"]:
        return f"{head}: {quantity(above[0]['demand'], SHARE)} would keep it at that."
    if below and above:
        few, many = above[0], below[-1]
        return (
            f"{head}, between two of these prices: at that between {quantity(few['demand'], SHARE)} and {quantity(many['demand'], SHARE)} would keep it "
            f"(and within {interval(few['low'], many['high'], SHARE)})."
        )
    if below:
        return (
            f"{head}, more than any price that is shown: at that at most {quantity(below[-1]['demand'], SHARE)} would keep it "
            f"(up to {quantity(below[-1]['high'], SHARE)})."
        )
    return (
        f"{head}, less than any price that is shown: at that at least {quantity(above[0]['demand'], SHARE)} would keep it "
        f"(from {quantity(above[0]['low'], SHARE)})."
    )


def _drawn(view: View, shown: list[dict[str, Any]], real: Decimal, currency: str | None) -> Chart:
    rows = [
        {
            "label": f"at {_money(row['price'], currency)}", "share": row["value"], "low": row["low"], "high": row["high"], "n": row["n"],
            "quiet": Decimal(str(row["price"])) < real,
        }
        for row in shown
    ]  # fmt: skip
    return parts.chart(rows, "Would keep the platform at the price", view.name, SHARE, _KINDS)


def _asked(prices: pl.DataFrame, currency: str | None) -> Table:
    return cells.table(
        "Would keep the platform at a price per developer and month",
        (
            {
                "Price": _money(row["price"], currency),
                "Sure to keep it": "withheld" if row["value"] is None else quantity(row["value"], SHARE),
                words.level(row).capitalize(): interval(row["low"], row["high"], SHARE, row["value"]),
                "Demand": NOTHING if row["demand"] is None else quantity(row["demand"], SHARE),
                "k": NOTHING if row["k"] is None else f"{row['k']:,}",
                "Yes, sure or not": NOTHING if row["said"] is None else f"{row['said']:,}",
                "n": cells.n(row),
            }
            for row in prices.to_dicts()
        ),
    )


def _worth(points: pl.DataFrame, currency: str | None) -> Table:
    return cells.table(
        "What it is worth, per developer and month",
        (
            {
                "Measure": row["measure"],
                "Price": _shown(row),
                words.level(row).capitalize(): NOTHING
                if row["low"] is None
                else f"{_money(row['low'], currency)} to {_money(row['high'], '')}",
                "n": cells.n(row),
                "Contradict themselves": NOTHING if row["dropped"] is None else f"{row['dropped']:,}",
                "Verdict": cells.verdict(row["verdict"]),
            }
            for row in points.to_dicts()
        ),
    )


def _shown(row: dict[str, Any]) -> str:
    if row["value"] is not None:
        return _money(row["value"], row["currency"])
    return "withheld" if row["verdict"] == Verdict.SUPPRESSED.value else "too few answers"


def _cautions(view: View, prices: pl.DataFrame, points: pl.DataFrame) -> Iterator[str]:
    least = 2 * view.mart.meta["rules"]["min_cohort"]
    yield (
        "Prices are hypothetical: nobody pays them, and people say yes more easily than they pay. A yes counts only from a stated certainty on; "
        "even so, read the shares as the most that would, not as demand. What teams do where they may choose says more."
    )
    yield f"A price is shown from {least} answers to it, of the whole organisation only; who did not answer may think otherwise. The rows, which are single people, are not shown."
    if lacking(prices, "value").height:
        yield "Withheld prices take others with them, so that nothing can be worked out by subtraction."
    if where(points, measure=MEAN).height:
        yield (
            "Worth at least: everybody is counted with no more than the price they were sure to pay and nothing above the highest price asked (Turnbull), so the true "
            "mean of what they say is higher. Demand is the share made never to rise with the price."
        )
    if points.filter(pl.col("measure").is_in(list(RANGE)), pl.col("value").is_not_null()).height:
        yield (
            "The range is where curves of four stated prices cross (van Westendorp): below the first more find it too cheap to be good than find it no bargain, above the last more "
            "find it too dear than find it not dear. It says what sounds right, not what anybody would pay."
        )


def _money(amount: float, currency: str | None) -> str:
    return money(Decimal(str(round(amount, 6))), currency)


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
