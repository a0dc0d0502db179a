from __future__ import annotations

import json
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
    assert ours.metadata.papermill.parameters == theirs.metadata.papermill.parameters


def test_values_take_the_place_of_earlier_ones_as_with_papermill() -> None:
    source = nbformat.from_dict(notebook(["# Title", "team = 'a'", "print(team)"], {}))
    once = notebooks.parameterized(source, {"team": "payments"})
    theirs = papermill.execute_notebook(
        once, None, {"team": "it's"}, prepare_only=True, kernel_name="python3", language="python"
    )
    ours = notebooks.parameterized(once, {"team": "it's"})
    assert [cell.source for cell in ours.cells] == [cell.source for cell in theirs.cells]
    nbformat.validate(ours)


def test_a_notebook_from_before_cells_had_ids_gets_them(tmp_path: Path) -> None:
    told = notebook(["# Title", "team = 'a'", "print(team)"], {})
    told["nbformat_minor"] = 4
    for cell in told["cells"]:
        cell.pop("id", None)
    (tmp_path / "old.ipynb").write_text(json.dumps(told), encoding="utf-8")
    made = notebooks.parameterized(notebooks.template(tmp_path / "old.ipynb"), {"team": "b"})
    nbformat.validate(made)
    assert len({cell.id for cell in made.cells}) == 4
