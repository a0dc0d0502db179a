"""What several snapshots of one state tell, by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from idp_analytics.sources import over_time
from idp_analytics.sources.export import Document, File

DAYS = {n: datetime(2026, 3, n, 6, tzinfo=UTC) for n in (1, 8, 15, 22)}


def document(day, name="entities.json", unfinished=None):
    shown = f"snapshots/b/202603{day:02d}T060000Z-0123456789ab-{name}" if day else name
    return Document({}, File(shown, "x", DAYS.get(day), unfinished, {}, (), 0, {}, frozenset()), 1)


def rows(seen, **more):
    """One row per pair and day, oldest first."""
    days = sorted({day for days in seen.values() for day in days})
    files = {day: document(day, **more) for day in days}
    return [files[day].row(service_id=s, team_id=t) for day in days for (s, t), on in seen.items() if day in on]


def told(found):
    return [(r["service_id"], r["team_id"], r.get("valid_from"), r.get("valid_to")) for r in found]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({("s", "a"): [1, 8, 15]}, [("s", "a", None, None)]),
        ({("s", "a"): [1], ("s", "b"): [8, 15]}, [("s", "a", None, "2026-03-08"), ("s", "b", "2026-03-08", None)]),
        (
            {("s", "a"): [1, 15], ("t", "b"): [1, 8, 15]},
            [("s", "a", "2026-03-15", None), ("s", "a", None, "2026-03-08"), ("t", "b", None, None)],
        ),
        ({("s", "a"): [8]}, [("s", "a", None, None)]),
    ],
)
def test_spans(seen, expected):
    assert set(told(over_time.spans(rows(seen)))) == set(expected)


def test_files_of_another_name_are_not_compared():
    one = document(1, "a.json").row(service_id="s", team_id="x")
    two = document(8, "b.json").row(service_id="t", team_id="y")
    assert told(over_time.spans([one, two])) == [("s", "x", None, None), ("t", "y", None, None)]


def test_what_is_no_row_passes_through():
    warning = document(1).warning("w")
    assert over_time.spans([warning]) == [warning]
    assert over_time.gone([warning], "service_id", "retired_at") == [warning]
    assert over_time.first_seen([warning], "released_at") == [warning]


def test_gone():
    files = {day: document(day) for day in (1, 8, 15)}
    seen = [
        files[day].row(service_id=s, name=f"{s}{day}")
        for day, names in ((1, "ab"), (8, "b"), (15, "bc"))
        for s in names
    ]
    found = {
        r["service_id"]: (r["name"], r.get("retired_at")) for r in over_time.gone(seen, "service_id", "retired_at")
    }
    assert found == {"a": ("a1", DAYS[8].isoformat()), "b": ("b15", None), "c": ("c15", None)}


def test_an_incomplete_snapshot_proves_nothing_to_be_gone():
    first, cut = document(1), document(8, unfinished="more: true")
    found = over_time.gone(
        [first.row(service_id="a"), first.row(service_id="b"), cut.row(service_id="b")], "service_id", "retired_at"
    )
    assert {r["service_id"]: r.get("retired_at") for r in found} == {"a": None, "b": None}


def test_an_incomplete_snapshot_ends_no_span():
    whole, part = document(1), document(8, unfinished="there is a next page")
    found = [whole.row(service_id=s, team_id="x") for s in "ab"] + [part.row(service_id="a", team_id="x")]
    assert set(told(over_time.spans(found))) == {("a", "x", None, None), ("b", "x", None, None)}


def test_first_seen():
    files = {day: document(day) for day in (1, 8)}
    seen = [
        files[1].row(path="p", version="1"),
        files[8].row(path="p", version="1"),
        files[8].row(path="p", version="2"),
    ]
    found = [(r["version"], r["released_at"]) for r in over_time.first_seen(seen, "released_at")]
    assert found == [("1", None), ("2", DAYS[8].isoformat())]
