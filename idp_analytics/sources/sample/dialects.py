"""How each system writes what it exports: which table is in which file, under whose names, words and clocks."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.sources.sample.company import PIPELINE_ALIASES

UTC_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
PIPELINE_ZONE = "Europe/Berlin"
"""The pipeline tool and the help desk write local times; the tool even leaves out the offset."""

CATALOGUE = (
    "teams", "people", "memberships", "services", "ownership", "golden_paths", "golden_path_versions", "operations", "aliases",
)  # fmt: skip
PLAIN = {
    **{name: f"catalogue/{name}.csv" for name in CATALOGUE},
    "deployment_changes": "delivery/deployment_changes.csv.gz",
    "changes": "delivery/changes.parquet",
    "incidents": "delivery/incidents.jsonl",
    "pages": "delivery/pages.csv",
    "service_levels": "delivery/service_levels.csv",
    "action_runs": "platform/action_runs.csv.gz",
    "approvals": "platform/approvals.csv.gz",
    "escape_hatches": "platform/escape_hatches.csv",
    "service_golden_path": "platform/service_golden_path.parquet",
    "policy_results": "platform/policy_results.csv.gz",
    "scorecard_results": "platform/scorecard_results.csv.gz",
    "usage": "platform/usage.parquet",
    "survey_responses": "voice/survey_responses.csv.gz",
    "actions": "voice/actions.csv",
    "assessments": "voice/assessments.csv",
    "interventions": "voice/interventions.csv",
}
"""Tables exported in our own columns, and the file of each."""
CODES = "voice/codes.csv"
"""Comments as people coded them, which a codebook is measured by."""

PIPELINES, HELPDESK, COSTS = "delivery/pipeline-runs.csv.gz", "voice/helpdesk.csv", "costs/focus-1.2.csv.gz"

PIPELINE_COLUMNS = {
    "deployment_id": "RUN_ID", "service_id": "APP", "environment_raw": "TARGET", "version": "RELEASE", "sha": "COMMIT",
    "queued_at": "QUEUED", "started_at": "STARTED", "finished_at": "ENDED", "outcome": "STATUS",
    "is_rollback": "ROLLBACK", "is_resync": "RESYNC", "initiated_by": "ACTOR", "automated": "TRIGGER",
    "golden_path_id": "TEMPLATE",
}  # fmt: skip
"""Our columns and the pipeline tool's; ``environment`` is read from TARGET too."""
PIPELINE_STATUS = {"success": "SUCCESS", "failure": "FAILED", "error": "BROKEN", "cancel": "ABORTED"}
UNTOLD_STATUS, UNKNOWN_STATUS = "RUNNING", "UNSTABLE"
PIPELINE_TARGET = {"production": "PROD", "staging": "STAGE"}
PIPELINE_TRIGGER = {"true": "machine", "false": "person"}
HELPDESK_COLUMNS = {
    "ticket_id": "Key", "team_id": "Requesting team", "service_id": "Service", "golden_path_id": "Golden path",
    "category": "Request type", "priority": "Priority", "channel": "Channel", "created_at": "Created",
    "first_response_at": "First response", "resolved_at": "Resolved", "reopens": "Reopened", "status": "Status",
}  # fmt: skip
HELPDESK_STATUS = {"open": "Waiting", "done": "Resolved"}


def stamped(frame: pl.DataFrame) -> pl.DataFrame:
    """Times and dates as text, numbers and truth values as they are: what JSON can hold."""
    times = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime)]
    return frame.with_columns(pl.col(times).dt.strftime(UTC_FORMAT), pl.col(pl.Date).cast(pl.String))


def texts(frame: pl.DataFrame) -> pl.DataFrame:
    """Every column as the text a CSV export holds."""
    lists = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.List)]
    return stamped(frame).with_columns(pl.col(lists).list.join("; ")).cast(pl.String)


def _local(name: str) -> pl.Expr:
    """A time as the pipeline tool writes it: local and without offset, except where that would mean two moments."""
    local = pl.col(name).dt.convert_time_zone(PIPELINE_ZONE)
    naive = local.dt.replace_time_zone(None)
    certain = naive.dt.replace_time_zone(PIPELINE_ZONE, ambiguous="null").is_not_null()
    text = local.dt.strftime("%Y-%m-%d %H:%M:%S")
    return pl.when(certain).then(text).otherwise(local.dt.strftime("%Y-%m-%d %H:%M:%S%:z")).alias(name)


def pipeline_runs(deployments: pl.DataFrame) -> pl.DataFrame:
    """Deployments as the pipeline tool exports them; the first run nobody told the end of has a word nobody knows."""
    frame = texts(deployments).with_columns(
        *deployments.select(_local(name) for name in ("queued_at", "started_at", "finished_at")),
        pl.col("service_id").replace(PIPELINE_ALIASES),
        pl.col("outcome").replace(PIPELINE_STATUS).fill_null(UNTOLD_STATUS),
        pl.col("automated").replace(PIPELINE_TRIGGER),
    )
    first_untold = (pl.col("outcome") == UNTOLD_STATUS).cum_sum() == 1
    unknown = (
        pl.when(first_untold & (pl.col("outcome") == UNTOLD_STATUS)).then(pl.lit(UNKNOWN_STATUS)).otherwise("outcome")
    )
    return frame.with_columns(unknown.alias("outcome")).select(
        pl.col(ours).alias(theirs) for ours, theirs in PIPELINE_COLUMNS.items()
    )


def unknown_word(runs: pl.DataFrame) -> dict[str, Any]:
    """The entry in ``truth.json`` of the row whose status is a word nobody knows."""
    row = runs["STATUS"].index_of(UNKNOWN_STATUS)
    return {
        "file": PIPELINES, "row": None if row is None else row + 1, "column": "STATUS", "kind": "unknown word",
        "expected": "kept, outcome not known, counted in a warning",
    }  # fmt: skip


def helpdesk(tickets: pl.DataFrame) -> pl.DataFrame:
    """Local times with their offset; statuses in the tool's own case."""
    zoned = [
        pl.col(name).dt.convert_time_zone(PIPELINE_ZONE).dt.strftime("%Y-%m-%dT%H:%M:%S%:z")
        for name in ("created_at", "first_response_at", "resolved_at")
    ]
    frame = texts(tickets).with_columns(*tickets.select(zoned), pl.col("status").replace(HELPDESK_STATUS))
    return frame.select(pl.col(ours).alias(theirs) for ours, theirs in HELPDESK_COLUMNS.items())
