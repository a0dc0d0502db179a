"""What became of steps, by hand: done or not, and beside it whether the number moved; neither stands for the other."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from idp_analytics.estimates.changes import newcombe_difference
from idp_analytics.metrics.maturity.next_steps import action_id
from idp_analytics.metrics.maturity.step_outcomes import (
    ABSENT,
    COLUMNS,
    NOT_YET,
    UNKNOWN,
    maturity_step_outcomes,
    quarter,
)
from idp_analytics.settings import Settings
from idp_analytics.settings.maturity_model import Criterion, shipped

FAILURES = Criterion(
    "failures", "operations", 3, "team", "deployments that caused a failure", "change_fail_rate", True, False, 0.15
)
IN_TIME = Criterion(
    "in-time",
    "operations",
    3,
    "team",
    "actions of postmortems done in time",
    "postmortem_actions_in_time",
    False,
    True,
    0.7,
)
SETTINGS = Settings("o", "O", None, maturity=replace(shipped(), criteria=(FAILURES, IN_TIME)))


def step(criterion, period="2026-Q1", team="red", scope="team", **more):
    entity = "org" if scope == "org" else team
    return {
        "action_id": action_id(period, scope, entity, criterion), "team_id": team, "origin": "recommendation", "origin_id": criterion,
        "opened_on": "2026-03-31", "due_on": "2026-06-30", **more,
    }  # fmt: skip


@pytest.fixture
def found(company, as_of):
    def of(*actions, at="2026-07-01", settings=SETTINGS, **tables):
        made = company(teams=[{"team_id": "red"}], services=[{"service_id": "shop"}], actions=actions, **tables)
        return maturity_step_outcomes(made, settings, as_of(at)).to_dicts()

    return of


def deployments(failed):
    """Forty deployments in each of two quarters of which so many failed, and the incidents that name them."""
    # The data begin before the first of them, or it would not be known whole.
    made = [{"deployment_id": "first", "started_at": "2025-12-01T10:00", "finished_at": "2025-12-01T11:00"}]
    incidents = [
        {"incident_id": "first", "opened_at": "2025-12-01T12:00", "resolved_at": "2025-12-01T13:00", "severity": 3}
    ]
    for start, failures in zip((date(2026, 1, 2), date(2026, 4, 2)), failed, strict=True):
        for n in range(40):
            day = start + timedelta(days=2 * n)
            name = f"{start:%m}-{n}"
            made.append({"deployment_id": name, "started_at": f"{day}T10:00", "finished_at": f"{day}T11:00"})
            if n < failures:
                incidents.append({"incident_id": f"i-{name}", "opened_at": f"{day}T12:00", "resolved_at": f"{day}T13:00", "severity": 3, "deployment_id": name})  # fmt: skip
    return {"deployments": made, "incidents": incidents}


def test_a_metric_says_by_its_own_comparison_whether_it_moved(found):
    (row,) = found(step("failures", closed_on="2026-05-01", outcome="done"), **deployments((20, 2)))
    assert (row["state"], row["verdict"], row["why"]) == ("done", "improved", None)
    assert (row["before"], row["n_before"], row["after"], row["n_after"]) == (0.5, 40, 0.05, 40)
    assert row["change"] == pytest.approx(-0.45)
    assert row["change_high"] < 0
    (row,) = found(step("failures", closed_on="2026-05-01", outcome="done"), **deployments((10, 9)))
    assert (row["state"], row["verdict"]) == ("done", "no detectable change")  # done says nothing of whether it helped
    (row,) = found(step("failures"), **deployments((2, 20)))
    assert (row["state"], row["verdict"]) == ("overdue", "worsened")


def actions(before, after):
    """Actions of postmortems due in the half years before 1 April and before 1 July: done in time, of twenty in each quarter."""
    made = []
    for quarter_, done in (("2025-11", before), ("2026-02", before), ("2026-05", after)):
        for n in range(20):
            kept = {"closed_on": f"{quarter_}-10", "outcome": "done"} if n < done else {}
            made.append({"action_id": f"{quarter_}-{n}", "team_id": "red", "origin": "postmortem", "opened_on": f"{quarter_}-01", "due_on": f"{quarter_}-20", **kept})  # fmt: skip
    return made


def test_a_measure_is_looked_at_at_both_ends_of_quarters(found):
    (row,) = found(step("in-time"), *actions(2, 20))
    # Half a year before 1 April: 4 of 40; before 1 July: 2 of 20 and 20 of 20.
    assert (row["before"], row["n_before"], row["after"], row["n_after"]) == (0.1, 40, 0.55, 40)
    expected = tuple(float(end) for end in newcombe_difference(22, 40, 4, 40))
    assert (row["change"], row["change_low"], row["change_high"]) == pytest.approx(expected)
    assert row["verdict"] == "improved"
    (row,) = found(step("in-time"), *actions(10, 11))
    assert row["verdict"] == "no detectable change"


def test_what_is_not_over_or_not_measured_is_insufficient_data_with_the_reason(found):
    (row,) = found(step("failures"), at="2026-06-30", **deployments((20, 2)))
    assert (row["verdict"], row["why"], row["state"], row["after"]) == ("insufficient data", NOT_YET, "open", None)
    (row,) = found(step("in-time"))
    assert (row["verdict"], row["why"]) == ("insufficient data", ABSENT)


def test_a_criterion_that_is_gone_is_told_and_no_number_is_made_up(found):
    (row,) = found(step("long gone"), **deployments((20, 2)))
    assert (row["says"], row["verdict"], row["why"]) == (None, "insufficient data", UNKNOWN)


@pytest.mark.parametrize(
    ("more", "at", "state", "put_off"),
    [
        ({}, "2026-06-30", "open", 0), ({}, "2026-07-01", "overdue", 1), ({}, "2026-10-01", "overdue", 2), ({}, "2027-01-01", "overdue", 3),
        ({"carried_over": 5}, "2026-07-01", "overdue", 5), ({"due_on": None}, "2026-07-01", "open", 1),
        ({"closed_on": "2026-05-01", "outcome": "dropped"}, "2026-10-01", "dropped", 0), ({"closed_on": "2026-05-01"}, "2026-10-01", "closed", 0),
        ({"closed_on": "2026-07-05", "outcome": "done"}, "2026-07-01", "overdue", 1),  # not known yet
    ],
)  # fmt: skip
def test_what_became_of_it_and_how_often_it_was_put_off(found, more, at, state, put_off):
    (row,) = found(step("failures", **more), at=at)
    assert (row["state"], row["put_off"]) == (state, put_off)


def test_the_same_again_is_a_chain(found):
    rows = found(
        step("failures", closed_on="2026-05-01", outcome="done"),
        step("failures", "2026-Q2", opened_on="2026-06-30", due_on="2026-09-30"),
    )
    assert [(row["proposed_for"], row["earlier"], row["then"]) for row in rows] == [
        ("2026-Q1", 0, "2026-Q2"),
        ("2026-Q2", 1, "2026-Q3"),
    ]


def test_a_step_of_the_organisation_is_the_organisations(found):
    (row,) = found(step("failures", team="platform", scope="org"), **deployments((20, 2)))
    assert (row["scope"], row["entity_id"], row["verdict"]) == ("org", "org", "improved")


def test_nothing_taken_up(found):
    assert found() == []
    assert set(COLUMNS) >= {"verdict", "why"}


@pytest.mark.parametrize(("name", "is_one"), [("2026-Q2", True), ("2026-06", False), ("summer", False)])
def test_steps_are_of_quarters(name, is_one):
    assert (quarter(name) is not None) == is_one
