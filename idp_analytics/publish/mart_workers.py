"""What a mart needs, computed by several processes at once from tables that are held once.

A process that has loaded a company puts its tables where others can map them (:mod:`.shelf`), lets go of its own, and has the answers and the studies
computed in children of a :mod:`zygote`, as many at a time as there are to be workers: each with one thread of Polars, which for queries as small as these
takes a quarter less of the processors than two threads for each. A child computes what shares its work (:func:`_groups`) and ends, so that what it needed
goes back to the system; what is observed for the metrics, on which much of it rests, it leaves for the others. What comes out is the same to the last digit
as if one process had computed all of it, one after the other.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path

import polars as pl

from idp_analytics.errors import ReportError
from idp_analytics.metrics import CATALOGUE, STUDIES, SUBJECTS, Aside, Shown, compute, exchanged
from idp_analytics.organisation import Organisation, Unread, organise
from idp_analytics.periods import Period
from idp_analytics.publish import loading_workers, private_folder, shelf, zygote
from idp_analytics.publish.loading_workers import LEAST_BYTES
from idp_analytics.publish.workers import FORKS
from idp_analytics.report import service_answers
from idp_analytics.report.mart import OF_METRICS, WITH_ROWS, Computing, Here, in_order
from idp_analytics.report.service_answers import ServiceAnswers
from idp_analytics.settings import Settings

LEAST_ROWS = 300_000
"""With fewer rows in all tables one process is done as soon as another has started."""

ALONE = ("reconciliation", "stress_signals")
"""Studies that take long and share nothing with others of their subject."""

SECONDS = {
    "adoption_following": 0.6, "cost_anomalies": 0.3, "deployment_classes": 0.6, "follow_through": 0.3, "gaming": 0.4, "impact": 0.5,
    "lead_time_ledger": 0.4, "link_sensitivity": 0.7, "maturity": 2.1, "maturity_history": 3.8, "nine_in_ten": 0.5, "pools": 0.3,
    "process_behaviour": 0.8, "reconciliation": 5.0, "sprawl": 0.4, "stress_signals": 2.6, "survey_quality": 0.8, "survey_results": 0.9,
    "top_two": 2.0, "unit_costs": 0.3,
}  # fmt: skip
"""What studies take of a processor for 500 teams, one after the other in one process (``bench/mart.py``, November 2026; those not named 0.1 or less). It only
says what is begun first, so that no process is left with something long when nothing else is waiting."""

GATHERED = {"process_behaviour": 1, "impact": 1, "nine_in_ten": 1, "maturity": 2, "theme_links": 3}
"""Studies that had better wait for the answers: as long as these are computed there are others to begin with, and of these first those that rest on little of
what is gathered, which is there soon; those of surveys last, which with the answers at their largest would take more memory than anything else."""

ANSWERS = "answers"

_ALLOCATOR, _AT_ONCE = "_RJEM_MALLOC_CONF", "dirty_decay_ms:50,muzzy_decay_ms:0"
"""What Polars' allocator (jemalloc) is told of the processes that compute, the last word being the one that counts: what has been unused for a twentieth of a
second goes back to the system for good, and every block of 8 MB at once. As Polars has it, the system could take it, but does not before it has nothing else."""

_LARGE, LARGE_BYTES = "dirty_decay_ms:10000,muzzy_decay_ms:0,oversize_threshold:0", 256_000_000
"""What it is told where the files of a company have so many bytes, as those of some 1,200 teams have: columns are blocks of more than 8 MB then, and to ask the
system for each of them anew takes a tenth of all the time. It goes back after ten seconds, which of the answers takes a tenth less time than half a second, and a third
more memory: 6 GB in all of 2,000 teams."""


@contextmanager
def computing(
    organisation: Organisation | Callable[[], Organisation], workers: int, least: int = LEAST_ROWS, least_bytes: int = LEAST_BYTES
) -> Iterator[tuple[Organisation, Computing]]:  # fmt: skip
    """The organisation (which may be what loads it), and who computes its answers and studies: ``workers`` processes at a time, or this one where
    there is to be one, where the tables have fewer rows than ``least``, where this system cannot fork, and where there is no room for the tables.
    One that is :class:`~idp_analytics.organisation.Unread` is loaded by these processes too, where its files have at least ``least_bytes``.

    The tables of the organisation given here are mapped while this lasts; nothing else holds what was loaded.
    """
    with ExitStack() as held:
        begun = None
        if workers > 1 and FORKS and isinstance(organisation, Unread) and organisation.gate == "fast":
            job = loading_workers.Job.of(organisation.told())
            organisation = partial(organise, job.settings, organisation.gate)
            if sum(job.bytes) >= least_bytes:
                # What a file of the company could not be read for is met again, and told, when it is loaded here.
                with suppress(OSError, shelf.FullError):
                    begun = _loaded(job, workers, held)
        yield begun or _computing(organisation() if callable(organisation) else organisation, workers, least, held)


def _loaded(job: loading_workers.Job, workers: int, held: ExitStack) -> tuple[Organisation, Computing]:
    """The organisation and who computes, loaded by children of the process whose children compute."""
    with ExitStack() as own:
        files = own.enter_context(loading_workers.files(job))
        client, private = own.enter_context(_started(files.all, sum(job.bytes) >= LARGE_BYTES))
        whose = loading_workers.loaded(job, files, client, workers)
        held.push(own.pop_all())
    return whose, Several(client, _Held(files.tables, whose.settings, whose.as_of, private), workers)


def _computing(whose: Organisation, workers: int, least: int, held: ExitStack) -> tuple[Organisation, Computing]:
    if workers < 2 or not FORKS or sum(frame.height for frame in whose.tables.values()) < least:
        return whose, Here(whose)
    try:
        files = shelf.put(whose.tables)
    except OSError:
        return whose, Here(whose)
    held.callback(shelf.drop, files)
    whose = replace(whose, tables=shelf.taken(files))
    client, private = held.enter_context(_started(tuple(files.values())))
    return whose, Several(client, _Held(files, whose.settings, whose.as_of, private), workers)


@contextmanager
def _started(files: Sequence[int], is_large: bool = False) -> Iterator[tuple[zygote.Client, Path]]:
    """A zygote with these open files, and its folder; ``is_large``: is the company?"""
    from idp_analytics.publish.kernel import environment

    with private_folder.made() as private:
        # Ours alone runs there: with all that is set here, so that libraries compute as they would here.
        given = {**os.environ, **environment(private), _ALLOCATOR: _to_the_allocator(is_large)}
        client = zygote.Client.start(private, [__name__], given, files)
        try:
            yield client, private
        finally:
            client.close()


def _to_the_allocator(is_large: bool) -> str:
    return ",".join(filter(None, (os.environ.get(_ALLOCATOR), _LARGE if is_large else _AT_ONCE)))


@dataclass(frozen=True)
class _Held:
    """What a child must know: the open files of the tables, and the rest of an organisation."""

    files: Mapping[str, int]
    settings: Settings
    as_of: datetime
    folder: Path


@dataclass(frozen=True)
class _Part:
    """What one child computes: the answers for periods of these lengths (putting aside what rows of ``span`` are made of), or studies, or what there is of ``rows`` of
    ``span``; those of a study are made where it is, of the same things."""

    studies: tuple[str, ...] = ()
    every: tuple[str, ...] = ()
    period: str = ""
    rows: tuple[str, ...] = ()
    span: Period | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What the frames are called that it leaves."""
        answers = (ANSWERS,) if self.every else ()
        return (*answers, *self.studies, *(_of_rows(name, self.span) for name in self.rows))

    def __str__(self) -> str:
        if self.every:
            return "the answers"
        return f"the studies {', '.join(self.studies)}" if self.studies else f"the rows behind {', '.join(self.rows)}"


@dataclass
class Several:
    """Answers and studies computed in children of ``client``, ``workers`` at a time; ``at_end`` is called once, when the last of them work and one has nothing
    to do any more."""

    client: zygote.Client
    held: _Held
    workers: int
    at_end: Callable[[], None] | None = None
    _waiting: list[_Part] = field(default_factory=list)
    _working: dict[zygote.Child, tuple[_Part, bool]] = field(default_factory=dict)
    _died: set[_Part] = field(default_factory=set)
    _is_last: bool = False
    _ahead: Period | None = None

    def answers(self, every: Sequence[str], ahead: Period | None = None) -> tuple[pl.DataFrame, ServiceAnswers]:
        """The answers; meanwhile studies are begun of which every report shows all, whatever its period. Those of services are not read here."""
        whole = [study.name for study in STUDIES if study.shown is Shown.WHOLE]
        self._ahead = ahead
        self._waiting += [_Part(every=tuple(every), span=ahead), *map(self._part, _groups(whole))]
        return self._found((ANSWERS,))[ANSWERS], ServiceAnswers.fetched(_of_services(self.held.folder))

    def studies(self, names: Collection[str], period: str) -> dict[str, pl.DataFrame]:
        """The studies of these names, in their order; with ``period`` what of each the report of that period shows."""
        shown = {study.name: study.shown for study in STUDIES}
        later = [name for name in names if shown[name] is not Shown.WHOLE]
        self._is_last = True
        self._waiting += [self._part(group, period) for group in _groups(later)]
        if self._ahead is not None:
            self._waiting.append(_Part(rows=(OF_METRICS,), span=self._ahead))
        return self._found(tuple(names))

    def rows(self, span: Period) -> dict[str, pl.DataFrame]:
        """As :class:`~idp_analytics.report.mart.Computing`; made with all else if the period was foreseen, and of all studies."""
        wanted = {_of_rows(name, span): name for name in WITH_ROWS}
        coming = {
            name for part in (*self._waiting, *(part for part, _ in self._working.values())) for name in part.names
        }
        if lacking := tuple(n for path, n in wanted.items() if path not in coming and not self._path(path).is_file()):
            self._waiting.append(_Part(rows=lacking, span=span))
        return {wanted[path]: frame for path, frame in self._found(tuple(wanted)).items()}

    def _part(self, studies: tuple[str, ...], period: str = "") -> _Part:
        """Studies, and what is published of their rows."""
        rows = tuple(name for name in studies if name in WITH_ROWS) if self._ahead is not None else ()
        return _Part(studies, period=period, rows=rows, span=self._ahead)

    def _found(self, names: tuple[str, ...]) -> dict[str, pl.DataFrame]:
        """The frames of these names, as soon as all are there."""
        missing = {name for name in names if not self._path(name).is_file()}
        self._fill()
        while missing:
            by_number = {child.fileno(): child for child in self._working}
            for number in wait(list(by_number)):
                missing -= self._hear(by_number[number])  # type: ignore[index]
            # Also when nothing is missing any more: this process has something to do before it asks again.
            self._fill()
            self._end()
        return {name: shelf.fetched(self._path(name)) for name in names}

    def _fill(self) -> None:
        """Give every worker something to do, what takes longest first; while there are no answers, what they will leave for others last."""
        parts = (*self._waiting, *(part for part, _ in self._working.values()))
        later = GATHERED if any(part.every for part in parts) else {}
        self._waiting.sort(
            key=lambda part: (max((later.get(name, 0) for name in part.studies), default=0), -_weight(part))
        )
        while self._waiting and len(self._working) < self.workers:
            self._begin(self._waiting.pop(0))

    def _end(self) -> None:
        """Say that the end is near, once; while answers are computed it is not."""
        if self.at_end is not None and self._is_last and not self._waiting and len(self._working) < self.workers:
            at_end, self.at_end = self.at_end, None
            at_end()

    def _begin(self, part: _Part) -> None:
        try:
            self._working[self.client.call(zygote.Task(_computed, (self.held, part)))] = part, False
        except OSError as error:
            raise ReportError(_GONE) from error

    def _hear(self, child: zygote.Child) -> set[str]:
        """What is there now of which a child says it has made it. Raises what its computing raised."""
        part, is_made = self._working[child]
        match child.message():
            case None:
                raise ReportError(_GONE)
            case zygote.Returned():
                self._working[child] = part, True
            case zygote.Raised(error):
                raise error
            case zygote.Ended(code):
                child.close()
                del self._working[child]
                if is_made:
                    return {*part.names}
                if part in self._died:
                    raise ReportError(
                        f"The process that computes {part} died twice (exit code {code}; -9 is what the system sends when memory runs out). "
                        "Give the run more memory, or fewer workers (--workers 1)."
                    )
                self._died.add(part)
                self._waiting.insert(0, part)
            case _:
                pass
        return set()

    def _path(self, name: str) -> Path:
        return _path(self.held.folder, name)


_GONE = "The process that starts those which compute was ended. Run it again; with --workers 1 all is computed by one process."


def _groups(names: Collection[str]) -> list[tuple[str, ...]]:
    """These studies, those of a subject together: they ask for the same things, which are computed once in a process."""
    alone = [(name,) for name in ALONE if name in names]
    by_subject = (tuple(s.name for s in studies if s.name in names and s.name not in ALONE) for studies in SUBJECTS)
    return alone + [group for group in by_subject if group]


def _weight(part: _Part) -> float:
    """How long a part takes compared with others; what everything else waits for comes first."""
    return math.inf if part.every else 1.0 if not part.studies else sum(SECONDS.get(name, 0.1) for name in part.studies)


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.arrow"


def _of_rows(name: str, span: Period | None) -> str:
    """What the frame of rows of a period is called."""
    return f"rows.{span.label if span else ''}.{name}"


def _of_services(folder: Path) -> Path:
    return folder / "service_answers.parquet"


# --- in the zygote and its children ------------------------------------------------------------------------------------


def prepare() -> None:
    """Import what studies import when they are computed. Nothing here may run a Polars query."""
    import scipy.stats  # noqa: F401
    import statsmodels.api  # noqa: F401


def _computed(held: _Held, part: _Part) -> None:
    """Compute a part from the tables in the files, and write each frame to the folder."""
    nothing = pl.DataFrame()
    organisation = Organisation(held.settings, shelf.taken(held.files), nothing, nothing, held.as_of)
    exchange = shelf.Exchange(held.folder)
    exchanged(organisation.lazy, held.settings, held.as_of, CATALOGUE, exchange)
    if part.every:
        # Nobody asks in this process again, so it keeps nothing that it leaves for others, and nothing else held while the answers are put in order.
        given = organisation.lazy, organisation.settings, organisation.as_of
        aside = Aside(part.span, exchange) if part.span else None
        answers = compute(
            *given, every=part.every, keep=False, texts=pl.Categorical(pl.Categories.random()), aside=aside
        )
        del organisation, given
        shown, of_services = in_order(answers)
        shelf.leave(shown.cast({pl.Categorical: pl.String}), _path(held.folder, ANSWERS))
        service_answers.leave(of_services, _of_services(held.folder))
        return
    here = Here(organisation, exchange)
    for name in part.studies:
        shelf.leave(here.studies([name], part.period)[name], _path(held.folder, name))
    for name in part.rows:
        assert part.span is not None
        shelf.leave(here.rows(part.span, [name])[name], _path(held.folder, _of_rows(name, part.span)))
