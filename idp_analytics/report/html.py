"""Sections as HTML. Everything that comes from data goes through one autoescaping environment."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from idp_analytics.answers import Metric, Verdict
from idp_analytics.charts.wording import clean
from idp_analytics.metrics.definitions import ESTIMATORS
from idp_analytics.paths import anchor
from idp_analytics.report.words import VERDICTS

if TYPE_CHECKING:
    from jinja2 import Environment

    from idp_analytics.report.section import Brief, Cards, Section, Table

_WITH_UNIT = re.compile(r"[−+]?\d[\d.,–]* (?:%|h|min|days|per day)(?!\w)|\b[A-Z]{3} −?\d[\d,]*\.\d\d\b")

FOLDER = Path(__file__).with_name("templates")


def answer(section: Section) -> str:
    """The answer with its verdict and cautions."""
    return _rendered("answer.html", section=section)


def behind(section: Section) -> str:
    """Tables, trace and definitions; empty where the section has none."""
    if not (section.tables or section.trace or section.metrics):
        return ""
    return _rendered("behind.html", section=section, definition=definition)


def table(table: Table) -> str:
    """One table with its caption."""
    return _rendered("table.html", table=table)


def cards(cards: Cards) -> str:
    """The cards of a summary."""
    return _rendered("cards.html", summary=cards)


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


def slug(verdict: Verdict) -> str:
    """The verdict as the end of a CSS class: ``no-detectable-change``."""
    return verdict.value.replace(" ", "-")


def together(text: str) -> Markup:
    """Text, escaped, in which no line ends between a number and its unit."""
    return Markup(_WITH_UNIT.sub(r'<span style="white-space:nowrap">\g<0></span>', str(escape(clean(text)))))  # noqa: S704


def prepare() -> None:
    """Compile every template, for all that are forked from this process."""
    for name in _environment().list_templates():
        _environment().get_template(name)


def _rendered(template: str, **given: Any) -> str:
    return str(_environment().get_template(template).render(**given)).strip()


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_finalized,
    )  # fmt: skip
    environment.globals["verdicts"] = VERDICTS
    environment.filters.update(slug=slug, together=together)
    return environment


def _finalized(value: Any) -> Any:
    """Direction and control characters are taken out of every text; markup made here stays as it is."""
    return clean(value) if type(value) is str else value
