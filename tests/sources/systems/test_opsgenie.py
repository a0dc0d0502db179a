"""Opsgenie: incidents by their impact, alerts as pages."""

from __future__ import annotations

import pytest
from reading import at, columns, read

from idp_analytics.errors import SourceError

INCIDENT = {
    "id": "i1", "tinyId": "3", "message": "x", "status": "resolved", "priority": "P2", "impactedServices": ["s1", "s2"], "responders": [{"type": "team", "id": "t1"}],
    "ownerTeam": "", "createdAt": "2026-03-02T10:01:00Z", "updatedAt": "2026-03-02T12:00:00Z", "impactStartDate": "2026-03-02T10:00:00Z",
    "impactEndDate": "2026-03-02T11:00:00Z", "links": {"web": "https://example.invalid/i1"},
}  # fmt: skip
ALERT = {
    "id": "a1", "tinyId": "9", "status": "closed", "acknowledged": True, "count": 12, "priority": "P1", "createdAt": "2026-03-02T10:00:00Z", "updatedAt": "2026-03-02T10:30:00Z",
    "lastOccurredAt": "2026-03-02T10:20:00Z", "teams": [{"id": "t1"}], "report": {"ackTime": 65000},
}  # fmt: skip
NAMES = {
    "s.json": {"data": [{"id": "s1", "name": "shop", "teamId": "t1", "links": {}}]},
    "t.json": {"data": [{"id": "t1", "name": "Shop team", "links": {"web": "https://app.opsgenie.com/teams/t1"}}]},
}  # fmt: skip


def test_an_incident(tmp_path):
    found = read("opsgenie", tmp_path, {"i.json": {"data": [INCIDENT]}, **NAMES}, teams=True)
    (row,) = found["incidents"]
    wanted = {
        "incident_id": "opsgenie:i1", "service_id": "shop", "team_id": "Shop team", "severity": 2, "severity_raw": "P2", "opened_at": at(2026, 3, 2, 10),
        "resolved_at": at(2026, 3, 2, 11), "acknowledged_at": None, "url": "https://example.invalid/i1",
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    assert "some incidents touched several services: they are counted for the first" in found.warnings
    assert columns(found["teams"], "team_id", "name") == [("Shop team", "Shop team")]


@pytest.mark.parametrize(
    ("changed", "opened", "resolved"),
    [
        ({"impactEndDate": None}, at(2026, 3, 2, 10), at(2026, 3, 2, 12)),
        ({"impactEndDate": None, "status": "closed"}, at(2026, 3, 2, 10), at(2026, 3, 2, 12)),
        ({"impactEndDate": None, "status": "open"}, at(2026, 3, 2, 10), None),
        ({"impactStartDate": None, "priority": None}, at(2026, 3, 2, 10, 1), at(2026, 3, 2, 11)),
    ],
)
def test_when_it_began_and_ended(tmp_path, changed, opened, resolved):
    (row,) = read("opsgenie", tmp_path, {"i.json": {"data": [{**INCIDENT, **changed}]}})["incidents"]
    assert (row["opened_at"], row["resolved_at"], row["team_id"], row["service_id"]) == (opened, resolved, None, "s1")


def test_an_alert_is_one_page_however_often_it_came_again(tmp_path):
    low = {**ALERT, "id": "a2", "priority": "P5", "acknowledged": False, "report": {}}
    found = read("opsgenie", tmp_path, {"a.json": {"data": [ALERT, low], "paging": {"next": "more"}}})
    assert columns(found["pages"], "page_id", "paged_at", "acknowledged_at", "urgency") == [
        ("opsgenie:a1", at(2026, 3, 2, 10), at(2026, 3, 2, 10, 1, 5), "high"), ("opsgenie:a2", at(2026, 3, 2, 10), None, "low"),
    ]  # fmt: skip
    assert found.truncated == {"pages"}


def test_empty_and_wrong_files(tmp_path):
    assert read("opsgenie", tmp_path, {"i.json": {"data": []}}).warnings == ["the file holds no documents"]
    with pytest.raises(SourceError, match="It looks like an issue of Jira"):
        read("opsgenie", tmp_path, {"j.json": {"issues": [{"key": "A-1", "fields": {"status": {}}}]}})


@pytest.fixture(scope="module")
def real(cases):
    folder = cases / "sources" / "opsgenie"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    return folder


def test_the_reference_files(real, tmp_path):
    found = read("opsgenie", tmp_path, sorted(real.glob("*.json")))
    assert [(r["severity"], r["resolved_at"] is None) for r in found["incidents"]] == [(3, True), (5, False)]
    assert found["incidents"][1]["resolved_at"] == at(2023, 9, 5, 18, 21, 21).replace(microsecond=490000)
    assert {r["team_id"] for r in found["teams"]} == {"old_team", "new_team"}
    assert columns(found["pages"], "paged_at") == [(at(2024, 8, 28, 14, 58, 17).replace(microsecond=467000),)]
