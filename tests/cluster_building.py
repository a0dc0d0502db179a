"""A Dask cluster of real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Started = tuple[str, list[subprocess.Popen[bytes]]]
REPOSITORY = Path(__file__).resolve().parents[1]


@contextmanager
def clusters(folder: Path) -> Iterator[Callable[[int], Started]]:
    """A scheduler and so many workers, each a process of its own, as one would start them on several machines."""
    started: list[subprocess.Popen[bytes]] = []
    path = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "tests")])
    told = folder / "scheduler.json"

    def start(*words: str) -> subprocess.Popen[bytes]:
        place = folder / f"local-{len(started)}"
        place.mkdir()
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:], "--scheduler-file", str(told)],
                env={**os.environ, "PYTHONPATH": path, "POLARS_MAX_THREADS": "1"}, cwd=place,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            )
        )  # fmt: skip
        return started[-1]

    def begin(workers: int) -> Started:
        start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        while not told.is_file() or not told.read_text():
            time.sleep(0.05)
        each = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1", "--death-timeout", "60")
        processes = [start("worker", *each) for _ in range(workers)]
        return json.loads(told.read_text())["address"], processes

    try:
        yield begin
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()
