"""Studies ``adoption_kinds`` and ``adoptions``: of the joins of a golden path, how many came about by choice."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics.answers import CELL
from idp_analytics.estimates import shares
from idp_analytics.metrics.cells import Spans
from idp_analytics.metrics.joins import KINDS, joins
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.period_ends import by_scope, period_ends
from idp_analytics.settings import Settings

SPANS = ("period", "so far")

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "span": pl.String,  # SPANS: joins in the period, or all since the first look up to its end
    "golden_path_id": pl.String,  # null: all paths
    "title": pl.String,
    "n": pl.Int64,  # joins: one service coming onto one path for the first time
    "organic": pl.Int64,
    "pre_mandate": pl.Int64,  # after the mandate was announced and before it was in force
    "mandated": pl.Int64,
    "born": pl.Int64,  # of organic, services made from the path
    "early": pl.Int64,  # beside n (so far): joined before anybody looked, or nobody knows since when
    "share": pl.Float64,  # organic ÷ n
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
}
"""The columns of the study ``adoption_kinds``, in order."""

JOIN_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # team
    "entity_id": pl.String,
    "joined_on": pl.Date,
    "service_id": pl.String,
    "golden_path_id": pl.String,
    "title": pl.String,
    "adoption": pl.String,  # joins.KINDS
    "is_born": pl.Boolean,
    "standing": pl.String,  # counted | early
}
"""The columns of the study ``adoptions``, in order."""


def adoption_kinds(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """Joins by how they came about, in each month and quarter and since the first look, by path and for all (:data:`COLUMNS`).

    One row per entity, period, span and path in which anything joined. The share of organic joins has Wilson's interval (1927), and
    where a mandate is in force or announced it says less of the path than of the mandate: read the parts. Owner: that of the day of joining.
    ``spans``: of those periods alone.
    """
    found = joins(tables, settings, as_of)
    counted = found.filter(pl.col("kind") != "unknown")
    if counted.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    first = counted["day"].min()
    ends = period_ends(settings, as_of, first, of=spans).drop("day")  # type: ignore[arg-type]
    parted = pl.concat(
        [counted, counted.with_columns(pl.lit(None, pl.String).alias(name) for name in ("golden_path_id", "title"))]
    )
    cells = by_scope(parted).join(ends, how="cross").filter(pl.col("began") < pl.col("at"))
    inside = pl.col("began") >= pl.col("begins")
    both = pl.concat(
        [
            cells.filter(inside).with_columns(pl.lit("period").alias("span")),
            cells.with_columns(pl.lit("so far").alias("span")),
        ]
    )
    counts = pl.col("kind") == "counted"
    organic = counts & (pl.col("adoption") == KINDS[0])
    told = both.group_by(*CELL, "period", "is_partial", "span", "golden_path_id", "title").agg(
        counts.sum().alias("n"), organic.sum().alias("organic"), (counts & (pl.col("adoption") == KINDS[1])).sum().alias("pre_mandate"),
        (counts & (pl.col("adoption") == KINDS[2])).sum().alias("mandated"), (organic & pl.col("is_born")).sum().alias("born"),
        (~counts & (pl.col("span") == "so far")).sum().alias("early"),
    ).filter((pl.col("n") > 0) | (pl.col("early") > 0))  # fmt: skip
    low, high = shares.wilson(told["organic"].to_numpy(), told["n"].to_numpy(), settings.rules.level)
    return (
        told.with_columns(
            pl.when(pl.col("n") > 0).then(pl.col("organic") / pl.col("n")).alias("share"),
            *(pl.Series(name, ends).fill_nan(None) for name, ends in (("low", low), ("high", high))),
            pl.lit(settings.rules.level).alias("level"),
        )
        .sort(*CELL, "span", "golden_path_id", nulls_last=False)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def adoptions(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """The joins themselves, for the team that owned the service on the day (:data:`JOIN_COLUMNS`): the way back from a count."""
    found = joins(tables, settings, as_of).filter(pl.col("kind") != "unknown", pl.col("team_id").is_not_null())
    return (
        found.select(
            pl.lit("team").alias("scope"), pl.col("team_id").alias("entity_id"), pl.col("day").alias("joined_on"), "service_id",
            "golden_path_id", "title", "adoption", "is_born", pl.col("kind").alias("standing"),
        )
        .sort("entity_id", "joined_on", "service_id", "golden_path_id")
        .select(pl.col(name).cast(dtype) for name, dtype in JOIN_COLUMNS.items())
    )  # fmt: skip
