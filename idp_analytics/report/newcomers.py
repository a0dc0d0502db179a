"""How soon people who join can ship: only ever of groups, and only where a group is large enough."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from idp_analytics.charts import survival as chart
from idp_analytics.charts.wording import count, interval, quantity
from idp_analytics.metrics import by_name
from idp_analytics.report import cells, words
from idp_analytics.report.section import Section
from idp_analytics.report.view import View

STUDY = "newcomers"
QUESTION = "How soon do new engineers ship?"

GOALS = {
    "time_to_first_deploy": ("first work in production", "had work in production"),
    "time_to_tenth_merged_change": ("tenth change merged", "had ten changes merged"),
}
"""Metric → what its curve is called, and what those who are there have done."""


def newcomers(view: View) -> Section:
    """All who joined since the data begin: how many had shipped after so many days; and the quarters' groups."""
    metrics = tuple(by_name(name) for name in GOALS)
    found = view.mart.studies[STUDY]
    least = view.mart.meta["rules"]["min_cohort"]
    heads = {row["metric"]: row for row in found.unique("metric", keep="first", maintain_order=True).to_dicts()}
    shown = found.filter(~pl.col("is_withheld"))
    if not heads:
        answer = "No developer is known to have started since the data begin, so nothing can be said."
    else:
        answer = " ".join(_said(name, heads[name], least) for name in GOALS if name in heads)
    tables = tuple(
        cells.table(f"{metric.title}, by when they started", _cohorts(view, metric.name)) for metric in metrics if heads
    )
    return Section(
        question=QUESTION,
        answer=answer,
        chart=chart.chart(shown, {name: goal for name, (goal, _) in GOALS.items()}) if shown.height else None,
        tables=tuple(table for table in tables if table.height),
        cautions=tuple(_cautions(heads, least)),
        metrics=metrics,
    )


def _said(name: str, row: dict[str, Any], least: int) -> str:
    done = GOALS[name][1]
    since = f"{row['since'].day} {row['since']:%B %Y}"
    if row["is_withheld"]:
        return (
            f"Fewer than {least} developers started since {since} in quarters that are over, or so few that one could be singled out: "
            f"how soon they {done} is withheld."
        )
    who = f"Of {count(row['n'], 'developer')} who started since {since} and are told of, {row['k']:,} {done} by the end of the quarters they are told with"
    bounds = interval(row["median_low"], row["median_high"], "days", row["median"])
    if row["median"] is not None:
        return f"{who}; half were there within {quantity(row['median'], 'days')} ({words.level(row)} {bounds})."
    lowest = (
        f"; it takes half of them at least {quantity(row['median_low'], 'days')} ({words.level(row)})"
        if row["median_low"]
        else ""
    )
    return f"{who}, too few for a median{lowest}."


def _cohorts(view: View, name: str) -> Iterator[dict[str, str]]:
    """The groups of the organisation by quarter, whatever length the report's period has: months are mostly too small."""
    rows = view.mart.answers.filter(
        pl.col("metric") == name, pl.col("scope") == "org", pl.col("every") == "1q",
        pl.col("period_start") <= view.period.start,
    )  # fmt: skip
    for row in rows.sort("period_start").to_dicts():
        yield {
            "Started in": cells.period(row),
            "Half were there within": quantity(row["value"], row["unit"]),
            words.level(row).capitalize(): interval(row["low"], row["high"], row["unit"], row["value"]),
            "n": "withheld" if row["n"] is None else f"{row['n']:,}",
            "Not there yet": f"{row['censored']:,}" if row["censored"] else "",
            "Verdict": cells.verdict(row["verdict"]),
        }


def _cautions(heads: dict[str, dict[str, Any]], least: int) -> Iterator[str]:
    if not heads:
        return
    row = next(iter(heads.values()))
    yield (
        f"Groups of fewer than {least} people are withheld, and others with them so that nothing can be worked out by "
        "subtraction. Nothing is shown of one person, so the rows, which are people, are not shown."
    )
    yield (
        f"{count(row['left_out'], 'developer')} who started earlier {'is' if row['left_out'] == 1 else 'are'} left out: they may "
        "have shipped before anything was recorded."
    )
    missing = [r["missing"] for r in heads.values() if r["missing"]]
    if missing:
        yield f"{count(max(missing), 'newcomer')} not counted: not said to be a developer, or with work here before their first day."
    yield (
        f"Newcomers are told of in groups of {least} or more who started in quarters one after the other, as things stand when the last of "
        "them is over, so that no two reports differ by one of them. Who was not there by then, or left before, counts as taking longer."
    )
