"""PagerDuty: incidents, who was called, and the zone that stands beside the page."""

from __future__ import annotations

import json

import pytest
from reading import at, columns, read

from idp_analytics.errors import SourceError
from idp_analytics.sources.systems.pagerduty import severity
from idp_analytics.tables.pseudonyms import pseudonym


def incident(native="I1", **more):
    return {
        "id": native, "type": "incident", "incident_number": 7, "status": "resolved", "created_at": "2026-03-02T10:00:00Z", "updated_at": "2026-03-02T11:05:00Z",
        "resolved_at": "2026-03-02T11:00:00Z", "last_status_change_at": "2026-03-02T11:01:00Z", "service": {"id": "S1", "summary": "shop-prod"},
        "teams": [{"id": "T1", "summary": "Shop"}], "priority": {"summary": "P2"}, "urgency": "high", "html_url": "https://example.invalid/I1", "acknowledgements": [], **more,
    }  # fmt: skip


def entry(kind, native, when, incident="I1", **more):
    return {"id": native, "type": f"{kind}_log_entry", "created_at": when, "incident": {"id": incident}, **more}


def test_an_incident_with_all_it_says(tmp_path):
    entries = [entry("acknowledge", "L2", "2026-03-02T10:07:00Z"), entry("acknowledge", "L1", "2026-03-02T10:05:00Z")]
    found = read(
        "pagerduty",
        tmp_path,
        {"i.json": {"incidents": [incident()], "more": False}, "l.json": {"log_entries": entries}},
        service_pattern="(.+)-prod",
    )
    (row,) = found["incidents"]
    wanted = {
        "incident_id": "pagerduty:I1", "service_id": "shop", "team_id": None, "severity": 2, "severity_raw": "P2", "opened_at": at(2026, 3, 2, 10),
        "acknowledged_at": at(2026, 3, 2, 10, 5), "resolved_at": at(2026, 3, 2, 11), "deployment_id": None, "change_caused": None, "postmortem_on": None,
        "url": "https://example.invalid/I1",
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    assert not found.truncated


@pytest.mark.parametrize(
    ("changed", "resolved", "acknowledged"),
    [
        ({"resolved_at": None}, at(2026, 3, 2, 11, 1), None),
        ({"resolved_at": None, "status": "triggered"}, None, None),
        (
            {"resolved_at": None, "status": "acknowledged", "acknowledgements": [{"at": "2026-03-02T10:09:00Z"}]},
            None,
            at(2026, 3, 2, 10, 9),
        ),
    ],
)
def test_when_an_incident_ended(tmp_path, changed, resolved, acknowledged):
    (row,) = read("pagerduty", tmp_path, {"i.json": [incident(**changed)]})["incidents"]
    assert (row["resolved_at"], row["acknowledged_at"]) == (resolved, acknowledged)


def test_merged_incidents_are_none_and_teams_only_where_asked_for(tmp_path):
    both = [
        incident(),
        incident("I2", resolve_reason={"type": "merge_resolve_reason"}),
        incident("I3", service=None, priority=None, teams=[]),
    ]
    found = read("pagerduty", tmp_path, {"i.json": both}, teams=True)
    assert columns(found["incidents"], "incident_id", "team_id", "service_id", "severity") == [
        ("pagerduty:I1", "Shop", "shop-prod", 2),
        ("pagerduty:I3", None, None, None),
    ]
    assert found.dropped == {"was merged into another incident": 1}


def test_pages_are_notifications_of_people(tmp_path):
    jane, joe = {"id": "U1"}, {"id": "U2"}
    entries = [
        entry("trigger", "L0", "2026-03-02T10:00:00Z"), entry("notify", "L1", "2026-03-02T10:00:05Z", user=jane), entry("notify", "L2", "2026-03-02T10:05:00Z", user=joe),
        entry("acknowledge", "L3", "2026-03-02T10:03:00Z", agent=jane), entry("acknowledge", "L4", "2026-03-02T09:00:00Z", agent=joe),
        entry("notify", "L5", "2026-03-02T10:06:00Z", incident="I9", user=joe, service={"summary": "cart"}),
    ]  # fmt: skip
    found = read("pagerduty", tmp_path, {"i.json": [incident()], "l.jsonl": entries})
    assert columns(found["pages"], "page_id", "incident_id", "service_id", "person_id", "paged_at", "acknowledged_at", "urgency") == [
        ("pagerduty:L1", "pagerduty:I1", "shop-prod", pseudonym("U1"), at(2026, 3, 2, 10, 0, 5), at(2026, 3, 2, 10, 3), "high"),
        ("pagerduty:L2", "pagerduty:I1", "shop-prod", pseudonym("U2"), at(2026, 3, 2, 10, 5), None, "high"),
        ("pagerduty:L5", "pagerduty:I9", "cart", pseudonym("U2"), at(2026, 3, 2, 10, 6), None, None),
    ]  # fmt: skip


ANALYSED = {
    "id": "I1", "incident_number": 7, "service_name": "shop", "created_at": "2026-03-02T10:00:00", "resolved_at": "2026-03-02T23:00:00", "seconds_to_first_ack": 30,
    "seconds_to_resolve": 3600, "status": "resolved", "priority_name": "SEV-2", "team_name": None, "updated_at": "2026-03-03T00:00:00",
}  # fmt: skip


def test_analytics_have_their_zone_beside_the_page_and_their_durations_count(tmp_path):
    found = read("pagerduty", tmp_path, {"a.json": {"data": [ANALYSED], "time_zone": "America/New_York", "more": True}})
    (row,) = found["incidents"]
    assert (row["opened_at"], row["acknowledged_at"], row["resolved_at"], row["severity"]) == (
        at(2026, 3, 2, 15),
        at(2026, 3, 2, 15, 0, 30),
        at(2026, 3, 2, 16),
        2,
    )
    assert found.truncated == {"incidents"}


def test_analytics_without_a_zone_are_set_aside_and_not_guessed(tmp_path):
    found = read("pagerduty", tmp_path, {"a.json": {"data": [ANALYSED], "more": False}})
    assert found["incidents"] == []
    assert "has no time zone" in found.rejected[0]["reason"]


def test_both_forms_of_one_incident_are_one(tmp_path):
    found = read(
        "pagerduty",
        tmp_path,
        {"a.json": {"data": [ANALYSED], "time_zone": "UTC"}, "i.json": [incident(updated_at="2026-03-02T11:05:00")]},
    )
    (row,) = found["incidents"]
    assert (row["acknowledged_at"], row["url"]) == (at(2026, 3, 2, 10, 0, 30), "https://example.invalid/I1")


def test_people(tmp_path):
    user = {
        "id": "U1",
        "type": "user",
        "email": "jane@example.invalid",
        "time_zone": "Europe/Lisbon",
        "notification_rules": [],
    }
    found = read("pagerduty", tmp_path, {"u.json": {"users": [user]}})
    assert columns(found["people"], "person_id", "time_zone") == [(pseudonym("U1"), "Europe/Lisbon")]
    assert columns(found["aliases"], "kind", "alias", "canonical_id") == [
        ("person", pseudonym("jane@example.invalid"), pseudonym("U1"))
    ]
    assert "example.invalid" not in repr(found)


@pytest.mark.parametrize(
    ("priority", "expected"), [("P1", "1"), ("SEV-3", "3"), ("2 - High", "2"), ("high", None), (None, None)]
)
def test_severity(priority, expected):
    assert severity(priority) == expected


def test_overlapping_pages_keep_the_newest(tmp_path):
    old = incident(status="triggered", resolved_at=None, updated_at="2026-03-02T10:01:00Z")
    pages = "".join(
        f'{{"incidents": [{one}], "more": {more}}}\n'
        for one, more in ((json.dumps(incident()), "true"), (json.dumps(old), "false"))
    )
    found = read("pagerduty", tmp_path, {"i.json": pages})
    assert columns(found["incidents"], "resolved_at") == [(at(2026, 3, 2, 11),)]


def test_empty_and_wrong_files(tmp_path):
    assert read("pagerduty", tmp_path, {"i.json": {"incidents": [], "more": False}}).warnings == [
        "the file holds no documents"
    ]
    with pytest.raises(SourceError, match="It looks like an incident of Opsgenie"):
        read("pagerduty", tmp_path, {"o.json": {"data": [{"id": "x", "tinyId": "1", "impactedServices": []}]}})


# --- reference cases --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(cases):
    folder = cases / "sources" / "pagerduty"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    return folder


def test_the_reference_incident(real, tmp_path):
    found = read("pagerduty", tmp_path, [real / "incidents_rest.json"])
    (row,) = found["incidents"]
    assert row["incident_id"] == "pagerduty:PT4KHLK"
    assert (row["resolved_at"] - row["opened_at"]).total_seconds() == 461
    assert "incidents" in found.truncated


def test_the_reference_analytics(real, tmp_path):
    found = read("pagerduty", tmp_path, [real / "analytics_raw_incidents.json"])
    seconds = {
        r["incident_id"][10:]: (
            (r["acknowledged_at"] - r["opened_at"]).total_seconds(),
            (r["resolved_at"] - r["opened_at"]).total_seconds(),
        )
        for r in found["incidents"]
    }
    assert seconds == {"PYC0H08": (5, 3305), "PCOOHCY": (48, 2029)}
    assert "incidents" in found.truncated


def test_the_other_reference_files(real, tmp_path):
    found = read(
        "pagerduty",
        tmp_path,
        [real / name for name in ("log_entries.json", "user.json", "oncall.json", "service.json")],
    )
    # A trigger calls nobody.
    assert found["pages"] == []
    assert len(found["people"]) == len(found["aliases"]) == 1
    assert "pages" in found.truncated
