"""How heavy on-call is and how soon newcomers ship, as a reader sees it."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from idp_analytics.answers import COLUMNS
from idp_analytics.metrics.newcomers import COLUMNS as CURVE
from idp_analytics.metrics.page_load import COLUMNS as LOAD
from idp_analytics.metrics.page_load import WHOLE
from idp_analytics.periods import parse
from idp_analytics.report import html, load, newcomers
from idp_analytics.report.mart import Mart
from idp_analytics.report.reports import OrgReport, TeamReport
from idp_analytics.report.view import View


@pytest.fixture
def view(mart):
    def build(
        scope: str = "org", entity: str = "org", period: str = "2026-Q2", of: Mart | None = None, **studies
    ) -> View:
        chosen = of or mart
        return View(replace(chosen, studies={**chosen.studies, **studies}), scope, entity, parse(period))

    return build


# --- load -----------------------------------------------------------------------------------------------------------------


def test_the_load_of_a_quarter(view, mart):
    made = OrgReport(view()).load()
    row = mart.answers.filter(metric="pages_per_shift", scope="org", period="2026-Q2").row(0, named=True)
    assert made.question == "How heavy is on-call?"
    assert made.answer.startswith(f"{row['n']} pages in Q2 2026: {row['value']:.3f} per shift (95 % interval ")
    for part in (
        "came outside working time: ",
        "came at night: ",
        "incidents, 0.017 per shift",
        "on average fewer than the 2.0 in 12 hours",
    ):
        assert part in made.answer
    assert made.chart is not None
    assert [table.caption for table in made.tables] == [
        "Pages of Larkspur Works (synthetic) by hour, Q2 2026", "On-call load of Larkspur Works (synthetic)"
    ]  # fmt: skip
    assert made.tables[0].frame["Hours"].to_list() == ["all", "working time", "evening", "night", "weekend"]
    assert made.tables[1].frame["Period"][-1] == "2026-Q2"
    assert any("one rota, day and night, is assumed" in text for text in made.cautions)
    assert made.trace.startswith("idp explain pages_per_shift ")
    assert "<table" in html.behind(made)


def test_a_quiet_team_has_an_upper_bound_and_no_advice(view):
    made = TeamReport(view("team", "identity", "2025-11")).load()
    assert made.answer.startswith("No page in November 2025, so a rate cannot be given; it is at most ")
    assert "advises" not in made.answer
    assert made.chart is not None
    assert made.trace == ""


@pytest.mark.parametrize(
    ("low", "high", "hours", "said"),
    [
        (2.1, 3.0, 12.0, "on average more than the 2.0 in 12 hours"),
        (1.0, 3.0, 12.0, "on average not to be told apart from the 2.0 in 12 hours"),
        (2.1, 3.0, 24.0, "on average fewer than the 4.0 in 24 hours"),
    ],
)
def test_what_is_advised_grows_with_the_shift(view, mart, low, high, hours, said):
    frame = mart.studies[load.STUDY].with_columns(
        pl.lit(low).alias("incidents_low"), pl.lit(high).alias("incidents_high"), pl.lit(hours).alias("shift_hours")
    )
    assert said in load.load(view(page_load=frame)).answer


def test_weeks_have_their_number_and_no_hours(view, mart):
    months = mart.answers.filter(every="1mo", period="2026-06")
    week = months.with_columns(pl.lit("1w").alias("every"), pl.lit("2026-W24").alias("period"))
    made = load.load(view(period="2026-W24", of=replace(mart, answers=pl.concat([mart.answers, week]))))
    assert "pages in week 24 of 2026" in made.answer
    assert made.chart is None


def test_without_pages_it_says_why(view, mart):
    none = replace(mart, answers=mart.answers.clear(), studies={**mart.studies, load.STUDY: pl.DataFrame(schema=LOAD)})
    made = load.load(view(of=none))
    assert made.answer == "Not measured in Q2 2026: there are no rows of pages that cover it."
    assert (made.chart, made.tables, made.cautions) == (None, (), ())


def test_the_parts_and_the_whole_of_every_entity_are_the_answers(mart):
    frame = mart.studies[load.STUDY].filter(hour_class=WHOLE)
    answers = mart.answers.filter(metric="pages_per_shift").filter(pl.col("value").is_not_null())
    both = frame.join(answers, on=["scope", "entity_id", "every", "period"], suffix="_answer")
    assert both.height >= 100
    assert both["n"].equals(both["n_answer"], check_names=False)


# --- newcomers --------------------------------------------------------------------------------------------------------------


def test_those_who_joined_since_the_data_begin(view):
    made = OrgReport(view()).newcomers()
    assert made.question == "How soon do new engineers ship?"
    assert made.answer.startswith(
        "Of 7 developers who started since 1 July 2025 and are told of, 7 had work in production by the end of the quarters they are told with; half were "
        "there within "
    )
    assert made.answer.endswith(
        "4 had ten changes merged by the end of the quarters they are told with, too few for a median; it takes half of them at least 35 days (95 % interval)."
    )
    assert made.chart is not None
    assert made.tables[0].frame["n"].to_list() == ["0", "withheld", "withheld", "withheld"]
    assert made.trace == ""
    assert any(text.startswith("56 developers who started earlier are left out") for text in made.cautions)


def test_a_group_too_small_is_withheld_altogether(view, mart):
    head = {
        "scope": "org",
        "entity_id": "org",
        "since": mart.studies[newcomers.STUDY]["since"][0],
        "left_out": 1,
        "is_withheld": True,
    }
    frame = pl.DataFrame([{**dict.fromkeys(CURVE), **head, "metric": name} for name in newcomers.GOALS], schema=CURVE)
    made = newcomers.newcomers(view(newcomers=frame))
    assert made.answer.count("is withheld") == 2
    assert made.answer.startswith(
        "Fewer than 5 developers started since 1 July 2025 in quarters that are over, or so few"
    )
    assert made.chart is None
    assert any(text.startswith("1 developer who started earlier is left out") for text in made.cautions)


def test_nobody_started(view):
    made = newcomers.newcomers(view(newcomers=pl.DataFrame(schema=CURVE)))
    assert made.answer == "No developer is known to have started since the data begin, so nothing can be said."
    assert (made.chart, made.tables, made.cautions) == (None, (), ())


def test_nothing_a_report_reads_tells_of_one_person(mart, tmp_path):
    """No pseudonym is anywhere in what is published, and what is withheld has no number in it."""
    mart.write(tmp_path)
    read = Mart.read(tmp_path)
    for name, frame in {"answers": read.answers, **read.studies}.items():
        texts = frame.select(pl.col(pl.String))
        assert not any(texts[c].str.contains(r"^p-\d{4}$").any() for c in texts.columns), name
    hidden = read.answers.filter(verdict="suppressed")
    assert hidden.height
    numbers = [name for name, dtype in COLUMNS.items() if dtype in (pl.Float64, pl.Int64) and name != "level"]
    assert hidden.select(numbers).null_count().row(0) == (hidden.height,) * len(numbers)
