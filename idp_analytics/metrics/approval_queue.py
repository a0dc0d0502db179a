"""Study ``approval_queue``: how long people wait for a person's answer, in clock and in working hours, and who waits now."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from idp_analytics.answers import CELL
from idp_analytics.estimates import survival
from idp_analytics.metrics.approvals import ANSWERED, OVER, judged
from idp_analytics.metrics.cells import Spans, known_by, periods_of, placed
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.nine_in_ten import FEWEST
from idp_analytics.metrics.uses import described
from idp_analytics.settings import Settings

KINDS = ("clock", "working")
"""Hours as the clock counts them, and working hours of the team that answers for the operation."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "hours": pl.String,  # KINDS
    "asked": pl.Int64,  # requests a person was to decide
    "decided": pl.Int64,  # of them approved, rejected or sent back: these count in the rates
    "dated": pl.Int64,  # of those decided, known exactly when: only these count in the time
    "n": pl.Int64,  # requests whose wait is known: dated, withdrawn or expired at a known time, pending
    "censored": pl.Int64,  # of n, not answered
    "median": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "p90": pl.Float64,  # null: fewer than FEWEST, or they have not come that far
    "p90_low": pl.Float64,
    "p90_high": pl.Float64,
    "pending": pl.Int64,  # still waiting at the as-of time
    "age": pl.Float64,  # median of how long they have waited by then
    "oldest": pl.Float64,
    "level": pl.Float64,
}
"""The columns of the study, in order."""


def approval_queue(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """One row per kind of hours of each entity that asked, by month and quarter, dated by the asking (:data:`COLUMNS`).

    Median and 90th percentile: Kaplan–Meier, with what is pending, withdrawn or expired censored, for of those decided the slowest
    are missing. Intervals: Brookmeyer & Crowley 1982, log-log. How long those still waiting have done so is no wait: it has no end.
    """
    now = pl.lit(as_of.astimezone(UTC)).cast(pl.Datetime("us", "UTC"))
    rows = known_by(described(judged(tables, now).filter("is_human"), tables), settings, as_of).collect()
    if rows.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    periods = periods_of("approval_queue_time", tables, settings, as_of, rows["day"].min(), of=spans)  # type: ignore[arg-type]
    # Working hours are counted from the first moment of all, so that they are the same to the last digit whatever is asked for.
    cells = placed(waited(rows, tables, settings, as_of), settings, ("org", "team"), spans=spans)
    parts = [
        _of(cells.with_columns(pl.col(column).alias("x")), kind, settings.rules.level)
        for kind, column in zip(KINDS, ("hours", "working"), strict=True)
    ]
    return (
        pl.concat(parts)
        .join(periods, on=["every", "period_start"])
        .with_columns(pl.lit(settings.rules.level).alias("level"))
        .sort(*CELL, pl.col("hours").cast(pl.Enum(KINDS)))
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def waited(rows: pl.DataFrame, tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """``rows`` of :func:`approvals.judged` with ``until``, ``hours`` and ``working`` hours waited (null: the end is not known) and
    ``is_answered``. Working hours are those of the team that answers for the operation; where none is named, the organisation's."""
    until = (
        pl.when(pl.col("state") == "pending")
        .then(pl.lit(as_of).cast(pl.Datetime("us", "UTC")))
        .otherwise("answered_at")
    )
    owners = tables["operations"].select("operation_id", pl.col("owner_team_id").alias("team_id"))
    where = owners.join(tables["teams"].select("team_id", "time_zone"), on="team_id", how="left").select(
        "operation_id", pl.col("time_zone").alias("_zone")
    )
    found = rows.join(where.collect(), on="operation_id", how="left", maintain_order="left").with_columns(
        until.alias("until"), pl.col("_zone").fill_null(settings.time_zone)
    )
    parts = [
        part.with_columns(
            settings.calendar.working_hours_between(part["requested_at"], part["until"], zone).alias("working")
        )
        for (zone,), part in found.partition_by("_zone", as_dict=True).items()
    ]
    hours = (pl.col("until") - pl.col("requested_at")).dt.total_seconds(fractional=True) / 3600
    return pl.concat(parts).with_columns(
        hours.alias("hours"), pl.col("state").is_in(list(ANSWERED)).alias("is_answered")
    )


def _of(cells: pl.DataFrame, kind: str, level: float) -> pl.DataFrame:
    state, answered = pl.col("state"), pl.col("is_answered").fill_null(False)
    pending = state == "pending"
    counts = cells.group_by(CELL).agg(
        pl.len().alias("asked"), answered.sum().alias("decided"), (answered & pl.col("x").is_not_null()).sum().alias("dated"),
        pending.sum().alias("pending"), pl.col("x").filter(pending).median().alias("age"), pl.col("x").filter(pending).max().alias("oldest"),
    )  # fmt: skip
    closed = cells.filter(state.is_in([*ANSWERED, *OVER, "pending"]))
    found = counts
    for share, names in ((0.5, ("median", "low", "high")), (0.9, ("p90", "p90_low", "p90_high"))):
        sizes, least = (("n", "censored"), 1) if share == 0.5 else ((), FEWEST)
        told = survival.grouped_quantile(closed, CELL, "x", "is_answered", share, level)
        told = told.select(
            *CELL,
            *sizes,
            *(
                pl.when(pl.col("n") >= least).then(a).alias(b)
                for a, b in zip(("value", "low", "high"), names, strict=True)
            ),
        )
        found = found.join(told, on=list(CELL), how="left")
    return found.with_columns(pl.col("n", "censored").fill_null(0), pl.lit(kind).alias("hours"))
