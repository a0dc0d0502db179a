"""SurveyMonkey: two header rows, options side by side, grids; and responses of the API with the survey beside them."""

from __future__ import annotations

import csv
import io

import pytest
from reading import at, columns, read

from idp_analytics.errors import SourceError
from idp_analytics.sources.recognise import recognised
from idp_analytics.sources.survey_answers import AGAIN, MAYBE_TYPED, TYPED, UNFINISHED
from idp_analytics.tables.pseudonyms import pseudonym

ABOUT = {
    "Respondent ID": "114", "Collector ID": "501", "Start Date": "02/03/2026 09:58:00 AM", "End Date": "02/03/2026 01:00:01 PM", "IP Address": "192.0.2.7",
    "Email Address": "jane at example", "First Name": "Jane", "Last Name": "Doe", "Custom Data 1": "payments", "Custom Data 2": "jd",
}  # fmt: skip
SATISFIED = ("How satisfied are you?", "Response", "4")
MANY = [
    ("What held you up?", "reviews", "reviews"),
    ("", "builds", ""),
    ("", "waiting", "waiting"),
    ("", "Other (please specify)", "my manager"),
]


def table(*responses):
    """A response is columns (heading, what stands below, value); the first gives the header."""
    text = io.StringIO()
    lines = [[heading for heading, _, _ in responses[0]], [below for _, below, _ in responses[0]]]
    csv.writer(text).writerows([*lines, *([value for *_, value in response] for response in responses)])
    return text.getvalue()


def response(*asked, **about):
    return [
        *(
            (name, "", value)
            for name, value in {**ABOUT, **{key.replace("_", " "): value for key, value in about.items()}}.items()
        ),
        *asked,
    ]


def told(tmp_path, *responses, zone="UTC", **options):
    return read("surveymonkey", tmp_path, {"responses.csv": table(*responses)}, zone, **{"survey": "dx", **options})


def test_a_response_with_all_it_says(tmp_path):
    given = {
        "team_field": "Custom Data 1",
        "person_question": "custom data 2",
        "questions": {"How satisfied are you?": "satisfaction@1"},
        "scales": {"satisfaction@1": "1-5"},
    }
    (row,) = told(tmp_path, response(SATISFIED), zone="Europe/Berlin", **given)["survey_responses"]
    wanted = {
        "response_id": "surveymonkey:114", "question_id": "satisfaction@1", "value_index": 0, "survey_id": "dx", "wave": "2026-Q1", "team_id": "payments",
        "person_id": pseudonym("jd"), "submitted_at": at(2026, 2, 3, 12, 0, 1), "value": 4.0, "label": None, "scale_min": 1.0, "scale_max": 5.0, "text": None,
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted


def test_what_stands_beside_the_answers_is_none(tmp_path):
    found = told(tmp_path, response(SATISFIED), keep_text=True)
    assert columns(found["survey_responses"], "question_id", "value", "text") == [("How satisfied are you?", 4.0, None)]
    assert not {"192.0.2.7", "jane at example", "Jane", "Doe"} & {
        str(value) for row in found["survey_responses"] for value in row.values()
    }


def test_options_side_by_side_are_one_question(tmp_path):
    found = told(tmp_path, response(*MANY, ("After it", "Response", "yes")))
    assert columns(found["survey_responses"], "question_id", "value_index", "label") == [
        ("What held you up?", 0, "reviews"), ("What held you up?", 1, "waiting"), ("After it", 0, "yes"),
    ]  # fmt: skip
    assert found.dropped == {TYPED: 1}


def test_words_on_a_scale_have_their_points(tmp_path):
    asked = ("How satisfied are you?", "Response", "Satisfied")
    found = told(tmp_path, response(asked), scales={"How satisfied are you?": "1-5"}, points={"satisfied": "4"})
    assert columns(found["survey_responses"], "value", "label", "scale_max") == [(4.0, "Satisfied", 5.0)]


@pytest.mark.parametrize(
    ("options", "rows", "dropped"),
    [
        ({}, [], {MAYBE_TYPED: 2}), ({"choices": ["Rate it"]}, [("Rate it [Docs]", None, "Agree"), ("Rate it [Builds]", None, "Disagree")], {}),
        ({"scales": {"Rate it": "1-5"}, "points": {"Agree": "4", "Disagree": "2"}}, [("Rate it [Docs]", 4.0, "Agree"), ("Rate it [Builds]", 2.0, "Disagree")], {}),
    ],
)  # fmt: skip
def test_a_grid_looks_like_boxes_to_type_in_until_it_is_named(tmp_path, options, rows, dropped):
    found = told(tmp_path, response(("Rate it", "Docs", "Agree"), ("", "Builds", "Disagree")), **options)
    assert (columns(found["survey_responses"], "question_id", "value", "label"), found.dropped) == (rows, dropped)


def test_typed_words_are_withheld_unless_leave_was_asked(tmp_path):
    asked = response(("What else?", "Open-Ended Response", "faster builds"))
    assert told(tmp_path, asked).dropped == {TYPED: 1}
    assert columns(told(tmp_path, asked, keep_text=True)["survey_responses"], "text", "label") == [
        ("faster builds", None)
    ]


def test_what_was_not_finished_is_left_out(tmp_path):
    found = told(tmp_path, response(SATISFIED, End_Date=""))
    assert (found["survey_responses"], found.dropped) == ([], {UNFINISHED: 1})


def test_dates_may_begin_with_the_day(tmp_path):
    (row,) = told(tmp_path, response(SATISFIED), dates="day first")["survey_responses"]
    assert row["submitted_at"] == at(2026, 3, 2, 13, 0, 1)


def test_a_zone_is_not_guessed(tmp_path):
    found = told(tmp_path, response(SATISFIED), zone=None)
    assert (found["survey_responses"], len(found.rejected)) == ([], 1)


def test_an_export_and_a_later_one_overlap(tmp_path):
    files = {
        "a.csv": table(response(SATISFIED)),
        "b.csv": table(response(SATISFIED), response(SATISFIED, Respondent_ID="115")),
    }
    found = read("surveymonkey", tmp_path, files, "UTC", survey="dx")
    assert (len(found["survey_responses"]), found.dropped) == (2, {AGAIN: 1})


def test_older_names_of_columns(tmp_path):
    text = (
        table(response(SATISFIED))
        .replace("Respondent ID", "RespondentID")
        .replace("Collector ID", "CollectorID")
        .replace("End Date", "EndDate")
    )
    assert len(read("surveymonkey", tmp_path, {"x.csv": text}, "UTC", survey="dx")["survey_responses"]) == 1


def test_rows_that_are_cut_are_counted(tmp_path):
    found = read("surveymonkey", tmp_path, {"x.csv": table(response(SATISFIED)) + "1,2\n"}, "UTC", survey="dx")
    assert (len(found["survey_responses"]), found.dropped) == (1, {"is no document that can be read": 1})


def test_a_survey_nobody_has_answered(tmp_path):
    text = "".join(table(response(SATISFIED)).splitlines(keepends=True)[:2])
    found = read("surveymonkey", tmp_path, {"x.csv": text}, "UTC", survey="dx")
    assert found["survey_responses"] == []
    assert "the file holds no documents" in found.warnings


def test_one_header_row_is_refused(tmp_path):
    text = "Respondent ID,Collector ID,How satisfied are you?\n114,501,4\n"
    with pytest.raises(SourceError, match=r"x\.csv: holds nothing that SurveyMonkey exports .*'Respondent ID'"):
        read("surveymonkey", tmp_path, {"x.csv": text}, survey="dx")


# --- the API ----------------------------------------------------------------------------------------------------------

DETAILS = {
    "id": "S1", "title": "Developer experience", "question_count": 4,
    "pages": [{"id": "p", "questions": [
        {"id": "q1", "family": "single_choice", "headings": [{"heading": "How satisfied?"}], "answers": {"choices": [{"id": "c1", "text": "Satisfied"}, {"id": "c2", "text": "Unhappy"}]}},
        {"id": "q2", "family": "matrix", "headings": [{"heading": "Rate it"}], "answers": {"rows": [{"id": "r1", "text": "Docs"}], "choices": [{"id": "c5", "text": "Good", "weight": 4}]}},
    ]}],
}  # fmt: skip


def bulk(*questions, native="9001", **more):
    return {
        "id": native, "survey_id": "S1", "collector_id": "501", "response_status": "completed", "date_created": "2026-02-03T09:58:00+00:00",
        "date_modified": "2026-02-03T10:00:01+00:00", "ip_address": "192.0.2.7", "email_address": "jane at example", "custom_variables": {"team": "payments"},
        "pages": [{"id": "p", "questions": list(questions)}], **more,
    }  # fmt: skip


def question(native, *answers):
    return {"id": native, "variable_name": f"v-{native}", "answers": list(answers)}


def envelope(*responses, more=False):
    links = {"self": "https://api.example.invalid/1", **({"next": "https://api.example.invalid/2"} if more else {})}
    return {
        "data": list(responses),
        "per_page": 100,
        "page": 1,
        "total": len(responses) + (7 if more else 0),
        "links": links,
    }


def api(tmp_path, *responses, details=True, more=False, **options):
    return read(
        "surveymonkey",
        tmp_path,
        {"responses.json": envelope(*responses, more=more), **({"survey.json": DETAILS} if details else {})},
        **options,
    )


def test_a_response_of_the_api(tmp_path):
    asked = [question("q1", {"choice_id": "c1"}), question("q2", {"choice_id": "c5", "row_id": "r1"})]
    found = api(tmp_path, bulk(*asked), team_field="team", scales={"Rate it": "1-5"})
    assert columns(found["survey_responses"], "response_id", "survey_id", "team_id", "question_id", "value", "label", "scale_max", "submitted_at") == [
        ("surveymonkey:9001", "S1", "payments", "q1", None, "Satisfied", None, at(2026, 2, 3, 10, 0, 1)),
        ("surveymonkey:9001", "S1", "payments", "q2 [Docs]", 4.0, "Good", 5.0, at(2026, 2, 3, 10, 0, 1)),
    ]  # fmt: skip
    assert not [word for word in ("192.0.2.7", "jane at") if word in str(found.rows)]


@pytest.mark.parametrize(
    ("key", "asked"), [("q1", "q1"), ("v-q1", "q1"), ("How satisfied?", "q1"), ("Rate it [Docs]", "q2")]
)
def test_questions_are_named_by_id_variable_or_heading(tmp_path, key, asked):
    given = [question("q1", {"choice_id": "c1"}), question("q2", {"choice_id": "c5", "row_id": "r1"})]
    (row,) = api(tmp_path, bulk(*given), questions={key: "ours@1"})["survey_responses"]
    assert (row["question_id"], row["label"]) == ("ours@1", {"q1": "Satisfied", "q2": "Good"}[asked])


def test_several_choices_and_an_own_one(tmp_path):
    found = api(
        tmp_path,
        bulk(question("q1", {"choice_id": "c1"}, {"choice_id": "c2"}, {"other_id": "o", "text": "my manager"})),
    )
    assert (columns(found["survey_responses"], "value_index", "label"), found.dropped) == (
        [(0, "Satisfied"), (1, "Unhappy")],
        {TYPED: 1},
    )


def test_without_the_survey_its_ids_and_simple_texts_stand(tmp_path):
    given = [
        question("q1", {"choice_id": "c1"}),
        question("q8", {"choice_id": "c9", "simple_text": "Often"}),
        question("q9", {"choice_id": "c3", "choice_metadata": {"weight": "3"}}),
    ]
    found = api(tmp_path, bulk(*given), details=False)
    assert columns(found["survey_responses"], "question_id", "value", "label") == [
        ("q1", None, "c1"),
        ("q8", None, "Often"),
        ("q9", 3.0, None),
    ]


@pytest.mark.parametrize("status", ["partial", "overquota", "disqualified"])
def test_a_response_that_is_not_complete(tmp_path, status):
    found = api(tmp_path, bulk(question("q1", {"choice_id": "c1"}), response_status=status))
    assert (found["survey_responses"], found.dropped) == ([], {UNFINISHED: 1})


def test_a_response_without_the_optional_fields(tmp_path):
    one = {
        "id": "9",
        "survey_id": "S1",
        "collector_id": "5",
        "date_created": "2026-02-03T10:00:00Z",
        "pages": [{"questions": [question("q1", {"choice_id": "c1"})]}, {}],
    }
    assert columns(api(tmp_path, one)["survey_responses"], "submitted_at", "team_id", "label") == [
        (at(2026, 2, 3, 10), None, "Satisfied")
    ]


def test_a_page_that_is_not_all(tmp_path):
    found = api(tmp_path, bulk(question("q1", {"choice_id": "c1"})), more=True)
    assert (len(found["survey_responses"]), found.truncated) == (1, {"survey_responses"})


@pytest.mark.parametrize("empty", [[], envelope()])
def test_an_empty_export(tmp_path, empty):
    found = read("surveymonkey", tmp_path, {"responses.json": empty})
    assert (found["survey_responses"], found.truncated) == ([], set())


def test_a_wrong_file_is_named(tmp_path):
    with pytest.raises(
        SourceError, match=r"x\.json: holds nothing that SurveyMonkey exports .*of Argo CD: use kind = 'argocd'"
    ):
        read(
            "surveymonkey",
            tmp_path,
            {"x.json": {"kind": "Application", "apiVersion": "argoproj.io/v1alpha1", "metadata": {}}},
        )


def test_its_files_are_recognised(tmp_path):
    path = tmp_path / "responses.csv"
    path.write_text(table(response(SATISFIED)))
    assert recognised(path)[0][0].kind == "surveymonkey"


def test_the_constructed_export(cases):
    path = cases / "sources" / "surveymonkey" / "constructed_condensed.csv"
    found = read("surveymonkey", path.parent, [path], "UTC", survey="dx", team_field="Custom Data 1")
    assert columns(found["survey_responses"], "response_id", "team_id", "question_id", "label", "submitted_at") == [
        ("surveymonkey:114720000001", "team-a", "How satisfied are you with the platform?", "Satisfied", at(2026, 1, 15, 10, 5, 12)),
        ("surveymonkey:114720000001", "team-a", "Which golden paths do you use?", "Backend service", at(2026, 1, 15, 10, 5, 12)),
    ]  # fmt: skip
    # The second respondent never came to the end.
    assert found.dropped == {TYPED: 1, UNFINISHED: 1}
