"""A kernel in half a second: a fork of one process per user that has imported everything already and stays a while.

The first kernel starts that process (:func:`client`), the next find it at its socket in Jupyter's runtime folder, which is the
user's alone. It ends when it has had nothing to do for :data:`IDLE` seconds. Other code, another interpreter, libraries that were installed or
removed since, or other variables that Python itself reads at its start get a process of their own, so nothing stale is ever forked.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from filelock import FileLock
from jupyter_core.paths import jupyter_runtime_dir

from idp_analytics.paths import PACKAGE
from idp_analytics.publish import zygote
from idp_analytics.publish.kernel import SOCKET_PATH_LIMIT, environment
from idp_analytics.publish.workers import FORKS

IDLE = 900
"""Seconds the process waits for another kernel before it ends."""

PATIENCE = 60.0
"""Seconds a kernel may take to be there, the imports of the first one in them."""

_PREPARED = "idp_analytics.publish.warm"
_OF_REPORTS_ONLY = ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "PYTHONHASHSEED", "PYTHONPATH", "PYTHONWARNINGS")

_begun: list[zygote.Client] = []  # so that nobody waits for those that go on when we end


class Forked:
    """A kernel as a fork: what of :class:`subprocess.Popen` jupyter_client uses."""

    stdin = stdout = stderr = None

    def __init__(self, child: zygote.Child, pid: int) -> None:
        self.child, self.pid = child, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """How it ended, as :attr:`subprocess.Popen.returncode`; None as long as it runs."""
        while self.returncode is None and self.child.connection.poll():
            self._hear()
        return self.returncode

    def wait(self) -> int:
        """How it ended, waited for."""
        while self.returncode is None:
            self._hear()
        return self.returncode

    def _hear(self) -> None:
        message = self.child.message()
        if message is None:  # with the process it was forked from
            self.returncode = -signal.SIGKILL
        elif isinstance(message, zygote.Ended):
            self.returncode = message.code
        if self.returncode is not None:
            self.child.close()

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it is gone: its number may be another's then."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


def kernel(arguments: Sequence[str], variables: Mapping[str, str], folder: Path) -> Forked | None:
    """A kernel that ipykernel's ``arguments`` describe, in ``folder`` with these environment ``variables``; it ends when this
    process does. None where there can be none: the system cannot fork, or the process to fork from did not start."""
    task = zygote.Task(_be_kernel, (tuple(arguments),), folder, variables)
    for _ in range(2):  # the process found may just be ending, having waited long enough
        made = client()
        if made is None:
            return None
        try:
            child = made.call(task)
        except OSError:
            continue
        if child.connection.poll(PATIENCE) and isinstance(message := child.message(), zygote.Started):
            return Forked(child, message.pid)
        child.close()
    return None


def client() -> zygote.Client | None:
    """The process to fork from, started if it is not there; None where the system cannot fork or its socket's path is too long."""
    variables = {name: value for name, value in environment(Path()).items() if name not in _OF_REPORTS_ONLY}
    variables |= {name: value for name, value in os.environ.items() if name.startswith("PYTHON")}
    folder = Path(jupyter_runtime_dir())
    path = folder / f"idp-{_key(variables)}"
    if not FORKS or len(str(path)) > SOCKET_PATH_LIMIT:
        return None
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        found = zygote.Client(path)
        if not found.answers():
            path.unlink(missing_ok=True)
            found = zygote.Client.leave(path, [_PREPARED], variables, IDLE)
            _begun.append(found)
    return found


def _key(variables: Mapping[str, str]) -> str:
    """One name for all that a fork takes over: interpreter, environment at its start, code, and libraries, by when the folders they are
    installed in have changed."""
    of_python = sorted((name, value) for name, value in variables.items() if name.startswith("PYTHON"))
    code = sorted((str(path), path.stat().st_mtime_ns) for path in PACKAGE.rglob("*.py"))
    folders = {path for path in map(Path, sys.path) if _holds_libraries(path) and path.is_dir()}
    libraries = sorted((str(path), path.stat().st_mtime_ns) for path in folders)
    return hashlib.sha256(repr((sys.executable, sys.version, of_python, code, libraries)).encode()).hexdigest()[:16]


def _holds_libraries(path: Path) -> bool:
    return path.name in ("site-packages", "dist-packages")


# --- in the process that stays, and in its children ----------------------------------------------------------------------


def prepare() -> None:
    """Import what a kernel and the notebooks of the kit need. Nothing here may run a Polars query."""
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # a second for a check nobody asks for
    import altair  # noqa: F401
    import ipykernel.debugger
    import ipykernel.kernelapp  # noqa: F401
    import pandas as pd  # noqa: F401
    import statsmodels.api  # noqa: F401

    import idp_analytics.organisation
    import idp_analytics.report.reports  # noqa: F401


def _be_kernel(arguments: Sequence[str]) -> None:
    """Be a kernel until it is told to end."""
    from ipykernel.kernelapp import IPKernelApp

    os.environ["JPY_PARENT_PID"] = str(os.getppid())
    sys.argv = ["ipykernel_launcher", *arguments]
    if not os.environ.get("PYTHONSAFEPATH"):  # where IPython puts it, unless Python was started as the zygote is
        folders = [_holds_libraries(Path(entry)) for entry in sys.path]
        sys.path.insert(folders.index(True) if True in folders else len(folders), "")
    try:
        IPKernelApp.launch_instance(argv=list(arguments))
    finally:
        atexit._run_exitfuncs()  # a fork ends without: what a notebook has put there, and the history of its cells
