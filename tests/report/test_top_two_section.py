"""Which two things to improve first: every number is the study's, and what is not settled is said."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from idp_analytics.metrics.top_two import TOGETHER
from idp_analytics.periods import parse
from idp_analytics.report import top_two
from idp_analytics.report.reports import OrgReport
from idp_analytics.report.view import View


def told(mart, kind=TOGETHER, **changed):
    """The section of June, with the rows of the last wave changed."""
    rows = mart.studies["top_two"]
    studies = {**mart.studies, "top_two": rows.with_columns(**changed)}
    return OrgReport(View(replace(mart, studies=studies), "org", "org", parse("2026-06"))).top_two()


@pytest.fixture
def last(mart):
    rows = mart.studies["top_two"].filter(pl.col("closed_on") <= parse("2026-06").end)
    return rows.filter(pl.col("closed_on") == pl.col("closed_on").max())


def test_the_two_and_how_sure_they_are(mart, last, organisation_report):
    section = organisation_report().top_two()
    one, other = last.filter(evidence=TOGETHER).head(2).to_dicts()
    assert section.answer.startswith(
        f"{one['title'].capitalize()} and {other['title']} come first, by the votes, pain points"
    )
    assert f"in {100 * one['top_two']:.0f} % and {100 * other['top_two']:.0f} % of draws" in section.answer
    votes = last.filter(evidence="votes", subject=one["subject"]).row(0, named=True)
    assert (
        f"{100 * votes['value']:.1f} % voted for it" in section.answer
        and f"{votes['k']:,} of {votes['n']:,}" in section.answer
    )
    assert section.chart is not None and "suggested" in str(section.chart.spec)
    areas = last.filter(pl.col("evidence") != "tickets")["subject"].n_unique()
    assert section.tables[0].frame.height == areas
    assert section.tables[1].frame.height == last.filter(evidence="tickets").height


@pytest.mark.parametrize(
    ("separable", "said"),
    [
        (True, "the second can be told apart from the third"),
        (False, "The second and the third cannot be told apart: it could as well be"),
    ],
)
def test_whether_the_second_is_settled_is_said(mart, separable, said):
    assert said in told(mart, is_separable=pl.lit(separable)).answer


def test_each_names_what_would_move_and_who_is_at_it(mart, last, organisation_report):
    section = organisation_report().top_two()
    first = last.filter(evidence=TOGETHER).row(0, named=True)
    assert first["metric"] == "approval_queue_time" and "approval queue time would move (now" in section.answer
    assert "no change is registered for it: register what you try." in section.answer
    assert [metric.name for metric in section.metrics] == ["approval_queue_time"]
    registered = told(mart, interventions=pl.lit("auto-approve"))
    assert "registered and still to be reviewed: auto-approve." in registered.answer
    assert "nothing here measures it" in told(mart, metric=pl.lit(None, pl.String)).answer


@pytest.mark.parametrize(("share", "said"), [(0.9996, "over 99 %"), (0.0004, "under 1 %"), (0.43, "43 %"), (None, "–")])
def test_what_was_drawn_is_never_called_certain(share, said):
    assert top_two._chance({"top_two": share}) == said


def test_no_cause_is_claimed(organisation_report):
    section = organisation_report().top_two()
    assert any("need not be what makes them satisfied" in caution for caution in section.cautions)
    assert any("rank correlation stands" in caution for caution in section.cautions)
    # The same share stands in two sections with two intervals: of all who could be asked, and of these people.
    assert any("known more closely" in caution for caution in section.cautions)


def test_without_a_closed_wave_it_says_how_to_ask(mart):
    section = OrgReport(View(mart, "org", "org", parse("2025-08"))).top_two()
    assert section.answer.startswith("No closed wave of a survey says what to improve first")
    assert section.chart is None and section.tables == ()


def test_one_kind_alone_is_enough_for_an_answer(mart, last):
    rows = last.filter(pl.col("evidence") == "votes")
    section = OrgReport(
        View(replace(mart, studies={**mart.studies, "top_two": rows}), "org", "org", parse("2026-06"))
    ).top_two()
    assert "come first, by the votes of the wave" in section.answer
