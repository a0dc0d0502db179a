"""How soon a new service is in production, as observations, and how each was made."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from idp_analytics.answers import observations
from idp_analytics.metrics.links import Tables, production_deployments
from idp_analytics.metrics.requests import chained
from idp_analytics.settings import Settings
from idp_analytics.tables.declare import Column, Kind, Table
from idp_analytics.tables.ownership import attribute

HOW = ("before a path", "on a path", "off a path", "not told")
"""Made before any golden path made services; born on one; made since and not born on one; no source tells how services came to be."""

SLACK = timedelta(hours=1)
"""So much later than a service is said to be created its run may have been asked for: clocks differ."""

_UTC = pl.Datetime("us", "UTC")
_MADE = Table(
    "births", "one service when it was made", ("service_id",), (Column("service_id", Kind.ID, "Which."),),
    time=("at",), owned=True,
)  # fmt: skip


def new_service_deploy_time(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Days from asking for a new service to its first successful production deployment; ``hit`` false: retired before, or not there yet.

    From when the run of a template that made it was first asked for, else from its creation. Not usable: in production before it
    was made. Services made before the first known production deployment are left out: theirs may not have been recorded.
    """
    return observations(made(tables, settings).lazy(), source_table="services")


def made(tables: Tables, settings: Settings) -> pl.DataFrame:
    """Every service made since deployments are recorded: what :func:`new_service_deploy_time` observes, with ``how`` (:data:`HOW`) and
    ``is_asked``."""
    deployed = production_deployments(tables, settings).drop_nulls("service_id")
    first = deployed.group_by("service_id").agg(pl.col("finished_at").min().alias("_first"))
    since = deployed.select(pl.col("finished_at").min().alias("_since"))
    services = (
        tables["services"]
        .select("service_id", "kind", "created_at", "retired_at")
        .join(_asked(tables), on="service_id", how="left")
        .join(first, on="service_id", how="left")
        .join(since, how="cross")
        .with_columns(pl.coalesce("_asked", "created_at").alias("at"), pl.col("_asked").is_not_null().alias("is_asked"))
        .filter(pl.col("at") >= pl.col("_since"))
        .join(_how(tables), on="service_id", how="left")
    )
    at, reached, left = pl.col("at"), pl.col("_first"), pl.col("retired_at")
    in_time = reached.is_not_null() & (left.is_null() | (reached <= left))
    x = (pl.when(in_time).then(reached).otherwise(left) - at).dt.total_seconds(fractional=True) / 86400
    told = services.with_columns(
        x.alias("x"), in_time.alias("hit"), (x >= 0).fill_null(True).alias("usable"), pl.col("service_id").alias("source_key"),
        pl.when(~pl.col("_told")).then(pl.lit("not told"))
        .when(pl.col("_born").fill_null(False)).then(pl.lit("on a path"))
        .when((at >= pl.col("_path_since")).fill_null(True)).then(pl.lit("off a path"))
        .otherwise(pl.lit("before a path")).alias("how"),
    )  # fmt: skip
    return attribute(_MADE, told.collect(), tables["ownership"].collect(), settings.time_zone)


def _asked(tables: Tables) -> pl.LazyFrame:
    """When the request was first made that made a service: the last that a template's run succeeded for, before it was created.

    A template run for a service that was there already made something else.
    """
    templates = tables["golden_paths"].filter(pl.col("kind") == "template").select("golden_path_id")
    runs = chained(tables).join(templates, on="golden_path_id", how="semi")
    done = pl.col("outcome") == "success"
    requests = runs.group_by("request_id").agg(
        pl.col("requested_at").min().alias("_asked"), pl.col("service_id").filter(done).drop_nulls().first(),
        done.any().fill_null(False).alias("_done"),
    )  # fmt: skip
    created = tables["services"].select("service_id", "created_at")
    return (
        requests.filter("_done")
        .drop_nulls("service_id")
        .join(created, on="service_id")
        .filter(pl.col("created_at").is_null() | (pl.col("_asked") <= pl.col("created_at") + SLACK))
        .group_by("service_id")
        .agg(pl.col("_asked").max())
    )


def _how(tables: Tables) -> pl.LazyFrame:
    """Per service whether it was born on a path (``_born``), since when a path makes services of its kind (``_path_since``), and
    whether any source tells of births at all (``_told``)."""
    births = tables["service_golden_path"].filter(pl.col("evidence") == "born")
    born = births.select("service_id", pl.lit(True).alias("_born")).unique()
    makes = tables["golden_paths"].join(births.select("golden_path_id").unique(), on="golden_path_id", how="semi")
    since = pl.coalesce("released_at", pl.col("announced_on").cast(_UTC)).fill_null(
        pl.datetime(1, 1, 1, time_zone="UTC")
    )
    by_kind = (
        makes.select(since.alias("_path_since"), "applies_to")
        .join(tables["services"].select("service_id", "kind"), how="cross")
        .filter(pl.col("applies_to").is_null() | pl.col("applies_to").list.contains(pl.col("kind")))
        .group_by("service_id")
        .agg(pl.col("_path_since").min())
    )
    return (
        tables["services"]
        .select("service_id")
        .join(born, on="service_id", how="left")
        .join(by_kind, on="service_id", how="left")
        .join(births.select((pl.len() > 0).alias("_told")), how="cross")
    )  # fmt: skip
