"""A questionnaire ready to be set up in each survey tool, under the names by which the tool's reader knows its questions."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from idp_analytics.settings.questions import Question, Questionnaire
from idp_analytics.sources import survey_forms

FACTORS = (0.5, 1.0, 2.0)
"""The prices that are shown, as multiples of what the platform really costs a developer and month."""


@dataclass(frozen=True)
class Price:
    """What the platform costs per developer and month, and in which currency."""

    amount: float
    currency: str

    @property
    def shown(self) -> tuple[str, ...]:
        """The prices one of which is drawn for each respondent."""
        return tuple(f"{self.amount * factor:.2f}".removesuffix(".00") for factor in FACTORS)


def current(asked: Questionnaire, known: Mapping[str, Question]) -> Questionnaire:
    """The questionnaire as a company's settings have it: of each item the latest version, own ones after the last of their part."""
    latest: dict[str, Question] = {}
    for question in known.values():
        if question.item not in latest or question.version > latest[question.item].version:
            latest[question.item] = question
    mine = [latest.get(question.item, question) for question in asked.questions]
    parts = {question.part for question in mine}
    shipped = {question.item for question in asked.questions}
    for question in latest.values():
        if question.item not in shipped and question.part in parts:
            last = max(i for i, one in enumerate(mine) if one.part == question.part)
            mine.insert(last + 1, question)
    return replace(asked, questions=tuple(mine))


def chosen(asked: Questionnaire, min_cohort: int, price: Price | None, with_range: bool) -> Questionnaire:
    """What is asked this time: without a ``price`` nothing about it, and four prices only where somebody wants them."""
    parts = {"price"} if price is None else set()
    return replace(
        asked, introduction=asked.introduction.replace("{min_cohort}", str(min_cohort)),
        questions=tuple(one for one in asked.questions if one.part not in parts and (with_range or not one.is_optional)),
    )  # fmt: skip


def form(tool: str, asked: Questionnaire, price: Price | None = None) -> str:
    """The questionnaire for one of :data:`FORMS`; its price block shows one of three prices, drawn at random for each."""
    return FORMS[tool](asked, price)


def _steps(question: Question) -> list[int]:
    return list(range(int(question.low or 0), int(question.high or 0) + 1))


def _statement(question: Question, price: Price | None, shown: str) -> str:
    return question.wording.replace("{price}", f"{price.currency if price else ''} {shown}".strip())


# --- for people -------------------------------------------------------------------------------------------------------


def _markdown(asked: Questionnaire, price: Price | None) -> str:
    lines = [f"# {asked.title}", "", asked.introduction, ""]
    number = 0
    for question in asked.questions:
        if question.is_hidden:
            prices = ", ".join(price.shown) if price else ""
            lines += [f"*{_statement(question, price, '…')}* (one of {prices}, drawn at random for each)", ""]
            continue
        number += 1
        lines += [f"{number}. **{question.wording}** `{question.id}`", "", f"   {_answers(question)}", ""]
    return "\n".join(lines)


def _answers(question: Question) -> str:
    if question.kind in ("scale", "promoter"):
        low, high = question.ends or ("lowest", "highest")
        return f"{question.low:g} ({low}) to {question.high:g} ({high})"
    if question.kind in ("several", "choice"):
        most = "one of" if question.kind == "choice" else f"up to {question.most} of" if question.most else "any of"
        return f"{most}: {'; '.join(question.choices)}"
    return "a number" if question.kind == "number" else "in their own words"


def _csv(asked: Questionnaire, price: Price | None) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ("id", "part", "kind", "title", "wording", "low", "high", "low_words", "high_words", "choices", "most")
    )
    for one in asked.questions:
        low, high = one.ends or ("", "")
        choices = "; ".join(price.shown if one.is_hidden and price else one.choices)
        writer.writerow(
            (
                one.id,
                one.part,
                one.kind,
                one.title,
                one.wording,
                _plain(one.low),
                _plain(one.high),
                low,
                high,
                choices,
                one.most,
            )
        )
    return text.getvalue()


def _plain(number: float | None) -> str:
    return "" if number is None else f"{number:g}"


# --- for tools --------------------------------------------------------------------------------------------------------


def _qualtrics(asked: Questionnaire, price: Price | None) -> str:
    """Qualtrics' own text format. Scales say their values: without it an export as numbers would count 0 to 10 as 1 to 11."""
    fields = [survey_forms.TEAM_FIELDS["qualtrics"], *([survey_forms.PRICE_FIELDS["qualtrics"]] if price else [])]
    blocks = [
        "[[AdvancedFormat]]",
        *(f"[[ED:{name}]]" for name in fields),
        f"[[Block:{asked.title}]]",
        f"[[Question:DB]]\n{asked.introduction}",
    ]
    number = 0
    for question in asked.questions:
        if question.is_hidden:
            piped = f"${{e://Field/{survey_forms.PRICE_FIELDS['qualtrics']}}}"
            blocks.append(f"[[PageBreak]]\n\n[[Question:DB]]\n{_statement(question, price, piped)}")
            continue
        number += 1
        scale = [line for step in _steps(question) for line in (f"[[Choice:{step}]]", str(step))]
        kind, choices = {
            "several": ("MC:MultipleAnswer", ["[[Choices]]", *question.choices]),
            "choice": ("MC:SingleAnswer", ["[[Choices]]", *question.choices]),
            "open": ("TE:Essay", []), "number": ("TE:SingleLine", []),
        }.get(question.kind, ("MC:SingleAnswer:Horizontal", ["[[AdvancedChoices]]", *scale]))  # fmt: skip
        blocks.append(
            "\n".join(
                [f"[[Question:{kind}]]", f"[[ID:Q{number}]]", survey_forms.heading("qualtrics", question), *choices]
            )
        )
    return "\n\n".join(blocks) + "\n"


def _typeform(asked: Questionnaire, price: Price | None) -> str:
    """The body of a request to create the form."""
    hidden = [survey_forms.TEAM_FIELDS["typeform"], *([survey_forms.PRICE_FIELDS["typeform"]] if price else [])]
    content = {
        "title": asked.title, "type": "quiz", "hidden": hidden,
        "welcome_screens": [{"ref": "welcome", "title": asked.title, "properties": {"show_button": True, "description": asked.introduction}}],
        "fields": [_typeform_field(question, price) for question in asked.questions],
    }  # fmt: skip
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _typeform_field(question: Question, price: Price | None) -> dict[str, Any]:
    about: dict[str, Any] = {"ref": survey_forms.name(question), "title": question.wording}
    if question.is_hidden:
        recalled = f"{{{{hidden:{survey_forms.PRICE_FIELDS['typeform']}}}}}"
        return {
            **about,
            "type": "statement",
            "title": _statement(question, price, recalled),
            "properties": {"button_text": "Continue"},
        }
    labels = dict(zip(("left", "right"), question.ends, strict=False))
    match question.kind:
        case "several" | "choice":
            properties = {
                "allow_multiple_selection": question.kind == "several", "randomize": question.kind == "several",
                "choices": [{"label": word} for word in question.choices],
            }  # fmt: skip
            most = {"validations": {"max_selection": question.most}} if question.most else {}
            return {**about, "type": "multiple_choice", "properties": properties, **most}
        case "open" | "number":
            return {**about, "type": "long_text" if question.kind == "open" else "number"}
        case "promoter":
            return {**about, "type": "nps", "properties": {"labels": labels}}
        case _:
            steps = {"steps": len(_steps(question)), "start_at_one": question.low == 1, "labels": labels}
            return {**about, "type": "opinion_scale", "properties": steps}


def _google_forms(asked: Questionnaire, price: Price | None) -> str:
    """An Apps Script that makes the form, and writes a link for each price to its log."""
    lines = [
        f"// {asked.title}: paste into script.google.com and run makeSurvey; the links are in the execution log.",
        "function makeSurvey() {",
        f"  var form = FormApp.create({json.dumps(asked.title)});",
        f"  form.setDescription({json.dumps(asked.introduction)});",
        f"  form.addTextItem().setTitle({json.dumps(survey_forms.TEAM)});",
        *(f"  {line}" for question in asked.questions for line in _script(question, price)),
    ]
    if price and any(question.is_hidden for question in asked.questions):
        lines += [
            f"  {json.dumps(price.shown)}.forEach(function (shown) {{",
            '    Logger.log(shown + ": " + form.createResponse().withItemResponse(price.createResponse(shown)).toPrefilledUrl());',
            "  });",
        ]
    else:
        lines.append("  Logger.log(form.getPublishedUrl());")
    return "\n".join([*lines, "}"]) + "\n"


def _script(question: Question, price: Price | None) -> Iterator[str]:
    title = f".setTitle({json.dumps(survey_forms.heading('google_forms', question))})"
    if question.is_hidden:
        said = question.wording.replace("{price}", f"the number in this box ({price.currency if price else ''})")
        yield f"var price = form.addTextItem(){title}.setHelpText({json.dumps(said)});"
        return
    match question.kind:
        case "several":
            most = (
                f".setValidation(FormApp.createCheckboxValidation().requireSelectAtMost({question.most}).build())"
                if question.most
                else ""
            )
            yield f"form.addCheckboxItem(){title}.setChoiceValues({json.dumps(question.choices)}){most};"
        case "choice":
            yield f"form.addMultipleChoiceItem(){title}.setChoiceValues({json.dumps(question.choices)});"
        case "open":
            yield f"form.addParagraphTextItem(){title};"
        case "number":
            number = "FormApp.createTextValidation().requireNumberGreaterThanOrEqualTo(0).build()"
            yield f"form.addTextItem(){title}.setValidation({number});"
        case _:
            ends = (
                f".setLabels({json.dumps(question.ends[0])}, {json.dumps(question.ends[1])})" if question.ends else ""
            )
            yield f"form.addScaleItem(){title}.setBounds({question.low:g}, {question.high:g}){ends};"


def _surveymonkey(asked: Questionnaire, price: Price | None) -> str:
    """Text to paste: a question, its answers below it, a blank line."""
    blocks = [asked.title, asked.introduction]
    for question in asked.questions:
        if question.is_hidden:
            blocks.append(_statement(question, price, "[insert here: custom data 3]"))
            continue
        steps = map(str, _steps(question)) if question.kind in ("scale", "promoter") else question.choices
        blocks.append("\n".join([survey_forms.heading("surveymonkey", question), *steps]))
    return "\n\n".join(blocks) + "\n"


FORMS: Mapping[str, Callable[[Questionnaire, Price | None], str]] = {
    "google-forms": _google_forms, "typeform": _typeform, "qualtrics": _qualtrics, "surveymonkey": _surveymonkey,
    "markdown": _markdown, "csv": _csv,
}  # fmt: skip

_THREE = "Draw one of {prices} at random for each respondent, so that the three groups differ in nothing else"
_STEPS: Mapping[str, Sequence[str]] = {
    "google-forms": (
        "script.google.com, New project: paste, save, run makeSurvey, and allow it.",
        "The question about the team: make it a list of your teams, so that every answer is one of them.",
        "{three}: the log has a link for each; mix the addresses and send each third its link.",
    ),
    "typeform": (
        'curl -fsS -X POST -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" -d @form.json https://api.typeform.com/forms',
        "{three}: send links that end in #team=TEAM&price=PRICE.",
    ),
    "qualtrics": (
        "Create project, Survey, Tools, Import/export, Import survey: the file, as .txt.",
        "Survey flow: embedded data team from the link (?team=TEAM).",
        "{three}: in the survey flow, a randomizer before the block that evenly presents one of three embedded data price = ….",
        "The question that allows only so many choices: set it under response requirements; the text format cannot.",
        "Later: export the data as choice text, not as numeric values.",
    ),
    "surveymonkey": (
        "Create survey, Copy and paste your questions. Scales: single choice; text questions: comment box or single textbox.",
        "Contacts: custom data 1 is the team.",
        "{three}: mix the contacts, then fill in custom data 3; where the text says so, Insert text from, Contacts, custom data 3.",
    ),
}  # fmt: skip


def steps(tool: str, price: Price | None) -> list[str]:
    """What somebody does with the form, one sentence each."""
    three = _THREE.format(prices=", ".join(price.shown) if price else "")
    return [
        step.replace("{three}", three)
        for step in _STEPS.get(tool, ())
        if price or ("{three}" not in step and "price" not in step)
    ]
