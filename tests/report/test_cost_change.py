"""Why the cost changed, as a page says it: steps that add up to the cent, and nobody else's business on a team's page."""

from __future__ import annotations

from decimal import Decimal

from answer_building import all_words, by_team, frame, of_org
from answer_building import mart as made_of

from idp_analytics.metrics.cost_effects import EFFECTS
from idp_analytics.metrics.cost_variance import COLUMNS
from idp_analytics.report import cost_change


def effects(
    entity: str, before: str, after: str, currency: str = "EUR", is_partial: bool = False, **amounts: str
) -> list[dict]:
    told = {name.replace("_", " "): Decimal(amount) for name, amount in amounts.items()}
    assert sum(told.values()) == Decimal(after) - Decimal(before)
    cell = {
        "scope": "org" if entity == "org" else "team", "entity_id": entity, "every": "1mo", "period": "2026-06",
        "is_partial": is_partial, "currency": currency, "before": Decimal(before), "after": Decimal(after),
    }  # fmt: skip
    return [{**cell, "effect": e, "amount": told.get(e, Decimal(0)), "lines": 7 if e in told else 0} for e in EFFECTS]


def driver(number: int, entity: str, thing: str, effect: str, amount: str, **told) -> dict:
    row = effects(entity, "0", amount, **{effect.replace(" ", "_"): amount})[EFFECTS.index(effect)]
    return {**row, "driver": number, "thing": thing, **told}


def made(*rows):
    flat = [row for part in rows for row in (part if isinstance(part, list) else [part])]
    return made_of(teams={"pay": "Payments", "web": "Web"}, studies={"cost_variance": frame(flat, COLUMNS)})


def test_the_steps_are_told_largest_first_and_add_up_to_the_cent():
    told = made(
        effects("pay", "100.004", "117.004", usage="24.8", price="-6", joint="-1.8", new="20", gone="-20"),
        driver(1, "pay", "service:shop", "usage", "24.8", component="Machines", sku="m5"),
        driver(2, "pay", "pool:net", "pool", "0.004"),
    )
    section = cost_change.change(by_team(told, "pay"))
    assert section.answer == (
        "EUR 117.00 in June 2026, EUR 17.00 more than in May 2026 (EUR 100.00): usage +24.80, new +20.00, gone −20.00, price "
        "−6.00, price × usage −1.80."
    )
    steps, moved = section.tables
    assert steps.frame["Step"].to_list() == ["before", "usage", "price", "price × usage", "new", "gone", "after"]
    assert steps.frame["Amount"].to_list() == ["100.00", "+24.80", "−6.00", "−1.80", "+20.00", "−20.00", "117.00"]
    assert moved.frame.to_dicts() == [
        {"What": "Machines (m5) – shop", "Step": "usage", "Amount": "+24.80", "Before": "0.00", "After": "24.80"}
    ]
    assert section.chart is not None
    assert section.chart.description.startswith(
        "From May 2026 to June 2026 in EUR: May 2026 EUR 100.00; usage EUR 24.80;"
    )


def test_amounts_shown_add_up_where_each_alone_would_not():
    rows = effects("org", "0.005", "10.02", usage="3.335", price="3.335", new="3.345")
    section = cost_change.change(of_org(made(rows)))
    shown = [Decimal(text.lstrip("+").replace("−", "-")) for text in section.tables[0].frame["Amount"]]
    assert sum(shown[:-1]) == shown[-1] == Decimal("10.02")


def test_currencies_stand_beside_one_another_and_partial_months_are_told():
    rows = [*effects("org", "10", "10"), *effects("org", "5", "4", "USD", True, usage="-1")]
    section = cost_change.change(of_org(made(rows)))
    assert section.answer == (
        "USD 4.00 in June 2026, USD 1.00 less than in May 2026 (USD 5.00): usage −1.00. "
        "EUR 10.00 in June 2026, to the cent what it was in May 2026."
    )
    assert section.cautions == ("Only a part of June 2026 or May 2026 is known: most of the change is that.",)


def test_the_organisation_sees_every_team_in_order_of_name_and_a_team_only_itself():
    rows = [
        *effects("org", "3", "5", usage="2"), *effects("web", "1", "2", usage="1"),
        *effects("pay", "2", "3", ownership="1"),
    ]  # fmt: skip
    whole = cost_change.change(of_org(made(rows))).tables[-1]
    assert whole.frame.to_dicts() == [
        {"Team": "Payments", "Before": "2.00", "Usage": "", "Changed hands": "+1.00", "After": "3.00"},
        {"Team": "Web", "Before": "1.00", "Usage": "+1.00", "Changed hands": "", "After": "2.00"},
    ]
    assert "Web" not in all_words(cost_change.change(by_team(made(rows), "pay")))


def test_without_a_period_before_it_says_so():
    section = cost_change.change(of_org(made()))
    assert section.answer == "There is no cost of May 2026 to compare June 2026 with, or none of either."
    assert section.tables == ()
    assert section.chart is None


def test_what_a_line_is_for():
    for thing, component, sku, expected in [
        ("service:shop", "Machines", "m5", "Machines (m5) – shop"),
        ("tag:Team X", "Machines", "Machines", "Machines – tag Team X"),
        ("account:007", None, None, "account 007"),
        ("account:", "Tax", None, "Tax – no service, tag or account"),
    ]:
        assert cost_change.item({"thing": thing, "component": component, "sku": sku}) == expected
