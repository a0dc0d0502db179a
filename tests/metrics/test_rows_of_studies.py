"""From ways of doing one thing, escape hatches and the next path back to the rows: as many as each study counts."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
import pytest

from idp_analytics.errors import ReportError
from idp_analytics.metrics import WAYS_BACK
from idp_analytics.metrics.approvals import ANSWERED
from idp_analytics.metrics.boundary_rows import ASKED, USE, boundary_rows
from idp_analytics.metrics.boundary_rows import COLUMNS as BOUNDARY
from idp_analytics.metrics.fragmentation_rows import COLUMNS as WAYS
from idp_analytics.metrics.fragmentation_rows import fragmentation_rows
from idp_analytics.metrics.hatch_rows import COLUMNS as HATCHES
from idp_analytics.metrics.hatch_rows import ENDLESS, IDLE, IN_USE, NONE_OPEN, OPEN, UNSURE, hatch_rows
from idp_analytics.metrics.hatches import escape_hatches
from idp_analytics.metrics.next_path_rows import COLUMNS as PATHS
from idp_analytics.metrics.next_path_rows import NOT_YET, UNKNOWN, next_path_rows
from idp_analytics.metrics.next_team_rows import ALIKE, BESIDE, OFF, ON, RUN, TICKET, UNVERIFIED, next_team_rows
from idp_analytics.metrics.next_team_rows import COLUMNS as TEAMS

LAST = "2026-06"
MADE = {
    "fragmentation": (fragmentation_rows, WAYS), "escape_hatches": (hatch_rows, HATCHES), "next_paths": (next_path_rows, PATHS),
    "next_teams": (next_team_rows, TEAMS),
    "boundary": (boundary_rows, BOUNDARY),
}  # fmt: skip


@pytest.mark.parametrize("team", [None, "payments"])
@pytest.mark.parametrize("period", [LAST, "2026-Q1"])
def test_ways_count_what_they_show(sample, team, period):
    scope, entity = ("team", team) if team else ("org", "org")
    told = sample.study("fragmentation").filter(scope=scope, entity_id=entity, period=period)
    rows = sample.trace("fragmentation", period, team)
    assert set(rows["capability"]) == set(told["capability"])
    for row in told.iter_rows(named=True):
        ways = rows.filter(capability=row["capability"])["variant"]
        known = ways.drop_nulls()
        assert (known.len(), ways.null_count(), known.n_unique()) == (row["n"], row["unknown"], row["variants"])
        assert row["most"] is None or (known == row["most"]).mean() == pytest.approx(row["most_share"])
    assert rows.drop_nulls("variant").select("path", "source_row").null_count().row(0) == (0, 0)
    deployed = rows.filter(source_table="deployments")
    lines = sample.tables["deployments"].select(pl.col("deployment_id").alias("source_key"), "service_id", "source_row")
    assert deployed.height > 2
    assert deployed.join(lines, on=lines.columns, how="anti").is_empty()


@pytest.mark.parametrize("team", [None, "payments", "search"])
@pytest.mark.parametrize("period", [LAST, "2026-Q1", "2025-11"])
def test_hatches_count_what_they_show(sample, team, period):
    scope, entity = ("team", team) if team else ("org", "org")
    told = sample.study("escape_hatches").filter(scope=scope, entity_id=entity, period=period)
    counted(sample.trace("escape_hatches", period, team), {row["measure"]: row for row in told.to_dicts()})


def counted(rows: pl.DataFrame, told: dict[str, dict]) -> None:
    """The rows add up to every measure."""
    what = rows["what"]
    stands = rows.filter(pl.col("what").is_in([OPEN, ENDLESS, IN_USE]))
    active = rows.filter("is_active")
    hit = active.join(stands.select("service_id").unique(), on="service_id", how="semi")
    unsure = (what == UNSURE).sum()
    found = {
        "services": (active["service_id"].n_unique(), hit["service_id"].n_unique(), stands["service_id"].null_count()),
        "per 100 services": (active["service_id"].n_unique(), stands.height, unsure),
        "without expiry": (stands.height, (what == ENDLESS).sum(), unsure),
        "expired and in use": ((what == IN_USE).sum() + (what == IDLE).sum(), (what == IN_USE).sum(), unsure),
    }  # fmt: skip
    assert told
    for measure, numbers in found.items():
        assert numbers == tuple(told[measure][name] for name in ("n", "k", "unknown"))
    if stands.height:
        assert stands["age_days"].median() == pytest.approx(told["without expiry"]["age_days"])


def test_hatches_by_hand(company, settings, as_of):
    """Two people: one opened two hatches with a reason of their own; the rows tell what stands open and neither who nor why."""
    at = datetime.fromisoformat
    shape = {
        "team_id": "duo",
        "kind": "exemption",
        "requestor_id": "ann",
        "approver_id": "bob",
        "reason": "Ann was on leave",
    }
    tables = company(
        services=[{"service_id": name, "lifecycle": "production"} for name in ("shop", "till")],
        ownership=[{"service_id": name, "team_id": "duo"} for name in ("shop", "till")], teams=[{"team_id": "duo"}],
        deployments=[{"deployment_id": f"d-{name}", "service_id": name, "team_id": "duo", "finished_at": "2026-06-20"} for name in ("shop", "till")],
        escape_hatches=[
            {**shape, "hatch_id": "h1", "service_id": "shop", "policy": "signed", "opened_at": at("2026-06-01T00:00+00:00")},
            {**shape, "hatch_id": "h2", "service_id": "shop", "policy": "checked", "opened_at": at("2026-06-02T00:00+00:00"), "expires_at": at("2026-06-10T00:00+00:00")},
            {**shape, "hatch_id": "h3", "service_id": "till", "policy": "signed", "opened_at": at("2026-05-02T00:00+00:00"), "closed_at": at("2026-06-10T00:00+00:00")},
        ],
    )  # fmt: skip
    rows = hatch_rows(tables, settings(), as_of("2026-08-01"), "escape_hatches", "org", "org", LAST)
    assert rows.select("source_key", "service_id", "what", "is_active").rows() == [
        ("h1", "shop", ENDLESS, True), ("h2", "shop", UNSURE, True), (None, "till", NONE_OPEN, True),
    ]  # fmt: skip
    told = escape_hatches(tables, settings(), as_of("2026-08-01")).filter(scope="org", period=LAST)
    counted(rows, {row["measure"]: row for row in told.to_dicts()})
    said = rows.write_csv().lower()
    assert not [name for name in ("ann", "bob", "leave") if name in said]


def test_the_next_path_counts_what_it_shows(sample):
    told = sample.study("next_paths")
    rows = sample.trace("next_paths", LAST)
    assert told.height > 2
    for row in told.iter_rows(named=True):
        what = rows.filter(basis=row["basis"], id=row["id"])["what"]
        known = what.filter(what != UNKNOWN)
        assert (what.len(), known.len(), (what == UNKNOWN).sum()) == (row["n"], row["wait_n"], row["missing"])
        assert (known == NOT_YET).sum() == row["censored"]
    assert rows.select("path", "source_row").null_count().row(0) == (0, 0)
    teams = sample.study("next_path_teams")
    mine = sample.trace("next_paths", LAST, "payments").group_by("basis", "id").len()
    own = teams.filter(team_id="payments").join(mine, on=["basis", "id"], how="full", coalesce=True)
    assert own.height > 0
    assert own["n"].cast(pl.UInt32).equals(own["len"].rename("n").cast(pl.UInt32))


def test_a_company_of_two_people_reveals_neither(company, settings, as_of):
    """Whatever either did or wrote, no way back names them, says why, or stands for one event of one of them."""
    who = ("zoe", "yan")
    at = datetime.fromisoformat
    tables = company(
        teams=[{"team_id": "duo"}], people=[{"person_id": name, "is_developer": True} for name in who],
        memberships=[{"person_id": name, "team_id": "duo"} for name in who], services=[{"service_id": "shop", "lifecycle": "production"}],
        ownership=[{"service_id": "shop", "team_id": "duo"}], golden_paths=[{"golden_path_id": "pipe", "title": "Pipe", "kind": "template"}],
        operations=[{"operation_id": "make", "title": "Make", "golden_path_id": "pipe"}],
        service_golden_path=[{"service_id": "shop", "golden_path_id": "pipe", "evidence": "telemetry", "as_of": date(2026, 6, 1)}],
        usage=[{"event_id": f"u{n}", "component": "cli", "action": "do", "team_id": "duo", "at": at(f"2026-06-0{n}T10:00+00:00"), "purposeful": True, "person_id": "zoe"} for n in (1, 2)],
        action_runs=[{"run_id": "r1", "operation_id": "make", "team_id": "duo", "requested_at": "2026-06-05T10:00", "requestor_id": "zoe"}],
        deployments=[{"deployment_id": "d1", "service_id": "shop", "team_id": "duo", "finished_at": "2026-06-20", "initiated_by": "zoe"}],
        changes=[{"change_id": "c1", "service_id": "shop", "team_id": "duo", "merged_at": "2026-06-19", "first_commit_at": "2026-06-18", "title": "sabbatical", "author_id": "zoe"}],
        tickets=[{"ticket_id": "t1", "team_id": "duo", "created_at": "2026-06-03", "category": "help"}],
        escape_hatches=[{"hatch_id": "h1", "service_id": "shop", "team_id": "duo", "policy": "signed", "opened_at": "2026-06-01", "approver_id": "yan", "reason": "sabbatical", "requestor_id": "zoe"}],
        actions=[{"action_id": "a1", "team_id": "duo", "origin": "retrospective", "opened_on": "2026-06-02"}],
        interventions=[{"intervention_id": "i1", "component": "pipe", "hypothesis": "sabbatical", "metric": "change_lead_time", "direction": "down", "smallest_effect": 1.0,
                        "unit_kind": "service", "unit_id": "shop", "adopted_on": "2026-05-01", "review_on": "2026-08-01", "registered_at": "2026-04-01"}],
    )  # fmt: skip
    filled = 0
    for name, way in WAYS_BACK.items():
        for scope, entity in (("org", "org"), ("team", "duo")):
            rows = way(tables, settings(), as_of("2026-07-01"), name, scope, entity, LAST)
            filled += rows.height > 0
            said = rows.write_csv()
            assert not [word for word in (*who, "sabbatical", "u1", "u2") if word in said], name
    assert filled > 20


@pytest.mark.parametrize("team", [None, "payments"])
def test_who_is_near_counts_what_it_shows(sample, team):
    scope, entity = ("team", team) if team else ("org", "org")
    told = sample.study("next_teams").filter(scope=scope, entity_id=entity)
    rows = sample.trace("next_teams", LAST, team)
    assert told.height > 0
    assert rows.select("team_id", "golden_path_id").n_unique() == told.height
    for row in told.iter_rows(named=True):
        what = rows.filter(team_id=row["team_id"], golden_path_id=row["golden_path_id"])["what"]
        parts = {
            "on": (what == ON).sum(),
            "unverified": (what == UNVERIFIED).sum(),
            "off": what.str.starts_with(OFF).sum(),
            "beside": what.str.contains(BESIDE).sum(),
            "alike": what.str.contains(ALIKE).sum(),
            "tickets": (what == TICKET).sum(),
            "runs": (what == RUN).sum(),
        }
        assert parts == {name: row[name] for name in parts}
        assert parts["on"] + parts["unverified"] + parts["off"] == row["n"]
    assert rows.select("path", "source_row").null_count().row(0) == (0, 0)  # fmt: skip


@pytest.mark.parametrize("team", [None, "payments"])
@pytest.mark.parametrize("period", [LAST, "2026-Q1"])
def test_the_boundary_counts_what_it_shows(sample, team, period):
    scope, entity = ("team", team) if team else ("org", "org")
    told = sample.study("boundary").filter(scope=scope, entity_id=entity, period=period)
    rows = sample.trace("boundary", period, team)
    assert told.height > 3
    for row in told.iter_rows(named=True):
        here = rows.filter(
            pl.col("operation_id").eq_missing(row["operation_id"]),
            risk=row["risk"],
            gate=row["gate"],
            route=row["route"],
        )
        used, waited = here.filter(what=USE), here.filter(what=ASKED)
        state = waited["state"]
        decided = state.is_in(ANSWERED).sum()
        found = {
            "n": used.height,
            "carried_out": used["is_carried_out"].sum(),
            "exposed": used["is_exposed"].sum(),
            "asked": waited.height,
            "waits": waited["hours"].count(),
            "pending": (state == "pending").sum(),
            "withdrawn": (state == "withdrawn").sum(),
            "expired": (state == "expired").sum(),
            "wait_missing": waited["hours"].null_count(),
            "decided": decided,
            "caught": decided - (state == "approved").sum(),
        }
        assert found == {name: row[name] for name in found}
        assert waited["hours"].sum() == pytest.approx(row["hours"])
    assert rows.height == told["n"].sum() + told["asked"].sum()
    assert rows.select("path", "source_row").null_count().row(0) == (0, 0)  # fmt: skip


@pytest.mark.parametrize("study", MADE)
def test_nothing_known_and_nothing_of_that_name(company, settings, as_of, sample, study):
    made, columns = MADE[study]
    empty = made(company(), settings(), as_of("2026-08-01"), study, "org", "org", LAST)
    assert empty.schema == pl.Schema(columns)
    assert empty.is_empty()
    with pytest.raises(ReportError, match="of the organisation and of teams"):
        sample.trace(study, LAST, service="checkout")
    with pytest.raises(ReportError, match="no team 'nobody'"):
        sample.trace(study, LAST, "nobody")
