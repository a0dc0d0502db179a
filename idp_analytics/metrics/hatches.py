"""Studies ``escape_hatches`` and ``hatch_reasons``: how many ways round the rules stand open, for how long, and why."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl

from idp_analytics.answers import CELL
from idp_analytics.estimates import medians, rates, shares
from idp_analytics.metrics import golden_paths
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.nine_in_ten import FEWEST
from idp_analytics.metrics.period_ends import UTC_TIME, by_scope, period_ends
from idp_analytics.settings import Settings

MEASURES = ("services", "per 100 services", "without expiry", "expired and in use", "by one team")
"""What is measured at the end of a period: services with at least one open hatch; open hatches per 100 services; of the open ones
those that never end, of those that had an end those past it and still in use, and those of the team that has most."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "measure": pl.String,  # MEASURES
    "n": pl.Int64,  # what k is divided by: active services, open hatches, those past their end
    "k": pl.Int64,
    "unknown": pl.Int64,  # beside n: of which it cannot be told
    "value": pl.Float64,  # k ÷ n, per 100 for the second; by one team: in the organisation only
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
    "age_days": pl.Float64,  # median age of the open ones, beside their number
    "age_low": pl.Float64,
    "age_high": pl.Float64,
    "age_p90": pl.Float64,  # null: fewer than FEWEST of nine_in_ten
}
"""The columns of the study ``escape_hatches``, in order."""

REASON_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    **{name: COLUMNS[name] for name in ("scope", "entity_id", "every", "period", "period_start")},
    "policy": pl.String,  # the rule stepped round; null: not told
    "reason": pl.String,  # as written, spaces and case evened out
    "n": pl.Int64,  # hatches open at any time in the period that give it
    "teams": pl.Int64,  # whose they are
    "services": pl.Int64,
    "of": pl.Int64,  # hatches open at any time in the period
    "unknown": pl.Int64,  # of them without a reason
}
"""The columns of the study ``hatch_reasons``, in order."""

REPEATED = 2
"""From how many hatches on the same reason for the same rule is one that repeats."""


def escape_hatches(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Open escape hatches at the end of each month and quarter, of the organisation and each team.

    One row per entity, period and measure (:data:`COLUMNS`). Open: opened before, and not closed by then; a hatch that has run
    out and was not closed is open as long as it is **in use**, else over. It is in use where a policy result later than its end
    names it, or its service still fails its policy; it is not where its service was judged by that policy and passed; where no
    result tells, nobody knows, for the number of uses has no dates. Active services: :func:`golden_paths.services_at`. Intervals: Wilson 1927; per 100 services exact Poisson (Garwood 1936); median age:
    order statistics (Conover 1999).
    """
    told = known(tables, as_of)
    if told.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    first: date = told["opened_at"].min().date()  # type: ignore[union-attr]
    ends = period_ends(settings, as_of, first)
    moments = ends.select("at", "day").unique()
    places = ends.drop("day", "begins")
    held = by_scope(standing(told, tables, moments).join(places, on="at"))
    services = by_scope(
        golden_paths.services_at(tables, settings, as_of, moments).filter("is_active").join(places, on="at")
    )
    found = _measured(held, services, settings.rules.level)
    return found.sort(*CELL, pl.col("measure").cast(pl.Enum(MEASURES))).select(
        pl.col(name).cast(dtype) for name, dtype in COLUMNS.items()
    )


def standing(told: pl.DataFrame, tables: Tables, moments: pl.DataFrame) -> pl.DataFrame:
    """Every hatch that may stand open at each of ``moments`` (``at``): the columns of ``escape_hatches`` and ``at``, ``is_expired``,
    ``is_used`` (past its end; null: nobody knows), ``is_open`` (null: nobody knows), ``age_days``."""
    at = pl.col("at")
    open_ = told.join(moments.select("at").unique(), how="cross").filter(
        pl.col("opened_at") < at, pl.col("closed_at").is_null() | (pl.col("closed_at") > at)
    )
    results = (
        tables["policy_results"]
        .select("policy", "service_id", "hatch_id", "result", pl.col("as_of").alias("_seen"))
        .collect()
    )
    named = results.drop_nulls("hatch_id").select("hatch_id", "_seen")
    failed = results.filter(pl.col("result").is_in(["fail", "warn", "error"])).drop_nulls("service_id")
    by_name = open_.filter(pl.col("expires_at") <= at).select("hatch_id", "at", "expires_at", "policy", "service_id")
    late = (pl.col("_seen") > pl.col("expires_at")) & (pl.col("_seen") < at)
    used = pl.concat(
        [
            by_name.join(named, on="hatch_id").filter(late).select("hatch_id", "at"),
            by_name.join(failed, on=["policy", "service_id"]).filter(late).select("hatch_id", "at"),
        ]
    ).unique()  # fmt: skip
    judged = by_name.join(results.select("policy", "service_id", "_seen"), on=["policy", "service_id"]).filter(late)
    expired = (pl.col("expires_at") <= at).fill_null(False)
    return (
        open_.with_columns(expired.alias("is_expired"))
        .join(used.with_columns(pl.lit(True).alias("_used")), on=["hatch_id", "at"], how="left")
        .join(judged.select("hatch_id", "at").unique().with_columns(pl.lit(False).alias("_idle")), on=["hatch_id", "at"], how="left")
        .with_columns(pl.when("is_expired").then(pl.coalesce("_used", "_idle")).alias("is_used"))
        .with_columns(
            pl.when("is_expired").then("is_used").otherwise(pl.lit(True)).alias("is_open"),
            ((at - pl.col("opened_at")).dt.total_seconds(fractional=True) / 86400).alias("age_days"),
        )
        .drop("_used", "_idle")
    )  # fmt: skip


def hatch_reasons(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Reasons that repeat, each with the rule stepped round: what the golden path may lack. Hatches open at any time in the period.

    One row per entity, period, policy and reason with at least :data:`REPEATED` hatches (:data:`REASON_COLUMNS`), most first.
    """
    told = known(tables, as_of)
    if told.is_empty():
        return pl.DataFrame(schema=REASON_COLUMNS)
    ends = period_ends(settings, as_of, told["opened_at"].min().date())  # type: ignore[union-attr]
    there = told.join(ends.drop("day", "is_partial"), how="cross").filter(
        pl.col("opened_at") < pl.col("at"),
        pl.min_horizontal("closed_at", "expires_at").is_null() | (pl.min_horizontal("closed_at", "expires_at") > pl.col("begins")),
    )  # fmt: skip
    evened = pl.col("reason").str.strip_chars().str.replace_all(r"\s+", " ").str.to_lowercase()
    cells = by_scope(there).with_columns(pl.when(evened != "").then(evened).alias("reason"))
    of = cells.group_by(CELL).agg(pl.len().alias("of"), pl.col("reason").is_null().sum().alias("unknown"))
    return (
        cells.drop_nulls("reason")
        .group_by(*CELL, "period", "policy", "reason")
        .agg(pl.len().alias("n"), pl.col("team_id").n_unique().alias("teams"), pl.col("service_id").drop_nulls().n_unique().alias("services"))
        .filter(pl.col("n") >= REPEATED)
        .join(of, on=list(CELL))
        .sort(*CELL, "n", "policy", "reason", descending=[False] * 4 + [True, False, False], nulls_last=True)
        .select(pl.col(name).cast(dtype) for name, dtype in REASON_COLUMNS.items())
    )  # fmt: skip


def known(tables: Tables, as_of: datetime) -> pl.DataFrame:
    """The hatches known to have been opened before ``as_of``; of the others nobody can say when they stood open."""
    now = pl.lit(as_of.astimezone(UTC)).cast(UTC_TIME)
    return tables["escape_hatches"].filter(pl.col("opened_at") < now).collect()


def _measured(held: pl.DataFrame, services: pl.DataFrame, level: float) -> pl.DataFrame:
    cell = [*CELL, "period", "is_partial"]
    is_open = pl.col("is_open").fill_null(False)
    active = services.select(*CELL, "service_id").unique()
    everybody = pl.concat([held.select(cell), services.select(cell)]).unique()
    marked = (
        held.filter(is_open)
        .select(*CELL, "service_id")
        .drop_nulls()
        .unique()
        .with_columns(pl.lit(1, pl.Int64).alias("hit"))
    )
    covered = active.join(marked, on=[*CELL, "service_id"], how="left").group_by(CELL).agg(
        pl.len().alias("services"), pl.col("hit").sum()
    )  # fmt: skip
    counts = held.group_by(CELL).agg(
        is_open.sum().alias("open"), pl.col("is_open").is_null().sum().alias("unsure"),
        (is_open & pl.col("expires_at").is_null()).sum().alias("endless"), pl.col("is_expired").sum().alias("expired"),
        pl.col("is_used").fill_null(False).sum().alias("used"), pl.col("is_used").is_not_null().sum().alias("judged"),
        (is_open & pl.col("service_id").is_null()).sum().alias("nameless"), (is_open & pl.col("team_id").is_null()).sum().alias("teamless"),
        pl.col("team_id").filter(is_open).drop_nulls().value_counts().struct.field("count").max().alias("most"),
    )  # fmt: skip
    ages = medians.grouped(held.filter(is_open), CELL, "age_days", level=level).drop("n").rename(
        {"value": "age_days", "low": "age_low", "high": "age_high"}
    )  # fmt: skip
    old = medians.grouped(held.filter(is_open), CELL, "age_days", p=0.9, level=level)
    old = old.select(*CELL, pl.when(pl.col("n") >= FEWEST).then("value").alias("age_p90"))
    wide = (
        everybody.join(counts, on=list(CELL), how="left")
        .join(covered, on=list(CELL), how="left")
        .join(ages, on=list(CELL), how="left")
        .join(old, on=list(CELL), how="left")
    )
    wide = wide.with_columns(
        pl.col(name).fill_null(0) for name in (*counts.columns, *covered.columns) if name not in CELL
    )
    owned = pl.col("open") - pl.col("teamless")
    of: dict[str, tuple[str | pl.Expr, ...]] = {
        "services": ("services", "hit", "nameless"), "per 100 services": ("services", "open", "unsure"),
        "without expiry": ("open", "endless", "unsure"), "expired and in use": ("judged", "used", pl.col("expired") - pl.col("judged")),
        "by one team": (owned, "most", "teamless"),
    }  # fmt: skip
    parts = [
        wide.with_columns(
            pl.lit(name).alias("measure"), *(_as(part, column) for part, column in zip(columns, ("n", "k", "unknown"), strict=True))
        ).filter(pl.lit(name != "by one team") | (pl.col("scope") == "org"))
        for name, columns in of.items()
    ]  # fmt: skip
    return _with_intervals(pl.concat(parts), level)


def _as(part: str | pl.Expr, name: str) -> pl.Expr:
    return (pl.col(part) if isinstance(part, str) else part).cast(pl.Int64).alias(name)


def _with_intervals(found: pl.DataFrame, level: float) -> pl.DataFrame:
    n, k = found["n"].to_numpy(), found["k"].to_numpy()
    rated = pl.col("measure") == "per 100 services"
    per = pl.when(rated).then(100.0).otherwise(1.0)
    ends = {}
    for name, share, rate in zip(
        ("low", "high"), shares.wilson(k, n, level), rates.exact_poisson(k, n, level), strict=True
    ):
        ends[name] = pl.when(rated).then(pl.Series(100 * rate)).otherwise(pl.Series(share)).fill_nan(None)
    some = pl.col("n") > 0
    return found.with_columns(
        pl.when(some).then(per * pl.col("k") / pl.col("n")).alias("value"), pl.lit(level).alias("level"),
        *(pl.when(some).then(end).alias(name) for name, end in ends.items()),
        *(pl.when(~pl.col("measure").is_in(["services", "expired and in use", "by one team"])).then(name).alias(name)
          for name in ("age_days", "age_low", "age_high", "age_p90")),
    )  # fmt: skip
