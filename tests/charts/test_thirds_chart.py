"""What a bar in three parts shows, and what it says to who cannot see it."""

from __future__ import annotations

from idp_analytics.charts import thirds

KINDS = ("current", "not known", "behind")


def row(period: str, n: int, k: int, unknown: int):
    return {"period": period, "n": n, "k": k, "unknown": unknown, "low": 0.1, "high": 0.4}


def test_the_unknown_part_stands_between_the_others():
    chart = thirds.chart([row("2026-05", 0, 0, 0), row("2026-06", 8, 2, 1)], KINDS, "Drift", "Alder <b>", "service")
    rows = chart.spec["datasets"]["thirds"]
    assert [(r["kind"], r["order"], r["n"]) for r in rows[3:]] == [
        ("current", 0, 2),
        ("not known", 1, 1),
        ("behind", 2, 5),
    ]
    assert rows[3]["shown"] == "2 of 8, 25.0 %"
    assert [r["interval"] for r in rows[3:]] == ["10.0–40.0 %", "", ""]
    assert chart.description == (
        "Alder <b>, June 2026: of 8 services 2 current (interval of the share 10.0–40.0 %), 1 not known, 5 behind; May 2026: "
        "0 of 0 current."
    )


def test_one_period_is_not_compared():
    chart = thirds.chart([row("2026-Q2", 1, 1, 0)], KINDS, "Drift", "Alder", "service")
    assert chart.description.endswith("0 not known, 0 behind.")
