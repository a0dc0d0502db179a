"""What a chart is: a Vega-Lite drawing with its data inside and a sentence that says what is to be seen."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics.charts.wording import clean

MIME = "application/vnd.vegalite.v5+json"
"""What JupyterLab 4 draws with no network, whatever the ``$schema`` says; newer names it does not know."""

TEMPLATES = Path(__file__).with_name("templates.json")
"""The drawings without data, written by ``charts.templates`` with Altair; a report need not wait for Altair."""


@dataclass(frozen=True, repr=False)
class Chart:
    """One chart. ``spec`` is Vega-Lite, complete with data; ``description`` is computed from the data and is its alt text."""

    spec: Mapping[str, Any]
    title: str
    description: str

    def altair(self) -> Any:
        """The same as an Altair chart, to change: ``chart.altair().properties(height=400)``."""
        import altair

        return altair.Chart.from_dict(copy.deepcopy(dict(self.spec)))

    @property
    def bundle(self) -> Mapping[str, Any]:
        """What it is shown as, for reading only: copies of all charts of a report take longer than drawing them."""
        return {MIME: self.spec, "text/plain": repr(self)}

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return copy.deepcopy(dict(self.bundle))

    def __repr__(self) -> str:
        return f"{self.title}: {self.description}"


def drawn(
    template: str,
    datasets: Mapping[str, pl.DataFrame],
    title: str,
    description: str,
    height: int | None = None,
    **words: str | list[str],
) -> Chart:
    """The named template with data and words filled in.

    ``words`` replace the ``{name}`` placeholders of the template; each dataset becomes a list of rows, in the order given,
    nulls kept as null, floats to six significant digits, text cleaned. ``height`` (pixels) is for drawings whose rows are
    counted here: a template that gives it in steps would lose the width of the page.
    """
    title, description = clean(title), clean(description)
    spec = _filled(_templates()[template], words)
    spec["datasets"] = {name: _rows(frame) for name, frame in datasets.items()}
    if height is not None:
        spec["height"] = height
    return Chart({**spec, "title": {"text": title, "anchor": "start"}, "description": description}, title, description)


def prepare() -> None:
    """Read the drawings, for all that are forked from this process."""
    _templates()


@cache
def _templates() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(TEMPLATES.read_text(encoding="utf-8"))
    return found


def _filled(part: Any, words: Mapping[str, str | list[str]]) -> Any:
    """A copy of ``part`` in which each string that is a placeholder is replaced; a list of words takes its list's place."""
    if isinstance(part, Mapping):
        return {key: _filled(value, words) for key, value in part.items()}
    if isinstance(part, list):
        if len(part) == 1 and isinstance(words.get(_name(part[0])), list):
            return list(words[_name(part[0])])
        return [_filled(value, words) for value in part]
    return words[_name(part)] if _name(part) else part


def _name(part: Any) -> str:
    """The name in a placeholder; empty for anything else."""
    return part[1:-1] if isinstance(part, str) and part.startswith("{") and part.endswith("}") else ""


def _rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return [{name: _plain(value) for name, value in row.items()} for row in frame.iter_rows(named=True)]


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    return clean(value) if isinstance(value, str) else value
