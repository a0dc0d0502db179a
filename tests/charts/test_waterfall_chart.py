"""From one amount to another: every step begins where the one before ended."""

from __future__ import annotations

from decimal import Decimal

from idp_analytics.charts import waterfall


def test_steps_hang_from_one_another():
    chart = waterfall.chart(
        ("April", Decimal(10)),
        [("usage", Decimal("2.5")), ("price <b>", Decimal(-13))],
        "May",
        "From April to May",
        "EUR",
    )
    rows = chart.spec["datasets"]["steps"]
    assert [(row["label"], row["kind"], row["start"], row["end"], row["shown"]) for row in rows] == [
        ("April", "amount", 0, 10, "EUR 10.00"), ("usage", "more", 10, 12.5, "EUR 2.50"),
        ("price <b>", "less", 12.5, -0.5, "EUR −13.00"), ("May", "amount", 0, -0.5, "EUR −0.50"),
    ]  # fmt: skip
    assert chart.spec["encoding"]["y"]["scale"]["domain"] == ["April", "usage", "price <b>", "May"]
    assert chart.spec["encoding"]["color"]["scale"]["domain"] == ["amount", "more", "less"]
    assert chart.description == (
        "From April to May in EUR: April EUR 10.00; usage EUR 2.50; price <b> EUR −13.00; May EUR −0.50."
    )
    assert chart.spec["height"] == 4 * 26
