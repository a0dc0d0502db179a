"""The fast gate on cases worked by hand: which rows fail, out of how many."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from math import inf, nan
from typing import Any

import polars as pl
import pytest

from idp_analytics.checks import polars_gate
from idp_analytics.checks.suite import Expectation, Outcome, parse
from idp_analytics.tables import Column, Kind, Table

TABLE = Table(
    "t", "one row", ("name",),
    tuple(Column(name, kind, "One.") for name, kind in {
        "name": Kind.TEXT, "other": Kind.TEXT, "n": Kind.INTEGER, "x": Kind.NUMBER, "money": Kind.MONEY,
        "begin": Kind.TIMESTAMP, "end": Kind.TIMESTAMP, "day": Kind.DATE, "flag": Kind.BOOLEAN, "words": Kind.TEXTS,
    }.items()),
)  # fmt: skip


def at(hour: int) -> datetime:
    return datetime(2020, 1, 1, hour, tzinfo=UTC)


FRAME = pl.DataFrame(
    {
        "name": ["a", "a", "b", None, ""],
        "other": ["x", "x", "x", None, None],
        "n": [1, 5, 6, None, 0],
        "x": [nan, inf, -0.0, None, 0.0],
        "money": [Decimal("0.1"), Decimal("-0.000000000000000000000001"), Decimal(0), None, Decimal("0.1")],
        "begin": [at(1), at(2), at(3), None, at(5)],
        "end": [at(2), at(2), at(1), None, None],
        "day": [date(2020, 1, 1), date(2020, 1, 2), date(9999, 12, 31), None, date(2019, 12, 31)],
        "flag": [True, False, None, None, True],
        "words": [["a"], [], None, None, ["b"]],
    },
    schema=TABLE.schema,
)


def expectation(type_: str, **kwargs: Any) -> Expectation:
    found, problems = parse(
        {"name": "t", "expectations": [{"type": type_, "kwargs": kwargs, "meta": {"why": "Because."}}]}, TABLE
    )
    assert problems == []
    return found[0]


def outcome(type_: str, frame: pl.DataFrame = FRAME, **kwargs: Any) -> Outcome:
    e = expectation(type_, **kwargs)
    assert polars_gate.supports(e, frame.schema)
    return polars_gate.run(frame, [e])[0]


BETWEEN, PAIR = "expect_column_values_to_be_between", "expect_column_pair_values_a_to_be_greater_than_b"
COMPOUND, EQUAL = "expect_compound_columns_to_be_unique", "expect_column_pair_values_to_be_equal"
LENGTHS, REGEX = "expect_column_value_lengths_to_be_between", "expect_column_values_to_match_regex"
EITHER, NEITHER = {"ignore_row_if": "either_value_is_missing"}, {"ignore_row_if": "neither"}

CASES: list[tuple[str, dict[str, Any], list[int], int]] = [  # type, kwargs, rows that fail, rows it applies to
    ("expect_column_values_to_not_be_null", {"column": "name"}, [3], 5),
    ("expect_column_values_to_not_be_null", {"column": "x"}, [0, 3], 5),
    ("expect_column_values_to_not_be_null", {"column": "words"}, [2, 3], 5),
    ("expect_column_values_to_be_null", {"column": "flag"}, [0, 1, 4], 5),
    ("expect_column_values_to_be_unique", {"column": "name"}, [0, 1], 4),
    ("expect_column_values_to_be_unique", {"column": "x"}, [2, 4], 3),
    ("expect_column_values_to_be_unique", {"column": "money"}, [0, 4], 4),
    (COMPOUND, {"column_list": ["name", "other"]}, [0, 1], 4),
    (COMPOUND, {"column_list": ["other", "flag"]}, [], 4),
    (COMPOUND, {"column_list": ["name", "n"], "ignore_row_if": "any_value_is_missing"}, [], 4),
    (COMPOUND, {"column_list": ["other", "end"], "ignore_row_if": "never"}, [0, 1, 3, 4], 5),
    ("expect_column_values_to_be_in_set", {"column": "name", "value_set": ["a", "c"]}, [2, 4], 4),
    ("expect_column_values_to_be_in_set", {"column": "money", "value_set": [0.1]}, [1, 2], 4),
    ("expect_column_values_to_be_in_set", {"column": "day", "value_set": ["2020-01-01"]}, [1, 2, 4], 4),
    ("expect_column_values_to_be_in_set", {"column": "begin", "value_set": ["2020-01-01T02:00:00+01:00"]}, [1, 2, 4], 4),
    ("expect_column_values_to_not_be_in_set", {"column": "flag", "value_set": [True]}, [0, 4], 3),
    (BETWEEN, {"column": "n", "min_value": 1, "max_value": 5}, [2, 4], 4),
    (BETWEEN, {"column": "n", "min_value": 1, "max_value": 5, "strict_min": True, "strict_max": True}, [0, 1, 2, 4], 4),
    (BETWEEN, {"column": "n", "min_value": 0.5}, [4], 4),
    (BETWEEN, {"column": "x", "max_value": 0}, [1], 3),
    (BETWEEN, {"column": "x", "min_value": 0, "strict_min": True}, [2, 4], 3),
    (BETWEEN, {"column": "money", "min_value": 0}, [1], 4),
    (BETWEEN, {"column": "begin", "min_value": "2020-01-01T02:00:00Z"}, [0], 4),
    (BETWEEN, {"column": "begin", "max_value": "2020-01-01T02:00:00+01:00"}, [1, 2, 4], 4),
    (BETWEEN, {"column": "day", "min_value": "2020-01-01", "max_value": "2100-01-01", "strict_max": True}, [2, 4], 4),
    (LENGTHS, {"column": "name", "min_value": 1}, [4], 4),
    (LENGTHS, {"column": "name", "max_value": 1, "strict_max": True}, [0, 1, 2], 4),
    (REGEX, {"column": "name", "regex": "^[ab]$"}, [4], 4),
    ("expect_column_values_to_not_match_regex", {"column": "name", "regex": "^a"}, [0, 1], 4),
    (PAIR, {"column_A": "end", "column_B": "begin"}, [1, 2, 4], 4),
    (PAIR, {"column_A": "end", "column_B": "begin", "or_equal": True}, [2, 4], 4),
    (PAIR, {"column_A": "end", "column_B": "begin", "or_equal": True, **EITHER}, [2], 3),
    (PAIR, {"column_A": "end", "column_B": "begin", "or_equal": True, **NEITHER}, [2, 3, 4], 5),
    (PAIR, {"column_A": "begin", "column_B": "day"}, [1, 2], 4),
    (EQUAL, {"column_A": "begin", "column_B": "end"}, [0, 2, 4], 4),
    (EQUAL, {"column_A": "name", "column_B": "other", **EITHER}, [0, 1, 2], 3),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "kwargs", "rows", "considered"), CASES)
def test_rows(type_: str, kwargs: dict[str, Any], rows: list[int], considered: int) -> None:
    found = outcome(type_, **kwargs)
    assert found.rows is not None
    assert found.rows.to_list() == rows
    assert (found.success, found.element_count, found.unexpected_count) == (not rows, 5, len(rows))
    assert found.unexpected_share == pytest.approx(len(rows) / considered)
    assert found.executor == "polars"


@pytest.mark.parametrize(
    ("kwargs", "met"),
    [
        ({"min_value": 5}, True),
        ({"min_value": 6}, False),
        ({"max_value": 5, "strict_max": True}, False),
        ({"min_value": 1, "max_value": 10}, True),
    ],
)
def test_row_count(kwargs: dict[str, Any], met: bool) -> None:
    found = outcome("expect_table_row_count_to_be_between", **kwargs)
    assert found == Outcome(met, 5, None, None, None, "polars")


@pytest.mark.parametrize(
    ("kwargs", "met"),
    [
        ({"column": "other"}, True),
        ({"column": "nowhere"}, False),
        ({"column": "other", "column_index": 1}, True),
        ({"column": "other", "column_index": 2}, False),
        ({"column": "other", "column_index": 99}, False),
        ({"column": "other", "column_index": 0}, True),
    ],
)
def test_column_exists(kwargs: dict[str, Any], met: bool) -> None:
    assert outcome("expect_column_to_exist", **kwargs).success is met


@pytest.mark.parametrize(("mostly", "met"), [(0.5, True), (0.75, True), (0.7501, False), (1.0, False)])
def test_mostly_is_a_share_of_the_rows_it_applies_to(mostly: float, met: bool) -> None:
    assert outcome("expect_column_values_to_match_regex", column="name", regex="^[ab]$", mostly=mostly).success is met


def test_an_empty_table_meets_whatever_is_said_of_rows() -> None:
    for type_, kwargs, _, _ in CASES:
        found = outcome(type_, FRAME.head(0), **kwargs)
        assert (found.success, found.element_count, found.unexpected_count) == (True, 0, 0)
        assert found.unexpected_share is None


@pytest.mark.parametrize(
    ("regex", "alike"),
    [
        ("^[0-9a-f]{7,64}$", True),
        ("^([A-Z]{3}|[A-Za-z][A-Za-z0-9 ._-]{3,})$", True),
        ("^https?://[^ ]+$", True),
        ("", True),
        ("a$", True),
        (r"a\$", True),
        (r"\d+", False),
        (r"\bword", False),
        ("(?i)word", False),
        ("a(?=b)", False),
        ("a$|b", False),
        ("a++", False),
        ("[a&b~]", False),
        ("(?P<n>a)", False),
        ("a{1,2000}", False),
        ("a.b\n", False),
    ],
)
def test_patterns_that_mean_the_same_everywhere(regex: str, alike: bool) -> None:
    e = expectation(REGEX, column="name", regex=regex)
    assert polars_gate.supports(e, FRAME.schema) is alike


@pytest.mark.parametrize(
    ("regex", "texts", "found"),
    [
        ("^a$", ["a", "a\n", "a\n\n", "ba"], [True, True, False, False]),
        (r"a\$", ["a$", "a"], [True, False]),
        ("a.b", ["a\nb", "acb", "xa.bx"], [False, True, True]),
    ],
)
def test_patterns_are_pythons(regex: str, texts: list[str], found: list[bool]) -> None:
    frame = pl.DataFrame({"name": texts})
    rows = polars_gate.run(frame, [expectation(REGEX, column="name", regex=regex)])[0].rows
    assert rows is not None
    assert [i not in rows.to_list() for i in range(len(texts))] == found
    assert [re.search(regex, text) is not None for text in texts] == found


@pytest.mark.parametrize(
    ("type_", "kwargs"),
    [
        ("expect_column_mean_to_be_between", {"column": "n", "min_value": 0}),
        (BETWEEN, {"column": "n", "min_value": 0, "row_condition": "n>1", "condition_parser": "pandas"}),
        ("expect_column_values_to_be_unique", {"column": "words"}),
        (PAIR, {"column_A": "n", "column_B": "x"}),
    ],
)
def test_the_rest_is_left_to_great_expectations(type_: str, kwargs: dict[str, Any]) -> None:
    assert not polars_gate.supports(expectation(type_, **kwargs), FRAME.schema)
