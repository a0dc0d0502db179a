"""Panels, rungs, guards and verdicts on their own, by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

from idp_analytics.answers import Verdict
from idp_analytics.metrics import by_name
from idp_analytics.metrics.impact import guards, ladder, verdict
from idp_analytics.metrics.impact.columns import Method, State
from idp_analytics.metrics.impact.finding import Finding, Scale, amounts, expected_level
from idp_analytics.metrics.impact.ledger import Entry
from idp_analytics.metrics.impact.panel import Panel, panel
from idp_analytics.settings import Mark


def answer(entity: str, month: int, value, n, metric="change_fail_rate", **more):
    usual = {
        "entity_id": entity, "every": "1mo", "period_start": date(2025, month, 1), "metric": metric, "value": value, "n": n, "k": None, "high": 1.0,
        "missing": 0, "is_partial": False, "detail": None, "verdict": "not identified",
    }  # fmt: skip
    return {**usual, **more}


SCHEMA = {
    "entity_id": pl.String, "every": pl.String, "period_start": pl.Date, "metric": pl.String, "value": pl.Float64, "n": pl.Int64, "k": pl.Int64,
    "high": pl.Float64, "missing": pl.Int64, "is_partial": pl.Boolean, "detail": pl.String, "verdict": pl.String,
}  # fmt: skip


def made(metric: str, *rows) -> Panel:
    return panel(pl.DataFrame(rows, schema=SCHEMA, orient="row"), by_name(metric), ("a", "b"), "1mo")


def test_a_panel_of_shares_by_hand():
    """A share is known from one observation on, and weighs as much as there are; a month with none is missing and not 0."""
    found = made(
        "change_fail_rate",
        answer("a", 1, None, 2, k=1), answer("a", 2, 0.25, 8, k=2, missing=3), answer("a", 3, None, 0, k=0), answer("b", 2, 0.0, 5, k=0),
        answer("b", 4, 0.5, 4, k=2, is_partial=True), answer("a", 5, None, 0, verdict="not measured"),
    )  # fmt: skip
    assert found.starts == tuple(date(2025, m, 1) for m in (1, 2, 3))
    np.testing.assert_array_equal(found.values, [[0.5, 0.25, np.nan], [np.nan, 0.0, np.nan]])
    np.testing.assert_array_equal(found.weights, [[2, 8, 0], [0, 5, 0]])
    assert (found.n.sum(), found.missing.sum(), found.is_ratio) == (15, 3, False)


def test_a_panel_of_medians_and_of_rates_by_hand():
    """Medians are told as logarithms and weigh as much as they rest on; a rate is 0 from a unit's first event on where nothing happened."""
    medians = made(
        "change_lead_time", answer("a", 1, 10.0, 20, "change_lead_time"), answer("b", 1, None, 3, "change_lead_time"), answer("b", 2, 0.0, 6, "change_lead_time")
    )  # fmt: skip
    np.testing.assert_allclose(np.exp(medians.values), [[10, np.nan], [np.nan, 1 / 3600]])
    np.testing.assert_array_equal(medians.weights, [[20, 0], [0, 6]])
    name = "deployment_frequency"
    rates = made(
        name,
        answer("a", 1, None, 0, name),
        answer("a", 2, 0.5, 14, name),
        answer("a", 3, None, 0, name),
        answer("b", 3, None, 0, name, high=None),
    )
    np.testing.assert_array_equal(rates.values, [[np.nan, 0.5, 0.0], [np.nan, np.nan, np.nan]])
    np.testing.assert_array_equal(rates.weights, [[0, 1, 1], [0, 0, 0]])


def test_the_period_in_which_it_was_taken_up():
    months = made("change_fail_rate", *(answer("a", m, 0.5, 4, k=2) for m in range(1, 5)))
    days = {"a": date(2025, 3, 31), "b": date(2024, 12, 31)}
    assert months.taken_up(days).tolist() == [2, -1]
    assert months.taken_up({"a": date(2025, 5, 1), "b": None}).tolist() == [4, 4]
    assert months.end == date(2025, 5, 1)


def panel_of(units: int, months: int) -> Panel:
    shape = (units, months)
    return Panel(tuple(map(str, range(units))), tuple(date(2025, 1 + m, 1) for m in range(months)), np.zeros(shape), np.ones(shape),
                 np.ones(shape, np.int64), np.zeros(shape, np.int64), False)  # fmt: skip


@pytest.mark.parametrize(
    ("when", "is_compared"),
    [
        ([4, 4, 4, 99, 99, 99], True),
        ([4, 4, 99, 99, 99, 99], False),  # two took it up
        ([4, 4, 4, 99, 99, 0], False),  # one had it from the first month on: it says nothing
        ([3, 4, 5, 6, 7, 8], True),  # later takers are a comparison until they take it up
        ([1, 1, 1, 99, 99, 99], False),  # one month before is too little
        ([9, 9, 9, 99, 99, 99], False),  # the month itself is no month after
    ],
)
def test_when_units_can_be_compared(when, is_compared):
    rung = ladder.comparison(panel_of(6, 10), np.array(when))
    assert (rung is not None) is is_compared


def test_large_cohorts_and_many_units_are_told_so():
    when = np.array([4] * 20 + [99] * 20)
    rung = ladder.comparison(panel_of(40, 10), when)
    assert rung.why == "20 units took it up in 1 different month and are compared with 20 that had not taken it up."


def test_scales_by_hand():
    """A median of 6 hours that is 0.6 of what it would be: 10 are expected, 4 fewer are the effect."""
    scale = expected_level(np.log([[6.0, 6.0]]), np.ones((1, 2)), np.log(0.6), True)
    assert scale.expected == pytest.approx(10.0)
    assert scale(np.log(0.6)) == pytest.approx(-4.0)
    assert scale.detectable(np.log(2), -1) == pytest.approx(5.0)
    assert scale.detectable(np.log(2), 1) == pytest.approx(10.0)
    assert Scale(False)(0.3) == 0.3
    assert (amounts("share of deployments")(0.054), amounts("hours")(4.0)) == ("5.4 points", "4 hours")
    assert (amounts("share of deployments")(-0.00749), amounts("hours")(-1234.5)) == ("−0.75 points", "−1,230 hours")
    assert amounts("hours")(0.00001234) == "0.0000123 hours"


FOUND = Finding(
    Method.GROUP_TIME, "", effect=-2.0, low=-3.0, high=-1.0, detectable=1.0, placebo_p=0.01, is_few=True, p=0.01
)


def test_an_effect_without_an_interval_is_not_told():
    assert np.isnan(replace(FOUND, high=np.nan).effect)


def say(found=FOUND, smallest=0.5, forbidden=False, p=np.nan):
    return verdict.said(found, -1, smallest, State.DUE, forbidden, "{:g} h".format, 0.95, p)


def test_verdicts_never_stronger_than_the_method():
    assert say().verdict is Verdict.IMPROVED
    assert say(forbidden=True).verdict is Verdict.NOT_IDENTIFIED
    none = replace(FOUND, high=1.0, detectable=0.4)
    assert say(none).verdict is Verdict.NO_DETECTABLE_CHANGE
    assert say(none, forbidden=True).verdict is Verdict.NOT_IDENTIFIED, (
        "two changes that cancel each other look like none"
    )
    for method in (Method.PROCESS_BEHAVIOUR, Method.INTERRUPTED):
        alone = replace(FOUND, method=method, is_signal=True)
        assert say(alone).verdict is Verdict.NOT_IDENTIFIED
        assert say(alone).because == verdict.NOTHING_TELLS_WHY
        assert say(replace(alone, is_signal=False, detectable=0.4)).verdict is Verdict.NO_DETECTABLE_CHANGE
    assert say(replace(FOUND, method=Method.NONE)).verdict is Verdict.INSUFFICIENT_DATA
    assert say(replace(FOUND, low=np.nan, high=np.nan)).verdict is Verdict.INSUFFICIENT_DATA
    assert set(verdict.ALLOWS) == set(Method)


def test_exploratory_metrics_need_all_of_them_counted_in():
    assert say(smallest=None, p=0.04).verdict is Verdict.IMPROVED
    assert say(smallest=None, p=0.06).verdict is Verdict.NO_DETECTABLE_CHANGE
    assert say(smallest=None).verdict is Verdict.NO_DETECTABLE_CHANGE


ENTRY = {
    "id": "it", "component": None, "hypothesis": "", "metric": "change_fail_rate", "sign": -1, "smallest": 0.5, "kind": "team",
    "registered_at": datetime(2025, 1, 1, tzinfo=UTC), "review_on": date(2026, 1, 1), "state": State.DUE,
    "adopted": {"red": date(2025, 5, 1), "blue": date(2025, 6, 1)}, "before_registered": 0, "is_mixed": False,
}  # fmt: skip


SIDES = {"periods_before": 4, "periods_after": 2}


@pytest.mark.parametrize(
    ("changed", "forbids", "says"),
    [
        ({}, False, None),
        ({"placebo_p": 0.2}, True, "20% of other ways of giving out the dates are as far off"),
        ({"placebo_p": np.nan}, True, "too few ways"),
        ({"placebo_p": 0.2, "high": 1.0}, False, None),  # nothing is claimed of what may be none
        # Four months before and two after: three months apart. The interval reaches from −3 to −1, so one to either side.
        ({**SIDES, "drift_low": -0.4, "drift_high": -0.1}, True, "like that would explain it"),  # −1.2
        ({**SIDES, "drift_low": -0.3, "drift_high": -0.1}, False, "little beside the interval"),  # −0.9
        ({**SIDES, "drift_low": 0.1, "drift_high": 0.9}, False, "little beside the interval"),  # 0.3, the other way
        ({**SIDES, "drift_low": 0.4, "drift_high": 0.9}, True, "more than the interval allows for"),  # 1.2
        (
            {"pretrend_detectable": 0.5, "drift_low": -1.0, "drift_high": 1.0},
            False,
            "one of less than 0.5 h a month would not be",
        ),
        ({"expected": -0.5}, False, "-0.5 h would come back by chance alone."),
        ({"expected": -1.5}, True, "which may be all there is"),
        ({"early": -0.4}, False, "it had moved by -0.4 h already"),
        ({"method": Method.INTERRUPTED, "resembling": 0.5}, False, "resemble each other"),
    ],
)
def test_each_guard(changed, forbids, says):
    told = list(guards.seen(Entry(**ENTRY), replace(FOUND, **changed), [], 0.95, "{:g} h".format, -1))
    assert any(one.forbids for one in told) is forbids
    assert [one.says for one in told] == [] if says is None else any(says in one.says for one in told)


def test_what_comes_back_is_asked_on_the_side_hoped_for():
    """Up is hoped for: 1 to 3 is seen, and 0.5 or 1.5 would come back by itself."""
    up = replace(FOUND, effect=2.0, low=1.0, high=3.0)
    for expected, forbids in ((0.5, False), (1.5, True)):
        (one,) = guards.seen(Entry(**ENTRY), replace(up, expected=expected), [], 0.95, "{:g} h".format, 1)
        assert one.forbids is forbids


OWNERSHIP = pl.LazyFrame(
    [("till", "red", None, date(2025, 5, 5)), ("shelf", "red", None, date(2025, 5, 6)), ("cart", "red", date(2025, 5, 5), None), ("stock", "blue", None, None)],
    schema={"service_id": pl.String, "team_id": pl.String, "valid_from": pl.Date, "valid_to": pl.Date}, orient="row",
)  # fmt: skip


def test_what_reached_a_team_reached_the_services_it_owned_that_day(settings):
    """Red gets a new rota on 5 May: the shelf was its own still, the cart already, the till no longer; so does an entry about teams. Of teams, services say nothing."""
    day = date(2025, 5, 1)
    one = Entry(**{**ENTRY, "kind": "service", "adopted": dict.fromkeys(("till", "shelf", "cart", "stock"), day)})
    of_teams = replace(one, id="teams", kind="team", adopted={"red": date(2025, 9, 1), "blue": date(2025, 5, 30)})
    whole = replace(settings(), phases=(Mark(date(2025, 5, 5), "new rota", team="red"),))
    year = (date(2025, 1, 1), date(2026, 1, 1))
    found = guards.overlaps(one, [one, of_teams], whole, *year, True, OWNERSHIP)
    assert found == [guards.Overlap("teams", 0.25), guards.Overlap("new rota", 0.5)]
    assert guards.overlaps(of_teams, [one, of_teams], settings(), *year, True, OWNERSHIP) == []


def test_overlaps_with_phases_and_entries(settings):
    one = Entry(**ENTRY)
    other = replace(one, id="other", adopted={"red": date(2025, 5, 20), "green": date(2025, 5, 1)})
    service = replace(other, id="service", kind="service")
    phases = (
        Mark(date(2025, 5, 5), "new rota", team="red"),
        Mark(date(2025, 5, 5), "other metric", metric="change_lead_time"),
        Mark(date(2025, 6, 5), "for all"),
        Mark(date(2030, 1, 1), "later"),
    )
    year = (date(2025, 1, 1), date(2026, 1, 1))
    reached = [guards.Overlap("other", 0.5), guards.Overlap("new rota", 0.5)]
    whole = replace(settings(), phases=phases)
    assert guards.overlaps(one, [one, other, service], whole, *year, True, OWNERSHIP) == reached
    # What reaches everybody is in both sides of a comparison; of one series it is not told apart.
    assert guards.overlaps(one, [one, other, service], whole, *year, False, OWNERSHIP) == [
        *reached,
        guards.Overlap("for all", 1.0),
    ]
    assert guards.overlaps(one, [other], settings(), None, None, True, OWNERSHIP) == []
