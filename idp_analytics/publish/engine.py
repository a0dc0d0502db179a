"""One notebook, run once: parameters in, executed notebook and page out; what went wrong is a value, not an exception."""

from __future__ import annotations

import logging
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any, TypeVar

from idp_analytics.paths import PACKAGE
from idp_analytics.publish import parameters
from idp_analytics.publish.staging import UNWRITABLE

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from idp_analytics.publish.page import Page

KERNEL_DIED = "KernelDied"
TIMEOUT = "TimeLimit"

T = TypeVar("T")

_MESSAGE_LIMIT = 2_000
_QUIET = logging.getLogger("idp_analytics.publish.kernel")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False
_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)


@dataclass(frozen=True)
class Job:
    """One report to make: run ``notebook`` with ``parameters`` and write ``<name>.html`` and ``<name>.ipynb`` in ``folder``
    (``name`` may hold folders; the notebook runs where its page will lie). ``page`` is what the page says about itself,
    ``seconds`` the most the notebook may take, ``library`` the file that holds the chart library."""

    name: str
    notebook: Path
    parameters: Mapping[str, Any]
    folder: Path
    page: Page
    seconds: float = 600.0
    library: Path | None = None

    @property
    def place(self) -> Path:
        """The folder its files go to."""
        return (self.folder / self.name).parent


@dataclass(frozen=True)
class Failure:
    """Why and where a notebook failed. ``error`` is the exception's class, :data:`KERNEL_DIED` or :data:`TIMEOUT`;
    ``heading`` the last heading above the cell, ``cell`` its place in the notebook, from 1 (0: before any ran)."""

    error: str
    message: str
    heading: str = ""
    cell: int = 0

    @property
    def sentence(self) -> str:
        """The failure in one line."""
        where = f" in “{self.heading}”" if self.heading else f" in cell {self.cell}" if self.cell else ""
        return f"{self.error}{where}: {self.message}" if self.message else f"{self.error}{where}"


@dataclass(frozen=True)
class Outcome:
    """How the job of that ``name`` went: no ``failure`` means its report is there. ``seconds``: wall time, for people only."""

    name: str
    failure: Failure | None
    seconds: float


Execute = Callable[[Job], tuple["NotebookNode", Failure | None]]
"""Runs a job's notebook; gives it back executed, with the failure if there was one."""


def make(job: Job, execute: Execute | None = None) -> Outcome:
    """Make one report whole: run, write the executed notebook, write the page.

    A failed notebook is kept as ``<name>.failed.ipynb`` and still gets a page, which says what failed and where and
    shows what had been computed before. Raises ``OSError`` when the folder cannot be written; anything else that goes
    wrong is this report's failure alone.
    """
    from idp_analytics.publish import notebook as notebooks

    start = time.perf_counter()
    notebook, failure = _executed(job, execute or run)
    html = ""
    if failure is None:
        html, failure = _rendered(notebook, job.page, job.library)
    if failure is not None:
        page = job.page.failed(failure, f"{Path(job.name).name}.failed.ipynb")
        html, cannot = _rendered(notebook, page, job.library)
        if cannot:
            html, _ = _rendered(notebooks.blank(), page, None)
    kept = job.folder / f"{job.name}{'.failed' if failure else ''}.ipynb"
    kept.write_text(notebooks.text(notebook), encoding="utf-8")
    (job.folder / f"{job.name}.html").write_text(html, encoding="utf-8")
    return Outcome(job.name, failure, time.perf_counter() - start)


def _executed(job: Job, execute: Execute) -> tuple[NotebookNode, Failure | None]:
    from idp_analytics.publish import notebook as notebooks

    try:
        return execute(job)
    except Exception as error:
        return notebooks.blank(), _told(error)


def _rendered(notebook: NotebookNode, page: Page, library: Path | None) -> tuple[str, Failure | None]:
    from idp_analytics.publish import exporter

    try:
        return exporter.render(notebook, page, library), None
    except Exception as error:
        return "", _told(error)


def _told(error: Exception) -> Failure:
    """The failure of this report alone; a disk that cannot be written is no report's fault and stops the whole run."""
    if isinstance(error, OSError) and error.errno in UNWRITABLE:
        raise error
    return Failure(type(error).__name__, plain(str(error)))


def run(job: Job) -> tuple[NotebookNode, Failure | None]:
    """Run the job's notebook through papermill in a kernel of its own.

    The notebook given back holds nothing that differs from run to run: no times, no paths of this machine, no random
    cell ids. Raises :class:`ReportError` for parameters the notebook does not take.
    """
    import papermill
    from papermill.exceptions import PapermillExecutionError

    from idp_analytics.publish import notebook as notebooks

    source = notebooks.read(job.notebook)
    given = parameters.validate(source, job.parameters, where=job.notebook.name)
    _register()
    with tempfile.TemporaryDirectory(prefix="idp-") as private:
        written = Path(private) / "executed.ipynb"
        with suppress(PapermillExecutionError):  # papermill has written it down; _failure tells it
            papermill.execute_notebook(
                source, str(written), given, engine_name="idp", kernel_name="python3", language="python",
                progress_bar=False, request_save_on_cell_execute=False, autosave_cell_every=0, cwd=job.place,
                private=Path(private), seconds=job.seconds,
            )  # fmt: skip
        executed = _steady(notebooks.read(written), (job.place, job.folder))
    return executed, _failure(executed)


def _register() -> None:
    """Teach papermill the engine ``idp``: its own, with our kernel, a time limit, and deaths written into the notebook."""
    from jupyter_core.utils import run_sync
    from nbclient.exceptions import DeadKernelError
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.engines import Engine, papermill_engines

    from idp_analytics.publish import notebook as notebooks
    from idp_analytics.publish.kernel import ReportKernel

    class ReportEngine(Engine):  # type: ignore[misc]
        @classmethod
        def execute_managed_notebook(
            cls, nb_man: Any, kernel_name: str, private: Path, seconds: float, **_: Any
        ) -> None:
            kernel = ReportKernel(private)
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
                    timeout=None, log=_QUIET,
                )  # fmt: skip
                client.execute(cleanup_kc=True)
            except (DeadKernelError, RuntimeError) as error:
                code = [cell for cell in nb_man.nb.cells if cell.cell_type == "code"]
                begun = [cell for cell in code if cell.metadata.papermill.start_time]
                name, text = (
                    (TIMEOUT, f"took longer than {seconds:g} s and was stopped") if late else _death(kernel, error)
                )
                (begun or code)[-1 if begun else 0].outputs.append(notebooks.error(name, text))
            finally:
                timer.cancel()
                run_sync(kernel.shutdown_kernel)(now=True)

    papermill_engines.register("idp", ReportEngine)


def _death(kernel: Any, error: Exception) -> tuple[str, str]:
    process = getattr(kernel.provisioner, "process", None)
    code = process.poll() if process is not None else None
    if code is None:
        return KERNEL_DIED, f"the kernel did not start or answer ({error})"
    cause = f"signal {-code}" + (" (often: out of memory)" if code == -9 else "") if code < 0 else f"exit code {code}"
    return KERNEL_DIED, f"the kernel ended by itself: {cause}"


def _steady(notebook: NotebookNode, folders: tuple[Path, ...]) -> NotebookNode:
    """The executed notebook without what papermill and the kernel add that differs from run to run; ``folders`` are
    those it ran in."""
    local = _local((*folders, PACKAGE.parent, Path(sys.prefix), Path(sys.base_prefix)))
    kept = []
    for cell in notebook.cells:
        if "papermill-error-cell-tag" in cell.metadata.get("tags", []):
            continue
        told = cell.metadata.pop("papermill", {})
        if told.get("status"):
            cell.metadata["papermill"] = {"status": told["status"], "exception": bool(told.get("exception"))}
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.id = "injected-parameters"
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                output.evalue = local.sub("", output.evalue)
                output.traceback = [local.sub("", line) for line in output.traceback]
        kept.append(cell)
    notebook.cells = kept
    notebook.metadata["papermill"] = {"parameters": notebook.metadata.get("papermill", {}).get("parameters", {})}
    return notebook


def _local(folders: tuple[Path, ...]) -> re.Pattern[str]:
    """Where a path of this machine begins, in full or as IPython shortens it, alone or after a terminal code."""
    home = Path.home()
    starts = [f"{folder}/" for folder in folders]
    starts += [f"~/{folder.relative_to(home)}/" for folder in folders if home in folder.parents]
    paths = "|".join(map(re.escape, sorted(starts, key=len, reverse=True)))
    return re.compile(rf"(?:(?<![\w.~/-])|(?<=[0-9;\[]m))(?:{paths})")


def _failure(notebook: NotebookNode) -> Failure | None:
    """The first error among the outputs. ``SystemExit(0)`` counts: what follows it was not computed."""
    heading = ""
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "markdown":
            heading = ([heading, *_HEADING.findall(cell.source)])[-1]
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                return Failure(output.ename, plain(output.evalue), heading, number)
    return None


def plain(text: str) -> str:
    """An error's text for a page: :func:`visible` and not endless."""
    text = visible(text).strip()
    return text if len(text) <= _MESSAGE_LIMIT else text[:_MESSAGE_LIMIT] + " …"


def visible(text: str) -> str:
    """Text for a page: no terminal codes, no control or direction characters but line ends and tabs."""
    return "".join(c for c in _TERMINAL_CODES.sub("", text) if c in "\n\t" or c.isprintable())
