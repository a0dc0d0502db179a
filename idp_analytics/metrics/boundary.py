"""Study ``boundary``: where people wait for what is safe, and where what is dangerous is done unchecked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import polars as pl

from idp_analytics.answers import CELL
from idp_analytics.estimates import rates, shares
from idp_analytics.estimates.adding import added
from idp_analytics.metrics import grid
from idp_analytics.metrics.approvals import ANSWERED, OVER, judged
from idp_analytics.metrics.catalogue import by_name
from idp_analytics.metrics.cells import EVERY, Spans, known_by, placed
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.uses import CAUSES, RISKS, described, uses
from idp_analytics.settings import Settings

MONTH = 365.25 / 12
"""Days in a month, so that months and quarters compare."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "operation_id": pl.String,
    "title": pl.String,
    "risk": pl.String,  # dangerous | sensitive | safe | unclassified
    "gate": pl.String,  # none | automatic | human | unknown
    "route": pl.String,  # self-service | approval | escape hatch
    "n": pl.Int64,  # uses: runs, other things approval was asked for, escape hatches opened
    "carried_out": pl.Int64,
    "ungated": pl.Int64,  # of those carried out, as the next three; one may have several causes
    "bypassed": pl.Int64,
    "self_approved": pl.Int64,
    "after_fact": pl.Int64,
    "exposed": pl.Int64,  # with at least one of them
    "exposed_per_month": pl.Float64,
    "exposed_low": pl.Float64,
    "exposed_high": pl.Float64,
    "asked": pl.Int64,  # requests for approval that a person was to decide
    "waits": pl.Int64,  # of them, those whose wait is known; what still waits counts until the as-of time
    "pending": pl.Int64,
    "withdrawn": pl.Int64,
    "expired": pl.Int64,
    "wait_missing": pl.Int64,  # of asked, those whose wait is not known
    "hours": pl.Float64,  # waited in all
    "hours_per_month": pl.Float64,
    "hours_low": pl.Float64,
    "hours_high": pl.Float64,
    "decided": pl.Int64,  # approved, rejected or sent back by a person
    "caught": pl.Int64,  # of them rejected or sent back
    "caught_share": pl.Float64,
    "caught_low": pl.Float64,
    "caught_high": pl.Float64,
    "level": pl.Float64,
}
"""The columns of the study, in order."""

_WHAT = ["operation_id", "title", "risk", "gate", "route"]
_TABLES = ("action_runs", "approvals", "escape_hatches")
_SCOPES = ("org", "team")


def boundary(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """Per operation, gate and route: how often it was done, how long people waited for it, how often nobody had agreed.

    One row per operation, risk, gate and route of each entity that used it, by month and quarter (:data:`COLUMNS`). Uses
    (:func:`uses.uses`) and requests for approval are dated by when they were asked for. Intervals: of hours Fay & Feuer
    1997, since they are a sum over requests; of counts per month Garwood 1936; of shares Wilson 1927. Per month: over the
    days covered, from the first known use to the as-of time.
    """
    now = pl.lit(as_of.astimezone(UTC)).cast(pl.Datetime("us", "UTC"))
    used = known_by(uses(tables, now), settings, as_of).collect()
    if used.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    counts = _summed(used, settings, spans, pl.len().cast(pl.Int64).alias("n"), pl.col("is_carried_out").sum().alias("carried_out"),
                     *(pl.col(name).sum() for name in CAUSES), pl.col("is_exposed").sum().alias("exposed"))  # fmt: skip
    waiting = _summed(known_by(asked(tables, now), settings, as_of).collect(), settings, spans, *_waiting())
    both = counts.join(waiting, on=[*CELL, *_WHAT], how="full", coalesce=True, nulls_equal=True)
    numbers = [name for name, dtype in COLUMNS.items() if dtype == pl.Int64]
    both = both.with_columns(pl.col(*numbers, "hours", "_squares", "_longest").fill_null(0))
    found = both.join(_periods(tables, settings, as_of, used["day"].min()), on=["every", "period_start"])  # type: ignore[arg-type]
    level = settings.rules.level
    return (
        found.with_columns(*_intervals(found, level), pl.lit(level).alias("level"))
        .with_columns(pl.when(pl.col("decided") > 0).then(pl.col("caught") / pl.col("decided")).alias("caught_share"))
        .sort(*CELL, pl.col("risk").cast(pl.Enum(RISKS)), "title", "operation_id", "gate", "route", nulls_last=True)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def asked(tables: Tables, now: pl.Expr) -> pl.LazyFrame:
    """Requests a person was to decide, with ``hours`` waited: until answered or withdrawn, or until now; null: not known."""
    end = pl.when(pl.col("state") == "pending").then(now).otherwise("answered_at")
    return (
        described(judged(tables, now).filter("is_human"), tables)
        .with_columns(
            ((end - pl.col("requested_at")).dt.total_seconds(fractional=True) / 3600).alias("hours"),
            pl.lit("human").alias("gate"), pl.lit("approval").alias("route"),
        )
    )  # fmt: skip


def _waiting() -> list[pl.Expr]:
    state, hours = pl.col("state"), pl.col("hours")
    answered = state.is_in(list(ANSWERED))
    return [
        pl.len().cast(pl.Int64).alias("asked"), hours.count().cast(pl.Int64).alias("waits"),
        *((state == name).sum().alias(name) for name in ("pending", *OVER)),
        hours.is_null().sum().alias("wait_missing"), added(hours), added(hours**2).alias("_squares"),
        hours.max().alias("_longest"), answered.sum().alias("decided"),
        (answered & (state != "approved")).sum().alias("caught"),
    ]  # fmt: skip


def _summed(frame: pl.DataFrame, settings: Settings, spans: Spans | None, *sums: pl.Expr) -> pl.DataFrame:
    return placed(frame, settings, _SCOPES, spans=spans).group_by(*CELL, *_WHAT).agg(*sums)


def _intervals(found: pl.DataFrame, level: float) -> list[pl.Series | pl.Expr]:
    months = found["days"].to_numpy() / MONTH
    exposed, hours, squares, longest, caught, decided = (
        found[name].cast(pl.Float64).to_numpy()
        for name in ("exposed", "hours", "_squares", "_longest", "caught", "decided")
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        ends = {
            "exposed": rates.exact_poisson(exposed, months, level),
            "hours": rates.weighted_poisson(hours, squares, longest, longest**2, months, level),
            "caught": shares.wilson(caught, decided, level),
        }
    bounds = [
        pl.Series(f"{name}_{end}", values).fill_nan(None)
        for name, pair in ends.items()
        for end, values in zip(("low", "high"), pair, strict=True)
    ]
    per_month = ((pl.col(name) / pl.Series(months)).alias(f"{name}_per_month") for name in ("exposed", "hours"))
    return [*bounds, *per_month]


def _periods(tables: Tables, settings: Settings, as_of: datetime, first: date) -> pl.DataFrame:
    """The periods from the first use on, as :func:`cells.periods_of` gives them; what began first dates them.

    Approvals alone, or runs alone, are enough for a map.
    """
    held = grid.spans(tables, _TABLES, as_of)
    begun = min((span.first, name) for name, span in held.items() if span.first)[1]
    chosen = replace(by_name("exposed_run_share"), tables=(begun,))
    spine = grid.calendar(chosen, settings, as_of, held, first, EVERY)
    return spine.filter("is_measured").select("every", "period", "period_start", "is_partial", "days")
