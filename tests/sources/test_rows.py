"""Rows of documents: one per key, rows that stand for several, and the columns made of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from idp_analytics.sources.export import Document, File
from idp_analytics.sources.rows import count, frame, newest, one_by_one
from idp_analytics.sources.system import Row
from idp_analytics.tables import TABLES

FILE = File("x.csv", "0" * 64, datetime(2026, 7, 1, tzinfo=UTC), None, {}, (), 0, {}, frozenset())
ANSWERS, CHANGES = TABLES["survey_responses"], TABLES["changes"]


def response(native: str, *values: tuple[str, str], number: int = 1, newest: str | None = None) -> Row:
    document = Document({}, FILE, number)
    shared = document.row(newest, response_id=native, survey_id="dx")
    return document.rows(shared, [{"question_id": q, "value_index": 0, "value": value} for q, value in values])


def told(rows: list[Row]) -> list[Any]:
    return [(row["response_id"], row["question_id"], row["value"]) for row in one_by_one(rows)]


def test_a_row_that_stands_for_several_gives_the_columns_that_they_give_one_by_one():
    rows = [response("a", ("q", "1"), ("r", "2"), number=3), response("b", ("q", "1"), number=4)]
    assert [count(row) for row in rows] == [2, 1]
    assert frame(ANSWERS, rows).equals(frame(ANSWERS, list(one_by_one(rows))))
    assert frame(ANSWERS, rows).select("_row", "response_id", "question_id", "value", "survey_id").rows() == [
        (3, "a", "q", "1", "dx"), (3, "a", "r", "2", "dx"), (4, "b", "q", "1", "dx"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "stay", "again"),
    [
        ([response("a", ("q", "1")), response("b", ("q", "2"))], [("a", "q", "1"), ("b", "q", "2")], []),
        ([response("a", ("q", "1"), ("r", "1")), response("a", ("q", "2"))], [("a", "r", "1"), ("a", "q", "2")], [("a", "q", "1")]),
        ([response("a", ("q", "1"), newest="2"), response("a", ("q", "2"), newest="1")], [("a", "q", "1")], [("a", "q", "2")]),
        ([response("a", ("q", "1"), ("q", "2"))], [("a", "q", "2")], [("a", "q", "1")]),
    ],
)  # fmt: skip
def test_of_one_key_the_newest_stays(rows, stay, again):
    kept, left = newest(ANSWERS, rows)
    assert (told(kept), told(left)) == (stay, again)


def test_the_newest_of_columns_by_number_is_that_of_the_latest_text():
    """Numbers of words say nothing of their order."""
    times = pl.Series("_newest", ["2026-02", "2026-01", None], dtype=pl.Enum(["2026-02", "2026-01"]))
    keys = {"_row": [1, 2, 3], "response_id": ["a"] * 3, "question_id": ["q"] * 3, "value_index": ["0"] * 3}
    rows = [Document({}, FILE, 1).columns(pl.DataFrame({**keys, "value": ["1", "2", "3"]}).with_columns(times))]
    kept, left = newest(ANSWERS, rows)
    assert [one["_columns"]["value"].to_list() for one in (*kept, *left)] == [["1"], ["2", "3"]]


def test_values_of_other_types_become_text_and_lists_stay_lists():
    document = Document({}, FILE, 1)
    rows = [
        document.row(change_id="1", lines=3, is_revert=True, title={"a": 1}, labels=["x", "y"]),
        document.row(change_id="2", lines="4", is_revert=None, title="t", opened_at=datetime(2026, 3, 1, tzinfo=UTC)),
    ]
    found = frame(CHANGES, rows)
    assert found.schema["labels"] == pl.List(pl.String)
    assert found.select("lines", "is_revert", "title", "labels", "opened_at").rows() == [
        ("3", True, None, ["x", "y"], None), ("4", None, "t", None, "2026-03-01T00:00:00+00:00"),
    ]  # fmt: skip


@pytest.mark.parametrize("lists", [[None], [[]], [["a", "b"], None, [], ["c", None]], [None, ["a"], None]])
def test_lists_of_text_are_what_they_were(lists):
    document = Document({}, FILE, 1)
    found = frame(CHANGES, [document.row(change_id="1", labels=one) for one in lists])
    assert (found["labels"].to_list(), found.schema["labels"]) == (lists, pl.List(pl.String))
