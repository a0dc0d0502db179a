"""The boundary map by hand: hours waited, runs unchecked, and what is not known."""

from __future__ import annotations

import polars as pl
import pytest

from idp_analytics.estimates import rates, shares
from idp_analytics.metrics.boundary import COLUMNS, MONTH, boundary

OPERATIONS = [
    {"operation_id": "rotate", "title": "Rotate a secret", "risk": "safe", "gate": "human"},
    {"operation_id": "drop", "title": "Drop a database", "risk": "dangerous", "gate": "none"},
]
ASKED = [  # when asked, when decided, decision, status, time basis
    ("2026-03-02T08:00", "2026-03-02T10:00", "approved", "approved", "exact"),  # 2 h
    ("2026-03-03T08:00", "2026-03-03T14:00", "rejected", "rejected", "exact"),  # 6 h, caught
    ("2026-03-04T08:00", "2026-03-04T09:00", "requestchanges", "rejected", "exact"),  # 1 h, caught, whatever the status says
    ("2026-03-05T08:00", "2026-03-05T20:00", "approved", "approved", "bound"),  # not known
    ("2026-03-06T08:00", "2026-03-06T07:00", "approved", "approved", "exact"),  # decided before it was asked: not known
    ("2026-03-09T08:00", None, None, "cancelled", "none"),  # withdrawn, not known when
    ("2026-03-10T08:00", "2026-03-10T11:00", None, "cancelled", "exact"),  # withdrawn after 3 h
    ("2026-03-11T08:00", None, None, "expired", "none"),
    ("2026-03-30T00:00", None, None, "pending", "none"),  # 48 h until the as-of time
    ("2026-03-31T00:00", "2026-03-31T12:00", "escalated", "pending", "exact"),  # nobody has answered: 24 h
    ("2026-03-31T12:00", "2026-04-02T12:00", "approved", "approved", "exact"),  # answered after the as-of time: 12 h
]  # fmt: skip


@pytest.fixture
def tables(company):
    approvals = [
        {
            "approval_id": f"y{n}", "operation_id": "rotate", "subject_kind": "change", "subject_id": f"c{n}", "team_id": "red",
            "requestor_id": "ada", "responder_id": "bo", "requested_at": asked, "decided_at": decided, "decision": decision,
            "status": status, "time_basis": basis, "automated": False,
        }
        for n, (asked, decided, decision, status, basis) in enumerate(ASKED)
    ]  # fmt: skip
    approvals.append({**approvals[0], "approval_id": "machine", "subject_id": "m", "automated": True})
    runs = [
        {"run_id": f"r{n}", "operation_id": "drop", "team_id": "red", "requested_at": f"2026-03-{n + 1:02d}", "started_at": f"2026-03-{n + 1:02d}"}
        for n in range(3)
    ]  # fmt: skip
    return company(teams=[{"team_id": "red"}], operations=OPERATIONS, action_runs=runs, approvals=approvals)


@pytest.fixture
def rows(tables, settings, as_of):
    found = boundary(tables, settings(), as_of("2026-04-01")).filter(
        pl.col("scope") == "team", pl.col("every") == "1mo"
    )
    return {(row["operation_id"], row["gate"]): row for row in found.to_dicts()}


def test_hours_waited_for_what_is_safe(rows):
    row = rows["rotate", "human"]
    waits = [2, 6, 1, 3, 48, 24, 12]
    assert (row["asked"], row["waits"], row["wait_missing"]) == (11, 7, 4)
    assert (row["pending"], row["withdrawn"], row["expired"]) == (3, 2, 1)
    assert row["hours"] == pytest.approx(sum(waits))
    months = 31 / MONTH
    ends = rates.weighted_poisson(96, sum(w * w for w in waits), 48, 48**2, months)
    assert row["hours_per_month"] == pytest.approx(96 / months)
    assert (row["hours_low"], row["hours_high"]) == pytest.approx(tuple(map(float, ends)))
    assert (row["decided"], row["caught"]) == (5, 2)
    assert (row["caught_low"], row["caught_high"]) == pytest.approx(tuple(map(float, shares.wilson(2, 5))))


def test_what_is_dangerous_and_unchecked(rows):
    row = rows["drop", "none"]
    assert (row["n"], row["carried_out"], row["ungated"], row["exposed"]) == (3, 3, 3, 3)
    low, high = rates.exact_poisson(3, 31 / MONTH)
    assert (row["exposed_low"], row["exposed_high"]) == pytest.approx((float(low), float(high)))
    assert row["caught_share"] is None
    assert row["asked"] == 0


def test_machines_wait_for_nobody(rows):
    assert rows["rotate", "human"]["n"] == 11
    assert (rows["rotate", "automatic"]["n"], rows["rotate", "automatic"]["asked"]) == (1, 0)


def test_months_add_up_to_quarters_and_teams_to_the_whole(sample):
    found = sample.study("boundary")
    counts = [name for name, dtype in COLUMNS.items() if dtype == pl.Int64]
    org = found.filter(pl.col("scope") == "org")
    sums = {length: org.filter(every=length).select(pl.col(*counts, "hours").sum()).row(0) for length in ("1mo", "1q")}
    assert sums["1mo"] == pytest.approx(sums["1q"])
    teams = found.filter(scope="team", every="1q")["n"].sum()
    assert teams <= org.filter(every="1q")["n"].sum()
    keys = ["scope", "entity_id", "every", "period", "operation_id", "gate", "route"]
    assert not found.select(keys).is_duplicated().any()


def test_the_sample_waits_where_it_is_planted(sample):
    found = sample.study("boundary").filter(scope="org", every="1q", risk="safe", gate="human")
    assert set(found["operation_id"]) == {"rotate-secret"}
    asked = sample.tables["approvals"].filter(operation_id="rotate-secret")
    assert found["asked"].sum() == asked.height
    assert found["hours_high"].is_finite().all()


def test_approvals_alone_are_enough_and_nothing_is_a_typed_empty_frame(tables, company, settings, as_of):
    alone = {**tables, "action_runs": company()["action_runs"]}
    assert boundary(alone, settings(), as_of("2026-04-01")).filter(pl.col("scope") == "org")["asked"].max() == 11
    found = boundary(company(), settings(), as_of("2026-04-01"))
    assert found.is_empty()
    assert found.schema == pl.Schema(COLUMNS)
