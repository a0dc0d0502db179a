"""``[[next_path]]``: golden paths that might be built next, and what each is said to take and to save.

How often what it is for comes up is counted in the data; how much work one costs without it, and how much work it is to build and to
keep, nobody but the company knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from idp_analytics.settings.toml_reader import TomlReader


@dataclass(frozen=True)
class NextPath:
    """One ``[[next_path]]``.

    ``service_kinds``, ``tickets``: new services of these kinds and tickets of these categories are what it is for. ``hours_each``: hours of
    work one of them takes less with it, between ``hours_low`` and ``hours_high``. ``build_hours``: to build it; ``yearly_hours``: to keep it.
    ``said_by``: whose estimate this is.
    """

    id: str
    title: str
    service_kinds: tuple[str, ...]
    tickets: tuple[str, ...]
    hours_each: float
    hours_low: float
    hours_high: float
    build_hours: float
    yearly_hours: float
    said_by: str


def parse(entries: Sequence[TomlReader], problems: list[str]) -> tuple[NextPath, ...]:
    """``[[next_path]]`` → :class:`NextPath`; what is wrong is added to ``problems``, one sentence each."""
    found = tuple(_next_path(entry) for entry in entries)
    ids = [path.id for path in found]
    problems += [
        f"next_path {i!r} is there {ids.count(i)} times; give each its own id"
        for i in sorted({i for i in ids if i and ids.count(i) > 1})
    ]
    return found


def _next_path(entry: TomlReader) -> NextPath:
    name = entry.text("id", None) or ""
    needed = ("id", "hours_each", "build_hours", "said_by")
    entry.problems += [f"{entry.where}no {key}" for key in needed if key not in entry.content]
    each = entry.number("hours_each", 1.0, above=0)
    path = NextPath(
        id=name,
        title=entry.text("title", None) or name,
        service_kinds=entry.texts("service_kinds"),
        tickets=entry.texts("tickets"),
        hours_each=each,
        hours_low=entry.number("hours_low", each, above=-1e-9),
        hours_high=entry.number("hours_high", each, above=0),
        build_hours=entry.number("build_hours", 1.0, above=0),
        yearly_hours=entry.number("yearly_hours", 0.0, above=-1e-9),
        said_by=entry.text("said_by", None) or "",
    )
    if not (path.service_kinds or path.tickets):
        entry.problems.append(f"{entry.where}nothing says what it is for; name service_kinds or tickets")
    if not path.hours_low <= path.hours_each <= path.hours_high:
        entry.problems.append(
            f"{entry.where}hours_low {path.hours_low:g}, hours_each {path.hours_each:g}, hours_high {path.hours_high:g}: must not fall"
        )
    entry.done()
    return path
