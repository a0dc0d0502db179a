"""What people say of their own team: the self-assessment, item by item and aspect by aspect.

Levels are ordinal, so medians are taken and nothing is averaged. *Don't know* and *not applicable* are answers and no levels. Of fewer than
``rules.min_cohort`` respondents the study shows the level of an aspect alone, marked *indicative*, and of one or two nothing. As of any survey,
nothing is told of a wave before it is closed (:func:`closed`), and what comes later changes none of it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from scipy.stats import binom

from idp_analytics.answers import ORG
from idp_analytics.estimates import disclosure
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.observed import day_of
from idp_analytics.settings import Settings
from idp_analytics.settings.maturity_model import LEVELS, Model

LEAST_ITEMS = 0.6
"""Share of an aspect's items that must be answered for a level of it: 3 of 5."""

_ORG = "\0org"  # no team id has a zero byte: files with one are not read
_ENTITY = ["scope", "entity_id"]
_WAVE = ["wave", "number"]


def closed(given: pl.DataFrame, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """The rows of ``given`` (``wave``, ``submitted_at``) of waves that are closed, which each is so many days after its first form as any survey
    (``[survey] closes_after_days``), with ``opened_at``, and ``is_late``: sent after that."""
    opened = pl.col("submitted_at").min().over("wave").alias("opened_at")
    day = {
        name: pl.col(name).dt.convert_time_zone(settings.time_zone).dt.date() for name in ("opened_at", "submitted_at")
    }
    closed_on = day["opened_at"] + pl.duration(days=settings.survey.closes_after_days)
    last = day_of(as_of - timedelta(microseconds=1), settings.time_zone)
    return (
        given.with_columns(opened)
        .filter(closed_on <= last)
        .with_columns((day["submitted_at"] >= closed_on).alias("is_late"))
    )


def _sent(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Answers to items of the model in closed waves, with ``who`` gave them."""
    model = settings.maturity
    now = pl.lit(as_of.astimezone(UTC)).cast(pl.Datetime("us", "UTC"))
    items = pl.LazyFrame({"item_id": [i.id for i in model.items], "aspect": [i.aspect for i in model.items]}, schema={"item_id": pl.String, "aspect": pl.String})  # fmt: skip
    given = (
        tables["assessments"].filter(pl.col("submitted_at") < now, _whole(pl.col("model_version")) == _whole(pl.lit(model.edition)))
        .join(items, on="item_id").with_columns(pl.coalesce("respondent_id", "assessment_id").alias("who")).collect()
    )  # fmt: skip
    return closed(given, settings, as_of)


def late(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Per ``wave`` that is closed how many forms came after that (``late``), which count in nothing."""
    sent = _sent(tables, settings, as_of)
    return sent.group_by("wave").agg(pl.col("assessment_id").filter("is_late").n_unique().cast(pl.Int64).alias("late"))


def answers(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Answers known at ``as_of`` to items of the model, given in time to a wave that is closed, latest form of a respondent in it: ``respondent``,
    ``wave``, ``number`` (1 first), ``team_id``, ``item_id``, ``aspect``, ``level`` (null: don't know or not applicable), ``answer``.

    Answers to another model, or to one whose version begins with another number, are to other questions, and left out.
    """
    given = _sent(tables, settings, as_of).filter(~pl.col("is_late"))
    order = (
        given.group_by("wave").agg(pl.col("opened_at").first()).sort("opened_at", "wave").with_row_index("number", 1)
    )
    return (
        given.sort("submitted_at", "assessment_id")
        .unique(["wave", "team_id", "who", "item_id"], keep="last", maintain_order=True)
        .join(order.select("wave", pl.col("number").cast(pl.Int64)), on="wave")
        .with_columns(pl.col("answer").cast(pl.Int64, strict=False).alias("level"))
        .select(pl.concat_str("team_id", "who", separator="\x1f").alias("respondent"), "wave", "number", "team_id", "item_id", "aspect", "level", "answer")
        .sort("number", "team_id", "respondent", "item_id")
    )  # fmt: skip


def with_roles(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """:func:`answers` with the ``role`` as which each respondent answered last in the wave; null: not told."""
    sent = _sent(tables, settings, as_of).filter(~pl.col("is_late")).sort("submitted_at", "assessment_id")
    roles = sent.unique(["wave", "team_id", "who"], keep="last", maintain_order=True).select("wave", "role", pl.concat_str("team_id", "who", separator="\x1f").alias("respondent"))  # fmt: skip
    return answers(tables, settings, as_of).join(roles, on=["wave", "respondent"], how="left", maintain_order="left")


def _whole(edition: pl.Expr) -> pl.Expr:
    """The edition of a model up to the first number of its version: ``1`` of ``1.0.0``, ``ours@2`` of ``ours@2.1``."""
    return edition.str.extract(r"^((?:.*@)?[^.]*)")


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
    """One row per aspect of one entity and wave: ``self_level`` with ``self_low`` and ``self_high``, ``respondents``, ``self_items`` answered.

    An item's level is the lower median over respondents, an aspect's the lower median over its items, of which three of five must have an
    answer. Bounds: the interval by order statistics for the median of the respondents' own levels (Conover 1999), from lowest to highest (``is_outermost``)
    where they are too few for one.
    """
    told = by_scope(given).drop_nulls("level")
    place = [*_ENTITY, *_WAVE, "aspect"]
    of_item = told.group_by(*place, "item_id").agg(lower_median("level").alias("item_level"))
    needed = pl.DataFrame(
        {"aspect": [a.id for a in model.aspects], "_needed": [LEAST_ITEMS * sum(i.aspect == a.id for i in model.items) for a in model.aspects]},
        schema={"aspect": pl.String, "_needed": pl.Float64},
    )  # fmt: skip
    enough = pl.col("self_items") >= pl.col("_needed") - 1e-9
    whole = of_item.group_by(place).agg(
        lower_median("item_level").alias("self_level"), pl.len().cast(pl.Int64).alias("self_items")
    ).join(needed, on="aspect")  # fmt: skip
    own = (
        told.group_by(*place, "respondent").agg(lower_median("level").alias("own"), pl.len().alias("self_items")).join(needed, on="aspect")
        .group_by(place).agg(pl.col("own").filter(enough).sort(), pl.len().cast(pl.Int64).alias("respondents"))
    )  # fmt: skip
    found = whole.join(own, on=place)
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
        pl.Series("is_outermost", rank == 0),
    ).drop("own", "_rank", "_needed").sort(place)  # fmt: skip


def not_alike(said: pl.DataFrame, least: int) -> pl.DataFrame:
    """``said`` (:func:`self_levels`) as it may be told: where all of fewer than twice ``least`` said one level and the bounds would tell, they are what
    they were if one of them had said the level below (of the lowest: above)."""
    bare = pl.col("is_outermost") & (pl.col("self_low") == pl.col("self_high"))
    told = bare & (pl.col("respondents") < 2 * least)
    level, lowest = pl.col("self_level"), min(LEVELS)
    return said.with_columns(
        pl.when(told).then(pl.max_horizontal(level - 1, lowest)).otherwise("self_low").alias("self_low"),
        pl.when(told).then(pl.max_horizontal(level, lowest + 1)).otherwise("self_high").alias("self_high"),
    ).drop("is_outermost")  # fmt: skip


def hidden(least: int) -> pl.Expr:
    """Whose ``respondents`` are withheld, per ``wave`` and ``aspect``: of fewer than ``least``; and of all teams, where the few are not, together, enough
    to hide one another. Of one respondent nothing is known of agreement, so that one more alone would be told by the others."""
    is_team, people = pl.col("scope") == "team", pl.col("respondents")
    few = is_team & (people < least)

    def over(value: pl.Expr) -> pl.Expr:
        return value.sum().over("wave", "aspect")

    teams, several = over(few.cast(pl.Int64)), over((few & (people > 1)).cast(pl.Int64))
    bare = (teams < 2) | (several == 1) | (over(people * few) < least)
    return (people < least) | (is_team & (teams > 0) & bare)


def items(given: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """One row per item, entity and wave: ``n``, ``said_1`` … ``said_4``, ``unknown``, ``not_applicable``, ``item_level``.

    Only where twice ``rules.min_cohort`` respondents answered, and where no subtraction of groups leaves fewer, or some who are all in one half of
    the levels (:func:`disclosure.shown`). Never by role: a team less those of one role may be one person.
    """
    place = [*_WAVE, "aspect", "item_id"]
    level = pl.col("level")
    counts = by_scope(given).group_by("scope", "entity_id", *place).agg(
        pl.len().cast(pl.Int64).alias("n"), *((pl.col("answer") == str(n)).sum().cast(pl.Int64).alias(f"said_{n}") for n in (1, 2, 3, 4)),
        *((pl.col("answer") == word).sum().cast(pl.Int64).alias(word) for word in ("unknown", "not_applicable")), lower_median("level").alias("item_level"),
        (level <= 2).sum().cast(pl.Int64).alias("lower"), (level > 2).sum().cast(pl.Int64).alias("upper"), level.is_null().sum().cast(pl.Int64).alias("none"),
    )  # fmt: skip
    is_team = pl.col("scope") == "team"
    groups = counts.with_columns(
        pl.when(is_team).then("entity_id").otherwise(pl.lit(_ORG)).alias("group"), pl.when(is_team).then(pl.lit(_ORG)).alias("whole"),
        pl.lit(True).alias("may"), pl.lit(True).alias("spreads"),
    )  # fmt: skip
    told = disclosure.shown(
        groups, ["lower", "upper", "none"], place, 2 * settings.rules.min_cohort, secret=["lower", "upper"]
    )
    return told.filter("is_shown").sort("scope", "entity_id", *place)
