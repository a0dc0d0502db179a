"""Tables of text: which columns stay, which are numbers, and how a verdict and a period stand in a cell."""

from __future__ import annotations

import pytest
from answer_building import answer

from idp_analytics.answers import Verdict
from idp_analytics.report import cells, html
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


@pytest.mark.parametrize(("teams", "shown"), [(0, 0), (1, 1), (40, 40), (41, 40), (900, 40)])
def test_a_table_of_teams_has_those_of_which_there_is_most_to_say_in_the_order_given(teams, shown):
    rows = [(float(n % 7), {"Team": f"t{n:03}", "n": f"{n}"}) for n in range(teams)]
    made = cells.of_teams("Teams, in order of name", rows, "with most of it", "all.csv")
    kept = list(made.columns.get("Team", []))
    assert made.height == shown
    assert kept == sorted(kept)
    if teams <= cells.TEAMS:
        assert (made.caption, made.left_out, made.whole) == ("Teams, in order of name", 0, "")
    else:
        assert made.caption == f"Teams, in order of name: the {cells.TEAMS} with most of it"
        assert (made.left_out, made.whole) == (teams - cells.TEAMS, "all.csv")
        assert min(n % 7 for n in map(int, made.columns["n"])) >= (0 if teams < 100 else 6)
        assert f'; {teams - cells.TEAMS} more stand in <a href="all.csv">all.csv</a></caption>' in html.table(made)
