"""Versions compared: up to date, behind, or not to be told."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version


def drift(used: str | None, current: str | None) -> str:
    """``current``, ``behind`` or ``unknown``: the version in use against the newest.

    The same text is current; versions that can be ordered are; anything else (a branch, a range, a digest) is not told.
    """
    if not used or not current:
        return "unknown"
    if used == current:
        return "current"
    try:
        return "behind" if Version(used) < Version(current) else "current"
    except InvalidVersion:
        return "unknown"
