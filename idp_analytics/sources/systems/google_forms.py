"""Google Forms: responses as CSV, from the form (with offsets) or from its sheet (in the sheet's own zone and order of dates).

The file has no ids: a response is known by the address that was collected, else by what it says.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
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


@dataclass(frozen=True)
class _Columns:
    """What the columns of a table are: its time, those about the respondent, and questions, each with its grid (null: of none)."""

    at: str
    fields: tuple[str, ...]
    addresses: frozenset[str]
    grids: Mapping[str, str | None]


@lru_cache(maxsize=100)
def _columns(names: tuple[str, ...]) -> _Columns:
    at = next((name for name in _TIMESTAMP if name in names), "")
    about = {name: name.strip().lower() for name in names}
    grids = {name: found[1] for name in names if (found := _GRID.fullmatch(name))}
    rows = Counter(grids.values())
    return _Columns(
        at,
        tuple(name for name, plain in about.items() if plain in (*_ADDRESS, *_SCORE)),
        frozenset(name for name, plain in about.items() if plain in _ADDRESS),
        # A grid has several rows; anything else with brackets is a question that happens to have them.
        {name: grids[name] if name in grids and rows[grids[name]] > 1 else None for name in names},
    )


def survey_responses(document: Document, export: Export) -> Iterator[Row]:
    """One row per answer; rows of a grid are questions of their own, ``Question [row]``."""
    body, columns = document.body, _columns(tuple(document.body))
    at = columns.at
    said = {
        name: text for name, value in body.items()
        if (text := value.strip() if type(value) is str else survey.told(value)) and name not in (at, _TURN)
    }  # fmt: skip
    fields = {name: said[name] for name in columns.fields if name in said}
    address = next((text for name, text in said.items() if name in columns.addresses), None)
    submitted = document.text(at)
    words = (address,) if address else (submitted or "", *said.values(), str(body.get(_TURN) or ""))
    answers = [_answer(name, text, columns.grids[name]) for name, text in said.items() if name not in columns.fields]
    given = export.options
    wave = given["wave"] or survey.quarter(moment(submitted, given["dates"]))
    native = survey.response_id(given["survey"] or "", wave, words)
    yield from survey.rows(document, export, Response(native, None, submitted, answers, fields, address))


@lru_cache(maxsize=10_000)
def _answer(heading: str, text: str, grid: str | None) -> Answer:
    """Short words in a grid are points of its scale."""
    if grid is None:
        return Answer((heading,), (Said(text),))
    return Answer((heading,), (Said(text),), CHOICE if len(text) <= _LONGEST_CHOICE else UNKNOWN, grid)


def opens(path: Path, shown: str) -> Documents:
    """The rows of the table; of rows that are the same in all the later ones are numbered, because two people can answer alike."""
    if holds_documents(path, shown):
        return read_documents(path, shown, str)
    rows = table_documents(path, shown)
    met: dict[tuple[Any, ...], int] = {}
    found = []
    for number, row in rows.found:
        words = tuple(row.values())
        turn = met.get(words, 0)
        found.append((number, {**row, _TURN: turn} if turn else row))
        met[words] = turn + 1
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
