"""Billed to effective: a month with a commitment by hand, and a company whose every step adds up."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.metrics.cost_bridge import BETWEEN, BILLED, COLUMNS, EFFECTIVE, STEPS, cost_bridge
from idp_analytics.sources import focus
from idp_analytics.tables.conform import conform


def charge(number: int, billed: str | None, effective: str | None, **told) -> list[dict]:
    amounts = {"billed": billed, "effective": effective}
    return [
        {
            "cost_id": f"bill:{number}:{basis}", "basis": basis, "amount": Decimal(amount), "period_start": "2026-05-03",
            "period_end": "2026-05-04", "provider": "A", "category": "usage", **told,
        }
        for basis, amount in amounts.items() if amount is not None
    ]  # fmt: skip


def flat(*charges: list[dict]) -> list[dict]:
    return [row for rows in charges for row in rows]


def steps(found: pl.DataFrame, provider: str = "A", every: str = "1mo") -> dict:
    rows = found.filter(pl.col("provider") == provider, pl.col("every") == every)
    return {row["step"]: (row["amount"], row["n"]) for row in rows.iter_rows(named=True)}


def test_a_month_with_a_commitment_by_hand(company, settings, as_of):
    tables = company(
        costs=flat(
            charge(1, "10", "10"), charge(2, "120", "0", category="purchase"), charge(3, "0", "7"), charge(4, "0", "2.5"),
            charge(5, "0", "0.5", is_unused_commitment=True), charge(6, "3", "2"), charge(7, "-1", "-2", is_correction=True),
            charge(8, "5", "5", category="tax"), charge(9, "1", "9", provider="B"),
        )
    )  # fmt: skip
    found = cost_bridge(tables, settings(), as_of("2026-06-01"))
    assert dict(found.schema) == COLUMNS
    assert steps(found) == {
        "billed": (Decimal(137), 8), "purchases": (Decimal(-120), 1), "amortisation": (Decimal("9.5"), 2),
        "unused commitment": (Decimal("0.5"), 1), "other": (Decimal(-2), 2), "effective": (Decimal(25), 8),
    }  # fmt: skip
    assert steps(found, "B")["other"] == (Decimal(8), 1)
    assert steps(found, every="1q")["effective"] == (Decimal(25), 8)
    assert found["absence"].is_null().all()


@pytest.mark.parametrize(
    "rows", [[charge(1, "3", None), charge(2, "4", "4")], [charge(1, "3", None)], [charge(1, None, "3")]], ids=len
)
def test_with_one_basis_only_it_is_not_measured(company, settings, as_of, rows):
    found = cost_bridge(company(costs=flat(*rows)), settings(), as_of("2026-06-01"))
    assert set(found["absence"]) == {f"1 of {len(rows)} charges are known on one basis only"}
    told = steps(found)
    assert all(told[step] == (None, None) for step in BETWEEN)
    assert [told[step][0] for step in (BILLED, EFFECTIVE)] == [
        sum((row["amount"] for row in flat(*rows) if row["basis"] == basis), Decimal(0)) or None
        for basis in (BILLED, EFFECTIVE)
    ]


def test_with_lost_decimals_it_is_not_measured(company, settings, as_of):
    whole = flat(*(charge(number, "3.25", "3") for number in range(6)), charge(9, "1.5", "1.5", provider="B"))
    found = cost_bridge(company(costs=whole), settings(), as_of("2026-06-01"))
    assert found.filter(provider="A")["absence"].unique().to_list() == [
        "6 of 6 effective amounts of usage are whole numbers while the billed ones are not: their decimals are lost"
    ]
    assert steps(found)["billed"] == (Decimal("19.5"), 6)
    assert found.filter(provider="B")["absence"].is_null().all()
    # Both bases in whole numbers is a bill in whole numbers.
    found = cost_bridge(company(costs=flat(*(charge(n, "4", "3") for n in range(6)))), settings(), as_of("2026-06-01"))
    assert steps(found)["other"] == (Decimal(-6), 6)


def test_without_costs_there_is_nothing(company, settings, as_of):
    assert cost_bridge(company(), settings(), as_of("2026-06-01")).is_empty()


amounts = st.decimals(-100, 100, places=4)


@given(
    st.lists(
        st.tuples(amounts, amounts, st.sampled_from(["usage", "purchase", "tax", "credit"]), st.booleans(), st.booleans()),
        min_size=1, max_size=8,
    )
)  # fmt: skip
def test_the_steps_always_add_up(company, settings, as_of, rows):
    made = [
        charge(n, str(b), str(e) + "0001", category=c, is_unused_commitment=u, is_correction=k)
        for n, (b, e, c, u, k) in enumerate(rows)
    ]
    found = steps(cost_bridge(company(costs=flat(*made)), settings(), as_of("2026-06-01")))
    if found["other"][0] is not None:
        assert sum((found[step][0] for step in STEPS[:-1]), Decimal(0)) == found[EFFECTIVE][0]


def test_the_samples_steps_add_up_and_a_months_commitment_is_spread_whole(sample):
    found = cost_bridge(sample.lazy, sample.settings, sample.as_of)
    wide = found.pivot("step", index=["every", "period", "currency", "provider"], values="amount")
    assert wide.height == 32
    total = wide["billed"]
    for step in BETWEEN:
        total = total + wide[step]
    assert (total == wide["effective"]).all()
    months = wide.filter(pl.col("every") == "1mo", pl.col("currency") == "EUR")
    assert set(months["purchases"]) == {Decimal(-1150)}
    assert set(months["amortisation"] + months["unused commitment"]) == {Decimal(1150)}


def test_in_the_published_sample_two_providers_have_no_amortised_basis(cases, company, settings, as_of):
    """The public FOCUS sample: 13 against 18.0066 of one provider, nothing against 0.5371 of the other."""
    file = cases / "cost/FOCUS-Sample-Data/focus_sample.csv"
    if not file.is_file():
        pytest.skip(f"no such case: {file}")
    rows = [conform(extract, "bills", "UTC").rows for extract in focus.read([file], {}, cases)]
    tables = {**company(), "costs": pl.concat(rows).lazy()}
    found = cost_bridge(tables, settings(), as_of("2025-01-01")).filter(every="1q")
    lost = found.filter(pl.col("absence").str.contains("decimals are lost")).pivot(
        "step", index="provider", values="amount"
    )
    assert {p: (round(b, 4), e) for p, b, e in lost.select("provider", BILLED, EFFECTIVE).iter_rows()} == {
        "AWS": (Decimal("18.0066"), Decimal(13)), "Oracle": (Decimal("0.5371"), Decimal(0))
    }  # fmt: skip
