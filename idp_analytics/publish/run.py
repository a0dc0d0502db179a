"""One run: trusted data in, one published folder of reports out, whole or not at all.

::

    <reports>/<org>/index.html               every published period
    <reports>/<org>/<period>/index.html      every team, with a link to each report and to the organisation's
                     <period>/organisation.html, .ipynb
                     <period>/teams/<slug>.html, .ipynb      (.failed.ipynb where a report failed)
                     <period>/answers.csv, answers.parquet, mart/, run.json, manifest.json

Everything in a run's folder is a function of inputs, settings and code: no clock, no durations, no paths of the machine.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.charts.wording import named, period as period_words
from idp_analytics.errors import ReportError
from idp_analytics.paths import resource, slug
from idp_analytics.periods import parse
from idp_analytics.publish import exporter, index, parameters, provenance, staging, workers
from idp_analytics.publish.engine import Failure, Job, Outcome
from idp_analytics.publish.page import Link, Page
from idp_analytics.report.mart import Mart
from idp_analytics.report.view import team_names

if TYPE_CHECKING:
    from idp_analytics.organisation import Organisation

NOTEBOOKS = {"team": "team.ipynb", "org": "org.ipynb"}
"""Scope → the notebook that makes its report."""

MART = "mart"
RUN = "run.json"
INDEX = "index.html"
WHOLE = "organisation"
"""The file name of the organisation's report."""


@dataclass(frozen=True)
class RunResult:
    """What a run came to. ``folder`` is where readers open it (a link), ``index`` its first page; ``failed`` the names of
    the reports that could not be finished; ``reused``: nothing had changed, so the published run stands; ``seconds``
    wall time per report, by file name."""

    folder: Path
    index: Path
    key: str
    period: str
    reports: tuple[str, ...]
    failed: tuple[str, ...] = ()
    reused: bool = False
    seconds: tuple[tuple[str, float], ...] = ()


def publish(
    organisation: Organisation,
    reports: Path | str = "reports",
    period: str = "",
    teams: Sequence[str] | None = None,
    workers: int | None = None,
    engine: workers.Engine = workers.papermill,
    notebooks: Path | None = None,
    seconds: float = 600.0,
) -> RunResult:
    """Publish the organisation's report and every team's (or those of ``teams``, by id) for one period.

    ``period``: a label, default the latest complete month. ``workers``: reports made at the same time, default one per
    core. ``engine`` runs the notebooks of ``notebooks`` (default the kit's own); one may take ``seconds``. Some teams only are
    published beside the whole, never in its place.

    The same inputs, settings and code again, with no failure the first time: the published run stands, at once.
    A report that fails gets a page that says so and never stops the others. Raises :class:`ReportError` before anything
    is made for an unknown team, period or parameter, :class:`staging.BusyError` if another run is at work, and
    :class:`ReportError`, with what was published untouched, if the disk is full or may not be written.
    """
    source = resource("notebooks") if notebooks is None else notebooks
    every = {"1mo", "1q"} | ({parse(period).every} if period else set())
    mart = Mart.of(organisation, every=tuple(length for length in ("1w", "1mo", "1q") if length in every))
    label = mart.period(period).label
    chosen = sorted({mart.team(team) for team in teams}) if teams else []
    made = _Making(mart, label, tuple(chosen), source, provenance.key(mart, label, chosen, source))
    made.check()

    root = Path(reports) / slug(mart.meta["org"])
    with staging.locked(root), staging.writable(root):
        done = staging.finished(root, made.key)
        if done is not None and not json.loads((done / RUN).read_text(encoding="utf-8"))["failed"]:
            staging.point(root, made.name, done)
            _write_periods(root, mart)
            return made.result(root, [], reused=True)
        bundle = exporter.keep_library(root / ".cache")
        with staging.stage(root, made.key) as folder:
            outcomes = made.fill(folder, bundle, workers or os.cpu_count() or 1, engine, seconds)
            staging.commit(folder, root, made.key, made.name)
        _write_periods(root, mart)
    return made.result(root, outcomes)
