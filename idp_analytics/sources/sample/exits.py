"""Interviews of those who leave, with known reasons."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from idp_analytics.periods import floor, label
from idp_analytics.settings.questions import shipped_questions
from idp_analytics.sources.sample.answers import labels, numbers
from idp_analytics.sources.sample.company import World
from idp_analytics.sources.sample.draw import DAY, HOUR, instants, stream
from idp_analytics.sources.sample.respondents import EXITS

EXIT_REASONS = (0.35, 0.30, 0.15, 0.50, 0.25, 0.20, 0.10, 0.08)
"""Probability of each given answer to ``exit-reasons@1``."""
EXIT_ANSWERS = 0.85
EXIT_WORDS = (
    "Waiting less and building more.",
    "A say in what we build.",
    "Somebody to hand the pager to.",
    "More pay, to be honest.",
)


def exits(world: World) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Interviews of developers who left, and how often each reason was given."""
    rng = stream(world.seed, "exits")
    gone = world.people.filter(pl.col("is_developer") & (pl.col("ended_day") < world.days))
    asked = gone.filter(pl.Series(rng.random(gone.height) < EXIT_ANSWERS))
    n, questions = asked.height, shipped_questions()
    on = [world.start + timedelta(days=int(day)) for day in asked["ended_day"]]
    who = pl.DataFrame(
        {
            "response_id": [f"exit-{number:04d}" for number in range(1, n + 1)],
            "team_id": world.teams["team_id"].gather(asked["team_after"]),
            "submitted_at": instants(world.opening + asked["ended_day"].to_numpy() * DAY + 10 * HOUR),
            "wave": pl.Series([label(floor(day, "1q"), "1q") for day in on], dtype=pl.String),
        }
    ).with_columns(pl.lit(EXITS).alias("survey_id"))
    reasons = questions["exit-reasons@1"]
    given = rng.random((n, len(EXIT_REASONS))) < np.array(EXIT_REASONS)
    given[~given.any(axis=1), -1] = True
    back = np.clip(np.round(rng.normal(5.0, 2.2, n)), 0, 10)
    words = who.filter(pl.Series(rng.random(n) < 0.6, dtype=pl.Boolean))
    words = words.with_columns(
        pl.lit("exit-comment@1").alias("question_id"), pl.lit(0).alias("value_index"),
        pl.Series("text", [EXIT_WORDS[i] for i in rng.integers(0, len(EXIT_WORDS), words.height)], dtype=pl.String),
    )  # fmt: skip
    rows = pl.concat(
        [labels(who, reasons, given), numbers(who, "would-return@1", back, np.ones(n, dtype=np.bool_)), words],
        how="diagonal_relaxed",
    )
    counted = dict(zip(reasons.choices, given.sum(axis=0).tolist(), strict=True))
    return rows, {
        "left": gone.height,
        "answered": n,
        "reasons": counted,
        "probability": dict(zip(reasons.choices, EXIT_REASONS, strict=True)),
    }
