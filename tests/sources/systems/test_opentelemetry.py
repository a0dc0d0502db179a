"""OpenTelemetry: who sends telemetry, what of it is enough, and which spans are deployments."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from reading import at, columns, read

from idp_analytics.errors import SourceError
from idp_analytics.sources.systems import system

A = "a" * 40
NOON = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()) * 1_000_000_000
DAY = 86_400 * 1_000_000_000
MINUTE = 60 * 1_000_000_000
WHOLE = {
    "service.name": "shop",
    "service.version": "1.2",
    "deployment.environment.name": "production",
    "telemetry.sdk.version": "1.40.0",
}


def attributes(known):
    return [
        {"key": key, "value": value if isinstance(value, dict) else {"stringValue": value}}
        for key, value in known.items()
    ]


def spans(resource, *several):
    scope = {"scope": {"name": "lib"}, "spans": list(several)}
    return {"resourceSpans": [{"resource": {"attributes": attributes(resource)}, "scopeSpans": [scope]}]}


def span(start=NOON, end=NOON + MINUTE, known=None, **more):
    return {
        "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174", "name": "x", "kind": 2, "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(end), "attributes": attributes(known or {}), **more,
    }  # fmt: skip


def metrics(resource, measured, kind="sum"):
    point = {"startTimeUnixNano": str(NOON - 30 * DAY), "timeUnixNano": str(measured), "asDouble": 5}
    scope = {"metrics": [{"name": "m", "unit": "1", kind: {"dataPoints": [point]}}]}
    return {"resourceMetrics": [{"resource": {"attributes": attributes(resource)}, "scopeMetrics": [scope]}]}


def logs(resource, **times):
    return {
        "resourceLogs": [
            {
                "resource": {"attributes": attributes(resource)},
                "scopeLogs": [{"logRecords": [{**times, "body": {"stringValue": "secret"}}]}],
            }
        ]
    }


def sent(tmp_path, *requests, name="telemetry.jsonl", **options):
    return read("opentelemetry", tmp_path, {name: list(requests)}, tables=["service_golden_path"], **options)


def deployed(tmp_path, *requests, **options):
    return read("opentelemetry", tmp_path, {"ci.jsonl": list(requests)}, tables=["deployments"], **options)


def test_a_service_with_all_it_says(tmp_path):
    (row,) = sent(
        tmp_path, spans({**WHOLE, "service.name": "shop-svc"}, span()), service_pattern="(.+)-svc", golden_path="traces"
    )["service_golden_path"]
    wanted = {
        "service_id": "shop", "golden_path_id": "traces", "as_of": date(2026, 3, 1), "evidence": "conforms", "version": "1.40.0", "joined_at": None,
        "left_at": None, "drift": "unknown",
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("without", "instead", "evidence"),
    [
        (None, {}, "conforms"),
        ("deployment.environment.name", {}, "uses"),
        ("deployment.environment.name", {"deployment.environment": "prod"}, "conforms"),
        ("service.version", {}, "uses"),
        ("telemetry.sdk.version", {}, "conforms"),
    ],
)
def test_what_a_resource_must_say(tmp_path, without, instead, evidence):
    resource = {**{key: value for key, value in WHOLE.items() if key != without}, **instead}
    assert columns(sent(tmp_path, spans(resource, span()))["service_golden_path"], "evidence") == [(evidence,)]


@pytest.mark.parametrize("name", ["unknown_service", "unknown_service:java", ""])
def test_a_service_without_a_name_is_on_no_path(tmp_path, name):
    found = sent(tmp_path, spans({**WHOLE, "service.name": name}, span()))
    assert found["service_golden_path"] == []
    assert found.dropped == {"is instrumented and has no name": 1}


def test_days_are_those_of_the_signals(tmp_path):
    found = sent(
        tmp_path, metrics(WHOLE, NOON, "gauge"), metrics(WHOLE, NOON + DAY, "exponentialHistogram"), spans(WHOLE, span(NOON + 2 * DAY)),
        logs(WHOLE, timeUnixNano="0", observedTimeUnixNano=str(NOON + 3 * DAY)), logs(WHOLE, timeUnixNano=str(NOON + 4 * DAY)),
    )  # fmt: skip
    assert columns(found["service_golden_path"], "as_of") == [(date(2026, 3, day),) for day in range(1, 6)]


def test_signals_without_time_are_of_the_export(tmp_path):
    found = sent(tmp_path, spans(WHOLE, {"spanId": "1", "startTimeUnixNano": "9" * 25}))
    assert columns(found["service_golden_path"], "as_of") == [(date(2026, 7, 1),)]


def test_a_day_of_a_service_is_one_row_its_best(tmp_path):
    poor = {"service.name": "shop", "telemetry.sdk.version": "9"}
    found = sent(tmp_path, spans(poor, span()), metrics(WHOLE, NOON), spans(poor, span(NOON + 1)))
    assert columns(found["service_golden_path"], "evidence", "version") == [("conforms", "1.40.0")]


def test_of_a_long_file_little_is_kept(tmp_path):
    lines = [
        json.dumps(
            spans(
                {**WHOLE, "host.ip": "10.0.0.1"}, *(span(NOON + n, known={"url.full": "/x?token=1"}) for n in range(20))
            )
        )
        for _ in range(300)
    ]
    path = tmp_path / "long.jsonl"
    path.write_text(
        "\n".join([*lines, json.dumps(spans({**WHOLE, "service.name": "search"}, span())), '{"resourceSpans": [{"re'])
    )
    opened = system("opentelemetry").opens(path, "long.jsonl")
    assert [number for number, _ in opened.found] == [1, 301]
    assert "10.0.0.1" not in str(opened.found)
    assert "token" not in str(opened.found)
    assert len(str(opened.found[0])) < 1000
    found = read("opentelemetry", tmp_path, [path])
    assert columns(found["service_golden_path"], "service_id") == [("shop",), ("search",)]
    assert found.dropped == {"is no document that can be read": 1}
    assert any("line 302" in sentence for sentence in found.warnings)


def test_values_of_every_type(tmp_path):
    known = {
        "cicd.pipeline.task.type": "deploy",
        "cicd.pipeline.run.id": {"intValue": "77"},
        "x": {"arrayValue": {"values": []}},
        "y": {"boolValue": True},
    }
    found = deployed(tmp_path, spans({}, span(known=known)))
    assert columns(found["deployments"], "deployment_id") == [("opentelemetry:77",)]


TASK = {
    "cicd.pipeline.task.type": "deploy",
    "cicd.pipeline.task.run.id": "t1",
    "cicd.pipeline.task.run.result": "success",
}


def test_a_deployment_with_all_it_says(tmp_path):
    known = {
        **TASK,
        "deployment.name": "deploy-shop",
        "deployment.environment.name": "eu-live",
        "vcs.ref.head.revision": A,
        "artifact.version": "3.1",
    }
    pipelines = {"service.name": "ci", "service.version": "9", "deployment.environment.name": "tools"}
    options = {"environments": {"eu-.+": "production"}, "service_pattern": "deploy-(.+)"}
    (row,) = deployed(tmp_path, spans(pipelines, span(known=known)), **options)["deployments"]
    wanted = {
        "deployment_id": "opentelemetry:t1", "service_id": "shop", "environment": "production", "environment_raw": "eu-live", "version": "3.1", "sha": A,
        "kind": None, "queued_at": None, "started_at": at(2026, 3, 1, 12), "finished_at": at(2026, 3, 1, 12, 1), "outcome": "success",
        "outcome_raw": "success", "is_rollback": None, "is_resync": None, "initiated_by": None, "automated": None, "golden_path_id": None,
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted


def test_what_the_resource_of_a_pipeline_says_is_not_of_what_it_deploys(tmp_path):
    pipelines = {
        "service.name": "ci",
        "service.version": "9",
        "deployment.environment.name": "tools",
        "vcs.ref.head.revision": A,
    }
    url = {**TASK, "vcs.repository.url.full": "https://git.invalid/acme/shop.git"}
    found = deployed(tmp_path, spans(pipelines, span(known=url)))
    assert columns(found["deployments"], "service_id", "version", "environment_raw", "sha") == [("acme/shop", None, None, A)]  # fmt: skip


def test_a_service_that_deploys_itself(tmp_path):
    found = deployed(tmp_path, spans(WHOLE, span(known={"deployment.id": "d1", "deployment.status": "failed"})))
    assert columns(found["deployments"], "deployment_id", "service_id", "version", "environment", "outcome", "outcome_raw") == [
        ("opentelemetry:d1", "shop", "1.2", "production", "failure", "failed"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("result", "status", "outcome", "raw"),
    [
        ("success", 1, "success", "success"), ("failure", 2, "failure", "failure"), ("error", 2, "error", "error"), ("timeout", 2, "error", "timeout"),
        ("cancellation", 0, "cancel", "cancellation"), ("skip", 0, "cancel", "skip"), ("odd", 0, None, "odd"), (None, 0, None, None), (None, 1, None, None),
        (None, 2, "error", "error"),
    ],
)  # fmt: skip
def test_outcomes(tmp_path, result, status, outcome, raw):
    known = {key: value for key, value in {**TASK, "cicd.pipeline.task.run.result": result}.items() if value}
    found = deployed(tmp_path, spans({}, span(known=known, status={"code": status})))
    assert columns(found["deployments"], "outcome", "outcome_raw") == [(outcome, raw)]
    assert any("odd" in sentence for sentence in found.warnings) == (result == "odd")


def test_names_from_before_there_were_conventions(tmp_path):
    known = {
        "cicd.pipeline.name": "deploy shop",
        "cicd.pipeline.run.id": {"intValue": "5"},
        "cicd.pipeline.run.status": "failure",
        "vcs.ref.head": "main",
    }
    request = spans({"service.name": "shop"}, span(known=known), span(known={"cicd.pipeline.name": "test"}))
    found = deployed(tmp_path, request, deploying="deploy .+")
    assert columns(found["deployments"], "deployment_id", "outcome", "sha") == [("opentelemetry:5", "failure", None)]
    assert deployed(tmp_path, request)["deployments"] == []


def test_tries_of_one_run_are_one_deployment(tmp_path):
    tries = [
        span(NOON, NOON + 9 * MINUTE, {**TASK, "cicd.pipeline.task.run.result": "success"}),
        span(NOON, NOON + MINUTE, {**TASK, "cicd.pipeline.task.run.result": "failure"}),
    ]
    found = deployed(tmp_path, spans({}, *tries))
    assert columns(found["deployments"], "outcome", "finished_at") == [("success", at(2026, 3, 1, 12, 9))]
    assert found.dropped == {"the same one comes again; the newest is used": 1}


def test_an_end_that_is_not_told_is_none(tmp_path):
    found = deployed(tmp_path, spans({}, span(end=0, known={"deployment.id": "d1"})))
    assert columns(found["deployments"], "finished_at", "outcome") == [(None, None)]


def test_other_tasks_and_spans_are_no_deployments(tmp_path):
    build = {
        "cicd.pipeline.task.type": "build",
        "cicd.pipeline.task.run.id": "1",
        "deployment.environment.name": "production",
    }
    assert deployed(tmp_path, spans(WHOLE, span(), span(known=build)))["deployments"] == []


def test_every_container(tmp_path):
    two = [spans(WHOLE, span()), metrics({**WHOLE, "service.name": "search"}, NOON)]
    for name, content in {
        "array.json": two, "lines.jsonl": two, "pretty.json": json.dumps(two[0], indent=1), "after.json": "".join(json.dumps(one, indent=1) for one in two),
        "bom.jsonl": "\ufeff" + "\n\n".join(map(json.dumps, two)),
    }.items():  # fmt: skip
        found = read("opentelemetry", tmp_path, {name: content}, tables=["service_golden_path"])
        wanted = [("shop",)] if name == "pretty.json" else [("shop",), ("search",)]
        assert columns(found["service_golden_path"], "service_id") == wanted, name


def test_a_packed_file_is_told_how_to_unpack(tmp_path):
    (tmp_path / "x.jsonl.zst").write_bytes(b"\x28\xb5\x2f\xfd1234")
    with pytest.raises(SourceError, match=r"x\.jsonl\.zst: is packed with zstd"):
        read("opentelemetry", tmp_path, [tmp_path / "x.jsonl.zst"])


def test_nothing_missing_is_fatal(tmp_path):
    odd = {
        "resourceSpans": [
            {},
            {
                "resource": None,
                "scopeSpans": [{"spans": [None, {"attributes": [{"key": ["x"]}, {"key": "deployment.id"}]}]}],
            },
        ],
        "resourceLogs": None,
    }
    found = read("opentelemetry", tmp_path, {"odd.jsonl": [odd]})
    assert found["service_golden_path"] == []
    assert found.dropped == {"is instrumented and has no name": 2}


def test_empty_and_wrong_files(tmp_path):
    assert read("opentelemetry", tmp_path, {"a.json": []}).warnings == ["the file holds no documents"]
    assert read("opentelemetry", tmp_path, {"b.json": ""}).warnings == ["the file is empty"]
    nothing = read("opentelemetry", tmp_path, {"c.json": {"resourceSpans": []}})
    assert (nothing["service_golden_path"], nothing.dropped) == ([], {})
    with pytest.raises(SourceError, match="It looks like an Application of Argo CD"):
        read("opentelemetry", tmp_path, {"d.json": [{"kind": "Application", "apiVersion": "argoproj.io/v1alpha1"}]})
    with pytest.raises(SourceError, match="It looks like an Application of Argo CD"):
        read("opentelemetry", tmp_path, {"e.jsonl": [{"kind": "Application", "apiVersion": "argoproj.io/v1alpha1"}]})


# --- reference cases --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(cases):
    folder = cases / "sources" / "opentelemetry"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    return folder


@pytest.mark.parametrize("name", ["otlp_trace.json", "otlp_metrics.json", "fileexporter_lines.jsonl"])
def test_an_instrumented_service_that_does_not_conform(real, tmp_path, name):
    found = read("opentelemetry", tmp_path, [real / name])
    assert columns(found["service_golden_path"], "service_id", "as_of", "evidence", "version") == [
        ("my.service", date(2018, 12, 13), "uses", None),
    ]  # fmt: skip
    assert found["deployments"] == []
