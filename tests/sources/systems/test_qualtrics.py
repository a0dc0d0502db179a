"""Qualtrics: three header rows or two, what is no answer, codes and words, and columns of one question."""

from __future__ import annotations

import csv
import io
import json

import pytest
from reading import at, columns, read

from idp_analytics.errors import SourceError
from idp_analytics.sources.recognise import recognised
from idp_analytics.sources.survey_answers import AGAIN, MAYBE_TYPED, TYPED, UNFINISHED
from idp_analytics.tables.pseudonyms import pseudonym

ABOUT = {
    "StartDate": "2026-02-03 09:58:00", "EndDate": "2026-02-03 10:00:00", "Status": "0", "IPAddress": "192.0.2.7", "Progress": "100", "Finished": "1",
    "RecordedDate": "2026-02-03 10:00:01", "ResponseId": "R_1", "RecipientEmail": "jane at example", "ExternalReference": "Jane", "LocationLatitude": "52.1", "UserLanguage": "EN",
}  # fmt: skip
EASE = ("Q1", "How easy?", "QID1", "4")


def table(*responses, zone=None, header=3, delimiter=","):
    """A response is columns (name, heading, import id, value); the first gives the header."""
    imported = [
        {"ImportId": told, **({"timeZone": zone} if zone and "Date" in name else {})}
        for name, _, told, _ in responses[0]
    ]
    lines = [
        [name for name, *_ in responses[0]],
        [heading for _, heading, *_ in responses[0]],
        [json.dumps(told) for told in imported],
    ][:header]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(
        [*lines, *([value for *_, value in response] for response in responses)]
    )
    return text.getvalue()


def response(*asked, **about):
    given = {**ABOUT, **about}
    return [
        *((name, name, name[0].lower() + name[1:], value) for name, value in given.items()),
        *asked,
        ("team", "team", "team", "payments"),
    ]


def told(tmp_path, *responses, zone="UTC", header=3, says=None, **options):
    return read(
        "qualtrics",
        tmp_path,
        {"responses.csv": table(*responses, zone=says, header=header)},
        zone,
        **{"survey": "dx", **options},
    )


def test_a_response_with_all_it_says(tmp_path):
    found = told(
        tmp_path,
        response(EASE),
        zone="Europe/Berlin",
        team_field="team",
        person_question="ExternalReference",
        questions={"Q1": "ease@1"},
        scales={"ease@1": "1-5"},
    )
    (row,) = found["survey_responses"]
    wanted = {
        "response_id": "qualtrics:R_1", "question_id": "ease@1", "value_index": 0, "survey_id": "dx", "wave": "2026-Q1", "team_id": "payments",
        "person_id": pseudonym("jane"), "submitted_at": at(2026, 2, 3, 9, 0, 1), "value": 4.0, "label": None, "scale_min": 1.0, "scale_max": 5.0, "text": None,
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted


def test_what_stands_beside_the_answers_is_none(tmp_path):
    found = told(tmp_path, response(EASE), keep_text=True)
    assert columns(found["survey_responses"], "question_id", "value") == [("Q1", 4.0)]
    assert not {"192.0.2.7", "jane at example", "52.1", "Jane"} & {
        str(value) for row in found["survey_responses"] for value in row.values()
    }


@pytest.mark.parametrize("key", ["Q1", "QID1", "how  easy?"])
def test_questions_are_named_by_column_import_id_or_text(tmp_path, key):
    found = told(tmp_path, response(EASE, ("Q2", "Other?", "QID2", "1")), questions={key: "ease@1"})
    assert columns(found["survey_responses"], "question_id") == [("ease@1",)]


@pytest.mark.parametrize(
    ("asked", "row"),
    [
        (("Q1", "How easy?", "QID1", "2"), ("Q1", 2.0, None)), (("Q1", "How easy?", "QID1", "Very easy"), ("Q1", None, "Very easy")),
        (("Q1_1", "Rate - Docs", "QID1_1", "3"), ("Q1_1", 3.0, None)), (("Q1_1", "Rate - Docs", "QID1_1", "Agree"), ("Q1_1", None, "Agree")),
        (("2_Q1", "How easy?", "2_QID1", "2"), ("2_Q1", 2.0, None)),
    ],
)  # fmt: skip
def test_codes_and_words(tmp_path, asked, row):
    assert columns(told(tmp_path, response(asked))["survey_responses"], "question_id", "value", "label") == [row]


@pytest.mark.parametrize("mark", [" - ", " - Selected Choice - "])
def test_options_in_columns_of_their_own_are_one_question(tmp_path, mark):
    asked = [
        (f"Q3_{i}", f"What held you up?{mark}{word}", f"QID3_{i}", word if i != 2 else "")
        for i, word in enumerate(("reviews", "builds", "waiting"), 1)
    ]
    for questions in ({"Q3": "blockers@1"}, {"QID3": "blockers@1"}, {"What held you up?": "blockers@1"}):
        found = told(tmp_path, response(*asked), questions=questions)
        assert columns(found["survey_responses"], "question_id", "value_index", "label") == [
            ("blockers@1", 0, "reviews"),
            ("blockers@1", 1, "waiting"),
        ]


def test_options_in_one_column(tmp_path):
    found = told(tmp_path, response(("Q3", "What?", "QID3", "reviews,waiting")), separators={"Q3": ","})
    assert columns(found["survey_responses"], "value_index", "label") == [(0, "reviews"), (1, "waiting")]


@pytest.mark.parametrize(
    ("asked", "dropped"),
    [
        (("Q2", "Why?", "QID2_TEXT", "we wait for days"), {TYPED: 1}), (("Q2_3_TEXT", "What? - Other - Text", "QID2_3_TEXT", "we wait"), {TYPED: 1}),
        (("Q2 - Topics", "Q2 - Topics", "QID2_TEXT_a1b2Topics", "waiting"), {}), (("Q2_DO", "Order", "QID2_DO", "1|2"), {}), (("Q2_First Click", "t", "QID2_FIRST_CLICK", "1.2"), {}),
        (("Q2_Name", "File", "QID2_FILE_NAME", "cv.pdf"), {}), (("cost centre", "cost centre", "cost centre", "4711"), {}), (("SC0", "Score", "SC_1", "3"), {}),
    ],
)  # fmt: skip
def test_what_is_no_chosen_answer(tmp_path, asked, dropped):
    found = told(tmp_path, response(EASE, asked))
    assert (columns(found["survey_responses"], "question_id"), found.dropped) == ([("Q1",)], dropped)


@pytest.mark.parametrize("status", ["0", "IP Address", "ip address", "16", ""])
def test_answers_of_respondents(tmp_path, status):
    assert len(told(tmp_path, response(EASE, Status=status))["survey_responses"]) == 1


@pytest.mark.parametrize("status", ["1", "2", "4", "8", "Survey Preview", "Spam"])
def test_previews_and_tests_are_left_out(tmp_path, status):
    found = told(tmp_path, response(EASE, Status=status))
    assert (found["survey_responses"], found.dropped) == ([], {f"is no respondent's answer (status {status})": 1})


@pytest.mark.parametrize(("finished", "rows"), [("1", 1), ("True", 1), ("TRUE", 1), ("0", 0), ("False", 0)])
def test_what_was_not_finished_is_left_out(tmp_path, finished, rows):
    found = told(tmp_path, response(EASE, Finished=finished, Progress="40"))
    assert (len(found["survey_responses"]), found.dropped) == (rows, {} if rows else {UNFINISHED: 1})


@pytest.mark.parametrize(("says", "hour"), [("America/Denver", 17), ("Z", 10), (None, 9), ("Nowhere/Here", 9)])
def test_the_third_row_may_say_the_zone(tmp_path, says, hour):
    (row,) = told(tmp_path, response(EASE), zone="Europe/Berlin", says=says)["survey_responses"]
    assert row["submitted_at"] == at(2026, 2, 3, hour, 0, 1)


def test_a_zone_is_not_guessed(tmp_path):
    found = told(tmp_path, response(EASE), zone=None)
    assert (found["survey_responses"], len(found.rejected)) == ([], 1)


def test_an_old_export_has_two_header_rows_and_a_mark(tmp_path):
    old = [
        ("ResponseID", "ResponseID", "", "R_9"), ("ResponseSet", "ResponseSet", "", "Default"), ("Name", "Name", "", "Jane"), ("EmailAddress", "EmailAddress", "", "jane at example"),
        ("IPAddress", "IPAddress", "", "192.0.2.7"), ("Status", "Status", "", "0"), ("EndDate", "EndDate", "", "2015-03-02 10:00:00"), ("Finished", "Finished", "", "1"),
        ("Q1", "How easy?", "", "4"), ("Q2_TEXT", "Why?", "", "we wait"), ("Q3", "And?", "", "words"), ("Q3_1", "What?-reviews", "", "reviews"), ("LocationLatitude", "x", "", "52.1"),
    ]  # fmt: skip
    text = "\ufeff" + table(old, header=2)
    found = read("qualtrics", tmp_path, {"old.csv": text}, "UTC", survey="dx", scales={"Q1": "1-5"})
    assert columns(found["survey_responses"], "response_id", "question_id", "value", "label", "submitted_at") == [
        ("qualtrics:R_9", "Q1", 4.0, None, at(2015, 3, 2, 10)), ("qualtrics:R_9", "Q3", None, "reviews", at(2015, 3, 2, 10)),
    ]  # fmt: skip
    assert found.dropped == {TYPED: 1, MAYBE_TYPED: 1}


def test_tabs_and_two_bytes_a_letter(tmp_path):
    path = tmp_path / "responses.tsv"
    path.write_bytes(table(response(EASE), delimiter="\t").encode("utf-16"))
    assert columns(
        read("qualtrics", tmp_path, [path], "UTC", survey="dx")["survey_responses"], "question_id", "value"
    ) == [("Q1", 4.0)]


def test_who_answers_again_counts_once(tmp_path):
    later = response(("Q1", "How easy?", "QID1", "2"), ResponseId="R_2", RecordedDate="2026-02-05 10:00:00")
    found = told(tmp_path, later, response(EASE), person_question="ExternalReference")
    assert (columns(found["survey_responses"], "response_id", "value"), found.dropped) == (
        [("qualtrics:R_2", 2.0)],
        {AGAIN: 1},
    )


def test_rows_that_are_cut_are_counted(tmp_path):
    text = table(response(EASE)) + "a,b,c\n"
    found = read("qualtrics", tmp_path, {"responses.csv": text}, "UTC", survey="dx")
    assert (len(found["survey_responses"]), found.dropped) == (1, {"is no document that can be read": 1})


def test_a_quotation_mark_that_is_never_closed(tmp_path):
    with pytest.raises(SourceError, match=r"responses\.csv: a quotation mark .* is never closed"):
        read("qualtrics", tmp_path, {"responses.csv": table(response(EASE)) + '"open,'}, "UTC", survey="dx")


def test_a_survey_nobody_has_answered(tmp_path):
    text = "".join(table(response(EASE)).splitlines(keepends=True)[:3])
    found = read("qualtrics", tmp_path, {"responses.csv": text}, "UTC", survey="dx")
    assert (found["survey_responses"], found.rejected) == ([], [])
    assert "the file holds no documents" in found.warnings


def test_an_empty_document(tmp_path):
    assert read("qualtrics", tmp_path, {"x.json": "[]"}, survey="dx")["survey_responses"] == []


@pytest.mark.parametrize(
    ("name", "text"), [("x.csv", "Date,Namespace\n2026-01-01,a\n"), ("x.json", '[{"colour": "green"}]')]
)
def test_another_file_is_refused(tmp_path, name, text):
    with pytest.raises(SourceError, match=r"holds nothing that Qualtrics exports \(a response to a survey\)"):
        read("qualtrics", tmp_path, {name: text}, survey="dx")


def test_its_files_are_recognised(tmp_path):
    path = tmp_path / "responses.csv"
    path.write_text(table(response(EASE)))
    assert recognised(path)[0][0].kind == "qualtrics"


def test_the_real_export(cases):
    path = cases / "sources" / "qualtrics" / "sample.csv"
    found = read("qualtrics", path.parent, [path], "UTC", survey="dx")
    assert columns(found["survey_responses"], "response_id", "question_id", "value", "label", "submitted_at") == [
        ("qualtrics:R_2YPOQ602ER1jkf1", "Q1", 2.0, None, at(2017, 7, 18, 8, 28, 48))
    ]  # fmt: skip
    assert found.dropped == {TYPED: 1}
    kept = read("qualtrics", path.parent, [path], "UTC", survey="dx", keep_text=True)
    assert columns(kept["survey_responses"], "question_id", "text") == [("Q1", None), ("Q2", "Hello World!")]
    assert not [word for word in ("130.92", "47.11", "7.23") if word in str(kept.rows)]
