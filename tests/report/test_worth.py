"""What the platform costs each developer, beside what teams get: no cause is claimed and no team is ranked."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from answer_building import answer, by_team, frame, of_org, of_team
from answer_building import mart as made_of

from idp_analytics.metrics.allocation.studies import POOLS
from idp_analytics.metrics.survey_price import COLUMNS as PRICE_COLUMNS
from idp_analytics.metrics.unit_costs import COLUMNS
from idp_analytics.report.worth import worth

CELL = {"every": "1mo", "period": "2026-06", "period_start": date(2026, 6, 1), "is_partial": False, "currency": "EUR"}


def unit(entity, per, amount, n, value):
    return {
        **CELL, "scope": "org" if entity == "org" else "team", "entity_id": entity, "per": per, "amount": Decimal(amount), "lines": 3, "n": n,
        "missing": 0, "value": None if value is None else Decimal(value), "verdict": "not identified",
    }  # fmt: skip


def pool(entity, name, amount, reason=None, is_platform=True):
    return {
        **CELL, "scope": "org" if entity == "org" else "team", "entity_id": entity, "pool": name, "title": name, "rule": "evenly",
        "is_platform": is_platform, "reason": reason, "pooled": Decimal(90), "charges": 1, "amount": Decimal(amount), "ratio": 1.0,
    }  # fmt: skip


UNITS = [
    unit("org", "deployment", "500", 50, "10"), unit("org", "active developer", "500", 10, "50"),
    unit("web", "deployment", "200", 20, "10"), unit("web", "active developer", "200", 6, "33.33"),
    unit("core", "deployment", "70", 20, "3.5"), unit("core", "active developer", "70", None, None),
]  # fmt: skip
SHARED = [
    pool("org", "net", "80"), pool("org", "net", "10", "rule residual"), pool("org", "tax", "40", is_platform=False),
    pool("core", "net", "20"), pool("core", "tax", "5", is_platform=False), pool("web", "net", "60"),
]  # fmt: skip


def made(**meta):
    def cost(amount, **told):
        return answer("showback_cost", amount=Decimal(amount), value=float(amount), currency="EUR", n=3, **told)

    rows = [
        *of_team("core", cost(70)), *of_team("web", cost(200)), cost(500),
        *of_team("web", answer("deployment_frequency", value=0.7, low=0.4, high=1.1, n=20, unit="per day")),
    ]  # fmt: skip
    studies = {"pools": frame(SHARED, POOLS), "unit_costs": frame(UNITS, COLUMNS)}
    return made_of(rows, teams={"core": "Core", "web": "Web"}, studies=studies, **meta)


def test_the_platform_is_its_pools_and_what_its_team_owns_and_no_tax():
    shown = worth(of_org(made(platform_team="core", developer_hour=["50", "EUR"])))
    # 80 shared + (70 of core − 20 − 5 of pools) owned by core
    assert shown.answer == (
        "The platform (its pools of shared cost and what Core owns) cost EUR 125.00 in June 2026: EUR 12.50 per active developer (10). "
        "At EUR 50.00 an hour (settings), it pays once each of them saves more than 15 min in that time."
    )
    assert shown.table.frame["Team"].to_list()[:2] == ["Core", "Web"]
    assert shown.table.frame["Per active developer"].to_list()[:2] == ["–", "33.33 (6)"]
    assert shown.table.frame["Deployment frequency"].to_list()[1] == "0.70 per day (0.40–1.10 per day; n 20)"
    assert "nothing here says that one is because of the other" in shown.cautions[0]


def test_what_is_paid_in_two_currencies_is_told_in_one_sentence():
    dollars = [{**unit("org", per, "30", 10, "3"), "currency": "USD"} for per in ("deployment", "active developer")]
    shared = {**pool("org", "logs", "30"), "currency": "USD"}
    mart = made(platform_team=None, developer_hour=["50", "EUR"])
    studies = {
        **mart.studies,
        "pools": frame([*SHARED, shared], POOLS),
        "unit_costs": frame([*UNITS, *dollars], COLUMNS),
    }
    assert worth(of_org(replace(mart, studies=studies))).answer == (
        "The platform (its pools of shared cost) cost EUR 80.00 and USD 30.00 in June 2026: EUR 8.00 and USD 3.00 per active developer (10). "
        "At EUR 50.00 an hour (settings), the part in EUR pays once each of them saves more than 10 min in that time."
    )


def test_without_a_rate_it_says_how_to_give_one():
    shown = worth(of_org(made(platform_team=None)))
    assert shown.answer == (
        "The platform (its pools of shared cost) cost EUR 80.00 in June 2026: EUR 8.00 per active developer (10)."
    )
    assert shown.cautions[-1].startswith("Say developer_hour and currency under [showback]")


def test_no_cost_is_told_as_none():
    assert (
        worth(by_team(made_of(teams={"pay": "Payments"}, studies={"unit_costs": frame((), COLUMNS)}), "pay")).answer
        == "No cost in June 2026."
    )


def asked(price, k, n, value, low, high, **more):
    return {
        "scope": "org", "entity_id": "org", "survey_id": "devex", "wave": "2026-Q2", "number": 1, "closed_on": date(2026, 6, 24),
        "measure": "would keep it", "price": float(price), "currency": "EUR", "n": n, "said": k, "k": k, "value": value, "low": low, "high": high,
        "demand": value, "level": 0.95, "unit": "share of answers", "verdict": "not identified", **more,
    }  # fmt: skip


WORTH = {
    "measure": "worth at least",
    "price": None,
    "k": None,
    "said": None,
    "demand": None,
    "unit": "price per developer and month",
}
STATED = [
    asked(10, 18, 20, 0.9, 0.7, 0.97), asked(20, 8, 20, 0.4, 0.22, 0.61), {**asked(0, None, 40, 13.0, 10.0, 16.0), **WORTH}
]  # fmt: skip


def stated(rows=STATED, **meta):
    made_so = made(platform_team="core", rules={"level": 0.95, "min_cohort": 5}, **meta)
    return replace(made_so, studies={**made_so.studies, "survey_price": frame(rows, PRICE_COLUMNS)})


def test_what_people_would_pay_stands_beside_what_it_really_costs():
    shown = worth(of_org(stated()))
    # EUR 12.50 lies between the prices of 10 and 20.
    assert (
        "Sure that their team would keep the platform and pay that from its own budget: 90.0 % at EUR 10.00 (95 % interval 70.0–97.0 %; 18 of 20), "
        "40.0 % at EUR 20.00 (22.0–61.0 %; 8 of 20)."
    ) in shown.answer
    assert (
        "It really costs EUR 12.50 per developer and month, between two of these prices: at that between 40.0 % and 90.0 %"
        in shown.answer
    )
    assert "worth at least EUR 13.00 per developer and month (10.00 to 16.00)" in shown.answer
    assert any("hypothetical" in caution for caution in shown.cautions)
    assert shown.chart is not None and "at EUR 20.00, n 20: 40.0 % (interval 22.0–61.0 %)" in shown.chart.description


@pytest.mark.parametrize(
    ("prices", "said"),
    [
        ((12.5, 25), "EUR 12.50 per developer and month: 90.0 % would keep it at that."),
        ((5, 8), "more than any price that is shown: at that at most 40.0 % would keep it (up to 61.0 %)."),
        ((20, 30), "less than any price that is shown: at that at least 90.0 % would keep it (from 70.0 %)."),
    ],
)
def test_the_real_cost_among_the_prices(prices, said):
    rows = [{**row, "price": float(price)} for row, price in zip(STATED[:2], prices, strict=True)]
    assert said in worth(of_org(stated(rows))).answer


def test_prices_in_another_currency_stand_beside_no_cost():
    shown = worth(of_org(stated([{**row, "currency": "USD"} for row in STATED])))
    assert "USD 10.00" in shown.answer and "really costs" not in shown.answer
    assert shown.chart is None


def test_stated_prices_are_of_the_organisation_and_of_closed_waves():
    assert "drawn at random" not in worth(by_team(stated(), "core")).answer
    later = [{**row, "closed_on": date(2026, 7, 2)} for row in STATED]
    assert "drawn at random" not in worth(of_org(stated(later))).answer
    hidden = [asked(10, None, None, None, None, None, verdict="suppressed")]
    told = worth(of_org(stated(hidden)))
    assert "in the wave 2026-Q2 is withheld" in told.answer
    assert told.tables[0].frame["Sure to keep it"].to_list() == ["withheld"]
