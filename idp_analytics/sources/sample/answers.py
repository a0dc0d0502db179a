"""Answers to questions as rows of ``survey_responses``."""

from __future__ import annotations

import numpy as np
import polars as pl

from idp_analytics.settings.questions import Question, shipped_questions
from idp_analytics.sources.sample.draw import Bools, Floats
from idp_analytics.sources.sample.respondents import QUESTIONS


def numbers(who: pl.DataFrame, question: str, answers: Floats, given: Bools) -> pl.DataFrame:
    """One numeric answer to a question of each who gave one; numbers have no scale."""
    asked = QUESTIONS.get(question) or shipped_questions()[question]
    has_scale = asked.kind in ("scale", "promoter")
    return who.with_columns(
        pl.lit(question).alias("question_id"), pl.lit(0).alias("value_index"), pl.Series("value", answers + 0.0),
        pl.lit(asked.low if has_scale else None, dtype=pl.Float64).alias("scale_min"),
        pl.lit(asked.high if has_scale else None, dtype=pl.Float64).alias("scale_max"),
    ).filter(pl.Series(given))  # fmt: skip


def labels(who: pl.DataFrame, question: Question, chosen: Bools) -> pl.DataFrame:
    """Given answers; of several the place in the list is the index. ``chosen``: respondent × choice."""
    row, which = np.nonzero(chosen)
    place = np.cumsum(chosen, axis=1)[row, which] - 1
    return who.select(pl.all().gather(row)).with_columns(
        pl.lit(question.id).alias("question_id"),
        pl.Series("value_index", place),
        pl.Series("label", np.array(question.choices)[which], dtype=pl.String),
    )
