"""What only a shell can show is raised where notebooks are answered without one, and nothing of it is left behind."""

from __future__ import annotations

import os
import sys
import warnings

import pytest
from nbformat import NotebookNode, from_dict

from idp_analytics.errors import ReportError
from idp_analytics.publish import answering


def cells(*sources: str) -> NotebookNode:
    told = [{"cell_type": "code", "metadata": {}, "source": source, "outputs": []} for source in sources]
    return from_dict({"cells": told})


@pytest.mark.parametrize(
    "source",
    ["print('a word')", "import sys\nsys.stderr.write('a word');", "import os\nos.write(1, b'a word');", "import os\nos.write(2, b'a word');"]
)  # fmt: skip
def test_a_word_on_a_stream_is_for_a_shell(source: str, capfd: pytest.CaptureFixture[str]) -> None:
    streams = sys.stdout, sys.stderr
    with pytest.raises(ReportError, match="besides the answers"):
        answering.fill(cells(source))
    assert (sys.stdout, sys.stderr) == streams
    print("after")
    os.write(1, b"and below")
    assert capfd.readouterr().out == "after\nand below"


@pytest.mark.filterwarnings("default")
def test_a_warning_is_for_a_shell_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "showwarning", lambda *_, **__: print("a warning"))
    for _ in range(2):
        with pytest.raises(ReportError, match="besides the answers"):
            answering.fill(cells("import warnings\nwarnings.warn('a word', UserWarning)"))


@pytest.mark.parametrize("source", ["1", "'text'", "x = 1\nx", "object()"])
def test_a_value_that_is_no_part_of_a_report_is_for_a_shell(source: str) -> None:
    with pytest.raises(ReportError, match="no part of a report"):
        answering.fill(cells(source))


def test_what_a_cell_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        answering.fill(cells("1 / 0"))


def test_names_last_from_cell_to_cell_and_end_with_the_notebook() -> None:
    answering.fill(cells("x = 1", "y = x", "y;"))
    with pytest.raises(NameError):
        answering.fill(cells("x"))


def test_cells_are_counted_that_are_run() -> None:
    notebook = cells("x = 1", " ", "# nothing", "x;")
    notebook.cells[0].metadata["tags"] = ["skip-execution"]
    with pytest.raises(NameError):
        answering.fill(notebook)
    notebook = cells("x = 1", " ", "# nothing", "x;")
    answering.fill(notebook)
    assert [cell.get("execution_count") for cell in notebook.cells] == [1, None, 2, 3]
