from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from idp_analytics.metrics.allocation.settlement import CLOSED, settled


def placed(costs: dict, used: dict, to_teams: dict, method: str, order: list | None = None) -> dict:
    """Costs of pools → what each team pays, and what nobody does."""
    found: dict[str, Fraction] = {}
    for name, times in settled(used, method, order or ()).items():
        for other, factor in times.items():
            split = {CLOSED: Fraction(1)} if other == CLOSED else to_teams[other]
            for team, part in split.items():
                found[team] = found.get(team, Fraction(0)) + Fraction(costs[name]) * factor * part
    return found


def fractions(usage: dict) -> tuple[dict, dict]:
    used, to_teams = {}, {}
    for name, row in usage.items():
        whole = sum(Fraction(v) for v in row.values())
        parts = {key: Fraction(v) / whole for key, v in row.items()}
        used[name] = {key: part for key, part in parts.items() if key in usage}
        to_teams[name] = {key: part for key, part in parts.items() if key not in usage}
    return used, to_teams


USAGE = {
    "build": {"cluster": "30", "red": "10", "blue": "60"},
    "cluster": {"build": "20", "red": "60", "blue": "20"},
}


@pytest.mark.parametrize(
    ("method", "order", "red"),
    [
        # Each by hand for build 700, cluster 1,000; together 1,700.
        ("direct", None, Fraction(700, 7) + 750),
        ("step-down", ["build", "cluster"], 70 + Fraction(3, 4) * 1210),
        ("step-down", ["cluster", "build"], 600 + Fraction(1, 7) * 900),
        # b = 700 + 0.2 c and c = 1000 + 0.3 b: b = 900/0.94, c = 1210/0.94
        ("reciprocal", None, Fraction(1, 10) * Fraction(90000, 94) + Fraction(6, 10) * Fraction(121000, 94)),
    ],
)
def test_three_methods_by_hand(method, order, red):
    used, to_teams = fractions(USAGE)
    found = placed({"build": 700, "cluster": 1000}, used, to_teams, method, order)
    assert found == {"red": red, "blue": 1700 - red}


def test_published_service_departments(cases):
    document = json.loads((cases / "cost" / "textbook/service_department_allocation.json").read_text())
    assert len(document["cases"]) == 5
    for case in document["cases"]:
        used, to_teams = fractions(case["usage"])
        for method, expected in case["expected"].items():
            found = placed(case["service_costs"], used, to_teams, method.replace("_", "-"), expected.get("order"))
            assert {k: v for k, v in found.items() if v} == {k: Fraction(v) for k, v in expected["exact"].items()}, (
                case["name"], method,
            )  # fmt: skip
    (loop,) = document["degenerate"]
    used, to_teams = fractions(loop["usage"])
    for method in ("direct", "reciprocal"):
        assert placed(loop["service_costs"], used, to_teams, method) == {CLOSED: 150}


def test_what_goes_round_for_ever_is_told_apart_from_what_gets_out():
    used = {
        "in": {"a": Fraction(1, 4), "b": Fraction(1, 4)},
        "a": {"b": Fraction(1)}, "b": {"a": Fraction(1)},
    }  # fmt: skip
    assert settled(used, "reciprocal")["in"] == {"in": 1, CLOSED: Fraction(1, 2)}
    assert settled(used, "reciprocal")["a"] == {CLOSED: 1}
    assert settled(used, "step-down", ["a", "b", "in"]) == {"in": {"in": 2}, "a": {CLOSED: 1}, "b": {CLOSED: 1}}


def test_what_a_pool_uses_of_itself_falls_away():
    alone = {"a": {"a": Fraction(1, 2)}}
    for method in ("direct", "step-down", "reciprocal"):
        assert settled(alone, method) == {"a": {"a": 2}}


@given(st.lists(st.lists(st.integers(0, 20), min_size=4, max_size=4), min_size=3, max_size=3))
@hypothesis_settings(max_examples=50)
def test_every_method_places_every_pool_whole_and_reciprocal_agrees_with_linear_algebra(table):
    names = ["a", "b", "c"]
    table = [[0 if i == j else value for j, value in enumerate(row)] for i, row in enumerate(table)]
    whole = [sum(row) or 1 for row in table]
    used = {
        names[i]: {names[j]: Fraction(row[j], whole[i]) for j in range(3)} for i, row in enumerate(table)
    }  # the fourth number is the teams' part
    own = {name: 1 - sum(used[name].values()) for name in names}
    for method in ("direct", "step-down", "reciprocal"):
        for times in settled(used, method, names).values():
            placed_whole = sum(factor * (1 if other == CLOSED else own[other]) for other, factor in times.items())
            assert placed_whole == 1
    matrix = np.eye(3) - np.array([[float(used[a][b]) for b in names] for a in names])
    if all(own.values()):
        inverse = np.linalg.inv(matrix)
        found = settled(used, "reciprocal")
        for i, name in enumerate(names):
            assert [float(found[name].get(other, 0)) for other in names] == pytest.approx(inverse[i].tolist())
