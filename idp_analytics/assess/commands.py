"""``idp assess``. Imports lazily, so that ``idp --help`` is instant."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import click

from idp_analytics.commands import folder, loaded, one_line, told


@click.group()
def assess() -> None:
    """Assess maturity: a form that a team fills in within fifteen minutes, its answers brought in, and what to do next. MATURITY.md says how."""


@assess.command()
@folder
@click.option("--team", help="Whose form it is; without it the form asks for the team.")
@click.option("--wave", help="The round, e.g. 2026-Q3; without it the quarter in which the form is saved.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Write the page to this file.")
@told
def form(data: Path, team: str | None, wave: str | None, out: Path) -> None:
    """Write the form: one page that needs no network and sends nothing."""
    from idp_analytics import sources
    from idp_analytics.assess.form import page
    from idp_analytics.errors import GateError, SettingsError, nearest
    from idp_analytics.settings import read

    settings = read(data, sources.check)
    try:
        teams = sorted(loaded(data, (), "fast").tables["teams"]["team_id"].drop_nulls().unique())
    except (GateError, SettingsError):  # people can be asked before anything is measured
        teams = []
    if team is not None and teams and team not in teams:
        raise click.UsageError(f"--team {one_line(team)}: there is no such team.{nearest(team, teams)}")
    text = page(settings.maturity, wave, team, teams, settings.rules.min_cohort)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8", newline="\n")
    click.echo(f"Written: {one_line(str(out))}", err=True)
    click.echo(
        "Send it to everybody in the team, let them save their answers, and bring the files in: idp assess import",
        err=True,
    )


@assess.command("import")
@folder
@click.argument("files", nargs=-1, required=True)
@click.option("--team", help="The team assessed, where a file does not say.")
@click.option("--wave", help="The round, where a file does not say.")
@click.option(
    "--role", type=click.Choice(["platform", "user", "leader"]), help="As what was answered, where a file does not say."
)
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="When the answers were given, where a file does not say."
)
@click.option(
    "--dates", type=click.Choice(["month first", "day first"]), help="What comes first in dates such as 3/2/2026."
)
@click.option(
    "--questions", type=click.Path(path_type=Path),
    help="The community's questions (its YAML, or a table with Category, Question, L1 … L4), for tables that answer them in words.",
)  # fmt: skip
@told
def import_(
    data: Path, files: tuple[str, ...], team: str | None, wave: str | None, role: str | None, as_of: datetime | None,
    dates: str | None, questions: Path | None,
) -> None:  # fmt: skip
    """Bring answers in: files of the form, tables of Google Forms or Typeform, answers or addresses of the CNCF community's assessment.

    A file that cannot be used is named with the reason, the others are brought in, and the exit code is 1.
    """
    from datetime import UTC

    from idp_analytics import sources
    from idp_analytics.assess import importing
    from idp_analytics.settings import read

    settings = read(data, sources.check)
    at = as_of.replace(tzinfo=UTC) if as_of else None
    given = {"team": team, "wave": wave, "role": role, "as_of": at, "dates": dates}
    found = importing.bring_in(files, settings, {name: value for name, value in given.items() if value}, questions)
    for one in found.files:
        click.echo(
            one_line(
                f"{one.file}: "
                + (
                    f"set aside: {one.refused}"
                    if one.refused
                    else f"{one.respondents} respondent(s), {one.answers} answers"
                )
            )
        )
        for reason, count in () if one.refused or not one.set_aside else one.set_aside.items():
            click.echo(one_line(f"  {count} × {reason}"))
    click.echo(one_line(f"{found.target}: {found.new} answers new, {found.changed} changed"))
    if not found.is_read and found.target.exists():
        click.echo("settings.toml does not read it yet; add:\n\n" + importing.SOURCE, err=True)
    if any(one.refused for one in found.files):
        sys.exit(1)


@assess.command()
@folder
@click.option("--period", required=True, help="The quarter they follow from, e.g. 2026-Q2; it must be over.")
@told
def steps(data: Path, period: str) -> None:
    """Write the next steps of a quarter as actions, at most two for each team and the organisation, and print them.

    They are added to maturity_steps.csv in the data folder; run again, nothing is added twice. Close them there (closed_on, outcome),
    and the report says whether each was done and whether its number moved.
    """
    from idp_analytics.assess import steps as next_steps
    from idp_analytics.report import learnt
    from idp_analytics.report.maturity_steps import in_words

    organisation = loaded(data, (), "fast")
    found = next_steps.write(organisation, period)
    impact = organisation.study("impact")
    for row in found.steps.to_dicts():
        whose = organisation.settings.title if row["scope"] == "org" else row["entity_id"]
        click.echo(one_line(f"{whose}: {in_words(row, learnt.tried(impact, row['source']))}"))
    click.echo(one_line(f"{found.target}: {len(found.added)} steps added"))
    if found.without_a_team:
        click.echo(
            "Steps of the organisation are nobody's: name a platform_team in settings.toml, and they are its.", err=True
        )
    if not found.is_read and found.target.exists():
        click.echo("settings.toml does not read it yet; add:\n\n" + next_steps.SOURCE, err=True)
