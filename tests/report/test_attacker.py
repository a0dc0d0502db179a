"""An attacker with every report there is, written without a line of the audit: what is withheld stays open, and what would not is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from survey_building import Studies, surveyed

from idp_analytics.organisation import Organisation
from idp_analytics.publish.run import publish
from idp_analytics.report import disclosure
from idp_analytics.report.mart import Mart

ANSWERS = (1, 2, 3, 4, 5)
FAVOURABLE, OTHERS = (4, 5), (1, 2, 3)
QUESTION = "satisfaction@1"
Teams = dict[str, list[int]]

rated = st.lists(st.integers(1, 5), max_size=15)
teams = st.dictionaries(st.sampled_from(["red", "blue", "green", "white", "black"]), rated, min_size=1, max_size=5)
companies = st.tuples(teams, teams, st.booleans())
"""Answers by team, in one wave and in the one before; whether the report of the latter was made with a lower least."""


def reports(company: tuple[Teams, Teams, bool]) -> list[Studies]:
    """The report of a quarter, and the one published a quarter before."""
    now, before, was_careless = company
    return [surveyed(now, earlier=before), surveyed({}, earlier=before, least=3 if was_careless else 5)]


def known(reports: Sequence[Studies], wave: str, members: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """All that is told of a wave as sums of cells, team × answer: counts of favourable and other answers, of single answers, and what shares come to."""
    rows, totals = [], []
    for studies in reports:
        told = studies[disclosure.RESULTS].filter(pl.col("k").is_not_null(), wave=wave, question_id=QUESTION).to_dicts()
        said = [(row["entity_id"], FAVOURABLE, row["k"]) for row in told]
        said += [
            (row["entity_id"], ANSWERS, round(row["k"] / row["share"]) if row["share"] else row["n"]) for row in told
        ]
        for row in studies[disclosure.ANSWERS].filter(wave=wave, question_id=QUESTION).to_dicts():
            said.append((row["entity_id"], tuple(range(int(row["answer_low"]), int(row["answer_high"]) + 1)), row["n"]))
        for entity, answers, total in said:
            rows.append(
                [float((entity in ("org", team)) and answer in answers) for team in members for answer in ANSWERS]
            )
            totals.append(total)
    return np.array(rows).reshape(len(rows), len(members) * len(ANSWERS)), np.array(totals, float)


def width(rows: np.ndarray, totals: np.ndarray, members: Sequence[str], team: str, answers: Sequence[int]) -> float:
    """From the least to the most who may have given one of ``answers`` in ``team``, as far as anybody can know."""
    goal = np.array([float(one == team and answer in answers) for one in members for answer in ANSWERS])
    low, high = (linprog(sign * goal, A_eq=rows, b_eq=totals, bounds=(0, None)) for sign in (1, -1))
    assert low.status in (0, 3) and high.status in (0, 3)
    return float("inf") if high.status == 3 else float(-high.fun - low.fun)


def stays_open(company: tuple[Teams, Teams, bool], told: Sequence[Studies]) -> None:
    """What no report shows of a group that answered, nobody can tell."""
    disclosure.audit(told[0], told[1:])
    for wave, teams in (("w1", company[0]), ("w0", company[1])):
        members = sorted(team for team, values in teams.items() if values)
        rows, totals = known(told, wave, members)
        seen = pl.concat([one[disclosure.RESULTS] for one in told]).filter(
            pl.col("k").is_not_null(), wave=wave, question_id=QUESTION
        )
        for team in set(members) - set(seen["entity_id"]) if len(rows) else ():
            for answers in (FAVOURABLE, OTHERS, *((answer,) for answer in ANSWERS)):
                assert width(rows, totals, members, team, answers) > 0.5, (wave, team, answers)


def is_refused(company: tuple[Teams, Teams, bool], told: Sequence[Studies]) -> None:
    """All that were withheld are shown but one, who is then what is left."""
    results = told[0][disclosure.RESULTS]
    of_wave = results.filter(wave="w1", question_id=QUESTION)
    hidden = sorted(of_wave.filter(pl.col("k").is_null())["entity_id"])
    asked = [team for team in hidden if company[0].get(team)]
    if len(asked) < 2 or "org" in hidden:
        return
    victim, others = asked[0], [team for team in hidden if team != asked[0]]
    held = {team: company[0].get(team, []) for team in others}
    n = {team: len(answers) for team, answers in held.items()}
    k = {team: sum(answer in FAVOURABLE for answer in answers) for team, answers in held.items()}
    is_leak = (pl.col("wave") == "w1") & (pl.col("question_id") == QUESTION) & pl.col("entity_id").is_in(others)
    leaking = results.with_columns(
        pl.when(is_leak).then(pl.col("entity_id").replace_strict(numbers, default=None, return_dtype=pl.Int64)).otherwise(name).alias(name)
        for name, numbers in (("n", n), ("k", k))
    )  # fmt: skip
    with pytest.raises(disclosure.DisclosureError) as refused:
        disclosure.audit({**told[0], disclosure.RESULTS: leaking}, told[1:])
    assert f"devex w1, {QUESTION}, {victim}: " in str(refused.value)


few, many = (
    settings(max_examples=n, deadline=None, phases=(Phase.generate,), suppress_health_check=[*HealthCheck])
    for n in (4, 150)
)


@given(companies)
@few
def test_what_is_withheld_stays_open_and_a_planted_leak_is_refused(company: tuple[Teams, Teams, bool]) -> None:
    told = reports(company)
    stays_open(company, told)
    is_refused(company, told)


@pytest.mark.slow
@given(companies)
@many
def test_the_same_of_many_companies(company: tuple[Teams, Teams, bool]) -> None:
    told = reports(company)
    stays_open(company, told)
    is_refused(company, told)


def test_who_runs_the_reports_is_told_and_no_page_is_made(
    sample: Organisation, mart: Mart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One team of fewer than five shown after all: its name is in the error and in no file."""
    told = mart.studies[disclosure.RESULTS]
    row = told.filter(pl.col("k").is_null(), scope="team", kind="scale").row(0, named=True)
    this = [pl.col(name) == row[name] for name in ("entity_id", "wave", "question_id")]
    leaking = told.with_columns(
        pl.when(*this).then(pl.lit(value, pl.Int64)).otherwise(name).alias(name) for name, value in (("n", 3), ("k", 1))
    )
    leak = replace(mart, studies={**mart.studies, disclosure.RESULTS: leaking})
    monkeypatch.setattr(Mart, "of", lambda _organisation, **_: leak)

    def none(*_: object) -> object:
        raise AssertionError("nothing is made")

    with pytest.raises(disclosure.DisclosureError, match=f"{row['wave']}, {row['question_id']}, {row['entity_id']}: "):
        publish(sample, tmp_path, engine=none)  # type: ignore[arg-type]
    held = [
        path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size and path.parent.name != ".lease"
    ]
    assert held == []
