"""What every survey tool has in common: responses → one row per answer, words for scales, free text withheld.

A reader makes a :class:`Response` of each of its documents; :func:`rows` makes the rows and :func:`last` keeps the last
response of each person. Text somebody typed is withheld unless the settings ask for it; where a file does not tell typed
text from a chosen answer, it counts as typed until the settings name the question's choices, scale or separator.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

import polars as pl

from idp_analytics.errors import SourceError
from idp_analytics.sources.export import Document, Export
from idp_analytics.sources.native import AGAIN
from idp_analytics.sources.over_time import is_row
from idp_analytics.sources.rows import count
from idp_analytics.sources.survey_times import DATES, moment
from idp_analytics.sources.system import Option, Row
from idp_analytics.tables.pseudonyms import pseudonyms

UNFINISHED = "was not finished"
NOT_ASKED = "answers a question that the settings' questions do not name"
TYPED = "is free text, which is not kept without keep_text = true"
MAYBE_TYPED = "may be free text: name the question in choices, scales or separators, or set keep_text = true"
PERSONAL = "is an address, a number or a file of the respondent"
OUTSIDE = "is outside the scale of its question"
NO_NUMBER = "is no number, which its question asks for"

CHOICE, TEXT, UNKNOWN, PRIVATE = "choice", "text", "unknown", "private"
"""What an answer is: chosen, typed, not to be told, or one that is never kept."""

_RANGE = re.compile(r"\s*(-?\d+)\s*(?:-|–|to|\.\.)\s*(-?\d+)\s*")
_RANGE_IN_HEADING = re.compile(r"\((-?\d+)\s*(?:-|–|to)\s*(-?\d+)\)")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_AMOUNT = re.compile(r"[^\d.,-]{0,12}(-?\d+(?:[.,]\d{1,2})?)[^\d.,-]{0,12}")
"""A number with a currency or a word beside it; \"1,200\" could be two numbers and is none."""

_LEADING = re.compile(r"(-?\d+(?:\.\d+)?)(?![\d.,/:])\D")

_MOST_KNOWN = 10_000
"""Answers whose reading is kept: words that somebody typed come once and would only fill the memory."""

_WHO = pl.coalesce("_who", pl.col("response_id").fill_null("None"))
"""Whose a response is, in a frame with a row per response."""

Range = tuple[float, float]


class Said(NamedTuple):
    """One answer: its ``label`` (null: only a number), and its ``value`` where the tool gives one."""

    label: str | None
    value: str | None = None


class Answer(NamedTuple):
    """What was answered to one question. ``keys``: the question's id, then its other names; ``group``: the question a row
    of a grid belongs to, whose scale and choices it has; ``scale`` where the tool tells it."""

    keys: tuple[str, ...]
    said: tuple[Said, ...]
    kind: str = UNKNOWN
    group: str | None = None
    scale: Range | None = None


@dataclass(frozen=True)
class Response:
    """One respondent's answers. ``survey`` as the tool names it; ``who``: what tells that two responses are one person's;
    ``fields``: hidden fields and what else stands beside the answers, never an answer itself."""

    native: str | None
    survey: str | None
    submitted_at: str | None
    answers: Sequence[Answer]
    fields: Mapping[str, str] = field(default_factory=dict)
    who: str | None = None
    is_finished: bool = True


def options(dates: str | None = None) -> tuple[Option, ...]:
    """The options of every survey tool; ``dates``: the order in which it usually writes dates with strokes."""
    return (
        Option("survey", "text", "Our id of the survey; without it the tool's own, where the file has one."),
        Option("wave", "text", "The round of the survey; without it the quarter of the response, 2026-Q1."),
        Option("questions", "words", "The questions to read: their heading or id, and our question_id. Without it all, under their id."),
        Option("team_question", "text", "The question (heading or id) whose answer is the respondent's team."),
        Option("team_field", "text", "The hidden field, embedded data or column that names the respondent's team."),
        Option("person_question", "text", "The question or field that tells who answered: becomes a pseudonym; only the last response of a wave counts."),
        Option("scales", "words", 'Scale of a question (heading, id or our question_id): "1-5".'),
        Option("points", "words", 'Number that an answer in words stands for: { "Agree" = "4" }.'),
        Option("choices", "texts", "Questions (heading, id or our question_id) with given answers, where the file does not tell them from free text."),
        Option("separators", "words", "What stands between several answers to one question (heading, id or our question_id)."),
        Option("numbers", "texts", "Questions (heading, id or our question_id) that ask for a price or another number; what is none is left out."),
        Option("fields", "words", 'Hidden fields, embedded data or columns that hold an answer, and our question_id: { price = "price-shown@1" }.'),
        Option("keep_text", "flag", "Keep what people typed; only where the survey asked leave to.", default=False),
        Option("keep_text_of", "texts", "Questions (heading, id or our question_id) of which alone the typed answers are kept; only where the survey asked leave to."),
        Option("dates", "text", "What comes first in dates such as 3/2/2026.", allowed=DATES, default=dates),
    )  # fmt: skip


# --- response → rows --------------------------------------------------------------------------------------------------


def rows(document: Document, export: Export, response: Response) -> Iterator[Row]:
    """The answers, as one row that stands for several; what is not kept is counted. Raises :class:`SourceError` where no survey or scale can be made out."""
    if not response.is_finished:
        yield document.left_out(UNFINISHED)
        return
    given = export.options
    survey = named(document, export, response.survey)
    submitted = moment(response.submitted_at, given["dates"])
    wave = given["wave"] or quarter(submitted)
    person = _asked(response, given["person_question"])
    about = document.row(
        submitted, response_id=export.id(response.native), survey_id=survey, wave=wave, submitted_at=submitted,
        team_id=_asked(response, given["team_question"]) or _field(response, given["team_field"]),
        person_id=export.person(person), _who=identity(survey, wave, response.who or person),
    )  # fmt: skip
    in_fields = [
        Answer((ours,), (Said(text),), CHOICE)
        for name, ours in (given["fields"] or {}).items()
        if (text := _field(response, name))
    ]
    found = read((*response.answers, *in_fields), export)
    if said := [one for one in found if not isinstance(one, str)]:
        yield document.rows(about, said)
    yield from (document.left_out(one) for one in found if isinstance(one, str))


def named(document: Document, export: Export, native: str | None) -> str:
    """Our name of the survey, else the tool's own (``native``). Raises :class:`SourceError` where there is neither."""
    if (survey := export.options["survey"] or native) is None:
        raise SourceError(
            f'{document.file.shown}: does not say which survey it is. Add survey = "…" to the source in settings.toml.'
        )
    return str(survey)


def identity(survey: str, wave: str | None, who: str | None) -> str | None:
    """What tells that two responses are one person's in one wave of a survey; null: nothing does."""
    return "\0".join((survey, wave or "", who)).strip().lower() if who else None


def read(answers: Iterable[Answer], export: Export) -> list[Row | str]:
    """What a response's answers say, a row's columns or why it is left out each; answers to questions about people are none."""
    about_people = export.once("about people", lambda: _about_people(export.options))
    asked = (one for one in answers if one.said and about_people.isdisjoint(plain_names(one.keys)))
    return [one for answer in asked for one in _read(answer, export)]


def _about_people(given: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(plain(given[name]) for name in ("team_question", "person_question") if given[name])


def _read(answer: Answer, export: Export) -> Sequence[Row | str]:
    """The answer's columns, one row per thing said, or why it is left out; many say the same, which is read once."""
    known: dict[Answer, Sequence[Row | str]] = export.once("answers", dict)
    found = known.get(answer)
    if found is None:
        found = tuple(_rows_of(answer, export))
        if len(known) < _MOST_KNOWN:
            known[answer] = found
    return found


@dataclass(frozen=True)
class _Question:
    """What the settings say of a question: our ``id`` of it (null: it is not to be read), how its answers are told apart, its
    declared scale, the scale its heading tells, whether its answers are given ones (``is_closed``) or numbers, and whether what
    is typed is kept."""

    id: str | None
    separator: str | None = None
    declared: Range | None = None
    heading: Range | None = None
    is_closed: bool = False
    is_number: bool = False
    keeps_text: bool = False


def _declared(answer: Answer, given: Mapping[str, Any]) -> _Question:
    is_ours = given["questions"] is None or answer.keys[0] in (given["fields"] or {}).values()
    question = answer.keys[0] if is_ours else _first(given["questions"], answer.keys)
    if question is None:
        return _Question(None)
    names = tuple(filter(None, (*answer.keys, answer.group, question)))
    separator = _first(given["separators"] or {}, names)
    declared = _declared_scale(given["scales"] or {}, names)
    known = {plain(name) for name in names}
    chosen, number, kept = (
        not known.isdisjoint(plain(name) for name in given[option] or ())
        for option in ("choices", "numbers", "keep_text_of")
    )
    return _Question(
        question,
        separator,
        declared,
        _scale_in(names),
        bool(separator or declared or chosen),
        number,
        kept or given["keep_text"],
    )


def _points(export: Export) -> Mapping[str, str]:
    given: Mapping[str, str] = export.options["points"] or {}
    return export.once("points", lambda: {plain(word): number for word, number in given.items()})


def _rows_of(answer: Answer, export: Export) -> Iterator[Row | str]:
    questions: dict[tuple[tuple[str, ...], str | None], _Question] = export.once("questions", dict)
    key = (answer.keys, answer.group)
    if key not in questions:
        questions[key] = _declared(answer, export.options)
    question = questions[key]
    if question.id is None:
        yield NOT_ASKED
        return
    scale = question.declared or answer.scale or question.heading
    said = [one for whole in answer.said for one in _split(whole, question.separator)]
    is_closed = answer.kind == CHOICE or question.is_closed
    if answer.kind == UNKNOWN and not is_closed and scale:
        is_closed = all(one.value is not None or _NUMBER.fullmatch(one.label or "") for one in said)
    if answer.kind == PRIVATE:
        yield PERSONAL
    elif question.is_number:
        for number, one in enumerate(said):
            found = _number(one)
            yield found if isinstance(found, str) else {"question_id": question.id, "value_index": number, **found}
    elif is_closed and answer.kind != TEXT:
        points = _points(export)
        for number, one in enumerate(said):
            found = _closed(one, scale, points)
            yield found if isinstance(found, str) else {"question_id": question.id, "value_index": number, **found}
    elif question.keeps_text:
        for number, one in enumerate(said):
            yield {"question_id": question.id, "value_index": number, "text": one.label}
    else:
        yield TYPED if answer.kind == TEXT else MAYBE_TYPED


def _number(one: Said) -> Row | str:
    text = one.value or one.label or ""
    found = _AMOUNT.fullmatch(text.strip())
    return {"value": found[1].replace(",", ".")} if found else NO_NUMBER


def _closed(one: Said, scale: Range | None, points: Mapping[str, str]) -> Row | str:
    label = one.label.strip() if one.label else None
    value = one.value
    if label is not None and value is None:
        if _NUMBER.fullmatch(label):
            label, value = None, label
        else:
            leading = _LEADING.match(label) if scale else None
            value = points.get(plain(label)) or (leading[1] if leading else None)
    if scale and value is not None and not scale[0] <= float(value) <= scale[1]:
        return OUTSIDE
    low, high = scale or (None, None)
    return {"value": value, "label": label, "scale_min": low, "scale_max": high}


def last(found: list[Row]) -> list[Row]:
    """The rows of the last response of each person (or of each response id); those before are counted as left out."""
    rows = [row for row in found if is_row(row)]
    if rows and all("_of" in row for row in rows):
        who = pl.concat([row["_about"].select(_WHO) for row in rows])
        if who.n_unique() == who.height:  # as nearly always
            return [*(row for row in found if not is_row(row)), *rows]
    best: dict[str, tuple[str, tuple[int, int]]] = {}
    told = [(row, _responses(row) if is_row(row) else []) for row in found]
    for who, newest, which in chain.from_iterable(responses for _, responses in told):
        if who not in best or newest >= best[who][0]:
            best[who] = (newest, which)
    kept = [row for row in found if not is_row(row)]
    for row, responses in told:
        stays = [best[who][1] == which for who, _, which in responses]
        if all(stays):
            kept += [row] if stays else []
        elif "_of" in row:
            kept += _of_some(row, stays)
        else:
            kept.append(row["_document"].left_out(AGAIN, count(row)))
    return kept


def _responses(row: Row) -> list[tuple[str, str, tuple[int, int]]]:
    """Who gave the responses that a row has, when, and which they are."""
    document = id(row["_document"])
    if "_of" not in row:
        return [(row["_who"] or str(row["response_id"]), row["_newest"] or "", (document, 0))]
    about = row["_about"]
    told = about.select(_WHO, pl.col("_newest").fill_null(""))
    return [(who, newest, (document, place)) for place, (who, newest) in enumerate(told.iter_rows())]


def _of_some(row: Row, stays: list[bool]) -> Iterator[Row]:
    """The rows of those responses that stay, of a row that has many."""
    document, frame = row["_document"], row["_columns"]
    some = frame.filter(pl.Series(stays).gather(row["_of"]))
    yield document.columns(some)
    yield document.left_out(AGAIN, frame.height - some.height)


def merged(answers: Iterable[Answer]) -> list[Answer]:
    """Answers to one question that come apart (a column per option) as one, in order."""
    by_question: dict[tuple[str, str], Answer] = {}
    for answer in answers:
        key = (answer.keys[0], answer.kind)
        before = by_question.get(key)
        by_question[key] = before._replace(said=(*before.said, *answer.said)) if before else answer
    return list(by_question.values())


# --- words ------------------------------------------------------------------------------------------------------------


def response_id(survey: str, wave: str | None, words: Sequence[str]) -> str:
    """An id for a response that its tool gives none: the same for the same ``words`` in one wave, and not to be undone."""
    return response_ids(["\0".join((survey, wave or "", *words))])[0]


def response_ids(said: Iterable[str]) -> list[str]:
    """The same of each: survey, wave and words with a null character between them."""
    return [one.removeprefix("person:") for one in pseudonyms(said)]


def quarter(at: str | None) -> str | None:
    """``2026-Q1`` of a time as :func:`moment` gives it; null: not known."""
    return _quarter_of(at[:8]) if at else None


@lru_cache(maxsize=10_000)
def _quarter_of(month: str) -> str | None:
    found = re.match(r"(\d{4})-(\d{2})-", month)
    return f"{found[1]}-Q{(int(found[2]) + 2) // 3}" if found else None


def told(value: Any) -> str | None:
    """Text or a number as text; null for nothing and for lists and objects."""
    if type(value) is str:
        return value.strip() or None
    if isinstance(value, bool) or value is None or isinstance(value, Mapping | list):
        return None
    return str(value).strip() or None


@lru_cache(maxsize=10_000)
def plain(name: str) -> str:
    """A name as it is compared: case and space do not matter."""
    return " ".join(name.split()).casefold()


@lru_cache(maxsize=10_000)
def plain_names(keys: tuple[str, ...]) -> frozenset[str]:
    """The names of a question as they are compared."""
    return frozenset(map(plain, keys))


def _first(words: Mapping[str, str], names: Sequence[str]) -> str | None:
    """The word of the first of ``names`` that has one; case and space do not matter."""
    known = {plain(name): word for name, word in words.items()}
    return next((known[plain(name)] for name in names if plain(name) in known), None)


def _asked(response: Response, name: str | None) -> str | None:
    """The first answer to the question of that name, else the field of that name."""
    if not name:
        return None
    answers = (answer for answer in response.answers if plain(name) in plain_names(answer.keys))
    words = (one.label or one.value for answer in answers for one in answer.said)
    return next(filter(None, words), None) or _field(response, name)


def _field(response: Response, name: str | None) -> str | None:
    if not name:
        return None
    wanted = plain(name)
    return next((text for field, text in reversed(list(response.fields.items())) if plain(field) == wanted), None)


def _split(said: Said, separator: str | None) -> list[Said]:
    if not separator or said.label is None:
        return [said]
    # A separator of comma and space is also met without its space; one in brackets is part of an answer: "Documents (guides, videos)".
    wanted = separator if separator.isspace() else separator.strip()
    parts, depth = [""], 0
    for piece in said.label.split(wanted):
        parts[-1] += f"{wanted}{piece}" if depth > 0 else piece
        depth = max(0, depth + piece.count("(") - piece.count(")"))
        if depth == 0:
            parts.append("")
    if depth:  # a bracket that never closes holds nothing together
        parts = said.label.split(wanted)
    return [Said(part.strip()) for part in parts if part.strip()]


def _declared_scale(scales: Mapping[str, str], names: Sequence[str]) -> Range | None:
    text = _first(scales, names)
    if text is None:
        return None
    found = _RANGE.fullmatch(text)
    if not found or not float(found[1]) < float(found[2]):
        raise SourceError(
            f'scales: {text!r} of question {names[0]!r} is no scale. Write the lowest and the highest answer: "1-5".'
        )
    return float(found[1]), float(found[2])


def _scale_in(names: Sequence[str]) -> Range | None:
    found = next(filter(None, map(_RANGE_IN_HEADING.search, names)), None)
    return (float(found[1]), float(found[2])) if found and float(found[1]) < float(found[2]) else None
