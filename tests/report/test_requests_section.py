"""What a reader is told of how soon a request comes true."""

from __future__ import annotations

from answer_building import answer, mart, of_org

from idp_analytics.report.requests import METRICS, requests


def test_the_sample_is_answered_in_one_breath(organisation_report):
    made = organisation_report("2026-Q2").requests()
    assert "could be used within" in made.answer
    assert "succeeded at once" in made.answer
    assert len(made.tables) == 6
    parts = {row["Part"]: row for row in made.table.frame.to_dicts()}
    assert list(parts) == ["from asking to use", "waiting for a decision", "being carried out", "until it can be used"]
    assert parts["waiting for a decision"]["Without this part"] == "96"
    assert parts["from asking to use"]["Nine in ten within"]
    assert "in neither number: 5 withdrawn, 4 refused, 1 not ended." in made.answer
    assert "waiting for a decision (n 5)" in made.answer
    runs = {row["Operation"]: row for row in made.tables[2].frame.to_dicts()}
    assert next(iter(runs)) == "all"
    assert runs["all"]["Succeeded"] == "395"
    assert made.chart is not None
    assert [metric.name for metric in made.metrics] == list(METRICS)


def test_a_team_too(team_report):
    assert "could be used" in team_report("payments", "2026-Q2").requests().answer


def test_without_runs_it_says_so():
    made = requests(of_org(mart([answer(name, verdict="not measured") for name in METRICS])))
    assert made.answer.count("Not measured in June 2026") == 3
    assert made.chart is None
