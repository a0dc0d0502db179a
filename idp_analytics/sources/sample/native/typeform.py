"""The company's survey as a Typeform: the form, and its responses as the API gives them."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import polars as pl

from idp_analytics.settings.questions import Question
from idp_analytics.sources import survey_forms
from idp_analytics.sources.sample import respondents as survey
from idp_analytics.sources.sample.native import Tables, stamp

FORM = "Lk7pUr2Q"
OTHERWISE: dict[str, frozenset[str]] = {}
OPTIONS: dict[str, Any] = {**survey.options("typeform"), "person_question": "person"}


def _id(*words: str, length: int = 12) -> str:
    return hashlib.sha256("/".join(words).encode()).hexdigest()[:length]


def _field(question: Question) -> dict[str, Any]:
    about = {"id": _id(question.id), "ref": survey_forms.name(question), "title": question.wording}
    choices = [{"id": _id(word), "ref": _id("ref", word), "label": word} for word in question.choices]
    match question.kind:
        case "several" | "choice":
            several = {"allow_multiple_selection": question.kind == "several", "choices": choices}
            return {**about, "type": "multiple_choice", "properties": several}
        case "promoter":
            return {**about, "type": "nps", "properties": {"steps": 11, "start_at_one": False}}
        case "open":
            return {**about, "type": "long_text", "properties": {}}
        case "number":
            return {**about, "type": "number", "properties": {}}
        case _:
            low, high = question.low or 0, question.high or 0
            steps = {"steps": int(high - low + 1), "start_at_one": low == 1}
            return {**about, "type": "opinion_scale", "properties": steps}


def _answer(question: Question, said: tuple[Any, ...], field: dict[str, Any]) -> dict[str, Any]:
    about = {"field": {name: field[name] for name in ("id", "ref", "type")}}
    match question.kind:
        case "several":
            return {**about, "type": "choices", "choices": {"ids": [_id(word) for word in said], "labels": list(said)}}
        case "choice":
            return {**about, "type": "choice", "choice": {"id": _id(said[0]), "label": said[0]}}
        case "open":
            return {**about, "type": "text", "text": said[0]}
        case _:
            return {**about, "type": "number", "number": said[0]}


def _item(one: survey.Respondent, fields: dict[str, dict[str, Any]]) -> dict[str, Any]:
    token = _id("token", one.native, length=32)
    price = next((one.said(question) for question in survey.QUESTIONS.values() if question.is_hidden), "")
    return {
        "landing_id": token, "token": token, "response_id": token, "response_type": "completed",
        "landed_at": stamp(one.submitted_at - timedelta(minutes=4)), "submitted_at": stamp(one.submitted_at),
        "metadata": {"user_agent": "Mozilla/5.0", "platform": "other", "referer": "https://forms.larkspur.invalid/", "network_id": _id("net", one.native), "browser": "default"},
        "hidden": {"team": one.team or "", "person": one.person or "", "price": price}, "calculated": {"score": 0},
        "answers": [_answer(survey.QUESTIONS[name], said, fields[name]) for name, said in one.answers.items() if name in fields],
    }  # fmt: skip


def files(tables: Tables) -> dict[str, Any]:
    """``form.json`` and ``responses.json.gz``, one page."""
    fields = {question.id: _field(question) for question in survey.asked(tables) if not question.is_hidden}
    items = [_item(one, fields) for one in survey.respondents(tables)]
    form = {
        "id": FORM, "type": "quiz", "title": "Developer experience", "workspace": {"href": "https://api.larkspur.invalid/workspaces/1"},
        "hidden": ["team", "person", "price"], "fields": list(fields.values()), "thankyou_screens": [],
    }  # fmt: skip
    return {"form.json": form, "responses.json.gz": {"total_items": len(items), "page_count": 1, "items": items}}


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """Every answer, under the tokens of the responses."""
    ids = {one.native: f"typeform:{_id('token', one.native, length=32)}" for one in survey.respondents(tables)}
    return survey.told(tables, ids)
