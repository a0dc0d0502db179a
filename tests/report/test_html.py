"""Sections as HTML: escaped, without direction characters, verdicts by word and symbol, numbers kept beside their units."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from answer_building import SCRIPT, TURNED
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.answers import Verdict
from idp_analytics.charts.wording import clean
from idp_analytics.metrics import CATALOGUE, by_name
from idp_analytics.report import Card, Cards, Section, Table, html
from idp_analytics.report.trace import Trace
from idp_analytics.report.words import VERDICTS

RATE = by_name("change_fail_rate")
HOSTILE = [
    SCRIPT,
    TURNED,
    '"><img src=x onerror=alert(1)>',
    "'; --",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "&amp;",
    "\x00\x1b[31m",
]


class Page(HTMLParser):
    """The tags, attributes and visible text of a piece of HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.attributes, self.words, self.open = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return clean(" ".join(self.words))


def everything(text: str) -> str:
    """``text`` in every place where text from data can stand, as HTML."""
    table = Table(text, {"Team": [text], "n": [text], "Note": [text]}, ("n",))
    section = Section(text, text, None, (table,), (text,), text, Verdict.WORSENED, (RATE,))
    cards = Cards(text, (Card(text, text, text, text, Verdict.IMPROVED, text, text),), (text,))
    return "".join((html.answer(section), html.behind(section), html.table(table), html.cards(cards)))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_and_never_obeyed(text):
    page, usual = Page(everything(text)), Page(everything("x" * len(text)))
    assert page.tags == usual.tags  # not one element more or less
    assert [name for name, _ in page.attributes] == [name for name, _ in usual.attributes]
    assert page.open == []
    assert "\u202e" not in everything(text)
    assert "\x1b" not in everything(text)
    assert clean(text).replace(" ", "") in page.text.replace(" ", "")


@given(st.text(max_size=30))
def test_no_text_at_all_makes_an_element(text):
    assert Page(everything(text)).tags.count("script") == 0
    assert Page(html.answer(Section("?", text))).open == []


@pytest.mark.parametrize("verdict", Verdict)
def test_a_verdict_is_told_by_word_symbol_and_meaning_not_by_colour_alone(verdict):
    page = html.answer(Section("?", "So.", verdict=verdict))
    said = VERDICTS[verdict]
    assert f"idp-verdict--{html.slug(verdict)}" in page
    assert f'<span aria-hidden="true">{said.symbol}</span> <abbr title="{said.meaning}">{verdict.value}</abbr>' in page
    assert " " not in html.slug(verdict)


def test_without_a_verdict_there_is_no_badge_and_without_cautions_no_list():
    page = html.answer(Section("?", "So."))
    assert "idp-verdict" not in page
    assert "<ul" not in page
    assert '<ul class="idp-cautions" aria-label="Cautions">' in html.answer(Section("?", "So.", cautions=("Mind.",)))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("It is 12.5 %.", ["12.5 %"]),
        ("5.5–26.1 % and 3.0 days", ["5.5–26.1 %", "3.0 days"]),
        ("1.4 per day, −20 min, +1,200.5 h", ["1.4 per day", "−20 min", "+1,200.5 h"]),
        ("3 hours, 4 deployments, 5 hits", []),
        ("<b>3 h</b>", ["3 h"]),
        ("EUR −1,234.50 of USD 3.00, not EU 3.00 or EUR 3", ["EUR −1,234.50", "USD 3.00"]),
    ],
)
def test_no_line_ends_between_a_number_and_its_unit(text, kept):
    page = str(html.together(text))
    assert [part.partition("</span>")[0] for part in page.split('nowrap">')[1:]] == kept
    assert "<b>" not in page
    assert Page(page).text.replace(" ", "") == text.replace(" ", "")


def test_what_is_behind_is_folded_unless_opened_and_empty_where_there_is_nothing():
    table = Table("Numbers", {"Period": ["2026-06"]})
    assert html.behind(Section("?", "So.")) == ""
    folded = html.behind(Section("?", "So.", tables=(table,)))
    assert "<summary>Numbers behind the answer</summary>" in folded
    assert "<details" not in html.behind(Section("?", "So.", tables=(table,), opened=True))
    traced = html.behind(Section("?", "So.", trace="idp explain 'a b'"))
    assert traced == '<p class="idp-trace">The rows behind it: <code>idp explain &#39;a b&#39;</code></p>'


def test_rows_that_lie_beside_the_page_are_a_click_away():
    all_of_it = html.behind(Section("?", "So.", trace=Trace("idp explain x", "rows/x.csv")))
    assert all_of_it == (
        '<p class="idp-trace"><a href="rows/x.csv">The rows behind it</a> (CSV), or <code>idp explain x</code></p>'
    )
    some = html.behind(Section("?", "So.", trace=Trace("idp explain x", 'a"b.csv', "with team_id <b>")))
    assert '<a href="a&#34;b.csv">The rows behind it</a> (CSV, those with team_id &lt;b&gt;)' in some


def test_one_definition_is_headed_by_what_it_is_and_several_by_their_titles():
    one = html.behind(Section("?", "So.", metrics=(RATE,)))
    assert "<summary>What is counted, and how</summary>" in one
    several = html.behind(Section("?", "So.", metrics=CATALOGUE))
    assert all(f"<summary>{m.title}: " in several for m in CATALOGUE)
    assert several.count("<dl") == len(CATALOGUE)


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_a_definition_tells_all_there_is(metric):
    told = dict(html.definition(metric))
    assert told["Name"] == metric.name
    assert told["Formula"] == metric.formula
    assert ("Link rule" in told) == bool(metric.link_rule)
    assert f"n = {metric.min_n}" in told["Estimate"]
    assert told["Unit"].endswith("is better" if metric.better else "neither way is better")
    assert all(told.values())


def test_of_a_long_answer_the_first_sentence_stands_by_itself():
    first, rest = (
        "Of 15 numbers 3.5 % moved, those of St. Ives among them (n = 12).",
        f"Next: {'more of it, ' * 20}and so on.",
    )
    page = html.answer(Section("?", f"{first} {rest}"))
    assert f'</p>\n<p class="idp-rest">{rest}</p>' in page
    assert page.count("<p") == 2 and "(n = 12).</p>" in page
    assert "idp-rest" not in html.answer(Section("?", f"{first} Short."))
    assert "idp-rest" not in html.answer(Section("?", f"{first} {rest}", opened=True))
    steps = f"1. Operations, {'by and by ' * 20}at last."
    assert "idp-rest" not in html.answer(Section("?", steps))


def test_long_words_of_a_cell_may_end_a_line_and_long_texts_have_room():
    file, text = "snapshots/backstage/20250701T060000Z_entities.json.gz", "a word and " * 6
    page = html.table(Table("Inputs", {"File": [file], "Why": [text], "Kind": ["snapshots/a_b.json"]}))
    assert "<bdi>snapshots/<wbr>backstage/<wbr>20250701T060000Z_<wbr>entities.<wbr>json.<wbr>gz</bdi>" in page
    assert page.count("<wbr>") == 5  # a short one stays whole
    assert f'<td class="idp-wordy"><bdi>{text.strip()}</bdi></td>' in page and page.count("idp-wordy") == 1
    assert '<th scope="row" class="idp-phrase"><bdi>snapshots/<wbr>' in page
    short = html.table(
        Table(
            "When",
            {"From": ["2025-07-01", "2026-W27"], "To": ["2026-06-30", "2026"], "Wave": ["round-1", "a phrase-1"]},
            numbers=("To",),
        )
    )
    assert short.count('<th scope="row" class="idp-short">') == 2  # in one line
    assert '<td class="idp-number idp-short">2026-06-30</td><td class="idp-short"><bdi>round-1</bdi></td>' in short
    assert '<td class="idp-number">2026</td><td><bdi>a phrase-1</bdi></td>' in short
    hostile = html.table(Table("Inputs", {"File": ["a_<script>alert(1)</script>_&amp;_" * 3]}))
    assert "<script" not in hostile and "&lt;script&gt;" in hostile.replace("<wbr>", "")


def test_a_card_leads_to_the_section_its_number_is_of():
    card = Card("Change fail rate", "5 %", "", "40 deployments", None, "", 'How? "a" ÷ b', "How often does it fail?")
    page = html.cards(Cards("Payments", (card,)))
    assert '<a href="#how-often-does-it-fail" title="How? &#34;a&#34; ÷ b">Change fail rate</a>' in page


def test_a_table_can_be_reached_by_keyboard_and_read_by_ear():
    page = html.table(Table("Numbers", {"Period": ["2026-06"], "n": ["3"], "Note": [""]}, ("n",)))
    assert 'role="region" tabindex="0" aria-label="Numbers"' in page
    assert '<th scope="col">Period</th><th scope="col" class="idp-number">n</th>' in page
    assert (
        '<th scope="row" class="idp-short"><bdi>2026-06</bdi></th><td class="idp-number">3</td><td><bdi></bdi></td>'
        in page
    )
    assert "more not shown" not in page


def test_a_card_without_bounds_verdict_or_note_says_just_its_basis():
    page = html.cards(Cards("Acme", (Card("Rate", "no value", "", "0 deployments", None, "", "How?"),)))
    assert '<div class="idp-card-basis">0 deployments</div>' in page
    assert "idp-card-change" not in page
    noted = html.cards(
        Cards("Acme", (Card("Cost", "EUR 1.00", "exact total", "", None, "+2.0 % against May", "How?"),))
    )
    assert '<div class="idp-card-basis">exact total</div>' in noted
    assert "idp-card-change" in noted
    assert "idp-verdict" not in noted
