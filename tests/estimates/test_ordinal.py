"""Answers in order, against the published example, statsmodels and hand-worked cases."""

from __future__ import annotations

import json
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.nonparametric import rank_compare_2indep

from idp_analytics.estimates import ordinal


def counted(answers, values):
    return [list(answers).count(value) for value in values]


def test_the_published_example(cases):
    path = cases / "stats" / "given" / "S05g_brunner_munzel.json"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    case = json.loads(path.read_text())
    expected = {name: one["value"] for name, one in case["expected"].items()}
    data = list(case["data"].values()) if isinstance(case["data"], dict) else case["data"]
    values = sorted({*data[0], *data[1]})
    told = ordinal.compared(counted(data[0], values), counted(data[1], values))
    assert float(told.chance) == pytest.approx(expected["prob"], abs=1e-6)
    assert float(told.low) == pytest.approx(expected["ci_lo"], abs=1e-6)
    assert float(told.high) == pytest.approx(expected["ci_hi"], abs=1e-6)
    assert float(told.statistic) == pytest.approx(expected["statistic"], abs=1e-9)
    assert float(told.p) == pytest.approx(expected["p"], abs=1e-9)
    assert float(told.freedom) == pytest.approx(expected["df"], abs=1e-5)
    assert not told.is_exact


def test_worked_by_hand():
    # Before 1, 2; now 2, 3: of four pairs three are higher and one ties: 3.5 ÷ 4.
    chance, _, _ = ordinal.higher([1, 1, 0], [0, 1, 1])
    assert float(chance) == 0.875


answers = st.lists(st.integers(1, 5), min_size=2, max_size=40)


@given(answers, answers)
def test_as_statsmodels_says(before, now):
    x, y = counted(before, range(1, 6)), counted(now, range(1, 6))
    told = ordinal.compared(x, y)
    if told.is_exact:
        assert max(before) < min(now) or max(now) < min(before) or len({*before, *now}) == 1  # apart, or nothing varies
        return
    theirs = rank_compare_2indep(np.array(now), np.array(before), use_t=True)
    assert told.chance == pytest.approx(theirs.prob1)
    assert (told.low, told.high) == pytest.approx(np.clip(theirs.conf_int(alpha=0.05), 0, 1))
    assert told.p == pytest.approx(theirs.pvalue)


@pytest.mark.parametrize(
    ("before", "now", "p"),
    [
        ([3, 0], [0, 3], 0.1),  # 2 of 6! ÷ (3! 3!) = 20 ways to deal six
        ([4, 0], [0, 4], 2 / 70),
        ([0, 9], [9, 0], 2 / 48620),
        ([7, 0], [5, 0], 1.0),  # everybody says the same
        ([1, 0], [0, 1], 1.0),
        # One 1 against 1, 2, 2, 3, 3, 3: 5.5 ÷ 6. Of the seven as the single one only the two 1 lie as far from ½.
        ([1, 0, 0], [1, 2, 3], 2 / 7),
    ],
)
def test_without_variance_all_arrangements_are_counted(before, now, p):
    told = ordinal.compared(before, now)
    assert told.is_exact
    assert 0 <= told.low <= told.chance <= told.high <= 1
    assert told.low < told.high
    assert float(told.p) == pytest.approx(p)
    assert (told.p <= 0.05) == (told.low > 0.5 or told.high < 0.5)


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([0.8, 0.95, 0.99]))
def test_groups_that_do_not_overlap_have_an_interval_that_narrows(n, m, level):
    one, more = ordinal.compared([n, 0], [0, m], level), ordinal.compared([n + 1, 0], [0, m + 1], level)
    assert 0 < one.low <= more.low < 1 == one.high
    assert one.p == pytest.approx(min(1, 2 / comb(n + m, n)))
    assert not (one.p > 1 - level and one.low > 0.5)


def test_the_interval_of_single_answers_holds_the_truth():
    """No sampling of the truth: one answer before, m now, all from one normal: the chance is ½ and is held in at least 95 of 100."""
    rng = np.random.default_rng(1)
    draws = rng.normal(size=(2000, 9))
    order = draws.argsort(1)
    before = (order == 0).astype(int)
    _, low, high = ordinal.higher(before, 1 - before)
    assert ((low <= 0.5) & (high >= 0.5)).mean() >= 0.95


@given(answers, answers)
def test_the_other_way_round_is_the_complement(before, now):
    x, y = counted(before, range(1, 6)), counted(now, range(1, 6))
    one, other = ordinal.higher(x, y), ordinal.higher(y, x)
    assert float(one[0]) == pytest.approx(1 - float(other[0]))
    np.testing.assert_allclose(one[1], 1 - other[2], atol=1e-12)


def test_many_groups_at_once_and_none_in_one():
    chance, low, _ = ordinal.higher([[1, 1, 0], [0, 0, 0]], [[0, 1, 1], [1, 1, 1]])
    assert chance[0] == 0.875
    assert np.isnan(chance[1]) and np.isnan(low[1])


def test_late_answers():
    same = ordinal.late([2, 3, 10, 10, 5], [1, 2, 5, 5, 2])
    assert same.low < 0.5 < same.high
    lower = ordinal.late([0, 0, 5, 15, 10], [5, 8, 3, 0, 0])
    assert lower.high < 0.5
    apart = ordinal.late([0, 0, 0, 20, 10], [5, 8, 3, 0, 0])
    assert (apart.value, apart.low, apart.method) == (0.0, 0.0, "Newcombe 2006")
    assert 0 < apart.high < 0.25
    few = ordinal.late([5, 4], [30, 2])
    assert (few.value, few.reason) == (None, "9 first and 32 late answers, and 10 of each are needed")


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([1, 2, 2, 3, 4], (4.0, 2.0, 5.0)),  # twelve answers; ranks 3 and 10 bound the median (Hahn & Meeker)
        ([0, 1, 0, 1, 0], (3.0, None, None)),  # two answers: midway, and no interval
        ([0, 0, 5, 0, 0], (3.0, None, None)),
        ([0, 0, 0, 0, 0], (None, None, None)),
    ],
)
def test_the_middle_answer(counts, expected):
    told = [None if np.isnan(v) else float(v) for v in ordinal.median(counts, [1, 2, 3, 4, 5])]
    assert tuple(told) == expected


def test_the_same_people_twice():
    # Hamilton depression scores of nine patients (Hollander & Wolfe 1973, p. 29).
    before = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
    now = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
    ranks, chance, changed, same = ordinal.paired(before, now, "greater")
    assert ranks == 40
    assert chance == pytest.approx(0.01953, abs=5e-6)
    assert (changed, same) == (9, 0)


def test_who_says_the_same_is_counted():
    # Three of thirty moved up: without the others that looks like all of three.
    before, now = [3.0] * 30, [3.0] * 27 + [4.0] * 3
    _, chance, changed, same = ordinal.paired(before, now)
    assert (changed, same) == (3, 27)
    assert chance > 0.05
    assert np.isnan(ordinal.paired([1, 2], [1, 2])[1])
    assert ordinal.paired([1, np.nan, 3], [2, 2, 3])[2:] == (1, 1)
    assert ordinal.paired([0.3, 5], [0.1 + 0.2, 6])[2:] == (1, 1)  # rounding is no change
