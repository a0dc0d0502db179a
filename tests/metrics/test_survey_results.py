"""Waves, groups and results of surveys on companies small enough to be worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from idp_analytics.answers import ORG
from idp_analytics.estimates import disclosure_audit
from idp_analytics.metrics import survey_change, survey_groups, survey_response, survey_results, survey_waves
from idp_analytics.settings import Settings

TEAMS = ("red", "blue", "green")


def given_answers(
    wave: str, day: str, team: str | None, values: Sequence[float], question: str = "satisfaction@1", start: int = 0
) -> list[dict[str, Any]]:
    return [
        {"response_id": f"{wave}-{team}-{n}", "question_id": question, "value_index": 0, "survey_id": "devex", "wave": wave,
         "team_id": team, "submitted_at": day, "value": float(value), "scale_min": 1.0, "scale_max": 5.0}
        for n, value in enumerate(values, start)
    ]  # fmt: skip


def people(**teams: int) -> dict[str, list[dict[str, Any]]]:
    names = [(team, f"{team}-{n}") for team, count in teams.items() for n in range(count)]
    return {
        "teams": [{"team_id": team} for team in teams],
        "people": [{"person_id": name, "is_developer": True, "is_bot": False} for _, name in names],
        "memberships": [{"person_id": name, "team_id": team} for team, name in names],
    }


def results(tables, settings, at):
    return survey_results.survey_results(tables, settings, at)


@pytest.fixture
def ask(company, settings, as_of):
    def build(rows, at="2026-12-01", **more):
        return company(survey_responses=rows, **more), settings(), as_of(at)

    return build


def one(rows: pl.DataFrame, entity: str, wave: str, question: str | None = "satisfaction@1") -> dict[str, Any]:
    chosen = pl.col("question_id").is_null() if question is None else pl.col("question_id") == question
    return rows.filter(pl.col("entity_id") == entity, pl.col("wave") == wave, chosen).row(0, named=True)


def test_a_wave_is_closed_before_anything_of_it_is_told(ask):
    rows = given_answers("w1", "2026-03-02", "red", [4, 5, 3, 2, 4, 1])
    rows += given_answers("w1", "2026-03-23", "red", [5], start=90)  # day 21: too late
    rows += given_answers("w2", "2026-06-01", "red", [4, 4, 4, 4, 4, 2])
    tables, settings, at = ask(rows, "2026-06-10")
    waves = survey_waves.waves(tables, settings, at)
    assert waves.select("wave", "opened_on", "closed_on", "is_closed", "responses", "late", "number").rows() == [
        ("w1", date(2026, 3, 2), date(2026, 3, 23), True, 6, 1, 1),
        ("w2", date(2026, 6, 1), date(2026, 6, 22), False, 6, 0, 2),
    ]
    told = results(*ask(rows, "2026-06-10"))
    assert told["wave"].unique().to_list() == ["w1"]


def test_a_late_answer_never_changes_what_was_published(ask):
    rows = given_answers("w1", "2026-03-02", "red", [4, 5, 3, 2, 4, 1])
    late = given_answers("w1", "2026-04-20", "red", [5], start=90)
    assert results(*ask(rows)).equals(results(*ask(rows + late)))


def test_a_share_of_the_team_and_what_the_silent_could_make_of_it(ask):
    # Nine of twelve answered, six of them favourably; the interval is that of 9 · 11 ÷ 3 = 33 answers.
    rows = given_answers("w1", "2026-03-02", "red", [4, 5, 4, 4, 5, 4, 3, 2, 1])
    row = one(results(*ask(rows, **people(red=12))), ORG, "w1")
    assert (row["n"], row["k"], row["headcount"], row["detail"]) == (9, 6, 12, "favourable")
    assert (row["share"], row["low"], row["high"]) == pytest.approx((0.6667, 0.4961, 0.8025), abs=1e-4)
    assert (row["worst_low"], row["worst_high"]) == (0.5, 0.75)
    assert row["verdict"] == "not identified"
    response = one(results(*ask(rows, **people(red=12))), ORG, "w1", None)
    assert (response["k"], response["n"], response["share"]) == (9, 12, 0.75)


def test_one_team_of_a_whole_is_as_withheld_as_the_rest_of_it(ask):
    # blue has four: without blue, red less the whole would be blue.
    rows = given_answers("w1", "2026-03-02", "red", [4, 5, 4, 4, 5, 4, 3, 2, 1, 2, 3, 4])
    rows += given_answers("w1", "2026-03-02", "blue", [1, 4, 4, 2])
    told = results(*ask(rows, **people(red=14, blue=4)))
    withheld = told.filter(pl.col("verdict") == "suppressed", pl.col("question_id").is_not_null())
    assert sorted(withheld["entity_id"]) == ["blue", "red"]
    assert (
        withheld.select("n", "k", "share", "low", "high", "median", "worst_low").null_count().sum_horizontal().item()
        == 14
    )
    # Of four people not even how many answered is told.
    assert one(told, "blue", "w1", None)["k"] is None


def test_people_of_no_known_team_are_never_shown_and_hide_another(ask):
    rows = given_answers("w1", "2026-03-02", "red", [4, 5, 4, 4, 5, 4, 3, 2, 1, 2, 3, 4])
    rows += given_answers("w1", "2026-03-02", "blue", [4, 5, 1, 2, 3, 4]) + given_answers(
        "w1", "2026-03-02", "gone", [5, 1]
    )
    told = results(*ask(rows, **people(red=14, blue=8)))
    rated = told.filter(pl.col("question_id") == "satisfaction@1")
    # red less the whole would tell each answer of only eight: it shows no more than how many were favourable.
    assert dict(rated.select(pl.col("entity_id").fill_null("?"), "detail").iter_rows()) == {
        ORG: "answers", "red": "favourable", "blue": "withheld", "?": "withheld",
    }  # fmt: skip


def test_a_change_is_told_by_its_interval(ask):
    rows = given_answers("w1", "2026-03-02", "red", [4] * 10 + [2] * 20) + given_answers(
        "w2", "2026-06-02", "red", [4] * 22 + [2] * 8
    )
    row = one(results(*ask(rows, **people(red=40))), ORG, "w2")
    # Wilson: 22 of 30 0.5555–0.8582, 10 of 30 0.1923–0.5122; 0.4 − √(0.1778² + 0.1789²), 0.4 + √(0.1249² + 0.1410²).
    assert (row["change"], row["change_low"], row["change_high"]) == pytest.approx((0.4, 0.1478, 0.5883), abs=1e-4)
    assert row["verdict"] == "improved"
    # 10·22·½ + 20·22 + 20·8·½ of 900 pairs, ties half: 630 ÷ 900.
    assert row["higher"] == pytest.approx(0.7)


def test_a_changed_wording_starts_anew(ask):
    rows = given_answers("w1", "2026-03-02", "red", [4] * 10 + [2] * 20, "documentation@1")
    rows += given_answers("w2", "2026-06-02", "red", [4] * 22 + [2] * 8, "documentation@2")
    row = one(results(*ask(rows, **people(red=40))), ORG, "w2", "documentation@2")
    assert row["change"] is None
    assert row["verdict"] == "not identified"


def test_a_change_of_few_people_is_not_shown(ask):
    rows = given_answers("w1", "2026-03-02", "red", [4] * 6 + [2] * 6) + given_answers(
        "w2", "2026-06-02", "red", [4] * 9 + [2] * 4
    )
    rows += given_answers("w1", "2026-03-02", "blue", [4] * 6 + [2] * 6) + given_answers(
        "w2", "2026-06-02", "blue", [4] * 9 + [2] * 4
    )
    made = people(red=14, blue=14)
    made["people"].append({"person_id": "new", "is_developer": True, "is_bot": False})
    made["memberships"].append({"person_id": "new", "team_id": "red", "valid_from": "2026-05-01"})
    made["memberships"] = [
        {**row, "valid_from": date.fromisoformat(row["valid_from"])} if "valid_from" in row else row
        for row in made["memberships"]
    ]
    told = results(*ask(rows, **made))
    red, blue = one(told, "red", "w2"), one(told, "blue", "w2")
    assert red["change"] is None
    assert survey_change.FEW_MOVED in red["caution"]
    assert blue["change"] is not None


def test_net_promoter_score_by_hand_and_no_trend_below_thirty(ask):
    rows = given_answers("w1", "2026-03-02", "red", [10] * 14 + [7] * 10 + [3] * 6, "recommend@1")
    rows += given_answers("w2", "2026-06-02", "red", [10] * 14 + [7] * 10 + [3] * 5, "recommend@1")
    for row in rows:
        row["scale_min"], row["scale_max"] = 0.0, 10.0
    told = results(*ask(rows, **people(red=40)))
    first, second = one(told, ORG, "w1", "recommend@1"), one(told, ORG, "w2", "recommend@1")
    assert (first["score"], first["score_low"], first["score_high"]) == pytest.approx(
        (26.6667, -2.0255, 50.5103), abs=1e-4
    )
    assert second["change"] is None
    assert survey_change.FEW_SCORES in second["caution"]


def test_answers_nobody_gave_are_put_with_their_neighbours(ask):
    # Nobody said 1 or 3; 1 goes with 2, and 3 has nobody below it on its side but 2.
    rows = given_answers("w1", "2026-03-02", "red", [2] * 4 + [4] * 5 + [5] * 3)
    bands = survey_results.survey_answers(*ask(rows, **people(red=12)))
    assert bands.filter(scope="org").select("answer_low", "answer_high", "is_favourable", "n").rows() == [
        (1.0, 3.0, False, 4), (4.0, 4.0, True, 5), (5.0, 5.0, True, 3),
    ]  # fmt: skip
    assert bands.filter(scope="org")["share"].sum() == pytest.approx(1.0)


def test_given_answers_are_of_all_who_answered(ask):
    rows = given_answers("w1", "2026-03-02", "red", [4] * 8 + [2] * 4)
    rows += [
        {
            **row,
            "question_id": "blockers@1",
            "value": None,
            "scale_min": None,
            "scale_max": None,
            "label": "flaky builds",
        }
        for row in rows[:5]
    ]
    told = results(*ask(rows, **people(red=12))).filter(pl.col("option") == "flaky builds", pl.col("scope") == "org")
    assert told.select("n", "k").row(0) == (12, 5)


def test_nothing_asked_nothing_told(ask):
    tables, settings, at = ask([])
    assert results(tables, settings, at).is_empty()
    assert survey_results.survey_answers(tables, settings, at).is_empty()


def test_who_leaves_is_not_among_these(ask):
    rows = given_answers("w1", "2026-03-02", "red", [9] * 12, "would-return@1")
    assert results(*ask(rows, **people(red=20))).filter(pl.col("question_id").is_not_null()).is_empty()


# --- the attacker has both studies --------------------------------------------------------------------------------------

waves = st.fixed_dictionaries({team: st.lists(st.integers(1, 5), max_size=16) for team in (*TEAMS, "white", None)})


@given(waves)
@hypothesis_settings(max_examples=40, deadline=None)
def test_all_that_is_published_pins_nothing_that_is_withheld(company, settings, as_of, wave):
    rows = [row for team, values in wave.items() for row in given_answers("w1", "2026-03-02", team, values)]
    tables = company(survey_responses=rows, **people(**dict.fromkeys((*TEAMS, "white"), 20)))
    told = results(tables, settings(), as_of("2026-12-01")).filter(pl.col("question_id") == "satisfaction@1")
    bands = survey_results.survey_answers(tables, settings(), as_of("2026-12-01"))
    people_of = {team: values for team, values in wave.items() if values}
    statements = []
    for row in told.filter(pl.col("detail") != "withheld").to_dicts():
        inside = [t for t in people_of if row["scope"] == "org" or t == row["entity_id"]]
        for number, values, total in ((4, (4, 5), row["k"]), (1, (1, 2, 3), row["n"] - row["k"])):
            statements += [(f"{row['entity_id']}/{number}", f"{t}/{v}", total) for t in inside for v in values]
    for row in bands.to_dicts():
        inside = [t for t in people_of if row["scope"] == "org" or t == row["entity_id"]]
        values = range(int(row["answer_low"]), int(row["answer_high"]) + 1)
        statements += [(f"{row['entity_id']}/{values}", f"{t}/{v}", row["n"]) for t in inside for v in values]
    if not statements:
        return
    whole = pl.DataFrame(statements, schema=["statement", "cell", "total"], orient="row")
    pinned = set(disclosure_audit.fixed(whole.select("statement", "cell"), whole.select("statement", "total").unique()))
    full = {row["entity_id"] for row in told.to_dicts() if row["detail"] == "answers"}
    half = {row["entity_id"] for row in told.to_dicts() if row["detail"] == "favourable"}
    for team in set(people_of) - full:
        known = {cell for cell in pinned if cell.startswith(f"{team}/")}
        if team not in half:
            assert not known


def test_groups_are_counted_once(ask):
    rows = given_answers("w1", "2026-03-02", "red", [4] * 8 + [2] * 4) + given_answers(
        "w1", "2026-03-02", "blue", [4] * 8 + [2] * 4
    )
    tables, settings, at = ask(rows, **people(red=14, blue=14))
    counts = survey_groups.counted(survey_response.answers(tables, settings, at), settings)
    assert counts.select("scope", "n", "k").sort("scope").rows() == [("org", 24, 16), ("team", 12, 8), ("team", 12, 8)]


# --- what would tell of single people ---------------------------------------------------------------------------------


def chosen(rows, labels, question="pain-points@1"):
    return [
        {**row, "question_id": question, "value": None, "scale_min": None, "scale_max": None, "label": label}
        for row, label in zip(rows, labels, strict=False)
    ]


def test_what_somebody_typed_is_no_option(ask):
    rated = given_answers("w1", "2026-03-02", "red", [4] * 8 + [2] * 6)
    typed = chosen(
        rated, ["flaky builds"] * 11 + ["our lead stops everything", "whoever wrote the deploy script"], "blockers@1"
    )
    told = results(*ask(rated + typed, **people(red=20)))
    options = told.filter(pl.col("k") > 0, scope="org", question_id="blockers@1").select("option", "k", "n")
    # Eleven may be quoted; one and one are two people with another answer.
    assert sorted(options.rows()) == [("another answer", 2, 14), ("flaky builds", 11, 14)]
    assert not set(told.select(pl.col(pl.String)).unpivot()["value"]) & {"our lead stops everything"}


def test_an_answer_nobody_gave_is_not_told_by_its_absence(company, as_of):
    settings = Settings("t", "T", Path())
    question = next(one for one in settings.questions.values() if one.kind == "several" and one.part != "exit")
    rated = given_answers("w1", "2026-03-02", "red", [4] * 8 + [2] * 6) + given_answers(
        "w1", "2026-03-02", "blue", [4, 2, 1]
    )
    rows = rated + chosen(rated, question.choices[:1] * 7, question.id)
    told = results(company(survey_responses=rows, **people(red=20, blue=4)), settings, as_of("2026-12-01"))
    assert set(told.filter(question_id=question.id)["option"]) == set(question.choices)
    # Nobody gave the second: nobody of blue did either, so that it is withheld.
    second = told.filter(option=question.choices[1])
    assert set(second["detail"]) == {"withheld"}


def test_who_answered_is_told_of_no_small_team(ask):
    # All six of blue answered and three of green's four: of blue it would be known of each, of green by subtraction.
    rows = given_answers("w1", "2026-03-02", "red", [4] * 8 + [2] * 4)
    rows += given_answers("w1", "2026-03-02", "blue", [4, 4, 2, 4, 2, 1]) + given_answers(
        "w1", "2026-03-02", "green", [4, 2, 2]
    )
    told = results(*ask(rows, **people(red=14, blue=6, green=4)))
    responses = told.filter(pl.col("kind") == "response")
    assert dict(responses.select("entity_id", "k").iter_rows()) == {ORG: 21, "red": 12, "blue": None, "green": None}


def test_whether_anybody_of_a_small_team_answered_is_not_told(ask):
    rows = given_answers("w1", "2026-03-02", "red", [4] * 8 + [2] * 4)
    rows += given_answers("w1", "2026-03-02", "blue", [4, 4, 2, 4, 2, 1])
    somebody = given_answers("w1", "2026-03-02", "green", [4])
    made = people(red=14, blue=8, green=1)
    quiet, said = results(*ask(rows, **made)), results(*ask(rows + somebody, **made))
    assert quiet.filter(entity_id="green").equals(said.filter(entity_id="green"))


def test_who_left_the_company_left_the_team(ask):
    rows = [
        row for team in ("red", "blue") for wave, day, values in (("w1", "2026-03-02", [4] * 6 + [2] * 6), ("w2", "2026-06-02", [4] * 9 + [2] * 4))
        for row in given_answers(wave, day, team, values)
    ]  # fmt: skip
    made = people(red=14, blue=14)
    gone = {"ended_on": date(2026, 4, 1)}
    made["people"] = [{**row, **(gone if row["person_id"] == "red-0" else {})} for row in made["people"]]
    # Five bots that came too are nobody's answers: it is still the change of one person.
    made["people"] += [{"person_id": f"bot-{n}", "is_developer": False, "is_bot": True} for n in range(5)]
    made["memberships"] += [
        {"person_id": f"bot-{n}", "team_id": "red", "valid_from": date(2026, 5, 1)} for n in range(5)
    ]
    told = results(*ask(rows, **made))
    assert one(told, "red", "w2")["change"] is None
    assert one(told, "blue", "w2")["change"] is not None


members = st.tuples(st.integers(0, 14), st.integers(0, 3), st.lists(st.integers(0, 3), min_size=17, max_size=17))
"""Who answered, who did not, and which of two given answers each who did gave: none, one, the other or both."""


@given(st.fixed_dictionaries(dict.fromkeys((*TEAMS, "white"), members)))
@hypothesis_settings(max_examples=10, deadline=None, phases=(Phase.generate,))
def test_no_count_of_who_answered_or_chose_follows_from_all_others(company, settings, as_of, teams):
    """Responses, and the number of people beside every given answer, are statements about the same people."""
    rows, options = [], ("slow builds", "old docs")
    for team, (answered, _, choices) in teams.items():
        mine = given_answers("w1", "2026-03-02", team, [4] * answered)
        rows += mine
        for row, choice in zip(mine, choices, strict=False):
            for place, option in enumerate(options):
                if choice & (place + 1):
                    rows += [{**chosen([row], [option])[0], "value_index": place}]
    made = people(**{team: answered + silent for team, (answered, silent, _) in teams.items() if answered + silent})
    made["teams"] = [{"team_id": team} for team in teams]
    told = results(company(survey_responses=rows, **made), settings(), as_of("2026-12-01"))
    somebody = [
        team for team, (answered, silent, _) in teams.items() if answered + silent
    ]  # who may have, for all one knows

    def inside(entity):
        return somebody if entity == ORG else [entity] if entity in somebody else []

    given_rows = told.filter(pl.col("option").is_not_null(), pl.col("k").is_not_null()).to_dicts()
    counted = [
        (row["entity_id"], row["k"]) for row in told.filter(pl.col("kind") == "response").drop_nulls("k").to_dicts()
    ]
    counted += [(row["entity_id"], row["n"]) for row in given_rows]
    for option in {row["option"] for row in given_rows}:
        statements = [(f"n {e} {n}", f"{t}/{side}", n) for e, n in counted for t in inside(e) for side in ("yes", "no")]
        mine = [row for row in given_rows if row["option"] == option]
        statements += [(f"k {r['entity_id']}", f"{t}/yes", r["k"]) for r in mine for t in inside(r["entity_id"])]
        whole = pl.DataFrame(statements, schema=["statement", "cell", "total"], orient="row").unique()
        pinned = disclosure_audit.fixed(whole.select("statement", "cell"), whole.select("statement", "total").unique())
        shown = {row["entity_id"] for row in mine}
        assert not {cell for cell in pinned if cell.split("/")[0] not in shown}
    responses = pl.DataFrame(
        [(f"{e}", t, n) for e, n in counted for t in inside(e)], schema=["statement", "cell", "total"], orient="row"
    ).unique()
    if responses.height:
        pinned = disclosure_audit.fixed(
            responses.select("statement", "cell"), responses.select("statement", "total").unique()
        )
        assert not set(pinned) - {entity for entity, _ in counted}
