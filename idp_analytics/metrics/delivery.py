"""DORA's five delivery metrics as observations: one row per deployment, change or incident that counts."""

from __future__ import annotations

import polars as pl

from idp_analytics.answers import observations
from idp_analytics.metrics.links import Tables, incident_links, production_deployments
from idp_analytics.settings import Settings


def deployment_frequency(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """One observation per successful production deployment, dated by its end. Counted per covered day."""
    return _deployments(production_deployments(tables, settings))


def deployment_days(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """The same observations; what is counted is the days that have at least one."""
    return deployment_frequency(tables, settings)


def change_lead_time(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Hours from a change's first commit to the end of the *first* successful production deployment that holds it.

    One observation per change deployed, dated by that deployment and belonging to its service and owner. A rollback
    or redeploy of the same change does not count it again. Not usable: the first commit is not known, or lies after
    the deployment (a rewritten date).
    """
    deployed = production_deployments(tables, settings).select("deployment_id", "service_id", "team_id", "finished_at")
    first = (
        tables["deployment_changes"].select("deployment_id", "change_id")
        .join(deployed, on="deployment_id")
        .sort("finished_at", "deployment_id")
        .unique("change_id", keep="first", maintain_order=True)
    )  # fmt: skip
    hours = (pl.col("finished_at") - pl.col("first_commit_at")).dt.total_seconds(fractional=True) / 3600
    return observations(
        first.join(tables["changes"].select("change_id", "first_commit_at"), on="change_id", how="left")
        .with_columns(hours.alias("x"))
        .with_columns((pl.col("x") >= 0).fill_null(False).alias("usable"), pl.col("change_id").alias("source_key"))
        .rename({"finished_at": "at"}),
        source_table="changes",
    )


def change_fail_rate(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """One observation per successful production deployment; a hit when at least one incident is linked to it."""
    failed = (
        incident_links(tables, settings).filter(pl.col("linked_id").is_not_null())
        .select(pl.col("linked_id").alias("deployment_id"), pl.lit(True).alias("hit")).unique()
    )  # fmt: skip
    deployments = production_deployments(tables, settings).join(failed, on="deployment_id", how="left")
    return _deployments(deployments.with_columns(pl.col("hit").fill_null(False)))


def failed_deployment_recovery_time(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Hours from the opening of an incident linked to a deployment to its resolution; open ones are censored.

    One observation per incident, dated by its opening. ``hit`` is false while it is open; ``x`` is then null and
    filled with the time to the as-of moment by the pass that knows it. Not usable: resolved before it opened.
    """
    hours = (pl.col("resolved_at") - pl.col("opened_at")).dt.total_seconds(fractional=True) / 3600
    return observations(
        incident_links(tables, settings)
        .filter(pl.col("linked_id").is_not_null())
        .with_columns(hours.alias("x"), pl.col("resolved_at").is_not_null().alias("hit"))
        .with_columns((pl.col("x") >= 0).fill_null(True).alias("usable"), pl.col("incident_id").alias("source_key"))
        .rename({"opened_at": "at"}),
        source_table="incidents",
    )


def deployment_rework_rate(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """One observation per successful production deployment; a hit when it was unplanned work after a failure.

    That is: a rollback, or a deployment that finished while an incident of the same service, linked to an *earlier*
    deployment, was open (after it opened, not after it was resolved).
    """
    spans = (
        incident_links(tables, settings).filter(pl.col("linked_id").is_not_null())
        .select("service_id", "linked_id", "opened_at", "resolved_at")
    )  # fmt: skip
    deployments = production_deployments(tables, settings)
    repairs = (
        deployments.select("deployment_id", "service_id", "finished_at")
        .join(spans, on="service_id")
        .filter(
            pl.col("deployment_id") != pl.col("linked_id"),
            pl.col("finished_at") > pl.col("opened_at"),
            pl.col("resolved_at").is_null() | (pl.col("finished_at") <= pl.col("resolved_at")),
        )
        .select("deployment_id", pl.lit(True).alias("_repairs")).unique()
    )  # fmt: skip
    hit = pl.col("is_rollback").fill_null(False) | pl.col("_repairs").fill_null(False)
    return _deployments(deployments.join(repairs, on="deployment_id", how="left").with_columns(hit.alias("hit")))


def _deployments(frame: pl.LazyFrame) -> pl.LazyFrame:
    dated = frame.with_columns(pl.col("deployment_id").alias("source_key")).rename({"finished_at": "at"})
    return observations(dated, source_table="deployments")
