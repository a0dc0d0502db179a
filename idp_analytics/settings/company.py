"""``settings.toml`` → frozen :class:`Settings`. Every problem is found before anything is read, and all are listed."""

from __future__ import annotations

import copyreg
import hashlib
import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from idp_analytics.errors import SettingsError
from idp_analytics.settings import components, limits, next_paths, scorecards, showback, toml_reader, tools
from idp_analytics.settings.components import Component
from idp_analytics.settings.limits import Limits
from idp_analytics.settings.maturity_choices import aimed, chosen
from idp_analytics.settings.maturity_model import FILE as MATURITY
from idp_analytics.settings.maturity_model import Model
from idp_analytics.settings.maturity_model import parse as parse_model
from idp_analytics.settings.maturity_model import shipped as shipped_model
from idp_analytics.settings.next_paths import NextPath
from idp_analytics.settings.questions import (
    Question,
    SurveyRules,
    parse_questions,
    parse_survey,
    shipped_questions,
)
from idp_analytics.settings.scorecards import RuleSeen
from idp_analytics.settings.showback import Showback
from idp_analytics.settings.themes import FILE as THEMES
from idp_analytics.settings.themes import Codebook
from idp_analytics.settings.themes import parse as parse_themes
from idp_analytics.settings.themes import shipped as shipped_themes
from idp_analytics.settings.toml_reader import TomlReader
from idp_analytics.settings.tools import Decision
from idp_analytics.tables.forgotten import FILE as FORGOTTEN
from idp_analytics.working_time import WEEKDAYS, Calendar, unknown_regions

FILE = "settings.toml"

BASES = ("billed", "effective", "list", "contracted")
ENVIRONMENTS = ("production", "staging", "test", "development")
FIRST_DEPLOYMENT = ("count", "leave out")
LEAD_TIME_UNITS = ("mixed", "pull_request", "commit")

SourceCheck = Callable[[str, Mapping[str, Any]], list[str]]
"""(kind, options) → what is wrong with one ``[[source]]``, one sentence each."""


@dataclass(frozen=True)
class SourceSettings:
    """One ``[[source]]``: which system, which files, and what the system's reader needs to know."""

    name: str
    kind: str
    paths: tuple[str, ...] = ()
    time_zone: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Rules:
    """The choices a number depends on; each is printed in every report that uses it."""

    environment: str = "production"
    link_hours: float = 24.0
    cost_basis: str = "effective"
    level: float = 0.95
    min_cohort: int = 5
    first_deployment: str = "count"
    lead_time_unit: str = "mixed"
    hotfix_words: tuple[str, ...] = ("hotfix", "hot-fix", "hot fix")
    revert_words: tuple[str, ...] = ("revert", "reverts")
    drift_grace_days: float = 30.0
    ramp_days: float = 180.0


@dataclass(frozen=True)
class Mark:
    """Something known of a day: that a process changed (``[[phase]]``), or that its week is no measure (``[[outlier]]``).

    ``metric``, ``team``: of which metric and team; None: of all. An organisation-wide mark counts for the organisation
    and every team, a team's only for that team.
    """

    on: date
    cause: str
    metric: str | None = None
    team: str | None = None


@dataclass(frozen=True)
class Target:
    """A ``[[target]]`` of one's own: ``value`` of ``metric`` in its unit (shares 0–1, durations in hours).

    ``scope``: org or team, None: both. ``team``: only that team's. ``by``: the day it is to be reached.
    """

    metric: str
    value: float
    scope: str | None = None
    team: str | None = None
    by: date | None = None


@dataclass(frozen=True)
class Settings:
    """One company's settings. ``root`` is its data folder; ``org`` names its reports.

    ``repositories`` names the git repositories where they are all there is and no folder has settings. ``questions``: by
    question id, those the kit ships and the company's own; ``codebook``: what comments may be about; ``maturity``: what maturity is;
    ``scorecard_rules``: what rules of scorecards ask that is seen here too; ``limits``: how much one file may be; ``publish_rows``: do the rows behind the
    numbers lie beside published pages (``[reports] rows``)?
    ``synthetic_controls``: interventions for which one is asked (``[impact]``).
    """

    org: str
    title: str
    root: Path
    time_zone: str = "UTC"
    as_of: datetime | None = None
    platform_team: str | None = None
    sources: tuple[SourceSettings, ...] = ()
    rules: Rules = field(default_factory=Rules)
    calendar: Calendar = field(default_factory=Calendar)
    sha256: str = ""
    repositories: tuple[str, ...] = ()
    phases: tuple[Mark, ...] = ()
    outliers: tuple[Mark, ...] = ()
    targets: tuple[Target, ...] = ()
    showback: Showback = field(default_factory=Showback)
    decisions: tuple[Decision, ...] = ()
    components: tuple[Component, ...] = ()
    next_paths: tuple[NextPath, ...] = ()
    questions: Mapping[str, Question] = field(default_factory=shipped_questions)
    survey: SurveyRules = field(default_factory=SurveyRules)
    codebook: Codebook = field(default_factory=shipped_themes)
    maturity: Model = field(default_factory=shipped_model)
    scorecard_rules: tuple[RuleSeen, ...] = ()
    limits: Limits = field(default_factory=Limits)
    publish_rows: bool = True
    synthetic_controls: tuple[str, ...] = ()

    @property
    def asked(self) -> tuple[str, ...]:
        """The options that name these data to an ``idp`` command, without a path of this machine."""
        if self.repositories:
            return tuple(word for name in self.repositories for word in ("--git", name))
        return "--data", f"data/{self.root.name}" if self.root.parent.name == "data" else self.root.name


def read(root: Path, check_source: SourceCheck) -> Settings:
    """Read ``root/settings.toml``.

    ``check_source`` tells what is wrong with one source's options (the caller knows the sources). Raises
    :class:`SettingsError` listing every problem: unknown words, wrong types, unknown zones, naive times.
    """
    path = root / FILE
    if not path.is_file():
        raise SettingsError(
            f"{root}: no {FILE} in this folder. Point at a data folder that has one, or start from a copy of data/sample."
        )
    try:
        text = path.read_bytes()
        document = toml_reader.loads(text.decode("utf-8-sig"))  # editors may write a byte order mark
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: is not TOML: {error}.") from None
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}.") from None
    book, model, people = (
        file.read_bytes() if (file := root / name).is_file() else b"" for name in (THEMES, MATURITY, FORGOTTEN)
    )
    return parse(
        document, root, check_source, where=str(path), sha256=hashlib.sha256(text + book + model + people).hexdigest(),
        codebook=book.decode("utf-8-sig", "replace") or None, model=model.decode("utf-8-sig", "replace") or None,
    )  # fmt: skip


def parse(
    document: Mapping[str, Any],
    root: Path,
    check_source: SourceCheck,
    where: str = FILE,
    sha256: str = "",
    codebook: str | None = None,
    model: str | None = None,
) -> Settings:
    """A parsed document, and the texts of the company's own ``codebook`` and maturity ``model`` → :class:`Settings`; raises
    :class:`SettingsError` listing every problem."""
    take = TomlReader(document)
    organisation = take.table("organisation")
    org = organisation.text("id", root.name)
    title = organisation.text("name", org or root.name)
    time_zone = organisation.zone("time_zone") or "UTC"
    as_of = organisation.moment("as_of")
    platform_team = organisation.text("platform_team", None)
    organisation.done()

    rules_table = take.table("rules")
    rules = Rules(
        environment=rules_table.choice("environment", ENVIRONMENTS, Rules.environment),
        link_hours=rules_table.number("link_hours", Rules.link_hours, above=0),
        cost_basis=rules_table.choice("cost_basis", BASES, Rules.cost_basis),
        level=rules_table.number("level", Rules.level, above=0.5, below=1),
        min_cohort=int(rules_table.number("min_cohort", Rules.min_cohort, above=2, below=1_000_001)),
        first_deployment=rules_table.choice("first_deployment", FIRST_DEPLOYMENT, Rules.first_deployment),
        lead_time_unit=rules_table.choice("lead_time_unit", LEAD_TIME_UNITS, Rules.lead_time_unit),
        hotfix_words=rules_table.words("hotfix_words", Rules.hotfix_words),
        revert_words=rules_table.words("revert_words", Rules.revert_words),
        drift_grace_days=rules_table.number("drift_grace_days", Rules.drift_grace_days, above=-1),
        ramp_days=rules_table.number("ramp_days", Rules.ramp_days, above=-1),
    )
    rules_table.done()

    calendar = _calendar(take.table("calendar"))

    sources = tuple(_source(entry, i, take.problems, check_source) for i, entry in enumerate(take.tables("source"), 1))
    names = [source.name for source in sources]
    take.problems += [
        f"source {name!r} is there {names.count(name)} times; give each its own name"
        for name in sorted({n for n in names if names.count(n) > 1})
    ]
    phases = tuple(mark for entry in take.tables("phase") if (mark := _mark(entry, "from")))
    outliers = tuple(mark for entry in take.tables("outlier") if (mark := _mark(entry, "on")))
    targets = tuple(target for entry in take.tables("target") if (target := _target(entry)))
    sharing = showback.parse(take.table("showback"), take.tables("pool"), BASES)
    decisions = tools.parse(take.tables("tool"), take.problems)
    platform = components.parse(take.tables("component"), take.problems)
    ahead = next_paths.parse(take.tables("next_path"), take.problems)
    survey = parse_survey(take.table("survey"))
    questions = parse_questions(take.tables("question"), take.problems, shipped_questions())
    book = parse_themes(codebook, take.problems) if codebook is not None else shipped_themes()
    maturity = parse_model(model, take.problems) if model is not None else shipped_model()
    maturity = chosen(maturity, take.tables("maturity_threshold"), take.tables("maturity_exemption"), take.problems)
    maturity = aimed(maturity, take.tables("maturity_target"), take.problems)
    rules_seen = scorecards.parse(take.tables("scorecard_rule"), take.problems)
    most = limits.parse(take.table("limits"))
    reports = take.table("reports")
    publish_rows = reports.flag("rows", Settings.publish_rows)
    reports.done()
    impact = take.table("impact")
    asked = impact.texts("synthetic_control")
    impact.done()
    take.done()
    if take.problems:
        raise SettingsError.listing(where, take.problems)
    return Settings(
        org=str(org), title=str(title), root=root, time_zone=time_zone, as_of=as_of,
        platform_team=platform_team, sources=sources, rules=rules, calendar=calendar, sha256=sha256,
        phases=phases, outliers=outliers, targets=targets, showback=sharing, decisions=decisions, components=platform,
        next_paths=ahead,
        questions=questions, survey=survey, codebook=book, maturity=maturity, scorecard_rules=rules_seen,
        limits=most, publish_rows=publish_rows,
        synthetic_controls=asked,
    )  # fmt: skip


def _calendar(entry: TomlReader) -> Calendar:
    usual = Calendar()
    working_days = entry.texts("working_days") or usual.working_days
    for day in (day for day in working_days if day not in WEEKDAYS):
        entry.problems.append(f"{entry.where}working_days: {day!r} is no weekday; write {', '.join(WEEKDAYS)}")
    working, night = entry.hours("working_hours", usual.working_hours), entry.hours("night_hours", usual.night_hours)
    if working.wraps:
        entry.problems.append(f'{entry.where}working_hours = "{working}": must end on the day they begin')
    if working.meets(night):
        entry.problems.append(f'{entry.where}working_hours "{working}" and night_hours "{night}" share time')
    holidays = entry.texts("holidays")
    for region in unknown_regions(holidays):
        entry.problems.append(
            f'{entry.where}holidays: none are known for {region!r}; write a country or a part of one, e.g. "DE" or "DE-BE"'
        )
    calendar = Calendar(
        week_start=entry.choice("week_start", WEEKDAYS, usual.week_start),
        working_days=working_days,
        working_hours=working,
        night_hours=night,
        holidays=holidays,
        extra_holidays=entry.days("extra_holidays"),
        no_holidays=entry.days("no_holidays"),
        shift_hours=entry.number("shift_hours", usual.shift_hours, above=0, below=169),
        page_dedupe_minutes=entry.number("page_dedupe_minutes", usual.page_dedupe_minutes, above=-1, below=1441),
    )
    entry.done()
    return calendar


def _target(entry: TomlReader) -> Target | None:
    metric, team, by = entry.text("metric", None), entry.text("team", None), entry.day("by")
    value = entry.number("value", 0.0, above=-math.inf)
    scope = entry.choice("scope", ("org", "team"), "team" if team else "org") if "scope" in entry.content else None
    entry.taken.add("scope")
    entry.problems += [f"{entry.where}no {name}" for name in ("metric", "value") if name not in entry.content]
    if value < 0:
        entry.problems.append(f"{entry.where}value = {value:g}: must not be negative")
    if team and scope == "org":
        entry.problems.append(f"{entry.where}scope = 'org' and team = {team!r}: leave out one of the two")
    entry.done()
    return Target(metric, value, "team" if team else scope, team, by) if metric else None


def _mark(entry: TomlReader, key: str) -> Mark | None:
    """A day under ``key`` and its cause, both needed: no limits are moved, and no point is left out, without a reason."""
    on, cause = entry.day(key), entry.text("cause", None)
    metric, team = entry.text("metric", None), entry.text("team", None)
    entry.problems += [f"{entry.where}no {name}" for name in (key, "cause") if name not in entry.content]
    entry.done()
    return Mark(on, cause, metric, team) if on and cause else None


def fixed(options: Mapping[str, Any]) -> MappingProxyType[str, Any]:
    """Options that nobody changes any more. Settings go to other processes, and such a view by itself cannot be sent."""
    return MappingProxyType(dict(options))


copyreg.pickle(MappingProxyType, lambda view: (fixed, (dict(view),)))


def _source(entry: TomlReader, number: int, problems: list[str], check_source: SourceCheck) -> SourceSettings:
    kind = entry.text("kind", None)
    where = f"source {number}"
    if kind is None:
        problems.append(f"{where}: no kind")
        kind = ""
    paths = entry.texts("paths")
    zone = entry.zone("time_zone")
    name = entry.text("name", None)
    options = {key: value for key, value in entry.content.items() if key not in entry.taken}
    if name is None:
        name = "-".join(filter(None, (kind, str(options["table"]) if "table" in options else None))) or where
    elif set(name) & set("/\\\0") or name.startswith("."):
        problems.append(
            f"source {name!r}: a name is that of a folder (snapshots/<name>), so it has no slash and begins with no dot"
        )
    if kind:
        problems += [f"source {name!r}: {problem}" for problem in check_source(kind, options)]
    return SourceSettings(name, kind, paths, zone, fixed(options))
