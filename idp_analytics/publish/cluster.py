"""Reports made by the workers of a Dask cluster, for a run that one machine is too small for; needs the extra ``dask``.

The one who calls computes the mart, and writes, journals and publishes what the workers give back, so that nobody but who holds the
:mod:`.lease` ever changes a file of the run: a worker that was taken for dead and is not does no harm. A worker reads the mart, which must
lie where it can see it under the same path, and makes the reports of a task as one machine alone makes them, so they are the same to the byte.

What a cluster is told to do it does: whoever reaches its scheduler runs code there. Keep it in a closed network, or use ``tls://``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from idp_analytics.errors import ReportError
from idp_analytics.publish import private_folder, provenance, workers
from idp_analytics.publish.engine import Failure, Job, Outcome

LARGEST = 50
"""Reports of a task at most: a worker prepares a process for each task, and makes a task again if it dies in it."""

PATIENCE = 60.0
"""Seconds to wait for the scheduler, and for one worker."""

_TASKS_EACH = 4
"""Tasks for each thread of the cluster where there are few reports, so that all end at about the same time."""

_DECIDING = ("altair", "numpy", "polars", *provenance.TOOLS)
"""Libraries whose version can change a page."""

_Files = Mapping[str, bytes]
Identity = Mapping[str, str]


@dataclass(frozen=True)
class Cluster:
    """An engine (:data:`.workers.Engine`) whose reports are made by the workers of the scheduler at ``address``, by the engine called
    ``engine`` there, ``each`` at a time in each thread that a worker has.

    Raises :class:`ReportError` where there is no scheduler or no worker, and where a worker does not see the folders or is not made of the
    same code. The reports of a task whose worker dies are made by others; where several die of it, they are failed.
    """

    address: str
    engine: str = ""
    each: int = 1
    ahead: int = 8 * LARGEST
    """Reports for which parts of the mart are kept at a time."""

    def __call__(self, jobs: Sequence[Job], _: int) -> Iterator[Outcome]:
        """Make every job's report, and give each outcome as its task is done. How many at a time says the cluster."""
        with connected(self.address) as client:
            from distributed import KilledWorker, as_completed

            tasks, mine = {}, identity()
            for part in _parts(jobs, threads(client, self.address)):
                task = client.submit(make, part, self.engine, self.each, mine, pure=False)
                tasks[task] = part
            for done in as_completed(list(tasks), loop=client.loop):  # type: ignore[no-untyped-call]
                if done.status in {"cancelled", "lost"}:
                    raise ReportError(f"{self.address}: the scheduler is gone. Run it again: what was made is taken.")
                why = done.exception()
                if isinstance(why, KilledWorker):
                    died = Failure(workers.WORKER_DIED, "several workers of the cluster died when they made it")
                    yield from (Outcome(job.name, died, 0.0) for job in tasks[done])
                elif why is not None:
                    raise why
                else:
                    by_name = {job.name: job for job in tasks[done]}
                    for outcome, files in done.result():
                        _write(by_name[outcome.name], files)
                        yield outcome
                del tasks[done]
                done.release()


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """A client of the scheduler at ``address``. Raises :class:`ReportError` where Dask is not installed, and where none answers."""
    try:
        from distributed import Client
    except ImportError:
        raise ReportError(
            "A cluster needs Dask, which is not installed. Run: pip install 'idp-analytics[dask]'."
        ) from None
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise ReportError(
            f"{address}: no Dask scheduler answers there ({error}). Start one with: dask scheduler."
        ) from None
    with client:
        yield client


def threads(client: Any, address: str) -> int:
    """How many tasks are done at a time."""
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        raise ReportError(
            f"{address}: the scheduler has no worker. Start one on each machine with: dask worker {address}."
        ) from None
    return int(sum(client.nthreads().values())) or 1


def _parts(jobs: Sequence[Job], threads: int) -> Iterator[Sequence[Job]]:
    """The jobs task by task, in their order."""
    size = max(1, min(LARGEST, -(-len(jobs) // (threads * _TASKS_EACH))))
    for start in range(0, len(jobs), size):
        yield [
            replace(job, folder=job.folder.absolute(), notebook=job.notebook.absolute())
            for job in jobs[start : start + size]
        ]


def _write(job: Job, files: _Files) -> None:
    for ending in (".ipynb", ".failed.ipynb"):  # of a try before
        (job.folder / f"{job.name}{ending}").unlink(missing_ok=True)
    for name, data in files.items():
        (job.folder / name).write_bytes(data)


def identity() -> Identity:
    """The kit and the libraries that can change what is made."""
    return {"idp-analytics": provenance.code(), **{name: version(name) for name in _DECIDING}}


# --- in a worker -------------------------------------------------------------------------------------------------------


def make(jobs: Sequence[Job], engine: str, each: int, wanted: Identity) -> list[tuple[Outcome, _Files]]:
    """The reports of one task, with what was written for each, below a folder of its own that is gone afterwards; only the mart is that of
    the run. Raises :class:`ReportError` where this worker cannot make the same as the one who asks."""
    agreed(wanted, [*(job.notebook for job in jobs), jobs[0].folder])
    with private_folder.made() as folder:
        for path in jobs[0].folder.iterdir():
            if path.is_dir() and path.name != "teams":
                (folder / path.name).symlink_to(path, target_is_directory=True)
        own = [replace(job, folder=folder) for job in jobs]
        for job in own:
            job.place.mkdir(parents=True, exist_ok=True)
        made = list(workers.engine(engine)(own, each))
        return [(outcome, {file: (folder / file).read_bytes() for file in outcome.files}) for outcome in made]


def agreed(wanted: Identity, paths: Sequence[Path]) -> None:
    """Raises :class:`ReportError` where this worker is not as ``wanted``, or does not see the paths."""
    mine = identity()
    other = sorted(name for name in wanted if mine[name] != wanted[name])
    if other:
        raise ReportError(
            f"A worker of the cluster has another {', another '.join(other)} than this machine, and so might make something else. "
            "Install the same on all."
        )
    for path in paths:
        if not path.exists():
            raise ReportError(
                f"{path}: a worker of the cluster does not see it. Reports, data and the kit must lie under the same path on all machines."
            )
