"""Which test holds which reference case of surveys (S), agreement (E), causes (C) and priorities (F), so that none is forgotten."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from idp_analytics.estimates import drivers, ordinal, promoters, rates, shares

HELD = {
    "S01g": "test_shares.py::test_reference_cases",
    "S02g": "test_changes.py::test_reference_case",
    "S03g": "test_promoters.py::test_the_published_example",
    "S04g": "test_shares.py::test_the_published_survey_of_a_finite_population",
    "S05g": "test_ordinal.py::test_the_published_example",
    "S06g": "test_reference_cases.py::test_the_same_people_twice",
    "S07g": "test_answer_reliability.py::test_the_published_scales",
    "S08g": "test_willingness.py::test_published_range_of_prices",
    "S09g": "test_willingness.py::test_published_demand_and_lower_bound",
    "S11g": "test_disclosure.py::test_a_published_table_with_margins",
    "S13g": "test_reference_cases.py::test_nothing_seen",
    "E01g": "test_agreement.py::test_reference_cases",
    "E02g": "test_agreement.py::test_reference_cases",
    "E03g": "test_agreement.py::test_reference_cases",
    "E04g": "test_ratings.py::test_reference_cases",
    "E05g": "test_agreement.py::test_reference_cases",
    "E06g": "test_ratings.py::test_reference_cases",
    "E08g": "test_agreement.py::test_reference_cases",
    "C01g": "test_group_time.py::test_published_example",
    "C02g": "test_impact_estimates.py::test_published_smoking_ban",
    "C03g": "test_multiplicity.py::test_the_published_example",
    "C04g": "test_impact_estimates.py::test_published_power",
    "F01g": "test_drivers.py::test_published_shares_of_variance",
    "F02g": "test_reference_cases.py::test_strengths_from_pairs",
}
"""Case → the test that compares all of it but what no estimate of ours has: one regression with both means (C01g)."""


def case(cases: Path, name: str) -> tuple[Any, dict[str, tuple[float, float]]]:
    """The data of a case, and what is expected with its tolerance."""
    found = json.loads((cases / "stats" / "given" / f"{name}.json").read_text(encoding="utf-8"))
    return found["data"], {key: (one["value"], one["atol"]) for key, one in found["expected"].items()}


def test_every_case_has_its_test(cases: Path) -> None:
    there = {path.name.partition("_")[0] for path in (cases / "stats" / "given").glob("[SECF][0-9]*.json")}
    assert there and there <= HELD.keys()
    for name, test in HELD.items():
        file, _, function = test.partition("::")
        source = (Path(__file__).parent / file).read_text(encoding="utf-8")
        held = next(
            node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name == function
        )
        assert name in (ast.get_source_segment(source, held) or ""), f"{test} does not read {name}"


def test_nothing_seen(cases: Path) -> None:
    """0 of 20, as every share is told (Wilson), as a rate is (exact Poisson), and what must not be fallen short of: the exact one-sided bound and the rule
    of three, 3 ÷ n, which is that of a rate to the next whole number."""
    (k, n), expected = case(cases, "S13g_zero_events")
    once = rates.exact_poisson(k, n, 0.9)[1]  # as high at 90 %, two-sided, as at 95 %, one-sided
    got = {
        "wilson_hi_0_20": shares.wilson(k, n)[1], "cp_hi_0_20": shares.upper_bound(k, n, 0.975), "one_sided95_0_20": shares.upper_bound(k, n),
        "rule_of_three_20": np.round(once * n) / n,
    }  # fmt: skip
    assert got.keys() == expected.keys()
    for name, (value, tolerance) in expected.items():
        assert np.isclose(got[name], value, rtol=0, atol=tolerance), name
    assert shares.wilson(k, n)[0] == rates.exact_poisson(k, n)[0] == 0


def test_what_was_never_seen_is_told_with_no_lower_bound_than_the_rule_of_three() -> None:
    """Of rates always. Of shares Wilson's upper end is the exact one-sided bound or more from 7 on, and 3 ÷ n from 14; of fewer it falls short (0 of 3:
    56 % and 63 %), the price of being right on average over all shares."""
    n = np.arange(1, 2001)
    assert (rates.exact_poisson(0, n)[1] > 3 / n).all()
    wilson, exact = shares.wilson(0 * n, n)[1], shares.upper_bound(0 * n, n)
    assert ((wilson >= exact) == (n >= 7)).all()
    assert ((wilson >= 3 / n) == (n >= 14)).all()
    assert (exact <= 3 / n).all()


def test_the_same_people_twice(cases: Path) -> None:
    data, expected = case(cases, "S06g_wilcoxon_paired")
    ranks, chance, *_ = ordinal.paired(data["x"], data["y"], "greater")
    for got, (value, tolerance) in zip((ranks, chance), (expected["V"], expected["p"]), strict=True):
        assert got == pytest.approx(value, abs=tolerance)


def test_strengths_from_pairs(cases: Path) -> None:
    data, expected = case(cases, "F02g_bradley_terry")
    names = list(dict.fromkeys(name for first, second, *_ in data for name in (first, second)))
    wins = np.zeros((len(names), len(names)))
    for first, second, won, lost in data:
        wins[names.index(first), names.index(second)], wins[names.index(second), names.index(first)] = won, lost
    strength, error, deviance = drivers.bradley_terry(wins)
    got = {
        **dict(zip(names, strength, strict=True)),
        **{f"se_{name}": one for name, one in zip(names, error, strict=True)},
        "deviance": deviance,
    }
    for name, (value, tolerance) in expected.items():
        assert got[name] == pytest.approx(value, abs=tolerance), name


def test_what_a_score_is_made_of(cases: Path) -> None:
    """The variance of a score as Wald has it, of which ours is the one with three answers more, and where our interval has its middle."""
    data, expected = case(cases, "S03g_nps")
    n, ends = sum(data.values()), promoters.score(data["promoters"], data["detractors"], sum(data.values()))
    variance = (data["promoters"] + data["detractors"]) / n - (float(ends[0]) / 100) ** 2
    got = {"var": variance, "se": 100 * (variance / n) ** 0.5, "adj_centre": float(ends[1] + ends[2]) / 2}
    for name, value in got.items():
        assert value == pytest.approx(expected[name][0], abs=expected[name][1]), name
