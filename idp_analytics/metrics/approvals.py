"""What became of each request for approval, and whether a person decided it."""

from __future__ import annotations

import polars as pl

from idp_analytics.answers import observations
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings

ANSWERED = ("approved", "rejected", "sent back")
"""States in which somebody has answered. *Sent back* (CDEvents requestchanges) ends the wait and is no refusal."""

OVER = ("withdrawn", "expired")
"""States in which nobody answered and nobody waits any more."""

STATES = (*ANSWERED, *OVER, "pending")

_UTC = pl.Datetime("us", "UTC")


def judged(tables: Tables, now: pl.Expr | None = None) -> pl.LazyFrame:
    """``approvals`` as they stood at ``now`` (default: as told), with what a gate is judged by. Added columns:

    * ``operation_id``: that of the run it is for, else its own, else what is approved (``deployment``, ``change``, …);
    * ``at``: when it was asked, else when it was decided;
    * ``state``: one of :data:`STATES`, null where the source does not say. The decision has the last word, since tools call
      what was sent back rejected; deferred, delegated and escalated requests still wait. What was answered at or after
      ``now`` is pending;
    * ``is_human``: no machine decided it, neither by its own word nor because the responder is a bot account;
    * ``answered_at``: when it was answered or ended, only where that is known exactly and not before it was asked.
    """
    runs = tables["action_runs"].select(pl.col("run_id").alias("subject_id"), pl.col("operation_id").alias("_of_run"))
    bots = (
        tables["people"].filter("is_bot").select(pl.col("person_id").alias("responder_id"), pl.lit(True).alias("_bot"))
    )
    later = pl.lit(False) if now is None else (pl.col("decided_at") >= now).fill_null(False)
    decision, status = pl.col("decision"), pl.col("status")
    state = (
        pl.when(later).then(pl.lit("pending"))
        .when(decision.is_in(["approved", "rejected"])).then(decision)
        .when(decision == "requestchanges").then(pl.lit("sent back"))
        .when(status == "cancelled").then(pl.lit("withdrawn"))
        .when(decision.is_in(["deferred", "delegate", "escalated"]) & ~(status == "expired").fill_null(False)).then(pl.lit("pending"))
        .when(status.is_not_null()).then(status)
    )  # fmt: skip
    of_runs = pl.col("subject_kind").fill_null("action_run") == "action_run"
    exact = (pl.col("time_basis") != "bound").fill_null(True) & (pl.col("decided_at") >= pl.col("requested_at"))
    closed = pl.col("state").is_in([*ANSWERED, *OVER])
    return (
        tables["approvals"]
        .join(runs.unique("subject_id", keep="any"), on="subject_id", how="left")
        .join(bots, on="responder_id", how="left")
        .with_columns(
            pl.coalesce(pl.when(of_runs).then("_of_run"), "operation_id", "subject_kind").alias("operation_id"),
            pl.coalesce("requested_at", "decided_at").cast(_UTC).alias("at"),
            state.alias("state"),
            ~(pl.col("automated").fill_null(False) | pl.col("_bot").fill_null(False)).alias("is_human"),
        )
        .with_columns(pl.when(closed & exact).then("decided_at").alias("answered_at"))
        .drop("_of_run", "_bot")
    )


def approval_queue_time(tables: Tables, _: Settings) -> pl.LazyFrame:
    """Hours from asking to a person's answer, dated by the asking; ``hit`` false: withdrawn, expired, or still waiting.

    Not usable: answered or ended, but not known when.
    """
    asked = judged(tables).filter("is_human", pl.col("state").is_not_null(), pl.col("requested_at").is_not_null())
    waited = (pl.col("answered_at") - pl.col("requested_at")).dt.total_seconds(fractional=True) / 3600
    waits = pl.col("state") == "pending"
    return _observed(
        asked.with_columns(
            waited.alias("x"), pl.col("state").is_in(list(ANSWERED)).alias("hit"),
            (waits | pl.col("answered_at").is_not_null()).alias("usable"),
        )
    )  # fmt: skip


def approval_share(tables: Tables, _: Settings) -> pl.LazyFrame:
    """One observation per request a person approved or refused, dated by that, else by the asking; a hit when approved."""
    decided = judged(tables).filter("is_human", pl.col("state").is_in(["approved", "rejected"]))
    at = pl.coalesce("decided_at", "requested_at")
    return _observed(decided.with_columns(at.alias("at"), (pl.col("state") == "approved").alias("hit")))


def approval_withdrawal_share(tables: Tables, _: Settings) -> pl.LazyFrame:
    """One observation per request for a person's approval, dated by the asking; a hit when it was withdrawn.

    Not usable: the source does not say how it stands.
    """
    asked = judged(tables).filter("is_human")
    return _observed(
        asked.with_columns((pl.col("state") == "withdrawn").alias("hit"), pl.col("state").is_not_null().alias("usable"))
    )


def _observed(frame: pl.LazyFrame) -> pl.LazyFrame:
    return observations(frame.with_columns(pl.col("approval_id").alias("source_key")), source_table="approvals")
