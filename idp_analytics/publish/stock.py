"""The stock way to run a report: papermill, in an ipykernel of its own. Slow, and the same everywhere."""

from __future__ import annotations

import logging
import math
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any

from idp_analytics.publish import parameters, private_folder
from idp_analytics.publish.engine import KERNEL_DIED, TIMEOUT, Failure, Job, death, failure_in, lateness, steady

if TYPE_CHECKING:
    from nbformat import NotebookNode

_NAME = "idp-stock"
_QUIET = logging.getLogger("idp_analytics.publish.kernel")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False


def run(job: Job) -> tuple[NotebookNode, Failure | None]:
    """Run the job's notebook through papermill in a kernel of its own.

    The notebook given back holds nothing that differs from run to run (:func:`steady`). Raises :class:`ReportError` for
    parameters the notebook does not take.
    """
    import papermill
    from papermill.exceptions import PapermillExecutionError

    from idp_analytics.publish import notebook as notebooks

    source = notebooks.read(job.notebook)
    given = parameters.validate(source, job.parameters, where=job.notebook.name)
    _register()
    with private_folder.made() as private:
        written = private / "executed.ipynb"
        with suppress(PapermillExecutionError):  # papermill has written it down; failure_in tells it
            papermill.execute_notebook(
                source, str(written), given, engine_name=_NAME, kernel_name="python3", language="python",
                progress_bar=False, request_save_on_cell_execute=False, autosave_cell_every=0, cwd=job.place,
                private=private, seconds=job.seconds, memory=job.memory,
            )  # fmt: skip
        executed = steady(notebooks.read(written), job)
    return executed, failure_in(executed)


def _register() -> None:
    """Teach papermill an engine: its own, with our kernel, limits of time and memory, and deaths written into the notebook."""
    from jupyter_core.utils import run_sync
    from nbclient.exceptions import DeadKernelError
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.engines import Engine, papermill_engines

    from idp_analytics.publish import notebook as notebooks
    from idp_analytics.publish.kernel import ReportKernel

    class ReportEngine(Engine):  # type: ignore[misc]
        @classmethod
        def execute_managed_notebook(
            cls, nb_man: Any, kernel_name: str, private: Path, seconds: float, memory: int, **_: Any
        ) -> None:
            kernel = ReportKernel(private, memory)
            late: list[bool] = []

            def end() -> None:
                late.append(True)
                kernel.kill()

            timer = Timer(seconds, end)
            timer.daemon = True
            timer.start()
            try:
                client = PapermillNotebookClient(
                    nb_man, km=kernel, kernel_name=kernel_name, record_timing=False, shutdown_kernel="immediate",
                    timeout=None, iopub_timeout=math.ceil(seconds), log=_QUIET,
                )  # fmt: skip
                client.execute(cleanup_kc=True)
            except (DeadKernelError, RuntimeError) as error:
                code = [cell for cell in nb_man.nb.cells if cell.cell_type == "code"]
                begun = [cell for cell in code if cell.metadata.papermill.start_time]
                stopped = (begun or code)[-1 if begun else 0]
                name, text = (TIMEOUT, lateness(seconds)) if late else (KERNEL_DIED, _death(kernel, error))
                stopped.outputs.append(notebooks.error(name, text))
                nb_man.cell_exception(stopped)
            finally:
                timer.cancel()
                run_sync(kernel.shutdown_kernel)(now=True)

    papermill_engines.register(_NAME, ReportEngine)


def _death(kernel: Any, error: Exception) -> str:
    process = getattr(kernel.provisioner, "process", None)
    code = process.poll() if process is not None else None
    return f"the kernel did not start or answer ({error})" if code is None else death(code)
