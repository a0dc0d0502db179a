"""Which units a change is about and whose they are, and which changes are at one unit at one time, by hand."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
import pytest

from idp_analytics.metrics.interventions import COLUMNS, intervention_units, overlapping

SAID = {
    "unit_kind": "service", "hypothesis": "h", "metric": "change_lead_time", "direction": "down", "smallest_effect": 1.0, "review_on": "2026-09-01",
    "registered_at": "2026-03-01T09:00",
}  # fmt: skip


def change(name, unit, adopted_on=None, **given):
    return {"intervention_id": name, "unit_id": unit, "adopted_on": adopted_on, **SAID, **given}


OWNERSHIP = [
    {"service_id": "shop", "team_id": "red", "valid_to": date(2026, 4, 1)},
    {"service_id": "shop", "team_id": "blue", "valid_from": date(2026, 4, 1)},
]


@pytest.fixture
def units(company, settings, as_of):
    def of(*rows, at="2026-06-01", zone="UTC"):
        made = company(interventions=rows, ownership=OWNERSHIP)
        return intervention_units(made, settings(zone), as_of(at))

    return of


def test_a_service_is_its_owners_of_the_day_it_took_it_up(units):
    found = units(change("a", "shop", "2026-03-10"), change("b", "shop", "2026-04-01"), change("c", "shop"))
    told = found.filter(scope="team").select("entity_id", "intervention_id", "adopted_on").rows()
    assert told == [("blue", "b", date(2026, 4, 1)), ("blue", "c", None), ("red", "a", date(2026, 3, 10))]
    assert found.filter(scope="org")["intervention_id"].to_list() == ["a", "b", "c"]
    assert dict(found.schema) == COLUMNS


def test_a_team_is_its_own_and_what_nobody_owns_is_the_organisations_alone(units):
    found = units(change("a", "red", unit_kind="team"), change("a", "gone"))
    assert found.filter(scope="team").select("entity_id", "unit_id").rows() == [("red", "red")]
    assert found.filter(scope="org").height == 2


def test_what_is_registered_or_taken_up_later_is_not_known_yet(units):
    found = units(change("a", "shop", "2026-05-10"), change("b", "shop", registered_at="2026-05-02T00:00"), at="2026-05-01")  # fmt: skip
    assert found.filter(scope="org").select("intervention_id", "adopted_on").rows() == [("a", None)]


@pytest.mark.parametrize(
    ("adopted", "zone", "late"),
    [("2026-02-28", "UTC", True), ("2026-03-01", "UTC", False), ("2026-03-01", "Pacific/Auckland", True), (None, "UTC", False)],
)  # fmt: skip
def test_registered_after_the_fact_is_told_by_the_day_where_the_organisation_is(units, adopted, zone, late):
    # 1 March 22:00 UTC is 2 March in Auckland.
    found = units(change("a", "shop", adopted, registered_at="2026-03-01T22:00"), zone=zone)
    assert found.filter(scope="org")["is_late"].to_list() == [late]


def test_changes_overlap_where_one_unit_has_both_before_they_are_reviewed():
    def spans(*rows):
        columns = ["intervention_id", "unit_kind", "unit_id", "metric", "adopted_on", "review_on"]
        return pl.DataFrame(
            [
                (name, "service", unit, f"m-{name}", date.fromisoformat(on) if on else None, date.fromisoformat(review))
                for name, unit, on, review in rows
            ],
            schema=columns,
            orient="row",
        ).cast({"adopted_on": pl.Date})

    rows = (
        ("a", "x", "2026-01-01", "2026-03-01"), ("a", "y", "2026-01-01", "2026-03-01"), ("b", "x", "2026-03-01", "2026-05-01"),
        ("b", "y", "2026-03-02", "2026-05-01"), ("c", "x", "2026-05-02", "2026-07-01"), ("d", "x", None, "2026-07-01"),
    )  # fmt: skip
    # At x both a and b on 1 March; at y a was reviewed the day before; c begins the day after b's review; nobody took d up.
    assert overlapping(spans(*rows)).rows() == [("a", "b", 1, "m-a", "m-b")]
    assert overlapping(spans()).is_empty()


def test_of_the_synthetic_company_each_service_is_one_teams(sample):
    found = sample.study("intervention_units")
    whole = found.filter(scope="org")
    assert whole.height == sample.tables["interventions"].height
    teams = found.filter(scope="team")
    assert teams.select("intervention_id", "unit_id").is_unique().all()
    assert set(teams["entity_id"]) <= set(sample.tables["teams"]["team_id"])
    assert found["registered_at"].max() < sample.as_of and isinstance(found["registered_at"].max(), datetime)
