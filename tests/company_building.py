"""A small company with hostile names, notebooks that do little, and engines that need no kernel: publishing by itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import polars as pl
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from idp_analytics.checks.gate import RESULTS
from idp_analytics.organisation import Organisation
from idp_analytics.publish.engine import Failure, Job, Outcome, make, plain
from idp_analytics.settings import Settings
from idp_analytics.tables import TABLES, empty
from idp_analytics.tables.conform import REJECTED
from idp_analytics.tables.ownership import attribute

SCRIPT = "<script>alert(1)</script>"
CLIMBER = "../../etc/x"
TURNED = "Pay\u202eslaP"
TEAMS = {"payments": "Payments", SCRIPT: SCRIPT, CLIMBER: "Climber & “Co”", "quiet": "Quiet"}
AS_OF = datetime(2026, 7, 1, tzinfo=UTC)

Notebooks = Callable[..., Path]


def table(name: str, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    schema = TABLES[name].schema
    filled = [{**dict.fromkeys(schema), **row} for row in rows]
    return pl.DataFrame(filled, schema=schema) if filled else empty(name)


def company(names: Mapping[str, str] = TEAMS) -> Organisation:
    """Three months of deployments of every team but the quiet one, which did nothing; one row was set aside."""
    services = {f"s-{team}": team for team in names if team != "quiet"}
    given = {
        "teams": [{"team_id": team, "name": name, "kind": "team"} for team, name in names.items()],
        "services": [{"service_id": service, "name": service} for service in services],
        "ownership": [{"service_id": service, "team_id": team} for service, team in services.items()],
        "deployments": [
            {
                "deployment_id": f"{service}-{month}-{day}", "service_id": service, "environment": "production",
                "outcome": "success", "finished_at": datetime(2026, month, day, 12, tzinfo=UTC),
                "source": "made", "load_id": "load",
            }
            for number, service in enumerate(services) for month in (4, 5, 6) for day in range(1, min(28, 8 + 4 * number + month))
        ],
        "loads": [
            {
                "load_id": "load", "source": "made", "table": "deployments", "path": f"{SCRIPT}.csv", "sha256": "0" * 64,
                "rows_in": 200, "rows_out": 199, "dropped": '{"not a time": 1}', "truncated": True, "warnings": [],
            }
        ],
    }  # fmt: skip
    tables = {name: table(name, given.get(name, ())) for name in TABLES}
    tables = {name: attribute(TABLES[name], frame, tables["ownership"], "UTC") for name, frame in tables.items()}
    rejected = {
        "table": "deployments", "file": f"{SCRIPT}.csv", "row": 7, "column": "finished_at", "reason": "not a time",
        "found": SCRIPT, "source": "made", "load_id": "load",
    }  # fmt: skip
    return Organisation(
        settings=Settings(org="acme", title="Acme & Sons", root=Path("data/acme"), as_of=AS_OF, sha256="5e" * 32),
        tables=tables,
        rejected=pl.DataFrame([rejected], schema=REJECTED),
        checks=pl.DataFrame(schema=RESULTS),
        as_of=AS_OF,
    )


def notebook(cells: Sequence[str], declared: Mapping[str, Any]) -> dict[str, Any]:
    """A notebook as JSON: each text a markdown cell if it begins with ``#``, else code; the first code cell is tagged."""
    made: list[dict[str, Any]] = []
    for number, text in enumerate(cells):
        code = not text.startswith("#")
        tagged = code and all(cell["cell_type"] == "markdown" for cell in made)
        made.append(
            {
                "cell_type": "code" if code else "markdown",
                "id": f"cell-{number}",
                "metadata": {"tags": ["parameters"]} if tagged else {},
                "source": text,
                **({"outputs": [], "execution_count": None} if code else {}),
            }
        )
    return {"cells": made, "metadata": {"idp": {"parameters": declared}}, "nbformat": 4, "nbformat_minor": 5}


def write_notebooks(folder: Path, team: str = "print('of', team)", org: str = "print('of all')") -> Path:
    """Writes team.ipynb and org.ipynb whose third cell is the code given."""
    folder.mkdir(exist_ok=True)
    common = {"mart": {"type": "str"}, "period": {"type": "str"}}
    for file, code, declared in (
        ("org.ipynb", org, common),
        ("team.ipynb", team, {**common, "team": {"type": "str", "required": True}}),
    ):
        defaults = "\n".join(f"{parameter} = ''" for parameter in declared)
        told = notebook(["# How is it going?\n\nRead *slowly*.", defaults, "## How often?", code], declared)
        (folder / file).write_text(json.dumps(told), encoding="utf-8")
    return folder


def chart(name: str) -> dict[str, Any]:
    """A Vega-Lite drawing with ``name`` wherever a name can stand."""
    return {
        "data": {"values": [{"team": name, "n": 3}]}, "mark": "bar", "description": f"{name} has 3", "title": name,
        "encoding": {"x": {"field": "n", "type": "quantitative"}, "y": {"field": "team", "type": "nominal"}},
    }  # fmt: skip


def executed(*outputs: Any, name: str = "Payments") -> nbformat.NotebookNode:
    """A notebook as an engine gives it back: one question, then a cell with ``outputs`` (a chart of ``name`` if none)."""
    drawing = new_output("display_data", {"application/vnd.vegalite.v5+json": chart(name), "text/plain": name})
    cells = [
        new_markdown_cell("# Report\n\nRead *slowly*.", id="title"),
        new_markdown_cell("## How often?", id="question"),
        new_code_cell("answer()", id="answer", outputs=list(outputs) or [drawing]),
        new_code_cell("more()", id="more"),
    ]
    return new_notebook(cells=cells)


def at_once(*failing: str) -> Callable[[Sequence[Job], int], Iterator[Outcome]]:
    """An engine without kernels; the reports of ``failing`` (team ids) fail."""

    def execute(job: Job) -> tuple[nbformat.NotebookNode, Failure | None]:
        team = job.parameters.get("team", "")
        if team in failing:
            told = plain(f"no {team} today")
            return executed(new_output("error", ename="ValueError", evalue=told)), Failure(
                "ValueError", told, "How often?", 3
            )
        return executed(name=team), None

    def engine(jobs: Sequence[Job], workers: int) -> Iterator[Outcome]:
        return (make(job, execute) for job in jobs)

    return engine


def forbidden(jobs: Sequence[Job], workers: int) -> Iterator[Outcome]:
    """An engine that must not be asked."""
    raise AssertionError(f"{len(jobs)} reports were begun")
