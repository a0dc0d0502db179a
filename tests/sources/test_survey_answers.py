"""What survey tools have in common: times, scales, points, several answers, free text, the last response of a person."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from idp_analytics.errors import SourceError
from idp_analytics.sources.export import Document, Export, File
from idp_analytics.sources.over_time import is_row
from idp_analytics.sources.rows import one_by_one
from idp_analytics.sources.survey_answers import (
    AGAIN,
    CHOICE,
    MAYBE_TYPED,
    NO_NUMBER,
    NOT_ASKED,
    OUTSIDE,
    PERSONAL,
    PRIVATE,
    TEXT,
    TYPED,
    UNFINISHED,
    UNKNOWN,
    Answer,
    Response,
    Said,
    last,
    merged,
    options,
    quarter,
    response_id,
    rows,
)  # fmt: skip
from idp_analytics.sources.survey_times import in_zone, moment
from idp_analytics.sources.system import COMMON, System
from idp_analytics.tables.pseudonyms import pseudonym

FILE = File("x.csv", "0" * 64, datetime(2026, 7, 1, tzinfo=UTC), None, {}, (), 0, {}, frozenset())
SYSTEM = System("tool", "Tool", (), (), (), options())


def told(*answers, native="r1", number=1, hidden=None, at="2026-02-03T10:00:00Z", **given):
    chosen = {option.name: option.default for option in (*COMMON, *SYSTEM.options)}
    export = Export(SYSTEM, [FILE], {}, {**chosen, "survey": "dx", **given})
    response = Response(native, None, at, answers, hidden or {})
    return list(one_by_one(rows(Document({}, FILE, number), export, response)))


def answer(text, *keys, kind=UNKNOWN, **more):
    return Answer(keys or ("q",), (Said(text),), kind, **more)


@pytest.mark.parametrize(
    ("written", "dates", "meant"),
    [
        ("2026/03/02 9:05:12 AM GMT+1", None, "2026-03-02T08:05:12Z"), ("2026/03/02 12:00:00 AM GMT+1", None, "2026-03-01T23:00:00Z"),
        ("2026/03/02 12:30:00 PM GMT-3:30", None, "2026-03-02T16:00:00Z"), ("2026/03/02 1:15:00 PM GMT", None, "2026-03-02T13:15:00Z"),
        ("2026-03-02T10:00:00Z", None, "2026-03-02T10:00:00Z"), ("2026-03-02T10:00:00.123+0530", None, "2026-03-02T04:30:00Z"),
        ("2026-03-02 10:00:00", None, "2026-03-02T10:00:00"), ("01/15/2026 10:05:12 AM", "month first", "2026-01-15T10:05:12"),
        ("3/2/2026 9:05", "day first", "2026-02-03T09:05:00"), ("3/2/2026 9:05", "month first", "2026-03-02T09:05:00"),
        ("02.03.2026 09:05:12", "month first", "2026-03-02T09:05:12"), ("3/2/2026 9:05", None, "3/2/2026 9:05"),
        ("13/13/2026 9:05", "day first", "13/13/2026 9:05"), ("yesterday", None, "yesterday"), ("0001-01-01T00:00:00Z", None, None), ("", None, None), (None, None, None),
    ],
)  # fmt: skip
def test_times_as_survey_tools_write_them(written, dates, meant):
    assert moment(written, dates) == meant


@pytest.mark.parametrize(
    ("at", "zone", "meant"),
    [
        ("2026-07-01T10:00:00", "Europe/Berlin", "2026-07-01T08:00:00Z"), ("2026-07-01T10:00:00", "Z", "2026-07-01T10:00:00Z"),
        ("2026-07-01T10:00:00", "Nowhere/Here", "2026-07-01T10:00:00"), ("2026-07-01T10:00:00Z", "Europe/Berlin", "2026-07-01T10:00:00Z"),
        ("2026-07-01T10:00:00", None, "2026-07-01T10:00:00"), ("soon", "Europe/Berlin", "soon"), (None, "Z", None),
    ],
)  # fmt: skip
def test_a_zone_beside_the_time(at, zone, meant):
    assert in_zone(at, zone) == meant


@pytest.mark.parametrize(
    ("at", "wave"), [("2026-01-01T00:00:00Z", "2026-Q1"), ("2026-03-31", None), ("2026-04-01T00:00:00", "2026-Q2"), ("2026-12-31T23:59:59Z", "2026-Q4"), ("soon", None), (None, None)]
)  # fmt: skip
def test_the_round_is_the_quarter(at, wave):
    assert quarter(at) == (wave or ("2026-Q1" if at == "2026-03-31" else None))


def test_a_row_with_all_it_says():
    (row,) = told(
        answer("4", "q7", "How easy?"), questions={" how  EASY? ": "ease@1"}, scales={"ease@1": "1-5"}, team_field="Team", hidden={"team": "payments"}
    )  # fmt: skip
    assert {name: value for name, value in row.items() if not name.startswith("_")} == {
        "response_id": "tool:r1", "survey_id": "dx", "wave": "2026-Q1", "submitted_at": "2026-02-03T10:00:00Z", "team_id": "payments", "person_id": None,
        "question_id": "ease@1", "value_index": 0, "value": "4", "label": None, "scale_min": 1.0, "scale_max": 5.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "given", "value", "label", "scale"),
    [
        ("4", {"scales": {"q": "1-5"}}, "4", None, (1, 5)), ("0", {"scales": {"q": "0 to 10"}}, "0", None, (0, 10)), ("-2", {"scales": {"q": "-2 - 2"}}, "-2", None, (-2, 2)),
        ("Agree", {"scales": {"q": "1-5"}, "points": {"agree": "4"}}, "4", "Agree", (1, 5)), ("Agree", {"choices": ["q"]}, None, "Agree", (None, None)),
        ("5 - Very easy", {"scales": {"q": "1-5"}}, "5", "5 - Very easy", (1, 5)), ("5 - Very easy", {"choices": ["q"]}, None, "5 - Very easy", (None, None)),
        ("Not applicable", {"scales": {"q": "1-5"}}, None, "Not applicable", (1, 5)), ("3.5", {"choices": ["q"]}, "3.5", None, (None, None)),
    ],
)  # fmt: skip
def test_words_and_numbers(text, given, value, label, scale):
    (row,) = told(answer(text), **given)
    assert (row["value"], row["label"], (row["scale_min"], row["scale_max"])) == (value, label, scale)


def test_a_scale_in_the_heading_counts_for_numbers_only():
    number, words = told(answer("4", "How easy? (1-5)"), answer("as easy as it gets", "How easy? (1-5)"))
    assert (number["value"], number["scale_max"]) == ("4", 5)
    assert words["_left_out"] == MAYBE_TYPED


@pytest.mark.parametrize("text", ["0", "6", "6 - odd"])
def test_an_answer_outside_its_scale_is_left_out(text):
    assert [row["_left_out"] for row in told(answer(text), scales={"q": "1-5"})] == [OUTSIDE]


@pytest.mark.parametrize("text", ["five", "5-1", "1-1", "1-5-9"])
def test_a_scale_that_is_none_is_refused(text):
    with pytest.raises(SourceError, match=r"is no scale\. Write the lowest and the highest answer"):
        told(answer("4"), scales={"q": text})


def test_several_answers_by_their_separator():
    found = told(answer("a; b ;; c"), separators={"q": ";"})
    assert [(row["value_index"], row["label"]) for row in found] == [(0, "a"), (1, "b"), (2, "c")]
    assert [row["label"] for row in told(answer("a,b, c"), separators={"q": ", "})] == ["a", "b", "c"]
    bracketed = {
        "Documents (guides, videos), chat": ["Documents (guides, videos)", "chat"], "(a, b)": ["(a, b)"], "a (b (c, d), e), f": ["a (b (c, d), e)", "f"],
        # What never closes, or only closes, holds nothing together.
        "sad :(, b": ["sad :(", "b"], "1), 2)": ["1)", "2)"], "a (b, c), d (e, f": ["a (b", "c)", "d (e", "f"],
    }  # fmt: skip
    for text, parts in bracketed.items():
        assert [row["label"] for row in told(answer(text), separators={"q": ", "})] == parts


@pytest.mark.parametrize(("kind", "reason"), [(UNKNOWN, MAYBE_TYPED), (TEXT, TYPED), (PRIVATE, PERSONAL)])
def test_what_was_typed_is_withheld(kind, reason):
    (row,) = told(answer("we wait for days", kind=kind))
    assert (row["_left_out"], "we wait" in str({**row, "_document": None})) == (reason, False)


@pytest.mark.parametrize("kind", [UNKNOWN, TEXT])
def test_what_was_typed_is_kept_where_the_survey_asked(kind):
    (row,) = told(answer("we wait for days", kind=kind), keep_text=True)
    assert (row["text"], row.get("label"), row.get("value")) == ("we wait for days", None, None)


def test_what_is_personal_is_never_kept():
    assert [row["_left_out"] for row in told(answer("x", kind=PRIVATE), keep_text=True, choices=["q"])] == [PERSONAL]


def test_what_the_tool_calls_text_stays_text_beside_the_choices_of_its_question():
    (row,) = told(answer("something of my own", kind=TEXT), choices=["q"])
    assert row["_left_out"] == TYPED


def test_only_the_questions_of_the_settings_are_read():
    found = told(answer("a", "q1", kind=CHOICE), answer("b", "q2", kind=CHOICE), questions={"q1": "one@1"})
    assert [row.get("question_id") or row["_left_out"] for row in found] == ["one@1", NOT_ASKED]


def test_rows_of_a_grid_have_the_scale_of_the_grid():
    (row,) = told(answer("2", "Rate [Docs]", group="Rate"), scales={"Rate": "1-5"})
    assert (row["question_id"], row["value"], row["scale_max"]) == ("Rate [Docs]", "2", 5)


def test_questions_about_people_are_no_answers():
    given = {"team_question": "Your TEAM?", "person_question": "Who are you?"}
    (row,) = told(
        answer("payments", "t", "Your team?", kind=CHOICE),
        answer("Jane", "w", "Who are you?", kind=TEXT),
        answer("3", kind=CHOICE),
        **given,
    )
    assert (row["question_id"], row["team_id"], row["person_id"]) == ("q", "payments", pseudonym("jane"))


def test_nobody_is_followed_without_being_asked():
    (row,) = told(answer("3", kind=CHOICE), hidden={"Email": "x"})
    assert row["person_id"] is None


@pytest.mark.parametrize(
    ("wave", "at", "meant"),
    [("spring", "2026-02-03T10:00:00Z", "spring"), ("spring", None, "spring"), (None, None, None)],
)
def test_the_round_may_be_named(wave, at, meant):
    (row,) = told(answer("3", kind=CHOICE), wave=wave, at=at)
    assert row["wave"] == meant


def test_a_survey_without_a_name_is_refused():
    with pytest.raises(SourceError, match=r'x\.csv: does not say which survey it is. Add survey = "…"'):
        told(answer("3"), survey=None)


def test_what_was_not_finished_is_left_out():
    export = Export(SYSTEM, [FILE], {}, {})
    found = list(rows(Document({}, FILE, 1), export, Response("r", "s", None, [answer("3")], is_finished=False)))
    assert [row["_left_out"] for row in found] == [UNFINISHED]


def test_the_last_response_of_a_person_counts_whole():
    who = {"person_question": "who"}
    first = told(
        answer("1", "a", kind=CHOICE),
        answer("1", "b", kind=CHOICE),
        native="r1",
        number=1,
        hidden={"who": "Jane"},
        **who,
    )
    second = told(
        answer("2", "a", kind=CHOICE), native="r2", number=2, hidden={"who": "jane "}, at="2026-02-09T10:00:00Z", **who
    )
    other = told(answer("5", "a", kind=CHOICE), native="r3", number=3, hidden={"who": "Bob"}, **who)
    later_round = told(
        answer("4", "a", kind=CHOICE), native="r4", number=4, hidden={"who": "Jane"}, at="2026-05-09T10:00:00Z", **who
    )
    for order in ([*first, *second, *other, *later_round], [*later_round, *second, *first, *other]):
        found = last(order)
        assert sorted(row["value"] for row in found if is_row(row)) == ["2", "4", "5"]
        assert [row["_left_out"] for row in found if not is_row(row)] == [AGAIN, AGAIN]


def test_the_same_response_read_again_counts_once():
    found = last([*told(answer("1", kind=CHOICE), number=1), *told(answer("1", kind=CHOICE), number=1)])
    assert [is_row(row) for row in found].count(True) == 1


def test_answers_in_several_columns_are_one():
    found = merged(
        [
            answer("a", kind=CHOICE),
            answer("x", "other", kind=CHOICE),
            answer("b", kind=CHOICE),
            answer("typed", kind=TEXT),
        ]
    )
    assert [(one.keys[0], one.kind, [said.label for said in one.said]) for one in found] == [
        ("q", CHOICE, ["a", "b"]), ("other", CHOICE, ["x"]), ("q", TEXT, ["typed"]),
    ]  # fmt: skip


def test_an_id_that_was_made_depends_on_all_it_is_made_of():
    ids = {
        response_id("s", "w", ("a", "b")),
        response_id("s", "w", ("ab",)),
        response_id("s", "x", ("a", "b")),
        response_id("t", "w", ("a", "b")),
    }
    assert len(ids) == 4
    assert response_id("s", "w", ("a", "b")) == response_id("s", "w", ("a", "b"))


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("60", "60"), (" 60.50 ", "60.50"), ("60,5", "60.5"), ("€ 60", "60"), ("60 EUR", "60"), ("EUR 60 a month", "60"), ("-5", "-5"),
        ("1,200", None), ("1.200", None), ("60-80", None), ("50 or 60", None), ("my phone is 0151 23456789", None), ("nothing", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [TEXT, CHOICE, UNKNOWN])
def test_a_question_for_a_number_takes_numbers_only(typed, value, kind):
    """Whatever else was typed there is free text, and is not kept even where text is."""
    (row,) = told(answer(typed, "price", kind=kind), numbers=["Price"], keep_text=True)
    if value is None:
        assert row["_left_out"] == NO_NUMBER
    else:
        assert (row["value"], row.get("label"), row.get("text"), row.get("scale_min")) == (value, None, None, None)


def test_a_hidden_field_can_be_an_answer_and_any_other_is_none():
    given = {"questions": {"q": "ours@1"}, "fields": {"Price": "price-shown@1"}, "numbers": ["price-shown@1"]}
    found = told(answer("4", "q", kind=CHOICE), hidden={"price": "60", "person": "somebody"}, **given)
    assert [(row["question_id"], row["value"]) for row in found] == [("ours@1", "4"), ("price-shown@1", "60")]
    assert [row["question_id"] for row in told(answer("4", "q", kind=CHOICE), **given)] == ["ours@1"]


def test_text_of_one_question_is_kept_and_of_no_other():
    words = [answer("Too slow.", "comment", kind=TEXT), answer("Call me", "other", kind=TEXT)]
    kept, dropped = told(*words, keep_text_of=["Comment"])
    assert (kept["question_id"], kept["text"]) == ("comment", "Too slow.")
    assert dropped["_left_out"] == TYPED
