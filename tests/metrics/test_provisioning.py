"""The time of a request in parts, and what became of each run: each by hand."""

from __future__ import annotations

import polars as pl
import pytest

from idp_analytics.metrics.provisioning import (
    OUTCOME_COLUMNS,
    OUTCOMES,
    PART_COLUMNS,
    REASONS,
    provisioning,
    run_outcomes,
    timed,
)

DAY = "2026-03-02T"
GATED = [{"operation_id": "database", "title": "Database", "gate": "human", "risk": "sensitive"}]


def run(
    run_id: str,
    asked: str,
    finished: str | None = None,
    usable: str | None = None,
    outcome: str | None = "success",
    **given: object,
) -> dict[str, object]:
    """A run of the second of March; times as hours and minutes."""
    told = {
        "run_id": run_id,
        "operation_id": "database",
        "requestor_id": "ada",
        "service_id": "shop",
        "team_id": "red",
        "outcome": outcome,
    }
    times = {
        "requested_at": DAY + asked,
        "finished_at": finished and DAY + finished,
        "usable_at": usable and DAY + usable,
    }
    return {**told, **times, **given}  # fmt: skip


def approval(run_id: str, decided: str | None, decision: str | None = "approved", **given: object) -> dict[str, object]:
    return {
        "approval_id": f"a-{run_id}-{decided}", "subject_kind": "action_run", "subject_id": run_id, "requested_at": DAY + "08:00", "team_id": "red",
        "decided_at": decided and DAY + decided, "decision": decision, "status": decision or "pending", "automated": False, "time_basis": "exact", **given,
    }  # fmt: skip


OTHER = run("z", "01:00", "01:10", "01:20", service_id="other", requestor_id="zoe", team_id="blue")
"""Shows that the operation tells when its results can be used, whatever becomes of the case."""

# each: runs, approvals, part → (hours, over) or the reason it is not told
CASES: dict[str, tuple[list, list, dict]] = {
    "all four parts": (
        [run("a", "08:00", "10:30", "11:00")], [approval("a", "10:00")],
        {"whole": (3.0, True), "queue": (2.0, True), "execution": (0.5, True), "usable": (0.5, True)},
    ),
    "nobody had to decide": (
        [run("a", "08:00", "08:30", "09:00")], [],
        {"whole": (1.0, True), "queue": "without", "execution": (0.5, True), "usable": (0.5, True)},
    ),
    "three failures and a success are one request of full length": (
        [run("a", "08:00", "08:10", outcome="failure"), run("b", "09:00", "09:10", outcome="error"),
         run("c", "10:00", "10:10", outcome="failure"), run("d", "11:00", "11:30", "12:00")],
        [approval("a", "08:05")],
        {"whole": (4.0, True), "queue": (1 / 12, True), "execution": (3 + 25 / 60, True), "usable": (0.5, True)},
    ),
    "still waiting for a decision": (
        [run("a", "08:00", outcome=None)], [approval("a", None, None)],
        {"whole": (16.0, False), "queue": (16.0, False), "execution": "without", "usable": "without"},
    ),
    "refused": (
        [run("a", "08:00", "09:00", outcome="cancel")], [approval("a", "09:00", "rejected")],
        {"whole": (1.0, False), "queue": (1.0, True), "execution": "without", "usable": "without"},
    ),
    "withdrawn at a known time is no answer": (
        [run("a", "08:00", "09:00", outcome="cancel")], [approval("a", "09:00", None, status="cancelled")],
        {"whole": (1.0, False), "queue": (1.0, False), "execution": "without", "usable": "without"},
    ),
    "decided, not known when": (
        [run("a", "08:00", "10:00", "11:00")], [approval("a", None, status="approved")],
        {"whole": (3.0, True), "queue": "undated", "execution": "undated", "usable": (1.0, True)},
    ),
    "decided after it ended": (
        [run("a", "08:00", "09:00", "09:30")], [approval("a", "10:00")],
        {"whole": (1.5, True), "queue": (2.0, True), "execution": "backwards", "usable": (0.5, True)},
    ),
    "sent back and then approved: the last answer counts": (
        [run("a", "08:00", "12:00", "12:30")], [approval("a", "09:00", "requestchanges"), approval("a", "11:00")],
        {"whole": (4.5, True), "queue": (3.0, True), "execution": (1.0, True), "usable": (0.5, True)},
    ),
    "made, and not usable yet": (
        [run("a", "08:00", "10:00")], [],
        {"whole": (16.0, False), "queue": "without", "execution": (2.0, True), "usable": (14.0, False)},
    ),
    "running still": (
        [run("a", "08:00", outcome=None)], [],
        {"whole": (16.0, False), "queue": "without", "execution": (16.0, False), "usable": "without"},
    ),
    "given up is no fast success": (
        [run("a", "08:00", "08:10", outcome="failure")], [],
        {"whole": (1 / 6, False), "queue": "without", "execution": (1 / 6, False), "usable": "without"},
    ),
    "given up, not told when": (
        [run("a", "08:00", outcome="failure")], [],
        {"whole": "untold", "queue": "without", "execution": "untold", "usable": "without"},
    ),
    "what will be known later is not known yet": (
        [run("a", "08:00", finished_at="2026-03-04T08:00", usable_at="2026-03-05T08:00")], [],
        {"whole": (16.0, False), "queue": "without", "execution": "untold", "usable": "untold"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_parts_of_a_request(company, settings, as_of, name):
    runs, approvals, expected = CASES[name]
    made = company(action_runs=[OTHER, *runs], approvals=approvals)
    found = timed(made, settings(), as_of("2026-03-03")).filter(request_id="a").row(0, named=True)
    told = {part: found[f"{part}_why"] or (found[f"{part}_hours"], found[f"{part}_hit"]) for part in expected}
    for part, value in expected.items():
        assert told[part] == (pytest.approx(value[0]), value[1]) if isinstance(value, tuple) else told[part] == value, (
            part
        )


def test_where_a_person_is_said_to_decide_and_no_approval_is_in_the_data_the_split_is_not_known(
    company, settings, as_of
):
    made = company(action_runs=[run("a", "08:00", "10:00", "11:00")], operations=GATED)
    found = provisioning(made, settings(), as_of("2026-04-01")).filter(
        scope="org", every="1mo", operation_id="database"
    )
    told = {row["part"]: (row["n"], row["unseen"]) for row in found.to_dicts()}
    assert told == {"whole": (1, 0), "queue": (0, 1), "execution": (0, 1), "usable": (1, 0)}
    # one approval of such a run shows that they are recorded: then no approval is none
    both = company(
        action_runs=[run("a", "08:00", "10:00", "11:00"), OTHER], operations=GATED, approvals=[approval("z", "08:30")]
    )
    found = provisioning(both, settings(), as_of("2026-04-01")).filter(
        scope="org", every="1mo", part="queue", operation_id="database"
    )
    assert found.select("unseen", "without", "n").row(0) == (0, 1, 1)  # fmt: skip


def test_every_request_is_in_one_place(company, settings, as_of):
    runs = [OTHER] + [{**r, "run_id": f"{i}{r['run_id']}", "requestor_id": f"{i}", "service_id": f"{i}"} for i, (case, _, _) in enumerate(CASES.values()) for r in case]  # fmt: skip
    asked = [{**a, "subject_id": f"{i}{a['subject_id']}", "approval_id": f"{i}{a['approval_id']}"} for i, (_, case, _) in enumerate(CASES.values()) for a in case]  # fmt: skip
    found = provisioning(company(action_runs=runs, approvals=asked), settings(), as_of("2026-03-03")).filter(
        scope="org", every="1mo"
    )
    assert found.filter(pl.col("title").is_null())["requests"].unique().to_list() == [1 + len(CASES)]
    assert (
        found["requests"] == found["without"] + found["n"] + found.select(pl.sum_horizontal(REASONS)).to_series()
    ).all()
    assert (found["censored"] <= found["n"]).all()  # fmt: skip


def test_median_tail_and_what_is_not_over(company, settings, as_of):
    runs = [
        run(f"r{h:02d}", "00:00", f"{h:02d}:00", f"{h:02d}:30", service_id=f"s{h}", requestor_id=f"p{h}")
        for h in range(1, 11)
    ]
    found = provisioning(company(action_runs=runs), settings(), as_of("2026-04-01")).filter(
        scope="org", every="1mo", part="execution"
    )
    row = found.row(0, named=True)
    assert (row["n"], row["censored"], row["median"], row["p90"]) == (10, 0, 5.5, 9.5)
    nine = provisioning(company(action_runs=runs[:9]), settings(), as_of("2026-04-01")).filter(
        scope="org", every="1mo", part="execution"
    )
    assert nine["p90"].to_list() == [None, None]  # fmt: skip


def test_the_whole_is_the_time_to_provision(sample):
    found = sample.study("provisioning").filter(pl.col("title").is_null(), part="whole")
    answers = sample.answers(every=("1mo", "1q")).filter(metric="provisioning_time")
    both = found.join(answers, on=["scope", "entity_id", "every", "period"], suffix="_answer")
    assert both.height == found.height > 50
    assert (both["n"] == both["n_answer"]).all()
    assert (both["untold"] + both["backwards"] == both["missing"]).all()
    same = both.drop_nulls(["median", "value"])
    assert (same["median"] - same["value"]).abs().max() < 1e-9


# --- what became of the runs -----------------------------------------------------------------------------------------------------

FATES = {
    "succeeded": (run("a", "08:00", "08:30"), None),
    "failed": (run("a", "08:00", "08:30", outcome="error"), None),
    "cancelled": (run("a", "08:00", outcome="cancel"), None),
    "withdrawn": (run("a", "08:00", outcome="cancel"), approval("a", None, None, status="cancelled")),
    "refused": (run("a", "08:00", outcome="cancel"), approval("a", "08:30", "rejected")),
    "pending": (run("a", "08:00", outcome=None), approval("a", None, None)),
    "untold": (run("a", "08:00", "09:00", outcome=None), None),
}


@pytest.mark.parametrize("name", FATES)
def test_each_run_came_to_one_end(company, settings, as_of, name):
    one, asked = FATES[name]
    made = company(action_runs=[one], approvals=[asked] if asked else [])
    row = run_outcomes(made, settings(), as_of("2026-04-01")).filter(scope="org", every="1mo").row(0, named=True)
    assert {fate: row[fate] for fate in OUTCOMES} == {fate: int(fate == name) for fate in OUTCOMES}
    assert row["share"] == {"succeeded": 1.0, "failed": 0.0}.get(name)


def test_what_is_neither_is_beside_the_share(company, settings, as_of):
    runs = [{**one, "run_id": name} for name, (one, _) in FATES.items()]
    asked = [{**gate, "subject_id": name, "approval_id": name} for name, (_, gate) in FATES.items() if gate]
    found = run_outcomes(company(action_runs=runs, approvals=asked), settings(), as_of("2026-04-01"))
    row = found.filter(pl.col("title").is_null(), scope="org", every="1mo").row(0, named=True)
    assert (row["runs"], row["share"]) == (7, 0.5)
    early = run_outcomes(company(action_runs=runs), settings(), as_of("2026-03-02T08:15"))
    assert early.filter(pl.col("title").is_null(), scope="org", every="1mo")["pending"].to_list() == [4]


def test_planted_outcomes_come_back(sample, repository):
    import json

    status = json.loads((repository / "data/sample/truth.json").read_text())["approvals"]["by_status"]
    whole = sample.study("run_outcomes").filter(pl.col("title").is_null(), scope="org", every="1q")
    assert whole["runs"].sum() == sample.tables["action_runs"].height
    assert whole["withdrawn"].sum() == status["cancelled"] + status["expired"]
    answers = sample.answers(every=("1q",)).filter(metric="run_success_share", scope="org")
    both = whole.join(answers, on="period", suffix="_answer")
    assert (both["succeeded"] == both["k"]).all()
    assert (both["succeeded"] + both["failed"] == both["n"]).all()


def test_nothing_is_a_typed_empty_frame(company, settings, as_of):
    for study, columns in ((provisioning, PART_COLUMNS), (run_outcomes, OUTCOME_COLUMNS)):
        assert study(company(), settings(), as_of("2026-04-01")).schema == pl.Schema(columns)
