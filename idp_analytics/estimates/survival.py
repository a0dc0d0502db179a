"""Kaplan–Meier medians where some things have not ended yet, all groups in one pass."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from scipy.stats import norm

_ROUNDING = 1e-12


def curve(frame: pl.DataFrame, by: Sequence[str], x: str, event: str, level: float = 0.95) -> pl.DataFrame:
    """The Kaplan–Meier curve per group: the share not yet ended after each time at which something ended.

    ``x`` is the time to the end, or to the last look where ``event`` is false. Columns: ``by``, ``time``, ``at_risk``,
    ``events``, ``survival``, ``low``, ``high``: Greenwood's variance on the log scale (Kalbfleisch & Prentice 1980;
    R survfit ``conf.type="log"``), cut at 1. One row per group and distinct time, ascending; ends count before losses
    at the same time, as is usual.
    """
    z = float(norm.ppf((1 + level) / 2))
    group = list(by)
    steps = (
        frame.group_by(*group, pl.col(x).alias("time"))
        .agg(pl.len().cast(pl.Int64).alias("_here"), pl.col(event).sum().cast(pl.Int64).alias("events"))
        .sort(*group, "time")
        .with_columns(pl.col("_here").cum_sum(reverse=True).over(group).alias("at_risk"))
        .filter(pl.col("events") > 0)
    )
    risk, events = pl.col("at_risk"), pl.col("events")
    # The last step to zero has no finite variance; R gives no interval there either.
    greenwood = pl.when(risk > events).then(events / (risk * (risk - events)))
    return (
        steps.with_columns(
            (1 - events / risk).cum_prod().over(group).alias("survival"),
            greenwood.cum_sum().over(group).sqrt().alias("_se"),
        )
        .with_columns(pl.when(risk > events).then("_se").alias("_se"))
        .select(
            *group, "time", "at_risk", "events", "survival",
            (pl.col("survival") * (-z * pl.col("_se")).exp()).alias("low"),
            (pl.col("survival") * (z * pl.col("_se")).exp()).clip(upper_bound=1.0).alias("high"),
        )
    )  # fmt: skip


def grouped_median(frame: pl.DataFrame, by: Sequence[str], x: str, event: str, level: float = 0.95) -> pl.DataFrame:
    """The Kaplan–Meier median of ``x`` per group, with what is still open counted in, not dropped.

    ``by``, ``n``, ``events``, ``censored``, ``value``, ``low``, ``high``. ``value`` is the first time at which half or
    more have ended (null: half never ended); the interval holds the times at which the curve's own interval meets one
    half (Brookmeyer & Crowley 1982 on the log scale, as R does); ``high`` is null when it has no upper end.
    """
    known = frame.filter(pl.col(x).is_not_null() & pl.col(event).is_not_null())
    counts = known.group_by(by).agg(
        pl.len().cast(pl.Int64).alias("n"), pl.col(event).sum().cast(pl.Int64).alias("events")
    )
    half = 0.5 + _ROUNDING

    def first(column: str) -> pl.Expr:
        return pl.col("time").filter(pl.col(column) <= half).min()

    medians = curve(known, by, x, event, level).group_by(by).agg(
        first("survival").alias("value"), first("low").alias("low"), first("high").alias("high")
    )  # fmt: skip
    return (
        counts.join(medians, on=list(by), how="left", nulls_equal=True)
        .with_columns((pl.col("n") - pl.col("events")).alias("censored"))
        .select(*by, "n", "events", "censored", "value", "low", "high")
    )
