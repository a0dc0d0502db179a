"""The company's survey as SurveyMonkey's condensed CSV: two header rows, the options of one question side by side."""

from __future__ import annotations

import csv
import hashlib
import io
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from idp_analytics.sources.sample import respondents as survey
from idp_analytics.sources.sample.native import Tables

_SCALED = [question for question in survey.HEADINGS if question != "blockers@1"]
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
)
OPTIONS: dict[str, Any] = {
    "survey": survey.SURVEY, "people": "keep", "time_zone": "UTC", "team_field": "Custom Data 1", "person_question": "Custom Data 2",
    "questions": {heading: question for question, heading in survey.HEADINGS.items()}, "scales": survey.SCALES,
}  # fmt: skip
OTHERWISE: dict[str, frozenset[str]] = {}


def _id(one: survey.Respondent) -> str:
    return str(114_000_000_000 + int(hashlib.sha256(one.native.encode()).hexdigest()[:8], 16))


def _written(at: datetime) -> str:
    return f"{at:%m/%d/%Y %I:%M:%S %p}"


def _row(one: survey.Respondent) -> list[Any]:
    started = _written(one.submitted_at - timedelta(minutes=4))
    about = [_id(one), 501, started, _written(one.submitted_at), "", "", "", "", one.team or "", one.person or ""]
    scaled = [one.answers.get(question, ("",))[0] for question in _SCALED]
    return [*about, *scaled, *(word if word in one.answers.get("blockers@1", ()) else "" for word in survey.BLOCKERS)]


def files(tables: Tables) -> dict[str, Any]:
    """``responses.csv``."""
    gap = [""] * (len(survey.BLOCKERS) - 1)
    first = [*_ABOUT, *(survey.HEADINGS[question] for question in _SCALED), survey.HEADINGS["blockers@1"], *gap]
    second = [*[""] * len(_ABOUT), *["Response"] * len(_SCALED), *survey.BLOCKERS]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([first, second, *map(_row, survey.respondents(tables))])
    return {"responses.csv": text.getvalue()}


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """Every answer, several in the order of their columns, under the respondents' numbers."""
    return survey.told(
        tables, {one.native: f"surveymonkey:{_id(one)}" for one in survey.respondents(tables)}, has_columns=True
    )
