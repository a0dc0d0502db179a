"""What a funnel plot shows: teams without a name in the picture, limits, and who is apart."""

from __future__ import annotations

import polars as pl
import pytest

from idp_analytics.charts import funnel

NAMES = {"a": "Alder", "b": "Birch <b>", "c": "Cedar"}


def rows(
    teams: dict[str, tuple[int, float, str]], unit: str = "share of deployments", high: float = 0.3
) -> pl.DataFrame:
    limit = {"low_95": 0.05, "high_95": 0.2, "low_998": 0.0, "high_998": high, "centre": 0.1}
    shared = {"unit": unit, "period": "2026-Q2"}
    told = [{"role": "limit", "n": n, **limit, **shared} for n in (10, 100)]
    told += [
        {"role": "team", "entity_id": team, "n": n, "value": value, "verdict": verdict, **limit, **shared}
        for team, (n, value, verdict) in teams.items()
    ]
    told += [{"role": "dot", "n": n, "value": value, **shared} for n, value, _ in teams.values()]
    return pl.DataFrame(told)


WITHIN = "within what chance allows"


def points(chart) -> list[dict]:
    return [row for row in chart.spec["datasets"]["teams"] if row["role"] == "point"]


def test_teams_stand_in_no_order_of_value_and_their_names_only_in_the_tooltip():
    chart = funnel.chart(
        rows({"a": (20, 0.2, WITHIN), "c": (50, 0.05, WITHIN), "b": (30, 0.1, WITHIN)}),
        "Change fail rate",
        "deployments",
        NAMES,
    )
    assert [row["name"] for row in points(chart)] == ["Alder", "Birch <b>", "Cedar"]
    assert {row["series"] for row in points(chart)} == {"a team"}
    assert (
        chart.description
        == "Change fail rate of 3 teams in Q2 2026, all together 10.0 %: none is apart from the others."
    )
    assert "mark_text" not in str(chart.spec)
    assert "'type': 'text'" not in str(chart.spec)


def test_a_team_apart_is_a_diamond_and_is_named_in_the_description():
    chart = funnel.chart(
        rows({"a": (20, 0.2, WITHIN), "b": (90, 0.5, funnel.APART)}), "Change fail rate", "deployments", NAMES
    )
    assert [row["series"] for row in points(chart)] == ["a team", funnel.APART]
    assert "diamond" in str(chart.spec)
    assert chart.description.endswith("apart from the others: Birch <b>.")


def test_on_a_teams_page_only_its_own_name_is_known():
    found = rows({"a": (20, 0.2, WITHIN), "b": (90, 0.1, WITHIN)}).filter(
        (pl.col("role") != "team") | (pl.col("entity_id") == "a")
    )
    chart = funnel.chart(found, "Change fail rate", "deployments", {"a": "Alder"}, "a")
    assert sorted((row["series"], row["name"]) for row in points(chart)) == [
        ("Alder", "Alder"), (funnel.OTHERS, None), (funnel.OTHERS, None),
    ]  # fmt: skip
    assert "Birch" not in str(chart.spec)
    assert chart.description == (
        "Change fail rate in Q2 2026: 20.0 % at n = 20; all teams together 10.0 %; 99.8 % limits at this n 0.0–30.0 %: within "
        "what chance allows."
    )


def test_a_team_called_as_the_others_is_still_told_apart():
    found = rows({"a": (20, 0.2, WITHIN)})
    chart = funnel.chart(found, "Change fail rate", "deployments", {"a": funnel.OTHERS}, "a")
    assert {row["series"] for row in points(chart)} == {funnel.OTHERS, f"{funnel.OTHERS} (this team)"}


def test_a_limit_far_above_every_team_leaves_the_picture():
    chart = funnel.chart(rows({"a": (20, 0.2, WITHIN)}, high=90.0), "Change fail rate", "deployments", NAMES)
    limits = [row for row in chart.spec["datasets"]["teams"] if row["role"] == "limit"]
    assert [row["high_998"] for row in limits] == [None, None]
    assert [row["high_95"] for row in limits] == [0.2, 0.2]


@pytest.mark.parametrize(("hours", "axis"), [(0.2, "minutes"), (7.0, "hours"), (200.0, "days")])
def test_durations_are_drawn_in_the_unit_that_suits_them(hours, axis):
    chart = funnel.chart(rows({"a": (20, hours, WITHIN)}, "hours"), "Change lead time", "changes", NAMES)
    assert f"'title': '{axis}'" in str(chart.spec)
    assert "'title': 'changes (n)'" in str(chart.spec)


def test_the_drawing_is_what_altair_accepts():
    chart = funnel.chart(rows({"a": (20, 0.2, WITHIN)}), "Change fail rate", "deployments", NAMES)
    assert "teams" in chart.altair().to_dict()["datasets"]
