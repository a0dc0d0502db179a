from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp_analytics.errors import SettingsError
from idp_analytics.sources import sample
from idp_analytics.tables import LINEAGE, TABLES
from idp_analytics.tables.conform import conform
from idp_analytics.tables.declare import Kind
from idp_analytics.tables.ownership import overlaps

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)
START = datetime(2025, 7, 1, tzinfo=UTC)
PLANS = {
    ("escape_hatches", "expires_at"),
    ("actions", "due_on"),
    ("interventions", "review_on"),
    ("costs", "period_end"),
    ("service_levels", "period_end"),
}
"""What may lie after the as-of time: plans, and the exclusive end of a charge."""


@pytest.fixture(scope="module")
def company() -> sample.Company:
    return sample.generate()


@pytest.fixture(scope="module")
def large() -> sample.Company:
    return sample.generate(teams=60, seed=7)


# --- the same again, and other sizes -----------------------------------------------------------------------------------


def test_another_seed_gives_another_company(company: sample.Company) -> None:
    other = sample.generate(seed=1)
    constant = {"teams", "operations", "aliases", "golden_paths", "golden_path_versions", "ownership"}
    for name in set(company.tables) - constant:
        assert not other.tables[name].equals(company.tables[name]), name
    assert [r.branches for r in other.repositories] != [r.branches for r in company.repositories]


def test_size_follows_what_was_asked_for() -> None:
    small, usual = sample.generate(teams=4, months=3), sample.generate(teams=40, months=3)
    longer = sample.generate(teams=40, months=9, services_per_team=1.0)
    for made, teams, months in ((small, 4, 3), (usual, 40, 3), (longer, 40, 9)):
        kinds = made.tables["teams"]["kind"]
        assert (kinds.is_in(["team", "platform"])).sum() == teams
        assert {"payments", "storefront", "platform"} <= set(made.tables["teams"]["team_id"])
        assert made.truth["company"]["months"] == months
    assert usual.tables["deployments"].height > 4 * small.tables["deployments"].height
    assert longer.tables["services"].height < 60 < usual.tables["services"].height
    assert longer.tables["usage"].height > 2 * usual.tables["usage"].height


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"teams": 3}, "teams = 3"),
        ({"months": 2}, "months = 2"),
        ({"services_per_team": 0.5}, "services_per_team"),
        ({"until": date(2026, 7, 2)}, "first of a month"),
        ({"seed": -1}, "seed"),
    ],
)
def test_impossible_companies_are_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        sample.generate(**wrong)


def test_the_sizes_of_a_company_worth_looking_at(company: sample.Company) -> None:
    deployed = company.tables["deployments"]
    assert 3000 <= deployed.height <= 6000
    assert company.tables["services"].height == 30
    payments = [row["deployments"] for row in company.truth["delivery"]["counted"] if row["team"] == "payments"]
    assert len(payments) == 12
    assert min(payments) >= 20
    sizes = company.tables["memberships"].group_by("team_id").len()["len"]
    assert sizes.max() >= 4 * sizes.min()  # type: ignore[operator]


# --- laws of every company ---------------------------------------------------------------------------------------------


def assert_lawful(made: sample.Company, start: datetime, as_of: datetime) -> None:
    for name, frame in made.tables.items():
        table = TABLES[name]
        own = {c.name: c.dtype for c in table.columns if c not in LINEAGE}
        assert dict(frame.schema) == own, name
        assert not frame.select(pl.struct(table.key).is_duplicated().any()).item(), f"{name}: a key twice"
        for column in table.columns:
            if column in LINEAGE:
                continue
            values = frame[column.name]
            if not column.nullable:
                assert values.null_count() == 0, f"{name}.{column.name}"
            if column.kind is Kind.ENUM:
                assert set(values.drop_nulls().unique()) <= set(column.values), f"{name}.{column.name}"
            if column.kind in (Kind.TIMESTAMP, Kind.DATE) and (name, column.name) not in PLANS and values.count():
                bound = as_of if column.kind is Kind.TIMESTAMP else as_of.date()
                assert values.max() < bound, f"{name}.{column.name}"  # type: ignore[operator]
    assert overlaps(made.tables["ownership"]).is_empty()
    for table, later, earlier in (
        ("deployments", "finished_at", "started_at"), ("deployments", "started_at", "queued_at"),
        ("incidents", "resolved_at", "opened_at"), ("incidents", "acknowledged_at", "opened_at"),
        ("changes", "closed_at", "opened_at"), ("changes", "first_review_at", "opened_at"),
        ("approvals", "decided_at", "requested_at"), ("action_runs", "started_at", "requested_at"),
        ("action_runs", "finished_at", "started_at"), ("tickets", "resolved_at", "created_at"),
        ("actions", "closed_on", "opened_on"), ("pages", "acknowledged_at", "paged_at"),
    ):  # fmt: skip
        both = made.tables[table].select(later, earlier).drop_nulls()
        assert (both[later] >= both[earlier]).all(), f"{table}: {later} before {earlier}"
    for table, column in (("deployments", "finished_at"), ("incidents", "opened_at"), ("costs", "period_start")):
        assert made.tables[table][column].min() >= start, table  # type: ignore[operator]


REFERENCES = [
    ("service_id", "services", "service_id"), ("team_id", "teams", "team_id"), ("owner_team_id", "teams", "team_id"),
    ("parent_team_id", "teams", "team_id"), ("golden_path_id", "golden_paths", "golden_path_id"),
    ("operation_id", "operations", "operation_id"), ("change_id", "changes", "change_id"),
    ("deployment_id", "deployments", "deployment_id"), ("incident_id", "incidents", "incident_id"),
    ("hatch_id", "escape_hatches", "hatch_id"), ("previous_run_id", "action_runs", "run_id"),
    *((name, "people", "person_id") for name in (
        "person_id", "author_id", "initiated_by", "requestor_id", "responder_id", "approver_id", "respondent_id")),
]  # fmt: skip


def assert_whole(made: sample.Company) -> None:
    """Every reference leads somewhere, but for the planted owner nobody knows."""
    aliases = set(made.tables["aliases"]["alias"]) | {made.truth["costs"]["unknown_owner"]}
    for name, frame in made.tables.items():
        for column, table, key in REFERENCES:
            if column in frame.columns:
                known = set(made.tables[table][key])
                if (name, column) == ("costs", "team_id"):
                    known |= aliases
                assert set(frame[column].drop_nulls().unique()) <= known, f"{name}.{column}"


def test_the_company_is_lawful_and_whole(company: sample.Company, large: sample.Company) -> None:
    for made in (company, large):
        assert_lawful(made, START, AS_OF)
        assert_whole(made)


@given(
    teams=st.integers(4, 14),
    months=st.integers(3, 8),
    seed=st.integers(0, 2**40),
    until=st.dates(date(2000, 1, 1), date(2050, 1, 1)).map(lambda d: d.replace(day=1)),
)
@settings(max_examples=8, deadline=None)
def test_any_company_is_lawful_and_whole(teams: int, months: int, seed: int, until: date) -> None:
    made = sample.generate(teams=teams, months=months, seed=seed, until=until)
    first = date.fromisoformat(made.truth["company"]["from"])
    assert (until.year - first.year) * 12 + until.month - first.month == months
    assert_lawful(
        made, datetime(first.year, first.month, 1, tzinfo=UTC), datetime(until.year, until.month, 1, tzinfo=UTC)
    )
    assert_whole(made)
    assert made.tables["ownership"].filter(pl.col("service_id") == "checkout").height == 2


def test_every_table_but_loads_is_filled_and_every_column_somewhere(company: sample.Company) -> None:
    # Comments as people coded them are written beside the tables: they name responses as the survey tool does.
    assert set(company.tables) == set(TABLES) - {"loads", "comment_codes"}
    empty = {name for name, frame in company.tables.items() if frame.is_empty()}
    assert empty == set()
    silent = {
        (name, column)
        for name, frame in company.tables.items()
        for column in frame.columns
        if frame[column].null_count() == frame.height
    }
    # Nothing has been retired, and no name changed its meaning.
    assert silent == {
        ("golden_paths", "retired_at"), ("teams", "valid_from"), ("teams", "valid_to"),
        ("aliases", "valid_from"), ("aliases", "valid_to"), ("policy_results", "team_id"),
        ("service_levels", "team_id"), ("scorecard_results", "team_id"), *OTHER_WORDS,
    }  # fmt: skip


OTHER_WORDS = {
    ("deployments", "outcome_raw"), ("action_runs", "outcome_raw"), ("approvals", "status_raw"), ("tickets", "status_raw"),
    ("policy_results", "result_raw"), ("services", "lifecycle_raw"), ("scorecard_results", "state_raw"),
}  # fmt: skip
"""What another system writes where we write our own word."""


# --- as a source -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, []),
        ({"teams": 20, "months": 6, "seed": 1}, []),
        ({"team": 4}, ["team: a sample source has no such option. Did you mean 'teams'?"]),
        ({"teams": "nine"}, ["teams = 'nine': must be a whole number"]),
        ({"seed": True}, ["seed = True: must be a whole number"]),
        ({"teams": 2, "months": 99}, ["teams = 2: must lie", "months = 99: must lie"]),
    ],
)
def test_problems_with_options(options: dict[str, Any], says: list[str]) -> None:
    found = sample.problems(options)
    assert len(found) == len(says)
    assert all(text.startswith(start) for text, start in zip(found, says, strict=True))


def test_as_a_source_every_row_passes_the_door(company: sample.Company) -> None:
    extracts = sample.read([], {}, Path())
    assert [e.table for e in extracts] == list(company.tables)
    for extract in extracts:
        conformed = conform(extract, "sample", None)
        assert conformed.rejected.is_empty(), extract.table
        assert conformed.rows.select(company.tables[extract.table].columns).equals(company.tables[extract.table])
        assert extract.as_of == AS_OF
    other = sample.read([], {"seed": 5, "teams": 4, "months": 3}, Path())
    assert other[0].sha256 != extracts[0].sha256
