"""What follows from several snapshots of one state: since when something held, and when it no longer did."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from idp_analytics.sources.export import Document, File
from idp_analytics.sources.system import Row

UNDATED = "it does not say when it was exported: add as_of to the source in settings.toml, or use idp collect"
"""Why a row of what is so now is left out where nothing says when "now" was."""


def is_row(row: Row) -> bool:
    """A row of the table, as against a warning or one left out."""
    return "_left_out" not in row and "_warning" not in row and "_truncated" not in row


def beside(row: Row, **columns: Sequence[Any]) -> Row:
    """Rows that are columns, with more of them, which no table has: what is needed where something follows from several."""
    more = [pl.Series(name, values) for name, values in columns.items()]
    return {**row, "_columns": row["_columns"].with_columns(more)}


def together(rows: Sequence[Row]) -> pl.DataFrame:
    """Rows that are columns, of all files, as one; ``_of`` is the place in ``rows`` that each comes from."""
    parts = [row["_columns"].with_columns(pl.lit(place).alias("_of")) for place, row in enumerate(rows)]
    whole: pl.DataFrame = pl.concat(parts, how="diagonal_relaxed")
    return whole


def apart(frame: pl.DataFrame, rows: Sequence[Row]) -> list[Row]:
    """The rows of a frame given back to the files they come from (:func:`together`)."""
    return [{**row, "_columns": frame.filter(pl.col("_of") == place)} for place, row in enumerate(rows)]


@dataclass(frozen=True)
class _Line:
    """One export over time: its ``rows``, oldest first, when it was ``taken``, and when as a ``whole``, that is, not known to
    be incomplete. Times come from the files, because the last row of a table may be gone with its file empty."""

    rows: list[Row]
    taken: list[datetime]
    whole: list[datetime]


def spans(rows: list[Row], files: Sequence[File]) -> list[Row]:
    """One row per span of days in which a pair (service and team, person and team) was seen.

    ``valid_from`` is the day of the first snapshot with it (null: it is in the first one there is), ``valid_to`` that of
    the first one without it that is not known to be incomplete. Snapshots of one export are compared with one another; an
    export whose time is not known tells no change, and a pair that only it has is left out.
    """
    kept = [row for row in rows if not is_row(row)]
    for line in _lines(rows, files):
        if len(line.taken) < 2:
            kept += line.rows if not line.taken else [row for row in line.rows if _at(row["_document"].file) < _NEVER]
        pairs: dict[tuple[str | None, ...], dict[datetime, Row]] = {}
        for row in line.rows:
            pair = tuple(row.get(name) for name in ("service_id", "person_id", "team_id"))
            pairs.setdefault(pair, {})[_at(row["_document"].file)] = row
        for seen in pairs.values():
            if len(line.taken) > 1:
                kept += _spans_of(seen, line)
            if line.taken and (undated := seen.get(_NEVER)) and line.taken[-1] not in seen:
                kept.append(undated["_document"].left_out(UNDATED))
    return kept


def _spans_of(seen: Mapping[datetime, Row], line: _Line) -> Iterable[Row]:
    open_row: Row | None = None
    for number, at in enumerate(line.taken):
        if at in seen and open_row is None:
            open_row = {**seen[at], "valid_from": at.date().isoformat() if number else None}
        elif at not in seen and open_row is not None and at in line.whole:
            yield {**open_row, "valid_to": at.date().isoformat()}
            open_row = None
    if open_row is not None:
        yield open_row


def first_seen(rows: list[Row], files: Sequence[File], column: str) -> list[Row]:
    """Of each row that comes in several snapshots the first, with ``column`` = when; null where it is in the first there is."""
    kept = [row for row in rows if not is_row(row)]
    for line in _lines(rows, files):
        met: dict[tuple[str, ...], Row] = {}
        for row in line.rows:
            key = tuple(f"{name}={value}" for name, value in row.items() if not name.startswith("_"))
            if key not in met:
                at = _at(row["_document"].file)
                met[key] = {**row, column: at.isoformat() if line.taken and line.taken[0] < at < _NEVER else None}
        kept += met.values()
    return kept


def gone(rows: list[Row], files: Sequence[File], key: str, column: str) -> list[Row]:
    """Of each thing the newest row; where a later snapshot of its export has it no more, ``column`` = when that was taken,
    unless the thing says so itself.

    A snapshot that is known to be incomplete proves nothing to be gone, and neither does one export what another still has.
    """
    kept = [row for row in rows if not is_row(row)]
    there: set[str] = set()
    ended: list[Row] = []
    for line in _lines(rows, files):
        for name, row in {str(row[key]): row for row in line.rows}.items():
            later = next((at for at in line.whole if at > _at(row["_document"].file)), None)
            if later is None:
                there.add(name)
                kept.append(row)
            else:
                ended.append(row if row.get(column) else {**row, column: later.isoformat()})
    return kept + [row for row in ended if str(row[key]) not in there]


def closed(rows: list[Row], files: Sequence[File]) -> list[Row]:
    """Escape hatches, ``closed_at`` the first later snapshot of their export without them (:func:`gone`)."""
    return gone(rows, files, "hatch_id", "closed_at")


def retired(rows: list[Row], files: Sequence[File]) -> list[Row]:
    """Services, ``retired_at`` the first later snapshot of their export without them (:func:`gone`)."""
    return gone(rows, files, "service_id", "retired_at")


def newest(files: Sequence[File]) -> frozenset[str]:
    """The files that show what is so now, as shown: of each export those of its latest time."""
    last: dict[str, datetime] = {}
    for file in files:
        last[file.line] = max(_at(file), last.get(file.line, _at(file)))
    return frozenset(file.shown for file in files if _at(file) == last[file.line])


def folded(rows: list[Row], key: str, earliest: Collection[str] = ()) -> list[Row]:
    """One row per thing that several documents tell of: of each column the newest that is known, by ``newest``, else as read;
    of the columns in ``earliest`` the first."""
    kept: list[Row] = []
    told: dict[str, list[Row]] = {}
    for row in rows:
        if is_row(row):
            told.setdefault(str(row.get(key)), []).append(row)
        else:
            kept.append(row)
    for several in told.values():
        if len(several) == 1:
            kept.append(several[0])
            continue
        ordered = sorted(several, key=lambda row: row["_newest"] or "")
        whole: Row = dict(ordered[0])
        for row in ordered[1:]:
            for name, value in row.items():
                if value is not None or name not in whole:
                    whole[name] = value
        for name in earliest:
            if times := [row[name] for row in ordered if row.get(name)]:
                whole[name] = min(times)
        kept.append(whole)
    return kept


_NEVER = datetime.max.replace(tzinfo=UTC)


def _at(file: File) -> datetime:
    return file.as_of or _NEVER


def _lines(rows: Iterable[Row], files: Iterable[File]) -> Iterable[_Line]:
    """Rows by the export they are of (:attr:`File.line`), with the times of all its files; of a time at which one of them is
    known to be incomplete none is whole."""
    lines: dict[str, list[Row]] = {}
    for row in filter(is_row, rows):
        document: Document = row["_document"]
        lines.setdefault(document.file.line, []).append(row)
    unfinished: dict[str, dict[datetime, bool]] = {}
    for file in files:
        if file.as_of is not None:
            times = unfinished.setdefault(file.line, {})
            times[file.as_of] = times.get(file.as_of, False) or file.unfinished is not None
    for name, held in lines.items():
        told = unfinished.get(name, {})
        yield _Line(held, sorted(told), sorted(at for at, is_cut in told.items() if not is_cut))
