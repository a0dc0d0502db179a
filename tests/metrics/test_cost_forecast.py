from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from idp_analytics.metrics.cost_forecast import COLUMNS, cost_forecast

TEAMS = [{"team_id": "red"}, {"team_id": "blue"}]


def monthly(amounts, team="red", first="2026-01-01", **told):
    year, month, day = map(int, first.split("-"))
    return [
        {
            "cost_id": f"{team}{n}", "team_id": team, "amount": Decimal(str(a)),
            "period_start": f"{year + (month + n - 1) // 12}-{(month + n - 1) % 12 + 1:02}-{day:02}", **told,
        }
        for n, a in enumerate(amounts)
    ]  # fmt: skip


def test_complete_months_are_seen_and_three_are_forecast(company, settings, as_of):
    costs = monthly([10, 20, 30, 40, 50, 60, 70, 80, 999])  # the last month is not over
    found = cost_forecast(company(teams=TEAMS, costs=costs), settings(), as_of("2026-09-15"))
    assert dict(found.schema) == COLUMNS
    red = found.filter(entity_id="red")
    assert red.filter(kind="seen")["value"].to_list() == [10, 20, 30, 40, 50, 60, 70, 80]
    ahead = red.filter(kind="forecast")
    assert ahead.select("month", "value", "way").rows() == [
        (date(2026, 9, 1), 90.0, "last month with drift"), (date(2026, 10, 1), 100.0, "last month with drift"),
        (date(2026, 11, 1), 110.0, "last month with drift"),
    ]  # fmt: skip
    assert ahead["months"].to_list() == [8, 8, 8]
    assert ahead["error"][0] == pytest.approx(0)
    assert ahead["naive_error"][0] > 10
    assert found.filter(scope="org", kind="forecast")["value"].to_list() == ahead["value"].to_list()


def test_a_month_without_cost_between_others_is_zero_and_a_beginning_in_mid_month_is_left_out(company, settings, as_of):
    costs = [*monthly([5] * 9, "blue", "2026-01-15"), *monthly([7, 7], "red", "2026-05-15")]
    found = cost_forecast(company(teams=TEAMS, costs=costs), settings(), as_of("2026-10-01"))
    assert found.filter(entity_id="blue", kind="seen")["month"].min() == date(2026, 2, 1)
    assert found.filter(entity_id="red", kind="seen")["value"].to_list() == [0, 0, 0, 7, 7, 0, 0, 0]


def test_too_few_months_are_no_forecast(company, settings, as_of):
    found = cost_forecast(company(teams=TEAMS, costs=monthly([1] * 7)), settings(), as_of("2026-08-01"))
    assert found.filter(kind="forecast").is_empty()
    assert found.filter(kind="none").select("entity_id", "value", "months").rows() == [
        ("org", None, 7),
        ("red", None, 7),
    ]


def test_no_cost_is_no_row(company, settings, as_of):
    assert cost_forecast(company(teams=TEAMS), settings(), as_of("2026-08-01")).is_empty()
    first = monthly([1], first="2026-07-20")
    assert cost_forecast(company(teams=TEAMS, costs=first), settings(), as_of("2026-07-25")).is_empty()
