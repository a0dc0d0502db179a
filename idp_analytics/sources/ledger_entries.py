"""What an entry of the change ledger looks like, and the seal by which it is seen that one was changed after it was written.

The ledger is a file to which lines are only added, one JSON object each, its values as text. Every entry carries the SHA-256 of itself
together with the seal of the entry before: who changes, removes or moves one breaks the seal of the next. It is no lock: who
rewrites all of the file can seal it anew, which the history of the data folder shows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

FILE = "interventions.jsonl"
"""The ledger in a data folder."""

REGISTERED, ADOPTED, REVIEWED = "registered", "adopted", "reviewed"
"""Entries: what is to be tried, said before it is; when units took it up; and what was decided once it was looked at."""

SEAL = "seal"


def line(entry: Mapping[str, Any], before: str) -> str:
    """The entry as a line of the file, sealed after the entry whose seal is ``before`` (empty: it is the first)."""
    return json.dumps({**entry, SEAL: seal(entry, before)}, ensure_ascii=False) + "\n"


def seal(entry: Mapping[str, Any], before: str) -> str:
    """The seal of an entry: SHA-256 over the seal before and what it says, however it is spaced and ordered."""
    said = {name: value for name, value in entry.items() if name != SEAL}
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{before}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()


def changed(entries: Iterable[Mapping[str, Any]]) -> Iterator[int]:
    """The places (from 0) of entries that do not follow from the one before as they were written."""
    before = ""
    for place, entry in enumerate(entries):
        found = entry.get(SEAL)
        if found != seal(entry, before):
            yield place
        before = found if isinstance(found, str) else ""
