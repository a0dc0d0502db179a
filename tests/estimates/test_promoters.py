"""Net promoter score against the published example and its own laws."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.estimates import promoters


def test_the_published_example(cases):
    path = cases / "stats" / "given" / "S03g_nps.json"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    case = json.loads(path.read_text())
    data, expected = case["data"], {name: one["value"] for name, one in case["expected"].items()}
    n = sum(data.values())
    told = promoters.score(data["promoters"], data["detractors"], n)
    assert told == pytest.approx((expected["nps"], expected["adj_lo"], expected["adj_hi"]), abs=1e-8)


def test_worked_by_hand():
    # 30 answers, 14 and 6: (14.75 − 6.75) ÷ 33 = 24.24; ((21.5 ÷ 33 − 0.2424²) ÷ 33)^½ = 13.402; 1.96 × 13.402 = 26.268.
    value, low, high = promoters.score(14, 6, 30)
    assert (float(value), float(low), float(high)) == pytest.approx((26.6667, -2.0255, 50.5103), abs=1e-4)


def test_nobody_asked_is_not_known():
    assert np.isnan(promoters.score(0, 0, 0)).all()


def test_few_answers_are_not_compared():
    assert np.isnan(promoters.difference(14, 6, 29, 14, 6, 30)).all()
    change, low, high = promoters.difference(20, 4, 30, 10, 12, 30)
    assert float(change) == pytest.approx(100 * (16 + 2) / 30)
    assert low < change < high


counts = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60)).filter(sum)


@given(counts)
def test_the_interval_holds_the_score_of_the_other_side_mirrored(three):
    p, middle, d = three
    n = p + middle + d
    value, low, high = promoters.score(p, d, n)
    mirrored = promoters.score(d, p, n)
    assert -100 <= low <= high <= 100
    assert (float(value), float(low), float(high)) == pytest.approx((-mirrored[0], -mirrored[2], -mirrored[1]))


@given(counts, st.integers(2, 5))
def test_more_of_the_same_says_more(three, times):
    p, middle, d = three
    n = p + middle + d
    _, low, high = promoters.score(p, d, n)
    _, closer_low, closer_high = promoters.score(times * p, times * d, times * n)
    assert closer_high - closer_low <= high - low + 1e-9
