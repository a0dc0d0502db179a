"""Studies of the ledger: what each pool cost whom, the bill by what it was spent on, and what another method would say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

import polars as pl

from idp_analytics.metrics.allocation.before import shares_before
from idp_analytics.metrics.allocation.charges import charged_before
from idp_analytics.metrics.allocation.entries import DIMENSIONS, entries
from idp_analytics.metrics.allocation.gather import gathered
from idp_analytics.metrics.allocation.shares import described, settled_by
from idp_analytics.metrics.cells import Spans, charged_within, lengths, periods_of, within
from idp_analytics.metrics.links import Tables
from idp_analytics.periods import floored
from idp_analytics.settings import Settings
from idp_analytics.tables import MONEY

_CELL: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "currency": pl.String,
}

POOLS = {
    **_CELL,
    "pool": pl.String,
    "title": pl.String,
    "rule": pl.String,  # in words
    "is_platform": pl.Boolean,  # part of what the platform costs
    "reason": pl.String,  # why this part is unallocated (org only); null: teams pay it
    "pooled": MONEY,  # what the pool held in the period
    "charges": pl.Int64,  # from how many charges
    "amount": MONEY,  # of it, what the team pays (org: all teams together, or nobody for the reason)
    "ratio": pl.Float64,  # amount ÷ pooled; null where the pool held nothing
}
"""The columns of :func:`pools`."""

VIEWS = {
    **_CELL,
    "dimension": pl.String,  # service | component | environment | provider | golden path
    "value": pl.String,  # null: not told by the charge
    "is_shared": pl.Boolean,  # a share of the pool of that title
    "amount": MONEY,
    "lines": pl.Int64,
}
"""The columns of :func:`cost_views`."""

METHODS = {
    **_CELL,
    "method": pl.String,
    "is_used": pl.Boolean,  # it is the one the settings choose
    "amount": MONEY,
}
"""The columns of :func:`allocation_methods`."""

METRIC = "showback_cost"
NO_PATH = "no golden path"
SEVERAL_PATHS = "several golden paths"


def pools(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """What each pool held and who pays it, per team and for the organisation, by month and quarter: columns :data:`POOLS`."""
    if not settings.showback.pools:
        return pl.DataFrame(schema=POOLS)
    whole = charged_before(tables, as_of)
    found = shares_before(tables, settings, as_of).filter(within(spans, pl.col("on")))
    told = {pool.id: (pool.title, described(pool, settings.showback.services)) for pool in settings.showback.pools}
    measured = _periods(whole, settings, as_of, found["on"])
    parts = []
    for length in lengths(spans):
        start = floored(pl.col("on"), length, settings.calendar.first_weekday).alias("period_start")
        here = ["period_start", "currency", "pool"]
        rows = found.with_columns(start)
        held = rows.unique([*here, "part", "on"]).group_by(here).agg(pl.col("pooled", "charges").sum())
        paid = rows.group_by(*here, "team_id", "reason").agg(pl.col("amount").sum())
        teams = paid.filter(pl.col("team_id").is_not_null()).with_columns(scope=pl.lit("team"), entity_id="team_id")
        org = (
            paid.group_by(*here, "reason")
            .agg(pl.col("amount").sum())
            .with_columns(scope=pl.lit("org"), entity_id=pl.lit("org"))
        )
        both = pl.concat([teams.drop("team_id"), org.select(teams.drop("team_id").columns)])
        parts.append(both.join(held, on=here).with_columns(every=pl.lit(length)))
    held_something = pl.col("pooled") != pl.lit(0).cast(MONEY)
    return _shaped(
        pl.concat(parts).with_columns(
            pl.col("pool").replace_strict({k: v[0] for k, v in told.items()}).alias("title"),
            pl.col("pool").replace_strict({k: v[1] for k, v in told.items()}).alias("rule"),
            pl.col("pool").is_in([pool.id for pool in settings.showback.pools if pool.is_platform]).alias("is_platform"),
            pl.when(held_something).then(pl.col("amount").cast(pl.Float64) / pl.col("pooled").cast(pl.Float64)).alias("ratio"),
        ),
        measured, POOLS, list(told),
    )  # fmt: skip


def cost_views(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """The cost of each team and of the organisation by service, component, environment, provider and golden path, by month and
    quarter: columns :data:`VIEWS`. Within a dimension the rows of an entity add up to its cost, to the last digit.

    A share of a pool has no service or environment of its own; its ``value`` is the pool's title. ``golden path``: the one the service
    was on at the end of the month, as far as it was ever seen by then.
    """
    whole, shared = charged_before(tables, as_of), shares_before(tables, settings, as_of)
    tables = gathered(charged_within(whole, spans), settings, DIMENSIONS)
    titles = {pool.id: pool.title for pool in settings.showback.pools}
    month = pl.col("on").dt.truncate("1mo")
    ledger = (
        entries(tables, settings, shared=shared.filter(within(spans, pl.col("on"))))
        .with_columns(month.alias("month"))
        .join(_paths(tables), on=["service_id", "month"], how="left")
        .with_columns(
            pl.when(pl.col("service_id").is_not_null()).then(pl.col("golden path").fill_null(NO_PATH)),
            pl.col("pool").replace(titles),
        )
        .collect()
    )
    if ledger.is_empty():
        return pl.DataFrame(schema=VIEWS)
    dimensions = {
        "service": "service_id",
        "component": "component",
        "environment": "environment",
        "provider": "provider",
        "golden path": "golden path",
    }
    parts = []
    for length in lengths(spans):
        start = floored(pl.col("on"), length, settings.calendar.first_weekday).alias("period_start")
        for scope, entity in (("org", pl.lit("org")), ("team", pl.col("team_id"))):
            for dimension, column in dimensions.items():
                parts.append(
                    ledger.select(
                        start, "currency", "amount", "lines", entity.alias("entity_id"),
                        pl.coalesce(pl.when(pl.col("pool").is_null()).then(pl.col(column)), "pool").alias("value"),
                        pl.col("pool").is_not_null().alias("is_shared"),
                    )
                    .filter(pl.col("entity_id").is_not_null())
                    .group_by("entity_id", "period_start", "currency", "value", "is_shared")
                    .agg(pl.col("amount", "lines").sum())
                    .with_columns(scope=pl.lit(scope), every=pl.lit(length), dimension=pl.lit(dimension))
                )  # fmt: skip
    frame = pl.concat(parts).sort("amount", descending=True, maintain_order=True)
    return _shaped(frame, _periods(whole, settings, as_of, ledger["on"]), VIEWS, list(dimensions))


def allocation_methods(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """What each team would pay by another method, by month and quarter: columns :data:`METHODS`; none without pools.

    ``direct``, ``step-down`` in the order of the pools and in the reverse, ``reciprocal``: the same shares, settled otherwise;
    ``even``: every pool in equal parts; ``not shared``: what it would own without any pool. The organisation's row is what stays
    unallocated.
    """
    rules = settings.showback
    if not rules.pools:
        return pl.DataFrame(schema=METHODS)
    whole = charged_before(tables, as_of)
    tables = gathered(charged_within(whole, spans), settings)
    even = tuple(replace(pool, by="even", of={}, within=(), shares={}, pools={}) for pool in rules.pools)
    turned = tuple(reversed(rules.pools))
    ways = {
        "direct": replace(rules, services="direct"),
        "step-down": replace(rules, services="step-down"),
        "step-down, last first": replace(rules, services="step-down", pools=turned),
        "reciprocal": replace(rules, services="reciprocal"),
        "even": replace(rules, pools=even),
    }
    if not any(pool.pools for pool in rules.pools):  # then they are all the same
        ways = {rules.services: rules, "even": ways["even"]}
    own = ["on", "currency", "team_id", "amount"]
    shared = settled_by(tables, settings, list(ways.values()))
    nothing = shared[0].clear()
    direct = entries(tables, settings, dimensions=(), shared=nothing).select(own).collect()
    without = replace(settings, showback=replace(rules, pools=()))
    alone = entries(tables, without, dimensions=(), shared=nothing).select(own).collect()
    parts = [alone.with_columns(method=pl.lit("not shared"))]
    for name, found in zip(ways, shared, strict=True):
        parts.append(pl.concat([direct, found.select(own)]).with_columns(method=pl.lit(name)))
    rows = pl.concat(parts)
    periods = _periods(whole, settings, as_of, rows["on"])
    sums = []
    for length in lengths(spans):
        start = floored(pl.col("on"), length, settings.calendar.first_weekday).alias("period_start")
        sums.append(
            rows.group_by(start, "currency", "team_id", "method")
            .agg(pl.col("amount").sum())
            .with_columns(every=pl.lit(length))
        )
    frame = pl.concat(sums).with_columns(
        pl.when(pl.col("team_id").is_null()).then(pl.lit("org")).otherwise(pl.lit("team")).alias("scope"),
        pl.col("team_id").fill_null("org").alias("entity_id"),
        (pl.col("method") == rules.services).alias("is_used"),
    )
    return _shaped(frame, periods, METHODS, ["not shared", *ways])


def _paths(tables: Tables) -> pl.LazyFrame:
    """``service_id``, ``month``, ``golden path``: the path a service was on at the end of a month, if it was seen on one by then."""
    months = tables["costs"].select(pl.col("period_start").dt.date().dt.truncate("1mo").alias("month")).unique()
    seen = tables["service_golden_path"].join(months, how="cross").filter(
        pl.col("as_of") < pl.col("month").dt.offset_by("1mo"),
        (pl.col("left_at").dt.date() >= pl.col("month").dt.offset_by("1mo")).fill_null(True),
    )  # fmt: skip
    paths = seen.group_by("service_id", "month").agg(pl.col("golden_path_id").unique())
    only = pl.when(pl.col("golden_path_id").list.len() == 1).then(pl.col("golden_path_id").list.first())
    return paths.select("service_id", "month", only.otherwise(pl.lit(SEVERAL_PATHS)).alias("golden path"))


def _periods(tables: Tables, settings: Settings, as_of: datetime, days: pl.Series) -> pl.DataFrame:
    first: date | None = days.min()  # type: ignore[assignment]
    return periods_of(METRIC, tables, settings, as_of, first).select("every", "period", "period_start", "is_partial")


def _shaped(
    frame: pl.DataFrame,
    periods: pl.DataFrame,
    columns: dict[str, pl.DataType | type[pl.DataType]],
    order: Sequence[str],
) -> pl.DataFrame:
    """``frame`` with its periods, in order: by entity, length, period and currency, then as the last of ``columns`` say."""
    third = list(columns)[len(_CELL)]
    return (
        frame.join(periods, on=["every", "period_start"])
        .with_columns(pl.col(third).cast(pl.Enum(list(order))).alias("_order"))
        .sort(
            "scope",
            "entity_id",
            "every",
            "period_start",
            "currency",
            "_order",
            *(n for n in ("reason", "value") if n in columns),
            nulls_last=False,
        )
        .select(pl.col(name).cast(dtype) for name, dtype in columns.items())
    )
