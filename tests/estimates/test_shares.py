"""Published numbers, exact coverage, and laws of the intervals for a share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta, binom, binomtest
from statsmodels.stats.proportion import proportion_confint

from idp_analytics.estimates import shares

COUNTS = st.tuples(st.integers(0, 200), st.integers(1, 200)).map(lambda t: (min(t), max(t)))
INTERVALS = pytest.mark.parametrize("interval", [shares.wilson, shares.jeffreys])
Interval = Callable[..., tuple[np.ndarray, np.ndarray]]


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (5, 18, 0.1250, 0.5087),
    ],
)
def test_wilson_published(k: int, n: int, low: float, high: float) -> None:
    """Newcombe 1998, Stat Med 17:857, table I method 3; the last is the change fail rate of our own log."""
    assert np.allclose(shares.wilson(k, n), (low, high), atol=6e-5)


@given(COUNTS, st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_agrees_with_scipy(kn: tuple[int, int], level: float) -> None:
    assert np.allclose(shares.wilson(*kn, level), binomtest(*kn).proportion_ci(level, "wilson"), atol=1e-12)


@given(COUNTS)
def test_jeffreys_agrees_with_statsmodels_inside_and_is_exact_at_the_ends(kn: tuple[int, int]) -> None:
    k, n = kn
    low, high = shares.jeffreys(k, n)
    other_low, other_high = proportion_confint(k, n, method="jeffreys")
    assert np.allclose((low, high), (0.0 if k == 0 else other_low, 1.0 if k == n else other_high))


@pytest.mark.parametrize(("k", "n"), [(1, 9), (5, 18), (30, 31)])
def test_jeffreys_leaves_as_much_of_the_posterior_on_either_side(k: int, n: int) -> None:
    low, high = shares.jeffreys(k, n, 0.9)
    posterior = beta(k + 0.5, n - k + 0.5).pdf
    assert np.allclose([quad(posterior, 0, low)[0], quad(posterior, high, 1)[0]], 0.05, atol=1e-7)


def test_nothing_seen() -> None:
    """0 of 20: the exact one-sided 95 % bound, and at 97.5 % the upper end of Clopper and Pearson's interval."""
    assert np.isclose(shares.upper_bound(0, 20), 1 - 0.05 ** (1 / 20), rtol=1e-12)
    assert np.isclose(shares.upper_bound(0, 20, 0.975), 0.1684, atol=5e-5)
    assert shares.upper_bound(20, 20) == 1
    with_many = shares.upper_bound(0, 10_000)
    assert 0.99 * 3 / 10_000 < with_many < 3 / 10_000  # the rule of three


@given(COUNTS)
def test_the_upper_bound_agrees_with_scipy(kn: tuple[int, int]) -> None:
    exact = binomtest(*kn, alternative="less").proportion_ci(0.95, method="exact")
    assert np.isclose(shares.upper_bound(*kn), exact.high)


@INTERVALS
@given(kn=COUNTS)
def test_an_interval_holds_its_share_and_wider_levels_hold_narrower_ones(
    interval: Interval, kn: tuple[int, int]
) -> None:
    k, n = kn
    low, high = interval(k, n, 0.95)
    wide_low, wide_high = interval(k, n, 0.99)
    assert 0 <= wide_low <= low <= k / n + 1e-12
    assert k / n - 1e-12 <= high <= wide_high <= 1


@INTERVALS
@given(kn=COUNTS, times=st.integers(2, 50))
def test_more_of_the_same_says_more(interval: Interval, kn: tuple[int, int], times: int) -> None:
    k, n = kn
    low, high = interval([k, k * times], [n, n * times])
    assert high[1] - low[1] < high[0] - low[0]


@INTERVALS
@given(kn=COUNTS)
def test_misses_mirror_hits(interval: Interval, kn: tuple[int, int]) -> None:
    k, n = kn
    low, high = interval([k, n - k], n)
    assert np.allclose((low[0], high[0]), (1 - high[1], 1 - low[1]))


@INTERVALS
def test_what_is_no_share_is_not_a_number_and_not_an_error(interval: Interval) -> None:
    k, n = [0, 3, -1, np.nan, 1, 2], [0, 2, 5, 4, np.nan, 4]
    for end in (*interval(k, n, 0.99), shares.upper_bound(k, n)):
        assert np.isnan(end).tolist() == [True] * 5 + [False]
    assert interval([], [])[0].shape == (0,)
    assert not np.isnan(interval(2, 4)).any()


@INTERVALS
def test_columns_and_tables_of_counts_keep_their_shape(interval: Interval) -> None:
    low, high = interval([[1, 2], [3, 4]], [[9], [8]])
    assert low.shape == high.shape == (2, 2)
    assert np.allclose((low[1, 0], high[1, 0]), interval(3, 8))


@INTERVALS
@pytest.mark.parametrize("n", [20, 60])
def test_an_interval_covers_95_in_100_on_average_over_shares(interval: Interval, n: int) -> None:
    """No sampling: the chance of each k is known. Brown, Cai & DasGupta 2001 find both near the nominal level."""
    k = np.arange(n + 1)
    low, high = interval(k, n)
    share = np.linspace(0.05, 0.95, 181)[:, None]
    covered = (binom.pmf(k, n, share) * ((low <= share) & (share <= high))).sum(axis=1)
    assert 0.945 <= covered.mean() <= 0.96
    assert covered.min() >= 0.88


def test_the_upper_bound_is_exceeded_at_most_as_often_as_said() -> None:
    k, share = np.arange(31), np.linspace(0.001, 0.999, 200)[:, None]
    exceeded = (binom.pmf(k, 30, share) * (shares.upper_bound(k, 30) < share)).sum(axis=1)
    assert exceeded.max() <= 0.05


@pytest.mark.parametrize(
    ("k", "n", "population", "low", "high"),
    [
        # 9 of a team of 12 answered, 6 of them yes: as if 9 · 11 ÷ 3 = 33 had been asked.
        (6, 9, 12, 0.4961, 0.8025),
        (6, 9, 9, 6 / 9, 6 / 9),  # everybody answered
        (0, 9, 12, 0.0, 0.1043),
        (6, 9, float("nan"), 0.3542, 0.8794),  # nobody knows how many there are
        (6, 9, 8, 0.3542, 0.8794),  # more answers than people: the count of people is wrong
    ],
)
def test_of_all_there_are(k: int, n: int, population: float, low: float, high: float) -> None:
    assert [float(v) for v in shares.wilson_finite(k, n, population)] == pytest.approx([low, high], abs=1e-4)


@given(kn=COUNTS, more=st.integers(0, 50))
def test_the_share_of_all_lies_closer_the_more_of_them_answered(kn: tuple[int, int], more: int) -> None:
    k, n = kn
    low, high = shares.wilson_finite(k, n, n + more)
    plain_low, plain_high = shares.wilson(k, n)
    assert plain_low - 1e-12 <= low <= k / n + 1e-12
    assert k / n - 1e-12 <= high <= plain_high + 1e-12


def test_whatever_the_silent_would_say() -> None:
    # 60 of 100 answered, 42 of them yes: 42 if the 40 say no, 82 if they say yes.
    assert [float(v) for v in shares.worst_case(42, 60, 100)] == [0.42, 0.82]
    assert np.isnan(shares.worst_case(42, 60, 50)).all()
    assert [float(v) for v in shares.worst_case(42, 60, 60)] == [0.7, 0.7]


def test_reference_cases(cases: Path) -> None:
    given_ = cases / "stats" / "given"
    wilson = json.loads((given_ / "S01g_wilson.json").read_text())
    got = {}
    for k, n in wilson["data"]:
        got[f"{k}/{n}_lo"], got[f"{k}/{n}_hi"] = shares.wilson(k, n)
    expected = wilson["expected"]
    assert expected.keys() == got.keys()
    for name, value in got.items():
        assert np.isclose(value, expected[name]["value"], rtol=0, atol=expected[name]["atol"]), name


def test_the_published_survey_of_a_finite_population(cases: Path) -> None:
    """S04g, R ``survey``, vignette: 200 of 6,194 schools."""
    folder = cases / "stats" / "given"
    case = json.loads((folder / "S04g_fpc_srs.json").read_text())
    schools, everyone = pl.read_csv(folder / "S04g_fpc_srs.csv"), case["params"]["N"]
    mean = {name: schools[name].mean() for name in ("enroll", "api00")}
    error = {
        name: schools[name].std() / np.sqrt(schools.height) * shares.finite(schools.height, everyone) for name in mean
    }
    got = {
        "mean_enroll": mean["enroll"], "total_enroll": everyone * mean["enroll"], "se_total_enroll": everyone * error["enroll"],
        "mean_api00": mean["api00"], "se_api00": error["api00"],
    }  # fmt: skip
    assert got.keys() == case["expected"].keys()
    for name, expected in case["expected"].items():
        assert got[name] == pytest.approx(expected["value"], abs=expected["atol"]), name


def test_the_correction_is_nothing_of_many_and_all_of_all() -> None:
    assert shares.finite([6, 6, 6, 6], [6, 12, 5, np.nan]).tolist() == [0.0, pytest.approx(np.sqrt(0.5)), 1.0, 1.0]
    assert shares.finite(6, 1e9) == pytest.approx(1.0)
