"""Study ``cost_restatement``: what has become of the amounts a report published before, exactly, and what kind of change it was."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings
from idp_analytics.tables import MONEY

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,  # of the amount
    "period_start": pl.Date,
    "currency": pl.String,
    "published_in": pl.String,  # the period of the report that published it
    "was": MONEY,  # null: it was not there
    "now": MONEY,
    "difference": MONEY,  # now − was; what is missing on one side counts as nothing
    "lines_were": pl.Int64,
    "lines_are": pl.Int64,
    "bill_difference": MONEY,  # by how much the whole bill of that period and currency changed
    "kind": pl.String,  # one of KINDS
    "rules_changed": pl.Boolean,  # the settings are not those of the report that published it
    "code_changed": pl.Boolean,  # nor is the kit
}
"""The columns of the study, in order."""

KINDS = {
    "added": "charges came later, or were corrected upwards by rows of their own",
    "removed": "charges are no longer there, or were replaced by fewer",
    "repriced": "the same number of lines came to another amount",
    "moved": "the bill is the same, and this is owned or shared otherwise",
}
"""What happened to an amount, as far as amounts and lines tell → what that means."""

METRIC = "showback_cost"
_CELL = ["scope", "entity_id", "every", "period", "period_start", "currency"]


def nothing_before(_tables: Tables, _settings: Settings, _as_of: datetime) -> pl.DataFrame:
    """The study where no report was published before: no rows. A run that knows of one puts :func:`cost_restatement` in its place."""
    return pl.DataFrame(schema=COLUMNS)


def cost_restatement(
    now: pl.DataFrame, before: pl.DataFrame, published_in: str, rules_changed: bool = False, code_changed: bool = False
) -> pl.DataFrame:
    """Amounts that differ from those published before, per team and for the organisation, by period and currency: columns :data:`COLUMNS`.

    ``now``, ``before``: answers (:data:`idp_analytics.answers.COLUMNS`) of this run and of the run that published
    ``published_in``. Only periods that were complete then are compared; amounts that are the same to the last digit have no row.
    For the organisation and each period and currency: was + difference = now, and the teams' differences and that of what is
    unallocated add up to the bill's. ``kind``: see :data:`KINDS`; several causes in one amount are told as one.
    """
    then, here = _amounts(before, "was", "lines_were"), _amounts(now, "now", "lines_are")
    zero = pl.lit(0).cast(MONEY)
    both = (
        then.join(here, on=_CELL, how="full", coalesce=True, nulls_equal=True)
        .join(complete(before), on=["every", "period"], how="semi")
        .with_columns((pl.col("now").fill_null(zero) - pl.col("was").fill_null(zero)).alias("difference"))
    )
    bill = both.filter(pl.col("scope") == "org").select(
        "every", "period", "currency", pl.col("difference").alias("bill_difference")
    )
    more = pl.col("lines_are").fill_null(0) - pl.col("lines_were").fill_null(0)
    kind = (
        pl.when((pl.col("bill_difference") == zero) & (pl.col("scope") == "team")).then(pl.lit("moved"))
        .when(more > 0).then(pl.lit("added")).when(more < 0).then(pl.lit("removed")).otherwise(pl.lit("repriced"))
    )  # fmt: skip
    return (
        both.filter(pl.col("difference") != zero)
        .join(bill, on=["every", "period", "currency"], how="left")
        .with_columns(
            pl.col("bill_difference").fill_null(zero), pl.lit(published_in).alias("published_in"),
            pl.lit(rules_changed).alias("rules_changed"), pl.lit(code_changed).alias("code_changed"),
        )
        .with_columns(kind.alias("kind"))
        .sort("scope", "entity_id", "every", "period_start", "currency")
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )  # fmt: skip


def complete(answers: pl.DataFrame) -> pl.DataFrame:
    """The ``every`` and ``period`` whose cost was complete when ``answers`` were published."""
    return answers.filter(pl.col("metric") == METRIC, ~pl.col("is_partial")).select("every", "period").unique()


def _amounts(answers: pl.DataFrame, amount: str, lines: str) -> pl.DataFrame:
    rows = answers.filter(
        pl.col("metric") == METRIC,
        pl.col("scope").is_in(["org", "team"]),
        pl.col("detail").is_null(),
        pl.col("amount").is_not_null(),
    )
    return rows.select(*_CELL, pl.col("amount").alias(amount), pl.col("n").alias(lines))
