"""What a reader is told of scorecards: levels with n, what is open, points with what they hide, and where the data say the opposite."""

from __future__ import annotations

from answer_building import SCRIPT, all_words, by_team, frame, mart, of_org, of_team

from idp_analytics.metrics.maturity.evidence import CRITERIA
from idp_analytics.metrics.maturity.measured import ABSENT
from idp_analytics.metrics.scorecard_study import CARDS, DISPUTES, RULES
from idp_analytics.periods import parse
from idp_analytics.report.scorecards import AT_MOST, scorecards

CELL = {
    "scope": "org", "entity_id": "org", "every": "1mo", "period": "2026-06", "period_start": parse("2026-06").start, "is_partial": False, "tool": "port",
    "scorecard": "production", "level": 0.95,
}  # fmt: skip
POINTS = {
    "tool": "openssf", "scorecard": "openssf", "points_n": 5, "points": 0.64, "points_low": 0.5, "points_high": 0.8, "points_if_none": 0.45, "points_if_all": 0.7,
    "points_most": 10.0,
}  # fmt: skip


def whole(n, unknown=0, **more):
    return {**CELL, "n": n, "unknown": unknown, "nameless": 0, **more}


def level(number, name, surely, possibly, n, **more):
    return {**CELL, "level_number": number, "level_name": name, "surely": surely, "possibly": possibly, "n": n, "is_told": False, **more}  # fmt: skip


def rule(name, k, n, **more):
    counts = dict.fromkeys(
        ("partial", "failed", "exempt", "not_applicable", "unknown", "compared", "agree", "only_said", "only_seen"), 0
    )
    value = {"value": k / n, "low": k / n / 2, "high": (k / n + 1) / 2} if n else {}
    return {**CELL, **counts, "rule": name, "k": k, "n": n, **value, **more}


def seen(*cards, rules=(), disputes=(), criteria=(), of=of_org, **named):
    studies = {
        "scorecards": frame(cards, CARDS), "scorecard_rules": frame(rules, RULES), "scorecard_disputes": frame(disputes, DISPUTES),
        "maturity_criteria": frame(criteria, CRITERIA),
    }  # fmt: skip
    return scorecards(of(mart(studies=studies), **named))


def test_the_answer():
    made = seen(
        whole(9, 3), level(1, "Bronze", 8, 8, 9), level(2, "Silver", 4, 6, 9), whole(5, 7, **POINTS),
        rules=[rule("owned", 9, 9), rule("on-call", 3, 6, seen_as="owner", compared=6, agree=3, only_said=2, only_seen=1, agreement=0.5, agreement_low=0.2, agreement_high=0.8)],
    )  # fmt: skip
    assert made.answer == (
        "By the end of June 2026 production (Port) has checked 9 of 12 services: 8 have come to Bronze, 4\u2060–\u20606 to Silver. Fewest pass on-call: 3 of 6 judged "
        "(95 % interval 25.0–75.0 %). OpenSSF Scorecard has checked 5 of 12 services. The median of 5 services is 6.4 of 10 points (95 % interval 5.0\u2060–\u20608.0 of 10; "
        "4.5 of 10 if checks that could not tell had none). Of 6 services, 2 pass on-call although the opposite is seen here (owner) and 1 does not pass it and is seen "
        "here as if it did."
    )
    assert made.trace == "idp explain scorecard_rules --data data/acme --period 2026-06"
    assert made.chart is not None
    assert "on-call, n 6: 50.0 %" in made.chart.description


def test_every_card_has_its_rules_and_points_are_no_shares():
    made = seen(
        whole(9), whole(5, **POINTS),
        rules=[rule("owned", 4, 9, failed=5, level_number=1, level_name="Bronze"), rule("SAST", 0, 5, partial=5, tool="openssf", scorecard="openssf")],
    )  # fmt: skip
    captions = [table.caption for table in made.tables]
    assert captions == [
        "Points of services of Acme, end of June 2026", "Services of Acme by rule of production (Port), end of June 2026",
        "Services of Acme by rule of OpenSSF Scorecard, end of June 2026",
    ]  # fmt: skip
    assert "SAST" not in made.chart.description  # all ten points are not what others call passing
    assert any("passing means all of them" in caution for caution in made.cautions)


def test_a_team_none_of_whose_services_was_checked():
    rows = of_team("payments", whole(0, 4), level(1, "Bronze", 0, 0, 0))
    made = seen(*rows, of=by_team, team="payments")
    assert made.answer == "No scorecard had a result of any of these services at the end of June 2026."
    assert made.chart is None
    assert seen().answer == made.answer
    assert (seen().tables, seen().trace, seen().cautions) == ((), "", ())


def test_what_is_not_shown_is_counted_and_names_are_text():
    apart = [
        {**CELL, "rule": SCRIPT, "seen_as": "owner", "service_id": f"s{n:02}", "is_passed": n % 2 == 0}
        for n in range(AT_MOST + 3)
    ]
    made = seen(whole(20, nameless=2), rules=[rule(SCRIPT, 20, 20)], disputes=apart)
    last = made.tables[-1]
    assert (last.frame.height, last.left_out) == (AT_MOST, 3)
    assert "<script>" not in "".join(bundle["text/html"] for bundle in made.outputs() if "text/html" in bundle)
    assert "2 things that were checked are of no known service" in all_words(made)


def test_a_criterion_of_the_model_on_what_is_not_there_is_said():
    lost = {"scope": "org", "entity_id": "org", "source": "scorecard prodution: owned", "why": ABSENT}
    made = seen(whole(9), criteria=[lost, {**lost, "source": "paths_retired"}])
    assert [c for c in made.cautions if "maturity model names" in c] == [
        "The maturity model names scorecard prodution: owned, of which there is nothing in the data."
    ]


def test_a_rule_of_the_settings_that_no_scorecard_has_is_said():
    studies = {"scorecards": frame([whole(9)], CARDS), "scorecard_rules": frame([rule("owned", 9, 9)], RULES)}
    made = scorecards(of_org(mart(studies=studies, scorecard_rules=[["production", "owned"], ["production", "ownd"]])))
    assert [c for c in made.cautions if "settings.toml says what" in c] == [
        "No scorecard production with a rule ownd is in the data, though settings.toml says what that rule asks."
    ]


def test_several_periods_are_laid_beside_each_other():
    before = {"period": "2026-05", "period_start": parse("2026-05").start}
    made = seen(
        whole(9), level(1, "Bronze", 8, 8, 9), level(2, "Silver", 4, 6, 9), {**whole(8), **before}, {**level(1, "Bronze", 5, 7, 8), **before}, whole(5, **POINTS),
    )  # fmt: skip
    (course,) = (table.frame for table in made.tables if "period by period" in table.caption)
    assert course.select("End of", "Scorecard", "Services checked (n)", "Have come to").rows() == [
        ("2026-05", "production (Port)", "8", "5\u2060–\u20607 to Bronze"), ("2026-06", "production (Port)", "9", "8 to Bronze, 4\u2060–\u20606 to Silver"),
    ]  # fmt: skip
