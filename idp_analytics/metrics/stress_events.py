"""What is looked at under stress: ten things teams do, each as events of a team."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from idp_analytics.metrics.links import Tables, production_deployments
from idp_analytics.metrics.stress_windows import SEVERE, STRESSES, inside
from idp_analytics.metrics.uses import ROUND, uses
from idp_analytics.settings import Settings

SIGNALS = (
    "gates skipped", "self-approvals", "approvals after the fact", "escape hatches", "manual changes", "changes without review",
    "batch size", "rollbacks", "out of hours", "postmortems skipped",
)  # fmt: skip

RATIOS = ("batch size", "out of hours")
"""Signals that are compared as a ratio; the others are shares."""

WINDOWED = ("escape hatches", "out of hours")
"""Signals of whole windows: in how many a hatch was opened, how many deployments out of hours fell in each. The hours of a calm window
are those of its stress window, so a share of deployments out of hours would be the same by construction."""

_DUE_DAYS = 14
"""A postmortem not held so long after the incident is counted as skipped."""

_UTC = pl.Datetime("us", "UTC")
_SIGNAL, _STRESS = pl.Enum(SIGNALS), pl.Enum(STRESSES)


def events(tables: Tables, settings: Settings, as_of: datetime) -> pl.LazyFrame:
    """One row per event: ``signal`` (Enum of :data:`SIGNALS`), ``stress`` (Enum: it is looked at under this kind alone; null: under every kind), ``team_id``,
    ``happened_at``, ``x`` (Int64 n: 1 a hit, 0 none, of batch size the changes; null: not known), ``source_table``, ``source_key``.

    * gates skipped: production deployments; a hit where approval of it was asked and nobody gave it, or one of
      :data:`uses.ROUND` was open for its service (or, naming none, its team). Not known: the data tell of no gate of either sort;
    * self-approvals, approvals after the fact: what was carried out behind a human gate (:func:`uses.uses`);
    * escape hatches: hatches opened; * manual changes: production deployments a person started;
    * changes without review: pull requests merged with nobody having looked before, of a source that tells of reviews;
    * batch size: changes per production deployment of which changes are known; * rollbacks: of production deployments;
    * out of hours: production deployments outside working hours where the organisation is;
    * postmortems skipped: severe incidents without a postmortem :data:`_DUE_DAYS` days on, by page load only: calm has no incidents.
    """
    now = pl.lit(as_of.astimezone(UTC)).cast(_UTC)
    shipped = production_deployments(tables, settings).filter(pl.col("finished_at") < now).with_columns(
        pl.coalesce("started_at", "finished_at").alias("happened_at"), pl.lit("deployments").alias("source_table"),
        pl.col("deployment_id").alias("source_key"),
    )  # fmt: skip
    local = pl.col("happened_at").dt.convert_time_zone(settings.time_zone).dt.replace_time_zone(None)
    outside = settings.calendar.hour_class(local) != "working"
    parts = [
        _gates(tables, shipped, now), *_approvals(tables, now), _hatches(tables, now),
        _as(shipped, "manual changes", (~pl.col("automated")).cast(pl.Int64)),
        _reviews(tables, now), _batches(tables, shipped),
        _as(shipped, "rollbacks", pl.col("is_rollback").cast(pl.Int64)),
        _as(shipped.filter(outside), "out of hours", pl.lit(1, pl.Int64)),
    ]  # fmt: skip
    return pl.concat([*parts, _postmortems(tables, now)]).filter(pl.col("team_id").is_not_null())


def signals_of(seen: pl.DataFrame) -> pl.DataFrame:
    """What is ``seen`` of (:func:`events`): ``signal`` and ``stress``, once for every kind of stress."""
    every = pl.DataFrame({"_every": STRESSES}, schema={"_every": _STRESS})
    told = seen.select("signal", "stress").unique().join(every, how="cross")
    under = told.filter(pl.col("stress").is_null() | (pl.col("stress") == pl.col("_every")))
    return under.select("signal", pl.col("_every").alias("stress")).unique()


def within(there: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """What is ``seen`` (:func:`events`) in windows of ``there`` (:func:`stress_windows.inside`), each under the stress of its window."""
    found = inside(there, seen.rename({"stress": "_only"}))
    return found.filter(pl.col("_only").is_null() | (pl.col("_only") == pl.col("stress"))).drop("_only")


def _as(frame: pl.LazyFrame, signal: str, x: pl.Expr, stress: str | None = None) -> pl.LazyFrame:
    return frame.select(
        pl.lit(signal, _SIGNAL).alias("signal"), pl.lit(stress, _STRESS).alias("stress"), "team_id", "happened_at", x.cast(pl.Int64).alias("x"), "source_table", "source_key"
    )  # fmt: skip


def _gates(tables: Tables, shipped: pl.LazyFrame, now: pl.Expr) -> pl.LazyFrame:
    deployments = tables["approvals"].filter(pl.col("subject_kind") == "deployment", pl.col("requested_at") < now)
    refused = deployments.group_by(pl.col("subject_id").alias("deployment_id")).agg(
        (pl.col("decision") == "approved").any().not_().alias("_refused")
    )  # fmt: skip
    round_it = tables["escape_hatches"].filter(pl.col("kind").is_in(list(ROUND)), pl.col("opened_at") < now).select(
        "service_id", "team_id", "opened_at", pl.min_horizontal("closed_at", "expires_at").fill_null(now).alias("_over")
    )  # fmt: skip
    within = pl.col("happened_at").is_between("opened_at", "_over", closed="left")
    ids = shipped.select("deployment_id", "service_id", "team_id", "happened_at")
    by_service = ids.join(round_it.drop("team_id"), on="service_id").filter(within)
    by_team = ids.join(round_it.filter(pl.col("service_id").is_null()).drop("service_id"), on="team_id").filter(within)
    open_ = pl.concat([by_service.select("deployment_id"), by_team.select("deployment_id")]).unique()
    known = pl.concat(
        [
            deployments.select(pl.lit(1)),
            tables["escape_hatches"].filter(pl.col("kind").is_in(list(ROUND))).select(pl.lit(1)),
        ]
    )
    told = (
        shipped.join(refused, on="deployment_id", how="left")
        .join(open_.with_columns(pl.lit(True).alias("_round")), on="deployment_id", how="left")
        .join(known.select((pl.len() > 0).alias("_known")), how="cross")
        .filter("_known")
    )
    return _as(told, "gates skipped", pl.col("_refused").fill_null(False) | pl.col("_round").fill_null(False))


def _approvals(tables: Tables, now: pl.Expr) -> list[pl.LazyFrame]:
    gated = uses(tables, now).filter(pl.col("gate") == "human", pl.col("is_carried_out"), pl.col("at") < now)
    gated = gated.rename({"at": "happened_at"})
    return [_as(gated, signal, pl.col(cause)) for signal, cause in (("self-approvals", "self_approved"), ("approvals after the fact", "after_fact"))]  # fmt: skip


def _hatches(tables: Tables, now: pl.Expr) -> pl.LazyFrame:
    opened = tables["escape_hatches"].filter(pl.col("opened_at") < now).with_columns(
        pl.col("opened_at").alias("happened_at"), pl.lit("escape_hatches").alias("source_table"), pl.col("hatch_id").alias("source_key")
    )  # fmt: skip
    return _as(opened, "escape hatches", pl.lit(1))


def _reviews(tables: Tables, now: pl.Expr) -> pl.LazyFrame:
    merged = tables["changes"].filter(pl.col("kind") == "pull_request", pl.col("merged_at") < now)
    looked = pl.min_horizontal("first_review_at", "approved_at")
    tells = merged.filter(looked.is_not_null()).select("source", pl.lit(True).alias("_tells")).unique()
    told = merged.join(tells, on="source", how="left").with_columns(
        pl.col("merged_at").alias("happened_at"), pl.lit("changes").alias("source_table"), pl.col("change_id").alias("source_key")
    )  # fmt: skip
    unseen = pl.when("_tells").then(looked.is_null() | (looked > pl.col("merged_at")))
    return _as(told, "changes without review", unseen)


def _batches(tables: Tables, shipped: pl.LazyFrame) -> pl.LazyFrame:
    held = tables["deployment_changes"].group_by("deployment_id").agg(pl.col("change_id").n_unique().alias("_changes"))
    return _as(shipped.join(held, on="deployment_id", how="left"), "batch size", pl.col("_changes"))


def _postmortems(tables: Tables, now: pl.Expr) -> pl.LazyFrame:
    severe = tables["incidents"].filter(pl.col("severity") <= SEVERE, pl.col("opened_at") < now)
    known = tables["incidents"].select(pl.col("postmortem_on").is_not_null().any().alias("_known"))
    due = pl.col("opened_at") + pl.duration(days=_DUE_DAYS)
    told = severe.filter(due < now).join(known, how="cross").filter("_known").with_columns(
        pl.col("opened_at").alias("happened_at"), pl.lit("incidents").alias("source_table"), pl.col("incident_id").alias("source_key")
    )  # fmt: skip
    skipped = pl.col("postmortem_on").is_null() | (pl.col("postmortem_on") > due.dt.date())
    return _as(told, "postmortems skipped", skipped, STRESSES[1])
