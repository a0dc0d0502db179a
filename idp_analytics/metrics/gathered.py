"""What is observed for each metric, as far as answers and studies need it: read and joined once for all of them."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

import polars as pl

from idp_analytics.answers import Estimator, Metric
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.observed import known, seen, within
from idp_analytics.metrics.remembered import Shared, same
from idp_analytics.periods import Period
from idp_analytics.settings import Settings

TIMED = (Estimator.MEDIAN, Estimator.SURVIVAL_MEDIAN)
"""Estimators that need durations one by one."""

_KEY = ("service_id", "team_id", "day", "detail", "source_table")


@dataclass(frozen=True)
class Gathered:
    """Of one metric: ``cube``, its observations counted per service, team, day, detail and source_table (``n`` usable, ``k`` hits, ``missing``; of money also
    per currency, with ``amount``), of which every scope and period is a sum; and where the metric needs them (:data:`TIMED`) its usable ``durations`` one by one:
    ``service_id``, ``team_id``, ``day``, ``x``, ``hit``. Texts are Categoricals, which of so many rows takes a fraction of the memory."""

    cube: pl.DataFrame
    durations: pl.DataFrame | None


class Exchange(Protocol):
    """Where several processes that look at the same tables at the same moment leave frames for each other."""

    @property
    def name(self) -> str:
        """What no other exchange is called."""

    def leave(self, name: str, frame: pl.DataFrame) -> None:
        """Let the others have a frame, if there is room for it."""

    def left(self, name: str) -> pl.DataFrame | None:
        """The frame that somebody left; None: nobody has yet."""


@dataclass(frozen=True)
class Aside:
    """Where the observations behind the answers of ``span`` are put as they are gathered, metric by metric, for who wants them once all are."""

    span: Period
    exchange: Exchange

    def put(self, metric: Metric, rows: pl.DataFrame) -> None:
        """Leave them, if there is room."""
        self.exchange.leave(self._name(metric), rows)

    def taken(self, metric: Metric) -> pl.DataFrame | None:
        """Those of ``metric``; None: nobody has put them there."""
        return self.exchange.left(self._name(metric))

    def _name(self, metric: Metric) -> str:
        return f"{metric.name}.{self.span.label}"


class Gathering:
    """The observations of ``tables`` before ``as_of``, gathered metric by metric.

    What is found is kept for the last tables and settings, as long as those tables are there, so that whoever asks after the answers were made
    (``process_behaviour``, ``nine_in_ten``, ``maturity``, ``impact``) reads and joins nothing again. What was known at an earlier moment
    (``maturity_history``) is not kept beside it. Charges are not either: they are many, and nobody asks twice. Without ``keep`` nothing is. What is kept is also left
    for other processes, and taken from them, where there is an exchange (:func:`exchanged`). With ``aside``, observations are put there of each metric that is
    not about people; then nothing is taken from others, who have only counts.
    """

    def __init__(
        self, tables: Tables, settings: Settings, as_of: datetime, keep: bool = True, aside: Aside | None = None
    ) -> None:
        self.shared = Shared(known(tables, as_of), tables)
        self._settings, self._as_of, self._keep, self._aside = settings, as_of, keep, aside
        self._held = _held(tables, settings, as_of)

    def of(self, metric: Metric) -> Gathered:
        """What is observed for ``metric``."""
        self.shared.next()
        found = self._held.found.get(metric.name)
        if found is None or found[0] is not metric:
            aside = None if metric.about_people else self._aside
            if aside is None and (left := self._held.left(metric)) is not None:
                found = metric, left
            else:
                found = metric, self._gathered(metric, aside)
                self._held.leave(metric, found[1])
            if self._keep and metric.estimator is not Estimator.TOTAL:
                self._held.found[metric.name] = found
        return found[1]

    def rows(self, metric: Metric, span: Period) -> pl.DataFrame:
        """The observations of ``metric`` behind the answers of ``span``."""
        self.shared.next()
        return self._rows(seen(metric, self.shared, self._settings, self._as_of), metric, span).collect()

    def _rows(self, observed: pl.LazyFrame, metric: Metric, span: Period) -> pl.LazyFrame:
        few = pl.col("service_id", "team_id", "currency", "detail", "source_table")
        found = observed.filter(within(metric, span, self._settings)).drop("day")
        return found.with_columns(few.cast(pl.Categorical(self._held.texts)))

    def _gathered(self, metric: Metric, aside: Aside | None) -> Gathered:
        usable, is_total = pl.col("usable"), metric.estimator is Estimator.TOTAL
        counts = {"n": usable, "k": usable & pl.col("hit"), "missing": ~usable}
        small = pl.Int64 if is_total else pl.UInt32
        observed = seen(metric, self.shared, self._settings, self._as_of)
        cube = observed.group_by(*_KEY, *(["currency"] if is_total else [])).agg(
            *(told.sum().cast(small).alias(name) for name, told in counts.items()),
            *([pl.col("amount").sum()] if is_total else []),
        )
        by_number = pl.col(pl.String).cast(pl.Categorical(self._held.texts))
        asked = {"cube": cube.with_columns(by_number)}
        if metric.estimator in TIMED:
            single = observed.filter("usable", pl.col("detail").is_null())
            asked["durations"] = single.select("service_id", "team_id", "day", "x", "hit").with_columns(by_number)
        if aside is not None and not is_total:
            asked["rows"] = self._rows(observed, metric, aside.span)
        found = dict(zip(asked, pl.collect_all(asked.values()), strict=True))
        if aside is not None:
            # All charges at once with all columns take more memory than anything else; those of one period are soon found again.
            aside.put(metric, self._rows(observed, metric, aside.span).collect() if is_total else found["rows"])
        return Gathered(found["cube"], found.get("durations"))


def exchanged(
    tables: Tables, settings: Settings, as_of: datetime, metrics: Sequence[Metric], exchange: Exchange
) -> None:
    """From now on, what is gathered of ``tables`` at this moment for one of these metrics is left in ``exchange``, and taken from there: by every process that
    says so of the same tables, settings and moment."""
    _kept[:] = [_Kept(tables, settings, as_of, {metric.name: metric for metric in metrics}, exchange)]


class _Kept:
    """What was gathered of certain tables; holds none of them alive. ``metrics``: for which there is an ``exchange``, by name."""

    def __init__(
        self, tables: Tables, settings: Settings, as_of: datetime,
        metrics: Mapping[str, Metric] = MappingProxyType({}), exchange: Exchange | None = None,
    ) -> None:  # fmt: skip
        self.found: dict[str, tuple[Metric, Gathered]] = {}
        self.texts = pl.Categories(exchange.name) if exchange else pl.Categories.random()
        self._tables = {name: weakref.ref(table, lambda _: self.found.clear()) for name, table in tables.items()}
        self.as_of, self._settings = as_of, settings
        self._metrics, self._exchange = metrics, exchange

    def left(self, metric: Metric) -> Gathered | None:
        """What another process has gathered for the metric."""
        if self._exchange is None or self._metrics.get(metric.name) is not metric:
            return None
        cube = self._exchange.left(f"{metric.name}.cube")
        durations = self._exchange.left(f"{metric.name}.durations") if metric.estimator in TIMED else None
        if cube is None or (durations is None and metric.estimator in TIMED):
            return None
        return Gathered(cube, durations)

    def leave(self, metric: Metric, gathered: Gathered) -> None:
        """Let other processes have it. Charges are asked for once."""
        if (
            self._exchange is None
            or self._metrics.get(metric.name) is not metric
            or metric.estimator is Estimator.TOTAL
        ):
            return
        self._exchange.leave(f"{metric.name}.cube", gathered.cube)
        if gathered.durations is not None:
            self._exchange.leave(f"{metric.name}.durations", gathered.durations)

    def is_of(self, tables: Tables, settings: Settings) -> bool:
        return self._settings is settings and same(self._tables, tables)


_kept: list[_Kept] = []


def _held(tables: Tables, settings: Settings, as_of: datetime) -> _Kept:
    """What is kept of these tables at this moment; of an earlier one nothing stays."""
    last = _kept[0] if _kept and _kept[0].is_of(tables, settings) else None
    if last is not None and last.as_of == as_of:
        return last
    made = _Kept(tables, settings, as_of)
    if last is None or as_of > last.as_of:
        _kept[:] = [made]
    return made
