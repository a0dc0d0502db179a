"""Rows of facts put into the cells of a study: every scope and every length of period they count in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

import polars as pl

from idp_analytics.metrics.catalogue import by_name
from idp_analytics.metrics.grid import calendar, spans
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.observed import ENTITY
from idp_analytics.periods import floored
from idp_analytics.settings import Settings

EVERY = ("1mo", "1q")


def known_by(frame: pl.LazyFrame, settings: Settings, as_of: datetime) -> pl.LazyFrame:
    """``frame`` without what happened at or after ``as_of``, with ``day``: the day of ``at`` where the organisation is."""
    now = pl.lit(as_of.astimezone(UTC)).cast(pl.Datetime("us", "UTC"))
    return frame.filter(pl.col("at") < now).with_columns(
        pl.col("at").dt.convert_time_zone(settings.time_zone).dt.date().alias("day")
    )


def placed(
    frame: pl.DataFrame, settings: Settings, scopes: Sequence[str], every: Sequence[str] = EVERY
) -> pl.DataFrame:
    """``frame`` (with ``service_id``, ``team_id``, ``day``) once per scope and length, with the columns of :data:`CELL`.

    What is nobody's at a scope is left out there.
    """
    week_start = settings.calendar.first_weekday
    return pl.concat(
        frame.with_columns(
            pl.lit(scope).alias("scope"), ENTITY[scope].alias("entity_id"), pl.lit(length).alias("every"),
            floored(pl.col("day"), length, week_start).alias("period_start"),
        ).filter(pl.col("entity_id").is_not_null())
        for scope in scopes
        for length in every
    )  # fmt: skip


def periods_of(
    metric: str, tables: Tables, settings: Settings, as_of: datetime, first: date | None, every: Sequence[str] = EVERY
) -> pl.DataFrame:
    """The periods of ``metric`` that are measured (:func:`grid.calendar`): ``every``, ``period``, ``period_start``,
    ``period_end``, ``is_partial``, ``days``, ``covered_from``, ``covered_to``; ``first``: the day of its first observation."""
    chosen = by_name(metric)
    held = spans(tables, chosen.tables, as_of)
    grid = calendar(chosen, settings, as_of, held, first, every)
    return grid.filter("is_measured").select(
        "every", "period", "period_start", "period_end", "is_partial", "days", "covered_from", "covered_to"
    )
