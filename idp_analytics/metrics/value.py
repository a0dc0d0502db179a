"""From what was counted to a number with its interval."""

from __future__ import annotations

import numpy as np
import polars as pl

from idp_analytics.answers import Estimator, Metric
from idp_analytics.estimates import rates, shares
from idp_analytics.tables import MONEY

CLUSTERED = ("squares_k", "products", "squares_n", "clusters")
"""What is summed over clusters, where observations come in such (``Metric.in_clusters``), as :func:`shares.design_effect` takes it."""

METHODS = {
    Estimator.RATE: "exact Poisson",
    Estimator.SHARE: "Wilson",
    Estimator.DAYS: "Wilson",
    Estimator.WORKING_DAYS: "Wilson",
    Estimator.EXPOSURE: "exact Poisson",
    Estimator.TIME: "gamma (Fay & Feuer)",
    Estimator.MEDIAN: "order statistics",
    Estimator.SURVIVAL_MEDIAN: "Kaplan–Meier, log-log",
    Estimator.TOTAL: "exact total, no sampling",
}
"""Estimator → how its interval is made, as the answers name it."""


def valued(rows: pl.DataFrame, metric: Metric, level: float) -> pl.DataFrame:
    """``rows`` with ``value``, ``low``, ``high``, ``n``, ``k``, ``missing``, ``censored``, ``amount``, ``method``, …

    ``rows``: one per entity and period of one metric, with the counts (null: nothing was seen), the columns of
    :func:`grid.calendar` and, for medians, what :mod:`estimates` found. ``value`` is null where fewer than
    ``metric.min_n`` observations (survival: ended ones) stand behind it or the coverage does not allow one; an
    interval that exists is kept all the same, unless the metric is not measured. A quiet entity keeps n = 0.
    """
    rows = rows.with_columns(pl.col("n", "k", "missing", "hit_days").fill_null(0))
    with_numbers = _NUMBERS[metric.estimator](rows, level)
    enough = pl.col("_rests_on") >= metric.min_n
    measured = pl.col("is_measured")
    return with_numbers.with_columns(
        pl.when(measured & enough).then(pl.col("value").fill_nan(None)).alias("value"),
        pl.when(measured).then(pl.col("low", "high").fill_nan(None)),
        pl.when(measured).then(pl.col("k", "censored")),
        pl.when(measured & enough).then("amount").alias("amount"),
        pl.lit(METHODS[metric.estimator] + (", n by design effect" if metric.in_clusters else "")).alias("method"),
        pl.lit(metric.name).alias("metric"),
        pl.lit(metric.unit).alias("unit"),
        pl.lit(level).alias("level"),
    )


def _rate(rows: pl.DataFrame, level: float) -> pl.DataFrame:
    low, high = rates.exact_poisson(rows["n"].to_numpy(), rows["days"].to_numpy(), level)
    return _finished(
        rows, value=pl.col("n") / pl.when(pl.col("days") > 0).then("days"), low=pl.Series(low), high=pl.Series(high)
    )


def _share(rows: pl.DataFrame, level: float) -> pl.DataFrame:
    crowding = np.ones(rows.height)
    if CLUSTERED[0] in rows.columns:
        crowding = shares.design_effect(*(rows[name].to_numpy() for name in ("k", "n", *CLUSTERED)))
    low, high = shares.wilson(rows["k"].to_numpy() / crowding, rows["n"].to_numpy() / crowding, level)
    rows = rows.with_columns(pl.Series("crowding", crowding))
    value = pl.col("k") / pl.col("n")
    return _finished(rows, value=value, low=pl.Series(low), high=pl.Series(high), k=pl.col("k"))


def _days(rows: pl.DataFrame, level: float) -> pl.DataFrame:
    """A day without a deployment is an observation too: n are the covered days that are over."""
    return _share(rows.with_columns(n=pl.col("whole_days"), k=pl.col("hit_days")), level)


def _median(rows: pl.DataFrame, _: float) -> pl.DataFrame:
    return _finished(rows, value=pl.col("value"), low=pl.col("low"), high=pl.col("high"))


def _survival(rows: pl.DataFrame, _: float) -> pl.DataFrame:
    events = pl.col("events").fill_null(0)
    return _finished(
        rows, value=pl.col("value"), low=pl.col("low"), high=pl.col("high"), k=events,
        censored=pl.col("censored").fill_null(0), rests_on=events,
    )  # fmt: skip


def _time(rows: pl.DataFrame, level: float) -> pl.DataFrame:
    """What is left of the time of services; its interval is that of the time with an incident, a sum over outages.

    How long one more outage might last is told by the longest seen here or, where that is longer, by the typical one of the
    organisation: a team with one short outage does not know yet how long they can be.
    """
    lasts = rows.select(
        pl.max_horizontal("largest", "typical").fill_null(0.0).alias("w"),
        pl.max_horizontal(pl.col("largest") ** 2, "typical_square").fill_null(0.0).alias("w2"),
    )
    down, squares, days = (rows[name].to_numpy() for name in ("down", "squares", "days"))
    low, high = rates.weighted_poisson(down, squares, lasts["w"].to_numpy(), lasts["w2"].to_numpy(), days, level)
    value = 1 - pl.col("down") / pl.when(pl.col("days") > 0).then("days")
    return _finished(
        rows, value=value, low=(1 - pl.Series(high)).clip(0, 1), high=(1 - pl.Series(low)).clip(0, 1), k=pl.col("k")
    )


def _total(rows: pl.DataFrame, _: float) -> pl.DataFrame:
    """A census has no sampling error: the interval is the number."""
    image = pl.when(pl.col("n") > 0).then(pl.col("amount").cast(pl.Float64))
    return _finished(rows, value=image, low=image, high=image, amount=pl.col("amount"))


def _finished(rows: pl.DataFrame, rests_on: pl.Expr | None = None, **numbers: pl.Expr | pl.Series) -> pl.DataFrame:
    """``rows`` with the given numbers; those an estimator does not have are null."""
    blank = {
        "k": pl.lit(None, pl.Int64),
        "censored": pl.lit(None, pl.Int64),
        "amount": pl.lit(None, MONEY),
        "_rests_on": pl.col("n") if rests_on is None else rests_on,
    }
    return rows.with_columns(**{**blank, **numbers})


_NUMBERS = {
    Estimator.RATE: _rate,
    Estimator.SHARE: _share,
    Estimator.DAYS: _days,
    Estimator.WORKING_DAYS: _days,
    Estimator.EXPOSURE: _rate,
    Estimator.TIME: _time,
    Estimator.MEDIAN: _median,
    Estimator.SURVIVAL_MEDIAN: _survival,
    Estimator.TOTAL: _total,
}
