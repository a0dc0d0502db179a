"""Charts of large companies: what lies close together is one mark, and no curve has more steps than can be seen."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.charts import funnel
from idp_analytics.charts.chart import STEPS, thinned


def curve(name: str, days: list[int]) -> pl.DataFrame:
    return pl.DataFrame(
        {"metric": [name] * len(days), "day": days, "share": [1 - (n + 1) / (len(days) + 1) for n in range(len(days))]},
        schema={"metric": pl.String, "day": pl.Int64, "share": pl.Float64},
    )


@given(st.lists(st.lists(st.integers(0, 5000), max_size=900, unique=True).map(sorted), min_size=1, max_size=3))
def test_a_thinned_curve_is_the_curve_at_the_ends_and_at_no_place_far_from_it(curves: list[list[int]]) -> None:
    whole = pl.concat([curve(f"c{n}", days) for n, days in enumerate(curves)])
    told = thinned(whole, "metric")
    for n, days in enumerate(curves):
        name, kept = f"c{n}", told.filter(metric=f"c{n}")
        assert kept.height <= STEPS + 1
        if len(days) <= STEPS:
            assert kept.equals(whole.filter(metric=name))
        else:
            assert {days[0], days[-1]} <= set(kept["day"])
            width = days[-1] / (STEPS - 1)
            # Every step left out has one kept at most a part of the days later.
            later = [min(day for day in kept["day"] if day >= left) - left for left in set(days) - set(kept["day"])]
            assert max(later, default=0) <= width
        assert kept.join(whole, on=["metric", "day", "share"], how="anti").is_empty()


def points(teams: int, own: str = "") -> list[dict[str, object]]:
    rows = [
        {"entity_id": f"t{n}", "role": "dot" if own and n else "team", "n": 5 + 3 * (n % 211), "value": (n % 97) / 97,
         "verdict": funnel.APART if n % 500 == 1 and not own else "within the limits"}
        for n in range(teams)
    ]  # fmt: skip
    limit = {
        "unit": "share of deployments", "period": "2026-06", "centre": 0.2, "low_95": 0.1, "high_95": 0.6, "low_998": 0.05,
        "high_998": 0.9,
    }  # fmt: skip
    told = [{**limit, **row} for row in rows] + [{**limit, "role": "limit", "n": n} for n in (5, 50, 600)]
    chart = funnel.chart(pl.DataFrame(told, infer_schema_length=None), "Rate", "deployments", {"t0": "Own"}, own)
    return [row for row in chart.spec["datasets"]["teams"] if row["role"] == "point"]


@pytest.mark.parametrize("own", ["", "t0"])
def test_marks_of_many_teams_are_drawn_together_and_each_is_counted(own: str) -> None:
    few = points(funnel.MANY, own)
    assert len(few) == funnel.MANY
    assert not [row for row in few if "on average" in str(row["name"])]
    made = {teams: points(teams, own) for teams in (500, 4000)}
    for teams, marks in made.items():
        assert len(marks) <= 16 * 16 + 1 + teams // 500
        counted = sum(
            int(str(row["name"]).split(" ")[0].replace(",", "")) if "average" in str(row["name"]) else 1
            for row in marks
        )
        assert counted == teams
    apart = [row for row in made[4000] if row["series"] == funnel.APART]
    assert len(apart) == (0 if own else 8)
    assert all(row["name"] for row in apart)
    assert len([row for row in made[4000] if row["series"] == "Own"]) == bool(own)
