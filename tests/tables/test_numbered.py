"""Columns of text by number say what the texts say, however many words there are and whatever is made of them."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.tables import TABLES, empty
from idp_analytics.tables.declare import Column, Kind, Table
from idp_analytics.tables.numbered import (
    as_text,
    at,
    by_word,
    enum,
    first_enum,
    first_known,
    numbered,
    once,
    renamed,
    together,
    used,
    whole,
)

TEXTS = st.lists(st.none() | st.sampled_from(["pay", " pay", "PAY", "web", "", " ", "é"]), max_size=12)


def text(*values: str | None, name: str = "t") -> pl.Series:
    return pl.Series(name, values, dtype=pl.String)


def by_number(values: pl.Series) -> pl.Series:
    return enum(*numbered(values))


@given(TEXTS)
def test_a_column_by_number_has_the_same_texts(values: list[str | None]) -> None:
    found = by_number(text(*values))
    assert isinstance(found.dtype, pl.Enum)
    assert (found.name, found.to_list()) == ("t", values)
    assert set(used(found)) == {value for value in values if value is not None}


MADE: dict[str, Callable[[pl.Series], pl.Series]] = {
    "length": lambda texts: texts.str.len_chars(),
    "truth": lambda texts: texts.str.strip_chars() == "pay",
    "alike": lambda texts: texts.str.strip_chars().str.to_lowercase(),
    "nothing": lambda texts: texts.clear(len(texts)),
    "money": lambda texts: texts.str.len_chars().cast(pl.Decimal(38, 24)),
}


@pytest.mark.parametrize("read", MADE.values(), ids=MADE)
@given(TEXTS)
def test_what_is_made_of_each_word_is_what_is_made_of_each_text(
    read: Callable[[pl.Series], pl.Series], values: list[str | None]
) -> None:
    plain = text(*values)
    assert by_word(by_number(plain), read).to_list() == read(plain).to_list() == by_word(plain, read).to_list()


@given(TEXTS)
def test_words_that_become_one_are_one(values: list[str | None]) -> None:
    found = renamed(by_number(text(*values)), MADE["alike"])
    assert found.to_list() == MADE["alike"](text(*values)).to_list()
    assert found.dtype.categories.is_unique().all()  # type: ignore[attr-defined]


@given(st.lists(st.tuples(*[st.none() | st.sampled_from("abc")] * 3), min_size=1, max_size=12))
def test_the_first_text_there_is(rows: list[tuple[str | None, ...]]) -> None:
    columns = [text(*column) for column in zip(*rows, strict=True)]
    wanted = [next((one for one in row if one is not None), None) for row in rows]
    assert first_known(columns).to_list() == wanted
    assert first_known([by_number(column) for column in columns]).to_list() == wanted
    assert first_known([by_number(columns[0]), *columns[1:]]).to_list() == wanted
    assert first_enum([numbered(column) for column in columns]).to_list() == wanted


@pytest.mark.parametrize("many", [255, 256, 257, 65_536])
def test_numbers_are_as_large_as_words_are_many(many: int) -> None:
    words = [f"w{n}" for n in range(many)]
    found = enum(pl.Series([many - 1, None, 0], dtype=pl.UInt32), text(*words))
    assert found.to_list() == [words[-1], None, "w0"]
    assert first_known([found, by_number(text("x", "y", "z"))]).to_list() == [words[-1], "y", "w0"]


def test_a_number_without_a_word_is_refused() -> None:
    with pytest.raises(Exception, match="out of bounds"):
        at(pl.Series([1, 2], dtype=pl.UInt32), pl.Series([2], dtype=pl.UInt8))


def test_each_different_text_is_asked_about_once() -> None:
    asked: list[str | None] = []

    def tell(text: str | None) -> str | None:
        asked.append(text)
        return None if text == "b" else f"{text}!"

    assert once(pl.Series(["a", None, "b", "a", None]), tell).to_list() == ["a!", "None!", None, "a!", "None!"]
    assert sorted(map(str, asked)) == ["None", "a", "b"]
    assert once(pl.Series([None], dtype=pl.String), lambda _: None).to_list() == [None]
    assert once(pl.Series(dtype=pl.String), tell).dtype == pl.String


BILL = Table(
    "bill", "a charge", ("id",), tuple(Column(name, Kind.TEXT, "") for name in ("id", "sku", "who")), repeats=("sku", "who")
)  # fmt: skip


@given(TEXTS)
def test_a_table_held_by_number_says_what_it_said(values: list[str | None]) -> None:
    rows = [str(number) for number in range(20)]
    frame = pl.DataFrame(
        [
            text(*rows, name="id"),
            text(*values, *values[:1] * (20 - len(values)), *[None] * (0 if values else 20), name="sku"),
            text(*rows, name="who"),
        ]
    )
    found = whole(BILL, pl.concat([frame[:5], frame[5:]]))
    assert all(column.n_chunks() == 1 for column in found)
    assert as_text(found).equals(frame)
    assert as_text(found.lazy()).collect().equals(frame)
    assert (found["id"].dtype, found["who"].dtype) == (pl.String, pl.String)  # no key, and nothing that does not repeat


@given(st.lists(st.tuples(TEXTS, st.booleans()), min_size=1, max_size=4))
def test_what_some_hold_by_number_is_held_together_as_if_it_had_been_text(
    parts: list[tuple[list[str | None], bool]],
) -> None:
    texts, held = [], []
    for values, is_numbered in parts:
        told = text(*values, name="sku").cast(pl.String)
        frame = pl.DataFrame([told.alias("id"), told, told.alias("who")])
        texts.append(frame)
        by_number = enum(*numbered(told)) if is_numbered else told
        held.append(frame.with_columns(by_number.alias("sku")))
    found, as_said = together(BILL, held), pl.concat(texts)
    assert as_text(found).equals(as_said)
    assert isinstance(found["sku"].dtype, pl.Enum) == any(is_numbered for _, is_numbered in parts)
    # Of rows left out since then no text stays, and those that do stand in the order of the rows.
    late = pl.concat([as_said] * 9)[::-1]
    assert whole(BILL, pl.concat([found] * 9)[::-1]).schema == whole(BILL, late.clone()).schema
    few = whole(BILL, found[:1])
    assert few.schema == whole(BILL, as_said[:1]).schema
    assert as_text(few).equals(as_said[:1])


def test_what_repeats_is_held_by_number() -> None:
    found = whole(
        BILL,
        pl.DataFrame([text(*"abcdefgh", name="id"), text(*["cpu"] * 8, name="sku"), text(*[None] * 8, name="who")]),
    )
    assert found.schema == {"id": pl.String, "sku": pl.Enum(["cpu"]), "who": pl.Enum([])}
    assert whole(TABLES["costs"], empty("costs")).height == 0


def test_only_columns_of_text_that_are_no_key_are_held_by_number() -> None:
    for table in TABLES.values():
        assert {table.column(name).dtype for name in table.repeats} <= {pl.String}
        assert not {*table.key} & {*table.repeats}
