"""An expectation, and how it went, in words a person can act on."""

from __future__ import annotations

from typing import Any

import pytest
from suite_building import TABLE, entry, suite

from idp_analytics.checks.kwargs import KWARGS
from idp_analytics.checks.suite import parse
from idp_analytics.checks.words import _FACTS, describe

BETWEEN = "expect_column_values_to_be_between"
PAIR = "expect_column_pair_values_a_to_be_greater_than_b"
EITHER = {"ignore_row_if": "either_value_is_missing"}

SAYS: list[tuple[str, dict[str, Any], str]] = [
    ("expect_column_values_to_not_be_null", {"column": "at"}, "at must be known"),
    ("expect_column_values_to_be_null", {"column": "at"}, "at must be empty"),
    ("expect_column_values_to_be_unique", {"column": "at"}, "at must not occur twice"),
    ("expect_compound_columns_to_be_unique", {"column_list": ["name", "at"]}, "name, at together must not occur twice"),
    ("expect_column_values_to_be_in_set", {"column": "colour", "value_set": ["red", "green"]}, "colour must be one of red, green"),
    ("expect_column_values_to_not_be_in_set", {"column": "money", "value_set": [0.1]}, "money must not be one of 0.1"),
    ("expect_column_values_to_be_in_set", {"column": "text", "value_set": [*"abcdefghijklmn"]},
        "text must be one of a, b, c, d, e, f, g, h, i, j, k, l, … (14 in all)"),
    ("expect_column_values_to_be_in_set", {"column": "at", "value_set": ["2020-01-01T00:00:00Z", "2020-01-01T10:30:00Z"]},
        "at must be one of 2020-01-01, 2020-01-01T10:30:00Z"),
    (BETWEEN, {"column": "whole", "min_value": 1}, "whole must be at least 1"),
    (BETWEEN, {"column": "whole", "min_value": 1, "strict_min": True}, "whole must be more than 1"),
    (BETWEEN, {"column": "whole", "max_value": 1}, "whole must be at most 1"),
    (BETWEEN, {"column": "whole", "max_value": 1, "strict_max": True}, "whole must be less than 1"),
    (BETWEEN, {"column": "whole", "min_value": 1, "max_value": 5}, "whole must be between 1 and 5"),
    (BETWEEN, {"column": "money", "min_value": 0, "max_value": 5, "strict_min": True}, "money must be more than 0 and at most 5"),
    (BETWEEN, {"column": "at", "min_value": "2020-01-01T00:00:00Z"}, "at must be on or after 2020-01-01"),
    (BETWEEN, {"column": "day", "max_value": "2020-01-01", "strict_max": True}, "day must be before 2020-01-01"),
    (BETWEEN, {"column": "day", "min_value": "2020-01-01", "max_value": "2021-01-01", "strict_min": True},
        "day must be after 2020-01-01 and on or before 2021-01-01"),
    ("expect_column_value_lengths_to_be_between", {"column": "text", "max_value": 9}, "text must have a length of at most 9"),
    ("expect_column_values_to_match_regex", {"column": "text", "regex": "^a$"}, "text must match the pattern ^a$"),
    ("expect_column_values_to_not_match_regex", {"column": "text", "regex": "^a$"}, "text must not match the pattern ^a$"),
    (PAIR, {"column_A": "at", "column_B": "day"}, "at must be after day"),
    (PAIR, {"column_A": "at", "column_B": "day", "or_equal": True}, "at must not be before day"),
    (PAIR, {"column_A": "whole", "column_B": "real"}, "whole must be greater than real"),
    (PAIR, {"column_A": "money", "column_B": "money", "or_equal": True, **EITHER}, "money must not be less than money"),
    ("expect_column_pair_values_to_be_equal", {"column_A": "text", "column_B": "name"}, "text must equal name"),
    ("expect_table_row_count_to_be_between", {"min_value": 1}, "the number of rows must be at least 1"),
    ("expect_column_to_exist", {"column": "at"}, "at must be there"),
    ("expect_column_to_exist", {"column": "at", "column_index": 2}, "at must be there as column 3"),
    (BETWEEN, {"column": "whole", "min_value": 1, "mostly": 0.95}, "whole must be at least 1 in at least 95 % of rows"),
    (BETWEEN, {"column": "whole", "min_value": 1, "mostly": 0.9995}, "whole must be at least 1 in at least 99.95 % of rows"),
    (BETWEEN, {"column": "whole", "min_value": 1, "mostly": 0.0001}, "whole must be at least 1 in at least under 0.1 % of rows"),
    (BETWEEN, {"column": "whole", "min_value": 1, "mostly": 1}, "whole must be at least 1"),
    ("expect_column_values_to_not_be_null", {"column": "at", "row_condition": "whole>1", "condition_parser": "pandas"}, "at must be known where whole>1"),
    ("expect_column_mean_to_be_between", {"column": "whole", "min_value": 1, "mostly": 0.5},
        "expect column mean to be between (column whole, min_value 1) in at least 50 % of rows"),
    ("expect_column_distinct_values_to_be_in_set", {"column": "day", "value_set": ["2020-01-01", "2020-02-01"]},
        "expect column distinct values to be in set (column day, value_set 2020-01-01, 2020-02-01)"),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "kwargs", "says"), SAYS)
def test_a_fact_in_words(type_: str, kwargs: dict[str, Any], says: str) -> None:
    (found,), problems = parse(suite(entry(type_, **kwargs)), TABLE)
    assert problems == []
    assert found.says == says


def test_every_expectation_the_kit_runs_has_words_of_its_own() -> None:
    assert _FACTS.keys() == KWARGS.keys() == {type_ for type_, _, _ in SAYS} & KWARGS.keys()


ROW = {
    "table": "t", "expectation": BETWEEN, "column": "whole", "says": "whole must be at least 1", "severity": "critical",
    "success": False, "element_count": 2000, "unexpected_count": 3, "unexpected_share": 0.003,
}  # fmt: skip
WHOLE = {"says": "the number of rows must be at least 1", "unexpected_count": None, "unexpected_share": None}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "t: whole must be at least 1, but is not so in 3 of 1,000 rows (0.3 %); these are set aside. Mend them at the "
             "source, or expectations/t.json if the expectation is wrong."),
        ({"expectation": "expect_column_values_to_be_unique"}, "t: whole must be at least 1, but is not so in 3 of 1,000 rows "
             "(0.3 %); all but the first of each are set aside. Mend them at the source, or expectations/t.json if the "
             "expectation is wrong."),
        ({"severity": "warning"}, "t: whole must be at least 1, but is not so in 3 of 1,000 rows (0.3 %); the rows stay: look at "
             "them before you trust what rests on whole."),
        ({"success": True}, "t: whole must be at least 1: not so in 3 of 1,000 rows (0.3 %), which is within what is allowed; "
             "the rows stay."),
        ({"success": True, "unexpected_count": 0, "unexpected_share": 0.0}, "t: whole must be at least 1: so in every row it applies to."),
        ({"success": True, "unexpected_count": 0, "unexpected_share": None}, "t: whole must be at least 1: so in every row it applies to."),
        ({"unexpected_count": 1999, "unexpected_share": 0.9995}, "t: whole must be at least 1, but is not so in 1,999 of 2,000 rows "
             "(99.95 %); these are set aside. Mend them at the source, or expectations/t.json if the expectation is wrong."),
        ({"unexpected_count": 2000, "unexpected_share": 1.0, "severity": "info"}, "t: whole must be at least 1, but is not so in 2,000 "
             "of 2,000 rows (100 %); the rows stay: look at them before you trust what rests on whole."),
        ({"unexpected_count": 1, "unexpected_share": 0.0005, "severity": "info"}, "t: whole must be at least 1, but is not so in 1 of "
             "2,000 rows (under 0.1 %); the rows stay: look at them before you trust what rests on whole."),
        (WHOLE, "t: the number of rows must be at least 1, and the table of 2,000 rows does not meet that; nothing may be published "
             "until it does. Mend the export, or expectations/t.json if the expectation is wrong."),
        ({**WHOLE, "severity": "warning"}, "t: the number of rows must be at least 1, and the table of 2,000 rows does not meet that; "
             "this is only a caution. Mend the export, or expectations/t.json if the expectation is wrong."),
        ({**WHOLE, "success": True}, "t: the number of rows must be at least 1: it does."),
    ],
)  # fmt: skip
def test_a_result_is_one_sentence_that_says_what_to_do(changes: dict[str, Any], sentence: str) -> None:
    assert describe({**ROW, **changes}) == sentence
