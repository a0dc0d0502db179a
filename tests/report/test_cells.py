"""Tables of text: which columns stay, which are numbers, and how a verdict and a period stand in a cell."""

from __future__ import annotations

import pytest
from answer_building import answer

from idp_analytics.answers import Verdict
from idp_analytics.report import cells
from idp_analytics.report.words import VERDICTS


def test_columns_in_which_nothing_stands_are_left_out_and_all_but_words_are_numbers():
    made = cells.table(
        "Of all",
        [
            {"Period": "2026-05", "Value": "–", "Open": "", "n": "3", "Note": "x", "Verdict": "✓ improved"},
            {"Period": "2026-06", "Value": "0.0 %", "Open": "–", "n": "4", "Note": "", "Verdict": "? not identified"},
        ],
        left=("Note",),
        left_out=2,
    )
    assert made.frame.columns == ["Period", "Value", "n", "Note", "Verdict"]
    assert made.numbers == ("Value", "n")
    assert made.frame["Value"].to_list() == ["–", "0.0 %"]
    assert (made.caption, made.left_out) == ("Of all", 2)


def test_without_rows_there_is_an_empty_table():
    made = cells.table("Nothing", [])
    assert (made.frame.shape, made.numbers) == ((0, 0), ())


@pytest.mark.parametrize("verdict", Verdict)
def test_a_verdict_is_a_symbol_and_a_word(verdict):
    assert cells.verdict(verdict.value) == f"{VERDICTS[verdict].symbol} {verdict.value}"


def test_a_partial_period_is_marked():
    assert cells.period(answer("change_fail_rate")) == "2026-06"
    assert cells.period(answer("change_fail_rate", is_partial=True)) == "2026-06 (partial)"


def test_of_a_withheld_answer_not_even_the_count_is_told():
    assert cells.n(answer("change_fail_rate", n=1204)) == "1,204"
    assert cells.n(answer("change_fail_rate", n=0)) == "0"
    assert cells.n(answer("time_to_first_deploy", n=None)) == "withheld"
