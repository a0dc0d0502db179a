"""The delivery metrics as series: one point per entity and period, ready for charts and trends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from idp_analytics.answers import Estimator, Metric, Verdict
from idp_analytics.metrics.catalogue import HEADLINES
from idp_analytics.metrics.compute import compute
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings

FOLLOWED: tuple[Metric, ...] = tuple(metric for metric in HEADLINES if metric.estimator is not Estimator.TOTAL)
"""The metrics that are followed over time and compared between teams: the headline ones but for money."""

COUNTED = (Estimator.SHARE, Estimator.DAYS)
"""Estimators whose number is k of n."""

ENTITY = ("scope", "entity_id", "metric")
"""What one series is of."""


def series(
    tables: Tables,
    settings: Settings,
    as_of: datetime,
    scopes: Sequence[str],
    every: str,
    metrics: Sequence[Metric] = FOLLOWED,
) -> pl.DataFrame:
    """The points of every series in order of time: answers, and ``x``, the value as a point of a chart.

    ``x`` is known wherever something was measured: a share from one observation on (the limits know how little that
    is), a complete period without an event is a rate of 0. It is null where nothing is. A series begins with its entity's
    first period in which anything happened: a team that did not exist yet did not stand still. Sorted by
    :data:`ENTITY` and time.
    """
    answers = compute(tables, settings, as_of, metrics, scopes, (every,))
    kinds = pl.col("metric").replace_strict({m.name: m.estimator.value for m in metrics}, return_dtype=pl.String)
    is_share = kinds.is_in([e.value for e in COUNTED])
    is_rate = kinds == Estimator.RATE.value
    measured = pl.col("verdict") != Verdict.NOT_MEASURED.value
    quiet = measured & ~pl.col("is_partial") & (pl.col("n") == 0)
    happened = pl.when(kinds == Estimator.DAYS.value).then(pl.col("k") > 0).otherwise(pl.col("n") > 0)
    return (
        answers.select(
            *ENTITY, "every", "period", "period_start", "period_end", "is_partial", "value", "low", "high", "n", "k", "unit",
            pl.when(is_share & measured & (pl.col("n") > 0)).then(pl.col("k") / pl.col("n"))
            .when(is_rate & quiet).then(0.0)
            .otherwise("value").alias("x"),
            (happened & measured).fill_null(False).alias("_happened"),
        )
        .sort(*ENTITY, "period_start")
        .filter(pl.col("_happened").cum_max().over(ENTITY))
        .drop("_happened")
    )  # fmt: skip
