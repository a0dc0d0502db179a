"""Jira: issues whose words are in any language."""

from __future__ import annotations

import pytest
from reading import at, columns, read

from idp_analytics.errors import SourceError
from idp_analytics.tables.pseudonyms import pseudonym


def issue(key="OPS-1", resolved=None, category="new", name="Offen", histories=None, **fields):
    return {
        "id": "1", "key": key,
        "fields": {
            "created": "2026-03-02T10:00:00.000+0800", "updated": "2026-03-02T12:00:00.000+0800", "resolutiondate": resolved,
            "status": {"name": name, "statusCategory": {"key": category}}, "priority": {"name": "High"}, "issuetype": {"name": "Anfrage"},
            "reporter": {"accountId": "r"}, **fields,
        },
        **({"changelog": {"histories": histories}} if histories is not None else {}),
    }  # fmt: skip


def test_an_issue(tmp_path):
    comments = [
        {"author": {"accountId": "r"}, "created": "2026-03-02T10:30:00.000+0800"},
        {"author": {"accountId": "s"}, "created": "2026-03-02T11:00:00.000+0800"},
    ]
    fields = {
        "components": [{"name": "access"}],
        "labels": ["db"],
        "comment": {"comments": comments},
        "customfield_1": {"value": "Shop"},
        "customfield_2": "shop",
    }
    found = read(
        "jira",
        tmp_path,
        {"i.json": {"issues": [issue(**fields)], "isLast": True}},
        team_field="customfield_1",
        service_field="customfield_2",
    )
    (row,) = found["tickets"]
    wanted = {
        "ticket_id": "jira:OPS-1", "team_id": "Shop", "service_id": "shop", "golden_path_id": None, "category": "access", "priority": "High", "channel": None,
        "created_at": at(2026, 3, 2, 2), "first_response_at": at(2026, 3, 2, 3), "resolved_at": None, "reopens": None, "status": "open", "status_raw": "Offen",
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("resolved", "category", "status"),
    [
        ("2026-03-03T10:00:00.000+0800", "new", "done"),  # the date wins over the status
        (None, "done", "done"), (None, "indeterminate", "open"), (None, "undefined", None), (None, None, None),
    ],
)  # fmt: skip
def test_where_an_issue_stands(tmp_path, resolved, category, status):
    found = read("jira", tmp_path, {"i.json": [issue(resolved=resolved, category=category)]})
    assert columns(found["tickets"], "status") == [(status,)]
    assert any("'undefined'" in sentence for sentence in found.warnings) == (category == "undefined")


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("component", "access"),
        ("label", "db"),
        ("type", "Anfrage"),
        ("customfield_9", "Datenbank"),
        ("customfield_8", None),
    ],
)
def test_what_an_issue_is_about(tmp_path, by, expected):
    one = issue(components=[{"name": "access"}], labels=["db"], customfield_9=[{"value": "Datenbank"}])
    assert columns(read("jira", tmp_path, {"i.json": [one]}, category=by)["tickets"], "category") == [(expected,)]


def test_reopened_is_a_resolution_taken_away(tmp_path):
    histories = [
        {"id": "1", "items": [{"field": "resolution", "from": None, "to": "1"}]}, {"id": "2", "items": [{"field": "resolution", "from": "1", "to": None}, {"field": "status"}]},
        {"id": "3", "items": [{"field": "resolution", "from": "1", "to": "2"}]},
    ]  # fmt: skip
    found = read("jira", tmp_path, {"i.json": [issue(histories=histories), issue("OPS-2", histories=[])]})
    assert columns(found["tickets"], "reopens") == [(1,), (0,)]


@pytest.mark.parametrize(
    ("page", "cut"),
    [
        ({"issues": [issue()], "isLast": False, "nextPageToken": "x"}, True),
        ({"issues": [issue()], "startAt": 0, "maxResults": 1, "total": 33}, True),
        ({"issues": [issue()], "startAt": 0, "maxResults": 50, "total": 1}, False),
    ],
)
def test_pages_of_both_searches(tmp_path, page, cut):
    assert read("jira", tmp_path, {"i.json": page}).truncated == ({"tickets"} if cut else set())


def test_people(tmp_path):
    users = [
        {"accountId": "u1", "accountType": "atlassian", "active": False, "timeZone": "Asia/Tokyo", "emailAddress": "jane@example.invalid"},
        {"accountId": "u2", "accountType": "app", "active": True},
    ]  # fmt: skip
    found = read("jira", tmp_path, {"u.json": users})
    assert columns(found["people"], "person_id", "is_bot", "time_zone") == [
        (pseudonym("u1"), False, "Asia/Tokyo"),
        (pseudonym("u2"), True, None),
    ]
    assert "example.invalid" not in repr(found)


def test_empty_and_wrong_files(tmp_path):
    assert read("jira", tmp_path, {"i.json": {"issues": [], "isLast": True}}).warnings == [
        "the file holds no documents"
    ]
    with pytest.raises(SourceError, match="It looks like a ticket of Zendesk"):
        read(
            "jira",
            tmp_path,
            {"z.json": {"tickets": [{"id": 1, "requester_id": 1, "submitter_id": 1, "status": "new", "via": {}}]}},
        )


@pytest.fixture(scope="module")
def real(cases):
    folder = cases / "sources" / "jira"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    return folder


def test_the_reference_issues(real, tmp_path):
    found = read("jira", tmp_path, [real / "search_issues.json"])
    rows = {row["ticket_id"]: row for row in found["tickets"]}
    assert list(rows) == [f"jira:EE-{n}" for n in (1, 2, 3, 4)]
    # The page says that there are 33.
    assert found.truncated == {"tickets"}
    first = rows["jira:EE-1"]
    assert (first["status"], first["resolved_at"]) == ("done", at(2020, 6, 19, 6, 31, 18).replace(microsecond=495000))
    assert first["status_raw"] != "done"
    assert {row["status"] for row in rows.values()} == {"done"}


def test_the_reference_changelogs_and_user(real, tmp_path):
    found = read("jira", tmp_path, [real / "issue_changelogs.json", real / "user.json"])
    assert len(found["people"]) == 1
    assert found["tickets"] == []
    assert list(found.dropped.values()) == [12]
    assert "does not name its issue" in next(iter(found.dropped))
