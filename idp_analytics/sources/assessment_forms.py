"""What a filled-in self-assessment looks like: the form's own file, and how a table of a survey tool words the same answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from idp_analytics.settings.maturity_model import Item, shipped

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


@lru_cache(maxsize=1)
def headings() -> Mapping[str, Item]:
    """What may stand over a column → the item: its question or its id."""
    return {plain(text): item for item in shipped().items for text in (item.question, item.id)}


@lru_cache(maxsize=1000)
def asked(names: tuple[str, ...]) -> Mapping[str, Item]:
    """Which columns of a table hold answers to which item."""
    return {name: item for name in names if (item := headings().get(plain(name)))}


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
