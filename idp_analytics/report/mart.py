"""The mart: all that reports need, computed once per run; a team's report only takes its slice."""

from __future__ import annotations

import json
import platform
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from idp_analytics import __version__
from idp_analytics.answers import ORG
from idp_analytics.errors import ReportError, nearest
from idp_analytics.estimates import groups
from idp_analytics.metrics import HEADLINES, STUDIES, WAYS_BACK, Aside, Exchange, behind, compute
from idp_analytics.metrics.cost_restatement import complete, cost_restatement
from idp_analytics.metrics.cost_restatement_reasons import restatement_reasons
from idp_analytics.metrics.maturity import Published, maturity_changes, maturity_gaming, maturity_moved
from idp_analytics.paths import written
from idp_analytics.periods import Period, floor, label, parse, preceding
from idp_analytics.report import parts, people_rows
from idp_analytics.report.service_answers import ServiceAnswers
from idp_analytics.report.study_files import StudyFiles

if TYPE_CHECKING:
    from idp_analytics.organisation import Organisation
    from idp_analytics.settings import Settings

META = "meta.json"

LIBRARIES = ("polars", "numpy", "scipy", "statsmodels")
"""What numbers are computed with; their versions are part of a report's provenance."""

_FRAMES = ("answers", "coverage", "rejected", "checks", "loads", "teams", "services")
_ROWS_PER_GROUP = 16_384


@dataclass(frozen=True)
class Before:
    """The report published before, as far as another is compared with it: its ``answers``, its study ``cost_lines`` (None: it kept none), what it said
    of ``maturity`` (None: nothing that can be compared), and ``sha256``, one hash of all that."""

    period: str
    run: str
    sha256: str
    answers: pl.DataFrame
    lines: pl.DataFrame | None
    maturity: Published | None
    rules_changed: bool
    code_changed: bool


class Computing(Protocol):
    """Who computes the answers and the studies of an organisation."""

    def answers(self, every: Sequence[str], ahead: Period | None = None) -> tuple[pl.DataFrame, ServiceAnswers]:
        """The answers for periods of these lengths, in the order of a mart: of organisation and teams, and of services. ``ahead``: the period of which
        :meth:`rows` will be asked for, as far as can be told."""

    def studies(self, names: Collection[str], period: str) -> Mapping[str, pl.DataFrame]:
        """The studies of these names, in their order, the organisation's rows first; with ``period`` what of each the report of that period shows."""

    def rows(self, span: Period) -> Mapping[str, pl.DataFrame]:
        """What is published of the rows of a period, by :data:`WITH_ROWS`: those behind the answers
        (:func:`idp_analytics.metrics.behind.of_metrics`), and of each study those of the whole organisation."""


OF_METRICS = "metrics"
"""What the rows behind answers are called among the frames of rows."""

WITH_ROWS = (OF_METRICS, *(name for name in WAYS_BACK if name != "stress_signals"))
"""What has rows that are published with a report: the metrics together, and every study with a way back but that of all moments of calm and stress, which are
more than all else together."""


@dataclass(frozen=True)
class Here:
    """Computes them in this process, one after the other. ``exchange``: where what is found ahead of being asked for is kept."""

    organisation: Organisation
    exchange: Exchange = field(default_factory=behind.Kept)

    def answers(self, every: Sequence[str], ahead: Period | None = None) -> tuple[pl.DataFrame, ServiceAnswers]:
        """As :class:`Computing`."""
        aside = Aside(ahead, self.exchange) if ahead else None
        shown, of_services = in_order(compute(*self._given, every=tuple(every), aside=aside))
        return shown, ServiceAnswers.of(of_services)

    def studies(self, names: Collection[str], period: str) -> dict[str, pl.DataFrame]:
        """As :class:`Computing`."""
        return {name: _whole_first(self.organisation.study(name, period)) for name in names}

    def rows(self, span: Period, names: Sequence[str] = WITH_ROWS) -> dict[str, pl.DataFrame]:
        """As :class:`Computing`, of these ``names``."""
        return {name: self._rows(name, span) for name in names}

    def _rows(self, name: str, span: Period) -> pl.DataFrame:
        if name == OF_METRICS:
            return behind.of_metrics(*self._given, Aside(span, self.exchange))
        return WAYS_BACK[name](*self._given, name, "org", ORG, span.label)

    @property
    def _given(self) -> tuple[Mapping[str, pl.LazyFrame], Settings, datetime]:
        return self.organisation.lazy, self.organisation.settings, self.organisation.as_of


@dataclass(frozen=True)
class Mart:
    """What every report of one run is made from.

    ``answers``, those of organisation and teams, has the columns of :data:`idp_analytics.answers.COLUMNS`; ``coverage``, ``rejected``, ``checks`` those of
    :class:`~idp_analytics.organisation.Organisation`; ``loads``, ``teams``, ``services`` those of the tables, all of them as far as they may be
    published (:mod:`people_rows`); ``studies`` has the frame of
    every study by name. ``meta``
    (JSON values only): ``org``, ``title``, ``as_of``, ``time_zone``, ``asked``, ``rules``, ``calendar``, ``platform_team``, ``developer_hour`` (amount, currency), ``targets``, ``maturity_target_teams``, ``scorecard_rules`` (scorecard and rule of each that asks what is seen), ``maturity_model`` (the title of a company's own), ``settings_sha256``,
    ``versions``, ``cautions``, ``periods`` (length → labels, oldest first), ``only`` (the one period reports can be made of; null: any), and ``restates`` (the
    ``period``, ``run`` and ``sha256`` of what was published before, where anything was), and ``rows`` (do those behind the numbers lie beside the pages?).
    ``service_answers`` and ``rows`` (as :meth:`Computing.rows` gives them), which no report shows, are only published beside them: :meth:`write` leaves them
    out, and None are in a mart that was read.
    """

    answers: pl.DataFrame
    coverage: pl.DataFrame
    rejected: pl.DataFrame
    checks: pl.DataFrame
    loads: pl.DataFrame
    teams: pl.DataFrame
    services: pl.DataFrame
    studies: Mapping[str, pl.DataFrame]
    meta: Mapping[str, Any]
    service_answers: ServiceAnswers | None = None
    rows: Mapping[str, pl.DataFrame] | None = None

    @classmethod
    def of(
        cls, organisation: Organisation, every: Sequence[str] = ("1mo", "1q"), only: Collection[str] | None = None, period: str | None = None,
        computing: Computing | None = None, rows: bool = False,
    ) -> Mart:  # fmt: skip
        """Everything computed from ``organisation``, for periods of the given lengths; of studies ``only`` those named, where any are.

        ``period``: a label, or empty for the latest complete month. With one, reports of that period alone can be made from it: of studies it holds what
        they show, so that all is computed in less time; answers are of all periods in every case. ``computing``: by whom, default
        :class:`Here`. ``rows``: of that period also those behind the numbers, unless the settings say
        that they are not published. Raises :class:`ReportError` as :meth:`period` does.
        """
        computing, settings = computing or Here(organisation), organisation.settings
        rows = rows and settings.publish_rows
        ahead = _expected(period or "", organisation.as_of, settings) if rows else None
        answers, of_services = computing.answers(every, ahead)
        # What one metric alone knows of a time before (a change merged before anything was deployed) is no period to report.
        is_headline = pl.col("metric").is_in([metric.name for metric in HEADLINES]).alias("_headline")
        known = answers.select("every", "period", "period_start", is_headline).unique()
        headline = known.filter("_headline")
        spans = (headline if headline.height else known).drop("_headline").sort("every", "period_start")
        meta = {
            "org": settings.org,
            "title": settings.title,
            "as_of": organisation.as_of.isoformat(),
            "time_zone": settings.time_zone,
            "asked": list(settings.asked),
            "rules": {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(settings.rules).items()},
            "calendar": settings.calendar.told(),
            "platform_team": settings.platform_team,
            "developer_hour": [str(settings.showback.developer_hour), settings.showback.currency]
            if settings.showback.developer_hour is not None
            else None,
            "targets": [
                asdict(target) | {"by": target.by.isoformat() if target.by else None} for target in settings.targets
            ],
            "maturity_target_teams": sorted({target.team for target in settings.maturity.targets if target.team}),
            "scorecard_rules": [[one.scorecard, one.rule] for one in settings.scorecard_rules],
            "maturity_model": settings.maturity.title if settings.maturity.is_own else None,
            "settings_sha256": settings.sha256,
            "versions": {"idp-analytics": __version__, "python": platform.python_version(), **_versions()},
            "cautions": list(organisation.cautions),
            "periods": {length: spans.filter(every=length)["period"].to_list() for length in every},
            "only": None,
            "rows": rows,
        }
        if period is not None:
            meta["only"] = period = _chosen(period, meta).label
        tables = organisation.tables
        studies = computing.studies(
            [study.name for study in STUDIES if only is None or study.name in only], period or ""
        )
        return cls(
            answers, organisation.coverage(), people_rows.rejected(organisation.rejected), people_rows.checks(organisation.checks),
            people_rows.loads(tables["loads"]), tables["teams"], tables["services"], studies, meta, of_services,
            computing.rows(parse(period)) if rows and period else None,
        )  # fmt: skip

    def restating(self, before: Before, organisation: Organisation) -> Mart:
        """This mart, made from ``organisation``, with what has become of what the report published ``before`` it said: the studies ``cost_restatement``,
        ``cost_restatement_reasons``, ``maturity_changes``, ``maturity_moved`` and ``maturity_gaming``."""
        told = cost_restatement(self.answers, before.answers, before.period, before.rules_changed, before.code_changed)
        studies = {**self.studies, "cost_restatement": _whole_first(told)}
        if before.lines is not None:
            reasons = restatement_reasons(self.studies["cost_lines"], before.lines, complete(before.answers))
            studies["cost_restatement_reasons"] = _whole_first(reasons)
        if before.maturity is not None:
            given = (organisation.lazy, organisation.settings, organisation.as_of, before.maturity)
            studies |= {
                study.__name__: _whole_first(study(*given))
                for study in (maturity_changes, maturity_moved, maturity_gaming)
            }
        restates = {"period": before.period, "run": before.run, "sha256": before.sha256}
        return replace(self, studies=studies, meta={**self.meta, "restates": restates})

    def write(self, folder: Path) -> tuple[Path, ...]:
        """Write it to ``folder`` (made if need be) as Parquet and JSON: the same mart gives the same bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        frames: dict[str, pl.DataFrame] = {name: getattr(self, name) for name in _FRAMES} | dict(self.studies)
        for name, frame in frames.items():
            # In one chunk: where pages of a file end would else follow from how a frame was put together.
            written(folder / f"{name}.parquet", partial(frame.rechunk().write_parquet, row_group_size=_ROWS_PER_GROUP))
        (folder / META).write_text(json.dumps(self.meta, indent=1) + "\n", encoding="utf-8")
        return (*(folder / f"{name}.parquet" for name in frames), folder / META)

    def parts(self, folder: Path) -> parts.Parts:
        """Parts of this mart, for reports of teams, beside the files it was written to in ``folder``."""
        frames = {name: getattr(self, name) for name in _FRAMES} | dict(self.studies)
        return parts.Parts(folder, frames, {"coverage": frames.pop("coverage")})

    @classmethod
    def read(cls, folder: Path, team: str | None = None) -> Mart:
        """Read what :meth:`write` wrote; with ``team``, of answers, studies and coverage only that team's and the organisation's, without one each study
        when it is asked for (:class:`~.study_files.StudyFiles`).

        Raises :class:`ReportError` when ``folder`` holds no mart.
        """
        if not (folder / META).is_file():
            raise ReportError(
                f"{folder}: no {META} in this folder, so it is no mart. Leave mart empty to compute from data."
            )
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
        if team is not None and (cut := parts.opened(folder, team)) is not None:
            opened: dict[str, Any] = {name: cut[name] for name in _FRAMES}
            return cls(**opened, studies=cut, meta=meta)
        studies = [study.name for study in STUDIES]
        now = _FRAMES if team is None else (*_FRAMES, *studies)
        frames = {name: pl.scan_parquet(folder / f"{name}.parquet") for name in now}
        if team is not None:
            own = (pl.col("scope") == "team") & (pl.col("entity_id") == team)
            for name in ("answers", *studies):
                frames[name] = frames[name].filter((pl.col("scope") == "org") | own)
            frames["coverage"] = frames["coverage"].filter(pl.col("team_id") == team)
        read: dict[str, Any] = dict(zip(frames, pl.collect_all(frames.values()), strict=True))
        told = StudyFiles(folder, studies) if team is None else {name: read.pop(name) for name in studies}
        return cls(**read, studies=told, meta=meta)

    @property
    def as_of(self) -> datetime:
        """The moment up to which everything is known."""
        return datetime.fromisoformat(self.meta["as_of"])

    @property
    def today(self) -> date:
        """The day of the as-of time where the organisation is."""
        return _today(self.meta)

    def period(self, label: str = "") -> Period:
        """The period a report is about: ``label``, or else that of the mart, where it is of one, or the latest complete month (the latest there is, if
        none is).

        Raises :class:`ReportError` for what is no period, or one the mart has no answers for, or holds no studies of.
        """
        only = self.meta.get("only")
        span = _chosen(label or only or "", self.meta)
        if only and span.label != only:
            command = shlex.join(["idp", "report", *self.meta["asked"], "--period", span.label])
            raise ReportError(
                f"This mart was computed for {only} and holds no more than its report shows. For {span.label} run: {command}"
            )
        return span

    def team(self, team_id: str) -> str:
        """``team_id`` itself, once it is known to be one; raises :class:`ReportError` with the nearest."""
        if not team_id.strip():
            raise ReportError(no_team(team_id, ()))
        known = set(self.teams["team_id"].to_list())
        if team_id not in known:
            known |= set(self.answers.filter(pl.col("scope") == "team")["entity_id"].unique().to_list())
        if team_id not in known:
            raise ReportError(no_team(team_id, known))
        return team_id


def no_team(team_id: str, known: Iterable[str]) -> str:
    """What is said of a team that is not among those ``known``."""
    if not team_id.strip():
        return "No team is named. Set the parameter team to one of the teams in the teams table."
    return f"There is no team {team_id!r}.{nearest(team_id, known)}"


def _chosen(label: str, meta: Mapping[str, Any]) -> Period:
    """The period called ``label``, else the latest complete month, or the latest there is."""
    if label:
        span = parse(label)
        known = meta["periods"].get(span.every, [])
        if label not in known:
            raise ReportError(f"There are no answers for {label}.{_reaching(known)}")
        return span
    months = [parse(month) for month in meta["periods"].get("1mo", [])]
    if not months:
        raise ReportError("There are no answers by month, so there is no latest month. Name a period.")
    complete = [month for month in months if month.end <= _today(meta)]
    return (complete or months)[-1]


def _expected(period: str, as_of: datetime, settings: Settings) -> Period:
    """The period that will be chosen, if there are answers for it: ``period``, or the latest complete month."""
    if period:
        return parse(period)
    today = as_of.astimezone(ZoneInfo(settings.time_zone)).date()
    return parse(label(preceding(floor(today, "1mo"), "1mo"), "1mo"))


def _today(meta: Mapping[str, Any]) -> date:
    return datetime.fromisoformat(meta["as_of"]).astimezone(ZoneInfo(meta["time_zone"])).date()


def in_order(answers: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """``answers`` as :func:`idp_analytics.metrics.compute` gives them, which are used up, in the order of a mart: those of organisation and teams, and those
    of services, by scope and entity, and for each by metric, length, period, currency and detail, as they are already. Column by column, so that they
    are not held twice. Texts may be Categoricals, and stay so."""
    _, whose = groups.numbered(answers, ["scope", "entity_id"])
    order = np.argsort(whose, kind="stable")
    of_service = answers.select(pl.col("scope") == "service").to_series().to_numpy()[order]
    orders = [pl.Series(order[~of_service]), pl.Series(order[of_service])]
    columns: tuple[list[pl.Series], list[pl.Series]] = ([], [])
    for name in answers.columns:
        column = answers.drop_in_place(name).rechunk()
        for found, rows in zip(columns, orders, strict=True):
            found.append(column.gather(rows))
    shown, of_services = map(pl.DataFrame, columns)
    return shown, of_services


def _whole_first(study: pl.DataFrame) -> pl.DataFrame:
    """The organisation's rows before all others, which keep their order: a part of a mart has them so."""
    return study if study["scope"].is_sorted() else study.sort("scope", maintain_order=True)


def _versions() -> dict[str, str]:
    return {name: version(name) for name in LIBRARIES}


def _reaching(labels: Sequence[str]) -> str:
    return f" Known: {labels[0]} to {labels[-1]}." if labels else " No period of that length was computed."
