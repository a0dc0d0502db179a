"""What DORA published, as data: ``benchmarks.toml`` read and checked."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from idp_analytics.errors import SettingsError

FILE = Path(__file__).with_name("benchmarks.toml")

HOURS = {"1 h": 1.0, "1 d": 24.0, "1 wk": 168.0, "1 mo": 365.25 * 2, "6 mo": 365.25 * 12}
"""The times DORA's answers are bounded by, in hours; a month is a twelfth of a year."""
WORDS = {"1 h": "one hour", "1 d": "one day", "1 wk": "one week", "1 mo": "one month", "6 mo": "six months"}

RATES, DURATIONS = ("deployment_frequency",), ("change_lead_time", "failed_deployment_recovery_time")
SHARES = ("change_fail_rate", "deployment_rework_rate")
MEASURED = (*RATES, *DURATIONS, *SHARES)
"""The metrics DORA has published figures of, by what their values are."""


@dataclass(frozen=True)
class Range:
    """A tier's description, or an answer that could be chosen. ``low`` to ``high`` in the metric's unit (shares in
    percent; equal: a point, not a range); ``share``: percent of respondents, None where it is no answer."""

    name: str
    low: float
    high: float
    said: str
    verified: bool
    share: float | None = None

    @property
    def is_point(self) -> bool:
        """Whether only a middle is known, no bounds."""
        return self.low == self.high


@dataclass(frozen=True)
class Published:
    """One metric in one edition: its ranges from the best on (as the edition names them), and where they stand."""

    metric: str
    where: str
    ranges: tuple[Range, ...]

    @property
    def verified(self) -> bool:
        """Whether all of it was read in DORA's own publication."""
        return all(r.verified for r in self.ranges)


@dataclass(frozen=True)
class Edition:
    """One year's report. ``kind``: ``tiers`` (clusters described) or ``distribution`` (answers counted). ``orderable``:
    whether the tiers are in one order on every metric. ``shares``: tier → percent of respondents."""

    year: int
    title: str
    url: str
    kind: str
    orderable: bool
    note: str
    metrics: tuple[Published, ...]
    shares: Mapping[str, float]
    shares_verified: bool


@dataclass(frozen=True)
class QuickCheck:
    """Means and standard deviations of all who took part, by metric, 0–10 and 10 always best."""

    year: int
    where: str
    verified: bool
    note: str
    means: Mapping[str, float]
    spreads: Mapping[str, float]


@cache
def editions() -> tuple[Edition, ...]:
    """Every edition, oldest first; raises :class:`SettingsError` listing all that is wrong with the file."""
    return read(FILE)[0]


@cache
def quick_checks() -> tuple[QuickCheck, ...]:
    """The comparison values of each edition of the Quick Check, oldest first."""
    return read(FILE)[1]


def read(path: Path) -> tuple[tuple[Edition, ...], tuple[QuickCheck, ...]]:
    """The editions and Quick Check values in a file; raises :class:`SettingsError` listing every problem."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    problems: list[str] = []
    found = tuple(_edition(entry, problems) for entry in document.get("edition", []))
    checks = tuple(_quick_check(entry, problems) for entry in document.get("quick_check", []))
    years = [edition.year for edition in found]
    if years != sorted(set(years)):
        problems.append("editions are not in order of year, each once")
    if problems:
        raise SettingsError.listing(str(path), problems)
    return found, checks


def _edition(entry: Mapping[str, Any], problems: list[str]) -> Edition:
    year = int(entry.get("year", 0))
    kind = str(entry.get("kind", ""))
    problems += [
        f"{year}: no {name}" for name in ("year", "title", "url", "kind", "orderable", "note") if name not in entry
    ]
    if kind not in ("tiers", "distribution"):
        problems.append(f"{year}: kind {kind!r} is neither tiers nor distribution")
    shares = dict(entry.get("shares", {}))
    where, verified = shares.pop("where", ""), bool(shares.pop("verified", False))
    if shares and (not where or not 97 <= sum(shares.values()) <= 103):
        problems.append(f"{year}: shares add up to {sum(shares.values())} % or do not say where they stand")
    metrics = tuple(_published(year, kind, found, problems) for found in entry.get("metric", []))
    return Edition(
        year, str(entry.get("title")), str(entry.get("url")), kind, bool(entry.get("orderable")), str(entry.get("note")),
        metrics, shares, verified,
    )  # fmt: skip


def _published(year: int, kind: str, entry: Mapping[str, Any], problems: list[str]) -> Published:
    name = str(entry.get("name"))
    told = f"{year} {name}"
    if name not in MEASURED:
        problems.append(f"{told}: there is no such metric")
    if not entry.get("where"):
        problems.append(f"{told}: does not say where it stands")
    listed = entry.get("tiers" if kind == "tiers" else "answers", [])
    if not listed:
        problems.append(f"{told}: nothing is listed")
    ranges = tuple(_range(told, name, found, problems) for found in listed)
    total = sum(r.share or 0 for r in ranges)
    if kind == "distribution" and not 0 < total <= 100.5:
        problems.append(f"{told}: answers add up to {total} %")
    return Published(name, str(entry.get("where")), ranges)


def _range(told: str, metric: str, entry: Mapping[str, Any], problems: list[str]) -> Range:
    name = str(entry.get("name"))
    if not isinstance(entry.get("verified"), bool):
        problems.append(f"{told} {name}: does not say whether it is verified")
    bounds = _bounds(metric, entry)
    if bounds is None or not bounds[0] <= bounds[1]:
        problems.append(f"{told} {name}: has no bounds that can be read")
        bounds = (0.0, 0.0, "")
    share = entry.get("share")
    return Range(name, *bounds, bool(entry.get("verified")), None if share is None else float(share))


def _bounds(metric: str, entry: Mapping[str, Any]) -> tuple[float, float, str] | None:
    """Low, high and the words for one entry; None when they cannot be read."""
    if "percent" in entry:
        pair = entry["percent"]
        low, high = pair if isinstance(pair, list) else (pair, pair)
        return float(low), float(high), f"{low} %" if low == high else f"{low}–{high} %"
    if entry.get("on_demand"):
        return 1.0, math.inf, "on demand, several a day"
    ends = entry.get("between") or [entry.get("under"), entry.get("over")]
    if "under" in entry:
        ends = [None, entry["under"]]
    elif "over" in entry:
        ends = [entry["over"], None]
    if not any(ends) or any(end is not None and end not in HOURS for end in ends):
        return None
    least, most = ends
    low, high = (HOURS[least] if least else 0.0), (HOURS[most] if most else math.inf)
    if metric in RATES:
        often = {end: f"once per {WORDS[end].removeprefix('one ')}" for end in ends if end}
        said = f"{often[least]} to {often[most]}" if least and most else f"less than {often[least or most]}"
        return 24 / high, 24 / low if low else math.inf, said
    said = (
        f"{WORDS[least]} to {WORDS[most]}"
        if least and most
        else f"under {WORDS[most]}"
        if most
        else f"over {WORDS[least]}"
    )
    return low, high, said


def _quick_check(entry: Mapping[str, Any], problems: list[str]) -> QuickCheck:
    """Means as the Quick Check shows them: rates of failure and rework turned round, so that 10 is best throughout."""
    year = int(entry.get("year", 0))
    problems += [
        f"quick check {year}: no {name}" for name in ("where", "verified", *MEASURED[:-1]) if name not in entry
    ]
    pairs = {name: entry[name] for name in MEASURED if name in entry}
    means = {name: 10 - mean if name in SHARES else mean for name, (mean, _) in pairs.items()}
    spreads = {name: spread for name, (_, spread) in pairs.items()}
    if "instability" in entry:
        means["stability"], spreads["stability"] = 10 - entry["instability"][0], entry["instability"][1]
    if pairs:
        means["overall"] = sum(means[name] for name in pairs) / len(pairs)
    return QuickCheck(
        year, str(entry.get("where")), bool(entry.get("verified")), str(entry.get("note", "")), means, spreads
    )
