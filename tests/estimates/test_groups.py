"""Rows told apart by number are told apart as by what they say."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.estimates import groups, medians, survival

ROW = st.tuples(
    st.sampled_from([None, "", "b", "a", "ä"]),
    st.sampled_from([None, date(2026, 3, 1), date(1969, 12, 31), date(9999, 12, 31)]),
    st.sampled_from([None, -(2**63), 0, 2**61, 2**63 - 1]),
    st.sampled_from([None, True, False]),
    st.sampled_from([None, 0.5, -1.0]),
)
NAMES = ["text", "day", "number", "flag", "share"]
SCHEMA = {"text": pl.String, "day": pl.Date, "number": pl.Int64, "flag": pl.Boolean, "share": pl.Float64}


@given(st.lists(ROW, max_size=12), st.integers(1, 5))
def test_each_row_has_the_number_of_what_it_says(rows, width):
    frame, by = pl.DataFrame(rows, schema=SCHEMA, orient="row"), NAMES[:width]
    whose, numbers = groups.numbered(frame, by)
    assert whose.equals(frame.select(by).unique().sort(by, nulls_last=True))
    assert whose[numbers.tolist()].equals(frame.select(by))


def test_words_of_a_list_are_sorted_as_the_list_has_them():
    words = pl.Series("size", ["large", "small", "large"], pl.Enum(["small", "large"]))
    whose, numbers = groups.numbered(words.to_frame(), ["size"])
    assert whose["size"].to_list() == ["small", "large"]
    assert numbers.tolist() == [1, 0, 1]


@given(st.lists(st.tuples(st.sampled_from([0, 1, 255, 256]), st.integers(-3, 3)), max_size=20))
def test_rows_of_a_group_stand_together_by_value(rows):
    numbers, values = np.array([n for n, _ in rows], np.int64), np.array([v for _, v in rows], float)
    places, found, begins = groups.together(numbers, values, 257)
    assert [(numbers[i], values[i]) for i in places] == sorted((n, v) for n, v in rows)
    assert found.tolist() == values[places].tolist()
    assert begins.tolist() == [sum(n < group for n, _ in rows) for group in range(258)]


@given(st.lists(st.tuples(st.integers(0, 3), st.none() | st.integers(0, 4), st.none() | st.booleans()), max_size=25))
def test_groups_by_number_have_the_numbers_of_groups_by_name(rows):
    frame = pl.DataFrame(rows, schema={"g": pl.Int64, "x": pl.Float64, "event": pl.Boolean}, orient="row")
    every = frame["g"].to_numpy(), frame["x"]
    for named, numbered in (
        (medians.grouped(frame, ["g"], "x", 0.9), medians.of_groups(*every, 4, 0.9)),
        (
            survival.grouped_quantile(frame, ["g"], "x", "event", 0.9),
            survival.of_groups(*every, frame["event"], 4, 0.9),
        ),
    ):
        told = numbered.with_row_index("g").filter(pl.col("g").is_in(frame["g"].to_list()))
        assert told.drop("g").equals(named.drop("g"))
        nothing = numbered.with_row_index("g").filter(~pl.col("g").is_in(frame["g"].to_list()))
        assert nothing["n"].sum() == 0
        assert nothing["value"].null_count() == nothing.height


@pytest.mark.parametrize("many", [0, 3])
def test_where_there_is_nothing_no_group_has_a_number(many):
    nothing = pl.Series([], dtype=pl.Float64)
    found = medians.of_groups(np.zeros(0, np.int64), nothing, many)
    assert found["n"].to_list() == [0] * many
    found = survival.of_groups(np.zeros(0, np.int64), nothing, pl.Series([], dtype=pl.Boolean), many)
    assert found["value"].to_list() == [None] * many
