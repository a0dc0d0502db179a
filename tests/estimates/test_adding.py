from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from idp_analytics.estimates.adding import added, averaged, summed, whole

large = st.one_of(st.floats(1, 1e12), st.floats(-1e12, -1), st.just(0.0))


@pytest.mark.parametrize(
    ("values", "total", "mean"),
    [
        ([0.1] * 10, 1.0, 0.1),
        ([1e16, 1.0, -1e16], 1.0, 1 / 3),
        ([None, 2.0, 4.0], 6.0, 3.0),
        ([None], 0.0, None),
        ([], 0.0, None),
    ],
)
def test_by_hand(values, total, mean):
    frame = pl.DataFrame({"x": values}, schema={"x": pl.Float64})
    assert frame.select(added(pl.col("x"))).item() == pytest.approx(total, abs=1e-15)
    assert frame.select(averaged(pl.col("x"))).item() == (None if mean is None else pytest.approx(mean))


def test_what_cannot_be_added_is_not():
    for value in (math.nan, math.inf):
        with pytest.raises(pl.exceptions.PolarsError):
            pl.DataFrame({"x": [1.0, value]}).select(added(pl.col("x")))


@given(st.lists(large, max_size=30), st.randoms(use_true_random=False))
@hypothesis_settings(max_examples=60)
def test_the_sum_is_the_correctly_rounded_one_in_any_order(values, random):
    shuffled = random.sample(values, len(values))
    one, other = (
        pl.DataFrame({"x": v}, schema={"x": pl.Float64}).select(added(pl.col("x"))).item() for v in (values, shuffled)
    )
    assert one == other == math.fsum(values)


def test_what_is_made_whole_before_groups_are_formed_adds_up_to_the_same() -> None:
    rows = pl.DataFrame({"of": ["a", "a", "b", "c"], "x": [0.1, 0.2, None, 0.25]})
    first = (
        rows.with_columns(whole(pl.col("x")).alias("_x"))
        .group_by("of", maintain_order=True)
        .agg(summed(pl.col("_x")).alias("x"))
    )
    assert first.equals(rows.group_by("of", maintain_order=True).agg(added(pl.col("x"))))
    assert first["x"].to_list() == [0.30000000000000004, 0.0, 0.25]
