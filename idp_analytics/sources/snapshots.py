"""Names of collected snapshots: when each was taken, a hash of its content, the file it was and where that lies.

A *line* is one export over time: its snapshots and what lies there now. Two files of one name in two folders are two lines;
numbered pages of one answer are one, because rows move from page to page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

FOLDER = "snapshots"
"""Where ``idp collect`` keeps them in a data folder, one folder per source, the folders of the exports below it."""

DIGITS = 12
"""How many digits of the content's SHA-256 are in a snapshot's name."""

_FORM = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"(\d{8}T\d{6}Z)-([0-9a-f]{12})-(.+)")
_NUMBER = re.compile(r"\d+")


def name(at: datetime, sha256: str, file: str) -> str:
    """The file name of a snapshot of ``file`` with that content, taken ``at`` that time."""
    return f"{at.astimezone(UTC):{_FORM}}-{sha256[:DIGITS]}-{file}"


def taken(path: Path) -> datetime | None:
    """When a snapshot was taken; null for a file that is none."""
    found = _NAME.fullmatch(path.name) if FOLDER in path.parts[:-2] else None
    return datetime.strptime(found[1], _FORM).replace(tzinfo=UTC) if found else None


def digest(path: Path) -> str:
    """The first :data:`DIGITS` digits of the SHA-256 of the file a snapshot was taken of."""
    found = _NAME.fullmatch(path.name)
    return found[2] if found else ""


def order(path: Path) -> tuple[bool, str, str]:
    """A key that sorts snapshots before exports and each by time, else by name."""
    return taken(path) is None, path.name, path.as_posix()


def original(shown: str) -> str:
    """The name of the file a snapshot was taken of; of any other file its own."""
    last = shown.rsplit("/", 1)[-1]
    found = _NAME.fullmatch(last)
    return (found[3] if found else last).removesuffix(".gz")


def line(shown: str) -> str:
    """Which export a file is, or is a snapshot of, by the path it is shown under: that path, unpacked.

    What no folder below ``snapshots/<source>/`` can be called (``..``, a drive) is written otherwise, for both alike.
    """
    parts = [_plain(part) for part in shown.split("/") if part]
    if taken(Path(shown)) is not None:
        parts = parts[parts.index(FOLDER) + 2 :]
    return "/".join((*parts[:-1], original(shown)))


def _plain(part: str) -> str:
    return "_" if part in (".", "..") else part.replace(":", "_")


def number(of: str) -> int | None:
    """The number of a page, where the name of its line has exactly one."""
    found = _NUMBER.findall(of.rsplit("/", 1)[-1])
    return int(found[0]) if len(found) == 1 else None


def families(lines: Iterable[str]) -> dict[str, str]:
    """For each line the one it belongs to: itself, or ``runs-#.json`` of files numbered from 0 or 1 without a gap, which are
    pages of one answer."""
    pages: dict[str, dict[str, int]] = {}
    found = {one: one for one in lines}
    for one in found:
        if (page := number(one)) is not None:
            folder, slash, last = one.rpartition("/")
            pages.setdefault(folder + slash + _NUMBER.sub("#", last), {})[one] = page
    for family, numbered in pages.items():
        if len(numbered) > 1 and without_gap(numbered.values()):
            found |= dict.fromkeys(numbered, family)
    return found


def without_gap(numbers: Iterable[int]) -> bool:
    """Every number from 0 or 1 on is there, once."""
    ordered = sorted(numbers)
    return ordered[:1] in ([0], [1]) and ordered == list(range(ordered[0], ordered[0] + len(ordered)))


def sittings(paths: Mapping[Path, str]) -> dict[Path, datetime]:
    """When each snapshot was taken; pages of one answer (``paths``: their line) when the last of them was, because one after
    another is how they are exported. A page that comes again begins another answer."""
    times: dict[Path, datetime] = {}
    by_family: dict[str, list[tuple[datetime, int, Path]]] = {}
    family_of = families(paths.values())
    for path, one in paths.items():
        if (at := taken(path)) is not None:
            times[path] = at
            if family_of[one] != one:
                by_family.setdefault(family_of[one], []).append((at, number(one) or 0, path))
    for pages in by_family.values():
        answer: dict[int, Path] = {}
        for at, page, path in sorted(pages):
            answer = {page: path} if page in answer else {**answer, page: path}
            times |= dict.fromkeys(answer.values(), at)
    return times
