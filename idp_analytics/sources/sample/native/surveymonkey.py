"""The company's survey as SurveyMonkey's condensed CSV: two header rows, the options of one question side by side."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from idp_analytics.settings.questions import Question
from idp_analytics.sources import survey_forms
from idp_analytics.sources.sample import respondents as survey
from idp_analytics.sources.sample.native import Tables

_ABOUT = (
    "Respondent ID",
    "Collector ID",
    "Start Date",
    "End Date",
    "IP Address",
    "Email Address",
    "First Name",
    "Last Name",
    "Custom Data 1",
    "Custom Data 2",
    "Custom Data 3",
)
OPTIONS: dict[str, Any] = {**survey.options("surveymonkey"), "time_zone": "UTC", "person_question": "Custom Data 2"}
OTHERWISE: dict[str, frozenset[str]] = {}


def _id(one: survey.Respondent) -> str:
    return str(114_000_000_000 + int(hashlib.sha256(one.native.encode()).hexdigest()[:8], 16))


def _written(at: datetime) -> str:
    return f"{at:%m/%d/%Y %I:%M:%S %p}"


def _row(one: survey.Respondent, asked: Sequence[Question]) -> list[Any]:
    started = _written(one.submitted_at - timedelta(minutes=4))
    price = next((one.said(question) for question in asked if question.is_hidden), "")
    cells: list[Any] = [
        *(_id(one), 501, started, _written(one.submitted_at), "", "", "", ""),
        *(one.team or "", one.person or "", price),
    ]
    for question in asked:
        if question.kind == "several":
            cells += [word if word in one.answers.get(question.id, ()) else "" for word in question.choices]
        elif not question.is_hidden:
            cells.append(one.said(question))
    return cells


def _columns(asked: Sequence[Question]) -> Iterator[tuple[str, str]]:
    """What stands in the two header rows over each column of answers."""
    for question in (one for one in asked if not one.is_hidden):
        heading = survey_forms.heading("surveymonkey", question)
        if question.kind == "several":
            yield from ((heading if i == 0 else "", word) for i, word in enumerate(question.choices))
        else:
            yield heading, "Open-Ended Response" if question.kind in ("open", "number") else "Response"


def files(tables: Tables) -> dict[str, Any]:
    """``responses.csv``."""
    asked = survey.asked(tables)
    first, second = zip(*((name, "") for name in _ABOUT), *_columns(asked), strict=True)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([first, second, *(_row(one, asked) for one in survey.respondents(tables))])
    return {"responses.csv": text.getvalue()}


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """Every answer, under the respondents' numbers."""
    return survey.told(tables, {one.native: f"surveymonkey:{_id(one)}" for one in survey.respondents(tables)})
