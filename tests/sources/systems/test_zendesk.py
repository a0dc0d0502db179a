"""Zendesk: a ticket knows little without its metrics."""

from __future__ import annotations

import pytest
from reading import at, columns, read

from idp_analytics.errors import SourceError
from idp_analytics.tables.pseudonyms import pseudonym

TICKET = {
    "id": 5, "requester_id": 1, "submitter_id": 1, "status": "solved", "type": "question", "priority": "high", "tags": ["vip", "access"], "via": {"channel": "email"},
    "created_at": "2026-03-02T10:00:00Z", "updated_at": "2026-03-03T10:00:00Z", "subject": "secret", "custom_fields": [{"id": 11, "value": "Shop"}, {"id": 12, "value": "shop"}],
}  # fmt: skip
METRIC = {
    "ticket_id": 5,
    "reopens": 2,
    "solved_at": "2026-03-03T09:00:00Z",
    "reply_time_in_minutes": {"calendar": 45, "business": 10},
}


def test_a_ticket_and_its_metrics(tmp_path):
    files = {"t.json": {"tickets": [TICKET], "end_of_stream": True}, "m.json": {"ticket_metrics": [METRIC]}}
    (row,) = read("zendesk", tmp_path, files, team_field="11", service_field="12", category_tags=["access"])["tickets"]
    wanted = {
        "ticket_id": "zendesk:5", "team_id": "Shop", "service_id": "shop", "category": "access", "priority": "high", "channel": "email", "created_at": at(2026, 3, 2, 10),
        "first_response_at": at(2026, 3, 2, 10, 45), "resolved_at": at(2026, 3, 3, 9), "reopens": 2, "status": "done", "status_raw": "solved", "golden_path_id": None,
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    assert "secret" not in repr(row)


def test_without_metrics_nobody_knows_when(tmp_path):
    found = read("zendesk", tmp_path, {"t.json": [TICKET]})
    assert columns(found["tickets"], "resolved_at", "first_response_at", "reopens", "status") == [
        (None, None, None, "done")
    ]
    assert "without ticket metrics nobody knows when tickets were answered and solved" in found.warnings


def test_metrics_inside_the_ticket_count_too(tmp_path):
    (row,) = read("zendesk", tmp_path, {"t.json": [{**TICKET, "metric_set": METRIC}]})["tickets"]
    assert (row["resolved_at"], row["reopens"]) == (at(2026, 3, 3, 9), 2)


@pytest.mark.parametrize(
    ("status", "expected"),
    [("new", "open"), ("open", "open"), ("pending", "open"), ("hold", "open"), ("closed", "done"), ("archived", None)],
)
def test_status(tmp_path, status, expected):
    assert columns(
        read("zendesk", tmp_path, {"t.json": [{**TICKET, "status": status}]})["tickets"], "status", "status_raw"
    ) == [(expected, status)]


@pytest.mark.parametrize(("by", "expected"), [("tag", "vip"), ("type", "question"), ("11", "Shop"), ("99", None)])
def test_category(tmp_path, by, expected):
    assert columns(read("zendesk", tmp_path, {"t.json": [TICKET]}, category=by)["tickets"], "category") == [(expected,)]


def test_ratings(tmp_path):
    ratings = [
        {"id": 1, "ticket_id": 5, "requester_id": 7, "score": "good", "created_at": "2026-03-02T10:00:00Z", "updated_at": "2026-03-02T11:00:00Z"},
        {"id": 2, "ticket_id": 6, "requester_id": 8, "score": "bad_with_comment", "comment": "secret", "created_at": "2026-05-02T10:00:00Z"},
        {"id": 3, "ticket_id": 7, "requester_id": 9, "score": "offered", "created_at": "2026-05-02T10:00:00Z"},
        {"id": 4, "ticket_id": 8, "requester_id": 9, "score": "meh", "created_at": "2026-05-02T10:00:00Z"},
    ]  # fmt: skip
    found = read("zendesk", tmp_path, {"r.json": {"satisfaction_ratings": ratings, "meta": {"has_more": True}}})
    assert columns(found["survey_responses"], "response_id", "question_id", "wave", "person_id", "value", "label", "scale_min", "scale_max") == [
        ("zendesk:1", "satisfied@1", "2026-Q1", pseudonym("7"), 1.0, "good", 0.0, 1.0), ("zendesk:2", "satisfied@1", "2026-Q2", pseudonym("8"), 0.0, "bad_with_comment", 0.0, 1.0),
        ("zendesk:4", "satisfied@1", "2026-Q2", pseudonym("9"), None, "meh", 0.0, 1.0),
    ]  # fmt: skip
    assert found.dropped == {"was offered and not answered": 1}
    assert found.truncated == {"survey_responses"}
    assert "secret" not in repr(found)


def test_empty_and_wrong_files(tmp_path):
    assert read("zendesk", tmp_path, {"t.json": {"tickets": []}}).warnings == ["the file holds no documents"]
    with pytest.raises(SourceError, match="It looks like an incident of PagerDuty"):
        read("zendesk", tmp_path, {"p.json": [{"id": "x", "type": "incident", "incident_number": 1}]})


@pytest.fixture(scope="module")
def real(cases):
    folder = cases / "sources" / "zendesk"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    return folder


def test_the_reference_files(real, tmp_path):
    found = read("zendesk", tmp_path, [real / "ticket.json", real / "satisfaction_rating.json"])
    assert columns(found["tickets"], "created_at", "status", "status_raw", "category") == [
        (at(2015, 7, 25, 2, 21, 13), "open", "pending", "sample")
    ]
    assert columns(found["survey_responses"], "value") == [(1.0,)]
