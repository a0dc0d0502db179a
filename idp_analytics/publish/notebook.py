"""Notebooks as values: read, made, written. nbformat has no types; what is untyped stays here."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_notebook, new_output


def read(path: Path) -> NotebookNode:
    """The notebook in a file, as version 4."""
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call,no-any-return]


def blank() -> NotebookNode:
    """A notebook without cells."""
    return new_notebook()  # type: ignore[no-untyped-call,no-any-return]


def text(notebook: NotebookNode) -> str:
    """A notebook as the text of its file."""
    return str(nbformat.writes(notebook)) + "\n"  # type: ignore[no-untyped-call]


def error(name: str, message: str) -> NotebookNode:
    """The output of a cell that failed."""
    return new_output("error", ename=name, evalue=message, traceback=[])  # type: ignore[no-untyped-call,no-any-return]
