"""Sections, tables and cards as values: what they show of themselves, in what order, and as text."""

from __future__ import annotations

import pytest
from answer_building import SCRIPT

from idp_analytics.answers import Verdict
from idp_analytics.charts import MIME, Chart
from idp_analytics.metrics import by_name
from idp_analytics.report import Card, Cards, Section, Table

CHART = Chart({"mark": "bar"}, "t", "d")
TABLE = Table("Numbers", {"Period": ["2026-06"]})


@pytest.mark.parametrize(
    ("section", "kinds"),
    [
        (Section("Why?", "So."), ["text/html"]),
        (Section("Why?", "So.", CHART), ["text/html", MIME]),
        (Section("Why?", "So.", None, (TABLE,)), ["text/html", "text/html"]),
        (Section("Why?", "So.", CHART, (TABLE,), trace="idp explain"), ["text/html", MIME, "text/html"]),
    ],
)
def test_the_answer_comes_first_then_the_chart_then_what_is_behind(section, kinds):
    outputs = section.outputs()
    assert [next(iter(bundle)) for bundle in outputs] == kinds
    assert all("text/plain" in bundle for bundle in outputs)
    assert outputs[0]["text/plain"] == "Why?\nSo."
    assert "Why?" not in outputs[0]["text/html"]  # the heading above says it


def test_what_is_behind_is_told_as_text_too():
    assert Section("Why?", "So.", None, (TABLE,)).outputs()[-1]["text/plain"] == "Why?"
    assert Section("Why?", "So.", trace="idp explain x").outputs()[-1]["text/plain"] == "idp explain x"


def test_a_section_knows_its_table_and_its_metric():
    rate, time = by_name("change_fail_rate"), by_name("change_lead_time")
    one = Section("Why?", "So.", tables=(TABLE, Table("More", {})), metrics=(rate,))
    assert (one.table, one.metric) == (TABLE, "change_fail_rate")
    assert (Section("Why?", "So.").table, Section("Why?", "So.").metric) == (None, None)
    assert Section("Why?", "So.", metrics=(rate, time)).metric is None


def test_as_text_it_tells_question_answer_and_cautions():
    assert repr(Section("Why?", "So.", cautions=("Mind.", "This."))) == "Why?\nSo.\nMind.\nThis."


def test_in_a_notebook_it_shows_every_part(monkeypatch):
    import IPython.display

    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda bundle, raw: shown.append((bundle, raw)))
    section = Section("Why?", "So.", CHART, (TABLE,))
    section._ipython_display_()
    assert shown == [(bundle, True) for bundle in section.outputs()]


def test_a_table_shows_itself():
    bundle = Table("Of all", {"Team": [SCRIPT], "n": ["3"]}, ("n",), 1200)._repr_mimebundle_()
    assert "<caption>Of all; 1,200 more not shown</caption>" in bundle["text/html"]
    assert SCRIPT not in bundle["text/html"]
    assert bundle["text/plain"].startswith("Of all\n")


def test_cards_show_themselves_and_a_number_stands_with_its_bounds_and_basis():
    cards = Cards(
        "Acme",
        (
            Card("Rate", "12.5 %", "95 % interval 5.5–26.1 %", "40 deployments", Verdict.IMPROVED, "20.0 % in May", "How?"),
            Card("Cost", "EUR 1.00", "exact total", "3 charges", None, "", "What?"),
        ),
        ("Mind.",),
    )  # fmt: skip
    assert repr(cards) == (
        "Acme\nRate: 12.5 % (95 % interval 5.5–26.1 %; 40 deployments) improved\nCost: EUR 1.00 (exact total; 3 charges)\nMind."
    )
    bundle = cards._repr_mimebundle_()
    assert bundle["text/plain"] == repr(cards)
    assert "idp-verdict--improved" in bundle["text/html"]
