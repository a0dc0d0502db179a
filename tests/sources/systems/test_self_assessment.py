"""Self-assessments: files of the form, tables that asked the same, and the community's own answers, kept apart."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from reading import at, columns, read

from idp_analytics.errors import SourceError
from idp_analytics.settings.maturity_model import shipped
from idp_analytics.sources import assessment_forms as forms
from idp_analytics.sources.native import AGAIN
from idp_analytics.sources.recognise import recognised
from idp_analytics.sources.systems import self_assessment as reader

A, B, C, D = shipped().items[:4]


def form(*answers, **changed):
    told = [
        {"item": item, "answer": answer, "reason": reason, "confidence": sure} for item, answer, reason, sure in answers
    ]
    return {
        "form": "idp-self-assessment", "form_version": 1, "model_version": "1.0.0", "state": "final", "assessment_id": "a1",
        "team": "payments", "wave": "2026-Q3", "role": "user", "started_at": "2026-07-01T07:50:00.000Z",
        "submitted_at": "2026-07-01T08:05:12.345Z", "answers": told, **changed,
    }  # fmt: skip


def table(header, *rows):
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return text.getvalue()


def given(found):
    return columns(found["assessments"], "item_id", "answer", "reason", "confidence")


def test_a_form_with_all_it_says(tmp_path):
    body = form(
        (A.id, "3", None, 2), (B.id, "unknown", None, None), (C.id, "not_applicable", "we build it", None),
        (D.id, "1", "kept to oneself", 9),
    )  # fmt: skip
    found = read("self_assessment", tmp_path, {"a.json": body})
    assert given(found) == [
        (A.id, "3", None, 2), (B.id, "unknown", None, None), (C.id, "not_applicable", "we build it", None), (D.id, "1", None, None),
    ]  # fmt: skip
    first = found["assessments"][0]
    wanted = {
        "assessment_id": "self_assessment:a1", "wave": "2026-Q3", "team_id": "payments", "respondent_id": None, "role": "user",
        "model_version": "1.0.0", "submitted_at": at(2026, 7, 1, 8, 5, 12, 345000),
    }  # fmt: skip
    assert {name: first[name] for name in wanted} == wanted
    assert found.dropped == {}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"state": "draft"}, reader.DRAFT),
        ({"form_version": 2}, reader.VERSION),
        ({"assessment_id": None}, reader.NO_ID),
        ({"team": None}, reader.NO_TEAM),
        ({"answers": [{"item": A.id, "answer": "5"}]}, reader.NO_ANSWER),
        ({"answers": [{"item": "<img src=x>", "answer": "1"}]}, reader.NO_ITEM),
        ({"answers": [{"item": {}, "answer": "1"}]}, reader.NO_ITEM),
    ],
)
def test_a_form_that_cannot_count_is_left_out_with_the_reason(tmp_path, changed, reason):
    found = read("self_assessment", tmp_path, {"a.json": form((A.id, "1", None, 1), **changed)})
    assert (found["assessments"], found.dropped) == ([], {reason: 1})


def test_saved_again_the_later_file_counts_whole(tmp_path):
    """The second time one answer was taken back: it is not filled up from the first."""
    first = form((A.id, "1", None, 1), (B.id, "2", None, 1))
    second = form((A.id, "4", None, 1), submitted_at="2026-07-01T09:00:00Z")
    for order in (("1.json", "2.json"), ("2.json", "1.json")):
        found = read("self_assessment", tmp_path, dict(zip(order, (first, second), strict=True)))
        assert columns(found["assessments"], "item_id", "answer") == [(A.id, "4")]
        assert found.dropped == {AGAIN: 2}


def test_one_question_answered_twice_in_a_file_counts_once(tmp_path):
    found = read("self_assessment", tmp_path, {"a.json": form((A.id, "1", None, 1), (A.id, "4", None, 1))})
    assert (columns(found["assessments"], "answer"), found.dropped) == ([("1",)], {reader.TWICE: 1})


def test_a_table_of_google_forms_that_asked_the_same(tmp_path):
    header = [
        "Timestamp",
        "Which team are you in?",
        "As what do you answer?",
        A.question,
        B.question.upper(),
        C.id,
        D.question,
        "Anything else?",
    ]
    text = table(
        header,
        ["2026/07/01 9:05:12 AM GMT+1", "payments", forms.ROLES["leader"], A.answers[2], "Don’t know", "4", "Not applicable because we rent it", "x"],
        ["2026/07/01 9:06:00 AM GMT+1", "payments", "user", A.answers[0].upper() + ".", "2", "seven", "n/a", ""],
    )  # fmt: skip
    found = read("self_assessment", tmp_path, {"responses.csv": text})
    assert given(found) == [
        (A.id, "3", None, None), (B.id, "unknown", None, None), (C.id, "4", None, None), (D.id, "not_applicable", "we rent it", None),
        (A.id, "1", None, None), (B.id, "2", None, None), (D.id, "not_applicable", None, None),
    ]  # fmt: skip
    assert found.dropped == {reader.NO_ANSWER: 1}
    assert columns(found["assessments"][:1], "wave", "role", "submitted_at", "model_version") == [
        ("2026-Q3", "leader", at(2026, 7, 1, 8, 5, 12), shipped().version)
    ]
    assert found["assessments"][-1]["role"] == "user"
    assert len({row["assessment_id"] for row in found["assessments"]}) == 2


def test_a_table_of_typeform_has_ids_and_times_in_utc(tmp_path):
    header = ["#", A.question, B.question, C.question, "Submit Date (UTC)", "Token"]
    text = table(header, ["k2j3", A.answers[0], B.answers[1], C.answers[3], "2026-07-01 08:05:12", "k2j3"])
    found = read("self_assessment", tmp_path, {"responses.csv": text}, zone="Asia/Tokyo", team="payments", role="user")
    assert columns(found["assessments"], "assessment_id", "item_id", "answer", "team_id", "submitted_at") == [
        ("self_assessment:k2j3", item.id, answer, "payments", at(2026, 7, 1, 8, 5, 12))
        for item, answer in ((A, "1"), (B, "2"), (C, "4"))
    ]


def test_answers_of_the_community_are_another_model(tmp_path):
    body = {"investment_1": 1, "investment_2": "4", "adoption_1": 0, "adoption_2": 5, "other": 3}
    found = read("self_assessment", tmp_path, {"c.json": body}, team="payments")
    assert columns(found["assessments"], "item_id", "answer", "model_version", "wave") == [
        ("community-investment-1", "1", forms.COMMUNITY_VERSION, "2026-Q3"),
        ("community-investment-2", "4", forms.COMMUNITY_VERSION, "2026-Q3"),
    ]
    assert found.dropped == {reader.NO_ANSWER: 1}
    assert {item.id for item in shipped().items}.isdisjoint(row["item_id"] for row in found["assessments"])


def test_the_example_of_the_communitys_readme(cases: Path, tmp_path):
    path = cases / "maturity" / "cncf-pemm-assessment" / "readme_prefilled_example.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    found = read("self_assessment", tmp_path, [path], team="payments")
    by_aspect: dict[str, list[int]] = {}
    for row in found["assessments"]:
        by_aspect.setdefault(row["item_id"].split("-")[1], []).append(int(row["answer"]))
    assert {name: sum(said) / len(said) for name, said in by_aspect.items()} == {
        name: wanted["mean"] for name, wanted in told["expected"].items()
    }
    assert {name: {str(n): said.count(n) for n in range(1, 5)} for name, said in by_aspect.items()} == {
        name: wanted["counts"] for name, wanted in told["expected"].items()
    }


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.json", json.dumps(form((A.id, "1", None, 1))), "a saved form"),
        ("c.json", '{"answers": {"investment_1": 1, "adoption_2": 2, "measurement_4": 3}}', "community"),
        ("r.csv", table(["Timestamp", A.question, B.question, C.question], ["2026/07/01 9:05:12 AM GMT+1", "1", "2", "3"]), "a row of answers"),
    ],
)  # fmt: skip
def test_it_is_recognised_and_another_survey_is_not(tmp_path, name, content, what):
    (tmp_path / name).write_text(content, encoding="utf-8")
    (like, count), *_ = recognised(tmp_path / name)
    assert (like.kind, count) == ("self_assessment", 1)
    assert what in like.what
    (tmp_path / "other.csv").write_text(
        table(["Timestamp", "How easy is it?"], ["2026/07/01 9:05:12 AM GMT+1", "4"]), encoding="utf-8"
    )
    assert recognised(tmp_path / "other.csv")[0][0].kind == "google_forms"
    with pytest.raises(SourceError, match="use kind = 'google_forms'"):
        read("self_assessment", tmp_path, [tmp_path / "other.csv"])


def test_no_two_questions_or_answers_can_be_taken_for_one_another():
    assert len(reader.SHIPPED.headings) == 2 * len(shipped().items)
    for item in shipped().items:
        assert [forms.told(item, text) for text in item.answers] == [(str(level), None) for level in range(1, 5)]
