"""Study ``cost_variance``: why a cost rose or fell against the period before, in effects that add up to the change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.metrics.allocation.before import shares_before
from idp_analytics.metrics.allocation.charges import charged_before
from idp_analytics.metrics.cells import Spans, charged_within, lengths, of_spans, within
from idp_analytics.metrics.cost_effects import EFFECTS, ZERO, of_charges, of_shares
from idp_analytics.metrics.cost_lines import ITEM, Schema, by_period, charged, measured, shared, team
from idp_analytics.metrics.links import Tables
from idp_analytics.periods import course
from idp_analytics.settings import Settings
from idp_analytics.tables import MONEY

DRIVERS = 5
"""How many single items of an entity's change are named."""

COLUMNS: Schema = {
    "scope": pl.String,
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,  # this period or the one before
    "currency": pl.String,
    "effect": pl.String,  # one of cost_effects.EFFECTS
    "driver": pl.Int64,  # null: the whole effect; 1, 2, …: the items that moved most, whatever the effect
    "thing": pl.String,  # drivers only, as are the next five
    "service_id": pl.String,
    "provider": pl.String,
    "component": pl.String,
    "sku": pl.String,
    "unit": pl.String,
    "before": MONEY,  # cost of the entity (a driver: of the item) in the period before
    "after": MONEY,
    "amount": MONEY,  # of the change, what the effect made; over the effects it adds up to after − before
    "lines": pl.Int64,  # lines of both periods in which the effect is not 0
}
"""The columns of the study, in order."""

_ONE = {"1mo": "1mo", "1q": "3mo"}
_CELL = ["scope", "entity_id", "every", "period_start", "currency"]


def cost_variance(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """The change of every team's and the organisation's cost against the period before, by month and quarter.

    One row per effect, also where it is 0, and one per driver (:data:`COLUMNS`). Of a team: its own charges and its shares of
    pools. Of the organisation: the whole bill charge by charge, so that what moved between teams and pools is no change.
    Quantities are compared per price list position and unit within a service (without one: within a tag or an account).
    The first period has none before it and no rows.
    """
    # Each is compared with the one before.
    asked = None if spans is None else (*course(spans[0], 2), *spans[1:])
    of_pools = shared(shares_before(tables, settings, as_of).filter(within(asked, pl.col("on"))))
    tables = charged_before(tables, as_of)
    charges = charged(charged_within(tables, asked), settings)
    if charges.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    known = _with_one_before(measured(tables, settings, as_of, charges)).filter(of_spans(spans))
    effects = pl.concat(_compared(charges, of_pools, lengths(spans)))
    effects = effects.join(known, on=["every", "period_start"])
    whole = effects.group_by(_CELL).agg(pl.col("before", "after", *EFFECTS).sum(), *_lines_of_each())
    return (
        pl.concat([_long(whole), _drivers(effects)], how="diagonal")
        .join(known, on=["every", "period_start"])
        .sort(*_CELL, "driver", pl.col("effect").cast(pl.Enum(EFFECTS)), nulls_last=False)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def _compared(charges: pl.DataFrame, of_pools: pl.DataFrame, every: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Effects per scope, entity, period and item."""
    for length in every:
        by = ["period_start", "currency"]
        ((bill_before, bill), (shares_before, shares)) = (_pair(rows, length) for rows in (charges, of_pools))
        all_of_it = pl.lit("org").alias("owner")
        one = of_charges(bill_before.with_columns(all_of_it), bill.with_columns(all_of_it), by)
        yield one.with_columns(scope=pl.lit("org"), entity_id=pl.lit(ORG), every=pl.lit(length)).drop("owner")
        each = [of_charges(bill_before, bill, by), of_shares(shares_before, shares, by)]
        of_teams = pl.concat(each).filter(pl.col("owner").str.starts_with("team:"))
        yield of_teams.with_columns(scope=pl.lit("team"), entity_id=team(), every=pl.lit(length)).drop("owner")


def _pair(rows: pl.DataFrame, length: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """``rows`` as the period before, and as the period itself: the ``period_start`` of both is that of the latter."""
    after = by_period(rows, length)
    return after.with_columns(pl.col("period_start").dt.offset_by(_ONE[length])), after


def _with_one_before(periods: pl.DataFrame) -> pl.DataFrame:
    """The periods that have one before them; partial if either is."""
    earlier = pl.col("is_partial").shift(1).over("every", order_by="period_start")
    return periods.with_columns((pl.col("is_partial") | earlier).alias("is_partial"), earlier.alias("_earlier")).filter(
        pl.col("_earlier").is_not_null()
    ).drop("_earlier")  # fmt: skip


def _lines_of_each() -> list[pl.Expr]:
    return [pl.col("lines").filter(pl.col(effect) != ZERO).sum().alias(f"lines of {effect}") for effect in EFFECTS]


def _long(whole: pl.DataFrame) -> pl.DataFrame:
    same = [*_CELL, "before", "after"]
    return pl.concat(
        whole.select(
            *same,
            pl.lit(effect).alias("effect"),
            pl.col(effect).alias("amount"),
            pl.col(f"lines of {effect}").alias("lines"),
        )
        for effect in EFFECTS
    )


def _drivers(effects: pl.DataFrame) -> pl.DataFrame:
    """The largest single effects of each entity and period."""
    item = [name for name in ITEM if name not in ("is_metered", "is_correction")]
    each = pl.concat(
        effects.filter(pl.col(effect) != ZERO).select(
            *_CELL, *item, "before", "after", "lines", pl.lit(effect).alias("effect"), pl.col(effect).alias("amount")
        )
        for effect in EFFECTS
    )
    key = [*_CELL, "effect", *item]
    sums = each.group_by(key).agg(pl.col("before", "after", "amount", "lines").sum())
    ordered = sums.sort(*_CELL, pl.col("amount").abs(), *key[len(_CELL) :], descending=[*(False for _ in _CELL), True, *(False for _ in key[len(_CELL) :])])  # fmt: skip
    return ordered.with_columns((pl.int_range(pl.len()).over(_CELL) + 1).alias("driver")).filter(
        pl.col("driver") <= DRIVERS
    )
