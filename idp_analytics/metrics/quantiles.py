"""Quantiles of durations for all scopes and periods at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from idp_analytics.answers import ORG, Estimator, Metric
from idp_analytics.estimates import groups, medians, survival
from idp_analytics.periods import floored

_WHOSE = {"team": "team_id", "service": "service_id"}


def quantiles(
    metric: Metric, durations: pl.DataFrame, scopes: Sequence[str], every: Sequence[str], week_start: int, level: float, share: float = 0.5,
) -> pl.DataFrame:  # fmt: skip
    """``n``, ``value``, ``low``, ``high`` (and ``events``, ``censored`` where some are still open) per :data:`idp_analytics.answers.CELL`; one row for each
    with a duration. ``durations``: as :class:`gathered.Gathered` says; ``share`` of what is looked at has ended by ``value``: of medians one half."""
    parts = []
    # All by number: each day, service and team is looked at once, and in order the values need no further sorting.
    durations = durations.sort("x", nulls_last=True)
    days, day = groups.numbered(durations, ["day"])
    for scope in scopes:
        entities, entity = _entities(durations, scope)
        is_known = entity >= 0
        x, hit, told_on = durations["x"], durations["hit"], day
        if not is_known.all():
            known = pl.Series(is_known)
            x, hit, told_on, entity = x.filter(known), hit.filter(known), day[is_known], entity[is_known]
        for length in every:
            starts = days.select(floored(pl.col("day"), length, week_start).alias("period_start"))
            periods, period = groups.numbered(starts, ["period_start"])
            cells = entities.join(periods, how="cross", maintain_order="left_right")
            cell = entity * periods.height + period[told_on]
            if metric.estimator is Estimator.MEDIAN:
                found = medians.of_groups(cell, x, cells.height, share, level)
            else:
                found = survival.of_groups(cell, x, hit, cells.height, share, level)
            is_there = pl.Series(np.bincount(cell, minlength=cells.height) > 0)
            told = pl.concat([cells, found], how="horizontal").filter(is_there)
            parts.append(told.with_columns(pl.lit(scope).alias("scope"), pl.lit(length).alias("every")))
    return pl.concat(parts)


def _entities(durations: pl.DataFrame, scope: str) -> tuple[pl.DataFrame, groups.Numbers]:
    """``entity_id`` of all of a scope, as text, and the place of each row's among them; -1: nobody's."""
    if scope == "org":
        return pl.DataFrame({"entity_id": [ORG]}), np.zeros(durations.height, np.int64)
    whose = durations.select(pl.col(_WHOSE[scope]).alias("entity_id"))
    entities, entity = groups.numbered(whose, ["entity_id"])
    # Sorted with null last, if there is any.
    known = entities.drop_nulls()
    return known.cast(pl.String), np.where(entity < known.height, entity, -1)
