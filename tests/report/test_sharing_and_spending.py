"""Shared cost and what cost was for: every table adds up, every rule is told, other methods stand beside."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
from answer_building import by_team, frame, of_org
from answer_building import mart as made_of

from idp_analytics.metrics.allocation.studies import METHODS, POOLS, VIEWS
from idp_analytics.report import pools, spending

CELL = {"every": "1mo", "period": "2026-06", "is_partial": False, "currency": "EUR"}


def of(entity: str, **told) -> dict:
    return {**CELL, "scope": "org" if entity == "org" else "team", "entity_id": entity, **told}


def pool(entity, amount, reason=None, **told):
    return of(
        entity, pool="net", title="Network", rule="evenly", is_platform=True, reason=reason, pooled=Decimal(20), charges=2, amount=Decimal(amount),
        ratio=float(amount) / 20, **told,
    )  # fmt: skip


def method(entity, name, amount, is_used=False):
    return of(entity, method=name, amount=Decimal(amount), is_used=is_used)


def view(entity, dimension, value, amount, lines=1, is_shared=False):
    return of(entity, dimension=dimension, value=value, amount=Decimal(amount), lines=lines, is_shared=is_shared)


POOLED = frame([pool("org", "18"), pool("org", "2", "rule residual"), pool("pay", "10"), pool("web", "8")], POOLS)
OTHERWISE = frame(
    [
        method(team, name, amount, name == "reciprocal")
        for team, amounts in {"pay": ("1", "11", "11.5"), "web": ("2", "10", "9.5"), "org": ("20", "2", "2")}.items()
        for name, amount in zip(("not shared", "direct", "reciprocal"), amounts, strict=True)
    ],
    METHODS,
)
MADE = made_of(teams={"pay": "Payments", "web": "Web"}, studies={"pools": POOLED, "allocation_methods": OTHERWISE})


def test_the_organisation_sees_every_pool_its_rule_and_what_nobody_pays():
    made = pools.sharing(of_org(MADE))
    assert made.answer == (
        "EUR 18.00 is shared out to teams from 1 pool in June 2026. Which method settles pools that use one another moves a "
        "team by at most EUR 0.50 (between EUR 11.00 and EUR 11.50)."
    )
    assert made.cautions == ("EUR 2.00 of Network stays unallocated: rule residual.",)
    held, otherwise = made.tables
    assert held.frame.to_dicts()[1] == {
        "Pool": "Network", "Held": "EUR 20.00", "Charges (n)": "2", "Paid by teams": "EUR 2.00", "Of the pool": "10.0 %",
        "Unallocated because": "rule residual", "Shared": "evenly",
    }  # fmt: skip
    assert otherwise.frame.to_dicts() == [
        {"Team": "Payments", "Not shared": "1.00", "Direct": "11.00", "Reciprocal (used)": "11.50"},
        {"Team": "Web", "Not shared": "2.00", "Direct": "10.00", "Reciprocal (used)": "9.50"},
        {"Team": "Unallocated", "Not shared": "20.00", "Direct": "2.00", "Reciprocal (used)": "2.00"},
    ]


def test_what_a_method_moves_is_the_difference_of_the_amounts_that_are_shown():
    def told(*amounts):
        rows = [method("pay", name, amount) for name, amount in zip(("direct", "reciprocal"), amounts, strict=True)]
        studies = {"pools": POOLED, "allocation_methods": frame(rows, METHODS)}
        return pools.sharing(of_org(made_of(teams={"pay": "Payments"}, studies=studies))).answer

    assert told("10.996", "11.002").endswith(" moves no team by a cent.")  # both are shown as 11.00
    assert told("10.994", "18.226").endswith(
        " by at most EUR 7.24 (between EUR 10.99 and EUR 18.23)."
    )  # 7.232 without rounding


def test_a_team_sees_its_own_shares_only():
    made = pools.sharing(by_team(MADE, "pay"))
    assert made.answer.startswith("EUR 10.00 is its share of 1 pool in June 2026. ")
    assert "moves this team by at most EUR 0.50 (between EUR 11.00 and EUR 11.50)" in made.answer
    assert "Web" not in str([table.frame.to_dicts() for table in made.tables])


def test_without_pools_it_says_so():
    made = pools.sharing(of_org(made_of()))
    assert made.answer == "No pool held any cost in June 2026: cost is shared only by rules ([[pool]])."
    assert made.tables == ()


def test_parts_of_a_dimension_add_up_to_the_whole_as_shown():
    rows = [view("org", "service", name, "33.333") for name in ("a", "b", "c")]
    rows += [view("org", "service", "Network", "0.002", is_shared=True), view("org", "service", None, "-3")]
    rows += [
        view("org", "component", "Machines", "97.001", 5),
        view("org", "component", "Network", "900", is_shared=True),
    ]
    made = spending.spending(of_org(made_of(studies={"cost_views": frame(rows, VIEWS)})))
    assert made.answer == "Most of it, in EUR: component Machines (9.7 %) and service a (34.4 %)."
    (by_service,) = made.tables  # a dimension with one value says nothing
    told = by_service.frame
    assert told["Service"].to_list() == ["a", "b", "c", "Network", "no service told", "all"]
    cents = [Decimal(text.removeprefix("EUR ").replace("−", "-")) for text in told["Amount"]]
    assert sum(cents[:-1]) == cents[-1] == Decimal("97.00")
    assert told["Share"].to_list()[-2] == "–"


def test_long_dimensions_are_cut_and_what_is_cut_is_counted():
    rows = [view("org", "service", f"s{n:02}", str(n)) for n in range(1, 13)]
    made = spending.spending(of_org(made_of(studies={"cost_views": frame(rows, VIEWS)})))
    last = made.table.frame.to_dicts()[-2:]
    assert [row["Service"] for row in last] == ["4 others", "all"]
    assert last[0]["Amount"] == "EUR 10.00"


def test_very_many_that_are_cut_are_counted_with_their_thousands():
    rows = [view("org", "service", f"s{n:04}", "1") for n in range(1, 1009)]
    made = spending.spending(of_org(made_of(studies={"cost_views": frame(rows, VIEWS)})))
    assert made.table.frame["Service"].to_list()[-2:] == ["1,000 others", "all"]


def test_no_cost_is_told_as_none():
    assert spending.spending(of_org(made_of())).answer == "No cost in June 2026."


# --- laws over the sample company ------------------------------------------------------------------------------------------


def test_every_view_of_the_sample_adds_up_to_its_cost(mart):
    costs = mart.answers.filter(
        pl.col("metric") == "showback_cost", pl.col("detail").is_null(), pl.col("amount").is_not_null()
    )
    costs = costs.filter(pl.col("scope") != "service").select(
        "scope", "entity_id", "every", "period", "currency", "amount"
    )
    key = ["scope", "entity_id", "every", "period", "currency"]
    views = mart.studies["cost_views"].group_by(*key, "dimension").agg(pl.col("amount").sum())
    compared = views.join(costs, on=key, how="full", suffix="_cost")
    assert compared.height
    assert (compared["amount"] == compared["amount_cost"]).all()
    methods = mart.studies["allocation_methods"].filter("is_used").join(costs, on=key, how="left", suffix="_cost")
    teams = methods.filter(pl.col("scope") == "team")
    assert teams.height
    assert (teams["amount"] == teams["amount_cost"]).all()


def test_every_pool_of_the_sample_is_shared_whole_and_every_method_places_the_whole_bill(mart):
    held = mart.studies["pools"].filter(pl.col("scope") == "org").group_by("every", "period", "currency", "pool")
    sums = held.agg(pl.col("amount").sum(), pl.col("pooled").first())
    assert (sums["amount"] == sums["pooled"]).all()
    whole = (
        mart.studies["allocation_methods"].group_by("every", "period", "currency", "method").agg(pl.col("amount").sum())
    )
    assert (whole.group_by("every", "period", "currency").agg(pl.col("amount").n_unique())["amount"] == 1).all()
