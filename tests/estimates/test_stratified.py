"""A difference of shares over strata: by hand, against statsmodels, and how often its interval holds the truth."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import StratifiedTable

from idp_analytics.estimates.changes import newcombe_difference
from idp_analytics.estimates.stratified import pooled_difference

Rows = list[tuple[int, int, int, int]]


def pooled(rows: Rows, level: float = 0.95) -> dict[str, float]:
    frame = pl.DataFrame(rows, schema=["k1", "n1", "k0", "n0"], orient="row").with_columns(group=pl.lit("g"))
    return pooled_difference(frame, ["group"], "k1", "n1", "k0", "n0", level).row(0, named=True)


def test_two_strata_by_hand():
    # weights 10·30÷40 = 7.5 and 20·20÷40 = 10; differences 2/10 − 3/30 = 0.1 and 4/20 − 8/20 = −0.2
    found = pooled([(2, 10, 3, 30), (4, 20, 8, 20)])
    assert found["strata"] == 2
    assert found["difference"] == pytest.approx((7.5 * 0.1 - 10 * 0.2) / 17.5)
    assert found["low"] < found["difference"] < found["high"]


def test_what_looks_better_together_may_be_worse_in_every_stratum():
    """Simpson's paradox: the gate stands before what is risky."""
    rows = [(1, 100, 0, 10), (5, 10, 40, 100)]  # in both strata more of the first fail
    assert pooled(rows)["difference"] > 0
    assert (1 + 5) / 110 < 40 / 110


def test_a_stratum_with_only_one_of_the_two_says_nothing():
    assert pooled([(2, 10, 3, 30), (0, 0, 9, 9)]) == pooled([(2, 10, 3, 30)])
    none = pooled([(0, 0, 9, 9)])
    assert (none["strata"], none["difference"], none["low"], none["high"]) == (0, None, None, None)


counts = st.tuples(st.integers(1, 60), st.integers(1, 60)).flatmap(
    lambda n: st.tuples(st.integers(0, n[0]), st.just(n[0]), st.integers(0, n[1]), st.just(n[1]))
)


@given(counts)
def test_one_stratum_is_newcombe_s_interval(row):
    found = pooled([row])
    expected = [float(value) for value in newcombe_difference(*row)]
    assert [found["difference"], found["low"], found["high"]] == pytest.approx(expected, abs=1e-12)


@given(st.lists(counts, min_size=1, max_size=6))
def test_exchanging_the_two_turns_the_sign(rows):
    found, turned = pooled(rows), pooled([(c, m0, a, m1) for a, m1, c, m0 in rows])
    assert found["difference"] == pytest.approx(-turned["difference"], abs=1e-12)
    assert (found["low"], found["high"]) == pytest.approx((-turned["high"], -turned["low"]), abs=1e-12)


@given(st.lists(counts, min_size=2, max_size=6))
def test_the_weighted_sum_is_the_numerator_of_mantel_and_haenszel_s_test(rows):
    """statsmodels' Cochran–Mantel–Haenszel statistic is (Σ w·d)² ÷ its variance under no difference."""
    tables = [np.array([[a, m1 - a], [c, m0 - c]], float) for a, m1, c, m0 in rows]
    if any((t.sum(axis=0) == 0).any() for t in tables):
        return
    weights = [m1 * m0 / (m1 + m0) for _, m1, _, m0 in rows]
    variance = sum(t.sum(1).prod() * t.sum(0).prod() / (t.sum() ** 2 * (t.sum() - 1)) for t in tables)
    statistic = float(StratifiedTable(tables).test_null_odds(correction=False).statistic)
    assert (pooled(rows)["difference"] * sum(weights)) ** 2 / variance == pytest.approx(statistic, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("gated", "effect"), [((20, 30, 15), 0.0), ((60, 40, 50), -0.04), ((8, 8, 8), 0.0)])
def test_intervals_hold_the_truth_as_often_as_they_say(gated, effect):
    """Tiers that fail at 5 to 15 %; few or many deployments behind the gate."""
    random, truth, runs = np.random.default_rng(20260701), np.array([0.05, 0.1, 0.15]), 1_500
    n1, n0 = np.array(gated), np.array([240, 180, 90])
    k1, k0 = random.binomial(n1, truth + effect, (runs, 3)), random.binomial(n0, truth, (runs, 3))
    frame = pl.DataFrame(
        {
            "run": np.repeat(np.arange(runs), 3),
            "k1": k1.ravel(),
            "n1": np.tile(n1, runs),
            "k0": k0.ravel(),
            "n0": np.tile(n0, runs),
        }
    )
    found = pooled_difference(frame, ["run"], "k1", "n1", "k0", "n0")
    held = ((found["low"] <= effect) & (found["high"] >= effect)).mean()
    assert 0.93 <= held <= 0.995  # fmt: skip
