"""Study ``maturity_reached``: how many teams have come to which level of an aspect, by what is seen and by what is said. No team is named."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.maturity.studies import OF_TEAMS, maturity
from idp_analytics.settings import Settings
from idp_analytics.settings.maturity_model import LEVELS

SEEN, SAID = "seen", "said"

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org
    "entity_id": pl.String,
    "aspect": pl.String,
    "title": pl.String,
    "of": pl.String,  # seen | said
    "level": pl.Int64,
    "level_name": pl.String,
    "teams": pl.Int64,  # of which something is seen, or said by enough people
    "surely": pl.Int64,  # of them, those that have come to the level whatever is not known; null as the next: too few teams
    "possibly": pl.Int64,  # those that may have
    "is_most_surely": pl.Boolean,  # the highest level that OF_TEAMS of them have surely come to
    "is_most_possibly": pl.Boolean,
    "is_withheld": pl.Boolean,
}
"""The columns of the study, in order."""

_CELL = ["aspect", "of"]


def maturity_reached(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """One row per aspect, level, and what is *seen* or *said* of teams (:data:`COLUMNS`).

    A team has *surely* come to a level where the lower bound of its level is there, *possibly* where the upper bound is. Of fewer teams than
    ``rules.min_cohort`` nothing is counted: it would be told of whom.
    """
    return of_teams(maturity(tables, settings, as_of).filter(pl.col("scope") == "team"), settings)


def of_teams(aspects: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """The same of ``aspects``, rows of the study ``maturity`` about teams."""
    model = settings.maturity
    bounds = pl.concat(
        [
            aspects.filter("is_assessed").select("aspect", "low", "high", pl.lit(SEEN).alias("of")),
            aspects.drop_nulls(["self_low", "self_high"]).select(
                "aspect", pl.col("self_low").alias("low"), pl.col("self_high").alias("high"), pl.lit(SAID).alias("of")
            ),
        ]
    )
    names = pl.DataFrame(
        {"level": list(LEVELS), "level_name": list(model.level_names)},
        schema={"level": pl.Int64, "level_name": pl.String},
    )
    grid = pl.DataFrame(
        [(i, a.id, a.title) for i, a in enumerate(model.aspects)], schema=["_at", "aspect", "title"], orient="row"
    ).join(names, how="cross")
    here = pl.col("level")
    counted = (
        bounds.join(names.select("level"), how="cross")
        .group_by(*_CELL, "level")
        .agg(
            pl.len().cast(pl.Int64).alias("teams"), (pl.col("low") >= here).sum().cast(pl.Int64).alias("surely"),
            (pl.col("high") >= here).sum().cast(pl.Int64).alias("possibly"),
        )
    )  # fmt: skip
    few = pl.col("teams") < settings.rules.min_cohort
    enough = {side: pl.col(side) >= OF_TEAMS * pl.col("teams") for side in ("surely", "possibly")}
    return (
        grid.join(counted, on=["aspect", "level"])
        .with_columns(
            few.alias("is_withheld"), pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id"),
            *((here == here.filter(holds).max().over(_CELL)).alias(f"is_most_{side}") for side, holds in enough.items()),
        )
        .with_columns(pl.when(~few).then(name).alias(name) for name in ("surely", "possibly", "is_most_surely", "is_most_possibly"))
        .sort("_at", pl.col("of") == SAID, "level")
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )  # fmt: skip
