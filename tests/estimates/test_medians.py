"""Published ranks, agreement with numpy and scipy, coverage, and laws of grouped quantiles."""

from __future__ import annotations

import json
import math
from pathlib import Path
from random import Random

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import binom, quantile_test

from idp_analytics.estimates import medians

VALUES = st.lists(st.floats(-1e6, 1e6) | st.integers(0, 3).map(float), min_size=1, max_size=60)
ROWS = st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.floats(0.1, 1e3) | st.none()), min_size=1, max_size=60)


def of(values: list[float], p: float = 0.5, level: float = 0.95) -> tuple[float, ...]:
    return medians.grouped(pl.DataFrame({"g": "a", "x": values}), ["g"], "x", p, level).row(0)[1:]


@pytest.mark.parametrize(
    ("n", "ranks", "coverage"),
    [
        (0, (0, 0), math.nan),
        (5, (0, 0), math.nan),
        (6, (1, 6), 0.96875),
        (9, (2, 8), 0.9609375),
        (12, (3, 10), 0.96142578125),
    ],
)
def test_order_statistic_ranks_published(n: int, ranks: tuple[int, int], coverage: float) -> None:
    """Standard tables (Conover 1999; Hahn & Meeker 1991)."""
    lower, upper, reached = medians.order_statistic_ranks(n)
    assert (lower, upper) == ranks
    assert np.isclose(reached, coverage, equal_nan=True)


@pytest.mark.parametrize(("n", "level", "ranks"), [(2, 0.5, (1, 2)), (6, 0.96875, (1, 6)), (6, 0.97, (0, 0))])
def test_a_tail_met_exactly_is_not_exceeded(n: int, level: float, ranks: tuple[int, int]) -> None:
    lower, upper, _ = medians.order_statistic_ranks(n, level=level)
    assert (lower, upper) == ranks


@given(st.integers(1, 400), st.sampled_from([0.1, 0.5, 0.9]), st.sampled_from([0.5, 0.8, 0.95, 0.96875, 0.99]))
def test_ranks_are_the_innermost_that_leave_no_more_than_the_tail_on_either_side(
    n: int, p: float, level: float
) -> None:
    lower, upper, coverage = medians.order_statistic_ranks(n, p, level)
    tail = (1 - level) / 2
    possible = [r for r in range(1, n + 1) if binom.cdf(r - 1, n, p) <= tail]
    enough = [r for r in range(1, n + 1) if binom.sf(r - 1, n, p) <= tail * (1 + 1e-12)]
    if not possible or not enough:
        assert (lower, upper) == (0, 0)
        assert math.isnan(coverage)
        return
    assert (lower, upper) == (possible[-1], enough[0])
    assert coverage >= level - 1e-12


@given(st.integers(0, 2000), st.sampled_from([0.5, 0.75, 0.95, 0.96875]))
def test_ranks_of_a_median_mirror_each_other(n: int, level: float) -> None:
    lower, upper, _ = medians.order_statistic_ranks(n, level=level)
    assert lower + upper == (n + 1 if lower else 0)


def test_more_values_give_a_narrower_slice_of_them() -> None:
    n = np.array([6, 12, 25, 50, 100, 1000, 100_000])
    lower, upper, _ = medians.order_statistic_ranks(n)
    assert (np.diff((upper - lower) / n) < 0).all()


@given(VALUES, st.sampled_from([0.1, 0.5, 0.9]))
def test_the_value_is_numpys_linear_quantile(values: list[float], p: float) -> None:
    n, value, *_ = of(values, p)
    assert n == len(values)
    assert np.isclose(value, np.quantile(values, p, method="linear"), rtol=1e-9, atol=1e-9)


@given(VALUES)
def test_the_interval_is_scipys(values: list[float]) -> None:
    _, _, low, high = of(values)
    assume(len(values) > 5)
    other = quantile_test(values, p=0.5).confidence_interval(0.95)
    assert (low, high) == (other.low, other.high)


def test_median_of_an_even_number_is_the_mean_of_the_middle_two() -> None:
    assert of([1, 2, 3, 5, 8, 13]) == (6, 4.0, 1.0, 13.0)


def test_five_values_have_a_median_but_no_interval() -> None:
    assert of([1, 2, 3, 4, 5]) == (5, 3.0, None, None)


@given(VALUES)
def test_the_interval_holds_the_median_and_wider_levels_hold_narrower_ones(values: list[float]) -> None:
    _, value, low, high = of(values)
    _, _, wide_low, wide_high = of(values, level=0.99)
    if wide_low is not None:
        assert wide_low <= low
        assert high <= wide_high
    assert low is None or low <= value + 1e-9 * abs(value)
    assert high is None or value <= high + 1e-9 * abs(value)


@given(ROWS, st.randoms(use_true_random=False))
def test_a_group_alone_is_the_group_among_many_in_any_order(
    rows: list[tuple[str | None, float]], random: Random
) -> None:
    schema = {"g": pl.String, "x": pl.Float64}
    frame = pl.DataFrame(random.sample(rows, len(rows)), schema=schema, orient="row")
    got = medians.grouped(frame, ["g"], "x")
    assert got.equals(medians.grouped(pl.DataFrame(rows, schema=schema, orient="row").lazy(), ["g"], "x"))
    one = pl.col("g").eq_missing(pl.lit(rows[0][0], pl.String))
    assert got.filter(one).equals(medians.grouped(frame.filter(one), ["g"], "x"))


def test_what_is_not_known_is_not_counted_and_an_empty_group_keeps_its_row() -> None:
    frame = pl.DataFrame({"g": ["b", "a", "a", None], "h": [1, 2, 2, 3], "x": [None, 7.0, math.nan, 5.0]})
    got = medians.grouped(frame, ["g", "h"], "x")
    assert got.rows() == [("a", 2, 1, 7.0, None, None), ("b", 1, 0, None, None, None), (None, 3, 1, 5.0, None, None)]
    assert medians.grouped(frame.clear(), ["g", "h"], "x").schema == got.schema


def test_covers_as_often_as_said() -> None:
    draws = np.random.default_rng(5).exponential(size=(4000, 15))
    frame = pl.DataFrame({"g": np.repeat(np.arange(4000), 15), "x": draws.ravel()})
    covered = medians.grouped(frame, ["g"], "x").select(pl.lit(math.log(2)).is_between("low", "high").mean()).item()
    assert abs(covered - medians.order_statistic_ranks(15)[2]) < 0.01


def test_reference_case(cases: Path) -> None:
    document = json.loads((cases / "stats" / "given" / "T12g_median_ci.json").read_text())
    for n in document["data"]:
        lower, upper, coverage = (end.item() for end in medians.order_statistic_ranks(n))
        expected = document["expected"][f"n{n}"]["value"]
        assert ([lower, upper, pytest.approx(coverage)] if lower else None) == expected
