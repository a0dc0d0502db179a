"""How good the bill is: every measure on a bill small enough to add up by hand."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl

from idp_analytics.metrics.bill_quality import COLUMNS, OWNER, allocated, bill_quality
from idp_analytics.settings import Settings
from idp_analytics.settings.showback import Pool, Showback

TAXED = Settings(
    "t", "T", Path(), showback=Showback(pools=(Pool("tax", "Tax", {"category": ("tax",)}, "direct cost"),))
)


def charge(number: int, amount: str, team: str | None = None, at: str = "2026-05-03", **told) -> dict:
    return {
        "cost_id": f"k{number}", "period_start": at, "period_end": at, "amount": Decimal(amount), "team_id": team,
        "provider": "A", "billing_period_on": f"{at[:7]}-01", **told,
    }  # fmt: skip


def measured(found: pl.DataFrame, period: str = "2026-05", currency: str = "USD") -> dict:
    rows = found.filter(pl.col("period") == period, pl.col("currency") == currency, pl.col("measure") != "lag")
    return {
        f"{row['measure']}{'/' + row['detail'] if row['detail'] else ''}": (
            row["amount"],
            row["whole"],
            row["n"],
            row["of"],
        )
        for row in rows.iter_rows(named=True)
    }


def told(amount: str | int, whole: str | int, n: int, of: int) -> tuple:
    return Decimal(amount), Decimal(whole), n, of


def bill(company):
    return company(
        teams=[{"team_id": "red"}],
        costs=[
            charge(1, "40", "red", owner_raw="Red", quantity=Decimal(1)), charge(2, "20", "red", service_id="shop", quantity=Decimal(2)),
            charge(3, "10", "red", account="1"), charge(4, "6", "ghost", owner_raw="ghost"), charge(5, "5", owner_raw=" "),
            charge(6, "4"), charge(7, "10", category="tax"), charge(8, "-6", category="credit"),
            charge(9, "-3", "red", owner_raw="Red"), charge(10, "5", is_unused_commitment=True),
            charge(11, "-2", "red", owner_raw="Red", is_correction=True, billing_period_on="2026-06-01"),
            charge(12, "77", "red", currency="EUR"),
        ],
    )  # fmt: skip


def test_a_bill_by_hand(company, as_of):
    found = bill_quality(bill(company), TAXED, as_of("2026-06-01"))
    assert dict(found.schema) == COLUMNS
    assert measured(found) == {
        # Red owns 70 above zero and pays the tax of 10; ghost's 6, the empty tag's 5, nobody's 4, and 5 unused stay.
        "allocated, gross": told(80, 100, 4, 8),
        "allocated, net": told(75, 89, 6, 11),
        "unallocated, gross/empty tag": told(5, 100, 1, 8),
        "unallocated, gross/no owner": told(4, 100, 1, 8),
        "unallocated, gross/unknown owner": told(6, 100, 1, 8),
        "unallocated, gross/unused commitment": told(5, 100, 1, 8),
        "unallocated, net/credit": told(-6, 89, 1, 11),
        "unallocated, net/empty tag": told(5, 89, 1, 11),
        "unallocated, net/no owner": told(4, 89, 1, 11),
        "unallocated, net/unknown owner": told(6, 89, 1, 11),
        "unallocated, net/unused commitment": told(5, 89, 1, 11),
        "owner by tag": told(40, 85, 1, 6),
        "owner by service": told(20, 85, 1, 6),
        "owner by account": told(10, 85, 1, 6),
        "owner unknown": told(6, 85, 1, 6),
        "owner tag empty": told(5, 85, 1, 6),
        "owner not told": told(4, 85, 1, 6),
        "unused commitment": told(5, 100, 1, 8),
        "corrections": told(2, 100, 1, 8),
        "billed later": told(2, 100, 1, 8),
        "refunds": told(3, 100, 1, 8),
        "credits": told(6, 100, 1, 8),
        "no quantity": told(30, 90, 5, 7),
    }
    assert measured(found, currency="EUR")["allocated, gross"] == told(77, 77, 1, 1)
    shares = dict(found.filter(period="2026-05", currency="USD").select("measure", "share").iter_rows())
    assert shares["allocated, gross"] == 0.8


def test_a_share_that_credits_make_meaningless_is_none(company, settings, as_of):
    """The bucket without a tag is negative because of one credit: 4 untagged and −6."""
    tables = company(
        teams=[{"team_id": "red"}], costs=[charge(1, "4"), charge(2, "-6", category="credit"), charge(3, "1", "red")]
    )
    found = bill_quality(tables, settings(), as_of("2026-06-01"))
    shares = {row["measure"]: row["share"] for row in found.filter(period="2026-05").iter_rows(named=True)}
    assert shares["allocated, net"] is None
    assert shares["allocated, gross"] == 0.2
    assert measured(found)["unallocated, net/credit"] == told(-6, -1, 1, 3)


def test_lost_decimals_are_found_by_provider(company, settings, as_of):
    rows = []
    for number in range(6):
        rows.append(charge(10 + number, "3", "red"))
        rows.append(charge(20 + number, "3.141", "red", basis="billed"))
        rows.append(charge(30 + number, "2.5", "red", provider="B"))
        rows.append(charge(40 + number, "2.5", "red", provider="B", basis="billed"))
    found = bill_quality(company(teams=[{"team_id": "red"}], costs=rows), settings(), as_of("2026-06-01"))
    lost = {k: v for k, v in measured(found).items() if k.startswith("decimals")}
    assert lost == {"decimals lost/A": told(18, "18.846", 6, 6)}


def test_lag_is_told_in_the_last_period_only_and_by_what_the_file_says(company, settings, as_of):
    tables = company(
        teams=[{"team_id": "red"}],
        costs=[
            charge(1, "4", at="2026-04-30"),
            charge(2, "4", at="2026-05-28"),
            charge(3, "4", provider="B", load_id="load-2"),
        ],
        loads=[{"load_id": "load-2", "as_of": as_of("2026-05-05")}],
    )
    lags = bill_quality(tables, settings(), as_of("2026-06-01")).filter(measure="lag", every="1mo")
    assert lags.select("period", "detail", "days", "n").rows() == [("2026-05", "A", 3.0, 2), ("2026-05", "B", 1.0, 1)]


def test_without_costs_there_is_nothing(company, settings, as_of):
    assert bill_quality(company(), settings(), as_of("2026-06-01")).is_empty()


def test_the_samples_measures_add_up(sample):
    found = bill_quality(sample.lazy, sample.settings, sample.as_of)
    key = ["every", "period", "currency"]
    owned = found.filter(pl.col("measure").is_in(list(OWNER.values())))
    sums = owned.group_by(key).agg(pl.col("amount").sum(), pl.col("n").sum(), pl.col("whole", "of").first())
    assert sums.height == 32
    assert (sums["amount"] == sums["whole"]).all()
    assert (sums["n"] == sums["of"]).all()
    for kind in ("gross", "net"):
        parts = found.filter(pl.col("measure").is_in([f"allocated, {kind}", f"unallocated, {kind}"]))
        sums = parts.group_by(key).agg(pl.col("amount").sum(), pl.col("n").sum(), pl.col("whole", "of").first())
        assert (sums["amount"] == sums["whole"]).all()
        assert (sums["n"] == sums["of"]).all()


def test_what_is_allocated_alone_is_what_is_told_of_it_among_all(sample):
    told = allocated(sample.lazy, sample.settings, sample.as_of)
    among = bill_quality(sample.lazy, sample.settings, sample.as_of).filter(pl.col("measure").str.contains("allocated"))
    assert told.height
    assert told.equals(among)
    before = allocated(sample.lazy, sample.settings, sample.as_of - timedelta(days=9_999))
    assert before.is_empty()
    assert before.schema == told.schema
