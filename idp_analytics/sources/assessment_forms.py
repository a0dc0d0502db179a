"""What a filled-in self-assessment looks like: the form's own file, and how a table of a survey tool words the same answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from idp_analytics.settings.maturity_model import Item, Model

FORM = "idp-self-assessment"
FORM_VERSION = 1
ROLES = {
    "user": "I use the platform",
    "platform": "I work on the platform",
    "leader": "I lead people who use it or work on it",
}
"""Role → as it is asked."""

FINAL = "final"

UNKNOWN, NOT_APPLICABLE = "unknown", "not_applicable"
LEVELS = ("1", "2", "3", "4")
ANSWERS = (*LEVELS, UNKNOWN, NOT_APPLICABLE)

LEAST_HEADINGS = 3
"""A table with fewer of our questions is another survey."""

COMMUNITY_VERSION = "cncf-community-1"
"""The model that answers to the community's own assessment belong to: its questions are not ours and are never compared with them."""

_COMMUNITY = re.compile(r"(investment|adoption|interfaces|operations|measurement)_[1-9]")
_UNKNOWN = frozenset(("don't know", "i don't know", "do not know", "not sure", "unknown"))
_NOT_APPLICABLE = re.compile(r"(?:not applicable|n/a)\b\s*(?:because\b)?[\s:.…,-]*(.*)", re.IGNORECASE | re.DOTALL)


def plain(text: str) -> str:
    """Words as they are compared: one space between them, small letters, one kind of apostrophe."""
    return " ".join(text.replace("’", "'").split()).casefold()


@dataclass(frozen=True)
class Questions:
    """The items of one model as they stand over the columns of a table."""

    model: Model
    _asked: dict[tuple[str, ...], Mapping[str, Item]] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def headings(self) -> Mapping[str, Item]:
        """What may stand over a column → the item: its question or its id."""
        return {plain(text): item for item in self.model.items for text in (item.question, item.id)}

    def asked(self, names: tuple[str, ...]) -> Mapping[str, Item]:
        """Which columns of a table hold answers to which item."""
        if names not in self._asked:
            self._asked[names] = {name: item for name in names if (item := self.headings.get(plain(name)))}
        return self._asked[names]

    def are_in(self, body: Mapping[str, Any]) -> bool:
        """Whether a document is a row of a table that asks these questions, by its headings. One that is nested is no row of a table."""
        if not all(isinstance(name, str) for name in body):
            return False
        return 0 < min(LEAST_HEADINGS, len(self.model.items)) <= len(self.asked(tuple(body)))


def told(item: Item, cell: str) -> tuple[str, str | None] | None:
    """The answer in a cell, and why it is not applicable; null: it is none of the answers of its question.

    A described level in its own words, its number, "don't know", or "not applicable" with the reason after it.
    """
    words = plain(cell)
    if words in _UNKNOWN:
        return UNKNOWN, None
    if found := _NOT_APPLICABLE.fullmatch(cell.strip()):
        return NOT_APPLICABLE, found[1].strip() or None
    described = [plain(text).rstrip(".") for text in item.answers]
    if words.rstrip(".") in described:
        return str(described.index(words.rstrip(".")) + 1), None
    return (words, None) if words in LEVELS else None


def community(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The answers of the community's assessment, ``investment_1`` to ``measurement_4``, bare or under ``answers``; empty: none."""
    inside = body.get("answers")
    held = inside if isinstance(inside, Mapping) else body
    found = {str(name): value for name, value in held.items() if _COMMUNITY.fullmatch(str(name))}
    return found if len(found) >= LEAST_HEADINGS else {}
