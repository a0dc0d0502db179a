"""The way of a provider's own bill from its files to ``costs``: current files, columns by name, charges, one row per basis."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics.errors import SourceError
from idp_analytics.sources.cost_cells import NULLS
from idp_analytics.sources.cost_manifests import Manifest, current
from idp_analytics.sources.cost_rows import costs, named, without_cost
from idp_analytics.sources.cost_snapshots import Prints, counted, fingerprints, older
from idp_analytics.sources.cost_spreadsheets import refuse_mangled
from idp_analytics.sources.documents import holds_documents, read_documents
from idp_analytics.sources.export import wrong_kind
from idp_analytics.sources.files import sha256, shown_path
from idp_analytics.sources.system import Option, System
from idp_analytics.sources.tabular import ROW, Rows, read_rows
from idp_analytics.tables import Extract

AGAIN = "is in the same file given twice"
PARTS = Option(
    "parts", "flag", "The files are parts of one bill even where they look like snapshots of it: all are counted.", default=False
)  # fmt: skip
"""The option that says that no two files are snapshots of one bill."""

_CLOUD_LINES = 50  # so many costs of a cloud are never all whole cents


@dataclass(frozen=True)
class BillFile:
    """One file of a bill: ``raw`` has our names of its columns, those told apart by ``also`` under their own, and ``_row``."""

    path: Path
    shown: str
    raw: pl.DataFrame
    rows: Rows
    manifest: Manifest | None = None


@dataclass(frozen=True)
class Charges:
    """What was made of one file: ``frame`` (``cost_rows.CHARGE``, ``_row`` and amounts) and basis → its column of amounts."""

    frame: pl.DataFrame
    amount_of: Mapping[str, str]
    dropped: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    part: str | None = None
    unused_on: tuple[str, ...] | None = None
    """The bases on which ``is_unused_commitment`` is meant; on the others it is false. Null: on all."""


def folded(name: str) -> str:
    """How names of columns are compared: letters and digits only, without case (``lineItem/UsageType``, ``line_item_usage_type``)."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def files(
    system: System,
    paths: Sequence[Path],
    root: Path,
    columns: Mapping[str, Sequence[str]],
    needed: Sequence[str],
    also: Callable[[str], bool] = lambda _: False,
    ids: Sequence[str] = (),
) -> tuple[list[BillFile], list[Extract]]:
    """The files that count, read; and an extract without rows for each that does not.

    ``columns``: our name → what theirs are once :func:`folded`, the first that is there counts. ``needed``: ours without
    which no charge can be read. ``ids``: ours that a spreadsheet must not have rewritten (:mod:`cost_spreadsheets`).
    Raises :class:`SourceError` for a file of another system, one without a needed column, and what
    :func:`cost_manifests.current` refuses.
    """
    if not paths:
        raise SourceError(f'{system.title} has no files: add paths = ["…"] to the source in settings.toml.')
    chosen = current(paths, root)
    wanted = frozenset(name for names in columns.values() for name in names)
    read: list[BillFile] = []
    silent = [
        Extract("costs", _nothing(), shown_path(path, root), sha256(path), warnings=(sentence,), rows_in=0)
        for path, sentence in chosen.left_out.items()
    ]
    for path in chosen.files:
        shown = shown_path(path, root)
        if holds_documents(path, shown):
            body = next((body for _, body in read_documents(path, shown, str).found), None)
            if body is not None:
                raise SourceError(wrong_kind(system, shown, body))
        rows = read_rows(path, shown, lambda name: folded(name) in wanted or also(name), NULLS)
        place = _places(rows.header, columns)
        if rows.header:
            _stop_if_unusable(system, shown, rows.header, place, columns, needed)
        twice = next((one for one in read if one.rows.sha256 == rows.sha256), None)
        if twice is not None or not rows.header:
            told = (f"is the same as {twice.shown} and is not counted again",) if twice else rows.warnings
            gone = {AGAIN: rows.frame.height} if twice and rows.frame.height else {}
            silent.append(
                Extract(
                    "costs", _nothing(), shown, rows.sha256, warnings=told, rows_in=sum(gone.values()), dropped=gone
                )
            )
            continue
        own = [pl.col(theirs).alias(ours) for ours, theirs in place.items()]
        tags = [
            pl.col(name)
            for name in rows.header
            if also(name) and name in rows.frame.columns and name not in place.values()
        ]
        raw = rows.frame.select(ROW, *own, *tags)
        refuse_mangled(shown, raw, [name for name in ids if name in raw.columns])
        read.append(BillFile(path, shown, raw, rows, chosen.of.get(path)))
    return read, silent


def extracts(
    kind: str, read: Sequence[BillFile], charged: Sequence[Charges], options: Mapping[str, Any], root: Path
) -> list[Extract]:
    """One extract per file; charges of a period that a newer snapshot of the bill has too are left out and counted."""
    prefix = kind if options.get("prefix") is None else str(options["prefix"])
    gone: list[dict[str, str]] = [{} for _ in read]
    prints: list[Prints | None] = [None for _ in read]
    if len(read) > 1 and not options.get("parts"):
        compared = [
            fingerprints(file.shown, file.path, one.frame, list(dict.fromkeys(one.amount_of.values())))
            for file, one in zip(read, charged, strict=True)
        ]
        gone, prints = older(compared), [*compared]
    found = []
    for file, one, printed, periods in zip(read, charged, prints, gone, strict=True):
        frame, superseded = counted(one.frame, printed, periods) if printed else (one.frame, {})
        amounts = list(dict.fromkeys(one.amount_of.values()))
        rows = costs(frame, one.amount_of, named(prefix, file.path, file.rows.sha256, root), one.part)
        if one.unused_on is not None:
            meant = pl.col("is_unused_commitment") & pl.col("basis").is_in(one.unused_on)
            rows = rows.with_columns(meant.alias("is_unused_commitment"))
        dropped = {**file.rows.dropped, **one.dropped, **superseded, **without_cost(frame, amounts)}
        found.append(
            Extract(
                "costs", rows, file.shown, file.rows.sha256, options.get("as_of"), dropped=dropped, rows_in=frame.height + sum(dropped.values()),
                warnings=(*file.rows.warnings, *one.warnings, *periods.values()),
            )
        )  # fmt: skip
    return found


def floats(raw: pl.DataFrame, names: Iterable[str]) -> list[str]:
    """The sentence about costs that are binary floats in the file (Parquet)."""
    found = [name for name in names if name in raw.columns and raw[name].dtype.is_float()]
    return (
        [
            f"costs are binary floats in the file ({', '.join(found)}): their exact decimals were lost before it was written"
        ]
        if found
        else []
    )


def rounded(costs: pl.Series) -> list[str]:
    """The sentence about a bill whose every cost is whole cents: clouds do not write such bills, spreadsheets do."""
    some = costs.drop_nulls().filter(costs.drop_nulls() != 0) if costs.dtype.is_decimal() else costs.clear()
    if some.len() < _CLOUD_LINES or bool((some != some.truncate(2)).any()):
        return []
    return [
        f"all {some.len():,} costs have at most two decimals, which no such bill has: rounded on the way, so that sums are off by up to "
        f"{some.len() * 5:,} thousandths"
    ]


def currencies(charges: pl.DataFrame) -> list[str]:
    """The sentence about a file in several currencies."""
    found = charges["currency"].drop_nulls().unique().sort().to_list() if "currency" in charges.columns else []
    return [f"several currencies, never added together: {', '.join(found)}"] if len(found) > 1 else []


def _places(header: Sequence[str], columns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    there = {folded(name): name for name in reversed(header)}
    return {
        ours: there[next(n for n in names if n in there)]
        for ours, names in columns.items()
        if there.keys() & set(names)
    }


def _stop_if_unusable(
    system: System,
    shown: str,
    header: Sequence[str],
    place: Mapping[str, str],
    columns: Mapping[str, Sequence[str]],
    needed: Sequence[str],
) -> None:
    missing = [" or ".join(columns[name]) for name in needed if name not in place]
    if missing:
        raise SourceError(
            f"{shown}: is no bill of {system.title}: no column {', '.join(missing)}. Found: {', '.join(header[:40])}. "
            "Export it again with all columns."
        )


def _nothing() -> pl.DataFrame:
    return pl.DataFrame(schema={ROW: pl.Int64})
