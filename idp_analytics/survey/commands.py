"""``idp survey``. Imports lazily, so that ``idp --help`` is instant."""

from __future__ import annotations

from pathlib import Path

import click

from idp_analytics.commands import folder, framed, loaded, one_line, told


@click.group()
def survey() -> None:
    """Run a survey: the questionnaire for your tool, and how many answers you need. VOICE.md says how."""


TOOLS = ("google-forms", "typeform", "qualtrics", "surveymonkey", "markdown", "csv")


@survey.command()
@click.option(
    "--for", "tool", required=True, type=click.Choice(TOOLS), help="The tool to set it up in, or a form to read."
)
@click.option("--survey", "name", default="developer-experience", show_default=True, help="Or exit-interview.")
@click.option(
    "--data", type=click.Path(path_type=Path), help="Ask the questions that this folder's settings.toml declares, too."
)
@click.option(
    "--price",
    type=click.FloatRange(min=0, min_open=True),
    help="What the platform costs per developer and month; half, all and twice of it are shown. Without it no price is asked.",
)
@click.option("--currency", default="EUR", show_default=True, help="Of the price.")
@click.option("--price-range", is_flag=True, help="Ask for four prices as well (van Westendorp).")
@click.option("--out", type=click.Path(path_type=Path), help="Write to this file instead of the screen.")
@told
def questions(
    tool: str, name: str, data: Path | None, price: float | None, currency: str, price_range: bool, out: Path | None
) -> None:
    """Write the questionnaire as your survey tool takes it. What to do with it is said on the error stream."""
    from idp_analytics import sources
    from idp_analytics.settings import Rules, read
    from idp_analytics.settings.questions import shipped
    from idp_analytics.survey import forms

    by_name = {one.id: one for one in shipped()}
    if name not in by_name:
        raise click.UsageError(f"--survey {name}: there is no such questionnaire. Known: {', '.join(by_name)}.")
    asked, rules = by_name[name], Rules()
    if data:
        settings = read(data, sources.check)
        asked, rules = forms.current(asked, settings.questions), settings.rules
    shown = forms.Price(price, currency) if price else None
    text = forms.form(tool, forms.chosen(asked, rules.min_cohort, shown, price_range), shown)
    if out:
        out.write_text(text, encoding="utf-8", newline="\n")
        click.echo(f"Written: {out}", err=True)
    else:
        click.echo(text, nl=False)
    for number, step in enumerate(forms.steps(tool, shown), 1):
        click.echo(f"{number}. {step}", err=True)


@survey.command()
@folder
@click.option(
    "--width",
    default=0.1,
    show_default=True,
    type=click.FloatRange(0.01, 0.5),
    help="How far off a share may be (0.1: ±10 points).",
)
@click.option(
    "--response",
    default=0.6,
    show_default=True,
    type=click.FloatRange(0.05, 1.0),
    help="The share of people you expect to answer.",
)
@told
def plan(data: Path, width: float, response: float) -> None:
    """How many answers are needed, what change they can show, and which teams can never be shown."""
    from idp_analytics.survey import plan as planning

    org = loaded(data, (), "fast")
    found = planning.plan(org.lazy, org.settings, org.as_of, width, response)
    click.echo(framed(found))
    for sentence in planning.said(found, org.settings.rules, width, response):
        click.echo(one_line(sentence))
