"""Sen, Mann–Kendall and Pettitt against published numbers, scipy, and laws."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, theilslopes

from idp_analytics.estimates.trend import FEWEST, pettitt, trend

# Pettitt 1979: the data on which he shows his test (as R's package trend prints them).
PETTITT = [
    -1.05, 0.96, 1.22, 0.58, -0.98, -0.03, -1.54, -0.71, -0.35, 0.66, 0.44, 0.91, -0.02, -1.42, 1.26, -1.02, -0.81, 1.66,
    1.05, 0.97, 2.14, 1.22, -0.24, 1.6, 0.72, -0.12, 0.44, 0.03, 0.66, 0.56, 1.37, 1.66, 0.1, 0.8, 1.29, 0.49, -0.07, 1.18,
    3.29, 1.84,
]  # fmt: skip

SERIES = st.lists(st.integers(-20, 20).map(float), min_size=FEWEST, max_size=30).map(np.array)


@given(SERIES, st.sampled_from([0.8, 0.95]))
def test_the_slope_and_its_interval_are_those_of_scipy_ties_and_all(values: np.ndarray, level: float) -> None:
    found = trend(values, level)
    theirs = theilslopes(values, alpha=level)
    assert [found.slope, found.low, found.high] == pytest.approx(list(theirs)[:1] + list(theirs)[2:])


@given(SERIES.filter(lambda v: len(set(v)) > 1))
def test_tau_is_that_of_scipy(values: np.ndarray) -> None:
    assert trend(values).tau == pytest.approx(kendalltau(np.arange(len(values)), values).statistic)


def test_mann_kendall_by_hand() -> None:
    """1 to 8 with two of them exchanged: 28 pairs, one falls, S = 26; variance 8·7·21/18; z = 25/√65.33."""
    found = trend([1, 2, 3, 5, 4, 6, 7, 8])
    assert (found.score, found.n) == (26, 8)
    assert found.z == pytest.approx(25 / np.sqrt(8 * 7 * 21 / 18))
    assert found.slope == 1


def test_ties_take_away_from_the_variance() -> None:
    """Two of 4 and three of 9 alike: (8·7·21 − 2·1·9 − 3·2·11)/18."""
    found = trend([1, 4, 4, 6, 7, 9, 9, 9])
    assert found.score == 28 - 1 - 3
    assert found.z == pytest.approx(23 / np.sqrt((8 * 7 * 21 - 18 - 66) / 18))


def test_too_few_points_and_no_change() -> None:
    few, flat = trend([1, 2, 3, 4, 5, 6, 7.0]), trend([3] * 9)
    assert np.isnan([v for v in few if not isinstance(v, np.ndarray) or v.dtype == float]).all()
    assert few.n == 7
    assert (flat.slope, flat.low, flat.high, flat.z, flat.p) == (0, 0, 0, 0, 1)
    assert np.isnan(pettitt([1, 2, 3.0]).p)
    assert trend(np.empty((0, 12))).slope.shape == (0,)
    assert trend(np.full((2, 12), np.nan)).n.tolist() == [0, 0]


def test_gaps_keep_their_place_in_time() -> None:
    """A month without a value is still a month: the slope is per month, not per known month."""
    whole = np.arange(20.0) * 3
    gaps = whole.copy()
    gaps[[2, 3, 9, 15]] = np.nan
    assert trend(gaps).slope == trend(whole).slope == 3
    assert trend(gaps).n == 16


@given(st.lists(SERIES, min_size=1, max_size=5))
def test_many_series_at_once_are_each_by_itself(many: list[np.ndarray]) -> None:
    table = np.full((len(many), 30), np.nan)
    for row, values in zip(table, many, strict=True):
        row[: len(values)] = values
    found, step = trend(table), pettitt(table)
    for i, values in enumerate(many):
        assert np.allclose([float(v[i]) for v in found], [float(v) for v in trend(values)], equal_nan=True)
        assert [float(v[i]) for v in step] == [float(v) for v in pettitt(values)]


@given(SERIES)
def test_turned_round_the_slope_turns(values: np.ndarray) -> None:
    first, turned = trend(values), trend(-values)
    assert (turned.slope, turned.low, turned.high) == pytest.approx((-first.slope, -first.high, -first.low))
    assert turned.p == first.p
    assert first.low <= first.slope <= first.high
    assert 0 <= first.p <= 1


def test_noise_seldom_looks_like_a_trend() -> None:
    """Over 4,000 series of 24 independent months p is below 0.05 about as often as it says."""
    found = trend(np.random.default_rng(7).standard_normal((4_000, 24)))
    assert 0.035 < (found.p < 0.05).mean() < 0.055
    assert 0.035 < ((found.low > 0) | (found.high < 0)).mean() < 0.065


def test_pettitt_as_published() -> None:
    step = pettitt(PETTITT)
    assert (step.statistic, step.after) == (232, 17)
    assert step.p == pytest.approx(0.01456, abs=5e-6)


def test_pettitt_finds_the_step_and_counts_known_points_only() -> None:
    values = np.array([np.nan, 1, 2, 1, 2, np.nan, 1, 2, 11, 12, 11, 12, 11, 12.0])
    step = pettitt(values)
    assert step.after == 6
    assert step.p < 0.05


def test_reference_cases(cases: Path) -> None:
    folder = cases / "stats" / "given"
    expected = json.loads((folder / "T06g_mk_sen.json").read_text())["expected"]
    found = trend(pl.read_csv(folder / "T06g_mk_sen.csv")["s"].to_numpy())
    got = {"S": found.score, "z": found.z, "p": found.p, "tau": found.tau, "sen": found.slope,
           "sen_lo": found.low, "sen_hi": found.high}  # fmt: skip
    assert got.keys() == expected.keys()
    for name, value in got.items():
        assert float(value) == pytest.approx(expected[name]["value"], abs=expected[name]["atol"] + 1e-12), name
    case = json.loads((folder / "T08g_pettitt.json").read_text())
    assert case["data"] == PETTITT
    step = pettitt(case["data"])
    got = {"K": step.statistic, "p": step.p, "change_after_obs": step.after}
    for name, value in got.items():
        assert float(value) == pytest.approx(case["expected"][name]["value"], abs=case["expected"][name]["atol"]), name


def test_chunks_do_not_change_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(3).standard_normal((50, 12))
    whole = trend(values)
    monkeypatch.setattr("idp_analytics.estimates.trend._AT_ONCE", 66 * 7)
    parts = trend(values)
    assert all(np.array_equal(a, b) for a, b in zip(whole, parts, strict=True))
