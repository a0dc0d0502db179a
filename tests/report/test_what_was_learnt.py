"""What a registered change taught goes on: into the brief, beside the areas to improve, into the next steps, and beside what was resolved."""

from __future__ import annotations

from dataclasses import replace

import pytest
from answer_building import frame
from impact_building import change, units

from idp_analytics.metrics.follow_through import LINKED
from idp_analytics.metrics.impact.columns import COLUMNS
from idp_analytics.metrics.interventions import COLUMNS as UNITS
from idp_analytics.periods import parse
from idp_analytics.report import impact
from idp_analytics.report.reports import OrgReport
from idp_analytics.report.view import View

OUTCOME = "improved (−9.0 h, −14.0 to −4.0 against units that had not taken it up)"


@pytest.fixture
def report(mart):
    """The sample's report of June with a ledger of its own."""

    def of(*rows, **studies):
        made = {"impact": frame(rows, COLUMNS), "intervention_units": frame(units("checkout"), UNITS), **studies}
        return OrgReport(View(replace(mart, studies={**mart.studies, **made}), "org", "org", parse("2026-06")))

    return of


def test_what_is_due_stands_in_the_brief(report):
    topics = report(change("a"), change("b"), change("c", state="running")).brief().topics
    (only,) = topics["Did what we tried work?"]
    assert only.text.startswith(
        "2 registered changes wait for a decision (keep, change or end): a (change lead time, improved: −9.0 h"
    )
    assert only.question == impact.QUESTION
    later = report(change(state="running"), change("d", state="reviewed")).brief().topics
    assert "Did what we tried work?" not in later


def test_what_was_tried_stands_beside_the_area_that_comes_first(report):
    row = change(metric="approval_queue_time", state="reviewed")
    made = report(row).top_two()
    assert f"; tried: pipeline, {OUTCOME}; register what you try next." in made.answer
    assert made.tables[0].frame["Tried"].to_list()[0] == f"pipeline, {OUTCOME}"
    running = report(change(metric="approval_queue_time", state="running")).top_two()
    assert "tried" not in running.answer and "Tried" not in running.tables[0].frame.columns


def test_what_was_tried_stands_in_the_next_steps(report, mart):
    steps = mart.studies["maturity_steps"].filter(scope="org")
    source = steps.sort("rank")["source"][0]
    made = report(change(metric=source, state="due")).next_steps()
    assert f"; tried: pipeline, {OUTCOME}. " in made.answer
    assert made.tables[0].frame["Tried"].to_list() == [f"pipeline, {OUTCOME}", ""]


def test_done_and_moved_stand_side_by_side(report, mart):
    linked = [
        {"scope": "org", "entity_id": "org", "every": "1mo", "period": "2026-06", "period_start": parse("2026-06").start, "is_partial": False,
         "intervention_id": name, "n": n, "done": 1, "dropped": 0, "ended": 0, "open": n - 1, "overdue": 0}
        for name, n in (("pipeline", 3), ("running", 2), ("unknown", 1))
    ]  # fmt: skip
    whole = mart.studies["follow_through"]
    made = report(
        change(), change("running", state="running"), follow_through_linked=frame(linked, LINKED), follow_through=whole
    ).follow_through()
    assert f"pipeline: 1 of 3 actions done; change lead time: {OUTCOME}." in made.answer
    assert "running: 1 of 2 actions done; change lead time: to be looked at on 1 June 2026." in made.answer
    assert "unknown: 1 of 1 action done; nothing is known of its number yet." in made.answer
    assert made.tables[-1].frame["Did it move?"].to_list() == [OUTCOME, "to be looked at on 1 June 2026", "–"]
