"""What several measures and studies of one run ask for again and again is computed once."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import polars as pl

from idp_analytics.settings import Settings

if TYPE_CHECKING:
    from idp_analytics.metrics.links import Tables

Choices = ParamSpec("Choices")
Made = TypeVar("Made")


UNASKED = 6
"""For so many metrics after the one that asked last, what they share is held."""


class Shared(dict[str, pl.LazyFrame]):
    """Tables of one pass. What is :func:`shared` is made of them once, and held as long as they are, or until nobody has asked for it for a while
    (:meth:`next`). ``whole``: those of which they are what was known by a moment, for what does not depend on anything later."""

    def __init__(self, tables: Tables, whole: Tables | None = None) -> None:
        super().__init__(tables)
        self.whole = whole
        self.made: dict[tuple[Hashable, ...], tuple[Settings, pl.LazyFrame]] = {}
        self._asked: dict[tuple[Hashable, ...], int] = {}
        self._turn = 0

    def ask(self, key: tuple[Hashable, ...], settings: Settings, made: Callable[[], pl.LazyFrame]) -> pl.LazyFrame:
        """What was made for ``key``, if need be now. The settings are held with it, so that no others can be taken for them."""
        if key not in self.made:
            self.made[key] = settings, made().collect().lazy()
        self._asked[key] = self._turn
        return self.made[key][1]

    def next(self) -> None:
        """Another metric begins: what the last :data:`UNASKED` did not ask for is let go. Whoever asks again has it made again."""
        self._turn += 1
        for key in [key for key in self.made if self._turn - self._asked[key] > UNASKED]:
            del self.made[key]


def shared(
    made: Callable[Concatenate[Tables, Settings, Choices], pl.LazyFrame],
) -> Callable[Concatenate[Tables, Settings, Choices], pl.LazyFrame]:
    """For a function of tables, settings and choices (hashable, by place) that several metrics rest on: of :class:`Shared` tables it is computed once
    for each choice, and what it gives is then in memory; of any other tables it stays as lazy as it was."""

    @wraps(made)
    def once(tables: Tables, settings: Settings, /, *choices: Choices.args, **named: Choices.kwargs) -> pl.LazyFrame:
        if not isinstance(tables, Shared) or named:
            return made(tables, settings, *choices, **named)
        return tables.ask((made, id(settings), *choices), settings, lambda: made(tables, settings, *choices, **named))

    return once


def of_one_table(name: str) -> Callable[[Callable[[Tables], pl.LazyFrame]], Callable[[Tables], pl.LazyFrame]]:
    """For a function of ``tables`` that looks at table ``name`` alone: its result for the last such table is kept. Holds no table alive but what was made
    of it."""

    def decorated(made: Callable[[Tables], pl.LazyFrame]) -> Callable[[Tables], pl.LazyFrame]:
        last: list[tuple[weakref.ref[pl.LazyFrame], pl.LazyFrame]] = []

        @wraps(made)
        def once(tables: Tables) -> pl.LazyFrame:
            table = tables[name]
            if not last or last[0][0]() is not table:
                last[:] = [(weakref.ref(table), made(tables))]
            return last[0][1]

        return once

    return decorated


def remembered(study: Callable[..., Made]) -> Callable[..., Made]:
    """``study(tables, settings, *moments)``, whose results for the last tables and settings are kept by moment (or by what else can be a key), as long as those tables are there.
    Holds no table alive."""
    return _kept(study, is_last=False)


def of_last_moment(study: Callable[..., Made]) -> Callable[..., Made]:
    """As :func:`remembered`, for what is large: the result of the last moment asked for is kept, and no other beside it."""
    return _kept(study, is_last=True)


def _kept(study: Callable[..., Made], is_last: bool) -> Callable[..., Made]:
    asked: list[tuple[dict[str, weakref.ref[pl.LazyFrame]], Settings]] = []
    found: dict[tuple[Hashable, ...], Made] = {}

    def forget(_: object = None) -> None:
        asked.clear()
        found.clear()

    @wraps(study)
    def once(tables: Tables, settings: Settings, *moments: Hashable) -> Made:
        if not asked or asked[0][1] is not settings or not same(asked[0][0], tables):
            forget()
            asked[:] = [({name: weakref.ref(table, forget) for name, table in tables.items()}, settings)]
        if moments not in found:
            if is_last:
                found.clear()
            found[moments] = study(tables, settings, *moments)
        return found[moments]

    return once


def of_one_frame(made: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """For a function of one frame: its result for the last such frame is kept, as long as that is there; it holds it not alive."""
    last: list[tuple[weakref.ref[pl.DataFrame], pl.DataFrame]] = []

    @wraps(made)
    def once(frame: pl.DataFrame) -> pl.DataFrame:
        if not last or last[0][0]() is not frame:
            last[:] = [(weakref.ref(frame, lambda _: last.clear()), made(frame))]
        return last[0][1]

    return once


def same(held: Mapping[str, weakref.ref[pl.LazyFrame]], tables: Tables) -> bool:
    """Whether these are the very tables that were held."""
    return held.keys() == tables.keys() and all(held[name]() is table for name, table in tables.items())
