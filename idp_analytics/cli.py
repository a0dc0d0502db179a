"""The ``idp`` command. Imports lazily, so that ``idp --help`` is instant."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from idp_analytics import __version__
from idp_analytics.assess.commands import assess
from idp_analytics.commands import SAMPLE, F
from idp_analytics.commands import folder as _folder
from idp_analytics.commands import framed as _frame
from idp_analytics.commands import loaded as _loaded
from idp_analytics.commands import logged as _logged
from idp_analytics.commands import one_line as _line
from idp_analytics.commands import told as _told
from idp_analytics.interventions.commands import intervention
from idp_analytics.paths import written
from idp_analytics.publish.commands import attach, published
from idp_analytics.schedule.commands import schedule
from idp_analytics.survey.commands import survey

if TYPE_CHECKING:
    import polars as pl

    from idp_analytics.organisation import Organisation
    from idp_analytics.publish.run import RunResult

PARTLY_FAILED = 4
"""Exit code when reports were published but at least one team's failed."""

_GIT = "A repository (or git bundle) instead of a data folder; may be given several times"


def _repositories(text: str) -> Callable[[F], F]:
    return click.option("--git", "git", multiple=True, type=click.Path(path_type=Path), help=text)


def _data(command: F) -> F:
    """The two ways to name the data: a folder with settings, or nothing but repositories."""
    return _folder(_repositories(f"{_GIT}.")(command))


_gate = click.option(
    "--gate", type=click.Choice(["fast", "gx"]), default="fast", show_default=True,
    help="Run the expectations as one Polars pass per table, or by great-expectations itself.",
)  # fmt: skip


_reports = click.option(
    "--reports", default="reports", show_default=True, type=click.Path(path_type=Path), help="Where reports go."
)
_workers = click.option(
    "--workers", type=click.IntRange(1), help="Reports made at the same time [default: one per core]."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="idp")
@_logged
def cli() -> None:
    """Measure an internal developer platform from the exports you already have.

    Exit codes: 0 done; 1 something failed; 2 settings, files or options cannot be used as they are; 3 the gate is
    closed, nothing published; 4 published, but at least one report failed (see the index page); 75 another run is busy;
    130 ended with Ctrl-C.
    """


def main() -> None:
    """Entry point of the ``idp`` command."""
    # Our matrices are many and small: threads of BLAS wait for one another longer than they work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    cli(prog_name="idp")


@cli.command()
@_reports
@_workers
@_told
def demo(reports: Path, workers: int | None) -> None:
    """Publish the reports of the synthetic company in data/sample and print the path of its index page."""
    _published(published(data=Path(SAMPLE), git=(), period="", teams=(), reports=reports, workers=workers, gate="fast"))


@cli.command()
@_folder
@_repositories(f"{_GIT}, or several paths after one --git.")
@click.argument("more", nargs=-1, type=click.Path(path_type=Path))
@click.option("--period", default="", help="2026-03, 2026-Q1 or 2026-W09 [default: the latest complete month].")
@click.option(
    "--team", "teams", multiple=True, help="Only this team; may be given several times [default: every team]."
)
@_reports
@_workers
@click.option(
    "--engine", type=click.Choice(["fork", "stock"]),
    help="How notebooks run: each in a fork of one prepared process, or in a kernel of its own by papermill [default: fork, "
    "where the system can].",
)  # fmt: skip
@click.option(
    "--retries", default=1, show_default=True, type=click.IntRange(0, 5),
    help="How often a report is made again whose process died or whose time was up.",
)  # fmt: skip
@click.option(
    "--keep", default=3, show_default=True, type=click.IntRange(1),
    help="How many finished runs of a period stay, the one that is published among them.",
)  # fmt: skip
@click.option(
    "--shard", default="", metavar="NUMBER/OF",
    help="Only this share of the reports, e.g. 0/4; the process that is done last publishes all.",
)  # fmt: skip
@click.option(
    "--cluster", default="", metavar="ADDRESS",
    help="The scheduler of a Dask cluster whose workers make the reports, e.g. tcp://10.0.0.5:8786 (needs idp-analytics[dask]).",
)  # fmt: skip
@_gate
@_told
def report(
    data: Path, git: tuple[Path, ...], more: tuple[Path, ...], period: str, teams: tuple[str, ...],
    reports: Path, workers: int | None, engine: str | None, retries: int, keep: int, shard: str, cluster: str, gate: str,
) -> None:  # fmt: skip
    """Publish the organisation's and every team's report: whole, or not at all.

    \b
    idp report --data data/acme --period 2026-03
    idp report --git ~/code/shop ~/code/search      # nothing but repositories: release tags are deployments
    """
    if more and not git:
        raise click.UsageError(f"Unexpected argument {str(more[0])!r}. Paths of repositories follow --git.")
    if shard and cluster:
        raise click.UsageError("Give --shard or --cluster: a cluster shares the reports out by itself.")
    _published(
        published(
            data=data,
            git=(*git, *more),
            period=period,
            teams=teams,
            reports=reports,
            workers=workers,
            gate=gate,
            engine=engine or "",
            shard=shard,
            cluster=cluster,
            retries=retries,
            keep=keep,
        )
    )


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--teams", default=9, show_default=True, type=click.IntRange(4, 20_000), help="How many teams.")
@click.option("--months", default=12, show_default=True, type=click.IntRange(3, 60), help="How many months of data.")
@click.option("--seed", default=20260701, show_default=True, help="The same seed gives the same bytes.")
@_told
def sample(folder: Path, teams: int, months: int, seed: int) -> None:
    """Write a synthetic company of any size to FOLDER: native exports, settings and the truths planted in it."""
    from idp_analytics.sources import sample as company

    if folder.exists() and any(folder.iterdir()) and not (folder / "truth.json").is_file():
        raise click.UsageError(f"{folder} is not empty and was not written by this command. Name a new folder.")
    files = company.write(folder, company.generate(teams=teams, months=months, seed=seed))
    click.echo(f"{len(files)} files in {folder}. Next: idp report --data {folder}")


@cli.command()
@_data
@_gate
@click.option("--json", "as_json", is_flag=True, help="For a machine.")
@_told
def check(data: Path, git: tuple[Path, ...], gate: str, as_json: bool) -> None:
    """Read everything, run every expectation, and say what was set aside and why."""
    org = _loaded(data, git, gate)
    failed = org.checks.filter(~org.checks["success"])
    if as_json:
        click.echo(json.dumps({
            "as_of": org.as_of.isoformat(),
            "loads": org.tables["loads"].to_dicts(),
            "expectations": org.checks.to_dicts(),
            "rejected": org.rejected.to_dicts(),
            "coverage": org.coverage().to_dicts(),
            "cautions": list(org.cautions),
        }, default=str, indent=1))  # fmt: skip
        return
    from idp_analytics.checks import describe

    click.echo(_frame(org.tables["loads"].select("source", "table", "path", "rows_in", "rows_out", "truncated")))
    said = Counter(w for warnings in org.tables["loads"]["warnings"] for w in warnings)
    for line in (*org.cautions, *(f"{w} ({n} files)" if n > 1 else w for w, n in said.items())):
        click.echo(f"caution: {_line(line)}")
    for row in failed.iter_rows(named=True):
        click.echo(f"{row['severity']}: {_line(describe(row))}")
    click.echo(
        f"{org.checks.height} expectations, {failed.height} not met; "
        f"{org.rejected.height} row(s) set aside" + (":" if org.rejected.height else ".")
    )
    if org.rejected.height:
        click.echo(_frame(org.rejected.select("file", "row", "column", "reason", "found").head(40)))


@cli.command()
@_data
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for one Parquet file per table.")
@_gate
@_told
def tables(data: Path, git: tuple[Path, ...], out: Path, gate: str) -> None:
    """Write the canonical tables, after the gate, as Parquet."""
    from idp_analytics.tables.numbered import as_text

    org = _loaded(data, git, gate)
    out.mkdir(parents=True, exist_ok=True)
    for name, frame in {**org.tables, "rejected": org.rejected}.items():
        file = out / f"{name}.parquet"
        file.touch(0o600)  # what is of people is for whoever asked for it
        written(file, as_text(frame).write_parquet)
    click.echo(f"{len(org.tables)} tables and the rows set aside in {out}")


@cli.command()
@_data
@click.option("--metric", "metric", multiple=True, help="Only this metric; may be given several times.")
@click.option("--by", "scopes", multiple=True, type=click.Choice(["org", "team", "service"]), help="Only this scope.")
@click.option(
    "--every", multiple=True, type=click.Choice(["1w", "1mo", "1q"]), default=("1mo", "1q"), show_default=True
)
@click.option(
    "--definition",
    default="idp",
    show_default=True,
    help="By whose rules: ours, or those of another tool, e.g. devlake_2023, four_keys, middleware; 'list' names all.",
)
@click.option("--format", "form", type=click.Choice(["csv", "json", "parquet"]), default="csv", show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write [default: standard output]."
)
@_gate
@_told
def answers(
    data: Path,
    git: tuple[Path, ...],
    metric: tuple[str, ...],
    scopes: tuple[str, ...],
    every: tuple[str, ...],
    definition: str,
    form: str,
    out: Path | None,
    gate: str,
) -> None:
    """Write the answers: every metric for every scope and period, with interval, count, missing and verdict."""
    from idp_analytics import metrics

    if definition == "list":
        width = max(len(known.name) for known in metrics.PRESETS)
        for known in metrics.PRESETS:
            click.echo(f"{known.name:{width}}  {known.title}")
        return
    by_whom = metrics.preset(definition).name  # an unknown name is said before anything is read
    if form == "parquet" and out is None:
        raise click.UsageError("Parquet is not text: name a file with --out.")
    frame = _loaded(data, git, gate).answers(metric or None, scopes or None, every, by_whom)
    match form:
        case "csv":
            from idp_analytics.publish.downloads import spreadsheet_safe

            safe = spreadsheet_safe(frame)
            written(out, safe.write_csv) if out else safe.write_csv(sys.stdout.buffer)
        case "json":
            text = json.dumps(frame.to_dicts(), default=str, indent=1) + "\n"
            out.write_text(text, encoding="utf-8") if out else click.echo(text, nl=False)
        case "parquet":
            written(out, frame.write_parquet)  # type: ignore[arg-type]


@cli.command()
@click.argument("metric")
@_data
@click.option("--team", help="Show the rows behind this team's number.")
@click.option("--service", help="Show the rows behind this service's number.")
@click.option("--pool", help="Show the charges in this pool of shared cost.")
@click.option(
    "--component", help="With METRIC sprawl: show what was used of, paid for and asked about this part of the platform."
)
@click.option("--period", default="", help="2026-03, 2026-Q1 or 2026-W09.")
@_told
def explain(
    metric: str,
    data: Path,
    git: tuple[Path, ...],
    team: str | None,
    service: str | None,
    pool: str | None,
    component: str | None,
    period: str,
) -> None:
    """What METRIC means and, with --period, the rows behind one number (of a team, a service or the organisation).

    METRIC may also be a study whose rows can be listed: adoption_breadth, path_coverage, drift, path_retention, upgrade_lag, adoption_kinds, diffusion,
    next_teams, next_paths, fragmentation, boundary, escape_hatches, impact, maturity_criteria, maturity_history, scorecard_rules, stress_signals or follow_through.
    """
    from idp_analytics import metrics

    if team and service:
        raise click.UsageError("Name a --team or a --service, not both: a number belongs to one of them.")
    if pool and (team or service or not period):
        raise click.UsageError("--pool goes with --period alone: a pool is the organisation's.")
    if (metric == "sprawl") != bool(component) or (component and (team or service or pool or not period)):
        raise click.UsageError(
            "sprawl goes with --component and --period alone: a part of the platform is nobody's but its own."
        )
    if component:
        rows = _loaded(data, git, "fast").component_rows(component, period)
        click.echo(f"{rows.height} row(s) of {_line(component)} in the 90 days before the end of {period}:")
        click.echo(_frame(rows))
        return
    metrics.way_back(metric)  # an unknown name is said before anything is read
    if metric in metrics.WAYS_BACK:
        if pool or not period:
            raise click.UsageError(f"{metric} goes with --period, and --team or --service.")
        click.echo(f"{metric}: {next(study.doc for study in metrics.STUDIES if study.name == metric)}")
    else:
        click.echo(metrics.definitions.text(metrics.by_name(metric)))
    if not period:
        return
    org = _loaded(data, git, "fast")
    rows = org.pool_charges(pool, period) if pool else org.trace(metric, period, team, service)
    click.echo(f"\n{rows.height} row(s) behind it:")
    click.echo(_frame(rows))
    for line in () if pool or metric in metrics.WAYS_BACK else _shares(org, rows, period):
        click.echo(_line(line))


@cli.command()
@_data
@click.option(
    "--aliases", "proposals", type=click.Path(path_type=Path, dir_okay=False),
    help="Write proposals for the mapping file here (CSV), for a person to look through.",
)  # fmt: skip
@click.option("--reports", type=click.Path(path_type=Path), help="Say how the runs below this folder went instead.")
@_told
def doctor(data: Path, git: tuple[Path, ...], proposals: Path | None, reports: Path | None) -> None:
    """Say what would make the numbers better: names nobody knows, missing links, owners, incomplete exports.

    With --reports: which run or report failed, was interrupted or is at work, why, and what to do.
    """
    from idp_analytics import mapping
    from idp_analytics.doctor import findings
    from idp_analytics.publish import diagnosis

    if reports is not None:
        for sentence in diagnosis.told(reports) or ["All runs that were begun are published, and whole."]:
            click.echo(_line(sentence))
        return
    org = _loaded(data, git, "fast")
    found = findings(org)
    for number, finding in enumerate(found, 1):
        click.echo(f"{number}. {_line(finding)}")
    click.echo("Nothing to mend." if not found else f"{len(found)} finding(s), the one that would help most first.")
    if proposals is not None:
        from idp_analytics.publish.downloads import write_unchanged

        kept, left = write_unchanged(proposals, mapping.proposals(org))
        click.echo(
            f"{kept} name(s) in {proposals}: keep the right lines, drop the last two columns, add them to aliases.csv."
        )
        if left:
            click.echo(
                f"{left} name(s) that a spreadsheet would run as a formula are not among them: write them by hand."
            )


@cli.command()
@_folder
@click.option(
    "--source", "names", multiple=True, help="Only this source; may be given several times [default: all that forget]."
)
@click.option(
    "--at", type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ"]), help="When the exports were taken [default: when each file was written]."
)  # fmt: skip
@_told
def collect(data: Path, names: tuple[str, ...], at: datetime | None) -> None:
    """Keep a copy of each export of a system that shows only what is so now, so that the past can still be told later.

    Run it after each export, on the schedule of the reports. What is kept already is not kept twice.
    """
    from idp_analytics import sources
    from idp_analytics.collect import collect as keep
    from idp_analytics.settings import read

    taken = at.replace(tzinfo=UTC) if at else None
    kept = keep(read(data, sources.check), names, taken)
    for one in kept:
        name = one.snapshot.relative_to(data / sources.SNAPSHOTS / one.source).as_posix()
        click.echo(f"{'kept' if one.new else 'known'}  {_line(one.source)}  {_line(name)}")
    click.echo(f"{sum(one.new for one in kept)} new, {sum(not one.new for one in kept)} known already.")


@cli.command()
@click.argument("who", nargs=-1, required=True)
@_folder
@click.option(
    "--reports",
    default="reports",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Where reports are looked through too.",
)
@_told
def forget(who: tuple[str, ...], data: Path, reports: Path) -> None:
    """Leave a person, known by the logins or addresses WHO, out of everything that is read from now on.

    Rows that are the person go, in all others they become somebody unknown; collected snapshots are written anew without these names. Exports
    are told and not changed: they are yours.
    """
    from idp_analytics.forget import forget as leave_out

    done = leave_out(data, who, reports, datetime.now(UTC).date())
    for one in done.files:
        click.echo(f"{'rewritten' if one.scrubbed else 'still there'}  {_line(str(one.path))}  {one.places:,} place(s)")
    left = sum(not one.scrubbed for one in done.files)
    click.echo(
        f"{done.names} name(s) are on the list in {data}. "
        + (f"{left} file(s) still name them: delete or export these anew." if left else "No other file names them.")
    )


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--exports", type=click.Path(path_type=Path), help="Folder that holds the exports [default: FOLDER itself]."
)
@click.option("--name", help="The organisation's name as shown [default: the folder's].")
@_told
def init(folder: Path, exports: Path | None, name: str | None) -> None:
    """Make FOLDER a data folder: look what the exports are, and write settings.toml and the two mapping files."""
    from idp_analytics import scaffold

    found = scaffold.look(exports or folder)
    for one in found:
        click.echo(
            f"{'read' if one.kind else 'NOT '}  {_line(str(one.path.relative_to(exports or folder)))}  {_line(one.what)}"
        )
    written = scaffold.write(folder, found, name or folder.resolve().name)
    known = sum(one.kind is not None for one in found)
    click.echo(f"{known} of {len(found)} file(s) known; written: {', '.join(path.name for path in written)}.")
    if missing := scaffold.missing(found):
        click.echo(f"Fill in first, in settings.toml: {', '.join(missing)}.")
    click.echo(f"Next: idp check --data {folder}, then idp doctor --data {folder}.")


cli.add_command(survey)
cli.add_command(assess)
cli.add_command(schedule)
cli.add_command(intervention)
cli.add_command(attach)


# --- how commands speak ------------------------------------------------------------------------------------------------


def _published(result: RunResult) -> None:
    if result.reused:
        click.echo("Nothing has changed since this was published; it stands, and no report was made.", err=True)
    if result.found:
        click.echo(f"{result.found} report(s) had been made before and were taken as they are.", err=True)
    if result.failed:
        click.echo(f"{len(result.failed)} report(s) failed: {', '.join(map(_line, result.failed))}", err=True)
    if not result.published:
        click.echo("This share is done. The one that is done last publishes.", err=True)
        return
    click.echo(str(result.index))
    if result.failed:
        sys.exit(PARTLY_FAILED)


def _shares(org: Organisation, rows: pl.DataFrame, period: str) -> Iterator[str]:
    """How each share among the rows came about, and how to go on to its charges."""
    from idp_analytics.metrics.allocation.shares import described

    pools = {pool.id: pool for pool in org.settings.showback.pools}
    shared = rows.filter(source_table="pools")["source_key"].str.split("/").list.first().unique(maintain_order=True)
    for name in shared:
        rule = described(pools[name], org.settings.showback.services)
        yield f"{pools[name].title} is shared {rule}. Its charges: idp explain showback_cost --pool {name} --period {period}"
