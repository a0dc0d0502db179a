"""What one report looks at: one mart, one team or the whole organisation, one period."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from itertools import accumulate
from typing import Any

import polars as pl

from idp_analytics.answers import COLUMNS, ORG, Metric, Verdict
from idp_analytics.charts.wording import named
from idp_analytics.metrics import WAYS_BACK, behind, criterion_rows
from idp_analytics.paths import slug
from idp_analytics.periods import SHOWN, Period, course, label, preceding
from idp_analytics.report.mart import WITH_ROWS, Mart
from idp_analytics.report.parts import Opened, T
from idp_analytics.report.slices import at, where
from idp_analytics.report.study_files import StudyFiles
from idp_analytics.report.trace import FOLDER, OF_TEAM, Trace
from idp_analytics.tables.incomplete import incomplete

_PUBLISHED = {*(metric.name for metric in behind.METRICS), *WITH_ROWS}
"""What has rows that are published."""

NOT_BY_WEEK = "This is told by month and quarter, not by week."
"""What a report of a week says where a study is not made by week."""


@dataclass(frozen=True)
class View:
    """The slice of a mart that one report is made from. ``scope`` is ``team`` or ``org``."""

    mart: Mart
    scope: str
    entity_id: str
    period: Period

    @cached_property
    def name(self) -> str:
        """What the team, or the organisation, is called."""
        if self.scope == "org":
            return named(self.mart.meta["title"])
        return team_names(self.mart, [self.entity_id])[self.entity_id]

    @property
    def before(self) -> str:
        """The label of the period before."""
        every = self.period.every
        return label(preceding(self.period.start, every), every)

    def rows(self, metric: str, scope: str | None = None) -> pl.DataFrame:
        """The answers to ``metric`` of this entity (or of ``scope`` ``org``), up to the period, oldest first."""
        found = self._answers.get((scope or self.scope, metric))
        return self.mart.answers.clear() if found is None else found

    @cached_property
    def _shown(self) -> tuple[pl.DataFrame, ...]:
        """All that :meth:`rows` gives, of the team and of the organisation."""
        answers, period = self.mart.answers, self.period
        of_org = of_all(
            self.mart, ("shown", period), lambda: _shown_of(answers.filter(scope="org", entity_id=ORG), period)
        )
        if self.scope == "org":
            return (of_org,)
        if isinstance(self.mart.studies, Opened):
            own = self.mart.studies.together("answers", ("shown", period), partial(_shown_of, period=period))
        else:
            own = _shown_of(answers.filter(scope=self.scope, entity_id=self.entity_id), period)
        return own, of_org

    @cached_property
    def _answers(self) -> Mapping[tuple[str, str], pl.DataFrame]:
        """What :meth:`rows` gives, by scope and metric: cut once, for a report asks for more than a hundred."""
        *own, of_org = self._shown
        cut = of_all(self.mart, ("answers", self.period), lambda: _by_metric(of_org))
        return {**cut, **{key: rows for shown in own for key, rows in _by_metric(shown).items()}}

    @cached_property
    def _latest(self) -> Mapping[tuple[str, str, str], dict[str, Any]]:
        """The answers without a detail of the period and the one before, by scope, metric and period."""
        *own, of_org = self._shown
        periods = [self.period.label, self.before]
        found = of_all(self.mart, ("latest", self.period), lambda: _without_detail(of_org, periods))
        return {**found, **{key: row for shown in own for key, row in _without_detail(shown, periods).items()}}

    def row(self, metric: Metric, scope: str | None = None) -> dict[str, Any]:
        """The one answer to ``metric`` in the period; *not measured* where the mart has none."""
        return self._latest.get((scope or self.scope, metric.name, self.period.label)) or self._absent(metric)

    def row_before(self, metric: Metric) -> dict[str, Any] | None:
        """The same for the period before; None where the data do not reach back that far."""
        return self._latest.get((self.scope, metric.name, self.before))

    def own(self, study: str) -> pl.DataFrame:
        """The rows of a study about this entity, of all periods."""
        if self.scope == "team" and isinstance(self.mart.studies, Opened):
            return self.mart.studies.own(study)
        of_org = self.scope == "org" and isinstance(self.mart.studies, StudyFiles)
        rows = self.whole(study) if of_org else self.mart.studies[study]
        return rows.filter(scope=self.scope, entity_id=self.entity_id) if rows.height else rows

    def whole(self, study: str) -> pl.DataFrame:
        """The rows of a study about the organisation, of all periods."""
        if isinstance(self.mart.studies, Opened | StudyFiles):
            return self.mart.studies.whole(study)
        return self.mart.studies[study].filter(scope="org")

    def asked(self, study: str, what: Hashable, make: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
        """What ``make`` makes of the rows of a study about this entity (:meth:`.Opened.together`)."""
        if self.scope == "team" and isinstance(self.mart.studies, Opened):
            return self.mart.studies.together(study, what, make)
        return make(self.own(study))

    def study(self, name: str) -> pl.DataFrame:
        """The rows of a study about this entity in this period."""
        if name not in self._studies:
            every, period = self.period.every, self.period.label
            of_period = partial(where, every=every, period=period)
            self._studies[name] = self.asked(name, ("period", every, period), of_period)
        return self._studies[name]

    @cached_property
    def _studies(self) -> dict[str, pl.DataFrame]:
        """What :meth:`study` has given, by name."""
        return {}

    def study_so_far(self, name: str) -> pl.DataFrame:
        """The rows of a study about this entity in this period and those shown before it, oldest first."""
        since, last = self._since, self.period.start
        found = where(self.own(name), every=self.period.every)
        starts = found["period_start"].to_list()
        kept = (place for place, start in enumerate(starts) if start is not None and since <= start <= last)
        return at(found, sorted(kept, key=starts.__getitem__))

    def by_metric(self, study: str) -> Mapping[str, list[dict[str, Any]]]:
        """The rows of a study about this entity, of all periods, in their order by metric: looked at once, for many sections ask for one of them."""
        if study not in self._metrics:
            found: dict[str, list[dict[str, Any]]] = {}
            for row in self.own(study).to_dicts():
                found.setdefault(row["metric"], []).append(row)
            self._metrics[study] = found
        return self._metrics[study]

    @cached_property
    def _metrics(self) -> dict[str, Mapping[str, list[dict[str, Any]]]]:
        """What :meth:`by_metric` has given, by study."""
        return {}

    @cached_property
    def _since(self) -> date:
        """The first day of the periods shown."""
        return course(self.period, SHOWN[self.period.every])[0].start

    def trace(self, name: str) -> Trace:
        """The way back to the rows behind this entity's number of a metric, or of a study that has one."""
        whose = ["--team", self.entity_id] if self.scope == "team" else []
        command = shlex.join(["idp", "explain", name, *self.mart.meta["asked"], *whose, "--period", self.period.label])
        if not self.mart.meta.get("rows") or name not in _PUBLISHED:
            return Trace(command)
        if self.scope == "org":
            return Trace(command, f"{FOLDER}/{name}.csv")
        if name in criterion_rows.STUDIES:
            return Trace(command)  # the file has what is asked of the organisation
        if name in WAYS_BACK:
            return Trace(command, f"../{FOLDER}/{name}.csv", f"with team_id {self.entity_id}")
        return Trace(command, f"{slug(self.entity_id)}{OF_TEAM}", f"with metric {name}")

    def unless_week(self, found: object, answer: str) -> str:
        """``answer``, which a study gives; of a week where it has ``found`` nothing, that it is not made by week: to say that nothing is known would be wrong."""
        return answer if found or self.period.every != "1w" else NOT_BY_WEEK

    def truncated(self, metric: Metric) -> tuple[str, ...]:
        """A caution for each source the metric rests on of which a file is known to be incomplete."""
        return tuple(one for table, told in self._incomplete.items() if table in metric.tables for one in told)

    @cached_property
    def _incomplete(self) -> Mapping[str, tuple[str, ...]]:
        """By table, in the order of names, what is said of files known to be incomplete; few, of which every section asks."""
        cut = where(self.mart.loads, truncated=True).sort("table", "path")
        return {
            table: tuple(named(sentence) for sentence in incomplete(where(cut, table=table)))
            for table in dict.fromkeys(cut["table"].to_list())
        }

    def _absent(self, metric: Metric) -> dict[str, Any]:
        known = {
            "scope": self.scope, "entity_id": self.entity_id, "every": self.period.every, "period": self.period.label,
            "period_start": self.period.start, "period_end": self.period.end, "is_partial": False, "metric": metric.name,
            "n": 0, "missing": 0, "unit": metric.unit, "level": self.mart.meta["rules"]["level"],
            "verdict": Verdict.NOT_MEASURED.value,
        }  # fmt: skip
        return {**dict.fromkeys(COLUMNS), **known}


def _shown_of(answers: pl.DataFrame, period: Period) -> pl.DataFrame:
    """Of answers about whole entities those that a report of the period shows, those of an entity and of one metric together, oldest first."""
    found = answers.filter(pl.col("every") == period.every, pl.col("period_start") <= period.start)
    ago = pl.col("period_start").rank("dense", descending=True).over("entity_id", "metric")
    shown = found.filter(ago <= SHOWN[period.every])
    return shown.sort("entity_id", "metric", "period_start", "currency", "detail", nulls_last=False)


def _by_metric(shown: pl.DataFrame) -> dict[tuple[str, str], pl.DataFrame]:
    """The answers of one entity by scope and metric."""
    if not shown.height:
        return {}
    scope, runs = shown.item(0, "scope"), shown.get_column("metric").rle().struct.unnest()
    heights = runs.get_column("len").to_list()
    begins = accumulate(heights, initial=0)
    names = runs.get_column("value").to_list()
    return {
        (scope, metric): shown.slice(begin, height)
        for metric, begin, height in zip(names, begins, heights, strict=False)
    }


def _without_detail(shown: pl.DataFrame, periods: Sequence[str]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """The answers of these periods that are of no detail, by scope, metric and period."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    told = shown.filter(pl.col("detail").is_null(), pl.col("period").is_in(list(periods)))
    for row in told.to_dicts():
        found.setdefault((row["scope"], row["metric"], row["period"]), row)
    return found


def team_names(mart: Mart, team_ids: Sequence[str]) -> dict[str, str]:
    """Team id to the name shown: the name in the teams table, with the id where two teams share it, else the id."""
    names, uses = of_all(mart, "names", lambda: _names(mart.teams))
    more = {team_id: named(team_id) for team_id in team_ids if team_id not in names}
    if more:
        names, uses = {**names, **more}, uses + Counter(more.values())
    return {
        team_id: names[team_id] if uses[names[team_id]] == 1 else f"{names[team_id]} ({named(team_id)})"
        for team_id in team_ids
    }


def _names(teams: pl.DataFrame) -> tuple[dict[str, str], Counter[str]]:
    """Team id to name or else id, and how often each is used."""
    told = zip(teams["team_id"].to_list(), teams["name"].to_list(), strict=True)
    names = {team_id: named(name or "") or named(team_id) for team_id, name in told}
    return names, Counter(names.values())


def of_all(mart: Mart, what: Hashable, make: Callable[[], T]) -> T:
    """What ``make`` gives, which must be the same for every team of the mart; made once where many reports are made of it."""
    return mart.studies.of_all(what, make) if isinstance(mart.studies, Opened) else make()
