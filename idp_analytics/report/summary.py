"""The first thing a reader sees: the key numbers, each with its interval, its count and its verdict."""

from __future__ import annotations

from collections.abc import Iterator

from idp_analytics.answers import Estimator, Metric, Verdict
from idp_analytics.charts.wording import count, interval, period, quantity
from idp_analytics.metrics import HEADLINES
from idp_analytics.report import money, words
from idp_analytics.report.section import Card, Cards
from idp_analytics.report.view import View

QUESTION = "How are we doing?"


def summary(view: View) -> Cards:
    """A card for every headline metric, in the order of the catalogue; money has one per currency."""
    found: list[Card] = []
    for metric in HEADLINES:
        if metric.estimator is Estimator.TOTAL:
            found += money.cards(view)
        else:
            found.append(_card(view, metric))
    when, as_of = period(view.period.label), view.mart.as_of
    return Cards(f"{view.name} · {when} · as of {as_of:%Y-%m-%d %H:%M} UTC", tuple(found), tuple(_cautions(view)))


def _card(view: View, metric: Metric) -> Card:
    row, before = view.row(metric), view.row_before(metric)
    known = row["value"] is not None
    bounds = interval(row["low"], row["high"], metric.unit, row["value"])
    earlier = period(view.before, view.period.label)
    return Card(
        title=metric.title,
        value=quantity(row["value"], metric.unit) if known else "no value",
        bounds="" if row["low"] is None and row["high"] is None else f"{words.level(row)} {bounds}",
        basis="withheld" if row["n"] is None else count(row["n"], words.phrase(metric.name).noun),
        verdict=Verdict(row["verdict"]),
        note=f"{quantity(before['value'], metric.unit)} in {earlier}" if before and before["value"] is not None else "",
        meaning=f"{metric.question} {metric.formula}",
        question=metric.question,
    )


def _cautions(view: View) -> Iterator[str]:
    if view.period.end > view.mart.today:
        yield f"{period(view.period.label)} is not over at the as-of time; its numbers will still change."
    yield from view.mart.meta["cautions"]
