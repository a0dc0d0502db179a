"""Which golden path would pay back first, by hand: what is counted, what is stated, and who stands out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as st
from scipy.stats import chi2
from ticket_building import MONDAY, asked, tables

from idp_analytics.metrics.next_paths import COLUMNS, STATED, TEAM_COLUMNS, TICKET, next_path_teams, next_paths
from idp_analytics.metrics.platform_size import ABOVE, BELOW, BETWEEN, OPEN, platform_size
from idp_analytics.settings.components import Component
from idp_analytics.settings.next_paths import NextPath

AS_OF = MONDAY.replace(tzinfo=UTC) + timedelta(days=100)
YEARS = 100 / 365.25

Company, Given = Callable[..., Any], Callable[..., Any]


def path(
    name: str, *tickets: str, each: float = 2, low: float = 2, high: float = 2, build: float = 100, yearly: float = 0
) -> NextPath:
    return NextPath(name, name.title(), (), tickets, each, low, high, build, yearly, "Ada")


def twelve(company: Company) -> Any:
    """Twelve tickets about access in a hundred days, ten of them red's, settled within 1 to 12 hours; and one about the network, open."""
    told = [asked(n, 1, n + 1, team_id="red" if n < 10 else "blue") for n in range(12)]
    return tables(company, *told, asked(20, None, None, category="network", team_id="blue"))


def test_what_nobody_has_a_path_for_stands_by_what_was_waited(company: Company, settings: Given) -> None:
    found = {row["id"]: row for row in next_paths(twelve(company), settings(), AS_OF).to_dicts()}
    assert list(found) == ["access", "network"]
    access = found["access"]
    assert (access["basis"], access["n"], access["days"], access["wait_n"], access["censored"], access["missing"]) == (
        TICKET,
        12,
        100.0,
        12,
        0,
        0,
    )
    assert access["per_year"] == pytest.approx(12 / YEARS)
    assert access["per_year_low"] == pytest.approx(chi2.ppf(0.025, 24) / 2 / YEARS)
    assert access["wait"] == 6.5
    assert access["waiting"] == pytest.approx(12 / YEARS * 6.5)
    assert access["waiting_low"] < access["per_year_low"] * access["wait_low"], (
        "the ends of a product are those of both together"
    )
    assert (access["said_by"], access["payback_months"], access["is_first"]) == (None, None, False)
    assert (found["network"]["censored"], found["network"]["wait"], found["network"]["waiting"]) == (1, None, None)


def test_a_stated_path_pays_back_when_its_hours_have_made_up_for_the_building(
    company: Company, settings: Given
) -> None:
    told = replace(settings(), next_paths=(path("access", "access", each=2, low=1, high=4, build=100, yearly=20),))
    (row, *_) = next_paths(twelve(company), told, AS_OF).to_dicts()
    assert (row["basis"], row["id"], row["title"], row["said_by"], row["n"]) == (STATED, "access", "Access", "Ada", 12)
    yearly, high = 12 / YEARS, chi2.isf(0.025, 26) / 2 / YEARS
    assert row["payback_months"] == pytest.approx(1200 / (yearly * 2 - 20))
    assert row["payback_low"] == pytest.approx(1200 / (high * 4 - 20))
    assert row["payback_high"] == pytest.approx(1200 / (chi2.ppf(0.025, 24) / 2 / YEARS - 20))
    never = replace(settings(), next_paths=(path("access", "access", each=2, low=1, build=100, yearly=60),))
    (row, *_) = next_paths(twelve(company), never, AS_OF).to_dicts()
    assert row["payback_months"] is not None
    assert row["payback_high"] is None, "at the low ends what it saves never makes up for keeping it"


@pytest.mark.parametrize(("build", "first"), [(2000, [True, False]), (150, [False, False])])
def test_a_first_is_named_only_where_intervals_do_not_meet(
    company: Company, settings: Given, build: float, first: list[bool]
) -> None:
    rows = [asked(n, 1, 2) for n in range(12)] + [asked(n, 1, 2, category="network") for n in range(20, 32)]
    told = replace(settings(), next_paths=(path("a", "access"), path("b", "network", build=build)))
    found = next_paths(tables(company, *rows), told, AS_OF).to_dicts()
    assert [row["is_first"] for row in found] == first


def test_one_stated_path_is_never_the_first_of_others(company: Company, settings: Given) -> None:
    told = replace(settings(), next_paths=(path("a", "access"),))
    assert next_paths(twelve(company), told, AS_OF)["is_first"].to_list() == [False, False]


def test_what_a_component_serves_is_no_candidate(company: Company, settings: Given) -> None:
    told = replace(settings(), components=(Component("roles", "Roles", usage=("roles",), tickets=("access",)),))
    assert next_paths(twelve(company), told, AS_OF)["id"].to_list() == ["network"]


def test_new_services_off_a_path_count_and_those_on_it_do_not(company: Company, settings: Given) -> None:
    built = {
        "deployments": [
            {"deployment_id": "first", "service_id": "old", "finished_at": "2026-01-01T00:00"},
            {"deployment_id": "two", "service_id": "off", "finished_at": "2026-02-11T00:00"},
        ],
        "services": [
            {"service_id": s, "kind": "service", "created_at": f"2026-02-0{n}T00:00"}
            for n, s in ((1, "off"), (2, "born"), (3, "open"))
        ],
        "ownership": [{"service_id": "off", "team_id": "red"}],
        "golden_paths": [{"golden_path_id": "tpl", "kind": "template", "released_at": "2025-01-01", "title": "T"}],
        "service_golden_path": [
            {"service_id": "born", "golden_path_id": "tpl", "evidence": "born", "as_of": date(2026, 3, 31)}
        ],
    }
    (row,) = next_paths(company(**built), settings(), datetime(2026, 4, 11, tzinfo=UTC)).to_dicts()
    assert (row["basis"], row["id"], row["n"], row["days"], row["censored"], row["wait"]) == (
        "new services",
        "service",
        2,
        100.0,
        1,
        240.0,
    )


def test_a_team_stands_out_where_it_is_told_apart_from_the_next(company: Company, settings: Given) -> None:
    found = next_path_teams(twelve(company), settings(), AS_OF).to_dicts()
    assert [(row["id"], row["team_id"], row["n"], row["of"], row["is_pilot"]) for row in found] == [
        ("access", "red", 10, 12, False), ("access", "blue", 2, 12, False), ("network", "blue", 1, 1, False)
    ]  # fmt: skip
    assert found[0]["p"] == pytest.approx(2 * 0.03857421875), "two-sided binomial of 10 in 12, times two teams"
    more = tables(company, *(asked(n, team_id="red" if n < 18 else "blue") for n in range(20)))
    assert next_path_teams(more, settings(), AS_OF)["is_pilot"].to_list() == [True, False]
    own = replace(settings(), platform_team="red")
    assert next_path_teams(more, own, AS_OF)["team_id"].to_list() == ["blue"], "the platform's own team begins nowhere"


def test_nothing_known_is_no_row(company: Company, settings: Given) -> None:
    told = replace(settings(), next_paths=(path("a", "access"),))
    for study, columns in ((next_paths, COLUMNS), (next_path_teams, TEAM_COLUMNS)):
        found = study(company(), told, AS_OF)
        assert found.is_empty()
        assert dict(found.schema) == dict(columns)


@given(st.lists(st.integers(0, 90), min_size=1, max_size=15), st.floats(0.1, 5), st.floats(0, 3), st.floats(0, 3))
@run(max_examples=15, deadline=None)
def test_the_interval_holds_the_estimate_and_widens_with_the_statement(
    company: Company, settings: Given, days: list[int], each: float, less: float, more: float
) -> None:
    rows = [
        asked(
            n,
            1,
            4,
            created_at=(MONDAY + timedelta(days=day)).isoformat(),
            resolved_at=(MONDAY + timedelta(days=day, hours=4)).isoformat(),
        )
        for n, day in enumerate([0, *days])
    ]
    data = tables(company, *rows)
    told = [
        next_paths(
            data, replace(settings(), next_paths=(path("a", "access", each=each, low=low, high=high),)), AS_OF
        ).row(0, named=True)
        for low, high in ((each, each), (max(0.0, each - less), each + more))
    ]
    for row in told:
        assert row["payback_low"] <= row["payback_months"] <= (row["payback_high"] or float("inf"))
    assert told[1]["payback_low"] <= told[0]["payback_low"]
    assert (told[1]["payback_high"] or float("inf")) >= told[0]["payback_high"]


def person(n: int, **given: object) -> dict[str, object]:
    return {"person_id": f"p{n}", "is_developer": True, **given}


@pytest.mark.parametrize(
    ("sure", "unknown", "place"),
    [
        (29, 0, BELOW),
        (30, 0, BETWEEN),
        (50, 0, BETWEEN),
        (51, 0, ABOVE),
        (20, 5, BELOW),
        (29, 1, OPEN),
        (40, 20, OPEN),
        (0, 60, OPEN),
    ],
)
def test_where_the_rule_of_thumb_puts_them(
    company: Company, settings: Given, sure: int, unknown: int, place: str
) -> None:
    people = [person(n) for n in range(sure)] + [person(n, is_developer=None) for n in range(sure, sure + unknown)]
    (row,) = platform_size(company(people=people), settings(), AS_OF).to_dicts()
    assert (row["engineers"], row["engineers_high"], row["platform"], row["place"]) == (
        sure,
        sure + unknown,
        None,
        place,
    )


def test_who_is_gone_not_there_yet_a_machine_or_no_developer_is_no_engineer(company: Company, settings: Given) -> None:
    last = "2026-06-09"  # the as-of time is in the morning of the 10th
    people = [
        person(1), person(2, ended_on=last), person(3, ended_on="2026-06-10"), person(4, started_on="2026-06-11"), person(5, is_bot=True),
        person(6, is_developer=False),
    ]  # fmt: skip
    members = [{"person_id": f"p{n}", "team_id": "core"} for n in (1, 2, 6)] + [
        {"person_id": "p3", "team_id": "core", "valid_to": date(2026, 6, 10)}
    ]
    (row,) = platform_size(
        company(people=people, memberships=members), replace(settings(), platform_team="core"), AS_OF
    ).to_dicts()
    assert (row["engineers"], row["platform"]) == (2, 1)
    assert platform_size(company(), settings(), AS_OF).is_empty()
