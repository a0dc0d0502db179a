"""A notebook's kernel: this interpreter, a clean environment, nothing kept from the user's own IPython.

As a module (``python -m idp_analytics.publish.kernel -f FILE``) it is the kernel process; :class:`ReportKernel` starts it.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from idp_analytics.paths import PACKAGE

KEPT = ("PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "VIRTUAL_ENV", "PYTHONPATH")
"""What a report may see of the environment. Keys and tokens (``IDP_PEOPLE_KEY``, ``GITHUB_TOKEN``, …) are not in it."""

SET = {
    "PYTHONHASHSEED": "0",  # same inputs, same bytes
    "OPENBLAS_NUM_THREADS": "1",  # W kernels at a time, each on one core
    "OMP_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
    "PYTHONWARNINGS": "ignore",
}

SOCKET_PATH_LIMIT = 90
"""Characters of a socket's path that every system takes, with some for a number at its end."""


def environment(private: Path) -> dict[str, str]:
    """The environment of a report's kernel; ``private`` takes what Jupyter and IPython write."""
    kept = {name: value for name, value in os.environ.items() if name in KEPT or name.startswith("LC_")}
    if (PACKAGE.parent / "pyproject.toml").is_file():  # a checkout: the kernel is to run this code, installed or not
        kept["PYTHONPATH"] = os.pathsep.join(filter(None, (str(PACKAGE.parent), kept.get("PYTHONPATH"))))
    return {**kept, **SET, "IPYTHONDIR": str(private / "ipython"), "JUPYTER_RUNTIME_DIR": str(private)}


class ReportKernel(AsyncKernelManager):
    """The stock ``python3`` kernel of this very interpreter, over sockets in ``private`` rather than open ports; with at most ``memory``
    bytes of data, and of each file it writes, where the system can set a limit to another process (Linux)."""

    def __init__(self, private: Path, memory: int | None = None, **traits: Any) -> None:
        super().__init__(kernel_name="python3", **traits)
        self.private = private
        self.memory = memory
        if sys.platform != "win32" and len(str(private)) < SOCKET_PATH_LIMIT:
            self.transport = "ipc"
        self.connection_file = str(private / "kernel.json")

    @property
    def kernel_spec(self) -> KernelSpec:
        """Never one a user has installed under the same name for another interpreter."""
        argv = [sys.executable, "-m", __name__, "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")

    async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]
        """Start it with the clean environment; what it prints outside cells is not for the terminal."""
        await super().start_kernel(
            **{**options, "env": environment(self.private), "stdout": DEVNULL, "stderr": DEVNULL}
        )
        process = getattr(self.provisioner, "process", None)
        if self.memory is not None and process is not None and sys.platform == "linux":
            import resource

            with suppress(ProcessLookupError):  # it has ended already, which is told where it is waited for
                for limit in (resource.RLIMIT_DATA, resource.RLIMIT_FSIZE):
                    resource.prlimit(process.pid, limit, (self.memory, self.memory))

    def kill(self) -> None:
        """End the kernel at once, from any thread, with whatever processes its cells started."""
        process = getattr(self.provisioner, "process", None)
        if process is None or process.poll() is not None:
            return
        group = getattr(self.provisioner, "pgid", None)
        if group:
            os.killpg(group, 9)
        else:
            process.kill()


def forgo_slow_imports() -> None:
    """Save each process a second: ``rfc3987_syntax`` builds a grammar at import that only jsonschema's ``iri`` check
    uses, and jsonschema does without it; a report is not debugged, so neither is ``debugpy`` needed."""
    for name in ("rfc3987_syntax", "debugpy"):
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]


def main() -> None:
    """Be the kernel."""
    forgo_slow_imports()
    if sys.path and Path(sys.path[0] or ".").resolve() == Path.cwd():
        del sys.path[0]
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()


if __name__ == "__main__":
    main()
