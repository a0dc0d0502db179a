"""Commands in processes of their own in which something goes wrong at a chosen operation that writes: they are killed, or the system refuses."""

from __future__ import annotations

import errno
import io
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from idp_analytics.publish import zygote


class KilledChildren:
    """A client of a zygote whose children are killed as soon as they are there, the first ``times`` of them."""

    def __init__(self, client: zygote.Client, times: int) -> None:
        self.client, self.times = client, times

    def call(self, task: zygote.Task) -> zygote.Child:
        child = self.client.call(task)
        started = child.message()
        assert isinstance(started, zygote.Started)
        if self.times:
            self.times -= 1
            os.kill(started.pid, signal.SIGKILL)
        return child


class Fault(NamedTuple):
    """What goes wrong ``at`` which operation that writes, from 1 (0: nothing, they are only counted): the process is killed there, or from there
    on the system refuses all of ``which`` (none: all but removing) with the error ``number``."""

    at: int = 0
    number: int = 0
    which: tuple[str, ...] = ()


class Told(NamedTuple):
    """How a command ended: its exit code, all it said, and how many operations wrote."""

    code: int
    said: str
    operations: int


Run = Callable[..., Told | None]
"""Runs a function of this module in a child with a folder and a fault; gives what it told, None if it was killed."""

_WRITES = {"os.rename": 0, "os.mkdir": 0, "os.remove": 0, "os.rmdir": 0, "os.symlink": 1, "os.utime": 0, "os.chmod": 0, "shutil.rmtree": 0, "os.truncate": 0}  # fmt: skip
"""Operations that write, and which of their arguments says where."""

_FREES = ("os.remove", "os.rmdir", "shutil.rmtree")


def prepare() -> None:
    """Import what the first command would."""
    import idp_analytics.assess.importing
    import idp_analytics.collect
    import idp_analytics.forget
    import idp_analytics.interventions.registering
    import idp_analytics.organisation
    import idp_analytics.publish.exporter
    import idp_analytics.publish.run
    import idp_analytics.publish.stock  # noqa: F401


def command(arguments: Sequence[str], root: Path, fault: Fault = Fault()) -> Told:  # noqa: B008 frozen
    """``idp`` with these arguments."""
    from idp_analytics.cli import cli

    count = _armed(root, fault)
    said, code = io.StringIO(), 0
    with redirect_stdout(said), redirect_stderr(said):
        try:
            cli.main(list(arguments), prog_name="idp")
        except SystemExit as end:
            code = int(end.code or 0)
    return Told(code, said.getvalue(), count())


def published(mart: Path, notebooks: Path, root: Path, fault: Fault = Fault()) -> Told:  # noqa: B008 frozen
    """Publish a mart that is there already below ``root``."""
    from company_building import at_once

    from idp_analytics.errors import IdpError
    from idp_analytics.publish.run import publish
    from idp_analytics.report.mart import Mart

    Mart.of = staticmethod(lambda *_, **__: pickle.loads(mart.read_bytes()))  # type: ignore[assignment]
    count = _armed(root, fault)
    whose: Any = SimpleNamespace(tables={}, settings=SimpleNamespace(org="acme"))
    try:
        publish(whose, root, notebooks=notebooks, engine=at_once())
    except IdpError as error:
        return Told(error.exit_code, str(error), count())
    return Told(0, "", count())


def _armed(root: Path, fault: Fault) -> Callable[[], int]:
    operations = 0

    def happens(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal operations
        if not _writes(event, arguments) or not str(_where(event, arguments)).startswith(str(root)):
            return
        if (fault.which and event not in fault.which) or _renews(event, arguments):
            return
        operations += 1
        if fault.at and not fault.number and operations == fault.at:
            if event == "open":
                with suppress(OSError):  # killed once it is open, and empty where that empties it
                    os.open(arguments[0], arguments[2])
            os.kill(os.getpid(), signal.SIGKILL)
        if fault.at and fault.number and operations >= fault.at and (fault.which or event not in _FREES):
            raise OSError(fault.number, os.strerror(fault.number), str(_where(event, arguments)))

    force = os.fsync

    def forced(number: int) -> None:
        happens("os.fsync", (root,))
        force(number)

    os.fsync = forced
    sys.addaudithook(happens)
    return lambda: operations


def _writes(event: str, arguments: tuple[Any, ...]) -> bool:
    if event == "open":
        flags = arguments[2] if len(arguments) > 2 and isinstance(arguments[2], int) else 0
        return not isinstance(arguments[0], int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    return event in _WRITES or event == "os.fsync"


def _renews(event: str, arguments: tuple[Any, ...]) -> bool:
    """A sign of the holder of a lease, which comes by the clock."""
    return event == "open" and "/.lease/" in str(arguments[0]) and bool(arguments[2] & os.O_APPEND)


def _where(event: str, arguments: tuple[Any, ...]) -> Any:
    return arguments[_WRITES.get(event, 0)]


@contextmanager
def children(module: str = "fault_building") -> Iterator[Callable[..., Any]]:
    """Processes forked from one that has imported everything, and ``module`` of the tests: what a function gives in one, None if it was killed."""
    from idp_analytics.publish.kernel import environment
    from idp_analytics.publish.zygote import Client, Ended, Raised, Returned, Task

    with tempfile.TemporaryDirectory() as name:
        found = environment(Path(name))
        path = os.pathsep.join([str(Path(__file__).parent), found["PYTHONPATH"]])
        client = Client.start(Path(name), [module], {**found, "PYTHONPATH": path})

        def run(function: Callable[..., Any], *arguments: Any) -> Any:
            child = client.call(Task(function, arguments))
            told = None
            while not isinstance(message := child.message(), Ended):
                assert message is not None
                assert not isinstance(message, Raised), message
                told = message.value if isinstance(message, Returned) else told
            child.close()
            assert message.code == (0 if told else -signal.SIGKILL)
            return told

        yield run
        client.close()


class Disk(NamedTuple):
    """A file system of its own at ``path``, in memory."""

    path: Path

    def room(self, more: int) -> None:
        """Leave room for so many bytes more than lie there, in whole pages."""
        there = os.statvfs(self.path)
        self._changed(f"size={(there.f_blocks - there.f_bfree) * there.f_frsize + more}")

    def read_only(self) -> None:
        """Let nothing be written any more."""
        self._changed("ro")

    def _changed(self, option: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{option}", str(self.path)], check=True)


@contextmanager
def disk(path: Path) -> Iterator[Disk]:
    """A real disk of 64 MiB mounted at ``path``; the test is skipped where none may be mounted."""
    import pytest

    path.mkdir()
    try:
        told = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(path)], capture_output=True, text=True, check=False
        )
        why = told.stderr.strip() if told.returncode else ""
    except FileNotFoundError as error:
        why = str(error)
    if why:
        pytest.skip(f"no file system may be mounted here: {why}")
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def tree(folder: Path) -> Mapping[str, bytes]:
    """Every file below ``folder`` but locks → its bytes; the targets of links as links."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(".lock")
    }


FULL, READ_ONLY = errno.ENOSPC, errno.EROFS
