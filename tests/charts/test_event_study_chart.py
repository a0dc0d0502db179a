"""An effect by time from taking something up: what is drawn, what is left out, and what is said to who cannot see it."""

from __future__ import annotations

import polars as pl
import pytest

from idp_analytics.charts import event_study

SCHEMA = {"event_period": pl.Int64, "effect": pl.Float64, "low": pl.Float64, "high": pl.Float64, "units": pl.Int64}


def made(*rows, unit="hours", smallest=None):
    return event_study.chart(pl.DataFrame(rows, schema=SCHEMA, orient="row"), "Lead <b>", unit, "month", smallest)


def test_before_and_since_are_told_apart_and_few_units_are_left_out():
    chart = made(
        (1, -3.0, -5.0, -1.0, 5),
        (-1, 1.0, 0.5, 1.5, 6),
        (0, -2.0, None, 1.0, 5),
        (2, 9.0, -90.0, 90.0, 4),
        (-2, 0.0, -1.0, 1.0, 6),
        smallest=-2.5,
    )
    rows = chart.spec["datasets"]["course"]
    assert [(row["at"], row["kind"], row["value"], row["from"]) for row in rows] == [
        (-2, "before it was taken up", 0.0, -1.0), (-1, "before it was taken up", 1.0, 0.5), (0, "since", -2.0, None), (1, "since", -3.0, -5.0),
    ]  # fmt: skip
    assert chart.spec["datasets"]["marks"] == [{"value": -2.5, "nothing": 0.0, "taken_up": -0.5}]
    assert "dotted: the smallest effect that would matter, 2.5 h" in str(chart.spec)
    assert chart.description == (
        "Lead <b> by month from taking it up: before, the intervals of 1 of 2 months leave zero out; month 0: −2.0 h, unbounded to +1.0; month 1: −3.0 h, −5.0 "
        "to −1.0; not drawn: 1 month with fewer than 5 units."
    )  # fmt: skip


def test_where_all_have_few_units_all_are_drawn():
    chart = made((0, -2.0, -3.0, 1.0, 3), (1, None, None, None, 3))
    assert len(chart.spec["datasets"]["course"]) == 1 and "not drawn" not in chart.description
    assert chart.spec["datasets"]["marks"][0]["value"] is None and "dotted" not in str(chart.spec)


@pytest.mark.parametrize(
    ("unit", "value", "drawn", "axis"),
    [("share of deployments", -0.02, -2.0, "points"), ("hours", 60.0, 2.5, "days"), ("hours", 0.5, 30.0, "minutes"), ("deployments per day", 0.4, 0.4, "deployments per day")],
)  # fmt: skip
def test_an_effect_is_drawn_in_the_unit_a_reader_knows(unit, value, drawn, axis):
    chart = made((0, value, value, value, 9), unit=unit)
    assert chart.spec["datasets"]["course"][0]["value"] == pytest.approx(drawn)
    assert f"'{axis}'" in str(chart.spec)


def test_the_first_months_are_told_one_by_one_and_then_the_last():
    chart = made(*((at, -1.0, -2.0, -0.5, 9) for at in range(8)))
    assert chart.description.count("month ") == event_study.TOLD + 2
    assert chart.description.endswith("month 7, the last: −1.0 h, −2.0 to −0.5.")
