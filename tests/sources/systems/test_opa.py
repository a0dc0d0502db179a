"""OPA, Gatekeeper and Conftest: what a decision says, and what it does not."""

from __future__ import annotations

import pytest
from reading import at, columns, read

from idp_analytics.errors import SourceError


def decision(result="absent", path="shop/admission/allow", **more):
    known = {} if result == "absent" else {"result": result}
    return {
        "decision_id": "d1", "path": path, "labels": {"service": "shop"}, "timestamp": "2026-03-02T10:00:00.123456789Z", "input": {"password": "hush"},
        "requested_by": "10.0.0.1:5000", **known, **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        (True, "pass"), (False, "fail"), ("true", "pass"), ("false", "fail"), ({"allow": True, "deny": []}, "pass"), ({"allowed": False}, "fail"), ({"deny": []}, "pass"),
        ({"deny": ["no"]}, "fail"), ({"violation": [{"msg": "x"}]}, "fail"),
    ],
)  # fmt: skip
def test_decisions_that_say_yes_or_no(tmp_path, result, verdict):
    found = read("opa", tmp_path, {"d.jsonl": [decision(result)]})
    (row,) = found["policy_results"]
    assert columns([row], "policy", "rule", "resource", "engine", "service_id", "result", "enforcement") == [
        ("shop/admission", "allow", "d1", "opa", "shop", verdict, None)
    ]
    assert row["as_of"] == at(2026, 3, 2, 10).replace(microsecond=123456)
    assert "hush" not in repr(found)
    assert "10.0.0.1" not in repr(found)


@pytest.mark.parametrize(
    ("result", "reason"),
    [("absent", "was undefined: no rule decided"), ("maybe", "has a result that is no yes or no"), ({"allow": True, "deny": ["x"]}, "has a result that is no yes or no"), ({"score": 3}, "has a result that is no yes or no"), (7, "has a result that is no yes or no")],
)  # fmt: skip
def test_decisions_that_do_not(tmp_path, result, reason):
    found = read("opa", tmp_path, {"d.json": [decision(result)]})
    assert (found["policy_results"], found.dropped) == ([], {reason: 1})


@pytest.mark.parametrize(
    ("path", "result", "verdict"),
    [("shop/deny", True, "fail"), ("shop/deny", False, "pass"), ("shop/deny", ["no"], "fail"), ("shop/violation", [], "pass"), ("shop.deny", {"no": True}, "fail")],
)  # fmt: skip
def test_a_rule_that_denies_says_the_opposite(tmp_path, path, result, verdict):
    found = read("opa", tmp_path, {"d.json": [decision(result, path=path)]})
    assert columns(found["policy_results"], "result") == [(verdict,)]
    assert "OPA drops decisions where its log is limited or filtered: counts are a lower bound" in found.warnings


def test_the_settings_say_where_the_answer_is(tmp_path):
    lines = [decision({"body": {"permitted": False}, "allow": True}), decision({"body": {}}, decision_id="d2")]
    found = read("opa", tmp_path, {"d.json": lines}, allowed="body.permitted")
    assert columns(found["policy_results"], "resource", "result") == [("d1", "fail")]
    assert found.dropped == {"has a result that is no yes or no": 1}


def test_a_constraint_that_was_never_audited_says_nothing(tmp_path):
    new = {name: value for name, value in constraint().items() if name != "status"}
    found = read("opa", tmp_path, {"c.json": [new, constraint()]})
    assert (len(found["policy_results"]), found.rejected) == (2, [])


def constraint(listed=2, total=None, action="deny", **spec):
    violations = [
        {"kind": "Namespace", "name": f"n{i}", "message": "hush", **({"enforcementAction": "warn"} if i == 1 else {})}
        for i in range(listed)
    ]
    status = {
        "auditTimestamp": "2026-03-02T10:00:00Z",
        "violations": violations,
        **({} if total is None else {"totalViolations": total}),
    }
    return {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1", "kind": "K8sLabels", "metadata": {"name": "must-label", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"enforcementAction": action, **spec}, "status": status,
    }  # fmt: skip


def test_violations_of_a_constraint(tmp_path):
    found = read(
        "opa", tmp_path, {"c.json": {"kind": "List", "apiVersion": "v1", "items": [constraint(action="dryrun")]}}
    )
    assert columns(found["policy_results"], "policy", "rule", "resource", "as_of", "engine", "result", "enforcement", "truncated") == [
        ("K8sLabels", "must-label", "namespace/n0", at(2026, 3, 2, 10), "gatekeeper", "fail", "audit", False),
        ("K8sLabels", "must-label", "namespace/n1", at(2026, 3, 2, 10), "gatekeeper", "fail", "warn", False),
    ]  # fmt: skip
    assert not found.truncated
    assert "hush" not in repr(found)


@pytest.mark.parametrize(
    ("listed", "total", "cut"), [(20, None, True), (19, None, False), (2, 2, False), (2, 9, True), (20, 20, False)]
)
def test_a_list_that_was_cut(tmp_path, listed, total, cut):
    found = read("opa", tmp_path, {"c.json": constraint(listed, total)})
    assert found.truncated == ({"policy_results"} if cut else set())
    assert {row["truncated"] for row in found["policy_results"]} == {cut}


def test_namespaces_left_out_are_escape_hatches(tmp_path):
    config = {
        "apiVersion": "config.gatekeeper.sh/v1alpha1",
        "kind": "Config",
        "metadata": {"name": "config"},
        "spec": {"match": [{"excludedNamespaces": ["kube-system", "lab"], "processes": ["*"]}]},
    }
    found = read("opa", tmp_path, {"c.json": [config, constraint(match={"excludedNamespaces": ["lab"]})]})
    assert columns(found["escape_hatches"], "hatch_id", "kind", "policy", "opened_at", "reason") == [
        ("opa:Config/config/kube-system", "exemption", "config", None, "namespace kube-system is left out"), ("opa:Config/config/lab", "exemption", "config", None, "namespace lab is left out"),
        ("opa:K8sLabels/must-label/lab", "exemption", "K8sLabels", at(2026, 1, 1), "namespace lab is left out"),
    ]  # fmt: skip


def test_violations_in_namespaces_that_are_left_out_of_admission_only_name_the_exemption(tmp_path):
    config = {
        "apiVersion": "config.gatekeeper.sh/v1alpha1",
        "kind": "Config",
        "metadata": {"name": "config"},
        "spec": {"match": [{"excludedNamespaces": ["lab-*"], "processes": ["webhook"]}, {"excludedNamespaces": ["kube-system"], "processes": ["*"]}]},
    }  # fmt: skip
    line = {"event_type": "violation_audited", "audit_id": "2026-03-02T10:00:00Z", "constraint_kind": "K8sLimits", "constraint_name": "limits",
            "constraint_action": "deny", "resource_kind": "Pod", "resource_name": "cart"}  # fmt: skip
    violations = [{"namespace": name, "kind": "Pod", "name": name} for name in ("lab-1", "kube-system")]
    judged = constraint()
    judged["status"] = {"auditTimestamp": "2026-03-01T10:00:00Z", "totalViolations": 2, "violations": violations}
    found = read("opa", tmp_path, {
        "config.json": config, "constraints.json": judged,
        "audit.jsonl": [{**line, "resource_namespace": name} for name in ("lab-2", "shop")],
    })  # fmt: skip
    assert sorted(columns(found["policy_results"], "resource", "hatch_id", "enforcement")) == [
        ("kube-system/pod/kube-system", None, "deny"), ("lab-1/pod/lab-1", "opa:Config/config/lab-*", "audit"),
        ("lab-2/pod/cart", "opa:Config/config/lab-*", "audit"), ("shop/pod/cart", None, "deny"),
    ]  # fmt: skip
    assert {row["hatch_id"] for row in found["escape_hatches"]} >= {"opa:Config/config/lab-*"}
    assert "audits leave out the namespaces kube-system: of what is in them there is no verdict, neither failed nor passed" in found.warnings  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        {"event_type": "violation_audited", "audit_id": "2026-03-02T10:00:00Z", "ts": 1772445601.5, "constraint_kind": "K8sLimits", "constraint_name": "limits",
         "constraint_action": "dryrun", "resource_namespace": "shop", "resource_kind": "Pod", "resource_name": "cart"},
        {"eventType": "violation_audited", "id": "2026-03-02T10:00:00Z", "constraintKind": "K8sLimits", "constraintName": "limits", "enforcementAction": "dryrun",
         "resourceNamespace": "shop", "resourceKind": "Pod", "resourceName": "cart"},
    ],
)  # fmt: skip
def test_audit_lines_of_both_spellings(tmp_path, line):
    found = read("opa", tmp_path, {"a.jsonl": [line]})
    assert columns(found["policy_results"], "policy", "rule", "resource", "as_of", "service_id", "result", "enforcement") == [
        ("K8sLimits", "limits", "shop/pod/cart", at(2026, 3, 2, 10), "cart", "fail", "audit")
    ]  # fmt: skip


def test_conftest(tmp_path):
    run = {
        "filename": "deploy.yaml", "namespace": "main", "successes": 3, "failures": [{"msg": "hush", "metadata": {"query": "data.main.deny"}}, {"msg": "hush"}],
        "warnings": [{"msg": "hush"}], "exceptions": [{"msg": "hush"}],
    }  # fmt: skip
    found = read("opa", tmp_path, {"c.json": [run, {"filename": "ok.yaml", "successes": 0}]})
    assert columns(found["policy_results"], "rule", "resource", "as_of", "result", "result_raw", "hatch_id") == [
        ("passed", "deploy.yaml", at(2026, 7, 1), "pass", "3", None), ("data.main.deny", "deploy.yaml", at(2026, 7, 1), "fail", "failures", None),
        ("failure 2", "deploy.yaml", at(2026, 7, 1), "fail", "failures", None), ("warning 1", "deploy.yaml", at(2026, 7, 1), "warn", "warnings", None),
        ("exception 1", "deploy.yaml", at(2026, 7, 1), "skip", "exceptions", "opa:main/deploy.yaml/1"),
    ]  # fmt: skip
    assert columns(found["escape_hatches"], "hatch_id", "uses") == [("opa:main/deploy.yaml/1", 1)]
    assert "hush" not in repr(found)


def test_several_findings_of_one_rule_are_as_many(tmp_path):
    deny = {"msg": "hush", "metadata": {"query": "data.main.deny"}}
    run = {"filename": "all.yaml", "namespace": "main", "successes": 0, "failures": [deny, deny, deny]}
    found = read("opa", tmp_path, {"c.json": [run, {**run, "filename": "one.yaml", "failures": [deny]}]})
    assert columns(found["policy_results"], "rule", "resource") == [
        ("data.main.deny", "all.yaml"), ("data.main.deny", "all.yaml#2"), ("data.main.deny", "all.yaml#3"), ("data.main.deny", "one.yaml"),
    ]  # fmt: skip
    assert found.dropped == {}


def test_empty_and_wrong_files(tmp_path):
    assert read("opa", tmp_path, {"x.json": []}).warnings == ["the file holds no documents"]
    with pytest.raises(SourceError, match="It looks like a policy exception of Kyverno"):
        read("opa", tmp_path, {"k.json": {"apiVersion": "kyverno.io/v2", "kind": "PolicyException", "metadata": {}}})


@pytest.fixture(scope="module")
def real(cases):
    folder = cases / "sources" / "opa"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    return folder


def test_the_reference_constraint(real, tmp_path):
    found = read("opa", tmp_path, [real / "gatekeeper_constraint_status.yaml"])
    assert {row["resource"].split("/")[1] for row in found["policy_results"]} == {
        "default",
        "gatekeeper-system",
        "kube-public",
        "kube-system",
    }
    assert {(row["enforcement"], row["as_of"]) for row in found["policy_results"]} == {
        ("deny", at(2019, 5, 11, 1, 46, 13))
    }
    assert not found.truncated


def test_the_other_reference_files(real, tmp_path):
    audit = read("opa", tmp_path, [real / "gatekeeper_audit_log.jsonl"])["policy_results"]
    assert columns(audit, "as_of", "result") == [(at(2021, 9, 29, 4, 17, 47), "fail")]
    decisions = read("opa", tmp_path, [real / "decision_log_console.jsonl"])
    assert columns(decisions["policy_results"], "policy", "rule", "result", "as_of") == [
        ("http/example/authz", "allow", "pass", at(2018, 1, 1)),
        ("system", "main", "pass", at(2019, 6, 3, 20, 7, 16).replace(microsecond=939402)),
    ]
    conftest = read("opa", tmp_path, [real / "constructed_conftest_output.json"])
    assert {row["result"] for row in conftest["policy_results"]} == {"pass", "fail", "warn", "skip"}
    assert len(conftest["escape_hatches"]) == 1
