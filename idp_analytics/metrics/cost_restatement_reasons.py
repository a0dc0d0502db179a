"""Study ``cost_restatement_reasons``: why amounts published before are others now, an exact bridge from the old to the new.

What :mod:`cost_restatement` finds in amounts is told here from lines: the bill as it was published (study ``cost_lines`` of that run)
against the same months as they are told now, split by :mod:`cost_effects` as two months are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.metrics.cells import EVERY
from idp_analytics.metrics.cost_effects import ZERO, of_charges, of_shares
from idp_analytics.metrics.cost_lines import LINES, Schema, by_period, team
from idp_analytics.metrics.links import Tables
from idp_analytics.periods import label
from idp_analytics.settings import Settings
from idp_analytics.tables import MONEY

REASONS: Mapping[str, str] = {
    "late usage": "more or less of the same was used than was known then",
    "late lines": "lines that were not there then",
    "removed": "lines that are no longer there",
    "corrected": "the provider's corrections of a month already invoiced",
    "repriced": "another price for as much, and what it makes of other usage",
    "another owner": "the same charge has another owner: retagged, remapped, or taken by a pool",
    "pool": "the pools hold more or less",
    "shared otherwise": "another share of the pools: other weights or other rules",
    "another amount": "the same charge, which tells no quantity, comes to another amount: tax, credits, fees",
}
"""Reason → what that means, in the order reports show them."""

COLUMNS: Schema = {
    "scope": pl.String,
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,  # of the amount
    "period_start": pl.Date,
    "currency": pl.String,
    "reason": pl.String,  # one of REASONS
    "amount": MONEY,  # of the difference, what the reason made; never 0
    "lines": pl.Int64,  # lines of both runs it is seen in
}
"""The columns of the study, in order."""

_OF_EFFECT = {
    "usage": "late usage", "price": "repriced", "joint": "repriced", "new": "late lines", "gone": "removed",
    "ownership": "another owner", "pool": "pool", "share": "shared otherwise", "cost only": "another amount",
}  # fmt: skip
_CELL = ["scope", "entity_id", "every", "period_start", "currency"]


def none_before(_tables: Tables, _settings: Settings, _as_of: datetime) -> pl.DataFrame:
    """The study where no report was published before: no rows. A run that knows of one puts :func:`restatement_reasons` in its place."""
    return pl.DataFrame(schema=COLUMNS)


def restatement_reasons(now: pl.DataFrame, before: pl.DataFrame, complete: pl.DataFrame) -> pl.DataFrame:
    """The difference of every amount by reason: columns :data:`COLUMNS`; over the reasons it is ``difference`` of ``cost_restatement``.

    ``now``, ``before``: the study ``cost_lines`` of this run and of the run before; ``complete``: the ``every`` and ``period`` that
    were complete then. Of the organisation whole charges, so that what moved between owners is no difference.
    """
    found = pl.concat(_compared(before, now))
    if found.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    labels = [label(start, every) for start, every in found.select("period_start", "every").rows()]
    order = pl.col("reason").cast(pl.Enum(list(REASONS)))
    return (
        found.with_columns(pl.Series("period", labels, dtype=pl.String))
        .join(complete, on=["every", "period"], how="semi")
        .group_by(*_CELL, "period", "reason")
        .agg(pl.col("amount").sum(), pl.col("lines").filter(pl.col("amount") != ZERO).sum())
        .filter(pl.col("amount") != ZERO)
        .sort(*_CELL, order)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def _compared(before: pl.DataFrame, now: pl.DataFrame) -> Iterator[pl.DataFrame]:
    by = ["period_start", "currency"]
    for length in EVERY:
        (old, old_shares), (new, new_shares) = (_parts(lines, length) for lines in (before, now))
        whole = pl.lit("org").alias("owner")
        of_bill = of_charges(old.with_columns(whole), new.with_columns(whole), by)
        yield _long(of_bill, length).with_columns(scope=pl.lit("org"), entity_id=pl.lit(ORG)).drop("owner")
        each = pl.concat([of_charges(old, new, by), of_shares(old_shares, new_shares, by)])
        of_teams = each.filter(pl.col("owner").str.starts_with("team:"))
        yield _long(of_teams, length).with_columns(scope=pl.lit("team"), entity_id=team()).drop("owner")


def _parts(lines: pl.DataFrame, length: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Charges, and shares of pools, by period."""
    rows = by_period(lines.select(list(LINES)), length)
    return rows.filter(pl.col("held").is_null()), rows.filter(pl.col("held").is_not_null())


def _long(effects: pl.DataFrame, length: str) -> pl.DataFrame:
    more = pl.col("more")
    return pl.concat(
        effects.select(
            "owner", "period_start", "currency", pl.lit(length).alias("every"), pl.col(effect).alias("amount"), "lines",
            pl.when(pl.col("is_correction") & pl.lit(effect != "ownership")).then(pl.lit("corrected"))
            .when((more > 0) & pl.lit(effect == "cost only")).then(pl.lit("late lines"))
            .when((more < 0) & pl.lit(effect == "cost only")).then(pl.lit("removed"))
            .otherwise(pl.lit(reason)).alias("reason"),
        )
        for effect, reason in _OF_EFFECT.items()
    )  # fmt: skip
