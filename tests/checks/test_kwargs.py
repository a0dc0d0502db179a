"""What an expectation is told becomes the type of its column, or one sentence says why it cannot."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from suite_building import TABLE

from idp_analytics.checks.kwargs import KWARGS, native_kwargs

BETWEEN, LENGTHS = "expect_column_values_to_be_between", "expect_column_value_lengths_to_be_between"
IN_SET, REGEX = "expect_column_values_to_be_in_set", "expect_column_values_to_match_regex"
COMPOUND, COUNT = "expect_compound_columns_to_be_unique", "expect_table_row_count_to_be_between"
PAIR, EQUAL = "expect_column_pair_values_a_to_be_greater_than_b", "expect_column_pair_values_to_be_equal"
EXISTS = "expect_column_to_exist"
YEAR = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("type_", "kwargs", "values"),
    [
        (BETWEEN, {"column": "whole", "min_value": 1.5, "max_value": None}, {"column": "whole", "min_value": 1.5}),
        (BETWEEN, {"column": "money", "max_value": 0.5, "strict_max": True},
            {"column": "money", "max_value": Decimal("0.5"), "strict_max": True}),
        (BETWEEN, {"column": "at", "min_value": "2020-01-01T01:00:00+01:00"}, {"column": "at", "min_value": YEAR}),
        (BETWEEN, {"column": "day", "min_value": "2020-01-01", "mostly": 1},
            {"column": "day", "min_value": date(2020, 1, 1), "mostly": 1.0}),
        (LENGTHS, {"column": "colour", "min_value": 0}, {"column": "colour", "min_value": 0}),
        (IN_SET, {"column": "money", "value_set": [0.1, 2]}, {"column": "money", "value_set": (Decimal("0.1"), Decimal(2))}),
        (IN_SET, {"column": "flag", "value_set": [True]}, {"column": "flag", "value_set": (True,)}),
        (REGEX, {"column": "name", "regex": "^a$"}, {"column": "name", "regex": "^a$"}),
        (COMPOUND, {"column_list": ["name", "at"], "ignore_row_if": "never"}, {"column_list": ["name", "at"], "ignore_row_if": "never"}),
        (PAIR, {"column_A": "at", "column_B": "day", "or_equal": True}, {"column_A": "at", "column_B": "day", "or_equal": True}),
        (PAIR, {"column_A": "money", "column_B": "money", "ignore_row_if": "either_value_is_missing"},
            {"column_A": "money", "column_B": "money", "ignore_row_if": "either_value_is_missing"}),
        (EQUAL, {"column_A": "flag", "column_B": "flag"}, {"column_A": "flag", "column_B": "flag"}),
        (EXISTS, {"column": "nowhere", "column_index": 2}, {"column": "nowhere", "column_index": 2}),
        (COUNT, {"min_value": 1}, {"min_value": 1}),
        ("expect_column_max_to_be_between", {"column": "at", "max_value": "2020-01-01T00:00:00Z"}, {"column": "at", "max_value": YEAR}),
        ("expect_column_distinct_values_to_be_in_set", {"column": "day", "value_set": ["2020-01-01", "soon", 3]},
            {"column": "day", "value_set": (date(2020, 1, 1), "soon", 3)}),
        ("expect_column_mean_to_be_between", {"column": "whole", "min_value": "x"}, {"column": "whole", "min_value": "x"}),
    ],
)  # fmt: skip
def test_values_become_the_type_of_their_column(type_: str, kwargs: dict[str, Any], values: dict[str, Any]) -> None:
    found, problems = native_kwargs(type_, kwargs, TABLE)
    assert problems == []
    assert found == values
    assert {name: type(value) for name, value in found.items()} == {n: type(v) for n, v in values.items()}


@pytest.mark.parametrize(
    ("type_", "kwargs", "says"),
    [
        (BETWEEN, {"min_value": 1}, ["column is missing"]),
        (BETWEEN, {"column": "hole", "min_value": 1}, ["no column 'hole' in table 't'. Did you mean 'whole'?"]),
        (BETWEEN, {"column": 3, "min_value": 1}, ["no column 3 in table 't'. Known: at,"]),
        (BETWEEN, {"column": "whole", "stric_min": True, "min_value": 1}, ["stric_min: no such setting. Did you mean 'strict_min'?"]),
        (BETWEEN, {"column": "whole"}, ["needs min_value or max_value"]),
        (BETWEEN, {"column": "whole", "min_value": 3, "max_value": 1}, ["min_value 3 is above max_value 1"]),
        (BETWEEN, {"column": "whole", "min_value": 2**53}, ["min_value = 9007199254740992: must be a number (whole ones below 2**53)"]),
        (BETWEEN, {"column": "whole", "min_value": True}, ["min_value = True: must be a number"]),
        (BETWEEN, {"column": "real", "min_value": "1"}, ["min_value = '1': must be a number"]),
        (BETWEEN, {"column": "money", "min_value": 0.1}, ["min_value = 0.1: great-expectations keeps a bound as a float, which cannot hold this one"]),
        (BETWEEN, {"column": "money", "min_value": 10**14}, ["min_value = 100000000000000: must be a number below 10**14"]),
        (BETWEEN, {"column": "text", "min_value": "a"}, ["min_value = 'a': this column has no order; use a set, a pattern or a length"]),
        (BETWEEN, {"column": "words", "min_value": 1}, ["min_value = 1: this column has no order"]),
        (BETWEEN, {"column": "flag", "max_value": 1}, ["max_value = 1: this column has no order"]),
        (BETWEEN, {"column": "day", "min_value": "2020-13-01"}, ["min_value = '2020-13-01': must be a day, e.g. 2000-01-31"]),
        (BETWEEN, {"column": "at", "min_value": 3}, ["min_value = 3: must be a time with a zone, e.g. 2000-01-31T00:00:00Z"]),
        (BETWEEN, {"column": "at", "min_value": "2020-01-01T00:00:00"}, ["min_value = '2020-01-01T00:00:00': has no zone; write e.g."]),
        (BETWEEN, {"column": "whole", "min_value": 1, "mostly": 1.1, "strict_max": 0},
            ["strict_max = 0: must be true or false", "mostly = 1.1: must be a share between 0 and 1"]),
        (LENGTHS, {"column": "text", "min_value": -1}, ["min_value = -1: must be a whole number, 0 or more"]),
        (LENGTHS, {"column": "whole", "min_value": 1}, ["whole (integer) is not text"]),
        (COUNT, {"min_value": 1.5}, ["min_value = 1.5: must be a whole number, 0 or more"]),
        (IN_SET, {"column": "whole", "value_set": [1.5]}, ["value_set = [1.5]: must hold whole numbers"]),
        (IN_SET, {"column": "whole", "value_set": []}, ["value_set = []: must be a list with something in it"]),
        (IN_SET, {"column": "whole"}, ["value_set is missing"]),
        (IN_SET, {"column": "words", "value_set": ["a"]}, ["value_set = ['a']: a list has no single value to compare"]),
        (IN_SET, {"column": "text", "value_set": [1]}, ["value_set = [1]: must be text"]),
        (IN_SET, {"column": "flag", "value_set": ["true"]}, ["value_set = ['true']: must be true or false"]),
        (REGEX, {"column": "text", "regex": "["}, ["regex = '[': is no regular expression: unterminated character set"]),
        (REGEX, {"column": "text", "regex": "[[:alpha:]]"}, ["regex = '[[:alpha:]]': is no regular expression: Possible nested set"]),
        (REGEX, {"column": "text", "regex": 3}, ["regex = 3: must be text"]),
        (REGEX, {"column": "at", "regex": "a"}, ["at (timestamp (UTC, µs)) is not text"]),
        (COMPOUND, {"column_list": "name"}, ["column_list = 'name': must be a list of columns"]),
        (COMPOUND, {"column_list": ["name"]}, ["column_list = ['name']: must name two columns or more, each once"]),
        (COMPOUND, {"column_list": ["name", "name"]}, ["column_list = ['name', 'name']: must name two columns or more, each once"]),
        (COMPOUND, {"column_list": ["name", 3]}, ["no column 3 in table 't'."]),
        (COMPOUND, {"column_list": ["name", "at"], "ignore_row_if": "neither"},
            ["ignore_row_if = 'neither': must be one of all_values_are_missing, any_value_is_missing, never"]),
        (PAIR, {"column_A": "at", "column_B": "whole"}, ["at (timestamp (UTC, µs)) and whole (integer) cannot be compared"]),
        (PAIR, {"column_A": "flag", "column_B": "flag"}, ["flag is true or false and has no order"]),
        (PAIR, {"column_A": "money", "column_B": "money"}, ['money that may be empty needs "ignore_row_if": "either_value_is_missing"']),
        (PAIR, {"column_A": "at"}, ["column_B is missing"]),
        (EQUAL, {"column_A": "words", "column_B": "words"}, ["words (list of text) and words (list of text) cannot be compared"]),
        (EXISTS, {"column": 3}, ["column = 3: must be text"]),
        (EXISTS, {"column": "at", "column_index": -1}, ["column_index = -1: must be a whole number, 0 or more"]),
        ("expect_column_mean_to_be_between", {"column": "hole"}, ["no column 'hole' in table 't'. Did you mean 'whole'?"]),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(type_: str, kwargs: dict[str, Any], says: list[str]) -> None:
    _, problems = native_kwargs(type_, kwargs, TABLE)
    assert len(problems) == len(says), problems
    assert all(problem.startswith(start) for problem, start in zip(problems, says, strict=True)), problems


@pytest.mark.parametrize("type_", KWARGS)
def test_what_must_be_there_is_named_when_it_is_not(type_: str) -> None:
    _, problems = native_kwargs(type_, {}, TABLE)
    required, _ = KWARGS[type_]
    assert problems == [f"{name} is missing" for name in required] or (
        type_ == COUNT and problems == ["needs min_value or max_value"]
    )
