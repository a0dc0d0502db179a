"""What a unit costs, as a page says it: what was divided by what, and why something is not given."""

from __future__ import annotations

from decimal import Decimal

from answer_building import all_words, by_team, frame, of_org
from answer_building import mart as made_of

from idp_analytics.metrics.unit_costs import COLUMNS, PER
from idp_analytics.periods import parse
from idp_analytics.report import unit_costs


def unit(
    entity: str, per: str, amount: str, n: int | None, verdict: str = "not identified", period: str = "2026-06", **told
) -> dict:
    value = Decimal(amount) / n if n and verdict == "not identified" else None
    return {
        "scope": "org" if entity == "org" else "team", "entity_id": entity, "every": "1mo", "period": period,
        "period_start": parse(period).start, "is_partial": False, "currency": "EUR", "per": per, "amount": Decimal(amount),
        "lines": 3, "n": n, "missing": 0, "value": value, "verdict": verdict, **told,
    }  # fmt: skip


def made(*rows):
    return made_of(teams={"pay": "Payments", "web": "Web"}, studies={"unit_costs": frame(rows, COLUMNS)})


def test_one_of_which_something_is_not_told_is_told_as_one():
    told = made(unit("pay", "deployment", "120", 12, missing=1), unit("pay", "active developer", "120", 12, missing=1))
    assert [caution.split(" may ")[0] for caution in unit_costs.unit_costs(by_team(told, "pay")).cautions] == [
        "1 deployment of which something is not told", "1 merged change without an author",
    ]  # fmt: skip


def test_a_total_over_counts_and_what_is_not_given():
    told = made(
        unit("pay", "deployment", "120", 12, missing=2),
        unit("pay", "active service", "120", 2, "insufficient data"),
        unit("pay", "active developer", "120", None, "suppressed", missing=None),
        *(unit("pay", per, "100", 10, period="2026-05") for per in PER),
        unit("web", "deployment", "7", 7),
    )
    section = unit_costs.unit_costs(by_team(told, "pay"))
    assert section.answer == (
        "EUR 120.00 in June 2026 is EUR 10.00 per deployment (12). Exact totals over counts, so without an interval."
    )
    assert section.cautions == (
        "Not given: active service: 2 active services only, 3 needed; active developer: withheld, there are too few people.",
        "2 deployments of which something is not told may add to the count of deployments and lower what one costs.",
    )
    assert section.table.frame.to_dicts()[-1] == {
        "Period": "2026-06", "Cost": "120.00", "Per deployment (n)": "10.00 (12)", "Per active service (n)": "– (2)",
        "Per active developer (n)": "withheld",
    }  # fmt: skip
    assert section.table.frame["Period"].to_list() == ["2026-05", "2026-06"]
    assert "Web" not in all_words(section)


def test_the_organisation_sees_every_team_in_order_of_name():
    told = made(
        unit("org", "deployment", "20", 10),
        unit("web", "deployment", "7", 7),
        unit("pay", "deployment", "5", 1, "insufficient data"),
    )
    by_team_ = unit_costs.unit_costs(of_org(told)).tables[-1]
    assert by_team_.frame.to_dicts() == [
        {"Team": "Payments", "Cost": "5.00", "Per deployment (n)": "– (1)"},
        {"Team": "Web", "Cost": "7.00", "Per deployment (n)": "1.00 (7)"},
    ]


def test_nothing_given_says_why():
    told = made(
        unit("org", "deployment", "20", 3, "insufficient data"),
        unit("org", "active developer", "20", None, "not measured"),
    )
    section = unit_costs.unit_costs(of_org(told))
    assert section.answer == (
        "Of EUR 20.00 in June 2026 no unit cost is given: deployment: 3 deployments only, 5 needed; active developer: not measured."
    )
    assert unit_costs.unit_costs(of_org(made())).answer == "No cost in June 2026."
