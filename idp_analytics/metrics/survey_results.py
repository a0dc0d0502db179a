"""Studies ``survey_results`` and ``survey_answers``: what people answered, wave by wave, as far as it may be shown.

Two questions are told apart. *What do these people say now*: the interval of a share knows how many could have answered
(finite population correction) and shrinks to nothing where all did; beside it stands what those who did not answer could make
of it. *Does it change*: the interval of a change does not, since a change claims more than this wave's answers.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.estimates import ordinal, promoters, shares
from idp_analytics.metrics import survey_change, survey_groups, survey_response, survey_waves
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.remembered import remembered
from idp_analytics.metrics.survey_waves import QUESTION, WAVE
from idp_analytics.settings import Settings

RESPONSE = "response"
"""The ``kind`` of the row that says how many of a group answered at all."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,  # null: respondents of no known team, always withheld
    "survey_id": pl.String,
    "wave": pl.String,
    "number": pl.Int64,  # 1 for the first wave of its survey
    "opened_on": pl.Date,
    "closed_on": pl.Date,
    "question_id": pl.String,  # null: the response to the wave
    "item": pl.String,
    "version": pl.Int64,
    "title": pl.String,
    "kind": pl.String,  # response | scale | promoter | several | choice
    "part": pl.String,
    "subject": pl.String,
    "option": pl.String,  # the given answer
    "answer_low": pl.Float64,  # the ends of the scale
    "answer_high": pl.Float64,
    "favourable": pl.Float64,  # the lowest answer that is favourable
    "detail": pl.String,  # answers | favourable | withheld
    "headcount": pl.Int64,  # who could have answered; null: not known
    "n": pl.Int64,  # answers
    "k": pl.Int64,  # favourable, who gave this answer, or who answered at all
    "share": pl.Float64,  # k ÷ n; of the response k ÷ headcount
    "low": pl.Float64,  # of what the group's people say now (finite population)
    "high": pl.Float64,
    "worst_low": pl.Float64,  # whatever those who did not answer would say
    "worst_high": pl.Float64,
    "level": pl.Float64,
    "median": pl.Float64,
    "median_low": pl.Float64,
    "median_high": pl.Float64,
    "score": pl.Float64,  # net promoter score, −100 to 100
    "score_low": pl.Float64,
    "score_high": pl.Float64,
    "change": pl.Float64,  # of the share against the wave before, same question and version; of a promoter question: of the score
    "change_low": pl.Float64,
    "change_high": pl.Float64,
    "higher": pl.Float64,  # the chance that an answer now is higher than one of the wave before
    "higher_low": pl.Float64,
    "higher_high": pl.Float64,
    "verdict": pl.String,
    "caution": pl.String,
}
"""The columns of the study ``survey_results``, in order."""

ANSWER_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,
    "entity_id": pl.String,
    "survey_id": pl.String,
    "wave": pl.String,
    "question_id": pl.String,
    "answer_low": pl.Float64,  # the answers put together here: from
    "answer_high": pl.Float64,  # to
    "is_favourable": pl.Boolean,
    "n": pl.Int64,
    "share": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
}
"""The columns of the study ``survey_answers``, in order."""


@remembered
def survey_results(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """One row per wave, group and question with an order, per given answer, and one for the response (:data:`COLUMNS`).

    Closed waves only. Shares: Wilson with finite population correction (Wilson 1927; Cochran 1977); worst case: Manski 1989;
    median: order statistics; score: adjusted Wald (Rocks 2016); change of a share: Newcombe 1998; higher: Brunner & Munzel 2000.
    Verdict: of the change, *suppressed* where withheld, *insufficient data* where nobody answered.
    """
    answers, level = survey_response.answers(tables, settings, as_of), settings.rules.level
    counts, bands = survey_response.levels(tables, settings, as_of)
    responses = survey_response.response(answers, survey_waves.headcounts(tables, settings, as_of), settings)
    shown = survey_groups.padded(survey_groups.shown(counts), survey_response.there(responses, answers, tables))
    waves = survey_waves.waves(tables, settings, as_of).filter("is_closed")
    moved = survey_change.few_moved(tables, settings, waves)
    rows = _estimated(_rows(answers, pl.concat([shown, responses]), tables, settings, as_of), level)
    rows = _ranked(rows, bands, level)
    rows = survey_change.compared(rows, bands, moved, settings)
    return rows.sort("survey_id", "number", "scope", "team_id", "question_id", "option", nulls_last=False).select(
        (_entity() if name == "entity_id" else pl.lit(level) if name == "level" else pl.col(name)).cast(dtype).alias(name)
        for name, dtype in COLUMNS.items()
    )  # fmt: skip


def _rows(
    answers: pl.DataFrame, counts: pl.DataFrame, tables: Tables, settings: Settings, as_of: datetime
) -> pl.DataFrame:
    """``counts`` (:data:`survey_groups.COUNTED`) with what is known of their questions, waves and groups."""
    waves = survey_waves.waves(tables, settings, as_of).filter("is_closed")
    heads = survey_waves.headcounts(tables, settings, as_of)
    asked = (
        answers.select(*WAVE, *QUESTION)
        .unique([*WAVE, "question_id"])
        .select(
            *WAVE,
            "question_id",
            "item",
            "version",
            "title",
            "kind",
            "part",
            "subject",
            pl.col("low").alias("answer_low"),
            pl.col("high").alias("answer_high"),
            "favourable",
        )
    )
    return (
        counts.join(asked, on=[*WAVE, "question_id"], how="left")
        .join(waves.select(*WAVE, "number", "opened_on", "closed_on"), on=WAVE)
        .join(heads, on=[*WAVE, "team_id"], how="left", nulls_equal=True)
        .with_columns(
            pl.when(pl.col("question_id").is_null()).then(pl.lit(RESPONSE)).otherwise("kind").alias("kind"),
            # People of no known team have no headcount: the one without a team is the organisation's.
            pl.when((pl.col("scope") == "org") | pl.col("team_id").is_not_null()).then("headcount").alias("headcount"),
        )
    )  # fmt: skip


def survey_answers(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """How many gave which answer, one row per group that may show it, question with an order, and answer (:data:`ANSWER_COLUMNS`).

    Share of the question's answers, with Wilson's interval (1927) for whether it would come out so again.
    """
    bands = survey_response.levels(tables, settings, as_of)[1]
    level = settings.rules.level
    whole = pl.col("n").sum().over(*WAVE, "question_id", "scope", "team_id")
    told = bands.with_columns(whole.alias("_whole"))
    low, high = shares.wilson(told["n"].to_numpy(), told["_whole"].to_numpy(), level)
    return told.with_columns(
        (pl.col("n") / pl.col("_whole")).alias("share"), pl.Series("low", low), pl.Series("high", high)
    ).select(
        (_entity() if name == "entity_id" else pl.lit(level) if name == "level" else pl.col(name)).cast(dtype).alias(name)
        for name, dtype in ANSWER_COLUMNS.items()
    )  # fmt: skip


def _entity() -> pl.Expr:
    return pl.when(pl.col("scope") == "org").then(pl.lit(ORG)).otherwise("team_id")


def _estimated(rows: pl.DataFrame, level: float) -> pl.DataFrame:
    """With the share, its interval and the worst case; the response is counted, not estimated."""
    k, n, heads = (rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in ("k", "n", "headcount"))
    is_response = (rows["kind"] == RESPONSE).to_numpy()
    low, high = shares.wilson_finite(k, n, np.where(is_response, n, heads), level)
    worst = shares.worst_case(k, n, np.where(is_response, np.nan, heads))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(n > 0, k / n, np.nan)
    named = zip(("share", "low", "high", "worst_low", "worst_high"), (share, low, high, *worst), strict=True)
    return rows.with_columns(pl.Series(name, values).fill_nan(None) for name, values in named)


def _ranked(rows: pl.DataFrame, bands: pl.DataFrame, level: float) -> pl.DataFrame:
    """With the median and its interval where it is one answer, and the net promoter score."""
    key = [*WAVE, "question_id", "scope", "team_id"]
    wide = bands.sort("answer_low").group_by(key, maintain_order=True).agg("n", "answer_low", "answer_high")
    sizes = wide["n"].list.len().unique().sort().to_list()
    found = []
    for size in sizes:  # questions of as many answers at once
        some = wide.filter(pl.col("n").list.len() == size)
        held = np.array(some["n"].to_list())
        # The places of the middle answers, then the answers that stand there: none where several were put together.
        places = ordinal.median(held, np.arange(size), level)
        lows, highs = np.array(some["answer_low"].to_list()), np.array(some["answer_high"].to_list())
        across = np.arange(len(held))

        def answer(
            place: np.ndarray, rows: np.ndarray = across, ends: tuple[np.ndarray, np.ndarray] = (lows, highs)
        ) -> np.ndarray:
            lower, upper = (np.nan_to_num(f(place)).astype(int) for f in (np.floor, np.ceil))
            low, high = ends
            whole = (low[rows, lower] == high[rows, lower]) & (low[rows, upper] == high[rows, upper])
            return np.where(np.isnan(place) | ~whole, np.nan, (low[rows, lower] + low[rows, upper]) / 2)

        told = zip(("median", "median_low", "median_high"), map(answer, places), strict=True)
        found.append(some.select(key).with_columns(pl.Series(name, values).fill_nan(None) for name, values in told))
    medians = pl.concat(found) if found else wide.select(key).with_columns(
        pl.lit(None, pl.Float64).alias(name) for name in ("median", "median_low", "median_high")
    )  # fmt: skip
    (bad, _), (good, _) = (promoters.DETRACTORS[1], None), (promoters.PROMOTERS[0], None)
    thirds = bands.group_by(key).agg(
        pl.col("n").filter(pl.col("answer_low") >= good).sum().alias("promoters"),
        pl.col("n").filter(pl.col("answer_high") <= bad).sum().alias("detractors"),
    )
    joined = rows.join(medians, on=key, how="left", nulls_equal=True).join(thirds, on=key, how="left", nulls_equal=True)
    is_score = (joined["kind"] == "promoter").to_numpy()
    p, d, n = (
        np.where(is_score, joined[c].cast(pl.Float64).fill_null(np.nan).to_numpy(), np.nan)
        for c in ("promoters", "detractors", "n")
    )
    scores = promoters.score(p, d, np.nan_to_num(n), level)
    scored = zip(("score", "score_low", "score_high"), scores, strict=True)
    whole = joined.with_columns(pl.Series(name, values).fill_nan(None) for name, values in scored)
    middle = ("median", "median_low", "median_high")
    return whole.with_columns(pl.when(pl.col("kind") == "scale").then(pl.col(*middle)))
