"""What roles say, by hand; and of whom nothing is told because a difference would be somebody."""

from __future__ import annotations

import pytest

from idp_analytics.metrics.maturity.roles import COLUMNS, NEAR, SMALL, maturity_roles

OPERATIONS = ("O1", "O2", "O3", "O4", "O5s")


def form(who, role, level, team="red", wave="w", at="2026-06-01"):
    return [
        {"assessment_id": who, "item_id": item, "wave": wave, "team_id": team, "respondent_id": who, "role": role, "model_version": "1.0.0", "answer": str(level), "submitted_at": at}
        for item in OPERATIONS
    ]  # fmt: skip


def many(role, level, n, teams=("red", "blue", "green"), **more):
    """``n`` people of one role, spread over teams."""
    return [row for at in range(n) for row in form(f"{role}{at}", role, level, teams[at % len(teams)], **more)]


@pytest.fixture
def told(company, settings, as_of):
    def of(*forms):
        found = maturity_roles(company(assessments=[row for one in forms for row in one]), settings(), as_of("2026-07-01"))  # fmt: skip
        assert dict(found.schema) == COLUMNS
        return {row["role"]: row for row in found.to_dicts()}

    return of


def test_roles_beside_each_other(told):
    found = told(many("user", 2, 9), many("leader", 4, 6), many("platform", 3, 7))
    assert {role: (row["aspect"], row["self_level"], row["self_low"], row["self_high"], row["respondents"]) for role, row in found.items()} == {
        "user": ("operations", 2, 2, 2, 9), "leader": ("operations", 4, 3, 4, 6), "platform": ("operations", 3, 2, 3, 7),
    }  # fmt: skip  # that all six or seven said the same is not told; of nine the bounds are not the outermost's
    assert {row["why"] for row in found.values()} == {None}


@pytest.mark.parametrize(
    ("forms", "why"),
    [
        ((many("user", 2, 9), many("leader", 4, 4)), {"user": SMALL, "leader": SMALL}),  # the four would be everybody less the nine
        ((many("user", 2, 9), many("leader", 4, 6), form("x", None, 1)), {"user": SMALL, "leader": SMALL}),  # so would the one
        ((many("user", 2, 9), many("leader", 4, 6)), {"user": None, "leader": None}),
        # All of platform work in one team, whose level is told: with its one leader it is six.
        ((many("user", 2, 9), many("leader", 4, 5), many("platform", 3, 6, ("plat",)), form("boss", "leader", 1, "plat")), {"user": None, "leader": None, "platform": NEAR}),
        # With five more people the difference is nobody's.
        ((many("user", 2, 9), many("platform", 3, 6, ("plat",)), many("leader", 1, 5, ("plat",))), {"user": None, "platform": None, "leader": None}),
        ((many("user", 2, 9),), {"user": None}),  # the same as everybody: nothing that is not told already
        ((many("user", 2, 9, ("red",)), many("leader", 2, 5, ("blue",))), {"user": None, "leader": None}),  # each the whole of a team
    ],
)  # fmt: skip
def test_of_whom_nothing_is_told(told, forms, why):
    found = told(*forms)
    assert {role: row["why"] for role, row in found.items()} == why
    assert all((row["aspect"] is None) == (row["why"] is not None) for row in found.values())


def test_the_last_wave_that_is_closed(told):
    """The second wave is still open on 1 July: its first form came on 20 June."""
    found = told(many("user", 2, 9), many("user", 4, 9, wave="next", at="2026-06-20"))
    assert (found["user"]["wave"], found["user"]["self_level"]) == ("w", 2)
    assert told() == {}
    assert told([{**row, "role": None} for row in many("user", 2, 9)]) == {}


def test_the_synthetic_company(sample):
    """Its platform's people are one team less its leader, so of them nothing is told; users and leaders are spread over all teams."""
    found = sample.study("maturity_roles")
    assert set(found.filter(why=NEAR)["role"]) == {"platform"}
    assert set(found.drop_nulls("aspect")["role"]) == {"user", "leader"}
