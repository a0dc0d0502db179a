"""What people say of their own team: the self-assessment, item by item and aspect by aspect.

Levels are ordinal, so medians are taken and nothing is averaged. *Don't know* and *not applicable* are answers and no levels. Of fewer than
``rules.min_cohort`` respondents the study shows the level of an aspect alone, marked *indicative*, and of one or two nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
from scipy.stats import binom

from idp_analytics.answers import ORG
from idp_analytics.estimates.adding import averaged
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings
from idp_analytics.settings.maturity_model import Model

LEAST_ITEMS = 0.6
"""Share of an aspect's items that must be answered for a level of it: 3 of 5."""

_ENTITY = ["scope", "entity_id"]
_WAVE = ["wave", "number"]


def answers(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Answers known at ``as_of`` to items of the model, latest form of a respondent in a wave: ``assessment_id``, ``wave``, ``number`` (1 first),
    ``team_id``, ``role``, ``item_id``, ``aspect``, ``level`` (null: don't know or not applicable), ``answer``.

    Answers to a model whose version begins with another number are to other questions, and left out.
    """
    model = settings.maturity
    now = pl.lit(as_of.astimezone(UTC)).cast(pl.Datetime("us", "UTC"))
    items = pl.LazyFrame({"item_id": [i.id for i in model.items], "aspect": [i.aspect for i in model.items]}, schema={"item_id": pl.String, "aspect": pl.String})  # fmt: skip
    given = (
        tables["assessments"].filter(pl.col("submitted_at") < now, pl.col("model_version").str.split(".").list.first() == model.version.split(".")[0])
        .join(items, on="item_id").collect()
    )  # fmt: skip
    order = (
        given.group_by("wave")
        .agg(pl.col("submitted_at").min())
        .sort("submitted_at", "wave")
        .with_row_index("number", 1)
    )
    who = pl.coalesce("respondent_id", "assessment_id").alias("who")
    return (
        given.with_columns(who).sort("submitted_at", "assessment_id")
        .unique(["wave", "team_id", "who", "item_id"], keep="last", maintain_order=True)
        .join(order.select("wave", pl.col("number").cast(pl.Int64)), on="wave")
        .with_columns(pl.col("answer").cast(pl.Int64, strict=False).alias("level"))
        .select(pl.concat_str("team_id", "who", separator="\x1f").alias("respondent"), "wave", "number", "team_id", "role", "item_id", "aspect", "level", "answer")
        .sort("number", "team_id", "respondent", "item_id")
    )  # fmt: skip


def lower_median(column: str) -> pl.Expr:
    """The lower of the two middle levels: never one that nobody said."""
    return pl.col(column).quantile(0.5, interpolation="lower").cast(pl.Int64)


def by_scope(frame: pl.DataFrame) -> pl.DataFrame:
    """``frame`` once for the organisation and once for its teams."""
    return pl.concat(
        [
            frame.with_columns(pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id")),
            frame.with_columns(pl.lit("team").alias("scope"), pl.col("team_id").alias("entity_id")),
        ]
    )


def self_levels(given: pl.DataFrame, model: Model, level: float) -> pl.DataFrame:
    """One row per aspect of one entity and wave: ``self_level`` with ``self_low`` and ``self_high``, ``respondents``, ``self_items`` answered,
    ``deviation``, ``contradictions``.

    An item's level is the lower median over respondents, an aspect's the lower median over its items, of which three of five must have an
    answer. Bounds: the interval by order statistics for the median of the respondents' own levels (Conover 1999), from lowest to highest where they are
    too few for one. ``deviation``: mean distance from the median of an item, over items (AD index, Burke & Dunlap 2002: up to 0.67 is agreement).
    ``contradictions``: respondents who gave two answers that hardly go together.
    """
    told = by_scope(given).drop_nulls("level")
    place = [*_ENTITY, *_WAVE, "aspect"]
    of_item = told.group_by(*place, "item_id").agg(
        lower_median("level").alias("item_level"), averaged((pl.col("level") - pl.col("level").median()).abs()).alias("item_deviation"), pl.len().alias("said")
    )  # fmt: skip
    needed = pl.DataFrame(
        {"aspect": [a.id for a in model.aspects], "_needed": [LEAST_ITEMS * sum(i.aspect == a.id for i in model.items) for a in model.aspects]},
        schema={"aspect": pl.String, "_needed": pl.Float64},
    )  # fmt: skip
    enough = pl.col("self_items") >= pl.col("_needed") - 1e-9
    whole = of_item.group_by(place).agg(
        lower_median("item_level").alias("self_level"), pl.len().cast(pl.Int64).alias("self_items"),
        pl.when(pl.col("said").max() > 1).then(averaged(pl.col("item_deviation").filter(pl.col("said") > 1))).alias("deviation"),
    ).join(needed, on="aspect")  # fmt: skip
    own = (
        told.group_by(*place, "respondent").agg(lower_median("level").alias("own"), pl.len().alias("self_items")).join(needed, on="aspect")
        .group_by(place).agg(pl.col("own").filter(enough).sort(), pl.len().cast(pl.Int64).alias("respondents"))
    )  # fmt: skip
    found = whole.join(own, on=place).join(_contradicting(given, model), on=[*_ENTITY, *_WAVE], how="left")
    n = found["own"].list.len().to_numpy()
    # Rank of the lower bound of the median; none so low: the lowest answer there is.
    rank = np.maximum(binom.ppf((1 - level) / 2, np.maximum(n, 1), 0.5).astype(int) - 1, 0)
    bounds = found.with_columns(pl.Series("_rank", rank, pl.Int64)).with_columns(
        pl.col("own").list.get(pl.col("_rank"), null_on_oob=True).alias("self_low"),
        pl.col("own").list.get(pl.col("own").list.len().cast(pl.Int64) - 1 - pl.col("_rank"), null_on_oob=True).alias("self_high"),
    )  # fmt: skip
    return bounds.with_columns(
        pl.when(enough).then("self_level").alias("self_level"),
        *(pl.when(enough).then(end).alias(name) for name, end in (
            ("self_low", pl.min_horizontal("self_low", "self_level")), ("self_high", pl.max_horizontal("self_high", "self_level")),
        )),
        pl.col("contradictions").fill_null(0),
    ).drop("own", "_rank", "_needed").sort(place)  # fmt: skip


def _contradicting(given: pl.DataFrame, model: Model) -> pl.DataFrame:
    """Respondents per entity and wave who contradict themselves at least once."""
    key = ["respondent", "team_id", *_WAVE]
    parts = [pl.DataFrame(schema={**{name: given.schema[name] for name in key}})]
    for one in model.contradictions:
        first, second = (
            given.filter(pl.col("item_id") == item, pl.col("level").is_between(low, high)).select(key)
            for item, low, high in zip(one.items, one.low, one.high, strict=True)
        )
        parts.append(first.join(second, on=key, how="semi"))
    return by_scope(pl.concat(parts).unique(key)).group_by(*_ENTITY, *_WAVE).agg(pl.len().cast(pl.Int64).alias("contradictions"))  # fmt: skip


def items(given: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """One row per item, entity, wave and role (null: all): ``n``, ``said_1`` … ``said_4``, ``unknown``, ``not_applicable``, ``item_level``.

    Only where at least ``rules.min_cohort`` respondents answered; a role only where the others are as many too, so that none follows by subtraction.
    """
    whole = by_scope(given)
    counts = [
        pl.len().cast(pl.Int64).alias("n"), *((pl.col("answer") == str(n)).sum().cast(pl.Int64).alias(f"said_{n}") for n in (1, 2, 3, 4)),
        *((pl.col("answer") == word).sum().cast(pl.Int64).alias(word) for word in ("unknown", "not_applicable")), lower_median("level").alias("item_level"),
    ]  # fmt: skip
    place = [*_ENTITY, *_WAVE, "aspect", "item_id"]
    least = settings.rules.min_cohort
    both = (
        whole.group_by(place)
        .agg(counts)
        .with_columns(pl.lit(None, pl.String).alias("role"))
        .filter(pl.col("n") >= least)
    )
    roles = whole.filter(pl.col("scope") == "org").group_by(*place, "role").agg(counts)
    # All roles of an item or none: a small one would follow from the whole and the others.
    large = (pl.col("n").min().over(place) >= least) & pl.col("role").is_not_null().all().over(place)
    return pl.concat([both, roles.filter(large).select(both.columns)]).sort(*place, "role", nulls_last=False)
