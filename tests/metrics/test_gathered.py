"""What is observed is read and joined once for the answers and all studies of it, and never taken for that of other tables."""

from __future__ import annotations

import gc
from dataclasses import replace

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


class Held(dict[str, pl.DataFrame]):
    """An exchange in memory, as the other processes see it."""

    name = "of a test"
    leave = dict.__setitem__
    left = dict.get


def test_what_one_process_gathered_is_not_gathered_by_another(joined, made, settings, as_of):
    lead, count = by_name("change_lead_time"), by_name("deployment_frequency")
    given, now, held = settings(), as_of("2026-04-01"), Held()
    gathered.exchanged(made, given, now, (lead, count), held)
    first = {metric.name: Gathering(made, given, now, keep=False).of(metric) for metric in (lead, count)}
    assert sorted(held) == ["change_lead_time.cube", "change_lead_time.durations", "deployment_frequency.cube"]
    assert sorted(joined) == ["change_lead_time", "deployment_frequency"]
    other = dict(made) | {"teams": made["teams"].filter(pl.lit(True))}
    gathered.exchanged(other, given, now, (lead, count), held)
    for metric in (lead, count):
        found = Gathering(other, given, now).of(metric)
        assert found.cube is first[metric.name].cube and found.durations is first[metric.name].durations
    assert len(joined) == 2


def test_of_other_metrics_moments_and_tables_nothing_is_exchanged(joined, made, settings, as_of):
    lead, count = by_name("change_lead_time"), by_name("deployment_frequency")
    given, now, held = settings(), as_of("2026-04-01"), Held()
    gathered.exchanged(made, given, now, (lead,), held)
    Gathering(made, given, now).of(lead)
    left, made_of = dict(held), list(joined)
    Gathering(made, given, now).of(replace(lead))
    Gathering(made, given, now).of(count)
    Gathering(made, given, as_of("2026-03-11")).of(lead)
    Gathering(dict(made) | {"teams": made["teams"].filter(pl.lit(True))}, given, now).of(lead)
    assert joined[len(made_of) :] == [
        "change_lead_time",
        "deployment_frequency",
        "change_lead_time",
        "change_lead_time",
    ]
    assert held.keys() == left.keys() and all(held[name] is left[name] for name in held)
