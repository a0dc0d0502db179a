"""YAML read as JSON would be: same types, nothing executed, nothing that blows up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import yaml

from idp_analytics.errors import SourceError
from idp_analytics.settings.limits import MIB
from idp_analytics.sources.files import LIMITS, too_much

MAX_DEPTH = 200
"""Deepest nesting that is read: the C parser's recursion has no limit of its own."""

MAX_REPEATED = 1_000_000
"""Most values that references (``*name``) may add to a document: ten of them can stand for billions."""

_FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BROKEN = (yaml.YAMLError, ValueError, KeyError, AttributeError, TypeError)
"""What reading it can end in; the last ones are of values that are not what their tag says: ``!!bool maybe``."""


def yaml_values(text: str, shown: str, number: Callable[[str], Any] = float) -> Iterator[tuple[int, Any]]:
    """The documents of a YAML text, each with the line it starts on; empty ones are left out.

    Only what JSON knows is recognised: ``true``, ``null``, ``3``, ``1.5``. Dates, ``yes``, ``12:30`` and ``010`` stay
    text, so that a document is the same from YAML and from JSON. Raises :class:`SourceError` with the line for broken
    YAML, unknown tags, nesting beyond :data:`MAX_DEPTH`, references beyond :data:`MAX_REPEATED` and text beyond the limit ``yaml_mib``.
    """
    most = LIMITS.get().yaml_mib
    if len(text) > most * MIB:
        raise too_much(shown, f"has more than {most:,} MiB of YAML (JSON may have more)", "yaml_mib")
    try:
        if _is_harmless(text):
            try:
                yield from _built(text, number, is_plain=True)
            except _BROKEN:
                _measure(text, shown)  # what it refuses is told, as for all other texts
                raise
        else:
            _measure(text, shown)
            yield from _built(text, number)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise SourceError(
            f"{shown}: is broken YAML{place}: {error.problem}. Export it again or mend that line."
        ) from None
    except _BROKEN as error:
        raise SourceError(f"{shown}: is no YAML that can be read: {' '.join(str(error).split())}.") from None


def _built(text: str, number: Callable[[str], Any], *, is_plain: bool = False) -> Iterator[tuple[int, Any]]:
    """``is_plain``: nothing in it refers to anything."""
    loader = _loader(number)(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if (value := _document(loader, node) if is_plain else loader.construct_document(node)) is not None:
                yield _line(node), value
    finally:
        loader.dispose()


_TAG = "tag:yaml.org,2002:"
_TEXT, _OBJECT, _LIST = f"{_TAG}str", f"{_TAG}map", f"{_TAG}seq"
_SCALARS = frozenset(f"{_TAG}{name}" for name in ("null", "bool", "int", "float"))


class _OddError(ValueError):
    """A document holds more than JSON knows."""


def _document(loader: Any, node: yaml.Node) -> Any:
    """What the loader makes of a document, in half of the time: nearly none holds more than texts, numbers, lists and objects with names.
    Of all others, and of what is wrong, the loader tells."""
    try:
        return _value(loader, node)
    except _BROKEN:
        return loader.construct_document(node)


def _value(loader: Any, node: yaml.Node) -> Any:
    kind, tag = type(node), node.tag
    if kind is yaml.ScalarNode:
        if tag == _TEXT:
            return node.value
        if tag in _SCALARS:
            return loader.yaml_constructors[tag](loader, node)
    elif kind is yaml.MappingNode and tag == _OBJECT:
        return {_name(key): _value(loader, value) for key, value in node.value}
    elif kind is yaml.SequenceNode and tag == _LIST:
        return [_value(loader, one) for one in node.value]
    raise _OddError


def _name(key: yaml.Node) -> str:
    if type(key) is not yaml.ScalarNode or key.tag != _TEXT:
        raise _OddError
    name: str = key.value
    return name


def _line(event: Any) -> int:
    line: int = event.start_mark.line + 1
    return line


_DOCUMENT = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_FIRST = re.compile(r"(?:^|[\n\r\x85\u2028\u2029])[ \t\ufeff?:-]*")
"""What may stand before a list or an object that is written by lines: the columns of such as lie in one another differ."""


def _is_harmless(text: str) -> bool:
    """Nothing in it can blow up, told without the parser, as of most texts: it has no references, and too few brackets and columns
    for lists and objects that lie deeper in one another than is allowed. One bracket opens two at most (``[a: 1]``), as does one
    column (a list may begin where the object does that it is in). False: it is not known."""
    if "*" in text and "&" in text:
        return False
    columns = max(map(len, _FIRST.findall(text)))
    brackets = max(map(_brackets, _DOCUMENT.split(text)))
    return 2 * (columns + 1 + brackets) <= MAX_DEPTH


def _brackets(text: str) -> int:
    """How many brackets may lie in one another: all but empty pairs, of which one can be the innermost."""
    return text.count("[") + text.count("{") - text.count("[]") - text.count("{}") + 1


def _measure(text: str, shown: str) -> None:
    """Refuse what would blow up, from the parser's events, before anything is built."""
    anchors: dict[str | None, int] = {}
    open_: list[tuple[int, str | None]] = []  # size so far and anchor of each collection we are in
    repeated = 0
    for event in yaml.parse(text, Loader=_FAST):
        if isinstance(event, yaml.CollectionStartEvent):
            open_.append((1, event.anchor))
            if len(open_) > MAX_DEPTH:
                line = _line(event)
                raise SourceError(f"{shown}: is nested more than {MAX_DEPTH} levels deep at line {line}; not read.")
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            size, anchor = open_.pop()
        elif isinstance(event, yaml.ScalarEvent):
            size, anchor = 1, event.anchor
        elif isinstance(event, yaml.AliasEvent):
            # An anchor still open refers to itself: endless.
            size, anchor = anchors.get(event.anchor, MAX_REPEATED + 1), None
            repeated += size
            if repeated > MAX_REPEATED:
                line = _line(event)
                raise SourceError(
                    f"{shown}: *{event.anchor} at line {line} is not defined before it, or references repeat more than "
                    f"{MAX_REPEATED:,} values; not read. Write the values out."
                )
        else:
            continue
        if anchor is not None:
            anchors[anchor] = size
        if open_:
            above, name = open_[-1]
            open_[-1] = (above + size, name)


_RESOLVED = {
    "bool": (r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    "int": (r"-?(0|[1-9][0-9]*)", [*"-0123456789"]),
    # Without a point it may be a commit: 1234e56.
    "float": (r"-?(0|[1-9][0-9]*)\.[0-9]+([eE][-+]?[0-9]+)?", [*"-0123456789"]),
    "null": (r"~|null|Null|NULL|", [*"~nN", ""]),
    "merge": (r"<<", ["<"]),
}
"""Plain scalars that are more than text: how they are written and what they begin with."""


def _loader(number: Callable[[str], Any]) -> Any:
    class Loader(_FAST):  # type: ignore[misc,valid-type]
        yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}

        def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
            """As it is; nearly every scalar begins with what no word or number does."""
            if kind is yaml.ScalarNode and value[:1] not in self.yaml_implicit_resolvers:
                return _TEXT
            tag: str = super().resolve(kind, value, implicit)
            return tag

    for tag, (pattern, first) in _RESOLVED.items():
        Loader.add_implicit_resolver(f"{_TAG}{tag}", re.compile(rf"^(?:{pattern})$"), first)
    Loader.add_constructor(f"{_TAG}float", lambda loader, node: number(loader.construct_scalar(node)))
    return Loader
