"""Single series before and after, power, mixtures of others, what parallel trends bear, and regression to the mean."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.estimates import interrupted, parallel_trends, power, regression_to_mean
from idp_analytics.estimates.synthetic_control import mixture, synthetic_control


def test_published_smoking_ban(cases):
    """C02g: admissions with acute coronary events before and after a ban on smoking."""
    folder = cases / "stats" / "given"
    expected = json.loads((folder / "C02g_its_poisson.json").read_text())["expected"]
    frame = pl.read_csv(folder / "C02g_its_poisson.csv")
    began = frame["smokban"].to_list().index(1)
    plain, quasi = (interrupted.counts(frame["aces"], frame["stdpop"], began, False, None, q) for q in (False, True))
    got = {
        "rr": plain.effect, "lo": plain.low, "hi": plain.high, "dispersion": quasi.dispersion, "quasi_lo": quasi.low, "quasi_hi": quasi.high,
    }  # fmt: skip
    assert got.keys() == expected.keys()
    for name, told in expected.items():
        assert got[name] == pytest.approx(told["value"], abs=told["atol"]), name


def test_published_power(cases):
    """C04g: Cohen's 64 in each group for half a standard deviation, and what 12 in each can see."""
    expected = json.loads((cases / "stats" / "given" / "C04g_power_t.json").read_text())["expected"]
    got = {"n_d05_p80": power.units_needed(0.5), "mde_n12": power.two_groups(12, 12)}
    for name, told in expected.items():
        assert got[name] == pytest.approx(told["value"], abs=told["atol"]), name


def test_a_step_and_a_slope_without_noise():
    """5 + t, from place 12 on 4 more and 0.5 a period more: the mean over the 12 periods after is 4 + 0.5 × 5.5 = 6.75."""
    t = np.arange(24)
    y = 5 + t + np.where(t >= 12, 4 + 0.5 * (t - 12), 0.0)
    y = y + 1e-6 * np.random.default_rng(0).normal(size=24)
    found = interrupted.means(y, 12)
    assert (found.effect, found.slope) == pytest.approx((6.75, 0.5), abs=1e-4)
    assert interrupted.means(np.where(t == 3, np.nan, y), 12).n == 23
    with pytest.raises(ValueError, match="do not tell 4 numbers apart"):
        interrupted.means([1.0, 2.0, 3.0], 2)


def test_what_does_not_vary_tells_nothing_of_its_step():
    for flat in (interrupted.means(np.zeros(30), 15), interrupted.means(2 + 0.5 * np.arange(30), 15)):
        assert np.isnan([flat.low, flat.high, flat.p]).all()


def test_a_season_is_no_step():
    """Counts with a yearly season and nothing else: with 24 months before and 12 after, the season is not taken for a step."""
    month = np.arange(36) % 12 + 1
    mean = 100 * np.exp(0.4 * np.cos(2 * np.pi * month / 12))
    count = np.random.default_rng(0).poisson(mean)
    found = interrupted.counts(count, np.ones(36), 24, True, month)
    assert found.low <= 1 <= found.high
    assert found.dispersion < 2 < interrupted.counts(count, np.ones(36), 24, True).dispersion


def test_counts_that_resemble_their_neighbours_are_less_sure():
    """Rates wander (lag-1 autocorrelation 0.5), nothing steps: plain errors find a step in 24 of 100; where neighbours may resemble each other, at most in five."""
    found = {False: 0, True: 0}
    for seed in range(80):
        rng = np.random.default_rng(seed)
        wander = np.zeros(52)
        for week in range(1, 52):
            wander[week] = 0.5 * wander[week - 1] + rng.normal(0, 0.4)
        count = rng.poisson(20 * np.exp(wander))
        for is_alike in found:
            one = interrupted.counts(count, np.ones(52), 26, is_alike=is_alike)
            found[is_alike] += one.low > 1 or one.high < 1
    assert found[False] > 0.12 * 80
    assert found[True] <= 0.05 * 80
    plain, steady = (interrupted.counts([9, 11] * 12, np.ones(24), 12, is_alike=is_alike) for is_alike in (False, True))
    assert steady.error > plain.error, "what alternates is no surer"


def test_bunched_counts_are_not_surer_than_poisson():
    calm = interrupted.counts(np.full(24, 10), np.ones(24), 12)
    assert calm.dispersion < 1e-9
    assert calm.low < 1 < calm.high


def test_detectable_by_hand():
    assert power.from_error(1.0) == pytest.approx(1.959964 + 0.841621, abs=1e-5)
    assert power.from_error(2.0, 10) == pytest.approx(2 * (2.228139 + 0.879058), abs=1e-5)
    assert np.isnan(power.from_error(np.nan))
    # Of two independent groups the exact value is near the one from the error.
    assert power.two_groups(30, 30, 2.0) == pytest.approx(power.from_error(2 * np.sqrt(2 / 30), 58), rel=0.01)
    assert np.isnan(power.two_groups(1, 30))
    with pytest.raises(ValueError, match="difference of 0"):
        power.units_needed(0.0)


def test_what_resembles_says_less():
    """Of as many weeks, those that follow each other slowly leave more room for a step that is to come."""
    rng = np.random.default_rng(3)
    chance = rng.normal(0, 1, 60)
    slow = np.zeros(60)
    for at in range(1, 60):
        slow[at] = 0.8 * slow[at - 1] + chance[at]
    calm, wandering = (interrupted.foreseen(one / one.std(), 20) for one in (chance, slow))
    assert calm[0] < 0.7 * wandering[0]
    assert calm[1] == 60 + 20 - 4
    assert interrupted.foreseen(chance, 8, has_trend=False, has_slope=False)[1] == 60 + 8 - 2
    with pytest.raises(ValueError, match="do not tell 2 numbers apart"):
        interrupted.foreseen([1.0, np.nan, 2.0], 8)


def test_detectable_is_found_four_times_in_five():
    rng = np.random.default_rng(11)
    size = power.two_groups(10, 10)
    a, b = rng.normal(size, 1, (4000, 10)), rng.normal(0, 1, (4000, 10))
    from scipy.stats import ttest_ind

    assert np.mean(ttest_ind(a, b, axis=1).pvalue < 0.05) == pytest.approx(0.8, abs=0.02)


@given(st.lists(st.floats(0, 1), min_size=3, max_size=5), st.integers(0, 999))
def test_a_mixture_of_others_is_found_again(parts, seed):
    share = (np.array(parts) + 0.01) / (np.array(parts) + 0.01).sum()
    donors = np.random.default_rng(seed).normal(0, 1, (len(share), 16)).cumsum(axis=1)
    found = mixture(share @ donors, donors)
    assert found == pytest.approx(share, abs=1e-5)
    assert found.sum() == pytest.approx(1.0)


def test_synthetic_control_and_its_placebos():
    donors = np.random.default_rng(4).normal(0, 1, (12, 24)).cumsum(axis=1)
    noise = 0.05 * np.random.default_rng(5).normal(size=24)
    unit = donors[:3].mean(axis=0) + noise + np.where(np.arange(24) >= 16, 5.0, 0.0)
    found = synthetic_control(unit, donors, 16)
    assert found.effect == pytest.approx(5.0, abs=0.2)
    assert found.p == pytest.approx(1 / 13), "the least there is with twelve donors"
    assert abs(found.in_time) < 0.5
    assert (found.weights >= 0).all()
    assert np.isnan(found.interval()).all(), "twelve donors leave no bound at 95 %"
    largest = np.sort(np.abs(found.placebos))[-1]
    assert found.interval(0.9) == pytest.approx((found.effect - largest, found.effect + largest))
    nothing = synthetic_control(donors[3] * 0 + np.random.default_rng(6).normal(size=24), donors, 16)
    assert nothing.p > 0.1
    for wrong in ({"unit": unit, "donors": donors[:1], "began": 16}, {"unit": unit, "donors": donors, "began": 24}):
        with pytest.raises(ValueError, match="donor"):
            synthetic_control(**wrong)
    with pytest.raises(ValueError, match="not known"):
        synthetic_control(np.where(np.arange(24) == 2, np.nan, unit), donors, 16)


def test_how_much_of_the_contrary_it_stands_by_hand():
    """Before: 0, 1, −1 → the largest step is 2. Two periods after are off by at most 2 M and 4 M, on average 3 M... of 1.5 steps."""
    events, effects = [-3, -2, -1, 0, 1], [0.0, 1.0, -1.0, 5.0, 6.0]
    step = parallel_trends.largest_step_before(events, effects)
    assert step == 2.0
    assert parallel_trends.robust_to(3.0, 9.0, step, [0, 1]) == pytest.approx(3.0 / (2.0 * 1.5))
    assert parallel_trends.robust_to(-9.0, -3.0, step, [0, 1]) == pytest.approx(1.0)
    assert parallel_trends.robust_to(-1.0, 9.0, step, [0, 1]) == 0.0
    assert parallel_trends.robust_to(3.0, 9.0, 0.0, [0]) == np.inf
    assert np.isnan(parallel_trends.largest_step_before([-1, 0], [1.0, 2.0]))
    assert parallel_trends.largest_step_before([-4, -2, -1], [0.0, 9.0, 10.0]) == 1.0, "a gap is no step"
    assert np.isnan(parallel_trends.robust_to(np.nan, 1.0, 1.0, [0]))


@pytest.mark.parametrize("window", [slice(None), slice(4, 5)], ids=["by all before", "by the last alone"])
def test_the_worst_come_back_by_as_much_as_expected(window):
    """Levels with spread 1, periods with spread 2, five before: ten of forty chosen for being worst. Nothing is done to them."""
    told = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        y = rng.normal(0, 1, (40, 1)) + rng.normal(0, 2, (40, 10))
        before, after = y[:, :5], y[:, 5:].mean(axis=1)
        score = before[:, window].mean(axis=1)
        chosen = score > np.sort(score)[-11]
        found = regression_to_mean.expected_change(before, np.ones_like(before), chosen, np.ones(40))
        change = after - before.mean(axis=1)
        told.append((found.expected, change[chosen].mean() - change[~chosen].mean(), found.reliability))
    expected, seen, trust = np.mean(told, axis=0)
    spread = np.std([a - b for a, b, _ in told]) / np.sqrt(300)
    assert expected == pytest.approx(seen, abs=3 * spread)
    assert seen < -0.4
    assert trust == pytest.approx(1 / (1 + 4 / 5), abs=0.03)


def test_nothing_comes_back_where_nothing_varies_or_nobody_is_left():
    steady = np.repeat(np.arange(6.0)[:, None], 4, axis=1)
    chosen = np.arange(6) > 3
    assert regression_to_mean.expected_change(
        steady, np.ones_like(steady), chosen, np.ones(6)
    ).expected == pytest.approx(0)
    for who in (chosen & False, chosen | True):
        assert np.isnan(regression_to_mean.expected_change(steady, np.ones_like(steady), who, np.ones(6)).expected)
