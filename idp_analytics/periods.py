"""Weeks, months and quarters: labels, half-open bounds, and which of them an as-of time cuts short."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from idp_analytics.errors import ReportError

EVERY = ("1w", "1mo", "1q")
"""The lengths an answer can be asked by: ISO week (Monday), month, quarter."""

_LABELS = (
    (re.compile(r"(\d{4})-W(\d{2})"), "1w"),
    (re.compile(r"(\d{4})-Q([1-4])"), "1q"),
    (re.compile(r"(\d{4})-(\d{2})"), "1mo"),
)


@dataclass(frozen=True)
class Period:
    """One period: ``start`` is in it, ``end`` is the first day after it."""

    label: str
    every: str
    start: date
    end: date


def parse(label: str) -> Period:
    """``2026-03``, ``2026-Q1`` or ``2026-W09`` → :class:`Period`; raises :class:`ReportError` for anything else."""
    for pattern, every in _LABELS:
        match = pattern.fullmatch(label)
        if not match:
            continue
        year, part = int(match[1]), int(match[2])
        try:
            if every == "1w":
                start = date.fromisocalendar(year, part, 1)
            else:
                start = date(year, part if every == "1mo" else 3 * part - 2, 1)
        except ValueError:
            break
        return Period(label, every, start, following(start, every))
    raise ReportError(f"{label!r} is not a period. Write a month 2026-03, a quarter 2026-Q1 or an ISO week 2026-W09.")


def following(start: date, every: str) -> date:
    """The first day of the period after the one that starts on ``start``."""
    if every == "1w":
        return start + timedelta(days=7)
    month = start.month - 1 + (1 if every == "1mo" else 3)
    return date(start.year + month // 12, month % 12 + 1, 1)


def floor(day: date, every: str) -> date:
    """The first day of the period ``day`` falls in."""
    if every == "1w":
        return day - timedelta(days=day.weekday())
    return date(day.year, day.month if every == "1mo" else 3 * ((day.month - 1) // 3) + 1, 1)


def label(start: date, every: str) -> str:
    """The label of the period that starts on ``start``."""
    if every == "1w":
        year, week, _ = start.isocalendar()
        return f"{year}-W{week:02d}"
    return f"{start:%Y-%m}" if every == "1mo" else f"{start.year}-Q{(start.month + 2) // 3}"


def spine(first: date, last: date, every: str) -> pl.DataFrame:
    """All periods from the one ``first`` falls in to the one ``last`` falls in.

    Columns: ``every``, ``period`` (label), ``period_start``, ``period_end`` (exclusive). No gaps, oldest first.
    """
    rows = []
    start = floor(first, every)
    while start <= last:
        rows.append((every, label(start, every), start, following(start, every)))
        start = following(start, every)
    return pl.DataFrame(
        rows,
        schema={"every": pl.String, "period": pl.String, "period_start": pl.Date, "period_end": pl.Date},
        orient="row",
    )
