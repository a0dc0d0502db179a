from __future__ import annotations

from pathlib import Path

import nbformat
import papermill
import pytest
from company_building import SCRIPT, executed, notebook

from idp_analytics.publish import notebook as notebooks


def test_a_notebook_is_read_as_it_was_written(tmp_path: Path) -> None:
    told = executed(notebooks.error("E", "what"), name=SCRIPT)
    (tmp_path / "a.ipynb").write_text(notebooks.text(told), encoding="utf-8")
    assert notebooks.read(tmp_path / "a.ipynb") == told
    assert notebooks.text(told).endswith("}\n")


def test_what_is_made_here_is_a_notebook() -> None:
    blank = notebooks.blank()
    assert blank.cells == []
    nbformat.validate(blank)
    assert notebooks.error("E", "what") == {"output_type": "error", "ename": "E", "evalue": "what", "traceback": []}


@pytest.mark.parametrize("given", [{}, {"team": "payments"}])
def test_values_are_set_as_papermill_sets_them(given: dict[str, str]) -> None:
    source = nbformat.from_dict(notebook(["# Title", "team = 'a'", "print(team)"], {}))
    theirs = papermill.execute_notebook(
        source, None, given, prepare_only=True, kernel_name="python3", language="python"
    )
    ours = notebooks.parameterized(source, given)
    assert [cell.source for cell in ours.cells] == [cell.source for cell in theirs.cells]
    assert len(ours.cells) == 3 + bool(given)
