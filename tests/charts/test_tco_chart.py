"""What a tool costs by and by, and the tornado: what is drawn, and what is said to who cannot see it."""

from __future__ import annotations

from decimal import Decimal

import polars as pl

from idp_analytics.charts import tco
from idp_analytics.metrics.tco_study import YEARS


def year(position: int, number: int, cumulative: int, leaving: int | None = None, title: str = "Hosted") -> dict:
    return {
        "position": position, "option": f"o{position}", "title": title, "currency": "EUR", "year": number,
        "cumulative": Decimal(cumulative), "leaving": None if leaving is None else Decimal(leaving),
        "if_left": None if leaving is None else Decimal(cumulative + leaving),
    }  # fmt: skip


def drawn(*rows: dict):
    return tco.cumulative(pl.DataFrame([{**dict.fromkeys(YEARS), **row} for row in rows], schema=YEARS), "Paid")


def test_a_line_per_option_and_above_it_what_leaving_would_add():
    made = drawn(year(1, 0, 5, title="Own"), year(1, 1, 7, 0, title="Own"), year(0, 0, 10), year(0, 1, 30, 12))
    rows = made.spec["datasets"]["years"]
    assert [(row["series"], row["year"], row["beside"], row["cumulative"], row["if_left"]) for row in rows] == [
        ("Hosted", 0, -0.025, 10.0, None), ("Hosted", 1, 0.975, 30.0, 42.0),
        ("Own", 0, 0.025, 5.0, None), ("Own", 1, 1.025, 7.0, 7.0),
    ]  # fmt: skip
    assert (rows[1]["paid"], rows[1]["leaving"], rows[1]["in_all"]) == ("EUR 30.00", "EUR 12.00", "EUR 42.00")
    assert "['Hosted', 'Own']" in str(made.spec)
    assert made.description == (
        "Paid by and by: Hosted: EUR 30.00 after 1 year, EUR 42.00 once it is left then; "
        "Own: EUR 7.00 after 1 year, EUR 7.00 once it is left then."
    )


def test_options_of_one_name_are_told_apart_and_the_fourth_is_not_drawn():
    made = drawn(*(year(n, 1, n, n) for n in range(4)))
    assert [row["series"] for row in made.spec["datasets"]["years"]] == ["Hosted (o0)", "Hosted (o1)", "Hosted (o2)"]


def line(label: str, low: int, high: int) -> dict:
    return {"label": label, "at_low": Decimal(low), "at_high": Decimal(high), "low": "1 FTE", "high": "2 FTE"}


def test_the_widest_bar_is_on_top_and_the_rest_is_counted():
    lines = [
        line("a", 10, 11),
        line("b", -40, 90),
        line("c", 9, 12),
        line("d", 30, 1),
        line("e", 9, 13),
        line("f", 0, 1),
    ]
    made = tco.tornado(lines, Decimal(10), "By how much", "Cheaper by, EUR", "EUR", most=5)
    rows = made.spec["datasets"]["lines"]
    assert [row["label"] for row in rows[::2]] == ["b", "d", "e", "c", "a"]
    assert [(row["end"], row["base"], row["value"], row["is_first"], row["shown"], row["stated"]) for row in rows[:2]] == [
        ("line at its low", 10.0, -40.0, True, "EUR −40.00", "1 FTE"),
        ("line at its high", 10.0, 90.0, False, "EUR 90.00", "2 FTE"),
    ]  # fmt: skip
    assert made.spec["height"] == 150
    assert made.spec["layer"][0]["encoding"]["y"]["scale"]["domain"] == ["b", "d", "e", "c", "a"]
    assert made.description == (
        "By how much. Cheaper by, EUR: 10.00 as stated; b: −40.00 at 1 FTE, 90.00 at 2 FTE; d: 30.00 at 1 FTE, 1.00 at 2 FTE; "
        "e: 9.00 at 1 FTE, 13.00 at 2 FTE; c: 9.00 at 1 FTE, 12.00 at 2 FTE; 1 line with less."
    )
