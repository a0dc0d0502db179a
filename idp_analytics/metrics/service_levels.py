"""Study ``service_levels``: how near each service came to what it promises, and how much of its error budget is used."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from idp_analytics.answers import CELL
from idp_analytics.estimates import shares
from idp_analytics.metrics.cells import known_by, periods_of, placed
from idp_analytics.metrics.incident_time import objectives
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "service_id": pl.String,
    "objective": pl.String,
    "target": pl.Float64,  # share of good events promised
    "spans": pl.Int64,  # spans the objective is told for in the period
    "missing": pl.Int64,  # of them without counts; their events are not known
    "good": pl.Int64,  # events (or minutes)
    "total": pl.Int64,
    "share": pl.Float64,  # good ÷ total
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
    "budget_used": pl.Float64,  # bad events ÷ those the target allows; 1: all of it; null: none is allowed
    "is_met": pl.Boolean,  # null: no target, or nothing counted
}
"""The columns of the study, in order."""


def service_levels(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Every objective of every service, for the organisation, the team that owned it and the service, by month and quarter.

    One row per entity, period, service, objective and target (:data:`COLUMNS`); a target that was changed is another row.
    A span belongs to the period it begins in. Interval: Wilson 1927 over events, which is too narrow where bad events come
    together, as they do. Error budget: Beyer et al., Site Reliability Engineering, 2016, chapter 3.
    """
    spans = known_by(objectives(tables).with_columns(pl.col("period_start").alias("at")), settings, as_of)
    found = spans.select(
        "service_id", "team_id", "day", "objective", pl.col("target_share").alias("target"), "good", "total"
    ).collect()
    if found.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    first: date = found["day"].min()  # type: ignore[assignment]
    measured = periods_of("service_level_attainment", tables, settings, as_of, first)
    whose = found.with_columns(pl.col("service_id").alias("_service"))
    good, total, target = pl.col("good"), pl.col("total"), pl.col("target")
    cells = (
        placed(whose, settings, ("org", "team", "service"))
        .group_by(*CELL, pl.col("_service").alias("service_id"), "objective", "target")
        .agg(pl.len().alias("spans"), total.is_null().sum().alias("missing"), good.sum(), total.sum())
    )
    low, high = shares.wilson(cells["good"].to_numpy(), cells["total"].to_numpy(), settings.rules.level)
    some = total > 0
    allowed = total * (1 - target)
    return (
        cells.with_columns(
            pl.when(some).then(good / total).alias("share"),
            *(pl.when(some).then(pl.Series(name, ends)).alias(name) for name, ends in (("low", low), ("high", high))),
            pl.lit(settings.rules.level).alias("level"),
            pl.when(some & (target < 1)).then((total - good) / allowed).alias("budget_used"),
            pl.when(some).then(good / total >= target).alias("is_met"),
        )
        .join(measured.drop("period_end", "days"), on=["every", "period_start"])
        .sort(*CELL, "service_id", "objective", "target", nulls_last=True)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )
