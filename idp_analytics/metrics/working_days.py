"""Delivery on the days people work."""

from __future__ import annotations

import polars as pl

from idp_analytics.metrics.delivery import deployment_frequency
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings

OFF = "deployments on days off, not counted"


def deployment_working_days(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """The deployments of :func:`delivery.deployment_frequency` on working days of the calendar; counted are their days.

    Beside them: those on weekends and holidays, and those of which something is not told.
    """
    day = pl.col("at").dt.convert_time_zone(settings.time_zone).dt.date()
    off = pl.col("detail").is_null() & ~settings.calendar.is_working_day(day)
    return deployment_frequency(tables, settings).with_columns(
        pl.when(off).then(pl.lit(OFF)).otherwise("detail").alias("detail"), (pl.col("usable") & ~off).alias("usable")
    )
