"""Cumulative incidence: by hand, against what simpler estimators say, laws, and how often intervals hold the truth."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.estimates import survival
from idp_analytics.estimates.competing_risks import differ, incidence

CAUSES = ("organic", "mandated")
ROWS = st.lists(st.tuples(st.integers(1, 12), st.sampled_from([*CAUSES, None])), min_size=2, max_size=25)


def of(rows, causes=CAUSES, by=("g",)):
    frame = pl.DataFrame(
        [{"g": "all", "x": float(x), "cause": cause} for x, cause in rows],
        schema={"g": pl.String, "x": pl.Float64, "cause": pl.String},
    )
    return incidence(frame, list(by), "x", "cause", causes)


def test_by_hand():
    """Six: organic at 1, open at 2, mandated at 3, organic at 4, open at 5 and 6.

    S after: 5/6, 5/6, 5/6·3/4 = 5/8, 5/8·2/3 = 5/12. Organic: 1/6, then + 5/8·1/3 = 3/8. Mandated: 5/6·1/4 = 5/24.
    """
    found = of([(1, "organic"), (2, None), (3, "mandated"), (4, "organic"), (5, None), (6, None)])
    organic = found.filter(cause="organic").select("time", "at_risk", "events", "share").rows()
    assert organic == [
        (1, 6, 1, pytest.approx(1 / 6)),
        (3, 4, 0, pytest.approx(1 / 6)),
        (4, 3, 1, pytest.approx(3 / 8)),
    ]
    assert found.filter(cause="mandated")["share"].to_list() == pytest.approx([0, 5 / 24, 5 / 24])


def test_the_trap_of_one_minus_kaplan_meier():
    """Mandates taken for censoring would say that more come by themselves than ever can."""
    rows = [(1, "mandated"), (2, "organic"), (3, "mandated"), (4, "organic")]
    right = of(rows).filter(cause="organic")["share"][-1]
    wrong = 1 - survival.curve(
        pl.DataFrame({"g": ["a"] * 4, "x": [x for x, _ in rows], "hit": [c == "organic" for _, c in rows]}), ["g"], "x", "hit"
    )["survival"][-1]  # fmt: skip
    assert right == pytest.approx(0.5)
    assert wrong == pytest.approx(1.0)


def test_without_anything_open_it_is_a_share_with_the_binomial_variance():
    rows = [(t, CAUSES[t % 2]) for t in range(1, 11)]
    row = of(rows).filter(cause="mandated").row(4, named=True)  # after five: 1, 3 and 5
    assert row["share"] == pytest.approx(0.3)
    power = math.exp(1.959964 * math.sqrt(0.3 * 0.7 / 10) / abs(0.3 * math.log(0.3)))
    assert (row["low"], row["high"]) == (
        pytest.approx(0.3**power, rel=1e-5),
        pytest.approx(0.3 ** (1 / power), rel=1e-5),
    )


def test_before_a_cause_was_seen_nobody_knows_that_it_cannot_be():
    found = of([(1, "organic"), (2, "organic"), (3, None), (4, None)]).filter(cause="mandated")
    assert found["share"].to_list() == [0, 0]
    assert found["low"].to_list() == [0, 0]
    assert all(high > 0.4 for high in found["high"])


def test_nothing_happened_or_nobody_is_there():
    assert of([(1, None), (2, None)]).is_empty()
    assert of([]).is_empty()


def test_groups_keep_apart():
    frame = pl.DataFrame(
        {"g": ["a", "a", "b", "b"], "x": [1.0, 2.0, 1.0, None], "cause": ["organic", None, "mandated", "organic"]}
    )
    found = incidence(frame, ["g"], "x", "cause", CAUSES)
    assert found.select("g", "cause", "share").rows() == [
        ("a", "organic", 0.5), ("a", "mandated", 0.0), ("b", "organic", 0.0), ("b", "mandated", 1.0),
    ]  # fmt: skip


@given(ROWS)
def test_all_causes_and_those_still_open_add_up_to_one(rows):
    found = of(rows)
    if found.is_empty():
        return
    whole = pl.DataFrame({"g": ["all"] * len(rows), "x": [x for x, _ in rows], "hit": [c is not None for _, c in rows]})
    left = survival.curve(whole, ["g"], "x", "hit")
    added = found.group_by("time").agg(pl.col("share").sum()).sort("time").join(left, on="time")
    assert added.height == left.height
    assert (added["share"] + added["survival"]).to_list() == pytest.approx([1.0] * added.height)
    ordered = found.drop_nulls("low")
    assert ((ordered["low"] <= ordered["share"] + 1e-12) & (ordered["share"] <= ordered["high"] + 1e-12)).all()


def test_the_interval_holds_the_truth():
    """Two constant hazards, 0.02 and 0.04 a day, followed for 5 to 60 days: after 20 days ⅓·(1 − exp(−1.2)) came the first way."""
    rng = np.random.default_rng(5)
    first, second, end = rng.exponential(50, (400, 60)), rng.exponential(25, (400, 60)), rng.uniform(5, 60, (400, 60))
    cause = np.select([(first < second) & (first < end), second < end], CAUSES, "")
    frame = pl.DataFrame(
        {
            "g": np.repeat(np.arange(400), 60),
            "x": np.minimum(np.minimum(first, second), end).ravel(),
            "cause": cause.ravel(),
        }
    ).with_columns(pl.col("cause").replace({"": None}))
    found = incidence(frame, ["g"], "x", "cause", CAUSES).filter(pl.col("cause") == "organic", pl.col("time") <= 20)
    last = found.sort("g", "time").group_by("g").agg(pl.col("low", "high").last())
    truth = (1 - math.exp(-1.2)) / 3
    assert 0.92 <= ((last["low"] <= truth) & (last["high"] >= truth)).mean() <= 0.99


def test_two_groups_that_leave_alike_and_two_that_do_not():
    alike = ([1, 2, 3, 4, 5, 6], [True] * 6)
    assert differ(alike, alike) == pytest.approx(1.0)
    assert differ(([1, 1, 2, 2, 3, 3], [True] * 6), ([20, 20, 21, 22, 23, 24], [True] * 6)) < 0.01


def test_a_published_log_rank():
    """Freireich 1963, weeks of remission, 6-MP against placebo: χ² 16.79 on one degree (Kleinbaum & Klein 2012), p 4.17e-05."""
    drug = ([6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35],
            [True, True, True, False, True, False, True, False, False, True, True, False, False, False, True, True, *[False] * 5])  # fmt: skip
    placebo = ([1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23], [True] * 21)
    assert differ(drug, placebo) == pytest.approx(4.17e-5, rel=0.01)


def test_nothing_to_compare():
    assert differ(([], []), ([1], [True])) is None
    assert differ(([1, 2], [False, False]), ([3], [False])) is None
