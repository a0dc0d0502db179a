"""Published charts, laws of limits and runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from idp_analytics.estimates import process_behaviour as chart

# Montgomery, Introduction to Statistical Quality Control, example 6.5: the first 20 points set the limits.
MONTGOMERY = [
    310, 288, 297, 298, 307, 303, 294, 297, 308, 306, 294, 299, 297, 299, 314, 295, 293, 306, 301, 304,
    305, 282, 305, 296, 314, 295, 287, 301, 298, 311, 310, 292, 305, 299, 304, 310, 304, 305, 333, 328,
]  # fmt: skip

SERIES = st.lists(st.floats(-1e3, 1e3).map(lambda v: round(v, 3)), min_size=2, max_size=40).map(np.array)


def test_limits_as_montgomery_gives_them() -> None:
    limits = chart.natural_limits(MONTGOMERY[:20])
    assert limits.centre == pytest.approx(300.5)
    assert limits.mean_range == pytest.approx(7.789473684)
    assert (limits.lower, limits.upper) == pytest.approx((279.783315, 321.216685), abs=1e-5)
    assert limits.range_limit == pytest.approx(25.448211, abs=1e-5)
    values = np.array(MONTGOMERY, float)
    assert (np.flatnonzero((values > limits.upper) | (values < limits.lower)) + 1).tolist() == [39, 40]
    assert (np.flatnonzero(chart.moving_ranges(values) > limits.range_limit) + 1).tolist() == [39]


def test_the_constants_are_those_of_two_normal_values() -> None:
    assert pytest.approx(2 / np.sqrt(np.pi), rel=1e-3) == chart.D2
    assert pytest.approx(1 + 3 * np.sqrt(np.pi / 2 - 1), rel=1e-3) == chart.RANGE_LIMIT


@pytest.mark.parametrize(("n", "longest", "crossings"), [(20, 7, 6), (24, 8, 8), (28, 8, 9), (40, 8, 14)])
def test_limits_of_runs_as_published(n: int, longest: int, crossings: int) -> None:
    found = chart.runs(np.arange(n) % 2)
    assert (found.useful, found.longest_limit, found.crossings_limit) == (n, longest, crossings)
    assert (found.longest, found.crossings) == (1, n - 1)


def test_runs_are_counted_about_the_median_and_pass_over_what_lies_on_it() -> None:
    found = chart.runs([1, 1, 5, np.nan, 3, 9, 9, 1, 9, 1.0])  # the median is 3
    assert found.lengths.tolist() == [2, 2, 3, 0, 0, 3, 3, 1, 1, 1]
    assert (found.useful, found.longest, found.crossings) == (8, 3, 4)


def test_a_shift_is_a_long_run_with_few_crossings_and_noise_is_neither() -> None:
    steps = np.repeat([0.0, 1.0], 15) + np.tile([0.1, 0.2, 0.3], 10)
    found = chart.runs([steps, np.tile([0, 1, 1, 0, 1, 0.0], 5)])
    assert found.is_rarely_crossed.tolist() == [True, False]
    assert found.is_long.sum(axis=1).tolist() == [30, 0]


def test_gaps_are_passed_over() -> None:
    assert chart.moving_ranges([np.nan, 3, np.nan, 5, 4]).tolist()[3:] == [2, 1]
    whole, gaps = chart.natural_limits([3, 5, 4.0]), chart.natural_limits([np.nan, 3, np.nan, 5, 4])
    assert [float(v) for v in whole] == [float(v) for v in gaps]
    assert chart.first_known([np.nan, 1, np.nan, 2, 3], 2).tolist() == [False, True, False, True, False]


def test_what_cannot_be_known_is_not_a_number_and_no_error() -> None:
    nothing = chart.natural_limits([[np.nan, np.nan], [1, np.nan], [2, 2]])
    assert np.isnan(nothing.lower).tolist() == [True, True, True]
    assert nothing.centre.tolist()[1:] == [1, 2]
    assert chart.runs([[np.nan, np.nan], [2, 2]]).longest.tolist() == [0, 0]
    assert np.isnan(chart.autocorrelation([[2, 2], [np.nan, 1]])).all()
    assert chart.runs(np.empty((0, 4))).useful.shape == (0,)


def test_autocorrelation_of_a_slope_and_of_a_saw() -> None:
    slope, saw = chart.autocorrelation([np.arange(40.0), np.arange(40) % 2])
    assert slope > 0.9
    assert saw < -0.9
    assert chart.autocorrelation([1, 2, 4, 3.0]) == pytest.approx((-1.5 * -0.5 + -0.5 * 1.5 + 1.5 * 0.5) / 5)


@given(SERIES, st.floats(1.5, 20))
def test_limits_widen_with_noise_and_move_with_the_level(values: np.ndarray, factor: float) -> None:
    limits = chart.natural_limits(values)
    noisier = chart.natural_limits(values.mean() + factor * (values - values.mean()))
    moved = chart.natural_limits(values + 5)
    if np.isnan(limits.lower):
        assert np.ptp(values) == pytest.approx(0, abs=1e-6) or np.ptp(values) < 1e-6 * abs(values).max()
    else:
        assert limits.lower < limits.centre < limits.upper
        assert noisier.upper - noisier.lower == pytest.approx(factor * (limits.upper - limits.lower))
        assert moved.upper - moved.lower == pytest.approx(limits.upper - limits.lower, rel=1e-6)


@given(st.lists(SERIES, min_size=1, max_size=5))
def test_many_series_at_once_are_each_by_itself(many: list[np.ndarray]) -> None:
    table = np.full((len(many), 40), np.nan)
    for row, values in zip(table, many, strict=True):
        row[: len(values)] = values
    limits, found, auto = chart.natural_limits(table), chart.runs(table), chart.autocorrelation(table)
    for i, values in enumerate(many):
        alone = chart.natural_limits(values)
        assert np.allclose([v[i] for v in limits], [float(v) for v in alone], equal_nan=True)
        by_itself = chart.runs(values)
        assert found.lengths[i, : len(values)].tolist() == by_itself.lengths.tolist()
        assert (found.crossings[i], found.longest_limit[i]) == (by_itself.crossings, by_itself.longest_limit)
        assert np.allclose(auto[i], chart.autocorrelation(values), equal_nan=True)


@given(SERIES)
def test_runs_do_not_care_for_scale_or_direction(values: np.ndarray) -> None:
    first, turned = chart.runs(values), chart.runs(7 - 3 * values)
    assert first.lengths.tolist() == turned.lengths.tolist()
    assert first.crossings == turned.crossings
    assert first.longest <= first.useful


@pytest.mark.parametrize(("baseline", "alarms"), [(6, 0.26), (8, 0.21), (12, 0.16), (24, 0.09)])
def test_more_baseline_points_raise_fewer_false_alarms(baseline: int, alarms: float) -> None:
    """12 new points, no change: why no fewer than 12 points set limits. The exact chance given each pair of limits."""
    values = np.random.default_rng(5).standard_normal((20_000, baseline))
    limits = chart.natural_limits(values)
    inside = norm.cdf(limits.upper) - norm.cdf(limits.lower)
    assert np.mean(1 - inside**12) == pytest.approx(alarms, abs=0.015)


def test_reference_cases(cases: Path) -> None:
    case = json.loads((cases / "stats" / "given" / "T01g_xmr_montgomery.json").read_text())
    assert case["data"] == MONTGOMERY
    limits = chart.natural_limits(case["data"][: case["params"]["baseline"]])
    got = {
        "cl": limits.centre,
        "mrbar": limits.mean_range,
        "lcl": limits.lower,
        "ucl": limits.upper,
        "mr_ucl": limits.range_limit,
    }
    for name, value in got.items():
        assert float(value) == pytest.approx(case["expected"][name]["value"], abs=case["expected"][name]["atol"]), name
    case = json.loads((cases / "stats" / "given" / "T02g_runs_limits.json").read_text())
    for n in case["data"]:
        found = chart.runs(np.arange(n) % 2)
        assert [found.longest_limit, found.crossings_limit] == case["expected"][f"n{n}"]["value"]


def test_where_most_points_are_the_lowest_there_is_runs_say_nothing() -> None:
    """Thirteen zeros and eleven ones: the median is 0 and nothing lies below it; a change of level must show otherwise."""
    values = [0.0] * 7 + [1.0, 0, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0, 1, 1, 1, 0, 1][:17]
    found = chart.runs(values)
    assert int(found.useful) == int(found.longest) == int(found.crossings_limit) == 0
    assert not found.is_long.any()
    assert not found.is_rarely_crossed
