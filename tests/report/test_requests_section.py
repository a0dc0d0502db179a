"""What a reader is told of how soon a request comes true."""

from __future__ import annotations

from answer_building import answer, mart, of_org

from idp_analytics.report.requests import METRICS, requests


def test_the_sample_is_answered_in_one_breath(organisation_report):
    made = organisation_report("2026-Q2").requests()
    assert "could be used within" in made.answer
    assert "succeeded at once" in made.answer
    assert len(made.tables) == 3
    assert made.chart is not None
    assert [metric.name for metric in made.metrics] == list(METRICS)


def test_a_team_too(team_report):
    assert "could be used" in team_report("payments", "2026-Q2").requests().answer


def test_without_runs_it_says_so():
    made = requests(of_org(mart([answer(name, verdict="not measured") for name in METRICS])))
    assert made.answer.count("Not measured in June 2026") == 3
    assert made.chart is None
