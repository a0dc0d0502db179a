"""Who is on which golden path when, and which services a path could be for.

What a source says of a service is of one of three strengths. *Uses* and *conforms* were seen at work. *Declared* is what
somebody wrote down. *Born* says how the service came to be and nothing of today. Where a source looks for use, what is only
declared or born is on the path no more than what it does not show; where none looks, nobody knows: *unverified*, a third part
of every share, and never counted as on the path.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from idp_analytics.metrics.links import Tables, production_deployments
from idp_analytics.metrics.observed import day_of
from idp_analytics.metrics.period_ends import UTC_TIME
from idp_analytics.metrics.remembered import of_last_moment, of_one_frame
from idp_analytics.settings import Settings
from idp_analytics.tables.declare import Column, Kind, Table
from idp_analytics.tables.ownership import attribute

WINDOW_DAYS = 90
"""For so long a deployment shows a service to be active, and use once seen a service to be on a path."""

SEEN = ("uses", "conforms")
STATUSES = ("on", "unverified", "off")

_PAIR = ["service_id", "golden_path_id"]
STATE = Table(
    "states", "one service at one moment", ("service_id", "at"), (Column("service_id", Kind.ID, "Which."),),
    time=("day",), owned=True,
)  # fmt: skip
"""What :func:`attribute` needs to say whose a service was on ``day``."""


@of_last_moment
def evidence(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """``service_golden_path`` as known at ``as_of``, with ``strength`` (2 seen, 1 declared or not told, 0 born), ``next1`` and
    ``next2``: the first and second later look at the same path by the same source (null: there was none).

    A **look** is a day on which a source told of a path all it knew. A file that has each service once, but services under
    different days, is dated by what services last did: its days are no looks, and absence from them says nothing.
    """
    last = day_of(as_of - timedelta(microseconds=1), settings.time_zone)
    known = tables["service_golden_path"].filter(pl.col("as_of") <= last).collect()
    per_file = ["source", "load_id", "golden_path_id"]
    is_look = (pl.col("as_of").n_unique() == 1) | (pl.len() > pl.col("service_id").n_unique())
    looks = (
        known.filter(is_look.over(per_file))
        .select("source", "golden_path_id", "as_of")
        .unique()
        .sort("as_of")
        .with_columns(pl.col("as_of").shift(-n).over("source", "golden_path_id").alias(f"next{n}") for n in (1, 2))
    )
    strength = (
        pl.when(pl.col("evidence").is_in(list(SEEN))).then(2).when(pl.col("evidence") == "born").then(0).otherwise(1)
    )
    return (
        known.join(looks, on=["source", "golden_path_id", "as_of"], how="left")
        .with_columns(strength.alias("strength"))
        # How a service came to be is no longer told of it, or is, for ever: absence says nothing of today.
        .with_columns(pl.when(pl.col("strength") > 0).then(pl.col("next1", "next2")))
        .sort(*_PAIR, "as_of")
    )


@of_one_frame
def spells(seen: pl.DataFrame) -> pl.DataFrame:
    """Each stay of a service on a path. ``seen``: :func:`evidence`. One row per stay, in order:

    ``service_id``, ``golden_path_id``, ``began`` (Datetime UTC: when the source says it joined, else the first day it was
    seen), ``ended`` (null: not known to have left), ``last_seen`` (Date), ``is_born``, ``number`` (1: the first stay).
    Only the strongest evidence of a pair counts. A stay ends when the source says so, else at the first of **two** looks
    in a row that do not show the service: missing once is what exports do. A service seen after that begins another stay.
    """
    if seen.is_empty():
        return pl.DataFrame(schema=_SPELL)
    strongest = seen.with_columns(
        pl.col("joined_at").min().over(_PAIR).alias("_first_joined"),
        pl.col("as_of").min().over(_PAIR).alias("_first_seen"),
        (pl.col("strength") == 0).any().over(_PAIR).alias("is_born"),
    ).filter(pl.col("strength") == pl.col("strength").max().over(_PAIR))
    seen_on = pl.col("as_of")
    before = seen_on.shift(1).over(_PAIR)
    gap = (pl.col("next2").shift(1).over(_PAIR) < seen_on).fill_null(False)
    left = pl.col("left_at").shift(1).over(_PAIR)
    again = (pl.col("left_at").is_null() & left.is_not_null()).fill_null(False)
    joined = pl.col("joined_at").forward_fill().over(_PAIR)
    anew = (left.is_not_null() & (joined > left)).fill_null(False)
    begins = before.is_null() | gap | again | anew
    numbered = strongest.with_columns(begins.cast(pl.Int64).cum_sum().over(_PAIR).alias("number"))
    whole = numbered.group_by(*_PAIR, "number").agg(
        pl.col("joined_at").min(), pl.col("left_at").min(), seen_on.min().alias("first_seen"), seen_on.max().alias("last_seen"),
        pl.col("next1", "next2").sort_by("as_of").last(), pl.col("_first_joined", "_first_seen", "is_born").first(),
    )  # fmt: skip
    day = pl.col("first_seen").cast(UTC_TIME)
    # The first stay began when anything first said so; a later one when its rows say, if that is after the one before ended.
    told = pl.when(pl.col("number") == 1).then(pl.min_horizontal("_first_joined", pl.col("_first_seen").cast(UTC_TIME)))
    stayed = whole.sort(*_PAIR, "number").with_columns(
        pl.coalesce("left_at", pl.when(pl.col("next2").is_not_null()).then(pl.col("next1").cast(UTC_TIME))).alias(
            "ended"
        )
    )
    back = pl.when(pl.col("joined_at") >= pl.col("ended").shift(1).over(_PAIR)).then("joined_at").otherwise(day)
    return stayed.with_columns(told.otherwise(back).alias("began")).select(
        pl.col(name).cast(dtype) for name, dtype in _SPELL.items()
    )


_SPELL: dict[str, pl.DataType | type[pl.DataType]] = {
    "service_id": pl.String,
    "golden_path_id": pl.String,
    "number": pl.Int64,
    "began": UTC_TIME,
    "ended": UTC_TIME,
    "last_seen": pl.Date,
    "is_born": pl.Boolean,
}


def statuses(seen: pl.DataFrame, moments: pl.DataFrame) -> pl.DataFrame:
    """Where each service that was ever on a path stands at each of ``moments`` (``at``, ``day``; one row each).

    One row per stay that covers the moment: ``service_id``, ``golden_path_id``, ``at``, ``status``:

    * ``on``: use or conformance was seen in the :data:`WINDOW_DAYS` before;
    * ``unverified``: nobody looks for use of this path, or it was seen longer ago and no look has missed it since;
    * ``off``: born on the path or declared to be, while the source that looks for use does not show it.

    A pair with no row is not on the path.
    """
    held = spells(seen).join(moments.select("at", "day").unique(), how="cross")
    held = held.filter(pl.col("began") < pl.col("at"), pl.col("ended").is_null() | (pl.col("ended") > pl.col("at")))
    live = seen.filter(
        pl.col("strength") == 2, pl.col("left_at").is_null() | (pl.col("left_at").dt.date() > pl.col("as_of"))
    )
    own = live.select(*_PAIR, pl.col("as_of").alias("_own")).sort("_own")
    any_ = live.select("golden_path_id", pl.col("as_of").alias("_any")).unique().sort("_any")
    found = (
        held.sort("day")
        .join_asof(own, left_on="day", right_on="_own", by=_PAIR, check_sortedness=False)
        .join_asof(any_, left_on="day", right_on="_any", by="golden_path_id", check_sortedness=False)
    )
    recent = pl.col("_own") > pl.col("day").dt.offset_by(f"-{WINDOW_DAYS}d")
    status = (
        pl.when(recent).then(pl.lit("on"))
        .when(pl.col("_own").is_not_null() | pl.col("_any").is_null()).then(pl.lit("unverified"))
        .otherwise(pl.lit("off"))
    )  # fmt: skip
    return found.with_columns(status.alias("status")).select(*_PAIR, "at", "status", "began").sort(*_PAIR, "at")


def applies(tables: Tables, at: pl.DataFrame) -> pl.DataFrame:
    """Which golden paths there are at each moment of ``at`` (``at``) and for which kinds of service: ``golden_path_id``,
    ``title``, ``kind``, ``applies_to``, ``at``. A path there is from its first release, else from when it was announced,
    else always, until it is retired."""
    since = pl.coalesce("released_at", pl.col("announced_on").cast(UTC_TIME))
    return (
        tables["golden_paths"]
        .with_columns(since.alias("_since"))
        .join(at.lazy().select("at").unique(), how="cross")
        .filter(
            pl.col("_since").is_null() | (pl.col("_since") < pl.col("at")),
            pl.col("retired_at").is_null() | (pl.col("retired_at") > pl.col("at")),
        )
        .select("golden_path_id", "title", "kind", "applies_to", "at")
        .collect()
    )


def services_there(tables: Tables, moments: pl.DataFrame) -> pl.DataFrame:
    """Every service there is at each of ``moments`` (``at``, ``day``), made by then and not retired: ``service_id``, ``kind``, ``tier``, ``lifecycle``, ``at``, ``day``,
    ``team_id`` (the owner on ``day``; null: none known) and ``is_production`` (lifecycle, as the catalogue says it now; null: it does not)."""
    states = (
        tables["services"]
        .select("service_id", "kind", "tier", "lifecycle", "created_at", "retired_at")
        .collect()
        .join(moments.select("at", "day").unique(), how="cross")
        .filter(
            pl.col("created_at").is_null() | (pl.col("created_at") < pl.col("at")),
            pl.col("retired_at").is_null() | (pl.col("retired_at") > pl.col("at")),
        )
        .with_columns((pl.col("lifecycle") == "production").alias("is_production"))
        .drop("created_at", "retired_at")
    )
    return attribute(STATE, states, tables["ownership"].collect(), "UTC")


def services_at(tables: Tables, settings: Settings, as_of: datetime, moments: pl.DataFrame) -> pl.DataFrame:
    """Every service there is at each of ``moments`` (``at``, ``day``), with whose it is and whether it counts.

    ``service_id``, ``at``, ``day``, ``team_id`` (the owner on ``day``), ``kind``, ``tier``, ``is_production`` (lifecycle, as the
    catalogue says it now; null: it does not), ``is_active`` (null: not known) and ``deployments`` in the :data:`WINDOW_DAYS`
    before. Active: deployed to the environment that counts, or seen by telemetry (use of a path of kind ``instrumentation``).
    Not seen is inactive only where the data reach back that far. Left out: retired or not yet created, and what the
    platform team owns itself.
    """
    seen, when = _seen_at(tables, settings, as_of), moments.select("at", "day").unique().sort("at", "day")
    if (key := tuple(when.iter_rows())) not in seen:
        kept = services_there(tables, when).join(platform_teams(tables, settings), on="team_id", how="anti")
        seen[key] = _active(kept, tables, settings, as_of).select(
            "service_id", "at", "day", "team_id", "kind", "tier", "is_production", "is_active", "deployments"
        )
    return seen[key]


@of_last_moment
def _seen_at(_tables: Tables, _settings: Settings, _as_of: datetime) -> dict[tuple[Any, ...], pl.DataFrame]:
    """What :func:`services_at` has found, by the moments asked for: many studies look at the same."""
    return {}


def platform_teams(tables: Tables, settings: Settings) -> pl.DataFrame:
    """``team_id`` of the teams that make the platform: of kind platform, or the one the settings name."""
    is_platform = (pl.col("kind") == "platform").fill_null(False) | (
        pl.col("team_id") == (settings.platform_team or "")
    )
    return tables["teams"].filter(is_platform).select("team_id").collect()


@of_last_moment
def deployed(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Deployments that show a service to be alive, oldest first: ``service_id``, ``deployed_at``, ``golden_path_id``; successful, to
    the environment that counts, before ``as_of``."""
    now = pl.lit(as_of.astimezone(UTC)).cast(UTC_TIME)
    return (
        production_deployments(tables, settings)
        .select("service_id", pl.col("finished_at").alias("deployed_at"), "golden_path_id")
        .filter(pl.col("deployed_at") < now)
        .sort("deployed_at")
        .collect()
    )


def _active(states: pl.DataFrame, tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    made = deployed(tables, settings, as_of)
    since = pl.col("at") - pl.duration(days=WINDOW_DAYS)
    counts = made.drop_nulls("service_id").select(
        "service_id", "deployed_at", pl.int_range(1, pl.len() + 1).over("service_id").alias("_n")
    )
    telemetry = (
        tables["service_golden_path"]
        .join(tables["golden_paths"].filter(pl.col("kind") == "instrumentation"), on="golden_path_id", how="semi")
        .filter(pl.col("evidence").is_in(list(SEEN)))
        .select("service_id", pl.col("as_of").alias("_signal"))
        .sort("_signal")
        .collect()
    )
    ordered = states.with_columns(since.alias("since"))
    for edge in ("at", "since"):
        ordered = ordered.sort(edge).join_asof(
            counts.rename({"deployed_at": f"_by_{edge}", "_n": f"_n_{edge}"}), left_on=edge, right_on=f"_by_{edge}",
            by="service_id", allow_exact_matches=False, check_sortedness=False,
        )  # fmt: skip
    ordered = ordered.sort("day").join_asof(
        telemetry, left_on="day", right_on="_signal", by="service_id", check_sortedness=False
    )
    deployments = pl.col("_n_at").fill_null(0) - pl.col("_n_since").fill_null(0)
    signal = (pl.col("_signal") > pl.col("day").dt.offset_by(f"-{WINDOW_DAYS}d")).fill_null(False)
    first = made["deployed_at"].min()
    reaches = (pl.lit(first).cast(UTC_TIME) <= since).fill_null(False)
    return ordered.with_columns(deployments.alias("deployments")).with_columns(
        pl.when((pl.col("deployments") > 0) | signal).then(True).when(reaches).then(False).alias("is_active")
    )
