"""What the processes that are forked for reports do: run the cells of one, or be a *maker* of many pages, one after the other.

Cells write what they say to a journal; a maker makes the executed notebook and the page from that, or runs the cells itself where a notebook
:func:`only asks <asking.only_asks>`. :mod:`.forked` gives them their work.
"""

from __future__ import annotations

import ctypes
import gc
import io
import json
import os
import pickle
import resource as limits
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idp_analytics.errors import ReportError
from idp_analytics.paths import resource
from idp_analytics.publish.asking import only_asks
from idp_analytics.publish.engine import MOST_SHOWN, Failure, Job, Outcome, TooMuchShownError, copiousness, make

if TYPE_CHECKING:
    from io import FileIO

    from nbformat import NotebookNode

    from idp_analytics.publish.inprocess import Record

_GARBAGE = 50_000
"""So many objects more than are gone are looked through for garbage, where Python would do it every 700: a report lives for a moment."""

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
"""Of ``mallopt`` (glibc's ``malloc.h``): from which size on memory comes straight from the system, and how much unused is given back."""

Asked = tuple[Job, Path | None, Failure | None]
"""What a maker is told: of which job it is to make the page, where the journal of its cells lies (None: they have not been run), and why they
ended before their end, if they did."""


def prepare() -> None:
    """Import all that a report needs, and make what every report makes. Nothing here may run a Polars query."""
    from idp_analytics.publish.kernel import forgo_slow_imports

    forgo_slow_imports()
    import papermill.translators  # noqa: F401

    import idp_analytics.publish.answering
    import idp_analytics.publish.parameters
    import idp_analytics.report.reports  # noqa: F401
    from idp_analytics.charts import chart
    from idp_analytics.publish import exporter, inprocess, notebook, page
    from idp_analytics.report import html

    # What is made at the first cell is made here, and none is counted.
    inprocess.shell().run_cell("None", silent=True)  # type: ignore[no-untyped-call]
    inprocess.shell().display_formatter.format(None)  # type: ignore[union-attr]
    exporter.render(notebook.blank(), page.Page())
    for path in sorted(resource("notebooks").glob("*.ipynb")):
        kept = notebook.template(path)
        exporter.prepare(kept)
        inprocess.prepare(notebook.parameterized(kept, {"period": ""}).cells)
    html.prepare()
    chart.prepare()


def ran(job: Job, journal: Path) -> None:
    """Run the job's cells in this process, which must be there for nothing else."""
    from idp_analytics.publish import inprocess

    gc.set_threshold(_GARBAGE)
    notebook = _opened(job)
    with journal.open("ab", buffering=0) as file:
        noting = _Noting(file)
        inprocess.run(notebook.cells, noting)
    if noting.is_full:  # a cell has caught it
        raise TooMuchShownError(copiousness())


class _Noting:
    """Writes records down. Raises :class:`TooMuchShownError`, in the cell that shows it, where that is more than may be shown; ``is_full`` then."""

    def __init__(self, file: FileIO) -> None:
        self.file, self.is_full = file, False

    def __call__(self, record: Record) -> None:
        told = io.BytesIO()
        _Pickler(told, pickle.HIGHEST_PROTOCOL).dump((type(record).__name__, *record))
        data = told.getbuffer()
        if getattr(record, "kind", "error") != "error" and self.file.tell() + len(data) > MOST_SHOWN:
            self.is_full = True
            raise TooMuchShownError(copiousness())
        self.file.write(data)


class _Pickler(pickle.Pickler):
    """Takes what cells show as a kernel sends it: as JSON has it. What JSON has not raises ``TypeError``, in the cell that shows it."""

    def reducer_override(self, value: Any) -> Any:
        if value is as_it_is:
            return NotImplemented
        from jupyter_client.jsonutil import json_default

        return as_it_is, (json.loads(json.dumps(value, default=json_default)),)


class _Unpickler(pickle.Unpickler):
    """Makes nothing but plain values: a maker runs no code that a cell has put into its journal."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == (as_it_is.__module__, as_it_is.__name__):
            return as_it_is
        raise ReportError(
            f"A cell shows something of {module}.{name}, which no notebook can hold. Show text, numbers, lists or dictionaries."
        )


def as_it_is(value: Any) -> Any:
    """The value."""
    return value


def pages(tell: Callable[[Outcome], None], hear: Callable[[], Asked]) -> None:
    """Be a maker: make one page after the other from what the cells said, each with why they ended before their end, if they did; or
    run them, where they have not been."""
    gc.set_threshold(_GARBAGE)
    _keep_memory()
    with suppress(EOFError):
        while True:
            job, journal, why = hear()
            os.chdir(job.place)
            signal.setitimer(signal.ITIMER_REAL, job.seconds)  # ends this process, whatever it is at
            execute = _whole if journal is None else partial(_read, journal=journal, why=why)
            outcome = make(job, execute)
            signal.setitimer(signal.ITIMER_REAL, 0)
            tell(outcome)


def _keep_memory() -> None:
    """What one page has needed is kept for the next, not given back: to be given each 4 KiB anew takes longer than much of a page."""
    allocator = ctypes.CDLL(None)
    if hasattr(allocator, "mallopt"):  # glibc
        allocator.mallopt(_MMAP_THRESHOLD, 1 << 26)
        allocator.mallopt(_TRIM_THRESHOLD, 1 << 29)


def _whole(job: Job) -> tuple[NotebookNode, None]:
    """The notebook of the job, its cells run here and now; raises whatever goes otherwise than well."""
    from idp_analytics.publish import answering

    notebook = _opened(job)
    if not only_asks(_code(notebook)):
        raise ReportError(f"{job.notebook.name}: this notebook does more than ask for sections of a report.")
    with _at_most(job.memory):
        answering.fill(notebook)
    return notebook, None


@contextmanager
def _at_most(memory: int) -> Iterator[None]:
    """No more than so many bytes of data for the while."""
    before = limits.getrlimit(limits.RLIMIT_DATA)
    limits.setrlimit(limits.RLIMIT_DATA, (memory, before[1]))
    try:
        yield
    finally:
        limits.setrlimit(limits.RLIMIT_DATA, before)


def _read(job: Job, journal: Path, why: Failure | None) -> tuple[NotebookNode, Failure | None]:
    from idp_analytics.publish import inprocess
    from idp_analytics.publish.engine import failure_in, steady
    from idp_analytics.publish.notebook import Filling

    notebook = _opened(job)
    filling = Filling(notebook)
    kinds = {kind.__name__: kind for kind in (inprocess.Begun, inprocess.Said, inprocess.Done)}
    # No journal: it ended before it began. An end of the file in the middle of a record: it was being written then.
    with suppress(FileNotFoundError, EOFError, pickle.UnpicklingError), journal.open("rb") as file:
        while True:
            kind, *told = _Unpickler(file).load()
            filling(kinds[kind](*told))
    if why is not None:
        filling.stopped(why.error, why.message)
    made = steady(notebook, job)
    return made, failure_in(made)


def _opened(job: Job) -> NotebookNode:
    from idp_analytics.publish import inprocess, parameters
    from idp_analytics.publish import notebook as notebooks

    source = notebooks.template(job.notebook)
    given = parameters.validate(source, job.parameters, where=job.notebook.name)
    notebook = notebooks.parameterized(source, given)
    notebook.metadata["language_info"] = dict(inprocess.LANGUAGE)
    return notebook


def _code(notebook: NotebookNode) -> list[str]:
    return [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
