"""The way back from in how many ways one thing is done to each service and the way it goes."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics import periods
from idp_analytics.errors import ReportError
from idp_analytics.metrics import golden_paths
from idp_analytics.metrics.fragmentation import DEPLOYING, VERSION, ways
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.observed import ENTITY
from idp_analytics.metrics.period_ends import period_ends
from idp_analytics.settings import Settings

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "on": pl.Date,  # the day of the deployment; else the last day of the period
    "service_id": pl.String,
    "team_id": pl.String,
    "capability": pl.String,  # deploying; a kind of golden path; version of a path
    "variant": pl.String,  # the way; null: nobody says how
    "source_table": pl.String,  # deployments; service_golden_path
    "source_key": pl.String,  # of the deployment
    "path": pl.String,
    "source_row": pl.Int64,  # of the deployment, or of the look that told of the path last
}
"""The columns of :func:`fragmentation_rows`, in order."""


def fragmentation_rows(
    tables: Tables, settings: Settings, as_of: datetime, study: str, scope: str, entity_id: str, period: str
) -> pl.DataFrame:
    """What ``study`` (``fragmentation``) counts of one entity at the end of the period: a row per service, capability and way.

    Columns: :data:`COLUMNS`. Raises :class:`ReportError` for a scope or period that does not exist; services have no rows of their own.
    """
    if scope not in ("org", "team"):
        raise ReportError(f"There is no {study} of a {scope}; there is of the organisation and of teams.")
    span = periods.parse(period)
    ends = period_ends(settings, as_of, span.start, (span.every,)).filter(period=span.label)
    found = ways(tables, settings, as_of, ends) if ends.height else pl.DataFrame()
    if found.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    day = pl.lit(ends["day"].item())
    deployed = pl.col("deployed_at").dt.convert_time_zone(settings.time_zone).dt.date()
    # Of a version the path is in what it is a version of.
    of_path = (
        pl.when(pl.col("capability").str.starts_with(VERSION))
        .then(pl.col("capability").str.strip_prefix(VERSION))
        .otherwise("variant")
    )
    by_deployment = pl.col("capability") == DEPLOYING
    told = (
        found.filter(ENTITY[scope] == entity_id)
        .with_columns(pl.coalesce(deployed, day).alias("on"), pl.when(~by_deployment).then(of_path).alias("golden_path_id"))
    )  # fmt: skip
    looks = (
        golden_paths.evidence(tables, settings, as_of).sort("as_of", "strength", "source")
        .unique(["service_id", "golden_path_id", "as_of"], keep="last", maintain_order=True)
        .select("service_id", "golden_path_id", "as_of", pl.col("load_id").alias("_load"), pl.col("source_row").alias("_row"))
    )  # fmt: skip
    return (
        told.sort("on")
        .join_asof(looks.sort("as_of"), left_on="on", right_on="as_of", by=["service_id", "golden_path_id"], check_sortedness=False)
        .with_columns(
            pl.coalesce("load_id", "_load").alias("load_id"), pl.coalesce("source_row", "_row").alias("source_row"),
            pl.when(by_deployment).then(pl.lit("deployments")).otherwise(pl.lit("service_golden_path")).alias("source_table"),
            pl.col("deployment_id").alias("source_key"),
        )
        .join(tables["loads"].select("load_id", "path").collect(), on="load_id", how="left")
        .sort("capability", "variant", "service_id", nulls_last=True)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )  # fmt: skip
