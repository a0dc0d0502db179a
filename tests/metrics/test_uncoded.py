"""Comments without a theme: lists of words from many people, or the reason why there are none."""

from __future__ import annotations

import pytest

from idp_analytics.metrics.uncoded import LEAST, uncoded

TOPICS = (
    "coffee machine kitchen broken cups", "laptop keyboard battery slow replacement", "office chairs noise heating window",
    "travel expenses receipts refund forms", "parking bicycle shower lockers entrance",
)  # fmt: skip


@pytest.fixture
def made(company, settings, as_of):
    def build(texts):
        rows = [
            {"response_id": f"r{n}", "question_id": "comment@1", "value_index": 0, "survey_id": "devex", "wave": "w1", "team_id": "red",
             "submitted_at": "2026-03-02", "text": text} for n, text in enumerate(texts)
        ]  # fmt: skip
        return company(survey_responses=rows, teams=[{"team_id": "red"}]), settings(), as_of("2026-12-01")

    return build


def test_lists_of_words_that_many_use(made):
    texts = [f"{TOPICS[n % 5]} Zebedee{n}" for n in range(300)]
    told = uncoded(*made(texts))
    assert told["n"].to_list() == [300] * 5
    assert told["k"].to_list() == [60] * 5
    assert (told["stability"] > 0.99).all()
    found = {frozenset(words) for words in told["words"]}
    assert found == {frozenset(topic.split()) for topic in TOPICS}


def test_a_name_that_few_write_is_never_listed(made):
    texts = [f"{TOPICS[n % 5]}{' Mirela' if n < 9 else ''}" for n in range(300)]
    assert all("mirela" not in words for words in uncoded(*made(texts))["words"])


def test_comments_with_a_theme_are_not_searched(made):
    assert uncoded(*made(["The docs are old."] * 300))["n"].to_list() == [None]


def test_few_are_read_and_not_searched(made):
    told = uncoded(*made([TOPICS[n % 5] for n in range(LEAST - 1)]))
    assert (told["n"].to_list(), told["stability"].to_list(), told["group"].to_list()) == ([LEAST - 1], [None], [None])
    assert uncoded(*made(TOPICS))["n"].to_list() == [None]  # five: not even how many


def test_what_another_start_would_not_find_is_not_told(made):
    words = [word for topic in TOPICS for word in topic.split()]
    texts = [" ".join(words[(n * 7 + step * (n % 11 + 1)) % len(words)] for step in range(3)) for n in range(300)]
    told = uncoded(*made(texts))
    assert told["group"].to_list() == [None]
    assert told["stability"][0] < 0.7
