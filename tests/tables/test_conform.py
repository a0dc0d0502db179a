from __future__ import annotations

import json
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.errors import SourceError
from idp_analytics.tables import LINEAGE, TABLES, Extract, empty
from idp_analytics.tables.conform import REJECTED, Conformed, conform
from idp_analytics.tables.numbered import as_text


def through(table: str, rows: list[dict[str, object]], **extract: object) -> Conformed:
    frame = pl.DataFrame([{"_row": i, **row} for i, row in enumerate(rows, 1)])
    return conform(Extract(table, frame, "exports/file.csv", "abc", **extract), "ci", None)


def adds_up(conformed: Conformed) -> bool:
    load = conformed.load.row(0, named=True)
    return load["rows_in"] == conformed.rows.height + sum(json.loads(load["dropped"]).values())


DEPLOYMENT = {
    "deployment_id": "d1",
    "finished_at": "2026-03-01T10:00:00Z",
    "outcome": "SUCCESS",
    "environment": "production",
}


def test_a_time_zone_that_does_not_exist_is_not_known_and_said() -> None:
    zones = ["Europe/Berlin", " UTC ", "", None, "Mars/Phobos", "Mars/Phobos", "localtime"]
    conformed = through("people", [{"person_id": f"p-{n}", "time_zone": zone} for n, zone in enumerate(zones)])
    assert conformed.rows["time_zone"].to_list() == ["Europe/Berlin", "UTC", None, None, None, None, None]
    assert conformed.rejected.is_empty()
    assert conformed.load["warnings"].to_list() == [
        ["time_zone: 3 row(s) with what is no time zone, taken as not known: 'Mars/Phobos' (2), 'localtime' (1)"]
    ]


def test_a_good_row_has_all_columns_types_and_lineage() -> None:
    conformed = through("deployments", [DEPLOYMENT])
    assert dict(conformed.rows.schema) == TABLES["deployments"].schema
    row = conformed.rows.row(0, named=True)
    assert row["outcome"] == "success"
    assert row["service_id"] is None
    assert (row["source"], row["source_row"]) == ("ci", 1)
    assert row["load_id"] == conformed.load["load_id"][0]
    assert conformed.rejected.is_empty()


@pytest.mark.parametrize(
    ("change", "column", "says"),
    [
        ({"deployment_id": ""}, "deployment_id", "must be known"),
        ({"deployment_id": None}, "deployment_id", "must be known"),
        ({"finished_at": "2026-02-30T00:00:00Z"}, "finished_at", "not a time"),
        ({"finished_at": "2026-03-01 10:00:00"}, "finished_at", "time zone"),
        ({"finished_at": "x", "is_rollback": "perhaps"}, "finished_at; is_rollback", "neither true nor false"),
    ],
)
def test_a_bad_row_is_set_aside_with_file_row_column_and_reason(
    change: dict[str, object], column: str, says: str
) -> None:
    first = {**DEPLOYMENT, "is_rollback": "no"}
    conformed = through("deployments", [first, {**first, "deployment_id": "d2", **change}])
    assert conformed.rows["deployment_id"].to_list() == ["d1"]
    assert dict(conformed.rejected.schema) == REJECTED
    aside = conformed.rejected.row(0, named=True)
    assert (aside["file"], aside["row"], aside["column"]) == ("exports/file.csv", 2, column)
    assert says in aside["reason"]
    assert adds_up(conformed)


def test_an_unknown_word_is_not_known_kept_raw_and_said_but_the_row_stays() -> None:
    conformed = through("deployments", [{**DEPLOYMENT, "environment": "prod-eu", "outcome": "passed"}])
    row = conformed.rows.row(0, named=True)
    assert (row["environment"], row["environment_raw"], row["outcome"]) == (None, "prod-eu", None)
    assert any("'prod-eu' (1)" in w for w in conformed.load["warnings"][0])
    assert any("'passed' (1)" in w for w in conformed.load["warnings"][0])


def test_an_unknown_word_where_one_must_be_known_sets_the_row_aside() -> None:
    good = {
        "cost_id": "c",
        "period_start": "2026-03-01T00:00:00Z",
        "period_end": "2026-03-02T00:00:00Z",
        "amount": "1",
        "currency": "EUR",
    }
    conformed = through("costs", [{**good, "basis": "billed"}, {**good, "basis": "guessed"}])
    assert conformed.rows.height == 1
    assert "is not one of billed, effective" in conformed.rejected["reason"][0]


def test_a_bill_that_comes_by_number_stays_so_and_says_the_same() -> None:
    told = pl.DataFrame({
        "_row": range(1, 7),
        "cost_id": [f"c{n}" for n in range(6)],
        "period_start": ["2026-03-01T00:00:00Z"] * 5 + ["yesterday"],
        "period_end": ["2026-03-02T00:00:00Z"] * 6,
        "amount": ["1"] * 6,
        "currency": ["EUR", "EUR", "", "USD", "EUR", "EUR"],
        "basis": ["billed", "guessed", "billed", "Effective", "billed", "billed"],
        "environment": ["production", "PRODUCTION", None, "prod-eu", "", "test"],
        "sku": [" a ", "a", None, "", "b", "b"],
    })  # fmt: skip
    numbered = [pl.col(name).cast(pl.Enum(told[name].unique().drop_nulls())) for name in told.columns[5:]]
    texts, numbers = (
        conform(Extract("costs", frame, "f.csv", "abc"), "aws") for frame in (told, told.with_columns(numbered))
    )
    assert texts.rejected["row"].to_list() == [2, 6]
    assert numbers.rejected.equals(texts.rejected)
    assert numbers.load.equals(texts.load)
    assert numbers.rows["environment_raw"].to_list() == texts.rows["environment_raw"].to_list()
    by_number = {name for name, dtype in numbers.rows.schema.items() if isinstance(dtype, pl.Enum)}
    assert by_number == {"currency", "basis", "environment", "environment_raw", "sku", "source", "load_id"}
    assert as_text(numbers.rows).equals(as_text(texts.rows))


def test_a_missing_key_column_names_the_file_what_was_found_and_the_nearest() -> None:
    with pytest.raises(
        SourceError, match=r"exports/file\.csv.*deployment_id.*is it 'deploymentid'.*Found: deploymentid"
    ):
        through("deployments", [{"deploymentid": "d1"}])


def test_nothing_read_is_a_typed_empty_table_and_a_load() -> None:
    conformed = conform(Extract("deployments", pl.DataFrame(), "f.csv", "abc"), "ci")
    assert conformed.rows.equals(empty("deployments"))
    assert conformed.load["rows_in"].to_list() == [0]


def test_what_the_source_left_out_is_counted() -> None:
    conformed = through("deployments", [DEPLOYMENT], dropped={"tag does not match": 3}, truncated=True)
    load = conformed.load.row(0, named=True)
    assert (load["rows_in"], load["rows_out"], load["truncated"]) == (4, 1, True)
    assert adds_up(conformed)


def test_loads_cannot_be_read_from_a_file() -> None:
    with pytest.raises(SourceError, match="written by the kit itself"):
        through(
            "loads",
            [
                {
                    "load_id": "x",
                    "source": "a",
                    "table": "b",
                    "path": "c",
                    "sha256": "d",
                    "rows_in": 1,
                    "rows_out": 1,
                    "dropped": "{}",
                    "truncated": False,
                    "warnings": [],
                }
            ],
        )


def test_the_load_says_which_span_of_time_it_covers() -> None:
    conformed = through(
        "deployments", [DEPLOYMENT, {**DEPLOYMENT, "deployment_id": "d2", "finished_at": "2026-04-01T00:00:00Z"}]
    )
    load = conformed.load.row(0, named=True)
    assert load["period_from"] == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert load["period_to"] == datetime(2026, 4, 1, tzinfo=UTC)


@pytest.mark.parametrize("name", [name for name in TABLES if name != "loads"])
def test_an_empty_frame_conforms_to_itself(name: str) -> None:
    frame = empty(name).drop([c.name for c in LINEAGE])
    assert conform(Extract(name, frame, "f", "s"), "x").rows.schema == empty(name).schema


VALUES = st.one_of(
    st.none(), st.text(max_size=8), st.sampled_from(["2026-03-01T10:00:00Z", "success", "true", "1", "d"])
)


@given(
    st.lists(
        st.fixed_dictionaries(dict.fromkeys(("deployment_id", "finished_at", "outcome", "is_rollback", "sha"), VALUES)),
        min_size=1,
        max_size=12,
    )
)
def test_whatever_comes_in_rows_in_are_rows_kept_plus_rows_set_aside(rows: list[dict[str, object]]) -> None:
    frame = pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.String)).with_row_index("_row", offset=1)
    conformed = conform(Extract("deployments", frame, "f", "s"), "x")
    assert adds_up(conformed)
    assert conformed.rows.height + conformed.rejected.height == len(rows)
    assert set(conformed.rows["source_row"]) | set(conformed.rejected["row"]) == set(range(1, len(rows) + 1))


words = st.sampled_from([None, "", "d1", " d2", "2026-03-01T10:00:00Z", "2026-03-01 10:00", "SUCCESS", "success ", "perhaps", "7", "1.5", "no"])  # fmt: skip


@given(st.lists(st.tuples(words, words, words, words), max_size=8))
def test_a_list_of_words_and_numbers_for_them_is_read_as_the_words(rows: list[tuple[str | None, ...]]) -> None:
    names = ("deployment_id", "finished_at", "outcome", "is_rollback")
    text = pl.DataFrame(rows, dict.fromkeys(names, pl.String), orient="row").with_row_index("_row", offset=1)
    known = [text[name].unique().drop_nulls() for name in names]
    coded = text.with_columns(pl.col(n).cast(pl.Enum(k)) for n, k in zip(names, known, strict=True))
    plain, once = (conform(Extract("deployments", frame, "x.csv", "abc"), "ci") for frame in (text, coded))
    assert once.rows.equals(plain.rows)
    assert once.rejected.equals(plain.rejected)
    assert once.load.equals(plain.load)


def test_columns_of_nothing_have_a_row_each() -> None:
    frame = pl.DataFrame({"_row": [1, 2], "deployment_id": ["a", "b"], "outcome": [None, None]})
    assert conform(Extract("deployments", frame, "x.csv", "abc"), "ci").rows.height == 2
    nothing = frame.with_columns(deployment_id=pl.lit(None))
    assert conform(Extract("deployments", nothing, "x.csv", "abc"), "ci").rejected.height == 2
