"""Teams side by side with their own past, and one team beside the organisation. Order of name; never a ranking."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from idp_analytics.answers import Estimator, Metric, Verdict
from idp_analytics.charts import strip
from idp_analytics.charts.wording import count, interval, money, period, quantity
from idp_analytics.metrics import HEADLINES
from idp_analytics.report import cells
from idp_analytics.report.metric import COMPARABLE
from idp_analytics.report.money import METRIC as MONEY
from idp_analytics.report.section import Section
from idp_analytics.report.view import View, team_names

JUDGED = tuple(metric for metric in HEADLINES if metric.estimator is not Estimator.TOTAL)
"""The metrics that have a verdict."""


def teams(view: View) -> Section:
    """Every team in the period: its value of each metric, and the verdict against its own period before."""
    now = view.mart.answers.filter(
        pl.col("scope") == "team", pl.col("detail").is_null(),
        pl.col("every") == view.period.every, pl.col("period") == view.period.label,
    )  # fmt: skip
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for row in now.sort("entity_id", "metric", "currency").to_dicts():
        found.setdefault(row["entity_id"], {}).setdefault(row["metric"], []).append(row)
    names = team_names(view.mart, list(found))
    order = sorted(found, key=lambda team: (names[team].casefold(), team))
    deployed = sum(any(row["n"] for row in found[team].get("deployment_frequency", [])) for team in order)
    return Section(
        question="How do our teams do against their own past?",
        answer=f"{count(len(order), 'team')} in {period(view.period.label)}; {deployed:,} of them deployed to production.",
        tables=(
            cells.table("Verdicts, by how many teams have each", _verdicts(now)),
            cells.of_teams(
                "Teams, in order of name",
                ((_changed(found[team]), {"Team": names[team], **_cells(found[team])}) for team in order),
                "of which most numbers changed",
                "answers.csv",
                left=tuple(metric.title for metric in JUDGED),
            ),
        ),
        cautions=(
            "Each verdict compares a team with its own period before. Teams differ in what they build, so the table is no "
            "ranking; with many teams some verdicts come about by chance.",
        ),
        trace=view.trace("deployment_frequency") if deployed else "",
        opened=True,
    )  # fmt: skip


def beside_organisation(view: View) -> Section:
    """One team's shares and medians beside those of the organisation as a whole, in the period."""
    chosen = [metric for metric in HEADLINES if metric.estimator in COMPARABLE]
    pairs = [(metric, view.row(metric), view.row(metric, "org")) for metric in chosen]
    shares = [row | {"scope": scope} for m, own, whole in pairs for scope, row in (("team", own), ("org", whole))
              if m.estimator is Estimator.SHARE]  # fmt: skip
    drawable = any(row["low"] is not None for row in shares)
    known = sum(own["value"] is not None and whole["value"] is not None for _, own, whole in pairs)
    apart = [metric.title for metric, own, whole in pairs if _apart(own, whole)]
    told = (
        f"The intervals lie wholly apart for {' and '.join(apart)}."
        if apart
        else "No interval lies wholly apart from the organisation's."
    )
    return Section(
        question="How do our numbers stand beside the organisation's?",
        answer=(
            f"{known} of {len(pairs)} numbers can be set beside the organisation's in {period(view.period.label)}. {told}"
            if known
            else f"No number can be set beside the organisation's in {period(view.period.label)}: one of the two is not known."
        ),
        chart=strip.chart(pl.DataFrame(shares, schema=view.mart.answers.schema), _titles(chosen), view.name)
        if drawable
        else None,
        tables=(cells.table(f"{view.name} beside the organisation", (_pair(*pair) for pair in pairs)),),
        cautions=("The organisation's number includes this team. Intervals that overlap may still differ.",),
        trace=next((view.trace(metric.name) for metric, own, _ in pairs if own["n"]), ""),
    )


def _titles(metrics: list[Metric]) -> dict[str, str]:
    return {metric.name: metric.title for metric in metrics if metric.estimator is Estimator.SHARE}


def _apart(own: dict[str, Any], whole: dict[str, Any]) -> bool:
    if own["value"] is None or whole["value"] is None:
        return False
    return any(
        low is not None and high is not None and low > high
        for low, high in ((own["low"], whole["high"]), (whole["low"], own["high"]))
    )


def _pair(metric: Metric, own: dict[str, Any], whole: dict[str, Any]) -> dict[str, str]:
    def shown(row: dict[str, Any]) -> tuple[str, str, str]:
        bounds = interval(row["low"], row["high"], metric.unit, row["value"])
        return quantity(row["value"], metric.unit), bounds, cells.n(row)

    (value, bounds, n), (whole_value, whole_bounds, whole_n) = shown(own), shown(whole)
    return {
        "Metric": metric.title, "This team": value, "Interval": bounds, "n": n,
        "Organisation": whole_value, "Its interval": whole_bounds, "Its n": whole_n,
    }  # fmt: skip


def _cells(answers: dict[str, list[dict[str, Any]]]) -> dict[str, str]:
    cell = {}
    for metric in JUDGED:
        row = next(iter(answers.get(metric.name, [])), None)
        verdict = cells.verdict(row["verdict"] if row else Verdict.NOT_MEASURED)
        value = f"{quantity(row['value'], metric.unit)}, " if row and row["value"] is not None else ""
        cell[metric.title] = f"{value}{verdict}"
    amounts = [money(row["amount"], row["currency"]) for row in answers.get(MONEY, []) if row["amount"] is not None]
    return {**cell, "Cost": ", ".join(amounts)}


def _changed(answers: dict[str, list[dict[str, Any]]]) -> int:
    """How many of a team's numbers changed for certain, either way."""
    rows = (row for metric in JUDGED for row in answers.get(metric.name, [])[:1])
    return sum(row["verdict"] in (Verdict.IMPROVED, Verdict.WORSENED) for row in rows)


def _verdicts(now: pl.DataFrame) -> Iterator[dict[str, str]]:
    counts = {(metric, verdict): n for metric, verdict, n in now.group_by("metric", "verdict").len().iter_rows()}
    for metric in JUDGED:
        yield {
            "Metric": metric.title,
            **{cells.verdict(v): f"{counts.get((metric.name, v.value), 0):,}" for v in Verdict},
        }
