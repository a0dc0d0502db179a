"""Tickets by hand: rates with their exposure, waits with what is open, reopened, about the platform, repeating."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy.stats import chi2
from ticket_building import MEMBERS, MONTH, PEOPLE, asked, tables

from idp_analytics.metrics import by_name, compute, trace
from idp_analytics.metrics.ticket_volume import COLUMNS, REASON_COLUMNS, ticket_reasons, tickets
from idp_analytics.metrics.ticket_waits import COLUMNS as WAIT_COLUMNS
from idp_analytics.metrics.ticket_waits import ticket_waits
from idp_analytics.metrics.tickets import BULK, CLOSED, OPEN, SETTLED, told
from idp_analytics.settings.components import Component

few = hypothesis_settings(max_examples=15)

METRICS = (
    "tickets_per_developer_month", "tickets_per_service_month", "ticket_response_time", "ticket_resolution_time",
    "ticket_reopen_share", "platform_ticket_share",
)  # fmt: skip


@pytest.fixture
def made(company):
    return partial(tables, company)


@pytest.fixture
def answered(made, settings, as_of):
    def of(
        name: str,
        *rows: dict[str, object],
        at: str = "2026-04-01",
        scope: str = "org",
        entity: str = "org",
        parts=(),
        **tables,
    ):
        chosen = replace(settings(), components=tuple(parts))
        found = compute(made(*rows, **tables), chosen, as_of(at), (by_name(name),), (scope,), ("1mo",))
        return found.filter(entity_id=entity, period="2026-03").row(0, named=True)

    return of


# --- how often ---------------------------------------------------------------------------------------------------------


def test_per_developer_by_hand(answered):
    """30 days of March from the first ticket on the 2nd, four developers (three of them red): 120 and 90 developer-days."""
    rows = [asked(n) for n in range(5)] + [asked(5, team_id="blue"), asked(6, team_id=None)]
    org = answered("tickets_per_developer_month", *rows)
    months = 4 * 30 / MONTH
    assert (org["n"], org["value"]) == (7, pytest.approx(7 / months))
    assert org["low"] == pytest.approx(
        chi2.ppf(0.025, 14) / 2 / months
    )  # Garwood: χ² with 2k and 2k + 2 degrees of freedom
    assert org["high"] == pytest.approx(chi2.ppf(0.975, 16) / 2 / months)
    red = answered("tickets_per_developer_month", *rows, scope="team", entity="red")
    assert (red["n"], red["value"]) == (5, pytest.approx(5 / (3 * 30 / MONTH)))


def test_who_is_no_developer_bot_or_gone_is_no_exposure_and_two_teams_are_one_developer(answered):
    people = [
        {"person_id": "p0", "started_on": "2026-03-12"},  # 20 days of March
        {"person_id": "p1", "started_on": "2025-01-01", "ended_on": "2026-03-11"},  # 2nd to 11th: 10 days
        {"person_id": "p2", "started_on": "2025-01-01", "is_bot": True},
        {"person_id": "p3", "started_on": "2025-01-01", "is_developer": False},
    ]
    members = [*MEMBERS, {"person_id": "p0", "team_id": "blue"}]
    org = answered("tickets_per_developer_month", asked(0), people=people, memberships=members)
    assert org["value"] == pytest.approx(1 / (30 / MONTH))
    blue = answered(
        "tickets_per_developer_month", asked(0, team_id="blue"), people=people, memberships=members, scope="team", entity="blue"
    )  # fmt: skip
    assert blue["value"] == pytest.approx(1 / (20 / MONTH))


def test_without_known_developers_there_is_no_rate_and_no_infinity(answered):
    row = answered("tickets_per_developer_month", asked(0), memberships=[], scope="team", entity="red")
    assert (row["n"], row["value"], row["low"], row["high"]) == (1, None, None, None)
    assert answered("tickets_per_developer_month", asked(0), people=[])["verdict"] == "insufficient data"


def test_per_service_counts_quiet_services_and_of_a_service_only_what_names_it(answered):
    rows = [asked(0, service_id="shop"), asked(1), asked(2)]
    services = [{"service_id": "shop"}, {"service_id": "quiet"}]
    org = answered("tickets_per_service_month", *rows, services=services)
    assert org["value"] == pytest.approx(3 / (2 * 30 / MONTH))
    shop = answered("tickets_per_service_month", *rows, services=services, scope="service", entity="shop")
    assert (shop["n"], shop["value"]) == (1, pytest.approx(1 / (30 / MONTH)))
    quiet = answered("tickets_per_service_month", *rows, services=services, scope="service", entity="quiet")
    assert (quiet["n"], quiet["value"], quiet["high"]) == (
        0,
        None,
        pytest.approx(chi2.ppf(0.975, 2) / 2 / (30 / MONTH)),
    )


# --- how long ----------------------------------------------------------------------------------------------------------


def test_open_tickets_make_the_median_longer_not_shorter(answered):
    """Settled after 1, 2, 3 h of eight, five open: dropped, the median would be 2; three of eight never come to one half."""
    rows = [asked(n, resolution=n + 1) for n in range(3)] + [asked(n, resolution=None) for n in range(3, 8)]
    row = answered("ticket_resolution_time", *rows)
    assert (row["n"], row["k"], row["censored"], row["value"]) == (8, 3, 5, None)
    rows = [asked(n, resolution=n + 1) for n in range(5)] + [asked(n, resolution=None) for n in range(5, 8)]
    row = answered("ticket_resolution_time", *rows)
    assert (row["k"], row["censored"], row["value"]) == (
        5,
        3,
        4.5,
    )  # still open: 7/8, 6/8, 5/8, 4/8 from 4 h on, 3/8 from 5 h on


def test_an_answer_without_a_settlement_is_an_answer(answered):
    rows = [asked(n, response=n + 1, resolution=None) for n in range(5)]
    assert answered("ticket_response_time", *rows)["value"] == 3
    assert answered("ticket_resolution_time", *rows)["k"] == 0


@pytest.mark.parametrize(
    ("row", "wait", "n", "k", "missing"),
    [
        (asked(9, None, None), "response", 1, 0, 0),  # nobody has answered
        (asked(9, None, 5), "response", 1, 0, 0),  # closed and never answered: waited until then
        (asked(9, None, None, status="done"), "response", 0, 0, 1),  # over, not told when
        (asked(9, -1, 5), "response", 0, 0, 1),  # answered before it was asked
        (asked(9, 1, -5), "resolution", 0, 0, 1),
        (asked(9, 1, None, status="done"), "resolution", 0, 0, 1),
        (asked(9, 1, None, status=None), "resolution", 0, 0, 1),  # nobody says how it stands
        (asked(9, 1, 5, status=None), "resolution", 1, 1, 0),
        (asked(9, 1, 5, status="open", reopens=1), "resolution", 1, 0, 0),  # settled once, opened again
        (asked(9, 1, 5, status_raw="duplicate"), "resolution", 1, 0, 0),
        (asked(9, 1, 5, status_raw="not_planned"), "resolution", 1, 0, 0),
        (asked(9, 1, 5, status_raw="Won't Do"), "resolution", 1, 0, 0),
        (asked(9, 1, 5, status_raw="Closed Incomplete"), "resolution", 1, 0, 0),
        (asked(9, 1, 5, status_raw="Auto-closed, no response"), "resolution", 1, 0, 0),
        (asked(9, 1, 5, status_raw="Closed Complete"), "resolution", 1, 1, 0),
        (asked(9, 1, 5, status_raw="completed"), "resolution", 1, 1, 0),
        (asked(9, 1, 30 * 24), "resolution", 1, 0, 0),  # settled after the as-of time
    ],
)  # fmt: skip
def test_how_each_kind_of_end_counts(answered, row, wait, n, k, missing):
    other = asked(0, created_at="2026-02-10", first_response_at="2026-02-11", resolved_at="2026-02-12")
    got = answered(f"ticket_{wait}_time", other, row, at="2026-03-20")
    assert (got["n"], got["k"], got["missing"]) == (n, k, missing)


def test_a_source_that_never_tells_of_answers_leaves_them_missing(answered):
    row = answered("ticket_response_time", asked(0, None, 3), asked(1, None, None), asked(2, 1, 2, source="other"))
    assert (row["n"], row["k"], row["missing"]) == (1, 1, 2)


@pytest.mark.parametrize(("n", "settled"), [(BULK - 1, BULK - 1), (BULK, 0)])
def test_a_clean_up_settles_nothing(made, n, settled):
    """So many of one source in one minute; another source at the same time does not count in."""
    rows = [asked(i, resolution=48 + i / 3600) for i in range(n)] + [asked(99, resolution=48, source="other")]
    states = told(made(*rows)).filter(pl.col("source") == "test").collect()["state"]
    assert (states == SETTLED).sum() == settled
    assert (states == CLOSED).sum() == n - settled


@given(
    st.lists(st.tuples(st.floats(0.1, 200), st.booleans()), min_size=1, max_size=25).filter(lambda w: len(w) % 2),
    st.randoms(),
)
@few
def test_a_ticket_still_open_never_shortens_a_wait(company, settings, as_of, waits, random):
    """Law: an odd number of tickets, with some of them opened up, has no shorter median, and n does not change."""
    rows = [asked(i, None, h) for i, (h, _) in enumerate(waits)]
    opened = [asked(i, None, None if is_open else h) for i, (h, is_open) in enumerate(waits)]
    random.shuffle(opened)
    at, found = as_of("2026-06-01"), []
    for some in (rows, opened):
        study = ticket_waits(company(tickets=some), settings(), at)
        found.append(
            study.filter(scope="org", every="1mo", wait="resolution", hours="clock", part="all", period="2026-03").row(
                0, named=True
            )
        )
    whole, part = found
    assert whole["n"] == part["n"] == len(waits)
    assert (
        part["censored"]
        == part["waiting"]
        == sum(is_open for _, is_open in waits) + sum(not o and h > 24 * 92 for h, o in waits)
    )
    if part["median"] is not None:
        assert part["median"] >= whole["median"] - 1e-9


def test_working_hours_are_those_of_the_team_that_asked(made, settings, as_of):
    """Asked on Friday at 16:00, settled on Monday at 10:00: 66 hours, two of them working time in London; in Tokyo none on Friday
    (1:00 on Saturday there) and 9:00 to 17:00 on Monday until 19:00."""
    friday = asked(0, None, None, created_at="2026-03-06T16:00", resolved_at="2026-03-09T10:00", status="done")
    for zone, working in (("UTC", 2.0), ("Asia/Tokyo", 8.0), (None, 2.0)):
        tables = made(friday, teams=[{"team_id": "red", "time_zone": zone}])
        found = ticket_waits(tables, settings(), as_of("2026-04-01")).filter(
            scope="team", every="1mo", wait="resolution", part="all", period="2026-03"
        )
        assert dict(found.select("hours", "median").iter_rows()) == {"clock": 66.0, "working": working}


def test_who_waits_now_and_for_how_long(made, settings, as_of):
    tables = made(asked(0, 1, 2), asked(1, 1, None), asked(2, None, None, created_at="2026-03-03T09:00"))
    found = ticket_waits(tables, settings(), as_of("2026-03-04T09:00")).filter(
        scope="org", every="1mo", part="all", hours="clock"
    )
    rows = {row["wait"]: row for row in found.to_dicts()}
    assert (rows["resolution"]["waiting"], rows["resolution"]["oldest"]) == (2, 48)
    assert (rows["response"]["waiting"], rows["response"]["oldest"], rows["response"]["n"]) == (1, 24, 3)


# --- what about --------------------------------------------------------------------------------------------------------


def test_opened_again_of_those_ever_done(answered):
    rows = [
        asked(0),
        asked(1, reopens=2),
        asked(2, 1, None, reopens=1),
        asked(3, 1, None),
        asked(4, reopens=None),
        asked(5),
    ]
    row = answered("ticket_reopen_share", *rows)
    assert (row["k"], row["n"], row["missing"]) == (2, 4, 1)  # 1 and 2 of 0, 1, 2, 5; ticket 3 was never done


DATABASES = Component("databases", "Databases", tickets=("database",))


@pytest.mark.parametrize(
    ("parts", "source", "k", "n", "missing"),
    [
        (
            (DATABASES,),
            "test",
            2,
            3,
            1,
        ),  # the path, the category; access is told to be neither; without a category nobody knows
        ((), "test", 1, 3, 1),  # the source names paths, so naming none says something
        ((), "other", 0, 0, 3),  # it never does, and no category is anybody's
        ((DATABASES,), "other", 1, 2, 1),
    ],
)
def test_about_the_platform_or_not_or_not_told(made, settings, as_of, parts, source, k, n, missing):
    path = [asked(0, category="pipeline", golden_path_id="pipes")] if source == "test" else []
    rows = [*path, asked(1, category="database"), asked(2), asked(3, category=None)]
    rows = [{**row, "source": source} for row in rows]
    chosen = replace(settings(), components=parts)
    found = compute(made(*rows), chosen, as_of("2026-04-01"), (by_name("platform_ticket_share"),), ("org",), ("1mo",))
    row = found.filter(period="2026-03").row(0, named=True)
    assert (row["k"], row["n"], row["missing"]) == (k, n, missing)
    study = tickets(made(*rows), chosen, as_of("2026-04-01")).filter(
        scope="org", every="1mo", part="all", period="2026-03"
    )
    assert study.select("about", "about_n", "tickets").row(0) == (k, n, n + missing)


def test_by_category_by_hand_and_none_asked_is_a_zero(made, settings, as_of):
    rows = [asked(n) for n in range(3)] + [asked(3, category="quota", service_id="shop"), asked(4, category=None)]
    rows += [asked(5, created_at="2026-04-02", resolved_at=None, first_response_at=None, status="open")]
    found = tickets(made(*rows), settings(), as_of("2026-05-01")).filter(scope="org", every="1mo")
    march = {(r["part"], r["category"]): r for r in found.filter(period="2026-03").to_dicts()}
    assert [key[1] for key in march] == [None, "access", "quota", None] or [key[1] for key in march] == [
        None,
        "access",
        None,
        "quota",
    ]
    assert march["all", None]["tickets"] == 5
    assert march["category", "access"]["per_developer"] == pytest.approx(3 / (120 / MONTH))
    assert march["category", "quota"]["without_service"] == 0
    april = {(r["part"], r["category"]): r for r in found.filter(period="2026-04").to_dicts()}
    quota = april["category", "quota"]
    assert (quota["tickets"], quota["per_developer"], quota["per_developer_low"]) == (0, 0, 0)
    assert quota["per_developer_high"] == pytest.approx(chi2.ppf(0.975, 2) / 2 / (120 / MONTH))
    assert april["all", None]["open"] == 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", None]), st.sampled_from(["red", "blue", None]), st.sampled_from([1, 900, None])
        ),
        min_size=1,
        max_size=30,
    )
)
@few
def test_parts_add_up(company, settings, as_of, drawn):
    """Law: categories add up to all, teams with nobody's to the organisation, states to tickets."""
    rows = [asked(i, None, h, category=c, team_id=t) for i, (c, t, h) in enumerate(drawn)]
    found = tickets(company(tickets=rows, people=PEOPLE, memberships=MEMBERS), settings(), as_of("2026-04-01")).filter(
        every="1mo"
    )
    counts = ["tickets", "settled", "closed", "open", "reopened", "reopen_n", "without_service"]
    whole = found.filter(part="all").group_by("scope").agg(pl.col(counts).sum()).sort("scope")
    parts = found.filter(part="category").group_by("scope").agg(pl.col(counts).sum()).sort("scope")
    assert whole.equals(parts)
    sums = {row["scope"]: row for row in whole.to_dicts()}
    assert sums["org"]["tickets"] == len(drawn)
    assert sums.get("team", {"tickets": 0})["tickets"] == sum(t is not None for _, t, _ in drawn)
    assert (found["settled"] + found["closed"] + found["open"] == found["tickets"]).all()


def test_what_is_asked_again_and_again(made, settings, as_of):
    rows = [asked(n, category="pipeline", golden_path_id="pipes", service_id="shop", team_id=t, reopens=r)
            for n, (t, r) in enumerate([("red", 1), ("blue", 0), ("blue", 0)])]  # fmt: skip
    rows += [asked(n, service_id="shop") for n in range(3, 7)] + [
        asked(n, category="quota", service_id="shop") for n in (7, 8)
    ]
    rows += [asked(n) for n in range(9, 15)]  # about nothing that is named
    found = ticket_reasons(made(*rows), settings(), as_of("2026-04-01")).filter(scope="org", every="1mo")
    told_ = found.select("category", "kind", "about", "tickets", "teams", "reopened", "reopen_n").rows()
    assert told_ == [("access", "service", "shop", 4, 1, 0, 4), ("pipeline", "golden path", "pipes", 3, 2, 1, 3)]


# --- the way back ------------------------------------------------------------------------------------------------------


def test_the_rows_behind_a_number(made, settings, as_of):
    tables = made(asked(0), asked(1, team_id="blue"), asked(2, created_at="2026-02-01"))
    rows = trace(tables, settings(), as_of("2026-04-01"), "ticket_resolution_time", "team", "red", "2026-03")
    assert rows.select("source_key", "x", "hit").rows() == [("t000", 4.0, True)]
    rows = trace(tables, settings(), as_of("2026-04-01"), "tickets_per_developer_month", "org", "org", "2026-03")
    assert rows["source_key"].to_list() == ["t000", "t001"]


@pytest.mark.parametrize("name", METRICS)
def test_trace_and_answers_count_the_same(made, settings, as_of, name):
    rows = [
        asked(0),
        asked(1, team_id="blue", service_id="shop", category=None),
        asked(2, None, None),
        asked(3, -1, -2, reopens=None),
    ]
    tables, at = made(*rows, asked(4, 1, 4, category="pipeline", golden_path_id="pipes")), as_of("2026-04-01")
    checked = 0
    for row in (
        compute(tables, settings(), at, (by_name(name),))
        .filter(pl.col("verdict") != "not measured")
        .iter_rows(named=True)
    ):
        behind = trace(tables, settings(), at, name, row["scope"], row["entity_id"], row["period"])
        counted = behind["usable"].sum()
        assert (counted, behind.height - counted) == (row["n"], row["missing"])
        checked += row["n"] > 0
    assert checked >= 4


@pytest.mark.parametrize(
    ("study", "columns"), [(tickets, COLUMNS), (ticket_waits, WAIT_COLUMNS), (ticket_reasons, REASON_COLUMNS)]
)
def test_nothing_is_a_typed_empty_frame(company, settings, as_of, study, columns):
    assert study(company(), settings(), as_of("2026-04-01")).schema == pl.Schema(columns)


def test_as_of_earlier_knows_nothing_of_later(made, settings, as_of):
    found = tickets(made(asked(0, 1, 400)), settings(), as_of("2026-03-10")).filter(
        scope="org", every="1mo", part="all"
    )
    assert found.select("tickets", "open", "settled").row(0) == (1, 1, 0)
    assert OPEN != SETTLED
