"""Flux: what a history keeps and folds, what events add, and what is suspended."""

from __future__ import annotations

import pytest
from reading import at, columns, read

from idp_analytics.errors import SourceError
from idp_analytics.sources.systems import flux

A, B, C = "a" * 40, "b" * 40, "c" * 40
WELL, ILL = "ReconciliationSucceeded", "HealthCheckFailed"
SUITE = "kustomize.toolkit.fluxcd.io"


def entry(revision, first, last, status=WELL, digest=None, **more):
    """``first`` and ``last``: hours of one day."""
    return {
        "digest": f"sha256:{digest or revision}", "firstReconciled": f"2026-03-01T{first:02d}:00:00Z", "lastReconciled": f"2026-03-01T{last:02d}:30:00Z",
        "lastReconciledDuration": "1m3s", "lastReconciledStatus": status, "totalReconciliations": 120, "metadata": {"revision": f"main@sha1:{revision}"}, **more,
    }  # fmt: skip


def kustomization(*history, name="shop-prod", labels=None, spec=None, status=None, managed=()):
    return {
        "apiVersion": f"{SUITE}/v1", "kind": "Kustomization",
        "metadata": {"name": name, "namespace": "apps", "labels": labels or {}, "creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": list(managed)},
        "spec": {"path": "./apps/shop", "sourceRef": {"kind": "GitRepository", "name": "fleet"}, **(spec or {})},
        "status": {"history": list(history), **(status or {})},
    }  # fmt: skip


def released(version, chart, day, status="superseded", action="upgrade", config="sha256:1"):
    return {
        "name": "shop", "namespace": "apps", "version": version, "chartName": "web", "chartVersion": chart, "configDigest": config, "status": status,
        "action": action, "firstDeployed": "2026-03-01T10:00:00Z", "lastDeployed": f"2026-03-{day:02d}T10:00:00Z", "deleted": "0001-01-01T00:00:00Z",
    }  # fmt: skip


def release(*history, spec=None, status=None):
    return {
        "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": "shop", "namespace": "apps"},
        "spec": {"chart": {"spec": {"chart": "web", "version": "6.x"}}, **(spec or {})}, "status": {"history": list(history), **(status or {})},
    }  # fmt: skip


def event(reason, minute, revision=f"main@sha1:{A}", kind="Kustomization", name="shop-prod", group=SUITE, **more):
    return {
        "involvedObject": {"apiVersion": f"{group}/v1", "kind": kind, "name": name, "namespace": "apps"}, "metadata": {f"{group}/revision": revision},
        "severity": "error" if reason.endswith("Failed") else "info", "reason": reason, "message": "x", "timestamp": f"2026-03-01T10:{minute:02d}:00Z", **more,
    }  # fmt: skip


def deployed(tmp_path, *documents, **options):
    return read("flux", tmp_path, {"flux.json": list(documents)}, tables=["deployments"], **options)


def test_an_entry_with_all_it_says(tmp_path):
    options = {"service_pattern": "(.+)-prod", "environments": {"live-.+": "production"}}
    found = deployed(tmp_path, kustomization(entry(A, 9, 12), spec={"targetNamespace": "live-eu"}), **options)
    (row,) = found["deployments"]
    wanted = {
        "deployment_id": f"flux:Kustomization/apps/shop-prod/sha256:{A}/{WELL}/2026-03-01T09:00:00Z", "service_id": "shop", "environment": "production",
        "environment_raw": "live-eu", "version": None, "sha": A, "kind": "application", "queued_at": None, "started_at": None,
        "finished_at": at(2026, 3, 1, 9), "outcome": "success", "outcome_raw": WELL, "is_rollback": False, "is_resync": False, "initiated_by": None,
        "automated": True, "golden_path_id": None,
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    assert found.truncated == set()


def test_a_full_history_has_forgotten_some(tmp_path):
    found = deployed(tmp_path, kustomization(*(entry(f"{n}" * 40, 20 - n, 20 - n) for n in range(5))))
    assert len(found["deployments"]) == 5
    assert found.truncated == {"deployments"}


def test_what_was_put_back_is_deployed_twice(tmp_path):
    found = deployed(tmp_path, kustomization(entry(A, 9, 14), entry(B, 11, 12)))
    assert columns(found["deployments"], "sha", "finished_at", "is_rollback") == [
        (A, at(2026, 3, 1, 9), False),
        (A, at(2026, 3, 1, 12, 30), True),
        (B, at(2026, 3, 1, 11), False),
    ]
    assert any("a rollback does not say when it began" in sentence for sentence in found.warnings)


def test_what_followed_at_once_was_not_put_back(tmp_path):
    found = deployed(tmp_path, kustomization(entry(B, 13, 14), entry(A, 9, 12)))
    assert columns(found["deployments"], "sha", "is_rollback") == [(B, False), (A, False)]


def test_illness_of_what_runs_is_no_deployment_of_anything_new(tmp_path):
    ill = kustomization(entry(A, 9, 14), entry(A, 11, 11, ILL))
    assert columns(deployed(tmp_path, ill)["deployments"], "outcome", "is_rollback", "is_resync") == [
        ("success", False, False),
        ("failure", False, True),
    ]


def test_what_failed_and_then_went_well_did_both(tmp_path):
    found = deployed(tmp_path, kustomization(entry(A, 10, 14), entry(A, 9, 9, ILL)))["deployments"]
    assert columns(found, "outcome", "is_resync") == [("success", False), ("failure", False)]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("ReconciliationSucceeded", "success"),
        ("HealthCheckFailed", "failure"),
        ("BuildFailed", "failure"),
        ("failure", "failure"),
        ("Odd", None),
    ],
)
def test_outcomes_of_a_reconciliation(tmp_path, status, outcome):
    (row,) = deployed(tmp_path, kustomization(entry(A, 9, 9, status)))["deployments"]
    assert (row["outcome"], row["outcome_raw"]) == (outcome, status)


def test_an_unknown_outcome_is_said(tmp_path):
    assert any("Odd" in said for said in deployed(tmp_path, kustomization(entry(A, 9, 9, "Odd"))).warnings)


@pytest.mark.parametrize(
    ("revision", "kind", "sha", "version"),
    [
        (f"main@sha1:{A}", "GitRepository", A, None),
        (f"main/{A}", "GitRepository", A, None),
        (f"refs/heads/release/1@sha1:{A}", "GitRepository", A, None),
        (f"v1.2.0@sha1:{A}", "GitRepository", A, "v1.2.0"),
        (f"main@sha256:{'a' * 64}", "GitRepository", "a" * 64, None),
        (f"6.5.0@sha256:{'a' * 64}", "OCIRepository", None, "6.5.0"),
        (f"latest@sha256:{'a' * 64}", "OCIRepository", None, None),
        (A, "GitRepository", A, None),
        ("abc123", "GitRepository", None, "abc123"),
    ],
)
def test_revisions(tmp_path, revision, kind, sha, version):
    one = kustomization(
        entry(A, 9, 9, metadata={"revision": revision}), spec={"sourceRef": {"kind": kind, "name": "x"}}
    )
    assert columns(deployed(tmp_path, one)["deployments"], "sha", "version") == [(sha, version)]


def test_the_commit_an_artifact_was_made_from(tmp_path):
    both = {"revision": f"6.5.0@sha256:{'f' * 64}", "originRevision": f"main@sha1:{A}"}
    one = kustomization(entry(A, 9, 9, metadata=both), spec={"sourceRef": {"kind": "OCIRepository", "name": "x"}})
    assert columns(deployed(tmp_path, one)["deployments"], "sha", "version") == [(A, "6.5.0")]


def test_releases_are_dated_by_their_last_deployment(tmp_path):
    found = deployed(tmp_path, release(released(2, "6.6.1", 4, "deployed"), released(1, "6.6.0", 1, action="install")))
    assert columns(found["deployments"], "deployment_id", "version", "finished_at", "outcome", "golden_path_id") == [
        ("flux:HelmRelease/apps/shop/2/2026-03-04T10:00:00Z", "6.6.1", at(2026, 3, 4, 10), "success", "web"),
        ("flux:HelmRelease/apps/shop/1/2026-03-01T10:00:00Z", "6.6.0", at(2026, 3, 1, 10), "success", "web"),
    ]
    assert found.truncated == set()


def test_a_release_history_without_its_first_has_forgotten_some(tmp_path):
    assert deployed(tmp_path, release(released(7, "6.6.1", 4, "deployed"))).truncated == {"deployments"}


@pytest.mark.parametrize(
    ("status", "outcome", "ended"),
    [("failed", "failure", True), ("uninstalled", None, True), ("pending-upgrade", None, False), ("odd", None, True)],
)
def test_outcomes_of_a_release(tmp_path, status, outcome, ended):
    (row,) = deployed(tmp_path, release(released(1, "6.6.1", 4, status)))["deployments"]
    assert (row["outcome"], row["outcome_raw"], row["finished_at"] is not None) == (outcome, status, ended)


def test_rollbacks_and_repetitions_of_releases(tmp_path):
    history = [
        released(5, "6.6.0", 5, "deployed", "rollback"), released(4, "6.6.1", 4, "failed", config="sha256:2"), released(3, "6.6.1", 3, config="sha256:1"),
        released(2, "6.6.1", 2, config="sha256:1"), released(1, "6.6.1", 1, "failed", "install", config="sha256:1"),
    ]  # fmt: skip
    assert columns(deployed(tmp_path, release(*history))["deployments"], "is_rollback", "is_resync") == [
        (True, False),
        (False, False),
        (False, True),
        (False, False),
        (False, False),
    ]


def ready(status, reason, when="2026-03-01T09:00:00Z"):
    return {"conditions": [{"type": "Ready", "status": status, "reason": reason, "lastTransitionTime": when}]}


@pytest.mark.parametrize(
    ("condition", "tried", "wanted"),
    [
        (ready("True", WELL), A, (A, "success", None, at(2026, 3, 1, 9))),
        (ready("False", "BuildFailed"), B, (B, "failure", None, at(2026, 3, 1, 9))),
        (ready("Unknown", "Progressing"), B, (B, None, at(2026, 3, 1, 9), None)),
    ],
)
def test_an_object_without_history_tells_one(tmp_path, condition, tried, wanted):
    status = {**condition, "lastAppliedRevision": f"main@sha1:{A}", "lastAttemptedRevision": f"main@sha1:{tried}"}
    found = deployed(tmp_path, kustomization(status=status))
    assert columns(found["deployments"], "sha", "outcome", "started_at", "finished_at") == [wanted]
    assert found.truncated == {"deployments"}


def test_an_event_with_all_it_says(tmp_path):
    found = deployed(tmp_path, event("ValidationFailed", 7), environments={"apps": "production"})
    (row,) = found["deployments"]
    wanted = {
        "deployment_id": f"flux:Kustomization/apps/shop-prod/main@sha1:{A}/2026-03-01T10:07:00Z", "service_id": "shop-prod", "environment": "production",
        "environment_raw": "apps", "sha": A, "finished_at": at(2026, 3, 1, 10, 7), "outcome": "failure", "outcome_raw": "ValidationFailed",
        "is_rollback": False, "automated": True,
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    assert found.truncated == {"deployments"}


def test_tries_of_one_revision_are_one_deployment(tmp_path):
    tries = [event("BuildFailed", minute) for minute in (20, 10, 15)]
    found = deployed(tmp_path, *tries, event(WELL, 30), event(WELL, 40), event("BuildFailed", 50))
    assert columns(found["deployments"], "finished_at", "outcome") == [
        (at(2026, 3, 1, 10, 10), "failure"),
        (at(2026, 3, 1, 10, 30), "success"),
        (at(2026, 3, 1, 10, 50), "failure"),
    ]
    assert found.dropped == {"is the same try again, or the same event": 3}


def test_events_that_tell_no_outcome(tmp_path):
    found = deployed(tmp_path, event("Progressing", 1), event("DependencyNotReady", 2, severity="error"))
    assert found["deployments"] == []
    assert found.dropped == {"is an event that tells no outcome": 2}


def test_events_of_sources_are_not_deployments(tmp_path):
    failed = event("BuildFailed", 1, kind="GitRepository", group="source.toolkit.fluxcd.io")
    found = deployed(tmp_path, failed, event(WELL, 2))
    assert columns(found["deployments"], "outcome") == [("success",)]


def test_an_event_that_the_history_tells_too(tmp_path):
    one = kustomization(entry(A, 9, 12), labels={"app.kubernetes.io/part-of": "shop"})
    found = deployed(tmp_path, one, event(WELL, 0), event("BuildFailed", 5, f"main@sha1:{B}"))
    assert columns(found["deployments"], "service_id", "sha", "outcome") == [
        ("shop", A, "success"),
        ("shop", B, "failure"),
    ]
    assert found.dropped == {"is told by the object's history too": 1}


def test_events_of_a_release_match_by_time(tmp_path):
    helm = {"kind": "HelmRelease", "group": "helm.toolkit.fluxcd.io", "name": "shop"}
    found = deployed(
        tmp_path, release(released(1, "6.6.0", 1, "deployed")), event("UpgradeSucceeded", 1, "6.6.0", **helm),
        event("UpgradeSucceeded", 1, "6.6.0", **helm, timestamp="2026-03-02T10:00:00Z"),
        event("UpgradeFailed", 1, "6.6.1", **helm, message="admission webhook denied the request", timestamp="2026-03-03T10:00:00Z"),
    )  # fmt: skip
    assert columns(found["deployments"], "version", "outcome", "finished_at") == [
        ("6.6.0", "success", at(2026, 3, 1, 10)),
        ("6.6.0", "success", at(2026, 3, 2, 10)),
        ("6.6.1", "failure", at(2026, 3, 3, 10)),
    ]


def test_kubernetes_events(tmp_path):
    one = {
        **event(WELL, 0), "type": "Normal", "metadata": {"name": "x", "annotations": {f"{SUITE}/revision": f"main@sha1:{A}"}},
        "timestamp": None, "firstTimestamp": "2026-03-01T08:00:00Z", "lastTimestamp": "2026-03-01T09:00:00Z", "count": 9,
    }  # fmt: skip
    found = read("flux", tmp_path, {"events.json": {"apiVersion": "v1", "kind": "List", "items": [one]}})
    assert columns(found["deployments"], "sha", "finished_at") == [(A, at(2026, 3, 1, 8))]


def test_paths_in_use(tmp_path):
    on_path = kustomization(entry(A, 9, 9), status={"lastAppliedRevision": f"v2.1.0@sha1:{A}"})
    charts = release(released(3, "6.6.2+oci", 3, "failed"), released(2, "6.6.1+oci", 2, "deployed"))
    options = {"golden_paths": {"web": "chart", "fleet/apps/.+": "fleet"}}
    found = read("flux", tmp_path, {"flux.json": [on_path, charts]}, tables=["service_golden_path"], **options)
    assert columns(found["service_golden_path"], "service_id", "golden_path_id", "version", "evidence", "drift") == [
        ("shop-prod", "fleet", "v2.1.0", "uses", "unknown"),
        ("shop", "chart", "6.6.1", "uses", "unknown"),
    ]


_HEX, _LONG = "0a1b2c3d4e" * 4, "0a1b2c3d4e5f6789" * 4


@pytest.mark.parametrize(
    ("revision", "told"),
    [
        (f"main@sha1:{_HEX}", (None, "sha1", _HEX)),
        (f"v1.2.3@sha1:{_HEX}", ("v1.2.3", "sha1", _HEX)),
        (f"a@sha1:v1.0@sha1:{_HEX}", (None, "sha1", _HEX)),
        (f"1.0@sha256:{_LONG}", ("1.0", "sha256", _LONG)),
        (f"1.0@sha1:{_LONG}", ("1.0", "sha1", _LONG)),
        (f"main/{_HEX}", (None, None, _HEX)),
        (f"sha1:{_HEX}", (None, "sha1", _HEX)),
        (f"@sha1:{_HEX}", (f"@sha1:{_HEX}", None, None)),
        (f"main@sha1:{_HEX.upper()}", (f"main@sha1:{_HEX.upper()}", None, None)),
        (f"two\nlines@sha1:{_HEX}", (f"two\nlines@sha1:{_HEX}", None, None)),
        (f"main@sha1:{_HEX[:-1]}g", (f"main@sha1:{_HEX[:-1]}g", None, None)),
        ("1.2.3", ("1.2.3", None, None)),
        ("", (None, None, None)),
    ],
)
def test_a_revision_is_a_version_a_kind_of_hash_and_its_digits(revision, told):
    assert flux._parts(revision) == told


def test_a_branch_is_no_version_of_a_path(tmp_path):
    one = kustomization(status={"lastAppliedRevision": f"main@sha1:{A}"})
    found = read(
        "flux", tmp_path, {"flux.json": one}, tables=["service_golden_path"], golden_paths={"fleet/.+": "fleet"}
    )
    assert columns(found["service_golden_path"], "golden_path_id", "version") == [("fleet", None)]


SUSPENDED = {"manager": "flux", "time": "2026-03-05T09:00:00Z", "fieldsV1": {"f:spec": {"f:suspend": {}}}}


def test_suspensions(tmp_path):
    held = kustomization(spec={"suspend": True}, managed=[SUSPENDED])
    files = {
        "snapshots/flux/20260306T000000Z-000000000001-flux.json": [held, kustomization(name="other")],
        "snapshots/flux/20260307T000000Z-000000000002-flux.json": [held],
        "snapshots/flux/20260308T000000Z-000000000003-flux.json": [kustomization(spec={"suspend": False})],
    }
    (row,) = read("flux", tmp_path, files, tables=["escape_hatches"])["escape_hatches"]
    wanted = {
        "hatch_id": "flux:Kustomization/apps/shop-prod/suspend/2026-03-05T09:00:00Z", "kind": "suspend", "policy": "reconciliation",
        "service_id": "shop-prod", "opened_at": at(2026, 3, 5, 9), "closed_at": at(2026, 3, 8), "expires_at": None, "reason": "suspended",
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted


def test_since_when_it_is_suspended_is_not_guessed(tmp_path):
    found = read("flux", tmp_path, {"flux.json": kustomization(spec={"suspend": True})})
    assert columns(found["escape_hatches"], "opened_at", "closed_at") == [(None, None)]


def test_nothing_missing_is_fatal(tmp_path):
    bare = {
        "apiVersion": f"{SUITE}/v1",
        "kind": "Kustomization",
        "metadata": {"name": "x"},
        "status": {"history": [{}]},
    }
    nothing = {"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease"}
    found = deployed(tmp_path, bare, nothing, event(WELL, 1, metadata=None, timestamp=None))
    assert columns(found["deployments"], "service_id", "outcome", "finished_at") == [
        ("x", None, None),
        ("shop-prod", "success", None),
    ]


def test_pages_and_empty_files(tmp_path):
    page = {
        "apiVersion": "v1",
        "kind": "List",
        "metadata": {"continue": "token"},
        "items": [kustomization(entry(A, 9, 9))],
    }
    assert read("flux", tmp_path, {"a.json": page}, tables=["escape_hatches"]).truncated == {"escape_hatches"}
    assert read("flux", tmp_path, {"b.json": []}).warnings == ["the file holds no documents"]
    empty = {"apiVersion": "v1", "kind": "List", "metadata": {}, "items": []}
    assert read("flux", tmp_path, {"c.json": empty}).warnings == ["the file holds no documents"]


def test_another_systems_file(tmp_path):
    with pytest.raises(SourceError, match="It looks like an Application of Argo CD"):
        read("flux", tmp_path, {"x.json": [{"kind": "Application", "apiVersion": "argoproj.io/v1alpha1"}]})


# --- reference cases --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(cases):
    folder = cases / "sources" / "flux"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    return folder


def test_kustomizations_one_of_which_has_a_history(real, tmp_path):
    found = read("flux", tmp_path, [real / "kustomizations_with_history.yaml"])
    assert columns(found["deployments"], "service_id", "version", "outcome") == [
        ("test-with-history", "abc123", "success"),
        ("test-with-history", "xyz789", "failure"),
    ]
    assert found.dropped == {
        f"is a document of kind {kind}, which is not read": 1 for kind in ("Namespace", "ConfigMap", "Secret")
    }


def test_objects_from_before_there_was_a_history(real, tmp_path):
    found = read("flux", tmp_path, [real / "trace_helmrelease_gitrepository.yaml"])
    assert sorted(columns(found["deployments"], "service_id", "sha", "version", "finished_at")) == [
        ("infrastructure", "696f056df216eea4f9401adbee0ff744d4df390f", None, at(2021, 8, 1, 4, 52, 56)),
        ("podinfo", None, "6.3.5", at(2021, 7, 16, 15, 42, 20)),
    ]
    assert found.truncated == {"deployments"}
    assert "objects without a history tell only what they last applied" in found.warnings


def test_a_release_and_its_install(real, tmp_path):
    found = read("flux", tmp_path, [real / "helmrelease_history_docs.yaml"])
    assert columns(found["deployments"], "version", "outcome", "outcome_raw", "finished_at") == [
        ("6.6.1+0cc9a8446c95", "success", "deployed", at(2024, 5, 7, 4, 54, 55)),
        ("6.6.0+cdd538a0167e", "success", "superseded", at(2024, 5, 7, 4, 54, 21)),
    ]
    assert columns(found["service_golden_path"], "golden_path_id", "version") == [("podinfo", "6.6.1")]


def test_an_event_of_a_failure(real, tmp_path):
    (row,) = read("flux", tmp_path, [real / "event_validation_failed.json"])["deployments"]
    assert (row["service_id"], row["environment_raw"], row["outcome"], row["finished_at"]) == (
        "webapp", "apps", "failure", at(2022, 10, 28, 7, 26, 19),
    )  # fmt: skip
    assert row["sha"].startswith("731f7eaddfb6")
