"""Scorecards of others by their own rules: published and documented outcomes, and the traps in them."""

from __future__ import annotations

import json

import pytest
import yaml

from idp_analytics.errors import ReportError
from idp_analytics.metrics.maturity.scorecards import (
    community_scores,
    percent_to_target,
    port_level,
    progress_to_target,
    samm_mean,
    samm_practice,
    tech_insights_check,
    tech_insights_progress,
    tech_insights_rank,
)


def rule(level, name):
    return {"level": level, "query": {"combinator": "and", "conditions": [{"property": name, "operator": "=", "value": True}]}}  # fmt: skip


CARD = {
    "levels": [{"title": name} for name in ("Basic", "Bronze", "Silver")],
    "rules": [rule("Bronze", "a"), rule("Bronze", "b"), *(rule("Silver", name) for name in "cdef")],
}


@pytest.mark.parametrize(
    ("holding", "level"),
    # The documented case: one of two of Bronze and all of Silver is Basic.
    [("acdef", "Basic"), ("ab", "Bronze"), ("abcde", "Bronze"), ("abcdef", "Silver"), ("", "Basic")],
)
def test_a_level_of_port_needs_all_rules_of_it_and_below(holding, level):
    assert port_level(CARD, dict.fromkeys(holding, True)) == level


@pytest.mark.parametrize(
    ("operator", "found", "wanted", "holds"),
    [
        ("<", 2, 3, True), ("<", None, 3, False), ("<", "2", 3, False), (">=", 3, 3, True), ("isEmpty", "", None, True), ("isNotEmpty", 0, None, True),
        ("contains", "abc", "b", True), ("contains", None, "b", False), ("doesNotContains", ["a"], "b", True), ("endsWith", "abc", "c", True), ("!=", None, 1, True),
    ],
)  # fmt: skip
def test_conditions(operator, found, wanted, holds):
    card = {"levels": [{"title": "no"}, {"title": "yes"}], "rules": [{"level": "yes", "query": {"conditions": [{"property": "x", "operator": operator, "value": wanted}]}}]}  # fmt: skip
    assert port_level(card, {"x": found}) == ("yes" if holds else "no")


def test_an_operator_nobody_knows_is_said_and_fails_nothing():
    card = {"levels": [{"title": "no"}, {"title": "yes"}], "rules": [{"level": "yes", "query": {"conditions": [{"property": "x", "operator": "resembles"}]}}]}  # fmt: skip
    with pytest.raises(ReportError, match="'resembles'"):
        port_level(card, {"x": 1})


def case(cases, *path):
    file = cases.joinpath("maturity", *path)
    if not file.is_file():
        pytest.skip(f"no such case: {file}")
    return json.loads(file.read_text(encoding="utf-8"))


def test_the_reference_case_of_port(cases):
    card = case(cases, "port-format", "scorecard_own.json")
    for one in case(cases, "port-format", "expected.json")["cases"]:
        assert port_level(card, one["entity"]) == one["want"]


def test_the_reference_case_of_tech_insights(cases):
    told = case(cases, "backstage-tech-insights", "maturity_expected.json")
    expected = told["expected"]
    assert tech_insights_rank(told["checks"], told["ranks"]) == (expected["rank"], expected["maxRank"])
    for area, wanted in expected["areas"].items():
        own = [check for check in told["checks"] if check["category"] == area]
        assert tech_insights_rank(own, told["ranks"]) == (wanted["rank"], wanted["maxRank"])
        assert shown(tech_insights_progress(own)[0]) == wanted["progress"]
    whole, following, points = tech_insights_progress(told["checks"])
    assert (shown(whole), shown(following), points) == (expected["progress"], expected["rankProgress"], expected["points"])  # fmt: skip


def shown(progress):
    return {"passed": progress.passed, "total": progress.total, "pct": progress.percent}


@pytest.mark.parametrize(
    ("results", "rank", "whole", "following", "points"),
    [
        # (rank, result) of each check. What fails at 3 leaves 2, though nothing is asked there.
        ([(1, True), (3, False)], 2, (1, 2, 50), (0, 1, 0), 100),
        ([(1, True), (1, True), (2, True)], 2, (3, 3, 100), (1, 1, 100), 400),  # the highest there could be: its own checks
        ([(1, False), (2, True)], 0, (1, 2, 50), (0, 1, 0), 200),  # points come without the rank
        ([(1, True)] * 5 + [(1, False)] * 3, 0, (5, 8, 63), (5, 8, 63), 500),  # 62.5: halves up
        ([(0, False)], 0, (0, 1, 0), (0, 1, 0), 0),
        ([], 0, (0, 0, 0), (0, 0, 0), 0),
    ],
)  # fmt: skip
def test_ranks_and_progress_of_tech_insights_by_hand(results, rank, whole, following, points):
    checks = [{"rank": number, "result": held} for number, held in results]
    names = {name: number for number, name in enumerate(("Stone", "Bronze", "Silver", "Gold"))}
    assert names[tech_insights_rank(checks, names)[0]] == rank
    found, next_, earned = tech_insights_progress(checks)
    assert ((found.passed, found.total, found.percent), (next_.passed, next_.total, next_.percent), earned) == (whole, following, points)  # fmt: skip


def test_the_reference_case_of_samm(cases):
    told = case(cases, "owaspsamm-website", "worked_examples.json")["relative_scoring"]
    expected = told["expected"]
    assert percent_to_target(told["current"], told["target"]) == pytest.approx(expected["percent_to_target"])
    found = progress_to_target(expected["baseline_score"], expected["current_score_after_quarter"], expected["target_score"])  # fmt: skip
    # The published 0.55 is cut off, not rounded.
    assert found == pytest.approx(expected["progress_to_date"])


def test_the_reference_case_of_samm_where_something_does_not_apply(cases):
    told = case(cases, "owaspsamm-website", "worked_examples.json")
    one, expected = told["not_applicable"], told["not_applicable"]["expected"]
    assert samm_practice(one["baseline"]) == expected["baseline_practice"]
    assert samm_practice(one["target"]) == expected["target_practice"]
    assert samm_practice({name: float(name not in one["na"]) for name in one["target"]}) == expected["max_with_na"]
    found = progress_to_target(expected["baseline_practice"], 1.25, expected["target_practice"])
    assert found == expected["progress_when_current_1.25"]
    # Without a target for it, what does not apply is in neither number.
    assert percent_to_target({**one["baseline"], "D-SA-3-B": 1.0}, one["target"]) == percent_to_target(one["baseline"], one["target"])  # fmt: skip
    relative, wanted = told["relative_scoring"], told["relative_scoring"]["expected"]
    assert sum(relative["target"].values()) == wanted["absolute_target"]
    assert [samm_practice(relative[name]) for name in ("current", "target", "after_quarter")] == [
        wanted["baseline_score"], wanted["target_score"], wanted["current_score_after_quarter"],
    ]  # fmt: skip


def test_the_reference_case_of_samm_in_which_a_mean_hides_a_zero(cases):
    told = case(cases, "owaspsamm-website", "worked_examples.json")
    masked, benchmark = told["mean_masks_zero"], told["benchmark_means_n30"]
    assert samm_mean(masked["practices"]) == (masked["mean"], 0.0)
    functions = ("Governance", "Design", "Implementation", "Verification", "Operations")
    mean, lowest = samm_mean([benchmark[name] for name in functions])
    assert (mean, lowest) == (pytest.approx(benchmark["mean_of_rounded"]), benchmark["Verification"])
    # Published is the mean of unrounded functions: within half a hundredth each.
    assert mean == pytest.approx(benchmark["overall_published"], abs=0.01)


def test_the_reference_case_of_the_communitys_assessment(cases):
    told = case(cases, "cncf-pemm-assessment", "readme_prefilled_example.json")
    assert community_scores(told["answers"]) == {name: wanted["mean"] for name, wanted in told["expected"].items()}


def test_the_community_leaves_out_what_was_not_answered():
    assert community_scores({"adoption_1": 4, "adoption_2": None, "adoption_3": 0, "operations_1": None}) == {"adoption": 4.0, "operations": None}  # fmt: skip


def test_the_reference_checks_of_tech_insights(cases):
    check = case(cases, "backstage-tech-insights", "check.json")
    assert [tech_insights_check(check, {"examplenumberfact": n}) for n in (2, 1, None, "2")] == [True, False, None, False]  # fmt: skip
    text = cases.joinpath("maturity", "backstage-tech-insights", "app-config.check.yaml").read_text(encoding="utf-8")
    owned = yaml.safe_load(text)["techInsights"]["factChecker"]["checks"]["groupOwnerCheck"]
    assert [tech_insights_check(owned, facts) for facts in ({"hasGroupOwner": True}, {"hasGroupOwner": False}, {})] == [True, False, None]  # fmt: skip


def is_(fact, value=True, operator="equal"):
    return {"fact": fact, "operator": operator, "value": value}


@pytest.mark.parametrize(
    ("conditions", "held"),
    [
        # a is true, b is not, c is not known: what is not known decides only where nothing else does.
        ({"all": [is_("a"), is_("b")]}, False), ({"all": [is_("b"), is_("c")]}, False), ({"all": [is_("a"), is_("c")]}, None), ({"any": [is_("a"), is_("c")]}, True),
        ({"any": [is_("b"), is_("c")]}, None), ({"not": is_("c")}, None), ({"all": [{"any": [is_("b"), is_("a")]}, {"not": is_("b")}]}, True), ({"all": []}, True),
        (is_("n", 3, "lessThan"), True), (is_("n", 2, "greaterThan"), False), (is_("n", [1, 2], "in"), True), (is_("n", [1], "notIn"), True), (is_("l", "x", "contains"), True),
        (is_("l", "x", "doesNotContain"), False), (is_("n", "2", "equal"), False), (is_("n", 2, "lessThanInclusive"), True), (is_("n", 1, "notEqual"), True),
    ],
)  # fmt: skip
def test_conditions_of_checks(conditions, held):
    assert tech_insights_check({"rule": {"conditions": conditions}}, {"a": True, "b": False, "n": 2, "l": ["x"]}) is held  # fmt: skip


def test_an_operator_of_a_check_that_nobody_knows_is_said():
    with pytest.raises(ReportError, match="'resembles'"):
        tech_insights_check({"rule": {"conditions": is_("a", 1, "resembles")}}, {"a": 1})


def test_targets_by_hand():
    # Missing 1 of a target of 4; the 3 too many elsewhere make up for nothing.
    assert percent_to_target({"a": 1.0, "b": 5.0}, {"a": 2.0, "b": 2.0}) == 0.75
    assert percent_to_target({}, {"a": 2.0}) == 0.0
    assert percent_to_target({"a": 1.0}, {}) is None
    assert progress_to_target(2.0, 2.0, 2.0) == 1.0
    assert progress_to_target(1.0, 0.5, 2.0) == -0.5
