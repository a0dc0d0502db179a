"""The one pass: observations of every metric → all scopes × all periods → answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl

from idp_analytics.answers import CELL, COLUMNS, Estimator, Metric, empty
from idp_analytics.errors import ReportError, nearest
from idp_analytics.metrics import cohorts, incident_time, people, showback
from idp_analytics.metrics.allocation.proof import prove_ledger
from idp_analytics.metrics.catalogue import CATALOGUE
from idp_analytics.metrics.change import SERIES, cautioned, compared
from idp_analytics.metrics.charged import charged
from idp_analytics.metrics.counted import counted
from idp_analytics.metrics.definitions import SCOPES
from idp_analytics.metrics.exposure import exposed
from idp_analytics.metrics.gathered import Aside, Gathering
from idp_analytics.metrics.grid import calendar, entities, spans
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.numbered_cells import Cells, everyone
from idp_analytics.metrics.observed import ENTITY
from idp_analytics.metrics.quantiles import quantiles
from idp_analytics.metrics.value import CLUSTERED, valued
from idp_analytics.periods import EVERY
from idp_analytics.settings import Settings

_KEY = (*CELL, "currency", "detail")


def compute(
    tables: Tables,
    settings: Settings,
    as_of: datetime,
    metrics: Sequence[Metric] = CATALOGUE,
    scopes: Sequence[str] = ("org", "team", "service"),
    every: Sequence[str] = ("1mo", "1q"),
    keep: bool = True,
    texts: pl.DataType | type[pl.DataType] = pl.String,
    aside: Aside | None = None,
) -> pl.DataFrame:
    """Every answer: each metric for the organisation, each team and each service, in each week, month or quarter.

    ``tables``: the trusted tables, all present, facts with ``team_id`` as of the event. ``as_of``: nothing that
    happened then or later is used. One row per :data:`idp_analytics.answers.KEY`, columns
    :data:`idp_analytics.answers.COLUMNS`, sorted by metric, scope, entity, length, period, currency, detail. Every
    known team and service has a row in every period, whether it did anything or not. A part of ``metrics``,
    ``scopes`` or ``every`` gives the same rows as the whole would, sliced. ``keep``: what was gathered, for studies computed in this process. ``texts``:
    what the columns of texts are; as Categoricals, of which each text is held once, all answers of a large company take half the memory. ``aside``: where the
    observations of one period are put, from which :func:`behind.of_metrics` makes the rows behind its answers.

    Facts are read and joined once for all scopes and periods of a metric, lazily; statistics run on whole columns, never team by team. Raises
    :class:`ReportError` for a scope or length that does not exist, :class:`IdpError` if the money does not add up
    (:func:`showback.prove`, :func:`~allocation.proof.prove_ledger`).
    """
    _check("scope", scopes, ENTITY)
    _check("length of period", every, EVERY)
    level, week_start = settings.rules.level, settings.calendar.first_weekday
    held = spans(tables, (name for metric in CATALOGUE for name in metric.tables), as_of)
    known, gathering = entities(tables, scopes), Gathering(tables, settings, as_of, keep, aside)
    columns: Mapping[Any, Any] = {name: texts if dtype == pl.String else dtype for name, dtype in COLUMNS.items()}
    parts = [empty().cast(columns)]
    for metric in metrics:
        # One after the other, so that the facts of no two are held at a time.
        gathered = gathering.of(metric)
        cube = gathered.cube
        # That somebody came and is not told of yet is no lack of data.
        came = people.first_quarter(tables, settings, as_of) if metric.about_people else None
        first = _first(metric, cube) or came
        periods = calendar(metric, settings, as_of, held, first, every)
        if metric.estimator is Estimator.TOTAL:
            rows = charged(cube, known, periods, scopes, week_start)
        else:
            cells = Cells(everyone(known, cube.filter(pl.col("detail").is_null()), scopes), periods)
            rows = counted(metric, cube, cells)
            if gathered.durations is not None:
                found = quantiles(metric, gathered.durations, cells, level)
                rows = pl.concat([rows, found], how="horizontal")
        rows = _where_it_is_measured(rows, metric)
        if metric.estimator is Estimator.TIME:
            rows = incident_time.timed(rows, tables, settings, as_of)
        if metric.exposure:
            rows = exposed(rows, metric.exposure(tables, settings).collect())
        numbers = valued(rows, metric, level)
        if metric.about_people:
            least = settings.rules.min_cohort
            until = cohorts.told_until(cube, least) or came
            if until is not None:
                told = cube.with_columns(pl.col("team_id").cast(pl.String), pl.col("n", "missing").cast(pl.Int64))
                hidden = cohorts.withheld(told, least)
                numbers = cohorts.without(numbers, hidden, until)
        is_total = metric.estimator is Estimator.TOTAL
        if is_total or metric.estimator is Estimator.TIME or metric.exposure or metric.about_people:
            numbers = numbers.sort(*SERIES, "period_start")  # joins have no order
        answered = cautioned(compared(numbers, metric, level)).select(
            pl.col(name).cast(dtype) for name, dtype in COLUMNS.items()
        )
        if is_total:
            pooled = prove_ledger(gathering.shared, settings)
            showback.prove(answered, showback.bill(tables, settings, as_of).collect(), pooled)
        parts.append((answered.sort(_KEY) if is_total else answered).cast(columns))
    # Each metric's rows are sorted by themselves, which is less work than sorting all of them together.
    parts.sort(key=lambda part: part["metric"][0] if part.height else "")
    return pl.concat(parts)


def _check(what: str, asked: Sequence[str], known: Collection[str]) -> None:
    for word in asked:
        if word not in known:
            raise ReportError(f"There is no {what} {word!r}.{nearest(word, known)}")
    if not asked:
        raise ReportError(f"No {what} is asked for. Known: {', '.join(known)}.")


def _first(metric: Metric, cube: pl.DataFrame) -> date | None:
    """The day of the first observation; those that stand beside the population do not make a beginning."""
    counted = cube if metric.estimator is Estimator.TOTAL else cube.filter(pl.col("detail").is_null())
    first: date | None = counted["day"].min()  # type: ignore[assignment]
    return first


def _where_it_is_measured(rows: pl.DataFrame, metric: Metric) -> pl.DataFrame:
    """``rows`` with ``is_measured`` false, and nothing counted, where the metric means nothing or groups are not formed."""
    if len(metric.scopes) == len(SCOPES) and not metric.about_people:
        return rows
    scope = pl.col("scope")
    means = scope.is_in(list(metric.scopes))
    grouped = cohorts.is_cohort() if metric.about_people else pl.lit(True)
    told = " and ".join(SCOPES[name] for name in metric.scopes)
    counted = [name for name in ("n", "k", "missing", "hit_days", *CLUSTERED) if name in rows.columns]
    return rows.with_columns(
        (pl.col("is_measured") & means & grouped).alias("is_measured"),
        pl.when(~means).then(pl.lit(f"measured for {told} only"))
        .when(~grouped).then(pl.lit(cohorts.NOT_GROUPED))
        .otherwise("note").alias("note"),
        pl.when(means & grouped).then(pl.col(*counted, "beside")),
    )  # fmt: skip
