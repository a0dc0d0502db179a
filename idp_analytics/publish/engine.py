"""One report: a notebook with parameters in, executed notebook and page out; what went wrong is a value, not an exception."""

from __future__ import annotations

import hashlib
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idp_analytics.errors import ReportError
from idp_analytics.paths import PACKAGE, UNWRITABLE

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from idp_analytics.publish.page import Page, Shared

KERNEL_DIED = "KernelDied"
TIMEOUT = "TimeLimit"
UNTOLD = "CellFailed"
"""How a report fails where a cell raised something and, having changed what tells of it, no kernel could say what."""

MOST_SHOWN = 100_000_000
"""Characters that a notebook may hold when it has been run, seventy times what the kit's hold of the sample; no browser opens more, and one
that says something for ever would fill the disk."""

FAILED = "failed"
"""How a cell went that raised, in papermill's words."""

_MESSAGE_LIMIT = 2_000
_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)


@dataclass(frozen=True)
class Job:
    """One report to make: run ``notebook`` with ``parameters`` and write ``<name>.html`` and ``<name>.ipynb`` in ``folder``
    (``name`` may hold folders; the notebook runs where its page will lie). ``page`` is what the page says about itself,
    ``seconds`` and ``memory`` (bytes of data, and of each file it writes; where the system can) the most the notebook may take, ``shared`` what the page refers to
    instead of having it in itself."""

    name: str
    notebook: Path
    parameters: Mapping[str, Any]
    folder: Path
    page: Page
    seconds: float = 600.0
    shared: Shared | None = None
    memory: int = 2 << 30

    @property
    def place(self) -> Path:
        """The folder its files go to."""
        return (self.folder / self.name).parent


@dataclass(frozen=True)
class Failure:
    """Why and where a notebook failed. ``error`` is the exception's class, :data:`KERNEL_DIED`, :data:`TIMEOUT`, :data:`UNTOLD` or
    :class:`TooMuchShownError`;
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
    """How the job of that ``name`` went: no ``failure`` means its report is there. ``seconds``: wall time, for people only.
    ``files``: what was written below the job's folder → its SHA-256."""

    name: str
    failure: Failure | None
    seconds: float
    files: Mapping[str, str] = field(default_factory=dict)


class TooMuchShownError(ReportError):
    """A notebook shows more than :data:`MOST_SHOWN` (:func:`copiousness`)."""


Execute = Callable[[Job], tuple["NotebookNode", Failure | None]]
"""Runs a job's notebook; gives it back executed, with the failure if there was one."""


def make(job: Job, execute: Execute | None = None) -> Outcome:
    """Make one report whole: run, write the executed notebook, write the page.

    A failed notebook is kept as ``<name>.failed.ipynb`` and still gets a page, which says what failed and where and
    shows what had been computed before. Raises ``OSError`` when the folder cannot be written; anything else that goes
    wrong is this report's failure alone.
    """
    from idp_analytics.publish import notebook as notebooks
    from idp_analytics.publish.stock import run

    start = time.perf_counter()
    notebook, failure = _executed(job, execute or run)
    try:
        kept_text = notebooks.text(notebook)
    except (TypeError, ValueError) as error:  # something that JSON has not is shown in it
        notebook, failure = notebooks.blank(), told_of(error)
        kept_text = notebooks.text(notebook)
    if len(kept_text) > MOST_SHOWN:
        notebooks.shorten(notebook, MOST_SHOWN, notebooks.error(TooMuchShownError.__name__, copiousness()))
        failure = failure or failure_in(notebook)
        kept_text = notebooks.text(notebook)
    html = ""
    if failure is None:
        html, failure = _rendered(notebook, job.page, job.shared)
    if failure is not None:
        page = job.page.failed(failure, f"{Path(job.name).name}.failed.ipynb")
        html, cannot = _rendered(notebook, page, job.shared)
        if cannot:
            html, _ = _rendered(notebooks.blank(), page, None)
    kept, other = f"{job.name}.ipynb", f"{job.name}.failed.ipynb"
    if failure is not None:
        kept, other = other, kept
    (job.folder / other).unlink(missing_ok=True)  # of a try before
    files = {}
    for name, text in ((kept, kept_text), (f"{job.name}.html", html)):
        written = text.encode()
        (job.folder / name).write_bytes(written)
        files[name] = hashlib.sha256(written).hexdigest()
    return Outcome(job.name, failure, time.perf_counter() - start, files)


def left(job: Job, failure: Failure) -> Outcome:
    """What is left of a report whose process died before it could write anything: its notebook as it was to be run, with ``failure`` at
    its first cell, and the page that says so. Raises as :func:`make`."""
    from idp_analytics.publish import notebook as notebooks

    def untouched(_: Job) -> tuple[NotebookNode, Failure]:
        notebook = notebooks.parameterized(notebooks.template(job.notebook), job.parameters)
        notebooks.Filling(notebook).stopped(failure.error, failure.message)
        return steady(notebook, job), failure

    return make(job, untouched)


def _executed(job: Job, execute: Execute) -> tuple[NotebookNode, Failure | None]:
    from idp_analytics.publish import notebook as notebooks

    try:
        return execute(job)
    except Exception as error:
        return notebooks.blank(), told_of(error)


def _rendered(notebook: NotebookNode, page: Page, shared: Shared | None) -> tuple[str, Failure | None]:
    from idp_analytics.publish import exporter

    try:
        return exporter.render(notebook, page, shared=shared), None
    except Exception as error:
        return "", told_of(error)


def told_of(error: Exception) -> Failure:
    """The failure of this report alone; a disk that cannot be written is no report's fault and stops the whole run."""
    if isinstance(error, OSError) and error.errno in UNWRITABLE:
        raise error
    return Failure(type(error).__name__, plain(str(error)))


def steady(notebook: NotebookNode, job: Job) -> NotebookNode:
    """The executed notebook without what papermill and the kernel add that differs from run to run: no times, no paths of this
    machine, no random cell ids, no streams cut by the clock."""
    from idp_analytics.publish import notebook as notebooks

    local = _local((job.place, job.folder, PACKAGE.parent, Path(sys.prefix), Path(sys.base_prefix)))
    kept = []
    for cell in notebook.cells:
        if "papermill-error-cell-tag" in cell.metadata.get("tags", []):
            continue
        told = cell.metadata.pop("papermill", {})
        if told.get("status"):
            cell.metadata["papermill"] = {"status": told["status"], "exception": bool(told.get("exception"))}
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.id = "injected-parameters"
        if cell.cell_type == "code":
            cell.outputs = notebooks.joined(cell.outputs)
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                output["evalue"] = local.sub("", output["evalue"])
                output["traceback"] = [local.sub("", line) for line in output["traceback"]]
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


def failure_in(notebook: NotebookNode) -> Failure | None:
    """The first error among the outputs, or the cell that failed and shows none (:data:`UNTOLD`). ``SystemExit(0)`` counts: what follows it
    was not computed."""
    heading = ""
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "markdown":
            heading = ([heading, *_HEADING.findall(cell.source)])[-1]
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                return Failure(output["ename"], plain(output["evalue"]), heading, number)
        if cell.metadata.get("papermill", {}).get("status") == FAILED:
            return Failure(UNTOLD, _last_words(cell), heading, number)
    return None


def _last_words(cell: NotebookNode) -> str:
    """The end of what a cell said on standard error, where Python itself tells what was raised if nobody else can."""
    said = "".join(output["text"] for output in cell.get("outputs", []) if output.get("name") == "stderr")
    return plain(said.strip().rpartition("\n")[2]) or "the cell raised something that could not be shown"


def death(code: int) -> str:
    """What is said of a kernel that is gone; ``code`` as :attr:`subprocess.Popen.returncode`."""
    cause = f"signal {-code}" + (" (often: out of memory)" if code == -9 else "") if code < 0 else f"exit code {code}"
    return f"the kernel ended by itself: {cause}"


def lateness(seconds: float) -> str:
    """What is said of a notebook that took too long."""
    return f"took longer than {seconds:g} s and was stopped"


def copiousness() -> str:
    """What is said of a notebook that shows more than :data:`MOST_SHOWN`."""
    return f"a notebook may show {MOST_SHOWN // 1_000_000:,} MB and this one shows more; print less, or show a part of the table"


def plain(text: str) -> str:
    """An error's text for a page: :func:`visible` and not endless."""
    text = visible(text).strip()
    return text if len(text) <= _MESSAGE_LIMIT else text[:_MESSAGE_LIMIT] + " …"


def visible(text: str) -> str:
    """Text for a page: no terminal codes, no control or direction characters but line ends and tabs."""
    text = _TERMINAL_CODES.sub("", text)
    if "".join(text.split("\n")).isprintable():
        return text
    return "".join(c for c in text if c in "\n\t" or c.isprintable())
