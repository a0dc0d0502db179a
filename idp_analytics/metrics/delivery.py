"""DORA's delivery metrics as observations: one row per deployment, change or incident that counts.

Rows with a ``detail`` stand beside the population: they are not measured, only counted in the answer's caution.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from idp_analytics.answers import observations
from idp_analytics.metrics.classify import rollbacks
from idp_analytics.metrics.lead_time import FIRST_LEFT_OUT, NO_CHANGE, first_deployed, parted
from idp_analytics.metrics.links import Tables, incident_links, production_deployments, repairs
from idp_analytics.metrics.remembered import shared
from idp_analytics.settings import Settings

NOT_TOLD = "deployments whose environment, outcome or end is not told"
NOT_LINKED = "incidents linked to no deployment"
REPLACED = "deployments whose end may be when they were replaced"

LONG, FEW = timedelta(hours=12), 5
"""What lasts longer is hardly one deployment; of how many of a source that must hold, and of half, before it is said."""


def deployment_frequency(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """One observation per successful production deployment, dated by its end. Counted per covered day.

    Beside them: deployments that might count if their environment, outcome or end were known, and those that
    :func:`replaced` doubts.
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
            _deployments(replaced(tables, settings), detail=REPLACED, usable=False),
        ]
    )


def deployment_days(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """The observations of :func:`deployment_frequency`; what is counted is the days that have at least one."""
    return deployment_frequency(tables, settings)


def change_lead_time(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Hours from a change's first commit to the end of the *first* successful production deployment that holds it.

    One observation per change deployed, dated by that deployment and belonging to its service and owner. A rollback
    or redeploy of the same change does not count it again. Not usable: the first commit is not known, or lies after
    the deployment (a rewritten date). Beside them: deployments of which no change is known, those that :func:`replaced`
    doubts, and the changes that ``rules.first_deployment`` leaves out.
    """
    counted, left_out = parted(first_deployed(tables, settings), settings)
    key = pl.col("change_id").alias("source_key")
    spans = (
        counted.with_columns(_hours("first_commit_at", "deployed_at").alias("x"), key)
        .with_columns((pl.col("x") >= 0).fill_null(False).alias("usable"))
        .rename({"deployed_at": "at"})
    )
    links = tables["deployment_changes"].select("deployment_id")
    without = production_deployments(tables, settings).join(links, on="deployment_id", how="anti")
    first = left_out.with_columns(key).rename({"deployed_at": "at"})
    return pl.concat(
        [
            observations(spans, source_table="changes"),
            observations(first, source_table="changes", detail=FIRST_LEFT_OUT, usable=False),
            _deployments(without, detail=NO_CHANGE, usable=False),
            _deployments(replaced(tables, settings), detail=REPLACED, usable=False),
        ]
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

    That is: a rollback, said or seen (:mod:`classify`), or a deployment that finished while an incident of the
    same service, linked to an *earlier* deployment, was open (:func:`links.repairs`). Beside them: incidents linked to no
    deployment.
    """
    back = rollbacks(tables, settings).select("deployment_id", pl.lit(True).alias("_back"))
    deployments = repairs(tables, settings).join(back, on="deployment_id", how="left")
    hit = pl.col("_back").fill_null(False) | pl.col("is_repair")
    return pl.concat(
        [_deployments(deployments.with_columns(hit.alias("hit"))), _not_linked(incident_links(tables, settings))]
    )


def rollback_share(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """One observation per successful production deployment; a hit when it put back what ran before."""
    back = rollbacks(tables, settings).select("deployment_id", pl.lit(True).alias("hit"))
    deployments = production_deployments(tables, settings).join(back, on="deployment_id", how="left")
    return _deployments(deployments.with_columns(pl.col("hit").fill_null(False)))


@shared
def replaced(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Counted deployments that last longer than :data:`LONG`, or end at the instant another of their service begins; only of
    sources of which that holds for at least :data:`FEW`, and for half of those that took a known time. Columns:
    ``deployment_id``, ``service_id``, ``team_id``, ``source``, ``started_at``, ``finished_at``.

    Some exports say when a deployment was last touched instead of when it ended, which is when the next took its place
    (GitHub's ``updated_at``). They are counted all the same: nothing in the row tells them from a slow one.
    """
    timed = (
        production_deployments(tables, settings)
        .filter(pl.col("started_at") < pl.col("finished_at"))
        .select("deployment_id", "service_id", "team_id", "source", "started_at", "finished_at")
    )
    begun = timed.select("service_id", pl.col("started_at").alias("finished_at"), pl.lit(True).alias("_next")).unique()
    odd, source = pl.col("_odd"), "source"
    return (
        timed.join(begun, on=["service_id", "finished_at"], how="left")
        .with_columns(
            ((pl.col("finished_at") - pl.col("started_at") > LONG) | pl.col("_next").fill_null(False)).alias("_odd")
        )
        .filter(odd & (odd.sum().over(source) >= FEW) & (2 * odd.sum().over(source) >= pl.len().over(source)))
        .drop("_next", "_odd")
    )


def _hours(start: str, end: str) -> pl.Expr:
    return (pl.col(end) - pl.col(start)).dt.total_seconds(fractional=True) / 3600


def _deployments(frame: pl.LazyFrame, **given: object) -> pl.LazyFrame:
    dated = frame.with_columns(pl.col("deployment_id").alias("source_key")).rename({"finished_at": "at"})
    return observations(dated, source_table="deployments", **given)


def _not_linked(links: pl.LazyFrame) -> pl.LazyFrame:
    rest = links.filter(pl.col("linked_id").is_null()).with_columns(pl.col("incident_id").alias("source_key"))
    return observations(rest.rename({"opened_at": "at"}), source_table="incidents", detail=NOT_LINKED, usable=False)
