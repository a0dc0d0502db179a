"""p, u, p′ and u′ charts: published limits, and that they are what they claim."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, poisson

from idp_analytics.estimates import laney
from idp_analytics.estimates.process_behaviour import natural_limits

COUNTS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 60)).map(lambda t: (min(t), max(t))), min_size=3, max_size=30
)


def test_p_chart_by_hand() -> None:
    """20 of 200 altogether: 0.1; three standard errors at n = 100 are 0.09, at n = 25 0.18."""
    centre, _ = laney.share_baseline([5, 10, 5], [50, 100, 50])
    assert centre == pytest.approx(0.1)
    low, high = laney.share_limits(centre, 1, [100, 25, 0])
    assert low[:2].tolist() == pytest.approx([0.01, 0])
    assert high[:2].tolist() == pytest.approx([0.19, 0.28])
    assert np.isnan([low[2], high[2]]).all()


def test_u_chart_by_hand() -> None:
    centre, _ = laney.rate_baseline([2, 6, 8], [1, 1, 2])
    assert centre == pytest.approx(4)
    low, high = laney.rate_limits(centre, 1, [1, 9])
    assert low.tolist() == pytest.approx([0, 2])
    assert high.tolist() == pytest.approx([10, 6])


def test_dispersion_is_one_where_chance_is_all_and_more_where_there_is_more() -> None:
    random = np.random.default_rng(2)
    n = random.integers(20, 80, (200, 60))
    chance = random.binomial(n, 0.2)
    more = random.binomial(n, random.beta(8, 32, n.shape))
    assert laney.share_baseline(chance, n)[1].mean() == pytest.approx(1, abs=0.03)
    assert laney.share_baseline(more, n)[1].mean() > 1.3


@given(st.lists(st.integers(0, 50), min_size=3, max_size=30).filter(lambda k: len(set(k)) > 1), st.floats(0.5, 30))
def test_with_equal_exposure_u_limits_are_those_of_individual_values(counts: list[int], exposure: float) -> None:
    rates = np.array(counts) / exposure
    centre, dispersion = laney.rate_baseline(counts, np.full(len(counts), exposure))
    low, high = laney.rate_limits(centre, dispersion, exposure)
    limits = natural_limits(rates)
    assert centre == pytest.approx(limits.centre)
    assert high == pytest.approx(limits.upper)
    assert low == pytest.approx(max(0, limits.lower), abs=1e-9)


@given(COUNTS)
def test_limits_of_shares_are_shares_around_the_centre_and_narrow_with_n(counts: list[tuple[int, int]]) -> None:
    k, n = map(np.array, zip(*counts, strict=True))
    centre, dispersion = laney.share_baseline(k, n)
    if not 0 < centre < 1:
        assert np.isnan(dispersion)
        return
    low, high = laney.share_limits(centre, dispersion, [4, 40, 400])
    assert ((low >= 0) & (low <= centre) & (centre <= high) & (high <= 1)).all()
    assert (np.diff(high - low) <= 1e-12).all()


@given(st.integers(1, 60), st.floats(0.02, 0.98))
def test_with_chance_no_limit_is_narrower_than_exact_chance(n: int, centre: float) -> None:
    low, high = laney.with_chance(*laney.share_limits(centre, [0.2], [n]), centre, np.array([n]))
    outside = binom.cdf(np.ceil(low[0] * n - 1e-9) - 1, n, centre) + binom.sf(np.floor(high[0] * n + 1e-9), n, centre)
    assert outside <= 2 * laney.TAIL + 1e-12
    assert low[0] <= centre <= high[0]


def test_a_share_without_trials_has_no_limits() -> None:
    low, high = laney.with_chance(*laney.share_limits(0.2, 1, [0, np.nan, 5]), 0.2, np.array([0, np.nan, 5]))
    assert np.isnan(low).tolist() == np.isnan(high).tolist() == [True, True, False]
    assert np.isnan(laney.share_baseline([np.nan], [np.nan])[0])


def test_reference_cases(cases: Path) -> None:
    folder = cases / "stats" / "given"

    def case(name: str) -> tuple[dict, pl.DataFrame]:
        return json.loads((folder / f"{name}.json").read_text())["expected"], pl.read_csv(folder / f"{name}.csv")

    def same(got: dict, expected: dict) -> None:
        for name, value in got.items():
            assert float(value) == pytest.approx(expected[name]["value"], abs=expected[name]["atol"]), name

    expected, data = case("T03g_pchart")
    k, n = data["count"].to_numpy(), data["n"].to_numpy()
    centre, _ = laney.share_baseline(k, n)
    low, high = laney.share_limits(centre, 1, n)
    same({"cl": centre, "lcl_1": low[0], "ucl_1": high[0], "lcl_2": low[1], "ucl_2": high[1]}, expected)
    assert (np.flatnonzero((k / n > high) | (k / n < low)) + 1).tolist() == expected["signals"]["value"]

    expected, data = case("T04g_uchart")
    k, n = data["count"].to_numpy(), data["exposure"].to_numpy() / 50
    centre, _ = laney.rate_baseline(k, n)
    low, high = laney.rate_limits(centre, 1, n)
    same({"cl_per50": centre, "lcl_1": low[0], "ucl_1": high[0], "lcl_2": low[1], "ucl_2": high[1]}, expected)

    expected, data = case("T05g_laney_p")
    k, n = data["r"].to_numpy(), data["n"].to_numpy()
    centre, dispersion = laney.share_baseline(k, n)
    low, high = laney.share_limits(centre, dispersion, n)
    same({"pbar": centre, "sigma_z": dispersion, "lcl_1": low[0], "ucl_1": high[0]}, expected)
    plain_low, plain_high = laney.share_limits(centre, 1, n)
    assert ((k / n > plain_high) | (k / n < plain_low)).sum() == expected["n_out_plain_p"]["value"]
    assert ((k / n > high) | (k / n < low)).sum() == expected["n_out_laney"]["value"]


@given(st.floats(0.2, 40), st.floats(0.1, 20), st.floats(0.01, 3))
def test_limits_of_rates_hold_what_chance_does(centre: float, exposure: float, dispersion: float) -> None:
    """Beyond either limit lie at most as many counts as beyond three standard deviations, however calm the baseline was."""
    low, high = laney.with_poisson_chance(*laney.rate_limits(centre, dispersion, [exposure]), centre, [exposure])
    below, above = np.ceil(low * exposure - 1e-9) - 1, np.floor(high * exposure + 1e-9)
    assert poisson.cdf(below, centre * exposure)[0] <= laney.TAIL
    assert poisson.sf(above, centre * exposure)[0] <= laney.TAIL
    assert low[0] <= centre <= high[0]


def test_a_week_that_expects_two_may_see_seven() -> None:
    """Of a Poisson of 2: P(X > 7) = 0.0011 ≤ 0.00135 < P(X > 6) = 0.0045."""
    low, high = laney.with_poisson_chance(*laney.rate_limits(2.0, 0.1, [1.0]), 2.0, [1.0])
    assert (low.tolist(), high.tolist()) == ([0], [7])
