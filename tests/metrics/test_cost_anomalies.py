from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import polars as pl

from idp_analytics.metrics.cost_anomalies import COLUMNS, cost_anomalies

TEAMS = [{"team_id": "red"}, {"team_id": "blue"}]
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
AS_OF = FIRST + timedelta(days=180)


def charges(team, more=lambda day, component: 0.0, **told):
    """Two components by the day, weekends cheaper, with a little noise; ``more`` is put on top."""
    rng = np.random.default_rng(len(team))
    rows = []
    for day in range(180):
        at = FIRST + timedelta(days=day)
        for component, usual in (("compute", 100.0), ("storage", 20.0)):
            amount = usual * (0.6 if at.weekday() > 4 else 1) + rng.normal(0, 2) + more(day, component)
            rows.append({
                "cost_id": f"{team}{day}{component}", "team_id": team, "component": component, "period_start": at,
                "period_end": at + timedelta(days=1), "amount": Decimal(f"{amount:.6f}"), **told,
            })  # fmt: skip
    return rows


def found(company, settings, costs):
    frame = cost_anomalies(company(teams=TEAMS, costs=costs), settings(), AS_OF)
    assert dict(frame.schema) == COLUMNS
    return frame.filter(every="1mo")


def test_weekends_and_noise_are_usual(company, settings):
    assert found(company, settings, [*charges("red"), *charges("blue")]).is_empty()


def test_a_day_beyond_what_is_usual_is_named_with_what_moved(company, settings):
    leak = lambda day, component: 90.0 if day == 100 and component == "storage" else 0.0  # noqa: E731
    frame = found(company, settings, [*charges("red", leak), *charges("blue")])
    assert frame.select("scope", "entity_id", "period", "team_id", "day", "component").rows() == [
        (scope, entity, "2026-04", "red", date(2026, 4, 11), "storage") for scope, entity in (("org", "org"), ("team", "red"))
    ]  # fmt: skip
    row = frame.row(0, named=True)
    assert 80 < row["beyond"] < 100
    assert row["days"] == 92
    assert row["unusual_days"] == 1


def test_a_step_up_is_one_episode_that_ends_when_it_is_usual(company, settings):
    frame = found(company, settings, charges("red", lambda day, component: 60.0 if day >= 90 else 0.0))
    (row,) = frame.filter(scope="team").to_dicts()
    assert row["day"] == date(2026, 4, 1)
    assert row["last_day"] < date(2026, 5, 15)
    assert row["unusual_days"] > 5


def test_what_is_not_judged_is_not_named(company, settings):
    late = lambda day, component: 500.0 if day > 176 else 0.0  # noqa: E731  bills are still coming in
    dip = lambda day, component: -90.0 if day == 100 else 0.0  # noqa: E731  cheaper is no alarm
    monthly = [
        {"cost_id": f"m{m}", "team_id": "red", "component": "licence", "amount": Decimal(900), "period_start": datetime(2026, m, 1, tzinfo=UTC),
         "period_end": datetime(2026, m + 1, 1, tzinfo=UTC)} for m in range(1, 6)
    ]  # fmt: skip
    tax = [
        {
            "cost_id": "t",
            "team_id": "red",
            "category": "tax",
            "amount": Decimal(900),
            "period_start": "2026-04-01",
            "period_end": "2026-04-02",
        }
    ]
    for costs in (charges("red", late), charges("red", dip), [*charges("red"), *monthly, *tax]):
        assert found(company, settings, costs).is_empty()


def test_false_alarms_are_rare_over_many_teams(company, settings):
    rng = np.random.default_rng(11)
    days = [FIRST + timedelta(days=day) for day in range(180)]
    teams = [{"team_id": f"t{n}"} for n in range(60)]
    costs = pl.DataFrame([
        {"cost_id": f"{t['team_id']}{d}", "team_id": t["team_id"], "period_start": at, "amount": Decimal(f"{100 + rng.normal(0, 25):.3f}")}
        for t in teams for d, at in enumerate(days)
    ])  # fmt: skip
    base = company(teams=teams)
    tables = {**base, "costs": pl.concat([base["costs"].collect(), costs.with_columns(
        pl.col("period_start").cast(pl.Datetime("us", "UTC")), pl.col("period_start").cast(pl.Datetime("us", "UTC")).alias("period_end"),
        pl.col("amount").cast(pl.Decimal(38, 24)), basis=pl.lit("effective"), currency=pl.lit("USD"), category=pl.lit("usage"),
    )], how="diagonal").lazy()}  # fmt: skip
    frame = cost_anomalies(tables, settings(), AS_OF)
    assert frame.filter(scope="org", every="1mo").height <= 3  # of 60 × 120 days judged
