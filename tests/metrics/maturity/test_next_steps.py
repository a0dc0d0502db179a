"""What to do next: which two by which rule, never a level beyond the next, never what only waiting brings, and what was resolved before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from idp_analytics.metrics.maturity.evidence import CRITERIA
from idp_analytics.metrics.maturity.measured import ABSENT, FEW
from idp_analytics.metrics.maturity.next_steps import AT_ONCE, action_id, chosen, maturity_steps, taken
from idp_analytics.settings import Settings
from idp_analytics.settings.maturity_model import AspectTarget, Criterion, shipped

AT = "2026-07-01"
MOMENT = datetime(2026, 7, 1, tzinfo=UTC)
SHARES = {"met": (99, 100), "not met": (40, 100), "near": (55, 100), "far": (5, 100), "seldom": (4, 6)}
"""k of n against a threshold of 0.6; 4 of 6 is more, and too few to be sure."""


def row(criterion, aspect, level, told, **more):
    k, n = SHARES.get(told, (None, None))
    p = float(beta.sf(0.6, k + 0.5, n - k + 0.5)) if n else None
    state = "unknown" if p is None or 0.1 < p < 0.9 else "met" if p >= 0.9 else "not met"
    return {
        **dict.fromkeys(CRITERIA), "scope": "team", "entity_id": "red", "aspect": aspect, "level": level, "criterion": criterion, "source": criterion,
        "says": f"says {criterion}", "is_least": True, "threshold": 0.6, "kind": "share" if n else None, "k": k, "n": n, "value": k / n if n else None,
        "p": p, "state": state, "why": None if n else told, "is_critical": False, "is_stress": False, "weight": 1.0, "unit": "share of things", **more,
    }  # fmt: skip


def model_of(rows, *targets):
    """Settings whose model has the criteria in the order of ``rows``."""
    criteria = tuple(
        Criterion(r["criterion"], r["aspect"], r["level"], "team", r["says"], r["source"], False, True, 0.6, is_stress=r["is_stress"]) for r in rows
    )  # fmt: skip
    return Settings("o", "O", None, maturity=replace(shipped(), criteria=criteria, targets=targets))


def steps(rows, as_of, *targets, actions=None, at=AT):
    settings = model_of(rows, *targets)
    nothing = taken_of([], as_of) if actions is None else actions
    return chosen(pl.DataFrame(rows, schema=CRITERIA), nothing, settings, as_of(at))


def taken_of(rows, as_of, at=AT):
    from idp_analytics.tables import TABLES

    schema = TABLES["actions"].schema
    made = [{**dict.fromkeys(schema), "origin": "recommendation", "team_id": "red", **one} for one in rows]
    return taken({"actions": pl.DataFrame(made, schema=schema).lazy()}, Settings("o", "O", None), as_of(at))


def step(criterion, period="2026-Q1", opened=date(2026, 3, 31), **more):
    return {"action_id": action_id(period, "team", "red", criterion), "origin_id": criterion, "opened_on": opened, "due_on": date(2026, 6, 30), **more}  # fmt: skip


TWO = [
    row("a2", "adoption", 2, "met"), row("a3", "adoption", 3, "not met"), row("a3-near", "adoption", 3, "near"), row("a4", "adoption", 4, "near"),
    row("o2", "operations", 2, "far"), row("o3", "operations", 3, "near"), row("o4", "operations", 4, "near"),
]  # fmt: skip


def names(found):
    return found["criterion"].to_list()


def test_the_nearest_first_and_never_a_level_beyond_the_next(as_of):
    found = steps(TWO, as_of)
    # Adoption stands at 2, so its 3 is next; operations at 1, so of it nothing above 2 is a step.
    assert names(found) == ["a3-near", "a3"]
    assert found["from_level"].to_list() == [2, 2]
    assert found["because"].to_list() == ["nearest to being met"] * 2
    assert found["status"].unique().to_list() == ["proposed"]


def test_a_target_comes_first_and_the_wider_gap_before_the_other(as_of):
    of_operations = AspectTarget("operations", 2, date(2026, 12, 31), "promised", "red")
    found = steps(TWO, as_of, of_operations)
    assert names(found) == ["o2", "a3-near"]
    assert found["because"].to_list() == ["a target", "nearest to being met"]
    assert (found["target"][0], found["by"][0]) == (2, date(2026, 12, 31))
    wider = AspectTarget("adoption", 4, date(2026, 12, 31), "promised", "red")
    assert names(steps(TWO, as_of, of_operations, wider)) == ["a3-near", "a3"]
    reached = AspectTarget("adoption", 2, date(2026, 12, 31), "promised", "red")
    assert steps(TWO, as_of, reached)["because"].unique().to_list() == ["nearest to being met"]


def test_what_is_not_kept_under_stress_comes_before_what_is_near(as_of):
    rows = [*TWO, row("a-stress", "adoption", 3, "far", is_stress=True)]
    found = steps(rows, as_of)
    assert names(found) == ["a-stress", "a3-near"]
    assert found["because"].to_list() == ["not kept under stress", "nearest to being met"]


def test_what_only_waiting_brings_is_no_step_and_what_could_be_recorded_comes_last(as_of):
    rows = [row("a2", "adoption", 2, "met"), row("a3", "adoption", 3, "seldom"), row("a3-few", "adoption", 3, FEW), row("a3-not", "adoption", 3, ABSENT), row("a4", "adoption", 4, "met")]  # fmt: skip
    assert names(steps(rows, as_of)) == ["a3-not"]
    rows.insert(3, row("a3-far", "adoption", 3, "far"))
    assert names(steps(rows, as_of)) == ["a3-far", "a3-not"]


def test_ties_follow_the_model_and_one_number_is_one_step(as_of):
    rows = [row("a2", "adoption", 2, "met"), *(row(name, "adoption", 3, "near") for name in ("z", "b", "y")), row("a4", "adoption", 4, "met")]  # fmt: skip
    assert names(steps(rows, as_of)) == ["z", "b"]
    rows[2]["source"] = "z"
    assert names(steps(rows, as_of)) == ["z", "y"]


def test_a_cell_that_is_full_enough_asks_for_nothing_more(as_of):
    # Six of seven is 86 %: fully, so the one left at level 2 does not stand in the way of level 3.
    rows = [*(row(f"a{n}", "adoption", 2, "met") for n in range(6)), row("left", "adoption", 2, "near"), row("a3", "adoption", 3, "far"), row("a4", "adoption", 4, "met")]  # fmt: skip
    assert names(steps(rows, as_of)) == ["a3"]
    assert names(steps(rows[1:], as_of)) == ["left", "a3"]  # five of six is not


def test_what_done_looks_like_is_the_fewest_that_pass_for_certain(as_of):
    found = steps(TWO, as_of).row(0, named=True)
    wanted, n = found["wanted_k"], found["n"]
    assert beta.sf(0.6, wanted + 0.5, n - wanted + 0.5) >= 0.9 > beta.sf(0.6, wanted - 0.5, n - wanted + 1.5)
    too_many = {"state": "not met", "p": 0.0, "k": 70.0, "value": 0.7}
    at_most = [{**r, "is_least": False, **(too_many if r["criterion"] == "a3" else {"state": "met"})} for r in TWO]
    found = steps(at_most, as_of).row(0, named=True)
    wanted, n = found["wanted_k"], found["n"]
    assert found["criterion"] == "a3"
    assert beta.cdf(0.6, wanted + 0.5, n - wanted + 0.5) >= 0.9 > beta.cdf(0.6, wanted + 1.5, n - wanted - 0.5)


def test_of_too_few_not_even_all_would_do(as_of):
    rows = [row("a2", "adoption", 2, "met"), {**row("a3", "adoption", 3, "far"), "k": 0.0, "n": 1, "value": 0.0}, row("a4", "adoption", 4, "met")]  # fmt: skip
    assert steps(rows, as_of)["wanted_k"].to_list() == [None]


# --- what was resolved before -------------------------------------------------------------------------------------------


def test_what_is_open_keeps_its_place(as_of):
    found = steps(TWO, as_of, actions=taken_of([step("a3")], as_of))
    assert list(zip(names(found), found["status"], strict=True)) == [("a3", "open"), ("a3-near", "proposed")]
    assert found["action_id"].to_list() == ["maturity/2026-Q1/team/red/a3", None]
    both = taken_of([step("a3"), step("a3-near")], as_of)
    assert steps(TWO, as_of, actions=both)["status"].to_list() == ["open", "open"]


def test_what_was_dropped_on_purpose_is_not_asked_again_for_a_year(as_of):
    dropped = taken_of([step("a3-near", closed_on=date(2026, 4, 2), outcome="dropped")], as_of)
    assert names(steps(TWO, as_of, actions=dropped)) == ["a3", "o2"]
    assert names(steps(TWO, as_of, actions=dropped, at="2027-04-03")) == ["a3-near", "a3"]


def test_done_and_still_not_met_is_told_with_how_often(as_of):
    done = taken_of([step("a3-near", closed_on=date(2026, 4, 2), outcome="done")], as_of)
    found = steps(TWO, as_of, actions=done)
    assert found["earlier"].to_list() == [1, 0]


def test_a_quarter_has_two_steps_also_when_they_are_done_early(as_of):
    done = [step(name, "2026-Q2", date(2026, 6, 30), closed_on=date(2026, 7, 5), outcome="done") for name in ("a3", "a3-near")]  # fmt: skip
    rows = [*TWO, row("a3-more", "adoption", 3, "near")]
    assert steps(rows, as_of, actions=taken_of(done, as_of, "2026-08-01"), at="2026-08-01").is_empty()
    assert len(steps(rows, as_of, actions=taken_of(done, as_of, "2026-10-01"), at="2026-10-01")) == AT_ONCE


def test_what_became_of_a_step_later_is_not_known_yet(as_of):
    found = taken_of([step("a3", closed_on=date(2026, 4, 2), outcome="done")], as_of, "2026-04-01")
    assert found.select("closed_on", "outcome").row(0) == (None, None)
    assert taken_of([step("a3")], as_of, "2026-03-01").is_empty()


def test_an_action_that_is_no_step_is_none(as_of):
    others = [
        {"action_id": "todo-1", "origin_id": "a3", "opened_on": date(2026, 3, 31)},
        {**step("a3"), "origin": "retrospective"},
        {**step("a3"), "origin_id": "a4"},
    ]
    assert taken_of(others, as_of).is_empty()


SOME = st.lists(
    st.tuples(st.sampled_from(["adoption", "operations"]), st.sampled_from([2, 3, 4]), st.sampled_from([*SHARES, FEW, ABSENT]), st.booleans()), max_size=12
)  # fmt: skip


@given(SOME, SOME)
def test_never_more_than_two_nor_beyond_the_next_level_nor_changed_by_another_team(mine, others):
    rows = [row(f"c{n}", aspect, 3 if stress else level, told, is_stress=stress) for n, (aspect, level, told, stress) in enumerate(mine)]  # fmt: skip
    theirs = [row(f"c{n}", aspect, level, told, entity_id="blue") for n, (aspect, level, told, _) in enumerate(others)]
    settings, at = model_of(rows), MOMENT
    nothing = taken_of([], lambda _: MOMENT)
    alone = chosen(pl.DataFrame(rows, schema=CRITERIA), nothing, settings, at)
    among = chosen(pl.DataFrame([*rows, *theirs], schema=CRITERIA), nothing, settings, at).filter(entity_id="red")
    assert alone.equals(among)
    assert alone.height <= AT_ONCE
    assert (alone["at_level"] <= alone["to_level"]).all()
    assert (alone["to_level"] == alone["from_level"] + 1).all()
    assert not set(alone["state"]) & {"met", "exempt", "not applicable"}


def test_without_data_the_step_is_to_record_something(company, as_of):
    found = maturity_steps(company(teams=[{"team_id": "red"}]), Settings("o", "O", None), as_of(AT))
    assert found["scope"].to_list() == ["org"] * len(found)
    assert all(one["p"] is not None or one["why"] == ABSENT for one in found.to_dicts())
