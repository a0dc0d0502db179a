"""Work on rows side by side gives what it gives one after another, in order, on however many cores and in whatever pieces."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from functools import partial

import polars as pl
import pytest

from idp_analytics.tables import side_by_side
from idp_analytics.tables.numbered import at, enum, first_enum
from idp_analytics.tables.side_by_side import pieces
from idp_analytics.tables.side_by_side import side_by_side as together

ASKED: ContextVar[int] = ContextVar("asked", default=0)


@pytest.fixture(params=[1, 2, 3])
def cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(pl, "thread_pool_size", lambda: request.param)
    return int(request.param)


def test_in_order_and_nothing_stays_behind(cores: int) -> None:
    before = threading.active_count()
    assert together([partial(divmod, n, 3) for n in range(9)]) == [divmod(n, 3) for n in range(9)]
    assert threading.active_count() == before


@pytest.mark.parametrize("cores", [2], indirect=True)
def test_really_at_the_same_time_but_for_few_rows(cores: int) -> None:
    meeting = threading.Barrier(cores, timeout=10)
    assert sorted(together([meeting.wait] * cores)) == [0, 1]
    assert together([threading.get_ident] * 2, rows=side_by_side.PIECE) == [threading.get_ident()] * 2


def test_what_is_set_for_the_caller_is_set_for_the_work(cores: int) -> None:
    ASKED.set(7)
    assert together([ASKED.get] * 4) == [7] * 4


def test_the_first_error_in_order_is_raised(cores: int) -> None:
    with pytest.raises(ValueError, match="'b'"):
        together([partial(int, "1"), partial(int, "b"), partial(int, "c")])


@pytest.mark.parametrize(
    ("height", "wanted"),
    [
        (0, [slice(0, 0)]), (1, [slice(0, 1)]), (4, [slice(0, 4)]), (5, [slice(0, 5)]), (6, [slice(0, 6)]),
        (7, [slice(0, 4), slice(4, 7)]), (11, [slice(0, 4), slice(4, 8), slice(8, 11)]),
    ],
)  # fmt: skip
def test_pieces_are_all_rows_once(monkeypatch: pytest.MonkeyPatch, height: int, wanted: list[slice]) -> None:
    monkeypatch.setattr(side_by_side, "PIECE", 4)
    assert pieces(height) == wanted


@pytest.mark.parametrize("piece", [1, 2, 100])
def test_columns_by_number_are_the_same_in_pieces(monkeypatch: pytest.MonkeyPatch, cores: int, piece: int) -> None:
    monkeypatch.setattr(side_by_side, "PIECE", piece)
    numbers = pl.Series([2, None, 0, 1, 3, 0, 2], dtype=pl.UInt8)
    others = pl.Series([0, 1, None, 0, 1, None, 0], dtype=pl.UInt16)
    words = pl.Series("w", ["a", "b", "a", None])
    assert at(pl.Series("n", [5, None, 7, 9]), numbers).to_list() == [7, None, 5, None, 9, 5, 7]
    assert enum(numbers, words).to_list() == ["a", None, "a", "b", None, "a", "a"]
    assert first_enum([(numbers, words), (others, pl.Series(["x", "b"]))]).to_list() == [
        "a",
        "b",
        "a",
        "b",
        "b",
        "a",
        "a",
    ]
