"""Use of golden paths as observations: deployments through one, services born on one, runs of a template that came to nothing."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from idp_analytics.answers import observations
from idp_analytics.metrics.links import Tables, production_deployments
from idp_analytics.settings import Settings
from idp_analytics.tables.declare import Column, Kind, Table
from idp_analytics.tables.ownership import attribute

AGAIN = "runs that were tried again, counted by their last try"

SOON = timedelta(days=30)
"""A service made from a template is in production by then, or the run came to nothing."""

_FAILED = ("failure", "error", "cancel")
_BORN = Table(
    "births", "one service when it was made", ("service_id",), (Column("service_id", Kind.ID, "Which."),),
    time=("created_at",), owned=True,
)  # fmt: skip


def deployment_path_share(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """One observation per successful production deployment; a hit when it names the golden path it went through.

    Not usable: its source never names a path, for any deployment, so that not naming one says nothing.
    """
    told = tables["deployments"].drop_nulls("golden_path_id").select("source").unique()
    made = production_deployments(tables, settings).join(
        told.with_columns(pl.lit(True).alias("usable")), on="source", how="left"
    )
    return observations(
        made.with_columns(
            pl.col("golden_path_id").is_not_null().alias("hit"), pl.col("usable").fill_null(False),
            pl.col("finished_at").alias("at"), pl.col("deployment_id").alias("source_key"),
        ),
        source_table="deployments",
    )  # fmt: skip


def new_service_path_share(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """One observation per service, dated by its creation and its owner's of that day; a hit when it was born on a golden path.

    Not usable: no source tells of any service how it came to be. Services older than the first look at golden paths are
    left out: how they came to be is known only of those that are still there.
    """
    first = tables["service_golden_path"].select(pl.col("as_of").min().dt.truncate("1mo").alias("_first"))
    born = tables["service_golden_path"].filter(pl.col("evidence") == "born").select("service_id").unique()
    made = (
        tables["services"]
        .drop_nulls("created_at")
        .join(first, how="cross")
        .filter(pl.col("created_at").dt.date() >= pl.col("_first"))
        .join(born.with_columns(pl.lit(True).alias("hit")), on="service_id", how="left")
        .join(born.select(pl.len().alias("_told")), how="cross")
        .with_columns(
            pl.col("hit").fill_null(False), (pl.col("_told") > 0).alias("usable"), pl.col("created_at").alias("at"),
            pl.col("service_id").alias("source_key"),
        )
    )  # fmt: skip
    owned = attribute(_BORN, made.collect(), tables["ownership"].collect(), settings.time_zone)
    return observations(owned.lazy(), source_table="services")


def template_abandonment(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """One observation per run of a golden path that is a template, dated by its request; a hit when it came to nothing: it failed,
    was cancelled, or its service had no successful production deployment within 30 days.

    Not usable: it has not ended, it made a service nobody names, or the known deployments end before the 30 days are over.
    Beside them: runs that were tried again.
    """
    templates = tables["golden_paths"].filter(pl.col("kind") == "template").select("golden_path_id")
    runs = tables["action_runs"].join(templates, on="golden_path_id", how="semi")
    tried = tables["action_runs"].select(run_id="previous_run_id").drop_nulls().unique()
    made = (
        production_deployments(tables, settings)
        .drop_nulls("service_id")
        .select("service_id", pl.col("finished_at").alias("_deployed"))
        .sort("_deployed")
    )
    horizon = made.select(pl.col("_deployed").max().alias("_horizon"))
    followed = (
        runs.join(tried, on="run_id", how="anti")
        .sort("requested_at")
        .join_asof(
            made, left_on="requested_at", right_on="_deployed", by="service_id", strategy="forward", check_sortedness=False
        )
        .join(horizon, how="cross")
    )  # fmt: skip
    failed = pl.col("outcome").is_in(_FAILED)
    deadline = pl.col("requested_at") + SOON
    deployed = (pl.col("_deployed") <= deadline).fill_null(False)
    # Failures are known at once and so are quick deployments: counted before the 30 days are over, each would tilt the share.
    over = (pl.col("_horizon") >= deadline).fill_null(False)
    ended_well = (pl.col("outcome") == "success") & pl.col("service_id").is_not_null()
    key = pl.col("run_id").alias("source_key")
    judged = followed.with_columns(
        pl.when(failed).then(True).otherwise(~deployed).alias("hit"),
        (over & (failed | ended_well)).fill_null(False).alias("usable"), pl.col("requested_at").alias("at"), key,
    )  # fmt: skip
    again = runs.join(tried, on="run_id", how="semi").with_columns(pl.col("requested_at").alias("at"), key)
    return pl.concat(
        [
            observations(judged, source_table="action_runs"),
            observations(again, source_table="action_runs", detail=AGAIN, usable=False),
        ]
    )
