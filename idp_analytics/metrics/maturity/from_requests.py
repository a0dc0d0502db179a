"""Measures of what people ask the platform for, and of what they ask its people for."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics.estimates import rates
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.maturity.from_paths import counted
from idp_analytics.metrics.maturity.measured import (
    CALM,
    HALF_YEAR,
    moment,
    nothing,
    of_count,
    of_intervals,
    of_registers,
    of_shares,
    shaped,
    since,
)
from idp_analytics.metrics.period_ends import by_scope
from idp_analytics.settings import Settings

_ENTITY = ["scope", "entity_id"]
MONTHS = HALF_YEAR / 30.4375
A_FIFTH = 0.2


def recent(frame: pl.LazyFrame, column: str, as_of: datetime, days: int = HALF_YEAR) -> pl.LazyFrame:
    """The rows of the last ``days`` days."""
    return frame.filter(pl.col(column) >= since(as_of, days), pl.col(column) < moment(as_of))


def owned_now(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Services in the catalogue that are not retired: ``service_id``, ``lifecycle`` and the ``team_id`` that owns it at ``as_of``; null: none known."""
    day = moment(as_of).dt.convert_time_zone(settings.time_zone).dt.date()
    holds = (pl.col("valid_from").fill_null(day) <= day) & (pl.col("valid_to").is_null() | (pl.col("valid_to") > day))
    owner = tables["ownership"].filter(holds).select("service_id", "team_id").unique("service_id", keep="any")
    there = pl.col("retired_at").is_null() | (pl.col("retired_at") > moment(as_of))
    begun = pl.col("created_at").is_null() | (pl.col("created_at") < moment(as_of))
    return (
        tables["services"].filter(there, begun).select("service_id", "lifecycle").unique("service_id")
        .join(owner, on="service_id", how="left").collect()
    )  # fmt: skip


def tickets_per_service_month(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Support tickets of the last half year per service of the team that asked and month; exact Poisson (Garwood 1936).

    A team that asked nothing has a measured zero only where some team asked anything.
    """
    tickets = by_scope(recent(tables["tickets"], "created_at", as_of).select("team_id").collect())
    services = by_scope(owned_now(tables, settings, as_of))
    if tickets.is_empty() or services.is_empty():
        return nothing("tickets_per_service_month", "tickets per service and month")
    found = (
        services.group_by(_ENTITY).agg(pl.len().alias("services"))
        .join(tickets.group_by(_ENTITY).agg(pl.len().alias("tickets")), on=_ENTITY, how="left")
        .with_columns(pl.col("tickets").fill_null(0), (pl.col("services") * MONTHS).alias("exposure")).sort(_ENTITY)
    )  # fmt: skip
    low, high = rates.exact_poisson(found["tickets"].to_numpy(), found["exposure"].to_numpy(), settings.rules.level)
    told = found.with_columns(
        (pl.col("tickets") / pl.col("exposure")).alias("value"), pl.Series("low", low), pl.Series("high", high),
        pl.col("tickets").alias("n"),
    )  # fmt: skip
    return of_intervals(told, "tickets_per_service_month", "tickets per service and month", settings.rules.level)


def safe_requests_alone(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Of requests for safe operations in the last half year, those for which no person was asked to approve."""
    asked = (
        tables["approvals"].filter(pl.col("subject_kind") == "action_run", ~pl.col("automated").fill_null(False))
        .select(pl.col("subject_id").alias("run_id"), pl.lit(True).alias("asked")).unique("run_id")
    )  # fmt: skip
    safe = tables["operations"].filter(pl.col("risk") == "safe").select("operation_id").unique()
    rows = (
        recent(tables["action_runs"], "requested_at", as_of).join(safe, on="operation_id", how="semi").join(asked, on="run_id", how="left")
        .select("team_id", pl.col("asked").is_null().alias("hit"), pl.lit(True).alias("usable")).collect()
    )  # fmt: skip
    if rows.is_empty() or not tables["approvals"].select(pl.len()).collect().item():
        return nothing("safe_requests_alone", "share of requests")
    return of_shares(counted(rows), "safe_requests_alone", "share of requests", settings.rules.level)


def channels_in_use(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:  # noqa: ARG001
    """Ways of asking that a fifth of all requests of the last half year used, or more."""
    by = recent(tables["action_runs"], "requested_at", as_of).drop_nulls("channel").group_by("channel").len().collect()
    n = int(by["len"].sum())
    if not n:
        return nothing("channels_in_use", "ways")
    return of_count("channels_in_use", by.filter(pl.col("len") >= A_FIFTH * n).height, "ways", n)


def services_with_an_owner(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Of services in the catalogue, those with an owner and a stage of life; of a team's, those with a stage of life."""
    rows = owned_now(tables, settings, as_of).with_columns(
        (pl.col("team_id").is_not_null() & pl.col("lifecycle").is_not_null()).alias("hit"), pl.lit(True).alias("usable")
    )
    return of_registers(counted(rows), "services_with_an_owner", "share of services")


def with_untested(found: pl.DataFrame, tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """``found`` with a row for every team that owns a service and has none: where others had something to test it, these had nothing."""
    if found.filter(pl.col("n") > 0).is_empty():
        return found
    teams = owned_now(tables, settings, as_of).select("team_id").drop_nulls().unique().sort("team_id")
    quiet = teams.join(found.filter(pl.col("scope") == "team"), left_on="team_id", right_on="entity_id", how="anti")
    like = found.row(0, named=True)
    rows = quiet.select(
        pl.lit("team").alias("scope"), pl.col("team_id").alias("entity_id"), pl.lit(0).alias("n"), pl.lit(CALM).alias("why")
    )  # fmt: skip
    return pl.concat([found, shaped(rows, like["source"], like["kind"], like["unit"], settings.rules.level)])
