"""Whether there should be a platform team, and which path next: what is counted and what is stated are never mixed up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from idp_analytics.metrics.next_paths import COLUMNS, TEAM_COLUMNS
from idp_analytics.metrics.platform_size import COLUMNS as SIZE_COLUMNS
from idp_analytics.periods import parse
from idp_analytics.report.mart import Mart
from idp_analytics.report.next_paths import next_paths
from idp_analytics.report.reports import OrgReport
from idp_analytics.report.view import View

STATED = {
    "basis": "stated", "title": "Access", "said_by": "Ada", "n": 40, "days": 365.0, "per_year": 40.0, "per_year_low": 29.0, "per_year_high": 54.0,
    "hours_each": 2.0, "hours_low": 1.0, "hours_high": 3.0, "build_hours": 60.0, "yearly_hours": 0.0, "payback_months": 9.0, "payback_low": 4.4,
    "payback_high": 25.0, "is_first": False, "wait_n": 40, "censored": 0, "missing": 0,
}  # fmt: skip
SIZE = {"engineers": 12, "engineers_high": 12, "platform": 2, "low": 30, "high": 50, "place": "below"}


def said(mart: Mart, size: list[dict[str, Any]], paths: list[dict[str, Any]], teams: list[dict[str, Any]]) -> str:
    whose = {"scope": "org", "entity_id": "org"}
    made = {
        name: pl.DataFrame([{**dict.fromkeys(columns), **whose, **row} for row in rows], schema=columns)
        for name, columns, rows in (
            ("platform_size", SIZE_COLUMNS, size),
            ("next_paths", COLUMNS, paths),
            ("next_path_teams", TEAM_COLUMNS, teams),
        )
    }
    return next_paths(View(replace(mart, studies={**mart.studies, **made}), "org", "org", parse("2026-06"))).answer


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "The one path that is put forward, Access, pays back after 9.0 months (4.4–25; it was needed 40 times in 365 days)."),
        ({"payback_high": None}, "pays back after 9.0 months (4.4, or never; it was needed"),
        ({"payback_months": None, "payback_high": None}, "pays back never as stated; at the most that is stated and likely after 4.4 months."),
        ({"payback_months": None, "payback_low": None, "payback_high": None}, "pays back never, not even at the most that is stated and likely."),
    ],
)  # fmt: skip
def test_when_it_has_paid_back(mart: Mart, given: dict[str, Any], told: str) -> None:
    assert told in said(mart, [], [{**STATED, "id": "a", **given}], [])


def test_a_first_is_named_or_said_not_to_be_told_apart(mart: Mart) -> None:
    two = [{**STATED, "id": "a"}, {**STATED, "id": "b", "title": "Networks"}]
    assert "none is told apart as the first to pay back: Access after" in said(mart, [], two, [])
    two[0]["is_first"] = True
    assert "Of the paths that are put forward, Access pays back first: after 9.0 months" in said(mart, [], two, [])


@pytest.mark.parametrize(
    ("size", "told"),
    [
        ([], "How many engineers there are is not known: no export tells of people."),
        ([SIZE], "12 engineers work here; 2 of them on the platform. By a rule of thumb, which nobody has measured,"),
        ([{**SIZE, "engineers": 1, "engineers_high": 1, "platform": None}], "1 engineer works here. By a rule"),
        (
            [{**SIZE, "engineers_high": 40, "place": "not told"}],
            "12 engineers work here, and 28 people of whom nobody says it; 2 of them",
        ),
    ],
)
def test_the_rule_of_thumb_is_called_one(mart: Mart, size: list[dict[str, Any]], told: str) -> None:
    assert told in said(mart, size, [], [])


def test_where_to_begin(mart: Mart) -> None:
    teams = [
        {"basis": "stated", "id": "a", "team_id": "payments", "n": 18, "of": 20, "p": 0.001, "is_pilot": True},
        {"basis": "stated", "id": "a", "team_id": "ledger", "n": 2, "of": 20, "is_pilot": False},
    ]
    assert "The next project of Payments is where to begin with Access: it came up there 18 of 20 times." in said(
        mart, [], [{**STATED, "id": "a"}], teams
    )
    teams[0]["is_pilot"] = False
    assert "No team is told apart from the next as the one to begin with Access." in said(
        mart, [], [{**STATED, "id": "a"}], teams
    )


def test_the_sample_company_has_a_first_path_and_much_to_wait_for(
    organisation_report: Callable[..., OrgReport],
) -> None:
    section = organisation_report().next_paths()
    assert "Access by self-service pays back first" in section.answer
    assert "people wait most for tickets about pipeline" in section.answer
    assert [table.frame.height for table in section.tables] == [2, 2, 16]
    assert "None" not in str(section.tables) + section.answer
