"""Study ``fragmentation``: in how many ways, in effect, is one thing done? 1 is one way; it falls when a path wins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import polars as pl

from idp_analytics.answers import CELL
from idp_analytics.estimates import variety
from idp_analytics.metrics import drift, golden_paths
from idp_analytics.metrics.links import Tables, production_deployments
from idp_analytics.metrics.period_ends import UTC_TIME, by_scope, period_ends
from idp_analytics.settings import Settings

DEPLOYING = "deploying"
VERSION = "version of "
OF_DEPLOYMENT = ("deployed_at", "deployment_id", "load_id", "source_row")

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "capability": pl.String,  # deploying; a kind of golden path (module, template, …); version of a path
    "n": pl.Int64,  # services of which the variant is known
    "unknown": pl.Int64,  # beside n: services that do it, and nobody says how
    "variants": pl.Int64,  # that anybody uses
    "value": pl.Float64,  # effective number of them, exp of Shannon's entropy
    "low": pl.Float64,
    "high": pl.Float64,
    "same": pl.Float64,  # chance that two services use the same one
    "level": pl.Float64,
    "most": pl.String,  # the variant most services use
    "most_share": pl.Float64,
}
"""The columns of the study, in order."""


def fragmentation(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Services over the variants of each capability at the end of each month and quarter, for the organisation and each team.

    One row per entity, period and capability (:data:`COLUMNS`). *Deploying*: the golden path of a service's latest successful
    production deployment in 90 days, or none and the source that tells of it. A kind of golden path: which of that kind a service is
    on (:func:`golden_paths.statuses`; one that is on two counts with both). A version: which one of the path is in use
    (:func:`drift.states`). Estimate and interval: :func:`variety.grouped`.
    """
    made = _deploying(tables, settings, as_of)
    seen = golden_paths.evidence(tables, settings, as_of)
    firsts = [frame[name].min() for frame, name in ((made, "day"), (seen, "as_of")) if frame.height]
    if not firsts:
        return pl.DataFrame(schema=COLUMNS)
    first: date = min(firsts)  # type: ignore[type-var, assignment]
    ends = period_ends(settings, as_of, first)
    parts = _parts(tables, settings, as_of, ends, made, seen)
    cells = by_scope(pl.concat(parts).join(ends.drop("day", "begins"), on="at"))
    key = (*CELL, "period", "is_partial", "capability")
    counts = cells.group_by(*key, "variant").agg(pl.len().alias("count"))
    known = counts.drop_nulls("variant")
    most = (
        known.sort("count", "variant", descending=[True, False])
        .group_by(key, maintain_order=True)
        .agg(
            pl.col("variant").first().alias("most"),
            (pl.col("count").first() / pl.col("count").sum()).alias("most_share"),
        )
    )
    unknown = counts.group_by(key).agg(pl.col("count").filter(pl.col("variant").is_null()).sum().alias("unknown"))
    return (
        unknown.join(variety.grouped(known, key, "variant", "count", settings.rules.level), on=key, how="left")
        .join(most, on=key, how="left")
        .with_columns(pl.col("n", "variants").fill_null(0), pl.lit(settings.rules.level).alias("level"))
        .sort(*CELL, "capability")
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def ways(tables: Tables, settings: Settings, as_of: datetime, ends: pl.DataFrame) -> pl.DataFrame:
    """What :func:`fragmentation` counts at each of ``ends`` (``at``, ``day``): ``service_id``, ``team_id``, ``at``, ``capability``, ``variant`` (null: nobody
    says), and of a deployment ``deployed_at``, ``deployment_id``, ``load_id``, ``source_row``."""
    seen = golden_paths.evidence(tables, settings, as_of)
    return pl.concat(
        _parts(tables, settings, as_of, ends, _deploying(tables, settings, as_of, OF_DEPLOYMENT), seen),
        how="diagonal_relaxed",
    )


def _parts(
    tables: Tables, settings: Settings, as_of: datetime, ends: pl.DataFrame, made: pl.DataFrame, seen: pl.DataFrame
) -> list[pl.DataFrame]:
    moments = ends.select("at", "day").unique()
    services = golden_paths.services_at(tables, settings, as_of, moments).select("service_id", "at", "day", "team_id")
    return [_latest(made, services), *_on_paths(tables, settings, as_of, seen, services)]


def _deploying(tables: Tables, settings: Settings, as_of: datetime, more: Sequence[str] = ()) -> pl.DataFrame:
    """Each deployment with its way: ``service_id``, ``deployed_at``, ``day``, ``variant``, and ``more`` of its columns; oldest first."""
    way = pl.coalesce("golden_path_id", pl.format("no path ({})", "source"))
    frame = production_deployments(tables, settings).drop_nulls("service_id")
    return (
        frame.select(
            "service_id",
            pl.col("finished_at").alias("deployed_at"),
            way.alias("variant"),
            *(name for name in more if name != "deployed_at"),
        )
        .filter(pl.col("deployed_at") < pl.lit(as_of).cast(UTC_TIME))
        .with_columns(pl.col("deployed_at").dt.convert_time_zone(settings.time_zone).dt.date().alias("day"))
        .sort("deployed_at", "variant")
        .collect()
    )


def _latest(made: pl.DataFrame, services: pl.DataFrame) -> pl.DataFrame:
    joined = services.sort("at").join_asof(
        made.drop("day"), left_on="at", right_on="deployed_at", by="service_id", allow_exact_matches=False, check_sortedness=False
    )  # fmt: skip
    recent = pl.col("deployed_at") > pl.col("at") - pl.duration(days=golden_paths.WINDOW_DAYS)
    return joined.filter(recent).select(
        "service_id",
        "team_id",
        "at",
        pl.lit(DEPLOYING).alias("capability"),
        "variant",
        *(name for name in OF_DEPLOYMENT if "deployment_id" in made.columns),
    )


def _on_paths(
    tables: Tables, settings: Settings, as_of: datetime, seen: pl.DataFrame, services: pl.DataFrame
) -> list[pl.DataFrame]:
    """Who is on which path of a kind, and on which version of a path; nothing where no path is known."""
    if seen.is_empty():
        return []
    moments = services.select("at", "day").unique()
    kinds = (
        golden_paths.applies(tables, moments)
        .drop_nulls("kind")
        .select("golden_path_id", "at", pl.col("kind").alias("capability"))
    )
    on = (
        golden_paths.statuses(seen, moments)
        .filter(status="on")
        .join(kinds, on=["golden_path_id", "at"])
        .join(services, on=["service_id", "at"])
        .select("service_id", "team_id", "at", "capability", pl.col("golden_path_id").alias("variant"))
    )
    uses, _ = drift.states(tables, settings, as_of)
    versions = uses.select(
        "service_id", "team_id", "at", (pl.lit(VERSION) + pl.col("golden_path_id")).alias("capability"), pl.col("version").alias("variant")
    ).filter(pl.col("at").is_in(moments["at"].implode()))  # fmt: skip
    return [on, versions]
