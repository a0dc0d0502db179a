"""Qualtrics: responses as CSV or TSV with three header rows (names, texts, import ids), or two in old exports.

The respondent's addresses, place and name are never read as answers; times are in the account's zone unless the third row
says which.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
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
from idp_analytics.sources.survey_times import in_zone, moment
from idp_analytics.sources.system import Gives, Recipe, Row, Shape, System

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

_NORMAL = ("", "0", "16", "32", "ip address", "email", "sms", "qr code", "anonymous")
"""Status of a response that a respondent gave, as against previews (1), tests (2), imports (4) and spam (8)."""


def survey_responses(document: Document, export: Export) -> Iterator[Row]:
    """One row per answer; previews, tests and spam are left out."""
    fields: dict[str, str] = document.body["fields"]
    about = {name.lower(): text for name, text in fields.items()}
    if (status := about.get("status", "")).lower() not in _NORMAL:
        yield document.left_out(f"is no respondent's answer (status {status})")
        return
    written = moment(about.get("recordeddate") or about.get("enddate"), export.options["dates"])
    response = Response(
        about.get("responseid"), None, in_zone(written, document.text("time_zone")),
        survey.merged(_answer(**one) for one in document.every("answers")), fields,
        is_finished=about.get("finished", "true").lower() in ("1", "true"),
    )  # fmt: skip
    yield from survey.rows(document, export, response)


@lru_cache(maxsize=10_000)
def _answer(name: str, heading: str, import_id: str | None, text: str, kind: str) -> Answer:
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
    """One document per response, ``fields`` and ``answers`` told apart by the header rows; any other table row by row."""
    if holds_documents(path, shown):
        return read_documents(path, shown, str)
    rows, warnings = table(path, shown) if is_text(path, shown) else ([], ())
    if len(rows) < 2 or "responseid" not in {name.strip().lower() for name in rows[0]}:
        return table_documents(path, shown)
    imported = [_imported(cell) for cell in rows[2]] if len(rows) > 2 else []
    has_ids = any(imported)
    columns = [
        (name.strip(), heading.strip(), members.text(about, "ImportId"), members.text(about, "timeZone"))
        for name, heading, about in zip(rows[0], rows[1], imported if has_ids else [None] * len(rows[0]), strict=False)
    ]
    zones = [zone for name, _, _, zone in columns if zone and name.lower() in ("recordeddate", "enddate")]
    zone = next(iter(zones), None)
    read = [
        (place, name, heading, import_id, kind)
        for place, (name, heading, import_id, _) in enumerate(columns)
        if (kind := _kind(name, import_id)) is None or not _DERIVED.fullmatch(import_id or name)
    ]
    found, broken = [], []
    for number, row in enumerate(rows[3 if has_ids else 2 :], 1):
        if reason := wrong_width(row, len(rows[0])):
            broken.append((0, reason))
        else:
            found.append((number, {**_document(row, read), "time_zone": zone}))
    return Documents(found, sha256(path), broken, warnings=warnings)


def _document(row: Sequence[str], columns: Sequence[tuple[int, str, str, str | None, str | None]]) -> dict[str, Any]:
    fields: dict[str, str] = {}
    answers: list[dict[str, Any]] = []
    for place, name, heading, import_id, kind in columns:
        if not (text := row[place].strip()):
            continue
        if kind is None:
            fields[name] = text
        else:
            answers.append({"name": name, "heading": heading, "import_id": import_id, "text": text, "kind": kind})
    return {"ResponseId": fields.get("ResponseId") or fields.get("ResponseID"), "fields": fields, "answers": answers}


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
              lambda b: isinstance(b.get("fields"), dict) and isinstance(b.get("answers"), list) and bool(b.get("ResponseId"))),
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
