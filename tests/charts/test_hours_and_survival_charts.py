"""What the charts of load and of newcomers show, and what they say to who cannot see them."""

from __future__ import annotations

import polars as pl

from idp_analytics.charts import hours, survival


def load(**told: tuple[int, float]) -> pl.DataFrame:
    """Class of hours → pages and hours."""
    whole = ("all", (sum(n for n, _ in told.values()), sum(h for _, h in told.values())))
    return pl.DataFrame(
        [
            {"hour_class": name, "n": n, "hours": h, "value": n / h * 12 if h else None, "low": 0.01, "high": 0.5,
             "shift_hours": 12.0, "period": "2026-06"}
            for name, (n, h) in (whole, *told.items())
        ]
    )  # fmt: skip


def test_hours_are_drawn_in_the_order_of_the_day_and_those_that_were_none_are_not():
    chart = hours.chart(load(night=(0, 270.0), working=(6, 180.0), holiday=(0, 0.0)), "Alder <b>")
    rows = chart.spec["datasets"]["hours"]
    assert [row["label"] for row in rows] == ["working time, n 6", "night, n 0"]
    assert [row["kind"] for row in rows] == ["working time", "out of hours"]
    assert chart.title == "Pages by hour, June 2026"
    assert chart.description == (
        "Alder <b>, 6 pages in all, per 12 hours on call: working time, n 6: 0.40 per shift (interval 0.01–0.50 per shift); "
        "night, n 0: 0 per shift (interval 0.01–0.50 per shift)."
    )
    assert chart.spec["height"] == 60


def curves(*rows: tuple[str, int, int, float]) -> pl.DataFrame:
    told = [
        {"metric": m, "day": d, "at_risk": r, "share": s, "low": s / 2, "high": min(1.0, 2 * s), "n": 9}
        for m, d, r, s in rows
    ]
    return pl.DataFrame(told)


NAMES = {"first": "first work in production", "tenth": "tenth change merged"}


def test_each_curve_tells_its_n_its_interval_and_who_is_still_followed():
    chart = survival.chart(curves(("tenth", 0, 9, 0.0), ("first", 0, 9, 0.0), ("first", 4, 7, 0.25)), NAMES)
    rows = chart.spec["datasets"]["curves"]
    assert [(row["series"], row["day"], row["at_risk"]) for row in rows] == [
        ("first work in production, n 9", 0, 9), ("first work in production, n 9", 4, 7), ("tenth change merged, n 9", 0, 9)
    ]  # fmt: skip
    assert chart.description == (
        "First work in production, n 9: 25.0 % (interval 12.5–50.0 %) after 4 days, where the curve ends; tenth change merged, "
        "n 9: 0.0 % (interval 0.0–0.0 %) after 0 days, where the curve ends."
    )
    # Told apart by dashes as well as by colour.
    assert "strokeDash" in str(chart.spec["layer"][1]["encoding"])


def test_numbers_that_would_cover_one_another_are_left_out():
    days = (0, 1, 2, 3, 16, 17, 32, 160)
    chart = survival.chart(curves(*(("first", day, 1000 - day, day / 200) for day in days)), NAMES)
    rows = chart.spec["datasets"]["curves"]
    assert [row["beside"] for row in rows] == ["", "", "", "", "984", "", "968", "840"]
    assert [row["at_risk"] for row in rows] == [1000 - day for day in days]  # pointed at, each is told all the same


def test_one_goal_alone():
    chart = survival.chart(curves(("tenth", 0, 9, 0.0)), NAMES)
    assert {row["series"] for row in chart.spec["datasets"]["curves"]} == {"tenth change merged, n 9"}
