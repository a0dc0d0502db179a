from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from idp_analytics.publish import zygote
from idp_analytics.publish.kernel import environment
from idp_analytics.publish.zygote import Client, Ended, Raised, Returned, Started, Task, Told


def heard(client: Client, task: Task) -> list[zygote.Message]:
    """All that is said of a call but that it began."""
    child = client.call(task)
    found: list[zygote.Message] = []
    while True:
        message = child.message()
        assert message is not None
        found.append(message)
        if isinstance(message, Ended):
            child.close()
            assert isinstance(found[0], Started)
            return found[1:]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    # A short path, since a socket's is limited.
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), environment(Path())["PYTHONPATH"]])}
        made = Client.start(Path(folder), ["math"], {**environment(Path(folder)), **path})
        yield made
        made.close()


def test_a_function_gives_back_what_it_gives(client: Client) -> None:
    assert heard(client, Task(divmod, (7, 3))) == [Returned((2, 1)), Ended(0, False)]


def test_an_exception_is_handed_on(client: Client) -> None:
    raised, ended = heard(client, Task(divmod, (7, 0)))
    assert isinstance(raised, Raised)
    assert isinstance(raised.error, ZeroDivisionError)
    assert ended == Ended(0, False)


def test_a_child_has_a_group_a_folder_and_an_environment_of_its_own(client: Client, tmp_path: Path) -> None:
    (said, _) = heard(client, Task(os.getcwd, (), tmp_path))
    assert said == Returned(str(tmp_path))
    (said, _) = heard(client, Task(os.getenv, ("HERE",), environment={"HERE": "yes"}))
    assert said == Returned("yes")
    (group, _), (pid, _) = heard(client, Task(os.getpgrp)), heard(client, Task(os.getpid))
    assert isinstance(group, Returned)
    assert group.value not in (os.getpgrp(), client.process.pid if client.process else 0)
    assert isinstance(pid, Returned)


@pytest.mark.parametrize(("code", "given"), [(3, 3), (-9, None), (0, None)], ids=["exits", "is killed", "leaves"])
def test_how_a_child_ended_is_told(client: Client, code: int, given: int | None) -> None:
    if code == 3:
        task = Task(os._exit, (3,))
    elif code == -9:
        task = Task(os.kill, (0, signal.SIGKILL))  # its whole group, so itself
    else:
        task = Task(sys.exit, ())
    assert heard(client, task) == [Ended(code, False)]


def test_time_is_limited(client: Client) -> None:
    assert heard(client, Task(time.sleep, (300,), seconds=0.5)) == [Ended(-9, True)]


def test_memory_is_limited(client: Client) -> None:
    (raised, _) = heard(client, Task(bytearray, (1 << 32,), memory=1 << 30))
    assert isinstance(raised, Raised)
    assert isinstance(raised.error, MemoryError)


def test_what_cannot_be_sent_is_told_in_words(client: Client) -> None:
    (raised, _) = heard(client, Task(memoryview, (b"a",)))
    assert isinstance(raised, Raised)
    assert "cannot pickle" in str(raised.error)


def test_what_cannot_be_called_is_nobodys_end(client: Client) -> None:
    child = client.call(Task(heard))  # of a module the zygote has not got under this name
    while (message := child.message()) is not None:
        assert not isinstance(message, Returned)
    child.close()
    assert heard(client, Task(abs, (-1,)))[0] == Returned(1)


@pytest.mark.parametrize("seconds", [None, 1.0], ids=["is done", "is late"])
def test_what_leaves_the_group_of_a_child_ends_with_it_and_not_before(
    client: Client, tmp_path: Path, seconds: float | None
) -> None:
    told = tmp_path / "pid"
    starts = f"(setsid sleep 200 & echo $! > {told}); sleep {200 if seconds else 0.7}"
    child = client.call(Task(os.system, (starts,), seconds=seconds))
    assert isinstance(child.message(), Started)
    process = Path("/proc/none")
    for _ in range(60):
        if told.is_file() and (pid := told.read_text().strip()):
            process = Path(f"/proc/{pid}")
            break
        time.sleep(0.01)
    heard(client, Task(abs, (-1,)))  # another that ends meanwhile ends nothing but its own
    assert process.exists()
    while not isinstance(child.message(), Ended | None):
        pass
    for _ in range(50):
        if not process.exists():
            break
        time.sleep(0.1)
    assert not process.exists()


def test_who_hangs_up_ends_the_child(client: Client) -> None:
    child = client.call(Task(time.sleep, (300,)))
    started = child.message()
    assert isinstance(started, Started)
    child.close()
    for _ in range(600):
        if not Path(f"/proc/{started.pid}").exists():
            break
        time.sleep(0.1)
    assert not Path(f"/proc/{started.pid}").exists()


def test_the_children_of_a_zygote_die_with_it(tmp_path: Path) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        client = Client.start(Path(folder), [], environment(Path(folder)))
        child = client.call(Task(time.sleep, (300,)))
        started = child.message()
        assert isinstance(started, Started)
        assert client.process is not None
        client.process.kill()
        assert child.message() is None
        client.close()
        for _ in range(600):
            if not Path(f"/proc/{started.pid}").exists():
                break
            time.sleep(0.1)
        assert not Path(f"/proc/{started.pid}").exists()


def test_a_folder_may_have_a_path_longer_than_a_sockets(tmp_path: Path) -> None:
    folder = tmp_path / ("é" * 60) / ("é" * 60)
    folder.mkdir(parents=True)
    client = Client.start(folder, [], environment(folder))
    try:
        assert heard(client, Task(abs, (-1,)))[0] == Returned(1)
        assert (folder / "socket").exists()
    finally:
        client.close()


def test_a_zygote_ends_when_who_began_it_is_gone(tmp_path: Path) -> None:
    code = (
        "import os, sys, time\nfrom pathlib import Path\nfrom idp_analytics.publish.zygote import Client, Task\n"
        "client = Client.start(Path(sys.argv[1]), [], dict(os.environ))\nchild = client.call(Task(time.sleep, (300,)))\n"
        "print(client.process.pid, child.message().pid, flush=True)\nos.kill(os.getpid(), 9)"
    )
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        ended = subprocess.run(
            [sys.executable, "-c", code, folder],
            env=environment(Path(folder)),
            capture_output=True,
            text=True,
            check=False,
        )
        pids = [int(pid) for pid in ended.stdout.split()]
        assert len(pids) == 2, ended.stderr
        for _ in range(600):
            if not any(Path(f"/proc/{pid}").exists() for pid in pids):
                break
            time.sleep(0.1)
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


USED = "import polars as pl\n\n\ndef prepare():\n    pl.DataFrame({'a': [1, 2]}).lazy().group_by('a').len().collect()\n"


def test_a_process_that_has_used_polars_refuses_to_fork(tmp_path: Path) -> None:
    import tempfile

    (tmp_path / "used_polars.py").write_text(USED)
    with tempfile.TemporaryDirectory() as folder:
        path = os.pathsep.join([str(tmp_path), environment(Path())["PYTHONPATH"]])
        client = Client.start(Path(folder), ["used_polars"], {**environment(Path(folder)), "PYTHONPATH": path})
        child = client.call(Task(abs, (-1,)))
        message = child.message()
        assert isinstance(message, Raised)
        assert "other threads are running (" in str(message.error)
        child.close()
        client.close()


def test_a_function_can_tell_before_it_is_done(client: Client) -> None:
    assert heard(client, Task(map_over, (("a", "b"),), tells=True))[:2] == [Told("a"), Told("b")]


def map_over(tell: object, values: tuple[str, ...]) -> None:
    for value in values:
        tell(value)  # type: ignore[operator]


def test_a_function_can_hear_until_the_caller_hangs_up(client: Client) -> None:
    child = client.call(Task(add_up, tells=True, hears=True))
    assert isinstance(child.message(), Started)
    for number, sum_ in ((1, 1), (41, 42), (b"x" * (1 << 20), "long")):
        child.send(number)
        assert child.message() == Told(sum_)  # and the zygote has not taken it for hanging up
    child.close()
    assert heard(client, Task(abs, (-1,)))[0] == Returned(1)


def add_up(tell: object, hear: object) -> None:
    total = 0
    while True:
        value = hear()  # type: ignore[operator]
        total += 0 if isinstance(value, bytes) else value
        tell("long" if isinstance(value, bytes) else total)  # type: ignore[operator]
