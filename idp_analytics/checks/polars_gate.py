"""The fast gate: the expectations of one table in one lazy Polars pass, with great-expectations' meaning to the letter.

A missing value (null, or NaN in a column of floats) is left out except where nulls are the question; a pair is
compared when not both are missing, and a missing side fails it; duplicates are counted with every member of their
group. What is not done here in exactly the same way is left to great-expectations (:func:`supports`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from idp_analytics.checks.kwargs import IGNORE_ROW_IF
from idp_analytics.checks.suite import Expectation, Outcome
from idp_analytics.tables.numbered import as_text

_UTC = pl.Datetime("us", "UTC")
_CLASS = r"\[\^?(?:[^\\\[\]&~\n-]|\\[^\w\s]|-(?!-))+\]"
_REPEAT = r"(?:[*?+]|\{\d{1,3}(?:,(?:\d{1,3})?)?\})"
_PLAIN = re.compile(rf"\^?(?:\((?:\?:)?(?![*?+{{])|(?:[^\\\[\](){{}}*+?^$\n]|\\[^\w\s]|{_CLASS}|\)){_REPEAT}?)*\$?")
"""Patterns that mean the same to Python's ``re`` and to Rust's ``regex``: no ``\\d \\w \\s \\b``, no look-around."""


@dataclass(frozen=True)
class Mask:
    """Two boolean expressions: the rows an expectation applies to, and those of them that fail."""

    considered: pl.Expr
    failing: pl.Expr


def supports(expectation: Expectation, schema: Mapping[str, pl.DataType]) -> bool:
    """Whether this gate means exactly what great-expectations means by it, on columns of these types."""
    if "row_condition" in expectation.kwargs or "condition_parser" in expectation.kwargs:
        return False
    if expectation.type in _TABLE:
        return True
    if expectation.type not in _TESTS:
        return False
    dtypes = [schema[name] for name in expectation.columns]
    if any(dtype.is_nested() for dtype in dtypes):
        return "null" in expectation.type
    if "column_A" in expectation.kwargs and len({dtype.is_float() for dtype in dtypes}) > 1:
        return False  # whole numbers beside floats: pandas rounds the large ones, now this way, now that
    return "regex" not in expectation.kwargs or _PLAIN.fullmatch(expectation.kwargs["regex"]) is not None


def run(frame: pl.DataFrame, expectations: Sequence[Expectation]) -> list[Outcome]:
    """Mask all ``expectations`` (each supported) on one table, in one collect; the outcomes in the same order."""
    tests = {i: _mask(e, frame) for i, e in enumerate(expectations) if e.type in _TESTS}
    found = (
        as_text(frame.lazy())
        .select(
            *(test.considered.sum().alias(f"{i} n") for i, test in tests.items()),
            *(test.failing.arg_true().implode().alias(f"{i} rows") for i, test in tests.items()),
        )
        .collect()
        if tests
        else pl.DataFrame()
    )
    return [
        _outcome(e, frame.height, found[f"{i} n"][0], found[f"{i} rows"][0])
        if i in tests
        else Outcome(_TABLE[e.type](e, frame), frame.height, None, None, None, "polars")
        for i, e in enumerate(expectations)
    ]


def _mask(expectation: Expectation, frame: pl.DataFrame) -> Mask:
    """What an expectation asks of the rows of ``frame``."""
    if expectation.type == "expect_column_values_to_be_unique":
        column = frame[expectation.kwargs["column"]]
        if not column.dtype.is_float() and column.hash().n_unique() == frame.height:
            # Different hashes, different values: the rows need not be put together by their values.
            return Mask(pl.lit(column.is_not_null()), pl.repeat(False, pl.len(), dtype=pl.Boolean))
    schema = {name: pl.String() if isinstance(dtype, pl.Enum) else dtype for name, dtype in frame.schema.items()}
    return _TESTS[expectation.type](expectation, schema)


def _outcome(expectation: Expectation, height: int, considered: int, rows: pl.Series) -> Outcome:
    failed = rows.len()
    met = not considered or (considered - failed) / considered >= expectation.kwargs.get("mostly", 1.0)
    return Outcome(met, height, failed, failed / considered if considered else None, rows, "polars")


# --- rows ------------------------------------------------------------------------------------------------------------


def _value(name: str, schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """The column with every missing value null, and dates as the midnight they begin with."""
    column = pl.col(name)
    if schema[name].is_float():
        return column.fill_nan(None)
    return column.cast(_UTC) if schema[name] == pl.Date else column


def _where_known(value: pl.Expr, holds: pl.Expr) -> Mask:
    return Mask(value.is_not_null(), value.is_not_null() & ~holds)


def _not_null(e: Expectation, schema: Mapping[str, pl.DataType]) -> Mask:
    return Mask(pl.repeat(True, pl.len(), dtype=pl.Boolean), _value(e.kwargs["column"], schema).is_null())


def _null(e: Expectation, schema: Mapping[str, pl.DataType]) -> Mask:
    return Mask(pl.repeat(True, pl.len(), dtype=pl.Boolean), _value(e.kwargs["column"], schema).is_not_null())


def _unique(e: Expectation, schema: Mapping[str, pl.DataType]) -> Mask:
    value = _value(e.kwargs["column"], schema)
    return _where_known(value, pl.len().over(value) == 1)


def _compound(e: Expectation, schema: Mapping[str, pl.DataType]) -> Mask:
    values = [_value(name, schema) for name in e.columns]
    considered = _considered(e, "column_list", values)
    return Mask(considered, considered & (pl.len().over(values) > 1))


def _in_set(e: Expectation, schema: Mapping[str, pl.DataType]) -> Mask:
    value = _value(e.kwargs["column"], schema)
    return _where_known(value, _is_in(value, e, schema))


def _not_in_set(e: Expectation, schema: Mapping[str, pl.DataType]) -> Mask:
    value = _value(e.kwargs["column"], schema)
    return _where_known(value, ~_is_in(value, e, schema))


def _is_in(value: pl.Expr, e: Expectation, schema: Mapping[str, pl.DataType]) -> pl.Expr:
    dtype = schema[e.kwargs["column"]]
    members = pl.Series(e.kwargs["value_set"], dtype=dtype)
    return value.is_in((members.cast(_UTC) if dtype == pl.Date else members).implode())


def _between(e: Expectation, schema: Mapping[str, pl.DataType]) -> Mask:
    name = e.kwargs["column"]
    return _where_known(value := _value(name, schema), _within(value, e, schema[name]))


def _lengths(e: Expectation, schema: Mapping[str, pl.DataType]) -> Mask:
    value = _value(e.kwargs["column"], schema)
    return _where_known(value, _within(value.str.len_chars().cast(pl.Int64), e, pl.Int64()))


def _within(value: pl.Expr, e: Expectation, dtype: pl.DataType) -> pl.Expr:
    low, high = (_bound(e.kwargs.get(key), dtype) for key in ("min_value", "max_value"))
    sides = []
    if low is not None:
        sides.append(value > low if e.kwargs.get("strict_min") else value >= low)
    if high is not None:
        sides.append(value < high if e.kwargs.get("strict_max") else value <= high)
    return pl.all_horizontal(sides)


def _bound(bound: object, dtype: pl.DataType) -> pl.Expr | None:
    if bound is None:
        return None
    if isinstance(bound, date):
        midnight = bound if isinstance(bound, datetime) else datetime(bound.year, bound.month, bound.day)
        return pl.lit(midnight.replace(tzinfo=None)).dt.cast_time_unit("us").dt.replace_time_zone("UTC")
    return pl.lit(bound) if dtype.is_integer() and isinstance(bound, float) else pl.lit(bound, dtype)


def _regex(e: Expectation, schema: Mapping[str, pl.DataType]) -> Mask:
    value = _value(e.kwargs["column"], schema)
    return _where_known(value, _matches(value, e.kwargs["regex"]))


def _not_regex(e: Expectation, schema: Mapping[str, pl.DataType]) -> Mask:
    value = _value(e.kwargs["column"], schema)
    return _where_known(value, ~_matches(value, e.kwargs["regex"]))


def _matches(value: pl.Expr, regex: str) -> pl.Expr:
    """Found anywhere in the text. ``$`` also matches before a newline at the very end, as it does in Python."""
    return value.str.contains(regex[:-1] + r"(?:\n?\z)" if _ends_in_dollar(regex) else regex)


def _ends_in_dollar(regex: str) -> bool:
    body = regex.removesuffix("$")
    return body != regex and (len(body) - len(body.rstrip("\\"))) % 2 == 0


def _greater(e: Expectation, schema: Mapping[str, pl.DataType]) -> Mask:
    return _pair(e, schema, pl.Expr.ge if e.kwargs.get("or_equal") else pl.Expr.gt)


def _equal(e: Expectation, schema: Mapping[str, pl.DataType]) -> Mask:
    return _pair(e, schema, pl.Expr.eq)


def _pair(e: Expectation, schema: Mapping[str, pl.DataType], compare: Callable[[pl.Expr, pl.Expr], pl.Expr]) -> Mask:
    a, b = (_value(name, schema) for name in e.columns)
    considered = _considered(e, "column_A", [a, b])
    return Mask(considered, considered & ~compare(a, b).fill_null(False))


def _considered(e: Expectation, shape: str, values: Sequence[pl.Expr]) -> pl.Expr:
    unless_all, unless_any, _ = IGNORE_ROW_IF[shape]
    match e.kwargs.get("ignore_row_if", unless_all):
        case choice if choice == unless_all:
            return pl.any_horizontal(value.is_not_null() for value in values)
        case choice if choice == unless_any:
            return pl.all_horizontal(value.is_not_null() for value in values)
        case _:
            return pl.repeat(True, pl.len(), dtype=pl.Boolean)


_TESTS: Mapping[str, Callable[[Expectation, Mapping[str, pl.DataType]], Mask]] = {
    "expect_column_values_to_not_be_null": _not_null,
    "expect_column_values_to_be_null": _null,
    "expect_column_values_to_be_unique": _unique,
    "expect_compound_columns_to_be_unique": _compound,
    "expect_column_values_to_be_in_set": _in_set,
    "expect_column_values_to_not_be_in_set": _not_in_set,
    "expect_column_values_to_be_between": _between,
    "expect_column_value_lengths_to_be_between": _lengths,
    "expect_column_values_to_match_regex": _regex,
    "expect_column_values_to_not_match_regex": _not_regex,
    "expect_column_pair_values_a_to_be_greater_than_b": _greater,
    "expect_column_pair_values_to_be_equal": _equal,
}


# --- the table as a whole --------------------------------------------------------------------------------------------


def _row_count(e: Expectation, frame: pl.DataFrame) -> bool:
    return bool(pl.select(_within(pl.lit(frame.height, pl.Int64), e, pl.Int64())).item())


def _exists(e: Expectation, frame: pl.DataFrame) -> bool:
    """``column_index`` 0 asks for nothing more, as great-expectations has it."""
    name, index = e.kwargs["column"], e.kwargs.get("column_index")
    return frame.columns[index : index + 1] == [name] if index else name in frame.columns


_TABLE: Mapping[str, Callable[[Expectation, pl.DataFrame], bool]] = {
    "expect_table_row_count_to_be_between": _row_count,
    "expect_column_to_exist": _exists,
}
