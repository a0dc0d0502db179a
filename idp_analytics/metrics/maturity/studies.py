"""Studies of maturity: the aspects of everybody, with what is seen beside what is said; cells, criteria, items; what thresholds decide.

The level that is seen and the level that is said are never averaged, nor are aspects: there is no one number for a team or the organisation.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics.estimates.adding import added
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.maturity import levels, self_levels
from idp_analytics.metrics.maturity.evidence import EXEMPT, NOT_APPLICABLE, STATES, criteria
from idp_analytics.settings import Settings

MORE, LESS, ALIKE, OPEN = "says more", "says less", "alike", "not decided"
"""What is said against what is seen: a level or more above in every case, as far below, less than a level apart in every case, or none of these."""
FEWEST = 3
"""Respondents from which the level they say is shown: of two it is the lower one's, which the other can tell."""
OF_TEAMS = 0.75
"""Share of teams that must have reached a level for most of them to have."""

ASPECTS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "aspect": pl.String,
    "title": pl.String,
    "is_assessed": pl.Boolean,
    "level": pl.Int64,  # seen; null: not assessed, or anything is possible
    "level_name": pl.String,
    "low": pl.Int64,
    "high": pl.Int64,
    "stress": pl.String,  # levels.KEPT …
    "capped_from": pl.Int64,
    "criteria": pl.Int64,
    "met": pl.Int64,
    "not_met": pl.Int64,
    "unknown": pl.Int64,
    "not_applicable": pl.Int64,
    "exempt": pl.Int64,
    "coverage": pl.Float64,  # weight measured ÷ weight applicable
    "confidence": pl.String,  # high | medium | low
    "doubts": pl.String,  # why not high
    "teams": pl.Int64,  # of the organisation: teams assessed
    "most_low": pl.Int64,  # the level three in four of them have reached at least; null: fewer teams than rules.min_cohort
    "most_high": pl.Int64,
    "wave": pl.String,  # of the self-assessment
    "self_level": pl.Int64,
    "self_low": pl.Int64,
    "self_high": pl.Int64,
    "respondents": pl.Int64,  # null: withheld
    "is_indicative": pl.Boolean,  # fewer than rules.min_cohort respondents
    "gap_low": pl.Int64,  # said less seen
    "gap_high": pl.Int64,
    "gap": pl.String,  # MORE …
    "model_version": pl.String,
    "fingerprint": pl.String,
}
"""The columns of the study ``maturity``, in order."""

CELLS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String, "entity_id": pl.String, "aspect": pl.String, "level": pl.Int64, "criteria": pl.Int64, "met": pl.Int64, "not_met": pl.Int64,
    "unknown": pl.Int64, "not_applicable": pl.Int64, "exempt": pl.Int64, "achieved": pl.Float64, "coverage": pl.Float64, "mark": pl.String,
    "lowest": pl.Float64, "highest": pl.Float64, "low_mark": pl.String, "high_mark": pl.String, "is_open": pl.Boolean,
    "critical_low": pl.Boolean, "critical_high": pl.Boolean,
}  # fmt: skip
"""The columns of the study ``maturity_cells`` (:func:`levels.cells`), in order."""

ITEMS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String, "entity_id": pl.String, "wave": pl.String, "number": pl.Int64, "aspect": pl.String, "item_id": pl.String,
    "n": pl.Int64, "said_1": pl.Int64, "said_2": pl.Int64, "said_3": pl.Int64, "said_4": pl.Int64, "unknown": pl.Int64, "not_applicable": pl.Int64,
    "item_level": pl.Int64,
}  # fmt: skip
"""The columns of the study ``maturity_items`` (:func:`self_levels.items`), in order."""

_ENTITY = ["scope", "entity_id"]
_KEY = [*_ENTITY, "aspect"]


def maturity_criteria(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Every criterion for everybody it is asked of (:data:`evidence.CRITERIA`)."""
    return criteria(tables, settings, as_of)


def maturity_cells(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Every cell, aspect × level, of everybody (:data:`CELLS`)."""
    found = levels.cells(criteria(tables, settings, as_of))
    return found.select(pl.col(name).cast(dtype) for name, dtype in CELLS.items())


def maturity_items(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """How answers to each item of the self-assessment are spread, where enough people answered (:data:`ITEMS`)."""
    found = self_levels.items(self_levels.answers(tables, settings, as_of), settings)
    return found.select(pl.col(name).cast(dtype) for name, dtype in ITEMS.items())


def maturity(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Every aspect of the organisation and of every team: what is seen and what is said, side by side (:data:`ASPECTS`)."""
    seen = criteria(tables, settings, as_of)
    given = self_levels.answers(tables, settings, as_of)
    said = self_levels.self_levels(given, settings.maturity, settings.rules.level)
    last = said.filter(pl.col("number") == pl.col("number").max().over(_ENTITY)).drop("number")
    return beside(seen, shown(last, settings.rules.min_cohort), settings)


def shown(said: pl.DataFrame, least: int) -> pl.DataFrame:
    """``said`` as far as it may be shown, with ``is_indicative``: of fewer than ``least`` respondents the level alone, for bounds would be somebody's own
    answers; of fewer than :data:`FEWEST` nothing. How many they were is told as far as it is of their agreement (:func:`self_levels.hidden`)."""
    few, alone = pl.col("respondents") < least, pl.col("respondents") < FEWEST
    level = pl.when(~alone).then("self_level")
    return self_levels.not_alike(said, least).with_columns(
        level.alias("self_level"), *(pl.when(few).then(level).otherwise(end).alias(end) for end in ("self_low", "self_high")),
        few.alias("is_indicative"), pl.when(~self_levels.hidden(least)).then("respondents").alias("respondents"),
    )  # fmt: skip


def beside(seen: pl.DataFrame, said: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Levels of ``seen`` criteria beside ``said`` levels (:func:`self_levels.self_levels`, one wave per entity): :data:`ASPECTS`."""
    model = settings.maturity
    titles = pl.DataFrame(
        [(i, a.id, a.title) for i, a in enumerate(model.aspects)], schema=["_at", "aspect", "title"], orient="row"
    )
    grid = seen.select(_ENTITY).unique(maintain_order=True).join(titles, how="cross")
    found = (
        grid.join(levels.levels(seen), on=_KEY, how="left")
        .join(_counts(seen), on=_KEY, how="left")
        .join(said, on=_KEY, how="left")
        .with_columns(pl.col("is_assessed").fill_null(False), pl.lit(model.version).alias("model_version"), pl.lit(model.fingerprint).alias("fingerprint"))
    )  # fmt: skip
    # So many teams may lie below the level that most have reached; of few teams it is not told.
    below = ((1 - OF_TEAMS) * pl.len()).floor().cast(pl.Int64)
    enough = pl.len() >= settings.rules.min_cohort
    assessed = found.filter(pl.col("scope") == "team", "is_assessed").group_by("aspect").agg(
        pl.len().alias("teams"), *(pl.when(enough).then(pl.col(end).sort().get(below)).alias(f"most_{end}") for end in ("low", "high"))
    ).with_columns(pl.lit("org").alias("scope"))  # fmt: skip
    low, high = pl.col("self_low") - pl.col("high"), pl.col("self_high") - pl.col("low")
    return (
        found.join(assessed, on=["aspect", "scope"], how="left")
        .with_columns(low.alias("gap_low"), high.alias("gap_high"))
        .with_columns(
            pl.col("level").replace_strict(dict(enumerate(model.level_names, 1)), default=None, return_dtype=pl.String).alias("level_name"),
            gap().alias("gap"), *_confidence(),
        )
        .sort("scope", "entity_id", "_at")
        .select(pl.col(name).cast(dtype) for name, dtype in ASPECTS.items())
    )  # fmt: skip


def _counts(seen: pl.DataFrame) -> pl.DataFrame:
    state, weight = pl.col("state"), pl.col("weight")
    applies = ~state.is_in([NOT_APPLICABLE, EXEMPT])
    return seen.group_by(_KEY).agg(
        pl.len().alias("criteria"), *((state == name).sum().alias(name.replace(" ", "_")) for name in STATES),
        (added(weight.filter(applies & pl.col("p").is_not_null())) / added(weight.filter(applies))).fill_nan(None).alias("coverage"),
    )  # fmt: skip


def gap() -> pl.Expr:
    """What is said against what is seen, by ``gap_low`` and ``gap_high``: :data:`MORE` …; null where either is not known."""
    return (
        pl.when(pl.col("gap_low").is_null() | pl.col("gap_high").is_null()).then(pl.lit(None, pl.String))
        .when(pl.col("gap_low") >= 1).then(pl.lit(MORE)).when(pl.col("gap_high") <= -1).then(pl.lit(LESS))
        .when((pl.col("gap_low") > -1) & (pl.col("gap_high") < 1)).then(pl.lit(ALIKE)).otherwise(pl.lit(OPEN))
    )  # fmt: skip


def _confidence() -> tuple[pl.Expr, pl.Expr]:
    """High, medium or low, and every reason why it is not high."""
    doubts = [
        (pl.col("coverage") < 0.5, "less than half is measured"),
        ((pl.col("coverage") >= 0.5) & (pl.col("coverage") < 0.8), "less than four fifths is measured"),
        (pl.col("high") - pl.col("low") >= 2, "levels far apart are possible"),
        (pl.col("high") - pl.col("low") == 1, "two levels are possible"),
        (pl.col("stress") == levels.UNTESTED, "not tested under stress"),
        (pl.col("stress") == levels.UNKNOWN_STRESS, "not known under stress"),
    ]  # fmt: skip
    worst = doubts[0][0] | doubts[2][0]
    any_of = pl.any_horizontal([holds.fill_null(False) for holds, _ in doubts])
    word = pl.when(~pl.col("is_assessed")).then(pl.lit(None, pl.String)).when(worst).then(pl.lit("low")).when(any_of).then(pl.lit("medium")).otherwise(pl.lit("high"))  # fmt: skip
    reasons = pl.concat_str(
        [pl.when(holds.fill_null(False)).then(pl.lit(reason)) for holds, reason in doubts], separator="; ", ignore_nulls=True
    )  # fmt: skip
    return word.alias("confidence"), pl.when(pl.col("is_assessed") & (reasons != "")).then(reasons).alias("doubts")
