"""Studies ``adoption_retention`` and ``retention_ahead``: whether those who had to come stay as those who chose to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from idp_analytics.estimates.beta_geometric import beta_geometric
from idp_analytics.estimates.competing_risks import differ
from idp_analytics.metrics import path_retention
from idp_analytics.metrics.joins import KINDS, joins
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.period_ends import by_scope
from idp_analytics.settings import Settings

SMALL = 10
"""Joins below which a cohort is said to be small: one that leaves moves its share by a tenth or more."""
LOOK_DAYS, AHEAD = 30, 12
"""Leaving is put into looks of so many days, and told so many looks ahead."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    **path_retention.COLUMNS,  # cohort: joins.KINDS
    "is_small": pl.Boolean,  # fewer than SMALL joins
    "p": pl.Float64,  # that mandated and organic joins leave alike (log-rank); null: nobody left, or one of them is empty
}
"""The columns of the study ``adoption_retention``, in order."""

AHEAD_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "adoption": pl.String,  # joins.KINDS; null: all
    "n": pl.Int64,  # joins followed for one look at least, or lost in it
    "k": pl.Int64,  # of them left
    "looks": pl.Int64,  # of LOOK_DAYS days, the longest followed
    "alpha": pl.Float64,
    "beta": pl.Float64,
    "share": pl.Float64,  # still there after AHEAD looks, by the model; null: not identified
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
    "reason": pl.String,  # why it is not identified; null: it is
}
"""The columns of the study ``retention_ahead``, in order."""

_WHOSE = ["scope", "entity_id"]


def adoption_retention(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """The share of joins still on the path, of mandated, pre-mandate and organic joins beside each other (:data:`COLUMNS`).

    As ``path_retention`` (Kaplan–Meier, log-log interval; only joins since the first look), by how the join came about. ``p``: the
    log-rank test (Mantel 1966) of mandated against organic. Services are not drawn by lot into the two: they are of other
    paths and other times, so a difference is an association.
    """
    found = joins(tables, settings, as_of)
    if found.filter(kind="counted").is_empty():
        return pl.DataFrame(schema=COLUMNS)
    scoped = by_scope(found.filter(kind="counted").with_columns(pl.col("adoption").alias("cohort")))
    curves = path_retention.followed(scoped, settings.rules.level, pl.lit(True))
    times = {
        (scope, entity, way): (x, hit)
        for scope, entity, way, x, hit in scoped.group_by(*_WHOSE, "cohort").agg("x", "hit").iter_rows()
    }
    nobody: tuple[list[float], list[bool]] = [], []
    tests = [
        {**dict(zip(_WHOSE, whose, strict=True)), "p": differ(*(times.get((*whose, KINDS[way]), nobody) for way in (2, 0)))}
        for whose in scoped.select(_WHOSE).unique().iter_rows()
    ]  # fmt: skip
    tested = pl.DataFrame(tests, schema={"scope": pl.String, "entity_id": pl.String, "p": pl.Float64})
    return (
        curves.join(tested, on=_WHOSE)
        .with_columns((pl.col("n") < SMALL).alias("is_small"))
        .sort(*_WHOSE, pl.col("cohort").cast(pl.Enum(KINDS)), "is_mark", "day")
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def retention_ahead(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """The share still there after twelve looks of thirty days, by the beta-geometric model (:data:`AHEAD_COLUMNS`).

    One row per entity and way of joining, and one of all. Leaving in the days (30(t − 1), 30t] is leaving at look t; who is followed
    for less than one look is left out. Model, interval and when it is not identified: :func:`beta_geometric`. That fewer
    leave later is what the model expects of members who differ: it is no sign that anybody grew fonder of the path.
    """
    found = joins(tables, settings, as_of).filter(kind="counted")
    if found.is_empty():
        return pl.DataFrame(schema=AHEAD_COLUMNS)
    both = pl.concat([found, found.with_columns(pl.lit(None, pl.String).alias("adoption"))])
    look = (
        pl.when("hit")
        .then((pl.col("x") / LOOK_DAYS).ceil().clip(lower_bound=1))
        .otherwise((pl.col("x") / LOOK_DAYS).floor())
    )
    placed = by_scope(both).with_columns(look.cast(pl.Int64).alias("look")).filter(pl.col("look") > 0)
    rows = [
        {**dict(zip((*_WHOSE, "adoption"), whose, strict=True)), **_ahead(part, settings.rules.level)}
        for whose, part in placed.partition_by([*_WHOSE, "adoption"], as_dict=True).items()
    ]
    return pl.DataFrame(rows, schema=AHEAD_COLUMNS).sort(
        *_WHOSE, pl.col("adoption").cast(pl.Enum(KINDS)), nulls_last=False
    )


def _ahead(part: pl.DataFrame, level: float) -> dict[str, Any]:
    looks, left = part["look"].to_numpy(), part["hit"].to_numpy()
    longest = int(looks.max())
    fit = beta_geometric(
        np.bincount(looks[left] - 1, minlength=longest), np.bincount(looks[~left] - 1, minlength=longest)
    )
    known: dict[str, Any] = {
        "n": len(looks),
        "k": int(left.sum()),
        "looks": longest,
        "level": level,
        "reason": fit.reason or None,
    }
    if not fit.is_identified:
        return {**known, **dict.fromkeys(("alpha", "beta", "share", "low", "high"))}
    low, high = fit.interval(AHEAD, level)
    return {
        **known,
        "alpha": fit.alpha,
        "beta": fit.beta,
        "share": float(fit.survival(AHEAD)),
        "low": low,
        "high": high,
    }
