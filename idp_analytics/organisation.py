"""From a data folder to trusted tables: settings → sources → conform → checks → :class:`Organisation`."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Literal

import polars as pl

from idp_analytics import checks, metrics, sources
from idp_analytics.answers import ORG, Metric
from idp_analytics.errors import GateError, ReportError, SettingsError, SourceError, nearest
from idp_analytics.metrics import benchmarks, maturity
from idp_analytics.settings import Settings, SourceSettings, read
from idp_analytics.sources import snapshots
from idp_analytics.tables import TABLES, Extract, Table, empty
from idp_analytics.tables.conform import REJECTED, Conformed, conform
from idp_analytics.tables.forgotten import marks, unnamed, without
from idp_analytics.tables.incomplete import incomplete
from idp_analytics.tables.numbered import together, whole
from idp_analytics.tables.ownership import (
    ambiguous,
    attribute,
    by_kind,
    event_time,
    latest,
    overlaps,
    resolve,
    without_logins,
)

ESSENTIAL = ("deployments", "costs", "incidents", "changes")
"""At least one of these must hold rows; otherwise there is nothing to report on."""

USABLE = {
    "deployments": ("service_id", "environment", "outcome", "finished_at"),
    "changes": ("service_id", "first_commit_at", "merged_at"),
    "incidents": ("service_id", "change_caused"),
    "costs": ("team_id",),
    "action_runs": ("team_id", "finished_at", "outcome"),
    "approvals": ("requested_at", "status"),
}
"""What a fact must say to be of full use; the coverage table gives the share of rows that do."""

_SHOWN = ("deployments", "changes", "incidents", "costs", "action_runs", "approvals", "tickets", "pages")


@dataclass(frozen=True)
class Organisation:
    """One company's trusted data: what every number is computed from, and what was set aside on the way.

    ``tables`` has every canonical table (maybe empty); each owned fact carries ``team_id`` as of the event. Columns of few texts
    (``Table.repeats``) may be Enums.
    ``rejected`` lists every row set aside; ``checks`` every expectation and how it went.
    """

    settings: Settings
    tables: Mapping[str, pl.DataFrame]
    rejected: pl.DataFrame
    checks: pl.DataFrame
    as_of: datetime
    cautions: tuple[str, ...] = ()

    @cached_property
    def lazy(self) -> Mapping[str, pl.LazyFrame]:
        """The tables as lazy frames, which is what metrics take; where a row came from is text again, which is the same of all tables."""
        lineage = [pl.col(name).cast(pl.String) for name in ("source", "load_id")]
        return {
            name: frame.lazy().with_columns(lineage) if "load_id" in TABLES[name].repeats else frame.lazy()
            for name, frame in self.tables.items()
        }

    def answers(
        self,
        metric: str | Sequence[str] | None = None,
        by: str | Sequence[str] | None = None,
        every: str | Sequence[str] = ("1mo", "1q"),
        definition: str = "idp",
    ) -> pl.DataFrame:
        """The answer table (:data:`idp_analytics.answers.COLUMNS`), computed in one pass.

        ``metric``: one name or several, default all. ``by``: ``org``, ``team``, ``service``, default all three.
        ``every``: ``1w``, ``1mo``, ``1q``. ``definition``: by whose rules, ours (``idp``) or a preset such as
        ``devlake_2023`` (:data:`idp_analytics.metrics.presets.PRESETS`). Raises :class:`ReportError` for a name that does
        not exist.
        """
        by_whom = metrics.preset(definition)
        if by_whom is not metrics.IDP:
            names = None if metric is None else _several(metric)
            some = ("org", "team", "service") if by is None else _several(by)
            return metrics.answered(by_whom, self.lazy, self.settings, self.as_of, names, some, _several(every))
        chosen: Iterable[Metric] = metrics.CATALOGUE if metric is None else map(metrics.by_name, _several(metric))
        scopes = ("org", "team", "service") if by is None else _several(by)
        return metrics.compute(self.lazy, self.settings, self.as_of, tuple(chosen), scopes, _several(every))

    def study(self, name: str, period: str = "") -> pl.DataFrame:
        """The frame of one study (:data:`idp_analytics.metrics.STUDIES`); with ``period``, a label, only what of it the report of that period shows
        (:class:`idp_analytics.metrics.Shown`), which takes less time. Raises :class:`ReportError` for another name, or what is no period."""
        for study in metrics.STUDIES:
            if study.name == name:
                return study.rows(self.lazy, self.settings, self.as_of, period)
        raise ReportError(f"There is no study {name!r}.{nearest(name, [study.name for study in metrics.STUDIES])}")

    def trace(self, metric: str, period: str, team: str | None = None, service: str | None = None) -> pl.DataFrame:
        """The rows behind one answer, of the organisation unless ``team`` or ``service`` is named: what was observed,
        whether it counted, and the file and row it came from (:func:`idp_analytics.metrics.trace` lists the columns). ``metric`` may
        also be a study of golden paths (:func:`idp_analytics.metrics.path_rows`): drift, path_retention, upgrade_lag; ``stress_signals``
        (:func:`idp_analytics.metrics.stress_rows`); ``scorecard_rules`` (:func:`idp_analytics.metrics.scorecard_rows`); or ``follow_through``
        (:func:`idp_analytics.metrics.action_rows`).

        Raises :class:`ReportError` for a metric or period that does not exist, for a team or service that no table
        knows, and if both are named.
        """
        if team and service:
            raise ReportError("Name a team or a service, not both: a number belongs to one of them.")
        scope, entity = ("team", team) if team else ("service", service) if service else ("org", ORG)
        way_back = metrics.WAYS_BACK.get(metric, metrics.trace)
        rows = way_back(self.lazy, self.settings, self.as_of, metric, scope, entity, period)
        if scope != "org" and not rows.height:
            # None of its rows is not the same as no such team.
            known = self.tables[f"{scope}s"][f"{scope}_id"].to_list()
            if entity not in known:
                raise ReportError(f"There is no {scope} {entity!r} with rows in this period.{nearest(entity, known)}")
        return rows

    def pool_charges(self, pool: str, period: str) -> pl.DataFrame:
        """The charges a ``[[pool]]`` of shared cost holds in a period (:func:`idp_analytics.metrics.pool_charges`)."""
        return metrics.pool_charges(self.lazy, self.settings, self.as_of, pool, period)

    def component_rows(self, component: str, period: str) -> pl.DataFrame:
        """The rows behind a component of the study ``sprawl`` (:func:`idp_analytics.metrics.component_rows`)."""
        return metrics.component_rows(self.lazy, self.settings, self.as_of, component, period)

    def coverage(self) -> pl.DataFrame:
        """What the numbers rest on, per team, source and table.

        Columns: team_id (null: no team known), source, table, first_at, last_at (UTC), rows, usable_share (0–1: rows
        that say all a metric needs, :data:`USABLE`; null where nothing is asked), linked_share (incidents only: of
        those that may be change-caused, the share linked to a deployment), truncated (an export said it is incomplete).
        """
        parts = [_coverage(TABLES[name], self.lazy[name]) for name in _SHOWN if self.tables[name].height]
        if not parts:
            return pl.DataFrame(schema=_COVERAGE)
        truncated = self.tables["loads"].group_by("source", "table").agg(pl.col("truncated").any())
        linked = metrics.linked_incidents(self.lazy, self.settings).collect()
        shares = linked.group_by("team_id", "source").agg(pl.col("linked").mean().alias("linked_share"))
        return (
            pl.concat(parts)
            .join(truncated, on=["source", "table"], how="left")
            .join(shares.with_columns(pl.lit("incidents").alias("table")), on=["team_id", "source", "table"], how="left", nulls_equal=True)
            .select(list(_COVERAGE))
            .cast(_COVERAGE)  # type: ignore[arg-type]
            .sort("team_id", "table", "source", nulls_last=True)
        )  # fmt: skip


_COVERAGE: dict[str, pl.DataType | type[pl.DataType]] = {
    "team_id": pl.String,
    "source": pl.String,
    "table": pl.String,
    "first_at": pl.Datetime("us", "UTC"),
    "last_at": pl.Datetime("us", "UTC"),
    "rows": pl.Int64,
    "usable_share": pl.Float64,
    "linked_share": pl.Float64,
    "truncated": pl.Boolean,
}


def load(path: str | Path = "data/sample", gate: Literal["fast", "gx"] = "fast") -> Organisation:
    """Load the company in folder ``path`` (its ``settings.toml`` says what is there).

    Raises :class:`SettingsError` (all problems listed), :class:`SourceError` for a file that cannot be read as what
    it is said to be, :class:`GateError` when nothing essential is left. Bad rows never raise.
    """
    root = Path(path)
    if not root.is_dir():
        raise SettingsError(f"{root}: no such folder. Give the folder that holds settings.toml, e.g. data/sample.")
    return organise(read(root, sources.check), gate)


def organise(settings: Settings, gate: Literal["fast", "gx"] = "fast") -> Organisation:
    """The same from settings already at hand (``idp report --git`` makes them without a file)."""
    benchmarks.check(settings)
    maturity.check(settings)
    forgotten = marks(settings.root)
    tables, rejected, loads = _gathered(
        (conform(extract, source.name, source.time_zone) for source, extract in _extracts(settings)), forgotten
    )
    tables, late = _known_by(tables, settings.as_of)
    gated = checks.check(tables, gate)
    tables, results, dropped = dict(gated.tables), gated.results, gated.rejected
    del gated  # so that no table is held twice below
    rejected = _with_files(pl.concat([rejected, late, dropped]), loads)
    tables["loads"] = _recounted(loads, pl.concat([late, dropped]))
    _stop_if_unusable(tables, results)

    zone, ownership = settings.time_zone, tables["ownership"].clone()  # the table itself is used up below
    tables = {
        name: whole(TABLES[name], attribute(TABLES[name], tables.pop(name), ownership, zone)) for name in list(tables)
    }
    return Organisation(
        settings=settings, tables=tables, rejected=rejected, checks=results,
        as_of=settings.as_of or _last_event(tables), cautions=tuple(_cautions(tables, settings)),
    )  # fmt: skip


def from_repositories(repositories: Sequence[Path], **organisation: str) -> Settings:
    """Settings for a newcomer with nothing but git repositories: each is a service, and stands as its own team."""
    missing = [f"{path}: no such folder or bundle" for path in repositories if not path.exists()]
    if missing:
        raise SettingsError.listing("--git", missing)
    source = SourceSettings(
        name="git",
        kind="git",
        paths=tuple(str(p.resolve()) for p in repositories),
        options={"teams_from_repositories": True},
    )
    key = hashlib.sha256(repr((source.paths, sorted(organisation.items()))).encode()).hexdigest()
    org = organisation.get("org", "git")
    return Settings(
        org=org, title=organisation.get("title", "Your repositories"), root=Path.cwd(), sources=(source,), sha256=key,
        repositories=tuple(path.resolve().name for path in repositories),
    )  # fmt: skip


# --- reading ---------------------------------------------------------------------------------------------------------


def _extracts(settings: Settings) -> Iterator[tuple[SourceSettings, Extract]]:
    problems: list[str] = []
    files: list[tuple[SourceSettings, list[Path]]] = []
    for source in settings.sources:
        found, missing = expanded(source, settings.root)
        problems += [f"source {source.name!r}: {text}" for text in missing]
        files.append((source, found))
    if not settings.sources:
        problems.append("no [[source]]: nothing to read. See CONTRIBUTING.md or data/sample/settings.toml for the form")
    if problems:
        raise SettingsError.listing(str(settings.root), problems)
    for source, paths in files:
        with sources.limited(settings.limits):
            extracts = sources.read(source.kind, paths, source.options, settings.root)
        for extract in extracts:
            if extract.table not in TABLES:
                raise SourceError(
                    f"source {source.name!r}: no table {extract.table!r}.{nearest(extract.table, TABLES)}"
                )
            yield source, extract


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


def _gathered(
    parts: Iterable[Conformed], forgotten: frozenset[str] = frozenset()
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame, pl.DataFrame]:
    """All extracts put together per table, names replaced by our ids, one row per key; rows replaced by a newer one are set aside, and
    people who are to be forgotten are in none of them.

    Names come first, because two catalogues may describe one service under two.
    """
    told, rejected = [empty("loads")], [pl.DataFrame(schema=REJECTED)]
    by_table: dict[str, list[pl.DataFrame]] = {}
    for part in parts:
        told.append(part.load)
        rejected.append(part.rejected)
        by_table.setdefault(str(part.load["table"][0]), []).append(part.rows)
    loads = pl.concat(told)
    frames = {name: together(TABLES[name], by_table.pop(name, []) or [empty(name)]) for name in TABLES}
    people = frames["people"]["person_id"].to_list()
    aliases = by_kind(latest("aliases", frames["aliases"])[0], people)
    frames["aliases"] = without_logins(frames["aliases"], people)
    tables = {}
    for name in TABLES:
        tables[name], replaced = latest(name, resolve(TABLES[name], frames.pop(name), aliases))
        for reason, rows in _replaced(name, tables[name], replaced):
            loads = _less(loads, dict(rows.group_by("load_id").len().iter_rows()), reason)
            if reason is _AGAIN and rows.height:
                rejected.append(_rejects(name, rows, ", ".join(TABLES[name].key), reason))
    tables, gone = without(tables, forgotten)
    return tables, unnamed(pl.concat(rejected), forgotten), _recounted(loads, gone)


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


# --- the as-of time --------------------------------------------------------------------------------------------------


def _known_by(
    tables: Mapping[str, pl.DataFrame], as_of: datetime | None
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """Facts dated after the as-of time are set aside: a report as of a day must not know the day after."""
    late = [pl.DataFrame(schema=REJECTED)]
    kept = dict(tables)
    if as_of is not None:
        for name, table in TABLES.items():
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


def _last_event(tables: Mapping[str, pl.DataFrame]) -> datetime:
    """Without an as-of time in the settings: the start of the day after the last fact, which is when all is known."""
    times: list[datetime | None] = [
        frame.select(event_time(TABLES[name]).filter(event_time(TABLES[name]) < _LATEST).max()).item()
        for name, frame in tables.items()
        if TABLES[name].time and TABLES[name].is_fact and frame.height and name not in _PLANS
    ]
    last = max((t for t in times if t is not None), default=None)
    if last is None:
        raise GateError(
            "Nothing can be dated: no row says when it happened, and the settings have no as-of time. "
            "Map the column with the time in settings.toml, or give as_of under [organisation]."
        )
    return last.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


# --- what was set aside ----------------------------------------------------------------------------------------------


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


def _with_files(rejected: pl.DataFrame, loads: pl.DataFrame) -> pl.DataFrame:
    paths = loads.select("load_id", pl.col("path").alias("_path"))
    return (
        rejected.join(paths, on="load_id", how="left", maintain_order="left")
        .with_columns(pl.coalesce("file", "_path").alias("file"))
        .select(list(REJECTED))
        .sort("table", "file", "row", nulls_last=True, maintain_order=True)
    )


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


def _recounted(loads: pl.DataFrame, rejected: pl.DataFrame) -> pl.DataFrame:
    """The loads after the gate; rows in = rows out + rows dropped still holds for each."""
    for (reason,), part in rejected.partition_by("reason", as_dict=True, maintain_order=True).items():
        loads = _less(loads, dict(part.group_by("load_id").len().iter_rows()), str(reason))
    return loads


def _stop_if_unusable(tables: Mapping[str, pl.DataFrame], results: pl.DataFrame) -> None:
    if not any(tables[name].height for name in ESSENTIAL):
        raise GateError(
            f"Nothing to report on: no usable row in any of {', '.join(ESSENTIAL)}. "
            "See `idp check` for what was read and why rows were set aside."
        )
    broken = checks.closing(results)
    if broken.height:
        told = "\n".join(f"  - {checks.describe(row)}" for row in broken.iter_rows(named=True))
        raise GateError(f"The gate is closed; nothing is published:\n{told}")


# --- what a reader should know ---------------------------------------------------------------------------------------


def _coverage(declared: Table, frame: pl.LazyFrame) -> pl.DataFrame:
    have = frame.collect_schema().names()
    needed = [name for name in USABLE.get(declared.name, ()) if name in have]
    usable = pl.all_horizontal(pl.col(needed).is_not_null()).mean() if needed else pl.lit(None, pl.Float64)
    team = pl.col("team_id").cast(pl.String) if "team_id" in have else pl.lit(None, pl.String)
    return (
        frame.with_columns(team.alias("team_id"), event_time(declared).alias("_at"))
        .group_by("team_id", "source")
        .agg(
            pl.col("_at").min().alias("first_at"),
            pl.col("_at").max().alias("last_at"),
            pl.len().cast(pl.Int64).alias("rows"),
            usable.alias("usable_share"),
        )
        .with_columns(pl.lit(declared.name).alias("table"))
        .collect()
    )


def _cautions(tables: Mapping[str, pl.DataFrame], settings: Settings) -> Iterator[str]:
    if n := overlaps(tables["ownership"]).height:
        yield f"{n} span(s) of ownership overlap a later one of the same service; from then on the later owner counts."
    if doubled := ambiguous(tables["aliases"]):
        yield (
            f"{len(doubled)} name(s) in the aliases stand for two things at one time ({', '.join(sorted(set(doubled)))}): there the one "
            "that begins later counts. Give the other a valid_to."
        )
    if tables["ownership"].height and tables["ownership"]["valid_from"].is_null().all():
        yield "The ownership table knows only today's owners: a reorganisation would rewrite history."
    if settings.as_of is None:
        yield "No as-of time in the settings: the day after the last fact is used."
    yield from incomplete(tables["loads"])


def _several(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)
