"""Qualtrics: responses as CSV or TSV with three header rows (names, texts, import ids), or two in old exports.

The respondent's addresses, place and name are never read as answers; times are in the account's zone unless the third row
says which.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics.sources import members, survey_columns
from idp_analytics.sources import survey_answers as survey
from idp_analytics.sources.documents import Documents, holds_documents, read_documents
from idp_analytics.sources.export import Document, Export, misshapen, table_documents
from idp_analytics.sources.survey_answers import CHOICE, TEXT, UNKNOWN, Answer, Said
from idp_analytics.sources.survey_columns import SHEET, Sheet, asked, is_sheet
from idp_analytics.sources.survey_tables import columns, documents, table
from idp_analytics.sources.survey_times import moments
from idp_analytics.sources.system import Gives, Recipe, Row, Shape, System
from idp_analytics.sources.tabular import ROW
from idp_analytics.tables.numbered import once

_ABOUT = frozenset((
    "startdate", "enddate", "status", "ipaddress", "progress", "duration (in seconds)", "finished", "recordeddate", "responseid", "responseset", "name",
    "recipientlastname", "recipientfirstname", "recipientemail", "emailaddress", "externalreference", "externaldatareference", "locationlatitude",
    "locationlongitude", "locationaccuracy", "distributionchannel", "userlanguage", "q_language", "q_url", "q_recaptchascore", "q_totalduration",
))  # fmt: skip
"""Columns an export has beside the answers."""

_QUESTION = re.compile(r"(?:\d+_)?QID\d+")
_LEGACY = re.compile(r"Q\d[\w.#-]*", re.IGNORECASE)
_DERIVED = re.compile(
    r".*_TEXT_.+|.*_DO(?:_\w+)?|.*_(?:FIRST_CLICK|LAST_CLICK|PAGE_SUBMIT|CLICK_COUNT)|.*_FILE_(?:ID|NAME|SIZE|TYPE)",
    re.IGNORECASE,
)
"""What Qualtrics adds to a question: topics of a text, the order shown, clicks, files."""

_WHEN = ("recordeddate", "enddate")
_NO_RESPONSE = "is a document of another shape, which is not read"

_NORMAL = ("", "0", "16", "32", "ip address", "email", "sms", "qr code", "anonymous")
"""Status of a response that a respondent gave, as against previews (1), tests (2), imports (4) and spam (8)."""


def survey_responses(document: Document, export: Export) -> Iterator[Row]:
    """One row per answer; previews, tests and spam are left out."""
    sheet: Sheet = document.body[SHEET]
    about = {
        name: sheet.field(name, str.lower) for name in ("status", "responseid", "recordeddate", "enddate", "finished")
    }
    written = sheet.first([about["recordeddate"], about["enddate"]])
    submitted, wrong = moments(written, export.options["dates"], document.text("time_zone"))
    reasons = pl.select(pl.coalesce(
        pl.when(document.body["ids"].is_null()).then(pl.lit(_NO_RESPONSE)),
        once(about["status"], lambda status: None if (status or "").lower() in _NORMAL else f"is no respondent's answer (status {status})"),
        once(written, lambda text: misshapen(export, wrong[text]) if text in wrong else None),
        once(about["finished"], lambda finished: None if (finished or "true").lower() in ("1", "true") else survey.UNFINISHED),
    )).to_series()  # fmt: skip
    told = {"native": about["responseid"], "submitted": submitted, "who": None, "reason": reasons}
    yield from survey_columns.rows(document, export, sheet, pl.DataFrame(told, dict.fromkeys(told, pl.String)))


def _answer(name: str, heading: str, import_id: str | None, kind: str, text: str) -> Answer:
    """An option of a question with several answers is a column of its own, whose text ends with the option."""
    stem = name.rsplit("_", 1)[0] if "_" in name else None
    option = re.fullmatch(rf"(.*?)(?:\s*-\s*Selected Choice)?\s*-\s*{re.escape(text)}", heading, re.DOTALL)
    if kind != TEXT and stem and option:
        imported = (import_id or stem).rsplit("_", 1)[0]
        return Answer((stem, imported, option[1]), (Said(text),), CHOICE)
    keys = (name, import_id, heading, heading.removesuffix(" - Selected Choice"))
    return Answer(tuple(filter(None, keys)), (Said(text),), kind, stem)


# --- the table --------------------------------------------------------------------------------------------------------


def opens(path: Path, shown: str) -> Documents:
    """The responses as one document, answers told from what stands beside them by the header rows; any other table row by row."""
    if holds_documents(path, shown):
        return read_documents(path, shown, str)
    found = table(path, shown)
    if found is None or "responseid" not in {name.lower() for name in found.above[0]}:
        return table_documents(path, shown)
    imported = [_imported(cell) for cell in found.above[2]] if len(found.above) > 2 else []
    has_ids = any(imported)
    frame = found.below(3 if has_ids else 2)
    names, headings, about = found.above[0], found.above[1], imported if has_ids else [None] * len(found.above[0])
    fields, questions = [], []
    for name, heading, told, column in zip(names, headings, about, columns(frame), strict=True):
        import_id = members.text(told, "ImportId")
        if (kind := _kind(name, import_id)) is None:
            fields.append((name, column))
        elif not _DERIVED.fullmatch(import_id or name):
            questions.append(asked(column, partial(_answer, name, heading.strip(), import_id, kind)))
    zones = (members.text(told, "timeZone") for name, told in zip(names, about, strict=True) if name.lower() in _WHEN)
    sheet = Sheet(frame[ROW], fields, questions)
    ids = sheet.first([sheet.field(name, str) for name in ("ResponseId", "ResponseID")])
    if len(ids) == ids.null_count() and len(ids):
        return table_documents(path, shown)
    return documents(found, sheet, ids=ids, time_zone=next(filter(None, zones), None))


def _kind(name: str, import_id: str | None) -> str | None:
    """What a column holds: chosen or typed answers, not to be told, or (null) no answer."""
    if name.lower() in _ABOUT:
        return None
    if import_id is not None:
        return None if not _QUESTION.match(import_id) else TEXT if "_TEXT" in import_id else CHOICE
    return None if not _LEGACY.fullmatch(name) else TEXT if name.upper().endswith("_TEXT") else UNKNOWN


def _imported(cell: str) -> dict[str, Any] | None:
    try:
        value = json.loads(cell)
    except ValueError:
        return None
    return value if isinstance(value, dict) and "ImportId" in value else None


SYSTEM = System(
    kind="qualtrics",
    title="Qualtrics",
    shapes=(
        Shape("response", "a response to a survey",
              is_sheet),
    ),
    gives=(Gives("survey_responses", survey_responses, ("response",), "all responses that were not deleted", together=survey.last),),
    recipes=(
        Recipe("responses.csv", "unzip -p responses.zip > responses.csv", "view responses",
               "Data & Analysis, Export & Import, Export Data, CSV: keep all three header rows. Times are in the account's zone: set time_zone."),
        Recipe("responses.csv", 'curl -fsS -H "X-API-TOKEN: $TOKEN" "$QUALTRICS/API/v3/surveys/$SURVEY/export-responses/$FILE/file" > responses.zip && unzip -p responses.zip > responses.csv',
               "view responses, use API", "Start the export with POST to export-responses ({\"format\": \"csv\"}) and ask for its progress until it gives the id of the file."),
    ),
    options=survey.options(),
    opens=opens,
)  # fmt: skip
