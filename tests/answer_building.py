"""Answers and marts made by hand: one row, one company, nothing computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from idp_analytics.answers import COLUMNS, Verdict
from idp_analytics.checks.gate import RESULTS
from idp_analytics.metrics import (
    STUDIES,
    approval_queue,
    bill_quality,
    boundary,
    by_name,
    cost_anomalies,
    cost_bridge,
    cost_forecast,
    cost_restatement_reasons,
    cost_variance,
    deflection,
    first_deployments,
    follow_through,
    gate_value,
    interventions,
    policy_study,
    provisioning,
    rubber_stamps,
    scorecard_study,
    sprawl,
    sprawl_costs,
    stress_signals,
    survey_price,
    survey_quality,
    top_two,
    unit_costs,
)
from idp_analytics.metrics.allocation.studies import METHODS, POOLS, VIEWS
from idp_analytics.metrics.impact import columns as impact
from idp_analytics.metrics.maturity import evidence, roles
from idp_analytics.organisation import _COVERAGE
from idp_analytics.periods import parse
from idp_analytics.report.mart import Mart
from idp_analytics.report.section import Cards, Section
from idp_analytics.report.view import View
from idp_analytics.tables import TABLES
from idp_analytics.tables.conform import REJECTED

Row = dict[str, Any]

SCRIPT = "<script>alert(1)</script>"
TURNED = "Pay\u202eslaP"

META = {
    "org": "acme", "title": "Acme", "as_of": "2026-07-01T00:00:00+00:00", "time_zone": "UTC", "asked": ["--data", "data/acme"],
    "rules": {"level": 0.95, "cost_basis": "effective", "link_hours": 24.0, "hotfix_words": ["hotfix", "hot-fix"]}, "targets": [],
    "settings_sha256": "5e" * 32, "versions": {"idp-analytics": "1.2.3"}, "cautions": [],
    "periods": {"1mo": ["2026-04", "2026-05", "2026-06"], "1q": ["2026-Q2"]},
}  # fmt: skip


def answer(metric: str, period: str = "2026-06", **given: Any) -> Row:
    """One row of the answer table: of the organisation, whole, nothing counted, nothing to compare with unless told."""
    span = parse(period)
    known = {
        "scope": "org", "entity_id": "org", "every": span.every, "period": period, "period_start": span.start,
        "period_end": span.end, "is_partial": False, "metric": metric, "level": 0.95, "n": 0, "missing": 0,
        "unit": by_name(metric).unit, "verdict": Verdict.NOT_IDENTIFIED.value,
    }  # fmt: skip
    assert set(given) <= set(COLUMNS)
    return {**dict.fromkeys(COLUMNS), **known, **given}


def of_team(team: str, *rows: Row) -> list[Row]:
    """The same rows, of one team."""
    return [{**row, "scope": "team", "entity_id": team} for row in rows]


EMPTY = {
    "pools": POOLS, "cost_views": VIEWS, "allocation_methods": METHODS, "cost_variance": cost_variance.COLUMNS,
    "unit_costs": unit_costs.COLUMNS, "bill_quality": bill_quality.COLUMNS, "cost_bridge": cost_bridge.COLUMNS,
    "cost_forecast": cost_forecast.COLUMNS, "cost_anomalies": cost_anomalies.COLUMNS,
    "cost_restatement_reasons": cost_restatement_reasons.COLUMNS,
    "boundary": boundary.COLUMNS, "approvals": rubber_stamps.COLUMNS,
    "first_deployments": first_deployments.COLUMNS,
    "gate_value": gate_value.COLUMNS,
    "approval_queue": approval_queue.COLUMNS, "provisioning": provisioning.PART_COLUMNS, "run_outcomes": provisioning.OUTCOME_COLUMNS,
    "policies": policy_study.COLUMNS,
    "scorecards": scorecard_study.CARDS, "scorecard_rules": scorecard_study.RULES, "scorecard_disputes": scorecard_study.DISPUTES,
    "maturity_criteria": evidence.CRITERIA, "maturity_roles": roles.COLUMNS,
    "deflection": deflection.COLUMNS, "deflection_course": deflection.COURSE_COLUMNS,
    "impact": impact.COLUMNS, "impact_course": impact.COURSE_COLUMNS, "impact_weeks": impact.WEEKS_COLUMNS,
    "stress_signals": stress_signals.COLUMNS, "follow_through": follow_through.COLUMNS, "follow_through_linked": follow_through.LINKED,
    "survey_price": survey_price.COLUMNS, "top_two": top_two.COLUMNS, "survey_quality": survey_quality.COLUMNS,
    "intervention_units": interventions.COLUMNS,
    "sprawl": sprawl.COLUMNS, "sprawl_costs": sprawl_costs.COLUMNS, "sprawl_pairs": sprawl_costs.PAIR_COLUMNS,
}  # fmt: skip
"""The columns of studies that are looked at even where there is nothing in them."""


def frame(rows: Iterable[Mapping[str, Any]], schema: Mapping[str, Any]) -> pl.DataFrame:
    """Rows of a frame with ``schema``; what they do not tell is null."""
    return pl.DataFrame([{**dict.fromkeys(schema), **row} for row in rows], schema=dict(schema), orient="row")


def mart(
    rows: Iterable[Row] = (), teams: Mapping[str, str | None] | None = None, coverage: Sequence[Row] = (),
    rejected: Sequence[Row] = (), checks: Sequence[Row] = (), loads: Sequence[Row] = (),
    studies: Mapping[str, pl.DataFrame] | None = None, **meta: Any,
) -> Mart:  # fmt: skip
    """A mart of what is given and nothing else; studies not given are empty. ``teams``: id to name."""
    named = [{"team_id": team, "name": name, "kind": "team"} for team, name in (teams or {}).items()]
    return Mart(
        answers=frame(rows, COLUMNS),
        coverage=frame(coverage, _COVERAGE),
        rejected=frame(rejected, REJECTED),
        checks=frame(checks, RESULTS),
        loads=frame(loads, TABLES["loads"].schema),
        teams=frame(named, TABLES["teams"].schema),
        services=frame((), TABLES["services"].schema),
        studies={study.name: pl.DataFrame(schema=EMPTY.get(study.name)) for study in STUDIES} | dict(studies or {}),
        meta={**META, **meta},
    )


def of_org(made: Mart, period: str = "2026-06") -> View:
    """What the organisation's report looks at."""
    return View(made, "org", "org", parse(period))


def by_team(made: Mart, team: str, period: str = "2026-06") -> View:
    """What one team's report looks at."""
    return View(made, "team", team, parse(period))


def load(table: str, path: str = "a.csv", **given: Any) -> Row:
    """A file that was read."""
    return {
        "load_id": path, "source": "made", "table": table, "path": path, "sha256": "ab" * 32, "rows_in": 10, "rows_out": 10,
        "dropped": "{}", "truncated": False, "warnings": [], **given,
    }  # fmt: skip


def at(month: int, day: int, hour: int = 12) -> datetime:
    """A moment in 2026."""
    return datetime(2026, month, day, hour, tzinfo=UTC)


def all_words(made: Section | Cards) -> str:
    """All the words of a section: its text, and every cell of its tables."""
    parts = (made, *made.parts) if isinstance(made, Section) else ()
    tables = [table for part in parts for table in part.tables]
    cells = [cell or "" for table in tables for row in table.frame.iter_rows() for cell in row]
    return "\n".join([repr(made), *cells])
