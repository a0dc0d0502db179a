"""Retention ahead: the published cohort, a cohort put together of two ages, laws, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import beta as beta_function

from idp_analytics.estimates.beta_geometric import BetaGeometric, beta_geometric

REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]
"""Fader & Hardie 2007: of 1,000 customers those still there after each year, the *Regular* segment."""


def one_cohort(survivors: list[int]) -> BetaGeometric:
    lost = -np.diff(survivors)
    return beta_geometric(lost, [0] * (len(lost) - 1) + [survivors[-1]])


def test_the_published_cohort():
    found = one_cohort(REGULAR)
    assert found.alpha == pytest.approx(0.704, abs=0.0005)
    assert found.beta == pytest.approx(1.182, abs=0.001)
    assert found.loglik == pytest.approx(-1680.27, abs=0.006)
    assert found.survival(12) == pytest.approx(0.17004, abs=0.0001)
    low, high = found.interval(12)
    assert low < 0.17004 < high
    assert found.is_identified


def test_the_case(cases):
    case = json.loads((cases / "stats" / "given" / "A03g_sbg_regular.json").read_text())
    found, told = one_cohort(case["data"]), case["expected"]
    for value, name in (
        (found.alpha, "alpha"),
        (found.beta, "beta"),
        (found.loglik, "loglik"),
        (float(found.survival(12)), "S12"),
    ):
        assert value == pytest.approx(told[name]["value"], abs=told[name]["atol"])


def test_the_chance_of_one_look_by_hand():
    """S(1) = B(α, β + 1) / B(α, β) = β / (α + β); S(2) = that · (β + 1) / (α + β + 1)."""
    model = BetaGeometric(1.0, 3.0, 0.0, np.eye(2), "")
    assert model.survival([1, 2]) == pytest.approx([3 / 4, 3 / 4 * 4 / 5])
    assert model.survival(5) == pytest.approx(beta_function(1, 8) / beta_function(1, 3))


def test_cohorts_of_two_ages_are_put_together():
    """400 followed for six looks and 400 for three, all of one model: the younger add what their three looks tell."""
    share = BetaGeometric(0.8, 2.4, 0.0, np.eye(2), "").survival(np.arange(7))
    lost, followed = 400 * -np.diff(share), np.zeros(6)
    lost[:3] *= 2
    followed[5], followed[2] = 400 * share[6], 400 * share[3]
    found = beta_geometric(lost, followed)
    assert (found.alpha, found.beta) == (pytest.approx(0.8, rel=1e-3), pytest.approx(2.4, rel=1e-3))


@pytest.mark.parametrize(
    ("lost", "followed", "reason"),
    [
        ([40, 30], [0, 80], "fewer than 3 looks"),
        ([4, 3, 2], [0, 0, 90], "fewer than 10 have left"),
        ([0, 20, 0], [0, 0, 90], "all left at one look"),
        ([10, 20, 40, 80], [0, 0, 0, 100], "members do not differ by more than chance"),  # leaving grows with age
    ],
)
def test_what_is_not_identified(lost, followed, reason):
    found = beta_geometric(lost, followed)
    assert (found.is_identified, found.reason) == (False, reason)
    assert np.isnan(found.interval(12)[0])


def test_what_is_no_count():
    with pytest.raises(ValueError, match="counts of one length"):
        beta_geometric([1, 2], [1])
    with pytest.raises(ValueError, match="none below zero"):
        beta_geometric([1, -2, 3], [1, 1, 1])


@given(st.floats(0.2, 5), st.floats(0.2, 20), st.integers(1, 40))
def test_fewer_stay_with_time_and_ever_fewer_leave(alpha, beta, t):
    at = BetaGeometric(alpha, beta, 0.0, np.eye(2), "").survival([t - 1, t, t + 1])
    assert 0 < at[2] < at[1] < at[0] <= 1
    assert at[1] / at[0] < at[2] / at[1]  # heterogeneity alone: who was likely to leave has left
