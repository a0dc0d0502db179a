"""The change ledger: which units it is about and whose they are (study ``intervention_units``), and which changes overlap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.observed import day_of
from idp_analytics.settings import Settings

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "intervention_id": pl.String,
    "component": pl.String,
    "hypothesis": pl.String,
    "metric": pl.String,
    "direction": pl.String,  # up | down
    "smallest_effect": pl.Float64,  # in the metric's unit
    "unit_kind": pl.String,  # team | service
    "unit_id": pl.String,
    "adopted_on": pl.Date,  # null: not by the as-of time
    "review_on": pl.Date,
    "registered_at": pl.Datetime("us", "UTC"),
    "is_late": pl.Boolean,  # registered only after the unit had taken it up
}
"""The columns of the study ``intervention_units``, in order."""

_UTC_TIME = pl.Datetime("us", "UTC")


def intervention_units(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """One row per registered change and unit as known at ``as_of``, of the organisation and of the team whose unit it is (:data:`COLUMNS`).

    A service is its owner's of the day on which it took the change up; not yet: of today. What was registered at or after ``as_of`` is not known.
    """
    today = day_of(as_of - timedelta(microseconds=1), settings.time_zone)
    now = pl.lit(as_of.astimezone(UTC)).cast(_UTC_TIME)
    known = (
        tables["interventions"]
        .filter(pl.col("registered_at") < now)
        .with_columns(pl.when(pl.col("adopted_on") <= today).then("adopted_on").alias("adopted_on"))
        .with_columns(registered_on(settings).alias("_on"), pl.coalesce("adopted_on", pl.lit(today)).alias("_day"))
        .with_columns((pl.col("adopted_on") < pl.col("_on")).fill_null(False).alias("is_late"))
        .collect()
    )
    owners = tables["ownership"].select("service_id", "team_id", "valid_from", "valid_to").collect()
    owned = (
        known.filter(unit_kind="service")
        .join(owners, left_on="unit_id", right_on="service_id")
        .filter(
            pl.col("valid_from").is_null() | (pl.col("valid_from") <= pl.col("_day")),
            pl.col("valid_to").is_null() | (pl.col("_day") < pl.col("valid_to")),
        )
        .sort("valid_from", nulls_last=False)
        .unique(["intervention_id", "unit_id"], keep="last")
        .with_columns(pl.col("team_id").alias("entity_id"))
    )
    teams = known.filter(unit_kind="team").with_columns(pl.col("unit_id").alias("entity_id"))
    parts = [(known.with_columns(pl.lit(ORG).alias("entity_id")), "org"), (owned, "team"), (teams, "team")]
    told = pl.concat(
        part.with_columns(pl.lit(scope).alias("scope")).select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
        for part, scope in parts
    )  # fmt: skip
    return told.sort("scope", "entity_id", "registered_at", "intervention_id", "unit_id")


def registered_on(settings: Settings) -> pl.Expr:
    """The day on which it was registered, where the organisation is."""
    return pl.col("registered_at").dt.convert_time_zone(settings.time_zone).dt.date()


def overlapping(rows: pl.DataFrame) -> pl.DataFrame:
    """Changes (rows of ``interventions``) that are at one unit at one time, so that neither can be told from the other there.

    A change is at a unit from when the unit took it up until the change is reviewed. Columns: ``intervention_id``, ``other``, ``units`` (how many), ``metric``,
    ``other_metric``; each pair once, by name.
    """
    spans = rows.drop_nulls("adopted_on").select(
        "intervention_id", "unit_kind", "unit_id", "metric", "adopted_on", "review_on"
    )
    return (
        spans.join(spans, on=["unit_kind", "unit_id"], suffix="_other")
        .filter(
            pl.col("intervention_id") < pl.col("intervention_id_other"),
            pl.col("adopted_on") <= pl.col("review_on_other"),
            pl.col("adopted_on_other") <= pl.col("review_on"),
        )
        .group_by("intervention_id", pl.col("intervention_id_other").alias("other"))
        .agg(
            pl.col("unit_id").n_unique().cast(pl.Int64).alias("units"), pl.col("metric").first(),
            pl.col("metric_other").first().alias("other_metric"),
        )
        .sort("intervention_id", "other")
    )  # fmt: skip
