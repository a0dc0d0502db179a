"""What a file looks like: which system writes such documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from idp_analytics.errors import SourceError
from idp_analytics.sources.export import TABLE, open_file
from idp_analytics.sources.survey_columns import SHEET, is_sheet
from idp_analytics.sources.systems import systems

_LOOKED_AT = 200


@dataclass(frozen=True)
class Likeness:
    """A system and what of it a document looks like."""

    kind: str
    title: str
    what: str


def looks_like(body: Mapping[str, Any]) -> Likeness | None:
    """The first system that writes such a document; null: none of those we read."""
    for system in systems():
        if (name := system.shape(body)) is not None:
            what = next(shape.what for shape in system.shapes if shape.name == name)
            return Likeness(system.kind, system.title, what)
    return None


def _held(body: Mapping[str, Any]) -> int:
    """How many documents a body is; more than one where it is a table."""
    return len(body[SHEET].numbers) if is_sheet(body) else body[TABLE].height if TABLE in body else 1


def recognised(path: Path) -> list[tuple[Likeness, int]]:
    """What a file holds by its first documents: each likeness and how many have it, most first; empty: nothing known.

    Every way of opening is tried, because some systems write tables with several header rows.
    """
    best: list[tuple[Likeness, int]] = []
    for opener in {system.opens: system for system in systems()}.values():
        try:
            found = open_file(opener, path, path.name)
        except SourceError:
            continue
        same = [system for system in systems() if system.opens is opener.opens]
        counted: Counter[Likeness] = Counter()
        for _, body in found.found[:_LOOKED_AT]:
            for system in same:
                if (name := system.shape(body)) is not None:
                    what = next(shape.what for shape in system.shapes if shape.name == name)
                    counted[Likeness(system.kind, system.title, what)] += min(_held(body), _LOOKED_AT)
                    break
        if counted.total() > sum(count for _, count in best):
            best = counted.most_common()
    return best
