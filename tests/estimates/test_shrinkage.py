"""Empirical Bayes: published numbers, laws, and that it is nearer the truth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp_analytics.estimates import shrinkage

SCHOOLS = ([28, 8, -3, 7, -1, 1, 18, 12], [15, 10, 16, 11, 9, 11, 10, 18])
"""Rubin 1981: eight schools, in which the variance between comes out below 0."""

COUNTS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 40)).map(lambda t: (min(t), max(t))), min_size=5, max_size=25
)


def test_eight_schools_have_no_variance_between_and_one_mean() -> None:
    assert shrinkage.variance_between(*SCHOOLS) == 0
    assert shrinkage.pooled(*SCHOOLS) == pytest.approx((7.6856, 4.0719), abs=1e-4)
    posterior = shrinkage.normals(*SCHOOLS)
    assert posterior.mean == pytest.approx(np.full(8, 7.6856), abs=1e-4)
    assert posterior.second == pytest.approx(np.full(8, 4.0719), abs=1e-4)


def test_normals_by_hand() -> None:
    """Values −1, 0, 1 with errors 0.5: weights 4, Q = 8, so (8 − 2)/(12 − 4) = 0.75 between; trust 0.75/(0.75 + 0.25)."""
    assert shrinkage.variance_between([-1, 0, 1], [0.5] * 3) == pytest.approx(0.75)
    assert shrinkage.normals([-1, 0, 1], [0.5] * 3).mean == pytest.approx([-0.75, 0, 0.75])


@given(COUNTS)
@settings(max_examples=30)
def test_a_share_is_pulled_towards_all_and_never_past(counts: list[tuple[int, int]]) -> None:
    k, n = (np.array(column, float) for column in zip(*counts, strict=True))
    posterior = shrinkage.shares(k, n)
    raw, mean = k / n, posterior.mean
    prior = (posterior.first - k)[0] / ((posterior.first - k)[0] + (posterior.second - n + k)[0])
    assert (mean >= np.minimum(raw, prior) - 1e-9).all()
    assert (mean <= np.maximum(raw, prior) + 1e-9).all()
    low, high = posterior.interval()
    assert ((low >= 0) & (low <= high) & (high <= 1)).all()


@given(st.lists(st.tuples(st.integers(1, 60), st.floats(1, 90)), min_size=5, max_size=25))
@settings(max_examples=30)
def test_a_rate_is_pulled_towards_all_and_never_past(counts: list[tuple[int, float]]) -> None:
    count, exposure = (np.array(column, float) for column in zip(*counts, strict=True))
    posterior = shrinkage.rates(count, exposure)
    prior = (posterior.first - count)[0] / (posterior.second - exposure)[0]
    assert (posterior.mean >= np.minimum(count / exposure, prior) - 1e-9).all()
    assert (posterior.mean <= np.maximum(count / exposure, prior) + 1e-9).all()


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0.1, 3)), min_size=5, max_size=25))
def test_a_number_is_pulled_towards_the_mean_the_more_the_less_sure_it_is(pairs: list[tuple[float, float]]) -> None:
    values, errors = (np.array(column) for column in zip(*pairs, strict=True))
    posterior = shrinkage.normals(values, errors)
    mean, _ = shrinkage.pooled(values, errors, shrinkage.variance_between(values, errors))
    assert (np.abs(posterior.mean - mean) <= np.abs(values - mean) + 1e-9).all()
    assert (posterior.second <= errors + 1e-9).all()


def test_where_nothing_or_everything_was_a_hit_all_get_what_all_say() -> None:
    none, every = shrinkage.shares([0] * 6, [5] * 6), shrinkage.shares([5] * 6, [5] * 6)
    assert none.mean == pytest.approx(1 - every.mean)
    assert 0 < none.mean[0] < 1 / 30
    assert none.interval()[1][0] > 0.05  # 30 trials without a hit leave that much open
    quiet = shrinkage.rates([0] * 5, [10] * 5)
    assert 0 < quiet.mean[0] < 0.02


@given(COUNTS, st.sampled_from(["higher", "lower"]))
@settings(max_examples=20)
def test_chances_of_the_worst_third_add_up_to_a_third_of_the_units(counts: list[tuple[int, int]], better: str) -> None:
    k, n = zip(*counts, strict=True)
    chances = shrinkage.shares(k, n).worst_third(better)
    assert chances.sum() == pytest.approx(round(len(k) / 3))
    assert ((chances >= 0) & (chances <= 1)).all()


def test_the_worst_third_turns_with_what_is_better_and_knows_the_sure_ones() -> None:
    k, n = [1, 50, 99, 52, 48, 51], [100] * 6
    posterior = shrinkage.shares(k, n)
    more_is_worse, less_is_worse = posterior.worst_third("lower"), posterior.worst_third("higher")
    assert more_is_worse[2] == less_is_worse[0] == 1
    assert more_is_worse[0] == less_is_worse[2] == 0
    alike = shrinkage.shares([5] * 9, [50] * 9).worst_third("lower")
    assert alike == pytest.approx(np.full(9, 1 / 3), abs=0.04)
    assert posterior.worst_third("lower").tolist() == more_is_worse.tolist()  # the same every time


@pytest.mark.parametrize("family", ["shares", "rates", "normals"])
def test_shrunken_numbers_are_nearer_the_truth_and_their_intervals_hold_it(family: str) -> None:
    random = np.random.default_rng(9)
    units = 400
    if family == "shares":
        n, truth = random.integers(5, 60, units), random.beta(4, 30, units)
        k = random.binomial(n, truth)
        raw, posterior = k / n, shrinkage.shares(k, n)
    elif family == "rates":
        days, truth = np.full(units, 30.0), random.gamma(2, 0.2, units)
        count = random.poisson(truth * days)
        raw, posterior = count / days, shrinkage.rates(count, days)
    else:
        errors, truth = random.uniform(0.2, 1, units), random.normal(3, 0.4, units)
        raw = random.normal(truth, errors)
        posterior = shrinkage.normals(raw, errors)
    assert ((posterior.mean - truth) ** 2).mean() < ((raw - truth) ** 2).mean()
    low, high = posterior.interval()
    assert 0.91 < ((low <= truth) & (truth <= high)).mean() < 0.98


def test_reference_cases(cases: Path) -> None:
    """Efron & Morris 1975: the prior of the 18 batters, and that shrinking halves the error and more."""
    folder = cases / "stats" / "given"
    case = json.loads((folder / "T13g_shrinkage_efron_morris.json").read_text())["expected"]
    data = pl.read_csv(folder / "T13g_shrinkage_efron_morris.csv")
    k, n, truth = (data[name].to_numpy() for name in ("hits", "n", "rest_of_season"))
    posterior = shrinkage.shares(k, n)
    a, b = (posterior.first - k)[0], (posterior.second - n + k)[0]
    assert a == pytest.approx(case["betabin_mle_a"]["value"], abs=case["betabin_mle_a"]["atol"])
    assert b == pytest.approx(case["betabin_mle_b"]["value"], abs=case["betabin_mle_b"]["atol"])
    assert ((k / n - truth) ** 2).sum() > 3 * ((posterior.mean - truth) ** 2).sum()

    case = json.loads((folder / "T17g_eight_schools.json").read_text())
    assert (case["data"]["y"], case["data"]["se"]) == SCHOOLS
    mean, error = shrinkage.pooled(*SCHOOLS)
    assert mean == pytest.approx(case["expected"]["pooled"]["value"], abs=case["expected"]["pooled"]["atol"])
    assert error == pytest.approx(case["expected"]["se"]["value"], abs=case["expected"]["se"]["atol"])
    assert shrinkage.variance_between(*SCHOOLS) == case["expected"]["tau2_clamped"]["value"]


def test_the_best_of_a_league_table_is_seldom_the_best() -> None:
    """Why there is no rank: 20 units of 40 trials each, true shares around 12 % with a standard deviation of 3 points."""
    random = np.random.default_rng(12)
    weight = 0.12 * 0.88 / 0.03**2 - 1
    truth = random.beta(0.12 * weight, 0.88 * weight, (4_000, 20))
    shown = random.binomial(40, truth) + random.random(truth.shape) * 1e-6  # ties fall either way
    assert (shown.argmin(axis=1) == truth.argmin(axis=1)).mean() == pytest.approx(0.18, abs=0.03)
