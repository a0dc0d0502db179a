"""Typeform: responses from the API or from a webhook, and the form, which knows headings and scales.

``metadata`` of a response (browser, network) is never read; of the hidden fields only the ones the settings name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from idp_analytics.sources import members
from idp_analytics.sources import survey_answers as survey
from idp_analytics.sources.export import Document, Export
from idp_analytics.sources.survey_answers import CHOICE, PRIVATE, TEXT, Answer, Range, Response, Said
from idp_analytics.sources.system import Gives, Recipe, Row, Shape, System

_STEPS = {"rating": (5, True), "opinion_scale": (11, False), "nps": (11, False)}
"""Type of question → how many steps it has unless the form says otherwise, and whether the first one is 1."""


def survey_responses(document: Document, export: Export) -> Iterator[Row]:
    """One row per answer. Headings and scales come from the webhook's definition or from the form, where it is exported too."""
    inside = (
        members.at(document.body, "form_response")
        or members.at(document.body, "body", "form_response")
        or document.body
    )
    forms = export.by("form", "id")
    form_id = members.text(inside, "form_id") or (next(iter(forms)) if len(forms) == 1 else None)
    form = members.at(inside, "definition") or (forms[form_id][-1].body if form_id and form_id in forms else {})
    fields = {key: field for field in _fields(form) for name in ("id", "ref") if (key := members.text(field, name))}
    submitted = members.text(inside, "submitted_at")
    hidden = members.at(inside, "hidden")
    response = Response(
        members.text(inside, "token") or members.text(inside, "response_id"), form_id, submitted,
        [_answer(answer, fields) for answer in members.every(inside, "answers")],
        {name: text for name, value in hidden.items() if (text := survey.told(value))} if isinstance(hidden, dict) else {},
        is_finished=submitted is not None and not submitted.startswith("0001-01-01")
        and members.text(inside, "response_type") in (None, "completed"),
    )  # fmt: skip
    yield from survey.rows(document, export, response)


def _fields(form: Any) -> Iterator[dict[str, Any]]:
    """All questions of a form, also those in groups and grids."""
    for field in members.every(form, "fields"):
        yield field
        yield from _fields(members.at(field, "properties"))


def _answer(answer: Mapping[str, Any], fields: Mapping[str, Mapping[str, Any]]) -> Answer:
    native, ref = members.text(answer, "field", "id"), members.text(answer, "field", "ref")
    field = fields.get(native or "") or fields.get(ref or "") or {}
    keys = tuple(filter(None, (native, ref, members.text(field, "title"))))
    if not keys:
        raise KeyError("field")
    kind = members.text(answer, "type")
    # An "other" beside the choices was typed: a choice of its own that is not told.
    match kind:
        case "choice":
            label = members.text(answer, "choice", "label")
            return Answer(keys, _said([label or members.text(answer, "choice", "other")]), CHOICE if label else TEXT)
        case "choices":
            labels: list[Any] = members.words(answer, "choices", "labels")
            return Answer(keys, _said(labels or [members.text(answer, "choices", "other")]), CHOICE if labels else TEXT)
        case "number":
            number = members.text(answer, "number")
            return Answer(keys, (Said(None, number),) if number else (), CHOICE, scale=_scale(answer, field))
        case "boolean":
            yes = members.flag(answer, "boolean")
            said = () if yes is None else (Said("yes" if yes else "no", "1" if yes else "0"),)
            return Answer(keys, said, CHOICE, scale=(0, 1))
        case "text" | "date":
            return Answer(keys, _said([members.text(answer, kind)]), TEXT)
        case _:
            return Answer(keys, (Said(None),), PRIVATE)


def _said(labels: list[Any]) -> tuple[Said, ...]:
    return tuple(Said(label) for label in labels if label)


def _scale(answer: Mapping[str, Any], field: Mapping[str, Any]) -> Range | None:
    """The scale of a rating, an opinion scale or a recommendation; null for a number that was typed, and where only the form
    could tell how many steps there are."""
    kind = members.text(answer, "field", "type") or members.text(field, "type")
    if kind not in _STEPS or (kind != "nps" and not field):
        return None
    steps, from_one = _STEPS[kind]
    told = members.text(field, "properties", "steps")
    from_one = members.flag(field, "properties", "start_at_one") or from_one
    steps = int(told) if told else steps
    return (1, steps) if from_one else (0, steps - 1)


def _is_webhook(body: Mapping[str, Any]) -> bool:
    inside = members.at(body, "form_response") or members.at(body, "body", "form_response")
    return isinstance(inside, dict) and "form_id" in inside


def _is_form(body: Mapping[str, Any]) -> bool:
    """By its questions, which have a reference beside their type."""
    return "title" in body and any({"ref", "type"} <= field.keys() for field in members.every(body, "fields"))


SYSTEM = System(
    kind="typeform",
    title="Typeform",
    shapes=(
        Shape("webhook", "a response sent by a webhook", _is_webhook),
        Shape("response", "a response to a form",
              lambda b: "landed_at" in b and "submitted_at" in b and bool({"token", "response_id"} & b.keys())),
        Shape("form", "a form", _is_form),
    ),
    gives=(
        Gives("survey_responses", survey_responses, ("webhook", "response"), "all responses that were not deleted", beside=("form",), together=survey.last),
    ),
    recipes=(
        Recipe("responses.json", 'curl -fsS -H "Authorization: Bearer $TOKEN" "https://api.typeform.com/forms/$FORM/responses?page_size=1000&response_type=completed" > responses.json',
               "responses:read", "At most 1000 a page: give the last token as before= for the next one. One source per form."),
        Recipe("form.json", 'curl -fsS -H "Authorization: Bearer $TOKEN" "https://api.typeform.com/forms/$FORM" > form.json', "forms:read",
               "Headings and scales; without it questions are known by their ids only."),
    ),
    options=survey.options(),
)  # fmt: skip
