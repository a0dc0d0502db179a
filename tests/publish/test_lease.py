"""Who may publish: one at a time, whoever gives no sign is followed, and whoever was followed changes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_staging import NAME, made, seen

from idp_analytics.publish import lease as leases
from idp_analytics.publish import staging
from idp_analytics.publish.lease import BusyError, Lease, newest

Process = subprocess.Popen[str]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "SECONDS", 0.4)
    monkeypatch.setattr(leases, "RENEWAL", 0.05)


HOLDER = """
import sys
from pathlib import Path
from idp_analytics.publish import lease, staging
lease.SECONDS, lease.RENEWAL = 0.4, 0.05
root = Path(sys.argv[1])
with staging.locked(root) as held, staging.stage(root, "aaa", held) as folder:
    (folder / "teams").mkdir()
    for file in ("index.html", "run.json", "teams/a.html"):
        (folder / file).write_text("of the holder", encoding="utf-8")
    print(held.token, flush=True)
    sys.stdin.readline()
    {last}
    staging.commit(folder, root, "aaa", "2026-06", held)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Another process that holds the folder, and publishes once it is told to."""
    started: list[Process] = []

    def start(last: str = "") -> Process:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER.format(last=last), str(tmp_path)], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "1\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def pause(process: Process) -> None:
    """Stop it, and wait until it stands: it may give one more sign before."""
    process.send_signal(signal.SIGSTOP)
    tasks = Path(f"/proc/{process.pid}/task")
    while any(") T " not in (task / "stat").read_text() for task in tasks.iterdir()):
        time.sleep(0.01)


def test_a_process_that_was_paused_while_another_published_wakes_and_changes_nothing(
    holder: Callable[..., Process], quick: None, tmp_path: Path
) -> None:
    paused = holder()
    with pytest.raises(BusyError, match="another run is publishing there"):
        made(tmp_path, "bbb", "of the other")
    pause(paused)
    made(tmp_path, "bbb", "of the other")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if leases.FOLDER not in path.parts}
    paused.send_signal(signal.SIGCONT)
    _, told = paused.communicate("go on\n", timeout=30)
    assert paused.returncode != 0
    assert "BusyError" in told
    assert "another run has taken over" in told
    assert "it held token 1; the newest is 4" in told
    assert seen(tmp_path) == {"of the other"}
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if leases.FOLDER not in path.parts}
    assert after == before


def test_a_process_paused_right_before_it_swaps_the_link_puts_it_back(
    holder: Callable[..., Process], quick: None, tmp_path: Path
) -> None:
    late = holder("""
    swap = staging._swap
    def paused(link, run):
        staging._swap = swap
        print("here", flush=True)
        sys.stdin.readline()
        swap(link, run)
    staging._swap = paused
    """)
    assert late.stdin is not None
    assert late.stdout is not None
    late.stdin.write("go on\n")
    late.stdin.flush()
    assert late.stdout.readline() == "here\n"
    pause(late)
    made(tmp_path, "bbb", "of the other")
    late.send_signal(signal.SIGCONT)
    _, told = late.communicate("go on\n", timeout=30)
    assert "another run has taken over" in told
    assert seen(tmp_path) == {"of the other"}


def test_who_was_killed_is_followed_at_once(holder: Callable[..., Process], tmp_path: Path) -> None:
    holder().kill()  # not waited for: it has ended, but its number is still there
    start = time.monotonic()
    made(tmp_path, "bbb", "next")
    assert time.monotonic() - start < leases.SECONDS / 2
    assert seen(tmp_path) == {"next"}


def test_who_may_live_on_another_machine_is_waited_for(
    holder: Callable[..., Process], quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder().kill()
    monkeypatch.setattr(leases, "_machine", lambda: "another")
    start = time.monotonic()
    made(tmp_path, "bbb", "next")
    assert time.monotonic() - start >= leases.SECONDS
    assert seen(tmp_path) == {"next"}


def test_what_a_holder_had_begun_is_the_next_ones(holder: Callable[..., Process], tmp_path: Path) -> None:
    first = holder()
    first.kill()
    first.wait()
    with staging.locked(tmp_path) as lease, staging.stage(tmp_path, "aaa", lease) as folder:
        assert folder.name == ".partial-aaa-2"
        assert (folder / "index.html").read_text() == "of the holder"
    assert list(tmp_path.glob(".partial*")) == []


def test_what_fails_because_another_took_over_is_told_as_that(tmp_path: Path) -> None:
    with pytest.raises(BusyError, match="another run has taken over"), staging.locked(tmp_path) as lease:
        (lease.folder / f"{lease.token + 1:012}").write_bytes(b"{}\n")
        raise FileNotFoundError("the folder that another has moved")


def test_an_older_token_never_takes_the_place_of_a_newer_one(tmp_path: Path) -> None:
    made(tmp_path, "aaa", "newer")
    (tmp_path / NAME / ".name").write_text(f"{NAME}\n900\n")
    with pytest.raises(BusyError):
        made(tmp_path, "bbb", "older")
    assert seen(tmp_path) == {"newer"}


# --- laws --------------------------------------------------------------------------------------------------------------

STEPS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["take", "confirm", "release"])), max_size=25)


@given(STEPS)
def test_tokens_grow_and_only_the_newest_can_be_confirmed(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, str]]
) -> None:
    """Four holders none of whom gives a sign in time, so each may take over from each."""
    root, held, tokens = tmp_path_factory.mktemp("root"), dict[int, Any](), [0]
    (root / leases.FOLDER).mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leases, "_is_over", lambda file: True)
        try:
            for who, step in steps:
                if step == "take":
                    if who in held:
                        held.pop(who).release()
                    held[who] = Lease(root)
                    tokens.append(held[who].token)
                elif who in held and step == "confirm":
                    if held[who].token == tokens[-1]:
                        held[who].confirm()
                        tokens.append(held[who].token)
                    else:
                        with pytest.raises(BusyError):
                            held[who].confirm()
                elif who in held:
                    held.pop(who).release()
                assert newest(root / leases.FOLDER) == tokens[-1]
        finally:
            for lease in held.values():
                lease.release()
    assert tokens == list(range(len(tokens)))


def test_of_many_who_take_over_at_once_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(8)
    monkeypatch.setattr(leases, "_is_over", lambda file: together.wait() >= 0)

    def take(_: int) -> Lease | None:
        try:
            return Lease(tmp_path)
        except BusyError:
            return None

    with ThreadPoolExecutor(8) as pool:
        (lease,) = filter(None, pool.map(take, range(8)))
    assert lease.token == 1
    lease.release()


def test_files_of_old_tokens_do_not_pile_up(tmp_path: Path) -> None:
    lease = Lease(tmp_path)
    for _ in range(3 * leases.KEPT):
        lease.confirm()
    lease.release()
    assert leases.KEPT <= len(list(lease.folder.iterdir())) <= 1.5 * leases.KEPT
    assert newest(lease.folder) == lease.token
