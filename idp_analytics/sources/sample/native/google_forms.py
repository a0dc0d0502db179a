"""The company's survey as the responses of a Google Form, several answers separated by semicolons."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import polars as pl

from idp_analytics.settings.questions import Question
from idp_analytics.sources import survey_forms
from idp_analytics.sources.sample import respondents as survey
from idp_analytics.sources.sample.native import Tables
from idp_analytics.sources.survey_answers import response_id

OPTIONS: dict[str, Any] = {**survey.options("google_forms"), "person_question": survey_forms.PERSON}
OTHERWISE: dict[str, frozenset[str]] = {}
_AHEAD = timedelta(hours=2)


def _row(one: survey.Respondent, asked: Sequence[Question]) -> list[str]:
    """Times of day on a clock of twelve hours, two hours ahead of UTC."""
    at = one.submitted_at + _AHEAD
    written = f"{at:%Y/%m/%d} {at.hour % 12 or 12}:{at:%M:%S} {'PM' if at.hour >= 12 else 'AM'} GMT+2"
    said = (";".join(map(str, one.answers.get(question.id, ()))) for question in asked)
    return [written, one.person or "", one.team or "", *said]


def files(tables: Tables) -> dict[str, Any]:
    """``responses.csv``: one row per respondent; without a name where the form did not ask for it."""
    asked = survey.asked(tables)
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    headings = (survey_forms.heading("google_forms", question) for question in asked)
    writer.writerow(["Timestamp", survey_forms.PERSON, survey_forms.TEAM, *headings])
    writer.writerows(_row(one, asked) for one in survey.respondents(tables))
    return {"responses.csv": text.getvalue()}


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """Every answer. The form gives responses no id: one is made of the name, or else of all that was answered."""
    asked = survey.asked(tables)
    ids = {}
    for one in survey.respondents(tables):
        at, *rest = (cell for cell in _row(one, asked) if cell)
        words = (one.person,) if one.person else (at, *rest, "")
        ids[one.native] = f"google_forms:{response_id(survey.SURVEY, one.wave, words)}"
    return survey.told(tables, ids)
