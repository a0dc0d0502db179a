"""What each expectation may be told: names, kinds and sense of its kwargs; values become the type of their column."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from idp_analytics.errors import nearest
from idp_analytics.tables import Kind, Table

_BOUNDS = ("min_value", "max_value", "strict_min", "strict_max")
_MAP = ("mostly", "row_condition", "condition_parser")

KWARGS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "expect_column_values_to_not_be_null": (("column",), _MAP),
    "expect_column_values_to_be_null": (("column",), _MAP),
    "expect_column_values_to_be_unique": (("column",), _MAP),
    "expect_compound_columns_to_be_unique": (("column_list",), ("ignore_row_if", *_MAP)),
    "expect_column_values_to_be_in_set": (("column", "value_set"), _MAP),
    "expect_column_values_to_not_be_in_set": (("column", "value_set"), _MAP),
    "expect_column_values_to_be_between": (("column",), (*_BOUNDS, *_MAP)),
    "expect_column_value_lengths_to_be_between": (("column",), (*_BOUNDS, *_MAP)),
    "expect_column_values_to_match_regex": (("column", "regex"), _MAP),
    "expect_column_values_to_not_match_regex": (("column", "regex"), _MAP),
    "expect_column_pair_values_a_to_be_greater_than_b": (
        ("column_A", "column_B"),
        ("or_equal", "ignore_row_if", *_MAP),
    ),
    "expect_column_pair_values_to_be_equal": (("column_A", "column_B"), ("ignore_row_if", *_MAP)),
    "expect_table_row_count_to_be_between": ((), (*_BOUNDS, "row_condition", "condition_parser")),
    "expect_column_to_exist": (("column",), ("column_index",)),
}
"""The expectations the kit runs itself: type → (kwargs that must be there, kwargs that may be).

great-expectations judges the kwargs of every other type.
"""

IGNORE_ROW_IF = {
    "column_list": ("all_values_are_missing", "any_value_is_missing", "never"),
    "column_A": ("both_values_are_missing", "either_value_is_missing", "neither"),
}
"""Which rows an expectation about several columns leaves out; the first is great-expectations' default."""

TEXT = (Kind.ID, Kind.TEXT, Kind.ENUM, Kind.ZONE, Kind.COUNTS)
TIME = (Kind.DATE, Kind.TIMESTAMP)
_COMPARABLE = (TEXT, TIME, (Kind.NUMBER, Kind.INTEGER), (Kind.MONEY,), (Kind.BOOLEAN,))
_COUNTED = ("expect_column_value_lengths_to_be_between", "expect_table_row_count_to_be_between")
_EXACT = 2**53  # below it every whole number is exact as a float, which is what great-expectations makes of a bound
_MOST_MONEY = 10**14  # the digits Decimal(38, 24) has before the point


def native_kwargs(type_: str, kwargs: Mapping[str, Any], table: Table) -> tuple[dict[str, Any], list[str]]:
    """The kwargs as written in JSON → the same with values in the type of their column, and what is wrong with them."""
    given = {name: value for name, value in kwargs.items() if value is not None}
    problems = _unknown_columns(type_, given, table)
    if problems:
        return given, problems
    kind = table.column(given["column"]).kind if given.get("column") in table.schema else None
    if type_ not in KWARGS:
        return {name: _time_or_as_is(value, kind) for name, value in given.items()}, []

    required, optional = KWARGS[type_]
    problems += [f"{name} is missing" for name in required if name not in given]
    allowed = (*required, *optional)
    problems += [f"{name}: no such setting.{nearest(name, allowed)}" for name in kwargs if name not in allowed]
    if "column" in required and "column" not in given:
        return given, problems  # what a value may be depends on its column
    values: dict[str, Any] = {}
    for name in allowed:
        if name in given:
            try:
                values[name] = _native(name, given[name], type_, kind)
            except ValueError as error:
                problems.append(f"{name} = {given[name]!r}: {error}")
    return values, problems or _contradictions(type_, values, table)


def _unknown_columns(type_: str, kwargs: Mapping[str, Any], table: Table) -> list[str]:
    named = [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs]
    several = kwargs.get("column_list", [])
    if not isinstance(several, list):
        return [f"column_list = {several!r}: must be a list of columns"]
    if "column_list" in kwargs and len(set(map(str, several))) < max(2, len(several)):
        return [f"column_list = {several!r}: must name two columns or more, each once"]
    if type_ == "expect_column_to_exist":
        return [] if all(isinstance(name, str) for name in named) else [f"column = {named[0]!r}: must be text"]
    return [
        f"no column {name!r} in table {table.name!r}.{nearest(str(name), table.schema)}"
        for name in (*named, *several)
        if not isinstance(name, str) or name not in table.schema
    ]


def _native(name: str, value: Any, type_: str, kind: Kind | None) -> Any:
    match name:
        case "min_value" | "max_value" if type_ in _COUNTED:
            return _count(value)
        case "min_value" | "max_value":
            return _bound(value, kind)
        case "column_index":
            return _count(value)
        case "strict_min" | "strict_max" | "or_equal":
            return _flag(value)
        case "mostly":
            return _share(value)
        case "value_set":
            return _set(value, kind)
        case "regex":
            return _regex(value)
        case "ignore_row_if":
            choices = IGNORE_ROW_IF["column_list" if "compound" in type_ else "column_A"]
            if value not in choices:
                raise ValueError(f"must be one of {', '.join(choices)}")
            return value
        case _:
            return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004 - all that is wrong with a file is gathered as ValueError
    return value


def _share(value: Any) -> float:
    if not _is_number(value) or not 0 <= value <= 1:
        raise ValueError("must be a share between 0 and 1")
    return float(value)


def _word(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")  # noqa: TRY004
    return value


def _regex(value: Any) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "error"
            )  # Python warns of sets like [[:alpha:]] and [a&&b], which it will read otherwise
            re.compile(_word(value))
    except (re.error, FutureWarning) as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return str(value)


def _set(value: Any, kind: Kind | None) -> tuple[Any, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list with something in it")
    if kind is Kind.INTEGER and not all(isinstance(member, int) for member in value):
        raise ValueError("must hold whole numbers")
    return tuple(_value(member, kind) for member in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("must be a whole number, 0 or more")
    return value


def _bound(value: Any, kind: Kind | None) -> Any:
    if kind in TEXT or kind in (Kind.BOOLEAN, Kind.TEXTS):
        raise ValueError("this column has no order; use a set, a pattern or a length")
    bound = _value(value, kind)
    if isinstance(bound, Decimal) and bound != Decimal(float(value)):
        raise ValueError(
            "great-expectations keeps a bound as a float, which cannot hold this one; use e.g. 0, 100 or 0.5"
        )
    return bound


def _value(value: Any, kind: Kind | None) -> Any:
    """One JSON value as the Python value of a column of ``kind``; ``ValueError`` says why it cannot be one."""
    match kind:
        case Kind.NUMBER | Kind.INTEGER:
            if not _is_number(value) or (isinstance(value, int) and abs(value) >= _EXACT):
                raise ValueError("must be a number (whole ones below 2**53)")
            return value
        case Kind.MONEY:
            if not _is_number(value) or abs(value) >= _MOST_MONEY:
                raise ValueError("must be a number below 10**14")
            return Decimal(repr(value))
        case Kind.BOOLEAN:
            return _flag(value)
        case Kind.DATE | Kind.TIMESTAMP:
            return _time(value, kind)
        case Kind.TEXTS:
            raise ValueError("a list has no single value to compare")
        case _:
            return _word(value)


def _time(value: Any, kind: Kind) -> date:
    try:
        if kind is Kind.DATE:
            return date.fromisoformat(value)
        at = datetime.fromisoformat(value)
    except (ValueError, TypeError):
        wanted = "a day, e.g. 2000-01-31" if kind is Kind.DATE else "a time with a zone, e.g. 2000-01-31T00:00:00Z"
        raise ValueError(f"must be {wanted}") from None
    if at.tzinfo is None:
        raise ValueError("has no zone; write e.g. 2000-01-31T00:00:00Z")
    return at.astimezone(UTC)


def _time_or_as_is(value: Any, kind: Kind | None) -> Any:
    """For types great-expectations runs: text that is a time of the column becomes one, all else stays as it is."""
    if kind in TIME and isinstance(value, list):
        return tuple(_time_or_as_is(member, kind) for member in value)
    if kind in TIME and isinstance(value, str):
        try:
            return _time(value, kind)
        except ValueError:
            return value
    return value


def _contradictions(type_: str, values: Mapping[str, Any], table: Table) -> list[str]:
    """What is wrong with kwargs that are each right."""
    low, high = values.get("min_value"), values.get("max_value")
    if type_.endswith("_between") and low is None and high is None:
        return ["needs min_value or max_value"]
    if low is not None and high is not None and low > high:
        return [f"min_value {low} is above max_value {high}"]
    if "regex" in values or type_ == "expect_column_value_lengths_to_be_between":
        kind = table.column(values["column"]).kind
        return [] if kind in TEXT else [f"{values['column']} ({kind.value}) is not text"]
    if "column_A" in values:
        return _incomparable(type_, values, table)
    return []


def _incomparable(type_: str, values: Mapping[str, Any], table: Table) -> list[str]:
    a, b = (table.column(values[key]).kind for key in ("column_A", "column_B"))
    if not any(a in group and b in group for group in _COMPARABLE):
        return [f"{values['column_A']} ({a.value}) and {values['column_B']} ({b.value}) cannot be compared"]
    if "greater" in type_ and a is Kind.BOOLEAN:
        return [f"{values['column_A']} is true or false and has no order"]
    if "greater" in type_ and a is Kind.MONEY and values.get("ignore_row_if") != "either_value_is_missing":
        return ['money that may be empty needs "ignore_row_if": "either_value_is_missing"']
    return []
