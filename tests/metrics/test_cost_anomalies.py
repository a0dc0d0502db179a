"""Days unlike those before them, in money, with whose they are and the line that drove them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from idp_analytics.metrics.cost_anomalies import COLUMNS, SETTLING, cost_anomalies

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 181


def daily(team: str | None, service: str, size: float, seed: int, **spikes: float) -> list[dict]:
    rng = np.random.default_rng(seed)
    rows = []
    for day in range(DAYS):
        amount = size * (1 + 0.03 * rng.normal()) + spikes.get(f"d{day}", 0.0)
        at = START + timedelta(days=day)
        rows.append(
            {
                "cost_id": f"{team}-{service}-{day}", "period_start": at, "period_end": at + timedelta(days=1), "team_id": team,
                "service_id": service, "component": "Machines", "sku": "m5", "amount": Decimal(str(round(amount, 4))),
            }
        )  # fmt: skip
    return rows


def monthly(team: str, amount: str) -> dict:
    return {
        "cost_id": "m",
        "period_start": "2026-06-01",
        "period_end": "2026-07-01",
        "team_id": team,
        "amount": Decimal(amount),
    }


@pytest.fixture(scope="module")
def found(company, settings):
    tables = company(
        teams=[{"team_id": "red"}, {"team_id": "blue"}],
        costs=[
            *daily("red", "shop", 100, 1, d160=80.0, d161=90.0, d178=500.0), *daily("red", "search", 50, 2),
            *daily("blue", "pay", 70, 3, d140=-60.0), *daily(None, "x", 10, 4), monthly("red", "1000"),
        ],
    )  # fmt: skip
    return cost_anomalies(tables, settings(), datetime(2026, 7, 1, tzinfo=UTC))


def test_an_anomaly_has_its_money_its_owner_and_its_line(found):
    assert dict(found.schema) == COLUMNS
    anomalies = found.filter(pl.col("first_on").is_not_null(), every="1mo", scope="team")
    red, blue = anomalies.filter(entity_id="red"), anomalies.filter(entity_id="blue")
    assert red.select("first_on", "last_on", "days", "service_id", "component", "sku", "period").rows() == [
        (
            (START + timedelta(days=160)).date(),
            (START + timedelta(days=161)).date(),
            2,
            "shop",
            "Machines",
            "m5",
            "2026-06",
        )
    ]
    row = red.row(0, named=True)
    assert row["expected"] == pytest.approx(300, rel=0.05)
    assert row["beyond"] == pytest.approx(170, abs=20)
    assert row["line_beyond"] == pytest.approx(170, abs=20)
    assert float(row["amount"]) == pytest.approx(row["expected"] + row["beyond"])
    assert blue.select("days", "service_id").rows() == [(1, "pay")]
    assert blue["beyond"][0] == pytest.approx(-60, abs=10)


def test_the_last_days_are_left_out_and_days_tested_are_counted(found):
    wholes = found.filter(pl.col("first_on").is_null(), entity_id="red")
    june = wholes.filter(period="2026-06").row(0, named=True)
    assert june["tested"] == 30 - SETTLING
    assert float(june["amount"] - june["daily"]) == 1000
    assert wholes.filter(period="2026-01")["tested"].to_list() == [0]
    assert wholes.filter(period="2026-Q2")["tested"].to_list() == [91 - SETTLING]
    assert not found.filter(pl.col("last_on") >= datetime(2026, 6, 26, tzinfo=UTC).date()).height


def test_what_is_charged_by_the_month_shows_no_days(company, settings, as_of):
    tables = company(teams=[{"team_id": "red"}], costs=[monthly("red", "1000")])
    found = cost_anomalies(tables, settings(), as_of("2026-08-01"))
    assert found.filter(every="1mo").select("entity_id", "tested", "daily", "amount").rows() == [
        ("org", 0, Decimal(0), Decimal(1000)), ("red", 0, Decimal(0), Decimal(1000))
    ]  # fmt: skip
    assert cost_anomalies(company(), settings(), as_of("2026-08-01")).is_empty()


def test_the_samples_reorganisation_is_seen_on_both_sides(sample):
    found = cost_anomalies(sample.lazy, sample.settings, sample.as_of)
    moved = found.filter(pl.col("first_on") == datetime(2026, 1, 15, tzinfo=UTC).date(), every="1mo")
    assert {(row["entity_id"], row["beyond"] > 0, row["service_id"]) for row in moved.iter_rows(named=True)} == {
        ("payments", False, "checkout"), ("storefront", True, "checkout")
    }  # fmt: skip
    assert found.filter(pl.col("first_on").is_not_null(), every="1mo").height <= 6
