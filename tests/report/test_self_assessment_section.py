"""The self-assessment as its respondents see it: one's own answers at once, and how far a team agrees."""

from __future__ import annotations

from types import SimpleNamespace

import polars as pl
import pytest
from answer_building import SCRIPT

from idp_analytics.errors import ReportError
from idp_analytics.metrics.self_agreement import COLUMNS
from idp_analytics.report import self_agreement, self_assessment
from idp_analytics.report.view import View
from idp_analytics.settings.maturity_model import shipped

MODEL = shipped()
ITEMS = {aspect.id: [item.id for item in MODEL.items if item.aspect == aspect.id] for aspect in MODEL.aspects}
FIRST = MODEL.aspects[0]


def company(*rows):
    """As much of an organisation as the sections ask for: each of ``rows`` is one of the study."""
    frame = pl.DataFrame(list(rows), schema=COLUMNS)
    settings = SimpleNamespace(maturity=MODEL, title="Acme", rules=SimpleNamespace(min_cohort=5))
    return SimpleNamespace(settings=settings, tables={"teams": pl.DataFrame({"team_id": ["a", SCRIPT]})}, study=lambda name: {"self_agreement": frame}[name])  # fmt: skip


def agreed(**changed):
    return {
        "scope": "team", "entity_id": "a", "wave": "2026-Q3", "number": 2, "aspect": None, "respondents": 6, "teams": 1, "items": 25, "n": 140,
        "levels": 130, "unknown": 7, "not_applicable": 3, "missing": 10, "unknown_share": 7 / 137, "low": 0.025, "high": 0.1, "level": 0.95,
        "rated": 25, "deviation": 0.5, "within_group": 0.6, "agrees": True, "contradicting": 1, "is_indicative": False, "is_withheld": False, "late": None, **changed,
    }  # fmt: skip


def test_the_level_of_an_aspect_is_the_lower_middle_one_of_enough_answers():
    """Five questions: 1, 2, 4 and one unknown: three of five are enough, the lower middle one is 2. Two of five are not."""
    one, two, three, four = ITEMS[FIRST.id][:4]
    made = self_assessment.answered(company(), {one: 1, two: 4, three: 2, four: "unknown"})
    assert made.answer == f"4 of 25 questions are answered: {FIRST.title} 2 (operational)."
    row = made.tables[0].frame.row(0, named=True)
    assert (row["Level"], row["Which is to say"], row["Questions with a level"]) == ("2", FIRST.levels[1], "3 of 5")
    assert (row["Not known"], row["Not answered"]) == ("1", "1")
    even = self_assessment.answered(company(), {one: 1, two: 4, three: 2, four: 3})
    assert even.answer.endswith("2 (operational).")  # 1, 2, 3, 4: never 2.5
    few = self_assessment.answered(company(), {one: 4, two: 4})
    assert few.answer == "2 of 25 questions are answered; of no aspect that is enough for a level."
    assert self_assessment.answered(company(), {}).answer.startswith("0 of 25 questions are answered;")


def test_answers_that_hardly_go_together_are_shown_and_not_changed():
    rule = MODEL.contradictions[0]
    made = self_assessment.answered(company(), dict(zip(rule.items, rule.low, strict=True)))
    assert made.tables[1].frame["Together they say"].to_list() == [rule.says]
    other = self_assessment.answered(company(), {rule.items[0]: rule.low[0], rule.items[1]: "unknown"})
    assert len(other.tables) == 1


@pytest.mark.parametrize(
    ("answers", "told"), [({"Z9": 1}, "no question 'Z9'"), ({ITEMS[FIRST.id][0]: 5}, "one of 1, 2, 3, 4, unknown, not_applicable")]
)  # fmt: skip
def test_what_cannot_be_an_answer_is_refused(answers, told):
    with pytest.raises(ReportError, match=told):
        self_assessment.answered(company(), answers)


def test_agreement_of_a_team_by_wave_and_aspect():
    made = self_assessment.agreement(
        company(agreed(number=1, wave="2026-Q2", agrees=False, deviation=0.9, within_group=-0.1), agreed(), agreed(aspect=FIRST.id, n=28, rated=5)), "a"
    )  # fmt: skip
    assert made.answer == (
        "In wave 2026-Q3, 6 people answered for a. Within the team they agree: over 25 questions answers lie 0.50 levels from the middle one on average "
        "(agreement: up to 0.67; r*wg 0.60). “Don’t know” was 7 of 137 answers: 5.1 % (95 % interval 2.5–10.0 %). "
        "1 person gave answers that hardly go together."
    )
    by_aspect, by_wave = (table.frame for table in made.tables)
    assert by_aspect["Aspect"].to_list() == [FIRST.title]
    assert by_wave["Agreement"].to_list() == ["no", "yes"]


NOT_TOLD = dict.fromkeys(
    ("n", "levels", "unknown", "not_applicable", "missing", "unknown_share", "low", "high", "rated", "deviation", "within_group", "agrees", "contradicting")
)  # fmt: skip


def test_of_few_people_nothing_is_told():
    few = agreed(respondents=None, is_indicative=True, is_withheld=True, **NOT_TOLD)
    made = self_assessment.agreement(company(few, {**few, "aspect": FIRST.id}), "a")
    assert made.answer == (
        "Of wave 2026-Q3 neither how many answered for a nor how far they agree is told: with fewer than 5, each could tell what the others said."
    )
    (table,) = made.tables
    assert table.frame.to_dicts() == [
        {"Wave": "2026-Q3", "Respondents": "withheld", "Questions compared (n)": "withheld"}
    ]
    assert made.cautions == ()
    beside = self_assessment.agreement(company(agreed(is_withheld=True, **NOT_TOLD)), "a")
    assert beside.answer.endswith("is told: it would tell what the few of another team said.")


@pytest.mark.parametrize(("scope", "entity"), [("org", "org"), ("team", "payments"), ("team", "edge")])
def test_the_page_says_what_the_notebook_says(mart, sample, scope, entity):
    made = self_agreement.agreement(View(mart, scope, entity, mart.period("")))
    team = entity if scope == "team" else None
    assert [table.frame.to_dicts() for table in made.tables] == [
        table.frame.to_dicts() for table in self_assessment.agreement(sample, team).tables
    ]
    told = mart.studies[self_agreement.STUDY].filter(scope=scope, entity_id=entity, number=2)
    assert ("neither how many" in made.answer) == (entity == "edge") == (told["respondents"][0] is None)


def test_where_nobody_answered_or_nobody_can_be_compared_it_says_so():
    assert self_assessment.agreement(company(), "a").answer == "Nobody has assessed a in a wave that is closed."
    assert self_assessment.agreement(company()).answer == "Nobody has assessed Acme in a wave that is closed."
    alone = agreed(rated=0, deviation=None, within_group=None, agrees=None, unknown_share=None)
    assert "nothing can be said about agreement" in self_assessment.agreement(company(alone), "a").answer
    with pytest.raises(ReportError, match="no team 'aa'"):
        self_assessment.agreement(company(), "aa")


def test_forms_that_came_late_are_told():
    made = self_assessment.agreement(company(agreed(scope="org", entity_id="org", late=2)))
    assert "2 forms came after the wave was closed and count in no number." in made.cautions


def test_a_hostile_name_is_shown_and_does_nothing():
    made = self_assessment.agreement(company(agreed(entity_id=SCRIPT, wave=SCRIPT)), SCRIPT)
    shown = "".join(bundle["text/html"] for bundle in made.outputs())
    assert "&lt;script" in shown
    assert "<script" not in shown


def test_the_sample_company(sample):
    assert self_assessment.questions(sample).frame.height == len(MODEL.items)
    whole = self_assessment.agreement(sample)
    assert "of 9 teams answered" in whole.answer
    assert whole.tables[0].frame.height == len(MODEL.aspects)
