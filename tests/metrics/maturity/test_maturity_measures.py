"""What criteria look at, by hand; who is asked; what people say of their team."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl
import pytest

from idp_analytics.errors import SettingsError
from idp_analytics.metrics import survey_groups, survey_response
from idp_analytics.metrics.adoption_kinds import adoption_kinds
from idp_analytics.metrics.bill_quality import allocated
from idp_analytics.metrics.cells import of_spans
from idp_analytics.metrics.drift import drift
from idp_analytics.metrics.maturity import (
    evidence,
    from_paths,
    from_practice,
    from_requests,
    from_stress,
    from_surveys,
    self_levels,
    studies,
)
from idp_analytics.metrics.maturity.measured import COLUMNS
from idp_analytics.metrics.path_coverage import path_coverage
from idp_analytics.metrics.studies import STUDIES
from idp_analytics.metrics.survey_results import survey_results
from idp_analytics.settings.maturity_model import shipped

AS_OF = "2026-07-01"


@pytest.fixture
def measured(company, settings, as_of):
    def of(function, platform=None, **tables):
        from dataclasses import replace

        chosen = replace(settings(), platform_team=platform)
        found = function(company(**tables), chosen, as_of(AS_OF))
        assert dict(found.schema) == COLUMNS
        return {row["entity_id"]: row for row in found.to_dicts()}

    return of


def severe(name, opened, resolved, service="shop", team="red", **given):
    return {"incident_id": name, "severity": 1, "opened_at": opened, "resolved_at": resolved, "service_id": service, "team_id": team, **given}  # fmt: skip


OWNED = {
    "services": [{"service_id": s, "lifecycle": "production"} for s in ("shop", "till", "calm")],
    "ownership": [{"service_id": "shop", "team_id": "red"}, {"service_id": "till", "team_id": "blue"}, {"service_id": "calm", "team_id": "white"}],
}  # fmt: skip


def test_rules_kept_under_stress_by_hand(measured):
    incidents = [severe(f"i{n}", f"2026-05-0{n}T10:00", f"2026-05-0{n}T11:00") for n in range(1, 8)]
    incidents.append(severe("mild", "2026-05-20T10:00", "2026-05-20T11:00", severity=3))
    incidents.append(severe("old", "2025-05-20T10:00", "2025-05-20T11:00"))
    hatches = [
        {"hatch_id": "a", "kind": "bypass", "service_id": "shop", "opened_at": "2026-05-01T10:30"},  # in i1
        {"hatch_id": "b", "kind": "override", "service_id": "shop", "opened_at": "2026-05-02T12:59"},  # within two hours after i2
        {"hatch_id": "c", "kind": "bypass", "service_id": "shop", "opened_at": "2026-05-03T13:00"},  # two hours after i3: too late
        {"hatch_id": "d", "kind": "exemption", "service_id": "shop", "opened_at": "2026-05-04T10:30"},  # granted, not gone round
        {"hatch_id": "e", "kind": "bypass", "service_id": "till", "opened_at": "2026-05-05T10:30"},  # another service
        {"hatch_id": "f", "kind": "bypass", "service_id": "shop", "opened_at": "2026-05-20T10:30"},  # the incident was mild
    ]  # fmt: skip
    found = measured(from_stress.rules_kept_under_stress, incidents=incidents, escape_hatches=hatches, **OWNED)
    assert (found["org"]["k"], found["org"]["n"], found["org"]["value"]) == (5, 7, pytest.approx(5 / 7))
    assert found["red"]["k"] == 5
    # A team without a severe incident was not tested, which is neither good nor bad.
    assert found["blue"]["why"] == found["white"]["why"] == "nothing to test it"


def test_without_a_log_of_ways_round_nobody_is_said_to_have_kept_the_rules(measured):
    incidents = [severe("i", "2026-05-01T10:00", "2026-05-01T11:00")]
    assert measured(from_stress.rules_kept_under_stress, incidents=incidents)["org"]["why"] == "not in the data"


FIRST = datetime(2026, 4, 1, 10)
STRESS = [FIRST + timedelta(days=9 * n) for n in range(6)]
"""An hour of a severe incident every ninth day, so that the same weekday is never in another one a week or two away."""
BESIDE = [day + timedelta(days=7 * week) for day in STRESS for week in (-2, -1, 1, 2)]
"""The four nearest calm windows of each."""


def burning(on_path=lambda n: True, calm=lambda n: True):
    """A team with six incidents, four deployments in each, and one in each calm window beside; on the days between, many that count for nothing."""
    shipped = [
        (day + timedelta(minutes=m), on_path(m)) for day in STRESS for m in (5, 30, 59, 170)
    ]  # the last within two hours after
    shipped += [(day + timedelta(minutes=30), calm(n)) for n, day in enumerate(BESIDE)]
    shipped += [(day + timedelta(days=3, hours=5), False) for day in STRESS for _ in range(9)]
    shipped.append((FIRST - timedelta(days=20), False))  # from here on there are data
    return {
        "incidents": [severe(f"i{n}", day.isoformat(), (day + timedelta(hours=1)).isoformat()) for n, day in enumerate(STRESS)],
        "deployments": [
            {"deployment_id": f"d{n}", "service_id": "shop", "team_id": "red", "started_at": at.isoformat(), "finished_at": at.isoformat(), "golden_path_id": "p" if path else None, "automated": True}
            for n, (at, path) in enumerate(shipped)
        ],
        "golden_paths": [{"golden_path_id": "p", "kind": "pipeline", "released_at": "2025-01-01"}],
    }  # fmt: skip


def test_stress_is_compared_with_the_same_hours_a_week_or_two_away(measured):
    """12 of 24 on the path in stress against 18 of 24 in calm; what was shipped on other days and at other hours is neither."""
    made = burning(lambda minute: minute < 31, lambda n: n % 4 != 0)
    found = measured(from_stress.path_share_under_stress, **made, **OWNED)
    for entity in ("org", "red"):
        assert (found[entity]["n"], found[entity]["value"], found[entity]["why"]) == (
            24,
            pytest.approx(0.5 / 0.75),
            None,
        )
        assert found[entity]["low"] < 0.5 / 0.75 < found[entity]["high"]


def test_too_little_in_stress_says_nothing_and_no_incident_tests_nothing(measured):
    made = burning()
    few = {**made, "incidents": made["incidents"][:4]}
    assert measured(from_stress.path_share_under_stress, **few, **OWNED)["red"]["why"] == "too few to say"
    none = {**made, "incidents": []}
    assert measured(from_stress.path_share_under_stress, **none, **OWNED)["red"]["why"] == "nothing to test it"
    assert measured(from_stress.tickets_under_stress, **none, tickets=[{"ticket_id": "t", "created_at": "2026-05-01"}], **OWNED)["org"]["why"] == "nothing to test it"  # fmt: skip
    assert (
        measured(from_stress.path_share_under_stress, **{**made, "deployments": []}, **OWNED)["org"]["why"]
        == "not in the data"
    )


def test_tickets_are_asked_for_by_anybody_during_anybodys_incident(measured):
    """A ticket in every incident and one in six calm windows, whoever asks: 6 ÷ 24 deployments against 6 ÷ 24."""
    made = burning()
    asked = [*STRESS, *BESIDE[::4]]
    tickets = [{"ticket_id": f"t{n}", "created_at": (at + timedelta(minutes=10)).isoformat(), "team_id": "blue"} for n, at in enumerate(asked)]  # fmt: skip
    found = measured(from_stress.tickets_under_stress, **made, tickets=tickets, **OWNED)["org"]
    assert (found["n"], found["value"]) == (24, pytest.approx(1.0))
    assert found["low"] < 1 < found["high"]


def test_an_incident_that_stays_open_is_a_state_after_three_days(measured):
    """The same hour that everything else goes by: what is done in the fourth day of an open incident is not done under stress."""
    incidents = [severe(f"i{n}", f"2026-05-{3 * n:02d}T10:00", f"2026-05-{3 * n:02d}T11:00") for n in range(1, 6)] + [severe("open", "2026-06-01T00:00", None)]  # fmt: skip
    hatch = {"hatch_id": "a", "kind": "bypass", "service_id": "shop"}
    for at, kept in (("2026-06-03T23:00", 5), ("2026-06-04T00:00", 6)):
        found = measured(from_stress.rules_kept_under_stress, incidents=incidents, escape_hatches=[{**hatch, "opened_at": at}], **OWNED)  # fmt: skip
        assert (found["red"]["k"], found["red"]["n"]) == (kept, 6)


def test_actions_in_time_by_hand(measured):
    def action(name, **given):
        usual = {"action_id": name, "team_id": "red", "origin": "postmortem", "opened_on": "2026-05-01", "due_on": "2026-05-15"}  # fmt: skip
        return {**usual, **given}

    rows = [
        action("done", closed_on="2026-05-15"),
        action("late", closed_on="2026-05-16"),
        action("open"),
        action("dropped", closed_on="2026-05-02", outcome="dropped"),
        action("early", closed_on="2026-05-03"),
        action("undated", due_on=None, closed_on="2026-05-03"),
        action("ahead", due_on="2026-07-01"),
        action("past", due_on="2025-12-30", closed_on="2025-12-01"),
        action("else", origin="retrospective"),
    ]
    found = measured(from_practice.postmortem_actions_in_time, actions=rows, **OWNED)
    # Due from 2025-12-31 on: done, late, open, dropped, early; undated is missing.
    assert (found["red"]["k"], found["red"]["n"], found["red"]["missing"]) == (3, 5, 1)
    assert found["blue"]["why"] == "nothing to test it"


def test_postmortems_by_hand(measured):
    rows = [severe(f"i{n}", f"2026-05-0{n}T10:00", f"2026-05-0{n}T11:00", postmortem_on=day) for n, day in enumerate(["2026-05-15", "2026-05-17", None, "2026-05-04", "2026-05-05"], 1)]  # fmt: skip
    rows.append(severe("fresh", "2026-06-28T10:00", "2026-06-28T11:00"))  # may still have one
    found = measured(from_practice.postmortems_held, incidents=rows, **OWNED)
    # Two weeks after 1 May is the 15th (in time), after 2 May the 16th (the 17th is late).
    assert (found["red"]["k"], found["red"]["n"]) == (3, 5)
    assert measured(from_practice.postmortems_held, incidents=[rows[2]])["org"]["why"] == "not in the data"


def test_owners_are_counted_and_not_drawn(measured):
    services = [{"service_id": "a", "lifecycle": "production"}, {"service_id": "b"}, {"service_id": "c", "lifecycle": "production"}, {"service_id": "gone", "retired_at": "2026-01-01"}]  # fmt: skip
    owners = [{"service_id": "a", "team_id": "red"}, {"service_id": "b", "team_id": "red"}, {"service_id": "c", "team_id": "blue", "valid_to": "2026-06-01"}]  # fmt: skip
    from datetime import date

    owners[2]["valid_to"] = date(2026, 6, 1)
    found = measured(from_requests.services_with_an_owner, services=services, ownership=owners)
    # b has no stage of life, c no owner any more.
    assert (found["org"]["value"], found["org"]["low"], found["org"]["high"]) == (pytest.approx(1 / 3),) * 3
    assert found["red"]["value"] == 0.5
    assert "blue" not in found


def test_months_with_platform_cost_need_a_whole_year_of_bills(measured):
    months = [f"{2025 + (m > 12)}-{(m - 1) % 12 + 1:02d}-01" for m in range(7, 19)]
    costs = [{"cost_id": m, "period_start": m, "period_end": m, "team_id": "plat" if i else "red", "amount": 1} for i, m in enumerate(months)]  # fmt: skip
    found = measured(from_practice.months_with_platform_cost, "plat", costs=costs)["org"]
    assert (found["value"], found["n"], found["kind"]) == (11, 12, "counted")
    assert measured(from_practice.months_with_platform_cost, "plat", costs=costs[1:])["org"]["why"] == "too few to say"
    assert measured(from_practice.months_with_platform_cost, None, costs=costs)["org"]["why"] == "settings name no platform team"  # fmt: skip


def test_with_no_data_at_all_every_criterion_is_unknown_or_counted(company, settings, as_of):
    found = evidence.criteria(company(), settings(), as_of(AS_OF))
    told = {row["criterion"]: row["state"] for row in found.to_dicts()}
    counted = {"measurement-targets", "measurement-sources"}  # none were set and none are there: that is known
    assert {name for name, state in told.items() if state != "unknown"} == counted


def test_criteria_that_look_at_nothing_there_is_are_all_named(settings):
    from dataclasses import replace

    model = shipped()
    wrong = replace(model.criteria[0], source="months_with_platform_costs")
    other = replace(next(c for c in model.criteria if c.is_metric), source="deployment_path_shares")
    with pytest.raises(SettingsError) as found:
        evidence.check(replace(settings(), maturity=replace(model, criteria=(wrong, other))))
    assert "Did you mean 'months_with_platform_cost'" in str(found.value)
    assert "Did you mean 'deployment_path_share'" in str(found.value)
    evidence.check(settings())


# --- what is said -----------------------------------------------------------------------------------------------------


def said(form, item, answer, team="red", role="user", version="1.0.0", at="2026-06-01", wave="w"):
    return {
        "assessment_id": form, "item_id": item, "wave": wave, "team_id": team, "respondent_id": form.split("/")[0], "role": role,
        "model_version": version, "answer": str(answer), "submitted_at": at,
    }  # fmt: skip


@pytest.fixture
def self_assessed(company, settings, as_of):
    def of(rows, **rules):
        chosen = settings(**rules)
        given = self_levels.answers(company(assessments=rows), chosen, as_of(AS_OF))
        return given, self_levels.self_levels(given, chosen.maturity, 0.95)

    return of


def level_of(found, team="red", aspect="operations"):
    rows = found.filter(entity_id=team, aspect=aspect).to_dicts()
    return rows[0] if rows else None


OPERATIONS = ("O1", "O2", "O3", "O4", "O5s")


def test_an_aspects_level_is_the_lower_median_of_its_items(self_assessed):
    # Items: 1 3 3 4 unknown → of four the lower of 3 and 3; two respondents of one item: the lower of the two.
    rows = [said("p", item, answer) for item, answer in zip(OPERATIONS, (1, 3, 4, 4, "unknown"), strict=True)]
    rows.append(said("q", "O3", 2))
    found = level_of(self_assessed(rows)[1])
    # O3: 4 and 2 → 2; items 1, 2, 3, 4 → 2.
    assert (found["self_level"], found["self_items"]) == (2, 4)


def test_with_fewer_than_three_of_five_items_there_is_no_level(self_assessed):
    rows = [said("p", item, 3) for item in OPERATIONS[:2]] + [said("p", "O3", "not_applicable")]
    found = level_of(self_assessed(rows)[1])
    assert (found["self_level"], found["self_low"], found["self_high"]) == (None, None, None)


def test_the_last_form_of_a_respondent_counts_and_answers_to_another_model_do_not(self_assessed):
    rows = [said("p", item, 1) for item in OPERATIONS]
    rows += [said("p/again", item, 4, at="2026-06-02") for item in OPERATIONS]
    rows += [said("q", item, 2, version="2.0.0") for item in OPERATIONS]
    rows += [said("r", item, 2, at="2026-07-02") for item in OPERATIONS]
    found = level_of(self_assessed(rows)[1])
    assert (found["self_level"], found["respondents"]) == (4, 1)


def test_a_higher_answer_never_lowers_a_level(self_assessed):
    import random

    draw = random.Random(5)
    for _ in range(25):
        answers = {(who, item): draw.randint(1, 3) for who in "pqr" for item in OPERATIONS}
        before = level_of(self_assessed([said(w, i, a) for (w, i), a in answers.items()])[1])
        raised = draw.choice(list(answers))
        answers[raised] += 1
        after = level_of(self_assessed([said(w, i, a) for (w, i), a in answers.items()])[1])
        assert all(after[name] >= before[name] for name in ("self_level", "self_low", "self_high"))


def spread(people):
    """Answers to one item by team: ``red="2233"`` is four people of red."""
    return [
        said(f"{team}-{n}", "O1", answer, team=team)
        for team, answers in people.items()
        for n, answer in enumerate(answers)
    ]


@pytest.mark.parametrize(
    ("people", "told"),
    [
        ({"red": "1122334411"}, {"org", "red"}),
        ({"red": "112233441"}, set()),  # nine
        ({"red": "1122334411", "blue": "133"}, {"org"}),  # blue is what is left
        ({"red": "1122334411", "blue": "13313", "green": "22413"}, {"org", "red"}),  # ten in two teams, of both halves
        ({"red": "1122334411", "blue": "12212", "green": "22112"}, {"org"}),  # of the lower half only: red is hidden with them
        ({"red": "1122334411", "blue": "3311331133"}, {"org", "red", "blue"}),
    ],
)  # fmt: skip
def test_how_answers_are_spread_is_told_of_ten_and_of_nobody_by_subtraction(self_assessed, settings, people, told):
    found = self_levels.items(self_assessed(spread(people))[0], settings())
    assert set(found["entity_id"]) == told
    if told:
        whole = found.filter(scope="org").row(0, named=True)
        assert [whole[f"said_{n}"] for n in (1, 2, 3, 4)] == [
            "".join(people.values()).count(str(n)) for n in (1, 2, 3, 4)
        ]


def test_a_team_less_its_members_of_one_role_is_not_told(self_assessed, settings):
    """Eleven of red, of whom ten are users: the eleventh is the leader."""
    rows = [said(f"{n}", "O1", 1 + n % 4, role="leader" if n == 10 else "user") for n in range(11)]
    found = self_levels.items(self_assessed(rows)[0], settings())
    assert found.select("scope", "n").rows() == [("org", 11), ("team", 11)]


@pytest.mark.parametrize(
    ("people", "shown"), [("pq", (None, None, None, None)), ("pqr", (1, 1, 1, None)), ("pqrst", (2, 1, 4, 5))]
)  # fmt: skip
def test_of_few_respondents_the_level_alone_is_shown_and_of_two_nothing(self_assessed, people, shown):
    # Five: the middle of 1 1 2 3 4; three: of 1, 1 and 2. How many they are is told of five.
    said_by = dict(zip("pqrst", (1, 1, 2, 3, 4), strict=True))
    _, found = self_assessed([said(who, item, said_by[who]) for who in people for item in OPERATIONS])
    row = level_of(studies.shown(found, 5))
    told = (row["self_level"], row["self_low"], row["self_high"], row["respondents"])
    assert told == shown


def test_studies_have_the_shape_of_the_house_without_data(company, settings, as_of):
    for study in STUDIES:
        if study.name.startswith("maturity"):
            found = study.compute(company(), settings(), as_of(AS_OF))
            assert found.columns[:2] == ["scope", "entity_id"]


def test_none_in_the_worst_quarter_has_no_upper_bound_rather_than_one_that_is_no_number(measured):
    quarters = ["2025-08", "2025-11", "2026-02", "2026-05"]
    incidents = [severe(f"i{n}", "2026-05-02T10:00", "2026-05-02T11:00") for n in range(3)]
    held = [
        {"action_id": f"{team}{month}", "team_id": team, "origin": "retrospective", "origin_id": f"{team}{month}", "opened_on": f"{month}-10"}
        for team, months in (("red", quarters[:3]), ("blue", quarters)) for month in months
    ]  # fmt: skip
    found = measured(from_stress.retrospectives_in_the_worst_quarter, incidents=incidents, actions=held)
    red, blue = found["red"], found["blue"]
    # Red held none in the quarter of the incidents: 0 of the usual 1, and how many it might have been cannot be told from that.
    assert (red["value"], red["low"], red["high"], red["n"], red["why"]) == (0.0, 0.0, None, 3, "too few to say")
    assert (blue["value"], blue["why"]) == (1.0, None)
    assert blue["low"] * blue["high"] == pytest.approx(1.0)


@pytest.mark.parametrize("back", [0, 60])
def test_of_the_last_periods_alone_the_same_is_told_as_among_all(sample, back):
    """What the evidence asks of other studies, narrowed to the periods it looks at, is what the whole studies say of them."""
    given = sample.lazy, sample.settings, sample.as_of - timedelta(days=back)
    spans = from_paths.whole_quarters(sample.settings, given[2])
    assert spans[-1].end <= given[2].date() < spans[-1].end + timedelta(days=100)
    for study in (drift, path_coverage, adoption_kinds):
        whole = study(*given)
        late = whole.filter(of_spans(spans))
        assert study(*given, spans).equals(late)
        assert 0 < late.height < whole.height
        assert from_paths.latest(whole, given[2]).equals(from_paths.latest(late, given[2]))
    since = from_paths.not_before(given[2])
    assert from_paths.latest(allocated(*given, since, is_last=True), given[2]).equals(
        from_paths.latest(allocated(*given), given[2])
    )


@pytest.mark.parametrize("back", [0, 60])
def test_what_is_asked_in_surveys_is_what_their_results_tell(sample, back):
    given = sample.lazy, sample.settings, sample.as_of - timedelta(days=back)
    results = survey_results(*given).filter(pl.col("scope") == "org")
    columns = ["survey_id", "number", "closed_on", "question_id", "part", "subject", "headcount"]
    found = from_surveys._asked(*given)
    assert found.height > 0
    assert found.select(columns).sort(columns).equals(results.select(columns).unique().sort(columns))
    overall = results.filter(part="overall").select(*columns, "n").sort(columns)
    assert found.filter(part="overall").select(*columns, "n").sort(columns).equals(overall)
    assert overall["n"].min() > 0
    answers = survey_response.answers(*given)
    shown = survey_groups.counted(answers, sample.settings).filter(pl.col("option").is_null(), pl.col("detail") != "withheld").drop("detail")  # fmt: skip
    found = survey_groups.rated(answers, sample.settings).drop("detail")
    assert found.sort(found.columns).equals(shown.sort(found.columns))
    assert shown.height > overall.height


def test_what_nobody_owns_is_far_behind_among_all_uses(measured):
    """Shop, of red, is three versions behind, lost, of nobody, four, and till, of blue, two: far behind is more than two."""
    versions = [{"golden_path_id": "pipe", "version": f"{n}.0", "released_at": f"2026-0{n}-01"} for n in range(1, 6)]
    uses = [
        {
            "service_id": name,
            "golden_path_id": "pipe",
            "as_of": date(2026, 6, 29),
            "evidence": "uses",
            "version": version,
        }
        for name, version in (("shop", "2.0"), ("lost", "1.0"), ("till", "3.0"))
    ]
    services = [*OWNED["services"], {"service_id": "lost", "lifecycle": "production"}]
    found = measured(
        from_paths.uses_far_behind, golden_paths=[{"golden_path_id": "pipe", "title": "Pipe"}], golden_path_versions=versions,
        service_golden_path=uses, services=services, ownership=OWNED["ownership"],
    )  # fmt: skip
    assert {name: (row["k"], row["n"]) for name, row in found.items()} == {"org": (2, 3), "red": (1, 1), "blue": (0, 1)}
