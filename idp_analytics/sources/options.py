"""What is wrong with the value of an option in ``settings.toml``, by the option's kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

from idp_analytics.errors import nearest
from idp_analytics.sources.system import Option

FIRST, LAST = date(1, 1, 1), date(9999, 12, 31)
"""From when and until when an account belongs to a team, where the settings do not say."""


def wrong(option: Option, value: Any) -> list[str]:
    """What is wrong with ``value``, one sentence each; empty: nothing."""
    found = _WRONG[option.kind](option, value)
    if option.kind == "accounts" and isinstance(value, list | tuple):
        # The whole list again before each sentence about one of its entries would hide the sentence.
        return [f"{option.name}{', ' if sentence.startswith('entry ') else ': '}{sentence}" for sentence in found]
    return [f"{option.name} = {value!r}: {sentence}" for sentence in found]


def account_key(account: str) -> str:
    """How account ids are compared: without outer spaces and case."""
    return account.strip().lower()


def _text(option: Option, value: Any) -> list[str]:
    if not isinstance(value, str) or not value:
        return ["must be text in quotes"]
    return [] if not option.allowed or value in option.allowed else [f"must be one of {', '.join(option.allowed)}"]


def _word(_: Option, value: Any) -> list[str]:
    return [] if isinstance(value, str) else ["must be text in quotes"]


UNUSABLE = (re.error, RecursionError, OverflowError)
"""Why an expression cannot be used: it is none, is nested too deeply, or repeats something too often."""


def _texts(option: Option, value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        return ['must be a list of texts, e.g. ["…"]']
    return [
        f"{item!r} is not one of {', '.join(option.allowed)}"
        for item in value
        if option.allowed and item not in option.allowed
    ]


def _flag(_: Option, value: Any) -> list[str]:
    return [] if isinstance(value, bool) else ["must be true or false"]


def _words(option: Option, value: Any) -> list[str]:
    if not isinstance(value, Mapping) or not all(isinstance(word, str) and word for word in value.values()):
        return ['must be a table, { "their word" = "ours" }']
    closed = option.allowed if option.kind == "words" else ()
    return [f"there is no {name!r}.{nearest(name, closed)}" for name in value if closed and name not in closed]


def _pattern(_: Option, value: Any) -> list[str]:
    if not isinstance(value, str):
        return ["must be a regular expression in quotes"]
    try:
        groups = re.compile(value).groups
    except UNUSABLE as error:
        return [f"is no regular expression: {error}"]
    return [] if groups else ["needs a group in round brackets: the part that counts"]


def _patterns(option: Option, value: Any) -> list[str]:
    if _words(option, value):
        return ['must be a table, { "expression" = "word" }']
    found = []
    for pattern, word in value.items():
        try:
            re.compile(pattern)
        except UNUSABLE as error:
            found.append(f"{pattern!r} is no regular expression: {error}")
        if option.allowed and word not in option.allowed:
            found.append(f"{word!r} is not one of {', '.join(option.allowed)}")
    return found


def _moment(_: Option, value: Any) -> list[str]:
    try:
        right = isinstance(value, datetime) and value.tzinfo is not None and bool(value.astimezone(UTC))
    except OverflowError:  # the first and the last day there are, in another zone
        right = False
    return [] if right else ["must be a time with a zone, without quotes, e.g. 2026-07-01T00:00:00Z"]


def _accounts(_: Option, value: Any) -> list[str]:
    """Whose an account was, by day: spans are half-open and no day of an account has two teams."""
    if not isinstance(value, list | tuple) or not all(isinstance(entry, Mapping) for entry in value):
        return ['must be a list of { account = "…", team = "…", from = 2026-01-01 }']
    found: list[str] = []
    for number, entry in enumerate(value, 1):
        where = f"entry {number}"
        known = ("account", "team", "from", "to")
        found += [f"{where}: {name}: no such word.{nearest(name, known)}" for name in entry if name not in known]
        found += [
            f"{where}: {name} = {entry.get(name)!r}: must be text in quotes (leading zeros count)"
            for name in ("account", "team")
            if not isinstance(entry.get(name), str) or not entry[name].strip()
        ]
        found += [
            f"{where}: {name} = {entry[name]!r}: must be a day such as 2026-01-01, without quotes"
            for name in ("from", "to")
            if name in entry and (not isinstance(entry[name], date) or isinstance(entry[name], datetime))
        ]
    if found:
        return found
    spans = sorted((account_key(a["account"]), a.get("from", FIRST), a.get("to", LAST), a["account"]) for a in value)
    found += [f"{name!r}: from {a} is not before to {b}" for _, a, b, name in spans if a >= b]
    found += [
        f"{name!r} has two teams from {later[1]} on; spans must not overlap (to is the first day that no longer counts)"
        for (key, _, end, name), later in pairwise(spans)
        if key == later[0] and later[1] < end
    ]
    return found


_WRONG: Mapping[str, Callable[[Option, Any], list[str]]] = {
    "text": _text, "word": _word, "texts": _texts, "flag": _flag, "words": _words,
    "pattern": _pattern, "patterns": _patterns, "moment": _moment, "accounts": _accounts,
}  # fmt: skip
