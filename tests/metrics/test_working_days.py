"""Deployments on the days people work: by the calendar, and beside them those on other days."""

from __future__ import annotations

from dataclasses import replace

import pytest

from idp_analytics.metrics import by_name, compute
from idp_analytics.metrics.working_days import OFF
from idp_analytics.working_time import WEEKDAYS, Calendar


def deployed(*times: str) -> list[dict]:
    return [{"deployment_id": f"d{n}", "finished_at": at} for n, at in enumerate(times)]


@pytest.fixture
def row(company, settings, as_of):
    def get(
        times: tuple[str, ...], at: str, calendar: Calendar | None = None, zone: str = "UTC", period="2026-05"
    ) -> dict:
        rules = replace(settings(zone), calendar=calendar or Calendar())
        made = company(teams=[{"team_id": "red"}], deployments=deployed(*times))
        answers = compute(made, rules, as_of(at), (by_name("deployment_working_days"),), ("org",), ("1mo",))
        (found,) = answers.filter(period=period).to_dicts()
        return found

    return get


TIMES = (
    "2026-04-01T10:00",
    "2026-05-04T10:00",
    "2026-05-04T15:00",
    "2026-05-05T10:00",
    "2026-05-01T10:00",
    "2026-05-09T10:00",
)
"""An earlier one; twice on Monday the 4th, on the 5th, on Labour Day (a Friday) and on a Saturday."""


@pytest.mark.parametrize(
    ("calendar", "k", "n", "off"),
    [
        (Calendar(), 3, 21, 1),
        (Calendar(holidays=("DE",)), 2, 18, 2),
        (Calendar(working_days=WEEKDAYS), 4, 31, 0),
        (Calendar(working_days=("saturday", "sunday")), 1, 10, 4),
    ],
)
def test_working_days_by_the_calendar(row, calendar, k, n, off):
    found = row(TIMES, "2026-06-10", calendar)
    assert (found["k"], found["n"], found["value"]) == (k, n, pytest.approx(k / n))
    assert (found["caution"] or "").count(f"{OFF}: {off}") == (off > 0)


def test_the_day_is_the_organisations(row):
    """22:30 UTC on Friday the 8th is Saturday in Berlin; 22:30 on Sunday the 10th is Monday."""
    times = ("2026-04-01T10:00", "2026-05-08T22:30", "2026-05-10T22:30")
    assert [row(times, "2026-06-10", zone=zone)["k"] for zone in ("UTC", "Europe/Berlin")] == [1, 1]
    assert row((*times, "2026-05-11T08:00"), "2026-06-10")["k"] == 2
    assert row((*times, "2026-05-11T08:00"), "2026-06-10", zone="Europe/Berlin")["k"] == 1


@pytest.mark.parametrize(
    ("at", "n", "k"), [("2026-05-05T12:00", 2, 1), ("2026-05-06", 3, 2), ("2026-05-09T12:00", 6, 2)]
)
def test_a_day_that_is_not_over_is_not_in_it(row, at, n, k):
    """Labour Day is a working day here: the 1st, then the 4th to the 8th."""
    found = row(TIMES[1:4] + TIMES[:1], at)
    assert (found["n"], found["k"]) == (n, k)


def test_days_before_the_first_deployment_are_not_covered(row):
    assert row(("2026-05-25T10:00",), "2026-06-10")["n"] == 5
