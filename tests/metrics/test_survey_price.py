"""What people say they would pay: hand-worked companies, what is withheld, and the demand planted in the synthetic one."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from idp_analytics.metrics.survey_price import COLUMNS, DEAREST, MEAN, OPTIMUM, PRICE, RANGE, survey_price
from idp_analytics.sources import sample

ASKED = ("price-too-low@1", "price-bargain@1", "price-dear@1", "price-too-high@1")


def reply(person, price, yes, sure=9, day="2026-03-02", wave="w1"):
    row = {
        "response_id": f"{wave}-{person}",
        "value_index": 0,
        "survey_id": "devex",
        "wave": wave,
        "team_id": "red",
        "submitted_at": day,
    }
    rows = [{**row, "question_id": "price-shown@1", "value": float(price)}]
    if yes is not None:
        rows.append({**row, "question_id": "keep-at-price@1", "label": "yes" if yes else "no"})
    if sure is not None:
        rows.append(
            {**row, "question_id": "price-certainty@1", "value": float(sure), "scale_min": 0.0, "scale_max": 10.0}
        )
    return rows  # fmt: skip


def replies(price, yes, no, start, **more):
    found = [reply(start + n, price, n < yes, **more) for n in range(yes + no)]
    return [row for rows in found for row in rows]


def ranges(prices, count, start=0):
    return [
        {"response_id": f"w1-{start + n}", "value_index": 0, "survey_id": "devex", "wave": "w1", "team_id": "red",
         "submitted_at": "2026-03-02", "question_id": question, "value": float(price + n % 5)}
        for n in range(count) for question, price in zip(ASKED, prices, strict=True) if price is not None
    ]  # fmt: skip


@pytest.fixture
def price(company, settings, as_of):
    return lambda rows, at="2026-12-01": survey_price(company(survey_responses=rows), settings(), as_of(at))


def told(rows, measure=PRICE):
    return rows.filter(pl.col("measure") == measure)


def test_worked_by_hand(price):
    rows = replies(30, 9, 1, 0) + replies(60, 6, 6, 100) + replies(120, 2, 10, 200)
    found = price(rows)
    assert dict(found.schema) == COLUMNS
    assert told(found).select("price", "n", "said", "k", "value", "demand").rows() == [
        (30, 10, 9, 9, 0.9, 0.9), (60, 12, 6, 6, 0.5, 0.5), (120, 12, 2, 2, pytest.approx(1 / 6), pytest.approx(1 / 6)),
    ]  # fmt: skip
    # 30 · 0.9 + 30 · 0.5 + 60 · 1/6
    worth = told(found, MEAN).row(0, named=True)
    assert (worth["value"], worth["n"]) == (pytest.approx(52.0), 34)
    assert worth["low"] < worth["value"] < worth["high"]
    assert found["scope"].unique().to_list() == ["org"]


def test_a_yes_counts_only_from_those_who_are_sure(price):
    rows = replies(30, 8, 2, 0) + replies(30, 4, 0, 50, sure=6) + replies(30, 1, 0, 90, sure=7)
    row = told(price(rows)).row(0, named=True)
    assert (row["n"], row["said"], row["k"]) == (15, 13, 9)
    # Who was asked how sure and did not say is not sure; where nobody was asked, a yes is one.
    unsaid = replies(30, 8, 2, 0) + replies(30, 3, 0, 50, sure=None)
    assert told(price(unsaid))["k"].to_list() == [8]
    assert told(price(replies(30, 8, 4, 0, sure=None)))["k"].to_list() == [8]


def test_who_said_nothing_or_two_things_is_no_answer(price):
    rows = replies(30, 8, 4, 0) + reply(50, 30, None) + reply(51, 30, True)
    rows += [{**rows[-2], "label": "no", "value_index": 1}]
    assert told(price(rows))["n"].to_list() == [12]


def test_a_price_of_few_is_withheld_with_another(price):
    found = told(price(replies(30, 9, 3, 0) + replies(60, 5, 4, 100) + replies(120, 6, 12, 200)))
    # Nine saw 60: hidden alone, all replies less those shown would tell them, so the next smallest goes too.
    assert dict(found.select("price", "verdict").rows()) == {30: "suppressed", 60: "suppressed", 120: "not identified"}
    assert (
        found.filter(pl.col("verdict") == "suppressed").select("n", "said", "k", "value", "low").null_count().row(0)
        == (2,) * 5
    )
    assert told(price(replies(30, 9, 3, 0) + replies(60, 5, 4, 100)), MEAN)["verdict"].to_list() == ["suppressed"]
    # Four and four are eight: not enough to hide in, so all are.
    few = told(price(replies(10, 2, 2, 0) + replies(20, 2, 2, 50) + replies(30, 9, 9, 100)))
    assert few["n"].null_count() == 3


def test_before_the_wave_is_closed_nothing_is_told(price):
    rows = replies(30, 9, 3, 0)
    assert price(rows, "2026-03-20").is_empty()
    late = replies(30, 1, 0, 90, day="2026-04-20")
    assert price(rows + late).equals(price(rows))
    assert price([]).is_empty()


def test_the_range_where_it_was_asked(price):
    found = price(
        ranges((10, 30, 60, 90), 40) + ranges((60, 30, 20, 10), 3, start=70) + ranges((10, 20, None, 40), 2, start=80)
    )
    points = {row["measure"]: row for row in found.to_dicts()}
    assert set(points) == set(RANGE)
    assert {row["n"] for row in points.values()} == {40}
    assert {row["dropped"] for row in points.values()} == {3}
    assert 10 <= points[OPTIMUM]["value"] <= points[DEAREST]["value"] <= 94
    for row in points.values():
        assert row["low"] <= row["value"] <= row["high"]
    few = price(ranges((10, 30, 60, 90), 29))
    assert set(few["verdict"]) == {"insufficient data"}
    assert few["value"].null_count() == few.height
    assert price(ranges((10, 30, None, None), 40)).is_empty()


def test_the_same_answers_in_any_order_give_the_same_bytes(price):
    rows = replies(30, 9, 3, 0) + replies(60, 6, 6, 100) + ranges((10, 30, 60, 90), 40)
    assert price(rows).equals(price(rows[::-1]))


@pytest.mark.parametrize(("size", "most_outside"), [({}, 1), ({"teams": 60, "seed": 7}, 2)])
def test_the_demand_planted_in_the_synthetic_company_comes_back(settings, as_of, size, most_outside):
    # What it is worth to all its developers, over all waves: more people say yes than that, and a sure yes corrects it.
    made = sample.generate(**size)
    truth = {float(price): one for price, one in made.truth["voice"]["demand"].items()}
    lineage = {"source": pl.lit("test"), "load_id": pl.lit("load-1"), "source_row": pl.lit(1)}
    tables = {name: frame.lazy().with_columns(**lineage) for name, frame in made.tables.items()}
    shown = told(survey_price(tables, settings(), as_of("2026-07-01"))).drop_nulls("value").to_dicts()
    assert len(shown) >= 10
    outside = [row for row in shown if not row["low"] <= truth[row["price"]]["worth_it_share"] <= row["high"]]
    assert len(outside) <= most_outside
    for price, true in truth.items():
        said, k, n = (sum(row[name] for row in shown if row["price"] == price) for name in ("said", "k", "n"))
        assert k / n < said / n
        assert abs(said / n - true["would_say_yes_share"]) < 3 * np.sqrt(0.25 / n)


def test_what_it_is_worth_at_least_comes_back(settings, as_of):
    made = sample.generate(teams=60, seed=7)
    share = {int(price): one["worth_it_share"] for price, one in made.truth["voice"]["demand"].items()}
    planted = 30 * share[30] + 30 * share[60] + 60 * share[120]
    lineage = {"source": pl.lit("test"), "load_id": pl.lit("load-1"), "source_row": pl.lit(1)}
    tables = {name: frame.lazy().with_columns(**lineage) for name, frame in made.tables.items()}
    found = survey_price(tables, settings(), as_of("2026-07-01"))
    waves = told(found, MEAN).to_dicts()
    # The waves differ, since people grow more content; the truth is told of all of them.
    assert min(row["low"] for row in waves) < planted < max(row["high"] for row in waves)
    assert np.mean([row["value"] for row in waves]) == pytest.approx(planted, rel=0.1)
    assert told(found, OPTIMUM).row(-1, named=True)["value"] is not None
