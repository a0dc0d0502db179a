"""Weeks beside natural process limits: hand-worked companies and laws."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from idp_analytics.errors import ReportError
from idp_analytics.metrics.process_behaviour import COLUMNS, process_behaviour
from idp_analytics.settings import Mark

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
STEADY = [5, 6, 4, 5, 7, 5, 4, 6, 5, 5, 6, 4] * 2  # 24 weeks around 5

few = hypothesis_settings(max_examples=10)


def deployments(counts: list[int], team: str = "red", start: int = 0) -> list[dict]:
    """So many deployments in each week from the ``start``-th on, hours apart."""
    return [
        {
            "deployment_id": f"{team}{week}-{n}", "service_id": f"{team}-shop", "team_id": team,
            "finished_at": MONDAY + timedelta(weeks=week, hours=n),
        }
        for week, count in enumerate(counts, start) for n in range(count)
    ]  # fmt: skip


@pytest.fixture
def studied(company, settings):
    def study(counts: list[int], marks: dict | None = None, **tables) -> pl.DataFrame:
        made = company(
            deployments=deployments(counts), teams=[{"team_id": "red"}], services=[{"service_id": "red-shop"}], **tables
        )
        given_ = replace(settings(), **(marks or {}))
        return process_behaviour(made, given_, MONDAY + timedelta(weeks=len(counts)))

    return study


def of(frame: pl.DataFrame, metric: str = "deployment_frequency", scope: str = "team") -> pl.DataFrame:
    return frame.filter(metric=metric, scope=scope)


def test_limits_by_hand(studied):
    """24 weeks around 5 a week: mean 62/12, moving ranges by hand; the 30 of the last week is far above."""
    weeks = of(studied([*STEADY, 5, 30]))
    ranges = [abs(a - b) for a, b in zip(STEADY[1:], STEADY[:-1], strict=True)]
    centre, reach = 62 / 12 / 7, 3 / 1.128 * sum(ranges) / len(ranges) / 7
    assert weeks["centre"].unique().to_list() == pytest.approx([centre])
    assert weeks["lower"][0] == pytest.approx(max(0, centre - reach))
    assert weeks["upper"][0] == pytest.approx(centre + reach)
    assert weeks["moving_range"].to_list()[:3] == [None, pytest.approx(1 / 7), pytest.approx(2 / 7)]
    assert weeks["moving_range_limit"][5] == pytest.approx(3.267 * sum(ranges) / len(ranges) / 7)
    assert weeks["signal"].to_list() == [None] * 25 + ["above the limits"]
    assert weeks["is_baseline"].sum() == 24
    assert weeks["points"].unique().to_list() == [26]
    assert weeks["false_alarm_probability"][0] == pytest.approx(0.085, abs=0.001)
    assert weeks.columns == list(COLUMNS)


def test_a_quiet_week_is_a_zero_but_the_time_before_a_team_began_is_nothing(studied, company, settings):
    weeks = of(studied([0, 0, 3, 0, 4, *STEADY]))
    assert weeks["period"].to_list()[:4] == ["2026-W04", "2026-W05", "2026-W06", "2026-W07"]
    assert weeks["value"].to_list()[:3] == [pytest.approx(3 / 7), 0, pytest.approx(4 / 7)]


def test_a_partial_week_is_shown_and_judged_by_nothing(company, settings):
    made = company(
        deployments=deployments([*STEADY, 40]), teams=[{"team_id": "red"}], services=[{"service_id": "red-shop"}]
    )
    weeks = of(process_behaviour(made, settings(), MONDAY + timedelta(weeks=24, days=3)))
    last = weeks.row(-1, named=True)
    assert last["is_partial"]
    assert last["value"] > last["upper"]
    assert (last["signal"], last["points"]) == (None, 24)


def test_below_twelve_weeks_nothing_is_called_a_signal(studied):
    weeks = of(studied([5, 6, 4, 5, 7, 5, 4, 6, 5, 5, 90]))
    assert weeks["signal"].null_count() == weeks.height == 11
    assert weeks["lower"].null_count() == 11
    assert weeks["caution"][0].startswith(
        "11 complete week(s) with a value in this phase, 12 are needed: no limits yet"
    )
    assert weeks["false_alarm_probability"].null_count() == 11


@pytest.mark.parametrize("count", [1, 5])
def test_no_signal_and_no_limits_where_nothing_varies(studied, count):
    weeks = of(studied([count] * 30))
    assert weeks["signal"].null_count() == 30
    assert weeks["lower"].null_count() == 30
    assert weeks["caution"][0] == "the first weeks do not vary: no limits"


def test_a_named_cause_begins_a_phase_with_limits_of_its_own(studied):
    later = [20 + n for n in STEADY]
    cause = {"phases": (Mark(MONDAY.date() + timedelta(weeks=24, days=2), "new pipeline"),)}
    weeks = of(studied([*STEADY, *later], cause))
    assert weeks["phase"].to_list() == [0] * 24 + [1] * 24
    assert weeks["phase_cause"].to_list() == [None] * 24 + ["new pipeline"] * 24
    assert weeks["signal"].null_count() == 48
    assert weeks["centre"][47] == pytest.approx(weeks["centre"][0] + 20 / 7)
    unnamed = of(studied([*STEADY, *later]))
    assert unnamed["phase"].unique().to_list() == [0]
    assert set(unnamed["signal"][24:]) == {"above the limits"}


def test_a_young_phase_is_judged_by_the_limits_before(studied):
    cause = {"phases": (Mark(MONDAY.date() + timedelta(weeks=24), "new pipeline", team="red"),)}
    frame = studied([*STEADY, 30, 31, 29], cause)
    weeks = of(frame)
    assert weeks["signal"].to_list() == [None] * 24 + ["above the limits"] * 3
    assert weeks["lower"][26] == weeks["lower"][0]
    assert (
        "3 complete week(s) with a value in this phase, 12 are needed: judged by the limits of the phase before"
        in weeks["caution"][26]
    )
    assert weeks["false_alarm_probability"][26] > 0
    assert of(frame, scope="org")["phase"].unique().to_list() == [0]  # a team's cause is not the organisation's


def test_an_intervention_a_team_took_up_begins_a_phase_of_its_metric(studied):
    row = {
        "intervention_id": "i1", "unit_id": "red", "unit_kind": "team", "hypothesis": "more", "direction": "up", "smallest_effect": 1.0,
        "metric": "deployment_frequency", "component": "pipeline", "adopted_on": date(2026, 3, 4), "review_on": date(2026, 9, 1),
        "registered_at": MONDAY,
    }  # fmt: skip
    later = row | {"intervention_id": "i2", "adopted_on": date(2027, 3, 4)}
    frame = studied(STEADY, interventions=[row, later])
    assert of(frame)["phase_cause"].unique().sort().to_list() == [None, "pipeline"]
    assert of(frame).filter(phase=1)["period"][0] == "2026-W10"
    assert of(frame, "deployment_days")["phase"].unique().to_list() == [0]


def test_an_outlier_is_left_out_only_when_said_with_its_cause(studied):
    counts = [*STEADY[:10], 60, *STEADY]
    mark = Mark(MONDAY.date() + timedelta(weeks=10, days=6), "load test", metric="deployment_frequency")
    usual, left_out = of(studied(counts)), of(studied(counts, {"outliers": (mark,)}))
    assert usual["upper"][0] > left_out["upper"][0]
    assert left_out["outlier"].to_list()[9:12] == [None, "load test", None]
    assert left_out["signal"][10] is None
    assert left_out["points"][0] == len(counts) - 1
    assert left_out["moving_range"][11] == pytest.approx(abs(counts[11] - counts[9]) / 7)


@pytest.mark.parametrize(
    ("mark", "said"), [(Mark(date(2026, 2, 2), "x", metric="deploy_frequency"), "deployment_frequency"),
                       (Mark(date(2026, 2, 2), "x", team="rad"), "Did you mean 'red'")]
)  # fmt: skip
def test_a_name_that_does_not_exist_is_told(studied, mark, said):
    with pytest.raises(ReportError, match=said):
        studied(STEADY, {"phases": (mark,)})


def failing(weeks: list[tuple[int, int]]) -> tuple[list[dict], list[dict]]:
    """Deployments (n of each week) and an incident for each of the first k."""
    deployed = deployments([n for _, n in weeks])
    hit = {f"red{week}-{i}" for week, (k, _) in enumerate(weeks) for i in range(k)}
    incidents = [
        {"incident_id": d["deployment_id"], "service_id": "red-shop", "team_id": "red", "deployment_id": d["deployment_id"],
         "opened_at": d["finished_at"], "resolved_at": d["finished_at"] + timedelta(hours=2)}
        for d in deployed if d["deployment_id"] in hit
    ]  # fmt: skip
    return deployed, incidents


def shares(company, settings, weeks: list[tuple[int, int]]) -> pl.DataFrame:
    deployed, incidents = failing(weeks)
    made = company(
        deployments=deployed, incidents=incidents, teams=[{"team_id": "red"}], services=[{"service_id": "red-shop"}]
    )
    return of(process_behaviour(made, settings(), MONDAY + timedelta(weeks=len(weeks))), "change_fail_rate")


def test_few_deployments_make_a_share_jump_and_that_is_no_signal(company, settings):
    weeks = shares(company, settings, [(1, 10), (0, 10), (2, 10), (1, 10)] * 6 + [(1, 2), (8, 10)])
    assert weeks["value"].to_list()[24:] == [0.5, 0.8]
    assert weeks["signal"].to_list()[24:] == [None, "above the limits"]
    assert weeks["upper"][24] > weeks["upper"][25]


def test_a_centre_that_rests_on_too_few_failures_sets_no_limits(company, settings):
    weeks = shares(company, settings, [(1, 10)] * 3 + [(0, 10)] * 21 + [(4, 10)])
    assert weeks["lower"].null_count() == weeks["signal"].null_count() == 25
    assert weeks["caution"][0].startswith("the first weeks hold fewer than 5 hits or misses: no limits")


def test_medians_are_charted_as_ratios(company, settings):
    hours = [4, 8, 4, 2] * 6 + [400]
    deployed = deployments([6] * len(hours))
    changes = [
        {"change_id": d["deployment_id"], "service_id": "red-shop", "team_id": "red", "merged_at": d["finished_at"],
         "first_commit_at": d["finished_at"] - timedelta(hours=hours[int(d["deployment_id"].split("-")[0][3:])])}
        for d in deployed
    ]  # fmt: skip
    links = [{"change_id": d["deployment_id"], "deployment_id": d["deployment_id"]} for d in deployed]
    made = company(deployments=deployed, changes=changes, deployment_changes=links, teams=[{"team_id": "red"}],
                   services=[{"service_id": "red-shop"}])  # fmt: skip
    weeks = of(process_behaviour(made, settings(), MONDAY + timedelta(weeks=len(hours))), "change_lead_time")
    assert weeks["centre"][0] == pytest.approx(4)
    assert weeks["moving_range"].to_list()[1:4] == pytest.approx([2, 2, 2])
    assert weeks["upper"][0] == pytest.approx(4 * 2 ** (3 / 1.128))
    assert weeks["lower"][0] == pytest.approx(4 / 2 ** (3 / 1.128))
    assert weeks["signal"].to_list()[-1] == "above the limits"
    assert (weeks["lower"] > 0).all()


@given(st.lists(st.integers(0, 12), min_size=13, max_size=40))
@few
def test_a_team_has_the_same_chart_alone_as_among_others(company, settings, counts):
    """The organisation's first week is the same, so that the same weeks are covered."""
    as_of = MONDAY + timedelta(weeks=len(counts))
    teams = [{"team_id": "red"}, {"team_id": "blue"}]
    services = [{"service_id": "red-shop"}, {"service_id": "blue-shop"}]
    first = deployments([1], "green")
    own = [*first, *deployments(counts)]
    alone = process_behaviour(company(deployments=own, teams=teams, services=services), settings(), as_of, ("team",))
    other = deployments([9 * n % 17 for n in counts], "blue")
    among = process_behaviour(
        company(deployments=[*own, *other], teams=teams, services=services), settings(), as_of, ("team",)
    )
    assert among.filter(entity_id="red").equals(alone.filter(entity_id="red"))
    assert among.filter(entity_id="blue").height or not sum(9 * n % 17 for n in counts)


@given(st.lists(st.integers(0, 12), min_size=24, max_size=30), st.lists(st.integers(0, 30), min_size=1, max_size=10))
@few
def test_weeks_after_the_baseline_do_not_move_its_limits(company, settings, first, later):
    def limits(counts: list[int]) -> list:
        made = company(
            deployments=deployments([1, *counts]), teams=[{"team_id": "red"}], services=[{"service_id": "red-shop"}]
        )
        weeks = of(process_behaviour(made, settings(), MONDAY + timedelta(weeks=len(counts) + 1)))
        return weeks.select("period", "value", "centre", "lower", "upper", "is_baseline").head(24).rows()

    assert limits(first) == limits([*first, *later])


def test_services_are_charted_when_asked_for(company, settings):
    made = company(deployments=deployments(STEADY), teams=[{"team_id": "red"}], services=[{"service_id": "red-shop"}])
    frame = process_behaviour(made, settings(), MONDAY + timedelta(weeks=24), ("service",))
    team = process_behaviour(made, settings(), MONDAY + timedelta(weeks=24), ("team",))
    assert frame.drop("scope", "entity_id").equals(team.drop("scope", "entity_id"))
    assert frame["entity_id"].unique().to_list() == ["red-shop"]


def test_a_company_without_facts_has_an_empty_study(company, settings):
    assert process_behaviour(company(), settings(), MONDAY).schema == pl.DataFrame(schema=COLUMNS).schema


@pytest.mark.slow
def test_stable_teams_raise_about_as_many_alarms_as_are_printed(company, settings):
    """400 teams whose weekly deployments only vary by chance. Counts are skewed, so a little more is allowed."""
    random, weeks = np.random.default_rng(8), 30
    names = [f"t{n:03}" for n in range(400)]
    rows = [row for team in names for row in deployments(random.poisson(9, weeks).tolist(), team)]
    made = company(
        deployments=rows, teams=[{"team_id": t} for t in names], services=[{"service_id": f"{t}-shop"} for t in names]
    )
    found = of(process_behaviour(made, settings(), MONDAY + timedelta(weeks=weeks)))
    alarmed = found.group_by("entity_id").agg((pl.col("signal").is_not_null() | pl.col("runs").is_not_null()).any())
    printed = found["false_alarm_probability"][0]
    assert 0.5 * printed < alarmed["signal"].mean() < printed + 0.05
