"""Measures of behaviour under stress: while a severe incident lasts and two hours after, beside calm times a day away from any.

Stress comes in incidents, so intervals rest on as many observations as there are incidents that differ (design effect, Kish 1965). Calm
times are of the same team, not of the same hour of day: what is done at night differs for other reasons too. Of teams, never of people.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
from scipy.stats import norm

from idp_analytics.estimates import shares
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
from idp_analytics.settings import Settings

_ENTITY = ["scope", "entity_id"]
SEVERE = 2
"""Severity up to which an incident is severe."""
AFTER = pl.duration(hours=2)
CALM_FROM = pl.duration(hours=24)
LEAST_WINDOWS, LEAST_IN_STRESS = 5, 20
ROUND = ("bypass", "override", "suspend", "manual")
"""Kinds of escape hatches that go round a rule rather than being granted beforehand."""


def windows(tables: Tables, as_of: datetime) -> pl.DataFrame:
    """Severe incidents of the last year: ``incident_id``, ``service_id``, ``team_id``, ``begins``, ``ends`` (two hours after it was resolved)."""
    ends = pl.min_horizontal(pl.col("resolved_at").fill_null(moment(as_of)) + AFTER, moment(as_of))
    return (
        recent(tables["incidents"], "opened_at", as_of, YEAR).filter(pl.col("severity") <= SEVERE)
        .select("incident_id", "service_id", "team_id", pl.col("opened_at").alias("begins"), ends.alias("ends"))
        .sort("begins", "incident_id").collect()
    )  # fmt: skip


def placed(events: pl.DataFrame, spans: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """``events`` (with ``at``) with ``window``: the incident they fall into, and ``is_calm``: a day or more away from any of ``by``.

    Of overlapping windows an event is in the one that began last.
    """
    # The end of a window is that of the longest one begun so far: a short incident must not hide a long one.
    reach = pl.col("ends").cum_max()
    ordered = spans.sort("begins").with_columns((reach.over(by) if by else reach).alias("reach"))
    before = ordered.select(*by, pl.col("begins").alias("begun"), "reach", pl.col("incident_id").alias("last"))
    after = ordered.select(*by, pl.col("begins").alias("next"))
    found = (
        events.sort("at")
        .join_asof(before, left_on="at", right_on="begun", strategy="backward", check_sortedness=False, by=by or None)
        .join_asof(after, left_on="at", right_on="next", strategy="forward", check_sortedness=False, by=by or None)
    )
    inside = (pl.col("at") < pl.col("reach")).fill_null(False)
    calm = (pl.col("reach").is_null() | (pl.col("at") >= pl.col("reach") + CALM_FROM)) & (
        pl.col("next").is_null() | (pl.col("at") < pl.col("next") - CALM_FROM)
    )
    return found.with_columns(pl.when(inside).then("last").alias("window"), (calm & ~inside).alias("is_calm"))


def path_share_under_stress(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Share of deployments by a golden path under stress ÷ in calm times (ratio by the delta method on logarithms, Katz et al. 1978)."""
    source, unit = "path_share_under_stress", "ratio of shares"
    rows = (
        observed(by_name("deployment_path_share"), tables, settings, as_of)
        .filter("usable", pl.col("team_id").is_not_null(), pl.col("hit").is_not_null(), pl.col("at") >= since(as_of, YEAR))
        .select("team_id", "at", "hit").collect()
    )  # fmt: skip
    spans = windows(tables, as_of).drop_nulls("team_id")
    if rows.is_empty():
        return nothing(source, unit)
    known = by_scope(placed(rows, spans, ["team_id"]))
    hit = pl.col("hit")
    calm = known.filter("is_calm").group_by(_ENTITY).agg(hit.sum().alias("ck"), pl.len().alias("cn"))
    each = known.drop_nulls("window").group_by(*_ENTITY, "window").agg(hit.sum().alias("k"), pl.len().alias("n"))
    k, n = pl.col("k").cast(pl.Float64), pl.col("n").cast(pl.Float64)
    stress = each.group_by(_ENTITY).agg(
        k.sum(), n.sum(), (k * k).sum().alias("kk"), (k * n).sum().alias("kn"), (n * n).sum().alias("nn"), pl.len().alias("m")
    )  # fmt: skip
    seen = by_scope(spans).group_by(_ENTITY).agg(pl.len().alias("incidents"))
    found = calm.join(stress, on=_ENTITY, how="left").join(seen, on=_ENTITY, how="left").sort(_ENTITY)
    found = found.with_columns(pl.col("incidents", "m", "k", "n", "kk", "kn", "nn").fill_null(0))
    a, b, ck, cn = (found[c].cast(pl.Float64).to_numpy() for c in ("k", "n", "ck", "cn"))
    effect = shares.design_effect(*(found[c].to_numpy() for c in ("k", "n", "kk", "kn", "nn", "m")))
    with np.errstate(all="ignore"):
        ratio = (a / b) / (ck / cn)
        error = np.sqrt(effect * (1 / a - 1 / b) + 1 / ck - 1 / cn)
        half = norm.isf((1 - settings.rules.level) / 2) * error
        ends = {"value": ratio, "low": ratio * np.exp(-half), "high": ratio * np.exp(half)}
    enough = (pl.col("m") >= LEAST_WINDOWS) & (pl.col("n") >= LEAST_IN_STRESS)
    told = found.with_columns(
        *(pl.Series(name, np.where(np.isfinite(v), v, np.nan)).fill_nan(None) for name, v in ends.items()), pl.col("n").cast(pl.Int64),
        pl.when(pl.col("incidents") == 0).then(pl.lit(CALM)).when(~enough).then(pl.lit(FEW)).alias("why"),
    )  # fmt: skip
    return of_intervals(told.drop("k"), source, unit, settings.rules.level)


def rules_kept_under_stress(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Of severe incidents of the last year, those in which nobody went round a rule for the service concerned."""
    source, unit = "rules_kept_under_stress", "share of severe incidents"
    hatches = (
        tables["escape_hatches"].filter(pl.col("kind").is_in(list(ROUND)), pl.col("service_id").is_not_null(), pl.col("opened_at") < moment(as_of))
        .select("service_id", pl.col("opened_at").alias("at")).collect()
    )  # fmt: skip
    if tables["escape_hatches"].select(pl.len()).collect().item() == 0:
        return nothing(source, unit)
    spans = windows(tables, as_of)
    if spans.is_empty():
        known = tables["incidents"].select(pl.len()).collect().item() > 0
        return nothing(source, unit, CALM) if known else nothing(source, unit)
    held = spans.drop_nulls("service_id").sort("begins").join_asof(
        hatches.sort("at"), left_on="begins", right_on="at", by="service_id", strategy="forward", check_sortedness=False
    )  # fmt: skip
    went_round = (pl.col("at") < pl.col("ends")).fill_null(False)
    rows = held.select("team_id", (~went_round).alias("hit"), pl.lit(True).alias("usable"))
    return with_untested(of_shares(counted(rows), source, unit, settings.rules.level), tables, settings, as_of)


def tickets_under_stress(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Tickets per deployment under stress ÷ in calm times, whoever's incident it is; two Poisson counts, on logarithms."""
    source, unit = "tickets_under_stress", "ratio of tickets per deployment"
    spans = windows(tables, as_of)
    deployed = (
        observed(by_name("deployment_frequency"), tables, settings, as_of).filter("usable", pl.col("at") >= since(as_of, YEAR)).select("at").collect()
    )  # fmt: skip
    asked = recent(tables["tickets"], "created_at", as_of, YEAR).select(pl.col("created_at").alias("at")).collect()
    if asked.is_empty() or deployed.is_empty():
        return nothing(source, unit)
    if spans.is_empty():
        return nothing(source, unit, CALM)
    in_stress, calm = [], []
    for frame in (asked, deployed):
        known = placed(frame, spans, [])
        in_stress.append(known["window"].count())
        calm.append(int(known["is_calm"].sum()))
    if spans.height < LEAST_WINDOWS or in_stress[1] < LEAST_IN_STRESS or not all((*in_stress, *calm)):
        return nothing(source, unit, FEW)
    value = (in_stress[0] / in_stress[1]) / (calm[0] / calm[1])
    error = float(np.sqrt(sum(1 / count for count in (*in_stress, *calm))))
    return of_intervals(_on_logs(value, error, settings.rules.level, in_stress[0]), source, unit, settings.rules.level)


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
        value.alias("value"), (value * (-half).exp()).alias("low"), (value * half.exp()).alias("high"),
        pl.when((pl.col("quarters") < len(last)) | (pl.col("bad") == 0)).then(pl.lit(FEW)).alias("why"),
    )  # fmt: skip
    return of_intervals(told, source, unit, settings.rules.level)


def _on_logs(value: float, error: float, level: float, n: int) -> pl.DataFrame:
    half = float(norm.isf((1 - level) / 2)) * error
    row = {
        "scope": "org",
        "entity_id": "org",
        "value": value,
        "low": value * np.exp(-half),
        "high": value * np.exp(half),
        "n": n,
    }
    return pl.DataFrame([row])
