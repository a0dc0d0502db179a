"""Every file of the delivery cases is read without an error, and no row or document of it is lost unsaid."""

from __future__ import annotations

import csv
import json

import pytest

from idp_analytics.errors import SourceError
from idp_analytics.sources.documents import read_documents
from idp_analytics.sources.tabular import read_rows

MALFORMED = "skopeo_malformed_json_file.json"
"""Broken on purpose; it must be said, with the file's name."""


@pytest.fixture(scope="module")
def files(cases):
    folder = cases / "dora"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    found = sorted(p for p in folder.rglob("*") if p.suffix in (".csv", ".json"))
    assert len(found) > 300
    return found


def test_every_table(files):
    csv.field_size_limit(1 << 24)
    tables = [path for path in files if path.suffix == ".csv"]
    lost = []
    for path in tables:
        rows = read_rows(path, path.name)
        with path.open(encoding="utf-8-sig", newline="") as text:
            in_file = sum(1 for row in csv.reader(text) if row) - 1
        if rows.frame.height + sum(rows.dropped.values()) != in_file:
            lost.append((path.name, in_file, rows.frame.height, dict(rows.dropped)))
    assert tables
    assert lost == []


def test_every_document(files):
    documents = [path for path in files if path.suffix == ".json" and path.name != MALFORMED]
    assert documents
    mended = 0
    for path in documents:
        read = read_documents(path)
        try:
            value = json.loads(path.read_text(encoding="utf-8-sig"))
        except ValueError:
            assert any("backslash" in warning for warning in read.warnings), path  # anonymised inside an escape
            assert len(read.found) == 1, path
            mended += 1
            continue
        if isinstance(value, list) and all(isinstance(v, dict) for v in value) and not any("items" in v for v in value):
            assert len(read.found) == len(value), path
        assert read.found or not _objects(value), path
    assert mended < len(documents) // 10


def _objects(value) -> bool:
    if isinstance(value, list):
        return any(isinstance(v, dict) for v in value)
    return any(isinstance(v, dict) or (isinstance(v, list) and _objects(v)) for v in value.values())


def test_what_is_broken_is_said(files):
    broken = [path for path in files if path.name == MALFORMED]
    for path in broken:
        with pytest.raises(SourceError, match=MALFORMED):
            read_documents(path)
    assert broken
