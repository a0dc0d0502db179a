"""The spans of time a definition is evaluated over, in local wall time, and which of them a fact falls into."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import polars as pl

WINDOW: dict[str, pl.DataType | type[pl.DataType]] = {
    "every": pl.String,
    "period": pl.String,
    "start": pl.Datetime("us"),
    "end": pl.Datetime("us"),
    "days": pl.Float64,
}
"""A frame of windows: ``every`` and ``period`` name it, ``start`` is in it, ``end`` no longer (both local wall time),
``days`` are those the data cover of it. Windows of the same ``every`` do not overlap."""


def windows(spans: Sequence[tuple[str, str, datetime, datetime]]) -> pl.DataFrame:
    """Windows from (every, period, start, end), all covered: the days are those between start and end."""
    rows = [(every, period, start, end, (end - start) / timedelta(days=1)) for every, period, start, end in spans]
    return pl.DataFrame(rows, schema=WINDOW, orient="row")


def calendar_windows(calendar: pl.DataFrame) -> pl.DataFrame:
    """Windows from the periods of :func:`idp_analytics.metrics.grid.calendar`."""
    return calendar.select(
        "every",
        "period",
        pl.col("period_start").cast(WINDOW["start"]).alias("start"),
        pl.col("period_end").cast(WINDOW["end"]).alias("end"),
        pl.col("days").cast(pl.Float64),
    )


def fortnights(first: datetime, last: datetime) -> list[tuple[datetime, datetime]]:
    """(start, end) of the fortnights Metrik draws, oldest first: counted back from the day of ``last``, which is in it,
    the oldest cut short by ``first``."""
    end = datetime.combine(last.date(), datetime.min.time()) + timedelta(days=1)
    found = []
    while end > first:
        start = end - timedelta(days=14)
        found.append((max(start, first), end))
        end = start
    return _closed(found[::-1], last)


def months(first: datetime, last: datetime) -> list[tuple[datetime, datetime]]:
    """(start, end) of the calendar months Metrik draws, oldest first, cut short by ``first`` and ``last``."""
    found, start = [], first
    while start <= last:
        following = date(start.year + start.month // 12, start.month % 12 + 1, 1)
        end = datetime.combine(following, datetime.min.time())
        found.append((start, end))
        start = end
    return _closed(found, last)


def _closed(spans: list[tuple[datetime, datetime]], last: datetime) -> list[tuple[datetime, datetime]]:
    """The last span ends with ``last``, which is still in it (a half-open end lies a microsecond after)."""
    return [*spans[:-1], (spans[-1][0], last + timedelta(microseconds=1))] if spans else []


def placed(frame: pl.LazyFrame, spans: pl.DataFrame, zone: str, at: str = "at") -> pl.LazyFrame:
    """``frame`` once per window its ``at`` (UTC) falls into, with ``every``, ``period`` and ``local``, its wall time.

    What falls into no window is left out.
    """
    # What lies in no window at all is not sorted: the latest few periods of years of data are quickly placed.
    local = between(frame, pl.col(at), spans, zone)
    local = local.with_columns(wall_time(pl.col(at), zone).alias("local")).sort("local")
    parts = []
    for (every,), part in spans.sort("start").partition_by("every", as_dict=True, maintain_order=True).items():
        starts = part.lazy().select("period", pl.col("start").alias("local"), "end")
        found = local.join_asof(starts, on="local", strategy="backward").filter(pl.col("local") < pl.col("end"))
        parts.append(found.drop("end").with_columns(pl.lit(every).alias("every")))
    none = local.head(0).with_columns(pl.lit(None, pl.String).alias(name) for name in ("period", "every"))
    return pl.concat(parts) if parts else none


def between(frame: pl.LazyFrame, at: pl.Expr, spans: pl.DataFrame, zone: str) -> pl.LazyFrame:
    """The rows of ``frame`` with ``at`` (UTC) from the start of the first window on, and before the end of the last."""
    first, last = (pl.lit(day, WINDOW["start"]) for day in (spans["start"].min(), spans["end"].max()))
    # No zone is a day away from UTC. Few rows of years of data are that near, and only theirs is the wall time worked out.
    a_day = timedelta(days=1)
    near = (at >= (first - a_day).dt.replace_time_zone("UTC")) & (at < (last + a_day).dt.replace_time_zone("UTC"))
    local = wall_time(at, zone)
    return frame.filter(near).filter((local >= first) & (local < last))


def wall_time(at: pl.Expr, zone: str) -> pl.Expr:
    """The wall time in ``zone`` at ``at`` (UTC)."""
    return at.dt.convert_time_zone(zone).dt.replace_time_zone(None)


def buckets(spans: pl.DataFrame, per: str) -> pl.DataFrame:
    """The days, weeks (Monday) or months a window touches: ``every``, ``period``, ``bucket``; those cut by it are whole."""
    unit = {"day": "1d", "week": "1w", "month": "1mo"}[per]
    touched = pl.datetime_ranges(pl.col("start").dt.truncate(unit), pl.col("end"), unit, closed="left")
    return spans.select("every", "period", touched.alias("bucket")).explode("bucket")


def weekdays(spans: pl.DataFrame) -> pl.DataFrame:
    """``every``, ``period``, ``days``: how many days from Monday to Friday each window has."""
    count = pl.business_day_count(pl.col("start").dt.date(), pl.col("end").dt.date())
    return spans.select("every", "period", count.cast(pl.Float64).alias("days"))
