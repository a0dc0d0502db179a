"""Rows of CSV and Parquet files: text stays text, every row keeps its number, and no row disappears uncounted."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.errors import SourceError
from idp_analytics.sources import tabular
from idp_analytics.sources.tabular import EMPTY, FEWER, MORE, NO_ROWS, ROW, Rows, no_rows, read_rows
from idp_analytics.tables import MONEY, side_by_side

UNCLOSED = r'x\.csv: a quotation mark \("\) in {} is never closed.*Mend that place or export the file again\.'
RENAMED = "the header leaves names out, repeats them or takes '_row'; these are called {}"


def rows(folder: Path, data: str | bytes, **options: Any) -> Rows:
    path = folder / "x.csv"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_rows(path, "x.csv", **options)


def parquet(frame: pl.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.write_parquet(file)
    return file.getvalue()


# --- CSV --------------------------------------------------------------------------------------------------------------

PLAIN = "id,what\n007,é\n,b\n"


@pytest.mark.parametrize(
    "data",
    [
        PLAIN.encode(),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\r").encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode(),
        PLAIN.replace(",", "|").encode(),
        b"\n \n" + PLAIN.replace("\n", "\n\n").encode(),
        b'"id","what"\n"007","\xc3\xa9"\n"","b"',
        " id , what\n007,é\n,b\n".encode(),
    ],
    ids=["plain", "windows", "old mac", "byte order mark", "utf-16", "semicolon", "tab", "bar", "blank lines", "quoted", "spaces"],
)  # fmt: skip
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_every_way_to_write_a_table_gives_the_same_rows(tmp_path: Path, data: bytes, packed: bool) -> None:
    on_disk = gzip.compress(data, mtime=0) if packed else data
    given = rows(tmp_path, on_disk)
    assert given.header == ("id", "what")
    assert given.frame.schema == {ROW: pl.Int64, "id": pl.String, "what": pl.String}
    assert given.frame.rows() == [(1, "007", "é"), (2, None, "b")]
    assert (given.dropped, given.warnings) == ({}, ())
    assert given.sha256 == hashlib.sha256(on_disk).hexdigest()


@pytest.mark.parametrize(
    ("text", "header", "first"),
    [
        ("a,b,c;d\n1,2,3;4\n", ("a", "b", "c;d"), (1, "1", "2", "3;4")),
        ('"a,b";c\n1;2\n', ("a,b", "c"), (1, "1", "2")),
        ('"two\nlines",b\n1,2\n', ("two\nlines", "b"), (1, "1", "2")),
        ('a,b\n"1\n2","say ""so"""\n', ("a", "b"), (1, "1\n2", 'say "so"')),
        ('a,b\n1,5" pipe\n', ("a", "b"), (1, "1", '5" pipe')),
        ("only\nx\n", ("only",), (1, "x")),
    ],
)
def test_the_header_tells_how_fields_are_separated(
    tmp_path: Path, text: str, header: tuple[str, ...], first: tuple[Any, ...]
) -> None:
    given = rows(tmp_path, text)
    assert given.header == header
    assert given.frame.rows() == [first]


@pytest.mark.parametrize(
    ("head", "names", "renamed"),
    [
        ("a,a", ("a", "a (2)"), "'a (2)'"),
        ("a,a,a", ("a", "a (2)", "a (3)"), "'a (2)', 'a (3)'"),
        ("a,a,a (2)", ("a", "a (3)", "a (2)"), "'a (3)'"),
        ("a,,b", ("a", "column 2", "b"), "'column 2'"),
        ("_row,b", ("_row (2)", "b"), "'_row (2)'"),
        ("a" + ",a" * 7, ("a", *(f"a ({n})" for n in range(2, 9))), "'a (2)', 'a (3)', 'a (4)', 'a (5)', 'a (6)' and 2 more"),
    ],
)  # fmt: skip
def test_every_column_has_a_name_of_its_own(tmp_path: Path, head: str, names: tuple[str, ...], renamed: str) -> None:
    width = len(names)
    given = rows(tmp_path, f"{head}\n{','.join(map(str, range(width)))}\n")
    assert given.header == names
    assert given.frame.rows() == [(1, *map(str, range(width)))]
    assert given.warnings == (RENAMED.format(renamed),)


def test_a_row_of_another_width_is_left_out_and_counted(tmp_path: Path) -> None:
    given = rows(tmp_path, "a,b\n1\n1,2\n1,2,3\n5,6\n")
    assert given.frame.rows() == [(2, "1", "2"), (4, "5", "6")]
    assert given.dropped == {FEWER: 1, MORE: 1}
    assert given.warnings == ("2 row(s) left out, the header names 2 fields: row 1 has 1, row 3 has 3",)


def test_of_many_broken_rows_the_first_are_named(tmp_path: Path) -> None:
    given = rows(tmp_path, "a,b\n" + "1\n" * 1200 + "1,2\n")
    assert given.frame.rows() == [(1201, "1", "2")]
    assert given.dropped == {FEWER: 1200}
    assert given.warnings[0].startswith("1,200 row(s) left out")
    assert given.warnings[0].endswith("row 5 has 1 and 1,195 more")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('a,b\n1,2\n3,"4\n5,6\n', "data row 2"),
        ('a,b\n1,"2""\n3,4\n', "data row 1"),
        ('a,"b\n1,2\n', "the header"),
    ],
)
def test_a_quotation_mark_never_closed_is_named(tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(SourceError, match=UNCLOSED.format(place)):
        rows(tmp_path, text)


def test_a_row_too_long_to_be_one_is_an_unclosed_quotation_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tabular, "_BLOCK", 100)
    with pytest.raises(SourceError, match=UNCLOSED.format("a row of more than 100 bytes")):
        rows(tmp_path, 'a,b\n1,"' + "x\n" * 200 + '"\n3,4\n')


def test_what_the_parser_refuses_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise pa.ArrowInvalid("CSV parser got out of sync with chunker")

    monkeypatch.setattr(pa_csv, "read_csv", refuse)
    with pytest.raises(SourceError, match=r"^x\.csv: is no CSV that can be read: CSV parser got out.*Export it again"):
        rows(tmp_path, PLAIN)


@pytest.mark.parametrize(
    ("text", "header", "warning"),
    [
        ("", (), EMPTY),
        ("\ufeff", (), EMPTY),
        (" \r\n\t\n", (), EMPTY),
        ("a,b", ("a", "b"), NO_ROWS),
        ("a,b\r\n\r\n", ("a", "b"), NO_ROWS),
    ],
)
def test_a_file_without_rows_says_which_kind_it_is(
    tmp_path: Path, text: str, header: tuple[str, ...], warning: str
) -> None:
    given = rows(tmp_path, text)
    assert (given.header, given.warnings, given.frame.height) == (header, (warning,), 0)
    assert given.frame.schema == {ROW: pl.Int64, **dict.fromkeys(header, pl.String)}


def test_no_rows_keeps_hash_and_warnings(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    given = no_rows(tmp_path / "x", "one", "two", header=["a"])
    assert (given.sha256, given.warnings, given.header) == (hashlib.sha256(b"abc").hexdigest(), ("one", "two"), ("a",))


def test_text_that_is_not_utf8_is_kept_and_said(tmp_path: Path) -> None:
    given = rows(tmp_path, b"a,b\n1,caf\xe9\n")
    assert given.frame.rows() == [(1, "1", "caf\ufffd")]
    assert given.warnings == ("1 place(s) are not UTF-8 and are shown as \ufffd; export the file as UTF-8",)


@pytest.mark.parametrize(
    ("wanted", "columns"), [(lambda _: True, [ROW, "a", "b"]), ("b".__eq__, [ROW, "b"]), (lambda _: False, [ROW])]
)
def test_only_the_columns_asked_for_are_read_and_rows_are_counted_all_the_same(
    tmp_path: Path, wanted: Callable[[str], bool], columns: list[str]
) -> None:
    given = rows(tmp_path, "a,b\n1,2\n3\n5,6\n", wanted=wanted)
    assert given.frame.columns == columns
    assert given.frame[ROW].to_list() == [1, 3]
    assert given.header == ("a", "b")
    assert given.dropped == {FEWER: 1}


def test_what_stands_for_not_known_is_null(tmp_path: Path) -> None:
    given = rows(tmp_path, 'a,b\nNULL,"NULL"\n(null),x\n"",y\n', nulls=("", "NULL"))
    assert given.frame["a"].to_list() == [None, "(null)", None]
    assert given.frame["b"].to_list() == [None, "x", "y"]


FIELD = st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)) | st.sampled_from(',;|"\n'), max_size=6)


@given(st.lists(st.lists(FIELD, min_size=2, max_size=4), max_size=12), st.sampled_from(",;\t|"))
def test_rows_in_are_rows_kept_and_rows_left_out(
    tmp_path_factory: pytest.TempPathFactory, lines: list[list[str]], delimiter: str
) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([["first", "second", "third"], *lines])
    given = rows(tmp_path_factory.mktemp("law"), file.getvalue())
    good = [(n, *(field or None for field in line)) for n, line in enumerate(lines, 1) if len(line) == 3]
    assert given.frame.rows() == good
    assert given.frame.height + sum(given.dropped.values()) == len(lines)
    assert given.dropped.get(FEWER, 0) == sum(len(line) == 2 for line in lines)
    assert given.dropped.get(MORE, 0) == sum(len(line) == 4 for line in lines)


# --- Parquet ----------------------------------------------------------------------------------------------------------

TYPED = pl.DataFrame(
    {
        "id": ["a", "", "NULL", None],
        "word": pl.Series(["x", "NULL", None, "x"], dtype=pl.Categorical),
        "raw": [b"q", b"", None, b"NULL"],
        "cost": pl.Series(["0.10", "1", None, "2"]).cast(pl.Decimal(38, 2)),
        "naive": [datetime(2026, 3, 1), None, None, None],
        "zoned": pl.Series([datetime(2026, 3, 1, tzinfo=UTC), None, None, None]),
    }
)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_parquet_keeps_its_types_and_texts_that_mean_not_known_are_null(tmp_path: Path, packed: bool) -> None:
    data = parquet(TYPED)
    given = rows(tmp_path, gzip.compress(data, mtime=0) if packed else data, nulls=("", "NULL"))
    assert given.header == tuple(TYPED.columns)
    assert given.frame[ROW].to_list() == [1, 2, 3, 4]
    assert given.frame["id"].to_list() == ["a", None, None, None]
    assert given.frame["word"].to_list() == ["x", None, None, "x"]
    assert given.frame["raw"].to_list() == ["q", None, None, None]
    assert given.frame["cost"].to_list() == [Decimal("0.10"), Decimal("1.00"), None, Decimal("2.00")]
    assert given.frame.schema["naive"] == pl.Datetime("us")
    assert given.frame.schema["zoned"] == pl.Datetime("us", "UTC")
    assert given.warnings == ()


@pytest.mark.parametrize(
    ("given", "dtype", "wanted"),
    [
        ([Decimal("1.50"), None, Decimal("-3")], pl.Decimal(38, 2), MONEY),
        ([7, None], pl.Int64(), MONEY),
        ([Decimal(10**14), Decimal(1)], pl.Decimal(38, 0), pl.Decimal(38, 0)),  # does not fit
        ([Decimal(1).scaleb(-30)], pl.Decimal(38, 30), pl.Decimal(38, 30)),  # would lose a digit
        ([0.5], pl.Float64(), pl.Float64()),
    ],
)
def test_exact_numbers_of_parquet_come_as_money_if_all_fit(
    tmp_path: Path, given: list[Any], dtype: pl.DataType, wanted: pl.DataType
) -> None:
    path = tmp_path / "bill.parquet"
    pl.DataFrame({"n": range(len(given)), "cost": pl.Series(given, dtype=dtype)}).write_parquet(path)
    frame = read_rows(path, path.name, money=lambda name: name == "cost").frame
    assert (frame["cost"].dtype, frame["n"].dtype) == (wanted, pl.Int64)
    assert frame["cost"].to_list() == given


def test_of_parquet_only_the_columns_asked_for_are_read(tmp_path: Path) -> None:
    given = rows(tmp_path, parquet(TYPED), wanted="cost".__eq__)
    assert given.frame.columns == [ROW, "cost"]
    assert given.header == tuple(TYPED.columns)


def test_a_parquet_column_called_as_ours_is_numbered(tmp_path: Path) -> None:
    given = rows(tmp_path, parquet(pl.DataFrame({ROW: ["x"], "b": [1]})))
    assert given.header == ("_row (2)", "b")
    assert given.frame.rows(named=True) == [{ROW: 1, "_row (2)": "x", "b": 1}]


@pytest.mark.parametrize(("given", "wanted"), [([b"caf\xe9", None], ["caf\ufffd", None]), ([None, None], [None, None])])
def test_bytes_and_nothing_at_all_are_text(tmp_path: Path, given: list[bytes | None], wanted: list[str | None]) -> None:
    column = rows(tmp_path, parquet(pl.DataFrame({"a": given}))).frame["a"]
    assert column.dtype == pl.String
    assert column.to_list() == wanted


def test_parquet_without_rows_says_so(tmp_path: Path) -> None:
    given = rows(tmp_path, parquet(TYPED.clear()))
    assert (given.frame.height, given.warnings) == (0, (NO_ROWS,))


@pytest.mark.parametrize("data", [b"PAR1", parquet(TYPED)[:-20], parquet(TYPED)[:30]])
def test_broken_parquet_is_named(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(SourceError, match=r"^x\.csv: is no Parquet file that can be read: .+ Export it again\.$"):
        rows(tmp_path, data)


# --- texts by number ---------------------------------------------------------------------------------------------------

MANY = [("Team", [f"team {n % 300}" if n % 7 else None for n in range(3000)]), ("Id", [f"i-{n}" for n in range(3000)]),
        ("Empty", ["NULL" if n % 2 else "" for n in range(3000)]), ("None", [None] * 3000)]  # fmt: skip


@pytest.mark.parametrize(
    "write", [pl.DataFrame.write_csv, lambda frame, path: frame.write_parquet(path, row_group_size=700)]
)
def test_texts_may_be_asked_for_by_number(tmp_path: Path, write: Callable[[pl.DataFrame, Path], None]) -> None:
    """Each group of rows has numbered its own; a column of which most texts differ is read as text."""
    frame = pl.DataFrame({name: pl.Series(values, dtype=pl.String) for name, values in MANY})
    write(frame, tmp_path / "x")
    plain, coded = (
        read_rows(tmp_path / "x", "x", lambda name: name != "None", ("", "NULL"), numbered)
        for numbered in (lambda _: False, lambda _: True)
    )
    assert {name: dtype.base_type() for name, dtype in coded.frame.schema.items()} == {
        ROW: pl.Int64, "Team": pl.Enum, "Id": pl.String, "Empty": pl.Enum
    }  # fmt: skip
    assert coded.frame.cast({"Team": pl.String, "Empty": pl.String}).equals(plain.frame)
    assert coded.header == plain.header


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "packed"])
def test_many_rows_are_read_side_by_side_and_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes]
) -> None:
    frame = pl.DataFrame({name: pl.Series(values, dtype=pl.String) for name, values in MANY}).with_columns(
        cost=pl.int_range(3000).cast(pl.Decimal(38, 11))
    )
    frame.write_parquet(tmp_path / "plain", row_group_size=700)
    (tmp_path / "x").write_bytes(pack((tmp_path / "plain").read_bytes()))

    def read(cores: int) -> Rows:
        monkeypatch.setattr(pl, "thread_pool_size", lambda: cores)
        return read_rows(tmp_path / "x", "x", nulls=("", "NULL"), numbered=lambda _: True, money="cost".__eq__)

    one = read(1)
    monkeypatch.setattr(side_by_side, "PIECE", 100)
    two = read(2)
    assert two.frame.equals(one.frame)
    assert two.frame.schema == one.frame.schema
    assert (two.sha256, two.header, two.warnings) == (one.sha256, one.header, one.warnings)


def test_rows_left_out_are_left_out_by_number_too(tmp_path: Path) -> None:
    found = rows(tmp_path, "a,b\nx,1\ny\nx,2\nx,3\nx,4\n", numbered=lambda name: name == "a")
    assert found.frame.cast({"a": pl.String}).rows() == [(1, "x", "1"), (3, "x", "2"), (4, "x", "3"), (5, "x", "4")]
    assert found.dropped == {FEWER: 1}


def test_a_dictionary_that_is_no_text_is_no_parquet_that_can_be_read(tmp_path: Path) -> None:
    broken = pa.array([b"\xff\xfe", b"a"] * 5).cast(pa.binary()).dictionary_encode()
    text = pa.DictionaryArray.from_arrays(
        broken.indices, pa.StringArray.from_buffers(2, *broken.dictionary.buffers()[1:])
    )
    pa_parquet.write_table(pa.table({"a": text}), tmp_path / "x.parquet")
    with pytest.raises(SourceError, match=r"x\.parquet: is no Parquet file that can be read"):
        read_rows(tmp_path / "x.parquet", "x.parquet", numbered=lambda _: True)
