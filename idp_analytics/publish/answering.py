"""A notebook that only asks (:mod:`.asking`), answered without a shell: its statements run as the Python they are, and what they give is
shown as IPython shows it.

Here stands only what goes well. Whatever else happens, an exception, a word on a stream, a value that is no part of a report, is raised:
how a notebook fails and what it says besides is told by a kernel's own shell (:mod:`.inprocess`), which the report is then given to.
"""

from __future__ import annotations

import ast
import io
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import CodeType
from typing import TYPE_CHECKING, Any

from IPython.core.displayhook import DisplayHook

from idp_analytics.errors import ReportError
from idp_analytics.publish.asking import CELLS
from idp_analytics.publish.inprocess import is_run, shell
from idp_analytics.publish.notebook import COMPLETED
from idp_analytics.report.section import Brief, Cards, Section

if TYPE_CHECKING:
    from nbformat import NotebookNode


def fill(notebook: NotebookNode) -> None:
    """Run the code of its cells, in their order, and write what they show into it.

    Raises what a cell raises, and :class:`ReportError` for what only a shell can show. What the cells name ends with them.
    """
    names: dict[str, Any] = {}
    count = 0
    with _silent():
        for cell in notebook["cells"]:
            if is_run(cell):
                count += 1
                cell["execution_count"] = count
                cell["outputs"] = _shown(_ran(cell["source"], names), count)
            cell["metadata"]["papermill"] = {"status": COMPLETED, "exception": False}


def _ran(source: str, names: dict[str, Any]) -> Any:
    """The value of the last statement of a cell, where it is shown; else None."""
    before, last = _compiled(source)
    exec(before, names)  # noqa: S102 it only asks
    return None if last is None else eval(last, names)  # noqa: S307 it only asks


@lru_cache(CELLS)
def _compiled(source: str) -> tuple[CodeType, CodeType | None]:
    """A cell up to its last expression, and that, if the cell ends with one and without a semicolon."""
    cell = shell().transform_cell(source)
    match ast.parse(cell).body:
        case [*before, ast.Expr(value=shown)] if not DisplayHook.semicolon_at_end_of_expression(cell):  # type: ignore[no-untyped-call]
            return compile(ast.Module(before, []), "<cell>", "exec"), compile(ast.Expression(shown), "<cell>", "eval")
        case statements:
            return compile(ast.Module(statements, []), "<cell>", "exec"), None


def _shown(value: Any, count: int) -> list[dict[str, Any]]:
    """The outputs of a cell, the ``count``-th that is run, whose last statement gives ``value``."""
    match value:
        case None:
            return []
        case Section():
            return [{"output_type": "display_data", "data": data, "metadata": {}} for data in value.outputs()]
        case Brief() | Cards():
            data = value._repr_mimebundle_()
            return [{"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": count}]
    raise ReportError(f"A cell gives something of the class {type(value).__name__}, which is no part of a report.")


@contextmanager
def _silent() -> Iterator[None]:
    """Raises :class:`ReportError` at the end if anything was said on standard output or error, by Python or below it. What Python warns of
    only once is forgotten before."""
    streams, said = (sys.stdout, sys.stderr), io.StringIO()
    files, below = {number: os.dup(number) for number in (1, 2)}, os.memfd_create("said")
    try:
        for number in files:
            os.dup2(below, number)
        sys.stdout = sys.stderr = said
        with warnings.catch_warnings():
            yield
        if said.tell() or os.fstat(below).st_size:
            raise ReportError("A cell says something besides the answers.")
    finally:
        sys.stdout, sys.stderr = streams
        for number, file in files.items():
            os.dup2(file, number)
            os.close(file)
        os.close(below)
