"""The company's survey as a Qualtrics CSV: three header rows, an embedded field for the team, a column per thing that held somebody up."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import timedelta
from typing import Any

import polars as pl

from idp_analytics.sources.sample import respondents as survey
from idp_analytics.sources.sample.native import Tables

_QUESTIONS = {question: f"Q{number}" for number, question in enumerate(survey.HEADINGS, 1)}
_SCALED = [question for question in survey.HEADINGS if question != "blockers@1"]
_MANY = _QUESTIONS["blockers@1"]
_ABOUT = {
    "StartDate": "startDate", "EndDate": "endDate", "Status": "status", "IPAddress": "ipAddress", "Progress": "progress",
    "Duration (in seconds)": "duration", "Finished": "finished", "RecordedDate": "recordedDate", "ResponseId": "_recordId",
    "ExternalReference": "externalDataReference", "DistributionChannel": "distributionChannel", "UserLanguage": "userLanguage",
}  # fmt: skip
OPTIONS: dict[str, Any] = {
    "survey": survey.SURVEY, "people": "keep", "time_zone": "UTC", "team_field": "team", "person_question": "ExternalReference",
    "questions": {name: question for question, name in _QUESTIONS.items()}, "scales": survey.SCALES,
}  # fmt: skip
OTHERWISE: dict[str, frozenset[str]] = {}


def _id(one: survey.Respondent) -> str:
    return "R_" + hashlib.sha256(one.native.encode()).hexdigest()[:15]


def _header() -> list[list[str]]:
    many = [
        (f"{_MANY}_{i}", f"{survey.HEADINGS['blockers@1']} - {word}", f"QID6_{i}")
        for i, word in enumerate(survey.BLOCKERS, 1)
    ]
    scaled = [
        (_QUESTIONS[question], survey.HEADINGS[question], f"QID{_QUESTIONS[question][1:]}") for question in _SCALED
    ]
    columns = [*((name, name, told) for name, told in _ABOUT.items()), *scaled, *many, ("team", "team", "team")]
    names, texts, ids = zip(*columns, strict=True)
    return [list(names), list(texts), [json.dumps({"ImportId": told}, separators=(",", ":")) for told in ids]]


def _row(one: survey.Respondent) -> list[Any]:
    ended, started = (
        f"{one.submitted_at:%Y-%m-%d %H:%M:%S}",
        f"{one.submitted_at - timedelta(minutes=4):%Y-%m-%d %H:%M:%S}",
    )
    about = [started, ended, 0, "", 100, 240, 1, ended, _id(one), one.person or "", "anonymous", "EN"]
    scaled = [one.answers.get(question, ("",))[0] for question in _SCALED]
    many = [word if word in one.answers.get("blockers@1", ()) else "" for word in survey.BLOCKERS]
    return [*about, *scaled, *many, one.team or ""]


def files(tables: Tables) -> dict[str, Any]:
    """``responses.csv``."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([*_header(), *map(_row, survey.respondents(tables))])
    return {"responses.csv": text.getvalue()}


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """Every answer, several in the order of their columns, under the ids Qualtrics gives."""
    return survey.told(
        tables, {one.native: f"qualtrics:{_id(one)}" for one in survey.respondents(tables)}, has_columns=True
    )
