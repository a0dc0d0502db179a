"""``[[tool]]``: what is stated becomes decisions, and what contradicts itself is said, all of it together."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from idp_analytics.errors import SettingsError
from idp_analytics.settings import parse
from idp_analytics.settings.tools import Decision, Line, Tool

TOOL = {"decision": "portal", "id": "hosted", "currency": "EUR", "discount_rate": 0.08}
COST = {"kind": "licences", "yearly": 100}
EXIT = {"kind": "data export", "amount": 0}


def decided(*tools: dict) -> tuple[Decision, ...]:
    return parse({"tool": list(tools)}, Path("data/acorn"), lambda _kind, _options: []).decisions


def tool(cost: dict | None = None, leaving: dict | None = None, **told) -> dict:
    return {**TOOL, "cost": [COST if cost is None else cost], "exit": [EXIT if leaving is None else leaving], **told}


def test_a_whole_decision():
    written = """
    [[tool]]
    decision = "portal"
    id = "hosted"
    title = "Hosted portal"
    currency = "EUR"
    discount_rate = 0.08
    years = 2
    [[tool.cost]]
    kind = "licences"
    name = "Seats"
    up_front = 10
    yearly = "1200.50"
    growth = 0.1
    low = 0.9
    committed_years = 2
    [[tool.cost]]
    kind = "people"
    fte = 1.5
    loaded_rate = 90000
    high = 2
    [[tool.exit]]
    kind = "re-integration"
    years = { 1 = 5, 2 = 7.5 }
    [[tool.benefit]]
    name = "Hours"
    yearly = 3
    said_by = "the vendor"
    [[tool]]
    decision = "portal"
    id = "none"
    currency = "EUR"
    cost = [{ kind = "other", years = { 0 = 1, 1 = 2, 2 = 3 } }]
    exit = [{ kind = "other", amount = 0 }]
    """
    (found,) = decided(*tomllib.loads(written)["tool"])
    assert (found.id, found.currency, found.discount_rate, found.years) == ("portal", "EUR", Decimal("0.08"), 2)
    hosted, none = found.options
    seats, people = hosted.costs
    assert seats == Line(
        "licences", "Seats", Decimal(10), Decimal("1200.50"), Decimal("0.1"), {}, Decimal("0.9"), Decimal(1), 2
    )
    assert [seats.amount(year) for year in (0, 1, 2)] == [10, Fraction("1200.5"), Fraction("1320.55")]
    assert (people.name, people.fte, people.low, people.high) == ("people", Decimal("1.5"), Decimal(1), Decimal(2))
    assert [people.amount(year) for year in (0, 1, 2)] == [0, 135_000, 135_000]
    assert [hosted.exits[0].amount(year) for year in (1, 2)] == [5, Fraction("7.5")]
    assert (hosted.benefits[0].name, hosted.benefits[0].said_by) == ("Hours", "the vendor")
    assert none == Tool(
        "none", "none", (Line("other", "other", by_year={0: Decimal(1), 1: Decimal(2), 2: Decimal(3)}),),
        (Line("other", "other"),),
    )  # fmt: skip


def test_decisions_stand_in_the_order_they_are_named():
    found = decided(tool(), tool(decision="ci"), tool(id="other"))
    assert [(decision.id, len(decision.options)) for decision in found] == [("portal", 2), ("ci", 1)]
    assert decided() == ()


@pytest.mark.parametrize(
    ("tools", "says"),
    [
        ([tool(), tool(id="b", currency="USD")], "decision 'portal': EUR, USD are never compared"),
        ([tool(), tool(id="b", discount_rate=0.07)], "discount_rate is 0.08 and 0.07; it is the decision's"),
        ([tool(years=3), tool(id="b", years=4)], "years is 3 and 4"),
        ([tool(), tool()], "option 'hosted' is there 2 times"),
        ([{k: v for k, v in tool().items() if k != "discount_rate"}], "no discount_rate; state what a year costs"),
        ([{k: v for k, v in tool().items() if k != "currency"}], r"\[\[tool\]\] 1: no currency"),
        ([tool(id=" ")], "no id"),
        ([tool(decision=3)], "decision = 3: must be text"),
        ([tool(exit=[])], r"no exit cost; write \[\[tool.exit\]\]"),
        ([tool(cost={"yearly": 1})], "no kind; write one of licences"),
        ([{**tool(), "cost": []}], "no cost line"),
        ([tool(years=11)], "years = 11: must lie from 1 to 10"),
        ([tool(years=2.5)], "years = 2.5: must be a whole number"),
        ([tool(discount_rate=8)], "discount_rate = 8: must lie from 0 to 1"),
        ([tool(cost={**COST, "kind": "seats"})], r"\[\[tool\]\] 1: \[\[cost\]\] 1: kind = 'seats': must be one of licences"),
        ([tool(cost={**COST, "yearly": -1})], "yearly = -1: must lie from 0"),
        ([tool(cost={**COST, "yearly": "many"})], "must be an amount"),
        ([tool(cost={**COST, "growth": 2})], "growth = 2: must lie from -1 to 1"),
        ([tool(cost={**COST, "low": 1.1})], "low = 1.1: must lie from 0 to 1"),
        ([tool(cost={**COST, "high": 0.9})], "high = 0.9: must lie from 1 to 100"),
        ([tool(cost={**COST, "committed_years": 4})], "committed_years = 4: must lie from 1 to 3"),
        ([tool(cost={**COST, "fte": 1})], "fte and loaded_rate go together"),
        ([tool(cost={**COST, "fte": 1, "loaded_rate": 2})], "yearly and fte × loaded_rate say the same"),
        ([tool(cost={"kind": "people"})], "no amount; write yearly"),
        ([tool(cost={**COST, "years": {"1": 1, "2": 2, "3": 3}})], "years says all amounts; leave out yearly"),
        ([tool(cost={"kind": "people", "years": {"1": 1, "2": 2}})], "must say every year from 1 to 3, and 0 if"),
        ([tool(cost={"kind": "people", "years": {"1": 1, "2": 2, "3": -3}})], "years: 3 = -3: must not be negative"),
        ([tool(leaving={"kind": "data export", "years": {"0": 1, "1": 1, "2": 2, "3": 3}})], "from 1 to 3"),
        ([tool(leaving={"kind": "data export"})], "no amount; write amount"),
        ([tool(leaving={**EXIT, "committed_years": 1})], "committed_years: no such setting"),
        ([tool(cost={**COST, "yearly": 10**13})], "comes to 10,000,000,000,000 or more at its highest"),
        ([tool(exit=[EXIT, EXIT])], "2 lines are named 'data export'"),
        ([tool(benefit=[{"yearly": 1}])], r"\[\[benefit\]\] 1: no said_by"),
        ([tool(benefit=[{"yearly": 1, "said_by": "us", "low": 0.5}])], "low: no such setting"),
        ([tool(colour="red")], "colour: no such setting"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said(tools, says):
    with pytest.raises(SettingsError, match=says):
        decided(*tools)


def test_all_problems_are_listed_together():
    with pytest.raises(SettingsError) as caught:
        decided(tool(cost={**COST, "low": 2, "growth": 5}), tool(id="b", currency="USD", exit=[]))
    assert "4 problem(s)" in str(caught.value)


@pytest.mark.parametrize("rate", [0, "0.08", 0.08])
def test_years_are_three_and_rates_exact_unless_said_otherwise(rate):
    (found,) = decided(tool(discount_rate=rate), {k: v for k, v in tool(id="b").items() if k != "discount_rate"})
    assert (found.years, found.discount_rate) == (3, Decimal(str(rate)))
