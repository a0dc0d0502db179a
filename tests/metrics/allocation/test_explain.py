from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from idp_analytics.errors import ReportError
from idp_analytics.metrics.allocation.explain import described_twice, pool_charges, taken
from idp_analytics.settings import Settings
from idp_analytics.settings.showback import Pool, Showback

RULES = (
    Pool("net", "Network", {"component": ("net",)}, "even"),
    Pool("tax", "Tax", {"category": ("tax",)}, "even"),
    Pool("none", "None", {"component": ("nothing",)}, "even"),
)
SETTINGS = Settings("t", "T", Path(), showback=Showback(pools=RULES))


def charge(number, day, **told):
    at = f"2026-{day}"
    return {"cost_id": f"k{number}", "amount": Decimal(number), "period_start": at, "period_end": at, **told}


@pytest.fixture
def tables(company):
    rows = [
        charge(1, "05-31", component="net", team_id="red"), charge(2, "06-01", component="net"),
        charge(3, "06-30", component="net", category="tax"), charge(4, "06-30", category="tax", currency="EUR"),
        charge(5, "06-29", component="other", team_id="red"),
    ]  # fmt: skip
    return company(teams=[{"team_id": "red"}], costs=rows, loads=[{"load_id": "load-1", "path": "bill.csv"}])


def test_the_charges_of_a_pool_in_a_period_with_their_file_and_row(tables, as_of):
    rows = pool_charges(tables, SETTINGS, as_of("2026-06-30"), "net", "2026-Q2")
    assert rows["cost_id"].to_list() == ["k1", "k2"]  # the third begins at the as-of time
    assert rows.select("owner_team_id", "path", "source_row").rows() == [("red", "bill.csv", 1), (None, "bill.csv", 2)]
    rows = pool_charges(tables, SETTINGS, as_of("2026-07-01"), "net", "2026-06")
    assert rows["cost_id"].to_list() == ["k2", "k3"]


def test_a_pool_that_is_not_there(tables, as_of):
    with pytest.raises(ReportError, match=r"There is no pool 'nets'\. Did you mean 'net'\?"):
        pool_charges(tables, SETTINGS, as_of("2026-07-01"), "nets", "2026-06")


def test_charges_that_two_rules_describe_and_rules_that_find_nothing(tables):
    assert described_twice(tables, SETTINGS).rows() == [("net", "tax", "USD", 1, Decimal(3))]
    assert taken(tables, SETTINGS) == {"net": 3, "tax": 1, "none": 0}
