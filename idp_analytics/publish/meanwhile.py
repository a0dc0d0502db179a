"""Work that does not wait for the reports, done beside them in a thread of the run's own process."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def meanwhile(steps: Iterable[object]) -> Iterator[None]:
    """Take one of ``steps`` after the other in a thread until all are done, which is waited for at the end; raises there what went wrong in one.

    If something goes wrong meanwhile, the step in hand is done, none other is begun, and that is raised. ``steps`` (a generator that works) is to
    spend its time where other threads can run.
    """
    enough = threading.Event()

    def work() -> None:
        for _ in steps:
            if enough.is_set():
                break

    with ThreadPoolExecutor(1, "meanwhile") as pool:
        done = pool.submit(work)
        try:
            yield
        except BaseException:
            enough.set()
            raise
        done.result()
