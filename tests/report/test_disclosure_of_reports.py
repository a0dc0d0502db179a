"""The audit of all that is about to be published, against reports that were tampered with and reports from before."""

from __future__ import annotations

import polars as pl
import pytest
from survey_building import surveyed

from idp_analytics.metrics import survey_price
from idp_analytics.report import disclosure


@pytest.fixture
def published():
    """``published(red=[4, 5, …], …)``: both studies of one wave; ``least``: the fewest that are shown."""
    return lambda least=5, **teams: surveyed(teams, least=least)


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
    disclosure.audit(before, least=3)
    disclosure.audit(now, [before], least=5)  # what was shown before is known, and gives nothing else away


def test_an_answer_that_came_later_is_somebodys(published):
    before = published(red=MANY, blue=[*SOME, 4, 4, 2, 1])
    now = published(red=[*MANY, 5], blue=[*SOME, 4, 4, 2, 1])
    with pytest.raises(disclosure.DisclosureError, match="another number of answers") as told:
        disclosure.audit(now, [before])
    assert "red" in str(told.value)


def test_a_wave_read_anew_with_many_more_answers_is_refused_too(published):
    """What did not change would be taken with what did: the difference is a group that nobody looked at."""
    before = published(red=MANY, blue=[*SOME, 4, 4, 2, 1])
    now = published(red=[*MANY, *MANY], blue=[*SOME, 4, 4, 2, 1])
    with pytest.raises(disclosure.DisclosureError, match="red: another number of answers"):
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
    with pytest.raises(disclosure.DisclosureError, match="the price 30: another number than published before"):
        disclosure.audit(now, [before])


def cut_at(studies, cut, k):
    """As published when the company counted answers from ``cut`` on as favourable: ``k`` of each group."""
    results = studies[disclosure.RESULTS].with_columns(
        pl.when(pl.col("question_id").is_not_null()).then(pl.lit(float(cut))).alias("favourable"),
        pl.when(pl.col("k").is_not_null()).then(pl.col("entity_id").replace_strict(k, default=None, return_dtype=pl.Int64)).alias("k"),
    )  # fmt: skip
    return {disclosure.RESULTS: results, disclosure.ANSWERS: studies[disclosure.ANSWERS].clear()}


def test_another_cut_through_the_same_answers_is_taken_together_with_the_first(published):
    """Favourable from 4 and before from 3: all of the rest are 4 or 5, if as many are from 3 as from 4, and none of blue and green is a 3."""
    now = published(red=[1, 2, 3, 4, 5, 4, 2, 3, 4, 1, 5, 4], blue=[4, 2, 5], green=[4, 1, 4])
    now = {**now, disclosure.ANSWERS: now[disclosure.ANSWERS].clear()}
    shown = now[disclosure.RESULTS].filter(pl.col("k").is_not_null())["entity_id"].to_list()
    assert shown == ["org", "red"]
    # From 3: 12 of 18 and 8 of 12, so that blue and green have 3 threes less than none: each has none of them.
    before = cut_at(now, 3, {"org": 12, "red": 8})
    disclosure.audit(before)
    with pytest.raises(disclosure.DisclosureError, match="blue: 1 of its answers"):
        disclosure.audit(now, [before])


def test_one_answer_more_under_another_cut_is_somebodys(published):
    before = cut_at(published(red=MANY, blue=[*SOME, 4, 4, 2, 1]), 3, {"org": 14, "red": 9, "blue": 6})
    with pytest.raises(disclosure.DisclosureError, match="another number of answers"):
        disclosure.audit(published(red=[*MANY, 5], blue=[*SOME, 4, 4, 2, 1]), [before])


def test_five_who_came_and_all_said_the_same_are_known(published):
    before = published(red=MANY, blue=[*SOME, 4, 4, 2, 1])
    with pytest.raises(disclosure.DisclosureError, match="another number of answers"):
        disclosure.audit(published(red=[*MANY, 5, 5, 5, 5, 5], blue=[*SOME, 4, 4, 2, 1]), [before])


@pytest.mark.parametrize(("n", "k"), [(4, 2), (7, 7), (7, 0)])
def test_a_small_group_shown_after_all_is_seen(published, n, k):
    with pytest.raises(disclosure.DisclosureError, match="shown, though so few"):
        disclosure.audit(with_number(published(red=MANY, blue=MANY), "blue", n, k))


@pytest.mark.parametrize("harm", ["missing", "torn", "other columns"])
def test_an_earlier_report_that_cannot_be_read_stops_the_next(published, tmp_path, harm):
    mart = tmp_path / "mart"
    mart.mkdir()
    studies = published(red=MANY, blue=SOME)
    for name, frame in studies.items():
        frame.write_parquet(mart / f"{name}.parquet")
    files = [f"mart/{name}.parquet" for name in studies]
    assert disclosure.read(mart, files) is not None
    file = mart / f"{disclosure.RESULTS}.parquet"
    if harm == "missing":
        file.unlink()
    elif harm == "torn":
        file.write_bytes(file.read_bytes()[:200])
    else:
        studies[disclosure.RESULTS].drop("k").write_parquet(file)
    with pytest.raises(disclosure.DisclosureError, match="cannot be read"):
        disclosure.read(mart, files)


def test_a_report_from_before_there_were_surveys_says_nothing(tmp_path):
    assert disclosure.read(tmp_path / "mart", ["mart/answers.parquet"]) is None


def test_a_team_called_otherwise_is_the_same_team(published):
    before = published(red=MANY, blue=[*SOME, 4, 4, 2, 1])
    disclosure.audit(published(crimson=MANY, blue=[*SOME, 4, 4, 2, 1]), [before])


def test_a_new_team_that_is_a_gone_one_and_somebody_is_refused(published):
    before = published(red=MANY, blue=[*SOME, 4, 4, 2, 1])
    now = published(crimson=[*MANY, 5], blue=[*SOME, 4, 4, 2, 1])
    with pytest.raises(disclosure.DisclosureError, match="crimson: less red, it is so few"):
        disclosure.audit(now, [before])


def test_a_new_team_that_has_nothing_to_do_with_one_that_is_gone_is_no_difference(published):
    before = published(red=MANY, blue=[*SOME, 4, 4, 2, 1])
    now = published(
        crimson=[5] * 4 + [1] * 9, azure=[4] * 8 + [1] * 3
    )  # one more than red and than blue, but other answers
    told = [problem for problem in problems_of(now, before) if "less" in problem]
    assert told == []


def problems_of(now, *before):
    with pytest.raises(disclosure.DisclosureError) as told:
        disclosure.audit(now, before)
    return str(told.value).split("\n")[1:]
