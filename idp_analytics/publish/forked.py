"""Reports in forks of one process that has imported everything: as isolated as in a kernel of its own, and a hundred times as soon
there.

A :mod:`zygote` forks a child per report, so many reports at a time, which runs the notebook in process and writes what its cells say
to a journal. Another child, a *maker*, makes the executed notebook and the page from that, untouched by whatever the cells did to
their process, and also where it was killed, took too long or ended by itself. In a maker runs no code but ours, so one makes many pages,
one after the other; where one dies, only the page in hand is made again, by a fresh one.

What a notebook that :func:`only asks <asking.only_asks>` does is done by our code too, so a maker runs its cells itself, and need not be
as cold as a fork is. Whatever goes wrong there ends the maker, and the report is made once more in a child of its own: how a report
fails never depends on those before it.
"""

from __future__ import annotations

import ctypes
import gc
import io
import json
import os
import pickle
import resource as limits
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from functools import cache, partial
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idp_analytics.errors import ReportError
from idp_analytics.paths import resource
from idp_analytics.publish import private_folder, zygote
from idp_analytics.publish.asking import only_asks
from idp_analytics.publish.engine import (
    KERNEL_DIED,
    MOST_SHOWN,
    TIMEOUT,
    Failure,
    Job,
    Outcome,
    TooMuchShownError,
    copiousness,
    death,
    lateness,
    make,
    told_of,
)
from idp_analytics.publish.workers import WORKER_DIED

if TYPE_CHECKING:
    from io import FileIO

    from nbformat import NotebookNode

    from idp_analytics.publish.inprocess import Record

_GARBAGE = 50_000
"""So many objects more than are gone are looked through for garbage, where Python would do it every 700: a report lives for a moment."""

PAGES = 512
"""So many pages a maker makes before a fresh one takes its place, so that nothing can pile up in it. To begin one takes as long as one and a half pages; of
320 pages it had 4 MB more than of 32."""

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
"""Of ``mallopt`` (glibc's ``malloc.h``): from which size on memory comes straight from the system, and how much unused is given back."""

_Asked = tuple[Job, Path | None, Failure | None]
"""What a maker is told: of which job it is to make the page, where the journal of its cells lies (None: they have not been run), and why they
ended before their end, if they did."""

_PREPARED = "idp_analytics.publish.forked"


@contextmanager
def started() -> Iterator[tuple[zygote.Client, Path]]:
    """A zygote of reports, and a folder of its own. Raises ``OSError`` when there is no room for that."""
    from idp_analytics.publish.kernel import environment

    with private_folder.made() as private:
        client = zygote.Client.start(private, [_PREPARED], environment(private))
        try:
            yield client, private
        finally:
            client.close()


def forked(
    jobs: Sequence[Job],
    workers: int,
    start: Callable[[], AbstractContextManager[tuple[zygote.Client, Path]]] = started,
) -> Iterator[Outcome]:
    """Make every job's report in a fork, ``workers`` at a time, and give each outcome as it is there; ``start`` gives zygotes.

    Should the zygote be killed, nobody can say which of the reports in work did it: those are made again one by one by another, and one
    that is in work when that dies too is failed. Raises ``OSError`` when the folder cannot be written.
    """
    waiting = deque(jobs)
    while waiting:
        lost: list[Job] = []
        with start() as (client, private):
            yield from _made(waiting, workers, lost, _Line(client, private))
        suspects = deque(lost)
        while suspects:
            again: list[Job] = []
            with start() as (client, private):
                yield from _made(suspects, 1, again, _Line(client, private))
            for job in again:
                yield Outcome(job.name, Failure(WORKER_DIED, "the process that ran it died twice"), 0.0)


def _made(waiting: deque[Job], workers: int, lost: list[Job], line: _Line) -> Iterator[Outcome]:
    """Outcomes of the jobs ``waiting`` until all are made or the zygote is gone; then those in work are ``lost``."""
    try:
        while waiting or line.working:
            while waiting and len(line.working) < workers:
                if not line.begin(waiting.popleft()):
                    break
            for child in _heard(line.working):
                if (outcome := line.hear(child)) is not None:
                    yield outcome
            if line.lost and not line.working:
                break
    finally:
        lost += line.lost
        line.makers.close()


class _Line:
    """The jobs in work, each with the child that has it in hand; those that were ``lost`` with the zygote."""

    def __init__(self, client: zygote.Client, private: Path) -> None:
        self.client, self.private = client, private
        self.makers = _Makers(client)
        self.working: dict[zygote.Child, _Work] = {}
        self.lost: list[Job] = []
        self._begun = 0

    def begin(self, job: Job) -> bool:
        """Begin one; whether there is a zygote."""
        self._begun += 1
        return self._next(_Work(job, self.private / f"{self._begun}.journal"))

    def hear(self, child: zygote.Child) -> Outcome | None:
        """The next thing a child says; the outcome, once there is one. Raises what stops the whole run."""
        work, message = self.working[child], child.message()
        if isinstance(message, zygote.Ended):
            child.close()
            del self.working[child]
            if work.is_made:
                self.makers.died(child)
            work.ended(message)
            if work.outcome is None:
                self._next(work)
        elif message is None:
            del self.working[child]
            self.lost.append(work.job)
        else:
            work.take(message)
            if work.outcome is not None:
                del self.working[child]
                self.makers.free(child)
            elif work.is_failed_there:
                del self.working[child]
                self.makers.end(child)
                work.alone()
                self._next(work)
        return work.outcome

    def _next(self, work: _Work) -> bool:
        """Give the work to who is to do it now; whether there is a zygote."""
        return self._has(work, self.makers.given(work) if work.is_made else _asked(self.client, work.task()))

    def _has(self, work: _Work, child: zygote.Child | None) -> bool:
        if child is None:
            self.lost.append(work.job)
        else:
            self.working[child] = work
        return child is not None


def _asked(client: zygote.Client, task: zygote.Task) -> zygote.Child | None:
    """The child that does the task; None where the zygote is gone."""
    try:
        return client.call(task)
    except OSError:
        return None


def _heard(working: Iterable[zygote.Child]) -> list[zygote.Child]:
    """Those of the children that have said something, waited for; none if there are none."""
    by_number = {child.fileno(): child for child in working}
    return [by_number[number] for number in wait(list(by_number)) if isinstance(number, int)]


class _Makers:
    """The makers of pages: each takes one page at a time, as many of them as there are pages to be made at a time."""

    def __init__(self, client: zygote.Client) -> None:
        self.client = client
        self._idle: list[zygote.Child] = []
        self._given: dict[zygote.Child, int] = {}

    def given(self, work: _Work) -> zygote.Child | None:
        """The maker that makes the page of ``work`` now, a fresh one if its page has been in hand when one died; None where the zygote
        is gone."""
        while self._idle and not work.deaths:
            maker = self._idle.pop()
            with suppress(OSError):  # it may have been killed meanwhile
                maker.send(work.page())
                self._given[maker] += 1
                return maker
            self.end(maker)
        fresh = _asked(self.client, zygote.Task(_pages, tells=True, hears=True))
        if fresh is not None:
            self._given[fresh] = 1
            with suppress(OSError):  # what became of it is to be heard
                fresh.send(work.page())
        return fresh

    def free(self, maker: zygote.Child) -> None:
        """It has made its page."""
        if self._given[maker] < PAGES:
            self._idle.append(maker)
        else:
            self.end(maker)

    def died(self, maker: zygote.Child) -> None:
        """It is gone."""
        del self._given[maker]

    def close(self) -> None:
        """End them all."""
        for maker in list(self._given):
            self.end(maker)

    def end(self, maker: zygote.Child) -> None:
        """End one."""
        del self._given[maker]
        maker.close()


class _Work:
    """One job on its way."""

    def __init__(self, job: Job, journal: Path) -> None:
        # The child stands in another folder.
        self.job = replace(job, notebook=job.notebook.absolute(), folder=job.folder.absolute())
        self.journal = journal
        self.outcome: Outcome | None = None
        self.failure: Failure | None = None
        self.has_run = False
        self.is_whole = bool(job.parameters.get("mart")) and _seems_to_ask(self.job.notebook)
        self.is_made = self.is_whole
        self.is_failed_there = False
        self.deaths = 0
        self.begun = time.perf_counter()

    def task(self) -> zygote.Task:
        """What is to be done first: the cells."""
        job = self.job
        return zygote.Task(_ran, (job, self.journal), job.place, seconds=job.seconds, memory=job.memory)

    def page(self) -> _Asked:
        """What a maker must know; without a journal it is to run the cells itself."""
        return self.job, None if self.is_whole else self.journal, self.failure

    def alone(self) -> None:
        """Its cells are to be run in a child of their own, whatever a maker made of it."""
        self.is_whole = self.is_made = self.is_failed_there = False

    def ended(self, end: zygote.Ended) -> None:
        """The child is gone that ran the cells, or the maker that had the report or the page in hand."""
        if self.is_whole:
            self.alone()
            return
        if self.is_made:
            self.deaths += 1
        elif not self.has_run:
            late = Failure(TIMEOUT, lateness(self.job.seconds))
            self.failure = late if end.late else Failure(KERNEL_DIED, death(end.code))
        self.is_made = True
        if self.deaths > 1:
            self._done(Outcome(self.job.name, Failure(WORKER_DIED, "the process that makes its page died twice"), 0.0))

    def take(self, message: zygote.Message) -> None:
        """Something a child has said. Raises what stops the whole run."""
        match message:
            case zygote.Told(Outcome(failure=Failure())) if self.is_whole:
                self.is_failed_there = True
            case zygote.Told(Outcome() as outcome) if self.is_made:
                self._done(outcome)
            case zygote.Returned(None) if not self.is_made:
                self.has_run = True
            case zygote.Raised(Exception() as error) if not self.is_made:
                self.failure, self.has_run = told_of(error), True
            case zygote.Raised(error):
                raise error
            case _:
                pass

    def _done(self, outcome: Outcome) -> None:
        self.outcome = replace(outcome, seconds=time.perf_counter() - self.begun)
        self.journal.unlink(missing_ok=True)


# --- in the zygote and its children ------------------------------------------------------------------------------------


def prepare() -> None:
    """Import all that a report needs, and make what every report makes. Nothing here may run a Polars query."""
    from idp_analytics.publish.kernel import forgo_slow_imports

    forgo_slow_imports()
    import papermill.translators  # noqa: F401

    import idp_analytics.publish.answering
    import idp_analytics.publish.parameters
    import idp_analytics.report.reports  # noqa: F401
    from idp_analytics.charts import chart
    from idp_analytics.publish import exporter, inprocess, notebook, page
    from idp_analytics.report import html

    # What is made at the first cell is made here, and none is counted.
    inprocess.shell().run_cell("None", silent=True)  # type: ignore[no-untyped-call]
    inprocess.shell().display_formatter.format(None)  # type: ignore[union-attr]
    exporter.render(notebook.blank(), page.Page())
    for path in sorted(resource("notebooks").glob("*.ipynb")):
        kept = notebook.template(path)
        exporter.prepare(kept)
        inprocess.prepare(notebook.parameterized(kept, {"period": ""}).cells)
    html.prepare()
    chart.prepare()


def _ran(job: Job, journal: Path) -> None:
    """Run the job's cells in this process, which must be there for nothing else."""
    from idp_analytics.publish import inprocess

    gc.set_threshold(_GARBAGE)
    notebook = _opened(job)
    with journal.open("ab", buffering=0) as file:
        noting = _Noting(file)
        inprocess.run(notebook.cells, noting)
    if noting.is_full:  # a cell has caught it
        raise TooMuchShownError(copiousness())


class _Noting:
    """Writes records down. Raises :class:`TooMuchShownError`, in the cell that shows it, where that is more than may be shown; ``is_full`` then."""

    def __init__(self, file: FileIO) -> None:
        self.file, self.is_full = file, False

    def __call__(self, record: Record) -> None:
        told = io.BytesIO()
        _Pickler(told, pickle.HIGHEST_PROTOCOL).dump((type(record).__name__, *record))
        data = told.getbuffer()
        if getattr(record, "kind", "error") != "error" and self.file.tell() + len(data) > MOST_SHOWN:
            self.is_full = True
            raise TooMuchShownError(copiousness())
        self.file.write(data)


class _Pickler(pickle.Pickler):
    """Takes what cells show as a kernel sends it: as JSON has it. What JSON has not raises ``TypeError``, in the cell that shows it."""

    def reducer_override(self, value: Any) -> Any:
        if value is as_it_is:
            return NotImplemented
        from jupyter_client.jsonutil import json_default

        return as_it_is, (json.loads(json.dumps(value, default=json_default)),)


class _Unpickler(pickle.Unpickler):
    """Makes nothing but plain values: a maker runs no code that a cell has put into its journal."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == (as_it_is.__module__, as_it_is.__name__):
            return as_it_is
        raise ReportError(
            f"A cell shows something of {module}.{name}, which no notebook can hold. Show text, numbers, lists or dictionaries."
        )


def as_it_is(value: Any) -> Any:
    """The value."""
    return value


def _pages(tell: Callable[[Outcome], None], hear: Callable[[], _Asked]) -> None:
    """Be a maker: make one page after the other from what the cells said, each with why they ended before their end, if they did; or
    run them, where they have not been."""
    gc.set_threshold(_GARBAGE)
    _keep_memory()
    with suppress(EOFError):
        while True:
            job, journal, why = hear()
            os.chdir(job.place)
            signal.setitimer(signal.ITIMER_REAL, job.seconds)  # ends this process, whatever it is at
            execute = _whole if journal is None else partial(_read, journal=journal, why=why)
            outcome = make(job, execute)
            signal.setitimer(signal.ITIMER_REAL, 0)
            tell(outcome)


def _keep_memory() -> None:
    """What one page has needed is kept for the next, not given back: to be given each 4 KiB anew takes longer than much of a page."""
    allocator = ctypes.CDLL(None)
    if hasattr(allocator, "mallopt"):  # glibc
        allocator.mallopt(_MMAP_THRESHOLD, 1 << 26)
        allocator.mallopt(_TRIM_THRESHOLD, 1 << 29)


def _whole(job: Job) -> tuple[NotebookNode, None]:
    """The notebook of the job, its cells run here and now; raises whatever goes otherwise than well."""
    from idp_analytics.publish import answering

    notebook = _opened(job)
    if not only_asks(_code(notebook)):
        raise ReportError(f"{job.notebook.name}: this notebook does more than ask for sections of a report.")
    with _at_most(job.memory):
        answering.fill(notebook)
    return notebook, None


@contextmanager
def _at_most(memory: int) -> Iterator[None]:
    """No more than so many bytes of data for the while."""
    before = limits.getrlimit(limits.RLIMIT_DATA)
    limits.setrlimit(limits.RLIMIT_DATA, (memory, before[1]))
    try:
        yield
    finally:
        limits.setrlimit(limits.RLIMIT_DATA, before)


def _read(job: Job, journal: Path, why: Failure | None) -> tuple[NotebookNode, Failure | None]:
    from idp_analytics.publish import inprocess
    from idp_analytics.publish.engine import failure_in, steady
    from idp_analytics.publish.notebook import Filling

    notebook = _opened(job)
    filling = Filling(notebook)
    kinds = {kind.__name__: kind for kind in (inprocess.Begun, inprocess.Said, inprocess.Done)}
    # No journal: it ended before it began. An end of the file in the middle of a record: it was being written then.
    with suppress(FileNotFoundError, EOFError, pickle.UnpicklingError), journal.open("rb") as file:
        while True:
            kind, *told = _Unpickler(file).load()
            filling(kinds[kind](*told))
    if why is not None:
        filling.stopped(why.error, why.message)
    made = steady(notebook, job)
    return made, failure_in(made)


def _opened(job: Job) -> NotebookNode:
    from idp_analytics.publish import inprocess, parameters
    from idp_analytics.publish import notebook as notebooks

    source = notebooks.template(job.notebook)
    given = parameters.validate(source, job.parameters, where=job.notebook.name)
    notebook = notebooks.parameterized(source, given)
    notebook.metadata["language_info"] = dict(inprocess.LANGUAGE)
    return notebook


def _seems_to_ask(notebook: Path) -> bool:
    """Whether a notebook only asks: a first look, without nbformat, which takes a second to import; a maker looks again at what it
    runs."""
    try:
        return _seemed(notebook, notebook.stat().st_mtime_ns)
    except (OSError, ValueError, LookupError, TypeError):  # it is no notebook, which is told where it is run
        return False


@cache
def _seemed(notebook: Path, _: int) -> bool:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return only_asks("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def _code(notebook: NotebookNode) -> list[str]:
    return [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
