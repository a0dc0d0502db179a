"""Published numbers, agreement with statsmodels, coverage, and laws of changes and their verdicts."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from statsmodels.stats.proportion import confint_proportions_2indep
from statsmodels.stats.rates import test_poisson_2indep as poisson_test

from idp_analytics.answers import Verdict
from idp_analytics.estimates import changes, medians, shares

COUNTS = st.tuples(st.integers(0, 200), st.integers(1, 200)).map(lambda t: (min(t), max(t)))
EVENTS = st.tuples(st.integers(0, 60), st.sampled_from([0.5, 7.0, 30.0, 91.0]))
AROUND = st.tuples(st.floats(0.01, 1e3), st.floats(1, 10), st.floats(1, 10)).map(
    lambda t: (t[0], t[0] / t[1], t[0] * t[2])
)


def test_newcombe_difference_published() -> None:
    """Newcombe 1998b, Stat Med 17:873, table II method 10: cases (a) 56/70 less 48/80 and (c) 6/7 less 2/7."""
    assert np.allclose(changes.newcombe_difference(56, 70, 48, 80), (0.2, 0.0524, 0.3339), atol=5e-5)
    assert np.allclose(changes.newcombe_difference(6, 7, 2, 7), (0.5714, 0.0582, 0.8062), atol=6e-5)


@given(COUNTS, COUNTS, st.sampled_from([0.8, 0.95]))
def test_newcombe_agrees_with_statsmodels(now: tuple[int, int], before: tuple[int, int], level: float) -> None:
    got = changes.newcombe_difference(*now, *before, level)
    other = confint_proportions_2indep(*now, *before, method="newcomb", compare="diff", alpha=1 - level)
    assert np.allclose(got[1:], other, atol=1e-9)


@given(COUNTS, COUNTS)
def test_a_difference_is_held_stays_in_range_and_turns_round(now: tuple[int, int], before: tuple[int, int]) -> None:
    difference, low, high = changes.newcombe_difference(*now, *before)
    assert -1 <= low <= difference <= high <= 1
    assert np.allclose(changes.newcombe_difference(*before, *now), (-difference, -high, -low))


def test_nothing_to_compare_is_not_a_number_and_not_an_error() -> None:
    for values in (
        changes.newcombe_difference([0, 1, 3], [0, 2, 2], [1, 0, 1], [2, 0, 2]),
        changes.rate_ratio([0, 2, 2], [1, 0, 1], [0, 1, 1], [1, 1, 0]),
        changes.ratio_from_intervals([np.nan, 0, 1], [1, 0, 1], [3, 1, 1], [2, 2, -1], [1, 1, 1], [3, 3, 3]),
    ):
        assert np.isnan(values).all()


@pytest.mark.parametrize(("now", "before"), [((5, 10), (50, 100)), ((0, 10), (50, 100)), ((40, 81), (200, 400)), ((18, 20), (10, 40)), ((1, 100), (99, 100)), ((20, 20), (1, 30))])  # fmt: skip
def test_a_ratio_of_shares_is_near_the_score_interval(now: tuple[int, int], before: tuple[int, int]) -> None:
    """Of statsmodels, by another way (Koopman 1984); the two part in the second digit only."""
    ratio, low, high = (float(v) for v in changes.share_ratio(*now, *before))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it divides by 0 on its way
        wanted = confint_proportions_2indep(*now, *before, compare="ratio", method="score")
    assert ratio == pytest.approx(now[0] / now[1] / (before[0] / before[1]))
    assert (low, high) == pytest.approx(wanted, rel=0.03, abs=0.002)


@given(COUNTS, COUNTS)
def test_a_ratio_of_shares_is_held_and_turns_round(now: tuple[int, int], before: tuple[int, int]) -> None:
    ratio, low, high = (float(v) for v in changes.share_ratio(*now, *before))
    if now[0] + before[0] == 0:
        assert math.isnan(ratio)
        return
    assert 0 <= low <= ratio * (1 + 1e-9)
    assert high >= ratio * (1 - 1e-9) or math.isinf(ratio)
    if now[0] > 0 and before[0] > 0:
        assert np.allclose(changes.share_ratio(*before, *now), (1 / ratio, 1 / high, 1 / low))


def test_a_ratio_of_shares_says_nothing_of_nothing() -> None:
    assert all(math.isnan(float(v)) for v in changes.share_ratio(0, 0, 1, 2))
    ratio, low, high = (float(v) for v in changes.share_ratio(3, 10, 0, 10))
    assert (ratio, high) == (math.inf, math.inf)
    assert 0 < low < 1


def test_rate_ratio_published() -> None:
    """R ?poisson.test, two samples: 11 in 800 against 21 in 3011."""
    assert np.allclose(changes.rate_ratio(11, 800, 21, 3011), (1.971488, 0.8584264, 4.2772659), atol=5e-7)


@given(EVENTS, EVENTS)
def test_a_rate_ratio_is_held_widens_with_the_level_and_turns_round(
    now: tuple[int, float], before: tuple[int, float]
) -> None:
    ratio, low, high = changes.rate_ratio(*now, *before)
    if now[0] == before[0] == 0:
        assert np.isnan((ratio, low, high)).all()
        return
    _, wide_low, wide_high = changes.rate_ratio(*now, *before, 0.99)
    assert 0 <= wide_low <= low <= ratio * (1 + 1e-12)
    assert ratio <= high * (1 + 1e-12)
    assert high <= wide_high
    assert (low == 0) == (now[0] == 0)
    assert math.isinf(high) == (before[0] == 0)
    with np.errstate(divide="ignore"):
        assert np.allclose(changes.rate_ratio(*before, *now), 1 / np.array([ratio, high, low]))


@given(st.integers(1, 60), st.integers(1, 60))
def test_an_end_of_the_rate_ratio_is_where_the_exact_test_gives_its_tail(now: int, before: int) -> None:
    _, low, high = changes.rate_ratio(now, 3.0, before, 7.0)
    for end, alternative in ((low, "larger"), (high, "smaller")):
        test = poisson_test(now, 3.0, before, 7.0, value=end, method="exact-cond", alternative=alternative)
        assert math.isclose(test.pvalue, 0.025, rel_tol=1e-6)


def test_the_rate_ratio_covers_at_least_as_often_as_said() -> None:
    """Given 25 events altogether, how many are of now is binomial: exact, no sampling."""
    now, ratio = np.arange(26), np.geomspace(0.05, 20, 150)[:, None]
    _, low, high = changes.rate_ratio(now, 1, 25 - now, 1)
    covered = (binom.pmf(now, 25, ratio / (1 + ratio)) * ((low <= ratio) & (ratio <= high))).sum(axis=1)
    assert covered.min() >= 0.95


@given(AROUND, AROUND)
def test_a_ratio_from_intervals_is_held_turns_round_and_knows_no_unit(
    now: tuple[float, float, float], before: tuple[float, float, float]
) -> None:
    ratio, low, high = changes.ratio_from_intervals(*now, *before)
    assert low <= ratio <= high
    assert np.allclose(changes.ratio_from_intervals(*before, *now), (1 / ratio, 1 / high, 1 / low))
    in_minutes = changes.ratio_from_intervals(*(60 * v for v in now), *(60 * v for v in before))
    assert np.allclose(in_minutes, (ratio, low, high))


def test_symmetric_intervals_give_the_textbook_interval_of_a_log_ratio() -> None:
    """exp(log ratio ± z·√(se² + se²)): what MOVER comes to when both intervals are symmetric on the log scale."""
    z, se1, se0 = 1.96, 0.3, 0.4
    now = 5.0 * np.exp(z * se1 * np.array([0, -1, 1]))
    before = 2.0 * np.exp(z * se0 * np.array([0, -1, 1]))
    assert np.allclose(
        changes.ratio_from_intervals(*now, *before), 2.5 * np.exp(z * math.hypot(se1, se0) * np.array([0, -1, 1]))
    )


@pytest.mark.parametrize(
    ("now", "before", "low", "high"),
    [
        ((8, 7, math.nan), (2, 1, 3), "finite", "inf"),
        ((8, 7, math.inf), (2, 1, 3), "finite", "inf"),
        ((8, 7, 9), (2, 1, math.nan), "0", "finite"),
        ((8, 0, 9), (2, 1, 3), "0", "finite"),
        ((8, 7, 9), (2, 0, 3), "finite", "inf"),
        ((8, 7, math.nan), (2, 1, math.nan), "0", "inf"),
        ((8, math.nan, math.nan), (2, 1, 3), "nan", "nan"),
        ((8, 7, 9), (2, math.nan, math.nan), "nan", "nan"),
    ],
)
def test_an_end_that_rests_on_an_open_bound_is_open(
    now: tuple[float, ...], before: tuple[float, ...], low: str, high: str
) -> None:
    ratio, *ends = changes.ratio_from_intervals(*now, *before)
    assert ratio == 4
    names = ["nan" if math.isnan(e) else "inf" if math.isinf(e) else "0" if e == 0 else "finite" for e in ends]
    assert names == [low, high]


def test_a_ratio_of_medians_covers_at_least_as_often_as_said() -> None:
    draws = np.random.default_rng(9).lognormal(0, 1, (2, 3000, 25)) * np.array([3.0, 1.0])[:, None, None]
    frames = [pl.DataFrame({"g": np.repeat(np.arange(3000), 25), "x": half.ravel()}) for half in draws]
    now, before = (medians.grouped(frame, ["g"], "x") for frame in frames)
    _, low, high = changes.ratio_from_intervals(*(half[c] for half in (now, before) for c in ("value", "low", "high")))
    assert 0.945 <= np.mean((low <= 3) & (high >= 3)) <= 0.98


@pytest.mark.parametrize(
    ("low", "high", "higher", "lower"),
    [
        (0.1, 0.2, "improved", "worsened"),
        (-0.3, -0.1, "worsened", "improved"),
        (-0.1, 0.1, "no detectable change", "no detectable change"),
        (0.0, 0.2, "no detectable change", "no detectable change"),
        (0.1, math.inf, "improved", "worsened"),
        (math.nan, math.nan, "not identified", "not identified"),
        (0.1, math.nan, "not identified", "not identified"),
    ],
)
def test_verdicts(low: float, high: float, higher: str, lower: str) -> None:
    for better, expected in {"higher": higher, "lower": lower, None: "not identified", "": "not identified"}.items():
        assert changes.verdict(low, high, 0.0, better) == expected
        assert expected in set(Verdict)


def test_verdicts_of_a_column_may_differ_in_what_is_better_and_in_what_no_change_is() -> None:
    better = np.array(["lower", "higher", None], dtype=object)
    said = changes.verdict([1.1, 0.1, 0.1], [1.2, 0.3, 0.3], [1.0, 0.0, 0.0], better)
    assert said.tolist() == ["worsened", "improved", "not identified"]
    assert changes.verdict([], [], 0.0, "lower").shape == (0,)


def test_reference_case(cases: Path) -> None:
    document = json.loads((cases / "stats" / "given" / "S02g_newcombe_diff.json").read_text())
    (k1, n1), (k0, n0) = document["data"]
    _, low, high = changes.newcombe_difference(k1, n1, k0, n0)
    for name, end in {"lo": low, "hi": high}.items():
        assert math.isclose(end, document["expected"][name]["value"], abs_tol=document["expected"][name]["atol"])


def test_a_difference_from_two_wilson_intervals_is_newcombes() -> None:
    k1, n1, k0, n0 = (np.array(v) for v in ([56, 0, 9], [70, 10, 10], [48, 3, 3], [80, 10, 10]))
    (low1, high1), (low0, high0) = shares.wilson(k1, n1), shares.wilson(k0, n0)
    got = changes.difference_from_intervals(k1 / n1, low1, high1, k0 / n0, low0, high0)
    assert np.allclose(got, changes.newcombe_difference(k1, n1, k0, n0))


def test_a_difference_that_rests_on_something_missing_is_missing() -> None:
    for missing in range(6):
        numbers = [0.5, 0.4, 0.6, 0.4, 0.3, 0.5]
        numbers[missing] = math.nan
        difference, low, high = changes.difference_from_intervals(*numbers)
        assert np.isnan(difference) == (missing in (0, 3)), missing
        assert np.isnan(low) == (missing in (0, 1, 3, 5)), missing
        assert np.isnan(high) == (missing in (0, 2, 3, 4)), missing
