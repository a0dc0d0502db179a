"""Whether the answers to a survey are others than in the wave before, and what may be said of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from idp_analytics.answers import Verdict
from idp_analytics.estimates import changes, ordinal, promoters
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.survey_groups import WITHHELD
from idp_analytics.metrics.survey_waves import WAVE
from idp_analytics.settings import Settings

FEW_MOVED = "so few people joined or left the team between the waves that a change would be theirs"
FIRST = "asked for the first time"
NEW_WORDING = "asked in other words than before: a new series"
FEW_SCORES = f"net promoter scores are compared from {promoters.TREND_N} answers in both waves"
UNSURE = "who did not answer could turn it either way"

Array = npt.NDArray[np.float64]


def compared(rows: pl.DataFrame, bands: pl.DataFrame, moved: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """``rows`` of ``survey_results`` with the change against the wave before, the verdict it allows and a caution.

    ``bands``: what :func:`survey_groups.levels` gives; ``moved``: what :func:`few_moved` gives. A question is compared with
    itself in the wave just before, in the same words; shares by Newcombe's interval (1998), scores by Rocks' (2016), answers
    by Brunner & Munzel's chance (2000). Nobody is corrected for how many there are: a change claims more than these answers.
    """
    level = settings.rules.level
    key = ["survey_id", "question_id", "option", "scope", "team_id"]
    held = bands.sort("answer_low").group_by(*WAVE, "question_id", "scope", "team_id", maintain_order=True).agg(
        pl.col("n").alias("_counts"), pl.format("{}-{}", "answer_low", "answer_high").str.join(" ").alias("_bands")
    )  # fmt: skip
    rows = rows.join(held, on=[*WAVE, "question_id", "scope", "team_id"], how="left", nulls_equal=True)
    used = ("k", "n", "headcount", "promoters", "detractors", "_counts", "_bands")
    before = rows.select(*key, (pl.col("number") + 1).alias("number"), *(pl.col(c).alias(f"{c}_before") for c in used))
    both = (
        rows.join(before, on=[*key, "number"], how="left", nulls_equal=True)
        .join(moved, on=[*WAVE, "team_id"], how="left", nulls_equal=True)
        .with_columns(pl.col("moved").fill_null(False))
    )
    earlier = (
        rows.select("survey_id", "item", pl.col("number"))
        .unique()
        .group_by("survey_id", "item")
        .agg(pl.col("number").min().alias("_first"))
    )
    both = both.join(earlier, on=["survey_id", "item"], how="left", nulls_equal=True)
    is_score = pl.col("kind") == "promoter"
    change, low, high = _changes(both, level)
    chance = _higher(both, level)
    blocked = both.select(pl.col("moved") & (pl.col("scope") == "team")).to_series().to_numpy()
    sound = ~blocked & ~np.isnan(change)
    numbers = zip(
        ("change", "change_low", "change_high", "higher", "higher_low", "higher_high"), (change, low, high, *chance), strict=True
    )  # fmt: skip
    told = both.with_columns(
        pl.Series(name, np.where(sound, values, np.nan)).fill_nan(None) for name, values in numbers
    )
    is_rated = told["kind"].is_in(["scale", "promoter"]).to_numpy()
    said = changes.verdict(
        np.where(sound, low, np.nan), np.where(sound, high, np.nan), 0.0, np.where(is_rated, "higher", "")
    )
    was_asked = pl.col("k_before").is_not_null()
    caution = pl.concat_str(
        pl.when("moved").then(pl.lit(FEW_MOVED)),
        pl.when(~was_asked & pl.col("question_id").is_not_null() & (pl.col("number") == pl.col("_first")) & (pl.col("number") > 1)).then(pl.lit(FIRST)),
        pl.when(~was_asked & (pl.col("version") > 1) & (pl.col("number") > pl.col("_first"))).then(pl.lit(NEW_WORDING)),
        pl.when(is_score & was_asked & pl.col("score").is_not_null() & pl.Series(np.isnan(change))).then(pl.lit(FEW_SCORES)),
        pl.when((pl.col("worst_high") - pl.col("worst_low")) > 0.5).then(pl.lit(UNSURE)),
        separator="; ", ignore_nulls=True,
    )  # fmt: skip
    return told.with_columns(
        pl.when(pl.col("detail") == WITHHELD).then(pl.lit(Verdict.SUPPRESSED.value))
        .when(pl.col("share").is_null()).then(pl.lit(Verdict.INSUFFICIENT_DATA.value))
        .otherwise(pl.Series(said.tolist(), dtype=pl.String)).alias("verdict"),
        pl.when((caution != "") & (pl.col("detail") != WITHHELD)).then(caution).alias("caution"),
    )  # fmt: skip


def _changes(both: pl.DataFrame, level: float) -> tuple[Array, Array, Array]:
    def of(name: str) -> Array:
        return both[name].cast(pl.Float64).fill_null(np.nan).to_numpy()

    share = changes.newcombe_difference(of("k"), of("n"), of("k_before"), of("n_before"), level)
    score = promoters.difference(
        of("promoters"),
        of("detractors"),
        of("n"),
        of("promoters_before"),
        of("detractors_before"),
        of("n_before"),
        level,
    )
    is_score = (both["kind"] == "promoter").to_numpy()
    return tuple(np.where(is_score, b, a) for a, b in zip(share, score, strict=True))  # type: ignore[return-value]


def _higher(both: pl.DataFrame, level: float) -> tuple[Array, Array, Array]:
    """The chance that an answer now is higher, where both waves show the same answers."""
    told = [np.full(both.height, np.nan) for _ in range(3)]
    alike = both.with_row_index("_row").filter(pl.col("_bands") == pl.col("_bands_before"))
    for size in alike["_counts"].list.len().unique().to_list():
        some = alike.filter(pl.col("_counts").list.len() == size)
        found = ordinal.higher(np.array(some["_counts_before"].to_list()), np.array(some["_counts"].to_list()), level)
        for whole, values in zip(told, found, strict=True):
            whole[some["_row"].to_numpy()] = values
    return told[0], told[1], told[2]


def few_moved(tables: Tables, settings: Settings, waves: pl.DataFrame) -> pl.DataFrame:
    """Teams of which some, but fewer than the least that may be shown, joined or left between a wave and the one before."""
    began, ends = pl.col("valid_from"), pl.col("valid_to")
    before = waves.select("survey_id", (pl.col("number") + 1).alias("number"), pl.col("opened_on").alias("_before"))
    spans = (
        waves.join(before, on=["survey_id", "number"])
        .drop_nulls(["opened_on", "_before"])
        .select(*WAVE, "opened_on", "_before")
    )

    def there(on: str) -> pl.Expr:
        member = (began.is_null() | (began <= pl.col(on))) & (ends.is_null() | (ends > pl.col(on)))
        employed = (pl.col("started_on").is_null() | (pl.col("started_on") <= pl.col(on))) & (
            pl.col("ended_on").is_null() | (pl.col("ended_on") >= pl.col(on))
        )
        return member & employed

    # Of those who could have answered, and gone from the team when gone from the company.
    people = tables["people"].select("person_id", "started_on", "ended_on", "is_bot", "is_developer")
    return (
        tables["memberships"].select("person_id", "team_id", "valid_from", "valid_to")
        .join(people, on="person_id", how="left")
        .filter(~pl.col("is_bot").fill_null(False), pl.col("is_developer").fill_null(True))
        .join(spans.lazy(), how="cross")
        .group_by(*WAVE, "team_id", "person_id")
        .agg(there("opened_on").any().alias("now"), there("_before").any().alias("then"))
        .group_by(*WAVE, "team_id")
        .agg((pl.col("now") != pl.col("then")).sum().alias("_moved"))
        .select(*WAVE, "team_id", pl.col("_moved").is_between(1, settings.rules.min_cohort - 1).alias("moved"))
        .collect()
    )  # fmt: skip
