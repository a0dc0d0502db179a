"""What matters in three minutes: computed from the same rows as the sections, short enough, and leading to them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from answer_building import answer, by_team, mart, of_org, of_team

from idp_analytics.answers import Estimator, Verdict
from idp_analytics.metrics import CATALOGUE, by_name
from idp_analytics.report import summary
from idp_analytics.report.brief import brief
from idp_analytics.report.html import together
from idp_analytics.report.moved import BETTER, QUESTION_OF, WORSE, moved
from idp_analytics.report.trace import place

DELIVERY = (
    "deployment_frequency", "deployment_days", "change_lead_time", "change_fail_rate", "failed_deployment_recovery_time", "deployment_rework_rate",
)  # fmt: skip
TWICE = {"deployment_working_days", "tickets_per_service_month"}


def share(name, verdict, period="2026-06", **given):
    return answer(name, period, value=0.2, low=0.1, high=0.3, n=40, k=8, verdict=verdict, **given)


def test_every_metric_whose_change_is_good_or_bad_is_looked_at_once():
    judged = [
        metric.name for metric in CATALOGUE if metric.better is not None and metric.estimator is not Estimator.TOTAL
    ]
    assert sorted([*QUESTION_OF, *TWICE]) == sorted(judged)


def test_what_got_worse_is_said_first_and_beside_it_how_many_would_by_chance():
    rows = [
        share("change_fail_rate", "improved"), share("change_fail_rate", "no detectable change", "2026-05"),
        share("deployment_rework_rate", "worsened"), share("rollback_share", "no detectable change"),
        share("approval_withdrawal_share", "not identified"),
    ]  # fmt: skip
    head, worse, better = moved(of_org(mart(rows)))
    assert head.text == (
        "Of 3 numbers of June 2026 that can be compared with May, 1 got worse and 1 got better; chance alone would move about 0.2; "
        f"{len(QUESTION_OF) - 3} more cannot be compared."
    )
    assert (head.question, head.verdict) == (summary.QUESTION, None)
    assert worse.text.startswith(
        "Deployment rework rate. Of 40 deployments in June 2026, 8 were repair: 20.0 % (95 % interval 10.0–30.0 %); worsened"
    )
    assert (worse.question, worse.verdict) == (by_name("deployment_rework_rate").question, Verdict.WORSENED)
    assert better.text.startswith("Change fail rate. Of 40 deployments")
    assert "improved against May (20.0 %)" in better.text


def test_only_a_few_are_said_in_full_and_the_others_by_name():
    names = [name for name in QUESTION_OF if by_name(name).estimator is Estimator.SHARE][: WORSE + 2]
    told = list(moved(of_org(mart([share(name, "worsened") for name in names]))))
    assert len(told) == 1 + WORSE + 1
    assert told[-1].text == f"Worsened too: {', '.join(by_name(name).title.lower() for name in names[WORSE:])}."
    better = list(moved(of_org(mart([share(name, "improved") for name in names]))))
    assert len(better) == 1 + BETTER + 1


def test_where_nothing_can_be_compared_that_is_said():
    (only,) = moved(of_org(mart([share("change_fail_rate", "not identified")])))
    assert only.text == f"Not one of {len(QUESTION_OF)} numbers of June 2026 can be compared with May."


def test_a_team_is_told_of_its_own_rows_and_of_no_newcomers():
    made = mart([*of_team("pay", share("change_fail_rate", "worsened")), share("rollback_share", "worsened")])
    head, worse = moved(by_team(made, "pay"))
    assert "1 got worse and none got better" in head.text
    assert head.text.endswith(
        f"{sum(not by_name(name).about_people for name in QUESTION_OF) - 1} more cannot be compared."
    )
    assert worse.question == by_name("change_fail_rate").question


def test_the_organisations_brief_has_its_topics_and_can_be_read_in_three_minutes(organisation_report):
    brief = organisation_report().brief()
    assert list(brief.topics) == [
        "What changed?", "Why?", "What does it cost, and what does it buy?", "Where does the boundary hurt?",
        "Did what we tried work?", "Which two decisions are there to take?", "Where do we stand?", "How far can this be trusted?",
    ]  # fmt: skip
    assert len(brief.topics["Which two decisions are there to take?"]) == 2
    said = " ".join(f"{title} {' '.join(one.text for one in told)}" for title, told in brief.topics.items())
    assert 300 < len(said.split()) < 680  # a grown-up reads some 230 words a minute; a number counts as one


def test_what_brackets_hold_is_said_once_and_not_in_every_sentence(organisation_report):
    brief = organisation_report().brief()
    assert (
        brief.note
        == "Numbers are of June 2026 where no other time is told. In brackets behind one: its 95 % interval, the values the true number may well have."
    )
    told = " ".join(one.text for statements in brief.topics.values() for one in statements)
    assert "95 % interval" not in told.replace("99.5 % interval", "") and " in June 2026" not in told
    assert "9.2 per day (8.1–10.3 per day)" in told
    page = brief._repr_mimebundle_()["text/html"]
    assert (
        together(brief.note) in page and 'nowrap">95 %</span> interval' in page
    )  # no line ends between a number and its unit


def test_it_says_what_the_sections_say(organisation_report):
    report = organisation_report()
    told = repr(report.brief())
    assert report.cost_change().answer.replace(" in June 2026", "") in told
    assert report.quality().answer in told
    assert (
        report.section("deployment_frequency").answer[1:].replace("95 % interval ", "").replace(" in June 2026", "")
        in told
    )
    standing = repr(report.brief().topics["Where do we stand?"])
    assert report.next_steps().answer.split(" 2. ")[0].removeprefix("1. ") in standing
    for aspect in ("investment", "adoption", "interfaces", "operations", "measurement"):
        assert standing.count(aspect) == 1  # each stands with those of its level
    assert report.boundary().answer not in told  # the map is a section; here stand its two ends
    assert all(said.question for statements in report.brief().topics.values() for said in statements)


def test_a_decision_says_what_it_is_and_what_else_it_could_be(organisation_report):
    first, second = organisation_report().brief().topics["Which two decisions are there to take?"]
    assert first.text.startswith("Improve waiting for approvals: ") and "draws" not in first.text
    assert first.text.endswith(" % sure that this is one of the first two.")
    assert " % sure that this is one of the first two; it could as well be on-call (" in second.text


@pytest.mark.parametrize("team", ["payments", "identity"])
def test_a_teams_brief_is_about_itself(team_report, team):
    report = team_report(team)
    brief = report.brief()
    assert next(iter(brief.topics)) == "How do we do against ourselves?"
    assert report.breadth().answer.replace(" in June 2026", "") in repr(brief)
    assert "Next step: " in repr(brief.topics["Where do we stand?"])
    assert not any("decisions" in title for title in brief.topics)
    assert len(repr(brief).split()) < 550


def test_without_a_survey_the_boundary_says_what_to_decide(organisation_report):
    before = organisation_report("2025-08").brief()
    decisions = before.topics["Which two decisions are there to take?"]
    assert all(said.text.startswith(("Open the gate before", "Let somebody else look at")) for said in decisions)


def test_a_statement_leads_to_its_section(organisation_report):
    html = organisation_report().brief()._repr_mimebundle_()["text/html"]
    assert (
        '<a class="idp-behind" href="#why-did-the-cost-change" title="Why did the cost change?">What is behind it</a>'
        in html
    )
    assert html.count("<h3>") == 8


def test_a_statement_has_its_rows_where_they_lie_beside_the_page(organisation_report):
    computed = organisation_report().view.mart

    def told(**meta):
        return brief(of_org(replace(computed, meta={**computed.meta, **meta})))

    def files(made):
        return [place(one.trace)[0] for said in made.topics.values() for one in said]

    assert not any(files(told()))
    found = files(told(rows=True))
    assert {
        "rows/showback_cost.csv", "rows/adoption_breadth.csv", "rows/boundary.csv", "rows/impact.csv", "rows/maturity_criteria.csv",
    } < set(found)  # fmt: skip
    assert any(file.startswith("rows/deployment") for file in found)
    page = told(rows=True)._repr_mimebundle_()["text/html"]
    assert '<a class="idp-behind" href="rows/impact.csv">Rows (CSV)</a>' in page
