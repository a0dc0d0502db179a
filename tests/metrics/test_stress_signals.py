"""Windows of stress and calm by hand, the traps, and who is found in the synthetic company."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import polars as pl
import pytest

from idp_analytics.metrics.stress_events import SIGNALS
from idp_analytics.metrics.stress_signals import COLUMNS, stress_signals
from idp_analytics.metrics.stress_windows import CALM, STRESSES, windows

TEAMS = [{"team_id": "red"}]


def incident(name: str, at: str, until: str | None, **given):
    return {"incident_id": name, "opened_at": at, "resolved_at": until, "severity": 1, **given}


def deployed(name: str, at: str, **given):
    return {"deployment_id": name, "started_at": at, "finished_at": at, **given}


FIRST = deployed("first", "2026-01-01T09:00")


@pytest.fixture
def seen(company, settings):
    def of(incidents, at="2026-06-01", zone="UTC", **tables):
        tables.setdefault("deployments", [FIRST])
        made = company(teams=TEAMS, incidents=incidents, **tables)
        return windows(made, settings(zone), pl.DataFrame({"at": [datetime.fromisoformat(at).replace(tzinfo=UTC)]}))

    return of


def spans(found, is_stress):
    return [(str(f)[:16], str(t)[:16]) for f, t in found.filter(is_stress=is_stress).select("from", "to").iter_rows()]


def test_a_window_and_the_four_calm_ones_nearest(seen):
    # Tuesday 10 March, 10:00 to 11:00, and two hours after.
    found = seen([incident("a", "2026-03-10T10:00", "2026-03-10T11:00")])
    assert spans(found, True) == [("2026-03-10 10:00", "2026-03-10 13:00")]
    days = ("02-24", "03-03", "03-17", "03-24")
    assert spans(found, False) == [(f"2026-{day} 10:00", f"2026-{day} 13:00") for day in days]


def test_overlapping_incidents_are_one_window(seen):
    found = seen(
        [
            incident("a", "2026-03-10T10:00", "2026-03-10T11:00"), incident("b", "2026-03-10T12:30", "2026-03-10T14:00"),
            incident("c", "2026-03-10T17:00", "2026-03-10T17:10"),
        ]
    )  # fmt: skip
    assert spans(found, True) == [("2026-03-10 10:00", "2026-03-10 16:00"), ("2026-03-10 17:00", "2026-03-10 19:10")]
    assert found.filter("is_stress")["incidents"].to_list() == [2, 1]


@pytest.mark.parametrize(
    ("given", "end"),
    [
        ({"resolved_at": None}, "2026-03-13 10:00"),  # never resolved: 72 hours
        ({"resolved_at": "2026-03-09T10:00"}, "2026-03-10 12:00"),  # resolved before it opened: no length
    ],
)
def test_ends_that_are_missing_or_wrong(seen, given, end):
    assert spans(seen([{**incident("a", "2026-03-10T10:00", None), **given}]), True) == [("2026-03-10 10:00", end)]


def test_calm_keeps_a_day_away_from_other_stress(seen):
    # The week after is under stress on the evening before: 17 March 10:00 is less than 24 hours after it.
    found = seen(
        [incident("a", "2026-03-10T10:00", "2026-03-10T11:00"), incident("b", "2026-03-16T18:00", "2026-03-16T18:30")]
    )
    calm = [f.isoformat()[:10] for f in found.filter(cluster="a", is_stress=False)["from"]]
    assert calm == ["2026-02-17", "2026-02-24", "2026-03-03", "2026-03-24"]


def test_calm_keeps_the_wall_time_when_the_clock_changes(seen):
    found = seen([incident("a", "2026-03-24T09:00", "2026-03-24T10:00")], zone="Europe/Berlin")  # 10:00 there
    calm = [str(f)[:16] for f in found.filter(is_stress=False)["from"]]
    assert calm == ["2026-03-10 09:00", "2026-03-17 09:00", "2026-03-31 08:00", "2026-04-07 08:00"]


def test_what_comes_after_the_moment_is_not_used(seen):
    found = seen([incident("a", "2026-03-10T10:00", "2026-03-10T11:00")], at="2026-03-18")
    assert [str(f)[:10] for f in found.filter(is_stress=False)["from"]] == [
        "2026-02-17", "2026-02-24", "2026-03-03", "2026-03-17",
    ]  # fmt: skip


def test_severity_three_is_no_stress_and_heavy_weeks_are(seen):
    pages = [
        {"page_id": f"p{n}", "team_id": "red", "paged_at": f"2026-03-{day}T03:00"}
        for n, day in enumerate((10, 11, 12, 17, 18))
    ]
    found = seen([incident("a", "2026-03-10T10:00", None, severity=3)], pages=pages)
    assert found.filter("is_stress").select("stress", "cluster").rows() == [
        (STRESSES[1], "2026-03-09")
    ]  # three pages, and not two


@pytest.fixture
def study(company, settings, as_of):
    def of(at="2026-06-01", zone="UTC", **tables):
        made = company(teams=TEAMS, services=[{"service_id": "shop"}], **tables)
        return stress_signals(made, settings(zone), as_of(at))

    return of


TUESDAYS = ["2026-02-03", "2026-02-17", "2026-03-03", "2026-03-17", "2026-03-31", "2026-04-14"]
SIX = [incident(f"i{n}", f"{day}T10:00", f"{day}T11:00") for n, day in enumerate(TUESDAYS)]
HATCHES = [
    {"hatch_id": f"h{n}", "kind": "bypass", "service_id": "shop", "team_id": "red", "opened_at": f"{day}T10:05", "closed_at": f"{day}T12:00"}
    for n, day in enumerate(TUESDAYS)
]  # fmt: skip


def of_team(found, signal, stress="incident"):
    return found.filter(scope="team", period="2026-05", every="1mo", signal=signal, stress=stress).row(0, named=True)


def test_who_opens_a_hatch_in_every_incident_breaks(study):
    found = study(incidents=SIX, escape_hatches=HATCHES, deployments=[FIRST])
    row = of_team(found, "escape hatches")
    assert (row["stress_k"], row["stress_n"], row["calm_k"], row["calm_n"]) == (6, 6, 0, 6 * CALM)
    assert (row["value"], row["verdict"], row["windows"], row["incidents"]) == (1.0, "breaks", 6, 6)
    assert row["low"] > 0.2


def test_four_incidents_are_untested_however_bad(study):
    found = study(incidents=SIX[:4], escape_hatches=HATCHES, deployments=[FIRST])
    assert of_team(found, "escape hatches")["verdict"] == "untested under stress"


def test_every_signal_has_its_row_and_what_is_not_told_is_not_measured(study):
    found = study(incidents=SIX, deployments=[FIRST]).filter(scope="team", period="2026-05")
    assert found.height == len(SIGNALS) * len(STRESSES)
    assert of_team(found, "escape hatches")["verdict"] == "not measured"
    assert of_team(found, "postmortems skipped")["verdict"] == "not measured"


def test_deployments_past_a_gate(study):
    made = [FIRST, *(deployed(f"s{n}", f"{day}T10:30") for n, day in enumerate(TUESDAYS))]
    made += [
        deployed("calm", "2026-02-10T10:30"),
        deployed("late", "2026-02-03T12:30"),
    ]  # the hatch of 3 February has closed by 12:00
    row = of_team(study(incidents=SIX, escape_hatches=HATCHES, deployments=made), "gates skipped")
    # 10 February is calm beside more than one window, and stands beside each.
    assert (row["stress_k"], row["stress_n"], row["calm_k"]) == (6, 7, 0)


def test_hours_are_not_compared_as_a_share(study):
    night = [incident(f"i{n}", f"{day}T22:30", f"{day}T23:00") for n, day in enumerate(TUESDAYS)]
    made = [FIRST, *(deployed(f"s{n}", f"{day}T23:10") for n, day in enumerate(TUESDAYS))]
    row = of_team(study(incidents=night, deployments=made), "out of hours")
    assert (row["stress_value"], row["calm_value"], row["verdict"]) == (
        1.0,
        0.0,
        "untested under stress",
    )  # no ratio to nothing


def test_the_order_of_incidents_changes_nothing(study):
    one = study(incidents=SIX, escape_hatches=HATCHES, deployments=[FIRST])
    other = study(incidents=SIX[::-1], escape_hatches=HATCHES[::-1], deployments=[FIRST])
    assert one.equals(other)


def test_nothing_known_is_an_empty_frame_of_the_same_shape(study):
    assert study(deployments=[FIRST]).schema == pl.Schema(COLUMNS)


def test_the_planted_teams_are_found_and_no_other(sample, repository):
    planted = set(json.loads((repository / "data/sample/truth.json").read_text())["maturity"]["stress_bypassers"])
    found = sample.study("stress_signals").filter(
        scope="team", period="2026-06", stress="incident", signal="escape hatches"
    )
    assert set(found.filter(verdict="breaks")["entity_id"]) == planted
    assert not set(found.filter(verdict="bends")["entity_id"])


def test_the_way_back_has_the_rows_counted(sample):
    study = sample.study("stress_signals").filter(
        scope="team", entity_id="payments", period="2026-06", stress="incident", signal="manual changes"
    ).row(0, named=True)  # fmt: skip
    rows = sample.trace("stress_signals", "2026-06", team="payments").filter(signal="manual changes", stress="incident")
    inside = rows.filter("is_stress")
    assert (inside["x"].sum(), inside["x"].count()) == (study["stress_k"], study["stress_n"])
    assert rows["source_row"].null_count() == 0
