"""Weeks, months and quarters: labels, half-open bounds, and which of them an as-of time cuts short."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from idp_analytics.errors import ReportError

EVERY = ("1w", "1mo", "1q")
"""The lengths an answer can be asked by: week (from Monday unless the calendar says otherwise), month, quarter."""

SHOWN = {"1w": 26, "1mo": 13, "1q": 8}
"""How many periods a chart and its table go back at most: a year and the same month of the year before."""

MONDAY = 0
"""The day a week begins on unless told otherwise, counted as :meth:`datetime.date.weekday` does."""

_LABELS = (
    (re.compile(r"(\d{4})-W(\d{2})"), "1w"),
    (re.compile(r"(\d{4})-w-(\d{2})-(\d{2})"), "1w"),
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
    """``2026-03``, ``2026-Q1``, ``2026-W09`` or ``2026-w-03-01`` → :class:`Period`; raises :class:`ReportError` for
    anything else.

    ``2026-w-03-01`` is the week that begins on 1 March 2026, a Sunday. A week from Monday has its ISO label and no other,
    so that one period has one name.
    """
    for pattern, every in _LABELS:
        match = pattern.fullmatch(label)
        if not match:
            continue
        year, part = int(match[1]), int(match[2])
        try:
            if every == "1w" and len(match.groups()) == 3:
                start = date(year, part, int(match[3]))
                if start.weekday() == MONDAY:
                    break
            elif every == "1w":
                start = date.fromisocalendar(year, part, 1)
            else:
                start = date(year, part if every == "1mo" else 3 * part - 2, 1)
        except ValueError:
            break
        return Period(label, every, start, following(start, every))
    raise ReportError(
        f"{label!r} is not a period. Write a month 2026-03, a quarter 2026-Q1, an ISO week 2026-W09 or, for weeks that do "
        "not begin on Monday, the day one begins on: 2026-w-03-01."
    )


def following(start: date, every: str) -> date:
    """The first day of the period after the one that starts on ``start``."""
    if every == "1w":
        return start + timedelta(days=7)
    month = start.month - 1 + (1 if every == "1mo" else 3)
    return date(start.year + month // 12, month % 12 + 1, 1)


def preceding(start: date, every: str) -> date:
    """The first day of the period before the one that starts on ``start``."""
    return start - timedelta(days=7) if every == "1w" else floor(start - timedelta(days=1), every)


def course(period: Period, count: int) -> tuple[Period, ...]:
    """``period`` and those before it, ``count`` in all, oldest first."""
    found = [period]
    while len(found) < count:
        start = preceding(found[0].start, period.every)
        found.insert(0, Period(label(start, period.every), period.every, start, found[0].start))
    return tuple(found)


def floor(day: date, every: str, week_start: int = MONDAY) -> date:
    """The first day of the period ``day`` falls in; ``week_start``: the weekday weeks begin on, 0 is Monday."""
    if every == "1w":
        return day - timedelta(days=(day.weekday() - week_start) % 7)
    return date(day.year, day.month if every == "1mo" else 3 * ((day.month - 1) // 3) + 1, 1)


def floored(day: pl.Expr, every: str, week_start: int = MONDAY) -> pl.Expr:
    """:func:`floor` of a column of dates."""
    if every != "1w" or week_start == MONDAY:
        return day.dt.truncate(every)
    return day.dt.offset_by(f"-{week_start}d").dt.truncate("1w").dt.offset_by(f"{week_start}d")


def label(start: date, every: str) -> str:
    """The label of the period that starts on ``start``; :func:`parse` takes it back."""
    if every == "1w":
        year, week, weekday = start.isocalendar()
        return f"{year}-W{week:02d}" if weekday == 1 else f"{start.year:04d}-w-{start:%m-%d}"
    return f"{start:%Y-%m}" if every == "1mo" else f"{start.year}-Q{(start.month + 2) // 3}"


def spine(first: date, last: date, every: str, week_start: int = MONDAY) -> pl.DataFrame:
    """All periods from the one ``first`` falls in to the one ``last`` falls in.

    Columns: ``every``, ``period`` (label), ``period_start``, ``period_end`` (exclusive). No gaps, oldest first.
    """
    rows = []
    start = floor(first, every, week_start)
    while start <= last:
        rows.append((every, label(start, every), start, following(start, every)))
        start = following(start, every)
    return pl.DataFrame(
        rows,
        schema={"every": pl.String, "period": pl.String, "period_start": pl.Date, "period_end": pl.Date},
        orient="row",
    )
