"""The index of ratings and how far answers can be trusted, on companies worked out by hand and on the synthetic one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from idp_analytics.answers import ORG
from idp_analytics.estimates import reliability
from idp_analytics.metrics import survey_index
from idp_analytics.metrics.survey_quality import (
    ALPHA,
    COLUMNS,
    INDEX,
    LATER,
    LOW_ALPHA,
    OFF,
    ON,
    RESPONSE,
    survey_quality,
)
from idp_analytics.sources import sample

AREAS = ("documentation@1", "approval-wait@1")


def said(person, team="red", wave="w1", day="2026-03-02", **values):
    """One respondent: ``d`` documentation, ``a`` approvals, ``s`` satisfaction, each 1 to 5."""
    names = {"d": AREAS[0], "a": AREAS[1], "s": "satisfaction@1", "x": "documentation@2"}
    return [
        {"response_id": f"{wave}-{team}-{person}", "question_id": names[name], "value_index": 0, "survey_id": "devex", "wave": wave,
         "team_id": team, "submitted_at": day, "value": float(value), "scale_min": 1.0, "scale_max": 5.0}
        for name, value in values.items() if value is not None
    ]  # fmt: skip


def crowd(pairs, team="red", start=0, **more):
    return [row for n, (d, a) in enumerate(pairs, start) for row in said(n, team, d=d, a=a, **more)]


MIXED = [(4, 2), (5, 1), (4, 4), (2, 2), (3, 1), (4, 3), (5, 5), (2, 1), (4, 2), (1, 1), (4, 4), (3, 2)]
"""Twelve people: documentation 7 of 12 favourable, approvals 3 of 12."""


@pytest.fixture
def quality(company, settings, as_of):
    def build(rows, at="2026-12-01", **more):
        tables = {"teams": [{"team_id": "red"}], **more}
        asked = settings().questions
        again = replace(asked["documentation@1"], id="documentation@2", version=2)
        told_of = replace(settings(), questions={**asked, again.id: again})
        return survey_quality(company(survey_responses=rows, **tables), told_of, as_of(at))

    return build


def told(rows, measure, entity=ORG):
    return rows.filter(pl.col("measure") == measure, pl.col("entity_id") == entity)


def test_the_index_is_the_mean_of_favourable_shares(quality):
    found = quality(crowd(MIXED))
    assert dict(found.schema) == COLUMNS
    row = told(found, INDEX).row(0, named=True)
    assert (row["items"], row["n"]) == (2, 12)
    assert row["value"] == pytest.approx((7 / 12 + 3 / 12) / 2)
    assert row["low"] < row["value"] < row["high"]
    assert row["verdict"] == "not identified"


def test_who_left_one_out_counts_for_the_other(quality):
    row = told(quality(crowd([*MIXED, (None, 5)])), INDEX).row(0, named=True)
    assert row["value"] == pytest.approx((7 / 12 + 4 / 13) / 2)
    assert row["n"] == 12


def test_only_groups_that_show_every_rating_have_one(quality):
    teams = [{"team_id": name} for name in ("red", "blue", "white")]
    rows = crowd(MIXED) + crowd(MIXED, "blue") + crowd(MIXED[:6], "white")
    found = quality(rows, teams=teams)
    shown = set(found.filter(pl.col("measure") == INDEX)["entity_id"])
    # white has six: it shows how many are favourable, which is not enough, and takes another with it.
    assert ORG in shown and "white" not in shown and len(shown) == 2


def test_a_change_is_told_by_its_interval(quality):
    better = [(5, 5)] * 10 + [(2, 2)] * 2
    rows = crowd(MIXED * 3) + crowd(better * 3, wave="w2", day="2026-06-02")
    row = told(quality(rows), INDEX).row(1, named=True)
    assert row["change"] == pytest.approx(10 / 12 - (7 / 12 + 3 / 12) / 2)
    assert row["change_low"] < row["change"] < row["change_high"]
    assert row["verdict"] == "improved"
    same = told(quality(crowd(MIXED * 3) + crowd(MIXED * 3, wave="w2", day="2026-06-02")), INDEX).row(1, named=True)
    assert (same["change"], same["verdict"]) == (0.0, "no detectable change")
    # Drawn apart: were both waves drawn alike, their difference would not vary at all.
    assert same["change_low"] < -0.05 and same["change_high"] > 0.05


def test_other_words_begin_a_new_series(quality):
    rows = crowd(MIXED)
    later = [
        {**row, "question_id": "documentation@2"} if row["question_id"] == AREAS[0] else row
        for row in crowd(MIXED, wave="w2", day="2026-06-02")
    ]
    row = told(quality(rows + later), INDEX).row(1, named=True)
    assert (row["change"], row["caution"]) == (None, survey_index.OTHER_QUESTIONS)


def test_people_who_are_all_alike_are_not_taken_for_certain(quality):
    rows = crowd([(5, 4)] * 12)
    found = told(quality(rows), INDEX)
    row = found.row(0, named=True)
    assert row["value"] == 1.0 and row["low"] < 0.8 and row["high"] == 1.0


def test_the_more_of_a_team_answered_the_closer_is_the_index_of_what_it_says_now(quality):
    """Twelve of 24 answered: √½ of the width; of twelve all did, and there is nothing to guess. A change claims more and is not corrected."""
    rows = crowd(MIXED) + crowd([(5, 5)] * 11 + [(1, 1)], wave="w2", day="2026-06-02")

    def index(people):
        there = [f"p{number}" for number in range(people)]
        found = quality(
            rows, people=[{"person_id": one} for one in there], memberships=[{"person_id": one, "team_id": "red"} for one in there]
        )  # fmt: skip
        return told(found, INDEX).sort("number").to_dicts()

    unknown, half, every = index(0)[0], index(24)[0], index(12)[0]
    for end in ("low", "high"):
        assert half[end] - half["value"] == pytest.approx((unknown[end] - unknown["value"]) * 0.5**0.5)
        assert every[end] == pytest.approx(every["value"])
    assert (
        len(
            {
                tuple(index(people)[1][name] for name in ("change", "change_low", "change_high"))
                for people in (0, 24, 12)
            }
        )
        == 1
    )


def test_the_index_holds_the_truth_as_often_as_it_says():
    # Three ratings with shares 0.3, 0.5 and 0.7 that go together, 40 people: the index is 0.5.
    rng = np.random.default_rng(3)
    held = []
    for _ in range(200):
        latent = rng.normal(size=(40, 1)) + rng.normal(size=(40, 3))
        cuts = np.array([0.7416, 0.0, -0.7416])  # √2 · the normal quantiles
        hits = latent > cuts
        rated = pl.DataFrame(
            [("devex", "w1", f"r{n}", "red", f"q{i}", bool(hit)) for n, row in enumerate(hits) for i, hit in enumerate(row)],
            schema=["survey_id", "wave", "response_id", "team_id", "question_id", "is_favourable"], orient="row",
        )  # fmt: skip
        groups = pl.DataFrame(
            {"survey_id": ["devex"], "wave": ["w1"], "scope": ["org"], "team_id": [None], "number": [1]}
        )
        low, high = np.quantile(survey_index._drawn(rated, groups)[0], [0.025, 0.975])
        held.append(low <= 0.5 <= high)
    assert 0.90 <= np.mean(held) <= 0.985


def test_alpha_from_thirty_who_answered_all(quality):
    together = [(n % 5 + 1, min(5, n % 5 + 1 + (n % 7 == 0))) for n in range(reliability.LEAST)]
    row = told(quality(crowd(together)), ALPHA).row(0, named=True)
    assert row["n"] == reliability.LEAST and row["value"] > 0.9 and row["caution"] is None
    few = told(quality(crowd([*together[1:], (3, None)])), ALPHA).row(0, named=True)
    assert (few["value"], few["verdict"], few["n"]) == (None, "insufficient data", reliability.LEAST - 1)
    apart = [(n % 5 + 1, n // 5 % 5 + 1) for n in range(50)]
    assert told(quality(crowd(apart)), ALPHA)["caution"].to_list() == [LOW_ALPHA]
    assert told(quality(crowd(MIXED[:9])), ALPHA)["n"].to_list() == [None]


def test_those_of_the_first_days_beside_the_later(quality):
    first = [row for n in range(12) for row in said(n, s=4 + n % 2)]
    later = [row for n in range(12, 24) for row in said(n, s=2 + n % 3, day="2026-03-10")]
    row = told(quality(first + later), LATER).row(0, named=True)
    assert (row["k"], row["n"]) == (12, 12)
    # 4 and 5 against 2, 3 and 4: of 36 kinds of pairs only 4 against 4 ties, which is half of one in six.
    assert row["value"] == pytest.approx(1 / 12)
    assert row["high"] < 0.5
    few = quality(first + later[:9])
    assert told(few, LATER).select("k", "n", "value", "verdict").row(0) == (None, None, None, "suppressed")
    # Day 7 after the first answer is later, day 6 is not.
    edge = [{**row, "submitted_at": "2026-03-08"} for row in later]
    assert told(quality(first + edge), LATER)["verdict"].to_list() == ["suppressed"]


def _staffed(**counts):
    people = [(team, f"{team}-{n}") for team, count in counts.items() for n in range(count)]
    return {
        "teams": [{"team_id": team} for team in counts],
        "people": [{"person_id": name, "is_developer": True, "is_bot": False} for _, name in people],
        "memberships": [{"person_id": name, "team_id": team} for team, name in people],
        "services": [{"service_id": f"of-{team}", "created_at": "2025-01-01"} for team in counts],
        "ownership": [{"service_id": f"of-{team}", "team_id": team} for team in counts],
        "service_golden_path": [
            {"service_id": "of-red", "golden_path_id": "web", "as_of": date(2026, 2, 1), "evidence": "seen", "joined_at": "2026-01-01"}
        ],
    }  # fmt: skip


def test_response_of_teams_on_a_path_and_off_it(quality):
    rows = crowd(MIXED) + crowd(MIXED[:6], "blue")
    try:
        found = told(quality(rows, **_staffed(red=14, blue=20)), RESPONSE)
    except AssertionError as error:  # a column of the table is called otherwise
        pytest.fail(str(error))
    parts = {row["part"]: row for row in found.to_dicts()}
    assert (parts[ON]["k"], parts[ON]["n"], parts[OFF]["k"], parts[OFF]["n"]) == (12, 14, 6, 20)
    assert parts[ON]["change"] == pytest.approx(12 / 14 - 6 / 20)
    assert parts[ON]["change_low"] > 0
    # A team of three beside it could be worked out.
    hidden = told(quality(rows + crowd(MIXED[:2], "tiny"), **_staffed(red=14, blue=20, tiny=3)), RESPONSE)
    assert set(hidden["verdict"]) == {"suppressed"} and hidden["k"].null_count() == 2


def test_a_side_less_the_teams_that_show_their_response_is_not_one_that_does_not(quality):
    """Tiny's response is withheld and blue's with it. Where both are off the path, what is left of that side is theirs together; where
    tiny has no service, it is blue's alone, though blue are twenty."""
    rows = crowd(MIXED) + crowd(MIXED, "green") + crowd(MIXED[:6], "blue") + crowd(MIXED[:2], "tiny")
    staff = _staffed(red=30, green=30, blue=20, tiny=3)
    assert set(told(quality(rows, **staff), RESPONSE)["verdict"]) == {"not identified"}
    staff["services"], staff["ownership"] = staff["services"][:3], staff["ownership"][:3]
    assert set(told(quality(rows, **staff), RESPONSE)["verdict"]) == {"suppressed"}


def test_the_same_answers_in_any_order_give_the_same_bytes(quality):
    rows = crowd(MIXED * 3)
    assert quality(rows).equals(quality(rows[::-1]))
    assert quality([]).is_empty()


def test_the_contented_answer_first_or_last_no_more_than_chance(settings, as_of):
    # In the synthetic company the day of an answer has nothing to do with it: no wave says otherwise.
    made = sample.generate(teams=60, seed=7)
    lineage = {"source": pl.lit("test"), "load_id": pl.lit("load-1"), "source_row": pl.lit(1)}
    tables = {name: frame.lazy().with_columns(**lineage) for name, frame in made.tables.items()}
    found = told(survey_quality(tables, settings(), as_of("2026-07-01")), LATER)
    assert found.height == 4
    assert ((found["low"] <= 0.5) & (found["high"] >= 0.5)).sum() >= 3
