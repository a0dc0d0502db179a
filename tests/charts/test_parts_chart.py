"""Parts of a whole: what the bars show, and what is said to who cannot see them."""

from __future__ import annotations

from idp_analytics.charts import parts


def part(label: str, share: float, n: int, low: float | None = None, high: float | None = None, quiet: bool = False):
    return {"label": label, "share": share, "n": n, "low": low, "high": high, "quiet": quiet}


ROWS = [part("review", 0.75, 1200, 0.7, 0.8), part("coding <b>", 0.25, 40), part("not split", 0.0, 0, quiet=True)]


def test_a_bar_for_each_part_in_the_order_given():
    chart = parts.chart(ROWS, "Lead time by stage", "Alder", "share of lead time")
    rows = chart.spec["datasets"]["parts"]
    assert [row["label"] for row in rows] == ["review, n 1,200", "coding <b>, n 40", "not split, n 0"]
    assert [(row["value"], row["low"], row["high"]) for row in rows] == [
        (0.75, 0.7, 0.8), (0.25, None, None), (0.0, None, None)
    ]  # fmt: skip
    assert [row["kind"] for row in rows] == ["known", "known", "not told"]
    assert chart.title == "Lead time by stage"
    assert chart.spec["height"] == 90
    domain = chart.spec["layer"][0]["encoding"]["y"]["scale"]["domain"]
    assert domain == [row["label"] for row in rows]


def test_it_says_what_it_shows():
    assert parts.chart(ROWS, "Lead time by stage", "Alder", "share of lead time").description == (
        "Alder, share of lead time: review, n 1,200: 75.0 % (interval 70.0–80.0 %); coding <b>, n 40: 25.0 %; "
        "not split, n 0: 0.0 %."
    )


def test_the_two_kinds_may_be_called_otherwise():
    chart = parts.chart(ROWS, "Classes", "Alder", "share of deployments", ("work", "nothing new"))
    assert [row["kind"] for row in chart.spec["datasets"]["parts"]] == ["work", "work", "nothing new"]
    assert chart.spec["layer"][0]["encoding"]["color"]["scale"]["domain"] == ["work", "nothing new"]
