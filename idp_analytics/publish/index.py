"""The page that leads to the others: every team by name, a word per key metric and never a rank, failures in plain sight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl
from markupsafe import Markup

from idp_analytics.answers import Metric, Verdict
from idp_analytics.charts.wording import count, named, period
from idp_analytics.metrics import HEADLINES
from idp_analytics.publish.engine import Failure
from idp_analytics.publish.library import script
from idp_analytics.publish.page import Page, Shared, environment
from idp_analytics.report.words import VERDICTS

KEY_METRICS: tuple[Metric, ...] = tuple(metric for metric in HEADLINES if metric.better is not None)
"""Those whose change can be good or bad: only they have a verdict to show."""

SAID = {Verdict.WORSENED: "worse", Verdict.IMPROVED: "better"}

ALL = ""
"""Stands for the whole organisation where teams stand by id: a team may be called ``org``, but no id is empty."""


@dataclass(frozen=True)
class Row:
    """One report on the index: what it is called, where it is, how it went, and the verdict of each key metric."""

    name: str
    href: str
    failure: Failure | None
    has_data: bool
    verdicts: tuple[Verdict, ...]

    @property
    def status(self) -> str:
        """``failed``, ``no data`` or ``ok``."""
        return "failed" if self.failure else "ok" if self.has_data else "no data"


@dataclass(frozen=True)
class Issue:
    """One published set on the page of all periods; ``failed`` of its reports could not be finished. ``pages``: where each
    report lies in the set → whose it is."""

    label: str
    href: str
    pages: Mapping[str, str]
    failed: int

    @property
    def reports(self) -> int:
        """How many there are."""
        return len(self.pages)


def rows(
    answers: pl.DataFrame,
    label: str,
    names: Mapping[str, str],
    hrefs: Mapping[str, str],
    failures: Mapping[str, Failure],
) -> list[Row]:
    """The organisation's row, then one per team of ``names`` (id → name shown) in order of name.

    ``answers``: rows of :data:`idp_analytics.answers.COLUMNS`; of the period ``label`` the verdicts are taken. ``names``,
    ``hrefs`` and ``failures`` by team id (:data:`ALL` for the organisation).
    """
    whole = answers.filter(pl.col("period") == label, pl.col("scope").is_in(["org", "team"])).with_columns(
        pl.when(pl.col("scope") == "org").then(pl.lit(ALL)).otherwise("entity_id").alias("entity_id")
    )
    is_of_days = pl.col("unit").str.contains(r"^share of .*\bdays$")  # its n is the calendar's; what happened is its k
    events = pl.when(is_of_days).then("k").otherwise("n").sum()
    seen = dict(whole.group_by("entity_id").agg(events).iter_rows())
    told = whole.filter(pl.col("detail").is_null(), pl.col("metric").is_in([m.name for m in KEY_METRICS]))
    said = {
        (entity, metric): word for entity, metric, word in told.select("entity_id", "metric", "verdict").iter_rows()
    }
    order = sorted((name.casefold(), entity) for entity, name in names.items() if entity != ALL)
    return [
        Row(
            name=names[entity],
            href=hrefs[entity],
            failure=failures.get(entity),
            has_data=bool(seen.get(entity)),
            verdicts=tuple(Verdict(said.get((entity, m.name), Verdict.NOT_MEASURED)) for m in KEY_METRICS),
        )
        for entity in (ALL, *(entity for _, entity in order))
    ]


def index(page: Page, label: str, whole: Row, teams: Sequence[Row], shared: Shared | None = None) -> str:
    """HTML of a run's index; ``whole`` is the organisation's row, ``shared`` where the style lies."""
    told = [count(len(teams), "team")]
    for status, words in (("failed", "could not be finished"), ("no data", f"without data in {period(label)}")):
        if n := sum(row.status == status for row in (whole, *teams)):
            told.append(f"{count(n, 'report')} {words}")
    for verdict in (Verdict.WORSENED, Verdict.IMPROVED):
        n = sum(verdict in row.verdicts for row in teams)
        told.append(f"{count(n, 'team')} with something {SAID[verdict]}")
    return environment().get_template("teams.html.j2").render(
        page=page, shared=shared, scripts=_scripts("find.js" if teams else ""), whole=whole, teams=teams, metrics=KEY_METRICS, told=told, said=VERDICTS,
        shown=[v for v in Verdict if any(v in row.verdicts for row in (whole, *teams))],
    )  # fmt: skip


def periods(page: Page, issues: Sequence[Issue]) -> str:
    """HTML of the page that lists every published set of an organisation, newest first."""
    names = {path: name for issue in reversed(issues) for path, name in issue.pages.items()}
    pages = sorted(names.items(), key=lambda told: (told[0].startswith("teams/"), told[1].casefold()))
    told = {"names": pages, "sets": [[path for path in names if path not in issue.pages] for issue in issues]}
    return (
        environment()
        .get_template("periods.html.j2")
        .render(
            page=page,
            shared=None,
            scripts=_scripts("periods.js" if issues else ""),
            issues=issues,
            pages=pages,
            told=told,
        )
    )


def _scripts(name: str) -> tuple[Markup, ...]:
    return (Markup(script(name)),) if name else ()  # noqa: S704 our own file


def called(label: str, teams: Sequence[str] = ()) -> str:
    """``June 2026``, or ``June 2026, Payments only`` for a run of some teams."""
    return period(label) + (f", {', '.join(map(named, teams))} only" if teams else "")
