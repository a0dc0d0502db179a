"""Which deployment a definition blames an incident on."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.presets.definition import Link
from idp_analytics.settings import Settings

_SCOPES = {"organisation": "org", "team": "team", "service": "service"}
_ENTITY = {"org": pl.lit(ORG), "team": pl.col("team_id"), "service": pl.col("service_id")}


def incidents(tables: Tables, link: Link) -> pl.LazyFrame:
    """The incidents that may count: all, or without those said not to be caused by a change."""
    return tables["incidents"].filter(pl.col("change_caused").fill_null(True)) if link.cause else tables["incidents"]


def blamed(tables: Tables, found: pl.LazyFrame, link: Link, settings: Settings, scope: str) -> pl.LazyFrame:
    """The incidents that may count, each with the deployment of ``found`` it is blamed on.

    Columns of ``incidents`` and ``linked_id``, ``linked_at``, ``linked_service_id``, ``linked_team_id`` (null: none).
    ``scope``: what is asked about (``org``, ``team``, ``service``), where the link reaches as far as that. Of deployments
    in the same instant the one with the greatest id is taken.
    """
    known = incidents(tables, link)
    linked = found.select(
        pl.col("deployment_id").alias("linked_id"), pl.col("at").alias("linked_at"),
        pl.col("service_id").alias("linked_service_id"), pl.col("team_id").alias("linked_team_id"),
    )  # fmt: skip
    if link.by == "nothing":
        return known.with_columns(pl.lit(None, dtype).alias(n) for n, dtype in linked.collect_schema().items())
    if link.by == "recorded":
        whose = pl.col("deployment_id")
    else:
        known = _latest(known, found, link, settings, scope)
        whose = pl.col("_latest_id")
        if link.by == "recorded, else latest":
            whose = pl.when(pl.col("deployment_id").is_null()).then("_latest_id").otherwise("deployment_id")
    return (
        known.with_columns(whose.alias("_link"))
        .join(linked.with_columns(pl.col("linked_id").alias("_link")), on="_link", how="left")
        .drop("_link", "_latest_id", "_latest_at", "_within", strict=False)
    )


def _latest(known: pl.LazyFrame, found: pl.LazyFrame, link: Link, settings: Settings, scope: str) -> pl.LazyFrame:
    """``known`` with ``_latest_id``: the last deployment within reach that ended before the incident was opened."""
    within = _ENTITY[scope if link.reach == "asked" else _SCOPES[link.reach]].alias("_within")
    latest = found.select(
        within, pl.col("deployment_id").alias("_latest_id"), pl.col("at").alias("_latest_at")
    ).sort("_latest_at", "_latest_id")  # fmt: skip
    hours = settings.rules.link_hours if link.hours == "rules" else link.hours
    return (
        known.with_columns(within)
        .sort("opened_at")
        .join_asof(
            latest, left_on="opened_at", right_on="_latest_at", by="_within", strategy="backward",
            allow_exact_matches=link.tie, tolerance=None if hours is None else timedelta(hours=float(hours)),
            check_sortedness=False,
        )
    )  # fmt: skip
