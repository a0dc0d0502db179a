"""From a data folder to trusted tables: settings → sources → conform → checks → :class:`Organisation`, step by step (:mod:`.loading`)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Literal

import polars as pl

from idp_analytics import checks, loading, metrics, sources
from idp_analytics.answers import ORG, Metric
from idp_analytics.errors import GateError, ReportError, SettingsError, nearest
from idp_analytics.metrics import benchmarks, maturity
from idp_analytics.settings import Settings, SourceSettings, read
from idp_analytics.tables import TABLES, Table, empty
from idp_analytics.tables.conform import REJECTED
from idp_analytics.tables.forgotten import marks, unnamed
from idp_analytics.tables.incomplete import incomplete
from idp_analytics.tables.ownership import ambiguous, event_time, overlaps

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
        whether it counted, and the file and row it came from. ``metric`` may also be a study (:data:`idp_analytics.metrics.WAYS_BACK`).

        Raises :class:`ReportError` for a metric or period that does not exist, for a team or service that no table
        knows, and if both are named.
        """
        if team and service:
            raise ReportError("Name a team or a service, not both: a number belongs to one of them.")
        scope, entity = ("team", team) if team else ("service", service) if service else ("org", ORG)
        rows = metrics.trace(self.lazy, self.settings, self.as_of, metric, scope, entity, period)
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


@dataclass(frozen=True)
class Unread:
    """A company that is yet to be loaded: what tells its settings, and the gate its rows are to pass. Called, it is loaded by this process; it
    may be sent to another, where ``told`` may."""

    told: Callable[[], Settings]
    gate: Literal["fast", "gx"] = "fast"

    def __call__(self) -> Organisation:
        """Load it here; raises as :func:`load`."""
        return organise(self.told(), self.gate)


def load(path: str | Path = "data/sample", gate: Literal["fast", "gx"] = "fast") -> Organisation:
    """Load the company in folder ``path`` (its ``settings.toml`` says what is there).

    Raises :class:`SettingsError` (all problems listed), :class:`SourceError` for a file that cannot be read as what
    it is said to be, :class:`GateError` when nothing essential is left. Bad rows never raise.
    """
    return organise(settings_in(path), gate)


def settings_in(path: str | Path) -> Settings:
    """The settings of the company in folder ``path``. Raises :class:`SettingsError`, all problems listed."""
    root = Path(path)
    if not root.is_dir():
        raise SettingsError(f"{root}: no such folder. Give the folder that holds settings.toml, e.g. data/sample.")
    return read(root, sources.check)


def organise(settings: Settings, gate: Literal["fast", "gx"] = "fast") -> Organisation:
    """The same from settings already at hand (``idp report --git`` makes them without a file)."""
    forgotten = checked(settings)
    loads, rejected = [empty("loads")], [pl.DataFrame(schema=REJECTED)]
    rows: dict[str, list[pl.DataFrame]] = {}
    for one in loading.asked(settings):
        part = loading.read(one, settings)
        loads.append(part.loads)
        rejected.append(part.rejected)
        for name, frame in part.rows.items():
            rows.setdefault(name, []).append(frame)
        del part  # so that no row is held twice below
    names = loading.named(rows, forgotten)
    told = loading.settled([name for name in TABLES if name != "loads"], rows, names, settings.as_of, gate)
    tables, told = dict(told.tables), replace(told, tables={})
    ownership = tables["ownership"].clone()  # the table itself is used up below
    stop_if_unusable({name: frame.height for name, frame in tables.items()}, told.results)
    tables = {name: loading.attributed(name, tables.pop(name), ownership, settings.time_zone) for name in list(tables)}
    return assembled(settings, forgotten, tables, pl.concat(loads), pl.concat(rejected), [told])


def checked(settings: Settings) -> frozenset[str]:
    """The people who are to be forgotten, once the settings are known to be of use. Raises :class:`SettingsError`."""
    benchmarks.check(settings)
    maturity.check(settings)
    return marks(settings.root)


def assembled(
    settings: Settings, forgotten: frozenset[str], tables: Mapping[str, pl.DataFrame], loads: pl.DataFrame, rejected: pl.DataFrame,
    told: Sequence[loading.Settled],
) -> Organisation:  # fmt: skip
    """The organisation of all tables but that of the loads, from what the sources (``loads``, ``rejected``) and the tables say of themselves.
    Raises :class:`GateError` where nothing can be dated."""
    again, late, dropped, results = (
        loading.in_order([getattr(one, part) for one in told]) for part in ("again", "late", "dropped", "results")
    )
    aside = [unnamed(pl.concat([rejected, again]), forgotten), late, dropped]
    counted = loading.counted(loads, told).clone()  # the frame itself is used up below
    counted = loading.attributed("loads", counted, tables["ownership"], settings.time_zone)
    # In the order of the declarations, whoever made which table first.
    tables = {name: counted if name == "loads" else tables[name] for name in TABLES}
    return Organisation(
        settings=settings, tables=tables, rejected=_with_files(pl.concat(aside), loads), checks=results,
        as_of=settings.as_of or _after([one.last for one in told]), cautions=tuple(_cautions(tables, settings)),
    )  # fmt: skip


def _after(last: Iterable[datetime | None]) -> datetime:
    """Without an as-of time in the settings: the start of the day after the last fact, which is when all is known."""
    known = [moment for moment in last if moment is not None]
    if not known:
        raise GateError(
            "Nothing can be dated: no row says when it happened, and the settings have no as-of time. "
            "Map the column with the time in settings.toml, or give as_of under [organisation]."
        )
    return max(known).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


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


# --- what was set aside ----------------------------------------------------------------------------------------------


def _with_files(rejected: pl.DataFrame, loads: pl.DataFrame) -> pl.DataFrame:
    paths = loads.select("load_id", pl.col("path").alias("_path"))
    return (
        rejected.join(paths, on="load_id", how="left", maintain_order="left")
        .with_columns(pl.coalesce("file", "_path").alias("file"))
        .select(list(REJECTED))
        .sort("table", "file", "row", nulls_last=True, maintain_order=True)
    )


def stop_if_unusable(heights: Mapping[str, int], results: pl.DataFrame) -> None:
    """Raise :class:`GateError` where no essential table has rows, by the number of rows of each, or an expectation of a table as a whole is not met."""
    if not any(heights[name] for name in ESSENTIAL):
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
