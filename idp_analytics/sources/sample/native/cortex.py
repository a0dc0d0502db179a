"""The company's services and teams, its good deployments, exemptions and scores as Cortex has them."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.sources.sample.native import Tables, stamp

OPTIONS: dict[str, Any] = {
    "people": "keep",
    "environments": {"PROD": "production", "STAGE": "staging"},
    "types": ["service", "website", "worker", "library", "job", "api"],
}
OTHERWISE = {
    "services": frozenset({"retired_at", "system"}),
    "policy_results": frozenset({"enforcement"}),
    "approvals": frozenset({"subject_id"}),
    "escape_hatches": frozenset({"closed_at"}),
}


def _services(tables: Tables) -> pl.DataFrame:
    return tables["services"].filter(pl.col("retired_at").is_null())


def _owners(tables: Tables) -> dict[str, str]:
    return dict(tables["ownership"].filter(pl.col("valid_to").is_null()).select("service_id", "team_id").iter_rows())


def _done(tables: Tables) -> pl.DataFrame:
    return tables["deployments"].filter(pl.col("outcome") == "success", pl.col("finished_at").is_not_null())


def _exemptions(tables: Tables) -> pl.DataFrame:
    return tables["escape_hatches"].filter(pl.col("kind") == "exemption", pl.col("service_id").is_not_null())


def _scores(tables: Tables) -> pl.DataFrame:
    return tables["policy_results"].filter(
        pl.col("as_of") == pl.col("as_of").max(),
        pl.col("result").is_in(["pass", "fail"]),
        pl.col("service_id").is_not_null(),
    )


def files(tables: Tables) -> dict[str, Any]:
    """Descriptors as several YAML documents, and dumps of the API."""
    owners = _owners(tables)
    descriptors = "".join(
        f"---\nopenapi: 3.0.1\ninfo:\n  title: {row['name']}\n  x-cortex-tag: {row['service_id']}\n  x-cortex-type: {row['kind']}\n"
        f"  x-cortex-groups:\n  - tier-{row['tier']}\n  x-cortex-owners:\n  - type: group\n    name: {owners[row['service_id']]}\n"
        f"  x-cortex-git:\n    github:\n      repository: {row['repo']}\n"
        for row in _services(tables).iter_rows(named=True)
    )  # fmt: skip
    parents = {
        row["team_id"]: f"  x-cortex-parents:\n  - tag: {row['parent_team_id']}\n" if row["parent_team_id"] else ""
        for row in tables["teams"].iter_rows(named=True)
    }
    descriptors += "".join(
        f"---\nopenapi: 3.0.1\ninfo:\n  title: {name}\n  x-cortex-tag: {team}\n  x-cortex-type: team\n{parents[team]}  x-cortex-team:\n    members: []\n"
        for team, name in tables["teams"].select("team_id", "name").iter_rows()
    )  # fmt: skip
    deploys = [
        {
            "uuid": row["deployment_id"], "timestamp": stamp(row["finished_at"]), "environment": row["environment_raw"], "sha": row["sha"], "title": row["version"],
            "type": "ROLLBACK" if row["is_rollback"] else "DEPLOY", "deployer": {"name": row["initiated_by"]} if row["initiated_by"] else None, "serviceTag": row["service_id"],
        }
        for row in _done(tables).iter_rows(named=True)
    ]  # fmt: skip
    exemptions = [
        {
            "id": row["hatch_id"], "scorecardTag": row["policy"], "ruleIdentifier": row["policy"], "entityTag": row["service_id"], "requestedBy": row["requestor_id"],
            "requestedDate": stamp(row["opened_at"]), "requestingReason": row["reason"], "endDate": stamp(row["expires_at"]),
            "status": {"type": "APPROVED", "approvedBy": row["approver_id"], "approvedDate": stamp(row["opened_at"])},
        }
        for row in _exemptions(tables).iter_rows(named=True)
    ]  # fmt: skip
    scores: dict[str, Any] = {}
    for (policy,), rows in _scores(tables).partition_by("policy", as_dict=True, maintain_order=True).items():
        scores[f"scores-{policy}.json"] = {"scorecardTag": policy, "serviceScores": [
            {
                "service": {"tag": row["service_id"], "name": row["service_id"]}, "lastUpdated": stamp(row["as_of"]),
                "score": {"ladderLevels": [], "rules": [{"identifier": row["rule"], "score": int(row["result"] == "pass")}]},
            }
            for row in rows.iter_rows(named=True)
        ], "page": 0, "totalPages": 1}  # fmt: skip
    return {
        "catalog.yaml": descriptors,
        "deploys.json.gz": {"deployments": deploys},
        "exemptions.json": {"exemptions": exemptions},
        **scores,
    }


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """What is there now; deployments that were done; exemptions granted when they were asked for, so by a machine."""
    ours, exempt = pl.lit("cortex:"), _exemptions(tables)
    there = _services(tables).select("service_id")
    return {
        "services": _services(tables).select("service_id", "name", "kind", "tier", "repo"),
        "ownership": tables["ownership"].filter(pl.col("valid_to").is_null()).join(there, on="service_id").select(
            "service_id", "team_id", pl.lit(None, pl.Date).alias("valid_from"), pl.lit(None, pl.Date).alias("valid_to")
        ),
        "teams": tables["teams"].select("team_id", "name", "parent_team_id", pl.lit("team").alias("kind")),
        "deployments": _done(tables).select(
            (ours + pl.col("deployment_id")).alias("deployment_id"), "service_id", "environment", "version", "sha", "kind", "finished_at", "outcome", "is_rollback", "initiated_by"
        ),
        "policy_results": _scores(tables).select(
            "policy", "rule", pl.col("service_id").alias("resource"), "as_of", pl.lit("cortex").alias("engine"), "service_id", "result"
        ),
        "escape_hatches": exempt.select(
            (ours + pl.col("hatch_id")).alias("hatch_id"), "kind", "policy", "service_id", "requestor_id", "approver_id", "opened_at", "expires_at", "reason"
        ),
        "approvals": exempt.select(
            (ours + pl.col("hatch_id")).alias("approval_id"), pl.lit("exemption").alias("operation_id"), pl.lit("policy").alias("subject_kind"), "service_id", "requestor_id",
            pl.col("approver_id").alias("responder_id"), pl.col("opened_at").alias("requested_at"), pl.col("opened_at").alias("decided_at"),
            pl.lit("approved").alias("decision"), pl.lit("approved").alias("status"), pl.lit(True).alias("automated"), pl.lit("exact").alias("time_basis"),
        ),
    }  # fmt: skip
