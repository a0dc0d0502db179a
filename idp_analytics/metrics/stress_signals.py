"""Study ``stress_signals``: what teams do in windows of stress, against the same team at the same hours in calm."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import polars as pl

from idp_analytics import periods
from idp_analytics.errors import ReportError
from idp_analytics.estimates.clustered import clustered_comparison
from idp_analytics.estimates.shares import wilson
from idp_analytics.metrics.cells import Spans
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.period_ends import UTC_TIME, by_scope, period_ends
from idp_analytics.metrics.stress_events import RATIOS, SIGNALS, WINDOWED, events, signals_of, within
from idp_analytics.metrics.stress_windows import FEWEST, STRESSES, windows
from idp_analytics.settings import Settings
from idp_analytics.tables import TABLES

VERDICTS = ("holds", "bends", "breaks", "cannot be told", "untested under stress", "not measured", "not judged")
"""*Breaks*: worse for certain and by :data:`MUCH`; *bends*: worse for certain, by less; *holds*: whatever the truth is, it is not that much
worse; *untested*: fewer than :data:`FEWEST` windows with anything to see on both sides; *not judged*: more of it is not worse."""

MUCH, MUCH_RATIO = 0.2, 1.5
"""How much worse is *breaks*: as a difference of shares, as a ratio. Defaults of the kit, calibrated on nothing."""

SEED = 20260701

_BEHIND = ("deployments", "approvals", "action_runs", "escape_hatches", "changes", "incidents")

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,  # looked at from its end, a year back
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "stress": pl.String,  # STRESSES
    "signal": pl.String,  # SIGNALS
    "windows": pl.Int64,  # of stress that have a calm one beside them
    "incidents": pl.Int64,  # severe ones in them
    "clusters": pl.Int64,  # of the windows, those with anything to see in stress
    "stress_k": pl.Int64,
    "stress_n": pl.Int64,
    "stress_value": pl.Float64,  # k ÷ n: a share, or per deployment, or per window
    "stress_low": pl.Float64,  # of shares only, Wilson
    "stress_high": pl.Float64,
    "calm_k": pl.Int64,
    "calm_n": pl.Int64,
    "calm_value": pl.Float64,
    "calm_low": pl.Float64,
    "calm_high": pl.Float64,
    "missing": pl.Int64,  # beside n, in both: not known
    "is_ratio": pl.Boolean,
    "value": pl.Float64,  # stress less calm, or stress ÷ calm
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,  # of low and high: all signals together hold at the level of the settings
    "verdict": pl.String,  # VERDICTS
}
"""The columns of the study, in order."""

_CELL = ["scope", "entity_id", "at", "stress"]
_OF = ("team_id", "stress")
_SIGNAL, _STRESS = pl.Enum(SIGNALS), pl.Enum(STRESSES)


def stress_signals(tables: Tables, settings: Settings, as_of: datetime, spans: Spans | None = None) -> pl.DataFrame:
    """Ten signals under each kind of stress, of the organisation and each team, over the year before the end of each month and quarter, or of ``spans``.

    Windows as :func:`stress_windows.windows` says. Intervals: windows drawn again as wholes, each with its calm ones
    (:func:`clustered_comparison`), at a level at which all signals of one entity hold together (Bonferroni); of the two sides Wilson's.
    An association: what makes an incident may make the haste. Of teams, never of people.
    """
    first = _first(tables, as_of)
    if first is None:
        return pl.DataFrame(schema=COLUMNS)
    ends = period_ends(settings, as_of, first, of=spans)
    if ends.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    there = windows(tables, settings, ends).with_columns(pl.col("stress").cast(_STRESS))
    seen = events(tables, settings, as_of).select(*_OF, "happened_at", "signal", "x").collect()
    level = 1 - (1 - settings.rules.level) / len(SIGNALS)
    measured = signals_of(seen)
    counted = _counted(there, seen, measured)
    found = _compared(by_scope(counted), level)
    held = by_scope(there.filter("is_stress")).group_by(_CELL).agg(
        pl.len().cast(pl.Int64).alias("windows"), pl.col("incidents").sum()
    )  # fmt: skip
    known = measured.with_columns(pl.lit(True).alias("_known"))
    signals = pl.DataFrame({"signal": SIGNALS}, schema={"signal": _SIGNAL}).join(
        pl.DataFrame({"stress": STRESSES}, schema={"stress": _STRESS}), how="cross"
    )
    whose = by_scope(
        tables["teams"]
        .filter(pl.col("kind").is_null() | pl.col("kind").is_in(["team", "platform"]))
        .select("team_id")
        .collect()
    )
    rows = (
        whose.select("scope", "entity_id").unique()
        .join(ends.select("every", "period", "period_start", "is_partial", "at"), how="cross")
        .join(signals, how="cross")
        .join(known, on=["signal", "stress"], how="left")
        .join(held, on=_CELL, how="left")
        .join(found, on=[*_CELL, "signal"], how="left")
        .with_columns(pl.col("windows", "incidents", "clusters", "stress_k", "stress_n", "calm_k", "calm_n", "missing").fill_null(0))
        .with_columns(pl.lit(level).alias("level"), pl.col("signal").is_in(list(RATIOS)).alias("is_ratio"))
    )  # fmt: skip
    return (
        _judged(rows)
        .sort("scope", "entity_id", "every", "period_start", "stress", "signal")
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def stress_rows(
    tables: Tables, settings: Settings, as_of: datetime, study: str, scope: str, entity_id: str, period: str
) -> pl.DataFrame:
    """The way back from ``study`` (``stress_signals``): every event in every window of the year before the end of the period.

    Columns: ``signal``, ``stress``, ``team_id``, ``window`` (the incident that began the stress, or the week), ``is_stress``, ``happened_at``,
    ``x`` (null: not known), ``source_table``, ``source_key``, ``path``, ``source_row``. Raises :class:`ReportError` for a scope or period
    that does not exist; services have no rows.
    """
    if scope not in ("org", "team"):
        raise ReportError(f"There is no {study} of a {scope}; there is of the organisation and of teams.")
    span = periods.parse(period)
    ends = period_ends(settings, as_of, span.start, (span.every,)).filter(period=span.label)
    there = windows(tables, settings, ends).with_columns(pl.col("stress").cast(_STRESS))
    found = by_scope(within(there, events(tables, settings, as_of).collect())).with_columns(
        pl.col(pl.Enum).cast(pl.String)
    )
    lines = pl.concat(
        tables[name].select(
            pl.lit(name).alias("source_table"), TABLES[name].row_key().alias("source_key"), "load_id", "source_row"
        )
        for name in _BEHIND
    ).join(tables["loads"].select("load_id", "path"), on="load_id", how="left")
    return (
        found.filter(scope=scope, entity_id=entity_id)
        .join(lines.collect(), on=["source_table", "source_key"], how="left")
        .select(
            "signal", "stress", "team_id", pl.col("cluster").alias("window"), "is_stress", "happened_at", "x",
            "source_table", "source_key", "path", "source_row",
        )
        .sort("signal", "stress", "team_id", "window", "is_stress", "happened_at", "source_key")
    )  # fmt: skip


def _first(tables: Tables, as_of: datetime) -> date | None:
    now = pl.lit(as_of.astimezone(UTC)).cast(UTC_TIME)
    begun = tables["incidents"].filter(pl.col("opened_at") < now).select(pl.col("opened_at").min()).collect().item()
    found: date | None = begun.date() if begun else None
    return found


def _counted(there: pl.DataFrame, seen: pl.DataFrame, measured: pl.DataFrame) -> pl.DataFrame:
    """Per moment, team, window of stress and signal: x and n in stress (1) and in its calm windows (0). ``measured``: :func:`signals_of` what is ``seen``."""
    key = ["at", "stress", "team_id", "cluster", "is_stress"]
    span = [*_OF, "from", "to"]
    # One window is looked at from a dozen moments; what happened in it is counted once.
    apart = there.select(span).unique().with_row_index("_window")
    there = there.join(apart, on=span)
    x = pl.col("x")
    held = (
        within(apart, seen)
        .group_by("_window", "signal")
        .agg(x.sum(), x.count().alias("n"), x.null_count().alias("missing"), pl.len().alias("_seen"))
    )
    whole = pl.col("signal").is_in(list(WINDOWED))
    single = there.join(held.filter(~whole), on="_window").group_by(*key, "signal").agg(pl.col("x", "n", "missing").sum())  # fmt: skip
    known = measured.filter(whole)
    count = pl.when(pl.col("signal").is_in(list(RATIOS))).then("_seen").otherwise((pl.col("_seen") > 0).cast(pl.UInt32))
    windowed = (
        there.join(known, on="stress")
        .join(held.select("_window", "signal", "_seen"), on=["_window", "signal"], how="left")
        .with_columns(pl.col("_seen").fill_null(0))
        .group_by(*key, "signal")
        .agg(count.sum().alias("x"), pl.len().alias("n"), pl.lit(0).alias("missing"))
    )
    numbers = ["x", "n", "missing"]
    both = pl.concat([part.with_columns(pl.col(numbers).cast(pl.Int64)) for part in (single, windowed)], how="diagonal")
    side = pl.col("is_stress")
    return both.group_by("at", "stress", "team_id", "cluster", "signal").agg(
        *(pl.col(name).filter(side if one else ~side).sum().alias(f"{name}{int(one)}") for name in ("x", "n") for one in (True, False)),
        pl.col("missing").sum(),
    )  # fmt: skip


def _compared(counted: pl.DataFrame, level: float) -> pl.DataFrame:
    by = [*_CELL, "signal"]
    told = counted.with_columns(
        pl.col("signal").is_in(list(RATIOS)).alias("_ratio"), pl.concat_str("cluster", "team_id", separator="\0").alias("_one")
    )  # fmt: skip
    found = clustered_comparison(told.filter(pl.col("n1") + pl.col("n0") > 0), by, "_one", "_ratio", SEED, level)
    seen = told.group_by(by).agg((pl.col("n1") > 0).sum().cast(pl.Int64).alias("_clusters"), pl.col("missing").sum())
    found = found.drop("clusters").join(seen, on=by, how="right").rename(
        {"_clusters": "clusters", "x1": "stress_k", "n1": "stress_n", "x0": "calm_k", "n0": "calm_n"}
    )  # fmt: skip
    is_share = ~pl.col("signal").is_in(list(RATIOS))
    for side in ("stress", "calm"):
        k, n = pl.col(f"{side}_k"), pl.col(f"{side}_n")
        counts = found.select(pl.when(is_share).then(k).otherwise(0).fill_null(0).alias("k"), n.fill_null(0).alias("n"))
        ends = wilson(counts["k"].to_numpy(), counts["n"].to_numpy(), 1 - (1 - level) * len(SIGNALS))
        found = found.with_columns(
            pl.when(n > 0).then(k / n).alias(f"{side}_value"),
            *(pl.when(is_share & (n > 0)).then(pl.Series(np.asarray(v)).fill_nan(None)).alias(f"{side}_{end}") for end, v in zip(("low", "high"), ends, strict=True)),
        )  # fmt: skip
    return found


def _judged(rows: pl.DataFrame) -> pl.DataFrame:
    ratio, value, low, high = pl.col("is_ratio"), pl.col("value"), pl.col("low"), pl.col("high")
    none, much = pl.when(ratio).then(1.0).otherwise(0.0), pl.when(ratio).then(MUCH_RATIO).otherwise(MUCH)
    untested = (pl.col("clusters") < FEWEST) | (pl.col("calm_n") == 0) | value.is_null()
    remedy = (pl.col("signal") == "rollbacks") | (
        (pl.col("signal") == "out of hours") & (pl.col("stress") == STRESSES[0])
    )
    word = (
        pl.when(pl.col("_known").is_null()).then(pl.lit("not measured"))
        .when(untested).then(pl.lit("untested under stress"))
        .when(remedy).then(pl.lit("not judged"))
        .when((low > none) & (value >= much)).then(pl.lit("breaks"))
        .when(low > none).then(pl.lit("bends"))
        .when(high <= much).then(pl.lit("holds"))
        .otherwise(pl.lit("cannot be told"))
    )  # fmt: skip
    return rows.with_columns(word.alias("verdict"))
