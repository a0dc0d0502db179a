"""Amounts and times as providers and spreadsheets write them: exact, or refused, never guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.sources.cost_cells import amounts, day_first, plain_amount, plain_time, times
from idp_analytics.tables import MONEY, TABLES
from idp_analytics.tables.parse import parse

UTC_TIME = pl.Datetime("us", "UTC")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("$10,000.00", "10000.00"), ("$10,000.00 ", "10000.00"), ("(5.00)", "-5.00"), ("($1,234)", "-1234"),
        ("-$5", "-5"), ("$-5", "-5"), ("+5", "5"), ("€ 1,234,567", "1234567"), ("1,234.5", "1234.5"), ("12", "12"),
        ("1,234", None), ("-1,234", None), ("1.234,5", None), ("12,34.5", None), ("(5", None), ("5)", None), ("--5", None),
        ("-$-5", None), ("USD 5", None), ("1e3", None), ("", None), ("five", None),
    ],
)  # fmt: skip
def test_an_amount_as_people_write_it(text: str, plain: str | None) -> None:
    assert plain_amount(text) == plain


@pytest.mark.parametrize(
    ("text", "month_first", "days_first"),
    [
        ("5/1/25", "2025-05-01T00:00Z", "2025-01-05T00:00Z"),
        ("05/01/2025", "2025-05-01T00:00Z", "2025-01-05T00:00Z"),
        ("5/1/25 9:30", "2025-05-01T9:30Z", "2025-01-05T9:30Z"),
        ("5/1/25  09:30:10", "2025-05-01T09:30:10Z", "2025-01-05T09:30:10Z"),
        ("2025-05-01", None, None),
        ("5/1", None, None),
        ("5.1.25", None, None),
    ],
)
def test_a_day_as_a_spreadsheet_writes_it(text: str, month_first: str | None, days_first: str | None) -> None:
    assert plain_time(text) == month_first
    assert plain_time(text, day_first=True) == days_first


@pytest.mark.parametrize(
    ("columns", "days_first"),
    [
        ([["5/1/25", "13/1/25"]], True),
        ([["5/1/25", "5/13/25"]], False),
        ([["5/1/25"], [None, "31/12/2025 10:00"]], True),
        ([["2025-13-01"], []], False),
    ],
)
def test_a_day_that_is_no_month_tells_which_comes_first(columns: list[list[str | None]], days_first: bool) -> None:
    assert day_first(pl.Series(c, dtype=pl.String) for c in columns) is days_first
    assert not day_first([pl.Series([date(2025, 1, 31)])])


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0.1", "0.1"),
        (" -0.000000000000000000000001 ", "-0.000000000000000000000001"),
        ("1e-7", "0.0000001"),
        ("1.5E+3", "1500"),
        ("99999999999999.999999999999999999999999", "99999999999999.999999999999999999999999"),
        ("0.10000000000000000000000000000", "0.1"),
        ("", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_money_is_exact(text: str | None, amount: str | None, strict: bool) -> None:
    reading = amounts(pl.Series([text], dtype=pl.String), strict)
    assert reading.values.dtype == reading.known.dtype == MONEY
    assert reading.values.to_list() == [None if amount is None else Decimal(amount)]
    assert reading.mended == {}


@pytest.mark.parametrize("text", ["0.0000000000000000000000001", "1e-25", "1e15", "much", "1,234", "NaN", "0x10"])
def test_money_that_would_lose_a_digit_or_is_none_stays_text(text: str) -> None:
    reading = amounts(pl.Series(["1.50", text]), strict=False)
    assert reading.values.to_list() == ["1.50", text]
    assert reading.known.to_list() == [Decimal("1.5"), None]


def test_only_where_it_is_not_strict_is_an_amount_taken_as_meant() -> None:
    found = pl.Series(["$10,000.00 ", "2"])
    lenient, strict = amounts(found, strict=False), amounts(found, strict=True)
    assert lenient.values.to_list() == [Decimal(10000), Decimal(2)]
    assert lenient.mended == {"$10,000.00": "10000.00"}
    assert strict.values.to_list() == ["$10,000.00", "2"]
    assert strict.mended == {}


@pytest.mark.parametrize(
    ("found", "amount"),
    [
        (pl.Series([1, None]), [Decimal(1), None]),
        (pl.Series([Decimal("0.10"), None]), [Decimal("0.1"), None]),
        (pl.Series([0.1, None]), [Decimal("0.1"), None]),
        (pl.Series(["0.5", None]).cast(pl.Decimal(38, 30)), [Decimal("0.5"), None]),
    ],
    ids=["whole", "decimal", "float", "finer decimal"],
)
def test_money_of_any_type(found: pl.Series, amount: list[Decimal | None]) -> None:
    assert amounts(found, strict=True).values.to_list() == amount


def test_whole_numbers_too_large_stay_text() -> None:
    reading = amounts(pl.Series([10**15, 1]), strict=True)
    assert reading.values.to_list() == ["1000000000000000", "1"]
    assert reading.known.to_list() == [None, Decimal(1)]


@given(st.lists(st.decimals(-(10**13), 10**13, places=24) | st.none(), min_size=1))
def test_no_amount_changes_on_the_way(written: list[Decimal | None]) -> None:
    found = pl.Series([None if d is None else f"{d:f}" for d in written], dtype=pl.String)
    assert amounts(found, strict=False).values.to_list() == written


days = st.builds(
    "{}-{}-{}".format,
    st.sampled_from(["2024", "0001", "3000"]),
    st.sampled_from(["02", "13", "1"]),
    st.sampled_from(["29", "30", "5"]),
)
clocks = st.builds(
    "{}{}:{}{}".format,
    st.sampled_from("T t"),
    st.sampled_from(["00", "23", "24", "9"]),
    st.sampled_from(["59", "60", "5"]),
    st.sampled_from(["", ":59", ":60", ":00.5", ":00.123456789", ":00,5"]),
)
zones = st.sampled_from(["", "Z", "z", " UTC", "+0530", "-05", "x"])
strokes = st.builds(
    "{}/{}/{}{}".format,
    st.sampled_from(["5", "13"]),
    st.sampled_from(["1", "31"]),
    st.sampled_from(["25", "2025"]),
    st.sampled_from(["", " 9:30", " 09:30:10"]),
)
whens = days | st.builds("{}{}{}".format, days, clocks, zones) | strokes | st.sampled_from(["1700000000", "soon"])  # fmt: skip


@given(st.lists(whens, max_size=12))
def test_a_time_is_what_it_is_in_every_table(written: list[str]) -> None:
    column, texts = TABLES["costs"].column("period_start"), pl.Series("period_start", written, dtype=pl.String)
    known = texts.to_frame().select(parse(column, pl.String(), "UTC").value).to_series()
    assert times(texts, strict=True).known.equals(known)


NINE = datetime(2024, 9, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2024-09-01T09:00:00Z", "2024-09-01 09:00:00", "2024-09-01T09:00Z", "2024-09-01T11:00:00+02:00", " 2024-09-01T09:00:00.000Z "]
)  # fmt: skip
def test_times_are_utc(text: str) -> None:
    reading = times(pl.Series([text, None]), strict=True)
    assert reading.values.dtype == UTC_TIME
    assert reading.values.to_list() == [NINE, None]


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (pl.Series([NINE, None]), NINE),
        (pl.Series([NINE]).dt.convert_time_zone("Asia/Tokyo").dt.cast_time_unit("ns"), NINE),
        (pl.Series([datetime(2024, 9, 1, 9)]), NINE),
        (pl.Series([date(2024, 9, 1)]), datetime(2024, 9, 1, tzinfo=UTC)),
    ],
    ids=["utc", "tokyo", "naive", "day"],
)
def test_times_of_any_type(found: pl.Series, wanted: datetime) -> None:
    reading = times(found, strict=True)
    assert reading.known.dtype == reading.values.dtype == UTC_TIME
    assert reading.values[0] == wanted


def test_one_time_that_cannot_be_read_leaves_the_column_text() -> None:
    reading = times(pl.Series(["2024-09-01 09:00:00", "soon", None]), strict=True)
    assert reading.values.to_list() == ["2024-09-01T09:00:00.000000Z", "soon", None]
    assert reading.known.to_list() == [NINE, None, None]


def test_only_where_it_is_not_strict_is_a_day_taken_as_meant() -> None:
    found = pl.Series(["9/1/24 09:00", "2024-09-01T09:00:00Z"])
    assert times(found, strict=False).values.to_list() == [NINE, NINE]
    assert times(found, strict=False).mended == {"9/1/24 09:00": "2024-09-01T09:00Z"}
    assert times(pl.Series(["1/9/24 09:00"]), strict=False, day_first=True).values.to_list() == [NINE]
    assert times(found, strict=True).values.to_list() == ["9/1/24 09:00", "2024-09-01T09:00:00.000000Z"]


@pytest.mark.parametrize(
    ("read", "cell"), [(amounts, "$999,999,999,999,999"), (times, "13/13/25"), (times, "5/1/25 25:00")]
)
def test_what_cannot_be_read_even_so_stays_as_it_is_written(read: Any, cell: str) -> None:
    reading = read(pl.Series([cell]), False)
    assert (reading.values.to_list(), reading.known.to_list(), reading.mended) == ([cell], [None], {})
