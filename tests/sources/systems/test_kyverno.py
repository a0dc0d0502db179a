"""Kyverno: reports of three API groups, exceptions of two."""

from __future__ import annotations

import pytest
from reading import at, columns, read, written

from idp_analytics import sources
from idp_analytics.errors import SourceError
from idp_analytics.sources.over_time import UNDATED
from idp_analytics.tables.pseudonyms import pseudonym


def report(*results, group="wgpolicyk8s.io/v1alpha2", kind="PolicyReport", labels=None, scope=True, **more):
    about = {
        "name": "r1",
        "namespace": "shop",
        "labels": labels or {},
        "ownerReferences": [{"kind": "Deployment", "name": "owner"}],
    }
    place = {"scope": {"kind": "Deployment", "namespace": "shop", "name": "cart"}} if scope else {}
    return {"apiVersion": group, "kind": kind, "metadata": about, "results": list(results), **place, **more}


def result(verdict="fail", rule="autogen-limits", **more):
    return {
        "policy": "limits",
        "rule": rule,
        "result": verdict,
        "severity": "high",
        "source": "kyverno",
        "message": "hush",
        **more,
    }


def test_a_result(tmp_path):
    labels = {"app.kubernetes.io/name": "shop"}
    found = read(
        "kyverno",
        tmp_path,
        {"r.json": {"kind": "List", "apiVersion": "v1", "items": [report(result(), labels=labels)]}},
    )
    (row,) = found["policy_results"]
    wanted = {
        "policy": "limits", "rule": "limits", "resource": "shop/deployment/cart", "as_of": at(2026, 7, 1), "engine": "kyverno", "service_id": "shop", "result": "fail",
        "result_raw": "fail", "enforcement": None, "severity": "high", "hatch_id": None,
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    assert found.truncated == {"policy_results"}
    assert "what was denied at admission is in no report: failures are a lower bound" in found.warnings
    assert "hush" not in repr(found)


def test_results_of_no_known_day_are_left_out_and_said(tmp_path):
    told = report(result(timestamp={"seconds": 1767225600, "nanos": 0}), result(rule="other"))
    path = written(tmp_path, "r.json", [told])
    (extract,) = sources.read("kyverno", [path], {}, tmp_path)
    assert (extract.frame.height, extract.rows_in, extract.dropped) == (1, 2, {UNDATED: 1})


@pytest.mark.parametrize(
    "group",
    ["wgpolicyk8s.io/v1alpha2", "wgpolicyk8s.io/v1beta1", "reports.x-k8s.io/v1beta2", "openreports.io/v1alpha1"],
)
def test_every_api_group(tmp_path, group):
    found = read(
        "kyverno",
        tmp_path,
        {
            "r.json": report(
                result(timestamp={"seconds": 1772445600, "nanos": -5}),
                group=group,
                kind="ClusterPolicyReport" if "beta" in group else "Report",
            )
        },
    )
    assert columns(found["policy_results"], "as_of") == [(at(2026, 3, 2, 10),)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("autogen-limits", "limits"), ("autogen-cronjob-limits", "limits"), ("limits", "limits"), (None, "policy")],
)
def test_rules_made_for_controllers_are_the_pods_rule(tmp_path, rule, expected):
    assert columns(read("kyverno", tmp_path, {"r.json": report(result(rule=rule))})["policy_results"], "rule") == [
        (expected,)
    ]


@pytest.mark.parametrize(
    ("verdict", "expected"), [("pass", "pass"), ("warn", "warn"), ("error", "error"), ("skip", "skip"), ("odd", None)]
)
def test_verdicts(tmp_path, verdict, expected):
    assert columns(
        read("kyverno", tmp_path, {"r.json": report(result(verdict))})["policy_results"], "result", "result_raw"
    ) == [(expected, verdict)]


def test_other_scanners_and_results_without_verdict_are_left_out(tmp_path):
    results = [
        result(source="Trivy Vulnerability"),
        result(verdict=None),
        {**result(), "policy": ""},
        result(source="ValidatingAdmissionPolicy"),
        {**result(rule="b"), "source": None},
    ]
    found = read("kyverno", tmp_path, {"r.json": report(*results)})
    assert found.dropped == {"is by another scanner (Trivy Vulnerability)": 1, "names no policy or no verdict": 2}
    assert len(found["policy_results"]) == 2


def test_what_was_judged_is_named_by_the_result_the_scope_or_the_owner(tmp_path):
    own = result(resources=[{"kind": "Pod", "name": "p1", "namespace": "shop"}, {"kind": "Pod", "name": "p2"}])
    found = read("kyverno", tmp_path, {"r.json": [report(own), report(result(), scope=False)]})
    assert [row["resource"] for row in found["policy_results"]] == ["shop/pod/p1", "pod/p2", "deployment/owner"]


def test_a_deployment_is_judged_once(tmp_path):
    names = [("Deployment", "cart"), ("ReplicaSet", "cart-7d9f"), ("Pod", "cart-7d9f-x2"), ("Pod", "lone-7d9f-x2"), ("CronJob", "tidy"), ("Job", "tidy-28"), ("Pod", "tidy-28-ab")]  # fmt: skip
    reports = [report(result(), scope=False) for _ in names]
    for one, (kind, name) in zip(reports, names, strict=True):
        one["scope"] = {"kind": kind, "name": name, "namespace": "shop"}
    elsewhere = report(result(), scope=False)
    elsewhere["scope"] = {"kind": "Pod", "name": "cart-7d9f-x2", "namespace": "other"}
    another = report(result(rule="another"), scope=False)
    another["scope"] = {"kind": "Pod", "name": "cart-7d9f-x2", "namespace": "shop"}
    found = read("kyverno", tmp_path, {"r.json": [*reports, elsewhere, another]})
    assert columns(found["policy_results"], "resource", "rule") == [
        ("shop/deployment/cart", "limits"), ("shop/pod/lone-7d9f-x2", "limits"), ("shop/cronjob/tidy", "limits"), ("other/pod/cart-7d9f-x2", "limits"), ("shop/pod/cart-7d9f-x2", "another"),
    ]  # fmt: skip
    assert found.dropped == {"is judged on its owner as well (Deployment, CronJob, …)": 4}


def test_a_report_says_its_scanner_where_its_results_do_not(tmp_path):
    plain = {name: value for name, value in result().items() if name != "source"}
    found = read("kyverno", tmp_path, {"r.json": [report(plain, source="kube-bench"), report(result(rule="b", source="KyvernoImageValidatingPolicy"))]})  # fmt: skip
    assert columns(found["policy_results"], "rule") == [("b",)]
    assert found.dropped == {"is by another scanner (kube-bench)": 1}


def exception(name="ex", version="policies.kyverno.io/v1", spec=None, **about):
    return {
        "apiVersion": version,
        "kind": "PolicyException",
        "metadata": {"name": name, "creationTimestamp": "2026-01-05T10:00:00Z", **about},
        "spec": spec or {},
    }


def test_a_new_exception_and_its_use(tmp_path):
    spec = {
        "policyRefs": [{"name": "limits"}, {"name": "labels"}],
        "expiresAt": "2026-12-01T00:00:00Z",
        "properties": {"reason": "vendor image", "approved-by": "joe", "requested-by": "jane"},
    }
    skipped = report(
        result("skip", properties={"exceptions": "other, ex"}),
        result("skip", rule="x", properties={"exceptions": "other"}),
    )
    found = read("kyverno", tmp_path, {"e.json": exception(spec=spec), "r.json": skipped})
    (row,) = found["escape_hatches"]
    wanted = {
        "hatch_id": "kyverno:ex", "kind": "exception", "policy": "limits, labels", "requestor_id": pseudonym("jane"), "approver_id": pseudonym("joe"), "opened_at": at(2026, 1, 5, 10),
        "expires_at": at(2026, 12, 1), "closed_at": None, "reason": "vendor image", "uses": 1,
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    assert columns(found["policy_results"], "hatch_id") == [("kyverno:other",), ("kyverno:other",)]


def test_an_old_exception_says_what_its_annotations_say(tmp_path):
    notes = {"acme.invalid/reason": "legacy", "acme.invalid/expires-at": "2026-09-01T00:00:00Z"}
    old = exception(
        version="kyverno.io/v2",
        spec={"exceptions": [{"policyName": "limits", "ruleNames": ["a", "b"]}]},
        annotations=notes,
    )
    (row,) = read("kyverno", tmp_path, {"e.json": [old]})["escape_hatches"]
    assert (row["policy"], row["reason"], row["expires_at"], row["uses"]) == ("limits", "legacy", at(2026, 9, 1), None)


def test_exceptions_of_one_name_are_told_apart_by_namespace(tmp_path):
    skipped = report(
        result("skip", properties={"exceptions": "ex"}, resources=[{"kind": "Pod", "name": "p", "namespace": "b"}]),
        result("skip", properties={"exceptions": "ex"}, resources=[{"kind": "Pod", "name": "p", "namespace": "c"}]),
        result("skip", rule="x", properties={"exceptions": "only"}),
    )
    exceptions = [exception(namespace="a"), exception(namespace="b"), exception("only", namespace="a")]
    found = read("kyverno", tmp_path, {"e.json": exceptions, "r.json": skipped})
    assert columns(found["escape_hatches"], "hatch_id", "uses") == [
        ("kyverno:a/ex", 0),
        ("kyverno:b/ex", 1),
        ("kyverno:only", 1),
    ]
    assert columns(found["policy_results"], "hatch_id") == [("kyverno:b/ex",), (None,), ("kyverno:only",)]


def test_an_exception_that_is_gone_is_closed_even_if_it_was_the_last(tmp_path):
    listed = {"apiVersion": "v1", "kind": "List", "items": []}
    found = read("kyverno", tmp_path, {
        "snapshots/k/20260301T060000Z-000000000000-e.json": {**listed, "items": [exception(), exception("other")]},
        "snapshots/k/20260401T060000Z-111111111111-e.json": {**listed, "items": [exception("other")]},
        "snapshots/k/20260501T060000Z-222222222222-e.json": {**listed, "metadata": {"continue": "x"}},
        "snapshots/k/20260601T060000Z-333333333333-e.json": listed,
    })  # fmt: skip
    assert columns(found["escape_hatches"], "hatch_id", "closed_at") == [
        ("kyverno:ex", at(2026, 4, 1, 6)),
        ("kyverno:other", at(2026, 6, 1, 6)),
    ]


def test_each_snapshot_is_a_day_of_its_own(tmp_path):
    found = read("kyverno", tmp_path, {
        "snapshots/k/20260301T060000Z-000000000000-r.json": report(result()), "snapshots/k/20260401T060000Z-111111111111-r.json": report(result("pass")),
    })  # fmt: skip
    assert columns(found["policy_results"], "as_of", "result") == [
        (at(2026, 3, 1, 6), "fail"),
        (at(2026, 4, 1, 6), "pass"),
    ]


def test_pages_empty_and_wrong_files(tmp_path):
    page = {"kind": "List", "apiVersion": "v1", "metadata": {"continue": "x"}, "items": [exception()]}
    assert read("kyverno", tmp_path, {"e.json": page}).truncated == {"escape_hatches"}
    assert read("kyverno", tmp_path, {"x.json": []}).warnings == ["the file holds no documents"]
    with pytest.raises(SourceError, match="It looks like a Gatekeeper constraint of OPA, Gatekeeper and Conftest"):
        read(
            "kyverno",
            tmp_path,
            {"g.json": {"apiVersion": "constraints.gatekeeper.sh/v1beta1", "kind": "X", "metadata": {}}},
        )


@pytest.fixture(scope="module")
def real(cases):
    folder = cases / "sources" / "kyverno"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    return folder


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (
            "policyreport_fail.yaml",
            ("disallow-latest-tag", "validate-image-tag-pod", "deployment/test-dpl-1", "fail", None),
        ),
        ("clusterpolicyreport_pass.yaml", ("require-owner", "check-owner", "namespace/bar", "pass", None)),
        (
            "policyreport_exception_skip.yaml",
            ("require-labels", "require-team", "configmap/emergency", "skip", "kyverno:mynewpolex"),
        ),
    ],
)
def test_the_reference_reports(real, tmp_path, file, expected):
    assert columns(
        read("kyverno", tmp_path, [real / file])["policy_results"], "policy", "rule", "resource", "result", "hatch_id"
    ) == [expected]


def test_the_other_reference_files(real, tmp_path):
    (row,) = read("kyverno", tmp_path, [real / "policyreport_v1beta1_timestamp.yaml"])["policy_results"]
    assert row["as_of"].year == 2023
    (hatch,) = read("kyverno", tmp_path, [real / "policyexception_v2.yaml"])["escape_hatches"]
    assert columns([hatch], "hatch_id", "policy", "expires_at") == [
        ("kyverno:delta-exception", "disallow-host-namespaces", None)
    ]
