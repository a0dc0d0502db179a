"""Trends: does a number rise or fall over the months, and is that more than chance?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import polars as pl

from idp_analytics.answers import Verdict
from idp_analytics.estimates import changes, trend
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.process_behaviour import RESEMBLING
from idp_analytics.metrics.series import ENTITY, FOLLOWED, series
from idp_analytics.settings import Settings

MONTHS = 24
"""How many complete months a trend looks back: long enough for a slope, short enough to be about now."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String, "entity_id": pl.String, "metric": pl.String, "first_period": pl.String, "last_period": pl.String,
    "unit": pl.String, "n": pl.Int64, "slope": pl.Float64, "low": pl.Float64, "high": pl.Float64, "level": pl.Float64,
    "p": pl.Float64, "tau": pl.Float64, "autocorrelation": pl.Float64, "step_after": pl.String, "step_p": pl.Float64,
    "verdict": pl.String, "caution": pl.String,
}  # fmt: skip
"""The columns of the study, in order."""


def trends(
    tables: Tables, settings: Settings, as_of: datetime, scopes: Sequence[str] = ("org", "team")
) -> pl.DataFrame:
    """One row per scope, entity and delivery metric: how it moved over its last complete months, 24 at most.

    ``first_period`` to ``last_period``: the months looked at; ``n``: those with a value. ``slope``, ``low``, ``high``:
    Sen's slope per month in the metric's unit with its interval; ``p``, ``tau``: Mann–Kendall. ``step_after``,
    ``step_p``: the month after which the level changed most (Pettitt). All null below 8 months.

    ``verdict``: *insufficient data* below 8 months; *not identified* where neighbouring months resemble each other once
    the slope is taken out (lag-1 autocorrelation above 0.3), since p and interval are then too sure; else what the
    slope's interval allows. Sorted by scope, entity and metric; entities that never did anything have no row.
    """
    level = settings.rules.level
    months = series(tables, settings, as_of, scopes, "1mo").filter(~pl.col("is_partial"))
    kept = months.filter(pl.int_range(pl.len()).reverse().over(ENTITY) < MONTHS)
    placed = kept.with_columns(pl.int_range(pl.len()).over(ENTITY).alias("_place"))
    groups = placed.group_by(*ENTITY, maintain_order=True).agg(
        pl.col("period").first().alias("first_period"), pl.col("period").last().alias("last_period"),
        pl.col("unit").first(), pl.col("period").filter(pl.col("x").is_not_null()).alias("_known"),
    )  # fmt: skip
    values = np.full((groups.height, MONTHS), np.nan)
    at = placed.select(pl.struct(ENTITY).rle_id()).to_series().to_numpy(), placed["_place"].to_numpy()
    values[at] = placed["x"].fill_null(float("nan")).to_numpy()
    found, step = trend.trend(values, level), trend.pettitt(values)
    better = groups.select(
        pl.col("metric").replace_strict({m.name: m.better or "" for m in FOLLOWED}, return_dtype=pl.String)
    ).to_series()
    said = changes.verdict(found.low, found.high, 0.0, better.to_numpy())
    numbers = {"slope": found.slope, "low": found.low, "high": found.high, "p": found.p, "tau": found.tau,
               "autocorrelation": found.autocorrelation, "step_p": step.p}  # fmt: skip
    resembling = (pl.col("autocorrelation") > RESEMBLING).fill_null(False)
    return (
        groups.with_columns(
            *(pl.Series(name, column).fill_nan(None) for name, column in numbers.items()),
            pl.Series("n", found.n),
            pl.Series("verdict", said.tolist(), dtype=pl.String),
            pl.Series("_after", step.after),
            pl.lit(level).alias("level"),
        )
        .with_columns(
            pl.when(pl.col("_after") > 0).then(pl.col("_known").list.get(pl.col("_after") - 1, null_on_oob=True)).alias("step_after"),
            pl.when(pl.col("n") < trend.FEWEST).then(pl.lit(Verdict.INSUFFICIENT_DATA.value))
            .when(resembling).then(pl.lit(Verdict.NOT_IDENTIFIED.value))
            .otherwise("verdict").alias("verdict"),
            pl.when(pl.col("n") < trend.FEWEST)
            .then(pl.format("{} complete month(s) with a value, {} are needed", "n", pl.lit(trend.FEWEST)))
            .when(resembling)
            .then(pl.format(
                "neighbouring months resemble each other (lag-1 autocorrelation {}): p and the interval are too sure",
                pl.col("autocorrelation").round(2),
            )).alias("caution"),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
        .sort(ENTITY)
    )  # fmt: skip
