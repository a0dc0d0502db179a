"""A decision about a tool as a reader sees it: who is cheaper, how sure that is, what leaving costs, what would flip it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from answer_building import SCRIPT, TURNED, all_words, mart, of_org

from idp_analytics.answers import Verdict
from idp_analytics.errors import ReportError
from idp_analytics.metrics import STUDIES
from idp_analytics.report import Section, tco, tco_sensitivity
from idp_analytics.report.reports import OrgReport
from idp_analytics.settings import Settings
from idp_analytics.settings.tools import Decision, Line, Tool
from idp_analytics.tables import TABLES, empty

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)


def option(name: str, yearly: int, low: str | None = None, high: str | None = None, leaving: int = 0, **told) -> Tool:
    ends = {end: Decimal(value or 1) for end, value in (("low", low), ("high", high)) if low or high}
    seats = Line("licences", "Seats", yearly=Decimal(yearly), **ends)
    out = (Line("data export", "data export", yearly=Decimal(leaving)),)
    return Tool(name.lower(), name, (seats, *told.pop("costs", ())), out, **told)


def decision(*options: Tool, name: str = "portal", years: int = 2) -> Decision:
    return Decision(name, "EUR", Decimal("0.25"), years, options)


@pytest.fixture
def report():
    def build(*decisions: Decision) -> OrgReport:
        chosen = Settings(org="acme", title="Acme", root=None, decisions=decisions)  # type: ignore[arg-type]
        tables = {name: empty(name).lazy() for name in TABLES}
        studies = {s.name: s.compute(tables, chosen, AS_OF) for s in STUDIES if s.name.startswith("tco")}
        made = mart()
        return OrgReport(of_org(replace(made, studies={**made.studies, **studies})))

    return build


def test_the_sample_companys_decision(organisation_report):
    made = organisation_report().tco()
    assert made.answer.startswith(
        "Decision “portal”: over 3 years, exit included and discounted at 7.0 % a year, Hosted portal costs EUR 203,815.83 and "
        "Self-hosted portal costs EUR 247,002.36; Hosted portal is cheaper by EUR 43,186.52 (17.5 %). That does not survive "
        "the ranges: “Engineers who run it” of Self-hosted portal at 0.53 FTE instead of 0.70 FTE (−24.0 %) turns it round, "
        "and with all lines against it Hosted portal is dearer by EUR 108,900.25. Changing our mind costs at the end of year 1 "
        "EUR 46,572.00 (Hosted portal) and EUR 6,300.00 (Self-hosted portal), at the end of year 3 "
    )
    assert made.answer.endswith("with 56 developers.")
    assert made.chart is not None
    assert [table.caption for table in made.tables] == [
        "portal: options over 3 years, EUR", "portal: what people say it brings, present value, EUR", "portal: cash flow, EUR", "portal: what it costs to leave, EUR"
    ]  # fmt: skip
    assert made.tables[0].frame["Present value"].to_list() == ["203,815.83", "247,002.36"]
    assert made.tables[3].frame["Leaving"].to_list()[:3] == ["46,572.00", "18,500.00", "24,500.00"]
    assert any(
        "a benefit is in no order and no total (Self-hosted portal EUR 62,983.59, says" in text
        for text in made.cautions
    )
    flips = organisation_report().tco_sensitivity("portal")
    assert flips.answer.startswith(
        "Decision “portal”: Hosted portal is cheapest. Within its range, 1 line alone would flip that: “Engineers who run it” "
    )
    assert flips.tables[0].frame["In its range"].to_list().count("yes") == 1
    assert flips.chart is not None


@pytest.mark.parametrize(
    ("options", "first", "second"),
    [
        (
            (option("Own", 10), option("Rent", 20)),
            "Own is cheaper by EUR 14.40 (50.0 %). No line has a range, so nothing can be said of how sure that is. "
            "It would take “Seats” of Rent at EUR 10.00 a year instead of EUR 20.00 a year (−50.0 %) to turn it round.",
            "Own is cheapest. No line has a range; nearest first, it would take “Seats” of Rent at EUR 10.00 a year instead of "
            "EUR 20.00 a year (−50.0 %); “Seats” of Own at EUR 20.00 a year instead of EUR 10.00 a year (+100.0 %). 2 of 4 lines "
            "could not at any value.",
        ),
        (
            (option("Own", 10, "0.9", "1.5"), option("Rent", 20)),
            "That holds wherever in their ranges the lines lie: at worst the difference is EUR 7.20. It would take “Seats” of Rent",
            "No line alone would flip that, anywhere in its range; nearest is “Seats” of Rent at EUR 10.00 a year",
        ),
        (
            (option("Own", 10, "0.9", "1.5"), option("Rent", 20, "0.6")),
            "That holds with any one line anywhere in its range, but not with all of them against it: Own is dearer by EUR 4.32. It",
            "With its lines at their highest and all others' at their lowest, Own is dearer by EUR 4.32.",
        ),
        (
            (option("Own", 10, "1", "1.5"), option("Rent", 20, "0.75", "1")),
            "but not with all of them against it: the next option costs the same. It",
            "all others' at their lowest, Own is level.",
        ),
        (
            (option("Own", 10, "1", "3"), option("Rent", 20, "0.25", "1")),
            "That does not survive the ranges: “Seats” of Rent at EUR 10.00 a year instead of EUR 20.00 a year (−50.0 %) turns",
            "Within their ranges, 2 lines alone would flip that: “Seats” of Rent at",
        ),
        ((option("Own", 10), option("Rent", 10)), "Rent costs EUR 14.40, so they cost the same.", "Own is cheapest."),
        (
            (option("Own", 10),),
            "Own costs EUR 14.40. Changing our mind costs at the end of year 1 EUR 0.00 (Own)",
            "Own stands alone and no line has a range, so there is nothing to weigh.",
        ),
        (
            (option("Own", 10, "0.5", "2"),),
            "Own costs EUR 14.40. Within the stated ranges it lies between EUR 7.20 and EUR 28.80.",
            "Most hangs on “Seats” of Own: at EUR 5.00 a year to EUR 20.00 a year the present value is EUR 7.20 to EUR 28.80;",
        ),
        ((option("Own", 0), option("Rent", 0)), "so they cost the same.", "No line alone would flip that."),
    ],
)  # fmt: skip
def test_how_sure_it_is_and_what_would_flip_it(report, options, first, second):
    made = report(decision(*options))
    assert first in made.tco().answer
    assert second in made.tco_sensitivity().answer


@pytest.mark.parametrize(
    ("options", "said"),
    [
        # 100 up front and 10 a year, against 70 a year: cheaper not discounted (120 to 140), dearer at 25 % (114.4 to 100.8).
        (
            (option("Rent", 70), option("Own", 10, costs=(Line("migration", "Build", Decimal(100)),))),
            "Not discounted, Own is cheaper: EUR 120.00 against EUR 140.00.",
        ),
        (
            (option("Rent", 70, leaving=90), option("Own", 80)),
            "Without exit cost and discounting, Rent is cheaper: EUR 140.00 against EUR 160.00.",
        ),
        (
            (option("Rent", 99), option("Own", 10, costs=(Line("migration", "Build", Decimal(100)),))),
            "In cash, Own has cost no more than Rent from the end of year 2 on.",
        ),
        (
            (
                option("Own", 10, benefits=(Line("other", "x", yearly=Decimal(1), said_by="us"),)),
                option("Rent", 20, benefits=(Line("other", "x", yearly=Decimal(99), said_by="them"),)),
            ),
            "With what people say each brings, Rent comes out ahead.",
        ),
    ],
)
def test_what_the_order_hangs_on(report, options, said):
    assert said in report(decision(*options)).tco().answer


def test_several_decisions_are_told_one_after_the_other_or_one_alone(report):
    made = report(decision(option("Own", 10, "0.5")), decision(option("Jet", 1), name="ci", years=1))
    both = made.tco()
    assert both.answer.index("Decision “portal”") < both.answer.index("Decision “ci”: over 1 year,")
    assert "The chart shows portal only; the others are in the tables." in both.cautions
    assert len(both.tables) == 6
    assert "The chart shows portal only." in made.tco_sensitivity().cautions
    alone = made.tco("ci")
    assert "portal" not in all_words(alone)
    assert len(alone.tables) == 3
    with pytest.raises(ReportError, match=r"There is no decision 'prtal'\. Did you mean 'portal'"):
        made.tco("prtal")


def test_no_developers_and_more_options_than_can_be_told_apart(report):
    made = report(decision(*(option(name, n, "0.5") for n, name in enumerate("ABCD", 1)))).tco()
    assert "Per developer" not in made.answer
    assert any(text.startswith("No developer is known to be at work") for text in made.cautions)
    assert "Decision “portal”: 4 of 8 lines have no range and are taken as certain." in made.cautions
    assert "The chart shows the 3 cheapest options; the others are in the tables." in made.cautions


def test_nothing_is_stated(report):
    for made in (report().tco(), report().tco_sensitivity(), OrgReport(of_org(mart())).tco()):
        assert isinstance(made, Section)
        assert (made.verdict, made.chart, made.tables) == (Verdict.NOT_MEASURED, None, ())
        assert (
            made.answer
            == "No decision about a tool is stated: the options and their lines are [[tool]] tables in settings.toml."
        )


def test_names_are_text_from_people(report):
    made = report(decision(option(SCRIPT, 1, "0.5", "2"), option(TURNED, 2), name=TURNED))
    for section in (made.tco(), made.tco_sensitivity()):
        html = "\n".join(str(b.get("text/html", "")) for b in section.outputs())
        assert "<script" not in html
        assert "\u202e" not in html + section.chart.description  # type: ignore[union-attr]


def test_questions_are_the_notebooks_headings():
    assert tco.QUESTION.startswith("What does a tool cost over its years")
    assert tco_sensitivity.QUESTION == "What would flip the decision?"
