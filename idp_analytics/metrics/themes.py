"""Study ``themes``: what comments are about, by a codebook of words, and how well those words do beside people.

A comment has as many themes as its words tell. How many comments have none is said (``coverage``), and where people coded the same
comments, how often the codebook found what they found: precision, recall and Krippendorff's alpha over people and codebook
together. A theme the codebook does not tell well is not given as a reason for anything (``is_sound``).

No comment is shown, nor any part of one.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl

from idp_analytics.answers import ORG, Verdict
from idp_analytics.estimates import changes, shares
from idp_analytics.metrics import survey_groups, survey_response, survey_waves
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.remembered import of_last_moment
from idp_analytics.metrics.survey_groups import WITHHELD
from idp_analytics.metrics.survey_waves import WAVE
from idp_analytics.settings import Settings

ANY = "any theme"
"""The ``theme`` of the row that says how many comments have one at all."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,  # null: commenters of no known team, always withheld
    "survey_id": pl.String,
    "wave": pl.String,
    "number": pl.Int64,
    "closed_on": pl.Date,
    "question_id": pl.String,
    "version": pl.Int64,  # of the codebook
    "theme": pl.String,
    "title": pl.String,
    "subject": pl.String,
    "detail": pl.String,  # answers | withheld
    "n": pl.Int64,  # comments
    "k": pl.Int64,  # with this theme
    "share": pl.Float64,
    "low": pl.Float64,  # Wilson
    "high": pl.Float64,
    "level": pl.Float64,
    "change": pl.Float64,  # against the wave before, Newcombe
    "change_low": pl.Float64,
    "change_high": pl.Float64,
    "verdict": pl.String,
}
"""The columns of the study ``themes``, in order."""

_TABLE = [*WAVE, "question_id", "option"]


@of_last_moment
def comments(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Comments of closed waves (none of those who leave) with one Boolean column per theme of the codebook, and ``any theme``; the text itself is left behind.

    ``response_id``, ``survey_id``, ``wave``, ``team_id``, ``is_open``, ``question_id``. Answers of one response to one question are one comment.
    """
    told = (
        survey_response.answers(tables, settings, as_of)
        .filter(pl.col("kind") == "open", pl.col("text").str.strip_chars().str.len_chars() > 0)
        .group_by("response_id", *WAVE, "team_id", "is_open", "question_id", maintain_order=True)
        .agg(pl.col("text").str.join("\n"))
    )
    return themed(told, settings).drop("text")


def themed(frame: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """``frame`` with a Boolean column for every theme that its column ``text`` may have, and :data:`ANY`."""
    found = []
    for theme in settings.codebook.themes:
        has = pl.col("text").str.contains(theme.pattern)
        found.append((has & ~pl.col("text").str.contains(theme.exception) if theme.exception else has).alias(theme.id))
    whole = frame.with_columns(found)
    names = [theme.id for theme in settings.codebook.themes]
    return whole.with_columns(pl.any_horizontal(names).alias(ANY) if names else pl.lit(False).alias(ANY))


@of_last_moment
def shown(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """How many of the :func:`comments` have each theme (``option``), per group that may show it (:data:`survey_groups.COUNTED`)."""
    names = [theme.id for theme in settings.codebook.themes]
    rows = comments(tables, settings, as_of).unpivot(
        on=[*names, ANY], index=["response_id", *WAVE, "team_id", "is_open", "question_id"], variable_name="option", value_name="hit"
    )  # fmt: skip
    return survey_groups.shown(survey_groups.of_hits(rows, settings))


def quotable(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """:func:`comments` of the waves and questions of which the whole may be shown: what is counted over all of them,
    less what each shows, must not be what those that are withheld said."""
    told = comments(tables, settings, as_of)
    whole = shown(tables, settings, as_of).filter(pl.col("scope") == "org", pl.col("option") == ANY).drop_nulls("k")
    return told.join(whole.select(*WAVE, "question_id"), on=[*WAVE, "question_id"], how="semi")


def themes(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """How many comments of a wave have each theme, of all comments, per group that may show it (:data:`COLUMNS`).

    From twice ``rules.min_cohort`` comments, and only where no subtraction tells of fewer (:mod:`survey_groups`). Wilson 1927,
    Newcombe 1998. More mentions are neither better nor worse, so the verdict of a change is *not identified*.
    """
    told = comments(tables, settings, as_of)
    counts = survey_groups.padded(shown(tables, settings, as_of), _there(tables, settings, as_of, told))
    waves = survey_waves.waves(tables, settings, as_of).select(*WAVE, "number", "closed_on")
    known = pl.DataFrame(
        [(theme.id, theme.title, theme.subject) for theme in settings.codebook.themes] + [(ANY, ANY, None)],
        schema={"option": pl.String, "title": pl.String, "subject": pl.String}, orient="row",
    )  # fmt: skip
    key = ["survey_id", "question_id", "option", "scope", "team_id"]
    before = counts.join(waves, on=WAVE).select(
        *key, (pl.col("number") + 1).alias("number"), pl.col("k").alias("k0"), pl.col("n").alias("n0")
    )
    both = (
        counts.join(waves, on=WAVE)
        .join(known, on="option")
        .join(before, on=[*key, "number"], how="left", nulls_equal=True)
    )
    level = settings.rules.level
    k, n, k0, n0 = (both[c].cast(pl.Float64).fill_null(np.nan).to_numpy() for c in ("k", "n", "k0", "n0"))
    low, high = shares.wilson(k, n, level)
    change = changes.newcombe_difference(k, n, k0, n0, level)
    named = {"low": low, "high": high, **dict(zip(("change", "change_low", "change_high"), change, strict=True))}
    return both.with_columns(
        (pl.col("k") / pl.col("n")).alias("share"), *(pl.Series(name, values).fill_nan(None) for name, values in named.items()),
        pl.when(pl.col("scope") == "org").then(pl.lit(ORG)).otherwise("team_id").alias("entity_id"),
        pl.when(pl.col("detail") == WITHHELD).then(pl.lit(Verdict.SUPPRESSED.value)).otherwise(pl.lit(Verdict.NOT_IDENTIFIED.value)).alias("verdict"),
        pl.lit(settings.codebook.version).alias("version"), pl.col("option").alias("theme"), pl.lit(level).alias("level"),
    ).sort("survey_id", "number", "question_id", "scope", "team_id", "option", nulls_last=False).select(
        pl.col(name).cast(dtype) for name, dtype in COLUMNS.items()
    )  # fmt: skip


def _there(tables: Tables, settings: Settings, as_of: datetime, told: pl.DataFrame) -> pl.DataFrame:
    """Teams that may have written: whether anybody in a small one did is not told."""
    answers = survey_response.answers(tables, settings, as_of)
    responses = survey_response.response(answers, survey_waves.headcounts(tables, settings, as_of), settings)
    return survey_response.there(responses, told, tables)
