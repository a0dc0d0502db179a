"""Where the cost is going and which days were unusual, as a page says it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from answer_building import all_words, answer, by_team, frame, of_org, of_team
from answer_building import mart as made_of

from idp_analytics.metrics import cost_anomalies, cost_forecast
from idp_analytics.periods import parse
from idp_analytics.report import cost_course


def months(entity: str = "pay", method: str = "theta", currency: str = "EUR", **told) -> list[dict]:
    return [
        {
            "scope": "org" if entity == "org" else "team", "entity_id": entity, "every": "1mo", "period": "2026-06",
            "period_start": date(2026, 6, 1), "currency": currency, "target": target, "target_start": parse(target).start,
            "value": 310.0 + n, "low": 250.0 - n, "high": 370.0 + n, "level": 0.95, "n": 12, "method": method, "baseline": "naive",
            "error": 1.5, "baseline_error": 2.25, "trials": 18, "tests": 9, "hits": 8, "verdict": "not identified", **told,
        }
        for n, target in enumerate(("2026-07", "2026-08", "2026-09"))
    ]  # fmt: skip


SHORT = {
    "value": None,
    "low": None,
    "high": None,
    "method": None,
    "baseline": None,
    "n": 5,
    "tests": 0,
    "hits": 0,
    "error": None,
}
COSTS = of_team(
    "pay",
    *(
        answer("showback_cost", m, amount=Decimal(300), value=300.0, currency="EUR", n=9)
        for m in ("2026-05", "2026-06")
    ),
)


def made(forecasts=(), anomalies=(), rows=COSTS):
    return made_of(
        rows, teams={"pay": "Payments", "web": "Web"},
        studies={
            "cost_forecast": frame(forecasts, cost_forecast.COLUMNS), "cost_anomalies": frame(anomalies, cost_anomalies.COLUMNS),
        },
    )  # fmt: skip


def test_what_is_expected_how_sure_and_why_by_this_way():
    section = cost_course.ahead(by_team(made([*months(), *months("web")]), "pay"))
    assert section.answer == (
        "Expected for July 2026 EUR 310 (95 % interval 250 to 370), for September 312 (95 % interval 248 to 372): smoothed, with a "
        "trend (theta), off by EUR 1.50 a day in 18 trials on the past, where day for day as in the last month was off by 2.25."
    )
    assert section.cautions[0] == (
        "Intervals made the same way in the past of this team held the cost that came 8 of 9 times; 95.0 % should."
    )
    assert section.table.frame.to_dicts()[0] == {
        "Month": "2026-07", "Cost": "310", "95 % interval": "250 to 370", "Method": "smoothed, with a trend (theta)",
        "Complete months (n)": "12", "Intervals that held": "8 of 9",
    }  # fmt: skip
    assert [row["period"] for row in section.chart.spec["datasets"]["months"]] == [
        "2026-05",
        "2026-06",
        "2026-07",
        "2026-08",
        "2026-09",
    ]
    naive = cost_course.ahead(by_team(made(months(method="naive")), "pay"))
    assert (
        "day for day as in the last month, nothing was nearer in 18 trials on the past, off by EUR 1.50 a day."
        in naive.answer
    )


def test_too_little_history_is_said_and_another_period_points_to_the_latest():
    section = cost_course.ahead(by_team(made(months(**SHORT)), "pay"))
    assert section.answer == "EUR: not enough history, 5 complete months; 8 are needed for a forecast."
    assert section.verdict == "insufficient data"
    assert section.chart is None
    both = cost_course.ahead(by_team(made([*months(), *months(currency="USD", **SHORT)]), "pay"))
    assert both.answer.endswith("USD: not enough history, 5 complete months; 8 are needed for a forecast.")
    earlier = cost_course.ahead(by_team(made(months()), "pay", "2026-04"))
    assert (
        earlier.answer
        == "A forecast is made from the latest complete month only, June 2026: see the report of that month."
    )
    assert "July 2026" in cost_course.ahead(by_team(made(months()), "pay", "2026-Q2")).answer
    assert cost_course.ahead(of_org(made())).answer.startswith("No cost of a complete month")


def test_the_organisation_pools_the_past_of_all():
    section = cost_course.ahead(of_org(made([*months("org"), *months(), *months("web")])))
    assert "of the organisation and its teams held the cost that came 24 of 27 times" in section.cautions[0]


# --- anomalies -----------------------------------------------------------------------------------------------------------


def whole(entity: str, tested: int = 25, daily: str = "80", amount: str = "100", currency: str = "EUR") -> dict:
    return {
        "scope": "org" if entity == "org" else "team", "entity_id": entity, "every": "1mo", "period": "2026-06",
        "period_start": date(2026, 6, 1), "is_partial": False, "currency": currency, "tested": tested, "daily": Decimal(daily),
        "amount": Decimal(amount),
    }  # fmt: skip


def anomaly(entity: str, first: int, last: int, amount: str, expected: float, **told) -> dict:
    return {
        **whole(entity, amount=amount), "first_on": date(2026, 6, first), "last_on": date(2026, 6, last), "days": last - first + 1,
        "expected": expected, "beyond": float(amount) - expected, "p": 1e-9, "service_id": "shop", "component": "Machines", "sku": "m5",
        "line_beyond": 400.0, **told,
    }  # fmt: skip


def test_anomalies_in_money_with_owner_and_line():
    rows = [
        whole("org"),
        whole("pay"),
        whole("web"),
        anomaly("pay", 3, 4, "920", 500.0),
        anomaly("web", 9, 9, "20", 90.5, line_beyond=-70.0),
    ]
    section = cost_course.unusual(of_org(made(anomalies=rows)))
    assert section.answer == (
        "2 anomalies began in June 2026. The largest of Payments: 3 to 4 June cost EUR 920.00, 420 more than expected; Machines "
        "(m5) – shop is furthest from its own weeks before."
    )
    assert section.table.frame.to_dicts()[1] == {
        "Days": "9 June", "Whose": "Web", "Cost": "EUR 20.00", "Expected": "90.50", "Beyond it": "−70.50",
        "Line furthest off": "Machines (m5) – shop", "By": "−70.00",
    }  # fmt: skip
    assert (
        section.cautions[0]
        == "EUR: looked at are charges by the day, 80.0 % of what is owned; shares of pools are not."
    )
    own = cost_course.unusual(by_team(made(anomalies=rows), "pay"))
    assert own.answer.startswith("1 anomaly began in June 2026. The largest: 3 to 4 June cost")
    assert "Web" not in all_words(own)


def test_none_is_told_with_the_days_tested_and_nothing_to_test_is_not_measured():
    assert cost_course.unusual(of_org(made(anomalies=[whole("org")]))).answer == (
        "No day of June 2026 stands out, for the organisation or a team: 25 days tested."
    )
    section = cost_course.unusual(by_team(made(anomalies=[whole("pay", tested=0, daily="0")]), "pay"))
    assert (
        section.answer == "Not measured: no day of June 2026 has charges by the day and twelve weeks of them before it."
    )
    assert section.verdict == "not measured"
    assert section.cautions == ("EUR: nothing is charged by the day, so nothing can be seen.",)
    assert cost_course.unusual(of_org(made())).answer == "No cost in June 2026."
