"""What a study is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import polars as pl

from idp_analytics.metrics.cells import EVERY, of_spans
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.studies.people import People
from idp_analytics.periods import SHOWN, Period, course, parse
from idp_analytics.settings import Settings


class Shown(StrEnum):
    """What of a study the report of a period shows."""

    WHOLE = "all rows"
    COURSE = "rows of the period and of those before it that a chart goes back"
    PERIOD = "rows of the period alone"


@dataclass(frozen=True)
class Study:
    """One study. ``compute(tables, settings, as_of)`` takes what :func:`idp_analytics.metrics.compute` takes.

    ``doc`` says what one row of the frame is, ``people`` how they are protected in it, ``shown`` what of it the report of a period shows. The frame
    begins with ``scope`` and ``entity_id`` and is in a fixed order; one of which not all is shown has ``every`` and ``period``. ``narrows``: ``compute``
    also takes ``spans``, the periods asked for (:data:`idp_analytics.metrics.cells.Spans`), and makes the rows of those alone, which are the same as among all.
    """

    name: str
    doc: str
    compute: Callable[..., pl.DataFrame]
    people: People
    shown: Shown = Shown.WHOLE
    narrows: bool = False

    def rows(self, tables: Tables, settings: Settings, as_of: datetime, period: str = "") -> pl.DataFrame:
        """The study; with ``period`` (a label) what of it the report of that period shows, in the same order.

        Raises :class:`ReportError` for what is no period.
        """
        if not period or self.shown is Shown.WHOLE:
            return self.compute(tables, settings, as_of)
        spans = self.spans(parse(period))
        if self.narrows:
            # No study is by week; of a week there is nothing to show, and any month makes the columns of that.
            asked = spans if spans[0].every in EVERY else (parse(f"{spans[-1].start:%Y-%m}"),)
            return self.compute(tables, settings, as_of, spans=asked).filter(of_spans(spans))
        return self.compute(tables, settings, as_of).filter(of_spans(spans))

    def spans(self, period: Period) -> tuple[Period, ...]:
        """The periods whose rows the report of ``period`` shows, oldest first."""
        return course(period, SHOWN[period.every]) if self.shown is Shown.COURSE else (period,)
