"""How far the people of a team agree: worked by hand, against the estimates of one team at a time, and never of too few."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations_with_replacement

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.estimates.ratings import average_deviation, within_group
from idp_analytics.metrics.maturity import self_levels
from idp_analytics.metrics.maturity.studies import shown
from idp_analytics.metrics.self_agreement import COLUMNS, self_agreement
from idp_analytics.settings import Rules, Settings
from idp_analytics.settings.maturity_model import Aspect, Contradiction, Item, shipped
from idp_analytics.tables import TABLES, empty

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)
FOUR = ("a", "b", "c", "d")
MODEL = replace(
    shipped(),
    aspects=(Aspect("x", "X", "x?", FOUR), Aspect("y", "Y", "y?", FOUR)),
    items=(Item("x-1", "x", "?", FOUR), Item("x-2", "x", "?", FOUR), Item("y-1", "y", "?", FOUR)),
    contradictions=(Contradiction(("x-1", "y-1"), (1, 4), (1, 4), "hardly"),),
)
ITEMS = [item.id for item in MODEL.items]


def company(forms, least=1, late=("", AS_OF), **changed):
    """``forms``: (team, who, answers to x-1, x-2 and y-1; None: not answered); ``late``: one form and when it came."""
    rows = [
        {
            "assessment_id": f"{team}-{who}", "item_id": item, "wave": "w", "team_id": team, "respondent_id": None, "role": "user",
            "model_version": MODEL.version, "answer": str(answer), "submitted_at": AS_OF - timedelta(days=30), **changed,
        }
        for team, who, answers in forms
        for item, answer in zip(ITEMS, answers, strict=True)
        if answer is not None
    ]  # fmt: skip
    rows = [{**one, "submitted_at": late[1]} if one["assessment_id"] == late[0] else one for one in rows]
    frame = pl.concat([empty("assessments"), pl.DataFrame(rows, schema_overrides={"submitted_at": pl.Datetime("us", "UTC")})], how="diagonal_relaxed") if rows else empty("assessments")  # fmt: skip
    tables = {
        **{name: empty(name).lazy() for name in TABLES},
        "assessments": frame.select(empty("assessments").columns).lazy(),
    }
    settings = Settings(org="acme", title="Acme", root=None, maturity=MODEL, rules=Rules(min_cohort=least))  # type: ignore[arg-type]
    return tables, settings


def study(forms, least=1, **changed):
    return self_agreement(*company(forms, least, **changed), AS_OF)


def row(found, scope="team", entity="a", aspect=None):
    same = pl.col("aspect").is_null() if aspect is None else pl.col("aspect") == aspect
    (one,) = found.filter(same, scope=scope, entity_id=entity).to_dicts()
    return one


def test_a_team_of_three_by_hand():
    """x-1: 1, 2, 4: median 2, distances 1, 0, 2 → AD 1; mean 7/3, variance (16/9 + 1/9 + 25/9) ÷ 2 = 7/3.
    x-2: 3, 3 and unknown → AD 0, variance 0. y-1: 4 and nobody else → not rated.
    AD over x: 0.5, r*wg 1 − (7/3 ÷ 2) ÷ 1.25 = 1 − 14/15 = 1/15."""
    found = study([("a", "1", (1, 3, 4)), ("a", "2", (2, 3, "not_applicable")), ("a", "3", (4, "unknown", None))])
    whole, x, y = row(found), row(found, aspect="x"), row(found, aspect="y")
    assert (x["n"], x["levels"], x["unknown"], x["not_applicable"], x["missing"], x["rated"]) == (6, 5, 1, 0, 0, 2)
    assert (x["deviation"], x["within_group"]) == (pytest.approx(0.5), pytest.approx(1 / 15))
    assert x["agrees"]  # 0.5 ≤ 4 ÷ 6
    assert x["unknown_share"] == pytest.approx(1 / 6)
    assert x["low"] < 1 / 6 < x["high"]
    assert (y["n"], y["levels"], y["not_applicable"], y["missing"], y["rated"]) == (2, 1, 1, 1, 0)
    assert (y["deviation"], y["within_group"], y["agrees"]) == (None, None, None)
    assert (whole["respondents"], whole["items"], whole["n"], whole["missing"], whole["contradicting"]) == (
        3,
        3,
        8,
        1,
        1,
    )
    assert found.columns == list(COLUMNS)


def test_teams_that_differ_do_not_disagree():
    """Two teams of one mind each, at opposite ends: the organisation's people agree within their teams."""
    found = study([(team, who, (level,) * 3) for team, level in (("a", 1), ("b", 4)) for who in "12"])
    assert (row(found, "org", "org")["deviation"], row(found, "org", "org")["within_group"]) == (0.0, 1.0)
    assert row(found, "org", "org")["rated"] == 6


def test_camps_are_below_random():
    """1, 1, 4, 4: AD 1.5, variance 3, r*wg 1 − 3 ÷ 1.25 = −1.4."""
    found = row(study([("a", str(i), (level,) * 3) for i, level in enumerate((1, 1, 4, 4))]))
    assert (found["deviation"], found["within_group"], found["agrees"]) == (1.5, pytest.approx(-1.4), False)


def test_the_last_form_of_a_respondent_counts_and_other_models_and_later_ones_do_not():
    forms = [("a", "1", (1, 1, 1)), ("a", "2", (2, 2, 2))]
    assert study(forms, model_version="2.0.0").height == 0
    assert study(forms, model_version="cncf-community-1").height == 0
    assert study(forms, submitted_at=AS_OF).height == 0
    assert study(forms, submitted_at=AS_OF - timedelta(days=21)).height == 0  # not closed yet
    assert study(forms, submitted_at=AS_OF - timedelta(days=22)).height == 6
    assert study([]).columns == list(COLUMNS)
    assert row(study(forms, model_version="1.9.0"))["respondents"] == 2
    assert row(study(forms, least=1, respondent_id="person:same"))["respondents"] == 1


def test_of_too_few_nothing_is_told():
    found = study([("a", "1", (1, 1, 4)), ("a", "2", (4, 4, 1))], least=5)
    values = list(COLUMNS)[list(COLUMNS).index("n") : list(COLUMNS).index("is_indicative")]
    for scope, entity in (("team", "a"), ("org", "org")):
        for aspect in (None, "x", "y"):
            hidden = row(found, scope, entity, aspect)
            assert (hidden["respondents"], hidden["is_indicative"], hidden["is_withheld"]) == (None, True, True)
            assert {hidden[name] for name in values if name != "level"} == {None}


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ((5, 5), {"a", "b"}),
        ((5, 4), set()),  # the four would be the whole less the five
        ((5, 4, 1), set()),  # of one alone nothing is known of agreement: what is left of it would be the four's
        ((5, 3, 2), {"a"}),  # three and two hide one another
        ((5, 1, 1, 1, 1, 1), {"a"}),  # of none of those is anything of agreement known
        ((5, 2, 2), set()),  # four people together are too few to hide in
    ],
)
def test_what_is_hidden_does_not_follow_from_what_is_shown(sizes, told):
    forms = [("abcdef"[team], str(who), (1, 2, 3)) for team, size in enumerate(sizes) for who in range(size)]
    found = study(forms, least=5).filter(scope="team")
    for aspect in (pl.col("aspect") == "x", pl.col("aspect").is_null()):
        assert set(found.filter(aspect, ~pl.col("is_withheld"))["entity_id"]) == told
    assert not row(study(forms, least=5), "org", "org", "x")["is_withheld"]


@given(st.lists(st.tuples(*[st.sampled_from([1, 2, 3, 4, "unknown", None])] * 3), min_size=1, max_size=6))
def test_it_is_what_the_estimates_of_one_team_say(answers):
    found = study([("a", str(i), one) for i, one in enumerate(answers)], least=1)
    ratings = np.array([[a if isinstance(a, int) else np.nan for a in one] for one in answers], float)
    if not found.height:
        assert all(a is None for one in answers for a in one)
        return
    mine = row(found)
    each, agree = average_deviation(ratings, 4)
    known = each[~np.isnan(each)]
    assert mine["rated"] == len(known)
    if len(known):
        assert mine["deviation"] == pytest.approx(known.mean())
        assert mine["agrees"] == agree
        assert mine["within_group"] == pytest.approx(within_group(ratings, 4))
    assert mine["levels"] + mine["unknown"] + mine["not_applicable"] == mine["n"]
    assert mine["n"] + mine["missing"] == mine["respondents"] * 3


def test_a_form_that_comes_when_the_wave_is_closed_is_counted_and_changes_nothing():
    """A number told of six and again of seven would tell the seventh."""
    forms = [("a", str(who), (1, 2, 3)) for who in range(6)]
    before = study(forms)
    after = study([*forms, ("a", "6", (4, 4, 4))], late=("a-6", AS_OF - timedelta(days=9)))
    assert after.drop("late").equals(before.drop("late"))
    assert (row(before, "org", "org")["late"], row(after, "org", "org")["late"], row(after)["late"]) == (0, 1, None)


def told_of(found, of_levels, team):
    """All that is told of one team on aspect y, which is one question."""
    agreement = row(found, entity=team, aspect="y")
    said = of_levels.filter(scope="team", entity_id=team, aspect="y").select("self_level", "self_low", "self_high")
    return tuple(value for name, value in agreement.items() if name != "entity_id"), said.row(0)


@pytest.mark.parametrize("n", [5, 6, 7, 8, 9, 10])
def test_an_attacker_who_knows_every_way_to_answer_cannot_tell_that_all_of_few_said_the_same(n):
    """Every way in which n people can answer one question is a team of its own; ways that look alike cannot be told apart by anybody."""
    ways = list(combinations_with_replacement((1, 2, 3, 4), n))
    forms = [(f"t{way}", str(who), (1, 1, answer)) for way, answers in enumerate(ways) for who, answer in enumerate(answers)]  # fmt: skip
    tables, settings = company(forms, least=5)
    found = self_agreement(tables, settings, AS_OF)
    given_ = self_levels.answers(tables, settings, AS_OF)
    of_levels = shown(self_levels.self_levels(given_, MODEL, 0.95), 5)
    alike = defaultdict(list)
    for way, answers in enumerate(ways):
        alike[told_of(found, of_levels, f"t{way}")].append(answers)
    pinned = [same for same in alike.values() if all(len(set(answers)) == 1 for answers in same)]
    assert pinned == ([] if n < 10 else [[(level,) * 10] for level in (1, 2, 3, 4)])


def test_nor_by_taking_the_other_teams_from_the_whole():
    """Ten who differ and five of one mind: 15 people's whole less the ten's is what the five's page says, which is one a level off."""
    others = [("b", str(who), (1, 2, 1 + who % 4)) for who in range(10)]
    of_one_mind = [("a", str(who), (1, 2, 3)) for who in range(5)]
    one_off = [*of_one_mind[:4], ("a", "4", (1, 2, 2))]
    same, off = (study([*others, *forms], least=5) for forms in (of_one_mind, one_off))
    whole, ten, five = (row(same, *place, aspect="y") for place in (("org", "org"), ("team", "b"), ("team", "a")))
    assert 2 * whole["deviation"] - ten["deviation"] == pytest.approx(0.2)
    assert (five["deviation"], five["within_group"], five["agrees"]) == (pytest.approx(0.2), pytest.approx(1 - 0.2 / 1.25), True)  # fmt: skip
    numbers = ["deviation", "within_group", "agrees", "rated", "contradicting"]
    assert same.select(numbers).equals(off.select(numbers))


def test_what_two_of_five_gave_a_level_is_not_compared():
    """The other three do not know: how far the two agree tells either what the other said."""
    forms = [("a", str(who), (1 + who % 2, 2, 3 if who < 2 else "unknown")) for who in range(5)]
    found = study(forms, least=5)
    assert [row(found, scope, who, "y")["rated"] for scope, who in (("team", "a"), ("org", "org"))] == [0, 0]
    assert row(found)["rated"] == 2


def test_how_many_contradict_themselves_is_told_of_ten():
    """Of five who all do, each does."""
    for n, contradicting in ((5, None), (9, None), (10, 10)):
        assert row(study([("a", str(who), (1, 1, 4)) for who in range(n)], least=5))["contradicting"] == contradicting
