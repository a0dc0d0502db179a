"""The change ledger: what was registered first stands, the last word on when it was taken up counts, and a changed line is told."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import at, columns, read

from idp_analytics.errors import SourceError
from idp_analytics.sources.ledger_entries import FILE, changed, line, seal

FIRST = {
    "entry": "registered", "at": "2026-06-01T09:00:00Z", "intervention_id": "auto", "hypothesis": "Nobody waits", "metric": "approval_queue_time",
    "direction": "down", "smallest_effect": "4.0", "component": None, "unit_kind": "team", "units": ["red", "blue"], "review_on": "2026-09-01",
}  # fmt: skip


def adopted(name="auto", at="2026-06-11T09:00:00Z", **units):
    return {"entry": "adopted", "at": at, "intervention_id": name, "units": units}


def ledger(*entries):
    """Entries as the kit writes them."""
    text, before = "", ""
    for entry in entries:
        text += line(entry, before)
        before = seal(entry, before)
    return text


def rows(found):
    return columns(found["interventions"], "unit_id", "adopted_on", "registered_at")


def test_a_row_for_each_unit_and_the_day_it_took_it_up(tmp_path):
    found = read("change_ledger", tmp_path, {FILE: ledger(FIRST, adopted(red="2026-06-10"))})
    assert rows(found) == [("red", date(2026, 6, 10), at(2026, 6, 1, 9)), ("blue", None, at(2026, 6, 1, 9))]
    (row, _) = found["interventions"]
    assert (row["metric"], row["direction"], row["smallest_effect"], row["component"], row["unit_kind"], row["review_on"]) == (
        "approval_queue_time", "down", 4.0, None, "team", date(2026, 9, 1),
    )  # fmt: skip
    assert found.warnings == [] and found.dropped == {}


@pytest.mark.parametrize(("last", "day"), [("2026-06-12", date(2026, 6, 12)), ("", None)])
def test_of_several_words_about_a_unit_the_last_counts(tmp_path, last, day):
    found = read("change_ledger", tmp_path, {FILE: ledger(FIRST, adopted(red="2026-06-10"), adopted(red=last))})
    assert rows(found)[0] == ("red", day, at(2026, 6, 1, 9))
    assert found.dropped == {}


def test_what_was_registered_first_stands(tmp_path):
    again = {**FIRST, "at": "2026-07-01T09:00:00Z", "metric": "change_lead_time", "smallest_effect": "0.1"}
    found = read("change_ledger", tmp_path, {FILE: ledger(FIRST, again)})
    assert columns(found["interventions"], "metric") == [("approval_queue_time",)] * 2
    assert found.dropped == {"is registered already: what was registered first stands": 1}


def test_a_unit_nobody_registered_has_its_row_from_the_day_that_was_written_down(tmp_path):
    found = read("change_ledger", tmp_path, {FILE: ledger(FIRST, adopted(green="2026-06-10"))})
    assert rows(found)[-1] == ("green", date(2026, 6, 10), at(2026, 6, 11, 9))


def test_what_is_about_no_registered_change_is_left_out(tmp_path):
    found = read("change_ledger", tmp_path, {FILE: ledger(FIRST, adopted("other", red="2026-06-10"))})
    assert found.dropped == {"is about a change that is not registered": 1}
    assert [row[1] for row in rows(found)] == [None, None]
    found = read("change_ledger", tmp_path, {FILE: ledger({**FIRST, "intervention_id": None})})
    assert found.dropped == {"names no change": 1}


@pytest.mark.parametrize(
    ("damage", "entry"),
    [
        (lambda one, two, three: [one.replace('"4.0"', '"0.1"'), two, three], "1"),
        (lambda one, two, three: [one, three], "2"),
        (lambda one, two, three: [one, three, two], "2, 3"),
        (lambda one, two, three: [two, one, three], "1, 2, 3"),
        (lambda one, two, three: [one, two, three.replace("2026-06-12", "2026-06-13")], "3"),
        (lambda one, two, three: [one, two, three.replace('"seal"', '"sealed"')], "3"),
    ],
)
def test_an_entry_that_was_changed_taken_away_or_moved_is_told(tmp_path, damage, entry):
    lines = ledger(FIRST, adopted(red="2026-06-10"), adopted(blue="2026-06-12")).splitlines(keepends=True)
    found = read("change_ledger", tmp_path, {FILE: "".join(damage(*lines))})
    assert found.warnings == [
        f"entry {entry} of the change ledger does not follow from the one before: it, or what stood before it, was changed after it was written"
    ]


def test_what_was_decided_is_an_action_and_what_nobody_registered_is_none(tmp_path):
    said = {"entry": "reviewed", "at": "2026-09-02T09:00:00Z", "intervention_id": "auto", "on": "2026-09-02", "team": "red", "decision": "end", "learnt": "No."}  # fmt: skip
    found = read("change_ledger", tmp_path, {FILE: ledger(FIRST, said, {**said, "intervention_id": "other"})})
    assert columns(found["actions"], "team_id", "origin_id", "opened_on", "closed_on", "outcome") == [
        ("red", "auto", date(2026, 9, 2), date(2026, 9, 2), "done")
    ]
    assert found.dropped == {"is about a change that is not registered": 1} and found.warnings == []
    assert "No." not in str(found.rows)


def test_a_file_of_something_else_is_refused(tmp_path):
    with pytest.raises(SourceError, match="holds nothing that Change ledger exports"):
        read("change_ledger", tmp_path, {FILE: [{"colour": "green"}]})


ENTRIES = st.lists(st.dictionaries(st.sampled_from("abc"), st.text(max_size=4), max_size=3), max_size=5)


@given(ENTRIES, st.integers(0, 4), st.text(max_size=3))
def test_what_is_written_follows_and_any_other_word_in_it_does_not(entries, place, word):
    sealed, before = [], ""
    for entry in entries:
        before = seal(entry, before)
        sealed.append({**entry, "seal": before})
    assert list(changed(sealed)) == []
    if place < len(sealed) and sealed[place].get("a") != word:
        sealed[place] = {**sealed[place], "a": word}
        assert list(changed(sealed)) == [place]
