"""What to improve first: hand-worked companies, what is withheld, and the two planted in the synthetic company."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from idp_analytics.estimates import drivers
from idp_analytics.metrics.top_two import COLUMNS, TOGETHER, top_two
from idp_analytics.metrics.top_two_evidence import CORRELATED, EXPLAINED, PAIN, RATINGS, TICKETS, VOTES
from idp_analytics.settings.questions import shipped_questions
from idp_analytics.sources import sample

PLANTED = {"approvals", "documentation"}


def person(n, votes=(), held=(), ratings=None, wave="w1", day="2026-03-02"):
    row = {
        "response_id": f"{wave}-{n}",
        "survey_id": "devex",
        "wave": wave,
        "team_id": "red",
        "submitted_at": day,
        "value_index": 0,
    }
    rows = [
        {**row, "question_id": "improve-first@1", "label": label, "value_index": at} for at, label in enumerate(votes)
    ]
    rows += [{**row, "question_id": "blockers@1", "label": label, "value_index": at} for at, label in enumerate(held)]
    for question, value in {"satisfaction@1": 3, **(ratings or {})}.items():
        rows.append({**row, "question_id": question, "value": float(value), "scale_min": 1.0, "scale_max": 5.0})
    return rows  # fmt: skip


def crowd(count=40):
    """30 vote for approvals, 20 for documentation, 4 for on-call; 12 are held up by approvals, 8 by documentation."""
    rows = []
    for n in range(count):
        votes = [name for name, upto in (("waiting for approvals", 30), ("documentation", 20)) if n < upto]
        votes += ["on-call"] if n >= 36 else []
        held = [name for name, upto in (("slow approvals", 12), ("missing documentation", 8)) if n < upto]
        rows += person(n, votes, held)
    return rows


@pytest.fixture
def first(company, settings, as_of):
    def build(rows, at="2026-12-01", **more):
        tables = {"teams": [{"team_id": "red"}], **more}
        return top_two(company(survey_responses=rows, **tables), settings(), as_of(at))

    return build


def told(rows, kind):
    return rows.filter(pl.col("evidence") == kind)


def test_votes_and_pain_points_by_area(first):
    found = first(crowd())
    assert dict(found.schema) == COLUMNS
    assert told(found, VOTES).select("subject", "k", "n", "value").rows() == [
        ("approvals", 30, 40, 0.75), ("documentation", 20, 40, 0.5), ("on-call", 4, 40, 0.1),
    ]  # fmt: skip
    votes = told(found, VOTES)
    assert votes["top_two"].sum() == pytest.approx(2)
    assert votes["is_separable"].unique().to_list() == [True]
    assert told(found, PAIN).select("subject", "k").rows() == [("approvals", 12), ("documentation", 8)]
    # Areas that two kinds speak of; of votes 30 of 50, of pain points 12 of 20: three fifths either way.
    together = told(found, TOGETHER)
    assert together["subject"].to_list() == ["approvals", "documentation"]
    assert together["value"].to_list() == pytest.approx([0.6, 0.4])
    assert together["metric"].to_list() == ["approval_queue_time", None]


def test_what_may_not_be_shown_takes_part_in_nothing(first):
    assert first(crowd(9)).is_empty()
    assert first(crowd(), "2026-03-10").is_empty()  # not closed
    assert first([]).is_empty()
    # Who is of no known team is never shown; with one hidden group alone the organisation is not either.
    assert told(first(crowd(), teams=[]), VOTES).is_empty()


def test_two_that_are_alike_are_not_told_apart(first):
    rows = [row for n in range(40) for row in person(n, [("documentation", "on-call", "environments")[n % 3]])]
    votes = told(first(rows), VOTES)
    assert votes["is_separable"].unique().to_list() == [False]
    assert votes["top_two"].min() > 0.4


def test_interventions_still_to_be_reviewed(first):
    planned = {
        "unit_id": "red", "unit_kind": "team", "hypothesis": "shorter", "metric": "approval_queue_time", "direction": "down",
        "smallest_effect": 1.0, "registered_at": "2026-02-01",
    }  # fmt: skip
    rows = [
        {**planned, "intervention_id": "auto-approve", "review_on": date(2026, 9, 1)},
        {**planned, "intervention_id": "old", "review_on": date(2026, 3, 1)},
        {**planned, "intervention_id": "other", "metric": "change_lead_time", "review_on": date(2026, 9, 1)},
    ]
    found = first(crowd(), interventions=rows)
    by_area = dict(told(found, TOGETHER).select("subject", "interventions").rows())
    assert by_area == {"approvals": "auto-approve", "documentation": None}


def test_tickets_stand_beside_and_count_where_they_are_called_as_an_area(first):
    def asked(category, count, day="2026-03-01"):
        return [
            {"ticket_id": f"{category}-{day}-{n}", "team_id": "red", "category": category, "created_at": day}
            for n in range(count)
        ]

    tickets = asked("Documentation", 18) + asked("access", 6) + asked("access", 50, "2025-11-01")  # before the 90 days
    found = first(crowd(), tickets=tickets)
    assert told(found, TICKETS).select("subject", "k", "n", "metric").rows() == [
        ("documentation", 18, 24, None),
        ("access", 6, 24, None),
    ]
    without = told(first(crowd()), TOGETHER).filter(subject="documentation")["value"].item()
    assert told(found, TOGETHER).filter(subject="documentation")["value"].item() > without


def test_the_same_answers_in_any_order_give_the_same_bytes(first):
    assert first(crowd()).equals(first(crowd()[::-1]))


@pytest.fixture(scope="module")
def planted(settings, as_of):
    def build(**size):
        made = sample.generate(**size)
        lineage = {"source": pl.lit("test"), "load_id": pl.lit("load-1"), "source_row": pl.lit(1)}
        tables = {name: frame.lazy().with_columns(**lineage) for name, frame in made.tables.items()}
        return made, top_two(tables, settings(), as_of("2026-07-01"))

    return build


def test_the_two_that_are_planted_come_first(planted):
    made, found = planted()
    subjects = {shipped_questions()[question].subject for question in made.truth["voice"]["top_two"]}
    assert subjects == PLANTED
    for _, wave in told(found, TOGETHER).group_by("wave", maintain_order=True):
        assert set(wave["subject"][:2]) == PLANTED
        assert wave["top_two"].sum() == pytest.approx(2)
    # Forty people are too few for weights: the kit says what goes together, and no more.
    assert set(told(found, RATINGS)["method"]) == {CORRELATED}


def test_weights_that_are_planted_come_back_in_a_large_company(planted):
    _, found = planted(teams=60, seed=7)
    ratings = told(found, RATINGS)
    assert ratings.filter(number=1)["method"].unique().to_list() == [EXPLAINED]
    shares = ratings.filter(number=1)
    assert set(shares["subject"][:2]) == PLANTED and shares["subject"][0] == "approvals"  # 0.6 before 0.45
    assert shares["top_two"][:2].min() > 0.95 and shares["is_separable"].all()
    # The waves are of the same weights, so the intervals of one hold what another finds.
    again = ratings.filter(number=2).join(shares, on="subject", suffix="_1")
    held = ((again["value"] >= again["low_1"]) & (again["value"] <= again["high_1"])).sum()
    assert held >= 5
    assert set(told(found, VOTES).filter(number=1)["subject"][:2]) == PLANTED
    assert told(found, VOTES).filter(number=1)["is_separable"].all()
    assert shares["n"][0] >= drivers.LEAST
