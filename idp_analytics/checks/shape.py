"""The part of ``expectations/`` that follows from the table declarations, written by ``make generated``.

Generated entries carry ``"from": "tables"`` in their ``meta``; all others are facts somebody wrote and are left alone.
Columns and types are not among them: ``conform`` makes them and the gate asserts them, on the tables themselves,
while great-expectations would only see the types of the pandas copy made for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from idp_analytics.checks.suite import DECLARED, identity, load
from idp_analytics.errors import SettingsError
from idp_analytics.tables import Kind, Table

ORIGIN = "tables"


def shape(table: Table) -> list[dict[str, Any]]:
    """The expectations that follow from a declaration: the key is unique, what must be known is, enums are closed."""
    return sorted(_shape(table), key=identity)


def _shape(table: Table) -> Iterator[dict[str, Any]]:
    one_row = f"One row is {table.grain}."
    if len(table.key) == 1:
        yield _entry("expect_column_values_to_be_unique", {"column": table.key[0]}, one_row)
    else:
        yield _entry("expect_compound_columns_to_be_unique", {"column_list": list(table.key)}, one_row)
    for column in table.columns:
        if not column.nullable:
            yield _entry("expect_column_values_to_not_be_null", {"column": column.name}, column.doc)
        if column.kind is Kind.ENUM:
            kwargs = {"column": column.name, "value_set": list(column.values)}
            yield _entry("expect_column_values_to_be_in_set", kwargs, column.doc)


def _entry(type_: str, kwargs: dict[str, Any], why: str) -> dict[str, Any]:
    return {"type": type_, "kwargs": kwargs, "meta": {"from": ORIGIN, "why": why}, "severity": "critical"}


def is_generated(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of a suite was generated from the declarations."""
    meta = entry.get("meta")
    return isinstance(meta, Mapping) and meta.get("from") == ORIGIN


def suite_text(table: Table, document: Mapping[str, Any] | None = None) -> str:
    """The text of a table's suite: the generated part anew, the facts of ``document`` as they are; ids left out, sorted."""
    entries = (document or {}).get("expectations", [])
    facts = [{k: v for k, v in entry.items() if k != "id"} for entry in entries if not is_generated(entry)]
    suite = {
        "name": table.name,
        "expectations": sorted([*shape(table), *facts], key=identity),
        "meta": {"grain": table.grain},
    }
    return json.dumps(suite, indent=2, ensure_ascii=False) + "\n"


def write_shape(folder: Path, declared: Mapping[str, Table] = DECLARED) -> None:
    """Write every declared table's suite in ``folder`` with its generated part anew, hand-written facts as they are.

    Running it twice changes nothing. Raises :class:`SettingsError` listing each file that is there and cannot be read
    as a suite; then nothing is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    texts, problems = {}, []
    for name, table in declared.items():
        path = folder / f"{name}.json"
        document, found = load(path) if path.exists() else ({}, [])
        if not found and not _is_suite(document):
            found = ['must be an object with a list "expectations" of objects']
        problems += [f"{name}.json: {problem}" for problem in found]
        if not found:
            texts[path] = suite_text(table, document)
    if problems:
        raise SettingsError.listing(str(folder), problems)
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")


def _is_suite(document: Any) -> bool:
    if not isinstance(document, dict):
        return False
    entries = document.get("expectations", [])
    return isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)
