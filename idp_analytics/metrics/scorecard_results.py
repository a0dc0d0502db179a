"""What scorecards say of services at a moment: the verdict of each rule on each service, the levels services have come to, and their points.

Nobody else's rule is applied twice: where a tool tells the level of a service, that is it. Where it does not, a service has come to a level when it passes
every rule of it and of those below, as all these tools count; what a rule says nothing of leaves that open instead of failing it.
"""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from idp_analytics.estimates.adding import added
from idp_analytics.metrics import last_looks
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.period_ends import UTC_TIME
from idp_analytics.tables.facts import LEVEL_SAID

STATES = ("failed", "partial", "unknown", "exempt", "passed", "not_applicable")
"""How a service stands with a rule: the first that any of its resources has."""

STATE_TOOLS = ("backstage", "cortex", "opslevel", "port")
"""Tools whose export is what is now. OpenSSF Scorecard tells of one run on one repository."""

CARD = ["tool", "scorecard"]
RULE = [*CARD, "rule"]
KEY = ["source", *RULE, "resource"]


def standing(tables: Tables, as_of: datetime, moments: pl.DataFrame) -> pl.DataFrame:
    """The results that hold at each of ``moments`` (``at``): ``tool``, ``scorecard``, ``rule``, ``resource``, ``service_id`` (null: of no known service), ``at``, ``as_of``,
    ``category``, ``level_name``, ``level_number``, ``state`` (:data:`STATES`), ``score``, ``score_most``, ``weight``, ``load_id``, ``source_row``."""
    now = pl.lit(as_of.astimezone(UTC)).cast(UTC_TIME)
    known = tables["scorecard_results"].filter(pl.col("as_of") < now).with_columns(pl.col("state").fill_null("unknown")).collect()  # fmt: skip
    held = last_looks.standing(known, KEY, ["source", *CARD], pl.col("tool").is_in(list(STATE_TOOLS)), moments)
    return held.select(
        *RULE, "resource", "service_id", "at", "as_of", "category", pl.col("level").alias("level_name"), "level_number", "state", "score", "score_most", "weight",
        "load_id", "source_row",
    )  # fmt: skip


def rules(held: pl.DataFrame) -> pl.DataFrame:
    """The rules of each card at each moment with what is last said of each: ``at``, ``tool``, ``scorecard``, ``rule``, ``category``, ``level_name``, ``level_number``."""
    about = ("category", "level_name", "level_number")
    return (
        held.filter(pl.col("rule") != LEVEL_SAID).sort("as_of", "resource").group_by("at", *RULE)
        .agg(pl.col(name).drop_nulls().last() for name in about).sort("at", *CARD, "level_number", "rule", nulls_last=True)
    )  # fmt: skip


def verdicts(held: pl.DataFrame) -> pl.DataFrame:
    """``at``, ``tool``, ``scorecard``, ``rule``, ``service_id``, ``state``, ``score`` (the least of its resources; null: not told): how each service stands with each rule."""
    worst = pl.col("state").cast(pl.Enum(STATES)).min().cast(pl.String)
    own = held.filter(pl.col("rule") != LEVEL_SAID, pl.col("service_id").is_not_null())
    return own.group_by("at", *RULE, "service_id").agg(
        worst.alias("state"), pl.when(pl.col("score").is_not_null().all()).then(pl.col("score").min()).alias("score")
    )  # fmt: skip


def reached(held: pl.DataFrame) -> pl.DataFrame:
    """``at``, ``tool``, ``scorecard``, ``service_id``, ``is_told`` (by the tool itself), ``surely_below`` and ``possibly_below``: the lowest level a service has not come to, counted
    once as if all that is unknown were not passed and once as if it were; null: none stands in its way. Only of cards that have levels."""
    of = ["at", *CARD, "service_id"]
    own = held.drop_nulls("service_id")
    said = own.filter(pl.col("rule") == LEVEL_SAID).group_by(of).agg((pl.col("level_number").min() + 1).alias("_told")).drop_nulls("_told")  # fmt: skip
    asked = rules(held).filter(pl.col("level_number") > 0).select("at", *RULE, "level_number")
    every = own.select(of).unique().join(asked, on=["at", *CARD]).join(
        verdicts(held), on=[*of, "rule"], how="left"
    ).with_columns(pl.col("state").fill_null("unknown"))  # fmt: skip
    number, state = pl.col("level_number"), pl.col("state")
    by_rules = every.group_by(of).agg(
        number.filter(state.is_in(["failed", "partial", "unknown"])).min().alias("surely_below"),
        number.filter(state.is_in(["failed", "partial"])).min().alias("possibly_below"),
    )  # fmt: skip
    both = by_rules.join(said, on=of, how="full", coalesce=True)
    is_told = pl.col("_told").is_not_null()
    return both.select(
        *of, is_told.alias("is_told"),
        *(pl.when(is_told).then("_told").otherwise(name).alias(name) for name in ("surely_below", "possibly_below")),
    ).sort(of)  # fmt: skip


def ladders(held: pl.DataFrame) -> pl.DataFrame:
    """The levels above the one that everything has: ``at``, ``tool``, ``scorecard``, ``level_number``, ``level_name`` (null: not told)."""
    return (
        held.filter(pl.col("level_number") > 0).sort("as_of", "resource", "rule").group_by("at", *CARD, "level_number")
        .agg(pl.col("level_name").drop_nulls().last()).sort("at", *CARD, "level_number")
    )  # fmt: skip


def points(held: pl.DataFrame) -> pl.DataFrame:
    """``at``, ``tool``, ``scorecard``, ``service_id``, ``share`` (points of a service as the tool tells them, ÷ the most there are; the least of its resources), ``if_none`` and ``if_all``:
    that share if every check that could not tell had none of its points, or all (null: checks have none); ``most``. Only of cards that give points."""
    of = ["at", *CARD, "service_id", "resource"]
    own = held.drop_nulls("service_id").with_columns((pl.col("score") / pl.col("score_most")).fill_nan(None).alias("_share"))  # fmt: skip
    told = own.filter(pl.col("rule") == LEVEL_SAID).select(*of, pl.col("_share").alias("_told"), pl.col("score_most").alias("most"))  # fmt: skip
    weighs = (pl.col("rule") != LEVEL_SAID) & (pl.col("score_most") > 0) & (pl.col("weight") > 0)
    weight, share = pl.col("weight"), pl.col("_share")
    known = weight.filter(share.is_not_null())
    of_checks = own.filter(weighs).sort("rule").group_by(of).agg(
        (added(weight * share) / added(known)).fill_nan(None).alias("_own"), (added(weight * share) / added(weight)).alias("if_none"),
        (added(weight * share.fill_null(1.0)) / added(weight)).alias("if_all"), pl.col("score_most").max().alias("_most"),
    )  # fmt: skip
    both = told.join(of_checks, on=of, how="full", coalesce=True)
    return (
        both.with_columns(pl.coalesce("_told", "_own").alias("share"), pl.coalesce("most", "_most").alias("most"))
        .filter(pl.col("share").is_not_null() | pl.col("if_none").is_not_null())
        .group_by("at", *CARD, "service_id").agg(pl.col("share", "if_none", "if_all", "most").min())
        .sort("at", *CARD, "service_id")
    )  # fmt: skip
