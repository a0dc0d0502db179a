"""The maturity model as data: aspects × levels, what teams are asked, and what has to be seen for a level.

``maturity_model.toml`` in the data folder takes the place of the one the kit ships; ``[[maturity_threshold]]`` moves one threshold of
either, ``[[maturity_exemption]]`` says with a reason and an end what is not asked of somebody, ``[[maturity_target]]`` which level is to be
reached. The shipped model follows the CNCF's
Platform Engineering Maturity Model (2023) in our words; that has neither items nor thresholds, so these are the kit's own.
"""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from idp_analytics.errors import SettingsError, nearest
from idp_analytics.settings import toml_reader
from idp_analytics.settings.toml_reader import TomlReader

FILE = "maturity_model.toml"
SHIPPED = Path(__file__).with_name(FILE)
SHIPPED_ID = "platform-engineering"

LEVELS = (1, 2, 3, 4)
SCOPES = ("team", "platform", "org")
"""Whose criterion it is: every team's and the whole's; one of the platform, whoever uses it; one of the organisation."""

EXCUSES = ("exempt", "not_applicable")
DEFAULT, OWN = "default of the kit", "settings of the company"


@dataclass(frozen=True)
class Aspect:
    """What is assessed, apart from the others: ``levels`` says in one sentence each what is seen at levels 1 to 4."""

    id: str
    title: str
    question: str
    levels: tuple[str, ...]


@dataclass(frozen=True)
class Item:
    """One question of the self-assessment; ``answers`` describe levels 1 to 4. ``is_stress``: how it is under pressure."""

    id: str
    aspect: str
    question: str
    answers: tuple[str, ...]
    is_stress: bool = False


@dataclass(frozen=True)
class Contradiction:
    """Answers of one respondent that hardly go together: to each of the two items one from ``low`` to ``high``."""

    items: tuple[str, str]
    low: tuple[int, int]
    high: tuple[int, int]
    says: str


@dataclass(frozen=True)
class Capability:
    """Something a platform can offer."""

    id: str
    title: str


@dataclass(frozen=True)
class CardRule:
    """What a scorecard says of services: that they pass ``rule`` (with at least so many ``points`` where it gives points), or have come to the level it calls
    ``reaches``. ``tool``: whose scorecard, where two have one of that name."""

    scorecard: str
    rule: str | None = None
    reaches: str | None = None
    tool: str | None = None
    points: float | None = None

    @property
    def source(self) -> str:
        """What a criterion that rests on it has as its source."""
        what = f"level {self.reaches}" if self.rule is None else self.rule
        least = f" from {self.points:g} points" if self.points is not None else ""
        return f"scorecard {self.scorecard}{f' of {self.tool}' if self.tool else ''}: {what}{least}"


@dataclass(frozen=True)
class Criterion:
    """What has to be seen for one level of one aspect: a ``metric`` of the catalogue, a ``measure`` of :mod:`metrics.maturity`, or the share of services of which
    a scorecard says something (``card``), at least or at most ``threshold``.

    ``scope``: :data:`SCOPES`. ``is_critical``: without it the level is not reached, whatever else is. ``is_stress``: seen under pressure,
    and levels from its own on are not reached against it. ``provenance``: where the threshold comes from, with the reason.
    """

    id: str
    aspect: str
    level: int
    scope: str
    says: str
    source: str
    is_metric: bool
    is_least: bool
    threshold: float
    weight: float = 1.0
    is_critical: bool = False
    is_stress: bool = False
    needs: tuple[str, ...] = ()
    capability: str | None = None
    provenance: str = DEFAULT
    card: CardRule | None = None


@dataclass(frozen=True)
class Exemption:
    """Of whom a criterion is not asked (``team`` None: of nobody), why, who said so and until when (None: not applicable for good)."""

    criterion: str
    kind: str
    reason: str
    by: str
    team: str | None = None
    until: date | None = None


@dataclass(frozen=True)
class AspectTarget:
    """A level of one aspect that is to be reached ``by`` a day, and why. ``team`` None: by the organisation, or by every team
    (``of_teams``) that has none of its own."""

    aspect: str
    level: int
    by: date
    reason: str
    team: str | None = None
    of_teams: bool = False


@dataclass(frozen=True)
class Model:
    """A whole model. ``fingerprint``: of the text it was read from and of thresholds moved, so that results tell by what they were made."""

    id: str
    version: str
    title: str
    after: str
    level_names: tuple[str, ...]
    aliases: Mapping[str, int]
    aspects: tuple[Aspect, ...]
    items: tuple[Item, ...]
    criteria: tuple[Criterion, ...]
    capabilities: tuple[Capability, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    fingerprint: str = ""
    targets: tuple[AspectTarget, ...] = ()

    @property
    def is_own(self) -> bool:
        """Whether it is a company's own, and not the kit's or one that follows it under its id."""
        return self.id != SHIPPED_ID

    @property
    def edition(self) -> str:
        """Under what answers to its items are kept: its version, with the id of a company's own before it, so that its items are never taken for the kit's of the same name."""
        return f"{self.id}@{self.version}" if self.is_own else self.version

    def level(self, name: str) -> int | None:
        """The number of a level by name, alias or number; null: none of them."""
        return self.aliases.get(name.strip().casefold())


T = TypeVar("T", Aspect, Item, Capability, Criterion)


@lru_cache(maxsize=1)
def shipped() -> Model:
    """The model of the kit."""
    problems: list[str] = []
    model = parse(SHIPPED.read_text(encoding="utf-8"), problems)
    if problems:
        raise SettingsError.listing(FILE, problems)
    return model


def parse(text: str, problems: list[str]) -> Model:
    """A model from TOML; what is wrong is added to ``problems``, all of it."""
    try:
        content = toml_reader.loads(text)
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{FILE}: is not TOML: {error}")
        content = None
    if content is None:
        return Model("", "", "", "", (), {}, (), (), ())
    take = TomlReader(content, where=f"{FILE}: ")
    name, version, title, after = (str(take.text(k, "")) for k in ("id", "version", "title", "after"))
    take.problems += [
        f"{take.where}no {key}" for key, value in (("id", name), ("version", version), ("title", title)) if not value
    ]
    names, aliases = _levels(take)
    aspects = _unique([a for e in take.tables("aspect") if (a := _aspect(e))], take, "aspect")
    known = [aspect.id for aspect in aspects]
    items = _unique([i for e in take.tables("item") if (i := _item(e, known))], take, "item")
    capabilities = _unique([_capability(e) for e in take.tables("capability")], take, "capability")
    offered = [capability.id for capability in capabilities]
    criteria = _unique([c for e in take.tables("criterion") if (c := _criterion(e, known, offered))], take, "criterion")
    asked = [item.id for item in items]
    against = tuple(one for e in take.tables("contradiction") if (one := _contradiction(e, asked)))
    take.done()
    if not aspects:
        take.problems.append(f"{FILE}: no [[aspect]]: there would be nothing to assess")
    problems += [problem if problem.startswith(FILE) else f"{FILE}: {problem}" for problem in take.problems]
    return Model(
        name, version, title, after, names, aliases, aspects, items, criteria, capabilities, against,
        fingerprint=hashlib.sha256(text.encode()).hexdigest()[:12],
    )  # fmt: skip


def _levels(take: TomlReader) -> tuple[tuple[str, ...], dict[str, int]]:
    found: dict[int, str] = {}
    aliases: dict[str, int] = {str(number): number for number in LEVELS}
    for entry in take.tables("level"):
        number, name = int(entry.number("number", 0, above=0, below=5)), entry.text("name", None)
        for alias in (name, *entry.texts("aliases")):
            if alias:
                aliases[alias.casefold()] = number
        entry.done()
        if name and number:
            found[number] = name
    if sorted(found) != list(LEVELS):
        take.problems.append(f"{FILE}: [[level]] must name the levels 1, 2, 3 and 4, once each")
    return tuple(found.get(number, str(number)) for number in LEVELS), aliases


def _aspect(entry: TomlReader) -> Aspect | None:
    name, title, question = (entry.text(key, None) for key in ("id", "title", "question"))
    levels = _four(entry, "levels")
    entry.done()
    return (
        Aspect(str(name), title or str(name), str(question), levels)
        if told(entry, id=name, question=question) and levels
        else None
    )


def _item(entry: TomlReader, aspects: Sequence[str]) -> Item | None:
    name, question = entry.text("id", None), entry.text("question", None)
    aspect = _one_of(entry, "aspect", aspects)
    answers, is_stress = _four(entry, "answers"), entry.flag("is_stress", False)
    entry.done()
    if not told(entry, id=name, question=question) or aspect is None or not answers:
        return None
    return Item(str(name), aspect, str(question), answers, is_stress)


def _capability(entry: TomlReader) -> Capability:
    name, title = entry.text("id", None), entry.text("title", None)
    entry.done()
    told(entry, id=name)
    return Capability(name or "", title or name or "")


def _criterion(entry: TomlReader, aspects: Sequence[str], capabilities: Sequence[str]) -> Criterion | None:
    before = len(entry.problems)
    name, says = entry.text("id", None), entry.text("says", None)
    aspect = _one_of(entry, "aspect", aspects)
    level = entry.number("level", 0, above=1, below=5)
    scope = entry.choice("scope", SCOPES, "")
    metric, measure = entry.text("metric", None), entry.text("measure", None)
    ends = {key: entry.number(key, math.nan, -math.inf) for key in ("at_least", "at_most")}
    weight = entry.number("weight", 1.0, above=0)
    critical, stress = entry.flag("is_critical", False), entry.flag("is_stress", False)
    capability = _one_of(entry, "capability", capabilities) if "capability" in entry.content else None
    needs, provenance = entry.texts("needs"), entry.text("provenance", DEFAULT)
    card = _card(entry)
    entry.done()
    told(entry, id=name, says=says)
    given = [key for key, end in ends.items() if not math.isnan(end)]
    if sum(one is not None for one in (metric, measure, entry.content.get("scorecard"))) != 1:
        entry.problems.append(f"{entry.where}must name a metric, a measure or a scorecard, and one of them only")
    if len(given) != 1 and len(entry.problems) == before:
        entry.problems.append(f"{entry.where}must say at_least or at_most, and not both")
    if level not in LEVELS and len(entry.problems) == before:
        entry.problems.append(f"{entry.where}level = {level:g}: must be 2, 3 or 4; level 1 needs nothing")
    if len(entry.problems) > before:
        return None
    return Criterion(
        str(name), str(aspect), int(level), scope, str(says), card.source if card else str(metric or measure), metric is not None, given == ["at_least"],
        ends[given[0]], weight, critical, stress, needs, capability, str(provenance), card,
    )  # fmt: skip


def _card(entry: TomlReader) -> CardRule | None:
    """What the criterion says of a scorecard; null: nothing."""
    card, rule, reaches, tool = (entry.text(key, None) for key in ("scorecard", "rule", "reaches", "tool"))
    points = entry.number("points", math.nan, above=0) if "points" in entry.content else None
    if card is None:
        for key in ("rule", "reaches", "tool", "points"):
            if key in entry.content:
                entry.problems.append(f"{entry.where}{key} belongs to a scorecard; name it")
        return None
    if (rule is None) == (reaches is None):
        entry.problems.append(f"{entry.where}of scorecard {card!r}: must say which rule services pass, or which level it reaches, and not both")  # fmt: skip
    if points is not None and rule is None:
        entry.problems.append(f"{entry.where}points are those of a rule; name it")
    return CardRule(card, rule, reaches, tool, points)


def _contradiction(entry: TomlReader, items: Sequence[str]) -> Contradiction | None:
    names, says = entry.texts("items"), entry.text("says", None)
    entry.taken.add("answers")
    spans = entry.content.get("answers")
    entry.done()
    sound = (
        isinstance(spans, list) and len(spans) == 2
        and all(isinstance(s, list) and len(s) == 2 and all(n in LEVELS for n in s) and s[0] <= s[1] for s in spans)
    )  # fmt: skip
    unknown = [name for name in names if name not in items]
    if len(names) != 2 or unknown or says is None or not sound:
        entry.problems.append(
            f"{entry.where}must name two items of the model, the answers to each as [lowest, highest], and what it says; found "
            f"items = {list(names)}, answers = {spans!r}"
        )
        return None
    (a, b), (c, d) = spans  # type: ignore[misc]
    return Contradiction((names[0], names[1]), (a, c), (b, d), says)


def told(entry: TomlReader, **values: Any) -> bool:
    """Whether all ``values`` of ``entry`` are there; says so of those that are not."""
    lacking = [key for key, value in values.items() if value is None]
    entry.problems += [f"{entry.where}no {key}" for key in lacking if key not in entry.content]
    return not lacking


def _four(entry: TomlReader, key: str) -> tuple[str, ...]:
    found = entry.texts(key)
    if len(found) != len(LEVELS) or not all(text.strip() for text in found):
        entry.problems.append(f"{entry.where}{key}: must be four texts, of levels 1 to 4; found {len(found)}")
        return ()
    return found


def _one_of(entry: TomlReader, key: str, known: Sequence[str]) -> str | None:
    value = entry.text(key, None)
    if value in known:
        return value
    entry.problems.append(
        f"{entry.where}no {key}" if value is None else f"{entry.where}{key} = {value!r}: is none of the model's.{nearest(value, known)}"
    )  # fmt: skip
    return None


def _unique(found: list[T], take: TomlReader, what: str) -> tuple[T, ...]:
    names = [one.id for one in found]
    take.problems += [
        f"{FILE}: {what} {name!r} is there {names.count(name)} times; say it once"
        for name in sorted(set(names))
        if names.count(name) > 1
    ]
    return tuple(found)
