"""Study ``cost_anomalies``: days that cost much more or less than the weeks before them, whose they are, and what drove them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.estimates.adding import added
from idp_analytics.estimates.unusual import LEVEL, Unusual, unusual
from idp_analytics.metrics.allocation.charges import charged_before, placed
from idp_analytics.metrics.allocation.gather import merged
from idp_analytics.metrics.cells import Spans, lengths, within
from idp_analytics.metrics.cost_lines import Schema, measured
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings
from idp_analytics.tables import MONEY

SETTLING = 5
"""The last days before the as-of time that are left out: their charges are still coming in."""

FALSE_DISCOVERIES = 0.05
"""Of the alarms raised in a run, the share expected to be false at most (Benjamini & Hochberg 1995)."""

COLUMNS: Schema = {
    "scope": pl.String,
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,  # in which the anomaly begins
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "currency": pl.String,
    "tested": pl.Int64,  # days of the period that could be tested
    "daily": MONEY,  # cost of the entity in the period that is charged by the day; only there anomalies can be seen
    "amount": MONEY,  # all its cost owned directly; with an anomaly: what its days cost
    "first_on": pl.Date,  # null: the row of the whole period, one per entity, period and currency
    "last_on": pl.Date,
    "days": pl.Int64,
    "expected": pl.Float64,  # what its days would have cost
    "beyond": pl.Float64,  # amount − expected
    "p": pl.Float64,  # of its most unusual day
    "service_id": pl.String,  # the line that was furthest beyond its own weeks before, as are the next three
    "component": pl.String,
    "sku": pl.String,
    "line_beyond": pl.Float64,
}
"""The columns of the study, in order."""

_SERIES = ["scope", "entity_id", "currency"]
_LINE = ["service_id", "component", "sku"]


def cost_anomalies(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """Anomalies of every team's own and the organisation's whole cost, by month and quarter (columns :data:`COLUMNS`).

    Looked at are charges that last a day at most, of days that are over by :data:`SETTLING` days; days on which the bill holds no such
    charge at all are not known. Days in a row that are off to the same side are one anomaly. How a day is found unusual, and
    how false alarms are held down: :mod:`idp_analytics.estimates.unusual`; that looks at all days, whatever periods are asked for.
    """
    tables = charged_before(tables, as_of)
    charges = _charges(tables, settings, ())
    if charges.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    periods = measured(tables, settings, as_of, charges.with_columns(pl.col("day").alias("month")))
    last = as_of.astimezone(UTC).date() - timedelta(days=SETTLING + 1)
    daily = charges.filter("is_daily", pl.col("day") <= last)
    days = _Days.of(daily) if daily.height else None
    told = list(_wholes(charges.filter(within(spans, pl.col("day"))), days, lengths(spans)))
    episodes = days.episodes().filter(within(spans, pl.col("first_on"))) if days else pl.DataFrame()
    if episodes.height:
        told += _told(episodes, daily, _lines(episodes, tables, settings), lengths(spans))
    shape = pl.DataFrame(
        schema={name: dtype for name, dtype in COLUMNS.items() if name not in ("period", "is_partial")}
    )
    found_rows: pl.DataFrame = (
        pl.concat([shape, *told], how="diagonal_relaxed")
        .join(periods, on=["every", "period_start"])
        .sort("scope", "entity_id", "every", "period_start", "currency", "first_on", nulls_last=False)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )
    return found_rows


def _charges(tables: Tables, settings: Settings, line: Sequence[str]) -> pl.DataFrame:
    """Cost per entity, day and ``line``: of a team what it owns directly, of the organisation the whole bill."""
    day = pl.col("period_start").dt.date().alias("day")
    lasts = (pl.col("period_end") - pl.col("period_start")) <= pl.duration(days=1)
    keep: tuple[str | pl.Expr, ...] = (*line, lasts.fill_null(False).alias("is_daily"))
    sums = (
        placed(merged(tables, settings, keep, [pl.col("amount").sum()]), settings)
        .group_by("team_id", "currency", *line, day, "is_daily")
        .agg(pl.col("amount").sum())
        .collect()
    )
    whole = sums.group_by("currency", *line, "day", "is_daily").agg(pl.col("amount").sum())
    org = whole.with_columns(pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id"))
    teams = (
        sums.filter(pl.col("team_id").is_not_null())
        .rename({"team_id": "entity_id"})
        .with_columns(pl.lit("team").alias("scope"))
    )
    columns = [*_SERIES, *line, "day", "is_daily", "amount"]
    return pl.concat([org.select(columns), teams.select(columns)])


def _lines(episodes: pl.DataFrame, tables: Tables, settings: Settings) -> pl.DataFrame:
    """By line what the entities of anomalies were charged by the day, from the weeks before the first of them to the end of the last."""
    first, last = episodes.select(pl.col("first_on").min().dt.offset_by(f"-{LEVEL}d"), pl.col("last_on").max()).row(0)
    charged = tables["costs"].filter(pl.col("period_start").dt.date().is_between(first, last))
    lines = _charges({**tables, "costs": charged}, settings, _LINE).filter("is_daily")
    return lines.join(episodes.select(_SERIES).unique(), on=_SERIES, how="semi")


@dataclass(frozen=True)
class _Days:
    """All days of all series, in order of both, one row of numbers per series."""

    series: pl.DataFrame
    days: pl.Series
    values: npt.NDArray[np.float64]
    found: Unusual

    @classmethod
    def of(cls, daily: pl.DataFrame) -> _Days:
        """The cost of each day; nan before a series begins and where the bill has no day."""
        series = daily.select(_SERIES).unique().sort(_SERIES)
        first: date = daily["day"].min()  # type: ignore[assignment]
        last: date = daily["day"].max()  # type: ignore[assignment]
        days = pl.date_range(first, last, eager=True).alias("day")
        amounts = daily.join(series.with_row_index("_series"), on=_SERIES)
        row, column = amounts["_series"].to_numpy(), (amounts["day"] - first).dt.total_days().to_numpy()
        values = np.full((series.height, days.len()), np.nan)
        values[row, column] = amounts["amount"].cast(pl.Float64).to_numpy()
        begun = np.logical_or.accumulate(np.isfinite(values), axis=1)
        for _, currency in series.with_row_index("_series").group_by("currency"):
            of = currency["_series"].to_numpy()
            billed = np.isfinite(values[of]).any(axis=0)
            values[of] = np.where(begun[of] & billed & np.isnan(values[of]), 0.0, values[of])
        return cls(series, days, values, unusual(values, FALSE_DISCOVERIES))

    def tested(self, length: str) -> pl.DataFrame:
        """How many days of each series could be ``tested`` in each period with any."""
        starts = self.days.dt.truncate(length)
        first = np.flatnonzero((starts != starts.shift()).fill_null(True).to_numpy())
        many = np.add.reduceat(np.isfinite(self.found.p), first, axis=1, dtype=np.int64)
        row, column = np.nonzero(many)
        return self.series[row].with_columns(
            starts.gather(first).gather(column).alias("period_start"), pl.Series("tested", many[row, column])
        )

    def episodes(self) -> pl.DataFrame:
        """Alarms in a row to one side as one anomaly: ``episode``, a number, ``first_on``, ``last_on``, ``days``, ``expected``, ``p``."""
        row, column = np.nonzero(self.found.alarm)
        values, expected = self.values[row, column], self.found.expected[row, column]
        breaks = (np.diff(row) != 0) | (np.diff(column) != 1) | (np.diff(values > expected))
        alarms = self.series[row].with_columns(
            self.days.gather(column), pl.Series("expected", expected), pl.Series("p", self.found.p[row, column]),
            pl.Series("episode", np.cumsum(np.concatenate([[1] if len(row) else [], breaks]))),
        )  # fmt: skip
        return (
            alarms.group_by("episode", *_SERIES)
            .agg(
                pl.col("day").min().alias("first_on"), pl.col("day").max().alias("last_on"), pl.len().cast(pl.Int64).alias("days"),
                added(pl.col("expected")), pl.col("p").min(),
            )
            .sort("episode")
        )  # fmt: skip


def _wholes(charges: pl.DataFrame, days: _Days | None, every: Sequence[str]) -> Iterator[pl.DataFrame]:
    for length in every:
        start = pl.col("day").dt.truncate(length).alias("period_start")
        cost = charges.group_by(*_SERIES, start).agg(
            pl.col("amount").sum(), pl.col("amount").filter("is_daily").sum().alias("daily")
        )
        if days:
            cost = cost.join(days.tested(length), on=[*_SERIES, "period_start"], how="left")
        else:
            cost = cost.with_columns(pl.lit(0, pl.Int64).alias("tested"))
        yield cost.with_columns(pl.col("tested").fill_null(0), pl.lit(length).alias("every"))


def _told(
    episodes: pl.DataFrame, daily: pl.DataFrame, lines: pl.DataFrame, every: Sequence[str]
) -> Iterator[pl.DataFrame]:
    """Each anomaly with what its days cost, and the line that was furthest beyond its own weeks before."""
    amounts = _within(episodes, daily, 0).group_by("episode").agg(pl.col("amount").sum())
    episodes = episodes.join(amounts, on="episode").join(_drivers(episodes, lines), on="episode", how="left")
    beyond = (pl.col("amount").cast(pl.Float64) - pl.col("expected")).alias("beyond")
    for length in every:
        yield episodes.drop("episode").with_columns(
            beyond, pl.col("first_on").dt.truncate(length).alias("period_start"), pl.lit(length).alias("every")
        )


def _within(episodes: pl.DataFrame, daily: pl.DataFrame, before: int) -> pl.DataFrame:
    """The charges of each anomaly's days, and of ``before`` days before it."""
    since = pl.col("first_on").dt.offset_by(f"-{before}d")
    spans = episodes.select("episode", *_SERIES, since.alias("since"), "first_on", "last_on", "days")
    return daily.join(spans, on=_SERIES).filter(pl.col("day") >= pl.col("since"), pl.col("day") <= pl.col("last_on"))


def _drivers(episodes: pl.DataFrame, of_lines: pl.DataFrame) -> pl.DataFrame:
    """Per anomaly the line furthest beyond the median of its :data:`LEVEL` days before; a day without a charge is 0."""
    lines = _within(episodes, of_lines, LEVEL).group_by("episode", *_LINE, "day", "first_on", "days").agg(
        pl.col("amount").sum().cast(pl.Float64)
    )  # fmt: skip
    during, usual = pl.col("day") >= pl.col("first_on"), pl.col("day") < pl.col("first_on")
    padded = pl.concat_list(
        pl.col("usual"), pl.lit(0.0).repeat_by(pl.max_horizontal(LEVEL - pl.col("usual").list.len().cast(pl.Int64), 0))
    )
    return (
        lines.group_by("episode", *_LINE, "days")
        .agg(added(pl.col("amount").filter(during)).alias("came"), pl.col("amount").filter(usual).alias("usual"))
        .with_columns((pl.col("came") - padded.list.median() * pl.col("days")).alias("line_beyond"))
        .sort("episode", pl.col("line_beyond").abs(), *_LINE, descending=[False, True, False, False, False])
        .unique("episode", keep="first", maintain_order=True)
        .select("episode", *_LINE, "line_beyond")
    )
