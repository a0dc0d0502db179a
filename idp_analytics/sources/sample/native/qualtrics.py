"""The company's survey as a Qualtrics CSV: three header rows, embedded fields for team and price, a column per given answer."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import polars as pl

from idp_analytics.settings.questions import Question
from idp_analytics.sources import survey_forms
from idp_analytics.sources.sample import respondents as survey
from idp_analytics.sources.sample.native import Tables

_ABOUT = {
    "StartDate": "startDate", "EndDate": "endDate", "Status": "status", "IPAddress": "ipAddress", "Progress": "progress",
    "Duration (in seconds)": "duration", "Finished": "finished", "RecordedDate": "recordedDate", "ResponseId": "_recordId",
    "ExternalReference": "externalDataReference", "DistributionChannel": "distributionChannel", "UserLanguage": "userLanguage",
}  # fmt: skip
OPTIONS: dict[str, Any] = {**survey.options("qualtrics"), "time_zone": "UTC", "person_question": "ExternalReference"}
OTHERWISE: dict[str, frozenset[str]] = {}


def _id(one: survey.Respondent) -> str:
    return "R_" + hashlib.sha256(one.native.encode()).hexdigest()[:15]


def _columns(asked: Sequence[Question]) -> Iterator[tuple[str, str, str]]:
    """Name, text and import id of each column of answers."""
    for number, question in enumerate((one for one in asked if not one.is_hidden), 1):
        called, native, text = f"Q{number}", f"QID{number}", survey_forms.heading("qualtrics", question)
        if question.kind == "several":
            yield from (
                (f"{called}_{i}", f"{text} - {word}", f"{native}_{i}") for i, word in enumerate(question.choices, 1)
            )
        else:
            yield called, text, f"{native}_TEXT" if question.kind in ("open", "number") else native


def _row(one: survey.Respondent, asked: Sequence[Question]) -> list[Any]:
    ended, started = (
        f"{one.submitted_at:%Y-%m-%d %H:%M:%S}",
        f"{one.submitted_at - timedelta(minutes=4):%Y-%m-%d %H:%M:%S}",
    )
    cells: list[Any] = [started, ended, 0, "", 100, 240, 1, ended, _id(one), one.person or "", "anonymous", "EN"]
    hidden = [one.said(question) for question in asked if question.is_hidden]
    for question in asked:
        if question.kind == "several":
            cells += [word if word in one.answers.get(question.id, ()) else "" for word in question.choices]
        elif not question.is_hidden:
            cells.append(one.said(question))
    return [*cells, one.team or "", *hidden]


def files(tables: Tables) -> dict[str, Any]:
    """``responses.csv``."""
    asked = survey.asked(tables)
    embedded = ("team", *(survey_forms.PRICE_FIELDS["qualtrics"] for question in asked if question.is_hidden))
    columns = [
        *((name, name, told) for name, told in _ABOUT.items()),
        *_columns(asked),
        *((name, name, name) for name in embedded),
    ]
    names, texts, ids = zip(*columns, strict=True)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    imported = [json.dumps({"ImportId": told}, separators=(",", ":")) for told in ids]
    writer.writerows([names, texts, imported, *(_row(one, asked) for one in survey.respondents(tables))])
    return {"responses.csv": text.getvalue()}


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """Every answer, under the ids Qualtrics gives."""
    return survey.told(tables, {one.native: f"qualtrics:{_id(one)}" for one in survey.respondents(tables)})
