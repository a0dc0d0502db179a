"""When people work: working days, hours of day and holidays, counted where they are and never where the machine is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

CLASSES = ("working", "evening", "night", "weekend", "holiday")
"""What an hour is to who lives through it. Night on any day is night; else a holiday and a day nobody works are what they
are; else it is working time or, before and after it, evening."""

_MINUTES = 24 * 60
_UTC = pl.Datetime("us", "UTC")
_YEARS = range(1990, 2061)
"""Years for which holidays are known."""
_GRID = "30m"
"""Every change of a zone's clock since 1990 falls on such a UTC instant, so none falls inside a segment."""


@dataclass(frozen=True)
class Hours:
    """A daily span of local wall time, half-open, in minutes after midnight; one that ends before it starts passes midnight."""

    start: int
    end: int

    @classmethod
    def parse(cls, text: str) -> Hours | None:
        """``09:00-17:00`` → :class:`Hours`; None for what is no such span."""
        match = re.fullmatch(r"(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})", text.strip())
        if not match or int(match[2]) > 59 or int(match[4]) > 59:
            return None
        start, end = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
        return cls(start, end) if start < _MINUTES and end <= _MINUTES and start != end else None

    def __str__(self) -> str:
        return "-".join(f"{minute // 60:02d}:{minute % 60:02d}" for minute in (self.start, self.end))

    @property
    def wraps(self) -> bool:
        """Whether it passes midnight."""
        return self.end < self.start

    def holds(self, minute: pl.Expr) -> pl.Expr:
        """Whether a minute of the day is in it."""
        after, before = minute >= self.start, minute < self.end
        return after | before if self.wraps else after & before

    def meets(self, other: Hours) -> bool:
        """Whether the two share a minute."""
        return any(self._has(minute) and other._has(minute) for minute in (self.start, other.start))

    def _has(self, minute: int) -> bool:
        after, before = minute >= self.start, minute < self.end
        return after or before if self.wraps else after and before


@dataclass(frozen=True)
class Calendar:
    """The ``[calendar]`` table of ``settings.toml``.

    ``holidays``: countries or their parts (``DE``, ``DE-BE``), days off in any of them, by the library ``holidays``;
    ``extra_holidays`` and ``no_holidays`` are added to those and taken from them. ``shift_hours``: how long one person
    is on call at a time. ``page_dedupe_minutes``: a page of the same incident to the same person at most so long after
    the last is the same page once more.
    """

    week_start: str = "monday"
    working_days: tuple[str, ...] = WEEKDAYS[:5]
    working_hours: Hours = Hours(9 * 60, 17 * 60)
    night_hours: Hours = Hours(22 * 60, 7 * 60)
    holidays: tuple[str, ...] = ()
    extra_holidays: tuple[date, ...] = ()
    no_holidays: tuple[date, ...] = ()
    shift_hours: float = 12.0
    page_dedupe_minutes: float = 10.0

    @property
    def first_weekday(self) -> int:
        """The weekday weeks begin on, 0 is Monday."""
        return WEEKDAYS.index(self.week_start)

    @property
    def days_off(self) -> tuple[date, ...]:
        """Every holiday from 1990 to 2060, in order; weekends are not in it."""
        return tuple(sorted((set(_regional(self.holidays)) | set(self.extra_holidays)) - set(self.no_holidays)))

    def told(self) -> dict[str, str]:
        """Each setting and its value as text, holidays last; what is not set is left out."""
        shown = {
            "week_start": self.week_start,
            "working_days": ", ".join(self.working_days),
            "working_hours": str(self.working_hours),
            "night_hours": str(self.night_hours),
            "shift_hours": f"{self.shift_hours:g}",
            "page_dedupe_minutes": f"{self.page_dedupe_minutes:g}",
            "holidays": ", ".join(self.holidays) or "none",
            "extra_holidays": ", ".join(day.isoformat() for day in self.extra_holidays),
            "no_holidays": ", ".join(day.isoformat() for day in self.no_holidays),
        }
        return {name: value for name, value in shown.items() if value}

    def is_working_day(self, day: pl.Expr) -> pl.Expr:
        """Whether a date is a weekday people work on and no holiday."""
        return self._weekday(day) & ~self._holiday(day)

    def working_days_between(self, first: npt.ArrayLike, end: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Working days from ``first`` up to, not including, ``end``, elementwise; 0 where ``end`` is not after it."""
        first, end = np.asarray(first, "datetime64[D]"), np.asarray(end, "datetime64[D]")
        mask = [day in self.working_days for day in WEEKDAYS]
        off = np.array(self.days_off, "datetime64[D]")
        return np.asarray(np.busday_count(first, np.maximum(first, end), weekmask=mask, holidays=off), np.int64)

    def hour_class(self, local: pl.Expr) -> pl.Expr:
        """One of :data:`CLASSES` for each local wall time (:func:`local_time`); null stays null."""
        minute = local.dt.hour().cast(pl.Int32) * 60 + local.dt.minute()
        day = local.dt.date()
        return (
            pl.when(local.is_null()).then(pl.lit(None, pl.String))
            .when(self.night_hours.holds(minute)).then(pl.lit("night"))
            .when(self._holiday(day)).then(pl.lit("holiday"))
            .when(~self._weekday(day)).then(pl.lit("weekend"))
            .when(self.working_hours.holds(minute)).then(pl.lit("working"))
            .otherwise(pl.lit("evening"))
        )  # fmt: skip

    def segments(self, zone: str, first: datetime, end: datetime) -> pl.DataFrame:
        """The instants from ``first`` up to ``end`` cut wherever their class changes in ``zone``.

        Columns: ``from``, ``to`` (UTC, half-open, without gaps), ``hour_class``. On a day the clock is put forward or back
        there are 23 or 25 hours of them.
        """
        grid = pl.datetime_range(first, end, _GRID, closed="left", time_unit="us", time_zone="UTC", eager=True)
        marks = {0, self.working_hours.start, self.working_hours.end, self.night_hours.start, self.night_hours.end}
        days = pl.date_range(first.date() - timedelta(days=1), end.date() + timedelta(days=1), eager=True)
        clock = pl.concat([days.cast(pl.Datetime("us")) + timedelta(minutes=minute) for minute in sorted(marks)])
        passes: tuple[Any, ...] = ("earliest", "latest")  # a wall time may come twice, or never
        told = [
            clock.dt.replace_time_zone(zone, ambiguous=which, non_existent="null").dt.convert_time_zone("UTC")
            for which in passes
        ]
        cuts = pl.concat([pl.Series([first]).cast(_UTC), grid.cast(_UTC), *(c.cast(_UTC) for c in told)]).drop_nulls()
        return (
            cuts.unique().sort().to_frame("from")
            .filter(pl.col("from") >= first, pl.col("from") < end)
            .with_columns(self.hour_class(_wall(pl.col("from"), zone)).alias("hour_class"))
            .filter(pl.col("hour_class").ne_missing(pl.col("hour_class").shift(1)))
            .select("from", pl.col("from").shift(-1, fill_value=end).alias("to"), "hour_class")
        )  # fmt: skip

    def hours_until(self, zone: str, first: datetime, moments: pl.Series) -> pl.DataFrame:
        """Hours of each class in ``zone`` from ``first`` until each of ``moments`` (UTC; before ``first``: null).

        One row per moment in the order given, one column per class. What passed between two moments is the difference.
        """
        last: Any = moments.max()
        if last is None:
            return pl.DataFrame({name: pl.repeat(None, len(moments), dtype=pl.Float64, eager=True) for name in CLASSES})
        segments = self.segments(zone, first, max(first, last) + timedelta(microseconds=1))
        length = (pl.col("to") - pl.col("from")).dt.total_microseconds()
        so_far = [
            (length * (pl.col("hour_class") == name)).cum_sum().shift(1, fill_value=0).alias(name) for name in CLASSES
        ]
        passed = (pl.col("at") - pl.col("from")).dt.total_microseconds()
        return (
            moments.cast(_UTC).to_frame("at").with_row_index("row").sort("at", nulls_last=True)
            .join_asof(
                segments.select("from", "hour_class", *so_far), left_on="at", right_on="from", strategy="backward",
                check_sortedness=False,
            )
            .sort("row")
            .select((pl.col(name) + passed * (pl.col("hour_class") == name)) / 3.6e9 for name in CLASSES)
        )  # fmt: skip

    def working_hours_between(self, start: pl.Series, end: pl.Series, zone: str) -> pl.Series:
        """Hours of working time in ``zone`` from each ``start`` up to ``end`` (UTC); null where either is, 0 if none."""
        both = pl.concat([start, end])
        first: Any = both.min()
        if first is None:
            return pl.repeat(None, len(start), dtype=pl.Float64, eager=True)
        until = self.hours_until(zone, first, both)["working"]
        return (until.slice(len(start)) - until.head(len(start))).clip(lower_bound=0)

    def _weekday(self, day: pl.Expr) -> pl.Expr:
        return day.dt.weekday().is_in([WEEKDAYS.index(name) + 1 for name in self.working_days])

    def _holiday(self, day: pl.Expr) -> pl.Expr:
        return day.is_in(list(self.days_off))


def local_time(at: pl.Expr, zone: pl.Expr, zones: Sequence[str], otherwise: str) -> pl.Expr:
    """The wall time (without zone) of each UTC instant in its row's zone.

    ``zones``: every zone that may come, few; a row whose zone is null or none of them is read in ``otherwise``. The
    work grows with the number of zones, not of rows, so it stays one expression over whole columns.
    """
    others = [name for name in dict.fromkeys(zones) if name != otherwise]
    chosen = _wall(at, otherwise)
    for name in others:
        chosen = pl.when(zone == name).then(_wall(at, name)).otherwise(chosen)
    return chosen


@cache
def is_time_zone(name: str) -> bool:
    """Whether ``name`` is a zone of the IANA list that is the same on every machine (``localtime`` is not)."""
    try:
        pl.select(pl.lit(datetime(2026, 1, 1)).dt.replace_time_zone("UTC").dt.convert_time_zone(name))
    except pl.exceptions.ComputeError:
        return False
    return bool(name)  # Polars takes an empty name for no zone at all


def unknown_regions(regions: Sequence[str]) -> list[str]:
    """Those of ``regions`` for which no holidays are known."""
    if not regions:
        return []
    from holidays import list_supported_countries

    known = list_supported_countries(include_aliases=True)
    names = {*known, *(f"{country}-{part}" for country, parts in known.items() for part in parts)}
    return [region for region in regions if region not in names]


def in_utc(wall: pl.Expr, zone: str) -> pl.Expr:
    """Wall time in ``zone``, or the beginning of a day there, as UTC (``Datetime("us", "UTC")``).

    What the clock skipped is an hour later by its face; what came twice is the first time.
    """
    face = wall.cast(pl.Datetime("us"))
    tries = (
        w.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null") for w in (face, face.dt.offset_by("1h"))
    )
    return pl.coalesce(*tries).dt.convert_time_zone("UTC").cast(_UTC)


def _wall(at: pl.Expr, zone: str) -> pl.Expr:
    return at.dt.convert_time_zone(zone).dt.replace_time_zone(None)


@cache
def _regional(regions: tuple[str, ...]) -> tuple[date, ...]:
    from holidays import country_holidays

    days: set[date] = set()
    for region in regions:
        country, _, part = region.partition("-")
        days |= set(country_holidays(country, subdiv=part or None, years=_YEARS))
    return tuple(sorted(days))
