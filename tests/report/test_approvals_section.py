"""What a reader is told of the queue for approval, and of gates that do not look."""

from __future__ import annotations

import pytest
from answer_building import answer, frame, mart, of_org

from idp_analytics.metrics import approval_queue, boundary, rubber_stamps
from idp_analytics.report.approvals import approvals


def test_rubber_stamps_of_the_sample_are_told_and_nobody_is_named(organisation_report, sample):
    made = organisation_report("2026-Q2").approvals()
    signs = made.tables[2].frame
    never = signs.filter(signs["Never refused in 30 or more"] == "yes")["Operation"].to_list()
    assert {"Rotate a secret", "Grant access to production"} <= set(never)
    quick = dict(signs.select("Operation", "Within 60 s").iter_rows())
    assert quick["Rotate a secret"] == "37 of 50"
    shown = str([table.frame.rows() for table in made.tables]) + made.answer + str(made.cautions)
    people = sample.tables["approvals"]["responder_id"].drop_nulls().unique().to_list()
    assert not [person for person in people if person in shown]
    assert made.chart is not None


@pytest.mark.parametrize("team", ["payments", "ledger"])
def test_a_team_has_its_own(team_report, team):
    made = team_report(team, "2026-Q2").approvals()
    assert "were answered within" in made.answer or "answered" in made.answer
    assert made.tables


def test_without_approvals_it_says_so():
    empty = {
        "approvals": frame((), rubber_stamps.COLUMNS),
        "approval_queue": frame((), approval_queue.COLUMNS),
        "boundary": frame((), boundary.COLUMNS),
    }
    made = approvals(of_org(mart([answer("approval_queue_time", verdict="not measured")], studies=empty)))
    assert made.answer.startswith("Not measured in June 2026")
    assert (made.chart, made.cautions) == (None, ())


def test_the_queue_is_told_in_both_kinds_of_hours_with_its_tail_and_who_waits_now(organisation_report):
    made = organisation_report("2026-Q2").approvals()
    rows = {row["Hours"]: row for row in made.table.frame.to_dicts()}
    assert set(rows) == {"by the clock", "working hours of the team that answers"}
    assert all(row["Nine in ten within"] for row in rows.values())
    assert "In working hours half are answered within" in made.answer
    assert "Nine in ten: " in made.answer
    assert "1 request still waits, for" in made.answer
    assert "176 of 179 decisions tell when they were made" in made.answer


def test_approved_or_not_is_told_within_tiers_and_as_no_effect(organisation_report):
    made = organisation_report("2026-Q2").approvals()
    assert "Of 58 deployments somebody had approved before, 2 failed" in made.answer
    assert "Within tiers that is" in made.answer
    assert any("is no experiment" in caution for caution in made.cautions)
    (table,) = [t for t in made.tables if t.caption.startswith("Did what somebody had approved")]
    assert table.frame["Tier"].to_list() == ["all, within tiers", "1", "2", "3", "4"]
    assert "caused" not in made.answer
