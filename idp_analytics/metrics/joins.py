"""Each coming of a service onto a golden path, whether anybody made it come, and who might have come and did not yet.

A join is *mandated* when the path's mandate was in force, *pre-mandate* when it was known to come, else *organic*. What is born
on a path and nowhere seen to use it is no join: ``new_service_path_share`` counts it.
"""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from idp_analytics.metrics import golden_paths
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.path_retention import joined
from idp_analytics.metrics.period_ends import UTC_TIME
from idp_analytics.metrics.remembered import of_last_moment
from idp_analytics.settings import Settings
from idp_analytics.tables.ownership import attribute

KINDS = ("organic", "pre-mandate", "mandated")

NOTICE_DAYS = 60
"""For so long before a mandate it is taken to be known, where nobody says when the path was announced."""

_PAIR = ["service_id", "golden_path_id"]
_JOIN: dict[str, pl.DataType | type[pl.DataType]] = {
    "service_id": pl.String, "golden_path_id": pl.String, "title": pl.String, "team_id": pl.String, "began": UTC_TIME, "day": pl.Date,
    "adoption": pl.String, "is_born": pl.Boolean, "x": pl.Float64, "hit": pl.Boolean, "kind": pl.String,
}  # fmt: skip


@of_last_moment
def joins(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Every first join, as :func:`path_retention.joined` has it, with how it came about. One row per service and path, sorted:

    ``service_id``, ``golden_path_id``, ``title``, ``team_id`` (the owner on the day of joining), ``began`` (Datetime UTC), ``day`` (where
    the organisation is), ``adoption`` (:data:`KINDS`), ``is_born`` (the service was made from the path), ``x``, ``hit`` (days until it
    left, or was last seen), ``kind``: counted, early, unknown. The notice of a mandate begins when the path was announced, if that
    is told and lies before the mandate, else :data:`NOTICE_DAYS` before it.
    """
    found = joined(tables, settings, as_of)
    if found.is_empty():
        return pl.DataFrame(schema=_JOIN)
    paths = tables["golden_paths"].select("golden_path_id", "title", "announced_on", "mandated_from").collect()
    day, must, notice = pl.col("day"), pl.col("mandated_from"), _notice()
    adoption = (
        pl.when(day >= must).then(pl.lit("mandated")).when(day >= notice).then(pl.lit("pre-mandate")).otherwise(pl.lit("organic"))
    )  # fmt: skip
    return (
        found.with_columns(pl.col("began").dt.convert_time_zone(settings.time_zone).dt.date().alias("day"))
        .join(paths, on="golden_path_id", how="left")
        .with_columns(adoption.alias("adoption"))
        .sort(_PAIR)
        .select(pl.col(name).cast(dtype) for name, dtype in _JOIN.items())
    )


def _notice() -> pl.Expr:
    """The day from which a path's mandate is known to come; null: it has none."""
    must = pl.col("mandated_from")
    told = pl.when(pl.col("announced_on") < must).then("announced_on")
    return pl.coalesce(told, must.dt.offset_by(f"-{NOTICE_DAYS}d"))


@of_last_moment
def chances(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Each service with each path it is eligible for, joined or not. One row per pair, sorted:

    ``service_id``, ``golden_path_id``, ``title``, ``team_id`` (the owner on the last day it was there), ``system``, ``service_kind``,
    ``offered`` (Datetime UTC: when it could first join), ``first_look``, ``last_look`` (Date, of that path), ``notice`` (Date from which
    a mandate is known to come; null: there is none), ``retired_at``, and of its join
    ``began``, ``adoption``, ``kind`` (null: not joined). Eligible as in ``path_coverage``: lifecycle production, of a kind the path is for,
    not the platform team's own; here also those that were retired since the path was first looked at. Paths nobody looks at have
    no rows.
    """
    seen = golden_paths.evidence(tables, settings, as_of)
    looks = (
        seen.filter(pl.col("strength") > 0)
        .group_by("golden_path_id")
        .agg(pl.col("as_of").min().alias("first_look"), pl.col("as_of").max().alias("last_look"))
    )
    now = pl.lit(as_of.astimezone(UTC)).cast(UTC_TIME)
    since = pl.coalesce("released_at", pl.col("announced_on").cast(UTC_TIME))
    paths = (
        tables["golden_paths"]
        .filter(pl.col("retired_at").is_null() | (pl.col("retired_at") > now))
        .select("golden_path_id", "title", "applies_to", since.alias("_since"), _notice().alias("notice"))
        .collect()
        .join(looks, on="golden_path_id")
    )
    there = (
        tables["services"]
        .filter(pl.col("lifecycle") == "production", (pl.col("created_at") < now).fill_null(True))
        .select("service_id", "system", pl.col("kind").alias("service_kind"), "created_at", "retired_at")
        .collect()
    )
    last = (pl.min_horizontal("retired_at", now) - pl.duration(microseconds=1)).dt.convert_time_zone(settings.time_zone)
    owned = attribute(
        golden_paths.STATE, there.with_columns(last.dt.date().alias("day")), tables["ownership"].collect(), "UTC"
    )
    for_all = pl.col("applies_to").list.len().fill_null(0) == 0
    fits = for_all | pl.col("applies_to").list.contains(pl.col("service_kind"), nulls_equal=False).fill_null(False)
    came = joins(tables, settings, as_of).select(*_PAIR, "began", "adoption", "kind")
    return (
        owned.join(golden_paths.platform_teams(tables, settings), on="team_id", how="anti")
        .join(paths, how="cross")
        .filter(fits, pl.col("retired_at").is_null() | (pl.col("retired_at").dt.date() > pl.col("first_look")))
        .join(came, on=_PAIR, how="left")
        .with_columns(pl.max_horizontal("_since", "created_at").alias("offered"))
        .select(*_PAIR, "title", "team_id", "system", "service_kind", "offered", "first_look", "last_look", "notice", "retired_at", "began", "adoption", "kind")
        .sort(_PAIR)
    )  # fmt: skip
