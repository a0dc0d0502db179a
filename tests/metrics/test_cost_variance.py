"""The change of every team's cost, by effect: a small company by hand, and the sample company to the last digit."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import polars as pl

from idp_analytics.metrics.catalogue import by_name
from idp_analytics.metrics.compute import compute
from idp_analytics.metrics.cost_effects import EFFECTS
from idp_analytics.metrics.cost_lines import COLUMNS as LINES
from idp_analytics.metrics.cost_lines import cost_lines
from idp_analytics.metrics.cost_variance import COLUMNS, DRIVERS, cost_variance
from idp_analytics.settings import Settings
from idp_analytics.settings.showback import Pool, Showback

POOLED = Settings(
    "t", "T", Path(), showback=Showback(pools=(Pool("net", "Network", {"component": ("Network",)}, "direct cost"),))
)


def charge(number: int, at: str, amount: str, quantity: str | None = "1", **told) -> dict:
    return {
        "cost_id": f"k{number}", "period_start": at, "period_end": at, "amount": Decimal(amount), "component": "Machines",
        "quantity": None if quantity is None else Decimal(quantity), "quantity_unit": "Hours", **told,
    }  # fmt: skip


def small(company):
    """April and May: red's shop is used twice as much; its search goes to blue; the network grows; nobody's tax."""
    return company(
        teams=[{"team_id": "red"}, {"team_id": "blue"}],
        costs=[
            charge(1, "2026-04-03", "10", "5", team_id="red", service_id="shop", sku="m"),
            charge(2, "2026-05-03", "15", "8", team_id="red", service_id="shop", sku="m"),
            charge(3, "2026-05-30", "5", "2", team_id="red", service_id="shop", sku="m"),
            charge(4, "2026-04-03", "30", "3", team_id="red", service_id="search", sku="l"),
            charge(5, "2026-05-03", "30", "3", team_id="blue", service_id="search", sku="l"),
            charge(6, "2026-04-03", "8", team_id=None, account="1", component="Network"),
            charge(7, "2026-05-03", "16", team_id=None, account="1", component="Network"),
            charge(8, "2026-05-03", "3", None, team_id=None, account="1", component="Tax", category="tax"),
            charge(9, "2026-05-03", "99", team_id="red", basis="billed"),
            charge(10, "2026-06-01", "99", team_id="red"),
        ],
    )  # fmt: skip


def told(found: pl.DataFrame, entity: str, period: str = "2026-05") -> dict[str, Decimal]:
    rows = found.filter(pl.col("entity_id") == entity, pl.col("period") == period, pl.col("driver").is_null())
    return {effect: amount for effect, amount in rows.select("effect", "amount").iter_rows() if amount}


def test_a_small_company_by_hand(company, as_of):
    found = cost_variance(small(company), POOLED, as_of("2026-06-01"))
    assert dict(found.schema) == COLUMNS
    # Red paid 40 + 8 of the network (the whole of it); then 20 + 16 · 20/50.
    assert told(found, "red") == {
        "usage": Decimal(10), "ownership": Decimal(-30), "pool": Decimal(8), "share": Decimal("-9.6")
    }  # fmt: skip
    assert told(found, "blue") == {"ownership": Decimal(30), "share": Decimal("9.6")}
    # The bill: shop +10, network twice as dear, tax.
    assert told(found, "org") == {"usage": Decimal(10), "price": Decimal(8), "cost only": Decimal(3)}
    whole = found.filter(scope="team", entity_id="red", period="2026-05", effect="usage").filter(
        pl.col("driver").is_null()
    )
    assert whole.select("before", "after", "lines").row(0) == (Decimal(48), Decimal("26.4"), 3)


def test_the_items_that_moved_most_are_named(company, as_of):
    found = cost_variance(small(company), POOLED, as_of("2026-06-01"))
    rows = found.filter(pl.col("entity_id") == "red", pl.col("period") == "2026-05", pl.col("driver").is_not_null())
    assert rows.sort("driver").select("driver", "effect", "thing", "sku", "before", "after", "amount").rows() == [
        (1, "ownership", "service:search", "l", Decimal(30), Decimal(0), Decimal(-30)),
        (2, "usage", "service:shop", "m", Decimal(10), Decimal(20), Decimal(10)),
        (3, "share", "pool:net", None, Decimal(8), Decimal("6.4"), Decimal("-9.6")),
        (4, "pool", "pool:net", None, Decimal(8), Decimal("6.4"), Decimal(8)),
    ]


def test_the_first_period_has_nothing_before_it(company, as_of):
    found = cost_variance(small(company), POOLED, as_of("2026-06-01"))
    assert found["period"].unique().to_list() == ["2026-05"]  # and no quarter has one before it


def test_a_period_that_is_not_over_makes_both_partial(company, as_of):
    found = cost_variance(small(company), POOLED, as_of("2026-05-20"))
    assert found["is_partial"].all()
    assert told(found, "org")["usage"] == Decimal("6.000000000000000000000000")  # 8 of 5 hours, at 2.00


def test_without_costs_there_is_nothing(company, settings, as_of):
    assert cost_variance(company(), settings(), as_of("2026-06-01")).is_empty()
    assert cost_lines(company(), settings(), as_of("2026-06-01")).schema == LINES


def test_an_account_or_a_tag_can_change_hands_as_a_service_can(company, settings, as_of):
    for told_ in ({"account": "77"}, {"account": "77", "owner_raw": "Shop team"}):
        tables = company(
            teams=[{"team_id": "red"}, {"team_id": "blue"}],
            costs=[
                charge(1, "2026-04-03", "10", team_id="red", **told_),
                charge(2, "2026-05-03", "10", team_id="blue", **told_),
            ],
        )
        found = cost_variance(tables, settings(), as_of("2026-06-01"))
        assert told(found, "red") == {"ownership": Decimal(-10)}


# --- laws over the sample company ------------------------------------------------------------------------------------------


def test_the_samples_changes_are_those_of_its_answers(sample):
    found = cost_variance(sample.lazy, sample.settings, sample.as_of)
    whole = found.filter(pl.col("driver").is_null())
    key = ["scope", "entity_id", "every", "period", "currency"]
    sums = whole.group_by(key).agg(
        pl.col("amount").sum(),
        pl.col("before", "after").first(),
        pl.len().alias("effects"),
        pl.col("period_start").first(),
    )
    assert sums.height > 200
    assert (sums["amount"] == sums["after"] - sums["before"]).all()
    assert (sums["effects"] == len(EFFECTS)).all()
    answers = compute(sample.lazy, sample.settings, sample.as_of, (by_name("showback_cost"),), ("org", "team"))
    cost = answers.filter(pl.col("detail").is_null()).select(*key, pl.col("amount").alias("cost"))
    compared = sums.join(cost, on=key)
    assert compared.height == sums.height
    assert (compared["after"] == compared["cost"]).all()
    moved = whole.filter(pl.col("scope") == "team", pl.col("effect") == "ownership")
    assert moved["amount"].cast(pl.Float64).abs().sum() > 1000  # the reorganisation is seen
    assert (
        moved.group_by("every", "period", "currency").agg(pl.col("amount").sum())["amount"].cast(pl.Float64).abs().max()
        == 0
    )
    assert found["driver"].max() == DRIVERS


def test_the_samples_lines_add_up_to_its_bill(sample):
    found = cost_lines(sample.lazy, sample.settings, sample.as_of)
    charges = found.filter(pl.col("held").is_null())
    bill = sample.tables["costs"].filter(pl.col("basis") == "effective", pl.col("provider") != "Kubernetes")
    assert (
        charges.group_by("currency")
        .agg(pl.col("amount").sum())
        .sort("currency")
        .equals(bill.group_by("currency").agg(pl.col("amount").sum()).sort("currency"))
    )
    pools = (
        charges.filter(pl.col("owner").str.starts_with("pool:"))
        .group_by("month", "currency")
        .agg(pl.col("amount").sum())
    )
    shares = found.filter(pl.col("held").is_not_null()).group_by("month", "currency").agg(pl.col("amount").sum())
    assert pools.sort("month", "currency").equals(shares.sort("month", "currency"))
