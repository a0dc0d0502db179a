from __future__ import annotations

from collections import Counter
from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from idp_analytics.errors import IdpError
from idp_analytics.metrics import by_name, compute, showback
from idp_analytics.tables import MONEY

METRIC = (by_name("showback_cost"),)
TEAMS = [{"team_id": "red"}, {"team_id": "blue"}]


def charge(number: int = 1, amount: str | Decimal = "1", **told) -> dict:
    start = told.pop("at", "2026-03-05")
    return {"cost_id": f"k{number}", "amount": Decimal(amount), "period_start": start, "period_end": start, **told}


@pytest.mark.parametrize(
    ("told", "detail"),
    [
        ({"team_id": "red"}, "allocated: direct"),
        ({"team_id": "red", "category": "tax"}, "allocated: direct"),
        ({"team_id": "red", "category": "credit", "owner_raw": ""}, "allocated: direct"),
        ({}, "unallocated: no owner"),
        ({"category": None}, "unallocated: no owner"),
        ({"category": "tax"}, "unallocated: tax"),
        ({"category": "tax", "team_id": "stranger", "owner_raw": ""}, "unallocated: tax"),
        ({"category": "credit", "is_unused_commitment": True}, "unallocated: credit"),
        ({"is_unused_commitment": True, "owner_raw": ""}, "unallocated: unused commitment"),
        ({"is_unused_commitment": False}, "unallocated: no owner"),
        ({"owner_raw": "  "}, "unallocated: empty tag"),
        ({"owner_raw": "", "team_id": "stranger"}, "unallocated: empty tag"),
        ({"owner_raw": "stranger", "team_id": "stranger"}, "unallocated: unknown owner"),
    ],
)
def test_why_a_charge_is_unallocated(company, settings, told, detail):
    tables = company(teams=TEAMS, costs=[charge(**told)])
    row = showback.showback_cost(tables, settings()).collect().row(0, named=True)
    assert row["detail"] == detail
    assert row["team_id"] == ("red" if detail == "allocated: direct" else None)


@pytest.mark.parametrize("basis", ["effective", "billed"])
def test_one_basis_counts(company, settings, basis):
    tables = company(
        teams=TEAMS, costs=[charge(1, basis="effective"), charge(2, basis="billed"), charge(3, basis=None)]
    )
    frame = showback.showback_cost(tables, settings(cost_basis=basis)).collect()
    assert frame["source_key"].to_list() == [{"effective": "k1", "billed": "k2"}[basis]]


def amounts(answers: pl.DataFrame, **where: str) -> dict:
    rows = answers.filter(every="1mo", **where).filter(pl.col("amount").is_not_null())
    return {(r["entity_id"], r["period"], r["currency"], r["detail"]): r["amount"] for r in rows.iter_rows(named=True)}


def test_answers(company, settings, as_of):
    tables = company(
        teams=[*TEAMS, {"team_id": "idle"}],
        services=[{"service_id": "shop"}],
        costs=[
            charge(1, "0.1", team_id="red", service_id="shop"),
            charge(2, "0.2", team_id="red"),
            charge(3, "1e-24", team_id="blue"),
            charge(4, "-5", category="credit", service_id="shop"),
            charge(5, "7", owner_raw="x", team_id="x", currency="EUR"),
            charge(6, "100", team_id="red", at="2026-04-01"),  # exactly at the end of March
            charge(7, "40", team_id="red", at="2026-05-01"),  # at the as-of time: not known yet
        ],
    )
    answers = compute(tables, settings(time_zone="America/Los_Angeles"), as_of("2026-05-01"), METRIC)
    assert amounts(answers, scope="org") == {
        ("org", "2026-03", "USD", None): Decimal("-4.699999999999999999999999"),
        ("org", "2026-03", "USD", "allocated"): Decimal("0.300000000000000000000001"),
        ("org", "2026-03", "USD", "allocated: direct"): Decimal("0.300000000000000000000001"),
        ("org", "2026-03", "USD", "unallocated"): Decimal(-5),
        ("org", "2026-03", "USD", "unallocated: credit"): Decimal(-5),
        ("org", "2026-03", "EUR", None): Decimal(7),
        ("org", "2026-03", "EUR", "unallocated"): Decimal(7),
        ("org", "2026-03", "EUR", "unallocated: unknown owner"): Decimal(7),
        ("org", "2026-04", "USD", None): Decimal(100),
        ("org", "2026-04", "USD", "allocated"): Decimal(100),
        ("org", "2026-04", "USD", "allocated: direct"): Decimal(100),
    }
    assert amounts(answers, scope="team") == {
        ("red", "2026-03", "USD", None): Decimal("0.3"),
        ("red", "2026-04", "USD", None): Decimal(100),
        ("blue", "2026-03", "USD", None): Decimal("1e-24"),
    }
    assert amounts(answers, scope="service") == {("shop", "2026-03", "USD", None): Decimal("-4.9")}
    quiet = answers.filter(entity_id="idle", every="1mo").row(0, named=True)
    assert (quiet["n"], quiet["value"], quiet["amount"], quiet["currency"]) == (0, None, None, None)
    assert quiet["verdict"] == "insufficient data"
    whole = answers.filter(entity_id="red", period="2026-03").row(0, named=True)
    assert (whole["n"], whole["value"], whole["low"], whole["high"]) == (2, 0.3, 0.3, 0.3)
    assert (whole["method"], whole["verdict"]) == ("exact total, no sampling", "not identified")


def test_totals_change_as_a_ratio_of_complete_periods_without_a_verdict(company, settings, as_of):
    costs = [charge(n, a, team_id="red", at=f"2026-0{n}-01") for n, a in enumerate(["10", "15", "-2", "5", "6"], 1)]
    answers = compute(company(teams=TEAMS, costs=costs), settings(), as_of("2026-05-20"), METRIC, ("team",), ("1mo",))
    red = answers.filter(entity_id="red")
    assert red["change"].to_list() == [None, 1.5, None, None, None]  # negative: no ratio; May is not over
    assert set(red["verdict"]) == {"not identified"}
    assert red["change_low"].null_count() == red.height


def test_no_charge_on_the_basis_is_not_measured(company, settings, as_of):
    tables = company(teams=TEAMS, costs=[charge(basis="billed", team_id="red")])
    answers = compute(tables, settings(), as_of("2026-04-01"), METRIC)
    assert set(answers["verdict"]) == {"not measured"}
    assert set(answers.filter(every="1mo")["caution"]) == {"partial period; nothing that counts in costs"}


money = st.decimals(-(10**9), 10**9, places=24, allow_nan=False)
charges = st.lists(
    st.builds(
        dict, amount=money, currency=st.sampled_from(["USD", "EUR"]), at=st.sampled_from(["2026-02-28", "2026-03-01", "2026-03-31", "2026-04-01"]),
        team_id=st.sampled_from(["red", "blue", "stranger", None]), category=st.sampled_from(["usage", "tax", "credit"]),
        is_unused_commitment=st.sampled_from([True, False, None]), owner_raw=st.sampled_from([None, "", "stranger"]),
    ),
    max_size=12,
)  # fmt: skip


@given(charges, st.randoms(use_true_random=False))
@hypothesis_settings(max_examples=40)
def test_no_money_is_lost_or_made_whatever_the_order(company, settings, as_of, given_charges, random):
    rows = [charge(number, **told) for number, told in enumerate(given_charges)]
    shuffled = random.sample(rows, len(rows))
    answers, again = (
        compute(company(teams=TEAMS, costs=r), settings(), as_of("2026-06-01"), METRIC) for r in (rows, shuffled)
    )
    assert answers.equals(again)
    whole, teams = Counter(), Counter()
    for told in given_charges:
        key = (told["at"][:7], told["currency"])
        whole[key] += Fraction(told["amount"])
        if told["team_id"] in ("red", "blue"):
            teams[(told["team_id"], *key)] += Fraction(told["amount"])
    got = {key: Fraction(amount) for key, amount in amounts(answers, scope="org").items()}
    assert {k[1:3]: v for k, v in got.items() if k[3] is None} == dict(whole)
    assert {k[:3]: Fraction(v) for k, v in amounts(answers, scope="team").items()} == dict(teams)
    for month, currency in whole:
        parts = {k[3]: v for k, v in got.items() if k[1:3] == (month, currency)}
        reasons = sum(v for k, v in parts.items() if k and k.startswith("unallocated: "))
        assert parts.get("unallocated", 0) == reasons
        assert parts.get("allocated", 0) + reasons == whole[(month, currency)]


@pytest.fixture(scope="module")
def proven(company, settings, as_of):
    costs = [charge(1, "3", team_id="red"), charge(2, "4", team_id="blue"), charge(3, "5", category="tax")]
    return compute(company(teams=TEAMS, costs=costs), settings(), as_of("2026-04-01"), METRIC)


@pytest.mark.parametrize(
    "where",
    [
        {"scope": "team", "entity_id": "red"},
        {"scope": "org", "detail": "allocated"},
        {"scope": "org", "detail": "unallocated"},
    ],
)
def test_prove_stops_at_the_smallest_difference(proven, where):
    bill = pl.DataFrame({"currency": ["USD"], "amount": [Decimal(12)]}, schema_overrides={"amount": MONEY})
    showback.prove(proven, bill)
    hit = pl.all_horizontal(pl.col(k) == v for k, v in where.items())
    smallest = pl.lit(Decimal("1e-24"), MONEY)
    broken = proven.with_columns(pl.when(hit).then(pl.col("amount") + smallest).otherwise("amount").alias("amount"))
    with pytest.raises(IdpError, match=r"does not add up: period 2026-03 .*USD.*0\.000000000000000000000001"):
        showback.prove(broken, bill)


@pytest.mark.parametrize("bill", [{"USD": 13}, {"USD": 12, "EUR": 1}, {"EUR": 12}, {}])
def test_prove_stops_when_the_answers_are_not_the_bill(proven, bill):
    given_bill = pl.DataFrame(
        {"currency": list(bill), "amount": [Decimal(v) for v in bill.values()]},
        schema={"currency": pl.String, "amount": MONEY},
    )
    with pytest.raises(IdpError, match="does not add up: period all"):
        showback.prove(proven, given_bill)
