"""What a deployment, an active service and an active developer cost, with what was divided by what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import polars as pl

from idp_analytics.answers import Verdict
from idp_analytics.charts.wording import NOTHING, count, money, named, period
from idp_analytics.metrics import by_name
from idp_analytics.metrics.unit_costs import FEWEST, PER
from idp_analytics.report import cells
from idp_analytics.report.section import Section, Table
from idp_analytics.report.slices import where
from idp_analytics.report.view import View, team_names

METRIC = "showback_cost"
STUDY = "unit_costs"
QUESTION = "What does a deployment, a service, a developer cost?"


def unit_costs(view: View) -> Section:
    """Cost per unit of the period, its course, and of the organisation that of every team, in order of name."""
    metric = by_name(METRIC)
    rows = view.study(STUDY)
    if rows.is_empty():
        return Section(QUESTION, view.unless_week(False, f"No cost in {period(view.period.label)}."), metrics=(metric,))
    lines: dict[str, int] = {}
    for currency, n in zip(rows["currency"].to_list(), rows["lines"].to_list(), strict=True):
        lines.setdefault(currency, n)
    order = sorted(lines, key=lambda currency: (-lines[currency], currency))
    tables = [_course(view, currency) for currency in order]
    tables += [table for currency in order for table in _teams(view, currency)]
    return Section(
        QUESTION,
        " ".join([*(_sentence(where(rows, currency=currency).to_dicts(), view) for currency in order), *_kind(rows)]),
        tables=tuple(tables),
        cautions=tuple(_cautions(where(rows, currency=order[0]).to_dicts())),
        trace=view.trace(METRIC),
        metrics=(metric, by_name("deployment_frequency")),
    )


def _sentence(rows: list[dict[str, Any]], view: View) -> str:
    """All units of one currency that have a value, with what was divided by what."""
    told = [row for row in rows if row["value"] is not None]
    when = f"{period(view.period.label)}{' (partial period)' if rows[0]['is_partial'] else ''}"
    whole = money(rows[0]["amount"], rows[0]["currency"])
    if not told:
        return f"Of {whole} in {when} no unit cost is given: {_why(rows)}."
    parts = ", ".join(f"{money(row['value'], row['currency'])} per {row['per']} ({row['n']:,})" for row in told)
    return f"{whole} in {when} is {parts}."


def _kind(rows: pl.DataFrame) -> Iterator[str]:
    if rows["value"].is_not_null().any():
        yield "Exact totals over counts, so without an interval."


def _why(rows: list[dict[str, Any]]) -> str:
    return "; ".join(f"{row['per']}: {_absence(row)}" for row in rows)


def _absence(row: Mapping[str, Any]) -> str:
    match row["verdict"]:
        case Verdict.SUPPRESSED:
            return "withheld, there are too few people"
        case Verdict.NOT_MEASURED:
            return "not measured"
        case _:
            least = max(1, FEWEST.get(row["per"], 1))
            return f"{count(row['n'], row['per'])} only, {least} needed"


def _cautions(rows: list[dict[str, Any]]) -> Iterator[str]:
    absent = [row for row in rows if row["value"] is None]
    if absent and len(absent) < len(rows):
        yield f"Not given: {_why(absent)}."
    for row in rows:
        if row["missing"] and row["per"] != PER[1]:
            what = (
                ("deployment of which something is not told", "deployments of which something is not told")
                if row["per"] == PER[0]
                else ("merged change without an author", "merged changes without an author")
            )
            yield f"{count(row['missing'], *what)} may add to the count of {row['per']}s and lower what one costs."


def _course(view: View, currency: str) -> Table:
    periods: dict[date, list[dict[str, Any]]] = {}
    for row in where(view.study_so_far(STUDY), currency=currency).to_dicts():
        periods.setdefault(row["period_start"], []).append(row)
    told = (
        {"Period": cells.period(rows[0]), "Cost": money(rows[0]["amount"], ""), **_units(rows)}
        for rows in periods.values()
    )
    return cells.table(f"Cost per unit of {view.name}, {named(currency)}", told)


def _teams(view: View, currency: str) -> Iterator[Table]:
    if view.scope != "org":
        return
    found = view.mart.studies[STUDY].filter(
        pl.col("scope") == "team", pl.col("every") == view.period.every, pl.col("period") == view.period.label,
        pl.col("currency") == currency,
    )  # fmt: skip
    names = team_names(view.mart, found["entity_id"].unique().sort().to_list())
    by_team = {
        name: where(found, entity_id=team).to_dicts()
        for team, name in sorted(names.items(), key=lambda pair: (pair[1], pair[0]))
    }
    yield cells.of_teams(
        f"The same by team, {period(view.period.label)}, {named(currency)}",
        (
            (rows[0]["amount"] or 0, {"Team": name, "Cost": money(rows[0]["amount"], ""), **_units(rows)})
            for name, rows in by_team.items()
        ),
        "with the highest cost",
        f"{STUDY}.csv",
    )


def _units(rows: list[dict[str, Any]]) -> dict[str, str]:
    """``101.52 (232)``: what a unit costs, and how many there were; a dash where none is given."""
    told: dict[str, str] = {}
    for row in rows:
        value = NOTHING if row["value"] is None else money(row["value"], "")
        unknown = "withheld" if row["verdict"] == Verdict.SUPPRESSED else NOTHING
        told[f"Per {row['per']} (n)"] = unknown if row["n"] is None else f"{value} ({row['n']:,})"
    return told
