"""Members of nested documents, whatever is there: nothing here fails on a document of another shape."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_ACCESS = re.compile(r"(?<=://)[^/@\s]*@")
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def at(value: Any, *path: str | int) -> Any:
    """The member at ``path``, or null where the way there ends."""
    for step in path:
        # Plain objects and lists first: the general test takes many times as long, and this runs for every member read.
        if type(value) is dict and type(step) is str:
            value = value.get(step)
        elif value is None:
            return None
        elif isinstance(step, str):
            if not isinstance(value, Mapping):
                return None
            value = value.get(step)
        elif type(value) is list and -len(value) <= step < len(value):
            value = value[step]
        else:
            return None
    return value


def text(value: Any, *path: str | int) -> str | None:
    """The text (or number, as text) at ``path``; null for empty text, objects and lists."""
    for step in path:
        # As in ``at``, which would be another call for every member.
        if type(value) is dict and type(step) is str:
            value = value.get(step)
        elif value is None:
            return None
        else:
            value = at(value, step)
    if value is None:
        return None
    if type(value) is str:
        return value.strip() or None
    if type(value) is dict or type(value) is list or type(value) is bool:
        return None
    return str(value) if type(value) is int or not isinstance(value, Mapping | dict | list) else None


def every(value: Any, *path: str | int) -> list[dict[str, Any]]:
    """The objects in the list at ``path``; none where there is no list."""
    found = at(value, *path) if path else value
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def flag(value: Any, *path: str | int) -> bool | None:
    """True or false at ``path``, also as the words; null for anything else."""
    found = at(value, *path)
    if isinstance(found, str):
        return {"true": True, "false": False}.get(found.strip().lower())
    return found if isinstance(found, bool) else None


def moment(value: Any, *path: str | int) -> str | None:
    """A time as text that ``conform`` reads: as written, or ``{seconds, nanos}`` as nanoseconds since 1970."""
    found = at(value, *path)
    if isinstance(found, Mapping):
        seconds, nanos = found.get("seconds"), found.get("nanos", 0)
        try:
            # A negative fraction is written by some; the second before is meant.
            return str(int(seconds) * 1_000_000_000 + max(0, int(nanos or 0)))  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return None
    return text(found)


def words(value: Any, *path: str | int) -> list[str]:
    """The texts in the list at ``path`` (one text stands for a list of one)."""
    found = at(value, *path)
    if isinstance(found, str):
        found = [found]
    return [item for item in found if isinstance(item, str) and item.strip()] if isinstance(found, list) else []


def is_sha(word: str | None) -> bool:
    """A full commit id (SHA-1 or SHA-256, lower case)."""
    return word is not None and _SHA.fullmatch(word) is not None


def address(url: str | None) -> str | None:
    """An address without the name and password it may hold before its host, and without its query."""
    return _ACCESS.sub("", url.split("?")[0]) if url else None
