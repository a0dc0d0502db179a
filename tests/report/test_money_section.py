"""Money: to the cent, currency by currency, what nobody owns beside it; nothing known is not nothing spent."""

from __future__ import annotations

from decimal import Decimal, localcontext

import polars as pl
import pytest
from answer_building import answer, by_team, frame, load, of_org, of_team
from answer_building import mart as made_of

from idp_analytics.answers import Verdict
from idp_analytics.metrics.allocation.studies import POOLS
from idp_analytics.report import money

NAME = "showback_cost"


def charge(amount, detail=None, currency="EUR", n=3, period="2026-06", **given):
    amount = None if amount is None else Decimal(amount)
    value = None if amount is None else float(amount)
    return answer(
        NAME, period, detail=detail, amount=amount, value=value, low=value, high=value, currency=currency, n=n, **given
    )


BILL = [
    charge("100.001", n=10), charge("75.001", "allocated", n=6), charge("25.0", "unallocated", n=4),
    charge("30", "unallocated: tax", n=1), charge("-10", "unallocated: credit", n=1), charge("5", "unallocated: no owner", n=2),
]  # fmt: skip
DOLLARS = [charge("8", currency="USD", n=2), charge("8", "allocated", "USD", n=2)]
BASIS = "Amounts are on the effective basis."


def test_the_bill_is_told_with_its_parts_and_that_they_add_up():
    made = money.showback(of_org(made_of(BILL)))
    assert made.answer == (
        "The bill of June 2026 is EUR 100.00: EUR 75.00 allocated to teams and EUR 25.00 unallocated (25.0 %). Allocated + "
        f"unallocated = bill; difference 0.00. {BASIS}"
    )
    assert made.table.frame.to_dicts() == [
        {"Period": "2026-06", "Amount": "EUR 100.00", "Lines": "10", "Allocated": "EUR 75.00", "Unallocated": "EUR 25.00",
         "Difference": "0.00"}
    ]  # fmt: skip
    assert [row["part"] for row in made.chart.spec["datasets"]["answers"]] == ["allocated", "unallocated"]
    assert made.trace == "idp explain showback_cost --data data/acme --period 2026-06"
    assert (made.cautions, made.metric, made.verdict) == ((), NAME, None)


@pytest.mark.parametrize(
    ("whole", "owned", "told"),
    [
        ("1", "0.75", "difference 0.25"),
        ("1.000000000000000000000001", "1", "difference 0.000000000000000000000001"),
        ("1", "1.004", "difference −0.004"),
        ("1", "3.5", "difference −2.50"),
        ("99999999999999.000000000000000000000001", "0", "difference 99999999999999.000000000000000000000001"),
        ("99999999999999.000000000000000000000001", "99999999999999", "difference 0.000000000000000000000001"),
    ],
)
def test_a_difference_is_never_rounded_away(whole, owned, told):
    made = money.showback(of_org(made_of([charge(whole), charge(owned, "allocated")])))
    assert told in made.answer


@pytest.mark.parametrize(
    ("bill", "rest", "told"),
    [
        ("100", "25", "EUR 25.00 unallocated (25.0 %)."), ("100", "0", "EUR 0.00 unallocated (0.0 %)."),
        ("100", "100", "EUR 100.00 unallocated (100.0 %)."), ("100", "120", "EUR 120.00 unallocated."),
        ("100", "-5", "EUR −5.00 unallocated."), ("-100", "-5", "EUR −5.00 unallocated."), ("0", "0", "EUR 0.00 unallocated."),
    ],
)  # fmt: skip
def test_a_share_is_told_only_where_it_makes_sense(bill, rest, told):
    owned = Decimal(bill) - Decimal(rest)
    made = money.showback(of_org(made_of([charge(bill), charge(owned, "allocated"), charge(rest, "unallocated")])))
    assert told in made.answer


def test_currencies_are_never_added_the_one_with_most_charges_comes_first():
    made = money.showback(of_org(made_of([*DOLLARS, *BILL])))
    assert made.answer.index("EUR 100.00") < made.answer.index("USD 8.00")
    assert "108" not in made.answer
    assert made.cautions == ("The chart shows EUR only; USD cannot be added to it and is in the table.",)
    assert made.table.frame["Amount"].to_list() == ["EUR 100.00", "USD 8.00"]
    assert made.chart.title == "Cost shown back by month, EUR"


def test_a_teams_cost_stands_beside_the_bill_and_what_nobody_owns():
    rows = [*BILL, *DOLLARS, *of_team("pay", charge("40.004", change=1.1, n=1), charge("2", currency="USD", n=1))]
    made = money.showback(
        by_team(made_of(rows, teams={"pay": "Payments"}, loads=[load("costs", "c.csv", truncated=True)]), "pay")
    )
    assert made.answer == (
        "EUR 40.00 in June 2026 from 1 line; the organisation's bill is EUR 100.00, of which this is 40.0 %. "
        "Of that bill EUR 75.00 are allocated to teams and EUR 25.00 unallocated; difference 0.00. "
        "USD 2.00 in June 2026 from 1 line; the organisation's bill is USD 8.00, of which this is 25.0 %. "
        f"Of that bill USD 8.00 are allocated to teams and USD 0.00 unallocated; difference 0.00. {BASIS}"
    )
    assert made.cautions == (
        "EUR 25.00 of the organisation's bill has no known owner and may hold cost of this team.",
        "The chart shows EUR only; USD cannot be added to it and is in the table.",
        "What rests on costs is a lower bound: c.csv is incomplete by its own account.",
    )
    assert made.table.caption == "Cost of Payments"
    assert made.table.frame.to_dicts()[0] == {
        "Period": "2026-06", "Amount": "EUR 40.00", "Lines": "1", "Against the period before": "+10.0 %",
    }  # fmt: skip
    assert made.trace == "idp explain showback_cost --data data/acme --team pay --period 2026-06"


def test_a_page_of_a_team_proves_the_bill_in_every_currency_and_every_digit_that_is_off():
    rows = [charge("100"), charge("70", "allocated"), charge("29.999999", "unallocated"), *DOLLARS]
    alone = money.showback(by_team(made_of([*rows, *of_team("pay", charge("1"))]), "pay")).answer
    assert "EUR 70.00 are allocated to teams and EUR 30.00 unallocated; difference 0.000001." in alone
    assert "The organisation's bill of June 2026 is USD 8.00: USD 8.00 allocated" in alone
    assert alone.count("difference ") == 2


def pooled(amount, entity="pay", currency="EUR", **given):
    return {
        "scope": "team" if entity != "org" else "org", "entity_id": entity, "every": "1mo", "period": "2026-06", "period_start": None,
        "is_partial": False, "currency": currency, "pool": "net", "title": "Network", "rule": "evenly", "is_platform": True, "reason": None,
        "pooled": Decimal(20), "charges": 2, "amount": Decimal(amount), "ratio": float(amount) / 20,
    } | given  # fmt: skip


def test_what_is_shared_by_rule_is_told_beside_what_is_owned():
    rows = [
        charge("100.001"), charge("75.001", "allocated"), charge("60.001", "allocated: direct"), charge("15", "allocated: net"),
        charge("25", "unallocated"), *of_team("pay", charge("40.004", n=2)),
    ]  # fmt: skip
    made = made_of(rows, studies={"pools": frame([pooled("15", "org"), pooled("10")], POOLS)})
    assert "EUR 75.00 allocated to teams (EUR 60.00 directly, EUR 15.00 shared by rule) and EUR 25.00 unallocated" in (
        money.showback(of_org(made)).answer
    )
    assert money.showback(by_team(made, "pay")).answer.startswith(
        "EUR 40.00 in June 2026 from 2 lines, EUR 30.00 its own and EUR 10.00 its shares of pools; "
    )


def test_a_credit_keeps_its_sign_and_has_no_share():
    rows = [*BILL, *of_team("pay", charge("-3"))]
    made = money.showback(by_team(made_of(rows), "pay"))
    assert made.answer.startswith("EUR −3.00 in June 2026 from 3 lines; the organisation's bill is EUR 100.00. ")


def test_where_nothing_is_measured_the_answer_says_why():
    made = money.showback(of_org(made_of()))
    assert (made.answer, made.verdict, made.tables) == (
        "Not measured in June 2026: there are no rows of costs that cover it.", Verdict.NOT_MEASURED, (),
    )  # fmt: skip


def test_no_charge_is_no_amount_and_never_zero():
    quiet = answer(NAME, verdict="insufficient data", currency="EUR")
    rows = [charge("4", period="2026-05"), charge("4", "allocated", period="2026-05"), quiet]
    made = money.showback(of_org(made_of(rows)))
    assert made.answer == f"No cost in June 2026. {BASIS}"
    last = made.table.frame.to_dicts()[-1]
    assert (last["Amount"], last["Allocated"], last["Difference"], last["Lines"]) == ("–", "–", "–", "0")
    assert "0.00" not in made.answer
    assert made.chart.title == "Cost shown back by month, EUR"


def test_a_team_that_was_never_charged_has_no_chart():
    made = money.showback(by_team(made_of([*BILL, *of_team("pay", answer(NAME, verdict="insufficient data"))]), "pay"))
    assert made.answer.startswith(
        "No cost in June 2026. The organisation's bill of June 2026 is EUR 100.00: EUR 75.00 allocated"
    )
    assert made.chart is None


def test_what_nobody_owns_is_told_by_reason_the_largest_first_and_credits_last():
    made = money.unallocated(of_org(made_of(BILL)))
    assert made.question == "Which cost has no known owner, and why?"
    assert made.answer == (
        "In June 2026, EUR 25.00 of EUR 100.00 (25.0 %) has no known owner: tax EUR 30.00, no owner EUR 5.00, credit EUR −10.00."
    )
    told = made.table.frame
    assert told["Reason"].to_list() == ["tax", "no owner", "credit"]
    assert told["Of the bill"].to_list() == ["30.0 %", "5.0 %", "–"]
    assert told["What would help"].to_list() == [money.REMEDIES[reason] for reason in told["Reason"]]
    assert "What would help" not in made.table.numbers
    assert made.chart.title == "Unallocated cost by month, EUR"


def test_where_all_is_owned_nothing_is_listed():
    made = money.unallocated(of_org(made_of(DOLLARS)))
    assert made.answer == "In June 2026, USD 0.00 of USD 8.00 (0.0 %) has no known owner."
    assert (made.tables, made.chart) == ((), None)


def test_reasons_are_told_under_their_own_currency():
    rows = [
        *BILL,
        charge("50", currency="USD"),
        charge("50", "unallocated", "USD"),
        charge("50", "unallocated: tax", "USD"),
    ]
    made = money.unallocated(of_org(made_of(rows)))
    assert (
        "credit EUR −10.00. In June 2026, USD 50.00 of USD 50.00 (100.0 %) has no known owner: tax USD 50.00."
        in made.answer
    )
    assert made.table.frame["Amount"].to_list() == ["EUR 30.00", "EUR 5.00", "EUR −10.00", "USD 50.00"]
    assert made.cautions == ("The chart shows EUR only; USD cannot be added to it and is in the table.",)


@pytest.mark.parametrize(
    ("rows", "verdict"), [([], "not measured"), ([answer(NAME, verdict="insufficient data")], "insufficient data")]
)
def test_without_a_bill_no_owner_is_missed(rows, verdict):
    made = money.unallocated(of_org(made_of(rows)))
    assert (made.verdict, made.tables, made.chart) == (verdict, (), None)
    assert "0.00" not in made.answer


def test_every_reason_of_the_metric_has_a_remedy():
    from idp_analytics.metrics.showback import REASONS

    assert set(money.REMEDIES) == set(REASONS)


# --- laws over the sample company ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("period", ["2026-06", "2026-Q2", "2025-Q3"])
def test_teams_and_what_nobody_owns_add_up_to_the_bill(mart, organisation_report, period):
    rows = mart.answers.filter(pl.col("metric") == NAME, pl.col("period") == period, pl.col("scope") != "service")
    for currency in ("EUR", "USD"):
        own = rows.filter(pl.col("currency") == currency)
        bill = own.filter(pl.col("scope") == "org", pl.col("detail").is_null())["amount"].item()
        parts = own.filter(scope="org", detail="unallocated")["amount"].to_list()
        rest = parts[0] if parts else Decimal(0)
        teams = own.filter(scope="team")["amount"].drop_nulls().to_list()
        with localcontext() as context:
            context.prec = 76
            assert sum(teams, rest) == bill
        assert money.money(bill, currency) in organisation_report(period).showback().answer
    assert "difference 0.00. Amounts" in organisation_report(period).showback().answer


def test_every_page_proves_that_the_bill_adds_up(mart, organisation_report, team_report):
    """The bill, what of it is allocated and what is not, and that nothing is off, in each currency."""
    told = mart.answers.filter(metric=NAME, scope="org", period="2026-06").drop_nulls("amount")
    told = told.filter(pl.col("detail").is_null() | pl.col("detail").is_in(["allocated", "unallocated"]))
    wanted = {money.money(amount, currency) for currency, amount in told.select("currency", "amount").iter_rows()}
    assert told["currency"].n_unique() > 1
    for made in (organisation_report(), *(team_report(team) for team in mart.teams["team_id"])):
        answer_given = made.showback().answer
        assert {amount for amount in wanted if amount not in answer_given} == set(), answer_given
        assert answer_given.count("difference 0.00.") == told["currency"].n_unique()


def test_a_teams_page_says_of_its_cost_what_the_organisations_row_says(mart, organisation_report, team_report):
    """Whether one asks for a team or for all of them: the same money, to the cent."""
    names = dict(mart.teams.select("team_id", "name").rows())
    told = {row["Team"]: row["Cost"] for row in organisation_report().teams().tables[1].frame.to_dicts()}
    seen = 0
    for team, name in names.items():
        for amount in filter(None, told.get(name, "").split(", ")):
            assert f"{amount} in June 2026 from" in team_report(team).showback().answer
            seen += 1
    assert seen > 5


def test_what_is_drawn_is_what_the_description_and_the_table_tell(organisation_report):
    made = organisation_report().showback()
    drawn = [row for row in made.chart.spec["datasets"]["answers"] if row["period"] == "2026-06"]
    for row in drawn:
        assert f"{row['part']} {row['shown']}" in made.chart.description
        assert row["shown"] in made.answer
    cells = made.table.frame.filter(Period="2026-06", Lines="1,179").to_dicts()[0]
    assert [cells[row["part"].capitalize()] for row in drawn] == [row["shown"] for row in drawn]
