"""How many answers say how much: worked by hand, by published tables and by the trap in the library."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from statsmodels.stats.proportion import samplesize_proportions_2indep_onetail

from idp_analytics.settings import Rules, Settings
from idp_analytics.survey.plan import answers_needed, half_width, plan, said, smallest_change
from idp_analytics.tables import TABLES, empty

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)


def test_fewer_answers_are_needed_of_fewer_people():
    # Of very many: Wilson's half width at a half is z ÷ 2√(n + z²), so n = z² (1 ÷ 4w² − 1) = 3.8415 × 24 = 92.2.
    assert answers_needed(1_000_000, 0.1, 0.95) == 93
    # Of 93 people as well as asked: n(N − 1) ÷ (N − n) ≥ 92.2 is met by 93 × 92.2 ÷ (92 + 92.2) = 46.6.
    assert answers_needed(93, 0.1, 0.95) == 47
    assert answers_needed(6, 0.1, 0.95) == 6  # only everybody
    assert answers_needed(0, 0.1, 0.95) == 0


@pytest.mark.parametrize("people", [5, 12, 56, 400])
def test_one_answer_fewer_is_too_few_and_more_never_widen(people):
    needed = answers_needed(people, 0.1, 0.95)
    widths = half_width(np.arange(1, people + 1), np.full(people, people), 0.95)
    assert widths[needed - 1] <= 0.1 and (needed == 1 or widths[needed - 2] > 0.1)
    assert widths[-1] == 0 and (np.diff(widths) <= 1e-12).all()


@pytest.mark.parametrize("answers", [20, 58, 200, 1_000])
def test_the_smallest_change_is_the_one_that_needs_so_many_answers(answers):
    rise = smallest_change(answers, 0.95)
    assert rise is not None
    assert samplesize_proportions_2indep_onetail(rise, 0.5, 0.8, alpha=0.05) == pytest.approx(answers, rel=0.02)
    # The trap: the library halves a two-sided alpha itself, and the half of it asks for a fifth more.
    halved = samplesize_proportions_2indep_onetail(rise, 0.5, 0.8, alpha=0.025)
    assert halved / answers == pytest.approx(1.21, abs=0.03)


def test_a_rise_from_a_half_to_three_quarters_needs_58_in_each_wave():
    """Fleiss, Levin & Paik 2003, table A.4, without the correction for continuity."""
    assert smallest_change(58, 0.95) == pytest.approx(0.25, abs=0.002)
    assert smallest_change(5, 0.95) is None and smallest_change(0, 0.95) is None
    assert smallest_change(40, 0.99) > smallest_change(40, 0.95) > smallest_change(80, 0.95)  # type: ignore[operator]


def tables(**sizes: int) -> dict[str, pl.LazyFrame]:
    """Teams of so many developers, each with a bot and somebody who has left."""
    people, memberships = [], []
    for team, size in sizes.items():
        for number in range(size + 2):
            person = f"{team}-{number}"
            gone = date(2026, 1, 1) if number == size + 1 else None
            people.append({"person_id": person, "is_developer": True, "is_bot": number == size, "ended_on": gone})
            memberships.append({"person_id": person, "team_id": team})
    rows = {
        "people": people,
        "memberships": memberships,
        "teams": [{"team_id": team, "name": team.upper()} for team in sizes],
    }
    return {
        name: (
            pl.concat([empty(name), pl.DataFrame(rows[name], infer_schema_length=None)], how="diagonal_relaxed")
            if rows.get(name)
            else empty(name)
        ).lazy()
        for name in TABLES
    }


def test_a_plan_for_every_team():
    settings = Settings("acorn", "Acorn", Path("acorn"))
    found = plan(tables(big=150, four=4, six=6), settings, AS_OF, 0.1, 0.6)
    assert found["who"].to_list() == ["organisation", "BIG", "FOUR", "SIX"]
    assert found["developers"].to_list() == [160, 150, 4, 6]
    assert found["expected_answers"].to_list() == [96, 90, 2, 3]
    assert found["answers_needed"].to_list() == [answers_needed(n, 0.1, 0.95) for n in (160, 150, 4, 6)]
    assert found["prices"].to_list() == [3, 3, 0, 0]
    assert found["shown"].to_list() == ["from 5 answers", "from 5 answers", "never: too few people", "from 5 answers"]
    assert found["smallest_change"].is_null().to_list() == [False, False, True, True]
    words = " ".join(said(found, Rules(), 0.1, 0.6))
    assert "Never shown, with fewer than 5 developers: FOUR." in words
    assert "At 60% too few would answer to be shown: SIX." in words
    assert "The referendum can show 3 prices" in words and "must not be halved before" in words


def test_few_people_can_be_asked_for_one_price_or_none():
    settings = Settings("acorn", "Acorn", Path("acorn"))
    for size, says in (
        (60, "can show 1 price (30 answers each), for the organisation only: begin with what it really costs"),
        (20, "Too few answers to ask about a price"),
    ):
        assert says in " ".join(said(plan(tables(big=size), settings, AS_OF, 0.1, 0.5), Rules(), 0.1, 0.5))
    nobody = plan(tables(), settings, AS_OF, 0.1, 0.6)
    assert nobody.height <= 1
