"""The audit of all that is about to be published, against reports that were tampered with and reports from before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from idp_analytics.metrics import survey_price
from idp_analytics.metrics.survey_results import survey_answers, survey_results
from idp_analytics.report import disclosure
from idp_analytics.settings import Rules, Settings
from idp_analytics.tables import TABLES

LINEAGE = {"source": pl.String, "load_id": pl.String, "source_row": pl.Int64}


DAY = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def published():
    """``published(red=[4, 5, …], …)``: both studies of one wave; ``least``: the fewest that are shown."""

    def build(least=5, **teams):
        rows = [
            {"response_id": f"{team}-{n}", "question_id": "satisfaction@1", "value_index": 0, "survey_id": "devex", "wave": "w1",
             "team_id": team, "submitted_at": DAY, "value": float(value), "scale_min": 1.0, "scale_max": 5.0}
            for team, values in teams.items() for n, value in enumerate(values)
        ]  # fmt: skip
        given = {"survey_responses": rows, "teams": [{"team_id": team} for team in teams]}
        tables = {
            name: pl.DataFrame(given.get(name, []), schema={**table.schema, **LINEAGE}).lazy()
            for name, table in TABLES.items()
        }
        made = (tables, Settings("t", "T", Path(), rules=Rules(min_cohort=least)), DAY + timedelta(days=90))
        return {disclosure.RESULTS: survey_results(*made), disclosure.ANSWERS: survey_answers(*made)}

    return build


MANY = [1, 2, 2, 3, 3, 4, 4, 4, 5, 5, 5, 2]
SOME = [2, 4, 4, 5, 1, 3]
FEW = [1, 4, 2]


def with_number(studies, team, n, k):
    """As if the team had been shown after all."""
    of_team = pl.col("entity_id") == team
    told = studies[disclosure.RESULTS].with_columns(
        pl.when(of_team).then(pl.lit(n, pl.Int64)).otherwise("n").alias("n"),
        pl.when(of_team).then(pl.lit(k, pl.Int64)).otherwise("k").alias("k"),
    )
    return {**studies, disclosure.RESULTS: told}


def test_what_the_rule_lets_through_holds(published):
    disclosure.audit(published(red=MANY, blue=SOME, green=FEW, white=FEW))


def test_nothing_published_tells_nothing(published):
    disclosure.audit(published())


def test_one_group_too_many_gives_another_away(published):
    studies = published(red=MANY, blue=SOME, green=FEW)
    assert studies[disclosure.RESULTS].filter(pl.col("detail") == "withheld")["entity_id"].to_list() == [
        "blue",
        "green",
    ]
    with pytest.raises(disclosure.DisclosureError) as told:
        disclosure.audit(with_number(studies, "blue", 6, 3))
    assert "devex w1, satisfaction@1, green: 2 of its answers can be worked out" in str(told.value)
    assert "red" not in str(told.value).split("\n", 1)[1]


def test_two_reports_each_sound_may_not_be_together(published):
    """Each report withholds two teams; the second shows one of those that the first withheld."""
    now = published(red=MANY, blue=SOME, green=FEW)
    other = with_number(now, "green", 3, 1)
    disclosure.audit(now)
    with pytest.raises(disclosure.DisclosureError, match="blue"):
        disclosure.audit(now, [other])


def test_a_lower_least_in_an_earlier_report_is_seen(published):
    teams = {"red": MANY, "blue": [*SOME, 4, 4, 2, 1], "green": [*FEW, 5], "white": [*FEW, 4]}
    before, now = published(least=3, **teams), published(least=5, **teams)
    assert set(now[disclosure.RESULTS].filter(pl.col("detail") == "withheld")["entity_id"]) == {"green", "white"}
    assert before[disclosure.RESULTS].filter(pl.col("detail") == "withheld").is_empty()
    disclosure.audit(now)
    disclosure.audit(before)
    disclosure.audit(now, [before], least=5)  # what was shown before is known, and gives nothing else away


def test_an_answer_that_came_later_is_somebodys(published):
    before = published(red=MANY, blue=[*SOME, 4, 4, 2, 1])
    now = published(red=[*MANY, 5], blue=[*SOME, 4, 4, 2, 1])
    with pytest.raises(disclosure.DisclosureError, match="by so few that they are somebody's") as told:
        disclosure.audit(now, [before])
    assert "red" in str(told.value)


def test_a_wave_read_anew_with_many_more_answers_stands_for_itself(published):
    before = published(red=MANY, blue=[*SOME, 4, 4, 2, 1])
    now = published(red=[*MANY, *MANY], blue=[*SOME, *SOME, 4, 4, 2, 1])
    disclosure.audit(now, [before])


def test_the_same_report_again_is_no_news(published):
    one = published(red=MANY, blue=SOME, green=FEW, white=FEW)
    disclosure.audit(one, [one, one])


def test_numbers_that_contradict_each_other_are_not_published(published):
    studies = published(red=MANY, blue=SOME, green=FEW)
    with pytest.raises(disclosure.DisclosureError, match="contradict each other"):
        disclosure.audit(with_number(studies, "blue", 60, 50))


def test_many_cells_are_listed_shortly(published):
    told = disclosure.DisclosureError.listing([f"cell {n}" for n in range(30)])
    assert "30 answer(s)" in str(told)
    assert "… and 10 more" in str(told)


def priced(*rows):
    """The counts of prices of one wave: price, n, said, k; null where withheld."""
    told = [
        {"survey_id": "devex", "wave": "w1", "measure": "would keep it", "price": p, "n": n, "said": s, "k": k}
        for p, n, s, k in rows
    ]
    return pl.DataFrame(told, schema={name: survey_price.COLUMNS[name] for name in ("survey_id", "wave", "measure", "price", "n", "said", "k")})  # fmt: skip


NONE = (None, None, None)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([(30.0, 12, 9, 8), (60.0, 14, 6, 5)], None),
        ([(30.0, 12, 9, 8), (60.0, *NONE), (120.0, *NONE)], None),
        ([(30.0, 9, 6, 5), (60.0, 14, 6, 5)], "so few saw this price"),
        ([(30.0, 12, 9, 8), (60.0, *NONE)], "withheld alone"),
        ([(30.0, *NONE)], None),
    ],
)
def test_prices_of_few_are_not_published(published, rows, found):
    studies = {**published(red=MANY, blue=SOME), "survey_price": priced(*rows)}
    if found is None:
        disclosure.audit(studies)
    else:
        with pytest.raises(disclosure.DisclosureError, match=found):
            disclosure.audit(studies)


def test_prices_do_not_move_by_few(published):
    base = published(red=MANY, blue=SOME)
    before, now = ({**base, "survey_price": priced((30.0, n, 9, 8), (60.0, 14, 6, 5))} for n in (12, 13))
    disclosure.audit(now, [now])
    disclosure.audit(now, [base])  # a report from before prices were told
    with pytest.raises(disclosure.DisclosureError, match="the price 30: another number"):
        disclosure.audit(now, [before])
