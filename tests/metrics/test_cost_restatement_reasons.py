"""Why a published amount is another now: every reason by hand, and that reasons add up to the difference."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from idp_analytics.metrics.catalogue import by_name
from idp_analytics.metrics.compute import compute
from idp_analytics.metrics.cost_lines import cost_lines
from idp_analytics.metrics.cost_restatement import complete, cost_restatement
from idp_analytics.metrics.cost_restatement_reasons import COLUMNS, REASONS, restatement_reasons
from idp_analytics.settings import Settings
from idp_analytics.settings.showback import Pool, Showback

NET = Pool("net", "Network", {"component": ("Network",)}, "direct cost")
POOLED = Settings("t", "T", Path(), showback=Showback(pools=(NET,)))
EVENLY = replace(POOLED, showback=Showback(pools=(replace(NET, by="even"),)))


def charge(number: int, amount: str, quantity: str | None = "1", **told) -> dict:
    return {
        "cost_id": f"k{number}", "period_start": "2026-05-01", "period_end": "2026-05-02", "amount": Decimal(amount), "team_id": "red",
        "service_id": "shop", "component": "Machines", "quantity": None if quantity is None else Decimal(quantity),
        "quantity_unit": "Hours", **told,
    }  # fmt: skip


BASE = [
    charge(1, "10", "5"),
    charge(2, "3", None, component="Tax", category="tax"),
    charge(3, "8", component="Network", team_id=None),
]


def bridged(company, as_of, then, now, settings_then=POOLED, settings_now=POOLED):
    """Differences of amounts, and their reasons, of the bill ``now`` against what was published ``then``."""
    told = []
    for rows, chosen in ((then, settings_then), (now, settings_now)):
        tables = company(teams=[{"team_id": "red"}, {"team_id": "blue"}], costs=rows)
        answers = compute(tables, chosen, as_of("2026-07-01"), (by_name("showback_cost"),), ("org", "team"))
        told.append((answers, cost_lines(tables, chosen, as_of("2026-07-01"))))
    (old, old_lines), (new, new_lines) = told
    return cost_restatement(new, old, "2026-05"), restatement_reasons(new_lines, old_lines, complete(old))


def reasons(found: pl.DataFrame, entity: str) -> dict[str, Decimal]:
    rows = found.filter(pl.col("entity_id") == entity, pl.col("every") == "1mo")
    return dict(rows.select("reason", "amount").iter_rows())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ([charge(4, "4", "2")], {"late usage": 4}),
        ([charge(4, "4", "2", component="Disks")], {"late lines": 4}),
        ([charge(4, "-5", None, component="Credit", category="credit")], {"late lines": -5}),
        ([charge(4, "-2", "-1", is_correction=True)], {"corrected": -2}),
        ([charge(4, "1", "0")], {"repriced": 1}),
        ([charge(4, "1", None, component="Tax", category="tax")], {"late lines": 1}),
    ],
    ids=str,
)  # fmt: skip
def test_what_came_later_by_reason(company, as_of, change, expected):
    differences, found = bridged(company, as_of, BASE, BASE + change)
    assert dict(found.schema) == COLUMNS
    key = ["scope", "entity_id", "every", "period", "currency"]
    sums = found.group_by(key).agg(pl.col("amount").sum())
    compared = differences.join(sums, on=key, how="full", coalesce=True)
    assert compared.height
    assert (compared["difference"] == compared["amount"]).all()
    assert reasons(found, "org") == {reason: Decimal(amount) for reason, amount in expected.items()}
    assert set(found["reason"]) <= set(REASONS)


def test_what_is_gone_was_retagged_or_is_shared_otherwise(company, as_of):
    _, found = bridged(company, as_of, BASE, BASE[1:])
    assert reasons(found, "org") == {"removed": Decimal(-10)}
    retagged = [{**row, "team_id": "blue"} if row["cost_id"] in ("k1", "k2") else row for row in BASE]
    _, found = bridged(company, as_of, BASE, retagged)
    assert reasons(found, "org") == {}
    assert reasons(found, "red") == {"another owner": Decimal(-13), "shared otherwise": Decimal(-8)}
    assert reasons(found, "blue") == {"another owner": Decimal(13), "shared otherwise": Decimal(8)}
    _, found = bridged(company, as_of, BASE, BASE, settings_now=EVENLY)
    assert reasons(found, "red") == {"shared otherwise": Decimal(-4)}
    _, found = bridged(company, as_of, BASE, [*BASE[:2], {**BASE[2], "amount": Decimal(20)}])
    assert reasons(found, "red") == {"pool": Decimal(12)}


def test_the_same_charge_without_a_quantity_can_come_to_another_amount(company, as_of):
    _, found = bridged(company, as_of, BASE, [BASE[0], {**BASE[1], "amount": Decimal(4)}, BASE[2]])
    assert reasons(found, "org") == {"another amount": Decimal(1)}


def test_nothing_changed_has_no_reason(company, as_of):
    differences, found = bridged(company, as_of, BASE, BASE)
    assert differences.is_empty()
    assert found.is_empty()


charges = st.lists(
    st.builds(
        lambda n, amount, quantity, team, component, corrects: charge(n, str(amount), quantity, team_id=team, component=component, is_correction=corrects),
        st.integers(1, 10**6), st.decimals(-50, 50, places=3), st.sampled_from([None, "1", "2.5"]), st.sampled_from(["red", "blue", None]),
        st.sampled_from(["Machines", "Network", "Tax"]), st.booleans(),
    ),
    min_size=1, max_size=6, unique_by=lambda row: row["cost_id"],
)  # fmt: skip


@hypothesis_settings(max_examples=10)
@given(charges, charges)
def test_reasons_add_up_to_the_difference_of_every_teams_lines(company, as_of, then, now):
    old, new = (
        cost_lines(company(teams=[{"team_id": "red"}, {"team_id": "blue"}], costs=rows), POOLED, as_of("2026-07-01"))
        for rows in (then, now)
    )
    found = restatement_reasons(new, old, pl.DataFrame({"every": ["1mo"], "period": ["2026-05"]}))
    for team in ("red", "blue"):
        was, is_ = (sum(lines.filter(owner=f"team:{team}")["amount"].to_list(), Decimal(0)) for lines in (old, new))
        assert sum(reasons(found, team).values(), Decimal(0)) == is_ - was
    was, is_ = (sum((row["amount"] for row in rows), Decimal(0)) for rows in (then, now))
    assert sum(reasons(found, "org").values(), Decimal(0)) == is_ - was
