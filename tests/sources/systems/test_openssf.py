"""Results of OpenSSF Scorecard: alone, many, of old versions; −1 is not known and never failed."""

from __future__ import annotations

import pytest
from reading import at, columns, read

from idp_analytics.errors import SourceError
from idp_analytics.tables.facts import LEVEL_SAID


def result(*checks, repo="github.com/acme/shop", date="2026-06-01T03:00:00Z", **more):
    return {
        "date": date, "repo": {"name": repo, "commit": "0" * 40}, "scorecard": {"version": "v5.0.0", "commit": "1" * 40}, "score": 6.4,
        "checks": [{"name": name, "score": score, "reason": "jane did it", "details": ["Warn: jane@example.com"], "documentation": {"short": "", "url": ""}} for name, score in checks],
        "metadata": None, **more,
    }  # fmt: skip


def test_every_check_and_the_whole(tmp_path):
    found = read("openssf", tmp_path, {"r.json": result(("Code-Review", 10), ("License", 0), ("SAST", 7), ("Branch-Protection", -1))})  # fmt: skip
    assert columns(found["scorecard_results"], "rule", "category", "weight", "score", "score_most", "state", "state_raw") == [
        ("Code-Review", "high", 7.5, 10, 10, "passed", "10"), ("License", "low", 2.5, 0, 10, "failed", "0"), ("SAST", "medium", 5, 7, 10, "partial", "7"),
        ("Branch-Protection", "high", 7.5, None, 10, None, "-1"), (LEVEL_SAID, None, None, 6.4, 10, None, None),
    ]  # fmt: skip
    assert columns(
        found["scorecard_results"][:1], "tool", "scorecard", "resource", "service_id", "as_of", "team_id"
    ) == [("openssf", "openssf", "acme/shop", "acme/shop", at(2026, 6, 1, 3), None)]
    assert not any("jane" in str(row) for row in found["scorecard_results"])


def test_a_service_is_a_part_of_the_repositorys_name(tmp_path):
    found = read("openssf", tmp_path, {"r.json": result(("SAST", 1), repo="https://github.com/acme/svc-shop")}, service_pattern=r"acme/svc-(.+)")  # fmt: skip
    assert columns(found["scorecard_results"][:1], "resource", "service_id") == [("acme/svc-shop", "shop")]


def test_many_runs_are_history_and_one_again_changes_nothing(tmp_path):
    first, later = result(("SAST", 1)), result(("SAST", 5), date="2026-06-08")
    files = {"runs.jsonl": [first, later, first], "again.json": [later]}
    found = read("openssf", tmp_path, files, zone="UTC")
    assert sorted(columns(found["scorecard_results"], "as_of", "rule", "score")) == [
        (at(2026, 6, 1, 3), LEVEL_SAID, 6.4), (at(2026, 6, 1, 3), "SAST", 1), (at(2026, 6, 8), LEVEL_SAID, 6.4), (at(2026, 6, 8), "SAST", 5),
    ]  # fmt: skip
    assert found.dropped == {"the same one comes again; the newest is used": 4}


def test_results_of_old_versions_in_capitals(tmp_path):
    old = {"Repo": "github.com/acme/shop", "Date": "2021-07-01", "Checks": [{"Name": "SAST", "Score": 3, "Pass": False}, {"Name": "Fuzzing", "Pass": True, "Confidence": 10}]}  # fmt: skip
    found = read("openssf", tmp_path, {"r.json": old}, zone="UTC")
    # Before there were points there was only Pass, which says of 0 to 10 nothing.
    assert columns(found["scorecard_results"], "rule", "score", "state", "as_of") == [
        ("SAST", 3, "partial", at(2021, 7, 1)), ("Fuzzing", None, None, at(2021, 7, 1)),
    ]  # fmt: skip


def test_a_check_nobody_knows_weighs_nothing_and_is_said(tmp_path):
    found = read("openssf", tmp_path, {"r.json": result(("New-Check", 5), ("SAST", "high"), ("License", 11))})
    assert columns(found["scorecard_results"][:3], "rule", "weight", "score", "state") == [
        ("New-Check", 0, 5, "partial"), ("SAST", 5, None, None), ("License", 2.5, None, None),
    ]  # fmt: skip
    assert found.warnings == ["'New-Check' is a check that is not known: it weighs nothing in the whole"]


def test_what_is_not_there_is_left_out_or_not_known(tmp_path):
    bare = {"date": None, "repo": {"name": "github.com/acme/shop"}, "checks": [{"name": "SAST"}, {"score": 3}]}
    found = read("openssf", tmp_path, {"r.json": [bare, result(("SAST", 1), repo=" ")]})
    assert columns(found["scorecard_results"], "rule", "score", "state", "as_of") == [("SAST", None, None, at(2026, 7, 1))]  # fmt: skip
    assert found.dropped == {"names no repository": 1}
    assert [row["column"] for row in found.rejected] == ["rule"]


def test_empty_cut_and_wrong_files(tmp_path):
    assert read("openssf", tmp_path, {"r.json": []}).warnings == ["the file holds no documents"]
    with pytest.raises(SourceError, match="broken JSON"):
        read("openssf", tmp_path, {"cut.json": '{"date": "2026-06-01", "repo": {"name": "x"}, "checks": ['})
    with pytest.raises(SourceError, match="It looks like an entity of Port: use kind = 'port'"):
        read("openssf", tmp_path, {"p.json": [{"identifier": "shop", "blueprint": "service", "properties": {}}]})
