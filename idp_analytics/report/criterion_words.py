"""How what a criterion of maturity looks at is told: its number, its interval, what is wanted of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idp_analytics.charts.wording import NOTHING, interval, quantity, significant
from idp_analytics.metrics.maturity.measured import COUNTED

Row = Mapping[str, Any]
"""A row with the columns of :data:`idp_analytics.metrics.maturity.evidence.CRITERIA`."""


def number(value: float | None, unit: str | None) -> str:
    """The number with its unit, where it is one that is written with it."""
    if value is None:
        return NOTHING
    if unit and _is_told(unit):
        return quantity(value, unit)
    return significant(value) if value % 1 else f"{value:,.0f}"


def bounds(row: Row) -> str:
    """The interval; nothing of what was counted whole. Of a median that was not reached, where it lies at least."""
    if row["low"] is None or row["kind"] == COUNTED:
        return ""
    if _is_told(row["unit"]):
        return interval(row["low"], row["high"], row["unit"], row["value"])
    if row["high"] is None:
        return f"above {significant(row['low'], row['value'])}"
    return f"{significant(row['low'], row['value'])}–{significant(row['high'], row['value'])}"


def wanted(row: Row) -> str:
    """The threshold in words: ``at least 60.0 %``."""
    return f"{'at least' if row['is_least'] else 'at most'} {number(row['threshold'], row['unit'])}"


def span(level: int | None, low: int | None, high: int | None) -> str:
    """A level and its bounds, held together: ``3 (1–3)``; the bounds alone where no level can be told."""
    if low is None or high is None:
        return NOTHING
    bounds = f"{low}" if low == high else f"{low}\u2060–\u2060{high}"
    return bounds if level is None or low == high else f"{level}\u00a0({bounds})"


def _is_told(unit: str | None) -> bool:
    """Whether numbers of the unit are written with it: percents and times."""
    return bool(unit) and str(unit).startswith(("share", "hours", "days"))
