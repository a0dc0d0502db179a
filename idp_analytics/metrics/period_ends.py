"""When a state is looked at: at the end of each month and quarter, or at the as-of time where that lies inside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import polars as pl

from idp_analytics import periods
from idp_analytics.answers import ORG
from idp_analytics.metrics.cells import EVERY, Spans, lengths, of_spans
from idp_analytics.metrics.observed import day_of
from idp_analytics.settings import Settings
from idp_analytics.working_time import in_utc

UTC_TIME = pl.Datetime("us", "UTC")


def period_ends(
    settings: Settings, as_of: datetime, first: date, every: Sequence[str] = EVERY, of: Spans | None = None
) -> pl.DataFrame:
    """The months and quarters from the one ``first`` falls in, or those ``of`` them, each with the moment its state is looked at.

    Columns: ``every``, ``period``, ``period_start``, ``is_partial`` (the as-of time lies inside), ``begins`` and ``at``
    (Datetime UTC: the first moment of the period, and its end or the as-of time if that is earlier), ``day``: the last day
    that began before ``at``, where the organisation is.
    """
    last = day_of(as_of - timedelta(microseconds=1), settings.time_zone)
    week_start = settings.calendar.first_weekday
    spine = pl.concat(
        [periods.spine(first, last, length, week_start) for length in (every if of is None else lengths(of))]
    ).filter(of_spans(of))
    now = pl.lit(as_of.astimezone(UTC)).cast(UTC_TIME)
    begins, ends = (
        in_utc(pl.col(f"period_{end}").cast(pl.Datetime("us")), settings.time_zone) for end in ("start", "end")
    )
    return spine.with_columns(
        (ends > now).alias("is_partial"), begins.alias("begins"), pl.min_horizontal(ends, now).alias("at")
    ).with_columns(
        (pl.col("at") - pl.duration(microseconds=1)).dt.convert_time_zone(settings.time_zone).dt.date().alias("day")
    ).drop("period_end")  # fmt: skip


def by_scope(frame: pl.DataFrame) -> pl.DataFrame:
    """``frame`` (with ``team_id``) once for the organisation and once for its teams: ``scope``, ``entity_id`` added.

    What is no team's is in the organisation's part only.
    """
    org = frame.with_columns(pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id"))
    team = frame.filter(pl.col("team_id").is_not_null())
    return pl.concat([org, team.with_columns(pl.lit("team").alias("scope"), pl.col("team_id").alias("entity_id"))])
