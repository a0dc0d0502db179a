"""Gates that do not look: each sign by hand, and that the planted ones are found."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import pytest

from idp_analytics.estimates import shares
from idp_analytics.metrics import by_name, compute
from idp_analytics.metrics.rubber_stamps import COLUMNS, approvals

START = datetime(2026, 3, 2, 9)  # a Monday
OWNED = [{"operation_id": "drop", "title": "Drop", "risk": "dangerous", "gate": "human", "owner_team_id": "red"}]


def asked(n: int, seconds: float | None = 7200, **given: object) -> dict[str, object]:
    """Request number ``n``, one an hour, decided so many seconds later by one of many; null: still waiting."""
    at = START + timedelta(hours=n)
    decided = None if seconds is None else (at + timedelta(seconds=seconds)).isoformat()
    usual = {
        "approval_id": f"y{n:03d}", "operation_id": "drop", "subject_kind": "action_run", "team_id": "red", "requestor_id": "ada",
        "responder_id": f"p{n % 7}", "requested_at": at.isoformat(), "decided_at": decided, "automated": False, "time_basis": "exact",
        "decision": None if seconds is None else "approved", "status": "pending" if seconds is None else "approved",
    }  # fmt: skip
    return {**usual, **given}


@pytest.fixture
def row(company, settings, as_of):
    def of(*rows: dict[str, object], at: str = "2026-04-01", zone: str | None = None) -> dict[str, object]:
        teams = [{"team_id": "red", "time_zone": zone}]
        made = company(teams=teams, operations=OWNED, approvals=rows, people=[{"person_id": "robot", "is_bot": True}])
        found = approvals(made, settings(), as_of(at)).filter(scope="team", every="1mo")
        return found.row(0, named=True)

    return of


def test_quick_is_under_a_minute_and_needs_a_time(row):
    made = row(
        *(asked(n, 59) for n in range(3)),
        asked(3, 60),
        asked(4, 10, time_basis="bound"),
        asked(5, 10, decision="rejected"),
    )
    assert (made["quick"], made["timed"], made["approved"]) == (3, 4, 5)
    assert (made["quick_low"], made["quick_high"]) == pytest.approx(tuple(map(float, shares.wilson(3, 4))))


@pytest.mark.parametrize(("n", "caught", "never"), [(29, 0, False), (30, 0, True), (30, 1, False)])
def test_never_refused_needs_thirty(row, n, caught, never):
    made = row(*(asked(i, decision="requestchanges" if i < caught else "approved") for i in range(n)))
    assert (made["decided"], made["caught"], made["never_refused"]) == (n, caught, never)
    assert made["caught_high"] == pytest.approx(float(shares.wilson(caught, n)[1]))


def test_machines_are_left_out(row):
    made = row(asked(0), asked(1, 1, automated=True), asked(2, 1, automated=None, responder_id="robot"))
    assert (made["asked"], made["automatic"], made["quick"]) == (1, 2, 0)


def test_by_who_asked_where_both_are_known(row):
    made = row(
        asked(0, responder_id="ada"),
        asked(1),
        asked(2, responder_id=None),
        asked(3, responder_id="ada", decision="rejected"),
    )
    assert (made["own"], made["named"]) == (1, 2)


@pytest.mark.parametrize(("apart", "n", "batched"), [(15, 5, 5), (15, 4, 0), (16, 5, 0), (10, 7, 7)])
def test_batches(row, apart, n, batched):
    end = START + timedelta(days=1)
    rows = [asked(i, responder_id="bo", decided_at=(end + timedelta(seconds=apart * i)).isoformat()) for i in range(n)]
    assert row(*rows, asked(20, responder_id="bo"), asked(21))["batched"] == batched


@pytest.mark.parametrize(
    ("of_one", "others", "expected"), [(5, 0, True), (4, 0, False), (4, 1, False), (9, 2, True), (8, 2, False)]
)
def test_one_person_is_the_gate(row, of_one, others, expected):
    rows = [asked(n, responder_id="bo" if n < of_one else f"p{n}") for n in range(of_one + others)]
    assert row(*rows)["one_gate"] == expected


def test_what_waits_is_counted_in_not_left_out(row):
    made = row(asked(0, 3600), asked(1, 7200), *(asked(n, None) for n in range(2, 6)), at="2026-03-03T00:00")
    assert (made["wait_n"], made["wait_censored"], made["pending"]) == (6, 4, 4)
    assert made["wait"] is None  # half have not been answered
    assert made["oldest_hours"] == 13


def test_working_hours_of_the_team_that_answers(row):
    friday = datetime(2026, 3, 6, 16)
    over = asked(0, requested_at=friday.isoformat(), decided_at=(friday + timedelta(hours=66)).isoformat())
    assert row(over)["wait"] == 66
    assert row(over)["working_wait"] == 2  # Friday 16 to 17, Monday 9 to 10
    assert row(over, zone="Asia/Tokyo")["working_wait"] == 8  # Saturday 1:00 to Monday 19:00 there


def test_sent_back_and_withdrawn(row, company, settings, as_of):
    rows = [
        asked(0), asked(1, decision="rejected", status="rejected"), asked(2, decision="requestchanges", status="rejected"),
        asked(3, None, status="cancelled"), asked(4, None, status="expired"), asked(5, decision="delegate", status="pending"),
        asked(6, None, status=None),
    ]  # fmt: skip
    made = row(*rows)
    counts = ("approved", "rejected", "sent_back", "withdrawn", "expired", "pending", "unknown", "decided", "caught")
    assert tuple(made[name] for name in counts) == (1, 1, 1, 1, 1, 1, 1, 3, 2)
    found = compute(company(approvals=rows), settings(), as_of("2026-04-01"), (by_name("approval_share"), by_name("approval_withdrawal_share"),
                    by_name("approval_queue_time")), ("org",), ("1mo",))  # fmt: skip
    told = {r["metric"]: (r["k"], r["n"], r["missing"]) for r in found.to_dicts()}
    assert told == {
        "approval_share": (1, 2, 0),
        "approval_withdrawal_share": (1, 6, 1),
        "approval_queue_time": (3, 4, 2),
    }


def test_planted_rubber_stamps_are_found(sample, repository):
    import json

    truth = json.loads((repository / "data/sample/truth.json").read_text())["approvals"]
    found = sample.study("approvals").filter(scope="org", every="1q", period="2026-Q2")
    quick = found.filter(pl.col("quick_low") > 0.3)
    assert set(quick["operation_id"]) == set(truth["rubber_stamped_operations"])
    assert quick["never_refused"].all()
    assert found.filter(~pl.col("operation_id").is_in(quick["operation_id"].implode()))["quick"].sum() == 0
    whole = sample.study("approvals").filter(scope="org", every="1q")
    assert whole["own"].sum() == len(truth["self_approved"]) - sample.tables["approvals"].filter(
        pl.col("requestor_id") == pl.col("responder_id"), pl.col("decision") != "approved").height  # fmt: skip
    assert whole["withdrawn"].sum() == truth["by_status"]["cancelled"]


def test_nothing_is_a_typed_empty_frame(company, settings, as_of):
    found = approvals(company(), settings(), as_of("2026-04-01"))
    assert found.is_empty()
    assert found.schema == pl.Schema(COLUMNS)
