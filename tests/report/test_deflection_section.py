"""What a reader is told of tickets before and after: an association, what it was compared with, and when nothing can be said."""

from __future__ import annotations

from answer_building import SCRIPT, all_words, frame, mart, of_org

from idp_analytics.metrics.deflection import COLUMNS, COURSE_COLUMNS
from idp_analytics.report.deflection import deflection

PART = {
    "scope": "org", "entity_id": "org", "component": "db", "title": "Databases", "categories": ["database"], "others": ["network"],
    "per": "developer", "first_period": "2025-08", "last_period": "2026-06", "months": 11, "teams": 10, "adopters": 5, "never": 4, "runs": 70, "tickets_before": 80, "tickets_after": 30,
    "rate_before": 2.0, "rate_after": 0.5, "others_before": 1.0, "others_after": 1.1, "unknown": 0, "caused_before": 0, "caused_after": 3,
    "effect": -1.5, "low": -1.9, "high": -0.4, "level": 0.95, "p": 0.004, "ways": 252, "lost": 0.0, "share": -0.75, "own_change": -1.4,
    "own_low": -2.0, "own_high": -0.8, "drift": 0.01, "drift_low": -0.1, "drift_high": 0.12, "assumed_runs": 7, "assumed_hours": 60.0,
    "ticket_n": 9, "ticket_hours": 16.0, "ticket_low": 12.0, "ticket_high": 25.0, "run_n": 7, "run_hours": 0.5, "run_low": 0.4, "run_high": 0.6,
    "saved_hours": 15.5, "saved_low": 11.5, "saved_high": 24.5, "verdict": "improved",
}  # fmt: skip


def seen(*rows, course=()):
    return deflection(
        of_org(mart(studies={"deflection": frame(rows, COLUMNS), "deflection_course": frame(course, COURSE_COLUMNS)}))
    )


def test_the_answer_names_what_it_was_compared_with():
    made = seen(PART)
    assert made.answer == (
        "Databases, August 2025 to June 2026: 5 teams with 3 months before and after their first use asked 80 tickets of database before and 30 after, 2.0 and 0.5 per "
        "developer and month; other tickets went from 1.0 to 1.1. Against teams that had not used it yet, −1.5 tickets per developer and month "
        "(95 % interval −1.9 to −0.40), −75 % of what would be expected: fewer tickets went with using it, by more than chance."
    )
    assert not any(word in made.answer for word in ("caused", "saved", "because", "effect"))
    times = made.tables[1].frame.to_dicts()[0]
    assert times["Assumed to be saved"] == "60 h in 7 runs"
    assert times["Seen: waiting less by"] == "15.5 h (11.5–24.5 h)"
    assert any("saved none" in said for said in made.cautions)
    assert any("How many runs there were says nothing" in said for said in made.cautions)


def test_drift_that_cannot_be_told_is_said():
    told = "whether later users moved apart before cannot be told"
    assert not any(told in said for said in seen(PART).cautions)
    assert any(told in said for said in seen({**PART, "drift": None, "drift_low": None, "drift_high": None}).cautions)


def test_not_identified_says_why_and_gives_no_effect():
    none = dict.fromkeys(("effect", "low", "high", "p", "share", "drift", "drift_low", "drift_high"))
    made = seen({**PART, **none, "verdict": "not identified", "caution": "no team without it to compare with"})
    assert "Whether that goes with using it is not identified: no team without it to compare with." in made.answer
    assert made.answer.endswith("−1.4 (95 % interval −2.0 to −0.80); what changed for everybody at that time is in it.")
    assert "Change per developer and month" not in made.table.frame.columns


def test_too_little_and_nothing():
    few = {
        k: PART[k]
        for k in (
            "scope",
            "entity_id",
            "component",
            "title",
            "categories",
            "others",
            "per",
            "months",
            "runs",
            "unknown",
            "level",
        )
    }
    made = seen({**few, "verdict": "insufficient data", "caution": "no whole month of tickets is known"})
    assert made.answer == "Databases: too little is known (no whole month of tickets is known)."
    assert seen().answer.startswith("No part of the platform is said to serve what tickets ask for")
    assert seen().tables == ()


def test_open_bounds_course_and_hostile_names():
    course = {
        "scope": "org", "entity_id": "org", "component": "db", "teams": 2, "weight": 4.0, "tickets": 5, "value": 1.25, "low": 0.4, "high": 2.9,
        "others": 4, "others_value": 1.0, "others_low": 0.3, "others_high": 2.5, "level": 0.95,
    }  # fmt: skip
    made = seen(
        {**PART, "title": SCRIPT, "low": None, "verdict": "no detectable change"},
        course=[{**course, "month": m} for m in (-1, 0, 1)],
    )
    assert "(95 % interval up to −0.40)" in made.answer
    assert made.tables[-1].frame["Month"].to_list() == ["−1", "first use", "+1"]
    assert SCRIPT in all_words(made)
    shown = "".join(str(bundle["text/html"]) for bundle in made.outputs() if "text/html" in bundle)
    assert "<script>alert" not in shown
