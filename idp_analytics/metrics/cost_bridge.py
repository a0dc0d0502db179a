"""Study ``cost_bridge``: from what was invoiced to what was used: billed cost, step by step, to effective cost.

Effective cost (FOCUS 1.2, EffectiveCost) spreads what was bought ahead over the time it covers: a purchase that covers future charges
counts as nothing and comes back where it is used, or where it is paid for and not used. Over the life of a commitment both
bases come to the same; within one month they need not.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.metrics.allocation.charges import bill, charged_before
from idp_analytics.metrics.cells import Spans, charged_within, lengths
from idp_analytics.metrics.cost_lines import Schema, measured
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings
from idp_analytics.tables import MONEY

BILLED, EFFECTIVE = "billed", "effective"
BETWEEN = ("purchases", "amortisation", "unused commitment", "other")
STEPS = (BILLED, *BETWEEN, EFFECTIVE)
"""The bridge, in order: the first, and then all between, add up to the last."""

COLUMNS: Schema = {
    "scope": pl.String,  # org
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "currency": pl.String,
    "provider": pl.String,
    "step": pl.String,  # one of STEPS
    "amount": MONEY,  # null: not measured
    "n": pl.Int64,  # charges; between the ends those whose two amounts differ
    "absence": pl.String,  # why the bridge of this provider is not measured
}
"""The columns of the study, in order."""

ONE_BASIS = "{} of {} charges are known on one basis only"
LOST = "{} of {} effective amounts of usage are whole numbers while the billed ones are not: their decimals are lost"

_FEWEST, _ALMOST_ALL = 5, 0.99
_ZERO = pl.lit(0).cast(MONEY)


def cost_bridge(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """The bridge of every provider and currency, by month and quarter (columns :data:`COLUMNS`).

    *purchases*: charges of category purchase, which lose what covers later charges. *amortisation*: usage that is billed nothing
    and gets what it used of a commitment. *unused commitment*: what nobody used. *other*: every other difference (adjustments,
    corrections, blended prices). All six add up exactly. The two amounts of one charge are found by its ``cost_id`` without the
    basis at its end. Not measured, with the reason, where any charge has one basis only or the effective amounts have
    lost their decimals (almost all of five and more whole, the billed ones not): ``billed`` and ``effective`` are then told as
    far as they are known, and no step between.
    """
    tables = charged_before(tables, as_of)
    both = _paired(charged_within(tables, spans), settings)
    if both.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    periods = measured(tables, settings, as_of, both)
    parts = [_bridge(both, length) for length in lengths(spans)]
    return (
        pl.concat(parts)
        .join(periods, on=["every", "period_start"])
        .with_columns(pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id"))
        .sort("every", "period_start", "currency", "provider", pl.col("step").cast(pl.Enum(STEPS)), nulls_last=False)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def _paired(tables: Tables, settings: Settings) -> pl.DataFrame:
    """One row per charge: ``month``, ``currency``, ``provider``, ``b`` and ``e`` (its amounts; null: not known), ``step``."""
    same = ["source", "charge", "currency", "provider", "month", "category", "is_unused_commitment", "is_correction"]
    sides = []
    for basis, name in ((BILLED, "b"), (EFFECTIVE, "e")):
        sides.append(
            bill(tables, settings, basis)
            .with_columns(
                pl.col("cost_id").str.strip_suffix(f":{basis}").alias("charge"),
                pl.col("period_start").dt.date().dt.truncate("1mo").alias("month"),
            )
            .group_by(same)
            .agg(pl.col("amount").sum().alias(name))
        )
    usage = (pl.col("category") == "usage") & ~pl.col("is_correction").fill_null(False)
    step = (
        pl.when(pl.col("is_unused_commitment").fill_null(False)).then(pl.lit("unused commitment"))
        .when(pl.col("category") == "purchase").then(pl.lit("purchases"))
        .when(usage & (pl.col("b") == _ZERO)).then(pl.lit("amortisation"))
        .otherwise(pl.lit("other"))
    )  # fmt: skip
    joined = sides[0].join(sides[1], on=same, how="full", coalesce=True, nulls_equal=True)
    return joined.with_columns(step.alias("step"), usage.alias("is_usage")).collect()


def _bridge(both: pl.DataFrame, length: str) -> pl.DataFrame:
    start = pl.col("month").dt.truncate(length).alias("period_start")
    here = ["period_start", "currency", "provider"]
    b, e = pl.col("b"), pl.col("e")
    whole = {name: ((pl.col(name) == pl.col(name).truncate()) & pl.col("is_usage")).sum() for name in ("b", "e")}
    moved = e - b
    sums = both.group_by(start, "currency", "provider").agg(
        b.sum().alias(BILLED), e.sum().alias(EFFECTIVE), b.count().cast(pl.Int64).alias("n billed"),
        e.count().cast(pl.Int64).alias("n effective"), pl.len().cast(pl.Int64).alias("charges"),
        (b.is_null() | e.is_null()).sum().alias("single"), pl.col("is_usage").sum().alias("usage"),
        whole["b"].alias("whole b"), whole["e"].alias("whole e"),
        *(moved.filter(pl.col("step") == step).sum().alias(step) for step in BETWEEN),
        *((moved.filter(pl.col("step") == step) != _ZERO).sum().cast(pl.Int64).alias(f"n {step}") for step in BETWEEN),
    )  # fmt: skip
    usage = pl.col("usage")
    lost = (usage >= _FEWEST) & (pl.col("whole e") > _ALMOST_ALL * usage) & (pl.col("whole b") < _ALMOST_ALL * usage)
    absence = (
        pl.when(pl.col("single") > 0).then(pl.format(ONE_BASIS, "single", "charges"))
        .when(lost).then(pl.format(LOST, "whole e", "usage"))
    )  # fmt: skip
    told = sums.with_columns(absence.alias("absence"), pl.lit(length).alias("every"))
    rows = [
        told.select(
            *here, "every", "absence", pl.lit(step).alias("step"),
            pl.when(_is_told(step)).then(pl.col(step)).alias("amount"), pl.when(_is_told(step)).then(f"n {step}").alias("n"),
        )
        for step in STEPS
    ]  # fmt: skip
    return pl.concat(rows)


def _is_told(step: str) -> pl.Expr:
    if step in BETWEEN:
        return pl.col("absence").is_null()
    return pl.col(f"n {step}") > 0
