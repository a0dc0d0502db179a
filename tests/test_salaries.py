"""What a platform team costs, kept in a table by hand, from the file to what each team pays: spread over its months, shared, proved."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl

from idp_analytics.metrics import by_name, compute
from idp_analytics.organisation import load

SETTINGS = """
[organisation]
id = "small"
name = "Small"
[rules]
cost_basis = "{basis}"
[[source]]
name = "catalogue"
kind = "canonical"
table = "teams"
paths = ["teams.csv"]
[[source]]
name = "people"
kind = "cost_lines"
paths = ["platform.csv"]
columns = {{ date = "Paid on", amount = "Net EUR", months = "For months", component = "What", owner = "Whose" }}
constants = {{ currency = "EUR", provider = "people" }}
[[pool]]
id = "staff"
title = "Platform team"
take = {{ component = ["Salaries", "Onboarding bonus"] }}
by = "fixed"
shares = {{ pay = 60, web = 30 }}
"""

LINES = """Paid on,What,Whose,Net EUR,For months
2026-01-31,Salaries,,30000.00,
2026-02-28,Salaries,,30000.00,
2026-01-01,Onboarding bonus,,10000.00,3
2026-01-01,Seats,pay,1200.00,12
"""


def paid(folder: Path, basis: str) -> dict[tuple[str, str], Decimal]:
    (folder / "settings.toml").write_text(SETTINGS.format(basis=basis))
    (folder / "teams.csv").write_text("team_id,name,kind\npay,Pay,team\nweb,Web,team\n")
    (folder / "platform.csv").write_text(LINES)
    organisation = load(folder)
    as_of = datetime(2026, 3, 1, tzinfo=UTC)
    answers = compute(
        organisation.lazy, organisation.settings, as_of, (by_name("showback_cost"),), ("org", "team"), ("1mo",)
    )
    rows = answers.filter(
        pl.col("detail").is_null() | (pl.col("detail") == "unallocated"), pl.col("amount").is_not_null()
    )
    return {
        (row["detail"] or row["entity_id"], row["period"]): row["amount"]
        for row in rows.iter_rows(named=True)
        if row["amount"]
    }


def test_salaries_are_shared_and_what_is_paid_ahead_is_spread_in_a_straight_line(tmp_path: Path) -> None:
    """By hand: the bonus of 10,000.00 is 3,333.33, 3,333.34 and 3,333.33; a seat 100.00 a month; 60 % and 30 % of the rest."""
    january, february = Decimal("33333.33"), Decimal("33333.34")
    assert paid(tmp_path, "effective") == {
        ("org", "2026-01"): january + 100,
        ("pay", "2026-01"): january * 6 / 10 + 100,
        ("web", "2026-01"): january * 3 / 10,
        ("unallocated", "2026-01"): january / 10,
        ("org", "2026-02"): february + 100,
        ("pay", "2026-02"): february * 6 / 10 + 100,
        ("web", "2026-02"): february * 3 / 10,
        ("unallocated", "2026-02"): february / 10,
    }


def test_billed_they_count_where_they_were_paid(tmp_path: Path) -> None:
    assert paid(tmp_path, "billed") == {
        ("org", "2026-01"): Decimal(41200),
        ("pay", "2026-01"): Decimal(25200),
        ("web", "2026-01"): Decimal(12000),
        ("unallocated", "2026-01"): Decimal(4000),
        ("org", "2026-02"): Decimal(30000),
        ("pay", "2026-02"): Decimal(18000),
        ("web", "2026-02"): Decimal(9000),
        ("unallocated", "2026-02"): Decimal(3000),
    }
