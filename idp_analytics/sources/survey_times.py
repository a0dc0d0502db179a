"""Times as survey tools write them — twelve-hour clocks, strokes, ``GMT+1`` — as text that ``conform`` reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

from idp_analytics.tables.numbered import once

DATES = ("month first", "day first")
"""What can come first in a date with strokes."""

_DAY = timedelta(days=1)
_TIME = re.compile(
    r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})(?:,?[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*([AaPp]\.?[Mm]\.?)?)?"
    r"\s*(?:(Z|UTC|GMT)?([+-]\d{1,2})?(?::?(\d{2}))?)?"
)


@lru_cache(maxsize=1_000)
def moment(text: str | None, dates: str | None) -> str | None:
    """A time as ISO text: in UTC where it names an offset, else naive; null for none and for the zero time.

    ``dates``: what comes first in ``3/2/2026``; with points the day always does. A time that cannot be made out stays
    as it is, so that it is set aside with its reason.
    """
    if not text or not text.strip() or text.strip().startswith("0001-01-01"):
        return None
    found = _TIME.fullmatch(text.strip())
    day = _day(found, dates) if found else None
    if not found or not day:
        return text.strip()
    hour, minute, second = int(found[5] or 0), int(found[6] or 0), int(found[7] or 0)
    if found[8]:
        hour = hour % 12 + (12 if found[8][0] in "Pp" else 0)
    try:
        at = datetime(*day, hour, minute, second)
    except ValueError:
        return text.strip()
    if not (found[9] or found[10]):
        return at.isoformat(sep="T")
    hours = int(found[10] or 0)
    offset = timedelta(hours=hours, minutes=int(found[11] or 0) * (-1 if (found[10] or "").startswith("-") else 1))
    if abs(offset) >= _DAY:
        raise ValueError(f"an offset of {offset}")
    return (at - offset).isoformat() + "Z"


def moments(
    texts: pl.Series, dates: str | None, zone: str | None = None
) -> tuple[pl.Series, Mapping[str | None, Exception]]:
    """:func:`moment` of each, in UTC where its ``zone`` is known; and the error of each text that has none."""
    wrong: dict[str | None, Exception] = {}

    def tell(text: str | None) -> str | None:
        try:
            return in_zone(moment.__wrapped__(text, dates), zone)
        except (ValueError, OverflowError) as error:
            wrong[text] = error
            return None

    return once(texts, tell), wrong


def in_zone(at: str | None, zone: str | None) -> str | None:
    """A naive time as :func:`moment` gives it, in UTC; as it is where it has an offset or ``zone`` is none that is known."""
    if at is None or not zone:
        return at
    try:
        naive = datetime.fromisoformat(at)
        there = UTC if zone in ("Z", "UTC") else ZoneInfo(zone)
    except (ValueError, ZoneInfoNotFoundError):
        return at
    return at if naive.tzinfo else naive.replace(tzinfo=there).astimezone(UTC).isoformat()[: -len("+00:00")] + "Z"


def _day(found: re.Match[str], dates: str | None) -> tuple[int, int, int] | None:
    first, separator, second, third = int(found[1]), found[2], int(found[3]), int(found[4])
    if len(found[1]) == 4:
        return first, second, third
    if len(found[4]) != 4:
        return None
    if separator == "." or dates == "day first":
        return third, second, first
    return (third, first, second) if dates == "month first" else None
