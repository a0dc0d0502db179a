"""Study ``cost_forecast``: the next three months of every team's and the organisation's cost, as far as the past allows."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import polars as pl

from idp_analytics.answers import Verdict
from idp_analytics.estimates.forecasts import FEWEST, METHODS, forecast
from idp_analytics.metrics.allocation.before import paid_before
from idp_analytics.metrics.cells import periods_of, placed
from idp_analytics.metrics.cost_lines import Schema
from idp_analytics.metrics.links import Tables
from idp_analytics.periods import following, label
from idp_analytics.settings import Settings

AHEAD = 3
"""Months forecast."""

COLUMNS: Schema = {
    "scope": pl.String,
    "entity_id": pl.String,
    "every": pl.String,  # 1mo
    "period": pl.String,  # the latest complete month, from which it is seen
    "period_start": pl.Date,
    "currency": pl.String,
    "target": pl.String,  # the month forecast
    "target_start": pl.Date,
    "value": pl.Float64,  # an estimate, in the currency; null: too little history
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
    "n": pl.Int64,  # complete months known of the entity
    "method": pl.String,  # naive, seasonal naive, theta
    "baseline": pl.String,  # the better of the naive ways
    "error": pl.Float64,  # mean absolute error per day of the method in the trials
    "baseline_error": pl.Float64,
    "trials": pl.Int64,  # forecasts tried on the past
    "tests": pl.Int64,  # intervals tried on the past
    "hits": pl.Int64,  # of them, those that held the cost that came
    "verdict": pl.String,  # insufficient data, or not identified
}
"""The columns of the study, in order."""

_ENTITY = ["scope", "entity_id", "currency"]


def cost_forecast(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """One row per entity, currency and each of the next three months (columns :data:`COLUMNS`).

    Forecast is the cost per day, so that a short month does not look like a saving. Months before an entity's first cost do not
    count; a month without any, once it had some, is a cost of 0. Fewer than 8 complete months: *insufficient data*. How a
    method is chosen and tried: :mod:`idp_analytics.estimates.forecasts`.
    """
    nobody = pl.lit(None, pl.String).alias("service_id")
    cost = paid_before(tables, settings, as_of).with_columns(nobody)
    if cost.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    first: date = cost["day"].min()  # type: ignore[assignment]
    months = periods_of("showback_cost", tables, settings, as_of, first, ("1mo",)).filter(~pl.col("is_partial"))
    if months.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    entities, values = _series(placed(cost, settings, ("org", "team"), ("1mo",)), months)
    found = forecast(values, AHEAD, level=settings.rules.level)
    last: date = months["period_start"].max()  # type: ignore[assignment]
    parts, start = [], last
    for ahead in range(AHEAD):
        start = following(start, "1mo")
        days = (following(start, "1mo") - start).days
        parts.append(
            entities.with_columns(
                pl.lit(label(start, "1mo")).alias("target"), pl.lit(start).alias("target_start"),
                *(
                    pl.Series(name, array[:, ahead] * days).fill_nan(None)
                    for name, array in (("value", found.value), ("low", found.low), ("high", found.high))
                ),
                _named("method", found.method), _named("baseline", found.baseline),
                *(
                    pl.Series(name, array).fill_nan(None)
                    for name, array in (("error", found.error), ("baseline_error", found.baseline_error))
                ),
                *(pl.Series(name, getattr(found, name)) for name in ("n", "trials", "tests", "hits")),
            )
        )  # fmt: skip
    enough = pl.col("n") >= FEWEST
    return (
        pl.concat(parts)
        .with_columns(
            pl.lit("1mo").alias("every"), pl.lit(label(last, "1mo")).alias("period"), pl.lit(last).alias("period_start"),
            pl.lit(settings.rules.level).alias("level"),
            pl.when(enough).then(pl.lit(Verdict.NOT_IDENTIFIED.value)).otherwise(pl.lit(Verdict.INSUFFICIENT_DATA.value)).alias("verdict"),
        )
        .sort(*_ENTITY, "target_start")
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )  # fmt: skip


def _series(
    cost: pl.DataFrame, months: pl.DataFrame
) -> tuple[pl.DataFrame, np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    """The entities in order, and their cost per day in each complete month; nan before the first."""
    spans = months.select("period_start", (pl.col("period_end") - pl.col("period_start")).dt.total_days().alias("days"))
    sums = (
        cost.group_by(*_ENTITY, "period_start")
        .agg(pl.col("amount").sum().cast(pl.Float64))
        .join(spans, on="period_start")
    )
    entities = sums.select(_ENTITY).unique().sort(_ENTITY)
    whole = (
        entities.join(spans, how="cross")
        .join(sums.select(*_ENTITY, "period_start", "amount"), on=[*_ENTITY, "period_start"], how="left")
        .sort(*_ENTITY, "period_start")
        .with_columns(pl.col("amount").is_not_null().cum_max().over(_ENTITY).alias("begun"))
        .select(pl.when("begun").then(pl.col("amount").fill_null(0.0) / pl.col("days")).alias("value"))
    )
    return entities, whole["value"].fill_null(float("nan")).to_numpy().reshape(entities.height, spans.height)


def _named(name: str, chosen: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pl.Series:
    words = [METHODS[number] if number >= 0 else None for number in chosen]
    return pl.Series(name, words, dtype=pl.String)
