"""What is planted in the answers of the synthetic company is told in its truth, and is there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from idp_analytics.settings.questions import shipped_questions
from idp_analytics.sources import sample
from idp_analytics.sources.sample import respondents, surveys
from idp_analytics.sources.sample.comments import SENTENCES, THEMES

CLOSED = timedelta(days=21)


@pytest.fixture(scope="module")
def company() -> sample.Company:
    return sample.generate()


@pytest.fixture(scope="module")
def large() -> sample.Company:
    return sample.generate(teams=60, seed=7)


def survey(made: sample.Company) -> pl.DataFrame:
    return made.tables["survey_responses"].filter(pl.col("survey_id") == respondents.SURVEY)


def answers(made: sample.Company, question: str) -> pl.DataFrame:
    return made.tables["survey_responses"].filter(pl.col("question_id") == question)


def test_the_contented_answer_more(company: sample.Company, large: sample.Company) -> None:
    for made in (company, large):
        for wave in made.truth["surveys"]:
            said = answers(made, "satisfaction@1").filter(pl.col("wave") == wave["wave"])["value"].to_list()
            assert len(said) == wave["responded"] < wave["invited"]
            assert sum(said) / len(said) == pytest.approx(wave["satisfaction_of_respondents"], abs=1e-5)
        gaps = [w["satisfaction_of_respondents"] - w["satisfaction_of_all"] for w in made.truth["surveys"]]
        assert len(gaps) == 4
        assert min(gaps) > 0


def test_who_is_late_answers_after_the_wave_was_closed(company: sample.Company, large: sample.Company) -> None:
    for made in (company, large):
        for wave in made.truth["surveys"]:
            at = survey(made).filter(pl.col("wave") == wave["wave"]).unique("response_id")["submitted_at"]
            late = at.filter(at > at.min() + CLOSED)  # type: ignore[operator]
            assert len(late) == wave["late"] == surveys.LATE
            # Late is late by hours, not by a rounding, and every answer is of its own quarter.
            assert min(late) - at.min() > CLOSED + timedelta(hours=11)  # type: ignore[operator,type-var]
            quarter = {f"{day.year}-Q{(day.month + 2) // 3}" for day in at}
            assert quarter == {wave["wave"]}


def test_every_question_that_is_asked_is_answered_as_it_may_be(company: sample.Company) -> None:
    known = {**shipped_questions(), **respondents.QUESTIONS}
    rows = company.tables["survey_responses"]
    assert set(rows["question_id"]) == set(known)
    for (name,), of in rows.group_by("question_id"):
        question = known[str(name)]
        if question.kind in ("scale", "promoter"):
            assert set(of["scale_min"]) == {question.low} and set(of["scale_max"]) == {question.high}
            assert of["value"].is_between(question.low, question.high).all()
        elif question.kind in ("several", "choice"):
            assert set(of["label"]) <= set(question.choices) and of["value"].null_count() == of.height
            assert of.group_by("response_id").len()["len"].max() <= (question.most or len(question.choices))  # type: ignore[operator]
        elif question.kind == "number":
            assert of["value"].min() > 0 and of["scale_min"].null_count() == of.height  # type: ignore[operator]
        else:
            assert of["text"].null_count() == 0 and of["label"].null_count() == of.height
    assert answers(company, "improve-first@1").filter(pl.col("value_index") == 1).height > 50


def wide(made: sample.Company) -> pl.DataFrame:
    rows = survey(made).with_columns(pl.col("question_id").str.replace("@2", "@1"))
    return rows.pivot("question_id", index="response_id", values="value", aggregate_function="first")


def test_the_two_areas_that_weigh_most_go_with_satisfaction_most(large: sample.Company) -> None:
    told: dict[str, Any] = large.truth["voice"]
    weights = told["driver_weights"]
    assert told["top_two"] == ["approval-wait@1", "documentation@1"] == sorted(weights, key=lambda q: -weights[q])[:2]
    frame = wide(large).drop_nulls([*weights, "satisfaction@1"])
    # What each area adds with all others held still, by least squares, is in the order of the weights.
    design = np.column_stack([np.ones(frame.height), *(frame[question].to_numpy() for question in weights)])
    slopes = np.linalg.lstsq(design, frame["satisfaction@1"].to_numpy(), rcond=None)[0][1:]
    by_slope = [question for _, question in sorted(zip(slopes, weights, strict=True), reverse=True)]
    assert by_slope[:2] == told["top_two"]
    votes = answers(large, "improve-first@1")["label"].value_counts(sort=True)["label"].to_list()
    assert votes[:2] == ["waiting for approvals", "documentation"]


def test_other_words_are_another_question(large: sample.Company) -> None:
    told = large.truth["voice"]["rewording"]
    before, after = (answers(large, told[end]) for end in ("from", "to"))
    waves = [wave["wave"] for wave in large.truth["surveys"]]
    assert sorted(set(before["wave"])) == waves[: told["from_wave"] - 1]
    assert sorted(set(after["wave"])) == waves[told["from_wave"] - 1 :]
    gap = after["value"].mean() - before["value"].mean()  # type: ignore[operator]
    assert gap == pytest.approx(told["lift"], abs=0.15)


def test_demand_falls_with_the_price(large: sample.Company, company: sample.Company) -> None:
    for made in (large, company):
        told = made.truth["voice"]["demand"]
        assert [float(price) for price in told] == made.truth["voice"]["price"]["shown"] == [30.0, 60.0, 120.0]
        shown = answers(made, "price-shown@1").select("response_id", "value")
        said = answers(made, "keep-at-price@1").select("response_id", "label").join(shown, on="response_id")
        for price, one in told.items():
            here = said.filter(pl.col("value") == float(price))
            assert (here.height, (here["label"] == "yes").sum()) == (one["responded"], one["said_yes"])
            assert one["would_say_yes_share"] >= one["worth_it_share"]
        shares = [one["worth_it_share"] for one in told.values()]
        assert shares == sorted(shares, reverse=True) and shares[0] > shares[-1] + 0.3
    # Drawn at random: the groups are of one size, and equally content, but for chance.
    told = large.truth["voice"]["demand"]
    assert stats.chisquare([one["asked"] for one in told.values()]).pvalue > 1e-3
    frame = wide(large)
    groups = [part["satisfaction@1"].to_list() for _, part in frame.group_by("price-shown@1")]
    assert stats.kruskal(*groups).pvalue > 1e-3


def test_the_four_prices_are_mostly_in_order(company: sample.Company) -> None:
    four = ["price-too-low@1", "price-bargain@1", "price-dear@1", "price-too-high@1"]
    frame = wide(company).drop_nulls(four)
    in_order = frame.select(
        (pl.col(four[0]) < pl.col(four[1])) & (pl.col(four[1]) < pl.col(four[2])) & (pl.col(four[2]) < pl.col(four[3]))
    )
    assert 0 < in_order.to_series().sum() < frame.height


def test_comments_are_about_what_truth_says(company: sample.Company) -> None:
    told = company.truth["voice"]["themes"]
    written = dict(answers(company, "comment@1").select("response_id", "text").iter_rows())
    assert told.keys() == written.keys()
    for response, themes in told.items():
        about = {theme for theme in THEMES if any(sentence in written[response] for sentence in SENTENCES[theme])}
        assert about <= set(filter(None, themes.split("; ")))
    several = [themes for themes in told.values() if "; " in themes]
    assert len(several) > 10 and "" in told.values()
    texts = list(written.values())
    assert any("<script>" in text for text in texts) and any(
        "\u0590" <= letter <= "\u06ff" for t in texts for letter in t
    )
    hidden = company.truth["voice"]["never_shown"]
    assert any(name in text for name in hidden if " " in name for text in texts)
    assert any(address in text for address in hidden if "@" in address for text in texts)
    perfect = {sentence for sentences in SENTENCES.values() for sentence in sentences}
    assert sum(not any(sentence in text for sentence in perfect) for text in texts) > 5  # misspelt, foreign, or nothing


def test_how_far_two_coders_agree_is_counted(company: sample.Company) -> None:
    told = company.truth["voice"]["coding"]
    rows = company.codes
    one, other = (rows.filter(pl.col("coder") == name) for name in ("coder-1", "coder-2"))
    assert set(one["response_id"]) == set(other["response_id"]) and one["response_id"].n_unique() == told["comments"]
    for theme, counts in told["themes"].items():
        a, b = (set(part.filter(pl.col("theme") == theme)["response_id"]) for part in (one, other))
        assert counts == {
            "both": len(a & b), "only_coder_1": len(a - b), "only_coder_2": len(b - a),
            "neither": told["comments"] - len(a | b),
        }  # fmt: skip
    agreed = sum(counts["both"] + counts["neither"] for counts in told["themes"].values())
    assert 0.85 < agreed / (told["comments"] * len(THEMES)) < 1


def test_who_leaves_says_why(company: sample.Company, large: sample.Company) -> None:
    for made in (company, large):
        told = made.truth["voice"]["exit_interviews"]
        rows = made.tables["survey_responses"].filter(pl.col("survey_id") == "exit-interview")
        assert rows["response_id"].n_unique() == told["answered"] <= told["left"]
        assert rows["person_id"].null_count() == rows.height
        given = dict(answers(made, "exit-reasons@1")["label"].value_counts().iter_rows())
        assert given == {reason: n for reason, n in told["reasons"].items() if n}
    assert large.truth["voice"]["exit_interviews"]["answered"] >= 20


def test_teams_too_small_to_be_shown_and_the_one_that_is_not_content(company: sample.Company) -> None:
    told = company.truth["voice"]
    sizes = dict(company.tables["memberships"].group_by("team_id").len().iter_rows())
    assert {team for team, n in sizes.items() if n < 5} == set(told["teams_of_fewer_than_five"]) == {"identity", "edge"}
    assert sizes["identity"] == 4
    by_team = answers(company, "satisfaction@1").group_by("team_id").agg(pl.len(), pl.col("value").mean())
    shown = by_team.filter(~pl.col("team_id").is_in(told["teams_of_fewer_than_five"]))
    assert shown.sort("value")["team_id"][0] == told["least_content_team"] == "payments"
    smallest = (
        answers(company, "satisfaction@1").filter(pl.col("team_id") == "payments").group_by("wave").len()["len"].min()
    )
    assert smallest >= 5  # type: ignore[operator]
