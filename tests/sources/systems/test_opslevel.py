"""Results of OpsLevel's checks, from answers of its API and from what its command line writes."""

from __future__ import annotations

import json

import pytest
from reading import at, columns, read

from idp_analytics.errors import SourceError
from idp_analytics.tables.facts import LEVEL_SAID


def check(name, status, category="Reliability"):
    return {"status": status, "createdAt": "2026-06-01T00:00:00Z", "message": "jane forgot it", "check": {"id": f"id-{name}", "name": name, "category": {"name": category}}}  # fmt: skip


def service(name="Shop", aliases=("shop",), overall=None, **levels):
    nodes = [
        {"level": {"index": int(index.removeprefix("l")), "name": names[0]}, "items": {"nodes": list(names[1:])}}
        for index, names in levels.items()
    ]
    report = {"maturityReport": {"overallLevel": overall}} if overall else {}
    return {"name": name, "aliases": list(aliases), **report, "serviceStats": {"rubric": {"checkResults": {"byLevel": {"nodes": nodes}}}}}  # fmt: skip


def answer(*services, more=False, levels=()):
    rubric = {"levels": {"nodes": [{"index": place, "name": name} for place, name in enumerate(levels)]}}
    return {"data": {"account": {"rubric": rubric, "services": {"pageInfo": {"hasNextPage": more, "endCursor": "x"}, "nodes": list(services)}}}}  # fmt: skip


SHOP = service(overall={"name": "Bronze"}, l1=("Bronze", check("owner", "passed")), l2=("Silver", check("oncall", "failed"), check("runbook", "pending")))  # fmt: skip


def test_an_answer_of_the_api(tmp_path):
    found = read("opslevel", tmp_path, {"a.json": answer(SHOP, levels=("Beginner", "Bronze", "Silver"))})
    assert columns(found["scorecard_results"], "rule", "level", "level_number", "category", "state", "state_raw") == [
        (LEVEL_SAID, "Bronze", 1, None, None, None), ("owner", "Bronze", 1, "Reliability", "passed", "passed"), ("oncall", "Silver", 2, "Reliability", "failed", "failed"),
        ("runbook", "Silver", 2, "Reliability", None, "pending"),
    ]  # fmt: skip
    assert columns(found["scorecard_results"][:1], "tool", "scorecard", "resource", "service_id", "as_of") == [
        ("opslevel", "rubric", "shop", "shop", at(2026, 7, 1))
    ]
    assert found.truncated == set()
    assert "jane" not in str(found.rows)


def test_services_as_the_command_line_writes_them_and_one_alone_are_the_same(tmp_path):
    whole = read("opslevel", tmp_path, {"a.json": answer(SHOP)})["scorecard_results"]
    listed = read("opslevel", tmp_path, {"b.json": [SHOP]})["scorecard_results"]
    alone = read("opslevel", tmp_path, {"c.json": {"data": {"account": {"service": SHOP}}}})["scorecard_results"]
    wanted = columns(whole, "rule", "resource", "level", "state")
    assert wanted == columns(listed, "rule", "resource", "level", "state") == columns(alone, "rule", "resource", "level", "state")  # fmt: skip


def test_pages(tmp_path):
    first, last = answer(SHOP, more=True), answer(service("Pay", ("pay",), l1=("Bronze", check("owner", "passed"))))
    assert read("opslevel", tmp_path, {"a.json": first}).truncated == {"scorecard_results"}
    both = read("opslevel", tmp_path, {"a.jsonl": [first, last]})
    assert both.truncated == set()
    assert {row["service_id"] for row in both["scorecard_results"]} == {"shop", "pay"}


def test_levels_alone_from_the_command_line(tmp_path):
    upper = [
        {"Name": "shop", "MaturityReport": {"CategoryBreakdown": [], "OverallLevel": {"Name": "Gold", "Index": 3}}}
    ]
    table = "Name,Overall,Reliability\nshop,Gold,Silver\npay,,\n,Gold,Gold\n"
    for name, content, number in (("m.json", upper, 3), ("m.csv", table, None)):
        found = read("opslevel", tmp_path, {name: content})
        assert columns(found["scorecard_results"], "service_id", "rule", "level", "level_number", "state") == [("shop", LEVEL_SAID, "Gold", number, None)]  # fmt: skip
    assert found.dropped == {"names no service": 1}


def test_a_status_nobody_knows_is_kept_and_neither_passed_nor_failed(tmp_path):
    found = read("opslevel", tmp_path, {"a.json": [service(l1=("Bronze", check("owner", "WOBBLY")))]})
    assert columns(found["scorecard_results"], "state", "state_raw") == [(None, "WOBBLY")]
    assert any("'WOBBLY'" in sentence for sentence in found.warnings)


def test_what_is_not_there_is_left_out(tmp_path):
    nameless = {"name": "", "serviceStats": None, "maturityReport": None}
    bare = {"name": "pay", "serviceStats": {}, "maturityReport": None}
    found = read("opslevel", tmp_path, {"a.json": [nameless, bare, service(l1=("Bronze", {"status": "passed"}))]})
    assert found["scorecard_results"] == []
    assert found.dropped == {"names no service": 1}
    assert [row["column"] for row in found.rejected] == ["rule"]


def test_empty_cut_and_wrong_files(tmp_path):
    assert read("opslevel", tmp_path, {"a.json": []}).warnings == ["the file holds no documents"]
    assert read("opslevel", tmp_path, {"a.json": answer()})["scorecard_results"] == []
    with pytest.raises(SourceError, match="broken JSON"):
        read("opslevel", tmp_path, {"cut.json": json.dumps(answer(SHOP))[:-9]})
    with pytest.raises(SourceError, match="It looks like a result of OpenSSF Scorecard"):
        read("opslevel", tmp_path, {"o.json": {"repo": {"name": "github.com/a/b"}, "checks": [], "date": "2026-01-01"}})  # fmt: skip


def test_the_reference_checks_say_level_and_category_where_results_do_not(cases, tmp_path):
    folder = cases / "maturity" / "opslevel-service-maturity-library"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    said = check("All Services have a PagerDuty rotation", "passed")
    del said["check"]["category"]
    (tmp_path / "a.json").write_text(json.dumps([service(l2=("Silver", said))]), encoding="utf-8")
    found = read("opslevel", tmp_path, [tmp_path / "a.json", *sorted(folder.glob("*.yaml"))])
    assert columns(found["scorecard_results"], "category", "level", "state") == [("reliability", "Silver", "passed")]
    alone = read("opslevel", tmp_path, sorted(folder.glob("*.yaml")))
    assert (alone["scorecard_results"], alone.dropped) == ([], {})
