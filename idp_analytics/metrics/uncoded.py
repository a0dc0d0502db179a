"""Study ``uncoded``: what comments without a theme may be about, as lists of words for whoever keeps the codebook.

A list of words is no theme: somebody must read the comments and name it. And where another start of the search would find other
lists, there is nothing to name. Words that few people use are never listed; a name could be one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from idp_analytics.answers import ORG
from idp_analytics.estimates.clusters import grouped
from idp_analytics.metrics import survey_response, themes
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.survey_groups import full_from
from idp_analytics.settings import Settings

LEAST = 200
"""Fewer comments without a theme are read, not searched."""
STABLE = 0.7
"""The least stability from which lists are told."""
GROUPS = 5
WORDS = 6

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org
    "entity_id": pl.String,
    "n": pl.Int64,  # comments of all closed waves without a theme; null: too few to be told
    "stability": pl.Float64,  # mean adjusted Rand index over starts; null: not searched
    "group": pl.Int64,  # null: no lists, since too few or not stable
    "k": pl.Int64,  # comments in the group
    "words": pl.List(pl.String),  # most telling first
}
"""The columns of the study ``uncoded``, in order."""


def uncoded(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """One row per list of words (:data:`COLUMNS`), or one row that says how many comments there are and why there are no lists."""
    told = survey_response.answers(tables, settings, as_of).filter(
        pl.col("kind") == "open", pl.col("text").str.strip_chars().str.len_chars() > 0
    )
    # Neither leavers' comments nor those of waves with too few: less what the waves show, they would be told here.
    held = themes.quotable(tables, settings, as_of)
    told = told.join(held.select("response_id", "question_id").unique(), on=["response_id", "question_id"], how="semi")
    # In one order: where a start of k-means ends follows from it, and a join keeps none.
    without = themes.themed(told, settings).filter(~pl.col(themes.ANY)).sort("response_id", "question_id")
    least = full_from(settings)
    head: dict[str, object] = {"n": without.height if without.height >= least else None}
    if without.height < LEAST:
        return _shaped([head])
    words = (
        without.with_row_index("_text")
        .select("_text", "response_id", pl.col("text").str.to_lowercase().str.extract_all(r"\p{L}{3,}").alias("word"))
        .explode("word", empty_as_null=True)
        .drop_nulls("word")
        .unique()
    )
    common = words.group_by("word").agg(pl.col("response_id").n_unique().alias("people")).filter(
        pl.col("people") >= least, pl.col("people") <= without.height / 2
    ).sort("word")  # fmt: skip
    held = words.join(common.with_row_index("_word"), on="word").sort("_text", "_word")
    texts = held["_text"].unique().sort()
    if common.height < GROUPS or len(texts) < LEAST:
        return _shaped([head])
    row = held["_text"].replace_strict(texts, range(len(texts)), return_dtype=pl.Int64).to_numpy()
    # How telling a word is: the rarer the more (inverse document frequency).
    telling = np.log(without.height / held["people"].to_numpy())
    weights = csr_array((telling, (row, held["_word"].to_numpy())), shape=(len(texts), common.height))
    groups, stability = grouped(weights, GROUPS)
    if stability < STABLE:
        return _shaped([{**head, "stability": stability}])
    rows: list[dict[str, object]] = []
    for group in range(GROUPS):
        mine = groups == group
        if mine.sum() < least:
            continue
        inside, outside = (np.asarray(weights[chosen].mean(axis=0)).ravel() for chosen in (mine, ~mine))
        best = [
            place for place in np.argsort(-(inside - outside), kind="stable")[:WORDS] if inside[place] > outside[place]
        ]
        rows.append(
            {
                **head,
                "stability": stability,
                "group": len(rows) + 1,
                "k": int(mine.sum()),
                "words": common["word"].gather(best).to_list(),
            }
        )
    return _shaped(rows or [{**head, "stability": stability}])


def _shaped(rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    filled = [{**dict.fromkeys(COLUMNS), "scope": "org", "entity_id": ORG, **row} for row in rows]
    return pl.DataFrame(filled, schema=COLUMNS, orient="row")
