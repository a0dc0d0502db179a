"""Exact limits hold what they say; published limits; dispersion."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, poisson

from idp_analytics.estimates import funnel, rates

LEVELS = st.sampled_from([0.8, 0.95, 0.998])


@given(st.integers(1, 400), st.floats(0.001, 0.999), LEVELS)
def test_a_share_lies_within_as_often_as_said_and_each_tail_is_small(n: int, centre: float, level: float) -> None:
    low, high = funnel.share_limits(centre, n, level)
    k = np.arange(n + 1)
    chance = binom.pmf(k, n, centre)
    below, above = chance[k / n < low - 1e-12].sum(), chance[k / n > high + 1e-12].sum()
    assert below <= (1 - level) / 2 + 1e-12
    assert above <= (1 - level) / 2 + 1e-12
    assert 0 <= low <= high <= 1


@given(st.floats(0.01, 20), st.floats(0.5, 90), LEVELS)
def test_a_rate_lies_within_as_often_as_said(centre: float, exposure: float, level: float) -> None:
    low, high = funnel.rate_limits(centre, exposure, level)
    mean = centre * exposure
    below, above = (
        poisson.cdf(np.ceil(low * exposure - 1e-9) - 1, mean),
        poisson.sf(np.floor(high * exposure + 1e-9), mean),
    )
    assert below <= (1 - level) / 2 + 1e-9
    assert above <= (1 - level) / 2 + 1e-9


def test_limits_by_hand() -> None:
    """Four trials at one half: 1, 4, 6, 4, 1 of 16. At 80 % each tail may hold 10 %: 0 and 4 are outside, 1 and 3 in."""
    assert [float(v) for v in funnel.share_limits(0.5, 4, 0.8)] == [0.25, 0.75]
    assert [float(v) for v in funnel.share_limits(0.5, 4, 0.95)] == [0, 1]
    assert np.isnan(funnel.share_limits(0.5, 0, 0.95)).all()
    assert np.isnan(funnel.rate_limits(0.5, 0, 0.95)).all()


def test_more_observations_and_less_dispersion_narrow_the_funnel() -> None:
    n = np.array([10, 100, 1000, 10_000])
    low, high = funnel.share_limits(0.2, n, 0.95)
    assert (np.diff(high - low) < 0).all()
    wide_low, wide_high = funnel.share_limits(0.2, n, 0.95, 4)
    assert (wide_low <= low).all()
    assert np.allclose(wide_high - 0.2, np.minimum(2 * (high - 0.2), 0.8))
    assert np.allclose(funnel.share_limits(0.2, n, 0.95, 0.3), (low, high))
    low, high = funnel.normal_limits(1.0, 0.5, 0.95, 4)
    assert (low, high) == pytest.approx((1 - 1.959964, 1 + 1.959964), abs=1e-5)


def test_dispersion_of_chance_is_one_and_outliers_do_not_make_it() -> None:
    z = np.random.default_rng(4).standard_normal(500)
    assert funnel.dispersion(z) == pytest.approx(1, abs=0.12)
    assert funnel.dispersion([*z, 40, -50]) == pytest.approx(funnel.dispersion(z), abs=0.02)
    assert funnel.dispersion(3 * z) == pytest.approx(9, abs=1)
    assert funnel.dispersion(z / 3) == 1
    assert funnel.dispersion([np.nan]) == 1
    assert funnel.dispersion([-3, 3, np.nan, 3, -3]) == pytest.approx(9 / 0.67865, rel=1e-4)


def test_the_variance_between_comes_back() -> None:
    """Units that differ by a tenth beside errors of a tenth: half of what is seen is between them."""
    random = np.random.default_rng(11)
    errors = random.uniform(0.05, 0.15, 4_000)
    values = random.normal(0, np.hypot(errors, 0.1))
    found = funnel.variance_between(funnel.dispersion(values / errors), errors)
    assert found == pytest.approx(0.01, abs=0.001)
    assert funnel.variance_between(1.0, errors) == 0


def test_published_limits_are_garwoods_and_ours_never_call_nothing_unusual_where_chance_does_it_often(
    cases: Path,
) -> None:
    case = json.loads((cases / "stats" / "given" / "T15g_funnel_limits.json").read_text())
    expectation = np.array(case["data"], float)
    for level, name in ((0.95, "95"), (0.998, "998")):
        low, high = rates.exact_poisson(expectation, expectation, level)
        assert np.allclose(low, case["expected"][f"ll{name}"]["value"], atol=1e-6)
        assert np.allclose(high, case["expected"][f"ul{name}"]["value"], atol=1e-6)
    assert rates.exact_poisson(2, 2)[0] > 0
    assert funnel.rate_limits(1, 2, 0.95)[0] == 0


def test_a_rate_and_its_interval_as_r_gives_them(cases: Path) -> None:
    case = json.loads((cases / "stats" / "given" / "T16g_poisson_rate.json").read_text())
    count, exposure = case["data"]
    low, high = rates.exact_poisson(count, exposure)
    assert count / exposure == pytest.approx(case["expected"]["rate"]["value"], abs=1e-9)
    assert (low, high) == pytest.approx((case["expected"]["lo"]["value"], case["expected"]["hi"]["value"]), abs=1e-6)
