"""What a chart is: a Vega-Lite drawing with its data inside and a sentence that says what is to be seen."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from idp_analytics.charts.wording import clean

MIME = "application/vnd.vegalite.v5+json"
"""What JupyterLab 4 draws with no network, whatever the ``$schema`` says; newer names it does not know."""

TEMPLATES = Path(__file__).with_name("templates.json")
"""The drawings without data, written by ``charts.templates`` with Altair; a report need not wait for Altair."""

STEPS = 200
"""How many steps of a curve are drawn at most: more than a page has room to tell apart."""

_ALIKE = frozenset({str, int, bool, type(None)})
"""Values that everybody writes alike, whatever they are."""


class Drawing(dict[str, Any]):
    """Vega-Lite whose numbers everybody writes alike as JSON: finite, and neither so small nor so large that some write an exponent."""


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
    datasets: Mapping[str, pl.DataFrame | Sequence[Mapping[str, Any]]],
    title: str,
    description: str,
    height: int | None = None,
    **words: str | list[str],
) -> Chart:
    """The named template with data and words filled in.

    ``words`` replace the ``{name}`` placeholders of the template; each dataset (a frame, or rows that all have the same names) becomes a list of rows, in the order given,
    nulls kept as null, floats to six significant digits, text cleaned. ``height`` (pixels) is for drawings whose rows are
    counted here: a template that gives it in steps would lose the width of the page.
    """
    title, description = clean(title), clean(description)
    spec = _templates()[template].filled(words)
    spec["datasets"] = {name: _rows(frame) for name, frame in datasets.items()}
    if height is not None:
        spec["height"] = height
    spec |= {"title": {"text": title, "anchor": "start"}, "description": description}
    return Chart(Drawing(spec) if _are_alike(spec["datasets"]) else spec, title, description)


def thinned(curves: pl.DataFrame, of: str, day: str = "day") -> pl.DataFrame:
    """Steps of curves, ``of`` telling them apart, at most :data:`STEPS` of each that lie evenly: of those in one and the same part of
    all days the last, which is where the next part begins; and the first of all."""
    if curves.height <= STEPS:
        return curves
    width = pl.col(day).max().over(of).clip(1) / (STEPS - 1)
    is_last = pl.col(day) == pl.col(day).max().over(of, (pl.col(day) / width).ceil())
    is_first = pl.col(day) == pl.col(day).min().over(of)
    return curves.filter((pl.len().over(of) <= STEPS) | is_last | is_first)


def prepare() -> None:
    """Read the drawings, for all that are forked from this process."""
    _templates()


@cache
def _templates() -> Mapping[str, _Template]:
    found: dict[str, dict[str, Any]] = json.loads(TEMPLATES.read_text(encoding="utf-8"))
    return {name: _Template(spec, tuple(_places(spec))) for name, spec in found.items()}


class _Template(NamedTuple):
    """A drawing, and where in it placeholders stand: the way there, and the name in each."""

    spec: Mapping[str, Any]
    places: tuple[tuple[tuple[str | int, ...], str], ...]

    def filled(self, words: Mapping[str, str | list[str]]) -> dict[str, Any]:
        """The drawing with each placeholder replaced, and all else shared; a list of words takes the place of the list in which one stands alone."""
        spec = dict(self.spec)
        copied: dict[tuple[str | int, ...], Any] = {(): spec}
        for way, name in self.places:
            for end in range(1, len(way)):
                if way[:end] not in copied:
                    above, step = copied[way[: end - 1]], way[end - 1]
                    above[step] = copied[way[:end]] = copy.copy(above[step])
            part, word = copied[way[:-1]], words[name]
            if isinstance(part, list) and isinstance(word, list):
                part[:] = word
            else:
                part[way[-1]] = word
        return spec


def _places(part: Any, way: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Where placeholders stand in ``part``."""
    if isinstance(part, (dict, list)):
        for step, value in part.items() if isinstance(part, dict) else enumerate(part):
            yield from _places(value, (*way, step))
    elif isinstance(part, str) and part.startswith("{") and part.endswith("}"):
        yield way, part[1:-1]


def _rows(frame: pl.DataFrame | Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    if not isinstance(frame, pl.DataFrame):
        return [{name: _plain_value(value) for name, value in row.items()} for row in frame]
    columns = {name: _plain(frame[name]) for name in frame.columns}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _are_alike(datasets: Mapping[str, list[dict[str, Any]]]) -> bool:
    """Whether everybody writes all their values alike."""
    return all(
        1e-4 <= abs(value) < 1e16 or value == 0 if type(value) is float else type(value) in _ALIKE
        for rows in datasets.values()
        for row in rows
        for value in row.values()
    )


def _plain_value(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    return value and clean(value) if isinstance(value, str) else value


def _plain(column: pl.Series) -> list[Any]:
    values = column.to_list()
    if column.dtype.is_float():
        return [None if value is None else float(f"{value:.6g}") for value in values]
    return [value and clean(value) for value in values] if column.dtype == pl.String else values
