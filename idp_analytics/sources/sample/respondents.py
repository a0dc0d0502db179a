"""The company's survey, one respondent at a time, as the survey tools write it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

HEADINGS = {
    "satisfaction@1": "All in all, how satisfied are you with the platform?",
    "ease-of-deployment@1": "How easy is it to deploy?",
    "documentation@1": "How good is the documentation?",
    "approval-wait@1": "How acceptable is the wait for approvals?",
    "recommend@1": "Would you recommend the platform to a colleague?",
    "blockers@1": "What held you up?",
}
"""Our question → its heading."""

SCALES = {question: "0-10" if question == "recommend@1" else "1-5" for question in HEADINGS if question != "blockers@1"}
"""Our question → its scale; what held somebody up has several answers and none."""

BLOCKERS = ("flaky builds", "missing documentation", "slow approvals", "slow environments", "unclear ownership")
SURVEY = "developer-experience"


@dataclass(frozen=True)
class Respondent:
    """One response: ``answers`` by question, each a whole number or words."""

    native: str
    wave: str
    team: str | None
    person: str | None
    submitted_at: datetime
    answers: Mapping[str, tuple[Any, ...]]


def respondents(tables: Mapping[str, pl.DataFrame]) -> list[Respondent]:
    """Every response, in the order in which they came."""
    found: dict[str, Respondent] = {}
    answers: dict[str, dict[str, tuple[Any, ...]]] = {}
    for row in (
        tables["survey_responses"]
        .sort("submitted_at", "response_id", "question_id", "value_index")
        .iter_rows(named=True)
    ):
        native = row["response_id"]
        given = answers.setdefault(native, {})
        word = row["label"] if row["value"] is None else int(row["value"])
        given[row["question_id"]] = (*given.get(row["question_id"], ()), word)
        found.setdefault(
            native, Respondent(native, row["wave"], row["team_id"], row["person_id"], row["submitted_at"], given)
        )
    return list(found.values())


def told(
    tables: Mapping[str, pl.DataFrame], ids: Mapping[str, str], has_columns: bool = False
) -> dict[str, pl.DataFrame]:
    """All answers, under the ids that the tool's responses have (ours → the reader's).

    ``has_columns``: the tool has a column per option, so that several answers come in the order of those.
    """
    rows = tables["survey_responses"].drop("source", "load_id", "source_row", strict=False)
    if has_columns:
        place = pl.col("label").replace_strict(BLOCKERS, range(len(BLOCKERS)), default=0)
        index = place.rank("ordinal").over("response_id", "question_id").cast(pl.Int64) - 1
        rows = rows.with_columns(index.alias("value_index"))
    return {"survey_responses": rows.with_columns(pl.col("response_id").replace_strict(ids, return_dtype=pl.String))}
