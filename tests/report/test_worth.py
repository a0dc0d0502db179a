"""What the platform costs each developer, beside what teams get: no cause is claimed and no team is ranked."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from answer_building import answer, by_team, frame, of_org, of_team
from answer_building import mart as made_of

from idp_analytics.metrics.allocation.studies import POOLS
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
        "At EUR 50.00 an hour, as the settings say, it pays where it saves each of them more than 15 min in that time."
    )
    assert shown.table.frame["Team"].to_list()[:2] == ["Core", "Web"]
    assert shown.table.frame["Per active developer"].to_list()[:2] == ["–", "33.33 (6)"]
    assert shown.table.frame["Deployment frequency"].to_list()[1] == "0.70 per day (0.40–1.10 per day; n 20)"
    assert "nothing here says that one is because of the other" in shown.cautions[0]


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
