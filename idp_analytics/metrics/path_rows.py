"""The way back from the studies of golden paths to what was told of each service, with file and row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import polars as pl

from idp_analytics import periods
from idp_analytics.errors import ReportError, nearest
from idp_analytics.metrics import golden_paths
from idp_analytics.metrics.drift import states
from idp_analytics.metrics.joins import joins
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.observed import ENTITY
from idp_analytics.metrics.path_coverage import covered
from idp_analytics.metrics.path_diffusion import placed
from idp_analytics.metrics.path_retention import joined
from idp_analytics.metrics.period_ends import period_ends
from idp_analytics.metrics.upgrade_lag import upgrades
from idp_analytics.periods import Period
from idp_analytics.settings import Settings

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "on": pl.Date,  # drift, path_coverage: the last day of the period; path_retention, adoption_kinds, diffusion: joined; upgrade_lag: released
    "service_id": pl.String,
    "team_id": pl.String,  # the owner that day
    "golden_path_id": pl.String,  # path_coverage: null: the service as a whole, on whichever path
    "version": pl.String,  # drift: in use; upgrade_lag: the release to take up
    "what": pl.String,  # what it counts as
    "days": pl.Float64,  # behind; on the path; since the release
    "path": pl.String,
    "source_row": pl.Int64,  # of the look that told
}
"""The columns of :func:`path_rows`, in order."""

_PAIR = ["service_id", "golden_path_id"]


def path_rows(
    tables: Tables, settings: Settings, as_of: datetime, study: str, scope: str, entity_id: str, period: str
) -> pl.DataFrame:
    """What ``study`` (:data:`STUDIES`) counts of one entity: the uses or services at the end of the period, the joins up to it (``adoption_kinds``), or all there
    were up to the as-of time (``path_retention``, ``upgrade_lag``, ``diffusion``), of which all periods tell the same.

    Columns: :data:`COLUMNS`, sorted by day, service and path. Raises :class:`ReportError` for another study, scope or period.
    """
    if study not in STUDIES:
        raise ReportError(f"There is no way back from {study!r} to rows.{nearest(study, STUDIES)}")
    if scope not in ENTITY:
        raise ReportError(f"There is no scope {scope!r}.{nearest(scope, ENTITY)}")
    found = STUDIES[study](tables, settings, as_of, periods.parse(period))
    if found.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    files = tables["loads"].select("load_id", "path").collect()
    return (
        found.filter(ENTITY[scope] == entity_id)
        .join(files, on="load_id", how="left")
        .with_columns(
            pl.lit(None, COLUMNS[name]).alias(name) for name in ("version", "days") if name not in found.columns
        )
        .sort("on", *_PAIR, "version", nulls_last=True)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def _uses(tables: Tables, settings: Settings, as_of: datetime, span: Period) -> pl.DataFrame:
    found, ends = states(tables, settings, as_of)
    if found.is_empty():
        return found
    grace = pl.when("in_grace").then(pl.lit("current, something newer is out within the grace")).otherwise("state")
    at = ends.filter(every=span.every, period=span.label).select("at", pl.col("day").alias("on"))
    return found.join(at, on="at").with_columns(grace.alias("what"), pl.col("days_behind").alias("days"))


def _joins(tables: Tables, settings: Settings, as_of: datetime, _: Period) -> pl.DataFrame:
    found = joined(tables, settings, as_of)
    if found.is_empty():
        return found
    kind = pl.col("kind")
    what = (
        pl.when(kind == "early").then(pl.lit("left out: joined before the first look"))
        .when(kind == "unknown").then(pl.lit("left out: only birth is told"))
        .when(kind != "counted").then(pl.format("left out: {}", kind))
        .when("hit").then(pl.lit("left")).otherwise(pl.lit("still there when last seen"))
    )  # fmt: skip
    on = pl.col("began").dt.convert_time_zone(settings.time_zone).dt.date()
    named = found.with_columns(on.alias("on"), what.alias("what"), pl.col("x").alias("days"))
    return _told(named, tables, settings, as_of, "last_seen")  # fmt: skip


def _upgrades(tables: Tables, settings: Settings, as_of: datetime, _: Period) -> pl.DataFrame:
    found = upgrades(tables, settings, as_of)
    if found.is_empty():
        return found
    what = (
        pl.when(pl.col("x").is_null()).then(pl.lit("left out: the version before is not known"))
        .when("hit").then(pl.lit("taken up")).otherwise(pl.lit("not taken up when last seen"))
    )  # fmt: skip
    named = found.with_columns(
        pl.col("day").alias("on"), pl.col("release").alias("version"), what.alias("what"), pl.col("x").alias("days")
    )
    return _told(named, tables, settings, as_of, "seen_on")


def _kinds(tables: Tables, settings: Settings, as_of: datetime, span: Period) -> pl.DataFrame:
    found = joins(tables, settings, as_of).filter(pl.col("kind") != "unknown", pl.col("day") < span.end)
    if found.is_empty():
        return found
    born = pl.when("is_born").then(pl.format("{}, made from the path", "adoption")).otherwise("adoption")
    what = pl.when(pl.col("kind") == "counted").then(born).otherwise(pl.lit("left out: joined before the first look"))
    seen = joined(tables, settings, as_of).select(*_PAIR, "last_seen")
    return _told(
        found.with_columns(pl.col("day").alias("on"), what.alias("what")).join(seen, on=_PAIR, how="left"),
        tables, settings, as_of, "last_seen",
    )  # fmt: skip


def _spread(tables: Tables, settings: Settings, as_of: datetime, span: Period) -> pl.DataFrame:
    found = placed(tables, settings, as_of)
    if found.is_empty():
        return found
    came = pl.col("began").dt.convert_time_zone(settings.time_zone).dt.date()
    what = (
        pl.when(pl.col("kind").is_null()).then(pl.lit("eligible, not on it so far"))
        .when(pl.col("month").is_null()).then(pl.lit("on it, nobody knows since when"))
        .when(came >= span.end).then(pl.lit("joined after the period")).otherwise(pl.lit("joined"))
    )  # fmt: skip
    on = pl.when(pl.col("month").is_not_null()).then(came).alias("on")
    return _told(found.with_columns(on, what.alias("what")), tables, settings, as_of, "last_look")


def _covered(tables: Tables, settings: Settings, as_of: datetime, span: Period) -> pl.DataFrame:
    seen = golden_paths.evidence(tables, settings, as_of)
    ends = (
        period_ends(settings, as_of, seen["as_of"].min(), of=(span,)) if seen.height else None  # type: ignore[arg-type]
    )
    if ends is None or ends.is_empty():
        return pl.DataFrame()
    counts, status = (pl.col("is_eligible") & pl.col("is_active")), pl.col("status")
    what = (
        pl.when(counts.is_null()).then(pl.lit("left out: not known whether it is eligible or active"))
        .when(~counts).then(None)
        .when(status == "on").then(pl.lit("on")).when(status == "unverified").then(pl.lit("said to be on it, and nobody looks"))
        .otherwise(pl.lit("off"))
    )  # fmt: skip
    found = (
        covered(tables, settings, as_of, ends).filter(pl.col("by").is_in(["all", "path"]))
        .with_columns(pl.lit(ends["day"].item()).alias("on"), pl.col("part").alias("golden_path_id"), what.alias("what"))
        .filter(pl.col("what").is_not_null())
    )  # fmt: skip
    return _told(found, tables, settings, as_of, "on")


def _told(found: pl.DataFrame, tables: Tables, settings: Settings, as_of: datetime, day: str) -> pl.DataFrame:
    """``found`` with ``load_id`` and ``source_row`` of the last look up to ``day`` that told of the service, the strongest of that day."""
    looks = (
        golden_paths.evidence(tables, settings, as_of)
        .sort("as_of", "strength", "source")
        .unique([*_PAIR, "as_of"], keep="last", maintain_order=True)
        .select(*_PAIR, pl.col("as_of").alias(day), "load_id", "source_row")
    )
    return found.sort(day).join_asof(looks.sort(day), on=day, by=_PAIR, check_sortedness=False)


STUDIES: dict[str, Callable[[Tables, Settings, datetime, Period], pl.DataFrame]] = {
    "path_coverage": _covered, "drift": _uses, "path_retention": _joins, "upgrade_lag": _upgrades, "adoption_kinds": _kinds, "diffusion": _spread,
}  # fmt: skip
"""Study → the rows it counts."""
