"""Sections as HTML. Everything that comes from data goes through one autoescaping environment."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from idp_analytics.answers import Metric, Verdict
from idp_analytics.charts.wording import clean
from idp_analytics.metrics import CATALOGUE
from idp_analytics.metrics.definitions import ESTIMATORS
from idp_analytics.paths import anchor
from idp_analytics.report.trace import place
from idp_analytics.report.words import VERDICTS

if TYPE_CHECKING:
    from jinja2 import Environment

    from idp_analytics.report.section import Brief, Cards, Section, Table

_WITH_UNIT = re.compile(r"[−+]?\d[\d.,–]* (?:%|h|min|days|per day)(?!\w)|\b[A-Z]{3} −?\d[\d,]*\.\d\d\b")

_ESCAPED = re.compile("[&<>\"']")
"""What :func:`markupsafe.escape` changes; most texts have none of it, and to look takes less time."""

_SENTENCE = re.compile(r"(?:(?<=\)\.)|(?<=\d{4}\.)|(?<=[a-z]{5}\.)) (?=[A-Z0-9“])")
"""Where a sentence ends for certain: names may hold a full stop behind something short."""

_LONG, _FIRST = 200, 30
"""An answer of more characters is a wall where all of it is set large; before so many no sentence of it ends (``1. …`` is a list)."""

_CELLS = 8192
"""Of so many texts it is kept how they stand on a page: cells say the same again and again."""

_NUMBER = ' class="idp-number"'

_LONG_WORD = re.compile(r"[^\s&;]{25,}")
"""A path, or a name out of many words: where it may not be broken it makes a column as wide as itself."""

_SEAM = re.compile(r"(?<=[_/.])(?=[^_/.])")

_WORDY, _PHRASE = 60, 24
"""A cell of more characters is a sentence or a list, or a few words: in a narrow column it would be a tower."""

_SHORT = re.compile(r"(?=\S*-)\S{1,12}")
"""A day, a month or a word with a hyphen, which stands in one line."""

FOLDER = Path(__file__).with_name("templates")


def answer(section: Section) -> str:
    """The answer with its verdict and cautions. A report has a hundred, so they go through no template."""
    said = f"{badge(section.verdict)} " if section.verdict else ""
    # Where tables stand open, sentences tell of their rows one after the other: none comes before the others.
    first, rest = (section.answer, "") if section.opened else _parted(section.answer)
    more = f'\n<p class="idp-rest">{_held(rest)}</p>' if rest else ""
    return f'<div class="idp-answer">\n<p>{said}{_held(first)}</p>{more}\n{warnings(section.cautions)}\n</div>'


def _parted(answer: str) -> tuple[str, str]:
    """The first sentence of a long answer, which is read first, and the rest; a short one stays whole."""
    end = _SENTENCE.search(answer, _FIRST) if len(answer) > _LONG else None
    return (answer[: end.start()], answer[end.end() :]) if end else (answer, "")


def badge(verdict: Verdict) -> Markup:
    """A verdict: symbol and word, and what it means."""
    told = VERDICTS[verdict]
    return Markup(  # noqa: S704 escaped
        f'<span class="idp-verdict idp-verdict--{slug(verdict)}"><span aria-hidden="true">{_text(told.symbol)}</span> '
        f'<abbr title="{_text(told.meaning)}">{_text(verdict.value)}</abbr></span>'
    )


def warnings(cautions: Sequence[str]) -> Markup:
    """Cautions as a list; nothing where there are none."""
    if not cautions:
        return Markup()
    items = "".join(f"<li>{_text(caution)}</li>\n" for caution in cautions)
    return Markup(f'<ul class="idp-cautions" aria-label="Cautions">\n{items}</ul>\n')  # noqa: S704 escaped


def behind(section: Section) -> str:
    """Tables, trace and definitions; empty where the section has none."""
    tables = [table(one) for one in section.tables]
    if tables and not section.opened:
        fold = '<details class="idp-table-fold"><summary>Numbers behind the answer</summary>'
        tables = [Markup(fold), *tables, Markup("</details>")]  # noqa: S704 our own
    definitions = [
        f'<details class="idp-definition-fold"><summary>{_headed(metric, section)}</summary>\n{_defined(metric)}\n</details>'
        for metric in section.metrics
    ]
    return "\n".join([*tables, *definitions, _traced(section.trace)]).strip()


def _traced(trace: str) -> str:
    """The way back to the rows: a link where they lie beside the page, and the command for whoever has the data."""
    if not trace:
        return ""
    file, among = place(trace)
    command = f"<code>{_text(trace)}</code>"
    if not file:
        return f'<p class="idp-trace">The rows behind it: {command}</p>'
    which = f", those {_text(among)}" if among else ""
    return f'<p class="idp-trace"><a href="{_text(file)}">The rows behind it</a> (CSV{which}), or {command}</p>'


def _headed(metric: Metric, section: Section) -> str:
    return "What is counted, and how" if section.metric else f"{_text(metric.title)}: {_text(metric.question)}"


def table(table: Table) -> Markup:
    """One table with its caption. A report has thousands of cells, so they go through no template."""
    rest = f"; {table.left_out:,} more not shown" if table.left_out else ""
    if table.whole:
        rest = f'; {table.left_out:,} more stand in <a href="{_text(table.whole)}">{_text(table.whole)}</a>'
    heads, cells = [], []
    for number, (name, column) in enumerate(table.columns.items()):
        numeric = name in table.numbers
        heads.append(f'<th scope="col"{_NUMBER if numeric else ""}>{_text(name)}</th>')
        cells.append(map(_row_head if number == 0 else _number_cell if numeric else _text_cell, column))
    rows = "".join([f"<tr>{''.join(row)}</tr>\n" for row in zip(*cells, strict=True)])
    return Markup(  # noqa: S704 all from data is escaped
        f'<div class="idp-table idp-scroll" role="region" tabindex="0" aria-label="{_text(table.caption)}">\n<table>\n'
        f"<caption>{_text(table.caption)}{rest}</caption>\n<thead><tr>{''.join(heads)}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</div>"
    )


@lru_cache(_CELLS)
def _row_head(cell: str) -> str:
    return f'<th scope="row"{_room(cell)}><bdi>{_breakable(cell)}</bdi></th>'


@lru_cache(_CELLS)
def _number_cell(cell: str) -> str:
    return f"<td{_room(cell, 'idp-number')}>{_held(cell)}</td>"


@lru_cache(_CELLS)
def _text_cell(cell: str) -> str:
    return f"<td{_room(cell)}><bdi>{_breakable(cell)}</bdi></td>"


def _room(cell: str, kind: str = "") -> str:
    """What says how much room a text needs, and of which ``kind`` it is."""
    if len(cell) > _PHRASE:
        room = "idp-wordy" if len(cell) > _WORDY else "idp-phrase"
    else:
        room = "idp-short" if _SHORT.fullmatch(cell) else ""
    names = " ".join(filter(None, (kind, room)))
    return f' class="{names}"' if names else ""


def _breakable(cell: str) -> str:
    """The text of a cell, escaped; a line may end within its long words, behind what joins their parts."""
    return _LONG_WORD.sub(lambda found: _SEAM.sub("<wbr>", found[0]), _text(cell))


def cards(cards: Cards) -> str:
    """The cards of a summary; each leads to the section its number is of."""
    return _rendered("cards.html", summary=cards, anchor=anchor)


def brief(brief: Brief) -> str:
    """The topics of a brief; each statement leads to the section it is taken from."""
    return _rendered("brief.html", brief=brief, anchor=anchor)


def definition(metric: Metric) -> tuple[tuple[str, str], ...]:
    """A metric's definition as (term, text) pairs, in the order they are read."""
    better = {"higher": "higher is better", "lower": "lower is better"}.get(
        metric.better or "", "neither way is better"
    )
    pairs = (
        ("Formula", metric.formula),
        ("Unit", f"{metric.unit}; {better}"),
        ("Counted", metric.population),
        ("Link rule", metric.link_rule or ""),
        ("What is not known", metric.null_policy),
        ("Estimate", f"{metric.estimator.value}, from n = {metric.min_n}. {ESTIMATORS[metric.estimator][0]}"),
        ("Tables", ", ".join(metric.tables)),
        ("Source", metric.source),
        ("Name", metric.name),
    )
    return tuple((term, text) for term, text in pairs if text)


@cache
def _defined(metric: Metric) -> Markup:
    """A metric's definition as HTML; the same on every page."""
    return Markup(_rendered("definition.html", pairs=definition(metric)))  # noqa: S704 through the template


def slug(verdict: Verdict) -> str:
    """The verdict as the end of a CSS class: ``no-detectable-change``."""
    return verdict.value.replace(" ", "-")


def together(text: str) -> Markup:
    """Text, escaped, in which no line ends between a number and its unit."""
    return Markup(_held(text))  # noqa: S704 escaped


@lru_cache(_CELLS)
def _held(text: str) -> str:
    told = _text(text)
    return _WITH_UNIT.sub(_in_one_line, told) if " " in told else told


def _in_one_line(found: re.Match[str]) -> str:
    return f'<span style="white-space:nowrap">{found[0]}</span>'


@lru_cache(_CELLS)
def _text(text: str) -> str:
    """Text, escaped, without direction and control characters."""
    told = clean(text)
    return str(escape(told)) if _ESCAPED.search(told) else told


def prepare() -> None:
    """Compile every template and make what is the same on every page, for all that are forked from this process."""
    for name in _environment().list_templates():
        _environment().get_template(name)
    for metric in CATALOGUE:
        _defined(metric)


def _rendered(template: str, **given: Any) -> str:
    return str(_environment().get_template(template).render(**given)).strip()


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_finalized, auto_reload=False,
    )  # fmt: skip
    environment.globals.update(badge=badge, place=place, warnings=warnings)
    environment.filters["together"] = together
    return environment


def _finalized(value: Any) -> Any:
    """Direction and control characters are taken out of every text; markup made here stays as it is."""
    return clean(value) if type(value) is str else value
