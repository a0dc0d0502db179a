"""Studies ``tickets`` and ``ticket_reasons``: what is asked by category, per developer and per service, and what is asked again and again."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from idp_analytics.answers import CELL
from idp_analytics.estimates import rates, shares
from idp_analytics.metrics.cells import known_by, periods_of, placed
from idp_analytics.metrics.exposure import developer_months, exposed, service_months
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.tickets import CLOSED, OPEN, SETTLED, about, told
from idp_analytics.settings import Settings

ALL, CATEGORY = "all", "category"
PARTS = (ALL, CATEGORY)
"""What a row is of: all tickets, or those of one category (null: of none that is told)."""

SCOPES = ("org", "team", "service")

REPEATED = 3
"""From how many tickets of one category about one thing on it is a reason that repeats."""

_HEAD: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,
    "entity_id": pl.String,
    "every": pl.String,
    "period": pl.String,
    "period_start": pl.Date,
    "is_partial": pl.Boolean,
}

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    **_HEAD,
    "part": pl.String,  # PARTS
    "category": pl.String,
    "tickets": pl.Int64,  # asked in the period
    "developer_months": pl.Float64,  # there in the covered part of it; null: of a service
    "per_developer": pl.Float64,  # tickets per such month; 0 where nobody asked; null: no developers known
    "per_developer_low": pl.Float64,
    "per_developer_high": pl.Float64,
    "service_months": pl.Float64,
    "per_service": pl.Float64,
    "per_service_low": pl.Float64,
    "per_service_high": pl.Float64,
    "without_service": pl.Int64,  # of tickets, those that name no service
    "settled": pl.Int64,
    "closed": pl.Int64,  # by their own word not settled (duplicate, not planned, …), or in bulk
    "bulk": pl.Int64,  # of those closed, in bulk
    "open": pl.Int64,
    "reopened": pl.Int64,
    "reopen_n": pl.Int64,  # ever done, and told how often opened again
    "reopen_share": pl.Float64,
    "reopen_low": pl.Float64,
    "reopen_high": pl.Float64,
    "on_path": pl.Int64,  # name a golden path
    "about": pl.Int64,  # about the platform itself: those, and of a category that a component names
    "about_n": pl.Int64,  # of which that is told; the others are unknown
    "about_share": pl.Float64,
    "about_low": pl.Float64,
    "about_high": pl.Float64,
    "level": pl.Float64,
}
"""The columns of the study ``tickets``, in order."""

REASON_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    **_HEAD,
    "category": pl.String,
    "kind": pl.String,  # golden path | service
    "about": pl.String,  # its id
    "tickets": pl.Int64,
    "teams": pl.Int64,  # that asked
    "reopened": pl.Int64,
    "reopen_n": pl.Int64,
    "reopen_share": pl.Float64,
    "reopen_low": pl.Float64,
    "reopen_high": pl.Float64,
    "level": pl.Float64,
}
"""The columns of the study ``ticket_reasons``, in order."""

_COUNTS = (
    "without_service", "settled", "closed", "bulk", "open", "reopened", "reopen_n", "on_path", "about", "about_n",
)  # fmt: skip


def tickets(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Tickets by category of the organisation, each team that ever asked and each service asked about, by month and quarter.

    One row for all and one for each category the entity ever asked of, in every period from the first ticket on (:data:`COLUMNS`):
    none asked is a count of 0. Rates: exact Poisson intervals (Garwood 1936); shares: Wilson 1927. Sorted by entity and time, the
    most asked category first.
    """
    rows = _rows(tables, settings, as_of)
    if rows.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    key = [*CELL, "part", "category"]
    counts = by_part(placed(rows, settings, SCOPES)).group_by(key).agg(
        pl.len().cast(pl.Int64).alias("tickets"), *(pl.col(name).sum().cast(pl.Int64) for name in _COUNTS)
    )  # fmt: skip
    first: date = rows["day"].min()  # type: ignore[assignment]
    periods = periods_of("ticket_resolution_time", tables, settings, as_of, first)
    who = ["scope", "entity_id", "part", "category"]
    grid = counts.select("every", *who).unique().join(periods, on="every")
    found = grid.join(counts, on=key, how="left", nulls_equal=True).with_columns(
        pl.col("tickets", *_COUNTS).fill_null(0), pl.lit(True).alias("is_measured"), pl.lit(0.0).alias("days")
    )
    level = settings.rules.level
    for spans, name in ((developer_months, "developer"), (service_months, "service")):
        found = exposed(found, spans(tables, settings).collect())
        found = _rated(found, name, level).with_columns(pl.col("days").alias(f"{name}_months"))
    of_service = pl.col("scope") == "service"
    most = pl.col("tickets").sum().over(who)
    return (
        _shared(_shared(found, "reopened", "reopen", level), "about", "about", level)
        .with_columns(pl.when(~of_service).then("developer_months"), pl.lit(level).alias("level"), most.alias("_most"))
        .sort(*CELL, pl.col("part").cast(pl.Enum(PARTS)), "_most", "category", descending=[*[False] * 5, True, False])
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )  # fmt: skip


def ticket_reasons(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """What was asked about at least :data:`REPEATED` times: one row per entity, period, category and golden path, else service.

    A ticket that names a golden path is about that, whatever service it came from; one that names neither has no place here
    (:data:`REASON_COLUMNS`). Share opened again: Wilson 1927. Of the organisation and each team; the most asked first.
    """
    rows = _rows(tables, settings, as_of)
    if rows.is_empty():
        return pl.DataFrame(schema=REASON_COLUMNS)
    on = pl.col("golden_path_id").is_not_null()
    named = rows.with_columns(
        pl.when(on).then(pl.lit("golden path")).when(pl.col("service_id").is_not_null()).then(pl.lit("service")).alias("kind"),
        pl.coalesce("golden_path_id", "service_id").alias("thing"),
    ).filter(pl.col("kind").is_not_null(), pl.col("category").is_not_null())  # fmt: skip
    first: date = rows["day"].min()  # type: ignore[assignment]
    periods = periods_of("ticket_resolution_time", tables, settings, as_of, first)
    level = settings.rules.level
    found = (
        placed(named, settings, ("org", "team")).group_by(*CELL, "category", "kind", pl.col("thing").alias("about"))
        .agg(pl.len().cast(pl.Int64).alias("tickets"), pl.col("team_id").drop_nulls().n_unique().cast(pl.Int64).alias("teams"),
             *(pl.col(name).sum().cast(pl.Int64) for name in ("reopened", "reopen_n")))
        .filter(pl.col("tickets") >= REPEATED)
        .join(periods, on=["every", "period_start"])
    )  # fmt: skip
    return (
        _shared(found, "reopened", "reopen", level)
        .with_columns(pl.lit(level).alias("level"))
        .sort(*CELL, "tickets", "category", "about", descending=[*[False] * 4, True, False, False])
        .select(pl.col(name).cast(dtype) for name, dtype in REASON_COLUMNS.items())
    )


def by_part(cells: pl.DataFrame) -> pl.DataFrame:
    """``cells`` (with ``category``) once as a part of all, without its category, and once as part of that."""
    return pl.concat(
        [
            cells.with_columns(pl.lit(ALL).alias("part"), pl.lit(None, pl.String).alias("category")),
            cells.with_columns(pl.lit(CATEGORY).alias("part")),
        ]
    )


def _rows(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Tickets asked before ``as_of``, each with 1 or 0 for each of :data:`_COUNTS`. What was done later was open then."""
    now = pl.lit(as_of).cast(pl.Datetime("us", "UTC"))
    later = (pl.col("resolved_at") >= now).fill_null(False)
    state = pl.when(later).then(pl.lit(OPEN)).otherwise("state")
    ever = state.is_in([SETTLED, CLOSED]).fill_null(False) | (pl.col("reopens") > 0).fill_null(False)
    counted = ever & pl.col("reopens").is_not_null()
    return (
        known_by(told(tables).with_columns(about(settings)), settings, as_of)
        .select(
            "service_id", "team_id", "day", "category", "golden_path_id",
            pl.col("service_id").is_null().alias("without_service"), (state == SETTLED).fill_null(False).alias("settled"),
            (state == CLOSED).fill_null(False).alias("closed"), ((state == CLOSED) & pl.col("is_bulk")).fill_null(False).alias("bulk"),
            (state == OPEN).fill_null(False).alias("open"), (counted & (pl.col("reopens") > 0)).fill_null(False).alias("reopened"),
            counted.alias("reopen_n"), pl.col("golden_path_id").is_not_null().alias("on_path"),
            pl.col("is_about").fill_null(False).alias("about"), pl.col("is_about").is_not_null().alias("about_n"),
        )
        .collect()
    )  # fmt: skip


def _rated(frame: pl.DataFrame, name: str, level: float) -> pl.DataFrame:
    """``per_<name>`` and its bounds: ``tickets`` per unit of ``days``; null where there was none of it."""
    low, high = rates.exact_poisson(frame["tickets"].to_numpy(), frame["days"].to_numpy(), level)
    return frame.with_columns(
        (pl.col("tickets") / pl.when(pl.col("days") > 0).then("days")).alias(f"per_{name}"),
        pl.Series(f"per_{name}_low", low).fill_nan(None), pl.Series(f"per_{name}_high", high).fill_nan(None),
    )  # fmt: skip


def _shared(frame: pl.DataFrame, hits: str, name: str, level: float) -> pl.DataFrame:
    """``<name>_share`` and its bounds: ``hits`` of ``<name>_n``; null where that is 0."""
    k, n = frame[hits].to_numpy(), frame[f"{name}_n"].to_numpy()
    low, high = shares.wilson(k, n, level)
    some = pl.col(f"{name}_n") > 0
    return frame.with_columns(
        pl.when(some).then(pl.col(hits) / pl.col(f"{name}_n")).alias(f"{name}_share"),
        *(pl.when(some).then(pl.Series(bound)).alias(f"{name}_{end}") for bound, end in ((low, "low"), (high, "high"))),
    )
