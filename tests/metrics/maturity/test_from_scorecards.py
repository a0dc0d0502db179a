"""Criteria that rest on a scorecard: what is judged counts, what is not widens, and neither another tool nor another team has a say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from idp_analytics.metrics.maturity import check
from idp_analytics.metrics.maturity.evidence import criteria, looks
from idp_analytics.metrics.maturity.from_scorecards import MOSTLY_UNKNOWN, TWO_TOOLS, services_passing
from idp_analytics.metrics.maturity.measured import ABSENT, FEW
from idp_analytics.settings.maturity_model import CardRule, parse

AS_OF = "2026-04-01"
SERVICES = "abcdefghij"
MODEL = """
id = "ours"
version = "1"
title = "Ours"
[[level]]
number = 1
name = "one"
[[level]]
number = 2
name = "two"
[[level]]
number = 3
name = "three"
[[level]]
number = 4
name = "four"
[[aspect]]
id = "care"
title = "Care"
question = "How careful?"
levels = ["a", "b", "c", "d"]
[[criterion]]
id = "on-call"
aspect = "care"
level = 2
scope = "team"
says = "services somebody is on call for"
scorecard = "production"
rule = "has-oncall"
at_least = 0.5
"""


def verdict(service, state, rule="has-oncall", tool="cortex", **more):
    return {"tool": tool, "scorecard": "production", "rule": rule, "resource": service, "service_id": service, "state": state, **more}  # fmt: skip


@pytest.fixture
def found(company, settings, as_of):
    def build(*verdicts, of, services=SERVICES, scope="org", entity="org"):
        made = company(
            services=[{"service_id": s} for s in services],
            ownership=[{"service_id": s, "team_id": "blue" if s in "ij" else "red"} for s in services],
            scorecard_results=[{"as_of": as_of("2026-03-31"), **one} for one in verdicts],
        )
        (frame,) = services_passing(made, settings(), as_of(AS_OF), [of])
        rows = frame.filter(scope=scope, entity_id=entity).to_dicts()
        return rows[0] if rows else None

    return build


RULE = CardRule("production", "has-oncall")


def test_services_judged_count_and_the_others_are_missing(found):
    """Of ten: five pass, one fails, one partly; one is exempt, of one the rule says nothing, of one the card does not: 5 of 7, 3 missing."""
    given = [*(verdict(s, "passed") for s in "abcde"), verdict("f", "failed"), verdict("g", "partial"), verdict("h", "exempt"), verdict("i", None)]  # fmt: skip
    row = found(*given, of=RULE)
    assert [row[name] for name in ("source", "k", "n", "missing", "why")] == ["scorecard production: has-oncall", 5.0, 7, 3, None]  # fmt: skip
    assert row["value"] == pytest.approx(5 / 7)
    blue = found(*given, of=RULE, scope="team", entity="blue")
    assert (blue["n"], blue["missing"], blue["why"]) == (0, 2, MOSTLY_UNKNOWN)


def test_what_says_nothing_of_most_services_says_nothing(found):
    five = [verdict(s, "passed") for s in "abcde"]
    assert found(*five, of=RULE)["why"] is None  # five of ten
    assert found(*five, of=RULE, services=SERVICES + "k")["why"] == MOSTLY_UNKNOWN
    assert found(*five[:4], of=RULE, services="abcd")["why"] == FEW


def test_points_of_a_check(found):
    given = [verdict(s, "partial", score=float(n), score_most=10.0) for n, s in enumerate(SERVICES, 1)]
    row = found(*given, verdict("k", None, score_most=10.0), of=CardRule("production", "has-oncall", points=7.0), services=SERVICES + "k")  # fmt: skip
    assert (row["k"], row["n"], row["missing"]) == (4.0, 10, 1)


def test_a_level_of_the_ladder(found):
    """Silver asks r1 and r2. a–e pass both; f fails r1; g fails r2; of h r2 is unknown, so that Silver is too; i and j are not checked."""
    given = [
        *(verdict(s, "passed", "r1", level="Bronze", level_number=1) for s in "abcdegh"), verdict("f", "failed", "r1", level="Bronze", level_number=1),
        *(verdict(s, "passed", "r2", level="Silver", level_number=2) for s in "abcdef"), verdict("g", "failed", "r2", level="Silver", level_number=2),
    ]  # fmt: skip
    row = found(*given, of=CardRule("production", reaches="Silver"))
    assert [row[name] for name in ("source", "k", "n", "missing")] == ["scorecard production: level Silver", 5.0, 7, 3]
    assert found(*given, of=CardRule("production", reaches="Gold"))["why"] == ABSENT


def test_a_card_that_two_tools_have_must_say_whose(found):
    given = [verdict(s, "passed") for s in SERVICES] + [verdict(s, "failed", tool="port") for s in SERVICES]
    assert found(*given, of=RULE)["why"] == TWO_TOOLS
    assert found(*given, of=replace(RULE, tool="port"))["k"] == 0.0
    assert found(of=RULE)["why"] == ABSENT


@pytest.mark.parametrize(
    ("passing", "failing", "state"),
    # At least half: nine of ten are surely, six of ten cannot be told, one of ten surely not; of three nothing is said.
    [(9, 1, "met"), (6, 4, "unknown"), (1, 9, "not met"), (3, 0, "unknown")],
)
def test_a_criterion_of_the_model_rests_on_it(company, settings, as_of, passing, failing, state):
    problems = []
    ours = replace(settings(), maturity=parse(MODEL, problems))
    assert problems == []
    check(ours)
    services = SERVICES[: passing + failing]
    made = company(
        services=[{"service_id": s} for s in services], ownership=[{"service_id": s, "team_id": "red"} for s in services],
        scorecard_results=[{**verdict(s, "passed" if n < passing else "failed"), "as_of": as_of("2026-03-31")} for n, s in enumerate(services)],
    )  # fmt: skip
    rows = criteria(made, ours, as_of(AS_OF))
    assert {(row["entity_id"], row["state"], row["n"]) for row in rows.to_dicts()} == {("org", state, len(services)), ("red", state, len(services))}  # fmt: skip
    (again,) = looks(["scorecard production: has-oncall"], made, ours, as_of(AS_OF))
    assert again.height == 2
