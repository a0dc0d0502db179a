"""Votes for things on a list: by hand, laws, and how often the two first are right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.estimates import votes
from idp_analytics.estimates.shares import wilson

N = float("nan")


def cast(*counts: int, n: int) -> np.ndarray:
    """Votes of ``n`` people for one thing after the other, of which each gets as many."""
    table = np.zeros((n, len(counts)))
    for thing, many in enumerate(counts):
        table[:many, thing] = 1
    return table


def test_counts_and_shares_by_hand():
    told = votes.voted(np.vstack([cast(15, 5, 0, n=20), [[N, 1, 0], [N, N, N]]]), seed=1)
    assert (told.n, told.missing, told.k.tolist()) == (20, 2, [15, 5, 0])
    assert told.share.tolist() == [0.75, 0.25, 0]
    np.testing.assert_array_equal((told.low, told.high), wilson([15, 5, 0], 20))
    assert told.top_two[0] > 0.99
    assert told.top_two.sum() == pytest.approx(2)


def test_two_far_ahead_are_told_apart_and_three_alike_are_not():
    ahead = votes.voted(cast(40, 35, 5, 3, n=60), seed=1)
    assert ahead.is_separable
    assert ahead.top_two[:2].min() > 0.99
    rng = np.random.default_rng(2)
    alike = votes.voted((rng.random((60, 4)) < [0.5, 0.5, 0.5, 0.1]).astype(float), seed=1)
    assert not alike.is_separable
    assert alike.top_two[:3].min() > 0.1


def test_few_and_none():
    few = votes.voted(cast(5, 2, 1, n=9), seed=1)
    assert (few.reason, few.is_separable) == ("9 respondents voted, and 10 are needed", False)
    assert np.isnan(few.top_two).all()
    assert few.share[0] == pytest.approx(5 / 9)
    nobody = votes.voted(np.empty((0, 3)), seed=1)
    assert (nobody.n, nobody.reason) == (0, "0 respondents voted, and 10 are needed")
    assert np.isnan(nobody.share).all()
    assert votes.voted(np.ones((12, 1)), seed=1).reason == "of things to choose from there are 1, and 2 are needed"


def test_nobody_chose_anything():
    told = votes.voted(np.zeros((12, 3)), seed=1)
    np.testing.assert_allclose(told.top_two, 2 / 3)  # all tie
    assert not told.is_separable


@given(
    st.lists(st.lists(st.integers(0, 1), min_size=4, max_size=4), min_size=10, max_size=25),
    st.permutations([0, 1, 2, 3]),
)
def test_laws(rows, order):
    told = votes.voted(rows, seed=3, draws=200)
    assert told.top_two.sum() == pytest.approx(2)
    assert ((told.low <= told.share) & (told.share <= told.high)).all()
    mixed = votes.voted(np.array(rows)[:, order], seed=3, draws=200)
    np.testing.assert_allclose(mixed.top_two, told.top_two[order])
    again = votes.voted(rows, seed=3, draws=200)
    assert again.top_two.tobytes() == told.top_two.tobytes()


def test_two_questions_to_the_same_people_draw_them_once():
    rng = np.random.default_rng(4)
    one, other = rng.integers(0, 2, (30, 4)), rng.integers(0, 2, (30, 3))
    both = votes.drawn_again([one, other], 7, 500)
    for chosen, drawn in zip((one, other), both, strict=True):
        alone = votes.voted(chosen, seed=7, draws=500)
        assert alone.drawn.tobytes() == drawn.tobytes()
        assert votes.voted(chosen, 7, 500, drawn=drawn).top_two.tobytes() == alone.top_two.tobytes()
    # Some draws at a time are the draws all at once.
    times = np.random.default_rng(7).multinomial(30, np.full(30, 1 / 30), 500)
    np.testing.assert_array_equal(both[0], times @ one)


def test_some_draws_at_a_time(monkeypatch):
    chosen = np.random.default_rng(4).integers(0, 2, (30, 4))
    whole = votes.drawn_again([chosen], 7, 50)[0]
    monkeypatch.setattr(votes, "AT_ONCE", 100)
    np.testing.assert_array_equal(votes.drawn_again([chosen], 7, 50)[0], whole)


def test_two_are_told_apart_by_chance_hardly_ever():
    """Five things that are chosen alike: the second is said to be above the third in few of a hundred questionnaires."""
    rng = np.random.default_rng(8)
    said = [votes.voted(rng.integers(0, 2, (60, 5)), seed=1, draws=300).is_separable for _ in range(200)]
    assert np.mean(said) <= 0.06
