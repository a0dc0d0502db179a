"""ServiceNow: records whose fields come in three forms, and approvals that do not say when they were given."""

from __future__ import annotations

import pytest
from reading import at, columns, read

from idp_analytics.errors import SourceError
from idp_analytics.tables.pseudonyms import pseudonym


def shown(value, words):
    return {"display_value": words, "value": value}


INCIDENT = {
    "sys_id": "s1", "number": "INC0001", "priority": shown("2", "2 - High"), "state": shown("6", "Resolved"), "cmdb_ci": shown("ci1", "shop"),
    "assignment_group": shown("g1", "Shop team"), "opened_at": "2026-03-02 10:00:00", "work_start": "2026-03-02 10:05:00", "resolved_at": "2026-03-02 11:00:00",
    "sys_created_on": "2026-03-02 10:01:00", "sys_updated_on": "2026-03-02 11:30:00", "caused_by": {"link": "https://example.invalid/x", "value": "c1"},
}  # fmt: skip
CHANGE = {
    "sys_id": "c1", "number": "CHG0001", "type": "normal", "approval": "approved", "requested_by": {"value": "u1"}, "short_description": "Create a database",
    "category": shown("db", "Database"), "business_service": shown("b1", "shop"), "cmdb_ci": "", "sys_created_on": "2026-03-02 09:00:00", "work_end": "2026-03-05 09:00:00",
}  # fmt: skip


def approval(native, state, updated, approver="u8", change="c1"):
    return {
        "sys_id": native,
        "sysapproval": {"link": "x", "value": change},
        "approver": {"value": approver},
        "state": state,
        "sys_created_on": "2026-03-02 09:00:05",
        "sys_updated_on": updated,
    }


def test_an_incident(tmp_path):
    (row,) = read("servicenow", tmp_path, {"i.json": {"result": [INCIDENT]}}, teams=True)["incidents"]
    wanted = {
        "incident_id": "servicenow:INC0001", "service_id": "shop", "team_id": "Shop team", "severity": 2, "severity_raw": "2 - High", "opened_at": at(2026, 3, 2, 10),
        "acknowledged_at": at(2026, 3, 2, 10, 5), "resolved_at": at(2026, 3, 2, 11), "change_caused": True,
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("changed", "rows"),
    [
        ({"resolved_at": "", "closed_at": "2026-03-02 12:00:00", "state": "7"}, [(at(2026, 3, 2, 12), True)]),
        ({"resolved_at": "", "closed_at": "2026-03-02 12:00:00", "state": "2"}, [(None, True)]),
        ({"caused_by": ""}, [(at(2026, 3, 2, 11), None)]),
        ({"state": "8"}, []),
    ],
)
def test_how_an_incident_ended(tmp_path, changed, rows):
    found = read("servicenow", tmp_path, {"i.json": {"result": [{**INCIDENT, **changed}]}})
    assert columns(found["incidents"], "resolved_at", "change_caused") == rows


def test_changes_and_their_approvals(tmp_path):
    files = {
        "c.json": {"result": [CHANGE]},
        "a.json": {"result": [
            approval("a1", "approved", "2026-03-03 15:30:00"), approval("a2", "approved", "2026-03-04 08:00:00", "u9"), approval("a3", "not_required", "2026-03-04 08:00:00"),
            approval("a4", "requested", "2026-03-02 09:00:05"), approval("a5", "rejected", "2026-03-02 10:00:00", "u7", "c9"), approval("a6", "musing", "2026-03-02 10:00:00"),
        ]},
    }  # fmt: skip
    found = read("servicenow", tmp_path, files)
    assert columns(found["changes"], "change_id", "service_id", "author_id", "opened_at", "approved_at", "closed_at", "title", "labels") == [
        ("servicenow:CHG0001", "shop", pseudonym("u1"), at(2026, 3, 2, 9), at(2026, 3, 4, 8), at(2026, 3, 5, 9), "Create a database", ["normal"])
    ]  # fmt: skip
    assert columns(found["approvals"], "approval_id", "operation_id", "subject_id", "requestor_id", "responder_id", "decided_at", "decision", "status", "time_basis") == [
        ("servicenow:a1", "Database", "servicenow:CHG0001", pseudonym("u1"), pseudonym("u8"), at(2026, 3, 3, 15, 30), "approved", "approved", "bound"),
        ("servicenow:a2", "Database", "servicenow:CHG0001", pseudonym("u1"), pseudonym("u9"), at(2026, 3, 4, 8), "approved", "approved", "bound"),
        ("servicenow:a4", "Database", "servicenow:CHG0001", pseudonym("u1"), None, None, None, "pending", "none"),
        ("servicenow:a5", None, "servicenow:c9", None, pseudonym("u7"), at(2026, 3, 2, 10), "rejected", "rejected", "bound"),
        ("servicenow:a6", "Database", "servicenow:CHG0001", pseudonym("u1"), None, None, None, None, "none"),
    ]  # fmt: skip
    assert found.dropped == {"was not needed any more": 1}
    assert columns(found["operations"], "operation_id", "title", "risk") == [("Database", "Database", None)]
    mapped = read("servicenow", tmp_path, files, operations={"Data.*": "create-database"})
    assert mapped["approvals"][0]["operation_id"] == "create-database"


def test_requests_are_tickets(tmp_path):
    request = {
        "sys_id": "r1", "number": "RITM1", "cat_item": shown("x", "New database"), "priority": shown("4", "4 - Low"), "active": "false", "state": shown("3", "Closed Complete"),
        "opened_at": "2026-03-02 10:00:00", "closed_at": "2026-03-02 12:00:00", "contact_type": "self-service", "sys_created_on": "2026-03-02 10:00:00",
    }  # fmt: skip
    found = read(
        "servicenow",
        tmp_path,
        {"r.json": {"result": [request, {**request, "sys_id": "r2", "number": "RITM2", "active": ""}]}},
    )
    assert columns(found["tickets"], "ticket_id", "category", "priority", "channel", "created_at", "resolved_at", "status", "status_raw") == [
        ("servicenow:RITM1", "New database", "4 - Low", "self-service", at(2026, 3, 2, 10), at(2026, 3, 2, 12), "done", "Closed Complete"),
        ("servicenow:RITM2", "New database", "4 - Low", "self-service", at(2026, 3, 2, 10), at(2026, 3, 2, 12), None, "Closed Complete"),
    ]  # fmt: skip


def test_several_tables_in_one_file(tmp_path):
    found = read(
        "servicenow",
        tmp_path,
        {
            "all.json": {
                "change_request": {"result": [CHANGE]},
                "sysapproval_approver": {"result": [approval("a1", "approved", "2026-03-03 15:30:00")]},
            }
        },
    )
    assert (len(found["changes"]), len(found["approvals"])) == (1, 1)


def test_display_values_in_the_users_format_are_not_taken_for_utc(tmp_path):
    odd = {**INCIDENT, "opened_at": "02.03.2026 11:00", "resolved_at": ""}
    found = read("servicenow", tmp_path, {"i.json": {"result": [odd]}})
    assert "is not a time" in found.rejected[0]["reason"]


@pytest.mark.parametrize(
    "times", [["2026-03-02 11:00:00"] * 2, ["2026-03-02 11:00:00", ""], ["2026-03-02 11:00:00", "2026-03-02\n11:00:00"]]
)
def test_each_time_is_read_by_itself(tmp_path, times):
    several = [{**INCIDENT, "number": f"INC{place}", "opened_at": at} for place, at in enumerate(times)]
    together = read("servicenow", tmp_path / "all", {"i.json": {"result": several}})
    alone = [
        read("servicenow", tmp_path / str(place), {"i.json": {"result": [one]}}) for place, one in enumerate(several)
    ]
    assert columns(together["incidents"], "incident_id", "opened_at") == [
        row for one in alone for row in columns(one["incidents"], "incident_id", "opened_at")
    ]


def reference(words, native="x"):
    return {"display_value": words, "link": f"https://example.invalid/api/now/table/t/{native}"}


def test_an_export_of_display_values_alone_is_local_time(tmp_path):
    change = {
        **CHANGE,
        "type": "Normal",
        "approval": "Approved",
        "requested_by": reference("Jane", "u1"),
        "category": "Database",
        "business_service": reference("shop"),
    }
    said = {
        **approval("a1", "Approved", "2026-03-03 15:30:00"), "sysapproval": reference("CHG0001", "c1"), "approver": reference("Joe", "u8"),
    }  # fmt: skip
    unneeded = {**said, "sys_id": "a2", "state": "No Longer Required"}
    files = {"c.json": {"result": [change]}, "a.json": {"result": [said, unneeded]}}
    found = read("servicenow", tmp_path, files, zone="Asia/Tokyo")
    assert columns(found["approvals"], "subject_id", "requestor_id", "responder_id", "decided_at", "status", "status_raw") == [
        ("servicenow:CHG0001", pseudonym("u1"), pseudonym("u8"), at(2026, 3, 3, 6, 30), "approved", "Approved")
    ]  # fmt: skip
    assert columns(found["changes"], "service_id", "opened_at", "approved_at") == [
        ("shop", at(2026, 3, 2), at(2026, 3, 3, 6, 30))
    ]
    assert found.dropped == {"was not needed any more": 1}
    # Without a zone they are no times at all, and never UTC.
    assert read("servicenow", tmp_path, files)["approvals"] == []


@pytest.mark.parametrize(
    ("state", "rows"), [("Canceled", []), ("Closed", [(at(2026, 3, 2, 12),)]), ("In Progress", [(None,)])]
)
def test_states_of_incidents_by_their_display_value(tmp_path, state, rows):
    one = {**INCIDENT, "state": state, "resolved_at": "", "closed_at": "2026-03-02 12:00:00"}
    assert columns(read("servicenow", tmp_path, {"i.json": {"result": [one]}})["incidents"], "resolved_at") == rows


def test_empty_and_wrong_files(tmp_path):
    assert read("servicenow", tmp_path, {"i.json": {"result": []}}).warnings == ["the file holds no documents"]
    with pytest.raises(SourceError, match="It looks like an issue of Jira"):
        read("servicenow", tmp_path, {"j.json": {"issues": [{"key": "A-1", "fields": {"status": {}}}]}})


@pytest.fixture(scope="module")
def real(cases):
    folder = cases / "sources" / "servicenow"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    return folder


def test_the_reference_changes(real, tmp_path):
    found = read(
        "servicenow", tmp_path, [real / "constructed_change_and_approvals.json", real / "vulnerability_response.json"]
    )
    changes = {row["change_id"][11:]: row for row in found["changes"]}
    assert set(changes) == {"CHG0030001", "CHG0030002"}
    assert changes["CHG0030001"]["approved_at"] == at(2026, 3, 4, 8)
    assert changes["CHG0030001"]["service_id"] == "checkout"
    # The emergency change was approved after it was done.
    late = next(row for row in found["approvals"] if row["subject_id"] == "servicenow:CHG0030002")
    assert late["decided_at"] == at(2026, 3, 3, 9)
    assert len(found["approvals"]) == 3
    assert found.dropped == {"was not needed any more": 1}
