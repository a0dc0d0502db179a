"""Every report in a fork of one process that has imported everything: as isolated as in a kernel of its own, and a hundred times
as soon there.

A :mod:`zygote` forks two children per report, so many reports at a time. The first runs the notebook in process and writes what
its cells say to a journal. The second makes the executed notebook and the page from that, untouched by whatever the cells did to
their process, and also where it was killed, took too long or ended by itself.
"""

from __future__ import annotations

import gc
import pickle
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING

from idp_analytics.paths import resource
from idp_analytics.publish import zygote
from idp_analytics.publish.engine import KERNEL_DIED, TIMEOUT, Failure, Job, Outcome, death, lateness, make, told_of
from idp_analytics.publish.workers import WORKER_DIED

if TYPE_CHECKING:
    from io import FileIO

    from nbformat import NotebookNode

    from idp_analytics.publish.inprocess import Record

MEMORY = 2 << 30
"""Bytes of data a report may have, unless its job says otherwise."""

_GARBAGE = 50_000
"""So many objects more than are gone are looked through for garbage, where Python would do it every 700: a report lives for a moment."""

_PREPARED = "idp_analytics.publish.forked"


def forked(jobs: Sequence[Job], workers: int) -> Iterator[Outcome]:
    """Make every job's report in a fork, ``workers`` at a time, and give each outcome as it is there.

    Should the zygote be killed, what was in work is made again by another; a report that was in work both times is failed. Raises
    ``OSError`` when the folder cannot be written.
    """
    waiting = deque(jobs)
    seen: set[str] = set()
    while waiting:
        lost: list[Job] = []
        yield from _made(waiting, workers, lost)
        for job in lost:
            if job.name in seen:
                yield Outcome(job.name, Failure(WORKER_DIED, "the process that ran it died twice"), 0.0)
            else:
                seen.add(job.name)
                waiting.append(job)


def _made(waiting: deque[Job], workers: int, lost: list[Job]) -> Iterator[Outcome]:
    """Outcomes of the jobs ``waiting`` until all are made or the zygote is gone; then those in work are ``lost``."""
    from idp_analytics.publish.kernel import environment

    with tempfile.TemporaryDirectory(prefix="idp-") as name:
        private = Path(name)
        client = zygote.Client.start(private, [_PREPARED], environment(private))
        working: dict[zygote.Child, _Work] = {}
        try:
            while waiting or working:
                while waiting and len(working) < workers:
                    work = _Work(waiting.popleft(), private / f"{len(waiting)}.journal")
                    child = _asked(client, work.task())
                    if child is None:
                        lost.append(work.job)
                        break
                    working[child] = work
                for child in _heard(working):
                    work, message = working[child], child.message()
                    if message is None:
                        lost.append(work.job)
                        del working[child]
                    elif isinstance(message, zygote.Ended):
                        child.close()
                        del working[child]
                        if work.outcome is not None:
                            work.journal.unlink(missing_ok=True)
                            yield work.outcome
                        elif work.is_written or not (child := _asked(client, work.after(message))):
                            # The page, or where it goes, ended the process; or the zygote is gone.
                            lost.append(work.job)
                        else:
                            working[child] = work
                    else:
                        work.take(message)
                if lost and not working:
                    return
        finally:
            client.close()


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


class _Work:
    """One job on its way."""

    def __init__(self, job: Job, journal: Path) -> None:
        # The child stands in another folder.
        self.job = replace(job, notebook=job.notebook.absolute(), folder=job.folder.absolute())
        self.journal = journal
        self.outcome: Outcome | None = None
        self.failure: Failure | None = None
        self.has_run = False
        self.is_written = False
        self.begun = time.perf_counter()

    def task(self) -> zygote.Task:
        memory = MEMORY if self.job.memory is None else self.job.memory
        return zygote.Task(_ran, (self.job, self.journal), self.job.place, seconds=self.job.seconds, memory=memory)

    def after(self, end: zygote.Ended) -> zygote.Task:
        """What is to be done once the child that ran the cells is gone: the page."""
        if not self.has_run:
            late = Failure(TIMEOUT, lateness(self.job.seconds))
            self.failure = late if end.late else Failure(KERNEL_DIED, death(end.code))
        self.is_written = True
        return zygote.Task(_written, (self.job, self.journal, self.failure), self.job.place, seconds=self.job.seconds)

    def take(self, message: zygote.Message) -> None:
        """Something a child has said. Raises what stops the whole run."""
        match message:
            case zygote.Returned(None):
                self.has_run = True
            case zygote.Returned(outcome):
                self.outcome = replace(outcome, seconds=time.perf_counter() - self.begun)
            case zygote.Raised(Exception() as error) if not self.has_run:
                self.failure, self.has_run = told_of(error), True
            case zygote.Raised(error):
                raise error
            case _:
                pass


# --- in the zygote and its children ------------------------------------------------------------------------------------


def prepare() -> None:
    """Import all that a report needs, and make what every report makes. Nothing here may run a Polars query."""
    from idp_analytics.publish.kernel import forgo_slow_imports

    forgo_slow_imports()
    import papermill.parameterize  # noqa: F401

    import idp_analytics.publish.parameters
    import idp_analytics.report.reports  # noqa: F401
    from idp_analytics.charts import chart
    from idp_analytics.publish import exporter, inprocess, notebook, page
    from idp_analytics.report import html

    # What is made at the first cell is made here, and none is counted.
    inprocess.shell().run_cell("None", silent=True)  # type: ignore[no-untyped-call]
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
        inprocess.run(notebook.cells, lambda record: _noted(file, record))


def _noted(file: FileIO, record: Record) -> None:
    file.write(pickle.dumps(record))


def _written(job: Job, journal: Path, why: Failure | None) -> Outcome:
    """Make the report from what was said; ``why`` it ended before its end, if it did."""
    gc.disable()  # it ends before there is much
    return make(job, lambda job: _read(job, journal, why))


def _read(job: Job, journal: Path, why: Failure | None) -> tuple[NotebookNode, Failure | None]:
    from idp_analytics.publish.engine import failure_in, steady
    from idp_analytics.publish.notebook import Filling

    notebook = _opened(job)
    filling = Filling(notebook)
    # No journal: it ended before it began. An end of the file in the middle of a record: it was being written then.
    with suppress(FileNotFoundError, EOFError, pickle.UnpicklingError), journal.open("rb") as file:
        while True:
            filling(pickle.load(file))  # noqa: S301 our own child wrote it
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
