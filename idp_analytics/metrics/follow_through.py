"""Study ``follow_through``: what became of what teams resolved to do."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import polars as pl

from idp_analytics import periods
from idp_analytics.errors import ReportError
from idp_analytics.estimates import survival
from idp_analytics.estimates.shares import wilson
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.period_ends import UTC_TIME, by_scope, period_ends
from idp_analytics.settings import Settings

DAYS = 365
"""Actions resolved so long before the end of the period are looked at."""

CHAIN = 3
"""From how often it was put off an action is carried along rather than done later."""

ALL = "all"

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,  # looked at from its end, a year back
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "origin": pl.String,  # all | retrospective | postmortem | recommendation
    "n": pl.Int64,  # resolved in that year; done + dropped + ended + open
    "done": pl.Int64,
    "dropped": pl.Int64,
    "ended": pl.Int64,  # closed, and not told how
    "open": pl.Int64,
    "overdue": pl.Int64,  # of the open: past their day
    "undated": pl.Int64,  # of the open: without a day
    "due": pl.Int64,  # whose time has come: done, dropped and overdue
    "done_share": pl.Float64,  # done ÷ due
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
    "carried": pl.Int64,  # put off at least once
    "chained": pl.Int64,  # put off CHAIN times or more
    "most_carried": pl.Int64,
    "median_days": pl.Float64,  # to the end, open ones counted in (Kaplan–Meier); null: fewer than half have ended
    "median_low": pl.Float64,
    "median_high": pl.Float64,  # null: no upper end
    "p90_days": pl.Float64,  # null: fewer than nine in ten have ended
    "linked": pl.Int64,  # that name an intervention, so that it can be told whether the metric moved
}
"""The columns of the study ``follow_through``, in order."""

LINKED: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "intervention_id": pl.String,  # the registered change they name
    "n": pl.Int64,
    "done": pl.Int64,
    "dropped": pl.Int64,
    "ended": pl.Int64,
    "open": pl.Int64,
    "overdue": pl.Int64,
}
"""The columns of the study ``follow_through_linked``, in order."""


def follow_through(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Actions resolved in the year before the end of each month and quarter, of the organisation and each team, by origin and in all.

    As they stood that day: what was closed later is open. The share done is of those whose time has come; open ones with their day
    ahead, or without one, are in neither part. Interval: Wilson 1927. Time to the end (done or dropped) by Kaplan–Meier, of which the
    90th percentile is the time by which nine in ten have ended. How often an action was put off is told without a date: as known today.
    """
    first: date | None = _known(tables, settings, as_of).select(pl.col("opened_on").min()).collect().item()
    if first is None:
        return pl.DataFrame(schema=COLUMNS)
    rows = _as_they_stood(tables, settings, as_of, period_ends(settings, as_of, first))
    each = by_scope(pl.concat([rows, rows.with_columns(pl.lit(ALL).alias("origin"))]))
    cell = ["scope", "entity_id", "every", "period", "period_start", "is_partial", "origin"]
    found = each.group_by(cell).agg(_counts())
    median, slow = (
        survival.grouped_quantile(each, cell, "days", "is_closed", p, settings.rules.level) for p in (0.5, 0.9)
    )
    level = settings.rules.level
    found = (
        found.with_columns(
            (pl.col("done") + pl.col("dropped") + pl.col("overdue")).alias("due"), pl.lit(level).alias("level")
        )
        .join(median.select(*cell, median_days="value", median_low="low", median_high="high"), on=cell)
        .join(slow.select(*cell, p90_days="value"), on=cell)
    )
    ends_ = wilson(found["done"].to_numpy(), found["due"].to_numpy(), level)
    return (
        found.with_columns(
            pl.when(pl.col("due") > 0).then(pl.col("done") / pl.col("due")).alias("done_share"),
            *(pl.when(pl.col("due") > 0).then(pl.Series(np.asarray(v)).fill_nan(None)).alias(n) for n, v in zip(("low", "high"), ends_, strict=True)),
        )
        .sort(cell)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )  # fmt: skip


def follow_through_linked(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Actions of :func:`follow_through` that name a registered change, by the change they name: what became of them as they stood that day (:data:`LINKED`).

    A change may be named that was registered only after the action was resolved.
    """
    names = tables["interventions"].select("intervention_id").unique()
    named = {
        **tables,
        "actions": tables["actions"].join(names, left_on="origin_id", right_on="intervention_id", how="semi"),
    }
    first: date | None = _known(named, settings, as_of).select(pl.col("opened_on").min()).collect().item()
    if first is None:
        return pl.DataFrame(schema=LINKED)
    rows = by_scope(_as_they_stood(named, settings, as_of, period_ends(settings, as_of, first)))
    cell = [
        "scope",
        "entity_id",
        "every",
        "period",
        "period_start",
        "is_partial",
        pl.col("origin_id").alias("intervention_id"),
    ]
    found = rows.group_by(cell).agg(_counts())
    return found.select(pl.col(name).cast(dtype) for name, dtype in LINKED.items()).sort(pl.col(list(LINKED)[:7]))


def action_rows(
    tables: Tables, settings: Settings, as_of: datetime, study: str, scope: str, entity_id: str, period: str
) -> pl.DataFrame:
    """The way back from ``study`` (``follow_through``): every action resolved in the year before the end of the period.

    Columns: ``team_id``, ``origin``, ``origin_id``, ``opened_on``, ``due_on``, ``closed_on`` (null: open on that day), ``days`` (to the end, or
    until then), ``stood`` (done, dropped, ended, overdue, open), ``carried_over``, ``source_table``, ``source_key``, ``path``, ``source_row``.
    Raises :class:`ReportError` for a scope or period that does not exist; services have no rows.
    """
    if scope not in ("org", "team"):
        raise ReportError(f"There is no {study} of a {scope}; there is of the organisation and of teams.")
    span = periods.parse(period)
    ends = period_ends(settings, as_of, span.start, (span.every,)).filter(period=span.label)
    closed = pl.col("is_closed")
    stood = (
        pl.when(closed).then(pl.col("outcome").fill_null("ended"))
        .when("is_overdue").then(pl.lit("overdue")).otherwise(pl.lit("open"))
    )  # fmt: skip
    rows = by_scope(_as_they_stood(tables, settings, as_of, ends)).filter(scope=scope, entity_id=entity_id)
    return (
        rows.join(tables["loads"].select("load_id", "path").collect(), on="load_id", how="left")
        .select(
            "team_id", "origin", "origin_id", "opened_on", "due_on", pl.when(closed).then("closed_on").alias("closed_on"),
            "days", stood.alias("stood"), "carried_over", pl.lit("actions").alias("source_table"),
            pl.col("action_id").alias("source_key"), "path", "source_row",
        )
        .sort("opened_on", "source_key")
    )  # fmt: skip


def _known(tables: Tables, settings: Settings, as_of: datetime) -> pl.LazyFrame:
    today = pl.lit(as_of.astimezone(UTC)).cast(UTC_TIME).dt.convert_time_zone(settings.time_zone).dt.date()
    return tables["actions"].filter(pl.col("opened_on") <= today)


def _as_they_stood(tables: Tables, settings: Settings, as_of: datetime, ends: pl.DataFrame) -> pl.DataFrame:
    """Each action once per end of a period in whose year it was resolved, as it stood that day."""
    named = tables["interventions"].select(pl.col("intervention_id").alias("origin_id"), pl.lit(True).alias("_named"))
    day, opened = pl.col("day"), pl.col("opened_on")
    return (
        _known(tables, settings, as_of).collect().join(named.unique().collect(), on="origin_id", how="left")
        .join(ends.drop("at", "begins"), how="cross")
        .filter(opened <= day, opened > day - pl.duration(days=DAYS))
        .with_columns((pl.col("closed_on") <= day).fill_null(False).alias("is_closed"))
        .with_columns(
            (pl.when("is_closed").then("closed_on").otherwise(day) - opened).dt.total_days().cast(pl.Float64).alias("days"),
            (~pl.col("is_closed") & (pl.col("due_on") < day)).fill_null(False).alias("is_overdue"),
        )
    )  # fmt: skip


def _counts() -> list[pl.Expr]:
    closed, outcome, put_off = pl.col("is_closed"), pl.col("outcome"), pl.col("carried_over")
    return [
        pl.len().alias("n"),
        (closed & (outcome == "done").fill_null(False)).sum().alias("done"),
        (closed & (outcome == "dropped").fill_null(False)).sum().alias("dropped"),
        (closed & outcome.is_null()).sum().alias("ended"),
        (~closed).sum().alias("open"),
        pl.col("is_overdue").sum().alias("overdue"),
        (~closed & pl.col("due_on").is_null()).sum().alias("undated"),
        (put_off >= 1).sum().alias("carried"),
        (put_off >= CHAIN).sum().alias("chained"),
        put_off.max().fill_null(0).alias("most_carried"),
        pl.col("_named").fill_null(False).sum().alias("linked"),
    ]
