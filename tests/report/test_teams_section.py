"""Teams against their own past, in order of name, and one team beside the organisation: never a ranking."""

from __future__ import annotations

from decimal import Decimal

import pytest
from answer_building import SCRIPT, answer, by_team, mart, of_org, of_team

from idp_analytics.answers import Verdict
from idp_analytics.report import html
from idp_analytics.report.teams import JUDGED, beside_organisation, teams
from idp_analytics.report.view import team_names

RATE, LEAD = "change_fail_rate", "change_lead_time"
NAMES = {"a": "zebra", "b": "Alder", "c": SCRIPT, "d": "alder"}


def share(value, low, high, n=40, **given):
    return answer(RATE, value=value, low=low, high=high, n=n, k=1, **given)


def rows():
    return [
        *of_team("a", share(0.1, 0.0, 0.2, verdict="improved"), answer("deployment_frequency", n=40, value=1.3, low=1.0, high=1.7)),
        *of_team("b", answer(RATE, verdict="insufficient data"), answer("deployment_frequency", verdict="insufficient data")),
        *of_team("c", share(0.0, 0.0, 0.1, verdict="worsened"), answer("showback_cost", n=1, amount=Decimal("-2.5"), currency="EUR"),
                 answer("showback_cost", n=1, amount=Decimal(4), currency="USD"), answer("showback_cost", currency="GBP")),
        *of_team("d", answer(RATE, "2026-05", value=0.9, n=9)),
        share(0.3, 0.2, 0.4, verdict="improved"),
    ]  # fmt: skip


def test_teams_stand_in_order_of_name_whatever_their_numbers():
    made = teams(of_org(mart(rows(), teams=NAMES)))
    assert made.answer == "3 teams in June 2026; 1 of them deployed to production."
    assert made.tables[1].frame["Team"].to_list() == [SCRIPT, "Alder", "zebra"]
    assert "no ranking" in made.cautions[0]
    assert made.opened


def test_a_cell_tells_value_and_verdict_and_what_is_not_known_is_no_zero():
    told = {row["Team"]: row for row in teams(of_org(mart(rows(), teams=NAMES))).tables[1].frame.to_dicts()}
    title = "Change fail rate"
    assert told["zebra"][title] == "10.0 %, ✓ improved"
    assert told["Alder"][title] == "… insufficient data"
    assert told[SCRIPT][title] == "0.0 %, ! worsened"
    assert told[SCRIPT]["Deployment frequency"] == "∅ not measured"
    assert [told[name]["Cost"] for name in ("zebra", "Alder", SCRIPT)] == ["", "", "EUR −2.50, USD 4.00"]


def test_verdicts_are_counted_per_metric():
    counts = teams(of_org(mart(rows(), teams=NAMES))).tables[0].frame
    assert counts["Metric"].to_list() == [metric.title for metric in JUDGED]
    told = counts.filter(Metric="Change fail rate").to_dicts()[0]
    assert (told["✓ improved"], told["! worsened"], told["… insufficient data"], told["∅ not measured"]) == (
        "1",
        "1",
        "1",
        "0",
    )
    assert len(told) == 1 + len(Verdict)


def test_without_teams_there_is_just_the_count():
    assert teams(of_org(mart())).answer == "0 teams in June 2026; 0 of them deployed to production."


def test_a_hostile_name_is_text():
    page = html.behind(teams(of_org(mart(rows(), teams=NAMES))))
    assert "<script" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("own", "whole", "answer_told", "drawn"),
    [
        (share(0.1, 0.05, 0.2), share(0.3, 0.15, 0.4),
         "1 of 4 numbers can be set beside the organisation's in June 2026. No interval lies wholly apart from the organisation's.", 2),
        (share(0.1, 0.05, 0.14), share(0.3, 0.15, 0.4),
         "1 of 4 numbers can be set beside the organisation's in June 2026. The intervals lie wholly apart for Change fail rate.", 2),
        (share(0.5, 0.41, 0.6), share(0.3, 0.15, 0.4),
         "1 of 4 numbers can be set beside the organisation's in June 2026. The intervals lie wholly apart for Change fail rate.", 2),
        (share(0.5, 0.41, None), share(0.3, None, 0.4),
         "1 of 4 numbers can be set beside the organisation's in June 2026. The intervals lie wholly apart for Change fail rate.", 2),
        (share(0.5, None, None), share(0.3, None, None),
         "1 of 4 numbers can be set beside the organisation's in June 2026. No interval lies wholly apart from the organisation's.", None),
        (share(None, 0.0, 0.9, n=1), share(0.3, 0.15, 0.4),
         "No number can be set beside the organisation's in June 2026: one of the two is not known.", 2),
        (answer(RATE, n=None, verdict="suppressed"), answer(RATE, n=None, verdict="suppressed"),
         "No number can be set beside the organisation's in June 2026: one of the two is not known.", None),
    ],
)  # fmt: skip
def test_a_team_beside_the_organisation(own, whole, answer_told, drawn):
    made = beside_organisation(by_team(mart([whole, *of_team("a", own)], teams=NAMES), "a"))
    assert made.answer == answer_told
    if drawn is None:
        assert made.chart is None
    else:
        shown = [row for row in made.chart.spec["datasets"]["answers"] if row["label"] == "Change fail rate"]
        assert [row["value"] for row in shown] == [own["value"], whole["value"]]
    assert "includes this team" in made.cautions[0]


def test_both_numbers_stand_in_the_table_with_interval_and_count():
    made = beside_organisation(
        by_team(mart([share(0.3, 0.15, 0.4, 1200), *of_team("a", share(0.1, 0.05, 0.2))], teams=NAMES), "a")
    )
    assert made.table.caption == "zebra beside the organisation"
    assert made.table.frame.filter(Metric="Change fail rate").to_dicts() == [
        {"Metric": "Change fail rate", "This team": "10.0 %", "Interval": "5.0–20.0 %", "n": "40", "Organisation": "30.0 %",
         "Its interval": "15.0–40.0 %", "Its n": "1,200"}
    ]  # fmt: skip
    assert "Change lead time" in made.table.frame["Metric"].to_list()
    assert "Deployment frequency" not in made.table.frame["Metric"].to_list()  # a sum over all teams


def test_of_a_withheld_number_not_even_the_count_is_told():
    hidden = answer(RATE, n=None, verdict="suppressed")
    made = beside_organisation(by_team(mart([share(0.3, 0.15, 0.4), *of_team("a", hidden)]), "a"))
    assert made.table.frame.filter(Metric="Change fail rate")["n"].to_list() == ["withheld"]


def test_several_metrics_apart_are_named():
    low, high = {"value": 1.0, "low": 0.5, "high": 1.5, "n": 9}, {"value": 9.0, "low": 8.0, "high": 10.0, "n": 90}
    made = beside_organisation(
        by_team(
            mart(
                [answer(LEAD, **high), share(0.5, 0.4, 0.6), *of_team("a", answer(LEAD, **low), share(0.1, 0.0, 0.2))]
            ),
            "a",
        )
    )
    assert made.answer.endswith("The intervals lie wholly apart for Change lead time and Change fail rate.")


# --- a law over the sample company -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("period", ["2026-06", "2026-Q2", "2025-11"])
def test_a_teams_number_is_the_organisations_row_for_it(mart, organisation_report, team_report, period):
    table = organisation_report(period).teams().tables[1].frame
    everyone = mart.teams["team_id"].to_list()
    names = team_names(mart, everyone)
    shown = [team for team in everyone if names[team] in table["Team"]]
    assert len(shown) >= 9
    for team in shown:
        (row,) = table.filter(Team=names[team]).to_dicts()
        for metric in JUDGED:
            last = team_report(team, period).section(metric.name).table.frame.row(-1, named=True)
            value = f"{last['Value']}, " if last.get("Value", "–") != "–" else ""
            assert row[metric.title] == f"{value}{last['Verdict']}", (team, metric.name)
        costs = [
            f"{card.value}" for card in team_report(team, period).summary().cards if card.title == "Cost shown back"
        ]
        assert row["Cost"] == ", ".join(sorted(costs))
