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
