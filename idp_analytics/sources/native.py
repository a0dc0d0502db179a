"""A system's files → extracts: the one way in which every declared :class:`System` is read."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics.errors import SourceError, nearest
from idp_analytics.sources.batch import Batch, batches, pieces
from idp_analytics.sources.export import Document, Export, File, misshapen, opened
from idp_analytics.sources.options import wrong
from idp_analytics.sources.over_time import UNDATED
from idp_analytics.sources.rows import count, frame, in_order, newest
from idp_analytics.sources.system import COMMON, Gives, Row, System
from idp_analytics.tables import TABLES, Extract
from idp_analytics.tables.declare import Table

AGAIN = "the same one comes again; the newest is used"

_SHAPELESS = (AttributeError, TypeError, ValueError, KeyError, IndexError, OverflowError, RecursionError)


# --- options ----------------------------------------------------------------------------------------------------------


def problems(system: System, options: Mapping[str, Any]) -> list[str]:
    """What is wrong with the options of a source of this system, one sentence each; empty: nothing."""
    known = {option.name: option for option in (*COMMON, *system.options)}
    found = [
        f"{name}: {system.title} has no such option.{nearest(name, known)}" for name in options if name not in known
    ]
    found += [f"no {name}: {option.doc}" for name, option in known.items() if option.required and name not in options]
    for name, value in options.items():
        if name in known:
            found += wrong(known[name], value)
    tables = options.get("tables")
    if isinstance(tables, list):
        found += [
            f"tables: {system.title} gives no {name!r}.{nearest(str(name), system.tables)}"
            for name in tables if name not in system.tables
        ]  # fmt: skip
    return found


# --- reading ----------------------------------------------------------------------------------------------------------


def read(system: System, paths: Sequence[Path], options: Mapping[str, Any], root: Path) -> list[Extract]:
    """One extract per file and table, in the order of the files.

    A document that is not shaped as the system writes it is left out and counted, as is a second one with the same key.
    Raises :class:`SourceError` for a file that cannot be read or holds nothing of this system.
    """
    with _without_collector():
        return _read(system, paths, options, root)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Documents are trees: the garbage collector finds nothing in them and would go through all of them again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _read(system: System, paths: Sequence[Path], options: Mapping[str, Any], root: Path) -> list[Extract]:
    if system.reads is not None:
        return system.reads(paths, options, root)
    if not paths:
        raise SourceError(f'{system.title} has no files: add paths = ["…"] to the source in settings.toml.')
    chosen = {**{option.name: option.default for option in (*COMMON, *system.options)}, **options}
    export = opened(system, paths, chosen, root)
    wanted = chosen["tables"] or system.tables
    extracts: list[Extract] = []
    for table in (name for name in system.tables if name in wanted):
        gives = [one for one in system.gives if one.table == table]
        rows = [row for one in gives for row in _rows(one, export)]
        extracts += _extracts(TABLES[table], rows, _files_of(gives, export))
    # A file that holds nothing of a table needs no word about it, as long as it gave another one.
    extracts = [extract for extract in extracts if extract.frame.height or extract.dropped or extract.truncated]
    extracts += _silent(export, {extract.path for extract in extracts}, wanted[0])
    return _with_strange(extracts, export)


def _rows(gives: Gives, export: Export) -> list[Row]:
    found: list[Row] = []
    for shape in gives.shapes:
        if gives.at_once is not None:
            for parts in pieces(export, shape) if gives.in_pieces else ([batch] for batch in batches(export, shape)):
                rows = [row for part in parts for row in _rows_of(gives.at_once, part.of(TABLES[gives.table]), export)]
                found += in_order(rows) if len(parts) > 1 else rows
            continue
        assert gives.rows is not None
        for document in export.of[shape]:
            try:
                found += list(gives.rows(document, export))
            except _SHAPELESS as error:
                found.append(document.left_out(misshapen(export, error)))
    found = gives.together(found) if gives.together else found
    return gives.over_time(found, export.files) if gives.over_time else found


def _rows_of(at_once: Callable[[Batch, Export], Iterator[Row]], batch: Batch, export: Export) -> list[Row]:
    """The rows of all documents; of those that are not shaped as the others that, and the rows of all others together."""
    try:
        return in_order(list(at_once(batch, export)))
    except _SHAPELESS as error:
        if len(batch) == 1:
            return [batch.documents[0].left_out(misshapen(export, error))]
    strange = _strange(at_once, batch, export)
    is_usual = [place not in strange for place in range(len(batch))]
    if not any(is_usual):
        return list(strange.values())
    if strange:
        return [*strange.values(), *_rows_of(at_once, batch.where(is_usual), export)]
    return [row for half in _halves(batch) for row in _rows_of(at_once, half, export)]


def _strange(
    at_once: Callable[[Batch, Export], Iterator[Row]], batch: Batch, export: Export, before: int = 0
) -> dict[int, Row]:
    """The places (``before``: how many there are before this batch) of the documents that cannot be read by themselves, each with why; sought by
    halves, because nearly all can."""
    try:
        list(at_once(batch, export))
    except _SHAPELESS as error:
        if len(batch) > 1:
            first, second = _halves(batch)
            return {
                **_strange(at_once, first, export, before),
                **_strange(at_once, second, export, before + len(first)),
            }
        return {before: batch.documents[0].left_out(misshapen(export, error))}
    return {}


def _halves(batch: Batch) -> tuple[Batch, Batch]:
    middle = len(batch) // 2
    return Batch(batch.table, batch.documents[:middle]), Batch(batch.table, batch.documents[middle:])


def _files_of(gives: Iterable[Gives], export: Export) -> list[File]:
    shapes = {shape for one in gives for shape in (*one.shapes, *one.beside)}
    return [file for file in export.files if file.shapes & shapes]


def _extracts(table: Table, rows: list[Row], files: Sequence[File]) -> list[Extract]:
    good: dict[str, list[Row]] = {file.shown: [] for file in files}
    dropped: dict[str, Counter[str]] = {file.shown: Counter() for file in files}
    said: dict[str, dict[str, None]] = {file.shown: {} for file in files}
    cut: set[str] = set()
    kept: list[Row] = []
    is_dated = "as_of" not in table.key
    for row in rows:
        if "_columns" in row and not is_dated:
            dated, undated = _dated(row)
            kept.append(dated)
            dropped[row["_document"].file.shown].update({UNDATED: undated} if undated else {})
            continue
        if "_newest" in row and (is_dated or row.get("as_of") is not None):
            kept.append(row)
            continue
        document: Document = row["_document"]
        name = document.file.shown
        if (reason := row.get("_left_out")) is not None:
            dropped[name][reason] += row["_times"]
        elif (sentence := row.get("_warning") or row.get("_truncated")) is not None:
            said[name][sentence] = None
            cut |= {name} if "_truncated" in row else set()
        else:
            dropped[name][UNDATED] += 1
    stay, again = newest(table, kept)
    for row in stay:
        good[row["_document"].file.shown].append(row)
    for row in again:
        if times := count(row):  # columns of a file may stand for none
            dropped[row["_document"].file.shown][AGAIN] += times
    return [
        Extract(
            table.name, frame(table, good[file.shown]), file.shown, file.sha256, file.as_of,
            truncated=file.unfinished is not None or file.shown in cut,
            warnings=(
                *file.warnings, *said[file.shown],
                *([f"the file is not complete ({file.unfinished})"] if file.unfinished else []),
            ),
            rows_in=sum(map(count, good[file.shown])) + dropped[file.shown].total(), dropped=dict(dropped[file.shown]),
        )
        for file in files
    ]  # fmt: skip


def _dated(row: Row) -> tuple[Row, int]:
    """Of what stands for many rows those that say when that was so, and how many do not."""
    told: pl.DataFrame = row["_columns"]
    dated = told.drop_nulls("as_of") if "as_of" in told.columns else told.clear()
    return {**row, "_columns": dated}, told.height - dated.height


def _silent(export: Export, told: set[str], table: str) -> list[Extract]:
    """Files that gave no table still have their line in ``loads``."""
    return [
        Extract(table, frame(TABLES[table], []), file.shown, file.sha256, file.as_of, file.unfinished is not None, file.warnings)
        for file in export.files
        if file.shown not in told
    ]  # fmt: skip


def _with_strange(extracts: list[Extract], export: Export) -> list[Extract]:
    """Documents that belong to no table are counted once per file, with its first table."""
    counted: set[str] = set()
    whole = []
    for extract in extracts:
        file = next(file for file in export.files if file.shown == extract.path)
        if extract.path not in counted:
            counted.add(extract.path)
            extra = {f"is a document {called}, which is not read": n for called, n in file.strange.items()}
            if file.broken:
                extra["is no document that can be read"] = file.broken
            if extra:
                dropped = {**extract.dropped, **extra}
                rows_in = extract.frame.height + sum(dropped.values())
                extract = Extract(**{**extract.__dict__, "dropped": dropped, "rows_in": rows_in})  # noqa: PLW2901
        whole.append(extract)
    return whole
