from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Literal

import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from idp_analytics.metrics.allocation import gather
from idp_analytics.metrics.allocation.charges import matches, placed
from idp_analytics.metrics.allocation.entries import entries
from idp_analytics.metrics.allocation.gather import gathered, merged
from idp_analytics.settings import Settings
from idp_analytics.settings.showback import Pool, Showback
from idp_analytics.tables import empty, side_by_side

SHARED = Pool("shared", "Shared", {"component": ("EKS", "net*")}, "cost", of={"owner": ("pay",), "provider": ("aws",)})
TAX = Pool("tax", "Tax", {"category": ("tax",)}, "direct cost")
SUPPORT = Pool("support", "Support", {"component": ("support",), "account": ("1",)}, "even", within=("environment",))


def with_pools(*pools: Pool, weights_only: tuple[str, ...] = ()) -> Settings:
    return Settings("t", "T", Path(), showback=Showback(pools=pools, weights_only=weights_only))


def tables(*rows: dict) -> dict[str, pl.LazyFrame]:
    costs = empty("costs")
    usual = {
        "basis": "effective",
        "currency": "EUR",
        "amount": Decimal(1),
        "period_start": datetime(2026, 5, 5, tzinfo=UTC),
    }
    given_rows = (
        pl.DataFrame([{**usual, **row} for row in rows], schema_overrides=dict(costs.schema)) if rows else costs
    )
    teams = pl.DataFrame({"team_id": ["core", "pay"]})
    return {
        "costs": pl.concat([costs, given_rows], how="diagonal").lazy(),
        "teams": pl.concat([empty("teams"), teams], how="diagonal").lazy(),
    }


def test_what_rules_tell_alike_is_one_cell() -> None:
    rows = [
        {"component": "EKS", "owner_raw": "pay", "amount": Decimal(3)},
        {"component": "eks", "owner_raw": "PAY", "amount": Decimal(-1)},
        {"component": "network", "owner_raw": "pay"},
        {"component": "network", "owner_raw": "other"},
        {"component": "db", "owner_raw": "other"},
        {"component": "queue", "owner_raw": None},
        {"component": "queue", "owner_raw": "  "},
    ]
    cells = gathered(tables(*rows), with_pools(SHARED))["costs"].collect()
    found = {
        (row["component"], row["owner_raw"]): (row["amount"], row["gross"], row["charges"]) for row in cells.to_dicts()
    }
    assert found == {
        ("EKS", "PAY"): (3, 4, 3),  # eks and EKS, and what net* takes too: 3 - 1 + 1
        ("EKS", None): (1, 1, 1),  # network of another
        (None, None): (2, 2, 2),
        (None, ""): (1, 1, 1),
    }


@pytest.mark.parametrize(
    ("since", "days"),
    [(None, [date(2026, 5, 1), date(2026, 5, 4), date(2026, 6, 1)]), (date(2026, 5, 6), [date(2026, 5, 1), date(2026, 5, 5), date(2026, 5, 6), date(2026, 6, 2)])],
)  # fmt: skip
def test_a_cell_is_a_week_of_a_month_or_a_day_where_a_rule_begins(since: date | None, days: list[date]) -> None:
    rows = [
        {"period_start": datetime(2026, month, day, 23, tzinfo=UTC)} for month, day in ((5, 1), (5, 5), (5, 6), (6, 2))
    ]
    pool = Pool("a", "A", {"component": ("x",)}, "even", since=since)
    cells = gathered(tables(*rows), with_pools(pool))["costs"].collect()
    assert sorted(cells["period_start"].dt.date()) == days
    assert cells["charges"].sum() == 4


def test_nothing_becomes_nothing() -> None:
    cells = gathered(tables(), with_pools(SHARED, TAX))["costs"].collect()
    assert cells.is_empty()
    assert {"basis", "currency", "team_id", "component", "amount", "gross", "charges"} <= set(cells.columns)
    nobody = merged(tables(), with_pools(SHARED, TAX), ("sku",), [pl.col("amount").sum()])
    assert placed(nobody, with_pools(SHARED, TAX)).collect().is_empty()


@pytest.mark.parametrize("numbered", [pl.Categorical(), pl.Enum(["unused", "EKS", "db", "pay", ""])])
def test_texts_may_come_as_a_dictionary(numbered: pl.DataType) -> None:
    """A bill of many rows is read with its texts numbered; the dictionary may hold texts that no row has."""
    given_tables = tables(*({"component": c, "owner_raw": o} for c in ("EKS", "db", None) for o in ("pay", "", None)))
    pl.Series(["of another table"], dtype=pl.Categorical)  # in the same dictionary
    costs = given_tables["costs"].with_columns(pl.col("component", "owner_raw").cast(numbered))
    as_text, as_numbers = (
        gathered({**given_tables, "costs": costs}, with_pools(SHARED))["costs"].collect() for costs in (given_tables["costs"], costs)
    )  # fmt: skip
    assert as_text.sort(pl.all()).equals(as_numbers.sort(pl.all()))


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
@pytest.mark.parametrize("piece", [1, 3, 2**18])
def test_neither_the_engine_nor_the_piece_changes_a_digit(
    monkeypatch: pytest.MonkeyPatch, engine: Literal["in-memory", "streaming"], piece: int
) -> None:
    monkeypatch.setattr(side_by_side, "PIECE", piece)
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 2)
    given_tables = tables(
        *({"component": c, "team_id": t, "category": k, "amount": Decimal(n) / 8} for n, (c, t, k) in
          enumerate(product(("EKS", "network", "support", "db", None), ("pay", "core", "stranger", None), ("usage", "tax"))))
    )  # fmt: skip
    settings = with_pools(SHARED, TAX, SUPPORT)
    wanted = entries(given_tables, settings).collect().sort(pl.all())
    with pl.Config() as config:
        config.set_engine_affinity(engine)
        assert entries(given_tables, settings).collect().sort(pl.all()).equals(wanted)


def test_carries_go_through_all_digits() -> None:
    """As large and as small as the sum of three may be before it is added up in another way."""
    amounts = [
        Decimal("33333333333333.000000000000000000000001"),
        Decimal("-0.000000000000000000000001"),
        Decimal("1e-24"),
    ]
    cells = gathered(tables(*({"amount": amount} for amount in amounts)), with_pools(SHARED))["costs"].collect()
    assert cells.select("amount", "gross", "charges").row(0) == (
        amounts[0],
        Decimal("33333333333333.000000000000000000000002"),
        3,
    )


word = st.sampled_from([None, "", " ", "EKS", "network", "support", "pay", "PAY", "core", "aws", "tax", "1", "é"])
charge = st.fixed_dictionaries(
    {
        "basis": st.sampled_from(["effective", "billed"]),
        "currency": st.sampled_from(["EUR", "USD"]),
        **dict.fromkeys(("team_id", "owner_raw", "component", "provider", "account", "environment", "category"), word),
        "is_unused_commitment": st.sampled_from([None, True, False]),
        "period_start": st.integers(0, 70).map(lambda day: datetime(2026, 4, 20, tzinfo=UTC) + timedelta(days=day)),
        "amount": st.decimals(-1000, 1000, places=24, allow_nan=False).filter(lambda amount: abs(amount) < 1000),
    }
)


@pytest.mark.parametrize("keys", ["one number", "of any size", "several"])
@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(charge, min_size=1, max_size=30), keep=st.sampled_from([(), ("component",)]))
def test_rules_say_of_cells_what_they_say_of_charges(
    monkeypatch: pytest.MonkeyPatch, keys: str, rows: list[dict], keep: tuple[str, ...]
) -> None:
    """Law: whose the money is, and what weighs, is the same of the cells as of the rows, to the last digit."""
    if keys == "several":
        monkeypatch.setattr(gather, "_KEYS", ())
    if keys == "of any size":
        monkeypatch.setattr(gather, "_TOO_MUCH", 0)
    settings = with_pools(SHARED, TAX, SUPPORT, weights_only=("aws",))
    whole = tables(*rows)
    cells = gathered(whole, settings, keep)
    zero = pl.lit(Decimal(0)).cast(pl.Decimal(38, 24))
    by_row = whole["costs"].with_columns(
        pl.lit(1, pl.Int64).alias("charges"), pl.max_horizontal("amount", zero).alias("gross")
    )
    by = ["month", "currency", "team_id", "pool", "reason", "weighs", "environment", *keep]

    def told(costs: pl.LazyFrame) -> pl.DataFrame:
        found = placed({**whole, "costs": costs}, settings).with_columns(
            pl.col("period_start").dt.date().dt.truncate("1mo").alias("month"), matches(SHARED.of).alias("weighs")
        )
        return found.group_by(by).agg(pl.col("amount", "gross", "charges").sum()).sort(by).collect()

    assert told(cells["costs"]).equals(told(by_row))


@pytest.mark.parametrize("keys", ["one number", "several"])
@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(charge, min_size=1, max_size=30), keep=st.sampled_from([(), ("component", "owner_raw")]),
    every=st.sampled_from(["1d", "1mo"]), since=st.sampled_from([None, date(2026, 5, 6)]),
)  # fmt: skip
def test_merged_charges_are_whose_they_were(
    monkeypatch: pytest.MonkeyPatch, keys: str, rows: list[dict], keep: tuple[str, ...], every: str, since: date | None
) -> None:
    """Law: of charges put together, owners, months, flags, sums and the latest are the same as of the rows, to the last digit."""
    if keys == "several":
        monkeypatch.setattr(gather, "_KEYS", ())
    settings = with_pools(SHARED, TAX, replace(SUPPORT, since=since), weights_only=("aws",))
    whole = tables(*rows)
    above = (pl.col("amount") > 0).alias("is_above")
    sums = [pl.col("amount").sum(), pl.len().cast(pl.Int64).alias("n"), pl.col("period_start").max().alias("last")]
    by = ["on", "currency", "team_id", "pool", "reason", "is_above", *keep]
    on = pl.col("period_start").dt.date().dt.truncate(every).alias("on")
    wanted = placed(whole, settings).with_columns(on, above).group_by(by).agg(sums)
    cells = placed(merged(whole, settings, (*keep, above), sums, every), settings)
    found = cells.with_columns(on).group_by(by).agg(pl.col("amount", "n").sum(), pl.col("last").max())
    assert found.collect().sort(by).equals(wanted.collect().sort(by))
