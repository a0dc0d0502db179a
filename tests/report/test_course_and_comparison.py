"""The sections on signal or noise and on differences between teams: sentences from known studies."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from idp_analytics.errors import ReportError
from idp_analytics.periods import parse
from idp_analytics.report.mart import Mart
from idp_analytics.report.reports import OrgReport, TeamReport
from idp_analytics.report.view import View

RATE = "change_fail_rate"


@pytest.fixture
def org(mart):
    def build(period: str = "2026-06", **studies: pl.DataFrame) -> OrgReport:
        return OrgReport(View(replace(mart, studies={**mart.studies, **studies}), "org", "org", parse(period)))

    return build


@pytest.fixture
def team(mart):
    def build(period: str = "2026-Q2", **studies: pl.DataFrame) -> TeamReport:
        return TeamReport(View(replace(mart, studies={**mart.studies, **studies}), "team", "mobile", parse(period)))

    return build


def changed(mart: Mart, study: str, where: pl.Expr, **values: object) -> dict[str, pl.DataFrame]:
    frame = mart.studies[study]
    return {
        study: frame.with_columns(
            pl.when(where).then(pl.lit(value, frame.schema[name])).otherwise(name).alias(name) for name, value in values.items()
        )
    }  # fmt: skip


def test_without_a_signal_the_answer_says_so_and_how_often_chance_would_show_one(org):
    section = org().course(RATE)
    assert section.question == "Is this a signal or noise?"
    assert section.answer.startswith(
        "Of 4 complete weeks in June 2026, none is a signal: what differs from week to week is what this process does by "
        "itself. In 51 weeks in which nothing changes, at least one would look like a signal with a probability of "
    )
    assert "Over 12 months from July 2025 to June 2026 it moved by" in section.answer
    assert section.table.frame["Week"][-1] == "2026-W27 (partial)"
    assert section.metric == RATE


def test_signals_are_counted_by_kind(org, mart):
    where = (pl.col("scope") == "org") & (pl.col("metric") == RATE)
    one = changed(mart, "process_behaviour", where & (pl.col("period") == "2026-W24"), signal="above the limits")
    both = replace(mart, studies={**mart.studies, **one})
    two = changed(both, "process_behaviour", where & (pl.col("period") == "2026-W25"), signal="long run")
    assert (
        org(**two)
        .course(RATE)
        .answer.startswith(
            "Of 4 complete weeks in June 2026, 1 lies above the limits and 1 belongs to a long run on one side of the median: a "
            "signal; ask what changed."
        )
    )
    assert "1 week above the limits (week 24 of 2026)" in org(**two).course(RATE).chart.description


def test_weeks_after_the_period_are_not_shown(org):
    section = org("2026-03").course(RATE)
    assert "April" not in section.answer
    assert section.table.frame["Week"][-1] == "2026-W14"
    assert "moved by" not in section.answer  # the slope reaches past March


def test_left_out_weeks_and_named_causes_are_told(org, mart):
    where = (pl.col("scope") == "org") & (pl.col("metric") == RATE)
    left_out = changed(mart, "process_behaviour", where & (pl.col("period") == "2026-W20"), outlier="storm <b>")
    section = org(**left_out).course(RATE)
    assert "Week 20 of 2026 is left out: storm <b>." in section.cautions
    assert section.table.frame.filter(Week="2026-W20")["Signal"].to_list() == ["left out"]
    assert "<b>" not in section.outputs()[0]["text/html"]


def test_without_limits_or_weeks_the_answer_says_why(org, team, mart):
    none = changed(mart, "process_behaviour", pl.col("scope") == "org", false_alarm_probability=None)
    assert "no limits to judge them by yet" in org(**none).course(RATE).answer
    section = team().course("failed_deployment_recovery_time")
    assert section.answer.startswith("No complete week with a value begins in Q2 2026")
    assert "8 are needed" in section.answer
    assert section.chart is None
    empty = {"process_behaviour": mart.studies["process_behaviour"].clear(), "trend": mart.studies["trend"].clear()}
    assert org(**empty).course(RATE).tables == ()


def test_slopes_are_told_in_the_unit_of_the_metric(org):
    assert " points a month (95 % interval −" in org().course(RATE).answer
    assert " h a month (95 % interval −" in org().course("change_lead_time").answer
    assert "deployments per day a month" in org().course("deployment_frequency").answer


def test_teams_stand_in_order_of_name_with_nobody_on_top(org):
    section = org("2026-Q2").comparison(RATE)
    assert section.question == "Do our teams differ by more than chance?"
    assert section.answer.startswith("Change fail rate of 9 teams in Q2 2026, ")
    assert "no team lies outside what chance allows" in section.answer
    names = section.table.frame["Team"].to_list()
    assert names == sorted(names, key=str.casefold)
    assert len(names) == 9
    assert section.chart is not None
    assert not [column for column in section.table.frame.columns if "ank" in column]


def test_a_team_apart_is_counted_beside_what_chance_would_give(org, mart):
    where = (pl.col("entity_id") == "mobile") & (pl.col("metric") == RATE)
    section = org(
        "2026-Q2", **changed(mart, "comparison", where, verdict="apart from the others", dispersion=9.0)
    ).comparison(RATE)
    assert "1 team lies outside what chance allows; by chance alone 0.018 would" in section.answer
    assert section.chart.description.endswith("apart from the others: Mobile.")


def test_what_cannot_be_compared_says_why(org, team, mart):
    month = org("2026-06").comparison("failed_deployment_recovery_time")
    assert month.answer == "0 teams with a value in June 2026: too few to compare (5 are needed)."
    assert (month.chart, month.cautions) == (None, ())
    assert team("2026-06").place("failed_deployment_recovery_time").answer.startswith("Not compared in June 2026")
    few = changed(mart, "comparison", pl.col("entity_id") == "mobile", verdict="insufficient data")
    assert "fewer than 5 teams have a value" in team(**few).place(RATE).answer
    for section in (org("2026-W20").comparison(RATE), team("2026-W20").place(RATE)):
        assert section.answer == "Teams are compared by month and quarter; a week holds too little of each."
    assert org("2026-Q2").comparison("deployment_frequency").chart is None


def test_a_team_sees_its_own_place_and_no_other_name(team):
    section = team().place(RATE)
    assert section.answer.startswith("Change fail rate 19.4 % in Q2 2026 (n = 36), all 9 teams together 6.2 %.")
    assert "within what chance allows" in section.answer
    assert section.table.frame.height == 1
    assert "Payments" not in str(section.chart.spec)
    assert "Mobile" in str(section.chart.spec)


def test_a_mart_read_for_one_team_has_all_its_sections_need(mart, tmp_path):
    mart.write(tmp_path)
    own = Mart.read(tmp_path, "mobile")
    assert set(own.studies["comparison"].filter(scope="team")["entity_id"]) == {"mobile"}
    whole, part = (TeamReport(View(m, "team", "mobile", parse("2026-Q2"))) for m in (mart, own))
    for name in (RATE, "change_lead_time"):
        assert repr(whole.place(name)) == repr(part.place(name))
        assert repr(whole.course(name)) == repr(part.course(name))
        assert part.place(name).chart.spec == whole.place(name).chart.spec


@pytest.mark.parametrize("method", ["course", "comparison"])
def test_a_metric_that_does_not_exist_is_told(org, method):
    with pytest.raises(ReportError, match="change_fail_rate"):
        getattr(org(), method)("change_failure_rate")
