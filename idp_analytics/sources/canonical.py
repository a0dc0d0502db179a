"""Files already in our columns, or mapped onto them in the settings: CSV, Parquet, JSON, JSON lines, YAML.

Options of a ``canonical`` source::

    table = "deployments"                            # which of our tables
    columns = { service_id = "app" }                 # our column = theirs
    values = { outcome = { OK = "success", n = "" } }  # per column of ours: their word = ours; "" or "null": not known
    constants = { environment = "production" }       # column of ours = the same value in every row

Nothing is cast or judged here: text goes to ``conform`` as it is written, Parquet keeps its types.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics.errors import SourceError, nearest
from idp_analytics.sources.documents import Documents, holds_documents, read_documents
from idp_analytics.sources.files import shown_path
from idp_analytics.sources.tabular import EMPTY, ROW, Rows, read_rows
from idp_analytics.tables import LINEAGE, TABLES, Extract
from idp_analytics.tables.declare import Column, Kind, Table

UNREADABLE = "is no document that can be read"

_OPTIONS = ("table", "columns", "values", "constants")
_LINEAGE = frozenset(column.name for column in LINEAGE)
_NOT_KNOWN = ("", "null")
_SHOWN = 5


def problems(options: Mapping[str, Any]) -> list[str]:
    """What is wrong with the options of a ``canonical`` source, one sentence each; empty: nothing."""
    found = [
        f"{name}: a canonical source has no such option.{nearest(name, _OPTIONS)}" for name in options if name not in _OPTIONS
    ]  # fmt: skip
    names = [name for name in TABLES if name != "loads"]
    if options.get("table") not in names:
        word = options.get("table")
        return [*found, f"table = {word!r}: is none of our tables.{nearest(str(word), names)}" if word else "no table"]
    own = {column.name: column for column in _own(TABLES[options["table"]])}
    for option in ("columns", "values", "constants"):
        given = options.get(option, {})
        if not isinstance(given, Mapping):
            found.append(f"{option} = {given!r}: must be a table, {{ our_column = … }}")
            continue
        found += [
            f"{option}: table {options['table']!r} has no column {name!r}.{nearest(name, own)}" for name in given if name not in own
        ]  # fmt: skip
        check = {"columns": _wrong_name, "values": _wrong_words, "constants": _wrong_constant}[option]
        found += [sentence for name in given if name in own for sentence in check(own[name], given[name])]
    both = _mapping(options, "columns").keys() & _mapping(options, "constants").keys()
    return found + [f"{name}: is in columns and in constants; leave one out" for name in sorted(both)]


def read(paths: Sequence[Path], options: Mapping[str, Any], root: Path) -> list[Extract]:
    """One extract per file, for the table the options name.

    Its frame has those of the table's columns that the file (or the options) give, and ``_row``; columns not used are
    named in ``warnings``; broken rows and documents are counted in ``dropped``. An empty file gives no rows and a warning.

    Raises :class:`SourceError` when a column that must be known, or one named in ``columns``, is not in the file.
    """
    if not paths:
        raise SourceError('A canonical source has no files: add paths = ["…"] to it in settings.toml.')
    return [_extract(path, options, shown_path(path, root)) for path in paths]


# --- options ----------------------------------------------------------------------------------------------------------


def _own(table: Table) -> list[Column]:
    return [column for column in table.columns if column.name not in _LINEAGE]


def _mapping(options: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    given = options.get(name, {})
    return given if isinstance(given, Mapping) else {}


def _wrong_name(column: Column, theirs: Any) -> list[str]:
    return (
        [] if isinstance(theirs, str) and theirs else [f"columns: {column.name} = {theirs!r}: must be a name in quotes"]
    )


def _wrong_words(column: Column, words: Any) -> list[str]:
    if not isinstance(words, Mapping) or not all(isinstance(w, str | bool | int | float) for w in words.values()):
        return [f'values: {column.name} = {words!r}: must be a table, {{ "their word" = "ours" }}']
    if column.kind is not Kind.ENUM:
        return []
    known = (*column.values, *_NOT_KNOWN)
    return [
        f"values: {column.name}: {word!r} is none of our words.{nearest(str(word), column.values)}"
        for word in words.values()
        if str(word).strip().lower() not in known
    ]


def _wrong_constant(column: Column, value: Any) -> list[str]:
    if not isinstance(value, str | bool | int | float | date):
        return [f"constants: {column.name} = {value!r}: must be one value"]
    return [s.replace("values:", "constants:", 1) for s in _wrong_words(column, {"": _text(value)})]


# --- one file ---------------------------------------------------------------------------------------------------------


def _extract(path: Path, options: Mapping[str, Any], shown: str) -> Extract:
    table = TABLES[options["table"]]
    columns, constants = _mapping(options, "columns"), _mapping(options, "constants")
    documents = read_documents(path, shown, str) if holds_documents(path, shown) else None
    if documents is None:
        wanted = {column.name for column in _own(table)} | set(columns.values())
        rows = read_rows(path, shown, wanted.__contains__)
    else:
        rows = _as_rows(documents, {columns.get(c.name, c.name) for c in _own(table) if c.kind is Kind.TEXTS})
    warnings = list(rows.warnings)

    if rows.header:
        absent = {ours: theirs for ours, theirs in columns.items() if theirs not in rows.header}
        if absent and documents is None:
            raise _absent(shown, absent, rows.header)
        warnings += [f"columns: no document has {theirs!r} ({ours})" for ours, theirs in absent.items()]
    renamed = set(columns.values())
    found = {
        column.name: columns.get(column.name, column.name)
        for column in _own(table)
        if column.name not in constants
        and columns.get(column.name, column.name) in rows.header
        and (column.name in columns or column.name not in renamed)
    }
    missing = [c.name for c in _own(table) if not c.nullable and c.name not in found and c.name not in constants]
    if missing and rows.header:
        raise SourceError.missing_columns(shown, table.name, missing, rows.header)
    if unused := [n for n in rows.header if n not in found.values() and n not in _LINEAGE]:
        more = f" and {len(unused) - 2 * _SHOWN} more" if len(unused) > 2 * _SHOWN else ""
        warnings.append(f"{len(unused)} column(s) not used: {', '.join(map(repr, unused[: 2 * _SHOWN]))}{more}")

    words = _mapping(options, "values")
    given = {ours: _plain(rows.frame[theirs], table.column(ours)) for ours, theirs in found.items()}
    frame = pl.DataFrame([rows.frame[ROW], *(column.alias(ours) for ours, column in given.items())]).select(
        pl.col(ROW),
        *(_translated(pl.col(ours), words.get(ours, {}), column.dtype).alias(ours) for ours, column in given.items()),
        *(pl.lit(_text(value)).alias(ours) for ours, value in constants.items()),
    )
    unfinished = documents.unfinished if documents else None
    return Extract(
        table.name, frame, shown, rows.sha256, dropped=rows.dropped, rows_in=frame.height + sum(rows.dropped.values()),
        truncated=unfinished is not None, warnings=(*warnings, *([f"the file is not complete ({unfinished})"] if unfinished else [])),
    )  # fmt: skip


def _absent(shown: str, absent: Mapping[str, str], header: Sequence[str]) -> SourceError:
    told = "; ".join(f"{theirs!r} for {ours}.{nearest(theirs, header)}" for ours, theirs in absent.items())
    return SourceError(f"{shown}: settings.toml names columns that the file does not have: {told}")


def _plain(theirs: pl.Series, column: Column) -> pl.Series:
    """What Parquet has and no column of ours — structs, lists, maps, spans of time — as documents would give it."""
    if not theirs.dtype.is_nested() and not isinstance(theirs.dtype, pl.Map | pl.Duration):
        return theirs
    if column.kind is Kind.TEXTS and theirs.dtype == pl.List(pl.String):
        return theirs.list.eval(pl.when(pl.element() != "").then(pl.element()))  # _items of them all at once
    if column.kind is Kind.TEXTS:
        return pl.Series([_items(value) for value in theirs.to_list()], dtype=pl.List(pl.String))
    return pl.Series([_cell(value) for value in theirs.to_list()], dtype=pl.String)


def _translated(theirs: pl.Expr, words: Mapping[str, Any], dtype: pl.DataType) -> pl.Expr:
    """Their words → ours; a word not in the list stays, and an empty one of ours means that it is not known."""
    if not words:
        return theirs
    if isinstance(dtype, pl.List):
        return theirs.list.eval(_translated(pl.element(), words, dtype.inner).drop_nulls())  # type: ignore[arg-type]
    ours = {word: None if _text(our_word) in _NOT_KNOWN else _text(our_word) for word, our_word in words.items()}
    text = theirs.cast(pl.String)
    word = text.fill_null("").str.strip_chars()
    return word.replace_strict(list(ours), list(ours.values()), default=text, return_dtype=pl.String)


def _text(value: Any) -> str:
    """One value from the settings as a file would write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


# --- documents --------------------------------------------------------------------------------------------------------


def _as_rows(documents: Documents, lists: set[str]) -> Rows:
    """Documents as rows of text; ``lists`` are the members that stay lists."""
    header = tuple(dict.fromkeys(str(name) for _, document in documents.found for name in document))
    frame = pl.DataFrame(
        {
            ROW: [number for number, _ in documents.found],
            **{
                name: [(_items if name in lists else _cell)(document.get(name)) for _, document in documents.found]
                for name in header
            },
        },
        schema={ROW: pl.Int64, **{name: pl.List(pl.String) if name in lists else pl.String for name in header}},
    )
    told = [f"line {line}: {reason}" for line, reason in documents.broken[:_SHOWN]]
    if len(documents.broken) > _SHOWN:
        told.append(f"{len(documents.broken) - _SHOWN} more line(s) left out for like reasons")
    dropped = {UNREADABLE: len(documents.broken)} if documents.broken else {}
    nothing = ["the file holds no documents"] if not documents.found and EMPTY not in documents.warnings else []
    return Rows(frame, header, documents.sha256, dropped, (*documents.warnings, *nothing, *told))


def _cell(value: Any) -> str | None:
    match value:
        case None | "":
            return None
        case bool():
            return _text(value)
        case dict():
            return json.dumps(value, ensure_ascii=False, default=str)
        case list():
            return "; ".join(_cell(v) or "" for v in value)
    return str(value)


def _items(value: Any) -> list[str | None] | None:
    if isinstance(value, list):
        return [_cell(v) for v in value]
    text = _cell(value)
    return None if text is None else [part.strip() for part in text.split(";")]
