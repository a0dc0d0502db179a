"""Names of collected snapshots: when each was taken, a hash of its content, the file it was."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

FOLDER = "snapshots"
"""Where ``idp collect`` keeps them in a data folder, one folder per source."""

DIGITS = 12
"""How many digits of the content's SHA-256 are in a snapshot's name."""

_FORM = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"(\d{8}T\d{6}Z)-([0-9a-f]{12})-(.+)")


def name(at: datetime, sha256: str, file: str) -> str:
    """The file name of a snapshot of ``file`` with that content, taken ``at`` that time."""
    return f"{at.astimezone(UTC):{_FORM}}-{sha256[:DIGITS]}-{file}"


def taken(path: Path) -> datetime | None:
    """When a snapshot was taken; null for a file that is none."""
    found = _NAME.fullmatch(path.name) if path.parent.parent.name == FOLDER else None
    return datetime.strptime(found[1], _FORM).replace(tzinfo=UTC) if found else None


def digest(path: Path) -> str:
    """The first :data:`DIGITS` digits of the SHA-256 of the file a snapshot was taken of."""
    found = _NAME.fullmatch(path.name)
    return found[2] if found else ""


def order(path: Path) -> tuple[bool, str]:
    """A key that sorts snapshots before exports and each by time, else by name."""
    return taken(path) is None, path.name


def original(shown: str) -> str:
    """The name of the file a snapshot was taken of; of any other file its own."""
    last = shown.rsplit("/", 1)[-1]
    found = _NAME.fullmatch(last)
    return (found[3] if found else last).removesuffix(".gz")
