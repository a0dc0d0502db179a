"""Measures of behaviour under stress, with stress and calm as :mod:`stress_windows` has them: severe incidents, and the same team at the same hours a day away from any.

What people do in one incident goes together, so incidents are drawn again as wholes, each with the calm beside it (:func:`clustered_comparison`). Of teams, never of people.
"""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
from scipy.stats import norm

from idp_analytics.answers import ORG
from idp_analytics.estimates.clustered import clustered_comparison
from idp_analytics.metrics.catalogue import by_name
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.maturity.from_paths import counted
from idp_analytics.metrics.maturity.from_requests import recent, with_untested
from idp_analytics.metrics.maturity.measured import (
    CALM,
    FEW,
    YEAR,
    moment,
    nothing,
    of_intervals,
    of_shares,
    since,
)
from idp_analytics.metrics.observed import observed
from idp_analytics.metrics.period_ends import by_scope
from idp_analytics.metrics.stress_windows import FEWEST, STRESSES, inside, spans, windows
from idp_analytics.metrics.uses import ROUND
from idp_analytics.settings import Settings

_ENTITY = ["scope", "entity_id"]
LEAST_IN_STRESS = 20
"""Deployments in stress from which something is told."""

SEED = 20260702


def path_share_under_stress(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Share of deployments by a golden path under stress ÷ in the calm windows beside it."""
    source, unit = "path_share_under_stress", "ratio of shares"
    rows = (
        observed(by_name("deployment_path_share"), tables, settings, as_of)
        .filter("usable", pl.col("team_id").is_not_null(), pl.col("hit").is_not_null(), pl.col("at") >= since(as_of, YEAR))
        .select("team_id", pl.col("at").alias("happened_at"), pl.col("hit").cast(pl.Int64).alias("x"), pl.lit(1, pl.Int64).alias("n")).collect()
    )  # fmt: skip
    if rows.is_empty():
        return nothing(source, unit)
    deploying = by_scope(rows).select(_ENTITY).unique()
    found = against_calm(_beside(rows, tables, settings, as_of), settings.rules.level, of_shares=True)
    told = _tested(deploying.join(found, on=_ENTITY, how="left"), tables, as_of)
    return of_intervals(told, source, unit, settings.rules.level)


def tickets_under_stress(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Tickets per deployment under stress ÷ in the calm windows beside it, the whole organisation being one team: whoever's incident it is."""
    source, unit = "tickets_under_stress", "ratio of tickets per deployment"
    deployed = observed(by_name("deployment_frequency"), tables, settings, as_of).filter("usable", pl.col("at") >= since(as_of, YEAR)).select(pl.col("at").alias("happened_at")).collect()  # fmt: skip
    asked = recent(tables["tickets"], "created_at", as_of, YEAR).select(pl.col("created_at").alias("happened_at")).collect()  # fmt: skip
    if asked.is_empty() or deployed.is_empty():
        return nothing(source, unit)
    one, none, org = pl.lit(1, pl.Int64), pl.lit(0, pl.Int64), pl.lit(ORG).alias("team_id")
    rows = pl.concat(
        [asked.select(org, "happened_at", one.alias("x"), none.alias("n")), deployed.select(org, "happened_at", none.alias("x"), one.alias("n"))]
    )  # fmt: skip
    whole = {**tables, "incidents": tables["incidents"].with_columns(org)}
    found = against_calm(_beside(rows, whole, settings, as_of), settings.rules.level).filter(pl.col("scope") == "org")
    org_only = pl.DataFrame({"scope": ["org"], "entity_id": [ORG]})
    return of_intervals(_tested(org_only.join(found, on=_ENTITY, how="left"), whole, as_of), source, unit, settings.rules.level)  # fmt: skip


def _beside(rows: pl.DataFrame, tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """``rows`` (``team_id``, ``happened_at``, ``x``, ``n``) by window of stress: ``scope``, ``entity_id``, ``window``, ``x1``, ``n1`` in it, ``x0``, ``n0`` in the calm beside it."""
    there = windows(tables, settings, _now(as_of), STRESSES[:1])
    side = pl.col("is_stress")
    counts = inside(there, rows).group_by("team_id", "cluster").agg(
        pl.col(name).filter(side if one else ~side).sum().alias(f"{name}{one:d}") for name in ("x", "n") for one in (True, False)
    )  # fmt: skip
    return by_scope(counts).with_columns(pl.concat_str("cluster", "team_id", separator="\0").alias("window"))


def against_calm(counts: pl.DataFrame, level: float, of_shares: bool = False) -> pl.DataFrame:
    """(Σ x1 ÷ Σ n1) ÷ (Σ x0 ÷ Σ n0) per entity over its windows (``scope``, ``entity_id``, ``window``, ``x1``, ``n1``, ``x0``, ``n0``): ``value``, ``low``, ``high``, ``n`` (n1),
    ``windows`` with anything to see in stress. ``of_shares``: x is a part of n."""
    told = counts.with_columns(pl.lit(True).alias("_ratio"))
    found = clustered_comparison(told, _ENTITY, "window", "_ratio", SEED, level, of_shares=of_shares)
    seen = counts.group_by(_ENTITY).agg((pl.col("n1") > 0).sum().alias("windows"))
    return found.join(seen, on=_ENTITY).select(*_ENTITY, "value", "low", "high", pl.col("n1").alias("n"), "windows")


def _tested(found: pl.DataFrame, tables: Tables, as_of: datetime) -> pl.DataFrame:
    """``found`` with ``why`` where nothing is told: no severe incident at all, or too little to see in them and beside."""
    incidents = by_scope(spans(tables, _now(as_of))).group_by(_ENTITY).agg(pl.len().alias("incidents"))
    enough = (pl.col("windows") >= FEWEST) & (pl.col("n") >= LEAST_IN_STRESS) & pl.col("value").is_not_null()
    why = pl.when(pl.col("incidents").is_null()).then(pl.lit(CALM)).when(~enough.fill_null(False)).then(pl.lit(FEW))
    return found.join(incidents, on=_ENTITY, how="left").with_columns(pl.col("n").fill_null(0), why.alias("why")).sort(_ENTITY)  # fmt: skip


def _now(as_of: datetime) -> pl.DataFrame:
    return pl.DataFrame({"at": [as_of.astimezone(UTC)]}, schema={"at": pl.Datetime("us", "UTC")})


def rules_kept_under_stress(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Of severe incidents of the last year, those in which nobody went round a rule for the service concerned."""
    source, unit = "rules_kept_under_stress", "share of severe incidents"
    hatches = (
        tables["escape_hatches"].filter(pl.col("kind").is_in(list(ROUND)), pl.col("service_id").is_not_null(), pl.col("opened_at") < moment(as_of))
        .select("service_id", pl.col("opened_at").alias("at")).collect()
    )  # fmt: skip
    if tables["escape_hatches"].select(pl.len()).collect().item() == 0:
        return nothing(source, unit)
    severe = spans(tables, _now(as_of)).drop("at")
    if severe.is_empty():
        known = tables["incidents"].select(pl.len()).collect().item() > 0
        return nothing(source, unit, CALM) if known else nothing(source, unit)
    held = severe.drop_nulls("service_id").sort("from").join_asof(
        hatches.sort("at"), left_on="from", right_on="at", by="service_id", strategy="forward", check_sortedness=False
    )  # fmt: skip
    went_round = (pl.col("at") < pl.col("to")).fill_null(False)
    rows = held.select("team_id", (~went_round).alias("hit"), pl.lit(True).alias("usable"))
    return with_untested(of_shares(counted(rows), source, unit, settings.rules.level), tables, settings, as_of)


def requests_settled_in_the_worst_quarter(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Tickets settled in the quarter with most incidents ÷ in the median of the last four complete quarters."""
    settled = tables["tickets"].filter(pl.col("resolved_at") < moment(as_of)).select(pl.col("resolved_at").alias("at")).collect()  # fmt: skip
    return _worst(settled, tables, settings, as_of, "requests_settled_in_the_worst_quarter", "ratio of tickets")


def retrospectives_in_the_worst_quarter(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Retrospectives that resolved anything in the quarter with most incidents ÷ in the median of the last four complete quarters.

    Of the organisation and of each team in the organisation's worst quarter; a retrospective that resolved nothing is not in the data.
    """
    held = (
        tables["actions"].filter(pl.col("origin") == "retrospective").drop_nulls("origin_id")
        .group_by("team_id", "origin_id").agg(pl.col("opened_on").min().cast(pl.Datetime("us", "UTC")).alias("at")).collect()
    )  # fmt: skip
    return _worst(held, tables, settings, as_of, "retrospectives_in_the_worst_quarter", "ratio of retrospectives")


def _worst(
    events: pl.DataFrame, tables: Tables, settings: Settings, as_of: datetime, source: str, unit: str
) -> pl.DataFrame:
    end = moment(as_of).dt.truncate("1q")
    last = [pl.select(end.dt.offset_by(f"-{back}q")).item() for back in (4, 3, 2, 1)]
    quarter = pl.col("at").dt.truncate("1q")
    incidents = tables["incidents"].select(pl.col("opened_at").alias("at")).filter(quarter.is_in(last)).collect()
    if events.is_empty() or not tables["incidents"].select(pl.len()).collect().item():
        return nothing(source, unit)
    if incidents.is_empty():
        return nothing(source, unit, CALM)
    worst = (
        incidents.group_by(quarter.alias("quarter"))
        .len()
        .sort("len", "quarter", descending=[True, False])["quarter"][0]
    )
    rows = events if "team_id" in events.columns else events.with_columns(pl.lit(None, pl.String).alias("team_id"))
    counts = (
        by_scope(rows.filter(quarter.is_in(last))).group_by(*_ENTITY, quarter.alias("quarter")).agg(pl.len().alias("n"))
    )
    found = (
        counts.group_by(_ENTITY)
        .agg(
            pl.col("n").filter(pl.col("quarter") == worst).sum().alias("bad"), pl.col("n").median().alias("usual"),
            pl.len().alias("quarters"), pl.col("n").sum().alias("n"),
        ).sort(_ENTITY)
    )  # fmt: skip
    error = (1 / pl.col("bad") + 1 / pl.col("usual")).sqrt()
    half = float(norm.isf((1 - settings.rules.level) / 2)) * error
    value = pl.col("bad") / pl.col("usual")
    told = found.with_columns(
        value.alias("value"), *((value * end.exp()).fill_nan(None).alias(name) for name, end in (("low", -half), ("high", half))),
        pl.when((pl.col("quarters") < len(last)) | (pl.col("bad") == 0)).then(pl.lit(FEW)).alias("why"),
    )  # fmt: skip
    return of_intervals(told, source, unit, settings.rules.level)
