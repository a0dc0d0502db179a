"""The one pass: observations of every metric → all scopes × all periods → answers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

import polars as pl
import polars.selectors as cs

from idp_analytics.answers import CELL, COLUMNS, Estimator, Metric, empty
from idp_analytics.errors import ReportError, nearest
from idp_analytics.metrics import cohorts, incident_time, people, showback
from idp_analytics.metrics.allocation.proof import prove_ledger
from idp_analytics.metrics.catalogue import CATALOGUE
from idp_analytics.metrics.change import cautioned, compared
from idp_analytics.metrics.definitions import SCOPES
from idp_analytics.metrics.exposure import exposed
from idp_analytics.metrics.gathered import Gathering
from idp_analytics.metrics.grid import calendar, entities, spans
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.observed import ENTITY
from idp_analytics.metrics.quantiles import quantiles
from idp_analytics.metrics.value import CLUSTERED, valued
from idp_analytics.periods import EVERY, floored
from idp_analytics.settings import Settings

_KEY = (*CELL, "currency", "detail")
_BY_DAY = (Estimator.DAYS, Estimator.WORKING_DAYS)


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

    Facts are read and joined once for all scopes and periods of a metric, lazily; statistics run on whole columns, never team by team. Raises
    :class:`ReportError` for a scope or length that does not exist, :class:`IdpError` if the money does not add up
    (:func:`showback.prove`, :func:`~allocation.proof.prove_ledger`).
    """
    _check("scope", scopes, ENTITY)
    _check("length of period", every, EVERY)
    level, week_start = settings.rules.level, settings.calendar.first_weekday
    held = spans(tables, (name for metric in CATALOGUE for name in metric.tables), as_of)
    everyone, gathering = entities(tables, scopes), Gathering(tables, settings, as_of)
    parts = [empty()]
    for metric in metrics:
        # One after the other, so that the facts of no two are held at a time.
        gathered = gathering.of(metric)
        cube = _as_text(gathered.cube) if metric.about_people else gathered.cube
        counts = _counts(cube, scopes, every, week_start, metric.estimator in _BY_DAY, metric.in_clusters)
        # That somebody came and is not told of yet is no lack of data.
        came = people.first_quarter(tables, settings, as_of) if metric.about_people else None
        first = _first(metric, cube) or came
        rows = _rows(metric, counts, everyone, calendar(metric, settings, as_of, held, first, every))
        rows = _where_it_is_measured(rows, metric)
        if metric.estimator is Estimator.TIME:
            rows = incident_time.timed(rows, tables, settings, as_of)
        if metric.exposure:
            rows = exposed(rows, metric.exposure(tables, settings).collect())
        if gathered.durations is not None:
            found = quantiles(metric, gathered.durations, scopes, every, week_start, level)
            rows = rows.join(found.drop("n"), on=list(CELL), how="left")
        numbers = valued(rows, metric, level)
        if metric.about_people:
            least = settings.rules.min_cohort
            until = cohorts.told_until(cube, least) or came
            if until is not None:
                numbers = cohorts.without(numbers, cohorts.withheld(cube, least), until)
        told = cautioned(compared(numbers, metric, level))
        parts.append(told.select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items()).sort(_KEY))
    # Each metric's rows are sorted by themselves, which is less work than sorting all of them together.
    parts.sort(key=lambda part: part["metric"][0] if part.height else "")
    answers = pl.concat(parts)
    if any(metric.estimator is Estimator.TOTAL for metric in metrics):
        pooled = prove_ledger(gathering.shared, settings)
        showback.prove(answers, showback.bill(tables, settings, as_of).collect(), pooled)
    return answers


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


def _counts(
    cube: pl.DataFrame, scopes: Sequence[str], every: Sequence[str], week_start: int, by_day: bool, in_clusters: bool
) -> pl.DataFrame:
    """Per :data:`_KEY`: ``n`` usable observations, ``k`` hits, ``missing``, ``amount``; ``by_day``: also ``hit_days``, the
    days with a usable observation (else 0).

    The cube is added up to periods once, and those sums to each scope: there are far fewer of them. ``squares_n``,
    ``products``, ``squares_k`` are the sums of n², n·k and k² over ``clusters``, the days of a service with an observation.
    """
    parts = []
    cube = cube.with_columns(
        (pl.col("n") ** 2).alias("squares_n"), (pl.col("n") * pl.col("k")).alias("products"),
        (pl.col("k") ** 2).alias("squares_k"), (pl.col("n") > 0).cast(pl.Int64).alias("clusters"),
    ) if in_clusters else cube  # fmt: skip
    summed = pl.col("n", "k", "missing", "amount", *(CLUSTERED if in_clusters else ())).sum()
    for length in every:
        start = floored(pl.col("day"), length, week_start).alias("period_start")
        whose = ["service_id", "team_id", "period_start", "currency", "detail"]
        sums = cube.with_columns(start).group_by(whose).agg(summed, pl.col("source_table").first().alias("noun"))
        for scope in scopes:
            key = ["entity_id", *whose[2:]]
            counts = (
                sums.with_columns(ENTITY[scope].alias("entity_id"))
                .filter(pl.col("entity_id").is_not_null())
                .group_by(key)
                .agg(summed, pl.col("noun").first())
            )
            if by_day:
                days = (
                    cube.filter(pl.col("n") > 0)
                    .select(ENTITY[scope].alias("entity_id"), start, "currency", "detail", "day")
                    .unique()
                    .group_by(key)
                    .agg(pl.len().cast(pl.Int64).alias("hit_days"))
                )
                counts = counts.join(days, on=key, how="left", nulls_equal=True)
            else:
                counts = counts.with_columns(pl.lit(0, pl.Int64).alias("hit_days"))
            parts.append(_labelled(counts, scope, length))
    return pl.concat(parts)


def _as_text(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(cs.categorical().cast(pl.String))


def _labelled(frame: pl.DataFrame, scope: str, every: str) -> pl.DataFrame:
    return _as_text(frame).with_columns(pl.lit(scope).alias("scope"), pl.lit(every).alias("every"))


def _rows(metric: Metric, counts: pl.DataFrame, known: pl.DataFrame, periods: pl.DataFrame) -> pl.DataFrame:
    """The rows of one metric: every entity in every period, with what was counted there; parts of a total as found."""
    counts = _with_wholes(counts) if metric.estimator is Estimator.TOTAL else counts
    whole = counts.filter(pl.col("detail").is_null())
    everyone = pl.concat([known, whole.select(known.columns)]).unique()
    # Each currency an entity was ever charged in is a series of its own; one never charged has a row without currency.
    series = everyone.join(whole.select(*known.columns, "currency").unique(), on=known.columns, how="left")
    cells = series.join(periods, how="cross").with_columns(pl.lit(None, pl.String).alias("detail"))
    rows = cells.join(whole, on=_KEY, how="left", nulls_equal=True)
    if metric.estimator is Estimator.TOTAL:
        parts = counts.filter(pl.col("detail").is_not_null()).join(periods, on=["every", "period_start"])
        return pl.concat([rows, parts], how="diagonal").with_columns(pl.lit(None, pl.String).alias("beside"))
    beside = (
        counts.filter(pl.col("detail").is_not_null())
        .sort("detail")
        .group_by(CELL)
        .agg(pl.format("{}: {}", "detail", "missing").str.join("; ").alias("beside"))
    )
    return rows.join(beside, on=list(CELL), how="left")


def _where_it_is_measured(rows: pl.DataFrame, metric: Metric) -> pl.DataFrame:
    """``rows`` with ``is_measured`` false, and nothing counted, where the metric means nothing or groups are not formed."""
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


def _with_wholes(counts: pl.DataFrame) -> pl.DataFrame:
    """Charges counted per detail → also per group of details (``unallocated: tax`` is ``unallocated``) and altogether.

    Only the organisation's total is shown in parts; a team or service has its whole.
    """
    detail = pl.col("detail")
    levels = pl.concat_list(pl.lit(None, pl.String), detail.str.split(": ").list.first(), detail).list.unique()
    return (
        counts.with_columns(levels.alias("detail"))
        .explode("detail")
        .filter((pl.col("scope") == "org") | detail.is_null())
        .group_by(_KEY)
        .agg(pl.col("n", "k", "missing", "hit_days", "amount").sum(), pl.col("noun").first())
    )
