"""Which deployment a definition blames an incident on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.presets.definition import Counted, Link
from idp_analytics.metrics.presets.deployments import counted
from idp_analytics.metrics.remembered import shared
from idp_analytics.settings import Settings

_SCOPES = {"organisation": "org", "team": "team", "service": "service"}
_ENTITY: Mapping[str, Callable[[str], pl.Expr]] = {
    "org": lambda _: pl.lit(ORG),
    "team": pl.col,
    "service": pl.col,
}


def blamed(tables: Tables, settings: Settings, rule: Counted, link: Link, scope: str) -> pl.LazyFrame:
    """The incidents that may count, each with the deployment it is blamed on, of those ``rule`` counts.

    Columns of ``incidents`` and ``linked_id``, ``linked_at``, ``linked_service_id``, ``linked_team_id`` (null: none).
    ``scope``: what is asked about (``org``, ``team``, ``service``), where the link reaches as far as that. Of deployments
    in the same instant the one with the greatest id is taken.
    """
    # Neither whether the deployment must be in the same period, nor what a link does not ask about, matters to whom is blamed.
    return _blamed(tables, settings, rule, replace(link, inside=False), scope if link.reach == "asked" else "")


@shared
def _blamed(tables: Tables, settings: Settings, rule: Counted, link: Link, scope: str) -> pl.LazyFrame:
    known, linked = tables["incidents"], _in_order(tables, settings, rule)
    latest = pl.lit(None)
    if link.by in ("latest", "recorded, else latest"):
        known = _latest(tables, settings, rule, scope or _SCOPES[link.reach], link.tie)
        hours = settings.rules.link_hours if link.hours == "rules" else link.hours
        # The latest of all is the latest within so many hours, or there is none.
        late = (
            pl.lit(False)
            if hours is None
            else pl.col("opened_at") - pl.col("_latest_at") > timedelta(hours=float(hours))
        )
        latest = pl.when(~late).then("_latest_id")
    if link.cause:
        known = known.filter(pl.col("change_caused").fill_null(True))
    if link.by == "nothing":
        return known.with_columns(pl.lit(None, dtype).alias(n) for n, dtype in linked.collect_schema().items())
    whose = {
        "recorded": pl.col("deployment_id"),
        "latest": latest,
        "recorded, else latest": pl.coalesce("deployment_id", latest),
    }[link.by]
    known = known.with_columns(whose.alias("_link"))
    # Few of all deployments are blamed; the others are not looked up.
    named = linked.with_columns(pl.col("linked_id").alias("_link")).join(known, on="_link", how="semi")
    return known.join(named, on="_link", how="left").drop("_link", "_latest_id", "_latest_at", strict=False)


@shared
def _in_order(tables: Tables, settings: Settings, rule: Counted) -> pl.LazyFrame:
    """The deployments ``rule`` counts, named as those of incidents are, in order of time and id."""
    found = counted(tables, rule, settings).select(
        pl.col("deployment_id").alias("linked_id"), pl.col("at").alias("linked_at"),
        pl.col("service_id").alias("linked_service_id"), pl.col("team_id").alias("linked_team_id"),
    )  # fmt: skip
    return found.sort("linked_at", "linked_id")


@shared
def _latest(tables: Tables, settings: Settings, rule: Counted, whose: str, tie: bool) -> pl.LazyFrame:
    """Every incident with ``_latest_id``, ``_latest_at``: the last deployment of the same ``whose`` that ended before it was opened, however long."""
    within = _ENTITY[whose]
    latest = _in_order(tables, settings, rule).select(
        within(f"linked_{whose}_id").alias("_within"),
        pl.col("linked_id").alias("_latest_id"),
        pl.col("linked_at").alias("_latest_at"),
    )
    return (
        tables["incidents"].with_columns(within(f"{whose}_id").alias("_within")).sort("opened_at")
        .join_asof(
            latest, left_on="opened_at", right_on="_latest_at", by="_within", strategy="backward",
            allow_exact_matches=tie, check_sortedness=False,
        )
        .drop("_within")
    )  # fmt: skip
