"""The way back from the studies of use: which team used what of the platform, and the runs and deployments that say so."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics import periods
from idp_analytics.errors import ReportError
from idp_analytics.metrics.breadth import eligible, told
from idp_analytics.metrics.cells import known_by
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.observed import ENTITY
from idp_analytics.metrics.period_ends import period_ends
from idp_analytics.settings import Settings

USE, VIEW, NEITHER = "use", "page view", "neither used nor looked"
OTHERS, UNKNOWN = "not counted: the platform's own team, or no team", "not counted: the team is not known"

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "on": pl.Date,  # of a run (requested) or deployment; null: events of people, counted together
    "team_id": pl.String,
    "capability": pl.String,  # null: page views and teams without any use
    "what": pl.String,  # USE, VIEW, NEITHER, OTHERS, UNKNOWN
    "uses": pl.Int64,  # how many events the row stands for
    "source_table": pl.String,  # usage: events of people; action_runs; deployments
    "source_key": pl.String,
    "path": pl.String,
    "source_row": pl.Int64,
}
"""The columns of :func:`breadth_rows`, in order."""


def breadth_rows(
    tables: Tables, settings: Settings, as_of: datetime, study: str, scope: str, entity_id: str, period: str
) -> pl.DataFrame:
    """What ``study`` (``adoption_breadth``) counts of one entity in the period: a row per run and deployment, and one per team, capability and
    kind for the events of ``usage``, of which each alone is one person's; a team that did nothing has one row of 0 uses.

    Columns: :data:`COLUMNS`. Raises :class:`ReportError` for a scope or period that does not exist; services have no rows.
    """
    if scope not in ("org", "team"):
        raise ReportError(f"There is no {study} of a {scope}; there is of the organisation and of teams.")
    span = periods.parse(period)
    ends = period_ends(settings, as_of, span.start, (span.every,)).filter(period=span.label)
    teams = eligible(tables, settings, ends.with_columns(pl.col("day").alias("_last"))).select("team_id").unique()
    could = pl.col("team_id").is_in(teams["team_id"].implode())
    what = (
        pl.when(could & pl.col("is_use")).then(pl.lit(USE)).when(could).then(pl.lit(VIEW))
        .when("is_use").then(pl.when(pl.col("team_id").is_null()).then(pl.lit(UNKNOWN)).otherwise(pl.lit(OTHERS)))
    )  # fmt: skip
    events = (
        known_by(told(tables, settings), settings, as_of)
        .filter((pl.col("day") >= span.start) & (pl.col("day") < span.end), ENTITY[scope] == entity_id)
        .with_columns(what.alias("what"), pl.col("day").alias("on"), pl.lit(1, pl.Int64).alias("uses"))
        .filter(pl.col("what").is_not_null())
    )
    of_people = pl.col("source_table") == "usage"
    single = events.filter(~of_people).join(tables["loads"].select("load_id", "path"), on="load_id", how="left")
    capability = pl.when(pl.col("what") != VIEW).then("capability").alias("capability")
    summed = events.filter(of_people).group_by("team_id", capability, "what", "source_table").agg(pl.col("uses").sum())
    found = pl.concat([single, summed], how="diagonal").collect()
    idle = (
        teams.filter(ENTITY[scope] == entity_id).join(found, on="team_id", how="anti")
        .with_columns(pl.lit(NEITHER).alias("what"), pl.lit(0, pl.Int64).alias("uses"))
    )  # fmt: skip
    return (
        pl.concat([found, idle], how="diagonal")
        .sort("on", "team_id", "capability", "what", "source_table", "source_key", nulls_last=True)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )
