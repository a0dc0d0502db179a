"""Suites are read in great-expectations' own shape, and everything wrong with them is found at once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from suite_building import TABLE, entry, suite

from idp_analytics.checks.suite import DECLARED, identity, load, parse, read
from idp_analytics.paths import resource

KNOWN = "expect_column_values_to_not_be_null"


def test_an_entry_becomes_an_expectation() -> None:
    written = entry(
        "expect_column_values_to_be_between", "warning", " It is so. ", column="whole", min_value=1, mostly=0.9
    )
    (found,), problems = parse(suite({**written, "id": "x", "notes": "n"}), TABLE)
    assert problems == []
    assert (found.table, found.type, found.severity, found.why) == ("t", written["type"], "warning", "It is so.")
    assert found.kwargs == {"column": "whole", "min_value": 1, "mostly": 0.9}
    assert (found.columns, found.is_unique) == (("whole",), False)


def test_severity_is_critical_unless_said() -> None:
    written = {"type": KNOWN, "kwargs": {"column": "at"}, "meta": {"why": "Because."}}
    (found,), _ = parse(suite(written), TABLE)
    assert found.severity == "critical"


@pytest.mark.parametrize(
    ("type_", "kwargs", "columns", "is_unique"),
    [
        ("expect_column_values_to_be_unique", {"column": "at"}, ("at",), True),
        ("expect_compound_columns_to_be_unique", {"column_list": ["at", "day"]}, ("at", "day"), True),
        ("expect_column_pair_values_to_be_equal", {"column_A": "at", "column_B": "day"}, ("at", "day"), False),
        ("expect_table_row_count_to_be_between", {"min_value": 1}, (), False),
    ],
)
def test_what_an_expectation_is_about(
    type_: str, kwargs: dict[str, Any], columns: tuple[str, ...], is_unique: bool
) -> None:
    (found,), _ = parse(suite(entry(type_, **kwargs)), TABLE)
    assert (found.columns, found.is_unique) == (columns, is_unique)


GOOD = entry(KNOWN, column="at")
NAMED = f"expectation 1 ({KNOWN}): "


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], ['must be an object with a list "expectations"']),
        ({"name": "t"}, ['must be an object with a list "expectations"']),
        (suite(name="x"), ["\"name\" must be 't'"]),
        (suite("word"), ["expectation 1: must be an object with type, kwargs, meta and severity"]),
        (suite("word", "word"), ["expectation 1: must be an object with type", "expectation 2: must be an object with type"]),
        (suite({**GOOD, "severty": 1}), [NAMED + "'severty' is no part of an expectation. Did you mean 'severity'?"]),
        (suite({**GOOD, "type": 3}), ['expectation 1: "type" must name an expectation, e.g. "expect_column_values_to_be_between"']),
        (suite({**GOOD, "severity": "fatal"}), [NAMED + "severity 'fatal' must be one of critical, warning, info"]),
        (suite({**GOOD, "meta": {"why": " "}}), [NAMED + '"meta" must say why this must hold: {"why": "one sentence"}']),
        (suite({**GOOD, "meta": "x"}), [NAMED + '"meta" must say why']),
        (suite({**GOOD, "kwargs": []}), [NAMED + '"kwargs" must be an object']),
        (suite({**GOOD, "kwargs": {"column": "att"}}), [NAMED + "no column 'att' in table 't'. Did you mean 'at'?"]),
        (suite(GOOD, {**GOOD, "severity": "info"}), [f"expectation 2 ({KNOWN}): is there twice"]),
        (
            suite({"kwargs": [], "severity": "x"}),
            ['expectation 1: "type" must name', "expectation 1: severity 'x'", 'expectation 1: "meta" must', 'expectation 1: "kwargs" must'],
        ),
    ],
)  # fmt: skip
def test_all_that_is_wrong_with_a_suite_is_said_at_once(document: Any, says: list[str]) -> None:
    _, problems = parse(document, TABLE)
    assert len(problems) == len(says), problems
    assert all(problem.startswith(start) for problem, start in zip(problems, says, strict=True)), problems


def test_what_is_right_in_a_suite_is_kept_beside_what_is_wrong() -> None:
    found, problems = parse(suite(GOOD, entry(KNOWN, column="nowhere"), entry(KNOWN, column="day")), TABLE)
    assert [e.columns for e in found] == [("at",), ("day",)]
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"a": 1', "is not JSON: Expecting ',' delimiter at line 1, column 8"),
        (b'{\n"a" 1}', "is not JSON: Expecting ':' delimiter at line 2, column 5"),
        (b'{"a": NaN}', "is not JSON: NaN is not a number"),
        (b"\xff", "is not JSON: 'utf-8' codec can't decode byte 0xff"),
    ],
)
def test_a_file_that_is_no_json_is_told_with_the_place(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "t.json").write_bytes(content)
    document, (problem,) = load(tmp_path / "t.json")
    assert document is None
    assert problem.startswith(says)


def test_a_file_that_is_not_there_says_what_writes_it(tmp_path: Path) -> None:
    assert load(tmp_path / "t.json") == (None, [f"no such file in {tmp_path}; `make generated` writes it"])


def test_every_declared_table_must_have_its_file_and_every_file_its_table(tmp_path: Path) -> None:
    declared = {name: replace(TABLE, name=name) for name in ("apples", "pears")}
    (tmp_path / "apples.json").write_text(json.dumps(suite(GOOD, name="apples")), encoding="utf-8")
    (tmp_path / "pear.json").write_text("{}", encoding="utf-8")
    suites, problems = read(tmp_path, declared)
    assert problems == [
        "pear.json: no table 'pear'. Did you mean 'pears'?",
        f"pears.json: no such file in {tmp_path}; `make generated` writes it",
    ]
    assert [e.columns for e in suites["apples"]] == [("at",)]


def test_the_kits_own_suites_are_right() -> None:
    suites, problems = read(resource("expectations"))
    assert problems == []
    assert suites.keys() == DECLARED.keys()
    assert all(suites.values())


def test_an_expectation_is_the_same_whatever_is_said_beside_it() -> None:
    assert identity({**GOOD, "severity": "info", "meta": {}}) == identity(GOOD)
    assert identity({**GOOD, "kwargs": {"column": "day"}}) != identity(GOOD)
    assert identity("word") == '"word"'
