"""Study ``approvals``: what became of the requests behind each gate, and whether the gate looks before it says yes.

Signals about the gate and never about a person: per operation, and no approver is named or counted.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl

from idp_analytics.answers import CELL
from idp_analytics.estimates import shares, survival
from idp_analytics.metrics.approval_queue import waited
from idp_analytics.metrics.approvals import OVER, judged
from idp_analytics.metrics.cells import Spans, known_by, periods_of, placed
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.nine_in_ten import FEWEST
from idp_analytics.metrics.uses import described
from idp_analytics.settings import Settings

QUICK_SECONDS = 60
"""An approval given sooner after it was asked for can hardly have been thought over."""

BATCH, BATCH_SECONDS = 5, 60
"""So many decisions of one person within so many seconds are one click."""

ENOUGH = 30
"""Decisions from which on it says something that none was ever refused or sent back."""

ONE_SHARE = 0.8
"""Share of decisions above which one person is the gate."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "operation_id": pl.String,
    "title": pl.String,
    "risk": pl.String,
    "asked": pl.Int64,  # requests a person was to decide
    "automatic": pl.Int64,  # decided by a machine; in no other number
    "approved": pl.Int64,
    "rejected": pl.Int64,
    "sent_back": pl.Int64,
    "pending": pl.Int64,
    "withdrawn": pl.Int64,
    "expired": pl.Int64,
    "unknown": pl.Int64,  # not told how they stand
    "oldest_hours": pl.Float64,  # how long the oldest pending one has waited
    "wait_n": pl.Int64,  # requests whose wait is known, the next four by Kaplan–Meier
    "wait_censored": pl.Int64,
    "wait": pl.Float64,  # hours
    "wait_low": pl.Float64,
    "wait_high": pl.Float64,
    "wait_p90": pl.Float64,
    "working_wait": pl.Float64,  # the same in working hours of the team that answers for the operation
    "working_low": pl.Float64,
    "working_high": pl.Float64,
    "working_p90": pl.Float64,
    "timed": pl.Int64,  # approvals of known time
    "quick": pl.Int64,  # of them, given within QUICK_SECONDS
    "quick_share": pl.Float64,
    "quick_low": pl.Float64,
    "quick_high": pl.Float64,
    "decided": pl.Int64,  # approved, rejected or sent back
    "caught": pl.Int64,  # of them rejected or sent back
    "caught_share": pl.Float64,
    "caught_low": pl.Float64,
    "caught_high": pl.Float64,  # Wilson's upper bound: how often the gate may refuse after all
    "never_refused": pl.Boolean,  # none of at least ENOUGH
    "named": pl.Int64,  # approvals of which both sides are known
    "own": pl.Int64,  # of them, by who asked
    "batched": pl.Int64,  # decisions in a batch
    "one_gate": pl.Boolean,  # one person gave more than ONE_SHARE of at least BATCH decisions of known responder
    "level": pl.Float64,
}
"""The columns of the study, in order."""

_OF = [*CELL, "operation_id", "title", "risk"]


def approvals(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """One row per operation of each entity that asked, by month and quarter, dated by the asking (:data:`COLUMNS`).

    Waits: Kaplan–Meier, with what is pending, withdrawn or expired censored; those of unknown end are left out, and
    ``asked`` − ``wait_n`` of them. Shares: Wilson 1927.
    """
    now = pl.lit(as_of.astimezone(UTC)).cast(pl.Datetime("us", "UTC"))
    rows = known_by(described(judged(tables, now), tables), settings, as_of).collect()
    if rows.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    rows = _batches(waited(rows, tables, settings, as_of))
    cells = placed(rows, settings, ("org", "team"), spans=spans)
    human = cells.filter("is_human")
    counted = human.group_by(_OF).agg(*_counts())
    machines = cells.filter(~pl.col("is_human")).group_by(_OF).agg(pl.len().alias("automatic"))
    level = settings.rules.level
    found = counted.join(machines, on=_OF, how="left", nulls_equal=True).with_columns(pl.col("automatic").fill_null(0))
    for column, names in (
        ("hours", ("wait", "wait_low", "wait_high")),
        ("working", ("working_wait", "working_low", "working_high")),
    ):
        found = found.join(_median(human, column, names, level), on=_OF, how="left", nulls_equal=True)
        slow = survival.grouped_quantile(human, _OF, column, "is_answered", 0.9, level)
        late = slow.select(
            *_OF, pl.when(pl.col("n") >= FEWEST).then("value").alias(f"{names[0].removesuffix('_wait')}_p90")
        )
        found = found.join(late, on=_OF, how="left", nulls_equal=True)
    periods = periods_of("approval_queue_time", tables, settings, as_of, rows["day"].min(), of=spans)  # type: ignore[arg-type]
    found = found.join(periods.select("every", "period", "period_start", "is_partial"), on=["every", "period_start"])
    return (
        found.with_columns(*_shares(found, level), pl.lit(level).alias("level"))
        .sort(*CELL, "title", "operation_id", nulls_last=True)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def _batches(rows: pl.DataFrame) -> pl.DataFrame:
    """``rows`` with ``is_batched``: among :data:`BATCH` decisions of one person within :data:`BATCH_SECONDS`."""
    decided = rows.filter(
        "is_human", "is_answered", pl.col("responder_id").is_not_null(), pl.col("answered_at").is_not_null()
    )
    last = pl.col("answered_at").shift(1 - BATCH).over("responder_id")
    begins = ((last - pl.col("answered_at")).dt.total_seconds() <= BATCH_SECONDS).fill_null(False)
    within = pl.any_horizontal(pl.col("_begins").shift(n, fill_value=False).over("responder_id") for n in range(BATCH))
    batched = decided.sort("responder_id", "answered_at").with_columns(begins.alias("_begins")).filter(within)
    return rows.with_columns(pl.col("approval_id").is_in(batched["approval_id"].implode()).alias("is_batched"))


def _counts() -> list[pl.Expr]:
    state, approved = pl.col("state"), (pl.col("state") == "approved").fill_null(False)
    timed = approved & pl.col("answered_at").is_not_null()
    named = approved & pl.col("responder_id").is_not_null() & pl.col("requestor_id").is_not_null()
    answered, who = pl.col("is_answered").fill_null(False), pl.col("responder_id")
    by_one = who.filter(answered).drop_nulls()
    return [
        pl.len().alias("asked"), *((state == name).sum().alias(name) for name in ("approved", "rejected", "pending", *OVER)),
        (state == "sent back").sum().alias("sent_back"), state.is_null().sum().alias("unknown"),
        pl.col("hours").filter(state == "pending").max().alias("oldest_hours"),
        timed.sum().alias("timed"), (timed & (pl.col("hours") * 3600 < QUICK_SECONDS)).sum().alias("quick"),
        answered.sum().alias("decided"), (answered & ~approved).sum().alias("caught"),
        named.sum().alias("named"), (named & (who == pl.col("requestor_id"))).sum().alias("own"), pl.col("is_batched").sum().alias("batched"),
        ((by_one.len() >= BATCH) & (by_one.unique_counts().max() > ONE_SHARE * by_one.len())).fill_null(False).alias("one_gate"),
    ]  # fmt: skip


def _median(human: pl.DataFrame, column: str, names: tuple[str, str, str], level: float) -> pl.DataFrame:
    found = survival.grouped_median(human, _OF, column, "is_answered", level)
    extra = {"n": "wait_n", "censored": "wait_censored"} if column == "hours" else {}
    return found.select(*_OF, *(pl.col(a).alias(b) for a, b in zip(("value", "low", "high"), names, strict=True)),
                        *(pl.col(a).alias(b) for a, b in extra.items()))  # fmt: skip


def _shares(found: pl.DataFrame, level: float) -> list[pl.Expr | pl.Series]:
    told: list[pl.Expr | pl.Series] = [((pl.col("decided") >= ENOUGH) & (pl.col("caught") == 0)).alias("never_refused")]
    for name, k, n in (("quick", "quick", "timed"), ("caught", "caught", "decided")):
        ends = shares.wilson(found[k].to_numpy(), found[n].to_numpy(), level)
        told += [
            pl.Series(f"{name}_{end}", np.asarray(v)).fill_nan(None)
            for end, v in zip(("low", "high"), ends, strict=True)
        ]
        told.append(pl.when(pl.col(n) > 0).then(pl.col(k) / pl.col(n)).alias(f"{name}_share"))
    return told
