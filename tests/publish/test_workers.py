from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from idp_analytics.publish import workers
from idp_analytics.publish.engine import Failure, Job, Outcome
from idp_analytics.publish.page import Page
from idp_analytics.publish.workers import WORKER_DIED, papermill


def jobs(folder: Path, *names: str) -> list[Job]:
    return [Job(name, Path("team.ipynb"), {}, folder, Page()) for name in names]


def told(job: Job) -> Outcome:
    """Runs in a worker: writes down who made it."""
    with (job.folder / "made.txt").open("a") as file:
        file.write(f"{job.name} {os.getpid()} {os.environ['POLARS_MAX_THREADS']}\n")
    return Outcome(job.name, None, 0.0)


def dying(job: Job) -> Outcome:
    """Runs in a worker: ``killer`` kills its process each time, ``unlucky`` only the first time."""
    marker = job.folder / f"{job.name}.begun"
    if job.name == "killer" or (job.name == "unlucky" and not marker.exists()):
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return told(job)


def full(job: Job) -> Outcome:
    """Runs in a worker: the disk is full."""
    raise OSError(28, "No space left on device", str(job.folder))


def made(folder: Path) -> dict[str, tuple[int, str]]:
    lines = [line.split() for line in (folder / "made.txt").read_text().splitlines()]
    return {name: (int(pid), threads) for name, pid, threads in lines}


def test_every_report_is_made_in_another_process(tmp_path: Path) -> None:
    outcomes = list(papermill(jobs(tmp_path, "a", "b", "c"), 2, told))
    assert {outcome.name for outcome in outcomes} == {"a", "b", "c"}
    pids = {pid for pid, _ in made(tmp_path).values()}
    assert os.getpid() not in pids
    assert len(pids) <= 2
    assert {threads for _, threads in made(tmp_path).values()} == {"1"}


def test_a_worker_that_dies_takes_no_other_report_with_it(tmp_path: Path) -> None:
    outcomes = {o.name: o.failure for o in papermill(jobs(tmp_path, "killer", "a", "b"), 1, dying)}
    assert set(outcomes) == set(made(tmp_path)) | {"killer"} == {"killer", "a", "b"}
    failure = outcomes.pop("killer")
    assert failure == Failure(WORKER_DIED, "the process that ran it died twice (often: out of memory)")
    assert set(outcomes.values()) == {None}


def test_a_report_whose_process_died_once_is_made_again(tmp_path: Path) -> None:
    (outcome,) = papermill(jobs(tmp_path, "unlucky"), 1, dying)
    assert outcome == Outcome("unlucky", None, 0.0)


def test_a_full_disk_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        list(papermill(jobs(tmp_path, "a", "b"), 1, full))


def test_a_reader_who_leaves_ends_the_work(tmp_path: Path) -> None:
    work = papermill(jobs(tmp_path, *"abcdef"), 1, told)
    assert next(iter(work)).failure is None
    work.close()  # type: ignore[attr-defined]
    assert len(made(tmp_path)) < 6


def test_nothing_to_do_starts_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_pool", lambda _: pytest.fail("a pool was started"))
    assert list(papermill([], 4, told)) == []


def test_a_worker_prepares_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []

    class Thread:
        def __init__(self, target: Any, args: Sequence[int], daemon: bool) -> None:
            started.append((target, args, daemon))

        def start(self) -> None:
            started.append("started")

    monkeypatch.setattr(workers.threading, "Thread", Thread)
    monkeypatch.setattr(os, "environ", {})
    monkeypatch.setattr("idp_analytics.publish.kernel.forgo_slow_imports", lambda: None)
    workers._prepared(77)
    assert started == [(workers._follow, (77,), True), "started"]
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"


def test_a_worker_ends_with_the_process_that_began_it(monkeypatch: pytest.MonkeyPatch) -> None:
    parents = iter([77, 77, 1])
    slept: list[float] = []
    ended: list[int] = []
    monkeypatch.setattr(os, "getppid", lambda: next(parents))
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setattr(os, "_exit", ended.append)
    workers._follow(77)
    assert (slept, ended) == ([1, 1], [1])
