"""How far targets are: whose target holds, levels to go, and SAMM's percent to target as one case of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.metrics.maturity.evidence import CRITERIA, STATES
from idp_analytics.metrics.maturity.scorecards import percent_to_target
from idp_analytics.metrics.maturity.targets import gaps
from idp_analytics.settings import Settings
from idp_analytics.settings.maturity_model import AspectTarget, shipped

DAY = date(2026, 12, 31)
MOMENT = datetime(2026, 7, 1, tzinfo=UTC)
P = {"met": 1.0, "not met": 0.0, "unknown": None, "not applicable": None, "exempt": None}


def seen(rows, whose=("team", "red")):
    """``(level, state, weight)`` each, of the aspect adoption."""
    made = [
        {
            **dict.fromkeys(CRITERIA), "scope": whose[0], "entity_id": whose[1], "aspect": "adoption", "level": level, "state": state, "weight": weight,
            "criterion": f"c{number}", "p": P[state], "is_critical": False, "is_stress": False, "is_least": True, "kind": "share",
        }
        for number, (level, state, weight) in enumerate(rows)
    ]  # fmt: skip
    return pl.DataFrame(made, schema=CRITERIA)


def company(*targets):
    return Settings("o", "O", None, maturity=replace(shipped(), targets=targets))


def of(rows, level, as_of, at="2026-07-01"):
    target = AspectTarget("adoption", level, DAY, "promised", "red")
    return gaps(seen(rows), company(target), as_of(at)).row(0, named=True)


@pytest.mark.parametrize(
    ("rows", "level", "state", "to_go", "there"),
    [
        ([(2, "met", 1.0), (3, "met", 1.0), (4, "not met", 1.0)], 3, "reached", (0, 0), (1.0, 1.0)),
        ([(2, "met", 1.0), (3, "not met", 1.0), (4, "not met", 1.0)], 4, "not reached", (2, 2), (1 / 3, 1 / 3)),
        # Level 4 is no part of a target of 3; what is not known leaves it open.
        ([(2, "met", 1.0), (3, "unknown", 1.0), (4, "not met", 1.0)], 3, "cannot be told", (0, 1), (0.5, 1.0)),
        # By weight, and of what applies: 3 of 4.
        ([(2, "met", 3.0), (2, "not met", 1.0), (3, "not applicable", 5.0), (4, "not met", 1.0)], 3, "not reached", (1, 1), (0.75, 0.75)),
    ],
)  # fmt: skip
def test_targets_by_hand(rows, level, state, to_go, there, as_of):
    row = of(rows, level, as_of)
    assert row["state"] == state or state == "cannot be told"
    assert (row["state"], row["gap_low"], row["gap_high"]) == (state, *to_go)
    assert (row["there_low"], row["there_high"]) == pytest.approx(there)
    assert not row["is_due"]


def test_a_day_that_has_come_is_told(as_of):
    rows = [(2, "met", 1.0), (3, "not met", 1.0), (4, "not met", 1.0)]
    assert of(rows, 3, as_of, "2026-12-31")["is_due"]
    assert not of(rows, 3, as_of, "2026-12-30")["is_due"]


def test_a_teams_own_target_comes_before_that_of_all_teams_and_the_organisations_is_its_own(as_of):
    rows = [(2, "met", 1.0), (3, "not met", 1.0), (4, "not met", 1.0)]
    whole = pl.concat([seen(rows, whose) for whose in (("org", "org"), ("team", "red"), ("team", "blue"))])
    settings = company(
        AspectTarget("adoption", 4, DAY, "all teams", None, True),
        AspectTarget("adoption", 2, DAY, "red is new", "red"),
        AspectTarget("adoption", 3, DAY, "the whole"),
    )
    found = {
        row["entity_id"]: (row["target"], row["reason"])
        for row in gaps(whole, settings, as_of("2026-07-01")).to_dicts()
    }
    assert found == {"org": (3, "the whole"), "blue": (4, "all teams"), "red": (2, "red is new")}


def test_no_target_no_row(as_of):
    assert gaps(seen([(2, "met", 1.0)]), company(), as_of("2026-07-01")).is_empty()


SOME = st.lists(
    st.tuples(st.sampled_from([2, 3, 4]), st.sampled_from(STATES), st.integers(1, 8)), min_size=1, max_size=9
)


@given(SOME, st.sampled_from([2, 3, 4]))
def test_percent_to_target_of_samm_is_the_same(rows, level):
    target = AspectTarget("adoption", level, DAY, "promised", "red")
    row = gaps(seen([(at, state, w / 4) for at, state, w in rows]), company(target), MOMENT).row(0, named=True)
    asked = {
        str(n): w / 4
        for n, (at, state, w) in enumerate(rows)
        if at <= level and state not in ("exempt", "not applicable")
    }
    for end, held in (("there_low", ("met",)), ("there_high", ("met", "unknown"))):
        current = {name: weight for name, weight in asked.items() if rows[int(name)][1] in held}
        expected = percent_to_target(current, asked)
        assert row[end] == (pytest.approx(expected) if expected is not None else None)
