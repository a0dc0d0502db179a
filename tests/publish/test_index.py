from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

import polars as pl
import pytest
from company_building import CLIMBER, SCRIPT

from idp_analytics.answers import COLUMNS, ORG, Verdict
from idp_analytics.publish import index
from idp_analytics.publish.engine import Failure
from idp_analytics.publish.index import ALL, KEY_METRICS, Issue, Row, rows
from idp_analytics.publish.page import Page

METRIC = KEY_METRICS[0].name
NAMES = {ALL: "Acme", "b": "beta", "a": "Alpha", "q": "Quiet", SCRIPT: SCRIPT}


def answers(*given: tuple[str, str, str, int, Verdict]) -> pl.DataFrame:
    """Rows of (scope, entity, metric, n, verdict), of June."""
    made = [
        {
            **dict.fromkeys(COLUMNS), "scope": scope, "entity_id": entity, "metric": metric, "n": n, "verdict": verdict,
            "period": "2026-06", "period_start": date(2026, 6, 1), "every": "1mo",
        }
        for scope, entity, metric, n, verdict in given
    ]  # fmt: skip
    return pl.DataFrame(made, schema=COLUMNS)


TOLD = answers(
    ("org", ORG, METRIC, 9, Verdict.NO_DETECTABLE_CHANGE),
    ("team", "a", METRIC, 5, Verdict.IMPROVED),
    ("team", "b", METRIC, 4, Verdict.WORSENED),
    ("team", "q", METRIC, 0, Verdict.INSUFFICIENT_DATA),
    ("service", "a", METRIC, 7, Verdict.WORSENED),
)


def made(failures: dict[str, Failure] | None = None, told: pl.DataFrame = TOLD, names: Any = NAMES) -> list[Row]:
    return rows(told, "2026-06", names, {entity: f"{entity}.html" for entity in names}, failures or {})


def test_the_organisation_first_then_teams_by_name() -> None:
    assert [row.name for row in made()] == ["Acme", SCRIPT, "Alpha", "beta", "Quiet"]


def test_a_row_has_its_own_verdicts_and_says_where_there_is_nothing() -> None:
    by_name = {row.name: row for row in made()}
    assert by_name["Alpha"].verdicts[0] == Verdict.IMPROVED
    assert by_name["Alpha"].verdicts[1:] == (Verdict.NOT_MEASURED,) * (len(KEY_METRICS) - 1)
    assert {row.name: row.status for row in made()} == {
        "Acme": "ok", "Alpha": "ok", "beta": "ok", "Quiet": "no data", SCRIPT: "no data",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("unit", "k", "status"),
    [("share of days", 0, "no data"), ("share of days", 3, "ok"), ("share of deployments", 0, "ok")],
)
def test_days_that_passed_are_no_data(unit: str, k: int, status: str) -> None:
    told = answers(("team", "a", "deployment_days", 30, Verdict.NO_DETECTABLE_CHANGE))
    told = told.with_columns(unit=pl.lit(unit), k=pl.lit(k, pl.Int64))
    _, team = made(told=told, names={ALL: "Acme", "a": "Alpha"})
    assert team.status == status


def test_a_team_called_org_is_a_team() -> None:
    told = answers(("org", ORG, METRIC, 9, Verdict.IMPROVED), ("team", ORG, METRIC, 0, Verdict.INSUFFICIENT_DATA))
    whole, team = made(told=told, names={ALL: "Acme", ORG: "The org team"})
    assert (whole.name, whole.status, whole.verdicts[0]) == ("Acme", "ok", Verdict.IMPROVED)
    assert (team.name, team.status, team.verdicts[0]) == ("The org team", "no data", Verdict.INSUFFICIENT_DATA)


def test_another_period_is_not_looked_at() -> None:
    (whole, *_) = rows(TOLD, "2026-05", NAMES, dict.fromkeys(NAMES, ""), {})
    assert whole.status == "no data"
    assert set(whole.verdicts) == {Verdict.NOT_MEASURED}


def page(failures: dict[str, Failure] | None = None) -> str:
    whole, *teams = made(failures)
    return index.index(Page("Acme", subtitle="June 2026"), "2026-06", whole, teams)


def test_failures_are_in_plain_sight() -> None:
    told = page({"b": Failure("ValueError", f"no {SCRIPT}", "How often?", 3)})
    assert (
        "4 teams · 1 report could not be finished · 2 reports without data in June 2026 · 1 team with something worse · "
        "1 team with something better"
    ) in told
    assert "What could not be finished" in told
    assert "ValueError in “How often?”: no &lt;script&gt;" in told
    assert "What could not be finished" not in page()
    assert "could not" not in page()


def test_only_the_words_that_are_used_are_explained() -> None:
    assert re.findall(r"<dt>.*</span> (.*)</dt>", page()) == [v.value for v in Verdict if v in {
        Verdict.IMPROVED, Verdict.WORSENED, Verdict.NO_DETECTABLE_CHANGE, Verdict.INSUFFICIENT_DATA, Verdict.NOT_MEASURED,
    }]  # fmt: skip


def test_names_are_text() -> None:
    told = page()
    assert SCRIPT not in told
    assert "<bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>" in told
    assert told.count("<script") == 1  # our own, which finds a team


@pytest.mark.parametrize(
    ("issues", "seen"),
    [
        ([], ["Nothing is published yet."]),
        ([Issue("June 2026", "2026-06/index.html", {"o": "O"}, 0)], ["2026-06/index.html", "1 report<"]),
        (
            [
                Issue("May 2026", "m/index.html", dict.fromkeys("abcd", "A"), 2),
                Issue(CLIMBER, "x", dict.fromkeys("ab", SCRIPT), 0),
            ],
            ["4 reports<", "2 failed", CLIMBER],
        ),
    ],
)
def test_every_published_set_is_listed(issues: list[Issue], seen: list[str]) -> None:
    told = index.periods(Page("Acme"), issues)
    assert all(text in told for text in seen)
    assert told.count("failed<") == sum(issue.failed > 0 for issue in issues)


@pytest.mark.parametrize(
    ("label", "teams", "called"),
    [
        ("2026-06", (), "June 2026"),
        ("2026-Q2", ("Payments",), "Q2 2026, Payments only"),
        ("2026-W09", ("A", "B\u202e"), "week 9 of 2026, A, B only"),
    ],
)
def test_a_set_is_called_by_its_period_and_teams(label: str, teams: tuple[str, ...], called: str) -> None:
    assert index.called(label, teams) == called


def test_the_page_of_periods_knows_who_has_a_report_in_which() -> None:
    issues = [
        Issue(
            "June",
            "2026-06/index.html",
            {"organisation.html": "Acme", "teams/b.html": "Beta", "teams/n.html": SCRIPT},
            0,
        ),
        Issue(
            "May",
            "2026-05/index.html",
            {"organisation.html": "Acme", "teams/b.html": "Older name", "teams/a.html": "Alpha"},
            0,
        ),
    ]
    page = index.periods(Page("Acme"), issues)
    assert SCRIPT not in page
    told = json.loads(re.search(r'id="pages">(.*?)</script>', page)[1])  # type: ignore[index]
    assert told["names"] == [
        ["organisation.html", "Acme"], ["teams/n.html", SCRIPT], ["teams/a.html", "Alpha"], ["teams/b.html", "Beta"],
    ]  # fmt: skip
    assert told["sets"] == [["teams/a.html"], ["teams/n.html"]]
