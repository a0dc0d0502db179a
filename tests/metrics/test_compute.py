from __future__ import annotations

import math
from datetime import timedelta
from decimal import Decimal

import polars as pl
import pytest
from scipy.stats import chi2

from idp_analytics.answers import COLUMNS, KEY, Verdict
from idp_analytics.errors import ReportError
from idp_analytics.metrics import by_name, compute

TEAMS = [{"team_id": "red"}, {"team_id": "blue"}]
SERVICES = [{"service_id": "shop"}, {"service_id": "till"}]


def deployed(*times: str, prefix: str = "d", **told) -> list[dict]:
    return [{"deployment_id": f"{prefix}{n}", "finished_at": at, **told} for n, at in enumerate(times)]


@pytest.fixture
def answer(company, settings, as_of):
    """Answers of one metric; ``where`` picks rows."""

    def get(metric: str, tables: dict, at: str, rules=None, every=("1mo",), **where) -> pl.DataFrame:
        made = compute(company(**tables), rules or settings(), as_of(at), (by_name(metric),), every=every)
        return made.filter(**where)

    return get


# --- which rows there are ---------------------------------------------------------------------------------------------


def test_shape_and_order(company, settings, as_of):
    tables = company(teams=TEAMS, services=SERVICES, deployments=deployed("2026-01-05", "2026-03-05"))
    answers = compute(tables, settings(), as_of("2026-04-01"))
    assert dict(answers.schema) == COLUMNS
    assert not answers.select(KEY).is_duplicated().any()
    assert answers["verdict"].is_in([v.value for v in Verdict]).all()
    assert (answers["level"] == 0.95).all()
    months = answers.filter(metric="deployment_frequency", scope="team", entity_id="blue", every="1mo")
    assert months["period"].to_list() == ["2026-01", "2026-02", "2026-03"]
    assert months["n"].to_list() == [0, 0, 0]


def test_with_texts_held_once_each_the_answers_are_the_same(company, settings, as_of):
    costs = [
        {"cost_id": "c", "period_start": "2026-03-01", "amount": Decimal("1.5"), "currency": "EUR", "team_id": "red"}
    ]
    tables = company(teams=TEAMS, services=SERVICES, deployments=deployed("2026-01-05", "2026-03-05"), costs=costs)
    given = tables, settings(), as_of("2026-04-01")
    once = pl.Categorical(pl.Categories.random())
    found = compute(*given, texts=once)
    assert {found.schema[name] for name, dtype in COLUMNS.items() if dtype == pl.String} == {once}
    assert found.filter(metric="showback_cost")["amount"].sum() > 0
    assert found.cast({once: pl.String}).equals(compute(*given))


def test_nothing_at_all_is_not_measured(company, settings, as_of):
    answers = compute(company(), settings(), as_of("2026-04-10"))
    assert set(answers["verdict"]) == {"not measured"}
    assert set(answers["period"]) == {"2026-04", "2026-Q2"}
    assert answers["n"].sum() == 0
    assert answers["value"].null_count() == answers["low"].null_count() == answers.height


def test_groups_have_a_row_only_when_facts_name_them(answer):
    teams = [
        *TEAMS,
        {"team_id": "all", "kind": "org"},
        {"team_id": "tribe", "kind": "group"},
        {"team_id": "any", "kind": None},
    ]
    facts = deployed("2026-03-05", team_id="tribe", service_id="unlisted")
    rows = answer("deployment_frequency", {"teams": teams, "services": SERVICES, "deployments": facts}, "2026-04-01")
    assert rows["entity_id"].to_list() == ["org", "shop", "till", "unlisted", "any", "blue", "red", "tribe"]


def test_the_organisation_has_what_belongs_to_no_team(answer):
    facts = deployed("2026-03-05", "2026-03-06", team_id=None) + deployed("2026-03-07", prefix="r")
    rows = answer("deployment_frequency", {"teams": TEAMS, "deployments": facts}, "2026-04-01")
    assert dict(rows.select("entity_id", "n").rows()) == {"org": 3, "red": 1, "blue": 0, "shop": 3}


@pytest.mark.parametrize(
    ("asked", "match"),
    [
        ({"scopes": ("squad",)}, "no scope 'squad'"),
        ({"scopes": ()}, "No scope is asked for"),
        ({"every": ("1d",)}, "no length of period '1d'"),
    ],
)
def test_unknown_words(company, settings, as_of, asked, match):
    with pytest.raises(ReportError, match=match):
        compute(company(), settings(), as_of("2026-04-01"), **asked)


def test_an_as_of_time_without_zone_is_refused(company, settings, as_of):
    with pytest.raises(ReportError, match="no time zone"):
        compute(company(), settings(), as_of("2026-04-01").replace(tzinfo=None))


# --- what a period covers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "period", "n", "days", "is_partial"),
    [
        ("2026-03-01", "2026-02", 2, 18, True),  # data begin on 11 February
        ("2026-04-01", "2026-03", 1, 31, False),  # the as-of time is the end of the period
        ("2026-03-21", "2026-03", 1, 20, True),
        ("2026-03-21T06:00", "2026-03", 1, 20.25, True),
        ("2026-03-20T12:00", "2026-03", 0, 19.5, True),  # the one at noon is not known yet
    ],
)
def test_rate_per_covered_day(answer, at, period, n, days, is_partial):
    facts = deployed("2026-02-11T23:00", "2026-02-28T23:59:59", "2026-03-20T12:00")
    row = answer("deployment_frequency", {"deployments": facts}, at, scope="org", period=period).row(0, named=True)
    assert (row["n"], row["is_partial"]) == (n, is_partial)
    assert row["value"] == (pytest.approx(n / days) if n else None)
    assert row["low"] == pytest.approx(chi2.ppf(0.025, 2 * n) / 2 / days if n else 0)
    assert row["high"] == pytest.approx(chi2.ppf(0.975, 2 * n + 2) / 2 / days)
    assert (row["caution"] or "").startswith("partial period") == is_partial


def test_an_entity_without_events_has_an_upper_bound_but_no_rate(answer):
    facts = deployed("2026-03-01")
    row = answer("deployment_frequency", {"teams": TEAMS, "deployments": facts}, "2026-04-01", entity_id="blue")
    assert row.select("n", "value", "low", "verdict").row(0) == (0, None, 0.0, "insufficient data")
    assert row["high"][0] == pytest.approx(-math.log(0.025) / 31)


@pytest.mark.parametrize(
    ("zone", "days_with", "period", "covered"),
    [
        ("UTC", 3, "2026-03", 31),
        ("America/Los_Angeles", 1, "2026-03", 30),  # 1 March 07:59 is still February; 31 March is not over
        ("Asia/Tokyo", 3, "2026-03", 31),
    ],
)
def test_days_are_the_organisations_days(answer, settings, zone, days_with, period, covered):
    # Los Angeles: 28 February 23:59; 8 March (clocks go forward) 00:30 and 23:30.
    facts = deployed("2026-01-01", "2026-03-01T07:59", "2026-03-08T08:30", "2026-03-09T06:30")
    tables = {"teams": TEAMS, "deployments": facts}
    rows = answer("deployment_days", tables, "2026-04-01", settings(zone), period=period)
    org = rows.filter(scope="org").row(0, named=True)
    assert (org["k"], org["n"], org["value"]) == (days_with, covered, pytest.approx(days_with / covered))
    quiet = rows.filter(entity_id="blue").row(0, named=True)
    assert (quiet["k"], quiet["n"], quiet["value"], quiet["low"]) == (0, covered, 0.0, 0.0)
    assert quiet["high"] > 0


def test_a_day_that_is_not_over_is_no_day_without(answer):
    facts = deployed("2026-03-01T10:00", "2026-03-10T01:00")
    row = answer("deployment_days", {"deployments": facts}, "2026-03-10T02:00", scope="org").row(0, named=True)
    assert (row["k"], row["n"]) == (1, 9)


def test_not_measured_while_a_needed_table_is_empty_or_has_not_begun(answer):
    tables = {"deployments": deployed("2026-01-05", "2026-02-05", "2026-03-05"), "incidents": []}
    rows = answer("change_fail_rate", tables, "2026-04-01", scope="org")
    assert rows.select("verdict", "value", "low", "k", "n").unique().rows() == [("not measured", None, None, None, 1)]
    assert set(rows["caution"]) == {"partial period; no rows of incidents", "no rows of incidents"}

    tables["incidents"] = [{"incident_id": "i1", "opened_at": "2026-02-05T01:00"}]
    rows = answer("change_fail_rate", tables, "2026-04-01", scope="org", every=("1mo", "1q"))
    assert rows.select("period", "verdict", "is_partial", "low", "k").rows() == [
        ("2026-01", "not measured", True, None, None),
        ("2026-02", "insufficient data", True, pytest.approx(0.2065, abs=1e-4), 1),
        ("2026-03", "insufficient data", False, 0.0, 0),
        ("2026-Q1", "insufficient data", True, pytest.approx(0.0615, abs=1e-4), 1),
    ]
    assert rows["caution"].to_list() == [
        "partial period; incidents known only from 2026-02-05", "partial period", None, "partial period",
    ]  # fmt: skip


def test_silence_of_the_whole_organisation_is_said(answer):
    rows = answer("deployment_days", {"deployments": deployed("2026-01-01", "2026-01-31")}, "2026-04-01", scope="org")
    assert rows["caution"].to_list() == [None] + 2 * ["no deployments known after 2026-01-31"]
    assert rows["value"].to_list() == [pytest.approx(2 / 31), 0, 0]


# --- numbers ----------------------------------------------------------------------------------------------------------


def failing(n: int, k: int, month: str, prefix: str) -> tuple[list[dict], list[dict]]:
    """``n`` deployments in a month of which the first ``k`` fail."""
    facts = deployed(*(f"{month}-{day:02d}T08:00" for day in range(1, n + 1)), prefix=prefix)
    incidents = [
        {"incident_id": f"i-{d['deployment_id']}", "opened_at": d["finished_at"], "resolved_at": d["finished_at"][:-5] + "10:00"}
        for d in facts[:k]
    ]  # fmt: skip
    return facts, incidents


@pytest.mark.parametrize(
    ("n", "k", "value", "low", "high", "verdict"),
    [
        (18, 5, 5 / 18, 0.1250, 0.5087, "not identified"),
        (5, 1, 0.2, 0.0362, 0.6245, "not identified"),
        (4, 1, None, 0.0456, 0.6994, "insufficient data"),
        (6, 0, 0.0, 0.0, 0.3903, None),
    ],
)
def test_share(answer, n, k, value, low, high, verdict):
    facts, incidents = failing(n, k, "2026-03", "d")
    incidents += [{"incident_id": "elsewhere", "opened_at": "2026-03-01", "service_id": "till"}]
    row = answer("change_fail_rate", {"deployments": facts, "incidents": incidents}, "2026-04-01", scope="org")
    assert row.select("n", "k").row(0) == (n, k)
    assert row.select("value", "low", "high").row(0) == pytest.approx((value, low, high), abs=5e-5)
    assert verdict is None or row["verdict"][0] == verdict
    assert row["caution"][0] == "incidents linked to no deployment: 1"


def changed(hours: list[float | None], month: str = "2026-03") -> dict[str, list[dict]]:
    """One deployment and change per entry, that many hours after its first commit."""
    days = [f"{month}-{day:02d}" for day in range(1, len(hours) + 1)]
    return {
        "deployments": deployed(*days, prefix=month),
        "changes": [
            {"change_id": f"c{month}{i}", "merged_at": f"{month}-01",
             "first_commit_at": None if h is None else days[i] if not h else _before(days[i], h)}
            for i, h in enumerate(hours)
        ],
        "deployment_changes": [{"deployment_id": f"{month}{i}", "change_id": f"c{month}{i}"} for i in range(len(hours))],
    }  # fmt: skip


def _before(day: str, hours: float):
    from datetime import UTC, datetime

    return datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(hours=hours)


@pytest.mark.parametrize(
    ("hours", "value", "low", "high", "missing", "caution"),
    [
        ([1, 2, 3, 4, 5, 60], 3.5, 1, 60, 0, None),
        ([1, 2, 3, 4, 5, 60, None, -1], 3.5, 1, 60, 2, "2 of 8 changes had no usable span"),
        ([1, 2, 3, 4, 5], None, None, None, 0, None),
        ([None], None, None, None, 1, "1 of 1 changes had no usable span"),
    ],
)
def test_median(answer, hours, value, low, high, missing, caution):
    row = answer("change_lead_time", changed(hours), "2026-04-01", scope="org").row(0, named=True)
    assert (row["value"], row["low"], row["high"]) == (value, low, high)
    assert (row["n"], row["missing"], row["caution"]) == (len(hours) - missing, missing, caution)
    assert row["verdict"] == ("insufficient data" if value is None else "not identified")


def test_deployments_without_a_known_change_are_a_caution(answer):
    tables = changed([1, 2, 3, 4, 5, 6])
    tables["deployments"] += deployed("2026-03-20", "2026-03-21", prefix="bare")
    rows = answer("change_lead_time", tables, "2026-04-01", scope="service", entity_id="shop")
    assert rows["caution"].to_list() == ["deployments without a known change: 2"]
    assert rows["missing"].to_list() == [0]


def incidents(*hours: float | None) -> dict[str, list[dict]]:
    """Incidents of one deployment on 1 March; null: never resolved."""
    return {
        "deployments": deployed("2026-03-01", prefix="d"),
        "incidents": [
            {"incident_id": f"i{n}", "opened_at": "2026-03-01T06:00", "resolved_at": None if h is None else _before("2026-03-01", -6 - h)}
            for n, h in enumerate(hours)
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("hours", "value", "n", "k", "censored", "verdict"),
    [
        ([1, 2, 3, 4, 5], 3, 5, 5, 0, "not identified"),
        ([1, 2, 3, 4, 5, None, None], 4, 7, 5, 2, "not identified"),  # dropping the open ones would say 3
        ([1, 2, 3, 4, 5, 9999], 4, 6, 5, 1, None),  # resolved after the as-of time: open as far as is known then
        ([1, 2, 3, 4, None], None, 5, 4, 1, "insufficient data"),
        ([1, 2, 3, 4, 5, *[None] * 7], None, 12, 5, 7, "insufficient data"),  # half have not ended
        ([None], None, 1, 0, 1, "insufficient data"),
        ([-1], None, 0, 0, 0, "insufficient data"),
    ],
)
def test_survival(answer, hours, value, n, k, censored, verdict):
    row = answer("failed_deployment_recovery_time", incidents(*hours), "2026-04-01", scope="org").row(0, named=True)
    assert (row["n"], row["k"], row["censored"]) == (n, k, censored)
    assert row["missing"] == (hours == [-1])
    if verdict:
        assert (row["value"], row["verdict"]) == (value, verdict)


# --- change -----------------------------------------------------------------------------------------------------------


def shares(*months: tuple[int, int]) -> dict[str, list[dict]]:
    made = [failing(n, k, f"2026-0{month}", f"m{month}-") for month, (n, k) in enumerate(months, 1)]
    return {"deployments": [d for facts, _ in made for d in facts], "incidents": [i for _, lot in made for i in lot]}


@pytest.mark.parametrize(
    ("before", "now", "verdict", "change"),
    [
        ((25, 20), (25, 2), "improved", -0.72),
        ((25, 2), (25, 20), "worsened", 0.72),
        ((25, 5), (25, 6), "no detectable change", 0.04),
        ((4, 2), (25, 6), "not identified", None),
        ((25, 6), (4, 2), "insufficient data", None),
    ],
)
def test_verdict_on_shares(answer, before, now, verdict, change):
    rows = answer("change_fail_rate", shares(before, now), "2026-03-01", scope="org")
    assert rows["verdict"].to_list()[1] == verdict
    assert rows["change"].to_list()[1] == (None if change is None else pytest.approx(change))
    assert (rows["change_low"][1] is None) == (change is None)


@pytest.mark.parametrize(
    ("january", "february", "verdict"),
    [(5, 25, "improved"), (25, 5, "worsened"), (20, 18, "no detectable change"), (20, 0, "insufficient data")],
)
def test_verdict_on_rates(answer, january, february, verdict):
    facts = [f"2026-0{m}-{day:02d}" for m, n in ((1, january), (2, february)) for day in range(1, n + 1)]
    row = answer("deployment_frequency", {"deployments": deployed(*facts)}, "2026-03-01", scope="org").row(
        1, named=True
    )
    assert row["verdict"] == verdict
    if february:
        assert row["change"] == pytest.approx((february / 28) / (january / 31))
        assert row["change_low"] < row["change"] < row["change_high"]


@pytest.mark.parametrize(
    ("january", "february", "verdict"),
    [
        ([100 + h for h in range(25)], list(range(1, 26)), "improved"),
        (list(range(1, 26)), [100 + h for h in range(25)], "worsened"),
        (list(range(1, 26)), list(range(2, 27)), "no detectable change"),
    ],
)
def test_verdict_on_medians(answer, january, february, verdict):
    tables = {k: v + changed(february, "2026-02")[k] for k, v in changed(january, "2026-01").items()}
    row = answer("change_lead_time", tables, "2026-03-01", scope="org").row(1, named=True)
    assert (row["verdict"], row["change"]) == (verdict, pytest.approx(february[12] / january[12]))


def test_a_partial_period_is_compared_but_compared_with_only_when_complete(answer):
    facts = deployed(
        *(f"2026-01-{d}" for d in range(11, 31)), *(f"2026-02-{d:02d}" for d in range(1, 29)), "2026-03-01"
    )
    rows = answer("deployment_frequency", {"deployments": facts}, "2026-03-21", scope="org")
    assert rows["is_partial"].to_list() == [True, False, True]
    assert rows["verdict"].to_list() == ["not identified", "not identified", "worsened"]
    assert rows["change"].to_list() == [None, None, pytest.approx((1 / 20) / 1)]
    assert rows["caution"].to_list() == ["partial period", None, "partial period"]


def test_a_change_without_upper_end_has_none(answer):
    tables = {"deployments": [], "incidents": []}
    for month in ("01", "02"):
        facts = deployed(f"2026-{month}-01", prefix=month)
        tables["deployments"] += facts
        for n in range(6):
            hours = 1 + n
            tables["incidents"].append(
                {"incident_id": f"{month}{n}", "opened_at": f"2026-{month}-01T01:00", "resolved_at": f"2026-{month}-01T{1 + hours:02d}:00"}
            )  # fmt: skip
    row = answer("failed_deployment_recovery_time", tables, "2026-03-01", scope="org").row(1, named=True)
    assert row["high"] is None
    assert (row["change"], row["change_high"], row["verdict"]) == (1.0, None, "no detectable change")
