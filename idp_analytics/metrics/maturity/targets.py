"""Study ``maturity_targets``: how far each level is that somebody has set out to reach, and by when.

How much of a target is there is told as OWASP SAMM tells it (percent to target): of what the levels up to it ask, the part that is met. As
everywhere, counted once as if all that is unknown were not met and once as if it were.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import polars as pl

from idp_analytics.estimates.adding import added
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.maturity.evidence import EXEMPT, MET, NOT_APPLICABLE, UNKNOWN, criteria
from idp_analytics.metrics.maturity.levels import levels
from idp_analytics.settings import Settings
from idp_analytics.settings.maturity_model import Model

REACHED, AHEAD, OPEN = "reached", "not reached", "cannot be told"

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "aspect": pl.String,
    "title": pl.String,
    "target": pl.Int64,  # the level
    "by": pl.Date,
    "reason": pl.String,
    "is_due": pl.Boolean,  # its day has come
    "level": pl.Int64,  # seen; null: not assessed, or anything is possible
    "low": pl.Int64,
    "high": pl.Int64,
    "gap_low": pl.Int64,  # levels to go at least: 0 where it may be reached
    "gap_high": pl.Int64,  # and at most
    "state": pl.String,  # REACHED …
    "asked": pl.Int64,  # criteria up to the target that apply
    "there_low": pl.Float64,  # share of their weight that is met for certain
    "there_high": pl.Float64,  # and with all that is unknown
}
"""The columns of the study, in order."""

_KEY = ["scope", "entity_id", "aspect"]


def maturity_targets(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Every target of the organisation and of every team, with how far it is (:data:`COLUMNS`); none set: no rows."""
    return gaps(criteria(tables, settings, as_of), settings, as_of)


def targets(seen: pl.DataFrame, model: Model) -> pl.DataFrame:
    """``scope``, ``entity_id``, ``aspect``, ``title``, ``target``, ``by``, ``reason`` of everybody in ``seen``; a team's own target before that of
    all teams."""
    titles = {aspect.id: aspect.title for aspect in model.aspects}
    told = pl.DataFrame(
        [
            ("team" if t.team or t.of_teams else "org", t.team, t.aspect, titles[t.aspect], t.level, t.by, t.reason, order)
            for order, t in enumerate(model.targets)
        ],
        schema={
            "scope": pl.String, "_team": pl.String, "aspect": pl.String, "title": pl.String, "target": pl.Int64, "by": pl.Date, "reason": pl.String,
            "_order": pl.Int64,
        },
        orient="row",
    )  # fmt: skip
    whose = seen.select("scope", "entity_id").unique(maintain_order=True)
    theirs = pl.col("_team").is_null() | (pl.col("_team") == pl.col("entity_id"))
    return (
        whose.join(told, on="scope", maintain_order="left_right")
        .filter(theirs)
        .sort(*_KEY, pl.col("_team").is_null(), "_order")
        .unique(_KEY, keep="first", maintain_order=True)
        .drop("_team", "_order")
    )


def gaps(seen: pl.DataFrame, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """The same of a frame of :data:`evidence.CRITERIA`."""
    today = as_of.astimezone(UTC).astimezone(ZoneInfo(settings.time_zone)).date()
    wanted = targets(seen, settings.maturity)
    state, weight = pl.col("state"), pl.col("weight")
    applies = ~state.is_in([NOT_APPLICABLE, EXEMPT])
    whole = added(weight.filter(applies))
    there = (
        seen.join(wanted.select(*_KEY, "target"), on=_KEY)
        .filter(pl.col("level") <= pl.col("target"))
        .group_by(_KEY)
        .agg(
            applies.sum().alias("asked"),
            (added(weight.filter(state == MET)) / whole).fill_nan(None).alias("there_low"),
            (added(weight.filter(state.is_in([MET, UNKNOWN]))) / whole).fill_nan(None).alias("there_high"),
        )
    )
    low, high, target = pl.col("low"), pl.col("high"), pl.col("target")
    return (
        wanted.join(levels(seen), on=_KEY, how="left", maintain_order="left")
        .join(there, on=_KEY, how="left", maintain_order="left")
        .with_columns(
            (pl.col("by") <= today).alias("is_due"), pl.max_horizontal(target - high, 0).alias("gap_low"),
            pl.max_horizontal(target - low, 0).alias("gap_high"),
            pl.when(low >= target).then(pl.lit(REACHED)).when(high < target).then(pl.lit(AHEAD)).otherwise(pl.lit(OPEN)).alias("state"),
        )
        .with_columns(pl.when(low.is_not_null()).then(name).alias(name) for name in ("gap_low", "gap_high"))
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )  # fmt: skip
