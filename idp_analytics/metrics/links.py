"""Which deployment caused an incident: the one rule every metric of failure rests on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import polars as pl

from idp_analytics.settings import Settings

Tables = Mapping[str, pl.LazyFrame]


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


def incident_links(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Every incident that a change may have caused, with the deployment it is linked to.

    All columns of ``incidents`` and ``linked_id`` (null: none found). Incidents said not to be change-caused are left
    out. The link is the one somebody recorded (``deployment_id``), else the latest counted deployment of the same
    service that finished at or before the incident opened and at most ``rules.link_hours`` earlier. An exact tie
    counts: an incident opened the second a deployment finished is its most likely consequence.
    """
    counted = production_deployments(tables, settings)
    candidates = counted.select(
        "service_id", pl.col("deployment_id").alias("_nearest"), pl.col("finished_at").alias("_finished_at")
    ).sort("_finished_at", "_nearest")
    explicit = counted.select(pl.col("deployment_id"), pl.lit(True).alias("_is_counted"))
    return (
        tables["incidents"]
        .filter(pl.col("change_caused").fill_null(True))
        .sort("opened_at")
        .join_asof(
            candidates, left_on="opened_at", right_on="_finished_at", by="service_id", strategy="backward",
            tolerance=timedelta(hours=settings.rules.link_hours), check_sortedness=False,
        )
        .join(explicit, on="deployment_id", how="left")
        .with_columns(
            pl.when(pl.col("deployment_id").is_not_null())
            .then(pl.when(pl.col("_is_counted")).then("deployment_id"))
            .otherwise("_nearest")
            .alias("linked_id")
        )
        .drop("_nearest", "_finished_at", "_is_counted", strict=False)
    )  # fmt: skip


def linked_incidents(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """One row per incident that a change may have caused: incident_id, team_id, service_id, source, linked (boolean)."""
    return incident_links(tables, settings).select(
        "incident_id", "team_id", "service_id", "source", pl.col("linked_id").is_not_null().alias("linked")
    )
