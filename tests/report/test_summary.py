"""The cards: every headline number with its interval, its count and its verdict."""

from __future__ import annotations

from decimal import Decimal

import pytest
from answer_building import answer, by_team, mart, of_org, of_team

from idp_analytics.answers import Verdict
from idp_analytics.metrics import HEADLINES
from idp_analytics.report.section import Card
from idp_analytics.report.summary import summary

RATE = "change_fail_rate"
SHARE = answer(RATE, value=0.125, low=0.055, high=0.261, n=40, k=5, verdict="improved")


def card(made, title="Change fail rate"):
    return next(card for card in summary(made).cards if card.title == title)


def test_a_card_tells_value_interval_count_verdict_and_the_number_before():
    made = of_org(mart([SHARE, answer(RATE, "2026-05", value=0.2, n=30)]))
    told = card(made)
    assert told.meaning.startswith("How often does a deployment cause a failure? ")
    assert told == Card(
        "Change fail rate", "12.5 %", "95 % interval 5.5–26.1 %", "40 deployments", Verdict.IMPROVED, "20.0 % in May", told.meaning,
        "How often does a deployment cause a failure?",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("row", "value", "bounds", "basis", "verdict"),
    [
        ({}, "no value", "", "0 deployments", "not measured"),
        ({"n": 1, "low": 0.0, "high": 0.8, "verdict": "insufficient data"}, "no value", "95 % interval 0.0–80.0 %", "1 deployment",
         "insufficient data"),
        ({"n": 40, "value": 0.0, "low": 0.0, "high": 0.09, "level": 0.9}, "0.0 %", "90 % interval 0.0–9.0 %", "40 deployments",
         "not identified"),
        ({"n": None, "missing": None, "verdict": "suppressed"}, "no value", "", "withheld", "suppressed"),
    ],
)  # fmt: skip
def test_what_is_not_known_has_no_value_and_a_measured_zero_has(row, value, bounds, basis, verdict):
    told = card(of_org(mart([answer(RATE, **row)] if row else [])))
    assert (told.value, told.bounds, told.basis, told.verdict, told.note) == (value, bounds, basis, verdict, "")


@pytest.mark.parametrize("before", [None, {"value": None}])
def test_without_a_number_before_there_is_no_note(before):
    rows = [SHARE] if before is None else [SHARE, answer(RATE, "2026-05", **before)]
    assert card(of_org(mart(rows))).note == ""


def test_every_headline_has_a_card_and_money_has_one_per_currency():
    money = [
        answer("showback_cost", n=n, amount=amount, currency=currency, change=change)
        for n, amount, currency, change in (
            (3, Decimal("1234.567"), "EUR", 1.1), (1, Decimal(-2), "USD", None), (0, None, "GBP", None),
        )
    ]  # fmt: skip
    cards = summary(of_org(mart(money))).cards
    assert [card.title for card in cards] == [*(m.title for m in HEADLINES[:-1]), "Cost shown back", "Cost shown back"]
    euro, dollar = cards[-2:]
    assert (euro.value, euro.bounds, euro.basis, euro.verdict, euro.note) == (
        "EUR 1,234.57", "exact total", "3 lines", None, "+10.0 % against May",
    )  # fmt: skip
    assert (dollar.value, dollar.basis, dollar.note) == ("USD −2.00", "1 line", "")


@pytest.mark.parametrize(
    ("as_of", "cautions"),
    [
        ("2026-07-01T00:00:00+00:00", ("Mind.",)),
        (
            "2026-06-20T12:00:00+00:00",
            ("June 2026 is not over at the as-of time; its numbers will still change.", "Mind."),
        ),
    ],
)
def test_a_period_that_is_not_over_is_said_to_be(as_of, cautions):
    assert summary(of_org(mart(as_of=as_of, cautions=["Mind."]))).cautions == cautions


def test_the_heading_says_of_whom_when_and_as_of_when():
    made = mart(of_team("pay", SHARE), teams={"pay": "Payments"}, as_of="2026-07-01T00:30:00+00:00")
    assert summary(by_team(made, "pay")).heading == "Payments · June 2026 · as of 2026-07-01 00:30 UTC"
