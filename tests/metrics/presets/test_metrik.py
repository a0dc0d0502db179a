"""What Metrik's own tests assert, from its pipeline runs through the preset."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from idp_analytics.metrics.presets import evaluated, preset
from idp_analytics.metrics.presets.windows import fortnights, months, windows

ZONE = "Asia/Shanghai"
"""Where Metrik's tests run; its windows are cut there."""

AS_OF = datetime(2030, 1, 1, tzinfo=UTC)
OUTCOMES = {"SUCCESS": "success", "FAILED": "failure", "ABORTED": "cancel"}
METRICS = {
    "deploymentFrequency": ("deployment_frequency", 1.0),
    "leadTimeForChange": ("change_lead_time", 1 / 24),  # Metrik gives days
    "meanTimeToRestore": ("failed_deployment_recovery_time", 1.0),
    "changeFailureRate": ("change_fail_rate", 100.0),  # and percent
}


@pytest.fixture(scope="module")
def metrik(cases):
    folder = cases / "dora" / "metrik" / "extracted"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    return {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}


def moment(ms: float) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ms)


def local(ms: float) -> datetime:
    return moment(ms).astimezone(ZoneInfo(ZONE)).replace(tzinfo=None)


def company_of(runs, stages, company):
    """The runs of the asked stages: one run's target stage is one deployment, its change set what it brings."""
    deployments, changes, links = [], [], []
    for run in runs:
        stage = next((s for s in run["stages"] if s["name"] == stages.get(run["pipelineId"])), None)
        if stage is None:
            continue
        name = f"{run['pipelineId']}:{run['name']}"
        deployments.append({
            "deployment_id": name, "service_id": run["pipelineId"], "outcome": OUTCOMES.get(stage["status"]),
            "finished_at": moment(stage["doneTimeMillis"]), "team_id": None,
        })  # fmt: skip
        for number, commit in enumerate(run["changeSets"]):
            change = f"{name}:{number}"
            changes.append({"change_id": change, "kind": "commit", "first_commit_at": moment(commit["timestamp"])})
            links.append({"deployment_id": name, "change_id": change})
    return company(deployments=deployments, changes=changes, deployment_changes=links)


def answered(metrik, company, settings, request):
    stages = {s["pipelineId"]: s["stage"] for s in request["pipelineStages"]}
    first, last = local(request["startTime"]), local(request["endTime"])
    parts = (fortnights if request["unit"] == "Fortnightly" else months)(first, last)
    spans = windows([
        ("summary", "whole", first, last + timedelta(microseconds=1)),
        *(("details", f"{n:03}", start, end) for n, (start, end) in enumerate(parts)),
    ])  # fmt: skip
    everyone = pl.DataFrame({"scope": ["org"], "entity_id": ["org"]})
    tables = company_of(metrik["executions"], stages, company)
    rows = evaluated(preset("metrik"), tables, settings(ZONE), AS_OF, spans, everyone).to_dicts()
    return {(r["metric"], r["detail"], r["every"], r["period"]): r for r in rows}, parts


def test_every_asserted_value(metrik, company, settings):
    """Levels, values, details and the ends of the windows: all that Metrik's tests say, and each is compared."""
    compared, wrong = 0, []
    for case in metrik["expected"]:
        request = case["request"]
        found, parts = answered(metrik, company, settings, request)
        for path, expected in case["expect"].items():
            name, place, word = path.split(".")
            metric, factor = METRICS[name]
            frequency = name == "deploymentFrequency"
            if place == "summary":
                detail = "per 14 days" if frequency and request["unit"] == "Fortnightly" else None
                row = found[metric, detail, "summary", "whole"]
            else:
                number = int(place[len("details[") : -1])
                row = found[metric, "in all" if frequency else None, "details", f"{number:03}"]
            if word == "level":
                was = row["tier"] or "INVALID"
            elif word == "value":
                was = "NaN" if row["value"] is None else round(row["value"] * factor, 2)
            else:
                start, end = parts[number]
                whole = end if end.time() == datetime.min.time() else end - timedelta(microseconds=1)
                edge = start if word == "startTimestamp" else whole
                was = edge.replace(tzinfo=ZoneInfo(ZONE)).timestamp() * 1000
                # Metrik's ends are the last millisecond of a span, ours the first moment after it.
                was -= 1 if word == "endTimestamp" and edge == end and number < len(parts) - 1 else 0
            compared += 1
            if was != expected:
                wrong.append((case["test"], path, was, expected))
    assert wrong == []
    assert compared == sum(len(case["expect"]) for case in metrik["expected"]) == 117
