"""Rows of facts put into the cells of a study: every scope and every length of period they count in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

import polars as pl

from idp_analytics.metrics.catalogue import by_name
from idp_analytics.metrics.grid import calendar, spans
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.observed import ENTITY
from idp_analytics.periods import Period, floored
from idp_analytics.settings import Settings

EVERY = ("1mo", "1q")
"""The lengths studies are by."""

Spans = Sequence[Period]
"""Which periods a study is asked for: of one length, following one another, oldest first."""


def lengths(spans: Spans | None) -> tuple[str, ...]:
    """The lengths of the periods asked for; None: :data:`EVERY`."""
    return EVERY if spans is None else tuple(dict.fromkeys(span.every for span in spans))


def of_spans(spans: Spans | None) -> pl.Expr:
    """Whether a row (with ``every`` and ``period``) is of a period asked for; None: all are."""
    if spans is None:
        return pl.lit(True)
    return pl.col("every").is_in(lengths(spans)) & pl.col("period").is_in([span.label for span in spans])


def within(spans: Spans | None, day: pl.Expr) -> pl.Expr:
    """Whether a ``day`` lies in a period asked for; None: all do."""
    return pl.lit(True) if spans is None else (day >= spans[0].start) & (day < spans[-1].end)


def charged_within(tables: Tables, spans: Spans | None) -> Tables:
    """``tables`` with the charges of the periods asked for only: whose a charge is, and what is shared of a month, follow from that month alone."""
    return {**tables, "costs": tables["costs"].filter(within(spans, pl.col("period_start").dt.date()))}


def known_by(frame: pl.LazyFrame, settings: Settings, as_of: datetime) -> pl.LazyFrame:
    """``frame`` without what happened at or after ``as_of``, with ``day``: the day of ``at`` where the organisation is."""
    now = pl.lit(as_of.astimezone(UTC)).cast(pl.Datetime("us", "UTC"))
    return frame.filter(pl.col("at") < now).with_columns(
        pl.col("at").dt.convert_time_zone(settings.time_zone).dt.date().alias("day")
    )


def placed(
    frame: pl.DataFrame, settings: Settings, scopes: Sequence[str], every: Sequence[str] = EVERY, spans: Spans | None = None
) -> pl.DataFrame:  # fmt: skip
    """``frame`` (with ``service_id``, ``team_id``, ``day``) once per scope and length, with the columns of :data:`CELL`; of ``spans`` alone, where
    they are given instead of ``every``.

    What is nobody's at a scope is left out there.
    """
    week_start = settings.calendar.first_weekday
    if spans is not None:
        frame, every = frame.filter(within(spans, pl.col("day"))), lengths(spans)
    return pl.concat(
        frame.with_columns(
            pl.lit(scope).alias("scope"), ENTITY[scope].alias("entity_id"), pl.lit(length).alias("every"),
            floored(pl.col("day"), length, week_start).alias("period_start"),
        ).filter(pl.col("entity_id").is_not_null())
        for scope in scopes
        for length in every
    )  # fmt: skip


def periods_of(
    metric: str, tables: Tables, settings: Settings, as_of: datetime, first: date | None, every: Sequence[str] = EVERY,
    of: Spans | None = None,
) -> pl.DataFrame:  # fmt: skip
    """The periods of ``metric`` that are measured (:func:`grid.calendar`): ``every``, ``period``, ``period_start``,
    ``period_end``, ``is_partial``, ``days``, ``covered_from``, ``covered_to``; ``first``: the day of its first observation. ``of``: of those alone."""
    chosen = by_name(metric)
    held = spans(tables, chosen.tables, as_of)
    grid = calendar(chosen, settings, as_of, held, first, every if of is None else lengths(of))
    return grid.filter("is_measured", of_spans(of)).select(
        "every", "period", "period_start", "period_end", "is_partial", "days", "covered_from", "covered_to"
    )
