"""Parts of a mart: what a team's report reads of them is what it would read of the mart."""

from __future__ import annotations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from idp_analytics.charts import funnel
from idp_analytics.metrics import STUDIES
from idp_analytics.report import parts
from idp_analytics.report.mart import Mart
from idp_analytics.report.parts import Opened
from idp_analytics.report.reports import TeamReport
from idp_analytics.report.view import View

FRAMES = ("answers", "coverage", "rejected", "checks", "loads", "teams", "services")


@pytest.fixture(scope="module")
def folder(mart, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mart")
    mart.write(folder)
    return folder


@pytest.mark.parametrize("team", ["payments", "platform"])
def test_a_part_holds_what_the_mart_holds_of_a_team_in_the_same_order(mart, folder, team):
    plain = Mart.read(folder, team)
    made = mart.parts(folder)
    try:
        made.add(team)
        cut = Mart.read(folder, team)
        assert isinstance(cut.studies, Opened)
        for name in FRAMES:
            assert_frame_equal(getattr(cut, name), getattr(plain, name))
        for study in STUDIES:
            assert_frame_equal(cut.studies[study.name], plain.studies[study.name])
        of_part, of_mart = (View(m, "team", team, m.period()) for m in (cut, plain))
        for study in STUDIES:
            assert_frame_equal(of_part.own(study.name), of_mart.own(study.name))
    finally:
        made.close()
    assert not (folder / parts.FOLDER).exists()


def test_without_its_part_a_team_reads_the_mart(mart, folder):
    made = mart.parts(folder)
    try:
        made.add("payments")
        made.drop("payments")
        made.drop("payments")  # as when a report is made twice
        for team in ("payments", "search"):
            assert not isinstance(Mart.read(folder, team).studies, Opened)
    finally:
        made.close()


def test_rows_of_a_team_that_lie_apart_are_put_together_in_their_order(tmp_path):
    study = pl.DataFrame({
        "scope": ["org", "team", "team", "team", "service"], "entity_id": ["org", "b", "a", "b", "b"], "x": [1, 2, 3, 4, 5],
    })  # fmt: skip
    coverage = pl.DataFrame({"team_id": ["b", None, "a"], "rows": [6, 7, 8]})
    made = parts.Parts(tmp_path, {"study": study, "loads": pl.DataFrame({"path": ["f"]})}, {"coverage": coverage})
    for team in ("a", "b", "../c"):
        made.add(team)
    a, b, c = (parts.opened(tmp_path, team) for team in ("a", "b", "../c"))
    assert [opened["study"]["x"].to_list() for opened in (a, b, c)] == [[1, 3], [1, 2, 4], [1]]
    assert [opened.own("study")["x"].to_list() for opened in (a, b, c)] == [[3], [2, 4], []]
    assert [opened["coverage"]["rows"].to_list() for opened in (a, b, c)] == [[8], [6], []]
    assert a["loads"]["path"].to_list() == ["f"]
    assert sorted(a) == ["coverage", "loads", "study"]
    assert len(a) == 3


def test_what_lies_in_one_bundle_is_opened_and_asked_once_for_all_its_teams(tmp_path, monkeypatch):
    study = pl.DataFrame({
        "scope": ["org", *["team"] * 5], "entity_id": ["org", "b", "b", "a", "c", "a"], "x": [0, 1, 2, 3, 4, 5],
    })  # fmt: skip
    made = parts.Parts(
        tmp_path, {"study": study, "empty": study.clear()}, {"coverage": pl.DataFrame({"team_id": ["c"]})}
    )
    made.add("c", "a", "d")
    made.add("b")
    read, asked = [], []
    deserialize = pl.DataFrame.deserialize
    monkeypatch.setattr(pl.DataFrame, "deserialize", lambda source: read.append(source) or deserialize(source))

    def odd(frame):
        asked.append(frame)
        return frame.filter(pl.col("x") % 2 == 1).reverse()

    told = {
        team: parts.opened(tmp_path, team).together("study", "odd", odd)["x"].to_list() for team in ("a", "c", "d", "b")
    }
    assert told == {"a": [5, 3], "c": [], "d": [], "b": [1]}
    assert len(asked) == 2
    assert len(read) == 2
    assert parts.opened(tmp_path, "b").together("empty", "odd", odd).is_empty()
    made.drop("a")
    assert parts.opened(tmp_path, "a") is None
    assert parts.opened(tmp_path, "c").own("study")["x"].to_list() == [4]
    made.drop("c")
    made.drop("d")
    assert sorted(path.name for path in made.place.iterdir()) == ["_2", parts.OF_ALL, "b"]


def test_a_frame_is_read_when_it_is_asked_for(tmp_path, monkeypatch):
    study = pl.DataFrame({"scope": ["org", "team"], "entity_id": ["org", "a"], "x": [1, 2]})
    coverage = pl.DataFrame({"team_id": ["a"], "rows": [6]})
    made = parts.Parts(tmp_path, {"study": study, "other": study}, {"coverage": coverage})
    made.add("a")
    read = []
    deserialize = pl.DataFrame.deserialize
    monkeypatch.setattr(pl.DataFrame, "deserialize", lambda source: read.append(source) or deserialize(source))
    opened = parts.opened(tmp_path, "a")
    assert not read
    assert opened.own("study")["x"].to_list() == [2]
    assert len(read) == 1
    assert [opened["study"]["x"].to_list() for _ in range(2)] == [[1, 2], [1, 2]]
    assert len(read) == 2


def test_what_all_teams_have_is_read_once_as_long_as_it_is_the_same(tmp_path, monkeypatch):
    def kept(x):
        study = pl.DataFrame({"scope": ["org", "team", "team"], "entity_id": ["org", "a", "b"], "x": [x, 2, 3]})
        made = parts.Parts(tmp_path, {"study": study}, {"coverage": pl.DataFrame({"team_id": ["a"]})})
        for team in ("a", "b"):
            made.add(team)

    read = []
    deserialize = pl.DataFrame.deserialize
    monkeypatch.setattr(pl.DataFrame, "deserialize", lambda source: read.append(source) or deserialize(source))
    kept(1)
    assert [parts.opened(tmp_path, team)["study"]["x"].to_list() for team in ("a", "b")] == [[1, 2], [1, 3]]
    assert len(read) == 3
    kept(4)
    assert parts.opened(tmp_path, "a")["study"]["x"].to_list() == [4, 2]


def test_what_is_the_same_for_all_teams_is_made_once_as_long_as_their_mart_is(mart, folder, monkeypatch):
    made = []
    marks = funnel.marks
    monkeypatch.setattr(funnel, "marks", lambda rows: made.append(rows) or marks(rows))

    def places(name):
        return [
            TeamReport(View(m, "team", t, m.period())).place(name).outputs()
            for t in teams
            for m in [Mart.read(folder, t)]
        ]

    teams = ("payments", "platform")
    told = {name: places(name) for name in ("change_fail_rate", "change_lead_time")}
    assert len(made) == 4
    for _ in range(2):
        made.clear()
        kept = mart.parts(folder)
        try:
            for team in teams:
                kept.add(team)
            assert {name: places(name) for name in told} == told
        finally:
            kept.close()
        assert len(made) == 2


def test_a_section_that_is_the_same_for_all_teams_is_made_and_shown_once(mart, folder):
    kept = mart.parts(folder)
    try:
        kept.add("payments", "platform")
        views = [View(Mart.read(folder, team), "team", team, mart.period()) for team in ("payments", "platform")]
        one, other = (TeamReport(view).provenance() for view in views)
        assert one is other
        assert one.outputs() is other.outputs()
        plain = TeamReport(View(mart, "team", "payments", mart.period()))
        assert one.outputs() == plain.provenance().outputs()
        assert TeamReport(views[0]).quality().outputs() == plain.quality().outputs()
        assert TeamReport(views[0]).course("change_fail_rate").outputs() == plain.course("change_fail_rate").outputs()
        assert views[0].by_metric("nine_in_ten") == plain.view.by_metric("nine_in_ten")
    finally:
        kept.close()


def test_parts_left_by_a_run_that_was_killed_are_gone(tmp_path):
    frames = (
        {"study": pl.DataFrame({"scope": ["team"], "entity_id": ["a"]})},
        {"coverage": pl.DataFrame({"team_id": ["a"]})},
    )
    parts.Parts(tmp_path, *frames).add("a")
    parts.Parts(tmp_path, *frames)
    assert parts.opened(tmp_path, "a") is None


def test_every_study_says_the_organisation_first(mart):
    assert all(mart.studies[study.name]["scope"].is_sorted() for study in STUDIES)
