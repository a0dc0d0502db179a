"""Study ``cost_forecast``: what the next three months will cost if things go on as they did, and how often that was right before."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import polars as pl

from idp_analytics.estimates import forecast, shares
from idp_analytics.metrics.allocation.charges import charged_before
from idp_analytics.metrics.allocation.entries import entries
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,
    "entity_id": pl.String,
    "currency": pl.String,
    "kind": pl.String,  # seen | forecast | none: too few complete months
    "month": pl.Date,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,  # of the interval, as asked
    "way": pl.String,  # how it was forecast
    "months": pl.Int64,  # complete months it is made from
    "error": pl.Float64,  # mean absolute error of the way when it was tried on the past
    "naive_error": pl.Float64,  # of the last month again
    "hits": pl.Int64,  # months that lay in the interval said of them before
    "judged": pl.Int64,  # of so many
    "covered_low": pl.Float64,
    "covered_high": pl.Float64,
}
"""The columns of the study, in order."""

LEVEL = 0.8
"""Of the interval: with a year of months, little more can be judged."""

LEAST = 8
"""Complete months a forecast is made from at least."""


def cost_forecast(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """The cost of each team and of the organisation by complete month (UTC), and of the three months after the last of them.

    Columns :data:`COLUMNS`; one row per entity, currency and month. The series is that of the ledger, shares of pools included, from
    the first month in which there is a bill; a month without cost counts as 0 between months that have one. The first month of
    the bill is left out unless it begins with a charge on its first day, and so is the month of the as-of time. Forecasts are images of
    money: they are estimates, and rounding them changes nothing.
    """
    end = as_of.date().replace(day=1)
    found = (
        entries(charged_before(tables, as_of), settings, dimensions=())
        .with_columns(pl.col("on").dt.truncate("1mo").alias("month"))
        .collect()
    )
    if found.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    first: date = found["on"].min()  # type: ignore[assignment]
    starts = first if first.day == 1 else pl.Series([first]).dt.offset_by("1mo").dt.truncate("1mo")[0]
    months = (
        pl.date_range(starts, end, "1mo", closed="left", eager=True) if starts < end else pl.Series([], dtype=pl.Date)
    )
    both = pl.concat([
        found.with_columns(scope=pl.lit("org"), entity_id=pl.lit("org")),
        found.filter(pl.col("team_id").is_not_null()).with_columns(scope=pl.lit("team"), entity_id="team_id"),
    ])  # fmt: skip
    key = ["scope", "entity_id", "currency"]
    sums = (
        both.filter(pl.col("month").is_in(months.implode()))
        .group_by(*key, "month")
        .agg(pl.col("amount").sum().cast(pl.Float64).alias("value"))
    )
    series = sums.select(key).unique().sort(key)
    if series.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    seen = (
        series.join(months.alias("month").to_frame(), how="cross")
        .join(sums, on=[*key, "month"], how="left")
        .with_columns(pl.col("value").fill_null(0.0))
        .sort(*key, "month")
    )
    parts = [seen.with_columns(kind=pl.lit("seen")), _ahead(series, seen, months, LEVEL)]
    return (
        pl.concat(parts, how="diagonal")
        .with_columns(months=pl.lit(len(months)), level=pl.lit(LEVEL))
        .sort(*key, "month", nulls_last=True)
        .select(
            (
                pl.col(n)
                if n in seen.columns or n in parts[1].columns or n in ("months", "level", "kind")
                else pl.lit(None)
            )
            .cast(t)
            .alias(n)
            for n, t in COLUMNS.items()
        )
    )


def _ahead(series: pl.DataFrame, seen: pl.DataFrame, months: pl.Series, level: float) -> pl.DataFrame:
    if len(months) < LEAST:
        return series.with_columns(kind=pl.lit("none"))
    table = seen["value"].to_numpy().reshape(series.height, len(months))
    rows = np.arange(series.height)
    past = forecast.errors(table)
    way = forecast.chosen(past)
    said, half = forecast.forecasts(table)[way, rows], forecast.half_widths(past[way, rows], level)
    mean = np.nanmean(np.abs(past), axis=(2, 3))
    hits, judged = forecast.covered(table, level)
    low, high = shares.wilson(hits, judged, 0.95)
    last: date = months[-1]
    ahead = pl.date_range(
        last, pl.Series([last]).dt.offset_by(f"{forecast.HORIZON}mo")[0], "1mo", closed="right", eager=True
    )
    told = series.with_columns(
        kind=pl.lit("forecast"),
        way=pl.Series([forecast.WAYS[i] for i in way]), error=pl.Series(mean[way, rows]), naive_error=pl.Series(mean[0]),
        hits=pl.Series(hits), judged=pl.Series(judged), covered_low=pl.Series(low), covered_high=pl.Series(high),
    )  # fmt: skip
    return told.join(ahead.alias("month").to_frame(), how="cross", maintain_order="left").with_columns(
        value=pl.Series(said.reshape(-1)),
        low=pl.Series((said - half).reshape(-1)),
        high=pl.Series((said + half).reshape(-1)),
    )
