"""Pages: which count, what they are divided by, and what hour it was for whom they called; worked by hand."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy.stats import chi2

from idp_analytics.metrics import by_name, compute
from idp_analytics.metrics.page_load import COLUMNS, WHOLE, page_load
from idp_analytics.metrics.pages import AGAIN, LOW, counted_pages
from idp_analytics.working_time import CLASSES, Calendar, Hours

TEAMS = [{"team_id": "red"}, {"team_id": "blue", "time_zone": "Asia/Kolkata"}, {"team_id": "green"}]
SERVICES = [{"service_id": "shop"}, {"service_id": "till"}]


def page(number: int, at: str, **told) -> dict:
    known = {"team_id": "red", "service_id": "shop", "person_id": "p-1", "incident_id": f"i{number}", "urgency": "high"}
    return {"page_id": f"g{number}", "paged_at": at, **known, **told}


@pytest.fixture
def answer(company, settings, as_of):
    def get(metric: str, at: str, calendar: Calendar | None = None, zone: str = "UTC", **tables) -> pl.DataFrame:
        rules = replace(settings(zone), calendar=calendar or Calendar())
        made = company(**{"teams": TEAMS, "services": SERVICES, **tables})
        return compute(made, rules, as_of(at), (by_name(metric),), every=("1w", "1mo"))

    return get


def one(answers: pl.DataFrame, scope: str, entity: str, period: str) -> dict:
    (row,) = answers.filter(scope=scope, entity_id=entity, period=period).to_dicts()
    return row


# --- which count --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pages", "kept"),
    [
        ([page(1, "2026-03-02T10:00"), page(2, "2026-03-02T10:05", incident_id="i1")], ["g1"]),
        ([page(1, "2026-03-02T10:00"), page(2, "2026-03-02T10:10", incident_id="i1")], ["g1"]),  # exactly ten minutes
        ([page(1, "2026-03-02T10:00"), page(2, "2026-03-02T10:10:01", incident_id="i1")], ["g1", "g2"]),
        # each nine minutes after the one before: one page, however long it goes on
        ([page(n, f"2026-03-02T10:{9 * n:02d}", incident_id="i") for n in range(1, 6)], ["g1"]),
        ([page(1, "2026-03-02T10:00"), page(2, "2026-03-02T10:05", incident_id="i1", person_id="p-2")], ["g1", "g2"]),
        ([page(1, "2026-03-02T10:00"), page(2, "2026-03-02T10:05")], ["g1", "g2"]),
        # nobody says for what, or whom: they cannot be told to be the same
        ([page(n, f"2026-03-02T10:0{n}", incident_id=None) for n in (1, 2)], ["g1", "g2"]),
        ([page(n, f"2026-03-02T10:0{n}", incident_id="i", person_id=None) for n in (1, 2)], ["g1", "g2"]),
        ([page(1, "2026-03-02T10:00", urgency="low"), page(2, "2026-03-02T10:05", incident_id="i1")], ["g2"]),
        ([page(1, "2026-03-02T10:00", urgency=None)], ["g1"]),
        ([page(2, "2026-03-02T10:05", incident_id="i"), page(1, "2026-03-02T10:00", incident_id="i")], ["g1"]),
    ],
)
def test_which_pages_count(company, settings, pages, kept):
    found = counted_pages(company(pages=pages), settings()).collect()
    assert sorted(found["page_id"]) == kept


def test_what_does_not_count_is_said(answer):
    pages = [
        page(1, "2026-03-02T10:00"),
        page(2, "2026-03-02T10:05", incident_id="i1"),
        page(3, "2026-03-09", urgency="low"),
    ]
    row = one(answer("pages_per_service_week", "2026-04-01", pages=pages), "org", "org", "2026-03")
    assert row["n"] == 1
    assert row["caution"] == f"partial period; {LOW}: 1; {AGAIN}: 1"
    never = replace(Calendar(), page_dedupe_minutes=0.0)
    assert one(answer("pages_per_service_week", "2026-04-01", never, pages=pages), "org", "org", "2026-03")["n"] == 2


# --- what they are divided by ---------------------------------------------------------------------------------------------


def test_weeks_of_services_that_begin_end_and_move(answer):
    """March from the 2nd: 30 days. shop: all of them, 10 with red and 20 with blue; till: born on the 12th, retired on the
    26th, 14 days with nobody; mail is in no catalogue but paged: all 30, with nobody."""
    services = [{"service_id": "shop"}, {"service_id": "till", "created_at": "2026-03-12", "retired_at": "2026-03-26"}]
    ownership = [
        {"service_id": "shop", "team_id": "red", "valid_from": date(2020, 1, 1)},
        {"service_id": "shop", "team_id": "blue", "valid_from": date(2026, 3, 12)},
    ]
    pages = [
        page(1, "2026-03-02"),
        page(2, "2026-03-20", team_id="blue"),
        page(3, "2026-03-21", service_id="mail", team_id=None),
    ]
    found = answer("pages_per_service_week", "2026-04-01", services=services, ownership=ownership, pages=pages)
    for (scope, entity), (n, days) in {
        ("org", "org"): (3, 30 + 14 + 30),
        ("service", "shop"): (2, 30),
        ("service", "till"): (0, 14),
        ("service", "mail"): (1, 30),
        ("team", "red"): (1, 10),
        ("team", "blue"): (1, 20),
        ("team", "green"): (0, 0),
    }.items():
        row = one(found, scope, entity, "2026-03")
        weeks = days / 7
        assert row["n"] == n, entity
        assert row["value"] == (pytest.approx(n / weeks) if n else None), entity
        high = pytest.approx(chi2.isf(0.025, 2 * n + 2) / 2 / weeks) if weeks else None
        assert row["high"] == high, entity


def test_the_last_owner_named_for_a_day_counts_and_a_span_may_end(answer):
    ownership = [
        {"service_id": "shop", "team_id": "red", "valid_to": date(2026, 3, 12)},
        {"service_id": "till", "team_id": "red", "valid_to": date(2026, 3, 31)},
        {"service_id": "till", "team_id": "blue", "valid_from": date(2026, 3, 22)},
    ]
    found = answer("pages_per_service_week", "2026-04-01", ownership=ownership, pages=[page(1, "2026-03-02")])
    assert one(found, "team", "red", "2026-03")["value"] == pytest.approx(1 / ((10 + 20) / 7))


def test_shifts_are_those_of_teams_that_were_paged(answer):
    """Two rotas of three teams, 30 days of two shifts each; with day-long shifts, half as many."""
    pages = [
        page(1, "2026-03-02"),
        page(2, "2026-03-20"),
        page(3, "2026-03-05", team_id="blue"),
        page(4, "2026-03-06", team_id=None),
    ]
    for hours, per_day in ((12.0, 2), (24.0, 1)):
        found = answer("pages_per_shift", "2026-04-01", Calendar(shift_hours=hours), pages=pages)
        assert one(found, "org", "org", "2026-03")["value"] == pytest.approx(4 / (2 * 30 * per_day))
        assert one(found, "team", "red", "2026-03")["value"] == pytest.approx(2 / (30 * per_day))
        assert one(found, "team", "green", "2026-03")["value"] is None
        service = one(found, "service", "shop", "2026-03")
        assert (service["verdict"], service["n"]) == ("not measured", 0)
        assert service["caution"] == "partial period; measured for the organisation and teams only"


def test_a_part_of_the_as_of_day_is_a_part_of_the_exposure(answer):
    row = one(answer("pages_per_shift", "2026-03-10T12:00", pages=[page(1, "2026-03-02")]), "org", "org", "2026-03")
    assert row["value"] == pytest.approx(1 / (8.5 * 2))


# --- what hour it was --------------------------------------------------------------------------------------------------------

AT = "2026-03-03T16:00"
"""16:00 in London, 17:00 in Berlin, 21:30 in Kolkata, 11:00 in New York; a Tuesday."""


@pytest.mark.parametrize(
    ("team", "person", "zone", "out", "night"),
    [
        ("red", None, "UTC", False, False),
        ("red", "Asia/Kolkata", "UTC", True, False),
        ("red", "Asia/Tokyo", "UTC", True, True),
        ("blue", None, "UTC", True, False),
        ("blue", "America/New_York", "UTC", False, False),
        ("red", None, "Europe/Berlin", True, False),
        (None, None, "Europe/Berlin", True, False),
    ],
)
def test_the_responders_clock_decides_else_the_teams_else_the_organisations(answer, team, person, zone, out, night):
    pages = [page(n, AT, team_id=team) for n in range(5)]
    people = [{"person_id": "p-1", "time_zone": person}]
    for metric, hit in (("out_of_hours_page_share", out), ("night_page_share", night)):
        row = one(answer(metric, "2026-04-01", zone=zone, pages=pages, people=people), "org", "org", "2026-03")
        assert (row["value"], row["n"], row["k"]) == (float(hit), 5, 5 * hit)


def test_months_of_a_team_elsewhere_are_the_organisations(answer):
    """20:00 UTC on the last of March is April in Kolkata; the month is March all the same, as for everybody."""
    pages = [
        page(1, "2026-03-05", team_id="blue"),
        page(2, "2026-03-31T20:00", team_id="blue"),
        page(3, "2026-04-01", team_id="blue"),
    ]
    found = answer("pages_per_shift", "2026-05-01", pages=pages)
    assert [one(found, "team", "blue", month)["n"] for month in ("2026-03", "2026-04")] == [2, 1]
    assert one(found, "org", "org", "2026-03")["n"] == 2


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/Los_Angeles"])
def test_periods_are_half_open_where_the_organisation_is(answer, settings, zone):
    midnight = pl.Series([datetime(2026, 4, 1)]).dt.replace_time_zone(zone).dt.convert_time_zone("UTC")[0]
    pages = [page(1, midnight - timedelta(days=20)), page(2, midnight - timedelta(microseconds=1)), page(3, midnight)]
    found = answer("pages_per_shift", "2026-05-10", zone=zone, pages=pages)
    assert [one(found, "org", "org", month)["n"] for month in ("2026-03", "2026-04")] == [2, 1]


def test_weeks_from_sunday(answer):
    pages = [
        page(1, "2026-02-20"),
        page(2, "2026-03-07T23:59:59.999999"),
        page(3, "2026-03-08"),
        page(4, "2026-03-14T12:00"),
    ]
    found = answer("pages_per_shift", "2026-04-01", Calendar(week_start="sunday"), pages=pages)
    assert [one(found, "org", "org", week)["n"] for week in ("2026-w-03-01", "2026-w-03-08")] == [1, 2]
    assert one(found, "org", "org", "2026-w-03-08")["value"] == pytest.approx(2 / 14)


# --- the study ---------------------------------------------------------------------------------------------------------------


def test_hours_of_each_class_and_the_pages_in_them(company, settings, as_of):
    """April 2026 of one team in Berlin: 20 working days and two holidays, 30 nights; the as-of time cuts May short."""
    rules = replace(settings("Europe/Berlin"), calendar=Calendar(holidays=("DE",)))
    pages = [page(1, "2026-03-30T20:30"), page(2, "2026-04-07T10:00"), page(3, "2026-04-03T10:00", incident_id="i2"),
             page(4, "2026-04-04T22:00", incident_id=None)]  # fmt: skip
    found = page_load(company(teams=TEAMS, pages=pages), rules, as_of("2026-05-02"))
    april = {row["hour_class"]: row for row in found.filter(scope="team", period="2026-04").to_dicts()}
    assert {name: row["hours"] for name, row in april.items()} == {
        "all": 720, "working": 20 * 8, "evening": 20 * 7, "night": 30 * 9, "weekend": 8 * 15, "holiday": 2 * 15
    }  # fmt: skip
    assert {name: row["n"] for name, row in april.items() if row["n"]} == {
        "all": 3,
        "working": 1,
        "night": 1,
        "holiday": 1,
    }
    assert (april["all"]["incidents"], april["all"]["value"]) == (2, pytest.approx(3 / 60))
    assert april["all"]["incidents_value"] == pytest.approx(2 / 60)
    assert april["night"]["value"] == pytest.approx(1 / (270 / 12))
    assert april["night"]["high"] == pytest.approx(chi2.isf(0.025, 4) / 2 / 22.5)
    assert dict(found.schema) == COLUMNS


def test_without_a_page_there_is_no_study(company, settings, as_of):
    assert page_load(
        company(teams=TEAMS, pages=[page(1, AT, urgency="low")]), settings(), as_of("2026-05-01")
    ).is_empty()


zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", None])
moments = st.integers(0, 120 * 24 * 60).map(lambda m: datetime(2026, 1, 20, 3, tzinfo=UTC) + timedelta(minutes=m))


@given(st.lists(st.tuples(moments, st.sampled_from(["red", "blue"])), min_size=1, max_size=20), zones, zones, zones)
@hypothesis_settings(max_examples=10)
def test_classes_add_up_and_the_study_agrees_with_the_answers(company, settings, paged, one_zone, other, org):
    teams = [{"team_id": "red", "time_zone": one_zone}, {"team_id": "blue", "time_zone": other}]
    pages = [page(n, at, team_id=team) for n, (at, team) in enumerate(paged)]
    made, rules, now = company(teams=teams, pages=pages), settings(org or "UTC"), datetime(2026, 5, 25, 7, tzinfo=UTC)
    found = page_load(made, rules, now)
    key = ["scope", "entity_id", "every", "period_start"]
    parts, whole = found.filter(pl.col("hour_class") != WHOLE), found.filter(hour_class=WHOLE)
    added = parts.group_by(key).agg(pl.col("n", "hours").sum()).sort(key)
    assert added["n"].to_list() == whole.sort(key)["n"].to_list()
    assert added["hours"].to_list() == pytest.approx(whole.sort(key)["hours"].to_list())
    assert set(parts["hour_class"]) == set(CLASSES)
    answers = compute(made, rules, now, (by_name("pages_per_shift"),), ("org", "team"))
    both = whole.join(answers.filter(pl.col("value").is_not_null()), on=key, suffix="_answer")
    assert both.height
    # Hours on the wall and hours that pass differ by one where the clock was changed.
    assert both["value"].to_list() == pytest.approx(both["value_answer"].to_list(), rel=0.01)
    assert both["n"].equals(both["n_answer"], check_names=False)


_ASKED = """
import sys
from datetime import UTC, datetime, timedelta
import polars as pl
from idp_analytics.metrics import CATALOGUE, compute
from idp_analytics.metrics.page_load import page_load
from idp_analytics.settings import Settings
from idp_analytics.tables import TABLES
from pathlib import Path
start = datetime(2026, 3, 27, tzinfo=UTC)
rows = {
    "teams": [{"team_id": "red", "name": "Red", "kind": "team", "time_zone": "America/New_York"}],
    "services": [{"service_id": "shop", "name": "Shop"}],
    "people": [{"person_id": f"p{n}", "started_on": (start + timedelta(days=n)).date(), "is_developer": True} for n in range(6)],
    "pages": [{"page_id": f"g{n}", "paged_at": start + timedelta(hours=7 * n), "team_id": "red", "service_id": "shop"} for n in range(40)],
    "deployments": [{"deployment_id": f"d{n}", "finished_at": start + timedelta(hours=5 * n), "environment": "production",
                     "outcome": "success", "service_id": "shop", "team_id": "red"} for n in range(60)],
    "changes": [{"change_id": f"c{n}", "merged_at": start + timedelta(hours=5 * n - 1), "author_id": f"p{n % 6}",
                 "first_commit_at": start, "service_id": "shop", "team_id": "red"} for n in range(60)],
    "deployment_changes": [{"deployment_id": f"d{n}", "change_id": f"c{n}"} for n in range(60)],
}
tables = {}
for name, table in TABLES.items():
    schema = dict(table.schema) | ({"team_id": pl.String} if table.owned else {})
    tables[name] = pl.DataFrame([{key: row.get(key) for key in schema} for row in rows.get(name, [])], schema=schema).lazy()
settings = Settings("x", "X", Path(), time_zone="Europe/Berlin")
as_of = datetime(2026, 4, 20, tzinfo=UTC)
answers = compute(tables, settings, as_of, every=("1w", "1mo", "1q"))
print(answers["value"].count(), hash(answers.write_csv()), hash(page_load(tables, settings, as_of).write_csv()))
"""


@pytest.mark.slow
def test_no_answer_depends_on_the_zone_of_the_machine():
    told = [
        subprocess.run(
            [sys.executable, "-c", _ASKED], env={**os.environ, "TZ": zone, "PYTHONHASHSEED": "0"}, capture_output=True, text=True,
            check=True,
        ).stdout
        for zone in ("UTC", "America/Los_Angeles", "Asia/Kolkata")
    ]  # fmt: skip
    assert int(told[0].split()[0]) > 50
    assert told[0] == told[1] == told[2]


def test_night_hours_may_be_set(answer):
    found = answer("night_page_share", "2026-04-01", Calendar(night_hours=Hours(15 * 60 + 59, 60), working_hours=Hours(540, 900)),
                   pages=[page(n, AT) for n in range(5)])  # fmt: skip
    assert one(found, "org", "org", "2026-03")["value"] == 1.0
