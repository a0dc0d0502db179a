"""What a report is made of: answered questions, as values that show themselves in JupyterLab and on a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from idp_analytics.answers import Metric, Verdict
from idp_analytics.charts import Chart
from idp_analytics.report import html


def plain(text: str) -> str:
    """Text for a console, which obeys some characters: it keeps what can be seen, ends of lines and tabs."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(c for c in text if c in "\n\t" or c.isprintable())


@dataclass(frozen=True)
class Table:
    """A table for reading: of each column its cells, which are text already. ``numbers`` names the columns that are aligned as numbers.

    ``left_out`` rows are not shown; the caption says so, and in which file beside the page the ``whole`` stands, if in any.
    """

    caption: str
    columns: Mapping[str, Sequence[str]]
    numbers: tuple[str, ...] = ()
    left_out: int = 0
    whole: str = ""

    @property
    def height(self) -> int:
        """How many rows there are."""
        return len(next(iter(self.columns.values()), ()))

    @cached_property
    def frame(self) -> pl.DataFrame:
        """The same to work with; a page needs none."""
        return pl.DataFrame(dict(self.columns), schema=dict.fromkeys(self.columns, pl.String))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": str(html.table(self)), "text/plain": plain(f"{self.caption}\n{self.frame}")}


@dataclass(frozen=True, repr=False)
class Section:
    """One answered question: the sentence, the picture, the numbers behind both, and the way back to the rows.

    ``answer`` and ``cautions`` are computed sentences; ``trace`` is the command that lists the rows behind the answer, or
    that and the file in which they lie (:class:`.trace.Trace`); ``metrics`` are the definitions to print; ``opened`` shows the tables at once instead of behind a fold; ``parts`` are shown
    below it, one after the other. The question itself is not shown again: in a notebook it is the heading above the call.
    """

    question: str
    answer: str
    chart: Chart | None = None
    tables: tuple[Table, ...] = ()
    cautions: tuple[str, ...] = ()
    trace: str = ""
    verdict: Verdict | None = None
    metrics: tuple[Metric, ...] = ()
    opened: bool = False
    parts: tuple[Section, ...] = ()

    @property
    def table(self) -> Table | None:
        """The first table, which has the numbers of the chart."""
        return self.tables[0] if self.tables else None

    @property
    def metric(self) -> str | None:
        """The name of the metric that is answered, where it is just one."""
        return self.metrics[0].name if len(self.metrics) == 1 else None

    def outputs(self) -> tuple[Mapping[str, Any], ...]:
        """What is shown, in order, as MIME bundles for reading only: the answer, the chart if there is one, what is behind them."""
        return self._outputs

    @cached_property
    def _outputs(self) -> tuple[Mapping[str, Any], ...]:
        """Made once: a section that all teams have is shown in the report of each."""
        first = {"text/html": html.answer(self), "text/plain": repr(self)}
        drawn = (self.chart.bundle,) if self.chart else ()
        behind = html.behind(self)
        last = ({"text/html": behind, "text/plain": plain(self.trace or self.question)},) if behind else ()
        return (first, *drawn, *last, *(bundle for part in self.parts for bundle in part.outputs()))

    def _ipython_display_(self) -> None:
        from IPython.display import display

        for bundle in self.outputs():
            display(bundle, raw=True)  # type: ignore[no-untyped-call]

    def __repr__(self) -> str:
        return plain("\n".join([self.question, self.answer, *self.cautions, *map(repr, self.parts)]))


@dataclass(frozen=True)
class Card:
    """One number at a glance: what, how much, how sure, against the period before, and the question whose section has what is behind it."""

    title: str
    value: str
    bounds: str
    basis: str
    verdict: Verdict | None
    note: str
    meaning: str
    question: str = ""


@dataclass(frozen=True)
class Statement:
    """A computed sentence or a few, and the question whose section has the numbers, the definition and the rows behind it; ``trace``: the rows themselves."""

    text: str
    question: str
    verdict: Verdict | None = None
    trace: str = ""


@dataclass(frozen=True, repr=False)
class Brief:
    """What somebody must know who has three minutes: topics, each with its statements. Topics without one are left out."""

    topics: Mapping[str, tuple[Statement, ...]]
    note: str = ""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": html.brief(self), "text/plain": repr(self)}

    def __repr__(self) -> str:
        return plain(
            "\n".join(f"{title} {said.text}" for title, told in self.topics.items() for said in told) + f"\n{self.note}"
        )


@dataclass(frozen=True, repr=False)
class Cards:
    """The key numbers side by side, under a line that says of whom and when."""

    heading: str
    cards: tuple[Card, ...]
    cautions: tuple[str, ...] = ()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": html.cards(self), "text/plain": repr(self)}

    def __repr__(self) -> str:
        lines = (f"{c.title}: {c.value} ({c.bounds}; {c.basis}) {c.verdict or ''}".rstrip() for c in self.cards)
        return plain("\n".join([self.heading, *lines, *self.cautions]))
