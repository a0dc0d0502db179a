from __future__ import annotations

import polars as pl
import pytest

from idp_analytics.charts import rules

SCHEMA = {"rule": pl.String, "position": pl.Int64, "is_ours": pl.Boolean, "is_judged": pl.Boolean, "value": pl.Float64,
          "low": pl.Float64, "high": pl.Float64, "n": pl.Int64, "note": pl.String, "period": pl.String}  # fmt: skip
ROWS = [
    ("same service", 1, False, True, 0.1, 0.05, 0.2, 40, None, "2026-03"),
    ("ours", 0, True, True, 0.2, 0.1, 0.35, 40, None, "2026-03"),
    ("recorded", 2, False, True, None, None, None, 40, "nobody says", "2026-03"),
    ("no link", 3, False, False, 1.5, None, None, 40, None, "2026-03"),
]


@pytest.fixture
def frame() -> pl.DataFrame:
    return pl.DataFrame(ROWS, schema=SCHEMA, orient="row")


def test_every_rule_has_its_line_in_order_and_what_is_not_known_is_not_drawn(frame):
    made = rules.chart(frame, "Change fail rate", "share of deployments", "shop\u202e")
    drawn = made.spec["datasets"]["rules"]
    assert [row["label"] for row in drawn] == ["ours, n 40", "same service, n 40", "recorded, n 40", "no link, n 40"]
    assert [row["kind"] for row in drawn] == [rules.KINDS[0], rules.KINDS[1], rules.KINDS[1], rules.KINDS[2]]
    assert [row["value"] for row in drawn] == [0.2, 0.1, None, 1.5]
    assert (drawn[2]["shown"], drawn[2]["note"]) == ("no value", "nobody says")
    assert made.description == (
        "shop: ours, n 40: 20.0 % (interval 10.0–35.0 %); same service, n 40: 10.0 % (interval 5.0–20.0 %); "
        "no link, n 40: 150.0 %; without a value: recorded, n 40."
    )
    assert made.title == "Change fail rate under each link rule, March 2026"


def test_hours_are_shown_in_the_unit_that_suits_and_an_open_end_is_marked(frame):
    made = rules.chart(
        frame.head(1).with_columns(value=pl.lit(72.0), low=pl.lit(48.0), high=None), "Recovery", "hours", "a"
    )
    (row,) = made.spec["datasets"]["rules"]
    assert (row["value"], row["from"], row["to"], row["open"], row["shown"]) == (3.0, 2.0, None, True, "3.0 days")


def test_altair_takes_it(frame):
    assert rules.chart(frame, "x", "share", "y").altair().to_dict()["height"] == 4 * 30
