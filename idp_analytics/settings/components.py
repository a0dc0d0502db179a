"""``[[component]]``: what the platform is made of, and by what its use, its cost and its tickets are known.

Nothing in the data says which charges run which part of a platform, or which tickets ask for what a self-service operation
gives: only the company knows. What is not said here is not guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from idp_analytics.errors import nearest
from idp_analytics.settings.showback import SELECTORS
from idp_analytics.settings.toml_reader import TomlReader


@dataclass(frozen=True)
class Component:
    """One ``[[component]]`` of the platform.

    ``usage``: names in ``usage.component``; ``operations``, ``golden_paths``: ids. Any of them shows that it is used.
    ``tickets``: categories of tickets about it, which its self-service may replace. ``take``: the charges it causes, as a pool's (:mod:`showback`);
    the first component that takes a charge has it. ``capability``: what it is for; two of one capability may be one too many.
    ``since``: when teams could first use it. ``required_by``: the law or rule that demands it. ``needed_by``: components
    that cannot do without it.
    """

    id: str
    title: str
    usage: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    golden_paths: tuple[str, ...] = ()
    tickets: tuple[str, ...] = ()
    take: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    capability: str | None = None
    since: date | None = None
    required_by: str | None = None
    needed_by: tuple[str, ...] = ()


def parse(entries: Sequence[TomlReader], problems: list[str]) -> tuple[Component, ...]:
    """``[[component]]`` → :class:`Component`; what is wrong is added to ``problems``, one sentence each."""
    found = tuple(_component(entry) for entry in entries)
    problems += _wrong(found)
    return found


def _component(entry: TomlReader) -> Component:
    name = entry.text("id", None) or ""
    if not name.strip():
        entry.problems.append(f"{entry.where}no id")
    component = Component(
        id=name,
        title=entry.text("title", None) or name,
        usage=entry.texts("usage"),
        operations=entry.texts("operations"),
        golden_paths=entry.texts("golden_paths"),
        tickets=entry.texts("tickets"),
        take=entry.selector("take", SELECTORS),
        capability=entry.text("capability", None),
        since=entry.day("since"),
        required_by=entry.text("required_by", None),
        needed_by=entry.texts("needed_by"),
    )
    entry.done()
    return component


def _wrong(components: Sequence[Component]) -> Iterator[str]:
    ids = [component.id for component in components]
    for name in sorted({i for i in ids if i and ids.count(i) > 1}):
        yield f"component {name!r} is there {ids.count(name)} times; give each its own id"
    for component in components:
        if not (component.usage or component.operations or component.golden_paths):
            yield f"component {component.id!r}: nothing shows its use; name usage, operations or golden_paths"
        for name in component.needed_by:
            if name == component.id:
                yield f"component {component.id!r}: needed_by: every component needs itself; name others"
            elif name not in ids:
                yield f"component {component.id!r}: needed_by: there is no component {name!r}.{nearest(name, ids)}"
