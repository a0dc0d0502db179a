"""People who are to be forgotten: their marks in a data folder, and every table without them.

A mark is a pseudonym (:mod:`pseudonyms`), so the list says who is on it only to somebody who knows the secret and the login. It has to stay:
exports that are read tomorrow name the same person again.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import polars as pl

from idp_analytics.errors import SettingsError
from idp_analytics.tables.pseudonyms import pseudonym

FILE = "forgotten.csv"
"""The list, in the data folder: one ``mark`` a line and the day since when (``since``)."""

REASON = "of a person who is forgotten"

WHO = ("person_id", "author_id", "requestor_id", "initiated_by", "responder_id", "approver_id", "respondent_id")
"""Columns that say who."""

ROWS = {"people": (), "memberships": (), "aliases": ("alias", "canonical_id")}
"""Tables whose rows are a person or a name of one, and the columns beside :data:`WHO` that tell whose."""

Tables = dict[str, pl.DataFrame]


def marks(root: Path) -> frozenset[str]:
    """The marks of a data folder, none where there is no list. Raises :class:`SettingsError` for a list that is none."""
    path = root / FILE
    if not path.is_file():
        return frozenset()
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"{path}: cannot be read ({error}). It is written by `idp forget`; restore it.") from None
    told = [row.get("mark") or "" for row in rows]
    if wrong := [n for n, mark in enumerate(told, 2) if mark != pseudonym(mark)]:
        # Whoever stands there would come back unnoticed.
        raise SettingsError(f"{path}: line {wrong[0]} is no mark. It is written by `idp forget`; restore it.")
    return frozenset(told)


def added(path: Path, who: Iterable[str], since: date) -> str:
    """The list as it is to be written, with these marks added, in order."""
    known = {}
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as file:
            known = {row["mark"]: row["since"] for row in csv.DictReader(file)}
    known = {mark: since.isoformat() for mark in who} | known
    return "\n".join(["mark,since", *(f"{mark},{day}" for mark, day in sorted(known.items()))]) + "\n"


def without(tables: Mapping[str, pl.DataFrame], forgotten: frozenset[str]) -> tuple[Tables, pl.DataFrame]:
    """The tables without these people, and the ``load_id`` and ``reason`` of every row that went.

    Rows that are a person, or say what one is called, go (:data:`ROWS`). In all others the columns of :data:`WHO` become null: what was done
    stays counted, by somebody unknown. Answers to surveys stay so too, under another id of the response: were they left out, what was
    published before and what is published next would tell by subtraction what one person said.
    """
    kept, gone = dict(tables), [pl.DataFrame(schema={"load_id": pl.String, "reason": pl.String})]
    if not forgotten:
        return kept, gone[0]
    renamed: dict[str, str] = {}
    for name, frame in tables.items():
        columns = [column for column in (*WHO, *ROWS.get(name, ())) if column in frame.columns]
        if not frame.height or not columns:
            continue
        marked = {column: _is_marked(frame[column], forgotten) for column in columns}
        if name in ROWS:
            own = frame["kind"] == "person" if name == "aliases" else pl.Series([True])
            going = pl.DataFrame(list(marked.values())).select(pl.any_horizontal(pl.all())).to_series() & own.fill_null(
                False
            )
            gone.append(frame.filter(going).select("load_id", pl.lit(REASON).alias("reason")))
            kept[name] = frame.filter(~going)
            continue
        if name == "survey_responses":
            theirs = frame.filter(marked["person_id"])["response_id"].unique()
            renamed = {one: f"forgotten:{hashlib.sha256(one.encode()).hexdigest()[:16]}" for one in theirs}
        kept[name] = frame.with_columns(
            pl.when(~marked[column]).then(pl.col(column)).alias(column) for column in columns
        )
    if renamed:
        for name in ("survey_responses", "comment_codes"):
            kept[name] = kept[name].with_columns(pl.col("response_id").replace(renamed))
    return kept, pl.concat(gone)


def unnamed(rejected: pl.DataFrame, forgotten: frozenset[str]) -> pl.DataFrame:
    """Rows set aside, without what was found in them where that names one of these people: alone, or as a part of a key."""
    if not forgotten:
        return rejected
    found = rejected["found"].unique().drop_nulls()
    theirs = found.filter(
        pl.Series(
            [any(pseudonym(part) in forgotten for part in (one, *one.split(", "))) for one in found], dtype=pl.Boolean
        )
    )
    return rejected.with_columns(
        pl.when(~pl.col("found").is_in(theirs.implode()).fill_null(False)).then("found").alias("found")
    )


def _is_marked(ids: pl.Series, forgotten: frozenset[str]) -> pl.Series:
    known = ids.unique().drop_nulls()
    theirs = known.filter(pl.Series([pseudonym(one) in forgotten for one in known], dtype=pl.Boolean))
    return ids.is_in(theirs.implode()).fill_null(False)
