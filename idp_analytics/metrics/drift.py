"""Study ``drift``: are services on the version of a golden path that there is now, and if not, how far behind are they?"""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from idp_analytics.answers import CELL
from idp_analytics.estimates import medians, shares
from idp_analytics.metrics import golden_paths, path_versions
from idp_analytics.metrics.cells import Spans
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.period_ends import by_scope, period_ends
from idp_analytics.settings import Settings

STATES = ("current", "behind", "unknown")

BY = ("all", "path")

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "by": pl.String,  # BY
    "part": pl.String,  # the path; null: all
    "title": pl.String,
    "n": pl.Int64,  # uses of a path by a service, at the end of the period, that are current or behind
    "k": pl.Int64,  # of them current: nothing newer is out, or has been for no longer than the grace
    "in_grace": pl.Int64,  # of k, with something newer out
    "unknown": pl.Int64,  # beside n: uses whose version is not told, is none, or cannot be compared
    "share": pl.Float64,  # k ÷ n
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
    "grace_days": pl.Float64,
    "dated": pl.Int64,  # of those behind, known for how long
    "days_behind": pl.Float64,  # median of those; days since the first newer version came out
    "days_low": pl.Float64,
    "days_high": pl.Float64,
    "days_p90": pl.Float64,
    "versions_behind": pl.Float64,  # median of those
}
"""The columns of the study, in order."""

LIST_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    **{name: COLUMNS[name] for name in ("scope", "entity_id", "every", "period", "period_start")},
    "service_id": pl.String,
    "golden_path_id": pl.String,
    "title": pl.String,
    "version": pl.String,
    "versions_behind": pl.Int64,
    "days_behind": pl.Float64,
}
"""The columns of the study ``services_behind``, in order."""

_PAIR = ["service_id", "golden_path_id"]


def drift(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """Uses of golden paths that are current, behind and not known at the end of each month and quarter, per organisation and team.

    One row per entity, period and path, and one for all paths (:data:`COLUMNS`). A use is one service seen on one path
    (:func:`golden_paths.statuses`, ``on``); the services of the platform team itself are left out. Interval: Wilson 1927,
    resting on as many as there are services that differ (design effect, Kish 1965); of the median: order statistics,
    Conover 1999. ``spans``: of those periods alone.
    """
    uses, ends = states(tables, settings, as_of, spans)
    return pl.DataFrame(schema=COLUMNS) if uses.is_empty() else of_states(uses.join(ends, on="at"), settings)


def of_states(uses: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """:func:`drift` of ``uses`` at the ends of periods (what :func:`states` gives, joined)."""
    cells = by_scope(uses.drop("day", "begins"))
    both = pl.concat(
        [
            cells.with_columns(pl.lit("all").alias("by"), pl.lit(None, pl.String).alias("part"), pl.lit(None, pl.String).alias("title")),
            cells.with_columns(pl.lit("path").alias("by"), pl.col("golden_path_id").alias("part")),
        ]
    )  # fmt: skip
    found = _with_days(_counted(both), both, settings.rules.level)
    return (
        found.with_columns(
            pl.lit(settings.rules.level).alias("level"), pl.lit(settings.rules.drift_grace_days).alias("grace_days")
        )
        .sort(*CELL, pl.col("by").cast(pl.Enum(BY)), "part", nulls_last=True)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def services_behind(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """The uses that are behind, longest first, at the end of the last two months and quarters; per team only (:data:`LIST_COLUMNS`)."""
    uses, ends = states(tables, settings, as_of)
    if uses.is_empty():
        return pl.DataFrame(schema=LIST_COLUMNS)
    last = ends.filter(pl.col("period_start").rank("dense", descending=True).over("every") <= 2)
    cells = by_scope(uses.filter(state="behind").join(last.drop("day", "begins"), on="at")).filter(scope="team")
    return cells.sort(
        *CELL, "days_behind", *_PAIR, descending=[False] * 4 + [True, False, False], nulls_last=True
    ).select(pl.col(name).cast(dtype) for name, dtype in LIST_COLUMNS.items())


def states(
    tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Each use at the end of each period, or of those of ``spans``, and those :func:`period_ends`.

    ``service_id``, ``golden_path_id``, ``title``, ``team_id``, ``at``, ``version``, ``state`` (:data:`STATES`), ``in_grace``,
    ``versions_behind``, ``days_behind``, ``load_id`` and ``source_row`` of the look that told the version. What is current is what is newest by then, or has something newer above it for no
    longer than ``rules.drift_grace_days``. Where versions cannot be compared, the source's own word stands, if it has one;
    how many days that is behind is then not known. What the source says is not believed against the versions.
    """
    seen = golden_paths.evidence(tables, settings, as_of)
    if seen.is_empty():
        return pl.DataFrame(), pl.DataFrame()
    first: date = seen["as_of"].min()  # type: ignore[assignment]
    ends = period_ends(settings, as_of, first, of=spans)
    moments = ends.select("at", "day").unique()
    services = golden_paths.services_at(tables, settings, as_of, moments).select("service_id", "at", "day", "team_id")
    told = (
        seen.filter(pl.col("strength") > 0)
        .select(
            *_PAIR, pl.col("as_of").alias("_seen"), "version", pl.col("drift").alias("_said"), "load_id", "source_row"
        )
        .sort("_seen")
    )
    uses = (
        golden_paths.statuses(seen, moments)
        .filter(status="on")
        .drop("began", "status")
        .join(services, on=["service_id", "at"])
        .join(
            golden_paths.applies(tables, moments).select("golden_path_id", "at", "title"), on=["golden_path_id", "at"]
        )
        .sort("day")
        .join_asof(told, left_on="day", right_on="_seen", by=_PAIR, check_sortedness=False)
    )
    asked = uses.select("golden_path_id", "version", "at").drop_nulls("version").unique()
    places = path_versions.ranked(path_versions.releases(tables, as_of), asked)
    return _judged(
        uses.join(path_versions.behind(places, asked), on=["golden_path_id", "version", "at"], how="left"), settings
    ), ends


def _judged(uses: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    days = (pl.col("at") - pl.col("first_newer_at")).dt.total_seconds(fractional=True) / 86400
    newer = pl.col("versions_behind")
    said = pl.when(pl.col("_said").is_in(["current", "behind"])).then("_said").otherwise(pl.lit("unknown"))
    late = pl.col("days_behind") > settings.rules.drift_grace_days
    state = (
        pl.when(newer.is_null() | ~pl.col("is_dated")).then(said)
        .when(newer == 0).then(pl.lit("current"))
        .when(late).then(pl.lit("behind"))
        .otherwise(pl.lit("current"))
    )  # fmt: skip
    return (
        uses.with_columns(days.alias("days_behind"))
        .with_columns(state.alias("state"))
        .with_columns(((pl.col("state") == "current") & (newer > 0)).fill_null(False).alias("in_grace"))
        .select(
            *_PAIR,
            "title",
            "team_id",
            "at",
            "version",
            "state",
            "in_grace",
            "versions_behind",
            "days_behind",
            "load_id",
            "source_row",
        )
    )


def _counted(cells: pl.DataFrame) -> pl.DataFrame:
    state = pl.col("state")
    per_service = cells.group_by(*CELL, "period", "is_partial", "by", "part", "service_id").agg(
        pl.col("title").first(), (state != "unknown").sum().cast(pl.Int64).alias("n"),
        (state == "current").sum().cast(pl.Int64).alias("k"), pl.col("in_grace").sum(), (state == "unknown").sum().alias("unknown"),
    )  # fmt: skip
    n, k = pl.col("n"), pl.col("k")
    return per_service.group_by(*CELL, "period", "is_partial", "by", "part").agg(
        pl.col("title").first(), pl.col("n", "k", "in_grace", "unknown").sum(),
        (k**2).sum().alias("kk"), (k * n).sum().alias("kn"), (n**2).sum().alias("nn"), (n > 0).sum().alias("m"),
    )  # fmt: skip


def _with_days(found: pl.DataFrame, cells: pl.DataFrame, level: float) -> pl.DataFrame:
    """``found`` with the share, its interval, and how far those behind are."""
    n, k = found["n"].to_numpy(), found["k"].to_numpy()
    effect = shares.design_effect(k, n, *(found[name].to_numpy() for name in ("kk", "kn", "nn", "m")))
    low, high = shares.wilson(k / effect, n / effect, level)
    late = cells.filter(state="behind")
    key = (*CELL, "by", "part")
    median = medians.grouped(late, key, "days_behind", level=level).rename(
        {"n": "dated", "value": "days_behind", "low": "days_low", "high": "days_high"}
    )
    p90 = medians.grouped(late, key, "days_behind", p=0.9, level=level).select(*key, pl.col("value").alias("days_p90"))
    steps = late.group_by(key).agg(pl.col("versions_behind").median())
    for part in (median, p90, steps):
        found = found.join(part, on=list(key), how="left", nulls_equal=True)
    return found.with_columns(
        pl.when(pl.col("n") > 0).then(pl.col("k") / pl.col("n")).alias("share"),
        *(pl.Series(name, ends).fill_nan(None) for name, ends in (("low", low), ("high", high))),
        pl.col("dated").fill_null(0),
    )
