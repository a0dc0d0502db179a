"""What speaks against believing a number: each guard tells what it saw as a sentence, and whether it forbids a verdict."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import polars as pl

from idp_analytics.metrics.impact.columns import Method
from idp_analytics.metrics.impact.finding import Amounts, Finding
from idp_analytics.metrics.impact.ledger import Entry
from idp_analytics.metrics.process_behaviour import RESEMBLING
from idp_analytics.settings import Settings

NEAR_DAYS = 45
"""Two changes that reach a unit within so many days of each other are not told apart by months."""
AT_ONCE = 0.5
"""From this share of units on, that both reached at once, none of the two is told from the other."""


class Guard(NamedTuple):
    """``says``: what was seen, one sentence. ``forbids``: nothing better than *not identified* may be said."""

    says: str
    forbids: bool = False


class Overlap(NamedTuple):
    """Another entry, or a named phase, that reached the same units: ``name``; ``at_once``: part of them within :data:`NEAR_DAYS`."""

    name: str
    at_once: float


def overlaps(
    entry: Entry,
    others: Sequence[Entry],
    settings: Settings,
    first: date | None,
    last: date | None,
    is_compared: bool,
    ownership: pl.LazyFrame,
) -> list[Overlap]:
    """Entries, and phases (``[[phase]]``), that reached units of ``entry`` between ``first`` and ``last``, the days of what is looked at.

    A phase counts where it is of the metric or of none, and of one of the teams; what reached a team on a day, a phase or an entry about teams, reached the services that were its own
    that day (``ownership``). A phase of the whole organisation reaches all units: where they are compared
    (``is_compared``) it is in both sides, and is left out.
    """
    if first is None or last is None:
        return []
    mine = {unit: day for unit, day in entry.adopted.items() if day is not None and day < last}
    reached: list[tuple[str, Mapping[str, date | None]]] = [
        (other.id, _at_units(other.adopted, other.kind, entry.kind, ownership))
        for other in others
        if other.id != entry.id and other.kind in (entry.kind, "team")
    ]
    for mark in settings.phases:
        if mark.metric not in (None, entry.metric):
            continue
        if mark.team is not None:
            reached.append((mark.cause, _at_units({mark.team: mark.on}, "team", entry.kind, ownership)))
        elif not is_compared:
            reached.append((mark.cause, dict.fromkeys(mine, mark.on)))
    found = []
    for name, adopted in reached:
        both = {unit: day for unit, day in adopted.items() if unit in mine and day is not None and first <= day < last}
        if both:
            found.append(Overlap(name, _near(mine, both)))
    return found


def _at_units(
    adopted: Mapping[str, date | None], kind: str, wanted: str, ownership: pl.LazyFrame
) -> Mapping[str, date | None]:
    """What reached units of ``kind`` as the units of ``wanted`` that it reached: teams as the services they owned that day, the first day of each."""
    if kind == wanted:
        return adopted
    days = pl.LazyFrame(
        {"team_id": list(adopted), "_on": list(adopted.values())}, schema={"team_id": pl.String, "_on": pl.Date}
    ).drop_nulls()
    owned = (
        ownership.join(days, on="team_id")
        .filter(
            pl.col("valid_from").is_null() | (pl.col("valid_from") <= pl.col("_on")),
            pl.col("valid_to").is_null() | (pl.col("_on") < pl.col("valid_to")),
        )
        .group_by("service_id")
        .agg(pl.col("_on").min())
        .sort("service_id")
        .collect()
    )
    return dict(zip(owned["service_id"], owned["_on"], strict=True))


def _near(mine: Mapping[str, date], theirs: Mapping[str, date]) -> float:
    return sum(abs((day - mine[unit]).days) <= NEAR_DAYS for unit, day in theirs.items()) / len(mine)


def seen(
    entry: Entry, found: Finding, overlapping: Sequence[Overlap], level: float, number: Amounts, sign: int
) -> Iterator[Guard]:
    """Everything that speaks against ``found``. ``number``: how amounts are told; ``sign``: +1 where up is hoped for."""
    if entry.is_mixed:
        yield Guard("Rows of the ledger say different things of it; what the first says holds.")
    if entry.before_registered:
        yield Guard(
            f"{entry.before_registered} unit(s) had taken it up before it was written down, so it was not judged beforehand."
        )
    if found.method is Method.NONE:
        return
    for other in overlapping:
        if other.at_once >= AT_ONCE:
            yield Guard(
                f"Another change, {other.name}, reached {other.at_once:.0%} of the units at about the same time: the two are not told apart.",
                True,
            )
        else:
            yield Guard(f"Another change, {other.name}, reached units of it too, at other times.")
    if found.method in (Method.GROUP_TIME, Method.SYNTHETIC):
        yield from _compared(found, level, number, sign)
    elif found.resembling > RESEMBLING:
        yield Guard(
            "Neighbouring weeks resemble each other, so that chance looks like change more often: the interval is as wide as that asks for."
        )


def _compared(found: Finding, level: float, number: Amounts, sign: int) -> Iterator[Guard]:
    certain = _is_certain(found)
    if found.drift_low > 0 or found.drift_high < 0:
        # Carried on from the middle of the months before to the middle of those after, at its slowest and at its fastest.
        months = (found.periods_before + found.periods_after) / 2
        slowest, fastest = sorted((found.drift_low * months, found.drift_high * months), key=abs)
        explains = certain and (fastest >= found.low if found.low > 0 else fastest <= found.high)
        matters = abs(slowest) > (found.high - found.low) / 2
        end = (
            ", and going on like that would explain it."
            if explains
            else ", by more than the interval allows for."
            if matters
            else ", by little beside the interval."
        )
        yield Guard("Those who took it up had moved apart from the others before they did" + end, explains or matters)
    elif not math.isnan(found.pretrend_detectable):
        yield Guard(
            f"No drift before is seen; one of less than {number(found.pretrend_detectable)} a month would not be."
        )
    if certain and found.is_few and math.isnan(found.placebo_p):
        yield Guard("Units are few, and there are too few ways of giving out the dates to tell it from chance.", True)
    elif certain and found.is_few and found.placebo_p > 1 - level:
        others = (
            "units that did not, each taken for it, are"
            if found.method is Method.SYNTHETIC
            else "other ways of giving out the dates are"
        )
        yield Guard(f"Units are few, and {found.placebo_p:.0%} of {others} as far off.", True)
    if not math.isnan(found.expected):
        near, is_good = (found.low, found.low > 0) if sign > 0 else (found.high, found.high < 0)
        explained = is_good and not sign * (near - found.expected) > 0
        yield Guard(
            f"Those who took it up were the worse ones before: {number(found.expected)} would come back by chance alone"
            + (", which may be all there is." if explained else "."),
            explained,
        )
    if not math.isnan(found.early):
        yield Guard(f"In the month before, it had moved by {number(found.early)} already.")


def _is_certain(found: Finding) -> bool:
    return found.low > 0 or found.high < 0
