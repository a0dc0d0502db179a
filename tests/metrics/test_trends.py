"""Trends of hand-made companies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from idp_analytics.metrics.trends import COLUMNS, trends
from idp_analytics.periods import following

FIRST = datetime(2024, 1, 1, tzinfo=UTC)


def monthly(counts: list[int]) -> tuple[list[dict], datetime]:
    """So many deployments in each month from January 2024 on, and the first moment after the last."""
    rows, month = [], FIRST.date()
    for number, count in enumerate(counts):
        start = datetime(month.year, month.month, 1, tzinfo=UTC)
        rows += [
            {
                "deployment_id": f"{number}-{n}",
                "service_id": "shop",
                "team_id": "red",
                "finished_at": start + timedelta(hours=n),
            }
            for n in range(count)
        ]
        month = following(month, "1mo")
    return rows, datetime(month.year, month.month, 1, tzinfo=UTC)


@pytest.fixture
def studied(company, settings):
    def study(counts: list[int], days: int = 0) -> dict:
        rows, as_of = monthly(counts)
        made = company(deployments=rows, teams=[{"team_id": "red"}], services=[{"service_id": "shop"}])
        frame = trends(made, settings(), as_of + timedelta(days=days))
        assert frame.columns == list(COLUMNS)
        return frame.filter(scope="team", metric="deployment_frequency").row(0, named=True)

    return study


def test_a_rise_is_found_with_its_months(studied):
    """About one deployment more each month of 30.4 days."""
    row = studied([10 + n + (n % 3) for n in range(12)])
    assert (row["n"], row["first_period"], row["last_period"]) == (12, "2024-01", "2024-12")
    assert row["slope"] == pytest.approx(1 / 30.4, rel=0.15)
    assert row["low"] <= row["slope"] <= row["high"]
    assert (row["verdict"], row["level"], row["unit"]) == ("improved", 0.95, "deployments per day")
    assert row["p"] < 0.01
    assert studied([30 - n - (n % 3) for n in range(12)])["verdict"] == "worsened"


def test_noise_is_no_trend(studied):
    row = studied([9, 12, 10, 11, 8, 12, 9, 11, 10, 12, 8, 11])
    assert row["verdict"] == "no detectable change"
    assert row["low"] < 0 < row["high"]


def test_below_eight_months_nothing_is_said_and_a_partial_month_is_none(studied):
    row = studied([10, 11, 12, 13, 14, 15, 16], days=10)
    assert (row["n"], row["verdict"], row["slope"], row["p"], row["step_after"]) == (
        7,
        "insufficient data",
        None,
        None,
        None,
    )
    assert row["caution"] == "7 complete month(s) with a value, 8 are needed"


def test_a_step_is_found_where_it_is(studied):
    row = studied([10, 11, 9, 10, 11, 9, 20, 21, 19, 20, 21, 19])
    assert row["step_after"] == "2024-06"
    assert row["step_p"] < 0.05


def test_months_that_resemble_each_other_do_not_prove_a_slope(studied):
    """Slow waves: up a year, down half a year."""
    waves = [20, 24, 28, 31, 33, 33, 31, 28, 24, 20, 16, 12, 9, 7, 7, 9, 12, 16]
    row = studied(waves)
    assert row["autocorrelation"] > 0.3
    assert row["verdict"] == "not identified"
    assert row["caution"].startswith("neighbouring months resemble each other")


def test_only_the_last_two_years_count_and_a_quiet_month_is_a_zero(studied):
    row = studied([200] * 6 + [5, 0, 6, 5, 4, 6] * 4)
    assert (row["first_period"], row["n"]) == ("2024-07", 24)
    assert abs(row["slope"]) < 0.01


def test_a_company_without_facts_has_an_empty_study(company, settings):
    assert trends(company(), settings(), FIRST).schema == pl.DataFrame(schema=COLUMNS).schema
