"""Crossplane: what was asked for once, whatever it is made of, and when it was first ready."""

from __future__ import annotations

import gc

import pytest
from reading import AS_OF, at, columns, read, written

from idp_analytics import sources
from idp_analytics.errors import SourceError


def resource(
    name="db",
    ready="True",
    since="2026-03-02T10:05:00Z",
    kind="Database",
    created="2026-03-02T10:00:00Z",
    spec=None,
    labels=None,
    annotations=None,
    owners=(),
    uid=None,
):
    conditions = [{"type": "Synced", "status": "True", "lastTransitionTime": created}]
    conditions += (
        [
            {
                "type": "Ready",
                "status": ready,
                "reason": "Available" if ready == "True" else "Creating",
                "lastTransitionTime": since,
            }
        ]
        if ready
        else []
    )
    return {
        "apiVersion": "platform.example.invalid/v1", "kind": kind,
        "metadata": {"name": name, "namespace": "shop", "uid": uid or f"u-{name}", "creationTimestamp": created, "labels": labels or {}, "annotations": annotations or {}, "ownerReferences": list(owners)},
        "spec": spec or {"compositionRef": {"name": "postgres"}, "compositionRevisionRef": {"name": "postgres-2"}, "compositionUpdatePolicy": "Automatic"},
        "status": {"conditions": conditions},
    }  # fmt: skip


def listed(*items):
    return {"apiVersion": "v1", "kind": "List", "items": list(items)}


def test_a_claim(tmp_path):
    found = read("crossplane", tmp_path, {"c.json": listed(resource(labels={"app.kubernetes.io/part-of": "shop"}))})
    (row,) = found["action_runs"]
    wanted = {
        "run_id": "crossplane:u-db", "operation_id": "create Database", "golden_path_id": "postgres", "version": "postgres-2", "service_id": "shop",
        "requested_at": at(2026, 3, 2, 10), "started_at": at(2026, 3, 2, 10), "finished_at": at(2026, 3, 2, 10, 5), "usable_at": at(2026, 3, 2, 10, 5), "outcome": "success",
        "outcome_raw": "Available", "channel": "gitops",
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    assert columns(found["service_golden_path"], "service_id", "golden_path_id", "evidence", "version", "joined_at", "drift") == [
        ("shop", "postgres", "uses", "postgres-2", at(2026, 3, 2, 10), "unknown")
    ]  # fmt: skip


def test_only_what_somebody_asked_for_is_counted(tmp_path):
    composite = resource(
        "xdb",
        kind="XDatabase",
        spec={"claimRef": {"name": "db"}, "compositionRef": {"name": "postgres"}},
        labels={"crossplane.io/claim-name": "db"},
    )
    managed = resource(
        "rds",
        kind="DBInstance",
        spec={"forProvider": {}},
        labels={"crossplane.io/composite": "xdb"},
        owners=[{"controller": True, "kind": "XDatabase"}],
    )
    new = resource(
        "app",
        kind="App",
        spec={"crossplane": {"compositionRef": {"name": "app"}, "compositionRevisionRef": {"name": "app-1"}}},
    )
    alone = resource("bucket", kind="Bucket", spec={"forProvider": {}})
    found = read("crossplane", tmp_path, {"all.json": listed(resource(), composite, managed, new, alone)})
    assert [(r["operation_id"], r["golden_path_id"], r["version"]) for r in found["action_runs"]] == [
        ("create Database", "postgres", "postgres-2"), ("create App", "app", "app-1"), ("create Bucket", None, None),
    ]  # fmt: skip


@pytest.mark.parametrize("ready", ["False", "Unknown", None])
def test_what_is_not_ready_yet_is_on_its_way(tmp_path, ready):
    (row,) = read("crossplane", tmp_path, {"c.json": listed(resource(ready=ready))})["action_runs"]
    assert (row["outcome"], row["finished_at"], row["usable_at"]) == (None, None, None)


def test_ready_while_its_last_change_failed_is_ready(tmp_path):
    one = resource()
    one["status"]["conditions"][0]["status"] = "False"
    assert columns(read("crossplane", tmp_path, {"c.json": listed(one)})["action_runs"], "outcome") == [("success",)]


def test_the_earliest_time_of_all_snapshots_counts(tmp_path):
    def day(number, **more):
        return f"snapshots/x/202603{number:02d}T060000Z-{number:012d}-c.json", listed(resource(**more))

    found = read(
        "crossplane",
        tmp_path,
        dict(
            [
                day(2, ready="False"),
                day(3),
                day(10, since="2026-03-09T00:00:00Z"),
                day(12, ready="False", since="2026-03-11T00:00:00Z"),
            ]
        ),
    )
    (row,) = found["action_runs"]
    # It flapped and is down today: it was provisioned all the same.
    assert (row["finished_at"], row["outcome"]) == (at(2026, 3, 2, 10, 5), "success")
    assert not any("flapped" in sentence for sentence in found.warnings)


def test_one_snapshot_says_that_it_cannot_know(tmp_path):
    assert any(
        "may have flapped" in sentence
        for sentence in read("crossplane", tmp_path, {"c.json": listed(resource())}).warnings
    )


def test_hatches(tmp_path):
    paused = resource("a", annotations={"crossplane.io/paused": "true"})
    observed = resource("b", spec={"managementPolicies": ["Observe"], "forProvider": {}})
    pinned = resource(
        "c", spec={"crossplane": {"compositionRef": {"name": "postgres"}, "compositionUpdatePolicy": "Manual"}}
    )
    found = read("crossplane", tmp_path, {"c.json": listed(paused, observed, pinned)})
    assert columns(found["escape_hatches"], "hatch_id", "kind", "reason") == [
        ("crossplane:Database/shop/a/suspend", "suspend", "paused"), ("crossplane:Database/shop/b/bypass", "bypass", "observed only"),
        ("crossplane:Database/shop/c/manual", "manual", "updated by hand"),
    ]  # fmt: skip
    assert found.dropped == {"is observed only: imported, and not provisioned by the platform": 1}


def test_a_hatch_is_closed_by_the_first_snapshot_without_it(tmp_path):
    paused = resource(annotations={"crossplane.io/paused": "true"})
    found = read("crossplane", tmp_path, {
        "snapshots/x/20260301T060000Z-000000000000-c.json": listed(paused),
        "snapshots/x/20260302T060000Z-111111111111-c.json": listed(resource()),
    })  # fmt: skip
    assert columns(found["escape_hatches"], "kind", "closed_at") == [("suspend", at(2026, 3, 2, 6))]


@pytest.mark.parametrize(("used", "drift"), [("postgres-9", "current"), ("postgres-2", "behind"), (None, "unknown")])
def test_drift_is_told_where_the_revisions_are_known(tmp_path, used, drift):
    spec = {"compositionRef": {"name": "postgres"}, **({"compositionRevisionRef": {"name": used}} if used else {})}
    revisions = [
        {"apiVersion": "apiextensions.crossplane.io/v1", "kind": "CompositionRevision", "metadata": {"name": f"postgres-{n}", "labels": {"crossplane.io/composition-name": "postgres"}}, "spec": {"revision": n}}
        for n in (2, 10, 9)
    ]  # fmt: skip
    revisions[1]["metadata"]["name"] = "postgres-9"
    revisions[2]["metadata"]["name"] = "postgres-8"
    found = read(
        "crossplane",
        tmp_path,
        {
            "c.json": listed(resource(spec=spec, labels={"app.kubernetes.io/part-of": "shop"})),
            "r.json": listed(*revisions),
        },
    )
    assert columns(found["service_golden_path"], "drift") == [(drift,)]


def test_what_does_not_say_when_it_was_made_is_no_run(tmp_path):
    found = read("crossplane", tmp_path, {"c.json": listed(resource(created=None))})
    assert (found["action_runs"], found.dropped) == ([], {"does not say when it was created": 1})


def test_pages_empty_and_wrong_files(tmp_path):
    page = {**listed(resource()), "metadata": {"continue": "x"}}
    assert "action_runs" in read("crossplane", tmp_path, {"c.json": page}).truncated
    assert read("crossplane", tmp_path, {"c.json": listed()}).warnings == ["the file holds no documents"]
    with pytest.raises(SourceError, match="It looks like an Application of Argo CD"):
        read("crossplane", tmp_path, {"a.json": {"metadata": {}, "spec": {"project": "p", "destination": {}}}})


@pytest.fixture(scope="module")
def real(cases):
    folder = cases / "sources" / "crossplane"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    return folder


def test_the_reference_list(real, tmp_path):
    found = read("crossplane", tmp_path, [real / "constructed_claim_xr_list.json"])
    rows = {row["run_id"]: row for row in found["action_runs"]}
    # Not the composite of the claim.
    assert set(rows) == {"crossplane:u1", "crossplane:u3", "crossplane:u4"}
    first = rows["crossplane:u1"]
    assert (first["usable_at"] - first["requested_at"]).total_seconds() == 18
    assert (rows["crossplane:u4"]["outcome"], rows["crossplane:u4"]["usable_at"]) == (None, None)
    assert {row["kind"] for row in found["escape_hatches"]} == {"manual", "suspend"}
    assert any("may have flapped" in sentence for sentence in found.warnings)


def test_the_other_reference_files(real, tmp_path):
    found = read(
        "crossplane",
        tmp_path,
        [
            real / name
            for name in ("observe_only_import.yaml", "rds_dbinstance_healthy.yaml", "rds_dbinstance_creating.yaml")
        ],
    )
    assert found["action_runs"] == []
    assert found.dropped == {
        "is observed only: imported, and not provisioned by the platform": 1,
        "does not say when it was created": 2,
    }
    assert columns(found["escape_hatches"], "kind") == [("bypass",)]


def test_what_has_been_read_is_let_go_of(tmp_path):
    """Where all are roots, what was made of them held itself, and stayed until all objects there are had been looked at: a third of the time."""
    path = written(tmp_path, "claims.json", listed(*(resource(name=f"db-{number}") for number in range(50))))
    gc.collect()
    gc.disable()
    try:
        sources.read("crossplane", [path], {"as_of": AS_OF}, tmp_path)
        gc.disable()
        assert gc.collect() < 50
    finally:
        gc.enable()
