"""From a change's first commit to its deployment, under any definition: one row per change (and deployment) counted."""

from __future__ import annotations

import polars as pl

from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.presets.definition import Counted, LeadTime
from idp_analytics.metrics.presets.deployments import counted
from idp_analytics.metrics.remembered import shared
from idp_analytics.settings import Settings

STAGES = ("coding_hours", "pickup_hours", "review_hours", "deploy_hours")
"""Stages as DevLake draws them: first commit to proposal, to first review, to merge; and merge to the deployment's end."""


def lead_times(measure: LeadTime, tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Changes that count, with their hours: those in a deployment that counts, dated by it, or as the definition says.

    Columns: ``service_id``, ``team_id`` (the deployment's; the change's own where it is not deployed), ``at``, ``x``
    (hours), ``source_key`` (change_id), ``deployment_id``, :data:`STAGES` (hours; null: unknown or negative), which the
    definition's rounding applies to as well.
    """
    links = (
        _carried(tables, settings, measure.counted)
        if measure.carry
        else _links(tables, settings, measure.counted, measure.skip_first, measure.each, measure.pick)
    )
    of = pl.col("kind").is_null() | (pl.col("kind") == measure.unit_of_change)
    changes = tables["changes"].filter(pl.lit(True) if measure.unit_of_change == "change" else of)
    times = changes.select(
        "change_id", "first_commit_at", "opened_at", "first_review_at", "merged_at",
        pl.col("service_id").alias("_service"), pl.col("team_id").alias("_team"),
    )  # fmt: skip
    joined = times.join(links, on="change_id", how="left" if measure.undeployed else "inner").with_columns(
        pl.coalesce("service_id", "_service").alias("service_id"), pl.coalesce("team_id", "_team").alias("team_id")
    )
    spans = joined.with_columns(
        _span(measure, "first_commit_at", "opened_at").alias("coding_hours"),
        _span(measure, "opened_at", "first_review_at").alias("pickup_hours"),
        _span(measure, "first_review_at", "merged_at").alias("review_hours"),
        _span(measure, "merged_at", "deployed_at").alias("deploy_hours"),
        _hours(measure, "opened_at", "merged_at").alias("_proposed"),
        _hours(measure, measure.start, "deployed_at").alias("_whole"),
    )
    known = pl.col("_whole").is_not_null()
    if measure.sum_of_stages:
        total = pl.sum_horizontal(pl.col(n).fill_null(0) for n in ("coding_hours", "_proposed", "deploy_hours"))
        known = pl.lit(True)
    else:
        total = pl.col("_whole")
        known = {"missing": known & (total >= 0), "dropped": known & (total > 0), "kept": known}[measure.negative]
    at = pl.col("deployed_at") if measure.dated == "deployment" else pl.col("merged_at")
    return spans.filter(known.fill_null(False), at.is_not_null() | measure.undeployed).select(
        "service_id", "team_id", at.alias("at"), total.alias("x"), pl.col("change_id").alias("source_key"),
        "deployment_id", "deployed_at", *STAGES,
    )  # fmt: skip


@shared
def _links(tables: Tables, settings: Settings, rule: Counted, skip_first: bool, each: str, pick: str) -> pl.LazyFrame:
    """``change_id`` and the deployment it is counted with (``every``: one row for each)."""
    found = counted(tables, rule, settings)
    if skip_first:
        first = found.sort("at", "deployment_id").unique(
            ("service_id", "environment"), keep="first", maintain_order=True
        )
        found = found.join(first.select("deployment_id"), on="deployment_id", how="anti")
    deployed = found.select(
        "deployment_id", "service_id", "team_id", "started_at", pl.col("at").alias("deployed_at")
    )  # fmt: skip
    links = tables["deployment_changes"].select("deployment_id", "change_id").join(deployed, on="deployment_id")
    if each == "every":
        return links
    order = pl.coalesce("started_at", "deployed_at") if pick == "started_at" else pl.col("deployed_at")
    return links.sort(order, "deployment_id").unique("change_id", keep="first", maintain_order=True)


@shared
def _carried(tables: Tables, settings: Settings, rule: Counted) -> pl.LazyFrame:
    """``change_id`` and the first success of the service at or after the deployment it was in, whatever that one's end."""
    success = counted(tables, rule, settings).select(
        "deployment_id", "service_id", "team_id", "started_at", pl.col("at").alias("deployed_at")
    )
    tried = tables["deployments"].select(
        "service_id", pl.col("deployment_id").alias("_tried"), pl.coalesce("finished_at", "started_at").alias("_at")
    )
    links = tables["deployment_changes"].select(pl.col("deployment_id").alias("_tried"), "change_id")
    return (
        links.join(tried, on="_tried")
        .filter(pl.col("_at").is_not_null())
        .sort("_at")
        .join_asof(
            success.sort("deployed_at", "deployment_id"), left_on="_at", right_on="deployed_at", by="service_id",
            strategy="forward", check_sortedness=False,
        )
        .filter(pl.col("deployment_id").is_not_null())
        .select("change_id", "deployment_id", "service_id", "team_id", "started_at", "deployed_at")
    )  # fmt: skip


def _hours(measure: LeadTime, start: str, end: str) -> pl.Expr:
    """Hours between two moments; with ``whole``, rounded up to whole minutes."""
    seconds = (pl.col(end) - pl.col(start)).dt.total_seconds(fractional=True)
    return (seconds / 60).ceil() / 60 if measure.whole == "minutes" else seconds / 3600


def _span(measure: LeadTime, start: str, end: str) -> pl.Expr:
    """The same; null where negative."""
    hours = _hours(measure, start, end)
    return pl.when(hours >= 0).then(hours)
