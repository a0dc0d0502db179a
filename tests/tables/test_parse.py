from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.tables import Column, Kind
from idp_analytics.tables.parse import parse


def read(
    kind: Kind,
    values: list[object],
    zone: str | None = None,
    dtype: pl.DataType | None = None,
    words: tuple[str, ...] = (),
):
    frame = pl.DataFrame({"c": pl.Series(values, dtype=dtype or pl.String)})
    parsed = parse(Column("c", kind, "", values=words), frame.schema["c"], zone)
    out = frame.select(v=parsed.value, r=parsed.reason)
    if parsed.usual is not None:  # what is read in the usual way is read as in any other
        usual = frame.select(parsed.usual.alias("v"))["v"]
        assert all(short is None or short == long for short, long in zip(usual, out["v"], strict=True))
    return out["v"].to_list(), out["r"].to_list()


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T10:00:00Z", at(2026, 3, 1, 10)),
        ("2026-03-01 10:00:00 UTC", at(2026, 3, 1, 10)),
        ("2026-03-01T10:00:00+02:00", at(2026, 3, 1, 8)),
        ("2026-03-01T10:00:00.000+0530", at(2026, 3, 1, 4, 30)),
        ("2026-03-01T10:00:00-03", at(2026, 3, 1, 13)),
        ("2026/03/01 9:05:12 +01:00", at(2026, 3, 1, 8, 5, 12)),
        ("2026-03-01T10:00:00.123456789Z", at(2026, 3, 1, 10, 0, 0, 123456)),
        ("2026-03-01T10:00:00,5Z", at(2026, 3, 1, 10, 0, 0, 500000)),
        ("2026-03-01T10:00Z", at(2026, 3, 1, 10)),
        ("1772359200", at(2026, 3, 1, 10)),
        ("1772359200.25", at(2026, 3, 1, 10)),
        ("1772359200000", at(2026, 3, 1, 10)),
        ("1772359200000000", at(2026, 3, 1, 10)),
        ("1772359200000000000", at(2026, 3, 1, 10)),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
        ("   ", None),
        (None, None),
    ],
)
def test_times_that_are_read(text: str | None, expected: datetime | None) -> None:
    assert read(Kind.TIMESTAMP, [text]) == ([expected], [None])


@pytest.mark.parametrize(
    ("text", "zone", "reason"),
    [
        ("2026-03-01T10:00:00", None, "no time zone"),
        ("2026-03-01", None, "no time zone"),
        ("2026-02-30T10:00:00Z", None, "not a time"),
        ("2026-03-01T25:00:00Z", None, "not a time"),
        ("yesterday", None, "not a time"),
        ("01.03.2026 10:00", "Europe/Berlin", "not a time"),
        ("2026-03-29T02:30:00", "Europe/Berlin", "clock change"),  # does not exist
        ("2025-10-26T02:30:00", "Europe/Berlin", "clock change"),  # happened twice
        ("12345", None, "not a time"),
        ("2026-03-01T10:00:00+０２:00", None, "not a time"),  # digits of another script
    ],
)
def test_times_that_are_refused(text: str, zone: str | None, reason: str) -> None:
    (value,), (why,) = read(Kind.TIMESTAMP, [text], zone)
    assert value is None
    assert reason in why


def test_a_declared_zone_reads_naive_times() -> None:
    assert read(Kind.TIMESTAMP, ["2026-07-01T10:00:00", "2026-01-01 10:00"], "Europe/Berlin")[0] == [
        at(2026, 7, 1, 8),
        at(2026, 1, 1, 9),
    ]


def test_typed_times_of_parquet() -> None:
    berlin = pl.Series([datetime(2026, 7, 1, 10)]).dt.replace_time_zone("Europe/Berlin").to_frame("c")
    parsed = parse(Column("c", Kind.TIMESTAMP, ""), berlin.schema["c"], None)
    assert berlin.select(parsed.value).item() == at(2026, 7, 1, 8)
    naive, reasons = read(Kind.TIMESTAMP, [datetime(2026, 7, 1, 10)], None, pl.Datetime("ns"))
    assert naive == [None]
    assert "no time zone" in reasons[0]
    assert read(Kind.TIMESTAMP, [1772359200000], None, pl.Int64)[0] == [at(2026, 3, 1, 10)]


@given(
    st.datetimes(datetime(1980, 1, 1), datetime(2090, 1, 1)),
    st.integers(-14 * 60, 14 * 60),
)
def test_any_time_with_an_offset_comes_back_exactly(moment: datetime, minutes: int) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert read(Kind.TIMESTAMP, [aware.isoformat()]) == ([aware.astimezone(UTC)], [None])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.00000080000", "0.0000008"),
        ("-2.6137", "-2.6137"),
        ("16.296932136636644627485419", "16.296932136636644627485419"),
        ("1.5E-7", "0.00000015"),
        ("12345678901234.5", "12345678901234.5"),
        (" 5 ", "5"),
        ("0.10000000000000000000000000000", "0.1"),
    ],
)
def test_money_is_exact(text: str, expected: str) -> None:
    (value,), (reason,) = read(Kind.MONEY, [text])
    assert reason is None
    assert value == Decimal(expected)


@pytest.mark.parametrize(
    "text", ["$5", "1,000", "NaN", "inf", "123456789012345", "0.1234567890123456789012345", "1e-30", "--1"]
)
def test_money_that_would_not_be_exact_is_refused(text: str) -> None:
    (value,), (reason,) = read(Kind.MONEY, [text])
    assert value is None
    assert "amount" in reason


@given(st.decimals(-(10**13), 10**13, allow_nan=False, allow_infinity=False, places=12))
def test_any_decimal_comes_back_to_the_last_digit(amount: Decimal) -> None:
    (value,), (reason,) = read(Kind.MONEY, [format(amount, "f")])
    assert (value, reason) == (amount, None)


@pytest.mark.parametrize(
    ("kind", "text", "value", "refused"),
    [
        (Kind.NUMBER, "3.5", 3.5, False),
        (Kind.NUMBER, "nan", None, True),
        (Kind.NUMBER, "inf", None, True),
        (Kind.NUMBER, "three", None, True),
        (Kind.NUMBER, "", None, False),
        (Kind.INTEGER, "3", 3, False),
        (Kind.INTEGER, "3.0", 3, False),
        (Kind.INTEGER, "3.5", None, True),
        (Kind.INTEGER, "1e400", None, True),
        (Kind.BOOLEAN, "Yes", True, False),
        (Kind.BOOLEAN, "0", False, False),
        (Kind.BOOLEAN, "perhaps", None, True),
        (Kind.DATE, "2026-03-01", date(2026, 3, 1), False),
        (Kind.DATE, "2026-03-01T00:00:00+02:00", date(2026, 3, 1), False),
        (Kind.DATE, "2026-02-30", None, True),
        (Kind.DATE, "1 March", None, True),
        (Kind.ID, " a:1 ", "a:1", False),
        (Kind.ID, "", None, False),
    ],
)
def test_other_kinds(kind: Kind, text: str, value: object, refused: bool) -> None:
    (got,), (reason,) = read(kind, [text])
    assert got == value
    assert (reason is not None) is refused


def test_an_enum_knows_its_words_in_any_case_and_nothing_else() -> None:
    assert read(Kind.ENUM, ["SUCCESS", " failure", "passed", None], words=("success", "failure"))[0] == [
        "success",
        "failure",
        None,
        None,
    ]


def test_lists_of_text() -> None:
    assert read(Kind.TEXTS, ["a; b", "", None])[0] == [["a", "b"], None, None]


@pytest.mark.parametrize("kind", list(Kind))
def test_a_column_of_nulls_is_not_known(kind: Kind) -> None:
    frame = pl.DataFrame({"c": pl.Series([None, None], dtype=pl.Null)})
    parsed = parse(Column("c", kind, ""), frame.schema["c"], None)
    assert frame.select(parsed.value.alias("v"), parsed.reason.alias("r")).null_count().row(0) in {(1, 1), (2, 2)}


def test_usual_and_odd_times_of_one_column_each_mean_the_same_as_alone() -> None:
    texts = [
        "2026-03-01T10:00:00Z",
        None,
        "2026-03-01 10:00",
        "soon",
        "2026-02-30T10:00:00Z",
        " 2026-03-01T10:00:00Z",
        "soon",
    ]
    alone = [read(Kind.TIMESTAMP, [text]) for text in texts]
    assert read(Kind.TIMESTAMP, texts) == ([v for (v,), _ in alone], [r for _, (r,) in alone])
    assert read(Kind.TIMESTAMP, texts)[1][4] == "is not a time"


@given(
    st.datetimes(datetime(1000, 1, 1), datetime(2999, 12, 31)), st.integers(0, 9), st.sampled_from(["Z", "+0530", "-03:00", "+23:59", "+05:75", "+99:00"]),
)  # fmt: skip
def test_a_time_written_as_usual_means_what_it_means_with_a_space(moment: datetime, digits: int, zone: str) -> None:
    fraction = f".{moment.microsecond:06d}999"[: digits + 1] if digits else ""
    usual = f"{moment:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + fraction + zone
    values, reasons = read(Kind.TIMESTAMP, [usual, usual.replace("T", " ")])
    assert (values[0], reasons[0]) == (values[1], reasons[1])


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_a_time_without_zone_means_the_same_with_a_space_and_with_a_t(zone: str | None) -> None:
    usual = ["2026-03-01 10:00:00", "2026-03-29 02:30:00", "2026-10-25 02:30:00", "2026-02-30 10:00:00", "2026-03-01 25:00:00"]  # fmt: skip
    for texts in (usual, usual[:1]):
        told = read(Kind.TIMESTAMP, texts, zone)
        assert told == read(Kind.TIMESTAMP, [text.replace(" ", "T") for text in texts], zone)
    assert told[0] == [None if zone is None else datetime(2026, 3, 1, 9, tzinfo=UTC)]


def test_an_amount_of_many_digits_changes_no_other_of_its_column() -> None:
    short, long, over = "1.50", "0.1234567890123456789012340000", "0.1234567890123456789012345"
    values, reasons = read(Kind.MONEY, [short, long, "2.5e-3", "5e-25", over, "x", "", None])
    assert values[:3] == [Decimal(short), Decimal(long), Decimal("0.0025")]
    assert values[3:] == [None] * 5
    assert [reason is not None for reason in reasons] == [False] * 3 + [True] * 3 + [False] * 2


def test_one_word_written_otherwise_changes_no_other_of_its_column() -> None:
    told = read(Kind.ENUM, ["open", " Done ", "else", None], words=("open", "done"))[0]
    assert told == ["open", "done", None, None]
