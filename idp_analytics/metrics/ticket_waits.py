"""Study ``ticket_waits``: how long people wait for an answer and until it is settled, by category, in clock and in working hours."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from idp_analytics.answers import CELL
from idp_analytics.estimates import survival
from idp_analytics.metrics.approval_queue import KINDS
from idp_analytics.metrics.cells import Spans, known_by, of_spans, periods_of, placed
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.nine_in_ten import FEWEST
from idp_analytics.metrics.ticket_volume import PARTS, by_part
from idp_analytics.metrics.tickets import WAITS, waits
from idp_analytics.settings import Settings

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "part": pl.String,  # ticket_volume.PARTS
    "category": pl.String,
    "wait": pl.String,  # tickets.WAITS
    "hours": pl.String,  # approval_queue.KINDS: by the clock, or working hours of the team that asked
    "tickets": pl.Int64,
    "n": pl.Int64,  # of them, the wait is known
    "censored": pl.Int64,  # of n, it had not ended, or not with an answer (with being settled)
    "waiting": pl.Int64,  # of those, still at the as-of time
    "median": pl.Float64,  # hours; null: half have not come that far
    "low": pl.Float64,
    "high": pl.Float64,
    "p90": pl.Float64,  # null: fewer than FEWEST, or they have not come that far
    "p90_low": pl.Float64,
    "p90_high": pl.Float64,
    "oldest": pl.Float64,  # the longest of those still waiting
    "level": pl.Float64,
}
"""The columns of the study, in order."""


def ticket_waits(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """One row per wait, kind of hours and category (or all) of each entity that asked, by month and quarter (:data:`COLUMNS`).

    Dated by the asking. Median and 90th percentile by Kaplan–Meier, with what is open and what was closed unsettled censored;
    intervals: Brookmeyer & Crowley 1982, log-log. Working hours are those of the team that asked, else the organisation's: a
    question asked on Friday evening and answered on Monday morning has cost its people next to no working time.
    """
    rows = _seen(tables, settings, as_of)
    if rows.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    first: date = rows["day"].min()  # type: ignore[assignment]
    periods = periods_of("ticket_resolution_time", tables, settings, as_of, first)
    # What is asked most comes first, in every period the same.
    whose = ["scope", "entity_id", "part", "category"]
    cells = by_part(placed(rows, settings, ("org", "team"))).join(periods, on=["every", "period_start"])
    most = cells.group_by(whose).agg(pl.len().alias("_most"))
    cells = cells.filter(of_spans(spans))
    found = pl.concat(_of(cells, kind, settings.rules.level) for kind in KINDS)
    return (
        found.join(periods, on=["every", "period_start"])
        .join(most, on=whose, nulls_equal=True)
        .with_columns(pl.lit(settings.rules.level).alias("level"))
        .sort(
            *CELL, pl.col("part").cast(pl.Enum(PARTS)), "_most", "category", pl.col("wait").cast(pl.Enum(WAITS)),
            pl.col("hours").cast(pl.Enum(KINDS)), descending=[*[False] * 5, True, *[False] * 3],
        )
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )  # fmt: skip


def _seen(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Tickets asked before ``as_of``, once for each of :data:`WAITS`, with ``clock`` and ``working`` hours waited by then (null: not to be told), ``hit``,
    ``waits``."""
    now = pl.lit(as_of).cast(pl.Datetime("us", "UTC"))
    open_still = pl.col("until").is_null() | (pl.col("until") >= now)
    zones = tables["teams"].select("team_id", pl.col("time_zone").alias("_zone"))
    both = pl.concat(waits(tables, wait).with_columns(pl.lit(wait).alias("wait")) for wait in WAITS)
    found = (
        known_by(both, settings, as_of)
        .join(zones, on="team_id", how="left")
        .select(
            "ticket_id", "service_id", "team_id", "day", "category", "at", "wait",
            (pl.col("hit") & ~open_still).alias("hit"), (pl.col("usable") & open_still).alias("waits"),
            pl.when("usable").then(pl.when(open_still).then(now).otherwise("until")).alias("until"),
            pl.col("_zone").fill_null(settings.time_zone),
        )
        .collect()
    )  # fmt: skip
    clock = (pl.col("until") - pl.col("at")).dt.total_seconds(fractional=True) / 3600
    parts = [
        part.with_columns(settings.calendar.working_hours_between(part["at"], part["until"], zone).alias("working"))
        for (zone,), part in found.partition_by("_zone", as_dict=True).items()
    ]
    empty = found.with_columns(pl.lit(None, pl.Float64).alias("working")).clear()
    return (
        pl.concat([empty, *parts])
        .sort(pl.col("wait").cast(pl.Enum(WAITS)), "ticket_id")
        .with_columns(clock.alias("clock"))
    )


def _of(cells: pl.DataFrame, kind: str, level: float) -> pl.DataFrame:
    key = [*CELL, "part", "category", "wait"]
    x = pl.col(kind)
    found = cells.group_by(key).agg(
        pl.len().alias("tickets"), pl.col("waits").sum().alias("waiting"), x.filter("waits").max().alias("oldest")
    )
    for share, names in ((0.5, ("median", "low", "high")), (0.9, ("p90", "p90_low", "p90_high"))):
        sizes, least = (("n", "censored"), 1) if share == 0.5 else ((), FEWEST)
        quantile = survival.grouped_quantile(cells, key, kind, "hit", share, level)
        enough = pl.col("n") >= least
        named = zip(("value", "low", "high"), names, strict=True)
        told = quantile.select(*key, *sizes, *(pl.when(enough).then(a).alias(b) for a, b in named))
        found = found.join(told, on=key, how="left", nulls_equal=True)
    return found.with_columns(pl.lit(kind).alias("hours"))
