"""Where the cost is going: how sure, how often right before, and the days that stood out."""

from __future__ import annotations

from datetime import date

from answer_building import by_team, frame, of_org
from answer_building import mart as made_of

from idp_analytics.metrics.cost_anomalies import COLUMNS as EPISODES
from idp_analytics.metrics.cost_forecast import COLUMNS as MONTHS
from idp_analytics.report.cost_course import cost_course


def month(m, value, kind="seen", entity="pay", **told):
    return {
        "scope": "org" if entity == "org" else "team", "entity_id": entity, "currency": "EUR", "kind": kind, "month": date(2026, m, 1),
        "value": value, "level": 0.8, "months": 8, **told,
    }  # fmt: skip


AHEAD = {
    "low": 90.0, "high": 130.0, "way": "mean of three months", "error": 8.0, "naive_error": 12.0, "hits": 7, "judged": 9,
    "covered_low": 0.45, "covered_high": 0.94,
}  # fmt: skip
EPISODE = {
    "scope": "team", "entity_id": "pay", "every": "1mo", "period": "2026-06", "team_id": "pay", "currency": "EUR", "day": date(2026, 6, 9),
    "last_day": date(2026, 6, 11), "unusual_days": 3, "amount": 300.0, "expected": 90.0, "beyond": 210.0, "component": "compute <b>",
    "q": 0.01, "days": 120,
}  # fmt: skip


def made(rows, episodes=()):
    studies = {"cost_forecast": frame(rows, MONTHS), "cost_anomalies": frame(episodes, EPISODES)}
    return made_of(teams={"pay": "Payments"}, studies=studies)


def test_a_forecast_says_how_it_was_made_and_how_often_it_was_right():
    shown = cost_course(by_team(made([month(6, 100.0), month(7, 110.0, "forecast", **AHEAD)], [EPISODE]), "pay"))
    assert shown.answer == (
        "If things go on as they did, July 2026 costs about 110 EUR (80 % prediction interval 90–130 EUR), by the mean of three months; "
        "tried on the past, that was off by 8.0 EUR on average, the last month again by 12 EUR. 1 unusual episode began in June 2026; the "
        "largest on 9 June: 210 EUR beyond what was usual, most of it compute <b>."
    )
    ahead, unusual = shown.tables
    assert ahead.frame["In its interval before"].to_list() == ["7 of 9"]
    assert unusual.frame["Beyond"].to_list() == ["210 EUR"]
    drawn = shown.chart.spec["datasets"]["answers"]
    assert [(row["state"], row["from"], row["to"]) for row in drawn] == [
        ("complete", 100.0, 100.0),
        ("partial", 90.0, 130.0),
    ]
    assert len(shown.cautions) == 1


def test_an_interval_that_was_wrong_too_often_is_said_to_be():
    narrow = {**AHEAD, "hits": 2, "covered_low": 0.06, "covered_high": 0.55}
    shown = cost_course(of_org(made([month(6, 1.0, entity="org"), month(7, 1.0, "forecast", "org", **narrow)])))
    assert (
        shown.cautions[0]
        == "EUR: of 9 months forecast so before, 2 lay in their interval, fewer than it says: it is too narrow to rely on."
    )
    assert "No day of June 2026 stands out." in shown.answer


def test_too_early_to_forecast_and_nothing_at_all():
    shown = cost_course(by_team(made([month(6, 1.0), month(7, None, "none")]), "pay"))
    assert shown.answer.startswith("EUR: too early to forecast, with 8 of at least 8 complete months.")
    assert shown.chart is None
    assert cost_course(of_org(made([]))).answer == "There is no complete month of cost yet."


def test_the_sample_shows_the_account_that_moved(team_report):
    shown = team_report("storefront", "2026-01").cost_course()
    assert "15 January" in shown.answer
