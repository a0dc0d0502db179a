"""The one gate: rows that fail go aside once, with every reason and what was found; all others go on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from suite_building import TABLE, entry, suite

from idp_analytics.checks import RESULTS, Gated, check, closing, describe, gx_gate
from idp_analytics.checks.suite import Outcome
from idp_analytics.errors import GateError, SettingsError
from idp_analytics.tables.conform import REJECTED

KNOWN, UNIQUE = "expect_column_values_to_not_be_null", "expect_column_values_to_be_unique"
BETWEEN, COUNT = "expect_column_values_to_be_between", "expect_table_row_count_to_be_between"
ORDER = "expect_column_pair_values_a_to_be_greater_than_b"


def rows(**columns: list[Any]) -> pl.DataFrame:
    height = max(map(len, columns.values()), default=0)
    lineage = {"source": ["s"] * height, "load_id": ["l1"] * height, "source_row": [*range(1, height + 1)]}
    data = (
        {name: [None] * height for name in TABLE.schema}
        | lineage
        | {"name": [f"n{i}" for i in range(height)]}
        | columns
    )
    return pl.DataFrame(data, schema=TABLE.schema)


def gated(folder: Path, frame: pl.DataFrame, *entries: Mapping[str, Any], **options: Any) -> Gated:
    (folder / "t.json").write_text(json.dumps(suite(*entries)), encoding="utf-8")
    result = check({"t": frame}, folder=folder, declared={"t": TABLE}, **options)
    assert result.tables["t"].height + result.rejected.height == frame.height, "a row is neither kept nor set aside"
    assert result.tables["t"].schema == frame.schema
    assert result.rejected.schema == REJECTED
    assert result.results.schema == RESULTS
    return result


def test_a_row_that_fails_goes_aside_with_row_column_reason_and_what_was_found(tmp_path: Path) -> None:
    given = gated(tmp_path, rows(whole=[1, 9, None]), entry(BETWEEN, column="whole", max_value=5))
    assert given.tables["t"]["name"].to_list() == ["n0", "n2"]
    assert given.rejected.rows(named=True) == [
        {
            "table": "t", "file": None, "row": 2, "column": "whole", "reason": "whole must be at most 5", "found": "9",
            "source": "s", "load_id": "l1",
        }
    ]  # fmt: skip
    (result,) = given.results.rows(named=True)
    assert result == {
        "table": "t", "expectation": BETWEEN, "column": "whole", "says": "whole must be at most 5", "severity": "critical",
        "success": False, "element_count": 3, "unexpected_count": 1, "unexpected_share": 0.5, "why": "Because.",
        "executor": "polars",
    }  # fmt: skip
    assert "is not so in 1 of 2 rows (50 %); these are set aside" in describe(result)


def test_a_row_with_two_faults_goes_aside_once_with_both(tmp_path: Path) -> None:
    at = datetime(2020, 1, 2, 3, 4, 5, 600000, tzinfo=UTC)
    frame = rows(whole=[9, 9, 1], at=[at, None, at], day=[date(2020, 1, 3)] * 3, money=[None, Decimal(1), None])
    given = gated(
        tmp_path, frame, entry(BETWEEN, column="whole", max_value=5), entry(ORDER, column_A="at", column_B="day"),
        entry("expect_column_values_to_be_null", column="money"),
    )  # fmt: skip
    assert given.tables["t"].is_empty()
    assert given.rejected.select("row", "column", "reason", "found").rows() == [
        (1, "whole; at, day", "whole must be at most 5; at must be after day", "9; 2020-01-02T03:04:05.600Z, 2020-01-03"),
        (2, "whole; at, day; money", "whole must be at most 5; at must be after day; money must be empty", "9; , 2020-01-03; 1"),
        (3, "at, day", "at must be after day", "2020-01-02T03:04:05.600Z, 2020-01-03"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("column", "value", "found"),
    [
        ("money", Decimal("18.00663861840"), "18.0066386184"),
        ("money", Decimal("100"), "100"),
        ("words", ["a", "b"], "a; b"),
        ("flag", True, "true"),
        ("at", datetime(2020, 1, 2, tzinfo=UTC), "2020-01-02T00:00:00Z"),
        ("day", date(2020, 1, 2), "2020-01-02"),
        ("real", 0.5, "0.5"),
        ("text", "", ""),
    ],
)
def test_what_was_found_is_written_as_a_person_would(tmp_path: Path, column: str, value: Any, found: str) -> None:
    given = gated(tmp_path, rows(**{column: [value]}), entry("expect_column_values_to_be_null", column=column))
    assert given.rejected["found"].to_list() == [found]


@pytest.mark.parametrize(
    ("names", "whole", "kept"),
    [
        (["a", "a", "b"], [1, 1, 1], [0, 2]),
        (["a", "a", "a"], [9, 1, 1], [1]),
        (["a", "a"], [9, 9], []),
        (["a", "b"], [1, 9], [0]),
    ],
    ids=["the first stays", "the first that is good stays", "none is good", "none is twice"],
)
def test_of_rows_that_must_be_unique_one_stays(
    tmp_path: Path, names: list[str], whole: list[int], kept: list[int]
) -> None:
    frame = rows(name=names, whole=whole)
    given = gated(tmp_path, frame, entry(UNIQUE, column="name"), entry(BETWEEN, column="whole", max_value=5))
    assert [row - 1 for row in given.tables["t"]["source_row"]] == kept


def test_every_member_of_a_group_is_counted_but_one_stays(tmp_path: Path) -> None:
    given = gated(tmp_path, rows(name=["a", "a", "a"]), entry(UNIQUE, column="name"))
    assert given.results.select("unexpected_count", "unexpected_share").rows() == [(3, 1.0)]
    assert given.rejected["row"].to_list() == [2, 3]
    assert "all but the first of each are set aside" in describe(given.results.row(0, named=True))


@pytest.mark.parametrize(
    ("severity", "options", "kept"),
    [("warning", {}, 4), ("info", {}, 4), ("critical", {}, 3), ("critical", {"mostly": 0.7}, 4), ("critical", {"mostly": 0.8}, 3)],
)  # fmt: skip
def test_rows_go_aside_only_where_it_is_critical_and_not_allowed_for(
    tmp_path: Path, severity: str, options: dict[str, Any], kept: int
) -> None:
    written = entry(BETWEEN, severity, column="whole", max_value=5, **options)
    given = gated(tmp_path, rows(whole=[1, 2, 3, 9]), written)
    assert given.tables["t"].height == kept
    assert given.results["unexpected_count"].to_list() == [1]


@pytest.mark.parametrize(("severity", "closed"), [("critical", True), ("warning", False)])
def test_a_table_that_fails_as_a_whole_closes_the_gate(tmp_path: Path, severity: str, closed: bool) -> None:
    given = gated(
        tmp_path, rows(whole=[9]), entry(COUNT, severity, min_value=2), entry(BETWEEN, column="whole", max_value=5)
    )
    assert closing(given.results).height == closed
    assert given.rejected.height == 1
    if closed:
        assert "nothing may be published until it does" in describe(closing(given.results).row(0, named=True))


def test_a_table_that_is_not_declared_passes_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(json.dumps(suite()), encoding="utf-8")
    other = pl.DataFrame({"x": [1]})
    given = check({"other": other}, folder=tmp_path, declared={"t": TABLE})
    assert given.tables["other"].equals(other)
    assert given.results.is_empty()
    assert given.rejected.is_empty()


def test_a_table_without_its_declared_columns_does_not_pass(tmp_path: Path) -> None:
    frame = rows(whole=[1]).drop("at").with_columns(pl.col("whole").cast(pl.String))
    with pytest.raises(
        GateError,
        match=r"without their declared columns and types:\n  - t\.whole: declared Int64, found String\n  - t\.at: .*found no such column",
    ):  # fmt: skip
        gated(tmp_path, frame)


def test_everything_wrong_with_the_suites_is_listed_before_anything_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Types the kit does not know are judged by great-expectations in the same go."""

    def judge(tables: object, expectations: list[Any]) -> tuple[list[None], list[str]]:
        assert tables == {}
        return [None] * len(expectations), [f"t.json: {e.type}: nobody knows it" for e in expectations]

    monkeypatch.setattr(gx_gate, "run", judge)
    with pytest.raises(SettingsError) as caught:
        gated(tmp_path, rows(), entry(KNOWN, column="nowhere"), entry("expect_moon", column="at"))
    text = str(caught.value)
    assert f"{tmp_path}: 2 problem(s)" in text
    assert "no column 'nowhere' in table 't'" in text
    assert "expect_moon: nobody knows it" in text
    with pytest.raises(SettingsError, match=r"1 problem\(s\)[\s\S]*no column 'nowhere'"):
        gated(tmp_path, rows(), entry(KNOWN, column="nowhere"))


def test_what_the_fast_gate_does_not_know_is_run_by_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def answer(_tables: object, expectations: list[Any]) -> tuple[list[Outcome], list[str]]:
        asked.append([e.type for e in expectations])
        return [Outcome(False, 2, 1, 0.5, pl.Series([1], dtype=pl.UInt32), "great-expectations")] * len(
            expectations
        ), []

    monkeypatch.setattr(gx_gate, "run", answer)
    entries = entry("expect_column_values_to_be_odd", column="whole"), entry(KNOWN, column="name")
    given = gated(tmp_path, rows(whole=[1, 2]), *entries)
    assert asked == [["expect_column_values_to_be_odd"]]
    assert given.results["executor"].to_list() == ["great-expectations", "polars"]
    assert given.rejected.select("row", "reason", "found").rows() == [
        (2, "expect column values to be odd (column whole)", "2")
    ]
    gated(tmp_path, rows(whole=[1, 2]), *entries, gate="gx")
    assert asked[1:] == [["expect_column_values_to_be_odd", KNOWN]]


def test_what_great_expectations_refuses_is_a_problem_with_the_suite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gx_gate, "run", lambda *_: ([None], ["t.json: expect_x: cannot run it on this table: why"]))
    with pytest.raises(SettingsError, match=r"1 problem\(s\)[\s\S]*t\.json: expect_x: cannot run it on this table"):
        gated(tmp_path, rows(whole=[1]), entry("expect_x", column="whole"))


ENTRIES = (
    entry(UNIQUE, column="name"),
    entry(BETWEEN, column="whole", min_value=0),
    entry(KNOWN, column="at"),
    entry(ORDER, column_A="at", column_B="day", or_equal=True, ignore_row_if="either_value_is_missing"),
    entry("expect_column_values_to_be_in_set", "warning", column="colour", value_set=["red"]),
)
ROW = st.tuples(
    st.sampled_from("abc"), st.sampled_from([None, -1, 0, 1]), st.sampled_from([None, datetime(2020, 1, 2, tzinfo=UTC)]),
    st.sampled_from([None, date(2020, 1, 1), date(2020, 1, 3)]), st.sampled_from([None, "red", "green"]),
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROW, max_size=10))
def test_rows_in_are_rows_kept_and_rows_set_aside_and_the_kept_are_good(tmp_path: Path, made: list[Any]) -> None:
    names = ("name", "whole", "at", "day", "colour")
    frame = rows(**{name: [row[i] for row in made] for i, name in enumerate(names)})
    given = gated(tmp_path, frame, *ENTRIES)
    assert sorted([*given.tables["t"]["source_row"], *given.rejected["row"]]) == [*range(1, len(made) + 1)]
    again = gated(tmp_path, given.tables["t"], *ENTRIES)
    assert again.results.filter(severity="critical")["success"].all()
    assert again.tables["t"].equals(given.tables["t"])
    good = {name for name, whole, at, day, _ in made if whole != -1 and at and (day is None or day.day == 1)}
    assert set(given.tables["t"]["name"]) == good


def test_what_is_held_by_number_passes_as_text_does(tmp_path: Path) -> None:
    frame = rows(name=["a", "bb", "a", None, "c"])
    by_number = [
        pl.col(name).cast(pl.Enum(frame[name].unique().drop_nulls())) for name in ("name", "source", "load_id")
    ]
    asked = [
        entry("expect_column_values_to_be_in_set", column="name", value_set=["a", "bb", "never"]),
        entry("expect_column_value_lengths_to_be_between", column="name", max_value=1),
        entry(UNIQUE, column="name"),
    ]
    texts, numbers = gated(tmp_path, frame, *asked), gated(tmp_path, frame.with_columns(by_number), *asked)
    assert texts.rejected["row"].to_list() == [2, 3, 5]
    assert numbers.rejected.equals(texts.rejected)
    assert numbers.results.equals(texts.results)
    assert numbers.tables["t"].with_columns(pl.col(pl.Enum).cast(pl.String)).equals(texts.tables["t"])
