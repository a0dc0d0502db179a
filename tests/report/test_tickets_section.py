"""What a reader is told of tickets: volume, waits, what comes back, and what nobody can tell."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
from answer_building import answer, mart, of_org

from idp_analytics.report.tickets import METRICS, tickets


def changed(report, name: str, **values):
    """The report with a study of its mart told otherwise."""
    view = report.view
    frame = view.mart.studies[name].with_columns(
        **{k: pl.lit(v).cast(view.mart.studies[name].schema[k]) for k, v in values.items()}
    )
    return tickets(replace(view, mart=replace(view.mart, studies={**view.mart.studies, name: frame})))


def test_the_sample_is_answered_in_one_breath(organisation_report):
    made = organisation_report("2026-Q2").tickets()
    assert made.answer.startswith("71 tickets in Q2 2026: 0.42 per developer and month (95 % interval 0.33–0.54")
    assert "Over 167 months of developers, most asked for: access (21), question (18), pipeline (15)." in made.answer
    assert "Half were answered within 2.0 h" in made.answer
    assert "in working hours of who asked" in made.answer
    assert "with 3 still open" in made.answer
    assert "13 of 68 were opened again: 19.1 %" in made.answer
    assert "24 of 71 were about the platform itself" in made.answer
    assert "No week stands out in the chart." in made.answer
    assert made.chart is not None
    assert [metric.name for metric in made.metrics] == list(METRICS)
    assert made.trace.startswith("idp explain tickets_per_developer_month")
    asked = made.table.frame
    assert asked["Category"].to_list() == ["all", "access", "question", "pipeline", "database", "quota", "network"]
    whole, *parts = (int(n) for n in asked["Tickets (n)"])
    assert whole == sum(parts)
    waited = made.tables[1]
    assert waited.left_out == 4  # the two tickets about the network have no rows of their own
    assert "days" not in "".join(waited.frame.filter(pl.col("Hours") == "working")["Oldest"])
    reasons = made.tables[2].frame
    assert reasons.row(0)[:4] == ("pipeline", "golden path delivery-pipeline", "15", "7")


def test_a_team_too(team_report):
    made = team_report("payments", "2026-Q2").tickets()
    assert made.answer.startswith("14 tickets in Q2 2026")
    assert "--team payments" in made.trace


def test_what_was_closed_unsettled_and_what_is_not_told_is_said(organisation_report):
    report = organisation_report("2026-Q2")
    made = changed(report, "tickets", closed=14, bulk=12, about_n=60)
    said = " ".join(made.cautions)
    assert "12 tickets were closed 10 and more in one minute: a clean-up" in said
    assert "2 tickets were closed without being settled, by their own word" in said
    assert "Of 11 tickets more nothing tells whether they are." in made.answer
    assert changed(report, "process_behaviour", signal="above the limits").answer.endswith(
        "12 weeks stand out in the chart."
    )
    assert "stand" not in changed(report, "process_behaviour", false_alarm_probability=None).answer


def test_without_a_median_the_wait_has_its_own_sentence(team_report):
    made = team_report("edge", "2026-06").tickets()
    assert "too few for a median" in made.answer or "No ticket in June 2026" in made.answer


def test_without_tickets_it_says_so():
    made = tickets(of_org(mart([answer(name, verdict="not measured") for name in METRICS])))
    assert made.answer.startswith("Not measured in June 2026")
    assert made.chart is None
    assert made.tables == ()
