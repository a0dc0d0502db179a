from __future__ import annotations

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from idp_analytics.answers import COLUMNS
from idp_analytics.metrics.cost_restatement import KINDS, cost_restatement


def answers(*rows):
    """(entity, month, amount, n[, partial])"""
    told = [
        {
            "scope": "org" if entity == "org" else "team", "entity_id": entity, "every": "1mo", "period": f"2026-{month:02}",
            "period_start": date(2026, month, 1), "is_partial": bool(partial), "metric": "showback_cost", "currency": "EUR",
            "amount": None if amount is None else Decimal(amount), "n": n,
        }
        for entity, month, amount, n, *partial in rows
    ]  # fmt: skip
    return pl.DataFrame([{**dict.fromkeys(COLUMNS), **row} for row in told], schema=COLUMNS, orient="row")


BEFORE = answers(
    ("org", 1, "100", 10), ("red", 1, "60", 6), ("org", 2, "50", 5), ("red", 2, "50", 5), ("org", 3, "9", 1, True)
)


def test_only_what_differs_and_was_complete_then_has_a_row():
    now = answers(
        ("org", 1, "100", 10), ("red", 1, "60.000000000000000000000001", 6), ("org", 2, "50", 5), ("red", 2, "50", 5),
        ("org", 3, "90", 10), ("org", 4, "1", 1),
    )  # fmt: skip
    found = cost_restatement(now, BEFORE, "2026-02")
    assert found.select("entity_id", "period", "difference", "kind", "published_in").rows() == [
        ("red", "2026-01", Decimal("1e-24"), "moved", "2026-02")
    ]


@pytest.mark.parametrize(
    ("amount", "n", "kind"), [("130", 12, "added"), ("70", 8, "removed"), ("90", 10, "repriced"), ("110", 12, "added")]
)
def test_what_happened_to_the_bill(amount, n, kind):
    now = answers(("org", 1, amount, n), ("red", 1, "60", 6), ("org", 2, "50", 5), ("red", 2, "50", 5))
    (row,) = cost_restatement(now, BEFORE, "2026-02").to_dicts()
    assert (row["kind"], row["difference"], row["bill_difference"]) == (
        kind,
        Decimal(amount) - 100,
        Decimal(amount) - 100,
    )
    assert row["was"] + row["difference"] == row["now"]
    assert kind in KINDS


def test_what_appears_and_what_vanishes_is_counted_from_nothing_and_to_nothing():
    now = answers(("org", 1, "100", 10), ("blue", 1, "60", 6), ("org", 2, "50", 5), ("red", 2, "50", 5))
    found = cost_restatement(now, BEFORE, "2026-02", rules_changed=True)
    assert found.select("entity_id", "was", "now", "difference", "kind").rows() == [
        ("blue", None, Decimal(60), Decimal(60), "moved"), ("red", Decimal(60), None, Decimal(-60), "moved"),
    ]  # fmt: skip
    assert found["rules_changed"].all()


def test_the_teams_and_what_nobody_owns_make_the_bills_difference():
    now = answers(
        ("org", 1, "130", 12), ("red", 1, "75", 8), ("blue", 1, "5", 1), ("org", 2, "50", 5), ("red", 2, "50", 5)
    )
    found = cost_restatement(now, BEFORE, "2026-02")
    teams = sum(found.filter(scope="team")["difference"].to_list())
    nobody = (130 - 80) - (100 - 60)
    assert teams + nobody == found.filter(scope="org")["difference"].item()
