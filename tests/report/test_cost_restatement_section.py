"""Whether amounts changed that were published before, said plainly either way."""

from __future__ import annotations

from decimal import Decimal

from answer_building import by_team, frame, of_org
from answer_building import mart as made_of

from idp_analytics.metrics.cost_restatement import COLUMNS
from idp_analytics.metrics.cost_restatement_reasons import COLUMNS as REASONS
from idp_analytics.report.cost_restatement import cost_restatement

ROW = {
    "scope": "org", "entity_id": "org", "every": "1mo", "period": "2026-05", "currency": "EUR", "published_in": "2026-05", "was": Decimal(100),
    "now": Decimal("130.5"), "difference": Decimal("30.5"), "lines_were": 10, "lines_are": 12, "bill_difference": Decimal("30.5"),
    "kind": "added", "rules_changed": True, "code_changed": False,
}  # fmt: skip
TOLD = {"restates": {"period": "2026-05", "run": "abc"}}


def made(*rows, **meta):
    return made_of(teams={"pay": "Payments"}, studies={"cost_restatement": frame(rows, COLUMNS)}, **meta)


def test_without_an_earlier_report_there_is_nothing_to_compare_with():
    assert cost_restatement(of_org(made())).answer.startswith(
        "No report of an earlier period was published beside this one"
    )


def test_the_same_to_the_last_digit():
    shown = cost_restatement(by_team(made(ROW, **TOLD), "pay"))
    assert shown.answer == "No: every amount is to the last digit what the report of May 2026 said."


def test_what_changed_by_how_much_and_what_kind_of_change_it_is():
    again = {**ROW, "period": "2026-04", "difference": Decimal(-3), "kind": "repriced", "lines_were": None}
    shown = cost_restatement(of_org(made(again, ROW, **TOLD)))
    assert shown.answer == (
        "Since the report of May 2026, 2 amounts in EUR changed, by EUR 27.50 together: added 30.50 (1), repriced −3.00 (1)."
    )
    assert shown.table.frame["Lines then"].to_list() == ["–", "10"]
    assert shown.cautions == (
        "The settings have changed since: rules of sharing, mappings or the cost basis may be why.",
    )


def test_many_amounts_are_counted_with_their_thousands():
    shown = cost_restatement(of_org(made(*[ROW] * 1100, **TOLD)))
    assert "1,100 amounts in EUR changed" in shown.answer
    assert "added 33,550.00 (1,100)" in shown.answer


def test_reasons_are_a_bridge_from_what_was_published_to_what_is_now():
    rows = [
        {**{name: ROW[name] for name in ("scope", "entity_id", "every", "period", "currency")}, "reason": reason, "amount": Decimal(a), "lines": 3}
        for reason, a in (("late usage", "35"), ("corrected", "-4.5"))
    ]  # fmt: skip
    studies = {"cost_restatement": frame([ROW], COLUMNS), "cost_restatement_reasons": frame(rows, REASONS)}
    shown = cost_restatement(of_org(made_of(studies=studies, **TOLD)))
    assert shown.answer == (
        "Since the report of May 2026, 1 amount in EUR changed, by EUR 30.50 together: late usage 35.00, corrected −4.50."
    )
    bridge = shown.tables[-1].frame
    assert bridge.select("Published", "Reason", "Difference", "Now").rows() == [
        ("EUR 100.00", "late usage", "EUR 35.00", "EUR 130.50"), ("EUR 100.00", "corrected", "EUR −4.50", "EUR 130.50")
    ]  # fmt: skip
