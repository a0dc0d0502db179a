"""A report of a week does not say that nothing is known of what is told by month and quarter alone."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from idp_analytics.periods import parse
from idp_analytics.report import OrgReport, TeamReport
from idp_analytics.report.brief import brief
from idp_analytics.report.mart import Mart
from idp_analytics.report.trace import place
from idp_analytics.report.view import NOT_BY_WEEK, View

WEEK = "2026-W24"
OF_ALL = (
    "golden_paths", "drift", "adoption", "breadth", "fragmentation", "hatches", "boundary", "policies", "scorecards", "stress", "follow_through", "gaming",
    "spending", "sharing", "cost_change", "unit_costs", "cost_unusual", "cost_bridge", "bill_quality", "worth", "sprawl",
)  # fmt: skip


@pytest.fixture
def week(mart: Mart) -> Mart:
    months = mart.answers.filter(every="1mo", period="2026-06")
    return replace(
        mart,
        answers=pl.concat([mart.answers, months.with_columns(every=pl.lit("1w"), period=pl.lit(WEEK))]),
        meta={**mart.meta, "rows": True},
    )


@pytest.mark.parametrize(("entity", "least"), [("org", len(OF_ALL)), ("payments", 15)])
def test_what_is_not_made_by_week_is_said_not_to_be(week: Mart, entity: str, least: int) -> None:
    def told(period: str) -> dict[str, bool]:
        view = View(week, "org" if entity == "org" else "team", entity, parse(period))
        report = OrgReport(view) if entity == "org" else TeamReport(view)
        return {name: NOT_BY_WEEK in getattr(report, name)().answer for name in OF_ALL if hasattr(report, name)}

    by_week, by_month = told(WEEK), told("2026-06")
    assert len(by_week) >= least
    assert [name for name, is_said in by_week.items() if not is_said] == []
    assert [name for name, is_said in by_month.items() if is_said] == []


@pytest.mark.parametrize("entity", ["org", "payments"])
def test_its_note_says_nothing_of_use(week: Mart, entity: str) -> None:
    view = View(week, "org" if entity == "org" else "team", entity, parse(WEEK))
    files = [place(said.trace)[0] for topic in brief(view).topics.values() for said in topic]
    assert any(files)
    assert not [file for file in files if "adoption_breadth" in file]
    month = replace(view, period=parse("2026-06"))
    assert "adoption_breadth" in " ".join(
        place(said.trace)[0] for topic in brief(month).topics.values() for said in topic
    )
