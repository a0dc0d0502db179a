"""One run: trusted data in, one published folder of reports out, whole or not at all.

::

    <reports>/<org>/index.html               every published period
    <reports>/<org>/<period>/index.html      every team, with a link to each report and to the organisation's
                     <period>/organisation.html, .ipynb
                     <period>/teams/<slug>.html, .ipynb      (.failed.ipynb where a report failed), .csv, .parquet, .rows.csv
                     <period>/assets/         what all pages share: style, chart library, scripts
                     <period>/answers.csv, answers.parquet, service_answers.parquet (.csv where a spreadsheet can open it),
                     <period>/rows/<metric or study>.csv, <study>.csv, mart/, run.json, manifest.json

Everything in a run's folder is a function of inputs, settings and code: no clock, no durations, no paths of the machine.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from idp_analytics import events
from idp_analytics.errors import IdpError, ReportError, listed
from idp_analytics.paths import resource, slug
from idp_analytics.periods import parse
from idp_analytics.publish import (
    assets,
    downloads,
    earlier,
    index,
    library,
    mart_workers,
    pages,
    parameters,
    rows,
    secrets,
    shards,
    staging,
)
from idp_analytics.publish.ahead import Ahead
from idp_analytics.publish.engine import KERNEL_DIED, TIMEOUT, Job, Outcome, left
from idp_analytics.publish.forked import forked
from idp_analytics.publish.journal import Files, Journal
from idp_analytics.publish.lease import BusyError
from idp_analytics.publish.meanwhile import meanwhile
from idp_analytics.publish.plan import Plan, given
from idp_analytics.publish.providing import provided, shown
from idp_analytics.publish.shards import Shard
from idp_analytics.publish.workers import WORKER_DIED, Engine
from idp_analytics.publish.workers import engine as usual
from idp_analytics.report import disclosure
from idp_analytics.report.mart import Computing, Mart, no_team

if TYPE_CHECKING:
    from idp_analytics.organisation import Organisation

NOTEBOOKS = {"team": "team.ipynb", "org": "org.ipynb"}
"""Scope → the notebook that makes its report."""

MART, RUN = earlier.MART, earlier.RUN
INDEX = "index.html"

ENDED = frozenset({KERNEL_DIED, TIMEOUT, WORKER_DIED})
"""How reports fail that were ended from outside, which may go well the next time."""

PARTS_AHEAD = 64
"""Reports for which parts of the mart are kept at a time; far more than are made at a time, but by an engine that says
itself how many (``ahead``)."""


@dataclass(frozen=True)
class RunResult:
    """What a run came to. ``folder`` is where readers open it (a link), ``index`` its first page; ``failed`` the names
    shown of the reports that could not be finished; ``reused``: nothing had changed, so the published run stands; ``found``: how many of its
    reports had been made before, by a run that was interrupted or in which others failed;
    ``seconds`` wall time by report made, for people only. Not ``published``: this was a share of a run that others have not finished."""

    folder: Path
    index: Path
    key: str
    period: str
    failed: tuple[str, ...] = ()
    reused: bool = False
    found: int = 0
    seconds: Mapping[str, float] | None = None
    published: bool = True


def publish(
    organisation: Organisation | Callable[[], Organisation],
    reports: Path | str = "reports",
    period: str = "",
    teams: Sequence[str] | None = None,
    workers: int | None = None,
    engine: Engine | None = None,
    notebooks: Path | None = None,
    seconds: float = 600.0,
    retries: int = 1,
    keep: int = staging.KEPT_RUNS,
    shard: Shard | None = None,
) -> RunResult:
    """Publish the organisation's report and every team's (or those of ``teams``, by id) for one period.

    ``organisation``: loaded, or what loads it; then its tables are let go of before the first report is made.
    ``period``: a label, default the latest complete month. ``workers``: parts of the mart computed and reports made at the same time, default one per
    core. ``engine`` (default :func:`workers.engine`) runs the notebooks in ``notebooks`` (default the kit's own); each may take
    ``seconds``. A report that was ended from outside (its process died, or time was up) is made up to ``retries`` times more; one
    that raises would raise again. ``keep``: how many finished runs of this period stay, with the one that is published. ``shard``: only
    this share of the reports is made, and published if it is the last (:mod:`.shards`).

    The same inputs, settings and code again, after a run without failures: the published run stands, at once. After one that was
    interrupted or had failures: what is whole of it is taken, and only the rest made. A report
    that fails gets a page that says so and never stops the others. Raises :class:`ReportError` before anything is made
    for an unknown team, period or parameter; :class:`disclosure.DisclosureError` where these reports, together with those published
    before, would single people out; :class:`.lease.BusyError` if another run is at work; and
    :class:`ReportError`, with what was published untouched, where the disk is full or may not be written.
    """
    with ExitStack() as held:
        chosen, begin = engine or usual(), _nothing
        if chosen is forked:
            chosen = held.enter_context(closing(Ahead()))
            begin = chosen.begin
        how = _How(chosen, begin, workers or os.cpu_count() or 1, seconds, retries)
        plan, root = _begun(organisation, Path(reports), period, teams or (), notebooks or resource("notebooks"), how)
        return _noted(plan, root, how, keep, shard)


def _nothing() -> None:
    """Of other engines nothing is begun ahead."""


def _noted(plan: Plan, root: Path, how: _How, keep: int, shard: Shard | None) -> RunResult:
    """Run, and tell those who watch."""
    begun = time.perf_counter()
    share = shard and f"{shard.number}/{shard.of}"
    events.tell("run begun", run=plan.key, period=plan.label, reports=len(plan.names), shard=share)
    try:
        result = _run(plan, root, how, keep, shard)
    except IdpError as error:
        events.tell(
            "run failed",
            logging.ERROR,
            run=plan.key,
            period=plan.label,
            error=type(error).__name__,
            exit_code=error.exit_code,
        )
        raise
    events.tell(
        "run published" if result.published else "share done",
        run=plan.key, period=plan.label, made=len(result.seconds or {}), found=result.found, failed=len(result.failed),
        reused=result.reused, seconds=round(time.perf_counter() - begun, 3),
    )  # fmt: skip
    return result


def _run(plan: Plan, root: Path, how: _How, keep: int, shard: Shard | None) -> RunResult:
    share = _shared(plan, root, shard, how) if shard is not None else None
    if share is not None and shard is not None and not shards.complete(root, plan.key, shard.of):
        return share
    try:
        return _whole_run(plan, root, how, keep)
    except BusyError:
        if share is None:
            raise
        return share  # two were last at once: the other one publishes


@dataclass(frozen=True)
class _How:
    """How reports are made: by which engine, what of it can ``begin`` before there is anything to make, so many at a time, each in how many seconds, and how
    often again."""

    engine: Engine
    begin: Callable[[], None]
    workers: int
    seconds: float
    retries: int


def _whole_run(plan: Plan, root: Path, how: _How, keep: int) -> RunResult:
    """Make what is not made yet, and publish it."""
    with staging.locked(root) as lease, staging.writable(root):
        done = staging.finished(root, plan.key)
        if done is None or pages.failures_of(done):
            how.begin()
        # Under the lock: of two runs at once, each would else be sound without the other.
        _audit(plan, root)
        if done is not None and not pages.failures_of(done):
            staging.point(root, plan.published_as, done, lease)
            staging.prune(root, plan.published_as, keep)
            pages.write_periods(root, plan, lease)
            return _result(root, plan, reused=True)
        shared = assets.gathered(library.keep(root / ".cache"))
        with staging.stage(root, plan.key, lease) as folder:
            journal = Journal(folder)
            outcomes, found = _made(plan, root, journal, how, shared, beside=_beside(plan, journal))
            failures = {entity: o.failure for entity, o in outcomes.items() if o.failure is not None}
            assets.write(folder / assets.FOLDER, shared)
            pages.write_run(folder, plan, failures)
            pages.write_index(folder, plan, failures, assets.shared(shared))
            secrets.check(folder, os.environ)
            _untouched(journal)
            staging.commit(folder, root, plan.key, plan.published_as, lease, keep, journal.sums.known())
        shards.clear(root, plan.key)
        pages.write_periods(root, plan, lease)
    return _told(_result(root, plan), plan, outcomes, found)


def _shared(plan: Plan, root: Path, shard: Shard, how: _How) -> RunResult | None:
    """Make a share of the reports; None where all are published already."""
    with staging.writable(root), shards.held(root, plan.key, shard) as folder:
        done = staging.finished(root, plan.key)
        if done is not None and not pages.failures_of(done):
            return None
        how.begin()
        _audit(plan, root)  # as it will be once more when all are there: nothing is to be made that cannot be published
        shared = assets.gathered(library.keep(root / ".cache"))
        outcomes, found = _made(plan, root, Journal(folder), how, shared, shard)
        shutil.rmtree(folder / MART)
        shards.finish(folder)
    return _told(replace(_result(root, plan), published=False), plan, outcomes, found)


def _made(
    plan: Plan, root: Path, journal: Journal, how: _How, shared: Sequence[assets.Asset], shard: Shard | None = None, beside: Iterable[object] = (),
) -> tuple[dict[str, Outcome], int]:  # fmt: skip
    """Make in the folder of ``journal`` all reports, or those of a share, that are not whole anywhere, and do the steps ``beside`` once the mart is
    there; how each went, by entity, and how many were."""
    folder = journal.folder
    mine = [entity for entity in plan.names if shard is None or shard.has(entity)]
    jobs = {job.name: job for job in (pages.job(plan, entity, folder, shared, how.seconds) for entity in mine)}
    journal.sweep()
    for other, made in _whole(root, plan.key):
        journal.take(other, {name: files for name, files in made.items() if name in jobs})
    found = len(journal.made)
    plan.mart.write(folder / MART)
    (folder / "teams").mkdir(exist_ok=True)
    todo = [job for name, job in jobs.items() if name not in journal.made]
    outcomes = {}
    ahead = getattr(how.engine, "ahead", PARTS_AHEAD)
    with meanwhile(beside):
        for outcome in shown(
            provided(_told_of(_tried(how, todo), jobs), todo, plan.mart, folder / MART, ahead), len(todo)
        ):
            failure = outcome.failure
            journal.note(outcome)
            outcomes[outcome.name] = outcome
            events.tell(
                "report failed" if failure else "report made", logging.WARNING if failure else logging.INFO, run=plan.key, report=outcome.name,
                error=failure.error if failure else None, cell=failure.cell if failure else None, seconds=round(outcome.seconds, 3),
            )  # fmt: skip
    return {e: outcomes[name] for e, name in zip(mine, jobs, strict=True) if name in outcomes}, found


def _beside(plan: Plan, journal: Journal) -> Iterator[None]:
    """What no report is needed for: the answers to download, the rows behind them, and the sums of all files that are not reports."""
    folder = journal.folder
    journal.sums.add(sorted(file for file in (folder / MART).glob("*") if file.is_file()))
    yield
    files = {plan.whose(entity): plan.file(entity) for entity in plan.names}
    answers = downloads.write(folder, plan.mart, folder / MART, plan.label, files)
    of_teams = {team: name for (scope, team), name in files.items() if scope == "team"}
    behind = rows.write(folder, plan.mart.rows, of_teams) if plan.mart.rows is not None else ()
    for file in chain(answers, behind):
        journal.sums.add([file])
        staging.hasten(file)
        yield


def _untouched(journal: Journal) -> None:
    """Raise :class:`ReportError` where what was made is not as it was made: a notebook may write where it likes, also over what is another's."""
    if changed := journal.sums.changed():
        raise ReportError(
            f"{listed(changed)}: changed since made for this run. Nothing was published. Notebooks may write files of their own beside their page and "
            "change no others: find the one that does, or the program at work in this folder, and run this again."
        )


def _audit(plan: Plan, root: Path) -> None:
    disclosure.audit(plan.mart.studies, list(_published(root)), plan.mart.meta["rules"]["min_cohort"])


def _told(result: RunResult, plan: Plan, outcomes: Mapping[str, Outcome], found: int) -> RunResult:
    """The result with how its reports went."""
    failed = tuple(plan.names[entity] for entity, outcome in outcomes.items() if outcome.failure is not None)
    seconds = {outcome.name: outcome.seconds for outcome in outcomes.values()}
    return replace(result, failed=failed, found=found, seconds=seconds)


def _tried(how: _How, jobs: Sequence[Job]) -> Iterator[Outcome]:
    """The outcomes of the engine; reports that were ended from outside are made again so many times."""
    retries = how.retries
    while jobs:
        again = []
        for outcome in how.engine(jobs, how.workers):
            if retries and outcome.failure is not None and outcome.failure.error in ENDED:
                again.append(outcome.name)
            else:
                yield outcome
        jobs, retries = [job for job in jobs if job.name in again], retries - 1


def _told_of(outcomes: Iterable[Outcome], jobs: Mapping[str, Job]) -> Iterator[Outcome]:
    """The outcomes, with a page for each of which nothing is left."""
    for outcome in outcomes:
        failure = outcome.failure
        yield left(jobs[outcome.name], failure) if failure is not None and not outcome.files else outcome


def _whole(root: Path, key: str) -> Iterator[tuple[Path, Mapping[str, Files]]]:
    """What other runs of this key have made whole: a finished one in which others failed, and the shares of one."""
    run = staging.finished(root, key)
    if run is not None:
        files: Files = json.loads((run / staging.MANIFEST).read_text(encoding="utf-8"))["files"]
        reports = json.loads((run / RUN).read_text(encoding="utf-8"))["reports"]
        whole = [report for report in reports if report["failure"] is None]
        yield run, {r["page"].removesuffix(".html"): {n: files[n] for n in (r["notebook"], r["page"])} for r in whole}
    for folder in shards.folders(root, key):
        yield folder, Journal(folder).made


def _begun(
    organisation: Organisation | Callable[[], Organisation], reports: Path, period: str, teams: Sequence[str], notebooks: Path, how: _How
) -> tuple[Plan, Path]:  # fmt: skip
    """The plan, and the folder of this organisation's reports. Nothing outside holds what is loaded here; before it is, what is asked for is held against
    all that can be told without."""
    if period:
        parse(period)
    files = _checked(notebooks, period)
    with mart_workers.computing(organisation, how.workers) as (whose, computing):
        root = reports / slug(whose.settings.org)
        _known(whose, teams)
        if isinstance(computing, mart_workers.Several):
            computing.at_end = partial(_foreseen, root, how)
        return _planned(whose, computing, period, teams, files, root), root


def _checked(folder: Path, period: str) -> Mapping[str, Path]:
    """Scope → its notebook in ``folder``, which takes the parameters that it will be given. Raises :class:`ReportError` for one that is not there or
    does not."""
    files = {scope: folder / name for scope, name in NOTEBOOKS.items()}
    for scope, path in files.items():
        if not path.is_file():
            raise ReportError(
                f"{path}: there is no such notebook. The reports are made from {' and '.join(NOTEBOOKS.values())}."
            )
        entity = index.ALL if scope == "org" else "a team"
        parameters.validate(
            json.loads(path.read_text(encoding="utf-8")), given(entity, period or "a period"), str(path)
        )
    return files


def _known(whose: Organisation, teams: Sequence[str]) -> None:
    """Raise :class:`ReportError` for teams that no table names. That one has answers is told by the mart, once they are computed."""
    known = set(whose.tables["teams"]["team_id"]) if teams else set()
    if all(team in known for team in teams):
        return
    columns = [frame["team_id"] for frame in whose.tables.values() if "team_id" in frame.columns]
    named = known.union({whose.settings.platform_team}, *(column.unique().cast(pl.String) for column in columns))
    if unknown := [team for team in teams if team not in named]:
        raise ReportError(" ".join(no_team(team, known) for team in unknown))


def _foreseen(root: Path, how: _How) -> None:
    """Begin what reports will need whatever the numbers are."""
    how.begin()
    library.foresee(root / ".cache")


def _planned(
    organisation: Organisation, computing: Computing, period: str, teams: Sequence[str], notebooks: Mapping[str, Path], root: Path
) -> Plan:  # fmt: skip
    """The plan, once all that was asked for is known to be there."""
    wanted = {"1mo", "1q", *([parse(period).every] if period else [])}
    every = tuple(length for length in ("1w", "1mo", "1q") if length in wanted)
    mart = Mart.of(organisation, every=every, period=period, computing=computing, rows=True)
    label = mart.period(period).label
    if (before := earlier.before(root, label, mart)) is not None:
        mart = mart.restating(before, organisation)
    chosen = tuple(sorted({mart.team(team) for team in teams}))
    return Plan(mart, label, chosen, notebooks)


def _published(root: Path) -> Iterator[Mapping[str, pl.DataFrame]]:
    """What all reports published before say of surveys, those since replaced too: who has read them knows it."""
    folders = {(root / name).resolve() for name in staging.published(root)} if root.is_dir() else set()
    seen = set()
    for run in sorted({*folders, *(run.resolve() for run in staging.runs(root))}):
        manifest = run / staging.MANIFEST
        files: dict[str, str] = json.loads(manifest.read_text(encoding="utf-8"))["files"] if manifest.is_file() else {}
        told = tuple(files.get(f"{MART}/{study}.parquet") for study in disclosure.STUDIES)
        if any(told) and told in seen:
            continue  # the same as another, to the byte
        held = disclosure.read(run / MART, files)
        if held is not None:
            seen.add(told)
            yield held


def _result(root: Path, plan: Plan, reused: bool = False) -> RunResult:
    folder = root / plan.published_as
    return RunResult(folder, folder / INDEX, plan.key, plan.label, reused=reused)
