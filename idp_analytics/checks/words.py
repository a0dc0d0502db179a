"""An expectation, and how it went, in words for a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from idp_analytics.checks.kwargs import TIME
from idp_analytics.tables import Table

_SHOWN = 12


def says(type_: str, kwargs: Mapping[str, Any], table: Table) -> str:
    """What must hold, e.g. ``severity must be between 1 and 5``. ``kwargs`` as :func:`native_kwargs` gives them."""
    if type_ in _FACTS:
        where = f" where {kwargs['row_condition']}" if "row_condition" in kwargs else ""
        text = f"{kwargs.get('column', '')} {_FACTS[type_](kwargs, table)}{where}".strip()
    else:
        told = ", ".join(f"{name} {_text(value)}" for name, value in kwargs.items() if name != "mostly")
        text = f"{type_.replace('_', ' ')} ({told})"
    return text + (f" in at least {_percent(kwargs['mostly'])} of rows" if kwargs.get("mostly", 1) != 1 else "")


_FACTS: Mapping[str, Callable[[Mapping[str, Any], Table], str]] = {
    "expect_column_values_to_not_be_null": lambda *_: "must be known",
    "expect_column_values_to_be_null": lambda *_: "must be empty",
    "expect_column_values_to_be_unique": lambda *_: "must not occur twice",
    "expect_compound_columns_to_be_unique": lambda k, _: f"{_list(k['column_list'])} together must not occur twice",
    "expect_column_values_to_be_in_set": lambda k, _: f"must be one of {_list(k['value_set'])}",
    "expect_column_values_to_not_be_in_set": lambda k, _: f"must not be one of {_list(k['value_set'])}",
    "expect_column_values_to_be_between": lambda k, _: f"must be {_range(k)}",
    "expect_column_value_lengths_to_be_between": lambda k, _: f"must have a length of {_range(k)}",
    "expect_column_values_to_match_regex": lambda k, _: f"must match the pattern {k['regex']}",
    "expect_column_values_to_not_match_regex": lambda k, _: f"must not match the pattern {k['regex']}",
    "expect_column_pair_values_a_to_be_greater_than_b": lambda k, t: (
        f"{k['column_A']} must {_order(k, t)} {k['column_B']}"
    ),
    "expect_column_pair_values_to_be_equal": lambda k, _: f"{k['column_A']} must equal {k['column_B']}",
    "expect_table_row_count_to_be_between": lambda k, _: f"the number of rows must be {_range(k)}",
    "expect_column_to_exist": lambda k, _: (
        "must be there" + (f" as column {k['column_index'] + 1}" if k.get("column_index") else "")
    ),
}
"""What each type says of its column (or of the table)."""


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
    """With one decimal, or as many as it takes not to call a little less than all of it 100 %."""
    texts = (f"{100 * share:.{decimals}f}" for decimals in range(1, 15))
    text = next((text for text in texts if share == 1 or float(text) < 100), "100")
    return "under 0.1 %" if 0 < share < 0.001 else f"{text.removesuffix('.0')} %"


def _range(kwargs: Mapping[str, Any]) -> str:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    above = "more than" if kwargs.get("strict_min") else "at least"
    below = "less than" if kwargs.get("strict_max") else "at most"
    if isinstance(low if low is not None else high, date):
        above = "after" if kwargs.get("strict_min") else "on or after"
        below = "before" if kwargs.get("strict_max") else "on or before"
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
