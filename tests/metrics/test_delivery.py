from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.answers import OBSERVATION
from idp_analytics.metrics import CATALOGUE, delivery

START = datetime(2026, 3, 2, tzinfo=UTC)


def seen(frame: pl.LazyFrame, *columns: str) -> list[tuple]:
    """The population's rows, by key."""
    rows = frame.filter(pl.col("detail").is_null()).collect().sort("source_key")
    return rows.select("source_key", *columns).rows()


def beside(frame: pl.LazyFrame) -> list[tuple]:
    """The rows that stand beside the population: what they are, which they are."""
    rows = frame.filter(pl.col("detail").is_not_null()).collect()
    assert not rows["usable"].any()
    return sorted(rows.select("detail", "source_key").rows())


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda m: m.name)
def test_observations_keep_the_contract_and_take_empty_tables(company, settings, metric):
    frame = metric.observations(company(), settings()).collect()
    assert dict(frame.schema) == OBSERVATION
    assert frame.is_empty()


def test_deployment_frequency(company, settings):
    tables = company(
        deployments=[
            {"deployment_id": "d1", "finished_at": "2026-03-02T12:00"},
            {"deployment_id": "d2", "finished_at": "2026-03-02T13:00", "is_rollback": True},
            {"deployment_id": "d3", "finished_at": "2026-03-02T14:00", "outcome": "failure"},
            {"deployment_id": "d4", "finished_at": "2026-03-02T14:00", "environment": "staging", "outcome": None},
            {"deployment_id": "u1", "finished_at": "2026-03-02T15:00", "outcome": None},
            {"deployment_id": "u2", "finished_at": "2026-03-02T15:00", "environment": None},
            {"deployment_id": "u3", "started_at": "2026-03-02T15:00"},
            {"deployment_id": "u4", "started_at": "2026-03-02T15:00", "is_resync": True},
        ]
    )
    frame = delivery.deployment_frequency(tables, settings())
    assert seen(frame, "service_id", "team_id", "usable", "source_table") == [
        ("d1", "shop", "red", True, "deployments"),
        ("d2", "shop", "red", True, "deployments"),
    ]
    assert beside(frame) == [(delivery.NOT_TOLD, key) for key in ("u1", "u2", "u3")]


@pytest.mark.parametrize(
    ("first_commit_at", "x", "usable"),
    [
        ("2026-03-01T00:00", 36.0, True),
        ("2026-03-02T11:58:30", 0.025, True),
        ("2026-03-02T12:00", 0.0, True),
        ("2026-03-02T12:00:01", -1 / 3600, False),  # rewritten history
        (None, None, False),
    ],
)
def test_lead_time(company, settings, first_commit_at, x, usable):
    tables = company(
        deployments=[{"deployment_id": "d1", "finished_at": "2026-03-02T12:00"}],
        changes=[{"change_id": "c1", "first_commit_at": first_commit_at}],
        deployment_changes=[{"deployment_id": "d1", "change_id": "c1"}],
    )
    assert seen(delivery.change_lead_time(tables, settings()), "x", "usable") == [("c1", pytest.approx(x), usable)]


def test_lead_time_counts_a_change_once_with_its_first_successful_production_deployment(company, settings):
    at = {"f": "2026-03-01", "s": "2026-03-02", "d1": "2026-03-03", "d2": "2026-03-04", "d3": "2026-03-05"}
    tables = company(
        deployments=[
            {"deployment_id": "d2", "finished_at": at["d2"], "is_rollback": True},
            {"deployment_id": "f", "finished_at": at["f"], "outcome": "failure"},
            {"deployment_id": "s", "finished_at": at["s"], "environment": "staging"},
            {"deployment_id": "d1", "finished_at": at["d1"], "service_id": "till", "team_id": "blue"},
            {"deployment_id": "d3", "finished_at": at["d3"]},
        ],
        changes=[{"change_id": "c1", "first_commit_at": "2026-02-28"}, {"change_id": "undeployed"}],
        deployment_changes=[{"deployment_id": d, "change_id": "c1"} for d in ("s", "d2", "d1", "f")]
        + [{"deployment_id": "d2", "change_id": "not exported"}],
    )
    frame = delivery.change_lead_time(tables, settings())
    assert seen(frame, "x", "usable", "service_id", "team_id") == [
        ("c1", 72.0, True, "till", "blue"),
        ("not exported", None, False, "shop", "red"),
    ]
    assert beside(frame) == [(delivery.NO_CHANGE, "d3")]


def test_change_fail_rate(company, settings):
    tables = company(
        deployments=[
            {"deployment_id": "d1", "finished_at": "2026-03-02T12:00"},
            {"deployment_id": "d2", "finished_at": "2026-03-03T12:00"},
            {"deployment_id": "d3", "finished_at": "2026-03-03T13:00", "outcome": "failure"},
        ],
        incidents=[
            {"incident_id": "i1", "opened_at": "2026-03-02T13:00"},
            {"incident_id": "i2", "opened_at": "2026-03-02T14:00"},
            {"incident_id": "i3", "opened_at": "2026-03-03T14:00", "change_caused": False},
            {"incident_id": "i4", "opened_at": "2026-03-20", "service_id": None},
        ],
    )
    frame = delivery.change_fail_rate(tables, settings())
    assert seen(frame, "hit", "usable") == [("d1", True, True), ("d2", False, True)]
    assert beside(frame) == [(delivery.NOT_LINKED, "i4")]


def test_recovery_time(company, settings):
    tables = company(
        deployments=[{"deployment_id": "d1", "finished_at": "2026-03-02T12:00"}],
        incidents=[
            {"incident_id": "ended", "opened_at": "2026-03-02T13:00", "resolved_at": "2026-03-02T14:30"},
            {"incident_id": "odd", "opened_at": "2026-03-02T13:00", "resolved_at": "2026-03-02T12:30"},
            {"incident_id": "open", "opened_at": "2026-03-02T13:00"},
            {"incident_id": "far", "opened_at": "2026-03-12T13:00", "resolved_at": "2026-03-12T14:30"},
        ],
    )
    frame = delivery.failed_deployment_recovery_time(tables, settings())
    assert seen(frame, "x", "hit", "usable") == [
        ("ended", 1.5, True, True),
        ("odd", -0.5, True, False),
        ("open", None, False, True),
    ]
    assert beside(frame) == [(delivery.NOT_LINKED, "far")]


@pytest.mark.parametrize(
    ("deployment", "is_rework"),
    [
        ({"finished_at": "2026-03-02T13:30"}, True),
        ({"finished_at": "2026-03-02T13:00"}, False),  # when it opened: it may be the cause, it is no repair
        ({"finished_at": "2026-03-02T13:00:01"}, True),
        ({"finished_at": "2026-03-02T14:00"}, True),  # when it was resolved
        ({"finished_at": "2026-03-02T14:00:01"}, False),
        ({"finished_at": "2026-03-02T13:30", "service_id": "till"}, False),
        ({"finished_at": "2026-03-02T13:30", "service_id": None}, False),
        ({"finished_at": "2026-03-09", "is_rollback": True}, True),
        ({"finished_at": "2026-03-09", "is_rollback": None}, False),
        ({"finished_at": "2026-03-13T01:00"}, True),  # the open one
        ({"finished_at": "2026-06-01"}, True),
        ({"finished_at": "2026-03-11T12:00"}, False),  # opened, but the deployment recorded as its cause came later
    ],
)
def test_rework(company, settings, deployment, is_rework):
    tables = company(
        deployments=[
            {"deployment_id": "cause", "finished_at": "2026-03-02T12:00"},
            {"deployment_id": "late cause", "finished_at": "2026-03-12T12:00"},
            {"deployment_id": "other", **deployment},
        ],
        incidents=[
            {"incident_id": "i1", "opened_at": "2026-03-02T13:00", "resolved_at": "2026-03-02T14:00", "deployment_id": "cause"},
            {"incident_id": "i2", "opened_at": "2026-03-11T00:00", "service_id": None, "deployment_id": "late cause"},
            {"incident_id": "i3", "opened_at": "2026-03-08T00:00", "change_caused": False},
        ],
    )  # fmt: skip
    hits = dict(seen(delivery.deployment_rework_rate(tables, settings()), "hit"))
    assert hits == {"cause": False, "late cause": False, "other": is_rework}


# --- a second, naive reading of the rules -----------------------------------------------------------------------------

hour = st.integers(0, 60)
services = st.sampled_from(["shop", "till", None])
deployment_rows = st.fixed_dictionaries(
    {"hour": hour, "service_id": services, "outcome": st.sampled_from(["success", "success", "failure", None]),
     "is_rollback": st.sampled_from([False, False, True, None])}
)  # fmt: skip
incident_rows = st.fixed_dictionaries(
    {"hour": hour, "lasts": st.one_of(st.none(), st.integers(-1, 30)), "service_id": services,
     "change_caused": st.sampled_from([True, None, False]), "cause": st.one_of(st.none(), st.integers(0, 8))}
)  # fmt: skip


@given(st.lists(deployment_rows, max_size=8), st.lists(incident_rows, max_size=6), st.integers(1, 30))
def test_as_of_joins_agree_with_the_rules_read_one_pair_at_a_time(company, settings, given_d, given_i, link_hours):
    deployments = [
        {"deployment_id": f"d{n}", "finished_at": START + timedelta(hours=d["hour"]),
         **{k: d[k] for k in ("service_id", "outcome", "is_rollback")}}
        for n, d in enumerate(given_d)
    ]  # fmt: skip
    incidents = [
        {"incident_id": f"i{n}", "opened_at": START + timedelta(hours=i["hour"]),
         "resolved_at": None if i["lasts"] is None else START + timedelta(hours=i["hour"] + i["lasts"]),
         "deployment_id": None if i["cause"] is None else f"d{i['cause']}",
         **{k: i[k] for k in ("service_id", "change_caused")}}
        for n, i in enumerate(given_i)
    ]  # fmt: skip
    counted = [d for d in deployments if d["outcome"] == "success"]
    by_id = {d["deployment_id"]: d for d in counted}

    def cause(incident):
        if incident["deployment_id"] is not None:
            return by_id.get(incident["deployment_id"])
        before = [
            d for d in counted
            if d["service_id"] is not None and d["service_id"] == incident["service_id"]
            and timedelta(0) <= incident["opened_at"] - d["finished_at"] <= timedelta(hours=link_hours)
        ]  # fmt: skip
        return max(before, key=lambda d: (d["finished_at"], d["deployment_id"]), default=None)

    causes = [(i, cause(i)) for i in incidents if i["change_caused"] is not False]
    causes = [(i, c) for i, c in causes if c is not None]

    def repairs(d, incident, caused_by):
        of = incident["service_id"] or caused_by["service_id"]
        return (
            of is not None and d["service_id"] == of
            and caused_by["finished_at"] < d["finished_at"]
            and incident["opened_at"] < d["finished_at"]
            and (incident["resolved_at"] is None or d["finished_at"] <= incident["resolved_at"])
        )  # fmt: skip

    tables, rules = company(deployments=deployments, incidents=incidents), settings(link_hours=link_hours)
    failed = {c["deployment_id"] for _, c in causes}
    assert dict(seen(delivery.change_fail_rate(tables, rules), "hit")) == {
        d["deployment_id"]: d["deployment_id"] in failed for d in counted
    }
    assert dict(seen(delivery.deployment_rework_rate(tables, rules), "hit")) == {
        d["deployment_id"]: bool(d["is_rollback"]) or any(repairs(d, i, c) for i, c in causes) for d in counted
    }
    assert [key for key, _ in seen(delivery.failed_deployment_recovery_time(tables, rules), "x")] == sorted(
        i["incident_id"] for i, _ in causes
    )
