"""Changes of the ledger judged: which method the data allow, what speaks against a number, and what is never said."""

from __future__ import annotations

import calendar
import json
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

from idp_analytics.answers import Verdict
from idp_analytics.metrics import by_name
from idp_analytics.metrics.compute import compute
from idp_analytics.metrics.impact import estimated, guards, ladder, verdict
from idp_analytics.metrics.impact.columns import COLUMNS, COURSE_COLUMNS, Method, State
from idp_analytics.metrics.impact.finding import Finding, Scale, amounts, expected_level
from idp_analytics.metrics.impact.judged import impact, impact_course
from idp_analytics.metrics.impact.ledger import entries
from idp_analytics.metrics.impact.panel import Panel, panel
from idp_analytics.settings import Mark

AS_OF = "2026-01-01"
USUAL = {
    "unit_kind": "service", "hypothesis": "More is shipped", "metric": "deployment_frequency", "direction": "up", "smallest_effect": 0.2,
    "component": "pipeline", "review_on": "2026-06-01", "registered_at": "2025-01-02",
}  # fmt: skip


def entry(units: dict[str, str | None], name: str = "it", **more):
    return [{**USUAL, "intervention_id": name, "unit_id": unit, "adopted_on": on, **more} for unit, on in units.items()]


def shipped(service: str, per_day: list[float], year: int = 2025):
    """So many deployments a day of ``service`` in each month, give or take a few, from January on."""
    rng = np.random.default_rng([*service.encode()])
    rows = []
    for at, rate in enumerate(per_day):
        month, of = at % 12 + 1, year + at // 12
        days = calendar.monthrange(of, month)[1]
        number = max(0, round(rate * days + rng.normal(0, 1)))
        rows += [
            {
                "deployment_id": f"{service}/{of}-{month}/{i}", "service_id": service, "team_id": "red",
                "finished_at": f"{of}-{month:02d}-{1 + i * days // max(number, 1):02d}T{i % 24:02d}:00",
            }
            for i in range(number)
        ]  # fmt: skip
    return rows


@pytest.fixture
def judged(company, settings, as_of):
    def build(rows, deployments, study=impact, phases=(), at=AS_OF, asked=(), **more):
        services = sorted({row["service_id"] for row in deployments} | {row["unit_id"] for row in rows})
        tables = company(
            services=[{"service_id": name} for name in services], teams=[{"team_id": "red"}], interventions=rows, deployments=deployments, **more
        )  # fmt: skip
        return study(tables, replace(settings(), phases=tuple(phases), synthetic_controls=asked), as_of(at))

    return build


ADOPTED = {f"a{i}": f"2025-0{5 + i % 3}-10" for i in range(6)}
OTHERS = dict.fromkeys((f"o{i}" for i in range(6)), None)


def courses(rise: float = 0.4, trend: float = 0.0):
    made = []
    for at, (name, on) in enumerate({**ADOPTED, **OTHERS}.items()):
        began = int(on[5:7]) if on else 99
        made += shipped(
            name,
            [0.7 + 0.05 * at + (rise if month > began else 0) + (trend * month if on else 0) for month in range(1, 13)],
        )
    return made


def primary(frame: pl.DataFrame) -> dict:
    return frame.filter(role="primary").to_dicts()[0]


def test_a_planted_rise_is_found_and_told_with_all_that_belongs_to_it(judged):
    frame = judged(entry({**ADOPTED, **OTHERS}), courses())
    row = primary(frame)
    assert frame.schema == pl.Schema(COLUMNS)
    assert (row["method"], row["adopted"], row["compared"], row["verdict"]) == ("group-time effects", 6, 8, "improved")
    assert row["effect"] == pytest.approx(0.4, abs=0.05)
    assert 0.3 < row["low"] < row["effect"] < row["high"] < 0.5
    assert row["placebo_p"] <= 0.05
    assert row["detectable"] < 0.1
    assert row["pretrend_detectable"] < 0.03
    assert (row["state"], row["direction"], row["unit"]) == ("running", "up", "deployments per day")
    assert row["why"] == (
        "6 units took it up in 3 different months and are compared with 6 that had not taken it up and, until they did, 2 that took it up later; "
        "no month has 5 who took it up, so that all are put together; they are few, so dates are given out anew as well."
    )
    assert row["n"] > 3000
    others = frame.filter(role="exploratory")
    assert set(others["metric"]) <= {"change_lead_time", "change_fail_rate", "deployment_rework_rate"}
    course = judged(entry({**ADOPTED, **OTHERS}), courses(), impact_course)
    assert course.schema == pl.Schema(COURSE_COLUMNS)
    after = course.filter(pl.col("event_period") > 0, pl.col("metric") == "deployment_frequency")
    assert after["event_period"].to_list() == [1, 2, 3, 4, 5, 6, 7]
    assert after["effect"].to_numpy() == pytest.approx(np.full(7, 0.4), abs=0.1)
    assert (after["low"] < after["effect"]).all()


def test_a_rise_of_less_than_matters_is_no_improvement(judged):
    row = primary(judged(entry({**ADOPTED, **OTHERS}, smallest_effect=1.0), courses()))
    assert row["low"] > 0
    assert row["verdict"] == "no detectable change"
    assert "for certain by less than 1 deployments per day" in row["caution"]
    row = primary(judged(entry({**ADOPTED, **OTHERS}, smallest_effect=row["effect"] + 0.01), courses()))
    assert row["verdict"] == "insufficient data"
    assert "perhaps by less than" in row["caution"]


def test_the_wrong_way_is_worse(judged):
    row = primary(judged(entry({**ADOPTED, **OTHERS}, direction="down"), courses()))
    assert row["verdict"] == "worsened"


def test_nothing_found_is_no_change_only_where_it_would_have_been_found(judged):
    told = {m: primary(judged(entry({**ADOPTED, **OTHERS}, smallest_effect=m), courses(rise=0.0))) for m in (0.2, 0.01)}
    assert told[0.2]["detectable"] < 0.2
    assert (told[0.2]["verdict"], told[0.01]["verdict"]) == ("no detectable change", "insufficient data")
    assert "would not be seen four times in five" in told[0.01]["caution"]
    assert "times as much would have to be known" in told[0.01]["would_change"]


def test_those_who_moved_apart_before_are_not_identified(judged):
    row = primary(judged(entry({**ADOPTED, **OTHERS}), courses(trend=0.1)))
    assert row["low"] > 0
    assert row["verdict"] == "not identified"
    assert "moved apart from the others before they did, by more than the interval allows for" in row["caution"]


def test_two_changes_at_once_are_not_told_apart(judged):
    both = [*entry({**ADOPTED, **OTHERS}), *entry(ADOPTED, "too", metric="change_fail_rate")]
    row = judged(both, courses()).filter(intervention_id="it", role="primary").to_dicts()[0]
    assert (row["overlaps"], row["verdict"]) == ("too", "not identified")
    assert "Another change, too, reached 100% of the units at about the same time" in row["caution"]
    apart = [*entry({**ADOPTED, **OTHERS}), *entry(dict.fromkeys(ADOPTED, "2025-12-10"), "too")]
    row = judged(apart, courses()).filter(intervention_id="it", role="primary").to_dicts()[0]
    assert (row["overlaps"], row["verdict"]) == ("too", "improved")
    assert "at other times" in row["caution"]


def test_one_unit_alone_changed_and_nothing_tells_why(judged):
    """From 2 a day to 4 in July: seen by an interrupted series and, with few weeks after, by a chart; improved is never said."""
    rows = shipped("a0", [2] * 6 + [4] * 6)
    long = primary(judged(entry({"a0": "2025-07-01"}), rows))
    assert (long["method"], long["verdict"]) == ("interrupted time series", "not identified")
    assert long["effect"] == pytest.approx(2.0, abs=0.4)
    assert long["low"] > 0
    assert verdict.NOTHING_TELLS_WHY in long["caution"]
    assert long["would_change"].startswith("Units that take it up later, or never")
    short = primary(judged(entry({"a0": "2025-07-01"}), rows, at="2025-08-20"))
    assert (short["method"], short["verdict"], short["periods_before"], short["periods_after"]) == (
        "process behaviour",
        "not identified",
        25,
        6,
    )
    assert (short["p"], short["compared"]) == (None, 0)
    still = primary(judged(entry({"a0": "2025-07-01"}), shipped("a0", [2] * 12)))
    assert still["verdict"] in ("no detectable change", "insufficient data")
    assert (still["verdict"] == "no detectable change") == (still["detectable"] <= 0.2)


def test_too_little_is_told_as_what_is_needed(judged):
    early = primary(judged(entry({"a0": "2025-02-01"}), shipped("a0", [2] * 3), at="2025-04-01"))
    assert (early["method"], early["verdict"], early["effect"]) == ("none", "insufficient data", None)
    assert early["why"].startswith("One unit took it up, with 3 weeks before and 8 after")
    apart = primary(
        judged(entry({"a0": "2025-05-01", "a1": "2025-09-01"}), [*shipped("a0", [2] * 12), *shipped("a1", [2] * 12)])
    )
    assert apart["method"] == "none"
    assert "not one series" in apart["why"]
    planned = primary(judged(entry({"a0": None, "a1": "2026-05-01"}), shipped("a0", [2] * 12)))
    assert (planned["state"], planned["why"], planned["verdict"]) == (
        "planned",
        "Nobody has taken it up yet.",
        "insufficient data",
    )
    unknown = primary(judged(entry({"gone": "2025-05-01"}), shipped("a0", [2] * 12)))
    assert unknown["why"] == "No unit is known both before it took it up and after."


@pytest.mark.parametrize(
    ("metric", "why"),
    [
        ("speed", "There is no metric 'speed'."),
        ("showback_cost", "This metric is a sum of money, of which no effect is estimated."),
        ("time_to_first_deploy", "This metric means nothing for a single service."),
        ("tickets_per_developer_month", "This metric means nothing for a single service."),
    ],
)
def test_what_no_unit_is_judged_by_is_not_measured(judged, metric, why):
    if metric == "time_to_first_deploy":
        why = "This metric is told of groups of people only."
    row = primary(judged(entry({"a0": "2025-05-01"}, metric=metric), shipped("a0", [2] * 12)))
    assert (row["verdict"], row["method"], row["why"], row["effect"]) == ("not measured", "none", why, None)


def test_who_the_ledger_does_not_name_stands_in_for_those_who_had_not(judged):
    """It names who took it up alone. Others are compared with, but for those that are known to have been on the path."""
    row = primary(judged(entry(ADOPTED), courses()))
    assert (row["method"], row["adopted"], row["compared"], row["verdict"]) == ("group-time effects", 6, 8, "improved")
    assert (
        "the ledger names too few that had not, so all others that are not known to have it stand in for them"
        in row["why"]
    )
    on = [
        {"service_id": name, "golden_path_id": "pipeline", "joined_at": "2025-02-01", "as_of": date(2025, 12, 1)}
        for name in OTHERS
    ]
    row = primary(judged(entry(ADOPTED), courses(), service_golden_path=on))
    assert row["method"] == "none"


def test_a_synthetic_control_is_made_only_where_it_is_asked_for(judged):
    """One unit of twenty-one, fourteen months before and five after: four deployments a week more."""
    rows = [
        row
        for at in range(21)
        for row in shipped(
            f"s{at:02d}",
            [0.5 + 0.01 * at + 0.1 * (m % 3) + (0.6 if at == 4 and m > 14 else 0) for m in range(20)],
            2024,
        )
    ]
    told = {
        asked: primary(judged(entry({"s04": "2025-03-10"}), rows, asked=asked, at="2025-09-01"))
        for asked in ((), ("it",))
    }
    assert told[()]["method"] == "interrupted time series"
    row = told["it",]
    assert (row["method"], row["adopted"], row["compared"], row["periods_before"], row["periods_after"]) == (
        "synthetic control",
        1,
        20,
        14,
        5,
    )
    assert row["effect"] == pytest.approx(0.6, abs=0.06)
    assert 0.4 < row["low"] < row["high"] < 0.8
    assert row["placebo_p"] == pytest.approx(1 / 21)
    assert (row["verdict"], row["p"]) == ("improved", None)
    assert row["why"] == "It was asked for: one unit took it up, and 20 that did not are known in all 14 months before."


def test_states_and_what_is_written_later(company, settings, as_of):
    rows = [
        *entry({"a": "2025-03-01", "b": "2026-02-01"}, "due", review_on="2025-12-31"),
        *entry({"a": "2025-03-01"}, "reviewed", review_on="2025-12-01"),
        *entry({"a": "2025-03-01"}, "running", registered_at="2025-04-01"),
        *entry({"a": "2025-03-01"}, "later", registered_at="2026-01-01"),
        *entry({"a": None}, "planned"),
        *entry({"a": "2025-03-01"}, "mixed"),
        *entry({"b": "2025-03-01"}, "mixed", metric="change_fail_rate"),
        *entry({"red": "2025-03-01"}, "mixed", unit_kind="team"),
    ]
    actions = [
        {
            "action_id": "1",
            "team_id": "red",
            "origin": "retrospective",
            "origin_id": "reviewed",
            "opened_on": "2025-12-02",
        }
    ]
    known = {one.id: one for one in entries(company(interventions=rows, actions=actions), settings(), as_of(AS_OF))}
    assert {name: one.state.value for name, one in known.items()} == {
        "due": "due", "mixed": "running", "planned": "planned", "reviewed": "reviewed", "running": "running"
    }  # fmt: skip
    assert known["due"].adopted == {"a": date(2025, 3, 1), "b": None}
    assert known["running"].before_registered == 1
    assert known["mixed"].is_mixed
    assert (known["mixed"].metric, set(known["mixed"].adopted)) == ("deployment_frequency", {"a", "b"})


def test_an_empty_ledger_has_no_rows(judged):
    assert judged([], shipped("a0", [2])).schema == pl.Schema(COLUMNS)
    assert judged([], shipped("a0", [2])).height == judged([], shipped("a0", [2]), impact_course).height == 0


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
        ({"placebo_p": 0.2}, True, "20% of other ways"),
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
    from idp_analytics.metrics.impact.ledger import Entry

    told = list(guards.seen(Entry(**ENTRY), replace(FOUND, **changed), [], 0.95, "{:g} h".format))
    assert any(one.forbids for one in told) is forbids
    assert [one.says for one in told] == [] if says is None else any(says in one.says for one in told)


def test_overlaps_with_phases_and_entries(settings):
    from idp_analytics.metrics.impact.ledger import Entry

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
    assert guards.overlaps(one, [one, other, service], whole, *year, True) == reached
    # What reaches everybody is in both sides of a comparison; of one series it is not told apart.
    assert guards.overlaps(one, [one, other, service], whole, *year, False) == [
        *reached,
        guards.Overlap("for all", 1.0),
    ]
    assert guards.overlaps(one, [other], settings(), None, None, True) == []


def test_planted_effects_of_the_sample(sample, repository):
    """The delivery pipeline makes lead times 0.6 of what they were; the base image does nothing to failures."""
    planted = json.loads((repository / "data" / "sample" / "truth.json").read_text())["golden_paths"][
        "delivery-pipeline"
    ]
    frame = sample.study("impact").filter(role="primary")
    lead, fails = (
        frame.filter(intervention_id=name).to_dicts()[0] for name in ("pipeline-rollout", "secure-base-rollout")
    )
    assert (lead["verdict"], lead["method"], lead["metric"]) == ("improved", "group-time effects", "change_lead_time")
    metric = by_name("change_lead_time")
    one = next(e for e in entries(sample.lazy, sample.settings, sample.as_of) if e.id == "pipeline-rollout")
    answers = compute(sample.lazy, sample.settings, sample.as_of, (metric,), ("service",), ("1mo",))
    months = panel(answers, metric, sorted(one.adopted), "1mo")
    when = months.taken_up(one.adopted)
    found = estimated.by_comparison(months, when, ladder.comparison(months, when), -1, 0.95)
    assert found.effect == pytest.approx(lead["effect"])
    low, high = (1 + end / found.expected_level for end in (found.low, found.high))
    assert low < planted["lead_time_factor"] < high < 1
    assert fails["verdict"] in ("insufficient data", "no detectable change")
    assert fails["low"] < 0 < fails["high"]
    course = sample.study("impact_course").filter(intervention_id="pipeline-rollout", metric="change_lead_time")
    assert (course.filter(pl.col("event_period").is_between(1, 3))["high"] < 0).all()
    assert (
        course.filter(pl.col("event_period") < 0).select((pl.col("low") < 0) & (pl.col("high") > 0)).to_series().all()
    )


def test_no_sentence_shows_what_is_not_known(sample):
    frame = sample.study("impact")
    for name in ("why", "caution", "would_change"):
        texts = frame[name].drop_nulls().to_list()
        assert texts
        assert all(text[0].isupper() or text[0].isdigit() for text in texts)
        assert all(
            text.endswith(".") and "nan" not in text and "None" not in text and "inf " not in text for text in texts
        )
