"""One metric as a section: the sentence, the chart only where there is something to draw, the numbers behind both."""

from __future__ import annotations

import pytest
from answer_building import answer, by_team, load, mart, of_org, of_team

from idp_analytics.answers import Verdict
from idp_analytics.errors import ReportError
from idp_analytics.metrics import by_name
from idp_analytics.report import metric

RATE, LEAD, RECOVERY = "change_fail_rate", "change_lead_time", "failed_deployment_recovery_time"
NOW = answer(RATE, value=0.125, low=0.055, high=0.261, n=40, k=5, missing=2, verdict="improved", change=-0.075,
             change_low=-0.2, change_high=-0.01, caution="2 are not told")  # fmt: skip
BEFORE = answer(RATE, "2026-05", value=0.2, low=0.1, high=0.3, n=30, k=6)


def table(section) -> list[dict[str, str]]:
    return section.table.frame.to_dicts()


def test_a_section_answers_with_a_sentence_a_chart_and_the_numbers_behind():
    made = metric.section(of_org(mart([NOW, BEFORE], loads=[load("incidents", "i.csv", truncated=True)])), RATE)
    assert made.question == by_name(RATE).question
    assert (
        made.answer
        == "Of 40 deployments in June 2026, 5 failed: 12.5 % (95 % interval 5.5–26.1 %); improved against May (20.0 %)."
    )
    assert made.cautions == (
        "2 are not told.", "What rests on incidents is a lower bound: i.csv is incomplete by its own account.",
    )  # fmt: skip
    assert (made.verdict, made.metric, made.trace) == (
        Verdict.IMPROVED, RATE, "idp explain change_fail_rate --data data/acme --period 2026-06",
    )  # fmt: skip
    assert made.table.caption == "Change fail rate of Acme"
    assert table(made) == [
        {"Period": "2026-05", "Value": "20.0 %", "95 % interval": "10.0–30.0 %", "n": "30", "Of them counted": "6", "Missing": "",
         "Change": "–", "Verdict": "? not identified"},
        {"Period": "2026-06", "Value": "12.5 %", "95 % interval": "5.5–26.1 %", "n": "40", "Of them counted": "5", "Missing": "2",
         "Change": "−7.5 points, −20.0 to −1.0", "Verdict": "✓ improved"},
    ]  # fmt: skip
    assert [row["value"] for row in made.chart.spec["datasets"]["answers"]] == [0.2, 0.125]


def test_parts_beside_the_whole_are_in_no_number():
    made = metric.section(of_org(mart([NOW, {**NOW, "detail": "of a kind", "value": 0.9, "n": 9}])), RATE)
    assert len(table(made)) == 1
    assert "90" not in made.answer


@pytest.mark.parametrize(
    ("name", "given", "column", "cell"),
    [
        (RECOVERY, {"n": 9, "k": 8, "censored": 1, "value": 2.0, "low": 1.0, "high": 4.0}, "Of them over", "8"),
        (RECOVERY, {"n": 9, "k": 8, "censored": 1, "value": 2.0, "low": 1.0, "high": 4.0}, "Still open", "1"),
        ("deployment_days", {"n": 30, "k": 0, "value": 0.0, "low": 0.0, "high": 0.1}, "Of them counted", "0"),
        ("deployment_working_days", {"n": 22, "k": 9, "value": 0.4, "low": 0.2, "high": 0.6}, "Of them counted", "9"),
    ],
)
def test_what_was_counted_has_a_column(name, given, column, cell):
    assert table(metric.section(of_org(mart([answer(name, **given)])), name))[0][column] == cell


@pytest.mark.parametrize("name", ["deployment_frequency", LEAD])
def test_where_nothing_is_counted_of_n_there_is_no_such_column(name):
    made = metric.section(of_org(mart([answer(name, n=9, value=2.0, low=1.0, high=4.0)])), name)
    assert made.table.frame.columns == ["Period", "Value", "95 % interval", "n", "Verdict"]


@pytest.mark.parametrize(
    ("rows", "verdict", "tables", "has_chart"),
    [
        ([], "not measured", 0, False),
        ([answer(RATE, verdict="not measured")], "not measured", 1, False),
        ([answer(RATE, verdict="insufficient data")], "insufficient data", 1, False),
        ([answer(RATE, verdict="insufficient data", n=1, k=0, low=0.0, high=0.8)], "insufficient data", 1, True),
        ([answer(RATE, verdict="not identified", n=9, k=0, value=0.0, low=0.0, high=0.3)], "not identified", 1, True),
        ([answer(RATE, verdict="suppressed", n=None, missing=None)], "suppressed", 1, False),
    ],
)
def test_without_a_value_or_a_bound_nothing_is_drawn(rows, verdict, tables, has_chart):
    made = metric.section(of_org(mart(rows)), RATE)
    assert (made.verdict, len(made.tables), made.chart is not None) == (verdict, tables, has_chart)
    assert bool(made.trace) == bool(rows and rows[0]["n"])


def test_a_withheld_group_has_no_number_anywhere_and_no_way_to_its_rows():
    hidden = answer("time_to_first_deploy", "2026-Q2", n=None, missing=None, verdict="suppressed")
    shown = answer("time_to_first_deploy", "2026-Q1", n=7, k=6, censored=1, value=12.0, low=5.0, high=31.0)
    made = metric.section(of_org(mart([shown, hidden]), "2026-Q2"), "time_to_first_deploy")
    assert made.trace == ""
    assert table(made)[1] == {**dict.fromkeys(table(made)[0], ""), "Period": "2026-Q2", "Value": "–", "95 % interval": "–",
                              "n": "withheld", "Verdict": "– suppressed"}  # fmt: skip
    assert metric.section(of_org(mart([shown]), "2026-Q1"), "time_to_first_deploy").trace == ""  # a row is a person


@pytest.mark.parametrize(
    ("name", "is_beside"), [(RATE, True), (LEAD, True), (RECOVERY, True), ("deployment_frequency", False), ("deployment_days", False)]
)  # fmt: skip
def test_the_organisation_stands_beside_a_team_only_where_the_two_can_be_compared(name, is_beside):
    known = {"value": 0.5, "low": 0.2, "high": 0.8, "n": 9, "k": 5}
    rows = [answer(name, "2026-05", **known), answer(name, **known)]
    made = mart([*rows, *of_team("pay", rows[1])])
    own, whole = metric.section(by_team(made, "pay"), name), metric.section(of_org(made), name)
    drawn = [(row["role"], row["period"]) for row in own.chart.spec["datasets"]["answers"]]
    assert drawn == [("own", "2026-06"), *([("whole", "2026-06")] if is_beside else [])]
    assert {row["role"] for row in whole.chart.spec["datasets"]["answers"]} == {"own"}


def test_without_the_organisations_number_the_team_stands_alone():
    rows = of_team("pay", answer(RATE, value=0.5, low=0.2, high=0.8, n=9, k=5))
    made = metric.section(by_team(mart(rows), "pay"), RATE)
    assert [row["role"] for row in made.chart.spec["datasets"]["answers"]] == ["own"]


def test_money_has_a_section_of_its_own():
    assert metric.section(of_org(mart()), "showback_cost").question == by_name("showback_cost").question


def test_a_metric_that_does_not_exist_is_told_with_the_nearest():
    with pytest.raises(ReportError, match="Did you mean 'change_fail_rate'"):
        metric.section(of_org(mart()), "change_failure_rate")
