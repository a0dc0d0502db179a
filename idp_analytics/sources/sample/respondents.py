"""The company's survey, one respondent at a time, as the survey tools write it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl

from idp_analytics.settings.questions import Question, shipped, shipped_questions
from idp_analytics.sources import survey_forms

SURVEY, EXITS = (one.id for one in shipped())

REWORDED = replace(
    shipped_questions()["documentation@1"],
    id="documentation@2", version=2, wording="Do you find what you look for in the documentation?",
    ends=("never", "always"),
)  # fmt: skip
"""What the company asked from the middle of the year on instead of ``documentation@1``."""

QUESTIONS: dict[str, Question] = {
    one.id: one
    for asked in shipped()[0].questions
    for one in ((asked, REWORDED) if asked.id == "documentation@1" else (asked,))
}
"""Everything that was ever asked, in order."""


@dataclass(frozen=True)
class Respondent:
    """One response: ``answers`` by question, each a number or words."""

    native: str
    wave: str
    team: str | None
    person: str | None
    submitted_at: datetime
    answers: Mapping[str, tuple[Any, ...]]

    def said(self, question: Question) -> str:
        """The first answer to a question as text; empty: none."""
        return str(next(iter(self.answers.get(question.id, ())), ""))


def options(kind: str) -> dict[str, Any]:
    """The options that read all that was ever asked."""
    return {"people": "keep", **survey_forms.reading(kind, SURVEY, tuple(QUESTIONS.values()))}


def _mine(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Answers to the survey; people who leave are asked by other means."""
    return tables["survey_responses"].filter(pl.col("survey_id") == SURVEY)


def asked(tables: Mapping[str, pl.DataFrame]) -> list[Question]:
    """What was asked in these waves, in order."""
    known = set(_mine(tables)["question_id"])
    return [question for name, question in QUESTIONS.items() if name in known]


def respondents(tables: Mapping[str, pl.DataFrame]) -> list[Respondent]:
    """Every response, in the order in which they came."""
    found: dict[str, Respondent] = {}
    answers: dict[str, dict[str, tuple[Any, ...]]] = {}
    rows = _mine(tables).sort("submitted_at", "response_id", "question_id", "value_index")
    for row in rows.iter_rows(named=True):
        native = row["response_id"]
        given = answers.setdefault(native, {})
        word = (row["label"] or row["text"]) if row["value"] is None else int(row["value"])
        given[row["question_id"]] = (*given.get(row["question_id"], ()), word)
        found.setdefault(
            native, Respondent(native, row["wave"], row["team_id"], row["person_id"], row["submitted_at"], given)
        )
    return list(found.values())


def told(tables: Mapping[str, pl.DataFrame], ids: Mapping[str, str]) -> dict[str, pl.DataFrame]:
    """All answers, under the ids that the tool's responses have (ours → the reader's)."""
    rows = _mine(tables).drop("source", "load_id", "source_row", strict=False)
    return {"survey_responses": rows.with_columns(pl.col("response_id").replace_strict(ids, return_dtype=pl.String))}
