"""Time without an incident: the union of incidents, cut by period and by who owned the service."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from idp_analytics.estimates import rates
from idp_analytics.metrics import by_name, compute
from idp_analytics.metrics.incident_time import outages

METRIC = (by_name("incident_free_share"),)
START = datetime(2026, 3, 1, tzinfo=UTC)


def answers(made, settings, at, scope="org", zone="UTC"):
    found = compute(made, settings(zone), at, METRIC, (scope,), ("1mo",))
    return {(row["entity_id"], row["period"]): row for row in found.to_dicts()}


def incident(name, opened, resolved, service="shop"):
    return {"incident_id": name, "opened_at": opened, "resolved_at": resolved, "service_id": service}


OF_SHOP = {
    "teams": [{"team_id": "red"}], "services": [{"service_id": "shop"}],
    "ownership": [{"service_id": "shop", "team_id": "red"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("spans", "days"),
    [
        ([("2026-03-02", "2026-03-03")], 1),
        ([("2026-03-02", "2026-03-04"), ("2026-03-03", "2026-03-05")], 3),  # overlapping
        ([("2026-03-02", "2026-03-03"), ("2026-03-03", "2026-03-04")], 2),  # touching
        ([("2026-03-02", "2026-03-03")] * 2, 1),  # the same twice
        ([("2026-03-02", "2026-03-10"), ("2026-03-04", "2026-03-05"), ("2026-03-09", "2026-03-12")], 10),  # one inside
        ([("2026-03-02", "2026-03-03"), ("2026-03-05", "2026-03-07")], 3),
        ([("2026-03-30", None)], 2),  # open until the as-of time, a month later: two days of March
        ([("2026-03-30", "2026-04-05")], 2),
        ([("2026-03-02", "2026-03-03"), ("2026-03-08", "2026-03-07")], 1),  # backwards: missing
    ],
)
def test_the_union_of_a_services_incidents(company, settings, as_of, spans, days):
    # A quiet incident in February begins what is covered.
    old = incident("old", "2026-02-01T00:00", "2026-02-01T00:00")
    made = company(**OF_SHOP, incidents=[old, *(incident(f"i{n}", *span) for n, span in enumerate(spans))])
    for scope, entity in (("org", "org"), ("team", "red"), ("service", "shop")):
        row = answers(made, settings, as_of("2026-05-01"), scope)[entity, "2026-03"]
        assert row["value"] == pytest.approx(1 - days / 31)
        assert row["low"] <= row["value"] <= row["high"]
        assert row["missing"] == sum(end is not None and end < begin for begin, end in spans)


def test_an_outage_counts_in_each_month_it_reaches_into(company, settings, as_of):
    made = company(
        **OF_SHOP, incidents=[incident("old", "2026-02-01", "2026-02-01"), incident("i", "2026-03-31", "2026-04-04")]
    )
    found = answers(made, settings, as_of("2026-05-01"))
    assert [found["org", m]["value"] for m in ("2026-03", "2026-04")] == pytest.approx([1 - 1 / 31, 1 - 3 / 30])
    assert [found["org", m]["n"] for m in ("2026-03", "2026-04")] == [1, 1]


def test_a_month_is_cut_where_the_organisation_is_and_has_the_hours_it_had(company, settings, as_of):
    """In Berlin the clock skips an hour in March 2026: 743 hours."""
    made = company(
        **OF_SHOP,
        incidents=[incident("old", "2026-02-01", "2026-02-01"), incident("i", "2026-03-31T21:00", "2026-03-31T23:00")],
    )
    found = answers(made, settings, as_of("2026-05-01"), zone="Europe/Berlin")
    assert found["org", "2026-03"]["value"] == pytest.approx(1 - 1 / 743)  # midnight there is 22:00 UTC
    assert found["org", "2026-04"]["value"] == pytest.approx(1 - 1 / 720)


def test_an_outage_is_whose_the_service_was_at_the_time(company, settings, as_of):
    made = company(
        teams=[{"team_id": "red"}, {"team_id": "blue"}],
        services=[{"service_id": "shop"}],
        ownership=[
            {"service_id": "shop", "team_id": "red", "valid_to": date(2026, 3, 11)},
            {"service_id": "shop", "team_id": "blue", "valid_from": date(2026, 3, 11)},
        ],
        incidents=[incident("old", "2026-02-01", "2026-02-01"), incident("i", "2026-03-10", "2026-03-14")],
    )
    found = answers(made, settings, as_of("2026-05-01"), "team")
    assert found["red", "2026-03"]["value"] == pytest.approx(1 - 1 / 10)  # its ten days
    assert found["blue", "2026-03"]["value"] == pytest.approx(1 - 3 / 21)


def test_a_service_counts_from_its_creation_to_its_retirement(company, settings, as_of):
    made = company(
        services=[{"service_id": "shop", "created_at": "2026-03-11", "retired_at": "2026-03-21"}],
        incidents=[incident("old", "2026-02-01", "2026-02-01", "other"), incident("i", "2026-03-20", "2026-03-25")],
    )
    row = answers(made, settings, as_of("2026-05-01"), "service")["shop", "2026-03"]
    assert row["value"] == pytest.approx(1 - 1 / 10)


def test_a_quiet_service_has_all_of_the_time_as_far_as_so_much_time_can_tell(company, settings, as_of):
    made = company(
        services=[{"service_id": "shop"}, {"service_id": "till"}],
        incidents=[incident("old", "2026-02-01", "2026-02-03"), incident("i", "2026-03-02", "2026-03-04")],
    )
    row = answers(made, settings, as_of("2026-05-01"), "service")["till", "2026-03"]
    assert (row["value"], row["n"], row["k"], row["high"]) == (1.0, 0, 0, 1.0)
    # None of outages as long as the usual one, two days: at most 3.69 of them in 31 days.
    _, most = rates.exact_poisson(0, 31)
    assert row["low"] == pytest.approx(1 - 2 * float(most))


def test_an_incident_of_no_known_service_is_missing_and_none_at_all_is_not_measured(company, settings, as_of):
    made = company(
        **OF_SHOP,
        incidents=[incident("i", "2026-03-02", "2026-03-03", None), incident("j", "2026-03-01", "2026-03-01")],
    )
    row = answers(made, settings, as_of("2026-04-01"))["org", "2026-03"]
    assert (row["value"], row["missing"]) == (1.0, 1)
    none = answers(
        company(**OF_SHOP, deployments=[{"deployment_id": "d", "finished_at": "2026-03-02"}]),
        settings,
        as_of("2026-04-01"),
    )
    assert {row["verdict"] for row in none.values()} == {"not measured"}


def test_the_published_log(divergence):
    """Of checkout in the hand-made log durations add up to 1,600 minutes, the time with an incident to 1,570."""
    at = datetime(2027, 1, 1, tzinfo=UTC)
    resolved = divergence["incidents"].filter(pl.col("resolved_at").is_not_null(), pl.col("service_id") == "checkout")
    lasts = resolved.select((pl.col("resolved_at") - pl.col("opened_at")).dt.total_minutes().sum()).collect().item()
    union = (
        outages({**divergence, "incidents": resolved}, at)
        .select((pl.col("to") - pl.col("from")).dt.total_minutes().sum())
        .item()
    )
    assert (lasts, union) == (1600, 1570)


spans = st.lists(
    st.tuples(st.integers(0, 700), st.integers(0, 200), st.sampled_from(["shop", "till"])), min_size=1, max_size=12
)


def hours(found: pl.DataFrame) -> float:
    return found.select((pl.col("to") - pl.col("from")).dt.total_seconds().sum()).item() / 3600


def opened(company, spans):
    return company(
        incidents=[
            incident(f"i{n}", START + timedelta(hours=at), START + timedelta(hours=at + lasts), service)
            for n, (at, lasts, service) in enumerate(spans)
        ]
    )


@given(spans, st.randoms(use_true_random=False))
@hypothesis_settings(max_examples=60)
def test_the_union_is_never_more_than_the_sum_and_cuts_change_nothing(company, spans, random):
    at = START + timedelta(days=365)
    found = outages(opened(company, spans), at)
    assert hours(found) <= sum(lasts for _, lasts, _ in spans)
    assert found["incidents"].sum() == len(spans)
    cut = [
        piece
        for begin, lasts, s in spans
        for piece in ((begin, lasts // 2, s), (begin + lasts // 2, lasts - lasts // 2, s))
    ]
    assert outages(opened(company, cut), at).drop("incidents").equals(found.drop("incidents"))
    assert outages(opened(company, random.sample(spans, len(spans))), at).equals(found)
