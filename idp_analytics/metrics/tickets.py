"""What people ask the platform's team for: how often, how long until somebody answers and until it is settled, and what it is about."""

from __future__ import annotations

import polars as pl

from idp_analytics.answers import observations
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings

RESPONSE, RESOLUTION = "response", "resolution"
WAITS = (RESPONSE, RESOLUTION)
"""What people wait for: the first answer, and that it is settled."""

SETTLED, CLOSED, OPEN = "settled", "closed", "open"

UNSETTLED = (
    r"duplicate|merged|not[ _-]?planned|won.?t|cancel|abandon|declined|rejected|withdrawn|stale|expired|inactiv|no response"
    r"|auto.?clos|closed (?:incomplete|skipped)"
)
"""Words in ``status_raw`` of a ticket that was closed without having been settled: nobody's wait ended well with that."""

BULK = 10
"""Tickets of one source closed in one minute of the clock from which on it was a clean-up: that is not when they were settled."""

_UTC = pl.Datetime("us", "UTC")


def told(tables: Tables) -> pl.LazyFrame:
    """``tickets`` with what became of them. Added columns:

    * ``at``: when it was asked;
    * ``is_bulk``: closed in the same minute as :data:`BULK` or more of its source;
    * ``state``: ``settled``; ``closed`` (done, but by its own word a duplicate, not planned, … (:data:`UNSETTLED`), or in bulk);
      ``open``, also when it was settled once and opened again; null where the source does not say;
    * ``answers``: the source tells of any ticket when it was first answered.
    """
    done = pl.coalesce(pl.col("status") == "done", pl.when(pl.col("resolved_at").is_not_null()).then(True))
    minute = pl.col("resolved_at").dt.truncate("1m")
    crowd = pl.len().over("source", minute)
    word = pl.col("status_raw").str.to_lowercase().str.contains(UNSETTLED).fill_null(False)
    bulk = (done & minute.is_not_null() & (crowd >= BULK)).fill_null(False)
    return tables["tickets"].with_columns(
        pl.col("created_at").alias("at"), bulk.alias("is_bulk"),
        pl.when(done & (word | bulk)).then(pl.lit(CLOSED)).when(done).then(pl.lit(SETTLED)).when(~done).then(pl.lit(OPEN)).alias("state"),
        pl.col("first_response_at").is_not_null().any().over("source").alias("answers"),
    )  # fmt: skip


def waits(tables: Tables, wait: str) -> pl.LazyFrame:
    """:func:`told` with the end of one of :data:`WAITS`. Added columns:

    * ``until``: when it ended, well or not; null: it has not;
    * ``hit``: it ended with an answer (with its being settled);
    * ``usable``: false where its end is not to be told: over, but not known when; before it was asked; how it stands is not
      said; for the answer also where the source never tells of one.
    """
    frame = told(tables)
    over = pl.col("state").is_in([SETTLED, CLOSED])
    until: pl.Expr
    if wait == RESPONSE:
        hit = pl.col("first_response_at").is_not_null()
        until = pl.when(hit).then("first_response_at").when(over).then("resolved_at")
        known = pl.col("answers") & (hit | (pl.col("state") == OPEN) | (over & pl.col("resolved_at").is_not_null()))
    else:
        hit = pl.col("state") == SETTLED
        until = pl.when(over).then("resolved_at")
        known = (pl.col("state") == OPEN) | (over & pl.col("resolved_at").is_not_null())
    return (
        frame.with_columns(until.cast(_UTC).alias("until"), hit.fill_null(False).alias("hit"))
        .with_columns((known.fill_null(False) & (pl.col("until") >= pl.col("at")).fill_null(True)).alias("usable"))
    )  # fmt: skip


def tickets_per_developer_month(tables: Tables, _: Settings) -> pl.LazyFrame:
    """One observation per ticket, dated by when it was asked."""
    return _observed(told(tables))


def tickets_per_service_month(tables: Tables, _: Settings) -> pl.LazyFrame:
    """The same tickets; those that name no service are no service's."""
    return _observed(told(tables))


def ticket_response_time(tables: Tables, _: Settings) -> pl.LazyFrame:
    """Hours from asking to the first answer, dated by the asking; ``hit`` false: not answered yet, or closed without an answer."""
    return _observed(_hours(waits(tables, RESPONSE)))


def ticket_resolution_time(tables: Tables, _: Settings) -> pl.LazyFrame:
    """Hours from asking until it was settled (for the last time), dated by the asking; ``hit`` false: open, or closed unsettled."""
    return _observed(_hours(waits(tables, RESOLUTION)))


def ticket_reopen_share(tables: Tables, _: Settings) -> pl.LazyFrame:
    """One observation per ticket that was ever done, dated by the asking; a hit when it was opened again.

    Not usable: the source does not tell how often it was.
    """
    ever = told(tables).filter(pl.col("state").is_in([SETTLED, CLOSED]) | (pl.col("reopens") > 0))
    return _observed(
        ever.with_columns((pl.col("reopens") > 0).alias("hit"), pl.col("reopens").is_not_null().alias("usable"))
    )


def platform_ticket_share(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """One observation per ticket, dated by the asking; a hit when it is about the platform itself (:func:`about`)."""
    found = told(tables).with_columns(about(settings))
    return _observed(
        found.with_columns(pl.col("is_about").alias("hit"), pl.col("is_about").is_not_null().alias("usable"))
    )


def about(settings: Settings) -> pl.Expr:
    """``is_about``: the ticket names a golden path, or its category is one of a ``[[component]]``; null where nothing tells.

    That it is about neither is told where its category is known and settings say which categories are a component's, or where
    its source names golden paths at all.
    """
    claimed = sorted({name for part in settings.components for name in part.tickets})
    names = pl.col("golden_path_id").is_not_null()
    told_by = names.any().over("source") | pl.lit(bool(claimed))
    mine = pl.col("category").is_in(claimed) if claimed else pl.lit(False)
    return (
        pl.when(names).then(True)
        .when(pl.col("category").is_not_null() & told_by).then(mine)
        .otherwise(pl.lit(None, pl.Boolean)).alias("is_about")
    )  # fmt: skip


def _hours(frame: pl.LazyFrame) -> pl.LazyFrame:
    return frame.with_columns(((pl.col("until") - pl.col("at")).dt.total_seconds(fractional=True) / 3600).alias("x"))


def _observed(frame: pl.LazyFrame) -> pl.LazyFrame:
    return observations(frame.with_columns(pl.col("ticket_id").alias("source_key")), source_table="tickets")
