"""Terraform and HCP Terraform: what is a deployment, who approved it, and nothing that is secret."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from reading import AS_OF, at, columns, read, written

from idp_analytics import sources
from idp_analytics.errors import SourceError
from idp_analytics.sources.terraform_runs import last_stamp, last_stamps
from idp_analytics.tables.pseudonyms import pseudonym


def run(native="run-1", status="applied", auto=False, stamps=None, **attributes):
    times = {
        "planned-at": "2026-03-02T10:02:00+00:00",
        "confirmed-at": "2026-03-02T10:10:00+00:00",
        "applying-at": "2026-03-02T10:11:00+00:00",
        "applied-at": "2026-03-02T10:15:00+00:00",
    }
    return {
        "id": native, "type": "runs",
        "attributes": {
            "status": status, "created-at": "2026-03-02T10:00:00.171Z", "auto-apply": auto, "plan-only": False, "is-destroy": False, "has-changes": True, "source": "tfe-ui",
            "message": "hush", "status-timestamps": times if stamps is None else stamps, **attributes,
        },
        "relationships": {
            "workspace": {"data": {"id": "ws-1"}}, "created-by": {"data": {"id": "user-1"}}, "confirmed-by": {"data": {"id": "user-2"}},
        },
    }  # fmt: skip


WORKSPACE = {"id": "ws-1", "type": "workspaces", "attributes": {"name": "shop-prod"}}
USER = {"id": "user-1", "type": "users", "attributes": {"username": "jane", "email": "jane@example.invalid"}}
NAMES = {"service_pattern": "(.+)-prod", "environments": {".+-prod": "production"}}


def test_a_run_that_was_confirmed_and_applied(tmp_path):
    page = {
        "data": [run()],
        "included": [WORKSPACE, USER],
        "meta": {"pagination": {"current-page": 1, "next-page": None, "total-count": 1}},
    }
    found = read("terraform", tmp_path, {"runs.json": page}, **NAMES)
    (row,) = found["deployments"]
    wanted = {
        "deployment_id": "terraform:run-1", "service_id": "shop", "environment": "production", "environment_raw": "shop-prod", "kind": "infrastructure",
        "queued_at": at(2026, 3, 2, 10).replace(microsecond=171000), "started_at": at(2026, 3, 2, 10, 11), "finished_at": at(2026, 3, 2, 10, 15), "outcome": "success",
        "outcome_raw": "applied", "initiated_by": pseudonym("jane"), "automated": False,
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    (said,) = found["approvals"]
    told = {
        "approval_id": "terraform:run-1", "operation_id": "change infrastructure", "subject_kind": "deployment", "subject_id": "terraform:run-1", "service_id": "shop",
        "requestor_id": pseudonym("jane"), "responder_id": pseudonym("user-2"), "requested_at": at(2026, 3, 2, 10, 2), "decided_at": at(2026, 3, 2, 10, 10),
        "decision": "approved", "status": "approved", "automated": False, "time_basis": "exact",
    }  # fmt: skip
    assert {name: said[name] for name in told} == told
    (asked,) = found["action_runs"]
    assert (asked["operation_id"], asked["channel"], asked["usable_at"]) == (
        "change infrastructure",
        "ui",
        at(2026, 3, 2, 10, 15),
    )
    assert not found.truncated
    assert "hush" not in repr(found)
    assert "example.invalid" not in repr(found)


@pytest.mark.parametrize(
    ("status", "stamps", "outcome", "finished", "approval"),
    [
        (
            "errored",
            {"planned-at": "2026-03-02T10:02:00Z", "errored-at": "2026-03-02T10:15:00Z"},
            "failure",
            True,
            "cancelled",
        ),
        (
            "discarded",
            {"planned-at": "2026-03-02T10:02:00Z", "discarded-at": "2026-03-02T10:15:00Z"},
            "cancel",
            True,
            "rejected",
        ),
        ("canceled", {"planned-at": "2026-03-02T10:02:00Z"}, "cancel", False, "cancelled"),
        (
            "planned",
            {"planned-at": "2026-03-02T10:02:00Z", "policy-checked-at": "2026-03-02T10:03:00Z"},
            None,
            False,
            "pending",
        ),
        ("pending", {}, None, False, None),
        ("unheard_of", {}, None, False, None),
    ],
)
def test_how_a_run_ended(tmp_path, status, stamps, outcome, finished, approval):
    found = read("terraform", tmp_path, {"runs.json": {"data": [run(status=status, stamps=stamps)]}})
    (row,) = found["deployments"]
    assert (row["outcome"], row["outcome_raw"], row["finished_at"] is not None) == (outcome, status, finished)
    assert [said["status"] for said in found["approvals"]] == ([approval] if approval else [])
    if "policy-checked-at" in stamps:
        assert found["approvals"][0]["requested_at"] == at(2026, 3, 2, 10, 3)


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (run(**{"plan-only": True}), "is a plan only"), (run(status="planned_and_finished"), "found nothing to change"), (run(**{"has-changes": False}), "found nothing to change"),
    ],
)  # fmt: skip
def test_what_is_no_deployment(tmp_path, one, reason):
    found = read("terraform", tmp_path, {"runs.json": {"data": [one]}})
    assert (found["deployments"], found["action_runs"], found["approvals"], found.dropped) == ([], [], [], {reason: 1})


def test_a_run_that_applies_by_itself_needs_no_approval(tmp_path):
    found = read(
        "terraform",
        tmp_path,
        {
            "runs.json": {
                "data": run(
                    auto=True, stamps={"planned-at": "2026-03-02T10:02:00Z", "applied-at": "2026-03-02T10:05:00Z"}
                )
            }
        },
    )
    assert columns(found["deployments"], "automated", "environment_raw") == [(True, "ws-1")]
    assert found["approvals"] == []


@pytest.mark.parametrize(("auto", "stands"), [(False, [("approved", None, None, "none")]), (None, [])])
def test_a_run_that_was_applied_and_does_not_say_when_it_was_confirmed(tmp_path, auto, stands):
    stamps = {"planned-at": "2026-03-02T10:02:00Z", "applied-at": "2026-03-02T10:05:00Z"}
    found = read("terraform", tmp_path, {"runs.json": {"data": [run(auto=auto, stamps=stamps)]}})
    assert columns(found["approvals"], "status", "decided_at", "decision", "time_basis") == stands


def test_a_saved_plan_waits_and_is_no_change_found_empty(tmp_path):
    stamps = {"planned-and-saved-at": "2026-03-02T10:02:00Z"}
    found = read("terraform", tmp_path, {"runs.json": {"data": [run(status="planned_and_saved", stamps=stamps)]}})
    assert columns(found["deployments"], "outcome", "finished_at") == [(None, None)]
    assert columns(found["approvals"], "status", "requested_at") == [("pending", at(2026, 3, 2, 10, 2))]


def test_the_last_of_times_in_several_zones(tmp_path):
    stamps = {"planned-at": "2026-03-02T18:02:00+08:00", "cost-estimated-at": "2026-03-02T10:03:00+00:00", "policy-checked-at": "2026-03-02T10:04:00.171Z"}  # fmt: skip
    found = read("terraform", tmp_path, {"runs.json": {"data": [run(status="planned", stamps=stamps)]}})
    assert columns(found["approvals"], "requested_at") == [(at(2026, 3, 2, 10, 4).replace(microsecond=171000),)]
    older = run(status="planned", stamps={"planned-at": "2026-03-02T18:02:00+08:00"})
    again = read("terraform", tmp_path, {"runs.json": {"data": [run(), older]}})
    assert columns(again["deployments"], "outcome_raw") == [("applied",)]


def test_a_page_that_is_not_the_last(tmp_path):
    page = {
        "data": [run()],
        "meta": {"pagination": {"current-page": 1, "next-page": 2, "total-pages": 19206, "total-count": 19206}},
    }
    assert read("terraform", tmp_path, {"runs.json": page}).truncated >= {"deployments", "action_runs", "approvals"}


def test_policy_checks_and_what_was_let_pass(tmp_path):
    def check(native, status, hard, soft, **stamps):
        told = {
            "passed": 1,
            "total-failed": hard + soft,
            "hard-failed": hard,
            "soft-failed": soft,
            "advisory-failed": 0,
        }
        return {
            "id": native, "type": "policy-checks", "attributes": {"status": status, "result": told, "status-timestamps": stamps},
            "relationships": {"run": {"data": {"id": "run-1", "type": "runs"}}},
        }  # fmt: skip

    overridden = check(
        "p2", "overridden", 0, 1, **{"soft-failed-at": "2026-03-02T10:03:00Z", "overridden-at": "2026-03-02T10:03:31Z"}
    )
    files = {
        "checks.json": {"data": [check("p1", "passed", 0, 0, **{"queued-at": "2026-03-02T10:02:30Z"}), overridden]},
        "runs.json": {"data": [run()], "included": [WORKSPACE]},
    }
    found = read("terraform", tmp_path, files, **NAMES)
    assert columns(found["policy_results"], "resource", "as_of", "engine", "service_id", "result", "enforcement", "hatch_id") == [
        ("run-1", at(2026, 3, 2, 10, 2, 30), "sentinel", "shop", "pass", None, None), ("run-1", at(2026, 3, 2, 10, 3, 31), "sentinel", "shop", "fail", "deny", "terraform:p2"),
    ]  # fmt: skip
    assert columns(found["escape_hatches"], "hatch_id", "kind", "service_id", "opened_at", "closed_at") == [
        ("terraform:p2", "override", "shop", at(2026, 3, 2, 10, 3), at(2026, 3, 2, 10, 3, 31))
    ]  # fmt: skip
    let = next(row for row in found["approvals"] if row["subject_kind"] == "policy")
    assert (let["decided_at"] - let["requested_at"]).total_seconds() == 31


@pytest.mark.parametrize(
    ("status", "stamps", "stands"),
    [
        ("policy_override", {}, ("pending", None, None, "none")),
        ("discarded", {"discarded-at": "2026-03-02T10:09:00Z"}, ("rejected", "rejected", at(2026, 3, 2, 10, 9), "exact")),
        ("errored", {"errored-at": "2026-03-02T10:09:00Z"}, ("cancelled", None, None, "none")),
        (None, {}, ("pending", None, None, "none")),
    ],
)  # fmt: skip
def test_a_failed_check_that_nobody_let_pass(tmp_path, status, stamps, stands):
    check = {
        "id": "p1", "type": "policy-checks", "attributes": {"status": "soft_failed", "status-timestamps": {"soft-failed-at": "2026-03-02T10:03:00Z"}},
        "relationships": {"run": {"data": {"id": "run-1"}}},
    }  # fmt: skip
    runs = [] if status is None else [run(status=status, stamps=stamps)]
    found = read("terraform", tmp_path, {"c.json": {"data": [check]}, "r.json": {"data": runs}})
    (row,) = [row for row in found["approvals"] if row["subject_kind"] == "policy"]
    assert columns([row], "status", "decision", "decided_at", "time_basis") == [stands]
    assert (row["approval_id"], row["requested_at"], row["subject_id"]) == ("terraform:p1", at(2026, 3, 2, 10, 3), "terraform:run-1")  # fmt: skip
    assert found["escape_hatches"] == []


def test_an_evaluation_tells_when_of_which_run_and_that_it_was_let_pass(tmp_path):
    def related(**names):
        return {"relationships": {name.replace("_", "-"): {"data": {"id": native}} for name, native in names.items()}}

    outcome = {
        "id": "o1", "type": "policy-set-outcomes", **related(policy_evaluation="e1"),
        "attributes": {"policy-set-name": "cost", "outcomes": [
            {"policy_name": "limit", "status": "failed", "enforcement_level": "mandatory"}, {"policy_name": "tags", "status": "failed", "enforcement_level": "advisory"},
        ]},
    }  # fmt: skip
    evaluation = {
        "id": "e1", "type": "policy-evaluations", **related(policy_attachable="ts1"),
        "attributes": {"policy-kind": "sentinel", "status": "overridden", "status-timestamps": {"running-at": "2026-03-02T18:02:50+08:00", "failed-at": "2026-03-02T10:03:00Z"}},
    }  # fmt: skip
    stage = {"id": "ts1", "type": "task-stages", "attributes": {"status": "passed"}, **related(run="run-1")}
    by_list = {
        **stage,
        "id": "other",
        "relationships": {**stage["relationships"], "policy-evaluations": {"data": [{"id": "e1"}]}},
    }
    for number, one in enumerate((stage, by_list)):
        found = read("terraform", tmp_path / str(number), {
            "o.json": {"data": [outcome]}, "e.json": {"data": [evaluation]}, "s.json": {"data": [one]}, "r.json": {"data": [run()], "included": [WORKSPACE]},
        }, **NAMES)  # fmt: skip
        assert columns(found["policy_results"], "rule", "engine", "service_id", "as_of", "result", "hatch_id") == [
            ("limit", "sentinel", "shop", at(2026, 3, 2, 10, 3), "fail", "terraform:e1"), ("tags", "sentinel", "shop", at(2026, 3, 2, 10, 3), "fail", None),
        ]  # fmt: skip
        assert columns(found["escape_hatches"], "hatch_id", "kind", "policy", "service_id", "opened_at", "closed_at") == [
            ("terraform:e1", "override", "sentinel", "shop", at(2026, 3, 2, 10, 3), None)
        ]  # fmt: skip


def test_an_assessment_in_its_envelope_has_its_own_time(tmp_path):
    one = {
        "data": {
            "id": "a1",
            "type": "assessment-results",
            "attributes": {"drifted": False, "created-at": "2026-03-02T18:00:00+08:00"},
        }
    }
    found = read("terraform", tmp_path, {"a.json": one})
    assert columns(found["policy_results"], "resource", "as_of", "result") == [("a1", at(2026, 3, 2, 10), "pass")]


def test_a_snapshot_of_a_plan_is_named_by_its_workspace(tmp_path):
    plan = {"format_version": "1.2", "terraform_version": "1.9.0", "configuration": {"root_module": {"module_calls": {"db": {"source": "acme/db/aws", "version_constraint": "2.0.0"}}}}}  # fmt: skip
    found = read(
        "terraform", tmp_path, {"snapshots/t/20260301T060000Z-000000000000-shop-prod.plan.json": plan}, **NAMES
    )
    assert columns(found["service_golden_path"], "service_id", "golden_path_id", "as_of") == [
        ("shop", "acme/db/aws", at(2026, 3, 1).date())
    ]


def test_what_later_pages_include_is_read_and_counts_for_no_run(tmp_path):
    def page(number, following):
        workspace = {"id": f"ws-{number}", "type": "workspaces", "attributes": {"name": f"svc{number}-prod"}}
        ran = {
            **run(native=f"run-{number}"),
            "relationships": {"workspace": {"data": {"id": f"ws-{number}", "type": "workspaces"}}},
        }
        about = {"pagination": {"current-page": number, "next-page": following, "total-count": 4}}
        return {"data": [ran], "included": [workspace], "meta": about}

    found = read("terraform", tmp_path, {"runs.jsonl": [page(1, 2), page(2, None)]}, tables=["deployments"], **NAMES)
    assert columns(found["deployments"], "service_id") == [("svc1",), ("svc2",)]
    files = {"runs-1.json": page(1, 2), "runs-2.json": page(2, None)}
    assert read("terraform", tmp_path, files, tables=["deployments"], **NAMES).truncated == {"deployments"}


def test_two_workspaces_may_have_the_same_modules(tmp_path):
    same = {
        "Modules": [{"Key": "", "Source": "", "Dir": "."}, {"Key": "db", "Source": "acme/db/aws", "Version": "2.0.0"}]
    }
    found = read("terraform", tmp_path, {"shop-prod.modules.json": same, "cart-prod.modules.json": same}, **NAMES)
    assert columns(found["service_golden_path"], "service_id", "version") == [("cart", "2.0.0"), ("shop", "2.0.0")]


def test_outcomes_of_policy_sets(tmp_path):
    outcome = {
        "id": "o1", "type": "policy-set-outcomes",
        "attributes": {"policy-set-name": "cost", "outcomes": [
            {"policy_name": "limit", "status": "failed", "enforcement_level": "mandatory"}, {"policy_name": "tags", "status": "passed", "enforcement_level": "advisory"},
            {"policy_name": "odd", "status": "shrugged", "enforcement_level": "?"},
        ]},
        "relationships": {"policy-evaluation": {"data": {"id": "e1"}}},
    }  # fmt: skip
    found = read("terraform", tmp_path, {"o.json": {"data": [outcome]}})
    assert columns(found["policy_results"], "policy", "rule", "resource", "result", "result_raw", "enforcement") == [
        ("cost", "limit", "e1", "fail", "failed", "deny"), ("cost", "tags", "e1", "pass", "passed", "warn"), ("cost", "odd", "e1", None, "shrugged", None),
    ]  # fmt: skip


def test_modules_of_a_plan_of_a_folder_and_of_the_explorer(tmp_path):
    plan = {
        "format_version": "1.2", "terraform_version": "1.9.0", "timestamp": "2026-03-02T10:00:00Z", "planned_values": {"outputs": {"password": {"value": "hush"}}},
        "configuration": {"root_module": {"module_calls": {
            "db": {"source": "app.example.invalid/acme/postgres/aws", "version_constraint": "~> 2.0", "module": {"module_calls": {"net": {"source": "git::https://bot:t0ken@git.example.invalid/acme/net?depth=1&ref=v1.3.0"}}}},
            "own": {"source": "./modules/own"},
        }}},
    }  # fmt: skip
    modules = {
        "Modules": [
            {"Key": "", "Source": "", "Dir": "."},
            {"Key": "db", "Source": "registry.example.invalid/acme/postgres/aws", "Version": "2.4.1", "Dir": "x"},
        ]
    }
    explorer = 'workspace_name,project_name,drifted,modules\nshop-prod,web,true,"acme/postgres/aws:2.3.0,acme/net/aws:1.0.0"\ncart-prod,web,false,\n'
    found = read(
        "terraform",
        tmp_path,
        {"shop-prod.plan.json": plan, "cart-prod.modules.json": modules, "explorer.csv": explorer},
        **NAMES,
    )
    assert set(columns(found["service_golden_path"], "service_id", "golden_path_id", "version", "as_of", "evidence", "drift")) == {
        ("shop", "app.example.invalid/acme/postgres/aws", "~> 2.0", at(2026, 3, 2).date(), "uses", "unknown"),
        ("shop", "git::https://git.example.invalid/acme/net", "v1.3.0", at(2026, 3, 2).date(), "uses", "unknown"),
        ("cart", "registry.example.invalid/acme/postgres/aws", "2.4.1", at(2026, 7, 1).date(), "uses", "unknown"),
        ("shop", "acme/postgres/aws", "2.3.0", at(2026, 7, 1).date(), "uses", "unknown"), ("shop", "acme/net/aws", "1.0.0", at(2026, 7, 1).date(), "uses", "unknown"),
    }  # fmt: skip
    assert columns(found["services"], "service_id", "system") == [("shop", "web"), ("cart", "web")]
    assert columns(found["policy_results"], "policy", "resource", "engine", "result") == [
        ("drift", "shop-prod", "terraform", "fail"), ("drift", "cart-prod", "terraform", "pass"),
    ]  # fmt: skip
    mapped = read(
        "terraform", tmp_path, {"explorer.csv": explorer}, golden_paths={".*/postgres/.*": "postgres-module"}, **NAMES
    )
    assert columns(mapped["service_golden_path"], "golden_path_id") == [("postgres-module",)]
    assert "hush" not in repr(found)


def test_of_a_state_nothing_is_read(tmp_path):
    state = {
        "version": 4,
        "serial": 5,
        "lineage": "x",
        "outputs": {"password": {"value": "hush", "sensitive": True}},
        "resources": [{"instances": [{"attributes": {"password": "hush"}}]}],
    }
    found = read("terraform", tmp_path, {"terraform.tfstate": state})
    assert all(rows == [] for rows in found.rows.values())
    assert "hush" not in repr(found)


def test_empty_and_wrong_files(tmp_path):
    assert "the file holds no documents" in read("terraform", tmp_path, {"r.json": {"data": []}}).warnings
    with pytest.raises(SourceError, match="It looks like an issue of Jira"):
        read("terraform", tmp_path, {"j.json": {"issues": [{"key": "A-1", "fields": {"status": {}}}]}})


# --- reference cases --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(cases):
    folder = cases / "sources" / "terraform"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    return folder


def test_the_reference_run(real, tmp_path):
    (row,) = read("terraform", tmp_path, [real / "hcp_run_get.json"])["deployments"]
    assert columns([row], "deployment_id", "outcome", "outcome_raw", "finished_at") == [
        ("terraform:run-CZcmD7eagjhyX0vN", None, "pending", None)
    ]


def test_the_reference_policies(real, tmp_path):
    (failed,) = read("terraform", tmp_path, [real / "hcp_policy_checks_soft_failed.json"])["policy_results"]
    assert (failed["result"], failed["result_raw"]) == ("fail", "soft_failed")
    (waiting,) = read("terraform", tmp_path, [real / "hcp_policy_checks_soft_failed.json"])["approvals"]
    assert (waiting["status"], waiting["decided_at"]) == ("pending", None)
    found = read("terraform", tmp_path, [real / "hcp_policy_check_overridden.json"])
    (hatch,) = found["escape_hatches"]
    assert (hatch["opened_at"], hatch["closed_at"]) == (at(2017, 11, 29, 20, 13, 40), at(2017, 11, 29, 20, 14, 11))
    (said,) = found["approvals"]
    assert (said["decided_at"] - said["requested_at"]).total_seconds() == 31
    (outcome,) = read("terraform", tmp_path, [real / "hcp_policy_set_outcomes.json"])["policy_results"]
    assert columns([outcome], "rule", "result", "enforcement") == [("policyVCS", "fail", "warn")]


def test_the_reference_explorer_and_plan(real, tmp_path):
    found = read(
        "terraform",
        tmp_path,
        [real / "hcp_explorer_workspaces.json", real / "plan_registry_module.json", real / "hcp_assessment_drift.json"],
    )
    assert columns(found["services"], "service_id", "system", "repo") == [
        ("payments-service", "Default Project", None),
        ("api-service", "web", "acmecorp/api"),
    ]
    assert {row["resource"]: row["result"] for row in found["policy_results"]} == {
        "payments-service": "pass", "api-service": "fail", "asmtres-UG5rE9L1373hMYMA": "fail",
    }  # fmt: skip
    assert columns(found["service_golden_path"], "golden_path_id", "version") == [
        ("vancluever/module/null", "~> 1.0.1")
    ]


def test_the_reference_files_that_tell_nothing(real, tmp_path):
    names = ("plan_moved_noop.json", "show_state_checks.json", "terraform_v4.tfstate", "hcp_task_stages.json")
    found = read("terraform", tmp_path, [real / name for name in names])
    assert all(rows == [] for rows in found.rows.values())
    assert "9023256633839603543" not in repr(found)


def test_what_has_been_read_is_let_go_of(tmp_path):
    """Documents that held one another would stay until all objects there are have been looked at, which took a third of the time."""
    runs = [
        {"type": "runs", "id": f"run-{number}", "attributes": {"status": "applied", "status-timestamps": {"applied-at": "2026-06-01T10:00:00Z"}}}
        for number in range(50)
    ]  # fmt: skip
    path = written(tmp_path, "runs.json", {"data": runs})
    gc.collect()
    gc.disable()
    try:
        sources.read("terraform", [path], {"as_of": AS_OF}, tmp_path)
        gc.disable()
        assert gc.collect() < 50
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "stamps",
    [
        [{"a": "2026-06-01T10:00:00Z", "b": "2026-06-02T10:00:00Z"}, {"a": "2026-06-03T10:00:00Z"}],
        [{"a": "2026-06-01T10:00:00Z"}, {"a": "2026-06-01T10:00:00+08:00"}],
        [{"a": "2026-06-01T10:00:00Z"}, {}],
        [{"a": "2026-06-01T10:00:00Z"}, None],
        [{"a": "2026-13-01T10:00:00Z"}, {"a": None}],
        [{"a": "2026-13-01T10:00:00Z"}],
        [],
    ],
)
def test_the_last_stamps_of_all_are_those_of_each(stamps: list[Any]):
    assert last_stamps(stamps) == [last_stamp(one) for one in stamps]
