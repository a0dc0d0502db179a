"""Which version of a golden path is newer than which, and how far behind it is who uses an older one.

Versions that can be read as versions are ordered as such (PEP 440, which reads semantic versions, with or without a leading v);
where one release of a path cannot be, all of that path are ordered by when they were released. Never as text: "1.10" is newer
than "1.9". A branch, a range or a commit is no version and has no place in the order: unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import polars as pl
from packaging.version import InvalidVersion, Version

from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.period_ends import UTC_TIME

RANKED: dict[str, pl.DataType | type[pl.DataType]] = {
    "golden_path_id": pl.String,
    "version": pl.String,
    "rank": pl.Int64,
    "released_at": UTC_TIME,
    "is_released": pl.Boolean,
}


def releases(tables: Tables, as_of: datetime) -> pl.DataFrame:
    """``golden_path_id``, ``version``, ``released_at`` of all versions of ``golden_path_versions`` not released after ``as_of``, and of
    the current version of each path that is not among them (without a time: nothing says since when)."""
    now = pl.lit(as_of.astimezone(UTC)).cast(UTC_TIME)
    dated = tables["golden_path_versions"].select("golden_path_id", "version", "released_at")
    current = tables["golden_paths"].select(
        "golden_path_id", pl.col("current_version").alias("version"), pl.lit(None, UTC_TIME).alias("released_at")
    )
    other = current.drop_nulls("version").join(dated, on=["golden_path_id", "version"], how="anti")
    known = pl.concat([dated, other]).filter(pl.col("released_at").is_null() | (pl.col("released_at") < now))
    return known.collect()


def ranked(released: pl.DataFrame, used: pl.DataFrame) -> pl.DataFrame:
    """The place of every version in the order of its path (:data:`RANKED`; a greater ``rank`` is newer, null: none).

    ``released``: :func:`releases`; ``used``: ``golden_path_id``, ``version`` of what is in use. Only versions are looped over,
    of which there are few.
    """
    every = (
        pl.concat([released.select("golden_path_id", "version"), used.select("golden_path_id", "version")])
        .drop_nulls()
        .unique()
    )
    out = set(released.select("golden_path_id", "version").iter_rows())
    when = {(path, version): at for path, version, at in released.iter_rows()}
    rows = []
    for (path,), part in every.sort("golden_path_id", "version").partition_by("golden_path_id", as_dict=True).items():
        versions = part["version"].to_list()
        parsed = {version: _parsed(version) for version in versions}
        if any(parsed[version] is None for version in versions if (path, version) in out):
            keys: dict[str, object] = {version: when.get((path, version)) for version in versions}
        else:
            keys = dict(parsed)
        places = _places(keys.values())
        rows += [
            (path, version, places.get(keys[version]), when.get((path, version)), (path, version) in out)
            for version in versions
        ]
    return pl.DataFrame(rows, schema=RANKED, orient="row")


def is_preliminary(version: str) -> bool:
    """Whether it says of itself that it is not for everyone yet: an alpha, beta, candidate or development release."""
    parsed = _parsed(version)
    return parsed is not None and parsed.is_prerelease


def behind(places: pl.DataFrame, used: pl.DataFrame) -> pl.DataFrame:
    """How far behind each version in use is. ``used``: ``golden_path_id``, ``version``, ``at``, each combination once.

    ``used`` with ``rank``, ``versions_behind`` (releases newer than it by then; preliminary ones do not count),
    ``first_newer_at`` (when the first of them came out; null: none, or not told) and ``is_dated`` (false: a newer one is known of
    which nobody says when it came out, and none that is dated).
    """
    newer = places.filter("is_released").filter(
        ~pl.col("version").map_elements(is_preliminary, return_dtype=pl.Boolean, skip_nulls=True)
    ).select("golden_path_id", pl.col("rank").alias("_newer"), "released_at")  # fmt: skip
    own = used.join(places.select("golden_path_id", "version", "rank"), on=["golden_path_id", "version"], how="left")
    ahead = own.drop_nulls("rank").join(newer, on="golden_path_id").filter(pl.col("_newer") > pl.col("rank"))
    out = (pl.col("released_at") <= pl.col("at")).fill_null(False)
    counted = ahead.group_by("golden_path_id", "version", "at").agg(
        pl.col("_newer").filter(out).n_unique().cast(pl.Int64).alias("versions_behind"),
        pl.col("released_at").filter(out).min().alias("first_newer_at"),
        (out.any() | pl.col("released_at").is_not_null().all()).alias("is_dated"),
    )
    return own.join(counted, on=["golden_path_id", "version", "at"], how="left").with_columns(
        pl.when(pl.col("rank").is_not_null()).then(pl.col("versions_behind").fill_null(0)).alias("versions_behind"),
        pl.col("is_dated").fill_null(True),
    )


def _parsed(version: str) -> Version | None:
    try:
        return Version(version)
    except InvalidVersion:
        return None


def _places(keys: Iterable[object]) -> dict[object, int]:
    """The place of each key among the distinct ones, from 0; what is None has none."""
    return {key: place for place, key in enumerate(sorted({key for key in keys if key is not None}))}  # type: ignore[type-var]
