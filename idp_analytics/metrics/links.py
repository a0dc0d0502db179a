"""Which deployment caused an incident: the one rule every metric of failure rests on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import polars as pl

from idp_analytics.metrics.remembered import shared
from idp_analytics.settings import Settings

Tables = Mapping[str, pl.LazyFrame]


def begun_before(deployments: pl.LazyFrame, moment: pl.Expr) -> pl.LazyFrame:
    """The deployments that ended, else began, else were queued before ``moment``; those that tell no time stay."""
    return deployments.filter((pl.coalesce("finished_at", "started_at", "queued_at") < moment).fill_null(True))


def production_deployments(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Successful deployments to the environment that counts (``rules.environment``), re-syncs left out.

    All columns of ``deployments``. A re-sync applies again what already runs; nothing new reached a user. A redeploy
    that the source does not call a re-sync counts: somebody had to do it.
    """
    return tables["deployments"].filter(
        (pl.col("environment") == settings.rules.environment)
        & (pl.col("outcome") == "success")
        & pl.col("finished_at").is_not_null()
        & ~pl.col("is_resync").fill_null(False)
    )


@shared
def incident_links(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Every incident that a change may have caused, with the deployment it is linked to.

    All columns of ``incidents``, and of the linked deployment ``linked_id``, ``linked_service_id`` and
    ``linked_finished_at`` (all null: none found). Incidents said not to be change-caused are left out.

    The link is the deployment somebody recorded (``deployment_id``; none when that is no counted deployment), else
    the latest counted deployment of the same service that finished at or before the incident opened and at most
    ``rules.link_hours`` earlier. An exact tie counts: an incident opened the second a deployment finished is its most
    likely consequence. Of deployments that finished in the same instant, the one with the greatest id is taken. An
    incident without a service and without a recorded deployment is linked to nothing.
    """
    counted = production_deployments(tables, settings).select("deployment_id", "service_id", "finished_at")
    latest = counted.select(
        "service_id", pl.col("deployment_id").alias("_latest_id"), pl.col("finished_at").alias("_latest_at")
    ).sort("_latest_at", "_latest_id")
    linked = counted.select(pl.all().name.prefix("linked_")).rename({"linked_deployment_id": "linked_id"})
    link = pl.when(pl.col("deployment_id").is_null()).then("_latest_id").otherwise("deployment_id")
    return (
        tables["incidents"]
        .filter(pl.col("change_caused").fill_null(True))
        .sort("opened_at")
        .join_asof(
            latest, left_on="opened_at", right_on="_latest_at", by="service_id", strategy="backward",
            tolerance=timedelta(hours=settings.rules.link_hours), check_sortedness=False,
        )
        .with_columns(link.alias("_link"))
        .join(linked.with_columns(pl.col("linked_id").alias("_link")), on="_link", how="left")
        .drop("_latest_id", "_latest_at", "_link", strict=False)
    )  # fmt: skip


def linked_incidents(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """One row per incident that a change may have caused: incident_id, team_id, service_id, source, linked (boolean)."""
    return incident_links(tables, settings).select(
        "incident_id", "team_id", "service_id", "source", pl.col("linked_id").is_not_null().alias("linked")
    )


def repairs(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Counted deployments with ``is_repair``: finished while an incident of their service, linked to an *earlier* one, was open.

    After it opened, not after it was resolved; the deployment that caused an incident is not its repair. An incident that
    names no service counts for the service of the deployment that caused it.
    """
    # A repair finishes after both the incident and the deployment that caused it. Of all spans begun by then, only the
    # one that reaches furthest matters, so one as-of join does what a join on the service would blow up.
    spans = (
        incident_links(tables, settings)
        .filter(pl.col("linked_id").is_not_null())
        .select(
            pl.coalesce("service_id", "linked_service_id").alias("service_id"),
            pl.max_horizontal("opened_at", "linked_finished_at").alias("_from"),
            pl.col("resolved_at").fill_null(pl.datetime(9999, 1, 1, time_zone="UTC")).alias("_until"),
        )
        .sort("_from", "_until")
        .with_columns(pl.col("_until").cum_max().over("service_id"))
    )
    return (
        production_deployments(tables, settings)
        .sort("finished_at")
        .join_asof(
            spans, left_on="finished_at", right_on="_from", by="service_id", strategy="backward",
            allow_exact_matches=False, check_sortedness=False,
        )
        .with_columns((pl.col("finished_at") <= pl.col("_until")).fill_null(False).alias("is_repair"))
        .drop("_from", "_until", strict=False)
    )  # fmt: skip
