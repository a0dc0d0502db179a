"""Study ``next_teams``: which teams are nearest to a golden path they are not on, and what says so; no ranking of teams."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.metrics import golden_paths
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.observed import day_of
from idp_analytics.metrics.period_ends import UTC_TIME
from idp_analytics.settings import Settings

SHOWN, FEWEST_SIGNS = 5, 2
"""How many a list has at most, and how many signs make a team near."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "team_id": pl.String,
    "golden_path_id": pl.String,
    "title": pl.String,
    "n": pl.Int64,  # its services the path is for
    "on": pl.Int64,  # of them, on it
    "unverified": pl.Int64,  # of n, said to be on it, and nobody looks
    "off": pl.Int64,  # of n, not on it
    "beside": pl.Int64,  # of off, of one system with a service that is on it
    "alike": pl.Int64,  # of off, of a kind of which at least half are on it
    "tickets": pl.Int64,  # it asked about the path in the last 90 days
    "runs": pl.Int64,  # of operations of the path, by it in the last 90 days
    "signs": pl.Int64,  # of on, beside, alike, tickets, runs: those above 0
    "is_listed": pl.Boolean,  # the path with most signs of one of the SHOWN teams with most, at least FEWEST_SIGNS
}
"""The columns of the study, in order."""

_KEY = ["team_id", "golden_path_id"]


def next_teams(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Teams with an active production service that is off a path of choice, with what says that they are near to it (:data:`COLUMNS`).

    One row per team and path, once for the organisation and once for the team itself, at the as-of time, in order of id. Left out: paths under a
    mandate (there is nothing to suggest), the platform's own teams. The signs are counted, not weighed: being near is a reason to
    ask, and neither a merit nor a fault.
    """
    found_pairs = pairs(tables, settings, as_of)
    if found_pairs.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    on, off = pl.col("is_on"), pl.col("is_off")
    told = found_pairs.group_by(*_KEY, "title").agg(
        pl.len().alias("n"), on.sum().alias("on"), (pl.col("status") == "unverified").fill_null(False).sum().alias("unverified"),
        off.sum().alias("off"), (off & pl.col("is_beside")).sum().alias("beside"), (off & pl.col("is_alike")).sum().alias("alike"),
    ).filter(pl.col("off") > 0)  # fmt: skip
    signed = [pl.col(name) > 0 for name in ("on", "beside", "alike", "tickets", "runs")]
    found = (
        told.join(_recent(tables["tickets"], "created_at", as_of, "tickets"), on=_KEY, how="left")
        .join(_recent(runs(tables), "requested_at", as_of, "runs"), on=_KEY, how="left")
        .with_columns(pl.col("tickets", "runs").fill_null(0))
        .with_columns(pl.sum_horizontal(sign.cast(pl.Int64) for sign in signed).alias("signs"))
        .sort("signs", "off", "on", *_KEY, descending=[True, True, True, False, False])
        .with_columns(pl.col("team_id").is_first_distinct().alias("_best"))
        .with_columns(
            (pl.col("_best") & (pl.col("_best").cum_sum() <= SHOWN) & (pl.col("signs") >= FEWEST_SIGNS)).alias(
                "is_listed"
            )
        )
    )
    both = pl.concat(
        found.with_columns(pl.lit(scope).alias("scope"), whose.alias("entity_id"))
        for scope, whose in (("org", pl.lit(ORG)), ("team", pl.col("team_id")))
    )
    return both.sort("scope", "entity_id", *_KEY).select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())


def pairs(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Each active production service with each path of choice that is for it: ``service_id``, ``team_id``, ``golden_path_id``, ``title``, ``status``
    (:data:`golden_paths.STATUSES`; null: off), ``is_on``, ``is_off``, ``is_beside`` and ``is_alike`` (a service of its system, or half of its kind, is on it)."""
    last = day_of(as_of - timedelta(microseconds=1), settings.time_zone)
    moment = pl.DataFrame({"at": [as_of.astimezone(UTC)], "day": [last]}, schema={"at": UTC_TIME, "day": pl.Date})
    seen = golden_paths.evidence(tables, settings, as_of)
    if seen.is_empty():
        return pl.DataFrame()
    services = (
        golden_paths.services_at(tables, settings, as_of, moment)
        .filter("is_production", pl.col("is_active").fill_null(True), pl.col("team_id").is_not_null())
        .join(tables["services"].select("service_id", "system").collect(), on="service_id")
        .select("service_id", "team_id", "system", "kind")
    )
    chosen = (
        tables["golden_paths"]
        .filter((pl.col("mandated_from") > pl.lit(last)).fill_null(True))
        .select("golden_path_id")
        .collect()
    )
    paths = (
        golden_paths.applies(tables, moment)
        .join(chosen, on="golden_path_id")
        .join(seen.select("golden_path_id").unique(), on="golden_path_id")
    )
    fits = (pl.col("applies_to").list.len().fill_null(0) == 0) | pl.col("applies_to").list.contains(
        pl.col("kind"), nulls_equal=False
    ).fill_null(False)
    status = golden_paths.statuses(seen, moment).select("service_id", "golden_path_id", "status")
    on, off = (pl.col("status") == "on").fill_null(False), (pl.col("status") == "off").fill_null(True)
    return (
        services.join(paths.select("golden_path_id", "title", "applies_to"), how="cross")
        .filter(fits)
        .join(status, on=["service_id", "golden_path_id"], how="left")
        .with_columns(
            on.alias("is_on"), off.alias("is_off"),
            (pl.col("system").is_not_null() & on.any().over("golden_path_id", "system")).alias("is_beside"),
            (pl.col("kind").is_not_null() & (2 * on.sum().over("golden_path_id", "kind") >= pl.len().over("golden_path_id", "kind"))).alias("is_alike"),
        )
    )  # fmt: skip


def runs(tables: Tables) -> pl.LazyFrame:
    """Runs with the path they used, else that of their operation."""
    of_path = tables["operations"].select("operation_id", pl.col("golden_path_id").alias("_of"))
    return (
        tables["action_runs"]
        .join(of_path, on="operation_id", how="left")
        .with_columns(pl.coalesce("golden_path_id", "_of").alias("golden_path_id"))
    )


def recent(frame: pl.LazyFrame, time: str, as_of: datetime) -> pl.LazyFrame:
    """What of ``frame`` a known team did of a path in the last 90 days."""
    now = pl.lit(as_of.astimezone(UTC)).cast(UTC_TIME)
    since = now - pl.duration(days=golden_paths.WINDOW_DAYS)
    return frame.filter(pl.col(time) < now, pl.col(time) >= since).drop_nulls(_KEY)


def _recent(frame: pl.LazyFrame, time: str, as_of: datetime, name: str) -> pl.DataFrame:
    return recent(frame, time, as_of).group_by(_KEY).agg(pl.len().cast(pl.Int64).alias(name)).collect()
