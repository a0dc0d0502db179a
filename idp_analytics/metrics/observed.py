"""A metric's observations as known at the as-of time, and the way back from one answer to its rows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from idp_analytics import periods
from idp_analytics.answers import OBSERVATION, ORG, Estimator, Metric
from idp_analytics.errors import ReportError, nearest
from idp_analytics.metrics import cohorts
from idp_analytics.metrics.allocation.charges import charged_before
from idp_analytics.metrics.catalogue import by_name
from idp_analytics.metrics.links import Tables, begun_before
from idp_analytics.settings import Settings
from idp_analytics.tables import TABLES

ENTITY = {"org": pl.lit(ORG), "team": pl.col("team_id"), "service": pl.col("service_id")}
"""Scope → whose an observation is; null: nobody's at that scope."""


_SECONDS = {"hours": 3600, "days": 86400}


def time_zone(metric: Metric, settings: Settings) -> str:
    """The zone in which the metric's periods are cut: the organisation's, but UTC for money.

    Charge periods begin at midnight UTC (FOCUS); cutting them elsewhere would move a month's first charges into the
    month before.
    """
    return "UTC" if metric.estimator is Estimator.TOTAL else settings.time_zone


def day_of(moment: datetime, zone: str) -> date:
    """The calendar day of ``moment`` in ``zone``."""
    return moment.astimezone(ZoneInfo(zone)).date()


def known(tables: Tables, as_of: datetime) -> Tables:
    """``tables`` as metrics may see them at ``as_of``. Raises :class:`ReportError` for an as-of time without a zone.

    What a source names later must not tell of what it named before: a change waits for a deployment nobody knows of yet.
    A pool is shared by the week, so what is charged later in that week must not be in it yet.
    """
    if as_of.tzinfo is None:
        raise ReportError(f"The as-of time {as_of} has no time zone; give one, e.g. datetime(2026, 7, 1, tzinfo=UTC).")
    now = pl.lit(as_of.astimezone(UTC)).cast(OBSERVATION["at"])
    return charged_before({**tables, "deployments": begun_before(tables["deployments"], now)}, as_of)


def observed(metric: Metric, tables: Tables, settings: Settings, as_of: datetime) -> pl.LazyFrame:
    """The metric's observations before ``as_of``, with ``day``: their calendar day in :func:`time_zone`.

    What has not ended by then (survival) is open: ``hit`` false, ``x`` the time until ``as_of`` in the metric's unit, or
    until it was last looked at if that is earlier (``x`` beside ``hit`` false), also when the table already knows a
    later end. For shares of days, the day that is not over yet is left out; of people, who may not be told yet
    (:func:`cohorts.told`). Raises :class:`ReportError` for an as-of
    time without a zone.
    """
    return seen(metric, known(tables, as_of), settings, as_of)


def seen(metric: Metric, tables: Tables, settings: Settings, as_of: datetime) -> pl.LazyFrame:
    """:func:`observed` of tables that are :func:`known` at ``as_of``, so that several metrics may share them."""
    zone = time_zone(metric, settings)
    now = pl.lit(as_of.astimezone(UTC)).cast(OBSERVATION["at"])
    frame = (
        metric.observations(tables, settings)
        .filter(pl.col("at") < now)
        .with_columns(pl.col("at").dt.convert_time_zone(zone).dt.date().alias("day"))
    )
    if metric.estimator in (Estimator.DAYS, Estimator.WORKING_DAYS):
        frame = frame.filter(pl.col("day") < day_of(as_of, zone))
    if metric.estimator is Estimator.SURVIVAL_MEDIAN:
        limit = (now - pl.col("at")).dt.total_seconds(fractional=True) / _SECONDS[metric.unit]
        ended = (pl.col("hit") & (pl.col("x") <= limit)).fill_null(False)
        seen = pl.when(ended).then("x").otherwise(pl.min_horizontal("x", limit))
        frame = frame.with_columns(seen.alias("x"), ended.alias("hit"))
    if metric.about_people:
        least, today = settings.rules.min_cohort, day_of(as_of, zone)
        frame = frame.map_batches(
            lambda rows: cohorts.told(rows, least, today, zone), predicate_pushdown=False, projection_pushdown=False, slice_pushdown=False
        )  # fmt: skip
    return frame


def trace(
    tables: Tables, settings: Settings, as_of: datetime, metric: str, scope: str, entity_id: str, period: str
) -> pl.DataFrame:
    """The rows behind one answer: the observations of ``metric`` for one entity in one period, oldest first.

    Columns: ``at``, ``service_id``, ``team_id``, ``x``, ``hit``, ``amount``, ``currency``, ``detail``, ``usable``,
    ``source_table``, ``source_key`` (key of the row there), ``path``, ``source_row`` (the file and the row in it). A
    row with a ``detail`` stands beside the population (money: it says where the charge went). Behind a share of time
    stands every incident that reaches into the period, whenever it opened. Raises
    :class:`ReportError` for a metric, scope or period that does not exist; an unknown entity has no rows.
    """
    if scope not in ENTITY:
        raise ReportError(f"There is no scope {scope!r}.{nearest(scope, ENTITY)}")
    chosen, span = by_name(metric), periods.parse(period)
    if chosen.about_people:
        raise ReportError(f"The rows behind {metric} are single people; only groups of them are shown.")
    shown = ["at", *(name for name in OBSERVATION if name != "at")]
    rows = observed(chosen, tables, settings, as_of).filter(ENTITY[scope] == entity_id, within(chosen, span, settings))
    return (
        located(rows.select(shown), chosen.tables, tables)
        .select(*shown, "path", "source_row")
        .sort("at", "source_table", "source_key", "path", "source_row")
        .collect()
    )


def within(metric: Metric, span: periods.Period, settings: Settings) -> pl.Expr:
    """Of what is :func:`observed` for ``metric``, is it behind the answers of the period? Of a share of time all that reaches into it is."""
    last = span.end - timedelta(days=1)
    begun = pl.col("day").is_between(span.start, last)
    if metric.estimator is not Estimator.TIME:
        return begun
    # Up to the last moment before its end, so that what ends at midnight does not reach into the next day.
    lasts = pl.duration(microseconds=(pl.col("x") * _SECONDS["hours"] * 1_000_000 - 1).clip(lower_bound=0))
    ended = (pl.col("at") + lasts).dt.convert_time_zone(time_zone(metric, settings)).dt.date()
    reaches = (pl.col("day") <= last) & (ended >= span.start).fill_null(True)
    return pl.when("usable").then(reaches).otherwise(begun)


def located(rows: pl.LazyFrame, names: Iterable[str], tables: Tables) -> pl.LazyFrame:
    """``rows`` with the file and the row in it (``path``, ``source_row``) of what ``source_key`` names in ``source_table``, one of these tables.

    What a rule was checked on and is no known service may be a person, whom a tool calls by an address: its ``source_key`` is left out.
    """
    keys = rows.select("source_table", "source_key").unique()
    dtype = rows.collect_schema()["source_table"]
    lines = pl.concat(
        tables[name]
        .select(
            pl.lit(name).cast(dtype).alias("source_table"),
            TABLES[name].row_key().alias("source_key"),
            "load_id",
            "source_row",
        )
        .join(keys.filter(pl.col("source_table") == name), on="source_key", how="semi")
        for name in names
    )
    files = tables["loads"].select("load_id", "path")
    may_be_somebody = (pl.col("source_table") == "policy_results") & pl.col("service_id").is_null()
    return rows.join(
        lines.join(files, on="load_id", how="left"), on=["source_table", "source_key"], how="left"
    ).with_columns(pl.when(~may_be_somebody).then("source_key").alias("source_key"))
