"""What the two pictures of maturity say in words, and what they hand to their templates."""

from __future__ import annotations

from idp_analytics.charts import dumbbell, heatmap

CELL = {"label": "Adoption, seen", "column": "1|Provisional", "surely": 8, "possibly": 8, "n": 8, "mark": None}


def rows(chart, name):
    return chart.spec["datasets"][name]


def test_a_cell_says_how_many_teams_surely_and_possibly():
    cells = [CELL, {**CELL, "column": "2|Operational", "surely": 2, "possibly": 6, "mark": heatmap.POSSIBLY}]
    chart = heatmap.chart(cells, "Teams", "the company", "teams")
    assert [(row["text"], row["share"], row["mark"]) for row in rows(chart, "cells")] == [
        ("8", 1.0, ""), ("2–6", 0.25, "possibly"),
    ]  # fmt: skip
    assert chart.description.endswith("Adoption, seen, n 8: 1 Provisional 8, 2 Operational 2–6.")


SEEN = {"label": "Adoption", "lane": "seen", "kind": "seen", "value": 2, "low": 1, "high": 2, "n": None, "note": None}


def test_claim_and_evidence_lie_in_lanes_of_their_own():
    said = {**SEEN, "lane": "said", "kind": "said", "value": 4, "low": None, "high": None, "n": 3}
    chart = dumbbell.chart([SEEN, said], "Seen and said", "checkout")
    seen, told = rows(chart, "marks")
    assert (seen["from"], seen["to"]) == (0.72, 2.28)
    # Of few people there is a level and no band.
    assert (told["from"], told["to"], told["value"]) == (None, None, 4)
    assert chart.description.endswith("Adoption: seen 2 (1 to 2), said 4, 3 people.")


def test_what_is_not_assessed_is_a_note_and_no_mark():
    chart = dumbbell.chart([{**SEEN, "value": None, "low": None, "high": None, "note": "not assessed"}], "Seen", "it")
    (mark,) = rows(chart, "marks")
    assert (mark["value"], mark["from"], mark["note"]) == (None, None, "not assessed")
