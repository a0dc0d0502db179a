"""Self-assessments: files of the kit's own form, tables of survey tools that asked the same, answers to the CNCF community's assessment.

A form is anonymous and knows itself: saved twice, the later file counts. Text beside answers is never read, but for why a question
is not applicable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from idp_analytics.errors import SettingsError, SourceError
from idp_analytics.settings.maturity_model import FILE as MODEL
from idp_analytics.settings.maturity_model import parse, shipped
from idp_analytics.sources import assessment_forms as forms
from idp_analytics.sources import members, native
from idp_analytics.sources import survey_answers as survey
from idp_analytics.sources.batch import Batch, each
from idp_analytics.sources.export import Document, Export
from idp_analytics.sources.native import AGAIN
from idp_analytics.sources.over_time import is_row
from idp_analytics.sources.rows import count
from idp_analytics.sources.survey_forms import TEAM
from idp_analytics.sources.survey_times import DATES, moment
from idp_analytics.sources.system import Gives, Option, Recipe, Row, Shape, System
from idp_analytics.tables import Extract

DRAFT = "is a draft: load it into the form and save the answers"
VERSION = f"is of a version of the form that is not known (known: {forms.FORM_VERSION})"
NO_ANSWER = "is none of the answers of its question"
NO_ITEM = "names no question"
NO_TEAM = "names no team: say it in the option team"
NO_TIME = "tells no time: say when the answers were given in as_of"
NO_ID = "has no id: it was not saved by the form"
TWICE = "answers a question that is answered in the same file already"

_TIMES = ("timestamp", "submit date (utc)", "submitted at", "submitted_at", "end date", "date submitted")
_TOKENS = ("#", "token", "response id", "responseid", "respondent id")
_ROLE = "As what do you answer?"
SHIPPED = forms.Questions(shipped())
_ITEM = re.compile(r"[A-Za-z][\w.:-]{0,99}")


def assessments(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per answer of a form."""
    found = _answers(batch)
    names = ("submitted_at", "team", "wave", "role", "model_version", "assessment_id", "state")
    told = zip(batch.documents, *map(batch.texts, names), batch.at("form_version"), found, strict=True)
    for document, at, team, wave, role, model, own, state, version, answers in told:
        reason = (
            VERSION if version not in (forms.FORM_VERSION, str(forms.FORM_VERSION))
            else DRAFT if state != forms.FINAL
            else NO_ID if own is None
            else None
        )  # fmt: skip
        about = {"submitted_at": at, "team_id": team, "wave": wave, "role": role, "model_version": model}
        yield from [document.left_out(reason)] if reason else _rows(document, export, own, about, answers)


def _answers(batch: Batch) -> list[list[Row | str]]:
    """The answers of each form; those that are told in the same words are one."""
    every, places = batch.every("answers")
    told = zip(*map(every.texts, ("item", "answer", "reason", "confidence")), strict=True)
    found: list[list[Row | str]] = [[] for _ in range(len(batch))]
    for place, answer in zip(places, each(lambda words: _of_form(*words), list(told)), strict=True):
        found[place].append(answer)
    return found


def _of_form(item: str | None, answer: str | None, reason: str | None, sure: str | None) -> Row | str:
    if item is None or not _ITEM.fullmatch(item):
        return NO_ITEM
    if answer not in forms.ANSWERS:
        return NO_ANSWER
    return {
        "item_id": item,
        "answer": answer,
        "reason": reason if answer == forms.NOT_APPLICABLE else None,
        "confidence": sure if answer in forms.LEVELS and sure in ("1", "2", "3") else None,
    }


def of_tables(document: Document, export: Export, questions: forms.Questions = SHIPPED) -> Iterator[Row]:
    """One row per answer of a row of a table whose columns are these questions."""
    body, given = document.body, export.options
    about = {forms.plain(name): members.text(body, name) for name in body}
    said = {
        item.id: (item, text)
        for name, item in questions.asked(tuple(body)).items()
        if (text := members.text(body, name))
    }
    named = next((name for name in _TIMES if about.get(name)), "")
    at = moment(about.get(named), given["dates"])
    if at and named.endswith("(utc)") and not at.endswith("Z"):
        at += "Z"
    role = about.get(forms.plain(given["role_question"]))
    words = [f"{item}={text}" for item, (_, text) in said.items()]
    token = next((about[name] for name in _TOKENS if about.get(name)), None)
    team = about.get(forms.plain(given["team_question"]))
    wave = given["wave"] or survey.quarter(at)
    native = token or survey.response_id("self-assessment", wave, (at or "", team or "", *words))
    answers = []
    for item, text in said.values():
        found = forms.told(item, text)
        answers.append({"item_id": item.id, "answer": found[0], "reason": found[1]} if found else NO_ANSWER)
    yield from _rows(document, export, native, {
        "submitted_at": at, "team_id": team, "wave": wave, "role": _role(role), "model_version": questions.model.edition,
    }, answers)  # fmt: skip


def _role(words: str | None) -> str | None:
    """Our word for a role told in words: of the form, or our own."""
    said = forms.plain(words or "")
    return next((role for role, text in forms.ROLES.items() if said in (role, forms.plain(text))), None)


def of_community(document: Document, export: Export) -> Iterator[Row]:
    """One row per answer to the community's own questions, which are another model than ours."""
    found = forms.community(document.body)
    at = moment(members.text(document.body, "submitted_at"), export.options["dates"]) or document.taken_at
    team = members.text(document.body, "team")
    wave = export.options["wave"] or survey.quarter(at)
    words = [f"{name}={found[name]}" for name in sorted(found)]
    native = survey.response_id("community-assessment", wave, (team or export.options["team"] or "", *words))
    answers: list[Row | str] = []
    for name, value in found.items():
        level = members.text(value)
        item = "community-" + name.replace("_", "-")
        if level in forms.LEVELS:
            answers.append({"item_id": item, "answer": level})
        elif level not in (None, "0"):  # 0 and nothing: not answered
            answers.append(NO_ANSWER)
    about = {"submitted_at": at, "team_id": team, "wave": wave, "role": members.text(document.body, "role")}
    yield from _rows(
        document,
        export,
        native,
        {**about, "model_version": members.text(document.body, "model_version") or forms.COMMUNITY_VERSION},
        answers,
    )


def _rows(
    document: Document, export: Export, native: str | None, about: Mapping[str, str | None], answers: list[Row] | list[Row | str]
) -> Iterator[Row]:  # fmt: skip
    """The answers as one row that stands for several; what is not used is counted."""
    given = export.options
    at = about["submitted_at"] or document.taken_at
    team = about["team_id"] or given["team"]
    role = about["role"] or given["role"]
    wave = about["wave"] or given["wave"] or survey.quarter(moment(at, None))
    reason = NO_TIME if at is None else NO_TEAM if team is None else None
    if reason:
        yield document.left_out(reason)
        return
    by_item: dict[str, Row] = {}
    for one in answers:
        if isinstance(one, str):
            yield document.left_out(one)
        elif one["item_id"] in by_item:
            yield document.left_out(TWICE)
        else:
            by_item[one["item_id"]] = one
    if by_item:
        shared = document.row(
            at, assessment_id=export.id(native), wave=wave, team_id=team, role=role if role in forms.ROLES else None,
            model_version=about["model_version"], submitted_at=at,
        )  # fmt: skip
        yield document.rows(shared, list(by_item.values()))


def last(found: list[Row]) -> list[Row]:
    """The rows of each form as it was saved last; those before are counted as left out."""
    best: dict[str, Row] = {}
    for row in filter(is_row, found):
        before = best.get(row["assessment_id"])
        if before is None or (row["_newest"] or "") >= (before["_newest"] or ""):
            best[row["assessment_id"]] = row
    kept = []
    for row in found:
        again = is_row(row) and best[row["assessment_id"]] is not row
        kept += [row["_document"].left_out(AGAIN)] * count(row) if again else [row]
    return kept


def read(paths: Sequence[Path], options: Mapping[str, Any], root: Path) -> list[Extract]:
    """As every system is read. Where the company has a model of its own (option ``model``), tables may ask its questions or the kit's."""
    path = root / (options.get("model") or MODEL)
    if not path.is_file():
        if "model" in options:
            raise SourceError(
                f"{path.name}: there is no such file. Say in the option model where the company's own model is, or leave it out."
            )
        return native.read(DECLARED, paths, options, root)
    problems: list[str] = []
    model = parse(path.read_text(encoding="utf-8"), problems)
    if problems:
        raise SettingsError.listing(path.name, problems)
    return native.read(_of_own(forms.Questions(model)), paths, options, root)


def _of_own(questions: forms.Questions) -> System:
    own = Shape("own", "a row of answers to the company's own questions", questions.are_in)
    gives = Gives("assessments", partial(of_tables, questions=questions), ("own",), "all responses that were not deleted", lost=("respondent_id",), together=last)  # fmt: skip
    # The company's own questions first: an item of theirs may be called as one of the kit's.
    return replace(DECLARED, shapes=(own, *DECLARED.shapes), gives=(*DECLARED.gives, gives))


DECLARED = System(
    kind="self_assessment",
    title="Self-assessment",
    shapes=(
        Shape("form", "a saved form", lambda b: b.get("form") == forms.FORM),
        Shape("community", "answers to the CNCF community's assessment", lambda b: bool(forms.community(b))),
        Shape("response", "a row of answers to our questions", SHIPPED.are_in),
    ),
    gives=(
        Gives("assessments", None, ("form",), "all forms that were handed in", lost=("respondent_id",), together=last, at_once=assessments),
        Gives("assessments", of_tables, ("response",), "all responses that were not deleted", lost=("respondent_id",), together=last),
        Gives("assessments", of_community, ("community",), "all answers that were kept", lost=("respondent_id",), together=last),
    ),
    recipes=(
        Recipe("forms/*.json", "idp assess form --data data/acme --team payments --wave 2026-Q3 --out form.html", "none",
               "Everybody fills in the page, saves a file and hands it in; MATURITY.md says how."),
        Recipe("responses.csv", "", "editor of the form",
               "Google Forms: Responses, More, Download responses (.csv); Typeform: Results, Responses, Download. Over a column stands the question as in the form, or its id; an answer is a described level, its number, don't know, or not applicable: why."),
        Recipe("community.json", "", "none",
               "The answers in the address of its page, investment_1=3&…, as JSON, or given to idp assess import. Names neither team nor time: set team and as_of. Its questions are not ours: another model_version."),
    ),
    options=(
        Option("team", "text", "The team assessed, where the file does not say."),
        Option("wave", "text", "The round, where the file does not say; without it the quarter of the answers, 2026-Q3."),
        Option("role", "text", "As what was answered, where the file does not say.", allowed=tuple(forms.ROLES)),
        Option("team_question", "text", "The question of a table whose answer is the team.", default=TEAM),
        Option("role_question", "text", "The question of a table whose answer is the role.", default=_ROLE),
        Option("model", "text", f"The company's own model, whose questions tables ask; without it {MODEL} of the data folder, where there is one."),
        Option("dates", "text", "What comes first in dates such as 3/2/2026.", allowed=DATES),
    ),
)  # fmt: skip

SYSTEM = replace(DECLARED, reads=read)
