"""OpenTelemetry: OTLP JSON as the collector's file exporter writes it; who sends telemetry, and spans of deployments.

Parsed as plain JSON: OTLP's is not protobuf's (hexadecimal ids, numbers as text). Files can be huge: they are read line by
line, and of each line only its resources, as far as they are new, and spans that may be deployments are kept. A service that
sends nothing is in no file, and a sampled trace that is not there proves nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from idp_analytics.errors import SourceError
from idp_analytics.sources import members, repositories
from idp_analytics.sources.documents import Documents, holds_documents, read_documents
from idp_analytics.sources.export import Document, Export, table_documents
from idp_analytics.sources.files import beginning, open_bytes, sha256
from idp_analytics.sources.over_time import is_row
from idp_analytics.sources.system import ENVIRONMENTS, SERVICE_PATTERN, Gives, Option, Recipe, Row, Shape, System

_SIGNALS = {
    "resourceSpans": ("scopeSpans", "spans"),
    "resourceMetrics": ("scopeMetrics", "metrics"),
    "resourceLogs": ("scopeLogs", "logRecords"),
}
_METRICS = ("sum", "gauge", "histogram", "exponentialHistogram", "summary")
# A metric's start is that of its process: when it was measured counts.
_TIMES = ("timeUnixNano", "observedTimeUnixNano", "startTimeUnixNano")
_RESULTS = {
    "success": "success", "succeeded": "success", "failure": "failure", "failed": "failure", "error": "error", "timeout": "error",
    "cancellation": "cancel", "cancelled": "cancel", "canceled": "cancel", "skip": "cancel", "skipped": "cancel",
}  # fmt: skip
_ENVIRONMENT = ("deployment.environment.name", "deployment.environment")
_RESULT = ("deployment.status", "cicd.pipeline.task.run.result", "cicd.pipeline.result", "cicd.pipeline.run.status")
_ID = ("deployment.id", "cicd.pipeline.task.run.id", "cicd.pipeline.run.id")
_NAMES = ("deployment.name", "cicd.pipeline.task.name", "cicd.pipeline.name")
_SHA = ("vcs.ref.head.revision", "vcs.repository.ref.revision", "vcs.ref.head")
_READ = frozenset((
    *_ENVIRONMENT, *_RESULT, *_ID, *_NAMES, *_SHA, "service.name", "service.version", "telemetry.sdk.version", "cicd.pipeline.task.type",
    "vcs.repository.url.full", "artifact.version",
))  # fmt: skip
"""Attributes that are read; no other leaves the file."""
_UNNAMED = "unknown_service"
_ERROR = ("2", "STATUS_CODE_ERROR")


def service_golden_path(document: Document, export: Export) -> Iterator[Row]:
    """One row per service that sends telemetry, and day: ``conforms`` where it says its name, version and environment,
    ``uses`` where it lacks one. ``version`` is that of its SDK."""
    for day, known in _resources(document.body):
        name = known.get("service.name")
        if not name or name.startswith(_UNNAMED):
            yield document.left_out("is instrumented and has no name")
            continue
        whole = bool(known.get("service.version") and _first(known, _ENVIRONMENT))
        yield document.row(
            service_id=export.service(name), golden_path_id=export.options["golden_path"], as_of=day or document.day,
            evidence="conforms" if whole else "uses", version=known.get("telemetry.sdk.version"), drift="unknown", _whole=whole,
        )  # fmt: skip


def _once_a_day(rows: list[Row]) -> list[Row]:
    """A day's telemetry of a service is one row: it conforms when any of it does, because parts of it may come from elsewhere."""
    kept = [row for row in rows if not is_row(row)]
    best: dict[tuple[str, str, str], Row] = {}
    for row in (row for row in rows if is_row(row)):
        key = (str(row["service_id"]), str(row["golden_path_id"]), str(row["as_of"]))
        before = best.setdefault(key, row)
        if (row["_whole"], row["version"] or "") > (before["_whole"], before["version"] or ""):
            best[key] = row
    return kept + list(best.values())


def deployments(document: Document, export: Export) -> Iterator[Row]:
    """One row per span of a task that deploys, of a deployment, or of a pipeline that the settings say deploys; by the conventions
    for CI/CD and the names in use before them. Tries of one run are one deployment, which ended as the last of them did."""
    for one in members.every(document.body, "resourceSpans"):
        common = _attributes(members.at(one, "resource", "attributes"))
        for span in _items(one, "resourceSpans"):
            own = _attributes(span.get("attributes"))
            if _deploys(own, export.options["deploying"], export):
                yield _deployment(document, export, span, common, own)


def _deployment(
    document: Document, export: Export, span: Mapping[str, Any], common: Mapping[str, str], own: Mapping[str, str]
) -> Row:
    known = {**common, **own}
    service = own.get("deployment.name") or repositories.repository(known.get("vcs.repository.url.full"))
    if service is None:
        name = known.get("service.name") or _UNNAMED
        service = None if name.startswith(_UNNAMED) else name
    else:
        # The resource is what deploys, and not what is deployed: its version and environment are its own.
        known = {**{key: value for key, value in common.items() if key in _SHA}, **own}
    raw, result, ended = _first(known, _ENVIRONMENT), _first(known, _RESULT), members.text(span, "endTimeUnixNano")
    if result is None and members.text(span, "status", "code") in _ERROR:
        result = "error"
    sha = next((word for key in _SHA if members.is_sha(word := known.get(key))), None)
    return document.row(
        newest=ended, deployment_id=export.id(_first({**common, **own}, _ID) or members.text(span, "spanId")),
        service_id=export.service(service), environment=export.environment(raw), environment_raw=raw,
        version=known.get("artifact.version") or known.get("service.version"), sha=sha, started_at=_stamp(members.text(span, "startTimeUnixNano")),
        finished_at=_stamp(ended), outcome=_RESULTS.get(result or "", result), outcome_raw=result,
    )  # fmt: skip


def _deploys(own: Mapping[str, str], pattern: str | None, export: Export) -> bool:
    """The span's own attributes say that it deploys; those of a resource are of everything that a service does."""
    if own.get("cicd.pipeline.task.type") == "deploy" or "deployment.id" in own or "deployment.status" in own:
        return True
    return pattern is not None and any(export.matches(pattern, own[name]) for name in _NAMES if name in own)


# --- OTLP -------------------------------------------------------------------------------------------------------------


def _items(one: Any, signal: str) -> Iterator[dict[str, Any]]:
    scopes, items = _SIGNALS[signal]
    return (item for scope in members.every(one, scopes) for item in members.every(scope, items))


def _resources(body: Mapping[str, Any]) -> Iterator[tuple[str | None, dict[str, str]]]:
    """The day of the first signal of each resource, and its attributes."""
    for signal in _SIGNALS:
        for one in members.every(body, signal):
            yield _day(next(_items(one, signal), None)), _attributes(members.at(one, "resource", "attributes"))


def _day(item: Any) -> str | None:
    """The day of a signal, in UTC."""
    points = [item, *(point for kind in _METRICS for point in members.every(members.at(item, kind), "dataPoints"))]
    found = (stamp for point in points for name in _TIMES if (stamp := _stamp(members.text(point, name))))
    nanos = next(found, None)
    return datetime.fromtimestamp(int(nanos) // 1_000_000_000, UTC).date().isoformat() if nanos else None


def _stamp(nanos: str | None) -> str | None:
    """Nanoseconds since 1970; 0 is none."""
    return nanos if nanos and nanos.isdecimal() and len(nanos) < 20 and int(nanos) else None


def _attributes(listed: Any) -> dict[str, str]:
    """``[{key, value: {stringValue: …}}]`` as text by key, of those that are read."""
    found: dict[str, str] = {}
    for one in listed if isinstance(listed, list) else []:
        if not isinstance(one, dict):
            continue
        key, value = one.get("key"), one.get("value")
        if (
            isinstance(key, str)
            and key in _READ
            and isinstance(value, dict)
            and (held := members.text(next(iter(value.values()), None)))
        ):
            found[key] = held
    return found


def _first(known: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((known[name] for name in names if name in known), None)


# --- files ------------------------------------------------------------------------------------------------------------


def _opened(path: Path, shown: str) -> Documents:
    """The requests of a file, thinned; line by line where its first line is a request by itself."""
    if beginning(path, shown, 4) == b"\x28\xb5\x2f\xfd":
        raise SourceError(
            f"{shown}: is packed with zstd. Unpack it (zstd -d), or set compression to none in the file exporter."
        )
    if not holds_documents(path, shown):
        return table_documents(path, shown)
    seen: set[str] = set()
    with open_bytes(path, shown) as file:
        if not isinstance(_line(file.readline()), dict):
            whole = read_documents(path, shown, str)
            found = [(number, _thin(body, seen)) for number, body in whole.found]
            return Documents(found, whole.sha256, whole.broken, whole.beside, whole.unfinished, whole.warnings)
        file.seek(0)
        found, broken = [], []
        for number, data in enumerate(file, 1):
            value = _line(data)
            if isinstance(value, dict):
                # What says nothing new is forgotten, but for the first: a file is never without a document.
                thin = _thin(value, seen)
                if any(thin.values()) or not found:
                    found.append((number, thin))
            elif data.strip():
                broken.append((number, "is no JSON object"))
    return Documents(found, sha256(path), broken)


_DECODER = json.JSONDecoder(parse_float=str)


def _line(data: bytes) -> Any:
    try:
        return _DECODER.decode(data.decode(json.detect_encoding(data), "surrogatepass"))
    except (ValueError, RecursionError):
        return None


def _thin(body: dict[str, Any], seen: set[str]) -> dict[str, Any]:
    """A request with resources that were not seen that day before, and with spans of pipelines and deployments. What is no
    request stays as it is."""
    if not _is_request(body):
        return body
    thin: dict[str, list[Any]] = {signal: [] for signal in _SIGNALS if signal in body}
    for signal, (scopes, items) in _SIGNALS.items():
        for one in members.every(body, signal):
            known, first = _attributes(members.at(one, "resource", "attributes")), next(_items(one, signal), None)
            kept = (
                [_thin_span(span) for span in _items(one, signal) if _may_deploy(span)]
                if signal == "resourceSpans"
                else []
            )
            what = json.dumps([_day(first), known], sort_keys=True)
            if what in seen and not kept:
                continue
            seen.add(what)
            kept = kept or ([_thin_item(first)] if first else [])
            thin[signal].append({"resource": {"attributes": _listed(known)}, scopes: [{items: kept}]})
    return thin


def _may_deploy(span: Mapping[str, Any]) -> bool:
    return any(str(one.get("key")).startswith(("cicd.", "deployment.")) for one in members.every(span, "attributes"))


def _thin_span(span: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: span[name] for name in ("spanId", "startTimeUnixNano", "endTimeUnixNano", "status") if name in span}
    return {**kept, "attributes": _listed(_attributes(span.get("attributes")))}


def _thin_item(item: Mapping[str, Any]) -> dict[str, Any]:
    points = [item, *(point for kind in _METRICS for point in members.every(members.at(item, kind), "dataPoints"))]
    return next(({name: point[name]} for point in points for name in _TIMES if _stamp(members.text(point, name))), {})


def _listed(known: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in known.items()]


def _is_request(body: Mapping[str, Any]) -> bool:
    return any(isinstance(body.get(signal), list) for signal in _SIGNALS)


SYSTEM = System(
    kind="opentelemetry",
    title="OpenTelemetry",
    shapes=(Shape("request", "an export request", _is_request),),
    gives=(
        Gives("service_golden_path", service_golden_path, ("request",), "as long as the files are kept", lost=("joined_at", "left_at"), together=_once_a_day),
        Gives("deployments", deployments, ("request",), "as long as the files are kept; sampled traces may leave some out",
              lost=("kind", "queued_at", "is_rollback", "is_resync", "initiated_by", "automated", "golden_path_id")),
    ),
    recipes=(
        Recipe("telemetry.jsonl", "otelcol --config collector.yaml", "none",
               "With the file exporter in the pipeline: exporters: {file: {path: telemetry.jsonl}}. A day's sample is enough to see who sends telemetry; "
               "what is never sent is not seen, so compare with the catalogue."),
        Recipe("telemetry.json", "curl -fsS \"$COLLECTOR/export\" > telemetry.json", "as the collector's owner gives it", "Any OTLP/JSON request body."),
    ),
    options=(
        ENVIRONMENTS, SERVICE_PATTERN,
        Option("golden_path", "text", "The id of the golden path of instrumentation.", default="opentelemetry"),
        Option("deploying", "text", "An expression for names of pipelines and tasks that deploy, where their spans do not say so."),
    ),
    opens=_opened,
)  # fmt: skip
