"""What tests of readers share: documents written to files, read and conformed as the kit does it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from idp_analytics import sources
from idp_analytics.tables.conform import conform

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)


def at(*parts: int) -> datetime:
    """A time in UTC."""
    return datetime(*parts, tzinfo=UTC)


@dataclass
class Found:
    """What a reader gave: rows by table, rejected rows, dropped counts, warnings, tables that are cut."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    rejected: list[dict[str, Any]] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    truncated: set[str] = field(default_factory=set)

    def __getitem__(self, table: str) -> list[dict[str, Any]]:
        return self.rows.get(table, [])


def written(folder: Path, name: str, content: Any) -> Path:
    """A file of documents (JSON, or lines of it) or text."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        path.write_text(content, encoding="utf-8")
    elif name.endswith(".jsonl"):
        path.write_text("".join(json.dumps(one) + "\n" for one in content), encoding="utf-8")
    else:
        path.write_text(json.dumps(content), encoding="utf-8")
    return path


def read(
    kind: str, folder: Path, files: Mapping[str, Any] | list[Path], zone: str | None = None, **options: Any
) -> Found:
    """Read files (name → content, or paths) as one source of ``kind`` and conform what it gives."""
    paths = files if isinstance(files, list) else [written(folder, name, content) for name, content in files.items()]
    given = {"as_of": AS_OF, **options}
    assert sources.check(kind, given) == []
    found = Found()
    for extract in sources.read(kind, paths, given, folder):
        done = conform(extract, kind, zone)
        load = done.load.row(0, named=True)
        assert load["rows_in"] == load["rows_out"] + sum(json.loads(load["dropped"]).values())
        found.rows.setdefault(extract.table, []).extend(done.rows.to_dicts())
        found.rejected += done.rejected.to_dicts()
        for reason, count in extract.dropped.items():
            found.dropped[reason] = found.dropped.get(reason, 0) + count
        found.warnings += load["warnings"]
        found.truncated |= {extract.table} if extract.truncated else set()
    return found


def columns(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    """The values of some columns, row by row."""
    return [tuple(row[name] for name in names) for row in rows]
