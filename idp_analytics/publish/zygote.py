"""A process that has imported everything and does nothing but fork: what is called in a child of it starts at once.

Most of the time of a small notebook is spent on imports. Here they are made once; each child is a copy of the process that made
them, with a process group, a folder, an environment and limits of its own, and nothing it does reaches anybody else. What keeps
forking safe:

* The process has one thread, and refuses to fork if it has more: the others would be missing in the child, with whatever locks
  they held. Polars may be imported here, but not used: its threads start with the first query, and a query in the child would
  wait for them for ever. The few that are started by merely importing it (:data:`QUIET`) are not missed.
* Children die with it (Linux), and it ends when who started it is gone, or after a while with nothing to do.
* What a child leaves running ends with it: its group, and where the zygote is gone with who started it, also what has left that group.

:class:`Client` calls things there: ``client.call(Task(function, arguments))`` gives a :class:`Child`. What is called, and what
it gives back, goes through a socket as pickles.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import pickle
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

QUIET = frozenset({"jemalloc_bg_thd", "polars-ooc-clea"})
"""Threads, by their name, without which a child can do: allocators give memory back in some (jemalloc holds its locks over a fork
and starts them anew in the child), Polars removes files of its own in another."""

_LONGEST = 100
"""Bytes of a path that a socket may have, with some to spare."""
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_RATHER_THIS_ONE = b"500"
"""What the kernel's out-of-memory killer is told of a child: take it before the processes that look after it."""


@dataclass(frozen=True)
class Task:
    """A function to call in a child, with its arguments; both must be importable there.

    ``seconds`` and ``memory`` (bytes of data, and of each file it writes) are the most it may take; None: as much as it likes. ``environment``, where given,
    replaces that of the process. With ``tells`` the function's first argument is one that sends a value to the caller at once;
    with ``hears`` the next one waits for a value that the caller sends (:meth:`Child.send`), and raises ``EOFError`` when it has hung up.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    folder: Path | None = None
    environment: Mapping[str, str] | None = None
    seconds: float | None = None
    memory: int | None = None
    tells: bool = False
    hears: bool = False


class Started(NamedTuple):
    """The child is there."""

    pid: int


class Told(NamedTuple):
    """Something the function said before it was done."""

    value: Any


class Returned(NamedTuple):
    """What the function gave back."""

    value: Any


class Raised(NamedTuple):
    """The exception the function ended with."""

    error: BaseException


class Ended(NamedTuple):
    """The child is gone, and so is its process group: ``code`` as :attr:`subprocess.Popen.returncode`; ``late`` if time was up."""

    code: int
    late: bool


Message = Started | Told | Returned | Raised | Ended


# --- who calls ---------------------------------------------------------------------------------------------------------


class Child:
    """The caller's end of one call."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def fileno(self) -> int:
        """To wait for several with :func:`multiprocessing.connection.wait`."""
        return self.connection.fileno()

    def message(self) -> Message | None:
        """The next thing to know about it, waited for; None when the whole zygote is gone."""
        try:
            message: Message = self.connection.recv()
        except (EOFError, OSError):
            return None
        return message

    def send(self, value: Any) -> None:
        """Send it a value, where its task ``hears``. Raises ``OSError`` when it is gone."""
        self.connection.send(value)

    def close(self) -> None:
        """End the child, if it is still there."""
        self.connection.close()


@dataclass
class Client:
    """Calls things in children of the zygote that listens at ``path``."""

    path: Path
    process: subprocess.Popen[bytes] | None = None
    _life: int | None = field(default=None, repr=False)

    @classmethod
    def start(
        cls, folder: Path, modules: Sequence[str], environment: Mapping[str, str], files: Sequence[int] = ()
    ) -> Client:
        """A zygote of our own, gone when this process is: its socket in ``folder``, ``modules`` imported; it and its children have the open ``files``
        under the same numbers."""
        read, write = os.pipe()
        try:
            process = _started(folder / "socket", modules, environment, ("--life", str(read)), (read, *files))
        finally:
            os.close(read)
        return cls(folder / "socket", process, write)

    @classmethod
    def leave(cls, path: Path, modules: Sequence[str], environment: Mapping[str, str], idle: float) -> Client:
        """A zygote that listens at ``path`` for whoever may call it, and goes on when this process ends, until it has had nothing to
        do for ``idle`` seconds."""
        return cls(path, _started(path, modules, environment, ("--idle", str(idle)), (), start_new_session=True))

    def answers(self) -> bool:
        """Whether there is a zygote."""
        try:
            self._connection().close()
        except OSError:
            return False
        return True

    def call(self, task: Task) -> Child:
        """Begin ``task`` in a child. Raises ``OSError`` when there is no zygote."""
        connection = self._connection()
        connection.send(task)
        return Child(connection)

    def _connection(self) -> Connection:
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with _addressed(self.path) as address:
                link.connect(address)
        except BaseException:
            link.close()
            raise
        return Connection(link.detach())

    def close(self) -> None:
        """End the zygote, if it is ours, with its children."""
        if self._life is not None:
            os.close(self._life)
            self._life = None
        if self.process is not None:
            self.process.wait()


@contextmanager
def _addressed(path: Path) -> Iterator[str]:
    """The path of a socket, or where a socket's may not be so long, another that leads there."""
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _started(
    path: Path, modules: Sequence[str], environment: Mapping[str, str], options: Sequence[str], inherited: Sequence[int], **more: Any
) -> subprocess.Popen[bytes]:  # fmt: skip
    """A zygote that listens at ``path``. It listens before it is started, so that nobody need wait for it to call."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        with _addressed(path) as address:
            listener.bind(address)
        path.chmod(0o600)
        listener.listen(128)
        command = [sys.executable, "-P", "-m", __name__, "--listen", str(listener.fileno()), *options, *modules]
        return subprocess.Popen(
            command, env=dict(environment), pass_fds=(listener.fileno(), *inherited), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more,
        )  # fmt: skip


# --- the process that forks --------------------------------------------------------------------------------------------


@dataclass
class _Running:
    pid: int
    connection: Connection
    deadline: float
    late: bool = False


class _Server:
    """Accepts calls, forks, and says how each child ended. One thread, no library's event loop."""

    def __init__(self, listener: socket.socket, life: int | None, idle: float | None) -> None:
        self.listener, self.life, self.idle = listener, life, idle
        self.running: dict[int, _Running] = {}
        self.poll = select.epoll()
        self.poll.register(listener, select.EPOLLIN)
        if life is not None:
            self.poll.register(life, select.EPOLLIN)
        self.woken, wakes = os.pipe()
        os.set_blocking(self.woken, False)
        os.set_blocking(wakes, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
        self.poll.register(self.woken, select.EPOLLIN)
        if life is not None:
            _adopt()

    def serve(self) -> None:
        """Until nobody needs it."""
        while True:
            ready = {number for number, _ in self.poll.poll(self._patience())}
            if self.life in ready or not (ready or self.running):
                break
            if self.woken in ready:
                with suppress(BlockingIOError):
                    os.read(self.woken, 4096)
            self._reap()
            now = time.monotonic()
            for child in list(self.running.values()):
                if child.connection.fileno() in ready and child.pid in self.running:  # the caller has hung up
                    _kill(child.pid)
                elif child.deadline <= now and not child.late:
                    child.late = True
                    _kill(child.pid)
            if self.listener.fileno() in ready:
                self._accept()
        for child in self.running.values():
            _kill(child.pid)
            os.waitpid(child.pid, 0)
        self.running.clear()
        while left := self._end_left():
            for pid in left:
                os.waitpid(pid, 0)

    def _patience(self) -> float | None:
        deadlines = [child.deadline for child in self.running.values() if not child.late]
        soonest = min(deadlines, default=float("inf"))
        if soonest < float("inf"):
            return max(0.0, soonest - time.monotonic())
        return None if self.running else self.idle

    def _accept(self) -> None:
        link, _ = self.listener.accept()
        connection = Connection(link.detach())
        try:
            task: Task = connection.recv()
        except (EOFError, OSError, pickle.UnpicklingError, AttributeError, ImportError):
            connection.close()
            return
        if others := _threads():
            told = f"cannot fork: other threads are running ({', '.join(others)})"
            _send(connection, Raised(RuntimeError(told)))
            connection.close()
            return
        pid = os.fork()
        if pid == 0:
            _child(task, connection, self)
        deadline = time.monotonic() + (float("inf") if task.seconds is None else task.seconds)
        self.running[pid] = _Running(pid, connection, deadline)
        self.poll.register(connection.fileno(), select.EPOLLRDHUP)  # what the caller sends is for the child

    def _reap(self) -> None:
        ended = {}
        while True:
            try:
                told = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                break
            if told is None:
                break
            _kill(told.si_pid)  # what it left running; its number is its group's until it is waited for
            _, ended[told.si_pid] = os.waitpid(told.si_pid, 0)
        gone = {pid: child for pid in ended if (child := self.running.pop(pid, None)) is not None}
        if ended:
            self._end_left()
        for pid, child in gone.items():
            self.poll.unregister(child.connection.fileno())
            _send(child.connection, Ended(os.waitstatus_to_exitcode(ended[pid]), child.late))
            child.connection.close()

    def _end_left(self) -> list[int]:
        """End what children that are gone have left running in groups of their own; it has come to be ours, as will be what it leaves itself."""
        left = [pid for pid in _children() if pid not in self.running] if self.life is not None else []
        for pid in left:
            _kill(pid)
        return left


def _adopt() -> None:
    """Be the parent of what processes below this one leave running when they end."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _children() -> list[int]:
    """The processes whose parent is this one."""
    me, found = str(os.getpid()).encode(), []
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            with suppress(OSError):  # it has just ended
                if Path(entry.path, "stat").read_bytes().rpartition(b") ")[2].split()[1] == me:
                    found.append(int(entry.name))
    return found


def _send(connection: Connection, message: Message) -> None:
    with suppress(OSError):
        connection.send(message)


def _kill(pid: int) -> None:
    """End a child and all it started; it may not have come to have a group yet."""
    for end in (os.killpg, os.kill):
        with suppress(ProcessLookupError, PermissionError):
            end(pid, signal.SIGKILL)


def _threads() -> list[str]:
    """The names of threads beside this one that a child would miss."""
    me = str(os.getpid())
    tasks = [task for task in Path("/proc/self/task").iterdir() if task.name != me]
    return sorted(name for task in tasks if (name := (task / "comm").read_text().strip()) not in QUIET)


def _child(task: Task, connection: Connection, server: _Server) -> None:
    """Be a child: call the function and end, whatever happens."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _detach(server, connection)
        _limit(task)
        connection.send(Started(os.getpid()))
        talk = [lambda value: connection.send(Told(value))] if task.tells else []
        given = (*talk, *([connection.recv] if task.hears else []), *task.arguments)
        me = os.getpid()
        try:
            message: Message = Returned(task.function(*given))
        except Exception as error:
            message = Raised(error)
        if os.getpid() == me:  # not a copy of this process that a cell has made
            _answer(connection, message)
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    finally:
        os._exit(code)


def _answer(connection: Connection, message: Message) -> None:
    try:
        connection.send(message)
    except OSError:  # the function has closed it, or nobody listens any more
        return
    except Exception as error:
        told = message.error if isinstance(message, Raised) else error
        connection.send(Raised(RuntimeError(f"{type(told).__name__}: {told}")))


def _detach(server: _Server, connection: Connection) -> None:
    """A group, files and an end of its own."""
    os.setsid()
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    if server.life is not None:
        _adopt()  # while it runs, what its processes leave is its own
    for other in server.running.values():
        os.close(other.connection.fileno())
    server.poll.close()
    for number in (server.listener.fileno(), server.woken, server.life):
        if number is not None:
            os.close(number)
    with suppress(OSError):
        number = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(number, _RATHER_THIS_ONE)
        os.close(number)
    os.set_inheritable(connection.fileno(), False)


def _limit(task: Task) -> None:
    if task.memory is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (task.memory, task.memory))
        resource.setrlimit(
            resource.RLIMIT_FSIZE, (task.memory, task.memory)
        )  # a file may be memory, as what is written below Python is
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if task.folder is not None:
        os.chdir(task.folder)
    if task.environment is not None:
        os.environ.clear()
        os.environ.update(task.environment)
        time.tzset()


def main(arguments: Sequence[str]) -> None:
    """Be the zygote: ``--listen FD [--life FD] [--idle SECONDS] MODULE…``; a module's ``prepare()`` is called, if it has one."""
    options = dict(zip(arguments[::2], arguments[1::2], strict=False))
    options = {name: value for name, value in options.items() if name.startswith("--")}
    with socket.socket(fileno=int(options["--listen"])) as listener:
        listener.set_inheritable(False)
        life = int(options["--life"]) if "--life" in options else None
        if life is not None:
            os.set_inheritable(life, False)
        for name in arguments[2 * len(options) :]:
            module = importlib.import_module(name)
            getattr(module, "prepare", lambda: None)()
        gc.collect()
        gc.freeze()  # a collection in a child would else touch, and so copy, everything there is
        _Server(listener, life, float(options["--idle"]) if "--idle" in options else None).serve()


if __name__ == "__main__":
    # Under its importable name, so that what is sent by either end is of one and the same class.
    from idp_analytics.publish.zygote import main as serve

    serve(sys.argv[1:])
