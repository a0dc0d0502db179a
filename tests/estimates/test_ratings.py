"""Judgements on a scale: symmetry, intraclass correlation, deviation within a group."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from idp_analytics.estimates import ratings

VISION = [[1520, 266, 124, 66], [234, 1512, 432, 78], [117, 362, 1772, 205], [36, 82, 179, 492]]
"""Unaided vision of the right and the left eye of 7477 women (Stuart 1953)."""

SHROUT = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
"""Six things, four raters (Shrout & Fleiss 1979, table 2)."""


def test_the_published_symmetry():
    found = ratings.symmetry(VISION)
    assert found.statistic == pytest.approx(19.10655, abs=1e-4)
    assert found.freedom == 6
    assert found.p == pytest.approx(0.003987, abs=5e-6)
    margins = ratings.homogeneity(VISION)
    assert margins.statistic == pytest.approx(11.95657, abs=1e-4)
    assert margins.freedom == 3
    assert margins.p == pytest.approx(0.007533, abs=5e-6)


def test_of_two_levels_it_is_mcnemar():
    # 12 one way and 5 the other: (12 − 5)² ÷ 17.
    found = ratings.symmetry([[40, 12], [5, 30]])
    assert found.statistic == pytest.approx(49 / 17)
    assert ratings.homogeneity([[40, 12], [5, 30]]).statistic == pytest.approx(49 / 17)


def test_levels_nobody_confuses_bring_nothing():
    table = np.zeros((4, 4))
    table[:2, :2] = [[40, 12], [5, 30]]
    table[3, 3] = 8
    assert ratings.symmetry(table).freedom == 1
    assert ratings.homogeneity(table).statistic == pytest.approx(49 / 17)
    assert np.isnan(ratings.symmetry(np.diag([3, 4])).p)
    assert np.isnan(ratings.homogeneity(np.diag([3, 4])).p)


@given(st.lists(st.integers(0, 20), min_size=9, max_size=9))
def test_turning_the_table_round_changes_nothing(cells):
    table = np.array(cells).reshape(3, 3)
    for test in (ratings.symmetry, ratings.homogeneity):
        one, other = test(table), test(table.T)
        np.testing.assert_allclose([one.statistic, one.p], [other.statistic, other.p], atol=1e-9)


def test_the_published_correlations():
    found = ratings.intraclass(SHROUT)
    expected = {"1": 0.165742, "2": 0.289764, "3": 0.714841, "1k": 0.442797, "2k": 0.620051, "3k": 0.909316}
    assert {name: one.value for name, one in found.items()} == pytest.approx(expected, abs=1e-6)
    # The bounds as psych::ICC prints them for the same data.
    bounds = {"1": (-0.13, 0.72), "2": (0.02, 0.76), "3": (0.34, 0.95), "1k": (-0.88, 0.91), "3k": (0.68, 0.99)}
    for name, (low, high) in bounds.items():
        assert (found[name].low, found[name].high) == pytest.approx((low, high), abs=6e-3), name
    assert (found["2k"].low, found["2k"].high) == pytest.approx((0.07, 0.93), abs=6e-3)


def test_reference_cases(cases):
    folder = cases / "stats" / "given"
    if not (folder / "E04g_icc.json").is_file():
        pytest.skip("the cases E04g and E06g are not there")
    correlation, symmetry = (
        json.loads((folder / f"{name}.json").read_text()) for name in ("E04g_icc", "E06g_symmetry")
    )
    got = {f"ICC{name}": one.value for name, one in ratings.intraclass(correlation["data"]).items()}
    bowker, margins = ratings.symmetry(symmetry["data"]), ratings.homogeneity(symmetry["data"])
    got |= {"bowker": bowker.statistic, "bowker_df": bowker.freedom, "bowker_p": bowker.p}
    got |= {"stuart_maxwell": margins.statistic, "sm_df": margins.freedom, "sm_p": margins.p}
    expected = correlation["expected"] | symmetry["expected"]
    assert got.keys() == expected.keys()
    for name, one in expected.items():
        assert got[name] == pytest.approx(one["value"], abs=one["atol"]), name


def test_no_correlation_where_nothing_varies():
    assert ratings.intraclass([[3, 3], [3, 3]]) == {}
    assert ratings.intraclass([[1, 2]]) == {}
    assert ratings.intraclass([[1, 1], [2, 2]]) == {}  # without error there is nothing to divide by
    assert ratings.intraclass([[1, np.nan], [2, 3]]) == {}


@given(st.lists(st.lists(st.integers(1, 5), min_size=3, max_size=3), max_size=8))
def test_no_correlation_is_above_one_whatever_was_judged(rows):
    for name, one in ratings.intraclass(rows).items():
        told = [v for v in (one.value, one.low, one.high) if not np.isnan(v)]
        assert all(v <= 1 for v in told), name
        if len(told) == 3:
            assert one.low <= one.value + 1e-9 <= one.high + 2e-9, name


def test_things_that_do_not_differ_have_no_correlation():
    assert ratings.intraclass([[1, 2], [2, 1], [1, 2], [2, 1]]) == {}
    assert ratings.intraclass([]) == {}
    # Raters in camps: a single one has a correlation far below 0, and their mean none.
    camps = ratings.intraclass([[1, 5, 3], [5, 1, 3], [2, 4, 3], [4, 2, 3.5]])
    assert camps["2"].value < -0.5
    assert np.isnan(camps["2k"].value)


def test_how_far_one_leans():
    # Itself and evidence over three levels: six alike, three one above, one two above: 5 ÷ 10.
    table = np.array([[2, 0, 0], [2, 3, 0], [1, 1, 1]])
    mean, low, high, n = ratings.leaning(table.T)  # rows: evidence
    assert (mean, n) == (pytest.approx(0.5), 10)
    # Σ (d − ½)² = 6 · ¼ + 3 · ¼ + 2¼ = 4.5; s² = ½; t of nine degrees 2.262157.
    assert (low, high) == pytest.approx((0.5 - 2.262157 * np.sqrt(0.05), 0.5 + 2.262157 * np.sqrt(0.05)), abs=1e-6)
    assert ratings.leaning(table)[0] == -mean


def test_nothing_leans():
    assert np.isnan(ratings.leaning(np.zeros((3, 3)))[0])
    mean, low, _, n = ratings.leaning(np.diag([3, 4]))
    assert (mean, n) == (0, 7)
    assert np.isnan(low)


def test_deviation_from_the_median():
    # 2, 3, 3, 4: 1/2 on average from 3. 1, 1, 5, 5: 2 from it.
    held = np.array([[2, 1], [3, 1], [3, 5], [4, 5]], float)
    each, agrees = ratings.average_deviation(held, 5)
    np.testing.assert_allclose(each, [0.5, 2.0])
    assert not agrees  # 1.25 on average, and a sixth of five is 0.83
    assert ratings.average_deviation(held[:, :1], 5)[1]
    assert np.isnan(ratings.average_deviation([[1.0, np.nan]], 5)[0]).all()


def test_within_a_group():
    # Variance 2/3 of 2, 3, 3, 4 against (25 − 1) ÷ 12 = 2; camps at the ends: 16/3 against 2.
    held = np.array([[2, 1], [3, 1], [3, 5], [4, 5]], float)
    assert ratings.within_group(held[:, :1], 5) == pytest.approx(1 - 1 / 3)
    assert ratings.within_group(held, 5) == pytest.approx(1 - (2 / 3 + 16 / 3) / 2 / 2)
    assert ratings.within_group(np.full((4, 3), 2.0), 5) == 1.0
    assert np.isnan(ratings.within_group([[1.0]], 5))


def test_concordance_by_hand():
    # Three raters of four things: sums of ranks 4, 5, 9, 12 around 7½: 12¼ + 6¼ + 2¼ + 20¼ = 41; W = 12 · 41 ÷ (9 · 60).
    ranks = [[1, 2, 3, 4], [2, 1, 3, 4], [1, 2, 3, 4]]
    value, p, n = ratings.concordance(ranks)
    assert (value, n) == (pytest.approx(12 * (3.5**2 + 2.5**2 + 1.5**2 + 4.5**2) / (9 * 60)), 3)
    assert p == pytest.approx(chi2.sf(3 * 3 * value, 3))
    assert ratings.concordance([[1, 2, 3]] * 4)[0] == pytest.approx(1)
    # Each thing is first, second and third once: nobody agrees.
    assert ratings.concordance([[1, 2, 3], [2, 3, 1], [3, 1, 2]])[0] == pytest.approx(0)


def test_ties_are_corrected_for():
    # All raters tie the same two: they agree perfectly all the same.
    assert ratings.concordance([[1, 2, 2, 4]] * 5)[0] == pytest.approx(1)


def test_no_concordance():
    for ranks in ([[3, 3, 3]] * 4, [[1, 2, 3]], [[1, 2]] * 4, [[1, np.nan, 3], [1, 2, 3]], [], np.empty((0, 3))):
        assert np.isnan(ratings.concordance(ranks)[0])


@given(
    st.lists(st.lists(st.integers(1, 5), min_size=4, max_size=4), min_size=2, max_size=8), st.permutations([0, 1, 2, 3])
)
def test_concordance_laws(rows, order):
    value, p, _ = ratings.concordance(rows)
    mixed = ratings.concordance(np.array(rows)[::-1, order])
    if np.isnan(value):
        assert np.isnan(mixed[0])
        return
    assert -1e-12 <= value <= 1 + 1e-12
    assert 0 <= p <= 1
    assert mixed[0] == pytest.approx(value)
