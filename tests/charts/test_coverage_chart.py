"""From when to when each source speaks."""

from __future__ import annotations

from datetime import date

import polars as pl
from answer_building import SCRIPT

from idp_analytics.charts import coverage

SCHEMA = {"table": pl.String, "source": pl.String, "first_on": pl.Date, "last_on": pl.Date, "rows": pl.Int64,
          "usable_share": pl.Float64, "truncated": pl.Boolean}  # fmt: skip
ROWS = [
    ("incidents", f"{SCRIPT}\u202e", date(2026, 2, 1), date(2026, 5, 31), 7, 0.5, True),
    ("deployments", "git", date(2026, 1, 1), date(2026, 6, 30), 1200, 1.0, None),
    ("costs", "bills", None, None, 9, None, False),
]


def chart(*rows):
    return coverage.chart(pl.DataFrame(rows, schema=SCHEMA, orient="row"))


def test_one_bar_per_table_and_source_from_the_first_day_to_the_end_of_the_last():
    made = chart(*ROWS)
    assert made.spec["datasets"]["spans"] == [
        {"label": "deployments (git)", "from": "2026-01-01", "to": "2026-07-01", "last": "2026-06-30", "state": "complete export",
         "rows": 1200, "usable": "100.0 %"},
        {"label": f"incidents ({SCRIPT})", "from": "2026-02-01", "to": "2026-06-01", "last": "2026-05-31",
         "state": "incomplete export", "rows": 7, "usable": "50.0 %"},
    ]  # fmt: skip
    assert made.spec["height"] == 44


def test_the_description_counts_what_is_drawn():
    assert chart(*ROWS).description == (
        "2 kinds of facts between 2026-01-01 and 2026-06-30, 1,207 rows in all; 1 export known to be incomplete."
    )
    assert chart(("pages", "x", date(2026, 1, 1), date(2026, 1, 1), 1, None, False)).description == (
        "1 kind of facts between 2026-01-01 and 2026-01-01, 1 row in all; no export known to be incomplete."
    )


def test_where_nothing_is_asked_of_a_row_no_share_is_told():
    made = chart(("pages", "x", date(2026, 1, 1), date(2026, 1, 1), 1, None, False))
    assert made.spec["datasets"]["spans"][0]["usable"] == "–"
