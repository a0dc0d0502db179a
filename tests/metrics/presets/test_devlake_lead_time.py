"""DevLake's published change lead times, cell by cell, from its own raw tables through the preset."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pytest

from idp_analytics.metrics.presets import preset
from idp_analytics.metrics.presets.evaluate import known
from idp_analytics.metrics.presets.lead_time import lead_times
from idp_analytics.sources import devlake_pipelines as devlake

AS_OF = datetime(2024, 1, 1, tzinfo=UTC)
COLUMNS = (
    "first_commit_sha", "pr_coding_time", "first_review_id", "pr_pickup_time", "pr_review_time", "deployment_commit_id",
    "pr_deploy_time", "pr_cycle_time",
)  # fmt: skip


@pytest.fixture(scope="module")
def raw(cases):
    folder = cases / "dora" / "devlake" / "backend" / "plugins" / "dora" / "e2e" / "change_lead_time"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    return {path.stem: pl.read_csv(path, infer_schema=False) for path in folder.glob("*.csv")}


@pytest.fixture(scope="module")
def mapped(raw):
    """project1 of the raw tables: its repositories' pull requests, its scopes' deployments."""
    mapping = raw["project_mapping"].filter(project_name="project1")
    mine = {kind: mapping.filter(pl.col("table") == kind)["row_id"].implode() for kind in ("repos", "cicd_scopes")}
    requests = raw["pull_requests"].filter(pl.col("base_repo_id").is_in(mine["repos"]))
    changes = devlake.changes(requests, raw["pull_request_commits"], raw["pull_request_comments"])
    commits = raw["cicd_deployment_commits"].filter(pl.col("cicd_scope_id").is_in(mine["cicd_scopes"]))
    deployments = devlake.deployment_commits(
        commits.with_columns(pl.col("prev_success_deployment_commit_id").fill_null(""))
    )
    diffs = raw["commits_diffs"].with_columns(pl.col("old_commit_sha").fill_null(""))
    return changes, deployments, devlake.deployment_changes(deployments, diffs, changes)


@pytest.fixture(scope="module")
def tables(mapped, company):
    changes, deployments, links = mapped
    made = company()
    for name, frame in (("changes", changes), ("deployments", deployments), ("deployment_changes", links)):
        empty = made[name].collect()
        shared = [c for c in frame.columns if c in empty.columns]
        kept = frame.select(pl.col(c).cast(empty.schema[c]) for c in shared)
        made[name] = pl.concat([empty, kept], how="diagonal").lazy()
    return made


def rows(tables, settings, **choices) -> pl.DataFrame:
    measure = next(m for m in preset("devlake_2023").measures if m.metric == "change_lead_time")
    table_of_merged = replace(measure, dated="merge", undeployed=True, **choices)  # every merged request has a row
    return lead_times(table_of_merged, known(tables, AS_OF), settings()).collect()


def test_all_48_cells(raw, mapped, tables, settings):
    minutes = {
        "pr_coding_time": "coding_hours", "pr_pickup_time": "pickup_hours", "pr_review_time": "review_hours",
        "pr_deploy_time": "deploy_hours", "pr_cycle_time": "x",
    }  # fmt: skip
    found = (
        rows(tables, settings)
        .join(mapped[0].select(source_key="change_id", first_commit_sha="first_commit_sha", first_review_id="first_review_id"),
              on="source_key")
        .select(
            "source_key", "first_commit_sha", "first_review_id", pl.col("deployment_id").alias("deployment_commit_id"),
            *((pl.col(hours) * 60).round(6).cast(pl.Int64).cast(pl.String).alias(name) for name, hours in minutes.items()),
        )
        .sort("source_key")
        .with_columns(pl.col(pl.String).fill_null(""))
    )  # fmt: skip
    expected = raw["project_pr_metrics"].sort("id").with_columns(pl.col(pl.String).fill_null(""))
    assert found["source_key"].to_list() == expected["id"].to_list()
    cells = [
        (request, column, was, should)
        for column in COLUMNS
        for request, was, should in zip(expected["id"], found[column], expected[column], strict=True)
    ]
    assert len(cells) == 48
    assert [cell for cell in cells if cell[2] != cell[3]] == []


def test_when_they_were_deployed(raw, tables, settings):
    found = rows(tables, settings).sort("source_key")["deployed_at"]
    dates = raw["project_pr_metrics"].sort("id")["pr_deployed_date"].fill_null("")
    assert [at.isoformat(timespec="milliseconds") if at else "" for at in found] == dates.to_list()


def test_ours_does_not_call_the_unknown_zero(tables, settings):
    """pr0 and pr4, pr5 were never deployed, pr3 was merged after the deployment it is said to be in: DevLake adds up what
    is left and calls it the cycle time; from first commit to deployment there is nothing, or it begins with the commit."""
    ours = next(m for m in preset("idp").measures if m.metric == "change_lead_time")
    found = lead_times(ours, known(tables, AS_OF), settings()).collect()
    hours = dict(found.sort("source_key").select("source_key", pl.col("x").round(2)).rows())
    # pr0 is in the first deployment: ours counts it; pr3 from its first commit, as the rest.
    assert hours == {"pr0": 10922.02, "pr1": 74.62, "pr2": 2.62, "pr3": 146.65}
