"""What must hold for every company."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import Phase, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from idp_analytics.answers import KEY, Estimator
from idp_analytics.metrics import CATALOGUE, compute

START = datetime(2026, 1, 1, tzinfo=UTC)
AS_OF = datetime(2026, 7, 1, tzinfo=UTC)
OWNER = {"shop": "red", "till": "blue", "mail": "blue"}
TEAMS = [{"team_id": "red"}, {"team_id": "blue"}]
SERVICES = [{"service_id": service} for service in OWNER]

moments = st.integers(0, 181 * 24).map(lambda hours: START + timedelta(hours=hours))
service = st.sampled_from(sorted(OWNER))
deployment = st.tuples(moments, service, st.sampled_from(["success", "success", "failure", None]), st.booleans())
incident = st.tuples(moments, service, st.one_of(st.none(), st.integers(1, 60)), st.sampled_from([True, None, False]))
change = st.tuples(st.integers(0, 19), st.one_of(st.none(), st.integers(-2, 300)))
cost = st.tuples(moments, service, st.decimals(-100, 100, places=4), st.sampled_from(["USD", "EUR"]), st.booleans())


@st.composite
def companies(draw) -> dict[str, list[dict]]:
    deployments = [
        {
            "deployment_id": f"d{n}",
            "finished_at": at,
            "service_id": s,
            "team_id": OWNER[s],
            "outcome": o,
            "is_rollback": r,
        }
        for n, (at, s, o, r) in enumerate(draw(st.lists(deployment, min_size=6, max_size=30)))
    ]
    changes, links = [], []
    for n, (which, hours) in enumerate(draw(st.lists(change, min_size=4, max_size=30))):
        d = deployments[which % len(deployments)]
        first = None if hours is None else d["finished_at"] - timedelta(hours=hours)
        owned = {"service_id": d["service_id"], "team_id": d["team_id"], "merged_at": d["finished_at"]}
        changes.append({"change_id": f"c{n}", "first_commit_at": first, **owned})
        links.append({"change_id": f"c{n}", "deployment_id": d["deployment_id"]})
    incidents = [
        {"incident_id": f"i{n}", "opened_at": at, "service_id": s, "team_id": OWNER[s], "change_caused": caused,
         "resolved_at": None if lasts is None else at + timedelta(hours=lasts)}
        for n, (at, s, lasts, caused) in enumerate(draw(st.lists(incident, min_size=3, max_size=15)))
    ]  # fmt: skip
    costs = [
        {"cost_id": f"k{n}", "period_start": at, "period_end": at, "service_id": s, "amount": amount, "currency": currency,
         "team_id": OWNER[s] if owned else None}
        for n, (at, s, amount, currency, owned) in enumerate(draw(st.lists(cost, max_size=12)))
    ]  # fmt: skip
    return {
        "teams": TEAMS, "services": SERVICES, "deployments": deployments, "changes": changes,
        "deployment_changes": links, "incidents": incidents, "costs": costs,
    }  # fmt: skip


BRIEFLY = (Phase.explicit, Phase.reuse, Phase.generate)
"""A company takes seconds: what fails is shown as it was drawn, not made smaller for minutes."""
few = hypothesis_settings(max_examples=4, phases=BRIEFLY)


@given(companies(), st.randoms(use_true_random=False))
@few
def test_the_order_of_rows_does_not_matter(company, settings, tables, random):
    shuffled = {name: random.sample(rows, len(rows)) for name, rows in tables.items()}
    first, second = (compute(company(**t), settings(), AS_OF) for t in (tables, shuffled))
    assert first.equals(second)


DAYS = [m.name for m in CATALOGUE if m.estimator in (Estimator.DAYS, Estimator.WORKING_DAYS)]
"""Their observations are days, which every entity has as many of."""
TIME = [m.name for m in CATALOGUE if m.estimator is Estimator.TIME]
"""What is measured is time: a quiet service has a value, and an outage over midnight of a month's end counts in both."""


@given(companies())
@few
def test_a_quiet_team_changes_nobody(company, settings, tables):
    more = {**tables, "teams": [*TEAMS, {"team_id": "quiet"}], "services": [*SERVICES, {"service_id": "unused"}]}
    before, after = (compute(company(**t), settings(), AS_OF, every=("1mo",)) for t in (tables, more))
    quiet = pl.col("entity_id").is_in(["quiet", "unused"])
    # A service more is time more that could have had an incident, for the organisation.
    same = ~(pl.col("metric").is_in(TIME) & (pl.col("scope") == "org"))
    assert after.filter(~quiet, same).equals(before.filter(same))
    rows = after.filter(quiet)
    assert rows.height
    counted = rows.filter(~pl.col("metric").is_in(DAYS))
    assert counted["n"].sum() == 0
    assert counted.filter(~pl.col("metric").is_in(TIME))["value"].drop_nulls().is_empty()


@given(companies())
@few
def test_a_team_has_the_same_numbers_alone_as_among_many(company, settings, tables):
    """Alone: nobody else owns anything. The days covered are the organisation's, so its facts stay."""
    alone = {
        name: [{**row, "team_id": row["team_id"] if row["team_id"] == "blue" else None} if "team_id" in row else row for row in rows]
        for name, rows in tables.items() if name != "teams"
    }  # fmt: skip
    alone["teams"] = [{"team_id": "blue"}]
    many, one = (compute(company(**t), settings(), AS_OF, scopes=("team",)) for t in (tables, alone))
    assert one.equals(many.filter(entity_id="blue"))


@given(companies(), st.sampled_from(["org", "team", "service"]))
@hypothesis_settings(max_examples=2, phases=BRIEFLY)
def test_a_part_asked_for_is_the_part_of_the_whole(company, settings, tables, scope):
    made = company(**tables)
    whole = compute(made, settings(), AS_OF, every=("1w", "1mo", "1q"))
    for metric in CATALOGUE:
        part = compute(made, settings(), AS_OF, (metric,), (scope,), ("1w",))
        assert part.equals(whole.filter(metric=metric.name, scope=scope, every="1w")), metric.name


@given(companies(), st.sampled_from(["UTC", "America/Los_Angeles", "Asia/Kolkata"]))
@few
def test_counts_add_up_over_scopes_and_months(company, settings, tables, zone):
    answers = compute(company(**tables), settings(zone), AS_OF)
    assert not answers.select(KEY).is_duplicated().any()
    money = [m.name for m in CATALOGUE if m.estimator is Estimator.TOTAL]
    sums = pl.col("n", "k", "missing", "censored").sum()

    counted = answers.filter(~pl.col("metric").is_in([*money, *DAYS, *TIME]))
    by_scope = counted.group_by("scope", "metric", "every", "period").agg(sums).sort("metric", "every", "period")
    org, team, services = (by_scope.filter(scope=s).drop("scope") for s in ("org", "team", "service"))
    assert org.equals(team)
    assert org.equals(services)

    quarter = pl.col("period_start").dt.truncate("1q")
    months = answers.filter(~pl.col("metric").is_in([*DAYS, *TIME]), pl.col("detail").is_null())
    key = ["metric", "scope", "entity_id", "currency", quarter]
    added = {
        every: months.filter(every=every)
        .group_by(key)
        .agg(pl.col("n", "missing", "censored", "amount").sum())
        .sort(pl.all())
        for every in ("1mo", "1q")
    }
    assert added["1mo"].equals(added["1q"])


@given(companies())
@few
def test_a_value_lies_in_its_interval_and_rests_on_enough(company, settings, tables):
    answers = compute(company(**tables), settings(), AS_OF)
    shown = answers.filter(pl.col("value").is_not_null())
    assert (shown["low"] <= shown["value"]).all()
    assert (shown["high"].fill_null(float("inf")) >= shown["value"]).all()
    fewest = {m.name: m.min_n for m in CATALOGUE}
    assert (shown["n"] >= shown["metric"].replace_strict(fewest)).all()
    assert (
        not answers.filter(pl.col("value").is_null())["verdict"].is_in(["improved", "worsened", "not identified"]).any()
    )
    assert (answers["change"].is_null() | answers["value"].is_not_null()).all()


@given(companies(), st.integers(0, 181))
@few
def test_what_happens_later_changes_nothing_said_before(company, settings, tables, day):
    """A fact that comes after the as-of time is not known then: with it and without, the answers are the same."""
    as_of = START + timedelta(days=day, hours=1)
    at = {"deployments": "finished_at", "incidents": "opened_at", "costs": "period_start"}
    known = {
        name: [row for row in rows if name not in at or row[at[name]] < as_of] for name, rows in tables.items()
    }  # fmt: skip
    kept = {row["deployment_id"] for row in known["deployments"]}
    known["deployment_changes"] = [row for row in tables["deployment_changes"] if row["deployment_id"] in kept]
    linked = {row["change_id"] for row in known["deployment_changes"]}
    known["changes"] = [row for row in tables["changes"] if row["change_id"] in linked]
    known["incidents"] = [
        {**row, "resolved_at": row["resolved_at"] if row["resolved_at"] and row["resolved_at"] <= as_of else None}
        for row in known["incidents"]
    ]
    assume(known["deployment_changes"])  # an empty link table is told apart from one that is not
    with_later, without = (compute(company(**t), settings(), as_of) for t in (tables, known))
    assert with_later.equals(without)


@pytest.mark.parametrize("amount", [Decimal("0.1"), Decimal("1e-20")])
def test_as_of_before_any_fact_is_not_measured(company, settings, amount):
    tables = company(costs=[{"cost_id": "k", "amount": amount, "period_start": AS_OF, "period_end": AS_OF}])
    assert set(compute(tables, settings(), AS_OF)["verdict"]) == {"not measured"}
