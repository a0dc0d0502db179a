"""The one shape every number comes in, and what a metric is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import polars as pl

from idp_analytics.tables import MONEY

if TYPE_CHECKING:
    from idp_analytics.settings import Settings


class Verdict(StrEnum):
    """What may be said of a number against the period before. A closed list."""

    IMPROVED = "improved"
    WORSENED = "worsened"
    NO_DETECTABLE_CHANGE = "no detectable change"
    INSUFFICIENT_DATA = "insufficient data"
    SUPPRESSED = "suppressed"
    NOT_MEASURED = "not measured"
    NOT_IDENTIFIED = "not identified"


class Estimator(StrEnum):
    """How observations become one number with an interval."""

    RATE = "count per day"
    SHARE = "share"
    DAYS = "share of days"
    WORKING_DAYS = "share of working days"
    EXPOSURE = "count per exposure"
    TIME = "share of time"
    MEDIAN = "median"
    SURVIVAL_MEDIAN = "survival median"
    TOTAL = "total"


COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team | service
    "entity_id": pl.String,
    "every": pl.String,  # 1w | 1mo | 1q
    "period": pl.String,  # "2026-03", "2026-Q1", "2026-W09"
    "period_start": pl.Date,
    "period_end": pl.Date,  # exclusive
    "is_partial": pl.Boolean,  # the as-of time falls inside the period, or the data begin inside it
    "metric": pl.String,
    "detail": pl.String,  # a part of the whole, e.g. why money is unallocated; null: the whole
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,  # of the interval, 0.95
    "n": pl.Int64,  # observations the number rests on; null only where it is withheld
    "k": pl.Int64,  # of them, counted in a share's numerator or seen to end (survival)
    "missing": pl.Int64,  # of the population, not usable
    "censored": pl.Int64,  # still open at the as-of time (survival)
    "unit": pl.String,
    "amount": MONEY,  # exact money, where the metric is money; value is then its float image for charts
    "currency": pl.String,
    "method": pl.String,  # of the interval
    "change": pl.Float64,  # against the period before: difference of shares, ratio otherwise
    "change_low": pl.Float64,
    "change_high": pl.Float64,
    "verdict": pl.String,
    "caution": pl.String,
}
"""The columns of the answer table, in order."""

KEY = ("scope", "entity_id", "every", "period", "metric", "detail", "currency")
"""What identifies one answer."""

CELL = ("scope", "entity_id", "every", "period_start")
"""Where a number stands: whose it is, and in which period of which length. What studies and the pass group by."""

ORG = "org"
"""The ``entity_id`` of the one answer at organisation scope."""


@dataclass(frozen=True)
class Metric:
    """A definition as data: METRICS.md, tooltips and the glossary of every report are made from it.

    ``observations`` takes the tables (lazy) and the settings and gives the observation frame described in
    ARCHITECTURE.md; ``min_n`` is the fewest observations from which a value is printed; ``headline``: stands on
    the index, the cards and the table of teams, where the others have a section of their own.

    ``exposure`` takes the same and gives what a count per exposure is divided by: see :mod:`idp_analytics.metrics.exposure`.
    ``scopes``: at which scopes it means anything; elsewhere it is not measured. ``about_people``: one observation is one
    person, so small groups are withheld (:mod:`idp_analytics.metrics.cohorts`). ``in_clusters``: observations of one service
    on one day go together, so a share's interval rests on fewer than there are.
    """

    name: str
    title: str
    question: str
    formula: str
    unit: str
    better: str | None  # "higher", "lower", None where neither is better in itself
    tables: tuple[str, ...]
    estimator: Estimator
    population: str
    link_rule: str | None
    null_policy: str
    min_n: int
    source: str
    observations: Callable[[Mapping[str, pl.LazyFrame], Settings], pl.LazyFrame]
    headline: bool = False
    exposure: Callable[[Mapping[str, pl.LazyFrame], Settings], pl.LazyFrame] | None = None
    scopes: tuple[str, ...] = ("org", "team", "service")
    about_people: bool = False
    in_clusters: bool = False


OBSERVATION: dict[str, pl.DataType | type[pl.DataType]] = {
    "service_id": pl.String,
    "team_id": pl.String,
    "at": pl.Datetime("us", "UTC"),
    "x": pl.Float64,
    "hit": pl.Boolean,
    "amount": MONEY,
    "currency": pl.String,
    "detail": pl.String,
    "usable": pl.Boolean,
    "source_table": pl.String,
    "source_key": pl.String,
}
"""The columns of a frame of observations."""


def empty() -> pl.DataFrame:
    """An answer table with no rows."""
    return pl.DataFrame(schema=COLUMNS)


def observations(frame: pl.LazyFrame, **given: Any) -> pl.LazyFrame:
    """``frame`` reduced to the observation columns; those it lacks are null, ``usable`` true unless given."""
    have = frame.collect_schema().names()
    fill = {"usable": pl.lit(True), **{k: pl.lit(v) for k, v in given.items()}}
    return frame.select(
        (pl.col(name) if name in have else fill.get(name, pl.lit(None))).cast(dtype).alias(name)
        for name, dtype in OBSERVATION.items()
    )
