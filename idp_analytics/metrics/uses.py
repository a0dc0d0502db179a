"""What is done on the platform, by how much harm it can do and what stands before it: the boundary between them."""

from __future__ import annotations

import polars as pl

from idp_analytics.answers import observations
from idp_analytics.metrics.approvals import judged
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.remembered import shared
from idp_analytics.metrics.requests import chained
from idp_analytics.settings import Settings

RISKS = ("dangerous", "sensitive", "safe", "unclassified")
"""What nobody has classified is a class of its own, never taken for safe."""

GATES = ("none", "automatic", "human", "unknown")
"""What stood before a use. *Unknown*: nobody said, and no approval of anything is in the data that could show it."""

ROUTES = ("self-service", "approval", "escape hatch")

CAUSES = ("ungated", "bypassed", "self_approved", "after_fact")
"""How something is done without anybody else having agreed to it beforehand."""

ROUND = ("bypass", "override", "manual", "suspend")
"""Kinds of escape hatch that go round a gate; an exemption or exception does only where who asked for it granted it."""


def exposed_run_share(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """One observation per dangerous use that was carried out; a hit where nobody else had agreed to it beforehand.

    Not usable: what stood before it is not known.
    """
    found = _dangerous(tables, settings)
    return observations(
        found.with_columns(pl.col("is_exposed").alias("hit"), (pl.col("gate") != "unknown").alias("usable"))
    )


def gate_evasion_share(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """One observation per dangerous use that was carried out; a hit where it was done round the platform, as a log of such things tells.

    Not usable: no source tells of anything done by hand, round a gate or over a policy, so that none seen is not none.
    """
    found = _dangerous(tables, settings)
    logged = tables["escape_hatches"].filter(pl.col("kind").is_in(list(ROUND))).select((pl.len() > 0).alias("usable"))
    off = (pl.col("source_table") == "escape_hatches") & pl.col("bypassed")
    return observations(found.join(logged, how="cross").with_columns(off.alias("hit")))


@shared
def _dangerous(tables: Tables, _: Settings) -> pl.LazyFrame:
    return uses(tables).filter(pl.col("risk") == "dangerous", pl.col("is_carried_out"))


def uses(tables: Tables, now: pl.Expr | None = None) -> pl.LazyFrame:
    """Each run, each other thing approval was asked for, and each escape hatch opened, as known at ``now`` (default: as told).

    Columns: ``at`` (asked for), ``service_id``, ``team_id``, ``operation_id``, ``title``, ``risk`` (:data:`RISKS`), ``gate``
    (:data:`GATES`), ``route`` (:data:`ROUTES`), ``is_carried_out``, one boolean per :data:`CAUSES`, ``is_exposed`` (any of
    them), ``source_table``, ``source_key``.

    The gate is what was seen: a person asked, or only a machine. Where nobody was, it is what is said of the operation; but
    if a person is said to stand before it, every approval of it that is in the data is of a run that is too, and this was done
    without one, the gate is *none* and the use *bypassed* it. Runs of one request (:func:`requests.chained`) share its approvals: who tries again need not ask again.
    The causes:

    * ungated: nothing stood before it;
    * bypassed: carried out though nobody approved, or through an escape hatch that goes round a gate (:data:`ROUND`);
    * self-approved: only the requestor approved;
    * after the fact: approved only after it had begun; where the moment is not known exactly, it is not said.
    """
    approvals = judged(tables, now)
    runs = chained(tables).with_columns(pl.col("requested_at").alias("at"))
    request = runs.select(pl.col("run_id").alias("subject_id"), "request_id")
    # Systems number their things alike, so the kind decides what a subject is; where it is not told, the id must do.
    of_runs = pl.col("subject_kind").fill_null("action_run") == "action_run"
    asked = approvals.join(request, on="subject_id", how="left")
    is_run = of_runs & pl.col("request_id").is_not_null()
    agreed = _agreed(asked.filter(is_run), "request_id")
    others = _others(asked.filter(~is_run), tables, now).join(
        runs.select("operation_id", pl.lit(True).alias("_has_runs")).unique(), on="operation_id", how="left"
    )
    # An approval of a run nobody can name (a change request in another tool) is one of a run that is here already.
    loose = pl.col("_known").is_null() & pl.col("_has_runs").fill_null(False)
    gated = approvals.filter("is_human").select("operation_id").unique().join(
        others.filter(loose, "_human").select("operation_id", pl.lit(True).alias("_loose")).unique(), on="operation_id", how="left"
    ).with_columns((~pl.col("_loose").fill_null(False)).alias("_always_seen")).drop("_loose")  # fmt: skip
    any_known = approvals.select((pl.len() > 0).alias("_any"))
    rows = [_runs(runs, agreed, now), others.filter(~loose), _hatches(tables)]
    classified = (
        described(pl.concat(rows, how="diagonal_relaxed"), tables)
        .join(gated, on="operation_id", how="left")
        .join(any_known, how="cross")
        .with_columns(pl.col("_human", "_machine", "_always_seen", "is_carried_out").fill_null(False))
    )
    return _exposed(classified).select(
        "at", "service_id", "team_id", "operation_id", "title", "risk", "gate", "route", "is_carried_out", *CAUSES,
        "is_exposed", "source_table", "source_key",
    )  # fmt: skip


def described(frame: pl.LazyFrame, tables: Tables) -> pl.LazyFrame:
    """``frame`` (with ``operation_id``) with ``title``, ``risk`` (:data:`RISKS`) and ``declared``, the gate said to stand there."""
    told = tables["operations"].select("operation_id", "title", "risk", pl.col("gate").alias("declared"))
    return frame.join(told, on="operation_id", how="left").with_columns(
        pl.coalesce("title", "operation_id", pl.lit("not named")).alias("title"),
        pl.col("risk").fill_null("unclassified"),
    )


def _agreed(asked: pl.LazyFrame, by: str) -> pl.LazyFrame:
    """Per request or subject: who was asked, and by whom and when it was approved."""
    human, approved = pl.col("is_human"), pl.col("is_human") & (pl.col("state") == "approved").fill_null(False)
    alone = (pl.col("responder_id") == pl.col("requestor_id")).fill_null(False) & (
        pl.col("responders").fill_null(1) <= 1
    )
    return asked.group_by(by).agg(
        human.any().alias("_human"), (~human).any().alias("_machine"), approved.any().alias("_approved"),
        (approved & alone).any().alias("_self"), (approved & ~alone).any().alias("_by_other"),
        # One approval of unknown time may have been the first.
        pl.when((approved & pl.col("answered_at").is_null()).any().not_())
        .then(pl.col("answered_at").filter(approved).min()).alias("_approved_at"),
    )  # fmt: skip


def _runs(runs: pl.LazyFrame, agreed: pl.LazyFrame, now: pl.Expr | None) -> pl.LazyFrame:
    begun = pl.coalesce("started_at", "finished_at")
    done = pl.col("started_at").is_not_null() | pl.col("outcome").is_in(["success", "failure", "error"])
    return runs.join(agreed, on="request_id", how="left").with_columns(
        pl.lit("action_runs").alias("source_table"), pl.col("run_id").alias("source_key"),
        (done & _before(begun, now)).fill_null(False).alias("is_carried_out"), begun.alias("_begun"),
    )  # fmt: skip


def _others(other: pl.LazyFrame, tables: Tables, now: pl.Expr | None) -> pl.LazyFrame:
    """Deployments and what else was to be approved; of what is not in the data an approval is taken for having been used."""
    other = other.with_columns(
        pl.coalesce("subject_id", "approval_id").alias("_subject"),
        pl.coalesce("subject_kind", pl.lit("")).alias("_kind"),
    )
    first = other.sort("at").group_by("_kind", "_subject", maintain_order=True).agg(
        pl.col("at", "service_id", "team_id", "operation_id").first(), pl.col("approval_id").first().alias("source_key")
    )  # fmt: skip
    agreed = _agreed(other.with_columns(pl.concat_str("_kind", "_subject", separator="\0").alias("_one")), "_one")
    deployed = tables["deployments"].select(
        pl.col("deployment_id").alias("_subject"), pl.coalesce("started_at", "finished_at").alias("_begun"),
        pl.lit(True).alias("_known"), pl.lit("deployment").alias("_kind"),
    )  # fmt: skip
    begun = pl.col("_begun").is_not_null() & _before(pl.col("_begun"), now)
    return (
        first.with_columns(pl.concat_str("_kind", "_subject", separator="\0").alias("_one"))
        .join(agreed, on="_one", how="left")
        .join(deployed, on=["_kind", "_subject"], how="left")
        .with_columns(
            pl.lit("approvals").alias("source_table"),
            pl.when(pl.col("_known").is_not_null()).then(begun).otherwise("_approved").alias("is_carried_out"),
        )
    )


def _hatches(tables: Tables) -> pl.LazyFrame:
    """Escape hatches as uses of what they go round: the operation called like the policy, else the only one of the path."""
    named = tables["operations"].select(
        pl.col("operation_id").alias("policy"), pl.col("operation_id").alias("_by_policy")
    )
    only = (
        tables["operations"].filter(pl.col("golden_path_id").is_not_null()).group_by("golden_path_id")
        .agg(pl.col("operation_id").first().alias("_by_path"), pl.len().alias("_of_path"))
        .filter(pl.col("_of_path") == 1)
    )  # fmt: skip
    round_it = pl.col("kind").is_in(list(ROUND)) | (
        pl.col("kind").is_in(["exemption", "exception"]) & (pl.col("approver_id") == pl.col("requestor_id"))
    )
    return (
        tables["escape_hatches"]
        .join(named, on="policy", how="left").join(only, on="golden_path_id", how="left")
        .select(
            "service_id", "team_id", pl.col("opened_at").alias("at"),
            pl.coalesce("_by_policy", "_by_path", "policy").alias("operation_id"),
            pl.lit("escape_hatches").alias("source_table"), pl.col("hatch_id").alias("source_key"),
            pl.lit(True).alias("is_carried_out"), round_it.fill_null(False).alias("_round"),
        )
    )  # fmt: skip


def _exposed(rows: pl.LazyFrame) -> pl.LazyFrame:
    hatch, done, human = pl.col("source_table") == "escape_hatches", pl.col("is_carried_out"), pl.col("_human")
    skipped = (
        ~hatch
        & ~human
        & ~pl.col("_machine")
        & (pl.col("declared") == "human").fill_null(False)
        & pl.col("_always_seen")
        & done
    )
    gate = (
        pl.when(human).then(pl.lit("human"))
        .when(skipped).then(pl.lit("none"))
        .when(pl.col("_machine")).then(pl.lit("automatic"))
        .when(pl.col("declared").is_not_null()).then("declared")
        .when(pl.col("_any") & ~hatch).then(pl.lit("none"))
        .otherwise(pl.lit("unknown"))
    )  # fmt: skip
    approved = pl.col("_approved").fill_null(False)
    told = rows.with_columns(gate.alias("gate")).with_columns(
        pl.when(hatch).then(pl.lit("escape hatch")).when(pl.col("gate") == "human").then(pl.lit("approval"))
        .otherwise(pl.lit("self-service")).alias("route"),
        (done & ~hatch & (pl.col("gate") == "none") & ~skipped).alias("ungated"),
        (skipped | (done & human & ~approved) | (hatch & pl.col("_round"))).alias("bypassed"),
        (done & pl.col("_self").fill_null(False) & ~pl.col("_by_other").fill_null(False)).alias("self_approved"),
        (done & approved & (pl.col("_begun") < pl.col("_approved_at"))).fill_null(False).alias("after_fact"),
    )  # fmt: skip
    return told.with_columns(pl.any_horizontal(*CAUSES).alias("is_exposed"))


def _before(moment: pl.Expr, now: pl.Expr | None) -> pl.Expr:
    """Whether it lies before ``now``; what tells no moment does."""
    return pl.lit(True) if now is None else (moment < now).fill_null(True)
