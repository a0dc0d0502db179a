"""The company's deployments as if they were runs of HCP Terraform, one workspace per service, and the modules workspaces call."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.sources.sample.native import KNOWN, Tables, stamp

OPTIONS: dict[str, Any] = {
    "people": "keep",
    "service_pattern": "(.+)-(?:production|staging)",
    "environments": {".+-production": "production", ".+-staging": "staging"},
}
OTHERWISE = {
    "deployments": frozenset({"automated"}),
    "action_runs": frozenset({"usable_at"}),
    "services": frozenset({"system"}),
}
_STATUS = {"success": "applied", "failure": "errored", "error": "errored", "cancel": "discarded"}
_ENDS = {"success": "applied-at", "failure": "errored-at", "error": "errored-at", "cancel": "discarded-at"}


def _runs(tables: Tables) -> pl.DataFrame:
    return tables["deployments"].filter(KNOWN, pl.col("environment").is_not_null())


def _gated(tables: Tables) -> pl.DataFrame:
    """Deployments somebody approved: their plan waited."""
    said = tables["approvals"].filter(pl.col("subject_kind") == "deployment", pl.col("decision") == "approved").select(
        pl.col("subject_id").alias("deployment_id"), "requested_at", "decided_at", "responder_id"
    )  # fmt: skip
    return (
        _runs(tables)
        .join(said, on="deployment_id")
        .filter(pl.col("outcome") != "cancel")
        .unique("deployment_id", keep="first", maintain_order=True)
        .sort("deployment_id")
    )


def files(tables: Tables) -> dict[str, Any]:
    """``runs.jsonl.gz`` in pages, ``workspaces.json.gz`` and ``explorer.csv``."""
    gated = {row["deployment_id"]: row for row in _gated(tables).iter_rows(named=True)}
    runs, names = [], {}
    for row in _runs(tables).iter_rows(named=True):
        workspace = f"{row['service_id']}-{row['environment']}"
        names[f"ws-{workspace}"] = workspace
        said = gated.get(row["deployment_id"])
        stamps = {
            "applying-at": stamp(row["started_at"]),
            **({_ENDS[row["outcome"]]: stamp(row["finished_at"])} if row["outcome"] else {}),
        }
        if said:
            stamps |= {"planned-at": stamp(said["requested_at"]), "confirmed-at": stamp(said["decided_at"])}
        runs.append({
            "id": row["deployment_id"], "type": "runs",
            "attributes": {
                "status": _STATUS.get(row["outcome"], "applying"), "created-at": stamp(row["queued_at"]), "auto-apply": said is None, "plan-only": False, "is-destroy": False,
                "has-changes": row["outcome"] != "cancel" or None, "source": "tfe-configuration-version", "status-timestamps": {name: at for name, at in stamps.items() if at},
            },
            "relationships": {
                "workspace": {"data": {"id": f"ws-{workspace}", "type": "workspaces"}}, "created-by": {"data": {"id": row["initiated_by"], "type": "users"}},
                **({"confirmed-by": {"data": {"id": said["responder_id"], "type": "users"}}} if said else {}),
            },
        })  # fmt: skip
    pages = [
        {"data": runs[start : start + 100], "meta": {"pagination": {"current-page": start // 100 + 1, "next-page": start // 100 + 2 if start + 100 < len(runs) else None}}}
        for start in range(0, len(runs), 100)
    ]  # fmt: skip
    workspaces = [{"id": native, "type": "workspaces", "attributes": {"name": name}} for native, name in names.items()]
    explorer = _explored(tables).select(
        (pl.col("service_id") + pl.lit("-production")).alias("workspace_name"), pl.lit("Default").alias("project_name"), pl.lit("false").alias("drifted"),
        pl.concat_str("golden_path_id", pl.lit(":"), "version").alias("modules"), pl.lit("").alias("vcs_repo_identifier"), pl.lit("").alias("workspace_created_at"),
    )  # fmt: skip
    return {"runs.jsonl.gz": pages, "workspaces.json.gz": {"data": workspaces}, "explorer.csv": explorer.write_csv()}


def _explored(tables: Tables) -> pl.DataFrame:
    last = tables["service_golden_path"].filter(
        pl.col("evidence") == "declared", pl.col("left_at").is_null(), pl.col("version").is_not_null()
    )
    return last.sort("as_of").unique("service_id", keep="last", maintain_order=True).sort("service_id")


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """An error is a failure; approvals of deployments that were approved and not cancelled afterwards."""
    runs, gated, ours = _runs(tables), _gated(tables), pl.lit("terraform:")
    ended = pl.col("outcome").is_not_null()
    known = {
        "service_id": pl.col("service_id"), "started_at": pl.col("started_at"), "finished_at": pl.when(ended).then("finished_at"),
        "outcome": pl.col("outcome").replace({"error": "failure"}),
    }  # fmt: skip
    modules = _explored(tables)
    return {
        "deployments": runs.select(
            (ours + pl.col("deployment_id")).alias("deployment_id"), "environment", pl.lit("infrastructure").alias("kind"), "queued_at", "initiated_by",
            *(value.alias(name) for name, value in known.items()),
        ),
        "action_runs": runs.select(
            (ours + pl.col("deployment_id")).alias("run_id"), pl.lit("change infrastructure").alias("operation_id"), pl.col("initiated_by").alias("requestor_id"),
            pl.col("queued_at").alias("requested_at"), pl.lit("gitops").alias("channel"), *(value.alias(name) for name, value in known.items()),
        ),
        "approvals": gated.select(
            (ours + pl.col("deployment_id")).alias("approval_id"), pl.lit("change infrastructure").alias("operation_id"), pl.lit("deployment").alias("subject_kind"),
            (ours + pl.col("deployment_id")).alias("subject_id"), "service_id", pl.col("initiated_by").alias("requestor_id"), "responder_id", "requested_at", "decided_at",
            pl.lit("approved").alias("decision"), pl.lit("approved").alias("status"), pl.lit(False).alias("automated"), pl.lit("exact").alias("time_basis"),
        ),
        "service_golden_path": modules.select(
            "service_id", "golden_path_id", pl.lit("2026-07-01").str.to_date().alias("as_of"), pl.lit("uses").alias("evidence"), "version", pl.lit("unknown").alias("drift")
        ),
        "services": modules.select(
            "service_id", pl.col("service_id").alias("name"), pl.lit("infrastructure").alias("kind"), pl.lit(None, pl.String).alias("repo"),
            pl.lit(None, pl.Datetime("us", "UTC")).alias("created_at"),
        ),
    }  # fmt: skip
