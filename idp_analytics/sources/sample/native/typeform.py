"""The company's survey as a Typeform: the form, and its responses as the API gives them."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import polars as pl

from idp_analytics.sources.sample import respondents as survey
from idp_analytics.sources.sample.native import Tables, stamp

FORM = "Lk7pUr2Q"
OTHERWISE: dict[str, frozenset[str]] = {}


def _id(*words: str, length: int = 12) -> str:
    return hashlib.sha256("/".join(words).encode()).hexdigest()[:length]


OPTIONS: dict[str, Any] = {
    "survey": survey.SURVEY, "people": "keep", "team_field": "team", "person_question": "person",
    "questions": {_id(question): question for question in survey.HEADINGS},
}  # fmt: skip


def _field(question: str, heading: str) -> dict[str, Any]:
    about = {"id": _id(question), "ref": _id("ref", question, length=32), "title": heading}
    if question == "blockers@1":
        choices = [{"id": _id(word), "ref": _id("ref", word), "label": word} for word in survey.BLOCKERS]
        return {
            **about,
            "type": "multiple_choice",
            "properties": {"allow_multiple_selection": True, "choices": choices},
        }
    if question == "recommend@1":
        return {**about, "type": "nps", "properties": {"steps": 11, "start_at_one": False}}
    return {**about, "type": "opinion_scale", "properties": {"steps": 5, "start_at_one": True}}


def _answer(question: str, said: tuple[Any, ...], field: dict[str, Any]) -> dict[str, Any]:
    about = {"field": {name: field[name] for name in ("id", "ref", "type")}}
    if question == "blockers@1":
        chosen = {
            "ids": [_id(word) for word in said],
            "refs": [_id("ref", word) for word in said],
            "labels": list(said),
        }
        return {**about, "type": "choices", "choices": chosen}
    return {**about, "type": "number", "number": said[0]}


def _item(one: survey.Respondent, fields: dict[str, dict[str, Any]]) -> dict[str, Any]:
    token = _id("token", one.native, length=32)
    return {
        "landing_id": token, "token": token, "response_id": token, "response_type": "completed",
        "landed_at": stamp(one.submitted_at - timedelta(minutes=4)), "submitted_at": stamp(one.submitted_at),
        "metadata": {"user_agent": "Mozilla/5.0", "platform": "other", "referer": "https://forms.larkspur.invalid/", "network_id": _id("net", one.native), "browser": "default"},
        "hidden": {"team": one.team or "", "person": one.person or ""}, "calculated": {"score": 0},
        "answers": [_answer(question, said, fields[question]) for question, said in one.answers.items()],
    }  # fmt: skip


def files(tables: Tables) -> dict[str, Any]:
    """``form.json`` and ``responses.json.gz``, one page."""
    fields = {question: _field(question, heading) for question, heading in survey.HEADINGS.items()}
    items = [_item(one, fields) for one in survey.respondents(tables)]
    form = {
        "id": FORM, "type": "quiz", "title": "Developer experience", "workspace": {"href": "https://api.larkspur.invalid/workspaces/1"},
        "hidden": ["team", "person"], "fields": list(fields.values()), "thankyou_screens": [],
    }  # fmt: skip
    return {"form.json": form, "responses.json.gz": {"total_items": len(items), "page_count": 1, "items": items}}


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """Every answer, under the tokens of the responses."""
    ids = {one.native: f"typeform:{_id('token', one.native, length=32)}" for one in survey.respondents(tables)}
    return survey.told(tables, ids)
