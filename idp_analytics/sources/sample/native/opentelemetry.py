"""The company's telemetry as the collector's file exporter writes it: a sample of each month's last day, and deployments."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from idp_analytics.sources.sample.native import Tables

_PATH = "secure-base"
OPTIONS: dict[str, Any] = {"golden_path": _PATH}
OTHERWISE = {"service_golden_path": frozenset({"drift"})}
_RESULTS = {"success": "success", "failure": "failure", "error": "error", "cancel": "cancellation"}


def _ended(tables: Tables) -> pl.DataFrame:
    """Deployments whose span was sent: it is when they end."""
    return tables["deployments"].filter(
        pl.col("started_at").is_not_null(), pl.col("finished_at").is_not_null(), pl.col("service_id").is_not_null()
    )


def _instrumented(tables: Tables) -> pl.DataFrame:
    return tables["service_golden_path"].filter(pl.col("golden_path_id") == _PATH, pl.col("evidence") == "conforms")


def files(tables: Tables) -> dict[str, Any]:
    """``telemetry.jsonl``: a line of spans and one of metrics per service and day; ``pipelines.jsonl``: a line per deployment."""
    telemetry = [
        line for row in _instrumented(tables).sort("as_of", "service_id").iter_rows(named=True) for line in _sample(row)
    ]
    return {
        "telemetry.jsonl.gz": telemetry,
        "pipelines.jsonl.gz": [_span(row) for row in _ended(tables).iter_rows(named=True)],
    }


def _sample(row: dict[str, Any]) -> list[dict[str, Any]]:
    at = datetime(row["as_of"].year, row["as_of"].month, row["as_of"].day, 12)
    resource = _attributes({
        "service.name": row["service_id"], "service.namespace": "larkspur", "service.version": "1.0.0", "deployment.environment.name": "production",
        "telemetry.sdk.language": "java", "telemetry.sdk.name": "opentelemetry", "telemetry.sdk.version": row["version"],
    })  # fmt: skip
    spans = [
        {
            "traceId": _hex(row["service_id"], n, 32), "spanId": _hex(row["service_id"], n, 16), "name": "GET /", "kind": 2, "status": {},
            "startTimeUnixNano": _nanos(at + timedelta(seconds=n)), "endTimeUnixNano": _nanos(at + timedelta(seconds=n, milliseconds=40)),
            "attributes": _attributes({"http.request.method": "GET", "url.path": "/"}),
        }
        for n in range(3)
    ]  # fmt: skip
    point = {"startTimeUnixNano": _nanos(at - timedelta(days=3)), "timeUnixNano": _nanos(at), "asInt": "42"}
    counter = {
        "name": "http.server.requests",
        "unit": "1",
        "sum": {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": [point]},
    }
    about = {"resource": {"attributes": resource}}
    return [
        {"resourceSpans": [{**about, "scopeSpans": [{"scope": {"name": "http"}, "spans": spans}]}]},
        {"resourceMetrics": [{**about, "scopeMetrics": [{"scope": {"name": "http"}, "metrics": [counter]}]}]},
    ]


def _span(row: dict[str, Any]) -> dict[str, Any]:
    result = _RESULTS.get(row["outcome"])
    span = {
        "traceId": _hex(row["deployment_id"], 0, 32), "spanId": _hex(row["deployment_id"], 0, 16), "name": "deploy", "kind": 1,
        "startTimeUnixNano": _nanos(row["started_at"]), "endTimeUnixNano": _nanos(row["finished_at"]),
        "status": {"code": 2} if result in ("failure", "error") else {},
        "attributes": _attributes({
            "cicd.pipeline.task.type": "deploy", "cicd.pipeline.task.name": "deploy", "cicd.pipeline.task.run.id": row["deployment_id"],
            "cicd.pipeline.task.run.result": result, "deployment.name": row["service_id"], "deployment.environment.name": row["environment"],
            "vcs.ref.head.revision": row["sha"], "artifact.version": row["version"],
        }),
    }  # fmt: skip
    resource = {
        "attributes": _attributes(
            {"service.name": "pipelines", "service.version": "9.1", "cicd.system.component": "agent"}
        )
    }
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "ci"}, "spans": [span]}]}]}


def _attributes(known: dict[str, str | None]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in known.items() if value is not None]


def _nanos(at: datetime) -> str:
    plain = at.replace(tzinfo=None) - datetime(1970, 1, 1)
    return str(plain // timedelta(microseconds=1) * 1000)


def _hex(word: str, number: int, digits: int) -> str:
    return hashlib.sha256(f"{word}/{number}".encode()).hexdigest()[:digits]


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """One golden path, and the deployments that ended."""
    return {
        "service_golden_path": pl.concat([
            _instrumented(tables).select("service_id", "golden_path_id", "as_of", "evidence", "version"),
            _of_pipelines(tables),
        ]),
        "deployments": _ended(tables).select(
            (pl.lit("opentelemetry:") + pl.col("deployment_id")).alias("deployment_id"), "service_id", "environment", "version", "sha", "started_at",
            "finished_at", "outcome",
        ),
    }  # fmt: skip


def _of_pipelines(tables: Tables) -> pl.DataFrame:
    """The pipelines are instrumented too, every day on which something was deployed."""
    days = _ended(tables).select(pl.col("started_at").dt.date().alias("as_of")).unique()
    return days.select(
        pl.lit("pipelines").alias("service_id"), pl.lit(_PATH).alias("golden_path_id"), "as_of", pl.lit("uses").alias("evidence"),
        pl.lit(None, dtype=pl.String).alias("version"),
    )  # fmt: skip
