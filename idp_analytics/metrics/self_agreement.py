"""Study ``self_agreement``: how far the people of a team see it alike, and how much they do not know.

Two questions are kept apart: *agreement* of people about one team (here), and whether the questions measure anything, which a few forms
cannot tell. Both coefficients compare within a team only: that teams differ is no disagreement.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics.estimates.adding import averaged
from idp_analytics.estimates.shares import wilson
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.maturity.self_levels import answers, by_scope, hidden, late
from idp_analytics.settings import Settings
from idp_analytics.settings.maturity_model import Model

STEPS = 4
AGREE = STEPS / 6
"""Average deviation up to which agreement may be spoken of (Burke & Dunlap 2002)."""
AT_RANDOM = (STEPS**2 - 1) / 12
"""Variance of answers given at random, each level as likely."""

COLUMNS: dict[str, type[pl.DataType]] = {
    "scope": pl.String, "entity_id": pl.String, "wave": pl.String, "number": pl.Int64, "aspect": pl.String, "respondents": pl.Int64,
    "teams": pl.Int64, "items": pl.Int64, "n": pl.Int64, "levels": pl.Int64, "unknown": pl.Int64, "not_applicable": pl.Int64,
    "missing": pl.Int64, "unknown_share": pl.Float64, "low": pl.Float64, "high": pl.Float64, "level": pl.Float64, "rated": pl.Int64,
    "deviation": pl.Float64, "within_group": pl.Float64, "agrees": pl.Boolean, "contradicting": pl.Int64, "is_indicative": pl.Boolean,
    "is_withheld": pl.Boolean, "late": pl.Int64,
}  # fmt: skip
"""The columns of the study, in order."""

_WAVE = ["scope", "entity_id", "wave", "number"]
_FORM = ["wave", "number", "team_id", "respondent"]


def self_agreement(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """One row per wave, entity (org, team) that took part in it, and aspect (null: all of them).

    ``number``: of the wave, 1 the first. ``respondents``, ``teams``, ``items`` asked; ``n`` answers, of them ``levels``, ``unknown`` and
    ``not_applicable``; ``missing``: questions left without any. ``unknown_share``: of what applies (levels and unknown), with Wilson's
    interval at ``level``, as if answers of one person told nothing of one another. ``rated``: items of one team that ``rules.min_cohort``
    people of it gave a level (two at least); over them ``deviation``, the mean distance from the item's median in levels (AD index; ``agrees``: at
    most a sixth of the levels), and ``within_group``, r*wg: 1 is perfect agreement, 0 that of answering at random, below it camps. Null where none
    was. Where all of fewer than twice ``rules.min_cohort`` said the same, both count as if one of them were a level off, in the item, so in the
    aspect, the team and the organisation: what all of few said, each of them said. ``contradicting``: respondents who gave answers that hardly go
    together (all aspects only), told from twice ``rules.min_cohort`` respondents.

    ``is_indicative``: fewer respondents than ``rules.min_cohort``. Of them nothing is told, not even how many they are (``is_withheld``: values are
    null), for how far two agree tells either what the other said; nor of any team where that would follow from the whole and the other teams.
    ``late``: of the organisation, forms that came after the wave was closed, which count in nothing.
    """
    model, least = settings.maturity, settings.rules.min_cohort
    given = answers(tables, settings, as_of)
    if not given.height:
        return pl.DataFrame(schema=COLUMNS)
    aspects: list[str | None] = [None, *(aspect.id for aspect in model.aspects)]
    number = [sum(name in (None, item.aspect) for item in model.items) for name in aspects]
    asked = pl.DataFrame({"aspect": aspects, "items": number}, schema={"aspect": pl.String, "items": pl.Int64})
    people = _places(given, whole=True).group_by(_WAVE).agg(
        pl.col("respondent").n_unique().cast(pl.Int64).alias("respondents"), pl.col("team_id").n_unique().alias("teams")
    )  # fmt: skip
    is_level = pl.col("level").is_not_null()
    counted = _places(given).group_by(*_WAVE, "aspect").agg(
        pl.len().cast(pl.Int64).alias("n"), is_level.sum().cast(pl.Int64).alias("levels"),
        *((pl.col("answer") == word).sum().cast(pl.Int64).alias(word) for word in ("unknown", "not_applicable")),
    )  # fmt: skip
    alike = _places(_spread(given, least)).group_by(*_WAVE, "aspect").agg(
        pl.len().alias("rated"), averaged(pl.col("deviation")).alias("deviation"), averaged(pl.col("variance")).alias("variance")
    )  # fmt: skip
    found = (
        people.join(asked, how="cross")
        .join(counted, on=[*_WAVE, "aspect"], how="left", nulls_equal=True)
        .join(alike, on=[*_WAVE, "aspect"], how="left", nulls_equal=True)
        .join(_contradicting(given, model), on=_WAVE, how="left")
        .with_columns(pl.col("n", "levels", "unknown", "not_applicable", "rated", "contradicting").fill_null(0))
        .sort("scope", "entity_id", "number", "aspect", nulls_last=False)
    )
    applies = found["levels"] + found["unknown"]
    low, high = wilson(found["unknown"].to_numpy(), applies.to_numpy(), settings.rules.level)
    is_hidden = pl.col("is_withheld")
    found = found.with_columns(
        (pl.col("respondents") * pl.col("items") - pl.col("n")).alias("missing"),
        pl.when(applies > 0).then(pl.col("unknown") / applies).alias("unknown_share"),
        pl.Series("low", low, nan_to_null=True), pl.Series("high", high, nan_to_null=True),
        pl.lit(settings.rules.level).alias("level"),
        (1 - pl.col("variance") / AT_RANDOM).alias("within_group"),
        (pl.col("deviation") <= AGREE).alias("agrees"),
        (pl.col("respondents") < least).alias("is_indicative"),
        hidden(least).alias("is_withheld"),
        hidden(2 * least).alias("_is_few"),
    )  # fmt: skip
    values = ["respondents", *list(COLUMNS)[list(COLUMNS).index("n") : list(COLUMNS).index("contradicting")]]
    return found.join(late(tables, settings, as_of), on="wave", how="left", maintain_order="left").with_columns(
        pl.when(pl.col("scope") == "org").then("late").alias("late"),
        pl.when(pl.col("aspect").is_null() & ~is_hidden & ~pl.col("_is_few")).then("contradicting").alias("contradicting"),
        *(pl.when(~is_hidden).then(name).alias(name) for name in values if name != "level"),
    ).select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())  # fmt: skip


def _spread(given: pl.DataFrame, least: int) -> pl.DataFrame:
    """How far people of one team are apart on one item that ``least`` of them gave a level. One of n a level off lies 1 ÷ n from the median on average,
    and the variance is 1 ÷ n too: less than that is not told of fewer than twice ``least``."""
    level, raters = pl.col("level"), pl.len()
    floor = pl.when(raters < 2 * least).then(1 / raters).otherwise(0.0)
    return (
        given.drop_nulls("level").group_by("wave", "number", "team_id", "aspect", "item_id")
        .agg(
            # Rounded, so that its last digit does not tell a floor from a variance that is as large.
            pl.max_horizontal(averaged((level - level.median()).abs()), floor).alias("deviation"),
            pl.max_horizontal(level.var(), floor).round(12).alias("variance"), raters.alias("raters"),
        )
        .filter(pl.col("raters") >= max(least, 2))
    )  # fmt: skip


def _places(frame: pl.DataFrame, whole: bool = False) -> pl.DataFrame:
    """``frame`` once for the organisation and once for its teams, each by aspect and (``whole``: only) over all."""
    over_all = frame.with_columns(pl.lit(None, pl.String).alias("aspect"))
    return by_scope(over_all if whole else pl.concat([frame, over_all]))


def _contradicting(given: pl.DataFrame, model: Model) -> pl.DataFrame:
    """Respondents of each entity and wave who contradict themselves once or more."""
    parts = [given.select(_FORM).clear()]
    for rule in model.contradictions:
        first, second = (
            given.filter(pl.col("item_id") == item, pl.col("level").is_between(low, high)).select(_FORM)
            for item, low, high in zip(rule.items, rule.low, rule.high, strict=True)
        )
        parts.append(first.join(second, on=_FORM, how="semi"))
    odd = pl.concat(parts).unique(_FORM)
    return _places(odd, whole=True).group_by(_WAVE).agg(pl.len().cast(pl.Int64).alias("contradicting"))
