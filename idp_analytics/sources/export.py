"""One source's files as documents of known shape, each with the file and place it comes from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from itertools import chain, compress
from pathlib import Path
from typing import Any, TypeVar, overload

import polars as pl

from idp_analytics.errors import SourceError
from idp_analytics.sources import members, snapshots
from idp_analytics.sources.documents import Documents, Numbered, holds_documents, read_documents
from idp_analytics.sources.files import shown_path
from idp_analytics.sources.system import Row, System
from idp_analytics.sources.tabular import ROW, read_rows
from idp_analytics.tables.pseudonyms import pseudonym

T = TypeVar("T")

_ENVIRONMENTS = {
    "production": "production", "prod": "production", "prd": "production", "live": "production",
    "staging": "staging", "stage": "staging", "stg": "staging",
    "test": "test", "testing": "test", "qa": "test",
    "development": "development", "dev": "development",
}  # fmt: skip
"""Whole names that say themselves which environment they are; any other needs the settings."""


@dataclass(frozen=True)
class File:
    """One file of a source: as shown, its hash, when it was taken (if known), what its envelope and reader say."""

    shown: str
    sha256: str
    as_of: datetime | None
    unfinished: str | None
    beside: Mapping[str, Any]
    warnings: tuple[str, ...]
    broken: int
    strange: Mapping[str, int]
    shapes: frozenset[str]
    line: str = ""
    """Which export it is, or is a snapshot of (:mod:`snapshots`); pages of one answer are one."""

    @cached_property
    def day(self) -> str | None:
        """The day the export was taken, as text; null: not known."""
        return self.as_of.date().isoformat() if self.as_of else None

    @cached_property
    def taken_at(self) -> str | None:
        """When the export was taken, as text; null: not known."""
        return self.as_of.isoformat() if self.as_of else None


@dataclass(slots=True)
class Document:
    """One document: its ``body``, the ``file`` and the place (``number``, from 1) it has there."""

    body: dict[str, Any]
    file: File
    number: int

    def at(self, name: str, *inside: str | int) -> Any:
        """The member ``name``, or what is at the path inside it, or null (:func:`members.at`)."""
        found = self.body.get(name)
        return members.at(found, *inside) if inside and found is not None else found

    def text(self, name: str, *inside: str | int) -> str | None:
        """The text of the member ``name``, or of what is at the path inside it, or null (:func:`members.text`)."""
        # This runs for every member read, of which most are texts of the document itself or not there.
        found = self.body.get(name)
        if found is None:
            return None
        if type(found) is str and not inside:
            return found.strip() or None
        return members.text(found, *inside)

    def every(self, *path: str | int) -> list[dict[str, Any]]:
        """The objects of the list at ``path`` (:func:`members.every`)."""
        return members.every(self.body, *path)

    @property
    def day(self) -> str | None:
        """The day the export was taken, as text; null: not known."""
        return self.file.day

    @property
    def taken_at(self) -> str | None:
        """When the export was taken, as text; null: not known."""
        return self.file.taken_at

    def row(self, newest: str | None = None, **columns: Any) -> Row:
        """A row; of several with one key that with the greatest ``newest`` stays (without: the one read last)."""
        columns["_document"], columns["_newest"] = self, newest
        return columns

    def rows(self, shared: Row, several: Sequence[Row]) -> Row:
        """One row that stands for several: the columns of ``shared`` (a :meth:`row`), and those of each."""
        return {**shared, "_several": several}

    def columns(self, frame: pl.DataFrame, **more: Any) -> Row:
        """One row that stands for all of ``frame``: columns of the table, :data:`ROW`, and ``_newest`` as :meth:`row` has it."""
        return {"_document": self, "_newest": None, "_columns": frame, **more}

    def left_out(self, reason: str, times: int = 1) -> Row:
        """A row that is not used, counted under ``reason``; or several."""
        return {"_document": self, "_left_out": reason, "_times": times}

    def warning(self, sentence: str) -> Row:
        """A sentence for a person, said once per file."""
        return {"_document": self, "_warning": sentence}

    def truncated(self, reason: str) -> Row:
        """The table is known to be incomplete in this file, and why."""
        return {"_document": self, "_truncated": reason}


class Several(Sequence[Document]):
    """Documents of one file, or some of them, or one several times. Nearly none is ever looked at by itself: each is made when it is, once."""

    __slots__ = ("_file", "_made", "_whole", "places")

    def __init__(self, whole: Numbered, file: File) -> None:
        self._whole, self._file = whole, file
        self._made: list[Document | None] = [None] * len(whole)
        self.places: Sequence[int] = range(len(whole))

    def some(self, places: Sequence[int]) -> Several:
        """Those at these places of all there are in the file."""
        other = copy(self)
        other.places = places
        return other

    @property
    def bodies(self) -> Sequence[dict[str, Any]]:
        """What each of them is."""
        return self._told(self._whole.bodies)

    @property
    def numbers(self) -> Sequence[int]:
        """The place of each in the file, from 1."""
        return self._told(self._whole.numbers)

    def _told(self, of: Sequence[T]) -> Sequence[T]:
        return of if self.places == range(len(of)) else list(map(of.__getitem__, self.places))

    @overload
    def __getitem__(self, at: int) -> Document: ...

    @overload
    def __getitem__(self, at: slice) -> Several: ...

    def __getitem__(self, at: int | slice) -> Document | Several:
        """The one at this place, or some."""
        return self.some(self.places[at]) if isinstance(at, slice) else self._one(self.places[at])

    def __iter__(self) -> Iterator[Document]:
        """Each of them."""
        return map(self._one, self.places)

    def __len__(self) -> int:
        return len(self.places)

    def _one(self, place: int) -> Document:
        found = self._made[place]
        if found is None:
            number, body = self._whole[place]
            found = self._made[place] = Document(body, self._file, number)
        return found


class Together(Sequence[Document]):
    """Those of several files, oldest file first."""

    __slots__ = ("parts",)

    def __init__(self, parts: Sequence[Several]) -> None:
        self.parts = parts

    @overload
    def __getitem__(self, at: int) -> Document: ...

    @overload
    def __getitem__(self, at: slice) -> list[Document]: ...

    def __getitem__(self, at: int | slice) -> Document | list[Document]:
        """The one at this place, or some."""
        return list(self)[at]

    def __iter__(self) -> Iterator[Document]:
        """Each of them."""
        return chain.from_iterable(self.parts)

    def __len__(self) -> int:
        return sum(map(len, self.parts))


@dataclass
class Export:
    """All documents of one source. ``of[shape]`` lists them oldest file first; ``options`` has every option or its default."""

    system: System
    files: Sequence[File]
    of: Mapping[str, Sequence[Document]]
    options: Mapping[str, Any]
    _indexes: dict[tuple[str, tuple[str | int, ...]], dict[str, list[Document]]] = field(default_factory=dict)
    _made: dict[str, Any] = field(default_factory=dict)
    # A name comes with many documents: what it stands for is found once.
    _people: dict[str, str | None] = field(default_factory=dict)
    _environments: dict[str | None, str | None] = field(default_factory=dict)
    _services: dict[str, str] = field(default_factory=dict)
    _matches: dict[tuple[str, str], bool] = field(default_factory=dict)

    def by(self, shape: str, name: str, *inside: str | int) -> Mapping[str, list[Document]]:
        """The documents of ``shape`` by the text of the member ``name``, or of what is inside it, made once."""
        key = (shape, (name, *inside))
        if key not in self._indexes:
            index: dict[str, list[Document]] = {}
            for document in self.of.get(shape, ()):
                if (found := document.text(name, *inside)) is not None:
                    index.setdefault(found, []).append(document)
            self._indexes[key] = index
        return self._indexes[key]

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What ``make`` gives, made once per export under ``name``."""
        if name not in self._made:
            self._made[name] = make()
        found: T = self._made[name]
        return found

    def id(self, native: str | None) -> str | None:
        """``kind:native``, the id of a fact of this system; with another prefix where the settings say so."""
        return None if native is None else self._prefix + native

    def ids(self, natives: Iterable[str | None]) -> list[str | None]:
        """:meth:`id` of each."""
        prefix = self._prefix
        return [None if native is None else prefix + native for native in natives]

    @cached_property
    def _prefix(self) -> str:
        prefix = self.options.get("prefix")
        prefix = self.system.kind if prefix is None else prefix
        return f"{prefix}:" if prefix else ""

    def person(self, native: str | None) -> str | None:
        """The pseudonym of a login or address, or itself where the settings say that it is one."""
        if not native:
            return None
        if native not in self._people:
            plain = native.strip()
            self._people[native] = (
                None if not plain else plain if self.options["people"] == "keep" else pseudonym(plain)
            )
        return self._people[native]

    def environment(self, name: str | None) -> str | None:
        """OpenTelemetry's word for an environment's name (:func:`environment_word`)."""
        if name not in self._environments:
            self._environments[name] = environment_word(name, self.options.get("environments") or {})
        return self._environments[name]

    def service(self, name: str | None) -> str | None:
        """The part of a name that is the service, by the settings' ``service_pattern``."""
        if name is None or self._service is None:
            return name
        if name not in self._services:
            found = self._service.fullmatch(name)
            self._services[name] = next((group for group in found.groups() if group), name) if found else name
        return self._services[name]

    def golden_path(self, *names: str | None) -> str | None:
        """The golden path that the first fitting name stands for, by the settings' ``golden_paths``; without them itself."""
        return self._meant("golden_paths", names)

    def operation(self, *names: str | None) -> str | None:
        """The operation that the first fitting name stands for, by the settings' ``operations``; without them itself."""
        return self._meant("operations", names)

    def _meant(self, option: str, names: Sequence[str | None]) -> str | None:
        patterns: Mapping[str, str] | None = self.options.get(option)
        if patterns is None:
            return next(filter(None, names), None)
        fitting = (word for name in names if name for pattern, word in patterns.items() if self.matches(pattern, name))
        return next(fitting, None)

    def matches(self, pattern: str, name: str) -> bool:
        """A regular expression of the settings fits the whole name."""
        if (pattern, name) not in self._matches:
            self._matches[pattern, name] = re.fullmatch(pattern, name) is not None
        return self._matches[pattern, name]

    @cached_property
    def _service(self) -> re.Pattern[str] | None:
        pattern = self.options.get("service_pattern")
        return re.compile(pattern) if pattern else None


def misshapen(export: Export, error: Exception) -> str:
    """Why a document is left out whose reading ended in ``error``."""
    return f"is not shaped as {export.system.title} writes it ({type(error).__name__})"


def environment_word(name: str | None, patterns: Mapping[str, str]) -> str | None:
    """OpenTelemetry's word for an environment's name: by the settings' patterns, else where the whole name says it; else null."""
    if name is None:
        return None
    fitting = (word for pattern, word in patterns.items() if re.fullmatch(pattern, name))
    return next(fitting, None) or _ENVIRONMENTS.get(name.strip().lower())


@dataclass(frozen=True)
class _Given:
    """A file as it is opened: which export it is (``line``), of which answer a page (``family``), when it was taken."""

    path: Path
    shown: str
    line: str
    family: str
    taken: datetime | None
    found: Documents


def opened(system: System, paths: Sequence[Path], options: Mapping[str, Any], root: Path) -> Export:
    """Read every file of a source, snapshots first, oldest first. A snapshot of the same export, time and content, and an
    export that is as its newest snapshot has it, are not read again.

    Raises :class:`SourceError` for a file that cannot be read, and for one without any document this system writes,
    naming what it looks like.
    """
    given = _as_given(system, paths, root)
    _refuse_stale(given, options.get("as_of"))
    files: list[File] = []
    of: dict[str, list[Several]] = {shape.name: [] for shape in system.shapes}
    for one in _pages_joined(given):
        file, documents = _classified(system, one, one.taken or options.get("as_of"))
        files.append(file)
        for shape, several in documents.items():
            of[shape].append(several)
    return Export(system, files, {shape: Together(parts) for shape, parts in of.items()}, options)


def _as_given(system: System, paths: Sequence[Path], root: Path) -> list[_Given]:
    ordered = {path: shown_path(path, root) for path in sorted(paths, key=snapshots.order)}
    lines = {path: snapshots.line(shown) for path, shown in ordered.items()}
    families, times = snapshots.families(lines.values()), snapshots.sittings(lines)
    given: dict[tuple[str, str, datetime | None], _Given] = {}
    for path, shown in ordered.items():
        line, at = lines[path], times.get(path)
        one = _Given(path, shown, line, families[line], at, open_file(system, path, shown))
        given.setdefault((line, one.found.sha256, at), one)
    collected = _collected(given.values())
    return [one for one in given.values() if one.taken is not None or one.family not in collected]


def _collected(given: Iterable[_Given]) -> frozenset[str]:
    """The families whose exports are, page for page, what their newest snapshots have."""
    now: dict[str, set[tuple[str, str]]] = {}
    kept: dict[str, dict[datetime, set[tuple[str, str]]]] = {}
    for one in given:
        if one.taken is None:
            now.setdefault(one.family, set()).add((one.line, one.found.sha256[: snapshots.DIGITS]))
        else:
            pages = kept.setdefault(one.family, {}).setdefault(one.taken, set())
            pages.add((one.line, snapshots.digest(one.path)))
    return frozenset(
        family for family, pages in now.items() if family in kept and pages == kept[family][max(kept[family])]
    )


def _refuse_stale(given: Sequence[_Given], as_of: datetime | None) -> None:
    """An export newer than its snapshots, dated before them, would make what it shows end before it began."""
    newest = max((one.taken for one in given if one.taken), default=None)
    for one in given:
        if one.taken is None and as_of is not None and newest is not None and as_of < newest:
            raise SourceError(
                f"{one.shown}: as_of = {as_of:%Y-%m-%dT%H:%M:%SZ} in settings.toml is before the newest snapshot, of "
                f"{newest:%Y-%m-%dT%H:%M:%SZ}. Run idp collect, which dates each export, or set as_of to when it was exported."
            )


def _pages_joined(given: Sequence[_Given]) -> Iterator[_Given]:
    """Files numbered from 0 or 1 without a gap (``runs-1.json``, ``runs-2.json``) are pages of one answer: where the last has no
    next page and all together hold as many as any of them says there are, none of them is incomplete. Where a page before
    another is not there, all are."""
    answers: dict[tuple[str, datetime | None], dict[int, Documents]] = {}
    for one in given:
        if one.family != one.line:
            answers.setdefault((one.family, one.taken), {})[snapshots.number(one.line) or 0] = one.found
    for one in given:
        pages = answers.get((one.family, one.taken))
        if pages is None:
            yield one
        elif not snapshots.without_gap(pages):
            gap = one.found.unfinished or "a page before it is not there"
            yield replace(one, found=replace(one.found, unfinished=gap))
        else:
            yield replace(one, found=replace(one.found, unfinished=None)) if _is_whole(pages) else one


def _is_whole(pages: Mapping[int, Documents]) -> bool:
    held = sum(len(page.found) + len(page.broken) for page in pages.values())
    total = max(page.total for page in pages.values())
    return len(pages) > 1 and not pages[max(pages)].continues and held >= total


def open_file(system: System, path: Path, shown: str) -> Documents:
    """The documents of one file: by the system's own opener, as JSON or YAML, or the rows of a table."""
    if system.opens is not None:
        try:
            return system.opens(path, shown)
        except (AttributeError, TypeError, ValueError, KeyError, IndexError, RecursionError) as error:
            raise SourceError(
                f"{shown}: is not shaped as {system.title} writes it ({type(error).__name__}). Export it again."
            ) from None
    return read_documents(path, shown, str) if holds_documents(path, shown) else table_documents(path, shown)


TABLE = "_table"
"""The member under which a document that is a whole table has its rows, as columns and :data:`ROW`."""


def table_documents(path: Path, shown: str, is_whole: Callable[[Mapping[str, Any]], bool] | None = None) -> Documents:
    """The rows of a CSV or Parquet file as documents of their columns; empty fields are null. Where the names of its columns
    are such that it ``is_whole``, all rows are one document (:data:`TABLE`)."""
    rows = read_rows(path, shown)
    names = dict.fromkeys(rows.header)
    if is_whole is not None and is_whole(names):
        found = [(1, {**names, TABLE: rows.frame})] if rows.frame.height else []
    else:
        found = [(row.pop(ROW), row) for row in rows.frame.iter_rows(named=True)]
    return Documents(found, rows.sha256, rows.broken, warnings=rows.warnings)


def _classified(system: System, one: _Given, as_of: datetime | None) -> tuple[File, dict[str, Several]]:
    found, shown = one.found, one.shown
    pairs = found.found
    if not isinstance(pairs, Numbered):
        pairs = Numbered([body for _, body in pairs], [number for number, _ in pairs])
    bodies, numbers = pairs.bodies, pairs.numbers
    told = system.shapes_of(bodies) if found.shape is None else [found.shape] * len(bodies)
    strange = (
        dict(Counter(_called(body) for shape, body in zip(told, bodies, strict=True) if shape is None))
        if None in told
        else {}
    )
    shapes = frozenset(filter(None, told))
    if told and not shapes:
        raise SourceError(wrong_kind(system, shown, bodies[0]))
    nothing = () if told or "the file is empty" in found.warnings else ("the file holds no documents",)
    broken = tuple(f"line {line}: {reason}" if line else reason for line, reason in found.broken[:5])
    file = File(
        shown, found.sha256, as_of, found.unfinished, found.beside or {}, (*found.warnings, *nothing, *broken),
        len(found.broken), strange, shapes, one.family,
    )  # fmt: skip
    if set(told) == shapes and len(shapes) == 1:  # as nearly always
        return file, {told[0] or "": Several(pairs, file)}
    given = {}
    for shape in shapes:
        which = [name == shape for name in told]
        given[shape] = Several(Numbered(list(compress(bodies, which)), list(compress(numbers, which))), file)
    return file, given


def _called(body: Mapping[str, Any]) -> str:
    kind = body.get("kind")
    return f"of kind {kind[:60]}" if isinstance(kind, str) and kind else "of another shape"


def wrong_kind(system: System, shown: str, body: Mapping[str, Any]) -> str:
    """The sentence about a file that holds nothing the system writes: what it looks like instead."""
    from idp_analytics.sources.recognise import looks_like

    wanted = ", ".join(shape.what for shape in system.shapes[:6])
    like = looks_like(body)
    names = ", ".join(map(repr, list(body)[:8]))
    told = (
        f"It looks like {like.what} of {like.title}: use kind = {like.kind!r}."
        if like
        else f"Its first document has {names}."
    )
    return f"{shown}: holds nothing that {system.title} exports ({wanted}). {told}"
