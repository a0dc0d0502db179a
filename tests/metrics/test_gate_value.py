"""Deployments behind a gate beside others of the same tier: by hand, with the traps."""

from __future__ import annotations

import polars as pl
import pytest

from idp_analytics.estimates.changes import newcombe_difference
from idp_analytics.metrics.gate_value import COLUMNS, gate_value

SERVICES = [{"service_id": "shop", "tier": 1}, {"service_id": "till", "tier": 2}, {"service_id": "log"}]


def deployed(name: str, service: str = "shop", **given: object) -> dict[str, object]:
    return {
        "deployment_id": name,
        "service_id": service,
        "started_at": "2026-03-10T09:50",
        "finished_at": "2026-03-10T10:00",
        **given,
    }


def approved(name: str, **given: object) -> dict[str, object]:
    usual = {
        "approval_id": f"a-{name}", "subject_kind": "deployment", "subject_id": name, "requested_at": "2026-03-10T08:00", "automated": False,
        "decided_at": "2026-03-10T09:00", "decision": "approved", "status": "approved", "time_basis": "exact", "responder_id": "bo",
    }  # fmt: skip
    return {**usual, **given}


def failed(name: str) -> dict[str, object]:
    return {"incident_id": f"i-{name}", "deployment_id": name, "opened_at": "2026-03-10T11:00", "service_id": "shop"}


@pytest.fixture
def valued(company, settings, as_of):
    def of(deployments, approvals, incidents=(), at="2026-04-01") -> dict[str | None, dict[str, object]]:
        seen = [
            *incidents,
            {"incident_id": "else", "opened_at": "2026-03-01T00:00", "service_id": "other", "change_caused": False},
        ]
        made = company(services=SERVICES, deployments=deployments, approvals=approvals, incidents=seen)
        found = gate_value(made, settings(), as_of(at)).filter(scope="org", every="1mo", period="2026-03")
        return {row["tier"]: row for row in found.to_dicts()}

    return of


def test_two_tiers_by_hand(valued):
    made = [deployed(f"g{n}") for n in range(4)] + [deployed(f"u{n}") for n in range(6)]
    made += (
        [deployed(f"h{n}", "till") for n in range(2)]
        + [deployed(f"v{n}", "till") for n in range(8)]
        + [deployed("w", "log")]
    )
    gates = [approved(row["deployment_id"]) for row in made if row["deployment_id"][0] in "gh"]
    found = valued(made, gates, [failed("g0"), failed("u0"), failed("u1"), failed("u2"), failed("v0"), failed("v1")])
    assert list(found) == [None, "1", "2", "not told"]
    one, two, rest = found["1"], found["2"], found["not told"]
    assert (one["gated_failed"], one["gated"], one["ungated_failed"], one["ungated"]) == (1, 4, 3, 6)
    assert (two["gated_failed"], two["gated"], two["ungated_failed"], two["ungated"]) == (0, 2, 2, 8)
    assert (rest["gated"], rest["ungated"], rest["difference"]) == (0, 1, None)
    expected = [float(v) for v in newcombe_difference(1, 4, 3, 6)]
    assert [one["difference"], one["low"], one["high"]] == pytest.approx(expected)
    whole = found[None]
    assert (whole["gated"], whole["ungated"], whole["tiers"]) == (6, 15, 2)
    weights = (4 * 6 / 10, 2 * 8 / 10)  # Mantel and Haenszel's
    assert whole["difference"] == pytest.approx(
        (weights[0] * (1 / 4 - 3 / 6) + weights[1] * (0 - 2 / 8)) / sum(weights)
    )
    assert whole["low"] < whole["difference"] < whole["high"]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "counted"),
    [
        ({}, ("gated", 1)),
        ({"decided_at": "2026-03-10T12:00"}, ("unknown", 1)),  # approved after it began
        ({"decided_at": None}, ("gated", 1)),  # approved, not known when
        ({"decision": "rejected", "status": "rejected"}, ("unknown", 1)),  # refused, and yet deployed
        ({"automated": True}, ("ungated", 1)),  # a machine is no gate of this kind
        ({"subject_kind": "action_run"}, ("ungated", 1)),  # of a run that has the same number
    ],
)
def test_what_counts_as_gated(valued, given, counted):
    made = [deployed("one"), deployed("other", "till")]
    found = valued(made, [approved("one", **given), approved("other")])["1"]
    assert {kind: found[kind] for kind in ("gated", "ungated", "unknown")} == {
        kind: int(kind == counted[0]) for kind in ("gated", "ungated", "unknown")
    }


def test_a_source_that_tells_of_no_approval_is_not_known(valued):
    made = [deployed("one"), deployed("two"), deployed("silent", source="other")]
    found = valued(made, [approved("one")])["1"]
    assert (found["gated"], found["ungated"], found["unknown"]) == (1, 1, 1)


def test_what_is_decided_later_is_not_known_yet(valued):
    made = [deployed("one"), deployed("two")]
    early = valued(made, [approved("one", decided_at="2026-03-20T00:00"), approved("two")], at="2026-03-15")["1"]
    assert (early["gated"], early["unknown"]) == (1, 1)


def test_without_approvals_of_deployments_nothing_is_measured(company, settings, as_of):
    made = company(services=SERVICES, deployments=[deployed("one")], incidents=[failed("one")])
    found = gate_value(made, settings(), as_of("2026-04-01"))
    assert found.is_empty()
    assert found.schema == pl.Schema(COLUMNS)


def test_the_sample_s_gates_do_nothing_and_no_year_says_otherwise(sample):
    """Nothing is planted but that teams and tiers differ: within tiers most quarters hold no difference."""
    found = sample.study("gate_value").filter(pl.col("tier").is_null(), scope="org", every="1q")
    assert found.height == 4
    assert found["gated"].sum() == 222
    assert (found["difference"].abs() < 0.1).all()
    assert ((found["low"] <= 0) & (found["high"] >= 0)).sum() >= 3
