"""What was and what may come: what the chart holds, and what is said to who cannot see it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from idp_analytics.charts import forecast


def test_months_known_and_months_to_come():
    chart = forecast.chart(
        [("2026-05", Decimal("10.5")), ("2026-06", Decimal(12))],
        [("2026-07", 250.4, 99.5, 1401.2)],
        "Cost of <b>",
        "EUR",
    )
    rows = chart.spec["datasets"]["months"]
    assert [(r["period"], r["kind"], r["value"], r["low"], r["shown"]) for r in rows] == [
        ("2026-05", "known", 10.5, None, "EUR 10.50"), ("2026-06", "known", 12, None, "EUR 12.00"),
        ("2026-07", "forecast", 250.4, 99.5, "EUR 250"),
    ]  # fmt: skip
    assert chart.description == "Cost of <b> in EUR: June 2026 EUR 12.00; then July 2026 EUR 250, 99.50 to 1,401."


@pytest.mark.parametrize(
    ("value", "told"),
    [(0.0, "0.00"), (99.994, "99.99"), (100.4, "100"), (-1234.5, "−1,234"), (12345678.9, "12,345,679")],
)
def test_an_estimate_has_no_cents_that_mean_nothing(value, told):
    assert forecast.rounded(value, "") == told
