"""From settings to trusted tables, in steps that are taken one after the other by one process (:mod:`.organisation`) or by several at a time
(:mod:`.publish.loading_workers`): what each source says (:func:`read`), which names stand for which of our ids (:func:`named`), what becomes of each
table (:func:`settled`), and whose its rows are (:func:`attributed`).

A step asks for nothing of its kind that comes later: sources do not know each other, and tables only names and owners.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import polars as pl

from idp_analytics import checks, sources
from idp_analytics.errors import SettingsError, SourceError, nearest
from idp_analytics.settings import Settings, SourceSettings
from idp_analytics.sources import snapshots
from idp_analytics.tables import TABLES, empty
from idp_analytics.tables.conform import REJECTED, conform
from idp_analytics.tables.forgotten import without
from idp_analytics.tables.numbered import together, whole
from idp_analytics.tables.ownership import attribute, by_kind, event_time, latest, resolve, without_logins

TOGETHER = (("survey_responses", "comment_codes"),)
"""Tables that only one and the same step can settle: a response of somebody who is to be forgotten gets another id in both."""

# --- what is to be read ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """A source and its files."""

    source: SourceSettings
    paths: tuple[Path, ...]


def asked(settings: Settings) -> list[Asked]:
    """Every source with its files, in the order of the settings. Raises :class:`SettingsError` where there is none, or a pattern finds nothing."""
    problems: list[str] = []
    found: list[Asked] = []
    for source in settings.sources:
        paths, missing = expanded(source, settings.root)
        problems += [f"source {source.name!r}: {text}" for text in missing]
        found.append(Asked(source, tuple(paths)))
    if not settings.sources:
        problems.append("no [[source]]: nothing to read. See CONTRIBUTING.md or data/sample/settings.toml for the form")
    if problems:
        raise SettingsError.listing(str(settings.root), problems)
    return found


def expanded(source: SourceSettings, root: Path) -> tuple[list[Path], list[str]]:
    """The files of a source, its snapshots first, then what its patterns stand for, and a sentence for each that finds none."""
    found: list[Path] = []
    missing: list[str] = []
    kept = collected(source, root)
    for pattern in source.paths:
        try:
            matches = _matching(pattern, root)
        except (ValueError, RuntimeError, OSError) as error:
            missing.append(f"{pattern}: is no path that can be looked up ({getattr(error, 'strerror', None) or error})")
            continue
        if not matches and not kept:
            missing.append(f"{pattern}: no such file in {root}")
        missing += [
            f"{m.relative_to(root)}: is a link that leads out of the folder; write its own path if it is meant"
            for m in matches
            if _leads_out(m, pattern, root)
        ]
        found += [m for m in matches if m not in found]
    return kept + found, missing


def _leads_out(path: Path, pattern: str, root: Path) -> bool:
    """By a link, and not because the pattern says so: what came in an archive of exports may point at anything."""
    asked = Path(pattern).expanduser()
    is_inside = not asked.is_absolute() and ".." not in asked.parts
    return is_inside and not path.resolve().is_relative_to(root.resolve())


def collected(source: SourceSettings, root: Path) -> list[Path]:
    """The snapshots that ``idp collect`` kept of a source, oldest first."""
    folder = root / sources.SNAPSHOTS / source.name
    found = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return sorted(found, key=snapshots.order)


def _matching(pattern: str, root: Path) -> list[Path]:
    """The file of this name, else all that match it; ``~`` is the home folder, all else is relative to ``root``."""
    whole = Path(pattern).expanduser()
    base = Path(whole.anchor) if whole.is_absolute() else root
    relative = str(whole.relative_to(base)) if whole.is_absolute() else pattern
    return [base / relative] if (base / relative).exists() else sorted(base.glob(relative))


# --- a source --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Read:
    """What one source says: its rows by table, past the door; what it loaded, a row per extract; and the rows that were set aside at the door."""

    rows: Mapping[str, pl.DataFrame]
    loads: pl.DataFrame
    rejected: pl.DataFrame


def read(one: Asked, settings: Settings) -> Read:
    """Read and conform the files of a source. Raises :class:`SourceError` for a file that cannot be read as what it is said to be."""
    with sources.limited(settings.limits):
        extracts = sources.read(one.source.kind, one.paths, one.source.options, settings.root)
    rows: dict[str, list[pl.DataFrame]] = {}
    loads, rejected = [empty("loads")], [pl.DataFrame(schema=REJECTED)]
    for extract in extracts:
        if extract.table not in TABLES:
            raise SourceError(
                f"source {one.source.name!r}: no table {extract.table!r}.{nearest(extract.table, TABLES)}"
            )
        part = conform(extract, one.source.name, one.source.time_zone)
        rows.setdefault(extract.table, []).append(part.rows)
        loads.append(part.load)
        rejected.append(part.rejected)
    del extracts  # so that no row is held twice below
    tables = {name: together(TABLES[name], rows.pop(name)) for name in list(rows)}
    return Read(tables, pl.concat(loads), pl.concat(rejected))


# --- a table ---------------------------------------------------------------------------------------------------------

Rows = Mapping[str, Sequence[pl.DataFrame]]
"""The rows of each table by source, in the order of the settings."""


@dataclass(frozen=True)
class Names:
    """Names of systems by what they stand for (:func:`.ownership.by_kind`), and the people who are to be in no table."""

    aliases: Mapping[str, pl.DataFrame]
    people: frozenset[str]
    forgotten: frozenset[str]


def named(rows: Rows, forgotten: frozenset[str]) -> Names:
    """The names that ``rows`` of people and aliases tell."""
    people = together(TABLES["people"], rows.get("people") or [empty("people")])["person_id"]
    aliases = latest("aliases", together(TABLES["aliases"], rows.get("aliases") or [empty("aliases")]))[0]
    return Names(by_kind(aliases, people.to_list()), frozenset(people), forgotten)


@dataclass(frozen=True)
class Settled:
    """Tables past the gate: what is left of each, and of what is not, how many rows of which load went for what reason (``less``), the rows
    that a newer one replaced (``again``), those dated after the as-of time (``late``), and those the gate sets aside (``dropped``); how each
    expectation went (``results``); and, where there is no as-of time, when the last fact happened (``last``)."""

    tables: Mapping[str, pl.DataFrame]
    less: tuple[tuple[str, Mapping[str, int]], ...]
    again: pl.DataFrame
    late: pl.DataFrame
    dropped: pl.DataFrame
    results: pl.DataFrame
    last: datetime | None


def settled(
    names: Iterable[str],
    rows: dict[str, list[pl.DataFrame]],
    known: Names,
    as_of: datetime | None,
    gate: Literal["fast", "gx"],
) -> Settled:
    """The tables of these names from ``rows``, which are used up: those of all sources put together, names replaced by our ids, one row per key; rows
    replaced by a newer one are set aside, and people who are to be forgotten are in none of them; facts after ``as_of`` and rows that do not
    pass the ``gate`` are set aside too.

    Names come first, because two catalogues may describe one service under two. Those of :data:`TOGETHER` must be settled by one call.
    Raises as :func:`checks.check`.
    """
    tables: dict[str, pl.DataFrame] = {}
    less: list[tuple[str, Mapping[str, int]]] = []
    again = [pl.DataFrame(schema=REJECTED)]
    for name in names:
        frame = together(TABLES[name], rows.pop(name, []) or [empty(name)])
        if name == "aliases":
            frame = without_logins(frame, known.people)
        tables[name], replaced = latest(name, resolve(TABLES[name], frame, known.aliases))
        del frame
        for reason, gone in _replaced(name, tables[name], replaced):
            less.append((reason, _by_load(gone)))
            if reason is _AGAIN and gone.height:
                again.append(_rejects(name, gone, ", ".join(TABLES[name].key), reason))
    tables, forgotten = without(tables, known.forgotten)
    for (reason,), gone in forgotten.partition_by("reason", as_dict=True, maintain_order=True).items():
        less.append((str(reason), _by_load(gone)))
    tables, late = _known_by(tables, as_of)
    gated = checks.check(tables, gate)
    last = _last_event(gated.tables) if as_of is None else None
    return Settled(gated.tables, tuple(less), pl.concat(again), late, gated.rejected, gated.results, last)


def attributed(name: str, frame: pl.DataFrame, ownership: pl.DataFrame, time_zone: str) -> pl.DataFrame:
    """The table with each owned row's team as of the event, each column in one piece. ``ownership`` must be settled."""
    return whole(TABLES[name], attribute(TABLES[name], frame, ownership, time_zone))


def in_order(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Rows about tables, those of each table where the declarations have it."""
    order = {name: place for place, name in enumerate(TABLES)}
    return pl.concat(frames).sort(pl.col("table").replace_strict(order, return_dtype=pl.UInt32), maintain_order=True)


def _by_load(rows: pl.DataFrame) -> dict[str, int]:
    return dict(rows.group_by("load_id").len().iter_rows())


_AGAIN = "the same key comes again later; the later row is used"
_ELSEWHERE = "another source, read later, describes it too"


def _replaced(name: str, kept: pl.DataFrame, replaced: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Replaced rows by reason. That two systems know the same service is as it should be, and no fault of a row."""
    key = list(TABLES[name].key)
    if TABLES[name].is_fact or not replaced.height:
        yield _AGAIN, replaced
        return
    by = kept.select(*key, pl.col("source").alias("_by"))
    compared = replaced.join(by, on=key, how="left", nulls_equal=True)
    same = pl.col("_by") == pl.col("source")
    yield _AGAIN, compared.filter(same).drop("_by")
    yield _ELSEWHERE, compared.filter(~same).drop("_by")


def _known_by(
    tables: Mapping[str, pl.DataFrame], as_of: datetime | None
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """Facts dated after the as-of time are set aside: a report as of a day must not know the day after."""
    late = [pl.DataFrame(schema=REJECTED)]
    kept = dict(tables)
    if as_of is not None:
        for name in tables:
            table = TABLES[name]
            if not table.time or not tables[name].height:
                continue
            after = (event_time(table) > as_of).fill_null(False)
            if (rows := tables[name].filter(after)).height:
                kept[name] = tables[name].filter(~after)
                late.append(_rejects(name, rows, table.time[0], f"is dated after the as-of time {as_of.isoformat()}"))
    return kept, pl.concat(late)


_PLANS = ("interventions",)
"""Tables that say what somebody means to do: written down today, they do not say that anything else is known up to today."""


_LATEST = datetime(2100, 1, 1, tzinfo=UTC)
"""What is dated later is a placeholder or a broken clock; the gate keeps of such only what is dated by a first commit alone."""


def _last_event(tables: Mapping[str, pl.DataFrame]) -> datetime | None:
    """When the last fact in ``tables`` happened."""
    times: list[datetime | None] = [
        frame.select(event_time(TABLES[name]).filter(event_time(TABLES[name]) < _LATEST).max()).item()
        for name, frame in tables.items()
        if TABLES[name].time and TABLES[name].is_fact and frame.height and name not in _PLANS
    ]
    return max((t for t in times if t is not None), default=None)


def _rejects(table: str, rows: pl.DataFrame, column: str, reason: str) -> pl.DataFrame:
    key = [pl.col(name).cast(pl.String) for name in TABLES[table].key]
    return rows.select(
        pl.lit(table).alias("table"),
        pl.lit(None, pl.String).alias("file"),
        pl.col("source_row").alias("row"),
        pl.lit(column).alias("column"),
        pl.lit(reason).alias("reason"),
        pl.concat_str(key, separator=", ", ignore_nulls=True).alias("found"),
        pl.col("source", "load_id").cast(pl.String),
    )


def counted(loads: pl.DataFrame, told: Sequence[Settled]) -> pl.DataFrame:
    """The loads after the gate; rows in = rows out + rows dropped still holds for each."""
    gone = [(reason, rows) for one in told for reason, rows in one.less]
    aside = pl.concat([part for one in told for part in (one.late, one.dropped)])
    for (reason,), part in aside.partition_by("reason", as_dict=True, maintain_order=True).items():
        gone.append((str(reason), _by_load(part)))
    for reason, rows in gone:
        loads = _less(loads, rows, reason)
    return loads


def _less(loads: pl.DataFrame, gone: Mapping[str, int], reason: str) -> pl.DataFrame:
    """The loads with ``gone[load_id]`` rows fewer, counted under ``reason``."""
    if not gone:
        return loads
    rows = []
    for row in loads.iter_rows(named=True):
        n = gone.get(row["load_id"], 0)
        dropped = Counter(json.loads(row["dropped"]))
        dropped.update({reason: n} if n else {})
        rows.append({**row, "rows_out": row["rows_out"] - n, "dropped": json.dumps(dict(sorted(dropped.items())))})
    return pl.DataFrame(rows, schema=loads.schema)
