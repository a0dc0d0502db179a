"""``idp survey``: what it writes, what it says, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from idp_analytics.cli import cli
from idp_analytics.survey.commands import TOOLS


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["survey", *words])


@pytest.mark.parametrize("tool", TOOLS)
def test_the_form_is_all_that_is_on_the_screen_and_what_to_do_is_beside_it(tool: str) -> None:
    found = run("questions", "--for", tool, "--price", "60")
    assert found.exit_code == 0, found.output
    assert "improve first" in found.stdout and "1. " not in found.stdout.splitlines()[0]
    assert ("Draw one of 30, 60, 120 at random" in found.stderr) == (tool not in ("markdown", "csv"))
    assert "at random" not in run("questions", "--for", tool).stderr


def test_into_a_file(tmp_path: Path) -> None:
    out = tmp_path / "form.json"
    found = run(
        "questions", "--for", "typeform", "--out", str(out), "--price", "60", "--currency", "USD", "--price-range"
    )
    assert found.exit_code == 0 and found.stdout == ""
    titles = [field["title"] for field in json.loads(out.read_text())["fields"]]
    assert "Suppose the platform cost USD {{hidden:price}} per developer and month." in titles
    assert any("bargain" in title for title in titles)


def test_a_companys_own_questions_and_its_smallest_group(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(
        '[rules]\nmin_cohort = 8\n[[question]]\nid = "builds@1"\nwording = "How fast are builds?"\nsubject = "builds"\n'
    )
    found = run("questions", "--for", "markdown", "--data", str(tmp_path))
    assert "How fast are builds?" in found.stdout and "fewer than 8 people" in found.stdout


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("questions",), 2, "Missing option '--for'"), (("questions", "--for", "paper"), 2, "'paper' is not one of"),
        (("questions", "--for", "csv", "--survey", "mood"), 2, "Known: developer-experience, exit-interview"),
        (("questions", "--for", "csv", "--price", "0"), 2, "0"), (("questions", "--for", "csv", "--data", "/nowhere"), 2, "no settings.toml"),
        (("plan", "--data", "/nowhere"), 2, "no such folder"), (("plan", "--width", "0.9"), 2, "0.9 is not in the range"),
    ],
)  # fmt: skip
def test_what_cannot_be_done(words: tuple[str, ...], code: int, says: str) -> None:
    found = run(*words)
    assert found.exit_code == code
    assert says in found.output


def test_a_plan(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("person_id,is_developer\n" + "".join(f"p{i},true\n" for i in range(10)))
    (tmp_path / "memberships.csv").write_text(
        "person_id,team_id\n" + "".join(f"p{i},{'shop' if i < 7 else 'till'}\n" for i in range(10))
    )
    (tmp_path / "teams.csv").write_text("team_id,name\nshop,Shop\ntill,Till\n")
    (tmp_path / "services.csv").write_text("service_id,name\nweb,Web\n")
    (tmp_path / "deployments.csv").write_text(
        "deployment_id,service_id,environment,outcome,finished_at\nd1,web,production,success,2026-06-01T10:00:00Z\n"
    )
    names = ("people", "memberships", "teams", "services", "deployments")
    (tmp_path / "settings.toml").write_text(
        "".join(f'[[source]]\nkind = "canonical"\ntable = "{name}"\npaths = ["{name}.csv"]\n' for name in names)
    )
    found = run("plan", "--data", str(tmp_path), "--response", "0.8")
    assert found.exit_code == 0, found.output
    assert "Never shown, with fewer than 5 developers: Till." in found.output
    assert "of 10 developers must answer for ±10% at a level of 95%" in found.output
