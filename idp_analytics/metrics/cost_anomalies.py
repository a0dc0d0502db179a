"""Study ``cost_anomalies``: days that cost much more or less than the weeks before them, whose they are, and what drove them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.estimates.adding import added
from idp_analytics.estimates.unusual import LEVEL, unusual
from idp_analytics.metrics.allocation.charges import charged_before, placed
from idp_analytics.metrics.cells import EVERY
from idp_analytics.metrics.cost_lines import Schema, measured
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings
from idp_analytics.tables import MONEY

SETTLING = 5
"""The last days before the as-of time that are left out: their charges are still coming in."""

FALSE_DISCOVERIES = 0.05
"""Of the alarms raised in a run, the share expected to be false at most (Benjamini & Hochberg 1995)."""

COLUMNS: Schema = {
    "scope": pl.String,
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,  # in which the anomaly begins
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "currency": pl.String,
    "tested": pl.Int64,  # days of the period that could be tested
    "daily": MONEY,  # cost of the entity in the period that is charged by the day; only there anomalies can be seen
    "amount": MONEY,  # all its cost owned directly; with an anomaly: what its days cost
    "first_on": pl.Date,  # null: the row of the whole period, one per entity, period and currency
    "last_on": pl.Date,
    "days": pl.Int64,
    "expected": pl.Float64,  # what its days would have cost
    "beyond": pl.Float64,  # amount − expected
    "p": pl.Float64,  # of its most unusual day
    "service_id": pl.String,  # the line that was furthest beyond its own weeks before, as are the next three
    "component": pl.String,
    "sku": pl.String,
    "line_beyond": pl.Float64,
}
"""The columns of the study, in order."""

_SERIES = ["scope", "entity_id", "currency"]
_LINE = ["service_id", "component", "sku"]


def cost_anomalies(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Anomalies of every team's own and the organisation's whole cost, by month and quarter (columns :data:`COLUMNS`).

    Looked at are charges that last a day at most, of days that are over by :data:`SETTLING` days; days on which the bill holds no such
    charge at all are not known. Days in a row that are off to the same side are one anomaly. How a day is found unusual, and
    how false alarms are held down: :mod:`idp_analytics.estimates.unusual`.
    """
    charges = _charges(charged_before(tables, as_of), settings)
    if charges.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    periods = measured(tables, settings, as_of, charges.with_columns(pl.col("day").alias("month")))
    last = as_of.astimezone(UTC).date() - timedelta(days=SETTLING + 1)
    daily = charges.filter("is_daily", pl.col("day") <= last)
    days, found = _tested(daily) if daily.height else (pl.DataFrame(), pl.DataFrame())
    told = [*_wholes(charges, days), *(_episodes(found, daily) if found.height else ())]
    shape = pl.DataFrame(
        schema={name: dtype for name, dtype in COLUMNS.items() if name not in ("period", "is_partial")}
    )
    found_rows: pl.DataFrame = (
        pl.concat([shape, *told], how="diagonal_relaxed")
        .join(periods, on=["every", "period_start"])
        .sort("scope", "entity_id", "every", "period_start", "currency", "first_on", nulls_last=False)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )
    return found_rows


def _charges(tables: Tables, settings: Settings) -> pl.DataFrame:
    """Cost per entity, day and line: of a team what it owns directly, of the organisation the whole bill."""
    day = pl.col("period_start").dt.date().alias("day")
    lasts = (pl.col("period_end") - pl.col("period_start")) <= pl.duration(days=1)
    sums = (
        placed(tables, settings)
        .group_by("team_id", "currency", *_LINE, day, lasts.fill_null(False).alias("is_daily"))
        .agg(pl.col("amount").sum())
        .collect()
    )
    whole = sums.group_by("currency", *_LINE, "day", "is_daily").agg(pl.col("amount").sum())
    org = whole.with_columns(pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id"))
    teams = (
        sums.filter(pl.col("team_id").is_not_null())
        .rename({"team_id": "entity_id"})
        .with_columns(pl.lit("team").alias("scope"))
    )
    columns = [*_SERIES, *_LINE, "day", "is_daily", "amount"]
    return pl.concat([org.select(columns), teams.select(columns)])


def _tested(daily: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Every series' days (``day``, ``amount``, ``expected``, ``p``, ``alarm``), those tested; and those with an alarm."""
    grid, values = _grid(daily)
    found = unusual(values, FALSE_DISCOVERIES)
    known = grid.with_columns(
        pl.Series("value", values.ravel()), pl.Series("expected", found.expected.ravel()), pl.Series("p", found.p.ravel()),
        pl.Series("alarm", found.alarm.ravel()),
    ).filter(pl.col("p").is_not_nan())  # fmt: skip
    return known, known.filter("alarm")


def _grid(daily: pl.DataFrame) -> tuple[pl.DataFrame, npt.NDArray[np.float64]]:
    """Series × days in order, and the cost of each, one row per series; nan before a series begins and where the bill has no day."""
    sums = daily.group_by(*_SERIES, "day").agg(pl.col("amount").sum().cast(pl.Float64))
    series = sums.select(_SERIES).unique().sort(_SERIES)
    first: date = sums["day"].min()  # type: ignore[assignment]
    last: date = sums["day"].max()  # type: ignore[assignment]
    days = pl.DataFrame({"day": pl.date_range(first, last, eager=True)})
    billed = sums.select("currency", "day").unique().with_columns(pl.lit(True).alias("billed"))
    grid = (
        series.join(days, how="cross")
        .join(sums, on=[*_SERIES, "day"], how="left")
        .join(billed, on=["currency", "day"], how="left")
        .sort(*_SERIES, "day")
        .with_columns(pl.col("amount").is_not_null().cum_max().over(_SERIES).alias("begun"))
        .with_columns(pl.when(pl.col("begun") & pl.col("billed").fill_null(False)).then(pl.col("amount").fill_null(0.0)).alias("value"))
    )  # fmt: skip
    values = grid["value"].fill_null(float("nan")).to_numpy().reshape(series.height, days.height)
    return grid.select(*_SERIES, "day"), values


def _wholes(charges: pl.DataFrame, days: pl.DataFrame) -> Iterator[pl.DataFrame]:
    for length in EVERY:
        start = pl.col("day").dt.truncate(length).alias("period_start")
        cost = charges.group_by(*_SERIES, start).agg(
            pl.col("amount").sum(), pl.col("amount").filter("is_daily").sum().alias("daily")
        )
        if days.height:
            tested = days.group_by(*_SERIES, start).agg(pl.len().cast(pl.Int64).alias("tested"))
            cost = cost.join(tested, on=[*_SERIES, "period_start"], how="left")
        else:
            cost = cost.with_columns(pl.lit(0, pl.Int64).alias("tested"))
        yield cost.with_columns(pl.col("tested").fill_null(0), pl.lit(length).alias("every"))


def _episodes(alarms: pl.DataFrame, daily: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Alarms in a row to one side as one anomaly, with the line that was furthest beyond its own weeks before."""
    above = (pl.col("value") > pl.col("expected")).alias("above")
    breaks = (pl.col("day").diff().over(_SERIES) != pl.duration(days=1)) | (
        pl.col("above") != pl.col("above").shift().over(_SERIES)
    )
    episodes = (
        alarms.sort(*_SERIES, "day").with_columns(above)
        .with_columns(breaks.fill_null(True).cum_sum().alias("episode"))
        .group_by("episode", *_SERIES)
        .agg(
            pl.col("day").min().alias("first_on"), pl.col("day").max().alias("last_on"), pl.len().cast(pl.Int64).alias("days"),
            added(pl.col("expected")), pl.col("p").min(),
        )
        .sort("episode")
    )  # fmt: skip
    amounts = _within(episodes, daily, 0).group_by("episode").agg(pl.col("amount").sum())
    episodes = episodes.join(amounts, on="episode").join(_drivers(episodes, daily), on="episode", how="left")
    beyond = (pl.col("amount").cast(pl.Float64) - pl.col("expected")).alias("beyond")
    for length in EVERY:
        yield episodes.drop("episode").with_columns(
            beyond, pl.col("first_on").dt.truncate(length).alias("period_start"), pl.lit(length).alias("every")
        )


def _within(episodes: pl.DataFrame, daily: pl.DataFrame, before: int) -> pl.DataFrame:
    """The charges of each anomaly's days, and of ``before`` days before it."""
    since = pl.col("first_on").dt.offset_by(f"-{before}d")
    spans = episodes.select("episode", *_SERIES, since.alias("since"), "first_on", "last_on", "days")
    return daily.join(spans, on=_SERIES).filter(pl.col("day") >= pl.col("since"), pl.col("day") <= pl.col("last_on"))


def _drivers(episodes: pl.DataFrame, daily: pl.DataFrame) -> pl.DataFrame:
    """Per anomaly the line furthest beyond the median of its :data:`LEVEL` days before; a day without a charge is 0."""
    lines = _within(episodes, daily, LEVEL).group_by("episode", *_LINE, "day", "first_on", "days").agg(
        pl.col("amount").sum().cast(pl.Float64)
    )  # fmt: skip
    during, usual = pl.col("day") >= pl.col("first_on"), pl.col("day") < pl.col("first_on")
    padded = pl.concat_list(
        pl.col("usual"), pl.lit(0.0).repeat_by(pl.max_horizontal(LEVEL - pl.col("usual").list.len().cast(pl.Int64), 0))
    )
    return (
        lines.group_by("episode", *_LINE, "days")
        .agg(added(pl.col("amount").filter(during)).alias("came"), pl.col("amount").filter(usual).alias("usual"))
        .with_columns((pl.col("came") - padded.list.median() * pl.col("days")).alias("line_beyond"))
        .sort("episode", pl.col("line_beyond").abs(), *_LINE, descending=[False, True, False, False, False])
        .unique("episode", keep="first", maintain_order=True)
        .select("episode", *_LINE, "line_beyond")
    )
