"""Argo CD: what an Application remembers, what it forgets, and what a sync was."""

from __future__ import annotations

import pytest
from reading import at, columns, read

from idp_analytics.errors import SourceError
from idp_analytics.tables.pseudonyms import pseudonym

A, B, C = "a" * 40, "b" * 40, "c" * 40
GIT = {"repoURL": "https://git.example.invalid/acme/gitops.git", "path": "apps/shop", "targetRevision": "main"}


def sync(number, revision, day, **more):
    return {"id": number, "revision": revision, "deployedAt": f"2026-03-{day:02d}T10:00:21Z", "source": GIT, **more}


def app(
    name="shop-prod", history=(), operation=None, labels=None, annotations=None, spec=None, namespace="argocd", **more
):
    return {
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": "2026-01-01T00:00:00Z", "labels": labels or {}, "annotations": annotations or {}},
        "spec": {
            "project": "default", "source": GIT, "destination": {"server": "https://kubernetes.default.svc", "namespace": "prod"},
            "syncPolicy": {"automated": {}}, **(spec or {}),
        },
        "status": {"history": list(history), "operationState": operation}, **more,
    }  # fmt: skip


def deployed(tmp_path, *apps, **options):
    return read("argocd", tmp_path, {"apps.json": list(apps)}, tables=["deployments"], **options)


def test_a_sync_with_all_it_says(tmp_path):
    one = sync(0, A, 1, deployStartedAt="2026-03-01T10:00:00Z", initiatedBy={"username": "Jane"})
    options = {"service_pattern": "(.+)-prod", "environments": {".*/prod": "production"}}
    (row,) = deployed(tmp_path, app(history=[one]), **options)["deployments"]
    wanted = {
        "deployment_id": "argocd:argocd/shop-prod/0", "service_id": "shop", "environment": "production", "environment_raw": "in-cluster/prod",
        "version": None, "sha": A, "kind": "application", "queued_at": None, "started_at": at(2026, 3, 1, 10), "finished_at": at(2026, 3, 1, 10, 0, 21),
        "outcome": "success", "outcome_raw": "Succeeded", "is_rollback": False, "is_resync": False, "initiated_by": pseudonym("jane"),
        "automated": False, "golden_path_id": None,
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted


def test_resyncs_and_rollbacks_are_told_by_what_was_deployed(tmp_path):
    history = [sync(0, A, 1), sync(1, A, 2), sync(2, B, 3), sync(3, A, 4), sync(4, C, 5)]
    found = deployed(tmp_path, app(history=history))["deployments"]
    assert columns(found, "is_resync", "is_rollback") == [
        (False, False),
        (True, False),
        (False, False),
        (False, True),
        (False, False),
    ]


def test_the_same_commit_of_another_path_is_no_resync(tmp_path):
    history = [sync(0, A, 1), {**sync(1, A, 2), "source": {**GIT, "path": "apps/other"}}]
    assert columns(deployed(tmp_path, app(history=history))["deployments"], "is_resync") == [(False,), (False,)]


@pytest.mark.parametrize("number", [2**63, 2**64, 10**40, 10**15, -1, "1e3", "first"])
def test_a_sync_whose_id_is_no_count_is_set_aside_and_the_others_stay(tmp_path, number):
    found = deployed(
        tmp_path, app(history=[sync(0, A, 1), sync(number, B, 2), sync(1, A, 3)]), app("cart", [sync(7, C, 4)])
    )
    assert columns(found["deployments"], "deployment_id", "is_resync") == [
        ("argocd:argocd/shop-prod/0", False),
        ("argocd:argocd/shop-prod/1", True),
        ("argocd:argocd/cart/7", None),
    ]
    assert found.dropped == {"is a sync whose id is no number of at most 15 digits, which Argo CD counts them by": 1}


def test_the_greatest_number_that_syncs_are_counted_by_stays_what_it_is(tmp_path):
    found = deployed(tmp_path, app(history=[sync(10**15 - 2, A, 1), sync(10**15 - 1, A, 2)]))
    assert columns(found["deployments"], "deployment_id", "is_resync") == [
        ("argocd:argocd/shop-prod/999999999999998", None),
        ("argocd:argocd/shop-prod/999999999999999", True),
    ]


def test_what_came_before_the_oldest_is_not_known(tmp_path):
    found = deployed(tmp_path, app(history=[sync(7, A, 1), sync(8, A, 2), sync(9, B, 3)]))
    assert columns(found["deployments"], "is_resync", "is_rollback") == [(None, None), (True, False), (False, None)]
    assert found.truncated == {"deployments"}
    assert "7 sync(s) of 1 application(s) are forgotten: only the last ones are kept" in found.warnings


@pytest.mark.parametrize(
    ("phase", "outcome", "finished"), [("Failed", "failure", True), ("Error", "error", True), ("Running", None, False), ("Terminating", None, False), ("Odd", None, True)]
)  # fmt: skip
def test_the_newest_operation_counts_unless_it_succeeded(tmp_path, phase, outcome, finished):
    operation = {
        "phase": phase, "startedAt": "2026-03-09T08:00:00Z", "finishedAt": "2026-03-09T08:01:00Z" if finished else None, "retryCount": 5,
        "operation": {"initiatedBy": {"automated": True}}, "syncResult": {"revision": B},
    }  # fmt: skip
    found = deployed(tmp_path, app(history=[sync(0, A, 1)], operation=operation))
    row = found["deployments"][0] if found["deployments"][0]["sha"] == B else found["deployments"][1]
    assert len(found["deployments"]) == 2
    assert (row["deployment_id"], row["outcome"], row["outcome_raw"], row["automated"]) == (
        "argocd:argocd/shop-prod/operation/2026-03-09T08:00:00Z", outcome, phase, True,
    )  # fmt: skip
    assert row["finished_at"] == (at(2026, 3, 9, 8, 1) if finished else None)


def test_an_operation_that_succeeded_is_the_newest_of_the_history(tmp_path):
    operation = {"phase": "Succeeded", "startedAt": "2026-03-01T09:59:58Z", "finishedAt": "2026-03-01T10:00:21Z"}
    assert len(deployed(tmp_path, app(history=[sync(0, A, 1)], operation=operation))["deployments"]) == 1


def test_of_several_sources_the_commit_and_the_chart_are_told_apart(tmp_path):
    entry = {
        "id": 0, "revision": "", "revisions": ["3.2.1", B], "deployedAt": "2026-03-01T10:00:00Z",
        "sources": [{"repoURL": "https://charts.example.invalid", "chart": "base", "targetRevision": "3.2.1"}, GIT],
    }  # fmt: skip
    spec = {"source": None, "sources": entry["sources"], "destination": {"name": "eu", "namespace": "shop"}}
    found = read("argocd", tmp_path, {"apps.json": [app(history=[entry], spec=spec)]})
    (row,) = found["deployments"]
    assert (row["sha"], row["version"], row["golden_path_id"], row["environment_raw"]) == (
        B,
        "3.2.1",
        "base",
        "eu/shop",
    )
    (member,) = found["service_golden_path"]
    assert columns([member], "service_id", "golden_path_id", "version", "evidence", "drift") == [
        ("shop-prod", "base", "3.2.1", "uses", "unknown")
    ]


def test_only_paths_of_the_platform_count_where_the_settings_name_them(tmp_path):
    apps = {
        "apps.json": [
            app(
                spec={
                    "source": {"repoURL": "https://charts.example.invalid", "chart": "velero", "targetRevision": "1.0"}
                }
            ),
            app("b-prod"),
        ]
    }
    mine = {"https://git\\.example\\.invalid/acme/gitops\\.git/apps/.+": "gitops"}
    found = read("argocd", tmp_path, apps, golden_paths=mine)
    # A branch is no version.
    assert columns(found["service_golden_path"], "service_id", "golden_path_id", "version") == [
        ("b-prod", "gitops", None)
    ]


def test_automated_sync_that_is_off_is_an_escape_hatch(tmp_path):
    apps = {
        "apps.json": [
            app(),
            app("b-prod", spec={"syncPolicy": {}}),
            app("c-prod", spec={"syncPolicy": None}),
            app("d-prod", spec={"syncPolicy": {"automated": {"enabled": False}}}),
            app("e-prod", spec={"syncPolicy": {"automated": {"enabled": True}}}),
        ]
    }
    found = read("argocd", tmp_path, apps)["escape_hatches"]
    assert columns(found, "hatch_id", "kind", "service_id", "opened_at") == [
        ("argocd:argocd/b-prod/manual", "manual", "b-prod", None), ("argocd:argocd/c-prod/manual", "manual", "c-prod", None),
        ("argocd:argocd/d-prod/manual", "manual", "d-prod", None),
    ]  # fmt: skip


def test_applications_of_one_name_on_two_clusters_are_two(tmp_path):
    files = {}
    for cluster, revision in (("eu", A), ("us", B)):
        one = app(history=[sync(0, revision, 1)])
        one["metadata"]["uid"] = cluster
        files[f"{cluster}.json"] = [one]
    found = read("argocd", tmp_path, files, tables=["deployments"])
    assert columns(found["deployments"], "deployment_id", "sha") == [
        ("argocd:argocd/shop-prod/eu/0", A), ("argocd:argocd/shop-prod/us/0", B),
    ]  # fmt: skip


def test_after_a_gap_no_rollback_is_denied(tmp_path):
    found = deployed(tmp_path, app(history=[sync(0, A, 1), sync(1, B, 2), sync(8, A, 9)]))
    assert columns(found["deployments"], "is_rollback") == [(False,), (False,), (None,)]


def test_labels_name_the_service_and_the_environment(tmp_path):
    labels = {"backstage.io/kubernetes-id": "shop", "env": "qa"}
    (row,) = deployed(tmp_path, app(history=[sync(0, A, 1)], labels=labels), environment_label="env")["deployments"]
    assert (row["service_id"], row["environment_raw"], row["environment"]) == ("shop", "qa", "test")
    (row,) = deployed(tmp_path, app(history=[sync(0, A, 1)], annotations={"my/name": "cart"}), service_label="my/name")[
        "deployments"
    ]
    assert row["service_id"] == "cart"


def test_previews_are_left_out(tmp_path):
    found = read(
        "argocd",
        tmp_path,
        {"apps.json": [app("pr-12", [sync(0, A, 1)], spec={"syncPolicy": None}), app(history=[sync(0, A, 1)])]},
        previews="pr-.+",
    )
    assert columns(found["deployments"], "service_id") == [("shop-prod",)]
    assert (found.dropped, found["escape_hatches"]) == ({"is a preview, by the settings": 1}, [])


def test_snapshots_together_remember_what_each_forgets(tmp_path):
    failed = {"phase": "Failed", "startedAt": "2026-03-06T08:00:00Z", "finishedAt": "2026-03-06T08:01:00Z"}
    running = {"phase": "Running", "startedAt": "2026-03-09T08:00:00Z"}
    found = read("argocd", tmp_path, {
        "snapshots/argocd/20260306T120000Z-000000000000-apps.json": [app(history=[sync(3, A, 3), sync(4, A, 4)], operation=failed)],
        "snapshots/argocd/20260309T080001Z-111111111111-apps.json": [app(history=[sync(4, A, 4), sync(5, B, 7)], operation=running)],
        "snapshots/argocd/20260310T120000Z-222222222222-apps.json": [app(history=[sync(5, B, 7), sync(7, A, 9)])],
    })  # fmt: skip
    rows = sorted(found["deployments"], key=lambda row: row["finished_at"])
    assert columns(rows, "deployment_id", "outcome", "is_resync", "is_rollback") == [
        ("argocd:argocd/shop-prod/3", "success", None, None),
        ("argocd:argocd/shop-prod/4", "success", True, False),
        ("argocd:argocd/shop-prod/operation/2026-03-06T08:00:00Z", "failure", False, None),
        ("argocd:argocd/shop-prod/5", "success", False, None),
        ("argocd:argocd/shop-prod/7", "success", None, None),
    ]  # fmt: skip
    # 0, 1, 2 and 6 are in none; what ran on the ninth ended well and is number 7.
    assert any(sentence.startswith("4 sync(s)") for sentence in found.warnings)


def test_a_hatch_ends_when_sync_is_on_again_or_the_application_is_gone(tmp_path):
    by_hand, running = {"syncPolicy": None}, {"phase": "Running", "startedAt": "2026-03-01T05:00:00Z"}
    found = read("argocd", tmp_path, {
        "snapshots/argocd/20260301T060000Z-000000000000-apps.json": [app("a", spec=by_hand), app("b", spec=by_hand, operation=running)],
        "snapshots/argocd/20260302T060000Z-111111111111-apps.json": [app("a"), app("b", spec=by_hand, operation=running)],
        "snapshots/argocd/20260303T060000Z-222222222222-apps.json": [],
    })  # fmt: skip
    assert columns(found["escape_hatches"], "hatch_id", "closed_at") == [
        ("argocd:argocd/a/manual", at(2026, 3, 2, 6)),
        ("argocd:argocd/b/manual", at(2026, 3, 3, 6)),
    ]
    assert found["deployments"] == []


def test_every_container(tmp_path):
    one = app(history=[sync(0, A, 1)], apiVersion="argoproj.io/v1alpha1", kind="Application")
    for name, content in {
        "list.json": {"apiVersion": "v1", "kind": "List", "items": [one]},
        "api.json": {"metadata": {}, "items": [one]},
        "one.json": one,
    }.items():
        assert len(read("argocd", tmp_path, {name: content}, tables=["deployments"])["deployments"]) == 1


def test_a_page_of_the_api_that_is_not_the_last(tmp_path):
    found = read(
        "argocd",
        tmp_path,
        {"apps.json": {"metadata": {"continue": "token"}, "items": [app(spec={"syncPolicy": {}})]}},
        tables=["escape_hatches"],
    )
    assert found.truncated == {"escape_hatches"}


def test_nothing_missing_is_fatal(tmp_path):
    bare = {
        "metadata": {"name": "x"},
        "spec": {"project": "p", "destination": {}},
        "status": {"history": [{"revision": A}], "operationState": None},
    }
    found = deployed(tmp_path, bare, {"metadata": None, "spec": {"project": "p", "destination": {}}})
    (row,) = found["deployments"]
    assert (row["service_id"], row["sha"], row["environment_raw"], row["finished_at"], row["automated"]) == (
        "x",
        A,
        None,
        None,
        None,
    )


def test_empty_and_wrong_files(tmp_path):
    assert read("argocd", tmp_path, {"a.json": []}).warnings == ["the file holds no documents"]
    with pytest.raises(SourceError, match="It looks like a scaffolder task of Backstage"):
        read(
            "argocd",
            tmp_path,
            {"t.json": [{"id": "1", "spec": {}, "status": "open", "createdAt": "x", "createdBy": "y"}]},
        )


# --- reference cases --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(cases):
    folder = cases / "sources" / "argocd"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    return folder


def test_a_full_ring_of_ten(real, tmp_path):
    found = read("argocd", tmp_path, [real / "application_history10_succeeded.yaml"])
    rows = found["deployments"]
    assert [row["deployment_id"].rsplit("/", 1)[1] for row in rows] == [str(n) for n in range(14, 24)]
    assert len({row["sha"] for row in rows}) == 1
    assert [row["is_resync"] for row in rows] == [None, *[True] * 9]
    assert all(row["started_at"] <= row["finished_at"] for row in rows)
    assert "deployments" in found.truncated
    assert rows[0]["environment_raw"].startswith("gke-alpha-01")
    assert rows[0]["environment_raw"].endswith("/test-lla")


def test_a_failure_two_sources_and_one_that_runs(real, tmp_path):
    found = read("argocd", tmp_path, [real / "constructed_app_list_failed_multisource.json"])
    rows = {row["deployment_id"]: row for row in found["deployments"]}
    assert {name: row["outcome"] for name, row in rows.items()} == {
        "argocd:argocd/checkout-prod/41": "success", "argocd:argocd/checkout-prod/42": "success",
        "argocd:argocd/checkout-prod/operation/2026-03-02T09:00:00Z": "failure", "argocd:argocd/search-prod/7": "success",
        "argocd:argocd/batch-dev/operation/2026-03-02T10:00:00Z": None,
    }  # fmt: skip
    two = rows["argocd:argocd/search-prod/7"]
    assert (two["sha"], two["version"], two["automated"]) == ("abcdef" * 6 + "abcd", "3.2.1", True)
