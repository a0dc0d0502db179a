"""Notebooks as values: read, given parameters, filled with what their cells said, written. nbformat has no types; what is
untyped stays here."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_notebook, new_output

from idp_analytics.publish import json_text
from idp_analytics.publish.engine import FAILED

if TYPE_CHECKING:
    from idp_analytics.publish.inprocess import Record

INJECTED = "injected-parameters"
"""The tag and the id of papermill's cell that sets the parameters."""

PENDING, COMPLETED = "pending", "completed"
"""How a cell went that raised nothing, in papermill's words."""


def read(path: Path) -> NotebookNode:
    """The notebook in a file, as version 4."""
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call,no-any-return]


@cache
def _kept(path: Path, _: int) -> NotebookNode:
    found = read(path)
    if (found.nbformat, found.nbformat_minor) < (4, 5):  # as papermill does: its cell has an id, so all need one
        found = nbformat.v4.upgrade(found)  # type: ignore[no-untyped-call]
    return found


def template(path: Path) -> NotebookNode:
    """The notebook in a file, read once as long as the file stays as it is; nobody may change what is given back."""
    return _kept(path, path.stat().st_mtime_ns)


def blank() -> NotebookNode:
    """A notebook without cells."""
    return new_notebook()  # type: ignore[no-untyped-call,no-any-return]


def text(notebook: NotebookNode) -> str:
    """A notebook as the text of its file, a line per cell: the same notebook gives the same bytes."""
    about = {name: value for name, value in notebook.items() if name != "cells"}
    cells = ",\n".join(map(json_text.line, notebook["cells"]))
    return f'{{"cells": [\n{cells}\n],\n{json_text.line(about)[1:-1]}}}\n'


def error(name: str, message: str) -> NotebookNode:
    """The output of a cell that failed."""
    return new_output("error", ename=name, evalue=message, traceback=[])  # type: ignore[no-untyped-call,no-any-return]


def parameterized(source: NotebookNode, given: Mapping[str, Any]) -> NotebookNode:
    """A copy of the notebook with papermill's cell that sets the parameters, and papermill's metadata, ready to be run."""
    from papermill.translators import papermill_translators

    made = copy.copy(source)
    made.metadata = _node(**{**source.metadata, "papermill": _node(parameters={})})
    made.cells = [_fresh(cell) for cell in source.cells]
    if given:  # papermill puts no cell where there is nothing to set
        text = papermill_translators.find_translator("python3", "python").codify(dict(given), "Parameters")
        made.metadata.papermill = _node(parameters=dict(given))
        made.cells = _with(made.cells, text)
    for cell in made.cells:
        if INJECTED in cell.metadata.get("tags", ()):
            cell.id = INJECTED
        cell.metadata["papermill"] = _node(status=PENDING, exception=False)
    return made


def _with(cells: list[NotebookNode], text: str) -> list[NotebookNode]:
    """The cells with papermill's, where papermill puts it: in place of an earlier one, else after that of the defaults."""
    injected = _node(
        id=INJECTED, cell_type="code", execution_count=None, metadata=_node(tags=[INJECTED]), outputs=[], source=text
    )
    for tag, more in ((INJECTED, 0), ("parameters", 1)):
        for place, cell in enumerate(cells):
            if tag in cell.metadata.get("tags", ()):
                return [*cells[: place + more], injected, *cells[place + 1 :]]
    return [injected, *cells]


def _fresh(cell: NotebookNode) -> NotebookNode:
    made = _node(**{**cell, "metadata": _node(**{"tags": [], **cell.metadata})})
    if cell.cell_type == "code":
        made.outputs, made.execution_count = [], None
    return made


def _node(**values: Any) -> NotebookNode:
    return NotebookNode(values)  # type: ignore[no-untyped-call]


def shorten(notebook: NotebookNode, most: int, why: NotebookNode) -> None:
    """Take from cells what they show, but errors, those that show most first, until all show ``most`` characters at most; the first
    of them failed, and shows ``why`` unless it shows an error."""
    cells = [(len(json_text.line(cell)), number) for number, cell in enumerate(notebook.cells) if cell.get("outputs")]
    left = sum(size for size, _ in cells)
    for place, (size, number) in enumerate(sorted(cells, reverse=True)):
        if left <= most:
            break
        cell = notebook.cells[number]
        cell.outputs = [output for output in cell.outputs if output["output_type"] == "error"]
        if not place:
            cell.outputs = cell.outputs or [why]
            cell.metadata["papermill"] = _node(status=FAILED, exception=True)
        left -= size


class Filling:
    """Writes what is told of a notebook's cells into it, as nbclient does: a stream goes on where it stopped, outputs are cleared
    or replaced where a cell asks for it. Outputs are plain dictionaries, since making nodes of large charts takes long."""

    def __init__(self, notebook: NotebookNode) -> None:
        self.notebook = notebook
        self.begun = 0
        self._shown: dict[str, list[dict[str, Any]]] = {}
        self._clear = False

    def __call__(self, record: Record) -> None:
        """Take one record."""
        from idp_analytics.publish.inprocess import Begun, Done

        cell = self.notebook.cells[record.cell]
        if isinstance(record, Begun):
            self.begun, self._clear = record.cell, False
        elif isinstance(record, Done):
            cell.metadata["papermill"] = _node(status=FAILED if record.raised else COMPLETED, exception=record.raised)
        else:
            self._say(cell, record.kind, record.content)

    def _say(self, cell: NotebookNode, kind: str, content: Mapping[str, Any]) -> None:
        if (count := content.get("execution_count")) is not None:
            cell.execution_count = count
        known = (content.get("transient") or {}).get("display_id")
        if known and kind in ("display_data", "update_display_data"):
            for earlier in self._shown.get(known, ()):
                earlier.update(data=content["data"], metadata=content["metadata"])
        if kind == "clear_output":
            self._clear = bool(content["wait"])
            if not self._clear:
                cell.outputs = []
        elif kind in ("stream", "error", "display_data", "execute_result"):
            if self._clear:
                cell.outputs, self._clear = [], False
            output = {"output_type": kind, **{name: content[name] for name in content if name != "transient"}}
            cell.outputs.append(output)
            if known:
                self._shown.setdefault(known, []).append(output)

    def stopped(self, name: str, message: str) -> None:
        """The cell begun last failed from outside: its process is gone."""
        cell = self.notebook.cells[self.begun]
        if cell.cell_type != "code":
            cell = next(c for c in self.notebook.cells if c.cell_type == "code")
        cell.outputs.append(error(name, message))
        cell.metadata["papermill"] = _node(status=FAILED, exception=True)


def joined(outputs: list[Any]) -> list[Any]:
    """The outputs of a cell with what a stream said in one piece, wherever it was cut."""
    found: list[Any] = []
    for output in outputs:
        last = found[-1] if found else None
        if last and output["output_type"] == last["output_type"] == "stream" and output["name"] == last["name"]:
            found[-1] = {**last, "text": last["text"] + output["text"]}
        else:
            found.append(output)
    return found
