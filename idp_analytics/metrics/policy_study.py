"""Study ``policies``: how services stand with the rules at the end of a period, by policy and engine, exemptions told apart."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl

from idp_analytics.answers import CELL
from idp_analytics.estimates import shares
from idp_analytics.metrics import golden_paths, last_looks
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.period_ends import UTC_TIME, by_scope, period_ends
from idp_analytics.metrics.policies import KEY, STATUSES, judged, listing
from idp_analytics.settings import Settings

STATE_ENGINES = ("kyverno", "gatekeeper", "cortex", "port")
"""Engines whose export is what is now: what it no longer has is gone. The others tell of one request or one check each."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "policy": pl.String,  # null: all policies together, a service conforms to all that judged it
    "engine": pl.String,
    "enforcement": pl.String,  # what its rules do: deny, warn, audit; several with commas; null: not told
    "n": pl.Int64,  # services judged: pass + exempt + warn + fail
    "k": pl.Int64,  # pass
    "fail": pl.Int64,
    "warn": pl.Int64,
    "exempt": pl.Int64,  # pass or are skipped only under an escape hatch
    "tolerated": pl.Int64,  # of fail and warn, those beside which a hatch is named or open
    "error": pl.Int64,  # beside n: no verdict
    "skip": pl.Int64,  # beside n: no rule was applied
    "unknown": pl.Int64,  # beside n: active services without any verdict
    "nameless": pl.Int64,  # resources of no known service
    "nameless_failing": pl.Int64,
    "truncated": pl.Int64,  # verdicts from lists the engine cut off: failures are at least so many
    "lists_passes": pl.Boolean,  # false: only failures are listed, so no share is known
    "value": pl.Float64,  # k ÷ n
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
    "looked_at": UTC_TIME,  # the last verdict
}
"""The columns of the study, in order."""

_OF = ["engine", "policy"]


def policies(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Services by how they stand with each policy, and with all, at the end of each month and quarter, for the organisation and teams.

    One row per entity, period and policy (:data:`COLUMNS`). A service stands as its worst resource does
    (:data:`policies.STATUSES`). Share: pass ÷ (pass + exempt + warn + fail); what passes only because it is exempt does not
    conform, and a warning is a breach that nothing stopped. Wilson 1927. No share where the source lists failures alone.
    """
    first: date | None = tables["policy_results"].select(pl.col("as_of").min().dt.date()).collect().item()
    if first is None:
        return pl.DataFrame(schema=COLUMNS)
    ends = period_ends(settings, as_of, first)
    moments = ends.select("at", "day").unique()
    held = standing(tables, as_of, moments)
    active = (
        golden_paths.services_at(tables, settings, as_of, moments)
        .filter("is_active")
        .select("service_id", "team_id", "at")
    )
    each = _counted(held, active, _OF)
    both = pl.concat([each, _counted(held, active, [])], how="diagonal_relaxed")
    placed = both.join(ends.drop("day", "begins"), on="at")
    level = settings.rules.level
    found = placed.with_columns(
        pl.col("pass").alias("k"), pl.sum_horizontal("pass", "exempt", "warn", "fail").alias("n")
    )
    told = (pl.col("n") > 0) & pl.col("lists_passes")
    low, high = shares.wilson(found["k"].to_numpy(), found["n"].to_numpy(), level)
    return (
        found.with_columns(
            pl.when(told).then(pl.col("k") / pl.col("n")).alias("value"), pl.when(told).then(pl.Series(low)).alias("low"),
            pl.when(told).then(pl.Series(high)).alias("high"), pl.lit(level).alias("level"),
        )
        .sort(*CELL, pl.col("policy").is_not_null(), "policy", "engine", nulls_last=True)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )  # fmt: skip


def standing(tables: Tables, as_of: datetime, moments: pl.DataFrame) -> pl.DataFrame:
    """The verdicts that hold at each of ``moments`` (``at``): the last on each rule and resource in the 90 days before.

    One row per rule, resource and moment: ``engine``, ``policy``, ``rule``, ``resource``, ``service_id``, ``team_id`` (the owner
    when it was judged), ``at``, ``as_of``, ``status``, ``is_tolerated``, ``enforcement``, ``truncated``, ``source``, ``lists_passes``. What a later look of
    a source that exports its state no longer has is gone, and so is a service that was retired.
    """
    now = pl.lit(as_of.astimezone(UTC)).cast(UTC_TIME)
    known = judged(tables).filter(pl.col("as_of") < now).join(
        listing(tables), on=["source", "engine", "policy"], how="left", nulls_equal=True
    ).sort("as_of").collect()  # fmt: skip
    if known.is_empty():
        return known.select(pl.all(), pl.lit(None, UTC_TIME).alias("at"))
    held = last_looks.standing(known, KEY, ["source", "engine"], pl.col("engine").is_in(list(STATE_ENGINES)), moments)
    retired = tables["services"].select("service_id", "retired_at").unique("service_id").collect()
    return (
        held.join(retired, on="service_id", how="left", maintain_order="left")
        .filter(pl.col("retired_at").is_null() | (pl.col("retired_at") > pl.col("at")))
        .drop("retired_at")
    )  # fmt: skip


def _counted(held: pl.DataFrame, active: pl.DataFrame, of: list[str]) -> pl.DataFrame:
    """Services by standing per entity, moment and ``of`` (empty: all policies that tell of what passes)."""
    rows = held if of else held.filter("lists_passes")
    place = ["scope", "entity_id", "at", *of]
    worst = pl.col("status").cast(pl.Enum(STATUSES)).sort().first()
    services = rows.drop_nulls("service_id").group_by("at", *of, "service_id").agg(
        worst.alias("status"), (pl.col("is_tolerated").any()).alias("is_tolerated"), pl.col("team_id").sort_by("as_of").last(),
    )  # fmt: skip
    failing = pl.col("status").is_in(["fail", "warn"])
    counts = by_scope(services).group_by(place).agg(
        *((pl.col("status") == name).sum().alias(name) for name in STATUSES), (failing & pl.col("is_tolerated")).sum().alias("tolerated"),
    )  # fmt: skip
    about = by_scope(rows).group_by(place).agg(
        pl.col("service_id").is_null().sum().alias("nameless"), (pl.col("service_id").is_null() & failing).sum().alias("nameless_failing"),
        pl.col("truncated").fill_null(False).sum().alias("truncated"), pl.col("as_of").max().alias("looked_at"),
    )  # fmt: skip
    whole = rows.group_by("at", *of).agg(
        pl.col("enforcement").drop_nulls().unique().sort().str.join(", ").alias("enforcement"), pl.col("lists_passes").any()
    )  # fmt: skip
    missing = (
        active.join(rows.select("at", *of).unique(), on="at")
        .join(services.select("at", *of, "service_id"), on=["at", *of, "service_id"], how="anti", nulls_equal=True)
    )  # fmt: skip
    unknown = by_scope(missing).group_by(place).agg(pl.len().alias("unknown"))
    joined = counts
    for part in (about, unknown):
        joined = joined.join(part, on=place, how="full", coalesce=True, nulls_equal=True)
    numbers = [*STATUSES, "tolerated", "nameless", "nameless_failing", "truncated", "unknown"]
    empty = pl.when(pl.col("enforcement") != "").then("enforcement").alias("enforcement")
    return joined.join(whole, on=["at", *of], how="left", nulls_equal=True).with_columns(
        pl.col(numbers).fill_null(0), empty
    )
