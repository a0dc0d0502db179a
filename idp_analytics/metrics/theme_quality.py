"""Study ``theme_quality``: how well the codebook tells a theme, measured against people who read the same comments."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.estimates import agreement, shares
from idp_analytics.metrics import themes
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.survey_waves import WAVE
from idp_analytics.settings import Settings

SOUND = 0.667
"""Krippendorff's (2004) least alpha from which even tentative conclusions are drawn."""
LEAST = 30
"""Fewer comments read by two people measure nothing."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org
    "entity_id": pl.String,
    "theme": pl.String,
    "title": pl.String,
    "version": pl.Int64,  # of the codebook
    "n": pl.Int64,  # comments that two people or more read
    "people": pl.Int64,  # of them, with the theme as at least half of who read them say
    "words": pl.Int64,  # of them, with the theme as the codebook says
    "both": pl.Int64,
    "precision": pl.Float64,  # both ÷ words: of what the codebook finds, how much is there
    "precision_low": pl.Float64,
    "precision_high": pl.Float64,
    "recall": pl.Float64,  # both ÷ people: of what is there, how much the codebook finds
    "recall_low": pl.Float64,
    "recall_high": pl.Float64,
    "level": pl.Float64,
    "alpha": pl.Float64,  # Krippendorff, nominal, of the people and the codebook
    "alpha_low": pl.Float64,
    "alpha_high": pl.Float64,
    "is_sound": pl.Boolean,  # alpha and n suffice to give the theme as a reason; null: not measured
}
"""The columns of the study ``theme_quality``, in order."""

NONE = "none"
"""The theme by which a person says that a comment has none."""


def theme_quality(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """One row per theme of the codebook (:data:`COLUMNS`), over all comments that two people or more have coded, of waves and
    questions whose comments with this theme may be counted (no leavers'): less what the others show, a wave that is withheld would be told here.
    From :data:`LEAST` comments, and nothing at all of fewer (``n`` is 0).

    Shares: Wilson 1927. A theme that no such comment has, by people or by words, has null where its share would stand.
    """
    book = settings.codebook
    told = themes.quotable(tables, settings, as_of).with_row_index("_place")
    counted = themes.shown(tables, settings, as_of).filter(pl.col("scope") == "org").drop_nulls("k")
    coded = (
        tables["comment_codes"].collect()
        .join(told.select("response_id", "question_id", "_place"), on=["response_id", "question_id"])
        .select("_place", "coder", "theme")
        .unique()
    )  # fmt: skip
    readers = coded["coder"].unique().sort().to_list()
    read = (
        coded.group_by("_place")
        .agg(pl.col("coder").n_unique().alias("readers"))
        .filter(pl.col("readers") >= 2)
        .sort("_place")
    )
    held = told.join(read, on="_place").sort("_place")
    rows: list[dict[str, object]] = []
    # Themes of as many comments are measured on the same draws.
    drawn: dict[int, agreement.Array] = {}
    for theme in book.themes:
        mine = held.join(counted.filter(option=theme.id), on=[*WAVE, "question_id"], how="semi", maintain_order="left")
        # A handful of comments would be told one by one: what is in them.
        if mine.height < LEAST:
            rows.append(_unmeasured(theme.id, theme.title, settings))
            continue
        if mine.height not in drawn:
            drawn = {mine.height: agreement.drawn_again(mine.height)}
        times = drawn[mine.height]
        rows.append(_row(theme.id, theme.title, mine, coded, readers, settings.rules.level, times))
    return pl.DataFrame(rows, schema_overrides=COLUMNS, orient="row").with_columns(
        pl.lit(book.version).alias("version"), pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id")
    ).select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items()) if rows else pl.DataFrame(schema=COLUMNS)  # fmt: skip


def _unmeasured(name: str, title: str, settings: Settings) -> dict[str, object]:
    return {**dict.fromkeys(COLUMNS), "theme": name, "title": title, "n": 0, "level": settings.rules.level}


def _row(
    name: str,
    title: str,
    held: pl.DataFrame,
    coded: pl.DataFrame,
    readers: list[str],
    level: float,
    times: agreement.Array,
) -> dict[str, object]:
    """One theme: a rating of 1 or 0 per comment and reader (nan: did not read it), the codebook being the last of them."""
    found = coded.filter(theme=name).select("_place", "coder").with_columns(pl.lit(1.0).alias("has"))
    seen = (
        coded.select("_place", "coder")
        .unique()
        .join(found, on=["_place", "coder"], how="left")
        .with_columns(pl.col("has").fill_null(0.0))
    )
    ratings = np.full((held.height, len(readers) + 1), np.nan)
    for column, reader in enumerate(readers):
        mine = held.select("_place").join(seen.filter(coder=reader), on="_place", how="left", maintain_order="left")
        ratings[:, column] = mine["has"].fill_null(float("nan")).to_numpy()
    ratings[:, -1] = held[name].cast(pl.Float64).to_numpy()
    by_people = np.nanmean(ratings[:, :-1], axis=1) >= 0.5 if held.height else np.zeros(0, bool)
    by_words = ratings[:, -1] == 1
    both, people, words = int((by_people & by_words).sum()), int(by_people.sum()), int(by_words.sum())
    alpha = agreement.krippendorff(ratings, "nominal", level=level, times=times)
    told: dict[str, object] = {
        "theme": name,
        "title": title,
        "n": held.height,
        "people": people,
        "words": words,
        "both": both,
        "level": level,
    }
    for which, whole in (("precision", words), ("recall", people)):
        low, high = (_known(float(end)) for end in shares.wilson(both, whole, level))
        told |= {which: both / whole if whole else None, f"{which}_low": low, f"{which}_high": high}
    value = _known(alpha.value)
    return told | {
        "alpha": value, "alpha_low": _known(alpha.low), "alpha_high": _known(alpha.high),
        "is_sound": value is not None and value >= SOUND,
    }  # fmt: skip


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
