"""Totals of whole clusters compared: by hand, and what may not matter."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp_analytics.estimates.changes import newcombe_difference, rate_ratio, share_ratio
from idp_analytics.estimates.clustered import _EXACT, _Times, clustered_comparison


def compared(rows, ratio=False, draws=400, seed=1, of_shares=False):
    frame = pl.DataFrame(
        [("g", f"c{at:03d}", ratio, *row) for at, row in enumerate(rows)],
        schema=["by", "cluster", "ratio", "x1", "n1", "x0", "n0"], orient="row",
    )  # fmt: skip
    return clustered_comparison(frame, ["by"], "cluster", "ratio", seed, draws=draws, of_shares=of_shares).row(
        0, named=True
    )


def test_a_difference_by_hand():
    found = compared([(1, 2, 0, 4), (2, 2, 1, 4)])
    assert (found["clusters"], found["x1"], found["n1"], found["x0"], found["n0"]) == (2, 3, 4, 1, 8)
    assert found["value"] == pytest.approx(3 / 4 - 1 / 8)


def test_a_ratio_by_hand():
    assert compared([(4, 2, 3, 3), (2, 1, 3, 3)], ratio=True)["value"] == pytest.approx((6 / 3) / (6 / 6))


def test_clusters_all_alike_are_not_certain():
    found = compared([(0, 1, 0, 4)] * 6)
    _, low, high = (float(v) for v in newcombe_difference(0, 6, 0, 24))
    assert (found["value"], found["low"], found["high"]) == pytest.approx((0, low, high))
    alike = compared([(2, 1, 4, 4)] * 6, ratio=True)
    assert (alike["low"], alike["high"]) == pytest.approx(tuple(float(v) for v in rate_ratio(12, 6, 24, 24)[1:]))


def test_a_ratio_of_shares_is_surer_than_one_of_counts():
    """Of 90 % against 90 % hardly more than a hundredth can be missing above; of counts there is no above."""
    rows = [(9, 10, 36, 40)] * 6
    counts, parts = compared(rows, ratio=True), compared(rows, ratio=True, of_shares=True)
    assert (parts["low"], parts["high"]) == pytest.approx(tuple(float(v) for v in share_ratio(54, 60, 216, 240)[1:]))
    assert counts["low"] < parts["low"] < 1 < parts["high"] < counts["high"]


def test_few_clusters_are_less_sure_than_their_percentiles():
    """A mean of four clusters that differ: percentiles of all 2.5 % cut off would be those of a normal with √(3 ÷ 4) of the spread."""
    rows = [(x, 100, 0, 100) for x in (20, 40, 60, 80)]
    found = compared(rows, draws=4000)
    # Student's t with three degrees of freedom goes beyond what four values can draw: from the lowest to the highest mean there is.
    assert found["low"] <= 0.21
    assert found["high"] >= 0.79


def test_what_stays_together_in_clusters_is_less_certain_than_it_looks():
    one = compared([(10, 10, 0, 10)] * 3 + [(0, 10, 0, 10)] * 3, draws=2000)
    _, low, high = (float(v) for v in newcombe_difference(30, 60, 0, 60))
    assert one["low"] < low
    assert one["high"] > high


@pytest.mark.parametrize("ratio", [False, True])
def test_nothing_on_one_side_says_nothing(ratio):
    found = compared([(1, 2, 0, 0), (0, 2, 0, 0)], ratio)
    assert (found["value"], found["low"], found["high"]) == (None, None, None)


CLUSTER = st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 4), st.integers(0, 4)).map(
    lambda t: (min(t[0], t[1]), t[1], min(t[2], t[3]), t[3])
)


@settings(max_examples=40, deadline=None)
@given(st.lists(CLUSTER, min_size=5, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(rows, random):
    frame = pl.DataFrame(
        [("g", f"c{at:03d}", False, *row) for at, row in enumerate(rows)],
        schema=["by", "cluster", "ratio", "x1", "n1", "x0", "n0"], orient="row",
    )  # fmt: skip
    order = list(range(len(rows)))
    random.shuffle(order)
    one, other = (clustered_comparison(f, ["by"], "cluster", "ratio", 3, draws=200) for f in (frame, frame[order]))
    assert one.equals(other)


@settings(max_examples=30, deadline=None)
@given(st.lists(CLUSTER, min_size=5, max_size=8))
def test_four_times_the_same_stress_never_widens(rows):
    one, more = compared(rows, draws=1000), compared(rows * 4, draws=1000)
    if one["value"] is None:
        return
    assert more["value"] == pytest.approx(one["value"])
    assert more["high"] - more["low"] <= one["high"] - one["low"] + 0.02  # of drawing


@pytest.mark.parametrize("most", [3, _EXACT // 7 - 1, _EXACT // 7 + 1, 2**40])
def test_what_is_drawn_adds_up_exactly_however_large(most):
    size, draws = 7, 50
    values = np.random.default_rng(5).integers(0, most, (4, size), endpoint=True)
    times = np.random.default_rng([9, size]).integers(0, size, (draws, size))
    by_hand = [[sum(int(v) for v in row[drawn]) for drawn in times] for row in values]
    assert _Times(size, 9, draws).of(values.astype(float)).tolist() == by_hand
