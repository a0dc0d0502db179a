"""Who used a part of the platform in the window before a moment, who came when, how old it is, and what was asked about it."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from idp_analytics.metrics.components import WINDOW_DAYS
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.period_ends import UTC_TIME
from idp_analytics.settings.components import Component

UPTAKE_DAYS = 183
"""Two quarters: a team that came unasked within them speaks for a component."""

_PLACE = ["component", "at"]


def users_at(used: pl.DataFrame, stands: pl.DataFrame, moments: pl.DataFrame) -> pl.DataFrame:
    """Who used each component in the window before each moment or stood on its path then: ``component``, ``at``, ``team_id``,
    ``service_id`` (each null where not known), distinct."""
    who = ["component", "team_id", "service_id"]
    everyone = used.select(who).unique(maintain_order=True).with_row_index("_who")
    latest = used.join(everyone, on=who, nulls_equal=True).select("_who", pl.col("at").alias("_used")).sort("_used")
    seen = everyone.join(moments.select("at"), how="cross").sort("at").join_asof(
        latest, left_on="at", right_on="_used", by="_who", allow_exact_matches=False, check_sortedness=False
    ).filter(pl.col("_used") >= pl.col("at") - pl.duration(days=WINDOW_DAYS))  # fmt: skip
    columns = ["component", "at", "team_id", "service_id"]
    return pl.concat([seen.select(columns), stands.select(columns)]).unique()


def counted(
    used: pl.DataFrame, stands: pl.DataFrame, teams: pl.DataFrame, services: pl.DataFrame, moments: pl.DataFrame
) -> pl.DataFrame:
    """Users and uses by ``component`` and ``at``: ``active_teams``, ``users``, ``active_services``, ``uses``, ``unknown``, ``last_used``; only
    teams of ``teams`` and services of ``services`` (each with ``at``) count."""
    who = users_at(used, stands, moments)
    theirs = who.join(teams, on=["team_id", "at"], how="semi").group_by(_PLACE).agg(
        pl.col("team_id").n_unique().alias("active_teams"), pl.col("team_id").unique().sort().alias("users")
    )  # fmt: skip
    of_services = who.join(services, on=["service_id", "at"], how="semi").group_by(_PLACE).agg(
        pl.col("service_id").n_unique().alias("active_services")
    )  # fmt: skip
    return _running(used, moments).join(theirs, on=_PLACE, how="full", coalesce=True).join(
        of_services, on=_PLACE, how="full", coalesce=True
    )  # fmt: skip


def _running(used: pl.DataFrame, moments: pl.DataFrame) -> pl.DataFrame:
    """Uses in the window, those of no known team, and the last use ever before each moment."""
    so_far = used.select(
        "component", pl.col("at").alias("_at"), pl.int_range(1, pl.len() + 1).over("component").alias("n"),
        pl.col("team_id").is_null().cast(pl.Int64).cum_sum().over("component").alias("nobody"),
    )  # fmt: skip
    places = used.select("component").unique().join(moments.select("at"), how="cross")
    begins = pl.col("at") - pl.duration(days=WINDOW_DAYS)
    found = places.with_columns(begins.alias("begins"))
    for edge in ("at", "begins"):
        found = found.sort(edge).join_asof(
            so_far.rename({"_at": f"_{edge}", "n": f"n_{edge}", "nobody": f"nobody_{edge}"}), left_on=edge, right_on=f"_{edge}",
            by="component", allow_exact_matches=False, check_sortedness=False,
        )  # fmt: skip
    between = {"uses": "n", "unknown": "nobody"}
    return found.select(
        *_PLACE, pl.col("_at").alias("last_used"),
        *((pl.col(f"{c}_at").fill_null(0) - pl.col(f"{c}_begins").fill_null(0)).alias(name) for name, c in between.items()),
    )  # fmt: skip


def arrived(
    used: pl.DataFrame, stands: pl.DataFrame, teams: pl.DataFrame, tables: Tables, parts: Sequence[Component], moments: pl.DataFrame
) -> pl.DataFrame:  # fmt: skip
    """Teams whose first use ever lies in the two quarters before each moment, and was not asked of them by a mandate."""
    firsts = pl.concat(
        [used.select("component", "team_id", "at"), stands.select("component", "team_id", pl.col("began").alias("at"))]
    ).drop_nulls("team_id").group_by("component", "team_id").agg(pl.col("at").min().alias("came"))  # fmt: skip
    paths = pl.LazyFrame(
        [(part.id, path) for part in parts for path in part.golden_paths],
        schema={"component": pl.String, "golden_path_id": pl.String}, orient="row",
    )  # fmt: skip
    mandates = (
        tables["golden_paths"].join(paths, on="golden_path_id").group_by("component")
        .agg(pl.col("mandated_from").min().cast(UTC_TIME).alias("mandate")).collect()
    )  # fmt: skip
    unasked = firsts.join(mandates, on="component", how="left").filter(
        pl.col("mandate").is_null() | (pl.col("came") < pl.col("mandate"))
    )
    return (
        unasked.join(moments.select("at"), how="cross")
        .filter(pl.col("came") < pl.col("at"), pl.col("came") >= pl.col("at") - pl.duration(days=UPTAKE_DAYS))
        .join(teams, on=["team_id", "at"], how="semi")
        .group_by(_PLACE).agg(pl.len().alias("new_teams"))
    )  # fmt: skip


def begun(used: pl.DataFrame, parts: Sequence[Component], tables: Tables) -> pl.DataFrame:
    """When teams could first use a component: as settings say, else the release of its first path; ``first_used`` beside."""
    released = dict(
        tables["golden_paths"]
        .select("golden_path_id", pl.coalesce("released_at", pl.col("announced_on").cast(UTC_TIME)))
        .collect()
        .iter_rows()
    )
    rows = []
    for part in parts:
        of_paths = [at for path in part.golden_paths if (at := released.get(path))]
        rows.append((part.id, part.since, min(of_paths) if of_paths else None))
    frame = pl.DataFrame(rows, schema={"component": pl.String, "_said": pl.Date, "_released": UTC_TIME}, orient="row")
    firsts = used.group_by("component").agg(pl.col("at").min().alias("first_used"))
    return frame.join(firsts, on="component", how="left").with_columns(
        pl.coalesce(pl.col("_said").cast(UTC_TIME), "_released").alias("begun")
    ).drop("_said", "_released")  # fmt: skip


def tickets(tables: Tables, parts: Sequence[Component], moments: pl.DataFrame) -> pl.DataFrame:
    """Tickets about a component in the window: of its categories, or that name a golden path of it; 0 where there are none."""
    by = {"category": "tickets", "golden_path_id": "golden_paths"}
    held = []
    for column, named in by.items():
        links = pl.LazyFrame(
            [(part.id, name) for part in parts for name in getattr(part, named)],
            schema={"component": pl.String, column: pl.String}, orient="row",
        )  # fmt: skip
        held.append(tables["tickets"].join(links, on=column).select("component", "ticket_id", "created_at"))
    about = pl.concat(held).unique().collect()
    linked = [part.id for part in parts if part.tickets or part.golden_paths]
    begins = tables["tickets"].select(pl.col("created_at").min()).collect().item()
    known = pl.DataFrame({"component": linked}, schema={"component": pl.String}).join(moments.select("at"), how="cross").filter(
        (pl.lit(begins).cast(UTC_TIME) <= pl.col("at") - pl.duration(days=WINDOW_DAYS)).fill_null(False)
    )  # fmt: skip
    recent = about.join(moments.select("at"), how="cross").filter(
        pl.col("created_at") < pl.col("at"), pl.col("created_at") >= pl.col("at") - pl.duration(days=WINDOW_DAYS)
    )  # fmt: skip
    counts = recent.group_by(_PLACE).agg(pl.len().alias("tickets"))
    return known.join(counts, on=_PLACE, how="left").with_columns(pl.col("tickets").fill_null(0))
