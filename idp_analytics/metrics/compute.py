"""All metrics × scopes × periods in one pass: observations in, the answer table out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from idp_analytics.answers import COLUMNS, ORG, Estimator, Metric, Verdict
from idp_analytics.answers import empty as no_answers
from idp_analytics.errors import ReportError, nearest
from idp_analytics.estimates import medians, rates, shares, survival
from idp_analytics.metrics import showback
from idp_analytics.metrics.catalogue import CATALOGUE
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.verdicts import compared
from idp_analytics.periods import EVERY, spine
from idp_analytics.settings import Settings
from idp_analytics.tables import TABLES
from idp_analytics.tables.ownership import event_time

SCOPES = ("org", "team", "service")

_CELL = ("metric", "scope", "entity_id", "every", "period_start")
"""One number, but for the parts and currencies of money."""


def compute(
    tables: Tables,
    settings: Settings,
    as_of: datetime,
    metrics: Sequence[Metric] = CATALOGUE,
    scopes: Sequence[str] = SCOPES,
    every: Sequence[str] = ("1mo", "1q"),
) -> pl.DataFrame:
    """The answer table (:data:`idp_analytics.answers.COLUMNS`): one row per metric, entity and period, quiet ones too.

    Periods are cut in the organisation's time zone and run without gaps from the first fact of the metric's own table
    to ``as_of``. A metric any of whose tables is empty is *not measured*. Raises :class:`ReportError` for an unknown
    scope or period length, :class:`IdpError` when money does not add up.
    """
    for given, known, what in ((scopes, SCOPES, "scope"), (every, EVERY, "period length")):
        for word in given:
            if word not in known:
                raise ReportError(f"{word!r} is no {what}.{nearest(word, known)}")
    facts = {name: tables[name] for name, table in TABLES.items() if table.time}
    spans = _spans(facts, metrics, settings, as_of)
    if not spans or not metrics:
        return no_answers()
    seen = _observed(tables, settings, as_of, metrics)
    measured = _measured(tables, metrics)
    cells = _cells(seen, scopes, every)
    grid = _grid(tables, cells, spans, scopes, every)

    parts = [
        _estimated(grid, cells, [m for m in metrics if m.estimator is kind], kind, settings.rules.level)
        for kind in Estimator
        if any(m.estimator is kind for m in metrics)
    ]
    answers = compared(_described(pl.concat(parts), metrics, measured, settings), metrics, settings.rules.level)
    showback.prove(answers)
    return answers


# --- what was seen ---------------------------------------------------------------------------------------------------


def _observed(tables: Tables, settings: Settings, as_of: datetime, metrics: Sequence[Metric]) -> pl.DataFrame:
    """The observations of all metrics together, known by ``as_of``; things still open last until then.

    An end after ``as_of`` was not known then: such an observation is open.
    """
    frames = pl.collect_all(
        [m.observations(tables, settings).with_columns(pl.lit(m.name).alias("metric")) for m in metrics]
    )
    elapsed = (pl.lit(as_of) - pl.col("at")).dt.total_seconds(fractional=True) / 3600
    survivors = [m.name for m in metrics if m.estimator is Estimator.SURVIVAL_MEDIAN]
    is_open = pl.col("metric").is_in(survivors) & (pl.col("x").is_null() | (pl.col("x") > elapsed))
    return (
        pl.concat(frames)
        .filter(pl.col("at") <= as_of)
        .with_columns(is_open.alias("_open"))
        .with_columns(
            pl.when("_open").then(elapsed).otherwise("x").alias("x"),
            (pl.col("hit") & ~pl.col("_open")).alias("hit"),
            pl.col("at").dt.convert_time_zone(settings.time_zone).dt.date().alias("day"),
        )
        .drop("_open")
    )


def _cells(seen: pl.DataFrame, scopes: Sequence[str], every: Sequence[str]) -> pl.DataFrame:
    """Each observation once per scope it belongs to and period length."""
    entity = {"org": pl.lit(ORG), "team": pl.col("team_id"), "service": pl.col("service_id")}
    slim = seen.select("metric", "team_id", "service_id", "day", "x", "hit", "amount", "currency", "detail", "usable")
    return pl.concat(
        slim.filter(entity[scope].is_not_null()).with_columns(
            pl.lit(scope).alias("scope"),
            entity[scope].alias("entity_id"),
            pl.lit(length).alias("every"),
            pl.col("day").dt.truncate(length).alias("period_start"),
        )
        for scope in scopes
        for length in every
    )


def _measured(tables: Tables, metrics: Sequence[Metric]) -> dict[str, bool]:
    """Whether every table a metric needs has rows."""
    names = sorted({name for m in metrics for name in m.tables})
    heights = dict(zip(names, pl.collect_all([tables[n].select(pl.len()) for n in names]), strict=True))
    return {m.name: all(heights[n].item() for n in m.tables) for m in metrics}


# --- which numbers there should be -------------------------------------------------------------------------------------


def _spans(
    facts: Tables, metrics: Sequence[Metric], settings: Settings, as_of: datetime
) -> dict[str, tuple[date, date]]:
    """First and last covered day per metric: from the first fact of its first table (else of any) to the as-of time."""
    names = list(facts)
    firsts = pl.collect_all(
        [facts[n].select(event_time(TABLES[n]).filter(event_time(TABLES[n]) <= as_of).min()) for n in names]
    )
    first = {n: f.item() for n, f in zip(names, firsts, strict=True) if f.item() is not None}
    if not first:
        return {}
    zone = ZoneInfo(settings.time_zone)
    last = (as_of - timedelta(microseconds=1)).astimezone(zone).date()
    whole = min(first.values())
    return {m.name: (first.get(m.tables[0], whole).astimezone(zone).date(), last) for m in metrics}


def _grid(
    tables: Tables,
    cells: pl.DataFrame,
    spans: dict[str, tuple[date, date]],
    scopes: Sequence[str],
    every: Sequence[str],
) -> pl.DataFrame:
    """Every metric × entity × period, with the days covered; an entity that did nothing is still there."""
    teams = (
        tables["teams"]
        .filter(pl.col("kind").fill_null("team").is_in(["team", "platform"]))
        .select(pl.col("team_id").alias("entity_id"))
    )
    services = tables["services"].select(pl.col("service_id").alias("entity_id"))
    known = {"org": pl.LazyFrame({"entity_id": [ORG]}), "team": teams, "service": services}
    entities = pl.concat(
        [known[s].with_columns(pl.lit(s).alias("scope")).collect() for s in scopes]
        + [cells.select("entity_id", "scope")]
    ).unique()  # fmt: skip
    periods = pl.concat(
        spine(first, last, length).with_columns(
            pl.lit(metric).alias("metric"), pl.lit(first).alias("_first"), pl.lit(last).alias("_last")
        )
        for metric, (first, last) in spans.items()
        for length in every
    )
    start = pl.max_horizontal("period_start", "_first")
    end = pl.min_horizontal("period_end", pl.col("_last") + pl.duration(days=1))
    return (
        periods.with_columns(
            (end - start).dt.total_days().alias("days"),
            ((start > pl.col("period_start")) | (end < pl.col("period_end"))).alias("is_partial"),
        )
        .drop("_first", "_last")
        .join(entities, how="cross")
    )


# --- the numbers ---------------------------------------------------------------------------------------------------------


def _estimated(
    grid: pl.DataFrame, cells: pl.DataFrame, metrics: Sequence[Metric], kind: Estimator, level: float
) -> pl.DataFrame:
    """The grid of one estimator's metrics with value, interval and counts filled in where there are observations."""
    names = [m.name for m in metrics]
    cells, grid = cells.filter(pl.col("metric").is_in(names)), grid.filter(pl.col("metric").is_in(names))
    usable = cells.filter("usable")
    missing = cells.group_by(_CELL).agg((~pl.col("usable")).sum().cast(pl.Int64).alias("missing"))
    nothing = pl.lit(None, pl.Int64)
    if kind is Estimator.TOTAL:
        return _totals(grid, usable)
    match kind:
        case Estimator.MEDIAN:
            found = medians.grouped(usable, _CELL, "x", level=level).with_columns(
                nothing.alias("k"), nothing.alias("censored")
            )
        case Estimator.SURVIVAL_MEDIAN:
            found = survival.grouped_median(usable, _CELL, "x", "hit", level).rename({"events": "k"})
        case _:
            found = usable.group_by(_CELL).agg(
                pl.len().cast(pl.Int64).alias("n"), pl.col("hit").sum().cast(pl.Int64).alias("k"),
                pl.col("day").n_unique().cast(pl.Int64).alias("_days"),
            )  # fmt: skip
    rows = grid.join(found, on=list(_CELL), how="left").join(missing, on=list(_CELL), how="left")
    rows = rows.with_columns(pl.col("n", "missing").fill_null(0))
    if kind is Estimator.RATE:
        low, high = rates.exact_poisson(rows["n"], rows["days"], level)
        rows = rows.with_columns(
            (pl.col("n") / pl.col("days")).alias("value"),
            pl.Series("low", low),
            pl.Series("high", high),
            nothing.alias("k"),
        )
    if kind in (Estimator.SHARE, Estimator.DAYS):
        if kind is Estimator.DAYS:
            rows = rows.with_columns(pl.col("_days").fill_null(0).alias("k"), pl.col("days").alias("n"))
        low, high = shares.wilson(rows["k"].fill_null(0), rows["n"], level)
        rows = rows.with_columns(
            (pl.col("k").fill_null(0) / pl.col("n")).alias("value"), pl.Series("low", low), pl.Series("high", high)
        )
    return _shaped(rows.with_columns(pl.col("value", "low", "high").fill_nan(None)))


def _totals(grid: pl.DataFrame, usable: pl.DataFrame) -> pl.DataFrame:
    """Exact sums per currency; for the organisation also of each part: allocated, unallocated, and why."""
    org = usable.filter(pl.col("scope") == "org")
    is_rest = pl.col("detail").str.starts_with(showback.UNALLOCATED)
    parts = pl.concat([
        usable.with_columns(pl.lit(None, pl.String).alias("detail")),
        org,
        org.filter(is_rest).with_columns(pl.lit(showback.UNALLOCATED).alias("detail")),
    ])  # fmt: skip
    key = [*_CELL, "currency", "detail"]
    sums = parts.group_by(key).agg(pl.col("amount").sum(), pl.len().cast(pl.Int64).alias("n"))
    kinds = parts.select("metric", "scope", "currency", "detail").unique()
    exact = pl.col("amount").cast(pl.Float64)
    return _shaped(
        grid.join(kinds, on=["metric", "scope"], how="left")
        .join(sums, on=key, how="left", nulls_equal=True)
        .with_columns(
            exact.alias("value"), exact.alias("low"), exact.alias("high"),
            pl.col("n").fill_null(0), pl.lit(0, pl.Int64).alias("missing"),
        )
    )  # fmt: skip


def _shaped(rows: pl.DataFrame) -> pl.DataFrame:
    """The answer columns that are known by now, the others null, plus ``days`` for comparing rates."""
    have = rows.columns
    return rows.select(
        "days", *((pl.col(c) if c in have else pl.lit(None)).cast(dtype).alias(c) for c, dtype in COLUMNS.items())
    )


_METHODS = {
    Estimator.RATE: "exact Poisson",
    Estimator.SHARE: "Wilson",
    Estimator.DAYS: "Wilson",
    Estimator.MEDIAN: "order statistics",
    Estimator.SURVIVAL_MEDIAN: "Kaplan–Meier, log",
    Estimator.TOTAL: "exact total, no sampling",
}


def _described(
    rows: pl.DataFrame, metrics: Sequence[Metric], measured: dict[str, bool], settings: Settings
) -> pl.DataFrame:
    """Adds unit, method and level, and takes back each value that rests on too little."""
    facts = pl.DataFrame(
        [(m.name, m.unit, _METHODS[m.estimator], m.min_n, measured[m.name]) for m in metrics],
        schema=["metric", "unit", "method", "_min_n", "_measured"], orient="row",
    )  # fmt: skip
    enough = pl.col("n") >= pl.col("_min_n")
    verdict = (
        pl.when(~pl.col("_measured")).then(pl.lit(Verdict.NOT_MEASURED.value))
        .when(~enough).then(pl.lit(Verdict.INSUFFICIENT_DATA.value))
        .when(pl.col("value").is_null()).then(pl.lit(Verdict.NOT_IDENTIFIED.value))
    )  # fmt: skip
    measured_only = [
        pl.when("_measured").then(c).alias(c) for c in ("low", "high")
    ]  # a bound on what nobody looked at would be an invention
    n = pl.when("_measured").then("n").otherwise(0)
    return (
        rows.drop("unit", "method")
        .join(facts, on="metric")
        .with_columns(
            verdict.alias("verdict"), pl.lit(settings.rules.level).alias("level"), *measured_only, n.alias("n"),
            pl.when(enough & pl.col("_measured")).then("value").alias("value"),
        )
        .with_columns(_caution().alias("caution"))
        .drop("_min_n", "_measured")
        .select("days", *COLUMNS)
    )  # fmt: skip


def _caution() -> pl.Expr:
    some_missing = pl.format("{} of {} not usable", "missing", pl.col("n") + pl.col("missing"))
    not_reached = (pl.col("verdict") == Verdict.NOT_IDENTIFIED) & (pl.col("censored") > 0)
    parts = [
        pl.when("is_partial").then(pl.lit("partial period")),
        pl.when(pl.col("missing") > 0).then(some_missing),
        pl.when(pl.col("censored") > 0).then(pl.format("{} still open", "censored")),
        pl.when(not_reached).then(pl.lit("half have not ended yet")),
    ]
    text = pl.concat_str(parts, separator="; ", ignore_nulls=True)
    return pl.when(text != "").then(text)
