"""Difference in differences with dates of taking up: by hand, against statsmodels, under chance alone, and with a planted effect."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import t as student

from idp_analytics.estimates.adoption_effects import drift_before, effect

NEVER = 99


def test_two_by_two_by_hand():
    """Taken up in month 1, which is left out: 10 → 4 where it was, 10 → 9 where it was not: 4 − 10 − (9 − 10) = −5."""
    found = effect([[10, 7, 4], [10, 9.5, 9]], np.ones((2, 3)), [1, NEVER])
    assert found.effect == pytest.approx(-5)
    assert (found.ways, found.weight, found.lost) == (2, 1.0, 0.0)
    assert found.p == 1.0  # with two units the dates could as well be the other way round
    assert (found.low, found.high) == (-np.inf, np.inf)


def test_weights_and_months_to_which_nothing_can_be_compared():
    """Both take it up in the end: month 3 has nobody who has not, so it is lost, whatever was seen in it."""
    values = [[10, 0, 4, 1e6], [10, 10, 9, 1e6]]
    found = effect(values, [[1, 1, 2, 1], [1, 1, 1, 1]], [1, 2])
    # Unit 0: month 2 would be compared with unit 1 there, which is its month of taking up and left out: nothing is left.
    assert np.isnan(found.effect)
    found = effect([*values, [10, 10, 10, 10]], np.ones((3, 4)), [1, 2, NEVER])
    assert found.effect == pytest.approx((4 - 10 + 2 * (1e6 - 10)) / 3)
    assert found.lost == 0


def test_units_that_always_had_it_say_nothing():
    alone = effect([[1, 5, 5], [2, 3, 4], [2, 3, 1]], np.ones((3, 3)), [-1, NEVER, 0])
    assert np.isnan(alone.effect)  # neither was ever seen without it
    assert alone.lost == 1.0


def test_no_others_is_not_identified():
    assert np.isnan(effect([[10, 7, 4], [10, 7, 4]], np.ones((2, 3)), [1, 1]).effect)


def test_one_cohort_is_the_regression_with_both_means():
    rng = np.random.default_rng(3)
    units, months, when = 12, 10, 5
    y, w = rng.normal(size=(units, months)), rng.uniform(1, 4, size=(units, months))
    dates = np.where(np.arange(units) < 5, when, NEVER)
    y[:5, when + 1 :] += 2
    w[:5, when] = 0  # the month itself
    unit, month = np.indices(y.shape)
    columns = [*(unit == i for i in range(units)), *(month == t for t in range(1, months)), (month > when) & (unit < 5)]
    fit = sm.WLS(y.ravel(), np.column_stack([c.ravel().astype(float) for c in columns]), weights=w.ravel()).fit()
    # With weights that differ by month the two weigh months after differently; with equal ones they agree.
    even = effect(y, np.where(w > 0, 1.0, 0.0), dates).effect
    fit_even = sm.WLS(
        y.ravel(), np.column_stack([c.ravel().astype(float) for c in columns]), weights=(w > 0).ravel().astype(float)
    ).fit()
    assert even == pytest.approx(fit_even.params[-1])
    assert effect(y, w, dates).effect == pytest.approx(fit.params[-1], abs=0.3)


def test_effects_that_grow_are_not_turned_round():
    """Early takers gain more every month; a regression that compares later takers with them would see less than there is."""
    months, units = 12, 30
    dates = np.array([3] * 10 + [7] * 10 + [NEVER] * 10)
    since = np.maximum(0, np.arange(months) - dates[:, None])
    y = np.random.default_rng(1).normal(scale=1e-6, size=(units, months)) - since
    true = -since[(since > 0)].mean()
    assert effect(y, np.ones_like(y), dates).effect == pytest.approx(true, abs=1e-4)


def test_chance_alone_is_seldom_called_an_effect_and_a_planted_one_is_within_its_interval():
    """40 companies each: dates by chance, so p < 0.05 in 5 %; the planted −0.4 within 95 % intervals (binomial bounds of 99.9 %)."""
    rng = np.random.default_rng(7)
    false, held = 0, 0
    for _ in range(40):
        dates = np.where(rng.random(14) < 0.6, rng.integers(3, 10, 14), NEVER)
        y = rng.poisson(0.8, (14, 12)) + rng.normal(size=(14, 1))
        none = effect(y, np.ones((14, 12)), dates)
        false += none.p < 0.05
        some = effect(
            y - 0.4 * (np.arange(12) > dates[:, None]) - 0.2 * (np.arange(12) == dates[:, None]),
            np.ones((14, 12)),
            dates,
        )
        held += some.low <= -0.4 <= some.high
    assert false <= 8
    assert held >= 32


def test_drift_before_is_seen():
    """Later takers fall by 0.5 more a month before they take it up."""
    rng = np.random.default_rng(2)
    dates = np.array([6] * 8 + [NEVER] * 8)
    y = rng.normal(scale=0.1, size=(16, 12)) + rng.normal(size=12)
    flat = drift_before(y, np.ones_like(y), dates)
    assert flat.low < 0 < flat.high
    fell = drift_before(y - 0.5 * np.arange(12) * (dates < NEVER)[:, None], np.ones_like(y), dates)
    assert fell.slope == pytest.approx(flat.slope - 0.5)
    assert fell.high < 0
    assert np.isnan(drift_before(y[:2], np.ones((2, 12)), [6, 6]).slope)


def test_drift_before_leaves_each_unit_out_as_a_regression_does():
    """The slope beside the means of units and months, of all and without each unit in turn, by weighted least squares."""
    rng = np.random.default_rng(11)
    dates = np.array([4, 5, 5, 6, 7, 7, NEVER, NEVER, NEVER])
    y, w = rng.normal(50, 3, (9, 8)), rng.integers(0, 4, (9, 8)).astype(float)
    w[8] = [2, 0, 0, 0, 0, 0, 0, 0]  # of one month only: it tells nothing, and takes nothing away
    unit, month = np.indices(y.shape)
    toward = np.where(dates[unit] < NEVER, month - dates[unit], 0)

    def slope(but: int) -> float:
        some = (w > 0) & (month < dates[unit]) & (unit != but)
        x = np.column_stack([toward[some], unit[some][:, None] == range(9), month[some][:, None] == range(1, 8)])
        root = np.sqrt(w[some])
        return float(np.linalg.lstsq(x * root[:, None], y[some] * root, rcond=1e-12)[0][0])

    without = np.array([slope(one) for one in range(9)])
    error = np.sqrt(8 / 9 * ((without - without.mean()) ** 2).sum())
    reach = student.isf(0.025, 8) * error
    expected = slope(-1), slope(-1) - reach, slope(-1) + reach
    np.testing.assert_allclose(drift_before(y, w, dates), expected, atol=2e-9)


def test_the_same_numbers_whatever_the_order_of_units():
    rng = np.random.default_rng(5)
    y, dates = rng.normal(size=(10, 8)), np.array([2, 3, 4, 5] + [NEVER] * 6)
    order = rng.permutation(10)
    one, other = effect(y, np.ones_like(y), dates), effect(y[order], np.ones_like(y), dates[order])
    assert one.effect == pytest.approx(other.effect)
    assert effect(y, np.ones_like(y), dates) == one
