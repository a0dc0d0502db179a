"""The way back from the boundary between safe and dangerous to each use of the platform, and to each request a person was to decide."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from idp_analytics import periods
from idp_analytics.errors import ReportError
from idp_analytics.metrics.boundary import asked
from idp_analytics.metrics.cells import known_by
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.observed import ENTITY
from idp_analytics.metrics.uses import uses
from idp_analytics.settings import Settings
from idp_analytics.tables import TABLES

USE, ASKED = "use", "request for approval"

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "at": pl.Datetime("us", "UTC"),  # asked for
    "team_id": pl.String,
    "service_id": pl.String,
    "what": pl.String,  # USE, ASKED
    "operation_id": pl.String,
    "risk": pl.String,  # dangerous, sensitive, safe, unclassified
    "gate": pl.String,  # none, automatic, human, unknown
    "route": pl.String,  # self-service, approval, escape hatch
    "is_carried_out": pl.Boolean,  # of a use
    "is_exposed": pl.Boolean,  # of a use: carried out without anybody else having agreed to it beforehand
    "state": pl.String,  # of a request: approved, rejected, pending …
    "hours": pl.Float64,  # of a request: waited, or so far; null: not known
    "source_table": pl.String,
    "source_key": pl.String,
    "path": pl.String,
    "source_row": pl.Int64,
}
"""The columns of :func:`boundary_rows`, in order."""

_TABLES = ("action_runs", "approvals", "escape_hatches")


def boundary_rows(
    tables: Tables, settings: Settings, as_of: datetime, study: str, scope: str, entity_id: str, period: str
) -> pl.DataFrame:
    """What ``study`` (``boundary``) counts of one entity in the period: every use, and every request for approval a person was to decide.

    That somebody approved what they asked for themselves is counted in the study and in no row: it would be told of one. Columns: :data:`COLUMNS`, oldest
    first. Raises :class:`ReportError` for a scope or period that does not exist; services have no rows of their own.
    """
    if scope not in ("org", "team"):
        raise ReportError(f"There is no {study} of a {scope}; there is of the organisation and of teams.")
    span = periods.parse(period)
    now = pl.lit(as_of.astimezone(UTC)).cast(pl.Datetime("us", "UTC"))
    within = (pl.col("day") >= span.start) & (pl.col("day") < span.end)
    waited = asked(tables, now).with_columns(
        pl.lit("approvals").alias("source_table"),
        pl.col("approval_id").alias("source_key"),
        pl.lit(ASKED).alias("what"),
    )
    counted = [
        known_by(frame, settings, as_of).filter(within, ENTITY[scope] == entity_id)
        for frame in (uses(tables, now).with_columns(pl.lit(USE).alias("what")), waited)
    ]
    lines = pl.concat(
        tables[name].select(pl.lit(name).alias("source_table"), TABLES[name].row_key().alias("source_key"), "load_id", "source_row")
        for name in _TABLES
    )  # fmt: skip
    used, requested = (
        frame.select([name for name in COLUMNS if name in frame.collect_schema().names() and name not in ("path", "source_row")])
        for frame in counted
    )  # fmt: skip
    return (
        pl.concat([used, requested], how="diagonal_relaxed")
        .join(lines, on=["source_table", "source_key"], how="left")
        .join(tables["loads"].select("load_id", "path"), on="load_id", how="left")
        .sort("at", "what", "source_table", "source_key")
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
        .collect()
    )
