"""Google Forms: responses as CSV, from the form (with offsets) or from its sheet (in the sheet's own zone and order of dates).

The file has no ids: a response is known by the address that was collected, else by what it says.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from idp_analytics.sources import survey_answers as survey
from idp_analytics.sources.documents import Documents, holds_documents, read_documents
from idp_analytics.sources.export import Document, Export, table_documents
from idp_analytics.sources.survey_answers import CHOICE, UNKNOWN, Answer, Response, Said
from idp_analytics.sources.survey_times import moment
from idp_analytics.sources.system import Gives, Recipe, Row, Shape, System

_TIMESTAMP = (
    "Timestamp",
    "Zeitstempel",
    "Horodateur",
    "Marca temporal",
    "Informazioni cronologiche",
    "Carimbo de data/hora",
    "Tijdstempel",
)
_ADDRESS = ("username", "email address", "email", "nutzername", "e-mail-adresse", "nom d'utilisateur", "adresse e-mail")
_SCORE = ("score", "punkte", "punktzahl")
_TURN = "\0turn"
_LONGEST_CHOICE = 40
_WRITTEN = re.compile(
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4},? \d{1,2}:\d{2}(?::\d{2})?( [AP]M)?( GMT([+-]\d{1,2}(:\d{2})?)?)?"
)
_GRID = re.compile(r"(.+?)\s*\[([^\[\]]+)\]", re.DOTALL)


def survey_responses(document: Document, export: Export) -> Iterator[Row]:
    """One row per answer; rows of a grid are questions of their own, ``Question [row]``."""
    at = next((name for name in _TIMESTAMP if name in document.body), "")
    said = {
        name: text for name, value in document.body.items() if name not in (at, _TURN) and (text := survey.told(value))
    }
    fields = {name: text for name, text in said.items() if name.strip().lower() in (*_ADDRESS, *_SCORE)}
    address = next((text for name, text in fields.items() if name.strip().lower() in _ADDRESS), None)
    submitted = document.text(at)
    words = (address,) if address else (submitted or "", *said.values(), str(document.body.get(_TURN) or ""))
    grids = Counter(grid[1] for name in document.body if (grid := _GRID.fullmatch(name)))
    answers = [_answer(name, text, grids) for name, text in said.items() if name not in fields]
    response = Response(None, None, submitted, answers, fields, address)
    named, wave = (
        export.options["survey"] or "",
        export.options["wave"] or survey.quarter(moment(submitted, export.options["dates"])),
    )
    yield from survey.rows(document, export, replace(response, native=survey.response_id(named, wave, words)))


def _answer(heading: str, text: str, grids: Mapping[str, int]) -> Answer:
    """A grid has several rows and short answers; anything else with brackets is a question that happens to have them."""
    grid = _GRID.fullmatch(heading)
    if not grid or grids[grid[1]] < 2:
        return Answer((heading,), (Said(text),))
    return Answer((heading,), (Said(text),), CHOICE if len(text) <= _LONGEST_CHOICE else UNKNOWN, grid[1])


def opens(path: Path, shown: str) -> Documents:
    """The rows of the table; of rows that are the same in all the later ones are numbered, because two people can answer alike."""
    if holds_documents(path, shown):
        return read_documents(path, shown, str)
    rows = table_documents(path, shown)
    met: Counter[tuple[Any, ...]] = Counter()
    found = []
    for number, row in rows.found:
        words = tuple(row.values())
        found.append((number, {**row, _TURN: met[words]} if met[words] else row))
        met[words] += 1
    return replace(rows, found=found)


def _is_response(body: Mapping[str, Any]) -> bool:
    first = next(iter(body), "")
    written = str(body.get(first) or "").strip()
    return len(body) > 1 and first in _TIMESTAMP and _WRITTEN.fullmatch(written) is not None


SYSTEM = System(
    kind="google_forms",
    title="Google Forms",
    shapes=(Shape("response", "a response to a form", _is_response),),
    gives=(Gives("survey_responses", survey_responses, ("response",), "all responses that were not deleted", together=survey.last),),
    recipes=(
        Recipe("responses.csv", "unzip -p responses.csv.zip > responses.csv", "editor of the form",
               "Forms: Responses, More, Download responses (.csv). Times carry their offset; several answers are separated by ;."),
        Recipe("responses.csv", 'curl -fsSL -H "Authorization: Bearer $TOKEN" "https://docs.google.com/spreadsheets/d/$SHEET/export?format=csv&gid=$GID" > responses.csv',
               "viewer of the sheet", 'Times have no zone and the order of the sheet\'s locale: set time_zone and dates. Several answers are separated by ", ".'),
    ),
    options=survey.options(),
    opens=opens,
)  # fmt: skip
