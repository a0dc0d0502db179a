"""Billed to effective, as a page says it."""

from __future__ import annotations

from decimal import Decimal

from answer_building import frame, of_org
from answer_building import mart as made_of

from idp_analytics.metrics.cost_bridge import COLUMNS, STEPS
from idp_analytics.report import cost_bridge


def bridge(
    amounts: tuple, counts: tuple, provider: str = "A", currency: str = "EUR", absence: str | None = None
) -> list[dict]:
    return [
        {
            "scope": "org", "entity_id": "org", "every": "1mo", "period": "2026-06", "is_partial": False, "currency": currency,
            "provider": provider, "step": step, "amount": None if amount is None else Decimal(amount), "n": n, "absence": absence,
        }
        for step, amount, n in zip(STEPS, amounts, counts, strict=True)
    ]  # fmt: skip


def made(*parts):
    return of_org(made_of(studies={"cost_bridge": frame([row for part in parts for row in part], COLUMNS)}))


def test_the_steps_are_told_with_their_charges_and_add_up_as_shown():
    section = cost_bridge.bridge(
        made(
            bridge(("137.004", "-120", "9.503", "0.502", "0", "27.009"), (8, 1, 2, 1, 0, 8)),
            bridge(
                (None, None, None, None, None, "5"), (None, None, None, None, None, 3), "B", absence="no billed cost"
            ),
        )
    )
    assert section.answer == (
        "EUR 137.00 was billed for June 2026 and EUR 27.01 used: purchases −119.99 (1 charge), amortisation +9.50 (2 charges), "
        "unused commitment +0.50 (1 charge)."
    )
    assert section.cautions == ("Not measured for B (EUR; effective 5.00): no billed cost.",)
    assert section.tables[0].frame["Amount"].to_list() == ["137.00", "−119.99", "+9.50", "+0.50", "27.01"]
    assert section.chart is not None
    assert section.verdict is None


def test_where_no_charge_differs_there_is_nothing_to_draw():
    section = cost_bridge.bridge(made(bridge(("5", "0", "0", "0", "0", "5"), (2, 0, 0, 0, 0, 2))))
    assert section.answer == "EUR 5.00 was billed for June 2026, and as much used: no charge differs."
    assert section.chart is None


def test_where_nothing_is_known_on_both_bases_it_is_not_measured():
    section = cost_bridge.bridge(
        made(bridge(("5", *[None] * 5), (2, *[None] * 5), absence="2 of 2 charges are known on one basis only"))
    )
    assert section.answer == "Not measured for A (EUR; billed 5.00): 2 of 2 charges are known on one basis only."
    assert section.verdict == "not measured"
    assert cost_bridge.bridge(made()).answer == "No cost in June 2026."
