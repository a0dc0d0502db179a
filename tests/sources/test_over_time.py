"""What several snapshots of one state tell, by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from idp_analytics.sources import over_time, snapshots
from idp_analytics.sources.export import Document, File

DAYS = {n: datetime(2026, 3, n, 6, tzinfo=UTC) for n in (1, 8, 15, 22)}


def document(day, name="entities.json", unfinished=None):
    shown = f"snapshots/b/202603{day:02d}T060000Z-0123456789ab-{name}" if day else name
    return Document(
        {}, File(shown, "x", DAYS.get(day), unfinished, {}, (), 0, {}, frozenset(), snapshots.line(shown)), 1
    )


def files(found, *more):
    """The files of some rows, and more that gave none."""
    every = {row["_document"].file.shown: row["_document"].file for row in found}
    return [*every.values(), *(one.file for one in more)]


def rows(seen, **more):
    """One row per pair and day, oldest first."""
    days = sorted({day for days in seen.values() for day in days})
    there = {day: document(day, **more) for day in days}
    return [there[day].row(service_id=s, team_id=t) for day in days for (s, t), on in seen.items() if day in on]


def spans(found, *more):
    return over_time.spans(found, files(found, *more))


def gone(found, *more):
    return {r["service_id"]: r.get("retired_at") for r in over_time.retired(found, files(found, *more))}


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
    assert set(told(spans(rows(seen)))) == set(expected)


def test_files_of_another_name_or_folder_are_not_compared():
    for others in (("a.json", "b.json"), ("eu/e.json", "us/e.json")):
        one = document(1, others[0]).row(service_id="s", team_id="x")
        two = document(8, others[1]).row(service_id="t", team_id="y")
        assert told(spans([one, two])) == [("s", "x", None, None), ("t", "y", None, None)]
        assert gone([one, two]) == {"s": None, "t": None}


def test_what_is_no_row_passes_through():
    warning = document(1).warning("w")
    assert spans([warning]) == [warning]
    assert over_time.retired([warning], files([warning])) == [warning]
    assert over_time.first_seen([warning], files([warning]), "released_at") == [warning]


def test_gone():
    there = {day: document(day) for day in (1, 8, 15)}
    seen = [
        there[day].row(service_id=s, name=f"{s}{day}")
        for day, names in ((1, "ab"), (8, "b"), (15, "bc"))
        for s in names
    ]
    found = {r["service_id"]: (r["name"], r.get("retired_at")) for r in over_time.retired(seen, files(seen))}
    assert found == {"a": ("a1", DAYS[8].isoformat()), "b": ("b15", None), "c": ("c15", None)}


def test_the_last_of_all_is_gone_from_a_snapshot_with_no_row():
    last = rows({("s", "a"): [1]})
    empty, cut = document(8), document(8, unfinished="has_more: true")
    assert gone(last, empty) == {"s": DAYS[8].isoformat()}
    assert told(spans(last, empty)) == [("s", "a", None, "2026-03-08")]
    assert gone(last, cut) == {"s": None}
    assert told(spans(last, cut)) == [("s", "a", None, None)]
    # What first comes after a snapshot with none was not there before.
    (first,) = over_time.first_seen(rows({("s", "a"): [8]}), [document(1).file, document(8).file], "released_at")
    assert first["released_at"] == DAYS[8].isoformat()


def test_what_says_itself_when_it_ended_is_believed_and_what_another_export_has_is_not_gone():
    said = document(1).row(service_id="s", retired_at="2026-03-03T00:00:00Z")
    assert gone([said], document(8)) == {"s": "2026-03-03T00:00:00Z"}
    moved = [document(1, "eu/e.json").row(service_id="s"), document(8, "us/e.json").row(service_id="s")]
    assert gone(moved, document(15, "eu/e.json")) == {"s": None}


def test_an_incomplete_snapshot_proves_nothing_to_be_gone():
    first, cut = document(1), document(8, unfinished="more: true")
    assert gone([first.row(service_id="a"), first.row(service_id="b"), cut.row(service_id="b")]) == {
        "a": None,
        "b": None,
    }


def test_an_incomplete_snapshot_ends_no_span():
    whole, part = document(1), document(8, unfinished="there is a next page")
    found = [whole.row(service_id=s, team_id="x") for s in "ab"] + [part.row(service_id="a", team_id="x")]
    assert set(told(spans(found))) == {("a", "x", None, None), ("b", "x", None, None)}


def test_an_export_without_a_time_tells_no_change():
    dated, undated = rows({("s", "a"): [1], ("t", "b"): [1]}), document(None)
    found = spans([*dated, undated.row(service_id="s", team_id="c"), undated.row(service_id="t", team_id="b")])
    assert told([row for row in found if over_time.is_row(row)]) == [("s", "a", None, None), ("t", "b", None, None)]
    assert [row["_left_out"] for row in found if not over_time.is_row(row)] == [over_time.UNDATED]
    alone = [undated.row(service_id="s", team_id="c")]
    assert spans(alone) == alone


def test_first_seen():
    there = {day: document(day) for day in (1, 8)}
    seen = [
        there[1].row(path="p", version="1"),
        there[8].row(path="p", version="1"),
        there[8].row(path="p", version="2"),
    ]
    found = [(r["version"], r["released_at"]) for r in over_time.first_seen(seen, files(seen), "released_at")]
    assert found == [("1", None), ("2", DAYS[8].isoformat())]
