"""A definition's numbers in the shape of answers, so that a tool's number stands beside ours in the same columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import polars as pl

from idp_analytics.answers import COLUMNS, Verdict
from idp_analytics.errors import ReportError, nearest
from idp_analytics.metrics.catalogue import CATALOGUE, by_name
from idp_analytics.metrics.compute import compute
from idp_analytics.metrics.grid import calendar, entities, spans
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.observed import day_of
from idp_analytics.metrics.presets.definition import Definition, Measure
from idp_analytics.metrics.presets.evaluate import evaluated
from idp_analytics.metrics.presets.ours import IDP
from idp_analytics.metrics.presets.windows import calendar_windows
from idp_analytics.settings import Settings

_CELL = ["every", "period"]
_KNOWN = {metric.name for metric in CATALOGUE}


def answered(
    definition: Definition,
    tables: Tables,
    settings: Settings,
    as_of: datetime,
    metrics: Sequence[str] | None = None,
    scopes: Sequence[str] = ("org", "team", "service"),
    every: Sequence[str] = ("1mo", "1q"),
) -> pl.DataFrame:
    """The answers (:data:`idp_analytics.answers.COLUMNS`) under ``definition``, for the same entities and periods as ours.

    ``method`` and ``caution`` name the definition; ``detail`` tells apart several numbers a tool gives for one metric;
    ``missing`` is null: tools do not count what they leave out. There is no change, and the verdict is never more than *not
    identified*: a number under another rule is shown, not judged. Ours (``idp``) is :func:`compute` itself.

    Raises :class:`ReportError` for a metric of which the definition says nothing.
    """
    if definition.name == IDP.name:
        chosen = CATALOGUE if metrics is None else tuple(by_name(name) for name in metrics)
        return compute(tables, settings, as_of, chosen, scopes, every)
    measures = [m for m in definition.measures if m.metric in _KNOWN]
    says = sorted({m.metric for m in measures})
    for name in metrics or ():
        if by_name(name).name not in says:
            raise ReportError(f"Definition {definition.name!r} says nothing of {name!r}.{nearest(name, says)}")
    measures = [m for m in measures if metrics is None or m.metric in metrics]
    periods = periods_of(measures, tables, settings, as_of, every)
    known = entities(tables, scopes)
    parts = [pl.DataFrame(schema=COLUMNS)]
    for measure in measures:
        grid = periods[measure.tables, measure.metric]
        alone = replace(definition, measures=(measure,))
        numbers = evaluated(alone, tables, settings, as_of, calendar_windows(grid), known)
        parts.append(_told(definition, measure, numbers, grid, settings.rules.level))
    key = ("metric", "scope", "entity_id", "every", "period_start", "currency", "detail")
    return pl.concat(parts).sort(key)


def periods_of(
    measures: Sequence[Measure], tables: Tables, settings: Settings, as_of: datetime, every: Sequence[str]
) -> dict[tuple[tuple[str, ...], str], pl.DataFrame]:
    """(tables, metric) → the periods (:func:`grid.calendar`) of a measure that needs those tables."""
    held = spans(tables, (name for metric in CATALOGUE for name in metric.tables), as_of)
    found = {}
    for measure in measures:
        metric = replace(by_name(measure.metric), tables=measure.tables)
        first = held[measure.tables[0]].first
        earliest = day_of(first, settings.time_zone) if first else None
        found[measure.tables, measure.metric] = calendar(metric, settings, as_of, held, earliest, every)
    return found


def _told(
    definition: Definition, measure: Measure, numbers: pl.DataFrame, grid: pl.DataFrame, level: float
) -> pl.DataFrame:
    measured = pl.col("is_measured")
    value = pl.when(measured).then("value")
    verdict = (
        pl.when(~measured).then(pl.lit(Verdict.NOT_MEASURED.value))
        .when(pl.col("value").is_null()).then(pl.lit(Verdict.INSUFFICIENT_DATA.value))
        .otherwise(pl.lit(Verdict.NOT_IDENTIFIED.value))
    )  # fmt: skip
    how = pl.format("definition {}: {}", pl.lit(definition.name), pl.lit(measure.aggregation.value))
    nothing = pl.when(measured & (pl.col("value") == 0) & (pl.col("n") == 0)).then(
        pl.lit("0 stands for nothing seen, as this definition shows it")
    )
    partial = pl.when("is_partial").then(pl.lit("partial period"))
    said = [
        pl.lit(f"under the rules of {definition.title}"),
        *([pl.lit(definition.note.rstrip("."))] if definition.note else []),
    ]
    frame = numbers.join(grid, on=_CELL, how="left").with_columns(
        value.alias("value"),
        pl.when(measured).then(pl.col("low", "high", "k", "censored")),
        pl.lit(level).alias("level"),
        pl.concat_str(how, "interval", separator=", ", ignore_nulls=True).alias("method"),
        verdict.alias("verdict"),
        pl.concat_str(*said, partial, "note", nothing, separator="; ", ignore_nulls=True).alias("caution"),
    )
    have = frame.columns
    return frame.select(
        (pl.col(name) if name in have else pl.lit(None)).cast(dtype).alias(name) for name, dtype in COLUMNS.items()
    )
