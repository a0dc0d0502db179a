"""One series before and after a change: what is drawn, in which unit, and what is said to who cannot see it."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from idp_analytics.charts import before_after
from idp_analytics.metrics.impact.columns import WEEKS_COLUMNS

FIRST = date(2026, 1, 5)


def made(unit="hours", band=before_after.EXPECTED, factor=1.0):
    seen = [("before", 40.0, 39.0, None), ("before", 38.0, 39.0, None), ("while it was taken up", 35.0, None, None), ("after", 20.0, 24.0, 39.0),
            ("after", None, None, None), ("after", 36.0, 24.0, 39.0)]  # fmt: skip
    rows = [
        {"period_start": FIRST + timedelta(7 * at), "side": side, "value": value, "n": 9, "fitted": fitted, "without": without,
         "low": None if without is None else 30.0, "high": None if without is None else 48.0}
        for at, (side, value, fitted, without) in enumerate(seen)
    ]  # fmt: skip
    frame = pl.DataFrame([{**dict.fromkeys(WEEKS_COLUMNS), **row} for row in rows], schema=WEEKS_COLUMNS)
    scaled = frame.with_columns(pl.col("value", "fitted", "without", "low", "high") * factor)
    return before_after.chart(scaled, "Lead", unit, band)


def test_weeks_the_level_and_what_there_was_to_expect():
    chart = made()
    rows = chart.spec["datasets"]["weeks"]
    assert [row["period"] for row in rows] == [f"2026-W{week:02d}" for week in range(2, 8)]
    assert [row["taken_up"] for row in rows] == [False, False, True, False, False, False]
    assert [row["kind"] for row in rows] == ["before it was taken up"] * 2 + ["since"] * 4
    assert rows[3]["without"] == pytest.approx(39)
    assert rows[4]["value"] is None
    assert "'hours'" in str(chart.spec)
    assert "dashed: the level to expect without it; grey: its interval" in str(chart.spec)
    assert chart.description == (
        "Lead by week: 5 weeks with a value, week 2 of 2026 to week 7 of 2026; taken up in week 4 of 2026; the level just before: 39.0 h; "
        "in the last week the level is 24.0 h, and 39.0 h (30.0–48.0 h) without it."
    )  # fmt: skip


def test_shares_are_drawn_as_shares_and_limits_named():
    chart = made("share of deployments", before_after.LIMITS, 0.01)
    assert chart.spec["datasets"]["weeks"][0]["value"] == pytest.approx(0.4)
    assert "~%" in str(chart.spec)
    assert "natural process limits, frozen as they were before" in str(chart.spec)
    assert "of 2 weeks after, 1 outside of the limits" in chart.description
