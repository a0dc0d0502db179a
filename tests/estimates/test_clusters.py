"""Groups of texts: found where they are, and told to be unstable where there are none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from idp_analytics.estimates import clusters


def test_worked_by_hand():
    # Hubert & Arabie: pairs together in both 1, in either 2 and 2, of 6: (1 − 4/6) ÷ (2 − 4/6).
    assert clusters.adjusted_rand([0, 0, 1, 1], [0, 0, 1, 2]) == pytest.approx((1 - 2 * 1 / 6) / (1.5 - 2 * 1 / 6))
    assert clusters.adjusted_rand([0, 0, 1, 1], [0, 1, 0, 1]) == pytest.approx(-0.5)


labels = st.lists(st.integers(0, 3), min_size=2, max_size=30)


@given(labels, st.permutations(range(4)))
def test_names_of_groups_do_not_matter(given_labels, names):
    renamed = [names[label] for label in given_labels]
    assert clusters.adjusted_rand(given_labels, renamed) == pytest.approx(1.0)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=30))
def test_it_is_the_same_either_way_round(pairs):
    first, second = zip(*pairs, strict=True)
    assert clusters.adjusted_rand(first, second) == pytest.approx(clusters.adjusted_rand(second, first))


def test_groups_that_are_there_are_found_by_every_start():
    rng = np.random.default_rng(1)
    truth = np.repeat(range(3), 60)
    weights = rng.random((180, 12)) * 0.05
    for text, group in enumerate(truth):
        weights[text, 4 * group : 4 * group + 4] += 1
    found, stability = clusters.grouped(csr_array(weights), 3)
    assert clusters.adjusted_rand(found, truth) == 1.0
    assert stability == pytest.approx(1.0)


def test_noise_is_not_stable():
    weights = csr_array(np.random.default_rng(2).random((200, 30)))
    assert clusters.grouped(weights, 5)[1] < 0.7


def test_the_same_texts_give_the_same_groups():
    weights = csr_array(np.random.default_rng(3).random((80, 10)))
    one, other = clusters.grouped(weights, 4), clusters.grouped(weights, 4)
    assert (one[0] == other[0]).all() and one[1] == other[1]


def test_a_start_that_leaves_a_group_without_texts_is_no_reason_to_warn():
    rng = np.random.default_rng(1651)
    texts, terms, groups = int(rng.integers(8, 40)), int(rng.integers(4, 10)), int(rng.integers(3, 8))
    weights = (rng.random((texts, terms)) < 0.3).astype(float)
    weights = weights[weights.any(axis=1)]
    found, stable = clusters.grouped(csr_array(weights), groups)
    assert len(found) == len(weights)
    assert 0 < stable <= 1


def test_there_are_no_more_groups_than_different_texts():
    weights = csr_array(np.vstack([np.eye(4, 9)] * 5))
    found, stable = clusters.grouped(weights, 7)
    assert len(set(found)) <= 4
    assert stable <= 1


def test_texts_of_the_same_words_are_grouped_in_one_way():
    # Words that only come together, so that there are fewer directions than words, and many texts that are alike.
    kinds = [
        ((22, 23, 24, 25, 26), 13), ((16,), 2), ((15,), 11), ((15, 20), 3), ((14, 16, 17), 5), ((12, 14, 16, 17), 38), ((7, 10, 15, 21), 2),
        ((5, 8), 58), ((5, 7, 8, 10, 21), 2), ((5, 7, 8, 10, 11, 19, 21), 2), ((3, 4, 13), 2), ((2, 6, 18), 51), ((1, 9, 12, 14, 16, 17, 20), 4),
        ((0, 3, 4, 13), 65), ((0, 3, 4, 7, 10, 13, 21), 2), ((0, 1, 3, 4, 9, 13, 20), 2),
    ]  # fmt: skip
    rows = [words for words, times in kinds for _ in range(times)]
    texts = np.zeros((len(rows), 27))
    for text, words in enumerate(rows):
        texts[text, list(words)] = 1
    texts = csr_array(texts * np.log(len(rows) / texts.sum(axis=0)))
    assert len({clusters.grouped(texts, 6)[1] for _ in range(4)}) == 1
