"""Warm kernels for everybody who starts kernels: as a provisioner of jupyter_client (JupyterLab, nbval, nbclient by the kernel
``idp``), and as an engine of papermill (``papermill --engine idp``). Both are found by entry point.

The kernel is ipykernel itself, only forked (:mod:`.warm`) rather than started, so what it says is what the stock kernel says. Where
nothing can be forked it is started.
"""

from __future__ import annotations

import asyncio
import os
import sys
from itertools import count
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from jupyter_core.paths import jupyter_runtime_dir
from traitlets import default

from idp_analytics.errors import ReportError
from idp_analytics.publish import parameters, warm
from idp_analytics.publish.kernel import SOCKET_PATH_LIMIT

PROVISIONER = "idp-fork"
_LAUNCHER = ["-m", "ipykernel_launcher"]
_numbers = count(1)


class ForkProvisioner(LocalProvisioner):
    """Forks kernels of this interpreter; all others, and all where nothing can be forked, are started as ever."""

    async def launch_kernel(self, cmd: list[str], **options: Any) -> KernelConnectionInfo:
        """Fork the kernel that ``cmd`` would start."""
        forked = None
        if cmd[0] == sys.executable and cmd[1:3] == _LAUNCHER and not options.get("independent"):
            folder = Path(options.get("cwd") or Path.cwd())
            forked = await asyncio.to_thread(warm.kernel, cmd[3:], options.get("env", os.environ), folder)
        if forked is None:
            return await super().launch_kernel(cmd, **options)
        self.process = forked  # type: ignore[assignment]  # of a Popen only what there is of it is used
        self.pid, self.pgid, self.cwd = forked.pid, forked.pid, folder
        return self.connection_info

    async def send_signal(self, signum: int) -> None:
        """Send its group a signal, unless it is gone: its number may be another's then."""
        if self.process is not None and self.process.poll() is None:
            await super().send_signal(signum)


class WarmKernel(AsyncKernelManager):
    """Manages a forked kernel of this very interpreter, whether or not the kernel ``idp`` is installed, over sockets rather than
    ports: many can be started at once."""

    @default("connection_file")
    def _connection_file_default(self) -> str:
        return str(Path(jupyter_runtime_dir()) / f"idp-{os.getpid()}-{next(_numbers)}.json")

    @default("transport")
    def _transport_default(self) -> str:
        return "ipc" if sys.platform != "win32" and len(self.connection_file) < SOCKET_PATH_LIMIT else "tcp"

    @property
    def kernel_spec(self) -> KernelSpec:
        """What ``kernelspec/idp`` says."""
        return KernelSpec(
            argv=[sys.executable, *_LAUNCHER, "-f", "{connection_file}"], display_name="Python 3", language="python",
            metadata={"kernel_provisioner": {"provisioner_name": PROVISIONER}},
        )  # fmt: skip


class PapermillEngine:
    """papermill's own engine with a :class:`WarmKernel`.

    No subclass of it, since papermill imports this module while it is being imported.
    """

    @classmethod
    def execute_notebook(cls, nb: Any, kernel_name: str, **options: Any) -> Any:
        """The notebook, executed. Raises :class:`ReportError` for one that is not in Python, and for parameters that one which declares its own
        (:mod:`.parameters`) does not take: papermill would go on with the defaults."""
        from papermill.engines import NBClientEngine

        language = nb.metadata.get("kernelspec", {}).get("language", "python")
        if language != "python":
            raise ReportError(
                f"The engine idp runs notebooks in python and this one is in {language}. Leave --engine out."
            )
        if nb.metadata.get("idp", {}).get("parameters"):
            parameters.validate(nb, nb.metadata.get("papermill", {}).get("parameters", {}), where="The notebook")
        return NBClientEngine.execute_notebook(nb, kernel_name, kernel_manager_class=WarmKernel, **options)

    @staticmethod
    def nb_kernel_name(nb: Any, name: str | None = None) -> str:
        """The kernel the notebook names."""
        from papermill.utils import nb_kernel_name

        return str(nb_kernel_name(nb, name))

    @staticmethod
    def nb_language(nb: Any, language: str | None = None) -> str:
        """The language the notebook names."""
        from papermill.utils import nb_language

        return str(nb_language(nb, language))
