"""What stood before a use, and whether anybody else had agreed."""

from __future__ import annotations

import pytest

from idp_analytics.metrics import by_name, compute
from idp_analytics.metrics.observed import observed
from idp_analytics.metrics.uses import CAUSES, uses

RUN = {
    "run_id": "r", "operation_id": "drop", "requestor_id": "ada", "team_id": "red", "requested_at": "2026-03-02T08:00",
    "started_at": "2026-03-02T10:00", "finished_at": "2026-03-02T10:05", "outcome": "success",
}  # fmt: skip
YES = {
    "approval_id": "y", "subject_kind": "action_run", "subject_id": "r", "requestor_id": "ada", "responder_id": "bo",
    "requested_at": "2026-03-02T08:00", "decided_at": "2026-03-02T09:00", "decision": "approved", "status": "approved",
    "automated": False, "time_basis": "exact",
}  # fmt: skip
OTHERS = [  # another run of the operation that was approved as it should be
    {**RUN, "run_id": "r0", "requested_at": "2026-01-02", "started_at": "2026-01-04", "finished_at": "2026-01-05"},
]
THEIRS = [{**YES, "approval_id": "y0", "subject_id": "r0", "requested_at": "2026-01-02", "decided_at": "2026-01-03"}]
LATE = {"started_at": "2026-03-02T08:30"}
NOT_BEGUN = {"started_at": None, "finished_at": None, "outcome": None}
HATCH = {"hatch_id": "h", "policy": "drop", "opened_at": "2026-03-02T08:00", "requestor_id": "ada", "team_id": "red"}

CASES = {
    # declared gate, run, approvals → gate, route, causes
    "agreed beforehand": ("human", {}, [YES], "human", "approval", ()),
    "no gate": ("none", {}, [], "none", "self-service", ("ungated",)),
    "nobody said, nobody asked": (None, {}, [], "none", "self-service", ("ungated",)),
    "an automatic gate is a gate": ("automatic", {}, [], "automatic", "self-service", ()),
    "only a machine decided": (None, {}, [{**YES, "automated": True}], "automatic", "self-service", ()),
    "a bot decided": (None, {}, [{**YES, "automated": None, "responder_id": "robot"}], "automatic", "self-service", ()),
    "asked though nobody has to": ("none", {}, [YES], "human", "approval", ()),
    "without the approval others asked for": ("human", {}, [], "none", "self-service", ("bypassed",)),
    "not begun": ("human", NOT_BEGUN, [], "human", "approval", ()),
    "a run that failed was carried out": ("none", {"started_at": None, "finished_at": None, "outcome": "failure"}, [], "none", "self-service", ("ungated",)),
    "approved by who asked": ("human", {}, [{**YES, "responder_id": "ada"}], "human", "approval", ("self_approved",)),
    "and by somebody else": ("human", {}, [{**YES, "responder_id": "ada"}, {**YES, "approval_id": "y2"}], "human", "approval", ()),
    "among several who answered": ("human", {}, [{**YES, "responder_id": "ada", "responders": 2}], "human", "approval", ()),
    "by nobody known": ("human", {}, [{**YES, "responder_id": None}], "human", "approval", ()),
    "after the fact": ("human", LATE, [YES], "human", "approval", ("after_fact",)),
    "after the fact, perhaps": ("human", LATE, [{**YES, "time_basis": "bound"}], "human", "approval", ()),
    "both": ("human", LATE, [{**YES, "responder_id": "ada"}], "human", "approval", ("self_approved", "after_fact")),
    "refused and done": ("human", {}, [{**YES, "decision": "rejected", "status": "rejected"}], "human", "approval", ("bypassed",)),
    "sent back and done": ("human", {}, [{**YES, "decision": "requestchanges", "status": "pending"}], "human", "approval", ("bypassed",)),
    "still pending and done": ("human", {}, [{**YES, "decision": None, "status": "pending", "decided_at": None}], "human", "approval", ("bypassed",)),
    "refused and not done": ("human", {"started_at": None, "finished_at": None, "outcome": "cancel"}, [{**YES, "decision": "rejected"}], "human", "approval", ()),
}  # fmt: skip


@pytest.fixture
def world(company):
    def build(gate: str | None, runs: list, approvals: list, risk: str | None = "dangerous", **more: list):
        return company(
            teams=[{"team_id": "red"}], people=[{"person_id": "robot", "is_bot": True}],
            operations=[{"operation_id": "drop", "title": "Drop a database", "risk": risk, "gate": gate}],
            action_runs=runs, approvals=approvals, **more,
        )  # fmt: skip

    return build


def the(made, key: str):
    return uses(made).collect().filter(source_key=key).row(0, named=True)


def causes(row):
    return tuple(name for name in CAUSES if row[name])


@pytest.mark.parametrize("name", CASES)
def test_what_stood_before_it(world, name):
    declared, given, approvals, gate, route, expected = CASES[name]
    row = the(world(declared, [*OTHERS, {**RUN, **given}], [*THEIRS, *approvals]), "r")
    assert (row["gate"], row["route"], causes(row)) == (gate, route, expected)
    assert row["is_exposed"] == bool(expected)


def test_who_tries_again_need_not_ask_again(world):
    failed = {**RUN, "outcome": "failure"}
    again = {
        **RUN,
        "run_id": "r2",
        "requested_at": "2026-03-02T11:00",
        "started_at": "2026-03-02T11:00",
        "finished_at": "2026-03-02T11:05",
    }
    row = the(world("human", [*OTHERS, failed, again], [*THEIRS, YES]), "r2")
    assert (row["gate"], causes(row)) == ("human", ())


def test_approvals_in_another_tool_accuse_nobody(world):
    """A change request stands for a run it does not name: then a run without approval may be the one it is for."""
    elsewhere = {**YES, "subject_kind": "change", "subject_id": "CHG1", "operation_id": "drop"}
    made = world("human", [*OTHERS, RUN], [*THEIRS, elsewhere])
    assert causes(the(made, "r")) == ()
    assert uses(made).collect().height == 2  # and it is not counted a second time


def test_without_any_approval_in_the_data_it_is_not_known(world):
    assert the(world(None, [RUN], []), "r")["gate"] == "unknown"
    assert causes(the(world(None, [RUN], []), "r")) == ()
    assert (the(world("human", [RUN], []), "r")["gate"], causes(the(world("human", [RUN], []), "r"))) == ("human", ())


def test_nobody_classified_is_not_safe(world):
    assert the(world("none", [RUN], [], risk=None), "r")["risk"] == "unclassified"
    made = world("none", [{**RUN, "operation_id": "unheard-of"}], [])
    assert (the(made, "r")["risk"], the(made, "r")["title"]) == ("unclassified", "unheard-of")


def test_a_deployment_is_a_use_and_its_start_tells_what_came_first(world):
    approval = {**YES, "subject_kind": "deployment", "subject_id": "d", "operation_id": "drop"}
    late = {"deployment_id": "d", "started_at": "2026-03-02T08:59", "finished_at": "2026-03-02T09:30"}
    assert causes(the(world("human", [], [approval], deployments=[late]), "y")) == ("after_fact",)
    assert (
        causes(the(world("human", [], [approval], deployments=[{**late, "started_at": "2026-03-02T09:01"}]), "y")) == ()
    )
    assert the(world("human", [], [{**approval, "operation_id": None}]), "y")["operation_id"] == "deployment"


def test_a_run_and_a_deployment_of_one_number_are_two_things(world):
    approval = {**YES, "subject_kind": "deployment", "subject_id": "r", "operation_id": "drop", "responder_id": "ada"}
    found = uses(
        world("none", [RUN], [approval], deployments=[{"deployment_id": "r", "started_at": "2026-03-03"}])
    ).collect()
    assert dict(found.select("source_table", "gate").iter_rows()) == {"action_runs": "none", "approvals": "human"}


@pytest.mark.parametrize(
    ("kind", "approver", "expected"),
    [("bypass", "bo", ("bypassed",)), ("override", "bo", ("bypassed",)), ("manual", None, ("bypassed",)), ("suspend", None, ("bypassed",)),
     ("exemption", "bo", ()), ("exemption", None, ()), ("exception", "ada", ("bypassed",)), (None, None, ())],
)  # fmt: skip
def test_escape_hatches(world, kind, approver, expected):
    row = the(world("human", [], [], escape_hatches=[{**HATCH, "kind": kind, "approver_id": approver}]), "h")
    assert (row["route"], row["risk"], causes(row)) == ("escape hatch", "dangerous", expected)


def test_share_of_dangerous_uses_unchecked(world, settings, as_of):
    runs = [
        {
            **RUN,
            "run_id": f"r{n}",
            "requested_at": f"2026-03-{n + 2:02d}",
            "started_at": f"2026-03-{n + 2:02d}T10:00",
            "finished_at": None,
        }
        for n in range(6)
    ]
    agreed = [
        {
            **YES,
            "approval_id": f"y{n}",
            "subject_id": f"r{n}",
            "requested_at": f"2026-03-{n + 2:02d}",
            "decided_at": f"2026-03-{n + 2:02d}T09:00",
        }
        for n in range(4)
    ]
    found = compute(
        world("human", runs, agreed),
        settings(),
        as_of("2026-04-01"),
        (by_name("exposed_run_share"),),
        ("team",),
        ("1mo",),
    )
    row = found.row(0, named=True)
    assert (row["k"], row["n"], row["missing"]) == (2, 6, 0)  # two without the approval the others asked for


def test_planted_truths_of_the_sample(sample, repository):
    import json

    truth = json.loads((repository / "data/sample/truth.json").read_text())["approvals"]
    found = uses({name: frame.lazy() for name, frame in sample.tables.items()}).collect()
    assert found["self_approved"].sum() == len(truth["self_approved"])
    holes = found.filter(risk="dangerous", ungated=True)
    assert set(holes["operation_id"]) == {"open-firewall"}
    assert holes.height == sample.tables["action_runs"].filter(operation_id="open-firewall").height
    assert not found.filter(source_table="action_runs")["bypassed"].any()  # nothing of that kind is planted


# --- round the platform ---------------------------------------------------------------------------------------------------------

DROPPED = [
    {"run_id": f"r{n}", "operation_id": "drop", "requested_at": f"2026-03-0{n}T08:00", "started_at": f"2026-03-0{n}T09:00", "outcome": "success", "team_id": "red"}
    for n in range(1, 4)
]  # fmt: skip
DANGEROUS = [{"operation_id": "drop", "risk": "dangerous"}, {"operation_id": "paint", "risk": "safe"}]


@pytest.mark.parametrize(
    ("hatches", "expected"),
    [
        ([("manual", "drop")], (1, 4, 0)),  # an apply by hand
        ([("bypass", "drop"), ("override", "drop"), ("suspend", "drop")], (3, 6, 0)),
        ([("manual", "paint")], (0, 3, 0)),  # a log is there, and nothing dangerous in it: a measured zero
        ([("manual", "nobody-classified")], (0, 3, 0)),  # never taken for dangerous, nor for safe
        ([("exemption", "drop")], (0, 0, 4)),  # exemptions are no log of what goes round
        ([], (0, 0, 3)),  # none seen is not none
    ],
)
def test_gate_evasion(company, settings, as_of, hatches, expected):
    opened = [
        {"hatch_id": f"h{n}", "kind": kind, "policy": policy, "opened_at": "2026-03-05T08:00", "team_id": "red"}
        for n, (kind, policy) in enumerate(hatches)
    ]
    made = company(operations=DANGEROUS, action_runs=DROPPED, escape_hatches=opened)
    seen = observed(by_name("gate_evasion_share"), made, settings(), as_of("2026-04-01")).collect()
    usable = seen.filter("usable")
    assert (usable["hit"].sum(), usable.height, seen.height - usable.height) == expected  # fmt: skip
