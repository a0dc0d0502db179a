"""Answers across one line: where each piece stands, and what is said to who cannot see them."""

from __future__ import annotations

import pytest

from idp_analytics.charts import ratings

ROW = {"label": "deploying <b>", "n": 20, "share": 0.65, "low": 0.43, "high": 0.82}
PARTS = [("answers 1 to 2", 0.1, False), ("answer 3", 0.25, False), ("answer 4", 0.4, True), ("answer 5", 0.25, True)]


def test_pieces_lie_side_by_side_across_the_line():
    chart = ratings.chart([{**ROW, "parts": PARTS}], "Ratings", "Alder")
    pieces = chart.spec["datasets"]["ratings"]
    assert [(p["answer"], p["from"], p["to"]) for p in pieces] == [
        ("answers 1 to 2", pytest.approx(-0.35), pytest.approx(-0.25)), ("answer 3", pytest.approx(-0.25), pytest.approx(0)),
        ("answer 4", pytest.approx(0, abs=1e-9), pytest.approx(0.4)), ("answer 5", pytest.approx(0.4), pytest.approx(0.65)),
    ]  # fmt: skip
    assert [p["kind"] for p in pieces] == ["not favourable", "not favourable", "favourable", "favourable"]
    strength = [p["strength"] for p in pieces]
    assert strength[0] > strength[1] and strength[3] > strength[2]
    assert chart.spec["height"] == 30
    assert chart.spec["layer"][0]["encoding"]["y"]["scale"]["domain"] == ["deploying <b>, n 20"]


def test_all_on_one_side():
    pieces = ratings.chart(
        [{**ROW, "share": 1.0, "parts": [("not favourable", 0.0, False), ("favourable", 1.0, True)]}],
        "Ratings",
        "Alder",
    )
    assert [(p["from"], p["to"]) for p in pieces.spec["datasets"]["ratings"]] == [(0.0, 0.0), (0.0, 1.0)]


def test_it_says_what_it_shows():
    told = ratings.chart([{**ROW, "parts": PARTS}], "Ratings", "Alder").description
    assert told == "Alder: deploying <b> 65.0 % favourable (interval 43.0–82.0 %, n 20)."
