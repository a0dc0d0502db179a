"""The sample company published by the test's own process: every section asked for, every page made, without kernels."""

from __future__ import annotations

import ast
import os
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_output

from idp_analytics.publish import notebook as notebooks
from idp_analytics.publish import parameters
from idp_analytics.publish.engine import Failure, Job


def execute(job: Job) -> tuple[Any, Failure | None]:
    """Run a job's notebook here: parameters set, cells executed in order, last expressions shown as Jupyter would."""
    notebook = notebooks.read(job.notebook)
    given = parameters.validate(notebook, job.parameters, job.notebook.name)
    space: dict[str, Any] = {}
    before = Path.cwd()
    os.chdir(job.place)
    try:
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = _shown(cell.source, space)
                if "parameters" in cell.metadata.get("tags", []):
                    space.update(given)
    finally:
        os.chdir(before)
    return nbformat.reads(notebooks.text(notebook), as_version=4), None  # type: ignore[no-untyped-call]


def _shown(source: str, space: dict[str, Any]) -> list[Any]:
    *steps, last = ast.parse(source).body
    value = None
    with redirect_stdout(StringIO()) as printed:
        exec(compile(ast.Module([*steps, *([] if isinstance(last, ast.Expr) else [last])], []), "cell", "exec"), space)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), space)
    said = [new_output("stream", name="stdout", text=printed.getvalue())] if printed.getvalue() else []
    bundles = [] if value is None else value.outputs() if hasattr(value, "outputs") else [value._repr_mimebundle_()]
    return [*said, *(new_output("display_data", data=dict(bundle)) for bundle in bundles)]
