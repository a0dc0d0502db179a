"""What follows from the declarations is written anew; what somebody wrote is left as it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from suite_building import TABLE, entry

from idp_analytics.checks.shape import is_generated, shape, suite_text, write_shape
from idp_analytics.checks.suite import DECLARED, parse
from idp_analytics.errors import SettingsError

TWO_KEYS = replace(TABLE, name="pairs", key=("name", "at"))


def facts(entries: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(e["type"], json.dumps(e["kwargs"])) for e in entries}


def test_a_declaration_says_what_must_be_known_unique_and_one_of_a_list() -> None:
    known = [("expect_column_values_to_not_be_null", f'{{"column": "{c}"}}') for c in ("name", "source", "load_id")]
    listed = ("expect_column_values_to_be_in_set", '{"column": "colour", "value_set": ["red", "green"]}')
    one = ("expect_column_values_to_be_unique", '{"column": "name"}')
    both = ("expect_compound_columns_to_be_unique", '{"column_list": ["name", "at"]}')
    assert facts(shape(TABLE)) == {*known, listed, one}
    assert facts(shape(TWO_KEYS)) == {*known, listed, both}
    assert {e["severity"] for e in shape(TABLE)} == {"critical"}
    assert {e["meta"]["why"] for e in shape(TABLE)} >= {"One row is one thing.", "How it looks."}


@pytest.mark.parametrize("table", DECLARED.values(), ids=DECLARED)
def test_what_is_generated_can_be_read(table: Any) -> None:
    found, problems = parse(json.loads(suite_text(table)), table)
    assert problems == []
    assert len(found) == len(shape(table))


@pytest.mark.parametrize(
    ("written", "generated"), [({"meta": {"from": "tables"}}, True), ({"meta": {"from": "me"}}, False), ({"meta": 1}, False), ({}, False)]
)  # fmt: skip
def test_generated_entries_say_so(written: dict[str, Any], generated: bool) -> None:
    assert is_generated(written) is generated
    assert all(map(is_generated, shape(TABLE)))


def test_facts_stay_and_stale_shape_goes() -> None:
    mine = entry("expect_column_values_to_be_between", "warning", column="whole", min_value=1)
    stale = {**entry("expect_column_values_to_not_be_null", column="day"), "meta": {"from": "tables", "why": "Once."}}
    text = suite_text(TABLE, {"expectations": [{**mine, "id": "noise"}, stale]})
    document = json.loads(text)
    assert mine in document["expectations"]
    assert facts(document["expectations"]) == facts([*shape(TABLE), mine])
    assert suite_text(TABLE, document) == text


def test_writing_twice_changes_nothing(tmp_path: Path) -> None:
    declared = {table.name: table for table in (TABLE, TWO_KEYS)}
    write_shape(tmp_path / "new", declared)
    once = {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()}
    write_shape(tmp_path / "new", declared)
    assert {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()} == once
    assert once.keys() == {"t.json", "pairs.json"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", r"t\.json: is not JSON: "),
        ("[]", r't\.json: must be an object with a list "expectations" of objects'),
        ('{"expectations": {}}', r't\.json: must be an object with a list "expectations" of objects'),
        ('{"expectations": ["x"]}', r't\.json: must be an object with a list "expectations" of objects'),
    ],
)
def test_a_file_that_cannot_be_read_stops_all_writing(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "t.json").write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"1 problem\(s\)[\s\S]*" + says):
        write_shape(tmp_path, {"pairs": TWO_KEYS, "t": TABLE})
    assert (tmp_path / "t.json").read_text(encoding="utf-8") == content
    assert not (tmp_path / "pairs.json").exists()
