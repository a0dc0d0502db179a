"""SurveyMonkey: responses as CSV with two header rows, or from the API in bulk with the survey's details beside them.

Addresses, names and the network address of a respondent are never read as answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics.sources import members, survey_columns
from idp_analytics.sources import survey_answers as survey
from idp_analytics.sources.documents import Documents, holds_documents, read_documents
from idp_analytics.sources.export import Document, Export, misshapen, table_documents
from idp_analytics.sources.survey_answers import CHOICE, TEXT, UNKNOWN, Answer, Response, Said
from idp_analytics.sources.survey_columns import SHEET, Sheet, asked, is_sheet
from idp_analytics.sources.survey_tables import columns, documents, table
from idp_analytics.sources.survey_times import moments
from idp_analytics.sources.system import Gives, Recipe, Row, Shape, System
from idp_analytics.sources.tabular import ROW
from idp_analytics.tables.numbered import once

_ONE, _TYPED = "response", "open-ended response"
_OTHER = re.compile(r".*\(please specify\)|other|comments?", re.IGNORECASE | re.DOTALL)


def survey_responses(document: Document, export: Export) -> Iterator[Row]:
    """One row per answer; rows of a grid are questions of their own, ``Question [row]``."""
    if is_sheet(document.body):
        yield from _from_table(document, export)
    else:
        yield from survey.rows(document, export, _from_api(document, export))


# --- the table --------------------------------------------------------------------------------------------------------


def _from_table(document: Document, export: Export) -> Iterator[Row]:
    sheet: Sheet = document.body[SHEET]
    ended = sheet.field("enddate", _joined)
    submitted, wrong = moments(ended, export.options["dates"])
    reasons = once(
        ended, lambda end: survey.UNFINISHED if end is None else misshapen(export, wrong[end]) if end in wrong else None
    )
    told = {"native": sheet.field("respondentid", _joined), "submitted": submitted, "who": None, "reason": reasons}
    yield from survey_columns.rows(document, export, sheet, pl.DataFrame(told, dict.fromkeys(told, pl.String)))


def _joined(name: str) -> str:
    """A name as older and newer exports have it alike."""
    return name.replace(" ", "").lower()


def _answer(heading: str, below: str, text: str) -> Answer:
    """By the second header row: one answer, typed text, an option that was ticked (it says itself), or a row of a grid."""
    if below.lower() == _TYPED or _OTHER.fullmatch(below):
        return Answer((heading,), (Said(text),), TEXT)
    if below.lower() == _ONE or below == text:
        return Answer((heading,), (Said(text),), CHOICE)
    # A row of a grid and a box to type in look the same.
    return Answer((f"{heading} [{below}]",), (Said(text),), UNKNOWN, heading)


def opens(path: Path, shown: str) -> Documents:
    """The responses as one document, answers told from what stands beside them by the second header row; any other table row by row."""
    if holds_documents(path, shown):
        return read_documents(path, shown, str)
    found = table(path, shown)
    names = [_joined(name) for name in found.above[0]] if found else []
    if (
        found is None
        or not {"respondentid", "collectorid"} <= set(names)
        or found.above[1][names.index("respondentid")].strip()
    ):
        return table_documents(path, shown)
    frame = found.below(2)
    named = list(zip(_columns(*found.above[:2]), columns(frame), strict=True))
    fields = [(heading, column) for (heading, below), column in named if not below]
    questions = [asked(column, partial(_answer, heading, below)) for (heading, below), column in named if below]
    return documents(found, Sheet(frame[ROW], fields, questions))


def _columns(first: Sequence[str], second: Sequence[str]) -> list[tuple[str, str]]:
    """Question and what stands below it, per column; a column without a heading belongs to the question before."""
    columns: list[tuple[str, str]] = []
    heading = ""
    for name, below in zip(first, second, strict=False):
        heading = name.strip() or heading
        columns.append((heading, below.strip()))
    return columns


# --- the API ----------------------------------------------------------------------------------------------------------


def _from_api(document: Document, export: Export) -> Response:
    native = document.text("survey_id")
    surveys = export.of["survey"]
    details = export.by("survey", "id").get(native or "") or (surveys if native is None and len(surveys) == 1 else [])
    questions = {
        members.text(question, "id"): question
        for one in details[-1:] for page in one.every("pages") for question in members.every(page, "questions")
    }  # fmt: skip
    custom = document.at("custom_variables")
    fields = (
        {name: text for name, value in custom.items() if (text := survey.told(value))}
        if isinstance(custom, dict)
        else {}
    )
    answers = [
        answer
        for page in document.every("pages") for question in members.every(page, "questions")
        for answer in _api_answers(question, questions.get(members.text(question, "id")) or {})
    ]  # fmt: skip
    return Response(
        document.text("id"), native or (details[-1].text("id") if details else None),
        document.text("date_modified") or document.text("date_created"), survey.merged(answers), fields,
        is_finished=document.text("response_status") in (None, "completed"),
    )  # fmt: skip


def _api_answers(question: Mapping[str, Any], details: Mapping[str, Any]) -> Iterator[Answer]:
    native = members.text(question, "id") or ""
    heading = members.text(details, "headings", 0, "heading") or members.text(question, "heading")
    variable = members.text(question, "variable_name")
    choices = {
        members.text(one, "id"): one for part in ("choices", "cols") for one in members.every(details, "answers", part)
    }
    places = {members.text(one, "id"): members.text(one, "text") for one in members.every(details, "answers", "rows")}
    for answer in members.every(question, "answers"):
        choice, place = members.text(answer, "choice_id"), members.text(answer, "row_id")
        keys = tuple(filter(None, (native, variable, heading)))
        group = None
        if place and choice:
            row = places.get(place) or place
            keys, group = tuple(f"{key} [{row}]" for key in keys), heading or native
        if choice is None:
            # What was typed, also beside the choices (other_id) and into boxes (row_id).
            yield Answer(keys, (Said(members.text(answer, "text")),), TEXT, group)
            continue
        chosen = choices.get(choice) or {}
        weight = members.text(answer, "choice_metadata", "weight") or members.text(chosen, "weight")
        label = members.text(chosen, "text") or members.text(answer, "simple_text") or (None if weight else choice)
        yield Answer(keys, (Said(label, weight),), CHOICE, group)


SYSTEM = System(
    kind="surveymonkey",
    title="SurveyMonkey",
    shapes=(
        Shape("row", "a response to a survey", is_sheet),
        Shape("response", "a response from the API",
              lambda b: {"id", "pages"} <= b.keys() and bool({"collector_id", "response_status"} & b.keys())),
        Shape("survey", "the details of a survey", lambda b: {"id", "title", "pages", "question_count"} <= b.keys()),
    ),
    gives=(
        Gives("survey_responses", survey_responses, ("row", "response"), "all responses that were not deleted", beside=("survey",), together=survey.last),
    ),
    recipes=(
        Recipe("responses.csv", "unzip -p responses.zip '*.csv' > responses.csv", "view of the survey's results",
               "Analyze, Save As, Export file, All responses data, CSV, condensed columns, actual answer text. Times are in the account's zone: set time_zone."),
        Recipe("responses.json", 'curl -fsS -H "Authorization: Bearer $TOKEN" "https://api.surveymonkey.com/v3/surveys/$SURVEY/responses/bulk?per_page=100&simple=true" > responses.json',
               "responses_read_detail", "100 a page: follow links.next."),
        Recipe("survey.json", 'curl -fsS -H "Authorization: Bearer $TOKEN" "https://api.surveymonkey.com/v3/surveys/$SURVEY/details" > survey.json', "surveys_read",
               "Headings, options and weights of the questions of responses.json."),
    ),
    options=survey.options("month first"),
    opens=opens,
)  # fmt: skip
