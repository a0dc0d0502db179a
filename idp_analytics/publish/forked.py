"""Reports in forks of one process that has imported everything: as isolated as in a kernel of its own, and a hundred times as soon
there.

A :mod:`zygote` forks a child per report, so many reports at a time, which runs the notebook in process and writes what its cells say
to a journal. Another child, a *maker*, makes the executed notebook and the page from that, untouched by whatever the cells did to
their process, and also where it was killed, took too long or ended by itself. In a maker runs no code but ours, so one makes many pages,
one after the other; where one dies, only the page in hand is made again, by a fresh one. What both do is in :mod:`.makers`.

What a notebook that :func:`only asks <asking.only_asks>` does is done by our code too, so a maker runs its cells itself, and need not be
as cold as a fork is. Whatever goes wrong there ends the maker, and the report is made once more in a child of its own: how a report
fails never depends on those before it.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from functools import cache
from multiprocessing.connection import wait
from pathlib import Path

from idp_analytics.publish import makers, private_folder, zygote
from idp_analytics.publish.asking import only_asks
from idp_analytics.publish.engine import (
    KERNEL_DIED,
    TIMEOUT,
    Failure,
    Job,
    Outcome,
    death,
    lateness,
    told_of,
)
from idp_analytics.publish.workers import WORKER_DIED

PAGES = 512
"""So many pages a maker makes before a fresh one takes its place, so that nothing can pile up in it. To begin one takes as long as one and a half pages; of
320 pages it had 4 MB more than of 32."""


@contextmanager
def started() -> Iterator[tuple[zygote.Client, Path]]:
    """A zygote of reports, and a folder of its own. Raises ``OSError`` when there is no room for that."""
    from idp_analytics.publish.kernel import environment

    with private_folder.made() as private:
        client = zygote.Client.start(private, [makers.__name__], environment(private))
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
        fresh = _asked(self.client, zygote.Task(makers.pages, tells=True, hears=True))
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
        return zygote.Task(makers.ran, (job, self.journal), job.place, seconds=job.seconds, memory=job.memory)

    def page(self) -> makers.Asked:
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
