"""How DevLake makes deployments of pipelines and changes of pull requests, as tables in, canonical columns out.

For whoever reads DevLake's own tables (``lake``): the rules are those of its ``dora`` plugin, version of 2026-05. Frames
hold DevLake's columns; times may be text or timestamps. Nothing is dropped silently that DevLake keeps: a failed
deployment stays one.
"""

from __future__ import annotations

import polars as pl

ENVIRONMENTS = {"PRODUCTION": "production", "STAGING": "staging", "TESTING": "test"}
"""DevLake's words for environments and ours."""
OUTCOMES = {"SUCCESS": "success", "FAILURE": "failure"}
"""DevLake's words for how a deployment ended and ours."""
_ENDED = tuple(OUTCOMES)


def deployments(pipelines: pl.DataFrame, commits: pl.DataFrame, tasks: pl.DataFrame) -> pl.DataFrame:
    """One row per deployed commit of a repository, from ``cicd_pipelines``, ``cicd_pipeline_commits``, ``cicd_tasks``.

    A pipeline is a deployment when it ended in success or failure and is of type DEPLOYMENT or has a task of that type that
    was not skipped. Its environment is its own, else production if any such task went there, else staging, else testing,
    else not known. Without a start it began ``duration_sec`` before its end.

    Columns: ``deployment_id`` (pipeline:repository), ``pipeline_id``, ``service_id`` (the scope), ``repo_url``, ``sha``,
    ``environment``, ``environment_raw``, ``outcome``, ``started_at``, ``finished_at`` (UTC; null: not known).
    """
    deploying = tasks.filter(pl.col("type") == "DEPLOYMENT", (pl.col("result") != "SKIPPED").fill_null(True))
    place = pl.col("environment")
    by_task = deploying.group_by("pipeline_id").agg(
        pl.coalesce(
            pl.when((place == word).any()).then(pl.lit(word)) for word in ENVIRONMENTS  # the first of them that occurs
        ).alias("_task_environment"),
        pl.lit(True).alias("_deploys"),
    )  # fmt: skip
    finished = moment(pipelines, "finished_date")
    seconds = pl.duration(seconds=pl.col("duration_sec").cast(pl.Float64).fill_null(0))
    started = pl.coalesce(moment(pipelines, "started_date"), finished - seconds)
    return (
        pipelines.rename({"id": "pipeline_id"})
        .join(by_task, on="pipeline_id", how="left")
        .filter(
            pl.col("result").is_in(_ENDED),
            (pl.col("type") == "DEPLOYMENT").fill_null(False) | pl.col("_deploys").fill_null(False),
        )
        .join(commits.select("pipeline_id", "commit_sha", "repo_url"), on="pipeline_id")
        .select(
            pl.format("{}:{}", "pipeline_id", "repo_url").alias("deployment_id"), "pipeline_id",
            pl.col("cicd_scope_id").alias("service_id"), "repo_url", pl.col("commit_sha").alias("sha"),
            pl.coalesce(told("environment"), "_task_environment").alias("environment_raw"),
            pl.col("result").replace_strict(OUTCOMES, default=None).alias("outcome"),
            started.alias("started_at"), finished.alias("finished_at"),
        )
        .with_columns(_environment("environment_raw").alias("environment"))
        .sort("deployment_id")
    )  # fmt: skip


def deployment_commits(frame: pl.DataFrame) -> pl.DataFrame:
    """``cicd_deployment_commits`` as canonical deployments: one scope and repository is one service, because DevLake finds
    the deployment before within them. Columns as :func:`deployments`, and ``previous_id`` (the successful one before)."""
    return frame.select(
        pl.col("id").alias("deployment_id"),
        pl.col("cicd_deployment_id").alias("pipeline_id"),
        pl.format("{}:{}", "cicd_scope_id", "repo_url").alias("service_id"),
        "repo_url",
        pl.col("commit_sha").alias("sha"),
        _environment("environment").alias("environment"),
        pl.col("environment").alias("environment_raw"),
        pl.col("result").replace_strict(OUTCOMES, default=None).alias("outcome"),
        moment(frame, "started_date").alias("started_at"),
        moment(frame, "finished_date").alias("finished_at"),
        told("prev_success_deployment_commit_id").alias("previous_id"),
    )


def deployment_changes(deployments: pl.DataFrame, diffs: pl.DataFrame, changes: pl.DataFrame) -> pl.DataFrame:
    """``deployment_id``, ``change_id``: a pull request is in every deployment whose difference to the one before (of
    ``previous_id``; none: to nothing) holds its merge commit, from ``commits_diffs``. ``changes`` need ``sha``."""
    before = deployments.select(pl.col("deployment_id").alias("previous_id"), pl.col("sha").alias("_old"))
    spans = deployments.join(before, on="previous_id", how="left").select(
        "deployment_id", pl.col("sha").alias("_new"), "_old"
    )
    held = diffs.select(
        pl.col("new_commit_sha").alias("_new"), told("old_commit_sha").alias("_old"), pl.col("commit_sha").alias("sha")
    )
    found = spans.join(held, on=["_new", "_old"], nulls_equal=True).join(changes.select("change_id", "sha"), on="sha")
    return found.select("deployment_id", "change_id").sort("deployment_id", "change_id")


def changes(pull_requests: pl.DataFrame, commits: pl.DataFrame, comments: pl.DataFrame) -> pl.DataFrame:
    """One row per pull request that was merged, from ``pull_requests``, ``pull_request_commits``, ``…_comments``.

    It begins with the earliest authored commit; its first review is the earliest comment of somebody else (of anybody where
    the author is not known). Columns: ``change_id``, ``kind``, ``repo``, ``sha`` (merge commit), ``opened_at``,
    ``merged_at``, ``first_commit_at``, ``first_commit_sha``, ``first_review_at``, ``first_review_id``.
    """
    own = pull_requests.select(
        pl.col("id").alias("change_id"), pl.lit("pull_request").alias("kind"), pl.col("base_repo_id").alias("repo"),
        pl.col("merge_commit_sha").alias("sha"), told("author_id").alias("_author"),
        moment(pull_requests, "created_date").alias("opened_at"), moment(pull_requests, "merged_date").alias("merged_at"),
    ).filter(pl.col("merged_at").is_not_null())  # fmt: skip
    begun = _first(
        commits.select(
            pl.col("pull_request_id").alias("change_id"),
            moment(commits, "commit_authored_date").alias("first_commit_at"),
            pl.col("commit_sha").alias("first_commit_sha"),
        )
    )
    said = comments.select(
        pl.col("pull_request_id").alias("change_id"),
        moment(comments, "created_date").alias("first_review_at"),
        pl.col("id").alias("first_review_id"),
        pl.col("account_id").alias("_by"),
    )
    others = said.join(own.select("change_id", "_author"), on="change_id").filter(
        (pl.col("_by") != pl.col("_author")).fill_null(True)
    )
    reviewed = _first(others.drop("_by", "_author"))
    return (
        own.drop("_author")
        .join(begun, on="change_id", how="left")
        .join(reviewed, on="change_id", how="left")
        .sort("change_id")
    )


def _first(frame: pl.DataFrame) -> pl.DataFrame:
    """The earliest row of each change; the columns are change, time and id, in this order."""
    change, at, _ = frame.columns
    return frame.sort(at, maintain_order=True, nulls_last=True).unique(change, keep="first", maintain_order=True)


def told(name: str) -> pl.Expr:
    """An id or word; empty text is not told."""
    return pl.when(pl.col(name) != "").then(pl.col(name))


def _environment(name: str) -> pl.Expr:
    return pl.col(name).replace_strict(ENVIRONMENTS, default=None)


def moment(frame: pl.DataFrame, name: str) -> pl.Expr:
    """A time as UTC; text in DevLake's forms, a zone kept, none read as UTC; a column that is not there is not known."""
    utc = pl.Datetime("us", "UTC")
    dtype = frame.schema.get(name)
    if dtype is None:
        return pl.lit(None, utc)
    if dtype != pl.String:
        return pl.col(name).cast(utc)
    return pl.col(name).map_batches(_moments, return_dtype=utc, is_elementwise=True)


def _moments(texts: pl.Series) -> pl.Series:
    """Nearly all times are written as the database does, which is read at once; only others are taken apart."""
    usual = texts.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", time_zone="UTC", strict=False)
    if usual.null_count() == texts.null_count():
        return usual
    text = pl.col(texts.name).str.strip_chars()
    parts = text.str.extract_groups(r"^(\d+-\d+-\d+[ T]\d+:\d+:\d+)(?:\.(\d{1,6})\d*)?\s*(Z|[+-]\d{2}:?\d{2})?$")
    clock = parts.struct.field("1").str.replace("T", " ", literal=True)
    # A day or hour that there is not is not known.
    local = clock.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", time_zone="UTC", strict=False)
    fraction = parts.struct.field("2").fill_null("0").str.pad_end(6, "0").cast(pl.Int64)
    zone = parts.struct.field("3")
    sign = pl.when(zone.str.starts_with("-")).then(-1).otherwise(1)
    hours, minutes = (zone.str.extract(r"^[+-](\d\d):?(\d\d)$", group).cast(pl.Int32).fill_null(0) for group in (1, 2))
    whole = local + pl.duration(microseconds=fraction) - pl.duration(minutes=sign * (60 * hours + minutes))
    return texts.to_frame().select(whole).to_series()
