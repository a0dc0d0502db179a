"""What was charged, per entity, period, currency and part: the rows of a total."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import polars.selectors as cs

from idp_analytics.answers import CELL
from idp_analytics.metrics.observed import ENTITY
from idp_analytics.periods import floored

_KEY = (*CELL, "currency", "detail")


def charged(
    cube: pl.DataFrame, known: pl.DataFrame, periods: pl.DataFrame, scopes: Sequence[str], week_start: int
) -> pl.DataFrame:
    """The rows of a metric that is a total: every entity in every period and each currency it was ever charged in, and parts as found.

    ``cube`` as :class:`gathered.Gathered` says, ``known`` the entities that always have a row (``scope``, ``entity_id``), ``periods`` as
    :func:`grid.calendar`. An entity never charged has rows without currency. ``n``, ``missing``, ``amount``; ``k`` and ``hit_days`` mean nothing here.
    """
    counts = _with_wholes(_counts(cube, scopes, periods["every"].unique(maintain_order=True).to_list(), week_start))
    whole = counts.filter(pl.col("detail").is_null())
    everyone = pl.concat([known, whole.select(known.columns)]).unique()
    # Each currency an entity was ever charged in is a series of its own; one never charged has a row without currency.
    series = everyone.join(whole.select(*known.columns, "currency").unique(), on=known.columns, how="left")
    cells = series.join(periods, how="cross").with_columns(pl.lit(None, pl.String).alias("detail"))
    rows = cells.join(whole, on=_KEY, how="left", nulls_equal=True)
    parts = counts.filter(pl.col("detail").is_not_null()).join(periods, on=["every", "period_start"])
    return pl.concat([rows, parts], how="diagonal").with_columns(pl.lit(None, pl.String).alias("beside"))


def _counts(cube: pl.DataFrame, scopes: Sequence[str], every: Sequence[str], week_start: int) -> pl.DataFrame:
    """Per :data:`_KEY`: ``n`` usable observations, ``k`` hits, ``missing``, ``amount``, and the ``noun`` they are.

    The cube is added up to periods once, and those sums to each scope: there are far fewer of them.
    """
    parts = []
    summed = pl.col("n", "k", "missing", "amount").sum()
    for length in every:
        start = floored(pl.col("day"), length, week_start).alias("period_start")
        whose = ["service_id", "team_id", "period_start", "currency", "detail"]
        sums = cube.with_columns(start).group_by(whose).agg(summed, pl.col("source_table").first().alias("noun"))
        for scope in scopes:
            counts = (
                sums.with_columns(ENTITY[scope].alias("entity_id"))
                .filter(pl.col("entity_id").is_not_null())
                .group_by("entity_id", *whose[2:])
                .agg(summed, pl.col("noun").first())
                .with_columns(cs.categorical().cast(pl.String), pl.lit(0, pl.Int64).alias("hit_days"))
            )
            parts.append(counts.with_columns(pl.lit(scope).alias("scope"), pl.lit(length).alias("every")))
    return pl.concat(parts)


def _with_wholes(counts: pl.DataFrame) -> pl.DataFrame:
    """Charges counted per detail → also per group of details (``unallocated: tax`` is ``unallocated``) and altogether.

    Only the organisation's total is shown in parts; a team or service has its whole.
    """
    detail = pl.col("detail")
    levels = pl.concat_list(pl.lit(None, pl.String), detail.str.split(": ").list.first(), detail).list.unique()
    return (
        counts.with_columns(levels.alias("detail"))
        .explode("detail")
        .filter((pl.col("scope") == "org") | detail.is_null())
        .group_by(_KEY)
        .agg(pl.col("n", "k", "missing", "hit_days", "amount").sum(), pl.col("noun").first())
    )
