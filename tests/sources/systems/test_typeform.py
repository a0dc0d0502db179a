"""Typeform: responses of the API and of webhooks, the kinds of answers, and the form that knows headings and scales."""

from __future__ import annotations

import pytest
from reading import at, columns, read

from idp_analytics.errors import SourceError
from idp_analytics.sources.survey_answers import AGAIN, NOT_ASKED, PERSONAL, TYPED, UNFINISHED
from idp_analytics.tables.pseudonyms import pseudonym


def field(name, kind="multiple_choice", title=None, **properties):
    return {
        "id": name,
        "ref": f"ref-{name}",
        "type": kind,
        "title": title or f"Question {name}",
        "properties": properties,
    }


def answer(name, kind, said, type_="multiple_choice"):
    return {"type": kind, kind: said, "field": {"id": name, "ref": f"ref-{name}", "type": type_}}


def response(*answers, token="t1", submitted="2026-02-03T10:00:00Z", **more):
    return {
        "landing_id": token, "token": token, "response_id": token, "landed_at": "2026-02-03T09:58:00Z", "submitted_at": submitted,
        "metadata": {"user_agent": "secret-agent", "network_id": "secret-network"}, "hidden": {"team": "payments", "who": "Jane"}, "calculated": {"score": 0},
        "answers": list(answers), **more,
    }  # fmt: skip


def form(*fields, native="F1"):
    return {
        "id": native,
        "type": "quiz",
        "title": "Developer experience",
        "workspace": {"href": "x"},
        "fields": list(fields),
    }


def page(*items, total=None):
    return {"total_items": len(items) if total is None else total, "page_count": 1, "items": list(items)}


def told(tmp_path, *items, fields=(), **options):
    files = {"responses.json": page(*items), **({"form.json": form(*fields)} if fields else {})}
    return read("typeform", tmp_path, files, **{"survey": "dx", **options})


EASE = answer("ease", "number", 4, "opinion_scale")


def test_a_response_with_all_it_says(tmp_path):
    fields = [field("ease", "opinion_scale", "How easy?", steps=5, start_at_one=True)]
    found = told(
        tmp_path,
        response(EASE),
        fields=fields,
        team_field="team",
        person_question="who",
        questions={"How easy?": "ease@1"},
    )
    (row,) = found["survey_responses"]
    wanted = {
        "response_id": "typeform:t1", "question_id": "ease@1", "value_index": 0, "survey_id": "dx", "wave": "2026-Q1", "team_id": "payments",
        "person_id": pseudonym("jane"), "submitted_at": at(2026, 2, 3, 10), "value": 4.0, "label": None, "scale_min": 1.0, "scale_max": 5.0, "text": None,
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    assert "secret" not in str(found)


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        (answer("q", "choice", {"id": "c", "label": "Daily"}), [(0, None, "Daily", None, None)]),
        (answer("q", "choices", {"ids": ["a", "b"], "labels": ["A", "B"], "other": "typed"}), [(0, None, "A", None, None), (1, None, "B", None, None)]),
        (answer("q", "boolean", True, "yes_no"), [(0, 1.0, "yes", 0.0, 1.0)]), (answer("q", "boolean", False, "yes_no"), [(0, 0.0, "no", 0.0, 1.0)]),
        (answer("q", "number", 0, "nps"), [(0, 0.0, None, 0.0, 10.0)]), (answer("q", "number", 3.5, "number"), [(0, 3.5, None, None, None)]),
        # Without the form nobody knows how many steps there are.
        (answer("q", "number", 3, "rating"), [(0, 3.0, None, None, None)]), (answer("q", "boolean", None, "yes_no"), []),
    ],
)  # fmt: skip
def test_kinds_of_answers(tmp_path, given, rows):
    found = told(tmp_path, response(given))
    assert columns(found["survey_responses"], "value_index", "value", "label", "scale_min", "scale_max") == rows


@pytest.mark.parametrize(
    ("asked", "scale"),
    [
        (field("ease", "rating"), (1, 5)), (field("ease", "rating", steps=10), (1, 10)), (field("ease", "opinion_scale"), (0, 10)),
        (field("ease", "opinion_scale", steps=5), (0, 4)), (field("ease", "opinion_scale", steps=7, start_at_one=True), (1, 7)), (field("ease", "nps"), (0, 10)),
    ],
)  # fmt: skip
def test_scales_of_the_form(tmp_path, asked, scale):
    (row,) = told(tmp_path, response(answer("ease", "number", 4, asked["type"])), fields=[asked])["survey_responses"]
    assert (row["scale_min"], row["scale_max"]) == scale


def test_questions_in_groups_are_found(tmp_path):
    inside = field("ease", "rating", "How easy?")
    found = told(
        tmp_path,
        response(answer("ease", "number", 4, "rating")),
        fields=[field("g", "group", fields=[inside])],
        questions={"how easy?": "ease@1"},
    )
    assert columns(found["survey_responses"], "question_id", "scale_max") == [("ease@1", 5.0)]


@pytest.mark.parametrize("key", ["ease", "ref-ease", "How easy?"])
def test_questions_are_named_by_id_reference_or_heading(tmp_path, key):
    found = told(
        tmp_path,
        response(EASE, answer("other", "boolean", True)),
        fields=[field("ease", "nps", "How easy?")],
        questions={key: "ease@1"},
    )
    assert columns(found["survey_responses"], "question_id") == [("ease@1",)]
    assert found.dropped == {NOT_ASKED: 1}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (answer("q", "text", "we wait for days", "long_text"), TYPED), (answer("q", "choice", {"other": "we wait"}), TYPED), (answer("q", "choices", {"other": "we wait"}), TYPED),
        (answer("q", "date", "1990-01-01"), TYPED), (answer("q", "email", "jane at example"), PERSONAL), (answer("q", "phone_number", "+491"), PERSONAL),
        (answer("q", "file_url", "https://x.invalid/we wait"), PERSONAL), (answer("q", "payment", {"amount": "1"}), PERSONAL), (answer("q", "hologram", "we wait"), PERSONAL),
    ],
)  # fmt: skip
def test_what_was_typed_is_withheld(tmp_path, given, reason):
    found = told(tmp_path, response(given))
    assert (found["survey_responses"], found.dropped) == ([], {reason: 1})


def test_typed_words_where_leave_was_asked(tmp_path):
    given = [answer("q", "text", "we wait for days", "long_text"), answer("e", "email", "jane at example")]
    found = told(tmp_path, response(*given), keep_text=True)
    assert (columns(found["survey_responses"], "text"), found.dropped) == ([("we wait for days",)], {PERSONAL: 1})


@pytest.mark.parametrize(
    "more",
    [
        {"submitted": "0001-01-01T00:00:00Z"},
        {"submitted": None},
        {"response_type": "partial"},
        {"response_type": "started"},
    ],
)
def test_what_was_not_submitted_is_left_out(tmp_path, more):
    found = told(tmp_path, response(EASE, **more))
    assert (found["survey_responses"], found.dropped) == ([], {UNFINISHED: 1})


def test_a_response_without_answers_or_hidden_fields(tmp_path):
    found = told(tmp_path, response(answers=None), response(EASE, token="t2", hidden=None), team_field="team")
    assert columns(found["survey_responses"], "response_id", "team_id") == [("typeform:t2", None)]


@pytest.mark.parametrize("kind", ["choice", "choices", "text", "number"])
def test_an_empty_answer_is_none(tmp_path, kind):
    found = told(tmp_path, response(answer("q", kind, {} if kind.startswith("choice") else None), EASE))
    assert (columns(found["survey_responses"], "question_id"), found.dropped) == ([("ease",)], {})


def test_an_answer_without_its_question_is_counted(tmp_path):
    found = told(tmp_path, response({"type": "number", "number": 1}))
    assert found.dropped == {"is not shaped as Typeform writes it (KeyError)": 1}


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_webhook_knows_its_form(tmp_path, wrapped):
    inside = {
        **response(EASE),
        "form_id": "F1",
        "definition": form(field("ease", "opinion_scale", "How easy?", steps=5, start_at_one=True)),
    }
    event = {
        "event_id": "e1",
        "event_type": "form_response",
        "form_response": {name: value for name, value in inside.items() if name != "response_id"},
    }
    found = read(
        "typeform",
        tmp_path,
        {"hook.json": {"body": event, "headers": {}} if wrapped else event},
        questions={"How easy?": "ease@1"},
    )
    assert columns(found["survey_responses"], "response_id", "survey_id", "question_id", "scale_min", "scale_max") == [
        ("typeform:t1", "F1", "ease@1", 1.0, 5.0)
    ]
    assert found.dropped == {}


def test_a_response_of_the_api_and_of_the_webhook_is_one(tmp_path):
    event = {"event_id": "e1", "form_response": {**response(EASE), "form_id": "F1"}}
    found = read("typeform", tmp_path, {"a.json": page(response(EASE)), "b.json": event}, survey="dx")
    assert (len(found["survey_responses"]), found.dropped) == (1, {AGAIN: 1})


def test_a_page_that_is_not_all(tmp_path):
    found = read("typeform", tmp_path, {"responses.json": page(response(EASE), total=1204)}, survey="dx")
    assert (len(found["survey_responses"]), found.truncated) == (1, {"survey_responses"})


def test_the_only_form_names_the_survey(tmp_path):
    (row,) = read("typeform", tmp_path, {"r.json": page(response(EASE)), "form.json": form(field("ease", "nps"))})[
        "survey_responses"
    ]
    assert row["survey_id"] == "F1"


def test_two_forms_do_not(tmp_path):
    with pytest.raises(SourceError, match="does not say which survey it is"):
        read(
            "typeform",
            tmp_path,
            {"r.json": page(response(EASE)), "form.json": [form(field("ease")), form(field("x"), native="F2")]},
        )


def test_a_form_without_its_id_is_known_and_of_no_use(tmp_path):
    nameless = {name: value for name, value in form(field("ease", "nps", "How easy?")).items() if name != "id"}
    found = read(
        "typeform",
        tmp_path,
        {"r.json": page(response(EASE)), "form.json": nameless},
        survey="dx",
        questions={"How easy?": "ease@1"},
    )
    assert (found["survey_responses"], found.dropped) == ([], {NOT_ASKED: 1})


@pytest.mark.parametrize("empty", [[], page()])
def test_an_empty_export(tmp_path, empty):
    found = read("typeform", tmp_path, {"responses.json": empty})
    assert (found["survey_responses"], found.truncated) == ([], set())
    assert "the file holds no documents" in found.warnings


def test_a_wrong_file_is_named(tmp_path):
    with pytest.raises(
        SourceError, match=r"x\.json: holds nothing that Typeform exports .*of Argo CD: use kind = 'argocd'"
    ):
        read(
            "typeform",
            tmp_path,
            {"x.json": {"kind": "Application", "apiVersion": "argoproj.io/v1alpha1", "metadata": {}}},
        )


def test_the_real_webhook(cases):
    path = cases / "sources" / "typeform" / "webhook_form_response.json"
    found = read("typeform", path.parent, [path], team_question="What is your department in the organization?")
    assert columns(found["survey_responses"], "response_id", "survey_id", "submitted_at", "team_id", "question_id", "value", "label") == [
        ("typeform:0f1rjywno369yj0f1rrb104rih4b4ja0", "S0HZ6V5J", at(2025, 5, 29, 18, 19, 25), "Product", question, value, label)
        for question, value, label in (("GR7BnV5pOdou", None, "ChatGPT"), ("ysFrGvLe7g8R", None, "Weekly"), ("kihSoLTdGCBj", 1.0, "yes"))
    ]  # fmt: skip
    # The name of the respondent was typed.
    assert found.dropped == {TYPED: 1}
    headings = {"Which of these AI tools have you used before?": "ai@1"}
    (row,) = read("typeform", path.parent, [path], questions=headings)["survey_responses"]
    assert row["question_id"] == "ai@1"
    kept = read("typeform", path.parent, [path], keep_text=True)["survey_responses"]
    assert (len(kept), sum(row["text"] is not None for row in kept)) == (5, 1)
