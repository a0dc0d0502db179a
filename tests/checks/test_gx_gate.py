"""Both gates mean the same: every supported expectation, on random tables, in one great-expectations process."""

from __future__ import annotations

import json
import math
import shutil
import warnings
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from idp_analytics.checks import gx_gate, polars_gate
from idp_analytics.checks.kwargs import KWARGS
from idp_analytics.checks.suite import Expectation, Outcome, parse
from idp_analytics.errors import GateError
from idp_analytics.tables import Column, Kind, Table

POOLS: dict[Kind, list[Any]] = {
    Kind.TEXT: [None, "", "a", "b", "ab", "a\n", "a\nb", "é", "日本", "A1", "a.b", " ", "$", "0"],
    Kind.INTEGER: [None, 0, 1, -1, 2, 2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63 - 2, -(2**63)],
    Kind.NUMBER: [None, math.nan, 0.0, -0.0, 1.0, 1.5, -2.5, math.inf, -math.inf, 1e308, 5e-324],
    Kind.MONEY: [None, *map(Decimal, ("0", "0.1", "-0.1", "1", "0.5", "1E13", "-99999999999999", "1E-24"))],
    Kind.BOOLEAN: [None, True, False],
    Kind.TIMESTAMP: [
        None,
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2020, 2, 29, tzinfo=UTC),
        datetime(2020, 2, 29, 0, 0, 0, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ],
    Kind.DATE: [None, date(1, 1, 1), date(1969, 12, 31), date(2020, 2, 29), date(2020, 3, 1), date(9999, 12, 31)],
    Kind.TEXTS: [None, [], ["a"], ["a", "b"]],
}
NAMES = {"text": Kind.TEXT, "whole": Kind.INTEGER, "real": Kind.NUMBER, "money": Kind.MONEY, "flag": Kind.BOOLEAN,
         "at": Kind.TIMESTAMP, "day": Kind.DATE, "list": Kind.TEXTS}  # fmt: skip
COLUMNS = tuple(Column(f"{name}_{side}", kind, "One.") for name, kind in NAMES.items() for side in "ab")
TABLE = Table("random", "one row", ("text_a",), COLUMNS)

SETS: dict[str, list[list[Any]]] = {
    "text": [["a"], ["", "é", "A1"]],
    "whole": [[0], [1, -1, 2**53 - 1]],
    "real": [[0.0], [1, 1.5]],
    "money": [[0.1], [0, -0.1, 1]],
    "flag": [[True], [True, False]],
    "at": [["2020-02-29T00:00:00Z"], ["2020-02-29T01:00:00+01:00", "0001-01-01T00:00:00Z"]],
    "day": [["2020-02-29"], ["0001-01-01", "9999-12-31"]],
}
BOUNDS: dict[str, list[Any]] = {
    "whole": [0, 1, 1.5, 2**53 - 1, -3],
    "real": [0, 0.0, 1.5, -2.5, 1e308],
    "money": [0, 0.5, 1, -1, 10**13],
    "at": ["2020-02-29T00:00:00Z", "1969-12-31T23:59:59.999999Z"],
    "day": ["2020-02-29", "1969-12-31"],
}
PATTERNS = ["^a$", "a", "^[a-z]+$", "a.b", r"a\.b", "^(a|b)?$", "", "^$", r"^\$$", "[^a]", "^[A-Z]{1,2}[0-9]*$", "é|日"]


def _one(draw: st.DrawFn, type_: str) -> dict[str, Any]:
    """Random kwargs, of sense, for a type."""
    pick = lambda options: draw(st.sampled_from(list(options)))  # noqa: E731
    kwargs: dict[str, Any] = {}
    if type_.endswith("_null"):
        kwargs["column"] = pick(COLUMNS).name
    elif type_.endswith("_values_to_be_unique"):
        kwargs["column"] = pick(SETS) + "_a"
    elif type_.endswith("_in_set"):
        name = pick(SETS)
        kwargs |= {"column": name + "_a", "value_set": pick(SETS[name])}
    elif type_.endswith("values_to_be_between"):
        name = pick(BOUNDS)
        kwargs |= {"column": name + "_a", **_range(draw, BOUNDS[name])}
    elif "lengths" in type_:
        kwargs |= {"column": "text_a", **_range(draw, [0, 1, 2, 3])}
    elif "regex" in type_:
        kwargs |= {"column": "text_a", "regex": pick(PATTERNS)}
    elif "compound" in type_:
        names = draw(
            st.lists(st.sampled_from([f"{n}_{s}" for n in SETS for s in "ab"]), min_size=2, max_size=3, unique=True)
        )
        kwargs |= {
            "column_list": names,
            "ignore_row_if": pick(("all_values_are_missing", "any_value_is_missing", "never")),
        }
    elif "greater" in type_:
        name = pick(("text", "whole", "real", "money", "at", "day", "mixed"))
        a, b = ("day_a", "at_a") if name == "mixed" else (name + "_a", name + "_b")
        either = name == "money"
        ignore = "either_value_is_missing" if either else pick(IGNORE)
        kwargs |= {"column_A": a, "column_B": b, "or_equal": draw(st.booleans()), "ignore_row_if": ignore}
    elif "equal" in type_:
        name = pick(SETS)
        kwargs |= {"column_A": name + "_a", "column_B": name + "_b", "ignore_row_if": pick(IGNORE)}
    elif "row_count" in type_:
        kwargs |= _range(draw, [0, 1, 2, 5])
    else:
        kwargs |= {"column": pick(("text_a", "real_b", "nowhere")), "column_index": pick((None, 0, 1, 5, 99))}
    if "column_values" in type_ or "pair" in type_:
        kwargs["mostly"] = pick((None, 0.0, 0.5, 0.75, 1.0))
    return {name: value for name, value in kwargs.items() if value is not None}


IGNORE = ("both_values_are_missing", "either_value_is_missing", "neither")


def _range(draw: st.DrawFn, bounds: list[Any]) -> dict[str, Any]:
    low, high = draw(st.sampled_from([(a, b) for a in [None, *bounds] for b in [None, *bounds] if _ordered(a, b)]))
    kwargs = {"min_value": low, "max_value": high, "strict_min": draw(st.booleans()), "strict_max": draw(st.booleans())}
    return {name: value for name, value in kwargs.items() if value is not None}


def _ordered(a: Any, b: Any) -> bool:
    return (a is not None or b is not None) and (a is None or b is None or a <= b)


@st.composite
def _values(draw: st.DrawFn, pool: list[Any], height: int) -> list[Any]:
    """Few different values, so that ties and duplicates are common."""
    few = draw(st.lists(st.sampled_from(pool), min_size=1, max_size=4))
    return draw(st.lists(st.sampled_from(few), min_size=height, max_size=height))


@st.composite
def _cases(draw: st.DrawFn) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    height = draw(st.sampled_from([0, 1, 2, 6, 12]))
    data = {c.name: draw(_values(POOLS[c.kind], height)) for c in COLUMNS}
    entries = {}
    for type_ in KWARGS:
        for _ in range(5):
            entry = {"type": type_, "kwargs": _one(draw, type_), "meta": {"why": "Because."}}
            entries[str(entry)] = entry
    return pl.DataFrame(data, schema=TABLE.schema, strict=False), list(entries.values())


FRAME = pl.DataFrame(
    {
        "text_a": ["1", "x", None, "٣"],
        "whole_a": [1, 2, None, 4],
        "day_a": [date(2020, 1, 1), None, date(2020, 1, 3), date(2020, 1, 4)],
        "list_a": [["a"], ["a"], None, []],
    },
    schema={name: TABLE.schema[name] for name in ("text_a", "whole_a", "day_a", "list_a")},
)
FOREIGN: list[tuple[str, dict[str, Any], tuple[bool, int | None, list[int] | None] | str]] = [
    ("expect_column_values_to_match_regex", {"column": "text_a", "regex": r"^\d$"}, (False, 1, [1])),
    ("expect_column_value_lengths_to_equal", {"column": "text_a", "value": 1}, (True, 0, [])),
    ("expect_column_mean_to_be_between", {"column": "whole_a", "min_value": 3}, (False, None, None)),
    ("expect_column_max_to_be_between", {"column": "day_a", "max_value": "2020-01-04"}, (True, None, None)),
    ("expect_column_max_to_be_between", {"column": "day_a", "max_value": "2020-01-03"}, (False, None, None)),
    (
        "expect_column_values_to_be_between",
        {"column": "whole_a", "max_value": 1, "row_condition": "whole_a>1", "condition_parser": "pandas"},
        (False, 2, [1, 3]),
    ),
    ("expect_column_values_to_be_unique", {"column": "list_a"}, (False, 2, [0, 1])),
    ("expect_column_mean_to_be_between", {"column": "text_a", "min_value": 3}, "cannot run it on this table"),
    ("expect_column_values_to_be_betwen", {"column": "whole_a"}, "Did you mean 'expect_column_values_to_be_between'?"),
    ("expect_column_sum_to_be_between", {"column": "whole_a", "least": 1}, "least: extra fields not permitted"),
]


def _parsed(table: Table, entries: list[dict[str, Any]]) -> tuple[Expectation, ...]:
    found, problems = parse({"name": table.name, "expectations": entries}, table)
    assert problems == []
    return found


@dataclass(frozen=True)
class Run:
    """What both gates say: of random tables, and of what only great-expectations knows."""

    compared: list[tuple[pl.DataFrame, Expectation, Outcome, Outcome | None]]
    foreign: list[Outcome | None]
    refused: list[str]


@pytest.fixture(scope="module")
def run() -> Run:
    """Starting great-expectations takes seconds, so it runs once for all cases."""
    cases: list[tuple[pl.DataFrame, list[dict[str, Any]]]] = []

    @settings(max_examples=12, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(_cases())
    def gather(case: tuple[pl.DataFrame, list[dict[str, Any]]]) -> None:
        cases.append(case)

    gather()
    foreign = _parsed(TABLE, [{"type": t, "kwargs": k, "meta": {"why": "Because."}} for t, k, _ in FOREIGN])
    tables, expectations, fast = {TABLE.name: FRAME}, list(foreign), []
    for number, (frame, entries) in enumerate(cases):
        table = replace(TABLE, name=f"random{number}")
        found = [e for e in _parsed(table, entries) if polars_gate.supports(e, frame.schema)]
        tables[table.name] = frame
        expectations += found
        fast += polars_gate.run(frame, found)
    theirs, refused = gx_gate.run(tables, expectations)
    n = len(foreign)
    compared = [(tables[e.table], e, f, g) for e, f, g in zip(expectations[n:], fast, theirs[n:], strict=True)]
    return Run(compared, theirs[:n], refused)


@pytest.mark.parametrize("type_", KWARGS)
def test_both_gates_agree(run: Run, type_: str) -> None:
    mine = [row for row in run.compared if row[1].type == type_]
    assert len(mine) > 15
    assert {fast.success for *_, fast, _ in mine} == {True, False}, "the cases tell nothing"
    for frame, e, fast, theirs in mine:
        assert theirs is not None, f"{e.kwargs}: {run.refused}"
        shown = f"{e.kwargs}\n{frame.select(c for c in e.columns if c in frame.columns)}"
        assert fast.success == theirs.success, shown
        assert fast.element_count == theirs.element_count, shown
        assert fast.unexpected_count == theirs.unexpected_count, shown
        assert fast.unexpected_share == (theirs.unexpected_share and pytest.approx(theirs.unexpected_share)), shown
        assert (fast.rows is None) == (theirs.rows is None), shown
        if fast.rows is not None and theirs.rows is not None:
            assert fast.rows.to_list() == theirs.rows.to_list(), shown


@pytest.mark.parametrize("number", range(len(FOREIGN)))
def test_what_only_great_expectations_knows(run: Run, number: int) -> None:
    type_, _, wanted = FOREIGN[number]
    outcome = run.foreign[number]
    if isinstance(wanted, str):
        assert outcome is None
        assert any(line.startswith(f"random.json: {type_}: ") and wanted in line for line in run.refused), run.refused
        return
    assert outcome is not None
    rows = None if outcome.rows is None else outcome.rows.to_list()
    assert (outcome.success, outcome.unexpected_count, rows) == wanted
    assert (outcome.element_count, outcome.executor) == (4, "great-expectations")


def test_the_fast_gate_leaves_these_alone() -> None:
    entries = [{"type": t, "kwargs": k, "meta": {"why": "Because."}} for t, k, _ in FOREIGN]
    assert not any(polars_gate.supports(e, FRAME.schema) for e in _parsed(TABLE, entries))


def test_large_whole_numbers_stay_exact() -> None:
    given_ = [2**53, 2**53 + 1, None]
    kept = gx_gate._for_pandas(pl.DataFrame({"whole": given_, "other": [1, 2, 3]}))
    assert kept["whole"].tolist()[:2] == given_[:2]
    assert kept["whole"].isna().tolist() == [False, False, True]
    assert kept["other"].dtype == "int64"


def test_values_survive_the_way_there() -> None:
    at = datetime(2020, 2, 29, 1, tzinfo=UTC)
    there = json.dumps(gx_gate._encoded({"a": [at, date(2020, 2, 29)], "b": Decimal("0.10"), "c": {"d": 1}}))
    assert json.loads(there, object_hook=gx_gate._decoded) == {
        "a": [at, datetime(2020, 2, 29, tzinfo=UTC)],
        "b": Decimal("0.10"),
        "c": {"d": 1},
    }


def test_the_process_does_what_it_is_asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same job in this process, where it can be watched, gives what the process of its own gave."""
    monkeypatch.setenv("GX_ANALYTICS_ENABLED", "false")

    def here(folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gx_gate.main(folder)

    monkeypatch.setattr(gx_gate, "_start", here)
    entries = [{"type": t, "kwargs": k, "meta": {"why": "Because."}} for t, k, _ in FOREIGN]
    absent = replace(TABLE, name="absent")
    expectations = (*_parsed(TABLE, entries), *_parsed(absent, entries[-3:]))
    outcomes, refused = gx_gate.run({TABLE.name: FRAME}, expectations)
    assert [None if o is None else replace(o, rows=None) for o in outcomes[: len(FOREIGN)]] == [
        None if o is None else replace(o, rows=None) for o in run.foreign
    ]
    assert outcomes[len(FOREIGN) :] == [None] * 3
    assert [line for line in refused if line.startswith("random.json")] == run.refused
    assert [line.split(": ")[1] for line in refused if line.startswith("absent.json")] == [
        e["type"] for e in entries[-2:]
    ]


def test_a_gap_among_small_whole_numbers_makes_floats() -> None:
    kept = gx_gate._for_pandas(pl.DataFrame({"whole": [1, None], "day": [date(2020, 2, 29), None]}))
    assert kept["whole"].tolist()[0] == 1.0
    assert str(kept["day"].dtype) == "datetime64[us, UTC]"


def test_a_process_that_dies_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", shutil.which("false"))
    with pytest.raises(GateError, match="great-expectations ended with exit code 1: no message"):
        gx_gate.run({}, [])
