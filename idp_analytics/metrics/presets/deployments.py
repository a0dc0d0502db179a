"""Which deployments a definition counts, and which of them undo or repair an earlier one."""

from __future__ import annotations

import polars as pl

from idp_analytics.metrics.links import Tables
from idp_analytics.metrics.presets.definition import Counted
from idp_analytics.metrics.remembered import shared
from idp_analytics.settings import Settings

REPAIR = r"(?i)\b(hot-?fix|revert|roll-?back)"
"""What in a change's title or labels says that it repairs: the words Datadog's and Middleware's documents suggest."""


LABELLED = "labelled"


def counted(tables: Tables, rule: Counted, settings: Settings) -> pl.LazyFrame:
    """The deployments ``rule`` counts: columns of ``deployments``, ``at``, ``is_put_back`` and ``is_again``.

    ``is_put_back``: said to be a rollback; where nobody said, a version (else commit) that ran before something else did.
    ``is_again``: the commit was deployed to the service before, successfully. Both are told within what counts otherwise.
    """
    outcome, environment = pl.col("outcome"), pl.col("environment")
    keep = [
        pl.lit(True) if not rule.outcomes else outcome.is_in(rule.outcomes),
        (environment == settings.rules.environment) if rule.environment else pl.lit(True),
        pl.lit(True) if rule.resyncs else ~pl.col("is_resync").fill_null(False),
    ]
    at = pl.col("finished_at")
    if rule.dated == "last known":
        at = pl.coalesce("finished_at", "started_at", "queued_at")
    found = tables["deployments"].with_columns(at.alias("at")).filter(*keep, pl.col("at").is_not_null())
    if rule.rollbacks and rule.redeploys:
        return found
    marked = put_back(found)
    return marked.filter(
        pl.lit(True) if rule.rollbacks else ~pl.col("is_put_back"),
        pl.lit(True) if rule.redeploys else ~pl.col("is_again"),
    ).drop("place", "place_before", "is_put_back", "is_again")


def put_back(found: pl.LazyFrame) -> pl.LazyFrame:
    """``found`` in order of service and time, with ``place`` (number in the service), ``place_before`` (where the same
    version ran last), ``is_put_back`` and ``is_again`` (see :func:`counted`)."""
    version = pl.coalesce("version", "sha").cast(pl.Categorical(pl.Categories.random())).to_physical()
    ordered = found.sort("service_id", "at", "deployment_id").with_columns(
        pl.int_range(pl.len()).over("service_id").alias("place"), version.alias("_version"), pl.col("service_id").rle_id().alias("_whose")
    ).with_columns(pl.int_range(pl.len()).sort_by("_whose", "_version", maintain_order=True).alias("_turn"))  # fmt: skip
    # In turn of services and versions, the row before is where the same version ran last.
    alike = [pl.col(name).gather(pl.col("_turn")) for name in ("_whose", "_version")]
    same = pl.all_horizontal(told == told.shift(1) for told in alike)
    before = pl.when(same).then(pl.col("place").gather(pl.col("_turn")).shift(1)).sort_by("_turn")
    recurs = (pl.col("place_before") < pl.col("place") - 1).fill_null(False)
    again = pl.col("sha").is_not_null() & (pl.col("outcome") == "success")
    earliest = pl.when(again).then(pl.col("place")).min().over("_whose", "sha")
    return (
        ordered.with_columns(before.alias("place_before"))
        .with_columns(
            pl.col("is_rollback").fill_null(recurs).alias("is_put_back"),
            # What became of this one must be told, too.
            (again.is_not_null() & pl.col("sha").is_not_null() & (earliest < pl.col("place")))
            .fill_null(False)
            .alias("is_again"),
        )
        .drop("_version", "_whose", "_turn")
    )


def labelled(tables: Tables) -> pl.LazyFrame:
    """``deployment_id`` of every deployment that brings a change whose title or label says that it repairs.

    Who asks often finds it once and gives it as a table of that name.
    """
    if LABELLED in tables:
        return tables[LABELLED]
    said = pl.any_horizontal(
        pl.col("title").str.contains(REPAIR),
        pl.col("labels").list.eval(pl.element().str.contains(REPAIR)).list.any(),
        pl.col("is_revert"),
    ).fill_null(False)
    repairs = tables["changes"].filter(said).select("change_id")
    return tables["deployment_changes"].join(repairs, on="change_id").select("deployment_id").unique()


@shared
def remedied(tables: Tables, settings: Settings, rule: Counted) -> pl.LazyFrame:
    """What was undone or repaired, of the deployments ``rule`` counts: ``deployment_id``, ``remedied_at``, ``remedied_by``; one row each, its first remedy.

    A rollback puts back an earlier version: the deployment that came right after that version failed. Where the version put
    back is not known, the one before the rollback. A repair (:func:`labelled`) says the same of the last deployment before
    it that is neither a rollback nor the repair itself.
    """
    fixes = labelled(tables).with_columns(pl.lit(True).alias("is_repair"))
    marked = put_back(counted(tables, rule, settings)).join(
        fixes, on="deployment_id", how="left", maintain_order="left"
    )
    normal = pl.when(~pl.col("is_put_back")).then(pl.col("place"))
    last_normal = normal.shift(1).forward_fill().over("service_id")
    after = pl.when(pl.col("place_before") < pl.col("place") - 1).then(pl.col("place_before") + 1)
    failed = pl.when(pl.col("is_put_back")).then(pl.coalesce(after, last_normal)).when("is_repair").then(last_normal)
    remedies = marked.select(
        "service_id",
        failed.alias("place"),
        pl.col("at").alias("remedied_at"),
        pl.col("deployment_id").alias("remedied_by"),
    ).filter(pl.col("place").is_not_null())
    return (
        marked.select("service_id", "place", "deployment_id")
        .join(remedies, on=["service_id", "place"])
        .sort("remedied_at", "remedied_by")
        .unique("deployment_id", keep="first", maintain_order=True)
        .select("deployment_id", "remedied_at", "remedied_by")
    )


@shared
def restored(tables: Tables, settings: Settings, rule: Counted) -> pl.LazyFrame:
    """Of the deployments ``rule`` counts, from the first failed deployment since the last success to the next success of the service.

    ``deployment_id``, ``service_id``, ``team_id``, ``at`` (of the failed one), ``remedied_at``, ``remedied_by`` (null:
    not yet). Deployments that neither failed nor succeeded are passed over.
    """
    ended = (
        counted(tables, rule, settings)
        .filter(pl.col("outcome").is_in(("success", "failure")))
        .sort("service_id", "at", "deployment_id")
    )
    is_success = pl.col("outcome") == "success"
    before = is_success.shift(1, fill_value=True).over("service_id")

    def upcoming(name: str) -> pl.Expr:
        return pl.when(is_success).then(pl.col(name)).backward_fill().over("service_id")

    return (
        ended.with_columns(
            upcoming("at").alias("remedied_at"), upcoming("deployment_id").alias("remedied_by"), before.alias("_begins")
        )
        .filter("_begins", ~is_success)
        .select("deployment_id", "service_id", "team_id", "at", "remedied_at", "remedied_by")
    )
