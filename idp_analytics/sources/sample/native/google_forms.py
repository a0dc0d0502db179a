"""The company's survey as the responses of a Google Form, several answers separated by semicolons."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import polars as pl

from idp_analytics.sources.sample import respondents as survey
from idp_analytics.sources.sample.native import Tables
from idp_analytics.sources.survey_answers import response_id

OPTIONS: dict[str, Any] = {
    "survey": survey.SURVEY, "people": "keep", "team_question": "Which team are you in?", "person_question": "Username",
    "questions": {heading: question for question, heading in survey.HEADINGS.items()}, "scales": survey.SCALES,
    "separators": {"blockers@1": ";"},
}  # fmt: skip
OTHERWISE: dict[str, frozenset[str]] = {}
_AHEAD = timedelta(hours=2)


def _row(one: survey.Respondent) -> list[str]:
    """Times of day on a clock of twelve hours, two hours ahead of UTC."""
    at = one.submitted_at + _AHEAD
    written = f"{at:%Y/%m/%d} {at.hour % 12 or 12}:{at:%M:%S} {'PM' if at.hour >= 12 else 'AM'} GMT+2"
    return [
        written,
        one.person or "",
        one.team or "",
        *(";".join(map(str, one.answers.get(q, ()))) for q in survey.HEADINGS),
    ]


def files(tables: Tables) -> dict[str, Any]:
    """``responses.csv``: one row per respondent; without a name where the form did not ask for it."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["Timestamp", "Username", "Which team are you in?", *survey.HEADINGS.values()])
    writer.writerows(map(_row, survey.respondents(tables)))
    return {"responses.csv": text.getvalue()}


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """Every answer. The form gives responses no id: one is made of the name, or else of all that was answered."""
    ids = {}
    for one in survey.respondents(tables):
        at, *rest = (cell for cell in _row(one) if cell)
        words = (one.person,) if one.person else (at, *rest, "")
        ids[one.native] = f"google_forms:{response_id(survey.SURVEY, one.wave, words)}"
    return survey.told(tables, ids)
