"""Themes of comments: counted, withheld, measured against people, linked to ratings; and why people left. Worked by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import polars as pl
import pytest

from idp_analytics.metrics import exit_reasons, theme_links, theme_quality, themes
from idp_analytics.settings.questions import shipped_questions

WRITTEN = {
    "doc": "The docs are old.",
    "wait": "Waiting for approval again.",
    "both": "No docs, and approvals take days.",
    "none": "All fine.",
}


def comment(number, kind, team="red", wave="w1", day="2026-03-02", question="comment@1"):
    return {"response_id": f"{wave}-{number}", "question_id": question, "value_index": 0, "survey_id": "devex", "wave": wave,
            "team_id": team, "submitted_at": day, "text": WRITTEN[kind]}  # fmt: skip


def rating(number, value, wave="w1", day="2026-03-02"):
    return {"response_id": f"{wave}-{number}", "question_id": "satisfaction@1", "value_index": 0, "survey_id": "devex", "wave": wave,
            "team_id": "red", "submitted_at": day, "value": float(value), "scale_min": 1.0, "scale_max": 5.0}  # fmt: skip


KINDS = ["doc"] * 6 + ["wait"] * 5 + ["both"] * 2 + ["none"] * 7


@pytest.fixture
def made(company, settings, as_of):
    def build(rows, **more):
        return (
            company(survey_responses=rows, teams=[{"team_id": "red"}, {"team_id": "blue"}], **more),
            settings(),
            as_of("2026-12-01"),
        )

    return build


def counts(rows, team="org"):
    told = rows.filter(pl.col("entity_id") == team)
    return {row["theme"]: (row["k"], row["n"]) for row in told.to_dicts()}


def test_a_comment_may_have_several_themes_or_none(made):
    told = themes.themes(*made([comment(n, kind) for n, kind in enumerate(KINDS)]))
    found = counts(told)
    assert found["documentation"] == (8, 20)
    assert found["approvals"] == (7, 20)
    assert found[themes.ANY] == (13, 20)
    row = told.filter(theme="documentation", entity_id="org").row(0, named=True)
    assert (row["share"], row["low"], row["high"]) == pytest.approx((0.4, 0.2188, 0.6134), abs=1e-4)
    assert set(told["version"]) == {1}


def test_themes_of_few_are_withheld_and_so_is_who_would_give_them_away(made):
    rows = [comment(n, kind) for n, kind in enumerate(KINDS)] + [comment(n, "doc", "blue") for n in range(90, 94)]
    told = themes.themes(*made(rows))
    assert counts(told, "blue")["documentation"] == (None, None)
    assert counts(told, "red")["documentation"] == (None, None)
    assert counts(told)["documentation"] == (12, 24)


def test_fewer_comments_than_ten_have_no_themes(made):
    assert set(counts(themes.themes(*made([comment(n, "both") for n in range(9)]))).values()) == {(None, None)}


def test_comments_of_leavers_are_elsewhere(made):
    rows = [comment(n, kind, question="exit-comment@1") for n, kind in enumerate(KINDS)]
    assert themes.themes(*made(rows)).is_empty()


def test_no_word_of_a_comment_leaves_the_study(made):
    told = themes.comments(*made([comment(n, kind) for n, kind in enumerate(KINDS)]))
    assert "text" not in told.columns
    assert not set(told.select(pl.col(pl.String)).unpivot()["value"]) & set(WRITTEN.values())


def test_the_codebook_is_measured_against_people(made):
    rows = [comment(n, kind) for n, kind in enumerate(KINDS * 2)]
    codes = []
    for number, kind in enumerate(KINDS * 2):
        has = kind in ("doc", "both")
        one, other = has, has and number % 8 != 0  # the second overlooks some
        codes += [
            {
                "response_id": f"w1-{number}",
                "question_id": "comment@1",
                "coder": coder,
                "theme": "documentation" if found else "none",
            }
            for coder, found in (("one", one), ("two", other))
        ]
    codes.append({"response_id": "w1-0", "question_id": "comment@1", "coder": "three", "theme": "approvals"})
    row = theme_quality.theme_quality(*made(rows, comment_codes=codes)).filter(theme="documentation").row(0, named=True)
    # 16 of 40 are about documentation; one of the two readers at least says so of each, and the words find all.
    assert (row["n"], row["people"], row["words"], row["both"]) == (40, 15, 16, 15)
    assert row["recall"] == 1.0
    assert row["precision"] == 15 / 16
    assert row["is_sound"] is True


def test_what_nobody_read_is_not_measured(made):
    told = theme_quality.theme_quality(*made([comment(n, kind) for n, kind in enumerate(KINDS)]))
    assert set(told["is_sound"]) == {None}
    assert set(told["n"]) == {0}


def test_a_handful_of_comments_read_is_not_told_one_by_one(made):
    codes = [
        {"response_id": f"w1-{n}", "question_id": "comment@1", "coder": coder, "theme": "documentation"}
        for n in range(3) for coder in ("one", "two")
    ]  # fmt: skip
    told = theme_quality.theme_quality(*made([comment(n, kind) for n, kind in enumerate(KINDS)], comment_codes=codes))
    assert (
        told.select("people", "words", "both", "precision", "recall", "alpha").null_count().sum_horizontal().item()
        == 6 * told.height
    )


def test_what_leavers_wrote_is_in_no_quality_by_subtraction(made):
    rows = [comment(n, kind) for n, kind in enumerate(KINDS * 2)]
    left = [comment(n, "doc", question="exit-comment@1") for n in range(90, 93)]
    codes = [
        {"response_id": row["response_id"], "question_id": row["question_id"], "coder": coder, "theme": "none"}
        for row in rows + left for coder in ("one", "two")
    ]  # fmt: skip
    assert theme_quality.theme_quality(*made(rows + left, comment_codes=codes)).equals(
        theme_quality.theme_quality(*made(rows, comment_codes=codes))
    )


def test_two_comments_of_one_person_are_one_person(made):
    """Five people with two comments each on documentation are five, not ten."""
    rows = [
        row
        for n in range(20)
        for q in ("comment@1", "more@1")
        for row in [comment(n, "doc" if n < 5 else "wait", question=q)]
    ]
    rows += [rating(n, 2 if n < 5 else 4) for n in range(20)]
    row = theme_links.theme_links(*made(rows)).filter(theme="documentation").row(0, named=True)
    assert row["mention_n"] is None and row["lower"] is None


def test_the_association_across_teams_knows_only_what_teams_show(made, monkeypatch):
    """Eight teams show their comments and two of two people do not: whatever those say, rho is the same."""
    measured = pl.DataFrame(
        [("devex", "w1", f"t{team}", float(team)) for team in range(10)],
        schema=["survey_id", "wave", "team_id", "value"],
        orient="row",
    )
    monkeypatch.setattr(theme_links, "_metric", lambda *_: measured)
    monkeypatch.setattr(theme_links, "METRICS", {"approvals": "approval_queue_time"})
    big = [comment(f"{team}-{n}", "wait" if n <= team else "doc", f"t{team}") for team in range(8) for n in range(12)]

    def rho(first, second):
        few = [
            comment(f"{team}-{n}", kind, f"t{team}")
            for team, kinds in ((8, first), (9, second))
            for n, kind in enumerate(kinds)
        ]
        _, settings, at = made([])
        tables = {**made(big + few)[0], "teams": pl.LazyFrame({"team_id": [f"t{team}" for team in range(10)]})}
        return (
            theme_links.theme_links(tables, settings, at).filter(theme="approvals").select("teams", "rho", "p").rows()
        )

    some = rho(["wait", "doc", "doc"], ["wait", "wait", "doc", "doc"] * 2)
    assert some == rho(["doc", "wait", "wait"], ["wait", "wait", "doc", "doc"] * 2)
    assert some[0][0] is None or some[0][0] <= 8


def test_who_writes_of_a_theme_rates_lower(made):
    # Ten who write of documentation give 2, ten who do not give 4: every pair is lower.
    rows = (
        [comment(n, "doc" if n < 10 else "wait") for n in range(20)]
        + [rating(n, 2 if n < 10 else 4) for n in range(19)]
        + [rating(19, 2)]
    )
    row = theme_links.theme_links(*made(rows)).filter(theme="documentation").row(0, named=True)
    # Of 10 × 10 pairs 90 are lower and 10 tie: 95 of 100.
    assert (row["mention_n"], row["other_n"], row["lower"]) == (10, 10, 0.95)
    assert row["metric"] is None and row["teams"] is None


def test_ratings_of_few_are_not_compared(made):
    rows = [comment(n, "doc" if n < 9 else "wait") for n in range(20)] + [rating(n, 2) for n in range(20)]
    row = theme_links.theme_links(*made(rows)).filter(theme="documentation").row(0, named=True)
    assert row["mention_n"] is None and row["lower"] is None


def leaver(number, reasons, day):
    return [
        {"response_id": f"exit-{number}", "question_id": "exit-reasons@1", "value_index": place, "survey_id": "exit-interview", "wave": "any",
         "submitted_at": day, "label": reason} for place, reason in enumerate(reasons)
    ]  # fmt: skip


def test_reasons_of_a_whole_year_only_and_never_of_all_or_none_of_few(made):
    gone = [("2026-02-01", ["pay", "on-call"]), ("2026-03-01", ["pay"]), ("2026-05-01", ["on-call", "pay"]), ("2026-08-01", ["pay"]),
            ("2026-11-01", ["pay", "the work itself"])]  # fmt: skip
    rows = [row for number, (day, reasons) in enumerate(gone) for row in leaver(number, reasons, day)]
    rows += [comment(0, "none", day="2026-01-10")]
    told = exit_reasons.exit_reasons(*made(rows))
    assert told.is_empty()  # the year has not ended on 1 December
    tables, settings, _ = made(rows)
    whole = exit_reasons.exit_reasons(tables, settings, datetime(2027, 1, 1, tzinfo=UTC))
    found = {row["reason"]: row for row in whole.to_dicts()}
    assert (found["on-call"]["k"], found["on-call"]["n"], found["on-call"]["year_start"]) == (2, 5, date(2026, 1, 1))
    assert found["pay"]["is_withheld"] and found["pay"]["k"] is None  # all five
    assert found["moving away"]["is_withheld"]  # none of five
    few = exit_reasons.exit_reasons(*made(rows[2:])[:2], datetime(2027, 1, 1, tzinfo=UTC))
    assert few.height == 1 and few["n"].to_list() == [None]


def test_what_a_leaver_typed_is_never_told(made):
    rows = [
        row
        for n in range(8)
        for row in leaver(n, ["pay"] if n % 2 else ["my manager shouted at me"], f"2026-0{n + 1}-03")
    ]
    rows += [comment(0, "none", day="2026-01-10")]
    tables, settings, _ = made(rows)
    whole = exit_reasons.exit_reasons(tables, settings, datetime(2027, 1, 1, tzinfo=UTC))
    assert "my manager shouted at me" not in whole["reason"].to_list()
    assert dict(whole.drop_nulls("k").select("reason", "k").iter_rows()) == {"another answer": 4, "pay": 4}


def test_reasons_that_exclude_one_another_do_not_add_up_to_everybody(made, tmp_path):
    """Of seven, four and three: the third reason, which nobody gave, is put together with the least given one."""
    asked = next(one for one in shipped_questions().values() if one.id == "exit-reasons@1")
    one = replace(asked, kind="choice", choices=("pay", "work", "people"))
    rows = [row for n in range(7) for row in leaver(n, ["pay" if n < 4 else "work"], f"2026-0{n + 1}-03")]
    tables, settings, _ = made([*rows, comment(0, "none", day="2026-01-10")])
    settings = replace(settings, questions={**settings.questions, one.id: one})
    whole = exit_reasons.exit_reasons(tables, settings, datetime(2027, 1, 1, tzinfo=UTC))
    assert dict(whole.drop_nulls("k").select("reason", "k").iter_rows()) == {"pay": 4, "work or people": 3}


def test_of_few_who_left_a_reason_is_withheld_whether_one_gave_it_or_none(made):
    """Else a reason that is withheld would be one that nobody gave, or everybody."""
    rows = [
        row
        for n in range(6)
        for row in leaver(n, ["pay" if n < 3 else "the work itself"] + ["on-call"] * (n < 1), f"2026-0{n + 1}-03")
    ]
    tables, settings, _ = made([*rows, comment(0, "none", day="2026-01-10")])
    told = exit_reasons.exit_reasons(tables, settings, datetime(2027, 1, 1, tzinfo=UTC))
    assert dict(told.drop_nulls("k").select("reason", "k").iter_rows()) == {"pay": 3, "the work itself": 3}
    alike = told.filter(pl.col("reason").is_in(["on-call", "moving away"])).drop("reason")
    assert alike.height == 2 and alike.unique().height == 1


def test_a_theme_is_measured_in_waves_that_show_it(sample):
    """What two people read of a wave that withholds a theme, less what the others show, would be what it withholds."""
    shown = sample.study("themes").filter(scope="org").drop_nulls("k").select("wave", "theme")
    told = themes.comments(sample.lazy, sample.settings, sample.as_of)
    codes = sample.tables["comment_codes"].select("response_id", "question_id").unique()
    read = told.join(codes, on=["response_id", "question_id"], how="semi")
    for row in sample.study("theme_quality").to_dicts():
        waves = shown.filter(theme=row["theme"])["wave"]
        there = read.filter(pl.col("wave").is_in(waves.implode())).height
        assert row["n"] == (there if there >= theme_quality.LEAST else 0), row["theme"]


def test_the_planted_themes_come_back(sample):
    """The codebook finds what the synthetic company's comments were made of, as precisely and as fully as it says."""
    truth = json.loads((sample.settings.root / "truth.json").read_text())["voice"]["themes"]
    told = themes.comments(sample.lazy, sample.settings, sample.as_of)
    held = told.with_columns(pl.col("response_id").replace_strict(truth, default=None).alias("about")).drop_nulls(
        "about"
    )
    assert held.height > 50
    quality = {row["theme"]: row for row in sample.study("theme_quality").filter(pl.col("n") > 0).to_dicts()}
    assert len(quality) > 5
    for theme in (theme for theme in sample.settings.codebook.themes if theme.id in quality):
        there = held["about"].str.split("; ").list.contains(theme.id)
        found = held[theme.id]
        precision, recall = (there & found).sum() / found.sum(), (there & found).sum() / there.sum()
        assert quality[theme.id]["precision_low"] <= precision <= 1
        assert precision > 0.6 and recall > 0.85, theme.id


def test_why_people_left_comes_back(sample):
    truth = json.loads((sample.settings.root / "truth.json").read_text())["voice"]["exit_interviews"]
    rows = sample.study("exit_reasons").to_dicts()
    assert {row["n"] for row in rows} == {truth["answered"]}
    for row in rows:
        counted = truth["reasons"][row["reason"]]
        assert row["k"] == (counted if 1 < counted < truth["answered"] - 1 else None)
