"""Study ``upgrade_lag``: how long after a release of a golden path have half, and nine in ten, of its users taken it up?"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics.estimates import survival
from idp_analytics.metrics import golden_paths, path_versions
from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.period_ends import by_scope
from idp_analytics.settings import Settings
from idp_analytics.tables.ownership import attribute

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "scope": pl.String,  # org | team
    "entity_id": pl.String,
    "part": pl.String,  # the path; null: all
    "title": pl.String,
    "n": pl.Int64,  # upgrades to make: one release, one service that was on an older version of the path when it came out
    "k": pl.Int64,  # of them seen to be made
    "unknown": pl.Int64,  # beside n: the version in use when it came out is not known
    "releases": pl.Int64,  # behind n
    "half": pl.Float64,  # days until half of them were made; null: they are not yet
    "half_low": pl.Float64,
    "half_high": pl.Float64,
    "most": pl.Float64,  # days until 90 % were
    "most_low": pl.Float64,
    "most_high": pl.Float64,
    "level": pl.Float64,
    "day": pl.Int64,  # after the release
    "at_risk": pl.Int64,
    "share": pl.Float64,  # made by that day (Kaplan–Meier)
    "low": pl.Float64,
    "high": pl.Float64,
}
"""The columns of the study, in order."""

_PAIR = ["service_id", "golden_path_id"]
_KEY = ["scope", "entity_id", "part"]


def upgrade_lag(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """The Kaplan–Meier curve of upgrades after a release, of the organisation and each team, per path and for all.

    One row per day on which an upgrade was seen, and one for day 0 (:data:`COLUMNS`). An upgrade is seen at the first look
    that shows the release or a newer one, so a lag is as long as looks are apart at most too long. What is not upgraded
    counts as taking longer, up to the last look that showed it, and no further once the service left the path or was retired.
    Releases before the first look, and preliminary ones, are left out. Interval: log-log (Kalbfleisch & Prentice 1980); one service
    counts once per release, so it is rather too narrow.
    """
    due = upgrades(tables, settings, as_of)
    if due.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    titles = tables["golden_paths"].select(pl.col("golden_path_id").alias("part"), "title").collect()
    scoped = by_scope(due)
    both = pl.concat(
        [
            scoped.with_columns(pl.lit(None, pl.String).alias("part")),
            scoped.with_columns(pl.col("golden_path_id").alias("part")),
        ]
    )
    level, known = settings.rules.level, both.filter(pl.col("x").is_not_null())
    counts = both.group_by(_KEY).agg(
        pl.col("x").is_null().sum().alias("unknown"),
        pl.struct("golden_path_id", "release").filter(pl.col("x").is_not_null()).n_unique().alias("releases"),
    )
    head = counts
    for share, name in ((0.5, "half"), (0.9, "most")):
        found = survival.grouped_quantile(known, _KEY, "x", "hit", share, level)
        named = {"value": name, "low": f"{name}_low", "high": f"{name}_high"}
        sizes = [pl.col("n"), pl.col("events").alias("k")] if name == "half" else []
        head = head.join(
            found.select(*_KEY, *sizes, *(pl.col(old).alias(new) for old, new in named.items())), on=_KEY, how="left", nulls_equal=True
        )  # fmt: skip
    steps = survival.curve(known, _KEY, "x", "hit", level).select(
        *_KEY, pl.col("time").alias("day"), "at_risk", (1 - pl.col("survival")).alias("share"),
        (1 - pl.col("high")).alias("low"), (1 - pl.col("low")).alias("high"),
    )  # fmt: skip
    start = head.select(
        *_KEY, pl.lit(0.0).alias("day"), pl.col("n").alias("at_risk"),
        *(pl.lit(0.0).alias(name) for name in ("share", "low", "high")),
    )  # fmt: skip
    curve = pl.concat([start, steps]).unique([*_KEY, "day"], keep="last")
    return (
        head.with_columns(pl.col("n", "k").fill_null(0), pl.lit(level).alias("level"))
        .join(curve, on=_KEY, how="left", nulls_equal=True)
        .join(titles, on="part", how="left")
        .sort(*_KEY, "day", nulls_last=False)
        .select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    )


def upgrades(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    """Every upgrade a release called for: ``service_id``, ``golden_path_id``, ``release``, ``team_id`` (the owner that day), ``x`` days
    until it was seen (``hit`` true) or until it was last seen not to be made; ``x`` null: the version before is not known; ``day`` of the release and ``seen_on``, the look that told."""
    seen = golden_paths.evidence(tables, settings, as_of)
    told = seen.filter(pl.col("strength") > 0)
    released = path_versions.releases(tables, as_of)
    places = path_versions.ranked(released, told.select("golden_path_id", "version"))
    rows = told.join(
        places.select("golden_path_id", "version", "rank"), on=["golden_path_id", "version"], how="left"
    ).sort("as_of")
    first = rows.group_by("golden_path_id").agg(pl.col("as_of").min().alias("_first"))
    out = (
        places.filter("is_released")
        .drop_nulls("released_at")
        .filter(~pl.col("version").map_elements(path_versions.is_preliminary, return_dtype=pl.Boolean))
        .select(
            "golden_path_id", pl.col("version").alias("release"), pl.col("rank").alias("_to"),
            pl.col("released_at").dt.convert_time_zone(settings.time_zone).dt.date().alias("day"), "released_at",
        )
        .join(first, on="golden_path_id")
        .filter(pl.col("day") > pl.col("_first"))
    )  # fmt: skip
    pairs = golden_paths.spells(seen).join(
        tables["services"].select("service_id", "retired_at").collect(), on="service_id", how="left"
    )
    held = pairs.join(out, on="golden_path_id").filter(
        pl.col("began") < pl.col("released_at"), pl.col("ended").is_null() | (pl.col("ended") > pl.col("released_at")),
        pl.col("retired_at").is_null() | (pl.col("retired_at") > pl.col("released_at")),
    )  # fmt: skip
    was = rows.select(*_PAIR, pl.col("as_of").alias("_before"), pl.col("rank").alias("_from")).sort("_before")
    due = (
        held.sort("day")
        .join_asof(was, left_on="day", right_on="_before", by=_PAIR, allow_exact_matches=False, check_sortedness=False)
        .filter(pl.col("_before").is_not_null(), pl.col("_from").is_null() | (pl.col("_from") < pl.col("_to")))
    )
    changed = rows.filter((pl.col("rank") != pl.col("rank").shift(1).over(_PAIR)).fill_null(True)).drop_nulls("rank")
    made = (
        due.select(*_PAIR, "release", "day", "_to")
        .join(changed.select(*_PAIR, "as_of", "rank"), on=_PAIR)
        .filter(pl.col("as_of") >= pl.col("day"), pl.col("rank") >= pl.col("_to"))
        .group_by(*_PAIR, "release", "day")
        .agg(pl.col("as_of").min().alias("_made"))
    )
    last = pl.min_horizontal("last_seen", pl.col("ended").dt.date(), pl.col("retired_at").dt.date())
    timed = due.join(made, on=[*_PAIR, "release", "day"], how="left").with_columns(
        (pl.col("_made") <= last).fill_null(False).alias("hit")
    )
    until = pl.when("hit").then("_made").otherwise(last)
    followed = timed.with_columns(
        (until - pl.col("day")).dt.total_days().cast(pl.Float64).alias("x"), until.alias("seen_on")
    ).filter(pl.col("x") >= 0)
    owned = attribute(golden_paths.STATE, followed, tables["ownership"].collect(), settings.time_zone)
    return owned.select(
        *_PAIR,
        "release",
        "team_id",
        pl.when(pl.col("_from").is_not_null()).then("x").alias("x"),
        "hit",
        "day",
        "seen_on",
    ).sort(*_PAIR, "release")
