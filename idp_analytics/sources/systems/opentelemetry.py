"""OpenTelemetry: OTLP JSON as the collector's file exporter writes it; who sends telemetry, and spans of deployments.

Parsed as plain JSON: OTLP's is not protobuf's (hexadecimal ids, numbers as text). Files can be huge: they are read line by
line, and of each line only its resources, as far as they are new, and spans that may be deployments are kept. A service that
sends nothing is in no file, and a sampled trace that is not there proves nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from idp_analytics.errors import SourceError
from idp_analytics.sources import members, repositories
from idp_analytics.sources.batch import Batch, each
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
_SPAN = ("spanId", "startTimeUnixNano", "endTimeUnixNano", "status")
_ERROR = ("2", "STATUS_CODE_ERROR")


def service_golden_path(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per service that sends telemetry, and day: ``conforms`` where it says its name, version and environment,
    ``uses`` where it lacks one. ``version`` is that of its SDK."""
    best: dict[tuple[str | None, str | None], tuple[Document, bool, str | None]] = {}
    nameless = 0
    for document in batch.documents:
        for signal in _SIGNALS:
            for sent in document.body.get(signal, ()):
                name = sent.known.get("service.name")
                if not name or name.startswith(_UNNAMED):
                    nameless += 1
                    continue
                whole = bool(sent.known.get("service.version") and _first(sent.known, _ENVIRONMENT))
                told = document, whole, sent.known.get("telemetry.sdk.version")
                key = export.service(name), sent.day or document.day
                before = best.setdefault(key, told)
                # Of a day's telemetry what says most; the rest of it says nothing new.
                if (whole, told[2] or "") > (before[1], before[2] or ""):
                    best[key] = told
    if nameless:
        yield batch.documents[0].left_out("is instrumented and has no name", nameless)
    for (service, day), (document, whole, version) in best.items():
        yield document.row(
            service_id=service, golden_path_id=export.options["golden_path"], as_of=day, evidence="conforms" if whole else "uses",
            version=version, drift="unknown", _whole=whole,
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


def deployments(batch: Batch, export: Export) -> Iterator[Row]:
    """One row per span of a task that deploys, of a deployment, or of a pipeline that the settings say deploys; by the conventions
    for CI/CD and the names in use before them. Tries of one run are one deployment, which ended as the last of them did."""
    pattern = export.options["deploying"]
    told = [
        (document, *_deployment(span, sent.known, own))
        for document in batch.documents
        for sent in document.body.get("resourceSpans", ())
        for span, own in sent.spans
        if _deploys(own, pattern, export)
    ]
    if not told:
        return
    of, ended, natives, services, raw, versions, shas, begun, results = map(list, zip(*told, strict=True))
    yield from Batch(batch.table, of).rows(
        newest=ended, deployment_id=export.ids(natives), service_id=each(export.service, services),
        environment=each(export.environment, raw), environment_raw=raw, version=versions, sha=shas, started_at=begun,
        finished_at=list(map(_stamp, ended)), outcome=[_RESULTS.get(result or "", result) for result in results], outcome_raw=results,
    )  # fmt: skip


def _deployment(span: Mapping[str, Any], common: Mapping[str, str], own: Mapping[str, str]) -> tuple[str | None, ...]:
    """When it ended, its id, service, environment, version, commit, when it began, and its result."""
    whole = {**common, **own}
    service = own.get("deployment.name") or repositories.repository(whole.get("vcs.repository.url.full"))
    if service is None:
        name, known = whole.get("service.name") or _UNNAMED, whole
        service = None if name.startswith(_UNNAMED) else name
    else:
        # The resource is what deploys, and not what is deployed: its version and environment are its own.
        known = {**{key: value for key, value in common.items() if key in _SHA}, **own}
    result = _first(known, _RESULT)
    if result is None and members.text(span, "status", "code") in _ERROR:
        result = "error"
    return (
        members.text(span, "endTimeUnixNano"), _first(whole, _ID) or members.text(span, "spanId"), service, _first(known, _ENVIRONMENT),
        known.get("artifact.version") or known.get("service.version"), next((word for key in _SHA if members.is_sha(word := known.get(key))), None),
        _stamp(members.text(span, "startTimeUnixNano")), result,
    )  # fmt: skip


def _deploys(own: Mapping[str, str], pattern: str | None, export: Export) -> bool:
    """The span's own attributes say that it deploys; those of a resource are of everything that a service does."""
    if own.get("cicd.pipeline.task.type") == "deploy" or "deployment.id" in own or "deployment.status" in own:
        return True
    return pattern is not None and any(export.matches(pattern, own[name]) for name in _NAMES if name in own)


# --- OTLP -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Sent:
    """What is kept of a resource: the ``day`` of its first signal, the attributes that are ``known``, and the spans that may be
    deployments, each with its own attributes."""

    day: str | None
    known: dict[str, str]
    spans: Sequence[tuple[Mapping[str, Any], dict[str, str]]]


def _items(one: Any, signal: str) -> Iterator[dict[str, Any]]:
    scopes, items = _SIGNALS[signal]
    return (item for scope in members.every(one, scopes) for item in members.every(scope, items))


def _day(item: Any) -> str | None:
    """The day of a signal, in UTC."""
    points = chain((item,), (point for kind in _METRICS for point in members.every(item, kind, "dataPoints")))
    found = (stamp for point in points for name in _TIMES if (stamp := _stamp(members.text(point, name))))
    nanos = next(found, None)
    return _day_of(int(nanos) // 86_400_000_000_000) if nanos else None


@cache
def _day_of(days: int) -> str:
    return (date(1970, 1, 1) + timedelta(days)).isoformat()


def _stamp(nanos: str | None) -> str | None:
    """Nanoseconds since 1970; 0 is none."""
    return nanos if nanos and nanos.isdecimal() and len(nanos) < 20 and int(nanos) else None


def _attributes(listed: Any) -> dict[str, str]:
    """``[{key, value: {stringValue: …}}]`` as text by key, of those that are read."""
    found: dict[str, str] = {}
    for one in listed if isinstance(listed, list) else ():
        if type(one) is not dict:
            continue
        key, value = one.get("key"), one.get("value")
        if type(key) is str and key in _READ and type(value) is dict:
            held = members.text(next(iter(value.values()), None))
            if held:
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
    seen: set[tuple[Any, ...]] = set()
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


def _thin(body: dict[str, Any], seen: set[tuple[Any, ...]]) -> dict[str, Any]:
    """A request with resources that were not seen that day before, and with spans of pipelines and deployments (:class:`_Sent`).
    What is no request stays as it is."""
    if not _is_request(body):
        return body
    thin: dict[str, list[_Sent]] = {signal: [] for signal in _SIGNALS if signal in body}
    for signal, sent in thin.items():
        for one in members.every(body, signal):
            known, first = _attributes(members.at(one, "resource", "attributes")), next(_items(one, signal), None)
            spans = [
                (span, _attributes(span.get("attributes")))
                for span in (_items(one, signal) if signal == "resourceSpans" else ())
                if _may_deploy(span)
            ]
            day = _day(first)
            what = (day, *sorted(known.items()))
            if what in seen and not spans:
                continue
            seen.add(what)
            kept = [({name: span[name] for name in _SPAN if name in span}, own) for span, own in spans]
            sent.append(_Sent(_day(kept[0][0]) if kept else day, known, kept))
    return thin


def _may_deploy(span: Mapping[str, Any]) -> bool:
    listed = span.get("attributes")
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict) and str(one.get("key")).startswith(("cicd.", "deployment.")):
            return True
    return False


def _is_request(body: Mapping[str, Any]) -> bool:
    return any(isinstance(body.get(signal), list) for signal in _SIGNALS)


SYSTEM = System(
    kind="opentelemetry",
    title="OpenTelemetry",
    shapes=(Shape("request", "an export request", _is_request),),
    gives=(
        Gives("service_golden_path", None, ("request",), at_once=service_golden_path, history="as long as the files are kept", lost=("joined_at", "left_at"), together=_once_a_day),
        Gives("deployments", None, ("request",), at_once=deployments, history="as long as the files are kept; sampled traces may leave some out",
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
