"""From criteria to cells (aspect × level) and from cells to the level of an aspect, as an interval.

The level is the highest whose cell is at least largely achieved while all below are fully (the rule of ISO/IEC 33020 for capability levels).
Counted twice: as if all that is unknown were not met, and as if it were met. In between lies the truth, so that what is not known widens
the interval and never lowers or raises the level.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from idp_analytics.estimates.adding import summed, whole
from idp_analytics.metrics.maturity.evidence import EXEMPT, MET, NOT_APPLICABLE, NOT_MET, UNKNOWN
from idp_analytics.settings.maturity_model import LEVELS

LARGELY, FULLY, PARTLY = 0.5, 0.85, 0.15
"""Shares above which a cell is largely, fully and partly achieved (ISO/IEC 33020:2019, table 2)."""
MOST_EXEMPT = 0.2
"""Share of what a cell asks above which exemptions leave it open."""

OF = ("scope", "entity_id", "aspect")
KEPT, BROKEN, UNTESTED, UNKNOWN_STRESS = "kept", "not kept", "not tested", "not known"
"""What stands under stress."""


def cells(criteria: pl.DataFrame, by: Sequence[str] = ()) -> pl.DataFrame:
    """One row per cell: ``by``, ``scope``, ``entity_id``, ``aspect``, ``level`` and

    ``criteria`` (asked), a count per state (``met`` …), ``achieved`` (mean probability of passing over what is measured, by weight), ``coverage``
    (weight measured ÷ weight applicable), ``mark`` (N, P, L, F of ``achieved``), ``lowest`` and ``highest`` (shares met if all that is unknown is
    not met, or is met; 0 and 1 where nothing applies or too much is exempt), ``low_mark``, ``high_mark``, ``critical_low`` and ``critical_high``:
    whether critical criteria stand in the way.
    """
    state, weight = pl.col("state"), pl.col("weight")
    applies = ~state.is_in([NOT_APPLICABLE, EXEMPT])
    known = applies & pl.col("p").is_not_null()
    states = {name.replace(" ", "_"): state == name for name in (MET, NOT_MET, UNKNOWN, NOT_APPLICABLE, EXEMPT)}
    parts = {
        "_asked": applies, "_measured": known, "_out": state == EXEMPT, "_sure": state == MET, "_possible": state.is_in([MET, UNKNOWN]),
    }  # fmt: skip
    asked, measured, out = pl.col("_asked"), pl.col("_measured"), pl.col("_out")
    # What each criterion adds is told before groups are made: within each of many small ones it takes several times as long.
    found = (
        criteria.filter(~pl.col("is_stress"))
        .with_columns(whole(weight).alias("_weight"), whole(weight * pl.col("p")).alias("_passed"))
        .select(
            *by, *OF, "level", *(held.alias(name) for name, held in states.items()),
            *(pl.when(held).then("_weight").alias(name) for name, held in parts.items()), pl.when(known).then("_passed").alias("_passed"),
            (pl.col("is_critical") & applies & (state != MET)).alias("_stands"), (pl.col("is_critical") & (state == NOT_MET)).alias("_fails"),
        )
        .group_by(*by, *OF, "level")
        .agg(
            pl.len().alias("criteria"), pl.col(*states).sum(), *(summed(pl.col(name)).alias(name) for name in (*parts, "_passed")),
            (~pl.col("_stands").any()).alias("critical_low"), (~pl.col("_fails").any()).alias("critical_high"),
        )
        .select(
            *by, *OF, "level", "criteria", *states, (pl.col("_passed") / measured).fill_nan(None).alias("achieved"),
            (measured / asked).fill_nan(None).alias("coverage"), (pl.col("_sure") / asked).alias("lowest"), (pl.col("_possible") / asked).alias("highest"),
            "critical_low", "critical_high", ((asked == 0) | (out > MOST_EXEMPT * (asked + out))).alias("is_open"),
        )
    )  # fmt: skip
    opened = pl.col("is_open")
    return found.with_columns(
        pl.when(opened).then(0.0).otherwise("lowest").alias("lowest"), pl.when(opened).then(1.0).otherwise("highest").alias("highest"),
        pl.col("critical_low") & ~opened, pl.col("critical_high") | opened,
    ).with_columns(
        _mark("achieved").alias("mark"), _mark("lowest").alias("low_mark"), _mark("highest").alias("high_mark")
    ).sort(*by, *OF, "level")  # fmt: skip


def _mark(name: str) -> pl.Expr:
    share = pl.col(name)
    return (
        pl.when(share.is_null()).then(pl.lit(None, pl.String)).when(share > FULLY).then(pl.lit("F")).when(share > LARGELY).then(pl.lit("L"))
        .when(share > PARTLY).then(pl.lit("P")).otherwise(pl.lit("N"))
    )  # fmt: skip


def levels(criteria: pl.DataFrame, by: Sequence[str] = ()) -> pl.DataFrame:
    """One row per aspect of one entity: ``by``, ``scope``, ``entity_id``, ``aspect`` and

    ``is_assessed`` (every level is asked something of it, and something is measured), ``low``, ``high``: between which levels the truth lies;
    ``level``: as far as measured, within those, null where they leave all open; ``stress`` (:data:`KEPT` …), ``capped_from``: the level that would
    be reached but for what is seen under stress.
    """
    key = [*by, *OF]
    found = cells(criteria, by)
    wide = found.group_by(key).agg(
        pl.col("level").n_unique().alias("asked_levels"), (pl.col("coverage") > 0).any().fill_null(False).alias("is_measured"),
        _reached("lowest", "critical_low").alias("low"), _reached("highest", "critical_high").alias("high"),
        _reached("achieved", "critical_high").alias("level"),
    )  # fmt: skip
    under = criteria.filter("is_stress")
    state = pl.col("state")
    # Several stress criteria of an aspect: the worst that is seen holds, then what is not known.
    stress = under.group_by(key).agg(
        pl.when((state == NOT_MET).any()).then(pl.lit(BROKEN)).when((state == UNKNOWN).any()).then(pl.lit(UNKNOWN_STRESS))
        .when((state == MET).any()).then(pl.lit(KEPT)).otherwise(pl.lit(UNTESTED)).alias("stress"),
        (pl.col("level").min() - 1).alias("_cap"),
    )  # fmt: skip
    both = wide.join(stress, on=key, how="left").with_columns(pl.col("stress").fill_null(UNTESTED))
    broken, doubtful = pl.col("stress") == BROKEN, pl.col("stress") == UNKNOWN_STRESS
    cap = pl.col("_cap").fill_null(max(LEVELS))
    capped = both.with_columns(
        pl.when(broken & (pl.col("level") > cap)).then("level").alias("capped_from"),
        pl.when(broken | doubtful).then(pl.min_horizontal("low", cap)).otherwise("low").alias("low"),
        pl.when(broken).then(pl.min_horizontal("high", cap)).otherwise("high").alias("high"),
    )  # fmt: skip
    is_assessed = (pl.col("asked_levels") == len(LEVELS) - 1) & pl.col("is_measured")
    is_open = (pl.col("low") == min(LEVELS)) & (pl.col("high") == max(LEVELS))
    point = pl.col("level").clip(pl.col("low"), pl.col("high"))
    return (
        capped.with_columns(
            is_assessed.alias("is_assessed"), pl.when(is_assessed & ~is_open).then(point).alias("level"),
            *(pl.when(is_assessed).then(name).alias(name) for name in ("low", "high", "capped_from")),
        )
        .select(*key, "is_assessed", "level", "low", "high", "stress", "capped_from")
        .sort(key)
    )  # fmt: skip


def _reached(share: str, critical: str) -> pl.Expr:
    """The highest level whose cell is at least largely achieved, and all below it fully."""

    def holds(level: int, above: float) -> pl.Expr:
        at = pl.col("level") == level
        return ((pl.col(share) > above) & pl.col(critical)).filter(at).first().fill_null(False)

    reached = pl.lit(min(LEVELS), pl.Int64)
    below = pl.lit(True)
    for level in LEVELS[1:]:
        reached = pl.when(below & holds(level, LARGELY)).then(pl.lit(level, pl.Int64)).otherwise(reached)
        below = below & holds(level, FULLY)
    return reached
