"""What is seen of one service that a rule of a scorecard may ask too: is it owned, on a golden path, on its current version, does it keep a policy?"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from idp_analytics.metrics import drift, golden_paths, policy_study
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings
from idp_analytics.settings.scorecards import CURRENT, OWNER, PATH, POLICY

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "at": pl.Datetime("us", "UTC"),
    "scorecard": pl.String,
    "rule": pl.String,
    "seen_as": pl.String,
    "service_id": pl.String,
    "seen": pl.Boolean,  # null: not known
}


def seen(tables: Tables, settings: Settings, as_of: datetime, moments: pl.DataFrame) -> pl.DataFrame:
    """For every ``[[scorecard_rule]]`` what is seen of each service at each of ``moments`` (``at``, ``day``): :data:`COLUMNS`.

    * owner: somebody owns it on that day;
    * golden path: seen on one (:func:`golden_paths.statuses`); only said to be is not known;
    * current version: on the newest of every path it is seen on, or within the grace (:func:`drift.states`); none to compare is not known;
    * policy: its last verdict on the rule passes; what passes under an exemption only, or has no verdict, is not known.
    """
    wanted = settings.scorecard_rules
    kinds = {one.seen_as for one in wanted}
    there = golden_paths.services_there(tables, moments) if kinds else pl.DataFrame()
    found = {}
    if OWNER in kinds:
        found[OWNER] = there.select("at", "service_id", pl.col("team_id").is_not_null().alias("seen"))
    if PATH in kinds:
        found[PATH] = _on_a_path(tables, settings, as_of, there, moments)
    if CURRENT in kinds:
        found[CURRENT] = _current(tables, settings, as_of)
    verdicts = _kept(tables, as_of, moments) if POLICY in kinds else pl.DataFrame()
    parts = [pl.DataFrame(schema=COLUMNS)]
    for one in wanted:
        rows = verdicts.filter(pl.col("rule") == one.policy_rule).drop("rule") if one.seen_as == POLICY else found[one.seen_as]  # fmt: skip
        told = rows.with_columns(
            pl.lit(one.scorecard).alias("scorecard"),
            pl.lit(one.rule).alias("rule"),
            pl.lit(one.seen_as).alias("seen_as"),
        )
        parts.append(told.select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items()))
    return pl.concat(parts)


def _on_a_path(tables: Tables, settings: Settings, as_of: datetime, there: pl.DataFrame, moments: pl.DataFrame) -> pl.DataFrame:  # fmt: skip
    looks = golden_paths.evidence(tables, settings, as_of)
    if looks.is_empty():
        return there.select("at", "service_id", pl.lit(None, pl.Boolean).alias("seen"))
    stays = golden_paths.statuses(looks, moments).group_by("at", "service_id").agg(
        pl.when((pl.col("status") == "on").any()).then(True).when((pl.col("status") == "off").all()).then(False).alias("_seen"),
        pl.lit(True).alias("_told"),
    )  # fmt: skip
    value = pl.when(pl.col("_told").fill_null(False)).then("_seen").otherwise(False)
    return there.join(stays, on=["at", "service_id"], how="left").select("at", "service_id", value.alias("seen"))


def _current(tables: Tables, settings: Settings, as_of: datetime) -> pl.DataFrame:
    uses, _ = drift.states(tables, settings, as_of)
    if uses.is_empty():
        return pl.DataFrame(schema={name: COLUMNS[name] for name in ("at", "service_id", "seen")})
    state = pl.col("state")
    return uses.group_by("at", "service_id").agg(
        pl.when((state == "behind").any()).then(False).when((state == "current").all()).then(True).alias("seen")
    )


def _kept(tables: Tables, as_of: datetime, moments: pl.DataFrame) -> pl.DataFrame:
    verdicts = policy_study.standing(tables, as_of, moments)
    status = pl.col("status")
    return verdicts.drop_nulls("service_id").group_by("at", "rule", "service_id").agg(
        pl.when(status.is_in(["fail", "warn"]).any()).then(False).when((status == "pass").all()).then(True).alias("seen")
    )  # fmt: skip
