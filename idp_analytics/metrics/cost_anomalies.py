"""Study ``cost_anomalies``: days on which a team's cost was above its usual range by more than chance and by enough to matter."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
from scipy import stats

from idp_analytics.metrics.allocation.charges import charged_before, placed
from idp_analytics.metrics.cells import EVERY
from idp_analytics.metrics.links import Tables
from idp_analytics.periods import floored, label
from idp_analytics.settings import Settings

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,
    "entity_id": pl.String,  # the team; org: every team's
    "every": pl.String,
    "period": pl.String,
    "team_id": pl.String,  # whose cost it is; null: nobody's
    "currency": pl.String,
    "day": pl.Date,  # the first
    "last_day": pl.Date,
    "unusual_days": pl.Int64,
    "amount": pl.Float64,  # of the unusual days together
    "expected": pl.Float64,  # for each the median of the same weekday in the eight weeks before
    "beyond": pl.Float64,  # amount − expected
    "component": pl.String,  # which component moved most on the first day, against its own expectation
    "q": pl.Float64,  # false discovery rate at which the clearest of the days is one
    "days": pl.Int64,  # days of that series that were judged
}
"""The columns of the study, in order."""

WEEKS, SETTLING, DISCOVERY, MATTERS, APART = 8, 4, 0.05, 0.02, 7
"""Weeks before that say what is usual; days that bills take to be complete; share of false ones among the days named that is put up
with; least part of what four weeks usually cost; days without one that end an episode."""

_DAYS = 28
_A_DAY = timedelta(hours=25)  # the longest that local days get
_MAD = 1.4826  # of a normal distribution, standard deviation ÷ median absolute deviation


def cost_anomalies(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Unusual days of each team's direct cost, by the month and quarter they lie in: columns :data:`COLUMNS`.

    What is usual is the median of the same weekday in the :data:`WEEKS` weeks before; how far days stray from it, the median
    absolute deviation of the same weeks' days. Usage of a day or less only (credits, tax, purchases and charges of a whole month come when they come), by the owner the charge would
    have without pools. The last :data:`SETTLING` days before the as-of time are not judged. Days are named at a false discovery rate of
    :data:`DISCOVERY` over all series and days (Benjamini & Hochberg 1995), as far as strays are about normal, and only where they are
    beyond what is usual by :data:`MATTERS` of four weeks' cost. Unusual days less than :data:`APART` days apart are one episode, told
    by its first day: a step up is one until it has become usual.
    """
    end = as_of.date() - timedelta(days=SETTLING)
    daily = (
        placed(charged_before(tables, as_of), settings)
        .filter(pl.col("category") == "usage", pl.col("period_end") - pl.col("period_start") <= _A_DAY)
        .select(
            pl.col("owner_team_id").alias("team_id"), "currency", "component",
            pl.col("period_start").dt.date().alias("day"), pl.col("amount").cast(pl.Float64),
        )
        .filter(pl.col("day") < end)
        .group_by("team_id", "currency", "component", "day")
        .agg(pl.col("amount").sum())
        .collect()
    )  # fmt: skip
    if daily.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    whose = ["team_id", "currency"]
    judged = _judged(daily.group_by(*whose, "day").agg(pl.col("amount").sum()), whose).filter(pl.col("p").is_not_null())
    if judged.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    judged = judged.with_columns(
        pl.Series("q", stats.false_discovery_control(judged["p"].to_numpy())), pl.len().over(whose).alias("days")
    )
    named = judged.filter(pl.col("q") <= DISCOVERY, pl.col("beyond") > MATTERS * _DAYS * pl.col("expected").abs())
    parts = _judged(daily, [*whose, "component"]).select(*whose, "component", "day", pl.col("beyond").alias("of_it"))
    drivers = parts.sort("of_it", "component", descending=[True, False], nulls_last=True).unique(
        [*whose, "day"], keep="first", maintain_order=True
    )
    named = named.join(drivers, on=[*whose, "day"], how="left", nulls_equal=True)
    return _shaped(_episodes(named, whose)) if named.height else pl.DataFrame(schema=COLUMNS)


def _episodes(named: pl.DataFrame, whose: list[str]) -> pl.DataFrame:
    apart = (pl.col("day") - pl.col("day").shift(1)).dt.total_days() > APART
    ordered = named.sort(*whose, "day", nulls_last=True)
    return (
        ordered.with_columns(apart.fill_null(True).over(whose).cum_sum().over(whose).alias("episode"))
        .group_by(*whose, "episode", maintain_order=True)
        .agg(
            pl.col("day").first(), pl.col("day").last().alias("last_day"), pl.len().alias("unusual_days"),
            pl.col("amount", "expected", "beyond").sum(), pl.col("component").first(), pl.col("q").min(), pl.col("days").first(),
        )
    )  # fmt: skip


def _judged(daily: pl.DataFrame, whose: list[str]) -> pl.DataFrame:
    """Every day of every series (0 where nothing was charged) with ``expected``, ``beyond`` and ``p``; null where too little is known."""
    spans = daily.group_by(whose).agg(pl.col("day").min().alias("from"), pl.col("day").max().alias("to"))
    days = spans.with_columns(pl.date_ranges("from", "to").alias("day")).drop("from", "to").explode("day")
    dense = (
        days.join(daily, on=[*whose, "day"], how="left", nulls_equal=True)
        .with_columns(pl.col("amount").fill_null(0.0), pl.col("day").dt.weekday().alias("weekday"))
        .sort(*whose, "day")
    )
    usual = pl.col("amount").shift(1).rolling_median(WEEKS).over(*whose, "weekday")
    dense = dense.with_columns(usual.alias("expected")).with_columns(
        (pl.col("amount") - pl.col("expected")).alias("beyond")
    )
    stray = pl.col("beyond").abs().shift(1).rolling_median(WEEKS * 7, min_samples=_DAYS).over(whose)
    z = dense.select((pl.col("beyond") / (_MAD * stray).replace(0.0, None)).alias("z"))["z"].to_numpy()
    # The scale is estimated from some weeks of days, and the centre from eight: t is wider than normal by about that much.
    p = 2 * stats.t.sf(np.abs(z), WEEKS - 1)
    return dense.with_columns(pl.Series("p", p).fill_nan(None))


def _shaped(named: pl.DataFrame) -> pl.DataFrame:
    parts = []
    for length in EVERY:
        start = floored(pl.col("day"), length)
        here = named.with_columns(every=pl.lit(length), start=start)
        parts += [
            here.with_columns(scope=pl.lit("org"), entity_id=pl.lit("org")),
            here.filter(pl.col("team_id").is_not_null()).with_columns(scope=pl.lit("team"), entity_id="team_id"),
        ]
    frame = pl.concat(parts)
    labels = {(start, every): label(start, every) for start, every in frame.select("start", "every").unique().rows()}
    told = [labels[row] for row in frame.select("start", "every").rows()]
    return (
        frame.with_columns(pl.Series("period", told, dtype=pl.String))
        .sort("scope", "entity_id", "every", "day", "currency", "team_id", nulls_last=True)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )
