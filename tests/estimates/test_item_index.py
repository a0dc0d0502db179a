"""The index of favourable shares: by hand, the same bytes, and how often its interval holds the truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.estimates import item_index

NAN = float("nan")


def test_by_hand():
    # Item 1: 4, 5, 2 → ⅔; item 2: 3, –, 5 → ½; the mean of the two. The fourth respondent answered nothing.
    told = item_index.index([[4, 3], [5, NAN], [2, 5], [NAN, NAN]])
    assert told.value == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert (told.n, told.missing, told.low) == (3, 1, None)
    assert told.reason == "3 respondents, and 10 are needed for an interval"


def test_nobody():
    assert item_index.index(np.empty((0, 3))).reason == "nobody answered"
    assert item_index.index([[NAN, NAN]]).missing == 1
    assert item_index.difference([[NAN, 4]], [[5, NAN]]).reason == "nobody answered the same items before and now"


def test_respondents_that_are_alike_are_not_certain():
    told = item_index.index([[5, 5, 5]] * 12)
    assert (told.value, told.high) == (1.0, 1.0)
    assert told.low == pytest.approx(0.7575, abs=1e-4)  # Wilson, 12 of 12
    change = item_index.difference([[2, 2, 2]] * 12, [[5, 5, 2]] * 12)
    assert 0 < change.low < change.value < change.high <= 1
    assert change.value == pytest.approx(2 / 3)


def mixed(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    person = rng.normal(size=(n, 1))
    return np.where(person + rng.normal(size=(n, 5)) > 0, 5.0, 2.0)


def test_the_same_bytes_always():
    answers = mixed(25, 1)
    assert item_index.index(answers) == item_index.index(answers.copy())
    assert item_index.index(answers) != item_index.index(answers, seed=1)
    assert item_index.difference(answers, mixed(30, 2)) == item_index.difference(answers, mixed(30, 2))


def test_answers_of_one_person_go_together():
    """One item asked five times over tells no more than once: the interval is that of respondents, not of answers."""
    once = np.where(np.arange(40) < 24, 5.0, 1.0)[:, None]
    told = item_index.index(np.repeat(once, 5, axis=1))
    assert told.error == pytest.approx(np.sqrt(0.6 * 0.4 / 40), rel=0.05)


@pytest.mark.parametrize("n", [12, 40])
def test_the_interval_holds_the_truth(n):
    """Half of all answers are favourable, those of a person go together: held in about 95 of 100, at twelve a little less."""
    held = [(one := item_index.index(mixed(n, seed), draws=600)).low <= 0.5 <= one.high for seed in range(300)]
    assert (0.87 if n == 12 else 0.91) <= np.mean(held) <= 0.98


def test_no_difference_is_hardly_ever_called_one():
    held = [
        (one := item_index.difference(mixed(30, seed), mixed(30, 1000 + seed), draws=600)).low <= 0 <= one.high
        for seed in range(200)
    ]
    assert 0.9 <= np.mean(held) <= 0.99


def test_only_items_asked_both_times_are_compared():
    before, now = mixed(20, 3), mixed(20, 4)
    before[:, 0] = NAN
    assert item_index.difference(before, now).value == pytest.approx(
        item_index.index(now[:, 1:]).value - item_index.index(before[:, 1:]).value
    )


answers = st.lists(st.lists(st.sampled_from([1, 3, 4, 5, NAN]), min_size=3, max_size=3), min_size=10, max_size=20)


@given(answers, st.permutations([0, 1, 2]))
def test_laws(rows, order):
    told = item_index.index(rows, draws=200)
    if told.value is None or told.low is None:
        return
    assert 0 <= told.low <= told.value <= told.high <= 1
    assert item_index.index(np.array(rows)[:, order], draws=200).value == pytest.approx(told.value)
    assert item_index.difference(rows, rows, draws=200).value == 0
