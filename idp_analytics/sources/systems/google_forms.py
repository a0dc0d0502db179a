"""Google Forms: responses as CSV, from the form (with offsets) or from its sheet (in the sheet's own zone and order of dates).

The file has no ids: a response is known by the address that was collected, else by what it says.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics.sources import survey_answers as survey
from idp_analytics.sources import survey_columns
from idp_analytics.sources.documents import Documents, holds_documents, read_documents
from idp_analytics.sources.export import Document, Export, misshapen, table_documents
from idp_analytics.sources.survey_answers import CHOICE, UNKNOWN, Answer, Said
from idp_analytics.sources.survey_columns import SHEET, Cells, Sheet, asked, cells, is_sheet
from idp_analytics.sources.survey_times import moments
from idp_analytics.sources.system import Gives, Recipe, Row, Shape, System
from idp_analytics.sources.tabular import ROW, read_rows
from idp_analytics.tables.numbered import once

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
_OTHER = "is a document of another shape, which is not read"
_LONGEST_CHOICE = 40
_WRITTEN = re.compile(
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4},? \d{1,2}:\d{2}(?::\d{2})?( [AP]M)?( GMT([+-]\d{1,2}(:\d{2})?)?)?"
)
_GRID = re.compile(r"(.+?)\s*\[([^\[\]]+)\]", re.DOTALL)


@dataclass(frozen=True)
class _Columns:
    """What the columns of a table are: those about the respondent, and questions, each with its grid (null: of none)."""

    fields: tuple[str, ...]
    addresses: frozenset[str]
    grids: Mapping[str, str | None]


@lru_cache(maxsize=100)
def _columns(names: tuple[str, ...]) -> _Columns:
    about = {name: name.strip().lower() for name in names}
    grids = {name: found[1] for name in names if (found := _GRID.fullmatch(name))}
    rows = Counter(grids.values())
    return _Columns(
        tuple(name for name, plain in about.items() if plain in (*_ADDRESS, *_SCORE)),
        frozenset(name for name, plain in about.items() if plain in _ADDRESS),
        # A grid has several rows; anything else with brackets is a question that happens to have them.
        {name: grids[name] if name in grids and rows[grids[name]] > 1 else None for name in names},
    )


def survey_responses(document: Document, export: Export) -> Iterator[Row]:
    """One row per answer; rows of a grid are questions of their own, ``Question [row]``."""
    given, body = export.options, document.body
    submitted, wrong = moments(body["written"], given["dates"])
    reasons = once(
        body["written"],
        lambda text: misshapen(export, wrong[text]) if text in wrong else None if _is_written(text) else _OTHER,
    )
    waves = once(submitted, lambda at: given["wave"] or survey.quarter(at) or "")
    words = pl.concat_str(pl.lit(given["survey"] or ""), waves, body["words"], separator="\0")
    ids = survey.response_ids(pl.select(words).to_series())
    told = {"native": ids, "submitted": submitted, "who": body["address"], "reason": reasons}
    yield from survey_columns.rows(document, export, body[SHEET], pl.DataFrame(told, dict.fromkeys(told, pl.String)))


def _words(frame: pl.DataFrame, written: pl.Series, said: Sequence[Cells], address: pl.Series) -> pl.Series:
    """What each response is known by: its address, else all it says, and its turn among those that say the same."""
    is_nameless = address.is_null()
    if not is_nameless.any():
        return address
    which = is_nameless.to_numpy()
    words = (written.filter(is_nameless).fill_null(""), *(Cells(one.words, one.at[which]).texts for one in said))
    told = pl.select(pl.concat_str(*words, separator="\0", ignore_nulls=True)).to_series()
    # Where no two say the same, none has a turn.
    turn = pl.lit("") if told.n_unique() == len(told) else _turns(frame).filter(is_nameless)
    told = pl.select(pl.concat_str(told, turn, separator="\0")).to_series()
    # Of a copy, because the addresses themselves still tell who two responses are of.
    return address.clone().scatter(is_nameless.arg_true(), told)


def _answer(heading: str, text: str, grid: str | None) -> Answer:
    """Short words in a grid are points of its scale."""
    if grid is None:
        return Answer((heading,), (Said(text),))
    return Answer((heading,), (Said(text),), CHOICE if len(text) <= _LONGEST_CHOICE else UNKNOWN, grid)


def opens(path: Path, shown: str) -> Documents:
    """The responses of the table as one document; of rows that are the same in all the later ones have a turn, because two people
    can answer alike."""
    if holds_documents(path, shown):
        return read_documents(path, shown, str)
    rows = read_rows(path, shown)
    names, frame = rows.header, rows.frame.drop(ROW)
    if not (len(names) > 1 and names[0] in _TIMESTAMP and any(map(_is_written, frame[names[0]].unique()))):
        return table_documents(path, shown)
    about, found = _columns(names), {name: cells(frame[name]) for name in names}
    sheet = Sheet(
        rows.frame[ROW], [(name, found[name]) for name in about.fields],
        [asked(found[name], partial(_answer, name, grid=about.grids[name])) for name in names[1:] if name not in about.fields],
    )  # fmt: skip
    written, said = found[names[0]].texts, [found[name] for name in names[1:]]
    address = sheet.first([found[name].texts for name in names if name in about.addresses])
    body = {SHEET: sheet, "written": written, "address": address, "words": _words(frame, written, said, address)}
    return Documents([(1, body)], rows.sha256, rows.broken, warnings=rows.warnings)


def _turns(frame: pl.DataFrame) -> pl.Series:
    """How many rows before each are the same, as text; empty: none."""
    turn = pl.int_range(pl.len()).over(frame.columns)
    return frame.select(turn=pl.when(turn > 0).then(turn.cast(pl.String)).otherwise(pl.lit(""))).to_series()


def _is_written(text: str | None) -> bool:
    return _WRITTEN.fullmatch((text or "").strip()) is not None


def _is_response(body: Mapping[str, Any]) -> bool:
    first = next(iter(body), "")
    return is_sheet(body) or (len(body) > 1 and first in _TIMESTAMP and _is_written(str(body.get(first) or "")))


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
