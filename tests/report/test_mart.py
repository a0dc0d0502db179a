"""The mart: written and read again it is the same, one team sees its own, and unknown names are told with the nearest."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime

import polars as pl
import pytest
from answer_building import SCRIPT, answer, of_org, of_team
from answer_building import mart as made_of
from polars.testing import assert_frame_equal

from idp_analytics.errors import ReportError
from idp_analytics.metrics import STUDIES
from idp_analytics.report import mart as marts
from idp_analytics.report.mart import Mart
from idp_analytics.report.study_files import StudyFiles

FRAMES = ("answers", "coverage", "rejected", "checks", "loads", "teams", "services")
RATE = "change_fail_rate"


@pytest.fixture(scope="module")
def written(mart, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mart") / "deeper"
    return folder, mart.write(folder)


def test_what_is_written_is_read_again(mart, written):
    folder, files = written
    again = Mart.read(folder)
    for name in FRAMES:
        assert_frame_equal(getattr(again, name), getattr(mart, name))
    for study in STUDIES:
        assert_frame_equal(again.studies[study.name], mart.studies[study.name])
    assert again.meta == mart.meta
    assert sorted(files) == sorted(folder.iterdir())


def test_a_study_is_read_when_it_is_asked_for(written):
    folder, _ = written
    again = Mart.read(folder)
    view = of_org(again)
    for study in STUDIES:
        whole = pl.read_parquet(folder / f"{study.name}.parquet").filter(scope="org")
        assert_frame_equal(view.whole(study.name), whole)
        assert_frame_equal(view.own(study.name), whole.filter(entity_id="org"))
    assert isinstance(again.studies, StudyFiles)
    assert again.studies._read == {}
    assert again.studies["trend"] is again.studies["trend"]
    assert_frame_equal(again.studies.whole("trend"), again.studies["trend"].filter(scope="org"))
    assert list(again.studies) == [study.name for study in STUDIES] and len(again.studies) == len(STUDIES)
    with pytest.raises(KeyError):
        again.studies["no_such_study"]


def test_the_same_mart_gives_the_same_bytes(mart, written, tmp_path):
    _, files = written
    mart.write(tmp_path)
    assert {f.name: f.read_bytes() for f in tmp_path.iterdir()} == {f.name: f.read_bytes() for f in files}


@pytest.mark.slow
def test_any_number_of_threads_gives_the_same_bytes(written, repository, tmp_path):
    """Several threads add up in another order; no number may tell."""
    threads = 3 if pl.thread_pool_size() != 3 else 5
    code = (
        "import sys; from pathlib import Path; from idp_analytics.organisation import load; from idp_analytics.report.mart import Mart; "
        f"import polars as pl; assert pl.thread_pool_size() == {threads}; Mart.of(load(sys.argv[1])).write(Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", code, str(repository / "data" / "sample"), str(tmp_path)]
    subprocess.run(command, env={**os.environ, "POLARS_MAX_THREADS": str(threads)}, check=True)
    _, files = written
    differing = [f.name for f in files if f.read_bytes() != (tmp_path / f.name).read_bytes()]
    assert (len(files), differing) == (len(list(tmp_path.iterdir())), [])


def test_read_for_a_team_it_holds_that_team_and_the_organisation_only(mart, written):
    own = Mart.read(written[0], "payments")
    for frame in (own.answers, *own.studies.values()):
        assert set(frame.filter(scope="team")["entity_id"]) <= {"payments"}
        assert "service" not in frame["scope"].to_list()
    assert set(own.coverage["team_id"]) == {"payments"}
    assert_frame_equal(own.answers.filter(scope="org"), mart.answers.filter(scope="org"))
    assert_frame_equal(own.teams, mart.teams)


def test_answers_of_an_entity_stand_together_for_quick_reading(mart):
    assert mart.answers["entity_id"].rle().len() < 200
    assert mart.answers.filter(scope="team", entity_id="payments", metric=RATE, every="1mo")["period_start"].is_sorted()


def test_a_folder_without_a_mart_is_told(tmp_path):
    with pytest.raises(ReportError, match=r"no meta\.json in this folder"):
        Mart.read(tmp_path)


def test_what_there_is_to_know_of_the_sample(mart):
    assert mart.as_of == datetime(2026, 7, 1, tzinfo=UTC)
    assert mart.today == date(2026, 7, 1)
    assert set(marts.LIBRARIES) < set(mart.meta["versions"])
    assert mart.meta["periods"]["1q"] == ["2025-Q3", "2025-Q4", "2026-Q1", "2026-Q2"]


@pytest.mark.parametrize(
    ("as_of", "zone", "today"),
    [
        ("2026-06-30T23:30:00+00:00", "UTC", date(2026, 6, 30)),
        ("2026-06-30T23:30:00+00:00", "Europe/Berlin", date(2026, 7, 1)),
        ("2026-07-01T03:00:00+00:00", "America/New_York", date(2026, 6, 30)),
    ],
)
def test_today_is_the_day_where_the_organisation_is(as_of, zone, today):
    assert made_of(as_of=as_of, time_zone=zone).today == today


@pytest.mark.parametrize(
    ("label", "as_of", "months", "found"),
    [
        ("", "2026-07-01T00:00:00+00:00", ["2026-04", "2026-05", "2026-06"], "2026-06"),
        ("", "2026-06-30T23:00:00+00:00", ["2026-04", "2026-05", "2026-06"], "2026-05"),
        ("", "2026-06-15T00:00:00+00:00", ["2026-06"], "2026-06"),  # none is complete: the latest there is
        ("2026-04", "2026-07-01T00:00:00+00:00", ["2026-04", "2026-05"], "2026-04"),
        ("2026-Q2", "2026-07-01T00:00:00+00:00", [], "2026-Q2"),
    ],
)
def test_the_period_is_the_one_asked_for_or_the_latest_complete_month(label, as_of, months, found):
    made = made_of(as_of=as_of, periods={"1mo": months, "1q": ["2026-Q2"]})
    assert made.period(label).label == found


@pytest.mark.parametrize(
    ("label", "periods", "told"),
    [
        ("2026-09", {"1mo": ["2026-04", "2026-06"]}, "There are no answers for 2026-09. Known: 2026-04 to 2026-06."),
        ("2026-W09", {"1mo": ["2026-04"]}, "There are no answers for 2026-W09. No period of that length was computed."),
        ("2026-13", {"1mo": ["2026-04"]}, "'2026-13' is not a period."),
        ("June", {"1mo": ["2026-04"]}, "'June' is not a period."),
        ("", {"1q": ["2026-Q1"]}, "There are no answers by month, so there is no latest month. Name a period."),
    ],
)
def test_a_period_without_answers_is_told(label, periods, told):
    with pytest.raises(ReportError) as error:
        made_of(periods=periods).period(label)
    assert str(error.value).startswith(told)


def test_a_mart_of_one_period_tells_of_no_other():
    made = made_of(periods={"1mo": ["2026-04", "2026-05"], "1q": ["2026-Q2"]}, only="2026-04", asked=["--data", "x"])
    assert made.period().label == made.period("2026-04").label == "2026-04"
    for label in ("2026-05", "2026-Q2"):
        with pytest.raises(ReportError) as error:
            made.period(label)
        assert str(error.value) == (
            f"This mart was computed for 2026-04 and holds no more than its report shows. For {label} run: idp report --data x --period {label}"
        )
    with pytest.raises(ReportError, match=r"There are no answers for 2026-09\. Known: 2026-04 to 2026-05"):
        made.period("2026-09")


def test_a_team_is_known_from_the_table_or_from_its_facts():
    made = made_of(of_team("gone", answer(RATE)), teams={"pay": "Payments"})
    assert (made.team("pay"), made.team("gone")) == ("pay", "gone")


@pytest.mark.parametrize(
    ("team", "told"),
    [
        ("", "No team is named."),
        ("  ", "No team is named."),
        ("pya", "There is no team 'pya'. Did you mean 'pay'?"),
        (SCRIPT, f"There is no team '{SCRIPT}'. Known: org2, pay."),
        ("org", "There is no team 'org'. Did you mean 'org2'?"),
    ],
)
def test_an_unknown_team_is_told_with_the_nearest(team, told):
    made = made_of([answer(RATE)], teams={"pay": "Payments", "org2": None})
    with pytest.raises(ReportError) as error:
        made.team(team)
    assert str(error.value).startswith(told)


def test_answers_stand_by_entity_and_for_each_by_metric_and_time(mart):
    order = ["scope", "entity_id", "metric", "every", "period_start", "currency", "detail"]
    assert mart.answers.equals(mart.answers.sort(order))
