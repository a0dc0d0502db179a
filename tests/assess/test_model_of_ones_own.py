"""A model of one's own from its file to the page: the example of MATURITY.md, with a criterion that rests on a scorecard of the portal."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result
from company_building import write_notebooks
from published_sample import execute

from idp_analytics import sources
from idp_analytics.cli import cli
from idp_analytics.errors import SettingsError, SourceError
from idp_analytics.metrics.maturity.self_levels import _whole, answers
from idp_analytics.organisation import load
from idp_analytics.publish.engine import make
from idp_analytics.publish.run import publish
from idp_analytics.report.mart import Mart
from idp_analytics.settings import read as read_settings
from idp_analytics.settings.maturity_model import Model, shipped
from idp_analytics.sources.survey_forms import TEAM
from idp_analytics.sources.systems.self_assessment import NO_ANSWER

SETTINGS = """\
[organisation]
id = "acme"
name = "Acme"
as_of = 2026-07-01T00:00:00Z

[[maturity_target]]
aspect = "readiness"
level = 3
by = 2026-12-31
reason = "after the outage of March"
scope = "team"
"""
RED, BLUE = "abcdef", "uvwxy"


def rows(table: str, *made: dict[str, str]) -> tuple[str, str]:
    names = list(dict.fromkeys(name for row in made for name in row))
    lines = [",".join(names), *(",".join(row.get(name, "") for name in names) for row in made)]
    return table, "\n".join(lines) + "\n"


def verdict(service: str, rule: str, level: str, number: int, passed: bool) -> dict[str, str]:
    return {
        "tool": "cortex", "scorecard": "production", "rule": rule, "resource": service, "service_id": service, "as_of": "2026-06-30T06:00:00Z", "level": level,
        "level_number": str(number), "state": "passed" if passed else "failed",
    }  # fmt: skip


def tables() -> dict[str, str]:
    """Red owns six services: somebody is on call for all, five have come to Silver. Blue owns five: somebody is on call for one of four, of the fifth nothing is said."""
    services = RED + BLUE
    return dict(
        [
            rows("teams", *({"team_id": t, "name": t.title(), "kind": "team"} for t in ("red", "blue"))),
            rows("services", *({"service_id": s, "name": s, "lifecycle": "production"} for s in services)),
            rows("ownership", *({"service_id": s, "team_id": "red" if s in RED else "blue"} for s in services)),
            rows("deployments", *({"deployment_id": f"d-{s}-{day}", "service_id": s, "environment": "production", "outcome": "success", "finished_at": f"2026-06-{day:02d}T10:00:00Z"} for s in services for day in (2, 9, 16))),
            rows(
                "scorecard_results", *(verdict(s, "has-oncall", "Bronze", 1, s not in "vwx") for s in services if s != "y"),
                *(verdict(s, "has-runbook", "Silver", 2, s != "f") for s in RED),
            ),
        ]
    )  # fmt: skip


@pytest.fixture
def data(tmp_path: Path, repository: Path) -> Path:
    folder = tmp_path / "acme"
    folder.mkdir()
    settings = SETTINGS
    for table, text in tables().items():
        (folder / f"{table}.csv").write_text(text, encoding="utf-8")
        settings += f'\n[[source]]\nkind = "canonical"\ntable = "{table}"\npaths = ["{table}.csv"]\n'
    (folder / "settings.toml").write_text(settings, encoding="utf-8")
    documented = (repository / "MATURITY.md").read_text(encoding="utf-8")
    (example,) = re.findall(r'```toml\n(id = "acme-readiness".*?)```', documented, re.DOTALL)
    (folder / "maturity_model.toml").write_text(example, encoding="utf-8")
    return folder


def run(*words: object) -> Result:
    found = CliRunner().invoke(cli, ["assess", *map(str, words)])
    assert found.exit_code == 0, found.output
    return found


def filled_in(page: str, folder: Path, who: int, **given: str) -> Path:
    """What the form of ``page`` saves, with its own items and edition of the model."""
    form = json.loads(re.search(r'id="given">(.*?)</script>', page, re.DOTALL)[1])  # type: ignore[index]
    body = {
        **{name: form[name] for name in ("form", "form_version", "model_version", "team", "wave")}, "state": "final", "assessment_id": f"f{who}", "role": "user",
        "submitted_at": f"2026-06-0{who + 1}T08:00:00Z", "answers": [{"item": item["id"], "answer": given[item["id"]], "confidence": None} for item in form["items"]],
    }  # fmt: skip
    path = folder / f"f{who}.json"
    path.write_text(json.dumps(body), encoding="utf-8")
    return path


def test_a_model_of_ones_own_from_its_file_to_the_page(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("form", "--data", data, "--team", "red", "--wave", "2026-Q2", "--out", tmp_path / "red.html")
    page = (tmp_path / "red.html").read_text(encoding="utf-8")
    assert "Could we cope if it broke tonight?" in page
    assert shipped().items[0].question not in page
    # Five people say: on call (3), from a chat (2), a postmortem (3): the middle of the three items is 3.
    forms = [filled_in(page, tmp_path, who, whom="3", how="2", after="3") for who in range(5)]
    brought = run("import", "--data", data, *forms)
    assert "15 answers new" in brought.output
    with (data / "settings.toml").open("a", encoding="utf-8") as file:
        file.write(brought.stderr.partition("add:\n\n")[2])

    org = load(data)
    model = org.settings.maturity
    assert (model.is_own, model.edition) == (True, "acme-readiness@1.0")
    mart = Mart.of(org)
    aspects = {row["entity_id"]: row for row in mart.studies["maturity"].to_dicts()}
    red, blue = aspects["red"], aspects["blue"]
    # Of red's criteria two of level 2 and that of level 3 are met (6 of 6, 5 of 6); there is no severe incident, so level 4 is open.
    assert (red["low"], red["high"], red["met"], red["unknown"]) == (3, 4, 3, 1)
    assert (red["self_level"], red["respondents"], red["gap"]) == (3, 5, "not decided")
    # Of blue one of four is on call: too few to be sure of, and of none is a runbook known; half of level 2 is no level 2.
    states = dict(mart.studies["maturity_criteria"].filter(entity_id="blue").select("criterion", "state").iter_rows())
    assert states == {"owned": "met", "on-call": "unknown", "prepared": "unknown", "reviewed": "unknown"}
    assert (blue["low"], blue["self_level"]) == (1, None)
    (target,) = mart.studies["maturity_targets"].filter(entity_id="red").to_dicts()
    assert (target["target"], target["state"]) == (3, "reached")

    notebooks = write_notebooks(
        tmp_path / "notebooks",
        "import idp_analytics as idp\nidp.open_report('', team=team, period=period, mart=mart).maturity()",
        "import idp_analytics as idp\nidp.open_report('', period=period, mart=mart).scorecards()",
    )
    monkeypatch.setattr(Mart, "of", lambda _organisation, **_: mart)
    result = publish(
        org, tmp_path / "reports", "2026-06", ["red"], notebooks=notebooks, engine=lambda jobs, _: (make(job, execute) for job in jobs)
    )  # fmt: skip
    (team,) = (result.folder / "teams").glob("red*.html")
    told = re.sub(r"<[^>]+>", " ", team.read_text(encoding="utf-8"))
    assert "Readiness: level 3 (prepared; between 3 and 4)." in told
    assert "Model Readiness at Acme 1.0" in told
    assert "items, criteria and thresholds are the company's own" in told.replace("&#39;", "'").replace("’", "'")
    portal = re.sub(r"<[^>]+>", " ", (result.folder / "organisation.html").read_text(encoding="utf-8"))
    assert "production (Cortex) has checked 10 of 11 services" in portal


@pytest.mark.parametrize(("version", "counted"), [("acme-readiness@1.0", 3), ("1.0", 0)])
def test_answers_to_the_kits_items_are_never_taken_for_those_of_a_model_of_ones_own(data: Path, tmp_path: Path, version: str, counted: int) -> None:  # fmt: skip
    """An item of the same id in another model is another question, whatever the version says."""
    run("form", "--data", data, "--team", "red", "--wave", "2026-Q2", "--out", tmp_path / "red.html")
    path = filled_in((tmp_path / "red.html").read_text(encoding="utf-8"), tmp_path, 1, whom="3", how="2", after="3")
    body = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**body, "model_version": version}), encoding="utf-8")
    with (data / "settings.toml").open("a", encoding="utf-8") as file:
        file.write(run("import", "--data", data, path).stderr.partition("add:\n\n")[2])
    org = load(data)
    assert org.tables["assessments"].height == 3
    assert answers(org.lazy, org.settings, org.as_of).height == counted


def table_of_forms(path: Path, model: Model, team: str = "red") -> Path:
    """What Google Forms saves of two people: the questions of ``model``, answered in words, by number, or not at all."""
    first, second, third = model.items[:3]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [
                ["Timestamp", TEAM, first.question, second.question, third.id.upper()],
                ["6/2/2026 9:05:12", team, first.answers[2], "2", "Don't know"],
                ["6/3/2026 9:05:12", team, first.answers[3].upper(), "Not applicable: no nights", "often"],
            ]
        )
    return path


ANSWERED = [("1", "3"), ("1", "4"), ("2", "2"), ("2", "not_applicable"), ("3", "unknown")]


def told_of(model: Model, rows: pl.DataFrame) -> list[tuple[str, str]]:
    """Answers by the place of their item in ``model``; and that they are kept under its edition."""
    assert set(rows["model_version"]) == {model.edition}
    place = {item.id: str(number) for number, item in enumerate(model.items, 1)}
    return sorted((place[item], answer) for item, answer in rows.select("item_id", "answer").iter_rows())


@pytest.mark.parametrize("is_own", [True, False], ids=["its own questions", "the questions of the kit"])
def test_tables_of_survey_tools_ask_a_model_of_ones_own_or_the_kits(data: Path, tmp_path: Path, is_own: bool) -> None:
    """Brought in by a command, or read as a source: the same answers; what is none of the answers is counted."""
    model = read_settings(data, sources.check).maturity if is_own else shipped()
    assert model.is_own is is_own
    path = table_of_forms(tmp_path / "responses.csv", model)
    brought = run("import", "--data", data, "--dates", "month first", path)
    assert "2 respondent(s), 5 answers" in brought.output
    assert f"1 × {NO_ANSWER}" in brought.output
    assert told_of(model, pl.read_csv(data / "assessments.csv", infer_schema=False)) == ANSWERED

    (data / "forms").mkdir()
    table_of_forms(data / "forms" / "responses.csv", model)
    with (data / "settings.toml").open("a", encoding="utf-8") as file:
        file.write(
            '\n[[source]]\nkind = "self_assessment"\npaths = ["forms/*.csv"]\ndates = "month first"\ntime_zone = "UTC"\n'
        )
    org = load(data)
    assert told_of(model, org.tables["assessments"]) == ANSWERED
    assert answers(org.lazy, org.settings, org.as_of).height == (5 if is_own else 0)


def test_a_model_that_is_not_there_or_not_whole_is_said(data: Path) -> None:
    path = table_of_forms(data / "responses.csv", shipped())
    with pytest.raises(SourceError, match=r"ours\.toml: there is no such file"):
        sources.read("self_assessment", [path], {"model": "ours.toml"}, data)
    (data / "ours.toml").write_text("id = 'ours'", encoding="utf-8")
    with pytest.raises(SettingsError, match="no version"):
        sources.read("self_assessment", [path], {"model": "ours.toml"}, data)


@pytest.mark.parametrize(("version", "counts"), [("acme-readiness@1.0", True), ("acme-readiness@1.7.2", True), ("acme-readiness@2.0", False), ("1.0", False)])  # fmt: skip
def test_versions_of_a_model_that_are_compared(version: str, counts: bool) -> None:
    assert pl.select(_whole(pl.lit(version)) == _whole(pl.lit("acme-readiness@1.0"))).item() is counts
