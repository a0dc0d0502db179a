"""The next months of a company whose cost is known by the day."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

from idp_analytics.metrics.cost_forecast import COLUMNS, cost_forecast


def monthly(team: str | None, amounts: dict[str, str], **told) -> list[dict]:
    return [
        {"cost_id": f"{team}-{month}-{told}", "period_start": f"{month}-01", "period_end": f"{month}-02", "team_id": team, "amount": Decimal(a), **told}
        for month, a in amounts.items()
    ]  # fmt: skip


def by_day(per_day: dict[str, int]) -> dict[str, str]:
    days = {1: 31, 2: 28, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}
    return {month: str(amount * days[int(month[5:])]) for month, amount in per_day.items()}


MONTHS = [f"2025-{n:02}" for n in range(9, 13)] + [f"2026-{n:02}" for n in range(1, 7)]


def test_what_is_forecast_is_the_cost_per_day(company, settings, as_of):
    tables = company(
        teams=[{"team_id": "red"}, {"team_id": "new"}],
        costs=[
            *monthly("red", by_day(dict.fromkeys(MONTHS, 10))), *monthly("new", by_day(dict.fromkeys(MONTHS[-7:], 5))),
            *monthly(None, {"2026-06": "1"}, currency="EUR"), *monthly("red", {"2026-07": "999"}),
        ],
    )  # fmt: skip
    found = cost_forecast(tables, settings(), as_of("2026-07-15"))
    assert dict(found.schema) == COLUMNS
    red = found.filter(entity_id="red")
    assert red.select("period", "target", "value", "low", "high", "n", "method", "verdict").rows() == [
        ("2026-06", target, value, value, value, 10, "naive", "not identified")
        for target, value in (("2026-07", 310.0), ("2026-08", 310.0), ("2026-09", 300.0))
    ]
    new = found.filter(entity_id="new")
    assert new.select("value", "low", "method", "n", "verdict").unique().rows() == [
        (None, None, None, 7, "insufficient data")
    ]
    assert found.filter(entity_id="org", currency="EUR")["n"].to_list() == [1, 1, 1]
    assert found.filter(entity_id="org", currency="USD")["n"].to_list() == [10, 10, 10]


def test_a_month_without_cost_once_there_was_some_is_nothing_and_not_unknown(company, settings, as_of):
    some = {month: 10 for month in MONTHS if month != "2026-03"}
    tables = company(
        teams=[{"team_id": "red"}], costs=[*monthly("red", by_day(some)), *monthly(None, {"2026-03": "1"})]
    )
    red = cost_forecast(tables, settings(), as_of("2026-07-01")).filter(entity_id="red")
    assert red["n"].to_list() == [10, 10, 10]
    assert (red["low"] < red["value"]).all()


def test_without_complete_months_there_is_nothing(company, settings, as_of):
    assert cost_forecast(company(), settings(), as_of("2026-07-01")).is_empty()
    tables = company(teams=[{"team_id": "red"}], costs=monthly("red", {"2026-06": "5"}))
    assert cost_forecast(tables, settings(), as_of("2026-06-20")).is_empty()


def test_the_sample_has_a_forecast_of_every_team_and_its_past_intervals_held(sample):
    found = cost_forecast(sample.lazy, sample.settings, sample.as_of)
    assert found.height == 60
    assert found["value"].is_not_null().all()
    assert ((found["low"] <= found["value"]) & (found["value"] <= found["high"])).all()
    once = found.unique(["entity_id", "currency"])
    assert once["hits"].sum() / once["tests"].sum() == pytest.approx(0.95, abs=0.07)
    assert once.filter(pl.col("method") == "theta").select((pl.col("error") < pl.col("baseline_error")).all()).item()
