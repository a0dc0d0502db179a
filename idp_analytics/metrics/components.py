"""What the platform is made of, who used which part of it when, and from when to when that can be known.

A part is used by an event of ``usage``, by a run of one of its operations, by a deployment or a run through one of its golden
paths, and by a service that stands on one. Any use counts, looking at a page too: of a portal that is the use there is, and
what is asked of the numbers is what could go without anybody missing it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter

import polars as pl

from idp_analytics.metrics import golden_paths
from idp_analytics.metrics.allocation.charges import COLUMN, bill, charged_before, matches, with_owner
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.period_ends import UTC_TIME
from idp_analytics.metrics.remembered import remembered
from idp_analytics.settings import Settings
from idp_analytics.settings.components import Component
from idp_analytics.tables import MONEY
from idp_analytics.tables.ownership import attribute

LAG = timedelta(days=31)
"""A source whose last fact is at most so much older than the end of a window is taken to have told of it: exports are monthly."""

_KEY = {"usage": "event_id", "action_runs": "run_id", "deployments": "deployment_id"}
WINDOW_DAYS = golden_paths.WINDOW_DAYS
"""Days before a moment in which a use makes a team or a service a user, and in which cost and tickets are counted."""
USE = ["component", "team_id", "service_id", "at", "source", "source_table", "source_key"]


def components(tables: Tables, settings: Settings) -> tuple[Component, ...]:
    """The components that settings name; where they name none, every name in ``usage``, every golden path, and every operation
    that belongs to no path, each a component of its own, of which no cost is known."""
    if settings.components:
        return settings.components
    names = tables["usage"].select("component").unique().sort("component").collect()["component"]
    paths = tables["golden_paths"].select("golden_path_id", "title").sort("golden_path_id").collect()
    alone = tables["operations"].filter(pl.col("golden_path_id").is_null()).select("operation_id", "title")
    found = {name: Component(name, name, usage=(name,)) for name in names}
    for path, title in paths.iter_rows():
        found[path] = Component(path, title, usage=(path,) if path in found else (), golden_paths=(path,))
    for operation, title in alone.sort("operation_id").collect().iter_rows():
        found.setdefault(operation, Component(operation, title, operations=(operation,)))
    return tuple(found.values())


def uses(tables: Tables, parts: tuple[Component, ...], as_of: datetime) -> pl.DataFrame:
    """Every dated use of a component before ``as_of``: :data:`USE`, oldest first; ``team_id`` null: nobody knows whose."""
    now = pl.lit(as_of.astimezone(UTC)).cast(UTC_TIME)
    whole = pl.concat(_linked(tables, parts), how="vertical_relaxed")
    return whole.filter(pl.col("at") < now).select(USE).sort("at").collect()


def _linked(tables: Tables, parts: tuple[Component, ...]) -> Iterator[pl.LazyFrame]:
    at = {"usage": pl.col("at"), "action_runs": pl.col("requested_at"),
          "deployments": pl.coalesce("finished_at", "started_at", "queued_at")}  # fmt: skip
    ways = (
        ("usage", "component", "usage"), ("action_runs", "operation_id", "operations"),
        ("action_runs", "golden_path_id", "golden_paths"), ("deployments", "golden_path_id", "golden_paths"),
    )  # fmt: skip
    for table, all_ways in groupby(ways, key=itemgetter(0)):
        found = []
        for _, column, named in all_ways:
            links = pl.LazyFrame(
                [(part.id, name) for part in parts for name in dict.fromkeys(getattr(part, named))],
                schema={"_component": pl.String, column: pl.String}, orient="row",
            )  # fmt: skip
            service = pl.lit(None, pl.String) if table == "usage" else pl.col("service_id")
            rows = tables[table].join(links, on=column)
            found.append(rows.select(
                pl.col("_component").alias("component"), "team_id", service.alias("service_id"), at[table].alias("at"), "source",
                pl.lit(table).alias("source_table"), pl.col(_KEY[table]).alias("source_key"),
            ))  # fmt: skip
        # Only what can be told of a component in two ways can be told of it twice.
        yield found[0] if len(found) == 1 else pl.concat(found, how="vertical_relaxed").unique()


def standing(
    tables: Tables, settings: Settings, parts: tuple[Component, ...], as_of: datetime, moments: pl.DataFrame
) -> pl.DataFrame:
    """Services that stand on a golden path of a component at each of ``moments`` (``at``, ``day``), by use or as far as anybody
    has looked: ``component``, ``service_id``, ``team_id`` (the owner on ``day``), ``at``, ``began``."""
    links = pl.DataFrame(
        [(part.id, path) for part in parts for path in part.golden_paths],
        schema={"component": pl.String, "golden_path_id": pl.String}, orient="row",
    )  # fmt: skip
    seen = golden_paths.evidence(tables, settings, as_of)
    if seen.is_empty() or links.is_empty():
        return pl.DataFrame(
            schema={
                "component": pl.String,
                "service_id": pl.String,
                "team_id": pl.String,
                "at": UTC_TIME,
                "began": UTC_TIME,
            }
        )
    held = (
        golden_paths.statuses(seen, moments)
        .filter(pl.col("status") != "off")
        .join(links, on="golden_path_id")
        .join(moments.select("at", "day").unique(), on="at")
    )  # fmt: skip
    alive = tables["services"].select("service_id", "retired_at").collect()
    there = held.join(alive, on="service_id").filter(
        pl.col("retired_at").is_null() | (pl.col("retired_at") > pl.col("at"))
    )
    owned = attribute(golden_paths.STATE, there, tables["ownership"].collect(), "UTC")
    return (
        owned.group_by("component", "service_id", "team_id", "at")
        .agg(pl.col("began").min())
        .sort("component", "service_id", "at")
    )  # fmt: skip


def told(tables: Tables, used: pl.DataFrame, parts: tuple[Component, ...], as_of: datetime) -> pl.DataFrame:
    """From when to when the sources that ever told of a component tell of anything: ``component``, ``since``, ``until`` (UTC).

    From the first fact of the one that reaches furthest back, to the last fact of the one that ends first: a source that once
    told of a component and then fell silent altogether says nothing of whether it is used. An export that says when it was
    taken covers the time up to then. Components of which no source ever told are missing.
    """
    now = pl.lit(as_of.astimezone(UTC)).cast(UTC_TIME)
    taken = (
        tables["loads"]
        .group_by("source", pl.col("table").alias("source_table"))
        .agg(pl.col("as_of").max().alias("_taken"))
    )
    first_of = {"usage": pl.col("at"), "action_runs": pl.col("requested_at"),
                "deployments": pl.coalesce("finished_at", "started_at", "queued_at"),
                "service_golden_path": pl.col("as_of").cast(UTC_TIME)}  # fmt: skip
    spans = pl.concat(
        tables[name].filter(at < now).group_by("source").agg(at.min().alias("since"), at.max().alias("until"))
        .with_columns(pl.lit(name).alias("source_table"))
        for name, at in first_of.items()
    ).join(taken, on=["source", "source_table"], how="left").with_columns(
        pl.max_horizontal("until", pl.when(pl.col("_taken").is_not_null()).then(pl.min_horizontal("_taken", now))).alias("until")
    )  # fmt: skip
    paths = pl.DataFrame(
        [(part.id, path) for part in parts for path in part.golden_paths],
        schema={"component": pl.String, "golden_path_id": pl.String}, orient="row",
    )  # fmt: skip
    looked = (
        tables["service_golden_path"].join(paths.lazy(), on="golden_path_id")
        .select("component", "source", pl.lit("service_golden_path").alias("source_table")).unique()
    )  # fmt: skip
    ever = pl.concat([used.lazy().select("component", "source", "source_table").unique(), looked])
    return (
        ever.join(spans, on=["source", "source_table"])
        .group_by("component")
        .agg(pl.col("since").min(), pl.col("until").min())
        .sort("component")
        .collect()
    )


def costs_at(tables: Tables, settings: Settings, as_of: datetime, moments: pl.DataFrame) -> pl.DataFrame:
    """What each component was charged in the window before each moment: ``component``, ``at``, ``currency``, ``amount`` (exact),
    ``charges``. On the basis that counts; a charge is that of the first component that takes it.

    A component has a row in every currency it was ever charged in, once the bill covers the window. One that takes nothing, or
    whose ``take`` never matched a charge, has none: its cost is not known.
    """
    if not any(part.take for part in settings.components):
        return pl.DataFrame(schema=_AT)
    daily = _daily(tables, settings, as_of)
    begins = tables["costs"].select(pl.col("period_start").min()).collect().item()
    since = pl.col("at") - pl.duration(days=WINDOW_DAYS)
    windows = moments.select("at").filter((pl.lit(begins).cast(UTC_TIME) <= since).fill_null(False))
    inside = (pl.col("_day") >= since) & (pl.col("_day") < pl.col("at"))
    zero = pl.lit(0).cast(MONEY)
    return (
        daily.join(windows, how="cross").group_by("component", "at", "currency")
        .agg(pl.when(inside).then("amount").otherwise(zero).sum().alias("amount"), pl.when(inside).then("charges").otherwise(0).sum().alias("charges"))
        .sort("component", "at", "currency")
        .select(pl.col(name).cast(dtype) for name, dtype in _AT.items())
    )  # fmt: skip


@remembered
def _daily(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """What each component was charged at each moment (``_day``) charges begin at: ``component``, ``currency``, ``amount``, ``charges``."""
    taking = [part for part in settings.components if part.take]
    asked = {"basis", *(COLUMN.get(name, name) for part in taking for name in part.take)}
    asked |= {"provider"} if settings.showback.weights_only else set()
    asked |= {"team_id", "owner_raw", "category", "is_unused_commitment"} if asked & {"team_id", "reason"} else set()
    charges = charged_before(tables, as_of)["costs"].filter(pl.col("basis") == settings.rules.cost_basis)
    by = [name for name in charges.collect_schema().names() if name in asked]
    # Whose a charge is, is said once of all that are alike in what is asked of them.
    alike = charges.select(by).unique().with_row_index("_alike").collect()
    told = bill({"costs": alike.lazy()}, settings)
    told = with_owner(told, tables) if "team_id" in asked else told
    mine = pl.coalesce(pl.when(matches(part.take)).then(pl.lit(part.id)) for part in taking).alias("_part")
    taken = alike.join(told.select("_alike", mine).drop_nulls().collect(), on="_alike").drop("_alike")
    return (
        charges.join(taken.lazy(), on=by, nulls_equal=True)
        .group_by(
            pl.col("_part").alias("component"), pl.col("currency").cast(pl.String), pl.col("period_start").alias("_day")
        )
        .agg(pl.col("amount").sum(), pl.len().cast(pl.Int64).alias("charges"))
        .collect()
    )


_AT: dict[str, pl.DataType | type[pl.DataType]] = {
    "component": pl.String, "at": UTC_TIME, "currency": pl.String, "amount": MONEY, "charges": pl.Int64,
}  # fmt: skip


def unmatched(tables: Tables, settings: Settings) -> pl.DataFrame:
    """What settings say of components that fits no row: ``component``, ``word`` (usage, operations, golden_paths, tickets, take), ``name``.

    A table that is not loaded at all is not held against a name.
    """
    known = {
        "usage": [("usage", "component")], "operations": [("operations", "operation_id"), ("action_runs", "operation_id")],
        "golden_paths": [("golden_paths", "golden_path_id"), ("service_golden_path", "golden_path_id")], "tickets": [("tickets", "category")],
    }  # fmt: skip
    rows = []
    for word, places in known.items():
        frames = [tables[table].select(pl.col(column).alias("name")).drop_nulls().unique() for table, column in places]
        names = set(pl.concat(frames).collect()["name"])
        rows += [
            (part.id, word, name)
            for part in settings.components
            for name in getattr(part, word)
            if names and name not in names
        ]
    taking = [part for part in settings.components if part.take]
    charges = with_owner(bill(tables, settings), tables)
    if taking:
        found = (
            charges.select(pl.len().alias("_all"), *(matches(part.take).sum().alias(part.id) for part in taking))
            .collect()
            .row(0, named=True)
        )
        rows += [(part.id, "take", ", ".join(part.take)) for part in taking if found["_all"] and not found[part.id]]
    return pl.DataFrame(rows, schema={"component": pl.String, "word": pl.String, "name": pl.String}, orient="row").sort(
        pl.all()
    )
