from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from idp_analytics.sources import devlake_pipelines as devlake


def csv(folder, name: str) -> pl.DataFrame:
    return pl.read_csv(folder / f"{name}.csv", infer_schema=False)


@pytest.fixture(scope="module")
def generator(cases):
    folder = cases / "dora" / "devlake" / "backend" / "plugins" / "dora" / "e2e" / "deployment_generator"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    return folder


def test_the_deployments_devlake_makes_of_these_pipelines(generator):
    """6 of 15, every column DevLake publishes of them."""
    names = ("cicd_pipelines", "cicd_pipeline_commits", "cicd_tasks")
    made = devlake.deployments(*(csv(generator, name) for name in names))
    expected = devlake.deployment_commits(
        csv(generator, "cicd_deployment_commits").with_columns(prev_success_deployment_commit_id=pl.lit(""))
    ).sort("deployment_id")
    assert made.height == 6
    scope = pl.col("service_id").str.split(":").list.first()
    shared = ["deployment_id", "pipeline_id", "repo_url", "sha", "environment", "outcome", "started_at", "finished_at"]
    assert made.select(shared).equals(expected.select(shared))
    assert made["service_id"].to_list() == expected.select(scope)["service_id"].to_list()


PIPELINE = {
    "id": "p", "type": "", "result": "SUCCESS", "environment": "", "finished_date": "2026-03-01 10:00:00",
    "duration_sec": "90", "cicd_scope_id": "s",
}  # fmt: skip
TASK = {"pipeline_id": "p", "type": "DEPLOYMENT", "result": "SUCCESS", "environment": ""}


@pytest.mark.parametrize(
    ("pipeline", "tasks", "environment"),
    [
        ({}, [], "none"),
        ({"type": "DEPLOYMENT"}, [], None),
        ({"type": "DEPLOYMENT", "result": "FAILURE", "environment": "STAGING"}, [], "staging"),
        ({"type": "DEPLOYMENT", "result": "CANCELLED"}, [], "none"),
        ({}, [{"result": "SKIPPED"}], "none"),
        ({}, [{"type": "BUILD"}], "none"),
        ({}, [{"environment": "TESTING"}, {"environment": "STAGING"}], "staging"),
        ({}, [{"environment": "STAGING"}, {"environment": "PRODUCTION"}], "production"),
        ({"environment": "TESTING"}, [{"environment": "PRODUCTION"}], "test"),
    ],
)
def test_which_pipeline_is_a_deployment_and_where(pipeline, tasks, environment):
    commits = pl.DataFrame({"pipeline_id": ["p"], "commit_sha": ["c"], "repo_url": ["r"]})
    jobs = pl.DataFrame([{**TASK, **task} for task in tasks], schema=dict.fromkeys(TASK, pl.String))
    made = devlake.deployments(pl.DataFrame([{**PIPELINE, **pipeline}]), commits, jobs)
    if environment == "none":
        assert made.is_empty()
        return
    assert made["environment"].to_list() == [environment]
    assert made["deployment_id"].to_list() == ["p:r"]
    assert made["started_at"].to_list() == [datetime(2026, 3, 1, 9, 58, 30, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2023-4-9 6:05:47", datetime(2023, 4, 9, 6, 5, 47, tzinfo=UTC)),
        ("2023-04-10T06:51:47.250+02:00", datetime(2023, 4, 10, 4, 51, 47, 250000, tzinfo=UTC)),
        ("2023-04-10T06:51:47-0330", datetime(2023, 4, 10, 10, 21, 47, tzinfo=UTC)),
        ("2023-04-10T06:51:47Z", datetime(2023, 4, 10, 6, 51, 47, tzinfo=UTC)),
        ("", None),
        ("soon", None),
    ],
)
def test_times_keep_their_zone(text, moment):
    frame = pl.DataFrame({"merged_date": [text]})
    assert frame.select(devlake.moment(frame, "merged_date")).item() == moment


def test_a_review_is_somebody_elses():
    requests = pl.DataFrame({
        "id": ["a", "b", "c"], "base_repo_id": ["r"] * 3, "merge_commit_sha": ["x", "y", "z"], "author_id": ["ann", "", "ann"],
        "created_date": ["2026-03-01 00:00:00"] * 3, "merged_date": ["2026-03-02 00:00:00", "2026-03-02 00:00:00", ""],
    })  # fmt: skip
    comments = pl.DataFrame({
        "id": ["1", "2", "3"], "pull_request_id": ["a", "a", "b"], "account_id": ["ann", "ben", "ann"],
        "created_date": ["2026-03-01 01:00:00", "2026-03-01 02:00:00", "2026-03-01 03:00:00"],
    })  # fmt: skip
    commits = pl.DataFrame(
        schema={"pull_request_id": pl.String, "commit_sha": pl.String, "commit_authored_date": pl.String}
    )
    made = devlake.changes(requests, commits, comments)
    assert made.select("change_id", "first_review_id", "first_commit_sha").rows() == [
        ("a", "2", None),
        ("b", "3", None),
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-03-01 10:00:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01T10:00:00.25+02:00", datetime(2026, 3, 1, 8, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-06-31 10:00:00", None),
        ("2026-06-30 25:00:00", None),
        ("soon", None),
    ],
)
def test_times_and_days_that_there_are_not(written, meant):
    frame = pl.DataFrame({"at": [written]})
    assert frame.select(devlake.moment(frame, "at")).to_series().to_list() == [meant]
