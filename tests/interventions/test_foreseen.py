"""What could be seen of a change before it begins: by hand where all units weigh the same, and told in sentences."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from idp_analytics.estimates import power
from idp_analytics.interventions import foreseen
from idp_analytics.interventions.foreseen import Foreseen, said
from idp_analytics.interventions.registering import Draft, Registration
from idp_analytics.metrics import by_name
from idp_analytics.metrics.impact.panel import Panel


def registration(
    metric="change_lead_time",
    effect=4.0,
    direction="down",
    units=("checkout", "payouts"),
    review=date(2026, 12, 31),
    kind="service",
    adopted=None,
):
    draft = Draft("auto", "h", metric, direction, str(effect), kind, tuple(units), None, adopted, review, datetime(2026, 6, 30, 9, tzinfo=UTC))  # fmt: skip
    return Registration(draft, by_name(metric), direction, effect, kind)


def made_panel(values, weights=None):
    values = np.asarray(values, float)
    starts = tuple(date(2025 + (6 + n) // 12, (6 + n) % 12 + 1, 1) for n in range(values.shape[1]))
    weights = np.where(np.isnan(values), 0.0, 1.0 if weights is None else weights)
    counts = np.ones(values.shape, dtype=np.int64)
    return Panel(tuple(f"u{n}" for n in range(len(values))), starts, values, weights, counts, counts * 0, False)


def by_comparison(values, after=3, weights=None):
    return foreseen._by_comparison(made_panel(values, weights), after, 0.95)


def test_it_is_what_two_groups_of_means_show_where_all_units_weigh_the_same():
    rng = np.random.default_rng([7, 1])
    noise = rng.normal(0, 1, (60, 24))
    # 20 months before, one of taking up, 3 after: the change of a unit has the variance 1 ÷ 20 + 1 ÷ 3.
    expected = power.two_groups(30, 30, math.sqrt(1 / 20 + 1 / 3))
    assert by_comparison(noise) == pytest.approx(expected, rel=0.12)
    assert by_comparison(noise + np.linspace(0, 50, 24)) == pytest.approx(by_comparison(noise))  # what moves all alike
    assert by_comparison(noise[:15]) > 1.5 * by_comparison(noise)
    assert by_comparison(noise, 8) < by_comparison(noise)
    few = made_panel(noise[:, :7])
    assert foreseen._by_comparison(few, 30, 0.95) == foreseen._by_comparison(few, 4, 0.95)  # no longer than the past


def test_too_little_is_no_number():
    noise = np.random.default_rng(1).normal(0, 1, (9, 8))
    assert (
        math.isnan(by_comparison(noise[:5]))
        and math.isnan(by_comparison(noise[:, :3]))
        and math.isnan(by_comparison(noise, 0))
    )
    unknown = noise.copy()
    unknown[:4, 5:] = np.nan
    assert math.isnan(by_comparison(unknown)) and by_comparison(noise) > 0


@pytest.mark.parametrize(
    ("begins", "ends", "months"),
    [((2026, 6, 30), (2026, 12, 31), 5), ((2026, 6, 1), (2026, 8, 1), 1), ((2026, 6, 30), (2026, 7, 31), 0), ((2026, 12, 5), (2027, 2, 1), 1)],
)  # fmt: skip
def test_only_whole_months_count(begins, ends, months):
    assert foreseen._whole_months(date(*begins), date(*ends)) == months


@pytest.mark.parametrize("sign", [1, -1])
def test_a_factor_is_told_in_the_unit_and_back(sign):
    inside = foreseen._inside(4.0, 30.0, sign, True)
    assert foreseen._outside(inside, 30.0, sign, True) == pytest.approx(4.0)
    assert foreseen._inside(40.0, 30.0, -1, True) == math.inf
    assert foreseen._outside(foreseen._inside(0.02, 9, sign, False), 9, sign, False) == 0.02


SEEN = Foreseen(25, 27, 12, 5, 3.0, 9.0, 12.2, math.nan, 30.0)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, "By the 12 months of data there are, 25 of 27 services known: if half of them take it up and half do not yet, a difference of 3.0 h or more would be "
             "seen four times in five by 31 December 2026; the 4.0 h that matter would be seen."),
        ({"compared": 6.0}, "The 4.0 h that matter are less: they would look like nothing. About 13 services in each half would do."),
        ({"compared": 6.0, "longer": 8.0}, "About 13 services in each half or 8 whole months after instead of 5 would do."),
        ({"compared": 6.0, "needed": math.nan}, "Choose a larger effect, more units, or a metric that is seen more often."),
        ({"units": 5}, "too little to compare units. At least 3 services that take it up and 3 that do not yet are needed"),
        ({"compared": math.nan}, "too little to compare units"),
        ({"after": 0}, "No whole month lies between taking it up and 31 December 2026"),
        ({"now": 3.5}, "It is at 3.5 h and cannot fall by 4.0 h: name a smaller effect."),
    ],
)  # fmt: skip
def test_it_is_told_what_could_be_seen_and_what_more_is_needed(changed, told):
    sentences = list(said(registration(), replace(SEEN, **changed)))
    assert told in " ".join(sentences)
    assert ("before and after would show 9.0 h or more, and nothing would tell why" in sentences[-1]) == (
        "now" not in changed
    )


def test_of_the_synthetic_company_it_is_near_what_was_seen_afterwards(sample, mart):
    """Of its rollout of the pipeline, with the units and the months it had; the past from which that is taken has the rollout in it, which makes it larger."""
    judged = mart.studies["impact"].filter(intervention_id="pipeline-rollout", role="primary").row(0, named=True)
    rows = sample.tables["interventions"].filter(intervention_id="pipeline-rollout")
    made = registration(units=rows["unit_id"].to_list(), review=date(2026, 10, 31))
    found = foreseen.foreseen(made, sample)
    assert found.told()["after"] == "3"
    assert found.registered == 24 and found.after == 3 == judged["periods_after"]
    assert 0.7 < found.compared / judged["detectable"] < 1.8
