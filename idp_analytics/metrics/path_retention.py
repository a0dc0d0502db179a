"""Studies ``path_retention`` and ``path_entry``: who stays on a golden path, and who comes to one without being made to."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl

from idp_analytics.answers import CELL
from idp_analytics.estimates import shares, survival
from idp_analytics.metrics import golden_paths
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.period_ends import UTC_TIME, by_scope, period_ends
from idp_analytics.metrics.remembered import of_last_moment
from idp_analytics.periods import label
from idp_analytics.settings import Settings
from idp_analytics.tables.ownership import attribute

DAYS = (30, 90, 180)
"""After how many days it is told who is still there."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "cohort": pl.String,  # quarter of joining; null: all
    "n": pl.Int64,  # joins: one service coming onto one path for the first time
    "k": pl.Int64,  # of them known to have left
    "unknown": pl.Int64,  # beside n: joins of which only birth is told, so that leaving would not be seen
    "early": pl.Int64,  # beside n: joined before anybody looked, or there at the first look; who left by then is not known, so none counts
    "day": pl.Int64,  # after joining
    "at_risk": pl.Int64,  # followed until then and still there
    "share": pl.Float64,  # still on the path then (Kaplan–Meier); null: nobody is followed so long
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
    "is_mark": pl.Boolean,  # one of DAYS; the others are the steps of the curve of all
}
"""The columns of the study ``path_retention``, in order."""

ENTRY_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "n": pl.Int64,  # services there at the start of the period and on no golden path
    "k": pl.Int64,  # of them, joined one in it that was not mandated then
    "mandated": pl.Int64,  # of n, joined only what was mandated
    "unknown": pl.Int64,  # beside n: said to be on a path at the start, and nobody looks
    "share": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
}
"""The columns of the study ``path_entry``, in order."""

_PAIR = ["service_id", "golden_path_id"]
_KEY = ["scope", "entity_id", "cohort"]


def path_retention(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """The share of joins still on the path after 30, 90 and 180 days, by quarter of joining and for all (:data:`COLUMNS`).

    Only joins since the first look count, and each service once per path: a return is another matter. Who left: see
    :func:`golden_paths.spells`. Still there counts up to the last look that showed it; a retired service has not left, it is
    followed no further. Owner: that of the day of joining. Kaplan–Meier; interval: log-log (Kalbfleisch & Prentice 1980), and
    Wilson's (1927) where nobody left yet.
    """
    joins = joined(tables, settings, as_of)
    if joins.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    scoped = by_scope(joins)
    whole = pl.lit(None, pl.String).alias("cohort")
    return followed(pl.concat([scoped.with_columns(whole), scoped]), settings.rules.level)


def followed(both: pl.DataFrame, level: float, drawn: pl.Expr | None = None) -> pl.DataFrame:
    """Kaplan–Meier of joins (:func:`joined`, by ``scope``, ``entity_id`` and ``cohort``) with the columns :data:`COLUMNS`.

    ``drawn``: of which cohorts the steps of the curve are kept beside the marks; left out: of the one of all.
    """
    drawn = pl.col("cohort").is_null() if drawn is None else drawn
    counts = both.group_by(_KEY).agg(
        (pl.col("kind") == "counted").sum().alias("n"), ((pl.col("kind") == "counted") & pl.col("hit")).sum().alias("k"),
        (pl.col("kind") == "unknown").sum().alias("unknown"), (pl.col("kind") == "early").sum().alias("early"),
    ).filter(pl.col("cohort").is_null() | (pl.col("n") > 0))  # fmt: skip
    known = both.filter(kind="counted")
    curves = survival.curve(known, _KEY, "x", "hit", level).select(
        *_KEY, "time", pl.col("survival").alias("share"), "low", "high"
    )
    marks = (
        counts.select(_KEY).join(pl.DataFrame({"day": DAYS}), how="cross").with_columns(pl.lit(True).alias("is_mark"))
    )
    steps = curves.filter(drawn).select(
        *_KEY, pl.col("time").floor().cast(pl.Int64).alias("day"), pl.lit(False).alias("is_mark")
    )
    zero = counts.filter(drawn).select(_KEY).with_columns(day=pl.lit(0, pl.Int64), is_mark=pl.lit(False))
    days = (
        pl.concat([marks, zero, steps])
        .unique([*_KEY, "day", "is_mark"])
        .with_columns((pl.col("day") + 1.0).alias("_end"))
    )
    at_risk = (
        days.join(known.select(*_KEY, "x"), on=_KEY, how="left", nulls_equal=True)
        .group_by(*_KEY, "day", "is_mark")
        .agg((pl.col("x") >= pl.col("day")).fill_null(False).sum().alias("at_risk"))
    )
    found = (
        days.sort("_end")
        .with_columns(pl.col("cohort").fill_null(""))
        .join_asof(
            curves.with_columns(pl.col("cohort").fill_null("")).sort("time"), left_on="_end", right_on="time", by=_KEY,
            allow_exact_matches=False, check_sortedness=False,
        )
        .with_columns(pl.when(pl.col("cohort") != "").then("cohort").alias("cohort"))
        .join(at_risk, on=[*_KEY, "day", "is_mark"], nulls_equal=True)
        .join(counts, on=_KEY, nulls_equal=True)
    )  # fmt: skip
    return (
        _filled(found, level)
        .sort(*_KEY, "is_mark", "day", nulls_last=False)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


@of_last_moment
def joined(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Every first join: ``service_id``, ``golden_path_id``, ``team_id``, ``cohort``, ``x`` days until it left (``hit`` true) or was last
    seen, ``kind``: counted, unknown (only birth is told) or early (before the first look at that path, or there when the source that
    sees it first looked, and nobody tells since when)."""
    seen = golden_paths.evidence(tables, settings, as_of)
    if seen.is_empty():
        return pl.DataFrame()
    by_source = pl.col("as_of").min().over("source", "golden_path_id").alias("_looked")
    strengths = (
        seen.with_columns(by_source)
        .group_by(_PAIR)
        .agg(
            pl.col("strength").max(),
            pl.col("joined_at").min().is_not_null().alias("is_told"),
            _was_there().alias("was_there"),
        )
    )
    looked = seen.filter(pl.col("strength") > 0).group_by("golden_path_id").agg(pl.col("as_of").min().alias("_first"))
    services = tables["services"].select("service_id", "retired_at").collect()
    stays = (
        golden_paths.spells(seen)
        .filter(number=1)
        .join(strengths, on=_PAIR)
        .join(looked, on="golden_path_id", how="left")
        .join(services, on="service_id", how="left")
        .filter(pl.col("retired_at").is_null() | (pl.col("retired_at") > pl.col("began")))
        .with_columns(pl.col("began").dt.convert_time_zone(settings.time_zone).dt.date().alias("day"))
    )
    # Leaving in the moment of retirement is retiring.
    left = pl.col("ended").is_not_null() & (pl.col("retired_at").is_null() | (pl.col("ended") < pl.col("retired_at")))
    now = pl.lit(as_of.astimezone(UTC)).cast(UTC_TIME)
    hit = left & (pl.col("ended") < now)
    until = (
        pl.when(hit).then("ended").otherwise(pl.min_horizontal(pl.col("last_seen").cast(UTC_TIME), "retired_at", now))
    )
    days = ((until - pl.col("began")).dt.total_seconds(fractional=True) / 86400).clip(lower_bound=0)
    kind = (
        pl.when(pl.col("strength") == 0).then(pl.lit("unknown"))
        .when((pl.col("day") < pl.col("_first")) | (~pl.col("is_told") & pl.col("was_there"))).then(pl.lit("early"))
        .otherwise(pl.lit("counted"))
    )  # fmt: skip
    quarters = {start: label(start, "1q") for start in stays["day"].dt.truncate("1q").unique().to_list()}
    timed = stays.with_columns(
        days.alias("x"), hit.alias("hit"), kind.alias("kind"),
        pl.col("day").dt.truncate("1q").replace_strict(quarters, return_dtype=pl.String).alias("cohort"),
    )  # fmt: skip
    owned = attribute(golden_paths.STATE, timed, tables["ownership"].collect(), settings.time_zone)
    return owned.select(*_PAIR, "team_id", "cohort", "began", "is_born", "x", "hit", "kind", "last_seen").sort(_PAIR)


def _was_there() -> pl.Expr:
    """Whether the source that sees it best had it when that source first looked at the path: nobody knows since when."""
    best = pl.col("strength") == pl.col("strength").max()
    return (pl.col("as_of") == pl.col("_looked")).filter(best).any()


def _filled(found: pl.DataFrame, level: float) -> pl.DataFrame:
    """Before anybody left the share is one, and how sure that is follows from how many are followed."""
    at_risk = found["at_risk"].to_numpy()
    low, high = shares.wilson(at_risk, at_risk, level)
    untouched = pl.col("time").is_null() & (pl.col("at_risk") > 0)
    followed = pl.col("at_risk") > 0
    return found.with_columns(
        pl.when(untouched).then(1.0).when(followed | (pl.col("share") == 0)).then("share").alias("share"),
        pl.when(untouched).then(pl.Series(low).fill_nan(None)).when(followed).then("low").alias("low"),
        pl.when(untouched).then(pl.Series(high).fill_nan(None)).when(followed).then("high").alias("high"),
        pl.lit(level).alias("level"),
    )


def path_entry(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Services that were there and on no golden path at the start of a month or quarter, and how many came to one without a mandate.

    One row per entity and period (:data:`ENTRY_COLUMNS`), from the first period that begins after the first look. Production
    services; those born on a path are not counted as coming to it. A mandate is in force from ``mandated_from``. Wilson 1927.
    """
    seen = golden_paths.evidence(tables, settings, as_of)
    if seen.is_empty():
        return pl.DataFrame(schema=ENTRY_COLUMNS)
    first: date = seen["as_of"].min()  # type: ignore[assignment]
    spans = period_ends(settings, as_of, first).filter(pl.col("begins").dt.date() > first)
    starts = spans.select(
        pl.col("begins").alias("at"),
        (pl.col("begins") - pl.duration(microseconds=1))
        .dt.convert_time_zone(settings.time_zone)
        .dt.date()
        .alias("day"),
    ).unique()
    status = golden_paths.statuses(seen, starts).group_by("service_id", "at").agg(
        pl.col("status").cast(pl.Enum(golden_paths.STATUSES)).min().cast(pl.String)
    )  # fmt: skip
    there = (
        golden_paths.services_at(tables, settings, as_of, starts)
        .filter("is_production")
        .join(status, on=["service_id", "at"], how="left")
        .filter((pl.col("status") != "on").fill_null(True))
        .select("service_id", "team_id", pl.col("at").alias("begins"), "status")
        .join(spans.drop("day"), on="begins")
    )
    mandates = tables["golden_paths"].select("golden_path_id", "mandated_from").collect()
    joins = (
        golden_paths.spells(seen.filter(pl.col("strength") > 0))
        .join(mandates, on="golden_path_id", how="left")
        .with_columns((pl.col("began").dt.date() >= pl.col("mandated_from")).fill_null(False).alias("_must"))
        .select("service_id", "began", "_must")
    )
    came = (
        there.select("service_id", "begins", "at")
        .join(joins, on="service_id")
        .filter(pl.col("began") >= pl.col("begins"), pl.col("began") < pl.col("at"))
        .group_by("service_id", "begins", "at")
        .agg((~pl.col("_must")).any().alias("free"))
    )
    cells = by_scope(there.join(came, on=["service_id", "begins", "at"], how="left"))
    off = (pl.col("status") != "unverified").fill_null(True)
    found = cells.group_by(*CELL, "period", "is_partial").agg(
        off.sum().alias("n"), (off & pl.col("free").fill_null(False)).sum().alias("k"),
        (off & ~pl.col("free").fill_null(True)).sum().alias("mandated"), (~off).sum().alias("unknown"),
    )  # fmt: skip
    low, high = shares.wilson(found["k"].to_numpy(), found["n"].to_numpy(), settings.rules.level)
    return (
        found.with_columns(
            pl.when(pl.col("n") > 0).then(pl.col("k") / pl.col("n")).alias("share"),
            *(pl.Series(name, ends).fill_nan(None) for name, ends in (("low", low), ("high", high))),
            pl.lit(settings.rules.level).alias("level"),
        )
        .sort(CELL)
        .select(pl.col(name).cast(dtype) for name, dtype in ENTRY_COLUMNS.items())
    )
