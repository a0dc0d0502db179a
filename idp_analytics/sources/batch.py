"""Documents of one shape in one file, all at once: what a reader asks of each is one list, and the rows are columns.

Most systems write thousands of documents of one shape. To read a member of all of them takes a fraction of what it takes to read it
of one after another, and no row is ever by itself in Python.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, compress, groupby, repeat
from operator import contains, itemgetter
from typing import Any, TypeVar

import polars as pl

from idp_analytics.sources import members
from idp_analytics.sources.export import Document, Export, Several, Together
from idp_analytics.sources.rows import series
from idp_analytics.sources.system import Row
from idp_analytics.sources.tabular import ROW
from idp_analytics.tables.declare import Table

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_FEW = 3
"""Of how many members of one object that not all have it is known which there are at all: to collect them takes as long."""
_SMALL = 8
"""Up to how many members one is as soon looked for in all objects as all are collected."""
_AT_HAND = 1000
"""Of how many documents everything is read before those that follow: they fit the memory that is nearest."""
_TEXT, _NUMBER = {str, type(None)}, {int, type(None)}
_LISTS = {list, type(None)}
_NO_TEXT = {dict, list, bool, type(None)}


class Batch:
    """Documents of one shape in one file, or objects inside them (``bodies``, each with the document it is in)."""

    __slots__ = (
        "_before",
        "_every",
        "_found",
        "_made",
        "_members",
        "_missed",
        "_nothing",
        "_told",
        "_which",
        "bodies",
        "documents",
        "table",
    )

    def __init__(self, table: Table | None, documents: Sequence[Document], bodies: Sequence[Any] | None = None) -> None:
        self.table = table
        self.documents = documents
        if bodies is None:
            bodies = documents.bodies if isinstance(documents, Several) else [document.body for document in documents]
        self.bodies: Sequence[Any] = bodies
        self._found: dict[tuple[str | int, ...], list[Any]] = {(): list(self.bodies)}
        self._members: dict[tuple[str | int, ...], set[str]] = {}
        self._missed: Counter[tuple[str | int, ...]] = Counter()
        self._told: dict[tuple[str | int, ...], list[str | None]] = {}
        self._every: dict[tuple[str | int, ...], tuple[Batch, list[int]]] = {}
        self._made: dict[str, list[Any]] = {}
        self._nothing: list[None] = [None] * len(documents)
        # Texts of those of which these are some, and which they are: what has been read of all is not read again. Not the others
        # themselves: what holds one another is only freed when all objects there are have been looked at.
        self._before: dict[tuple[str | int, ...], list[str | None]] = {}
        self._which: Sequence[object] = ()

    def of(self, table: Table | None) -> Batch:
        """The same for another table; what has been read of them is not read again."""
        other = Batch(table, self.documents, self.bodies)
        other._found, other._members, other._told = self._found, self._members, self._told
        other._every, other._made, other._nothing = self._every, self._made, self._nothing
        other._missed, other._before, other._which = self._missed, self._before, self._which
        return other

    def __len__(self) -> int:
        return len(self.documents)

    def at(self, *path: str | int) -> list[Any]:
        """Of each the member at ``path``, or null (:func:`members.at`)."""
        if path not in self._found:
            *before, step = path
            values = self.at(*before)
            if values is self._nothing:
                return self._nothing
            try:
                self._found[path] = list(map(itemgetter(step), values)) if type(step) is str else inside(values, step)
            except TypeError:
                self._found[path] = inside(values, step) if any(values) else self._nothing
            except KeyError:
                self._missed[tuple(before)] += 1
                is_few = self._missed[tuple(before)] < _FEW and not _is_small(values[0])
                is_there = _is_in_any(values, step) if is_few else step in self._names(*before)
                self._found[path] = inside(values, step) if is_there else self._nothing
        return self._found[path]

    def _names(self, *path: str | int) -> set[str]:
        """The members that any object at ``path`` has: many that are asked for are in none."""
        if path not in self._members:
            self._members[path] = _names_of(self.at(*path))
        return self._members[path]

    def texts(self, *path: str | int) -> list[str | None]:
        """Of each the text at ``path``, or null (:func:`members.text`)."""
        if path not in self._told:
            told = self._before.get(path)
            if told is not None:
                self._told[path] = list(compress(told, self._which))
            else:
                values = self.at(*path)
                self._told[path] = self._nothing if values is self._nothing else texts(values)  # type: ignore[assignment]
        return self._told[path]

    def read(self, *paths: tuple[str | int, ...]) -> None:
        """Read the texts at these paths now (:meth:`texts`), of a thousand documents after the other: each is then fetched from memory once,
        and not once for every member, which takes longer than all else where there are many."""
        parts: dict[tuple[str | int, ...], list[list[str | None]]] = {
            path: [] for path in paths if path not in self._told
        }
        empty: dict[tuple[str | int, ...], int] = dict.fromkeys(parts, 0)
        pieces = range(0, len(self), _AT_HAND)
        for begin in pieces:
            bodies = self.bodies[begin : begin + _AT_HAND]
            some = Batch(None, bodies, bodies)
            for path, part in parts.items():
                part.append(told := some.texts(*path))
                empty[path] += told is some._nothing
        for path, part in parts.items():
            self._told[path] = self._nothing if empty[path] == len(pieces) else list(chain.from_iterable(part))  # type: ignore[assignment]

    def first(self, *places: str | tuple[str | int, ...]) -> list[str | None]:
        """Of each the first text there is at these places (a member, or the path to it). A place is not looked at where those before
        it tell of all."""
        found: list[str | None] = self._nothing  # type: ignore[assignment]
        for place in places:
            told = self.texts(*((place,) if isinstance(place, str) else place))
            if told is not self._nothing:
                found = told if found is self._nothing else either(found, told)
                if all(found):
                    break
        return found

    def once(self, name: str, make: Callable[[], list[V]]) -> list[V]:
        """What ``make`` tells of each, made once for all tables under ``name``."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def those(self, wanted: Iterable[object]) -> Iterator[Document]:
        """The documents of which ``wanted`` is true; none of the others is made for it."""
        return map(self.documents.__getitem__, compress(range(len(self)), wanted))

    def where(self, wanted: Iterable[object]) -> Batch:
        """Those of which ``wanted`` is true."""
        which = list(wanted)
        if all(which):
            return self
        bodies = list(compress(self.bodies, which))
        some = Batch(self.table, self._some(lambda of: list(compress(of, which))), bodies)
        some._before, some._which = self._told, which
        return some

    def _some(self, which: Callable[[Sequence[Any]], list[Any]]) -> Sequence[Document]:
        """Some of the documents, or one several times."""
        all_ = self.documents
        return all_.some(which(all_.places)) if isinstance(all_, Several) else which(all_)

    def _numbers(self) -> Sequence[int]:
        all_ = self.documents
        return all_.numbers if isinstance(all_, Several) else [document.number for document in all_]

    def every(self, *path: str | int) -> tuple[Batch, list[int]]:
        """The objects of the lists at ``path`` (:func:`members.every`), and for each the place here of what it is in."""
        if path not in self._every:
            values = self.at(*path)
            lists: list[Any] = [value or () for value in values]
            # As nearly always: each is a list of plain objects, or nothing.
            if not set(map(type, values)) <= _LISTS or set(map(type, chain.from_iterable(lists))) - {dict}:
                lists = [members.every(value) if value else () for value in values]
            places = list(chain.from_iterable(map(repeat, range(len(lists)), map(len, lists))))
            bodies = list(chain.from_iterable(lists))
            documents = self._some(lambda of: list(map(of.__getitem__, places)))
            self._every[path] = Batch(self.table, documents, bodies), places
        inner, places = self._every[path]
        return inner.of(self.table), places

    def rows(self, newest: Sequence[str | None] | pl.Series | None = None, **columns: Any) -> Iterator[Row]:
        """One row for each, as :meth:`Document.row` makes it, together: a column is a list or series of one value for each, or what all have."""
        if self.documents:
            yield self.documents[0].columns(self._frame(newest, columns))

    def singly(self, newest: Sequence[str | None], **columns: Any) -> Iterator[Row]:
        """The same as rows of their own, for readers that put rows together."""
        lists = [values if type(values) is list else [values] * len(self) for values in columns.values()]
        names = ("_document", "_newest", *columns)
        return (dict(zip(names, row, strict=True)) for row in zip(self.documents, newest, *lists, strict=True))

    def several(
        self,
        places: Sequence[int] | pl.Series,
        own: Mapping[str, Any],
        newest: Sequence[str | None] | pl.Series | None = None,
        **columns: Any,
    ) -> Iterator[Row]:
        """A row for each of ``places``, with the columns of the document there and, in ``own``, what each row has by itself."""
        if len(places):
            at = (
                pl.DataFrame({"place": pl.Series(places, dtype=pl.UInt32)})
                .with_row_index("row")
                .sort("place", maintain_order=True)
            )
            shared = {name: values for name, values in columns.items() if type(values) in (list, pl.Series)}
            same = {name: values for name, values in columns.items() if name not in shared}
            made = [self._column(name, values, len(places)).gather(at["row"]) for name, values in own.items()]
            made += [self._column(name, value, len(places)) for name, value in same.items()]
            yield self.documents[0].columns(self._frame(newest, shared)[at["place"]].with_columns(made))

    def _frame(self, newest: Sequence[str | None] | pl.Series | None, columns: Mapping[str, Any]) -> pl.DataFrame:
        numbers = pl.Series(ROW, self._numbers(), dtype=pl.Int64)
        order = pl.Series("_newest", self._nothing if newest is None else newest, dtype=pl.String)
        return pl.DataFrame([numbers, *(self._column(*column, len(self)) for column in columns.items()), order])

    def _column(self, name: str, values: Any, times: int) -> pl.Series:
        assert self.table is not None
        column = next(column for column in self.table.columns if column.name == name)
        if isinstance(values, pl.Series):
            return values.alias(name)
        if values is self._nothing:
            values = None
        return series(column, values) if type(values) is list else series(column, [values]).new_from_index(0, times)


def batches(export: Export, shape: str) -> list[Batch]:
    """The documents of a shape, those of each file together; made once per export."""

    def made() -> list[Batch]:
        documents = export.of[shape]
        if isinstance(documents, Together):
            return [Batch(None, part) for part in documents.parts]
        files = groupby(documents, lambda document: document.file.shown)
        return [Batch(None, list(some)) for _, some in files]

    return export.once(f"batches of {shape}", made)


_PIECE = 2048
"""Documents of a piece: what is made of so few stays where the processor has it at hand."""


def pieces(export: Export, shape: str) -> list[list[Batch]]:
    """:func:`batches`, each in pieces, for readers that tell of a document without regard to those beside it; made once per export."""

    def made() -> list[list[Batch]]:
        return [
            [Batch(None, all_.documents[begin : begin + _PIECE]) for begin in range(0, len(all_), _PIECE)]
            if len(all_) > _PIECE else [all_]
            for all_ in batches(export, shape)
        ]  # fmt: skip

    return export.once(f"pieces of {shape}", made)


def _names_of(values: Sequence[Any]) -> set[str]:
    """The members of those that are objects. Nearly always all are, and of few kinds: each kind is looked at once, but where it has so
    few members that to put them together takes longer."""
    if values and type(values[0]) is dict:
        with suppress(TypeError):
            kinds: Iterable[Iterable[str]] = values if _is_small(values[0]) else set(map(tuple, values))
            return set(chain.from_iterable(kinds))
    return set().union(*(value for value in values if type(value) is dict))


def _is_small(value: Any) -> bool:
    return type(value) is dict and len(value) <= _SMALL


def _is_in_any(values: Sequence[Any], step: str | int) -> bool:
    """One of them may have this member: false is certain."""
    try:
        return any(map(contains, values, repeat(step)))
    except TypeError:
        return True


def inside(values: Sequence[Any], step: str | int) -> list[Any]:
    """One step of :func:`members.at` in each."""
    if type(step) is not str:
        return [members.at(value, step) for value in values]
    with suppress(TypeError):
        # As often: all are plain objects. Not asked first, because that takes as long again.
        return list(map(dict.get, values, repeat(step)))
    # Plain objects first: ``members.at`` would be a call for each.
    return [
        value.get(step) if type(value) is dict else None if value is None else members.at(value, step)
        for value in values
    ]


def texts(values: Sequence[Any]) -> list[str | None]:
    """Each as text, or null (:func:`members.text`)."""
    with suppress(TypeError):
        # As nearly always: each is text. Not asked first, because that takes as long again.
        plain = list(map(str.strip, values))
        return [text or None for text in plain] if "" in plain else plain  # type: ignore[return-value]
    types = set(map(type, values))
    if types == _TEXT:
        return [value.strip() or None if value else None for value in values]
    if types <= _NO_TEXT:
        return [None] * len(values)
    if types <= _NUMBER:
        return [None if value is None else str(value) for value in values] if int in types else list(values)
    return [members.text(value) for value in values]


def each(told: Callable[[K], V], values: Sequence[K]) -> list[V]:
    """``told`` of each value, asked once for each that is different."""
    known = {value: told(value) for value in set(values)}
    return list(known.values()) * len(values) if len(known) == 1 else list(map(known.__getitem__, values))


def each_text(told: Callable[[str], str | None], column: pl.Series) -> pl.Series:
    """The same of a column of text; what is not known stays so."""
    different = column.drop_nulls().unique()
    words = pl.Series(list(map(told, different)), dtype=pl.String)
    return column.replace_strict(different, words, default=None, return_dtype=pl.String)


def ids(export: Export, natives: Sequence[str | None]) -> pl.Series:
    """:meth:`Export.ids` as a column."""
    told = pl.Series(natives, dtype=pl.String)
    return pl.select(pl.lit(export.id("")) + told).to_series()


def either(*choices: Sequence[V | None]) -> list[V | None]:
    """Of each place the first that is known."""
    first = list(choices[0])
    for other in choices[1:]:
        if not any(first):
            first = list(other)
        elif not all(first):
            first = [one or more for one, more in zip(first, other, strict=True)]
    return first


_ZULU = "%Y-%m-%dT%H:%M:%SZ"


def later(begun: Sequence[str | None], waited: pl.Series) -> pl.Series | None:
    """The time so many microseconds after each, as ``datetime.isoformat`` writes it; null where one of the two is not known. None:
    some are not written as nearly all are (``2026-01-01T00:00:00Z``), or are too far away for a date."""
    written = pl.Series(begun, dtype=pl.String)
    at = written.str.to_datetime(_ZULU, time_unit="us", strict=False)
    # What is read may be written in other ways: a second of 60, a month of one digit.
    if not at.dt.strftime(_ZULU).eq_missing(written).all() or not _is_near(at.to_physical()) or not _is_near(waited):
        return None
    ended = (at.to_physical() + waited).cast(pl.Datetime("us"))
    told = pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%S+00:00")
    finer = pl.when(pl.col("at").dt.microsecond() != 0).then(pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00"))
    has_parts = bool((ended.to_physical() % 1_000_000 != 0).any())
    return ended.to_frame("at").select(pl.coalesce(finer, told) if has_parts else told).to_series()


_CENTURIES = 10 * 100 * 366 * 86_400 * 1_000_000
"""A thousand years in microseconds."""


def _is_near(microseconds: pl.Series) -> bool:
    least, most = microseconds.min(), microseconds.max()
    return least is None or bool(least > -_CENTURIES / 2 and most < _CENTURIES)  # type: ignore[operator]
