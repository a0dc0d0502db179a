"""A company loaded by several processes, which end as soon as what they have read lies where all can map it (:mod:`.shelf`).

First the sources are read in children of a :mod:`zygote`, the largest first, as many children at a time as there are to be workers; then the
tables are put together, pass the gate and get their owners, the largest first too (the steps are those of :mod:`idp_analytics.loading`). This process
keeps what is small, and the tables mapped. What comes out, and what is raised, is the same as if this process had loaded the company.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics import loading
from idp_analytics.errors import ReportError
from idp_analytics.organisation import Organisation, assembled, checked, stop_if_unusable
from idp_analytics.publish import shelf, zygote
from idp_analytics.settings import Settings
from idp_analytics.tables import TABLES

LEAST_BYTES = 10_000_000
"""With fewer bytes in all files of a company this process has loaded it about as soon as others could."""

_SHARE = 16
"""What is more than one part in so many of all is a child's only work; the rest is put together to about as much each."""

_TABLES = tuple(name for name in TABLES if name != "loads")
_OWNERS = "ownership"


@dataclass(frozen=True)
class Job:
    """What is to be loaded: settings, the people who are to be forgotten, and the sources with their files and how many bytes these have."""

    settings: Settings
    forgotten: frozenset[str]
    sources: tuple[loading.Asked, ...]

    @classmethod
    def of(cls, settings: Settings) -> Job:
        """Raises :class:`SettingsError` as loading does."""
        return cls(settings, checked(settings), tuple(loading.asked(settings)))

    @cached_property
    def bytes(self) -> tuple[int, ...]:
        """Of each source the bytes of its files, those in folders too; 0 of what cannot be looked at."""
        return tuple(sum(map(_size, one.paths)) for one in self.sources)

    @cached_property
    def groups(self) -> list[tuple[int, ...]]:
        """The sources (by place) that one child reads, those with most bytes first."""
        return _groups(dict(enumerate(self.bytes)))


@dataclass(frozen=True)
class Files:
    """The open files without a name that children write to: one for each group of sources, one for each table."""

    read: tuple[int, ...]
    tables: Mapping[str, int]

    @property
    def all(self) -> tuple[int, ...]:
        """The numbers of all."""
        return (*self.read, *self.tables.values())


@contextmanager
def files(job: Job) -> Iterator[Files]:
    """New files for a company; closed at the end. Raises ``OSError`` where none can be made."""
    with shelf.blank(len(job.groups) + len(TABLES)) as numbers:
        count = len(job.groups)
        yield Files(tuple(numbers[:count]), dict(zip(TABLES, numbers[count:], strict=True)))


def loaded(job: Job, where: Files, client: zygote.Client, workers: int) -> Organisation:
    """The organisation, its tables mapped. Raises as :func:`idp_analytics.organisation.load`, :class:`shelf.FullError` where there is no room for
    the tables, and :class:`ReportError` where a child dies twice."""
    settings = job.settings
    read = _read(job, where, client, workers)
    pieces: dict[str, list[shelf.Piece]] = {name: [] for name in _TABLES}
    for one in read:
        for name, piece in one.rows.items():
            pieces[name].append(piece)
    known = loading.named(_taken(pieces, ("people", "aliases")), job.forgotten)
    owned = loading.settled((_OWNERS,), _taken(pieces, (_OWNERS,)), known, settings.as_of, "fast")
    told = [owned]
    ownership = owned.tables[_OWNERS]
    sizes = {name: sum(piece.size for piece in pieces[name]) for name in _TABLES if name != _OWNERS}
    groups = _groups(sizes, loading.TOGETHER)
    tasks = [
        _Task(f"makes the tables {', '.join(group)}", _settled, (
            group, {name: pieces[name] for name in group}, where.tables, known, ownership, settings.as_of, settings.time_zone,
        ))
        for group in groups
    ]  # fmt: skip
    owners = loading.attributed(_OWNERS, ownership.clone(), ownership, settings.time_zone)
    shelf.write({_OWNERS: owners}, where.tables)
    made = {}
    for place, what in _done(tasks, client, workers):
        if isinstance(what, zygote.Raised):
            raise what.error
        if isinstance(what, zygote.Returned):
            made[place] = what.value
    for number in where.read:
        os.ftruncate(number, 0)
    told += [made[place] for place in range(len(groups))]
    tables = shelf.taken({name: where.tables[name] for name in _TABLES})
    stop_if_unusable(
        {name: frame.height for name, frame in tables.items()}, loading.in_order([one.results for one in told])
    )
    whose = assembled(
        settings, job.forgotten, tables, pl.concat([one.loads for one in read]), pl.concat([one.rejected for one in read]), told
    )  # fmt: skip
    shelf.write({"loads": whose.tables["loads"]}, where.tables)
    return replace(whose, tables=shelf.taken(where.tables))


def _size(path: Path) -> int:
    try:
        if path.is_dir():
            return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        return path.stat().st_size
    except OSError:
        return 0


def _groups(sizes: Mapping[Any, int], one: Sequence[tuple[Any, ...]] = ()) -> list[tuple[Any, ...]]:
    """What a child does at once, in the order of ``sizes`` (of each what it is worth), the most first; those of ``one`` are done by one and the same."""
    joined = {member: first for first, *rest in one for member in rest}
    together: dict[Any, list[Any]] = {}
    for name in sizes:
        together.setdefault(joined.get(name, name), []).append(name)
    most = max(sum(sizes.values()) // _SHARE, 1)
    found: list[tuple[int, tuple[Any, ...]]] = []
    held: list[Any] = []
    size = 0
    for names in together.values():
        worth = sum(sizes[name] for name in names)
        if worth >= most:
            found.append((worth, tuple(names)))
            continue
        held += names
        size += worth
        if size >= most:
            found.append((size, tuple(held)))
            held, size = [], 0
    if held:
        found.append((size, tuple(held)))
    return [names for _, names in sorted(found, key=lambda one: -one[0])]


def _taken(pieces: Mapping[str, Sequence[shelf.Piece]], names: Sequence[str]) -> dict[str, list[pl.DataFrame]]:
    return {name: [shelf.piece(one) for one in pieces[name]] for name in names}


@dataclass(frozen=True)
class _Left:
    """What one source says, its rows on the shelf."""

    rows: Mapping[str, shelf.Piece]
    loads: pl.DataFrame
    rejected: pl.DataFrame


def _read(job: Job, where: Files, client: zygote.Client, workers: int) -> list[_Left]:
    """What each source says, in their order. Raises what the first of them raises that cannot be read."""
    tasks = [
        _Task(f"reads the sources {', '.join(job.sources[place].source.name for place in group)}", _read_here, (
            number, [(place, job.sources[place]) for place in group], job.settings,
        ), tells=True)
        for group, number in zip(job.groups, where.read, strict=True)
    ]  # fmt: skip
    found: dict[int, _Left] = {}
    wrong: dict[int, BaseException] = {}
    for task, what in _done(tasks, client, workers, lambda task: bool(wrong) and min(job.groups[task]) > min(wrong)):
        if isinstance(what, zygote.Told):
            place, left = what.value
            found[place] = left
        if isinstance(what, zygote.Raised):
            if isinstance(what.error, shelf.FullError):
                raise what.error
            wrong[next(place for place in job.groups[task] if place not in found)] = what.error
        if wrong and all(place in found for place in range(min(wrong))):
            break
    if wrong:
        raise wrong[min(wrong)]
    return [found[place] for place in range(len(job.sources))]


# --- children, so many at a time -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Task:
    """What a child does, in words and as a call."""

    does: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    tells: bool = False


_GONE = (
    "The process that starts those which load was ended. Run it again; with --workers 1 all is loaded by one process."
)


def _done(
    tasks: Sequence[_Task], client: zygote.Client, workers: int, left_out: Callable[[int], bool] = lambda _: False
) -> Iterator[tuple[int, zygote.Message]]:
    """What children say who do these tasks (by place), ``workers`` at a time; one that dies is begun again once. A task that is ``left_out`` when its
    turn comes is not begun. None is left when nobody listens any more."""
    waiting = deque(range(len(tasks)))
    working: dict[int, tuple[zygote.Child, int]] = {}
    died: set[int] = set()
    done: set[int] = set()
    try:
        while waiting or working:
            while waiting and len(working) < workers:
                place = waiting.popleft()
                if not left_out(place):
                    child = _begun(tasks[place], client)
                    working[child.fileno()] = child, place
            for number in wait(list(working)):
                child, place = working[number]  # type: ignore[index]
                message = child.message()
                if message is None:
                    raise ReportError(_GONE)
                if isinstance(message, zygote.Returned | zygote.Raised):
                    done.add(place)
                if not isinstance(message, zygote.Ended):
                    yield place, message
                    continue
                child.close()
                del working[number]  # type: ignore[arg-type]
                if place in died - done:
                    raise ReportError(
                        f"The process that {tasks[place].does} died twice (exit code {message.code}; -9 is what the system sends when memory runs out). "
                        "Give the run more memory, or fewer workers (--workers 1)."
                    )
                if place not in done:
                    died.add(place)
                    waiting.appendleft(place)
    finally:
        for child, _ in working.values():
            child.close()


def _begun(task: _Task, client: zygote.Client) -> zygote.Child:
    try:
        return client.call(zygote.Task(task.function, task.arguments, tells=task.tells))
    except OSError as error:
        raise ReportError(_GONE) from error


# --- in the children ---------------------------------------------------------------------------------------------------


def _read_here(
    tell: Callable[[tuple[int, _Left]], None],
    number: int,
    asked: Sequence[tuple[int, loading.Asked]],
    settings: Settings,
) -> None:
    """Read sources, and tell of each as soon as its rows lie in the file."""
    shelf.emptied(number)
    for place, one in asked:
        read = loading.read(one, settings)
        tell((place, _Left(shelf.added(read.rows, number), read.loads, read.rejected)))


def _settled(
    group: Sequence[str], pieces: Mapping[str, Sequence[shelf.Piece]], where: Mapping[str, int], known: loading.Names, ownership: pl.DataFrame,
    as_of: datetime | None, zone: str,
) -> loading.Settled:  # fmt: skip
    """Make tables from what sources have left, and write each to its file."""
    told = loading.settled(group, _taken(pieces, group), known, as_of, "fast")
    tables, told = dict(told.tables), replace(told, tables={})
    for name in group:
        shelf.write({name: loading.attributed(name, tables.pop(name), ownership, zone)}, where)
    return told
