"""Study ``lead_time_ledger``: the lead time of all changes together, split into stages that add up to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import polars as pl
import polars.selectors as cs
from scipy.stats import t as student

from idp_analytics.answers import CELL
from idp_analytics.estimates.adding import added
from idp_analytics.metrics.cells import Spans, known_by, periods_of, placed, within
from idp_analytics.metrics.lead_time import NOT_SPLIT, STAGES, brought, in_stages, parted
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings

TOTAL = "total"
PARTS = (TOTAL, *STAGES, NOT_SPLIT)
"""In the order reports show them: the whole, then what adds up to it."""

FEWEST = 20
"""Changes from which a share has an interval. Lead times are skewed: simulated with log-normal stages (sigma 1 to 1.4), one of
95 % held the truth in 90 to 92 % with 20 changes and in 93 to 95 % with 200; with 6 in 87 to 91 %, too few to be called so."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "part": pl.String,  # total | coding | pickup | review | delivery | not split
    "reason": pl.String,  # of what is not split: why; null: all of the part
    "n": pl.Int64,  # changes with a lead time of which the part is told
    "hours": pl.Float64,  # of them all
    "share": pl.Float64,  # of the hours of the total
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
    "backwards": pl.Int64,  # changes whose two times of this stage run backwards; of the total: which have none for that
    "missing": pl.Int64,  # of the total: changes without a lead time, backwards ones included
}
"""The columns of the study, in order."""

_HOUR = 3_600_000_000
_WHOSE = ["service_id", "team_id", "day"]


def lead_time_ledger(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """Hours of lead time per stage, for the organisation, each team and service with a change, by month and quarter.

    One row per part, and one per reason of what is not split (:data:`COLUMNS`). Changes as for ``change_lead_time``. The
    hours of the stages and of what is not split add up to those of the total, change by change and so in every cell. A share
    is a ratio of two sums over changes; its interval rests on the variance of a ratio (Cochran 1977, 6.4) on the logit scale
    with Student's t, from :data:`FEWEST` changes on. It takes changes as independent: where many come with one deployment it is too narrow.
    """
    counted, _ = parted(brought(tables, settings).lazy(), settings)
    dated = known_by(counted.with_columns(pl.col("deployed_at").alias("at")), settings, as_of)
    dated = dated.with_columns(pl.col("day").dt.truncate("1mo"))
    first: date | None = dated.select(pl.col("day").min()).collect().item()
    # Only what is asked for is split into stages.
    months = in_stages(dated.filter(within(spans, pl.col("day"))), settings)
    lengths = {TOTAL: pl.col("total"), **{stage: pl.col(stage) for stage in STAGES}, NOT_SPLIT: pl.col("not_split")}
    whole = pl.col("total").is_not_null()
    hours = {part: (length.dt.total_microseconds() / _HOUR).fill_null(0.0) for part, length in lengths.items()}
    months = months.with_columns(reason=pl.when(whole).then("reason"))
    sums = months.group_by(_WHOSE).agg(
        *(length.filter(whole).dt.total_microseconds().sum().alias(f"{part}:us") for part, length in lengths.items()),
        *((whole & (length.is_not_null() if part != NOT_SPLIT else pl.col("reason").is_not_null())).sum().alias(f"{part}:n")
          for part, length in lengths.items()),
        *(added((hours[part] ** 2).filter(whole)).alias(f"{part}:squares") for part in PARTS),
        *(added((hours[part] * hours[TOTAL]).filter(whole)).alias(f"{part}:products") for part in PARTS),
        *((pl.col(f"raw_{part}") < pl.duration()).sum().alias(f"{part}:backwards") for part in (TOTAL, *STAGES)),
        (~whole).sum().alias("missing"),
    )  # fmt: skip
    reasons = (
        months.filter(pl.col("reason").is_not_null())
        .group_by(*_WHOSE, "reason")
        .agg(pl.col("not_split").dt.total_microseconds().sum().alias("us"), pl.len().cast(pl.Int64).alias("n"))
    )
    found, why = pl.collect_all([sums, reasons])
    if found.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    measured = periods_of("change_lead_time", tables, settings, as_of, first, of=spans)
    cells = _summed(placed(found, settings, _SCOPES, spans=spans), CELL)
    parts = pl.concat(_part(cells, part) for part in PARTS)
    of_why = _summed(placed(why, settings, _SCOPES, spans=spans), (*CELL, "reason")).with_columns(
        pl.lit(NOT_SPLIT).alias("part")
    )
    totals = cells.select(*CELL, pl.col(f"{TOTAL}:us").alias("whole_us"))
    rows = (
        pl.concat([parts, of_why], how="diagonal")
        .join(totals, on=list(CELL))
        .join(measured.drop("period_end", "days"), on=["every", "period_start"])
        .with_columns(
            (pl.col("us") / _HOUR).alias("hours"),
            pl.when(pl.col("whole_us") > 0).then(pl.col("us") / pl.col("whole_us")).alias("share"),
            pl.lit(settings.rules.level).alias("level"),
        )
    )
    return (
        rows.with_columns(*_interval(rows["changes"], settings.rules.level))
        .sort(*CELL, pl.col("part").cast(pl.Enum(PARTS)), pl.col("reason").is_not_null(), pl.col("n").neg(), "reason")
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


_SCOPES = ("org", "team", "service")


def _summed(frame: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    numbers = [name for name in frame.columns if name not in (*key, "service_id", "team_id", "day")]
    whole = frame.with_columns(cs.unsigned_integer().cast(pl.Int64))
    fractions = [name for name in numbers if whole.schema[name].is_float()]
    return whole.group_by(list(key)).agg(
        pl.col([name for name in numbers if name not in fractions]).sum(), *(added(pl.col(name)) for name in fractions)
    )


def _part(cells: pl.DataFrame, part: str) -> pl.DataFrame:
    named = {name: f"{part}:{name}" for name in ("us", "n", "squares", "products")}
    backwards = pl.col(f"{part}:backwards") if part != NOT_SPLIT else pl.lit(None)
    return cells.select(
        *CELL,
        pl.lit(part).alias("part"),
        pl.lit(None, pl.String).alias("reason"),
        *(pl.col(there).alias(name) for name, there in named.items()),
        pl.col(f"{TOTAL}:squares").alias("whole_squares"),
        pl.col(f"{TOTAL}:n").alias("changes"),
        backwards.cast(pl.Int64).alias("backwards"),
        (pl.col("missing") if part == TOTAL else pl.lit(None)).cast(pl.Int64).alias("missing"),
    )


def _interval(changes: pl.Series, level: float) -> list[pl.Expr]:
    """``low`` and ``high`` of ``share``; null where there are too few changes, or it is nothing or all."""
    quantile = pl.Series(student.isf((1 - level) / 2, changes.cast(pl.Float64).to_numpy() - 1))
    p, m = pl.col("share"), pl.col("changes")
    spread = (pl.col("squares") - 2 * p * pl.col("products") + p**2 * pl.col("whole_squares")).clip(lower_bound=0.0)
    se = (spread * m / (m - 1)).sqrt() / (pl.col("whole_us") / _HOUR)
    reach = pl.lit(quantile) * se / (p * (1 - p))
    logit = (p / (1 - p)).log()
    sound = (m >= FEWEST) & (p > 0) & (p < 1) & pl.col("reason").is_null() & (pl.col("part") != TOTAL)
    return [
        pl.when(sound).then(1 / (1 + (-(logit + sign * reach)).exp())).alias(name)
        for name, sign in (("low", -1), ("high", 1))
    ]
