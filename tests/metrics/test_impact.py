"""Changes of the ledger judged: which method the data allow, what speaks against a number, and what is never said."""

from __future__ import annotations

import calendar
import json
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from idp_analytics.metrics import by_name
from idp_analytics.metrics.compute import compute
from idp_analytics.metrics.impact import estimated, ladder, verdict
from idp_analytics.metrics.impact.columns import CELL_COLUMNS, COLUMNS, COURSE_COLUMNS, WEEKS_COLUMNS
from idp_analytics.metrics.impact.judged import impact, impact_cells, impact_course, impact_weeks
from idp_analytics.metrics.impact.ledger import entries
from idp_analytics.metrics.impact.panel import panel

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


def test_one_unit_alone_has_its_weeks_drawn(judged):
    """The level before is 2 a day, after 4; what there was to expect goes on at 2, and of a chart limits stand beside every week."""
    rows = shipped("a0", [2] * 6 + [4] * 6)
    long = judged(entry({"a0": "2025-07-01"}), rows, impact_weeks)
    assert long.schema == pl.Schema(WEEKS_COLUMNS)
    sides = long.group_by("side").len()
    assert dict(sides.iter_rows()) == {"before": 25, "while it was taken up": 1, "after": 25}
    after, before = (long.filter(side=side) for side in ("after", "before"))
    assert before["fitted"].mean() == pytest.approx(2.0, abs=0.2)
    assert after["fitted"].mean() == pytest.approx(4.0, abs=0.3)
    assert after["without"].mean() == pytest.approx(2.0, abs=0.5)
    assert (after["low"] < after["without"]).all()
    assert (after["without"] < after["high"]).all()
    assert before.select("without", "low", "high").null_count().row(0) == (25, 25, 25)
    short = judged(entry({"a0": "2025-07-01"}), rows, impact_weeks, at="2025-08-20")
    limits = short.select(pl.col("low", "high").n_unique()).row(0)
    assert limits == (1, 1)
    assert short["low"][0] < 2.0 < short["high"][0]
    assert short.filter(side="after")["fitted"].unique().to_list() == pytest.approx([4.0], abs=0.4)
    assert judged(entry({**ADOPTED, **OTHERS}), courses(), impact_weeks).is_empty()


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


def test_the_cells_of_every_method_add_up_to_its_numbers(judged):
    """Months of those compared, weeks of one alone, months of a mixture: what counts is the n told, whichever rung was taken."""
    alone = shipped("a0", [2] * 6 + [4] * 6)
    mixed = [
        row for at in range(12) for row in shipped(f"s{at:02d}", [0.5 + 0.1 * (at + m) % 7 for m in range(20)], 2024)
    ]
    asked = [
        ("group-time effects", {"rows": entry({**ADOPTED, **OTHERS}), "deployments": courses()}),
        ("group-time effects", {"rows": entry(ADOPTED), "deployments": courses()}),
        # From October on nobody is left to compare with.
        ("group-time effects", {"rows": entry({**ADOPTED, **dict.fromkeys(OTHERS, "2025-10-10")}), "deployments": courses()}),
        ("interrupted time series", {"rows": entry({"a0": "2025-07-01"}), "deployments": alone}),
        ("process behaviour", {"rows": entry({"a0": "2025-07-01"}), "deployments": alone, "at": "2025-08-20"}),
        ("synthetic control", {"rows": entry({"s04": "2025-03-10"}), "deployments": mixed, "asked": ("it",), "at": "2025-09-01"}),
        ("none", {"rows": entry({"a0": "2025-02-01"}), "deployments": shipped("a0", [2] * 3), "at": "2025-04-01"}),
    ]  # fmt: skip
    for method, given in asked:
        row = primary(judged(**given))
        cells = judged(study=impact_cells, **given).filter(role="primary")
        assert cells.schema == pl.Schema(CELL_COLUMNS)
        assert row["method"] == method
        counted = cells.filter(pl.col("side") != "not counted")
        assert (counted["n"].sum(), cells["missing"].sum()) == (row["n"], row["missing"])
        after = counted.filter(side="after", unit_is="took it up")["unit_id"].n_unique()
        both = counted.filter(pl.col("unit_is").str.starts_with("took it up, and"), side="after")["unit_id"].n_unique()
        assert after + both == row["adopted"]
        assert cells.filter(pl.col("unit_is").str.contains("compared with"))["unit_id"].n_unique() == row["compared"]
        assert cells["every"].unique().to_list() == ["1mo" if row["compared"] else "1w"]


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
    # Of the one something was resolved on the day it was to be looked at, of the other nothing.
    assert (lead["state"], fails["state"]) == ("due", "reviewed")
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
