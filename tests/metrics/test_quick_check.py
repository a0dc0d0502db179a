"""The Quick Check's scoring against DORA's own cases, and how our numbers become its answers."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.metrics import quick_check
from idp_analytics.metrics.editions import quick_checks

THEIRS = {
    "leadtime": "change_lead_time", "deployfreq": "deployment_frequency", "failurerecovery": "failed_deployment_recovery_time",
    "changefailure": "change_fail_rate", "rework": "deployment_rework_rate",
}  # fmt: skip


@pytest.fixture(scope="module")
def dora(cases):
    folder = cases / "dora" / "dora.dev"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    return folder


def scores(answers: dict[str, float]) -> dict[str, np.ndarray]:
    kind = {name: "percentage" if name in ("changefailure", "rework") else "categorical" for name in THEIRS}
    return {THEIRS[name]: quick_check.score(answer, kind[name]) for name, answer in answers.items()}


def test_every_case_of_doras_own_tests(dora):
    told = json.loads((dora / "extracted" / "quickcheck_cases.json").read_text())["cases"]
    done = 0
    for case in told:
        match case["fn"]:
            case "calculatePerformanceScore":
                assert quick_check.score(*case["args"]) == pytest.approx(case["expect"])
            case "calculatePerformanceAverage":
                answers, year = case["args"]
                assert quick_check.average(scores(answers), "overall", int(year)) == pytest.approx(case["expect"])
            case "calculateAll":
                answers, year = case["args"]
                for group, name in (
                    ("overall", "performance"),
                    ("throughput", "throughput"),
                    ("stability", "stability"),
                ):
                    found = quick_check.average(scores(answers), group, int(year))
                    assert found == pytest.approx(case["expect"][f"{name}Average"])
            case "getIndustryMetrics(2025).all":
                means = quick_checks()[-1].means
                names = {**THEIRS, "software_delivery_stability": "stability", "performance_average": "overall"}
                for path, expected in case["expect"].items():
                    assert means[names[path.removesuffix(".mean")]] == pytest.approx(expected)
            case other:
                pytest.fail(f"no test for {other}")
        done += 1
    assert done == len(told) >= 10


@pytest.mark.parametrize("number", [0, 1])
def test_the_shipped_means_are_the_quick_checks(dora, number):
    check = quick_checks()[number]
    folder = dora / "svelte" / "quick-check" / "src" / "lib" / "data" / "editions" / str(check.year)
    theirs = json.loads((folder / "industry_metrics.json").read_text())["all"]
    for name, ours in THEIRS.items():
        if name in theirs:
            mean = 10 - theirs[name]["mean"] if name in ("changefailure", "rework") else theirs[name]["mean"]
            assert (check.means[ours], check.spreads[ours]) == (pytest.approx(mean), theirs[name]["std"])
        else:
            assert ours not in check.means


def test_their_figures_by_size_are_inverted_for_recovery_which_is_why_none_are_shipped(dora):
    folder = dora / "svelte" / "quick-check" / "src" / "lib" / "data" / "editions" / "2025"
    by_size, by_industry = (
        json.loads((folder / f"{name}_metrics.json").read_text()) for name in ("organization_size", "industry")
    )
    assert by_size["all"]["failurerecovery"]["mean"] == pytest.approx(
        10 - by_industry["all"]["failurerecovery"]["mean"]
    )


@pytest.mark.parametrize(
    ("metric", "value", "score"),
    [
        ("change_lead_time", 0.99, 10), ("change_lead_time", 1.0, 8), ("change_lead_time", 24.0, 6),
        ("change_lead_time", 168.0, 4), ("change_lead_time", 731.0, 2), ("change_lead_time", 5000.0, 0),
        ("failed_deployment_recovery_time", 23.0, 8), ("failed_deployment_recovery_time", math.inf, 0),
        ("deployment_frequency", 30.0, 10), ("deployment_frequency", 3.0, 8), ("deployment_frequency", 1.0, 8), ("deployment_frequency", 0.99, 6),
        ("deployment_frequency", 0.2, 6), ("deployment_frequency", 1 / 8, 4), ("deployment_frequency", 0.01, 2),
        ("deployment_frequency", 0.0, 0), ("change_fail_rate", 0.25, 7.5), ("deployment_rework_rate", 1.0, 0),
        ("change_fail_rate", math.nan, math.nan), ("deployment_frequency", math.nan, math.nan),
    ],
)  # fmt: skip
def test_our_numbers_as_its_answers(metric, value, score):
    assert quick_check.scored(metric, value) == pytest.approx(score, nan_ok=True)


def test_several_a_day_may_be_on_demand():
    assert quick_check.scored("deployment_frequency", [3.0, 0.5], best=True).tolist() == [10, 6]


def test_a_metric_it_does_not_ask_for_is_refused():
    with pytest.raises(KeyError):
        quick_check.scored("showback_cost", 1.0)


def test_means_are_of_what_is_answered():
    some = {"change_lead_time": [8.0, np.nan], "deployment_frequency": [np.nan, np.nan]}
    assert quick_check.average(some, "throughput", 2025).tolist() == pytest.approx([8.0, np.nan], nan_ok=True)
    assert np.isnan(quick_check.average(some, "stability", 2025)).all()
    rework = {"change_fail_rate": 9.0, "deployment_rework_rate": 1.0}
    assert quick_check.average(rework, "stability", 2024) == pytest.approx(9.0)
    assert quick_check.average(rework, "stability", 2025) == pytest.approx(5.0)


@given(st.sampled_from(sorted(THEIRS.values())), st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_better_number_never_scores_less(metric, one, other):
    worse, better = sorted((one, other), reverse=metric != "deployment_frequency")
    worst, best = quick_check.scored(metric, worse), quick_check.scored(metric, better)
    assert 0 <= worst <= best <= 10
    assert best <= quick_check.scored(metric, better, best=True)
