"""SurveyMonkey: responses as CSV with two header rows, or from the API in bulk with the survey's details beside them.

Addresses, names and the network address of a respondent are never read as answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from idp_analytics.sources import members
from idp_analytics.sources import survey_answers as survey
from idp_analytics.sources.documents import Documents, holds_documents, read_documents
from idp_analytics.sources.export import Document, Export, table_documents
from idp_analytics.sources.files import sha256
from idp_analytics.sources.survey_answers import CHOICE, TEXT, UNKNOWN, Answer, Response, Said
from idp_analytics.sources.survey_tables import is_text, table, wrong_width
from idp_analytics.sources.system import Gives, Recipe, Row, Shape, System

_ONE, _TYPED = "response", "open-ended response"
_OTHER = re.compile(r".*\(please specify\)|other|comments?", re.IGNORECASE | re.DOTALL)


def survey_responses(document: Document, export: Export) -> Iterator[Row]:
    """One row per answer; rows of a grid are questions of their own, ``Question [row]``."""
    response = _from_table(document) if "respondent" in document.body else _from_api(document, export)
    yield from survey.rows(document, export, response)


# --- the table --------------------------------------------------------------------------------------------------------


def _from_table(document: Document) -> Response:
    fields: dict[str, str] = document.body["fields"]
    about = {name.replace(" ", "").lower(): text for name, text in fields.items()}
    ended = about.get("enddate")
    answers = survey.merged(_answer(**one) for one in document.every("answers"))
    return Response(about.get("respondentid"), None, ended, answers, fields, is_finished=ended is not None)


@lru_cache(maxsize=10_000)
def _answer(heading: str, below: str, text: str) -> Answer:
    """By the second header row: one answer, typed text, an option that was ticked (it says itself), or a row of a grid."""
    if below.lower() == _TYPED or _OTHER.fullmatch(below):
        return Answer((heading,), (Said(text),), TEXT)
    if below.lower() == _ONE or below == text:
        return Answer((heading,), (Said(text),), CHOICE)
    # A row of a grid and a box to type in look the same.
    return Answer((f"{heading} [{below}]",), (Said(text),), UNKNOWN, heading)


def opens(path: Path, shown: str) -> Documents:
    """One document per respondent, ``fields`` and ``answers`` told apart by the second header row; any other table row by row."""
    if holds_documents(path, shown):
        return read_documents(path, shown, str)
    rows, warnings = table(path, shown) if is_text(path, shown) else ([], ())
    names = [name.replace(" ", "").lower() for name in rows[0]] if rows else []
    if (
        len(rows) < 2
        or not {"respondentid", "collectorid"} <= set(names)
        or rows[1][names.index("respondentid")].strip()
    ):
        return table_documents(path, shown)
    columns = _columns(rows[0], rows[1])
    found, broken = [], []
    for number, row in enumerate(rows[2:], 1):
        if reason := wrong_width(row, len(rows[0])):
            broken.append((0, reason))
        else:
            found.append((number, _document(row, columns)))
    return Documents(found, sha256(path), broken, warnings=warnings)


def _columns(first: Sequence[str], second: Sequence[str]) -> list[tuple[str, str]]:
    """Question and what stands below it, per column; a column without a heading belongs to the question before."""
    columns: list[tuple[str, str]] = []
    heading = ""
    for name, below in zip(first, second, strict=False):
        heading = name.strip() or heading
        columns.append((heading, below.strip()))
    return columns


def _document(row: Sequence[str], columns: Sequence[tuple[str, str]]) -> dict[str, Any]:
    cells = [
        (heading, below, text) for (heading, below), cell in zip(columns, row, strict=False) if (text := cell.strip())
    ]
    fields = {heading: text for heading, below, text in cells if not below}
    answers = [{"heading": heading, "below": below, "text": text} for heading, below, text in cells if below]
    return {"respondent": next(iter(fields.values()), None), "fields": fields, "answers": answers}


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
        Shape("row", "a response to a survey", lambda b: {"respondent", "fields", "answers"} <= b.keys()),
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
