"""Rows of small frames: the same as by a query."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from idp_analytics.report import slices

texts = st.sampled_from(["a", "b", None])
rows = st.lists(st.tuples(texts, st.sampled_from([date(2026, 1, 1), date(2026, 2, 1)]), st.booleans()), max_size=12)


@given(rows, texts, st.sampled_from([date(2026, 1, 1), date(2026, 3, 1)]), st.sampled_from([0, slices.SMALL]))
def test_the_rows_are_those_of_a_filter(told: list[Any], word: str | None, start: date, small: int) -> None:
    schema = {"word": pl.String, "start": pl.Date, "hit": pl.Boolean, "place": pl.Int64}
    frame = pl.DataFrame([(*row, n) for n, row in enumerate(told)], schema=schema, orient="row")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slices, "SMALL", small)
        assert_frame_equal(slices.where(frame, word=word), frame.filter(word=word) if word else frame.clear())
        assert_frame_equal(slices.where(frame, start=start, hit=True), frame.filter(start=start, hit=True))
        assert_frame_equal(slices.having(frame, "word", "hit"), frame.drop_nulls(["word", "hit"]))
        assert_frame_equal(slices.lacking(frame, "word"), frame.filter(pl.col("word").is_null()))


def test_rows_are_taken_in_the_order_asked_for() -> None:
    frame = pl.DataFrame({"a": [1, 2, 3, 4]})
    assert slices.at(frame, [2, 0])["a"].to_list() == [3, 1]
    assert slices.at(frame, [1, 2])["a"].to_list() == [2, 3]
    assert slices.at(frame, []).schema == frame.schema
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        slices.where(frame, b=1)
