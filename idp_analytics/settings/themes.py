"""The codebook of comments as data: ``themes.yaml`` in the data folder, or the one the kit ships.

A theme is told by words and phrases, nothing cleverer, so that anybody can say why a comment has it. How well that works is
measured against people who coded the same comments (table ``comment_codes``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from idp_analytics.errors import SettingsError

FILE = "themes.yaml"
SHIPPED = Path(__file__).with_name(FILE)

_KNOWN = ("id", "title", "definition", "subject", "owner", "any", "not")
_LONGEST = 1_000_000
"""Bytes of a codebook that are read: one a person keeps is a thousandth of it."""


@dataclass(frozen=True)
class Theme:
    """What a comment may be about. A comment has it where it holds one of the phrases of ``any`` and none of ``but_not``.

    A phrase is looked for as whole words, in any case; ``*`` stands for the rest of a word, a space or a hyphen for either.
    ``subject``: the area of the platform it is about (as in questions), ``owner``: who sees to the rule.
    """

    id: str
    title: str
    definition: str
    any: tuple[str, ...]
    but_not: tuple[str, ...] = ()
    subject: str | None = None
    owner: str | None = None

    @property
    def pattern(self) -> str:
        """A regular expression that finds a phrase of ``any``, for an engine that takes linear time."""
        return _pattern(self.any)

    @property
    def exception(self) -> str | None:
        """The same of ``but_not``; null where there are none."""
        return _pattern(self.but_not) if self.but_not else None


@dataclass(frozen=True)
class Codebook:
    """Themes in the order of the file, and the version of their rules."""

    version: int
    themes: tuple[Theme, ...]


@lru_cache(maxsize=1)
def shipped() -> Codebook:
    """The codebook of the kit."""
    problems: list[str] = []
    book = parse(SHIPPED.read_text(encoding="utf-8"), problems)
    if problems:
        raise SettingsError.listing(FILE, problems)
    return book


def parse(text: str, problems: list[str]) -> Codebook:
    """A codebook from YAML; what is wrong is added to ``problems``, each with what was found and what to write instead."""
    try:
        content = yaml.load(text, Loader=_Plain) if len(text) <= _LONGEST else None  # noqa: S506  a safe loader, without references
    except (yaml.YAMLError, ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        # The others are of values that are not what their tag, or their look, says: a time at 25:00, `!!bool maybe`.
        why = "is nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())
        problems.append(f"{FILE}: is broken YAML: {why}")
        return Codebook(0, ())
    if not isinstance(content, Mapping) or not isinstance(content.get("themes"), list):
        problems.append(f"{FILE}: must be a mapping with version and a list of themes")
        return Codebook(0, ())
    version = content.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        problems.append(f"{FILE}: version = {version!r}: must be a whole number from 1, raised whenever a rule changes")
        version = 1
    problems += [
        f"{FILE}: {word!r} is no word of a codebook; write version and themes"
        for word in content
        if word not in ("version", "themes")
    ]
    found: dict[str, Theme] = {}
    for place, entry in enumerate(content["themes"], 1):
        theme = _theme(entry, f"{FILE}: theme {place}", problems)
        if theme is not None and theme.id in found:
            problems.append(f"{FILE}: theme {place}: {theme.id!r} is there already; say it once")
        elif theme is not None:
            found[theme.id] = theme
    return Codebook(version, tuple(found.values()))


def _theme(entry: Any, where: str, problems: list[str]) -> Theme | None:
    if not isinstance(entry, Mapping):
        problems.append(f"{where}: must be a mapping with id, title, definition and any")
        return None
    before = len(problems)
    problems += [
        f"{where}: {word!r} is no word of a theme; write {', '.join(_KNOWN)}" for word in entry if word not in _KNOWN
    ]
    texts = {name: entry.get(name) for name in ("id", "title", "definition", "subject", "owner")}
    for name in ("id", "definition"):
        if not isinstance(text := texts[name], str) or not text.strip():
            problems.append(f"{where}: {name} = {text!r}: must be text")
    problems += [
        f"{where}: {n} = {t!r}: must be text"
        for n, t in texts.items()
        if t is not None and not isinstance(t, str) and n not in ("id", "definition")
    ]
    phrases = {name: _phrases(entry.get(name), f"{where}: {name}", problems) for name in ("any", "not")}
    if not phrases["any"] and len(problems) == before:
        problems.append(f"{where}: any: needs a phrase, or nothing would ever have the theme")
    if len(problems) > before:
        return None
    return Theme(
        str(texts["id"]), str(texts["title"] or texts["id"]), str(texts["definition"]), phrases["any"], phrases["not"],
        texts["subject"], texts["owner"],
    )  # fmt: skip


def _phrases(given: Any, where: str, problems: list[str]) -> tuple[str, ...]:
    if given is None:
        return ()
    if not isinstance(given, list) or not all(isinstance(one, str) and one.strip(" *-") for one in given):
        problems.append(f"{where} = {given!r}: must be a list of phrases, each with a letter in it")
        return ()
    return tuple(given)


def _pattern(phrases: tuple[str, ...]) -> str:
    return rf"(?i)\b(?:{'|'.join(map(_words, phrases))})\b"


def _words(phrase: str) -> str:
    parts = re.split(r"[\s-]+", phrase.strip())
    return r"[\s-]+".join(re.escape(part).replace(r"\*", r"\w*") for part in parts)


class _Plain(yaml.SafeLoader):
    """Plain values only: a reference could make ten lines stand for billions."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.YAMLError(f"references (*name) are not read, line {event.start_mark.line + 1}")
        return super().compose_node(parent, index)
