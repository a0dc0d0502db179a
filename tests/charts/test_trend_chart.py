"""One metric over time: what is drawn of each answer, and that the description tells the same."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from answer_building import SCRIPT, answer, frame
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.answers import COLUMNS
from idp_analytics.charts import trend
from idp_analytics.charts.wording import period, quantity
from idp_analytics.periods import label

SHARE = "share of deployments"
TITLE = "Change fail rate"


def months(*given, metric="change_fail_rate", **shared) -> pl.DataFrame:
    """Answers of months from January 2026 on: (value, low, high) each."""
    return frame(
        (
            answer(metric, f"2026-{number:02}", value=v, low=low, high=high, n=40, **shared)
            for number, (v, low, high) in enumerate(given, 1)
        ),
        COLUMNS,
    )


def drawn(chart, role="own") -> list[dict]:
    return [row for row in chart.spec["datasets"]["answers"] if row["role"] == role]


def test_a_value_has_a_point_and_the_line_of_its_interval():
    (row,) = drawn(trend.chart(months((0.125, 0.055, 0.261)), TITLE, SHARE, "Acme"))
    assert row == {
        "period": "2026-01", "role": "own", "series": "Acme", "state": "complete", "value": 0.125, "from": 0.055, "to": 0.261,
        "open": False, "shown": "12.5 %", "interval": "5.5–26.1 %", "n": 40, "verdict": "not identified",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "partial", "state", "drawn_value", "ends", "is_open"),
    [
        ((0.2, 0.1, 0.3), False, "complete", 0.2, (0.1, 0.3), False),
        ((0.2, 0.1, 0.3), True, "partial", 0.2, (0.1, 0.3), False),
        ((0.0, 0.0, 0.1), False, "complete", 0.0, (0.0, 0.1), False),  # a measured zero is a point at zero
        ((None, 0.1, 0.3), False, "none", None, (0.1, 0.3), False),
        ((None, 0.1, 0.3), True, "none", None, (0.1, 0.3), False),
        ((None, None, None), False, "none", None, (None, None), False),
        ((0.2, 0.1, None), False, "complete", 0.2, (0.1, None), True),
        ((None, 0.1, None), False, "none", None, (0.1, None), True),
        ((0.2, None, 0.3), False, "complete", 0.2, (0.2, 0.3), False),
        ((0.2, None, None), False, "complete", 0.2, (0.2, 0.2), False),
    ],
)
def test_every_kind_of_answer_has_its_own_look(given, partial, state, drawn_value, ends, is_open):
    (row,) = drawn(trend.chart(months(given, is_partial=partial), TITLE, SHARE))
    assert (row["state"], row["value"], (row["from"], row["to"]), row["open"]) == (state, drawn_value, ends, is_open)


def test_what_is_not_known_is_not_drawn_as_zero():
    chart = trend.chart(months((0.2, 0.1, 0.3), (None, None, None), (0.1, 0.0, 0.2)), TITLE, SHARE)
    assert [row["value"] for row in drawn(chart)] == [0.2, None, 0.1]
    assert drawn(chart)[1]["shown"] == drawn(chart)[1]["interval"] == "–"


@pytest.mark.parametrize(
    ("given", "description"),
    [
        ([(0.2, 0.1, 0.3)], "Change fail rate by month, January 2026: 20.0 % (interval 10.0–30.0 %) in the last month."),
        ([(None, None, None)], "Change fail rate by month, January 2026: no value in 1 of 1 months."),
        ([(0.2, 0.1, 0.3), (0.1, 0.0, 0.2), (0.4, 0.2, 0.6)],
         "Change fail rate by month, January 2026 to March 2026: 40.0 % (interval 20.0–60.0 %) in the last month; lowest 10.0 % in "
         "February 2026, highest 40.0 % in March 2026."),
        ([(0.2, 0.1, 0.3), (0.1, 0.0, 0.2), (None, 0.0, 0.6)],
         "Change fail rate by month, January 2026 to March 2026: lowest 10.0 % in February 2026, highest 20.0 % in January 2026; no "
         "value in 1 of 3 months."),
    ],
)  # fmt: skip
def test_the_description_tells_span_last_value_extremes_and_gaps(given, description):
    assert trend.chart(months(*given), TITLE, SHARE).description == description


@pytest.mark.parametrize(
    ("label", "title"), [("2026-06", "x by month"), ("2026-Q2", "x by quarter"), ("2026-W23", "x by week")]
)
def test_the_title_says_how_long_a_period_is(label, title):
    rows = frame([answer("change_fail_rate", label, value=0.5, low=0.4, high=0.6, n=9)], COLUMNS)
    assert trend.chart(rows, "x", SHARE).title == title


@pytest.mark.parametrize(
    ("hours", "axis", "value", "shown"), [(0.5, "minutes", 30, "30 min"), (10.0, "hours", 10, "10.0 h"), (96.0, "days", 4, "4.0 days")]
)  # fmt: skip
def test_durations_are_drawn_in_the_unit_that_suits_the_longest(hours, axis, value, shown):
    chart = trend.chart(months((hours, hours / 2, hours * 9), metric="change_lead_time"), "Lead time", "hours")
    (row,) = drawn(chart)
    assert row["value"] == pytest.approx(value)
    assert row["shown"] == shown
    assert f"'title': '{axis}'" in str(chart.spec)


@pytest.mark.parametrize(("bounds", "axis"), [((0.1, 0.5), "minutes"), ((0.1, 100.0), "days"), ((None, None), "hours")])
def test_without_any_value_the_bounds_choose_the_unit(bounds, axis):
    chart = trend.chart(months((None, *bounds), metric="change_lead_time"), "Lead time", "hours")
    assert f"'title': '{axis}'" in str(chart.spec)


def test_shares_have_percent_on_the_axis_and_rates_their_unit():
    assert "'format': '~%'" in str(trend.chart(months((0.2, 0.1, 0.3)), TITLE, SHARE).spec)
    rate = trend.chart(months((2.0, 1.0, 3.0), metric="deployment_frequency"), "x", "deployments per day").spec
    assert "'format': ',~r'" in str(rate)
    assert "'title': 'deployments per day'" in str(rate)


def test_the_organisation_stands_beside_in_grey_and_the_description_is_of_the_team():
    chart = trend.chart(months((0.2, 0.1, 0.3)), TITLE, SHARE, "Payments", months((0.9, 0.8, 1.0)))
    assert [row["series"] for row in drawn(chart, "whole")] == [trend.WHOLE]
    assert "['Payments', 'organisation as a whole']" in str(chart.spec)
    assert "20.0 %" in chart.description
    assert "90.0 %" not in chart.description


@pytest.mark.parametrize(
    ("name", "own", "whole"),
    [
        ("", "this team", trend.WHOLE), ("\u202e", "this team", trend.WHOLE), (SCRIPT, SCRIPT, trend.WHOLE),
        (trend.WHOLE, trend.WHOLE, f"{trend.WHOLE} (all teams)"), ("{own}", "{own}", trend.WHOLE),
    ],
)  # fmt: skip
def test_whatever_a_team_is_called_it_is_told_from_the_organisation(name, own, whole):
    chart = trend.chart(months((0.2, 0.1, 0.3)), TITLE, SHARE, name, months((0.9, 0.8, 1.0)))
    assert [row["series"] for row in chart.spec["datasets"]["answers"]] == [own, whole]
    assert f"['{own}', '{whole}']" in str(chart.spec)


def test_the_order_of_the_rows_does_not_matter():
    rows = months((0.2, 0.1, 0.3), (0.1, 0.0, 0.2), (0.4, 0.2, 0.6))
    assert trend.chart(rows.reverse(), TITLE, SHARE).spec == trend.chart(rows, TITLE, SHARE).spec


SHARES = st.floats(0, 1).map(lambda v: round(v, 4))
ANSWERS = st.none() | st.tuples(SHARES, SHARES, SHARES).map(sorted)


@given(st.lists(ANSWERS, min_size=1, max_size=6))
def test_the_description_is_computed_from_what_is_drawn(given):
    rows = [(None, None, None) if one is None else (one[1], one[0], one[2]) for one in given]
    chart = trend.chart(months(*rows), TITLE, SHARE)
    seen = drawn(chart)
    valued = [row for row in seen if row["state"] != "none"]
    gaps = len(seen) - len(valued)
    assert (f"no value in {gaps} of {len(seen)} months" in chart.description) == (gaps > 0)
    assert ("in the last month" in chart.description) == (seen[-1]["value"] is not None)
    if seen[-1]["value"] is not None:
        assert f"{seen[-1]['shown']} (interval {seen[-1]['interval']}) in the last month" in chart.description
    if len(valued) > 1:
        low, high = min(valued, key=lambda row: row["value"]), max(valued, key=lambda row: row["value"])
        assert f"lowest {quantity(low['value'], SHARE)} in {period(low['period'])}" in chart.description
        assert f"highest {quantity(high['value'], SHARE)} in {period(high['period'])}" in chart.description
    assert label(date(2026, len(rows), 1), "1mo") == seen[-1]["period"]
