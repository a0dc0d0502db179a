"""Answers as sentences: every verdict and estimator by hand, then laws over every answer of the sample company."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import polars as pl
import pytest
from answer_building import answer

from idp_analytics.answers import Estimator, Verdict
from idp_analytics.charts.wording import interval, period, quantity
from idp_analytics.metrics import CATALOGUE, by_name
from idp_analytics.periods import label, preceding
from idp_analytics.report import words
from idp_analytics.tables.incomplete import incomplete

CFR, LEAD, RECOVERY = "change_fail_rate", "change_lead_time", "failed_deployment_recovery_time"
FREQUENCY, DAYS, FIRST = "deployment_frequency", "deployment_days", "time_to_first_deploy"


def shares(**given):
    return answer(CFR, **{"value": 0.125, "low": 0.055, "high": 0.261, "n": 40, "k": 5, **given})


BEFORE = shares(period="2026-05", value=0.2)

WITH_VALUE = [
    (answer("incident_free_share", value=1.0, low=0.98, high=1.0, unit="share of time"), None,
     "0 incidents in June 2026: 100.00 % of the time without one (95 % interval 98.00–100.00 %); the data do not reach back to May."),
    (answer("incident_free_share", value=0.9995, low=0.9987, high=0.9999, n=3, k=2, unit="share of time", verdict="improved"), None,
     "3 incidents in June 2026: 99.95 % of the time without one (95 % interval 99.87–99.99 %); improved against May."),
    (shares(verdict="improved"), BEFORE,
     "Of 40 deployments in June 2026, 5 failed: 12.5 % (95 % interval 5.5–26.1 %); improved against May (20.0 %)."),
    (shares(verdict="worsened"), BEFORE,
     "Of 40 deployments in June 2026, 5 failed: 12.5 % (95 % interval 5.5–26.1 %); worsened against May (20.0 %)."),
    (shares(verdict="no detectable change", level=0.9), BEFORE,
     "Of 40 deployments in June 2026, 5 failed: 12.5 % (90 % interval 5.5–26.1 %); no detectable change against May (20.0 %)."),
    (shares(verdict="improved"), None,
     "Of 40 deployments in June 2026, 5 failed: 12.5 % (95 % interval 5.5–26.1 %); improved against May."),
    (shares(), None,
     "Of 40 deployments in June 2026, 5 failed: 12.5 % (95 % interval 5.5–26.1 %); the data do not reach back to May."),
    (shares(), {**BEFORE, "value": None},
     "Of 40 deployments in June 2026, 5 failed: 12.5 % (95 % interval 5.5–26.1 %); May has no value to compare with."),
    (shares(), {**BEFORE, "is_partial": True},
     "Of 40 deployments in June 2026, 5 failed: 12.5 % (95 % interval 5.5–26.1 %); May is only partly covered, so the two are "
     "not compared."),
    (shares(), BEFORE, "Of 40 deployments in June 2026, 5 failed: 12.5 % (95 % interval 5.5–26.1 %)."),
    (shares(is_partial=True), BEFORE,
     "Of 40 deployments in June 2026 (partial period), 5 failed: 12.5 % (95 % interval 5.5–26.1 %)."),
    (shares(n=1, k=1, value=1.0, low=0.207, high=1.0), BEFORE,
     "Of 1 deployment in June 2026, 1 failed: 100.0 % (95 % interval 20.7–100.0 %)."),
    (shares(n=1204, k=0, value=0.0, low=0.0, high=0.003), BEFORE,
     "Of 1,204 deployments in June 2026, none failed: 0.0 % (95 % interval 0.0–0.3 %)."),
    (answer("deployment_rework_rate", value=0.5, low=0.1, high=0.9, n=2, k=1), None,
     "Of 2 deployments in June 2026, 1 was repair: 50.0 % (95 % interval 10.0–90.0 %); the data do not reach back to May."),
    (answer("deployment_rework_rate", value=0.5, low=0.2, high=0.8, n=4, k=2), None,
     "Of 4 deployments in June 2026, 2 were repair: 50.0 % (95 % interval 20.0–80.0 %); the data do not reach back to May."),
    (answer(DAYS, value=0.4, low=0.25, high=0.57, n=30, k=12, verdict="improved"), {**answer(DAYS, "2026-05"), "value": 0.2},
     "On 12 of 30 days in June 2026 there was at least one deployment: 40.0 % (95 % interval 25.0–57.0 %); improved against "
     "May (20.0 %)."),
    (answer(DAYS, value=0.0, low=0.0, high=0.114, n=30, k=0), None,
     "On 0 of 30 days in June 2026 there was at least one deployment: 0.0 % (95 % interval 0.0–11.4 %); the data do not reach "
     "back to May."),
    (answer("deployment_working_days", value=0.5, low=0.3, high=0.7, n=22, k=11), None,
     "On 11 of 22 working days in June 2026 there was at least one deployment: 50.0 % (95 % interval 30.0–70.0 %); the data do "
     "not reach back to May."),
    (answer(LEAD, "2026-Q2", value=30.0, low=12.0, high=60.0, n=48, verdict="worsened"), None,
     "Half of the 48 changes first deployed in Q2 2026 took 30.0 h or less (95 % interval 12.0–60.0 h); worsened against Q1 2026."),
    (answer(RECOVERY, value=0.5, low=0.25, high=None, n=9, k=8, censored=1, verdict="improved"), None,
     "Half of the 9 incidents that followed a deployment in June 2026 were over within 30 min (95 % interval above 15 min); "
     "improved against May."),
    (answer(FIRST, "2026-Q2", value=12.0, low=5.0, high=31.0, n=7, k=6, censored=1), None,
     "Half of the 7 newcomers who started in Q2 2026 had work in production within 12 days (95 % interval 5–31 days); the data "
     "do not reach back to Q1 2026."),
    (answer(FREQUENCY, "2026-W23", value=1.4, low=0.7, high=2.5, n=10, verdict="no detectable change"), None,
     "10 deployments in week 23 of 2026: 1.4 per day (95 % interval 0.7–2.5 per day); no detectable change against week 22 of 2026."),
    (answer("pages_per_shift", value=0.5, low=0.3, high=0.8, n=30), None,
     "30 pages in June 2026: 0.50 per shift (95 % interval 0.30–0.80 per shift); the data do not reach back to May."),
    (answer("night_page_share", value=0.25, low=0.1, high=0.5, n=12, k=3), None,
     "Of 12 pages in June 2026, 3 came at night: 25.0 % (95 % interval 10.0–50.0 %); the data do not reach back to May."),
    (shares(period="2026-01"), None,
     "Of 40 deployments in January 2026, 5 failed: 12.5 % (95 % interval 5.5–26.1 %); the data do not reach back to December 2025."),
]  # fmt: skip

WITHOUT = [
    (shares(value=None, verdict="insufficient data", n=3, k=1, low=0.06, high=0.79),
     "Only 3 deployments in June 2026: too few for a rate (5 are needed); the 95 % interval is 6.0–79.0 %."),
    (shares(value=None, verdict="insufficient data", n=1, k=0, low=0.0, high=0.79),
     "Only 1 deployment in June 2026: too few for a rate (5 are needed); it is at most 79.0 % (95 % interval)."),
    (shares(value=None, verdict="insufficient data", n=0, k=0, low=None, high=None),
     "No deployment in June 2026, so a rate cannot be given."),
    (answer(FREQUENCY, low=0.0, high=0.12, verdict="insufficient data", is_partial=True),
     "No deployment in June 2026 (partial period), so a rate cannot be given; it is at most 0.12 per day (95 % interval)."),
    (answer(DAYS, n=3, k=1, low=0.06, high=0.79, verdict="insufficient data"),
     "Only 3 days in June 2026: too few for a share (5 are needed); the 95 % interval is 6.0–79.0 %."),
    (answer(LEAD, verdict="insufficient data"), "No change first deployed in June 2026, so a median cannot be given."),
    (answer(LEAD, n=2, verdict="insufficient data"),
     "Only 2 changes first deployed in June 2026: too few for a median (6 are needed)."),
    (answer(RECOVERY, n=1, k=1, censored=0, verdict="insufficient data"),
     "Of 1 incident that followed a deployment in June 2026, 1 was over: too few for a median (5 are needed)."),
    (answer(RECOVERY, n=4, k=3, censored=1, low=2.0, verdict="insufficient data"),
     "Of 4 incidents that followed a deployment in June 2026, 3 were over: too few for a median (5 are needed); it is above "
     "2.0 h (95 % interval)."),
    (answer(RECOVERY, n=20, k=6, censored=14, low=4.0, verdict="insufficient data"),
     "Of 20 incidents that followed a deployment in June 2026, 6 were over; half have not come that far yet, so the median is "
     "not reached; it is above 4.0 h (95 % interval)."),
    (answer(FIRST, "2026-Q2", n=6, k=None, censored=6, verdict="insufficient data"),
     "Of 6 newcomers who started in Q2 2026, none had work in production: too few for a median (5 are needed)."),
    (answer("pages_per_service_week", low=0.0, high=0.02, verdict="insufficient data"),
     "No page in June 2026, so a rate cannot be given; it is at most 0.020 per service and week (95 % interval)."),
    (answer("showback_cost", verdict="insufficient data"), "No line in June 2026, so a total cannot be given."),
    (answer(CFR, verdict="not measured"), "Not measured in June 2026: there are no rows of deployments or incidents that cover it."),
    (answer(CFR, verdict="not measured", is_partial=True, caution="partial period; no rows in\u202e incidents"),
     "Not measured in June 2026 (partial period): no rows in incidents."),
    (answer(FIRST, "2026-Q2", verdict="suppressed", n=None, missing=None),
     "Withheld for Q2 2026: the number could single out a person."),
]  # fmt: skip


@pytest.mark.parametrize(("row", "before", "sentence"), WITH_VALUE)
def test_an_answer_with_a_value(row, before, sentence):
    assert words.answer(by_name(row["metric"]), row, before) == sentence


@pytest.mark.parametrize(("row", "sentence"), WITHOUT)
def test_an_answer_without_a_value_says_why_and_what_is_known_all_the_same(row, sentence):
    assert words.answer(by_name(row["metric"]), row) == sentence


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_a_sentence_and_a_symbol_of_its_own(verdict):
    assert any(row["verdict"] == verdict for row, *_ in [*WITH_VALUE, *WITHOUT])
    assert [said.symbol for said in words.VERDICTS.values()].count(words.VERDICTS[verdict].symbol) == 1
    assert words.VERDICTS[verdict].meaning


@pytest.mark.parametrize("estimator", Estimator)
def test_every_estimator_has_a_sentence(estimator):
    assert any(by_name(row["metric"]).estimator is estimator for row, *_ in [*WITH_VALUE, *WITHOUT])


def test_a_metric_without_words_of_its_own_has_observations():
    metric = replace(by_name(CFR), name="new")
    assert words.answer(metric, shares(), BEFORE).startswith("Of 40 observations in June 2026, 5 counted: 12.5 %")


def test_where_neither_way_is_better_nothing_is_said_about_change():
    row = answer("showback_cost", value=12.0, low=12.0, high=12.0, n=3, amount=Decimal("-1234.567"), currency="EUR")
    assert words.against(by_name("showback_cost"), row, None) == ""
    assert words.answer(by_name("showback_cost"), row) == "Cost shown back in June 2026: EUR −1,234.57 from 3 lines."


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (shares(), ()),
        (shares(caution="3 incidents are linked to none; partial period"), ("3 incidents are linked to none.", "Partial period.")),
        (shares(caution=f"{'x' * 3}\u202e\n y;;"), ("Xxx y.",)),
        (answer(RECOVERY, censored=1, n=5), ("1 is still open at the as-of time.",)),
        (answer(RECOVERY, censored=1200, n=5000), ("1,200 are still open at the as-of time.",)),
        (answer(RECOVERY, censored=0, n=5), ()),
        (answer(RECOVERY, censored=None, n=None, verdict="suppressed"), ()),
        (shares(verdict="not measured", caution="no rows in incidents"), ()),
    ],
)  # fmt: skip
def test_cautions_are_sentences(row, told):
    assert words.cautions(row) == told


# --- laws over every answer of the sample company ------------------------------------------------------------------------

NUMBER = re.compile(r"\d[\d,.]*\d|\d")


INTERVAL = re.compile(r"[\d.,]+–[\d.,]+")


def _earlier(row) -> str:
    """The period before, as a sentence names it."""
    return period(label(preceding(row["period_start"], row["every"]), row["every"]))


def numbers(*texts: str) -> set[str]:
    return {found for text in texts for found in NUMBER.findall(text)}


@pytest.fixture(scope="module")
def said(mart):
    """(metric, row, the row before, sentence) of every whole answer of the organisation and its teams."""
    known = {metric.name: metric for metric in CATALOGUE if metric.estimator is not Estimator.TOTAL}
    rows = mart.answers.filter(
        pl.col("detail").is_null(), pl.col("scope") != "service", pl.col("metric").is_in(list(known))
    ).to_dicts()
    key = ("scope", "entity_id", "every", "metric")
    before = {(*(row[name] for name in key), row["period_end"]): row for row in rows}
    earlier = [before.get((*(row[name] for name in key), row["period_start"])) for row in rows]
    return [
        (known[r["metric"]], r, b, words.answer(known[r["metric"]], r, b)) for r, b in zip(rows, earlier, strict=True)
    ]


def test_no_value_is_told_without_its_count_and_its_interval(said):
    valued = [(row, sentence) for _, row, _, sentence in said if row["value"] is not None]
    assert len(valued) > 500
    for row, sentence in valued:
        assert f"{row['n']:,}" in numbers(sentence), sentence
        assert f"{words.level(row)} {interval(row['low'], row['high'], row['unit'], row['value'])}" in sentence


def test_every_number_of_a_sentence_comes_from_the_row(said):
    for metric, row, before, sentence in said:
        unit = metric.unit
        allowed = numbers(
            period(row["period"]), _earlier(row), words.level(row),
            f"{row['n'] or 0:,}", f"{row['k'] or 0:,}", str(metric.min_n), quantity(row["value"], unit), quantity(row["low"], unit),
            quantity(row["high"], unit), interval(row["low"], row["high"], unit, row["value"]),
            quantity(before["value"], unit) if before else "", row["caution"] or "",
        )  # fmt: skip
        assert numbers(sentence) <= allowed | {str(row["period_start"].year)}, sentence


def test_what_is_not_known_is_never_told_as_zero(said):
    unknown = [(row, sentence) for _, row, _, sentence in said if row["value"] is None]
    assert {row["verdict"] for row, _ in unknown} >= {"not measured", "insufficient data", "suppressed"}
    for sentence in (told for *_, told in unknown):
        assert re.match("No |Only |Of |Not measured in |Withheld for ", sentence), sentence
        assert not {"0", "0.0", "0.00"} & numbers(INTERVAL.sub("", sentence)), sentence
        assert "None" not in sentence


def test_nothing_about_a_withheld_group_is_told(said):
    hidden = [(row, sentence) for _, row, _, sentence in said if row["verdict"] == "suppressed"]
    assert hidden
    for row, sentence in hidden:
        assert numbers(sentence) <= numbers(period(row["period"]))
        assert words.cautions(row) == ()


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (2.5, 17.0, "95 % interval 2.5–17.0 h"),
        (2.5, None, "95 % interval above 2.5 h"),
        (None, None, "too few for an interval"),
    ],
)
def test_by_when_nine_in_ten_were_over_is_never_told_with_an_empty_interval(low, high, said):
    slow = {"p90": 4.2, "unit": "hours", "low": low, "high": high, "level": 0.95}
    assert words.slowest({"value": 1.0}, slow) == f"Nine in ten: 4.2 h or less ({said})."


def test_tables_are_named_in_words():
    loads = pl.DataFrame({"truncated": [True], "source": ["kyverno"], "table": ["policy_results"], "path": ["p.json"]})
    assert [*incomplete(loads)] == [
        "What rests on policy results is a lower bound: p.json is incomplete by its own account."
    ]
