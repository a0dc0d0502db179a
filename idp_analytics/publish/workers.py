"""Many notebooks, so many at a time, by one engine or another. The stock one is here: each in its own kernel; a worker that dies
takes no other report with it."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from idp_analytics.errors import ReportError
from idp_analytics.publish.engine import Failure, Job, Outcome, make

Engine = Callable[[Sequence[Job], int], Iterable[Outcome]]
"""Makes every job's report, so many at a time, and gives each outcome as it is there."""

FORKS = hasattr(os, "fork") and sys.platform.startswith("linux")
"""Whether reports can be forked here. macOS can fork, but its own libraries must not be used in a child."""

Make = Callable[[Job], Outcome]

WORKER_DIED = "WorkerDied"

FORK, STOCK = "fork", "stock"


def engine(name: str = "") -> Engine:
    """The engine of that name: ``fork`` (:func:`.forked.forked`) or ``stock`` (:func:`papermill`); empty: ``fork`` where the system
    has it. Where it has not, ``fork`` raises :class:`ReportError`."""
    if name == STOCK:
        return papermill
    if not FORKS:
        if name == FORK:
            raise ReportError("This system cannot fork a report from a running process. Use the engine stock.")
        return papermill
    from idp_analytics.publish.forked import forked

    return forked


def papermill(jobs: Sequence[Job], workers: int, making: Make = make) -> Iterator[Outcome]:
    """The stock engine: papermill in ``workers`` processes.

    A process that dies (out of memory, killed) breaks its pool, and nobody can say which of the reports in work did it:
    those are made again one by one, and one that kills its process twice is failed. Raises ``OSError`` when the folder
    cannot be written.
    """
    suspects: list[Job] = []
    yield from _made(jobs, workers, making, suspects)
    for job in suspects:
        again: list[Job] = []
        yield from _made([job], 1, making, again)
        if again:
            yield Outcome(
                job.name, Failure(WORKER_DIED, "the process that ran it died twice (often: out of memory)"), 0.0
            )


def _made(jobs: Sequence[Job], workers: int, making: Make, suspects: list[Job]) -> Iterator[Outcome]:
    waiting = deque(jobs)
    while waiting:
        with _pool(min(workers, len(waiting))) as pool:
            running: dict[Future[Outcome], Job] = {}
            try:
                while waiting or running:
                    while waiting and len(running) < workers:
                        running[pool.submit(making, waiting[0])] = waiting[0]
                        waiting.popleft()
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        outcome = future.result()
                        del running[future]
                        yield outcome
            except BrokenProcessPool:
                suspects += running.values()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _pool(workers: int) -> ProcessPoolExecutor:
    # Spawned, never forked: Polars has threads, and a fork of a process that used it can hang for ever.
    return ProcessPoolExecutor(workers, get_context("spawn"), _prepared, (os.getpid(),))


def _prepared(parent: int) -> None:
    """Make a fresh worker ready: quick imports, one thread each, and no life of its own once the parent is gone."""
    from idp_analytics.publish.kernel import SET, forgo_slow_imports

    os.environ.update(SET)
    forgo_slow_imports()
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    from nbconvert.exporters import templateexporter  # noqa: F401 the first report need not wait longer than the others
    from papermill import execute  # noqa: F401


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
