"""Intraclass correlation against published numbers, and what must hold of it."""

from __future__ import annotations

import json
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from idp_analytics.estimates.intraclass import intraclass

RATED = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
"""Four judges of six targets (Shrout & Fleiss 1979, table 2)."""

PUBLISHED = {
    ("one-way", False): (0.17, -0.13, 0.72), ("agreement", False): (0.29, 0.02, 0.76), ("consistency", False): (0.71, 0.34, 0.95),
    ("one-way", True): (0.44, -0.88, 0.91), ("agreement", True): (0.62, 0.07, 0.93), ("consistency", True): (0.91, 0.68, 0.99),
}  # fmt: skip


@pytest.mark.parametrize(("design", "of_mean"), PUBLISHED)
def test_the_published_correlations(design, of_mean):
    found = intraclass(RATED, design, of_mean)
    assert (found.value, found.low, found.high) == pytest.approx(PUBLISHED[design, of_mean], abs=0.005)
    assert found.n == 6


def test_the_reference_case(cases):
    folder = cases / "maturity" / "reliability"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    told = json.loads((folder / "expected.json").read_text(encoding="utf-8"))["shrout_fleiss_1979"]
    ratings = pl.read_csv(folder / "shrout_fleiss_1979.csv").drop("S").to_numpy()
    names = [name for name in told if name.startswith("ICC")]
    order = (("one-way", False), ("agreement", False), ("consistency", False), ("one-way", True), ("agreement", True), ("consistency", True))  # fmt: skip
    for name, kind, low, high in zip(names, order, told["CI95_lower"], told["CI95_upper"], strict=True):
        found = intraclass(ratings, *kind)
        assert (found.value, found.low, found.high) == pytest.approx((told[name], low, high), abs=0.005), name


def test_one_who_is_always_kinder_is_consistent_and_does_not_agree():
    ratings = np.array([[1, 2], [2, 3], [3, 4], [1, 2]])
    assert intraclass(ratings, "consistency").value == pytest.approx(1)
    # By hand: variance between things 11/12, one half between the raters: 11/12 ÷ (11/12 + 1/2).
    assert intraclass(ratings, "agreement").value == pytest.approx(11 / 17)


@pytest.mark.parametrize(
    ("ratings", "n", "reason"),
    [
        ([[1, 2]], 1, "needs two things"), ([[1], [2]], 2, "needs two things"), ([], 0, "needs two things"), ([[2, 2], [2, 2]], 2, "nothing differs"),
        ([[1, math.nan], [2, 3], [math.nan, 1]], 1, "needs two things"),
    ],
)  # fmt: skip
def test_where_nothing_can_be_said(ratings, n, reason):
    found = intraclass(ratings, "agreement")
    assert math.isnan(found.value)
    assert found.n == n
    assert found.reason.startswith(reason)


def test_a_row_that_is_not_whole_is_left_out():
    found, whole = (intraclass(rows, "agreement") for rows in ([*RATED, [1, math.nan, 1, 1]], RATED))
    assert (found.value, found.low, found.high, found.n) == (whole.value, whole.low, whole.high, whole.n)


@given(arrays(float, st.tuples(st.integers(3, 8), st.integers(2, 5)), elements=st.integers(1, 4).map(float)))
def test_laws(ratings):
    for design in ("one-way", "agreement", "consistency"):
        found = intraclass(ratings, design)
        if math.isnan(found.value):
            continue
        assert found.value <= 1 + 1e-9
        assert found.low - 1e-9 <= found.value <= found.high + 1e-9
        # Another zero changes nothing, nor does the order of raters or things.
        moved = intraclass(ratings[::-1, ::-1] + 7, design)
        assert (moved.value, moved.low, moved.high) == pytest.approx((found.value, found.low, found.high), abs=1e-7)
