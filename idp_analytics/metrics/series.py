"""The delivery metrics as series: one point per entity and period, ready for charts and trends."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from datetime import date, datetime

import polars as pl

from idp_analytics.answers import Estimator, Metric, Verdict
from idp_analytics.metrics.catalogue import HEADLINES, by_name
from idp_analytics.metrics.cells import periods_of
from idp_analytics.metrics.compute import compute
from idp_analytics.metrics.exposure import exposed
from idp_analytics.metrics.gathered import Gathering
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings

_ESTIMATORS = (Estimator.RATE, Estimator.SHARE, Estimator.DAYS, Estimator.MEDIAN, Estimator.SURVIVAL_MEDIAN)

FOLLOWED: tuple[Metric, ...] = tuple(metric for metric in HEADLINES if metric.estimator in _ESTIMATORS)
"""The metrics that are followed over time and compared between teams: the headline ones but for money."""

PER_EXPOSURE: tuple[Metric, ...] = (by_name("tickets_per_developer_month"),)
"""Counts per exposure that are followed by week too; between teams they are not compared, nor followed over months."""

COUNTED = (Estimator.SHARE, Estimator.DAYS)
"""Estimators whose number is k of n."""

ENTITY = ("scope", "entity_id", "metric")
"""What one series is of."""


SCOPES = ("org", "team")
"""Whose series the studies are made of; services would be ten times as many, and most deploy too rarely for a chart."""
EVERY = ("1w", "1mo", "1q")
"""By week for charts, by month for trends, by month and quarter for comparison."""

_answered: dict[int, tuple[Settings, datetime, pl.DataFrame]] = {}


def answered(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """The answers to :data:`FOLLOWED` for the organisation and its teams, by week, month and quarter.

    Three studies are made of them and the facts are what takes long to read, so they are kept as long as the tables are.
    """
    facts = tables["deployments"]
    kept = _answered.get(id(facts))
    if kept is not None and kept[:2] == (settings, as_of):
        return kept[2]
    answers = compute(tables, settings, as_of, FOLLOWED, SCOPES, EVERY)
    if kept is None:
        weakref.finalize(facts, _answered.pop, id(facts), None)
    _answered[id(facts)] = settings, as_of, answers
    return answers


def series(tables: Tables, settings: Settings, as_of: datetime, scopes: Sequence[str], every: str) -> pl.DataFrame:
    """The points of every series in order of time: answers, and ``x``, the value as a point of a chart.

    ``x`` is known wherever something was measured: a share from one observation on (the limits know how little that
    is), a complete period without an event is a rate of 0. It is null where nothing is. A series begins with its entity's
    first period in which anything happened: a team that did not exist yet did not stand still. Sorted by
    metric, scope, entity and time.
    """
    if set(scopes) <= set(SCOPES):
        answers = answered(tables, settings, as_of).filter(pl.col("every") == every, pl.col("scope").is_in(scopes))
    else:
        answers = compute(tables, settings, as_of, FOLLOWED, scopes, (every,))
    kinds = pl.col("metric").replace_strict({m.name: m.estimator.value for m in FOLLOWED}, return_dtype=pl.String)
    is_share = kinds.is_in([e.value for e in COUNTED])
    is_rate = kinds == Estimator.RATE.value
    measured = ~pl.col("verdict").is_in([Verdict.NOT_MEASURED.value, Verdict.SUPPRESSED.value])
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
        .filter(pl.col("_happened").cum_max().over(ENTITY))
        .drop("_happened")
    )  # fmt: skip


def exposure_series(
    tables: Tables, settings: Settings, as_of: datetime, scopes: Sequence[str], every: str
) -> pl.DataFrame:
    """The same points of :data:`PER_EXPOSURE`, with ``exposure``: of how much of it ``n`` were counted.

    ``x`` is null where there was no exposure; a complete period without an event is a rate of 0.
    """
    parts = [_per_exposure(metric, tables, settings, as_of, scopes, every) for metric in PER_EXPOSURE]
    return pl.concat(parts).sort("metric", "scope", "entity_id", "period_start")


def _per_exposure(
    metric: Metric, tables: Tables, settings: Settings, as_of: datetime, scopes: Sequence[str], every: str
) -> pl.DataFrame:
    answers = compute(tables, settings, as_of, (metric,), scopes, (every,))
    first: date | None = Gathering(tables, settings, as_of).of(metric).cube["day"].min()  # type: ignore[assignment]
    periods = periods_of(metric.name, tables, settings, as_of, first, (every,))
    covered = periods.select("every", "period_start", "covered_from", "covered_to")
    assert metric.exposure is not None, "a count per exposure has one"
    rows = answers.join(covered, on=["every", "period_start"]).with_columns(
        pl.lit(True).alias("is_measured"), pl.lit(0.0).alias("days")
    )
    exposure = pl.when(pl.col("exposure") > 0).then("exposure")
    seen = (pl.col("n") > 0) | ~pl.col("is_partial")
    return (
        exposed(rows, metric.exposure(tables, settings).collect())
        .rename({"days": "exposure"})
        .sort(*ENTITY, "period_start")
        .select(
            *ENTITY, "every", "period", "period_start", "period_end", "is_partial", "value", "low", "high", "n", "k", "unit",
            pl.when(seen).then(pl.col("n") / exposure).alias("x"), "exposure", (pl.col("n") > 0).alias("_happened"),
        )
        .filter(pl.col("_happened").cum_max().over(ENTITY))
        .drop("_happened")
    )  # fmt: skip
