"""Study ``nine_in_ten``: beside every median duration, how long the slowest tenth takes at least."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from idp_analytics.answers import CELL, Estimator, Metric
from idp_analytics.metrics.catalogue import CATALOGUE
from idp_analytics.metrics.cells import Spans, periods_of, within
from idp_analytics.metrics.gathered import Gathering
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.numbered_cells import Cells, everyone
from idp_analytics.metrics.quantiles import quantiles
from idp_analytics.settings import Settings

SHARE = 0.9

FEWEST = 10
"""Observations from which on a tenth of them is one."""

TIMED: tuple[Metric, ...] = tuple(
    metric
    for metric in CATALOGUE
    if metric.estimator in (Estimator.MEDIAN, Estimator.SURVIVAL_MEDIAN) and not metric.about_people
)
"""The metrics it is told of. Of people it is not: the slowest tenth of a group would be very few of them."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "metric": pl.String,
    "unit": pl.String,
    "n": pl.Int64,
    "censored": pl.Int64,  # of n, those that had not ended by the as-of time
    "p90": pl.Float64,  # by when nine in ten had ended; null: fewer than FEWEST, or they have not come that far
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
}
"""The columns of the study, in order."""


def nine_in_ten(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """The 90th percentile of every metric that is a median, for the organisation and each team, by month and quarter, or in ``spans`` (:data:`COLUMNS`).

    The same observations as the median has. Where some have not ended, Kaplan–Meier with the interval of Brookmeyer & Crowley (1982)
    on the log-log scale; else the linear quantile with order statistics (Conover 1999). One row per cell with an observation.
    """
    gathering = Gathering(tables, settings, as_of)
    parts = [_of(metric, gathering.of(metric).durations, tables, settings, as_of, spans) for metric in TIMED]
    return (
        pl.concat([pl.DataFrame(schema=COLUMNS), *parts])
        .sort("metric", *CELL)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def _of(
    metric: Metric, rows: pl.DataFrame | None, tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None
) -> pl.DataFrame:
    level = settings.rules.level
    if rows is None or rows.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    first: date = rows["day"].min()  # type: ignore[assignment]
    periods = periods_of(metric.name, tables, settings, as_of, first, of=spans)
    rows = rows.filter(within(spans, pl.col("day")))
    nobody = pl.DataFrame(schema={"scope": pl.String, "entity_id": pl.String})
    cells = Cells(everyone(nobody, rows, ("org", "team")), periods)
    told = quantiles(metric, rows, cells, level, SHARE).rename({"count": "n"})
    found = pl.concat([cells.frame(), told], how="horizontal").filter(pl.col("seen") > 0)
    if metric.estimator is Estimator.MEDIAN:
        found = found.with_columns(pl.lit(0, pl.Int64).alias("censored"))
    many = pl.col("n") >= FEWEST
    return (
        found.with_columns(
            *(pl.when(many).then(old).alias(new) for old, new in (("value", "p90"), ("low", "low"), ("high", "high"))),
            pl.lit(metric.name).alias("metric"), pl.lit(metric.unit).alias("unit"), pl.lit(level).alias("level"),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )  # fmt: skip
