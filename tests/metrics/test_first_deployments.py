"""How soon new services are in production: each by hand, with the traps."""

from __future__ import annotations

import polars as pl
import pytest

from idp_analytics.metrics import by_name
from idp_analytics.metrics.first_deployments import COLUMNS, first_deployments
from idp_analytics.metrics.observed import observed

OLD = [{"deployment_id": "first", "service_id": "old", "finished_at": "2026-01-01T00:00"}]
"""Since then deployments are recorded."""
TEMPLATE = [{"golden_path_id": "tpl", "kind": "template", "released_at": "2025-01-01", "title": "Template"}]


def deployed(service: str, *moments: str, **given: object) -> list[dict[str, object]]:
    return [{"deployment_id": f"{service}-{at}", "service_id": service, "finished_at": at, **given} for at in moments]


def run(
    run_id: str, asked: str, service: str | None = "new", outcome: str = "success", **given: object
) -> dict[str, object]:
    return {"run_id": run_id, "operation_id": "create", "golden_path_id": "tpl", "requestor_id": "ada", "service_id": service,
            "requested_at": asked, "finished_at": asked, "outcome": outcome, **given}  # fmt: skip


NEW = {"service_id": "new", "created_at": "2026-02-01T00:00"}
# each: service, deployments, runs → (days, there, usable), or None: not in the population
CASES = {
    "from its creation": (NEW, deployed("new", "2026-02-11T00:00"), [], (10.0, True, True)),
    "from the asking": (NEW, deployed("new", "2026-02-11T00:00"), [run("r", "2026-01-30T00:00")], (12.0, True, True)),
    "from the first of the tries": (
        NEW, deployed("new", "2026-02-11T00:00"),
        [run("r", "2026-01-29T00:00", None, "failure"), run("s", "2026-01-29T12:00")], (13.0, True, True),
    ),
    "a run that failed made nothing": (
        NEW, deployed("new", "2026-02-11T00:00"), [run("r", "2026-01-20T00:00", outcome="failure")], (10.0, True, True),
    ),
    "a later run made something else": (
        NEW, deployed("new", "2026-02-11T00:00"), [run("r", "2026-02-05T00:00")], (10.0, True, True),
    ),
    "a run of no template": (
        NEW, deployed("new", "2026-02-11T00:00"), [run("r", "2026-01-30T00:00", golden_path_id="db")], (10.0, True, True),
    ),
    "not there yet": (NEW, [], [], (59.0, False, True)),  # 1 February to 1 April
    "only tried": (NEW, deployed("new", "2026-02-02T00:00", outcome="failure"), [], (59.0, False, True)),
    "only to staging": (NEW, deployed("new", "2026-02-02T00:00", environment="staging"), [], (59.0, False, True)),
    "there only after the as-of time": (NEW, deployed("new", "2026-04-02T00:00"), [], (59.0, False, True)),
    "retired before": ({**NEW, "retired_at": "2026-02-21T00:00"}, [], [], (20.0, False, True)),
    "deployed before it was made": (NEW, deployed("new", "2026-01-20T00:00", "2026-02-03T00:00"), [], (-12.0, True, False)),
    "older than the records": ({**NEW, "created_at": "2025-12-31T00:00"}, deployed("new", "2026-01-02T00:00"), [], None),
    "no creation told, but the run": (
        {"service_id": "new"}, deployed("new", "2026-02-11T00:00"), [run("r", "2026-02-01T00:00")], (10.0, True, True),
    ),
    "neither told": ({"service_id": "new"}, deployed("new", "2026-02-11T00:00"), [], None),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_one_new_service(company, settings, as_of, name):
    service, deployments, runs, expected = CASES[name]
    made = company(services=[service], deployments=OLD + deployments, action_runs=runs, golden_paths=TEMPLATE)
    seen = observed(by_name("new_service_deploy_time"), made, settings(), as_of("2026-04-01")).collect()
    assert [(row["x"], row["hit"], row["usable"]) for row in seen.to_dicts()] == ([expected] if expected else [])


@pytest.fixture
def found(company, settings, as_of):
    def of(services, deployments, births=(), paths=TEMPLATE, runs=(), ownership=()):
        told = [
            {"golden_path_id": "tpl", "evidence": "born", "as_of": as_of("2026-03-31").date(), "service_id": name}
            for name in births
        ]
        made = company(services=services, deployments=OLD + deployments, service_golden_path=told, golden_paths=paths, action_runs=runs,
                       ownership=ownership)  # fmt: skip
        rows = first_deployments(made, settings(), as_of("2026-04-01"))
        return {(row["scope"], row["how"]): row for row in rows.to_dicts()}

    return of


def test_before_a_path_on_it_and_off_it(found):
    services = [
        {"service_id": "early", "created_at": "2026-01-10T00:00"}, {"service_id": "on", "created_at": "2026-02-20T00:00"},
        {"service_id": "off", "created_at": "2026-02-20T00:00"}, {"service_id": "slow", "created_at": "2026-02-20T00:00"},
    ]  # fmt: skip
    made = (
        deployed("early", "2026-02-10T00:00") + deployed("on", "2026-02-22T00:00") + deployed("off", "2026-03-12T00:00")
    )
    rows = found(services, made, ["on"], [{**TEMPLATE[0], "released_at": "2026-02-15"}])
    told = {how: (row["n"], row["censored"], row["median"]) for (scope, how), row in rows.items() if scope == "org"}
    assert told["before a path"] == (1, 0, 31.0)  # 10 January to 10 February
    assert told["on a path"] == (1, 0, 2.0)
    assert told["off a path"] == (2, 1, 20.0)  # one after 20 days, one still open after 40
    assert told[None][:2] == (4, 1)


def test_a_path_for_other_kinds_makes_nobody_off_it(found):
    services = [
        {"service_id": "site", "kind": "website", "created_at": "2026-02-01T00:00"},
        {"service_id": "on", "kind": "service", "created_at": "2026-02-01T00:00"},
    ]
    rows = found(services, deployed("site", "2026-02-03T00:00"), ["on"], [{**TEMPLATE[0], "applies_to": ["service"]}])
    assert ("org", "off a path") in rows  # fmt: skip


def test_without_births_nobody_knows(found):
    rows = found([NEW], deployed("new", "2026-02-03T00:00"))
    assert set(rows) == {("org", None), ("org", "not told")}


def test_it_counts_for_who_owned_it_when_it_was_made(found, as_of):
    owned = [
        {"service_id": "new", "team_id": "red", "valid_to": as_of("2026-02-10").date()},
        {"service_id": "new", "team_id": "blue", "valid_from": as_of("2026-02-10").date()},
    ]
    rows = found([NEW], deployed("new", "2026-02-20T00:00"), ownership=owned)
    assert rows["team", None]["entity_id"] == "red"


def test_the_tail_is_told_from_ten_on(found):
    def some(n):
        services = [{"service_id": f"s{i}", "created_at": "2026-02-01T00:00"} for i in range(n)]
        made = [row for i in range(n) for row in deployed(f"s{i}", f"2026-02-{i + 2:02d}T00:00")]
        return found(services, made)["org", None]

    assert (some(10)["median"], some(10)["p90"]) == (5.5, 9.5)
    assert some(9)["p90"] is None


def test_the_sample_has_none_off_the_path(sample):
    rows = sample.study("first_deployments").filter(scope="org")
    told = {row["how"]: row for row in rows.to_dicts()}
    created = sample.tables["services"].filter(
        pl.col("created_at")
        >= sample.tables["deployments"].filter(environment="production", outcome="success")["finished_at"].min()
    )
    assert told[None]["n"] + told[None]["missing"] == created.height == 4
    assert told["on a path"]["n"] == told[None]["n"]  # fmt: skip


def test_nothing_is_a_typed_empty_frame(company, settings, as_of):
    assert first_deployments(company(), settings(), as_of("2026-04-01")).schema == pl.Schema(COLUMNS)
