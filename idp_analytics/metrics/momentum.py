"""Studies ``adoption_momentum`` and ``adoption_following``: do services beside those on a golden path come of themselves?"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl

from idp_analytics.answers import CELL, ORG
from idp_analytics.estimates import changes, rates
from idp_analytics.estimates.neighbours import NEVER, Histories, exposure, following
from idp_analytics.metrics.golden_paths import STATE
from idp_analytics.metrics.joins import KINDS, chances
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.period_ends import UTC_TIME, period_ends
from idp_analytics.settings import Settings
from idp_analytics.tables.ownership import attribute

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
    "golden_path_id": pl.String,  # null: all paths
    "title": pl.String,
    "exposed_months": pl.Int64,  # service-months off the path beside one that was on it
    "exposed_joins": pl.Int64,  # organic joins in them
    "other_months": pl.Int64,  # service-months off it with none beside them
    "other_joins": pl.Int64,
    "rate": pl.Float64,  # organic joins per exposed service-month
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
    "change": pl.Float64,  # ratio to the rate of the period before
    "change_low": pl.Float64,
    "change_high": pl.Float64,
    "verdict": pl.String,
}
"""The columns of the study ``adoption_momentum``, in order."""

FOLLOWING_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org
    "entity_id": pl.String,
    "golden_path_id": pl.String,  # null: all paths
    "title": pl.String,
    "months": pl.Int64,
    "exposed_months": pl.Int64,
    "exposed_joins": pl.Int64,
    "other_months": pl.Int64,
    "other_joins": pl.Int64,
    "odds_ratio": pl.Float64,  # of joining in a month, beside one on the path against beside none
    "low": pl.Float64,
    "high": pl.Float64,
    "level": pl.Float64,
    "p": pl.Float64,  # by permutation
    "reason": pl.String,  # why it is not identified; null: it is
}
"""The columns of the study ``adoption_following``, in order."""

_PATH = ["golden_path_id", "title"]


def adoption_momentum(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Organic joins per month of a service that is off a path beside one on it, by month and quarter, against the period before.

    One row per period and path, and one of all (:data:`COLUMNS`); of the organisation. Beside: owned by the same team at the start
    of the month, or of the same system. Months from the first that begins after the first look at the path, until a mandate is announced. Interval: exact
    Poisson (Garwood 1936); change: exact ratio of rates. A rising rate says that joining becomes more usual near those who
    joined; not whether they were followed or are merely alike.
    """
    found = _histories(tables, settings, as_of)
    rows = [
        {"golden_path_id": path, "title": title, "month": months[int(step)], "exposed": bool(exposed), "at_risk": at_risk, "joined": joined}
        for path, title, months, history in found
        for step, exposed, at_risk, joined in exposure(history)
    ]  # fmt: skip
    if not rows:
        return pl.DataFrame(schema=COLUMNS)
    cells = pl.DataFrame(rows).with_columns(pl.col("at_risk", "joined").cast(pl.Int64))
    both = pl.concat([cells, cells.with_columns(pl.lit(None, pl.String).alias(name) for name in _PATH)])
    spans = period_ends(settings, as_of, cells["month"].min()).drop("at", "day", "begins")  # type: ignore[arg-type]
    placed = both.join(spans, how="cross").filter(
        pl.when(pl.col("every") == "1mo").then(pl.col("month") == pl.col("period_start"))
        .otherwise(pl.col("month").dt.truncate("1q") == pl.col("period_start"))
    )  # fmt: skip
    exposed = pl.col("exposed")
    told = (
        placed.group_by("every", "period", "period_start", "is_partial", *_PATH)
        .agg(
            pl.col("at_risk").filter(exposed).sum().alias("exposed_months"), pl.col("joined").filter(exposed).sum().alias("exposed_joins"),
            pl.col("at_risk").filter(~exposed).sum().alias("other_months"), pl.col("joined").filter(~exposed).sum().alias("other_joins"),
        )
        .sort("every", *_PATH, "period_start", nulls_last=False)
    )  # fmt: skip
    key = ["every", *_PATH]
    before = told.with_columns(
        pl.col("exposed_joins", "exposed_months").shift(1).over(key).name.prefix("before_"),
        pl.col("is_partial").shift(1).over(key).fill_null(True).alias("before_partial"),
    )
    level = settings.rules.level
    k, m, k0, m0 = (
        before[name].fill_null(0).to_numpy() for name in ("exposed_joins", "exposed_months", "before_exposed_joins", "before_exposed_months")
    )  # fmt: skip
    low, high = rates.exact_poisson(k, m, level)
    # An end without bound, and a ratio to none, have no number.
    whole = ~(before["is_partial"] | before["before_partial"]).to_numpy()
    ratio, ratio_low, ratio_high = (np.where(whole, v, np.nan) for v in changes.rate_ratio(k, m, k0, m0, level))
    verdicts = changes.verdict(ratio_low, ratio_high, 1.0, "higher")
    finite = (np.where(np.isfinite(v), v, np.nan) for v in (ratio, ratio_low, ratio_high))
    numbers = dict(zip(("low", "high", "change", "change_low", "change_high"), (low, high, *finite), strict=True))
    return (
        before.with_columns(
            pl.when(pl.col("exposed_months") > 0).then(pl.col("exposed_joins") / pl.col("exposed_months")).alias("rate"),
            *(pl.Series(name, value).fill_nan(None) for name, value in numbers.items()),
            pl.Series("verdict", verdicts.tolist(), dtype=pl.String),
            pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id"), pl.lit(level).alias("level"),
        )
        .sort(*CELL, "golden_path_id", nulls_last=False)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )  # fmt: skip


def adoption_following(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Whether services join sooner beside one that is on the path, over all months: per path, and over all (:data:`FOLLOWING_COLUMNS`).

    A discrete-time logit with a permutation test: :func:`following`. Mandated joins end the waiting and are no joins here. Homophily and
    contagion are not distinguishable: teams that would have joined anyway may simply be alike.
    """
    found = _histories(tables, settings, as_of)
    if not found:
        return pl.DataFrame(schema=FOLLOWING_COLUMNS)
    level = settings.rules.level
    parts: list[tuple[str | None, str | None, list[Histories]]] = [(None, None, [one[3] for one in found])]
    parts += [(path, title, [history]) for path, title, _, history in found]
    rows = [_told(path, title, histories, level) for path, title, histories in parts]
    return pl.DataFrame(rows, schema=FOLLOWING_COLUMNS)


def _told(path: str | None, title: str | None, histories: list[Histories], level: float) -> dict[str, Any]:
    fit = following(histories, level)
    numbers = {"odds_ratio": fit.odds_ratio, "low": fit.low, "high": fit.high, "p": fit.p}
    exposed, other = (fit.cells[fit.cells[:, 2] == side][:, 3:].sum(axis=0).astype(int) for side in (1, 0))
    return {
        "scope": "org", "entity_id": ORG, "golden_path_id": path, "title": title,
        "months": max(history.groups[0].shape[0] for history in histories),
        "exposed_months": int(exposed[0]), "exposed_joins": int(exposed[1]), "other_months": int(other[0]), "other_joins": int(other[1]),
        **{name: None if np.isnan(value) else value for name, value in numbers.items()}, "level": level, "reason": fit.reason or None,
    }  # fmt: skip


def _histories(tables: Tables, settings: Settings, as_of: datetime) -> list[tuple[str, str, list[date], Histories]]:
    """Per path its id, title, the months it was looked at from their start on, and who joined when."""
    pairs = chances(tables, settings, as_of)
    ownership = tables["ownership"].collect()
    found: list[tuple[str, str, list[date], Histories]] = []
    for (path, title), part in pairs.partition_by(_PATH, as_dict=True, maintain_order=True).items():
        first, last = part["first_look"][0], part["last_look"][0]
        begun = pl.date_range(first.replace(day=1), last, "1mo", eager=True)
        # From the notice of a mandate on nobody can come unasked, so there is no such chance to count.
        free = begun.filter((begun > first) & (begun < (part["notice"][0] or date.max)))
        months = free.to_list()
        if months:
            found.append((str(path), str(title), months, _history(part, months, ownership, settings.time_zone)))
    return found


def _history(part: pl.DataFrame, months: list[date], ownership: pl.DataFrame, zone: str) -> Histories:
    begins = np.array([np.datetime64(month, "us") for month in months])

    def step(name: str, side: str) -> np.ndarray[Any, np.dtype[np.int64]]:
        """How many months began by then, less one: the month it lies in; before the first −1."""
        told = part[name].cast(UTC_TIME).dt.convert_time_zone(zone).dt.replace_time_zone(None)
        found = np.searchsorted(begins, told.fill_null(datetime(1, 1, 1)).to_numpy(), side=side)  # type: ignore[call-overload]
        return np.asarray(found, dtype=np.int64)

    entered = np.where(part["offered"].is_null(), 0, step("offered", "left"))
    counted = (part["kind"] == "counted").fill_null(False).to_numpy()
    there = part["kind"].is_not_null().to_numpy()
    joined = np.where(counted, step("began", "right") - 1, np.where(there, -1, NEVER))
    left = np.where(part["retired_at"].is_null(), len(months), step("retired_at", "left"))
    states = part.select("service_id").join(pl.DataFrame({"day": months}), how="cross", maintain_order="left")
    owned = attribute(STATE, states, ownership, "UTC")
    team = owned["team_id"].rank("dense").fill_null(0).to_numpy().astype(np.int64) - 1
    system = part["system"].rank("dense").fill_null(0).to_numpy().astype(np.int64) - 1
    organic = (part["adoption"] == KINDS[0]).fill_null(False).to_numpy()
    groups = (team.reshape(part.height, len(months)).T, np.tile(system, (len(months), 1)))
    return Histories(entered, joined, organic, left, groups)
