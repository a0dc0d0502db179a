"""DORA's delivery metrics as observations: one row per deployment, change or incident that counts.

Rows with a ``detail`` stand beside the population: they are not measured, only counted in the answer's caution.
"""

from __future__ import annotations

import polars as pl

from idp_analytics.answers import observations
from idp_analytics.metrics.links import Tables, incident_links, production_deployments
from idp_analytics.settings import Settings

NOT_TOLD = "deployments whose environment, outcome or end is not told"
NO_CHANGE = "deployments without a known change"
NOT_LINKED = "incidents linked to no deployment"


def deployment_frequency(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """One observation per successful production deployment, dated by its end. Counted per covered day.

    Beside them: deployments that might count if their environment, outcome or end were known.
    """
    environment, outcome, end = pl.col("environment"), pl.col("outcome"), pl.col("finished_at")
    not_told = (
        tables["deployments"]
        .filter(
            environment.is_null() | (environment == settings.rules.environment),
            outcome.is_null() | (outcome == "success"),
            environment.is_null() | outcome.is_null() | end.is_null(),
            ~pl.col("is_resync").fill_null(False),
        )
        .with_columns(pl.coalesce("finished_at", "started_at", "queued_at").alias("finished_at"))
    )
    return pl.concat(
        [
            _deployments(production_deployments(tables, settings)),
            _deployments(not_told, detail=NOT_TOLD, usable=False),
        ]
    )


def deployment_days(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """The observations of :func:`deployment_frequency`; what is counted is the days that have at least one."""
    return deployment_frequency(tables, settings)


def change_lead_time(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Hours from a change's first commit to the end of the *first* successful production deployment that holds it.

    One observation per change deployed, dated by that deployment and belonging to its service and owner. A rollback
    or redeploy of the same change does not count it again. Not usable: the first commit is not known, or lies after
    the deployment (a rewritten date). Beside them: deployments of which no change is known.
    """
    deployed = production_deployments(tables, settings).select("deployment_id", "service_id", "team_id", "finished_at")
    links = tables["deployment_changes"].select("deployment_id", "change_id")
    first = (
        links.join(deployed, on="deployment_id")
        .sort("finished_at", "deployment_id")
        .unique("change_id", keep="first", maintain_order=True)
    )
    spans = (
        first.join(tables["changes"].select("change_id", "first_commit_at"), on="change_id", how="left")
        .with_columns(_hours("first_commit_at", "finished_at").alias("x"), pl.col("change_id").alias("source_key"))
        .with_columns((pl.col("x") >= 0).fill_null(False).alias("usable"))
        .rename({"finished_at": "at"})
    )
    without = deployed.join(links, on="deployment_id", how="anti")
    return pl.concat(
        [observations(spans, source_table="changes"), _deployments(without, detail=NO_CHANGE, usable=False)]
    )


def change_fail_rate(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """One observation per successful production deployment; a hit when at least one incident is linked to it.

    Beside them: incidents that a change may have caused and that are linked to no deployment.
    """
    links = incident_links(tables, settings)
    failed = (
        links.filter(pl.col("linked_id").is_not_null())
        .select(pl.col("linked_id").alias("deployment_id"), pl.lit(True).alias("hit"))
        .unique()
    )
    deployments = production_deployments(tables, settings).join(failed, on="deployment_id", how="left")
    return pl.concat([_deployments(deployments.with_columns(pl.col("hit").fill_null(False))), _not_linked(links)])


def failed_deployment_recovery_time(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Hours from the opening of an incident linked to a deployment to its resolution; open ones are censored.

    One observation per incident, dated by its opening. ``hit`` is false while it is open; ``x`` is then null and
    filled with the time to the as-of moment by the pass that knows it. Not usable: resolved before it opened. Beside
    them: incidents linked to no deployment.
    """
    links = incident_links(tables, settings)
    spans = (
        links.filter(pl.col("linked_id").is_not_null())
        .with_columns(
            _hours("opened_at", "resolved_at").alias("x"),
            pl.col("resolved_at").is_not_null().alias("hit"),
            pl.col("incident_id").alias("source_key"),
        )
        .with_columns((pl.col("x") >= 0).fill_null(True).alias("usable"))
        .rename({"opened_at": "at"})
    )
    return pl.concat([observations(spans, source_table="incidents"), _not_linked(links)])


def deployment_rework_rate(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """One observation per successful production deployment; a hit when it was unplanned work after a failure.

    That is: a rollback, or a deployment that finished while an incident of the same service, linked to an *earlier*
    deployment, was open (after it opened, not after it was resolved). An incident that names no service counts for the
    service of the deployment that caused it. Beside them: incidents linked to no deployment.
    """
    links = incident_links(tables, settings)
    # A repair finishes after both the incident and the deployment that caused it. Of all spans begun by then, only the
    # one that reaches furthest matters, so one as-of join does what a join on the service would blow up.
    spans = (
        links.filter(pl.col("linked_id").is_not_null())
        .select(
            pl.coalesce("service_id", "linked_service_id").alias("service_id"),
            pl.max_horizontal("opened_at", "linked_finished_at").alias("_from"),
            pl.col("resolved_at").fill_null(pl.datetime(9999, 1, 1, time_zone="UTC")).alias("_until"),
        )
        .sort("_from", "_until")
        .with_columns(pl.col("_until").cum_max().over("service_id"))
    )
    deployments = (
        production_deployments(tables, settings)
        .sort("finished_at")
        .join_asof(
            spans, left_on="finished_at", right_on="_from", by="service_id", strategy="backward",
            allow_exact_matches=False, check_sortedness=False,
        )
    )  # fmt: skip
    repairs = (pl.col("finished_at") <= pl.col("_until")).fill_null(False)
    hit = pl.col("is_rollback").fill_null(False) | repairs
    return pl.concat([_deployments(deployments.with_columns(hit.alias("hit"))), _not_linked(links)])


def _hours(start: str, end: str) -> pl.Expr:
    return (pl.col(end) - pl.col(start)).dt.total_seconds(fractional=True) / 3600


def _deployments(frame: pl.LazyFrame, **given: object) -> pl.LazyFrame:
    dated = frame.with_columns(pl.col("deployment_id").alias("source_key")).rename({"finished_at": "at"})
    return observations(dated, source_table="deployments", **given)


def _not_linked(links: pl.LazyFrame) -> pl.LazyFrame:
    rest = links.filter(pl.col("linked_id").is_null()).with_columns(pl.col("incident_id").alias("source_key"))
    return observations(rest.rename({"opened_at": "at"}), source_table="incidents", detail=NOT_LINKED, usable=False)
