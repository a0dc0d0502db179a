"""Notebooks that only ask are run by makers: told apart from all others, and nothing of it can be seen in what is published."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from company_building import notebook
from run_building import Deadly

from idp_analytics.paths import resource
from idp_analytics.publish import forked
from idp_analytics.publish.asking import only_asks
from idp_analytics.publish.engine import Job
from idp_analytics.publish.page import Page
from idp_analytics.report.mart import Mart

OPENS = "import idp_analytics as idp\n\nreport = idp.open_report(data, team=team, period='', mart=mart)"
SETS = "data = 'data/sample'\nteam = 'payments'\nmart = ''"


@pytest.mark.parametrize("name", ["team", "org"])
def test_the_notebooks_that_reports_are_made_of_only_ask(name: str) -> None:
    cells = json.loads((resource("notebooks") / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    assert only_asks("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


@pytest.mark.parametrize(
    "cell",
    ["", "# nothing", "report.brief()", "report.section('change_lead_time');", "report.course(name='x')", "team = 'edge'",
     "report.place(team)", "import idp_analytics\nother = idp_analytics.open_report(data)\nother.brief()"],
)  # fmt: skip
def test_asking_for_a_section_is_asking(cell: str) -> None:
    assert only_asks([SETS, OPENS, cell])


@pytest.mark.parametrize(
    "cell",
    ["import os", "from idp_analytics import open_report", "import idp_analytics.cli", "import os, idp_analytics", "idp.load(data)",
     "idp.open_report = None", "report.view", "report.view.mart.answers.clear()", "report.__init__()", "report._repr_html_()", "kept = report.brief()",
     "report.section(print('x'))", "report.section(*team)", "report.section(**team)", "report.section(f'{team}')", "report.section(report)",
     "report = 'x'\nreport.upper()", "idp = 'x'\nother = idp.open_report(data)", "team.upper()", "nobody.brief()", "print('x')", "1", "del team",
     "team = [1]", "team, mart = 'a', 'b'", "report.name = 'x'", "team += 'x'", "team: str = 'x'", "%time", "!ls", "report?", "report.brief() or 1", "if team:\n    report.brief()",
     "await report.brief()", "def brief():\n    pass", "data = open", "(report := 1)"],
)  # fmt: skip
def test_whatever_else_a_cell_does_is_more_than_asking(cell: str) -> None:
    assert not only_asks([SETS, OPENS, cell])


def test_nothing_is_asked_before_a_report_is_open() -> None:
    assert not only_asks(["report.brief()", SETS, OPENS])


def test_reports_of_one_maker_are_those_of_a_process_for_each(
    mart: Mart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mart.write(tmp_path / "mart")
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    )
    team, org = resource("notebooks") / "team.ipynb", resource("notebooks") / "org.ipynb"
    other = tmp_path / "other.ipynb"
    cells = [
        SETS,
        OPENS,
        "\n# nothing",
        "report.brief();",
        "report.summary()",
        "  ",
        "named = 'change_lead_time'\nreport.summary()\nreport.course(named)",
    ]
    told = notebook(["# Report", *cells, "## Again", "report.brief()", "report.stress()"], {"mart": {"type": "str"}})
    told["cells"][-1]["metadata"] = {"tags": ["skip-execution"]}
    other.write_text(json.dumps(told), encoding="utf-8")
    begun = []
    task = forked._Work.task
    monkeypatch.setattr(forked._Work, "task", lambda work: begun.append(work.job.name) or task(work))
    made, alone = {}, {}
    for way in ("together", "alone"):
        if way == "alone":
            monkeypatch.setattr(forked, "_seems_to_ask", lambda _: False)
        (folder := tmp_path / way).mkdir()
        given = {"period": "", "mart": "../mart"}
        jobs = [
            Job("one", team, {**given, "team": "edge"}, folder, Page("One")),
            Job("nobody", team, {**given, "team": "nobody"}, folder, Page("Nobody")),
            Job("two", team, {**given, "team": "data"}, folder, Page("Two")),
            Job("deadly", team, {**given, "team": "data"}, folder, Page(Deadly("Deadly", times=1))),
            Job("other", other, {"mart": "../mart"}, folder, Page("Other")),
            Job("all", org, given, folder, Page("All")),
            Job("three", team, {**given, "team": "edge"}, folder, Page("One")),
        ]
        made[way] = {one.name: (one.failure, one.files) for one in forked.forked(jobs, 1)}
        alone[way] = begun[:]
        begun.clear()
    assert made["together"] == made["alone"]
    assert [name for name, (failure, _) in made["together"].items() if failure is not None] == ["nobody"]
    assert alone == {
        "together": ["nobody", "deadly"],
        "alone": ["one", "nobody", "two", "deadly", "other", "all", "three"],
    }
    assert (tmp_path / "together" / "one.html").read_bytes() == (tmp_path / "together" / "three.html").read_bytes()
