"""The file of the change ledger: lines are added to it, one run at a time, whole or not at all; none is ever changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics import data_folder, sources
from idp_analytics.errors import SourceError
from idp_analytics.settings import Settings
from idp_analytics.sources.ledger_entries import FILE, SEAL, changed, line, seal
from idp_analytics.tables import TABLES
from idp_analytics.tables.conform import conform

KIND = "change_ledger"
SOURCE = f'[[source]]\nkind = "{KIND}"\npaths = ["{FILE}"]'
"""What ``settings.toml`` needs so that the ledger is read."""


@contextmanager
def locked(settings: Settings) -> Iterator[Path]:
    """The ledger's path, its data folder held for one command (:func:`data_folder.held`)."""
    with data_folder.held(settings.root):
        yield settings.root / FILE


def entries(target: Path) -> list[dict[str, Any]]:
    """The entries of the ledger, oldest first; none where there is no file. Raises :class:`SourceError` for a line that is none."""
    found = []
    text = target.read_text(encoding="utf-8-sig") if target.exists() else ""
    for number, one in enumerate(text.splitlines(), 1):
        if not one.strip():
            continue
        try:
            entry = json.loads(one)
        except ValueError:
            entry = None
        if not isinstance(entry, dict):
            raise SourceError(
                f"{target}: line {number} is no entry of the ledger. Lines are only added; take the file back from version control."
            )
        found.append(entry)
    return found


def unsealed(found: Sequence[Mapping[str, Any]]) -> list[int]:
    """The entries (from 1) that do not follow from the one before as they were written."""
    return [place + 1 for place in changed(found)]


def add(target: Path, new: Sequence[Mapping[str, Any]]) -> None:
    """Add entries below those there are, which stay as they are to the byte. For who holds the ledger (:func:`locked`)."""
    known = entries(target)
    before = str(known[-1].get(SEAL, "")) if known else ""
    text = target.read_text(encoding="utf-8-sig") if known else ""
    if text and not text.endswith("\n"):
        text += "\n"
    for entry in new:
        text += line(entry, before)
        before = seal(entry, before)
    data_folder.write(target, text.encode(), 0o644)


def rows(target: Path, settings: Settings) -> pl.DataFrame:
    """What the ledger says, as rows of ``interventions``; none where there is no file."""
    table = TABLES["interventions"]
    if not target.exists() or not target.stat().st_size:
        return pl.DataFrame(schema=table.schema)
    extracts = sources.read(KIND, [target], {}, settings.root)
    told = [conform(one, KIND, settings.time_zone).rows for one in extracts if one.table == table.name]
    return pl.concat([pl.DataFrame(schema=table.schema), *told])


def is_read(settings: Settings) -> bool:
    """Whether ``settings.toml`` has a source that reads the ledger."""
    return any(one.kind == KIND and any(fnmatch(FILE, path) for path in one.paths) for one in settings.sources)
