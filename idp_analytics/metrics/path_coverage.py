"""Study ``path_coverage``: how many services are on a golden path, how many are not, and of how many nobody knows."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import polars as pl

from idp_analytics.answers import CELL
from idp_analytics.estimates import shares
from idp_analytics.metrics import golden_paths
from idp_analytics.metrics.cells import Spans
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.period_ends import by_scope, period_ends
from idp_analytics.settings import Settings

BY = ("all", "path", "tier", "deployments")
"""By what services are parted: not at all, one path at a time, tier; or not at all, each weighed by how often it deploys."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "by": pl.String,  # BY
    "part": pl.String,  # the path or tier; null: all
    "title": pl.String,  # of the path
    "n": pl.Int64,  # eligible active services at the end of the period (by deployments: those they made in 90 days)
    "k": pl.Int64,  # of them on a path
    "unknown": pl.Int64,  # of n, said to be on a path, and nobody looks whether they are
    "missing": pl.Int64,  # beside n: services of which it is not known whether they are eligible or active
    "share": pl.Float64,  # k ÷ n
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
}
"""The columns of the study, in order."""


def path_coverage(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """Services on a golden path at the end of each month and quarter, for the organisation and each team.

    One row per entity, period and part (:data:`COLUMNS`). Eligible: lifecycle production, of a kind some path is for, not
    retired, not the platform team's own; active: :func:`golden_paths.services_at`. A quarter is looked at at its end, so
    it is no sum of months. Measured from the first known snapshot on. Interval: Wilson 1927; weighed by deployments it
    rests on as many as there are services that differ (design effect, Kish 1965). ``spans``: of those periods alone.
    """
    seen = golden_paths.evidence(tables, settings, as_of)
    if seen.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    first: date = seen["as_of"].min()  # type: ignore[assignment]
    ends = period_ends(settings, as_of, first, of=spans)
    counted = covered(tables, settings, as_of, ends)
    cells = by_scope(counted.join(ends.drop("day", "begins"), on="at"))
    found = _counted(cells).filter(pl.col("n") + pl.col("missing") > 0)
    return _with_interval(found, settings.rules.level).select(
        pl.col(name).cast(dtype) for name, dtype in COLUMNS.items()
    )


def covered(tables: Tables, settings: Settings, as_of: datetime, ends: pl.DataFrame) -> pl.DataFrame:
    """Each service at each of ``ends`` (``at``, ``day``) once for every part it counts in: ``service_id``, ``team_id``, ``at``, ``by``, ``part``, ``title``,
    ``is_eligible`` and ``is_active`` (null: not known), ``status`` (:data:`golden_paths.STATUSES`; null: off), ``weight``."""
    moments = ends.select("at", "day").unique()
    seen = golden_paths.evidence(tables, settings, as_of)
    return _parted(golden_paths.services_at(tables, settings, as_of, moments), _offers(tables, seen, moments))


def _offers(tables: Tables, seen: pl.DataFrame, moments: pl.DataFrame) -> pl.DataFrame:
    """Each path on offer at each moment with the services that are on it, or said to be: :func:`golden_paths.applies` and
    ``status`` by service; a path nobody is on has one row without service."""
    paths = golden_paths.applies(tables, moments)
    stays = golden_paths.statuses(seen, moments).drop("began")
    return paths.join(stays, on=["golden_path_id", "at"], how="left")


def _parted(states: pl.DataFrame, offers: pl.DataFrame) -> pl.DataFrame:
    """Services once for every part they count in: ``by``, ``part``, ``title``, ``is_eligible``, ``is_active``, ``status``, ``weight``."""
    paths = offers.select("golden_path_id", "title", "applies_to", "at").unique(["golden_path_id", "at"])
    applies = (
        pl.when(pl.col("applies_to").list.len().fill_null(0) == 0)
        .then(pl.lit(True))
        .otherwise(pl.col("applies_to").list.contains(pl.col("kind"), nulls_equal=False))
    )
    on = offers.select("service_id", "golden_path_id", "at", "status").drop_nulls("service_id")
    single = (
        states.join(paths, on="at")
        .with_columns(_both(pl.col("is_production"), applies).alias("is_eligible"))
        .join(on, on=["service_id", "golden_path_id", "at"], how="left")
    )
    statuses = pl.Enum(golden_paths.STATUSES)  # the order of this list is that of precedence
    any_path = single.group_by("service_id", "at").agg(
        pl.col("team_id", "tier", "is_active", "deployments").first(),
        pl.when(pl.col("is_eligible").any())
        .then(pl.lit(True))
        .when(pl.col("is_eligible").is_null().any())
        .then(None)
        .otherwise(pl.lit(False))
        .alias("is_eligible"),
        pl.col("status").filter(pl.col("is_eligible").fill_null(True)).cast(statuses).min().cast(pl.String),
    )
    weight = pl.lit(1, pl.Int64).alias("weight")
    tier = pl.col("tier").cast(pl.String)
    return pl.concat(
        frame.with_columns(
            pl.lit(by).alias("by"), part.alias("part"), title.alias("title"), amount.alias("weight")
        ).select("service_id", "team_id", "at", "by", "part", "title", "is_eligible", "is_active", "status", "weight")
        for frame, by, part, title, amount in (
            (any_path, "all", _NONE, _NONE, weight),
            (single, "path", pl.col("golden_path_id"), pl.col("title"), weight),
            (any_path.drop_nulls("tier"), "tier", tier, _NONE, weight),
            (any_path, "deployments", _NONE, _NONE, pl.col("deployments").cast(pl.Int64)),
        )
    )


_NONE = pl.lit(None, pl.String)


def _both(one: pl.Expr, other: pl.Expr) -> pl.Expr:
    """Both true; false where either is false, else null where either is not known (Kleene)."""
    return one & other


def _counted(cells: pl.DataFrame) -> pl.DataFrame:
    eligible, active, weight = pl.col("is_eligible"), pl.col("is_active"), pl.col("weight")
    counts = (eligible & active).fill_null(False)
    not_told = (eligible & active).is_null()
    is_on, unverified = (counts & (pl.col("status") == status).fill_null(False) for status in ("on", "unverified"))
    hits, heavy = weight * is_on, weight * counts
    return cells.group_by(*CELL, "period", "is_partial", "by", "part").agg(
        pl.col("title").drop_nulls().first(), heavy.sum().alias("n"), hits.sum().alias("k"),
        (weight * unverified).sum().alias("unknown"), not_told.sum().alias("missing"),
        (hits**2).sum().alias("kk"), (hits * heavy).sum().alias("kn"), (heavy**2).sum().alias("nn"), counts.sum().alias("m"),
    )  # fmt: skip


def _with_interval(found: pl.DataFrame, level: float) -> pl.DataFrame:
    n, k = found["n"].to_numpy(), found["k"].to_numpy()
    effect = shares.design_effect(k, n, *(found[name].to_numpy() for name in ("kk", "kn", "nn", "m")))
    # All on or none: no variance to be seen, but what many deployments of few services say is still what few services say.
    weighed = found["nn"].to_numpy() / np.maximum(n, 1)
    effect = np.where((k == 0) | (k == n), np.maximum(weighed, 1.0), effect)
    low, high = shares.wilson(k / effect, n / effect, level)
    some = pl.col("n") > 0
    return found.with_columns(
        pl.when(some).then(pl.col("k") / pl.col("n")).alias("share"),
        *(pl.Series(name, ends).fill_nan(None) for name, ends in (("low", low), ("high", high))),
        pl.lit(level).alias("level"),
    ).sort(*CELL, pl.col("by").cast(pl.Enum(BY)), "part", nulls_last=True)
