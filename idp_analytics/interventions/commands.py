"""``idp intervention``. Imports lazily, so that ``idp --help`` is instant."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from idp_analytics.commands import folder, framed, loaded, one_line, told

if TYPE_CHECKING:
    import polars as pl

    from idp_analytics.interventions.registering import Draft, Registration
    from idp_analytics.organisation import Organisation

_DAY = click.DateTime(["%Y-%m-%d"])
_MOMENT = click.DateTime(["%Y-%m-%dT%H:%M:%SZ"])
_at = click.option("--at", type=_MOMENT, help="When it is written down [default: now].")
_units = click.option("--unit", "units", multiple=True, help="A service or team it is for; may be given several times.")
_units_from = click.option(
    "--units-from", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file with one service or team a line.",
)  # fmt: skip


@click.group()
def intervention() -> None:
    """Write down what is to be changed before it is, and later reports say whether it worked. README.md says how."""


@intervention.command()
@folder
@click.option("--id", "name", help="What it is called from now on, e.g. auto-approve.")
@click.option("--hypothesis", help="What it is hoped to do, in a sentence.")
@click.option("--metric", help="The one metric it is judged by (METRICS.md).")
@click.option(
    "--direction", type=click.Choice(["up", "down"]), help="Which way is hoped for [default: the metric's better one]."
)
@click.option(
    "--smallest-effect", help="The smallest effect that would matter, in the metric's unit; of a share also 2%."
)
@click.option("--component", help="What is changed: a golden path, a component, a rule.")
@_units
@_units_from
@click.option("--all-services", is_flag=True, help="For all services there are on that day.")
@click.option("--all-teams", is_flag=True, help="For all teams there are on that day.")
@click.option(
    "--unit-kind", type=click.Choice(["service", "team"]), help="What the units are, where names are of both."
)
@click.option("--adopted-on", type=_DAY, help="When all of them took it up, where they have.")
@click.option("--review-on", type=_DAY, help="When to look whether it worked.")
@_at
@click.option("--dry-run", is_flag=True, help="Say all that would be said, and write nothing.")
@told
def add(
    data: Path, name: str | None, hypothesis: str | None, metric: str | None, direction: str | None, smallest_effect: str | None,
    component: str | None, units: tuple[str, ...], units_from: Path | None, all_services: bool, all_teams: bool, unit_kind: str | None,
    adopted_on: datetime | None, review_on: datetime | None, at: datetime | None, dry_run: bool,
) -> None:  # fmt: skip
    """Register a change: hypothesis, one metric, the smallest effect that matters, the units, and the day to look.

    Says at once which effect could be seen by then with the data there are. On a terminal, what is missing is asked for. Nothing that was
    registered is ever changed.
    """
    from idp_analytics.charts.wording import count
    from idp_analytics.interventions import foreseen, ledger_file, registering
    from idp_analytics.sources.ledger_entries import FILE

    organisation = loaded(data, (), "fast")
    moment = _moment(at)
    day = adopted_on.date() if adopted_on else moment.date()
    named = [*units, *_listed(units_from)]
    for wanted, kind in ((all_services, "service"), (all_teams, "team")):
        named += registering.existing(kind, day, organisation) if wanted else []
    asked = _asked(
        {"id": name, "hypothesis": hypothesis, "metric": metric, "smallest-effect": smallest_effect},
        tuple(dict.fromkeys(named)), review_on.date() if review_on else None,
    )  # fmt: skip
    draft = registering.Draft(
        asked["id"], asked["hypothesis"], asked["metric"], direction, asked["smallest-effect"], unit_kind, asked["unit"], component,
        adopted_on.date() if adopted_on else None, asked["review-on"], moment,
    )  # fmt: skip
    with ledger_file.locked(organisation.settings) as target:
        made, said = _registered(draft, target, organisation)
        seen = foreseen.foreseen(made, organisation)
        entries = made.entries(seen.told())
        if not dry_run:
            ledger_file.add(target, entries)
    click.echo(one_line(_sentence(made)))
    for sentence in (*foreseen.said(made, seen), *said):
        click.echo(one_line(sentence))
    if dry_run:
        click.echo("Nothing was written.")
        return
    click.echo(one_line(f"{target}: {count(len(entries), 'entry', 'entries')} added."))
    if not ledger_file.is_read(organisation.settings):
        click.echo(f"settings.toml does not read {FILE} yet; add:\n\n{ledger_file.SOURCE}", err=True)


@intervention.command()
@folder
@click.argument("name")
@_units
@_units_from
@click.option("--on", type=_DAY, help="The day on which they took it up.")
@click.option("--never", is_flag=True, help="They have not taken it up after all.")
@_at
@told
def adopt(
    data: Path,
    name: str,
    units: tuple[str, ...],
    units_from: Path | None,
    on: datetime | None,
    never: bool,
    at: datetime | None,
) -> None:
    """Write down that units took up the change NAME. Of several words about one unit the last counts; all of them stay."""
    from idp_analytics.charts.wording import count
    from idp_analytics.interventions import ledger_file, registering

    if (on is None) != never:
        raise click.UsageError("Give the day with --on, or say --never.")
    organisation = loaded(data, (), "fast")
    with ledger_file.locked(organisation.settings) as target:
        own, known = _rows(target, organisation)
        entry, said = registering.adoption(
            name, (*units, *_listed(units_from)), on.date() if on else None, _moment(at), known, own, organisation
        )
        if entry is not None:
            ledger_file.add(target, [entry])
    for sentence in said:
        click.echo(one_line(sentence))
    if entry is not None:
        click.echo(one_line(f"{target}: 1 entry added, about {count(len(entry['units']), 'unit')}."))


@intervention.command()
@folder
@click.argument("name")
@click.option("--decision", required=True, type=click.Choice(["keep", "change", "end"]), help="What follows from it.")
@click.option("--learnt", required=True, help="What was learnt, in a sentence, for who tries the next.")
@click.option("--team", help="Whose decision it is [default: the platform team].")
@_at
@told
def review(data: Path, name: str, decision: str, learnt: str, team: str | None, at: datetime | None) -> None:
    """Write down what was decided on the change NAME once it was looked at. Its page tells so, and it is due no more."""
    from idp_analytics.interventions import ledger_file, registering

    organisation = loaded(data, (), "fast")
    with ledger_file.locked(organisation.settings) as target:
        own, _ = _rows(target, organisation)
        ledger_file.add(target, [registering.review(name, team, decision, learnt, _moment(at), own, organisation)])
    click.echo(one_line(f"{name}: {decision}. {target}: 1 entry added."))


@intervention.command("list")
@folder
@told
def list_(data: Path) -> None:
    """What is registered: by which metric it is judged, how many units took it up, when to look."""
    from idp_analytics.interventions import ledger_file, listing
    from idp_analytics.sources.ledger_entries import FILE

    organisation = loaded(data, (), "fast")
    own, known = _rows(organisation.settings.root / FILE, organisation)
    if known.is_empty():
        click.echo(f"Nothing is registered. Register a change before it begins: idp intervention add --data {data}")
        return
    click.echo(framed(listing.listed(known, organisation)))
    entries = ledger_file.entries(organisation.settings.root / FILE)
    for sentence in listing.decided(entries):
        click.echo(one_line(sentence))
    for number in ledger_file.unsealed(entries):
        click.echo(
            f"caution: entry {number} of {FILE} does not follow from the one before: it, or what stood before it, was changed after it was written."
        )
    if own.height and not ledger_file.is_read(organisation.settings):
        click.echo(f"settings.toml does not read {FILE} yet; add:\n\n{ledger_file.SOURCE}", err=True)


def _registered(draft: Draft, target: Path, organisation: Organisation) -> tuple[Registration, list[str]]:
    """The draft as it can be registered, and what is to be said of it."""
    from idp_analytics.interventions import registering

    _, known = _rows(target, organisation)
    made = registering.registration(draft, known, organisation)
    return made, list(registering.remarks(made, known, organisation))


def _rows(target: Path, organisation: Organisation) -> tuple[pl.DataFrame, pl.DataFrame]:
    from idp_analytics.interventions import ledger_file, registering

    own = ledger_file.rows(target, organisation.settings)
    return own, registering.known_rows(organisation, own)


def _sentence(made: Registration) -> str:
    from idp_analytics.charts.wording import count, size

    draft = made.draft
    return (
        f"{draft.intervention_id}: {made.metric.title} is to go {made.direction} by {size(made.smallest_effect, made.metric.unit)} at least, "
        f"for {count(len(draft.units), made.unit_kind)}; to be looked at on {draft.review_on.day} {draft.review_on:%B %Y}."
    )


def _asked(given: dict[str, str | None], units: tuple[str, ...], review_on: date | None) -> dict[str, Any]:
    """What is given, and what somebody at a terminal says of the rest. Without a terminal all that is missing is named."""
    missing = [name for name, value in given.items() if not value]
    missing += [name for name, value in (("unit", units), ("review-on", review_on)) if not value]
    if missing and not interactive():
        raise click.UsageError(f"Missing: {', '.join(f'--{name}' for name in missing)}.")
    found: dict[str, Any] = {**given, "unit": units, "review-on": review_on}
    for name in missing:
        if name == "unit":
            text = click.prompt("Services or teams it is for, divided by commas")
            found[name] = tuple(dict.fromkeys(one.strip() for one in text.split(",") if one.strip()))
        elif name == "review-on":
            found[name] = click.prompt("Day to look whether it worked (YYYY-MM-DD)", type=_DAY).date()
        else:
            found[name] = click.prompt(_QUESTIONS[name] + _hint(name, found)).strip()
    return found


_QUESTIONS = {
    "id": "What it is called, e.g. auto-approve",
    "hypothesis": "What it is hoped to do, in a sentence",
    "metric": "The one metric it is judged by (METRICS.md lists all)",
    "smallest-effect": "Smallest effect that would matter",
}


def _hint(name: str, found: dict[str, Any]) -> str:
    """The unit of the effect, once the metric is known."""
    from idp_analytics import metrics
    from idp_analytics.errors import ReportError

    if name != "smallest-effect":
        return ""
    try:
        return f", in {metrics.by_name(found['metric'] or '').unit}"
    except ReportError:
        return ", in the metric's unit"


def interactive() -> bool:
    """Whether somebody sits at a terminal and can be asked."""
    return sys.stdin.isatty()


def _listed(file: Path | None) -> list[str]:
    if file is None:
        return []
    return [one.strip() for one in file.read_text(encoding="utf-8-sig").splitlines() if one.strip()]


def _moment(at: datetime | None) -> datetime:
    # What a person does is done now; nothing that is computed depends on it.
    return at.replace(tzinfo=UTC) if at else datetime.now(UTC).replace(microsecond=0)
