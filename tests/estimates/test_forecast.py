from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from idp_analytics.estimates import forecast


def test_three_ways_by_hand():
    said = forecast.forecasts(np.array([[10.0, 12.0, 11.0, 16.0]]), 2)
    assert said[:, 0].tolist() == [[16, 16], [13, 13], [18, 20]]  # drift: (16 − 10) / 3 a month


def test_errors_are_what_came_minus_what_was_said_and_unknown_where_nothing_came():
    found = forecast.errors(np.array([[1.0, 1.0, 1.0, 1.0, 3.0, 2.0]]), 2)
    again = found[0, 0]
    assert again[0].tolist() == [2, 1]
    assert again[1, 0] == -1
    assert np.isnan(again[1, 1])


@pytest.mark.parametrize(
    ("series", "way"),
    [
        ([1.0, 2, 3, 4, 5, 6, 7, 8], "last month with drift"),
        ([10.0, 0, 10, 0, 10, 0, 10, 0, 10], "mean of three months"),
        ([0.0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9], "last month again"),
        ([5.0] * 9, "last month again"),  # equally good: the plainest
    ],
)
def test_the_way_that_erred_least_is_chosen(series, way):
    assert forecast.WAYS[forecast.chosen(forecast.errors(np.array([series])))[0]] == way


def test_half_the_interval_by_hand():
    found = np.array([[[3.0], [-4.0], [0.0]], [[1.0], [np.nan], [2.0]]])
    half = forecast.half_widths(found, 0.8)
    assert half[0, 0] == pytest.approx(stats.t.ppf(0.9, 3) * np.sqrt(25 / 3))
    assert np.isnan(half[1, 0])  # two errors say nothing of a spread


def test_intervals_hold_about_as_often_as_they_say_where_months_are_noise_around_a_level():
    series = 100 + np.random.default_rng(3).normal(0, 5, (400, 14))
    hits, judged = forecast.covered(series, 0.8)
    assert judged.sum() == 400 * (
        1 + 2 + 3 + 3 + 3 + 2 + 1
    )  # by origin: three errors must be known, and a month must have come
    assert 0.74 < hits.sum() / judged.sum() < 0.86


@given(arrays(np.float64, (3, 10), elements=st.floats(-1e6, 1e6)), st.floats(0.5, 20))
@hypothesis_settings(max_examples=25)
def test_series_do_not_touch_one_another_and_the_unit_does_not_matter(series, factor):
    one = forecast.errors(series[1:2])
    assert np.array_equal(forecast.errors(series)[:, 1:2], one, equal_nan=True)
    assert np.allclose(forecast.errors(series * factor), forecast.errors(series) * factor, equal_nan=True)
