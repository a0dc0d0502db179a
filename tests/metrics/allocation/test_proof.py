"""The ledger is looked at before anything is published, and each thing that may not be stops it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from idp_analytics.errors import IdpError
from idp_analytics.metrics import by_name, compute, showback
from idp_analytics.metrics.allocation import proof, shares
from idp_analytics.metrics.allocation.apportion import apportion
from idp_analytics.metrics.allocation.charges import placed
from idp_analytics.settings import Settings
from idp_analytics.settings.showback import Pool, Showback

SHARED = Pool("net", "Network", {"component": ("net",)}, "direct cost")
EVEN = Pool("help", "Help", {"component": ("help",)}, "even", pools={"net": Decimal(20)})


def rules(*pools: Pool) -> Settings:
    return Settings("t", "T", Path(), showback=Showback(pools=pools))


@pytest.fixture
def tables(company: Callable[..., dict[str, pl.LazyFrame]]) -> dict[str, pl.LazyFrame]:
    told = [
        ("net", None, "10"),
        ("net", None, "-3"),
        ("help", None, "5"),
        ("db", "red", "2"),
        ("db", "blue", "1"),
        ("db", None, "7"),
    ]
    costs = [
        {"cost_id": f"k{n}", "component": component, "team_id": team, "amount": Decimal(amount), "period_start": "2026-03-05", "period_end": "2026-03-05"}
        for n, (component, team, amount) in enumerate(told)
    ]  # fmt: skip
    return company(teams=[{"team_id": "red"}, {"team_id": "blue"}], costs=costs)


@pytest.mark.parametrize("settings", [rules(), rules(SHARED), rules(SHARED, EVEN)], ids=["none", "weights", "even"])
def test_a_right_ledger_passes_and_comes_back(tables: dict[str, pl.LazyFrame], settings: Settings) -> None:
    assert proof.prove_ledger(tables, settings).equals(shares.shares(tables, settings))


def doubled(rows: pl.LazyFrame) -> pl.LazyFrame:
    return pl.concat([rows, rows])


@pytest.mark.parametrize(
    "wrong", [doubled, lambda rows: rows.with_columns(reason=pl.lit("no owner")), lambda rows: rows.head(2)]
)
def test_a_charge_with_two_accounts_or_none_stops(
    tables: dict[str, pl.LazyFrame], monkeypatch: pytest.MonkeyPatch, wrong: Callable[[pl.LazyFrame], pl.LazyFrame]
) -> None:
    monkeypatch.setattr(proof, "placed", lambda *given: wrong(placed(*given)))
    with pytest.raises(IdpError, match=r"of 6 charges \d+ have an account.*fault of the kit"):
        proof.prove_ledger(tables, rules(SHARED))


@pytest.mark.parametrize(
    ("whole", "weights", "parts"),
    [
        (10, [1, 1], [5, 4]),  # a unit is lost
        (10, [1, 1], [8, 2]),  # not in proportion
        (10, [1, 0], [9, 1]),  # a weight of nothing gets something
        (-10, [1, 1], [-11, 1]),  # a credit that is not mirrored
        (90, [100, -10], [100, -10]),  # a weight below nothing
    ],
)
def test_a_division_that_is_none_stops(whole: int, weights: list[int], parts: list[int]) -> None:
    proof._divided(whole, [abs(weight) for weight in weights], apportion(whole, [abs(weight) for weight in weights]))
    with pytest.raises(IdpError, match=r"Showback does not add up: .* units of a pool are divided"):
        proof._divided(whole, weights, parts)


def test_a_division_is_looked_at_where_it_is_made(
    tables: dict[str, pl.LazyFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    def naive(total: int, weights: list[int]) -> list[int]:
        return [total * weight // sum(weights) for weight in weights]

    monkeypatch.setattr(shares, "apportion", naive)
    with pytest.raises(IdpError, match="are divided by weights"):
        proof.prove_ledger(tables, rules(SHARED))


def test_what_a_pool_held_is_what_was_paid_out_of_it(tables: dict[str, pl.LazyFrame]) -> None:
    found = shares.shares(tables, rules(SHARED))
    proof._paid_out(found)
    with pytest.raises(IdpError, match=r"the pool 'net' held 7\.0+ USD from 2026-03-02 on, and 4\.6"):
        proof._paid_out(found.head(1) if found["amount"][0] > 4 else found.tail(1))
    with pytest.raises(IdpError, match="the pool 'net' held"):
        proof._paid_out(found.with_columns(reason=pl.lit("both")))


@pytest.mark.parametrize("what", ["order", "stranger"])
def test_what_depends_on_the_order_or_on_a_team_without_weight_stops(
    tables: dict[str, pl.LazyFrame], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    calls = []

    def leaning(given: dict[str, pl.LazyFrame], *rest: Any, **more: Any) -> pl.DataFrame:
        found = shares.shares(given, *rest, **more)
        calls.append(given["teams"].collect().height)
        if what == "order":
            return found.with_columns(ratio=pl.lit(float(len(calls))))
        return found.with_columns(ratio=pl.lit(1 / calls[-1]))

    monkeypatch.setattr(proof, "shares", leaning)
    with pytest.raises(IdpError, match="computed again in another order"):
        proof.prove_ledger(tables, rules(SHARED))
    assert calls == [2, 3]


def test_a_pool_of_which_more_is_given_away_than_there_is_stops(
    tables: dict[str, pl.LazyFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    settled = shares.settlement.settled
    monkeypatch.setattr(
        shares.settlement,
        "settled",
        lambda *given: {
            name: {other: times * 2 for other, times in row.items()} for name, row in settled(*given).items()
        },
    )
    with pytest.raises(IdpError, match=r"of the pool 'help', 2026-03, USD, 2 is given away"):
        proof.prove_ledger(tables, rules(SHARED, EVEN))


def test_no_answers_come_of_a_ledger_that_is_wrong(
    tables: dict[str, pl.LazyFrame], monkeypatch: pytest.MonkeyPatch, as_of: Callable[[str], Any]
) -> None:
    metrics = (by_name("showback_cost"),)
    answers = compute(tables, rules(SHARED, EVEN), as_of("2026-04-01"), metrics)
    found = shares.shares(tables, rules(SHARED, EVEN))
    showback.prove(answers, pooled=found)
    one = pl.lit(Decimal("1e-24"), pl.Decimal(38, 24))
    with pytest.raises(
        IdpError, match=r"period allocated: \w+ \(by 1mo\), USD: the parts differ from the bill by 0\.0+1"
    ):
        showback.prove(
            answers,
            pooled=found.with_columns(
                pl.when(pl.int_range(pl.len()) == 0).then(pl.col("amount") + one).otherwise("amount").alias("amount")
            ),
        )
    monkeypatch.setattr(proof, "placed", lambda *given: placed(*given).head(1))
    with pytest.raises(IdpError, match="have an account"):
        compute(tables, rules(SHARED), as_of("2026-04-01"), metrics)
