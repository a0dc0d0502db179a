"""Money by period: parts from the axis up, what is not known as a grey column, and the sentence that tells the same."""

from __future__ import annotations

from decimal import Decimal

import pytest
from answer_building import answer, frame

from idp_analytics.answers import COLUMNS
from idp_analytics.charts import money


def charge(period, amount, detail=None, currency="EUR", **given):
    amount = None if amount is None else Decimal(amount)
    return answer("showback_cost", period, detail=detail, amount=amount, currency=currency, n=3, **given)


def chart(*rows):
    return money.chart(frame(rows, COLUMNS), "Cost")


def drawn(made):
    return made.spec["datasets"]["answers"]


def test_a_team_has_one_part_its_own_cost():
    made = chart(charge("2026-05", "10.005"), charge("2026-06", "1234.5", is_partial=True))
    assert [(row["period"], row["part"], row["state"], row["amount"], row["shown"]) for row in drawn(made)] == [
        ("2026-05", "allocated", "complete", 10.005, "EUR 10.00"),
        ("2026-06", "allocated", "partial", 1234.5, "EUR 1,234.50"),
    ]
    assert made.title == "Cost by month, EUR"
    assert made.description == "Cost in EUR, May 2026 to June 2026: allocated EUR 1,234.50 in June 2026."


def test_the_bill_is_stacked_of_what_is_owned_and_what_is_not():
    made = chart(charge("2026-Q2", "3.3", "unallocated"), charge("2026-Q2", "9.9", "allocated"))
    assert [row["part"] for row in drawn(made)] == ["allocated", "unallocated"]
    assert "['allocated', 'unallocated']" in str(made.spec)
    assert made.description == "Cost in EUR, Q2 2026: allocated EUR 9.90, unallocated EUR 3.30 in Q2 2026."


def test_only_the_parts_that_are_there_have_a_colour():
    made = chart(charge("2026-06", "3.3", "unallocated"))
    assert f"'domain': ['unallocated'], 'range': ['{money.PARTS['unallocated']}']" in str(made.spec)


def test_a_credit_is_drawn_below_the_axis_and_keeps_its_sign():
    made = chart(charge("2026-06", "-12.345"))
    assert drawn(made)[0]["amount"] == -12.345
    assert "EUR −12.34" in made.description


def test_a_measured_zero_is_a_bar_of_no_height_and_not_a_gap():
    made = chart(charge("2026-05", "0"), charge("2026-06", None))
    assert [(row["state"], row["amount"]) for row in drawn(made)] == [("complete", 0.0), ("none", None)]
    assert (
        made.description
        == "Cost in EUR, May 2026 to June 2026: nothing known in June 2026; nothing known in 1 of 2 months."
    )


def test_a_part_not_known_beside_one_that_is_is_not_drawn():
    made = chart(charge("2026-06", "5", "allocated"), charge("2026-06", None, "unallocated"))
    assert [row["part"] for row in drawn(made)] == ["allocated"]
    assert made.description == "Cost in EUR, June 2026: allocated EUR 5.00 in June 2026."


def test_every_period_of_which_nothing_is_known_has_one_grey_column():
    made = chart(
        charge("2026-04", "5", "allocated"), charge("2026-05", None, "unallocated"),
        charge("2026-06", None, "allocated"), charge("2026-06", None, "unallocated"),
    )  # fmt: skip
    assert [(row["period"], row["state"]) for row in drawn(made)] == [
        ("2026-04", "complete"), ("2026-05", "none"), ("2026-06", "none"),
    ]  # fmt: skip
    assert "nothing known in 2 of 3 months" in made.description


@pytest.mark.parametrize(("currency", "shown"), [("<b>\u202e$</b>", "<b>$</b>"), (None, "")])
def test_a_currency_is_text_from_data(currency, shown):
    made = chart(charge("2026-06", "5", currency=currency))
    assert made.title == f"Cost by month, {shown}".strip()
    assert made.spec["layer"][1]["encoding"]["y"]["title"] == shown
