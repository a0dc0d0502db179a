"""The way back from escape hatches to each that stands open, and to the services they are counted against; never to who asked, or why."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics import periods
from idp_analytics.errors import ReportError
from idp_analytics.metrics import golden_paths
from idp_analytics.metrics.hatches import known, standing
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.observed import ENTITY
from idp_analytics.metrics.period_ends import period_ends
from idp_analytics.settings import Settings

OPEN, ENDLESS = "open", "open, without an end"
IN_USE, IDLE, UNSURE = (
    "past its end and in use",
    "past its end and not in use",
    "past its end, and nobody knows whether it is in use",
)
NONE_OPEN = "active, and no hatch of it stands"

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "opened_at": pl.Datetime("us", "UTC"),  # null: a service without a hatch
    "expires_at": pl.Datetime("us", "UTC"),
    "team_id": pl.String,
    "service_id": pl.String,
    "is_active": pl.Boolean,  # the service is an active one; null: the hatch names none
    "policy": pl.String,  # the rule it goes round
    "kind": pl.String,
    "what": pl.String,  # OPEN, ENDLESS, IN_USE, IDLE, UNSURE, NONE_OPEN
    "age_days": pl.Float64,
    "source_table": pl.String,
    "source_key": pl.String,
    "path": pl.String,
    "source_row": pl.Int64,
}
"""The columns of :func:`hatch_rows`, in order."""


def hatch_rows(
    tables: Tables, settings: Settings, as_of: datetime, study: str, scope: str, entity_id: str, period: str
) -> pl.DataFrame:
    """What ``study`` (``escape_hatches``) counts of one entity at the end of the period: every hatch not closed, and every active service without one.

    Reasons are somebody's words and are in none. Columns: :data:`COLUMNS`, oldest first. Raises :class:`ReportError` for a scope or period that does
    not exist; services have no rows of their own.
    """
    if scope not in ("org", "team"):
        raise ReportError(f"There is no {study} of a {scope}; there is of the organisation and of teams.")
    span = periods.parse(period)
    ends = period_ends(settings, as_of, span.start, (span.every,)).filter(period=span.label)
    told = known(tables, as_of)
    if told.is_empty() or ends.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    moments = ends.select("at", "day")
    used = pl.col("is_used")
    what = (
        pl.when(pl.col("is_expired")).then(pl.when(used).then(pl.lit(IN_USE)).when(~used).then(pl.lit(IDLE)).otherwise(pl.lit(UNSURE)))
        .when(pl.col("expires_at").is_null()).then(pl.lit(ENDLESS)).otherwise(pl.lit(OPEN))
    )  # fmt: skip
    active = (
        golden_paths.services_at(tables, settings, as_of, moments)
        .filter("is_active").select("service_id", pl.col("team_id").alias("_owner"), pl.lit(True).alias("is_active"))
    )  # fmt: skip
    held = (
        standing(told, tables, moments).filter(ENTITY[scope] == entity_id)
        .join(tables["loads"].select("load_id", "path").collect(), on="load_id", how="left")
        .join(active.drop("_owner"), on="service_id", how="left")
        .with_columns(
            what.alias("what"), pl.lit("escape_hatches").alias("source_table"), pl.col("hatch_id").alias("source_key"),
            pl.when(pl.col("service_id").is_not_null()).then(pl.col("is_active").fill_null(False)).alias("is_active"),
        )
    )  # fmt: skip
    without = (
        active.rename({"_owner": "team_id"}).filter(ENTITY[scope] == entity_id)
        .join(held.select("service_id").drop_nulls().unique(), on="service_id", how="anti")
        .with_columns(pl.lit(NONE_OPEN).alias("what"))
    )  # fmt: skip
    return (
        pl.concat([held.select([name for name in COLUMNS if name in held.columns]), without], how="diagonal_relaxed")
        .sort("opened_at", "service_id", "source_key", nulls_last=True)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )
