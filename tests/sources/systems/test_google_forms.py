"""Google Forms: times with and without offset, several answers in one cell, grids, and people who answer twice."""

from __future__ import annotations

import csv
import io
import re

import pytest
from reading import at, columns, read

from idp_analytics.errors import SourceError
from idp_analytics.sources.export import open_file
from idp_analytics.sources.recognise import recognised
from idp_analytics.sources.survey_answers import AGAIN, MAYBE_TYPED
from idp_analytics.sources.systems import system
from idp_analytics.tables.pseudonyms import pseudonym

HEADER = [
    "Timestamp",
    "Username",
    "Your team?",
    "How easy is it? (1-5)",
    "What held you up?",
    "Rate it [Docs]",
    "Rate it [Builds]",
    "Anything else?",
]
JANE = [
    "2026/03/02 9:05:12 AM GMT+1",
    "jane",
    "payments",
    "4",
    "reviews;builds",
    "Agree",
    "Disagree",
    "too much waiting",
]
GIVEN = {"survey": "dx", "team_question": "Your team?", "separators": {"What held you up?": ";"}}


def table(*rows, header=HEADER):
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return text.getvalue()


def answers(tmp_path, *rows, header=HEADER, zone=None, **options):
    return read("google_forms", tmp_path, {"responses.csv": table(*rows, header=header)}, zone, **{**GIVEN, **options})


def test_a_response_with_all_it_says(tmp_path):
    found = answers(
        tmp_path,
        JANE,
        person_question="Username",
        questions={"How easy is it? (1-5)": "ease@1", "What held you up?": "blockers@1"},
    )
    first, second, third = found["survey_responses"]
    wanted = {
        "question_id": "ease@1", "value_index": 0, "survey_id": "dx", "wave": "2026-Q1", "team_id": "payments", "person_id": pseudonym("jane"),
        "submitted_at": at(2026, 3, 2, 8, 5, 12), "value": 4.0, "label": None, "scale_min": 1.0, "scale_max": 5.0, "text": None,
    }  # fmt: skip
    assert {name: first[name] for name in wanted} == wanted
    assert columns([second, third], "question_id", "value_index", "label", "value") == [
        ("blockers@1", 0, "reviews", None),
        ("blockers@1", 1, "builds", None),
    ]
    assert {first["response_id"], second["response_id"], third["response_id"]} == {first["response_id"]}
    assert first["response_id"].startswith("google_forms:")
    assert "jane" not in first["response_id"]


def test_rows_of_a_grid_are_questions_and_typed_words_are_withheld(tmp_path):
    found = answers(tmp_path, JANE)
    assert columns(found["survey_responses"], "question_id", "label")[-2:] == [
        ("Rate it [Docs]", "Agree"),
        ("Rate it [Builds]", "Disagree"),
    ]
    assert found.dropped == {MAYBE_TYPED: 1}
    assert "waiting" not in str(found)


def test_brackets_alone_make_no_grid(tmp_path):
    header = ["Timestamp", "Any comment for us [optional]", "Rate it [Docs]", "Rate it [Builds]"]
    row = [
        "2026/03/02 9:05:12 AM GMT+1",
        "my manager never listens",
        "Agree",
        "a sentence that is far too long for a point of a scale",
    ]
    found = answers(tmp_path, row, header=header)
    assert columns(found["survey_responses"], "question_id", "label") == [("Rate it [Docs]", "Agree")]
    assert found.dropped == {MAYBE_TYPED: 2}


def test_who_answers_again_counts_once(tmp_path):
    again = ["2026/03/03 8:00:00 AM GMT+1", "JANE", "payments", "5", "", "", "", ""]
    for rows in ([JANE, again], [again, JANE]):
        found = answers(tmp_path, *rows)
        # What the last response leaves open is not filled from the one before.
        assert columns(found["survey_responses"], "value", "label") == [(5.0, None)]
        assert found.dropped == {AGAIN: 5, MAYBE_TYPED: 1}


def test_without_addresses_two_people_may_answer_alike(tmp_path):
    header = ["Timestamp", "How easy is it? (1-5)"]
    same = ["2026/03/02 9:05:12 AM GMT+1", "4"]
    found = answers(tmp_path, same, same, ["2026/03/02 9:05:12 AM GMT+1", "5"], header=header)["survey_responses"]
    assert sorted(row["value"] for row in found) == [4.0, 4.0, 5.0]
    assert len({row["response_id"] for row in found}) == 3


def test_an_export_and_a_later_one_overlap(tmp_path):
    header = ["Timestamp", "How easy is it? (1-5)"]
    one, two = ["2026/03/02 9:05:12 AM GMT+1", "4"], ["2026/03/04 9:05:12 AM GMT+1", "2"]
    files = {"a.csv": table(one, one, header=header), "b.csv": table(one, one, two, header=header)}
    found = read("google_forms", tmp_path, files, **GIVEN)
    assert sorted(row["value"] for row in found["survey_responses"]) == [2.0, 4.0, 4.0]
    assert found.dropped == {AGAIN: 2}


@pytest.mark.parametrize(
    ("written", "dates", "zone", "meant"),
    [
        ("3/2/2026 9:05:12", "month first", "Europe/Berlin", at(2026, 3, 2, 8, 5, 12)), ("3/2/2026 9:05:12", "day first", "UTC", at(2026, 2, 3, 9, 5, 12)),
        ("02.03.2026 09:05:12", None, "UTC", at(2026, 3, 2, 9, 5, 12)), ("2026-03-02 9:05:12", None, "UTC", at(2026, 3, 2, 9, 5, 12)),
    ],
)  # fmt: skip
def test_a_sheets_times_need_its_zone_and_order(tmp_path, written, dates, zone, meant):
    found = answers(tmp_path, [written, *JANE[1:]], zone=zone, **({"dates": dates} if dates else {}))
    assert {row["submitted_at"] for row in found["survey_responses"]} == {meant}


@pytest.mark.parametrize(
    ("written", "reason"),
    [("3/2/2026 9:05:12", "is not a time"), ("2026-03-02 9:05:12", "no zone|without a zone|time zone")],
)
def test_a_sheets_times_are_not_guessed(tmp_path, written, reason):
    found = answers(tmp_path, [written, *JANE[1:]], wave="spring")
    assert found["survey_responses"] == []
    assert len(found.rejected) == 5
    assert re.search(reason, found.rejected[0]["reason"])


def test_a_german_sheet(tmp_path):
    found = answers(
        tmp_path, ["02.03.2026 09:05:12", "4"], header=["Zeitstempel", "Wie leicht ist es? (1-5)"], zone="UTC"
    )
    assert columns(found["survey_responses"], "question_id", "value") == [("Wie leicht ist es? (1-5)", 4.0)]


def test_typed_words_where_leave_was_asked(tmp_path):
    found = answers(tmp_path, JANE, keep_text=True)
    assert [row["text"] for row in found["survey_responses"] if row["text"]] == ["too much waiting"]


def test_a_form_nobody_has_answered(tmp_path):
    found = answers(tmp_path)
    assert (found["survey_responses"], found.rejected) == ([], [])
    assert "the file has a header and no rows" in found.warnings


@pytest.mark.parametrize("content", ["[]", '{"responses": []}'])
def test_an_empty_document(tmp_path, content):
    assert read("google_forms", tmp_path, {"x.json": content}, **GIVEN)["survey_responses"] == []


def test_a_survey_must_be_named(tmp_path):
    with pytest.raises(SourceError, match=r"responses\.csv: does not say which survey it is"):
        read("google_forms", tmp_path, {"responses.csv": table(JANE)})


@pytest.mark.parametrize(
    "text",
    [
        "Timestamp,Level,Message text\n2026-03-02T09:05:12.123Z,INFO,a b\n",
        "Date,Namespace\n2026/03/02 9:05:12 AM GMT+1,x\n",
    ],
)
def test_another_table_is_refused(tmp_path, text):
    with pytest.raises(SourceError, match=r"x\.csv: holds nothing that Google Forms exports \(a response to a form\)"):
        read("google_forms", tmp_path, {"x.csv": text}, **GIVEN)


def test_a_wrong_file_is_named(tmp_path):
    with pytest.raises(SourceError, match="of Argo CD: use kind = 'argocd'"):
        read(
            "google_forms",
            tmp_path,
            {"x.json": '{"kind": "Application", "apiVersion": "argoproj.io/v1alpha1", "metadata": {}}'},
            **GIVEN,
        )


def test_its_files_are_recognised(tmp_path):
    path = tmp_path / "responses.csv"
    path.write_text(table(JANE))
    assert recognised(path)[0][0].kind == "google_forms"
    assert len(open_file(system("google_forms"), path, "responses.csv").found) == 1


def test_the_constructed_export(cases):
    path = cases / "sources" / "google_forms" / "constructed_forms_export.csv"
    many = "Which golden paths did you use this quarter?"
    found = read(
        "google_forms", path.parent, [path], survey="dx", team_question="What is your team?", separators={many: ";"}
    )
    last = [row for row in found["survey_responses"] if row["submitted_at"] == at(2026, 3, 3, 7, 0, 1)]
    assert columns(last, "team_id", "question_id", "value", "label") == [
        ("payments", "How easy is it to deploy with the platform? (1-5)", 5.0, None), ("payments", many, None, "New backend service"),
        ("payments", "Rate the platform [Docs]", None, "Strongly agree"), ("payments", "Rate the platform [CI speed]", None, "Agree"),
    ]  # fmt: skip
    # The first response of the person who answered twice is gone; the other one's stays.
    assert {row["submitted_at"] for row in found["survey_responses"]} == {
        at(2026, 3, 3, 7, 0, 1),
        at(2026, 3, 2, 12, 15),
    }
    assert found.dropped == {AGAIN: 5, MAYBE_TYPED: 1}
    assert "@" not in str(found.rows)


def test_the_reference_survey_of_platform_teams_with_its_messy_answers(cases):
    """22 teams, 35 questions, several answers with commas of their own in a cell: what is counted is what was published of it."""
    path = cases / "maturity" / "cncf-tag-app-delivery" / "paap-survey-export_2025-02-08.csv"
    if not path.is_file():
        pytest.skip(f"no such case: {path}")
    with path.open(encoding="utf-8", newline="") as file:
        headings = next(csv.reader(file))
    name_of_team, several = headings[5], [headings[i] for i in (7, 9, 10, 11, 12, 13, 14, 17, 22, 23, 24, 27, 29, 30)]
    found = read(
        "google_forms", path.parent, [path], "UTC", survey="paap", dates="month first", questions={h: f"q{i}@1" for i, h in enumerate(headings) if i},
        choices=[h for h in headings[1:] if h not in (*several, name_of_team)], separators=dict.fromkeys(several, ", "),
    )  # fmt: skip
    assert (found.rejected, found.warnings, found.dropped) == ([], [], {MAYBE_TYPED: 22})  # the names of teams
    assert len({row["response_id"] for row in found["survey_responses"]}) == 22

    def who(question, *beginnings):
        said = (row for row in found["survey_responses"] if row["question_id"] == f"q{question}@1" and row["label"])
        return len({row["response_id"] for row in said if row["label"].startswith(beginnings)})

    assert [who(4, "Yes"), who(34, "Annual"), who(9, "Product M", "Product O"), who(20, "Yes"), who(25, "Yes"), who(31, "Yes")] == [20, 17, 12, 15, 14, 12]  # fmt: skip
    assert [who(30, "No consistent"), who(21, "We don't")] == [8, 14]
    assert [who(12, way) for way in ("Web", "API", "CLI", "Ticket", "Chat")] == [14, 11, 10, 8, 10]
    assert [who(35, "A necessary"), who(35, "Net value")] == [14, 7]
    # A comma inside brackets belongs to the answer.
    assert {row["label"][-5:] for row in found["survey_responses"] if row["question_id"] == "q14@1" and row["label"].startswith("Documentation")} == {" etc)"}  # fmt: skip
