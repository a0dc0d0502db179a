"""Studies ``provisioning`` and ``run_outcomes``: where the time of a request goes, and what became of every run."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import polars as pl

from idp_analytics.answers import CELL
from idp_analytics.estimates import shares, survival
from idp_analytics.metrics.approvals import ANSWERED, judged
from idp_analytics.metrics.cells import Spans, known_by, periods_of, placed, within
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.nine_in_ten import FEWEST
from idp_analytics.metrics.requests import UNDONE, chained
from idp_analytics.metrics.uses import described
from idp_analytics.settings import Settings

PARTS = ("whole", "queue", "execution", "usable")
"""Asked → usable; asked → decided; decided, else asked → finished; finished → usable."""

REASONS = ("undated", "unseen", "backwards", "untold")
"""Why a part of a request cannot be told."""

PART_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "operation_id": pl.String,  # null: all
    "title": pl.String,
    "part": pl.String,  # PARTS
    "requests": pl.Int64,
    "without": pl.Int64,  # of them, those this part does not have: nobody had to decide; it never came so far
    "n": pl.Int64,  # those whose time in this part is known
    "censored": pl.Int64,  # of n, not over: by Kaplan–Meier, as all that follows
    "median": pl.Float64,  # hours
    "low": pl.Float64,
    "high": pl.Float64,
    "p90": pl.Float64,  # null: fewer than FEWEST, or they have not come that far
    "p90_low": pl.Float64,
    "p90_high": pl.Float64,
    "undated": pl.Int64,  # not known when it was decided
    "unseen": pl.Int64,  # a person is said to decide, and no approval of such a request is in the data
    "backwards": pl.Int64,  # decided after it ended, or usable before
    "untold": pl.Int64,  # over, and not told since when
    "level": pl.Float64,
}
"""The columns of the study ``provisioning``, in order; requests = without + n + the four reasons."""

OUTCOMES = ("succeeded", "failed", "cancelled", "withdrawn", "refused", "pending", "untold")

OUTCOME_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    **{name: PART_COLUMNS[name] for name in (*CELL, "period", "is_partial", "operation_id", "title")},
    "runs": pl.Int64,
    "succeeded": pl.Int64,
    "failed": pl.Int64,
    "cancelled": pl.Int64,  # stopped, and neither of the next two
    "withdrawn": pl.Int64,  # its request for approval was withdrawn or ran out
    "refused": pl.Int64,  # its approval was refused or sent back
    "pending": pl.Int64,  # not ended
    "untold": pl.Int64,  # ended, and not told how
    "share": pl.Float64,  # succeeded ÷ (succeeded + failed); the others are in neither number
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
}
"""The columns of the study ``run_outcomes``, in order."""

_UTC = pl.Datetime("us", "UTC")
_OF = [*CELL, "operation_id", "title"]


def provisioning(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """Time to provision in parts, per operation and for all, of each entity by month and quarter (:data:`PART_COLUMNS`).

    Requests as for ``provisioning_time``: tries of one thing are one, and its execution lasts from the decision to the end of the
    last try, the time between tries included. The queue is that of requests somebody had to decide on. Medians and 90th percentiles
    of parts do not add up to those of the whole. Kaplan–Meier; intervals: Brookmeyer & Crowley 1982, log-log.
    """
    rows = timed(tables, settings, as_of)
    if rows.is_empty():
        return pl.DataFrame(schema=PART_COLUMNS)
    first: date = rows["day"].min()  # type: ignore[assignment]
    periods = periods_of("provisioning_time", tables, settings, as_of, first, of=spans)
    cells = placed(_pooled(rows), settings, ("org", "team"), spans=spans)
    level = settings.rules.level
    found = pl.concat(_part(cells, part, level) for part in PARTS)
    return (
        found.join(periods, on=["every", "period_start"])
        .with_columns(pl.lit(level).alias("level"))
        .sort(*CELL, "title", "operation_id", pl.col("part").cast(pl.Enum(PARTS)), nulls_last=False)
        .select(pl.col(name).cast(dtype) for name, dtype in PART_COLUMNS.items())
    )


def timed(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Every request of an operation that ever tells when its result could be used, as known at ``as_of``.

    ``request_id``, ``at``, ``day``, ``service_id``, ``team_id``, ``operation_id``, ``title``, and per part of :data:`PARTS` its
    ``…_hours``, ``…_hit`` (over) and ``…_why`` (a reason, or *without*; null: the hours stand).
    """
    now = pl.lit(as_of.astimezone(UTC)).cast(_UTC)
    gives = tables["action_runs"].filter(pl.col("usable_at") < now).select("operation_id").unique()
    runs = chained(_asked_before(tables, now))
    runs = runs.join(gives, on="operation_id", how="semi").sort("requested_at", "run_id")
    usable = pl.col("usable_at").filter(pl.col("usable_at") < now).min()
    asked = runs.group_by("request_id", maintain_order=True).agg(
        pl.col("requested_at").first().alias("at"), pl.col("operation_id").first(),
        *(pl.col(name).drop_nulls().first() for name in ("service_id", "team_id")),
        usable.alias("_usable"), pl.col("finished_at").last().alias("_finished"), pl.col("outcome").last().alias("_outcome"),
    )  # fmt: skip
    known = (
        described(asked, tables)
        .join(_decided(runs, tables, now), on="request_id", how="left")
        .join(
            _gated(runs, tables), on="operation_id", how="left"
        )
    )  # fmt: skip
    return known_by(_split(known, now), settings, as_of).collect()


def _asked_before(tables: Tables, now: pl.Expr) -> Tables:
    """``tables`` with the runs asked for before ``now`` only; the very same ones where that is all, of which it is known what belongs together."""
    runs, before = tables["action_runs"], (pl.col("requested_at") < now).fill_null(False)
    return tables if runs.select(before.all()).collect().item() else {**tables, "action_runs": runs.filter(before)}


def _decided(runs: pl.LazyFrame, tables: Tables, now: pl.Expr) -> pl.LazyFrame:
    """Per request that a person was asked about: how its approval stands, and when the last answer came."""
    asked = judged(tables, now).filter("is_human", pl.col("subject_kind").fill_null("action_run") == "action_run")
    request = runs.select(pl.col("run_id").alias("subject_id"), "request_id")
    waits, ended = pl.col("state") == "pending", pl.col("answered_at")
    return (
        asked.join(request, on="subject_id")
        .group_by("request_id")
        .agg(
            waits.any().fill_null(False).alias("_waits"), (pl.col("state") == "approved").any().fill_null(False).alias("_approved"),
            pl.col("state").is_in(list(ANSWERED)).any().fill_null(False).alias("_answered"),
            pl.when((~waits.fill_null(False) & ended.is_null()).any().not_()).then(ended.max()).alias("_decided"),
            pl.lit(True).alias("_asked"),
        )
    )  # fmt: skip


def _gated(runs: pl.LazyFrame, tables: Tables) -> pl.LazyFrame:
    """Operations of which an approval of some run is in the data: ``_seen``. Of the others none can be missed."""
    linked = tables["approvals"].select(pl.col("subject_id").alias("run_id")).unique()
    return runs.join(linked, on="run_id", how="semi").select("operation_id", pl.lit(True).alias("_seen")).unique()


def _split(asked: pl.LazyFrame, now: pl.Expr) -> pl.LazyFrame:
    had, waits, approved, answered = (
        pl.col(name).fill_null(False) for name in ("_asked", "_waits", "_approved", "_answered")
    )
    at, decided, finished, usable = (pl.col(name) for name in ("at", "_decided", "_finished", "_usable"))
    over = pl.col("_outcome").is_in(list(UNDONE)).fill_null(False)
    done = (pl.col("_outcome") == "success").fill_null(False) | usable.is_not_null()
    unseen = ~had & (pl.col("declared") == "human").fill_null(False) & ~pl.col("_seen").fill_null(False)
    ended = pl.when(finished < now).then(finished)
    # A gate that let something through: from then on it is carried out. Without one it is so from the asking.
    begun = pl.when(had).then(decided).otherwise(at)
    parts = {
        # part: from, to, is it over, when it has none, when its end is the last that is known of it
        "whole": (at, pl.when(usable.is_not_null()).then(usable).when(over).then(ended).otherwise(now), usable.is_not_null(), pl.lit(False)),
        "queue": (at, pl.when(waits).then(now).otherwise(decided), answered & ~waits, ~had),
        "execution": (begun, pl.when(done | over).then(ended).otherwise(now), done, had & ~approved),
        "usable": (ended, pl.when(usable.is_not_null()).then(usable).otherwise(now), usable.is_not_null(), ~done),
    }  # fmt: skip
    columns: list[pl.Expr] = []
    for part, (start, end, hit, without) in parts.items():
        x = (end - start).dt.total_seconds(fractional=True) / 3600
        undated = had & ~waits & decided.is_null() if part in ("queue", "execution") else pl.lit(False)
        why = (
            pl.when(unseen & pl.lit(part in ("queue", "execution"))).then(pl.lit("unseen"))
            .when(without).then(pl.lit("without"))
            .when(undated).then(pl.lit("undated"))
            .when(x.is_null()).then(pl.lit("untold"))
            .when(x < 0).then(pl.lit("backwards"))
        )  # fmt: skip
        columns += [x.alias(f"{part}_hours"), hit.alias(f"{part}_hit"), why.alias(f"{part}_why")]
    return asked.with_columns(columns).drop("_usable", "_finished", "_outcome", "_waits", "_approved", "_answered", "_decided", "_asked", "_seen", "declared", "risk")  # fmt: skip


def _pooled(rows: pl.DataFrame) -> pl.DataFrame:
    """``rows`` once more without telling the operation."""
    return pl.concat(
        [rows.with_columns(pl.lit(None, pl.String).alias(name) for name in ("operation_id", "title")), rows]
    )


def _part(cells: pl.DataFrame, part: str, level: float) -> pl.DataFrame:
    why = pl.col(f"{part}_why")
    counts = cells.group_by(_OF).agg(
        pl.len().alias("requests"), (why == "without").sum().alias("without"),
        *((why == reason).sum().alias(reason) for reason in REASONS),
    )  # fmt: skip
    x = pl.when(why.is_null()).then(f"{part}_hours").alias("x")
    known = cells.select(*_OF, x, pl.col(f"{part}_hit").alias("hit"))
    for share, names in ((0.5, ("median", "low", "high")), (0.9, ("p90", "p90_low", "p90_high"))):
        told = survival.grouped_quantile(known, _OF, "x", "hit", share, level)
        sizes = ("n", "censored") if share == 0.5 else ()
        enough = pl.col("n") >= (FEWEST if share == 0.9 else 1)
        named = (pl.when(enough).then(a).alias(b) for a, b in zip(("value", "low", "high"), names, strict=True))
        counts = counts.join(told.select(*_OF, *sizes, *named), on=_OF, how="left", nulls_equal=True)
    return counts.with_columns(pl.lit(part).alias("part"))


# --- what became of the runs ------------------------------------------------------------------------------------------


def run_outcomes(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """What became of every run, per operation and for all, dated by its end, else by the asking (:data:`OUTCOME_COLUMNS`).

    A run that stopped because its approval was refused or withdrawn says nothing of whether self-service works: it is beside the
    share, as is what has not ended. Interval: Wilson 1927.
    """
    now = pl.lit(as_of.astimezone(UTC)).cast(_UTC)
    asked = judged(tables, now).filter(pl.col("subject_kind").fill_null("action_run") == "action_run")
    state = pl.col("state")
    gates = asked.group_by(pl.col("subject_id").alias("run_id")).agg(
        state.is_in(["rejected", "sent back"]).any().fill_null(False).alias("_no"),
        state.is_in(["withdrawn", "expired"]).any().fill_null(False).alias("_gone"),
    )
    later = (pl.col("finished_at") >= now).fill_null(False)
    ended, outcome = pl.col("finished_at").is_not_null() & ~later, pl.when(~later).then("outcome")
    became = (
        pl.when(outcome == "success").then(pl.lit("succeeded"))
        .when(outcome.is_in(["failure", "error"])).then(pl.lit("failed"))
        .when((outcome == "cancel") & pl.col("_no").fill_null(False)).then(pl.lit("refused"))
        .when((outcome == "cancel") & pl.col("_gone").fill_null(False)).then(pl.lit("withdrawn"))
        .when(outcome == "cancel").then(pl.lit("cancelled"))
        .when(ended).then(pl.lit("untold"))
        .otherwise(pl.lit("pending"))
    )  # fmt: skip
    at = pl.coalesce(pl.when(~later).then("finished_at"), "requested_at")
    runs = tables["action_runs"].join(gates, on="run_id", how="left")
    known = known_by(described(runs.with_columns(at.alias("at"), became.alias("became")), tables), settings, as_of)
    rows = known.select("day", "service_id", "team_id", "operation_id", "title", "became").collect()
    if rows.is_empty():
        return pl.DataFrame(schema=OUTCOME_COLUMNS)
    first: date = rows["day"].min()  # type: ignore[assignment]
    periods = periods_of("run_success_share", tables, settings, as_of, first, of=spans)
    rows = rows.filter(within(spans, pl.col("day")))
    counted = (
        placed(_pooled(rows), settings, ("org", "team"), spans=spans)
        .group_by(_OF)
        .agg(pl.len().alias("runs"), *((pl.col("became") == name).sum().alias(name) for name in OUTCOMES))
    )
    k, n = counted["succeeded"].to_numpy(), (counted["succeeded"] + counted["failed"]).to_numpy()
    ends = shares.wilson(k, n, settings.rules.level)
    return (
        counted.with_columns(
            pl.when(pl.col("succeeded") + pl.col("failed") > 0).then(pl.col("succeeded") / (pl.col("succeeded") + pl.col("failed"))).alias("share"),
            *(pl.Series(name, np.asarray(v)).fill_nan(None) for name, v in zip(("low", "high"), ends, strict=True)),
            pl.lit(settings.rules.level).alias("level"),
        )
        .join(periods, on=["every", "period_start"])
        .sort(*CELL, "title", "operation_id", nulls_last=False)
        .select(pl.col(name).cast(dtype) for name, dtype in OUTCOME_COLUMNS.items())
    )  # fmt: skip
