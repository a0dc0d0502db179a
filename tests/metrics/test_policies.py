"""Verdicts of rules by hand: what conforms, what only passes because it is exempt, what is cut off, gone, or never looked at."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import polars as pl
import pytest
from statsmodels.stats.proportion import proportion_confint

from idp_analytics.metrics import compute, trace
from idp_analytics.metrics.catalogue import by_name
from idp_analytics.metrics.policy_study import COLUMNS, policies

AS_OF = "2026-04-01"
SERVICES = "abcdef"


def verdict(
    service: str | None,
    result: str | None,
    on: str = "2026-03-20",
    policy: str = "base",
    engine: str = "kyverno",
    **more,
):
    return {
        "policy": policy, "rule": "r", "resource": f"deployment/{service}", "as_of": datetime.fromisoformat(on).replace(tzinfo=UTC),
        "engine": engine, "service_id": service, "team_id": "red" if service else None, "result": result, **more,
    }  # fmt: skip


def hatch(service: str, opened: str = "2026-03-01", **more):
    return {
        "hatch_id": f"h-{service}",
        "service_id": service,
        "team_id": "red",
        "policy": "base",
        "opened_at": opened,
        **more,
    }


@pytest.fixture
def tables(company):
    def build(*verdicts, hatches=(), services=SERVICES, retired=()):
        return company(
            teams=[{"team_id": "red"}, {"team_id": "blue"}],
            services=[{"service_id": s, "retired_at": "2026-03-25" if s in retired else None} for s in services],
            ownership=[{"service_id": s, "team_id": "red"} for s in services],
            deployments=[{"deployment_id": s, "service_id": s, "finished_at": "2026-03-01"} for s in services],
            policy_results=verdicts, escape_hatches=hatches,
        )  # fmt: skip

    return build


@pytest.fixture
def seen(tables, settings, as_of):
    def build(*verdicts, policy: str | None = "base", period="2026-03", scope="org", **given):
        found = policies(tables(*verdicts, **given), settings(), as_of(AS_OF)).filter(scope=scope, period=period)
        return found.filter(pl.col("policy").eq_missing(pl.lit(policy))).to_dicts()[0]

    return build


def counts(row, *names):
    return tuple(row[name] for name in names)


def test_what_counts_and_what_stands_beside(seen):
    """Of a–e: pass, fail, warn count; error and skip stand beside; f was never looked at. 1 of 3."""
    row = seen(
        verdict("a", "pass"), verdict("b", "fail"), verdict("c", "warn"), verdict("d", "error"), verdict("e", "skip")
    )
    assert counts(row, "n", "k", "fail", "warn", "exempt", "error", "skip", "unknown") == (3, 1, 1, 1, 0, 1, 1, 1)
    assert row["value"] == pytest.approx(1 / 3)
    assert (row["low"], row["high"]) == pytest.approx(proportion_confint(1, 3, method="wilson"))


def test_what_passes_only_because_it_is_exempt_does_not_conform(seen):
    """b: the engine names the hatch (reportResult pass); c: skipped under one; d: it names none, but one stands open; e: that ran
    out before. Of the hatch beside a failure it fails all the same."""
    row = seen(
        verdict("a", "pass"), verdict("b", "pass", hatch_id="h-b"), verdict("c", "skip", hatch_id="h-c"), verdict("d", "pass"),
        verdict("e", "pass"), verdict("f", "fail"),
        hatches=[hatch("d"), hatch("e", expires_at="2026-03-20"), hatch("f")],
    )  # fmt: skip
    assert counts(row, "n", "k", "exempt", "fail", "tolerated", "skip") == (6, 2, 3, 1, 1, 0)


def test_a_service_stands_as_its_worst_resource(seen):
    row = seen(
        verdict("a", "pass"),
        verdict("a", "fail", resource="pod/a"),
        verdict("b", "pass"),
        verdict("b", "skip", rule="other"),
    )
    assert counts(row, "n", "k", "fail") == (2, 1, 1)


def test_all_policies_together_count_a_service_once(seen):
    row = seen(
        verdict("a", "pass"), verdict("a", "fail", policy="limits"), verdict("b", "pass"), verdict("b", "pass", policy="limits"),
        verdict("c", "pass", policy="limits", hatch_id="h"), policy=None,
    )  # fmt: skip
    assert counts(row, "n", "k", "fail", "exempt", "unknown") == (3, 1, 1, 1, 3)


def test_a_list_of_failures_alone_gives_no_share(seen):
    """Gatekeeper lists violations, 20 for each constraint; passing services are in no list."""
    given = [
        verdict("a", "fail", engine="gatekeeper", truncated=True, enforcement="deny"),
        verdict("b", "pass", policy="other"),
    ]
    row = seen(*given)
    assert counts(row, "lists_passes", "n", "fail", "truncated", "value", "unknown") == (False, 1, 1, 1, None, 5)
    assert row["enforcement"] == "deny"
    assert counts(seen(*given, policy=None), "n", "k", "fail") == (1, 1, 0)  # it drags no share down either


@pytest.mark.parametrize(
    ("engine", "n"),
    [("kyverno", 1), ("gatekeeper", 1), ("cortex", 1), ("opa", 2), ("conftest", 2)],
)
def test_what_a_state_no_longer_shows_is_gone(seen, engine, n):
    """b was there in February and is not in March: of a state it was deleted; of single checks it was only not checked again."""
    old, new = ({"load_id": name} for name in ("feb", "mar"))
    row = seen(
        verdict("a", "pass", "2026-02-20", engine=engine, **old), verdict("b", "fail", "2026-02-20", engine=engine, **old),
        verdict("a", "pass", "2026-03-20", engine=engine, **new),
    )  # fmt: skip
    assert row["n"] == n


def test_old_verdicts_and_retired_services(seen):
    """90 days before 1 April begin with 1 January; what is retired is judged no more."""
    row = seen(
        verdict("a", "pass", "2025-12-31", engine="opa"),
        verdict("b", "pass", "2026-01-01", engine="opa"),
        verdict("c", "fail", engine="opa"),
        retired="c",
    )
    assert counts(row, "n", "k", "unknown") == (1, 1, 4)


def test_the_last_verdict_counts_and_whose_it_was_then(seen):
    given = [verdict("a", "fail", "2026-02-10", team_id="blue"), verdict("a", "pass", "2026-03-10")]
    assert counts(seen(*given), "n", "k") == (1, 1)
    assert counts(seen(*given, period="2026-02"), "n", "k") == (1, 0)
    assert seen(*given, scope="team")["entity_id"] == "red"
    assert seen(*given, scope="team", period="2026-02")["entity_id"] in ("blue", "red")


def test_resources_of_nobody_stand_beside(seen):
    row = seen(verdict("a", "pass"), verdict(None, "fail"), verdict(None, "pass", resource="x"))
    assert counts(row, "n", "nameless", "nameless_failing") == (1, 2, 1)


def test_enforcement_is_told(seen):
    row = seen(verdict("a", "pass", enforcement="warn"), verdict("b", "fail", enforcement="deny"), verdict("c", "pass"))
    assert row["enforcement"] == "deny, warn"
    assert seen(verdict("a", "pass"))["enforcement"] is None


def test_the_metric_counts_the_last_verdict_of_each_month(tables, settings, as_of):
    made = tables(
        verdict("a", "fail", "2026-03-02"), verdict("a", "pass", "2026-03-20"), verdict("b", "pass", hatch_id="h"), verdict("c", "error"),
        verdict("d", "skip"), verdict("e", "fail", engine="gatekeeper", policy="labels"),
    )  # fmt: skip
    metric = by_name("policy_conformance")
    (row,) = (
        compute(made, settings(), as_of(AS_OF), (metric,), ("org",), ("1mo",))
        .filter(pl.col("detail").is_null())
        .to_dicts()
    )
    assert (row["n"], row["k"], row["missing"]) == (2, 1, 2)  # of a and b; no verdict on c, failures only for e
    rows = trace(made, settings(), as_of(AS_OF), metric.name, "org", "org", "2026-03")
    assert rows["source_row"].sort().to_list() == [2, 3, 4, 6]  # the row behind each, though its key is four columns


def test_the_sample_by_its_truth(sample, repository):
    told = json.loads((repository / "data/sample/truth.json").read_text())["policies"]
    found = sample.study("policies").filter(pl.col("policy").is_not_null(), scope="org", period="2026-06")
    rows = {
        r["policy"]: {
            "conform": r["k"],
            "pass_exempt": r["exempt"],
            "do_not": r["fail"] + r["warn"],
            "skipped": r["skip"],
        }
        for r in found.to_dicts()
    }
    assert rows == told
    assert told["image-provenance"]["pass_exempt"] > 0


def test_nothing_known_has_columns(company, settings, as_of):
    assert policies(company(), settings(), as_of(AS_OF)).schema == pl.Schema(COLUMNS)


def test_what_is_no_service_may_be_a_person_and_is_not_named(tables, settings, as_of):
    made = tables(verdict("a", "pass"), verdict(None, "fail", resource="jane@example.invalid"))
    rows = trace(made, settings(), as_of(AS_OF), "policy_conformance", "org", "org", "2026-03")
    assert rows.select("service_id", "hit", "source_key", "source_row").rows() == [
        (None, False, None, 2),
        ("a", True, "base | r | deployment/a | 2026-03-20 00:00:00.000000+00:00", 1),
    ]
