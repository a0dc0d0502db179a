"""An expectation, and how it went, in words for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from idp_analytics.checks.kwargs import TIME
from idp_analytics.tables import Table

_SHOWN = 12


def says(type_: str, kwargs: Mapping[str, Any], table: Table) -> str:
    """What must hold, e.g. ``severity must be between 1 and 5``. ``kwargs`` as :func:`native_kwargs` gives them."""
    column = kwargs.get("column")
    match type_:
        case "expect_column_values_to_not_be_null":
            text = f"{column} must be known"
        case "expect_column_values_to_be_null":
            text = f"{column} must be empty"
        case "expect_column_values_to_be_unique":
            text = f"{column} must not occur twice"
        case "expect_compound_columns_to_be_unique":
            text = f"{_list(kwargs['column_list'])} together must not occur twice"
        case "expect_column_values_to_be_in_set":
            text = f"{column} must be one of {_list(kwargs['value_set'])}"
        case "expect_column_values_to_not_be_in_set":
            text = f"{column} must not be one of {_list(kwargs['value_set'])}"
        case "expect_column_values_to_be_between":
            text = f"{column} must be {_range(kwargs)}"
        case "expect_column_value_lengths_to_be_between":
            text = f"{column} must be {_range(kwargs)} characters long"
        case "expect_column_values_to_match_regex":
            text = f"{column} must match the pattern {kwargs['regex']}"
        case "expect_column_values_to_not_match_regex":
            text = f"{column} must not match the pattern {kwargs['regex']}"
        case "expect_column_pair_values_a_to_be_greater_than_b":
            text = f"{kwargs['column_A']} must {_order(kwargs, table)} {kwargs['column_B']}"
        case "expect_column_pair_values_to_be_equal":
            text = f"{kwargs['column_A']} must equal {kwargs['column_B']}"
        case "expect_table_row_count_to_be_between":
            text = f"the number of rows must be {_range(kwargs)}"
        case "expect_column_to_exist":
            place = f" as column {kwargs['column_index'] + 1}" if "column_index" in kwargs else ""
            text = f"{column} must be there{place}"
        case _:
            told = ", ".join(f"{name} {_text(value)}" for name, value in kwargs.items() if name != "mostly")
            text = f"{type_.removeprefix('expect_').replace('_', ' ')} ({told})"
    if "row_condition" in kwargs and not text.endswith(")"):
        text += f" where {kwargs['row_condition']}"
    return text + (f" in at least {kwargs['mostly']:.4g} of rows" if kwargs.get("mostly", 1) != 1 else "")


def describe(row: Mapping[str, Any]) -> str:
    """One sentence about one row of the results (:data:`idp_analytics.checks.RESULTS`): what must hold, how often it
    does not, what became of those rows and what to do.
    """
    failed, where = row["unexpected_count"], f"expectations/{row['table']}.json"
    if failed is None:
        if row["success"]:
            return f"{row['table']}: {row['says']}: it does."
        then = "nothing may be published until it does" if row["severity"] == "critical" else "this is only a caution"
        return (
            f"{row['table']}: {row['says']}, and the table of {row['element_count']:,} rows does not meet that; "
            f"{then}. Mend the export, or {where} if the expectation is wrong."
        )
    if not failed:
        return f"{row['table']}: {row['says']}: so in every row it applies to."
    share = row["unexpected_share"]
    counted = f"{failed:,} of {round(failed / share):,} rows ({_percent(share)})"
    if row["success"]:
        return f"{row['table']}: {row['says']}: not so in {counted}, which is within what is allowed; the rows stay."
    if row["severity"] != "critical":
        return (
            f"{row['table']}: {row['says']}, but is not so in {counted}; the rows stay: look at them before you trust "
            f"what rests on {row['column']}."
        )
    gone = "all but the first of each are set aside" if "unique" in row["expectation"] else "these are set aside"
    return (
        f"{row['table']}: {row['says']}, but is not so in {counted}; {gone}. "
        f"Mend them at the source, or {where} if the expectation is wrong."
    )


def _percent(share: float) -> str:
    return "under 0.1 %" if 0 < share < 0.001 else f"{100 * share:.1f} %".replace(".0 %", " %")


def _range(kwargs: Mapping[str, Any]) -> str:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    above = "more than" if kwargs.get("strict_min") else "at least"
    below = "less than" if kwargs.get("strict_max") else "at most"
    if isinstance(low if low is not None else high, date):
        above = "after" if kwargs.get("strict_min") else "not before"
        below = "before" if kwargs.get("strict_max") else "not after"
    if low is None or high is None:
        return f"{below} {_text(high)}" if low is None else f"{above} {_text(low)}"
    if not kwargs.get("strict_min") and not kwargs.get("strict_max"):
        return f"between {_text(low)} and {_text(high)}"
    return f"{above} {_text(low)} and {below} {_text(high)}"


def _order(kwargs: Mapping[str, Any], table: Table) -> str:
    if table.column(kwargs["column_A"]).kind in TIME:
        return "not be before" if kwargs.get("or_equal") else "be after"
    return "not be less than" if kwargs.get("or_equal") else "be greater than"


def _list(values: Sequence[Any]) -> str:
    more = f", … ({len(values)} in all)" if len(values) > _SHOWN else ""
    return ", ".join(_text(value) for value in values[:_SHOWN]) + more


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z").replace("T00:00:00Z", "")
    if isinstance(value, Decimal):
        return f"{value:f}"
    return _list(value) if isinstance(value, list | tuple) else str(value)
