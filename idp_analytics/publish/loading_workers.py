"""A company loaded by several processes, which end as soon as what they have read lies where all can map it (:mod:`.shelf`).

Children of a :mod:`zygote` read the sources and put the tables together, hold them against the gate and give them their owners, as many children at a time as
there are to be workers, in the order of :mod:`.loading_order`; the steps are those of :mod:`idp_analytics.loading`. This process
keeps what is small, and the tables mapped. What comes out, and what is raised, is the same as if this process had loaded the company.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from multiprocessing.connection import wait
from typing import Any

import polars as pl

from idp_analytics import loading
from idp_analytics.errors import ReportError
from idp_analytics.organisation import Organisation, assembled, checked, stop_if_unusable
from idp_analytics.publish import shelf, zygote
from idp_analytics.publish.loading_order import NAMES, Order, bytes_of
from idp_analytics.settings import Settings
from idp_analytics.tables import TABLES

LEAST_BYTES = 10_000_000
"""With fewer bytes in all files of a company this process has loaded it about as soon as others could."""

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
        return tuple(sum(map(bytes_of, one.paths)) for one in self.sources)

    @cached_property
    def order(self) -> Order:
        """What is read and made first."""
        return Order(self.sources)


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
    with shelf.blank(len(job.order.readings) + len(TABLES)) as numbers:
        count = len(job.order.readings)
        yield Files(tuple(numbers[:count]), dict(zip(TABLES, numbers[count:], strict=True)))


def loaded(job: Job, where: Files, client: zygote.Client, workers: int) -> Organisation:
    """The organisation, its tables mapped. Raises as :func:`idp_analytics.organisation.load`, :class:`shelf.FullError` where there is no room for
    the tables, and :class:`ReportError` where a child dies twice."""
    read, told = _Loading(job, where).done(client, workers)
    for number in where.read:
        os.ftruncate(number, 0)
    tables = shelf.taken({name: where.tables[name] for name in _TABLES})
    stop_if_unusable(
        {name: frame.height for name, frame in tables.items()}, loading.in_order([one.results for one in told])
    )
    whose = assembled(
        job.settings, job.forgotten, tables, pl.concat([one.loads for one in read]), pl.concat([one.rejected for one in read]), told
    )  # fmt: skip
    shelf.write({"loads": whose.tables["loads"]}, where.tables)
    return replace(whose, tables={**whose.tables, **shelf.taken({"loads": where.tables["loads"]})})


def _taken(pieces: Mapping[str, Sequence[shelf.Piece]], names: Sequence[str]) -> dict[str, list[pl.DataFrame]]:
    return {name: [shelf.piece(one) for one in pieces[name]] for name in names}


def _copied(frame: pl.DataFrame) -> pl.DataFrame:
    """The same in memory of its own: columns may lie in a file of a source, which is emptied once all is loaded, and whoever looks at them then is killed."""
    return pl.read_ipc_stream(frame.write_ipc_stream(None).getvalue())


@dataclass(frozen=True)
class _Left:
    """What one source says, its rows on the shelf."""

    rows: Mapping[str, shelf.Piece]
    loads: pl.DataFrame
    rejected: pl.DataFrame


_Pieces = Mapping[str, Sequence[shelf.Piece]]


@dataclass(frozen=True)
class _Names:
    """What every table needs: the names and the owners, told by these pieces."""

    pieces: _Pieces
    known: loading.Names
    owned: loading.Settled


class _Loading:
    """A company being loaded: what its sources have left so far, and what has become of its tables."""

    def __init__(self, job: Job, where: Files) -> None:
        self.job, self.where = job, where
        self.readings = list(job.order.readings)
        self.found: dict[int, _Left] = {}
        self.whole: set[int] = set()
        self.wrong: dict[int, BaseException] = {}
        self.names: _Names | None = None
        self.asked: dict[tuple[str, ...], tuple[_Pieces, _Pieces]] = {}
        self.made: dict[tuple[str, ...], loading.Settled | BaseException] = {}

    def done(self, client: zygote.Client, workers: int) -> tuple[list[_Left], list[loading.Settled]]:
        """What each source says, in their order, and what has become of the tables, which are in their files. Raises what the first source raises that cannot
        be read, or else the first table that cannot be made."""
        while tasks := self._next():
            self._do(tasks, client, workers)
            if self.wrong:
                raise self.wrong[min(self.wrong)]
        told = []
        for one in (self.made[group] for group in self.job.order.tables):
            if isinstance(one, BaseException):
                raise one
            told.append(one)
        assert self.names is not None
        owners = loading.attributed(
            _OWNERS, self.names.owned.tables[_OWNERS].clone(), self.names.owned.tables[_OWNERS], self.job.settings.time_zone
        )  # fmt: skip
        shelf.write({_OWNERS: owners}, self.where.tables)
        return [self.found[place] for place in range(len(self.job.sources))], [self.names.owned, *told]

    def _do(self, tasks: list[_Task], client: zygote.Client, workers: int) -> None:
        """Do these tasks, and those that others wait for meanwhile."""
        for task, what in _done(tasks, client, workers, self._is_left_out):
            if isinstance(what, zygote.Raised) and isinstance(what.error, shelf.FullError):
                raise what.error
            match what:
                case zygote.Told((place, left)):
                    self.found[place] = left
                case zygote.Returned() if task.sources:
                    # Not sooner: one that dies before begins its file anew.
                    self.whole.update(task.sources)
                    tasks += self._ready()
                case zygote.Returned(told) if task.tables:
                    self.made[task.tables] = told
                case zygote.Raised(error) if task.tables:
                    self.made[task.tables] = error
                case zygote.Raised(error):
                    self.wrong[next(place for place in task.sources if place not in self.found)] = error
                case _:
                    pass
            if self.wrong and all(place in self.found for place in range(min(self.wrong))):
                return

    def _is_left_out(self, task: _Task) -> bool:
        """Nothing is to come of it any more: a source before it cannot be read."""
        return bool(self.wrong) and (bool(task.tables) or min(task.sources) > min(self.wrong))

    def _next(self) -> list[_Task]:
        """First all sources; then the tables that were not made yet, or not from all that the sources gave in the end."""
        if len(self.found) < len(self.job.sources):
            return [self._reading(group, number) for group, number in zip(self.readings, self.where.read, strict=True)]
        return [self._making(group) for group in self.job.order.tables if self.asked.get(group) != self._given(group)]

    def _ready(self) -> list[_Task]:
        """The tables that need not wait any longer."""
        if self.wrong:
            return []
        free = [
            group for group in self.job.order.tables
            if group not in self.asked and self.job.order.waits_for(group) <= self.whole
        ]  # fmt: skip
        return [self._making(group) for group in free]

    def _reading(self, group: tuple[int, ...], number: int) -> _Task:
        those = [(place, self.job.sources[place]) for place in group]
        does = f"reads the sources {', '.join(one.source.name for _, one in those)}"
        return _Task(
            does, _read_here, (number, those, self.job.settings), self.job.order.readings[group], sources=group
        )

    def _making(self, group: tuple[str, ...]) -> _Task:
        settings, names = self.job.settings, self._named()
        self.asked[group] = self._given(group)
        return _Task(f"makes the tables {', '.join(group)}", _settled, (
            group, self._pieces(group), self.where.tables, names.known, names.owned.tables[_OWNERS], settings.as_of, settings.time_zone,
        ), self.job.order.tables[group], tables=group)  # fmt: skip

    def _given(self, group: tuple[str, ...]) -> tuple[_Pieces, _Pieces]:
        """All a group of tables is made from."""
        return self._pieces(NAMES), self._pieces(group)

    def _pieces(self, names: Sequence[str]) -> _Pieces:
        """What the sources have left of these tables, in the order of the sources."""
        left = [self.found[place] for place in sorted(self.whole)]
        return {name: [one.rows[name] for one in left if name in one.rows] for name in names}

    def _named(self) -> _Names:
        """The names and owners as far as they are told."""
        pieces = self._pieces(NAMES)
        if self.names is None or self.names.pieces != pieces:
            known = loading.named(_taken(pieces, ("people", "aliases")), self.job.forgotten)
            owned = loading.settled((_OWNERS,), _taken(pieces, (_OWNERS,)), known, self.job.settings.as_of, "fast")
            self.names = _Names(pieces, known, replace(
                owned, again=_copied(owned.again), late=_copied(owned.late), dropped=_copied(owned.dropped), results=_copied(owned.results),
            ))  # fmt: skip
        return self.names


# --- children, so many at a time -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Task:
    """What a child does, in words and as a call, and what that is worth: it reads ``sources`` (by place), of which it tells one by one, or makes ``tables``."""

    does: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    worth: int
    sources: tuple[int, ...] = ()
    tables: tuple[str, ...] = ()


_GONE = (
    "The process that starts those which load was ended. Run it again; with --workers 1 all is loaded by one process."
)


def _done(
    tasks: list[_Task], client: zygote.Client, workers: int, left_out: Callable[[_Task], bool]
) -> Iterator[tuple[_Task, zygote.Message]]:
    """What children say who do these tasks, and those that come to them meanwhile, ``workers`` at a time, what is worth most first; one that dies is begun
    again once. A task that is ``left_out`` when its turn comes is not begun. None is left when nobody listens any more."""
    working: dict[int, tuple[zygote.Child, _Task]] = {}
    died: list[_Task] = []
    done: list[_Task] = []
    try:
        while tasks or working:
            while tasks and len(working) < workers:
                task = max(tasks, key=lambda one: one.worth)
                tasks.remove(task)
                if not left_out(task):
                    child = _begun(task, client)
                    working[child.fileno()] = child, task
            for number in wait(list(working)):
                child, task = working[number]  # type: ignore[index]
                message = child.message()
                if message is None:
                    raise ReportError(_GONE)
                if isinstance(message, zygote.Returned | zygote.Raised):
                    done.append(task)
                if not isinstance(message, zygote.Ended):
                    yield task, message
                    continue
                child.close()
                del working[number]  # type: ignore[arg-type]
                if task in done:
                    continue
                if task in died:
                    raise ReportError(
                        f"The process that {task.does} died twice (exit code {message.code}; -9 is what the system sends when memory runs out). "
                        "Give the run more memory, or fewer workers (--workers 1)."
                    )
                died.append(task)
                tasks.append(task)
    finally:
        for child, _ in working.values():
            child.close()


def _begun(task: _Task, client: zygote.Client) -> zygote.Child:
    try:
        return client.call(zygote.Task(task.function, task.arguments, tells=bool(task.sources)))
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
