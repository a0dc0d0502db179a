"""``idp attach``, and what ``idp report`` does. Imports lazily, so that ``idp --help`` is instant."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from idp_analytics.commands import one_line, told, unread

if TYPE_CHECKING:
    from idp_analytics.publish.run import RunResult


@click.command()
@click.argument("pages", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--to", "folder", default=".", show_default=True, type=click.Path(path_type=Path, file_okay=False),
    help="The folder to write to.",
)  # fmt: skip
@click.option("--site", default="", help="Where the folder of the set is served, for links to other pages.")
@click.option(
    "--pdf", type=click.Choice(["brief", "whole"]),
    help="Print each as a PDF instead, by the Chromium on this machine: what the page shows when it is opened, or with all chapters.",
)  # fmt: skip
@click.option("--paper", default="A4", show_default=True, type=click.Choice(["A4", "letter"]), help="Sheets of a PDF.")
@told
def attach(pages: tuple[Path, ...], folder: Path, site: str, pdf: str | None, paper: str) -> None:
    """Write PAGES of published reports as files to send, each whole by itself, and print their paths.

    \b
    idp attach reports/acme/2026-06/organisation.html --to ~/outbox
    idp attach reports/acme/2026-06/teams/*.html --site https://reports.example.com/acme/2026-06/
    idp attach reports/acme/2026-06/organisation.html --pdf brief

    Who opens one needs neither a network nor the other pages. Links to these lead to --site; without it there are none.
    """
    from idp_analytics.publish import paper as sheets
    from idp_analytics.publish.attachment import attachment, opened

    made = {page.file_name: attachment(page, site) for page in map(opened, pages)}
    if pdf:
        sheets.browser(os.environ)  # before anything is written
    folder.mkdir(parents=True, exist_ok=True)
    for name, html in made.items():
        path = (folder / name).with_suffix(".pdf" if pdf else ".html")
        path.write_bytes(sheets.printed(html, whole=pdf == "whole", paper=paper) if pdf else html.encode())
        click.echo(one_line(str(path)))


class _Terminated(BaseException):
    """SIGTERM has come."""


@contextmanager
def ended_in_order() -> Iterator[None]:
    """SIGTERM ends what is done here as Ctrl-C does, so that temporary folders go and others may publish at once, and then this process as it would
    have. Where somebody has another use for it, or in another thread, nothing is changed."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return

    def end(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the next one does not wait
        raise _Terminated

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    except _Terminated:
        os.kill(os.getpid(), signal.SIGTERM)
        raise
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def published(
    *,
    data: Path,
    git: tuple[Path, ...],
    period: str,
    teams: tuple[str, ...],
    reports: Path,
    workers: int | None,
    gate: str,
    engine: str = "",
    shard: str = "",
    cluster: str = "",
    **policy: int,
) -> RunResult:
    """What ``idp report`` does; how it fails is kept for ``idp doctor --reports`` (:mod:`.diagnosis`). Raises as :func:`run.publish`."""
    from idp_analytics.publish.cluster import Cluster, connected
    from idp_analytics.publish.diagnosis import remembered
    from idp_analytics.publish.run import publish
    from idp_analytics.publish.shards import Shard
    from idp_analytics.publish.workers import engine as named

    how: dict[str, Any] = {
        **policy,
        **({"engine": named(engine)} if engine else {}),
        **({"engine": Cluster(cluster, engine, workers or 1)} if cluster else {}),
        **({"shard": Shard.parse(shard)} if shard else {}),
    }  # before anything is read: it may not be there
    if sys.stderr.isatty():
        click.echo("Reading the data and computing the numbers, of which all reports are made.", err=True)
    with ended_in_order(), remembered(reports, ", ".join(map(str, git)) or str(data)):
        if cluster:
            with connected(cluster):
                pass  # nothing is loaded for one that is not there
        return publish(
            unread(data, git, gate), reports=reports, period=period, teams=teams or None, workers=workers, **how
        )
