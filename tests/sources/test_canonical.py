"""Files already in our columns, or mapped onto them: what is given is kept as it is written, what is not is said."""

from __future__ import annotations

import gzip
import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.errors import SettingsError, SourceError
from idp_analytics.sources import canonical
from idp_analytics.sources import check as check_source
from idp_analytics.sources import read as read_source
from idp_analytics.sources.canonical import UNREADABLE, problems
from idp_analytics.sources.tabular import EMPTY, FEWER, NO_ROWS, ROW
from idp_analytics.tables import Extract
from idp_analytics.tables.conform import conform


def extract(
    folder: Path, content: str | bytes, name: str = "d.csv", table: str = "deployments", **options: Any
) -> Extract:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    (only,) = canonical.read([path], {"table": table, **options}, folder)
    assert only.rows_in == only.frame.height + sum(only.dropped.values()), "a row is neither kept nor counted"
    return only


# --- options ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, ["no table"]),
        ({"table": "deployment"}, ["table = 'deployment': is none of our tables. Did you mean 'deployments'?"]),
        ({"table": "loads"}, ["table = 'loads': is none of our tables."]),
        ({"table": "teams", "colums": {}}, ["colums: a canonical source has no such option. Did you mean 'columns'?"]),
        ({"table": "teams", "columns": ["name"]}, ["columns = ['name']: must be a table, { our_column = … }"]),
        ({"table": "teams", "columns": {"nane": "x"}}, ["columns: table 'teams' has no column 'nane'. Did you mean 'name'?"]),
        ({"table": "teams", "columns": {"source": "x"}}, ["columns: table 'teams' has no column 'source'."]),
        ({"table": "teams", "columns": {"name": 3}}, ["columns: name = 3: must be a name in quotes"]),
        ({"table": "teams", "columns": {"name": ""}}, ["columns: name = '': must be a name in quotes"]),
        ({"table": "deployments", "values": {"outcome": "OK"}}, ["values: outcome = 'OK': must be a table, { \"their word\" = \"ours\" }"]),
        ({"table": "deployments", "values": {"outcome": {"OK": ["x"]}}}, ["values: outcome = {'OK': ['x']}: must be a table"]),
        ({"table": "deployments", "values": {"outcome": {"OK": "succes"}}}, ["values: outcome: 'succes' is none of our words. Did you mean 'success'?"]),
        ({"table": "deployments", "constants": {"environment": "prod"}}, ["constants: environment: 'prod' is none of our words. Known: development,"]),
        ({"table": "deployments", "constants": {"outcome": ["x"]}}, ["constants: outcome = ['x']: must be one value"]),
        ({"table": "teams", "columns": {"name": "Name"}, "constants": {"name": "x"}}, ["name: is in columns and in constants; leave one out"]),
        ({"table": "teams", "columns": 1, "constants": {"name": "x"}, "tabel": 1}, ["tabel: a canonical source has no such option. Did you mean 'table'?", "columns = 1: must be a table"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_options_is_said_all_at_once(options: dict[str, Any], says: list[str]) -> None:
    found = check_source("canonical", options)
    assert len(found) == len(says)
    assert all(sentence.startswith(start) for sentence, start in zip(found, says, strict=True)), found


def test_good_options_have_no_problems() -> None:
    assert problems(
        {
            "table": "deployments",
            "columns": {"deployment_id": "Run ID"},
            "values": {"outcome": {"OK": "Success", "?": "", "-": "null"}, "is_rollback": {"y": True}, "version": {"x": "any"}},
            "constants": {"environment": "production", "is_resync": False, "finished_at": datetime(2026, 3, 1, tzinfo=UTC)},
        }
    ) == []  # fmt: skip


def test_a_kind_of_source_that_does_not_exist_is_named() -> None:
    assert check_source("canonicle", {}) == ["kind = 'canonicle': there is no such source. Did you mean 'canonical'?"]
    with pytest.raises(SettingsError, match=r"kind = 'canonicle': there is no such source\. Did you mean 'canonical'"):
        read_source("canonicle", [], {}, Path())


def test_a_source_without_files_says_what_to_add() -> None:
    with pytest.raises(SourceError, match=r'A canonical source has no files: add paths = \["…"\] to it'):
        read_source("canonical", [], {"table": "teams"}, Path())


# --- mapping ----------------------------------------------------------------------------------------------------------


def test_columns_values_and_constants_make_ours_of_theirs(tmp_path: Path) -> None:
    given = extract(
        tmp_path, "Run ID,State,extra\n007,OK,x\n8, n/a ,y\n9,odd,\n10,,\n", columns={"deployment_id": "Run ID", "outcome": "State"},
        values={"outcome": {"OK": "success", "n/a": "", "": "failure"}},
        constants={"environment": "production", "is_rollback": False, "automated": True, "version": 3, "finished_at": datetime(2026, 3, 1, tzinfo=UTC)},
    )  # fmt: skip
    assert given.frame.select(ROW, "deployment_id", "outcome").rows() == [
        (1, "007", "success"),
        (2, "8", None),
        (3, "9", "odd"),
        (4, "10", "failure"),
    ]
    constants = given.frame.select("environment", "is_rollback", "automated", "version", "finished_at").unique().rows()
    assert constants == [("production", "false", "true", "3", "2026-03-01T00:00:00+00:00")]
    assert given.warnings == ("1 column(s) not used: 'extra'",)
    assert (given.table, given.path, given.truncated) == ("deployments", "d.csv", False)


def test_a_day_as_constant_is_written_as_a_day(tmp_path: Path) -> None:
    given = extract(tmp_path, "person_id\np1\n", table="people", constants={"started_on": date(2026, 3, 1)})
    assert given.frame.rows() == [(1, "p1", "2026-03-01")]


def test_a_name_taken_by_another_column_of_ours_is_not_used_twice(tmp_path: Path) -> None:
    """Their ``name`` is our id, so it is not our name as well."""
    given = extract(
        tmp_path, "name,label\nshop,Shop\n", table="services", columns={"service_id": "name", "name": "label"}
    )
    assert given.frame.rows(named=True) == [{ROW: 1, "service_id": "shop", "name": "Shop"}]


def test_a_column_of_theirs_may_serve_two_of_ours(tmp_path: Path) -> None:
    given = extract(tmp_path, "name\nshop\n", table="services", columns={"service_id": "name", "name": "name"})
    assert given.frame.rows(named=True) == [{ROW: 1, "service_id": "shop", "name": "shop"}]


def test_a_constant_goes_before_a_column_of_the_same_name(tmp_path: Path) -> None:
    given = extract(tmp_path, "deployment_id,environment\n1,test\n", constants={"environment": "production"})
    assert given.frame["environment"].to_list() == ["production"]
    assert given.warnings == ("1 column(s) not used: 'environment'",)


def test_lineage_of_an_earlier_export_is_neither_used_nor_told(tmp_path: Path) -> None:
    given = extract(tmp_path, "deployment_id,source,load_id,source_row\n1,a,b,3\n")
    assert given.frame.columns == [ROW, "deployment_id"]
    assert given.warnings == ()


def test_of_many_unused_columns_the_first_are_named(tmp_path: Path) -> None:
    extra = [f"x{n}" for n in range(13)]
    given = extract(tmp_path, f"deployment_id,{','.join(extra)}\n1{',' * 13}\n")
    assert given.warnings == (f"13 column(s) not used: {', '.join(map(repr, extra[:10]))} and 3 more",)


@pytest.mark.parametrize(
    ("content", "options", "says"),
    [
        ("run,service_id\n1,s\n", {}, r"d\.csv: cannot be read as table 'deployments': no column 'deployment_id'\. Found: run, service_id\. "
            r"Name them in settings\.toml under the source: columns = "),
        ("deploymentid,service_id\n1,s\n", {}, r"no column 'deployment_id' \(is it 'deploymentid'\?\)"),
        ("run,service_id\n1,s\n", {"columns": {"deployment_id": "Run", "outcome": "State"}},
            r"d\.csv: settings\.toml names columns that the file does not have: 'Run' for deployment_id\. Did you mean 'run'\?; 'State' for outcome"),
        ("_row\n1\n", {"columns": {"deployment_id": "_row"}}, r"'_row' for deployment_id\. Did you mean '_row \(2\)'\?"),
    ],
)  # fmt: skip
def test_a_wrong_column_says_what_was_found(tmp_path: Path, content: str, options: dict[str, Any], says: str) -> None:
    with pytest.raises(SourceError, match=says):
        extract(tmp_path, content, **options)


# --- files ------------------------------------------------------------------------------------------------------------

ONE = {"deployment_id": "1", "outcome": "success"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("d.csv", "deployment_id,outcome\n1,success\n"),
        ("d.csv.gz", gzip.compress(b"deployment_id,outcome\n1,success\n", mtime=0)),
        ("d.json", '[{"deployment_id": 1, "outcome": "success"}]'),
        ("d.jsonl", '{"deployment_id": "1", "outcome": "success"}\n'),
        ("d.ndjson.gz", gzip.compress(b'{"deployment_id": "1", "outcome": "success"}\n', mtime=0)),
        ("d.yaml", "deployment_id: 1\noutcome: success\n"),
        ("d.YML", "- deployment_id: '1'\n  outcome: success\n"),
        ("export", '\ufeff \n{"items": [{"deployment_id": 1, "outcome": "success"}]}'),
        ("export.txt", "deployment_id\toutcome\r\n1\tsuccess\r\n"),
    ],
)
def test_every_format_gives_the_same_row(tmp_path: Path, name: str, content: str | bytes) -> None:
    given = extract(tmp_path, content, name)
    assert given.frame.rows(named=True) == [{ROW: 1, **ONE}]
    assert (given.path, given.warnings) == (name, ())


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    file = io.BytesIO()
    at = datetime(2026, 3, 1, tzinfo=UTC)
    pl.DataFrame({"deployment_id": [1, 2], "finished_at": [at, None], "is_rollback": [True, None]}).write_parquet(file)
    given = extract(tmp_path, file.getvalue(), "d.parquet", values={"is_rollback": {"true": "false"}})
    assert given.frame.rows() == [(1, 1, at, "false"), (2, 2, None, None)]
    assert given.frame.schema["finished_at"] == pl.Datetime("us", "UTC")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([{"a": 1}, None], ['{"a": 1}', None]),
        ([["x", None, "y"], []], ["x; ; y", ""]),
        ([timedelta(hours=1), None], ["1:00:00", None]),
        ([b"caf\xe9", b"x"], ["caf\ufffd", "x"]),
        ([None, None], [None, None]),
    ],
    ids=["struct", "list", "span of time", "bytes", "nothing"],
)
@pytest.mark.parametrize("words", [{}, {"x": "x"}], ids=["as it is", "with words"])
def test_what_parquet_has_and_no_column_of_ours_becomes_text(
    tmp_path: Path, values: list[Any], text: list[str | None], words: dict[str, str]
) -> None:
    file = io.BytesIO()
    pl.DataFrame({"deployment_id": ["1", "2"], "version": values}).write_parquet(file)
    given = extract(tmp_path, file.getvalue(), "d.parquet", values={"version": words})
    assert given.frame["version"].to_list() == text
    assert conform(given, "x", None).rows.height == 2


def test_words_of_a_list_are_translated_one_by_one(tmp_path: Path) -> None:
    words = {"applies_to": {"svc": "service", "n/a": ""}}
    content = '[{"golden_path_id": "g", "title": "G", "applies_to": ["svc", "n/a", "job"]}]'
    given = extract(tmp_path, content, "g.json", "golden_paths", values=words)
    assert given.frame["applies_to"].to_list() == [["service", "job"]]
    file = io.BytesIO()
    pl.DataFrame({"golden_path_id": ["g"], "title": ["G"], "applies_to": [["svc", "job"]]}).write_parquet(file)
    given = extract(tmp_path, file.getvalue(), "g.parquet", "golden_paths", values=words)
    assert given.frame["applies_to"].to_list() == [["service", "job"]]


def test_members_of_documents_become_text(tmp_path: Path) -> None:
    content = (
        '[{"deployment_id": 12, "version": {"é": [1]}, "sha": ["a", null, "b"], "is_rollback": true, "outcome": ""},'
        ' {"deployment_id": "x", "kind": 1.5, "version": null}]'
    )
    given = extract(tmp_path, content, "d.json")
    assert given.frame.select("deployment_id", "version", "sha", "is_rollback", "outcome", "kind").rows() == [
        ("12", '{"é": [1]}', "a; ; b", "true", None, None),
        ("x", None, None, None, None, "1.5"),
    ]


@pytest.mark.parametrize(
    ("written", "items"),
    [('["a", "b c"]', ["a", "b c"]), ('"a; b"', ["a", "b"]), ("null", None), ("[]", []), ('["a", 1, null]', ["a", "1", None])],
)  # fmt: skip
def test_a_list_of_ours_stays_a_list(tmp_path: Path, written: str, items: list[str | None] | None) -> None:
    content = f'[{{"golden_path_id": "g", "title": "G", "for": {written}}}]'
    given = extract(tmp_path, content, "g.json", "golden_paths", columns={"applies_to": "for"})
    assert given.frame.schema["applies_to"] == pl.List(pl.String)
    assert given.frame["applies_to"].to_list() == [items]


@pytest.mark.parametrize(
    ("name", "content", "warning"),
    [
        ("d.csv", "", EMPTY),
        ("d.csv", "deployment_id,outcome\n", NO_ROWS),
        ("d.json", "", EMPTY),
        ("d.json", "[]", "the file holds no documents"),
        ("d.yaml", "# nothing yet\n---\n", "the file holds no documents"),
    ],
)
def test_a_file_without_rows_is_no_rows_and_a_warning(tmp_path: Path, name: str, content: str, warning: str) -> None:
    given = extract(tmp_path, content, name, columns={"outcome": "outcome"})
    assert (given.frame.height, given.warnings, given.rows_in) == (0, (warning,), 0)
    assert conform(given, "x", None).rows.is_empty()


def test_an_absent_member_of_documents_is_only_a_warning(tmp_path: Path) -> None:
    given = extract(tmp_path, '[{"deployment_id": 1}]', "d.json", columns={"outcome": "State"})
    assert given.frame.rows() == [(1, "1")]
    assert given.warnings == ("columns: no document has 'State' (outcome)",)


def test_broken_documents_are_counted_and_the_first_are_told(tmp_path: Path) -> None:
    good = '{"deployment_id": 1}\n'
    given = extract(tmp_path, good * 7 + "x\n" * 6 + "3\n", "d.jsonl")
    assert given.frame[ROW].to_list() == [1, 2, 3, 4, 5, 6, 7]
    assert given.dropped == {UNREADABLE: 7}
    assert given.warnings[0] == "line 8: is no JSON: Expecting value"
    assert given.warnings[-1] == "2 more line(s) left out for like reasons"
    assert given.rows_in == 14


def test_an_export_that_is_one_page_of_several_is_truncated(tmp_path: Path) -> None:
    given = extract(tmp_path, '{"items": [{"deployment_id": 1}], "next": "x"}', "d.json")
    assert given.truncated
    assert given.warnings == ("the file is not complete (next: there is a next page)",)
    assert conform(given, "x", None).load["truncated"].to_list() == [True]


def test_every_file_is_an_extract_of_its_own(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(f"deployment_id\n{name}\n", encoding="utf-8")
    given = read_source("canonical", [tmp_path / "a.csv", tmp_path / "b.csv"], {"table": "deployments"}, tmp_path)
    assert [(e.path, e.frame["deployment_id"].to_list()) for e in given] == [("a.csv", ["a.csv"]), ("b.csv", ["b.csv"])]


LINES = [
    "d{},shop,2026-03-01T10:00:00Z",
    "d{},shop,soon",
    ",shop,2026-03-01T10:00:00Z",
    "d{}",
    "d{},shop,2026-03-01 10:00",
]


@given(st.lists(st.sampled_from(LINES), max_size=15))
def test_rows_in_are_rows_kept_and_rows_set_aside(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    text = "".join(line.format(n) + "\n" for n, line in enumerate(lines))
    given = extract(tmp_path_factory.mktemp("law"), "deployment_id,service_id,finished_at\n" + text)
    done = conform(given, "x", None)
    narrow = lines.count("d{}")
    assert given.dropped.get(FEWER, 0) == narrow
    assert done.rows.height == lines.count(LINES[0])
    assert done.rows.height + done.rejected.height + narrow == len(lines) == done.load["rows_in"][0]
    assert set(done.rejected["row"]) == {n for n, line in enumerate(lines, 1) if line not in (LINES[0], "d{}")}
