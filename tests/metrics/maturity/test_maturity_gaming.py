"""Could a level look higher than things are? Each check by hand: what raises it, and what is close to it and does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import polars as pl
import pytest
from scipy.stats import binom, false_discovery_control

from idp_analytics.metrics.maturity import changes, gaming, studies, targets
from idp_analytics.metrics.maturity.evidence import CRITERIA
from idp_analytics.settings import Settings
from idp_analytics.settings.maturity_model import Aspect, AspectTarget, Criterion, Exemption, Item, Model

AS_OF = "2026-07-01"


def criterion(name, level, source, threshold):
    return Criterion(name, "a", level, "team", name, source, False, True, threshold)


MODEL = Model(
    "m", "1.0.0", "M", "", ("one", "two", "three", "four"), {}, (Aspect("a", "Aspect", "?", ("", "", "", "")),),
    tuple(Item(f"i{n}", "a", "?", ("", "", "", "")) for n in range(10)),
    (
        criterion("second", 2, "postmortem_actions_in_time", 0.6), criterion("third", 3, "retrospective_actions_in_time", 0.9),
        criterion("fourth", 4, "services_with_an_owner", 0.5),
    ),
)  # fmt: skip
OWNED = {"services": [{"service_id": "shop", "lifecycle": "production"}], "ownership": [{"service_id": "shop", "team_id": "red"}]}  # fmt: skip


def action(name, closed, origin="postmortem", team="red"):
    return {"action_id": name, "team_id": team, "origin": origin, "opened_on": "2025-10-01", "due_on": "2026-01-15", "closed_on": closed}  # fmt: skip


KEPT = [action(f"k{n}", "2026-01-10") for n in range(20)] + [
    action(f"r{n}", "2026-01-10", "retrospective") if n < 8 else action(f"r{n}", "2026-01-20", "retrospective") for n in range(12)
]  # fmt: skip
"""20 of 20 postmortem actions in time, 8 of 12 of retrospectives."""


def said(wave, day, *levels, team="red"):
    """One form per level, which answers that to every question."""
    return [
        {
            "assessment_id": f"{wave}{team}{who}", "item_id": f"i{n}", "wave": wave, "team_id": team, "respondent_id": f"p{who}", "model_version": MODEL.edition,
            "answer": str(level), "submitted_at": f"{day}T0{who}:00",
        }
        for who, level in enumerate(levels) for n in range(10)
    ]  # fmt: skip


@pytest.fixture
def found(company, as_of):
    """``found(check, …tables)`` → its rows about team red (or ``whose``), by verdict and number."""

    def of(check, published=None, model=MODEL, whose="red", **tables):
        settings = Settings("o", "O", None, maturity=model)
        told = gaming.maturity_gaming(
            company(**{"actions": KEPT, **OWNED, **tables}), settings, as_of(AS_OF), published
        )
        assert dict(told.schema) == gaming.COLUMNS
        return told.filter(entity_id=whose, check=check).to_dicts()

    return of


def test_who_says_more_while_nothing_measured_moved_is_asked(found):
    first, second = said("w1", "2026-04-02", *[2] * 5), said("w2", "2026-06-02", *[3] * 6)
    (row,) = found(gaming.SAID, assessments=[*first, *second])
    assert (row["verdict"], row["before"], row["now"], row["n_before"], row["n"]) == ("look here", 2, 3, 5, 6)
    assert (row["k"], row["of"]) == (0, 3)
    # Something moved: of retrospectives 88 of 92 were in time in the half year, after 8 of 12.
    moved = [{**action(f"m{n}", "2026-04-20", "retrospective"), "due_on": "2026-05-01"} for n in range(80)]
    (row,) = found(gaming.SAID, assessments=[*first, *second], actions=[*KEPT, *moved])
    assert (row["verdict"], row["k"]) == ("nothing to see", 1)
    # Who says the same, or less, is not asked.
    (row,) = found(gaming.SAID, assessments=[*said("w1", "2026-04-02", *[3] * 5), *said("w2", "2026-06-02", *[3] * 6)])
    assert row["verdict"] == "nothing to see"


@pytest.mark.parametrize(("before", "now"), [(4, 6), (6, 4), (0, 6), (4, 4)])
def test_of_fewer_than_five_nothing_is_told_of_what_they_say(found, before, now):
    rows = [*said("w1", "2026-04-02", *[2] * before), *said("w2", "2026-06-02", *[3] * now)]
    assert found(gaming.SAID, assessments=rows) == []


def test_how_many_teams_are_of_one_mind_is_told_and_never_which_nor_that_all_are(found):
    def teams(*one_mind):
        levels = ([3] * 5 if same else [3, 3, 3, 3, 2] for same in one_mind)
        return [row for n, told in enumerate(levels) for row in said("w", "2026-06-02", *told, team=f"t{n}")]

    (row,) = found(gaming.SAME, assessments=teams(True, False, False, False, True), whose="org")
    assert (row["verdict"], row["k"], row["of"], row["n"], row["now"]) == ("look here", 2, 5, 5, 0.4)
    assert row["low"] == pytest.approx(0.1176, abs=1e-4)  # Wilson, 2 of 5
    (row,) = found(gaming.SAME, assessments=teams(*[False] * 5), whose="org")
    assert (row["verdict"], row["k"]) == ("nothing to see", 0)
    # What all teams said, everybody said.
    (row,) = found(gaming.SAME, assessments=teams(*[True] * 5), whose="org")
    assert (row["verdict"], row["k"], row["of"]) == ("too little to tell", None, None)
    assert found(gaming.SAME, assessments=teams(*[True] * 4), whose="org") == []
    # One who left a question out, or said that it is not known, is of another mind.
    other = [row for row in teams(True, *[False] * 4) if (row["assessment_id"], row["item_id"]) != ("wt00", "i4")]
    (row,) = found(gaming.SAME, assessments=other, whose="org")
    assert row["k"] == 0


def test_records_of_the_last_two_weeks_of_a_quarter_are_tested_by_days(found):
    days = [f"2026-06-{day}" for day in range(18, 28)]
    (row,) = found(gaming.LATE, actions=[action(f"a{n}", day) for n, day in enumerate(days)])
    # All of ten days lie in 14 of 91.
    assert (row["verdict"], row["k"], row["of"], row["n"], row["expected"]) == ("look here", 10, 10, 10, pytest.approx(14 / 91))  # fmt: skip
    assert row["p"] == pytest.approx((14 / 91) ** 10)
    # As many on one day are one event.
    (row,) = found(gaming.LATE, actions=[action(f"a{n}", "2026-06-20") for n in range(10)])
    assert (row["verdict"], row["p"], row["n"]) == ("too little to tell", None, 1)
    # All through the quarter there is nothing to see; before it nothing counts.
    spread = [f"2026-0{month}-{day}" for month in (3, 4, 5, 6) for day in (10, 20, 25)]
    (row,) = found(gaming.LATE, actions=[action(f"a{n}", day) for n, day in enumerate(spread)])
    assert (row["verdict"], row["k"], row["of"]) == ("nothing to see", 2, 9)
    held = [{"incident_id": f"i{n}", "severity": 1, "postmortem_on": day, "opened_at": "2026-05-01T00:00"} for n, day in enumerate(days)]  # fmt: skip
    (row,) = found(gaming.LATE, actions=[], incidents=held)
    assert row["verdict"] == "look here"


# --- what is chosen -----------------------------------------------------------------------------------------------------


@pytest.fixture
def published(company, as_of):
    """What was published before by :data:`MODEL` at the end of the same data: nothing but settings can have changed."""

    def of(model=MODEL):
        given = (company(actions=KEPT, **OWNED), Settings("o", "O", None, maturity=model), as_of(AS_OF))
        return changes.Published(
            "2026-05", as_of(AS_OF), studies.maturity(*given), studies.maturity_criteria(*given), targets.maturity_targets(*given)
        )  # fmt: skip

    return of


def with_third(at):
    return replace(MODEL, criteria=tuple(replace(c, threshold=at) if c.id == "third" else c for c in MODEL.criteria))


@pytest.mark.parametrize(("at", "verdict", "k"), [(0.3, "look here", 1), (0.85, "nothing to see", 1), (0.95, "nothing to see", 0), (0.9, "nothing to see", 0)])  # fmt: skip
def test_a_threshold_eased_is_asked_about_where_a_level_is_higher_for_it(found, published, at, verdict, k):
    (row,) = found(gaming.EASED, published(), with_third(at))
    assert (row["verdict"], row["k"], row["of"]) == (verdict, k, 3)
    assert (row["before"], row["now"]) == (2, 4 if verdict == "look here" else 2)


def test_an_exemption_more_is_asked_about_where_a_level_may_be_higher_for_it(found, published):
    excused = replace(MODEL, exemptions=(Exemption("third", "exempt", "why not", "CTO", None, date(2027, 1, 1)),))
    (row,) = found(gaming.EXCUSED, published(), excused)
    assert (row["verdict"], row["k"], row["of"]) == ("look here", 1, 3)
    # It was there before.
    (row,) = found(gaming.EXCUSED, published(excused), excused)
    assert (row["verdict"], row["k"]) == ("nothing to see", 0)


def aiming(level, **whose):
    return replace(MODEL, targets=(AspectTarget("a", level, date(2026, 12, 31), "why", **whose),))


@pytest.mark.parametrize(
    ("was", "now", "verdict"),
    [
        (MODEL, 2, "look here"), (MODEL, 3, "nothing to see"), (aiming(3, team="red"), 2, "look here"), (aiming(2, team="red"), 2, "nothing to see"),
    ],
)  # fmt: skip
def test_a_target_set_where_the_level_is_already_is_asked_about(found, published, was, now, verdict):
    (row,) = found(gaming.TARGET, published(was), aiming(now, team="red"))
    assert (row["verdict"], row["now"]) == (verdict, now)


def test_a_target_of_all_teams_is_asked_about_once_and_where_every_team_has_reached_it(found, published):
    both = {
        "services": [*OWNED["services"], {"service_id": "till", "lifecycle": "production"}],
        "ownership": [*OWNED["ownership"], {"service_id": "till", "team_id": "blue"}],
    }
    assert found(gaming.TARGET, published(), aiming(2, of_teams=True)) == []
    (row,) = found(gaming.TARGET, published(), aiming(2, of_teams=True), whose="org")
    assert (row["verdict"], row["k"], row["of"]) == ("look here", 1, 1)
    (row,) = found(gaming.TARGET, published(), aiming(2, of_teams=True), whose="org", **both)
    assert (row["verdict"], row["k"], row["of"]) == ("nothing to see", 1, 2)


def test_without_a_report_before_what_is_chosen_cannot_be_checked(found):
    assert [found(check, model=aiming(2, team="red")) for check in (gaming.EASED, gaming.EXCUSED, gaming.TARGET)] == [
        [],
        [],
        [],
    ]


# --- what is counted ----------------------------------------------------------------------------------------------------


def share(k, n, state, entity="red", **more):
    usual = {
        **dict.fromkeys(CRITERIA), "scope": "team", "entity_id": entity, "aspect": "a", "criterion": "c", "is_least": True, "threshold": 0.6,
        "kind": "share", "k": float(k), "n": n, "value": k / n, "p": 0.5, "state": state,
    }  # fmt: skip
    return pl.DataFrame([{**usual, **more}], schema=CRITERIA)


@pytest.mark.parametrize(
    ("then", "now", "holds"),
    [
        ((20, 40, "not met"), (10, 10, "met"), True),
        ((20, 40, "not met"), (21, 22, "met"), False),  # more do it
        ((20, 40, "met"), (10, 10, "met"), False),  # it stood so before
        ((20, 40, "not met"), (4, 10, "unknown"), False),  # the share fell
    ],
)
def test_a_share_that_rose_because_fewer_are_counted(then, now, holds):
    first, today = share(*then), share(*now)
    chain = changes.Chain(changes.QUARTER, None, datetime(2026, 4, 1, tzinfo=UTC), first, first, {})
    (row,) = gaming._fewer(chain, today).to_dicts()
    assert row["holds"] == holds
    assert row["p"] == pytest.approx(binom.cdf(now[1], then[1] + now[1], 0.5))


def test_teams_just_over_a_threshold_are_counted_and_none_is_named(settings):
    near = [share(62, 100, "met", f"t{n}") for n in range(7)] + [share(58, 100, "not met", "low"), share(90, 100, "met", "far")]  # fmt: skip
    (row,) = gaming._near(pl.concat(near), settings()).to_dicts()
    assert (row["entity_id"], row["k"], row["of"], row["now"]) == ("org", 7, 8, 0.875)
    assert row["p"] == pytest.approx(9 / 256)  # 7 or 8 of 8
    assert gaming._near(pl.concat(near[3:7]), settings()).is_empty()  # too few to count


def test_all_tests_of_a_scope_are_counted_in():
    ps = [0.01, 0.04, 0.03, None]
    rows = [
        {"scope": "team", "entity_id": str(n), "check": gaming.FEWER, "p": p, "holds": True} for n, p in enumerate(ps)
    ]
    told = gaming._judged(gaming._shaped(pl.DataFrame([*rows, {**rows[0], "scope": "org"}])), 0.95)
    assert told["q"].to_list()[:3] == pytest.approx(false_discovery_control(ps[:3]))
    assert (told["q"][3], told["q"][4]) == (None, 0.01)
    assert told["verdict"].to_list() == ["look here"] * 5
