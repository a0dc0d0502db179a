"""What the portal's checks and OpenSSF Scorecard say of the company's services. Checks say what is so elsewhere in its tables; points are drawn."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import numpy as np
import polars as pl

from idp_analytics.sources.sample.company import World
from idp_analytics.sources.sample.draw import shaped, stream
from idp_analytics.tables.facts import LEVEL_SAID

CARD = "tech-insights"
_CHECKS = (
    # check, category, rank, points
    ("owner-set", "Ownership", 1, 100),
    ("tier-set", "Ownership", 1, 100),
    ("on-golden-path", "Delivery", 2, 200),
    ("signed-base-image", "Security", 2, 200),
    ("path-current", "Delivery", 3, 300),
    ("owner-label", "Security", 3, 300),
)
_RANKS = ("Stone", "Bronze", "Silver", "Gold")
_SCORED = (
    # check of OpenSSF Scorecard, risk, weight, usual points, share of runs in which it could not tell
    ("Branch-Protection", "high", 7.5, 6, 0.3), ("Code-Review", "high", 7.5, 8, 0.0), ("Dangerous-Workflow", "critical", 10.0, 10, 0.0),
    ("Dependency-Update-Tool", "high", 7.5, 10, 0.0), ("Pinned-Dependencies", "medium", 5.0, 3, 0.0), ("Signed-Releases", "high", 7.5, 4, 0.5),
    ("Token-Permissions", "high", 7.5, 5, 0.0), ("Vulnerabilities", "high", 7.5, 8, 0.0),
)  # fmt: skip


def table(world: World, tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """``scorecard_results``: the checks of every service that is there, on the last morning; of services of tier 1 OpenSSF Scorecard at the end of each of
    the last two quarters. What no table tells has no result, and what OpenSSF Scorecard could not tell no points."""
    there = tables["services"].filter(pl.col("retired_at").is_null()).sort("service_id")
    found = pl.concat([_checks(world, tables, there), _openssf(world, there)], how="diagonal_relaxed")
    return shaped("scorecard_results", found)


def looked_at(world: World) -> datetime:
    """The last morning there are data of."""
    return datetime.combine(world.until - timedelta(days=1), time(6), UTC)


def _checks(world: World, tables: dict[str, pl.DataFrame], there: pl.DataFrame) -> pl.DataFrame:
    owned = tables["ownership"].filter(pl.col("valid_to").is_null()).select("service_id", owner_set=pl.lit(True))
    on = tables["service_golden_path"].filter(pl.col("left_at").is_null())
    paths = on.group_by("service_id").agg(
        pl.lit(True).alias("on_golden_path"),
        # A drift nobody can tell is no drift of none.
        pl.col("drift").sort_by("as_of").last().replace_strict({"current": True, "behind": False}, default=None).alias("path_current"),
    )  # fmt: skip
    verdicts = (
        tables["policy_results"].sort("as_of").group_by("service_id", "rule").agg((pl.col("result") == "pass").last())
        .filter(pl.col("rule").is_in(["signed-base-image", "owner-label"])).pivot("rule", index="service_id", values="result")
    )  # fmt: skip
    wide = (
        there.select("service_id", pl.col("tier").is_not_null().alias("tier_set"))
        .join(owned, on="service_id", how="left")
        .join(paths, on="service_id", how="left")
        .join(verdicts, on="service_id", how="left")
        .with_columns(pl.col("owner_set", "on_golden_path").fill_null(False))
        .rename(lambda name: name.replace("_", "-") if name != "service_id" else name)
    )
    names = [check for check, *_ in _CHECKS]
    rows = wide.select("service_id", *((pl.col(n) if n in wide.columns else pl.lit(None, pl.Boolean)).alias(n) for n in names))  # fmt: skip
    about = pl.DataFrame(
        [(name, category, _RANKS[rank], rank, points) for name, category, rank, points in _CHECKS],
        schema=["rule", "category", "level", "level_number", "weight"], orient="row",
    )  # fmt: skip
    return (
        rows.unpivot(names, index="service_id", variable_name="rule", value_name="held")
        .join(about, on="rule", maintain_order="left")
        .with_columns(
            pl.lit("backstage").alias("tool"), pl.lit(CARD).alias("scorecard"), pl.col("service_id").alias("resource"), pl.lit(looked_at(world)).alias("as_of"),
            pl.when("held").then(pl.lit("passed")).when(~pl.col("held")).then(pl.lit("failed")).alias("state"),
        )
        .sort("service_id", "level_number", "rule")
    )  # fmt: skip


def _openssf(world: World, there: pl.DataFrame) -> pl.DataFrame:
    rng = stream(world.seed, "openssf")
    judged = there.filter(pl.col("tier") == 1, pl.col("repo").is_not_null())
    rows = []
    last = looked_at(world)
    for moment in (last - timedelta(days=91), last):
        for service, repo in judged.select("service_id", "repo").iter_rows():
            points = np.clip([usual for *_, usual, _ in _SCORED] + rng.integers(-3, 4, len(_SCORED)), 0, 10)
            unknown = rng.random(len(_SCORED)) < [share for *_, share in _SCORED]
            shared = {"tool": "openssf", "scorecard": "openssf", "resource": repo, "service_id": service, "as_of": moment, "score_most": 10.0}  # fmt: skip
            known = weights = 0.0
            for (check, risk, weight, *_), got, lost in zip(_SCORED, points, unknown, strict=True):
                score = None if lost else float(got)
                state = None if lost else "passed" if got == 10 else "failed" if got == 0 else "partial"
                rows.append({**shared, "rule": check, "category": risk, "weight": weight, "score": score, "state": state})  # fmt: skip
                known, weights = (known, weights) if score is None else (known + weight * score, weights + weight)
            rows.append({**shared, "rule": LEVEL_SAID, "score": round(known / weights, 1)})
    return pl.DataFrame(rows, infer_schema_length=None)
