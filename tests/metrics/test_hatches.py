"""Escape hatches by hand: open, endless, past their end and still in use, whose, and why."""

from __future__ import annotations

import polars as pl
import pytest
from scipy.stats import chi2
from statsmodels.stats.proportion import proportion_confint

from idp_analytics.metrics.hatches import COLUMNS, REASON_COLUMNS, escape_hatches, hatch_reasons

AS_OF = "2026-04-01"


def hatch(name: str, service: str | None = "a", opened: str | None = "2026-03-12", **more):
    return {"hatch_id": name, "service_id": service, "team_id": "red", "policy": "base", "opened_at": opened, **more}


@pytest.fixture
def tables(company):
    def build(*hatches, results=(), services="abcd"):
        return company(
            teams=[{"team_id": "red"}, {"team_id": "blue"}], services=[{"service_id": s} for s in services], escape_hatches=hatches,
            ownership=[{"service_id": s, "team_id": "red"} for s in services],
            deployments=[{"deployment_id": s, "service_id": s, "finished_at": "2026-03-01"} for s in services],
            policy_results=[{"policy": "base", "rule": "r", "resource": f"{i}", **row} for i, row in enumerate(results)],
        )  # fmt: skip

    return build


@pytest.fixture
def measured(tables, settings, as_of):
    def build(*hatches, scope="org", period="2026-03", **given):
        found = escape_hatches(tables(*hatches, **given), settings(), as_of(AS_OF)).filter(scope=scope, period=period)
        return {row["measure"]: row for row in found.to_dicts()}

    return build


def numbers(row):
    return row["n"], row["k"], row["unknown"]


def test_a_month_by_hand(measured):
    found = measured(
        hatch("endless"), hatch("ends", expires_at="2026-05-01"), hatch("other", "b", "2026-03-22", expires_at="2026-05-01", team_id="blue"),
        hatch("closed", "c", closed_at="2026-03-20"), hatch("later", "d", "2026-04-02"), hatch("nobody s", None, "2026-03-02"),
        hatch("undated", "d", None),
    )  # fmt: skip
    assert numbers(found["services"]) == (4, 2, 1)  # two hatches of one service are one service; one names none
    assert numbers(found["per 100 services"]) == (4, 4, 0)
    assert found["per 100 services"]["value"] == 100.0
    assert numbers(found["without expiry"]) == (4, 2, 0)
    assert numbers(found["by one team"]) == (4, 3, 0)
    assert found["without expiry"]["age_days"] == 20.0  # 30, 20, 20, 10
    assert found["without expiry"]["age_p90"] is None  # of four no tenth is one
    rate = found["services"]
    assert (rate["low"], rate["high"]) == pytest.approx(proportion_confint(2, 4, method="wilson"))
    assert found["per 100 services"]["high"] == pytest.approx(100 / 4 * chi2.isf(0.025, 10) / 2)
    assert found["per 100 services"]["low"] == pytest.approx(100 / 4 * chi2.ppf(0.025, 8) / 2)


RESULT = {"service_id": "a", "as_of": "2026-03-25"}


def as_times(as_of, *results):
    return [{**row, "as_of": as_of(row["as_of"])} for row in results]


@pytest.mark.parametrize(
    ("results", "expected"),  # (judged, in use, not known), open
    [
        ([], ((0, 0, 1), 0)),  # nothing tells: neither open nor over
        ([{**RESULT, "result": "fail"}], ((1, 1, 0), 1)),
        ([{**RESULT, "result": "pass", "hatch_id": "late"}], ((1, 1, 0), 1)),  # named by a result: used
        ([{**RESULT, "result": "pass"}], ((1, 0, 0), 0)),
        ([{**RESULT, "result": "fail", "as_of": "2026-03-14"}], ((0, 0, 1), 0)),  # before it ran out
        ([{**RESULT, "result": "fail", "as_of": "2026-04-02"}], ((0, 0, 1), 0)),  # not known yet
        ([{**RESULT, "result": "fail", "service_id": "b"}], ((0, 0, 1), 0)),
        ([{**RESULT, "result": "fail", "policy": "other"}], ((0, 0, 1), 0)),
        ([{**RESULT, "result": "fail"}, {**RESULT, "result": "pass", "as_of": "2026-03-26"}], ((1, 1, 0), 1)),
    ],
)
def test_past_its_end_and_in_use(measured, as_of, results, expected):
    judged, open_ = expected
    found = measured(hatch("late", expires_at="2026-03-15", uses=9), results=as_times(as_of, *results))
    assert numbers(found["expired and in use"]) == judged
    assert found["per 100 services"]["k"] == open_


def test_closed_after_its_end_is_closed(measured, as_of):
    fails = as_times(as_of, {**RESULT, "result": "fail"})
    late = hatch("late", expires_at="2026-03-15", closed_at="2026-03-20")
    assert measured(late, results=fails)["expired and in use"]["n"] == 0


def test_none_open_is_a_measured_zero_with_an_upper_bound(measured):
    found = measured(hatch("closed", closed_at="2026-03-20"))
    assert (found["services"]["value"], found["services"]["low"]) == (0.0, 0.0)
    assert found["services"]["high"] == pytest.approx(proportion_confint(0, 4, method="wilson")[1])
    assert found["without expiry"]["value"] is None


def test_by_one_team_is_the_organisation_s(measured):
    assert "by one team" not in measured(hatch("one"), scope="team")


def test_no_hatch_at_all_is_not_measured(tables, settings, as_of):
    assert escape_hatches(tables(), settings(), as_of(AS_OF)).schema == pl.Schema(COLUMNS)
    assert hatch_reasons(tables(), settings(), as_of(AS_OF)).schema == pl.Schema(REASON_COLUMNS)


def test_reasons_that_repeat_for_one_rule(tables, settings, as_of):
    made = tables(
        hatch("1", reason="Legacy  runtime"), hatch("2", "b", reason=" legacy runtime", team_id="blue"),
        hatch("3", reason="legacy runtime", policy="limits"),  # another rule
        hatch("4", reason="once"), hatch("5", reason=" "), hatch("6"),
        hatch("7", "c", "2026-01-02", reason="legacy runtime", closed_at="2026-01-20"),  # before the month, in the quarter
        hatch("8", "d", "2026-01-02", reason="legacy runtime", expires_at="2026-03-31"),  # ran out within it
    )  # fmt: skip
    found = hatch_reasons(made, settings(), as_of(AS_OF)).filter(scope="org")
    assert found.filter(period="2026-03").select("policy", "reason", "n", "teams", "services", "of", "unknown").rows() == [
        ("base", "legacy runtime", 3, 2, 3, 7, 2)
    ]  # fmt: skip
    assert found.filter(period="2026-Q1")["n"].to_list() == [4]


def test_the_sample_s_hold_outs_have_run_out_exemptions_in_use(sample):
    tables = {name: frame.lazy() for name, frame in sample.tables.items()}
    found = escape_hatches(tables, sample.settings, sample.as_of).filter(scope="org", period="2026-Q2")
    late = found.filter(measure="expired and in use").row(0, named=True)
    raw = sample.tables["escape_hatches"].filter(pl.col("closed_at").is_null(), pl.col("expires_at") <= sample.as_of)
    assert late["n"] + late["unknown"] == raw.height
    assert late["k"] >= 1


def test_the_oldest_tenth_is_told_from_ten_on(measured):
    found = measured(*(hatch(f"h{n}", f"s{n}", f"2026-03-{n + 1:02d}") for n in range(11)))
    # opened on the 1st to the 11th, 31 to 21 days old at the end of March: 26 in the middle, nine in ten of them 30 or younger
    assert (found["without expiry"]["age_days"], found["without expiry"]["age_p90"]) == (26.0, 30.0)
