"""Answers to self-assessments → rows of ``assessments`` in a file of the data folder. Brought in twice they change nothing."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import polars as pl

from idp_analytics import data_folder, sources
from idp_analytics.errors import IdpError, SourceError
from idp_analytics.settings import Settings
from idp_analytics.settings.maturity_model import FILE as MODEL
from idp_analytics.sources import members
from idp_analytics.sources.assessment_forms import COMMUNITY_VERSION, LEVELS, community, plain
from idp_analytics.sources.documents import holds_documents, read_documents
from idp_analytics.sources.files import sha256
from idp_analytics.sources.tabular import ROW, read_rows
from idp_analytics.tables import LINEAGE, TABLES, Extract
from idp_analytics.tables.conform import conform

KIND = "self_assessment"
TARGET = "assessments.csv"
SOURCE = '[[source]]\nkind = "canonical"\ntable = "assessments"\npaths = ["assessments.csv"]'
"""What ``settings.toml`` needs so that the file is read."""

_MOST_ANSWERS = 1_000
"""Members of an address that are read; the community's assessment has twenty-odd."""

_COLUMNS = [column.name for column in TABLES["assessments"].columns if column not in LINEAGE]
_WRITTEN = "%Y-%m-%dT%H:%M:%S%.fZ"


@dataclass(frozen=True)
class Brought:
    """What came of one file: respondents and answers in it, and why what is not used is not; ``refused``: why nothing of it is."""

    file: str
    respondents: int = 0
    answers: int = 0
    set_aside: Mapping[str, int] | None = None
    refused: str | None = None


@dataclass(frozen=True)
class Import:
    """All files, the ``target`` they went into, how many answers it has gained or changed, and whether the settings read it."""

    files: tuple[Brought, ...]
    target: Path
    new: int
    changed: int
    is_read: bool


def bring_in(
    given: Sequence[str], settings: Settings, options: Mapping[str, Any], questions: Path | None = None
) -> Import:
    """Read files (or addresses of the community's assessment, which hold its answers) and add their answers to the data folder.

    ``questions``: the community's questions with the words of their levels (its YAML, or a table), for tables that answer in words. Of two answers of one form
    to one item the one submitted later stays. A file that cannot be read is refused and the others are brought in.
    """
    found, files = [], []
    if (model := settings.root / MODEL).is_file():
        options = {**options, "model": str(model.absolute())}
    for one in given:
        try:
            with sources.limited(settings.limits):
                extracts = _extracts(one, options, questions)
        except IdpError as error:
            files.append(Brought(_shown(one), refused=str(error)))
            continue
        told, rows = _conformed(_shown(one), extracts, settings.time_zone)
        files.append(told)
        found.append(rows)
    target, is_read = _target(settings)
    with data_folder.held(settings.root):
        new, changed = _merged(target, pl.concat(found)) if found else (0, 0)
    return Import(tuple(files), target, new, changed, is_read)


def _shown(given: str) -> str:
    return given.partition("?")[0] if "://" in given else Path(given).name


def _extracts(given: str, options: Mapping[str, Any], questions: Path | None) -> list[Extract]:
    if "://" in given or questions:
        documents = [_from_address(given)] if "://" in given else _in_words(Path(given), questions)  # type: ignore[arg-type]
        with tempfile.TemporaryDirectory(prefix="idp-assess-") as folder:
            path = Path(folder) / "answers.json"
            path.write_text(json.dumps(documents), encoding="utf-8")
            return sources.read(KIND, [path], options, path.parent)
    path = Path(given)
    return sources.read(KIND, [path], options, path.parent)


def _from_address(address: str) -> dict[str, Any]:
    """The answers that an address of the community's assessment holds. Nobody is asked for anything."""
    try:
        query = parse_qs(urlsplit(address).query, max_num_fields=_MOST_ANSWERS)
    except ValueError as error:
        raise SourceError(
            f"{_shown(address)}: is no address that can be read ({error}). Copy the whole address."
        ) from None
    found = {name: values[-1] for name, values in query.items()}
    if not community(found):
        raise SourceError(
            f"{_shown(address)}: holds no answers (investment_1=… to measurement_4=…). Copy the whole address."
        )
    return found


def _in_words(path: Path, questions: Path) -> list[dict[str, Any]]:
    """Rows of a table that answer the community's questions in words, by the words that stand for each level in ``questions``."""
    levels, version = _of_file(questions) if holds_documents(questions, questions.name) else _of_table(questions)
    documents = []
    for row in read_rows(path, path.name).frame.drop(ROW).iter_rows(named=True):
        said = {heading: words for heading, words in row.items() if words}
        answers = {
            levels[plain(heading)][0]: levels[plain(heading)][1].get(plain(words), words)
            for heading, words in said.items()
            if plain(heading) in levels
        }
        documents.append(
            {
                "answers": answers,
                "model_version": version,
                "submitted_at": next((said[n] for n in ("Timestamp", "submitted_at") if n in said), None),
            }
        )
    return documents


_Levels = Mapping[str, tuple[str, Mapping[str, int]]]
"""Question → what the community calls it, and the words that stand for each level."""


def _of_file(questions: Path) -> tuple[_Levels, str]:
    """The community's own file of questions (YAML): each names its field, so answers to it are answers to the community's model, in whatever language."""
    levels: dict[str, tuple[str, dict[str, int]]] = {}
    for _, body in read_documents(questions, questions.name, str).found:
        for one in (
            one for category in members.every(body, "categories") for one in members.every(category, "questions")
        ):
            name, text = members.text(one, "field_name"), members.text(one, "text")
            options = [(members.text(option, "value"), option) for option in members.every(one, "options")]
            words = {
                plain(said): int(level)
                for level, option in options
                if level in LEVELS
                for said in (members.text(option, "level"), members.text(option, "description"))
                if said
            }
            if name and text and words:
                levels[plain(text)] = (name, words)
    if not levels:
        raise SourceError(
            f"{questions.name}: holds no categories with questions, as the community's file of questions does."
        )
    return levels, COMMUNITY_VERSION


def _of_table(questions: Path) -> tuple[_Levels, str]:
    """A table with Category, Question, L1, L2, L3, L4. Other words or another order are another model: two sets of questions are never taken for one."""
    levels: dict[str, tuple[str, dict[str, int]]] = {}
    counted: dict[str, int] = {}
    for row in read_rows(questions, questions.name).frame.iter_rows(named=True):
        if not {"Category", "Question", "L1", "L2", "L3", "L4"} <= row.keys():
            raise SourceError(f"{questions.name}: needs the columns Category, Question, L1, L2, L3, L4.")
        words = {plain(row[f"L{level}"]): level for level in range(1, 5) if row[f"L{level}"]}
        if row["Question"] and row["Category"] and words:
            aspect = plain(row["Category"]).split(" ")[0]
            counted[aspect] = counted.get(aspect, 0) + 1
            levels[plain(row["Question"])] = (f"{aspect}_{counted[aspect]}", words)
    return levels, f"{COMMUNITY_VERSION}-{sha256(questions)[:8]}"


def _conformed(shown: str, extracts: Sequence[Extract], zone: str) -> tuple[Brought, pl.DataFrame]:
    done = [conform(extract, KIND, zone) for extract in extracts]
    rows = (
        pl.concat([one.rows for one in done])
        .select(_COLUMNS)
        .unique(["assessment_id", "item_id"], keep="last", maintain_order=True)
    )
    aside: dict[str, int] = {}
    for one in done:
        for reason, count in json.loads(one.load["dropped"][0]).items():
            aside[reason] = aside.get(reason, 0) + count
    refused = None if rows.height else "; ".join(aside) or "holds no answer"
    return Brought(shown, rows["assessment_id"].n_unique(), rows.height, aside, refused), rows


def _target(settings: Settings) -> tuple[Path, bool]:
    """The file of the first canonical source of assessments that is one plain CSV, else the usual one; and whether it is read."""
    for source in settings.sources:
        named = source.paths[0] if len(source.paths) == 1 else ""
        is_plain = named.endswith(".csv") and not set(named) & set("*?[")
        if is_plain and source.kind == "canonical" and source.options == {"table": "assessments"}:
            return settings.root / named, True
    return settings.root / TARGET, False


def _already(target: Path) -> pl.DataFrame:
    """What is in the file now. Raises :class:`SourceError` where not all of it can be read, for it is about to be written anew."""
    rows = read_rows(target, target.name)
    if rows.dropped:
        told = "; ".join(f"{count:,} row(s): {reason}" for reason, count in rows.dropped.items())
        raise SourceError(
            f"{target.name}: cannot be read whole ({told}), so nothing was added. Mend it or move it away."
        )
    return rows.frame.drop(ROW)


def _merged(target: Path, found: pl.DataFrame) -> tuple[int, int]:
    """Write what was there and what is new, whole or not at all; how many answers are new, and how many others changed."""
    key = ["assessment_id", "item_id"]
    text = found.with_columns(pl.col("submitted_at").dt.strftime(_WRITTEN)).select(pl.all().cast(pl.String))
    before = _already(target) if target.exists() and target.stat().st_size else text.clear()
    if absent := [name for name in key if name not in before.columns]:
        raise SourceError(f"{target}: has no column {', '.join(absent)}; it is no file of assessments. Move it away.")
    both = pl.concat([before.with_columns(_turn=pl.lit(0)), text.with_columns(_turn=pl.lit(1))], how="diagonal")
    moment = pl.col("submitted_at").str.to_datetime(time_zone="UTC", strict=False)
    # Of one form only what was submitted last counts, also where it has fewer answers than before.
    forms = both.with_columns(_at=moment, _place=pl.int_range(pl.len())).with_columns(
        _last=pl.col("_at") == pl.col("_at").max().over("assessment_id")
    )
    kept = (
        forms.filter(pl.col("_last") | pl.col("_at").is_null())
        .sort("_turn", "_place")
        .unique(key, keep="first", maintain_order=True)
    )
    after = kept.sort("_place").select(list(dict.fromkeys((*before.columns, *_COLUMNS))))
    known = before.select(key).unique()
    # Rows that are there without an id are no news either.
    new = after.join(known, on=key, how="anti", nulls_equal=True).height
    shared = [name for name in _COLUMNS if name in before.columns]
    changed = (
        after.join(known, on=key, nulls_equal=True)
        .join(before.select(shared), on=shared, how="anti", nulls_equal=True)
        .height
    )
    if new or changed or after.height != before.height:
        data_folder.write(target, after.write_csv().encode())
    return new, changed
