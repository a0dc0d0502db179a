"""Short forecasts: each way by hand, what is chosen, and whether intervals hold what came."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from idp_analytics.estimates.forecasts import FEWEST, METHODS, _trials, forecast

NAIVE, SEASONAL, THETA = range(3)


def test_each_way_by_hand():
    told = _trials(np.array([[10.0, 12.0, 11.0, 13.0, 12.0, 14.0]]), ahead=2, season=4)
    assert told[NAIVE, 0, 5].tolist() == [14.0, 14.0]
    assert told[SEASONAL, 0, 5].tolist() == [11.0, 13.0]
    assert np.isnan(told[:, 0, :4]).all()  # five steps are known before the first trial
    # Slope of the straight line through the six: 0.6286; smoothed with the weight that missed least so far.
    y, slope = [10.0, 12.0, 11.0, 13.0, 12.0, 14.0], np.polyfit(range(6), [10, 12, 11, 13, 12, 14], 1)[0]
    best = None
    for alpha in np.linspace(0.1, 0.9, 9):
        level, missed = y[0], 0.0
        for value in y[1:]:
            missed += (value - level) ** 2
            level += alpha * (value - level)
        if best is None or missed < best[0]:
            best = missed, alpha, level
    _, alpha, level = best
    drift = slope / 2 * (1 / alpha - (1 - alpha) ** 6 / alpha - 1)
    assert told[THETA, 0, 5] == pytest.approx([level + drift + slope / 2, level + drift + slope])


def test_a_constant_goes_on_without_doubt():
    found = forecast(np.full((1, 12), 7.0))
    assert found.value[0].tolist() == found.low[0].tolist() == found.high[0].tolist() == [7.0] * 3
    assert METHODS[found.method[0]] == "naive"  # nothing can be nearer
    assert (found.tests[0], found.hits[0]) == (9, 9)


def test_theta_is_chosen_only_where_it_was_nearer():
    rng = np.random.default_rng(3)
    noise, walk = 100 + 5 * rng.normal(size=(300, 24)), 100 + np.cumsum(5 * rng.normal(size=(300, 24)), axis=1)
    line = 100 + 10 * np.arange(24) + rng.normal(size=(50, 24))
    assert (forecast(noise).method == THETA).mean() > 0.7
    assert (forecast(walk).method == THETA).mean() < 0.4
    assert (forecast(line).method == THETA).all()
    found = forecast(np.concatenate([noise, walk]))
    nearer = found.method == THETA
    assert (found.error[nearer] < found.baseline_error[nearer]).all()
    assert (found.error[~nearer] == found.baseline_error[~nearer]).all()
    seasons = 100 + 30 * np.sin(np.arange(36) / 6 * np.pi) + np.random.default_rng(4).normal(size=(20, 36))
    assert (forecast(seasons).method == SEASONAL).all()


def test_the_interval_by_hand():
    """Naive on a step function: trials one step ahead miss by 0 or 1."""
    y = [1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0]
    found = forecast([y], ahead=1, season=99)
    assert found.trials[0] == 4
    if METHODS[found.method[0]] == "naive":
        half = student.ppf(0.975, 4) * 1.0 * np.sqrt(1 + 1 / 4)
        assert found.high[0, 0] - found.value[0, 0] == pytest.approx(half)


@pytest.mark.parametrize("known", range(FEWEST + 1))
def test_too_short_a_series_says_nothing(known):
    y = np.full((1, 12), np.nan)
    y[0, 12 - known :] = np.arange(known) + 1.0
    found = forecast(y)
    assert found.n[0] == known
    assert np.isfinite(found.value[0]).all() == (known >= FEWEST)
    assert (found.method[0] >= 0) == (known >= FEWEST)


def test_nothing_at_all():
    assert forecast(np.empty((0, 5))).value.shape == (0, 3)
    assert np.isnan(forecast(np.empty((2, 0))).value).all()


def test_intervals_hold_what_came_about_as_often_as_they_say():
    rng = np.random.default_rng(5)
    for made in (100 + 5 * rng.normal(size=(400, 17)), 100 + np.cumsum(5 * rng.normal(size=(400, 17)), axis=1)):
        found = forecast(made[:, :-3])
        came = made[:, -3:]
        assert 0.9 < ((found.low <= came) & (came <= found.high)).mean() < 0.99
        assert 0.9 < found.hits.sum() / found.tests.sum() < 0.99


@settings(max_examples=15)
@given(
    st.lists(st.integers(-1000, 1000), min_size=8, max_size=16),
    st.sampled_from([0.5, 2.0, 8.0]),
    st.integers(-1000, 1000),
)
def test_another_unit_or_origin_changes_nothing_else(values, times, more):
    y = np.array([values], float)
    one, other = forecast(y), forecast(y * times + more)
    if one.method[0] == other.method[0]:  # a tie may be broken by the last digit
        assert other.value == pytest.approx(one.value * times + more, rel=1e-6, abs=1e-3 * times)
        width = (one.high - one.low) * times
        assert other.high - other.low == pytest.approx(width, rel=1e-6, abs=1e-3 * times, nan_ok=True)


@settings(max_examples=15)
@given(st.lists(st.floats(0, 100), min_size=9, max_size=16))
def test_one_series_does_not_depend_on_the_others(values):
    alone = forecast([values])
    together = forecast([values[::-1], values])
    assert np.array_equal(alone.value[0], together.value[1], equal_nan=True)
    assert np.array_equal(alone.low[0], together.low[1], equal_nan=True)
