"""What follows from several snapshots of one state: since when something held, and when it no longer did."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from idp_analytics.sources import snapshots
from idp_analytics.sources.export import Document, File
from idp_analytics.sources.system import Row


def is_row(row: Row) -> bool:
    """A row of the table, as against a warning or one left out."""
    return "_left_out" not in row and "_warning" not in row and "_truncated" not in row


def spans(rows: list[Row]) -> list[Row]:
    """One row per span of days in which a pair (service and team, person and team) was seen.

    ``valid_from`` is the day of the first snapshot with it (null: it is in the first one there is), ``valid_to`` that of
    the first one without it that is not known to be incomplete. Snapshots of one file are compared with one another; rows of a file whose time is not known
    stay as they are.
    """
    kept = [row for row in rows if not is_row(row)]
    for line in _lines(row for row in rows if is_row(row)):
        taken = sorted({_at(row["_document"].file) for row in line})
        whole = {_at(row["_document"].file) for row in line if row["_document"].file.unfinished is None}
        if len(taken) < 2:
            kept += line
            continue
        pairs: dict[tuple[str | None, ...], dict[datetime, Row]] = {}
        for row in line:
            pair = tuple(row.get(name) for name in ("service_id", "person_id", "team_id"))
            pairs.setdefault(pair, {})[_at(row["_document"].file)] = row
        for seen in pairs.values():
            kept += _spans_of(seen, taken, whole)
    return kept


def _spans_of(seen: dict[datetime, Row], taken: list[datetime], whole: set[datetime]) -> Iterable[Row]:
    open_row: Row | None = None
    for number, at in enumerate(taken):
        if at in seen and open_row is None:
            open_row = {**seen[at], "valid_from": at.date().isoformat() if number else None}
        elif at not in seen and open_row is not None and at in whole:
            yield {**open_row, "valid_to": at.date().isoformat()}
            open_row = None
    if open_row is not None:
        yield open_row


def first_seen(rows: list[Row], column: str) -> list[Row]:
    """Of each row that comes in several snapshots the first, with ``column`` = when; null where it is in the first there is."""
    kept = [row for row in rows if not is_row(row)]
    for line in _lines(row for row in rows if is_row(row)):
        begun = min(_at(row["_document"].file) for row in line)
        met: dict[tuple[str, ...], Row] = {}
        for row in line:
            key = tuple(f"{name}={value}" for name, value in row.items() if not name.startswith("_"))
            if key not in met:
                at = _at(row["_document"].file)
                met[key] = {**row, column: at.isoformat() if begun < at < _NEVER else None}
        kept += met.values()
    return kept


def gone(rows: list[Row], key: str, column: str) -> list[Row]:
    """Of each thing the newest row; where a later snapshot of its file has it no more, ``column`` = when that was taken.

    A snapshot that is known to be incomplete proves nothing to be gone.
    """
    kept = [row for row in rows if not is_row(row)]
    for line in _lines(row for row in rows if is_row(row)):
        whole = sorted({_at(row["_document"].file) for row in line if row["_document"].file.unfinished is None})
        newest: dict[str, Row] = {}
        for row in line:
            newest[str(row[key])] = row
        for row in newest.values():
            later = [at for at in whole if at > _at(row["_document"].file)]
            kept.append({**row, column: later[0].isoformat()} if later and later[0] < _NEVER else row)
    return kept


def folded(rows: list[Row], key: str, earliest: Collection[str] = ()) -> list[Row]:
    """One row per thing that several documents tell of: of each column the newest that is known, by ``newest``, else as read;
    of the columns in ``earliest`` the first."""
    kept = [row for row in rows if not is_row(row)]
    told: dict[str, list[Row]] = {}
    for row in rows:
        if is_row(row):
            told.setdefault(str(row.get(key)), []).append(row)
    for several in told.values():
        ordered = sorted(several, key=lambda row: row["_newest"] or "")
        whole: Row = {name: None for row in ordered for name in row}
        whole.update({name: value for row in ordered for name, value in row.items() if value is not None})
        for name in earliest:
            if times := [row[name] for row in ordered if row.get(name)]:
                whole[name] = min(times)
        kept.append(whole)
    return kept


_NEVER = datetime.max.replace(tzinfo=UTC)


def _at(file: File) -> datetime:
    return file.as_of or _NEVER


def _lines(rows: Iterable[Row]) -> Iterable[list[Row]]:
    """Rows by the file they are snapshots of; one that is no snapshot stands with the snapshots of its name."""
    lines: dict[str, list[Row]] = {}
    for row in rows:
        document: Document = row["_document"]
        lines.setdefault(snapshots.original(document.file.shown), []).append(row)
    return lines.values()
