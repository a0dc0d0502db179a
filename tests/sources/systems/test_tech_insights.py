"""Results of checks of Backstage Tech Insights, with what the checks say of themselves."""

from __future__ import annotations

import json

import pytest
from reading import at, columns, read

from idp_analytics.errors import SourceError


def one(check, result, **metadata):
    about = {"id": check, "type": "json-rules-engine", "name": check, "description": "", "factIds": ["f"]}
    return {"facts": {"secret": {"id": "secret", "type": "string", "value": "s3cr3t"}}, "check": {**about, **({"metadata": metadata} if metadata else {})}, "result": result}  # fmt: skip


def bulk(*results, entity="component:default/shop"):
    return {"entity": entity, "results": list(results)}


def test_results_with_their_ranks(tmp_path):
    found = read("tech_insights", tmp_path, {"r.json": [bulk(one("owned", True, rank=1, category="Ownership", exp=100), one("fast", False, rank=3, category="Delivery"))]})  # fmt: skip
    assert columns(found["scorecard_results"], "tool", "scorecard", "rule", "resource", "service_id", "as_of") == [
        ("backstage", "tech-insights", rule, "component:default/shop", "component:default/shop", at(2026, 7, 1)) for rule in ("owned", "fast")
    ]  # fmt: skip
    assert columns(found["scorecard_results"], "category", "level", "level_number", "state", "weight") == [
        ("Ownership", "Bronze", 1, "passed", 100), ("Delivery", "Gold", 3, "failed", None),
    ]  # fmt: skip
    assert "s3cr3t" not in str(found.rows)


@pytest.mark.parametrize(("result", "state", "raw"), [(None, None, None), ("maybe", None, "maybe"), (0.7, None, "0.7"), ("true", "passed", "true")])  # fmt: skip
def test_a_result_that_is_neither_true_nor_false_is_not_known(tmp_path, result, state, raw):
    found = read("tech_insights", tmp_path, {"r.json": [bulk(one("owned", result))]})
    assert columns(found["scorecard_results"], "state", "state_raw") == [(state, raw)]


def test_checks_exported_beside_say_what_results_do_not(tmp_path):
    checks = [{**one("owned", True)["check"], "metadata": {"rank": 2, "category": "Ownership"}}]
    config = "techInsights:\n  factChecker:\n    checks:\n      owned:\n        type: json-rules-engine\n        metadata: { category: Ownership, rank: 2 }\n"  # fmt: skip
    for beside in ({"checks.json": checks}, {"app-config.yaml": config}):
        found = read("tech_insights", tmp_path, {"r.json": [bulk(one("owned", True))], **beside})
        assert columns(found["scorecard_results"], "category", "level", "level_number") == [("Ownership", "Silver", 2)]
    alone = read("tech_insights", tmp_path, {"r.json": [bulk(one("owned", True))]})
    assert columns(alone["scorecard_results"], "category", "level", "level_number") == [(None, None, None)]


def test_entities_that_are_no_services_and_short_names(tmp_path):
    entities = ["component:default/shop", "group:default/payments", "Component:web/shop", "api:default/orders"]
    found = read("tech_insights", tmp_path, {"r.json": [bulk(one("owned", True), entity=name) for name in entities]}, refs="short", kinds=["Component", "API"])  # fmt: skip
    assert columns(found["scorecard_results"], "resource", "service_id") == [
        ("shop", "shop"), ("payments", None), ("web/shop", "web/shop"), ("orders", "orders"),
    ]  # fmt: skip


def test_results_that_name_no_entity_are_left_out(tmp_path):
    found = read("tech_insights", tmp_path, {"r.json": [one("owned", True)], "s.json": [{"entity": "", "results": []}]})
    assert (found["scorecard_results"], found.dropped) == ([], {"names no entity": 2})


def test_copies_are_history(tmp_path):
    files = {
        f"snapshots/ti/{day}T000000Z-{mark}-r.json": [bulk(one("owned", held))]
        for day, mark, held in (("20260601", "000000000000", False), ("20260608", "111111111111", True))
    }
    found = read("tech_insights", tmp_path, files)
    assert columns(found["scorecard_results"], "as_of", "state") == [(at(2026, 6, 1), "failed"), (at(2026, 6, 8), "passed")]  # fmt: skip


def test_empty_cut_and_wrong_files(tmp_path):
    assert read("tech_insights", tmp_path, {"r.json": []}).warnings == ["the file holds no documents"]
    assert read("tech_insights", tmp_path, {"r.json": [bulk()]})["scorecard_results"] == []
    with pytest.raises(SourceError, match="broken JSON"):
        read("tech_insights", tmp_path, {"cut.json": json.dumps([bulk(one("owned", True))])[:-20]})
    with pytest.raises(SourceError, match="It looks like a result of OpenSSF Scorecard"):
        read("tech_insights", tmp_path, {"o.json": {"repo": {"name": "github.com/a/b"}, "checks": [], "date": "2026-01-01"}})  # fmt: skip


def test_the_reference_files(cases, tmp_path):
    folder = cases / "maturity" / "backstage-tech-insights"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    told = json.loads((folder / "maturity_expected.json").read_text(encoding="utf-8"))
    results = [one(check["id"], check["result"], **{k: check[k] for k in ("category", "rank", "exp")}) for check in told["checks"]]  # fmt: skip
    (tmp_path / "r.json").write_text(json.dumps([bulk(*results, one("groupOwnerCheck", True), one("demodatacheck", True))]), encoding="utf-8")  # fmt: skip
    found = read("tech_insights", tmp_path, [tmp_path / "r.json", folder / "check.json", folder / "app-config.check.yaml"])  # fmt: skip
    rows = {row["rule"]: row for row in found["scorecard_results"]}
    assert {name: row["level"] for name, row in rows.items()} == {
        "awsWarningsCheck": "Bronze", "productOwnershipCheck": "Bronze", "technicalOwnershipCheck": "Silver", "activeOwnership": "Gold",
        "groupOwnerCheck": "Bronze", "demodatacheck": None,
    }  # fmt: skip
    ours = [row for name, row in rows.items() if name in {check["id"] for check in told["checks"]}]
    assert sum(row["weight"] for row in ours if row["state"] == "passed") == told["expected"]["points"]
