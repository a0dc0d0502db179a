"""The queue by hand: clock and working hours, the tail, what has no time, who waits now."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import pytest

from idp_analytics.metrics.approval_queue import COLUMNS, approval_queue
from idp_analytics.metrics.nine_in_ten import FEWEST, TIMED, nine_in_ten

MONDAY = datetime(2026, 3, 2, 9)


def asked(n: int, hours: float | None, **given: object) -> dict[str, object]:
    """Request number ``n`` of Monday morning, decided so many hours later; null: nobody has."""
    decided = None if hours is None else (MONDAY + timedelta(hours=hours)).isoformat()
    usual = {
        "approval_id": f"y{n:03d}", "operation_id": "drop", "subject_kind": "action_run", "team_id": "red", "requestor_id": "ada",
        "responder_id": f"p{n}", "requested_at": MONDAY.isoformat(), "decided_at": decided, "automated": False, "time_basis": "exact",
        "decision": None if hours is None else "approved", "status": "pending" if hours is None else "approved",
    }  # fmt: skip
    return {**usual, **given}


@pytest.fixture
def queue(company, settings, as_of):
    def of(*rows: dict[str, object], at: str = "2026-04-01", zone: str | None = None) -> dict[str, dict[str, object]]:
        made = company(
            teams=[{"team_id": "red", "time_zone": zone}],
            operations=[{"operation_id": "drop", "owner_team_id": "red"}],
            approvals=rows,
        )
        found = approval_queue(made, settings(), as_of(at)).filter(scope="org", every="1mo", period="2026-03")
        return {row["hours"]: row for row in found.to_dicts()}

    return of


def test_median_and_tail_of_ten_that_are_all_decided(queue):
    made = queue(*(asked(n, n + 1) for n in range(10)))["clock"]
    # 1 … 10 hours: the curve is at exactly one half from 5 to 6 h, at exactly one tenth from 9 to 10 h
    assert (made["n"], made["censored"], made["median"], made["p90"]) == (10, 0, 5.5, 9.5)
    assert made["low"] < made["median"] < made["high"]


def test_those_who_wait_make_it_longer_and_their_age_is_told_apart(queue):
    only = queue(asked(0, 1), asked(1, 3))["clock"]
    both = queue(asked(0, 1), asked(1, 3), asked(2, None), asked(3, None), at="2026-03-03T09:00")["clock"]
    assert only["median"] == 2
    assert (both["n"], both["censored"], both["pending"]) == (4, 2, 2)
    assert both["median"] is None or both["median"] > 2  # two of four answered within 3 h: half at 3 h or later
    assert (both["age"], both["oldest"]) == (24, 24)
    assert both["p90"] is None


def test_working_hours_are_those_of_the_team_that_answers(queue):
    over_night = asked(0, 24)  # Monday 9:00 to Tuesday 9:00
    assert queue(over_night)["clock"]["median"] == 24
    assert queue(over_night)["working"]["median"] == 8  # 9 to 17 on Monday
    waiting = queue(asked(0, None), at="2026-03-03T10:00")
    assert (waiting["clock"]["oldest"], waiting["working"]["oldest"]) == (25, 9)
    tokyo = queue(asked(0, 9), zone="Asia/Tokyo")  # 18:00 there on Monday to 3:00 on Tuesday
    assert tokyo["working"]["median"] == 0


def test_without_a_time_it_counts_in_the_rate_and_not_in_the_time(queue):
    rows = (
        asked(0, 1),
        asked(1, 2, time_basis="bound"),
        asked(2, 2, decided_at=None),
        asked(3, -1),  # decided before it was asked for
        asked(4, None, status="cancelled"),  # withdrawn, not told when
    )
    made = queue(*rows)["clock"]
    assert (made["asked"], made["decided"], made["dated"], made["n"]) == (5, 4, 1, 1)


def test_what_was_withdrawn_at_a_known_time_is_censored_and_a_machine_is_nobody(queue):
    made = queue(asked(0, 1), asked(1, 5, decision=None, status="cancelled"), asked(2, 0.001, automated=True))["clock"]
    assert (made["asked"], made["n"], made["censored"], made["decided"]) == (2, 2, 1, 1)


def test_nothing_is_a_typed_empty_frame(company, settings, as_of):
    for study, columns in ((approval_queue, COLUMNS),):
        assert study(company(), settings(), as_of("2026-04-01")).schema == pl.Schema(columns)


# --- nine in ten, of every duration ------------------------------------------------------------------------------------------------


def test_nine_in_ten_is_of_the_same_observations_as_the_median(sample):
    found = sample.study("nine_in_ten")
    answers = sample.answers(every=("1mo", "1q")).filter(pl.col("scope") != "service")
    both = found.join(answers, on=["scope", "entity_id", "every", "period", "metric"], suffix="_answer")
    assert both.height == found.height > 1_000
    assert (both["n"] == both["n_answer"]).all()
    assert (both["censored"] == both["censored_answer"].fill_null(0)).all()
    known = both.drop_nulls(["p90", "value"])
    assert (known["p90"] >= known["value"]).all()
    assert found.filter(pl.col("n") < FEWEST)["p90"].null_count() == found.filter(pl.col("n") < FEWEST).height
    assert not [metric for metric in TIMED if metric.about_people]


@pytest.mark.parametrize(("n", "expected"), [(9, None), (10, 9.5), (20, 18.5)])
def test_from_ten_on_a_tenth_is_one(company, settings, as_of, n, expected):
    made = company(approvals=[asked(i, i + 1) for i in range(n)])
    found = nine_in_ten(made, settings(), as_of("2026-04-01")).filter(
        scope="org", every="1mo", period="2026-03", metric="approval_queue_time"
    )
    assert found["p90"].to_list() == [expected]
