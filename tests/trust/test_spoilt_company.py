"""The company with an attack before every text, looked at without a browser: what was published, and what the commands say of it."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from attacks import HALVES, TERMINAL
from click.testing import CliRunner
from reading_pages import Page
from spoilt_company import Spoiler, publish_it
from test_hostile_text import CONTROLLING, RUN

from idp_analytics.charts.chart import MIME, TEMPLATES
from idp_analytics.cli import cli
from idp_analytics.paths import slug
from idp_analytics.publish.run import RunResult

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def spoilt(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Spoiler, RunResult, Path]:
    root = tmp_path_factory.mktemp("spoilt")
    return *publish_it(root, repository, 5), root / "data"


def outputs(result: RunResult) -> Iterator[Mapping[str, Any]]:
    """What is shown in all executed notebooks, as JupyterLab is given it."""
    for path in result.folder.rglob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            yield from (output["data"] for output in cell.get("outputs", ()) if "data" in output)


def test_no_report_failed_and_every_page_is_made_of_ours(spoilt: tuple[Spoiler, RunResult, Path]) -> None:
    _, result, _ = spoilt
    assert result.failed == ()
    pages = {path.name: Page(path.read_text(encoding="utf-8")) for path in result.folder.rglob("*.html")}
    assert len(pages) >= 6
    assert {name: found for name, page in pages.items() if (found := page.problems())} == {}
    assert [name for name, page in pages.items() if CONTROLLING.search(page.text)] == []
    assert all("hit(" in page.text for page in pages.values())  # the attacks are there to be seen


def fits(part: Any, template: Any) -> bool:
    """Whether a drawing is its template, with words where the template says that there are words."""
    if isinstance(template, str) and re.fullmatch(r"\{\w+\}", template):
        return isinstance(part, str)
    if isinstance(template, list):
        if (
            len(template) == 1
            and isinstance(part, list)
            and all(isinstance(one, str) for one in part)
            and fits("", template[0])
        ):
            return True
        return isinstance(part, list) and len(part) == len(template) and all(map(fits, part, template))
    if isinstance(template, dict):
        return (
            isinstance(part, dict)
            and part.keys() == template.keys()
            and all(fits(part[name], template[name]) for name in template)
        )
    return bool(part == template)


FILLED = ("datasets", "title", "description", "height", "width")


def test_every_drawing_is_its_template_but_for_the_data(spoilt: tuple[Spoiler, RunResult, Path]) -> None:
    templates = [
        {name: part for name, part in one.items() if name not in FILLED}
        for one in json.loads(TEMPLATES.read_text(encoding="utf-8")).values()
    ]
    drawn = [shown[MIME] for shown in outputs(spoilt[1]) if MIME in shown]
    assert len(drawn) > 50
    for spec in drawn:
        bare = {name: part for name, part in spec.items() if name not in FILLED}
        assert any(fits(bare, template) for template in templates), spec["title"]
        assert set(spec["title"]) == {"text", "anchor"}
        assert isinstance(spec["title"]["text"], str)
        values = [value for rows in spec["datasets"].values() for row in rows for value in row.values()]
        assert not any(isinstance(value, dict | list) for value in values)
        assert not any(CONTROLLING.search(value) for value in values if isinstance(value, str))
    other = {**drawn[0], "params": [{"name": "x", "expr": "hit()"}]}
    assert not any(fits({n: p for n, p in other.items() if n not in FILLED}, template) for template in templates)


def test_what_jupyterlab_is_given_is_escaped(spoilt: tuple[Spoiler, RunResult, Path]) -> None:
    policy = '<meta http-equiv="Content-Security-Policy" content="script-src \'none\'">'
    shown = list(outputs(spoilt[1]))
    assert [
        found for one in shown if "text/html" in one and (found := Page(policy + "".join(one["text/html"])).problems())
    ] == []
    assert [text for one in shown if CONTROLLING.search(text := "".join(one.get("text/plain", "")))] == []
    assert {kind for one in shown for kind in one} <= {"text/html", "text/plain", MIME}


def test_no_cell_of_any_csv_is_a_formula(spoilt: tuple[Spoiler, RunResult, Path]) -> None:
    files = list(spoilt[1].folder.rglob("*.csv"))
    assert len(files) >= 6
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert not CONTROLLING.search(text.replace("\r", "")), path
        cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
        assert [cell for cell in cells if RUN.search(cell) and not re.fullmatch(r"-?[\d.]+(?:e-?\d+)?", cell)] == []


def test_every_file_has_a_name_of_ours(spoilt: tuple[Spoiler, RunResult, Path]) -> None:
    names = {path.name for path in spoilt[1].folder.rglob("*")}
    assert [name for name in names if not re.fullmatch(r"[.a-zA-Z0-9_-]{1,100}", name)] == []


def test_no_command_lets_a_text_speak_to_the_terminal(spoilt: tuple[Spoiler, RunResult, Path]) -> None:
    spoiler, _, data = spoilt
    team, service, component = (spoiler.known[name] for name in ("payments", "checkout", "portal"))
    hypothesis = " ".join(TERMINAL)
    register = ["intervention", "add", "--id", "x", "--hypothesis", hypothesis, "--metric", "deployment_frequency", "--smallest-effect", "0.1", "--all-teams", "--component", hypothesis, "--review-on", "2026-10-01", "--at", "2026-06-30T12:00:00Z"]  # fmt: skip
    commands = [
        ["check"], ["check", "--json"], ["doctor", "--aliases", str(data / "proposals.csv")], ["tables", "--out", str(data.parent / "tables")],
        ["explain", "deployment_frequency", "--period", "2026-06", "--team", team], ["explain", "showback_cost", "--period", "2026-06"],
        ["explain", "change_fail_rate", "--period", "2026-06", "--service", service], ["explain", "sprawl", "--period", "2026-06", "--component", "portal"],
        ["answers", "--metric", "deployment_frequency"], ["answers", "--metric", "deployment_frequency", "--format", "json"],
        ["report", "--team", component, "--reports", str(data.parent / "none")], ["explain", "deployment_frequency", "--period", "2026-06", "--team", HALVES[0]],
        register, ["intervention", "list"], ["forget", "\x1b[31mx\x07", "--reports", str(data.parent / "none")], ["collect"],
    ]  # fmt: skip
    ended = {}
    for command in commands:
        done = CliRunner().invoke(cli, [*command, "--data", str(data)])
        ended[" ".join(command[:2])] = done.exit_code
        assert done.exception is None or isinstance(done.exception, SystemExit), (command, done.exception)
        assert not CONTROLLING.search(done.output), (command, CONTROLLING.search(done.output))
    assert {name for name, code in ended.items() if code not in (0, 3)} <= {
        "report --team",
        "explain deployment_frequency",
    }, ended
    assert slug(team) != team
