"""Questions as data: the questionnaires the kit ships, ``[[question]]`` with which a company adds its own, and ``[survey]``.

A question is known by ``item@version``. What was asked in other words, on another scale or with other answers was another
question and has another version, so that a series never joins answers to two questions.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from idp_analytics.errors import SettingsError
from idp_analytics.settings.toml_reader import TomlReader

KINDS = ("scale", "promoter", "several", "choice", "number", "open")
"""Ordered answers; 0 to 10; several given answers; one given answer; a price or another number; text."""

PARTS = (
    "overall", "drivers", "recommend", "pain points", "votes", "comment", "price", "price range", "exit", "other",
)  # fmt: skip
"""What a question is there for. ``drivers``: ratings of one area each, which may go with overall satisfaction."""

SHIPPED = (
    Path(__file__).with_name("questionnaire.toml"),
    Path(__file__).with_name("exit_interview.toml"),
)
CLOSES_AFTER_DAYS = 21.0

_ID = re.compile(r"([a-z0-9][a-z0-9_-]*)@([1-9]\d*)")
_ASKED = ("wording", "kind", "low", "high", "choices", "most", "is_reversed")
"""What a respondent meets: none of it changes under one id."""
_WHERE_IT_WAS_ASKED = "the questionnaire that the kit ships"


@dataclass(frozen=True)
class Question:
    """One question of a survey, in the words in which it was asked.

    ``title``: a short noun for tables and charts. ``low``, ``high``: the ends of a scale, or the bounds of a number (null:
    none). ``is_reversed``: the lowest answer is the best one; :meth:`turned` makes it the highest. ``favourable``: the lowest
    answer, once turned, that counts as favourable: the upper two of a scale of five, 9 of a promoter scale; null where no
    answer is better than another. ``subject``: the area of the platform it is about, null for all of it. ``choices``: the
    given answers, in order, and ``subjects`` the areas those of them are about that are about one; ``most``: how many may be
    given. ``ends``: words for the lowest and the highest answer. ``is_hidden``: filled in by the tool and not asked;
    ``is_optional``: part of the questionnaire only where somebody wants it.
    """

    id: str
    item: str
    version: int
    title: str
    wording: str
    kind: str
    low: float | None = None
    high: float | None = None
    is_reversed: bool = False
    favourable: float | None = None
    subject: str | None = None
    part: str = "other"
    choices: tuple[str, ...] = ()
    subjects: Mapping[str, str] = field(default_factory=dict)
    most: int | None = None
    ends: tuple[str, ...] = ()
    is_hidden: bool = False
    is_optional: bool = False

    def turned(self, answer: float) -> float:
        """The answer with better ones higher: of a reversed scale 1–5, 1 becomes 5."""
        return (
            self.low + self.high - answer
            if self.is_reversed and self.low is not None and self.high is not None
            else answer
        )


@dataclass(frozen=True)
class Questionnaire:
    """What is asked together: ``id`` is the ``survey_id`` of its answers. In ``introduction``, ``{min_cohort}`` stands for the
    setting, as in wordings ``{price}`` stands for the price that is shown."""

    id: str
    title: str
    introduction: str
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class SurveyRules:
    """``[survey]``. A wave is closed ``closes_after_days`` days after its first answer: later answers are left out and
    counted, and before it is closed nothing of it is published."""

    closes_after_days: float = CLOSES_AFTER_DAYS


@lru_cache(maxsize=1)
def shipped() -> tuple[Questionnaire, ...]:
    """The questionnaires of the kit: the quarterly survey first, then the exit interview."""
    return tuple(map(_questionnaire, SHIPPED))


def shipped_questions() -> dict[str, Question]:
    """Every question of every shipped questionnaire, by id, in the order in which they are asked."""
    return {question.id: question for one in shipped() for question in one.questions}


def _questionnaire(path: Path) -> Questionnaire:
    take = TomlReader(tomllib.loads(path.read_text(encoding="utf-8")))
    name, title, introduction = (str(take.text(key, "")) for key in ("id", "title", "introduction"))
    questions = parse_questions(take.tables("question"), take.problems, {})
    take.done()
    if take.problems:
        raise SettingsError.listing(path.name, take.problems)
    return Questionnaire(name, title, introduction, tuple(questions.values()))


def parse_survey(entry: TomlReader) -> SurveyRules:
    """``[survey]`` → rules."""
    rules = SurveyRules(entry.number("closes_after_days", CLOSES_AFTER_DAYS, above=0, below=367))
    entry.done()
    return rules


def parse_questions(
    entries: Sequence[TomlReader], problems: list[str], known: Mapping[str, Question]
) -> dict[str, Question]:
    """``[[question]]`` tables over the ``known`` questions → all of them by id; what is wrong is added to ``problems``.

    What an entry does not say is as in the known question of that id, or else as in the latest version before it of the same
    item. Of a known id only what no respondent met may be said anew: title, subject, favourable, part.
    """
    found = dict(known)
    own: dict[str, str] = {}
    for entry in entries:
        question = _question(entry, found)
        if question is None:
            continue
        if question.id in own:
            problems.append(f"{entry.where}{question.id!r} is there already ({own[question.id]}); say it once")
            continue
        own[question.id] = entry.where.removesuffix(": ")
        same = known.get(question.id)
        changed = [name for name in _ASKED if same and getattr(same, name) != getattr(question, name)]
        if same and changed:
            problems.append(
                f"{entry.where}{question.id!r} has another {', '.join(changed)} than in {_WHERE_IT_WAS_ASKED}; "
                f'what is asked differently is another question: id = "{question.item}@{_next(question.item, found)}"'
            )
            continue
        found[question.id] = question
    return found


def _next(item: str, known: Mapping[str, Question]) -> int:
    return 1 + max(question.version for question in known.values() if question.item == item)


def _question(entry: TomlReader, known: Mapping[str, Question]) -> Question | None:
    before = len(entry.problems)
    name = entry.text("id", None)
    told = _ID.fullmatch(name or "")
    if not told:
        entry.problems.append(
            f"{entry.where}no id" if name is None
            else f'{entry.where}id = {name!r}: must be item@version in small letters, e.g. "documentation@2"'
        )  # fmt: skip
    item, version = (told[1], int(told[2])) if told else ("", 1)
    base = _base(item, version, known)
    kind = entry.choice("kind", KINDS, base.kind if base else "scale")
    if base and base.kind != kind:  # what it had of another kind says nothing of this one
        base = replace(
            base, low=None, high=None, favourable=None, choices=(), subjects={}, most=None, ends=(), is_reversed=False
        )
    wording = entry.text("wording", base.wording if base else None)
    low, high = _bounds(entry, kind, base)
    if entry.content.keys() & {"low", "high"} and base:
        base = replace(base, favourable=None, ends=())
    choices = entry.texts("choices") or (base.choices if base else ())
    subject = entry.text("subject", base.subject if base else None)
    question = Question(
        id=name or "", item=item, version=version, title=str(entry.text("title", base.title if base else item.replace("-", " "))),
        wording=wording or "", kind=kind, low=low, high=high,
        is_reversed=entry.flag("is_reversed", base.is_reversed if base else False),
        favourable=_favourable(entry, kind, low, high, base), subject=subject,
        part=entry.choice("part", PARTS, base.part if base else "drivers" if kind == "scale" and subject else "other"),
        choices=choices, subjects=_subjects(entry, choices, base), most=_most(entry, kind, choices, base),
        ends=entry.texts("ends") or (base.ends if base else ()),
        is_hidden=entry.flag("is_hidden", base.is_hidden if base else False),
        is_optional=entry.flag("is_optional", base.is_optional if base else False),
    )  # fmt: skip
    _check(entry, question)
    entry.done()
    return question if len(entry.problems) == before else None


def _base(item: str, version: int, known: Mapping[str, Question]) -> Question | None:
    """The question of that id, or the latest version of the item before it."""
    earlier = [question for question in known.values() if question.item == item and question.version <= version]
    return max(earlier, key=lambda question: question.version, default=None)


def _bounds(entry: TomlReader, kind: str, base: Question | None) -> tuple[float | None, float | None]:
    usual = {"scale": (1.0, 5.0), "promoter": (0.0, 10.0)}.get(kind, (None, None))
    low, high = (base.low, base.high) if base else usual
    if kind == "promoter":
        low, high = usual
    for key in ("low", "high"):
        value = entry.number(key, math.nan, above=-math.inf)
        if math.isnan(value):
            continue
        if kind == "promoter" and value != (0 if key == "low" else 10):
            entry.problems.append(f'{entry.where}{key} = {value:g}: a promoter scale is 0 to 10; write kind = "scale"')
        low, high = (value, high) if key == "low" else (low, value)
    return low, high


def _favourable(
    entry: TomlReader, kind: str, low: float | None, high: float | None, base: Question | None
) -> float | None:
    usual = base.favourable if base else None
    if usual is None and kind == "promoter":
        usual = 9.0
    if usual is None and kind == "scale" and low is not None and high is not None:
        usual = high - 1 if high - low >= 3 else high
    value = entry.number("favourable", math.nan, above=-math.inf)
    return usual if math.isnan(value) else value


def _most(entry: TomlReader, kind: str, choices: tuple[str, ...], base: Question | None) -> int | None:
    value = entry.number("most", math.nan, above=0)
    if math.isnan(value):
        return base.most if base else None
    if kind != "several" or value != int(value) or value > len(choices):
        entry.problems.append(
            f"{entry.where}most = {value:g}: is how many of several choices may be given, a whole number"
        )
    return int(value)


def _subjects(entry: TomlReader, choices: tuple[str, ...], base: Question | None) -> dict[str, str]:
    entry.taken.add("subjects")
    given = entry.content.get("subjects")
    if given is None:
        return {choice: area for choice, area in (base.subjects if base else {}).items() if choice in choices}
    if not isinstance(given, dict) or not all(isinstance(area, str) for area in given.values()):
        entry.problems.append(f'{entry.where}subjects: must be a table of texts, {{ "slow approvals" = "approvals" }}')
        return {}
    entry.problems += [
        f"{entry.where}subjects: {choice!r} is none of its choices" for choice in given if choice not in choices
    ]
    return dict(given)


def _check(entry: TomlReader, question: Question) -> None:
    """What of a question does not go together."""
    say = [
        (not question.wording.strip(), "no wording"),
        (not question.title.strip(), "an empty title"),
        (question.kind in ("several", "choice") and len(question.choices) < 2, f"a question of kind {question.kind} needs choices, at least two"),
        (question.kind not in ("several", "choice") and bool(question.choices), f"a question of kind {question.kind} has no choices"),
        (len(set(question.choices)) < len(question.choices), "a choice is there twice"),
        (any(not choice.strip() for choice in question.choices), "a choice is empty"),
        (len(question.ends) not in (0, 2), "ends: must be two, of the lowest and the highest answer"),
        (question.kind not in ("scale", "promoter") and question.is_reversed, f"a question of kind {question.kind} cannot be reversed"),
    ]  # fmt: skip
    low, high, favourable = question.low, question.high, question.favourable
    if low is not None and high is not None and not low < high:
        say.append((True, f"low = {low:g} and high = {high:g}: the lowest answer must be below the highest"))
    elif favourable is not None and question.kind not in ("scale", "promoter"):
        say.append((True, f"favourable: no answer to a question of kind {question.kind} is better than another"))
    elif favourable is not None and low is not None and high is not None and not low < favourable <= high:
        say.append((True, f"favourable = {favourable:g}: must lie above {low:g}, up to {high:g}"))
    if question.kind in ("several", "choice", "open") and (low is not None or high is not None):
        say.append((True, f"a question of kind {question.kind} has neither low nor high"))
    entry.problems += [f"{entry.where}{sentence}" for is_wrong, sentence in say if is_wrong]
