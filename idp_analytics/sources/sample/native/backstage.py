"""The company's catalogue as Backstage showed it on three days, and its scaffolder's tasks and usage events."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import polars as pl

from idp_analytics.sources import snapshots
from idp_analytics.sources.sample.native import Tables, stamp

OPTIONS: dict[str, Any] = {"people": "keep", "refs": "short", "service_parameter": "name"}
OTHERWISE = {
    "services": frozenset({"retired_at"}),
    "golden_paths": frozenset({"applies_to"}),
    "golden_path_versions": frozenset({"released_at"}),
    "service_golden_path": frozenset({"version", "drift"}),
    "usage": frozenset({"purposeful"}),
}
DAYS = (datetime(2025, 7, 1, 6, tzinfo=UTC), datetime(2026, 1, 15, 6, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))
"""When somebody exported the catalogue: the first day, the day of the reorganisation, and the last."""

_STATUS = {"success": "completed", "failure": "failed", "error": "failed", "cancel": "cancelled"}
_TYPES = {"org": "organization", "group": "business-unit", "team": "team", "platform": "platform"}


# --- what is there on a day -------------------------------------------------------------------------------------------


def _services(tables: Tables, at: datetime) -> pl.DataFrame:
    return tables["services"].filter(
        pl.col("created_at") <= at, pl.col("retired_at").is_null() | (pl.col("retired_at") > at)
    )


def _holding(frame: pl.DataFrame, at: datetime) -> pl.DataFrame:
    day = at.date()
    begun = pl.col("valid_from").is_null() | (pl.col("valid_from") <= day)
    return frame.filter(begun, pl.col("valid_to").is_null() | (pl.col("valid_to") > day))


def _owners(tables: Tables, at: datetime) -> list[tuple[str, str]]:
    there = _services(tables, at).select("service_id")
    return _holding(tables["ownership"], at).join(there, on="service_id").select("service_id", "team_id").rows()


def _members(tables: Tables, at: datetime) -> list[tuple[str, str]]:
    return _holding(tables["memberships"], at).select("person_id", "team_id").rows()


def _versions(tables: Tables, at: datetime) -> dict[str, str]:
    known = tables["golden_path_versions"].filter(pl.col("released_at") <= at).sort("released_at")
    templates = tables["golden_paths"].filter(pl.col("kind") == "template").select("golden_path_id")
    return dict(
        known.join(templates, on="golden_path_id")
        .group_by("golden_path_id", maintain_order=True)
        .agg(pl.col("version").last())
        .rows()
    )


def _born(tables: Tables, at: datetime) -> list[tuple[str, str]]:
    there = _services(tables, at).select("service_id")
    born = (
        tables["service_golden_path"]
        .filter(pl.col("evidence") == "born")
        .select("service_id", "golden_path_id")
        .unique()
    )
    return born.join(there, on="service_id").sort("service_id").rows()


# --- files ------------------------------------------------------------------------------------------------------------


def files(tables: Tables) -> dict[str, Any]:
    """Three snapshots of the catalogue, the tasks, when they ended, who approved, and what people did."""
    runs = _runs(tables)
    ends: list[dict[str, Any]] = []
    for row in runs.filter(pl.col("finished_at").is_not_null()).iter_rows(named=True):
        ends.append(
            {
                "id": len(ends) + 1,
                "task_id": row["run_id"],
                "event_type": "completion",
                "created_at": stamp(row["finished_at"]),
            }
        )
    events = tables["usage"].select(
        pl.col("event_id").alias("id"), "action", pl.lit("/").alias("subject"), "value", pl.col("component").alias("plugin_id"),
        pl.col("person_id").alias("user_ref"), pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%SZ").alias("created_at"),
    )  # fmt: skip
    return {
        **dict(_snapshot(at, list(_entities(tables, at))) for at in DAYS),
        "tasks.json.gz": {"tasks": [_task(row) for row in runs.iter_rows(named=True)], "totalTasks": runs.height},
        "task_events.jsonl.gz": ends,
        "task_approvals.jsonl": [_approval(row) for row in _approvals(tables).iter_rows(named=True)],
        "usage_events.csv.gz": events.write_csv(),
    }


def _snapshot(at: datetime, entities: list[dict[str, Any]]) -> tuple[str, Any]:
    digest = hashlib.sha256(json.dumps(entities).encode()).hexdigest()
    return f"snapshots/backstage/{snapshots.name(at, digest, 'entities.json')}.gz", entities


def _entities(tables: Tables, at: datetime) -> Iterator[dict[str, Any]]:
    owners, born, versions = dict(_owners(tables, at)), dict(_born(tables, at)), _versions(tables, at)
    teams: dict[str, list[str]] = {}
    for person, team in _members(tables, at):
        teams.setdefault(person, []).append(team)
    for row in _services(tables, at).iter_rows(named=True):
        made = born.get(row["service_id"])
        annotations = {
            "github.com/project-slug": row["repo"],
            **({"backstage.io/source-template": f"template:default/{made}"} if made else {}),
        }
        spec = {
            "type": row["kind"],
            "lifecycle": row["lifecycle"],
            "system": row["system"],
            "owner": owners.get(row["service_id"]),
        }
        yield _entity("Component", row["service_id"], spec, {"title": row["name"], "annotations": annotations}, [
            {"type": "ownedBy", "targetRef": f"group:default/{spec['owner']}"}] if spec["owner"] else [])  # fmt: skip
    for row in tables["teams"].iter_rows(named=True):
        spec = {
            "type": _TYPES[row["kind"]],
            "profile": {"displayName": row["name"]},
            "parent": row["parent_team_id"],
            "children": [],
        }
        yield _entity("Group", row["team_id"], spec)
    for person, member_of in sorted(teams.items()):
        yield _entity("User", person, {"profile": {}, "memberOf": member_of})
    for row in tables["golden_paths"].filter(pl.col("kind") == "template").iter_rows(named=True):
        noted = {
            "backstage.io/template-version": versions.get(row["golden_path_id"]),
            "backstage.io/time-saved": f"PT{row['minutes_saved']:.0f}M",
        }
        spec = {
            "type": (row["applies_to"] or ["service"])[0],
            "owner": row["owner_team_id"],
            "steps": [],
            "parameters": [],
        }
        known = {name: value for name, value in noted.items() if value}
        yield _entity("Template", row["golden_path_id"], spec, {"title": row["title"], "annotations": known})


def _entity(
    kind: str,
    name: str,
    spec: dict[str, Any],
    about: dict[str, Any] | None = None,
    relations: Iterable[dict[str, str]] = (),
) -> dict[str, Any]:
    version = "scaffolder.backstage.io/v1beta3" if kind == "Template" else "backstage.io/v1alpha1"
    return {
        "apiVersion": version, "kind": kind, "metadata": {"namespace": "default", "name": name, **(about or {})},
        "spec": {key: value for key, value in spec.items() if value is not None}, "relations": list(relations),
    }  # fmt: skip


def _runs(tables: Tables) -> pl.DataFrame:
    templates = tables["golden_paths"].filter(pl.col("kind") == "template").select("golden_path_id")
    return tables["action_runs"].join(templates, on="golden_path_id").filter(pl.col("channel") == "ui").sort("run_id")


def _task(row: dict[str, Any]) -> dict[str, Any]:
    template = {
        "metadata": {"name": row["golden_path_id"], "annotations": {"backstage.io/template-version": row["version"]}}
    }
    return {
        "id": row["run_id"],
        "spec": {
            "apiVersion": "scaffolder.backstage.io/v1beta3", "steps": [], "output": {}, "parameters": {"name": row["service_id"]},
            "user": {"ref": row["requestor_id"]},
            "templateInfo": {"entityRef": f"template:default/{row['golden_path_id']}", "entity": template},
        },
        "status": _STATUS.get(row["outcome"], "processing"), "createdBy": row["requestor_id"],
        "lastHeartbeatAt": stamp(row["finished_at"] or row["requested_at"]), "createdAt": stamp(row["requested_at"]),
    }  # fmt: skip


def _approvals(tables: Tables) -> pl.DataFrame:
    own = _runs(tables).select(pl.col("run_id").alias("subject_id"))
    return (
        tables["approvals"]
        .filter(pl.col("subject_kind") == "action_run")
        .join(own, on="subject_id")
        .sort("approval_id")
    )


def _approval(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["approval_id"], "task_id": row["subject_id"], "step_id": row["approval_id"], "status": row["status"],
        "approved_by": row["responder_id"], "created_at": stamp(row["requested_at"]), "resolved_at": stamp(row["decided_at"]),
    }  # fmt: skip


# --- what a reader must give back -------------------------------------------------------------------------------------


def _spans(seen: list[list[tuple[str, str]]], columns: tuple[str, str]) -> pl.DataFrame:
    """Since when and until when a pair was there, as far as three days can tell."""
    rows = []
    for pair in sorted({pair for day in seen for pair in day}):
        there = [pair in day for day in seen]
        first = there.index(True)
        after = next((at.date() for at, has in list(zip(DAYS, there, strict=True))[first:] if not has), None)
        rows.append((*pair, DAYS[first].date() if first else None, after))
    kinds = dict.fromkeys(columns, pl.String()) | dict.fromkeys(("valid_from", "valid_to"), pl.Date())
    return pl.DataFrame(rows, schema=kinds, orient="row")


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """What was there on one of the three days; of the scaffolder the runs of templates that were asked for in the portal."""
    services = pl.concat([_services(tables, at) for at in DAYS]).unique("service_id")
    templates = tables["golden_paths"].filter(pl.col("kind") == "template")
    people = sorted({person for at in DAYS for person, _ in _members(tables, at)})
    versions = sorted({pair for at in DAYS for pair in _versions(tables, at).items()})
    born = [(*pair, at.date(), "born") for at in DAYS for pair in _born(tables, at)]
    ours = pl.lit("backstage:")
    return {
        "services": services.select("service_id", "name", "system", "kind", "lifecycle", "repo"),
        "ownership": _spans([_owners(tables, at) for at in DAYS], ("service_id", "team_id")),
        "teams": tables["teams"].select("team_id", "name", "parent_team_id", "kind"),
        "people": pl.DataFrame({"person_id": people}),
        "memberships": _spans([_members(tables, at) for at in DAYS], ("person_id", "team_id")),
        "golden_paths": templates.select("golden_path_id", "title", "kind", "owner_team_id", "current_version", "minutes_saved"),
        "golden_path_versions": pl.DataFrame(versions, schema=["golden_path_id", "version"], orient="row"),
        "service_golden_path": pl.DataFrame(born, schema=["service_id", "golden_path_id", "as_of", "evidence"], orient="row"),
        "action_runs": _runs(tables).select(
            (ours + pl.col("run_id")).alias("run_id"), pl.col("golden_path_id").alias("operation_id"), "golden_path_id", "version", "service_id",
            "requestor_id", "requested_at", "finished_at", pl.col("outcome").replace({"error": "failure"}).alias("outcome"), "channel",
        ),
        "approvals": _approvals(tables).select(
            (ours + pl.col("subject_id") + pl.lit("/") + pl.col("approval_id")).alias("approval_id"), "subject_kind",
            (ours + pl.col("subject_id")).alias("subject_id"), "responder_id", "requested_at", "decided_at",
            pl.when(pl.col("status").is_in(["approved", "rejected"])).then(pl.col("status")).alias("decision"), "status",
            pl.when(pl.col("decided_at").is_not_null()).then(pl.lit("exact")).otherwise(pl.lit("none")).alias("time_basis"),
        ),
        "usage": tables["usage"].select((ours + pl.col("event_id")).alias("event_id"), "component", "action", "person_id", "at", "value"),
    }  # fmt: skip
