"""Study ``deployment_classes``: how many deployments were planned, repair, a step back or nothing new, and which rule says so."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from idp_analytics.answers import CELL
from idp_analytics.estimates import shares
from idp_analytics.metrics.cells import Spans, known_by, periods_of, placed
from idp_analytics.metrics.classify import CLASSES, RULES, UNFINISHED, classified
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.remembered import remembered
from idp_analytics.settings import Settings

KNOWN = (*CLASSES, UNFINISHED)
"""Every class, in the order reports show them."""

COUNTED = tuple(name for name in CLASSES if name != "re-sync")
"""Classes of deployments that count: successful, and not a re-sync. Their shares add up to one."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "class": pl.String,  # planned | hotfix | revert | rollback | redeploy | re-sync | not deployed
    "rule": pl.String,  # the rule that said so; null: all rules of the class
    "n": pl.Int64,  # deployments
    "of": pl.Int64,  # deployments that count
    "share": pl.Float64,  # n ÷ of; null for re-syncs and what was not deployed, and for single rules
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
}
"""The columns of the study, in order."""

_WHOSE = ["service_id", "team_id", "day"]
_SCOPES = ("org", "team", "service")


@remembered
def class_counts(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """How many deployments of each class (``n``) there are, counted once for all studies that ask for classes.

    Columns: ``service_id``, ``team_id``, ``day`` (the first of the month in which they ended or, where no end is told, began; what tells neither is left
    out), ``is_here``: to the environment that counts, ``has_end``, ``outcome``, ``class``, ``rule``, ``n``.
    """
    here = (pl.col("environment") == settings.rules.environment).fill_null(False)
    dated = classified(tables, settings).select(
        "service_id", "team_id", pl.coalesce("finished_at", "started_at").alias("at"), here.alias("is_here"),
        pl.col("finished_at").is_not_null().alias("has_end"), "outcome", "class", "rule",
    )  # fmt: skip
    months = known_by(dated, settings, as_of).with_columns(pl.col("day").dt.truncate("1mo"))
    key = [*_WHOSE, "is_here", "has_end", "outcome", "class", "rule"]
    return months.group_by(key).agg(pl.len().cast(pl.Int64).alias("n")).collect()


def deployment_classes(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """Deployments to the environment that counts, per class and rule, of each entity that had one, by month and quarter.

    One row per class, also where it has none, and one per rule that decided something (:data:`COLUMNS`). A deployment is
    dated by its end, one that has none by its start; what tells neither is left out. Interval: Wilson 1927.
    """
    months = class_counts(tables, settings, as_of).filter("is_here")
    found = months.group_by(*_WHOSE, "class", "rule").agg(pl.col("n").sum())
    if found.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    first: date = found["day"].min()  # type: ignore[assignment]
    measured = periods_of("deployment_frequency", tables, settings, as_of, first, of=spans)
    by_rule = placed(found, settings, _SCOPES, spans=spans).group_by(*CELL, "class", "rule").agg(pl.col("n").sum())
    cells = by_rule.select(CELL).unique().join(pl.DataFrame({"class": KNOWN}), how="cross")
    by_class = cells.join(by_rule.group_by(*CELL, "class").agg(pl.col("n").sum()), on=[*CELL, "class"], how="left")
    counted = pl.col("class").is_in(list(COUNTED))
    by_class = by_class.with_columns(pl.col("n").fill_null(0)).with_columns(
        pl.col("n").filter(counted).sum().over(CELL).alias("of")
    )
    low, high = shares.wilson(by_class["n"].to_numpy(), by_class["of"].to_numpy(), settings.rules.level)
    some = counted & (pl.col("of") > 0)
    whole = by_class.with_columns(
        pl.when(some).then(pl.col("n") / pl.col("of")).alias("share"),
        *(pl.when(some).then(pl.Series(name, ends)).alias(name) for name, ends in (("low", low), ("high", high))),
    )
    ofs = whole.select(*CELL, "of").unique()
    order = {rule.name: number for number, rule in enumerate(RULES)}
    return (
        pl.concat([whole, by_rule.join(ofs, on=list(CELL))], how="diagonal")
        .join(measured.drop("period_end", "days"), on=["every", "period_start"])
        .with_columns(pl.lit(settings.rules.level).alias("level"))
        .sort(*CELL, pl.col("class").cast(pl.Enum(KNOWN)), pl.col("rule").replace_strict(order, default=-1))
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )
