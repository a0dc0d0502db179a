"""dorametrix's own test data: its rules without its faults of arithmetic."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from idp_analytics.metrics.presets import evaluated, preset
from idp_analytics.metrics.presets.windows import windows


def moment(ms: float) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ms)


def test_the_corrected_values(cases, company, settings):
    path = cases / "dora" / "dorametrix" / "extracted" / "metrics_case.json"
    if not path.is_file():
        pytest.skip(f"no such case: {path}")
    case = json.loads(path.read_text())
    given, correct = case["input"], case["correct"]
    deployments = [
        {"deployment_id": d["id"], "sha": d["commit_sha"], "finished_at": moment(d["created_ms"])} for d in given["deployments"]
    ]  # fmt: skip
    tables = company(
        deployments=deployments,
        changes=[{"change_id": c["id"], "first_commit_at": moment(c["created_ms"])} for c in given["changes"]],
        deployment_changes=[{"deployment_id": d["deployment_id"], "change_id": d["sha"]} for d in deployments],
        incidents=[
            {"incident_id": i["id"], "opened_at": moment(i["created_ms"]), "resolved_at": moment(i["resolved_ms"])}
            for i in given["incidents"]
        ],
    )
    end = moment(given["to_ms"] + 1000)  # its year ends a second early
    spans = windows([("year", "2022", moment(given["from_ms"]).replace(tzinfo=None), end.replace(tzinfo=None))])
    org = pl.DataFrame({"scope": ["org"], "entity_id": ["org"]})

    def values(definition: str) -> dict[str, float]:
        rows = evaluated(preset(definition), tables, settings(), end, spans, org)
        return dict(rows.filter(pl.col("detail").is_null()).select("metric", "value").rows())

    theirs = values("dorametrix")
    assert theirs["change_fail_rate"] == correct["change_failure_rate_incidents_over_deploys"]
    assert theirs["deployment_frequency"] == pytest.approx(correct["deployments_per_day"])
    assert theirs["change_lead_time"] * 3600 == pytest.approx(correct["lead_time_median_seconds"])
    assert theirs["failed_deployment_recovery_time"] * 3600 == pytest.approx(correct["time_to_restore_seconds"])
    assert values("same_service_unbounded")["change_fail_rate"] == correct["change_failure_rate_linked"]
