"""``idp schedule``. Imports lazily, so that ``idp --help`` is instant."""

from __future__ import annotations

import getpass
import shutil
import sys
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import click

from idp_analytics.commands import SAMPLE, one_line, told

KINDS = ("systemd", "cron", "kubernetes", "airflow")


@click.command()
@click.option(
    "--data", default=SAMPLE, show_default=True, type=click.Path(path_type=Path), help="Folder with settings.toml."
)
@click.option(
    "--reports", default="reports", show_default=True, type=click.Path(path_type=Path), help="Where reports go."
)
@click.option(
    "--cron",
    default="0 6 1 * *",
    show_default=True,
    help="Minute, hour, day of month, month, day of week; or @daily, @weekly, @monthly, @quarterly.",
)
@click.option("--zone", default="UTC", show_default=True, help="The time zone that is meant, e.g. Europe/Berlin.")
@click.option(
    "--missed",
    type=click.Choice(["once", "skip"]),
    default="once",
    show_default=True,
    help="Runs missed while the machine slept: made up for once, or left out.",
)
@click.option(
    "--now",
    "at_once",
    is_flag=True,
    help="Run once at the start, too: where it is up to date already that takes seconds.",
)
@click.option("--next", "following", type=click.IntRange(1, 100), help="Only list so many of the next runs.")
@click.option(
    "--print", "kind", type=click.Choice(KINDS), help="Only print the schedule for the scheduler that is there already."
)
@click.option(
    "--image",
    default="idp-analytics:latest",
    show_default=True,
    help="With --print kubernetes: the image that holds idp.",
)
@click.option(
    "--shards",
    default=1,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="With --print kubernetes: pods that make the reports together.",
)
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[-- OPTIONS OF idp report]")
@told
def schedule(
    data: Path, reports: Path, cron: str, zone: str, missed: str, at_once: bool, following: int | None, kind: str | None, image: str, shards: int, options: tuple[str, ...],
) -> None:  # fmt: skip
    """Publish reports on a schedule: here, in the foreground, or as text for systemd, cron, Kubernetes or Airflow.

    Options of idp report may follow after --, e.g. idp schedule --cron "0 6 * * 1" -- --workers 2. A run is the same as idp
    report by hand; one that finds nothing new to do ends in seconds, so it may be run as often as one likes. SIGTERM stops
    it after the run under way, a second one at once.
    """
    from idp_analytics.schedule.timetable import Timetable

    timetable = Timetable.of(cron, zone)
    if following:
        click.echo(timetable.words)
        for due in islice(timetable.after(datetime.now(UTC)), following):
            click.echo(f"{due:%Y-%m-%d %H:%M %Z}")
        return
    if shards > 1 and kind != "kubernetes":
        raise click.UsageError(
            "--shards goes with --print kubernetes. Elsewhere start idp report --shard 0/4, 1/4, … yourself."
        )
    given = ("--data", str(data), "--reports", str(reports), *options)
    if kind:
        from idp_analytics.schedule.elsewhere import Written, manifest

        program = shutil.which("idp") or str(Path(sys.executable).with_name("idp"))
        written = Written(
            timetable, Path.cwd(), program, data, reports, options, image, missed == "once", shards, _user()
        )
        text = manifest(kind, written)
        click.echo(text, nl=False)
        return
    from idp_analytics.errors import SettingsError
    from idp_analytics.schedule.foreground import Foreground, refused, reporting

    if not any(word.startswith("--git") for word in options) and not (data / "settings.toml").is_file():
        raise SettingsError(
            f"{data}: there is no settings.toml, so every run would fail. Give the folder that holds it, e.g. {SAMPLE}."
        )
    if why := refused(given):
        raise click.UsageError(f"idp report does not take these options: {why}")

    def say(line: str) -> None:
        click.echo(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {one_line(line)}", err=True)

    say(timetable.words)
    Foreground(timetable, reporting(given), say, make_up=missed == "once").serve(at_once)


def _user() -> str:
    """Who runs this; empty where the system has no name for them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""
