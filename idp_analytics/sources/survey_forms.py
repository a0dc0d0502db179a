"""What the questions of a questionnaire are called where each survey tool exports their answers, and the options that read them.

The questionnaire is set up from :mod:`idp_analytics.survey`, so that names and headings are known beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from idp_analytics.settings.questions import Question, Questionnaire, shipped

TOOLS = ("google_forms", "typeform", "qualtrics", "surveymonkey")
TEAM, PERSON = "Which team are you in?", "Username"
TEAM_FIELDS = {"typeform": "team", "qualtrics": "team", "surveymonkey": "Custom Data 1"}
"""Tool → where the team stands that the link of an invitation carries; of a Google Form it is asked."""

PRICE_FIELDS = {"typeform": "price", "qualtrics": "price", "surveymonkey": "Custom Data 3"}
"""Tool → where what is not asked stands (the price that was shown); of a Google Form the link fills it in."""


def name(question: Question) -> str:
    """What a question is called in a tool that lets it have a name: ``approval_wait_1``."""
    return f"{question.item}_{question.version}".replace("-", "_")


def heading(kind: str, question: Question) -> str:
    """What stands over a question in the tool, and over the column of its answers."""
    if question.is_hidden:
        return f"{question.title.capitalize()} (filled in, please leave it as it is)"
    if kind in ("surveymonkey", "qualtrics") and question.ends:
        low, high = question.ends
        return f"{question.wording} ({question.low:g} = {low}, {question.high:g} = {high})"
    return question.wording


def key(kind: str, question: Question) -> str:
    """By what the reader knows the question: its name where the tool has one, else its heading."""
    return name(question) if kind == "typeform" else heading(kind, question)


def reading(kind: str, survey: str, questions: Sequence[Question]) -> dict[str, Any]:
    """The options of a ``[[source]]`` that reads the answers to these questions from that tool; ``survey``: our id of it."""
    in_fields = [question for question in questions if question.is_hidden and kind in PRICE_FIELDS]
    by_kind = {
        one: [question.id for question in questions if question.kind == one]
        for one in ("several", "choice", "number", "open")
    }
    scales = {
        question.id: f"{question.low:g}-{question.high:g}"
        for question in questions
        if question.kind in ("scale", "promoter")
    }
    options: dict[str, Any] = {
        "survey": survey,
        "questions": {key(kind, question): question.id for question in questions if question not in in_fields},
        "fields": dict(zip([PRICE_FIELDS.get(kind, "")], (question.id for question in in_fields), strict=False)),
        "scales": scales,
        "separators": dict.fromkeys(by_kind["several"], ";") if kind == "google_forms" else {},
        "choices": by_kind["choice"] if kind == "google_forms" else [],
        "numbers": by_kind["number"],
        "keep_text_of": by_kind["open"],
        **({"team_field": TEAM_FIELDS[kind]} if kind in TEAM_FIELDS else {"team_question": TEAM}),
    }  # fmt: skip
    return {option: value for option, value in options.items() if value}


def recognised(kind: str, text: str) -> Questionnaire | None:
    """The shipped questionnaire whose questions that tool's export (as ``text``) has: most of those that are always asked."""
    if kind not in TOOLS:
        return None
    best, most = None, 0.5
    for one in shipped():
        always = [
            question
            for question in one.questions
            if not (question.is_hidden or question.is_optional or question.part == "price")
        ]
        share = sum(key(kind, question) in text for question in always) / len(always)
        if share > most:
            best, most = one, share
    return best
