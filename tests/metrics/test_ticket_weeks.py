"""Weeks of tickets per developer beside what chance does, at the exposure of each week."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from scipy.stats import norm, poisson
from ticket_building import MONTH, PEOPLE, asked, tables

from idp_analytics.metrics.process_behaviour import process_behaviour


@pytest.fixture
def made(company):
    return partial(tables, company)


def weekly(counts: list[int]) -> list[dict[str, object]]:
    first = datetime(2026, 1, 5, 10)
    return [
        asked(1000 * week + n, None, None, created_at=(first + timedelta(weeks=week, minutes=n)).isoformat())
        for week, count in enumerate(counts) for n in range(count)
    ]  # fmt: skip


STEADY = [6, 7, 5, 6, 8, 6, 5, 7, 6, 6, 7, 5] * 2


def test_weeks_by_hand_have_the_limits_of_chance_where_they_are_calmer_than_that(made, settings):
    """24 weeks around 6.17 tickets of four developers: calmer than Poisson, so the limits are exact Poisson ones: 0 and 15 tickets."""
    tables = made(*weekly([*STEADY, 14, 15, 17]))
    found = process_behaviour(tables, settings(), datetime(2026, 1, 5, tzinfo=UTC) + timedelta(weeks=27)).filter(
        metric="tickets_per_developer_month", scope="org"
    )
    exposure = 4 * 7 / MONTH
    assert found["centre"][0] == pytest.approx(sum(STEADY) / 24 / exposure)
    assert found["upper"][5] * exposure == pytest.approx(15)
    assert poisson.sf(15, 37 / 6) < norm.sf(3) < poisson.sf(14, 37 / 6)
    assert found["lower"][5] == 0
    assert found["signal"].to_list()[24:] == [None, None, "above the limits"]


def test_a_team_that_asks_once_in_a_while_is_no_signal(made, settings):
    counts = [0, 1, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0] * 3
    found = process_behaviour(
        made(*weekly([1, *counts])), settings(), datetime(2026, 1, 5, tzinfo=UTC) + timedelta(weeks=37)
    )
    assert (
        found.filter(metric="tickets_per_developer_month")["signal"].null_count()
        == found.filter(metric="tickets_per_developer_month").height
    )


def test_twice_the_developers_is_no_signal_when_they_ask_as_often(made, settings):
    """From week 24 on eight developers ask 12 a week: the count doubles, the rate does not."""
    hired = [{"person_id": f"q{n}", "started_on": "2026-06-22"} for n in range(4)]
    tables = made(*weekly([*STEADY, 12, 13, 12, 11, 12]), people=[*PEOPLE, *hired])
    found = process_behaviour(tables, settings(), datetime(2026, 1, 5, tzinfo=UTC) + timedelta(weeks=29)).filter(
        metric="tickets_per_developer_month", scope="org"
    )
    assert found["n"].to_list()[24:] == [12, 13, 12, 11, 12]
    assert found["signal"].null_count() == 29
    narrower = found["upper"] - found["centre"]
    assert narrower[26] < narrower[10]
