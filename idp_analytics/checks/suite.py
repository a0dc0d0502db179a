"""Reads ``expectations/<table>.json``, great-expectations' own shape, and finds everything wrong with it at once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics.checks.kwargs import native_kwargs
from idp_analytics.checks.words import says
from idp_analytics.errors import nearest
from idp_analytics.tables import TABLES, Table

SEVERITIES = ("critical", "warning", "info")
"""critical: rows that fail are set aside (a whole table that fails closes the gate). Else they stay and are counted."""

UNCHECKED = ("loads",)
"""Written by the kit itself, after the gate."""

DECLARED: Mapping[str, Table] = {name: table for name, table in TABLES.items() if name not in UNCHECKED}
"""The tables that must have a suite."""

_PARTS = ("type", "kwargs", "meta", "severity")
_IGNORED = ("id", "notes", "description", "rendered_content")  # what great-expectations writes beside them


@dataclass(frozen=True)
class Expectation:
    """One fact a table must hold: great-expectations' ``type`` and ``kwargs``, how grave it is, and why it must hold.

    Values in ``kwargs`` have the Python type of their column (``datetime``, ``date``, ``Decimal``, …). ``columns`` are
    those it is about, none for the table as a whole; ``says`` is the fact in words.
    """

    table: str
    type: str
    kwargs: Mapping[str, Any]
    severity: str
    why: str
    columns: tuple[str, ...]
    says: str

    @property
    def is_unique(self) -> bool:
        """About duplicates: all members of a group are unexpected, yet the first may stay."""
        return self.type in ("expect_column_values_to_be_unique", "expect_compound_columns_to_be_unique")


@dataclass(frozen=True)
class Outcome:
    """How one expectation went on one table, the same whoever ran it.

    ``element_count``: rows of the table. ``unexpected_count``: rows that fail, ``rows`` their positions; both are None
    where the expectation is about the table as a whole. ``unexpected_share`` (0–1): of the rows it applies to, None
    when there are none.
    """

    success: bool
    element_count: int
    unexpected_count: int | None
    unexpected_share: float | None
    rows: pl.Series | None
    executor: str


def read(
    folder: Path, declared: Mapping[str, Table] = DECLARED
) -> tuple[dict[str, tuple[Expectation, ...]], list[str]]:
    """Every suite in ``folder`` by table, and what is wrong with the files, one sentence each.

    Each declared table must have its file and each file its table. Nothing is raised: the caller may have more to add.
    """
    suites: dict[str, tuple[Expectation, ...]] = {}
    problems = [
        f"{path.name}: no table {path.stem!r}.{nearest(path.stem, declared)}"
        for path in sorted(folder.glob("*.json"))
        if path.stem not in declared
    ]
    for name, table in declared.items():
        document, found = load(folder / f"{name}.json")
        if document is not None:
            suites[name], found = parse(document, table)
        problems += [f"{name}.json: {problem}" for problem in found]
    return suites, problems


def load(path: Path) -> tuple[Any, list[str]]:
    """The JSON document in a file, or None and why not, with the line and column."""
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant), []
    except FileNotFoundError:
        return None, [f"no such file in {path.parent}; `make generated` writes it"]
    except json.JSONDecodeError as error:
        return None, [f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"]
    except ValueError as error:
        return None, [f"is not JSON: {error}"]


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is not a number")


def parse(document: Any, table: Table) -> tuple[tuple[Expectation, ...], list[str]]:
    """A parsed suite → its expectations, and what is wrong with it."""
    if not isinstance(document, dict) or not isinstance(document.get("expectations"), list):
        return (), ['must be an object with a list "expectations"']
    problems = [] if document.get("name") == table.name else [f'"name" must be {table.name!r}']
    expectations: list[Expectation] = []
    seen: set[str] = set()
    for number, entry in enumerate(document["expectations"], 1):
        expectation, found = _entry(entry, table)
        if not found and identity(entry) in seen:
            found = ["is there twice"]
        else:
            seen.add(identity(entry))
        named = f" ({entry['type']})" if isinstance(entry, dict) and isinstance(entry.get("type"), str) else ""
        problems += [f"expectation {number}{named}: {problem}" for problem in found]
        if expectation is not None and not found:
            expectations.append(expectation)
    return tuple(expectations), problems


def identity(entry: Any) -> str:
    """What makes an expectation the same as another: its type and its kwargs. Also the order they are written in."""
    if not isinstance(entry, dict):
        return json.dumps(entry, sort_keys=True)
    return json.dumps([entry.get("type"), entry.get("kwargs")], sort_keys=True)


def _entry(entry: Any, table: Table) -> tuple[Expectation | None, list[str]]:
    if not isinstance(entry, dict):
        return None, ["must be an object with type, kwargs, meta and severity"]
    type_, kwargs = entry.get("type"), entry.get("kwargs", {})
    severity, meta = entry.get("severity", SEVERITIES[0]), entry.get("meta")
    why = meta.get("why") if isinstance(meta, dict) else None
    problems = [
        f"{key!r} is no part of an expectation.{nearest(key, _PARTS)}" for key in entry if key not in _PARTS + _IGNORED
    ]
    if not isinstance(type_, str):
        problems.append('"type" must name an expectation, e.g. "expect_column_values_to_be_between"')
    if severity not in SEVERITIES:
        problems.append(f"severity {severity!r} must be one of {', '.join(SEVERITIES)}")
    if not isinstance(why, str) or not why.strip():
        problems.append('"meta" must say why this must hold: {"why": "one sentence"}')
    if not isinstance(kwargs, dict):
        problems.append('"kwargs" must be an object')
    if not isinstance(type_, str) or not isinstance(kwargs, dict):
        return None, problems
    values, found = native_kwargs(type_, kwargs, table)
    problems += found
    if problems:
        return None, problems
    columns = _columns(values)
    return (
        Expectation(table.name, type_, values, severity, str(why).strip(), columns, says(type_, values, table)),
        [],
    )


def _columns(kwargs: Mapping[str, Any]) -> tuple[str, ...]:
    several: Sequence[str] = kwargs.get("column_list", ())
    return (*(kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs), *several)
