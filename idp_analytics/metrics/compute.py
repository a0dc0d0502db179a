"""The one pass: observations of every metric → all scopes × all periods → answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from idp_analytics.answers import COLUMNS, Estimator, Metric, empty
from idp_analytics.estimates import medians, survival
from idp_analytics.metrics import showback
from idp_analytics.metrics.catalogue import CATALOGUE
from idp_analytics.metrics.change import cautioned, compared
from idp_analytics.metrics.grid import calendar, entities, spans
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.observed import ENTITY, observed
from idp_analytics.metrics.value import valued
from idp_analytics.settings import Settings

_CELL = ("scope", "entity_id", "every", "period_start")
_KEY = (*_CELL, "currency", "detail")


def compute(
    tables: Tables,
    settings: Settings,
    as_of: datetime,
    metrics: Sequence[Metric] = CATALOGUE,
    scopes: Sequence[str] = ("org", "team", "service"),
    every: Sequence[str] = ("1mo", "1q"),
) -> pl.DataFrame:
    """Every answer: each metric for the organisation, each team and each service, in each week, month or quarter.

    ``tables``: the trusted tables, all present, facts with ``team_id`` as of the event. ``as_of``: nothing that
    happened then or later is used. One row per :data:`idp_analytics.answers.KEY`, columns
    :data:`idp_analytics.answers.COLUMNS`, sorted by metric, scope, entity, length, period, currency, detail. Every
    known team and service has a row in every period, whether it did anything or not. A part of ``metrics``,
    ``scopes`` or ``every`` gives the same rows as the whole would, sliced.

    One lazy plan per metric, scope and length, all collected together; statistics run on whole columns. Raises
    :class:`IdpError` if the money does not add up (:func:`showback.prove`).
    """
    level = settings.rules.level
    frames = {metric.name: observed(metric, tables, settings, as_of) for metric in metrics}
    counts, firsts, durations = _collected(metrics, frames, scopes, every)
    held = spans(tables, (name for metric in CATALOGUE for name in metric.tables), as_of)
    known = entities(tables, scopes)

    parts = [empty()]
    for metric in metrics:
        counted = counts[metric.name]
        periods = calendar(metric, settings, as_of, held, firsts[metric.name], every)
        rows = _rows(known, counted if metric.estimator is Estimator.TOTAL else _population(counted), periods)
        if metric.name in durations:
            found = _medians(metric, durations[metric.name], scopes, every, level)
            rows = rows.join(found, on=_CELL, how="left")
        rows = rows.join(_beside(metric, counted), on=_CELL, how="left")
        parts.append(cautioned(compared(valued(metric, rows, level), metric, level), metric))
    answers = pl.concat(
        part.select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items()) for part in parts
    ).sort("metric", "scope", "entity_id", "every", "period_start", "currency", "detail")  # fmt: skip
    if any(metric.estimator is Estimator.TOTAL for metric in metrics):
        showback.prove(answers, showback.bill(tables, settings, as_of).collect())
    return answers
