"""Study ``sprawl``: which parts of the platform hardly anybody uses, and what stands against asking whether they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import numpy as np
import polars as pl

from idp_analytics.answers import CELL, ORG
from idp_analytics.estimates import shares, trend
from idp_analytics.metrics import golden_paths
from idp_analytics.metrics.cells import Spans
from idp_analytics.metrics.component_users import UPTAKE_DAYS, arrived, begun, counted, tickets
from idp_analytics.metrics.components import LAG, WINDOW_DAYS, components, costs_at, standing, told, uses
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.period_ends import UTC_TIME, period_ends
from idp_analytics.metrics.remembered import remembered
from idp_analytics.settings import Settings
from idp_analytics.settings.components import Component

FEW_SHARE, FEW_TEAMS = 0.10, 2
"""Few users: surely less than this share of teams, or at most so many teams and fewer than half of them."""
MONTHS = 24
"""How many complete months a trend looks back."""
READINGS = ("retire candidate", "watch", "keep", "not measured")
"""What the rule comes to. A candidate is a question to those who know, with the money it is about; no verdict."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org: a component is nobody's but the platform's
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "component": pl.String,
    "title": pl.String,
    "capability": pl.String,
    "teams": pl.Int64,  # teams there are, the platform's own left out
    "active_teams": pl.Int64,  # of them, those with a use in the window or a service on the path at its end
    "share": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "services": pl.Int64,  # active services, as path_coverage has them
    "active_services": pl.Int64,  # services that name the component in a use, or stand on its path
    "services_high": pl.Float64,
    "level": pl.Float64,
    "uses": pl.Int64,  # dated uses in the window
    "unknown": pl.Int64,  # of them by nobody knows which team
    "last_used": UTC_TIME,  # null: never, as far as the data tell
    "is_covered": pl.Boolean,  # every source that ever told of it tells of the whole window
    "months": pl.Int64,  # complete months in the trend
    "slope": pl.Float64,  # uses per month more each month (Sen)
    "slope_low": pl.Float64,
    "slope_high": pl.Float64,
    "autocorrelation": pl.Float64,
    "new_teams": pl.Int64,  # teams that came unasked in the last two quarters; null: the data do not reach back that far
    "age_days": pl.Float64,  # at least so old
    "tickets": pl.Int64,  # about it, in the window; null: nothing says which tickets are
    "has_cost": pl.Boolean,  # null: nothing says which charges are its
    "required_by": pl.String,
    "needed_by": pl.List(pl.String),  # titles of components
    "users": pl.List(pl.String),  # the active teams
    "reading": pl.String,  # READINGS
    "because": pl.String,  # what makes its users few; null: they are not
    "but": pl.List(pl.String),  # what stands against retiring it, or is not known
}
"""The columns of the study, in order."""

_PLACE = ["component", "at"]


def sprawl(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """Every component at the end of each month and quarter, or of ``spans``: who uses it, whether more or less, and what the rule comes to.

    One row per period and component (:data:`COLUMNS`), in the order of their ids. Share of teams: Wilson 1927; nobody of n means
    *at most* ``high``. Trend: Sen 1968 on uses by month, from 8 complete months. The rule: *retire candidate* where users are
    few (no use in 90 days; at most two teams and fewer than half; the share surely below 10 %) **and** it costs something
    **and** it is older than ``rules.ramp_days`` **and** no team came unasked in two quarters **and** no law and no other
    component needs it. Few users and any of these not so, or not known: *watch*; a use that surely falls too. Where a
    source that ever told of it does not tell of the whole window, few users are *not measured*: silence is no zero.
    """
    return _sprawl(tables, settings, as_of, spans if spans is None else tuple(spans))


@remembered
def _sprawl(tables: Tables, settings: Settings, as_of: datetime, of: Spans | None) -> pl.DataFrame:
    parts = components(tables, settings)
    used = uses(tables, parts, as_of)
    spans = told(tables, used, parts, as_of)
    if spans.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    first: date = spans["since"].min().date()  # type: ignore[union-attr]
    ends = period_ends(settings, as_of, first, of=of)
    if ends.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    moments = ends.select("at", "day").unique().sort("at")
    stands = standing(tables, settings, parts, as_of, moments)
    teams = _teams(tables, settings, moments)
    services = golden_paths.services_at(tables, settings, as_of, moments).filter("is_active")
    found = (
        _named(parts).join(moments.select("at"), how="cross")
        .join(counted(used, stands, teams, services, moments), on=_PLACE, how="left")
        .join(teams.group_by("at").agg(pl.len().alias("teams")), on="at", how="left")
        .join(services.group_by("at").agg(pl.len().alias("services")), on="at", how="left")
        .join(arrived(used, stands, teams, tables, parts, moments), on=_PLACE, how="left")
        .join(tickets(tables, parts, moments), on=_PLACE, how="left")
        .join(costs_at(tables, settings, as_of, moments).group_by(_PLACE).agg((pl.col("amount") > 0).any().alias("has_cost")), on=_PLACE, how="left")
        .join(spans, on="component", how="left")
        .join(begun(used, parts, tables), on="component", how="left")
    )  # fmt: skip
    # Before it was there, a component is no part of the platform; one that was never seen stays, as not measured.
    there = pl.col("first_used").is_null() | (pl.min_horizontal("first_used", "begun") < pl.col("at"))
    found = found.filter(there | pl.col("active_teams").is_not_null())
    counts = ("active_teams", "active_services", "uses", "unknown", "teams", "services")
    found = found.with_columns(
        pl.col(counts).fill_null(0), pl.col("users").fill_null([]), pl.lit(settings.rules.level).alias("level")
    )
    found = _with_trend(_with_intervals(found, settings.rules.level), used, settings.rules.level)
    return (
        _read(found, settings).join(ends.drop("day", "begins"), on="at")
        .with_columns(pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id"))
        .sort(*CELL, "component")
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )  # fmt: skip


def _teams(tables: Tables, settings: Settings, moments: pl.DataFrame) -> pl.DataFrame:
    """The teams that can use a platform at each moment: there on the day, and not the platform's own."""
    kind, day = pl.col("kind"), pl.col("day")
    known = tables["teams"].filter(
        kind.is_null() | (kind == "team"), pl.col("team_id") != (settings.platform_team or "")
    ).collect()  # fmt: skip
    there = (pl.col("valid_from").is_null() | (pl.col("valid_from") <= day)) & (
        pl.col("valid_to").is_null() | (pl.col("valid_to") > day)
    )
    return known.join(moments, how="cross").filter(there).select("team_id", "at")


def _named(parts: Sequence[Component]) -> pl.DataFrame:
    titles = {part.id: part.title for part in parts}
    rows = [
        (p.id, p.title, p.capability, p.required_by, [titles[name] for name in p.needed_by]) for p in parts
    ]  # fmt: skip
    schema = {name: COLUMNS[name] for name in ("component", "title", "capability", "required_by", "needed_by")}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _with_intervals(found: pl.DataFrame, level: float) -> pl.DataFrame:
    n, k = found["teams"].to_numpy(), found["active_teams"].to_numpy()
    # One moment or many, it is divided alike: by one number for all rows Polars multiplies by its inverse.
    share = np.divide(k, n, out=np.full(len(n), np.nan), where=n > 0)
    low, high = shares.wilson(k, n, level)
    of_services = shares.wilson(found["active_services"], found["services"], level)[1]
    return found.with_columns(
        pl.Series("share", share).fill_nan(None), pl.Series("low", low).fill_nan(None), pl.Series("high", high).fill_nan(None),
        pl.Series("services_high", of_services).fill_nan(None),
    )  # fmt: skip


def _with_trend(found: pl.DataFrame, used: pl.DataFrame, level: float) -> pl.DataFrame:
    """Sen's slope of dated uses over the complete months before each moment that all its sources cover, 24 at most."""
    months = used.group_by("component", pl.col("at").dt.truncate("1mo").alias("month")).agg(
        pl.len().cast(pl.Float64).alias("x")
    )
    whole = pl.col("at").dt.truncate("1mo")
    begin = pl.max_horizontal(
        (pl.col("since") - pl.duration(microseconds=1)).dt.truncate("1mo").dt.offset_by("1mo"),
        whole.dt.offset_by(f"-{MONTHS}mo"),
    )
    place = found.select(
        *_PLACE, "first_used", "since", pl.datetime_ranges(begin, whole, "1mo", closed="left").alias("month")
    )
    dated = (
        place.drop_nulls(["first_used", "month"])
        .explode("month")
        .drop_nulls("month")
        .join(months, on=["component", "month"], how="left")
        .sort(*_PLACE, "month")
    )
    kept = dated.group_by(_PLACE, maintain_order=True).agg(pl.col("x").fill_null(0.0))
    values = np.full((kept.height, MONTHS), np.nan)
    for row, series in enumerate(kept["x"]):
        values[row, : len(series)] = series.to_numpy()
    moved = trend.trend(values, level)
    told_of = kept.drop("x").with_columns(
        pl.Series("months", moved.n),
        *(pl.Series(name, column, dtype=pl.Float64).fill_nan(None) for name, column in (
            ("slope", moved.slope), ("slope_low", moved.low), ("slope_high", moved.high), ("autocorrelation", moved.autocorrelation))),
    )  # fmt: skip
    return found.join(told_of, on=_PLACE, how="left").with_columns(pl.col("months").fill_null(0))


def _read(found: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """The rule: ``is_covered``, ``age_days``, ``because``, ``but``, ``reading``."""
    at, k, n = pl.col("at"), pl.col("active_teams"), pl.col("teams")
    begins = at - pl.duration(days=WINDOW_DAYS)
    covered = ((pl.col("since") <= begins) & (pl.col("until") >= at - LAG)).fill_null(False)
    reaches = (pl.col("since") <= at - pl.duration(days=UPTAKE_DAYS)).fill_null(False)
    known_start = pl.coalesce(
        "begun", pl.when(pl.col("first_used") > pl.col("since") + LAG).then("first_used"), "since"
    )
    ages = ((at - known_start).dt.total_seconds(fractional=True) / 86400).alias("age_days")
    none = (k == 0) & (pl.col("active_services") == 0) & (pl.col("uses") == 0)
    because = (
        pl.when(none).then(pl.lit(f"no use in {WINDOW_DAYS} days"))
        .when((k <= FEW_TEAMS) & (2 * k < n)).then(pl.lit(f"at most {FEW_TEAMS} teams"))
        .when(pl.col("high") < FEW_SHARE).then(pl.lit(f"surely below {FEW_SHARE:.0%} of teams"))
    )  # fmt: skip
    against = {
        "its cost is not known": pl.col("has_cost").is_null(), "it costs nothing": ~pl.col("has_cost"),
        "it is young": pl.col("age_days") < settings.rules.ramp_days, "its age is not known": pl.col("age_days").is_null(),
        "teams came unasked in two quarters": pl.col("new_teams") > 0,
        "the data do not reach back two quarters": pl.col("new_teams").is_null(),
        "a rule demands it": pl.col("required_by").is_not_null(), "other components need it": pl.col("needed_by").list.len() > 0,
        "some use is of no known team": pl.col("unknown") > 0,
    }  # fmt: skip
    read = found.with_columns(
        covered.alias("is_covered"), ages, because.alias("because"),
        pl.when(reaches).then(pl.col("new_teams").fill_null(0)).alias("new_teams"),
    ).with_columns(
        pl.concat_list([pl.when(holds.fill_null(False)).then(pl.lit(word)) for word, holds in against.items()]).list.drop_nulls().alias("but")
    )  # fmt: skip
    few = pl.col("because").is_not_null()
    falls = (pl.col("slope_high") < 0).fill_null(False)
    reading = (
        pl.when(few & ~pl.col("is_covered")).then(pl.lit("not measured"))
        .when(n == 0).then(pl.lit("not measured"))
        .when(few & (pl.col("but").list.len() == 0)).then(pl.lit("retire candidate"))
        .when(few | falls).then(pl.lit("watch"))
        .otherwise(pl.lit("keep"))
    )  # fmt: skip
    return read.with_columns(reading.alias("reading"), pl.when(pl.col("is_covered")).then("because").alias("because"))
