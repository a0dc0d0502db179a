"""In which order several processes load a company: what takes long first, and before it what that waits for.

A table is made as soon as all sources are read that are known to give it (:func:`idp_analytics.sources.gives`) and the names and owners are known, while
other sources are still being read: of a large company the bill is half of the work, and nobody is to work alone on it at the end. What a source is known to
give only orders the work; what it did give counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from idp_analytics import loading, sources
from idp_analytics.tables import TABLES

NAMES = ("people", "aliases", "ownership")
"""Tables without which no other can be made."""

_SHARE = 64
"""What is more than one part in so many of all is a child's only work; the rest is put together to about as much each."""

_MADE = tuple(name for name in TABLES if name not in ("loads", "ownership"))


@dataclass(frozen=True)
class Order:
    """What is to be done for a company of these sources."""

    sources: tuple[loading.Asked, ...]

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Of each source the bytes of its files once they are unpacked, which tell best how long it takes to read."""
        return tuple(sum(map(unpacked, one.paths)) for one in self.sources)

    @cached_property
    def gives(self) -> tuple[frozenset[str], ...]:
        """Of each source the tables it may give."""
        return tuple(sources.gives(one.source.kind, one.source.options) or frozenset(TABLES) for one in self.sources)

    @cached_property
    def worth(self) -> dict[str, int]:
        """What it takes to make each table, in bytes of the sources that give it."""
        found = dict.fromkeys(_MADE, 0)
        for size, tables in zip(self.sizes, self.gives, strict=True):
            for name in tables & found.keys() if len(tables) < len(TABLES) else ():
                found[name] += size // len(tables)
        return found

    @cached_property
    def tables(self) -> dict[tuple[str, ...], int]:
        """The tables that one child makes, those that take most first, and what they are worth."""
        return grouped(self.worth, loading.TOGETHER)

    @cached_property
    def readings(self) -> dict[tuple[int, ...], int]:
        """The sources (by place) that one child reads, and what that is worth: those first that the largest table waits for."""
        most = max(self.worth.values())
        urgent = {*NAMES, *(name for name, worth in self.worth.items() if worth == most)}
        rest = dict(enumerate(self.sizes))
        first = {place: rest.pop(place) for place, tables in enumerate(self.gives) if tables & urgent}
        least = sum(self.sizes) // _SHARE
        found = {group: size + most for group, size in grouped(first, least=least).items()}
        return found | grouped(rest, least=least)

    def waits_for(self, tables: Sequence[str]) -> frozenset[int]:
        """The sources that must be read before these tables are made."""
        needed = {*tables, *NAMES}
        return frozenset(place for place, given in enumerate(self.gives) if given & needed)


def grouped(
    sizes: Mapping[Any, int], one: Sequence[tuple[Any, ...]] = (), least: int | None = None
) -> dict[tuple[Any, ...], int]:
    """What a child does at once, and its size, the largest first; those of ``one`` are done by one and the same. Together are as many as have ``least``, in the
    order of ``sizes``."""
    joined = {member: first for first, *rest in one for member in rest}
    together: dict[Any, list[Any]] = {}
    for name in sizes:
        together.setdefault(joined.get(name, name), []).append(name)
    most = max(sum(sizes.values()) // _SHARE if least is None else least, 1)
    found: dict[tuple[Any, ...], int] = {}
    held: list[Any] = []
    size = 0
    for names in together.values():
        worth = sum(sizes[name] for name in names)
        if worth >= most:
            found[tuple(names)] = worth
            continue
        held += names
        size += worth
        if size >= most:
            found[tuple(held)] = size
            held, size = [], 0
    if held:
        found[tuple(held)] = size
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def bytes_of(path: Path) -> int:
    """The bytes of a file, or of all in a folder; 0 of what cannot be looked at."""
    try:
        if path.is_dir():
            return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        return path.stat().st_size
    except OSError:
        return 0


def unpacked(path: Path) -> int:
    """The same once unpacked, as far as gzip says it in the last four bytes of a file: it may be wrong there, and is never taken for less than the file."""
    size = bytes_of(path)
    if path.suffix != ".gz" or size < _LEAST_GZIP:
        return size
    try:
        with path.open("rb") as file:
            file.seek(-4, 2)
            return max(size, int.from_bytes(file.read(4), "little"))
    except OSError:
        return size


_LEAST_GZIP = 18
