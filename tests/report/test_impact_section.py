"""Did it work? Hand-made ledgers for every verdict: each is told with interval, n and method, and never more strongly than the method allows."""

from __future__ import annotations

import re
from datetime import date

import pytest
from answer_building import SCRIPT, all_words, by_team, frame, of_org
from impact_building import change, company, course, units

from idp_analytics.errors import ReportError
from idp_analytics.metrics import top_two
from idp_analytics.metrics.follow_through import LINKED
from idp_analytics.metrics.impact.columns import COLUMNS, WEEKS_COLUMNS
from idp_analytics.report import impact, learnt, only_changes
from idp_analytics.report.reports import OrgReport
from idp_analytics.report.view import View

SEEN = course((-1, 0.5, -2.0, 3.0, 9), (0, -4.0, -7.0, -1.0, 9), (1, -9.0, -14.0, -4.0, 8), (7, 3.0, -500.0, 500.0, 2))


def section(*rows, who=(), points=()):
    return impact.impact(of_org(company(*rows, who=who, points=points)))


def part(*rows, **given):
    (only,) = section(*rows, **given).parts
    return only


def test_a_change_that_worked_is_told_with_all_it_rests_on():
    who = [*units("a", "b"), *units("c", took=None)]
    made = section(change(), change(metric="change_fail_rate", role="exploratory", effect=0.01, low=-0.02, high=0.04, unit="share of deployments",
                                    p=0.2, p_adjusted=0.5, detectable=0.06, verdict="no detectable change"), who=who, points=SEEN)  # fmt: skip
    assert (
        made.answer
        == "Of 1 registered change whose day to look has come: 1 improved. Nobody has written down yet what follows from 1 of them (idp intervention review)."
    )
    assert made.tables[0].frame.row(0) == (
        "pipeline (delivery)", "Change lead time", "down 4.0 h", "2 of 3 services since 1 February 2026", "−9.0 h, −14.0 to −4.0", "1,200", "3",
        "group-time effects", "✓ improved", "due, 2026-06-01",
    )  # fmt: skip
    (one,) = made.parts
    assert one.verdict == "improved" and [metric.name for metric in one.metrics] == ["change_lead_time"]
    assert one.answer == (
        "Change pipeline (delivery), taken up by 2 of 3 services since 1 February 2026. Hoped: Changes arrive sooner; change lead time down by 4.0 h or more. Against "
        "units that had not taken it up: −9.0 h, −14.0 to −4.0 (95 % interval), from 1,200 observations; improved. It was to be looked at on 1 June 2026: "
        "keep it, change it or end it, and write that down."
    )  # fmt: skip
    judged = dict(one.tables[0].frame.rows())
    assert judged["Why this one"] == "12 units took it up and 9 had not."
    assert judged["p"] == "under 0.001" and judged["p of the placebo: dates given out anew"] == "0.020"
    assert (
        judged["p of having moved apart before"] == "0.42"
        and judged["Drift before that would have been seen"] == "1.5 h a month"
    )
    assert judged["Smallest difference seen four times in five"] == "6.0 h"
    assert judged["Holds up to a drift apart of"] == "0.8 times the largest monthly step before"
    assert judged["What would change our mind"] == "Others moving alike from now on."
    assert judged["Registered"] == "2026-01-02, before anybody had taken it up"
    assert one.tables[1].frame["Month"].to_list() == ["-1", "0", "+1"]
    assert one.tables[1].left_out == 1
    assert one.tables[2].frame.row(0) == ("Change fail rate", "+1.0 points, −2.0 to +4.0", "1,200", "0.50", "6.0 points", "≈ no detectable change")  # fmt: skip
    assert one.chart is not None and "not drawn: 1 month with fewer than 5 units" in one.chart.description


VERDICTS = [
    # What is compared with nothing says that something changed and never why.
    (change(verdict="worsened", effect=5.0, low=1.0, high=9.0), "+5.0 h, +1.0 to +9.0 (95 % interval), from 1,200 observations; worsened."),
    (change(verdict="no detectable change", effect=-0.5, low=-2.0, high=1.0, detectable=2.1),
        "no detectable change. A difference of 2.1 h or more would have been seen four times in five; what matters begins at 4.0 h."),
    (change(verdict="insufficient data", effect=-0.5, low=-9.0, high=8.0, detectable=11.0, caution="Nothing is seen, but little would be."),
        "insufficient data. It was to be looked at"),
    (change(verdict="not identified", method="process behaviour", compared=0),
        "After against before: −9.0 h, −14.0 to −4.0 (95 % interval), from 1,200 observations; not identified. With nothing to compare with, nothing tells "
        "whether it was this change."),
    (change(verdict="not identified", method="interrupted time series", compared=0), "Against what the weeks before let expect: −9.0 h"),
    (change(verdict="not identified", caution="Two changes reached the same units."), "Against units that had not taken it up: −9.0 h"),
    (change(verdict="insufficient data", method="none", why="Nobody is known before and after.", effect=None, low=None, high=None),
        "Nothing can be said: nobody is known before and after."),
    (change(verdict="not measured", method="none", metric="change_lead_tim", unit=None, why="There is no metric 'change_lead_tim'.", effect=None, low=None, high=None, n=0, missing=0),
        "change_lead_tim down by 4.0 or more. Nothing can be said: there is no metric"),
    (change(state="running", review_on=date(2026, 9, 1)), "It is to be looked at on 1 September 2026; what is seen until then is no answer."),
    (change(state="reviewed"), "It was to be looked at on 1 June 2026, and what followed is written down."),
]  # fmt: skip


@pytest.mark.parametrize(("row", "said"), VERDICTS)
def test_every_verdict_has_its_words(row, said):
    one = part(row, who=units("a"))
    assert said in one.answer
    assert one.verdict == row["verdict"]
    assert row.get("caution") is None or row["caution"] in one.cautions


def test_what_was_resolved_once_it_was_looked_at_stands_beside_it():
    """On the page and not only in the ledger: how much was resolved, and what became of it by the end of the period shown."""
    period = of_org(company(change())).period
    linked = {
        "scope": "org", "entity_id": "org", "every": period.every, "period": period.label, "period_start": period.start, "is_partial": False,
        "intervention_id": "pipeline", "n": 3, "done": 1, "dropped": 0, "ended": 0, "open": 2, "overdue": 0,
    }  # fmt: skip
    other = {**linked, "intervention_id": "other", "n": 9}
    made = company(change(state="reviewed"), who=units("a"), follow_through_linked=frame([other, linked], LINKED))
    whole = impact.impact(of_org(made))
    assert "Of 1 what followed is written down." in whole.answer
    assert "Nobody has written down" not in whole.answer
    assert whole.parts[0].answer.endswith("and what followed is written down: 3 actions, 1 done, 2 open.")


@pytest.mark.parametrize(("method", "band"), [("interrupted time series", "its interval"), ("process behaviour", "natural process limits")])  # fmt: skip
def test_what_is_compared_with_nobody_is_drawn_week_by_week(method, band):
    weeks = [
        {"scope": "org", "entity_id": "org", "intervention_id": name, "metric": "change_lead_time", "period_start": date(2026, 1, 5 + 7 * at), "side": side,
         "value": value, "n": 4, "fitted": value, "without": 30.0 if side == "after" else None, "low": 20.0, "high": 40.0}
        for name in ("pipeline", "other") for at, (side, value) in enumerate((("before", 30.0), ("after", 21.0)))
    ]  # fmt: skip
    row = change(verdict="not identified", method=method, compared=0)
    (one,) = impact.impact(of_org(company(row, who=units("a"), impact_weeks=frame(weeks, WEEKS_COLUMNS)))).parts
    assert one.chart.title.startswith("pipeline: Change lead time by week")
    assert len(one.chart.spec["datasets"]["weeks"]) == 2
    assert f"grey: {band}" in str(one.chart.spec)
    unknown = [{**week, "value": None} for week in weeks]
    (one,) = impact.impact(of_org(company(row, who=units("a"), impact_weeks=frame(unknown, WEEKS_COLUMNS)))).parts
    assert one.chart is None


def test_a_warning_that_begins_with_a_name_begins_with_a_word():
    assert part(change(caution="base reached units of it too.")).cautions == ("Of note: base reached units of it too.",)


CLAIMS = re.compile(
    r"\b(caus\w*|because of|thanks to|due to|led to|leads to|effect of|result of|resulted|made it|worked|proves?|proven|brought)\b",
    re.I,
)


@pytest.mark.parametrize("row", [row for row, _ in VERDICTS] + [change()])
def test_no_word_is_stronger_than_the_method_allows(row):
    made = section(row, who=units("a"), points=SEEN)
    said = all_words(made).replace("which no number proves", "").replace("Did it work?", "")
    assert not CLAIMS.findall(said)
    if row["method"] not in learnt.COMPARED:
        assert "improved" not in said and "worsened" not in said
    assert "None" not in said and "nan" not in said.replace("finance", "")


def test_those_to_be_looked_at_come_first_and_those_planned_have_no_part():
    rows = [
        change("planned", state="planned", effect=None, low=None, high=None, verdict="insufficient data", method="none"),
        change("old", state="reviewed", review_on=date(2026, 2, 1)), change("now", review_on=date(2026, 6, 20)),
        change("soon", state="running", review_on=date(2026, 7, 9)), change("later", state="running", review_on=date(2026, 9, 9)),
        change("due", review_on=date(2026, 5, 1)),
    ]  # fmt: skip
    made = section(*rows)
    assert made.tables[0].frame["Change"].to_list() == [
        f"{name} (delivery)" for name in ("now", "due", "soon", "later", "old", "planned")
    ]
    assert [one.answer.split(" ")[1] for one in made.parts] == ["now", "due", "soon", "later", "old"]
    assert (
        "2 changes are running, the next to be looked at on 9 July 2026. 1 is planned: nobody has taken it up yet."
        in made.answer
    )
    assert "who looks often enough sees anything" in " ".join(made.cautions)
    many = section(*(change(f"c{n:02d}") for n in range(9)))
    assert len(many.parts) == impact.PART and many.tables[0].frame.height == 9


def test_registered_after_the_fact_is_told():
    one = part(change(), who=[*units("a", late=True), *units("b")])
    assert dict(one.tables[0].frame.rows())["Registered"] == "2026-01-02, after 1 of 2 had taken it up"


def test_one_change_by_name():
    view = of_org(company(change(), change("other")))
    assert impact.change(view, "other").answer.startswith("Change other (delivery)")
    with pytest.raises(ReportError, match=r"'othr' is not registered. Did you mean 'other'\?"):
        impact.change(view, "othr")


# --- nothing registered ------------------------------------------------------------------------------------------------


def first_two(**changed):
    rows = [
        {"scope": "org", "entity_id": "org", "survey_id": "s", "wave": "w", "closed_on": date(2026, 6, 1), "evidence": "votes", "subject": area, "title": area,
         "n": 20, "k": 10, "value": 0.5, "low": 0.3, "high": 0.7, "level": 0.95, "top_two": chance, "is_separable": False, "metric": metric, **changed}
        for area, metric, chance in (("deploying", "change_lead_time", 0.9), ("documentation", None, 0.8), ("tests", None, 0.1))
    ]  # fmt: skip
    return frame(rows, top_two.COLUMNS)


def test_where_nothing_is_registered_it_says_what_to_register_and_draws_nothing():
    made = impact.impact(of_org(company(top_two=first_two())))
    assert made.chart is None and made.parts == () and made.verdict is None
    assert made.answer.startswith(
        "No change is registered, so nothing can be said to have worked: what was bad gets better by itself"
    )
    assert "Deploying: register what you change about it, judged by change lead time (now 30.0 h)." in made.answer
    assert "“idp intervention add --data data/acme --metric change_lead_time --id … --hypothesis …" in made.answer
    assert [metric.name for metric in made.metrics] == ["change_lead_time"]
    assert "documentation" not in made.answer  # no metric of the kit measures it


def test_without_a_survey_the_next_steps_say_what_to_register():
    steps = frame(
        [{"scope": "org", "rank": 2, "title": "Delivery", "source": "change_lead_time"}, {"scope": "org", "rank": 1, "title": "Cost", "source": "showback_cost"}],
        {"scope": str, "rank": int, "title": str, "source": str},
    )  # fmt: skip
    made = impact.impact(of_org(company(maturity_steps=steps)))
    assert "Delivery: register" in made.answer and "Cost" not in made.answer
    nothing = impact.impact(of_org(company()))
    assert "Choose the one number that is to move" in nothing.answer and "--metric METRIC" in nothing.answer


# --- of a team ---------------------------------------------------------------------------------------------------------


def test_a_team_reads_what_was_changed_there_and_what_the_whole_says():
    who = [
        *units("shop", scope="team", entity="red"),
        *units("cart", took=None, scope="team", entity="red"),
        *units("other", scope="team", entity="blue"),
    ]
    made = impact.impact(by_team(company(change(), who=who), "red"))
    assert made.answer == (
        "Change pipeline (delivery): taken up by 1 of 2 services of ours, first on 1 February 2026. Of the organisation, change lead time: improved (−9.0 h, −14.0 to −4.0 against units that had not "
        "taken it up)."
    )  # fmt: skip
    assert made.verdict is None and made.chart is None and made.parts == ()
    assert "none of it is this team's" in made.cautions[0]
    assert made.tables[0].frame.row(0)[:2] == ("pipeline (delivery)", "shop since 1 February 2026; cart not yet")
    not_yet = company(change(), who=units("cart", took=None, scope="team", entity="red"))
    assert "not taken up yet by 1 service of ours" in impact.impact(by_team(not_yet, "red")).answer
    none = impact.impact(by_team(company(change(), who=who), "green"))
    assert none.answer.startswith("No registered change is about this team.") and not none.tables


# --- what was learnt goes on -------------------------------------------------------------------------------------------


def test_what_is_due_is_told_in_one_sentence():
    rows = [change("a", review_on=date(2026, 5, 1)), change("b", effect=None, low=None, high=None, verdict="insufficient data", method="none"),
            change("c", review_on=date(2026, 4, 1)), change("d", state="reviewed"), change("e", state="running")]  # fmt: skip
    assert impact.due(of_org(company(*rows))) == [
        "3 registered changes wait for a decision (keep, change or end): b (change lead time, insufficient data); a (change lead time, improved: −9.0 h, 95 % interval −14.0 to −4.0); and 1 more."
    ]
    assert impact.due(of_org(company(change(state="running")))) == []


def test_what_was_tried_stands_beside_the_area():
    impacts = frame([change(), change("again", state="reviewed", verdict="not identified", method="process behaviour", review_on=date(2026, 3, 1)),
                     change("running", state="running"), change("other", metric="change_fail_rate")], COLUMNS)  # fmt: skip
    assert learnt.tried(impacts, "change_lead_time") == (
        "tried: pipeline, improved (−9.0 h, −14.0 to −4.0 against units that had not taken it up); again, it changed, and why is not identified (−9.0 h, −14.0 to "
        "−4.0 after against before)"
    )  # fmt: skip
    assert learnt.tried(impacts, "batch_size") == "" == learnt.tried(impacts, None)


def test_text_from_data_does_no_harm():
    made = section(change(SCRIPT, component=SCRIPT, hypothesis=SCRIPT, caution=SCRIPT, why=SCRIPT, overlaps=SCRIPT, would_change=SCRIPT),
                   who=units(SCRIPT, change=SCRIPT), points=course((0, 1.0, 0.0, 2.0, 9), change=SCRIPT))  # fmt: skip
    shown = "".join(bundle.get("text/html", "") for bundle in made.outputs())
    assert "<script>" not in shown and "&lt;script&gt;" in shown


def test_a_report_of_nothing_but_changes_says_the_same(sample, mart):
    assert repr(only_changes(sample).impact()) == repr(OrgReport(View(mart, "org", "org", mart.period())).impact())
