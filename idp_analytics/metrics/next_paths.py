"""Studies ``next_paths`` and ``next_path_teams``: which golden path would pay back first, and who would have used it most.

Counted: how often what a path would be for came up in the last year, and how long it took to be done. Stated (``[[next_path]]``): how
much work one takes less with it, and what it takes to build. Nobody has seen how it would have gone with the path.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import binomtest

from idp_analytics.answers import ORG
from idp_analytics.estimates import rates, survival
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.new_services import made
from idp_analytics.metrics.period_ends import UTC_TIME
from idp_analytics.metrics.tickets import RESOLUTION, waits
from idp_analytics.settings import Settings

WINDOW_DAYS = 365
YEAR_DAYS = 365.25
STATED, SERVICE, TICKET = "stated", "new services", "tickets"
"""Where a candidate comes from: somebody stated it; or new services of a kind were made off a path, or tickets of a category asked, that none serves."""

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org
    "entity_id": pl.String,
    "basis": pl.String,  # STATED | SERVICE | TICKET
    "id": pl.String,  # of the [[next_path]]; else the kind of service or category of ticket
    "title": pl.String,
    "said_by": pl.String,  # whose estimate; null: not stated
    "n": pl.Int64,  # times it came up in the window
    "days": pl.Float64,  # the window: the last year, or since such things are recorded
    "per_year": pl.Float64,
    "per_year_low": pl.Float64,
    "per_year_high": pl.Float64,
    "wait_n": pl.Int64,  # of n, those whose wait is known, ended or not
    "censored": pl.Int64,  # of wait_n, not done yet
    "missing": pl.Int64,  # of n, those whose wait is not known
    "wait": pl.Float64,  # hours until half of them were done: made and in production, or settled (Kaplan–Meier)
    "wait_low": pl.Float64,
    "wait_high": pl.Float64,
    "waiting": pl.Float64,  # hours a year: per_year × wait; of waiting, not of work
    "waiting_low": pl.Float64,  # from the ends of both, each at 1 − (1 − level) / 2 (Bonferroni)
    "waiting_high": pl.Float64,
    "hours_each": pl.Float64,  # stated, as all that follow to yearly_hours
    "hours_low": pl.Float64,
    "hours_high": pl.Float64,
    "build_hours": pl.Float64,
    "yearly_hours": pl.Float64,
    "payback_months": pl.Float64,  # null: at this rate never
    "payback_low": pl.Float64,  # at the high ends of rate and hours
    "payback_high": pl.Float64,  # at the low ends; null: never
    "is_first": pl.Boolean,  # pays back before every other stated one, wherever in their intervals both lie
    "level": pl.Float64,
}
"""The columns of the study ``next_paths``, in order."""

TEAM_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org
    "entity_id": pl.String,
    "basis": pl.String,
    "id": pl.String,
    "team_id": pl.String,
    "n": pl.Int64,  # times it came up in this team in the window
    "of": pl.Int64,  # times it came up in any team that is known
    "p": pl.Float64,  # that the first is ahead of the second by chance, times the teams; null: not the first, or alone
    "is_pilot": pl.Boolean,  # the first, and told apart from the second
}
"""The columns of the study ``next_path_teams``, in order."""

_KEY = ["basis", "id"]


def next_paths(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Candidates for the next golden path, for the organisation at the as-of time (:data:`COLUMNS`): stated ones as they stand in the
    settings, then others by the hours waited for them in a year, the most first.

    Rates: exact Poisson (Garwood 1936); waits: Kaplan–Meier medians with what is open censored. Months to pay back:
    12 × ``build_hours`` / (``per_year`` × ``hours_each`` − ``yearly_hours``).
    """
    level = settings.rules.level
    came_up, spans = events(tables, settings, as_of)
    if spans.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    counted = came_up.group_by(_KEY).agg(
        pl.len().cast(pl.Int64).alias("n"), pl.col("usable").sum().cast(pl.Int64).alias("wait_n"),
        (~pl.col("usable")).sum().cast(pl.Int64).alias("missing"),
    )  # fmt: skip
    both = 1 - (1 - level) / 2
    known = came_up.filter("usable")
    found = spans.join(counted, on=_KEY, how="left").with_columns(pl.col("n", "wait_n", "missing").fill_null(0))
    for ends, sure in (("", level), ("_", both)):
        waited = survival.grouped_quantile(known, _KEY, "x", "hit", 0.5, sure)
        found = found.join(
            waited.select(*_KEY, *([pl.col("censored")] if not ends else []), *(pl.col(a).alias(f"{ends}wait{b}") for a, b in (("value", ""), ("low", "_low"), ("high", "_high")))),
            on=_KEY, how="left",
        )  # fmt: skip
        low, high = rates.exact_poisson(found["n"].to_numpy(), found["days"].to_numpy() / YEAR_DAYS, sure)
        found = found.with_columns(pl.Series(f"{ends}per_year_low", low), pl.Series(f"{ends}per_year_high", high))
    found = found.with_columns(
        (pl.col("n") / (pl.col("days") / YEAR_DAYS)).alias("per_year"), pl.col("censored").fill_null(0), pl.lit(level).alias("level"),
        pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id"),
    ).with_columns(
        (pl.col("per_year") * pl.col("wait")).alias("waiting"), (pl.col("_per_year_low") * pl.col("_wait_low")).alias("waiting_low"),
        (pl.col("_per_year_high") * pl.col("_wait_high")).alias("waiting_high"),
        _months("per_year", "hours_each").alias("payback_months"), _months("per_year_high", "hours_high").alias("payback_low"),
        _months("per_year_low", "hours_low").alias("payback_high"),
    )  # fmt: skip
    return (
        _first(found)
        .sort(pl.col("basis") != STATED, "_order", pl.col("waiting").fill_null(-1), "n", *_KEY, descending=[False, False, True, True, False, False])
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )  # fmt: skip


def next_path_teams(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Teams, but the platform's own, in which what a candidate is for came up, per candidate, the most first (:data:`TEAM_COLUMNS`).

    A pilot is the first where an exact binomial test tells it apart from the second (two-sided, times the number of teams: the first
    was picked because it is first).
    """
    came_up, _ = events(tables, settings, as_of)
    rows = (
        came_up.filter(pl.col("team_id") != (settings.platform_team or "")).group_by(*_KEY, "team_id").agg(pl.len().cast(pl.Int64).alias("n"))
        .sort(*_KEY, "n", "team_id", descending=[False, False, True, False])
        .with_columns(
            pl.col("n").sum().over(_KEY).alias("of"), pl.len().over(_KEY).alias("_teams"), pl.int_range(pl.len()).over(_KEY).alias("_place"),
            pl.col("n").shift(-1).over(_KEY).alias("_next"),
        )
    )  # fmt: skip
    # Few sizes are distinct, so the binomial is asked once for each.
    sizes = rows.filter(pl.col("_place") == 0).drop_nulls("_next").select("n", "_next").unique(maintain_order=True)
    tested = sizes.with_columns(pl.Series("_p", [binomtest(a, a + b).pvalue for a, b in sizes.iter_rows()], pl.Float64))
    rows = rows.join(tested, on=["n", "_next"], how="left", maintain_order="left").with_columns(
        pl.when(pl.col("_place") == 0).then((pl.col("_p") * pl.col("_teams")).clip(upper_bound=1)).alias("p"),
        pl.lit("org").alias("scope"), pl.lit(ORG).alias("entity_id"),
    )  # fmt: skip
    sure = 1 - settings.rules.level
    return rows.with_columns((pl.col("p") < sure).fill_null(False).alias("is_pilot")).select(
        pl.col(name).cast(dtype) for name, dtype in TEAM_COLUMNS.items()
    )


def events(tables: Tables, settings: Settings, as_of: datetime) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What came up, once per candidate it is for (``basis``, ``id``, ``team_id``, ``at``, ``x`` hours, ``hit``, ``usable``, and of what row,
    ``source_table``, ``source_key``), and the candidates
    with what is stated of them and the ``days`` they were looked at."""
    now = pl.lit(as_of.astimezone(UTC)).cast(UTC_TIME)
    hours = (pl.min_horizontal(pl.coalesce("until", now), now) - pl.col("at")).dt.total_seconds(fractional=True) / 3600
    services = (
        made(tables, settings).filter(pl.col("at") < now, pl.col("how") != "on a path")
        .with_columns(
            pl.lit(SERVICE).alias("basis"), pl.col("kind").alias("what"), pl.lit("services").alias("source_table"), pl.col("service_id").alias("source_key"),
            pl.when("hit").then(pl.col("x") * 24).otherwise((now - pl.col("at")).dt.total_seconds(fractional=True) / 3600).alias("x"),
        )
    )  # fmt: skip
    asked = (
        waits(tables, RESOLUTION).filter(pl.col("at") < now).collect()
        .with_columns(
            pl.lit(TICKET).alias("basis"), pl.col("category").alias("what"), pl.lit("tickets").alias("source_table"), pl.col("ticket_id").alias("source_key"), ((pl.col("until") < now) & pl.col("hit")).fill_null(False).alias("hit"),
            hours.alias("x"),
        )
    )  # fmt: skip
    shape = ["basis", "what", "team_id", "at", "x", "hit", "usable", "source_table", "source_key"]
    seen = pl.concat([services.select(shape), asked.select(shape)]).drop_nulls("what")
    year = as_of.astimezone(UTC) - timedelta(days=WINDOW_DAYS)
    since = {
        basis: max(year, first)
        for basis, first in (
            (SERVICE, tables["deployments"].select(pl.col("finished_at").min()).collect().item()),
            (TICKET, tables["tickets"].select(pl.col("created_at").min()).collect().item()),
        )
        if first is not None and first < as_of
    }
    candidates = _candidates(seen, settings, since)
    pairs = pl.DataFrame(
        [
            {"basis": c["basis"], "id": c["id"], "_since": c["since"], "_kind": kind, "what": what}
            for c in candidates
            for kind, what in c["for"]
        ],
        schema={"basis": pl.String, "id": pl.String, "_since": UTC_TIME, "_kind": pl.String, "what": pl.String},
    )
    found = (
        pairs.join(seen.rename({"basis": "_kind"}), on=["_kind", "what"]).filter(pl.col("at") >= pl.col("_since"))
        .select(*_KEY, "team_id", "at", "x", "hit", "usable", "source_table", "source_key")
    )  # fmt: skip
    told = ("title", "said_by", "hours_each", "hours_low", "hours_high", "build_hours", "yearly_hours")
    schema = {"basis": pl.String, "id": pl.String, "_order": pl.Int64, "days": pl.Float64} | {
        name: COLUMNS[name] for name in told
    }
    spans = pl.DataFrame(
        [{**c, "_order": order, "days": (as_of - c["since"]).total_seconds() / 86400} for order, c in enumerate(candidates)],
        schema=schema,
    )  # fmt: skip
    if spans.height:  # those that nobody stated come up at least once
        spans = spans.filter(
            (pl.col("basis") == STATED) | pl.struct(_KEY).is_in(found.select(pl.struct(_KEY).alias("k"))["k"].implode())
        )
    return found, spans


def _candidates(seen: pl.DataFrame, settings: Settings, since: dict[str, datetime]) -> list[dict[str, Any]]:
    """Stated candidates, then each kind of new service and category of ticket that neither they nor a component serves."""
    stated = []
    for path in settings.next_paths:
        parts = [(SERVICE, kind) for kind in path.service_kinds] + [(TICKET, category) for category in path.tickets]
        starts = [since[basis] for basis, _ in parts if basis in since]
        if not starts:
            continue
        own = {
            name: getattr(path, name)
            for name in ("title", "said_by", "hours_each", "hours_low", "hours_high", "build_hours", "yearly_hours")
        }
        stated.append({"basis": STATED, "id": path.id, "for": parts, "since": max(starts), **own})
    served = {part for one in stated for part in one["for"]} | {
        (TICKET, c) for component in settings.components for c in component.tickets
    }
    others = [
        {"basis": basis, "id": what, "title": what, "for": [(basis, what)], "since": since[basis]}
        for basis, what in seen.select("basis", "what").unique().sort("basis", "what").iter_rows()
        if basis in since and (basis, what) not in served
    ]
    # One place in the order for all that nobody stated: they stand by what is waited for them.
    return [*stated, *others]


def _months(rate: str, hours: str) -> pl.Expr:
    """Months until what it saves has made up for what it took to build; null: it never does."""
    yearly = pl.col(rate) * pl.col(hours) - pl.col("yearly_hours")
    return pl.when(yearly > 0).then(12 * pl.col("build_hours") / yearly)


def _first(found: pl.DataFrame) -> pl.DataFrame:
    """``is_first``, and one place in the order for what nobody stated."""
    stated = found["basis"].to_numpy() == STATED
    ends = found["payback_high"].fill_null(np.inf).to_numpy()
    begins = np.where(stated, found["payback_low"].fill_null(np.inf).to_numpy(), np.inf)
    others = np.array([np.delete(begins, i).min(initial=np.inf) for i in range(len(begins))])
    first = stated & np.isfinite(ends) & (ends < others) & (stated.sum() > 1)
    return found.with_columns(
        pl.Series("is_first", first), pl.when(pl.col("basis") == STATED).then("_order").otherwise(0).alias("_order")
    )
