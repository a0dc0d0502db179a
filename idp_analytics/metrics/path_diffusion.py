"""Studies ``diffusion`` and ``diffusion_fits``: how far each golden path has spread, month by month, and where that is going."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.estimates.diffusion import Fit, bass, logistic
from idp_analytics.metrics.joins import chances
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.period_ends import UTC_TIME
from idp_analytics.settings import Settings

MODELS = ("bass, eligible", "bass", "logistic, eligible", "logistic")
"""The curves fitted: with as many as are eligible for ceiling, and with a ceiling of their own. The first is drawn."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org
    "entity_id": pl.String,
    "golden_path_id": pl.String,
    "title": pl.String,
    "month": pl.Date,  # its first day
    "joined": pl.Int64,  # eligible services that joined in it
    "adopted": pl.Int64,  # by its end
    "eligible": pl.Int64,  # services that can ever join, as far as they are known
    "curve": pl.Float64,  # adopted by its end, by the model with the eligible as ceiling; null: nothing is fitted
    "is_identified": pl.Boolean,
}
"""The columns of the study ``diffusion``, in order."""

FIT_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org
    "entity_id": pl.String,
    "golden_path_id": pl.String,
    "title": pl.String,
    "model": pl.String,  # MODELS
    "months": pl.Int64,  # from the path's first to the last complete one
    "n": pl.Int64,  # eligible services
    "k": pl.Int64,  # of them, joined in those months
    "undated": pl.Int64,  # beside k: on the path, and nobody knows since when
    "ceiling": pl.Float64,
    "ceiling_error": pl.Float64,  # standard error; null: the ceiling is given, or nothing is fitted
    "p": pl.Float64,  # Bass: innovation per month
    "q": pl.Float64,  # Bass: imitation per month
    "middle": pl.Float64,  # months until growth was fastest
    "is_identified": pl.Boolean,
    "reason": pl.String,  # why not; null: it is
}
"""The columns of the study ``diffusion_fits``, in order."""

_PATH = ["golden_path_id", "title"]


def diffusion(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Eligible services on each golden path by the end of each complete month since it was there (:data:`COLUMNS`).

    Eligible as in :func:`joins.chances`, those there at the as-of time. Joins from before the first look count where their day is told;
    who left before anybody looked is not known, so the curve can be too low early on. Model: Bass with the eligible as
    ceiling, fitted to joins per month (:func:`estimates.diffusion.bass`, interval form).
    """
    rows = [row for path in _paths(tables, settings, as_of) for row in _points(*path)]
    return pl.DataFrame(rows, schema=COLUMNS)


def diffusion_fits(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """What each model of :data:`MODELS` says of each golden path, and whether it is identified (:data:`FIT_COLUMNS`)."""
    rows = [row for path in _paths(tables, settings, as_of) for row in _fits(*path)]
    return pl.DataFrame(rows, schema=FIT_COLUMNS)


def _paths(
    tables: Tables, settings: Settings, as_of: datetime
) -> list[tuple[dict[str, Any], list[date], list[int], int, int]]:
    """Per path: its names, the months, joins in each, how many are eligible, how many are on it since nobody knows when."""
    found = []
    eligible = placed(tables, settings, as_of)
    for (path, title), part in eligible.partition_by(_PATH, as_dict=True, maintain_order=True).items():
        joins = dict(part.drop_nulls("month").group_by("month").len().iter_rows())
        last: date = part["last_look"][0]
        begin = min([*joins, *part.select(pl.col("offered").min().dt.date().dt.truncate("1mo")).to_series().drop_nulls().to_list()], default=last)  # fmt: skip
        # The last month counts where the path was looked at on its last day; a later join in it would not be known otherwise.
        end = last.replace(day=1) if _is_month_end(last) else last.replace(day=1).replace(day=1)
        months = pl.date_range(begin.replace(day=1), end, "1mo", eager=True).to_list() if begin <= end else []
        if not _is_month_end(last):
            months = [one for one in months if one < end]
        undated = part.filter(pl.col("kind").is_not_null() & pl.col("month").is_null()).height
        names = {"scope": "org", "entity_id": ORG, "golden_path_id": path, "title": title}
        found.append((names, months, [int(joins.get(one, 0)) for one in months], part.height, undated))
    return found


def placed(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Each service with each path it is eligible for at ``as_of`` (:func:`joins.chances`), with the ``month`` in which it joined; null: it has not, or nobody
    knows since when (``kind`` is told)."""
    now = pl.lit(as_of.astimezone(UTC)).cast(UTC_TIME)
    pairs = chances(tables, settings, as_of).filter(pl.col("retired_at").is_null() | (pl.col("retired_at") >= now))
    # Born on it, or found there by the first look: on it, but since when is not told.
    is_dated = (pl.col("kind") == "counted") | (
        (pl.col("kind") == "early") & (pl.col("began").dt.date() < pl.col("first_look"))
    )
    month = pl.col("began").dt.convert_time_zone(settings.time_zone).dt.date().dt.truncate("1mo")
    return pairs.with_columns(pl.when(is_dated).then(month).alias("month"))


def _is_month_end(day: date) -> bool:
    return (date.fromordinal(day.toordinal() + 1)).day == 1


def _points(
    names: dict[str, Any], months: list[date], joins: list[int], eligible: int, undated: int
) -> list[dict[str, Any]]:
    fit = bass(joins, float(eligible - undated))
    curve = fit.expected(np.arange(1, len(months) + 1))
    adopted = undated + np.cumsum(joins, dtype=np.int64)
    return [
        {
            **names, "month": month, "joined": joined, "adopted": int(so_far), "eligible": eligible,
            "curve": None if np.isnan(value) else float(value) + undated, "is_identified": fit.is_identified,
        }
        for month, joined, so_far, value in zip(months, joins, adopted, curve, strict=True)
    ]  # fmt: skip


def _fits(
    names: dict[str, Any], months: list[date], joins: list[int], eligible: int, undated: int
) -> list[dict[str, Any]]:
    time, adopted = np.arange(1, len(months) + 1), np.cumsum(joins)
    ceiling = float(eligible - undated)
    fits = (bass(joins, ceiling), bass(joins), logistic(time, adopted, ceiling), logistic(time, adopted))
    return [
        {
            **names, "model": model, "months": len(months), "n": eligible, "k": int(sum(joins)), "undated": undated, **_numbers(fit),
            "is_identified": fit.is_identified, "reason": fit.reason or None,
        }
        for model, fit in zip(MODELS, fits, strict=True)
    ]  # fmt: skip


def _numbers(fit: Fit) -> dict[str, float | None]:
    ceiling = fit.names[0]
    told = {"ceiling": fit[ceiling], "ceiling_error": fit.error(ceiling), "middle": fit.inflection}
    if "p" in fit.names:
        told |= {"p": fit["p"], "q": fit["q"]}
    return {name: float(value) if np.isfinite(value) else None for name, value in told.items()}
