"""The way of a change to production: which deployment brought it first, and the stages its lead time is made of.

Stages always sum to the total. What cannot be split, because a time between is not known or runs backwards, is a part of
its own with its reason; nothing is clamped to zero and nothing is left out of the sum.
"""

from __future__ import annotations

import polars as pl

from idp_analytics.answers import observations
from idp_analytics.metrics.links import Tables, production_deployments
from idp_analytics.metrics.remembered import remembered, shared
from idp_analytics.settings import Settings

STAGES = ("coding", "pickup", "review", "delivery")
"""First commit → opened → first review → merged → deployed."""

NOT_SPLIT = "not split"

_TIMES = ("first_commit_at", "opened_at", "first_review_at", "merged_at")

BACKWARDS = {
    "coding": "opened before its first commit",
    "pickup": "reviewed before it was opened",
    "review": "merged before its first review",
    "delivery": "deployed before it was merged",
}
"""Stage → what is said of a change whose stage runs backwards."""

NO_CHANGE = "deployments without a known change"
FIRST_LEFT_OUT = "changes that came with the first known deployment of their service, left out"
NEVER_LINKED = "merged changes of services whose deployments name no change"


def counted_changes(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """The rows of ``changes`` that are a unit of work (``rules.lead_time_unit``).

    *mixed*: pull requests where they are known, commits else; a commit that is what a known pull request became on the
    mainline (same repository and sha) is that pull request, not another change. *pull_request*, *commit*: only those.
    """
    changes, kind = tables["changes"], pl.col("kind")
    if settings.rules.lead_time_unit != "mixed":
        return changes.filter(kind == settings.rules.lead_time_unit)
    return changes.join(_became(tables, settings), on="change_id", how="anti")


@shared
def counted_links(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """The ``deployment_id`` and ``change_id`` of ``deployment_changes``, of changes as :func:`counted_changes` counts them.

    A deployment that names the commit a pull request became brings the pull request: git history knows commits only.
    Where commits are counted, links are as they are. A pair may come twice.
    """
    links = tables["deployment_changes"].select("deployment_id", "change_id")
    if settings.rules.lead_time_unit == "commit":
        return links
    return links.join(_became(tables, settings), on="change_id", how="left").select(
        "deployment_id", pl.coalesce("_request", "change_id").alias("change_id")
    )


@shared
def _became(tables: Tables, _: Settings) -> pl.LazyFrame:
    """``change_id`` of each commit that is what a known pull request became, and that one as ``_request``.

    Of several pull requests with the same repository and sha, the one with the least id.
    """
    kind = pl.col("kind")
    requests = tables["changes"].filter(kind == "pull_request", pl.col("sha").is_not_null())
    of_sha = requests.group_by("repo", "sha").agg(pl.col("change_id").min().alias("_request"))
    commits = tables["changes"].filter(kind == "commit").select("change_id", "repo", "sha")
    return commits.join(of_sha, on=["repo", "sha"], nulls_equal=True).select("change_id", "_request")


@shared
def first_deployed(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Every counted change that reached production, with the deployment that brought it first: one row per change.

    Columns: ``change_id``, ``deployment_id``, ``service_id``, ``team_id`` (of the deployment), ``deployed_at``, the times
    of the change, and ``is_first``: it came with the first known deployment of its service, which may bring all that was
    done before anything was recorded. A rollback or redeploy does not bring a change again.
    """
    # In one order of all deployments, so that the first of many is the least number, and changes need no sorting.
    deployed = (
        production_deployments(tables, settings)
        .select("deployment_id", "service_id", "team_id", pl.col("finished_at").alias("deployed_at"))
        .sort("deployed_at", "deployment_id")
        .with_row_index("_order")
        .with_columns((pl.col("_order") == pl.col("_order").min().over("service_id")).alias("is_first"))
        .with_columns(pl.col("is_first") & pl.col("service_id").is_not_null())
    )
    times = tables["changes"].select("change_id", "kind", *_TIMES)
    is_mixed = settings.rules.lead_time_unit == "mixed"
    if not is_mixed:
        times = times.filter(pl.col("kind") == settings.rules.lead_time_unit)
    return (
        counted_links(tables, settings)
        .join(deployed.select("deployment_id", "_order"), on="deployment_id")
        .group_by("change_id")
        .agg(pl.col("_order").min())
        .join(deployed, on="_order")
        # A change only the links know of counts in the mixed unit, where its times are missing; else it is not of the unit. In the mixed unit
        # links name no commit that became a pull request, so that all they name is counted.
        .join(times, on="change_id", how="left" if is_mixed else "inner")
        .drop("_order")
    )


@remembered
def brought(tables: Tables, settings: Settings) -> pl.DataFrame:
    """:func:`first_deployed`, for studies: found once for all of them."""
    return first_deployed(tables, settings).collect()


def parted(deployed: pl.LazyFrame, settings: Settings) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """:func:`first_deployed` → what counts, and what ``rules.first_deployment`` leaves out."""
    if settings.rules.first_deployment == "count":
        return deployed, deployed.filter(pl.lit(False))
    return deployed.filter(~pl.col("is_first")), deployed.filter("is_first")


@shared
def staged(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Every counted change that reached production for the first time, with its lead time in stages. One row per change.

    Columns of :func:`first_deployed` and

    * ``total``: deployed − first commit; null where the first commit is not known or lies after the deployment (then it
      is no lead time), with the raw span kept in ``raw_total``;
    * ``coding``, ``pickup``, ``review``, ``delivery``: the stage; null where it cannot be told;
    * ``raw_coding`` …: the difference of its two times, negative where they run backwards, null where one is not known;
    * ``not_split``: total less the stages that can be told; 0 where all can, null where there is no total;
    * ``reason``: why something is not split; null where nothing is.

    All durations are exact (``Duration("us")``), and coding + pickup + review + delivery + not_split = total for every change
    with a total. A time is used only where it stands in order: the merge between first commit and deployment, the opening
    between first commit and merge, the first review between opening and merge. The merge is trusted before the opening and
    the opening before the review, since systems record the first two and people the last.
    """
    return in_stages(first_deployed(tables, settings), settings)


def in_stages(brought_first: pl.LazyFrame, settings: Settings) -> pl.LazyFrame:
    """:func:`staged` of what was :func:`first_deployed`."""
    ends = (*_TIMES, "deployed_at")
    raw = [
        (pl.col(after) - pl.col(before)).alias(f"raw_{stage}")
        for stage, before, after in zip(STAGES, ends, ends[1:], strict=False)
    ]
    counted, _ = parted(brought_first, settings)
    first, opened, review, merged, deployed = (pl.col(name) for name in ends)
    known = pl.when(first <= deployed).then(first)
    start = pl.col("_start")
    frame = (
        counted.with_columns(*raw, (deployed - first).alias("raw_total"), known.alias("_start"))
        .with_columns(pl.when(merged <= deployed, start.is_null() | (start <= merged)).then(merged).alias("_merged"))
        .with_columns(
            pl.when(opened <= pl.coalesce("_merged", "deployed_at"), start.is_null() | (start <= opened))
            .then(opened).alias("_opened")
        )
        .with_columns(
            pl.when(
                review <= pl.coalesce("_merged", "deployed_at"),
                review >= pl.coalesce("_opened", "_start", "first_review_at"),
            ).then(review).alias("_review")
        )
    )  # fmt: skip
    marks = ("_start", "_opened", "_review", "_merged", "deployed_at")
    stages = [
        (pl.col(after) - pl.col(before)).alias(stage)
        for stage, before, after in zip(STAGES, marks, marks[1:], strict=False)
    ]
    told = pl.sum_horizontal(pl.col(stage).fill_null(pl.duration()) for stage in STAGES)
    return (
        frame.with_columns(*stages, (deployed - start).alias("total"))
        .with_columns((pl.col("total") - told).alias("not_split"))
        .with_columns(
            pl.when(pl.any_horizontal(pl.col(stage).is_null() for stage in STAGES), pl.col("total").is_not_null())
            .then(_reason())
            .alias("reason")
        )
        .drop(name for name in marks if name.startswith("_"))
    )


def _reason() -> pl.Expr:
    """Why a stage cannot be told, the first that holds: times that run backwards before times that are not known."""
    zero = pl.duration()
    return pl.coalesce(
        pl.when(pl.col("raw_delivery") < zero).then(pl.lit(BACKWARDS["delivery"])),
        pl.when(pl.col("merged_at") < pl.col("first_commit_at")).then(pl.lit("merged before its first commit")),
        pl.when(pl.col("raw_coding") < zero).then(pl.lit(BACKWARDS["coding"])),
        pl.when(pl.col("opened_at") > pl.col("merged_at")).then(pl.lit("merged before it was opened")),
        pl.when(pl.col("raw_pickup") < zero).then(pl.lit(BACKWARDS["pickup"])),
        pl.when(pl.col("raw_review") < zero).then(pl.lit(BACKWARDS["review"])),
        pl.when(pl.col("first_review_at") < pl.col("first_commit_at")).then(pl.lit("reviewed before its first commit")),
        pl.when(pl.any_horizontal(pl.col("opened_at", "first_review_at") > pl.col("deployed_at")))
        .then(pl.lit("opened or reviewed after its deployment")),
        pl.when(pl.col("merged_at").is_null()).then(pl.lit("merge not known")),
        pl.when(pl.col("kind") == "commit").then(pl.lit("a commit without a pull request")),
        pl.when(pl.col("opened_at").is_null()).then(pl.lit("opening not known")),
        pl.lit("no review known"),
    )  # fmt: skip


def coding_time(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Hours from a change's first commit to its opening; one observation per change first deployed, dated by that."""
    return _stage(tables, settings, "coding")


def pickup_time(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Hours from the opening of a change to its first review; one observation per change first deployed."""
    return _stage(tables, settings, "pickup")


def review_time(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Hours from the first review of a change to its merge; one observation per change first deployed."""
    return _stage(tables, settings, "review")


def delivery_time(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Hours from the merge of a change to the end of its first production deployment; one per change first deployed."""
    return _stage(tables, settings, "delivery")


def _stage(tables: Tables, settings: Settings, stage: str) -> pl.LazyFrame:
    """One observation per change; not usable where the stage cannot be told. Beside them: the times that run backwards."""
    frame = staged(tables, settings).rename({"deployed_at": "at"}).with_columns(pl.col("change_id").alias("source_key"))
    spans = frame.with_columns(hours(pl.col(stage)).alias("x"), pl.col(stage).is_not_null().alias("usable"))
    odd = frame.filter(pl.col(f"raw_{stage}") < pl.duration())
    return pl.concat(
        [
            observations(spans, source_table="changes"),
            observations(odd, source_table="changes", detail=f"changes {BACKWARDS[stage]}", usable=False),
        ]
    )


def merge_to_deploy_time(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Hours from the merge of a change to the end of the first successful production deployment that holds it.

    One observation per merged change, dated by its merge, belonging to its own service and owner; ``hit`` false: not
    deployed, and the pass that knows the as-of time counts it as waiting until then. Not usable: deployed before it was
    merged. Beside them: changes of services of whose deployments no change is known, which would seem to wait for ever,
    and those ``rules.first_deployment`` leaves out.
    """
    counted, left_out = parted(first_deployed(tables, settings), settings)
    merged = counted_changes(tables, settings).filter(pl.col("merged_at").is_not_null())
    merged = merged.select("change_id", "service_id", "team_id", pl.col("merged_at").alias("at"))
    merged = merged.with_columns(pl.col("change_id").alias("source_key"))
    named = first_deployed(tables, settings).select("service_id").drop_nulls().unique()
    every = merged.join(counted.select("change_id", "deployed_at"), on="change_id", how="left")
    waited = every.join(left_out.select("change_id"), on="change_id", how="anti")
    linked = pl.concat(
        [
            waited.filter(pl.col("deployed_at").is_not_null()),
            waited.filter(pl.col("deployed_at").is_null()).join(named, on="service_id", how="semi"),
        ]
    )
    spans = linked.with_columns(
        hours(pl.col("deployed_at") - pl.col("at")).alias("x"), pl.col("deployed_at").is_not_null().alias("hit")
    ).with_columns((pl.col("x") >= 0).fill_null(True).alias("usable"))
    never = waited.filter(pl.col("deployed_at").is_null()).join(named, on="service_id", how="anti")
    first = merged.join(left_out.select("change_id"), on="change_id", how="semi")
    return pl.concat(
        [
            observations(spans, source_table="changes"),
            observations(never, source_table="changes", detail=NEVER_LINKED, usable=False),
            observations(first, source_table="changes", detail=FIRST_LEFT_OUT, usable=False),
        ]
    )


def batch_size(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Counted changes in a counted deployment; one observation per deployment that names any, dated by its end.

    Beside them: deployments of which no change is known.
    """
    deployed = production_deployments(tables, settings).with_columns(pl.col("deployment_id").alias("source_key"))
    counted = (
        counted_links(tables, settings)
        .unique()
        .join(counted_changes(tables, settings).select("change_id"), on="change_id", how="semi")
        .group_by("deployment_id")
        .agg(pl.len().cast(pl.Float64).alias("x"))
    )
    dated = deployed.rename({"finished_at": "at"})
    return pl.concat(
        [
            observations(dated.join(counted, on="deployment_id"), source_table="deployments"),
            observations(
                dated.join(counted, on="deployment_id", how="anti"),
                source_table="deployments", detail=NO_CHANGE, usable=False,
            ),
        ]
    )  # fmt: skip


def time_between_deployments(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Hours from one counted deployment of a service to its next; one observation per deployment, dated by the first.

    ``hit`` false: there is no next one yet, so the gap lasts at least to the as-of time, or to the day the service was
    retired. Not usable: a deployment of no known service, which has no next.
    """
    retired = tables["services"].select("service_id", "retired_at")
    service = pl.col("service_id")
    following = pl.when(service.is_not_null()).then(pl.col("finished_at").shift(-1).over("service_id"))
    ended = pl.coalesce("_next", "retired_at")
    frame = (
        production_deployments(tables, settings)
        .sort("finished_at", "deployment_id")
        .with_columns(following.alias("_next"))
        .join(retired, on="service_id", how="left")
        .with_columns(
            hours(ended - pl.col("finished_at")).clip(lower_bound=0.0).alias("x"),
            pl.col("_next").is_not_null().alias("hit"),
            service.is_not_null().alias("usable"),
            pl.col("deployment_id").alias("source_key"),
        )
    )
    return observations(frame.rename({"finished_at": "at"}), source_table="deployments")


def hours(span: pl.Expr) -> pl.Expr:
    """A duration in hours."""
    return span.dt.total_seconds(fractional=True) / 3600
