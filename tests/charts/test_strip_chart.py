"""One team beside the organisation: what is drawn, what is not, and the sentence that tells it."""

from __future__ import annotations

import pytest
from answer_building import SCRIPT, answer, frame, of_team

from idp_analytics.answers import COLUMNS
from idp_analytics.charts import strip
from idp_analytics.charts.trend import WHOLE

TITLES = {"change_fail_rate": "Change fail rate", "deployment_rework_rate": "Rework"}


def rows(team_value=0.2):
    fail = answer("change_fail_rate", value=0.125, low=0.055, high=0.261, n=40)
    rework = answer("deployment_rework_rate", value=0.1, low=0.0, high=0.3, n=40)
    own = [
        {**fail, "value": team_value, "low": 0.1, "high": 0.4, "n": 9},
        {**rework, "value": None, "low": None, "high": None, "n": 0},
    ]
    return frame([rework, *of_team("pay", *own), fail], COLUMNS)


def test_metrics_stand_in_the_order_given_the_team_first():
    chart = strip.chart(rows(), TITLES, "Payments")
    drawn = chart.spec["datasets"]["answers"]
    assert [(row["label"], row["series"], row["value"], row["n"]) for row in drawn] == [
        ("Change fail rate", "Payments", 0.2, 9), ("Change fail rate", WHOLE, 0.125, 40),
        ("Rework", "Payments", None, 0), ("Rework", WHOLE, 0.1, 40),
    ]  # fmt: skip
    assert chart.title == "Beside the organisation, June 2026"
    assert chart.spec["height"] == 96
    assert "['Change fail rate', 'Rework']" in str(chart.spec)


def test_the_description_tells_what_is_drawn_and_what_is_not_known():
    chart = strip.chart(rows(), TITLES, "Payments")
    assert chart.description == (
        "Change fail rate 20.0 % (team, interval 10.0–40.0 %); Change fail rate 12.5 % (organisation, interval 5.5–26.1 %); "
        "Rework without a value (team, interval –); Rework 10.0 % (organisation, interval 0.0–30.0 %)."
    )
    for row in chart.spec["datasets"]["answers"]:
        assert (
            f"{row['label']} {row['shown'] if row['value'] is not None else 'without a value'} (" in chart.description
        )
        assert f"interval {row['interval']})" in chart.description


def test_a_metric_without_an_answer_has_no_line():
    chart = strip.chart(rows(), {**TITLES, "night_page_share": "At night"}, "Payments")
    assert "At night" not in str(chart.spec)


@pytest.mark.parametrize(
    ("name", "own", "whole"),
    [
        (SCRIPT, SCRIPT, WHOLE), (WHOLE, WHOLE, f"{WHOLE} (all teams)"), ("Pay\u202eslaP", "PayslaP", WHOLE),
        ("\u202e", "this team", WHOLE),
    ],
)  # fmt: skip
def test_whatever_a_team_is_called_it_is_told_from_the_organisation(name, own, whole):
    chart = strip.chart(rows(), TITLES, name)
    assert {row["series"] for row in chart.spec["datasets"]["answers"]} == {own, whole}
    assert f"['{own}', '{whole}']" in str(chart.spec)
    assert chart.description.count("(team") == chart.description.count("(organisation") == 2
