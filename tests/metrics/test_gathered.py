"""What is observed is read and joined once for the answers and all studies of it, and never taken for that of other tables."""

from __future__ import annotations

import gc

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from idp_analytics.metrics import compute, gathered
from idp_analytics.metrics.catalogue import CATALOGUE, by_name
from idp_analytics.metrics.gathered import Gathering
from idp_analytics.metrics.nine_in_ten import TIMED, nine_in_ten
from idp_analytics.metrics.process_behaviour import process_behaviour


@pytest.fixture
def joined(monkeypatch):
    """The metrics whose observations were read and joined anew."""
    found = []
    before = gathered.seen
    monkeypatch.setattr(gathered, "seen", lambda metric, *given: found.append(metric.name) or before(metric, *given))
    return found


@pytest.fixture
def made(company):
    return company(
        deployments=[{"deployment_id": f"d{i}", "finished_at": f"2026-03-{i:02}T10:00"} for i in range(1, 29)],
        changes=[
            {"change_id": f"c{i}", "kind": "commit", "first_commit_at": f"2026-03-{i:02}T08:00"} for i in range(1, 29)
        ],
        deployment_changes=[{"deployment_id": f"d{i}", "change_id": f"c{i}"} for i in range(1, 29)],
        teams=[{"team_id": "red"}],
        services=[{"service_id": "shop"}],
    )


def test_after_the_answers_studies_of_the_same_observations_join_nothing(joined, made, settings, as_of):
    given, now = settings(), as_of("2026-04-01")
    alone = nine_in_ten(made, given, now), process_behaviour(made, given, now)
    assert {metric.name for metric in TIMED} <= set(joined)
    others = dict(made) | {"teams": made["teams"].filter(pl.lit(True))}
    compute(others, given, now)
    joined.clear()
    for before, after in zip(
        alone, (nine_in_ten(others, given, now), process_behaviour(others, given, now)), strict=True
    ):
        assert_frame_equal(before, after)
    assert joined == []


def test_other_tables_settings_and_moments_are_gathered_anew(joined, made, settings, as_of):
    lead, given, now = by_name("change_lead_time"), settings(), as_of("2026-04-01")
    assert Gathering(made, given, now).of(lead).cube["n"].sum() == 28
    assert Gathering(dict(made), given, now).of(lead) is Gathering(made, given, now).of(lead)
    assert joined == ["change_lead_time"]
    assert Gathering(made, given, as_of("2026-03-11")).of(lead).cube["n"].sum() == 10
    assert joined == ["change_lead_time"] * 2
    assert Gathering(made, given, now).of(lead).cube["n"].sum() == 28
    assert joined == ["change_lead_time"] * 2  # an earlier moment pushes nothing out
    fewer = {**made, "changes": made["changes"].head(7)}
    assert Gathering(fewer, given, now).of(lead).cube["n"].sum() == 7
    assert Gathering(made, settings(lead_time_unit="pull_request"), now).of(lead).cube["n"].sum() == 0


def test_what_was_gathered_goes_with_its_tables(made, settings, as_of):
    tables, given = {name: table.filter(pl.lit(True)) for name, table in made.items()}, settings()
    compute(tables, given, as_of("2026-04-01"))
    kept = gathered._kept[0].found
    assert set(kept) == {metric.name for metric in CATALOGUE} - {"showback_cost"}
    del tables
    gc.collect()
    assert not kept


def test_where_nothing_is_to_be_kept_answers_are_the_same_and_nothing_is(made, settings, as_of):
    given, now = settings(), as_of("2026-04-01")
    alone = compute(dict(made), given, now, keep=False)
    assert not gathered._kept[0].found
    assert_frame_equal(alone, compute(made, given, now))
