"""Published numbers, exact coverage, and laws of the interval for a rate."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson
from statsmodels.stats.rates import confint_poisson

from idp_analytics.estimates import rates

COUNT, EXPOSURE = st.integers(0, 500), st.floats(0.1, 1e4)


def test_exact_poisson_published() -> None:
    """R ?poisson.test: 137 events in 24.19893; and the upper 97.5 % bound of nothing seen, 3.689 (Garwood 1936)."""
    assert np.allclose(rates.exact_poisson(137, 24.19893), (4.753125, 6.692709), atol=1e-6)
    assert np.allclose(rates.exact_poisson(0, 1), (0, 3.688879), atol=1e-6)


@given(COUNT, EXPOSURE, st.sampled_from([0.8, 0.95, 0.998]))
def test_agrees_with_statsmodels(count: int, exposure: float, level: float) -> None:
    other = confint_poisson(count, exposure, method="exact-c", alpha=1 - level)
    assert np.allclose(rates.exact_poisson(count, exposure, level), other, rtol=1e-9)


@given(COUNT, EXPOSURE)
def test_the_interval_holds_the_rate_and_wider_levels_hold_narrower_ones(count: int, exposure: float) -> None:
    low, high = rates.exact_poisson(count, exposure)
    wide_low, wide_high = rates.exact_poisson(count, exposure, 0.99)
    assert 0 <= wide_low <= low <= count / exposure < high < wide_high


@given(COUNT, EXPOSURE, st.integers(2, 50))
def test_more_of_the_same_says_more(count: int, exposure: float, times: int) -> None:
    low, high = rates.exact_poisson([count, count * times], [exposure, exposure * times])
    assert high[1] - low[1] < high[0] - low[0]


def test_what_is_no_rate_is_not_a_number_and_not_an_error() -> None:
    low, high = rates.exact_poisson([0, 3, -1, np.nan, 3, 0], [0, -1, 5, 2, np.nan, 2])
    assert np.isnan(low).tolist() == np.isnan(high).tolist() == [True] * 5 + [False]
    assert low[-1] == 0


def test_covers_at_least_as_often_as_said_whatever_the_rate() -> None:
    count, mean = np.arange(200), np.linspace(0.05, 60, 300)[:, None]
    low, high = rates.exact_poisson(count, 1)
    covered = (poisson.pmf(count, mean) * ((low <= mean) & (mean <= high))).sum(axis=1)
    assert covered.min() >= 0.95


def test_reference_cases(cases: Path) -> None:
    given_ = cases / "stats" / "given"
    rate = json.loads((given_ / "T16g_poisson_rate.json").read_text())
    ends = rates.exact_poisson(*rate["data"])
    assert np.allclose(ends, [rate["expected"][e]["value"] for e in ("lo", "hi")], atol=1e-6)
    funnel = json.loads((given_ / "T15g_funnel_limits.json").read_text())
    for name, level in {"95": 0.95, "998": 0.998}.items():
        ends = rates.exact_poisson(funnel["data"], funnel["data"], level)
        assert np.allclose(ends, [funnel["expected"][f"{e}{name}"]["value"] for e in ("ll", "ul")], atol=1e-6)


def test_weights_that_are_equal_are_a_count() -> None:
    counts, exposure = np.array([0, 1, 4, 20]), np.array([10.0, 3.0, 5.0, 2.0])
    low, high = rates.exact_poisson(counts, exposure)
    got = rates.weighted_poisson(counts * 2.5, counts * 2.5**2, 2.5, 2.5**2, exposure)
    assert np.allclose(got, (low * 2.5, high * 2.5))


def test_without_exposure_there_is_no_weighted_interval() -> None:
    low, high = rates.weighted_poisson([3.0], [3.0], [1.0], [1.0], [0.0])
    assert np.isnan(low).all()
    assert np.isnan(high).all()


def test_the_weighted_interval_holds_the_true_sum_at_least_as_often_as_it_says() -> None:
    """Poisson numbers of exponential weights; the weight of one more is told by the mean and mean square of all."""
    rng = np.random.default_rng(5)
    runs, mean = 4000, 6.0
    number = rng.poisson(mean, runs)
    weights = np.where(np.arange(30) < number[:, None], rng.exponential(2.0, (runs, 30)), 0.0)
    largest = np.maximum(weights.max(axis=1), 2.0)
    low, high = rates.weighted_poisson(
        weights.sum(axis=1), (weights**2).sum(axis=1), largest, np.maximum(largest**2, 8.0), 1.0
    )
    covered = ((low <= 2.0 * mean) & (2.0 * mean <= high)).mean()
    assert 0.95 - 1.96 * np.sqrt(0.95 * 0.05 / runs) <= covered <= 0.995
